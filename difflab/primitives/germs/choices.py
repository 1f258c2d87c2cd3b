"""Elementwise rows on germs that choose, step or compare: decided for the whole neighbourhood or not at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...errors import UndecidedError, UnsupportedError
from ...types import Function, Value
from .germ import (
    Germ,
    ball,
    blurred,
    constant,
    dead,
    decided_sign,
    difference,
    jumping_sign,
    lift,
    no_value,
    nothing,
    quotient,
    sign,
)
from .session import NOW


def absolute(x: object) -> Germ:
    return abs(lift(x))


def choice(larger: bool) -> Callable[[Value, Value], Germ]:
    """maximum or minimum; bounds of infinity never hold."""

    def choose(x: object, y: object) -> Germ:
        for bound, other in ((x, y), (y, x)):
            if isinstance(bound, float) and bound in (float("inf"), float("-inf")):
                return lift(other) if (bound < 0) == larger else unbounded(bound)
        x, y = lift(x), lift(y)
        for z in (x, y):
            if dead(z):
                return z
        apart = difference(x, y)
        found = sign(apart)
        if found is None:
            point, around = (
                (a.max(b) if larger else a.min(b)) for a, b in zip((x.point[0], x.around[0]), (y.point[0], y.around[0]))
            )
            return blurred(point, around, apart, "has a kink at a tie, and the difference of its operands")
        return x if (found >= 0) == larger else y

    return choose


maximum: Callable[[Value, Value], Germ]
minimum: Callable[[Value, Value], Germ]
maximum, minimum = choice(True), choice(False)


def unbounded(bound: float) -> Germ:
    return no_value("undefined", f"the value is {bound}")


def relu(x: object) -> Germ:
    return maximum(x, 0)


def sign_of(x: object) -> Value:
    x = lift(x)
    return x if dead(x) else lift(jumping_sign(x))


def floor(x: object) -> Germ:
    """The integer n with n <= x < n + 1 in the whole neighbourhood."""
    x = lift(x)
    if dead(x):
        return x
    n = x.around[0].mid().floor()
    if not n.is_exact():
        raise UndecidedError(f"{NOW.where()}: its operand lies in {ball(x.around[0])}")
    if jumping_sign(x - constant(n)) >= 0 and jumping_sign(constant(n + 1) - x) > 0:
        return constant(n)
    raise UndecidedError(f"{NOW.where()} jumps: its operand lies in {ball(x.around[0])}")


def ceil(x: object) -> Germ:
    return -floor(-lift(x))


def trunc(x: object) -> Germ:
    x = lift(x)
    if dead(x):
        return x
    if sign(x + 1) == 1 and sign(1 - x) == 1:  # also across 0
        return lift(0)
    return floor(x) if decided_sign(x) > 0 else ceil(x)


def rint(x: object, decimals: int = 0) -> Germ:
    """The nearest integer, a half to the even one."""
    if decimals:
        scale: Germ = lift(10) ** decimals
        return rint(lift(x) * scale) / scale
    x = lift(x)
    if dead(x):
        return x
    low = floor(x + quotient(lift(1), lift(2)))
    tie = sign(x + quotient(lift(1), lift(2)) - low)
    if tie == 0 and not (low.point[0] / 2).is_integer():
        return low - 1
    return low


def fmod(x: object, y: object) -> Germ:
    return lift(x) - lift(y) * trunc(lift(x) / y)


def copysign(x: object, y: object) -> Germ:
    x, y = lift(x), lift(y)
    if x.lost is not None or y.lost is not None:
        return nothing(x, y)
    return abs(x) if signed(y) > 0 else -abs(x)


def signed(y: Germ) -> int:
    """The sign of what is not 0: the sign of a zero is no property of a real number."""
    found = jumping_sign(y)
    if found == 0:
        raise UndecidedError(f"{NOW.where()} depends on the sign of a zero")
    return found


def signbit(x: object) -> bool:
    return signed(lift(x)) < 0


def heaviside(x: object, h: object) -> Germ:
    """A function of both operands: where one has no value, there is none."""
    x, h = lift(x), lift(h)
    if dead(x) or dead(h):
        return x if dead(x) else h
    found = jumping_sign(x)
    return h if found == 0 else lift(1 if found > 0 else 0)


def nan_to_num(x: object, **_: Any) -> Germ:
    return with_value(lift(x))


def with_value(x: Germ) -> Germ:
    if not x.around[0].is_finite():
        raise UndecidedError(f"{NOW.where()} asks whether a value is a number: {x.lost.text if x.lost else 'unknown'}")
    return x


def finite(answer: bool) -> Callable[[Value], bool]:
    """isnan, isinf, isfinite: known where there is a value, otherwise undecided."""

    def ask(x: object) -> bool:
        if not isinstance(x, Germ):
            x = lift(x)
        return with_value(x) is x and answer

    return ask


isnan: Callable[[Value], bool]
isinf: Callable[[Value], bool]
isposinf: Callable[[Value], bool]
isneginf: Callable[[Value], bool]
isnan = isinf = isposinf = isneginf = finite(False)
isfinite: Callable[[Value], bool] = finite(True)


def imag(x: object) -> Germ:
    return lift(x) * 0


def stop_gradient(x: object) -> Germ:
    """The constant at the point. One side of the point alone does not know it."""
    x = lift(x)
    if NOW.side:
        raise UndecidedError("stop_gradient: no one-sided derivatives are taken where it stands")
    return x if dead(x) else constant(x.point[0])


def truths(f: Callable[..., bool]) -> Callable[..., bool]:
    """A function of truth values; a number is true where it is not 0."""

    def apply(*xs: Value) -> bool:
        return f(*map(bool, xs))

    return apply


logical_and: Callable[..., bool]
logical_or: Callable[..., bool]
logical_and, logical_or = truths(lambda a, b: a and b), truths(lambda a, b: a or b)
logical_xor: Callable[..., bool]
logical_not: Callable[..., bool]
logical_xor, logical_not = truths(lambda a, b: a != b), truths(lambda a: not a)


def bits(f: Function) -> Function:
    """Bitwise operations, on truth values only."""

    def apply(*xs: Value) -> Value:
        if not all(isinstance(x, bool) or getattr(getattr(x, "dtype", None), "kind", "") == "b" for x in xs):
            raise UnsupportedError(f"{NOW.where()} of integers is not available on enclosures")
        return bool(f(*map(bool, xs)))

    return apply


bitwise_and: Function
bitwise_or: Function
bitwise_and, bitwise_or = bits(lambda a, b: a and b), bits(lambda a, b: a or b)
bitwise_xor: Function
invert: Function
bitwise_xor, invert = bits(lambda a, b: a != b), bits(lambda a: not a)
