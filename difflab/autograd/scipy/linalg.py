"""The functions of scipy.linalg, for traced values as well."""

from __future__ import annotations

from ...late import Late as _Late
from ...types import Value
from ..numpy.numpy_wrapper import found as _found

_linalg: Value = _Late("scipy.linalg")


def __getattr__(name: str) -> Value:
    value = globals()[name] = _found(__name__, _linalg, name)
    return value
