"""Rows that join arrays, take them apart, and broadcast them against each other."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ..errors import InputError, ShapeError
from ..types import Function, Value
from . import batches, by_parts, by_rows
from .arguments import axes, axis_of, cast, refuse
from .primitive import Carrier, Reading, composite, linear


def piece(m: Carrier, position: int, ct: Value, xs: Value, axis: int) -> Value:
    start = sum(m.shape(x)[axis] for x in xs[:position])
    index = (slice(None),) * axis + (slice(start, start + m.shape(xs[position])[axis]),)
    return m.getitem(ct, index=index)


def sequence(name: str, arrays: Value) -> list[Value]:
    """The arrays of a call that takes a sequence of them (an array stands for its rows)."""
    arrays = list(arrays)
    if not arrays:
        raise InputError(f"{name}: no arrays to join")
    return [
        np.stack(x) if isinstance(x, list | tuple) and _traced(x) else x if hasattr(x, "shape") else np.asarray(x)
        for x in arrays
    ]


def _traced(x: Value) -> bool:
    return any(hasattr(e, "primitive") or (isinstance(e, list | tuple) and _traced(e)) for e in x)


def read_concatenate(
    arrays: Value, axis: int | None = 0, out: object = None, dtype: Any = None, casting: object = None
) -> Value:
    refuse(out=out)
    arrays = sequence("concatenate", arrays)
    if axis is None:
        arrays, axis = [np.ravel(x) for x in arrays], 0
    axis = axis_of("concatenate", arrays[0], axis)
    first = arrays[0].shape
    for k, x in enumerate(arrays):
        if len(x.shape) != len(first) or any(a != b for j, (a, b) in enumerate(zip(first, x.shape)) if j != axis):
            raise ShapeError(
                f"concatenate: array {k} of shape {x.shape} does not fit array 0 of shape {first} along axis {axis}"
            )
    return tuple(cast(x, dtype) for x in arrays), {"axis": axis}


def read_stack(arrays: Value, axis: int = 0, out: object = None, *, dtype: Any = None, casting: object = None) -> Value:
    refuse(out=out)
    arrays = sequence("stack", arrays)
    first = arrays[0].shape
    for k, x in enumerate(arrays):
        if x.shape != first:
            raise ShapeError(f"stack: array {k} has shape {x.shape}, array 0 has shape {first}")
    return tuple(cast(x, dtype) for x in arrays), {"axis": axes(axis, len(first) + 1, "stack: axis", first)[0]}


linear(
    "concatenate",
    lambda m, i, ct, *xs, axis: piece(m, i, ct, xs, axis),
    doc="Arrays joined along an axis.",
    glyph="concat",
    reads=("concatenate", "concat"),
    arguments=read_concatenate,
    reading=Reading("operands"),
    spelling={"numpy": "kernels.arrays.concatenate", "elements": "kernels.arrays.concatenate"},
    facts={"sums"},
    jointly=True,
    flops=0,
    batch=batches.joined,
    by_rows=by_rows.other_axes,
    by_parts=by_parts.concatenate,
)
linear(
    "stack",
    lambda m, i, ct, *xs, axis: m.getitem(ct, index=(slice(None),) * (axis % m.ndim(ct)) + (i,)),
    doc="Arrays of one shape joined along a new axis.",
    glyph="stack",
    arguments=read_stack,
    reading=Reading("operands"),
    spelling={"numpy": "kernels.arrays.stack", "elements": "kernels.arrays.stack"},
    facts={"sums"},
    jointly=True,
    flops=0,
    batch=batches.joined,
    by_rows=by_rows.other_axes,
    by_parts=by_parts.stack,
)


def as_columns(m: Carrier, x: Value) -> Value:
    return m.reshape(x, shape=(m.size(x), 1)) if m.ndim(x) < 2 else x


def hstack(m: Carrier, *xs: Value) -> Value:
    xs = tuple(m.atleast_1d(x) for x in xs)
    return m.concatenate(*xs, axis=0 if m.ndim(xs[0]) == 1 else 1)


JOINERS: dict[str, tuple[str, Function]] = {
    "vstack": ("one above the other", lambda m, *xs: m.concatenate(*[m.atleast_2d(x) for x in xs], axis=0)),
    "hstack": ("side by side", hstack),
    "dstack": ("along a third axis", lambda m, *xs: m.concatenate(*[m.atleast_3d(x) for x in xs], axis=2)),
    "column_stack": ("as columns", lambda m, *xs: m.concatenate(*[as_columns(m, x) for x in xs], axis=1)),
}


def read_joiner(name: str) -> Function:
    def read(tup: Value, *, dtype: Any = None, casting: object = None) -> Value:
        return tuple(cast(x, dtype) for x in sequence(name, tup)), {}

    return read


for _name, (_words, _value) in JOINERS.items():
    composite(
        _name,
        _value,
        doc=f"Arrays joined {_words}.",
        reads=("vstack", "row_stack") if _name == "vstack" else (_name,),
        arguments=read_joiner(_name),
        reading=Reading("operands"),
        spelling={"numpy": f"kernels.arrays.{_name}", "elements": f"kernels.arrays.{_name}"},
        flops=0,
    )


def read_append(arr: Value, values: Value, axis: Value = None) -> Value:
    if axis is None:
        return (np.ravel(arr), np.ravel(values)), {"axis": 0}
    return read_concatenate((arr, values), axis)


linear(
    "append",
    lambda m, i, ct, *xs, axis: piece(m, i, ct, xs, axis),
    doc="Values joined to the end of an array.",
    arguments=read_append,
    spelling={"numpy": "kernels.arrays.concatenate", "elements": "kernels.arrays.concatenate"},
    facts={"sums"},
    jointly=True,
    flops=0,
    batch=batches.joined,
)


def block_of(arrays: Value, depth: int, ndim: int) -> Value:
    """Nested lists joined along the last axis inside, the one before it outside of that, and so on."""
    if not isinstance(arrays, list):
        x = arrays if hasattr(arrays, "shape") else np.asarray(arrays)
        return np.reshape(x, (1,) * (ndim - len(x.shape)) + tuple(x.shape))
    return np.concatenate([block_of(a, depth - 1, ndim) for a in arrays], axis=-depth)


def nesting(arrays: Value) -> int:
    return 1 + max(nesting(a) for a in arrays) if isinstance(arrays, list) and arrays else 0


def widest(arrays: Value) -> int:
    return max(widest(a) for a in arrays) if isinstance(arrays, list) else Carrier.ndim(arrays)


def read_block(arrays: Value) -> Value:
    depth = nesting(arrays)
    return (block_of(arrays, depth, max(depth, widest(arrays))),), {}


linear(
    "block",
    lambda m, i, ct, x: ct,
    doc="Nested lists of blocks joined to one array.",
    arguments=read_block,
    reading=Reading("apart"),
    value=lambda m, x: x,
    spelling={"numpy": lambda x: x},
    facts={"sums"},
    flops=0,
    batch=batches.stacks,
)


# Parts.
MOST_PARTS = 100_000


def split(m: Carrier, x: Value, *, bounds: tuple[int, ...], axis: int) -> list[Value]:
    edges = (None, *bounds), (*bounds, None)
    return [m.getitem(x, index=(slice(None),) * axis + (slice(a, b),)) for a, b in zip(*edges)]


def read_split(name: str, even: bool = True, along: int | None = None) -> Function:
    """The reader of a split in equal parts or not; `along` is the axis of those that have no argument for it."""

    def read(ary: Value, indices_or_sections: Value, axis: Value = 0) -> Value:
        k = axis_of(name, ary, axis)
        length = Carrier.shape(ary)[k]
        if Carrier.ndim(indices_or_sections) == 0:
            n = operator.index(indices_or_sections)
            if n <= 0:
                raise InputError(f"{name}: {n} parts; there must be at least one")
            if n > MOST_PARTS:
                raise InputError(f"{name}: {n} parts are too many; at most {MOST_PARTS:,} are made")
            if even and length % n:
                raise ShapeError(f"{name}: axis {k} of shape {Carrier.shape(ary)} does not divide into {n} equal parts")
            short, more = divmod(length, n)
            bounds = tuple(i * short + min(i, more) for i in range(1, n))
        else:
            bounds = tuple(operator.index(i) for i in indices_or_sections)
        return (ary,), {"bounds": bounds, "axis": k}

    def read_along(ary: Value, indices_or_sections: Value) -> Value:
        return read(ary, indices_or_sections, 0 if name == "hsplit" and Carrier.ndim(ary) == 1 else along)

    return read if along is None else read_along


for _name, _even, _axis in (
    ("split", True, None),
    ("array_split", False, None),
    ("hsplit", True, 1),
    ("vsplit", True, 0),
    ("dsplit", True, 2),
):
    composite(
        _name,
        split,
        doc="The parts of an array along an axis, as a list.",
        arguments=read_split(_name, _even, _axis),
        reading=Reading(sizes=_name == "split"),
        spelling={"numpy": "kernels.arrays.split", "elements": "kernels.arrays.split"},
        result=lambda *parts: list(parts),
        outputs=0,
        flops=0,
    )
composite(
    "unstack",
    lambda m, x, *, axis: [m.getitem(x, index=(slice(None),) * axis + (i,)) for i in range(m.shape(x)[axis])],
    doc="The slices of an array along an axis, as a tuple.",
    arguments=lambda x, *, axis=0: ((x,), {"axis": axis_of("unstack", x, axis)}),
    spelling={"numpy": "kernels.arrays.unstack", "elements": "kernels.arrays.unstack"},
    outputs=0,
    flops=0,
)


# Broadcasting.
def broadcast_arrays(m: Carrier, *xs: Value) -> list[Value]:
    shape = np.broadcast_shapes(*[m.shape(x) for x in xs])
    return [m.broadcast_to(x, shape=shape) for x in xs]


def meshgrid(m: Carrier, *xs: Value, indexing: str, sparse: bool) -> list[Value]:
    n = len(xs)
    place = [1, 0, *range(2, n)] if indexing == "xy" and n > 1 else list(range(n))
    grids = [m.reshape(x, shape=tuple(m.size(x) if place[i] == k else 1 for k in range(n))) for i, x in enumerate(xs)]
    return grids if sparse else broadcast_arrays(m, *grids)


composite(
    "broadcast_arrays",
    broadcast_arrays,
    doc="The arrays, each repeated to the shape that fits all.",
    arguments=lambda *args, subok=False: (args, {}),
    reading=Reading("apart"),
    spelling={"numpy": "kernels.arrays.broadcast_arrays", "elements": "kernels.arrays.broadcast_arrays"},
    outputs=0,
    flops=0,
)
composite(
    "meshgrid",
    meshgrid,
    doc="The coordinates of a grid, one array for each axis.",
    arguments=lambda *xi, copy=True, sparse=False, indexing="xy": (xi, {"indexing": indexing, "sparse": sparse}),
    reading=Reading("apart"),
    spelling={"numpy": "kernels.arrays.meshgrid", "elements": "kernels.arrays.meshgrid"},
    outputs=0,
    flops=0,
)
