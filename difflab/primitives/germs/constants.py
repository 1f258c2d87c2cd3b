"""Constants of graphs on germs."""

from __future__ import annotations

import numpy as np

from ...types import Value
from ..elements import mapped
from .germ import constant, lift
from .session import NOW


def lift_all(value: Value) -> Value:
    """Constants, arrays included, as exact germs; truth values and integers stay for indexing."""
    if isinstance(value, np.ndarray) and value.ndim:
        if value.dtype.kind in "biu":
            return value
        out = np.empty(value.size, dtype=object)
        for k, x in enumerate(value.flat):
            out[k] = lift(x)
        return out.reshape(value.shape)
    if isinstance(value, bool | np.bool_):
        return value
    return lift(value)


def exact(*, value: Value) -> Value:
    """A constant of the graph; in a backward graph, what a rule rounded it from."""
    found = lift_all(value)
    if not NOW.exact or not isinstance(value, float | np.floating | np.ndarray):
        return found
    return mapped(lambda v, germ: constant(NOW.exact[v]()) if v in NOW.exact else germ)(value, found)
