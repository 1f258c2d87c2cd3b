"""Elements: a program that reads small arrays element by element becomes a program on single numbers.

The arrays stay its arguments and results; between them no array is left: what a scatter adds into zeros, what a
transpose moves, is followed from place to place, and the numbers go straight from where they are made to where they
are read. A graph that computes with whole arrays stays as it is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from ...graph.graph import Graph
from ...graph.node import NO_PARAMS, Abstract, Node
from ...primitives import Primitive, rows
from ...primitives.kernels.structure import is_basic
from ...types import Array, Key, Shape
from .rewriting import rebuilt, relinked

MOST = 256  # elements of an array; beyond it a loop of NumPy's is worth its call
ZERO = -1  # the number of a place that nothing was added to
NUMBER = Abstract((), np.dtype(np.float64))
JOINED = (rows.stack, rows.concatenate)


def packed(*parts: float, shape: Shape) -> Array:
    """The array of the numbers, in the order of C."""
    return np.array(parts, np.float64).reshape(shape)


PACK = Primitive(name="pack", doc="Numbers in an array.", glyph="pack", flops=0, spelling={"numpy": packed})


def elements(graph: Graph) -> Graph:
    """The graph on single numbers, where its arrays are read element by element and nothing else is done with them."""
    return Elements(graph).run()


class Elements:
    """One walk over a graph. An array is an array of the `nodes`' places: which number stands where."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.nodes: list[Node] = []
        self.place: dict[Node, int] = {}
        self.parts: dict[Node, Array] = {}
        self.image: dict[Node, Node] = {}
        self.order: list[Node] = []
        self.kept: set[Node] = set()  # what is in the order
        self.read: bool = False

    def run(self) -> Graph:
        if not any(is_small(x) for x in self.graph.inputs):
            return self.graph
        if not all(map(self.take, self.graph.order)) or not self.read:
            return self.graph
        for y in self.graph.outputs:
            if y in self.parts:
                operands = tuple([self.number(k) for k in self.parts[y].reshape(-1)])
                self.image[y] = self.keep(Node(PACK, operands, {"shape": y.shape}, y.value, y.name, y.block))
        if any(n in self.parts for n, _ in self.graph.guards):
            return self.graph
        found = rebuilt(self.graph, self.order, self.image)
        found.inputs = list(self.graph.inputs)  # also where one is an output, which is an array of its own
        return found

    def take(self, node: Node) -> bool:
        """Notes what becomes of a node; whether it is one number, or an array whose numbers are known."""
        if node.value.__class__ is tuple:
            return False
        if node.primitive.leaf:
            return self.leaf(node)
        if not node.shape and not any(x in self.parts for x in node.operands):
            new = self.keep(relinked(node, self.image))
            if new is not node:
                self.image[node] = new
            return "math" in node.primitive.spelling
        if node.dtype != np.float64:
            return False
        found = self.moved(node)
        if found is None or math.prod(found.shape) > MOST:
            return False
        if found.shape == ():
            self.read = True
            self.image[node] = self.number(int(found))
        else:
            self.parts[node] = found
        return True

    def leaf(self, node: Node) -> bool:
        if not node.shape:
            self.keep(node)
            return True
        if not is_small(node):
            return False
        given = node.primitive is rows.input
        places = list(np.ndindex(*node.shape))
        made = [read(node, k) if given else constant(node.params["value"][k]) for k in places]
        self.parts[node] = self.numbered(made).reshape(node.shape)
        if given:
            self.keep(node)
        return True

    def moved(self, node: Node) -> Array | None:
        """The places of a node's numbers; None where it does more than moving and adding them."""
        row, params = node.primitive, node.params
        xs = [self.parts[x] if x in self.parts else self.single(x) for x in node.operands]
        if row is rows.scatter and len(xs) == 1 and is_basic(params["index"]) and not has_mask(params["index"]):
            out = np.full(params["shape"], ZERO)
            out[params["index"]] = xs[0]
            return out
        if row is rows.getitem and len(xs) == 1 and not has_mask(params["index"]):
            return np.asarray(xs[0][params["index"]])
        if row in JOINED or (len(xs) == 1 and "moves" in row.facts and row is not rows.getitem):
            return np.asarray(row.evaluate(*xs, **params))
        if row is rows.add and xs[0].shape == xs[1].shape:
            found = [self.sum(int(a), int(b)) for a, b in zip(xs[0].flat, xs[1].flat)]
            return np.array(found).reshape(xs[0].shape)
        return None

    def sum(self, a: int, b: int) -> int:
        """What stands where two arrays are added: zeros that nothing was added to are left out."""
        if ZERO in (a, b):
            return max(a, b)
        new = self.keep(Node(rows.add, (self.number(a), self.number(b)), NO_PARAMS, NUMBER))
        return int(self.numbered([new])[0])

    def single(self, x: Node) -> Array:
        return self.numbered([self.image.get(x, x)]).reshape(())

    def numbered(self, nodes: Iterable[Node]) -> Array:
        """The nodes' places in the list, where they are put if they are not there yet."""
        found = []
        for node in nodes:
            if node not in self.place:
                self.place[node] = len(self.nodes)
                self.nodes.append(node)
            found.append(self.place[node])
        return np.array(found, int)

    def number(self, k: int) -> Node:
        """The node of a place; the elements of the arguments are read when they are first needed."""
        return self.keep(constant(0.0) if k == ZERO else self.nodes[k])

    def keep(self, node: Node) -> Node:
        if node not in self.kept:
            self.kept.add(node)
            self.order.append(node)
        return node


def is_small(node: Node) -> bool:
    """Whether it is an array of some float64 numbers."""
    return bool(node.shape) and node.dtype == np.float64 and 0 < math.prod(node.shape) <= MOST


def has_mask(index: Key) -> bool:
    entries = index if isinstance(index, tuple) else (index,)
    return any(isinstance(e, bool | np.bool_) or (isinstance(e, np.ndarray) and e.dtype.kind == "b") for e in entries)


def read(x: Node, place: tuple[int, ...]) -> Node:
    return Node(rows.getitem, (x,), {"index": place}, NUMBER)


def constant(value: float) -> Node:
    return Node(rows.constant, (), {"value": np.float64(value)}, NUMBER)


def is_element(node: Node) -> bool:
    """Whether it reads one element of an argument."""
    if node.primitive is not rows.getitem or len(node.operands) != 1 or node.operands[0].primitive is not rows.input:
        return False
    index = node.params["index"]
    whole = isinstance(index, tuple) and len(index) == len(node.operands[0].shape)
    return whole and node.dtype == np.float64 and all(type(e) is int and e >= 0 for e in index)
