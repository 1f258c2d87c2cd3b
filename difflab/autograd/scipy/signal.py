"""Convolution along several axes, with the rest of the axes contracted or kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from ...errors import InputError, ShapeError
from ...types import Value

Pairs: TypeAlias = Sequence[Sequence[int]]


def convolve(A: Value, B: Value, axes: Pairs | None = None, dot_axes: Pairs = ((), ()), mode: str = "full") -> Value:
    """A convolved with B along `axes[0]` of A and `axes[1]` of B; `dot_axes` are multiplied and summed.

    The result has the other axes of A, then those of B, then the convolved ones. `mode` is "full", or "same" for the
    middle of that, as long as A, or "valid" where one array is the longer one along each of these axes.

    >>> convolve(np.array([1.0, 2.0, 3.0]), np.array([1.0, 1.0]))
    array([1., 3., 5., 3.])
    """
    if mode not in ("full", "same", "valid"):
        raise InputError(f"convolve: mode={mode!r}; it is 'full', 'same' or 'valid'")
    if axes is None:
        if np.ndim(A) != np.ndim(B):
            raise ShapeError(f"convolve: arrays of {np.ndim(A)} and {np.ndim(B)} axes: say along which, with axes=")
        axes = [range(np.ndim(A)), range(np.ndim(B))]
    along = [[k % np.ndim(x) for k in ks] for x, ks in zip((A, B), axes)]
    dotted = [[k % np.ndim(x) for k in ks] for x, ks in zip((A, B), dot_axes)]
    rest = [[k for k in range(np.ndim(x)) if k not in (*ks, *ds)] for x, ks, ds in zip((A, B), along, dotted)]
    long, short = [np.transpose(x, (*r, *d, *k)) for x, r, d, k in zip((A, B), rest, dotted, along)]
    n = len(along[0])
    sizes = [np.shape(x)[np.ndim(x) - n :] for x in (long, short)]
    swapped = mode == "valid" and any(a < b for a, b in zip(*sizes))
    if swapped:
        if any(a > b for a, b in zip(*sizes)):
            raise ShapeError(f"convolve: mode='valid' of lengths {sizes[0]} and {sizes[1]}: neither is the longer one")
        long, short, rest, sizes = short, long, rest[::-1], sizes[::-1]
    windows = _windows(long, sizes[1], mode)
    flipped = np.flip(short, tuple(range(np.ndim(short) - n, np.ndim(short))))
    kept, dots = [len(r) for r in rest], len(dotted[0])
    first = list(range(kept[0], kept[0] + dots)) + [kept[0] + dots + 2 * j + 1 for j in range(n)]
    second = list(range(kept[1], kept[1] + dots + n))
    result = np.tensordot(windows, flipped, (first, second))  # axes: of the long one, convolved, of the short one
    order = [range(kept[0]), range(kept[0] + n, kept[0] + n + kept[1]), range(kept[0], kept[0] + n)]
    if swapped:
        order[:2] = order[1::-1]
    return np.transpose(result, [k for part in order for k in part])


def _windows(x: Value, lengths: Sequence[int], mode: str) -> Value:
    """x with each of its last axes replaced by two: the place of a window, and the place in it."""
    n = len(lengths)
    before = np.ndim(x) - n
    if mode != "valid":
        margins = [(k - 1, k - 1) if mode == "full" else (k // 2, (k - 1) // 2) for k in lengths]
        x = np.pad(x, [(0, 0)] * before + margins)
    for j, k in enumerate(lengths):
        axis = before + 2 * j
        places = np.arange(np.shape(x)[axis] - k + 1)[:, None] + np.arange(k)
        x = np.take(x, places, axis=axis)
    return x
