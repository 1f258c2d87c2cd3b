"""What convolution and pooling share: the positions of a window, its frame, and the sentence of each position."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..draw.text import number
from ..errors import InputError
from ..types import Array, Value
from .canvas import Canvas, Point
from .items import WIDEST, Grid, outline, paragraph
from .motion import Motion
from .words import NAME, joined, times, wrapped

MOST_FRAMES = 64
MOST_TERMS = 27
Place = tuple[int, int]


def frames_of(what: str, y: Array, at: Place, animate: bool) -> list[Place]:
    """The positions that the drawing goes through: the one asked for, or all."""
    if not animate:
        return [at]
    if y.size > MOST_FRAMES:
        raise InputError(
            f"{what}: animate=True shows at most {MOST_FRAMES} positions, here are {y.size:,}; "
            "take a smaller image, a larger stride, or animate=False"
        )
    return list(np.ndindex(y.shape))


def slide(
    canvas: Canvas, motion: Motion, grid: Grid, corners: Sequence[Place], size: Place, still: int, dash: str = ""
) -> None:
    """The frame around the window: at its place in the still picture, going from place to place where it moves."""
    boxes = [grid.box(i, j, *size) for i, j in corners]
    places: list[Point] = [(x, y) for x, y, _, _ in boxes]
    name = motion.slides(places, still) if len(corners) > 1 else ""
    outline(canvas, boxes[still], dash=dash, name=name)


def spoken(canvas: Canvas, sentences: Sequence[Sequence[str]], seen: Sequence[str], still: int) -> None:
    """The sentence of each position below the drawing."""
    x, y = canvas.left, canvas.bottom + 12
    room = max(canvas.right - canvas.left, min(WIDEST, 480.0))
    for n, lines in enumerate(sentences):
        with canvas.group(seen[n], hidden=n != still):
            paragraph(canvas, x, y, [part for line in lines for part in wrapped(glued(line), NAME, room)])


def glued(line: str) -> str:
    """The sentence with its last sign of equality tied to what follows, so that no line begins with a lone number."""
    for sign in " = ", " ≈ ":
        line = line.replace(sign, sign[:2] + joined(sign[2]))
    return line


def is_exact(v: float) -> bool:
    """Whether the short text of a number is the number."""
    return not np.isfinite(v) or float(number(v)) == v


def shortened(terms: list[str]) -> list[str]:
    return terms if len(terms) <= MOST_TERMS else [*terms[:4], "…", terms[-1]]


def describe(images: Sequence[Grid], output: Grid) -> str:
    parts = [f"{g.name}: {rows_of(g.values)}" for g in images]
    return ". ".join([*parts, f"output: {rows_of(output.values)}"]) + "."


def rows_of(values: Value) -> str:
    """An array in words, if it is small."""
    if values.size > 100:
        return f"{times(values.shape)} numbers"
    return " / ".join(", ".join(number(float(v)) for v in row) for row in values)


def found_at(y: Array, at: Place) -> str:
    """The entry of the output in words."""
    return f"{number(float(y[at]))} at ({at[0]}, {at[1]})"
