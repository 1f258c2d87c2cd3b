"""Functions of NumPy: the graph that difflab records, then its own backward pass as a graph."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import partial

import numpy as np

from ...differentiate.passes import backward_graph
from ...graph.graph import Graph
from ...graph.node import Node
from ...graph.trace import record as recorded
from ...primitives import NUMPY, rows
from ...testing.lines import Lines
from ...types import Array, Function, Tree, Value
from .history import History


class NumpyArrays:
    """NumPy's own values."""

    module = "np"

    def numbers(self, x: Value) -> Array | None:
        found: Array = np.asarray(x)
        return found if found.dtype.kind in "fc" else None

    def like(self, x: Value, numbers: Array) -> Value:
        return numbers.astype(np.asarray(x).dtype)[()]

    def calm(self) -> AbstractContextManager[Value]:
        return np.errstate(all="ignore")


def records(f: Function | Graph, args: tuple[Tree, ...]) -> Iterator[tuple[str, History]]:
    """The forward pass, and then the backward pass with the forward pass that it needs."""
    graph, lines = graph_at(f, args)
    values = graph.bind(args, {})
    forward = record_of(graph, values, lines)
    forward.outputs = [(k, "the output") for k in forward.outputs_of(graph.outputs)]
    yield "forward", forward
    if not any(floating(y) for y in graph.outputs) or not any(np.asarray(x).dtype.kind in "fc" for x in values):
        return
    with np.errstate(all="ignore"):
        backward = backward_graph(graph, **{str(n.name): x for n, x in zip(graph.inputs, values)})
    both = record_of(backward, values, lines_of_copy(graph, backward, lines))
    slopes = both.outputs_of(backward.outputs[len(graph.outputs) :])
    both.outputs = [(k, f"the gradient by {n.name}") for k, n in zip(slopes, graph.inputs)]
    yield "backward", both


def floating(node: Node) -> bool:
    return getattr(node.dtype, "kind", "f") in "fc"


def graph_at(f: Function | Graph, args: tuple[Tree, ...]) -> tuple[Graph, dict[Node, str]]:
    """The graph of f, and the lines at which its operations were recorded."""
    if isinstance(f, Graph):
        return f, {}
    lines = Lines()
    with np.errstate(all="ignore"):
        graph, _ = recorded(f, *args, operations=lines)
    return graph, dict(zip(lines, lines.where))  # type: ignore[arg-type]  # the recorded values are the graph's nodes now


def lines_of_copy(graph: Graph, backward: Graph, lines: dict[Node, str]) -> dict[Node, str]:
    """The lines of a backward graph's nodes: of its copy of the forward pass, and by way of that of the others."""
    own = [n for n in graph.order if n.primitive is not rows.constant]
    copies = [n for n in backward.order if n.primitive is not rows.constant][: len(own)]  # it begins with them
    if [n.primitive for n in copies] != [n.primitive for n in own]:
        return {}
    found = {copy: lines.get(n, "") for copy, n in zip(copies, own)}
    return {n: found.get(backward.partner.get(n, n), "") for n in backward.order}


class GraphHistory(History):
    """The record of a graph: where each node's value is."""

    def __init__(self) -> None:
        super().__init__(NumpyArrays())
        self.places: dict[Node, tuple[int, ...]] = {}

    def outputs_of(self, nodes: list[Node]) -> list[int]:
        return [k for n in nodes for k in self.places[n]]


def record_of(graph: Graph, values: list[Value], lines: dict[Node, str]) -> GraphHistory:
    """The graph run on values; what an operation with several results gives is a slot each."""
    record = GraphHistory()
    for node, x in zip(graph.inputs, values):
        record.places[node] = (record.input(x, node),)
    with np.errstate(all="ignore"):
        for node in graph.order:
            if node not in record.places:
                record.places[node] = add(record, graph, node, lines.get(node, ""))
    return record


def add(record: GraphHistory, graph: Graph, node: Node, line: str) -> tuple[int, ...]:
    """The slots of one node."""
    if node.primitive is rows.constant:
        return (record.slot(node.params["value"], node),)
    if node.primitive.kind == "pick":
        return (record.places[node.operands[0]][node.params["index"]],)
    operands = [record.places[x] for x in node.operands]
    flat = [k for places in operands for k in places]
    run = partial(computed, node, [len(places) for places in operands])
    return record.take(
        node,
        flat,
        run([record.values[k] for k in flat]),
        run,
        elementwise=node.primitive.plain.kind == "elementwise",
        source=line,
        forward=graph.partner.get(node),
    )


def computed(node: Node, lengths: list[int], values: list[Value]) -> list[Value]:
    """The results of a node; an operand of several results takes as many of the values."""
    rest = iter(values)
    grouped = [next(rest) if n == 1 else tuple(next(rest) for _ in range(n)) for n in lengths]
    with np.errstate(all="ignore"):
        found = NUMPY.of(node.primitive)(*grouped, **node.params)
    return list(found) if isinstance(found, tuple | list) else [found]


__all__ = ["records"]
