"""A function traced once as a graph of its own, with what it captures from traces around it as further inputs."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import numpy as np

from ..compile.passes.pipeline import dead_nodes
from ..compile.passes.rewriting import users
from ..compile.program.compiled import Compiled
from ..errors import InputError, TraceError
from ..graph.graph import Graph
from ..graph.kinds import check_fit
from ..graph.leaves import check_leaf
from ..graph.node import Node
from ..graph.pytree import flatten
from ..graph.recorded import graph_of
from ..graph.recording import Tape
from ..graph.traced import Traced
from ..graph.vertices import strip
from ..primitives import NUMPY, Custom, rows
from ..primitives.primitive import Carrier
from ..types import Function, Value

INSIDE: ContextVar[bool] = ContextVar("INSIDE", default=False)  # whether the body of a loop or branch is being traced


class Closed:
    """f at example leaves: its graph takes the captured values first, then the leaves.

    `captured` are the values from outside, `rebuild` puts output leaves back into f's structure.
    """

    name: str
    f: Function
    rebuild: Callable[[list[Value]], Value]
    program: Compiled

    def __init__(self, name: str, f: Function, leaves: list[Value], call: Callable[[list[Value]], Value]) -> None:
        self.name, self.f = name, f
        before = INSIDE.set(True)
        try:
            with Tape() as (tape, operations):
                for x in leaves:
                    tape.merge_as(x)
                inputs = [tape.input(plain(x)) for x in leaves]
                result = call(inputs)
        finally:
            INSIDE.reset(before)
        outputs, self.rebuild = flatten(result)
        self.captured: list[Value] = []
        images: dict[Traced, Traced] = {}

        def inside(x: Value) -> Value:
            """A value of a tape around this one becomes an input."""
            if x.__class__ is not Traced or tape.owns(x):
                return x
            if x not in images:
                images[x] = Traced(rows.input, (), {}, strip(x), tape, None, None)
                self.captured.append(x)
            return images[x]

        for made in operations:
            if any(x.__class__ is Traced and x.tape is not tape for x in made.operands):
                made.operands = tuple([inside(x) for x in made.operands])
        outputs = [inside(y) for y in outputs]
        for made in operations:
            made.value = tuple(map(strip, made.value)) if made.value.__class__ is tuple else strip(made.value)
        given = list(images.values())
        if not (given or inputs):
            raise InputError(f"{name}: {describe(f)} has no inputs")
        self.graph: Graph = graph_of([*given, *operations], [*given, *inputs], outputs, tape.guards)
        self.program = Compiled(self.graph, [False] * len(self.graph.inputs), elements=False)

    def without_unread(self, first: int) -> list[int]:
        """Leaves out what no output needs, and of the inputs from `first` on those; the places of those that stay."""
        graph = dead_nodes(self.graph)
        read = users(graph)
        kept = [k for k, x in enumerate(graph.inputs) if k < first or x in read]
        if len(kept) < len(graph.inputs):
            inputs = [graph.inputs[k] for k in kept]
            order = [n for n in graph.order if n.primitive is not rows.input or n in inputs]
            self.graph = Graph(order=order, inputs=inputs, outputs=graph.outputs)
            self.graph.guards = graph.guards
            self.program = Compiled(self.graph, [False] * len(inputs), elements=False)
        return kept

    @property
    def outputs(self) -> list[Value]:
        """Shape and dtype of each output leaf."""
        return [y.value for y in self.graph.outputs]

    @property
    def flops(self) -> float:
        """The flops of one run, as the rows count them."""
        return float(sum(n.primitive.flops * entries(n) for n in self.graph.operations))

    def run(self, values: list[Value]) -> list[Value]:
        """The outputs at plain values, by the compiled program."""
        found = self.program(values)
        if found is None:
            raise TraceError(
                f"{self.name}: in {describe(self.f)} an if, while or mask looks at a value, and a later step decides "
                "it otherwise; use dl.cond or np.where"
            )
        return [np.float64(y) if y.__class__ is float else np.bool_(y) if y.__class__ is bool else y for y in found]

    def __call__(self, m: Carrier, values: list[Value]) -> list[Value]:
        """The outputs with the carrier m."""
        if m is NUMPY:
            return self.run(values)
        env = m.run(self.graph, values)
        return [env[y] for y in self.graph.outputs]


def entries(node: Node) -> int:
    """The elements of a node's value; 1 for an operation with several outputs, whose flops are those of all."""
    return 1 if node.value.__class__ is tuple else math.prod(node.shape)


def plain(x: Value) -> Value:
    """The value without the traces around it."""
    x = strip(x)
    return x if hasattr(x, "dtype") else np.asarray(x)[()]


def value_leaf(x: Value, where: str) -> Value:
    """A leaf as an array or a NumPy number; Python's numbers become float64, integer arrays stay integers."""
    check_fit(x, where)
    if x.__class__ is Traced or (hasattr(x, "dtype") and x.dtype.kind in "biufc"):
        return x
    if isinstance(x, bool):
        return np.bool_(x)
    return check_leaf(x, where)


def describe(f: Any) -> str:
    return str(getattr(f, "__name__", "the function")).replace("<lambda>", "the function")


def control_row(
    name: str, value: Value, pull: Value, push: Value, flops: float = 1.0, selective: bool = False, **spelling: Any
) -> Custom:
    """A row for one use: its value holds the graphs of the functions.

    The pull of a selective one knows which operands' cotangents are wanted, and which results' there are none.
    """
    return Custom(
        name=name,
        doc=f"A {name}, recorded as one node.",
        glyph=name,
        latex=rf"\operatorname{{{{{name}}}}}({{0}})",
        value=value,
        vjp=pull,
        jvp=push,
        flops=flops,
        selective=selective,
        gaps=selective,
        spelling=spelling,
    )
