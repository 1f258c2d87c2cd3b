"""The parts that sketches are laid out from: grids of numbers, words and arrows, side by side and wrapped like text."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Protocol

import numpy as np

from ..palette import CONSTANT, INK, WIRE
from ..types import Array, Value
from .canvas import Canvas, Point
from .colours import greys, ink_on, tints
from .words import NAME, NOTE, NUMBER, fitted, width

WIDEST = 900.0  # of a drawing, if it can be wrapped: the column of a page
CELL, SMALL_CELL, ROOM = (
    34.0,
    26.0,
    62.0,
)  # of a cell with a number: its least width, that in large grids, the most text
NUMBERS_UP_TO = 12  # rows and columns that show their numbers
PIXELS = 200.0  # the longer side of a grid without numbers
LINE = 1.5  # lines of text are this many sizes apart
SPACE = 18.0
SEAM = 0.25


class Item(Protocol):
    """Something with a size that can be drawn at a place."""

    @property
    def width(self) -> float: ...

    @property
    def height(self) -> float: ...

    @property
    def top(self) -> float:
        """How far its body lies below its upper edge; bodies stand in line."""

    @property
    def body(self) -> float:
        """The height of the body."""

    def draw(self, canvas: Canvas, x: float, y: float) -> None: ...


class Grid:
    """An array (rows, columns) as cells, with a name above and a note below.

    Numbers stand in the cells where they fit (`numbers` None), pixels are shown as greys otherwise. `faint` marks cells
    that are not the array's own, such as padding; `spill` keeps rows and columns free behind the last ones.
    """

    rows: int
    columns: int
    name: str
    note: str
    faint: Array | None
    texts: list[str]
    size: float
    top: float
    body: float
    x: float
    y: float

    def __init__(
        self,
        values: Value,
        name: str = "",
        note: str = "",
        *,
        numbers: bool | None = None,
        texts: Sequence[str] | None = None,
        fills: Sequence[str] | None = None,
        faint: Value = None,
        cell: float | None = None,
        span: tuple[float, float] | None = None,
        most: float | None = None,
        spill: tuple[int, int] = (0, 0),
    ) -> None:
        self.values: Array = np.asarray(values, float)
        self.rows, self.columns = self.values.shape
        self.name, self.note, self.faint = name, note, faint
        self.written: bool = (max(self.rows, self.columns) <= NUMBERS_UP_TO) if numbers is None else numbers
        self.texts, self.size = self.written_numbers(texts, ROOM if cell is None else cell - 6)
        if fills is None:
            fills = tints(self.values, most) if self.written else greys(self.values, span)
        self.fills: list[str] = list(fills)
        self.cell: float = cell or self.cell_width()
        self.cell_height: float = max(min(self.cell, CELL), 0.6 * self.cell) if self.written else self.cell
        self.head: float = NAME * LINE if name else 0.0
        self.spill: float = spill[0] * self.cell_height
        self.foot: float = self.spill + (NOTE * LINE if note else 0.0)
        self.inner: float = self.columns * self.cell
        self.outer: float = self.inner + spill[1] * self.cell
        self.width: float = max(self.outer, width(name, NAME, bold=True), width(note, NOTE))
        self.top, self.body = self.head, self.rows * self.cell_height
        self.height: float = self.head + self.body + self.foot
        self.x = self.y = 0.0

    def written_numbers(self, texts: Sequence[str] | None, room: float) -> tuple[list[str], float]:
        if not self.written:
            return [], NUMBER
        if texts is None:
            return fitted(self.values.ravel().tolist(), room)
        sizes = (NUMBER, NAME, NOTE)
        fits = [s for s in sizes if max(width(t, s) for t in texts) <= room]
        return list(texts), fits[0] if fits else NOTE

    def cell_width(self) -> float:
        if not self.written:
            return min(max(PIXELS / max(self.rows, self.columns), 2.0), 24.0)
        large = max(self.rows, self.columns) > 8
        self.size = min(self.size, NAME - 1) if large else self.size
        least = SMALL_CELL if large else CELL
        return max([least, *(width(t, self.size) + 8 for t in self.texts)])

    def box(self, i: float, j: float, rows: float = 1, columns: float = 1) -> tuple[float, float, float, float]:
        """Where some cells lie once the grid is drawn: x, y, width and height."""
        return (
            self.x + j * self.cell,
            self.y + i * self.cell_height,
            columns * self.cell,
            rows * self.cell_height,
        )

    def middle(self, i: float, j: float) -> Point:
        x, y, w, h = self.box(i, j)
        return x + w / 2, y + h / 2

    def draw(self, canvas: Canvas, x: float, y: float) -> None:
        self.x, self.y = x + (self.width - self.outer) / 2, y + self.head
        middle = x + self.width / 2
        canvas.text(middle, y + NAME * 0.6, self.name, NAME, bold=True)
        canvas.reach(self.x, self.y)
        canvas.reach(self.x + self.inner, self.y + self.body)
        self.draw_fills(canvas)
        if self.written:
            self.draw_numbers(canvas)
        canvas.text(middle, self.y + self.body + self.spill + NOTE * 0.9, self.note, NOTE, tone=WIRE)

    def draw_fills(self, canvas: Canvas) -> None:
        """One path for all cells of a colour."""
        if not self.written:
            return self.draw_pixels(canvas)
        cells: dict[str, list[str]] = {}
        for k, fill in enumerate(self.fills):
            x, y, w, h = self.box(*divmod(k, self.columns))
            cells.setdefault(fill, []).append(f"M{short(x)} {short(y)}h{short(w)}v{short(h)}h{short(-w)}Z")
        for fill, parts in cells.items():
            canvas.path("".join(parts), fill, WIRE)
        return None

    def draw_pixels(self, canvas: Canvas) -> None:
        """Neighbours of one grey in a row are one thick line; a little too long and thick, so that no seams show."""
        lines: dict[str, list[str]] = {}
        for i in range(self.rows):
            x, y, _, high = self.box(i, 0)
            place = 0
            for fill, run in groupby(self.fills[i * self.columns : (i + 1) * self.columns]):
                n = len(list(run))
                d = f"M{short(x + place * self.cell)} {short(y + high / 2)}h{short(n * self.cell + SEAM)}"
                lines.setdefault(fill, []).append(d)
                place += n
        for fill, parts in lines.items():
            canvas.path("".join(parts), stroke=fill, thick=self.cell_height + SEAM)
        self.cross_out(canvas)
        canvas.box(self.x, self.y, self.inner, self.body, stroke=WIRE)

    def cross_out(self, canvas: Canvas) -> None:
        """A cross over each pixel that is no number."""
        lines = []
        for i, j in np.argwhere(np.isnan(self.values)):
            x, y, w, h = self.box(int(i), int(j))
            lines.append(
                f"M{short(x)} {short(y)}l{short(w)} {short(h)}M{short(x + w)} {short(y)}l{short(-w)} {short(h)}"
            )
        if lines:
            canvas.path("".join(lines), stroke=INK)

    def draw_numbers(self, canvas: Canvas) -> None:
        for k, text in enumerate(self.texts):
            i, j = divmod(k, self.columns)
            x, y = self.middle(i, j)
            pale = self.faint is not None and self.faint[i, j]
            fill = CONSTANT if pale else self.fills[k]
            if pale:
                canvas.box(*self.box(i, j), fill=CONSTANT, stroke=WIRE, dash="3 3")
            canvas.text(x, y, text, self.size, tone=ink_on(fill))


def short(x: float) -> str:
    return f"{x:.1f}".rstrip("0").rstrip(".")


class Column:
    """Items one below the other, such as the channels of an image."""

    items: list[Item]
    gap: float
    top: float
    body: float

    def __init__(self, items: Sequence[Item], gap: float = 10.0) -> None:
        self.items, self.gap = list(items), gap
        self.width: float = max(i.width for i in items)
        self.height: float = sum(i.height for i in items) + gap * (len(items) - 1)
        self.top, self.body = 0.0, self.height
        if len(self.items) == 1:
            self.top, self.body = items[0].top, items[0].body

    def draw(self, canvas: Canvas, x: float, y: float) -> None:
        for item in self.items:
            item.draw(canvas, x + (self.width - item.width) / 2, y)
            y += item.height + self.gap


class Row:
    """Items side by side as one, such as a kernel and the map that it makes."""

    items: list[Item]
    gap: float

    def __init__(self, items: Sequence[Item], gap: float = 8.0) -> None:
        self.items, self.gap = list(items), gap
        self.width: float = sum(i.width for i in items) + gap * (len(items) - 1)
        middle = max(i.top + i.body / 2 for i in items)
        self.body: float = max(i.body for i in items)
        self.top: float = middle - self.body / 2
        self.height: float = max(middle - i.top - i.body / 2 + i.height for i in items)

    def draw(self, canvas: Canvas, x: float, y: float) -> None:
        for item in self.items:
            item.draw(canvas, x, y + self.top + self.body / 2 - item.top - item.body / 2)
            x += item.width + self.gap


class Sign:
    """A sign of arithmetic between two items, or with `arrow` an arrow with words above and below it."""

    above: str
    below: str
    arrow: bool
    size: float
    height: float
    body: float

    def __init__(self, above: str = "", below: str = "", *, arrow: bool = True, size: float = NAME) -> None:
        self.above, self.below, self.arrow, self.size = above, below, arrow, size
        self.width: float = max(width(above, size), width(below, NOTE), 26.0) + 8
        self.height = self.body = 3 * NAME
        self.top: float = 0.0

    def draw(self, canvas: Canvas, x: float, y: float) -> None:
        middle, line = x + self.width / 2, y + self.body / 2
        if not self.arrow:
            return canvas.text(middle, line, self.above, self.size)
        canvas.arrow([(x + 2, line), (x + self.width - 2, line)])
        canvas.text(middle, line - self.size * 0.9, self.above, self.size)
        canvas.text(middle, line + NOTE * 1.1, self.below, NOTE, tone=WIRE)
        return None


def flow(
    canvas: Canvas,
    items: Sequence[Item],
    x: float = 0.0,
    y: float = 0.0,
    widest: float = WIDEST,
    space: float = SPACE,
) -> float:
    """Draws items from left to right with their bodies in line, and goes on below where a line is full.

    Returns the lower edge.
    """
    lines: list[list[Item]] = [[]]
    for item in items:
        line = lines[-1]
        if line and sum(i.width + space for i in line) + item.width > widest:
            lines.append([])
        lines[-1].append(item)
    for line in lines:
        middle = y + max(i.top + i.body / 2 for i in line)
        place = x
        lower = y
        for item in line:
            upper = middle - item.top - item.body / 2
            item.draw(canvas, place, upper)
            place += item.width + space
            lower = max(lower, upper + item.height)
        y = lower + SPACE
    return y - SPACE


def paragraph(canvas: Canvas, x: float, y: float, lines: Sequence[str], size: float = NAME, tone: str = INK) -> float:
    """Lines of text from (x, y) down; returns the lower edge."""
    for line in lines:
        canvas.text(x, y + size * LINE / 2, line, size, anchor="start", tone=tone)
        y += size * LINE
    return y


def outline(
    canvas: Canvas, box: tuple[float, float, float, float], thick: float = 3.0, dash: str = "", name: str = ""
) -> None:
    """The heavy frame of what is being looked at."""
    canvas.box(*box, stroke=INK, thick=thick, dash=dash, name=name)


def brace(canvas: Canvas, x0: float, x1: float, y: float, words: Sequence[str]) -> None:
    """A brace below what lies between x0 and x1, with the first of the words that fits."""
    canvas.shape([(x0, y), (x0, y + 5), (x1, y + 5), (x1, y)], stroke=INK, thick=1.6, closed=False)
    fits = [w for w in words if width(w, NOTE) <= x1 - x0 + 4]
    canvas.text((x0 + x1) / 2, y + 8 + NOTE * 0.7, fits[0] if fits else "", NOTE)


class Frames:
    """Items of one size at one place; the one of the still picture is seen, the others when their time comes."""

    items: Sequence[Item]
    classes: Sequence[str]
    still: int
    width: float
    height: float
    top: float
    body: float

    def __init__(self, items: Sequence[Item], classes: Sequence[str], still: int) -> None:
        self.items, self.classes, self.still = items, classes, still
        self.width, self.height = max(i.width for i in items), max(i.height for i in items)
        self.top, self.body = items[still].top, items[still].body

    def draw(self, canvas: Canvas, x: float, y: float) -> None:
        for k, (item, name) in enumerate(zip(self.items, self.classes)):
            with canvas.group(name, hidden=k != self.still):
                item.draw(canvas, x + (self.width - item.width) / 2, y)
