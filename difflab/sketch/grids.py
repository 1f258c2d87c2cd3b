"""Sketches of one image: a plain grid, padding, and the way from an image to a vector."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import numpy as np

from ..errors import InputError
from ..palette import WIRE
from ..types import Array, Value
from .canvas import Canvas
from .checks import channels, count, numbers
from .colours import greys
from .drawing import Sketch
from .items import CELL, NUMBERS_UP_TO, WIDEST, Grid, Sign, brace, flow, outline
from .sliding import rows_of
from .words import NAME, NOTE, OPERATION, counted, times

MOST_NUMBERS = 16  # rows or columns
MOST_ENDS = 12  # of a long vector, at either end
Mode = Literal["constant", "edge", "reflect", "symmetric", "wrap"]
MODES: tuple[Mode, ...] = ("constant", "edge", "reflect", "symmetric", "wrap")


def grid(
    values: Value,
    name: str = "",
    *,
    window: Iterable[int] | None = None,
    show_numbers: bool | None = None,
    title: str | None = None,
) -> Sketch:
    """An array as a grid: a vector (numbers) as a row, a matrix or an image (rows, columns).

    Numbers are shown up to 12 rows and columns, greys beyond (`show_numbers` decides otherwise). `window` is a frame
    around some cells: (row, column, rows, columns).

    >>> grid([[1, -2], [0.5, 3]], "A", window=(0, 0, 2, 1))
    <sketch: A, 2 × 2>
    """
    x = numbers("grid", "values", values, (1, 2))
    name, label = "" if name is None else str(name), times(x.shape)
    x = x[None] if x.ndim == 1 else x
    if show_numbers and max(x.shape) > MOST_NUMBERS:
        raise InputError(
            f"grid: show_numbers=True for {label} cells; at most {MOST_NUMBERS} rows and columns have room for them"
        )
    canvas, made = Canvas(), Grid(x, name, label, numbers=show_numbers)
    flow(canvas, [made])
    if window is not None:
        outline(canvas, made.box(*inside("grid", window, x.shape)))
    return Sketch(canvas, title or (f"{name}, {label}" if name else f"A grid of {label}"), rows_of(x))


def inside(what: str, window: Iterable[int], shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    try:
        i, j, h, w = (count(what, "window", v, 0) for v in window)
    except (TypeError, ValueError):
        raise InputError(f"{what}: window={window!r}; give (row, column, rows, columns)") from None
    if not (h and w and i + h <= shape[0] and j + w <= shape[1]):
        raise InputError(f"{what}: window={window!r} does not lie in a grid of {times(shape)}")
    return i, j, h, w


def padded(image: Value, padding: int = 1, mode: Mode = "constant", *, title: str | None = None) -> Sketch:
    """An image (rows, columns) and what padding makes of it; the cells that were added are dashed.

    `mode` is one of `numpy.pad`'s: "constant" (zeros), "edge", "reflect", "symmetric" or "wrap".

    >>> padded([[1, 2], [3, 4]], 1)
    <sketch: A 2 × 2 image, padded with 1 ring of zeros to 4 × 4>
    """
    x = numbers("padded", "image", image, (2,))
    p = count("padded", "padding", padding, 1, 16)
    if mode not in MODES:
        raise InputError(f"padded: mode={mode!r}; it is one of {', '.join(MODES)}")
    if mode in ("reflect", "wrap", "symmetric") and p >= min(x.shape) + (mode != "reflect"):
        raise InputError(f"padded: padding={p} with mode={mode!r} needs an image larger than {times(x.shape)}")
    y = np.pad(x, p, mode=mode)
    faint = np.pad(np.zeros(x.shape, bool), p, constant_values=True)
    before, after = Grid(x, "image", times(x.shape)), Grid(y, "padded", times(y.shape), faint=faint)
    canvas = Canvas()
    flow(canvas, [before, Sign(f"padding {p}", mode if mode != "constant" else "zeros"), after])
    outline(canvas, after.box(p, p, *x.shape))
    filling = "zeros" if mode == "constant" else f"numbers ({mode})"
    told = f"A {times(x.shape)} image, padded with {p} ring{'s' * (p > 1)} of {filling} to {times(y.shape)}"
    return Sketch(canvas, title or told, rows_of(y))


def flatten(image: Value, *, title: str | None = None) -> Sketch:
    """An image (rows, columns) or (channels, rows, columns) and its vector: every cell keeps its grey and its number.

    Channel by channel, row by row, as NumPy's `ravel`. Of a long vector both ends are shown.

    >>> flatten([[1, 2], [3, 4]])
    <sketch: A 2 × 2 image as a vector of 4 numbers>
    """
    x = channels("flatten", "image", image)
    fills = greys(x)
    small = max(x.shape[1:]) <= NUMBERS_UP_TO
    per = x[0].size
    planes = [
        Grid(plane, f"channel {c}" if len(x) > 1 else "image", times(plane.shape), numbers=small,
             fills=fills[c * per : (c + 1) * per])
        for c, plane in enumerate(x)
    ]  # fmt: skip
    canvas = Canvas()
    flow(canvas, planes)
    left, y = canvas.left, canvas.bottom + 12
    start = planes[0].x + planes[0].inner / 2
    canvas.arrow([(start, y), (start, y + 34)])
    canvas.text(start + 12, y + 15, "row after row" + ", channel after channel" * (len(x) > 1), NOTE, "start", WIRE)
    vector(canvas, left, y + 42, x, fills, planes)
    shape = times(x.shape if len(x) > 1 else x.shape[1:])
    return Sketch(
        canvas, title or f"A {shape} image as a vector of {counted(x.size, 'number')}", rows_of(x.reshape(1, -1))
    )


def vector(canvas: Canvas, left: float, y: float, x: Array, fills: list[str], planes: list[Grid]) -> None:
    """The numbers in one row, both ends of it where it is long; braces below say which row of the image they were."""
    ends = np.concatenate([x.ravel()[:MOST_ENDS], x.ravel()[-MOST_ENDS:]])
    cell = Grid(ends[None], numbers=True).cell if not planes[0].written else max(p.cell for p in planes)
    fit = int((WIDEST - 3 * CELL) // cell)
    parts = [range(x.size)] if x.size <= fit else [range(fit // 2), range(x.size - fit // 2, x.size)]
    canvas.text(left, y + NAME / 2, f"vector of {counted(x.size, 'number')}", NAME, "start", bold=True)
    place, y = left, y + 1.5 * NAME
    for part in parts:
        if part.start:
            canvas.text(place + CELL, y + CELL / 2, "…", OPERATION)
            place += 2 * CELL
        row = Grid(x.ravel()[part.start : part.stop][None], numbers=True,
                   fills=fills[part.start : part.stop], cell=cell)  # fmt: skip
        row.draw(canvas, place, y)
        braces(canvas, row, part, x.shape)
        place += row.inner


def braces(canvas: Canvas, row: Grid, part: range, shape: tuple[int, ...]) -> None:
    """Which cells of the vector were one row of the image, and which one channel."""
    channels, rows, wide = shape
    levels = [(wide, "row", rows), (rows * wide, "channel", channels)]
    for level, (size, what, most) in enumerate(levels[: 1 + (channels > 1)]):
        y = row.y + row.body + 6 + 28 * level
        for k in range(part.start // size, (part.stop - 1) // size + 1):
            first, last = max(k * size, part.start), min((k + 1) * size, part.stop)
            x0, x1 = (row.x + (n - part.start) * row.cell for n in (first, last))
            brace(canvas, x0 + 3, x1 - 3, y, [f"{what} {k % most}", str(k % most)])
