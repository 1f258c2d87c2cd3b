"""Readers of calls in NumPy's signature: they return `(operands, params)` in the form the rows use."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import InputError, ShapeError
from .carriers import Carrier


def axes(axis: Any, ndim: int, name: str = "axis") -> Any:
    """None, or the axes as a tuple of non-negative integers."""
    if axis is None:
        return None
    wanted = (axis,) if isinstance(axis, int | np.integer) else tuple(axis)
    for k in wanted:
        if not -ndim <= k < ndim:
            raise ShapeError(f"{name}={axis!r} is out of range for an array with {ndim} dimensions")
    return tuple(int(k) % ndim for k in wanted)


def refuse(**given: Any) -> None:
    """Arguments of NumPy's that have no meaning on traced values."""
    for name, value in given.items():
        if value is not None and value is not np._NoValue:
            raise InputError(f"{name}={value!r} is not supported on traced values")


def reduction(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, **other: Any) -> Any:
    """np.sum and its like."""
    refuse(out=out, **other)
    keep = False if keepdims is np._NoValue else bool(keepdims)
    return (a,), {"axis": axes(axis, Carrier.ndim(a)), "keepdims": keep}


def unary(x: Any, **params: Any) -> Any:
    return (x,), params
