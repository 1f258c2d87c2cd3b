"""Numbers for sympy's expressions with more digits than doubles have."""

from __future__ import annotations

import numpy as np

from ..graph.sympy_io import SympyCarrier, exact
from ..primitives import Primitive, rows
from ..types import Function, Value

DIGITS = 50


class FineCarrier(SympyCarrier):
    """sympy expressions in which decimal constants have DIGITS digits: sympy computes with them at once, and what
    cancels there must leave a double's digits."""

    def function(self, row: Primitive) -> Function:
        return (lambda *, value: fine(value)) if row is rows.constant else super().function(row)


def fine(value: Value) -> Value:
    """A number as sympy's, decimal ones with DIGITS digits."""
    return finely(exact(value))


def finely(value: Value) -> Value:
    import sympy

    if isinstance(value, np.ndarray):
        return np.array([finely(x) for x in value.flat], dtype=object).reshape(value.shape)
    return sympy.Float(value, DIGITS) if isinstance(value, sympy.Float) else value


FINE = FineCarrier()
