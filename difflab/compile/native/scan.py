"""Scans as one native loop: the body's lines stand in it, and nothing is called at each step."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...graph.graph import Graph
from ...primitives import Primitive
from ...types import DType, Function, Value
from ..write.loop_source import scan_text
from ..write.scalar_source import SPACE, ScalarSource
from .arrays import ArrayLoop, Refused
from .functions import functions
from .region import LIMIT

KIND = "scan"  # the spelling under which a row of `dl.scan` keeps its body


def native_scan(row: Primitive, jit: Any, wanted: set[int]) -> Function | str:
    """The scan's function on plain values, or why there is none. It may give None for results that are not wanted."""
    body, a, b, count, reverse = row.spelling[KIND]
    program = body.program.build()
    graph = program.graph
    ends = [*graph.inputs, *graph.outputs]
    bounds = (count - 1, -1, -1) if reverse else (0, count, 1)
    if program.guards:
        return "it looks at values"
    if program.scalar and b > a and len(graph.operations) <= LIMIT and all(x.dtype == np.float64 for x in ends):
        return scan_of_numbers(graph, a, b, count, bounds, jit)
    try:
        return scan_of_arrays(ArrayLoop(graph, a, b, wanted), count, bounds, jit)
    except Refused as reason:
        return str(reason)


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


def scan_of_arrays(loop: ArrayLoop, count: int, bounds: tuple[int, int, int], jit: Any) -> Function:
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
    fresh = loop.templates()
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
