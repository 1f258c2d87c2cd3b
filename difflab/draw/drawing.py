"""Drawings that are finished: they show themselves in notebooks and write themselves to a file."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

from ..cards.parts import Card, drawn
from ..cards.shown import Carded
from ..errors import DrawError, InputError
from ..files import write
from ..types import FileName


class Drawing(Carded, ABC):
    """What has its SVG already, such as a sketch; `draw` saves it as it is."""

    @property
    @abstractmethod
    def svg(self) -> str:
        """The drawing's text."""

    def save(self, path: FileName, force: bool = False) -> Path:
        """Writes the drawing as an SVG file and returns its path; an existing file is replaced only with `force`."""
        try:
            path = Path(path)
        except TypeError:
            raise InputError(f"save: path={path!r}; give the name of a file, such as 'sketch.svg'") from None
        if path.suffix.lower() != ".svg":
            raise DrawError(f"{path.name!r} ends in {path.suffix or 'nothing'}; a sketch is written as .svg")
        return write(path, self.svg, force)

    def _card_(self) -> Card:
        return drawn(type(self).__name__, self.svg)

    def _repr_svg_(self) -> str:
        return self.svg
