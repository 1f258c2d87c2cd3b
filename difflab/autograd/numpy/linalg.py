"""The functions of numpy.linalg, for traced values as well."""

from __future__ import annotations

import numpy as _numpy

from ...types import Value
from .numpy_wrapper import found as _found


def __getattr__(name: str) -> Value:
    value = globals()[name] = _found(__name__, _numpy.linalg, name)
    return value


def __dir__() -> list[str]:
    return [name for name in dir(_numpy.linalg) if not name.startswith("_")]
