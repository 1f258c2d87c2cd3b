"""Difference formulas with a step that is given or fixed beforehand, each with the error that it claims for itself."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import DomainError, InputError
from ..types import Value
from .problem import Problem

EPSILON = 2.0**-52
# The step, relative to the coordinate, that balances truncation and rounding for each order of the formula.
STEPS = {"forward": EPSILON ** (1 / 2), "central": EPSILON ** (1 / 3), "five-point": EPSILON ** (1 / 5)}
RIDDERS_START, RIDDERS_RATIO, RIDDERS_ROWS = 0.1, 1.6, 14
KINK = 1e-3


class Line:
    """The function along one coordinate, counting its evaluations."""

    function: Callable[[list[Value]], Value]
    values: list[Value]
    k: int
    index: tuple[int, ...]
    evaluations: int
    x: float

    def __init__(
        self, problem: Problem, k: int, index: tuple[int, ...], function: Callable[[list[Any]], Any] | None = None
    ) -> None:
        self.function = function or problem.function
        self.values, self.k, self.index, self.evaluations = problem.values, k, index, 0
        self.x = float(np.asarray(problem.values[k])[index])

    def __call__(self, x: float) -> float:
        self.evaluations += 1
        values = [np.asarray(v, dtype=float)[()] for v in self.values]  # float32 beside it would round differently
        moved = np.array(values[self.k])
        moved[self.index] = x
        values[self.k] = moved[()]
        try:
            return float(self.function(values))
        except InputError as error:  # the point itself was accepted
            raise DomainError(f"the function refuses {x:g} beside {self.x:g}: {error}") from error

    def or_nan(self, x: float) -> float:
        """The value at x; NaN where the function has none or refuses x."""
        try:
            return self(x)
        except (ArithmeticError, ValueError):
            return math.nan

    @property
    def scale(self) -> float:
        """The size of the coordinate; where it is 0 that of the largest beside it, or 1."""
        return abs(self.x) or float(np.max(np.abs(self.values[self.k]))) or 1.0

    def step(self, relative: float) -> float:
        """A step that is exactly the difference of two floats."""
        h = relative * max(abs(self.x), 1.0)
        return (self.x + h) - self.x


def forward_difference(f: Line, h: float | None = None) -> tuple[float, float]:
    h = h or f.step(STEPS["forward"])
    y = f(f.x)
    right, left = (f(f.x + h) - y) / h, (y - f(f.x - h)) / h
    return right, abs(right - left) + rounding(f, (y,), right, h)


def central_difference(f: Line, h: float | None = None) -> tuple[float, float]:
    h = h or f.step(STEPS["central"])
    y, up, down = f(f.x), f(f.x + h), f(f.x - h)
    right, left = (up - y) / h, (y - down) / h
    found = (up - down) / (2 * h)
    wide = (f.or_nan(f.x + 2 * h) - f.or_nan(f.x - 2 * h)) / (4 * h)  # off by four times as much
    truncation = abs(found - wide) if math.isfinite(wide) else abs(right - left)
    return found, kink_error(left, right, h) or truncation + rounding(f, (up, down), found, h)


def five_point_difference(f: Line, h: float | None = None) -> tuple[float, float]:
    h = h or f.step(STEPS["five-point"])
    a, b, c, d, y = f(f.x - 2 * h), f(f.x - h), f(f.x + h), f(f.x + 2 * h), f(f.x)
    found = (a - 8 * b + 8 * c - d) / (12 * h)
    coarse = (c - b) / (2 * h)
    wide = (f.or_nan(f.x - 4 * h) - 8 * a + 8 * d - f.or_nan(f.x + 4 * h)) / (24 * h)  # off by 16 times as much
    truncation = abs(found - (wide if math.isfinite(wide) else coarse))
    kink = kink_error((y - b) / h, (c - y) / h, h)
    return found, kink or truncation + rounding(f, (a, b, c, d), found, h)


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


def rounding(f: Line, values: tuple[float, ...], slope: float, h: float) -> float:
    """What rounding of the values, and of x + h, makes of a difference over h."""
    return 4 * EPSILON * max(map(abs, values)) / abs(h) + EPSILON * abs(f.x * slope / h)


FORMULAS: dict[str, Callable[..., tuple[float, float]]] = {
    "forward": forward_difference,
    "central": central_difference,
    "five-point": five_point_difference,
    "ridders": ridders,
}


__all__ = ["FORMULAS", "KINK", "Line"]
