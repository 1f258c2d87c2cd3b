"""Value iteration in its forms: simultaneous, Gauss-Seidel, and with sweeps under a fixed policy in between.

M. Puterman and M. Shin (1978), "Modified policy iteration algorithms for discounted Markov decision problems".
"""

from __future__ import annotations

import math

import numpy as np

from .backup import Policy, greedy_pairs
from .bounds import Bounds
from .devices import solve_on
from .linear import solve_chain
from .ordering import LEAST_LEVELS, Order, levels, natural
from .process import MDP
from .run import Run, Sweep
from .solution import Found
from .sweeps import Sweeper, pessimistic
from .types import Floats

LONGEST_EVALUATION = 60
FEW_STATES = 20_000  # up to which a value that terminal states send out arrives everywhere in few milliseconds


def value_iteration(process: MDP, run: Run, start: Floats | None = None, devices: int | None = None) -> Found:
    """q(s, a) = r + discount sum P max q, for all pairs at once, until the bounds of MacQueen and Porteus meet."""
    if devices is not None:
        return solve_on(process, run, start, devices, sweeps=False)
    for _ in run.sweeps(process, beginning(process, start)):
        pass  # on with the backup, as it is
    return run.found


def beginning(process: MDP, start: Floats | None) -> Floats:
    """The values to begin with (S,), which may be written over: 0 if none are given."""
    return np.zeros(process.n_states) if start is None else start.copy()


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
    for step in run.sweeps(process, patience=500, thorough=True):
        offer(run, step, sweeper, v, sweeper.sweep(v))
    return run.found


def offer(run: Run, step: Sweep, sweeper: Sweeper, v: Floats, change: float) -> None:
    """What a sweep has made of the values, in its order; by its largest change they are worth a proof, or not yet."""
    g = sweeper.discount
    step.estimate, step.final = change * (g / (1 - g) if g < 1 else 1.0), change == 0
    if step.estimate <= run.tolerance:
        step.next = sweeper.order.by_state(v)


def modified_policy_iteration(
    process: MDP,
    run: Run,
    start: Floats | None = None,
    ordered: bool | None = None,
    devices: int | None = None,
) -> Found:
    """Sweeps under the greedy policy between improvements: they cost one action's work instead of all.

    How many is decided by how fast they settle. `ordered` says whether sweeps go level by level away from the
    terminal states; by default they do where there are levels. On `devices` they are simultaneous.
    """
    if devices is not None:
        return solve_on(process, run, start, devices, sweeps=True)
    if ordered is None and start is None and process.terminal.any() and process.n_states <= FEW_STATES:
        start = first_sweeps(process, run, 40 + 2 * math.isqrt(process.n_states))
        if start is None:
            return run.found
    order = levels(process) if ordered or (ordered is None and process.terminal.any()) else None
    if order is not None and (ordered or order.levels >= LEAST_LEVELS):
        run.notes.append(f"Gauss-Seidel sweeps in {order.levels} levels away from the terminal states")
        return ordered_policy_iteration(process, run, order, start)
    return simultaneous_policy_iteration(process, run, start)


def first_sweeps(process: MDP, run: Run, limit: int) -> Floats | None:
    """The values after so many steps of value iteration, None where they are good enough: in a small process that is
    over before states are put in order."""
    v, bounds = beginning(process, None), Bounds(process)
    if not bounds.contracts:
        return v
    for step in run.sweeps(process, v, patience=math.inf, bounds=bounds):
        if run.iterations == limit:
            return step.w
    return None


def ordered_policy_iteration(process: MDP, run: Run, order: Order, start: Floats | None) -> Found:
    sweeper, g = Sweeper(process, order), process.discount
    v = (pessimistic(process, order) if start is None else start)[order.states]
    choice, before, change = np.zeros(process.n_states, np.int64), np.zeros(process.n_states, np.int64), math.inf
    floor = 0.2 * run.tolerance * (1 - g if g < 1 else 0.01)
    for k, step in enumerate(run.sweeps(process, patience=500, thorough=True)):
        if k:  # first the values of the policy that the last sweep has chosen
            moved = np.count_nonzero(choice != before)
            before[:] = choice
            # While the policy still changes in many states, exact values of this one are wasted work.
            aim = change * (0.1 if moved > 0.05 * len(v) else 5e-3 if moved else 1e-5)
            sweeper.chain(choice).settle(v, max(aim, floor))
        change = sweeper.sweep(v, choice)
        offer(run, step, sweeper, v, change)
    return run.found


def simultaneous_policy_iteration(process: MDP, run: Run, start: Floats | None) -> Found:
    policy, bounds = Policy(process), Bounds(process)
    last = before = math.inf
    for step in run.sweeps(process, beginning(process, start), patience=300, bounds=bounds):
        last, before = step.bound, last
        if run.iterations < 4 or (run.iterations < 7 and last < 0.75 * before):  # the first policies do not last
            continue
        moved = policy.take(greedy_pairs(process, step.q))
        # While the policy still changes in many states, exact values of this one are wasted work.
        share = moved / process.n_states
        factor = 0.2 if share > 0.05 else 0.01 if share > 0.005 else 1e-6
        step.next = policy_sweeps(policy, step.w, max(factor * step.bound, 0.3 * run.tolerance), bounds)
    return run.found


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
