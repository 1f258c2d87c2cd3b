"""Bias and relu behind max-pooling: the same values, from as many elements fewer as a window has.

Adding a number to every element of a window, and relu, keep the order of its elements, also where they round. So
max_pool(relu(y + b)) is relu(max_pool(y) + b), and the place of the largest element is that of y's. (Where relu made
several elements 0, or rounding made two equal, that place may be another one of the tie: at 0 nothing is let back, and
between equals either is a subgradient.) Going back, what is let through relu is decided at the places alone.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..graph.graph import Graph
from ..graph.node import NO_PARAMS, Abstract, Node
from ..primitives import TABLE
from .rewriting import number, rebuilt, relinked
from .windows import tiling


@dataclass
class Stage:
    """Nodes between a convolution and the pooling of what became of it."""

    conv: Node
    added: Node | None  # y + b
    bias: Node | None
    relu: Node | None  # maximum(., 0)
    pool: Node
    places: list[Node]
    masks: list[Node]  # . > 0
    both: list[Node]  # the mask and another gate
    let: list[Node]  # what relu lets back, of the same shape as y
    writes: list[Node]


def pooling_order(graph: Graph) -> Graph:
    """Moves what can be moved, one convolution after another."""
    if not any(n.primitive.name == "max_pool" for n in graph.order):
        return graph
    tried: set[Node] = set()
    while conv := next((n for n in graph.order if n.primitive is TABLE["conv"] and n not in tried), None):
        tried.add(conv)
        stage = found(conv, readers_of(graph))
        if stage is not None:
            kept = {*graph.outputs, *[n for n, _ in graph.guards]}
            inside = {conv, stage.added, stage.relu, *stage.masks, *stage.both, *stage.let, *stage.writes}
            if not kept & inside:
                graph = moved(graph, stage)
    return graph


def readers_of(graph: Graph) -> dict[Node, list[Node]]:
    readers: dict[Node, list[Node]] = {n: [] for n in graph.order}
    for node in graph.order:
        for x in dict.fromkeys(node.operands):
            readers[x].append(node)
    return readers


def constant_in_windows(shape: tuple[int, ...], rank: int) -> bool:
    """Whether an array that is broadcast to this rank is the same all over the last two axes."""
    return len(shape) <= rank and all(n == 1 for n in shape[-2:])


def found(conv: Node, readers: dict[Node, list[Node]]) -> Stage | None:
    """The stage that begins with this convolution, where every reader of what lies in between is known."""
    if len(conv.shape) != 4 or conv.dtype.kind != "f":
        return None
    here, added, bias, relu = conv, None, None, None
    if len(readers[here]) == 1 and readers[here][0].primitive is TABLE["add"]:
        added = readers[here][0]
        x, y = added.operands
        bias = y if x is conv else x
        if bias is conv or not constant_in_windows(bias.shape, 4) or added.value != conv.value:
            return None
        here = added
    masks = []
    for node in readers[here]:
        if node.primitive is TABLE["maximum"] and number(node.operands[1]) == 0 and node.operands[0] is here:
            relu = node
        elif node.primitive is TABLE["greater"] and number(node.operands[1]) == 0 and node.operands[0] is here:
            masks.append(node)
    if relu is not None:
        if len(readers[here]) != 1 + len(masks):
            return None
        here = relu
    elif masks or added is None:
        return None
    kinds = [n.primitive.name for n in readers[here]]
    if kinds.count("max_pool") != 1 or not set(kinds) <= {"max_pool", "window_place"}:
        return None
    pool = next(n for n in readers[here] if n.primitive.name == "max_pool")
    places = [n for n in readers[here] if n is not pool]
    if any(n.params != pool.params for n in places) or not tiling(pool.params):
        return None
    return going_back(Stage(conv, added, bias, relu, pool, places, masks, [], [], []), readers)


def going_back(stage: Stage, readers: dict[Node, list[Node]]) -> Stage | None:
    """The stage with its backward nodes; None where one of them is used in a way that is not known."""
    for place in stage.places:
        for write in readers[place]:
            if write.primitive.name != "window_write" or write.operands[1] is not place:
                return None
            stage.writes.append(write)
    if stage.relu is None:
        return stage
    for mask in stage.masks:
        for node in readers[mask]:
            if node.primitive is TABLE["logical_and"]:
                other = node.operands[1] if node.operands[0] is mask else node.operands[0]
                if opened(other) is None:
                    return None
                stage.both.append(node)
            elif node.primitive is TABLE["where"] and node.operands[0] is mask:
                stage.let.append(node)
            elif not over_windows(node):
                return None
    for both in stage.both:
        for node in readers[both]:
            if node.primitive is TABLE["where"] and node.operands[0] is both:
                stage.let.append(node)
            elif not over_windows(node):
                return None
    for node in stage.let:
        if node.operands[1] not in stage.writes or number(node.operands[2]) != 0:
            return None
    if any(reader not in stage.let for write in stage.writes for reader in readers[write]):
        return None
    return stage


def opened(gate: Node) -> tuple[Node] | None:
    """The smaller gate that was spread over the windows."""
    if gate.primitive is TABLE["broadcast_to"] and constant_in_windows(gate.operands[0].shape, 4):
        return gate.operands[:1]  # type: ignore[return-value]
    return None


def over_windows(node: Node) -> bool:
    """Whether a gate is only asked for anything open in whole images."""
    axis = node.params.get("axis", ())
    return node.primitive is TABLE["any"] and (axis is None or {2, 3} <= {a % 4 for a in axis})


def moved(graph: Graph, stage: Stage) -> Graph:
    """The graph with the pooling first, and the cotangents gated before they are spread."""
    image: dict[Node, Node] = {}
    before: dict[Node, Node] = {}  # a spread cotangent, and what was spread

    def new(name: str, operands: tuple[Node, ...], like: Node, params: Any = NO_PARAMS, value: Any = None) -> Node:
        found = tuple([image.get(x, x) for x in operands])
        return Node(TABLE[name], found, params, value or like.value, None, like.name, like.block)

    pool, flags = stage.pool, Abstract(stage.pool.shape, np.dtype(bool))
    largest = new("max_pool", (stage.conv,), pool, pool.params)
    shifted = new("add", (largest, stage.bias), pool) if stage.bias is not None else largest
    image[pool] = new("maximum", (shifted, stage.relu.operands[1]), pool) if stage.relu is not None else shifted
    for node in graph.order:
        if node is pool or node is stage.added or node is stage.relu:
            continue
        if node in stage.places:
            image[node] = new("window_place", (stage.conv,), node, node.params)
        elif node in stage.masks:
            image[node] = new("greater", (shifted, node.operands[1]), node, node.params, flags)
        elif node in stage.both:
            mask, other = node.operands if node.operands[0] in stage.masks else node.operands[::-1]
            whole = new("broadcast_to", opened(other), other, {"shape": pool.shape}, flags)  # type: ignore[arg-type]
            image[node] = new("logical_and", (mask, whole), node, node.params, flags)
        elif node in stage.writes:
            image[node] = new("window_write", node.operands, node, node.params)
            before[node] = node.operands[0]
        elif node in stage.let:
            gate, write, zero = node.operands
            ct, place = write.operands
            let = new("where", (gate, ct, zero), node, node.params, ct.value)
            image[node] = new("window_write", (let, place), node, write.params)
            before[node] = let
        elif node.primitive.name == "sum_to" and node.operands[0] in before and constant_in_windows(node.shape, 4):
            image[node] = new("sum_to", (before[node.operands[0]],), node, node.params)
        elif any(x in image for x in node.operands):
            image[node] = relinked(node, image)
    return rebuilt(graph, arranged(graph, image), image)


def arranged(graph: Graph, image: dict[Node, Node]) -> list[Node]:
    """The nodes that the new outputs, guards and inputs stand on, each after its operands, in the old order else."""
    ends = [image.get(n, n) for n in (*graph.inputs, *graph.outputs, *[n for n, _ in graph.guards])]
    alive, waiting = set(ends), list(ends)
    while waiting:
        for x in waiting.pop().operands:
            if x not in alive:
                alive.add(x)
                waiting.append(x)
    place = {image.get(n, n): k for k, n in enumerate(graph.order)}
    missing = {n: len(set(n.operands)) for n in alive}
    readers: dict[Node, list[Node]] = {n: [] for n in alive}
    for n in alive:
        for x in set(n.operands):
            readers[x].append(n)
    ready = [(place.get(n, 0), k, n) for k, n in enumerate(alive) if not missing[n]]
    heapq.heapify(ready)
    order: list[Node] = []
    while ready:
        key, _, node = heapq.heappop(ready)
        order.append(node)
        for n in readers[node]:
            missing[n] -= 1
            if not missing[n]:
                heapq.heappush(ready, (place.get(n, key), len(order) + len(alive), n))
    return order
