"""Convolution and max-pooling as one operation, so that what lies in between never leaves the cache.

Max-pooling of a convolution whose result nothing else reads becomes one node with two results, the largest elements
and their places. Going back, a cotangent that is only written to its places and multiplied is not written out.
"""

from __future__ import annotations

import numpy as np

from ...graph.graph import Graph
from ...graph.node import Abstract, Node
from ...primitives import rows
from ...types import Params, Shape
from .rewriting import made, rebuilt

TRANSPOSES = {
    rows.conv_weight_transpose: rows.pooled_weight_transpose,
    rows.conv_input_transpose: rows.pooled_input_transpose,
}


def conv_pools(graph: Graph) -> Graph:
    """Puts the fused rows in place of their parts."""
    if not any(n.primitive is rows.conv for n in graph.order):
        return graph
    readers: dict[Node, list[Node]] = {n: [] for n in graph.order}
    for node in graph.order:
        for x in node.operands:
            readers[x].append(node)
    kept = {*graph.outputs, *[n for n, _ in graph.guards]}
    image: dict[Node, Node] = {}
    order: list[Node] = []
    for node in graph.order:
        if node in image:
            continue
        operands = tuple([image.get(x, x) for x in node.operands])
        if node not in kept and (pool := pooled_alone(node, readers[node])) is not None:
            order += fused(node, readers[node], operands, pool, image)
            continue
        if (written := spread(node)) is not None and written not in kept:
            x, w = operands
            ct, place = [image.get(y, y) for y in written.operands]
            size = written.params["size"]
            weights = node.primitive is rows.conv_weight_transpose
            operands = (x, ct, place) if weights else (ct, place, w)
            new = made(TRANSPOSES[node.primitive], operands, node, {**node.params, "pool": size})
        elif operands == node.operands:
            new = node
        else:
            new = Node(node.primitive, operands, node.params, node.value, node.name, node.block)
        image[node] = new
        order.append(new)
    return rebuilt(graph, order, image)


def tiling(params: Params) -> bool:
    """Whether a pooling's windows lie side by side, without padding, and their places fit a byte."""
    flat = len(params["size"]) == 2 and params["size"] == params["stride"] and set(params["dilation"]) == {1}
    return flat and params["padding"] == ((0, 0), (0, 0)) and int(np.prod(params["size"])) <= 256


def simple(params: Params, kernel: Shape) -> bool:
    """Whether a convolution is in one group, by single steps, with a frame narrower than its kernel."""
    steps = params["groups"] == 1 and set(params["stride"]) == {1} and set(params["dilation"]) == {1}
    return steps and all(max(pair) < k for pair, k in zip(params["padding"], kernel))


def pooled_alone(node: Node, readers: list[Node]) -> Params | None:
    """The pooling's parameters, where a convolution is read by max-pooling alone."""
    if node.primitive is not rows.conv or len(node.shape) != 4 or node.dtype.kind != "f":
        return None
    read = [n.primitive for n in readers]
    if not set(read) <= {rows.max_pool, rows.window_place} or read.count(rows.max_pool) != 1:
        return None
    params = readers[0].params
    if any(n.params != params for n in readers) or not tiling(params):
        return None
    return params if simple(node.params, node.operands[1].shape[2:]) and 0 not in node.shape else None


def fused(
    node: Node, readers: list[Node], operands: tuple[Node, ...], pool: Params, image: dict[Node, Node]
) -> list[Node]:
    """The node of both operations and its two results, which stand for the pooling's nodes."""
    shape = next(n for n in readers if n.primitive is rows.max_pool).shape
    values = (Abstract(shape, node.dtype), Abstract(shape, np.dtype(np.uint8)))
    both = Node(rows.conv_max_pool, operands, {**node.params, "pool": pool["size"]}, values, block=node.block)
    picks = [Node(rows.pick, (both,), {"index": k}, v, block=node.block) for k, v in enumerate(values)]
    for n in readers:
        image[n] = picks[n.primitive is rows.window_place]
    return [both, *picks]


def spread(node: Node) -> Node | None:
    """The write to places that a convolution's transpose reads as its cotangent, where the two can be one."""
    if node.primitive not in TRANSPOSES:
        return None
    weights = node.primitive is rows.conv_weight_transpose
    written = node.operands[1 if weights else 0]
    kernel = node.params["size"] if weights else node.operands[1].shape[2:]
    if written.primitive is not rows.window_write or len(written.shape) != 4 or written.dtype.kind != "f":
        return None
    both = tiling({k: written.params[k] for k in ("size", "stride", "padding", "dilation")})
    return written if both and simple(node.params, kernel) and 0 not in written.shape else None
