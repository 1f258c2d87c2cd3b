"""What a page knows of a pass: its nodes, edges and numbers, as plain data for the script."""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np

from ...graph.graph import BackwardPass, Edge, ForwardPass, Graph
from ...graph.node import Node
from ...graph.traced import Traced
from ...primitives import Linear, rows
from ...types import Tree, Value
from ..build import ancestors
from ..formula import local_formula, names_of, node_formula
from ..text import clean, shape, short
from .heat import ALPHABET, Map, heat
from .windows import window_of

NAME, FORMULA = 40, 160  # characters of a name or a formula that a page shows


class Model:
    """The pass behind a page. `index` numbers the nodes; `data()` is what the script reads.

    Numbers go with all their digits, arrays as the short text of the drawings and a small heat map.
    """

    forward: ForwardPass
    backward: BackwardPass | None
    graph: Graph

    def __init__(self, forward: ForwardPass, backward: BackwardPass | None) -> None:
        self.forward, self.backward, self.graph = forward, backward, forward.graph
        self.order: list[Node] = list(self.graph.order)
        self.index: dict[Node, int] = {node: k for k, node in enumerate(self.order)}
        self.names: dict[Node, str] = {node: clean(name, NAME) for node, name in names_of(self.graph).items()}
        self.edges: list[Edge] = backward.edges if backward else []
        self.edge_index: dict[tuple[Node, int], int] = {(e.target, e.position): k for k, e in enumerate(self.edges)}
        self.output: Node = backward.output if backward else self.graph.outputs[0]
        self.output_name: str = self.names[self.output] if self.output.name else "f"
        self.needed: set[Node] = ancestors(self.graph)
        self.maps: dict[Node, Map] = {}  # of arrays whose entries the page shows and moves

    @cached_property
    def scalar(self) -> bool:
        """Whether every value is a single real number or truth value."""
        return all(is_number(self.forward.values[n]) for n in self.order)

    def data(self, live: bool) -> dict[str, Tree]:
        """Nodes, edges and where they begin and end; with `live` without the numbers that the script computes."""
        return {
            "levels": "" if live and self.scalar else ALPHABET,
            "nodes": [self.node(n, live) for n in self.order],
            "edges": [self.edge(e, live) for e in self.edges],
            "inputs": [self.index[n] for n in self.graph.inputs],
            "outputs": [self.index[n] for n in self.graph.outputs],
            "output": self.index[self.output],
            "outputName": self.output_name,
            "seed": None if self.backward is None else self.written(self.backward.given, live),
            "backward": self.backward is not None,
        }

    def node(self, node: Node, live: bool) -> dict[str, Tree]:
        value = self.forward.values[node]
        found: dict[str, Tree] = {
            "name": self.names[node],
            "operands": [self.index[x] for x in node.operands],
        }
        if node.primitive.leaf:
            found["kind"] = node.primitive.name
        if node.operands:
            found["formula"] = clean(node_formula(node, self.places(node)), FORMULA)
        if node not in self.needed:
            found["dead"] = True
        block = [clean(b, NAME) for b in node.block.path] if node.block is not None else []
        if block:
            found["block"] = " / ".join(block)
        if not live or not node.operands:
            found["value"] = self.written(value, live)
        if live and not self.scalar:
            found["shape"] = shape(value) if np.ndim(value) else ""
            if node in self.maps:
                found["map"] = [*self.maps[node], int(np.size(value))]
            window = window_of(node, self.forward)
            if window is not None:
                found["window"] = {k: v for k, v in window.items() if k not in ("before", "after")}
        if not live:
            found |= self.recorded(node, value)
        return found

    def written(self, value: Value, live: bool) -> Value:
        """A value with all its entries where the page computes with them."""
        return entries(value) if live and np.ndim(value) else encoded(value)

    def recorded(self, node: Node, value: Edge) -> dict[str, Tree]:
        """What the script of a page without sliders cannot find itself: adjoint, shape, pictures of arrays."""
        found: dict[str, Tree] = {}
        if not is_number(value):
            found["shape"] = "several results" if isinstance(value, tuple) else shape(value)
            found["heat"] = heat(value)
            window = window_of(node, self.forward)
            if window is not None:
                found["window"] = window
        if self.backward is not None and node in self.backward.reached:
            adjoint = self.backward.adjoint[node]
            found["adjoint"] = encoded(adjoint)
            if not is_number(adjoint):
                found["adjointHeat"] = heat(adjoint)
        return found

    def edge(self, e: Edge, live: bool) -> list[Tree]:
        """Source, target, position, the local derivative as a formula; then the numbers, unless they are computed."""
        made = self.forward.recorded[e.target]
        if made.__class__ is Traced and isinstance(made.primitive, Linear):
            formula = f"{made.primitive.name}ᵀ"
        else:
            formula = clean(local_formula(e.target, e.position, self.places(e.target)), FORMULA)
        places = [self.index[e.source], self.index[e.target], e.position, formula]
        if live:
            return places
        return [*places, encoded(e.upstream), None if e.local is None else encoded(e.local), encoded(e.downstream)]

    @staticmethod
    def places(node: Node) -> dict[Node, str]:
        """Marks in the place of names, which the script replaces by names or by numbers."""
        found = {x: f"⟦{k}⟧" for k, x in enumerate(node.operands) if x.primitive is not rows.constant}
        return found | {node: "⟦y⟧"}


def entries(x: Value) -> dict[str, Tree]:
    """An array for JSON: its shape and all its entries, exactly."""
    x = np.asarray(x)
    return {"s": list(x.shape), "x": [encoded(v) for v in x.ravel()]}


def is_number(x: Value) -> bool:
    """Whether a value is one real number or truth value."""
    return not isinstance(x, list | tuple) and np.ndim(x) == 0 and np.asarray(x).dtype.kind in "fbiu"


def encoded(x: Value) -> Value:
    """A value for JSON: a number exactly (what JSON lacks by name), anything else as short text."""
    if isinstance(x, list | tuple):
        return short(tuple(v for v in x if v is not None))
    if not is_number(x):
        return short(x).replace("‖·‖", "norm")
    if np.asarray(x).dtype.kind == "b":
        return bool(x)
    value = float(x)
    if math.isfinite(value):
        return int(value) if value == int(value) and abs(value) < 2**53 and math.copysign(1, value) > 0 else value
    return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
