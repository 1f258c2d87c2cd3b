"""Reading at an index, and its transpose, adding into zeros at that index."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ..errors import DtypeError, InputError, ShapeError
from ..types import Key, Shape, Value
from . import batches, by_parts, by_rows
from .arguments import axis_of, cast, no_traced, of_number, refuse
from .batches import take_along_axis as batched_take_along_axis
from .batches_index import getitem as batched_getitem, in_range, scatter as batched_scatter, take as batched_take
from .kernels.structure import Slot
from .primitive import Carrier, composite, linear

OPERANDS = tuple(range(1, 65))


def is_traced(x: Value) -> bool:
    return hasattr(x, "primitive")


def plain_bound(x: Value) -> Value:
    return None if x is None else operator.index(x)


def plain_entry(e: Value) -> Value:
    """One entry of an index as one of a few kinds: slice, None, `...`, int, bool, array, traced value.

    Whatever else NumPy reads as an array (lists, and tuples inside an index, ranges) is an array from here on.
    """
    if type(e) in (int, bool) or e is None or e is Ellipsis or is_traced(e):
        return e
    if isinstance(e, slice):
        return slice(plain_bound(e.start), plain_bound(e.stop), plain_bound(e.step))
    if isinstance(e, np.bool_):
        return bool(e)
    if hasattr(e, "__index__") and not isinstance(e, np.ndarray):
        return operator.index(e)
    if isinstance(e, list | tuple) and _holds_traced(e):
        return np.stack([plain_entry(x) if isinstance(x, list | tuple) else x for x in e])
    try:
        array = np.array(e)  # a copy: it stays as it is now
    except ValueError as error:
        raise InputError(f"an index must be an integer, a slice or a mask, got {e!r}: {error}") from None
    if array.size == 0 and not isinstance(e, np.ndarray):
        return array.astype(np.intp)
    if array.dtype.kind not in "iub":
        raise DtypeError(f"an index must be an integer, a slice or a mask, got {e!r}")
    return array


def _holds_traced(x: Value) -> bool:
    return any(is_traced(e) or (isinstance(e, list | tuple) and _holds_traced(e)) for e in x)


def read_getitem(x: Value, key: Key) -> Value:
    """x[key]: array-like traced entries of the key become operands, everything else is a parameter."""
    arrays: list[Value] = []
    index: list[Value] = []
    for e in key if isinstance(key, tuple) else (key,):
        e = plain_entry(e)
        if is_traced(e):
            if e.dtype.kind not in "iub":
                raise DtypeError(
                    f"an index must be an integer, got a traced value of dtype {e.dtype}; use .astype(int)"
                )
            index.append(Slot(len(arrays)))
            arrays.append(e)
        else:
            index.append(e)
    return (x, *arrays), {"index": tuple(index) if isinstance(key, tuple) or len(index) != 1 else index[0]}


linear(
    "getitem",
    lambda m, i, ct, x, *arrays, index: m.scatter(ct, *arrays, index=index, shape=m.shape(x)),
    doc="x[index], basic or advanced; repeated reads of an element add up on the way back.",
    called=(),
    glyph="[ ]",
    latex="{0}_{{[\\,]}}",
    reads=(),
    arguments=read_getitem,
    spelling={"numpy": "kernels.structure.getitem", "elements": "kernels.structure.getitem"},
    value_shaped=lambda x, *arrays: any(a.dtype.kind == "b" for a in arrays if hasattr(a, "dtype")),
    fixed=OPERANDS,
    facts={"moves"},
    flops=0,
    batch=batched_getitem,
    by_rows=by_rows.getitem,
    by_parts=by_parts.getitem,
)
linear(
    "scatter",
    lambda m, i, ct, x, *arrays, index, shape: m.getitem(ct, *arrays, index=index),
    doc="Adds the values into zeros of the shape, at the index: the transpose of reading there.",
    called=(),
    glyph="[ ]ᵀ",
    reads=(),
    spelling={"numpy": "kernels.structure.scatter", "elements": "kernels.structure.scatter"},
    fixed=OPERANDS,
    facts={"fresh"},
    flops=0,
    batch=batched_scatter,
    by_rows=by_rows.scatter,
)


# Taking elements by number.
def read_take(a: Value, indices: Value, axis: Value = None, out: object = None, mode: str = "raise") -> Value:
    refuse(out=out)
    if axis is None or of_number(a, axis):
        a, axis = np.ravel(a), 0
    if not hasattr(indices, "dtype"):
        indices = np.asarray(indices, dtype=None if np.size(indices) else np.intp)
    if indices.dtype.kind not in "iu":
        raise DtypeError(f"take: the indices have dtype {indices.dtype}; they must be integers")
    if mode not in ("raise", "wrap", "clip"):
        raise InputError(f"take: mode={mode!r}; it is one of 'raise', 'wrap', 'clip'")
    axis = axis_of("take", a, axis)
    if indices.shape == () and not is_traced(indices):
        place = int(in_range(indices, a.shape[axis], mode))
        return (a,), {"index": (slice(None),) * axis + (place,)}, "getitem"
    return (a, indices), {"axis": axis, "mode": mode}


def take_transpose(m: Carrier, i: int, ct: Value, x: Value, indices: Value, *, axis: int, mode: str) -> Value:
    index = (slice(None),) * axis + (Slot(0),)
    return m.scatter(ct, in_range(indices, m.shape(x)[axis], mode), index=index, shape=m.shape(x))


def read_take_along_axis(arr: Value, indices: Value, axis: Value = -1) -> Value:
    if axis is None:
        arr, axis = np.ravel(arr), 0
    axis = axis_of("take_along_axis", arr, axis)
    if Carrier.ndim(indices) != Carrier.ndim(arr):
        raise ShapeError(
            f"take_along_axis: indices of shape {Carrier.shape(indices)} for an array of shape "
            f"{Carrier.shape(arr)}; both need the same number of axes"
        )
    return (arr, indices), {"axis": axis}


def grid_index(m: Carrier, x: Value, indices: Value, axis: int) -> tuple[Value, ...]:
    """The index that reads x at `indices` along one axis and at its own place along the others."""
    n = m.ndim(x)
    shape = tuple(m.shape(indices)[k] if k == axis else m.shape(x)[k] for k in range(n))
    places = [np.arange(length).reshape((1,) * k + (-1,) + (1,) * (n - k - 1)) for k, length in enumerate(shape)]
    return tuple(Slot(0) if k == axis else place for k, place in enumerate(places))


linear(
    "take",
    take_transpose,
    doc="The elements at the given places along an axis, of the raveled array by default.",
    glyph="take",
    arguments=read_take,
    spelling={"elements": "kernels.arrays.take"},
    fixed=(1,),
    facts={"moves"},
    flops=0,
    batch=batched_take,
)
linear(
    "take_along_axis",
    lambda m, i, ct, x, indices, *, axis: m.scatter(
        ct, indices, index=grid_index(m, x, indices, axis), shape=m.shape(x)
    ),
    doc="The elements at places that are given along one axis for each place along the others.",
    arguments=read_take_along_axis,
    spelling={"elements": "take_along_axis"},
    facts={"sums"},
    fixed=(1,),
    flops=0,
    batch=batched_take_along_axis,
)


def places(name: str, doc: str, read: Value) -> None:
    """A row that reads the elements along one axis at places known when it is recorded."""
    composite(
        name,
        lambda m, x, *, order, axis: m.getitem(x, index=(slice(None),) * axis + (order,)),
        doc=doc,
        arguments=read,
        spelling={"numpy": "kernels.arrays.places", "elements": "kernels.arrays.places"},
        flops=0,
    )


def concrete(name: str, x: Value) -> Value:
    if is_traced(x):
        raise InputError(f"{name}: the selection is traced, its result would have no fixed shape; use np.where")
    return np.asarray(x)


def along_or_raveled(name: str, a: Value, axis: Value) -> tuple[Value, int]:
    if axis is None:
        return np.ravel(a), 0
    return a, axis_of(name, a, axis)


def read_compress(condition: Value, a: Value, axis: Value = None, out: object = None) -> Value:
    refuse(out=out)
    a, axis = along_or_raveled("compress", a, axis)
    return (a,), {"order": np.flatnonzero(concrete("compress", condition)), "axis": axis}


def read_extract(condition: Value, arr: Value) -> Value:
    return (np.ravel(arr),), {"order": np.flatnonzero(np.ravel(concrete("extract", condition))), "axis": 0}


def read_delete(arr: Value, obj: Value, axis: Value = None) -> Value:
    no_traced("delete", obj=obj)
    arr, axis = along_or_raveled("delete", arr, axis)
    return (arr,), {"order": np.delete(np.arange(arr.shape[axis]), obj), "axis": axis}


places("compress", "The slices along an axis where the condition holds.", read_compress)
places("extract", "The elements of the raveled array where the condition holds.", read_extract)
places("delete", "The array without some of its slices along an axis.", read_delete)


def read_insert(arr: Value, obj: Value, values: Value, axis: Value = None) -> Value:
    no_traced("insert", obj=obj)
    arr, axis = along_or_raveled("insert", arr, axis)
    if not isinstance(obj, slice):
        obj = np.asarray(obj)
        if obj.dtype.kind == "b":  # a mask of the places
            if obj.ndim != 1:
                raise InputError(
                    f"insert: obj={obj} says neither places nor, one True or False for each, a mask of them"
                )
            obj = np.flatnonzero(obj)
    n = len(arr.shape)
    values = cast(values if hasattr(values, "shape") else np.asarray(values), arr.dtype)
    single = not isinstance(obj, slice) and np.ndim(obj) == 0
    if single:  # the values may be several slices, at one place
        values = np.reshape(values, (1,) * (n - len(values.shape)) + tuple(values.shape))
        values = np.moveaxis(values, 0, axis)
        count = values.shape[axis]
    else:
        count = len(range(*obj.indices(arr.shape[axis]))) if isinstance(obj, slice) else np.size(obj)
    shape = tuple(count if k == axis else length for k, length in enumerate(arr.shape))
    values = np.broadcast_to(values, shape)
    # np.insert on the places themselves tells where everything goes.
    order = np.insert(np.arange(arr.shape[axis]), obj, arr.shape[axis] + np.arange(count))
    return (arr, values), {"order": order, "axis": axis}


composite(
    "insert",
    lambda m, x, values, *, order, axis: m.take(m.concatenate(x, values, axis=axis), order, axis=axis, mode="raise"),
    doc="The array with values put in before the given places along an axis.",
    arguments=read_insert,
    spelling={"numpy": "kernels.arrays.insert", "elements": "kernels.arrays.insert"},
    flops=0,
)


# Diagonals.
def read_diagonal(a: Value, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Value:
    return (a,), {"offset": int(offset), "axis1": axis_of("diagonal", a, axis1), "axis2": axis_of("diagonal", a, axis2)}


def read_trace(
    a: Value, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None, out: object = None
) -> Value:
    refuse(dtype=dtype, out=out)
    operands, params = read_diagonal(a, offset, axis1, axis2)
    if params["axis1"] == params["axis2"]:
        raise ShapeError(f"trace: axis1 and axis2 are both {axis1}")
    return operands, params


def diagonal_places(rows: int, columns: int, offset: int) -> tuple[Value, Value]:
    steps = np.arange(max(min(rows + min(offset, 0), columns - max(offset, 0)), 0))
    return (steps - offset, steps) if offset < 0 else (steps, steps + offset if offset else steps)


def diagonal(m: Carrier, x: Value, *, offset: int, axis1: int, axis2: int) -> Value:
    last = m.moveaxis(x, source=(axis1, axis2), destination=(-2, -1))
    rows, columns = m.shape(last)[-2:]
    down, right = diagonal_places(rows, columns, offset)
    return m.getitem(last, index=(..., down, right))


def onto_diagonal(m: Carrier, i: int, ct: Value, x: Value, *, offset: int, axis1: int, axis2: int) -> Value:
    """The elements of ct on the diagonal of two axes, and zeros beside it: the transpose of `diagonal`."""
    shape = m.shape(x)
    return put_on_diagonal(m, ct, diagonal_places(shape[axis1], shape[axis2], offset), shape, axis1, axis2)


def trace_transpose(m: Carrier, i: int, ct: Value, x: Value, *, offset: int, axis1: int, axis2: int) -> Value:
    """The cotangent of each trace, on its whole diagonal."""
    lead, shape = m.shape(ct), m.shape(x)
    places = diagonal_places(shape[axis1], shape[axis2], offset)
    column = m.reshape(ct, shape=(*lead, 1)) if lead else ct
    spread = m.broadcast_to(column, shape=(*lead, len(places[0])))
    return put_on_diagonal(m, spread, places, shape, axis1, axis2)


def put_on_diagonal(
    m: Carrier, elements: Value, places: tuple[Value, Value], shape: Shape, axis1: int, axis2: int
) -> Value:
    n = len(shape)
    others = [length for k, length in enumerate(shape) if k not in (axis1, axis2)]
    found = m.scatter(elements, index=(..., *places), shape=(*others, shape[axis1], shape[axis2]))
    if (axis1, axis2) == (n - 2, n - 1):
        return found
    return m.moveaxis(found, source=(n - 2, n - 1), destination=(axis1, axis2))


def diag(m: Carrier, x: Value, *, k: int) -> Value:
    if m.ndim(x) == 2:
        return diagonal(m, x, offset=k, axis1=0, axis2=1)
    n = m.size(x) + abs(k)
    return m.scatter(x, index=diagonal_places(n, n, k), shape=(n, n))


linear(
    "diagonal",
    onto_diagonal,
    value=diagonal,
    doc="The elements on a diagonal of two axes, as a new last axis.",
    glyph="diagonal",
    arguments=read_diagonal,
    facts={"moves"},
    spelling={"elements": "diagonal"},
    flops=0,
    batch=batches.axes,
)
linear(
    "trace",
    trace_transpose,
    value=lambda m, x, **params: m.sum(diagonal(m, x, **params), axis=(-1 % (m.ndim(x) - 1),), keepdims=False),
    doc="The sum of a diagonal of two axes.",
    glyph="tr",
    latex=r"\operatorname{{tr}}({0})",
    arguments=read_trace,
    facts={"sums"},
    spelling={"elements": "trace"},
    batch=batches.axes,
)


def read_diag(v: Value, k: int = 0) -> Value:
    if Carrier.ndim(v) not in (1, 2):
        raise ShapeError(f"diag: an array of shape {Carrier.shape(v)}; it takes a vector or a matrix")
    return (v,), {"k": int(k)}


composite(
    "diag",
    diag,
    doc="The diagonal of a matrix, or the matrix with a vector on its diagonal.",
    glyph="diag",
    arguments=read_diag,
    spelling={"elements": "diag"},
    flops=0,
)
composite(
    "diagflat",
    lambda m, x, *, k: diag(m, m.reshape(x, shape=(m.size(x),)), k=k),
    doc="The matrix with the raveled array on its diagonal.",
    glyph="diag",
    arguments=lambda v, k=0: ((v,), {"k": int(k)}),
    spelling={"elements": "diagflat"},
    flops=0,
)
