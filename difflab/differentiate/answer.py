"""What a method makes of the partial derivatives that it found."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from ..types import Value
from .derivative import Derivative
from .problem import Problem
from .transform import zeros

NOT_DEFINED = "the function is not defined here"


def answer(
    problem: Problem, method: str, label: str, value: Value, found: list[Value], start: float, **rest: Any
) -> Derivative:
    """A Derivative from the list of partial derivatives."""
    by_name = {n: zeros(x) for n, x in zip(problem.names, problem.values)}
    by_name.update(zip(problem.wrt, found))
    by_name = {n: by_name[n] for n in problem.names}
    notes = list(problem.notes) + rest.pop("notes", [])
    defined = problem.value
    if not np.all(np.isfinite(defined)):
        value = defined
        by_name = {n: np.full(np.shape(x), np.nan)[()] for n, x in by_name.items()}
        notes.append(f"{NOT_DEFINED}: its value is {float(value)}, so there is no derivative")
    took = time.perf_counter() - start
    timing = {"seconds": took, "evaluation": took} | {
        k: rest.pop(k) for k in ("preparation", "evaluation") if k in rest
    }
    return Derivative(method, label, value, problem.rebuild(by_name), by_name, notes=notes, **timing, **rest)
