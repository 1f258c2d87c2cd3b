"""What sympy's symbols are assumed to be, and whether a point keeps to it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..types import Value

OF_FLOATS = {"rational", "irrational", "algebraic", "transcendental"}  # a float stands for any real number


def contradicted(expression: Any, at: dict[str, Value]) -> str:
    """Which number of a point its symbol is assumed not to be, "" where there is none: sympy simplifies by assumptions.

    >>> import sympy
    >>> contradicted(sympy.sqrt(sympy.Symbol("x", positive=True) ** 2), dict(x=-3.0))
    'x=-3, which is assumed to be positive'
    """
    import sympy

    for symbol in sorted(expression.free_symbols, key=str):
        declared = getattr(symbol, "_assumptions_orig", None) or symbol.assumptions0  # without what follows, if known
        for x in np.ravel(np.asarray(at.get(symbol.name, ()), dtype=float)):
            number = sympy.Rational(*float(x).as_integer_ratio())
            for fact, holds in sorted(declared.items()):
                known = getattr(number, f"is_{fact}", None)
                if fact not in OF_FLOATS and known is not None and known != holds:
                    return f"{symbol.name}={float(x):g}, which is assumed {'' if holds else 'not '}to be {fact}"
    return ""


__all__ = ["contradicted"]
