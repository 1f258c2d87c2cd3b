"""Picture: the boxes and wires of a drawing, before Graphviz places them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Literal

Tone = Literal["ink", "forward", "backward", "local", "downstream"]
Kind = Literal["input", "operation", "constant", "block", "output", "step", "stub", "card"]
Span = tuple[str, Tone]
OpenBlocks = bool | Collection[str] | None  # all, none, those of these names, or as many as there is room for


@dataclass
class Line:
    """A line of text in a label, with the tone that says what it is (the text says it too).

    A line of several tones has `spans`, which are its text in pieces; `sign` stands before a name and is what is
    `large` then.
    """

    text: str
    tone: Tone = "ink"
    large: bool = False
    bold: bool = False
    size: int = 0  # points; 0: what the drawing has for text, and for a large line
    spans: tuple[Span, ...] = ()
    sign: str = ""

    @classmethod
    def of(cls, *spans: Span) -> Line:
        return cls("".join(text for text, _ in spans), spans=spans)


@dataclass
class Box:
    """One vertex of the drawing."""

    lines: list[Line]
    kind: Kind = "operation"
    about: str = ""
    cluster: tuple[int, ...] = ()
    marked: bool = False
    faded: bool = False
    least: tuple[float, float] | None = None  # width and height in points; the lines then stand at the top


@dataclass
class Wire:
    """One arrow of the drawing, from box to box by their positions in the list.

    A wire with a `tone` is half of one that goes back: orange from the sender to the card with its equation, blue from
    there to the receiver, where the arrowhead is; "back" is both halves, without a card. A value flows on a green one.
    """

    source: int
    target: int
    lines: list[Line] = field(default_factory=list)
    backward: bool = False
    reversed: bool = False
    faded: bool = False
    about: str = ""
    tone: Literal["", "forward", "backward", "downstream", "back"] = ""


@dataclass
class Picture:
    """What is drawn: boxes, wires, opened blocks (clusters) by number, a title and a description for screen readers.

    `key` says below the drawing what its colours and marks mean.
    """

    title: str
    description: str
    boxes: list[Box] = field(default_factory=list)
    wires: list[Wire] = field(default_factory=list)
    clusters: dict[tuple[int, ...], str] = field(default_factory=dict)
    key: list[Line] = field(default_factory=list)
    down: bool = False
    narrow: bool = False  # less room between boxes and around them
    below: list[tuple[int, int]] = field(default_factory=list)  # boxes, the second lower, without a wire
    quick: bool = False  # straight wires and a coarser layout, for hundreds of boxes

    def add(self, box: Box) -> int:
        self.boxes.append(box)
        return len(self.boxes) - 1
