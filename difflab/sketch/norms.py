"""Which numbers of a batch of images share a mean and a variance."""

from __future__ import annotations

import string
from collections.abc import Sequence

import numpy as np

from ..errors import InputError
from ..palette import BLOCK, CONSTANT, INPUT, MARK, OPERATION
from ..types import Array, Value
from .canvas import Canvas
from .checks import count
from .colours import NEGATIVE, POSITIVE
from .drawing import Sketch
from .items import Grid, brace, flow, outline
from .words import NOTE, counted, width

KINDS = {
    "batch": ("batch norm", "a letter: a channel of all images"),
    "layer": ("layer norm", "a letter: one image"),
    "instance": ("instance norm", "a letter: a channel of one image"),
}
CELL = 25.0
FILLS = (
    list(POSITIVE)[1],
    list(NEGATIVE)[1],
    BLOCK,
    MARK,
    list(NEGATIVE)[3],
    list(POSITIVE)[3],
    CONSTANT,
    OPERATION,
    INPUT,
)


def normalisations(
    batch: int = 3,
    channels: int = 3,
    positions: int = 3,
    kinds: str | Sequence[str] = tuple(KINDS),
    *,
    title: str | None = None,
) -> Sketch:
    """A batch of images, channels and positions (pixels), for each kind of norm: cells of one letter share their
    statistics.

    `kinds` are some of "batch", "layer", "instance".

    >>> normalisations(kinds=("batch", "layer"))
    <sketch: What shares a mean and a variance: batch norm 3 groups of 9, layer norm 3 groups of 9>
    """
    what = "normalisations"
    n, c, p = (
        count(what, "batch", batch, 1, 8),
        count(what, "channels", channels, 1, 8),
        count(what, "positions", positions, 1, 8),
    )
    names = [kinds] if isinstance(kinds, str) else list(kinds) if isinstance(kinds, list | tuple) else []
    wrong = [k for k in names if not isinstance(k, str) or k not in KINDS]
    if wrong or not names:
        raise InputError(f"{what}: kinds={kinds!r}; take some of {', '.join(KINDS)}")
    if n * c > 26 and "instance" in names:
        raise InputError(f"{what}: {n} images of {c} channels are {n * c} groups; there are 26 letters: take fewer")
    panels = [Panel(k, groups(k, n, c, p)) for k in names]
    canvas = Canvas()
    flow(canvas, panels)
    told = ", ".join(
        f"{KINDS[k.kind][0]} {counted(int(k.groups.max()) + 1, 'group')} of {(k.groups == 0).sum()}" for k in panels
    )
    return Sketch(
        canvas, title or f"What shares a mean and a variance: {told}", ". ".join(KINDS[k][1] for k in names) + "."
    )


def groups(kind: str, n: int, c: int, p: int) -> Value:
    """The number of the group of each entry, (batch, channels, positions)."""
    image, channel, _ = np.indices((n, c, p))
    return {"batch": channel, "layer": image, "instance": image * c + channel}[kind]


class Panel:
    """The batch as a table: a row for each image, the positions of a channel side by side."""

    kind: str
    groups: Array
    note: str
    top: float
    body: float

    def __init__(self, kind: str, found: Array) -> None:
        self.kind, self.groups = kind, found
        n, c, p = found.shape
        flat = found.reshape(n, c * p)
        letters = [string.ascii_uppercase[g] for g in flat.ravel()]
        fills = [FILLS[g % len(FILLS)] for g in flat.ravel()]
        name, self.note = KINDS[kind]
        self.grid: Grid = Grid(flat, name, numbers=True, texts=letters, fills=fills, cell=CELL)
        self.left: float = width("image 0", NOTE) + 6
        self.top, self.body = self.grid.top, self.grid.body
        self.height: float = self.grid.height + 46
        self.width: float = self.left + max(self.grid.width, width(self.note, NOTE))

    def draw(self, canvas: Canvas, x: float, y: float) -> None:
        n, c, p = self.groups.shape
        grid = self.grid
        grid.draw(canvas, x + self.left, y)
        for i in range(n):
            canvas.text(grid.x - 6, grid.middle(i, 0)[1], f"image {i}", NOTE, "end")
        for k in range(c):
            left, _, wide, _ = grid.box(0, k * p, 1, p)
            brace(canvas, left + 3, left + wide - 3, grid.y + grid.body + 6, [f"channel {k}", str(k)])
        canvas.text(grid.x, grid.y + grid.body + 40, self.note, NOTE, "start")
        rows, columns = np.nonzero((self.groups == 0).reshape(n, c * p))
        outline(canvas, grid.box(0, 0, rows.max() + 1, columns.max() + 1))
