"""Curves as a small SVG whose text keeps its size: colours are the card's, dashes tell curves apart without them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape

import numpy as np

from ..types import Array
from .parts import Chart, Series, clean

WIDE, HIGH = 330, 190
LEFT, RIGHT, TOP, FOOT = 54, 10, 10, 34
DASHES = ("", "7 4", "2 3", "9 3 2 3", "12 3", "4 2 1 2", "1 5", "5 5")
MOST = len(DASHES)


class Axis:
    """Numbers to places; of a logarithmic axis what is not positive has no place."""

    def __init__(self, values: Array, log: bool, start: float, end: float) -> None:
        self.whole: bool = bool(np.all(values == np.floor(values)))
        if log and not np.any(values > 0):
            log = False
        self.log: bool = log
        good = values[values > 0] if log else values
        low, high = (float(good.min()), float(good.max())) if good.size else (0.0, 1.0)
        if low == high:  # one number: it stands in the middle
            low, high = (low / 2, high * 2) if log else (low - (abs(low) or 1.0), high + (abs(high) or 1.0))
        self.low: float = low
        self.high: float = high
        self.start: float = float(start)
        self.end: float = float(end)

    def scaled(self, v: Array) -> Array:
        with np.errstate(divide="ignore", invalid="ignore"):
            found: Array = np.log10(v) if self.log else v / 2  # halves: the distance of the largest numbers is finite
            return found

    def place(self, v: Array) -> Array:
        low, high = self.scaled(np.array([self.low, self.high]))
        found: Array = self.start + (self.scaled(v) - low) / (high - low) * (self.end - self.start)
        return found

    def ticks(self) -> list[float]:
        """Three to six round numbers."""
        if self.log:
            first, last = math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9)
            step = max(1, math.ceil((last - first) / 4))
            found = [10.0**k for k in range(first, last + 1, step)]
            return found if len(found) > 1 else [self.low, self.high]
        width = self.high / 4 - self.low / 4
        if not 0 < width < math.inf:
            return [self.low, self.high]
        power = 10.0 ** math.floor(math.log10(width)) or width
        wide = next((m * power for m in (1, 2, 2.5, 5, 10) if m * power >= width), width)
        wide = max(1.0, math.ceil(wide)) if self.whole else wide  # there is no epoch 1.5
        first = math.ceil(self.low / wide)
        found = [k * wide for k in range(first, first + 7) if k * wide <= self.high]
        return found or [self.low, self.high]


def svg(chart: Chart) -> str:
    """The drawing, without the legend."""
    points = {name: s.points() for name, s in list(chart.series.items())[:MOST]}
    every = [p for p in points.values() if p[0].size]
    if not every:
        return ""
    across = Axis(np.concatenate([x for x, _ in every]), chart.log_x, LEFT + 6, WIDE - RIGHT - 6)
    up = Axis(np.concatenate([y for _, y in every]), chart.log_y, HIGH - FOOT - 5, TOP + 5)
    size, words = f'viewBox="0 0 {WIDE} {HIGH}" width="{WIDE}" height="{HIGH}"', escape(told(chart))
    parts = [f'<svg {size} role="img" aria-label="{words}">']
    for tick, y in zip(up.ticks(), up.place(np.array(up.ticks()))):
        parts.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDE - RIGHT}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{tick:.3g}</text>')
    parts += across_ticks(across)
    if chart.x:
        parts.append(
            f'<text x="{(LEFT + WIDE - RIGHT) / 2}" y="{HIGH - 3}" text-anchor="middle">{escape(clean(chart.x))}</text>'
        )
    for k, (x, y) in enumerate(points.values()):
        parts += curve(k, across.place(x), up.place(y))
    return "".join(parts) + "</svg>"


def across_ticks(axis: Axis) -> list[str]:
    """Numbers under the axis; those that would touch are left out."""
    parts: list[str] = []
    free = 0.0
    for tick, x in zip(axis.ticks(), axis.place(np.array(axis.ticks()))):
        text = f"{tick:.4g}"
        half = 3.6 * len(text)
        middle = min(max(x, LEFT - 10 + half), WIDE - 2 - half)
        if middle - half < free:
            continue
        free = middle + half + 8
        parts.append(f'<path class="grid" d="M{x:.1f} {TOP}V{HIGH - FOOT}"/>')
        parts.append(f'<text x="{middle:.1f}" y="{HIGH - FOOT + 14}" text-anchor="middle">{text}</text>')
    return parts


def curve(k: int, x: Array, y: Array) -> list[str]:
    """A line in its colour and dashes; a single point as a dot."""
    good = np.isfinite(x) & np.isfinite(y)
    x, y = x[good], y[good]
    if x.size == 1:
        return [f'<circle class="c{k}" cx="{x[0]:.1f}" cy="{y[0]:.1f}" r="3.5"/>']
    line = "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, y))
    return [f'<path class="c{k}" d="M{line}"{dash(k)}/>'] if line else []


def dash(k: int) -> str:
    return f' stroke-dasharray="{DASHES[k]}"' if DASHES[k] else ""


def legend(names: Mapping[str, Series]) -> str:
    """A stretch of each curve and its name."""
    parts = []
    for k, (name, series) in enumerate(list(names.items())[:MOST]):
        stretch = f'<svg width="28" height="8" aria-hidden="true"><path class="c{k}" d="M1 4H27"{dash(k)}/></svg>'
        lost = series.lost()
        note = f" ({lost:,} not finite)" if lost else ""
        parts.append(f"<span>{stretch} {escape(clean(name) + note)}</span>")
    more = len(names) - MOST
    return "".join(parts) + (f"<span>… {more} more</span>" if more > 0 else "")


def told(chart: Chart) -> str:
    """The curves in words."""
    every = [f"{clean(name)} {course(s)}" for name, s in list(chart.series.items())[:MOST]]
    over = f" over {chart.x}" if chart.x else ""
    return f"{clean(chart.title)}{clean(over)}: {'; '.join(every)}"


def course(series: Series) -> str:
    """
    >>> course(Series([1, 2, 3], [5.0, 1.0, 2.0]))
    'from 5 to 2, least 1'
    """
    _, y = series.points()
    if not y.size:
        return "has no finite number"
    words = f"from {y[0]:.4g} to {y[-1]:.4g}" if y.size > 1 else f"{y[0]:.4g}"
    words += f", least {y.min():.4g}" if y.min() < min(y[0], y[-1]) else ""
    return words + (f", greatest {y.max():.4g}" if y.max() > max(y[0], y[-1]) else "")
