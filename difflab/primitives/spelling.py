"""Spellings of rows on carriers whose library is imported only when it is used, and why a row has none."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

ITERATION = "it is an iteration in floating point"
COMPLEX = "its values are complex numbers"
CONJUGATES = "it takes conjugates"
ROUNDED = "SciPy's are rounded to the size of the real part"
SCALED = "SciPy's have the factor exp(-|Re x|)"


def by_mpmath(build: Callable[..., Any]) -> Callable[..., Any]:
    """A row's function on mpmath's numbers: `build(mpmath.mp, *operands, **params)`."""

    def spelled(*operands: Any, **params: Any) -> Any:
        return build(import_module("mpmath").mp, *operands, **params)

    return spelled


def by_sympy(build: Callable[..., Any]) -> Callable[..., Any]:
    """A row's function on sympy expressions: `build(sympy, *operands, **params)`."""

    def spelled(*operands: Any, **params: Any) -> Any:
        return build(import_module("sympy"), *operands, **params)

    return spelled
