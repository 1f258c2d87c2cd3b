"""Shapes without numbers: functions run on arrays of zeros that take no memory, and compute next to nothing."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..primitives import rows
from .recording import Tape
from .traced import Traced


def hollow(shape: Any, dtype: Any = np.float64) -> Any:
    """Zeros of any shape in the memory of one; what is written to one of them is written to all.

    >>> hollow((1000, 1000, 1000)).shape
    (1000, 1000, 1000)
    """
    shape = (int(shape),) if hasattr(shape, "__index__") else tuple(shape)
    return np.lib.stride_tricks.as_strided(np.zeros(1, dtype), shape, (0,) * len(shape))


class ShapeTape(Tape):
    """A record whose values mean nothing but their shapes and dtypes.

    What networks spend their time with is run on one element or channel in place of all; other operations run on the
    zeros as they are.
    """

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__()
        self.nested = True  # every operation then asks `compute`

    def input(self, value: Any, name: str | None = None) -> Traced:
        """An input of the shape and dtype of this array."""
        node = super().input(hollow(np.shape(value), np.asarray(value).dtype), name)
        return node

    def compute(self, row: Any, values: Any, params: Any) -> Any:
        with np.errstate(all="ignore"):
            return self.zeros(row, values, params)

    @staticmethod
    def zeros(row: Any, values: Any, params: Any) -> Any:
        """Zeros of the shape and dtype that the operation's result has."""
        values = [np.asarray(v) if isinstance(v, np.generic) else v for v in values]
        if row.kind == "elementwise":
            one = row.evaluate(*[first(v, np.ndim(v)) for v in values], **params)
            return like(one, np.broadcast_shapes(*map(np.shape, values)))
        if row is rows.conv:
            one = row.evaluate(*[first(v, 2) for v in values], **params | {"groups": 1})
            return like(one, (len(values[0]), len(values[1]), *one.shape[2:]))
        if row in (rows.max_pool, rows.avg_pool):
            lead = np.ndim(values[0]) - len(params["size"])
            one = row.evaluate(first(values[0], lead), **params)
            return like(one, (*np.shape(values[0])[:lead], *one.shape[lead:]))
        if row is rows.matmul and min(map(np.ndim, values)) > 1:
            return like(row.evaluate(values[0][..., :0], values[1][..., :0, :], **params))
        result = row.evaluate(*values, **params)
        return tuple(map(like, result)) if isinstance(result, tuple | list) else like(result)


def first(x: Any, axes: int) -> Any:
    """The first element along so many first axes."""
    return x[(slice(1),) * axes] if axes and np.ndim(x) else x


def like(x: Any, shape: Any = None) -> Any:
    """Zeros of x's dtype, of its shape or another one."""
    x = np.asarray(x)
    return hollow(x.shape if shape is None else shape, x.dtype)
