"""A graph in the rows that a target has: what it lacks becomes the program in other rows that the row states."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial

import numpy as np

from ...compile.passes.pipeline import common_subexpressions, constants, dead_nodes
from ...compile.xla.carrier import JOINS, sample
from ...errors import DifflabError, InputError, UnsupportedError
from ...graph.graph import Graph
from ...graph.node import Node
from ...graph.node_carrier import NODE, NodeCarrier
from ...graph.recorded import graph_of
from ...graph.recording import Tape
from ...graph.trace import record
from ...graph.traced import SeenShape
from ...primitives import Carrier, Primitive, rows
from ...primitives.spelling import ON_HOST
from ...types import DType, Function, Rule, Tree, Value

Known = Callable[[Primitive], bool]
OTHER_BRANCH = (
    "an if, a while or a mask looks at a value, and this writes one way only; use dl.cond, dl.while_loop or np.where"
)


class Expanding(NodeCarrier):
    """Records what the target knows, and runs the program of what it does not."""

    def __init__(self, known: Known) -> None:
        self.known = known

    def function(self, row: Primitive) -> Function:
        if row.kind == "pick":
            return lambda x, *, index: x[index]
        if row.leaf or self.known(row) or held(row):
            return super().function(row)
        if row in REWRITTEN:  # before its program, which is not what is wanted here
            return partial(self.program, REWRITTEN[row], row)
        if row.spelling.get("jax") == ON_HOST or row in UNREADABLE:  # its program is inexact, or none: it is refused
            return super().function(row)
        if row.value is not None:
            return partial(self.program, row.value, row)
        if ("moves" in row.facts and row.kind == "linear") or row in MOVERS:
            return partial(moved, self, row)
        return super().function(row)

    def program(self, value: Rule, row: Primitive, *xs: Value, **params: Value) -> Value:
        """The row's program; the row itself, which is refused by name, where that is none for truth values."""
        try:
            return value(self, *xs, **params)
        except TypeError as error:
            if isinstance(error, DifflabError) or not any(self.dtype(x).kind == "b" for x in xs):
                raise
            return super().function(row)(*xs, **params)


def held(row: Primitive) -> bool:
    """Whether its value looks at numbers, as that of a branch does: a target that does not know it has to refuse it."""
    return row.kind == "custom" and not row.listed and bool(row.spelling) and "scan" not in row.spelling


def moved(m: Carrier, row: Primitive, x: Value, *others: Value, **params: Value) -> Value:
    """Each element of the result is one of x: which one says the row itself, run on the numbers of the elements."""
    if others:
        return NODE.of(row)(x, *others, **params)
    shape = m.shape(x)
    places = np.asarray(row.evaluate(np.arange(math.prod(shape)).reshape(shape), **params))
    flat = m.reshape(x, shape=(math.prod(shape),))
    return m.reshape(m.getitem(flat, index=places.ravel()), shape=places.shape)


def convolved(m: Carrier, a: Value, v: Value, *, mode: str) -> Value:
    """As a cross-correlation with the reversed filter."""
    if m.shape(a)[0] < m.shape(v)[0]:
        a, v = v, a
    n, k = m.shape(a)[0], m.shape(v)[0]
    backwards = m.getitem(v, index=np.arange(k - 1, -1, -1))
    y = m.conv(
        m.reshape(a, shape=(1, 1, n)),
        m.reshape(backwards, shape=(1, 1, k)),
        stride=(1,), padding=((k - 1, k - 1),), dilation=(1,), groups=1,
    )  # fmt: skip
    full = m.reshape(y, shape=(n + k - 1,))
    if mode == "full":
        return full
    first, count = ((k - 1) // 2, n) if mode == "same" else (k - 1, n - k + 1)
    return m.getitem(full, index=slice(first, first + count))


def close(m: Carrier, a: Value, b: Value, *, rtol: float, atol: float, equal_nan: bool) -> Value:
    finite = m.logical_and(m.isfinite(a), m.isfinite(b))
    near = m.less_equal(m.absolute(a - b), atol + rtol * m.absolute(b))
    found = m.where(finite, near, m.equal(a, b))
    return m.logical_or(found, m.logical_and(m.isnan(a), m.isnan(b))) if equal_nan else found


def direction(m: Carrier, x: Value, y: Value) -> Value:
    """x / hypot(x, y); 0 at the origin."""
    large = m.maximum(m.absolute(x), m.absolute(y))
    scale = m.where(m.logical_or(m.equal(large, 0.0), m.logical_not(m.isfinite(large))), 1.0, large)
    a, b = x / scale, y / scale
    h = m.sqrt(a * a + b * b)
    return m.where(m.equal(h, 0.0), 0.0, a / m.where(m.equal(h, 0.0), 1.0, h))


def exprel(m: Carrier, x: Value) -> Value:
    none = m.equal(x, 0.0)
    return m.where(none, 1.0, m.expm1(x) / m.where(none, 1.0, x))


def hypot(m: Carrier, x: Value, y: Value) -> Value:
    """By the ratio of the smaller to the larger, whose square does not overflow."""
    a, b = m.absolute(x), m.absolute(y)
    large, small = m.maximum(a, b), m.minimum(a, b)
    plain = m.logical_or(m.equal(large, 0.0), m.isinf(large))
    ratio = small / m.where(plain, 1.0, large)
    return m.where(plain, large, large * m.sqrt(1.0 + ratio * ratio))


def logaddexp(m: Carrier, x: Value, y: Value) -> Value:
    large = m.maximum(x, y)
    return m.where(m.isinf(large), large, large + m.log1p(m.exp(-m.absolute(x - y))))


def logaddexp2(m: Carrier, x: Value, y: Value) -> Value:
    large = m.maximum(x, y)
    return m.where(m.isinf(large), large, large + m.log1p(m.exp2(-m.absolute(x - y))) / math.log(2.0))


def logsumexp(m: Carrier, x: Value, *b: Value, axis: Value, keepdims: bool) -> Value:
    """With the largest taken out, where it is finite."""
    top = m.max(x, axis=axis, keepdims=True)
    top = m.where(m.isfinite(top), top, 0.0)
    terms = m.exp(x - top)
    y = m.log(m.sum(m.multiply(b[0], terms) if b else terms, axis=axis, keepdims=True)) + top
    if keepdims:
        return y
    gone = range(m.ndim(y)) if axis is None else [a % m.ndim(y) for a in ((axis,) if isinstance(axis, int) else axis)]
    return m.reshape(y, shape=tuple(n for k, n in enumerate(m.shape(y)) if k not in gone))


def turned(m: Carrier, x: Value, y: Value) -> tuple[Value, Value]:
    """The remainder with the sign of x, which is exact, and whether that of y has another."""
    r = m.fmod(x, y)
    return r, m.logical_and(m.not_equal(r, 0.0), m.not_equal(m.less(y, 0.0), m.less(r, 0.0)))


def remainder(m: Carrier, x: Value, y: Value) -> Value:
    """Not by floor(x / y), which is one too many where the quotient rounds up to an integer."""
    if m.dtype(x).kind != "f" and m.dtype(y).kind != "f":
        return x - y * m.floor(x / y)
    r, other = turned(m, x, y)
    return m.where(other, r + y, r)


def floor_divide(m: Carrier, x: Value, y: Value) -> Value:
    if m.dtype(x).kind != "f" and m.dtype(y).kind != "f":
        return m.floor(x / y)
    r, other = turned(m, x, y)
    whole = m.rint((x - r) / y)
    return m.where(m.equal(y, 0.0), x / y, m.where(other, whole - 1.0, whole))


def sinc(m: Carrier, x: Value) -> Value:
    none = m.equal(x, 0.0)
    t = m.where(none, 1.0, x)
    return m.where(none, 1.0, m.sinpi(t) / (math.pi * t))


def ldexp(m: Carrier, x: Value, n: Value) -> Value:
    """Times the power of two in halves, so that neither overflows where the result does not."""
    whole = m.astype(n, dtype=m.dtype(x) if m.dtype(x).kind == "f" else float)
    half = m.floor(0.5 * whole)
    return x * m.exp2(half) * m.exp2(whole - half)


def log_ndtr(m: Carrier, x: Value) -> Value:
    """log(1 - Q) right of -1; left of it by the scaled complement, which does not underflow."""
    right, root = m.greater(x, -1.0), math.sqrt(2.0)
    a, b = m.where(right, x, 0.0), m.where(right, -1.0, x)
    far = m.log(m.erfcx(-b / root) / 2.0) - b * b / 2.0
    return m.where(right, m.log1p(-m.erfc(a / root) / 2.0), far)


UNREADABLE = frozenset((rows.qr, rows.erfcx))  # whose programs ask NumPy for numbers, or overflow
MOVERS = frozenset((rows.fliplr, rows.flipud, rows.rot90))
REWRITTEN: dict[Primitive, Rule] = {
    rows.convolve: convolved,
    rows.isclose: close,
    rows.direction: direction,
    rows.exprel: exprel,
    rows.hypot: hypot,
    rows.log_ndtr: log_ndtr,
    rows.logaddexp: logaddexp,
    rows.logaddexp2: logaddexp2,
    rows.logsumexp: logsumexp,
    rows.remainder: remainder,
    rows.floor_divide: floor_divide,
    rows.sinc: sinc,
    rows.ldexp: ldexp,
    rows.append: lambda m, *xs, axis: m.concatenate(*xs, axis=axis),
    rows.without_ignored: lambda m, x, labels, *, ignore_index: m.where(m.equal(labels, ignore_index), 0.0 * x, x),
    rows.class_labels: lambda m, labels, *, what, count, ignore_index: (
        labels if ignore_index is None else m.where(m.equal(labels, ignore_index), 0 * labels, labels)
    ),
    rows.isposinf: lambda m, x: m.logical_and(m.isinf(x), m.greater(x, 0)),
    rows.isneginf: lambda m, x: m.logical_and(m.isinf(x), m.less(x, 0)),
    rows.isfinite: lambda m, x: m.logical_not(m.logical_or(m.isnan(x), m.isinf(x))),
}


def expanded(graph: Graph, values: Iterable[Value], known: Known) -> Graph:
    """The graph at these inputs, in rows that are known; what is unknown and has no program stays as it is."""
    m = Expanding(known)
    with Tape() as (tape, operations), np.errstate(all="ignore"):
        inputs = [tape.input(np.asarray(x)[()], n.name) for n, x in zip(graph.inputs, values)]
        env = m.run(graph, inputs)
        outputs = tape.kept([env[y] for y in graph.outputs])
        found = graph_of(operations, inputs, outputs, tape.guards, rebuild=graph.rebuild, flatten=graph.flatten_inputs)
    if any(not isinstance(seen, SeenShape) for _, seen in [*graph.guards, *found.guards]):
        raise UnsupportedError(OTHER_BRANCH)
    found.guards = []
    return dead_nodes(common_subexpressions(constants(dead_nodes(found))))


def graph_at(f: Function | Graph, examples: tuple[Tree, ...], what: str) -> tuple[Graph, list[Value]]:
    """The graph of f at the examples, and the values of its inputs; of a graph without examples, at its own shapes."""
    if not isinstance(f, Graph):
        if not callable(f):
            raise InputError(f"{what}: {f!r:.80} is neither a function nor a graph; dl.parse reads text")
        if not examples:
            raise InputError(f"{what}: a function needs examples of its arguments, for their shapes: {what}(f, x)")
        graph, _ = record(f, *examples)
    else:
        graph = f
    values = graph.bind(examples, {}) if examples else [example_of(x, what) for x in graph.inputs]
    return graph, values


def example_of(node: Node, what: str) -> Value:
    """Numbers of an input's shape and dtype; of an unknown shape a single number."""
    shape = () if node.shape is None else node.shape
    dtype = np.dtype(float) if node.dtype is None else node.dtype
    return sample(shape, dtype)


def refused(target: str, rows_missing: Iterable[str]) -> UnsupportedError:
    """The error that names every operation that cannot be written, once, and how many nodes there are of it."""
    counted = Counter(rows_missing)
    named = ", ".join(f"{name} ({count})" if count > 1 else name for name, count in sorted(counted.items()))
    total = sum(counted.values())
    return UnsupportedError(f"{target} has no form for {total} operation{'s' * (total != 1)} of this graph: {named}")


def computed_in(node: Node) -> list[DType | None]:
    """For each operand the dtype that NumPy computes in, or None where the operand stays as it is."""
    row = node.primitive
    count = len(node.operands)
    if not (row.kind == "elementwise" or row.labels or row in JOINS or row is rows.solve) or row is rows.ldexp:
        return [None] * count
    skip = 1 if row is rows.where else 0
    common: DType = np.result_type(*[weak(x) for x in node.operands[skip:]])
    if node.dtype.kind in "fc" and common.kind in "biu":
        common = node.dtype
    return [None] * count if common.kind == "b" else [None] * skip + [common] * (count - skip)


def weak(x: Node) -> Value:
    """The dtype of a value; of Python's numbers, which take the dtype of what they meet, the number itself."""
    value = x.params.get("value") if x.primitive is rows.constant else None
    return value if isinstance(value, int | float | complex) and not hasattr(value, "dtype") else x.dtype
