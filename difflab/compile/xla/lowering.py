"""A graph on JAX's arrays, operation for operation."""

from __future__ import annotations

from ...errors import DifflabError, UnsupportedError
from ...graph.graph import Graph
from ...graph.node import Node
from ...primitives import rows
from ...types import Value
from .carrier import CARRIER, jax


def run(graph: Graph, values: list[Value]) -> list[Value]:
    """The outputs of the graph, and behind them what its guards look at; each value in the dtype that NumPy gives it.

    UnsupportedError with every operation that cannot be lowered.
    """
    env: dict[Node, Value] = dict(zip(graph.inputs, values))
    refused: dict[str, None] = {}
    for node in graph.order:
        if node in env:
            continue
        if any(x not in env for x in node.operands):  # one of them was refused
            continue
        operands = [env[x] for x in node.operands]
        try:
            env[node] = same_dtype(node, CARRIER.of(node.primitive)(*operands, **node.params))
        except DifflabError as error:
            refused[str(error)] = None
        except NotImplementedError as error:
            refused[f"{node.primitive.name}: {error}"] = None
    if refused:
        raise UnsupportedError("this cannot be lowered to XLA: " + "; ".join(refused))
    return [env[n] for n in [*graph.outputs, *[n for n, _ in graph.guards]]]


def same_dtype(node: Node, found: Value) -> Value:
    """The value in the dtype that NumPy's has: JAX's own rules of promotion differ here and there."""
    if isinstance(found, tuple | list) or node.value.__class__ is tuple:
        return tuple(found)
    if node.primitive is rows.constant and not hasattr(found, "dtype"):
        return found  # Python's numbers take the dtype of what they meet
    numpy, dtype = jax().numpy, jax().dtypes.canonicalize_dtype(node.dtype)
    if not hasattr(found, "dtype") or found.dtype == dtype:
        return found if hasattr(found, "dtype") else numpy.asarray(found, dtype)
    return numpy.asarray(found).astype(dtype)
