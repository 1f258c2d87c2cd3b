"""A framework's program, operation by operation: what each computes, and the derivative that its own rule gives."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from ...graph.graph import Graph
from ...graph.node_carrier import NODE
from ...graph.traced import holds_traced
from ...primitives import NUMPY, rows
from ...types import Array, Value

WEIGHTS = np.outer([1.0, -1.0], [0.25, 0.5, 1.0, 2.0, 4.0]).ravel()  # among ten in a row all are different


@dataclass(frozen=True, eq=False)
class Step:
    """One operation at the values that it was given.

    `moving` are its operands of floats, as arrays; `outputs` the shapes of its results of floats; `pull` takes weights
    for these and gives the derivatives by `moving` that the framework's own rule makes; `graph` records what it
    computes. `inner` are the operations in it, where it is a loop or branch.
    """

    name: str
    source: str
    moving: dict[str, Array]
    shapes: list[tuple[int, ...]]
    pull: Callable[[list[Array]], list[Array]]
    graph: Callable[[], Graph]
    inner: Callable[[], Iterator[Iterator[Step]]] | None = None

    def weights(self, graph: Graph) -> list[Array]:
        """Ones for what goes on in each entry for itself; else powers of two, which round nothing."""
        shapes = {x.shape for x in self.moving.values()} | set(self.shapes)
        if len(shapes) == 1 and all(elementwise(node.primitive) for node in graph.operations):
            return [np.ones(shape) for shape in self.shapes]
        return powers_of_two(self.shapes)


def powers_of_two(shapes: list[tuple[int, ...]]) -> list[Array]:
    """Weights that round nothing; 1 for a single number.

    They have both signs and no period: a rule that mixes up the entries along an axis, or takes an incoming gradient
    without its sign, has to show.
    """
    sizes = [math.prod(shape) for shape in shapes]
    if sum(sizes) == 1:
        return [np.ones(shape) for shape in shapes]
    rows = np.tile(WEIGHTS, (sum(sizes) // len(WEIGHTS) + 1, 1))
    drawn = np.random.default_rng(0).permuted(rows, axis=1).ravel()
    ends = np.cumsum(sizes)
    return [drawn[end - size : end].reshape(shape) for end, size, shape in zip(ends, sizes, shapes)]


def elementwise(row: Any) -> bool:
    return row.kind == "elementwise" or row in (rows.astype, rows.constant, rows.where)


def results_of(graph: Graph, values: list[Value]) -> list[Value]:
    """The graph's results that are floats, at values of all its inputs, traced ones as well."""
    env = graph.evaluate(values, NODE if holds_traced(values) else NUMPY)
    return [env[y] for y in graph.outputs if np.dtype(env[y].dtype).kind == "f"]


def weighted(graph: Graph, weights: list[Array], fixed: dict[int, Value] | None = None) -> Callable[..., Value]:
    """The graph's results times weights, summed, as a function of the inputs that are not fixed."""
    fixed = fixed or {}

    def f(*xs: Value) -> Value:
        rest = iter(xs)
        found = results_of(graph, [fixed[k] if k in fixed else next(rest) for k in range(len(graph.inputs))])
        terms = [np.sum(y * w.astype(y.dtype)) for w, y in zip(weights, found)]
        return reduce(np.add, terms)

    return f


def total(weights: list[Array], results: list[Array]) -> float:
    """The sum of the results times their weights, in double precision."""
    return float(sum(np.sum(w * y.astype(float)) for w, y in zip(weights, results)))
