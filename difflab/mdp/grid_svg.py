"""A grid as SVG, before it is solved and after: rewards, or values and best actions; alt text and a dark theme."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..cards.parts import Card, drawn
from ..cards.shown import Carded
from ..draw.svg import FAMILY, SVG, style
from ..draw.text import number
from ..errors import DrawError, InputError
from ..files import write
from ..palette import BACKWARD, DEAD, FORWARD, INK, OPERATION, QUIET, WIRE
from ..types import FileName, Value
from .grid_rules import rewards_told, words
from .pictures import ARROW, TEXT_CELLS, grid_of
from .process import MDP, Solution
from .solution import solved
from .types import Flags, Floats

if TYPE_CHECKING:
    from .grids import Grid

CELL = 76.0
EDGE = 26.0  # for the numbers of rows and columns
KEY_WIDE = 320.0  # what the line below the map needs
DEEPEST = 0.42  # how opaque the largest value is; text on it keeps a contrast of 4.5 and more, light and dark
DIRECTIONS = {(-1, 0): "up", (0, 1): "right", (1, 0): "down", (0, -1): "left"}


class GridDrawing(Carded):
    """An SVG that Jupyter shows and `save` writes."""

    def __init__(self, svg: str, title: str) -> None:
        self.svg: str = svg
        self.title: str = title

    def _card_(self) -> Card:
        return drawn(type(self).__name__, self.svg)

    def _repr_svg_(self) -> str:
        return self.svg

    def save(self, path: FileName, force: bool = False) -> Path:
        """Writes the drawing (.svg); returns the path."""
        if Path(path).suffix.lower() != ".svg":
            raise DrawError(
                f"{Path(path).name!r}: this drawing is written as .svg; mdp.plot_solution writes .png and .pdf"
            )
        return write(path, self.svg, force)

    def __repr__(self) -> str:
        return f"<GridDrawing: {self.title}>"


@dataclass(frozen=True)
class Shown:
    """What stands in the cells: a text, how dark they are, their best actions, words; and what that is, in words."""

    texts: list[str]
    dark: Sequence[float]
    best: Flags | None
    words: Mapping[int, str]
    title: str
    key: str = ""


def draw_grid(thing: MDP | Solution, path: FileName | None = None, title: str = "", force: bool = False) -> Value:
    """A gridworld, or a map of gymnasium's, as SVG: rewards, ends, jumps and where it begins.

    Of a solution the value and all best actions of each cell; the darker a cell, the larger its value. Returns the
    drawing, or with a path (.svg) the path written. Raises InputError for a process that is no grid, and for one of
    more than 20 rows or columns.

    >>> from difflab import mdp
    >>> grid = mdp.gridworld((2, 2), terminals=[(1, 1)])
    >>> mdp.draw_grid(grid)
    <GridDrawing: Rewards on a grid of 2 x 2 cells>
    >>> mdp.draw_grid(grid.solve())
    <GridDrawing: Optimal values and best actions on a grid of 2 x 2 cells>
    """
    process = thing if isinstance(thing, MDP) else solved(thing, "draw_grid").process
    grid = grid_of(process)
    rows, columns = grid.shape
    if max(grid.shape) > TEXT_CELLS:
        raise InputError(f"draw_grid: a grid of {rows} x {columns} has no room for numbers; mdp.plot_solution draws it")
    shown = unsolved(process, grid) if isinstance(thing, MDP) else of_solution(thing, grid)
    told = title or f"{shown.title} on a grid of {rows} x {columns} cells"
    parts = [cell_svg(grid, c, shown) for c in range(rows * columns)]
    width, height = max(EDGE + columns * CELL + 4, KEY_WIDE if shown.key else 0), EDGE + rows * CELL + 4
    body = [*numbers_svg(grid), *parts, *barriers_svg(grid)]
    if shown.key:
        body.append(text_svg(EDGE, height + 16, shown.key, 12.5, fill=QUIET))
        height += 22
    svg = (
        f'<svg xmlns="{SVG}" width="{width:g}" height="{height:g}" viewBox="0 0 {width:g} {height:g}" role="img" '
        f'font-family="{FAMILY}">\n<title>{html.escape(told)}</title>\n'
        f"<desc>{html.escape(about(grid, shown))}</desc>\n<style>{style()}</style>\n" + "\n".join(body) + "\n</svg>\n"
    )
    made = GridDrawing(svg, told)
    return made if path is None else made.save(path, force)


def of_solution(solution: Solution, grid: Grid) -> Shown:
    values = grid.of_cells(solution.values)
    opacity = shade(grid, values)
    ends = dict.fromkeys(grid.terminals, "end")
    return Shown(
        [number(float(v)) for v in values],
        [opacity(float(v)) for v in values],
        grid.of_cells(solution.ties()),
        {**ends, **grid.words},
        "Optimal values and best actions",
    )


def unsolved(process: MDP, grid: Grid) -> Shown:
    texts, key = rewards_told(process, grid)
    return Shown(texts, [0.0] * len(texts), None, words(process, grid), "Rewards", key)


def shade(grid: Grid, values: Floats) -> Value:
    """The opacity of a value among those of the open cells."""
    found = values[grid.open_cells]
    low, high = float(found.min()), float(found.max())
    return lambda v: DEEPEST * (0.5 if high == low else (v - low) / (high - low))


def corner(grid: Grid, cell: int) -> tuple[float, float]:
    i, j = divmod(cell, grid.shape[1])
    return EDGE + j * CELL, EDGE + i * CELL


def cell_svg(grid: Grid, cell: int, shown: Shown) -> str:
    x, y = corner(grid, cell)
    wall, end = cell in grid.walls, cell in grid.terminals
    square = f'<rect x="{x:g}" y="{y:g}" width="{CELL:g}" height="{CELL:g}"'
    fill = DEAD if wall else FORWARD
    parts = [f'{square} fill="{OPERATION}" stroke="{WIRE}"/>']
    if wall or shown.best is not None:
        parts.append(f'{square} fill="{fill}" fill-opacity="{1 if wall else shown.dark[cell]:.3g}" stroke="{WIRE}"/>')
    if word := shown.words.get(cell, ""):
        down = 0.55 if wall or end or shown.best is None else 0.93
        parts.append(text_svg(x + CELL / 2, y + down * CELL, word, 12.5, "middle", bold=True))
    if not wall:
        text = shown.texts[cell]
        parts.append(text_svg(x + 6, y + 18, text, 15 if len(text) < 9 else 12))
    if end:
        inner = f'<rect x="{x + 3:g}" y="{y + 3:g}" width="{CELL - 6:g}" height="{CELL - 6:g}" fill="none"'
        parts.append(f'{inner} stroke="{BACKWARD}" stroke-width="2"/>')
    elif not wall and shown.best is not None:
        parts += arrows_svg(grid, shown.best[cell], x + CELL / 2, y + 0.5 * CELL)
    return "\n".join(parts)


def arrows_svg(grid: Grid, best: Flags, x: float, y: float) -> list[str]:
    """One arrow through the middle, or one from there for each action that is as good; a dot for one that stays."""
    taken = [grid.steps[a] for a in np.flatnonzero(best) if a < len(grid.steps)]
    parts = []
    for way in sorted({w for w in taken if w is not None}):
        dy, dx = way
        reach, tail = ARROW * CELL, ARROW * CELL * (len(taken) == 1)
        x0, y0, x1, y1 = x - dx * tail, y - dy * tail, x + dx * reach, y + dy * reach
        xb, yb = x1 - 8 * dx, y1 - 8 * dy  # the base of the head
        parts += [
            f'<path d="M{x0:g} {y0:g} L{xb:g} {yb:g}" stroke="{INK}" stroke-width="2.4" fill="none"/>',
            f'<polygon points="{x1:g},{y1:g} {xb + 4.5 * dy:g},{yb + 4.5 * dx:g} {xb - 4.5 * dy:g},{yb - 4.5 * dx:g}" '
            f'fill="{INK}"/>',
        ]
    return [*parts, f'<circle cx="{x:g}" cy="{y:g}" r="5" fill="{INK}"/>'] if None in taken else parts


def numbers_svg(grid: Grid) -> list[str]:
    """The numbers of rows and columns."""
    rows, columns = grid.shape
    across = [text_svg(EDGE + (j + 0.5) * CELL, 17, str(j), 12.5, "middle", WIRE) for j in range(columns)]
    return across + [text_svg(17, EDGE + (i + 0.5) * CELL + 5, str(i), 12.5, "end", WIRE) for i in range(rows)]


def barriers_svg(grid: Grid) -> list[str]:
    found = []
    for c, d in sorted(grid.barriers):
        x, y = corner(grid, d)
        right, down = (0.0, CELL) if c // grid.shape[1] == d // grid.shape[1] else (CELL, 0.0)
        found.append(f'<path d="M{x:g} {y:g} l{right:g} {down:g}" stroke="{INK}" stroke-width="5" fill="none"/>')
    return found


def text_svg(
    x: float, y: float, text: str, size: float, anchor: str = "start", fill: str = INK, bold: bool = False
) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="{size:g}" text-anchor="{anchor}" fill="{fill}"{weight}>'
        f"{html.escape(text)}</text>"
    )


def about(grid: Grid, shown: Shown) -> str:
    """The picture in words, row by row."""
    told = [f"{grid.title}." if grid.title else "", f"The numbers: {shown.key}." if shown.key else ""]
    for i in range(grid.shape[0]):
        cells = range(i * grid.shape[1], (i + 1) * grid.shape[1])
        told.append(f"Row {i}: {', '.join(cell_told(grid, c, shown) for c in cells)}.")
    return " ".join(filter(None, told))


def cell_told(grid: Grid, cell: int, shown: Shown) -> str:
    if cell in grid.walls:
        return shown.words.get(cell, "wall")
    if shown.best is None:
        return " ".join(filter(None, (shown.texts[cell], shown.words.get(cell, "")))) or "no reward"
    if cell in grid.terminals:
        return shown.words[cell]
    ways = [grid.steps[a] for a in np.flatnonzero(shown.best[cell]) if a < len(grid.steps)]
    names = dict.fromkeys("stay" if w is None else DIRECTIONS[w] for w in ways)
    return f"{shown.texts[cell]} {' or '.join(names)}"


__all__ = ["GridDrawing", "draw_grid"]
