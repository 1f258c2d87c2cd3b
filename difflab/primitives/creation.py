"""Arrays made after the pattern of another, and what NumPy tells about an array."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ..errors import InputError
from ..types import Function, Value
from . import batches
from .arguments import constant, is_integer
from .primitive import Carrier, Reading, composite, linear, underivable


def reader(name: str, doc: str, arguments: Function, **row: Any) -> None:
    """A NumPy function whose call on traced values means another row, mostly a constant."""
    underivable(name, doc=doc, arguments=arguments, flops=0, **row)


def read_like(make: Function) -> Function:
    def read(
        a: Value,
        dtype: Any = None,
        order: Value = "K",
        subok: object = True,
        shape: Value = None,
        *,
        device: object = None,
    ) -> Value:
        return constant(make(Carrier.shape(a) if shape is None else shape, dtype or Carrier.dtype(a)))

    return read


def read_full_like(
    a: Value,
    fill_value: Value,
    dtype: Any = None,
    order: Value = "K",
    subok: object = True,
    shape: Value = None,
    *,
    device: object = None,
) -> Value:
    shape = Carrier.shape(a) if shape is None else (shape,) if is_integer(shape) else tuple(shape)
    dtype = dtype or Carrier.dtype(a)
    if hasattr(fill_value, "primitive"):
        return (fill_value.astype(dtype),), {"shape": shape}, "broadcast_to"
    return constant(np.full(shape, fill_value, dtype))


reader("zeros_like", "Zeros of the array's shape and dtype; a constant.", read_like(np.zeros))
reader("ones_like", "Ones of the array's shape and dtype; a constant.", read_like(np.ones))
reader("empty_like", "An array of the same shape and dtype; a constant (zeros).", read_like(np.zeros))
reader("full_like", "An array of the same shape, filled with one value.", read_full_like)

linear(
    "copy",
    lambda m, i, ct, x: ct,
    doc="The array itself: recorded values never change.",
    glyph="=",
    latex="{0}",
    arguments=lambda a, order="K", subok=False: ((a,), {}),
    facts={"moves"},
    spelling={"elements": "copy"},
    flops=0,
    batch=batches.stacks,
)


# What is known about an array without its values.
def read_size(a: Value, axis: Value = None) -> Value:
    if axis is None:
        return constant(Carrier.size(a))
    return constant(Carrier.shape(a)[axis])


def dtypes(arrays: Value) -> list[Value]:
    return [x.dtype if hasattr(x, "primitive") else x for x in arrays]


reader("shape", "The shape, a tuple of ints.", lambda a: constant(Carrier.shape(a)))
reader("ndim", "The number of axes.", lambda a: constant(Carrier.ndim(a)))
reader("size", "The number of elements, or the length of one axis.", read_size)
reader("iscomplexobj", "Whether the dtype is complex.", lambda x: constant(Carrier.dtype(x).kind == "c"))
reader("isrealobj", "Whether the dtype is not complex.", lambda x: constant(Carrier.dtype(x).kind != "c"))
reader("result_type", "The dtype to which the operands promote.", lambda *a: constant(np.result_type(*dtypes(a))))
reader(
    "common_type",
    "The inexact dtype that all arrays fit.",
    lambda *a: constant(np.common_type(*[np.empty(0, Carrier.dtype(x)) for x in a])),
)
reader(
    "can_cast",
    "Whether a cast keeps the values.",
    lambda from_, to, casting="safe": constant(np.can_cast(Carrier.dtype(from_), to, casting)),
)
reader(
    "may_share_memory",
    "Whether two arrays could overlap: traced values never change.",
    lambda a, b, max_work=None: constant(False),
)
reader(
    "shares_memory",
    "Whether two arrays overlap: traced values never change.",
    lambda a, b, max_work=None: constant(False),
)


# Ranges between traced ends.
def spaced(name: str, ends: tuple[Value, ...], num: Value, endpoint: Value, axis: Value, **refused: Any) -> Value:
    """A call that asks for `num` numbers between ends; `refused` are arguments that traced values do not take."""
    for argument, value in refused.items():
        if value is not None and value is not False:
            raise InputError(f"{name}: {argument}={value!r} is not supported on traced values")
    if axis != 0:
        raise InputError(f"{name}: axis={axis} is not supported on traced values; use np.moveaxis")
    num = operator.index(num)
    if num < 0:
        raise InputError(f"{name}: num={num} is negative")
    return ends, {"num": num, "endpoint": bool(endpoint)}


def read_linspace(
    start: Value,
    stop: Value,
    num: Value = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
    *,
    device: object = None,
) -> Value:
    return spaced("linspace", (start, stop), num, endpoint, axis, retstep=retstep, dtype=dtype)


def read_geomspace(
    start: Value, stop: Value, num: Value = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0
) -> Value:
    return spaced("geomspace", (start, stop), num, endpoint, axis, dtype=dtype)


def read_logspace(
    start: Value,
    stop: Value,
    num: Value = 50,
    endpoint: bool = True,
    base: Value = 10.0,
    dtype: Any = None,
    axis: int = 0,
) -> Value:
    return spaced("logspace", (start, stop, base), num, endpoint, axis, dtype=dtype)


def linspace(m: Carrier, start: Value, stop: Value, *, num: int, endpoint: bool) -> Value:
    """(start (n - k) + stop k) / n: with whole numbers only, so that exact numbers stay exact."""
    ndim = max(m.ndim(start), m.ndim(stop))
    n = max(num - 1 if endpoint else num, 1)
    k = np.arange(num).reshape((num,) + (1,) * ndim)
    return m.divide(start * (n - k) + stop * k, n)


composite(
    "linspace",
    linspace,
    doc="Evenly spaced numbers between two ends.",
    arguments=read_linspace,
    reading=Reading(copies=True),
    flops=3,
)
composite(
    "geomspace",
    lambda m, start, stop, **params: m.exp(linspace(m, m.log(start), m.log(stop), **params)),
    doc="Numbers between two ends that are evenly spaced on a logarithmic scale.",
    arguments=read_geomspace,
    reading=Reading(copies=True),
    flops=5,
)
composite(
    "logspace",
    lambda m, start, stop, base, **params: m.power(base, linspace(m, start, stop, **params)),
    doc="Powers of a base, ten by default, with evenly spaced exponents.",
    arguments=read_logspace,
    reading=Reading(copies=True),
    spelling={"numpy": lambda start, stop, base, **params: np.logspace(start, stop, base=base, **params)},
    flops=5,
)


# A function applied to slices: it runs on traced slices, so nothing is to be known about it.
def read_apply_along_axis(func1d: Value, axis: int, arr: Value, *args: Value, **kwargs: Any) -> Value:
    shape = Carrier.shape(arr)
    if not shape:
        raise InputError("apply_along_axis: an array of shape () has no axis")
    axis = operator.index(axis) % len(shape)
    rows = np.moveaxis(arr, axis, -1)
    results = [func1d(rows[place], *args, **kwargs) for place in np.ndindex(*rows.shape[:-1])]
    if not results:
        raise InputError(f"apply_along_axis: an array of shape {shape} has no slices along axis {axis}")
    inner = Carrier.shape(results[0])
    whole = np.reshape(
        np.stack([r if hasattr(r, "shape") else np.asarray(r) for r in results]), (*rows.shape[:-1], *inner)
    )
    n, k = len(shape) - 1, len(inner)
    source = tuple(range(n, n + k))
    return (whole,), {"source": source, "destination": tuple(range(axis, axis + k))}, "moveaxis"


def read_apply_over_axes(func: Value, a: Value, axes: Value) -> Value:
    n = Carrier.ndim(a)
    for axis in (axes,) if is_integer(axes) else axes:
        y = func(a, operator.index(axis) % n)
        a = y if Carrier.ndim(y) == n else np.expand_dims(y, axis)
    return (a,), {}, "copy"


reader("apply_along_axis", "A function applied to every slice along an axis.", read_apply_along_axis, called=("numpy",))
reader("apply_over_axes", "A function applied over axes, one after the other.", read_apply_over_axes, called=("numpy",))
