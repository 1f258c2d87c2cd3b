"""What the distributions share: SciPy's own function on plain numbers, and a formula where a value is traced."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from ....graph.traced import holds_traced
from ....late import Late
from ....types import Function, Value
from ...numpy.dispatching import dispatching

stats: Value = Late("scipy.stats")


def of(distribution: str) -> Callable[[Function], Function]:
    """A decorator: the formula is what the distribution's method of its name means on traced values."""

    def decorate(formula: Function) -> Function:
        @wraps(formula)
        def either(*args: Any, **kwargs: Any) -> Value:
            if holds_traced(args) or holds_traced(tuple(kwargs.values())):
                return formula(*args, **kwargs)
            return getattr(getattr(stats, distribution), formula.__name__)(*args, **kwargs)

        made: Function = dispatching(formula.__name__, either)
        return made

    return decorate


def standard(x: Value, loc: Value, scale: Value) -> Value:
    """(x - loc) / scale, without the operations that a loc of 0 and a scale of 1 do not need."""
    if not (isinstance(loc, int | float) and loc == 0):
        x = x - loc
    return x if isinstance(scale, int | float) and scale == 1 else x / scale


def log_scaled(density: Value, scale: Value) -> Value:
    """The logarithm of a density in the units of x: NaN where the scale is not positive."""
    if isinstance(scale, int | float) and scale == 1:
        return density
    return density - np.log(np.where(np.greater(scale, 0), scale, np.nan))


def within(inside: Value, x: Value, at: float) -> Value:
    """x, and where it is outside of the support a point of the support: what is computed there is dropped later."""
    return np.where(inside, x, at)


def inside(f: Function, z: Value, *shapes: Value, ends: tuple[float, float], top: float = np.inf) -> Value:
    """f(z, *shapes) for z from 0 to `top`; beyond them the values that f comes to at both ends, without a slope.

    NaN where a shape is not positive, as SciPy has it.
    """
    between = np.logical_and(np.greater(z, 0), np.less(z, top))
    valid = np.greater(shapes[0], 0)
    for shape in shapes[1:]:
        valid = np.logical_and(valid, np.greater(shape, 0))
    outer = np.where(np.isnan(z), np.nan, np.where(np.greater(z, 0), ends[1], ends[0]))
    return np.where(valid, np.where(between, f(within(between, z, 0.5), *shapes), outer), np.nan)
