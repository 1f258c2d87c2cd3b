"""The gallery's figures, by the name of their file."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ..draw.draw import encoded, picture_of
from ..graph.drawable import Drawable


@dataclass(frozen=True)
class Figure:
    """One picture: what makes it, its number in the course (empty: it has none), and options of draw."""

    name: str
    make: Callable[[], Any]
    number: str = ""
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def heading(self) -> str:
        told = self.make.__name__.replace("_", " ").capitalize().replace("Lenet 5", "LeNet-5")
        return f"{self.number} {told}".strip()

    @property
    def chapter(self) -> str:
        """What the file says in which the figure stands: `Chapter 3: losses, and the descent on them`."""
        return (inspect.getdoc(inspect.getmodule(self.make)) or "").partition("\n")[0].rstrip(".")

    def svg(self) -> str:
        """The picture's text: a graph or a pass is laid out, a drawing of its own kind says how it looks."""
        made = self.make()
        if isinstance(made, Drawable):
            return encoded(picture_of(made, **self.options), "svg").decode()
        text: str = made._repr_svg_()
        return text


FIGURES: dict[str, Figure] = {}


def figure(name: str, *, number: str = "", **options: Any) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    """Adds a function to the gallery under a file name; its docstring is the sentence beside it, its source is shown.

    The function returns a graph or a pass, drawn with `options`, or anything with `_repr_svg_`.
    """

    def add(make: Callable[[], Any]) -> Callable[[], Any]:
        FIGURES[name] = Figure(name, make, number, options)
        return make

    return add
