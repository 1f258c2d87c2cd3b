"""What the functions of this package return: a drawing, alone or beside others."""

from __future__ import annotations

from ..draw.drawing import Drawing
from ..errors import DrawError
from .canvas import Canvas

GAP = 36.0


class Sketch(Drawing):
    """A drawing: `title` and `description` are what somebody hears who does not see it, `svg` is its text."""

    canvas: Canvas
    title: str
    description: str

    def __init__(self, canvas: Canvas, title: str, description: str = "") -> None:
        self.canvas, self.title, self.description = canvas, title, description

    @property
    def svg(self) -> str:
        return self.canvas.svg(self.title, self.description)

    def __repr__(self) -> str:
        return f"<sketch: {self.title}>"


def beside(*sketches: Sketch, title: str | None = None) -> Sketch:
    """Sketches next to each other, their upper edges in line.

    >>> from difflab.sketch import grid
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
