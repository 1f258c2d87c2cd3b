"""NumPy's names in one namespace that also takes traced values where plain NumPy cannot, and what NumPy lacks.

Every name of `numpy` is here and means the same; `array`, `asarray`, `full`, `r_`, `c_`, `vectorize` and arguments that
are lists may hold traced values. Beside them stand the functions that NumPy has not: `sigmoid`, `softplus`, `relu`,
`logsumexp`, `softmax`, `erf`, `gammaln` and so on (`dir(difflab.numpy)` lists them).

>>> import difflab as dl
>>> import difflab.numpy as dnp
>>> dl.grad(lambda x: dnp.mean([x, 2 * x, dnp.softplus(x)]))(0.0)
np.float64(1.1666666666666665)
"""

from __future__ import annotations

# This module's globals take NumPy's names (any, max, sum ...), so its code lives elsewhere and uses none of them.
import sys as _sys

from .graph.array_methods import ARRAY_NAMESPACE as _ARRAY_NAMESPACE
from .graph.array_namespace import (
    array,
    asanyarray,
    asarray,
    ascontiguousarray,
    c_,
    full,
    public_names,
    r_,
    resolve,
)
from .graph.vectorized import vectorize
from .types import Value

_ARRAY_NAMESPACE.fill(lambda: _sys.modules[__name__])


def __getattr__(name: str) -> Value:
    value = globals()[name] = resolve(name)
    return value


def __dir__() -> list[str]:
    return public_names()


__all__ = ["array", "asanyarray", "asarray", "ascontiguousarray", "c_", "full", "r_", "vectorize"]
