"""What keeps the order and is the same for a whole window goes behind the max-pooling, where there is less to do.

max(relu(x + b)) over a window is relu(max(x) + b), with the same roundings. So a bias and the activations between a
convolution and a max-pooling act on the largest elements only, and the two become neighbours, which
`convolve_and_pool.py` joins. Going back, a cotangent that stands at the places of the largest elements is worked on
before it is written there.
"""

from __future__ import annotations

from ...graph.graph import Graph
from ...graph.node import Abstract, Node
from ...primitives import rows
from ...types import Params, Shape
from .rewriting import made, number, rebuilt, relinked


def pool_first(graph: Graph) -> Graph:
    """Max-pooling before the bias and the activations in front of it."""
    if not any(n.primitive is rows.max_pool for n in graph.order):
        return graph
    return Reordering(graph).run()


def before(node: Node) -> Node | None:
    """The operand that this rises with, element by element, alike for all elements of an image."""
    row, x = node.primitive, node.operands
    if not row.listed or node.dtype.kind != "f":
        return None
    if "rising" in row.facts or (row is rows.leaky_relu and node.params.get("negative_slope", 0.01) >= 0):
        return x[0]
    if row not in (rows.add, rows.maximum, rows.minimum, rows.subtract):
        return None
    for k, other in ((0, 1), (1, 0)) if row is not rows.subtract else ((0, 1),):
        if x[k].shape == node.shape and x[k].dtype == node.dtype and flat(x[other]):
            return x[k]
    return None


def flat(x: Node) -> bool:
    """Whether a value is the same at all places of an image (the last two axes)."""
    return all(n == 1 for n in x.shape[-2:])


class Reordering:
    """One run of the pass: what became of each node, and of the values that a pooling needs of it."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.order: list[Node] = []
        self.image: dict[Node, Node] = {}
        self.pools: dict[Node, tuple[Params, Shape]] = {}  # root: the window's parameters and the shape of the result
        self.roots: dict[Node, Node] = {}  # any node of a chain: the root
        self.largest: dict[Node, Node] = {}  # a value of the image's size: the same at the largest elements
        self.places: dict[Node, Node] = {}  # the places of the largest elements: the root
        for node in graph.order:
            if node.primitive is rows.max_pool and len(node.params["size"]) == 2:
                self.enter(node)

    def enter(self, pool: Node) -> None:
        """Follows the chain in front of a pooling to its root."""
        chain = [pool.operands[0]]
        while (x := before(chain[-1])) is not None:
            chain.append(x)
        root, known = chain[-1], (pool.params, pool.shape)
        if root.primitive is rows.conv and len(chain) > 1 and self.pools.setdefault(root, known) == known:
            self.roots.update(dict.fromkeys(chain, root))

    def run(self) -> Graph:
        if not self.pools:
            return self.graph
        for node in self.graph.order:
            new = self.changed(node)
            if new is None:
                new = relinked(node, self.image)
                self.order.append(new)
            if new is not node:
                self.image[node] = new
        return rebuilt(self.graph, self.order, self.image)

    def add(self, node: Node) -> Node:
        self.order.append(node)
        return node

    def changed(self, node: Node) -> Node | None:
        """What stands for the node now, if it is one of those that this pass knows."""
        row = node.primitive
        if row in (rows.max_pool, rows.window_place):
            return self.pooled(node)
        if row in (rows.where, rows.multiply):
            return self.worked_on(node)
        if row in (rows.sum_to, rows.sum) and flat_result(node):
            written = self.written(node.operands[0])
            return self.add(made(row, (written.operands[0],), node, node.params)) if written is not None else None
        if row is rows.any and flat_result(node):
            return self.any_open(node)
        return None

    def pooled(self, node: Node) -> Node | None:
        root = self.roots.get(node.operands[0])
        if root is None or (node.params, node.shape) != self.pools[root]:
            return None
        if node.primitive is rows.max_pool:
            return self.at_largest(node.operands[0], root)
        new = self.add(made(node.primitive, (self.image.get(root, root),), node, node.params))
        self.places[new] = root
        return new

    def at_largest(self, x: Node, root: Node) -> Node | None:
        """The value that x has at the largest element of each window; None where it is not known."""
        if flat(x):
            return self.image.get(x, x)
        if x in self.largest:
            return self.largest[x]
        params, shape = self.pools[root]
        like = Abstract(shape, x.dtype)
        if x is root:
            new = Node(rows.max_pool, (self.image.get(x, x),), params, like, x.name, x.block)
        elif x.primitive is rows.broadcast_to and flat(x.operands[0]) and x.shape == root.shape:
            new = Node(
                x.primitive, (self.image.get(x.operands[0], x.operands[0]),), {"shape": shape}, like, block=x.block
            )
        elif x.primitive.kind == "elementwise" and x.shape == root.shape:
            return self.elementwise(x, root, like)
        else:
            return None
        self.largest[x] = self.add(new)
        return new

    def elementwise(self, x: Node, root: Node, like: Abstract) -> Node | None:
        operands = []
        for o in x.operands:
            if (found := self.at_largest(o, root)) is None:
                return None
            operands.append(found)
        self.largest[x] = new = self.add(Node(x.primitive, tuple(operands), x.params, like, x.name, x.block))
        return new

    def written(self, x: Node) -> Node | None:
        """The node that writes cotangents to the places of a pooling that this pass moved."""
        new = self.image.get(x, x)
        is_write = new.primitive is rows.window_write and new.operands[1] in self.places
        return new if is_write else None

    def worked_on(self, node: Node) -> Node | None:
        """where(mask, written, 0) and written * factor: zeros stay zeros, so the work is done before the writing."""
        x = node.operands
        k = 1 if node.primitive is rows.where else next((i for i in (0, 1) if self.written(x[i]) is not None), 0)
        written = self.written(x[k])
        if written is None or (node.primitive is rows.where and number(x[2]) != 0.0):
            return None
        root = self.places[written.operands[1]]
        operands = []
        for i, o in enumerate(x):
            found = written.operands[0] if i == k else self.at_largest(o, root)
            if found is None:
                return None
            operands.append(found)
        like = Abstract(self.pools[root][1], node.dtype)
        worked = self.add(Node(node.primitive, tuple(operands), node.params, like, node.name, node.block))
        return self.add(made(rows.window_write, (worked, written.operands[1]), node, written.params))

    def any_open(self, node: Node) -> Node | None:
        """Whether a rising value is above a bound anywhere is seen at the largest elements, if each has a window."""
        (mask,) = node.operands
        root = self.above(mask)
        if root is None or not tiles(self.pools[root][0], root.shape[-2:]):
            return None
        found = self.at_largest(mask, root)
        return None if found is None else self.add(made(rows.any, (found,), node, node.params))

    def above(self, mask: Node) -> Node | None:
        """The root, where the mask says which elements of a chain are above a bound (and what else holds for all)."""
        if mask.primitive in (rows.greater, rows.greater_equal) and flat(mask.operands[1]):
            return self.roots.get(mask.operands[0])
        if mask.primitive is not rows.logical_and:
            return None
        found = {self.above(o) for o in mask.operands if not constant_over_image(o)}
        return found.pop() if len(found) == 1 else None


def constant_over_image(x: Node) -> bool:
    return flat(x) or (x.primitive is rows.broadcast_to and flat(x.operands[0]))


def flat_result(node: Node) -> bool:
    """Whether a reduction takes the last two axes together, whole."""
    if node.primitive is rows.sum_to:
        return all(n == 1 for n in node.params["shape"][-2:])
    n, axis = len(node.operands[0].shape), node.params["axis"]
    return axis is None or {n - 2, n - 1} <= {k % n for k in axis}


def tiles(params: Params, shape: Shape) -> bool:
    """Whether each element lies in a window."""
    side_by_side = params["size"] == params["stride"] and set(params["dilation"]) == {1}
    whole = all(n % k == 0 for n, k in zip(shape, params["size"]))
    return side_by_side and whole and params["padding"] == ((0, 0), (0, 0))
