"""Graphviz's SVG written again in few bytes: classes instead of colours, and data attributes for the script."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from html import escape

from ...palette import BACKWARD, DOWNSTREAM, FORWARD
from ..dot import dot
from ..layout import render
from ..picture import Picture
from ..svg import SVG
from .scene import Scene

SECONDS = 20.0
WIDE = 1860  # points; in a window of 1400 pixels the names of a wider drawing, of 15 points, are smaller than 11 pixels
TONES = {FORWARD: "v", BACKWARD: "a", DOWNSTREAM: "p"}  # value, adjoint, part of an adjoint
SHAPES = {"path": ("d",), "polygon": ("points",)}
ROUND, ROOM = 10, 3  # the radius of a box's corners; what Graphviz leaves too little above and below large text
TOP = 6  # where the lines of a box stand at its top, the room above them


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
        f'aria-label="{escape(picture.title, quote=True)}"><g transform="translate({short(dx)} {short(dy)})">'
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
        return kind, f'<g class="cluster">{outline(g)}{texts(g, None)}</g>'
    if kind == "edge":
        wire = picture.wires[number]
        edges = scene.edges_of.get(number, [])
        data = f' data-e="{" ".join(map(str, edges))}"' if edges else ""
        name = "wire faded" if wire.faded else "wire"
        data += " data-far" if wire.source in scene.stub_of else ""
        return kind, f'<g class="{name}"{data}>{shapes(g)}</g>'
    box = picture.boxes[number]
    data = f' data-n="{" ".join(map(str, scene.nodes_of[number]))}"' if number in scene.nodes_of else ""
    data += f' data-v="{scene.value_of[number]}"' if number in scene.value_of else ""
    data += f' data-r="{scene.stub_of[number]}"' if number in scene.stub_of else ""
    if number in scene.blocks_of:
        label = escape(f"open block {box.lines[0].text}", quote=True)
        data += f' data-b="{scene.blocks_of[number]}" tabindex="0" role="button" aria-label="{label}"'
    name = f"node {box.kind}{' faded' if box.faded else ''}"
    return kind, f'<g class="{name}"{data}>{outline(g)}{texts(g, middle(g), TOP if box.least else 0)}</g>'


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


def shapes(g: ET.Element) -> str:
    """Lines and arrows."""
    parts = []
    for element in g:
        tag = element.tag.removeprefix(f"{{{SVG}}}")
        if tag in SHAPES:
            given = "".join(f' {a}="{opened(rounded(element.get(a, "")))}"' for a in SHAPES[tag])
            parts.append(f"<{tag}{given}/>")
    return "".join(parts)


def texts(g: ET.Element, x: float | None, down: int = 0) -> str:
    """The lines of text, so many points further down; numbers are empty until the script fills them."""
    parts = []
    for element in g.findall(f"{{{SVG}}}text"):
        tone = TONES.get(element.get("fill", ""), "t")
        place = short(element.get("x", "0") if x is None else str(x))
        written = "" if tone != "t" else escape(element.text or "")
        size = float(element.get("font-size", "12"))
        kind = f"{tone}{' big' if size > 20 else ''}{' bold' if element.get('font-weight') == 'bold' else ''}"
        at = short(str(float(element.get("y", "0")) + down))
        parts.append(f'<text class="{kind}" x="{place}" y="{at}">{written}</text>')
    return "".join(parts)


def rounded(numbers: str) -> str:
    return re.sub(r"-?\d+\.?\d*", lambda m: short(m[0]), numbers)


def opened(points: str) -> str:
    """A polygon's points without the last, where it is the first again."""
    first, _, rest = points.partition(" ")
    return points[: -len(first) - 1] if rest.endswith(" " + first) else points


def short(x: str) -> str:
    """A coordinate to the point, which is enough."""
    return str(round(float(x)))
