"""The way of a NaN as a drawing: from an input to where it arises, marked, and on to what it spoils."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

from ...draw.draw import encoded
from ...draw.drawing import Drawing
from ...draw.picture import Box, Kind, Line, Picture, Wire
from ...draw.text import clean

MOST, ENDS = 12, 5  # boxes of a path that are drawn; of a longer one, at each end


class Stop(NamedTuple):
    """A box of the drawing: what stands in it, the value, and what kind of thing it is."""

    name: str
    value: str = ""
    kind: Kind = "step"


class Trail(Drawing):
    """The drawing of a finding. Jupyter shows it, and `save` writes it (.svg)."""

    def __init__(self, picture: Picture) -> None:
        self.picture = picture

    @cached_property
    def text(self) -> str:
        return encoded(self.picture, "svg").decode()

    @property
    def svg(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"<Trail: {self.picture.title}>"


def trail(
    title: str, path: Sequence[Stop], beside: Sequence[Stop], marked: Sequence[str], onward: Sequence[Stop]
) -> Trail:
    """The boxes of a path in a row; `beside` are the last one's other operands, `marked` is what is said in it.

    `onward` are the stops behind it, where it goes.
    """
    shown = list(path)
    if len(shown) > MOST:
        shown = [*shown[:ENDS], Stop(f"… {len(shown) - 2 * ENDS} more operations"), *shown[-ENDS:]]
    told = " to ".join(stop.name for stop in [*shown, *onward])
    picture = Picture(title, f"The way of what is not finite: {told}.")
    last = None
    for k, stop in enumerate(shown):
        ends = k == len(shown) - 1
        box = picture.add(boxed(stop, marked if ends else ()))
        if last is not None:
            picture.wires.append(Wire(last, box, about=f"{shown[k - 1].name} goes into {stop.name}", tone="forward"))
        last = box
    at = last
    for stop in beside:
        source = picture.add(boxed(stop))
        picture.wires.append(Wire(source, at or 0, about=f"{stop.name} goes into {shown[-1].name}", tone="forward"))
    for stop in onward:
        box = picture.add(boxed(stop))
        picture.wires.append(Wire(last or 0, box, backward=True, about=f"it reaches {stop.name}"))
        last = box
    return Trail(picture)


def boxed(stop: Stop, marked: Sequence[str] = ()) -> Box:
    """The box of a stop; one with marks is coloured, and says them."""
    lines = [Line(clean(stop.name), bold=True)]
    lines += [Line(stop.value, "forward")] if stop.value and not marked else []
    lines += [Line(clean(text)) for text in marked]
    return Box(lines, stop.kind, " ".join([stop.name, stop.value, *marked]), marked=bool(marked))


__all__ = ["Stop", "Trail", "trail"]
