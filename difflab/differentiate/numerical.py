"""Numerical differentiation: finite differences of the function, and the complex step through its graph.

Steps are chosen for each coordinate, scaled by its size and exactly representable. Differences to the left and to the
right are kept apart, so that a kink is seen and not averaged away.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import DomainError, InputError
from .complex_step import complex_step
from .derivative import Derivative
from .methods import answer
from .problem import Problem

EPSILON = 2.0**-52
SCHEMES = ("forward", "central", "five-point", "ridders", "complex-step")
# The step, relative to the coordinate, that balances truncation and rounding for each order of the formula.
STEPS = {"forward": EPSILON ** (1 / 2), "central": EPSILON ** (1 / 3), "five-point": EPSILON ** (1 / 5)}
RIDDERS_START, RIDDERS_RATIO, RIDDERS_ROWS = 0.1, 1.6, 14
KINK = 1e-3


class Line:
    """The function along one coordinate, counting its evaluations."""

    def __init__(self, problem: Problem, k: int, index: tuple[int, ...]) -> None:
        self.problem, self.k, self.index, self.evaluations = problem, k, index, 0
        self.x = float(np.asarray(problem.values[k])[index])

    def __call__(self, x: float) -> float:
        self.evaluations += 1
        values = list(self.problem.values)
        moved = np.array(values[self.k], dtype=float)
        moved[self.index] = x
        values[self.k] = moved[()]
        try:
            return float(self.problem.function(values))
        except InputError as error:  # the point itself was accepted
            raise DomainError(f"the function refuses {x:g} beside {self.x:g}: {error}") from error

    def step(self, relative: float) -> float:
        """A step that is exactly the difference of two floats."""
        h = relative * max(abs(self.x), 1.0)
        return (self.x + h) - self.x


def forward_difference(f: Line, h: float | None = None) -> tuple[float, float]:
    h = h or f.step(STEPS["forward"])
    y = f(f.x)
    right, left = (f(f.x + h) - y) / h, (y - f(f.x - h)) / h
    return right, abs(right - left) + rounding(y, h)


def central_difference(f: Line, h: float | None = None) -> tuple[float, float]:
    h = h or f.step(STEPS["central"])
    y, up, down = f(f.x), f(f.x + h), f(f.x - h)
    right, left = (up - y) / h, (y - down) / h
    found = (up - down) / (2 * h)
    error = kink_error(left, right, h) or h * h * abs(right - left) / h + rounding(max(abs(up), abs(down)), h)
    return found, error


def five_point_difference(f: Line, h: float | None = None) -> tuple[float, float]:
    h = h or f.step(STEPS["five-point"])
    a, b, c, d, y = f(f.x - 2 * h), f(f.x - h), f(f.x + h), f(f.x + 2 * h), f(f.x)
    found = (a - 8 * b + 8 * c - d) / (12 * h)
    coarse = (c - b) / (2 * h)
    kink = kink_error((y - b) / h, (c - y) / h, h)
    return found, kink or abs(found - coarse) * h + rounding(max(map(abs, (a, b, c, d))), h)


def ridders(f: Line, h: float | None = None) -> tuple[float, float]:
    """Richardson extrapolation of central differences with shrinking steps, stopped where it gets worse.

    Ridders (1982), "Accurate computation of F'(x) and F'(x)F''(x)".
    """
    h = h or f.step(RIDDERS_START)
    best, error = math.nan, math.inf
    rows: list[list[float]] = []
    for i in range(RIDDERS_ROWS):
        h_i = (f.x + h) - f.x
        row = [(f(f.x + h_i) - f(f.x - h_i)) / (2 * h_i)]
        for j in range(1, i + 1):
            factor = RIDDERS_RATIO ** (2 * j)
            row.append((factor * row[j - 1] - rows[i - 1][j - 1]) / (factor - 1))
            gap = max(abs(row[j] - row[j - 1]), abs(row[j] - rows[i - 1][j - 1]))
            if gap <= error:
                best, error = row[j], gap
        if i and math.isfinite(error) and abs(row[i] - rows[i - 1][i - 1]) >= 2 * error:
            break
        rows.append(row)
        h /= RIDDERS_RATIO
    small = f.step(STEPS["central"])
    y = f(f.x)
    left, right = (y - f(f.x - small)) / small, (f(f.x + small) - y) / small
    return best, kink_error(left, right, small) or error + 4 * EPSILON * abs(best)


def kink_error(left: float, right: float, h: float) -> float:
    """Half the jump of the slope where left and right differ by more than a smooth function's would; else 0."""
    jump = abs(right - left)
    return (
        jump / 2
        if jump > KINK * max(abs(left), abs(right), 1e-300) and jump > 1e3 * h * max(abs(left), abs(right))
        else 0.0
    )


def rounding(size: float, h: float) -> float:
    return 4 * EPSILON * abs(size) / abs(h)


FORMULAS: dict[str, Callable[..., tuple[float, float]]] = {
    "forward": forward_difference,
    "central": central_difference,
    "five-point": five_point_difference,
    "ridders": ridders,
}


def derivative(problem: Problem, scheme: str = "ridders", h: float | None = None) -> Derivative:
    """The gradient by finite differences or the complex step, with the error that the scheme claims for itself."""
    if scheme == "richardson":
        scheme = "ridders"
    if scheme not in SCHEMES:
        raise InputError(f"scheme={scheme!r}: the schemes are {', '.join(SCHEMES)}")
    start = time.perf_counter()
    if scheme == "complex-step":
        exact, count = complex_step(problem)
        label = "complex step, h = 1e-200 relative"
        return answer(problem, "numerical", label, problem.value, exact, start, evaluations=count, claimed_error=None)
    results: list[Any] = []
    errors, notes, count = {}, [], 0
    one_sided: dict[str, Any] = {}
    refusals: dict[str, Any] = {}
    for name, k in zip(problem.wrt, problem.places):
        shape = np.shape(problem.values[k])
        found, claimed = np.zeros(shape), np.zeros(shape)
        for index in np.ndindex(shape):
            line = Line(problem, k, index)
            with np.errstate(all="ignore"):
                found[index], claimed[index] = FORMULAS[scheme](line, h)
            count += line.evaluations
        if np.any(claimed > KINK * np.maximum(np.abs(found), 1e-300)):
            notes.append(f"{name}: the differences do not settle: a kink, or terms that cancel")
        sides = np.full((2, *shape), np.nan)
        why = np.full(shape, "", dtype=object)
        for index in np.ndindex(shape):
            line = Line(problem, k, index)
            s = 1e-6 * max(abs(line.x), 1.0)
            y = line(line.x)
            left, right = (y - line(line.x - s)) / s, (line(line.x + s) - y) / s
            if kink_error(left, right, s) and claimed[index] > 0.1 * abs(right - left):
                sides[(0, *index)], sides[(1, *index)] = left, right
                why[index], found[index] = "kink: the slopes differ", np.nan
        one_sided[name], refusals[name] = None if np.all(np.isnan(sides)) else (sides[0], sides[1]), why[()]
        results.append(found[()])
        errors[name] = claimed[()]
    label = f"finite difference, {scheme}" + (f", step {h:g}" if h else "")
    return answer(
        problem, "numerical", label, problem.value, results, start, evaluations=count, claimed_error=errors, notes=notes,
        one_sided=one_sided, refusals=refusals,
    )  # fmt: skip


__all__ = ["SCHEMES", "derivative"]
