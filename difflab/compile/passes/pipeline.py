"""Passes: small pure functions Graph -> Graph that leave the values as they are."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable

import numpy as np

from ...graph.graph import Graph
from ...graph.merging import frozen
from ...graph.node import Abstract, Node
from ...primitives import NUMPY, rows
from .algebra import clean_algebra, powers, signs
from .assembly import assembly
from .convolve_and_pool import conv_pools
from .elements import elements
from .expand import expand
from .factors import factors, inner_products, uniform
from .joined_loops import joined_loops
from .memory_order import batch_last
from .parts import parts
from .pool_first import pool_first
from .rewriting import rebuilt, relinked
from .transposes import transposed_products


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
    known: dict[Hashable, Node] = {}
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
        if new.operands and node.primitive.listed and _all_constant(new):
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
    return all(x.primitive is rows.constant for x in node.operands)


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
    return Node(rows.constant, (), {"value": plain}, Abstract(plain.shape, plain.dtype), node.name, node.block)


def signature(node: Node) -> Hashable:
    """What makes two nodes equal, or None for a node that is only equal to itself."""
    if node.primitive is rows.input:
        return None
    try:
        params = frozen(node.params)
        hash(params)
    except TypeError:
        return None
    return id(node.primitive), tuple([id(x) for x in node.operands]), params


PASSES: dict[str, Callable[[Graph], Graph]] = {
    "dead nodes": dead_nodes,
    "constants": constants,
    "uniform constants": uniform,
    "algebra": clean_algebra,
    "elements": elements,
    "expansion": expand,
    "powers": powers,
    "equal subexpressions": common_subexpressions,
    "parts": parts,
    "assembly": assembly,
    "factors": factors,
    "signs": signs,
    "inner products": inner_products,
    "transposed products": transposed_products,
    "common subexpressions": common_subexpressions,
    "joined loops": joined_loops,
    "pooling first": pool_first,
    "dead nodes behind pooling": dead_nodes,
    "convolution and pooling": conv_pools,
    "memory order of convolutions": batch_last,
    "dead nodes again": dead_nodes,
}


NUMPYS = frozenset(  # what makes a graph fit for NumPy; XLA joins and lays out operations in its own way
    (
        "elements",
        "expansion",
        "assembly",
        "transposed products",
        "convolution and pooling",
        "memory order of convolutions",
    )
)


def optimise(graph: Graph, without: Collection[str] = ()) -> tuple[Graph, list[tuple[str, int, int]]]:
    """The passes in order, and for each the number of nodes before and after."""
    log = []
    for name, run in PASSES.items():
        if name in without:
            continue
        before = len(graph)
        graph = run(graph)
        log.append((name, before, len(graph)))
    return graph, log
