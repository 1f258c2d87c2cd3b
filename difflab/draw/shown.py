"""What a notebook cell and a terminal show of graphs and passes: the drawing, and a table of the nodes."""

from __future__ import annotations

from collections import Counter
from html import escape

from ..cards.as_html import framed
from ..cards.parts import Card, Fold, Part, Picture, Table, Words, brief
from ..errors import DifflabError
from ..graph.drawable import CARD, FRAME, Drawable
from ..graph.graph import BackwardPass, Draft, ForwardPass, Graph
from ..primitives import rows
from .draw import svg
from .formula import names_of, node_formula
from .text import short

MOST_DRAWN, MOST_FRAMED = 80_000, 170_000  # bytes of a drawing and of a page in a cell
MOST_LISTED, MOST_NAMED = 300, 6  # nodes of a table of them, inputs in a line
HEIGHT = 760  # of a frame whose page cannot say how high it is: nothing runs in a notebook that is not trusted
LISTENER = (
    'window.difflabFrames||(window.difflabFrames=addEventListener("message",e=>{const h=e.data&&e.data.difflabHeight;'
    'if(h>0)for(const f of document.querySelectorAll("iframe"))if(f.contentWindow===e.source){'
    'f.style.height=Math.min(h,4000)+"px";'
    'e.source.postMessage({difflabDark:getComputedStyle(f).colorScheme==="dark"},"*")}})||1)'
)


def card(thing: Drawable, pictured: bool) -> Card:
    """A graph or a pass; without the picture where text is wanted, which has no use for it."""
    graph, forward, backward = passes_of(thing)
    names = [brief(str(n.name)) for n in graph.inputs]
    ends = f"{len(names)} inputs" if len(names) > MOST_NAMED else f"inputs {', '.join(names) or 'none'}"
    size = len(graph.operations)
    about = f"of {size:,} operation{'s' * (size != 1)}, {ends}"
    drawn = picture(thing) if pictured else []
    nodes = table(graph, forward, backward)
    counts = counted(graph)
    shown = bool(drawn) and isinstance(drawn[0], Picture)
    rest: list[Part] = [Fold("nodes", [nodes])] if shown else [*([counts] if size > 12 else []), nodes]
    return Card(type(thing).__name__, about).add(*drawn, *rest)


def passes_of(thing: Drawable) -> tuple[Graph, ForwardPass | None, BackwardPass | None]:
    """The graph, and the passes that there are."""
    if isinstance(thing, BackwardPass):
        return thing.forward.graph, thing.forward, thing
    if isinstance(thing, ForwardPass):
        return thing.graph, thing, None
    found = thing.finish() if isinstance(thing, Draft) else thing
    assert isinstance(found, Graph)
    return found, None, None


def picture(thing: Drawable) -> list[Part]:
    """The drawing, or why there is none."""
    try:
        drawing = svg(thing)
    except DifflabError as error:
        return [Words(f"no picture: {error}")]
    if len(drawing) > MOST_DRAWN:
        return [Words('too large a picture for a cell; dl.draw(graph, "graph.svg") writes it to a file')]
    return [Picture(drawing, about(passes_of(thing)[0]))]


def about(graph: Graph) -> str:
    """What stands for a drawing: its operations in words."""
    names = names_of(graph)
    told = [f"{names[n]} = {node_formula(n, names)}" for n in graph.operations[:12]]
    more = f" and {len(graph.operations) - 12} more operations" if len(graph.operations) > 12 else ""
    return f"The graph of {', '.join(str(n.name) for n in graph.inputs[:8]) or 'constants'}: {'; '.join(told)}{more}"


def counted(graph: Graph) -> Table:
    """How often each operation occurs."""
    found = Counter(n.primitive.name for n in graph.operations).most_common()
    return Table([[name, f"{n:,}"] for name, n in found], ("operation", "nodes"), "operations")


def table(graph: Graph, forward: ForwardPass | None, backward: BackwardPass | None) -> Table:
    """The nodes in their order: formula, and value and adjoint where they are known."""
    names = names_of(graph)
    order = [n for n in graph.order if n.primitive is not rows.constant]
    listed: list[list[str]] = []
    for node in order[:MOST_LISTED]:
        cells = [names[node], node_formula(node, names) if node.operands else "input"]
        if forward is not None:
            cells.append(short(forward.values[node], 6))
        if backward is not None:
            cells.append(short(backward.adjoint[node], 6) if node in backward.reached else "")
        listed.append(cells)
    heads = ["node", "formula", *(["value"] if forward else []), *(["adjoint"] if backward else [])]
    listed += [["…", f"{len(order) - MOST_LISTED:,} more nodes"]] if len(order) > MOST_LISTED else []
    return Table(listed, heads)


def frame(thing: Drawable) -> str | None:
    """The step-through page of a pass in an <iframe> that may run scripts and nothing else; None if it is too large.

    The page tells the notebook how high it is, which may be exported long before anybody looks at it.
    """
    from .page import page_of

    page = page_of(thing, ulps=False)
    if len(page) > MOST_FRAMED:
        return None
    return framed(
        f'<iframe srcdoc="{escape(page, quote=True)}" sandbox="allow-scripts" title="The passes, step by step" '
        f'width="100%" height="{HEIGHT}"></iframe><script>{LISTENER}</script>',
        "bare",
    )


CARD.fill(card)
FRAME.fill(frame)
