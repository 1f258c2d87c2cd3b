"""Every way to write a Markov decision process down, brought to one form: sorted pairs and a CSR of next states."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from ..errors import InputError, ShapeError
from ..types import Array, Params, Value
from .checks import ROW_SUM_ERROR, check, discount_of, floats, rewards_of_pairs
from .process import FROM_ARRAYS, FROM_FUNCTION, FROM_GRAPH, FROM_PAIRS, FROM_SPARSE, MDP, REPLACE
from .start import distribution, starting_in
from .types import Choices, Dynamics, Flags, Floats, Integers, Rows, Start

MOST_ACTIONS = 1_000_000


def assemble(
    P: Rows,
    rewards: Array,
    states: Integers,
    actions: Integers,
    n_states: int,
    n_actions: int,
    discount: float,
    terminals: ArrayLike | None = (),
    step_rewards: Floats | None = None,
    *,
    slack: float = ROW_SUM_ERROR,
    start: Start = None,
    **names: Value,
) -> MDP:
    """The process of sorted pairs; absorbing states without reward are terminal, and terminal rows are emptied."""
    P = summing_to_one(P) if P.dtype in (np.float32, np.float16) else Rows(P, dtype=np.float64)
    if P.nnz and not P.data.all():  # a transition that is listed and never happens
        step_rewards = None if step_rewards is None else step_rewards[P.data != 0]
        P = P.copy()
        P.eliminate_zeros()
    if P.nnz < 2**31 - 1 and P.indices.dtype != np.int32:
        P.indices, P.indptr = P.indices.astype(np.int32), P.indptr.astype(np.int32)
    states, actions = np.asarray(states, np.int64), np.asarray(actions, np.int64)
    starts = np.searchsorted(states, np.arange(n_states + 1))
    terminal = np.zeros(n_states, bool)
    terminal[terminals_of(terminals, n_states)] = True
    rewards = np.array(rewards, np.float64)
    terminal |= absorbing(P, rewards, states, n_states)
    if terminal.any():
        kept = np.repeat(~terminal[states], np.diff(P.indptr))
        counts = np.where(terminal[states], 0, np.diff(P.indptr))
        indptr = np.concatenate([[0], np.cumsum(counts)]).astype(P.indptr.dtype)
        P = Rows((P.data[kept], P.indices[kept], indptr), shape=P.shape)
        rewards[terminal[states]] = 0.0
        step_rewards = None if step_rewards is None else step_rewards[kept]
    process = MDP(
        P, rewards, starts, actions, discount_of(discount), terminal, n_actions, reward_of_step=step_rewards, **names
    )
    return starting_in(check(process, slack), start)


def summing_to_one(P: Rows) -> Rows:
    """Probabilities given in single precision: rows that sum to 1 as far as it can tell are scaled to do so."""
    found, unit = Rows(P, dtype=np.float64), np.finfo(P.dtype).eps
    sums, lengths = np.asarray(found.sum(axis=1)).ravel(), np.diff(found.indptr)
    near = np.abs(sums - 1) <= unit * np.maximum(lengths, 4)
    found.data = found.data / np.repeat(np.where(near, sums, 1.0), lengths)
    return found


def absorbing(P: Rows, rewards: Floats, states: Integers, n_states: int) -> Flags:
    """States that every action leaves where they are, without reward; discount 1 would leave their value open."""
    alone = np.diff(P.indptr) == 1
    first = P.indptr[:-1][alone]
    stays = np.zeros(len(states), bool)
    stays[alone] = (P.indices[first] == states[alone]) & (np.abs(P.data[first] - 1) < 1e-12)
    leaves = np.bincount(states[~(stays & (rewards == 0))], minlength=n_states)
    return np.asarray((leaves == 0) & (np.bincount(states, minlength=n_states) > 0))


def terminals_of(terminals: ArrayLike | None, n_states: int) -> Integers:
    try:
        found = np.asarray(() if terminals is None else terminals)
    except ValueError:  # lists of several lengths
        found = np.asarray(str(terminals))
    if found.size and found.dtype.kind not in "iub":
        raise InputError(f"mdp: terminals {str(terminals)[:60]}; they are states, whole numbers from 0, or a mask (S,)")
    if found.dtype == bool:
        if found.shape != (n_states,):
            raise ShapeError(f"mdp: terminals is a mask of shape {found.shape} for {n_states} states")
        return np.flatnonzero(found)
    if found.dtype.kind == "u" and found.size and found.max() >= n_states:
        raise InputError(f"mdp: terminal state {found.max()} of {n_states} states; they are counted from 0")
    found = found.astype(np.int64).ravel()
    bad = found[(found < 0) | (found >= n_states)]
    if len(bad):
        raise InputError(f"mdp: terminal state {bad[0]} of {n_states} states; they are counted from 0")
    return found


def from_arrays(
    P: ArrayLike,
    R: ArrayLike,
    discount: float,
    terminals: ArrayLike | None = (),
    start: Start = None,
    *,
    slack: float = ROW_SUM_ERROR,
) -> MDP:
    discount = discount_of(discount)
    kept = np.float32 if getattr(P, "dtype", None) in (np.float32, np.float16) else np.float64
    P = floats(P, "mdp: P")
    if P.ndim != 3 or P.shape[1] != P.shape[2] or 0 in P.shape:
        raise ShapeError(
            f"mdp: P has shape {P.shape}; it must be (A, S, S), one matrix of probabilities for each action"
        )
    A, S, _ = P.shape
    rows = P.transpose(1, 0, 2).reshape(S * A, S)
    rewards, per_step = rewards_of(R, S, A)
    table = Rows(rows).astype(kept)
    step = None
    if per_step:
        by_pair = rewards.transpose(1, 0, 2).reshape(S * A, S)
        where = np.repeat(np.arange(S * A), np.diff(table.indptr))
        step = by_pair[where, table.indices]
        rewards = (rows * np.where(rows == 0, 0, by_pair)).sum(axis=1).reshape(S, A)
    return assemble_all(table, rewards.ravel(), S, A, discount, terminals, step, slack=slack, start=start)


def assemble_all(
    table: Rows,
    R: Array,
    S: int,
    A: int,
    discount: float,
    terminals: ArrayLike | None = (),
    step: Floats | None = None,
    **more: Value,
) -> MDP:
    """From rows and rewards of all pairs; those with a reward of -inf are left out: the action is not there."""
    pairs = np.arange(S * A)
    allowed = ~np.isneginf(R)
    if not allowed.all():
        step = None if step is None else step[np.repeat(allowed, np.diff(table.indptr))]
        pairs, table, R = pairs[allowed], table[np.flatnonzero(allowed)], R[allowed]
    return assemble(table, R, pairs // A, pairs % A, S, A, discount, terminals, step, **more)


def rewards_of(R: ArrayLike, S: int, A: int) -> tuple[Floats, bool]:
    """R as (S, A), or as (A, S, S) with True."""
    R = floats(R, "mdp: R")
    if R.shape == (A, S, S):
        return R, True
    if R.shape == (S,):
        return np.repeat(R[:, None], A, axis=1), False
    if R.shape != (S, A):
        raise ShapeError(
            f"mdp: R has shape {R.shape}; for {S} states and {A} actions it is ({S}, {A}), ({S},) or ({A}, {S}, {S})"
        )
    return R, False


def from_sparse(P: Sequence[Value], R: Value, discount: float, terminals: ArrayLike = (), start: Start = None) -> MDP:
    try:
        tables = [Rows(p) for p in P]
    except (TypeError, ValueError):
        raise InputError(
            f"mdp: P is {type(P).__name__} {str(P)[:60]!r}; it must be a list with a matrix (S, S) for each action"
        ) from None
    shapes = {p.shape for p in tables}
    if len(shapes) != 1 or any(a != b for a, b in shapes):
        raise ShapeError(f"mdp: the matrices of the actions have shapes {sorted(shapes)}; they must all be (S, S)")
    A, S = len(tables), tables[0].shape[0]
    order = np.arange(A * S).reshape(A, S).T.ravel()
    rows = Rows(sparse.vstack(tables, format="csr")[order])
    if isinstance(R, list | tuple) and len(R) == A and all(sparse.issparse(r) for r in R):
        wrong = [r.shape for r in R if r.shape != (S, S)]
        if wrong:
            raise ShapeError(
                f"mdp: a matrix of rewards has shape {wrong[0]}; the states are {S}, it must be ({S}, {S})"
            )
        each = Rows(sparse.vstack([Rows(r) for r in R], format="csr")[order])
        return assemble_steps(rows, each, S, A, discount, terminals, start)
    R, per_step = rewards_of(R, S, A)
    if per_step:
        each = Rows(R.transpose(1, 0, 2).reshape(S * A, S))
        return assemble_steps(rows, each, S, A, discount, terminals, start)
    return assemble_all(rows, R.ravel(), S, A, discount, terminals, start=start)


def assemble_steps(rows: Rows, each: Rows, S: int, A: int, discount: float, terminals: ArrayLike, start: Start) -> MDP:
    """From a row of probabilities and one of rewards r(s, a, s') for each pair; what is not stored there is 0."""
    rows.sum_duplicates()
    row = np.repeat(np.arange(S * A), np.diff(rows.indptr))
    step = np.asarray(each[row, rows.indices], float).ravel() if rows.nnz else np.zeros(0)
    means = np.bincount(row, rows.data * step, S * A)
    return assemble_all(rows, means, S, A, discount, terminals, step, start=start)


def from_pairs(
    R: ArrayLike,
    P: Value,
    discount: float,
    states: ArrayLike,
    actions: ArrayLike,
    terminals: ArrayLike = (),
    start: Start = None,
) -> MDP:
    rewards = floats(R, "mdp: R")
    states, actions = np.asarray(states), np.asarray(actions)
    P = Rows(P if sparse.issparse(P) else floats(P, "mdp: P"))
    K = rewards.size
    if rewards.shape != (K,) or P.ndim != 2 or P.shape[0] != K or states.shape != (K,) or actions.shape != (K,):
        raise ShapeError(
            f"mdp: R has shape {rewards.shape}, P {P.shape}, states {states.shape}, actions {actions.shape}; all have "
            "one entry (P one row) for each pair"
        )
    S = P.shape[1]
    for name, x in (("state", states), ("action", actions)):
        if x.dtype.kind not in "iu":
            raise InputError(f"mdp: {name}s of dtype {x.dtype}; they are whole numbers from 0")
        if K and (x.min() < 0 or (name == "state" and x.max() >= S)):
            raise InputError(
                f"mdp: {name} {x.min() if x.min() < 0 else x.max()} of {S} states; they are counted from 0"
            )
    if K and actions.max() >= MOST_ACTIONS:
        raise InputError(f"mdp: action {actions.max()} is too large; number the actions from 0")
    order = np.lexsort((actions, states))
    twice = np.flatnonzero((np.diff(states[order]) == 0) & (np.diff(actions[order]) == 0))
    if len(twice):
        k = order[twice[0]]
        raise InputError(f"mdp: the pair of state {states[k]} and action {actions[k]} is given twice")
    if not np.array_equal(order, np.arange(K)):
        P, rewards, states, actions = P[order], rewards[order], states[order], actions[order]
    A = int(actions.max()) + 1 if K else 1
    return assemble(P, rewards, states, actions, S, A, discount, terminals, start=start)


def from_triples(
    entries: Iterable[tuple[int, int, float, int, float]],
    S: int,
    A: int,
    discount: float,
    terminals: ArrayLike = (),
    **names: Value,
) -> MDP:
    """From (state, action, probability, next state, reward); a next state of -1 ends the episode there."""
    listed = list(entries)
    p = floats([e[2] for e in listed], "mdp: the probabilities of transitions")
    r = floats([e[4] for e in listed], "mdp: the rewards of transitions")
    s, a, n = (np.array([e[k] for e in listed], np.int64) for k in (0, 1, 3))
    outside = np.flatnonzero((s < 0) | (s >= S) | (n < -1) | (n >= S))
    if len(outside):
        k = outside[0]
        raise InputError(
            f"mdp: a transition from state {s[k]} to state {n[k]}, but there are {S} states, counted from 0"
        )
    bad = np.flatnonzero(~(p >= 0))  # before those of one next state are added
    if len(bad):
        k = bad[0]
        raise InputError(
            f"mdp: a transition from state {s[k]} to state {n[k]} has the probability {p[k]:g}; probabilities are "
            "numbers from 0 to 1"
        )
    pairs, of = np.unique(s * A + a, return_inverse=True)
    rewards = np.bincount(of, p * r, len(pairs))
    ending = n < 0
    if ending.any():  # one more state, behind the others, where all that ends goes
        n = np.where(ending, S, n)
        S, terminals = S + 1, [*np.atleast_1d(terminals).astype(int), S]
    shape = (len(pairs), S)
    merged = Rows((p, (of, n)), shape=shape)
    mean = Rows((p * r, (of, n)), shape=shape)
    merged.sort_indices()
    mean.sort_indices()
    with np.errstate(all="ignore"):
        step = np.where(merged.data > 0, mean.data / merged.data, 0.0)
    return assemble(merged, rewards, pairs // A, pairs % A, S, A, discount, terminals, step, **names)


def from_graph(graph: Value, discount: float, terminals: Sequence[Hashable] | None = None, start: Start = None) -> MDP:
    if not (hasattr(graph, "is_directed") and graph.is_directed()):
        raise InputError(
            f"mdp: {type(graph).__name__} is no directed graph; give a networkx.DiGraph or MultiDiGraph, whose edges "
            "have action, probability and reward"
        )
    nodes = list(graph.nodes)
    index = {x: i for i, x in enumerate(nodes)}
    edges = [(u, v, d) for u, v, d in graph.edges(data=True)]
    names = list(dict.fromkeys(d.get("action", 0) for _, _, d in edges))
    action = {x: i for i, x in enumerate(names)}
    missing = [t for t in terminals or () if t not in index]
    if missing:
        raise InputError(f"mdp: terminal {missing[0]!r} is no node of the graph")
    ends = {index[t] for t in terminals or ()} | {index[x] for x in nodes if graph.out_degree(x) == 0}
    entries = [
        (index[u], action[d.get("action", 0)], d.get("probability", 1.0), index[v], d.get("reward", 0.0))
        for u, v, d in edges
    ]
    A = max(len(names), 1)
    return from_triples(
        entries, len(nodes), A, discount, sorted(ends), state_names=nodes, action_names=names, start=start
    )


def from_function(
    step: Dynamics,
    states: Sequence[Hashable],
    actions: Choices,
    discount: float,
    terminals: Sequence[Hashable] = (),
    start: Start = None,
) -> MDP:
    states = list(states)
    index: dict[Hashable, int] = {}
    if not callable(step):
        raise InputError(f"mdp: step={step!r} is no function; it is step(state, action)")
    try:
        for s in states:
            if s in index:
                raise InputError(f"mdp: state {s!r} is listed twice")
            index[s] = len(index)
        missing = [t for t in terminals if t not in index]
    except TypeError as error:
        raise InputError(f"mdp: states must be hashable, such as numbers, texts and tuples: {error}") from None
    if missing:
        raise InputError(f"mdp: terminal {missing[0]!r} is not among the states")
    ends = [index[t] for t in terminals]
    names: dict[Hashable, int] = {}
    entries, stop = [], set(ends)
    for s in states:
        if index[s] in stop:
            continue
        for a in actions(s) if callable(actions) else actions:
            k = names.setdefault(a, len(names))
            for p, following, r in outcomes(step(s, a), s, a):
                if following not in index:
                    raise InputError(f"mdp: step({s!r}, {a!r}) leads to {following!r}, which is not among the states")
                entries.append((index[s], k, p, index[following], r))
    A = max(len(names), 1)
    return from_triples(
        entries, len(states), A, discount, ends, state_names=states, action_names=list(names), start=start
    )


def outcomes(found: Value, state: Value, action: Value) -> list[tuple[float, Value, float]]:
    """A list of (probability, next state, reward); one (next state, reward) is certain."""
    if isinstance(found, tuple) and len(found) == 2 and not isinstance(found[1], tuple | list):
        return [(1.0, found[0], found[1])]
    try:
        return [(p, s, r) for p, s, r in found]
    except (TypeError, ValueError):
        raise InputError(
            f"mdp: step({state!r}, {action!r}) returned {str(found)[:80]!r}; it must return (next state, reward), or a "
            "list of (probability, next state, reward)"
        ) from None


def replaced(process: MDP, changes: Params) -> MDP:
    unknown = set(changes) - {"rewards", "discount", "start"}
    if unknown:
        raise InputError(f"mdp: replace takes rewards, discount and start, not {sorted(unknown)[0]}")
    if changes.get("start") is not None:
        changes["start"] = distribution(process, changes["start"], "mdp")
    if "rewards" in changes:
        R = rewards_of_pairs(process, floats(changes["rewards"], "mdp: rewards"), "mdp")
        changes["rewards"] = np.where(process.terminal[process.states], 0.0, R)
        changes["reward_of_step"] = None
    if "discount" in changes:
        changes["discount"] = discount_of(changes["discount"])
    return check(dataclasses.replace(process, **changes))


FROM_ARRAYS.fill(from_arrays)
FROM_SPARSE.fill(from_sparse)
FROM_PAIRS.fill(from_pairs)
FROM_GRAPH.fill(from_graph)
FROM_FUNCTION.fill(from_function)
REPLACE.fill(replaced)
