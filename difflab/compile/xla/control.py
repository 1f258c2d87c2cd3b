"""Loops and branches that hold graphs, as JAX's own: their bodies are lowered once, whatever the number of steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from ...errors import UnsupportedError
from ...graph.graph import Graph
from ...types import Function, Value
from ..passes.pipeline import NUMPYS, optimise
from .carrier import jax, run
from .refusals import answered, asked, together
from .small import called


class Body(Protocol):
    """A function that was traced once; its graph takes the captured values first."""

    graph: Graph


def lowered(name: str, body: Body) -> Callable[[list[Value]], list[Value]]:
    """The body on JAX's arrays."""
    return partial(run, optimised(name, body))


def optimised(name: str, body: Body) -> Graph:
    """The body's graph behind difflab's passes: a loop in it that nobody reads is not even traced.

    What Python decided by a value would be decided for all steps, so it is refused.
    """
    if body.graph.guards:
        raise UnsupportedError(f"{name}: its function looks at values (an if or a mask); use dl.cond or np.where")
    return optimise(body.graph, NUMPYS)[0]


def scan(body: Body, a: int, b: int, count: int, reverse: bool, *xs: Value) -> tuple[Value, ...]:
    """The last carry, the ys, and each step's carry: of operands that are captured, carry and slices."""
    captured, carry, slices = list(xs[:a]), list(xs[a:b]), list(xs[b:])
    n, graph = len(carry), optimised("scan", body)
    outputs = partial(run, graph)

    def step(before: list[Value], x: list[Value]) -> tuple[list[Value], list[Value]]:
        with asked() as answers:
            found = outputs([*captured, *before, *x])
        return found[:n], [*found[n:], *before, together(answers)]

    def loop(start: tuple[list[Value], list[Value]]) -> tuple[list[Value], list[Value]]:
        found: tuple[list[Value], list[Value]] = jax().lax.scan(step, *start, length=count, reverse=reverse)
        return found

    last, (*stacked, fine) = called(loop, (arrays(carry), slices), [graph])
    answered(jax().numpy.all(fine))
    return (*last, *stacked)


def while_loop(test: Body, body: Body, a: int, b: int, *xs: Value) -> tuple[Value, ...]:
    """The last value, and the number of steps."""
    lax, numpy = jax().lax, jax().numpy
    of_test, of_body = list(xs[:a]), list(xs[a:b])
    graphs = optimised("while_loop", test), optimised("while_loop", body)
    condition, outputs = (partial(run, graph) for graph in graphs)

    def go_on(state: tuple[list[Value], Value, Value]) -> Value:
        with asked():  # a test has no place for an answer
            return condition([*of_test, *state[0]])[0].astype(bool)

    def ahead(state: tuple[list[Value], Value, Value]) -> tuple[list[Value], Value, Value]:
        with asked() as answers:
            found = outputs([*of_body, *state[0]])
        return found, state[1] + 1, state[2] & together(answers)

    start = arrays(list(xs[b:])), numpy.asarray(0, "int64"), numpy.asarray(True)
    found, count, fine = called(partial(lax.while_loop, go_on, ahead), start, graphs)
    answered(fine)
    return (*found, count)


def cond(branches: Sequence[Body], part: Value, *xs: Value) -> Value:
    """The results of the chosen branch; `part(xs, which)` are its operands."""
    bodies = [lowered("cond", body) for body in branches]

    def way(which: int) -> Function:
        def branch(xs: list[Value]) -> tuple[list[Value], Value]:
            with asked() as answers:
                found = bodies[which](part(xs, which))
            return found, together(answers)

        return branch

    found, fine = jax().lax.cond(jax().numpy.asarray(xs[0]).astype(bool), way(1), way(0), list(xs))
    answered(fine)
    return tuple(found) if len(found) != 1 else found[0]


def unknown_length(*xs: Value) -> Value:
    """Reverse mode of a loop in another's body."""
    raise UnsupportedError(
        "while_loop: reverse mode through a dl.while_loop in the body of another loop or branch takes room that "
        "depends on the number of steps, which XLA has not; use forward mode there, or dl.scan"
    )


def arrays(values: list[Value]) -> list[Value]:
    """As JAX's arrays, so that what comes round has the type of what went in."""
    return [jax().numpy.asarray(x) for x in values]
