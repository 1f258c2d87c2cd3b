"""The forward and the backward pass at one point, with everything that a picture or a report wants to show."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..errors import InputError
from ..hooks import Hook
from .drawable import Stepwise
from .graph import Graph
from .node import Node
from .recording import Tape
from .traced import NODE


class Edge(NamedTuple):
    """What flows back from `target` to its operand `source`: upstream times local is downstream.

    `local` is the local derivative of an elementwise operation; for other operations it is None (the transpose of
    the linear map takes its place).
    """

    source: Node
    target: Node
    position: int
    upstream: Any
    local: Any
    downstream: Any


class ByName(dict[Node, Any]):
    """A dictionary of nodes that can also be asked by name: `adjoint[node]`, `adjoint("q")`."""

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self.graph = graph

    def __call__(self, name: Any) -> Any:
        return self[self.graph.node(name)]

    def __missing__(self, node: Any) -> Any:
        raise InputError(f"there is no value for {node!r} here")


class ForwardPass(Stepwise):
    """The graph at one point: `values[node]`, `value(name)`; `backward()` gives the gradients."""

    def __init__(self, graph: Graph, inputs: list[Any]) -> None:
        self.graph = graph
        with Tape() as (self.tape, self.nodes), np.errstate(all="ignore"):
            self.recorded = graph.evaluate([self.tape.input(x, n.name) for n, x in zip(graph.inputs, inputs)], NODE)
        self.values = ByName(graph)
        for node, x in self.recorded.items():
            self.values[node] = self._value(x)

    def __reduce__(self) -> Any:  # the recorded values exist only in this process; the pass can be run again
        return ForwardPass, (self.graph, [self.values[n] for n in self.graph.inputs])

    def _value(self, x: Any) -> Any:
        if isinstance(x, tuple):
            return tuple(self._value(e) for e in x)
        return self.tape.value_of(x)

    def value(self, name: Any) -> Any:
        """The value of the node of that name."""
        return self.values(name)

    def backward(self, seed: Any = None) -> BackwardPass:
        """The backward pass from the first output, with `seed` as its adjoint (ones by default)."""
        return BACKWARD(self, seed)


class BackwardPass(Stepwise):
    """The adjoint of every node and what flows along every edge, in the order of the sweep."""

    def __init__(self, forward: ForwardPass, output: Node, seed: Any) -> None:
        self.forward = forward
        self.graph = forward.graph
        self.output = output
        self.seed = self.given = seed  # the seed may become NaN where there is no derivative
        self.adjoint = ByName(self.graph)
        self.edges: list[Edge] = []
        self.reached: set[Node] = set()

    def __reduce__(self) -> Any:
        return self.forward.backward, (self.given,)

    @property
    def gradient(self) -> dict[str, Any]:
        """The adjoint of each input, by name."""
        return {str(n.name): self.adjoint[n] for n in self.graph.inputs}


BACKWARD: Hook[[ForwardPass, Any], BackwardPass] = Hook("backward")
