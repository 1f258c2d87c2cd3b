"""Rows on JAX's arrays, where JAX has no function of that name, or one that takes its arguments otherwise.

A row's function here has its name; the carrier of JAX's arrays looks here first.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from importlib import import_module
from itertools import product
from math import factorial
from typing import Any

import numpy as np

from ...errors import UnsupportedError
from ...types import Axis as Axes, Key, Shape, Value
from ..windows import Axis, axes
from .networks import random_uniform as host_random_uniform
from .structure import Slot


class Late:
    """A module that is imported when something of it is asked for: JAX is not everywhere."""

    def __init__(self, name: str) -> None:
        self.name: str = name

    def __getattr__(self, name: str) -> Any:
        try:
            return getattr(import_module(self.name), name)
        except ImportError as error:
            raise AttributeError(f"{self.name}.{name}: {error}") from None


jax: Any = Late("jax")
lax: Any = Late("jax.lax")
jnp: Any = Late("jax.numpy")


# Structure.
def constant(*, value: Value) -> Value:
    return value


def pick(x: Value, *, index: int) -> Value:
    return x[index]


def sum_to(x: Value, *, shape: Shape) -> Value:
    lead = x.ndim - len(shape)
    along = tuple(range(lead)) + tuple(lead + i for i, n in enumerate(shape) if n == 1 and x.shape[lead + i] != 1)
    return jnp.reshape(jnp.sum(x, axis=along), shape)


def astype(x: Value, *, dtype: Any) -> Value:
    x = jnp.asarray(x)
    if x.dtype.kind == "c" and np.dtype(dtype).kind != "c":
        x = jnp.real(x)
    return lax.convert_element_type(x, jax.dtypes.canonicalize_dtype(dtype))


def stop_gradient(x: Value) -> Value:
    return lax.stop_gradient(x)


# Places.
def filled(index: Key, arrays: Value) -> Value:
    """The index with the arrays in their places; a mask that is not known beforehand has no fixed shape."""
    entries = index if isinstance(index, tuple) else (index,)
    found = tuple(arrays[e] if isinstance(e, Slot) else e for e in entries)
    if any(isinstance(e, jax.core.Tracer) and e.dtype.kind == "b" for e in found):
        raise UnsupportedError("x[mask]: XLA needs a fixed shape, and the mask decides it; use np.where")
    return found


def getitem(x: Value, *arrays: Value, index: Key) -> Value:
    return jnp.asarray(x)[filled(index, arrays)]


def scatter(ct: Value, *arrays: Value, index: Key, shape: Shape) -> Value:
    ct = jnp.asarray(ct)
    return jnp.zeros(shape, ct.dtype).at[filled(index, arrays)].add(ct)


def take(x: Value, indices: Value, *, axis: int, mode: str) -> Value:
    return jnp.take(x, jnp.asarray(indices), axis=axis, mode={"raise": "fill"}.get(mode, mode))


def take_along_axis(x: Value, indices: Value, *, axis: int) -> Value:
    return jnp.take_along_axis(jnp.asarray(x), jnp.asarray(indices), axis=axis)


def interval(xp: Value, x: Value) -> Value:
    """The number of the interval between neighbouring points, the outer ones reaching to infinity."""
    found = jnp.searchsorted(jnp.asarray(xp), jnp.asarray(x), side="right") - 1
    return jnp.clip(found, 0, max(len(xp) - 2, 0)).astype(np.intp)


def searchsorted(a: Value, v: Value, *, side: str, sorter: Value) -> Value:
    found = jnp.searchsorted(jnp.asarray(a), jnp.asarray(v), side=side, sorter=sorter)
    return found.astype(np.intp)


def digitize(x: Value, bins: Value, *, right: bool) -> Value:
    return jnp.digitize(jnp.asarray(x), jnp.asarray(bins), right=right).astype(np.intp)


def argsort(x: Value, *, axis: Value, kind: Value = None) -> Value:
    return jnp.argsort(jnp.asarray(x), axis=axis, stable=True).astype(np.intp)


# Joining.
def concatenate(*arrays: Value, axis: int) -> Value:
    return jnp.concatenate([jnp.asarray(x) for x in arrays], axis=axis)


def stack(*arrays: Value, axis: int) -> Value:
    return jnp.stack([jnp.asarray(x) for x in arrays], axis=axis)


def rollaxis(x: Value, *, axes: Value) -> Value:
    return jnp.transpose(x, axes)


# Products and linear algebra.
def einsum(*xs: Value, subscripts: str) -> Value:
    return jnp.einsum(subscripts, *map(jnp.asarray, xs))


def solve(a: Value, b: Value) -> Value:
    a, b = jnp.asarray(a), jnp.asarray(b)
    dtype = jnp.promote_types(jnp.promote_types(a.dtype, b.dtype), np.float32)
    return jnp.linalg.solve(a.astype(dtype), b.astype(dtype))


def cofactor(a: Value) -> Value:
    """From the singular values, so that singular matrices have theirs too: det(u v) u (products of the others) v."""
    a = jnp.asarray(a)
    n = a.shape[-1]
    if n == 1:
        return jnp.ones_like(a)
    u, s, vh = jnp.linalg.svd(a)
    others = jnp.stack([jnp.prod(jnp.delete(s, k, axis=-1), axis=-1) for k in range(n)], -1)
    sign = jnp.linalg.det(u) * jnp.linalg.det(vh)
    return (
        (sign[..., None, None] * ((u * others[..., None, :]) @ vh))
        if a.dtype.kind != "c"
        else _conjugate(a, sign, u, others, vh)
    )


def _conjugate(a: Value, sign: Value, u: Value, others: Value, vh: Value) -> Value:
    return sign[..., None, None] * jnp.conj((u * others[..., None, :]) @ vh)


def slogdet(a: Value) -> Value:
    return tuple(jnp.linalg.slogdet(jnp.asarray(a)))


def eigh(a: Value, *, UPLO: str) -> Value:
    return tuple(jnp.linalg.eigh(jnp.asarray(a), UPLO=UPLO, symmetrize_input=False))


def eig(a: Value) -> Value:
    return tuple(jnp.linalg.eig(jnp.asarray(a)))


def qr(a: Value) -> Value:
    return tuple(jnp.linalg.qr(jnp.asarray(a)))


def svd(a: Value) -> Value:
    return tuple(jnp.linalg.svd(jnp.asarray(a), full_matrices=False))


def matrix_rank(a: Value, **params: Value) -> Value:
    return jnp.linalg.matrix_rank(jnp.asarray(a), **params)


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


# Networks.
def class_labels(labels: Value, *, what: str, count: int, ignore_index: Value) -> Value:
    """The labels, with 0 in place of those that are ignored; nothing can be refused inside a compiled program."""
    return labels if ignore_index is None else jnp.where(jnp.equal(labels, ignore_index), 0, labels)


def without_ignored(x: Value, labels: Value, *, ignore_index: int) -> Value:
    return jnp.where(jnp.equal(labels, ignore_index), jnp.zeros((), jnp.asarray(x).dtype), x)


def random_uniform(key: Value, *, shape: Shape, dtype: Any) -> Value:
    """NumPy's generator, called out of the compiled program: the same key gives the same numbers on every backend."""
    like = jax.ShapeDtypeStruct(shape, dtype)
    draw = partial(host_random_uniform, shape=shape, dtype=dtype)
    return jax.pure_callback(draw, like, key, vmap_method="sequential")


# Sums of exponentials: with the largest taken out.
def logsumexp(x: Value, b: Value = None, *, axis: Axes, keepdims: bool) -> Value:
    return jax.scipy.special.logsumexp(jnp.asarray(x), axis=axis, b=b, keepdims=keepdims)


def softmax(x: Value, *, axis: Axes) -> Value:
    return jax.nn.softmax(jnp.asarray(x), axis=axis)


def log_softmax(x: Value, *, axis: Axes) -> Value:
    return jax.nn.log_softmax(jnp.asarray(x), axis=axis)


# Elementwise functions without the cancellation, or the overflow, of their formulas.
def gelu(x: Value, *, approximate: str = "none") -> Value:
    if approximate == "none":
        return x * jax.scipy.special.ndtr(x)
    inner = np.sqrt(2 / np.pi) * (x + 0.044715 * x * x * x)
    return x * jax.nn.sigmoid(2 * inner)


def tanhshrink(x: Value) -> Value:
    """By the series of x cosh(x) - sinh(x), whose terms are 2k x^(2k + 1) / (2k + 1)!, where x is small."""
    small = jnp.abs(x) < 1
    t = jnp.where(small, x, 0)
    square, total = t * t, jnp.zeros_like(t)
    for k in range(10, 0, -1):
        total = total * square + 2 * k / factorial(2 * k + 1)
    return jnp.where(small, t * square * total / jnp.cosh(t), x - jnp.tanh(x))


def direction(x: Value, y: Value) -> Value:
    """x / hypot(x, y); 0 at the origin."""
    large = jnp.maximum(jnp.abs(x), jnp.abs(y))
    scale = jnp.where((large == 0) | ~jnp.isfinite(large), 1.0, large)
    a, b = x / scale, y / scale
    h = jnp.sqrt(a * a + b * b)
    return jnp.where(h == 0, 0.0, a / jnp.where(h == 0, 1.0, h))


def cosm1(x: Value) -> Value:
    return -2 * jnp.square(jnp.sin(x / 2))


def exprel(x: Value) -> Value:
    return jnp.where(x == 0, 1.0, jnp.expm1(x) / jnp.where(x == 0, 1.0, x))


def pseudo_huber(d: Value, r: Value) -> Value:
    q = r / d
    return d * d * (q * q / (jnp.sqrt(1 + q * q) + 1))


def log_cosh(x: Value) -> Value:
    """log1p(cosh(x) - 1) with cosh(x) - 1 = 2 sinh(x/2)^2 near 0; |x| - log 2 and a rest far away."""
    size = jnp.abs(x)
    near = size < 1
    return jnp.where(
        near,
        jnp.log1p(2 * jnp.square(jnp.sinh(jnp.where(near, x, 0) / 2))),
        size + jnp.log1p(jnp.exp(-2 * size)) - np.log(2.0),
    )


def log_ndtr(x: Value) -> Value:
    """log(1 - Q) on the right; on the left by the scaled complement, which does not underflow."""
    right = x > -1
    a, b = jnp.where(right, x, 0), jnp.where(right, -1, x)
    special, root = jax.scipy.special, np.sqrt(2.0)
    return jnp.where(right, jnp.log1p(-special.erfc(a / root) / 2), jnp.log(special.erfcx(-b / root) / 2) - b * b / 2)


def erfi(x: Value) -> Value:
    return 2 / np.sqrt(np.pi) * jnp.exp(x * x) * jax.scipy.special.dawsn(x)


def erfcinv(x: Value) -> Value:
    return -jax.scipy.special.ndtri(x / 2) / np.sqrt(2.0)


def polygamma(x: Value, *, n: int) -> Value:
    return jax.scipy.special.polygamma(n, x)


def betaln(x: Value, y: Value) -> Value:
    special = jax.scipy.special
    return special.gammaln(x) + special.gammaln(y) - special.gammaln(x + y)


def beta(x: Value, y: Value) -> Value:
    return jnp.exp(betaln(x, y))


def quarters(x: Value) -> tuple[Value, Value]:
    """The rest of x to the nearest multiple of a half, and which multiple it is, by quarters of the circle."""
    n = jnp.round(2 * x)
    return x - n / 2, jnp.mod(n, 4)


def sinpi(x: Value) -> Value:
    r, n = quarters(x)
    s, c = jnp.sin(np.pi * r), jnp.cos(np.pi * r)
    return jnp.where(n == 0, s, jnp.where(n == 1, c, jnp.where(n == 2, -s, -c)))


def cospi(x: Value) -> Value:
    r, n = quarters(x)
    s, c = jnp.sin(np.pi * r), jnp.cos(np.pi * r)
    return jnp.where(n == 0, c, jnp.where(n == 1, -s, jnp.where(n == 2, -c, s)))


def sinc(x: Value) -> Value:
    small = jnp.abs(x) < 1e-9
    t = np.pi * jnp.where(small, 1.0, x)
    return jnp.where(small, 1.0, sinpi(jnp.where(small, 1.0, x)) / t)


# What depends on values in its shape, and what only compiled programs of NumPy's have.
def bincount(x: Value, weights: Value, *, minlength: int) -> Value:
    x = known("bincount", x)
    count = max(minlength, int(x.max(initial=-1)) + 1)
    return jnp.zeros(count, jnp.asarray(weights).dtype).at[x].add(weights)


def unique_places(x: Value) -> Value:
    return np.unique(known("unique", x), return_index=True)[1]


def nonzero(x: Value) -> Value:
    return tuple(np.nonzero(known("nonzero", x)))


def flatnonzero(x: Value) -> Value:
    return np.flatnonzero(known("flatnonzero", x))


def argwhere(x: Value) -> Value:
    return np.argwhere(known("argwhere", x))


def known(name: str, x: Value) -> Value:
    """The value as an array of NumPy's, where it does not depend on the arguments."""
    if isinstance(x, jax.core.Tracer):
        raise UnsupportedError(f"{name}: XLA needs a fixed shape, and here the values decide it")
    return np.asarray(x)


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
