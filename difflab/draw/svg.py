"""Graphviz's SVG made safe, themed and described: parsed, rebuilt from an allow-list, and written again."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from ..palette import LIGHT_TO_DARK, dark
from .picture import Picture
from .text import clean

SVG = "http://www.w3.org/2000/svg"
TAGS = frozenset("svg g title desc style path polygon polyline ellipse text tspan".split())
ATTRIBUTES = frozenset(
    "width height viewBox id class transform fill stroke stroke-width stroke-dasharray d points cx cy rx ry x y "
    "text-anchor font-family font-size font-weight fill-opacity stroke-opacity".split()
)
FAMILY = "Helvetica, Arial, 'DejaVu Sans', sans-serif"


def themed(raw: bytes, picture: Picture) -> str:
    """The SVG that is handed out: only known tags and attributes, a title, a description and a dark theme."""
    root = ET.fromstring(raw)
    clean_tree(root, picture)
    for group in root.iter(f"{{{SVG}}}g"):
        join_lines(group)
    for tag, text in (("style", style()), ("desc", picture.description), ("title", picture.title)):
        element = ET.Element(f"{{{SVG}}}{tag}")
        element.text = clean(text, 4000) if tag != "style" else text
        root.insert(0, element)
    root.set("role", "img")
    ET.register_namespace("", SVG)
    return ET.tostring(root, encoding="unicode") + "\n"


def join_lines(group: ET.Element) -> None:
    """Pieces of one line become one text, centred in its box: Graphviz places each by widths that it only estimates."""
    middle = None
    if group.get("class") == "node":
        middle = middle_of(group)
    line: ET.Element | None = None
    for text in group.findall(f"{{{SVG}}}text"):
        if line is None or line.get("y") != text.get("y"):
            line = text
            if middle is not None:
                text.set("x", f"{middle:.2f}")
                text.set("text-anchor", "middle")
            continue
        if not len(line):
            first = ET.SubElement(line, f"{{{SVG}}}tspan", own(line))
            first.text, line.text = line.text, None
        ET.SubElement(line, f"{{{SVG}}}tspan", own(text)).text = text.text
        group.remove(text)


def own(text: ET.Element) -> dict[str, str]:
    """What a piece has of its own within its line."""
    return {k: v for k, v in text.items() if k in ("fill", "font-size", "font-weight")}


def middle_of(group: ET.Element) -> float | None:
    """The x of a box's middle; None for text without a box."""
    for tag in ("ellipse", "polygon", "path"):
        shape = group.find(f"{{{SVG}}}{tag}")
        if shape is not None:
            if tag == "ellipse":
                return float(shape.get("cx", "0"))
            xs = [float(x) for x in re.findall(r"(-?[\d.]+),-?[\d.]+", shape.get("points", "") + shape.get("d", ""))]
            return (min(xs) + max(xs)) / 2
    return None


def style() -> str:
    return dark(LIGHT_TO_DARK)


def clean_tree(element: ET.Element, picture: Picture) -> None:
    for child in list(element):
        tag = child.tag.removeprefix(f"{{{SVG}}}") if isinstance(child.tag, str) else ""
        if tag == "g" and child.get("id", "").startswith("a_"):  # Graphviz's own wrapper of a link
            tag = ""
        if tag not in TAGS:
            element.remove(child)
            continue
        clean_tree(child, picture)
    for name in list(element.attrib):
        if name not in ATTRIBUTES or "url(" in element.attrib[name]:
            del element.attrib[name]
    if element.get("font-family"):
        element.set("font-family", FAMILY)
    title = element.find(f"{{{SVG}}}title")
    if title is not None:
        about = describe(element.get("id", ""), picture)
        if about:
            title.text = about
        else:
            element.remove(title)


def describe(identifier: str, picture: Picture) -> str:
    """The tooltip of a box or wire."""
    match = re.fullmatch(r"([ne])(\d+)", identifier)
    if not match:
        return ""
    things = picture.boxes if match[1] == "n" else picture.wires
    k = int(match[2])
    return clean(things[k].about, 300) if k < len(things) else ""
