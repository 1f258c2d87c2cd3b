"""A graph as a graph of ONNX: each row's operators, and loops and branches as Scan, Loop and If."""

from __future__ import annotations

import numpy as np

from ...compile.xla.carrier import sample
from ...errors import UnsupportedError
from ...graph.graph import Graph
from ...graph.node import Node
from ...late import Late
from ...primitives import Primitive
from ...types import Function, Value
from . import onnx_arrays, onnx_elements, onnx_erf, onnx_windows
from .expand import expanded, refused
from .onnx_writer import Writer

onnx: Value = Late("onnx")
KERNELS: dict[Primitive, Value] = {
    **onnx_elements.KERNELS,
    **onnx_erf.KERNELS,
    **onnx_arrays.KERNELS,
    **onnx_windows.KERNELS,
}
OPERATORS = onnx_elements.OPERATORS


def control(row: Primitive) -> str | None:
    """Which loop or branch it is."""
    return next((name for name in CONTROL if name in row.spelling), None)


def known(row: Primitive) -> bool:
    return row in KERNELS or row in OPERATORS or control(row) is not None


def missing(graph: Graph) -> list[str]:
    """The operations that have no form, also those in the bodies of loops; they are expanded here."""
    found = []
    for node in graph.order:
        if node.primitive.leaf or node.primitive.kind == "pick":
            continue
        which = control(node.primitive)
        if which is not None:
            for body in bodies(node.primitive, which):
                found += missing(on_onnx(body.graph))
        elif not known(node.primitive):
            found.append(node.primitive.name)
    return found


def on_onnx(graph: Graph, values: list[Value] | None = None) -> Graph:
    """The graph in rows that ONNX has."""
    return expanded(graph, [sample(x.shape, x.dtype) for x in graph.inputs] if values is None else values, known)


def checked(graph: Graph, values: list[Value]) -> Graph:
    """The same, refused where something has no form."""
    found = on_onnx(graph, values)
    if names := missing(found):
        raise refused("ONNX", names)
    return found


def bodies(row: Primitive, which: str) -> list[Value]:
    parts = row.spelling[which]
    return {"scan": lambda: [parts[0]], "while_loop": lambda: list(parts[:2]), "cond": lambda: list(parts[0])}[which]()


def emit(w: Writer, node: Node) -> Value:
    """Writes one node; the name of its value, or those of its results."""
    row = node.primitive
    inputs = [w.input_of(node, k) for k in range(len(node.operands))]
    which = control(row)
    if which is not None:
        return CONTROL[which](w, node, inputs, *row.spelling[which])
    if row in OPERATORS:
        return w.add(OPERATORS[row], *inputs, name=node.name, **node.params)
    return KERNELS[row](w, node, *inputs, **node.params)


# Loops and branches.
def inner(w: Writer, body: Value, inputs: list[str]) -> tuple[Writer, list[str]]:
    """The body's operations in a graph of its own, on values in sight, and the names of its results."""
    inside = Writer(w.main)
    found = inside.write(on_onnx(body.graph), inputs, emit)
    return inside, [inside.add("Identity", x) for x in found]


def infos(w: Writer, names: list[str], likes: list[Value]) -> list[Value]:
    return [w.info(name, like.dtype, like.shape) for name, like in zip(names, likes)]


def scan(w: Writer, node: Node, xs: list[str], body: Value, a: int, b: int, count: int, reverse: bool) -> list[str]:
    """ONNX's Scan: the last carry, the ys, and each step's carry."""
    if not count:
        raise UnsupportedError("scan: a loop of no steps; ONNX's Scan has at least one")
    n, outputs = b - a, body.outputs
    slices = xs[b:] or [w.constant(np.arange(count))]
    carry, seen = [w.fresh() for _ in range(n)], [w.fresh() for _ in slices]
    inside, found = inner(w, body, [*xs[:a], *carry, *seen[: len(xs) - b]])
    before = [inside.add("Identity", c) for c in carry]
    likes = [*outputs[:n], *[x.value for x in body.graph.inputs[b:]]]
    given = infos(w, carry, outputs[:n])
    given += infos(w, seen, likes[n:]) if xs[b:] else [w.info(seen[0], np.dtype(np.int64), ())]
    results = infos(w, [*found, *before], [*outputs, *outputs[:n]])
    backwards = int(reverse)
    made = w.several(
        "Scan", *xs[a:b], *slices, outputs=len(outputs) + n, body=inside.body("step", given, results),
        num_scan_inputs=len(slices), scan_input_directions=[backwards] * len(slices),
        scan_output_directions=[backwards] * len(outputs),
    )  # fmt: skip
    return made


def while_loop(w: Writer, node: Node, xs: list[str], test: Value, body: Value, a: int, b: int) -> list[str]:
    """ONNX's Loop: the last value, and the number of steps, which is carried too."""
    n = len(xs) - b
    first = w.write(on_onnx(test.graph), [*xs[:a], *xs[b:]], emit)[0]
    step, go_on, counted = w.fresh(), w.fresh(), w.fresh()
    carry = [w.fresh() for _ in range(n)]
    inside, found = inner(w, body, [*xs[a:b], *carry])
    again = inside.write(on_onnx(test.graph), [*xs[:a], *found], emit)[0]
    after = inside.add("Add", counted, w.constant(np.array(1, np.int64)))
    whole, truth = np.dtype(np.int64), np.dtype(bool)
    once_more = inside.cast(again, bool)
    given = [w.info(step, whole, ()), w.info(go_on, truth, ())]
    given += [*infos(w, carry, body.outputs), w.info(counted, whole, ())]
    results = [w.info(once_more, truth, ()), *infos(w, found, body.outputs), w.info(after, whole, ())]
    zero = w.constant(np.array(0, np.int64))
    return w.several(
        "Loop", "", w.cast(first, bool), *xs[b:], zero, outputs=n + 1, body=inside.body("step", given, results)
    )


def cond(w: Writer, node: Node, xs: list[str], branches: Value, part: Function) -> Value:
    """ONNX's If: the branches see what they need around them."""
    written = []
    for which, branch in enumerate(branches):
        *given, last = part(xs, which)
        inside, found = inner(w, branch, [*given, w.constant(last)])
        written.append(inside.body(f"branch_{which}", [], infos(w, found, branch.outputs)))
    count = len(branches[0].outputs)
    chosen = w.cast(xs[0], bool)
    found = w.several("If", chosen, outputs=count, then_branch=written[1], else_branch=written[0])
    return found if count != 1 else found[0]


CONTROL: dict[str, Value] = {"scan": scan, "while_loop": while_loop, "cond": cond}
