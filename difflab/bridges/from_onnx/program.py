"""A model of ONNX as a graph: its operators run on traced values, loops and branches as difflab's own."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping

import numpy as np

from ...compile.xla.carrier import sample
from ...differentiate.branches import cond, while_loop
from ...differentiate.control_flow import scan
from ...errors import DifflabError, InputError, UnsupportedError
from ...graph.graph import Graph
from ...graph.trace import label, record
from ...graph.traced import Traced
from ...late import Late
from ...reading import read_bytes
from ...types import Array, FileName, Params, Shape, Value
from ..packages import needed
from . import networks, reductions
from .operators import OPERATORS, plain

onnx: Value = Late("onnx")
LARGEST = 2**31  # bytes, the most that ONNX's own format holds in one file
MOST = 2**28  # elements of an input
CONTROL = ("If", "Loop", "Scan")
KNOWN = frozenset(("", "ai.onnx"))  # the names of ONNX's own set of operators


def from_onnx(
    path: FileName, *examples: Value, sizes: Mapping[str, int] | None = None, weights: bool = False
) -> Graph | tuple[Graph, Params]:
    """The graph of a model of ONNX, which is called as the model is: `g(x)`, or `g(input_name=x)`.

    Values keep the names that they have in the file. Axes without a length in the file have that of `sizes`, by
    name, else 1; the graph is that of these shapes and no others. The weights are constants; with `weights` the
    result is the graph as a function of (weights, *inputs), to be trained, and a dict of the weights by their names.
    `examples` are inputs to record it at, in place of made-up ones: a loop must end there.

    UnsupportedError names every operator that is not known, and how many nodes there are of it. InputError for a
    file that is none of ONNX, is damaged, or has its weights in other files.

    >>> import difflab as dl, numpy as np
    >>> g = dl.from_onnx("model.onnx", sizes={"batch": 8})  # doctest: +SKIP
    >>> g(np.zeros((8, 3, 32, 32), np.float32)).shape  # doctest: +SKIP
    (8, 10)
    """
    needed("onnx", "from_onnx")
    model = loaded(path)
    graph = model.graph
    check_operators(path, model)
    given = {t.name: array_of(t, path) for t in graph.initializer}
    inputs = [x for x in graph.input if x.name not in given]
    named = sizes or {}
    unknown = sorted(set(named) - {str(d.dim_param) for x in inputs for d in x.type.tensor_type.shape.dim})
    if unknown:
        raise InputError(f"from_onnx: sizes has {', '.join(unknown)}, which {path} has no axis of")
    if examples and len(examples) != len(inputs):
        raise InputError(f"from_onnx: {len(examples)} examples, and {path} has {len(inputs)} inputs")
    points = [np.asarray(x)[()] for x in examples] or [example_of(x, named, path) for x in inputs]
    outputs = [y.name for y in graph.output]

    def run(constants: Params, *xs: Value) -> Value:
        env = Scope(constants | dict(zip([x.name for x in inputs], xs)))
        execute(graph, env)
        found = [env[name] for name in outputs]
        return found[0] if len(found) == 1 else tuple(found)

    try:
        if weights:
            floats = {k: v for k, v in given.items() if v.dtype.kind == "f"}
            rest = {k: v for k, v in given.items() if k not in floats}
            traced, _ = record(lambda params, *xs: run(rest | params, *xs), floats, *points)
        else:
            traced, _ = record(lambda *xs: run(given, *xs), *points)
    except DifflabError:
        raise
    except (TypeError, ValueError, LookupError, ArithmeticError, AttributeError) as error:
        raise InputError(f"from_onnx: {path} cannot be run: {error}") from error
    places = traced.inputs[len(traced.inputs) - len(inputs) :]
    for node, x in zip(places, inputs):
        node.name = x.name
    traced.shapes = {node: node.shape for node in places}
    return (traced, floats) if weights else traced


def loaded(path: FileName) -> Value:
    """The model in a file, parsed and checked."""
    data = read_bytes(path, LARGEST)
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except Exception as error:  # protobuf's, which has several of them
        raise InputError(f"{path} is no model of ONNX, or is damaged: {str(error)[:80]}") from None
    if not model.graph.node and not model.graph.output:
        raise InputError(f"{path} is no model of ONNX: it holds no graph")
    return model


def check_operators(path: FileName, model: Value) -> None:
    """Every operator that is not known, at once."""
    missing = Counter(unknown_in(model.graph))
    if missing:
        named = ", ".join(f"{name} ({n})" if n > 1 else name for name, n in sorted(missing.items()))
        total = sum(missing.values())
        many = "s" * (total != 1)
        raise UnsupportedError(f"from_onnx: {path} has {total} operator{many} that are not known: {named}")


def unknown_in(graph: Value) -> list[str]:
    found = []
    for node in graph.node:
        if node.domain not in KNOWN:
            found.append(f"{node.domain}.{node.op_type}")  # damaged texts are bytes
        elif node.op_type not in OPERATORS and node.op_type not in CONTROL:
            found.append(str(node.op_type))
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                found += unknown_in(attribute.g)
    return found


def array_of(tensor: Value, path: FileName) -> Array:
    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        mend = "onnx.save(onnx.load(path), new) joins them"
        raise InputError(f"{path} has the weight {tensor.name!r} in another file; {mend}")
    try:
        found: Array = onnx.numpy_helper.to_array(tensor)
    except Exception as error:  # a length that its bytes do not have, a dtype that there is not
        raise InputError(f"{path} is damaged: the weight {tensor.name!r}: {str(error)[:80]}") from None
    if found.dtype.kind not in "biuf":
        raise UnsupportedError(f"from_onnx: the weight {tensor.name!r} of {path} has dtype {found.dtype}")
    return found


def example_of(x: Value, sizes: Mapping[str, int], path: FileName) -> Value:
    """Numbers of an input's shape and dtype."""
    kind = x.type.tensor_type
    if not kind.elem_type or kind.elem_type not in onnx.TensorProto.DataType.values():
        raise UnsupportedError(f"from_onnx: the input {x.name!r} of {path} is no tensor")
    shape: Shape = tuple(d.dim_value or int(sizes.get(d.dim_param, 1)) for d in kind.shape.dim)
    if min(shape, default=0) < 0 or math.prod(shape) > MOST:
        raise InputError(f"from_onnx: the input {x.name!r} of {path} has shape {shape}, which is no array's")
    dtype = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type))
    if dtype.kind not in "biuf":
        raise UnsupportedError(f"from_onnx: the input {x.name!r} of {path} has dtype {dtype}")
    return sample(shape, dtype)


class Scope(dict[str, Value]):
    """The values by name; what is not there is looked for around."""

    def __init__(self, own: Params, around: Scope | None = None) -> None:
        super().__init__(own)
        self.around = around

    def __missing__(self, name: str) -> Value:
        if name == "":
            return None
        if self.around is None:
            raise InputError(f"from_onnx: the value {name!r} is used and never made")
        return self.around[name]


def execute(graph: Value, env: Scope) -> None:
    """Runs the nodes in their order."""
    for tensor in graph.initializer:
        if tensor.name not in env:
            env[tensor.name] = array_of(tensor, "the model")
    for node in graph.node:
        xs = [env[name] for name in node.input]
        attributes = {a.name: attribute(a) for a in node.attribute}
        if node.op_type in CONTROL:
            found = CONTROLS[node.op_type](attributes, xs, env)
        else:
            more = {"operator": node.op_type} if node.op_type in NAMED else {}
            if node.op_type == "Split":
                more["outputs"] = len(node.output)
            try:
                found = OPERATORS[node.op_type](attributes | more, *xs)
            except (KeyError, TypeError) as error:
                raise InputError(f"from_onnx: the {node.op_type} that makes {node.output[0]!r}: {error}") from error
        for name, value in zip(node.output, found if isinstance(found, tuple) else (found,)):
            if name:
                env[name] = named(value, name)


NAMED = frozenset(
    name for name, rule in OPERATORS.items()
    if sum(r is rule for r in OPERATORS.values()) > 1 or name in ("Resize", "Upsample")
)  # fmt: skip


def named(value: Value, name: str) -> Value:
    """A traced value with the name that it has in the file, where it has none."""
    return label(value, name) if value.__class__ is Traced and value.name is None and value.operands else value


def attribute(a: Value) -> Value:
    """The value of an attribute: texts as texts, tensors as arrays."""
    value = onnx.helper.get_attribute_value(a)
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, onnx.TensorProto):
        return array_of(value, "the model")
    if isinstance(value, list) and value and isinstance(value[0], bytes):
        return [v.decode() for v in value]
    return list(value) if hasattr(value, "__len__") and not isinstance(value, str | list) else value


# Loops and branches.
def inside(body: Value, values: list[Value], env: Scope) -> list[Value]:
    """The outputs of a body at the values of its inputs."""
    scope = Scope(dict(zip([x.name for x in body.input], values)), env)
    execute(body, scope)
    return [scope[y.name] for y in body.output]


def branch(a: Params, xs: list[Value], env: Scope) -> Value:
    if isinstance(xs[0], np.ndarray | np.generic | bool):
        return tuple(inside(a["then_branch"] if bool(xs[0]) else a["else_branch"], [], env))
    chosen = [lambda k=key: tuple(inside(a[k], [], env)) for key in ("then_branch", "else_branch")]
    return cond(np.reshape(xs[0], ()), *chosen)


def scanned(a: Params, xs: list[Value], env: Scope) -> Value:
    """ONNX's Scan over first axes, in one direction."""
    body, m = a["body"], a["num_scan_inputs"]
    n = len(xs) - m
    outputs = len(body.output) - n
    ways = {*a.get("scan_input_directions", [0] * m), *a.get("scan_output_directions", [0] * outputs)}
    axes = {*a.get("scan_input_axes", [0] * m), *a.get("scan_output_axes", [0] * outputs)}
    if len(ways) > 1 or axes != {0}:
        raise UnsupportedError("from_onnx: Scan along other axes than the first, or in both directions")

    def step(carry: Value, x: Value) -> Value:
        found = inside(body, [*carry, *x], env)
        return tuple(found[:n]), tuple(found[n:])

    last, ys = scan(step, tuple(xs[:n]), tuple(xs[n:]), reverse=ways == {1})
    return (*last, *ys)


def looped(a: Params, xs: list[Value], env: Scope) -> Value:
    """ONNX's Loop without results of each step: as long as its condition holds, and its count is not reached."""
    body, (most, go_on, *carry) = a["body"], xs
    if len(body.output) - 1 != len(carry):
        raise UnsupportedError("from_onnx: Loop with a result of each step; Scan is there")
    counted = most is not None
    limit = plain(most, "the count of a Loop").item() if counted else 0
    start = np.asarray(True if go_on is None else go_on) if not isinstance(go_on, Traced) else go_on

    def test(state: Value) -> Value:
        return np.logical_and(state[1], np.less(state[0], limit)) if counted else state[1]

    def step(state: Value) -> Value:
        k, on, *values = state
        again, *after = inside(body, [k, on, *values], env)
        return (k + 1, np.reshape(again, ()), *after)

    found = while_loop(test, step, (np.int64(0), np.reshape(start, ())[()], *carry))
    return tuple(found[2:])


CONTROLS: dict[str, Value] = {"If": branch, "Scan": scanned, "Loop": looped}
__all__ = ["from_onnx", "networks", "reductions"]  # the latter two fill the table of operators
