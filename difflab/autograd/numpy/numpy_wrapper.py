"""NumPy's names for traced values as well, where autograd makes them, and what it makes them with."""

from __future__ import annotations

from ...types import Value
from .dispatching import metadata as metadata, wrap_namespace as wrap_namespace
from .integers import wrap_intdtype as wrap_intdtype
from .resolving import numpy_version as numpy_version, resolve as _resolve


def __getattr__(name: str) -> Value:
    value = globals()[name] = _resolve(name)
    return value
