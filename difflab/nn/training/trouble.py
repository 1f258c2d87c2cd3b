"""What went wrong where a loss is no number: the first node of the step that is not finite."""

from __future__ import annotations

import numpy as np

from ...graph.graph import Graph
from ...graph.node import Node
from ...graph.pytree import leaves_of
from ...graph.trace import trace
from ...types import Function, Tree, Value


def first_bad_node(update: Function, *arguments: Tree) -> str:
    """A sentence on the first operation of a training step, forward pass first, whose result is not finite."""
    with np.errstate(all="ignore"):
        graph = trace(update, *arguments)
        values = graph.evaluate(leaves_of(arguments))
    for node in graph.order:
        if bad(values[node]):
            return sentence(graph, node, values)
    return "every value of the step is finite"


def bad(value: Value) -> bool:
    return any(
        np.asarray(x).dtype.kind in "fc" and not np.all(np.isfinite(x))
        for x in (value if isinstance(value, tuple) else (value,))
    )


def sentence(graph: Graph, node: Node, values: dict[Node, Value]) -> str:
    value = np.asarray(values[node])
    wrong = value[~np.isfinite(value)]
    what = "nan" if np.isnan(wrong).any() else "infinite"
    count = f"{wrong.size} of {value.size} values are" if value.size > 1 else "the value is"
    where = f" in {' / '.join(node.block.path)}" if node.block else ""
    if not node.operands:
        return f"the first bad value is the input {node.name or node.primitive.name}: {count} {what}"
    operands = ", ".join(f"{label(x)} {span(values[x])}" for x in node.operands)
    return f"the first bad node is {node.primitive.name}{where}: {count} {what}; its operands: {operands}"


def label(node: Node) -> str:
    return str(node.name or node.primitive.name)


def span(value: Value) -> str:
    """The shape and range of an operand."""
    x = np.asarray(value)
    if not x.size or x.dtype.kind not in "fiu":
        return f"{x.shape}"
    if x.size == 1:
        return f"= {x.reshape(-1)[0]:.3g}"
    return f"{x.shape} in [{np.min(x):.3g}, {np.max(x):.3g}]"
