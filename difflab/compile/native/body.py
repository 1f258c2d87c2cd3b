"""The graph of one strip of rows of a region."""

from __future__ import annotations

from ...graph.graph import Graph
from ...graph.node import Abstract, Node
from ...graph.vertices import input_node
from ...primitives import Primitive, rows
from ...types import Shape
from ..passes.expand import Builder
from ..passes.rewriting import number
from ..plan.regions import Region, cut
from ..write.region_source import row_shape
from .arrays import Refused


class Parts(Builder):
    """A carrier that makes typed nodes of reductions along axes, too."""

    def reduced(self, row: Primitive, x: Node, axis: tuple[int, ...], keepdims: bool) -> Node:
        kept = [(1 if k in axis else n) for k, n in enumerate(x.shape) if keepdims or k not in axis]
        return self.keep(Node(row, (x,), {"axis": axis, "keepdims": keepdims}, Abstract(tuple(kept), x.dtype)))

    def sum(self, x: Node, axis: tuple[int, ...], keepdims: bool) -> Node:
        return self.reduced(rows.sum, x, axis, keepdims)

    def max(self, x: Node, axis: tuple[int, ...], keepdims: bool) -> Node:
        return self.reduced(rows.max, x, axis, keepdims)


class Body:
    """The graph of one strip of `lanes` rows of a region.

    `whole` are the nodes from outside that each strip reads as a whole, `moving` those of which it reads its rows.
    """

    def __init__(self, region: Region, results: list[Node], lanes: int) -> None:
        self.region: Region = region
        self.lanes: int = lanes
        self.image: dict[Node, Node] = {}
        self.order: list[Node] = []
        self.whole: list[Node] = []
        self.moving: list[Node] = []
        for node in region.members:
            for position, x in enumerate(node.operands):
                if x not in region.inside:
                    self.read(x, self.is_cut(node, position))
        inputs = [self.image[x] for x in (*self.whole, *self.moving)]
        self.order += inputs
        for node in region.members:
            self.image[node] = self.part(node) if node in region.totals else self.member(node)
        self.graph: Graph = Graph(order=self.order, inputs=inputs, outputs=[self.image[y] for y in results])

    def is_cut(self, node: Node, position: int) -> bool:
        if self.region.flat is not None:
            return bool(node.operands[position].shape)
        return node in self.region.totals or cut(node, position, self.region.rows)

    def shape(self, x: Node) -> Shape:
        return (self.lanes, *row_shape(x, self.region))

    def read(self, x: Node, by_rows: bool) -> None:
        """A value from outside; numbers that are known stand in the text."""
        if not x.shape and number(x) is not None:
            if x not in self.image:
                self.image[x] = x
                self.order.append(x)
            return
        if x in self.image:
            if (x in self.moving) is not by_rows:
                raise Refused("it reads a value by rows and as a whole")
            return
        if x.value.__class__ is tuple:
            raise Refused(f"it reads {x.primitive.name}")
        (self.moving if by_rows else self.whole).append(x)
        self.image[x] = input_node(f"x{len(self.image)}", Abstract(self.shape(x) if by_rows else x.shape, x.dtype))

    def keep(self, node: Node) -> Node:
        self.order.append(node)
        return node

    def member(self, node: Node) -> Node:
        operands = tuple([self.image[x] for x in node.operands])
        params, shape = node.params, node.params.get("shape")
        if isinstance(shape, tuple):
            params = {**params, "shape": (self.lanes, *shape[1:])}
        if (program := node.primitive.spelling.get("parts")) and node.dtype.kind == "f":
            parts = Parts(node)
            last: Node = program(parts, *operands, **params)
            self.order += parts.made
            return last
        return self.keep(Node(node.primitive, operands, params, Abstract(self.shape(node), node.dtype)))

    def part(self, node: Node) -> Node:
        """The summands of a sum over the rows, a row each."""
        x = self.image[node.operands[0]]
        wide = len(x.shape)
        if self.region.flat is not None:
            return x
        if node.primitive is rows.sum:
            axis = node.params["axis"]
            axes = set(range(wide)) if axis is None else set(axis)
        else:
            lead = wide - len(node.shape)
            axes = {k for k in range(wide) if k < lead or (node.shape[k - lead] == 1 != x.shape[k])}
        others = tuple(sorted(axes - {0}))
        if not others:
            return x
        kept = tuple(n for k, n in enumerate(x.shape) if k not in others)
        return self.keep(Node(rows.sum, (x,), {"axis": others, "keepdims": False}, Abstract(kept, node.dtype)))
