"""Passes: small pure functions Graph -> Graph that leave the values as they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ..graph.graph import Graph
from ..graph.node import Abstract, Node
from ..primitives import NUMPY, TABLE


def rebuilt(graph: Graph, order: Iterable[Node], image: dict[Node, Node]) -> Graph:
    """The graph with other nodes in place of its own."""
    new = Graph(
        order=list(order),
        inputs=[image.get(x, x) for x in graph.inputs],
        outputs=[image.get(y, y) for y in graph.outputs],
        rebuild=graph.rebuild,
        flatten=graph.flatten_inputs,
        text=graph.text,
    )
    new.guards = [(image.get(n, n), outcome) for n, outcome in graph.guards]
    new.partner = {image.get(b, b): image.get(f, f) for b, f in graph.partner.items()}
    return new


def relinked(node: Node, image: dict[Node, Node]) -> Node:
    """The node with its operands replaced; itself where nothing changed."""
    operands = tuple([image.get(x, x) for x in node.operands])
    if all(a is b for a, b in zip(operands, node.operands)):
        return node
    return Node(node.primitive, operands, node.params, node.value, None, node.name, node.block)


def dead_nodes(graph: Graph) -> Graph:
    """Drops nodes that neither an output nor a guard depends on; inputs stay."""
    alive = set(graph.outputs) | {n for n, _ in graph.guards} | set(graph.inputs)
    for node in reversed(graph.order):
        if node in alive:
            alive.update(node.operands)
    return rebuilt(graph, [n for n in graph.order if n in alive], {})


def common_subexpressions(graph: Graph) -> Graph:
    """One node for equal operations on equal operands."""
    image: dict[Node, Node] = {}
    known: dict[Any, Node] = {}
    order = []
    for node in graph.order:
        new = relinked(node, image)
        key = signature(new)
        if key is not None and key in known:
            image[node] = known[key]
            continue
        if key is not None:
            known[key] = new
        if new is not node:
            image[node] = new
        order.append(new)
    return rebuilt(graph, order, image)


def constants(graph: Graph) -> Graph:
    """Computes once what depends on no input; what raises or warns is left to run time."""
    image: dict[Node, Node] = {}
    order = []
    for node in graph.order:
        new = relinked(node, image)
        if new.operands and TABLE.get(node.primitive.name) is node.primitive and _all_constant(new):
            folded = _fold(new)
            if folded is not None:
                image[node] = folded
                order.append(folded)
                continue
        if new is not node:
            image[node] = new
        order.append(new)
    return rebuilt(graph, order, image)


def _all_constant(node: Node) -> bool:
    return all(x.primitive.name == "constant" for x in node.operands)


def _fold(node: Node) -> Node | None:
    try:
        with np.errstate(all="raise"):
            value = NUMPY.of(node.primitive)(*[x.params["value"] for x in node.operands], **node.params)
    except (ArithmeticError, ValueError, TypeError):
        return None
    if isinstance(value, tuple):
        return None
    plain = np.asarray(value)[()]
    if plain.size > 10_000:  # a large constant costs more to keep than to make
        return None
    return Node(
        TABLE["constant"], (), {"value": plain}, Abstract(plain.shape, plain.dtype), None, node.name, node.block
    )


def signature(node: Node) -> Any:
    """What makes two nodes equal, or None for a node that is only equal to itself."""
    if node.primitive.name == "input":
        return None
    try:
        params = frozen(node.params)
        hash(params)
    except TypeError:
        return None
    return id(node.primitive), tuple([id(x) for x in node.operands]), params


def frozen(x: Any) -> Any:
    """Parameters as something hashable that tells 1 from 1.0 and True, and 0.0 from -0.0."""
    if isinstance(x, dict):
        return tuple((k, frozen(v)) for k, v in sorted(x.items()))
    if isinstance(x, tuple | list):
        return (type(x), *[frozen(v) for v in x])
    if isinstance(x, slice):
        return ("slice", frozen(x.start), frozen(x.stop), frozen(x.step))
    if isinstance(x, np.ndarray):
        return (x.dtype.str, x.shape, x.tobytes()) if x.size <= 64 and x.dtype != object else ("array", id(x))
    if isinstance(x, float | np.floating):
        return (type(x), float(x).hex())
    return (type(x), x)


def clean_algebra(graph: Graph) -> Graph:
    """Drops operations that do nothing: x * 1, x / 1, x ** 1, -(-x), +x, a reshape or broadcast to the same shape."""
    image: dict[Node, Node] = {}
    order = []
    for node in graph.order:
        new = relinked(node, image)
        same = unchanged(new)
        if same is not None and same.value == new.value and same.value.__class__ is Abstract:
            image[node] = same
            continue
        if new is not node:
            image[node] = new
        order.append(new)
    return rebuilt(graph, order, image)


def unchanged(node: Node) -> Node | None:
    """The operand that the node returns as it is, or None."""
    name, x = node.primitive.name, node.operands
    if name in ("multiply", "divide", "power") and is_one(x[1]):
        return x[0]
    if name == "multiply" and is_one(x[0]):
        return x[1]
    if name == "negative" and x[0].primitive.name == "negative":
        return x[0].operands[0]
    if name in ("positive", "reshape", "broadcast_to", "sum_to", "astype", "stop_gradient") and len(x) == 1:
        return x[0]
    return None


def is_one(node: Node) -> bool:
    value = node.params.get("value") if node.primitive.name == "constant" else None
    return isinstance(value, int | float | np.ndarray | np.number) and bool(np.all(np.equal(value, 1)))


PASSES: dict[str, Callable[[Graph], Graph]] = {
    "dead nodes": dead_nodes,
    "constants": constants,
    "algebra": clean_algebra,
    "common subexpressions": common_subexpressions,
    "dead nodes again": dead_nodes,
}


def optimise(graph: Graph) -> tuple[Graph, list[tuple[str, int, int]]]:
    """All passes in order, and for each the number of nodes before and after."""
    log = []
    for name, run in PASSES.items():
        before = len(graph)
        graph = run(graph)
        log.append((name, before, len(graph)))
    return graph, log
