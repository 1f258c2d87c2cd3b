"""What a graph or a pass can be asked for as a picture, by Jupyter among others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..cards.as_text import as_text
from ..cards.parts import Card
from ..cards.shown import Carded
from ..errors import DifflabError
from ..hooks import Hook
from ..types import Value

if TYPE_CHECKING:
    import graphviz


class Drawable(Carded):
    """Shows itself as a picture in Jupyter; the drawing stands above and is loaded when asked for."""

    def _card_(self) -> Card:
        return CARD(self, True)

    def _repr_svg_(self) -> str:
        return SVG(self)

    def to_graphviz(
        self,
        *,
        view: str | None = None,
        open_blocks: Value = None,
        title: str | None = None,
        direction: str = "right",
        force: bool = False,
    ) -> graphviz.Digraph:
        """The drawing as a `graphviz.Digraph`, to go on with: more nodes, other attributes, its own formats.

        The options are those of `draw`. The nodes are called n0, n1, ...: the graph's inputs and operations in
        topological order, one for each closed block, then constants and outputs. Raises DrawError over 2,000 boxes.

        >>> import difflab as dl
        >>> picture = dl.parse("q = x + y; f = q * z").to_graphviz()
        >>> picture.node("n3", fillcolor="gold")
        >>> type(picture).__name__, "gold" in picture.source
        ('Digraph', True)
        """
        return GRAPHVIZ(self, view, open_blocks, title, force, direction)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        bundle = {"text/plain": repr(self)}
        try:
            drawing = self._repr_svg_()
        except DifflabError as error:  # too large to draw, or no Graphviz: the text still shows
            bundle["text/plain"] += f"\n({error})"
        else:
            if len(drawing) <= LARGEST:
                bundle["image/svg+xml"] = drawing
        return bundle


class Stepwise(Drawable):
    """A pass: Jupyter shows it as a page, step by step, in a frame of its own that may only run scripts."""

    def _repr_html_(self) -> str | None:
        try:
            page = FRAME(self)
        except DifflabError:  # nothing flows, or there is no Graphviz
            page = None
        return page or super()._repr_html_()

    def __str__(self) -> str:
        return as_text(CARD(self, False))


LARGEST = 100_000  # bytes of a drawing that a notebook keeps
SVG: Hook[[Drawable], str] = Hook("svg")
GRAPHVIZ: Hook[[Drawable, str | None, Value, str | None, bool, str], graphviz.Digraph] = Hook("graphviz")
FRAME: Hook[[Stepwise], str | None] = Hook("frame")
CARD: Hook[[Drawable, bool], Card] = Hook("card of a graph")  # whether with the picture
