"""Whether the record of a function is the function: at the point, both must have the same value.

A function that is run on traced values may compute something else than on numbers: it looks at types or at texts,
catches what a traced value raises, draws random numbers, counts its calls.
"""

from __future__ import annotations

import numpy as np

from ..types import Value
from .problem import Problem
from .rounding import formula_rounding

SAME = 1e-6  # relative: how near the record's value has to be to the function's where nothing cancels
SPARE = 4.0  # times the bound on rounding: another order of the same operations


def departure(problem: Problem) -> str:
    """How a recorded function differs from its record at the point; "" where it does not.

    A function that cannot be run on plain numbers has nothing to be compared with.
    """
    if not problem.traced:
        return ""
    try:
        with np.errstate(all="ignore"):
            found, again = (float(np.asarray(problem.function(list(problem.values)))) for _ in range(2))
    except Exception:  # whatever the user's code says of numbers
        return ""
    return told_apart(problem, float(problem.value), found, again)


def told_apart(problem: Problem, recorded: float, found: float, again: float) -> str:
    """What is to be said of the record's value and two of the function's own; "" where rounding explains it all."""
    if not same(problem, found, again):
        return (
            f"the function gives two values at the same point, {found:.17g} and {again:.17g}: "
            "fix its random numbers or its state"
        )
    if same(problem, recorded, found):
        return ""
    return (
        f"the record of the function gives {recorded:.17g} here, the function itself {found:.17g}: it computes "
        "something else where it is recorded, or has a state; a derivative of the record is none of the function"
    )


def same(problem: Problem, a: float, b: float) -> bool:
    """Whether two values of a recorded function differ by no more than rounding."""
    if a == b or (a != a and b != b) or abs(a - b) <= SAME * max(abs(a), abs(b), 1e-300):
        return True
    bound: Value = formula_rounding(problem.graph, problem.values)
    return bool(np.isfinite(bound)) and abs(a - b) <= SPARE * float(bound)


__all__ = ["departure", "same", "told_apart"]
