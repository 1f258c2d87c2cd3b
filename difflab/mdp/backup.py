"""One Bellman backup in numbers: q = r + discount P v for all pairs, and the best of each state."""

from __future__ import annotations

import dataclasses
import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from .process import MDP, Floats, Integers

THREAD_WORK = 1_500_000  # stored probabilities from which a second thread pays for being woken

try:  # SciPy's own loop adds into a given buffer and takes a slice of the rows; `@` does neither
    from scipy.sparse._sparsetools import csr_matvec as product
except ImportError:  # pragma: no cover - a SciPy without that name

    def product(rows: int, columns: int, indptr: Any, indices: Any, data: Any, v: Floats, out: Floats) -> None:
        """Adds the product of the rows that indptr marks with v to out."""
        a, b = indptr[0], indptr[-1]
        out += sparse.csr_array((data[a:b], indices[a:b], indptr - a), shape=(rows, columns)) @ v


def add_product(indptr: Any, indices: Any, data: Any, v: Floats, out: Floats) -> None:
    """Adds the product of the rows that indptr marks with v to out."""
    product(len(indptr) - 1, len(v), indptr, indices, data, v, out)


@cache
def pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=processors(), thread_name_prefix="difflab-mdp")


@cache
def processors() -> int:
    return min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def pair_values(process: MDP, v: Floats) -> Floats:
    """q of each pair (K,)."""
    P = process.transitions
    out = np.zeros(process.n_pairs)
    add_product(P.indptr, P.indices, P.data, np.ascontiguousarray(v), out)
    out *= process.discount
    out += process.rewards
    return out


def best(q: Floats, starts: Integers, n_actions: int) -> Floats:
    """The largest q of each state; 0 for a state without pairs."""
    S = len(starts) - 1
    if len(q) == S * n_actions:
        return columns_max(q.reshape(S, n_actions))
    out = np.zeros(S)
    some = np.diff(starts) > 0
    out[some] = np.maximum.reduceat(q, starts[:-1][some]) if some.any() else 0.0
    return out


def columns_max(table: Floats, out: Floats | None = None) -> Floats:
    """The largest of each row, column by column: over a few columns NumPy's reduction is 5 times slower."""
    if table.shape[1] > 16:
        return np.max(table, axis=1, out=out)
    if table.shape[1] == 1:
        out = np.empty(len(table)) if out is None else out
        out[:] = table[:, 0]
        return out
    found = np.maximum(table[:, 0], table[:, 1], out=out)
    for a in range(2, table.shape[1]):
        np.maximum(found, table[:, a], out=found)
    return found


def greedy_pairs(process: MDP, q: Floats, top: Floats | None = None) -> Integers:
    """The pair with the largest q of each state, the first among equals; -1 for a state without pairs."""
    S, A = process.n_states, process.n_actions
    if process.regular:
        return columns_argmax(q.reshape(S, A), top) + np.arange(0, S * A, A)
    top = best(q, process.starts, A) if top is None else top
    first = np.full(S, -1, np.int64)
    places = np.flatnonzero(q == top[process.states])[::-1]
    first[process.states[places]] = places
    return first


def columns_argmax(table: Floats, top: Floats | None = None) -> Integers:
    """The place of the largest of each row; `top`, if known, are the largest."""
    if table.shape[1] > 16:
        return table.argmax(axis=1)
    top = columns_max(table) if top is None else top
    where = np.zeros(len(table), np.int32)
    for a in range(table.shape[1] - 1, 0, -1):
        np.copyto(where, a, where=table[:, a] == top)
    np.copyto(where, 0, where=table[:, 0] == top)
    return where.astype(np.int64)


class Backup:
    """Bellman backups of one process, again and again, in the same memory and on all threads."""

    def __init__(self, process: MDP) -> None:
        self.process = process
        P = process.transitions
        self.indptr, self.indices = P.indptr, P.indices
        self.data = P.data * process.discount
        self.q = np.empty(process.n_pairs)
        S = process.n_states
        count = processors() if P.nnz >= THREAD_WORK else 1
        cuts = [S * i // count for i in range(count + 1)]
        self.parts = list(pairwise(cuts))

    def __call__(self, v: Floats, out: Floats, measure: bool = True) -> tuple[float, float]:
        """Writes the backup of v to out; the smallest and the largest change, unless they are not wanted."""
        if len(self.parts) == 1:
            return self.part(v, out, 0, len(out), measure)
        found = list(pool().map(lambda p: self.part(v, out, *p), self.parts))
        return min(lo for lo, _ in found), max(hi for _, hi in found)

    def part(self, v: Floats, out: Floats, a: int, b: int, measure: bool = True) -> tuple[float, float]:
        starts = self.process.starts
        ka, kb = starts[a], starts[b]
        one = self.process.n_actions == 1 and self.process.regular
        q = out[a:b] if one else self.q[ka:kb]
        q[:] = self.process.rewards[ka:kb]
        add_product(self.indptr[ka : kb + 1], self.indices, self.data, v, q)
        A = self.process.n_actions
        if one:
            pass
        elif self.process.regular:
            columns_max(q.reshape(b - a, A), out=out[a:b])
        else:
            out[a:b] = best(q, starts[a : b + 1] - ka, A)
        if not measure:
            return 0.0, 0.0
        change = out[a:b] - v[a:b]
        return (float(change.min()), float(change.max())) if b > a else (0.0, 0.0)


def under(process: MDP, weights: Floats) -> MDP:
    """The process in which the policy with these probabilities of pairs (K,) has decided: one pair a state."""
    S = process.n_states
    if np.all((weights == 0) | (weights == 1)) and weights.sum() == S:
        return chain_of(process, np.flatnonzero(weights))
    mix = sparse.csr_array((weights, (process.states, np.arange(process.n_pairs))), shape=(S, process.n_pairs))
    P = sparse.csr_array(mix @ process.transitions)
    if P.indices.dtype != np.int32 and P.nnz < 2**31 - 1:
        P.indices, P.indptr = P.indices.astype(np.int32), P.indptr.astype(np.int32)
    return chain(process, P, np.asarray(mix @ process.rewards))


def chain_of(process: MDP, pairs: Integers) -> MDP:
    """The process that takes one pair in each state; pair -1 stands for none, in a terminal state."""
    P, length = process.transitions, process.row_length
    if length and process.regular:
        indptr = np.arange(0, len(pairs) * length + 1, length, dtype=P.indptr.dtype)
        indices = P.indices.reshape(-1, length).take(pairs, axis=0).ravel()
        data = P.data.reshape(-1, length).take(pairs, axis=0).ravel()
        rows = sparse.csr_array((data, indices, indptr), shape=(len(pairs), process.n_states))
        return chain(process, rows, process.rewards[pairs])
    if (pairs < 0).any():
        keep = pairs >= 0
        weights = np.zeros(process.n_pairs)
        weights[pairs[keep]] = 1
        return under(process, weights)
    return chain(process, process.transitions[pairs], process.rewards[pairs])


def chain(process: MDP, P: Any, rewards: Floats) -> MDP:
    from .process import MDP

    S = process.n_states
    return MDP(
        P,
        rewards,
        np.arange(S + 1),
        np.zeros(S, np.int64),
        process.discount,
        process.terminal,
        1,
        layout=process.layout,
    )


def restricted(process: MDP, pairs: Integers, rewards: Floats) -> MDP:
    """The process that has only these pairs (sorted), with other rewards."""
    counts = np.bincount(process.states[pairs], minlength=process.n_states)
    return dataclasses.replace(
        process,
        transitions=process.transitions[pairs],
        rewards=rewards,
        starts=np.concatenate([[0], np.cumsum(counts)]),
        actions=process.actions[pairs],
        reward_of_step=None,
    )
