"""A card as text for a terminal: tables whose columns line up and that are no wider than it."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence

import numpy as np

from .chart import MOST, course
from .parts import Card, Chart, Code, Fold, Part, Picture, Row, Series, Table, Words, brief, clean

USUAL, NARROWEST, COLUMN = 100, 30, 6
BARS, STEPS = "▁▂▃▄▅▆▇█", 24
GAP = "  "


def terminal_width(usual: int = USUAL) -> int:
    """Of the terminal, or what COLUMNS says; `usual` where the text goes elsewhere."""
    watched = sys.stdout is not None and sys.stdout.isatty()
    width = shutil.get_terminal_size((usual, 24)).columns if watched or "COLUMNS" in os.environ else usual
    return max(width, NARROWEST)


def as_text(card: Card, width: int | None = None) -> str:
    """
    >>> from difflab.cards.parts import facts
    >>> print(as_text(Card("Run", "of 2 epochs", [facts({"best epoch": 2, "stopped": "by hand"})])))
    Run of 2 epochs
      best epoch  2
      stopped     by hand
    """
    width = width or terminal_width()
    lines = textwrap.wrap(f"{brief(card.kind)} {brief(card.about)}".strip(), width)
    for k, part in enumerate(card.parts):
        lines += ["", *told(part, width)] if k else told(part, width)
    return "\n".join(lines)


def told(part: Part, width: int) -> Iterator[str]:
    match part:
        case Words(text):
            yield from textwrap.wrap(clean(text), width, initial_indent="  ", subsequent_indent="  ")
        case Table():
            yield from ["  " + brief(part.title)[: width - 2]] if part.title else []
            yield from table(part, width)
        case Chart(title):
            over = f" over {part.x}" if part.x else ""
            yield ("  " + clean(title + over))[:width]
            every = list(part.series.items())
            rows = [[brief(name), *([bars(s, part.log_y)] if unicode() else []), course(s)] for name, s in every[:MOST]]
            yield from table(Table(rows), width)
        case Code():
            yield from (line[: width - 4] and "    " + line[: width - 4] for line in part.shown().splitlines())
        case Row(parts):
            for k, inner in enumerate(parts):
                yield from [""] * (k > 0)
                yield from told(inner, width)
        case Fold(title, parts):
            if not all(isinstance(p, Code | Picture) for p in parts):
                yield ("  " + brief(title))[:width]
                for inner in parts:
                    yield from told(inner, width)
        case Picture(_, alt):
            yield from textwrap.wrap(
                f"(picture: {clean(alt)[:300]})", width, initial_indent="  ", subsequent_indent="  "
            )


def unicode() -> bool:
    """Whether standard output can say more than letters."""
    return str(getattr(sys.stdout, "encoding", None) or "utf-8").lower().startswith("utf")


def bars(series: Series, log: bool = False) -> str:
    """A curve as a row of bars.

    >>> bars(Series([1, 2, 3], [0.0, 1.0, 2.0]))
    '▁▄█'
    """
    _, y = series.points()
    y = np.log10(y[y > 0]) if log else y
    if not y.size:
        return ""
    y = np.array([part.mean() for part in np.array_split(y, min(STEPS, y.size))])
    low, high = float(y.min()), float(y.max())
    share = (y / 2 - low / 2) / (high / 2 - low / 2) if high > low else np.full(y.size, 0.0)
    return "".join(BARS[int(k)] for k in np.floor(share * (len(BARS) - 1e-9)))


def table(part: Table, width: int) -> Iterator[str]:
    """The rows, indented; where they are too wide the widest columns wrap."""
    rows = part.shown()
    right = part.right()
    heads = [brief(h) for h in part.heads[: len(right)]]
    every = ([heads] if heads else []) + rows
    columns = len(right)
    every = [[*row, *[""] * (columns - len(row))] for row in every]
    wide = fitting([max(len(row[k]) for row in every) for k in range(columns)], width - 2)
    for row in every:
        yield from line(row, wide, right, width)
        if row is every[0] and heads:
            yield "  " + GAP.join("-" * w for w in wide)[: width - 2]


def fitting(wide: list[int], room: int) -> list[int]:
    """The columns' widths, the widest narrowed until all of them fit."""
    wide = [max(w, 1) for w in wide]
    while sum(wide) + len(GAP) * (len(wide) - 1) > room and max(wide) > COLUMN:
        widest = max(range(len(wide)), key=lambda k: wide[k])
        wide[widest] -= 1
    return wide


def line(row: Sequence[str], wide: list[int], right: list[bool], width: int) -> Iterator[str]:
    cells = [textwrap.wrap(cell, w) or [""] for cell, w in zip(row, wide)]
    for k in range(max(map(len, cells))):
        parts = [c[k] if k < len(c) else "" for c in cells]
        told = GAP.join(p.rjust(w) if r else p.ljust(w) for p, w, r in zip(parts, wide, right))
        yield ("  " + told).rstrip()[:width]
