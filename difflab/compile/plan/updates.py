"""Updates: p - c * g into p's own donated array, as BLAS's axpy, in one pass over the memory."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ...graph.graph import Graph
from ...graph.node import Node
from ...primitives import Elementwise, rows
from ...types import Array, Value
from ..passes.rewriting import number, rebuilt, relinked, users

PIECE = 10_000  # beyond it SciPy's OpenBLAS wakes threads, which get in the way of those of NumPy's


def axpy(p: Array, g: Array, *, a: float, into: Array | None = None) -> Value:
    """p + a * g; written into p where `into` is p."""
    if into is not None and p.flags.c_contiguous and g.flags.c_contiguous and p.flags.writeable:
        from scipy.linalg import blas

        run = blas.daxpy if p.dtype == np.float64 else blas.saxpy
        g, flat = g.reshape(-1), p.reshape(-1)
        for lo in range(0, len(g), PIECE):
            run(g[lo : lo + PIECE], flat[lo : lo + PIECE], a=a)
        return p
    return np.add(p, p.dtype.type(a) * g, into)


AXPY = Elementwise(name="axpy", doc="p + a g.", glyph="axpy", spelling={"numpy": axpy})


def updates(graph: Graph, donated: Iterable[Node]) -> Graph:
    """One node for each p ± c * g of a donated p, where c is a number and the product has no other use."""
    count, given = users(graph), set(donated)
    image: dict[Node, Node] = {}
    order = []
    for node in graph.order:
        new = relinked(node, image)
        x = node.operands
        if node.primitive in (rows.subtract, rows.add) and x[0] in given and count.get(x[1]) == 1:
            found = scaled(x[1]) if x[0].value == x[1].value == node.value and node in graph.outputs else None
            if found is not None and node.dtype in (np.float32, np.float64):
                g, c = found
                a = c if node.primitive is rows.add else -c
                new = Node(AXPY, (x[0], image.get(g, g)), {"a": a}, node.value, node.name, node.block)
        if new is not node:
            image[node] = new
        order.append(new)
    graph = rebuilt(graph, order, image)
    alive = users(graph)
    return rebuilt(graph, [n for n in graph.order if n in alive or n in graph.inputs], {})


def scaled(node: Node) -> tuple[Node, float] | None:
    """The array and the number of their product."""
    if node.primitive is not rows.multiply:
        return None
    for k in (0, 1):
        c, g = number(node.operands[k]), node.operands[1 - k]
        if c is not None and g.value == node.value:
            return g, c
    return None
