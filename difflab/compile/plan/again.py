"""What is computed again where it is read, because that costs less than to write it to memory and to read it back.

A region hands its results to the next one as whole arrays. Where such a result is a sum, a product or a comparison of
arrays that the next region can read itself, it computes it anew, block by block, and the array is never made.
"""

from __future__ import annotations

from collections.abc import Callable

from ...graph.graph import Graph
from ...graph.node import Node
from ...primitives import rows
from ..passes.pipeline import dead_nodes
from ..passes.rewriting import rebuilt
from .regions import Region, cut

MOST = 3  # operations that are done twice for one array that is not made
LARGEST = 2_000  # operations of a graph above which nobody looks


class Again:
    """A graph and its regions, in which arrays between regions are replaced one after the other."""

    def __init__(self, graph: Graph, regions: list[Region], cheap: Callable[[Node], bool]) -> None:
        self.graph: Graph = graph
        self.regions: list[Region] = regions
        self.cheap: Callable[[Node], bool] = cheap
        self.look()

    def look(self) -> None:
        """Notes who reads what."""
        self.home: dict[Node, Region] = {n: r for r in self.regions for n in r.members}
        self.kept: set[Node] = {*self.graph.outputs, *[n for n, _ in self.graph.guards]}
        self.readers: dict[Node, list[Node]] = {}
        for node in self.graph.order:
            for x in dict.fromkeys(node.operands):
                self.readers.setdefault(x, []).append(node)

    def run(self) -> tuple[Graph, list[Region]]:
        while (found := self.find()) is not None:
            self.put(*found)
            self.look()
        self.graph = dead_nodes(self.graph)
        alive = set(self.graph.order)
        kept = [[n for n in r.members if n in alive] for r in self.regions]
        # Sums alone, whose summands are arrays already, are NumPy's.
        left = [(r, members) for r, members in zip(self.regions, kept) if not r.totals.issuperset(members)]
        return self.graph, [moved(r, {}, members) for r, members in left]

    def find(self) -> tuple[Region, list[Node]] | None:
        """A region, and what it computes anew: the last of these is an array that it no longer reads."""
        for node in reversed(self.graph.order):
            chains = self.chains(node)
            if chains:
                return chains[0]
        return None

    def chains(self, node: Node) -> list[tuple[Region, list[Node]]]:
        """For each region that reads the node what it would compute anew; nothing where the array is made anyway."""
        mine = self.home.get(node)
        if mine is None or node in self.kept or node in mine.totals or not node.shape:
            return []
        others = dict.fromkeys(self.home.get(n) for n in self.readers.get(node, ()))
        others.pop(mine, None)
        found = []
        for other in others:
            chain = None if other is None else self.chain(node, mine, other)
            if other is None or chain is None:
                return []
            found.append((other, chain))
        return found

    def chain(self, node: Node, mine: Region, other: Region) -> list[Node] | None:
        """The operations behind the node that the other region would do, operands first; None where it does not pay."""
        if (mine.rows, mine.flat) != (other.rows, other.flat) or not all(
            read_by_rows(n, node, other) for n in self.readers[node] if n in other.inside
        ):
            return None
        chain: list[Node] = []
        read: set[Node] = set()
        todo = [node]
        while todo:
            v = todo.pop()
            if v in chain:
                continue
            if len(chain) == MOST or not self.cheap(v):
                return None
            chain.append(v)
            for x in v.operands:
                if not x.shape:
                    if x in mine.inside:
                        return None
                elif x in mine.inside and not self.is_made(x, mine):
                    todo.append(x)
                elif not read_by_rows(v, x, mine) or any(
                    not read_by_rows(n, x, other) for n in self.readers[x] if n in other.inside
                ):
                    return None
                elif x.primitive is not rows.constant:
                    read.add(x)
        new = [x for x in read if not any(n in other.inside for n in self.readers[x])]
        order = {n: k for k, n in enumerate(mine.members)}
        return sorted(chain, key=lambda n: order[n]) if len(new) <= 1 else None

    def is_made(self, x: Node, mine: Region) -> bool:
        """Whether a member's value is an array outside of its region anyway."""
        return x in self.kept or any(n not in mine.inside for n in self.readers[x])

    def put(self, region: Region, chain: list[Node]) -> None:
        """The graph in which the region does the operations of the chain itself."""
        own: dict[Node, Node] = {}
        for v in chain:
            own[v] = Node(v.primitive, tuple([own.get(x, x) for x in v.operands]), v.params, v.value, None, v.block)
        last, image, order = chain[-1], dict[Node, Node](), list[Node]()
        for node in self.graph.order:
            inside = node in region.inside
            operands = tuple([own[x] if inside and x is last else image.get(x, x) for x in node.operands])
            if any(x is not y for x, y in zip(operands, node.operands)):
                image[node] = Node(node.primitive, operands, node.params, node.value, node.name, node.block)
            order.append(image.get(node, node))
            if node is last:
                order += own.values()
        self.graph = rebuilt(self.graph, order, image)
        before = {region: [*own.values()]}
        self.regions = [
            moved(r, image, [*before.get(r, ()), *[image.get(n, n) for n in r.members]]) for r in self.regions
        ]


def read_by_rows(reader: Node, x: Node, region: Region) -> bool:
    """Whether the reader, in a region, reads of x the rows of its block."""
    if reader in region.totals:
        return True
    places = [i for i, o in enumerate(reader.operands) if o is x]
    return all(bool(x.shape) if region.flat is not None else cut(reader, i, region.rows) for i in places)


def moved(region: Region, image: dict[Node, Node], members: list[Node]) -> Region:
    """The region with these members, some of which stand for others."""
    found, totals = Region(region.rows, region.flat), {image.get(n, n) for n in region.totals}
    for node in members:
        found.add(node, node in totals)
    return found


def computed_again(graph: Graph, regions: list[Region], cheap: Callable[[Node], bool]) -> tuple[Graph, list[Region]]:
    """The graph and its regions without the arrays between them that are cheaper to compute twice."""
    if len(regions) < 2 or len(graph.order) > LARGEST:
        return graph, regions
    return Again(graph, regions, cheap).run()
