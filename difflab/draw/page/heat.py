"""Small heat maps of arrays: a grid of levels that the script colours."""

from __future__ import annotations

import numpy as np

from ...types import Tree, Value
from ..text import number

ROWS, COLUMNS = 8, 12
LEVELS = 40  # to each side of zero
ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ!#$%()*+,-./:;=?@[]"
MISSING = " "


def heat(x: Value) -> dict[str, Tree] | None:
    """An array as at most ROWS rows of COLUMNS characters, with the size that the darkest colour means.

    Larger arrays are thinned out: every cell is one of their entries. Zero is the middle of the alphabet.
    None for what has no real entries.

    >>> heat(np.array([1.0, -1.0, 0.0]))["rows"]
    [']0E']
    """
    if isinstance(x, list | tuple):
        return None
    x = np.asarray(x)
    if x.size == 0 or x.ndim == 0 or x.dtype.kind not in "fbiu":
        return None
    grid = np.asarray(x, dtype=float).reshape(-1, x.shape[-1]) if x.ndim > 1 else np.asarray(x, dtype=float)[None]
    grid = thinned(thinned(grid, 0, ROWS), 1, COLUMNS)
    finite = np.abs(grid[np.isfinite(grid)])
    most = float(finite.max()) if finite.size else 0.0
    scaled = np.nan_to_num(grid / most if most else grid * 0.0, nan=2.0, posinf=1.0, neginf=-1.0)
    rows = ["".join(level(v) for v in row) for row in scaled]
    return {"rows": rows, "most": number(most), "whole": grid.size == x.size}


def level(v: float) -> str:
    return MISSING if v > 1 else ALPHABET[round(v * LEVELS) + LEVELS]


def thinned(grid: Value, axis: int, most: int) -> Value:
    n = grid.shape[axis]
    return grid if n <= most else np.take(grid, np.linspace(0, n - 1, most).round().astype(int), axis)
