"""Results that show themselves: as a card in a notebook, as tables when they are printed, and in a line as a repr."""

from __future__ import annotations

from .as_html import as_html
from .as_text import as_text
from .parts import Card


class Carded:
    """A class says in `_card_` what there is to see of it; a notebook shows that, and its text stays its own."""

    def _card_(self) -> Card:
        raise NotImplementedError(f"{type(self).__name__} has no card")

    def _repr_html_(self) -> str | None:
        return as_html(self._card_())


class Shown(Carded):
    """What is printed is the card as well: tables no wider than the terminal."""

    def __str__(self) -> str:
        return as_text(self._card_())
