"""How much rounding can explain: a first-order bound on the error of a gradient computed in floats.

Each operation of the backward graph (the forward pass is part of it) commits a rounding error of its own. To first
order an error in a value v moves a result g by dg/dv times it, and dg/dv is the adjoint of v in a reverse sweep over
the backward graph from g. The bound is the sum over all values of |dg/dv| times the largest rounding error of v
(N. J. Higham, "Accuracy and Stability of Numerical Algorithms", 2002, section 3; for automatic differentiation
A. Griewank and A. Walther, "Evaluating Derivatives", 2008, section 3.4).

What an operation's own error may be:

- constants that no float holds (pi, 1/3): half an ulp, and what a Python number loses in the inputs' dtype (0.1 beside
  float32), or an array that the function converts to it; the inputs are exact;
- an elementary function: ULPS of its value; a special function (SPECIAL_FLOPS or more): SPECIAL_ULPS of its value, and
  as if its operands were off by one ulp, since near its roots it has no relative accuracy (`difflab accuracy` measures
  at most 2.7 and 13 ulps away from roots); Bessel functions of real order and their like (HARD_FLOPS), of which SciPy
  knows 13 digits, eight times that;
- a sum of products: ULPS of the same sum of absolute values, times the square root of its length;
- a row with the fact "normwise" (linear algebra): as if its operands were off by n ulps of their largest entry;
- what is found by iteration (`tolerance` in the row's spelling): ITERATED times that tolerance, of 1 + |value|;
- what moves or selects elements (no flops): none.

Composite rows and loops are taken apart into the operations that they run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from ..errors import DifflabError
from ..graph.graph import Graph
from ..graph.node import Node
from ..graph.node_carrier import NodeCarrier
from ..graph.recording import Tape
from ..graph.traced import Traced
from ..primitives import NUMPY, Carrier, Linear, Primitive, rows
from ..primitives.quotient import Exact
from ..types import DType, Function, Value
from . import forward, reverse
from .problem import Problem
from .transform import Recording

ULPS, SPECIAL_ULPS, SPECIAL_FLOPS, HARD, HARD_FLOPS = 4.0, 16.0, 16.0, 8.0, 100.0
ITERATED = 10.0
UNROLLED = 20_000  # flops of a loop up to which its steps are taken apart
VISITS = 40_000  # visits of nodes by sweeps, one for each entry; beyond, errors are drawn at random
SAMPLES, SPREAD = 8, 8.0
SHORT = 2.0**20  # a whole multiple of 1/SHORT (0.5, 3, 1e9) is not the rounded result of arithmetic


@dataclass
class Rounding:
    """First-order bounds on the rounding error of a function's value and of each entry of its gradient.

    `constants` is the part of that which rounded constants, and what is computed from constants alone, contribute: a
    difference of the function in floats has that error too.
    """

    value: float = np.inf
    gradient: dict[str, Value] = field(default_factory=dict)
    constants: dict[str, Value] = field(default_factory=dict)


class Apart(NodeCarrier):
    """Records each operation that is run: composite rows and loops taken apart, rounded constants as inputs."""

    def __init__(self, record: Record) -> None:
        self.record = record

    def function(self, row: Primitive) -> Value:
        if row is rows.constant:
            return lambda *, value: self.record.constant(value)
        if row.value is not None and row.kind == "composite":
            return partial(row.value, self)
        whole = super().function(row)
        program = row.value
        if program is None or row.listed or row.flops > UNROLLED:
            return whole

        def steps(*operands: Value, **params: Value) -> Value:
            try:
                return program(self, *operands, **params)
            except (DifflabError, TypeError, ValueError):  # it computes on plain numbers only
                return whole(*operands, **params)

        return steps


class Record:
    """A computation at a point, one operation after the other, with the rounding error of each."""

    narrow: DType
    tape: Tape
    operations: list[Traced]
    moving: set[Traced]
    outputs: list[Value]

    def __init__(self, values: list[Value], compute: Callable[..., list[Value]], constants: float) -> None:
        """Runs `compute(carrier, nodes)`. `constants`: the ulps by which constants may be off; 0 for none of them."""
        self.constants = constants
        self.own: dict[Traced, Value] = {}  # errors of values
        self.inner: dict[tuple[Traced, int], Value] = {}  # errors of operands, as the operation sees them
        self.known: dict[Value, Value] = {}
        self.narrow = narrowest(values)
        with Tape() as (self.tape, self.operations):
            inputs = [self.tape.input(x) for x in values]
            self.moving = set(inputs)
            self.own.update(dict.fromkeys(inputs, 0.0))
            self.outputs = compute(Apart(self), inputs)
        for node in self.operations:
            if node.primitive is rows.input:
                continue
            if any(x in self.moving for x in node.operands if x.__class__ is Traced):
                self.moving.add(node)
            operands, _ = self.tape.read(node.operands)
            self.own[node] = own_error(node, operands)
            for k, x in enumerate(node.operands):
                if x.__class__ is Traced and (error := operand_error(node.primitive, x.value)) is not None:
                    self.inner[node, k] = error

    def constant(self, value: Value, seen: bool = False) -> Value:
        """A constant: as an input, with an error where no float holds it (or it is the result of unseen arithmetic).

        `seen`: an input in any case, so that what is computed from it is recorded.
        """
        weak = isinstance(value, int | float) and not isinstance(value, np.generic)  # it takes the others' dtype
        plain: Value = np.asarray(value)[()]
        if not self.constants or plain.dtype.kind not in "iuf" or (plain.dtype.kind != "f" and not seen):
            return value if weak else plain
        with np.errstate(all="ignore"):
            plain = plain.astype(self.narrow if weak else plain.dtype if plain.dtype.kind == "f" else np.float64)
        error = abs(value - float(plain)) if weak and np.isfinite(plain) else 0.0
        scaled = plain * SHORT
        short = np.rint(scaled) == scaled
        exact = not isinstance(value, Exact) if self.constants < 1 else np.all(short)
        if not weak and plain.dtype == self.narrow != np.dtype(float):  # as `w.astype(x.dtype)` rounds it
            error = np.where(short, 0.0, 0.5 * ulp(plain) * np.abs(plain))
        if exact and not np.any(error) and not seen:
            return value if weak else plain
        node = self.known.get(id(value))
        if node is None:
            node = self.known[id(value)] = self.tape.input(plain)
            self.own[node] = error if exact else np.maximum(error, self.constants * ulp(plain) * np.abs(plain))
        return node

    def seed(self, dtype: DType) -> Value:
        """The 1 that a sweep begins with, as an input, so that all of the sweep is recorded."""
        node = self.tape.input(np.ones((), dtype)[()])
        self.own[node] = 0.0
        self.moving.add(node)
        return node

    def run(self, graph: Graph, xs: list[Value], m: Apart) -> Value:
        """A graph's output; what it computes from constants alone is recorded too."""
        feeding = constants_of_constants(graph) if self.constants else []
        whole = Graph(order=list(graph.order), inputs=[*graph.inputs, *feeding], outputs=graph.outputs)
        values = [self.constant(n.params["value"], seen=True) for n in feeding]
        return whole.evaluate([*xs, *values], m)[graph.outputs[0]]

    def bounds(self, output: Value) -> tuple[Value, Value]:
        """For each entry of an output the bound, and the part of it that comes from constants."""
        found, fixed = np.zeros(Carrier.shape(output)), np.zeros(Carrier.shape(output))
        if output.__class__ is Traced:
            for index in np.ndindex(found.shape):
                seed = np.zeros(found.shape, output.dtype)
                seed[index] = 1
                found[index], fixed[index] = self.swept({output: seed[()]})
        return found[()], fixed[()]

    def swept(self, seeds: dict[Traced, Value]) -> tuple[float, float]:
        """The sum over all operations of sensitivity times error, and that over those that no input moves."""
        total = fixed = 0.0

        def observe(node: Traced, position: int, upstream: Value, local: Value, downstream: Value) -> None:
            nonlocal total
            if (node, position) in self.inner:
                total += reach(downstream, self.inner[node, position])

        for node, adjoint in reverse.sweep(self.operations, dict(seeds), False, observe).items():
            error = reach(adjoint, self.own[node])
            total += error
            fixed += 0.0 if node in self.moving else error
        return total, fixed

    def sampled(self, outputs: list[Value], seed: int = 0) -> list[tuple[Value, Value]]:
        """Estimates of the bounds by forward sweeps with random errors in every operation, for many outputs at once."""
        random = np.random.default_rng(seed)
        largest = [np.zeros(Carrier.shape(y)) for y in outputs]
        for _ in range(SAMPLES):
            tangents = self.pushed(random)
            for k, y in enumerate(outputs):
                if y.__class__ is Traced and y in tangents:
                    largest[k] = np.fmax(largest[k], SPREAD * np.abs(tangents[y]))
        return [(x[()], np.zeros(x.shape)[()]) for x in largest]

    def pushed(self, random: np.random.Generator) -> dict[Traced, Value]:
        noise: Function = lambda error, like: np.asarray(error) * random.standard_normal(np.shape(like))
        tangents: dict[Traced, Value] = {}
        for node in self.operations:
            tangent, (operands, _) = None, self.tape.read(node.operands)
            if node.primitive.differentiable and operands:
                ts = [tangents.get(x) if x.__class__ is Traced else None for x in node.operands]
                for k, x in enumerate(operands):
                    if (node, k) in self.inner:
                        ts[k] = noise(self.inner[node, k], x) + (0.0 if ts[k] is None else ts[k])
                if any(t is not None for t in ts):
                    tangent = forward.PUSHFORWARDS[node.primitive.kind](NUMPY, node, ts, operands)
                    tangent = None if tangent is None else forward.fit(NUMPY, tangent, node.value)
            if isinstance(node.value, tuple):
                if tangent is not None:
                    tangents[node] = tangent
            elif np.any(self.own[node]) or tangent is not None:
                tangents[node] = noise(self.own[node], node.value) + (0.0 if tangent is None else tangent)
        return tangents


def narrowest(values: list[Value]) -> DType:
    """The smallest float dtype among the inputs, which a Python number beside them is rounded to."""
    return min((np.asarray(x).dtype for x in values if ulp(x)), key=lambda d: d.itemsize, default=np.dtype(float))


def reach(sensitivity: Value, error: Value) -> float:
    """sum |sensitivity| error; an operation without an error has none to pass on, however sensitive the result."""
    if isinstance(error, list):
        return sum(reach(s, e) for s, e in zip(sensitivity, error) if s is not None)
    with np.errstate(all="ignore"):
        terms = np.where(np.asarray(error) == 0, 0.0, np.abs(sensitivity) * error)
    return float(np.sum(np.broadcast_to(terms, np.shape(sensitivity))))


def ulp(x: Value) -> float:
    dtype = Carrier.dtype(x)
    return float(np.finfo(dtype).eps) if dtype.kind in "fc" else 0.0


def own_error(node: Traced, operands: list[Value]) -> Value:
    """The largest rounding error of an operation in its result, given exact operands."""
    row: Any = node.primitive
    if isinstance(node.value, tuple):
        return [ULPS * ulp(y) * np.max(np.abs(y), initial=0.0) for y in node.value]
    y, unit = node.value, ulp(node.value)
    if not unit or (row.flops == 0 and row is not rows.astype):
        return 0.0
    if "tolerance" in row.spelling:
        return ITERATED * row.spelling["tolerance"] * (1 + np.abs(y))
    floor = float(np.finfo(Carrier.dtype(y)).smallest_subnormal)
    size = np.abs(y)
    if row.kind == "elementwise":
        return (SPECIAL_ULPS * hardness(row) or ULPS) * (unit * size + floor)
    if row.kind == "linear":
        size = np.maximum(size, sum_of_sizes(row, node, operands))
    longest = max([Carrier.size(x) for x in operands], default=1)
    return ULPS * max(1.0, np.sqrt(max(longest, row.flops if not row.listed else 1))) * (unit * size + floor)


def sum_of_sizes(row: Linear, node: Traced, operands: list[Value]) -> Value:
    """A linear row on the absolute values of its operands; the largest entry of that where it turns phases (fft)."""
    sizes = [x if k in row.fixed or not ulp(x) else np.abs(x) for k, x in enumerate(operands)]
    found = np.abs(NUMPY.of(row)(*sizes, **node.params))
    turns = any(Carrier.dtype(x).kind == "c" for x in (node.value, *operands))
    return np.max(found, initial=0.0) if turns else found


def operand_error(row: Primitive, x: Value) -> Value:
    """How far off an operation may take an operand to be."""
    if isinstance(x, tuple) or not ulp(x):
        return None
    if "normwise" in row.facts:
        return ULPS * max(1, np.shape(x)[-1] if np.ndim(x) else 1) * ulp(x) * np.max(np.abs(x), initial=0.0)
    if row.kind == "elementwise":
        return hardness(row) * ulp(x) * np.abs(x) if hardness(row) else None
    return ulp(x) * np.abs(x) if row.kind == "custom" else None


def hardness(row: Primitive) -> float:
    """0 for elementary functions, 1 for special ones, HARD for those that are known to few digits."""
    return 0.0 if row.flops < SPECIAL_FLOPS else 1.0 if row.flops < HARD_FLOPS else HARD


def constants_of_constants(graph: Graph) -> list[Node]:
    """The constants from which alone something is computed, as sqrt(2) is."""
    fixed, feeding = set(), {}
    for node in graph.order:
        if node.primitive is rows.constant:
            fixed.add(node)
        elif node.operands and all(x in fixed for x in node.operands):
            fixed.add(node)
            feeding.update(dict.fromkeys(x for x in node.operands if x.primitive is rows.constant))
    return list(feeding)


def bounds(values: list[Value], compute: Callable[..., list[Value]], constants: float) -> list[tuple[Value, Value]]:
    """Bounds on the rounding errors of what `compute` returns."""
    with np.errstate(all="ignore"):
        try:
            record = Record(values, compute, constants)
            visits = len(record.operations) * sum(Carrier.size(y) for y in record.outputs)
            return [record.bounds(y) for y in record.outputs] if visits <= VISITS else record.sampled(record.outputs)
        except (DifflabError, TypeError):  # no derivative by a constant, or it must stay a whole number
            if not constants:
                raise
    return bounds(values, compute, 0.0)


def formula_rounding(graph: Graph, values: list[Value]) -> Value:
    """A bound on the rounding error of a formula's value; its constants may be results of rounded arithmetic."""
    return bounds(values, lambda m, xs: [m.record.run(graph, xs, m)], ULPS)[0][0]


def gradient_rounding(problem: Problem) -> Rounding:
    """Bounds for a function's value and gradient at a point; infinite where the rows have no second derivatives."""
    output, like = problem.graph.outputs[0], dict(zip(problem.names, problem.values))

    def compute(m: Carrier, xs: list[Value]) -> list[Value]:
        def f(*chosen: Value) -> Value:
            full = list(xs)
            for k, x in zip(problem.places, chosen):
                full[k] = x
            return m.record.run(problem.graph, full, m)

        recording = Recording("rounding", f, tuple(xs[k] for k in problem.places))
        return [recording.value, *recording.pull([m.record.seed(output.dtype)])]

    fill: Callable[[float], dict[str, Value]] = lambda x: {n: np.full(np.shape(v), x)[()] for n, v in like.items()}
    try:
        found = bounds(list(problem.values), compute, 0.5)
    except (DifflabError, ArithmeticError, TypeError, np.linalg.LinAlgError, NotImplementedError):
        return Rounding(np.inf, fill(np.inf), fill(0.0))
    result = Rounding(float(found[0][0]), fill(0.0), fill(0.0))
    result.gradient.update((n, bound) for n, (bound, _) in zip(problem.wrt, found[1:]))
    result.constants.update((n, fixed) for n, (_, fixed) in zip(problem.wrt, found[1:]))
    return result


__all__ = ["Rounding", "formula_rounding", "gradient_rounding"]
