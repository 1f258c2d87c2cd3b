"""Assembly: a sum of arrays that are zero but for one part each is one array with its parts written in.

Reading x[0], x[1], ... of an argument makes such sums: the gradient by x is the sum of as many scattered parts.
"""

from __future__ import annotations

import numpy as np

from ...graph.graph import Graph
from ...graph.node import Node
from ...primitives import Primitive, rows
from ...types import Array, Key, Shape
from .rewriting import made, rebuilt, relinked, users


def assemble(*parts: Array, indices: tuple[Key, ...], shape: Shape, disjoint: bool) -> Array:
    """Zeros with the parts added in at their indices."""
    out = np.zeros(shape, np.result_type(*parts))
    for index, part in zip(indices, parts):
        if disjoint:
            out[index] = part
        elif isinstance(place := out[index], np.ndarray):
            np.add(place, part, place)  # out[index] += part would write what it has added a second time
        else:
            out[index] += part
    return out


ASSEMBLE = Primitive(
    name="assemble", doc="Parts written into one array of zeros.", glyph="assemble", spelling={"numpy": assemble}
)


def assembly(graph: Graph) -> Graph:
    """Puts one assembly in place of each sum of scattered parts."""
    count = users(graph)
    inner: set[Node] = set()  # sums and scatters that only feed a larger sum
    for node in reversed(graph.order):
        if is_sum(node) and (node not in inner or count.get(node) == 1):
            inner.update(x for x in node.operands if (is_sum(x) or is_part(x)) and count.get(x) == 1)
    image: dict[Node, Node] = {}
    order: list[Node] = []
    for node in graph.order:
        if is_sum(node) and node not in inner:
            parts, others = leaves_of_sum(node, inner)
            if len(parts) > 1:
                image[node] = replaced(node, parts, others, image, order)
                continue
        new = relinked(node, image)
        if new is not node:
            image[node] = new
        order.append(new)
    return rebuilt(graph, order, image)


def is_sum(node: Node) -> bool:
    if node.primitive is not rows.add or node.value.__class__ is tuple or node.dtype.kind != "f":
        return False
    return bool(node.shape) and all(x.value == node.value for x in node.operands)


def is_part(node: Node) -> bool:
    """A scatter at integers and slices."""
    if node.primitive is not rows.scatter or len(node.operands) > 1:
        return False
    index = node.params["index"]
    entries = index if isinstance(index, tuple) else (index,)
    return all(isinstance(e, slice | int) and not isinstance(e, bool) for e in entries)


def leaves_of_sum(node: Node, inner: set[Node]) -> tuple[list[Node], list[Node]]:
    """The scattered parts of a tree of sums, and its other leaves."""
    parts: list[Node] = []
    others: list[Node] = []
    stack = list(reversed(node.operands))
    while stack:
        x = stack.pop()
        if x in inner and is_sum(x):
            stack += reversed(x.operands)
        else:
            (parts if x in inner and is_part(x) else others).append(x)
    return parts, others


def replaced(node: Node, parts: list[Node], others: list[Node], image: dict[Node, Node], order: list[Node]) -> Node:
    pieces: dict[str, tuple[Key, Node]] = {}
    for p in parts:  # parts at one place are added up first
        index, x = p.params["index"], image.get(p.operands[0], p.operands[0])
        if repr(index) in pieces:
            x = made(rows.add, (pieces[repr(index)][1], x), x, named=False)
            order.append(x)
        pieces[repr(index)] = index, x
    indices = tuple(index for index, _ in pieces.values())
    params = {"indices": indices, "shape": node.shape, "disjoint": disjoint(indices, node.shape)}
    whole = Node(ASSEMBLE, tuple(x for _, x in pieces.values()), params, node.value, node.name, node.block)
    order.append(whole)
    for x in others:
        whole = made(rows.add, (whole, image.get(x, x)), node)
        order.append(whole)
    return whole


def untouched(indices: tuple[Key, ...], base: Array) -> tuple[list[bool], bool]:
    """Which parts fall on zeros of the base that no part before them filled; whether these together fill the whole."""
    found, first = base != 0, []
    filled = np.zeros_like(found)
    for index in indices:
        first.append(not np.any(found[index]))
        found[index] = True
        if first[-1]:
            filled[index] = True
    return first, bool(np.all(filled))


def counted(indices: tuple[Key, ...], shape: Shape) -> Array:
    """How many parts fall on each place; axes that every part takes whole are counted as one place."""
    entries = [i if isinstance(i, tuple) else (i,) for i in indices]
    small = [1 if all(len(e) <= k or e[k] == slice(None) for e in entries) else n for k, n in enumerate(shape)]
    found = np.zeros(small, np.uint8)
    for e in entries:
        found[e] += 1
    return found


def disjoint(indices: tuple[Key, ...], shape: Shape) -> bool:
    return bool(np.all(counted(indices, shape) <= 1))


def complete(node: Node) -> bool:
    """Whether the parts of an assembly fill all of it."""
    return bool(np.all(counted(node.params["indices"], node.shape) == 1))
