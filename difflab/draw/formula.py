"""Formulas of nodes and of their local derivatives, as plain text in the names of the graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..compile.write.names import written_index
from ..graph.builder import Symbols
from ..graph.graph import Graph
from ..graph.node import Node, Operation
from ..graph.node_carrier import NODE
from ..graph.pytree import spoken
from ..primitives import Elementwise, Gate, Linear, Primitive, rows
from ..primitives.text import ATOM, Text, Written, call, of_number
from ..types import Params, Value

LONG, LONGEST_INDEX = 60, 14


def names_of(graph: Graph) -> dict[Node, str]:
    """A name for each node: its own, of a leaf of a tree as one says it (`conv1.bias`), else a letter with a number."""
    said = spoken(n.name for n in graph.order if n.name)
    taken = {*said, *said.values()}
    names: dict[Node, str] = {}
    k = 0
    for node in graph.order:
        if node.name:
            names[node] = said[node.name]
        elif node.primitive is rows.constant:
            names[node] = constant(node.params["value"])
        else:
            k += 1
            while f"v{k}" in taken:
                k += 1
            names[node] = f"v{k}"
    return names


def constant(value: Value) -> str:
    from .text import short

    return short(value, 6)


def node_formula(node: Node, names: dict[Node, str]) -> str:
    """What the node computes, from the names of its operands: `x + y`."""
    return written(node, names, top=True)[0]


def plain(row: Primitive, operands: list[Written], params: Params) -> Written:
    """The plain text of an operation on operands."""
    if row is rows.subtract and operands[1][0] == "0":
        return operands[0]
    return form_of(row, len(operands)).of(operands, **params)


def form_of(row: Primitive, count: int) -> Text:
    """The form in which an operation on so many operands is written for people."""
    return row.text or Text(call(row.name, *[f"{{{k}}}" for k in range(count)]))


def itself(node: Operation) -> tuple[Primitive, tuple[Value, ...], Params]:
    return node.primitive.plain, node.operands, node.params


def written(
    node: Value,
    names: Mapping[Any, str],
    top: bool = False,
    number: Callable[[Value], str] = constant,
    operation: Callable[[Primitive, list[Written], Params], Written] = plain,
    view: Callable[[Operation], tuple[Primitive, tuple[Value, ...], Params]] = itself,
) -> Written:
    """The text of a node, or of a number in a rule, and how strongly its outermost operation binds.

    `number` and `operation` say how numbers and operations are written, by default as formulas for people; `view` as
    which operation one is seen.
    """
    if not isinstance(node, Operation):
        return of_number(number(node))
    if node in names and not top:
        return names[node], ATOM
    if node.primitive is rows.constant:
        return of_number(number(node.params["value"]))
    row, operands, params = view(node)
    return operation(row, [written(x, names, False, number, operation, view) for x in operands], params)


def local_formula(node: Node, position: int, names: dict[Node, str]) -> str:
    """The local derivative ∂node/∂operand in the names of the graph, or the name of the transposed map."""
    row = node.primitive
    if isinstance(row, Linear):
        return f"{row.name}ᵀ"
    if not isinstance(row, Elementwise):
        return f"∂{row.name}"
    rule = row.partials[position]
    if rule is None or isinstance(rule, int):
        return str(rule)
    tape = Symbols()
    stand_ins = {id(x): stand_in(tape, x, names) for x in node.operands}
    result = tape.symbol(names.get(node, "y"))
    known = {v: names[x] for x in node.operands for v in [stand_ins[id(x)]] if x.primitive is not rows.constant}
    known[result] = names.get(node, "y")
    try:
        partial = rule(NODE, result, *[stand_ins[id(x)] for x in node.operands], **node.params)
    except (TypeError, AttributeError, ValueError):
        return f"∂{row.name}"
    if isinstance(partial, Gate):
        factor = written(partial.factor, known)[0]
        if isinstance(partial.mask, Operation):
            text = f"{factor} where {written(partial.mask, known)[0]}"
        else:
            text = factor if np.all(partial.mask) else "0"
    else:
        text = written(partial, known)[0]
    return text if len(text) <= LONG else f"∂{row.name}"


def stand_in(tape: Symbols, x: Node, names: dict[Node, str]) -> Value:
    """An operand for a rule: an input, or a constant as the number that it is, because rules look at exponents."""
    if x.primitive is not rows.constant:
        return tape.symbol(names[x])
    value = x.params["value"]
    return value.item() if isinstance(value, np.ndarray | np.generic) and np.ndim(value) == 0 else value


def sign_of(node: Node) -> str:
    """What an operation is called in its box: its sign or name; indexing says what it reads, as in [0] or [1:, 0].

    >>> from difflab.graph.parse import parse
    >>> [sign_of(n) for n in parse("x[1:, 0] * x[2]").operations]
    ['[1:, 0]', '[2]', '×']
    """
    row = node.primitive
    if row.plain is not rows.getitem or len(node.operands) != 1:
        return row.glyph or row.name
    call = node.params.get("call")  # of text, which waits for shapes
    index = written_index(node.params["index"] if call is None else call.args[1])
    return "[…]" if index is None or len(index) > LONGEST_INDEX else f"[{index.rstrip(',')}]"


__all__ = ["local_formula", "names_of", "node_formula", "sign_of"]
