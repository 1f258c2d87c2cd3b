"""The parts that rows are put together from: domains, gates, and how the arguments of a call become operands."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from ..errors import InputError
from ..types import Params, Value


class Gate(NamedTuple):
    """A partial derivative that lets the cotangent through where `mask` is true and stops it elsewhere.

    A stopped cotangent is not multiplied by anything later, so `0 * inf` cannot arise behind it.
    """

    mask: Any
    factor: Any = 1


class Domain(NamedTuple):
    """Where tests sample an operand: an interval, and the points at which the formula changes or gets hard.

    `of` says what the operand is: "reals", "whole" (integers), "truth" (truth values) or "complex".
    """

    low: float = -10.0
    high: float = 10.0
    tails: tuple[float, ...] = ()
    branch_points: tuple[float, ...] = ()
    of: str = "reals"


REAL = Domain()


class Reading(NamedTuple):
    """How the arguments of a call become operands, where that does not follow from the signature.

    `lists` says what a list is: an "array", arrays that the reader of the call takes "apart", or (the first argument)
    all the "operands". `as_recorded`: the operands of a node made by hand are those of the rules, because NumPy's
    signature would read them otherwise. `sizes`: in text, a list after the first argument is a shape, axes or counts.
    `copies`: in text, whole numbers after the first argument say how many elements are made.
    """

    lists: Literal["array", "apart", "operands"] = "array"
    as_recorded: bool = False
    sizes: bool = False
    copies: bool = False


ARRAYS = Reading()


def positional(*operands: Value, **params: Any) -> tuple[tuple[Value, ...], Params]:
    """Reads a call whose positional arguments are the operands and whose keywords are the parameters."""
    for name in ("out", "where"):
        if params.pop(name, None) is not None:
            raise InputError(f"{name}= is not supported on traced values; assign the result to a new name instead")
    for name in ("casting", "order", "subok", "signature"):
        params.pop(name, None)
    return operands, params


def named(*names: str) -> Callable[..., tuple[tuple[Value, ...], Params]]:
    """A reader of calls whose operands may come as keywords too, under these names."""

    def read(*operands: Value, **params: Any) -> tuple[tuple[Value, ...], Params]:
        later = [params.pop(name) for name in names[len(operands) :] if name in params]
        return positional(*operands, *later, **params)

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    signed: Any = read  # a function has no such attribute of its own
    signed.__signature__ = inspect.Signature([inspect.Parameter(name, kind) for name in names])
    return read
