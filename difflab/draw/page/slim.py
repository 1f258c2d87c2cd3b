"""Graphviz's SVG written again in few bytes: classes instead of colours, and data attributes for the script."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from html import escape
from typing import NamedTuple

from ...palette import BACKWARD, DOWNSTREAM, FORWARD
from ..dot import dot
from ..layout import render
from ..picture import Picture
from ..svg import SVG
from .scene import Scene

SECONDS = 20.0
WIDE = 1860  # points; in a window of 1400 pixels the names of a wider drawing, of 15 points, are smaller than 11 pixels
TONES = {FORWARD: "v", BACKWARD: "a", DOWNSTREAM: "p"}  # value, adjoint, part of an adjoint
ROUND, ROOM = 10, 3  # the radius of a box's corners; what Graphviz leaves too little above and below large text
TOP = 6  # where the lines of a box stand at its top, the room above them
# The arrowhead of every wire, which begins where Graphviz ends the wire's line.
ARROW = (
    '<defs><marker id="there" markerUnits="userSpaceOnUse" markerWidth="8" markerHeight="6" refY="3" orient="auto">'
    '<path d="M0 0 7.6 3 0 6z"/></marker></defs>'
)


def drawing(scene: Scene) -> str:
    """The scene as the text of one <svg> element; its numbers are left empty for the script."""
    picture = scene.built()
    root = laid_out(picture)
    if width_of(root) > WIDE and not picture.quick:  # left to right where it fits, else down
        picture.down = True
        other = laid_out(picture)
        picture.down = width_of(other) <= WIDE
        root = other if picture.down else root
    graph = root.find(f"{{{SVG}}}g")
    assert graph is not None
    moved = re.search(r"translate\(([-\d.]+) ([-\d.]+)\)", graph.get("transform", ""))
    dx, dy = (moved[1], moved[2]) if moved else ("0", "0")
    parts = [part(g, scene, picture) for g in graph.findall(f"{{{SVG}}}g")]
    order = {"cluster": 0, "edge": 1, "node": 2}
    parts.sort(key=lambda p: order[p[0]])
    _, _, width, height = root.get("viewBox", "0 0 100 100").split()
    return (
        f'<svg xmlns="{SVG}" viewBox="0 0 {short(width)} {short(height)}" role="group" '
        f'aria-label="{escape(picture.title, quote=True)}"><g transform="translate({short(dx)} {short(dy)})">{ARROW}'
        + "".join(text for _, text in parts)
        + "</g></svg>"
    )


def laid_out(picture: Picture) -> ET.Element:
    """Graphviz's SVG of a picture."""
    return ET.fromstring(render(dot(picture), "svg", SECONDS, f"{len(picture.boxes)} boxes"))


def width_of(root: ET.Element) -> float:
    return float(root.get("viewBox", "0 0 100 100").split()[2])


def part(g: ET.Element, scene: Scene, picture: Picture) -> tuple[str, str]:
    """One box, wire or opened block: what it is, and its text."""
    kind = g.get("class", "")
    number = int(m[1]) if (m := re.fullmatch(r"[ne](\d+)", g.get("id", ""))) else -1
    if kind == "cluster":
        return kind, f'<g class="cluster">{outline(g)}{texts(lines(g, None))}</g>'
    if kind == "edge":
        wire = picture.wires[number]
        edges = scene.edges_of.get(number, [])
        data = f' data-e="{" ".join(map(str, edges))}"' if edges else ""
        name = "wire faded" if wire.faded else "wire"
        data += " data-far" if wire.source in scene.stub_of else ""
        return kind, f'<g class="{name}"{data}>{path(g)}</g>'
    box = picture.boxes[number]
    data = f' data-n="{" ".join(map(str, scene.nodes_of[number]))}"' if number in scene.nodes_of else ""
    data += f' data-v="{scene.value_of[number]}"' if number in scene.value_of else ""
    data += f' data-r="{scene.stub_of[number]}"' if number in scene.stub_of else ""
    if number in scene.blocks_of:
        label = escape(f"open block {box.lines[0].text}", quote=True)
        data += f' data-b="{scene.blocks_of[number]}" tabindex="0" role="button" aria-label="{label}"'
    name = f"node {box.kind}{' faded' if box.faded else ''}"
    found = lines(g, middle(g), TOP if box.least else 0)
    numbers = "".join(f"{line.kind}{line.y}" for line in found if line.number)
    data += f' data-t="{numbers}"' if numbers else ""
    return kind, f'<g class="{name}"{data}>{outline(g)}{texts(found)}</g>'


def middle(g: ET.Element) -> float | None:
    """The x of a box's middle, where its lines are centred."""
    found = corners(g)
    return (found[0] + found[2]) / 2 if found else None


def corners(g: ET.Element) -> tuple[float, float, float, float] | None:
    """Left, top, right and bottom of a box; None for text alone."""
    for tag, attribute in (("polygon", "points"), ("path", "d")):
        element = g.find(f"{{{SVG}}}{tag}")
        if element is not None:
            points = re.findall(r"(-?[\d.]+),(-?[\d.]+)", element.get(attribute, ""))
            xs, ys = [float(x) for x, _ in points], [float(y) for _, y in points]
            return min(xs), min(ys), max(xs), max(ys)
    return None


def outline(g: ET.Element) -> str:
    """A box; Graphviz draws round corners as a path of 25 points."""
    found = corners(g)
    if found is None:
        return ""
    left, top, right, bottom = map(round, found)
    top, bottom = top - ROOM, bottom + ROOM
    return f'<rect x="{left}" y="{top}" width="{right - left}" height="{bottom - top}" rx="{ROUND}"/>'


def path(g: ET.Element) -> str:
    """The line of a wire; its arrowhead is a marker."""
    element = g.find(f"{{{SVG}}}path")
    return "" if element is None else f'<path d="{relative(element.get("d", ""))}"/>'


def relative(d: str) -> str:
    """A path of Graphviz, a start and curves, with each point counted from the one before.

    A curve whose inner points are ends is a straight line.

    >>> relative("M5,-7.2C9,-7 10.4,1 12,3 12,3 12,3 40,3 40,3 40,3 40,20")
    'm5-7c4 0 5 8 7 10l28 0 0 17'
    """
    at, *points = [(round(float(x)), round(float(y))) for x, y in re.findall(r"(-?[\d.]+),(-?[\d.]+)", d)]
    text, last = f"m{at[0]} {at[1]}", ""
    for a, b, end in zip(*[iter(points)] * 3, strict=True):
        sign, ends = ("l", [end]) if {a, b} <= {at, end} else ("c", [a, b, end])
        text += (sign if sign != last else " ") + " ".join(f"{x - at[0]} {y - at[1]}" for x, y in ends)
        at, last = end, sign
    return text.replace(" -", "-")


class Written(NamedTuple):
    """A line of text in a box: t for words, else the role of a number, which the script writes there."""

    kind: str
    x: str
    y: str
    text: str

    @property
    def number(self) -> bool:
        return self.kind in TONES.values()


def lines(g: ET.Element, x: float | None, down: int = 0) -> list[Written]:
    """The lines of a box, so many points further down."""
    found = []
    for element in g.findall(f"{{{SVG}}}text"):
        tone = TONES.get(element.get("fill", ""), "t")
        size = float(element.get("font-size", "12"))
        kind = f"{tone}{' big' if size > 20 else ''}{' bold' if element.get('font-weight') == 'bold' else ''}"
        place = short(element.get("x", "0") if x is None else str(x))
        at = short(str(float(element.get("y", "0")) + down))
        found.append(Written(kind, place, at, escape(element.text or "")))
    return found


def texts(found: list[Written]) -> str:
    """The words of a box; the script makes the elements of its numbers."""
    return "".join(f'<text class="{w.kind}" x="{w.x}" y="{w.y}">{w.text}</text>' for w in found if not w.number)


def short(x: str) -> str:
    """A coordinate to the point, which is enough."""
    return str(round(float(x)))
