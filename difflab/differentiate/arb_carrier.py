"""The run of a graph on germs: the value of every node, and of every branch that Python took while recording."""

from __future__ import annotations

import numpy as np

from ..errors import DifflabError, TimeLimitError, UndecidedError, UnsupportedError
from ..graph.graph import Graph
from ..graph.node import Node
from ..graph.traced import SeenShape
from ..primitives.germs.carrier import GermCarrier
from ..primitives.germs.session import NOW
from ..types import Value
from .problem import output_ancestors

MOST_ELEMENTS = 2_000_000  # of one array: some 600 MB of balls


class ArbCarrier(GermCarrier):
    """The functions of rows on germs, and whole graphs."""

    def run(self, graph: Graph, values: list[Value]) -> dict[Value, Value]:
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


def large(node: Node) -> None:
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


def truth_values(value: Value) -> Value:
    if isinstance(value, np.ndarray):
        return np.array([bool(x) for x in value.flat], dtype=bool).reshape(value.shape)
    return bool(value)


def same(value: Value, outcome: object) -> bool:
    """Whether a branch of Python's is taken as it was recorded."""
    if isinstance(outcome, SeenShape):
        return tuple(np.shape(value)) == tuple(outcome)
    if isinstance(outcome, bool):
        return bool(value) == outcome
    return int(value) == outcome


CARRIER = ArbCarrier()
