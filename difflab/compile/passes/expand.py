"""Expansion: rows that NumPy computes in Python code, as the ufuncs that a block can run in its buffers.

The row itself says how, in its spelling for "compiled": a program in other rows, as accurate as its own code.
"""

from __future__ import annotations

import numpy as np

from ...graph.graph import Graph
from ...graph.node import NO_PARAMS, Abstract, Node
from ...primitives import TABLE, rows
from ...types import Value
from .rewriting import rebuilt, relinked


class Builder:
    """A carrier that makes typed nodes of elementwise rows."""

    name = "compiled"

    def __init__(self, like: Node) -> None:
        self.like = like
        self.made: list[Node] = []

    def __getattr__(self, name: str) -> Value:
        row = TABLE[name]

        def node(*operands: Value) -> Node:
            xs = tuple([x if isinstance(x, Node) else self.constant(x) for x in operands])
            shape = np.broadcast_shapes(*[x.shape for x in xs])
            dtype = np.dtype(bool) if row.truth else self.like.dtype
            return self.keep(Node(row, xs, NO_PARAMS, Abstract(shape, dtype), block=self.like.block))

        return node

    def constant(self, x: float) -> Node:
        value = Abstract((), np.dtype(float))
        return self.keep(Node(rows.constant, (), {"value": x}, value))

    def keep(self, node: Node) -> Node:
        self.made.append(node)
        return node


def expand(graph: Graph) -> Graph:
    """Puts the program of such a row in place of its node, where the values are arrays of floats.

    Truth values are left to the row's own code: NumPy has no minus sign for them.
    """
    image: dict[Node, Node] = {}
    order: list[Node] = []
    for node in graph.order:
        new = relinked(node, image)
        program = new.primitive.spelling.get("compiled")
        if program is not None and new.shape and all(x.dtype.kind == "f" for x in (new, *new.operands)):
            builder = Builder(new)
            last = program(builder, *new.operands, **new.params)
            last.name = new.name
            order += builder.made
            image[node] = last
            continue
        if new is not node:
            image[node] = new
        order.append(new)
    return rebuilt(graph, order, image)
