"""Quotients of whole numbers: doubles for arithmetic that remember what they were rounded from."""

from __future__ import annotations

from fractions import Fraction
from typing import Any


class Quotient(float):
    """The double nearest to `fraction`. Carriers of exact numbers (sympy, arb) read the fraction itself.

    >>> third = Quotient(Fraction(1, 3))
    >>> third == 1 / 3, third.fraction
    (True, Fraction(1, 3))
    """

    __slots__ = ("fraction",)
    fraction: Fraction

    def __new__(cls, fraction: Fraction) -> Quotient:
        """Raises OverflowError where no double is near."""
        made = super().__new__(cls, fraction.numerator / fraction.denominator)
        made.fraction = fraction
        return made

    def __repr__(self) -> str:
        return f"Quotient({self.fraction})"

    __str__ = float.__repr__

    def __reduce__(self) -> Any:
        return Quotient, (self.fraction,)


def is_exact(value: Any) -> bool:
    """Whether a value is a whole number or a quotient of whole numbers."""
    return type(value) is int or isinstance(value, Quotient)


def fraction(value: Any) -> Fraction:
    return value.fraction if isinstance(value, Quotient) else Fraction(value)


def whole(value: Fraction) -> Any:
    """A fraction as an int where NumPy can compute with it exactly, else as the double that remembers it."""
    if value.denominator == 1 and abs(value) <= 2**53:
        return int(value)
    return Quotient(value)
