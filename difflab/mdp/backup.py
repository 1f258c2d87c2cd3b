"""One Bellman backup in numbers: q = r + discount P v for all pairs, and the best of each state."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike

from ..types import Array, Function
from .checks import values_of
from .process import ACTION_VALUES, MDP
from .types import Floats, Integers, Rows

T = TypeVar("T")
BLOCK = 8192  # rows whose numbers stay in the cache
THREAD_WORK = 1_500_000  # stored probabilities from which a second thread pays for being woken

gather: Function | None
try:  # SciPy's own loops write to a given buffer and take a slice of the rows; `@` and `[]` do neither
    from scipy.sparse._sparsetools import csr_matvec, csr_row_index

    product, gather = csr_matvec, csr_row_index
except ImportError:  # pragma: no cover - a SciPy without that name

    def product(rows: int, columns: int, indptr: Array, indices: Array, data: Floats, v: Floats, out: Floats) -> None:
        """Adds the product of the rows that indptr marks with v to out."""
        a, b = indptr[0], indptr[-1]
        out += Rows((data[a:b], indices[a:b], indptr - a), shape=(rows, columns)) @ v

    gather = None


def add_product(indptr: Array, indices: Array, data: Floats, v: Floats, out: Floats) -> None:
    """Adds the product of the rows that indptr marks with v to out."""
    product(len(indptr) - 1, len(v), indptr, indices, data, v, out)


@cache
def pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=processors(), thread_name_prefix="difflab-mdp")


@cache
def processors() -> int:
    return min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def parts_of(length: int) -> list[tuple[int, int]]:
    """Where to cut `length` things so that every thread has its part."""
    return list(pairwise(length * i // processors() for i in range(processors() + 1)))


def in_parts(part: Callable[[int, int], T], length: int, work: int) -> list[T]:
    """What `part(a, b)` returns for each part, on threads where they pay."""
    if work < THREAD_WORK:
        return [part(0, length)]
    first, *more = parts_of(length)
    others = [pool().submit(part, a, b) for a, b in more]
    return [part(*first), *(other.result() for other in others)]


def pair_values(process: MDP, v: Floats) -> Floats:
    """q of each pair (K,)."""
    P = process.transitions
    out = np.zeros(process.n_pairs)
    add_product(P.indptr, P.indices, P.data, np.ascontiguousarray(v), out)
    out *= process.discount
    out += process.rewards
    return out


def action_values(process: MDP, values: ArrayLike) -> Floats:
    """`MDP.action_values`."""
    return process.table(pair_values(process, values_of(process, values)))


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


def greedy_pairs(process: MDP, q: Floats) -> Integers:
    """The pair with the largest q of each state, the first among equals; -1 for a state without pairs."""
    S, A = process.n_states, process.n_actions
    if process.regular:
        return columns_argmax(q.reshape(S, A)) + np.arange(0, S * A, A)
    top = best(q, process.starts, A)
    first = np.full(S, -1, np.int64)
    places = np.flatnonzero(q == top[process.states])[::-1]
    first[process.states[places]] = places
    return first


def greedy_actions(process: MDP, q: Floats) -> Integers:
    """The action with the largest q of each state, the first among equals; 0 for a state without pairs."""
    if process.regular:
        return columns_argmax(q.reshape(process.n_states, process.n_actions))
    chosen = greedy_pairs(process, q)
    found = np.zeros(process.n_states, np.int64)
    found[chosen >= 0] = process.actions[chosen[chosen >= 0]]
    return found


def columns_argmax(table: Floats) -> Integers:
    """The place of the largest of each row, the first among equals."""
    if table.shape[1] > 16:
        return np.asarray(table.argmax(axis=1))
    found = np.empty(len(table), np.int64)
    for a in range(0, len(table), BLOCK):
        found[a : a + BLOCK] = block_argmax(table[a : a + BLOCK])
    return found


def block_argmax(table: Floats) -> np.ndarray[tuple[int], np.dtype[np.int8]]:
    """Column by column, with numbers of one byte: comparisons and largest, which the processor does many at once."""
    top, where = table[:, 0], np.zeros(len(table), np.int8)
    for a in range(1, table.shape[1]):
        better = (table[:, a] > top).view(np.int8)
        better *= a
        np.maximum(where, better, out=where)
        top = np.maximum(top, table[:, a])
    return where


class Backup:
    """Bellman backups of one process, again and again, in the same memory and on all threads.

    `q` (K,) holds the action values that the last one has found.
    """

    def __init__(self, process: MDP, discounted: bool = False) -> None:
        self.process = process
        P = process.transitions
        self.indptr: Array = P.indptr
        self.indices: Array = P.indices
        self.data: Floats = P.data
        self.rewards: Floats = process.rewards
        self.discounted = discounted  # the probabilities carry the discount already
        self.alone: bool = process.n_actions == 1 and process.regular  # nothing to choose: q is the backup
        S = process.n_states
        self.q: Floats = np.empty(0 if self.alone else process.n_pairs)
        self.worth: Floats = np.empty(0 if self.discounted else S)
        self.change: Floats = np.empty(S)

    def __call__(self, v: Floats, out: Floats, measure: bool = True) -> tuple[float, float]:
        """Writes the backup of v to out; the smallest and the largest change, unless they are not wanted."""
        if self.alone:
            self.q = out
        worth = None  # nothing comes later: the rewards are all
        if v[0] != 0 or v.any():
            worth = v if self.discounted else np.multiply(v, self.process.discount, out=self.worth)
        found = in_parts(lambda a, b: self.part(v, worth, out, a, b, measure), len(out), len(self.data))
        return min(lo for lo, _ in found), max(hi for _, hi in found)

    def part(self, v: Floats, worth: Floats | None, out: Floats, a: int, b: int, measure: bool) -> tuple[float, float]:
        """The states from a to b; `worth` is what being in each state next is worth now."""
        starts, A = self.process.starts, self.process.n_actions
        ka, kb = starts[a], starts[b]
        q = self.q[ka:kb]
        q[:] = self.rewards[ka:kb]
        if worth is not None:
            add_product(self.indptr[ka : kb + 1], self.indices, self.data, worth, q)
        if self.alone:
            pass
        elif self.process.regular:
            columns_max(q.reshape(b - a, A), out=out[a:b])
        else:
            out[a:b] = best(q, starts[a : b + 1] - ka, A)
        if not measure or a == b:
            return 0.0, 0.0
        change = np.subtract(out[a:b], v[a:b], out=self.change[a:b])
        return float(change.min()), float(change.max())


class Policy:
    """Backups under one policy after another: where few states decide otherwise, only their rows are exchanged."""

    def __init__(self, process: MDP) -> None:
        self.process = process
        self.pairs: Integers | None = None

    def take(self, pairs: Integers) -> int:
        """Makes `pairs` (S,) the policy; how many states decide otherwise than before."""
        changed = np.arange(len(pairs)) if self.pairs is None else np.flatnonzero(pairs != self.pairs)
        if self.pairs is None or not self.exchange(changed, pairs[changed]):
            chain = chain_of(self.process, pairs)
            chain.transitions.data *= self.process.discount
            self.backup: Backup = Backup(chain, discounted=True)
        self.pairs = pairs
        return len(changed)

    def exchange(self, states: Integers, pairs: Integers) -> bool:
        """Writes the rows of the pairs over those of the states, if they are few and of the same lengths."""
        if len(states) > len(self.backup.change) // 4 or (len(pairs) and pairs.min() < 0):
            return False
        P, mine = self.process.transitions, self.backup
        lengths = P.indptr[pairs + 1] - P.indptr[pairs]
        if not np.array_equal(lengths, mine.indptr[states + 1] - mine.indptr[states]):
            return False
        to, of = runs(mine.indptr[states], lengths), runs(P.indptr[pairs], lengths)
        mine.indices[to], mine.data[to] = P.indices[of], self.process.discount * P.data[of]
        mine.rewards[states] = self.process.rewards[pairs]
        return True

    @property
    def chain(self) -> MDP:
        assert self.pairs is not None
        return chain_of(self.process, self.pairs)


def runs(first: Integers, lengths: Integers) -> Integers:
    """first[0], first[0] + 1, ... (lengths[0] of them), first[1], ..."""
    total = int(np.sum(lengths))
    ends = np.cumsum(lengths)
    return np.repeat(np.asarray(first, np.int64) - (ends - lengths), lengths) + np.arange(total)


def under(process: MDP, weights: Floats) -> MDP:
    """The process in which the policy with these probabilities of pairs (K,) has decided: one pair a state."""
    S = process.n_states
    if np.all((weights == 0) | (weights == 1)) and weights.sum() == S:
        return chain_of(process, np.flatnonzero(weights))
    mix = Rows((weights, (process.states, np.arange(process.n_pairs))), shape=(S, process.n_pairs))
    P = Rows(mix @ process.transitions)
    if P.indices.dtype != np.int32 and P.nnz < 2**31 - 1:
        P.indices, P.indptr = P.indices.astype(np.int32), P.indptr.astype(np.int32)
    return chain(process, P, np.asarray(mix @ process.rewards))


def chain_of(process: MDP, pairs: Integers) -> MDP:
    """The process that takes one pair in each state; pair -1 stands for none, in a terminal state."""
    if len(pairs) and pairs.min() < 0:
        keep = pairs >= 0
        weights = np.zeros(process.n_pairs)
        weights[pairs[keep]] = 1
        return under(process, weights)
    return chain(process, rows_of(process.transitions, pairs), process.rewards[pairs])


def rows_of(P: Rows, rows: Integers) -> Rows:
    """P[rows]; SciPy's own loop, without its checks."""
    if gather is None or P.indices.dtype != P.indptr.dtype:
        return P[rows]
    rows = rows.astype(P.indptr.dtype)
    indptr = np.zeros(len(rows) + 1, P.indptr.dtype)
    np.cumsum(P.indptr[rows + 1] - P.indptr[rows], out=indptr[1:])
    indices, data = np.empty(indptr[-1], P.indices.dtype), np.empty(indptr[-1])

    def part(a: int, b: int) -> None:
        k = indptr[a]
        gather(b - a, rows[a:b], P.indptr, P.indices, P.data, indices[k:], data[k:])

    in_parts(part, len(rows), P.nnz)
    return Rows((data, indices, indptr), shape=(len(rows), P.shape[1]))


def chain(process: MDP, P: Rows, rewards: Floats) -> MDP:
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


ACTION_VALUES.fill(action_values)
