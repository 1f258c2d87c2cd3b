"""Convolution and pooling on PyTorch's tensors; the transposes are PyTorch's own pullbacks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product

import numpy as np

from ...late import Late
from ...primitives.windows import Axis, axes
from ...types import Shape, Value

torch: Value = Late("torch")


def framed(x: Value, padding: Value, value: float = 0.0) -> Value:
    """The array in its frame: PyTorch counts the axes from the last one."""
    widths = [n for pair in reversed(padding) for n in pair]
    return torch.nn.functional.pad(x, widths, value=value) if any(widths) else x


def conv(x: Value, w: Value, *, stride: Shape, padding: Value, dilation: Shape, groups: int) -> Value:
    run = getattr(torch.nn.functional, f"conv{w.ndim - 2}d")
    return run(framed(x, padding), w, None, tuple(stride), 0, tuple(dilation), groups)


def pulled(f: Value, like: Shape, y: Value) -> Value:
    """The transpose of a linear map whose argument has this shape, at y."""
    start = torch.zeros(tuple(like), dtype=y.dtype, device=y.device)
    return torch.func.vjp(f, start)[1](y)[0]


def conv_input_transpose(y: Value, w: Value, *, shape: Shape, groups: int, **params: Value) -> Value:
    return pulled(lambda x: conv(x, w, groups=groups, **params), (y.shape[0], w.shape[1] * groups, *shape), y)


def conv_weight_transpose(x: Value, y: Value, *, size: Shape, groups: int, **params: Value) -> Value:
    return pulled(lambda w: conv(x, w, groups=groups, **params), (y.shape[1], x.shape[1] // groups, *size), y)


def grid_of(x: Value, size: Shape, stride: Shape, padding: Value, dilation: Shape) -> tuple[Axis, ...]:
    return axes(tuple(x.shape[-len(size) :]), size, stride, padding, dilation)


def parts(x: Value, grid: tuple[Axis, ...], frame: float) -> Iterator[Value]:
    """For each element of a window, row by row, its values in all windows; the frame has the value `frame`."""
    x = framed(x, [(a.before, a.behind) for a in grid], frame)
    for offset in product(*[range(a.size) for a in grid]):
        starts = [k * a.dilation for k, a in zip(offset, grid)]
        yield x[(..., *[slice(s, s + (a.windows - 1) * a.stride + 1, a.stride) for s, a in zip(starts, grid)])]


def lowest(x: Value) -> float:
    return -math.inf if x.is_floating_point() else float(torch.iinfo(x.dtype).min)


def max_pool(x: Value, **params: Value) -> Value:
    found = None
    for part in parts(x, grid_of(x, **params), lowest(x)):
        found = part if found is None else torch.maximum(found, part)
    return found


def window_place(x: Value, **params: Value) -> Value:
    best, place = None, None
    for k, part in enumerate(parts(x, grid_of(x, **params), lowest(x))):
        if best is None:
            best, place = part, torch.zeros(part.shape, dtype=torch.int64, device=x.device)
            continue
        larger = (part > best) | (torch.isnan(part) & ~torch.isnan(best))
        best, place = torch.where(larger, part, best), torch.where(larger, k, place)
    return place


def window_read(x: Value, place: Value, **params: Value) -> Value:
    found = torch.zeros(place.shape, dtype=x.dtype, device=x.device)
    for k, part in enumerate(parts(x, grid_of(x, **params), 0.0)):
        found = torch.where(place == k, part, found)
    return found


def window_write(ct: Value, place: Value, *, shape: Shape, **params: Value) -> Value:
    return pulled(lambda x: window_read(x, place, **params), (*place.shape[: -len(shape)], *shape), ct)


def avg_pool(x: Value, *, count_padding: bool, divisor: Value = None, **params: Value) -> Value:
    grid = grid_of(x, **params)
    total = sum(parts(x, grid, 0.0))
    if divisor is not None:
        return total / divisor
    if count_padding:
        return total / int(np.prod([a.size for a in grid]))
    return total / sum(parts(torch.ones(x.shape[-len(grid) :], dtype=x.dtype, device=x.device), grid, 0.0))


def avg_pool_transpose(ct: Value, *, shape: Shape, **params: Value) -> Value:
    return pulled(lambda x: avg_pool(x, **params), (*ct.shape[: -len(shape)], *shape), ct)
