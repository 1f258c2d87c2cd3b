"""Operations as text, for readers and for programs: forms, signs, calls, and the brackets around operands.

A form has places for the operands, which stand in brackets where they bind less strongly.

>>> quotient = Text("{0}/{1}", PRODUCT, (PRODUCT, SIGN))
>>> quotient.of([("x", ATOM), ("y·z", PRODUCT)])
('x/(y·z)', 5)

In programs an operation is spelled by a sign, by the name of a function, or as a form, and its operands are names or
stand in brackets, so that nothing depends on what binds more strongly.

>>> spell("+", ["x", "y"]), spell("np.sin", ["x"]), spell("1.0 / {0}", ["x"])
('x + y', 'np.sin(x)', '1.0 / x')
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
        shown = [within(x, wanted) for x, wanted in zip(operands, least)]
        return self.form.format(*shown, **params), self.level


def of_number(text: str) -> Written:
    """A number's text: a minus in front binds as a sign does."""
    return text, SIGN if text.startswith("-") else ATOM


def within(written: Written, least: int = ATOM) -> str:
    """The text as an operand that must bind at least so strongly: in brackets where it binds less."""
    text, level = written
    return f"({text})" if level < least else text


def call(function: str, /, *arguments: str, **named: str) -> str:
    """
    >>> call("np.sum", "x", axis="0")
    'np.sum(x, axis=0)'
    """
    return f"{function}({', '.join([*arguments, *[f'{name}={text}' for name, text in named.items()]])})"


def infix(sign: str, left: str, right: str) -> str:
    """Two operands around Python's sign."""
    return f"{left} {sign} {right}"


def spell(spelling: str, operands: Sequence[str], **words: str) -> str:
    """An operation in Python: `spelling` is a sign, the name of a function, or a form, with places for `words` too."""
    if "{" in spelling:
        return spelling.format(*operands, **words)
    if spelling[-1].isalnum():
        return call(spelling, *operands)
    return infix(spelling, *operands) if len(operands) == 2 else spelling + operands[0]
