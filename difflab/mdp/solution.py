"""What a solver hands back, and what is taken for a solution."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import InputError
from ..glance import cut
from .process import Solution
from .types import Floats, Integers


@dataclass
class Found:
    """What a solver hands back: values (S,), the proven bound of their error, and what only some solvers have.

    `pairs` (K,) are the action values within the same bound, whose greedy policy the bound is about too.
    """

    values: Floats
    bound: float
    pairs: Floats | None = None
    policy: Integers | None = None
    gain: float | None = None
    stages: Floats | None = None
    policies: Integers | None = None


def stationary(solution: object, what: str) -> Solution:
    """The solution whose values are v*, or an error where they are a bias or count the steps to go."""
    found = solved(solution, what)
    if found.gain is not None or found.stages is not None:
        of = "the average reward of a step" if found.stages is None else f"{len(found.stages) - 1} steps to go"
        raise InputError(
            f"{what}: the solution by {found.method} is of {of}, and the derivatives are those of discounted values "
            "without an end; give solution.process.solve()"
        )
    return found


def solved(solution: object, what: str) -> Solution:
    """The solution, or an error for what is none: a process is the usual mistake."""
    if not isinstance(solution, Solution):
        raise InputError(f"{what}: {cut(repr(solution))} is not a solution; give process.solve()")
    return solution
