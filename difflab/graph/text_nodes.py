"""The nodes of a text: operations as they are read, and constants, whose arithmetic is exact and bounded."""

from __future__ import annotations

import ast
import math
import operator
from fractions import Fraction

import numpy as np

from ..errors import InputError, ParseError
from ..primitives import Primitive, rows
from ..primitives.quotient import fraction, whole
from ..types import Params, Value
from .calls import waiting
from .node import NO_PARAMS, UNKNOWN, Node
from .refusals import several_results
from .signs import BINARY
from .text_checks import Source
from .vertices import constant_node

MAX_NODES, MAX_EXPONENT_BITS = 50_000, 1100
DIVIDING = ast.Div | ast.Mod | ast.FloorDiv
WHOLE = {op.syntax: getattr(operator, op.method) for op in BINARY if op.row not in (rows.power, rows.matmul)}
BOUNDED = frozenset((rows.add, rows.subtract, rows.multiply, rows.divide, rows.power, rows.negative))


class Nodes(Source):
    """The nodes that a text has so far; `numbers` has the sizes of those that are constant."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.order: list[Node] = []
        self.numbers: dict[Node, Value] = {}

    def vertex(self, value: Value) -> Node:
        """A value as a node: numbers and arrays become constants."""
        if isinstance(value, Node):
            return value
        if isinstance(value, int | float | np.ndarray):
            node = constant_node(value)
            self.order.append(node)
            if isinstance(value, int | float):
                self.numbers[node] = float(value)
            return node
        raise InputError(f"{value!r} is not a value")

    def add(self, row: Primitive, operands: tuple[Node, ...], params: Params = NO_PARAMS) -> Node:
        if len(self.order) >= MAX_NODES:
            raise ParseError(f"the expression has more than {MAX_NODES} operations")
        node = Node(row, operands, params, UNKNOWN)
        self.order.append(node)
        return node

    def deferred(self, row: Primitive, args: list[Value], kwargs: Params) -> Node:
        if not any(isinstance(a, Node) for a in args):
            args = [self.vertex(args[0]), *args[1:]]
        return self.add(*waiting(row, args, kwargs))

    def single_results(self, tree: ast.AST, *values: Value) -> None:
        """Refuses an operator on several results at once: Python would repeat or join the tuple."""
        for value in values:
            if isinstance(value, Node) and (said := several_results(value)):
                raise self.error(tree, said)

    def exact(self, tree: ast.BinOp, left: Value, right: Value) -> Value:
        """Whole numbers and their quotients, computed exactly; None where the result is neither."""
        a, b = fraction(left), fraction(right)
        if type(tree.op) in WHOLE and not (b == 0 and isinstance(tree.op, DIVIDING)):
            found = Fraction(WHOLE[type(tree.op)](a, b))
        elif isinstance(tree.op, ast.Pow) and b.denominator == 1 and abs(b) <= MAX_EXPONENT_BITS and (a or b > 0):
            found = a ** int(b)
        else:
            return None
        if max(found.numerator.bit_length(), found.denominator.bit_length()) > 4 * MAX_EXPONENT_BITS:
            raise self.error(tree, "this constant has too many digits")
        try:
            return whole(found)
        except OverflowError:
            raise self.error(tree, "this constant is larger than any float") from None

    def bound(self, tree: ast.AST, node: Node) -> Node:
        """The size of a constant expression, in floats, so that none that overflows is ever computed."""
        if node.primitive not in BOUNDED or not all(x in self.numbers for x in node.operands):
            return node
        numbers = [self.numbers[x] for x in node.operands]
        with np.errstate(all="ignore"):
            value = float(node.primitive.evaluate(*map(np.float64, numbers)))
        if math.isinf(value) and all(map(math.isfinite, numbers)) and 0 not in numbers:
            raise self.error(tree, "this constant is larger than any float")
        self.numbers[node] = value
        return node
