"""The graph of an ended recording."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ..primitives import rows
from ..types import Value
from .graph import Graph
from .node import Abstract, Node
from .traced import Traced
from .vertices import abstract, strip


def graph_of(
    operations: list[Traced],
    inputs: list[Value],
    outputs: list[Value],
    guards: Iterable[tuple[Value, Value]] = (),
    partner: Mapping[Value, Value] | None = None,
    **rest: Any,
) -> Graph:
    """A finished graph from an ended recording.

    The recorded values themselves become the vertices: each gives up its value for its shape and dtype, leaves its
    tape, and is a `Node` from then on; what else they are computed from becomes constants. Objects change their class
    here and nowhere else, because a second set of objects costs a trace a fifth of its time.
    """
    order: list[Value] = []
    constants: dict[Value, Node] = {}
    shapes: dict[Value, Abstract] = {}
    scalar = last = abstract(np.float64(0.0), shapes)
    shape, dtype = last

    def constant(x: Value) -> Node:
        plain = strip(x)
        key = (type(plain), repr(plain)) if isinstance(plain, int | float | complex) else id(x)
        if key not in constants:
            value = plain if isinstance(plain, np.ndarray | np.generic) else np.asarray(plain)
            constants[key] = Node(rows.constant, (), {"value": plain}, abstract(value, shapes))
            order.append(constants[key])
        constants[id(x)] = constants[key]
        return constants[key]

    def vertex(x: Value) -> Value:
        if x.__class__ is Node:
            return x
        return constants.get(id(x)) or constant(x)  # kept holds x, so its id stays its own

    kept = []
    for made in operations:
        for x in made.operands:
            if x.__class__ is not Node:  # what was recorded before is one by now
                kept.append(made.operands)
                made.operands = tuple([vertex(x) for x in made.operands])
                break
        value = made.value
        if value.__class__ is np.float64:
            made.value = scalar
        elif value.__class__ is not np.ndarray:
            made.value = abstract(value, shapes)
        else:
            if value.dtype is not dtype or value.shape != shape:  # most are as the one before
                last = abstract(value, shapes)
                shape, dtype = last
            made.value = last
        del made.tape
        made.__class__ = Node  # type: ignore[assignment]
        order.append(made)
    results = [vertex(y) for y in outputs]
    graph = Graph(order=order, inputs=inputs, outputs=results, **rest)
    graph.guards = list(guards)
    graph.partner = dict(partner or {})
    return graph
