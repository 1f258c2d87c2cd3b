"""Loops and branches that hold graphs, as JAX's own: their bodies are lowered once, whatever the number of steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ...graph.graph import Graph
from ...types import Value
from .carrier import jax, run


class Body(Protocol):
    """A function that was traced once; its graph takes the captured values first."""

    graph: Graph


def scan(body: Body, a: int, b: int, count: int, reverse: bool, *xs: Value) -> tuple[Value, ...]:
    """The last carry, the ys, and each step's carry: of operands that are captured, carry and slices."""
    captured, carry, slices = list(xs[:a]), list(xs[a:b]), list(xs[b:])
    n = len(carry)

    def step(before: list[Value], x: list[Value]) -> tuple[list[Value], list[Value]]:
        found = run(body.graph, [*captured, *before, *x])
        return found[:n], [*found[n:], *before]

    last, stacked = jax().lax.scan(step, arrays(carry), slices, length=count, reverse=reverse)
    return (*last, *stacked)


def while_loop(test: Body, body: Body, a: int, b: int, *xs: Value) -> tuple[Value, ...]:
    """The last value, and the number of steps."""
    lax, numpy = jax().lax, jax().numpy
    of_test, of_body = list(xs[:a]), list(xs[a:b])
    go_on = lambda state: run(test.graph, [*of_test, *state[0]])[0].astype(bool)
    ahead = lambda state: (run(body.graph, [*of_body, *state[0]]), state[1] + 1)
    found, count = lax.while_loop(go_on, ahead, (arrays(list(xs[b:])), numpy.asarray(0, "int64")))
    return (*found, count)


def cond(branches: Sequence[Body], part: Value, *xs: Value) -> Value:
    """The results of the chosen branch; `part(xs, which)` are its operands."""
    ways = [lambda xs, k=k: run(branches[k].graph, part(xs, k)) for k in (1, 0)]
    found = jax().lax.cond(jax().numpy.asarray(xs[0]).astype(bool), *ways, list(xs))
    return tuple(found) if len(found) != 1 else found[0]


def arrays(values: list[Value]) -> list[Value]:
    """As JAX's arrays, so that what comes round has the type of what went in."""
    return [jax().numpy.asarray(x) for x in values]
