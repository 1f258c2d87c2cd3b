"""Germs: a function of one variable near the point, as two power series of proven balls.

`point` is the series at the point, with coefficients as tight as the precision allows. `around` is the series over a
whole neighbourhood: its coefficients are balls that hold the Taylor coefficients at every point of it. Where `around`
is finite to first order, every operation on the way was smooth on its whole ball, which proves that the function is
differentiable there; where an operation has a branch, `around` decides it for the whole neighbourhood or not at all.

In a one-sided run (`NOW.side` is 1 or -1) the neighbourhood is the closed interval on that side of the point, the
variable t > 0 is the distance from it, and branches are decided for t > 0 alone. Nothing here uses a derivative rule
of a primitive.

Johansson, "Arb: efficient arbitrary-precision midpoint-radius interval arithmetic" (2017); Moore, Kearfott and Cloud,
"Introduction to Interval Analysis" (2009), chapter 9.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any, ClassVar, NamedTuple

import flint
import numpy as np
from flint import arb, arb_series

from ...errors import UndecidedError, UnsupportedError
from ...types import Value
from .. import rows
from ..primitive import TABLE
from ..quotient import Exact
from .carrier import CARRIER
from .session import NOW

ZERO, ONE = arb(0), arb(1)


class Lost(NamedTuple):
    """Why a value is none: `kind` is "undefined" where that is proven, else "undecided"."""

    kind: str
    text: str


class Germ:
    """One number that flows: `point` and `around`, and why it has no value where it has none."""

    __slots__ = ("around", "lost", "point")

    def __init__(self, point: Value, around: Value = None, lost: Lost | None = None) -> None:
        self.point: Any = point
        self.around: Any = point if around is None else around
        self.lost: Lost | None = lost

    @property
    def midpoint(self) -> float:
        """The middle of the value at the point: to choose a pivot or a scale by, never a branch."""
        return float(self.point[0].mid())

    def __repr__(self) -> str:
        return f"Germ({self.point}, around {self.around[0]})"

    def __add__(self, other: Value) -> Germ:
        return combine(self, other, lambda a, b: a + b)

    def __radd__(self, other: Value) -> Germ:
        return combine(other, self, lambda a, b: a + b)

    def __sub__(self, other: Value) -> Germ:
        return combine(self, other, lambda a, b: a - b)

    def __rsub__(self, other: Value) -> Germ:
        return combine(other, self, lambda a, b: a - b)

    def __mul__(self, other: Value) -> Germ:
        return combine(self, other, lambda a, b: a * b)

    def __rmul__(self, other: Value) -> Germ:
        return combine(other, self, lambda a, b: a * b)

    def __truediv__(self, other: Value) -> Germ:
        return NotImplemented if isinstance(other, np.ndarray) else quotient(self, lift(other))

    def __rtruediv__(self, other: Value) -> Germ:
        return NotImplemented if isinstance(other, np.ndarray) else quotient(lift(other), self)

    def __pow__(self, other: Value) -> Value:
        return NotImplemented if isinstance(other, np.ndarray) else CARRIER.of(rows.power)(self, other)

    def __rpow__(self, other: Value) -> Value:
        return NotImplemented if isinstance(other, np.ndarray) else CARRIER.of(rows.power)(other, self)

    def __mod__(self, other: Value) -> Value:
        return NotImplemented if isinstance(other, np.ndarray) else CARRIER.of(rows.remainder)(self, other)

    def __floordiv__(self, other: Value) -> Value:
        return NotImplemented if isinstance(other, np.ndarray) else CARRIER.of(rows.floor_divide)(self, other)

    def __neg__(self) -> Germ:
        return mapped(self, lambda s: -s)

    def __pos__(self) -> Germ:
        return self

    def __abs__(self) -> Germ:
        found = sign(self)
        if found is None:
            return blurred(abs(self.point[0]), abs(self.around[0]), self, "has a kink at 0, and its operand")
        return self if found >= 0 else -self

    def __lt__(self, other: Value) -> Value:
        return compared(self, other, lambda s: s < 0)

    def __le__(self, other: Value) -> Value:
        return compared(self, other, lambda s: s <= 0)

    def __gt__(self, other: Value) -> Value:
        return compared(self, other, lambda s: s > 0)

    def __ge__(self, other: Value) -> Value:
        return compared(self, other, lambda s: s >= 0)

    def __eq__(self, other: Value) -> Value:
        return compared(self, other, lambda s: s == 0)

    def __ne__(self, other: Value) -> Value:
        return compared(self, other, lambda s: s != 0)

    def __bool__(self) -> bool:
        return bool(self != 0)

    def __int__(self) -> int:
        return whole_number(self)

    def __index__(self) -> int:
        return whole_number(self)

    def __float__(self) -> float:
        raise UnsupportedError(f"{NOW.where()} asks for a plain number, which an enclosure is not")

    def __getattr__(self, name: str) -> Any:
        """NumPy's functions on object arrays call the method of their name: np.exp calls x.exp()."""
        found = TABLE.get(name)
        if name.startswith("_") or found is None or not isinstance(getattr(np, name, None), np.ufunc):
            raise AttributeError(name)
        return lambda *others: CARRIER.of(found)(self, *others)

    __hash__: ClassVar[None] = None  # type: ignore[assignment]


def order() -> int:
    return int(flint.ctx.cap)


def constant(x: Value) -> Germ:
    """A ball that does not move."""
    return Germ(arb_series([x]))


def lift(x: Value) -> Germ:
    """A number as a germ that does not move: integers, floats and exact constants as what they are."""
    if x.__class__ is Germ:
        germ: Germ = x
        return germ
    if isinstance(x, np.ndarray) and x.ndim == 0:
        return lift(x[()])
    if isinstance(x, bool | np.bool_ | int | np.integer):
        return constant(arb(int(x)))
    if isinstance(x, Exact):
        return constant(exact_ball(x))
    if isinstance(x, float | np.floating):
        high = float(x)
        return constant(arb(high) if high == x or x != x else arb(high) + arb(float(x - high)))  # wider than a double
    if isinstance(x, arb):
        return constant(x)
    raise UnsupportedError(f"{NOW.where()} gives {x!r}: only real numbers have enclosures")


def exact_ball(x: Exact) -> Value:
    """The ball of an exact constant: a quotient of whole numbers, or a number with a name."""
    exact = x.exact
    if isinstance(exact, Fraction):
        return arb(flint.fmpq(exact.numerator, exact.denominator))
    names: dict[str, Callable[[], Value]] = {
        "pi": arb.pi, "e": arb.const_e, "euler_gamma": arb.const_euler, "catalan": arb.const_catalan,
    }  # fmt: skip
    return names[exact]()


def combine(a: Value, b: Value, operation: Callable[[Value, Value], Value]) -> Germ:
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        declined: Germ = NotImplemented
        return declined
    NOW.left -= 1
    if NOW.left < 0:
        NOW.tick()
    a, b = lift(a), lift(b)
    if (a.lost or b.lost) and (dead(a) or dead(b)):  # a zero series times a series of NaN would be 0
        return nothing(a, b)
    point = operation(a.point, b.point)
    still = a.around is a.point and b.around is b.point
    return Germ(point, point if still else operation(a.around, b.around), a.lost or b.lost)


def mapped(x: Germ, function: Callable[[Value], Value]) -> Germ:
    """A function of series that is smooth wherever it is finite."""
    NOW.left -= 1
    if NOW.left < 0:
        NOW.tick()
    if dead(x):
        return x
    try:
        point = function(x.point)
        return Germ(point, point if x.around is x.point else function(x.around), x.lost)
    except (ValueError, ZeroDivisionError, NotImplementedError) as error:
        return no_value("undecided", str(error))


def no_value(kind: str, text: str) -> Germ:
    """A germ without a value, and the reason."""
    empty = arb_series([arb.nan()] * order())
    return Germ(empty, empty, Lost(kind, f"{NOW.where()}: {text}"))


def nothing(*xs: Germ) -> Germ:
    """No value, for the reason that an operand has."""
    empty = arb_series([arb.nan()] * order())
    return Germ(empty, empty, next(x.lost for x in xs if x.lost is not None))


def blurred(point: Value, around: Value, x: Germ, what: str) -> Germ:
    """A value that is enclosed, without a slope: comparisons may still decide by it."""
    if dead(x):
        return x
    slopes = [arb.nan()] * (order() - 1)
    lost = x.lost or Lost("undecided", f"{NOW.where()} {what} lies in {ball(x.around[0])}")
    return Germ(arb_series([point, *slopes]), arb_series([around, *slopes]), lost)


def dead(x: Germ) -> bool:
    """Whether there is no value at all, rather than no slope."""
    return x.lost is not None and not x.around[0].is_finite()


def ball(x: Value) -> str:
    """A ball in words, as the interval that it is."""
    if not x.is_finite():
        return "a ball that is not finite"
    return f"[{float(x.lower()):.6g}, {float(x.upper()):.6g}]"


def sign(x: Germ) -> int | None:
    """1, -1 or 0 where that is the sign of x in the whole neighbourhood, None where it is not known.

    On one side: where the first k coefficients at the point are exactly 0, x is c t**k with c in the k-th ball over the
    interval (Lagrange's remainder), so the sign of that ball is the sign of x for all t > 0.
    """
    value = x.around[0]
    if value > ZERO:
        return 1
    if value < ZERO:
        return -1
    if x.lost is not None:
        return None
    if value.is_zero():
        return 0
    if NOW.side:
        for k in range(min(order(), x.point.prec)):
            if x.point[k].is_zero():
                continue
            coefficient = x.around[k]
            return 1 if coefficient > ZERO else -1 if coefficient < ZERO else None
    return None


def at_edge(x: Germ) -> bool:
    """Whether the sign of x was decided for t > 0 only."""
    return bool(NOW.side) and bool(x.around[0].contains(ZERO)) and not x.around[0].is_zero()


def decided_sign(x: Germ) -> int:
    """The sign, or UndecidedError with the ball that lies across 0."""
    found = sign(x)
    if found is None:
        if x.lost is not None:
            raise UndecidedError(f"{NOW.where()} looks at a value that is not known: {x.lost.text}")
        raise UndecidedError(f"{NOW.where()}: what it depends on lies in {ball(x.around[0])}, on both sides of 0")
    return found


def jumping_sign(x: Germ) -> int:
    """The sign for a choice between formulas that may differ where it changes."""
    found = decided_sign(x)
    if at_edge(x):
        NOW.edge = True
    return found


def difference(a: Value, b: Value) -> Germ:
    """a - b, and exactly 0 where both are the same germ."""
    return constant(ZERO) if a is b and a.lost is None else lift(a) - lift(b)


def compared(a: Value, b: Value, holds: Callable[[int], bool]) -> Value:
    if isinstance(b, np.ndarray):
        return NotImplemented
    return holds(jumping_sign(difference(a, b)))


def quotient(a: Germ, b: Germ) -> Germ:
    found = sign(b)
    if found is None:
        if dead(b):
            return b
        return no_value("undecided", f"the denominator lies in {ball(b.around[0])}, which holds 0")
    if found == 0:
        return no_value("undefined", "the denominator is 0")
    try:
        return combine(a, b, lambda x, y: x / y)
    except (ZeroDivisionError, ValueError):
        return no_value("undecided", "the denominator comes as near to 0 as one likes")


def whole_number(x: Germ) -> int:
    """The integer that x is in the whole neighbourhood."""
    value = x.around[0]
    if x.lost is None and value.is_exact() and value.is_integer():
        return int(value.unique_fmpz())
    raise UndecidedError(f"{NOW.where()} needs one whole number, and has {ball(value)}")


def is_constant(x: Germ) -> Value:
    """The exact value that x has in the whole neighbourhood, or None."""
    value = x.around[0]
    if x.lost is None and value.is_exact() and all(x.around[k].is_zero() for k in range(1, order())):
        return value
    return None


def compose(coefficients: Callable[[Value, int], list[Value]]) -> Callable[[Value], Value]:
    """A function of series from one that gives Taylor coefficients: `coefficients(ball, count)`."""

    def function(s: Value) -> Value:
        count = min(order(), s.prec)
        found = coefficients(s[0], count)
        inner = arb_series([ZERO, *[s[k] for k in range(1, count)]], count)
        total, power = arb_series([found[0]], count), None
        for c in found[1:]:
            power = inner if power is None else power * inner
            total = total + power * c
        return total

    return function


def with_constant(s: Value, value: Value) -> Value:
    """A series with a sharper constant coefficient, where the direct formula cancels."""
    return arb_series([value, *[s[k] for k in range(1, min(order(), s.prec))]], s.prec)
