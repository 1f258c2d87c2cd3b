"""Straight-line `math` source for graphs of single float64 numbers: three times faster than NumPy's scalars."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from ...graph.graph import Graph
from ...graph.node import Node
from ...primitives import rows
from ...primitives.text import ANY, call, spell, within
from ...types import Function
from ..passes.rewriting import users
from .names import Names

MAX_INLINE = 300  # characters
FAILURES = (ZeroDivisionError, OverflowError, ValueError)  # math raises where NumPy returns inf or nan
SPACE = {name: getattr(math, name) for name in dir(math) if not name.startswith("_")}


class ScalarSource:
    """The text of a program on Python floats."""

    graph: Graph
    name: str

    def __init__(self, graph: Graph, name: str = "program", taken: Iterable[str] = ()) -> None:
        self.graph, self.name = graph, name
        self.globals: dict[str, Any] = {}  # what `entry` needs
        self.names: Names = Names({*SPACE, "abs", "bool", "float", name, "entry", "general", *taken})
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
        self.text: str = "\n".join(
            [
                f"def {call(name, *self.inputs)}:",
                *floats,
                *self.lines,
                f"    return {', '.join(outputs + checks) + ',' if outputs + checks else '()'}",
                "",
            ]
        )

    def compile(self) -> Function:
        space: dict[str, Any] = {**SPACE, **self.names.space}
        exec(compile(self.text, f"<difflab {self.name}>", "exec"), space)
        made: Function = space[self.name]
        return made

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
            if node.primitive.spelling["math"].count("{0}") > 1:  # what is written twice must not be computed twice
                for x in node.operands:
                    if self.names[x] != named[x]:
                        self.short.append(f"    {named[x]} = {self.names[x]}")
                        self.names.of[x] = named[x]
            text = self.expression(node)
            if count.get(node) == 1 and node not in guards and len(text) < MAX_INLINE:
                self.names.of[node] = within((text, ANY))
            else:
                self.short.append(f"    {named[node]} = {text}")
        self.outputs = [self.names[y] for y in self.graph.outputs]
        self.names.of = named

    def expression(self, node: Node) -> str:
        return spell(node.primitive.spelling["math"], [self.names[x] for x in node.operands])

    def entry(self, parameters: list[str], checks: list[str], result: str) -> str:
        """A function in the user's own signature that answers calls with Python floats at once.

        The parameters have the names of the inputs. Everything else, also a branch decided otherwise and what `math`
        refuses, goes to `general`.
        """
        kinds = [f"{p}.__class__ is not float" for p in parameters] + checks
        again = call("general", *parameters)
        guards = [f"{self.names[n]} is not {outcome!r}" for n, outcome in self.graph.guards]
        lines = [f"def {call('entry', *parameters)}:"]
        lines += [f"    if {' or '.join(kinds)}:", f"        return {again}"] if kinds else []
        lines += ["    try:"]
        lines += ["    " + line for line in self.short]
        lines += [f"        if {' or '.join(guards)}:", f"            return {again}"] if guards else []
        lines += [f"        return {result}", "    except FAILURES:", f"        return {again}"]
        return "\n".join(lines) + "\n"


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
        if "math" not in node.primitive.spelling:
            return False
    return True


def is_of_numbers(graph: Graph) -> bool:
    """Whether a loop's body takes and gives single float64 numbers, and looks at none of them."""
    return is_test(graph) and all(y.dtype == np.float64 for y in graph.outputs)


def is_test(graph: Graph) -> bool:
    """The same of a loop's test, whose result is a truth value."""
    return not graph.guards and is_scalar(graph) and all(x.dtype == np.float64 for x in graph.inputs)
