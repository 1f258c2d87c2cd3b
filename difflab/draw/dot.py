"""The one writer of DOT text. Attributes come from a fixed list, ids are generated, labels are escaped.

Graphviz reads a label in <...> as its own small markup; ours hold only <font>, <b> and <br/> around escaped text.
"""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

from ..palette import (
    BACKWARD,
    BLOCK,
    CONSTANT,
    DEAD,
    DOWNSTREAM,
    FORWARD,
    INK,
    INPUT,
    LOCAL,
    MARK,
    OPERATION,
    WIRE,
)
from .picture import Box, Line, Picture, Wire
from .text import clean

if TYPE_CHECKING:
    import graphviz

ALLOWED = frozenset(
    "label shape style color fillcolor fontcolor fontname fontsize penwidth arrowsize arrowhead rankdir bgcolor "
    "margin pad nodesep ranksep dir constraint id labelloc labeljust width height fixedsize "
    "nslimit nslimit1 mclimit splines weight".split()
)
FONT, POINTS = "Helvetica", 72  # points an inch
BOTH = f"{DOWNSTREAM};0.5:{BACKWARD}"  # from the receiver, where Graphviz begins the line
TONES = {"ink": INK, "forward": FORWARD, "backward": BACKWARD, "local": LOCAL, "downstream": DOWNSTREAM}
SHAPES = {
    "input": ("box", "filled,rounded", INPUT),
    "operation": ("ellipse", "filled", OPERATION),
    "step": ("box", "filled,rounded", OPERATION),
    "constant": ("box", "filled,rounded", CONSTANT),
    "stub": ("box", "filled,rounded", CONSTANT),
    "block": ("box", "filled,rounded,bold", BLOCK),
    "output": ("plain", "", ""),
    "card": ("box", "filled,rounded", OPERATION),
}
ROOM = '<font point-size="4">&#160;</font>'
SIZES: dict[str, dict[str, Any]] = {
    "card": {"height": 0.3, "margin": "0.09,0.07"},
    "constant": {"height": 0.3, "width": 0.4},
}  # inches, at least


def attributes(**given: Any) -> dict[str, str]:
    unknown = set(given) - ALLOWED
    if unknown:
        raise AssertionError(f"attributes not on the list: {unknown}")
    return {k: str(v) for k, v in given.items() if v != ""}


def label(lines: list[Line], beside: bool = False, left: bool = False) -> str:
    """Lines as Graphviz markup, every character of text escaped; `beside` a wire they begin with room."""
    end = '<br align="left"/>' if left else "<br/>"
    made = end.join(("&#160;&#160;" if beside else "") + written(line) for line in lines)
    return f"<{ROOM + end if left else ''}{made}{end if left else ''}>" if lines else ""


def above(lines: list[Line]) -> str:
    """A label above a wire that goes across: with room below, so that it does not stand on the wire."""
    return f"<{'<br/>'.join(map(written, lines))}<br/>{ROOM}>" if lines else ""


def written(line: Line) -> str:
    """One line as markup: what a receiver gets is bold, so that it is told from the local derivative by weight too."""
    points = line.size or (16 if line.large else 0)
    made = piece(line.sign + " ", TONES[line.tone], points, hard=True) if line.sign else ""
    if not line.spans:
        return made + piece(line.text, TONES[line.tone], 0 if line.sign else points, line.bold)
    for text, tone in line.spans:
        made += piece(text, TONES[tone], points, line.bold or tone == "downstream", hard=True)
    return made


def piece(text: str, colour: str, points: int = 0, bold: bool = False, hard: bool = False) -> str:
    """Text in one look; `hard` keeps its spaces where it begins or ends, which SVG drops."""
    text = html.escape(clean(text, 120), quote=True) or " "
    text = text.replace(" ", "&#160;") if hard else text
    size = f' point-size="{points}"' if points else ""
    return f'<font color="{colour}"{size}>{f"<b>{text}</b>" if bold else text}</font>'


def dot(picture: Picture, background: str = "transparent") -> str:
    """The DOT text of a picture."""
    return str(digraph(picture, background).source)


def digraph(picture: Picture, background: str = "transparent") -> graphviz.Digraph:
    """The picture as an object of the package graphviz; the k-th box is the node f"n{k}"."""
    import graphviz

    graph = graphviz.Digraph("difflab")
    graph.attr(
        "graph",
        _attributes=attributes(
            rankdir="TB" if picture.down else "LR",
            bgcolor=background,
            nodesep=0.15 if picture.narrow else 0.28,
            ranksep=0.3 if any(box.kind == "card" for box in picture.boxes) else 0.45,
            pad=0.06 if picture.narrow else 0.15,
            fontname=FONT,
            fontsize=12,
            fontcolor=INK,
            label=label(picture.key, left=True),
            labelloc="b",
            labeljust="l",
        ),
    )
    if picture.quick:
        graph.attr("graph", _attributes=attributes(nslimit=1, nslimit1=1, mclimit=0.2, splines="line"))
    graph.attr("node", _attributes=attributes(fontname=FONT, fontsize=12, margin="0.1,0.07", penwidth=1.2, color=INK))
    graph.attr("edge", _attributes=attributes(fontname=FONT, fontsize=11, color=WIRE, arrowsize=0.7, penwidth=1.2))
    clusters(graph, picture, ())
    for k, wire in enumerate(picture.wires):
        write_wire(graph, k, wire, picture.down)
    for upper, lower in picture.below:
        graph.edge(f"n{upper}", f"n{lower}", **attributes(style="invis", weight=0))
    return graph


def clusters(graph: graphviz.Digraph, picture: Picture, path: tuple[int, ...]) -> None:
    """The boxes of a cluster, then the clusters in it."""
    for k, box in enumerate(picture.boxes):
        if box.cluster == path:
            write_box(graph, k, box)
    for inner, name in picture.clusters.items():
        if inner[:-1] == path:
            with graph.subgraph(name="cluster_" + "_".join(map(str, inner))) as sub:
                sub.attr(
                    **attributes(
                        label=label([Line(name, bold=True)]),
                        style="rounded,dashed",
                        color=WIRE,
                        bgcolor=BLOCK,
                        labeljust="l",
                        labelloc="t",
                        margin=10,
                    )
                )
                clusters(sub, picture, inner)


def write_box(graph: graphviz.Digraph, k: int, box: Box) -> None:
    shape, style, fill = SHAPES[box.kind]
    fill = MARK if box.marked else fill
    colour = DEAD if box.faded or box.kind == "card" else INK
    graph.node(
        f"n{k}",
        **attributes(
            label=label(box.lines),
            shape=shape,
            style=style,
            fillcolor=fill,
            color=colour,
            penwidth=2 if box.marked else "",
            fontsize=11 if box.kind == "card" else "",
            **sizes(box),
            id=f"n{k}",
        ),
    )


def sizes(box: Box) -> dict[str, Any]:
    """The least size of a box, in inches; what is larger than its text has the text at its top."""
    if box.least is None:
        return SIZES.get(box.kind, {})
    width, height = (f"{points / POINTS:.3f}" for points in box.least)
    return {"width": width, "height": height, "labelloc": "t"}


def write_wire(graph: graphviz.Digraph, k: int, wire: Wire, down: bool) -> None:
    style = "dashed" if wire.backward or wire.faded else "solid"
    back = wire.tone in ("backward", "downstream", "back")
    colour = (
        DEAD
        if wire.faded
        else BOTH
        if wire.tone == "back"
        else TONES[wire.tone]
        if wire.tone
        else BACKWARD
        if wire.backward
        else WIRE
    )
    graph.edge(
        f"n{wire.source}",
        f"n{wire.target}",
        **attributes(
            label=label(wire.lines, beside=True) if down else above(wire.lines),
            style=style,
            color=colour,
            penwidth=2.4 if back else "",
            dir="back" if wire.reversed else "none" if back else "forward",
            id=f"e{k}",
        ),
    )
