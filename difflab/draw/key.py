"""The key of a drawing: its colours and marks in words."""

from __future__ import annotations

from collections.abc import Iterable

from .marks import LEGEND
from .picture import Line, Span

ROLES: tuple[Span, ...] = (
    ("upstream", "backward"), (" × ", "ink"), ("local", "local"), (" = ", "ink"), ("downstream", "downstream"),
)  # fmt: skip


SPACE: Span = ("   ", "ink")


def key_of(values: bool, flows: bool, marks: Iterable[str]) -> list[Line]:
    """Lines for the values of a forward pass, what flows back, and the marks that were seen.

    >>> [line.text for line in key_of(True, True, ["kink"])]
    ['value (forward)   upstream × local = downstream (back)', '◆ kink: no derivative here; a convention is returned']
    """
    pieces: list[Span] = [("value (forward)", "forward")] if values else []
    if flows:
        pieces += [*([SPACE] if values else []), *ROLES, (" (back)", "ink")]
    lines = [Line.of(*pieces)] if pieces else []
    return lines + [Line(f"{LEGEND[m][0]}: {LEGEND[m][1]}") for m in marks]
