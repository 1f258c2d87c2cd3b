"""Arithmetic behind convolutions is done in the memory order that they leave: (rows, channels, columns, batch).

Their results are views with the batch first of arrays that have it last. Buffers and flattened loops know one order, so
such arithmetic is written on the transposed values, which are the arrays themselves; a bias (channels, 1, 1) fits both.
"""

from __future__ import annotations

from collections.abc import Iterable

from ...graph.graph import Graph
from ...graph.node import Abstract, Node
from ...primitives import Primitive, rows
from ...primitives.primitive import BATCH_LAST
from ...types import Params, Shape
from .rewriting import rebuilt, relinked

ORDER, BACK = (2, 1, 3, 0), (3, 1, 0, 2)  # from (batch, channels, rows, columns), and to it


def batch_last(graph: Graph) -> Graph:
    """Writes arithmetic on images on their transposed values, where those are what lies in memory."""
    if not any(n.primitive.lies_as == BATCH_LAST or n.primitive is rows.conv_max_pool for n in graph.order):
        return graph
    return Turning(graph).run()


class Turning:
    """One run of the pass: the nodes that lie batch last, and the transposed values that stand for some."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.order: list[Node] = []
        self.image: dict[Node, Node] = {}
        self.turned: dict[Node, Node] = {}
        self.last: set[Node] = set()

    def run(self) -> Graph:
        for node in self.graph.order:
            new = self.arithmetic(node)
            if new is None:
                new = relinked(node, self.image)
                self.order.append(new)
                if self.lies_last(node):
                    self.last.add(node)
            if new is not node:
                self.image[node] = new
        return rebuilt(self.graph, self.order, self.image)

    def lies_last(self, node: Node) -> bool:
        """Whether a kernel leaves its result with the batch last."""
        row, x = node.primitive, node.operands
        if node.value.__class__ is not Abstract or len(node.shape) != 4:
            return False
        if row.kind == "pick":
            return x[0].primitive is rows.conv_max_pool
        return row.lies_as == BATCH_LAST or (row.lies_as is not None and x[row.lies_as] in self.last)

    def add(self, row: Primitive, x: tuple[Node, ...], params: Params, shape: Iterable[int], like: Node) -> Node:
        self.order.append(Node(row, x, params, Abstract(tuple(shape), like.dtype), like.name, like.block))
        return self.order[-1]

    def arithmetic(self, node: Node) -> Node | None:
        """The node by its transposed value, or a sum over it; None where it stays as it is."""
        row, x = node.primitive, node.operands
        if row in (rows.sum_to, rows.sum) and x[0] in self.turned and self.sums_alike(node):
            return self.add(row, (self.turned[x[0]],), node.params, node.shape, node)
        whole = row.kind == "elementwise" and node.value.__class__ is Abstract and len(node.shape) == 4
        if not whole or not any(o in self.last and o.shape == node.shape for o in x):
            return None
        operands = tuple([self.seen(o, node.shape) for o in x])
        turned = self.add(row, operands, node.params, [node.shape[k] for k in ORDER], node)
        self.turned[node] = turned
        self.last.add(node)
        return self.add(rows.transpose, (turned,), {"axes": BACK}, node.shape, node)

    def sums_alike(self, node: Node) -> bool:
        """Whether a sum is the same over the transposed value: over everything, or all but the channels."""
        if node.primitive is rows.sum_to:
            shape = node.params["shape"]
            return len(shape) == 3 and shape[1:] == (1, 1)
        return node.params["axis"] is None or (node.params["keepdims"] and set(node.params["axis"]) == {0, 2, 3})

    def seen(self, x: Node, shape: Shape) -> Node:
        """An operand as it stands beside a transposed value."""
        if x in self.turned:
            return self.turned[x]
        new, own = self.image.get(x, x), x.shape
        if x.shape != shape:
            own = (1,) * (4 - len(x.shape)) + x.shape
            moved = [own[k] for k in ORDER]
            while moved and moved[0] == 1:
                moved.pop(0)
            if [n for n in own if n != 1] == [n for n in moved if n != 1]:  # nothing changes its place
                same = tuple(moved) == x.shape or len(x.shape) == 0
                return new if same else self.add(rows.reshape, (new,), {"shape": tuple(moved)}, moved, x)
            new = new if own == x.shape else self.add(rows.reshape, (new,), {"shape": own}, own, x)
        turned = self.add(rows.transpose, (new,), {"axes": ORDER}, [own[k] for k in ORDER], x)
        if x.shape == shape:
            self.turned[x] = turned
        return turned
