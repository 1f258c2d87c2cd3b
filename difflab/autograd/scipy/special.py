"""The functions of scipy.special, for traced values as well."""

from __future__ import annotations

from ...late import Late as _Late
from ...types import Value
from ..numpy.numpy_wrapper import found as _found

_special: Value = _Late("scipy.special")


def __getattr__(name: str) -> Value:
    value = globals()[name] = _found(__name__, _special, name)
    return value
