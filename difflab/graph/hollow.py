"""Shapes without numbers: functions run on arrays of zeros that take no memory, and compute next to nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ..errors import DifflabError
from ..primitives import Primitive
from ..types import Params, Shape, Sizes, Value
from .recording import Guards, Tape
from .traced import Traced


def hollow(shape: Sizes, dtype: DTypeLike | None = np.float64) -> Value:
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
    hollow = True

    def __init__(self, guards: Guards | None = None, merging: bool = False) -> None:
        super().__init__(guards=guards, merging=merging)
        self.nested = True  # every operation then asks `compute`

    def input(self, value: Value, name: str | None = None) -> Traced:
        """An input of the shape and dtype of this array."""
        node = super().input(hollow(np.shape(value), np.asarray(value).dtype), name)
        return node

    def compute(self, row: Primitive, values: list[Value], params: Params) -> Value:
        with np.errstate(all="ignore"):
            return self.zeros(row, values, params)

    @staticmethod
    def zeros(row: Primitive, values: Sequence[Value], params: Params) -> Value:
        """Zeros of the shape and dtype that the operation's result has."""
        values = [np.asarray(v) if isinstance(v, np.generic) else v for v in values]
        if row.kind == "elementwise":
            lead, operands = np.broadcast_shapes(*map(np.shape, values)), [first(v) for v in values]
        elif row.hollow is not None:
            operands, params, lead = row.hollow(*values, **params)
        else:
            lead, operands = (), values
        result = row.evaluate(*operands, **params)
        return tuple(map(like, result)) if isinstance(result, tuple | list) else like(result, lead)


class ValuesNeededError(DifflabError):
    """Python asks for a value, or an operation that runs a user's code does, where there are none."""


class Unasked(list[Any]):
    """The guards of a recording without values. The first is refused, because a loop that waits for zeros to change
    would not end, and stays in the list, because somebody may catch the error.
    """

    def append(self, guard: Any) -> None:
        super().append(guard)
        raise ValuesNeededError("a value is asked for while there are shapes alone")


class UnvaluedTape(ShapeTape):
    """The same for a function that is recorded to be run later. Where `guards` is not empty at the end, the record says
    nothing: a value was asked for, or an operation failed on zeros.
    """

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(Unasked(), merging=True)

    def compute(self, row: Primitive, values: list[Value], params: Params) -> Value:
        if not row.listed or row.outputs is not None:
            self.guards.append((values[0], row))
        try:
            return super().compute(row, values, params)
        except Exception as error:
            list.append(self.guards, (values[0], error))
            raise


def first(x: Value) -> Value:
    """The first element, with the array's number of axes."""
    return x[(slice(1),) * np.ndim(x)] if np.ndim(x) else x


def like(x: Value, lead: Shape = ()) -> Value:
    """Zeros of x's dtype and shape; `lead` are the lengths of the first axes where they are others."""
    x = np.asarray(x)
    return hollow((*lead, *x.shape[len(lead) :]), x.dtype)
