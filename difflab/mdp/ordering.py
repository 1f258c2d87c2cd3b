"""The order in which Gauss-Seidel sweeps visit the states: away from where values come from, one level at a time.

States at the same distance from the terminal states form a level. A sweep from the nearest level outwards carries what
is known at the end to all states at once, where simultaneous (Jacobi) backups carry it one step; and a level is one
product of NumPy and SciPy instead of a loop over states.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.sparse import csgraph

from .checks import predecessors
from .process import MDP
from .types import Flags, Floats, Integers

LEAST_LEVELS = 8  # fewer: information crosses the process in as many simultaneous backups
SMALLEST_BLOCK = 64  # smaller levels are joined: below, calls cost more than work


@dataclass(frozen=True)
class Order:
    """`states` in the order of the sweep, `cuts` between blocks of it, `distance` (S,) from a source (-1: none)."""

    states: Integers
    cuts: Integers
    distance: Integers
    levels: int

    def by_state(self, v: Floats) -> Floats:
        """What is given in the order of the sweep, in that of the states."""
        out = np.empty_like(v)
        out[self.states] = v
        return out

    def reversed(self) -> Order:
        """From the far end back: how visits spread, where values spread outwards."""
        S = len(self.states)
        return Order(self.states[::-1].copy(), S - self.cuts[::-1], self.distance, self.levels)


def sources_of(process: MDP) -> Flags | None:
    """Where values come from: terminal states, or the few states with the highest rewards."""
    if process.terminal.any():
        return process.terminal
    top = np.zeros(process.n_states)
    np.maximum.at(top, process.states, process.rewards - process.rewards.min())
    found = top >= top.max()
    return found if 0 < found.sum() <= max(1, process.n_states // 100) else None


def levels(process: MDP) -> Order | None:
    """The order by distance from the sources; None where there are no sources."""
    sources = sources_of(process)
    if sources is None:
        return None
    S = process.n_states
    graph = predecessors(process, sources)
    order, before = csgraph.breadth_first_order(graph, S)  # vertex S stands before all sources
    place = np.empty(S + 1, np.int64)
    place[order] = np.arange(len(order))
    parent = place[before[order[1:]]]  # not decreasing: the first of a level is the first with a parent in the last
    starts = [1]
    while starts[-1] < len(order):
        starts.append(1 + int(np.searchsorted(parent, starts[-1])))
    distance = np.full(S, -1, np.int64)
    for k, (a, b) in enumerate(pairwise(starts)):
        distance[order[a:b]] = k
    rest = np.flatnonzero(distance < 0)
    states = np.concatenate([order[1:], rest])
    return Order(states, blocks([s - 1 for s in starts], S), distance, len(starts) - 1)


def blocks(starts: list[int], S: int) -> Integers:
    """The cuts, with small neighbouring levels joined."""
    cuts = [0]
    for s in [*starts[1:], S]:
        if s - cuts[-1] >= SMALLEST_BLOCK or s == S:
            cuts.append(s)
    return np.unique(cuts)


def natural(process: MDP, block: int) -> Order:
    """The states as they are numbered, in blocks."""
    S = process.n_states
    return Order(np.arange(S), np.unique([*range(0, S, block), S]), np.full(S, -1), 0)
