"""Formulas of nodes and of their local derivatives, as plain text in the names of the graph."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..graph.builder import Symbols
from ..graph.graph import Graph
from ..graph.node import Node, Operation
from ..graph.traced import NODE
from ..primitives import Gate, Linear, rows

INFIX = {
    "add": ("+", 1), "subtract": ("-", 1), "multiply": ("·", 2), "divide": ("/", 2), "power": ("^", 4),
    "matmul": ("@", 2),
    "less": ("<", 0), "less_equal": ("≤", 0), "greater": (">", 0), "greater_equal": ("≥", 0), "equal": ("=", 0),
    "not_equal": ("≠", 0), "logical_and": ("∧", -1), "logical_or": ("∨", -2),
}  # fmt: skip
LONG = 60


def names_of(graph: Graph) -> dict[Node, str]:
    """A name for each node: its own, else a letter with a number."""
    taken = {n.name for n in graph.order if n.name}
    names: dict[Node, str] = {}
    k = 0
    for node in graph.order:
        if node.name:
            names[node] = node.name
        elif node.primitive is rows.constant:
            names[node] = constant(node.params["value"])
        else:
            k += 1
            while f"v{k}" in taken:
                k += 1
            names[node] = f"v{k}"
    return names


def constant(value: Any) -> str:
    from .text import short

    return short(value, 6)


def node_formula(node: Node, names: dict[Node, str]) -> str:
    """What the node computes, from the names of its operands: `x + y`."""
    return written(node, names, top=True)[0]


def written(node: Any, names: dict[Node, str], top: bool = False) -> tuple[str, int]:
    """The text of a node, or of a number in a rule, and the precedence of its outermost operation."""
    if not isinstance(node, Operation):
        text = constant(node)
        return text, 3 if text.startswith("-") else 9
    if node in names and not top:
        text = names[node]
        return text, 9
    if node.primitive is rows.constant:
        text = constant(node.params["value"])
        return text, 3 if text.startswith("-") else 9
    row = node.primitive.plain
    operands = [written(x, names) for x in node.operands]
    if row is rows.subtract and operands[1][0] == "0":
        return operands[0]
    if row.listed and row.name in INFIX and len(operands) == 2:
        sign, level = INFIX[row.name]
        left = bracket(operands[0], level)
        right = bracket(operands[1], level + (row in (rows.subtract, rows.divide, rows.power)))
        space = "" if sign in "·^/" else " "
        return f"{left}{space}{sign}{space}{right}", level
    if row is rows.power_minus:
        return f"{bracket(operands[0], 5)}^({operands[1][0]} - {1 * node.params['k']})", 4
    if row is rows.logical_not:
        return f"not {bracket(operands[0], 1)}", -1
    if row is rows.negative:
        return f"-{bracket(operands[0], 3)}", 3
    if row is rows.square:
        return f"{bracket(operands[0], 5)}²", 4
    if row is rows.reciprocal:
        return f"1/{bracket(operands[0], 3)}", 2
    if row.kind == "pick":
        return f"{operands[0][0]}[{node.params['index']}]", 9
    if row is rows.absolute:
        return f"|{operands[0][0]}|", 9
    return f"{row.name}({', '.join(t for t, _ in operands)})", 9


def bracket(operand: tuple[str, int], level: int) -> str:
    text, own = operand
    return f"({text})" if own < level else text


def local_formula(node: Node, position: int, names: dict[Node, str]) -> str:
    """The local derivative ∂node/∂operand in the names of the graph, or the name of the transposed map."""
    row = node.primitive
    if isinstance(row, Linear):
        return f"{row.name}ᵀ"
    if row.kind != "elementwise":
        return f"∂{row.name}"
    rule = row.partials[position]  # type: ignore[attr-defined]
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


def stand_in(tape: Symbols, x: Node, names: dict[Node, str]) -> Any:
    """An operand for a rule: an input, or a constant as the number that it is, because rules look at exponents."""
    if x.primitive is not rows.constant:
        return tape.symbol(names[x])
    value = x.params["value"]
    return value.item() if isinstance(value, np.ndarray | np.generic) and np.ndim(value) == 0 else value


__all__ = ["local_formula", "names_of", "node_formula"]
