"""The numbers that constants in derivative rules were rounded from, for backward graphs on balls.

A rule says LN2 or 1/n as a double, which is right in floating point and wrong by half an ulp in a proof. A double that
is in the function's own graph is what it is; the same double in its backward graph alone comes from a rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from flint import arb, fmpq

from ..graph.graph import Graph
from ..types import Value

LARGEST_DENOMINATOR = 10**9
NUMERATORS = (1, 2, 3)
FORMULAS: tuple[Callable[[], Value], ...] = (
    lambda: arb(2).log(),
    lambda: 1 / arb(2).log(),
    lambda: arb(10).log(),
    lambda: 1 / arb(10).log(),
    arb.pi,
    lambda: 1 / arb.pi(),
    lambda: arb.pi() / 180,
    lambda: 180 / arb.pi(),
    lambda: 2 / arb.pi().sqrt(),
    lambda: arb.pi().sqrt() / 2,
    lambda: (2 * arb.pi()).sqrt(),
    lambda: (2 / arb.pi()).sqrt(),
    lambda: 2 * (2 / arb.pi()).sqrt(),
    lambda: (arb(1) / 2).sqrt(),
)


def rounded_constants(function: Graph, backward: Graph) -> dict[float, Callable[[], Value]]:
    """For each double of the backward graph that only a rule can have put there: the number it was rounded from."""
    own = set(doubles(function))
    named = {float(formula().mid()): formula for formula in FORMULAS}
    found: dict[float, Callable[[], Value]] = {}
    for value in set(doubles(backward)) - own:
        exact = named.get(value) or negative_of(named.get(-value)) or simple_fraction(value)
        if exact is not None:
            found[value] = exact
    return found


def doubles(graph: Graph) -> Iterator[float]:
    """The floats among a graph's constants and parameters."""
    for node in graph.order:
        for value in node.params.values():
            if isinstance(value, float | np.floating):
                yield float(value)
            elif isinstance(value, np.ndarray) and value.dtype.kind == "f":  # a constant times a seed of ones
                yield from np.unique(value).tolist()


def negative_of(formula: Callable[[], Value] | None) -> Callable[[], Value] | None:
    return None if formula is None else lambda: -formula()


def quotient(k: int, n: int) -> arb:
    return arb(fmpq(k, n))


def simple_fraction(value: float) -> Callable[[], Value] | None:
    """k/n with a small k for the double nearest to it, as in the rules of mean and variance."""
    for k in NUMERATORS:
        n = round(k / value) if 0 < abs(value) < 1 and abs(k / value) <= LARGEST_DENOMINATOR else 0
        if n and k / n == value:
            return partial(quotient, k, n)
    return None
