"""The carrier of germs: the functions of a graph's rows on power series of balls, and the run of a graph on them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import DifflabError, TimeLimitError, UndecidedError, UnsupportedError
from ..graph.traced import Shape
from ..primitives import Primitive, rows
from ..primitives.elements import ElementsCarrier, mapped
from .arb_arrays import ARRAYS
from .arb_choices import CHOICES
from .arb_entropies import ENTROPIES
from .arb_functions import FUNCTIONS
from .arb_germ import NOW, constant, lift
from .arb_special import SPECIAL
from .problem import output_ancestors

NATIVE = FUNCTIONS | CHOICES | ENTROPIES | SPECIAL
MOST_ELEMENTS = 2_000_000  # of one array: some 600 MB of balls


class ArbCarrier(ElementsCarrier):
    """The functions of a graph's rows on germs, alone or in object arrays."""

    name = "arb"

    def function(self, row: Primitive) -> Callable[..., Any]:
        if row is rows.constant:
            return constant_value
        if row.listed:  # a user's function may have the name of a row
            if row.name in NATIVE and not callable(row.spelling.get("arb")):
                return mapped(NATIVE[row.name])
            if row.name in ARRAYS:
                return ARRAYS[row.name]
        return super().function(row)

    def run(self, graph: Any, values: list[Any]) -> dict[Any, Any]:
        """The value of every node that the outputs depend on, and that Python's branches did.

        Branches that were taken while the function was recorded must be taken in the whole neighbourhood. A node of
        truth values holds truth values. Raises UndecidedError, UnsupportedError or TimeLimitError.
        """
        needed = output_ancestors(graph, [node for node, _ in graph.guards])
        env = dict(zip(graph.inputs, values))
        before = NOW.node
        for node in graph.order:
            if node in env or node not in needed:
                continue
            NOW.node = node
            operands = [env[x] for x in node.operands]
            large(node)
            try:
                value = self.of(node.primitive)(*operands, **node.params)
            except (DifflabError, MemoryError, RecursionError):
                raise
            except Exception as error:  # whatever NumPy or a user's function says to balls instead of numbers
                raise UnsupportedError(f"{NOW.where()} is not available on enclosures ({error})") from error
            dtype = getattr(node.value, "dtype", None)
            env[node] = truth_values(value) if dtype is not None and dtype.kind == "b" else value
        for node, outcome in graph.guards:
            NOW.node = node
            if not same(env[node], outcome):
                raise UndecidedError(f"{NOW.where()}: the recording took a branch that is another one here")
        NOW.node = before
        return env


def large(node: Any) -> None:
    """Refuses arrays whose balls would fill the memory and the time."""
    shape = getattr(node.value, "shape", None)
    size = int(np.prod(shape, dtype=np.int64)) if shape else 1
    NOW.left -= size
    if NOW.left < 0:
        NOW.tick()
    if size > MOST_ELEMENTS:
        raise TimeLimitError(
            f"not certified in {NOW.seconds:g} s: {NOW.where()} makes {size:,} numbers, and enclosures of more than "
            f"{MOST_ELEMENTS:,} are not begun"
        )


def truth_values(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return np.array([bool(x) for x in value.flat], dtype=bool).reshape(value.shape)
    return bool(value)


def same(value: Any, outcome: Any) -> bool:
    """Whether a branch of Python's is taken as it was recorded."""
    if isinstance(outcome, Shape):
        return tuple(np.shape(value)) == tuple(outcome)
    if isinstance(outcome, bool):
        return bool(value) == outcome
    return int(value) == outcome


def constant_value(*, value: Any) -> Any:
    """A constant of the graph; in a backward graph, what a rule rounded it from."""
    found = lift_all(value)
    if not NOW.exact or not isinstance(value, float | np.floating | np.ndarray):
        return found
    return mapped(lambda v, germ: constant(NOW.exact[v]()) if v in NOW.exact else germ)(value, found)


def lift_all(value: Any) -> Any:
    """Constants, arrays included, as exact germs; truth values and integers stay for indexing."""
    if isinstance(value, np.ndarray) and value.ndim:
        if value.dtype.kind in "biu":
            return value
        out = np.empty(value.size, dtype=object)
        for k, x in enumerate(value.flat):
            out[k] = lift(x)
        return out.reshape(value.shape)
    if isinstance(value, bool | np.bool_):
        return value
    return lift(value)


CARRIER = ArbCarrier()

__all__ = ["CARRIER", "ArbCarrier", "lift_all"]
