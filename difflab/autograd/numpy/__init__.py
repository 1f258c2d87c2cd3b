"""NumPy's names for functions that are differentiated in autograd's laxer ways.

>>> import difflab.autograd.numpy as np
>>> from difflab.autograd import grad
>>> grad(lambda d: np.sum(np.stack(d.values())))({"a": 1.0, "b": 2.0})
{'a': np.float64(1.0), 'b': np.float64(1.0)}
"""

from __future__ import annotations

# This module's globals take NumPy's names (any, max, sum ...), so its code lives elsewhere and uses none of them.
from ...types import Value
from . import (
    fft as fft,
    linalg as linalg,
    numpy_boxes as numpy_boxes,
    numpy_jvps as numpy_jvps,
    numpy_vjps as numpy_vjps,
    numpy_vspaces as numpy_vspaces,
    numpy_wrapper as numpy_wrapper,
    random as random,
)
from .resolving import __all__ as __all__, numpy_version as __version__, resolve as _resolve  # noqa: F401


def __getattr__(name: str) -> Value:
    value = globals()[name] = _resolve(name)
    return value


def __dir__() -> list[str]:
    return __all__
