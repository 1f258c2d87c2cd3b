"""Memory that kernels use again: the first touch of each page of a large new array costs as much as work on it."""

from __future__ import annotations

import sys
import threading
from math import prod
from typing import Any

import numpy as np

from ...types import Value

KEPT = 1 << 26  # bytes that a thread keeps for each of the two purposes
SMALL = 1 << 16  # bytes under which a new array is cheap
_probe = [np.empty(0)]
UNHELD = sys.getrefcount(_probe[0])  # of an array that only a list holds


class Workspace(threading.local):
    """The arrays of one thread: those for work, and those that were handed out as results."""

    def __init__(self) -> None:
        self.kept: dict[Value, Value] = {}
        self.lent: list[Value] = []


_mine = Workspace()


def scratch(purpose: Value, shape: tuple[int, ...], dtype: Any) -> Value:
    """An array of this thread for one purpose: zeros at first, afterwards what its last user left there."""
    if dtype.hasobject:
        return np.zeros(shape, dtype)
    kept, key = _mine.kept, (purpose, shape, dtype)
    found = kept.pop(key, None)
    if found is None:
        found = np.zeros(shape, dtype)
        while kept and sum(a.nbytes for a in kept.values()) + found.nbytes > KEPT:
            del kept[next(iter(kept))]  # the one that was used longest ago
    if found.nbytes <= KEPT:
        kept[key] = found
    return found


def empty(shape: tuple[int, ...], dtype: Any) -> Value:
    """A new array, in the memory of one that was made here before and that nobody holds any longer."""
    size = prod(shape) * dtype.itemsize
    if size < SMALL or size > KEPT or dtype.hasobject:
        return np.empty(shape, dtype)
    lent = _mine.lent
    for k in range(len(lent)):
        if lent[k].nbytes == size and sys.getrefcount(lent[k]) == UNHELD:
            lent.append(lent.pop(k))
            return lent[-1].view(dtype).reshape(shape)
    lent.append(np.empty(size, np.uint8))
    while sum(a.nbytes for a in lent) > KEPT:
        del lent[0]  # its memory is freed when its last holder lets it go
    return lent[-1].view(dtype).reshape(shape)


def empty_like(x: Value, shape: tuple[int, ...], dtype: Any = None) -> Value:
    """A new array of another shape whose axes lie in memory in the order of x's."""
    order = sorted(range(x.ndim), key=lambda k: -abs(x.strides[k]))
    made = empty(tuple([shape[k] for k in order]), x.dtype if dtype is None else dtype)
    back = [0] * x.ndim
    for k, axis in enumerate(order):
        back[axis] = k
    return made.transpose(back)
