"""What the helper process of symbolic work loads and runs once, before it forks for the first piece of work."""

from __future__ import annotations

from collections.abc import Iterator

import scipy.special  # noqa: F401
import sympy

from . import symbolic  # noqa: F401


def warm_up() -> Iterator[None]:
    """What symbolic work needs: sympy fills its caches by one small derivative."""
    x = sympy.Symbol("x", real=True)
    slope = sympy.diff(sympy.sin(x) * sympy.exp(x), x)
    sympy.cse([slope])
    for modules in (["scipy", "numpy"], "mpmath"):
        sympy.lambdify([x], [slope], modules=modules, cse=True, dummify=True)(1.0)
    yield
