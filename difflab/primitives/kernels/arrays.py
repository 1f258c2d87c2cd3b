"""NumPy code for the array rows that NumPy has no function for. Plain arrays in, plain arrays out."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import InputError, UnsupportedError
from ...types import Axis, Key, Shape, Value
from .structure import fill, is_basic


def average(x: Value, w: Value, *, axis: Axis, keepdims: Value) -> Value:
    x, w = np.broadcast_arrays(x, w)
    return np.average(x, axis, w, keepdims=keepdims)


# Shifted by the maximum, so that no exponential overflows; a shift by -inf or inf would give NaN.
def shift(x: Value, axis: Value) -> Value:
    if np.size(x) == 0:
        return np.zeros((), np.asarray(x).dtype)
    top = np.max(np.real(x), axis=axis, keepdims=True)
    return np.where(np.isfinite(top), top, np.zeros((), top.dtype))


def logsumexp(x: Value, b: Value = None, *, axis: Axis, keepdims: bool) -> Value:
    x = np.asarray(x)
    if b is not None:
        # A weight of 0 takes the element out, whatever its exponential is.
        x, b = np.broadcast_arrays(np.where(np.equal(b, 0), -np.inf, x).astype(x.dtype, copy=False), b)
    if b is None and x.dtype.kind == "f" and x.size:
        top = np.maximum.reduce(x, axis=axis, keepdims=True)
        if np.isfinite(top).all():  # then one term is 1, and nothing can overflow or vanish
            terms = np.exp(np.subtract(x, top))
            y = np.log(np.add.reduce(terms, axis=axis, keepdims=True)) + top
            return y if keepdims else np.squeeze(y, axis=axis)[()]
    top = shift(x, axis)
    terms = np.exp(np.subtract(x, top))
    total = np.add.reduce(terms if b is None else b * terms, axis=axis, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        y = np.log(total) + top
    return y if keepdims else np.squeeze(y, axis=axis)[()]


def softmax(x: Value, *, axis: Axis) -> Value:
    e = np.exp(x - shift(x, axis))
    return e / np.sum(e, axis=axis, keepdims=True)


def log_softmax(x: Value, *, axis: Axis) -> Value:
    x = x - shift(x, axis)
    with np.errstate(divide="ignore"):
        return x - np.log(np.sum(np.exp(x), axis=axis, keepdims=True))


def concatenate(*arrays: Value, axis: int) -> Value:
    return np.concatenate(arrays, axis=axis)


def stack(*arrays: Value, axis: int) -> Value:
    return np.stack(arrays, axis=axis)


def vstack(*arrays: Value) -> Value:
    return np.vstack(arrays)


def hstack(*arrays: Value) -> Value:
    return np.hstack(arrays)


def dstack(*arrays: Value) -> Value:
    return np.dstack(arrays)


def column_stack(*arrays: Value) -> Value:
    return np.column_stack(arrays)


def split(x: Value, *, bounds: Value, axis: int) -> Value:
    return tuple(np.split(x, bounds, axis=axis))


def broadcast_arrays(*arrays: Value) -> Value:
    try:
        return tuple(np.broadcast_arrays(*arrays))
    except RuntimeError as error:  # more than 32 axes, which other functions of NumPy refuse with a ValueError
        raise ValueError(str(error)) from None


def meshgrid(*arrays: Value, indexing: Value, sparse: bool) -> Value:
    return tuple(np.meshgrid(*arrays, indexing=indexing, sparse=sparse))


def gradient(f: Value, *spacing: Value, axis: Axis, edge_order: Value) -> Value:
    result = np.gradient(f, *spacing, axis=axis, edge_order=edge_order)
    return tuple(result) if isinstance(result, list | tuple) else result


def select(*operands: Value, n: int) -> Value:
    return np.select([np.asarray(c) for c in operands[:n]], operands[n : 2 * n], operands[2 * n])


def maximum_accumulate(x: Value, *, axis: int) -> Value:
    return np.maximum.accumulate(x, axis=axis)


def minimum_accumulate(x: Value, *, axis: int) -> Value:
    return np.minimum.accumulate(x, axis=axis)


def diff(x: Value, *, n: int, axis: int) -> Value:
    return np.diff(x, n=n, axis=axis)


def take(x: Value, indices: Value, *, axis: int, mode: Value) -> Value:
    return np.take(x, np.asarray(indices).astype(np.intp), axis=axis, mode=mode)


def bincount(x: Value, weights: Value, *, minlength: int) -> Value:
    """For weights of any kind; NumPy's own takes floats only."""
    x = np.asarray(x).astype(np.intp)
    total = np.zeros(max(minlength, x.max() + 1 if x.size else 0), np.asarray(weights).dtype)
    np.add.at(total, x, weights)
    return total


def unique_places(x: Value) -> Value:
    return np.unique(x, return_index=True)[1]


def nonzero(x: Value) -> Value:
    return tuple(np.nonzero(x))


def linspace(start: Value, stop: Value, *, num: int, endpoint: bool, axis: int) -> Value:
    return np.linspace(start, stop, num, endpoint=endpoint, axis=axis)


def quantile(x: Value, *, q: Value, axis: Axis, keepdims: bool, method: Value) -> Value:
    return np.quantile(x, q, axis=axis, keepdims=keepdims, method=method)


def insert(x: Value, values: Value, *, order: Value, axis: int) -> Value:
    return np.take(np.concatenate([x, values], axis=axis), order, axis=axis)


def last_writers(places: Value, *, size: int) -> Value:
    """Along the last axis; in front of it may stand the axes of a batch."""
    places = np.asarray(places).astype(np.intp)
    order = np.empty((*places.shape[:-1], size), np.intp)
    order[...] = np.arange(size)
    np.put_along_axis(order, places, size + np.arange(places.shape[-1]), axis=-1)
    return order


def set_at(x: Value, values: Value, *arrays: Value, index: Key) -> Value:
    y = np.array(x)
    try:
        y[fill(index, arrays)] = values
    except IndexError as error:
        raise no_place("set_at", y.shape, error) from None
    return y[()]


def add_at(x: Value, values: Value, *arrays: Value, index: Key) -> Value:
    y, index = np.array(x), fill(index, arrays)
    try:
        if is_basic(index):
            y[index] += values
        else:
            np.add.at(y, index, values)
    except IndexError as error:
        raise no_place("add_at", y.shape, error) from None
    return y[()]


def no_place(name: str, shape: Shape, error: IndexError) -> InputError:
    return InputError(f"{name}: an array of shape {shape} has no such place: {error}")


def interp(x: Value, xp: Value, fp: Value, *ends: Value, left: bool, right: bool) -> Value:
    return np.interp(x, xp, fp, left=ends[0] if left else None, right=ends[-1] if right else None)


def pad(x: Value, ends: Value = None, *, pad_width: Value, mode: Value) -> Value:
    if mode != "constant":
        return np.pad(x, pad_width, mode=mode) if pad_width else np.asarray(x)
    return np.pad(x, pad_width, constant_values=0 if ends is None else ends) if pad_width else np.asarray(x)


def unstack(x: Value, *, axis: int) -> Value:
    return tuple(np.moveaxis(x, axis, 0))


def places(x: Value, *, order: Value, axis: int) -> Value:
    return np.take(x, order, axis=axis)


def atleast_each(*arrays: Value, n: int) -> Value:
    return tuple(getattr(np, f"atleast_{n}d")(x) for x in arrays)


def fold(function: Value, x: Value, axis: Value, keepdims: bool) -> Value:
    """function(*elements) over the axes of an object array."""
    x = np.asarray(x, dtype=object)
    axis = tuple(range(x.ndim)) if axis is None else axis
    kept = [k for k in range(x.ndim) if k not in axis]
    rows = x.transpose(*kept, *axis).reshape(*(x.shape[k] for k in kept), -1)
    out = np.empty(rows.shape[:-1], dtype=object)
    for place in np.ndindex(out.shape):
        out[place] = function(*rows[place])
    return out.reshape([1 if k in axis else n for k, n in enumerate(x.shape)]) if keepdims else out[()]


def interval(xp: Value, x: Value) -> Value:
    xp, x = np.asarray(xp), np.asarray(x)
    if x.dtype == object or xp.dtype == object:
        place = np.greater_equal(x[..., None], xp).astype(bool).sum(-1)
    else:
        place = np.searchsorted(xp, x, side="right")
    return np.clip(place - 1, 0, xp.size - 2)


def no_elements(*operands: Value, **params: Any) -> Value:
    raise UnsupportedError("the operation is there for floating-point arrays only, not for exact or symbolic elements")


def unordered(*operands: Value, **params: Any) -> Value:
    raise UnsupportedError("the result depends on the order or the values of the elements, and symbols have none")
