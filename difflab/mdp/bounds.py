"""Proven bounds on the distance to the optimal values, from one Bellman backup.

With discount below 1: J. MacQueen (1966), "A modified dynamic programming method for Markovian decision problems";
E. Porteus (1971), "Some bounds for discounted sequential decision processes". With discount 1: a function that one
more backup cannot raise lies above the optimal values (D. Bertsekas, "Dynamic Programming and Optimal Control",
volume 2, section 3.1). What rounding can have done to the backup is added to the residual.
"""

from __future__ import annotations

import math

import numpy as np

from .backup import Backup, best, chain_of, greedy_pairs, pair_values, restricted
from .checks import reaches
from .linear import solve_chain
from .process import MDP
from .solution import Found
from .types import Flags, Floats

UNIT = 2.0**-53


def rounding(process: MDP, v: Floats) -> float:
    """How far a computed backup of v may lie from the exact one."""
    longest = int(np.diff(process.transitions.indptr).max(initial=0))
    size = float(np.abs(process.rewards).max(initial=0.0)) + float(np.abs(v).max(initial=0.0))
    return (longest + 4) * UNIT * size


class Bounds:
    """How residuals of a process become bounds; what does not change between iterations is kept."""

    def __init__(self, process: MDP) -> None:
        self.process = process
        least, most = process.row_sum_range
        self.ends: bool = bool(process.terminal.any())
        self.longest: int = process.row_length or int(np.diff(process.transitions.indptr).max(initial=0))
        off = (self.longest + 2) * UNIT  # how far the computed sums may be off, relatively
        self.most: float = process.discount * most * (1 + off)
        self.least: float = process.discount * least * (1 - off)
        self.largest: float = max(float(process.rewards.max(initial=0.0)), -float(process.rewards.min(initial=0.0)))

    @property
    def contracts(self) -> bool:
        return self.most < 1

    def rounding(self, v: Floats) -> float:
        return self.noise(max(float(v.max(initial=0.0)), -float(v.min(initial=0.0))))

    def noise(self, size: float) -> float:
        """What rounding can do to a backup of values of this size."""
        return (self.longest + 4) * UNIT * (self.largest + size)

    def interval(self, lo: float, hi: float, noise: float) -> tuple[float, float]:
        """The optimal values minus the backup lie between these two, if its changes lie between lo and hi."""
        lo, hi = lo - noise, hi + noise
        if self.ends:  # a terminal state does not change
            lo, hi = min(lo, 0.0), max(hi, 0.0)
        below = reach(lo, self.most if lo < 0 else self.least)
        above = reach(hi, self.most if hi > 0 else self.least)
        own = 8 * UNIT  # what rounding does to these lines
        return below - noise - own * abs(below), above + noise + own * abs(above)

    def prove(self, v: Floats, w: Floats, q: Floats, lo: float, hi: float) -> Found:
        """Values and the bound of their error, from v, its action values q, its backup w, and the range of w - v.

        What bounds the values bounds the action values, and the values of the policy that is greedy for q. Where a
        shift centres the bounds, w and q are shifted in place.
        """
        if not self.contracts:
            return Found(w, shortest_path_bound(self.process, w))
        below, above = self.interval(lo, hi, self.rounding(v))
        if self.ends:  # the values of terminal states stay 0
            return Found(w, max(-below, above), q)
        shift = (below + above) / 2
        w += shift
        if q is not w:  # with one action a state they are the same
            q += shift
        return Found(w, (above - below) / 2 + UNIT * (float(np.abs(w).max(initial=0.0)) + abs(shift)), q)

    def bound(self, lo: float, hi: float, v: Floats | None) -> float:
        """The bound alone, of a backup of v whose changes lie between lo and hi; discount below 1.

        Without v rounding is left out: an estimate that costs nothing.
        """
        return self.bound_at(lo, hi, 0.0 if v is None else self.rounding(v))

    def bound_at(self, lo: float, hi: float, noise: float) -> float:
        """The same where the rounding of the backup is known."""
        below, above = self.interval(lo, hi, noise)
        return max(-below, above) if self.ends else (above - below) / 2

    def finest(self, size: float) -> float:
        """The smallest bound that doubles can prove for values of this size."""
        noise = self.noise(size)
        return 2 * noise / (1 - self.most) if self.contracts else 4 * noise


class GainBounds(Bounds):
    """Of a process with discount 1 that does not end: the average reward of a step lies within the range of w - v."""

    @property
    def contracts(self) -> bool:
        return True

    def bound(self, lo: float, hi: float, v: Floats | None) -> float:
        return (hi - lo) / 2 + (0.0 if v is None else rounding(self.process, v))

    def prove(self, v: Floats, w: Floats, q: Floats, lo: float, hi: float) -> Found:
        gain = (lo + hi) / 2
        return Found(v, self.bound(lo, hi, v), q - gain, gain=gain)


def proven(process: MDP, v: Floats) -> Found:
    """The backup of v and a proven bound of its error."""
    backup = Backup(process)
    w = np.empty_like(v)
    lo, hi = backup(v, w)
    w[process.terminal] = 0.0
    return Bounds(process).prove(v, w, backup.q, lo, hi)


def reach(x: float, up: float) -> float:
    """What comes of a change x that every later backup passes on times `up`."""
    return x * up / (1 - up)


def attainable(process: MDP, tolerance: float, size: float | None = None) -> float:
    """The tolerance, in units of the largest reward where that is below 1; or the smallest that doubles can surely
    prove for values of this size (as large as they can be, if not given)."""
    bounds = Bounds(process)
    if size is None:
        size = bounds.largest * (1 / (1 - bounds.most) if bounds.contracts else process.n_states)
    return max(tolerance * min(1.0, bounds.largest), 10 * bounds.finest(size)) or tolerance


def shortest_path_bound(process: MDP, v: Floats) -> float:
    """A bound with discount 1, infinite where none can be proven.

    With h(s) at least the expected number of steps that the near-best actions still take, v + e h cannot be raised
    by a backup where e is twice the residual, so it lies above the optimal values; v - e h lies below the values of the
    greedy policy. Both are checked in numbers; a larger e would not mend a choice that h does not count.
    """
    q = pair_values(process, v)
    w = best(q, process.starts, process.n_actions)
    w[process.terminal] = 0.0
    noise = rounding(process, v)
    change = w - v
    slack = 2 * float(np.abs(change).max(initial=0.0)) + 8 * noise
    near = (q >= (w - slack)[process.states]) & ~process.terminal[process.states]
    greedy = chain_of(process, greedy_pairs(process, q))
    if not reaches(greedy, process.terminal).all():
        return math.inf
    h = most_steps(process, near)
    if h is None:
        return math.inf
    e = 2 * (float(np.abs(change).max(initial=0.0)) + noise)
    u = v + e * h
    raised = best(pair_values(process, u), process.starts, process.n_actions)
    raised[process.terminal] = 0.0
    below = v - e * h
    kept = pair_values(greedy, below)
    kept[process.terminal] = 0.0
    margin = rounding(process, u)
    alive = ~process.terminal
    if (raised + margin <= u)[alive].all() and (kept - margin >= below)[alive].all():
        return float(e * h.max(initial=0.0))
    return math.inf


def most_steps(process: MDP, near: Flags) -> Floats | None:
    """The expected steps to the end, if every choice among the `near` pairs makes it as long as it can be."""
    pairs = np.flatnonzero(near | process.terminal[process.states])
    limited = restricted(process, pairs, np.where(process.terminal[process.states[pairs]], 0.0, 1.0))
    h = np.zeros(process.n_states)
    for _ in range(50):
        q = pair_values(limited, h)
        choice = greedy_pairs(limited, q)
        ahead = best(q, limited.starts, limited.n_actions)
        if np.all(ahead <= h + 1e-9 * (1 + h)):
            return h * (1 + 1e-6) + 1e-6 * ~process.terminal
        chosen = chain_of(limited, choice)
        if not reaches(chosen, process.terminal).all():
            return None
        h = solve_chain(chosen, 1e-7)
    return None
