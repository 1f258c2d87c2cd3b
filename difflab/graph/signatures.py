"""What the arguments of a row's call are called, and whether a call has too many."""

from __future__ import annotations

import inspect
from functools import lru_cache

from ..primitives import Primitive
from ..types import Params, Value
from .function_names import (
    own_signature,
)


def takes_more(signature: inspect.Signature) -> bool:
    return any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values())


def binds(signature: inspect.Signature, args: list[Value], settings: Params) -> bool:
    try:
        signature.bind(*args, **settings)
    except TypeError:
        return False
    return True


@lru_cache(maxsize=1000)
def parameters(row: Primitive) -> list[str]:
    """The names that a call of the row takes."""
    found = {}
    for signature in (row.signature, own_signature(row)):
        for name, p in signature.parameters.items():
            if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) and name[0] != "_" and name != "out":
                found[name] = True
    return list(found)


def misplaced(row: Primitive, operands: list[Value]) -> bool:
    """Whether NumPy's signature would take an operand for a setting, such as the second array for `axis`."""
    own = own_signature(row).parameters.values()
    settings = {p.name for p in own if p.kind is p.KEYWORD_ONLY}
    taken = list(row.signature.parameters)[: len(operands)] if row.reading.lists != "operands" else []
    return any(name in settings for name in taken)
