"""Array rows as ONNX's operators: shapes, places, reductions, products."""

from __future__ import annotations

import math

import numpy as np

from ...errors import UnsupportedError
from ...graph.node import Node
from ...primitives import Primitive, rows
from ...primitives.kernels.structure import Slot
from ...types import Axis, Key, Shape, Value
from .onnx_writer import Writer

FIRST = -(2**62)  # before the beginning of any axis, for slices that go backwards


def axes_of(node: Node, axis: Axis) -> tuple[int, ...]:
    """The axes of the first operand that are meant, not negative."""
    n = node.operands[0].ndim
    if axis is None:
        return tuple(range(n))
    return (int(axis) % n,) if isinstance(axis, int | np.integer) else tuple(a % n for a in axis)


# Shapes.
def same(w: Writer, node: Node, x: str, **params: Value) -> str:
    return w.add("Identity", x, name=node.name)


def shaped(w: Writer, node: Node, x: str, **params: Value) -> str:
    """The same elements in the same order."""
    return w.reshape(x, node.shape)


def reshape(w: Writer, node: Node, x: str, *, shape: Shape = (), order: str = "C") -> str:
    if order != "F":
        return w.reshape(x, node.shape)
    x = w.transpose(x, tuple(reversed(range(node.operands[0].ndim))))
    return w.transpose(w.reshape(x, tuple(reversed(node.shape))), tuple(reversed(range(node.ndim))))


def transpose(w: Writer, node: Node, x: str, *, axes: Shape = ()) -> str:
    return w.transpose(x, axes or tuple(reversed(range(node.ndim))))


def swapaxes(w: Writer, node: Node, x: str, *, axis1: int, axis2: int) -> str:
    axes = list(range(node.ndim))
    axes[axis1], axes[axis2] = axes[axis2], axes[axis1]
    return w.transpose(x, axes)


def matrix_transpose(w: Writer, node: Node, x: str) -> str:
    return swapaxes(w, node, x, axis1=-1, axis2=-2)


def moveaxis(w: Writer, node: Node, x: str, *, source: Shape, destination: Shape) -> str:
    order = np.moveaxis(np.empty(range(node.ndim)), source, destination).shape
    return w.transpose(x, order)


def broadcast_to(w: Writer, node: Node, x: str, *, shape: Shape) -> str:
    return w.expand(x, shape)


def sum_to(w: Writer, node: Node, x: str, *, shape: Shape) -> str:
    given = node.operands[0].shape
    lead = len(given) - len(shape)
    along = [*range(lead), *[lead + i for i, n in enumerate(shape) if n == 1 and given[lead + i] != 1]]
    if along:
        x = w.add("ReduceSum", x, w.whole(*along), keepdims=0)
    return w.reshape(x, shape)


def astype(w: Writer, node: Node, x: str, *, dtype: Value) -> str:
    return w.cast(x, dtype)


def concatenate(w: Writer, node: Node, *xs: str, axis: int) -> str:
    return w.add("Concat", *xs, axis=axis, name=node.name)


def stack(w: Writer, node: Node, *xs: str, axis: int) -> str:
    apart = [w.add("Unsqueeze", x, w.whole(axis)) for x in xs]
    return w.add("Concat", *apart, axis=axis, name=node.name)


def triangle(w: Writer, node: Node, x: str, *, k: int) -> str:
    upper = int(node.primitive is rows.triu)
    found: str = w.add("Trilu", x, w.constant(np.array(k, np.int64)), upper=upper)
    return found


# Places.
def entries_of(index: Key) -> tuple[Key, ...]:
    return index if isinstance(index, tuple) else (index,)


def getitem(w: Writer, node: Node, x: str, *arrays: str, index: Key) -> str:
    shape = node.operands[0].shape
    if arrays:
        return gathered(w, node, x, arrays, entries_of(index))
    if all(isinstance(e, slice | int) or e is None or e is Ellipsis for e in entries_of(index)):
        return sliced(w, node, x, entries_of(index))
    return w.gather(x, shape, np.arange(math.prod(shape)).reshape(shape)[index])


def sliced(w: Writer, node: Node, x: str, index: tuple[Key, ...]) -> str:
    """Integers and slices: one Slice, and the shape of the result."""
    shape = node.operands[0].shape
    there = [e for e in index if e is not None and e is not Ellipsis]
    fill = [slice(None)] * (len(shape) - len(there))
    at = index.index(Ellipsis) if Ellipsis in index else len(index)
    full = [*[e for e in index[:at] if e is not None], *fill, *[e for e in index[at + 1 :] if e is not None]]
    found = []
    for axis, (n, e) in enumerate(zip(shape, full)):
        lo, hi, step = (e % n, e % n + 1, 1) if isinstance(e, int) else e.indices(n)
        if (lo, hi, step) != (0, n, 1):
            found.append((lo, FIRST if hi < 0 else hi, axis, step))
    if found:
        starts, ends, axes, steps = zip(*found)
        x = w.slice(x, starts, ends, axes, steps)
    return w.reshape(x, node.shape)


def slots(node: Node, arrays: tuple[str, ...], index: tuple[Key, ...]) -> int:
    """How many index arrays there are, which must stand first."""
    plain = [e for e in index[len(arrays) :] if e is not Ellipsis and e != slice(None)]
    if plain or any(not isinstance(e, Slot) for e in index[: len(arrays)]):
        told = "index arrays beside other entries; ONNX gathers along first axes"
        raise UnsupportedError(f"{node.primitive.name}: {told}")
    if any(x.dtype.kind == "b" for x in node.operands[-len(arrays) :]):
        raise UnsupportedError(f"{node.primitive.name}: a mask decides the shape of the result; use np.where")
    return len(arrays)


def places(w: Writer, node: Node, arrays: tuple[str, ...], shape: Shape) -> tuple[str, Shape]:
    """Index arrays side by side along a last axis, counted from 0, and the shape of each."""
    operands = node.operands[-len(arrays) :]
    common = np.broadcast_shapes(*[x.shape for x in operands])
    apart = []
    for name, n in zip(arrays, shape):
        whole, size = w.cast(name, np.int64), w.constant(np.array(n, np.int64))
        positive = w.add("Mod", w.add("Add", w.add("Mod", whole, size), size), size)
        apart.append(w.reshape(w.expand(positive, common), (*common, 1)))
    return (w.add("Concat", *apart, axis=-1) if len(apart) > 1 else apart[0]), common


def gathered(w: Writer, node: Node, x: str, arrays: tuple[str, ...], index: tuple[Key, ...]) -> str:
    slots(node, arrays, index)
    where, _ = places(w, node, arrays, node.operands[0].shape)
    return w.reshape(w.add("GatherND", x, where), node.shape)


def zeros(w: Writer, node: Node, shape: Shape) -> str:
    return w.expand(w.constant(np.array(0, node.dtype)), shape)


def scatter(w: Writer, node: Node, ct: str, *arrays: str, index: Key, shape: Shape) -> str:
    if arrays:
        slots(node, arrays, entries_of(index))
        where, _ = places(w, node, arrays, shape)
        found: str = w.add("ScatterND", zeros(w, node, shape), where, ct, reduction="add")
        return found
    at = np.arange(math.prod(shape)).reshape(shape)[index].ravel()
    return added_at(w, node, ct, at, shape)


def added_at(w: Writer, node: Node, ct: str, at: Value, shape: Shape) -> str:
    """Zeros with the elements of ct added at these places of the flattened array."""
    size = math.prod(shape)
    once = len(np.unique(at)) == len(at)
    values, where = w.reshape(ct, (len(at),)), w.constant(at.astype(np.int64))
    into = w.expand(w.constant(np.array(0, node.dtype)), (size,))
    found = w.add("ScatterElements", into, where, values, axis=0, reduction=None if once else "add")
    return w.reshape(found, shape)


def take(w: Writer, node: Node, x: str, indices: str, *, axis: int, mode: str) -> str:
    n = node.operands[0].shape[axis]
    whole, size = w.cast(indices, np.int64), w.constant(np.array(n, np.int64))
    if mode == "wrap":
        whole = w.add("Mod", w.add("Add", w.add("Mod", whole, size), size), size)
    elif mode == "clip":
        zero, last = (w.constant(np.array(v, np.int64)) for v in (0, n - 1))
        whole = w.add("Max", w.add("Min", whole, last), zero)
    return w.add("Gather", x, whole, axis=axis)


def take_along_axis(w: Writer, node: Node, x: str, indices: str, *, axis: int) -> str:
    shape, at = node.operands[0].shape, axis % len(node.shape)
    x = w.expand(x, [shape[k] if k == at else n for k, n in enumerate(node.shape)])
    found: str = w.add("GatherElements", x, w.expand(w.cast(indices, np.int64), node.shape), axis=axis)
    return found


# Reductions.
REDUCTIONS = {
    rows.sum: "ReduceSum", rows.prod: "ReduceProd", rows.max: "ReduceMax", rows.min: "ReduceMin",
}  # fmt: skip


def reduced(w: Writer, node: Node, x: str, *, axis: Axis, keepdims: bool) -> str:
    along = axes_of(node, axis)
    if node.operands[0].dtype != node.dtype:
        x = w.cast(x, node.dtype)
    if not along:
        return w.reshape(x, node.shape)
    return w.add(REDUCTIONS[node.primitive], x, w.whole(*along), keepdims=int(keepdims), name=node.name)


def truth(w: Writer, node: Node, x: str, *, axis: Axis, keepdims: bool) -> str:
    """Value, all and how many, on whole numbers."""
    op = {rows.any: "ReduceMax", rows.all: "ReduceMin"}.get(node.primitive, "ReduceSum")
    along = axes_of(node, axis)
    whole = w.cast(w.cast(x, bool), np.int64)
    found = w.add(op, whole, w.whole(*along), keepdims=int(keepdims)) if along else whole
    return w.cast(found, node.dtype)


def extreme(w: Writer, node: Node, x: str, *, axis: int | None, keepdims: bool) -> str:
    if axis is None:
        x = w.flat(x, node.operands[0].shape)
    op = "ArgMax" if node.primitive is rows.argmax else "ArgMin"
    return w.reshape(w.add(op, x, axis=0 if axis is None else axis, keepdims=0), node.shape)


def argsort(w: Writer, node: Node, x: str, *, axis: int | None, kind: Value = None) -> str:
    if axis is None:
        x, axis = w.flat(x, node.operands[0].shape), 0
    _, places = w.several("TopK", x, w.whole(node.shape[axis]), outputs=2, axis=axis, largest=0, sorted=1)
    found: str = places
    return found


def cumsum(w: Writer, node: Node, x: str, *, axis: int) -> str:
    if node.operands[0].dtype != node.dtype:
        x = w.cast(x, node.dtype)
    found: str = w.add("CumSum", x, w.constant(np.array(axis, np.int64)))
    return found


def softmax(w: Writer, node: Node, x: str, *, axis: Axis) -> str:
    """Along one axis the operator; along several, these as one."""
    along = axes_of(node, axis)
    op = "Softmax" if node.primitive is rows.softmax else "LogSoftmax"
    if len(along) == 1:
        found: str = w.add(op, x, axis=along[0], name=node.name)
        return found
    order = (*[k for k in range(node.ndim) if k not in along], *along)
    lengths = [node.shape[k] for k in order]
    rest = lengths[: node.ndim - len(along)]
    flat = w.reshape(w.transpose(x, order), (*rest, math.prod(lengths[len(rest) :])))
    back = tuple(int(k) for k in np.argsort(order))
    return w.transpose(w.reshape(w.add(op, flat, axis=-1), lengths), back)


# Products.
def matmul(w: Writer, node: Node, a: str, b: str) -> str:
    return w.add("MatMul", a, b, name=node.name)


def einsum(w: Writer, node: Node, *xs: str, subscripts: str) -> str:
    return w.add("Einsum", *xs, equation=subscripts, name=node.name)


def det(w: Writer, node: Node, a: str) -> str:
    return w.add("Det", a, name=node.name)


KERNELS: dict[Primitive, Value] = {
    **dict.fromkeys(REDUCTIONS, reduced),
    **dict.fromkeys((rows.any, rows.all, rows.count_nonzero), truth),
    **dict.fromkeys((rows.argmax, rows.argmin), extreme),
    **dict.fromkeys((rows.softmax, rows.log_softmax), softmax),
    **dict.fromkeys((rows.triu, rows.tril), triangle),
    **dict.fromkeys((rows.expand_dims, rows.squeeze), shaped),
    **dict.fromkeys((rows.atleast_1d, rows.atleast_2d, rows.atleast_3d), shaped),
    rows.copy: same, rows.conjugate: same, rows.reshape: reshape, rows.ravel: reshape, rows.transpose: transpose,
    rows.rollaxis: transpose, rows.swapaxes: swapaxes, rows.matrix_transpose: matrix_transpose,
    rows.moveaxis: moveaxis, rows.broadcast_to: broadcast_to, rows.sum_to: sum_to, rows.astype: astype,
    rows.concatenate: concatenate, rows.stack: stack, rows.getitem: getitem, rows.scatter: scatter, rows.take: take,
    rows.take_along_axis: take_along_axis, rows.argsort: argsort, rows.cumsum: cumsum, rows.matmul: matmul,
    rows.einsum: einsum, rows.det: det,
}  # fmt: skip
