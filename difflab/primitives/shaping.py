"""Rows that move elements to another shape or order without changing them."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from ..errors import InputError, ShapeError
from ..types import Function, Value
from . import batches, by_parts, by_rows
from .arguments import axes, axes_of, axis_of, is_integer, of_number
from .primitive import Carrier, Reading, composite, linear


def read_reshape(
    a: Value, shape: Value = None, order: str = "C", *, newshape: Value = None, copy: Value = None
) -> Value:
    shape = newshape if shape is None else shape
    wanted = [operator.index(shape)] if is_integer(shape) else [operator.index(k) for k in shape]
    size = Carrier.size(a)
    known = math.prod(k for k in wanted if k != -1)
    if wanted.count(-1) == 1 and known and size % known == 0:
        wanted[wanted.index(-1)] = size // known
    if math.prod(wanted) != size or -1 in wanted:
        raise ShapeError(f"reshape: {size} elements of shape {Carrier.shape(a)} do not fit shape {shape}")
    return (a,), {"shape": tuple(wanted), **memory_order("reshape", order)}


def memory_order(name: str, order: str) -> dict[str, str]:
    """The order parameter, where it is not the usual one."""
    if order not in ("C", "F", "A", "K"):
        raise InputError(f"{name}: order={order!r} is not 'C' or 'F'")
    return {"order": "F"} if order == "F" else {}


def reversed_axes(x: Value) -> tuple[int, ...]:
    return tuple(reversed(range(Carrier.ndim(x))))


def read_transpose(a: Value, axes: Value = None) -> Value:
    if Carrier.shape(a) is None:  # text: the shape is known only when it is evaluated
        return (a,), {"axes": axes}
    n = Carrier.ndim(a)
    order = reversed_axes(a) if axes is None else tuple(operator.index(k) % max(n, 1) for k in axes)
    if sorted(order) != list(range(n)):
        raise ShapeError(f"transpose: axes={axes} is not an order of the {n} axes of shape {Carrier.shape(a)}")
    return (a,), {"axes": order}


def inverse(order: tuple[int, ...] | None) -> tuple[int, ...] | None:
    return None if order is None else tuple(sorted(range(len(order)), key=order.__getitem__))


def back_to_shape(m: Carrier, i: int, ct: Value, x: Value, **params: Any) -> Value:
    return m.reshape(ct, shape=m.shape(x))


linear(
    "reshape",
    lambda m, i, ct, x, *, shape, **order: m.reshape(ct, shape=m.shape(x), **order),
    gate=lambda m, i, gate, x, *, shape, **order: m.reshape(gate, shape=m.shape(x), **order),
    doc="The same elements in another shape.",
    glyph="reshape",
    arguments=read_reshape,
    reading=Reading(sizes=True),
    facts={"moves"},
    spelling={"elements": "reshape"},
    flops=0,
    batch=batches.reshape,
    by_rows=by_rows.reshape,
    by_parts=by_parts.reshape,
)
linear(
    "ravel",
    lambda m, i, ct, x, **order: m.reshape(ct, shape=m.shape(x), **order),
    doc="All elements in one axis.",
    glyph="ravel",
    arguments=lambda a, order="C": ((a,), memory_order("ravel", order)),
    facts={"moves"},
    spelling={"elements": "ravel"},
    flops=0,
    batch=batches.ravel,
)
linear(
    "transpose",
    lambda m, i, ct, x, *, axes: m.transpose(ct, axes=inverse(axes)),
    doc="The axes in another order, reversed by default.",
    glyph="ᵀ",
    latex=r"{0}^{{\top}}",
    reads=("transpose", "permute_dims"),
    arguments=read_transpose,
    reading=Reading(sizes=True),
    facts={"moves"},
    spelling={"elements": "transpose"},
    flops=0,
    batch=batches.transpose,
    by_rows=by_rows.transpose,
    by_parts=by_parts.transpose,
)


# Axes moved, added and taken away.
def read_moveaxis(a: Value, source: Value, destination: Value) -> Value:
    n, shape = Carrier.ndim(a), Carrier.shape(a)
    source = axes(source, n, "moveaxis: source", shape)
    destination = axes(destination, n, "moveaxis: destination", shape)
    if len(source) != len(destination):
        raise ShapeError(f"moveaxis: source={source} and destination={destination} differ in length")
    return (a,), {"source": source, "destination": destination}


def read_rollaxis(a: Value, axis: int, start: int = 0) -> Value:
    n = Carrier.ndim(a)
    axis = axis_of("rollaxis", a, axis)
    start = axes(start, n + 1, "rollaxis: start", Carrier.shape(a))[0] if start >= 0 else start % n
    order = [k for k in range(n) if k != axis]
    order.insert(start - (axis < start), axis)
    return (a,), {"axes": tuple(order)}


linear(
    "moveaxis",
    lambda m, i, ct, x, *, source, destination: m.moveaxis(ct, source=destination, destination=source),
    doc="Axes moved to other places, the others in their order.",
    arguments=read_moveaxis,
    reading=Reading(sizes=True),
    facts={"moves"},
    spelling={"elements": "moveaxis"},
    flops=0,
    batch=batches.axes,
)
linear(
    "rollaxis",
    lambda m, i, ct, x, *, axes: m.transpose(ct, axes=inverse(axes)),
    doc="One axis moved before another.",
    arguments=read_rollaxis,
    spelling={"numpy": "transpose", "elements": "transpose"},
    facts={"sums"},
    flops=0,
    batch=batches.transpose,
)
linear(
    "swapaxes",
    lambda m, i, ct, x, *, axis1, axis2: m.swapaxes(ct, axis1=axis1, axis2=axis2),
    doc="Two axes exchanged.",
    arguments=lambda a, axis1, axis2: (
        (a,),
        {"axis1": axis_of("swapaxes", a, axis1), "axis2": axis_of("swapaxes", a, axis2)},
    ),
    facts={"moves"},
    spelling={"elements": "swapaxes"},
    flops=0,
    batch=batches.axes,
    by_parts=by_parts.swapaxes,
)
linear(
    "matrix_transpose",
    lambda m, i, ct, x: m.matrix_transpose(ct),
    doc="The last two axes exchanged.",
    glyph="ᵀ",
    latex=r"{0}^{{\top}}",
    facts={"moves"},
    spelling={"elements": "matrix_transpose"},
    flops=0,
    batch=batches.stacks,
    by_parts=by_parts.matrix_transpose,
)
linear(
    "expand_dims",
    back_to_shape,
    doc="New axes of length one.",
    arguments=lambda a, axis: (
        (a,),
        {
            "axis": axes(
                axis,
                Carrier.ndim(a) + (1 if is_integer(axis) else len(axis)),
                "expand_dims: axis",
                Carrier.shape(a),
            )
        },
    ),
    reading=Reading(sizes=True),
    facts={"moves"},
    spelling={"elements": "expand_dims"},
    flops=0,
    batch=batches.as_on_one,
    by_parts=by_parts.regrouped,
)


def read_squeeze(a: Value, axis: Value = None) -> Value:
    found = () if of_number(a, axis) else axes_of("squeeze", a, axis)
    for k in found or ():
        if Carrier.shape(a)[k] != 1:
            raise ShapeError(f"squeeze: axis={k} of shape {Carrier.shape(a)} has length {Carrier.shape(a)[k]}, not 1")
    return (a,), {"axis": found}


linear(
    "squeeze",
    back_to_shape,
    doc="Without the axes of length one.",
    arguments=read_squeeze,
    reading=Reading(sizes=True),
    facts={"moves"},
    spelling={"elements": "squeeze"},
    flops=0,
    batch=batches.as_on_one,
    by_parts=by_parts.regrouped,
)


def at_least(n: int) -> Function:
    def read(*arrays: Value) -> Value:
        return (arrays, {}) if len(arrays) == 1 else (arrays, {"n": n}, "atleast_each")

    return read


composite(
    "atleast_each",
    lambda m, *xs, n: [getattr(m, f"atleast_{n}d")(x) for x in xs],
    doc="Several arrays with at least n axes each.",
    called=(),
    reads=(),
    spelling={"numpy": "kernels.arrays.atleast_each", "elements": "kernels.arrays.atleast_each"},
    flops=0,
)
for _n in (1, 2, 3):
    linear(
        f"atleast_{_n}d",
        back_to_shape,
        doc=f"The array with at least {_n} axes.",
        arguments=at_least(_n),
        facts={"moves"},
        spelling={"elements": f"atleast_{_n}d"},
        flops=0,
        batch=batches.as_on_one,
    )


# Order along axes.
def all_axes(name: str) -> Function:
    def read(m: Carrier, axis: Value = None) -> Value:
        found = axes_of(name, m, axis)
        return (m,), {"axis": tuple(range(Carrier.ndim(m))) if found is None else found}

    return read


def read_roll(a: Value, shift: Value, axis: Value = None) -> Value:
    shift = operator.index(shift) if is_integer(shift) else tuple(operator.index(k) for k in shift)
    if axis is None:
        return (a,), {"shift": shift, "axis": None}
    found = axes_of("roll", a, axis) if is_integer(axis) else tuple(axis_of("roll", a, k) for k in axis)
    shifts = (shift,) * len(found) if isinstance(shift, int) else shift
    found = found * len(shifts) if len(found) == 1 else found
    if len(shifts) != len(found):
        raise ShapeError(f"roll: shift={shift} and axis={axis} differ in length")
    return (a,), {"shift": shifts, "axis": found}


def opposite(shift: Value) -> Value:
    return -shift if isinstance(shift, int) else tuple(-k for k in shift)


linear(
    "flip",
    lambda m, i, ct, x, *, axis: m.flip(ct, axis=axis),
    doc="The elements in reverse order along the axes, all by default.",
    arguments=all_axes("flip"),
    reading=Reading(sizes=True),
    facts={"moves"},
    spelling={"elements": "flip"},
    flops=0,
    batch=batches.axes,
    by_rows=by_rows.other_axes,
)
for _name, _needs, _words in (("fliplr", 2, "from left to right"), ("flipud", 1, "upside down")):
    linear(
        _name,
        lambda m, i, ct, x, _name=_name: getattr(m, _name)(ct),
        doc=f"The array turned {_words}.",
        arguments=lambda m: ((m,), {}),
        facts={"sums"},
        spelling={"elements": _name},
        flops=0,
        batch=lambda m, row, lead, x, _needs=_needs: m.flip(x, axis=(_needs,)),
    )
linear(
    "rot90",
    lambda m, i, ct, x, *, k, axes: m.rot90(ct, k=-k, axes=axes),
    doc="The array turned by 90 degrees k times, in the plane of two axes.",
    arguments=lambda m, k=1, axes=(0, 1): (
        (m,),
        {"k": operator.index(k), "axes": tuple(axis_of("rot90", m, a) for a in axes)},
    ),
    reading=Reading(sizes=True),
    spelling={"elements": "rot90"},
    facts={"sums"},
    flops=0,
    batch=batches.axes,
)
linear(
    "roll",
    lambda m, i, ct, x, *, shift, axis: m.roll(ct, shift=opposite(shift), axis=axis),
    doc="The elements shifted around along the axes; those that fall off come back in front.",
    arguments=read_roll,
    reading=Reading(sizes=True),
    facts={"moves"},
    spelling={"elements": "roll"},
    flops=0,
    batch=batches.roll,
)
for _name, _words in (("triu", "on and above"), ("tril", "on and below")):
    linear(
        _name,
        lambda m, i, ct, x, *, k, _name=_name: getattr(m, _name)(ct, k=k),
        doc=f"The elements {_words} the k-th diagonal, zeros elsewhere.",
        arguments=lambda m, k=0: (
            (m if Carrier.ndim(m) != 1 else np.broadcast_to(m, m.shape * 2),),
            {"k": operator.index(k)},
        ),
        spelling={"elements": _name},
        flops=0,
        batch=batches.stacks,
    )
