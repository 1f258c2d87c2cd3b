"""A function of two numbers as contour lines, and the path of a descent on it, as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from ..cards.parts import Card, drawn
from ..cards.shown import Carded
from ..errors import InputError
from ..palette import BACKWARD, DEAD, INK, WIRE
from ..types import Array, Function, Value
from .svg import FAMILY, SVG, style
from .text import clean, number

WIDE, EDGE, LEFT, FOOT = 560.0, 14.0, 34.0, 44.0
LEVELS, SAMPLES = 14, 161


class Landscape(Carded):
    """Contour lines of `f` over `box` = (left, right, bottom, top), with the `path` of a descent, points (n, 2).

    `f` takes an array of two numbers, or of two arrays of them. Levels crowd where `f` is low. Jupyter shows the
    picture; `svg()` is its text.

    >>> import numpy as np
    >>> picture = Landscape(lambda p: p[0]**2 + 4*p[1]**2, [(2, 1), (1, -0.2), (0.5, 0.1)], (-3, 3, -2, 2))
    >>> picture.svg().startswith("<svg")
    True
    """

    box: tuple[float, ...]
    f: Function
    title: str

    def __init__(
        self, f: Function, path: Value, box: Sequence[float], title: str = "Gradient descent on contour lines"
    ) -> None:
        self.path: Array = np.asarray(path, float)
        if self.path.ndim != 2 or self.path.shape[1] != 2 or not len(self.path):
            raise InputError(f"Landscape: path has shape {self.path.shape}; give points (n, 2)")
        left, right, bottom, top = self.box = tuple(map(float, box))
        if not (left < right and bottom < top):
            raise InputError(f"Landscape: box={tuple(box)!r}; give (left, right, bottom, top), the lower ones first")
        self.f, self.title = f, clean(title, 200)
        self.scale: float = WIDE / (right - left)
        self.high: float = self.scale * (top - bottom)

    def contours(self) -> list[tuple[float, list[Array]]]:
        """The levels, each with its lines (n, 2)."""
        from matplotlib.figure import Figure

        left, right, bottom, top = self.box
        x, y = np.meshgrid(np.linspace(left, right, SAMPLES), np.linspace(bottom, top, SAMPLES))
        z = np.asarray(self.f(np.stack([x, y])), float)
        low = float(z.min())
        levels = low + (float(z.max()) - low) * (np.arange(1, LEVELS) / LEVELS) ** 2.5
        drawn = Figure().subplots().contour(x, y, z, levels=levels)
        return list(zip(map(float, levels), drawn.allsegs))

    def place(self, points: Value) -> list[str]:
        """Points of the plane as places of the picture."""
        left, _, _, top = self.box
        return [f"{LEFT + self.scale * (x - left):.1f},{EDGE + self.scale * (top - y):.1f}" for x, y in points]

    def svg(self) -> str:
        wide, high = LEFT + WIDE + EDGE, EDGE + self.high + FOOT
        first, last = (number(float(self.f(p))) for p in (self.path[0], self.path[-1]))
        about = f"Contour lines of a function of x and y; {self.told(first, last)}."
        parts = [
            f'<svg xmlns="{SVG}" width="{wide:.0f}" height="{high:.0f}" viewBox="0 0 {wide:.0f} {high:.0f}" '
            f'role="img" font-family="{escape(FAMILY)}" font-size="13">',
            f"<title>{escape(self.title)}</title>",
            f"<desc>{escape(about)}</desc>",
            f"<style>{style()}</style>",
        ]
        for _, lines in self.contours():
            parts += [self.line(line, DEAD, 1.0) for line in lines if len(line) > 1]
        parts.append(
            f'<path d="M{LEFT:.0f},{EDGE:.0f}h{WIDE:.0f}v{self.high:.0f}h-{WIDE:.0f}z" fill="none" stroke="{WIRE}"/>'
        )
        parts += [self.line(self.path, BACKWARD, 1.8), *self.dots(), *self.words(first, last), "</svg>"]
        return "\n".join(parts) + "\n"

    _repr_svg_ = svg

    def _card_(self) -> Card:
        return drawn(type(self).__name__, self.svg())

    def line(self, points: Value, colour: str, thick: float) -> str:
        return f'<path d="M{"L".join(self.place(points))}" fill="none" stroke="{colour}" stroke-width="{thick:g}"/>'

    def dots(self) -> list[str]:
        """A dot for each point that was visited, a large one for the first."""
        found = []
        for k, place in enumerate(self.place(self.path)):
            x, _, y = place.partition(",")
            r, colour = (6, INK) if k == 0 else (2.6, BACKWARD)
            found.append(f'<ellipse cx="{x}" cy="{y}" rx="{r}" ry="{r}" fill="{colour}"/>')
        return found

    def told(self, first: str, last: str) -> str:
        count = len(self.path) - 1
        return f"{count} step{'s' * (count != 1)} from the large dot: the value goes from {first} to {last}"

    def words(self, first: str, last: str) -> list[str]:
        """The ends of the axes, and what the path says in words."""
        left, right, bottom, top = self.box
        foot = EDGE + self.high
        rows = [
            (LEFT, foot + 17, "start", number(left)),
            (LEFT + WIDE / 2, foot + 17, "middle", "x"),
            (LEFT + WIDE, foot + 17, "end", number(right)),
            (LEFT - 6, EDGE + 10, "end", number(top)),
            (LEFT - 6, EDGE + self.high / 2, "end", "y"),
            (LEFT - 6, foot, "end", number(bottom)),
            (LEFT, foot + 37, "start", self.told(first, last)),
        ]
        return [
            f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" fill="{INK}">{escape(text)}</text>'
            for x, y, anchor, text in rows
        ]
