"""Convolution as products of matrices, without a copy of each window.

Arrays are laid out as (rows, channels, columns..., batch): the first spatial axis first, the batch last. For the
output row h the windows' elements are then the matrix (kernel rows x kernel columns x channels, columns x batch); only
the kernel's columns are copied (k copies of the input, not k*k), because the matrices of neighbouring output rows
overlap in memory as the windows do: a strided view. This is the memory-efficient convolution of Cho and Brand (2017).
Results come in the same layout, seen as (batch, channels, rows, columns...), so that the next kernel finds it.

The products are kept so small that BLAS runs each on one thread; the rows are shared by two threads or more here.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import product
from math import prod
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ...types import Shape, Value
from ..windows import Axis, axes
from . import workspace
from .parallel import WORTH, in_blocks
from .workspace import scratch

ONE_THREAD = 262_144  # multiplications up to which OpenBLAS keeps a product on one thread
CACHE = 3 << 18  # bytes of one block of rows: with what else is at hand, a core's second cache
PARTS = 1 << 22  # bytes of partial sums of a weight's gradient


def conv(x: Value, w: Value, *, stride: Shape, padding: Shape, dilation: Shape, groups: int) -> Value:
    """The cross-correlation of x (batch, channels, *spatial) with the filters w (out, channels / groups, *kernel)."""
    x, w = np.asarray(x), np.asarray(w)
    grid = led(axes(x.shape[2:], w.shape[2:], stride, padding, dilation))
    rows, others = grid[0], grid[1:]
    dtype = np.result_type(x, w)
    out, columns = w.shape[0], (*[a.windows for a in others], x.shape[0])
    y = workspace.empty((rows.windows, out, *columns), dtype)
    if empty(x, w):
        y[...] = 0
    elif y.size:
        source = batch_last("input", x, len(grid), dtype)
        filters = kernel_rows(w, grid, groups).astype(dtype, copy=False)
        y4 = y.reshape(rows.windows, groups, out // groups, -1)
        work = 2.0 * y.size * filters.shape[-1]

        def block(k: int, lo: int, hi: int) -> None:
            seen, pieces = windows(source, grid, groups, lo, hi, out // groups)
            np.matmul(filters[:, None, None], seen, out=cut(y4[lo:hi], pieces))

        in_blocks(block, rows.windows, blocks(grid, source, work), work)
    return batch_first(y, w.ndim)


def conv_weight_transpose(
    x: Value, ct: Value, *, size: Shape, stride: Shape, padding: Shape, dilation: Shape, groups: int
) -> Value:
    """What conv needs from its filters: for each of their elements the sum of input times cotangent."""
    x, ct = np.asarray(x), np.asarray(ct)
    dtype = np.result_type(x, ct)
    out, per = ct.shape[1], x.shape[1] // groups
    if empty(x, ct):
        return np.zeros((out, per, *size), dtype)
    grid = led(axes(x.shape[2:], size, stride, padding, dilation))
    source, given = (batch_last(what, a, len(grid), dtype) for what, a in (("input", x), ("cotangent", ct)))
    given = given.reshape(grid[0].windows, groups, out // groups, -1)
    total = weight_gradient(source, lambda lo, hi: given[lo:hi], grid, groups, (out, per), (grid[0].windows, 1))
    return total.reshape(out, per, *size)


def weight_gradient(
    source: Value, given: Value, grid: tuple[Axis, ...], groups: int, size: Value, units: Value
) -> Value:
    """Windows times the cotangent's rows, which `given(lo, hi)` has for the units lo to hi - 1 of some rows each."""
    (out, per), (count, unit) = size, units
    depth = prod(a.size for a in grid) * per
    work = 2.0 * prod(a.windows for a in grid) * source.shape[-1] * out * depth
    step = max(1, PARTS // (depth * out * source.itemsize * unit))
    parts: dict[int, Value] = {}

    def block(k: int, lo: int, hi: int) -> None:
        seen, pieces = windows(source, grid, groups, lo * unit, hi * unit, out // groups)
        parts[k] = np.add.reduce(np.matmul(seen, cut(given(lo, hi), pieces).swapaxes(-1, -2)), (1, 2))

    in_blocks(block, count, max(blocks(grid, source, work), -(-count // step)), work)
    total = parts[0]
    for k in range(1, len(parts)):
        total = total + parts[k]
    total = total.reshape(groups, *[a.size for a in grid], per, out // groups)
    return np.moveaxis(total, (-1, -2), (1, 2))


def conv_input_transpose(
    ct: Value, w: Value, *, shape: Shape, stride: Shape, padding: Shape, dilation: Shape, groups: int
) -> Value:
    """Spreads a cotangent over the input of spatial shape `shape`: the transpose of conv in its input."""
    ct, w = np.asarray(ct), np.asarray(w)
    dtype = np.result_type(ct, w)
    grid = led(axes(tuple(shape), w.shape[2:], stride, padding, dilation))
    if empty(ct, w):
        return np.zeros((ct.shape[0], w.shape[1] * groups, *shape), dtype)
    given = rows_first(ct, len(grid))
    given = given.reshape(grid[0].windows, groups, ct.shape[1] // groups, *given.shape[2:]).swapaxes(0, 1)
    return input_gradient(lambda to, rows: np.copyto(to, given[:, rows]), ct.shape[0], w, grid, groups, dtype)


def input_gradient(fill: Value, n: int, w: Value, grid: tuple[Axis, ...], groups: int, dtype: Any) -> Value:
    """The cotangent of the input; `fill(to, rows)` writes those rows of the result's (groups, rows, out, ...)."""
    rows, others = grid[0], grid[1:]
    per, out = w.shape[1], w.shape[0] // groups
    x = workspace.empty((rows.length, groups * per, *[a.length for a in others], n), dtype)
    if x.size:
        x6 = x.reshape(rows.length, groups, per, *x.shape[2:])
        spread = cotangent_rows(fill, grid, (groups, out, n), dtype)
        depth = prod(a.size for a in others) * per
        filters = turned(w, grid, groups).astype(dtype, copy=False)
        work = 2.0 * rows.length * spread[0, 0, 0].size * filters.size
        pieces = pieces_of(spread.shape[-1], depth * rows.size * out)

        def block(k: int, lo: int, hi: int) -> None:
            made = scratch("spread columns", (groups, hi - lo, depth, spread.shape[-1]), dtype)
            matrices = stacked(spread[:, lo:], hi - lo, 1, rows.size * out, pieces)
            np.matmul(filters[:, None, None], matrices, out=cut(made.swapaxes(0, 1), pieces))
            made = made.reshape(groups, hi - lo, -1, per, *[a.windows for a in others], n).swapaxes(0, 1)
            x6[lo:hi] = 0
            for k, offsets in enumerate(product(*[range(a.size) for a in others])):
                theirs, ours = positions(others, offsets)
                target = x6[lo:hi][:, :, :, *ours]
                np.add(target, made[:, :, k][:, :, :, *theirs], out=target)

        bytes_of_row = depth * spread.shape[-1] * dtype.itemsize * groups
        in_blocks(block, rows.length, block_count(rows.length, bytes_of_row, work), work)
    return batch_first(x, w.ndim)


# Layout.
def led(grid: tuple[Axis, ...]) -> tuple[Axis, ...]:
    """The axes, behind one of length 1 where the first cannot be the one whose windows overlap in memory."""
    if len(grid) == 1 or (grid[0].dilation > 1 and grid[0].size > 1):
        return (Axis(1, 1, 1, 0, 0, 1), *grid)
    return grid


def rows_first(x: Value, spatial: int) -> Value:
    """x (batch, channels, rows, ...) seen as (rows, channels, ..., batch), with that many spatial axes."""
    if x.ndim < spatial + 2:
        x = x[:, :, None]
    return x.transpose(2, 1, *range(3, x.ndim), 0)


def batch_last(what: str, x: Value, spatial: int, dtype: Any) -> Value:
    """The same as a contiguous array."""
    moved = rows_first(x, spatial)
    if moved.flags.c_contiguous and moved.dtype == dtype:
        return moved
    laid = scratch(what, moved.shape, dtype)
    np.copyto(laid, moved)
    return laid


def batch_first(y: Value, ndim: int) -> Value:
    """The view (batch, channels, rows, ...) of such an array, without the row of 1 that was added."""
    y = y.transpose(y.ndim - 1, 1, 0, *range(2, y.ndim - 1))
    return y[:, :, 0] if y.ndim > ndim else y


def empty(*arrays: Value) -> bool:
    return any(a.size == 0 for a in arrays)


def positions(others: Sequence[Axis], offsets: Sequence[int]) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """The windows whose element at these offsets lies in the array, and the elements, for each axis."""
    pairs = [a.shared(j) for a, j in zip(others, offsets)]
    return tuple([p[0] for p in pairs]), tuple([p[1] for p in pairs])


# Matrices.
def windows(source: Value, grid: tuple[Axis, ...], groups: int, lo: int, hi: int, out: int) -> tuple[Value, int]:
    """The windows of the output rows lo to hi - 1 as stacks of matrices (groups, rows, pieces, depth, columns)."""
    rows, others = grid[0], grid[1:]
    per, n = source.shape[1] // groups, source.shape[-1]
    counts = [a.windows for a in others]
    first, behind = lo * rows.stride - rows.before, (hi - 1) * rows.stride - rows.before + rows.size
    height = behind - first
    kernels = [a.size for a in others]
    copied = scratch(("columns", grid), (groups, height, prod(kernels), per, *counts, n), source.dtype)
    top, bottom = min(max(0, -first), height), min(max(0, behind - rows.length), height)
    copied[:, :top] = 0
    copied[:, height - bottom :] = 0
    inner = source[max(first, 0) : max(0, min(behind, rows.length))]
    inner = inner.reshape(inner.shape[0], groups, per, *source.shape[2:]).swapaxes(0, 1)
    target = copied[:, top : height - bottom]
    for k, offsets in enumerate(product(*map(range, kernels))):
        theirs, ours = positions(others, offsets)
        target[:, :, k][:, :, :, *theirs] = inner[:, :, :, *ours]
    depth = prod(kernels) * per
    matrix = copied.reshape(groups, height, depth, -1)
    pieces = pieces_of(matrix.shape[-1], rows.size * depth * out)
    return stacked(matrix, hi - lo, rows.stride, rows.size * depth, pieces), pieces


def stacked(matrix: Value, count: int, step: int, depth: int, pieces: int) -> Value:
    """Matrices of `depth` rows, one from each `step`-th row block of (groups, blocks, depth of one, columns).

    They overlap in memory; the columns are cut into pieces.
    """
    groups, _, _, columns = matrix.shape
    g, b, r, c = matrix.strides
    width = columns // pieces
    shape, strides = (groups, count, pieces, depth, width), (g, b * step, c * width, r, c)
    if matrix.dtype.hasobject or not matrix.flags.c_contiguous:
        return as_strided(matrix, shape, strides)
    return np.ndarray(shape, matrix.dtype, matrix, 0, strides)  # the same, at a quarter of the time


def cut(y: Value, pieces: int) -> Value:
    """(rows, groups, channels, columns) as (groups, rows, pieces, channels, columns of a piece)."""
    rows, groups, channels, columns = y.shape
    return y.reshape(rows, groups, channels, pieces, columns // pieces).transpose(1, 0, 3, 2, 4)


def cotangent_rows(fill: Value, grid: tuple[Axis, ...], sizes: tuple[int, int, int], dtype: Any) -> Value:
    """The rows of a cotangent with zeros between and around: (groups, rows + kernel rows - 1, channels, columns)."""
    rows, (groups, out, n) = grid[0], sizes
    shape = (groups, rows.length + rows.size - 1, out, *[a.windows for a in grid[1:]], n)
    laid = scratch(("rows", rows), shape, dtype)  # the zeros stay where they are
    start = rows.size - 1 - rows.before
    low = max(0, -(start // rows.stride))
    high = min(rows.windows, (laid.shape[1] - 1 - start) // rows.stride + 1)
    if high > low:
        first = low * rows.stride + start
        fill(laid[:, first : first + (high - low - 1) * rows.stride + 1 : rows.stride], slice(low, high))
    return laid.reshape(*shape[:3], -1)


def kernel_rows(w: Value, grid: tuple[Axis, ...], groups: int) -> Value:
    """The filters as matrices (groups, out, kernel rows x kernel columns x channels)."""
    per = w.shape[1]
    w = w.reshape(groups, w.shape[0] // groups, per, *[a.size for a in grid])
    return np.moveaxis(w, 2, -1).reshape(groups, w.shape[1], -1)


def turned(w: Value, grid: tuple[Axis, ...], groups: int) -> Value:
    """The filters as matrices (groups, kernel columns x channels, kernel rows from the last x out)."""
    per = w.shape[1]
    w = w.reshape(groups, w.shape[0] // groups, per, *[a.size for a in grid])[:, :, :, ::-1]
    w = np.moveaxis(w, (3, 1), (-2, -1))  # groups, channels, columns..., rows, out
    return np.moveaxis(w, 1, -3).reshape(groups, -1, w.shape[-2] * w.shape[-1])


# Sizes.
@lru_cache(maxsize=1024)
def pieces_of(columns: int, others: int) -> int:
    """Into how many pieces the columns are cut, so that a product of `others` by them stays on one thread."""
    wanted = -(-columns * others // ONE_THREAD)
    for lengths in (64, 16):  # of whole vectors, many of them where that costs little
        for pieces in range(wanted, min(2 * wanted + 1, columns // lengths + 1) if lengths > 16 else columns // 16 + 1):
            if columns % (pieces * lengths) == 0:
                return pieces
    return next((k for k in range(wanted, columns // 16 + 1) if columns % k == 0), 1)


def blocks(grid: tuple[Axis, ...], source: Value, work: float, out: int = 0) -> int:
    """The number of blocks of output rows: each fits the cache, and two threads get as many each.

    `out` is the number of channels of the result, where that is kept in the cache too.
    """
    rows, others = grid[0], grid[1:]
    columns = prod(a.windows * a.size for a in others) * source.shape[1] * source.shape[-1] * source.itemsize
    made = prod(a.windows for a in others) * out * source.shape[-1] * source.itemsize
    return block_count(rows.windows, columns * rows.stride + made, work)


def block_count(rows: int, bytes_of_row: int, work: float) -> int:
    count = max(1, rows * bytes_of_row // CACHE)
    return min(rows, count + count % 2 if work >= WORTH else count)
