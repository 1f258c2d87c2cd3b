"""The carrier of germs: the functions of a graph's rows on power series of balls, alone or in object arrays."""

from __future__ import annotations

from typing import Any

from ...errors import UnsupportedError
from ...types import Function, Value
from ..elements import ElementsCarrier, mapped
from ..found import find
from ..primitive import Primitive
from .session import NOW


class GermCarrier(ElementsCarrier):
    """Finds a row's function where its spelling for "arb" points; a row may refuse to have one."""

    name = "arb"

    def function(self, row: Primitive) -> Function:
        reason, spelled = row.refused.get(self.name), row.spelling.get(self.name)
        if reason is not None:
            return refusing(reason)
        if isinstance(spelled, str):
            found: Function = find(spelled)
            return mapped(found) if row.kind == "elementwise" else found
        return super().function(row)


def refusing(reason: str) -> Function:
    def refused(*operands: Value, **params: Any) -> Value:
        raise UnsupportedError(f"{NOW.where()} has no enclosures: {reason}")

    return refused


CARRIER = GermCarrier()
