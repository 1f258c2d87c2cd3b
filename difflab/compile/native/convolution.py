"""Convolution without copies of windows: products of what lies side by side along the batch, and pooling behind them.

The arrays are laid out as NumPy's kernels lay them out, (rows, channels, columns, batch), so the windows of one row of
results at one element of the kernel are one piece of memory. The input stands in a frame of zeros; its rows are shared
by threads. The sums stay in registers (`vectors.py`).
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from ...graph.node import Node
from ...primitives import rows
from ...primitives.kernels import workspace
from ...primitives.kernels.convolution import batch_first, batch_last, rows_first
from ...primitives.kernels.parallel import WORTH, in_blocks
from ...primitives.kernels.workspace import scratch
from ...primitives.windows import Axis, axes
from ...types import Array, DType, Function, Shape, Value
from ..passes.convolve_and_pool import simple
from .vectors import correlations, products, shape_of

BLOCK = 1 << 18  # bytes of a block of rows of results, so that what follows finds them in the cache
WIDEST = 8  # columns of a kernel up to which its weights' gradient is summed in registers


# The loops, as numba compiles them.
def shares(count: int, most: int) -> tuple[int, int]:
    """In shares of at most so many: the size of all but the last, and where the last begins."""
    size = -(-count // -(-count // most))
    return size, (count - 1) // size * size


@cache
def multiply(out: int, dtype: np.dtype[Any]) -> Function:
    """The loop of a convolution with so many filters: y (rows, out, places) for the rows lo to hi - 1.

    x is (rows, channels, wide, n) with its frame, w (kernel rows, kernel columns, channels, out); y's rows begin at lo.
    What is not frame are the rows top to bottom - 1 and the columns left to right - 1: only they are multiplied, but
    where a step of the loop has places in several columns.
    """
    lanes, room = shape_of(dtype)
    vectors = 4 if room > 12 else 2
    size, rest = shares(out, room // vectors)
    many, last = (products(k, vectors, lanes, dtype.itemsize) for k in (size, out - rest))
    step = vectors * lanes

    def run(x: Array, w: Array, y: Array, lo: int, hi: int, tall: int, broad: int, channels: int, n: int, wide: int,
            places: int, top: int, bottom: int, left: int, right: int) -> None:  # fmt: skip
        column, across, down = wide * n, channels * out, broad * channels * out
        row = channels * column
        for h in range(lo, hi):
            a, behind = max(0, top - h), min(tall, bottom - h)
            for i in range(0, places, step):
                j = min(i, places - step)
                b, right_of = max(0, left - (j + step - 1) // n), min(broad, right - j // n)
                A, B = max(0, behind - a), max(0, right_of - b)
                seen, from_, to = (h + a) * row + j + b * n, a * down + b * across, (h - lo) * out * places + j
                for k in range(0, rest, size):
                    many(y, to + k * places, places, x, seen, row, n, column,
                         w, from_ + k, down, across, out, A, B, channels)  # fmt: skip
                last(y, to + rest * places, places, x, seen, row, n, column,
                     w, from_ + rest, down, across, out, A, B, channels)  # fmt: skip

    return run


@cache
def weigh(out: int, broad: int, dtype: np.dtype[Any]) -> Function:
    """The loop of the gradient by the filters: adds to t (kernel rows, channels, out, kernel columns).

    g is (rows, out, places), whose rows begin at lo.
    """
    lanes, room = shape_of(dtype)
    size, rest = shares(out, max(1, (room - 2) // broad))
    many, last = (correlations(k, broad, lanes, dtype.itemsize) for k in (size, out - rest))

    def run(x: Array, g: Array, t: Array, lo: int, hi: int, tall: int, channels: int, n: int, wide: int,
            places: int) -> None:  # fmt: skip
        column, whole = wide * n, places // lanes * lanes
        for h in range(lo, hi):
            for a in range(tall):
                for c in range(channels):
                    seen, to = ((h + a) * channels + c) * column, (a * channels + c) * out * broad
                    given = (h - lo) * out * places
                    for k in range(0, rest, size):
                        many(t, to + k * broad, broad, g, given + k * places, places, x, seen, n, whole)
                    last(t, to + rest * broad, broad, g, given + rest * places, places, x, seen, n, whole)
                    for i in range(whole, places):
                        for o in range(out):
                            for k in range(broad):
                                t[to + o * broad + k] += g[given + o * places + i] * x[seen + k * n + i]

    return run


def largest(x: Array, y: Array, place: Array, lo: int, hi: int, tall: int, broad: int, out: int, wide: int, n: int,
            windows: int) -> None:  # fmt: skip
    """The largest elements of windows side by side over x (rows, out, wide, n), whose rows begin at lo * tall."""
    for h in range(lo, hi):
        for o in range(out):
            for q in range(windows):
                to = ((h * out + o) * windows + q) * n
                best, where = y[to : to + n], place[to : to + n]
                for k in range(tall * broad):
                    at = ((((h - lo) * tall + k // broad) * out + o) * wide + q * broad + k % broad) * n
                    given = x[at : at + n]
                    if k == 0:
                        for b in range(n):
                            best[b] = given[b]
                        for b in range(n):
                            where[b] = np.uint8(0)
                        continue
                    for b in range(n):
                        where[b] = np.uint8(k) if given[b] > best[b] else where[b]
                    for b in range(n):
                        best[b] = given[b] if (given[b] > best[b]) | (given[b] != given[b]) else best[b]


def spread(g: Array, place: Array, x: Array, lo: int, hi: int, tall: int, broad: int, out: int, wide: int, n: int,
           windows: int) -> None:  # fmt: skip
    """The transpose: each g at its place in its window of x (rows, out, wide, n), which begins at row lo * tall."""
    zero = x.dtype.type(0)
    for h in range(lo, hi):
        for o in range(out):
            for q in range(windows):
                at = ((h * out + o) * windows + q) * n
                given, where = g[at : at + n], place[at : at + n]
                for k in range(tall * broad):
                    at = ((((h - lo) * tall + k // broad) * out + o) * wide + q * broad + k % broad) * n
                    to = x[at : at + n]
                    for b in range(n):
                        to[b] = given[b] if where[b] == np.uint8(k) else zero


def on_flat_arrays(jit: Any, dtype: DType, loop: Function, arrays: str, counts: int) -> Function:
    """A loop over flat arrays, "r" and "w" of the dtype, "p" and "q" of places, and so many whole numbers, compiled."""
    numba = jit.module
    kinds = [numba.from_dtype(np.dtype(np.uint8) if k in "pq" else dtype) for k in arrays]
    types = [numba.types.Array(kind, 1, "C", readonly=k in "rp") for kind, k in zip(kinds, arrays)]
    code: Function = jit(loop, (*types, *[numba.types.intp] * counts), nogil=True)
    return code


# The rows.
class Convolution:
    """One convolution of a graph: its sizes, and the loops for it and its transposes.

    `shape` is that of the input (batch, channels, rows, columns), `filters` that of the weights, `pool` that of the
    windows over the result.
    """

    n: int
    channels: int
    out: int
    tall: int
    broad: int
    height: int
    windows: int
    rows: int
    columns: int

    def __init__(self, shape: Shape, filters: Shape, padding: Any, pool: Shape, dtype: np.dtype[Any], jit: Any) -> None:
        self.n, self.channels = shape[:2]
        self.out, _, self.tall, self.broad = filters
        self.dtype: DType = dtype
        self.jit: Value = jit
        self.pool: Shape = pool
        self.grid: tuple[Axis, ...] = axes(shape[2:], filters[2:], (1, 1), padding, (1, 1))
        self.height, self.windows = (a.windows for a in self.grid)
        self.places: int = self.windows * self.n
        self.wide: int = self.windows + self.broad - 1
        self.row: int = self.out * self.places  # the elements of a row of results
        self.work: float = 2.0 * self.height * self.row * self.channels * self.tall * self.broad
        self.rows, self.columns = self.height // pool[0], self.windows // pool[1]

    def transposed(self) -> Convolution:
        """The convolution of the result's cotangent with the turned filters: the cotangent of the input."""
        shape, filters = (self.n, self.out, self.height, self.windows), (self.channels, self.out, self.tall, self.broad)
        padding = tuple([(a.size - 1 - a.before, a.size - 1 - a.behind) for a in self.grid])
        return Convolution(shape, filters, padding, (1, 1), self.dtype, self.jit)

    def compiled(self, loop: Function, arrays: str, counts: int) -> Function:
        return on_flat_arrays(self.jit, self.dtype, loop, arrays, counts)

    def blocks(self, count: int, elements: int) -> int:
        """Into how many blocks so many rows are cut, with that many elements in one."""
        found = max(1, count * elements * self.dtype.itemsize // BLOCK)
        return min(count, found + found % 2 if self.work >= WORTH else found)

    # The loops, and what they are given.
    def multiplying(self) -> Function:
        """Rows lo to hi - 1 of the result into `y`."""
        code = self.compiled(multiply(self.out, self.dtype), "rrw", 12)
        inner = [k for a in self.grid for k in (a.before, a.before + a.length)]
        counts = (self.tall, self.broad, self.channels, self.n, self.wide, self.places, *inner)
        return lambda source, filters, y, lo, hi: code(source, filters, y, lo, hi, *counts)

    def weighing(self) -> Function:
        """The sums of windows times a cotangent, given block by block of `unit` rows by `rows(lo, hi)`."""
        code = self.compiled(weigh(self.out, self.broad, self.dtype), "rrw", 7)
        counts = (self.tall, self.channels, self.n, self.wide, self.places)

        def run(x: Array, given: Function, count: int, unit: int) -> Value:
            source, parts = self.framed(x), dict[int, Array]()

            def block(k: int, lo: int, hi: int) -> None:
                parts[k] = np.zeros(self.tall * self.channels * self.out * self.broad, self.dtype)
                code(source, given(lo, hi), parts[k], lo * unit, hi * unit, *counts)

            in_blocks(block, count, self.blocks(count, self.row * unit), self.work)
            total = parts[0]
            for k in range(1, len(parts)):
                total += parts[k]
            found = total.reshape(self.tall, self.channels, self.out, self.broad)
            return np.ascontiguousarray(found.transpose(2, 1, 0, 3))

        return run

    def spreading(self, wide: int) -> Function:
        """The places of the rows lo to hi - 1 of windows written into rows of so many columns."""
        code = self.compiled(spread, "rpw", 8)
        counts = (*self.pool, self.out, wide, self.n, self.columns)
        return lambda ct, place, x, lo, hi: code(ct, place, x, lo, hi, *counts)

    @property
    def tiles(self) -> bool:
        """Whether the pooling's windows cover the whole result."""
        return (self.rows * self.pool[0], self.columns * self.pool[1]) == (self.height, self.windows)

    @property
    def frame(self) -> list[tuple[int, int]]:
        return [(a.before, max(0, a.behind)) for a in self.grid]

    def in_frame(self, *use: object) -> Value:
        """Room for the input in its frame of zeros, (rows, channels, columns, batch), for one use."""
        shape = (self.height + self.tall - 1, self.channels, self.wide, self.n)
        return scratch(("framed", *use, *self.frame), shape, self.dtype)

    def framed(self, x: Array) -> Value:
        """The input in its frame, as one flat array."""
        moved = rows_first(x, 2)
        flags = moved.flags
        if not any(map(any, self.frame)) and flags.c_contiguous and flags.aligned and moved.dtype == self.dtype:
            return moved.reshape(-1)
        (top, _), (left, _) = self.frame
        laid = self.in_frame()
        np.copyto(laid[top : top + moved.shape[0], :, left : left + moved.shape[2]], moved)
        return laid.reshape(-1)

    # The rows.
    def forward(self, turned: bool = False) -> Function:
        """Of the input and the weights, which the transpose turns."""
        multiply_into = self.multiplying()

        def run(source: Array, w: Array) -> Value:
            order = w[:, :, ::-1, ::-1].transpose(2, 3, 0, 1) if turned else w.transpose(2, 3, 1, 0)
            filters = np.ascontiguousarray(order).reshape(-1)
            y = workspace.empty((self.height, self.out, self.windows, self.n), self.dtype)
            flat, row = y.reshape(-1), self.row
            block = lambda k, lo, hi: multiply_into(source, filters, flat[lo * row :], lo, hi)
            in_blocks(block, self.height, self.blocks(self.height, row), self.work)
            return batch_first(y, 4)

        return run

    def conv(self) -> Function:
        run = self.forward()
        return lambda x, w: run(self.framed(x), w)

    def conv_input_transpose(self) -> Function:
        back = self.transposed()
        run = back.forward(turned=True)
        return lambda ct, w: run(back.framed(ct), w)

    def conv_weight_transpose(self) -> Function:
        total = self.weighing()

        def run(x: Array, ct: Array) -> Value:
            given = batch_last("cotangent", ct, 2, self.dtype).reshape(-1)
            return total(x, lambda lo, hi: given[lo * self.row :], self.height, 1)

        return run

    def conv_max_pool(self) -> Function:
        """The largest elements of windows over the result, and their places."""
        multiply_into, tall = self.multiplying(), self.pool[0]
        choose = self.compiled(largest, "rwq", 8)
        counts = (*self.pool, self.out, self.windows, self.n, self.columns)

        def run(x: Array, w: Array) -> tuple[Value, Value]:
            source, filters = self.framed(x), np.ascontiguousarray(w.transpose(2, 3, 1, 0)).reshape(-1)
            shape = (self.rows, self.out, self.columns, self.n)
            y, place = workspace.empty(shape, self.dtype), workspace.empty(shape, np.dtype(np.uint8))
            best, where = y.reshape(-1), place.reshape(-1)

            def block(k: int, lo: int, hi: int) -> None:
                made = scratch("conv rows", ((hi - lo) * tall * self.row,), self.dtype)
                multiply_into(source, filters, made, lo * tall, hi * tall)
                choose(made, best, where, lo, hi, *counts)

            in_blocks(block, self.rows, self.blocks(self.rows, self.row * tall), self.work)
            return batch_first(y, 4), batch_first(place, 4)

        return run

    def pooled_weight_transpose(self) -> Function:
        total, write, tall = self.weighing(), self.spreading(self.windows), self.pool[0]

        def run(x: Array, ct: Array, place: Array) -> Value:
            given = batch_last("cotangent", ct, 2, self.dtype).reshape(-1)
            places = batch_last("places", place, 2, place.dtype).reshape(-1)

            def rows(lo: int, hi: int) -> Value:
                made = scratch("spread rows", ((hi - lo) * tall * self.row,), self.dtype)
                if not self.tiles:
                    made[...] = 0
                write(given, places, made, lo, hi)
                return made

            return total(x, rows, self.rows, tall)

        return run

    def pooled_input_transpose(self) -> Function:
        back = self.transposed()
        run, write = back.forward(turned=True), self.spreading(back.wide)
        (top, _), (left, _) = back.frame
        start = (top * self.out * back.wide + left) * self.n

        def whole(ct: Array, place: Array, w: Array) -> Value:
            given = batch_last("cotangent", ct, 2, self.dtype).reshape(-1)
            places = batch_last("places", place, 2, place.dtype).reshape(-1)
            laid = back.in_frame(*self.pool).reshape(-1)  # beyond the last whole window it stays 0, as the frame does
            write(given, places, laid[start:], 0, self.rows)
            return run(laid, w)

        return whole


def native_convolution(node: Node, jit: Any) -> Function | None:
    """The function that computes a convolution or a transpose of one; None where NumPy's kernel does it."""
    row, x, params = node.primitive, node.operands, node.params
    if row not in ROWS or len({n.dtype for n in x} - {np.dtype(np.uint8)}) != 1:
        return None
    weights = row in (rows.conv_weight_transpose, rows.pooled_weight_transpose)
    back = row in (rows.conv_input_transpose, rows.pooled_input_transpose)
    filters = node.shape if weights else x[-1].shape
    shape = node.shape if back else x[0].shape
    dtype = x[0].dtype
    if len(shape) != 4 or dtype not in (np.float32, np.float64) or not simple(params, filters[2:]):
        return None
    if 0 in shape or 0 in filters or filters[3] > WIDEST:
        return None
    made = Convolution(shape, filters, params["padding"], params.get("pool", (1, 1)), dtype, jit)
    if (made.transposed() if back else made).places < 4 * shape_of(dtype).lanes:
        return None
    return ROWS[row](made)


ROWS = {
    rows.conv: Convolution.conv,
    rows.conv_input_transpose: Convolution.conv_input_transpose,
    rows.conv_weight_transpose: Convolution.conv_weight_transpose,
    rows.conv_max_pool: Convolution.conv_max_pool,
    rows.pooled_weight_transpose: Convolution.pooled_weight_transpose,
    rows.pooled_input_transpose: Convolution.pooled_input_transpose,
}
