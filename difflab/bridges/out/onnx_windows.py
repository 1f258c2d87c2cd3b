"""Convolution and pooling as ONNX's operators, with their transposes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product

import numpy as np

from ...graph.node import Node
from ...primitives import Primitive, rows
from ...primitives.windows import Axis, axes
from ...types import Shape, Value
from .onnx_arrays import zeros
from .onnx_writer import Writer


def pads(padding: Value) -> list[int]:
    """All the beginnings, then all the ends."""
    return [int(a) for a, _ in padding] + [int(b) for _, b in padding]


def conv(w: Writer, node: Node, x: str, f: str, *, stride: Shape, padding: Value, dilation: Shape, groups: int) -> str:
    return w.add(
        "Conv", x, f, strides=list(stride), pads=pads(padding), dilations=list(dilation), group=groups, name=node.name
    )


def conv_input_transpose(
    w: Writer, node: Node, y: str, f: str, *, shape: Shape, stride: Shape, padding: Value, dilation: Shape, groups: int
) -> str:
    given, size = node.operands[0].shape[2:], node.operands[1].shape[2:]
    axes_of = zip(given, size, stride, padding, dilation)
    reached = [s * (n - 1) + (k - 1) * d + 1 - a - b for n, k, s, (a, b), d in axes_of]
    more = [n - r for n, r in zip(shape, reached)]
    channels, filters = node.operands[0].shape[1] // groups, node.operands[1].shape[0] // groups
    found = []
    for g in range(groups):
        mine = y if groups == 1 else w.slice(y, [g * channels], [(g + 1) * channels], [1], [1])
        own = f if groups == 1 else w.slice(f, [g * filters], [(g + 1) * filters], [0], [1])
        found.append(
            w.add(
                "ConvTranspose",
                mine,
                own,
                strides=list(stride),
                pads=pads(padding),
                dilations=list(dilation),
                output_padding=more,
            )
        )
    whole: str = found[0] if groups == 1 else w.add("Concat", *found, axis=1)
    return whole


def conv_weight_transpose(
    w: Writer, node: Node, x: str, y: str, *, size: Shape, stride: Shape, padding: Value, dilation: Shape, groups: int
) -> str:
    """A convolution of the images with the cotangents as filters, channels and batch exchanged, for each group."""
    n = len(size)
    swap = (1, 0, *range(2, n + 2))
    x, y = w.transpose(x, swap), w.transpose(y, swap)
    inputs, outputs = node.operands[0].shape[1] // groups, node.operands[1].shape[1] // groups
    found = []
    for g in range(groups):
        mine = x if groups == 1 else w.slice(x, [g * inputs], [(g + 1) * inputs], [0], [1])
        filters = y if groups == 1 else w.slice(y, [g * outputs], [(g + 1) * outputs], [0], [1])
        part = w.add("Conv", mine, filters, strides=list(dilation), pads=pads(padding), dilations=list(stride))
        part = w.slice(part, [0] * n, list(size), list(range(2, n + 2)), [1] * n)
        found.append(w.transpose(part, swap))
    whole: str = found[0] if groups == 1 else w.add("Concat", *found, axis=0)
    return whole


# Pooling.
def grid_of(shape: Shape, size: Shape, stride: Shape, padding: Value, dilation: Shape) -> tuple[Axis, ...]:
    return axes(tuple(shape[-len(size) :]), size, stride, padding, dilation)


def pooled(w: Writer, node: Node, x: str, op: str, size: Shape, **attributes: Value) -> str:
    """Pooling over the last axes: the others become a batch and channels."""
    shape, n = node.operands[0].shape, len(size)
    if len(shape) != n + 2:
        x = w.reshape(x, (1, math.prod(shape[:-n]), *shape[-n:]))
    found: str = w.add(op, x, kernel_shape=list(size), **attributes)
    return found if len(shape) == n + 2 else w.reshape(found, node.shape)


def max_pool(w: Writer, node: Node, x: str, *, size: Shape, stride: Shape, padding: Value, dilation: Shape) -> str:
    return pooled(w, node, x, "MaxPool", size, strides=list(stride), pads=pads(padding), dilations=list(dilation))


def avg_pool(
    w: Writer, node: Node, x: str, *, size: Shape, stride: Shape, padding: Value, dilation: Shape,
    count_padding: bool, divisor: Value = None,
) -> str:  # fmt: skip
    if divisor is None and set(dilation) == {1}:
        counted = int(count_padding)
        return pooled(
            w, node, x, "AveragePool", size, strides=list(stride), pads=pads(padding), count_include_pad=counted
        )
    shape = node.operands[0].shape
    grid = grid_of(shape, size, stride, padding, dilation)
    total = ""
    for part in parts(w, node, x, shape, grid, 0.0):
        total = w.add("Add", total, part) if total else part
    return w.add("Div", total, w.constant(counts(grid, count_padding, divisor).astype(node.dtype)))


def counts(grid: tuple[Axis, ...], count_padding: bool, divisor: Value) -> Value:
    """What the sum over each window is divided by."""
    if divisor is not None or count_padding:
        return np.asarray(divisor if divisor is not None else math.prod(a.size for a in grid), float)
    total = np.zeros([a.windows for a in grid])
    for offset in product(*[range(a.size) for a in grid]):
        total[tuple(a.shared(k)[0] for a, k in zip(grid, offset))] += 1
    return total


def framed_shape(grid: tuple[Axis, ...]) -> Shape:
    return tuple(a.length + a.before + a.behind for a in grid)


def starts_of(grid: tuple[Axis, ...]) -> Iterator[tuple[slice, ...]]:
    """For each element of a window, row by row, where it lies in the framed array for all windows."""
    for offset in product(*[range(a.size) for a in grid]):
        starts = [k * a.dilation for k, a in zip(offset, grid)]
        yield tuple(slice(s, s + (a.windows - 1) * a.stride + 1, a.stride) for s, a in zip(starts, grid))


def parts(w: Writer, node: Node, x: str, shape: Shape, grid: tuple[Axis, ...], frame: Value) -> Iterator[str]:
    """For each element of a window its values in all windows; the frame has the value `frame`."""
    n, lead = len(grid), len(shape) - len(grid)
    before, behind = [0] * lead + [a.before for a in grid], [0] * lead + [a.behind for a in grid]
    if any(before) or any(behind):
        value = w.constant(np.array(frame, node.operands[0].dtype))
        x = w.add("Pad", x, w.whole(*before, *behind), value, mode="constant")
    along = list(range(lead, lead + n))
    for slices in starts_of(grid):
        yield w.slice(x, [s.start for s in slices], [s.stop for s in slices], along, [s.step for s in slices])


def window_place(w: Writer, node: Node, x: str, **params: Value) -> str:
    operand = node.operands[0]
    grid = grid_of(operand.shape, **params)
    lowest = -np.inf if operand.dtype.kind == "f" else np.iinfo(operand.dtype).min
    best = place = ""
    for k, part in enumerate(parts(w, node, x, operand.shape, grid, lowest)):
        if not best:
            best, place = part, w.expand(w.constant(np.array(0, np.int64)), node.shape)
            continue
        larger = w.add("Greater", part, best)
        if operand.dtype.kind == "f":
            first_nan = w.add("And", w.add("IsNaN", part), w.add("Not", w.add("IsNaN", best)))
            larger = w.add("Or", larger, first_nan)
        best = w.add("Where", larger, part, best)
        place = w.add("Where", larger, w.constant(np.array(k, np.int64)), place)
    return w.cast(place, node.dtype)


def window_read(w: Writer, node: Node, x: str, place: str, **params: Value) -> str:
    grid = grid_of(node.operands[0].shape, **params)
    place, found = w.cast(place, np.int64), zeros(w, node, node.shape)
    for k, part in enumerate(parts(w, node, x, node.operands[0].shape, grid, 0)):
        here = w.add("Equal", place, w.constant(np.array(k, np.int64)))
        found = w.add("Where", here, part, found)
    return found


def window_write(w: Writer, node: Node, ct: str, place: str, *, shape: Shape, **params: Value) -> str:
    grid = axes(tuple(shape), params["size"], params["stride"], params["padding"], params["dilation"])
    place, zero = w.cast(place, np.int64), w.constant(np.array(0, node.dtype))
    masked = (
        w.add("Where", w.add("Equal", place, w.constant(np.array(k, np.int64))), ct, zero)
        for k in range(math.prod(a.size for a in grid))
    )
    return spread(w, node, masked, grid)


def avg_pool_transpose(
    w: Writer, node: Node, ct: str, *, shape: Shape, count_padding: bool, divisor: Value = None, **params: Value
) -> str:
    grid = axes(tuple(shape), params["size"], params["stride"], params["padding"], params["dilation"])
    shared = w.add("Div", ct, w.constant(counts(grid, count_padding, divisor).astype(node.dtype)))
    return spread(w, node, (shared for _ in range(math.prod(a.size for a in grid))), grid)


def spread(w: Writer, node: Node, values: Value, grid: tuple[Axis, ...]) -> str:
    """For each element of a window its values added where they lie, and the frame cut off."""
    n = len(grid)
    lead, frame = node.shape[:-n], framed_shape(grid)
    whole = (*lead, *frame)
    flat = np.arange(math.prod(whole)).reshape(whole)
    total = w.expand(w.constant(np.array(0, node.dtype)), (math.prod(whole),))
    for slices, part in zip(starts_of(grid), values):
        index: Value = (..., *slices)
        at = flat[index].ravel()
        into = w.expand(w.constant(np.array(0, node.dtype)), (math.prod(whole),))
        added = w.add("ScatterElements", into, w.constant(at.astype(np.int64)), w.reshape(part, (len(at),)), axis=0)
        total = w.add("Add", total, added)
    cut = w.reshape(total, whole)
    along = list(range(len(lead), len(whole)))
    return w.slice(cut, [a.before for a in grid], [a.before + a.length for a in grid], along, [1] * n)


KERNELS: dict[Primitive, Value] = {
    rows.conv: conv, rows.conv_input_transpose: conv_input_transpose, rows.max_pool: max_pool,
    rows.conv_weight_transpose: conv_weight_transpose, rows.avg_pool: avg_pool, rows.window_place: window_place,
    rows.avg_pool_transpose: avg_pool_transpose, rows.window_read: window_read, rows.window_write: window_write,
}  # fmt: skip
