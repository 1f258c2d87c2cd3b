"""Functions of a number of steps that is only known when the program runs: reverse mode of a loop in another's body.

There the inner loop takes another number of steps each time. One node stands for all of them: it holds the function
of that number, and traces it when a number is met for the first time. Its derivatives are such nodes again.
"""

from __future__ import annotations

import operator

import numpy as np

from ..compile.xla import control as xla
from ..graph.traced import Traced, apply
from ..primitives import NUMPY, Carrier
from ..types import Function, Value
from .closed import Closed, control_row, plain
from .control_flow import active, filled
from .transform import jvp, vjp, zeros

KEPT = 256  # numbers of steps for which a node keeps the traced function


class Lengths:
    """The rules of one node: `g(n, *xs)` gives a tuple of arrays, n being its first operand."""

    def __init__(self, g: Function, examples: list[Value]) -> None:
        self.g = g
        self.examples = examples
        self.known: dict[int, Closed] = {}

    def at(self, count: Value) -> Closed:
        n = operator.index(plain(count))
        found = self.known.get(n)
        if found is None:
            with np.errstate(all="ignore"):
                found = Closed("while_loop", self.g, self.examples, lambda xs: self.g(n, *xs))
            while len(self.known) >= KEPT:
                self.known.pop(next(iter(self.known)), None)
            self.known[n] = found
        return found

    def value(self, m: Carrier, count: Value, *xs: Value) -> Value:
        body = self.at(count)
        found = body.run(list(xs)) if m is NUMPY else body(m, list(xs))
        return tuple(found)

    def pull(self, m: Carrier, ct: list[Value], y: Value, count: Value, *xs: Value) -> list[Value]:
        on = active(list(xs))

        def back(n: int, *both: Value) -> tuple[Value, ...]:
            values, cts = list(both[: len(xs)]), both[len(xs) :]
            f = lambda *chosen: self.g(n, *filled(values, on, chosen))
            return tuple(vjp(f, *[values[k] for k in on])[1](tuple(cts)))

        return [None, *filled([None] * len(xs), on, counted(back, count, [*xs, *ct]))]

    def push(self, m: Carrier, ts: list[Value], y: Value, count: Value, *xs: Value) -> Value:
        on = active(list(xs))

        def ahead(n: int, *both: Value) -> tuple[Value, ...]:
            values, tangents = list(both[: len(xs)]), both[len(xs) :]
            f = lambda *chosen: self.g(n, *filled(values, on, chosen))
            return tuple(jvp(f, tuple(values[k] for k in on), tuple(tangents))[1])

        return counted(ahead, count, [*xs, *[zeros(xs[k]) if ts[k + 1] is None else ts[k + 1] for k in on]])


def counted(g: Function, count: Value, xs: list[Value]) -> tuple[Value, ...]:
    """`g(count, *xs)`, a tuple of arrays; as one node where the number of steps is traced."""
    if count.__class__ is not Traced:
        return tuple(g(operator.index(count), *xs))
    rules = Lengths(g, [plain(x) for x in xs])
    row = control_row("steps", rules.value, rules.pull, rules.push, steps=rules, jax=xla.unknown_length)
    return tuple(apply(row, (count, *xs)))
