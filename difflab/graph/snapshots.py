"""Plain arrays as they are when they are recorded: NumPy's arrays may be written into again at any time."""

from __future__ import annotations

import numpy as np

from ..types import Array, Value

SMALL = 4096  # bytes: two copies of so few take less time than a look at how they lie in memory


def is_fixed(x: Value) -> bool:
    """Whether nobody can write into the array: neither here nor through what it is a view of."""
    while x.__class__ is np.ndarray:
        if x.flags.writeable:
            return False
        x = x.base
    return x is None or isinstance(x, bytes)


def copied(x: Value) -> Value:
    """A copy in the same order of memory; of what is repeated without memory of its own, one element."""
    if 0 in x.strides and x.size > 1:
        short = x[tuple([slice(0, 1) if step == 0 else slice(None) for step in x.strides])]
        return np.broadcast_to(short.copy(order="K"), x.shape)
    return x.copy(order="K")


def same_bytes(a: Array, b: Array) -> bool:
    """Whether two arrays hold the same elements, NaNs and signs of zeros too."""
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    if a.nbytes <= SMALL:
        return bool(a.tobytes() == b.tobytes())
    if a.flags.c_contiguous and b.flags.c_contiguous:
        return bool(a.reshape(-1).view(np.uint8).data == b.reshape(-1).view(np.uint8).data)
    return bool(a.tobytes() == b.tobytes())


def kept(x: Value) -> Value:
    """A value as it is now: a copy of an array that may be written into, anything else itself."""
    return copied(x) if x.__class__ is np.ndarray and not is_fixed(x) else x


def sealed(x: Value) -> Value:
    """A graph's own copy of an array, which nothing can write into."""
    copy = np.array(x)
    copy.flags.writeable = False
    return copy
