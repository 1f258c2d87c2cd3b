"""Calls in NumPy's signature that wait for the shapes of their operands, as data: they can be pickled and written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..primitives.deferred import Deferred, late
from ..primitives.primitive import Primitive
from ..types import Params, Value
from .node import Operation


class Place(int):
    """The place in a call of the operand with that number."""


@dataclass(frozen=True, eq=False)
class Call:
    """The arguments of a call, with a `Place` where an operand stands; called with the operands, it fills them in."""

    args: tuple[Value, ...]
    kwargs: Params

    def __call__(self, operands: Sequence[Value]) -> tuple[tuple[Value, ...], Params]:
        def fill(x: Value) -> Value:
            return operands[x] if x.__class__ is Place else x

        return replaced(self.args, fill), replaced(self.kwargs, fill)


def replaced(x: Value, change: Callable[[Value], Value]) -> Value:
    """The argument with each of its leaves changed: it looks into lists, tuples, dicts and slices."""
    if x.__class__ in (list, tuple):
        return x.__class__([replaced(e, change) for e in x])
    if x.__class__ is dict:
        return {name: replaced(e, change) for name, e in x.items()}
    if x.__class__ is slice:
        return slice(*[replaced(e, change) for e in (x.start, x.stop, x.step)])
    return change(x)


def waiting(row: Primitive, args: Sequence[Value], kwargs: Params) -> tuple[Deferred, tuple[Value, ...], Params]:
    """The operation that makes this call of `row` when its operands have shapes: row, operands, parameters."""
    operands: list[Operation] = []

    def place(x: Value) -> Value:
        if not isinstance(x, Operation):
            return x
        operands.append(x)
        return Place(len(operands) - 1)

    call = Call(replaced(tuple(args), place), replaced(dict(kwargs), place))
    return late(row), tuple(operands), {"call": call}
