"""Operations as text: a form with places for the operands, which stand in brackets where they bind less strongly.

>>> quotient = Text("{0}/{1}", PRODUCT, (PRODUCT, SIGN))
>>> quotient.of([("x", ATOM), ("y·z", PRODUCT)])
('x/(y·z)', 5)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

Written = tuple[str, int]  # a text, and how strongly its outermost operation binds
ANY, OR, AND, COMPARISON, SUM, PRODUCT, SIGN, POWER, BASE, ATOM = range(10)


class Text(NamedTuple):
    """`level` says how strongly the operation binds, `operands` how strongly each operand must: ANY for the rest."""

    form: str
    level: int = ATOM
    operands: tuple[int, ...] = ()

    def of(self, operands: Sequence[Written], **params: Any) -> Written:
        """The text of the operation on operands."""
        least = (*self.operands, *[ANY] * len(operands))
        shown = [f"({text})" if level < wanted else text for (text, level), wanted in zip(operands, least)]
        return self.form.format(*shown, **params), self.level


def of_number(text: str) -> Written:
    """A number's text: a minus in front binds as a sign does."""
    return text, SIGN if text.startswith("-") else ATOM
