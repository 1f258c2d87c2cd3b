"""Loops on NumPy: what stands around the bodies of `dl.scan` and `dl.while_loop`, so that a step costs its operations.

A loop over single float64 numbers is one Python function with the lines of test and body in it. A loop over arrays
calls their programs with nothing between, and what depends on nothing that changes is computed once, before the first
step. What looks at values (a Python `if`) is checked at each step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np

from ...graph.graph import Graph
from ...graph.node import Node
from ...graph.vertices import input_node
from ...primitives import rows
from ...types import Function, Value
from ..passes.rewriting import relinked
from ..write.loop_source import scan_text, while_text
from ..write.numpy_source import NumpySource
from ..write.scalar_source import FAILURES, SPACE, ScalarSource, is_of_numbers, is_test
from .compiled import Compiled

Checked = Callable[[list[Value]], list[Value]]  # a body with all checks


class StepSource(NumpySource):
    """A program whose results may be its inputs, uncopied: a loop's last values are copied once, at its end."""

    def result(self, y: Node, k: int) -> str:
        return self.names[y] if y.primitive is rows.input else super().result(y, k)


class HeadSource(NumpySource):
    """A program whose results nobody writes into, in a workspace for one run: they are handed over as they are."""

    def result(self, y: Node, k: int) -> str:
        return self.names[y]


class Body:
    """The program of one step. `begin` computes what is the same in all steps."""

    checked: Checked
    a: int
    graph: Graph
    head: list[Node]
    tail: Graph

    def __init__(self, program: Compiled, a: int, checked: Checked) -> None:
        self.checked = checked
        self.a, self.graph = a, program.graph
        if program.scalar and not program.guards:
            self.checked = on_floats(program.run, checked)
        self.direct: bool = False
        if program.scalar or program.guards:
            return
        arrays = program.arrays
        if not isinstance(arrays, NumpySource) or arrays.threaded:
            return
        self.direct = True
        self.head, self.tail = parted(program.graph, a) if not arrays.plan.regions else ([], program.graph)
        self.source: NumpySource = StepSource(self.tail)
        self.step: Function = typed(self.source.compile(), self.tail)
        if self.head:
            first = Graph(order=self.before(), inputs=self.graph.inputs[:a], outputs=self.head)
            self.first: NumpySource = HeadSource(first)
            self.prepare: Function = self.first.compile()

    def before(self) -> list[Node]:
        """What the values of the head need, in order."""
        needed = {*self.head, *self.graph.inputs[: self.a]}
        for node in reversed(self.graph.order):
            if node in needed:
                needed.update(node.operands)
        return [n for n in self.graph.order if n in needed]

    def begin(self, captured: list[Value]) -> Function:
        """The step as a function of what changes; for one run at a time."""
        if not self.direct:
            return lambda *values: self.checked([*captured, *values])
        given = [firm(x, node) for x, node in zip(captured, self.graph.inputs)]
        if self.head:
            given += self.prepare(self.first.workspace(), *given)
        return partial(self.step, self.source.workspace(), *given)


def on_floats(run: Function, checked: Checked) -> Checked:
    """A program on single numbers, and NumPy's where `math` raises."""

    def step(values: list[Value]) -> list[Value]:
        try:
            found = run(*values)
        except FAILURES:
            return checked(values)
        return [np.float64(y) if y.__class__ is float else np.bool_(y) for y in found]

    return step


def parted(graph: Graph, a: int) -> tuple[list[Node], Graph]:
    """What a step needs of what depends on the first `a` inputs alone, and the graph that is given it behind them."""
    fixed = set(graph.inputs[:a])
    for node in graph.order:
        operands = [x for x in node.operands if x.primitive is not rows.constant]
        if operands and node.primitive.listed and node.value.__class__ is not tuple and fixed.issuperset(operands):
            fixed.add(node)
    steps = [n for n in graph.order if n not in fixed]
    read = dict.fromkeys([*(x for n in steps for x in n.operands), *graph.outputs])
    head = [x for x in read if x in fixed and x.operands]
    if not head:
        return [], graph
    image = {x: input_node(f"fixed{k}", x.value) for k, x in enumerate(head)}
    given = [*graph.inputs[:a], *image.values(), *graph.inputs[a:]]
    order = [*graph.inputs[:a], *image.values()]
    for node in steps:
        new = relinked(node, image)
        if new is not node:
            image[node] = new
        order.append(new)
    return head, Graph(order=order, inputs=given, outputs=[image.get(y, y) for y in graph.outputs])


def typed(step: Function, graph: Graph) -> Function:
    """The step with results that are constants as NumPy's numbers, whose dtypes count."""
    known = {k: firm(y.params["value"], y) for k, y in enumerate(graph.outputs) if y.primitive is rows.constant}
    if not known:
        return step

    def run(*values: Value) -> list[Value]:
        found = list(step(*values))
        for k, y in known.items():
            found[k] = y
        return found

    return run


def firm(x: Value, node: Node) -> Value:
    """A value with its node's dtype, where it is Python's number."""
    return x if hasattr(x, "dtype") else np.asarray(x, node.dtype)[()]


def own(found: Iterable[Value], given: list[Value]) -> list[Value]:
    """The last values of a loop, none of them an array that somebody else has."""
    results: list[Value] = []
    for y in found:
        if y.__class__ is np.ndarray:
            shared = y.base is not None or not y.flags.writeable or any(y is x for x in (*given, *results))
            y = y.copy()[()] if shared or not y.shape else y
        results.append(y)
    return results


def function_of(text: str, name: str, *sources: ScalarSource) -> Function:
    space: dict[str, Any] = {**SPACE, "_FAILURES": FAILURES}
    for source in sources:
        space |= source.names.space
    exec(compile(text, f"<difflab {name}>", "exec"), space)
    found: Function = space[name]
    return found


class While:
    """A `while_loop`: `run(xs)` gives the last value and the number of steps.

    xs are what the test captured, up to `a`, what the body captured, up to `b`, and the first value.
    """

    def __init__(self, test: Compiled, body: Compiled, a: int, b: int, checked: tuple[Checked, Checked]) -> None:
        self.checked: tuple[Checked, Checked] = checked
        self.a: int = a
        self.b: int = b
        test.build(), body.build()
        self.inputs: list[Node] = body.graph.inputs[b - a :]
        self.numbers: Function | None = None
        if is_test(test.graph) and is_of_numbers(body.graph):
            source = ScalarSource(body.graph)
            first = ScalarSource(test.graph, taken=source.names.taken)
            self.numbers = function_of(while_text(first, source, a), "repeat", first, source)
            return
        self.test: Body = Body(test, a, checked[0])
        self.body: Body = Body(body, b - a, checked[1])

    def run(self, xs: list[Value]) -> tuple[list[Value], int]:
        if self.numbers is not None:
            return self.run_numbers(self.numbers, xs)
        test, step = self.test.begin(xs[: self.a]), None
        value, count = [firm(x, node) for x, node in zip(xs[self.b :], self.inputs)], 0
        while test(*value)[0]:
            step = step or self.body.begin(xs[self.a : self.b])
            value, count = step(*value), count + 1
        return own(value, xs), count

    def run_numbers(self, numbers: Function, xs: list[Value]) -> tuple[list[Value], int]:
        fixed, value, count = list(map(float, xs[: self.b])), list(map(float, xs[self.b :])), 0
        while True:
            *value, count, ended = numbers(*fixed, *value, count)
            if not ended:  # NumPy does this step
                ended = not self.checked[0]([*fixed[: self.a], *value])[0]
            if ended:
                return list(map(np.float64, value)), count
            value, count = list(map(float, self.checked[1]([*fixed[self.a :], *value]))), count + 1


class Scan:
    """A `scan`: `run(xs)` gives the last carry, the ys, and with `keep` each step's carry."""

    a: int
    b: int
    count: int
    checked: Checked

    def __init__(self, body: Compiled, bounds: tuple[int, int], count: int, reverse: bool, checked: Checked) -> None:
        (self.a, self.b), self.count, self.checked = bounds, count, checked
        self.places: range = range(count - 1, -1, -1) if reverse else range(count)
        body.build()
        self.graph: Graph = body.graph
        self.texts: dict[bool, Function] = {}
        self.source: ScalarSource | None = ScalarSource(body.graph) if is_of_numbers(body.graph) else None
        if self.source is None:
            self.body: Body = Body(body, self.a, checked)

    def run(self, xs: list[Value], keep: bool) -> list[Value]:
        if self.source is not None:
            return self.run_numbers(self.source, xs, keep)
        a, b, n = self.a, self.b, self.b - self.a
        step, slices = self.body.begin(xs[:a]), xs[b:]
        carry = [firm(x, node) for x, node in zip(xs[a:b], self.graph.inputs[a:b])]
        ys = [np.empty((self.count, *y.shape), y.dtype) for y in self.graph.outputs[n:]]
        before = [np.empty((self.count, *x.shape), x.dtype) for x in self.graph.inputs[a:b]] if keep else []
        for t in self.places:
            for whole, x in zip(before, carry):
                whole[t] = x
            found = step(*carry, *[x[t] for x in slices])
            carry = found[:n]
            for whole, y in zip(ys, found[n:]):
                whole[t] = y
        return [*own(carry, xs), *ys, *before]

    def run_numbers(self, source: ScalarSource, xs: list[Value], keep: bool) -> list[Value]:
        a, b, n = self.a, self.b, self.b - self.a
        if keep not in self.texts:
            self.texts[keep] = function_of(scan_text(source, a, b, keep, python=True), "scan", source)
        fixed, carry = list(map(float, xs[:a])), list(map(float, xs[a:b]))
        slices = [np.asarray(x).tolist() for x in xs[b:]]
        ys: list[list[float]] = [[0.0] * self.count for _ in self.graph.outputs[n:]]
        before: list[list[float]] = [[0.0] * self.count for _ in carry if keep]
        places = self.places
        while True:
            bounds = places.start, places.stop, places.step
            *carry, t, ended = self.texts[keep](*fixed, *carry, *slices, *ys, *before, *bounds)
            if ended:
                return [*map(np.float64, carry), *map(np.array, ys), *map(np.array, before)]
            for whole, c in zip(before, carry):
                whole[t] = c
            found = list(map(float, self.checked([*fixed, *carry, *[x[t] for x in slices]])))
            carry, places = found[:n], range(t + places.step, places.stop, places.step)
            for whole, y in zip(ys, found[n:]):
                whole[t] = y
