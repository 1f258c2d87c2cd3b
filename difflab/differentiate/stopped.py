"""stop_gradient in the methods that move the inputs: what it stops keeps the value that it has at the point."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ..compile.program.compiled import holds
from ..graph.graph import Graph
from ..graph.node import Node
from ..graph.trace import trace
from ..primitives import rows
from ..types import Value
from .opaque import OPAQUE
from .problem import Problem
from .transform import watched

HIDDEN = (
    "stop_gradient: it stands in a loop, a branch or code that is not recorded, where differences would move what it "
    "stops; use reverse or forward mode"
)


def differenced(problem: Problem) -> tuple[Callable[[list[Value]], Value], str]:
    """The function to take differences of, and the reason if none can be taken.

    It is the user's own, or the recorded graph with the nodes that stop a gradient held at their values.
    """
    with watched() as seen, np.errstate(all="ignore"):
        problem.function(list(problem.values))
    graph, held = pinned(problem.graph, problem.values)
    if seen and hides(problem, len(held)):
        return problem.function, HIDDEN
    if not held:
        return problem.function, ""

    def function(values: list[Value]) -> Value:
        env = graph.evaluate([*values, *held])
        if all(holds(env[node], outcome) for node, outcome in problem.graph.guards):
            return env[graph.outputs[0]]
        return math.nan  # the user's code would go another way here, which the graph does not know

    return function, ""


def hides(problem: Problem, count: int) -> bool:
    """Whether the function stops a gradient elsewhere than at the recorded nodes."""
    if any(OPAQUE in n.primitive.spelling for n in problem.graph.order):
        return True
    with watched() as seen, np.errstate(all="ignore"):
        trace(lambda *xs: problem.function(list(xs)), *problem.values)
    return len(seen) > count or any(x.__class__ is not Node for x in seen)  # what was recorded is a vertex now


def pinned(graph: Graph, values: list[Value]) -> tuple[Graph, list[Value]]:
    """The graph with its nodes that stop a gradient as further inputs, and the values of these at the point."""
    stops = [n for n in graph.order if n.primitive is rows.stop_gradient]
    if not stops:
        return graph, []
    with np.errstate(all="ignore"):
        env = graph.evaluate(list(values))
    again = Graph(order=list(graph.order), inputs=[*graph.inputs, *stops], outputs=graph.outputs)
    return again, [env[n] for n in stops]


__all__ = ["differenced", "pinned"]
