"""When the next value of what a loop carries may be written where the present one lies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...graph.graph import Graph
from ...graph.node import Node


def other_readers(graph: Graph, y: Node, readers: Sequence[Node]) -> set[Node] | None:
    """Of the readers of a carried value those that its next value y does not depend on; None where one needs y.

    y has its elements one by one: an element is read for the last time once that of y is known, and the others have
    read all of it before, for which y has to wait.
    """
    behind, todo = {y}, [y]
    while todo:
        new = {x for x in todo.pop().operands if x not in behind}
        behind |= new
        todo += new
    others = {r for r in readers if r not in behind}
    ahead = {y}
    for n in graph.order:
        if not ahead.isdisjoint(n.operands):
            ahead.add(n)
    return others if ahead.isdisjoint(others) else None


def has_order(graph: Graph, waits: Mapping[Node, set[Node]]) -> bool:
    """Whether nobody waits for ever."""
    done: set[Node] = set()
    left = [*graph.order]
    while left:
        ready = [n for n in left if done.issuperset((*n.operands, *waits.get(n, ())))]
        if not ready:
            return False
        done.update(ready)
        left = [n for n in left if n not in done]
    return True
