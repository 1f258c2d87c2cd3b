"""The Bellman backup as a difflab graph: what is drawn, differentiated and compiled."""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import reduce

import numpy as np

from .. import numpy as dnp
from ..errors import InputError
from ..graph.graph import Graph
from ..graph.grouping import block
from ..graph.trace import label, trace
from ..types import Value
from .checks import whole
from .process import GRAPH, MDP
from .types import Integers

DENSE_ENTRIES = 1_000_000
Backup = Callable[[Value], Value]  # v (S,) -> values of states or pairs


def backup_function(
    process: MDP, P: Value | None = None, R: Value | None = None, discount: Value | None = None
) -> Backup:
    """v (S,) -> T v (S,), in primitives; probabilities (nnz,), rewards (K,) and discount may be traced too.

    A process in which every state has every action, and which is not large, becomes a product with a dense array
    (S A, S); another one gathers, multiplies, and adds up by row.
    """
    table = process.transitions
    R = process.rewards if R is None else R
    discount = process.discount if discount is None else discount
    S, A = process.n_states, process.n_actions
    if P is None and process.regular and S * S * A <= DENSE_ENTRIES:
        dense = table.toarray()
        return lambda v: np.max(np.reshape(R + discount * (dense @ v), (S, A)), axis=1)
    expected = expectation(process, table.data if P is None else P)
    return lambda v: best_of(process, R + discount * expected(v))


def expectation(process: MDP, probabilities: Value) -> Backup:
    """v -> sum over next states of p v, for each pair (K,); rows of several lengths are filled with zeros."""
    table = process.transitions
    if not table.nnz:  # nothing follows anywhere: every state is terminal
        return lambda v: np.zeros(process.n_pairs)
    lengths = np.diff(table.indptr)
    longest = max(int(lengths.max(initial=0)), 1)
    if (lengths == longest).all():
        shape = (process.n_pairs, longest)
        return lambda v: np.sum(np.reshape(probabilities * v[table.indices], shape), axis=1)
    step = np.arange(longest)
    there = step < lengths[:, None]
    place = np.where(there, table.indptr[:-1, None] + step, 0)
    following = table.indices[place]
    return lambda v: np.sum(np.where(there, probabilities[place], 0.0) * v[following], axis=1)


def best_of(process: MDP, q: Value) -> Value:
    """The largest of q (K,) within each state (S,); 0 for a state without pairs."""
    S, A = process.n_states, process.n_actions
    if process.regular:
        return np.max(np.reshape(q, (S, A)), axis=1)
    if not process.n_pairs:
        return np.zeros(S)
    place = np.zeros((S, A), np.int64)
    there = np.zeros((S, A), bool)
    place[process.states, process.actions] = np.arange(process.n_pairs)
    there[process.states, process.actions] = True
    there[~there.any(axis=1)] = True  # terminal without pairs: whatever is read, the value is set to 0 below
    top = np.max(np.where(there, q[place], -np.inf), axis=1)
    return np.where(process.terminal, 0.0, top)


def backup_graph(process: MDP, state: int | None = None, action: int | None = None) -> Graph:
    """The Bellman backup as a `Graph` that `dl.draw` draws: of all states, or of one state, read off as the tree of its
    actions (max) and next states (expectation). With an action too it is the backup of q: r + discount times the
    expectation of the best q of each next state, whose action values q(s', a') are the inputs.

    >>> from difflab import mdp
    >>> graph = backup_graph(mdp.gridworld((2, 2), terminals=[(1, 1)]), state=0)
    >>> [n.primitive.name for n in graph.outputs]
    ['max']
    """
    if state is None:
        v = np.zeros(process.n_states)
        return trace(lambda v: backup_function(process)(v), v)
    state = alive(process, state, "backup_graph")
    if action is not None:
        return action_backup(process, state, whole(action, "backup_graph: action"))
    pairs = range(process.starts[state], process.starts[state + 1])
    reached = sorted({n for k in pairs for n, _ in following(process, k)})

    def backup(*values: Value) -> Value:
        v = dict(zip(reached, values))
        return np.max(dnp.stack([label(expected(process, k, v), f"q{int(process.actions[k])}") for k in pairs]))

    graph = trace(backup, *[0.0] * len(reached))
    for node, n in zip(graph.inputs, reached):
        node.name = f"v{n}"
    return graph


def action_backup(process: MDP, state: int, action: int) -> Graph:
    """The backup of q(state, action), from the action values of its next states; ends have none, their value is 0."""
    k = pair_of(process, state, action, "backup_graph")
    later = [n for n, _ in following(process, k) if not process.terminal[n]]
    inputs = [(n, int(a)) for n in later for a in process.actions[process.starts[n] : process.starts[n + 1]]]

    def backup(*values: Value) -> Value:
        q = dict(zip(inputs, values))
        best = {n: label(np.max(dnp.stack([q[n, a] for m, a in inputs if m == n])), f"v{n}") for n in later}
        return label(expected(process, k, best), f"q({state},{action})")

    graph = trace(backup, *[0.0] * len(inputs))
    for node, (n, a) in zip(graph.inputs, inputs):
        node.name = f"q({n},{a})"
    return graph


def following(process: MDP, k: int) -> list[tuple[int, float]]:
    """The next states of a pair, with their probabilities."""
    table = process.transitions
    a, b = table.indptr[k], table.indptr[k + 1]
    return list(zip(table.indices[a:b].tolist(), table.data[a:b].tolist()))


def expected(process: MDP, k: int, values: dict[int, Value]) -> Value:
    """r + discount times the mean of the next states' values; those that are not given are 0."""
    parts = [values[n] if p == 1 else p * values[n] for n, p in following(process, k) if n in values]
    reward = float(process.rewards[k])
    return reward + process.discount * reduce(operator.add, parts) if parts else reward


def alive(process: MDP, state: int, what: str) -> int:
    """The number of a state that is not terminal."""
    state = whole(state, f"{what}: state", least=-process.n_states)
    if not 0 <= state < process.n_states or process.terminal[state]:
        raise InputError(f"{what}: state {state} is terminal or not among {process.n_states} states")
    return state


def pair_of(process: MDP, state: int, action: Value, what: str) -> int:
    a, b = process.starts[state], process.starts[state + 1]
    found = np.flatnonzero(process.actions[a:b] == whole(action, f"{what}: action"))
    if not len(found):
        raise InputError(f"{what}: state {state} has the actions {process.actions[a:b].tolist()}, not {action}")
    return int(a + found[0])


def iteration_graph(
    process: MDP, steps: int, state: int | None = None, action: int | None = None, probabilities: bool = False
) -> Graph:
    """`MDP.graph`: value iteration on q, from q = 0. Terminal states are worth 0 and do not stand in the products."""
    steps, living = whole(steps, "graph: steps", 1), np.flatnonzero(~process.terminal)
    check_small(process, living)
    if state is not None:
        state = alive(process, state, "graph")
    if action is not None:
        if state is None:
            raise InputError(f"graph: action={action} without a state; give state= too")
        pair_of(process, state, action, "graph")
    A, ends = process.n_actions, bool(process.terminal.any())
    row = np.where(process.terminal, len(living), np.cumsum(~process.terminal) - 1)  # of a state in q; a last one of 0
    table = process.dense()[0]

    def iterate(R: Value, gamma: Value, P: Value = table) -> Value:
        if ends:
            P = P[:, living][:, :, living]
        q = r = label(R[living], "q1") if ends else R
        for k in range(1, steps):
            with block(f"backup {k + 1}"):
                v = label(np.max(q, axis=1), f"v{k}")
                q = label(r + gamma * np.transpose(P @ v), f"q{k + 1}")
        if state is None:
            return dnp.concatenate([q, np.zeros((1, A))])[row] if ends else q
        return q[row[state], action] if action is not None else label(np.max(q[row[state]]), f"v{steps}({state})")

    at = [process.table(process.rewards, missing=0.0), np.float64(process.discount), table]
    return trace(iterate, *at[: 2 + bool(probabilities)])


def check_small(process: MDP, living: Integers) -> None:
    """Refuses what has no graph of arrays (S, A) that somebody could look at."""
    if not len(living):
        raise InputError("graph: every state is terminal, there is nothing to back up")
    if process.n_actions * process.n_states**2 > DENSE_ENTRIES:
        raise InputError(
            f"graph: {process!r} has a table of more than {DENSE_ENTRIES:,} probabilities, and every backup would hold "
            "it; process.optimal_values is differentiated without its steps"
        )
    lacking = living[np.diff(process.starts)[living] < process.n_actions]
    if len(lacking):
        raise InputError(f"graph: state {lacking[0]} lacks an action; give every state all {process.n_actions} of them")


GRAPH.fill(iteration_graph)
