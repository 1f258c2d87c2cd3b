"""Arrays and their places: casts, indices, the transposes of reading and of broadcasting."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...types import Key, Value

WRITTEN_OUT = 1024  # elements
BASIC = (slice, int, np.integer, np.bool_)


def sum_to(x: Value, *, shape: tuple[int, ...]) -> Value:
    """Sums the axes along which `shape` was broadcast to x.shape: the transpose of broadcasting."""
    x = np.asarray(x)
    if not shape:
        return np.add.reduce(x, axis=None)
    lead = x.ndim - len(shape)
    axes = tuple(range(lead)) + tuple(lead + i for i, n in enumerate(shape) if n == 1 and x.shape[lead + i] != 1)
    return np.add.reduce(x, axis=axes, keepdims=True).reshape(shape) if axes else x.reshape(shape)


def broadcast_to(x: Value, *, shape: tuple[int, ...]) -> Value:
    """np.broadcast_to; few elements are written out, in a quarter of the time that a view takes."""
    count = 1
    for n in shape:
        count *= n
    if count <= WRITTEN_OUT and isinstance(x, np.ndarray | np.generic) and x.ndim <= len(shape):
        out = np.empty(shape, x.dtype)
        try:
            out[...] = x
        except ValueError:
            return np.broadcast_to(x, shape)  # which says what does not fit
        return out
    return np.broadcast_to(x, shape)


def astype(x: Value, *, dtype: Any) -> Value:
    return np.asarray(x).astype(dtype)[()]


def astype_elements(x: Value, *, dtype: Any) -> Value:
    """Truth values as numbers, and as an integer a number that is one; symbols and enclosures stay what they are."""
    kind = np.dtype(dtype).kind
    if kind == "b":
        return x

    def one(e: Value) -> Value:
        if isinstance(e, bool | np.bool_) or (getattr(e, "is_Boolean", False) and e in (True, False)):
            return int(bool(e))
        return int(e) if kind in "iu" and (isinstance(e, float) or getattr(e, "is_number", False)) else e

    found = [one(e) for e in np.asarray(x, object).flat]
    if kind in "iu" and all(isinstance(e, int) for e in found):
        return np.array(found, dtype).reshape(np.shape(x))[()]
    out = np.empty(len(found), object)
    out[:] = found
    return out.reshape(np.shape(x))[()]


def pick(x: Value, *, index: int) -> Value:
    return x[index]


def constant(*, value: Value) -> Value:
    return value


def getitem(x: Value, *arrays: Value, index: Key) -> Value:
    """x[index], where each `Slot(i)` in the index stands for arrays[i]."""
    return np.asarray(x)[fill(index, arrays)]


def scatter(ct: Value, *arrays: Value, index: Key, shape: tuple[int, ...]) -> Value:
    """Adds ct into zeros of `shape` at `index`: the transpose of reading there."""
    ct = np.asarray(ct)
    index = fill(index, arrays)
    out = np.zeros(shape, ct.dtype)
    if is_basic(index):
        out[index] = ct
    else:
        np.add.at(out, index, ct)
    return out


class Slot(int):
    """The place of an index array that is an operand."""


def fill(index: Key, arrays: Value) -> Value:
    if not arrays:
        return index
    entries = index if isinstance(index, tuple) else (index,)
    return tuple(entry(arrays[e]) if isinstance(e, Slot) else e for e in entries)


def entry(x: Value) -> Value:
    x = np.asarray(x)
    return int(x) if x.ndim == 0 and x.dtype.kind in "iu" else x  # a single integer reads basically


def is_basic(index: Key) -> bool:
    """Whether the index reads no element twice: integers, slices, None and Ellipsis (or one boolean mask)."""
    for e in index if isinstance(index, tuple) else (index,):
        if isinstance(e, np.ndarray):
            if e.dtype.kind != "b":
                return False
        elif e is not None and e is not Ellipsis and not isinstance(e, BASIC):
            return False
    return True


def reciprocal(x: Value) -> Value:
    """1/x in floating point; np.reciprocal of the integer 2 is 0."""
    return np.divide(1.0, x)
