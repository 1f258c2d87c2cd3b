"""Lifetimes: the step that reads a value last."""

from __future__ import annotations

from ...graph.node import Node
from .regions import Region


class Lifetimes:
    """For each node the step that reads it last (`last`), and for each step the nodes that end with it (`ends`).

    What is `kept` until the caller has it ends at no step.
    """

    def __init__(self, steps: list[Node | Region], kept: set[Node]) -> None:
        self.last: dict[Node, int] = {}
        self.ends: dict[int, list[Node]] = {}
        for k, step in enumerate(steps):
            for node in step.members if isinstance(step, Region) else [step]:
                self.last.setdefault(node, k)
                for x in node.operands:
                    self.last[x] = k
        for node, k in self.last.items():
            if node not in kept:
                self.ends.setdefault(k, []).append(node)
