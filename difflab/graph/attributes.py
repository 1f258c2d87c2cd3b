"""What a graph says of its nodes, as the attributes that networkx and `from_networkx` read."""

from __future__ import annotations

from ..primitives import rows
from ..types import Params
from .node import Node


def attributes(node: Node) -> Params:
    """What a node does, as the attributes that `from_networkx` reads: with arrays, rows and blocks as objects."""
    row = node.primitive
    found: Params = {"op": row.name if row.listed else row}
    if row is rows.constant:
        found["value"] = node.params["value"]
    elif node.params:
        found["params"] = node.params
    if node.block is not None:
        found["block"] = node.block
    return found


def marks(order: list[Node], outputs: list[Node]) -> dict[Node, Params]:
    """Which nodes are outputs, where that is not clear from the graph: other ends, another order, one of them twice."""
    read = {x for node in order for x in node.operands}
    ends = [node for node in order if node not in read]
    if outputs == ([node for node in ends if node.operands] or ends):
        return {}
    places: dict[Node, tuple[int, ...]] = {}
    for place, node in enumerate(outputs):
        places[node] = (*places.get(node, ()), place)
    return {node: {"output": place} for node, place in places.items()}
