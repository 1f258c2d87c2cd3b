"""The functions of numpy.fft, for traced values as well."""

from __future__ import annotations

import numpy as _numpy

from ...types import Value
from .dispatching import found as _found


def __getattr__(name: str) -> Value:
    value = globals()[name] = _found(__name__, _numpy.fft, name)
    return value


def __dir__() -> list[str]:
    return [name for name in dir(_numpy.fft) if not name.startswith("_")]
