"""Graphs that another process can be given: of rows that every process has, and as plain data when they are pickled.

Rows that exist in this process only (a block or a function with its own derivative, a loop, a row registered by a user)
hold functions, which cannot be sent. Each is replaced by its program in other rows, recorded at the point; a row that
says how sympy writes it is replaced by that formula.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from ..errors import DifflabError, UnsupportedError
from ..primitives import BUILT_IN, Elementwise, Primitive, lookup
from ..types import Function, Value
from .graph import Graph
from .node import Node
from .node_carrier import NodeCarrier
from .recorded import graph_of
from .recording import Tape
from .sympy_io import CARRIER
from .traced import Traced
from .vertices import as_value

MOST = 20_000  # operations of a graph whose loops are written out


class PortableGraph(Graph):
    """A graph of which pickle keeps rows, operands, parameters, shapes and names: no structure, blocks or guards."""

    def __reduce__(self) -> tuple[object, ...]:
        place = {node: k for k, node in enumerate(self.order)}
        steps = [
            (sent(node), tuple(place[x] for x in node.operands), node.params, node.value, node.name)
            for node in self.order
        ]
        return unpacked, (steps, [place[n] for n in self.inputs], [place[n] for n in self.outputs])


def unpacked(steps: list[Value], inputs: list[int], outputs: list[int]) -> PortableGraph:
    """The graph again, in the process that was sent it."""
    order: list[Node] = []
    for row, operands, params, value, name in steps:
        made = lookup(row) if isinstance(row, str) else by_formula(*row)
        order.append(Node(made, tuple([order[k] for k in operands]), params, value, name))
    return PortableGraph(order=order, inputs=[order[k] for k in inputs], outputs=[order[k] for k in outputs])


def portable(graph: Graph, values: list[Value], outputs: list[Node] | None = None) -> PortableGraph:
    """The graph in rows that every process has; `values` are the inputs' values, where loops and branches are followed.

    `outputs` may name other nodes of the graph than its own outputs. Raises UnsupportedError where a row has no
    program in other rows.
    """
    outputs = graph.outputs if outputs is None else outputs
    while any(is_foreign(node) for node in graph.order):
        graph = expanded(graph, values, outputs)
        outputs = graph.outputs
    return PortableGraph(order=list(graph.order), inputs=graph.inputs, outputs=outputs)


def is_foreign(node: Node) -> bool:
    return node.primitive not in BUILT_IN and not has_formula(node.primitive)


def has_formula(row: Primitive) -> bool:
    return row.kind == "elementwise" and "sympy" in row.spelling


class Expanding(NodeCarrier):
    """Records; a row of this process alone runs as its program."""

    def function(self, row: Primitive) -> Function:
        if row in BUILT_IN or has_formula(row):
            found: Function = super().function(row)
            return found
        if row.value is None:
            raise UnsupportedError(
                f"{row.name}: it has no program in other rows, and cannot be sent to another process"
            )
        return partial(row.value, self)


class Bounded(list[Traced]):
    """The operations of a recording that may not become too long."""

    def append(self, node: Traced) -> None:
        if len(self) >= MOST:
            raise UnsupportedError(f"the graph has more than {MOST} operations when its loops are written out")
        super().append(node)


def expanded(graph: Graph, values: list[Value], outputs: list[Node]) -> Graph:
    """The graph with the rows of this process alone replaced by what their programs record."""
    try:
        with Tape(Bounded()) as (tape, operations), np.errstate(all="ignore"):
            inputs = [tape.input(as_value(x), node.name) for x, node in zip(values, graph.inputs)]
            env = graph.evaluate(list(inputs), Expanding())
    except DifflabError:
        raise
    except Exception as error:  # the program of a row is anybody's code
        raise UnsupportedError(f"a row cannot be written out: {type(error).__name__}: {str(error)[:300]}") from None
    return graph_of(operations, inputs, [env[y] for y in outputs])


def sent(node: Node) -> Value:
    """A row by its name; one that only this process has by the formula that it makes of symbols."""
    row = node.primitive
    if row in BUILT_IN:
        return row.name
    import sympy

    symbols = sympy.symbols(f"operand:{len(node.operands)}", real=True)
    return row.name, symbols, sympy.sympify(CARRIER.of(row)(*symbols, **node.params))


def by_formula(name: str, symbols: Value, formula: Value) -> Elementwise:
    """An elementwise row whose value sympy writes as that formula."""
    import sympy

    def write(*operands: Value, **params: Value) -> Value:
        return formula.xreplace(dict(zip(symbols, map(sympy.sympify, operands))))

    return Elementwise(name=name, doc="A formula.", spelling={"sympy": write}, partials=(None,) * len(symbols))
