"""One loop where forward mode makes two: the loop with the tangents computes the values as well."""

from __future__ import annotations

import numpy as np

from ...graph.graph import Graph
from ...graph.node import Node
from ...graph.snapshots import same_bytes
from ...primitives import rows
from .rewriting import rebuilt, relinked

AHEAD = "with_tangents"  # the spelling under which the longer loop's row names the shorter one's, and its operands


def joined_loops(graph: Graph) -> Graph:
    """The results of a loop are read off the one that carries them beside their tangents."""
    while (pair := find_pair(graph)) is not None:
        graph = replaced(graph, *pair)
    return graph


def find_pair(graph: Graph) -> tuple[Node, Node] | None:
    """A loop, and another one with the same values in it."""
    longer = [n for n in graph.order if AHEAD in n.primitive.spelling]
    for node in longer:
        row = node.primitive.spelling[AHEAD][0]
        for other in graph.order:
            if other.primitive is row and same_operands(other, node) and other not in needed(graph, node):
                if any(other in n.operands for n in graph.order):
                    return other, node
    return None


def same_operands(shorter: Node, longer: Node) -> bool:
    """Whether the longer loop starts with, and captured, what the shorter one did."""
    for x, (place, value) in zip(shorter.operands, longer.primitive.spelling[AHEAD][1], strict=True):
        if place is not None:
            if longer.operands[place] is not x:
                return False
        elif x.primitive is not rows.constant or not same_bytes(*map(np.asarray, (x.params["value"], value))):
            return False  # the graph has a copy of an array that somebody may write into
    return True


def needed(graph: Graph, node: Node) -> set[Node]:
    """All that a node is computed from."""
    found = set(node.operands)
    for n in reversed(graph.order):
        if n in found:
            found.update(n.operands)
    return found


def replaced(graph: Graph, shorter: Node, longer: Node) -> Graph:
    """The graph with the picks of the shorter loop as those of the longer one, whose last result is the same too."""
    last = len(shorter.value) - 1
    image: dict[Node, Node] = {}
    for n in graph.order:
        if n.operands == (shorter,):
            k = len(longer.value) - 1 if n.params["index"] == last else n.params["index"]
            image[n] = Node(rows.pick, (longer,), {"index": k}, n.value, n.name, n.block)
    made, order, done = set(image.values()), list[Node](), set[Node]()
    stack = [n for n in reversed(graph.order) if n is not shorter]
    while stack:  # each node behind all that it needs
        node = stack[-1]
        node = image[node] if image.get(node) in made else node
        if node in done:
            stack.pop()
            continue
        waiting = [x for y in node.operands if (x := image[y] if image.get(y) in made else y) not in done]
        if waiting:
            stack += waiting
            continue
        stack.pop()
        done.add(node)
        new = node if node in made else relinked(node, image)
        if new is not node:
            image[node] = new
        order.append(new)
    return rebuilt(graph, order, image)
