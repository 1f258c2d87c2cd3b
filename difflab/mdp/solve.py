"""`process.solve`: the methods by name, and the choice among them."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from ..errors import InputError
from ..progress import doing
from ..types import Params, Value
from .accelerated import anderson, prioritised_sweeping
from .backup import best, greedy_actions, pair_values
from .checks import tolerance_of, values_of, whole
from .iteration import gauss_seidel, modified_policy_iteration, value_iteration
from .linear import DENSE
from .policies import newton, policy_iteration
from .process import MDP, SOLVE, Solution
from .programs import average_reward, finite, linear_programming
from .run import Run
from .solution import Found

FEW = 100  # states up to which a dense solve costs less than sweeps do
METHODS: dict[str, Callable[..., Found]] = {
    "value_iteration": value_iteration,
    "gauss_seidel": gauss_seidel,
    "policy_iteration": policy_iteration,
    "modified_policy_iteration": modified_policy_iteration,
    "newton": newton,
    "anderson": anderson,
    "prioritised_sweeping": prioritised_sweeping,
    "linear_programming": linear_programming,
    "finite": finite,
    "average_reward": average_reward,
}

ON_DEVICES = "modified_policy_iteration", "on devices, sweeps under a fixed policy cost least"


def choose(process: MDP) -> tuple[str, str]:
    """The method for this process, and why."""
    if process.n_states <= (DENSE if process.discount == 1 else FEW):
        return "policy_iteration", f"{process.n_states} states: a dense solve for each policy is the fastest"
    if process.discount == 1:
        return (
            "modified_policy_iteration",
            "discount 1: sweeps away from the terminal states settle in few rounds; the bound is proven at the end",
        )
    return (
        "modified_policy_iteration",
        f"{process.n_states:,} states: sweeps under a fixed policy cost 1/{process.n_actions} of a full backup, "
        "factorisations would fill in",
    )


def solve(
    process: MDP,
    method: str = "auto",
    tolerance: float = 1e-6,
    *,
    start: ArrayLike | None = None,
    max_iterations: int = 1_000_000,
    progress: Callable[[int, float], object] | None = None,
    **options: Value,
) -> Solution:
    """The optimal values and policy of a process; see `MDP.solve`."""
    if not isinstance(method, str) or (method != "auto" and method not in METHODS):
        raise InputError(f"solve: no method {method!r}; there are auto, {', '.join(METHODS)}")
    max_iterations = whole(max_iterations, "solve: max_iterations", 1)
    tolerance = tolerance_of(tolerance)
    began = time.perf_counter()
    notes = []
    if method == "auto":
        method, why = choose(process) if options.get("devices") is None else ON_DEVICES
        notes.append(f"auto chose {method}: {why}")
    if start is not None:
        if "start" not in inspect.signature(METHODS[method]).parameters:
            raise InputError(f"solve: {method} takes no start")
        options["start"] = np.where(process.terminal, 0.0, values_of(process, start))
    run = Run(method, tolerance, max_iterations, progress)
    try:
        with doing(method.replace("_", " ")):
            found = METHODS[method](process, run, **options)
    except TypeError as error:
        if "unexpected keyword" not in str(error):
            raise
        raise InputError(f"solve: {method} has no option {str(error).split(chr(39))[1]!r}") from None
    return finished(process, run, found, [*notes, *run.notes], began)


def solved_by(process: MDP, method: str, tolerance: float, options: Params) -> Solution:
    """`MDP.solve`."""
    return solve(process, method, tolerance, **options)


def finished(process: MDP, run: Run, found: Found, notes: list[str], began: float) -> Solution:
    """The values with their q and greedy policy."""
    pairs = found.pairs if found.pairs is not None else pair_values(process, found.values)
    policy = found.policy if found.policy is not None else greedy_actions(process, pairs)
    return Solution(
        process=process,
        method=run.method,
        values=found.values,
        q=process.table(pairs),
        policy=policy,
        error_bound=abs(float(found.bound)),  # -0 is 0
        iterations=max(run.iterations, 1),
        residuals=run.residuals or [float(found.bound)],
        seconds=time.perf_counter() - began,
        notes=notes,
        gain=found.gain,
        stages=found.stages,
        policies=found.policies,
    )


def residual_of(process: MDP, values: ArrayLike) -> float:
    """max |T v - v|, the Bellman residual of values (S,).

    >>> from difflab import mdp
    >>> grid = mdp.gridworld((3, 3))
    >>> residual_of(grid, grid.solve().values)
    0.0
    """
    v = values_of(process, values)
    w = best(pair_values(process, v), process.starts, process.n_actions)
    return float(np.abs(np.where(process.terminal, 0.0, w) - v).max(initial=0.0))


SOLVE.fill(solved_by)
