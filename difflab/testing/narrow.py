"""Functions that compute in float32: their steps become noise, which differences know how to treat.

Such a function is a staircase: near the point all its values are equal, and differences see a derivative of 0, or what
the rounding of two numbers made of it. Dithered, its values scatter about the smooth function instead (L. Schuchman,
"Dither signals and their effect on quantization noise", 1964), and the difference that fits the noise is right.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from functools import wraps

import numpy as np

from ..graph.pytree import flatten
from ..types import Value
from .arguments import Arguments

NARROW = np.float32
MOVES = (1e-3, -3e-3, 7e-3)  # relative; far enough that a smooth function's values differ


def is_narrow(f: Callable[..., float], point: Arguments, value: float) -> bool:
    """Whether f's values are those of float32: here and at some points near it, and not all the same.

    A function that counts or rounds has short values in any precision; it jumps, and is no staircase of float32's.
    """
    base = point.vector(point.values)
    seen = {float(value)}
    with np.errstate(all="ignore"):
        for move in MOVES:
            change = move * np.where(base == 0, 1.0, base) * np.linspace(0.9, 1.1, base.size)
            try:
                seen.add(float(f(*point.moved(change))))
            except (ArithmeticError, ValueError):  # out of the domain
                continue
    return len(seen) > 1 and all(float(NARROW(y)) == y for y in seen) and not all(map(short, seen))


def short(y: float) -> bool:
    """Whether a number has so few digits that it says nothing of the precision it was computed in."""
    with np.errstate(all="ignore"):
        return y.is_integer() or float(np.float16(y)) == y


def dithered(f: Callable[..., float]) -> Callable[..., float]:
    """f with its arguments rounded to float32 at random, each way as often as it is near, and its value likewise.

    What is a float32 number stays. The random numbers follow from the arguments, so that f is a function still.
    """

    @wraps(f)
    def scattered(*arguments: Value) -> float:
        leaves, rebuild = flatten(arguments)
        rng = np.random.default_rng([zlib.crc32(np.asarray(x, float).tobytes()) for x in leaves])
        y = float(f(*rebuild([rounded(x, rng) for x in leaves])))
        return y + float(np.spacing(NARROW(abs(y)))) * (rng.random() - 0.5)

    return scattered


def rounded(x: Value, rng: np.random.Generator) -> Value:
    """A float32 number next to each entry."""
    wide = np.asarray(x, float)
    near = wide.astype(NARROW)
    other = np.nextafter(near, np.where(wide > near, np.inf, -np.inf).astype(NARROW))
    with np.errstate(all="ignore"):
        share = np.abs(wide - near) / np.abs(other.astype(float) - near)
    return np.where((wide != near) & (rng.random(wide.shape) < share), other, near).astype(np.asarray(x).dtype)[()]
