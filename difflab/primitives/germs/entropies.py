"""Entropies and losses on germs: functions that are 0 or infinite at the edge of their domain."""

from __future__ import annotations

from collections.abc import Callable

from ...types import Value
from .functions import log, log1p, sqrt
from .germ import ZERO, Germ, ball, constant, dead, lift, no_value, sign


def times(x: object, y: Germ, operand: Value) -> Germ:
    """x y, and 0 where x is, whatever y has there; where x may be 0, that y has no value proves nothing."""
    x, found = lift(x), sign(lift(x))
    if found == 0 and lift(operand).lost is None:
        return constant(ZERO)
    if y.lost is not None and y.lost.kind == "undefined" and found is None:
        return no_value("undecided", f"its first operand lies in {ball(x.around[0])}, and {y.lost.text}")
    return x * y


def xlogy(x: object, y: object) -> Germ:
    return times(x, log(y), y)


def xlog1py(x: object, y: object) -> Germ:
    return times(x, log1p(y), y)


def on_positive(x: object, f: Callable[[Germ], Germ], what: str) -> Germ:
    """f where x is positive in the whole neighbourhood; below 0 there is nothing, and at 0 nothing is claimed."""
    x = lift(x)
    found = sign(x)
    if found == 1:
        return f(x)
    if dead(x):
        return x
    kind = "undefined" if found == -1 else "undecided"
    return no_value(kind, f"its operand lies in {ball(x.around[0])}, and {what}")


def entr(x: object) -> Germ:
    return -xlogy(x, x)


def huber(d: object, r: object) -> Germ:
    d, r = lift(d), lift(r)

    def f(d: Germ) -> Germ:
        return r * r / 2 if abs(r) <= d else d * (abs(r) - d / 2)

    return on_positive(d, f, "it is infinite below 0")


def pseudo_huber(d: object, r: object) -> Germ:
    d, r = lift(d), lift(r)
    return on_positive(d, lambda d: d * d * (sqrt(1 + (r / d) * (r / d)) - 1), "it is infinite below 0")


def rel_entr(x: object, y: object) -> Germ:
    x, y = lift(x), lift(y)

    def of_x(x: Germ) -> Germ:
        return on_positive(y, lambda y: x * log(x / y), "it is infinite from 0 on")

    return on_positive(x, of_x, "it is infinite below 0")


def kl_div(x: object, y: object) -> Germ:
    return rel_entr(x, y) - x + y
