"""parse: text -> Graph, by an allow-list over Python's syntax tree. Nothing is ever evaluated as Python."""

from __future__ import annotations

import ast
import math
import operator
import re
import warnings
from fractions import Fraction
from typing import Any

import numpy as np

from ..errors import DifflabError, InputError, ParseError
from ..primitives import NUMPY, TABLE, Primitive, rows
from ..primitives.primitive import positional
from ..primitives.quotient import Exact, Named, Quotient, fraction, is_exact, whole
from .calls import waiting
from .function_names import function_named, functions
from .graph import Graph, constant_node, input_node
from .long_chains import LONG, PLACEHOLDER, TOKEN, shorten, terms
from .node import NO_PARAMS, UNKNOWN, Node
from .refusals import several_results
from .text_checks import MAX_DIGITS, check, place, suggestion

MAX_NODES = 50_000
CONSTANTS = {"pi": Named("pi"), "e": Named("e")}
BINARY = {
    ast.Add: "add", ast.Sub: "subtract", ast.Mult: "multiply", ast.Div: "divide", ast.Pow: "power",
    ast.MatMult: "matmul", ast.Mod: "remainder", ast.FloorDiv: "floor_divide",
}  # fmt: skip
COMPARE = {
    ast.Lt: "less", ast.LtE: "less_equal", ast.Gt: "greater", ast.GtE: "greater_equal", ast.Eq: "equal",
    ast.NotEq: "not_equal",
}  # fmt: skip
SIGNS = {"+": ast.Add, "-": ast.Sub, "*": ast.Mult, "/": ast.Div, "@": ast.MatMult, "%": ast.Mod, "//": ast.FloorDiv}
WHOLE = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Mod: operator.mod, ast.FloorDiv: operator.floordiv,
}  # fmt: skip
EXACT = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": np.divide,
    "power": np.power,
    "negative": np.negative,
}
MAX_EXPONENT_BITS, MAX_READING, MAX_DIMENSIONS, MAX_COPIES = 1100, 400, 32, 10**7
TOO_DEEP = "the expression is nested too deeply to be read"


def parse(text: str) -> Graph:
    """The graph of an expression, or of several statements separated by `;` or new lines.

    Names become inputs in the order in which they appear; `q = x + y; f = q * z` names the nodes q and f, and the last
    statement is the output. Functions have NumPy's names; `pi` and `e` are constants. Raises ParseError.

    >>> g = parse("q = x + y; f = q * z")
    >>> g.forward(x=-2, y=5, z=-4).value("q")
    np.float64(3.0)
    """
    reader = _Reader(check(text))
    try:
        return reader.graph()
    except RecursionError:  # where the caller is deep in calls itself
        raise place(reader.text, 0, TOO_DEEP, len(reader.text)) from None


class _Reader:
    """Reads one text; `offset` and `lines` place the syntax tree being read within it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.names: dict[str, Any] = {}
        self.inputs: list[Node] = []
        self.order: list[Node] = []
        self.numbers: dict[Node, Any] = {}
        self.chains: dict[str, tuple[int, int]] = {}
        self.offset, self.lines, self.depth = 0, [0], 0

    def error(self, node: ast.AST, message: str) -> ParseError:
        start = self.position(getattr(node, "lineno", 1), getattr(node, "col_offset", 0))
        end = self.position(getattr(node, "end_lineno", None) or 1, getattr(node, "end_col_offset", None) or 0)
        return place(self.text, start, message, max(1, end - start))

    def position(self, line: int, column: int) -> int:
        return self.offset + self.lines[min(line - 1, len(self.lines) - 1)] + column

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

    def tree(self, text: str, offset: int) -> ast.Module:
        """Python's syntax tree of a part of the text that starts at `offset`."""
        self.offset = offset
        self.lines = [0]
        for line in text.splitlines(keepends=True):
            self.lines.append(self.lines[-1] + len(line))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return ast.parse(text)
        except SyntaxError as error:
            at = self.position(error.lineno or 1, max((error.offset or 1) - 1, 0))
            raise place(self.text, at, f"this is not an expression: {friendly(error.msg)}") from None
        except (RecursionError, MemoryError, ValueError):
            raise place(self.text, offset, TOO_DEEP, len(text)) from None

    def chain(self, start: int, end: int) -> Any:
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

    def term(self, start: int, end: int) -> Any:
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

    def read(self, tree: ast.AST) -> Any:
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

    def single(self, tree: ast.AST) -> Any:
        reader = getattr(self, f"read_{type(tree).__name__}", None)
        if reader is None:
            raise self.error(tree, f"{kind(tree)} is not part of the language")
        return reader(tree)

    def binary(self, tree: ast.BinOp, left: Any, right: Any) -> Any:
        if isinstance(tree.op, ast.BitXor):
            raise self.error(tree, "^ is not a power here: write **")
        name = BINARY.get(type(tree.op))
        if name is None:
            raise self.error(tree, f"the operator {kind(tree.op)} is not part of the language")
        if name == "power" and isinstance(right, int | float) and abs(right) > 1e6:
            raise self.error(tree, "the exponent is too large")
        if name == "power" and isinstance(left, int | float) and isinstance(right, int | float):
            if math.log2(abs(left) or 1) * right > MAX_EXPONENT_BITS:
                raise self.error(tree, "this power is larger than any float")
        if is_exact(left) and is_exact(right):
            exact = self.exact(tree, left, right)
            if exact is not None:
                return exact
            left, right = Quotient(fraction(left)), Quotient(fraction(right))  # NumPy's integers would wrap around
        self.single_results(tree, left, right)
        if name == "matmul":  # read where the shapes are known, so that an error names them
            return self.deferred(name, [self.vertex(left), self.vertex(right)], {})
        return self.bound(tree, self.add(TABLE[name], (self.vertex(left), self.vertex(right))))

    def single_results(self, tree: ast.AST, *values: Any) -> None:
        """Refuses an operator on several results at once: Python would repeat or join the tuple."""
        for value in values:
            if isinstance(value, Node) and (said := several_results(value)):
                raise self.error(tree, said)

    def exact(self, tree: ast.BinOp, left: Any, right: Any) -> Any:
        """Whole numbers and their quotients, computed exactly; None where the result is neither."""
        a, b = fraction(left), fraction(right)
        if type(tree.op) in WHOLE and not (b == 0 and isinstance(tree.op, ast.Div | ast.Mod | ast.FloorDiv)):
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

    def read_Constant(self, tree: ast.Constant) -> Any:
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

    def read_Name(self, tree: ast.Name) -> Any:
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

    def read_UnaryOp(self, tree: ast.UnaryOp) -> Any:
        operators = {ast.USub: "negative", ast.UAdd: "positive", ast.Not: "logical_not", ast.Invert: "logical_not"}
        value = self.read(tree.operand)
        if isinstance(value, int | float) and not isinstance(value, bool | Named):
            if isinstance(tree.op, ast.USub):
                return whole(-fraction(value)) if is_exact(value) else -value
            if isinstance(tree.op, ast.UAdd):
                return value
        self.single_results(tree, value)
        return self.add(TABLE[operators[type(tree.op)]], (self.vertex(value),))

    def read_Compare(self, tree: ast.Compare) -> Any:
        values = [self.vertex(self.read(t)) for t in (tree.left, *tree.comparators)]
        self.single_results(tree, *values)
        result = None
        for k, op in enumerate(tree.ops):
            if type(op) not in COMPARE:
                raise self.error(tree, f"the comparison {kind(op)} is not part of the language")
            step = self.add(TABLE[COMPARE[type(op)]], (values[k], values[k + 1]))
            result = step if result is None else self.add(rows.logical_and, (result, step))
        return result

    def read_BoolOp(self, tree: ast.BoolOp) -> Any:
        name = "logical_and" if isinstance(tree.op, ast.And) else "logical_or"
        values = [self.vertex(self.read(t)) for t in tree.values]
        result = values[0]
        for value in values[1:]:
            result = self.add(TABLE[name], (result, value))
        return result

    def read_IfExp(self, tree: ast.IfExp) -> Any:
        raise self.error(tree, "write where(condition, a, b) instead of a if condition else b")

    def read_List(self, tree: ast.List | ast.Tuple) -> Any:
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

    def read_Attribute(self, tree: ast.Attribute) -> Any:
        if tree.attr != "T":
            raise self.error(tree, f".{tree.attr[:40]} is not part of the language; only .T is")
        return self.deferred("transpose", [self.read(tree.value)], {})

    def read_Subscript(self, tree: ast.Subscript) -> Any:
        return self.deferred("getitem", [self.read(tree.value), self.key(tree.slice)], {})

    def key(self, tree: ast.AST) -> Any:
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

    def read_Call(self, tree: ast.Call) -> Any:
        if not isinstance(tree.func, ast.Name):
            known = isinstance(tree.func, ast.Attribute) and function_named(tree.func.attr, 1) is not None
            instead = f"; write {tree.func.attr}(...)" if known else ""  # type: ignore[attr-defined]
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
        if name == "where" and len(args) != 3:
            raise self.error(tree, "where takes 3 operands: where(condition, a, b)")
        if row.kind == "elementwise":  # constants stand among the operands, as in any other operation
            operands, params, *other = row.arguments(*args, **kwargs)
            if not other:
                return self.add(row, tuple(self.vertex(x) for x in operands), params)
        return self.deferred(row.name, args, kwargs)

    def argument(self, tree: ast.AST, position: int, row: Primitive) -> Any:
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
        if row.reading.copies and count > MAX_COPIES:
            raise self.error(tree, f"{row.name}: at most {MAX_COPIES} copies")

    def count(self, tree: ast.Call, row: Primitive, args: list[Any]) -> None:
        wanted = len(row.partials) if row.kind == "elementwise" else None  # type: ignore[attr-defined]
        if wanted is not None and len(args) != wanted:
            raise self.error(tree, f"{row.name} takes {wanted} operand{'s' * (wanted != 1)}, not {len(args)}")

    def keyword(self, tree: ast.AST) -> Any:
        if isinstance(tree, ast.Constant) and (tree.value is None or isinstance(tree.value, bool)):
            return tree.value
        if isinstance(tree, ast.Tuple):
            return tuple(self.keyword(e) for e in tree.elts)
        value = self.read(tree)
        if not isinstance(value, int | float):
            raise self.error(tree, "a keyword argument must be a constant")
        return value

    def deferred(self, name: str, args: list[Any], kwargs: dict[str, Any]) -> Node:
        if not any(isinstance(a, Node) for a in args):
            args = [self.vertex(args[0]), *args[1:]]
        return self.add(*waiting(TABLE[name], args, kwargs))

    def vertex(self, value: Any) -> Node:
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

    def add(self, row: Primitive, operands: tuple[Node, ...], params: dict[str, Any] = NO_PARAMS) -> Node:
        if len(self.order) >= MAX_NODES:
            raise ParseError(f"the expression has more than {MAX_NODES} operations")
        node = Node(row, operands, params, UNKNOWN, None, None, None)
        self.order.append(node)
        return node

    def bound(self, tree: ast.AST, node: Node) -> Node:
        """The size of a constant expression, in floats, so that none that overflows is ever computed."""
        if node.primitive.name not in EXACT or not all(x in self.numbers for x in node.operands):
            return node
        numbers = [self.numbers[x] for x in node.operands]
        with np.errstate(all="ignore"):
            value = float(EXACT[node.primitive.name](*map(np.float64, numbers)))
        if math.isinf(value) and all(map(math.isfinite, numbers)) and 0 not in numbers:
            raise self.error(tree, "this constant is larger than any float")
        self.numbers[node] = value
        return node


def kind(tree: ast.AST) -> str:
    """The name of a piece of Python syntax in words."""
    words = re.sub(r"(?<!^)(?=[A-Z])", " ", type(tree).__name__).lower()
    return {"lambda": "a lambda", "import": "import", "joined str": "a string", "named expr": ":="}.get(words, words)


def friendly(message: str | None) -> str:
    """Python's words for a syntax error, without its advice for programmers."""
    if message and message.startswith("Exceeds the limit"):
        return "an integer is larger than any float"
    if message and message.startswith("invalid decimal literal"):
        return "a number and a name stand side by side; write a product as 2*x"
    plain = re.split(r"\(|\. (?:Maybe|Perhaps|Did)|; (?:Maybe|did)", message or "it ends too early")[0]
    return plain.strip().removesuffix(".").replace("invalid syntax", "something is missing or misplaced here")


def parse_point(text: str) -> dict[str, Any]:
    """The point of `--at`: "x=-2, y=5, W=[[1,2],[3,4]]"; values may be constant expressions such as pi/2.

    >>> parse_point("x=-2, y=pi/2")
    {'x': -2.0, 'y': 1.5707963267948966}
    """
    found: dict[str, Any] = {}
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


def constant_value(name: str, text: str) -> Any:
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
