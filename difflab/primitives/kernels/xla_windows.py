"""Convolution and pooling on JAX's arrays; `conv_max_pool` and its transposes are rows of NumPy's programs alone."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import product
from typing import Any

import numpy as np

from ...types import Shape, Value
from ..windows import Axis, axes
from .xla import jax, jnp, lax


# Convolution: the transposes are JAX's.
def conv(x: Value, w: Value, *, stride: Shape, padding: Value, dilation: Shape, groups: int) -> Value:
    x, w = jnp.asarray(x), jnp.asarray(w)
    dtype = jnp.promote_types(x.dtype, w.dtype)
    found: Value = lax.conv_general_dilated(
        x.astype(dtype), w.astype(dtype), stride, padding, rhs_dilation=dilation, feature_group_count=groups
    )
    return found


def conv_input_transpose(y: Value, w: Value, *, shape: Shape, groups: int, **params: Any) -> Value:
    like = jax.ShapeDtypeStruct((y.shape[0], w.shape[1] * groups, *shape), jnp.promote_types(y.dtype, w.dtype))
    (found,) = jax.linear_transpose(lambda x: conv(x, w, groups=groups, **params), like)(y.astype(like.dtype))
    return found


def conv_weight_transpose(x: Value, y: Value, *, size: Shape, groups: int, **params: Any) -> Value:
    like = jax.ShapeDtypeStruct((y.shape[1], x.shape[1] // groups, *size), jnp.promote_types(x.dtype, y.dtype))
    (found,) = jax.linear_transpose(lambda w: conv(x, w, groups=groups, **params), like)(y.astype(like.dtype))
    return found


# Pooling.
def grid_of(x: Value, size: Shape, stride: Shape, padding: Value, dilation: Shape) -> tuple[Axis, ...]:
    return axes(tuple(x.shape[-len(size) :]), size, stride, padding, dilation)


def seen(x: Value, grid: tuple[Axis, ...], frame: Value) -> Iterator[Value]:
    """For each element of a window, row by row, its values in all windows; the frame has the value `frame`."""
    lead = x.ndim - len(grid)
    widths = [(0, 0)] * lead + [(a.before, a.behind) for a in grid]
    x = jnp.pad(x, widths, constant_values=frame)
    for offset in product(*[range(a.size) for a in grid]):
        start = [0] * lead + [k * a.dilation for k, a in zip(offset, grid)]
        end = [*x.shape[:lead], *[s + (a.windows - 1) * a.stride + 1 for s, a in zip(start[lead:], grid)]]
        yield lax.slice(x, start, end, [1] * lead + [a.stride for a in grid])


def lowest(dtype: Any) -> Value:
    return -np.inf if dtype.kind == "f" else np.iinfo(dtype).min


def max_pool(x: Value, **params: Any) -> Value:
    x = jnp.asarray(x)
    found = None
    for part in seen(x, grid_of(x, **params), lowest(x.dtype)):
        found = part if found is None else jnp.maximum(found, part)
    return found


def window_place(x: Value, **params: Any) -> Value:
    x = jnp.asarray(x)
    count = int(np.prod(params["size"]))
    best: Value = None
    place: Value = None
    for k, part in enumerate(seen(x, grid_of(x, **params), lowest(x.dtype))):
        if best is None:
            best, place = part, jnp.zeros(part.shape, np.min_scalar_type(count - 1))
            continue
        larger = (part > best) | (jnp.isnan(part) & ~jnp.isnan(best))
        best, place = jnp.where(larger, part, best), jnp.where(larger, place.dtype.type(k), place)
    return place


def window_read(x: Value, place: Value, **params: Any) -> Value:
    x = jnp.asarray(x)
    found = jnp.zeros(place.shape, x.dtype)
    for k, part in enumerate(seen(x, grid_of(x, **params), 0)):
        found = jnp.where(place == k, part, found)
    return found


def window_write(ct: Value, place: Value, *, shape: Shape, **params: Any) -> Value:
    ct, place = jnp.asarray(ct), jnp.asarray(place)
    like = jax.ShapeDtypeStruct((*place.shape[: -len(shape)], *shape), ct.dtype)
    (found,) = jax.linear_transpose(lambda x: window_read(x, place, **params), like)(ct)
    return found


def avg_pool(x: Value, *, count_padding: bool, divisor: Value = None, **params: Any) -> Value:
    x = jnp.asarray(x)
    grid = grid_of(x, **params)
    total = sum(seen(x, grid, 0))
    if divisor is not None:
        return total / divisor
    if count_padding:
        return total / int(np.prod([a.size for a in grid]))
    ones = np.ones(x.shape[-len(grid) :], x.dtype)
    return total / sum(seen(jnp.asarray(ones), grid, 0))


def avg_pool_transpose(ct: Value, *, shape: Shape, **params: Any) -> Value:
    ct = jnp.asarray(ct)
    like = jax.ShapeDtypeStruct((*ct.shape[: -len(shape)], *shape), ct.dtype)
    (found,) = jax.linear_transpose(partial(avg_pool, **params), like)(ct)
    return found


# Both in one.
def conv_max_pool(x: Value, w: Value, *, pool: Shape, **params: Any) -> Value:
    y = conv(x, w, **params)
    return max_pool(y, **side_by_side(pool)), window_place(y, **side_by_side(pool))


def pooled_weight_transpose(x: Value, y: Value, place: Value, *, size: Shape, pool: Shape, **params: Any) -> Value:
    grid = axes(tuple(x.shape[2:]), size, params["stride"], params["padding"], params["dilation"])
    spread = window_write(y, place, shape=tuple(a.windows for a in grid), **side_by_side(pool))
    return conv_weight_transpose(x, spread, size=size, **params)


def pooled_input_transpose(y: Value, place: Value, w: Value, *, shape: Shape, pool: Shape, **params: Any) -> Value:
    grid = axes(tuple(shape), tuple(w.shape[2:]), params["stride"], params["padding"], params["dilation"])
    spread = window_write(y, place, shape=tuple(a.windows for a in grid), **side_by_side(pool))
    return conv_input_transpose(spread, w, shape=shape, **params)


def side_by_side(pool: Shape) -> dict[str, Any]:
    n = len(pool)
    return {"size": pool, "stride": pool, "padding": ((0, 0),) * n, "dilation": (1,) * n}
