"""The backward pass of a forward pass, with its edges; and the same thing as a graph."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import InputError, ShapeError
from ..garbage import SEARCHED_SELDOM
from ..graph.graph import BACKWARD, BackwardPass, ByName, Edge, ForwardPass, Graph
from ..graph.node import Node
from ..graph.node_carrier import NODE
from ..graph.recorded import graph_of
from ..graph.recording import Tape
from ..graph.traced import Traced
from ..primitives import Carrier
from ..types import Value
from . import reverse
from .transform import zeros


@SEARCHED_SELDOM
def run_backward(forward: ForwardPass, seed: Value = None) -> BackwardPass:
    """Sweeps the recorded forward pass from its first output and keeps every adjoint and every edge."""
    graph = forward.graph
    output = graph.outputs[0]
    value = forward.values[output]
    if isinstance(value, tuple | list):
        raise ShapeError(f"backward: the output is {len(value)} values; go back from one of them, as in f(x)[0]")
    if seed is None:
        seed = np.ones(Carrier.shape(value), dtype=Carrier.dtype(value) if Carrier.dtype(value).kind in "fc" else float)
    seed = np.asarray(seed, dtype=float if np.asarray(seed).dtype.kind in "biu" else None)[()]
    if seed.shape != Carrier.shape(value):
        raise ShapeError(f"backward: the seed has shape {seed.shape}, the output has shape {Carrier.shape(value)}")
    given, adjoint = seed, ByName(graph)
    edges: list[Edge] = []
    # Outside the domain there is no derivative: none may stand beside a value that is not a number.
    if undefined_here(forward, value):
        seed = np.where(np.isnan(value), np.nan, seed)[()]
    vertex = {x: n for n, x in forward.recorded.items() if x.__class__ is Traced}
    for n, x in forward.recorded.items():  # an operation with several results is recorded as what they are picked from
        if isinstance(x, tuple) and x and x[0].__class__ is Traced and x[0].primitive.kind == "pick":
            vertex[x[0].operands[0]] = n

    def observe(node: Traced, position: int, upstream: Value, local: Value, downstream: Value) -> None:
        target = vertex.get(node)
        if target is None:  # inside a call that the graph shows as one operation
            return
        if len(target.operands) != len(node.operands):  # the vertex keeps constants among its settings
            found = place_of(target, vertex.get(node.operands[position]), node, position)
            if found is None:
                return
            position = found
        source = target.operands[position]
        if local.__class__ is int:
            local = np.float64(local)
        edges.append(Edge(source, target, position, upstream, local, downstream))

    adjoints: dict[Traced, Value] = {}
    top = forward.recorded[output]
    if top.__class__ is Traced and Carrier.dtype(value).kind in "fc":
        with np.errstate(all="ignore"):
            adjoints = reverse.sweep(forward.nodes, {top: seed}, forward.tape.nested, observe)
    for node, x in forward.recorded.items():
        found = adjoints.get(x) if x.__class__ is Traced else None
        if found is None:
            v = forward.values[node]
            found = tuple(zeros(e) for e in v) if isinstance(v, tuple) else zeros(v)
        adjoint[node] = found
    adjoint[output] = adjoints.get(top, seed) if top.__class__ is Traced else seed
    reached = {n for n, x in forward.recorded.items() if x.__class__ is Traced and x in adjoints}
    return BackwardPass(forward, output, given, seed, adjoint, edges, reached)


BACKWARD.fill(run_backward)


def place_of(target: Node, source: Node | None, node: Traced, position: int) -> int | None:
    """Which operand of a vertex the recorded operand is; one that is used several times, in the same order."""
    places = [k for k, x in enumerate(target.operands) if x is source]
    before = sum(x is node.operands[position] for x in node.operands[:position])
    return places[min(before, len(places) - 1)] if places else None


def undefined_here(forward: ForwardPass, value: Value) -> bool:
    """Whether the output is NaN though no input is."""
    if isinstance(value, tuple | Traced) or np.asarray(value).dtype.kind != "f" or not np.any(np.isnan(value)):
        return False
    return not any(
        np.any(np.isnan(forward.values[x])) for x in forward.graph.inputs if forward.values[x].dtype.kind == "f"
    )


@SEARCHED_SELDOM
def backward_graph(graph: Graph, **examples: Any) -> Graph:
    """The backward pass as a graph of the same rows: its outputs are the graph's outputs, then one adjoint an input.

    The shapes are those of the graph, or of `examples` (by input name); an input of unknown shape is taken as a
    scalar. `partner` maps each node of the backward pass to the forward node that it belongs to.

    >>> import difflab as dl
    >>> b = dl.backward_graph(dl.parse("x * y"))
    >>> [float(v) for v in b(x=3.0, y=4.0)]
    [12.0, 4.0, 3.0]
    """
    if not isinstance(graph, Graph):
        raise InputError(f"backward_graph: {graph!r:.80} is not a graph; dl.parse and dl.trace make one")
    partner: dict[Traced, Traced] = {}
    with Tape() as (tape, operations), np.errstate(all="ignore"):
        inputs = [tape.input(example_of(node, examples), node.name) for node in graph.inputs]
        with Tape() as (inner, forward):
            points = [inner.input(x) for x in inputs]
            env = graph.evaluate(points, NODE)
        for vertex, made in env.items():
            lower = inner.value_of(made)
            if vertex.name and lower.__class__ is Traced:
                lower.name = vertex.name
        tops = [env[y] for y in graph.outputs]
        done = [len(operations)]

        def observe(node: Traced, *_: Any) -> None:
            made = operations[done[0] :]
            partner.update(dict.fromkeys(made, node.value))
            done[0] += len(made)

        seeds = {t: np.ones(Carrier.shape(t), t.dtype)[()] for t in tops if inner.owns(t)}
        found = reverse.sweep(forward, dict(seeds), True, observe)
        adjoints = [found[x] if x in found else zeros(x.value) for x in points]
    label = next((y.name for y in graph.outputs if y.name), "f")
    for x, adjoint in zip(inputs, adjoints):
        if adjoint.__class__ is Traced and adjoint.name is None:
            adjoint.name = f"d{label}/d{x.name}"
    return graph_of(operations, inputs, [inner.value_of(t) for t in tops] + adjoints, partner=partner)


def example_of(node: Node, examples: dict[str, Value]) -> Value:
    """The value of an input that the backward pass is recorded at."""
    example = examples.get(str(node.name))
    if example is None:
        return np.ones(node.shape if node.shape is not None else (), node.dtype or float)[()]
    return example if hasattr(example, "dtype") else np.asarray(example, dtype=float)[()]
