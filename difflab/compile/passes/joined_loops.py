"""One loop or branch where forward mode makes two: the one with the tangents computes the values as well."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ...graph.graph import Graph
from ...graph.node import Node
from ...graph.snapshots import same_bytes
from ...primitives import Primitive, rows
from ...types import Value
from .rewriting import rebuilt, relinked

AHEAD = "with_tangents"  # the spelling under which the longer loop's row has the shorter one


class Shorter(NamedTuple):
    """A loop or branch whose results another one has beside their tangents."""

    row: Primitive
    operands: list[Value]
    results: list[int]  # where each of its results stands among the longer one's


class Places(NamedTuple):
    """The same, as the longer one's row knows it."""

    row: Primitive
    operands: list[tuple[int | None, Value]]  # where they stand among the longer one's; None for a constant of the body
    results: list[int]


def ahead(shorter: Shorter | None, operands: list[Value]) -> dict[str, Any]:
    """The spelling of the longer one, which has these operands."""
    if shorter is None:
        return {}
    found = {id(x): k for k, x in reversed(list(enumerate(operands)))}
    places = [(found.get(id(x)), x) for x in shorter.operands]
    return {AHEAD: Places(shorter.row, places, shorter.results)}


def joined_loops(graph: Graph) -> Graph:
    """The results of a loop are read off the one that carries them beside their tangents."""
    while (pair := find_pair(graph)) is not None:
        graph = replaced(graph, *pair)
    return graph


def find_pair(graph: Graph) -> tuple[Node, Node] | None:
    """A loop, and another one with the same values in it."""
    longer = [n for n in graph.order if AHEAD in n.primitive.spelling]
    for node in longer:
        row = node.primitive.spelling[AHEAD].row
        for other in graph.order:
            if other.primitive is row and same_operands(other, node) and other not in needed(graph, node):
                if other in graph.outputs or any(other in n.operands for n in graph.order):
                    return other, node
    return None


def same_operands(shorter: Node, longer: Node) -> bool:
    """Whether the longer loop starts with, and captured, what the shorter one did."""
    for x, (place, value) in zip(shorter.operands, longer.primitive.spelling[AHEAD].operands, strict=True):
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
    """The graph with the results of the shorter one picked from the longer one."""
    places = longer.primitive.spelling[AHEAD].results

    def picked(node: Node, k: int) -> Node:
        return Node(rows.pick, (longer,), {"index": places[k]}, node.value, node.name, node.block)

    image: dict[Node, Node] = {}
    if shorter.value.__class__ is tuple:
        image = {n: picked(n, n.params["index"]) for n in graph.order if n.operands == (shorter,)}
    else:
        image[shorter] = picked(shorter, 0)
    made, order, done = set(image.values()), list[Node](), set[Node]()
    stack = [*made, *[n for n in reversed(graph.order) if n is not shorter]]
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
