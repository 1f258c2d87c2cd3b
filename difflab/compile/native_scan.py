"""A scan over single numbers as one native loop: its body's lines stand in it, and nothing is called at each step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .native_region import LIMIT
from .scalar_source import SPACE, ScalarSource

KIND = "scan"  # the spelling under which a row of `dl.scan` keeps its body


def loop_text(source: ScalarSource, a: int, b: int) -> str:
    """The text of the loop: it reads slices, writes the ys and each step's carry, and returns the last carry."""
    captured, carry, slices = source.inputs[:a], source.inputs[a:b], source.inputs[b:]
    outs = [f"_o{k}" for k in range(len(source.outputs))]
    ys = range(len(carry), len(outs))
    arrays = [f"_x{k}" for k in range(len(slices))] + [f"_y{k}" for k in ys] + [f"_c{k}" for k in range(len(carry))]
    body = [f"_c{k}[_t] = {c}" for k, c in enumerate(carry)]
    body += [f"{x} = _x{k}[_t]" for k, x in enumerate(slices)]
    body += [line.strip() for line in source.short]
    body += [f"{o} = {text}" for o, text in zip(outs, source.outputs)]
    body += [f"_y{k}[_t] = {outs[k]}" for k in ys]
    body += [f"{c} = {o}" for c, o in zip(carry, outs)]
    lines = [f"def scan({', '.join([*captured, *carry, *arrays, '_first', '_last', '_step'])}):"]
    lines += ["    for _t in range(_first, _last, _step):", *[f"        {line}" for line in body]]
    return "\n".join([*lines, f"    return {', '.join(carry)},", ""])


def native_scan(row: Any, jit: Any) -> Callable[..., Any] | str:
    """The scan's function on plain values, or why there is none."""
    body, a, b, count, reverse = row.spelling[KIND]
    program = body.program.build()
    graph = program.graph
    ends = [*graph.inputs, *graph.outputs]
    if not program.scalar or program.guards or any(x.dtype != np.float64 for x in ends):
        return "its body is not of single float64 numbers"
    if len(graph.operations) > LIMIT or b == a:
        return "its body is too long" if b > a else "it carries nothing"
    space: dict[str, Any] = {**SPACE, "cbrt": np.cbrt}
    exec(compile(loop_text(ScalarSource(graph), a, b), "<difflab native>", "exec"), space)
    numba = jit.module
    number, moving = numba.float64, numba.types.Array(numba.float64, 1, "C", readonly=True)
    n, ys = b - a, len(graph.outputs) - (b - a)
    types = [number] * b + [moving] * (len(graph.inputs) - b) + [numba.float64[::1]] * (ys + n) + [numba.int64] * 3
    code = jit(space["scan"], tuple(types), nogil=True)
    bounds = (count - 1, -1, -1) if reverse else (0, count, 1)

    def run(*xs: Any) -> Any:
        made = [np.empty(count) for _ in range(ys + n)]
        last = code(*map(float, xs[:b]), *[np.ascontiguousarray(x) for x in xs[b:]], *made, *bounds)
        return (*[np.float64(c) for c in last], *made)

    return run
