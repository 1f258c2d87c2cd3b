"""Drawings for narrow windows: from top to bottom, what is long in two lines, and few boxes side by side."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

from .draw import encoded, picture_of
from .key import SPACE
from .picture import Line, Picture, Span

LONG = 14  # characters of an equation that stays in one line
KEY = 36  # characters of a line of the key
EQUALS: Span = (" = ", "ink")


def narrow_svg(thing: object, width: float) -> str:
    """A graph or a pass as SVG text, in at most so many points if that can be.

    >>> import difflab as dl
    >>> from difflab.draw.draw import svg
    >>> passes = dl.parse("w*x + u*y + b").forward(w=1, x=2, u=3, y=4, b=5).backward()
    >>> width_of(svg(passes, direction="down")) > 350 > width_of(narrow_svg(passes, 350))
    True
    """
    picture = picture_of(thing, direction="down")
    picture.narrow = True
    for box in picture.boxes:
        if box.kind == "card":
            box.lines = [part for line in box.lines for part in equation_in_lines(line)]
    picture.key = [part for line in picture.key for part in key_in_lines(line)]
    drawn = encoded(picture, "svg").decode()
    if width_of(drawn) <= width:
        return drawn
    picture.below = list(late_leaves(picture))
    other = encoded(picture, "svg").decode()
    return min(drawn, other, key=width_of)


def width_of(svg: str) -> float:
    """The width of a drawing in points."""
    found = re.search(r'<svg[^>]*? width="([\d.]+)', svg)
    return float(found[1]) if found else 0.0


def equation_in_lines(line: Line) -> list[Line]:
    """Upstream × local, and below it = downstream.

    >>> [x.text for x in equation_in_lines(Line.of(("0.5", "backward"), (" × ", "ink"), ("0.25", "local"), EQUALS,
    ...                                            ("0.125", "downstream")))]
    ['0.5 × 0.25', '= 0.125']
    """
    if EQUALS not in line.spans or len(line.text) <= LONG:
        return [line]
    at = line.spans.index(EQUALS)
    return [Line.of(*line.spans[:at]), Line.of(("= ", "ink"), *line.spans[at + 1 :])]


def key_in_lines(line: Line) -> list[Line]:
    if SPACE in line.spans:
        at = line.spans.index(SPACE)
        return [Line.of(*line.spans[:at]), Line.of(*line.spans[at + 1 :])]
    return [line] if line.spans else [Line(text) for text in textwrap.wrap(line.text, KEY)]


def late_leaves(picture: Picture) -> Iterator[tuple[int, int]]:
    """Pairs that keep the order of use: what nothing leads to stands below what was computed before it."""
    before: list[list[int]] = [[] for _ in picture.boxes]
    for wire in picture.wires:
        before[wire.target].append(wire.source)
    ends = set(range(len(picture.boxes))) - {wire.source for wire in picture.wires}
    last = None
    for k in operands_first(before, sorted(ends)):
        if before[k] and picture.boxes[k].kind != "card":
            last = k
        elif not before[k] and last is not None:
            yield last, k


def operands_first(before: list[list[int]], ends: list[int]) -> Iterator[int]:
    """All that leads to the ends, each behind what it is computed from, one operand after the other."""
    seen = set(ends)
    waiting = [(end, iter(before[end])) for end in reversed(ends)]
    while waiting:
        k, operands = waiting[-1]
        new = next((x for x in operands if x not in seen), None)
        if new is None:
            waiting.pop()
            yield k
        else:
            seen.add(new)
            waiting.append((new, iter(before[new])))
