"""Rows on JAX's arrays, where JAX has no function of that name, or one that takes its arguments otherwise.

A row's function here has its name; the carrier of JAX's arrays looks here first.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import UnsupportedError
from ...late import Late
from ...types import Axis as Axes, Key, Shape, Value
from .structure import Slot

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
    dtype = jax.dtypes.canonicalize_dtype(dtype)
    return chosen(x, dtype) if x.dtype.kind == "b" and dtype.kind in "fc" else lax.convert_element_type(x, dtype)


def chosen(x: Value, dtype: Any) -> Value:
    """Truth values as 1 and 0, by a choice: a conversion times y XLA takes for a choice of y, without 0 times NaN."""
    return jnp.where(x, jnp.ones((), dtype), jnp.zeros((), dtype))


def numbers(x: Value, y: Value) -> tuple[Value, Value]:
    """The operands with their truth values as real numbers, where they meet such or are divided."""
    dtype = jnp.result_type(x, y)
    dtype = dtype if dtype.kind in "fc" else jax.dtypes.canonicalize_dtype(float)
    first, second = [chosen(v, dtype) if hasattr(v, "dtype") and v.dtype.kind == "b" else v for v in (x, y)]
    return first, second


def multiply(x: Value, y: Value) -> Value:
    return jnp.multiply(*(numbers(x, y) if jnp.result_type(x, y).kind in "fc" else (x, y)))


def divide(x: Value, y: Value) -> Value:
    return jnp.divide(*numbers(x, y))


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


def set_at(x: Value, values: Value, *arrays: Value, index: Key) -> Value:
    return jnp.asarray(x).at[filled(index, arrays)].set(values)


def add_at(x: Value, values: Value, *arrays: Value, index: Key) -> Value:
    return jnp.asarray(x).at[filled(index, arrays)].add(values)


def last_writers(places: Value, *, size: int) -> Value:
    places = jnp.asarray(places)
    lead, k = places.shape[:-1], places.shape[-1]
    rows = jnp.arange(int(np.prod(lead)))[:, None]
    order = jnp.broadcast_to(jnp.arange(size), (rows.size, size))
    return order.at[rows, places.reshape(rows.size, k)].set(size + jnp.arange(k)).reshape(*lead, size)


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
    if n < 2:
        return jnp.ones_like(a)  # the determinant of no rows is one
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


# Networks.
def class_labels(labels: Value, *, what: str, count: int, ignore_index: Value) -> Value:
    """The labels, with 0 in place of those that are ignored; nothing can be refused inside a compiled program."""
    return labels if ignore_index is None else jnp.where(jnp.equal(labels, ignore_index), 0, labels)


def without_ignored(x: Value, labels: Value, *, ignore_index: int) -> Value:
    return jnp.where(jnp.equal(labels, ignore_index), jnp.zeros((), jnp.asarray(x).dtype), x)


# Statistics.
def mean(x: Value, *, axis: Axes, keepdims: bool) -> Value:
    x = jnp.asarray(x)
    return jnp.mean(astype(x, dtype=float) if x.dtype.kind in "biu" else x, axis=axis, keepdims=keepdims)


# Sums of exponentials: with the largest taken out.
def logsumexp(x: Value, b: Value = None, *, axis: Axes, keepdims: bool) -> Value:
    return jax.scipy.special.logsumexp(jnp.asarray(x), axis=axis, b=b, keepdims=keepdims)


def softmax(x: Value, *, axis: Axes) -> Value:
    return jax.nn.softmax(jnp.asarray(x), axis=axis)


def log_softmax(x: Value, *, axis: Axes) -> Value:
    return jax.nn.log_softmax(jnp.asarray(x), axis=axis)


# What depends on values in its shape.
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
