"""Spellings of rows on carriers whose library is imported when it is used, in machine code, and why a row has none."""

from __future__ import annotations

from importlib import import_module
from typing import Any, NamedTuple

from ..types import Function, Value

ITERATION = "it is an iteration in floating point"
COMPLEX = "its values are complex numbers"
CONJUGATES = "it takes conjugates"
ROUNDED = "SciPy's are rounded to the size of the real part"
ON_HOST = "on the host"  # under "jax": by the row's NumPy function, called out of the compiled program
OF_REALS = "it is computed for real numbers"
SCALED = "SciPy's have the factor exp(-|Re x|)"


def by_mpmath(build: Function) -> Function:
    """A row's function on mpmath's numbers: `build(mpmath.mp, *operands, **params)`."""

    def spelled(*operands: Value, **params: Any) -> Value:
        return build(import_module("mpmath").mp, *operands, **params)

    return spelled


def by_sympy(build: Function) -> Function:
    """A row's function on sympy expressions: `build(sympy, *operands, **params)`."""

    def spelled(*operands: Value, **params: Any) -> Value:
        return build(import_module("sympy"), *operands, **params)

    return spelled


class Native(NamedTuple):
    """One element of an elementwise row, as text that numba compiles.

    `form` is what `text.spell` takes: a sign, a function's name, or a text in which {0}, {1} and {2} are the operands
    in the dtype of the result (of a comparison: in the one that they have in common) and {one} and {zero} are numbers
    of it. The operands at `truths` are truth values. A loop over a `light` form is at least as fast as NumPy's own;
    others are calls for one element after the other, and stand where the whole loop is compiled. A `wide` one is
    computed in float64, whatever the dtype.
    """

    form: str
    light: bool = True
    wide: bool = False
    truths: tuple[int, ...] = ()


def called(name: str) -> Native:
    """A function of the C library, by NumPy's name."""
    return Native(f"np.{name}", light=False)
