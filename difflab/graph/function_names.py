"""What operations are called: in text and in graphs made by hand, by the names of rows, of NumPy, and by signs."""

from __future__ import annotations

import inspect
from functools import lru_cache
from math import inf

from ..primitives import TABLE, Elementwise, Primitive, by_numpy_function, find, rows
from ..primitives.primitive import ALIASES, positional

SEVERAL = {rows.max: rows.maximum, rows.min: rows.minimum}  # Python's max and min of several values
SETTINGS = frozenset("axis axes out keepdims dtype order subok mode kind k offset".split())  # never operands


def functions() -> list[str]:
    """The names that can be called in text."""
    return sorted({name for name, row in TABLE.items() if "text" in row.called} | set(ALIASES))


def function_named(name: str, count: int) -> Primitive | None:
    """The row that the name of a function means where it is called with `count` operands."""
    row = TABLE.get(name) or ALIASES.get(name)
    if row is not None and "text" not in row.called:
        return None
    if row in SEVERAL and count > 1:
        return SEVERAL[row]
    if row is not None and (row.kind == "elementwise" or row.reads is None):
        return row
    for path in (name, f"special.{name}", f"linalg.{name}"):
        function = find(path)
        found = by_numpy_function(function) if function is not None and callable(function) else None
        if found is not None:
            return found
    return row


def operation_named(name: str, count: int) -> Primitive | None:
    """The row of a node made by hand: by the row's own name, a function's, or a sign such as + or ×.

    Where several rows have the sign, it is the first one with that number of operands: - is negative or subtract.
    """
    if name in TABLE:
        return SEVERAL.get(TABLE[name], TABLE[name]) if count > 1 else TABLE[name]
    found = function_named(name.removeprefix("np.").removeprefix("numpy."), count)
    if found is not None:
        return found
    sign = "−" if name == "-" else name
    signed = [row for row in TABLE.values() if sign and sign in (row.infix, row.glyph)]
    return next(iter([*(row for row in signed if takes(row, count)), *signed]), None)


def takes(row: Primitive, count: int) -> bool:
    """Whether an operation can have that number of operands."""
    return operand_counts(row)[0] <= count <= operand_counts(row)[1]


@lru_cache(maxsize=1000)
def operand_counts(row: Primitive) -> tuple[float, float]:
    """The least and the greatest number of operands of a row, in NumPy's signature or its own; infinity: no limit."""
    if isinstance(row, Elementwise) and row.arguments is positional:
        return len(row.partials), len(row.partials)
    own, call = positions(own_signature(row)), positions(row.signature)
    if row.reading.lists == "operands":
        return 1, inf
    if row.reading.as_recorded:
        return max(own[0], 1), own[1]
    if takes_anything(own_signature(row)):
        own = call
    return max(min(own[0], call[0]), 1), max(own[1], call[1])


def takes_anything(signature: inspect.Signature) -> bool:
    """Whether a signature tells nothing: any operands and any parameters."""
    return {p.kind for p in signature.parameters.values()} == {
        inspect.Parameter.VAR_POSITIONAL,
        inspect.Parameter.VAR_KEYWORD,
    }


def positions(signature: inspect.Signature) -> tuple[float, float]:
    """How many operands a signature takes by position."""
    low = high = 0.0
    for name, parameter in signature.parameters.items():
        if parameter.kind is parameter.VAR_POSITIONAL:
            return low, inf
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            if name not in SETTINGS and name[0] != "_":
                low, high = low + (parameter.default is parameter.empty), high + 1
    return low, high


@lru_cache(maxsize=1000)
def own_signature(row: Primitive) -> inspect.Signature:
    """How a row's own rules take its operands and parameters."""
    return row.own_signature()
