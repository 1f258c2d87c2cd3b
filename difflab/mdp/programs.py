"""Solvers that do not iterate on discounted values: a linear program, backward induction, the average reward."""

from __future__ import annotations

import dataclasses
import math
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike

from ..errors import InputError
from .backup import best, chain_of, greedy_actions, greedy_pairs, pair_values
from .bounds import GainBounds, proven, rounding
from .checks import discount_of, reaches, values_of, whole
from .linear import solve_chain
from .process import MDP
from .run import Run
from .solution import Found
from .types import Rows

MOST_STAGES = 2**28  # 2 GiB of values


def linear_programming(process: MDP, run: Run) -> Found:
    """The smallest v with v >= r + discount P v for all pairs, by HiGHS; its greedy policy is then evaluated.

    F. d'Epenoux (1963). The program's own accuracy is about 1e-7, the linear solve behind it proves the rest.
    """
    from scipy.optimize import linprog  # which loads for longer than most processes are solved

    S, K = process.n_states, process.n_pairs
    own = Rows((np.ones(K), (np.arange(K), process.states)), shape=(K, S))
    constraint = Rows(process.discount * process.transitions - own)
    free = np.where(process.terminal, 0.0, np.inf)
    program = linprog(
        np.ones(S), A_ub=constraint, b_ub=-process.rewards, bounds=np.stack([-free, free], axis=1), method="highs"
    )
    if program.status == 2:  # no v satisfies all rows
        raise InputError(
            f"linear_programming: discount {process.discount:.12g}, and no values are large enough: a round of steps "
            "that pays can be gone again and again; take a discount below 1, or see that no round of steps pays"
        )
    if program.status != 0:
        raise InputError(f"linear_programming: HiGHS stopped: {program.message}")
    found = proven(process, np.where(process.terminal, 0.0, program.x))
    for _ in range(20):
        if found.bound <= run.tolerance:
            break
        pairs = greedy_pairs(process, pair_values(process, found.values))
        if process.discount == 1 and not reaches(chain_of(process, pairs), process.terminal).all():
            break
        refined = solve_chain(chain_of(process, pairs), 1e-3 * run.tolerance)
        refined[process.terminal] = 0.0
        found = proven(process, refined)
    run.residuals.append(found.bound)
    run.notes.append(f"HiGHS took {int(program.nit)} steps")
    if found.bound > run.tolerance:
        raise run.refuse(found.bound)
    return found


def finite(
    process: MDP, run: Run, horizon: int | None = None, final: ArrayLike | None = None, discount: float | None = None
) -> Found:
    """Backward induction: the best total reward with `horizon` steps to go, exact up to rounding.

    `discount` replaces that of the process: 1 is fine here, with or without terminal states. `final` (S,) is what
    being in a state at the end is worth, 0 if not given. The solution's values are those with all steps to go;
    `stages` (horizon + 1, S) has those with 0, 1, ... to go, `policies` (horizon, S) the action with 1, 2, ... to go.
    """
    if horizon is None:
        raise InputError("finite: horizon is missing, the steps to go: solve('finite', horizon=10), or --horizon 10")
    steps = whole(horizon, "finite: horizon")
    if steps * process.n_states > MOST_STAGES:
        shown = f"{steps:,}" if steps < 10**15 else f"a number of {len(str(steps))} digits"
        raise InputError(
            f"finite: horizon={shown} steps of {process.n_states:,} states are more than the {MOST_STAGES:,} values "
            "that are kept; take fewer, or value_iteration with a discount"
        )
    if discount is not None:
        process = dataclasses.replace(process, discount=discount_of(discount))
    v = np.zeros(process.n_states) if final is None else values_of(process, final).copy()
    stages, policies, noise = [v], [], 0.0
    q = pair_values(process, v)
    for _ in range(steps):
        noise = process.discount * noise + rounding(process, v)
        q = pair_values(process, v)
        v = np.where(process.terminal, v if final is not None else 0.0, best(q, process.starts, process.n_actions))
        stages.append(v)
        policies.append(greedy_actions(process, q))
        run.record(max(noise, run.tolerance * 1.000001))
    if noise > run.tolerance:
        raise run.refuse(noise)
    none = np.zeros((0, process.n_states), np.int64)
    return Found(
        v,
        noise,
        pairs=q,
        policy=policies[-1] if policies else np.zeros(process.n_states, np.int64),
        stages=np.stack(stages),
        policies=np.stack(policies) if policies else none,
    )


def average_reward(process: MDP, run: Run, laziness: float = 0.1) -> Found:
    """The best average reward of a step, whatever the discount, by relative value iteration.

    `gain` lies within the tolerance (and `error_bound` is that of the gain); `values` is the bias, how much better it
    is to begin in a state than in state 0. For processes in which every policy's chain has one recurrent class. With
    probability `laziness` a step stays in place, which changes neither gain nor best policy and stops oscillation.
    A. Odoni (1969); M. Puterman (1994), "Markov Decision Processes", section 8.5.
    """
    if not isinstance(laziness, Real) or not 0 <= laziness < 1:
        raise InputError(f"average_reward: laziness={laziness!r}; it is a probability below 1")
    if process.terminal.any():
        raise InputError(
            "average_reward: the process has terminal states, its average reward is 0; let them lead back to a start"
        )
    unit = unit_discount(process)
    for step in run.sweeps(unit, np.zeros(process.n_states), patience=math.inf, bounds=GainBounds(unit)):
        if run.stalled(5000):
            raise InputError(
                f"average_reward: the best gain lies between {step.lo:.6g} and {step.hi:.6g} and the two do not meet; "
                "some states cannot reach each other, so that the gain depends on the start"
            )
        h = (1 - laziness) * step.w + laziness * step.v
        step.next = h - h[0]
    return run.found


def unit_discount(process: MDP) -> MDP:
    """The same rows with discount 1, unchecked: relative values stay finite without terminal states."""
    return dataclasses.replace(process, discount=1.0)
