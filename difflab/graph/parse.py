"""parse: text -> Graph, statement by statement; and the points at which graphs are evaluated, from text."""

from __future__ import annotations

import ast
import re

import numpy as np

from ..errors import DifflabError, InputError, ParseError
from ..primitives import NUMPY, rows
from ..types import Params, Value
from .graph import Graph
from .long_chains import shorten
from .node import Node
from .text_checks import TOO_DEEP, check, kind, place
from .text_expressions import Expressions


def parse(text: str) -> Graph:
    """The graph of an expression, or of several statements separated by `;` or new lines.

    Names become inputs in the order in which they appear; `q = x + y; f = q * z` names the nodes q and f, and the last
    statement is the output. Functions have NumPy's names; `pi` and `e` are constants. Raises ParseError.

    >>> g = parse("q = x + y; f = q * z")
    >>> g.forward(x=-2, y=5, z=-4).value("q")
    np.float64(3.0)
    """
    reader = Statements(check(text))
    try:
        return reader.graph()
    except RecursionError:  # where the caller is deep in calls itself
        raise place(reader.text, 0, TOO_DEEP, len(reader.text)) from None


class Statements(Expressions):
    """Reads one text."""

    text: str
    chains: dict[str, tuple[int, int]]

    def graph(self) -> Graph:
        if any(line[:1] in " \t" for line in self.text.splitlines()):
            self.text = "\n".join(line.strip() for line in self.text.splitlines())
        short, self.chains = shorten(self.text)
        statements = self.tree(short, 0).body
        result = None
        for k, statement in enumerate(statements):
            last = k == len(statements) - 1
            if isinstance(statement, ast.Assign):
                result = self.assign(statement)
            elif isinstance(statement, ast.Expr) and last:
                result = self.vertex(self.read(statement.value))
            elif isinstance(statement, ast.Expr):
                raise self.error(statement, "only the last statement may stand without a name: write name = ...")
            else:
                raise self.error(statement, f"{kind(statement)} is not part of the language")
        if result is None:
            raise ParseError("the expression is empty; write one such as (x + y) * z")
        return Graph(order=[*self.inputs, *self.order], inputs=self.inputs, outputs=[result], text=self.text)

    def assign(self, statement: ast.Assign) -> Node:
        target = statement.targets[0]
        if len(statement.targets) != 1 or not isinstance(target, ast.Name):
            raise self.error(statement, "the left of = must be one name")
        name = target.id
        if name in self.names:
            raise self.error(
                target,
                f"{name} is {'an input' if self.names[name] in self.inputs else 'named'} already; choose another name",
            )
        value = self.read(statement.value)
        if name in self.names:
            raise self.error(target, f"{name} is used before it has a value; choose another name")
        node = self.vertex(value)
        if node.name is not None or node.primitive.leaf:
            node = self.add(rows.positive, (node,))
        node.name = name
        self.names[name] = node
        return node


def parse_point(text: str) -> Params:
    """The point of `--at`: "x=-2, y=5, W=[[1,2],[3,4]]"; values may be constant expressions such as pi/2.

    >>> parse_point("x=-2, y=pi/2")
    {'x': -2.0, 'y': 1.5707963267948966}
    """
    found: Params = {}
    for part in split_at_commas(text):
        if re.search(r"\S\s+[^\W\d]\w*\s*=", part):
            raise InputError(f"--at {part.strip()[:80]!r}: put a comma between the values, as in x=1,y=2")
        name, equals, value = part.partition("=")
        name = name.strip()
        if not equals or not value.strip():
            raise InputError(f"--at {part.strip()[:80]!r}: write name=value, as in x=1,y=2")
        if not name.isascii() or not name.isidentifier():
            raise InputError(f"--at {name[:80]!r} is not a name")
        if name in found:
            raise InputError(f"--at gives {name} twice")
        found[name] = constant_value(name, value)
    return found


def split_at_commas(text: str) -> list[str]:
    """The parts between commas that stand in no bracket."""
    parts, depth, start = [], 0, 0
    for k, c in enumerate(text):
        depth += (c in "([") - (c in ")]")
        if c in ",;" and depth == 0:
            parts.append(text[start:k])
            start = k + 1
    parts.append(text[start:])
    return [p for p in parts if p.strip()]


def constant_value(name: str, text: str) -> Value:
    special = text.strip().lower()
    if re.fullmatch(r"[+-]?(nan|inf|infinity)", special):
        return float(special)
    try:
        graph = parse(text.strip())
    except DifflabError as error:
        raise InputError(f"the value of {name}: {error}") from None
    if graph.inputs:
        raise InputError(
            f"the value of {name} is not a number: {text.strip()[:80]!r} names {graph.inputs[0].name}; write a number, "
            "or a formula of constants such as pi/2"
        )
    with np.errstate(all="ignore"):
        try:
            value = graph.evaluate([], NUMPY)[graph.outputs[0]]
        except (ArithmeticError, TypeError, ValueError) as error:
            raise InputError(f"the value of {name}: {text.strip()[:80]!r} cannot be computed ({error})") from None
    array = np.asarray(value, dtype=float)
    return array if array.ndim else float(array)
