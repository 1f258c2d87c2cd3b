"""What the plots share: a figure without a window, and one way to save it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..files import target, write
from ..palette import SERIES
from ..types import FileName

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
