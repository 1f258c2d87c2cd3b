"""Scans as one native loop: the body's lines stand in it, and nothing is called at each step."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...graph.graph import Graph
from ...graph.node import Node
from ...primitives import Primitive
from ...primitives.text import call
from ...types import Array, DType, Function, Value
from ..write.loop_source import scan_text, while_text
from ..write.scalar_source import SPACE, ScalarSource, is_of_numbers, is_test
from .arrays import Refused, Session
from .functions import functions
from .nested import Nested, Whole, check_loops, graph_of, kind_of
from .region import LIMIT


def native_loop(node: Node, jit: Any, wanted: set[int]) -> Function | str:
    """The loop's function on plain values, or why there is none. It may give None for results that are not wanted."""
    try:
        if kind_of(node) == "scan":
            return native_scan(node.primitive, jit, wanted)
        if kind_of(node) == "while_loop" and (found := while_of_numbers(node, jit)):
            return found
        return whole(Whole(node, wanted), jit)
    except Refused as reason:
        return str(reason)


def native_scan(row: Primitive, jit: Any, wanted: set[int]) -> Function:
    """The same of a scan."""
    body, a, b, count, reverse = row.spelling["scan"]
    graph = graph_of(body)
    bounds = (count - 1, -1, -1) if reverse else (0, count, 1)
    if is_of_numbers(graph) and b > a and len(graph.operations) <= LIMIT:
        return scan_of_numbers(graph, a, b, count, bounds, jit)
    return scan_of_arrays(ArrayScan(graph, a, b, wanted), count, bounds, jit)


def while_of_numbers(node: Node, jit: Any) -> Function | None:
    """The while loop over single float64 numbers, which stay in registers."""
    test, body, a, _ = node.primitive.spelling["while_loop"]
    graph, first = graph_of(body), graph_of(test)
    if len(graph.operations) > LIMIT or not (is_of_numbers(graph) and is_test(first)):
        return None
    source = ScalarSource(graph)
    ahead = ScalarSource(first, taken=source.names.taken)
    space: dict[str, Any] = {**SPACE, "cbrt": np.cbrt}
    exec(compile(while_text(ahead, source, a, python=False), "<difflab native>", "exec"), space)
    types = (*[jit.module.float64] * len(node.operands), jit.module.int64)
    code = jit(space["repeat"], types, nogil=True)

    def run(*xs: Value) -> tuple[Value, ...]:
        *last, count = code(*map(float, xs), 0)
        return (*map(np.float64, last), np.int64(count))

    return run


def whole(loop: Whole, jit: Any) -> Function:
    """A loop or branch over arrays, each run in a workspace of its own."""
    space: dict[str, Any] = {"np": np, **functions(), **loop.tables}
    exec(compile(loop.text, "<difflab native>", "exec"), space)
    numba = jit.module
    arguments = tuple([numba.types.Array(numba.from_dtype(np.dtype(d)), 1, "C") for d in loop.memory.used])
    code = jit(space["loop"], arguments, nogil=True)
    fresh = loop.session.templates()
    position = {d: k for k, d in enumerate(loop.memory.used)}
    given = [(position[x.dtype], piece(loop.places[x])) for x in loop.graph.inputs]
    found = [(position[y.dtype], piece(loop.places[y])) for y in loop.graph.outputs]
    shapes = [y.shape for y in loop.graph.outputs]

    def run(*xs: Value) -> Value:
        work = [w.copy() for w in fresh]
        for (k, where), x in zip(given, xs):
            work[k][where] = np.reshape(x, (-1,))
        code(*work)
        results = {p: work[k][at].reshape(n).copy()[()] for p, (k, at), n in zip(loop.found, found, shapes)}
        return results if loop.several else results[0]

    return run


def piece(places: Array) -> slice | Array:
    """Places as a slice, where they are one piece."""
    flat = places.reshape(-1)
    start = int(flat[0]) if flat.size else 0
    return slice(start, start + flat.size) if np.array_equal(flat, np.arange(start, start + flat.size)) else flat


def scan_of_numbers(graph: Graph, a: int, b: int, count: int, bounds: tuple[int, int, int], jit: Any) -> Function:
    """The scan over single float64 numbers, which stay in registers."""
    space: dict[str, Any] = {**SPACE, "cbrt": np.cbrt}
    exec(compile(scan_text(ScalarSource(graph), a, b), "<difflab native>", "exec"), space)
    numba = jit.module
    number, moving = numba.float64, numba.types.Array(numba.float64, 1, "C", readonly=True)
    n, ys = b - a, len(graph.outputs) - (b - a)
    types = [number] * b + [moving] * (len(graph.inputs) - b) + [numba.float64[::1]] * (ys + n) + [numba.int64] * 3
    code = jit(space["scan"], tuple(types), nogil=True)

    def run(*xs: Value) -> tuple[Value, ...]:
        made = [np.empty(count) for _ in range(ys + n)]
        last = code(*map(float, xs[:b]), *[np.ascontiguousarray(x) for x in xs[b:]], *made, *bounds)
        return (*[np.float64(c) for c in last], *made)

    return run


class ArrayScan(Nested):
    """The text of a scan over arrays: it reads slices, and writes the results that are wanted."""

    def __init__(self, graph: Graph, a: int, b: int, wanted: set[int]) -> None:
        super().__init__(graph, a, b, Session(), wanted=wanted)
        self.text: str = self.write()
        check_loops(self.text)

    def write(self) -> str:
        self.run(self.before, "    ")
        self.lines.append(f"    for {self.t} in range(first, last, step):")
        moving = self.graph.inputs[self.b :]
        for k, c in enumerate(self.graph.inputs[self.a : self.b]):
            if len(self.graph.outputs) + k in self.wanted:
                self.hand_over(c, f"c{k}")
        for k, x in enumerate(moving):
            if x in self.readers or x in self.graph.outputs:
                self.take_in(x, f"x{k}")
        self.run(self.steps, self.indent)
        for k, y in enumerate(self.graph.outputs[self.n :]):
            if self.n + k in self.wanted:
                self.hand_over(y, f"y{k}")
        self.carry_on()
        self.lines.append(f"{self.indent}pass")  # a step may do nothing
        arguments = [f"w_{np.dtype(d).name}" for d in self.memory.used]
        arguments += [f"x{k}" for k in range(len(moving))]
        arguments += [f"{kind}{k}" for kind, k in self.stacked()]
        return "\n".join([f"def {call('scan', *arguments, 'first', 'last', 'step')}:", *self.lines, ""])

    def stacked(self) -> list[tuple[str, int]]:
        """The stacked results that are wanted: ys, then each step's carry."""
        kinds = [("y", k) for k in range(len(self.graph.outputs) - self.n)] + [("c", k) for k in range(self.n)]
        return [pair for p, pair in enumerate(kinds) if self.n + p in self.wanted]


def scan_of_arrays(loop: ArrayScan, count: int, bounds: tuple[int, int, int], jit: Any) -> Function:
    """The scan over small arrays, each run in a workspace of its own."""
    graph, a, b, types = loop.graph, loop.a, loop.b, jit.module.types
    space: dict[str, Any] = {"np": np, **functions(), **loop.tables}
    exec(compile(loop.text, "<difflab native>", "exec"), space)

    def flat(dtype: DType, **options: bool) -> Value:
        return types.Array(jit.module.from_dtype(np.dtype(dtype)), 1, "C", **options)

    kinds = {"y": graph.outputs[b - a :], "c": graph.inputs[a:b]}
    stacked = [kinds[kind][k] for kind, k in loop.stacked()]
    arguments = [flat(d) for d in loop.memory.used]
    arguments += [flat(x.dtype, readonly=True) for x in graph.inputs[b:]] + [flat(x.dtype) for x in stacked]
    code = jit(space["scan"], (*arguments, *[types.int64] * 3), nogil=True)
    fresh = loop.session.templates()
    position = {d: k for k, d in enumerate(loop.memory.used)}
    given = [(position[x.dtype], loop.places[x]) for x in graph.inputs[:b]]
    results = [*graph.outputs[b - a :], *graph.inputs[a:b]]

    def run(*xs: Value) -> tuple[Value, ...]:
        work = [w.copy() for w in fresh]
        for (k, places), x in zip(given, xs):
            work[k][places] = x
        made = [np.empty((count, *x.shape), x.dtype) for x in stacked]
        slices = [np.ascontiguousarray(x).reshape(-1) for x in xs[b:]]
        code(*work, *slices, *[y.reshape(-1) for y in made], *bounds)
        rest = iter(made)
        last = [work[k][places] for k, places in given[a:]]
        return (*last, *[next(rest) if p + b - a in loop.wanted else None for p in range(len(results))])

    return run
