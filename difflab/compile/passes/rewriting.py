"""What passes share: a graph with other nodes in place of its own."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ...graph.graph import Graph
from ...graph.node import NO_PARAMS, Node
from ...primitives import Primitive, rows
from ...types import Params


def rebuilt(graph: Graph, order: Iterable[Node], image: dict[Node, Node]) -> Graph:
    """The graph with other nodes in place of its own."""
    new = Graph(
        order=list(order),
        inputs=[image.get(x, x) for x in graph.inputs],
        outputs=[image.get(y, y) for y in graph.outputs],
        rebuild=graph.rebuild,
        flatten=graph.flatten_inputs,
        text=graph.text,
    )
    new.guards = [(image.get(n, n), outcome) for n, outcome in graph.guards]
    if graph.partner:  # a backward node that turned out to be a forward one stays the forward one
        forward = set(graph.order) - set(graph.partner)
        pairs = ((image.get(b, b), image.get(f, f)) for b, f in graph.partner.items())
        new.partner = {b: f for b, f in pairs if b not in forward}
    return new


def relinked(node: Node, image: dict[Node, Node]) -> Node:
    """The node with its operands replaced; itself where nothing changed."""
    for x in node.operands:
        if x in image:
            operands = tuple([image.get(x, x) for x in node.operands])
            return Node(node.primitive, operands, node.params, node.value, node.name, node.block)
    return node


def made(
    row: Primitive, operands: tuple[Node, ...], like: Node, params: Params = NO_PARAMS, named: bool = True
) -> Node:
    """A new node of that row, with the shape, dtype, name and block of the node it stands for."""
    return Node(row, operands, params, like.value, like.name if named else None, like.block)


def users(graph: Graph) -> dict[Node, int]:
    """How often each node is read; outputs and guards count."""
    count: dict[Node, int] = {}
    for node in graph.order:
        for x in node.operands:
            count[x] = count.get(x, 0) + 1
    for node in (*graph.outputs, *[n for n, _ in graph.guards]):
        count[node] = count.get(node, 0) + 1
    return count


def number(node: Node) -> float | None:
    """The value of a constant that is one real number."""
    value = node.params.get("value") if node.primitive is rows.constant else None
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        return None
    return float(value)
