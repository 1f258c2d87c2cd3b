"""Readers of calls in NumPy's signature: they return `(operands, params)` in the form the rows use.

A reader may return a third entry, the name of another row that means the same call: `Primitive.read` looks it up.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ..errors import InputError, ShapeError
from ..types import Function, Value
from .primitive import Carrier


def is_integer(x: Value) -> bool:
    """Whether x is one integer; arrays of several have `__index__` too."""
    return hasattr(x, "__index__") and getattr(x, "ndim", 0) == 0


def whole(what: str, value: Value, low: int | None = None, high: int = 2**31) -> int:
    """A parameter that is one whole number between two bounds; a float such as 2.0 is one."""
    if hasattr(value, "primitive"):  # a traced value: it says itself what it can be
        return operator.index(value)
    try:
        number = int(value) if np.ndim(value) == 0 else None
    except (TypeError, ValueError, OverflowError):  # no number, NaN, infinite
        number = None
    low = -high if low is None else low
    if number is None or number != value or not low <= number <= high:
        given = f"an array of shape {np.shape(value)}" if np.ndim(value) else repr(value)
        raise InputError(f"{what}={given}: it must be one whole number from {low} to {high}")
    return number


def no_traced(what: str, **given: Any) -> None:
    """Arguments that say how to compute: a traced value among them is refused by name."""
    for name, value in given.items():
        if hasattr(value, "primitive"):
            raise InputError(f"{what}: {name} must be a plain value, not a traced one; only the operands are recorded")


def axes(axis: Value, ndim: int, name: str = "axis", shape: Value = None) -> Value:
    """None, or the axes as a tuple of non-negative integers."""
    if axis is None:
        return None
    wanted = (axis,) if is_integer(axis) else tuple(axis)
    wanted = tuple(operator.index(k) for k in wanted)
    for k in wanted:
        if not -ndim <= k < ndim:
            of = f"an array with {ndim} dimensions" if shape is None else f"an array of shape {shape}"
            raise ShapeError(f"{name}={axis!r} is out of range for {of}")
    found = tuple(k % ndim for k in wanted)
    if len(set(found)) != len(found):
        raise ShapeError(f"{name}={axis!r} names an axis twice")
    return found


def axes_of(what: str, a: Value, axis: Value) -> Value:
    """The axes of the operand `a`, normalised; the error names the operation and the shape."""
    return None if axis is None else axes(axis, Carrier.ndim(a), f"{what}: axis", Carrier.shape(a))


def axis_of(what: str, a: Value, axis: Value) -> int:
    """One axis of the operand `a`, normalised."""
    if axis.__class__ is int and -(n := Carrier.ndim(a)) <= axis < n:
        return axis % n
    found: int = axes_of(what, a, operator.index(axis))[0]
    return found


def of_number(a: Value, axis: Value) -> bool:
    """Whether the axis is one that NumPy takes of a number, as though that were an array of one element: 0 or -1."""
    return Carrier.shape(a) == () and is_integer(axis) and operator.index(axis) in (0, -1)


def refuse(**given: Any) -> None:
    """Arguments of NumPy's that have no meaning on traced values."""
    for name, value in given.items():
        if value is not None and value is not np._NoValue:
            raise InputError(f"{name}={value!r} is not supported on traced values")


def cast(a: Value, dtype: Any) -> Value:
    """The operand in the dtype that a call asks for."""
    if dtype is None or (hasattr(a, "dtype") and a.dtype == dtype):
        return a
    return (a if hasattr(a, "astype") else np.asarray(a)).astype(dtype)


def inexact(a: Value) -> Value:
    """Integers and truth values as floats, as NumPy's norms take them; anything else as it is."""
    return cast(a, float) if Carrier.dtype(a).kind in "biu" else a


def numbers(a: Value) -> Value:
    """Truth values as floats, for rows that subtract; anything else as it is."""
    return cast(a, float) if Carrier.dtype(a).kind == "b" else a


def reading_reduction(name: str, empty: Value = None, lone: bool = True) -> Function:
    """The reader of a reduction; `empty` is the neutral element, where one allows `where=`.

    `lone`: whether NumPy takes axis=0 of a number.
    """

    def read(
        a: Value,
        axis: Value = None,
        dtype: Any = None,
        out: object = None,
        keepdims: Value = False,
        *,
        where: Value = None,
        **other: Any,
    ) -> Value:
        if out is not None or other:
            refuse(out=out, **other)
        if where is not None and where is not np._NoValue and where is not True:
            if empty is None:
                raise InputError(f"{name}: where= is not supported on traced values; use np.where(mask, x, ...) first")
            a = np.where(where, a, empty)
        keep = False if keepdims is np._NoValue else bool(keepdims)
        axis = None if lone and of_number(a, axis) else axes_of(name, a, axis)
        return (a if dtype is None else cast(a, dtype),), {"axis": axis, "keepdims": keep}

    return read


def reading_extreme(name: str, empty: Value = None) -> Function:
    """The reader of max, min, any and their like, whose third argument is `out`."""
    read = reading_reduction(name, empty)
    return lambda a, axis=None, out=None, keepdims=False, **other: read(a, axis, None, out, keepdims, **other)


reduction: Function = reading_reduction("reduction")


def unary(a: Value) -> Value:
    return (a,), {}


def constant(value: Value) -> Value:
    """A call whose result is the same for every value of its operands."""
    return (), {"value": value}, "constant"
