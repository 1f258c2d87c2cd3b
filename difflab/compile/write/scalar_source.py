"""Straight-line `math` source for graphs of single float64 numbers: three times faster than NumPy's scalars."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...graph.graph import Graph
from ...graph.node import Node
from ...primitives import Primitive, rows
from ..passes.rewriting import users
from .names import INFIX, Names

OPERATORS = {
    **INFIX,
    "divide": "/",
    "less": "<",
    "less_equal": "<=",
    "greater": ">",
    "greater_equal": ">=",
    "equal": "==",
    "not_equal": "!=",
}
# What Python's own syntax says for single numbers.
FORMS = {
    "negative": "-{0}",
    "positive": "{0}",
    "square": "{0} * {0}",
    "reciprocal": "1.0 / {0}",
    "absolute": "abs({0})",
    "where": "{1} if {0} else {2}",
    "power": "pow({0}, {1})",
    "logical_not": "not {0}",
    "logical_and": "bool({0} and {1})",
    "logical_or": "bool({0} or {1})",
    "stop_gradient": "{0}",
    "sum_to": "{0}",
    "broadcast_to": "{0}",
    "sech": "1.0 / cosh({0})",
    "sigmoid": "(1.0 / (1.0 + exp(-{0})) if {0} >= 0.0 else (lambda z: z / (1.0 + z))(exp({0})))",
}
REPEATING = frozenset(name for name, form in FORMS.items() if form.count("{0}") > 1)
MAX_INLINE = 300  # characters
MATH = frozenset("sin cos tan exp log sqrt sinh cosh tanh expm1 log1p log2 log10 erf erfc cbrt exp2 hypot".split())
FAILURES = (ZeroDivisionError, OverflowError, ValueError)  # math raises where NumPy returns inf or nan
SPACE = {name: getattr(math, name) for name in dir(math) if not name.startswith("_")}


class ScalarSource:
    """The text of a program on Python floats."""

    def __init__(self, graph: Graph, name: str = "program") -> None:
        self.graph, self.name = graph, name
        self.globals: dict[str, Any] = {}  # what `entry` needs
        self.names = Names({*SPACE, "abs", "bool", "float", name, "entry", "general"})
        self.inputs: list[str] = []
        self.lines: list[str] = []
        self.short: list[str] = []
        for k, node in enumerate(graph.inputs):
            self.names.of[node] = self.names.fresh(node.name, f"x{k}")
            self.inputs.append(self.names[node])
        for k, node in enumerate(graph.order):
            if node.primitive is rows.constant:
                self.names.of[node] = self.names.constant(node.params["value"], scalar=True)
            elif node not in self.names.of:
                self.names.of[node] = self.names.fresh(node.name, f"t{k}")
                self.lines.append(f"    {self.names[node]} = {self.expression(node)}")
        outputs = [self.names[y] for y in graph.outputs]
        self.outputs: list[str] = []
        self.shorten()
        checks = [self.names[n] for n, _ in graph.guards]
        floats = [f"    {x} = float({x})" for x in self.inputs]  # NumPy's scalars would make all that follows slow
        self.text = "\n".join(
            [
                f"def {name}({', '.join(self.inputs)}):",
                *floats,
                *self.lines,
                f"    return {', '.join(outputs + checks) + ',' if outputs + checks else '()'}",
                "",
            ]
        )

    def compile(self) -> Callable[..., Any]:
        space: dict[str, Any] = {**SPACE, **self.names.space}
        exec(compile(self.text, f"<difflab {self.name}>", "exec"), space)
        return space[self.name]  # type: ignore[no-any-return]

    def explain(self) -> list[str]:
        """More lines for a person."""
        return []

    def shorten(self) -> None:
        """The same lines with values that are read once written where they are read: fewer variables, less time."""
        count, named = users(self.graph), dict(self.names.of)
        guards = {n for n, _ in self.graph.guards}
        for node in self.graph.order:
            if not node.operands:
                continue
            if node.primitive.name in REPEATING:  # what is written twice must not be computed twice
                for x in node.operands:
                    if self.names[x] != named[x]:
                        self.short.append(f"    {named[x]} = {self.names[x]}")
                        self.names.of[x] = named[x]
            text = self.expression(node)
            if count.get(node) == 1 and node not in guards and len(text) < MAX_INLINE:
                self.names.of[node] = f"({text})"
            else:
                self.short.append(f"    {named[node]} = {text}")
        self.outputs = [self.names[y] for y in self.graph.outputs]
        self.names.of = named

    def expression(self, node: Node) -> str:
        name, operands = node.primitive.name, [self.names[x] for x in node.operands]
        if name in OPERATORS:
            return f"{operands[0]} {OPERATORS[name]} {operands[1]}"
        if name in FORMS:
            return FORMS[name].format(*operands)
        return f"{math_name(node.primitive)}({', '.join(operands)})"

    def entry(self, parameters: list[str], checks: list[str], result: str) -> str:
        """A function in the user's own signature that answers calls with Python floats at once.

        The parameters have the names of the inputs. Everything else, also a branch decided otherwise and what `math`
        refuses, goes to `general`.
        """
        kinds = [f"{p}.__class__ is not float" for p in parameters] + checks
        again = f"general({', '.join(parameters)})"
        guards = [f"{self.names[n]} is not {outcome!r}" for n, outcome in self.graph.guards]
        lines = [f"def entry({', '.join(parameters)}):"]
        lines += [f"    if {' or '.join(kinds)}:", f"        return {again}"] if kinds else []
        lines += ["    try:"]
        lines += ["    " + line for line in self.short]
        lines += [f"        if {' or '.join(guards)}:", f"            return {again}"] if guards else []
        lines += [f"        return {result}", "    except FAILURES:", f"        return {again}"]
        return "\n".join(lines) + "\n"


def math_name(row: Primitive) -> str | None:
    """The function of `math` that means the row."""
    spelled = row.spelling.get("math")
    return spelled if isinstance(spelled, str) else row.name if row.name in MATH else None


def is_scalar(graph: Graph) -> bool:
    """Whether every node is one float64 (or truth value) and has a scalar form."""
    for node in graph.order:
        if node.value.__class__ is tuple or node.shape != () or node.dtype.kind not in "fb":
            if node.primitive is rows.constant and node.shape == () and node.dtype.kind in "fbi":
                continue
            return False
        if node.dtype.kind == "f" and node.dtype != np.float64:
            return False
        if node.primitive.leaf:
            continue
        row = node.primitive
        if not row.listed:
            return False
        if row.name not in OPERATORS and row.name not in FORMS and math_name(row) is None:
            return False
    return True
