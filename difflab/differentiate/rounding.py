"""How much rounding can explain: a first-order bound on the error of a gradient computed in floats.

Each operation of the backward graph (the forward pass is part of it) commits a rounding error of its own. To first
order an error in a value v moves a result g by dg/dv times it, and dg/dv is the adjoint of v in a reverse sweep over
the backward graph from g. The bound is the sum over all values of |dg/dv| times the largest rounding error of v
(N. J. Higham, "Accuracy and Stability of Numerical Algorithms", 2002, section 3; for automatic differentiation
A. Griewank and A. Walther, "Evaluating Derivatives", 2008, section 3.4).

What an operation's own error may be:

- rounded constants (pi, 1/3): half an ulp; the inputs are exact;
- an elementary function: ULPS of its value; a special function (SPECIAL_FLOPS or more): SPECIAL_ULPS of its value, and
  as if its operands were off by one ulp, since near its roots it has no relative accuracy (`difflab accuracy` measures
  at most 2.7 and 13 ulps away from roots);
- a sum of products: ULPS of the same sum of absolute values, times the square root of its length;
- a row with the fact "normwise" (linear algebra): as if its operands were off by n ulps of their largest entry;
- what moves or selects elements (no flops): none.

Composite rows and loops are taken apart into the operations that they run.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from ..errors import DifflabError, NoDerivativeError
from ..graph.graph import Graph
from ..graph.node import Node, NodeCarrier, Trace
from ..primitives import NUMPY, TABLE, Carrier, Primitive
from . import forward, reverse
from .passes import backward_graph
from .problem import Problem

ULPS, SPECIAL_ULPS, SPECIAL_FLOPS = 4.0, 16.0, 16.0
UNROLLED = 20_000  # flops of a loop up to which its steps are taken apart
VISITS = 40_000  # visits of nodes by sweeps, one for each entry; beyond, errors are drawn at random
SAMPLES, SPREAD = 8, 8.0
SHORT = 2.0**20  # constants that are whole multiples of 1/SHORT (0.5, 3, 1e9) are meant as they are


@dataclass
class Rounding:
    """First-order bounds on the rounding error of a function's value and of each entry of its gradient."""

    value: float = np.inf
    gradient: dict[str, Any] = field(default_factory=dict)


class Apart(NodeCarrier):
    """Records each operation that is run: composite rows and loops taken apart, rounded constants as inputs."""

    def __init__(self, trace: Trace, rounded: bool) -> None:
        self.trace, self.rounded = trace, rounded

    def function(self, row: Primitive) -> Any:
        if row.name == "constant":
            return lambda **params: self.constant(row.evaluate(**params))
        loop = row.kind == "custom" and TABLE.get(row.name) is not row and row.flops <= UNROLLED
        if row.value is not None and (loop or row.kind == "composite"):
            return partial(row.value, self)
        return super().function(row)

    def constant(self, value: Any) -> Any:
        """A number with a long fractional part may stand for one that no float holds."""
        if not self.rounded or Carrier.dtype(value).kind != "f":
            return value
        scaled = np.asarray(value, dtype=float) * SHORT
        return value if np.all(np.rint(scaled) == scaled) else self.trace.input(np.asarray(value)[()])


class Record:
    """A graph's run at a point with the rounding error of every operation."""

    def __init__(self, graph: Graph, values: list[Any], rounded: bool = True) -> None:
        trace = Trace()
        inputs = [trace.input(x) for x in values]
        given = set(inputs)  # a node is its own key
        env = graph.evaluate(inputs, Apart(trace, rounded))
        self.outputs = [env[y] for y in graph.outputs]
        self.nodes = trace.close()
        self.own: dict[Node, Any] = {}  # of the value
        self.inner: dict[tuple[Node, int], Any] = {}  # of an operand, as the operation sees it
        for node in self.nodes:
            if node.primitive.name == "input":
                self.own[node] = 0.0 if node in given else 0.5 * ulp(node.value) * np.abs(node.value)
            else:
                operands = [x.value if x.__class__ is Node else x for x in node.operands]
                self.own[node] = own_error(node, operands)
                for k, x in enumerate(node.operands):
                    if x.__class__ is Node and (error := operand_error(node.primitive, x.value)) is not None:
                        self.inner[node, k] = error

    def bounds(self, output: Any) -> Any:
        """A bound for each entry of an output."""
        found = np.zeros(Carrier.shape(output))
        if output.__class__ is not Node:
            return np.abs(found)[()]
        for index in np.ndindex(found.shape):
            seed = np.zeros(found.shape, output.dtype)
            seed[index] = 1
            found[index] = self.swept({output: seed[()]})
        return found[()]

    def swept(self, seeds: dict[Node, Any]) -> float:
        """The sum over all operations of sensitivity times error."""
        total = 0.0

        def observe(node: Node, position: int, upstream: Any, local: Any, downstream: Any) -> None:
            nonlocal total
            if (node, position) in self.inner:
                total += reach(downstream, self.inner[node, position])

        for node, adjoint in reverse.sweep(self.nodes, dict(seeds), False, observe).items():
            total += reach(adjoint, self.own[node])
        return total

    def sampled(self, outputs: list[Any], seed: int = 0) -> list[Any]:
        """Estimates of the bounds by forward sweeps with random errors in every operation, for many outputs at once."""
        random = np.random.default_rng(seed)
        largest = [np.zeros(Carrier.shape(y)) for y in outputs]
        for _ in range(SAMPLES):
            tangents = self.pushed(random)
            for k, y in enumerate(outputs):
                if y.__class__ is Node and y in tangents:
                    largest[k] = np.fmax(largest[k], SPREAD * np.abs(tangents[y]))
        return [x[()] for x in largest]

    def pushed(self, random: np.random.Generator) -> dict[Node, Any]:
        noise = lambda error, like: np.asarray(error) * random.standard_normal(np.shape(like))
        tangents: dict[Node, Any] = {}
        for node in self.nodes:
            tangent, operands = None, [x.value if x.__class__ is Node else x for x in node.operands]
            if node.primitive.differentiable and operands:
                ts = [tangents.get(x) if x.__class__ is Node else None for x in node.operands]
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


def reach(sensitivity: Any, error: Any) -> float:
    """sum |sensitivity| error; an operation without an error has none to pass on, however sensitive the result."""
    if isinstance(error, list):
        return sum(reach(s, e) for s, e in zip(sensitivity, error) if s is not None)
    with np.errstate(all="ignore"):
        terms = np.where(np.asarray(error) == 0, 0.0, np.abs(sensitivity) * error)
    return float(np.sum(np.broadcast_to(terms, np.shape(sensitivity))))


def ulp(x: Any) -> float:
    dtype = Carrier.dtype(x)
    return float(np.finfo(dtype).eps) if dtype.kind in "fc" else 0.0


def own_error(node: Node, operands: list[Any]) -> Any:
    """The largest rounding error of an operation in its result, given exact operands."""
    row: Any = node.primitive
    if isinstance(node.value, tuple):
        return [ULPS * ulp(y) * np.max(np.abs(y), initial=0.0) for y in node.value]
    y, unit = node.value, ulp(node.value)
    if not unit or (row.flops == 0 and row.name != "astype"):
        return 0.0
    floor = float(np.finfo(Carrier.dtype(y)).smallest_subnormal)
    size = np.abs(y)
    if row.kind == "elementwise":
        return (SPECIAL_ULPS if row.flops >= SPECIAL_FLOPS else ULPS) * (unit * size + floor)
    if row.kind == "linear":
        size = np.maximum(size, sum_of_sizes(row, node, operands))
    longest = max([Carrier.size(x) for x in operands], default=1)
    return ULPS * max(1.0, np.sqrt(max(longest, row.flops if TABLE.get(row.name) is not row else 1))) * (
        unit * size + floor
    )


def sum_of_sizes(row: Any, node: Node, operands: list[Any]) -> Any:
    """A linear row on the absolute values of its operands; the largest entry of that where it turns phases (fft)."""
    sizes = [x if k in row.fixed or not ulp(x) else np.abs(x) for k, x in enumerate(operands)]
    found = np.abs(NUMPY.of(row)(*sizes, **node.params))
    turns = any(Carrier.dtype(x).kind == "c" for x in (node.value, *operands))
    return np.max(found, initial=0.0) if turns else found


def operand_error(row: Primitive, x: Any) -> Any:
    """How far off an operation may take an operand to be."""
    if isinstance(x, tuple) or not ulp(x):
        return None
    if "normwise" in row.facts:
        return ULPS * max(1, np.shape(x)[-1] if np.ndim(x) else 1) * ulp(x) * np.max(np.abs(x), initial=0.0)
    if row.kind == "custom" or (row.kind == "elementwise" and row.flops >= SPECIAL_FLOPS):
        return ulp(x) * np.abs(x)
    return None


def output_bounds(graph: Graph, values: list[Any], outputs: list[int] | None = None) -> list[Any]:
    """Bounds on the rounding errors of a graph's outputs (all, or those at the given positions) at a point."""
    chosen = range(len(graph.outputs)) if outputs is None else outputs
    with np.errstate(all="ignore"):
        try:
            return bounds(Record(graph, values), chosen)
        except NoDerivativeError:  # by a constant, such as the order of a Bessel function
            return bounds(Record(graph, values, rounded=False), chosen)


def bounds(record: Record, chosen: Iterable[int]) -> list[Any]:
    outputs = [record.outputs[k] for k in chosen]
    visits = len(record.nodes) * sum(Carrier.size(y) for y in outputs)
    return [record.bounds(y) for y in outputs] if visits <= VISITS else record.sampled(outputs)


def gradient_rounding(problem: Problem) -> Rounding:
    """Bounds for a function's value and gradient at a point; infinite where the rows have no second derivatives."""
    examples = {str(n): x for n, x in zip(problem.names, problem.values)}
    try:
        with np.errstate(all="ignore"):
            backward = backward_graph(problem.graph, **examples)
        found = output_bounds(backward, list(problem.values), [0, *[1 + k for k in problem.places]])
    except (DifflabError, ArithmeticError, np.linalg.LinAlgError, NotImplementedError):
        return Rounding(gradient={n: np.full(np.shape(x), np.inf)[()] for n, x in zip(problem.names, problem.values)})
    gradient = {n: np.zeros(np.shape(x))[()] for n, x in zip(problem.names, problem.values)}
    gradient.update(zip(problem.wrt, found[1:]))
    return Rounding(float(found[0]), gradient)


__all__ = ["Rounding", "gradient_rounding", "output_bounds"]
