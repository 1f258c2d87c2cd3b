"""Convolution with max-pooling behind it, block of rows by block of rows: what lies in between stays in the cache.

For windows that lie side by side, without padding. The place of each largest element is kept instead of the
convolution's result; going back, a block of the cotangent is spread over its windows where it is multiplied.
"""

from __future__ import annotations

import numpy as np

from ...types import Shape, Value
from ..windows import Axis, axes
from . import workspace
from .convolution import (
    batch_first,
    batch_last,
    blocks,
    cut,
    input_gradient,
    kernel_rows,
    led,
    rows_first,
    weight_gradient,
    windows,
)
from .parallel import in_blocks
from .windows import largest_into, spread_into
from .workspace import scratch


def pooled(counts: tuple[int, ...], pool: Value) -> tuple[Axis, ...]:
    """The pooling's windows over the convolution's result."""
    none = ((0, 0),) * len(counts)
    return axes(counts, pool, pool, none, (1,) * len(counts))


def conv_max_pool(
    x: Value, w: Value, *, pool: Shape, stride: Shape, padding: Shape, dilation: Shape, groups: int
) -> Value:
    """The largest elements of the windows over a convolution, and their places."""
    grid = axes(x.shape[2:], w.shape[2:], stride, padding, dilation)
    dtype, rows, out = np.result_type(x, w), grid[0], w.shape[0]
    tall, wide = pooled((rows.windows, grid[1].windows), pool)
    shape = (tall.windows, out, wide.windows, x.shape[0])
    y, place = workspace.empty(shape, dtype), workspace.empty(shape, np.dtype(np.uint8))
    source = batch_last("input", x, 2, dtype)
    filters = kernel_rows(w, grid, groups).astype(dtype, copy=False)
    work = 2.0 * tall.size * tall.windows * grid[1].windows * x.shape[0] * out * filters.shape[-1]

    def block(k: int, lo: int, hi: int) -> None:
        first, last = lo * tall.size, hi * tall.size
        seen, pieces = windows(source, grid, groups, first, last, out // groups)
        made = scratch("conv rows", (last - first, groups, out // groups, grid[1].windows * x.shape[0]), dtype)
        np.matmul(filters[:, None, None], seen, out=cut(made, pieces))
        made = made.reshape(last - first, out, grid[1].windows, x.shape[0])
        here = pooled((last - first, grid[1].windows), pool)
        largest_into(batch_first(made, 4), here, batch_first(place[lo:hi], 4), batch_first(y[lo:hi], 4))

    in_blocks(block, tall.windows, blocks(grid, source, work, out), work)
    return batch_first(y, 4), batch_first(place, 4)


def pooled_weight_transpose(
    x: Value,
    ct: Value,
    place: Value,
    *,
    size: Shape,
    pool: Shape,
    stride: Shape,
    padding: Shape,
    dilation: Shape,
    groups: int,
) -> Value:
    """The filters' cotangent, from that of the largest elements and their places."""
    grid = axes(x.shape[2:], size, stride, padding, dilation)
    tall, wide = pooled((grid[0].windows, grid[1].windows), pool)
    out, per, dtype = ct.shape[1], x.shape[1] // groups, np.result_type(x, ct)
    source = batch_last("input", x, 2, dtype)
    given, places = (rows_first(a, 2) for a in (ct, place))

    def rows(lo: int, hi: int) -> Value:
        shape = ((hi - lo) * tall.size, out, grid[1].windows, x.shape[0])
        made = scratch("spread rows", shape, dtype)
        here = pooled((shape[0], shape[2]), pool)
        if not wide.tiles:
            made[...] = 0
        spread_into(batch_first(given[lo:hi], 4), batch_first(places[lo:hi], 4), batch_first(made, 4), here, wide.tiles)
        return made.reshape(shape[0], groups, out // groups, -1)

    return weight_gradient(source, rows, grid, groups, (out, per), (tall.windows, tall.size)).reshape(out, per, *size)


def pooled_input_transpose(
    ct: Value,
    place: Value,
    w: Value,
    *,
    shape: Shape,
    pool: Shape,
    stride: Shape,
    padding: Shape,
    dilation: Shape,
    groups: int,
) -> Value:
    """The input's cotangent, from that of the largest elements and their places."""
    grid = led(axes(tuple(shape), w.shape[2:], stride, padding, dilation))
    here = pooled((grid[0].windows, grid[1].windows), pool)
    tiles = all(a.tiles for a in here)

    def fill(to: Value, rows: Value) -> None:
        target = to[0]
        if not tiles:
            target[...] = 0
        spread_into(ct, place, batch_first(target, 4), here, tiles)

    return input_gradient(fill, ct.shape[0], w, grid, groups, np.result_type(ct, w))
