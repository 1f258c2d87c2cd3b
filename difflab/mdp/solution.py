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


def solved(solution: object, what: str) -> Solution:
    """The solution, or an error for what is none: a process is the usual mistake."""
    if not isinstance(solution, Solution):
        raise InputError(f"{what}: {cut(repr(solution))} is not a solution; give process.solve()")
    return solution
