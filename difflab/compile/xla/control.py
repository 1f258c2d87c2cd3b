"""Loops and branches that hold graphs, as JAX's own: their bodies are lowered once, whatever the number of steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ...errors import UnsupportedError
from ...graph.graph import Graph
from ...types import Value
from .carrier import jax, run


class Body(Protocol):
    """A function that was traced once; its graph takes the captured values first."""

    graph: Graph


def outputs(name: str, body: Body, values: list[Value]) -> list[Value]:
    """The body's outputs. What Python decided by a value, at one step of many, is not theirs to decide."""
    if body.graph.guards:
        raise UnsupportedError(
            f"{name}: its function looks at values (an if, a mask, or reverse mode through a dl.while_loop); "
            "use dl.cond, np.where or forward mode"
        )
    return run(body.graph, values)


def scan(body: Body, a: int, b: int, count: int, reverse: bool, *xs: Value) -> tuple[Value, ...]:
    """The last carry, the ys, and each step's carry: of operands that are captured, carry and slices."""
    captured, carry, slices = list(xs[:a]), list(xs[a:b]), list(xs[b:])
    n = len(carry)

    def step(before: list[Value], x: list[Value]) -> tuple[list[Value], list[Value]]:
        found = outputs("scan", body, [*captured, *before, *x])
        return found[:n], [*found[n:], *before]

    last, stacked = jax().lax.scan(step, arrays(carry), slices, length=count, reverse=reverse)
    return (*last, *stacked)


def while_loop(test: Body, body: Body, a: int, b: int, *xs: Value) -> tuple[Value, ...]:
    """The last value, and the number of steps."""
    lax, numpy = jax().lax, jax().numpy
    of_test, of_body = list(xs[:a]), list(xs[a:b])
    go_on = lambda state: outputs("while_loop", test, [*of_test, *state[0]])[0].astype(bool)
    ahead = lambda state: (outputs("while_loop", body, [*of_body, *state[0]]), state[1] + 1)
    found, count = lax.while_loop(go_on, ahead, (arrays(list(xs[b:])), numpy.asarray(0, "int64")))
    return (*found, count)


def cond(branches: Sequence[Body], part: Value, *xs: Value) -> Value:
    """The results of the chosen branch; `part(xs, which)` are its operands."""
    ways = [lambda xs, k=k: outputs("cond", branches[k], part(xs, k)) for k in (1, 0)]
    found = jax().lax.cond(jax().numpy.asarray(xs[0]).astype(bool), *ways, list(xs))
    return tuple(found) if len(found) != 1 else found[0]


def arrays(values: list[Value]) -> list[Value]:
    """As JAX's arrays, so that what comes round has the type of what went in."""
    return [jax().numpy.asarray(x) for x in values]
