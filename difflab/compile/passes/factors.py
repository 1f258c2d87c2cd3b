"""Factors: a sign or a power of two in front of a large product goes to its smallest operand.

Scaling by a power of two rounds nothing, so x + x, -x and 0.5 * x may be done where the arrays are small, and meet
and cancel there.
"""

from __future__ import annotations

import math

import numpy as np

from ...graph.graph import Graph
from ...graph.node import Abstract, Node
from ...primitives import rows
from ...types import Array
from .algebra import is_float
from .rewriting import made, number, rebuilt, relinked, users

SCALED = (rows.multiply, rows.divide)  # a factor of an operand is one of the result
LAID_OUT = (rows.broadcast_to, rows.reshape)  # the operand's elements, in another shape


def entries(node: Node) -> int:
    return math.prod(node.shape)


def moderate(f: float, node: Node) -> bool:
    """Whether f * x, for all but extreme x of the node's dtype, neither overflows nor loses digits at the lower end."""
    bound = 2.0 ** min(np.finfo(node.dtype).maxexp // 8, 60)  # 2**16 in single precision
    return 1.0 / bound < abs(f) < bound


def factor_of(node: Node) -> tuple[Node, float] | None:
    """The operand and the factor, where the node scales by ±2**k."""
    row, x = node.primitive, node.operands
    if not is_float(node) or not x or x[0].value.__class__ is tuple:
        return None
    if row is rows.negative and x[0].value == node.value:
        return x[0], -1.0
    if row is rows.add and x[0] is x[1]:
        return x[0], 2.0
    if row is rows.multiply:
        for a, b in (x, x[::-1]):
            f = number(b)
            if f and math.isfinite(f) and abs(math.frexp(f)[0]) == 0.5 and moderate(f, node):
                return (a, f) if a.value == node.value else None
    return None


class Factors:
    """One walk over a graph; `count` says how often a node, old or new, is read."""

    graph: Graph
    count: dict[Node, int]

    def __init__(self, graph: Graph) -> None:
        self.graph, self.count = graph, users(graph)
        self.image: dict[Node, Node] = {}
        self.order: list[Node] = []

    def run(self) -> Graph:
        for node in self.graph.order:
            new = relinked(node, self.image)
            found = factor_of(new)
            if found is not None and entries(new) > 1:
                x, f = found
                uses = sum(y is x for y in new.operands)
                better = self.scaled(x, f, node) if self.count.get(x) == uses else None
                if better is not None:
                    self.image[node] = better
                    self.count[better] = self.count.get(node, 0)
                    continue
            if (met := self.met(new)) is not None:
                self.image[node] = new = self.times(*met)
                self.count[new] = self.count.get(node, 0)
                continue
            if new is not node:
                self.image[node] = new
                self.count[new] = self.count.get(node, 0)
            self.order.append(new)
        return rebuilt(self.graph, self.order, self.image)

    def met(self, node: Node) -> tuple[Node, float] | None:
        """The operand and the one factor, where a product with a number is scaled by a power of two further in."""
        if node.primitive is not rows.multiply or not is_float(node) or entries(node) == 1:
            return None
        for c, x in ((node.operands[0], node.operands[1]), (node.operands[1], node.operands[0])):
            inner = factor_of(x) if number(c) is not None and self.count.get(x) == 1 else None
            if inner is not None and x.value == node.value and self.fits(c, inner[1], node):
                return inner[0], float(c.params["value"]) * inner[1]
        return None

    def add(self, node: Node, uses: int = 1) -> Node:
        self.order.append(node)
        self.count[node] = uses
        return node

    def scaled(self, x: Node, f: float, like: Node) -> Node | None:
        """f * x without a pass over x: another factor in it changed, or a smaller operand of it scaled; else None."""
        row = x.primitive
        inner = factor_of(x)
        if not self.fits(x, f, like):
            return None
        if inner is not None:
            return inner[0] if inner[1] * f == 1.0 else self.times(inner[0], inner[1] * f)
        if row in SCALED:
            small = min((0, 1), key=lambda k: entries(x.operands[k]))
            if small == 1 and row is rows.divide:
                f = 1.0 / f
            if entries(x.operands[small]) < entries(x) or self.single(x.operands[small], x, f, like):
                operands = list(x.operands)
                operands[small] = self.at_most(operands[small], f, like)
                return self.add(made(row, tuple(operands), x, x.params, named=False))
        if row in LAID_OUT and self.single(x.operands[0], x, f, like):
            return self.add(made(row, (self.at_most(x.operands[0], f, like),), x, x.params, named=False))
        return None

    def fits(self, x: Node, f: float, like: Node) -> bool:
        """Whether f stays moderate with the factors that it meets on its way into x, and spoils no number there."""
        while is_float(x):
            inner = factor_of(x)
            if inner is not None:
                x, f = inner[0], inner[1] * f
                if not moderate(f, x):
                    return False
            elif x.primitive in LAID_OUT:
                x = x.operands[0]
            elif x.primitive in SCALED:
                small = 0 if entries(x.operands[0]) <= entries(x.operands[1]) else 1
                if not self.single(x.operands[small], x, f, like):
                    return True
                f = 1.0 / f if small == 1 and x.primitive is rows.divide else f
                x = x.operands[small]
            else:
                break
        value = number(x)
        return value is None or (math.isfinite(value * f) and value * f / f == value)

    def single(self, p: Node, x: Node, f: float, like: Node) -> bool:
        """Whether an operand is smaller, or is read here alone and can take a factor in without a pass over it."""
        if entries(p) < entries(x):
            return True
        if self.count.get(p) != 1 or not is_float(p):
            return False
        if factor_of(p) is not None:
            return True
        if p.primitive in LAID_OUT:
            return self.single(p.operands[0], p, f, like)
        return p.primitive in SCALED and any(entries(q) < entries(p) for q in p.operands)

    def at_most(self, p: Node, f: float, like: Node) -> Node:
        """f * p, taken into p where it is read here alone."""
        better = self.scaled(p, f, like) if self.count.get(p) == 1 and is_float(p) else None
        return better if better is not None else self.times(p, f)

    def times(self, p: Node, f: float) -> Node:
        if number(p) is not None:  # multiplied here: a product of Python's numbers takes the other operands' dtype
            return self.add(Node(rows.constant, (), {"value": p.params["value"] * f}, p.value))
        if f == -1.0:
            return self.add(made(rows.negative, (p,), p, named=False))
        constant = self.add(Node(rows.constant, (), {"value": f}, Abstract((), np.dtype(float))))
        return self.add(made(rows.multiply, (p, constant), p, named=False))


def uniform(graph: Graph) -> Graph:
    """A product with a constant array whose entries are all equal is a product with the number."""
    image: dict[Node, Node] = {}
    order = []
    for node in graph.order:
        new = relinked(node, image)
        if new.primitive is rows.multiply and is_float(new):
            for k in (0, 1):
                value, other = constant_array(new.operands[k]), new.operands[1 - k]
                if value is not None and other.value == new.value and np.all(value == value.flat[0]):
                    scalar = Abstract((), value.dtype)
                    number = Node(rows.constant, (), {"value": value.flat[0]}, scalar)
                    order.append(number)
                    new = made(rows.multiply, (other, number) if k else (number, other), new)
                    break
        if new is not node:
            image[node] = new
        order.append(new)
    return rebuilt(graph, order, image)


def constant_array(node: Node) -> Array | None:
    value = node.params.get("value") if node.primitive is rows.constant else None
    return value if isinstance(value, np.ndarray) and value.size else None


def factors(graph: Graph) -> Graph:
    """Takes signs and powers of two from large products to small operands."""
    return Factors(graph).run()


def inner_products(graph: Graph) -> Graph:
    """sum(a * b) along the last, short axis as one contraction, where the product has no other use."""
    count = users(graph)
    image: dict[Node, Node] = {}
    order = []
    for node in graph.order:
        new = relinked(node, image)
        x = new.operands[0] if new.primitive is rows.sum else None
        if x is not None and count.get(node.operands[0]) == 1 and _along_last(new, x):
            operands = (x.operands[0],) * 2 if x.primitive is rows.square else x.operands
            letters = "abcdefghijklmnop"[: len(x.shape)]
            subscripts = f"{letters},{letters}->{letters[:-1]}"
            new = made(rows.einsum, operands, new, {"subscripts": subscripts})
        if new is not node:
            image[node] = new
        order.append(new)
    return rebuilt(graph, order, image)


SHORTEST = 4096  # elements below which the call of einsum costs more than it saves
LONGEST_SHORT = 128  # beyond it the pairwise sum of NumPy is the more accurate one


def _along_last(node: Node, x: Node) -> bool:
    product = x.primitive is rows.square or (
        x.primitive is rows.multiply and all(p.shape == x.shape for p in x.operands)
    )
    last = node.params["axis"] == (len(x.shape) - 1,) and not node.params["keepdims"]
    large = 2 <= len(x.shape) <= 16 and x.shape[-1] <= LONGEST_SHORT and entries(x) >= SHORTEST
    return product and last and large and is_float(x) and all(p.dtype == x.dtype for p in x.operands)
