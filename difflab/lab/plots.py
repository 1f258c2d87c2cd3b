"""What the plots share: a figure without a window, and one way to save it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..files import target, write
from ..palette import SERIES
from ..types import FileName, Value

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MARKERS = "os^Dv*PX<>hp"
COLOURS = SERIES  # of lines that stand side by side


def figure(width: float = 7.5, height: float = 4.8) -> tuple[Figure, Any]:
    """A matplotlib figure with one set of axes."""
    from matplotlib.figure import Figure

    made = Figure(figsize=(width, height), layout="constrained")
    axes = made.subplots()
    axes.grid(alpha=0.3)
    axes.set_prop_cycle(color=list(COLOURS))
    return made, axes


def ink(colour: Value) -> str:
    """Black or white, whichever is read on a colour (red, green, blue): one of them has a contrast of at least 4.5.

    >>> ink((0.13, 0.57, 0.55)), ink((0.23, 0.32, 0.55))
    ('black', 'white')
    """
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour[:3])  # as WCAG has it
    return "white" if 0.2126 * r + 0.7152 * g + 0.0722 * b < 0.179 else "black"


def save(made: Figure, path: FileName, force: bool = False) -> Path:
    """Writes a figure; the suffix chooses the format."""
    path = target(path, force)
    form = path.suffix.lstrip(".").lower()
    if form not in ("png", "svg", "pdf"):
        raise InputError(f"{path.name} ends in {path.suffix or 'nothing'}; plots are .png, .svg or .pdf")
    return write(path, encoded(made, form), force)


def encoded(made: Figure, form: str) -> bytes:
    """The figure as bytes of a format."""
    buffer = io.BytesIO()
    made.savefig(buffer, format=form, dpi=150, metadata={"Date": None} if form == "svg" else None)
    return buffer.getvalue()
