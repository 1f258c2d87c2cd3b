"""What answers for a program whose graph is too large to be written: the graph itself, node after node."""

from __future__ import annotations

import numpy as np

from ...graph.graph import Graph
from ...primitives import NUMPY
from ...types import Function, Value

LARGEST = 500_000  # nodes; writing so many takes a quarter of a minute and more than a gigabyte, and grows with them


class WalkedSource:
    """In the place of a source: a run takes some tens of times as long as written code, and nothing goes before it."""

    threaded = False

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    @property
    def text(self) -> str:
        """Why there is no source."""
        return f"# {self.why()}\n"

    def why(self) -> str:
        return (
            f"the graph has {len(self.graph):,} nodes, more than the {LARGEST:,} that are written as a program: it is "
            "run node after node; dl.scan makes one node of a long loop"
        )

    def explain(self) -> list[str]:
        """The same for a person who asks what became of the graph."""
        return [f"walked: {self.why()}"]

    def compile(self) -> Function:
        """The function from a workspace, which it does not need, and the inputs to outputs and guards."""
        return self.walk

    def workspace(self) -> list[Value]:
        return []

    def walk(self, work: list[Value], *values: Value) -> list[Value]:
        found = self.graph.evaluate(list(values), NUMPY)
        outputs = [np.array(y) if (y := found[node]).__class__ is np.ndarray else y for node in self.graph.outputs]
        return [*outputs, *[found[node] for node, _ in self.graph.guards]]
