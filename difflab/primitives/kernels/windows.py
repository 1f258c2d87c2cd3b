"""Pooling: sliding windows over the last axes, one axis after the other.

Results have the memory layout of their operand (what convolution leaves has the batch last), so that NumPy's loops are
long; the other axes are shared by two threads or more.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from math import prod
from typing import Any

import numpy as np

from ...types import Shape, Value
from ..windows import Axis, axes
from .elementwise import masked
from .parallel import in_blocks
from .workspace import empty_like

WORTH = 2_000_000  # elements visited below which two halves cost more than they save


def max_pool(
    x: Value, *, size: Shape, stride: Shape, padding: Shape, dilation: Shape, larger: Value = np.maximum
) -> Value:
    """The largest element of each window."""
    x = np.asarray(x)
    larger = larger if isinstance(larger, np.ufunc) else np.frompyfunc(larger, 2, 1)
    return combined(x, axes(x.shape[-len(size) :], size, stride, padding, dilation), larger)


def window_place(x: Value, *, size: Shape, stride: Shape, padding: Shape, dilation: Shape) -> Value:
    """The place of the first largest element of each window, counted row by row."""
    x = np.asarray(x)
    grid = axes(x.shape[-len(size) :], size, stride, padding, dilation)
    places = empty_like(x, counted(x, grid), np.min_scalar_type(prod(size) - 1))

    by_parts(lambda x, out: largest_into(x, grid, out), len(grid), 3.0 * x.size, x, places)
    return places


def largest_into(x: Value, grid: tuple[Axis, ...], places: Value, values: Value = None) -> None:
    """Writes the places of the largest elements, and these themselves where `values` is an array."""
    found, step = None, prod(a.size for a in grid)
    for k, axis in enumerate(grid, -len(grid)):
        step //= axis.size
        shape = replaced(x.shape, k, axis.windows)
        out, best = (places, values) if k == -1 else (empty_like(x, shape, places.dtype), empty_like(x, shape))
        first_largest(x, found, step, axis, k, out, best)
        x, found = best, out


def window_read(x: Value, place: Value, *, size: Shape, stride: Shape, padding: Shape, dilation: Shape) -> Value:
    """The element of each window at a place in it."""
    x, place = np.asarray(x), np.asarray(place)
    grid = axes(x.shape[-len(size) :], size, stride, padding, dilation)
    y = empty_like(place, place.shape, x.dtype)

    def part(x: Value, place: Value, y: Value) -> None:
        for k, theirs, ours in offsets(grid):
            np.copyto(y[theirs], x[ours], where=np.equal(place[theirs], k))

    by_parts(part, len(grid), float(prod(size) * y.size), x, place, y)
    return y


def window_write(
    ct: Value, place: Value, *, shape: Shape, size: Shape, stride: Shape, padding: Shape, dilation: Shape
) -> Value:
    """Zeros, and each value added at a place in its window."""
    ct, place = np.asarray(ct), np.asarray(place)
    grid = axes(tuple(shape), size, stride, padding, dilation)
    tiles = all(a.tiles for a in grid)
    x = empty_like(place, (*place.shape[: -len(grid)], *shape), ct.dtype)
    if not tiles:
        x[...] = 0

    part = lambda ct, place, x: spread_into(ct, place, x, grid, tiles)
    by_parts(part, len(grid), float(prod(size) * ct.size), ct, place, x)
    return x


def spread_into(ct: Value, place: Value, x: Value, grid: tuple[Axis, ...], tiles: bool) -> None:
    """Adds each value to x at its place in its window; where the windows tile x, that is all there is to write."""
    given = empty_like(place, place.shape, ct.dtype)
    np.copyto(given, ct)  # in the layout of the places
    for k, theirs, ours in offsets(grid):
        target = x[ours]
        if tiles:
            masked(given, np.equal(place, k), target)
        else:
            np.add(target, masked(given[theirs], np.equal(place[theirs], k)), out=target)


def avg_pool(
    x: Value, *, size: Shape, stride: Shape, padding: Shape, dilation: Shape, count_padding: bool, divisor: Value = None
) -> Value:
    """The mean of each window, or its sum over the divisor."""
    x = np.asarray(x)
    grid = axes(x.shape[-len(size) :], size, stride, padding, dilation)
    y = combined(x, grid, np.add)
    return shared_out(y, grid, count_padding, divisor)


def avg_pool_transpose(
    ct: Value,
    *,
    shape: Shape,
    size: Shape,
    stride: Shape,
    padding: Shape,
    dilation: Shape,
    count_padding: bool,
    divisor: Value = None,
) -> Value:
    """Each value spread equally over its window."""
    ct = np.asarray(ct)
    grid = axes(tuple(shape), size, stride, padding, dilation)
    y = shared_out(ct.copy(order="K"), grid, count_padding, divisor)
    for k, axis in enumerate(grid, -len(grid)):
        x = empty_like(y, replaced(y.shape, k, axis.length))
        x[...] = 0
        for j in range(axis.size):
            theirs, ours = axis.shared(j)
            x[at(k, ours)] += y[at(k, theirs)]
        y = x
    return y


def ties(x: Value, **params: Any) -> Value:
    """Whether a window has its largest element twice."""
    x = np.asarray(x)
    y, place = max_pool(x, **params), window_place(x, **params)
    grid = axes(x.shape[-len(params["size"]) :], *(params[k] for k in ("size", "stride", "padding", "dilation")))
    found = np.zeros(y.shape, bool)
    for k, theirs, ours in offsets(grid):
        found[theirs] |= (x[ours] == y[theirs]) & (place[theirs] != k)
    return found


# Along one axis.
def at(k: int, where: Value) -> tuple[Value, ...]:
    """The index of elements along axis k, counted from the last."""
    return (..., where, *(slice(None),) * (-1 - k))


def replaced(shape: tuple[int, ...], k: int, n: int) -> tuple[int, ...]:
    """The shape with n elements along axis k, counted from the last."""
    return (*shape[: len(shape) + k], n, *shape[len(shape) + k + 1 :])


def visits(axis: Axis) -> Value:
    """For each element of a window: the windows that have none before it, and those that have, with their elements."""
    low = axis.windows
    for j in range(axis.size):
        windows, elements = axis.shared(j)
        start, stop, step = windows.start, windows.stop, axis.stride
        middle = min(max(low, start), stop)
        split = elements.start + (middle - start) * step
        yield (
            j,
            (slice(start, middle), slice(elements.start, split, step)),
            (slice(middle, stop), slice(split, elements.stop, step)),
        )
        low = min(low, start)


def along(x: Value, axis: Axis, k: int, combine: Value, out: Value) -> Value:
    """The elements of each window combined along axis k, into `out` or a new array."""
    if out is None:
        out = empty_like(x, replaced(x.shape, k, axis.windows))
    if axis.size > 1 and not axis.before and not axis.behind:
        first, second = (x[at(k, axis.shared(j)[1])] for j in (0, 1))
        combine(first, second, out=out)
        for j in range(2, axis.size):
            combine(out, x[at(k, axis.shared(j)[1])], out=out)
        return out
    for _, (windows, elements), (more, others) in visits(axis):
        out[at(k, windows)] = x[at(k, elements)]
        if more.start < more.stop:
            target = out[at(k, more)]
            combine(target, x[at(k, others)], out=target)
    return out


def first_largest(x: Value, found: Value, step: int, axis: Axis, k: int, out: Value, best: Value) -> None:
    """Writes the largest elements along axis k into `best`, and their places into `out`.

    `found` are the places along the axes before, and `step` is that from one element to the next along this one. Of
    equal elements the one with the smallest place wins: the first, row by row, whichever axis comes first here.
    """
    wanted, dtype = best is not None, out.dtype.type
    if not wanted:
        best = empty_like(x, out.shape)

    def better(target: Value, place: Value, given: Value, other: Value) -> Value:
        where = np.greater(given, target).astype(bool, copy=False)
        if found is not None:
            np.logical_or(where, np.equal(given, target).astype(bool, copy=False) & (other < place), out=where)
        return where

    def place_of(elements: slice, j: int) -> Value:
        return dtype(j * step) if found is None else found[at(k, elements)] + dtype(j * step)

    whole = not axis.before and not axis.behind and axis.size > 1
    if whole and axis.size == 2 and dtype is np.uint8 and not x.dtype.hasobject:
        pair(x, found, step, axis, k, out, best)
        return
    for j, (windows, elements), (more, others) in visits(axis):
        if windows.start < windows.stop:
            out[at(k, windows)] = place_of(elements, j)
            if not whole:  # else two elements are compared where they are
                np.copyto(best[at(k, windows)], x[at(k, elements)])
        if more.start < more.stop:
            target = best[at(k, more)]
            known = x[at(k, axis.shared(0)[1])] if whole and j == 1 else target
            given, other, place = x[at(k, others)], place_of(others, j), out[at(k, more)]
            exchange(place, other, better(known, place, given, other))
            if wanted or j + 1 < axis.size:
                np.maximum(known, given, out=target)


def pair(x: Value, found: Value, step: int, axis: Axis, k: int, out: Value, best: Value) -> None:
    """The same for windows of two elements, in as few passes as there can be."""
    first, second = (at(k, axis.shared(j)[1]) for j in (0, 1))
    a, b = x[first], x[second]
    where = np.greater(b, a)
    if found is None:
        np.bitwise_and(np.negative(where.view(np.uint8)), np.uint8(step), out=out)
    else:
        place, other = found[first], found[second] + np.uint8(step)
        np.bitwise_or(where, np.bitwise_and(np.equal(a, b), np.less(other, place)), out=where)
        mask = np.negative(where.view(np.uint8))
        np.bitwise_and(np.bitwise_xor(place, other, out=other), mask, out=mask)
        np.bitwise_xor(place, mask, out=out)
    np.maximum(a, b, out=best)


def exchange(place: Value, other: Value, where: Value) -> None:
    """Puts `other` in place where it is true; bytes are exchanged by their bits, without a branch."""
    if place.dtype != np.uint8:
        np.copyto(place, other, where=where)
        return
    mask = np.negative(where.view(np.uint8))
    change = np.bitwise_xor(place, other)
    np.bitwise_and(change, mask, out=change)
    np.bitwise_xor(place, change, out=place)


# All axes.
def counted(x: Value, grid: tuple[Axis, ...]) -> tuple[int, ...]:
    return (*x.shape[: x.ndim - len(grid)], *[a.windows for a in grid])


def combined(x: Value, grid: tuple[Axis, ...], combine: Value) -> Value:
    """The elements of each window combined."""
    y = empty_like(x, counted(x, grid))

    def part(x: Value, y: Value) -> None:
        for k, axis in enumerate(grid, -len(grid)):  # the first axis first: its elements lie side by side
            x = along(x, axis, k, combine, y if k == -1 else None)

    by_parts(part, len(grid), 2.0 * x.size, x, y)
    return y


def offsets(grid: tuple[Axis, ...]) -> Value:
    """For each place in a window: the windows that have it in the array, and the elements there."""
    for k, steps in enumerate(product(*[range(a.size) for a in grid])):
        pairs = [a.shared(j) for a, j in zip(grid, steps)]
        yield k, (..., *[p[0] for p in pairs]), (..., *[p[1] for p in pairs])


def shared_out(y: Value, grid: tuple[Axis, ...], count_padding: bool, divisor: Value) -> Value:
    """y divided by the number of elements in each window, or by the divisor."""
    number: Any = prod(a.size for a in grid) if divisor is None else divisor
    if not count_padding and divisor is None:
        number = np.ones((1,) * len(grid), int)
        for k, axis in enumerate(grid, -len(grid)):
            held = np.zeros(axis.windows, int)
            for j in range(axis.size):
                held[axis.shared(j)[0]] += 1
            number = number * held.reshape(-1, *(1,) * (-1 - k))
        number = number.astype(y.dtype) if y.dtype.kind in "fcO" else number
    return np.divide(y, number, out=y) if y.dtype.kind in "fc" else y / number


def by_parts(function: Callable[..., None], windowed: int, work: float, *arrays: Value) -> None:
    """Calls function(*arrays) on halves of the arrays along that axis in front which lies farthest apart in memory."""
    first = arrays[0]
    if work < WORTH:
        function(*arrays)
        return
    free = [k for k in range(first.ndim - windowed) if first.shape[k] > 1]
    if not free:
        function(*arrays)
        return
    axis = max(free, key=lambda k: abs(first.strides[k]))

    def block(_: int, lo: int, hi: int) -> None:
        function(*[a[(slice(None),) * axis + (slice(lo, hi),)] for a in arrays])

    in_blocks(block, first.shape[axis], 2, 10 * work)
