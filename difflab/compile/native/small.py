"""A program on small arrays as one native function: what each call of NumPy's costs is then paid once.

The arrays lie in a workspace (`arrays.py`), into which the arguments are copied, and out of which the results are. Only
arithmetic is taken, with what moves elements and joins arrays: to the last bit these are NumPy's values.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...graph.graph import Graph
from ...primitives.text import call
from ...types import Function, Value
from ..write.numpy_source import NumpySource
from .arrays import Refused, Session
from .forms import is_light
from .functions import functions
from .nested import Nested, check_loops
from .region import SHORTEST
from .scan import piece

LARGEST = 1 << 14  # elements of all arrays together; of more of them a copy costs what the calls do


class SmallSource(NumpySource):
    """A NumPy program, which is what its text shows, run as one native function."""

    def __init__(self, graph: Graph, jit: Any) -> None:
        if graph.guards:
            raise Refused("it looks at values")
        self.jit = jit
        self.block: Nested = Nested(graph, len(graph.inputs), len(graph.inputs), Session())
        light = [n for n, kind in self.block.computed.items() if kind == "each" and is_light(n)]
        if len(light) < SHORTEST or any(n not in light and kind != "join" for n, kind in self.block.computed.items()):
            raise Refused("it is more, or less, than arithmetic")
        self.used: dict[Any, int] = self.block.memory.used
        if (size := sum(self.used.values())) > LARGEST:
            raise Refused(f"its arrays are large: {size:,} elements")
        super().__init__(graph)
        self.program: Function = together(self.block, jit)

    @property
    def bare(self) -> bool:
        return True

    def workspace(self) -> list[Value]:
        return []

    def compile(self) -> Function:
        return self.program

    def explain(self) -> list[str]:
        return [f"native: the whole program, {self.jit.told()}"]


def together(block: Nested, jit: Any) -> Function:
    """The function of a workspace and arrays that copies these in, runs the block's machine code, and copies out."""
    numba, used = jit.module, block.memory.used
    block.indent = "    "
    block.run([*block.before, *block.steps], "    ")
    works = {d: f"w_{np.dtype(d).name}" for d in used}
    text = "\n".join([f"def {call('loops', *works.values())}:", *block.lines, "    pass", ""])
    check_loops(text)
    space: dict[str, Any] = {"np": np, **functions(), **block.tables}
    exec(compile(text, "<difflab native>", "exec"), space)
    types = tuple([numba.types.Array(numba.from_dtype(np.dtype(d)), 1, "C") for d in used])
    code = jit(space["loops"], types, nogil=True)
    found = code.overloads.get(code.signatures[0]) if code.signatures else None
    # The machine code is called past numba's own look at the types, which are always the same.
    objects: dict[str, Any] = {"alive": code, "native": getattr(found, "entry_point", code), "reshape": np.reshape}
    for name, template in zip(works.values(), block.session.templates()):
        objects[f"{name}_0"] = template
    lines = [f"def {call('program', 'work', *[f'x{k}' for k in range(len(block.graph.inputs))])}:"]
    lines += [f"    {w} = {w}_0.copy()" for w in works.values()]
    for k, x in enumerate(block.graph.inputs):
        objects[f"i{k}"] = piece(block.places[x])
        given = f"x{k}" if len(x.shape) == 1 else call("reshape", f"x{k}", "-1")
        lines.append(f"    {works[x.dtype]}[i{k}] = {given}")
    results = []
    for k, y in enumerate(block.graph.outputs):
        objects[f"o{k}"] = piece(block.places[y])
        shaped = "" if len(y.shape) == 1 else f".reshape({y.shape!r})" + "[()]" * (not y.shape)
        results.append(f"{works[y.dtype]}[o{k}].copy(){shaped}")
    lines += [f"    {call('native', *works.values())}", f"    return {', '.join(results)},", ""]
    exec(compile("\n".join(lines), "<difflab native>", "exec"), objects)
    made: Function = objects["program"]
    return made


def small_source(graph: Graph, jit: Any) -> SmallSource | None:
    """The program as one function, or None where it has more than arithmetic on small arrays."""
    if (
        any(x.value.__class__ is tuple for x in graph.order)
        or sum(int(np.prod(y.shape)) for y in (*graph.inputs, *graph.outputs)) > LARGEST
    ):
        return None
    try:
        return SmallSource(graph, jit)
    except Refused:
        return None
