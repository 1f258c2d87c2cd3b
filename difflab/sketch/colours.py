"""Shades of numbers and pixels.

Numbers get a tint that their text stays readable on: orange for positive, blue for negative, for no pass flows through
a sketch, where these are roles. Pixels get a grey from black to white, in dark mode too: a photograph has no negative.
"""

from __future__ import annotations

import numpy as np

from ..draw.text import number
from ..palette import INK, LIGHT_TO_DARK, MARK, OPERATION, dark
from ..types import Value

POSITIVE = {"#fdf0e2": "#33271b", "#fbe0c5": "#4a331d", "#f8cb9e": "#61401f", "#f4b479": "#7a4d23"}
NEGATIVE = {"#e8f1fb": "#1c2836", "#d0e2f6": "#20354f", "#b3d0f0": "#25436a", "#94bce9": "#2b5286"}
TINTS = POSITIVE | NEGATIVE
THEME = LIGHT_TO_DARK | TINTS
GREYS = 18
BLACK, WHITE = "#020202", "#fdfdfd"  # not in the theme: the same in dark mode


def style() -> str:
    """The rules that give every colour its partner in dark mode."""
    return dark(THEME)


def tints(values: Value, most: float | None = None) -> list[str]:
    """A fill for each number: its share of the largest size in four steps; yellow for what is no number."""
    values = np.asarray(values, float).ravel()
    most = largest(values) if most is None else most
    return [tint(float(v), most) for v in values]


def tint(v: float, most: float) -> str:
    if v != v:
        return MARK
    if v == 0 or most == 0:
        return OPERATION
    share = 1.0 if abs(v) >= most else abs(v) / most
    return list(POSITIVE if v > 0 else NEGATIVE)[min(int(np.ceil(share * 4 - 1e-9)), 4) - 1]


def largest(values: Value) -> float:
    finite = np.abs(np.asarray(values, float)[np.isfinite(values)])
    return float(finite.max()) if finite.size else 0.0


def greys(values: Value, span: tuple[float, float] | None = None) -> list[str]:
    """A fill for each pixel, from black at the lower end of the span to white at the upper one."""
    values = np.asarray(values, float).ravel()
    low, high = spread(values) if span is None else span
    return [grey(float(v), low, high) for v in values]


def grey(v: float, low: float, high: float) -> str:
    if v != v:
        return MARK
    half = high / 2 - low / 2  # halves, for a span that exceeds the largest number
    share = 0.5 if half == 0 else min(max((v / 2 - low / 2) / half, 0.0), 1.0)
    level = round(2 + 251 * round(round(share, 9) * (GREYS - 1)) / (GREYS - 1))
    return f"#{level:02x}{level:02x}{level:02x}"


def spread(values: Value) -> tuple[float, float]:
    finite = np.asarray(values, float)[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)


def range_note(values: Value) -> str:
    """Which numbers the ends of the greys mean."""
    low, high = spread(values)
    if not np.isfinite(values).any():
        return "no finite number"
    return f"black {number(low)}, white {number(high)}"


def ink_on(fill: str) -> str:
    """The colour of text on a fill."""
    if fill in THEME or not fill:
        return INK
    return WHITE if int(fill[1:3], 16) < 118 else BLACK
