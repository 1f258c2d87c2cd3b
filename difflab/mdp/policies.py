"""Policy iteration, and Newton's method on the Bellman residual, which is the same thing.

R. Howard (1960), "Dynamic Programming and Markov Processes"; M. Puterman and S. Brumelle (1979), "On the convergence
of policy iteration in stationary dynamic programming", for Newton.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.sparse import linalg as sparse_linalg

from ..types import Value
from .backup import best, chain_of, greedy_pairs, pair_values
from .bounds import rounding
from .checks import reaches
from .graphs import backup_function
from .linear import DENSE, solve_chain, solve_dense
from .ordering import levels
from .process import MDP
from .run import Run
from .solution import Found
from .types import Floats, Integers

WHOLE = 1000  # states up to which the whole Jacobian is at hand where its products do not lead on


def policy_iteration(process: MDP, run: Run, start: Floats | None = None) -> Found:
    """The values of a policy, by a linear solve, and the greedy policy of these values, until nothing changes."""
    g, v, seen = process.discount, start, -np.inf
    pairs = first_policy(process, start)
    for step in run.sweeps(process, patience=100, thorough=True):
        v = solve_chain(chain_of(process, pairs), 1e-3 * run.tolerance, v)
        v[process.terminal] = 0.0
        q = pair_values(process, v)
        top = best(q, process.starts, process.n_actions)
        margin = 4 * rounding(process, v) + 0.01 * run.tolerance * (1 - g)
        better = improved(process, pairs, q, top, margin)
        total, gain = float(v.sum()), float((top - v).max(initial=0.0))
        step.next, step.final = v, np.array_equal(better, pairs)
        step.estimate = max(gain * (1 / (1 - g) if g < 1 else 1.0), 1.000001 * run.tolerance)
        if step.final or total <= seen:  # no policy is better, or rounding hides which
            step.estimate = 0.0
        seen, pairs = total, better
    return run.found


def improved(process: MDP, pairs: Integers, q: Floats, top: Floats, margin: float) -> Integers:
    """The greedy pairs; where the present one is as good up to the margin, it stays, or ties would change for ever."""
    new = greedy_pairs(process, q)
    alive = pairs >= 0
    keep = alive.copy()
    keep[alive] = q[pairs[alive]] >= top[alive] - margin
    return np.where(keep, pairs, new)


def first_policy(process: MDP, start: Floats | None) -> Integers:
    """Greedy for the rewards; with discount 1 one that reaches a terminal state from everywhere."""
    v = np.zeros(process.n_states) if start is None else start
    pairs = greedy_pairs(process, pair_values(process, v))
    if process.terminal.any() and process.n_states > DENSE and start is None:
        return towards_the_end(process)  # a policy that gets there: each round would carry its news one step only
    if process.discount < 1 or reaches(chain_of(process, pairs), process.terminal).all():
        return pairs
    return towards_the_end(process)


def towards_the_end(process: MDP) -> Integers:
    """Each state's pair that comes nearest to a terminal state with the most probability."""
    order = levels(process)
    if order is None:
        return greedy_pairs(process, process.rewards)
    P = process.transitions
    owner = np.repeat(process.states, np.diff(P.indptr))
    row = np.repeat(np.arange(process.n_pairs), np.diff(P.indptr))
    nearer = order.distance[P.indices] < order.distance[owner]
    forward = np.bincount(row, P.data * nearer, process.n_pairs)
    return greedy_pairs(process, np.asarray(forward, float))


def bellman_residual(process: MDP) -> Callable[[Value], Value]:
    """v -> (best of r + discount P v) - v, in primitives of the engine, so that it is drawn and differentiated."""
    backup = backup_function(process)
    return lambda v: backup(v) - v


def newton(process: MDP, run: Run, start: Floats | None = None) -> Found:
    """Newton's method on the Bellman residual F(v) = T v - v, with the Jacobian from the engine.

    Where the greedy action is unique, dF/dv = discount P_pi - I, so that a step is the solve of policy iteration. A
    small process takes the Jacobian whole; a large one GMRES on Jacobian-vector products.
    """
    from ..differentiate.jacobians import jacobian

    F = bellman_residual(process)

    def whole_step(v: Floats, residual: Floats) -> Floats:
        return solve_dense(np.asarray(jacobian(F)(v)), -residual, process.discount)

    v = solve_chain(chain_of(process, first_policy(process, start)), run.tolerance) if start is None else start.copy()
    v[process.terminal] = 0.0
    for step in run.sweeps(process, v, patience=20, thorough=True):
        v = step.v
        residual = np.asarray(F(v))
        if process.n_states <= DENSE:
            way = whole_step(v, residual)
        else:
            scale = float(np.abs(residual).max(initial=0.0))
            wanted = 1e-3 * min(1.0, run.tolerance / max(scale, 1e-300))
            way, reached = newton_step(F, v, residual, wanted, 4 if process.n_states <= WHOLE else 20)
            if not reached and process.n_states <= WHOLE:  # a chain that mixes slowly: no Krylov method is fast
                way = whole_step(v, residual)
        step.next = v + way
        step.next[process.terminal] = 0.0
    return run.found


def newton_step(
    F: Callable[[Value], Value], v: Floats, residual: Floats, rtol: float, cycles: int
) -> tuple[Floats, bool]:
    """The solution of J x = -F(v), with J known by its products alone, and whether so many cycles have reached it."""
    from ..compile.program.program import compile as compile_function
    from ..differentiate.transform import jvp

    product = compile_function(lambda at, t: jvp(F, (at,), (t,))[1])
    J = sparse_linalg.LinearOperator((len(v), len(v)), matvec=lambda x: product(v, np.ravel(x)), dtype=np.float64)
    found, left = sparse_linalg.gmres(J, -residual, rtol=max(rtol, 1e-14), atol=0, restart=50, maxiter=cycles)
    return np.asarray(found), left == 0
