"""The ways to make a line of source wrong: for each a kind, and where in a file it can be done.

A site replaces one span of the source's bytes by other text; all else in the file stays as it is.
"""

from __future__ import annotations

import ast
import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

KINDS = {
    "sign": "+ for -, - for +, a lost or flipped minus",
    "factor": "a number one off or doubled",
    "swap": "operands of -, /, //, @, ** or the first two arguments exchanged",
    "term": "one side of a sum, difference, product or quotient lost",
    "axis": "another axis, or another entry of a shape",
    "accumulation": "+= that forgets what was there",
    "gate": "a comparison, and, or, not or condition that lets something else through",
    "default": "another default of an argument or a field",
    "operator": "* for /, / for *, and the like",
    "literal": "True for False and False for True",
    "loop": "break for continue and continue for break",
}

SIGNS = {ast.Add: "-", ast.Sub: "+"}
OTHER = {ast.Mult: "/", ast.Div: "*", ast.FloorDiv: "/", ast.Mod: "//", ast.Pow: "*"}
BITS = {ast.BitAnd: "|", ast.BitOr: "&", ast.BitXor: "|"}
ORDERED = (ast.Sub, ast.Div, ast.FloorDiv, ast.MatMult, ast.Pow)
SYMBOL = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**",
    ast.MatMult: "@", ast.BitAnd: "&", ast.BitOr: "|", ast.BitXor: "^", ast.LShift: "<<", ast.RShift: ">>",
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=", ast.Is: "is",
    ast.IsNot: "is not", ast.In: "in", ast.NotIn: "not in",
}  # fmt: skip
GATES = {
    "<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "is": "is not", "is not": "is",
    "in": "not in", "not in": "in",
}  # fmt: skip
# The order of the first two arguments is nothing there, or is asked of Python itself.
SYMMETRIC = set(
    "max min maximum minimum add multiply equal not_equal logical_and logical_or logical_xor hypot gcd lcm zip print "
    "isinstance issubclass getattr hasattr setattr broadcast_shapes broadcast_arrays isclose allclose".split()
)


@dataclass(frozen=True)
class Site:
    """One wrong thing that can be put in: the bytes from start to end of the file become `new`."""

    file: str
    line: int
    last: int
    kind: str
    start: int
    end: int
    old: str
    new: str
    text: str  # the line as it stands, stripped
    scope: tuple[int, int]  # the lines of the definition or statement around it
    names: tuple[str, ...]  # what a test that means it would name
    at_import: bool  # runs when the module is imported, not when a function is called

    @property
    def id(self) -> str:
        about = f"{self.file}\0{self.start}\0{self.text}\0{self.kind}\0{self.old}\0{self.new}"
        return hashlib.sha256(about.encode()).hexdigest()[:12]

    def apply(self, source: bytes) -> bytes:
        return source[: self.start] + self.new.encode() + source[self.end :]


@dataclass
class Finder:
    """Walks a module's tree and writes down its sites, and how many were left out, by reason."""

    file: str
    source: bytes
    sites: list[Site] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.lines = self.source.split(b"\n")
        self.starts = [0]
        for line in self.lines:
            self.starts.append(self.starts[-1] + len(line) + 1)
        self.reason = self.label = ""
        self.scope, self.names, self.depth = (1, len(self.lines)), (), 0

    def find(self) -> Finder:
        for statement in ast.parse(self.source).body:
            self.visit(statement)
        return self

    # Text ------------------------------------------------------------------------------------------------------------

    def span(self, node: ast.AST) -> tuple[int, int]:
        return (
            self.starts[node.lineno - 1] + node.col_offset,
            self.starts[node.end_lineno - 1] + node.end_col_offset,
        )

    def part(self, node: ast.AST) -> str:
        """The text of a node, in parentheses unless it is a name or a number."""
        text = self.source[slice(*self.span(node))].decode()
        return text if isinstance(node, ast.Name | ast.Constant) else f"({text})"

    def put(self, node: ast.AST, kind: str, new: str) -> None:
        start, end = self.span(node)
        old = self.source[start:end].decode()
        if new == old:
            return
        if self.reason:
            self.left_out[self.reason] += 1
            return
        text = self.lines[node.lineno - 1].decode().strip()
        about = (self.label or kind, start, end, old, new, text, self.scope, self.names, self.depth == 0)
        self.sites.append(Site(self.file, node.lineno, node.end_lineno, *about))

    # The walk --------------------------------------------------------------------------------------------------------

    def visit(self, node: ast.AST) -> None:
        before = (self.reason, self.label, self.scope, self.names, self.depth)
        self.enter(node)
        for kind, new in self.wrong(node):
            self.put(node, kind, new)
        for name, value in ast.iter_fields(node):
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    self.child(node, name, child)
        self.reason, self.label, self.scope, self.names, self.depth = before

    def child(self, node: ast.AST, name: str, child: ast.AST) -> None:
        before = (self.reason, self.label, self.depth)
        if name in ("annotation", "returns"):
            self.reason = "annotation"
        elif name in ("defaults", "kw_defaults"):
            self.label = "default"
        elif isinstance(node, ast.keyword) and node.arg and ("axis" in node.arg or "axes" in node.arg):
            self.label = "axis"
        elif isinstance(node, ast.Subscript) and name == "slice":
            self.label = "axis" if isinstance(node.value, ast.Attribute) and node.value.attr == "shape" else self.label
        elif isinstance(node, ast.ClassDef) and isinstance(child, ast.Assign | ast.AnnAssign):
            self.label = "default"
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) and name == "body":
            self.label, self.depth = "", self.depth + 1
        self.visit(child)
        self.reason, self.label, self.depth = before

    def enter(self, node: ast.AST) -> None:
        """What holds for all that stands inside."""
        self.reason = self.reason or reason(node)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            self.scope, self.names = (node.lineno, node.end_lineno), (*self.names, node.name)
        elif self.depth == 0 and isinstance(node, ast.Assign | ast.AnnAssign | ast.Expr):
            if self.scope == (1, len(self.lines)):
                self.scope = (node.lineno, node.end_lineno)
            self.names = (*self.names, *defined(node))

    # The operators ---------------------------------------------------------------------------------------------------

    def wrong(self, node: ast.AST) -> Iterator[tuple[str, str]]:
        """Pairs (kind, text) that the node can be replaced by."""
        match node:
            case ast.BinOp():
                yield from self.binary(node)
            case ast.UnaryOp(op=ast.USub()):
                yield "sign", self.part(node.operand)
            case ast.UnaryOp(op=ast.Not()):
                yield "gate", self.part(node.operand)
            case ast.Compare():
                yield from self.comparison(node)
            case ast.BoolOp():
                word = "or" if isinstance(node.op, ast.And) else "and"
                yield "gate", f"({f' {word} '.join(map(self.part, node.values))})"
                kept = f" {'or' if word == 'and' else 'and'} "
                for k in range(len(node.values)):
                    yield "gate", f"({kept.join(self.part(v) for j, v in enumerate(node.values) if j != k)})"
            case ast.IfExp():
                yield "gate", f"({self.part(node.orelse)} if {self.part(node.test)} else {self.part(node.body)})"
            case ast.AugAssign():
                yield from self.accumulation(node)
            case ast.Call(args=[first, second, *_]):
                yield from self.exchanged(node, first, second)
            case ast.Constant():
                yield from self.constant(node)
            case ast.Break():
                yield "loop", "continue"
            case ast.Continue():
                yield "loop", "break"

    def binary(self, node: ast.BinOp) -> Iterator[tuple[str, str]]:
        a, b, op = self.part(node.left), self.part(node.right), type(node.op)
        if isinstance(node.left, TEXTS) or isinstance(node.right, TEXTS):
            return  # text and sequences put together: another operator ends with a TypeError
        if op in SIGNS:
            yield "sign", f"({a} {SIGNS[op]} {b})"
        if op in OTHER:
            yield "operator", f"({a} {OTHER[op]} {b})"
        if op in BITS:
            yield "gate", f"({a} {BITS[op]} {b})"
        if op in ORDERED:
            yield "swap", f"({b} {SYMBOL[op]} {a})"
        if op in (ast.Add, ast.Sub, ast.Mult, ast.Div):
            yield "term", a
        if op in (ast.Add, ast.Mult):
            yield "term", b
        if op is ast.Sub:
            yield "term", f"(-{b})"

    def comparison(self, node: ast.Compare) -> Iterator[tuple[str, str]]:
        parts = [self.part(n) for n in (node.left, *node.comparators)]
        words = [SYMBOL[type(op)] for op in node.ops]
        for k, word in enumerate(words):
            other = [*words[:k], GATES[word], *words[k + 1 :]]
            yield "gate", "(" + parts[0] + "".join(f" {w} {p}" for w, p in zip(other, parts[1:])) + ")"

    def accumulation(self, node: ast.AugAssign) -> Iterator[tuple[str, str]]:
        target = self.source[slice(*self.span(node.target))].decode()
        yield "accumulation", f"{target} = {self.part(node.value)}"
        if type(node.op) in SIGNS and not isinstance(node.value, TEXTS):
            yield "sign", f"{target} {SIGNS[type(node.op)]}= {self.part(node.value)}"

    def exchanged(self, node: ast.Call, first: ast.AST, second: ast.AST) -> Iterator[tuple[str, str]]:
        called = getattr(node.func, "attr", getattr(node.func, "id", ""))
        texts = isinstance(first, ast.Constant) and isinstance(first.value, str)
        if called in SYMMETRIC or texts or isinstance(first, ast.Starred) or isinstance(second, ast.Starred):
            return
        (start, end), (i, j), (k, n) = map(self.span, (node, first, second))
        cut = lambda p, q: self.source[p:q].decode()
        yield "swap", cut(start, i) + cut(k, n) + cut(j, k) + cut(i, j) + cut(n, end)

    def constant(self, node: ast.Constant) -> Iterator[tuple[str, str]]:
        value = node.value
        if isinstance(value, bool):
            yield "literal", str(not value)
        elif isinstance(value, int):
            yield "factor", str(value + 1)
            if value:
                yield "factor", str(value - 1 if value < 3 else 2 * value)
        elif isinstance(value, float):
            yield "factor", repr(2 * value if value else 1.0)
            if abs(value) >= 1:
                yield "factor", repr(value - 1 if value != 2 else value + 1)
        elif value is None and self.label == "axis":
            yield "axis", "0"


TEXTS = (ast.JoinedStr, ast.List, ast.Tuple, ast.ListComp)


def reason(node: ast.AST) -> str:
    """Why nothing inside a node is made wrong; empty where it is."""
    match node:
        case ast.Raise() | ast.Assert():
            return "error text"
        case ast.JoinedStr():
            return "text"  # before Python 3.12 the parts of an f-string do not know their places
        case ast.Assign(targets=[ast.Name(id="__all__")]) | ast.AugAssign(target=ast.Name(id="__all__")):
            return "__all__"
        case ast.If(test=ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING")):
            return "type-only"
        case ast.Call(func=ast.Name(id="isinstance" | "cast" | "TypeVar")):
            return "type-only"
        case ast.Call(func=ast.Name(id="Domain")):
            return "where tests sample"
        case ast.Expr(value=ast.Constant()):
            return "docstring"
    return ""


def defined(statement: ast.AST) -> tuple[str, ...]:
    """The names that a statement at the top gives, or the row that it adds."""
    match statement:
        case ast.Assign():
            return tuple(t.id for t in statement.targets if isinstance(t, ast.Name))
        case ast.AnnAssign(target=ast.Name(id=name)):
            return (name,)
        case ast.Expr(value=ast.Call(args=[ast.Constant(value=str(name)), *_])):
            return (name,)
    return ()


def find(file: str, source: bytes) -> Finder:
    """All sites of a file's source."""
    return Finder(file, source).find()
