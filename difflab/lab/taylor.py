"""The Taylor remainder test: whether a gradient is right, from values of the function alone and without a step.

The remainder |f(x + h d) - f(x) - h <g, d>| falls with h**2 where g is the gradient and with h where it is not, down to
the rounding of f. Farrell, Ham, Funke and Rognes (2013), "Automated derivation of the adjoint of high-level transient
finite element programs", SIAM J. Sci. Comput. 35, section 5.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..cards.parts import Card, Chart, Row, Series, Table, Words, figure
from ..cards.shown import Carded
from ..differentiate.noise import noise
from ..errors import DomainError, InputError, ShapeError
from ..graph.pytree import flatten, paths
from ..palette import INK, WIRE
from ..types import Array, FileName, Function, Tree, Value

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DIRECTIONS = 3  # of each kind
RATIO = 10.0 ** (1 / 3)
DECADES = 2.0  # of steps that the order is fitted over
CLEAR = 30.0  # the factor over the rounding floor from which a remainder is more than rounding
PASSES = 1.75
SEEN = 0.1  # the relative error of the gradient that a test must be able to see
FLOORED, STEPS = 4, 120
SPACING, WIDER, FINER = 2.0**-25, 2.0**6, 2.0**-20
DOUBTFUL = 1e-6  # of the value: noise that an oscillation may be
EPSILON = 2.0**-52


@dataclass(frozen=True)
class Direction:
    """The remainders along one direction: `steps` rise, `floor` is what rounding explains, `slope` is <g, d>.

    `size` is the slope without cancellation between the entries of the gradient.
    """

    steps: list[float]
    remainders: list[float]
    floor: list[float]
    slope: float
    size: float

    @property
    def fitted(self) -> list[int]:
        """The places of the steps that the order is fitted over: the lowest with more than rounding."""
        clear = [k for k, (r, f) in enumerate(zip(self.remainders, self.floor)) if r > CLEAR * f]
        return [k for k in clear if self.steps[k] <= self.steps[clear[0]] * 10.0**DECADES]

    @property
    def order(self) -> float:
        """The power of the step that the remainder follows; inf where it is all rounding."""
        places = self.fitted
        if len(places) < 3:
            return math.inf
        logs = [(math.log(self.steps[k]), math.log(self.remainders[k])) for k in places]
        return statistics.linear_regression(*zip(*logs)).slope

    @property
    def smallest_error(self) -> float:
        """The relative error of <g, d> from which the order would have been 1; NaN where the gradient is 0."""
        places = self.fitted
        if len(places) < 3:
            least = min((CLEAR * f / h for h, f in zip(self.steps, self.floor)), default=math.inf)
        else:
            least = self.remainders[places[0]] / self.steps[places[0]]
        return least / self.size if self.size else math.nan


@dataclass(frozen=True, repr=False)
class TaylorTest(Carded):
    """What the test found: `passed` (also as a truth value), and why not.

    `order` is 2 for a right gradient, 1 for a wrong one, inf where the remainder is all rounding; `window` are the
    least and the largest step that it was fitted over, in units of the size of x, and `smallest_error` is the relative
    error of the gradient along a direction that the test could have seen.
    """

    order: float
    passed: bool
    reason: str
    window: tuple[float, float]
    smallest_error: float
    directions: list[Direction]

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        return f"<TaylorTest: {self}>"

    def _card_(self) -> Card:
        curves = {f"direction {k + 1}": Series(d.steps, d.remainders) for k, d in enumerate(self.directions[:4])}
        if self.directions:
            curves["rounding of f"] = Series(self.directions[0].steps, self.directions[0].floor)
        chart = Chart("remainder", curves, "step h, in units of x", log_x=True, log_y=True)
        rows = [[str(k + 1), figure(d.order, 3), figure(d.slope)] for k, d in enumerate(self.directions)]
        table = Table(rows, ("direction", "order", "slope"))
        verdict = Words(str(self), attention=not self.passed)
        return Card("TaylorTest", "passed" if self.passed else "failed").add(verdict, Row([chart, table]))

    def __str__(self) -> str:
        if not self.directions:
            return f"Taylor test failed: {self.reason}"
        low, high = self.window
        told = "all of the remainder is rounding" if math.isinf(self.order) else f"order {self.order:.2f}"
        seen = "" if math.isnan(self.smallest_error) else f"; an error of {self.smallest_error:.1e} would have shown"
        verdict = f"passed: {told}" if self.passed else f"failed: {self.reason}"
        return f"Taylor test {verdict}, steps {low:.1e} to {high:.1e}, {len(self.directions)} directions{seen}"

    def plot(self, path: FileName, force: bool = False) -> Path:
        """The remainders over the step, with the window of the fit; returns the path."""
        from .plots import COLOURS, figure, save

        made, axes = figure()
        axes.set(xscale="log", yscale="log", xlabel="step h, in units of x", ylabel="remainder of the Taylor series")
        for k, found in enumerate(self.directions):
            colour, fitted = COLOURS[k % len(COLOURS)], found.fitted
            points = [(h, r) for h, r in zip(found.steps, found.remainders) if r > 0]
            axes.plot(*zip(*points), "o-", color=colour, markersize=2.5, linewidth=0.8, alpha=0.6) if points else None
            used = [(found.steps[j], found.remainders[j]) for j in fitted]
            axes.plot(*zip(*used), "o", color=colour, markersize=5) if used else None
            axes.plot(found.steps, found.floor, ":", color=WIRE, linewidth=1, label=None if k else "rounding of f")
        self.guides(axes)
        told = "all of the remainder is rounding" if math.isinf(self.order) else f"order {self.order:.2f}"
        axes.set_title(f"Taylor test {'passed' if self.passed else 'failed'}: {told}", fontsize=10)
        return save(made, path, force)

    def guides(self, axes: Axes) -> None:
        """Lines of the orders 1 and 2 through the largest remainder of the window, down to its smallest."""
        used = [(d.steps[k], d.remainders[k]) for d in self.directions for k in d.fitted]
        if used:
            h, r = max(used)
            low, least = min(step for step, _ in used), min(r for _, r in used)
            for power, style, label in ((1, "--", "order 1: wrong"), (2, "-.", "order 2: right")):
                start = max(low, h * (least / r) ** (1 / power))
                end = [r * (start / h) ** power, r]
                axes.plot([start, h], end, style, color=INK, linewidth=1, label=label)
        axes.legend(fontsize=8)


def taylor_test(f: Callable[[Value], Value], gradient: Value, x: Value, seed: int = 0) -> TaylorTest:
    """Tests a gradient of f at x by the order of the remainder of the Taylor series, along random directions.

    `x` is a number, an array or a nested container of them; `f(x)` gives a number; `gradient` is the gradient at x, or
    a function that gives it, with the structure and the shapes of x. Nothing is recorded: f may be PyTorch's, JAX's or
    a simulator. Raises DomainError where f(x) is not finite, ShapeError where shapes do not fit.

    >>> import numpy as np
    >>> x = np.array([0.5, 2.0])
    >>> taylor_test(lambda x: np.sum(np.sin(x)), np.cos, x).passed
    True
    >>> taylor_test(lambda x: np.sum(np.sin(x)), lambda x: 1.01 * np.cos(x), x).passed
    False
    """
    point = Point(f, x)
    slopes = gradient_leaves(gradient(x) if callable(gradient) else gradient, point, x)
    bad = next((k for k, g in enumerate(slopes) if not np.all(np.isfinite(g))), None)
    if bad is not None:
        value = slopes[bad][~np.isfinite(slopes[bad])].flat[0]
        return failed(f"the gradient holds {value} in {point.names[bad]}")
    random = np.random.default_rng(seed)
    kinds = [point.sizes(each) for each in (False, True)]
    groups = []
    for sizes in kinds[: 1 if all(np.allclose(a, b, rtol=9) for a, b in zip(*kinds)) else 2]:
        drawn = [[s * random.normal(size=s.shape) for s in sizes] for _ in range(DIRECTIONS)]
        groups.append([d for direction in drawn if (d := along(point, slopes, direction)).steps])
    groups = [group for group in groups if group]
    if not groups:
        raise DomainError("f has no finite values beside x, so there is no remainder to look at")
    return judged(groups)


def judged(groups: list[list[Direction]]) -> TaylorTest:
    """The verdict of the kind of directions with the lowest order, each by the median over its directions."""
    worst = min(groups, key=lambda group: statistics.median(d.order for d in group))
    order = statistics.median_low([d.order for d in worst])
    chosen = next(d for d in worst if d.order == order)
    places = chosen.fitted if len(chosen.fitted) >= 3 else range(len(chosen.steps))
    window = (chosen.steps[places[0]], chosen.steps[places[-1]])
    seen = statistics.median(d.smallest_error for d in worst)
    reason = ""
    if order < PASSES:
        size = "" if math.isnan(seen) else f" by {seen:.1e}"
        error = f"the gradient is off{size} along a direction, or the point sits on a kink"
        reason = f"order {order:.2f}, where a right gradient has 2: {error}"
    elif math.isinf(order) and seen > SEEN:
        reason = f"undecided: rounding or noise of f hides errors of the gradient below {seen:.1e}"
    return TaylorTest(order, not reason, reason, window, seen, [d for group in groups for d in group])


def failed(reason: str) -> TaylorTest:
    return TaylorTest(math.nan, False, reason, (math.nan, math.nan), math.nan, [])


class Point:
    """f at a point and beside it: the leaves of x as arrays, and the value at leaves that were moved."""

    given: list[Value]
    rebuild: Callable[[list[Value]], Tree]
    here: float
    epsilon: float

    def __init__(self, f: Callable[[Value], Value], x: Value) -> None:
        self.f: Function = f
        self.given, self.rebuild = flatten(x)
        if not self.given:
            raise InputError("x holds no numbers to differentiate by")
        self.leaves: list[Array] = [numbers(leaf) for leaf in self.given]
        single = len(self.given) == 1 and self.given[0] is x
        self.names: list[str] = ["x"] if single else [f"x{path}" for path in paths(x)]
        for name, leaf in zip(self.names, self.leaves):
            if leaf.dtype.kind != "f":
                raise InputError(f"{name} has dtype {leaf.dtype}: give floats")
            if not np.all(np.isfinite(leaf)):
                raise InputError(f"{name} holds {leaf[~np.isfinite(leaf)].flat[0]}: give finite floats")
        value = numbers(f(x))
        if value.shape != ():
            raise ShapeError(f"f(x) has shape {value.shape}; the test is for a function that gives one number")
        self.here, self.epsilon = float(value), np.finfo(value.dtype).eps if value.dtype.kind == "f" else EPSILON
        if not math.isfinite(self.here):
            raise DomainError(f"f(x) is {self.here}: a gradient is tested where the function has a value")

    def sizes(self, each: bool) -> list[Value]:
        """How far every entry moves at h = 1: by the largest of its leaf, or by its own size."""
        largest = [np.max(np.abs(leaf), initial=0.0) or 1.0 for leaf in self.leaves]
        if each:
            return [np.where(leaf == 0, big, np.abs(leaf)).astype(float) for leaf, big in zip(self.leaves, largest)]
        return [np.full(leaf.shape, float(big)) for leaf, big in zip(self.leaves, largest)]

    def moved(self, h: float, direction: list[Value]) -> tuple[float, list[Value]]:
        """The value at x + h d (NaN where there is none), and how far every entry really moved."""
        moved = [(leaf + h * d).astype(leaf.dtype) for leaf, d in zip(self.leaves, direction)]
        steps = [m.astype(float) - leaf.astype(float) for m, leaf in zip(moved, self.leaves)]
        try:
            with np.errstate(all="ignore"):
                value = float(numbers(self.f(self.rebuild([like(g, m) for g, m in zip(self.given, moved)]))))
        except (ArithmeticError, ValueError):
            value = math.nan
        return value, steps

    def noise(self, direction: list[Value]) -> float:
        """The noise of f along a direction, from seven values: at a wider spacing where they show steps, and at smaller
        ones as long as that makes it less, so that no oscillation is taken for noise.
        """
        least = float(self.epsilon * abs(self.here))
        wide = (self.scatter(SPACING * WIDER**k, direction) for k in range(4))
        known = next((found for found in wide if found is not None), least)
        if known > DOUBTFUL * abs(self.here):
            smaller = (self.scatter(SPACING * FINER**k, direction) for k in range(1, 7))
            known = next((found for found in smaller if found is not None and found < known / 16), known)
        return max(least, known)

    def scatter(self, spacing: float, direction: list[Value]) -> float | None:
        values = [self.moved(k * spacing, direction)[0] for k in range(-3, 4)]
        return noise(values) if all(map(math.isfinite, values)) else None


def along(point: Point, slopes: list[Value], direction: list[Value]) -> Direction:
    """The remainders along a direction, from large steps down to those where all is rounding."""
    products = np.concatenate([np.ravel(g * d) for g, d in zip(slopes, direction)])
    slope, size = math.fsum(products), float(np.linalg.norm(products))
    sigma = point.noise(direction)
    rows: list[tuple[float, float, float]] = []

    def look(h: float) -> bool:
        """Whether the remainder at h is more than rounding; enters it."""
        value, steps = point.moved(h, direction)
        if not any(np.any(s) for s in steps):
            return False  # too small a step for the floats of x
        linear = [float(np.sum(g * s)) for g, s in zip(slopes, steps)]
        spread = sum(float(np.linalg.norm(np.ravel(g * s))) for g, s in zip(slopes, steps))
        remainder = abs(value - point.here - math.fsum(linear))
        floor = sigma * max(1.0, abs(value / point.here) if point.here else 1.0) + EPSILON * spread
        if not math.isfinite(remainder + floor):
            return True
        rows.append((h, remainder, floor))
        return remainder > CLEAR / 10 * floor

    h, low = 1.0, 0
    for _ in range(STEPS):
        low = 0 if look(h) else low + 1
        if low == FLOORED:
            break
        h /= RATIO
    h = RATIO
    while rows and h < 1e12 and not enough(rows, size):
        look(h)
        h *= RATIO
    rows.sort()
    steps, remainders, floor = ([row[k] for row in rows] for k in range(3))
    return Direction(steps, remainders, floor, slope, size)


def enough(rows: list[tuple[float, float, float]], size: float) -> bool:
    """Whether the steps so far show the order of the remainder, or that it is rounding to four digits of the slope."""
    return sum(r > CLEAR * f for _, r, f in rows) > 6 or any(
        CLEAR * f <= 1e-4 * h * size or size == 0 for h, _, f in rows
    )


def gradient_leaves(gradient: Value, point: Point, x: Value) -> list[Value]:
    """The gradient's leaves as arrays of the shapes of x."""
    leaves = [numbers(g) for g in flatten(gradient)[0]]
    if len(leaves) != len(point.leaves):
        raise ShapeError(f"the gradient holds {len(leaves)} arrays, x holds {len(point.leaves)}")
    for name, g, leaf in zip(point.names, leaves, point.leaves):
        if g.shape != leaf.shape:
            raise ShapeError(f"the gradient has shape {g.shape} for {name}, which has shape {leaf.shape}")
    return [g.astype(float) for g in leaves]


def numbers(x: Value) -> Value:
    """A number, an array or a tensor of another library as a NumPy array."""
    return np.asarray(x.detach().cpu() if hasattr(x, "detach") else x)


def like(given: Value, moved: Value) -> Value:
    """Moved numbers in the kind that the caller gave."""
    if hasattr(given, "new_tensor"):
        return given.new_tensor(moved)
    return float(moved) if isinstance(given, float) and not isinstance(given, np.generic) else moved[()]


__all__ = ["TaylorTest", "taylor_test"]
