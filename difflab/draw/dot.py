"""The one writer of DOT text. Attributes come from a fixed list, ids are generated, labels are escaped.

Graphviz reads a label in <...> as its own small markup; ours hold only <font>, <b> and <br/> around escaped text.
"""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

from .palette import (
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
    "nslimit nslimit1 mclimit splines".split()
)
FONT, POINTS = "Helvetica", 72  # points an inch
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
    "key": ("plain", "", ""),
    "legend": ("box", "filled,rounded,dashed", MARK),
}


def attributes(**given: Any) -> dict[str, str]:
    unknown = set(given) - ALLOWED
    if unknown:
        raise AssertionError(f"attributes not on the list: {unknown}")
    return {k: str(v) for k, v in given.items() if v != ""}


def label(lines: list[Line], beside: bool = False) -> str:
    """Lines as Graphviz markup, every character of text escaped; `beside` a wire they begin with room."""
    parts = []
    for line in lines:
        size = ' point-size="16"' if line.large else ""
        made = ""
        for piece, tone in line.spans or ((line.text, line.tone),):
            text = html.escape(clean(piece, 120), quote=True) or " "
            text = text.replace(" ", "&#160;") if line.spans else text  # SVG drops a space where a piece begins or ends
            text = f"<b>{text}</b>" if line.bold else text
            text = f"&#160;&#160;{text}" if beside and not made else text
            made += f'<font color="{TONES[tone]}"{size}>{text}</font>'
        parts.append(made)
    return "<" + "<br/>".join(parts) + ">" if parts else ""


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
            nodesep=0.28,
            ranksep=0.45,
            pad=0.15,
            fontname=FONT,
            fontsize=12,
            fontcolor=INK,
        ),
    )
    if picture.quick:
        graph.attr("graph", _attributes=attributes(nslimit=1, nslimit1=1, mclimit=0.2, splines="line"))
    graph.attr("node", _attributes=attributes(fontname=FONT, fontsize=12, margin="0.09,0.05", penwidth=1.2, color=INK))
    graph.attr("edge", _attributes=attributes(fontname=FONT, fontsize=10, color=WIRE, arrowsize=0.7, penwidth=1.2))
    clusters(graph, picture, ())
    for k, wire in enumerate(picture.wires):
        write_wire(graph, k, wire, picture.down)
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
            id=f"n{k}",
            width="" if box.least is None else f"{box.least[0] / POINTS:.3f}",
            height="" if box.least is None else f"{box.least[1] / POINTS:.3f}",
            labelloc="" if box.least is None else "t",
        ),
    )


def write_wire(graph: graphviz.Digraph, k: int, wire: Wire, down: bool) -> None:
    style = "dashed" if wire.backward or wire.faded or wire.tone else "solid"
    colour = DEAD if wire.faded else TONES[wire.tone] if wire.tone else BACKWARD if wire.backward else WIRE
    graph.edge(
        f"n{wire.source}",
        f"n{wire.target}",
        **attributes(
            label=label(wire.lines, down),
            style=style,
            color=colour,
            dir="none" if wire.tone == "backward" else "back" if wire.reversed else "forward",
            id=f"e{k}",
        ),
    )
