"""A program on numbers as C99: one function, one line for each operation, constants exact to the last bit."""

from __future__ import annotations

import keyword
import math
import re

import numpy as np

from ...compile.xla.carrier import sample
from ...errors import InputError, UnsupportedError
from ...graph.graph import Graph
from ...graph.node import Node
from ...primitives import NUMPY, Primitive, rows
from ...types import Axis, Function, Tree, Value
from ...version import __version__
from .expand import expanded, graph_at, refused

MOST = 20_000  # lines
KINDS = {"f": "double", "b": "int", "i": "long long", "u": "long long"}
PYTHON: dict[str, type] = {"f": float, "b": bool, "i": int, "u": int}
CALLS = {
    rows.sin: "sin", rows.cos: "cos", rows.tan: "tan", rows.arcsin: "asin", rows.arccos: "acos", rows.arctan: "atan",
    rows.arctan2: "atan2", rows.sinh: "sinh", rows.cosh: "cosh", rows.tanh: "tanh", rows.arcsinh: "asinh",
    rows.arccosh: "acosh", rows.arctanh: "atanh", rows.exp: "exp", rows.exp2: "exp2", rows.expm1: "expm1",
    rows.log: "log", rows.log1p: "log1p", rows.log2: "log2", rows.log10: "log10", rows.sqrt: "sqrt",
    rows.cbrt: "cbrt", rows.hypot: "hypot", rows.power: "pow", rows.float_power: "pow", rows.erf: "erf",
    rows.erfc: "erfc", rows.gamma: "tgamma", rows.gammaln: "lgamma", rows.floor: "floor", rows.ceil: "ceil",
    rows.trunc: "trunc", rows.rint: "rint", rows.fmod: "fmod", rows.copysign: "copysign", rows.fmax: "fmax",
    rows.fmin: "fmin",
}  # fmt: skip
# Signs and forms, which hold for whole numbers as well.
FORMS = {
    rows.add: "{0} + {1}", rows.subtract: "{0} - {1}", rows.multiply: "{0} * {1}", rows.negative: "-{0}",
    rows.positive: "{0}", rows.square: "{0} * {0}", rows.stop_gradient: "{0}", rows.copy: "{0}",
    rows.equal: "{0} == {1}", rows.not_equal: "{0} != {1}", rows.less: "{0} < {1}", rows.less_equal: "{0} <= {1}",
    rows.greater: "{0} > {1}", rows.greater_equal: "{0} >= {1}", rows.logical_and: "{0} && {1}",
    rows.logical_or: "{0} || {1}", rows.logical_xor: "!{0} != !{1}", rows.logical_not: "!{0}",
    rows.where: "{0} ? {1} : {2}", rows.maximum: "({0} >= {1} || {0} != {0}) ? {0} : {1}",
    rows.minimum: "({0} <= {1} || {0} != {0}) ? {0} : {1}", rows.relu: "({0} > 0 || {0} != {0}) ? {0} : 0",
}  # fmt: skip
REAL_FORMS = {
    rows.divide: "{0} / {1}", rows.reciprocal: "1.0 / {0}", rows.absolute: "fabs({0})", rows.isnan: "{0} != {0}",
    rows.isinf: "isinf({0}) != 0", rows.isfinite: "isfinite({0}) != 0", rows.signbit: "signbit({0}) != 0",
    rows.sign: "{0} != {0} ? {0} : ({0} > 0) - ({0} < 0)", rows.real: "{0}",
    rows.sigmoid: "{0} >= 0 ? 1.0 / (1.0 + exp(-{0})) : exp({0}) / (1.0 + exp({0}))",
}  # fmt: skip
TRUTH_FORMS = {rows.add: "{0} || {1}"}  # of truth values, where the sign would count them
# Rows that NumPy runs on arrays of anything: they move elements.
MOVES = frozenset(
    (rows.getitem, rows.reshape, rows.ravel, rows.transpose, rows.concatenate, rows.stack, rows.broadcast_to,
     rows.expand_dims, rows.squeeze, rows.swapaxes, rows.moveaxis, rows.matrix_transpose, rows.flip, rows.rollaxis,
     rows.tril, rows.triu)
)  # fmt: skip
# Rows that NumPy runs on anything that can be added and multiplied.
ARITHMETIC = frozenset((rows.sum, rows.sum_to, rows.matmul, rows.einsum, rows.prod, rows.cumsum, rows.scatter))
EXTREMES = {rows.max: rows.maximum, rows.min: rows.minimum}
C_WORDS = frozenset(
    "auto break case char const continue default do double else enum extern float for goto if inline int long register "
    "restrict return short signed sizeof static struct switch typedef union unsigned void volatile while main".split()
)  # fmt: skip
LIBRARY = frozenset((*CALLS.values(), "fabs", "isinf", "isfinite", "signbit", "NAN", "INFINITY"))  # which it calls


def known(row: Primitive) -> bool:
    """Whether C has a form for it, or it is done away with while the text is written."""
    return (
        row in CALLS
        or row in FORMS
        or row in REAL_FORMS
        or row in MOVES
        or row in ARITHMETIC
        or row in EXTREMES
        or "cond" in row.spelling
    )


class Number:
    """One value of the program, by its name in C; what is done with it becomes a line."""

    __slots__ = ("counted", "kind", "name", "writer")

    def __init__(self, writer: Writer, name: str, kind: str, counted: bool = False) -> None:
        self.writer: Writer = writer
        self.name: str = name
        self.kind: str = kind
        self.counted: bool = counted  # a sum, of which only "is it 0?" is left where it is a truth value

    def __add__(self, other: Value) -> Number:
        if is_zero(other):
            return self
        return self.writer.line(f"{self.name} + {self.writer.read(other)}", self.kind, counted=True)

    __radd__ = __add__

    def __mul__(self, other: Value) -> Number:
        return self.writer.line(f"{self.name} * {self.writer.read(other)}", self.kind)

    __rmul__ = __mul__


def is_zero(x: Value) -> bool:
    """Whether it is NumPy's own start of a sum."""
    return not isinstance(x, Number) and isinstance(x, int) and x == 0


class Writer:
    """The lines of the function."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.count: int = 0

    def line(self, expression: str, kind: str, counted: bool = False) -> Number:
        if len(self.lines) >= MOST:
            raise UnsupportedError(f"to_c: more than {MOST:,} operations on single numbers; it is for small programs")
        name = f"t{self.count}"
        self.count += 1
        self.lines.append(f"    const {KINDS[kind]} {name} = {expression};")
        return Number(self, name, kind, counted)

    def read(self, x: Value) -> str:
        """The name of a value, or a constant."""
        return x.name if isinstance(x, Number) else literal(x)

    def write(self, graph: Graph, inputs: list[Value]) -> list[Value]:
        """The outputs as arrays of numbers."""
        env: dict[Node, Value] = dict(zip(graph.inputs, inputs))
        for node in graph.order:
            if node.primitive is rows.constant:
                env[node] = objects(np.asarray(node.params["value"], node.dtype))
            elif node not in env and node.primitive.kind != "pick":
                env[node] = self.node(node, [value_of(x, env) for x in node.operands])
        return [value_of(y, env) for y in graph.outputs]

    def node(self, node: Node, xs: list[Value]) -> Value:
        row = node.primitive
        if "cond" in row.spelling:
            return self.cond(row, xs)
        if row in EXTREMES:
            return self.extreme(row, xs[0], **node.params)
        kind = node.dtype.kind
        if row in MOVES or row in ARITHMETIC:
            xs = [self.in_kind(x, kind) for x in xs]
            found = (
                scattered(xs[0], node)
                if row is rows.scatter
                else (np.asarray(NUMPY.of(row)(*xs, **node.params), object))
            )
            return self.in_kind(found, kind)  # NumPy's own zeros and ones, and truth values that were counted
        form = f"{CALLS[row]}({', '.join(f'{{{k}}}' for k in range(len(xs)))})" if row in CALLS else (
            TRUTH_FORMS[row] if kind == "b" and row in TRUTH_FORMS else FORMS[row] if row in FORMS else REAL_FORMS[row]
        )  # fmt: skip
        real = ["(double)" if row in REAL_FORMS and kind == "f" and x.dtype.kind != "f" else "" for x in node.operands]
        parts = np.broadcast_arrays(*xs)
        found = np.empty(parts[0].shape, object)
        for place in np.ndindex(found.shape):
            texts = [cast + bracketed(self.read(p[place])) for cast, p in zip(real, parts)]
            found[place] = self.line(form.format(*texts), kind)
        return found

    def in_kind(self, x: Value, kind: str) -> Value:
        """The elements as numbers of a kind, as NumPy has them before it adds or joins them."""
        found = np.empty(np.shape(x), object)
        for place in np.ndindex(found.shape):
            e = x[place]
            if not isinstance(e, Number):
                found[place] = PYTHON[kind](e)
            elif KINDS[e.kind] == KINDS[kind] and not (kind == "b" and e.counted):
                found[place] = e
            else:
                found[place] = self.line(f"{e.name} != 0" if kind == "b" else e.name, kind)
        return found

    def extreme(self, row: Primitive, x: Value, *, axis: Axis, keepdims: bool) -> Value:
        """The largest or smallest element along axes, one axis after the other."""
        form, kind = FORMS[EXTREMES[row]], "f"
        fold = np.frompyfunc(lambda a, b: self.line(form.format(self.read(a), self.read(b)), kind), 2, 1)
        along = range(np.ndim(x)) if axis is None else [axis] if isinstance(axis, int) else axis
        for k in sorted((k % np.ndim(x) for k in along), reverse=True):
            x = np.asarray(fold.reduce(x, axis=k, keepdims=keepdims), object)
        return x

    def cond(self, row: Primitive, xs: list[Value]) -> Value:
        """Both branches, and a choice for each element of the results."""
        branches, part = row.spelling["cond"]
        no, yes = (self.body(branch, part(xs, which)) for which, branch in enumerate(branches))
        found = []
        for a, b, like in zip(yes, no, branches[0].outputs):
            chosen = np.empty(np.shape(a), object)
            for place in np.ndindex(chosen.shape):
                texts = [bracketed(self.read(v[place])) for v in (a, b)]
                chosen[place] = self.line(f"{self.read(xs[0][()])} ? {texts[0]} : {texts[1]}", like.dtype.kind)
            found.append(chosen)
        return found if len(found) != 1 else found[0]

    def body(self, branch: Value, given: list[Value]) -> list[Value]:
        graph = at_samples(branch.graph)
        return self.write(graph, [x if isinstance(x, np.ndarray) else objects(np.asarray(x)) for x in given])


def value_of(node: Node, env: dict[Node, Value]) -> Value:
    if node.primitive.kind == "pick":
        return value_of(node.operands[0], env)[node.params["index"]]
    return env[node]


def objects(array: Value) -> Value:
    """The elements as Python's numbers, with their kinds."""
    found = np.empty(np.shape(array), object)
    for place in np.ndindex(found.shape):
        found[place] = array[place].item()
    return found


def scattered(ct: Value, node: Node) -> Value:
    """Zeros with each element added in its place."""
    shape = node.params["shape"]
    found = objects(np.zeros(shape, node.dtype))
    flat = found.reshape(-1)
    places = np.arange(math.prod(shape)).reshape(shape)[node.params["index"]]
    for k, x in zip(np.ravel(places), np.ravel(ct)):
        flat[k] = flat[k] + x if isinstance(flat[k], Number) else x
    return flat.reshape(shape)


def literal(x: Value) -> str:
    """A constant of C, exactly."""
    if isinstance(x, bool):
        return str(int(x))
    if isinstance(x, int):
        return f"{x}LL"
    if math.isnan(x):
        return "NAN"
    if math.isinf(x):
        return "INFINITY" if x > 0 else "-INFINITY"
    return repr(x) if x == int(x) and abs(x) < 1e6 and math.copysign(1, x) * x >= 0 and x else (
        x.hex() if x or math.copysign(1, x) < 0 else "0.0"
    )  # fmt: skip


def bracketed(text: str) -> str:
    return f"({text})" if text.startswith("-") else text


def at_samples(graph: Graph) -> Graph:
    return on_numbers(graph, [sample(x.shape, x.dtype) for x in graph.inputs])


def on_numbers(graph: Graph, values: list[Value]) -> Graph:
    """The graph in rows that C has; UnsupportedError names the others."""
    found = expanded(graph, values, known)
    missing = [n.primitive.name for n in found.order if not (n.primitive.leaf or n.primitive.kind == "pick" or fits(n))]
    if missing:
        raise refused("C", missing)
    strange = sorted({n.dtype.name for n in found.order if n.value.__class__ is not tuple and odd(n)})
    if strange:
        raise UnsupportedError(
            f"to_c: it has values of dtype {', '.join(strange)}; float64, whole numbers and truth values are written"
        )
    return found


def odd(node: Node) -> bool:
    return node.dtype.kind not in KINDS or (node.dtype.kind == "f" and node.dtype != np.float64)


def fits(node: Node) -> bool:
    """Whether the operation has a form, for whole numbers too where it is on these."""
    row = node.primitive
    if row in CALLS or row in REAL_FORMS:
        return any(x.dtype.kind == "f" for x in node.operands) or node.dtype.kind == "f"
    if row in EXTREMES:
        return node.dtype.kind == "f"
    if row in (rows.getitem, rows.scatter) and len(node.operands) > 1:
        return False
    return known(row)


def to_c(f: Function | Graph, *examples: Tree, name: str = "function") -> str:
    """f as the text of a C99 function, which needs the C library's mathematics alone (`cc -lm`).

    Numbers are arguments by value and arrays are pointers to their elements row by row; f's results go through
    pointers after them, and a single number is returned. Arrays are taken apart into their elements, loops of
    `dl.scan` are written out step by step, and of `dl.cond` both branches are computed: it is for programs on
    numbers and on small arrays. `examples` are arguments that fix shapes; a graph with shapes needs none. For a
    gradient give one: `dl.to_c(dl.grad(f), x)`. Constants are exact; results agree with difflab's up to the digits
    of the C library's functions.

    UnsupportedError names every operation that C lacks.

    >>> import difflab as dl
    >>> print(dl.to_c(lambda x, y: x * y + 0.1, 1.0, 2.0, name="f"))  # doctest: +ELLIPSIS
    /* f, written by difflab ... */
    #include <math.h>
    <BLANKLINE>
    double f(double x, double y) {
        const double t0 = x * y;
        const double t1 = t0 + 0x1.999999999999ap-4;
        return t1;
    }
    <BLANKLINE>
    """
    if not name.isidentifier() or not name.isascii() or name in C_WORDS | LIBRARY or keyword.iskeyword(name):
        raise InputError(f"to_c: name={name!r} is no name of a function in C")
    graph, values = graph_at(f, examples, "to_c")
    written = on_numbers(graph, values)
    writer = Writer()
    arguments: list[str] = []
    inputs: list[Value] = []
    for k, node in enumerate(written.inputs):
        called = argument_name(str(node.name or ""), k, [a.split()[-1].strip("*") for a in arguments])
        kind = node.dtype.kind
        arguments.append(f"const {KINDS[kind]} *{called}" if node.shape else f"{KINDS[kind]} {called}")
        elements = np.empty(node.shape, object)
        for n, place in enumerate(np.ndindex(node.shape)):
            elements[place] = Number(writer, f"{called}[{n}]" if node.shape else called, kind)
        inputs.append(elements)
    return function_text(name, arguments, writer, writer.write(written, inputs), written)


def function_text(name: str, arguments: list[str], writer: Writer, found: list[Value], graph: Graph) -> str:
    single = len(found) == 1 and np.shape(found[0]) == ()
    lines = list(writer.lines)
    if single:
        kind = KINDS[graph.outputs[0].dtype.kind]
        lines.append(f"    return {writer.read(np.asarray(found[0], object)[()])};")
    else:
        kind = "void"
        for k, (y, node) in enumerate(zip(found, graph.outputs)):
            arguments = [*arguments, f"{KINDS[node.dtype.kind]} *y{k}"]
            elements = np.ravel(np.asarray(y, object))
            lines += [f"    y{k}[{n}] = {writer.read(v)};" for n, v in enumerate(elements)]
    head = f"/* {name}, written by difflab {__version__} */\n#include <math.h>\n"
    return f"{head}\n{kind} {name}({', '.join(arguments) or 'void'}) {{\n" + "\n".join(lines) + "\n}\n"


def argument_name(wanted: str, k: int, taken: list[str]) -> str:
    """The input's own name, where C can have it."""
    name = re.sub(r"\W+", "_", wanted, flags=re.ASCII).strip("_")
    free = name and name[0].isalpha() and name not in C_WORDS | LIBRARY and name not in taken
    return name if free and not re.fullmatch(r"[ty]\d+", name) else f"x{k}_"
