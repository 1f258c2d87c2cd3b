"""The carrier m = NODE: a rule run with it records what it does."""

from __future__ import annotations

from ..primitives import Carrier, Primitive
from ..types import Function, Value
from .kinds import acts_on_elements
from .traced import apply, one, two


class NodeCarrier(Carrier):
    """Rules evaluated on this carrier are recorded (and computed at once where all operands are plain)."""

    name = "node"

    def function(self, row: Primitive) -> Function:
        def record(*operands: Value, **params: Value) -> Value:
            return apply(row, operands, params)

        def record_elements(*operands: Value, **params: Value) -> Value:
            if params or len(operands) > 2:
                return apply(row, operands, params)
            return one(row, *operands) if len(operands) == 1 else two(row, *operands)

        return record_elements if acts_on_elements(row) else record

    def native(self, row: Primitive, spelled: str | None) -> Function | None:
        return None


NODE = NodeCarrier()
