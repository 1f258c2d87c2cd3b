"""A transposed product of matrices is the product of the transposes: what is read then lies as it is written."""

from __future__ import annotations

from ...graph.graph import Graph
from ...graph.node import Abstract, Node
from ...primitives import rows
from .rewriting import made, rebuilt, relinked, users


def transposed_products(graph: Graph) -> Graph:
    """Writes (a b)ᵀ, where nothing else reads a b, as bᵀ aᵀ, and (aᵀ)ᵀ as a."""
    count = users(graph)
    image: dict[Node, Node] = {}
    order: list[Node] = []

    def turned(x: Node) -> Node:
        if is_turn(x):
            return x.operands[0]
        like = Abstract(x.shape[::-1], x.dtype)
        order.append(Node(rows.transpose, (x,), {"axes": (1, 0)}, like, block=x.block))
        return order[-1]

    for node in graph.order:
        new = relinked(node, image)
        if is_turn(new):
            (x,) = new.operands
            if is_turn(x):
                image[node] = x.operands[0]
                continue
            matrices = x.primitive is rows.matmul and all(o.ndim == 2 for o in x.operands)
            if matrices and count.get(node.operands[0]) == 1:
                a, b = x.operands
                new = made(rows.matmul, (turned(b), turned(a)), node)
        if new is not node:
            image[node] = new
        order.append(new)
    return rebuilt(graph, order, image)


def is_turn(node: Node) -> bool:
    """Whether a node is the transpose of a matrix."""
    return node.primitive is rows.transpose and len(node.shape) == 2 and node.params.get("axes") in (None, (1, 0))
