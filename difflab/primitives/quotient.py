"""Exact constants: doubles for arithmetic that remember the number they were rounded from."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

from ..types import Value


class Exact(float):
    """The double nearest to a number that is known exactly. Carriers of exact numbers (sympy, arb) read `exact`:
    a Fraction, or the name of a constant."""

    __slots__ = ()
    exact: Fraction | str

    def __str__(self) -> str:
        return float.__repr__(self)


class Quotient(Exact):
    """The double nearest to `fraction`.

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

    @property
    def exact(self) -> Fraction:  # type: ignore[override]
        return self.fraction

    def __repr__(self) -> str:
        return f"Quotient({self.fraction})"

    def __reduce__(self) -> Any:
        return Quotient, (self.fraction,)


NAMED = {"pi": math.pi, "e": math.e, "euler_gamma": 0.5772156649015329, "catalan": 0.915965594177219}


class Named(Exact):
    """The double nearest to a constant of mathematics with a name of `NAMED`.

    >>> Named("pi") == math.pi, Named("pi").exact
    (True, 'pi')
    """

    __slots__ = ("exact",)
    exact: str

    def __new__(cls, name: str) -> Named:
        made = super().__new__(cls, NAMED[name])
        made.exact = name
        return made

    def __repr__(self) -> str:
        return f"Named({self.exact!r})"

    def __reduce__(self) -> Any:
        return Named, (self.exact,)


def is_exact(value: Value) -> bool:
    """Whether a value is a whole number or a quotient of whole numbers."""
    return type(value) is int or isinstance(value, Quotient)


def fraction(value: Value) -> Fraction:
    """The number as a quotient of whole numbers; a float is the one that it is."""
    return value.fraction if isinstance(value, Quotient) else Fraction(value)


def whole(value: Fraction) -> Value:
    """A fraction as an int where NumPy can compute with it exactly, else as the double that remembers it."""
    if value.denominator == 1 and abs(value) <= 2**53:
        return int(value)
    return Quotient(value)
