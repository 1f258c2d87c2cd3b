"""Array rows on germs whose program in other rows has a branch for stability, rounding in it, or truth values."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np

from ...errors import UnsupportedError
from ...types import Axis, Function, Value
from ..elements import mapped
from ..kernels.arrays import fold
from .choices import maximum, minimum, trunc
from .functions import exp, log, power
from .germ import Germ, constant, lift, whole_number
from .session import NOW

EXP, LOG = mapped(exp), mapped(log)


def summed(x: Value, axis: Value, keepdims: bool) -> Value:
    objects: Any = np.asarray(x, dtype=object)
    return objects.sum(axis=axis, keepdims=keepdims)


def offset(x: Value) -> Germ:
    """A constant near the largest exponent: any constant may be taken out of all."""
    return constant(max(lift(v).point[0].mid() for v in np.asarray(x, dtype=object).flat))


def logsumexp(x: Value, b: Value = None, *, axis: Axis, keepdims: bool) -> Value:
    m = offset(x)
    terms = EXP(x - m) if b is None else b * EXP(x - m)
    return m + LOG(summed(terms, axis, keepdims))


def softmax(x: Value, *, axis: Axis) -> Value:
    terms = EXP(x - offset(x))
    return terms / summed(terms, axis, True)


def log_softmax(x: Value, *, axis: Axis) -> Value:
    return x - logsumexp(x, axis=axis, keepdims=True)


def p_norm(x: Value, *, ord: float, axis: Axis, keepdims: bool) -> Value:
    """(sum |x|^p)^(1/p), where an even power needs no absolute value."""
    even = float(ord).is_integer() and int(ord) % 2 == 0
    size = np.asarray(x, dtype=object) if even else np.abs(np.asarray(x, dtype=object))
    return mapped(lambda s: power(s, 1 / lift(ord)))(
        summed(mapped(lambda v: power(v, lift(ord)))(size), axis, keepdims)
    )


def astype(x: Value, *, dtype: Any) -> Value:
    """Between floats nothing changes; integers lose their fraction, truth values ask for 0."""
    kind = np.dtype(dtype).kind
    if kind == "f":
        return x
    if kind == "b":
        return mapped(bool)(x)
    if kind in "iu":
        return mapped(lambda v: v if not isinstance(v, Germ) else whole_number(trunc(v)))(x)
    raise UnsupportedError(f"{NOW.where()}: only real numbers have enclosures")


def digitize(x: Value, bins: Value, *, right: bool) -> Value:
    """How many of the bins in ascending order lie below x, by comparisons."""
    edges = list(np.asarray(bins, dtype=object))
    if edges and bool(edges[0] > edges[-1]):
        raise UnsupportedError(f"{NOW.where()} with descending bins has no enclosures")
    return mapped(lambda v: sum(bool(lift(v) > e) if right else bool(lift(v) >= e) for e in edges))(x)


def isclose(a: Value, b: Value, *, rtol: Value, atol: Value, **_: Any) -> Value:
    return mapped(lambda a, b: bool(abs(lift(a) - b) <= atol + rtol * abs(lift(b))))(a, b)


def allclose(a: Value, b: Value, **params: Any) -> bool:
    return bool(np.all(isclose(a, b, **params)))


def extreme(choose: Callable[[Value, Value], Value]) -> Function:
    """max and min, which are continuous where two elements change places."""

    def reduced(x: Value, *, axis: Axis, keepdims: bool) -> Value:
        return fold(lambda *elements: reduce(choose, elements), x, axis, keepdims)

    return reduced


largest: Function
smallest: Function
largest, smallest = extreme(maximum), extreme(minimum)
