"""draw: a graph or a pass as SVG, PNG, PDF or DOT."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import DrawError, InputError
from ..files import target, write
from ..graph.drawable import GRAPHVIZ, SVG
from ..graph.graph import BackwardPass, Draft, ForwardPass, Graph
from ..progress import doing
from ..types import FileName
from .build import Builder
from .dot import digraph, dot
from .drawing import Drawing
from .layout import render
from .picture import OpenBlocks, Picture
from .svg import themed

if TYPE_CHECKING:
    import graphviz

FORMATS = (".svg", ".png", ".pdf", ".dot", ".html")
SECONDS = 20.0


def draw(
    thing: object,
    path: FileName,
    *,
    view: str | None = None,
    open_blocks: OpenBlocks = None,
    title: str | None = None,
    direction: str = "right",
    force: bool = False,
    seconds: float = SECONDS,
) -> Path:
    """Draws a graph or a pass to a file; the suffix (.svg, .png, .pdf, .dot, .html) chooses the format.

    Returns the path. A file.html is a page that goes through a pass step by step, complete in itself.

    `thing` is a Graph, a ForwardPass, a BackwardPass, or a drawing of `difflab.sketch` (.svg only, without the options
    of graphs). `view` is "both", "forward", "backward", "graph" or "symbolic": on each wire its local derivative and
    upstream × local = downstream in symbols, and in the numbers of a BackwardPass. `open_blocks` is True, False or the
    names of the blocks to open; over 100 nodes blocks are closed unless asked. `direction` is where the forward pass
    runs, "right" or "down". An existing file is replaced, and more than 2,000 boxes drawn, only with `force`. `seconds`
    of processor time limit the layout.

    >>> import difflab as dl, tempfile, pathlib
    >>> p = dl.parse("(x + y) * z").forward(x=-2, y=5, z=-4).backward()
    >>> dl.draw(p, pathlib.Path(tempfile.mkdtemp()) / "pass.svg").name
    'pass.svg'
    """
    if not isinstance(path, str | os.PathLike):
        raise InputError(f"draw: path={path!r}; give the name of a file, such as 'graph.svg'")
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise DrawError(f"{path.name!r} ends in {suffix or 'nothing'}; the formats are {', '.join(FORMATS)}")
    target(path, force)
    if isinstance(thing, Drawing):
        return thing.save(path, force)
    if suffix == ".html":
        if view is not None or open_blocks is not None or direction != "right":
            raise DrawError("a page (.html) shows all views and opens blocks itself; it takes title= and force= only")
        from .page import page_of

        return write(path, page_of(thing, title), force)
    picture = picture_of(thing, view, open_blocks, title, force, direction)
    return write(path, encoded(picture, suffix[1:], seconds), force)


def picture_of(
    thing: object,
    view: str | None = None,
    open_blocks: OpenBlocks = None,
    title: str | None = None,
    force: bool = False,
    direction: str = "right",
) -> Picture:
    """The picture of a graph or a pass."""
    if isinstance(thing, Draft):
        thing = thing.finish()
    if not isinstance(thing, Graph | ForwardPass | BackwardPass):
        hint = "; dl.Graph.from_networkx(g) makes a Graph" if hasattr(thing, "is_multigraph") else ""
        raise DrawError(
            f"{type(thing).__name__} cannot be drawn; give a Graph, graph.forward(...) or its .backward(){hint}"
        )
    if isinstance(thing, Graph) and not thing.order:
        raise DrawError("the graph has no nodes to draw")
    if direction not in ("right", "down"):
        raise DrawError(f'direction={direction!r}; it is "right" or "down"')
    with doing("drawing"):
        picture = Builder(thing, view, open_blocks, title).build(force)
    picture.down = direction == "down"
    return picture


def to_graphviz(thing: object, *options: Any) -> graphviz.Digraph:
    """See `Drawable.to_graphviz`, which is this."""
    return digraph(picture_of(thing, *options))


def encoded(picture: Picture, form: str, seconds: float = SECONDS) -> bytes:
    """The picture as bytes of a format."""
    if form == "dot":
        return dot(picture).encode()
    size = f"{len(picture.boxes):,} boxes"
    if form == "svg":
        return themed(render(dot(picture), "svg", seconds, size), picture).encode()
    data = render(dot(picture, background="white"), form, seconds, size)
    return without_dates(data) if form == "pdf" else data


def without_dates(pdf: bytes) -> bytes:
    """The PDF with its creation date set to a fixed one of the same length, so that equal pictures are equal files."""
    return re.sub(rb"\(D:\d{14}[^)]*\)", lambda m: b"(D:20000101000000" + b" " * (len(m[0]) - 18) + b")", pdf)


def svg(thing: object, **options: Any) -> str:
    """The SVG text of a graph or a pass."""
    return encoded(picture_of(thing, **options), "svg").decode()


GRAPHVIZ.fill(to_graphviz)
SVG.fill(svg)
