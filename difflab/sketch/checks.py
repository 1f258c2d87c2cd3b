"""What sketches are given, checked: arrays of real numbers of a size that can be drawn, and counts."""

from __future__ import annotations

import numpy as np

from ..errors import DtypeError, InputError, ShapeError
from ..types import Array, Value

MOST_PIXELS = 96  # rows or columns
MOST_CHANNELS = 4


def numbers(what: str, name: str, value: Value, axes: tuple[int, ...], most: int = MOST_PIXELS) -> Array:
    """The value as an array of floats with one of these numbers of axes."""
    try:
        found = np.asarray(value)
    except ValueError:
        raise ShapeError(f"{what}: {name} has rows of different lengths; give an array") from None
    if found.dtype.kind not in "fbiu":
        raise DtypeError(f"{what}: {name} has dtype {found.dtype}; give an array of real numbers")
    if found.ndim not in axes:
        wanted = " or ".join({1: "(numbers)", 2: "(rows, columns)", 3: "(channels, rows, columns)"}[n] for n in axes)
        raise ShapeError(f"{what}: {name} has shape {found.shape}; it is {wanted}")
    if found.size == 0:
        raise ShapeError(f"{what}: {name} has shape {found.shape} and is empty; there is nothing to draw")
    if max(found.shape[-2:]) > most:
        raise ShapeError(f"{what}: {name} has shape {found.shape}; at most {most} rows and columns can be told apart")
    return found.astype(float)


def channels(what: str, name: str, value: Value, most: int = MOST_CHANNELS) -> Array:
    """An image as (channels, rows, columns)."""
    found = numbers(what, name, value, (2, 3))
    found = found[None] if found.ndim == 2 else found
    if len(found) > most:
        raise ShapeError(
            f"{what}: {name} has {len(found)} channels; at most {most} are drawn with their numbers: take some, "
            f"{name}[:{most}], or draw the sizes with sketch.volumes"
        )
    return found


def count(what: str, name: str, value: object, least: int = 1, most: int = 10**9) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not least <= value <= most:
        raise InputError(f"{what}: {name}={value!r}; give a whole number from {least} to {most:,}")
    return int(value)


def pair(what: str, name: str, value: object, least: int, most: int = MOST_PIXELS) -> tuple[int, int]:
    """One number for both axes, or one for each."""
    found = value if isinstance(value, tuple | list) else (value, value)
    if len(found) != 2:
        raise InputError(f"{what}: {name}={value!r}; give one number, or two: rows and columns")
    rows, columns = (count(what, name, v, least, most) for v in found)
    return rows, columns


def position(what: str, at: object, shape: tuple[int, int]) -> tuple[int, int]:
    """An entry of the output."""
    i, j = pair(what, "at", at, 0) if isinstance(at, tuple | list) else (-1, -1)
    if not (0 <= i < shape[0] and 0 <= j < shape[1]):
        rows, columns = shape
        raise InputError(
            f"{what}: at={at!r} is no place of the output, which has {rows} x {columns} numbers; "
            f"the last is ({rows - 1}, {columns - 1})"
        )
    return i, j
