"""Value iteration in its forms: simultaneous, Gauss-Seidel, and with sweeps under a fixed policy in between.

M. Puterman and M. Shin (1978), "Modified policy iteration algorithms for discounted Markov decision problems".
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from .backup import Backup, Policy, greedy_pairs
from .bounds import Bounds
from .linear import solve_chain
from .ordering import LEAST_LEVELS, Order, levels, natural
from .run import Found, Run
from .sweeps import Sweeper, pessimistic

if TYPE_CHECKING:
    from .process import MDP, Floats

LONGEST_EVALUATION = 60
FEW_STATES = 20_000  # up to which a value that terminal states send out arrives everywhere in few milliseconds


def value_iteration(process: MDP, run: Run, start: Floats | None = None) -> Found:
    """q(s, a) = r + discount sum P max q, for all pairs at once, until the bounds of MacQueen and Porteus meet."""
    backup, bounds = Backup(process), Bounds(process)
    v = np.zeros(process.n_states) if start is None else start.copy()
    w = np.empty_like(v)
    while True:
        lo, hi = backup(v, w)
        w[process.terminal] = 0.0
        if bounds.contracts:
            bound = bounds.bound(lo, hi, v)
        else:
            bound = first_proof(process, w, lo, hi, run)
        if run.record(bound):
            return bounds.prove(v, w, backup.q, lo, hi) if bounds.contracts else Found(w, bound)
        if run.stalled(200) and lo == hi == 0:
            raise run.refuse(bound)
        v, w = w, v
        if run.stalled(2000):
            raise run.refuse(bound)


def first_proof(process: MDP, w: Floats, lo: float, hi: float, run: Run) -> float:
    """With discount 1 a proof costs several backups: it is tried when the residual alone might do."""
    from .bounds import shortest_path_bound

    change = max(-lo, hi)
    if change > 0.1 * run.tolerance:
        return max(change * max(1, run.iterations), 2 * run.tolerance)  # no proof: only what is shown meanwhile
    return shortest_path_bound(process, w)


def sweep_order(process: MDP) -> Order:
    """Away from the sources of value where there are any, else as the states are numbered."""
    order = levels(process)
    if order is not None and order.levels >= LEAST_LEVELS:
        return order
    return natural(process, max(1, process.n_states // 16))


def gauss_seidel(process: MDP, run: Run, start: Floats | None = None) -> Found:
    """Value iteration in which every block of states sees the new values of the blocks before it."""
    order = sweep_order(process)
    sweeper = Sweeper(process, order)
    v = (pessimistic(process, order) if start is None else start)[order.states]
    while True:
        change = sweeper.sweep(v)
        proof = settle(process, run, order, v, change)
        if proof is not None:
            return proof


def settle(process: MDP, run: Run, order: Order, v: Floats, change: float) -> Found | None:
    """Records the sweep; where its change is small enough, a simultaneous backup proves the bound."""
    g = process.discount
    estimate = change * (g / (1 - g) if g < 1 else 1.0)
    if estimate > run.tolerance:
        run.record(max(estimate, 1.000001 * run.tolerance))
        return None
    values = np.empty_like(v)
    values[order.states] = v
    found = proven(process, values)
    if run.record(found.bound):
        return found
    if change == 0 or run.stalled(500):
        raise run.refuse(found.bound)
    return None


def proven(process: MDP, v: Floats) -> Found:
    """The backup of v and a proven bound of its error."""
    backup, bounds = Backup(process), Bounds(process)
    w = np.empty_like(v)
    lo, hi = backup(v, w)
    w[process.terminal] = 0.0
    return bounds.prove(v, w, backup.q, lo, hi)


def modified_policy_iteration(
    process: MDP, run: Run, start: Floats | None = None, ordered: bool | None = None
) -> Found:
    """Sweeps under the greedy policy between improvements: they cost one action's work instead of all.

    How many is decided by how fast they settle. `ordered` says whether sweeps go level by level away from the
    terminal states; by default they do where there are levels.
    """
    if ordered is None and start is None and process.terminal.any() and process.n_states <= FEW_STATES:
        found, start = first_sweeps(process, run, 40 + 2 * math.isqrt(process.n_states))
        if found is not None:
            return found
    order = levels(process) if ordered or (ordered is None and process.terminal.any()) else None
    if order is not None and (ordered or order.levels >= LEAST_LEVELS):
        run.notes.append(f"Gauss-Seidel sweeps in {order.levels} levels away from the terminal states")
        return ordered_policy_iteration(process, run, order, start)
    return simultaneous_policy_iteration(process, run, start)


def first_sweeps(process: MDP, run: Run, limit: int) -> tuple[Found | None, Floats]:
    """At most so many steps of value iteration: in a small process they are over before states are put in order."""
    backup, bounds = Backup(process), Bounds(process)
    v, w = np.zeros(process.n_states), np.empty(process.n_states)
    for _ in range(limit if bounds.contracts else 0):
        lo, hi = backup(v, w)
        w[process.terminal] = 0.0
        if run.record(bounds.bound(lo, hi, v)):
            return bounds.prove(v, w, backup.q, lo, hi), v
        v, w = w, v
    return None, v


def ordered_policy_iteration(process: MDP, run: Run, order: Order, start: Floats | None) -> Found:
    sweeper = Sweeper(process, order)
    v = (pessimistic(process, order) if start is None else start)[order.states]
    choice = np.zeros(process.n_states, np.int64)
    before = choice.copy()
    while True:
        change = sweeper.sweep(v, choice)
        proof = settle(process, run, order, v, change)
        if proof is not None:
            return proof
        moved = np.count_nonzero(choice != before)
        before[:] = choice
        chain = sweeper.chain(choice)
        # While the policy still changes in many states, exact values of this one are wasted work.
        aim = change * (0.1 if moved > 0.05 * len(v) else 5e-3 if moved else 1e-5)
        floor = 0.2 * run.tolerance * (1 - process.discount if process.discount < 1 else 0.01)
        chain.settle(v, max(aim, floor))


def simultaneous_policy_iteration(process: MDP, run: Run, start: Floats | None) -> Found:
    backup, bounds = Backup(process), Bounds(process)
    v = np.zeros(process.n_states) if start is None else start.copy()
    w = np.empty_like(v)
    policy = Policy(process)
    last, before = math.inf, math.inf
    while True:
        lo, hi = backup(v, w)
        w[process.terminal] = 0.0
        bound = bounds.bound(lo, hi, v) if bounds.contracts else first_proof(process, w, lo, hi, run)
        if run.record(bound):
            return bounds.prove(v, w, backup.q, lo, hi) if bounds.contracts else Found(w, bound)
        if run.stalled(300):
            raise run.refuse(bound)
        v, w = w, v
        last, before = bound, last
        if run.iterations < 4 or (run.iterations < 7 and last < 0.75 * before):  # the first policies do not last
            continue
        moved = policy.take(greedy_pairs(process, backup.q))
        # While the policy still changes in many states, exact values of this one are wasted work.
        share = moved / len(v)
        factor = 0.2 if share > 0.05 else 0.01 if share > 0.005 else 1e-6
        v = policy_sweeps(policy, v, max(factor * bound, 0.3 * run.tolerance), bounds)


def policy_sweeps(policy: Policy, v: Floats, aim: float, bounds: Bounds) -> Floats:
    """Backups under one policy until its own bound is below the aim; then the shift that centres the bounds.

    Where sweeps settle too slowly, because the policy's chain mixes slowly, a Krylov method goes on.
    """
    w = np.empty_like(v)
    next_measure, last = 2, (0, math.inf)
    for k in range(1, LONGEST_EVALUATION + 1):
        measure = k == next_measure
        lo, hi = policy.backup(v, w, measure)
        v, w = w, v
        if not measure:
            continue
        bound = bounds.bound(lo, hi, None) if bounds.contracts else max(-lo, hi)
        if bound <= aim:
            break
        next_measure, last = k + sweeps_left(k, bound, *last, aim), (k, bound)
    else:
        return solve_chain(policy.chain, aim, v)
    if bounds.contracts and not bounds.ends:
        below, above = bounds.interval(lo, hi, 0.0)
        v = v + (below + above) / 2
    return v


def sweeps_left(k: int, bound: float, before: int, last: float, aim: float) -> int:
    """How many more sweeps the aim takes at the speed since the measurement before: measuring costs as well."""
    speed = math.log(last / bound) / (k - before) if bound < last < math.inf else 0.0
    return max(1, min(8, math.ceil(math.log(bound / aim) / speed))) if speed > 0 else 2
