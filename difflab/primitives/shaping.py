"""Rows that move elements without changing them."""

from __future__ import annotations

from typing import Any

import math

from ..errors import ShapeError
from .arguments import axes
from .carriers import Carrier
from .primitive import linear


def read_reshape(a: Any, shape: Any = None, order: str = "C", *, newshape: Any = None, copy: Any = None) -> Any:
    shape = newshape if shape is None else shape
    wanted = [int(shape)] if not isinstance(shape, tuple | list) else [int(k) for k in shape]
    size = Carrier.size(a)
    known = math.prod(k for k in wanted if k != -1)
    if wanted.count(-1) == 1 and known and size % known == 0:
        wanted[wanted.index(-1)] = size // known
    if math.prod(wanted) != size or -1 in wanted:
        raise ShapeError(f"reshape: {size} elements of shape {Carrier.shape(a)} do not fit shape {shape}")
    params: dict[str, Any] = {"shape": tuple(wanted)}
    if order == "F":
        params["order"] = "F"
    return (a,), params


def read_transpose(a: Any, axes_: Any = None, axes: Any = None) -> Any:
    order = axes if axes_ is None else axes_
    n = Carrier.ndim(a)
    order = tuple(reversed(range(n))) if order is None else tuple(int(k) % n for k in order)
    if sorted(order) != list(range(n)):
        raise ShapeError(f"transpose: axes={order} is not an order of the {n} axes of shape {Carrier.shape(a)}")
    return (a,), {"axes": order}


def inverse(order: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted(range(len(order)), key=order.__getitem__))


linear(
    "reshape",
    lambda m, i, ct, x, *, shape, **order: m.reshape(ct, shape=m.shape(x), **order),
    doc="The same elements in another shape.",
    glyph="reshape",
    arguments=read_reshape,
    flops=0,
)
linear(
    "transpose",
    lambda m, i, ct, x, *, axes: m.transpose(ct, axes=inverse(axes)),
    doc="The axes in another order, reversed by default.",
    glyph="ᵀ",
    latex=r"{0}^{{\top}}",
    arguments=read_transpose,
    flops=0,
)


def piece(m: Any, position: int, ct: Any, xs: Any, axis: int) -> Any:
    start = sum(m.shape(x)[axis] for x in xs[:position])
    index = (slice(None),) * axis + (slice(start, start + m.shape(xs[position])[axis]),)
    return m.getitem(ct, index=index)


def read_concatenate(arrays: Any, axis: int | None = 0, out: Any = None, dtype: Any = None, casting: Any = None) -> Any:
    return tuple(arrays), {"axis": axes(axis, Carrier.ndim(arrays[0]))[0]}


def read_stack(arrays: Any, axis: int = 0, out: Any = None, *, dtype: Any = None, casting: Any = None) -> Any:
    return tuple(arrays), {"axis": axis}


linear(
    "concatenate",
    lambda m, i, ct, *xs, axis: piece(m, i, ct, xs, axis),
    doc="Arrays joined along an axis.",
    glyph="concat",
    arguments=read_concatenate,
    spelling={"numpy": "kernels.concatenate", "elements": "kernels.concatenate"},
    jointly=True,
    flops=0,
)
linear(
    "stack",
    lambda m, i, ct, *xs, axis: m.getitem(ct, index=(slice(None),) * (axis % m.ndim(ct)) + (i,)),
    doc="Arrays of one shape joined along a new axis.",
    glyph="stack",
    arguments=read_stack,
    spelling={"numpy": "kernels.stack", "elements": "kernels.stack"},
    jointly=True,
    flops=0,
)
