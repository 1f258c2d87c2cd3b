"""Gauss-Seidel sweeps over blocks of states, each of which sees the new values of the blocks before it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from ..types import Array
from .backup import add_product, best, columns_argmax, columns_max, product, runs
from .ordering import Order
from .process import MDP
from .types import Floats, Integers

MEASURE_EVERY = 5


class Sweeper:
    """A process with its states renumbered in the order of the sweep.

    The probability of staying in a state is solved for: v(s) = (r + discount sum over the others) / (1 - discount p).
    Such a sweep has the same fixed point and contracts no less than by the discount.
    """

    def __init__(self, process: MDP, order: Order) -> None:
        self.order: Order = order
        self.discount: float = process.discount
        self.place: Array = np.empty(process.n_states, np.int32)
        self.place[order.states] = np.arange(process.n_states, dtype=np.int32)
        counts = np.diff(process.starts)[order.states]
        self.starts: Integers = np.concatenate([[0], np.cumsum(counts)])
        self.pairs: Integers = runs(process.starts[order.states], counts)
        P = process.transitions[self.pairs]
        self.indptr: Array = P.indptr
        self.indices: Array = self.place[P.indices]
        self.data: Floats = P.data * process.discount
        self.rewards: Floats = process.rewards[self.pairs]
        self.scale: Floats = np.ones(len(self.pairs))
        self.leave_out_staying(counts)
        self.n_actions: int = process.n_actions
        self.regular: bool = process.regular

    def leave_out_staying(self, counts: Integers) -> None:
        lengths = np.diff(self.indptr)
        state = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
        stays = np.flatnonzero(self.indices == np.repeat(state, lengths))
        row = np.searchsorted(self.indptr, stays, side="right") - 1
        own = np.bincount(row, self.data[stays], len(self.pairs))
        self.data[stays] = 0.0
        some = np.flatnonzero(own)
        forever = some[own[some] >= 1]  # with discount 1: nothing comes of it, unless it is rewarded
        self.rewards[forever] = np.where(self.rewards[forever] <= 0, -1e300, self.rewards[forever])
        own[forever] = 0.0
        self.scale[some] = 1.0 / (1.0 - own[some])
        self.rewards[some] *= self.scale[some]
        self.data[runs(self.indptr[some], lengths[some])] *= np.repeat(self.scale[some], lengths[some])

    def sweep(self, v: Floats, choose: Integers | None = None) -> float:
        """One sweep over v (in the order's numbering), in place; the largest change. Writes the choices to `choose`."""
        largest = 0.0
        cuts, starts, indptr, A = self.order.cuts.tolist(), self.starts, self.indptr, self.n_actions
        for a, b in pairwise(cuts):
            ka, kb = starts[a], starts[b]
            q = self.rewards[ka:kb].copy()
            add_product(indptr[ka : kb + 1], self.indices, self.data, v, q)
            if self.regular:
                table = q.reshape(b - a, A)
                new = columns_max(table)
                if choose is not None:
                    choose[a:b] = columns_argmax(table)
            else:
                new = best(q, starts[a : b + 1] - ka, A)
                if choose is not None:
                    choose[a:b] = first_best(q, new, starts[a : b + 1] - ka)
            old = v[a:b]
            largest = max(largest, float(np.abs(new - old).max()))
            v[a:b] = new
        return largest

    def settle(self, v: Floats, aim: float, limit: int = 400) -> None:
        """Sweeps of a chain, in place, until a sweep changes nothing by more than the aim.

        The loop over levels is short on purpose: with some hundred states a level, its calls are half of the time.
        """
        cuts, n = self.order.cuts.tolist(), len(v)
        levels = [(slice(a, b), b - a, self.indptr[a : b + 1]) for a, b in pairwise(cuts)]
        rewards, indices, data = self.rewards, self.indices, self.data
        for k in range(1, limit + 1):
            before = None if k % MEASURE_EVERY else v.copy()
            for where, rows, indptr in levels:
                new = rewards[where].copy()
                product(rows, n, indptr, indices, data, v, new)
                v[where] = new
            if before is not None:
                before -= v
                if max(float(before.max()), -float(before.min())) <= aim:
                    return

    def chain(self, choice: Integers) -> Sweeper:
        """The sweeper of the policy that takes the choice-th pair of each state (in the order's numbering)."""
        made = object.__new__(Sweeper)
        counts = np.diff(self.starts)
        some = counts > 0
        pairs = (self.starts[:-1] + choice)[some]
        lengths = np.zeros(len(choice), np.int64)
        lengths[some] = self.indptr[pairs + 1] - self.indptr[pairs]
        first = np.zeros(len(choice), np.int64)
        first[some] = self.indptr[pairs]
        where = runs(first, lengths)
        made.order, made.discount, made.place = self.order, self.discount, self.place
        made.starts = np.arange(len(choice) + 1)
        made.indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(self.indptr.dtype)
        made.indices, made.data = self.indices[where], self.data[where]
        made.rewards = np.zeros(len(choice))
        made.rewards[some] = self.rewards[pairs]
        made.n_actions, made.regular = 1, True
        return made


def first_best(q: Floats, top: Floats, starts: Integers) -> Integers:
    """The place of the largest q within each state's pairs."""
    owner = np.repeat(np.arange(len(top)), np.diff(starts))
    hits = np.flatnonzero(q == top[owner])[::-1]
    found = np.zeros(len(top), np.int64)
    found[owner[hits]] = hits - starts[owner[hits]]
    return found


def pessimistic(process: MDP, order: Order) -> Floats:
    """Values to begin with, in the process's numbering: the worst reward for half as many steps again as are needed.

    From below, what is better spreads with every sweep; from above, the values of far states would have to sink to
    their level one backup at a time.
    """
    worst = min(float(process.rewards.min(initial=0.0)), 0.0)
    g = process.discount
    far = np.where(order.distance < 0, 2.0 * order.levels, order.distance)
    steps = 1.5 * far
    v = worst * steps if g == 1 else worst * (1 - g**steps) / (1 - g)
    v[process.terminal] = 0.0
    return np.asarray(v)
