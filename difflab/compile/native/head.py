"""The beginning of a program, as far as its arrays are small, as one native function.

What poses a robot's or a hand's joints, or prepares the parameters of a model, is often a hundred operations on a few
numbers before one on many: each costs a call of NumPy's. They become a node with several results (`pick` reads them).
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

from ...graph.graph import Graph
from ...graph.node import Abstract, Node
from ...graph.vertices import input_node
from ...primitives import Primitive, rows
from ...types import Function
from ..passes.pipeline import dead_nodes
from ..passes.rewriting import rebuilt, relinked
from .arrays import Refused, Session, is_join
from .forms import has_element, has_form, is_whole
from .nested import Nested
from .places import rearranges
from .products import contraction
from .small import LARGEST, together

CALLS = 12  # calls of NumPy's that are spared, from which copies in and out pay
ELEMENTS = 2048  # of an array that is small
FEW = 128  # elements of what the C library computes one by one
MOST = (300, 100, 30)  # operations, of which numba takes the first number that it does not take too long for
PRODUCTS = 4096  # multiplications of a contraction that is faster than a call


def with_head(graph: Graph, jit: Any) -> tuple[Graph, dict[Node, Function]]:
    """The graph with one node in place of its small beginning, if it has one, and the function of that node."""
    for most in MOST:
        try:
            return replaced(graph, beginning(graph, most), jit)
        except Refused:  # it takes numba too long
            pass
    return graph, {}


def replaced(graph: Graph, inside: set[Node], jit: Any) -> tuple[Graph, dict[Node, Function]]:
    """The same for what is inside."""
    if len([n for n in inside if not rearranges(n)]) < CALLS:
        return graph, {}
    shown: set[Node] = set()  # what only shows a leaf in another way: whoever reads it may do that as well
    for n in graph.order:
        if n.primitive.leaf or (n in inside and rearranges(n) and n.operands[0] in shown):
            shown.add(n)
    read = {x for n in graph.order if n not in inside for x in n.operands}
    read |= {*graph.outputs, *[n for n, _ in graph.guards]}
    ends = [n for n in graph.order if n in inside and n in read and n not in shown]
    given = [x for x in graph.inputs if is_small(x)]
    body = alone(graph, inside, given, ends)
    function = together(Nested(body, len(given), len(given), Session()), jit)
    like = tuple([Abstract(y.shape, y.dtype) for y in ends])
    row = Primitive(name="head", doc="Small arrays together.", outputs=len(ends))
    head = Node(row, tuple(given), {}, like)
    picks = {y: Node(rows.pick, (head,), {"index": k}, v, y.name, y.block) for k, (y, v) in enumerate(zip(ends, like))}
    return behind(graph, inside - shown, head, picks), {head: partial(function, None)}


def alone(graph: Graph, inside: set[Node], given: list[Node], ends: list[Node]) -> Graph:
    """What is inside as a graph of its own."""
    image = {x: input_node(f"x{k}", Abstract(x.shape, x.dtype)) for k, x in enumerate(given)}
    inputs = list(image.values())
    order = [*inputs, *[n for n in graph.order if n.primitive is rows.constant]]
    for node in graph.order:
        if node in inside:
            new = relinked(node, image)
            image[node] = new
            order.append(new)
    return dead_nodes(Graph(order=order, inputs=inputs, outputs=[image[y] for y in ends]))


def behind(graph: Graph, gone: set[Node], head: Node, picks: dict[Node, Node]) -> Graph:
    """The graph with the node and its results in place of what is gone."""
    image = dict(picks)
    order = [*[n for n in graph.order if n.primitive.leaf], head, *picks.values()]
    for node in graph.order:
        if node not in gone and not node.primitive.leaf:
            new = relinked(node, image)
            if new is not node:
                image[node] = new
            order.append(new)
    return dead_nodes(rebuilt(graph, order, image))


def beginning(graph: Graph, most: int) -> set[Node]:
    """The first operations, so many at most, on small arrays that need nothing but small arrays."""
    small = {n for n in graph.order if n.primitive.leaf and is_small(n)}
    inside: set[Node] = set()
    total = 0
    for node in graph.order:
        if node.operands and is_small(node) and all(x in small for x in node.operands) and fits(node):
            total += math.prod(node.shape)
            if total > LARGEST or len(inside) == most:
                break
            small.add(node)
            inside.add(node)
    return inside


def is_small(node: Node) -> bool:
    plain = node.value.__class__ is Abstract and node.dtype is not None and node.dtype.kind in "fbi"
    return plain and math.prod(node.shape) <= ELEMENTS


def fits(node: Node) -> bool:
    """Whether a native loop computes the node faster than NumPy is called."""
    if not node.primitive.listed:
        return False
    if rearranges(node) or is_join(node):
        return True
    if has_element(node) or is_whole(node):
        return has_form(node) or math.prod(node.shape) <= FEW
    found = contraction(node)
    return found is not None and math.prod(found.sizes) <= PRODUCTS
