"""The writer of a sketch's SVG: shapes and text, escaped, on an area that grows with what is drawn."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

from ..draw.svg import FAMILY, SVG
from ..draw.text import clean
from ..palette import INK, WIRE
from .colours import style
from .words import NUMBER, decimals, width

MARGIN = 12.0
HEAD = 9.0  # length of an arrow's head
Point = tuple[float, float]


class Canvas:
    """Elements of a drawing and the area that they take. Lengths are pixels; y points down."""

    left: float
    top: float
    right: float
    bottom: float

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.rules: list[str] = []
        self.left = self.top = math.inf
        self.right = self.bottom = -math.inf

    def reach(self, x: float, y: float) -> None:
        self.left, self.right = min(self.left, x), max(self.right, x)
        self.top, self.bottom = min(self.top, y), max(self.bottom, y)

    def element(self, tag: str, text: str = "", **attributes: Any) -> None:
        given = "".join(f' {k.replace("_", "-").rstrip("-")}="{escape(str(v))}"' for k, v in attributes.items() if v)
        self.parts.append(f"<{tag}{given}>{escape(text, quote=False)}</{tag}>" if text else f"<{tag}{given}/>")

    def shape(
        self,
        points: Sequence[Point],
        fill: str = "none",
        stroke: str = "",
        thick: float = 1.0,
        dash: str = "",
        closed: bool = True,
        name: str = "",
    ) -> None:
        """A polygon, or with `closed` false a line through the points."""
        for x, y in points:
            self.reach(x - thick / 2, y - thick / 2)
            self.reach(x + thick / 2, y + thick / 2)
        d = "M" + "L".join(f"{decimals(x)} {decimals(y)}" for x, y in points) + ("Z" if closed else "")
        self.path(d, fill, stroke, thick, dash, name)

    def path(
        self, d: str, fill: str = "none", stroke: str = "", thick: float = 1.0, dash: str = "", name: str = ""
    ) -> None:
        """A path as it is; the area does not grow."""
        self.element(
            "path",
            d=d,
            fill=fill,
            stroke=stroke,
            stroke_width=decimals(thick) if stroke else "",
            stroke_dasharray=dash,
            class_=name,
        )

    def box(self, x: float, y: float, w: float, h: float, fill: str = "none", stroke: str = "", **line: Any) -> None:
        self.shape([(x, y), (x + w, y), (x + w, y + h), (x, y + h)], fill, stroke, **line)

    def ellipse(
        self, at: Point, rx: float, ry: float, fill: str = "none", stroke: str = INK, thick: float = 2.0
    ) -> None:
        x, y = at
        self.reach(x - rx - thick / 2, y - ry - thick / 2)
        self.reach(x + rx + thick / 2, y + ry + thick / 2)
        places = {k: decimals(v) for k, v in {"cx": x, "cy": y, "rx": rx, "ry": ry}.items()}
        self.element("ellipse", **places, fill=fill, stroke=stroke, stroke_width=decimals(thick))

    def arrow(self, points: Sequence[Point], stroke: str = WIRE, thick: float = 1.6, dash: str = "") -> None:
        """A line with a head at its last point."""
        (x0, y0), (x, y) = points[-2:]
        length = math.hypot(x - x0, y - y0) or 1.0
        u, v = (x - x0) / length, (y - y0) / length
        neck = (x - HEAD * u, y - HEAD * v)
        self.shape([*points[:-1], neck], "none", stroke, thick, dash, closed=False)
        wing = 0.45 * HEAD
        sides = [(neck[0] - wing * v, neck[1] + wing * u), (neck[0] + wing * v, neck[1] - wing * u)]
        self.shape([(x, y), *sides], stroke)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: float = NUMBER,
        anchor: str = "middle",
        tone: str = INK,
        bold: bool = False,
        name: str = "",
    ) -> None:
        """A line of text whose middle has the height y."""
        text = clean(text, 400)
        if not text.strip():
            return
        wide = width(text, size, bold)
        left = x - {"start": 0.0, "middle": wide / 2, "end": wide}[anchor]
        self.reach(left, y - 0.6 * size)
        self.reach(left + wide, y + 0.6 * size)
        self.element(
            "text",
            text,
            x=decimals(x),
            y=decimals(y + 0.36 * size),
            font_size=decimals(size),
            text_anchor="" if anchor == "start" else anchor,
            fill=tone,
            font_weight="bold" if bold else "",
            class_=name,
        )

    @contextlib.contextmanager
    def group(self, name: str = "", hidden: bool = False, moved: Point = (0.0, 0.0)) -> Iterator[None]:
        """What is drawn inside is one group: `hidden` until its rules of motion show it, or moved as a whole."""
        shift = f' transform="translate({decimals(moved[0])} {decimals(moved[1])})"' if any(moved) else ""
        named = f' class="{name}"' if name else ""
        unseen = ' opacity="0"' if hidden else ""
        self.parts.append(f"<g{named}{unseen}{shift}>")
        yield
        self.parts.append("</g>")

    def include(self, other: Canvas, x: float, y: float) -> None:
        """Another drawing, whose upper left corner comes to (x, y)."""
        with self.group(moved=(x - other.left, y - other.top)):
            self.parts += other.parts
        self.rules += other.rules
        self.reach(x, y)
        self.reach(x + other.right - other.left, y + other.bottom - other.top)

    def svg(self, title: str, description: str) -> str:
        """The whole file."""
        left, top = self.left - MARGIN, self.top - MARGIN
        wide, high = self.right - self.left + 2 * MARGIN, self.bottom - self.top + 2 * MARGIN
        area = " ".join(map(decimals, (left, top, wide, high)))
        head = (
            f'<svg xmlns="{SVG}" width="{math.ceil(wide)}" height="{math.ceil(high)}" viewBox="{area}" role="img" '
            f'font-family="{escape(FAMILY)}" class="difflab-sketch">'
        )
        about = f"<title>{escape(clean(title, 300), quote=False)}</title>"
        about += f"<desc>{escape(clean(description, 4000), quote=False)}</desc>"
        rules = style() + ".difflab-sketch text{font-variant-numeric:tabular-nums}" + "".join(self.rules)
        return "\n".join([head, about, f"<style>{rules}</style>", *self.parts, "</svg>"]) + "\n"
