"""A small SVG of an elementwise row and its derivative, without a plotting library: two lines, axes and numbers."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np

from difflab.lab.accuracy import evaluate, not_real
from difflab.palette import ROLES
from difflab.primitives import Elementwise

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 340, 210, 44, 10, 24, 26
VALUE, SLOPE, GREY = ROLES["value"], ROLES["local"], ROLES["edge"]  # light and dark, as everywhere
POINTS = 201


def style() -> str:
    """The roles' colours, in both schemes of the site."""
    dark = '[data-md-color-scheme="slate"] '
    return "".join(
        f"{where}.plots .{name}{{stroke:{colours[k]}}}{where}.plots text.{name}{{fill:{colours[k]};stroke:none}}"
        for k, where in enumerate(("", dark))
        for name, colours in (("value", VALUE), ("slope", SLOPE), ("axis", GREY), ("number", GREY))
    )


STYLE = style()
TALL = 300.0


def plots(row: Elementwise, names: list[str]) -> list[str]:
    """An SVG for each operand that the row can be differentiated by (unary and binary rows); [] where none fits."""
    if not_real(row) or len(row.domain) > 2 or row.name in ("stop_gradient", "real", "imag"):
        return []
    if "no derivative" in row.doc:
        return []
    places = [k for k in range(len(row.domain)) if row.domain[k].of != "whole" and row.partials[k] is not None]
    return [svg for k in places if (svg := plot(row, k, names))]


def plot(row: Elementwise, place: int, names: list[str]) -> str:
    """The row and its derivative along one operand, the other held in the middle of its domain."""
    params = dict((row.examples or ({},))[0])
    for part in (1.0, 0.5, 0.25):  # of the span: what grows like exp(x²) is seen near 0 only
        t = part * span(row, place)
        value, slope = along(row, place, t, params)
        if not np.isfinite(value).any():
            return ""
        low, high = limits(value, slope)
        if high - low < TALL or not t[0] < 0 < t[-1]:
            break
    others = [f"{n} = {held(row, k):g}" for k, n in enumerate(names) if k != place]
    title = f"{row.name}, and its derivative by {names[place]}"
    return drawn(t, value, slope, names[place], title, ", ".join(others))


def along(row: Elementwise, place: int, t: Any, params: dict[str, Any]) -> tuple[Any, Any]:
    """Values and derivatives where one operand goes along t."""
    operands: list[Any] = [
        np.full(POINTS, held(row, k), int if d.of == "whole" else float) for k, d in enumerate(row.domain)
    ]
    operands[place] = t
    with np.errstate(all="ignore"):
        value, slopes = evaluate(row, operands, params, [place])
    return np.asarray(value, float), np.asarray(slopes[place], float)


def span(row: Elementwise, place: int) -> Any:
    d = row.domain[place]
    low, high = max(d.low, -5.0), min(d.high, 5.0)
    return np.linspace(low, high, POINTS)


def held(row: Elementwise, place: int) -> float:
    d = row.domain[place]
    if d.of == "whole":
        return 1.0
    return round(0.35 * d.low + 0.65 * d.high, 1) if d.low > -1 else 1.5


def drawn(t: Any, value: Any, slope: Any, name: str, title: str, others: str) -> str:
    """The picture: frame and numbers in grey."""
    low, high = limits(value, slope)
    x = LEFT + (t - t[0]) / (t[-1] - t[0]) * (WIDTH - LEFT - RIGHT)
    place = lambda v: TOP + (high - v) / (high - low) * (HEIGHT - TOP - BOTTOM)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" font-size="11" '
        f'font-family="sans-serif"><style>{STYLE}</style><title>{escape(title)}</title>'
    ]
    for v in ticks(low, high):
        y = place(v)
        parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" class="axis" opacity="{0.9 if v == 0 else 0.25}"/>')
        parts.append(f'<text x="{LEFT - 5}" y="{y + 4:.1f}" text-anchor="end" class="number">{v:g}</text>')
    for v in ticks(t[0], t[-1]):
        at = LEFT + (v - t[0]) / (t[-1] - t[0]) * (WIDTH - LEFT - RIGHT)
        parts.append(f'<path d="M{at:.1f} {TOP}V{HEIGHT - BOTTOM}" class="axis" opacity="0.25"/>')
        parts.append(f'<text x="{at:.1f}" y="{HEIGHT - 10}" text-anchor="middle" class="number">{v:g}</text>')
    for numbers, role, dash in ((value, "value", ""), (slope, "slope", ' stroke-dasharray="5 3"')):
        d = path(x, place(numbers), low, high, numbers)
        parts.append(f'<path d="{d}" fill="none" class="{role}" stroke-width="2"{dash}/>')
    parts.append(f'<text x="{LEFT}" y="15" class="value">value</text>')
    parts.append(f'<text x="{LEFT + 42}" y="15" class="slope">derivative by {escape(name)}</text>')
    parts.append(f'<text x="{WIDTH - RIGHT}" y="15" text-anchor="end" class="number">{escape(others)}</text></svg>')
    return "".join(parts)


def limits(value: Any, slope: Any) -> tuple[float, float]:
    """What is shown: most of both lines; a pole must not flatten the rest."""
    seen = np.concatenate([value[np.isfinite(value)], slope[np.isfinite(slope)]])
    low, high = np.quantile(seen, [0.04, 0.96])
    margin = 0.35 * (high - low) or 1.0
    low, high = max(seen.min(), low - margin), min(seen.max(), high + margin)
    pad = 0.06 * (high - low) or 1.0
    return float(low - pad), float(high + pad)


def ticks(low: float, high: float) -> list[float]:
    """About five round numbers.

    >>> ticks(-5.0, 5.0)
    [-4.0, -2.0, 0.0, 2.0, 4.0]
    """
    rough = (high - low) / 5
    power = 10.0 ** np.floor(np.log10(rough))
    step = power * next(m for m in (1, 2, 5, 10) if m * power >= rough * 0.999)
    return [float(round(k * step, 12)) for k in range(int(np.ceil(low / step)), int(np.floor(high / step)) + 1)]


def path(x: Any, y: Any, low: float, high: float, v: Any) -> str:
    """The line, broken where it leaves the picture, is not finite or jumps."""
    inside = np.isfinite(v) & (v >= low) & (v <= high)
    with np.errstate(invalid="ignore"):
        jumps = ~(np.abs(np.diff(v, prepend=v[0])) <= 0.15 * (high - low))
    parts, drawing = [], False
    for a, b, shown, jump in zip(x, y, inside, jumps):
        if shown:
            parts.append(f"{'L' if drawing and not jump else 'M'}{a:.1f} {b:.1f}")
        drawing = bool(shown)
    return "".join(parts)
