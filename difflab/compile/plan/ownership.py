"""Ownership: whose memory a value lies in, so that it is written over when nothing needs it, and handed out uncopied.

The roots of a value are the values whose arrays it may share: itself, where it has an array of its own, and what it is
a view of. An array is free when no value that has it among its roots is read any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ...graph.node import Node
from .memory import Memory
from .regions import Region


class Ownership:
    """Who holds which buffers of a `Memory`, and which of the donated inputs.

    `last` says at which step a value is read last; what is `kept` is not written over then.
    """

    last: Mapping[Node, int]
    kept: frozenset[Node]

    def __init__(self, last: Mapping[Node, int], kept: Iterable[Node] = (), donated: Iterable[Node] = ()) -> None:
        self.memory: Memory = Memory()
        self.last, self.kept = last, frozenset(kept)
        self.roots: dict[Node, tuple[Node, ...]] = {}  # in order: by sets, buffers would depend on addresses
        self.held: dict[Node, int] = {}
        self.place: dict[Node, int] = {}
        self.donated: dict[Node, None] = dict.fromkeys(donated)
        self.handed_out: set[Node] = set()  # results that belong to the caller as they are
        for node in self.donated:
            self.hold(node, (node,))

    def hold(self, node: Node, roots: tuple[Node, ...]) -> None:
        self.roots[node] = roots
        for root in roots:
            self.held[root] = self.held.get(root, 0) + 1

    def view(self, node: Node) -> None:
        """The node may share the memory of any of its operands."""
        self.hold(node, tuple(dict.fromkeys(root for x in node.operands for root in self.roots.get(x, ()))))

    def release(self, node: Node) -> None:
        """Gives back the buffers that only this node still held."""
        for root in self.roots.pop(node, ()):
            self.held[root] -= 1
            if self.held[root] == 0 and root in self.place:  # not a donated input
                self.memory.give_back(self.place[root])

    def owns(self, node: Node) -> bool:
        """Whether the value has an array of its own, and is no view."""
        return self.roots.get(node) == (node,)

    def ends(self, node: Node, k: int) -> bool:
        return self.last[node] == k and node not in self.kept

    def take(self, node: Node, shape: tuple[int, ...]) -> int:
        """A buffer for the node."""
        self.place[node] = self.memory.take(shape, node.dtype)
        self.hold(node, (node,))
        return self.place[node]

    def take_over(self, node: Node, k: int, shape: tuple[int, ...]) -> int:
        """A buffer; elementwise, that of an operand which is read here for the last time, where it fits."""
        if node.primitive.kind == "elementwise":
            for x in dict.fromkeys(node.operands):
                if self.owns(x) and x.value == node.value and self.ends(x, k):
                    self.release(x)
        return self.take(node, shape)

    def donation(self, node: Node, k: int, region: Region | None = None) -> Node | None:
        """A donated input of that shape and dtype that nothing reads later, also not through a view."""
        if node.primitive.kind == "elementwise":
            # A region may have read x some operations before: m in 0.9 m + 0.1 g.
            for x in dict.fromkeys([*node.operands, *(self.donated if region else ())]):
                alone = x in self.donated and self.owns(x) and self.held[x] == 1
                ends = self.ends(x, k) and (region is None or region.read_last_by(x, node))
                if alone and ends and x.value == node.value:
                    self.release(x)
        for x in self.donated:
            if x.value == node.value and self.held.get(x) == 0:
                del self.donated[x]
                return x
        return None
