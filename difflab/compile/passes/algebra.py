"""Algebra that changes no digit: what does nothing is dropped, signs meet and cancel, powers become products."""

from __future__ import annotations

import math

import numpy as np

from ...graph.graph import Graph
from ...graph.node import Abstract, Node
from ...primitives import rows
from .rewriting import made, number, rebuilt, relinked, users


def clean_algebra(graph: Graph) -> Graph:
    """Drops what does nothing: x * 1, x / 1, x ** 1, -(-x), +x, a reshape or broadcast to the same shape, axes kept,
    a broadcast of what the operation broadcasts itself.
    """
    image: dict[Node, Node] = {}
    order = []
    for node in graph.order:
        new = unspread(relinked(node, image))
        same = unchanged(new)
        if same is not None and same.value == new.value and same.value.__class__ is Abstract:
            image[node] = same
            continue
        if new is not node:
            image[node] = new
        order.append(new)
    return rebuilt(graph, order, image)


def unspread(node: Node) -> Node:
    """The elementwise operation on what was broadcast for it, where another operand has the whole shape."""
    if node.primitive.kind != "elementwise" or node.value.__class__ is not Abstract or len(node.operands) < 2:
        return node
    spread = [x.primitive is rows.broadcast_to and x.dtype == x.operands[0].dtype for x in node.operands]
    # To which a number would adapt itself; a truth value adapts to all.
    firm = {x.dtype for x in node.operands if x.shape and x.dtype.kind != "b"}
    if not any(spread) or len(firm) > 1 or all(s or x.shape != node.shape for s, x in zip(spread, node.operands)):
        return node
    operands = tuple([x.operands[0] if s else x for s, x in zip(spread, node.operands)])
    return made(node.primitive, operands, node, node.params)


def unchanged(node: Node) -> Node | None:
    """The operand that the node returns as it is, or None."""
    row, x = node.primitive, node.operands
    if row in BY_ONE and is_one(x[1]):
        return x[0]
    if row is rows.multiply and is_one(x[0]):
        return x[1]
    if row is rows.negative and x[0].primitive is rows.negative:
        return x[0].operands[0]
    if row is rows.transpose and node.params.get("axes") == tuple(range(len(node.shape))):
        return x[0]
    if row in (rows.any, rows.all) and not node.shape and x[0].primitive is rows.broadcast_to and 0 not in x[0].shape:
        return x[0].operands[0]  # of one truth value
    return x[0] if row in IDLE and len(x) == 1 else None


BY_ONE = (rows.multiply, rows.divide, rows.power)
# What gives its operand as it is, where shape and dtype stay.
IDLE = frozenset((rows.positive, rows.reshape, rows.broadcast_to, rows.sum_to, rows.astype, rows.stop_gradient))


def is_one(node: Node) -> bool:
    value = node.params.get("value") if node.primitive is rows.constant else None
    return isinstance(value, int | float | np.ndarray | np.number) and bool(np.all(np.equal(value, 1)))


def powers(graph: Graph) -> Graph:
    """x**2 and x*x as squares, x**-1 as a reciprocal, a * (1/b) as a / b where 1/b has no other use."""
    count = users(graph)
    image: dict[Node, Node] = {}
    order = []
    for node in graph.order:
        new = relinked(node, image)
        better = cheaper(new, node, count) if is_float(new) else None
        if better is not None:
            new = better
        if new is not node:
            image[node] = new
        order.append(new)
    return rebuilt(graph, order, image)


def cheaper(node: Node, old: Node, count: dict[Node, int]) -> Node | None:
    """The same value by a cheaper operation, or None."""
    row, x = node.primitive, node.operands
    if row is rows.power and x[0].value == node.value:
        exponent = number(x[1])
        if exponent == 2:
            return made(rows.square, (x[0],), node)
        if exponent == -1:
            return made(rows.reciprocal, (x[0],), node)
    if row is rows.multiply and x[0] is x[1]:
        return made(rows.square, (x[0],), node)
    if row is rows.multiply:
        for a, b, k in ((x[0], x[1], 1), (x[1], x[0], 0)):
            single = b.primitive is rows.reciprocal and count.get(old.operands[k]) == 1
            if single and is_float(b) and b.operands[0].dtype == b.dtype:
                return made(rows.divide, (a, b.operands[0]), node)
    return None


def is_float(node: Node) -> bool:
    return node.value.__class__ is not tuple and node.dtype is not None and node.dtype.kind == "f"


def signs(graph: Graph) -> Graph:
    """Moves a minus sign that is used once behind the product or quotient it stands in, where it may meet another.

    Nothing is rounded otherwise: a + (-b) is a - b, and (-a) * b is -(a * b), bit for bit. Only a sum of zeros, which
    NumPy makes 0 whatever their signs, becomes -0 with the sign behind it.
    """
    count = users(graph)
    image: dict[Node, Node] = {}  # the value, or the value without its sign where the node is in `negated`
    negated: set[Node] = set()
    order: list[Node] = []

    def add(node: Node) -> Node:
        order.append(node)
        return node

    def whole(x: Node) -> Node:
        if x in negated:
            negated.discard(x)
            image[x] = add(made(rows.negative, (image[x],), x))
        return image.get(x, x)

    for node in graph.order:
        row = node.primitive
        minus = [x in negated for x in node.operands]
        if row in (rows.add, rows.subtract) and minus == [True, row is rows.add]:
            # As -(a + b) a zero would change its sign.
            whole(node.operands[0])
            minus = [x in negated for x in node.operands]
        if row is rows.negative and is_float(node) and node.operands[0].value == node.value:
            x = node.operands[0]
            image[node] = image.get(x, x)
            if x not in negated:
                negated.add(node)
        elif any(minus) and is_float(node) and takes_sign(node) and not_larger(node, minus):
            base, sign = with_sign(node, [image.get(x, x) for x in node.operands], minus)
            image[node] = add(base)
            if sign:
                negated.add(node)
        else:
            for x in node.operands if any(minus) else ():
                whole(x)
            new = add(relinked(node, image))
            if new is not node:
                image[node] = new
        if node in negated and count.get(node, 0) != 1:
            whole(node)
    for node in (*graph.outputs, *[n for n, _ in graph.guards]):
        whole(node)
    return rebuilt(graph, order, image)


def not_larger(node: Node, minus: list[bool]) -> bool:
    """Whether a sign behind the operation costs no more than in front of it."""
    return all(math.prod(x.shape) >= math.prod(node.shape) for x, m in zip(node.operands, minus) if m)


def takes_sign(node: Node) -> bool:
    """Whether a sign of an operand can go behind the operation."""
    row = node.primitive
    return row in (rows.add, rows.subtract) or not row.facts.isdisjoint(("odd", "even"))


def with_sign(node: Node, x: list[Node], minus: list[bool]) -> tuple[Node, bool]:
    """The operation on operands without their signs, and whether a sign stands in front of it now."""
    row = node.primitive
    if row in (rows.add, rows.subtract):
        return difference(node, x, minus), False
    odd = "odd" in row.facts and sum(minus) % 2 == 1
    return made(row, tuple(x), node, node.params, named=not odd), odd


def difference(node: Node, x: list[Node], minus: list[bool]) -> Node:
    """±a ± b, not both negative."""
    behind = minus[1] != (node.primitive is rows.subtract)
    if minus[0] == behind:
        return made(rows.add, tuple(x), node)
    return made(rows.subtract, (x[0], x[1]) if behind else (x[1], x[0]), node)
