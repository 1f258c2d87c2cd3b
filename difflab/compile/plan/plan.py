"""What a program on arrays is going to do, before a line of it is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from ...graph.graph import Graph
from ...graph.node import Node
from ...primitives import rows
from ..passes.assembly import ASSEMBLE
from ..run.blas import WORTH
from ..run.blocks import THREADS_WORTH
from .lifetimes import Lifetimes
from .regions import Region, schedule, size
from .updates import updates

Divide: TypeAlias = Callable[[Graph], tuple[Graph, list[Region]]]


class Plan:
    """The steps in their order, single nodes and regions, and what is known of each value beforehand.

    `donated` are inputs whose arrays may be written over; `divided` is the graph with its regions.
    """

    graph: Graph
    regions: list[Region]

    def __init__(self, graph: Graph, donated: Iterable[Node], divided: Divide) -> None:
        self.donated: list[Node] = list(donated)
        graph, self.regions = divided(updates(graph, self.donated) if self.donated else graph)
        self.graph = graph
        self.results: set[Node] = set(graph.outputs)
        self.kept: set[Node] = self.results | {n for n, _ in graph.guards}
        self.steps: list[Node | Region] = schedule(graph, self.regions) if self.regions else [*graph.order]
        self.life: Lifetimes = Lifetimes(self.steps, self.kept)
        # Kernels with threads of their own, and products that are cut: OpenBLAS's threads wait for each other without
        # end where other processes take the processors.
        own = any("threads" in n.primitive.facts or is_large_product(n) for n in graph.order)
        self.threaded: bool = own or any(r.work() >= THREADS_WORTH for r in self.regions)
        self.assemblies: dict[
            Node, list[tuple[int, Node]]
        ] = {}  # the disjoint ones that a value is a part of, and when
        for k, step in enumerate(self.steps):
            if isinstance(step, Node) and step.primitive is ASSEMBLE and step.params["disjoint"]:
                for x in step.operands:
                    self.assemblies.setdefault(x, []).append((k, step))

    def assembly(self, node: Node) -> Node | None:
        """The assembly that a value is a part of, and nothing else: it may be written there at once."""
        for k, whole in self.assemblies.get(node, ()):
            if whole.operands.count(node) == 1 and self.life.last[node] == k:
                return whole
        return None


def is_large_product(node: Node) -> bool:
    """Whether a matrix product is so large that two threads share it."""
    if node.primitive is not rows.matmul or not node.shape:
        return False
    return size(node.shape) * node.operands[0].shape[-1] >= WORTH
