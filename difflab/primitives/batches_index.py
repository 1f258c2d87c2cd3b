"""Batching rules of reading and adding at an index."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..errors import UnsupportedError
from ..types import Key, Shape, Value
from .batches import length, lift, spread
from .kernels.structure import Slot
from .primitive import Carrier


class Place(NamedTuple):
    """An index into arrays with a batch axis, and the moves of axes that bring the batch of what it reads in front."""

    key: tuple[Value, ...]
    arrays: list[Value]
    moves: list[tuple[tuple[int, ...], tuple[int, ...]]]


def explicit(m: Carrier, index: Key, arrays: Value, lead: tuple[bool, ...], ndim: int) -> list[Value]:
    """The entries of an index with `...` written out and masks that are known as the places where they are true."""
    entries: list[Value] = []
    for e in index if isinstance(index, tuple) else (index,):
        if isinstance(e, bool | np.bool_) or (isinstance(e, np.ndarray) and e.dtype.kind == "b" and not e.ndim):
            raise UnsupportedError("an index of a single truth value")
        if isinstance(e, np.ndarray) and e.dtype.kind == "b":
            entries.extend(np.nonzero(e))
        else:
            entries.append(e)
    used = sum(consumed(m, e, arrays, lead) for e in entries if e is not None and e is not Ellipsis)
    whole = [slice(None)] * (ndim - used)
    if any(e is Ellipsis for e in entries):
        k = next(k for k, e in enumerate(entries) if e is Ellipsis)
        return entries[:k] + whole + entries[k + 1 :]
    return entries + whole


def consumed(m: Carrier, e: Value, arrays: Value, lead: tuple[bool, ...]) -> int:
    """How many axes an entry reads: a mask as many as it has."""
    if isinstance(e, Slot) and m.dtype(arrays[e]).kind == "b":
        if any(lead):
            raise UnsupportedError("a mask beside index arrays that differ in the batch")
        return m.ndim(arrays[e])
    return 1


def rank(m: Carrier, e: Value, arrays: Value, lead: tuple[bool, ...]) -> int:
    """How many axes an entry makes: a mask one, however many it reads."""
    if not isinstance(e, Slot):
        return np.ndim(e)
    return 1 if m.dtype(arrays[e]).kind == "b" else m.ndim(arrays[e]) - int(lead[e])


def place(m: Carrier, index: Key, arrays: Value, lead: tuple[bool, ...], ndim: int, whole: bool) -> Place:
    """The index for arrays with `ndim` axes behind the batch axis; with `whole` false the array read has no batch axis.

    NumPy puts the axes of index arrays where the first array stands if the arrays stand side by side, else in front.
    """
    entries = explicit(m, index, arrays, lead, ndim)
    numbers = [k for k, e in enumerate(entries) if e is not None and not isinstance(e, slice)]
    width = max([rank(m, entries[k], arrays, lead) for k in numbers], default=0)
    together = not numbers or numbers == list(range(numbers[0], numbers[-1] + 1))
    start = numbers[0] if numbers else 0
    if not any(lead):
        apart = width > 0 and not together
        return Place((slice(None), *entries), list(arrays), [((width,), (0,))] if apart else [])
    n = length(m, lead, arrays)
    arrays = [lift(m, x, width) if b else x for b, x in zip(lead, arrays)]
    moves = []
    if whole:
        entries = [np.arange(n).reshape((n,) + (1,) * width), *entries]
    elif together and start:  # the batch stands where the first array does
        moves.append((tuple(range(start, start + 1 + width)), tuple(range(1 + width))))
    if together and start and width:
        moves.append((tuple(range(1, 1 + width)), tuple(range(1 + start, 1 + start + width))))
    return Place(tuple(entries), arrays, moves)


def getitem(m: Carrier, row: Any, lead: tuple[bool, ...], x: Value, *arrays: Value, index: Key) -> Value:
    found = place(m, index, arrays, lead[1:], m.ndim(x) - lead[0], lead[0])
    y = m.getitem(x, *found.arrays, index=found.key)
    for source, destination in found.moves:
        y = m.moveaxis(y, source=source, destination=destination)
    return y


def scatter(m: Carrier, row: Any, lead: tuple[bool, ...], ct: Value, *arrays: Value, index: Key, shape: Shape) -> Value:
    n = length(m, lead, (ct, *arrays))
    found = place(m, index, arrays, lead[1:], len(shape), True)
    ct = spread(m, n, lead[0], ct)
    for source, destination in reversed(found.moves):
        ct = m.moveaxis(ct, source=destination, destination=source)
    return m.scatter(ct, *found.arrays, index=found.key, shape=(n, *shape))


def in_range(indices: Value, n: int, mode: str) -> Value:
    if mode == "wrap":
        return indices % n
    return indices if mode == "raise" else np.clip(indices, 0, n - 1)


def take(m: Carrier, row: Any, lead: tuple[bool, ...], x: Value, indices: Value, *, axis: int, mode: str) -> Value:
    if not lead[1]:
        return m.take(x, indices, axis=axis + 1, mode=mode)
    places = in_range(indices, m.shape(x)[axis + lead[0]], mode)
    return getitem(m, row, lead, x, places, index=(slice(None),) * axis + (Slot(0),))
