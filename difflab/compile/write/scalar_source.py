"""Straight-line `math` source for graphs of single float64 numbers: three times faster than NumPy's scalars."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from ...graph.graph import Graph
from ...graph.node import Node
from ...primitives import rows
from ...primitives.text import ANY, call, spell, within
from ...types import Function
from ..passes.elements import PACK, is_element
from ..passes.rewriting import users
from .names import Names

MAX_INLINE = 300  # characters
FAILURES = (ZeroDivisionError, OverflowError, ValueError)  # math raises where NumPy returns inf or nan
Place: TypeAlias = tuple[int, ...]
TAKEN = frozenset(
    "abs array bool bool_ dict double empty entry Exception FAILURES float float32 float64 general getattr hasattr "
    "int64 len list ndarray single tuple whole".split()
)
SPACE = {name: getattr(math, name) for name in dir(math) if not name.startswith("_")}


class Head(NamedTuple):
    """How an entry begins: its `def`, and what looks at the kinds of arguments and gives the inputs their names."""

    lines: list[str]
    floats: list[str]  # makes Python's numbers of NumPy's
    again: str  # the call that answers what these lines cannot, once `floats` have run
    numbers: bool  # whether all arguments are Python's numbers, so that the results are, too
    pythons: set[str]  # the names that hold Python's numbers


class ScalarSource:
    """The text of a program on Python floats."""

    graph: Graph
    name: str

    def __init__(self, graph: Graph, name: str = "program", taken: Iterable[str] = ()) -> None:
        self.graph, self.name = graph, name
        self.globals: dict[str, Any] = {}  # what `entry` needs
        self.names: Names = Names({*SPACE, *TAKEN, name, *taken})
        self.inputs: list[str] = []
        self.lines: list[str] = []
        self.short: list[str] = []
        for k, node in enumerate(graph.inputs):
            self.names.of[node] = self.names.fresh(node.name, f"x{k}")
            self.inputs.append(self.names[node])
        self.elements: dict[Node, dict[Place, str]] = {x: {} for x in graph.inputs if x.shape}
        self.named()
        outputs = [self.result(y) for y in graph.outputs]
        self.outputs: list[str] = []
        self.shorten()
        checks = [self.names[n] for n, _ in graph.guards]
        arrays = {self.names[x] for x in self.elements}  # NumPy's scalars would make all that follows slow
        floats = [f"    {x} = float({x})" for x in self.inputs if x not in arrays] + self.reads()
        self.text: str = "\n".join(
            [
                f"def {call(name, *self.inputs)}:",
                *floats,
                *self.lines,
                f"    return {', '.join(outputs + checks) + ',' if outputs + checks else '()'}",
                "",
            ]
        )

    def named(self) -> None:
        """Names for all nodes, and a line for each that computes something."""
        for k, node in enumerate(self.graph.order):
            if node.primitive is rows.constant:
                self.names.of[node] = self.names.constant(node.params["value"], scalar=True)
            elif is_element(node):
                x, place = node.operands[0], node.params["index"]
                if place not in self.elements[x]:
                    self.elements[x][place] = self.names.fresh("_".join([self.names[x], *map(str, place)]), f"t{k}")
                self.names.of[node] = self.elements[x][place]
            elif node not in self.names.of and node.primitive is not PACK:
                self.names.of[node] = self.names.fresh(node.name, f"t{k}")
                self.lines.append(f"    {self.names[node]} = {self.expression(node)}")

    def reads(self) -> list[str]:
        """Lines that read the elements of the arrays: all at once, where not only a few are read."""
        lines = []
        for x, names in self.elements.items():
            if 2 * len(names) <= math.prod(x.shape):
                lines += [f"    {e} = {call(f'{self.names[x]}.item', *map(str, k))}" for k, e in names.items()]
                continue
            every = [names.get(k, "_") for k in np.ndindex(*x.shape)]
            flat = f"{self.names[x]}.ravel()" if len(x.shape) > 1 else self.names[x]
            lines.append(f"    {', '.join(every)}, = {flat}.tolist()")
        return lines

    def result(self, y: Node) -> str:
        """An output: a number, or an array of numbers."""
        if y.primitive is not PACK:
            return self.names[y]
        made = call("array", f"[{', '.join([self.names[x] for x in y.operands])}]", "float")
        return made if len(y.shape) == 1 else call(f"{made}.reshape", repr(y.shape))

    def short_result(self, y: Node, k: int) -> str:
        """The same for the short lines."""
        return self.result(y)

    def compile(self) -> Function:
        space: dict[str, Any] = {**SPACE, **self.names.space, "array": np.array}
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
            if not node.operands or is_element(node) or node.primitive is PACK:
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
        self.outputs = [self.short_result(y, k) for k, y in enumerate(self.graph.outputs)]
        self.names.of = named

    def expression(self, node: Node) -> str:
        return spell(node.primitive.spelling["math"], [self.names[x] for x in node.operands])

    def entry(self, head: Head, result: str) -> str:
        """A function in the user's own signature that answers calls of the head's kinds at once.

        Everything else, also a branch decided otherwise and what `math` refuses, goes to `general`.
        """
        guards = [f"{self.names[n]} is not {outcome!r}" for n, outcome in self.graph.guards]
        lines = [*head.lines, "    try:", *["    " + line for line in [*head.floats, *self.reads(), *self.short]]]
        lines += [f"        if {' or '.join(guards)}:", f"            return {head.again}"] if guards else []
        lines += [f"        return {result}", "    except FAILURES:", f"        return {head.again}"]
        return "\n".join(lines) + "\n"


def is_scalar(graph: Graph) -> bool:
    """Whether every node is one float64 (or truth value) and has a scalar form.

    Arrays may be arguments that are read element by element, and results made of numbers.
    """
    if any(y.value.__class__ is tuple or (y.shape and y.primitive is not PACK) for y in graph.outputs):
        return False
    if any(y.primitive is rows.constant and y.dtype != np.float64 for y in graph.outputs):
        return False  # counts and truth values that the function hands on keep their kind
    return all(map(is_number, graph.order))


def is_number(node: Node) -> bool:
    """Whether a node is one number with a scalar form; or an array of numbers, as an argument or a result."""
    if any(x.value.__class__ is tuple for x in (node, *node.operands)):
        return False
    if node.primitive is PACK or is_element(node):
        return True
    if node.primitive is rows.constant:
        return node.shape == () and node.dtype.kind in "fbi" and (node.dtype.kind != "f" or node.dtype == np.float64)
    if node.dtype.kind not in "fb" or (node.dtype.kind == "f" and node.dtype != np.float64):
        return False
    if node.primitive.leaf:  # an argument that is a truth value stays one: a float of it counts otherwise
        return node.dtype == np.float64
    if node.primitive is rows.add and node.dtype.kind == "b":  # True + True: NumPy's is True, and Python's 2
        return False
    return not node.shape and not any(x.shape for x in node.operands) and "math" in node.primitive.spelling


def is_of_numbers(graph: Graph) -> bool:
    """Whether a loop's body takes and gives single float64 numbers, and looks at none of them."""
    return is_test(graph) and all(y.dtype == np.float64 for y in graph.outputs)


def is_test(graph: Graph) -> bool:
    """The same of a loop's test, whose result is a truth value."""
    return not graph.guards and is_scalar(graph) and all(x.dtype == np.float64 and not x.shape for x in graph.inputs)
