"""The Bellman backup as a difflab graph: what is drawn, differentiated and compiled."""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import numpy as dnp
from ..errors import InputError
from ..graph.trace import label

if TYPE_CHECKING:
    from .process import MDP

DENSE_ENTRIES = 1_000_000


def backup_function(process: MDP, P: Any = None, R: Any = None, discount: Any = None) -> Callable[[Any], Any]:
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


def expectation(process: MDP, probabilities: Any) -> Callable[[Any], Any]:
    """v -> sum over next states of p v, for each pair (K,); rows of several lengths are filled with zeros."""
    table = process.transitions
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


def best_of(process: MDP, q: Any) -> Any:
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


def backup_graph(process: MDP, state: int | None = None) -> Any:
    """The Bellman backup as a `Graph` that `dl.draw` draws: of all states, or of one state, read off as the tree of its
    actions (max) and next states (expectation).

    >>> from difflab import mdp
    >>> graph = backup_graph(mdp.gridworld((2, 2), terminals=[(1, 1)]), state=0)
    >>> [n.primitive.name for n in graph.outputs]
    ['max']
    """
    from ..graph.trace import trace

    if state is None:
        v = np.zeros(process.n_states)
        return trace(lambda v: backup_function(process)(v), v)
    if not 0 <= state < process.n_states or process.terminal[state]:
        raise InputError(f"backup_graph: state {state} is terminal or not among {process.n_states} states")
    pairs = range(process.starts[state], process.starts[state + 1])
    table = process.transitions
    reached = sorted({int(n) for k in pairs for n in table.indices[table.indptr[k] : table.indptr[k + 1]]})

    def backup(*values: Any) -> Any:
        v = dict(zip(reached, values))
        qs = []
        for k in pairs:
            a, b = table.indptr[k], table.indptr[k + 1]
            parts = [float(p) * v[int(n)] for p, n in zip(table.data[a:b], table.indices[a:b])]
            expected = reduce(operator.add, parts)
            qs.append(label(float(process.rewards[k]) + process.discount * expected, f"q{int(process.actions[k])}"))
        return np.max(dnp.stack(qs))

    graph = trace(backup, *[0.0] * len(reached))
    for node, n in zip(graph.inputs, reached):
        node.name = f"v{n}"
    return graph
