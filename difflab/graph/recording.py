"""Recording: `with Tape() as (tape, operations):` keeps what is done with the tape's values inside.

Whatever differentiates, draws, batches or compiles a function begins with this. Inside one block another may begin,
on values of the first: its own operations are then recorded on both, which is how derivatives nest.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Sequence
from types import TracebackType
from typing import TypeAlias

import numpy as np

from ..primitives import Primitive, rows
from ..types import Array, Function, Params, Value
from .block import Block
from .laxity import STRICT, Laxity
from .leaks import hidden
from .merging import Known
from .node import NO_PARAMS
from .snapshots import copied, is_fixed, same_bytes
from .traced import Traced, apply

Guards: TypeAlias = list[tuple[Traced, Value]]  # what Python asked of values, and how it came out
_serials = itertools.count()


class Tape:
    """The record of one run of a function: its operations, in the order in which they were made.

    The block is given the tape, and the list of what is recorded. When it ends, the tape lets go of the list, so that
    values are freed as soon as their reader drops it, and refuses values that are used later.

    >>> with Tape() as (tape, operations):
    ...     x = tape.input(np.float64(2.0), "x")
    ...     y = x * x
    >>> [x.primitive.name for x in operations], tape.value_of(y)
    (['input', 'multiply'], np.float64(4.0))
    """

    __slots__ = ("differentiated", "guards", "known", "laxity", "nested", "operations", "serial", "snapshots")
    follows = True  # Python's branches follow the values that flow
    hollow = False  # values are numbers, not shapes alone
    copied: Function = staticmethod(copied)

    def __init__(
        self,
        operations: list[Traced] | None = None,
        guards: Guards | None = None,
        merging: bool = False,
        laxity: Laxity = STRICT,
    ) -> None:
        self.serial: int = next(_serials)
        self.operations: list[Traced] | None = [] if operations is None else operations  # None once it has ended
        self.guards: Guards = [] if guards is None else guards
        self.nested: bool = False
        self.laxity: Laxity = laxity
        self.known: Known | None = defaultdict(dict) if merging else None  # equal operations are recorded once
        self.differentiated: dict[Value, None] = {}  # values of functions whose derivatives are recorded, too
        self.snapshots: dict[int, tuple[Array, Array]] = {}  # by the id of a plain array: itself, and a copy

    def __enter__(self) -> tuple[Tape, list[Traced]]:
        return self, self.operations  # type: ignore[return-value]

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.operations = self.known = None
        if isinstance(error, ValueError | TypeError | SystemError) and (refusal := hidden(error)) is not None:
            raise refusal from None

    def close(self) -> list[Traced]:
        """Ends a recording that no block ends; returns what was recorded."""
        operations, self.operations = self.operations, None
        self.known = None
        return operations or []

    # What is recorded.
    def input(self, value: Value, name: str | None = None) -> Traced:
        """A new input."""
        if value.__class__ is Traced:
            self.nested = True
            self.merge_as(value)
            if value.tape.laxity is not STRICT:
                self.laxity = value.tape.laxity
        return self.record(rows.input, (), NO_PARAMS, value, name)

    def merge_as(self, value: Value) -> None:
        """Records equal operations once where the tape of the value does."""
        if self.known is None and value.__class__ is Traced and value.tape.known is not None:
            self.known = defaultdict(dict)

    def record(
        self,
        row: Primitive,
        operands: tuple[Value, ...],
        params: Params,
        value: Value,
        name: str | None = None,
        block: Block | None = None,
    ) -> Traced:
        """The next entry: an operation and its value."""
        made = Traced(row, operands, params, value, self, name, block)
        self.operations.append(made)  # type: ignore[union-attr]
        return made

    def differentiate(self, outputs: Sequence[Value]) -> None:
        """Notes on the tapes around that these are values of a function whose derivative follows.

        What has derivatives inside is one itself, and is not noted.
        """
        for x in () if self.differentiated else outputs:
            while x.__class__ is Traced and (x := x.value).__class__ is Traced:
                x.tape.differentiated[x] = None

    def compute(self, row: Primitive, values: list[Value], params: Params) -> Value:
        """What an operation comes to where its operands belong to an outer tape, too."""
        return apply(row, values, params)

    # Whose a value is, and what it is.
    def owns(self, x: Value) -> bool:
        """Whether x is a value of this tape."""
        return x.__class__ is Traced and x.tape is self

    def value_of(self, x: Value) -> Value:
        """A value of this tape as it is around it; anything else as it is."""
        return x.value if x.__class__ is Traced and x.tape is self else x

    def read(self, operands: Sequence[Value]) -> tuple[list[Value], list[int]]:
        """The operands as they are around this tape, and the places of those that are its own."""
        if len(operands) == 1 and (x := operands[0]).__class__ is Traced and x.tape is self:
            return [x.value], [0]
        values, own = list(operands), []
        for i, x in enumerate(operands):
            if x.__class__ is Traced and x.tape is self:
                values[i] = x.value
                own.append(i)
        return values, own

    # Plain arrays.
    def kept(self, operands: Sequence[Value]) -> Value:
        """The operands with plain arrays as they are now: the function, or its caller, may fill them again."""
        return tuple([self.snapshot(x) if x.__class__ is np.ndarray else x for x in operands])

    def snapshot(self, x: Array) -> Array:
        """The array if nobody can write into it, else a copy: the same one for each use with the same elements."""
        known = self.snapshots.get(id(x))
        if known is not None and same_bytes(known[1], x):
            return known[1]
        if is_fixed(x):
            return x
        copy: Array = self.copied(x)
        self.snapshots[id(x)] = x, copy
        return copy


__all__ = ["Tape"]
