"""Small heat maps of arrays: a grid of levels that the script colours."""

from __future__ import annotations

from math import prod
from typing import NamedTuple

import numpy as np

from ...types import Shape, Tree, Value
from ..text import number

ROWS, COLUMNS = 8, 12
LEVELS = 40  # to each side of zero
ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ!#$%()*+,-./:;=?@[]"
MISSING = " "
MOST_COLUMNS, MOST_ROWS, FOLDED = 24, 24, 20  # of a map in a drawing; a longer row goes on below
NUMBER = (46, 20)  # points of a cell with its number in it


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


class Map(NamedTuple):
    """How the entries of an array lie in the drawing, in their order: columns, rows, and the size of a cell."""

    columns: int
    rows: int
    wide: int
    high: int

    @property
    def width(self) -> int:
        return self.columns * self.wide

    @property
    def height(self) -> int:
        return self.rows * self.high


def map_of(shape: Shape) -> Map:
    """The map of an array of this shape, which has entries.

    >>> map_of((2, 3)), map_of((6, 6))
    (Map(columns=3, rows=2, wide=46, high=20), Map(columns=6, rows=6, wide=16, high=16))
    """
    size, columns = prod(shape), shape[-1]
    if columns > MOST_COLUMNS:
        columns = FOLDED
    elif size > MOST_ROWS * columns:  # several rows of the array in one of the map
        columns *= -(-size // (MOST_ROWS * columns))
    rows = -(-size // columns)
    if columns <= 4 and rows <= 5:
        return Map(columns, rows, *NUMBER)
    side = min(16, max(7, 150 // max(rows, columns)))
    return Map(columns, rows, side, side)


def level(v: float) -> str:
    return MISSING if v > 1 else ALPHABET[round(v * LEVELS) + LEVELS]


def thinned(grid: Value, axis: int, most: int) -> Value:
    n = grid.shape[axis]
    return grid if n <= most else np.take(grid, np.linspace(0, n - 1, most).round().astype(int), axis)
