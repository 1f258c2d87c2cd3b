"""What the functions of this package return: a drawing that shows itself in notebooks and writes itself to a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...errors import DrawError, InputError
from ...files import write
from .canvas import Canvas

GAP = 36.0


class Sketch:
    """A drawing: `title` and `description` are what somebody hears who does not see it, `svg` is its text."""

    def __init__(self, canvas: Canvas, title: str, description: str = "") -> None:
        self.canvas, self.title, self.description = canvas, title, description

    @property
    def svg(self) -> str:
        return self.canvas.svg(self.title, self.description)

    def save(self, path: Any, force: bool = False) -> Path:
        """Writes the drawing as an SVG file and returns its path; an existing file is replaced only with `force`."""
        try:
            path = Path(path)
        except TypeError:
            raise InputError(f"save: path={path!r}; give the name of a file, such as 'sketch.svg'") from None
        if path.suffix.lower() != ".svg":
            raise DrawError(f"{path.name!r} ends in {path.suffix or 'nothing'}; a sketch is written as .svg")
        return write(path, self.svg, force)

    def _repr_svg_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return f"<sketch: {self.title}>"


def beside(*sketches: Sketch, title: str | None = None) -> Sketch:
    """Sketches next to each other, their upper edges in line.

    >>> from difflab.draw.sketch import grid
    >>> beside(grid([[1, 2]]), grid([[3, 4]]), title="Two rows")
    <sketch: Two rows>
    """
    return joined("beside", sketches, title, across=True)


def below(*sketches: Sketch, title: str | None = None) -> Sketch:
    """Sketches one below the other, their left edges in line."""
    return joined("below", sketches, title, across=False)


def joined(what: str, sketches: tuple[Sketch, ...], title: str | None, across: bool) -> Sketch:
    wrong = [s for s in sketches if not isinstance(s, Sketch)]
    if wrong or not sketches:
        told = f"{type(wrong[0]).__name__} is no sketch" if wrong else "there is nothing to draw"
        raise DrawError(f"{what}: {told}; give sketches, such as sketch.grid([[1, 2]])")
    canvas, x, y = Canvas(), 0.0, 0.0
    for s in sketches:
        canvas.include(s.canvas, x, y)
        x, y = (canvas.right + GAP, 0.0) if across else (0.0, canvas.bottom + GAP)
    return Sketch(
        canvas,
        title or "; ".join(s.title for s in sketches),
        " ".join(f"{s.title}: {s.description}" if s.description else f"{s.title}." for s in sketches),
    )
