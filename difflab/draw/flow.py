"""Boxes and arrows that are no computational graph, such as a loop: drawn in the same way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..cards.parts import Card, drawn
from ..cards.shown import Carded
from .draw import encoded
from .picture import Box, Kind, Line, Picture, Tone, Wire


class Flow(Carded):
    """A flow chart. `arrows` are (from, to, text) or (from, to, text, tone); boxes come from them, in that order.

    A tone is "forward", "backward" or "ink"; `kinds` says which boxes are an "input" or a "block". Jupyter shows the
    chart; `svg()` is its text.

    >>> Flow([("a", "b", "there"), ("b", "a", "and back", "backward")], "To and fro").svg().startswith("<svg")
    True
    """

    def __init__(
        self,
        arrows: Iterable[tuple[str, str, str] | tuple[str, str, str, Tone]],
        title: str,
        kinds: Mapping[str, Kind] | None = None,
    ) -> None:
        arrows = list(arrows)
        names = list(dict.fromkeys(end for arrow in arrows for end in arrow[:2]))
        told = "; ".join(f"{a[0]} to {a[1]}" + (f" ({a[2]})" if a[2] else "") for a in arrows)
        self.picture: Picture = Picture(title, f"Arrows: {told}.")
        for name in names:
            lines = [Line(part, bold=k == 0) for k, part in enumerate(name.split("\n"))]
            self.picture.add(Box(lines, (kinds or {}).get(name, "step"), name.replace("\n", " ")))
        for arrow in arrows:
            tone: Tone = arrow[3] if len(arrow) == 4 else "ink"
            source, target = (names.index(end) for end in arrow[:2])
            lines = [Line(arrow[2], tone)] if arrow[2] else []
            about = f"{arrow[0]} to {arrow[1]}".replace("\n", " ")
            self.picture.wires.append(Wire(source, target, lines, backward=tone == "backward", about=about))

    def svg(self) -> str:
        return encoded(self.picture, "svg").decode()

    _repr_svg_ = svg

    def _card_(self) -> Card:
        return drawn(type(self).__name__, self.svg())
