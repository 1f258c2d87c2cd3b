"""The functions of numpy.linalg, for traced values as well."""

from __future__ import annotations

import numpy as _numpy

from ...types import Value
from .dispatching import found as _found


def T(x: Value) -> Value:
    """Each matrix transposed.

    >>> T(_numpy.ones((2, 3))).shape
    (3, 2)
    """
    return _numpy.swapaxes(x, -1, -2)


def _dot(x: Value, y: Value) -> Value:
    """The product of each pair of matrices."""
    return _numpy.matmul(x, y)


def __getattr__(name: str) -> Value:
    value = globals()[name] = _found(__name__, _numpy.linalg, name)
    return value


def __dir__() -> list[str]:
    return [name for name in dir(_numpy.linalg) if not name.startswith("_")] + ["T"]
