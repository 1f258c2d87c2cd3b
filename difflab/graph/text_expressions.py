"""Expressions of a text: an allow-list over Python's syntax tree. Nothing is ever evaluated as Python."""

from __future__ import annotations

import ast
import math
from fractions import Fraction

import numpy as np

from ..primitives import Primitive, rows
from ..primitives.primitive import Elementwise, positional
from ..primitives.quotient import Exact, Named, Quotient, fraction, is_exact, whole
from ..types import Key, Params, Value
from .function_names import function_named, functions
from .long_chains import LONG, PLACEHOLDER, TOKEN, shorten, terms
from .node import Node
from .refusals import MOST_MADE
from .signs import BINARY, COMPARISONS, SIGNED
from .text_checks import MAX_DIGITS, TOO_DEEP, kind, place, suggestion
from .text_nodes import MAX_EXPONENT_BITS, Nodes
from .vertices import input_node

CONSTANTS = {"pi": Named("pi"), "e": Named("e")}
ARITHMETIC = {op.syntax: op.row for op in BINARY}
COMPARED = {op.syntax: op.row for op in COMPARISONS}
OF_ONE: dict[type[ast.AST], Primitive] = {op.syntax: op.row for op in SIGNED} | {
    ast.Not: rows.logical_not,
    ast.Invert: rows.logical_not,
}
OF_TRUTHS: dict[type[ast.boolop], Primitive] = {ast.And: rows.logical_and, ast.Or: rows.logical_or}
SIGNS = {op.sign: op.syntax for op in BINARY}
MAX_READING, MAX_DIMENSIONS = 400, 32


class Expressions(Nodes):
    """Reads expressions; `chains` are the long sums and products that were cut out of the text."""

    offset: int
    lines: list[int]

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.names: Params = {}
        self.inputs: list[Node] = []
        self.chains: dict[str, tuple[int, int]] = {}
        self.depth: int = 0

    def read(self, tree: ast.AST) -> Value:
        """The value of an expression: a node, a number, or a (nested) list. Iterative over long sums and products."""
        self.depth += 1
        if self.depth > MAX_READING:
            raise self.error(tree, TOO_DEEP)
        chain = []
        while isinstance(tree, ast.BinOp):
            chain.append(tree)
            tree = tree.left
        value = self.single(tree)
        for binary in reversed(chain):
            value = self.binary(binary, value, self.read(binary.right))
        self.depth -= 1
        return value

    def single(self, tree: ast.AST) -> Value:
        reader = getattr(self, f"read_{type(tree).__name__}", None)
        if reader is None:
            raise self.error(tree, f"{kind(tree)} is not part of the language")
        return reader(tree)

    def chain(self, start: int, end: int) -> Value:
        """A long sum or product, term by term."""
        spans, operators = terms(self.text[start:end])
        if not operators:
            raise place(self.text, start, "too many operators stand in each other here", end - start)
        value = self.term(start + spans[0][0], start + spans[0][1])
        for (a, b), sign in zip(spans[1:], operators):
            tree = ast.BinOp(
                op=SIGNS[sign](),
                lineno=1,
                col_offset=a + start - self.offset,
                end_lineno=1,
                end_col_offset=b + start - self.offset,
                left=ast.Constant(0),
                right=ast.Constant(0),
            )
            value = self.binary(tree, value, self.term(start + a, start + b))
        return value

    def term(self, start: int, end: int) -> Value:
        piece = self.text[start:end]
        lead = len(piece) - len(piece.lstrip())
        piece, start = piece.strip(), start + lead
        if terms(piece)[1] and len(TOKEN.findall(piece)) > 2 * LONG:
            return self.chain(start, start + len(piece))
        before = self.offset, self.lines, self.chains
        short, inner = shorten(piece)
        self.chains = {name: (a + start, b + start) for name, (a, b) in inner.items()}
        statements = self.tree(short.replace("\n", " "), start).body
        if len(statements) != 1 or not isinstance(statements[0], ast.Expr):
            raise place(self.text, start, "something is missing or misplaced here")
        value = self.read(statements[0].value)
        self.offset, self.lines, self.chains = before
        return value

    def binary(self, tree: ast.BinOp, left: Value, right: Value) -> Value:
        if isinstance(tree.op, ast.BitXor):
            raise self.error(tree, "^ is not a power here: write **")
        row = ARITHMETIC.get(type(tree.op))
        if row is None:
            raise self.error(tree, f"the operator {kind(tree.op)} is not part of the language")
        if row is rows.power and isinstance(right, int | float) and abs(right) > 1e6:
            raise self.error(tree, "the exponent is too large")
        if row is rows.power and isinstance(left, int | float) and isinstance(right, int | float):
            if math.log2(abs(left) or 1) * right > MAX_EXPONENT_BITS:
                raise self.error(tree, "this power is larger than any float")
        if is_exact(left) and is_exact(right):
            exact = self.exact(tree, left, right)
            if exact is not None:
                return exact
            left, right = Quotient(fraction(left)), Quotient(fraction(right))  # NumPy's integers would wrap around
        self.single_results(tree, left, right)
        if row is rows.matmul:  # read where the shapes are known, so that an error names them
            return self.deferred(row, [self.vertex(left), self.vertex(right)], {})
        return self.bound(tree, self.add(row, (self.vertex(left), self.vertex(right))))

    def read_Constant(self, tree: ast.Constant) -> Value:
        value = tree.value
        if type(value) is int:
            if len(str(abs(value)) if abs(value) < 10**400 else "9" * 400) > MAX_DIGITS:
                raise self.error(tree, "the integer is larger than any float")
            try:
                return whole(Fraction(value))
            except OverflowError:
                raise self.error(tree, "the integer is larger than any float") from None
        if type(value) is float:
            if math.isinf(value):
                raise self.error(tree, "the number is larger than any float")
            return value
        if type(value) is bool:
            return value
        raise self.error(tree, f"{type(value).__name__} values are not part of the language")

    def read_Name(self, tree: ast.Name) -> Value:
        name = tree.id
        if name in self.chains:
            return self.chain(*self.chains[name])
        if name in self.names:
            return self.names[name]
        if name in CONSTANTS:
            return CONSTANTS[name]
        if name.startswith(("__", PLACEHOLDER)):
            raise self.error(tree, f"names with two underscores, such as {name[:40]}, are not part of the language")
        if len(name) > 100:
            raise self.error(tree, "a name has at most 100 letters")
        self.names[name] = node = input_node(name)
        self.inputs.append(node)
        return node

    def read_UnaryOp(self, tree: ast.UnaryOp) -> Value:
        value = self.read(tree.operand)
        if isinstance(value, int | float) and not isinstance(value, bool | Named):
            if isinstance(tree.op, ast.USub):
                return whole(-fraction(value)) if is_exact(value) else -value
            if isinstance(tree.op, ast.UAdd):
                return value
        self.single_results(tree, value)
        return self.add(OF_ONE[type(tree.op)], (self.vertex(value),))

    def read_Compare(self, tree: ast.Compare) -> Value:
        values = [self.vertex(self.read(t)) for t in (tree.left, *tree.comparators)]
        self.single_results(tree, *values)
        result = None
        for k, op in enumerate(tree.ops):
            if type(op) not in COMPARED:
                raise self.error(tree, f"the comparison {kind(op)} is not part of the language")
            step = self.add(COMPARED[type(op)], (values[k], values[k + 1]))
            result = step if result is None else self.add(rows.logical_and, (result, step))
        return result

    def read_BoolOp(self, tree: ast.BoolOp) -> Value:
        values = [self.vertex(self.read(t)) for t in tree.values]
        result = values[0]
        for value in values[1:]:
            result = self.add(OF_TRUTHS[type(tree.op)], (result, value))
        return result

    def read_IfExp(self, tree: ast.IfExp) -> Value:
        raise self.error(tree, "write where(condition, a, b) instead of a if condition else b")

    def read_List(self, tree: ast.List | ast.Tuple) -> Value:
        if not tree.elts:
            raise self.error(tree, "an empty list has no elements to compute with")
        values = [self.read(e) for e in tree.elts]
        if all(isinstance(v, int | float | np.ndarray) and not isinstance(v, Exact) for v in values):
            shapes = {np.shape(v) for v in values}
            if len(shapes) > 1:
                raise self.error(tree, "the rows of this list differ in length")
            array = np.array(values, dtype=float)
            if array.ndim > MAX_DIMENSIONS:
                raise self.error(tree, f"an array has at most {MAX_DIMENSIONS} dimensions")
            return array
        return self.add(rows.stack, tuple(self.vertex(v) for v in values), {"axis": 0})

    read_Tuple = read_List

    def read_Attribute(self, tree: ast.Attribute) -> Value:
        if tree.attr != "T":
            raise self.error(tree, f".{tree.attr[:40]} is not part of the language; only .T is")
        return self.deferred(rows.transpose, [self.read(tree.value)], {})

    def read_Subscript(self, tree: ast.Subscript) -> Value:
        return self.deferred(rows.getitem, [self.read(tree.value), self.key(tree.slice)], {})

    def key(self, tree: ast.AST) -> Key:
        if isinstance(tree, ast.Tuple):
            return tuple(self.key(e) for e in tree.elts)
        if isinstance(tree, ast.Slice):
            return slice(*[None if t is None else self.key(t) for t in (tree.lower, tree.upper, tree.step)])
        if isinstance(tree, ast.Constant) and (tree.value is None or tree.value is Ellipsis):
            return tree.value
        value = self.read(tree)
        if isinstance(value, np.ndarray) and np.all(value == value.astype(int)):
            return value.astype(int)
        if type(value) is not int:
            raise self.error(tree, "an index must be a constant integer or a slice")
        return value

    def read_Call(self, tree: ast.Call) -> Value:
        if not isinstance(tree.func, ast.Name):
            attribute = tree.func.attr if isinstance(tree.func, ast.Attribute) else None
            known = attribute is not None and function_named(attribute, 1) is not None
            instead = f"; write {attribute}(...)" if known else ""
            raise self.error(tree.func, f"only functions by their names can be called, such as sin(x){instead}")
        name = tree.func.id
        row = function_named(name, len(tree.args))
        if row is None:
            hint = "; write log(x) for the natural logarithm" if name == "ln" else suggestion(name, functions())
            raise self.error(tree.func, f"there is no function {name[:60]}{hint}")
        if any(isinstance(a, ast.Starred) for a in tree.args) or any(k.arg is None for k in tree.keywords):
            raise self.error(tree, "* and ** in calls are not part of the language")
        if not tree.args:
            raise self.error(tree, f"{name} needs an operand, as in {name}(x)")
        args = [self.argument(a, k, row) for k, a in enumerate(tree.args)]
        kwargs = {str(k.arg): self.keyword(k.value) for k in tree.keywords}
        if name in ("max", "min") and len(args) > 2:
            value = args[0]
            for other in args[1:]:
                value = self.add(row, (self.vertex(value), self.vertex(other)))
            return value
        if row.arguments is positional:
            self.count(tree, row, args)
        try:
            row.signature.bind(*args, **kwargs)
        except TypeError as error:
            raise self.error(tree, f"{name}: {error}") from None
        if row.arguments is positional and not kwargs:
            return self.add(row, tuple(self.vertex(a) for a in args))
        if row is rows.where and len(args) != 3:
            raise self.error(tree, "where takes 3 operands: where(condition, a, b)")
        if row.kind == "elementwise":  # constants stand among the operands, as in any other operation
            meant, operands, params = row.read(*args, **kwargs)
            if meant is row:
                return self.add(row, tuple(self.vertex(x) for x in operands), params)
        return self.deferred(row, args, kwargs)

    def argument(self, tree: ast.AST, position: int, row: Primitive) -> Value:
        """An operand, or (after the first) a shape, an axis or a count: those stay whole numbers."""
        if position and isinstance(tree, ast.Tuple | ast.List) and (isinstance(tree, ast.Tuple) or row.reading.sizes):
            sizes = [self.read(e) for e in tree.elts]
            if sizes and all(type(n) is int for n in sizes):
                self.copies(tree, row, math.prod(sizes))
                return tuple(sizes)
        value = self.read(tree)
        if position and type(value) is int:
            self.copies(tree, row, value)
        return value

    def copies(self, tree: ast.AST, row: Primitive, count: int) -> None:
        if row.reading.copies and count > MOST_MADE:
            raise self.error(tree, f"{row.name}: at most {MOST_MADE} copies")

    def count(self, tree: ast.Call, row: Primitive, args: list[Value]) -> None:
        wanted = len(row.partials) if isinstance(row, Elementwise) else None
        if wanted is not None and len(args) != wanted:
            raise self.error(tree, f"{row.name} takes {wanted} operand{'s' * (wanted != 1)}, not {len(args)}")

    def keyword(self, tree: ast.AST) -> Value:
        if isinstance(tree, ast.Constant) and (tree.value is None or isinstance(tree.value, bool)):
            return tree.value
        if isinstance(tree, ast.Tuple):
            return tuple(self.keyword(e) for e in tree.elts)
        value = self.read(tree)
        if not isinstance(value, int | float):
            raise self.error(tree, "a keyword argument must be a constant")
        return value
