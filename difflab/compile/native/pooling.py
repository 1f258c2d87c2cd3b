"""Pooling in one pass: the largest elements of windows side by side, their places, and the way back to them.

The arrays lie as convolution leaves them, (rows, channels, columns, batch), so that the innermost loop goes along the
batch. What lies otherwise is left to NumPy's kernel.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...graph.node import Node
from ...primitives import rows
from ...primitives.kernels import windows, workspace
from ...primitives.kernels.convolution import batch_first, batch_last, rows_first
from ...primitives.kernels.parallel import in_blocks
from ...primitives.kernels.workspace import scratch
from ...types import Array, DType, Function, Shape, Value
from ..passes.convolve_and_pool import tiling
from .convolution import largest, on_flat_arrays, spread

BLOCKS = 2  # that threads may share
VISIT = 10.0  # operations that one element is worth, where it is decided whether threads share the rows


def best(
    x: Array, y: Array, lo: int, hi: int, tall: int, broad: int, out: int, wide: int, n: int, columns: int
) -> None:
    """The largest elements of windows side by side over x (rows, out, wide, n)."""
    for h in range(lo, hi):
        for o in range(out):
            for q in range(columns):
                to = ((h * out + o) * columns + q) * n
                found = y[to : to + n]
                for k in range(tall * broad):
                    at = (((h * tall + k // broad) * out + o) * wide + q * broad + k % broad) * n
                    given = x[at : at + n]
                    if k == 0:
                        for b in range(n):
                            found[b] = given[b]
                    else:
                        for b in range(n):
                            found[b] = given[b] if (given[b] > found[b]) | (given[b] != given[b]) else found[b]


class Pooling:
    """Max-pooling of arrays (batch, channels, rows, columns) of one shape."""

    n: int
    out: int
    height: int
    wide: int
    tall: int
    broad: int

    def __init__(self, shape: Shape, params: Any, dtype: np.dtype[Any], jit: Any) -> None:
        self.n, self.out, self.height, self.wide = shape
        self.params: Value = params
        self.dtype: DType = dtype
        self.jit: Value = jit
        self.tall, self.broad = size = params["size"]
        self.rows: int = self.height // self.tall
        self.columns: int = self.wide // self.broad
        self.places: DType = np.min_scalar_type(size[0] * size[1] - 1)
        self.shape: Shape = (self.rows, self.out, self.columns, self.n)  # of the result, as it lies
        self.row: int = self.tall * self.out * self.wide * self.n  # the elements of a row of windows
        self.counts: Shape = (self.tall, self.broad, self.out, self.wide, self.n, self.columns)

    def compiled(self, loop: Function, arrays: str) -> Function:
        return on_flat_arrays(self.jit, self.dtype, loop, arrays, len(self.counts) + 2)

    def shared(self, block: Function) -> None:
        """Calls block(first row, last row) for all rows of windows, on several threads where that is worth it."""
        work = VISIT * self.n * self.out * self.height * self.wide
        in_blocks(lambda _, lo, hi: block(lo, hi), self.rows, BLOCKS, work)

    def max_pool(self) -> Function:
        loop = self.compiled(best, "rw")

        def run(x: Array) -> Value:
            moved = rows_first(x, 2)
            if not is_flat(moved):
                return windows.max_pool(x, **self.params)
            y = workspace.empty(self.shape, self.dtype)
            given, found = moved.reshape(-1), y.reshape(-1)
            self.shared(lambda lo, hi: loop(given, found, lo, hi, *self.counts))
            return batch_first(y, 4)

        return run

    def window_place(self) -> Function:
        loop = self.compiled(largest, "rwq")

        def run(x: Array) -> Value:
            moved = rows_first(x, 2)
            if not is_flat(moved):
                return windows.window_place(x, **self.params)
            place = workspace.empty(self.shape, self.places)
            given, where, line = moved.reshape(-1), place.reshape(-1), self.out * self.columns * self.n

            def block(lo: int, hi: int) -> None:
                values = scratch("largest", (line,), self.dtype)  # a row of them, which nobody reads
                for h in range(lo, hi):
                    loop(given[h * self.row :], values, where[h * line :], 0, 1, *self.counts)

            self.shared(block)
            return batch_first(place, 4)

        return run

    def window_write(self) -> Function:
        loop = self.compiled(spread, "rpw")
        tiles = (self.rows * self.tall, self.columns * self.broad) == (self.height, self.wide)

        def run(ct: Array, place: Array) -> Value:
            moved = rows_first(place, 2)
            if not is_flat(moved) or place.dtype != self.places:
                return windows.window_write(ct, place, **self.params)
            x = workspace.empty((self.height, self.out, self.wide, self.n), self.dtype)
            if not tiles:
                x[...] = 0
            given = batch_last("cotangent", ct, 2, self.dtype).reshape(-1)
            where, found = moved.reshape(-1), x.reshape(-1)
            self.shared(lambda lo, hi: loop(given, where, found[lo * self.row :], lo, hi, *self.counts))
            return batch_first(x, 4)

        return run


def is_flat(x: Array) -> bool:
    return bool(x.flags.c_contiguous and x.flags.aligned)


def native_pooling(node: Node, jit: Any) -> Function | None:
    """The function that computes max-pooling, places or the way back; None where NumPy's kernel does it."""
    make, x = ROWS.get(node.primitive), node.operands[0] if node.operands else node
    if make is None or not tiling(node.params) or len(x.shape) != 4 or 0 in x.shape:
        return None
    shape = (*x.shape[:2], *node.params.get("shape", x.shape[2:]))
    if x.dtype not in (np.float32, np.float64) or x.dtype.byteorder not in "=|" or min(node.params["size"]) < 1:
        return None
    return make(Pooling(shape, node.params, x.dtype, jit))


ROWS = {
    rows.max_pool: Pooling.max_pool,
    rows.window_place: Pooling.window_place,
    rows.window_write: Pooling.window_write,
}
