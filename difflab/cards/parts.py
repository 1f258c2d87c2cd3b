"""What a card is made of. Parts are data: `as_html` and `as_text` write them, and cut what is too long.

Card("Run", "of 10 epochs", [Chart("loss", {"train": Series(epochs, losses)}), Table(...)])
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import unescape

import numpy as np

from ..glance import glance
from ..types import Array, Value

FIRST, LAST = 30, 5  # rows of a long table that are shown
COLUMNS, LONGEST = 14, 200  # columns of a table, letters of a cell
CODE_LINES, CODE_WIDTH = 150, 160
POINTS = 120  # of a curve; twice as many are drawn, the least and the greatest of each stretch


@dataclass(frozen=True)
class Words:
    """A paragraph. What wants attention (a kink, a failure) is marked, and says so in its words too."""

    text: str
    attention: bool = False


@dataclass(frozen=True)
class Table:
    """Rows of texts under heads (none for facts: a name and what it is). Columns of numbers stand to the right."""

    rows: Sequence[Sequence[str]]
    heads: Sequence[str] = ()
    title: str = ""

    def shown(self) -> list[list[str]]:
        """The rows without the middle of a long table, which a row of dots stands for; cells are cut."""
        rows = [[brief(cell) for cell in row[:COLUMNS]] for row in self.rows[:FIRST]]
        rest = len(self.rows) - FIRST
        if rest > LAST:
            rows.append([f"… {rest - LAST:,} more", *[""] * (len(rows[0]) - 1)])
        return rows + [
            [brief(cell) for cell in row[:COLUMNS]] for row in self.rows[max(FIRST, len(self.rows) - LAST) :]
        ]

    def without_empty(self) -> Table:
        """The table without columns in which nothing stands."""
        kept = [k for k in range(len(self.heads)) if k == 0 or any(row[k] for row in self.rows)]
        return Table([[row[k] for k in kept] for row in self.rows], [self.heads[k] for k in kept], self.title)

    def right(self) -> list[bool]:
        """Which columns hold numbers."""
        wide = max((len(row) for row in self.rows), default=len(self.heads))
        columns = [[row[k] for row in self.rows if k < len(row)] for k in range(min(wide, COLUMNS))]
        return [bool(c) and any(c) and all(numeric(x) for x in c if x) for c in columns]


@dataclass(frozen=True)
class Series:
    """A curve: y over x, both of any length; what is not finite is a gap, and counted."""

    x: Sequence[float] | Array
    y: Sequence[float] | Array

    def points(self) -> tuple[Array, Array]:
        """The finite points in the order of x, thinned to the least and the greatest of each stretch."""
        x, y = (np.asarray(v, float).ravel() for v in (self.x, self.y))
        n = min(x.size, y.size)
        x, y = x[:n], y[:n]
        kept = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
        if kept.size > 2 * POINTS:
            parts = np.array_split(kept, POINTS)
            kept = np.unique([k for part in parts for k in (part[y[part].argmin()], part[y[part].argmax()])])
        return x[kept], y[kept]

    def lost(self) -> int:
        """How many points are not finite."""
        y = np.asarray(self.y, float)
        return int(y.size - np.isfinite(y).sum())


@dataclass(frozen=True)
class Chart:
    """Curves over one axis, each with its name."""

    title: str
    series: Mapping[str, Series]
    x: str = ""
    log_x: bool = False
    log_y: bool = False


@dataclass(frozen=True)
class Picture:
    """A drawing that exists: its SVG, and what stands for it where it is not seen."""

    svg: str
    alt: str


@dataclass(frozen=True)
class Code:
    """Text whose lines and spaces count."""

    text: str

    def shown(self) -> str:
        lines = self.text.splitlines()
        more = [f"… {len(lines) - CODE_LINES:,} more lines"] if len(lines) > CODE_LINES else []
        return "\n".join(
            [clean(s if len(s) <= CODE_WIDTH else s[: CODE_WIDTH - 2] + " …") for s in lines[:CODE_LINES]] + more
        )


@dataclass(frozen=True)
class Fold:
    """Parts that open on request."""

    title: str
    parts: Sequence[Part]


@dataclass(frozen=True)
class Row:
    """Parts that stand side by side where there is room."""

    parts: Sequence[Part]


Part = Words | Table | Chart | Picture | Code | Fold | Row


@dataclass
class Card:
    """A result: what kind of thing, what of it in a line, and the parts."""

    kind: str
    about: str = ""
    parts: list[Part] = field(default_factory=list)

    def add(self, *parts: Part | None) -> Card:
        """The card with more parts; None is left out, as are tables and charts that are empty."""
        self.parts += [p for p in parts if p is not None and not empty(p)]
        return self


def drawn(kind: str, svg: str) -> Card:
    """A drawing that is finished, under its own title.

    >>> drawn("Sketch", "<svg><title>A window</title><desc>3 by 3</desc></svg>").about
    'A window'
    """
    told = [
        unescape(m[1]) if (m := re.search(f"<{tag}[^>]*>([^<]*)</{tag}>", svg)) else "" for tag in ("title", "desc")
    ]
    return Card(kind, told[0]).add(Picture(svg, ": ".join(t for t in told if t)))


def empty(part: Part) -> bool:
    if isinstance(part, Table):
        return not part.rows
    if isinstance(part, Chart):
        return not any(len(s.y) for s in part.series.values())
    return isinstance(part, Fold | Row) and all(map(empty, part.parts))


def clean(text: str) -> str:
    """The text without what no reader sees: control characters, directions, halves of surrogates.

    >>> clean("a\\u202eb\\x00")
    'a�b�'
    """
    return "".join(c if c.isprintable() else "�" for c in text)


def brief(text: str) -> str:
    """A text for a cell of a table: one line, of bounded length."""
    text = clean(" ".join(str(text)[: 4 * LONGEST].split()))
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def numeric(text: str) -> bool:
    """Whether a cell holds a number, perhaps with a unit."""
    first, _, unit = text.replace(",", "").partition(" ")
    if first in ("nan", "inf", "-inf"):
        return not unit
    try:
        float(first.rstrip("%"))
    except ValueError:
        return False
    return unit in ("", "s", "ms", "µs", "ns", "ulps", "B", "kB", "MB")


def figure(x: Value, digits: int = 6) -> str:
    """A number as a cell of a table: whole ones with their thousands apart, None as nothing.

    >>> figure(61706), figure(1 / 3), figure(None), figure(float("nan")), figure(True)
    ('61,706', '0.333333', '', 'nan', 'yes')
    """
    if x is None:
        return ""
    if isinstance(x, bool | np.bool_):
        return "yes" if x else "no"
    if isinstance(x, int | np.integer):
        return f"{int(x):,}"
    if isinstance(x, float | np.floating):
        return f"{float(x):.{digits}g}"
    return brief(glance(x))


def duration(seconds: float | None) -> str:
    """
    >>> duration(0.00123), duration(75.0), duration(None)
    ('1.23 ms', '75 s', '')
    """
    if seconds is None or not math.isfinite(seconds):
        return ""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def facts(pairs: Mapping[str, Value] | Iterable[tuple[str, Value]], title: str = "") -> Table:
    """A table of names and what they are; what is None, or an empty text, is left out."""
    every = pairs.items() if isinstance(pairs, Mapping) else pairs
    told = [(name, value if isinstance(value, str) else figure(value)) for name, value in every]
    return Table([(name, text) for name, text in told if text], title=title)


def arrays(values: Mapping[str, Value], title: str = "", head: str = "name") -> Table:
    """A row for each number or array: numbers as they are, arrays by shape, least, greatest and size. No dump."""
    rows = [array_row(str(name), x) for name, x in values.items()]
    heads = (head, "shape", "value", "least", "greatest", "norm", "not finite")
    return Table(rows, heads, title).without_empty()


def array_row(name: str, x: Value) -> list[str]:
    try:
        array = np.asarray(x)
        real = array.astype(float) if array.dtype.kind in "biuf" else None
    except (TypeError, ValueError):
        real = None
    if real is None:
        return [name, "", figure(x), "", "", "", ""]
    if real.ndim == 0:
        return [name, "", figure(array[()], 12), "", "", "", ""]
    shape = " x ".join(map(str, real.shape))
    good = real[np.isfinite(real)]
    bad = figure(int(real.size - good.size)) if good.size < real.size else ""
    some = f"[{', '.join(f'{v:.4g}' for v in real)}]" if real.ndim == 1 and 0 < real.size <= 6 else ""
    if not good.size:
        return [name, shape, some, "", "", "", bad]
    with np.errstate(over="ignore"):
        norm = float(np.sqrt(np.sum(good * good)))
    return [name, shape, some, f"{good.min():.4g}", f"{good.max():.4g}", f"{norm:.4g}", bad]
