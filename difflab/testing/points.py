"""Points at which a gradient is tried: ordinary ones, and tails, where formulas overflow and cancel."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..differentiate.problem import check_call
from ..errors import InputError
from ..types import Shape, Sizes, Value

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

REGIONS = ("ordinary", "ordinary", "ordinary", "tail")  # one point in four lies in a tail
ORDINARY = (-3.0, 3.0)
SMALLEST, LARGEST = -12.0, 4.0  # powers of ten of the tails of the whole line
CLOSEST = -12.0  # and of the distance from an end of an interval, as a part of it


def regions(count: int) -> list[str]:
    """A name for each of `count` points, such as "ordinary-0" and "tail-3"."""
    return [f"{REGIONS[k % len(REGIONS)]}-{k}" for k in range(count)]


def draw(region: str, shape: tuple[int, ...], low: float | None, high: float | None, rng: np.random.Generator) -> Value:
    """An array of that shape, or a number for (); between `low` and `high` where they are given.

    Without bounds, a tail is of either sign and of any size from 1e-12 to 1e4; with them, it lies near one of them.
    """
    if region.startswith("ordinary"):
        a, b = bounds(low, high)
        return inside(rng.uniform(a, b, shape), low, high)[()]
    if low is not None and high is not None:
        distance = (high - low) * 10.0 ** rng.uniform(CLOSEST, 0.0, shape)
        return inside(np.where(rng.random(shape) < 0.5, low + distance, high - distance), low, high)[()]
    if low is not None:
        return np.asarray(low + 10.0 ** rng.uniform(SMALLEST, LARGEST, shape))[()]
    if high is not None:
        return np.asarray(high - 10.0 ** rng.uniform(SMALLEST, LARGEST, shape))[()]
    return (rng.choice([-1.0, 1.0], shape) * 10.0 ** rng.uniform(SMALLEST, LARGEST, shape))[()]


def bounds(low: float | None, high: float | None) -> tuple[float, float]:
    """The interval of the ordinary points."""
    width = ORDINARY[1] - ORDINARY[0]
    if low is None:
        return ORDINARY if high is None else (high - width, high)
    return (low, low + width) if high is None else (low, high)


def inside(x: Value, low: float | None, high: float | None) -> Value:
    """Between the bounds and off them, where a kink or a pole may lie."""
    width = high - low if low is not None and high is not None else 1.0
    if low is not None:
        x = np.maximum(x, low + 10.0**CLOSEST * max(width, abs(low)))
    if high is not None:
        x = np.minimum(x, high - 10.0**CLOSEST * max(width, abs(high)))
    return np.asarray(x)


OPTIONS = frozenset(("rtol", "ulps", "allow_kinks", "seconds"))  # of the assertion


class Drawing:
    """What a test says of its points: their number, shapes, bounds and seed, or a function that draws them."""

    points: int
    seed: int
    own: Callable[[np.random.Generator], Value] | None
    options: dict[str, Value]
    low: float | None
    high: float | None
    dtype: DTypeLike
    shapes: list[Shape]

    def __init__(
        self,
        points: int = 20,
        shape: Sizes = (),
        shapes: Value = None,
        low: float | None = None,
        high: float | None = None,
        seed: int = 0,
        draw: Callable[[Value], Value] | None = None,
        dtype: DTypeLike = float,
        **options: Any,
    ) -> None:
        if not isinstance(points, int) or isinstance(points, bool) or points < 1:
            raise InputError(f"gradients: points={points!r}; give a positive number of points")
        if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
            raise InputError(f"gradients: seed={seed!r}; give a whole number that is not negative")
        for name, bound in (("low", low), ("high", high)):
            if bound is not None and not (isinstance(bound, int | float | np.number) and np.isfinite(bound)):
                raise InputError(f"gradients: {name}={bound!r}; give a finite number, or None for no bound")
        if low is not None and high is not None and not low < high:
            raise InputError(f"gradients: low={low!r} is not below high={high!r}")
        if draw is not None and not callable(draw):
            raise InputError(f"gradients: draw={draw!r}; give a function of a random generator")
        if draw is not None:
            check_call(draw, "draw=", (np.random.default_rng(0),))
        unknown = sorted(set(options) - OPTIONS)
        if unknown:
            raise InputError(f"gradients: there is no option {unknown[0]!r}; pytest --markers shows them")
        self.points, self.seed, self.own, self.options = points, seed, draw, options
        self.low, self.high, self.dtype = low, high, floating(dtype)
        self.shapes = [shape_of(s) for s in (shapes if shapes is not None else [shape])]

    def arguments(self, name: str, attempt: int) -> tuple[Value, ...]:
        """The arguments of the point of that name; another `attempt` draws others of the same region."""
        region, _, k = name.partition("-")
        rng = np.random.default_rng([self.seed, int(k), attempt])
        if self.own is not None:
            found = self.own(rng)
            if isinstance(found, tuple) and not found:
                raise InputError("draw= returned (); give the argument, or a tuple of arguments")
            return found if isinstance(found, tuple) else (found,)
        drawn = (draw(region, s, self.low, self.high, rng) for s in self.shapes)
        return tuple(np.asarray(x, self.dtype)[()] for x in drawn)


def floating(dtype: DTypeLike) -> np.dtype[Any]:
    """A dtype that points may have."""
    try:
        found = np.dtype(dtype)
    except TypeError:
        found = np.dtype(object)
    if found.kind not in "fiu":
        raise InputError(f"gradients: dtype={dtype!r}; give one of real numbers, such as float or np.float32")
    return found


def shape_of(given: Sizes) -> tuple[int, ...]:
    shape = (given,) if isinstance(given, int) else tuple(given)
    if not all(isinstance(n, int) and n > 0 for n in shape):
        raise InputError(f"gradients: shape={given!r}; give positive whole numbers")
    return shape
