"""A function, a graph or a model as a file of ONNX, checked where it runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...errors import DifflabError, InputError
from ...files import target, write
from ...graph.graph import Graph
from ...graph.pytree import flatten, named_leaves
from ...late import Late
from ...nn.layers.layer import Layer
from ...nn.training.run import Run
from ...primitives import NUMPY
from ...types import Array, FileName, Function, Params, State, Tree, Value
from ...version import __version__
from ..packages import needed
from .expand import graph_at
from .onnx_batch import with_batch_axis
from .onnx_graph import checked, emit
from .onnx_writer import Writer

onnx: Value = Late("onnx")
OPSET, OLDEST, NEWEST = 21, 18, 23  # reductions take their axes as inputs from 18 on
FORMAT = 10  # of the file, which runtimes ask for as well
TOLERANCES = {"float32": 1e-6, "float64": 1e-12}
SLACK = 64  # roundings in a row that the check allows for


def to_onnx(
    f: Function | Graph | Layer | Run,
    path: FileName,
    *examples: Tree,
    params: Tree = None,
    state: State | None = None,
    opset: int = OPSET,
    batch: bool = False,
    check: bool = True,
    force: bool = False,
) -> Path:
    """Writes f as a model of ONNX and returns the path.

    `examples` are arguments that fix shapes and dtypes; a graph with shapes of its own needs none. Of a model of `nn`
    with its `params` and `state`, or of a `Run`, it is the inference, with the weights in the file under their names.
    `dl.backward_graph(graph)` is a graph too, whose gradient then runs in ONNX's runtimes. With `batch` the first
    axis of the examples, which must have one length, may have any length later. `opset` is that of the operators,
    18 to 23. `check` runs the file, by onnxruntime where it has the kernels, else by `onnx.reference`, and compares
    the results at the examples with difflab's.

    UnsupportedError names every operation that ONNX lacks. InputError for a path that exists (use force=True),
    an opset that is none, and examples that do not fit.

    >>> import difflab as dl, numpy as np
    >>> dl.to_onnx(lambda x: np.tanh(x) @ x, "f.onnx", np.ones(3))  # doctest: +SKIP
    PosixPath('f.onnx')
    """
    needed("onnx", "to_onnx")
    if opset not in range(OLDEST, NEWEST + 1):
        raise InputError(f"to_onnx: opset={opset!r}; give one of {OLDEST} to {NEWEST}, such as {OPSET}")
    path = target(path, force)
    call, weights, given = parts_of(f, params, state, examples)
    graph, values = graph_at(call, (*weights.values(), *given), "to_onnx")
    names = input_names(graph, weights)
    made = model_of(graph, values, names, opset)
    if batch:
        made = with_batch_axis(made, lambda longer: longer_model(call, weights, given, longer, names, opset), given)
    if check:
        compare(made, graph, values, names)
    return write(path, made.SerializeToString(), force)


def parts_of(
    f: Value, params: Tree, state: State | None, examples: tuple[Tree, ...]
) -> tuple[Function | Graph, dict[str, Tree], tuple[Tree, ...]]:
    """A function of trees, the trees among its arguments that are weights, and the other arguments."""
    if isinstance(f, Run):
        f, params, state = f.model, f.params, f.state
    if isinstance(f, Layer):
        if params is None:
            raise InputError(
                "to_onnx: a model holds no weights; give params=... (and state=...) as model.init made them"
            )
        if not examples:
            raise InputError(
                "to_onnx: a model needs an example of what goes in: to_onnx(model, path, x, params=params)"
            )
        model = f

        def infer(params: Params, state: State, *inputs: Value) -> Value:
            return model.apply(params, state, *inputs, training=False)[0]

        return infer, {"params": params, "state": {} if state is None else state}, examples
    if params is not None:
        return f, {"params": params}, examples
    return f, {}, examples


def input_names(graph: Graph, weights: dict[str, Tree]) -> list[tuple[str, Array | None]]:
    """For each input its name, and the numbers of one that is a weight."""
    found: list[tuple[str, Array | None]] = []
    for home, tree in weights.items():
        leaves, _ = flatten(tree)
        found += [(name, np.asarray(x)) for name, x in zip(named_leaves(tree, home), leaves)]
    rest = [str(n.name or f"x{k}") for k, n in enumerate(graph.inputs[len(found) :])]
    return found + [(name, None) for name in rest]


def model_of(graph: Graph, values: list[Value], names: list[tuple[str, Array | None]], opset: int) -> Value:
    """The model of ONNX; its inputs are those that are no weights."""
    written = checked(graph, values)
    w = Writer()
    inputs = []
    for (name, weight), node in zip(names, written.inputs):
        if weight is None:
            inputs.append(w.fresh(name))
        else:
            inputs.append(w.fresh(name))
            w.constants[inputs[-1]] = np.asarray(weight, node.dtype)
    found = w.write(written, inputs, emit)
    outputs = [w.add("Identity", x, name=y.name or f"y{k}") for k, (x, y) in enumerate(zip(found, written.outputs))]
    given = [
        w.info(name, n.dtype, n.shape) for (_, weight), name, n in zip(names, inputs, written.inputs) if weight is None
    ]
    results = [w.info(name, y.dtype, y.shape) for name, y in zip(outputs, written.outputs)]
    made = onnx.helper.make_model(
        w.body("difflab", given, results),
        opset_imports=[onnx.helper.make_opsetid("", opset)],
        producer_name="difflab",
        producer_version=__version__,
        ir_version=FORMAT,
    )
    onnx.checker.check_model(made)
    return made


def longer_model(
    f: Value, weights: dict[str, Tree], given: tuple[Tree, ...], longer: tuple[Tree, ...],
    names: list[tuple[str, Array | None]], opset: int,
) -> Value:  # fmt: skip
    graph, values = graph_at(f, (*weights.values(), *longer), "to_onnx")
    return model_of(graph, values, names, opset)


def compare(made: Value, graph: Graph, values: list[Value], names: list[tuple[str, Array | None]]) -> None:
    """Runs the model at the examples; DifflabError where its results are not difflab's."""
    feed = [np.asarray(x) for x, (_, weight) in zip(values, names) if weight is None]
    found, runtime = run_model(made, feed)
    with np.errstate(all="ignore"):
        env = graph.evaluate(values, NUMPY)
    for k, (got, node) in enumerate(zip(found, graph.outputs)):
        want = np.asarray(env[node])
        error, allowed = distance(np.asarray(got), want)
        if error > allowed:
            raise DifflabError(
                f"to_onnx: output {k} is off by {error:.2g} of its size in {runtime}, and {allowed:.2g} is allowed; "
                "check=False writes the file all the same"
            )


def distance(got: Array, want: Array) -> tuple[float, float]:
    """The largest difference in terms of the largest number, and what is allowed in this dtype."""
    allowed = TOLERANCES.get(want.dtype.name, 0.0)
    if got.shape != want.shape:
        return np.inf, allowed
    if want.dtype.kind not in "f":
        return float(np.any(got != want)), 0.0
    same = (got == want) | (np.isnan(got) & np.isnan(want))
    if bool(np.all(same)):
        return 0.0, allowed
    size = float(np.max(np.abs(want[np.isfinite(want)]), initial=1.0))
    gap = np.where(same, 0.0, np.abs(got.astype(float) - want.astype(float)))
    return float(np.max(np.nan_to_num(gap, nan=np.inf))) / size, allowed


def run_model(made: Value, feed: list[Array]) -> tuple[list[Array], str]:
    """The results of a model, and what ran it: onnxruntime, or onnx.reference where that lacks a kernel."""
    by_name = dict(zip([x.name for x in made.graph.input], feed))
    try:
        ort = needed("onnxruntime", "to_onnx(check=True)")
    except InputError:
        ort = None
    if ort is not None:
        options = ort.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = 1
        try:
            session = ort.InferenceSession(made.SerializeToString(), options, providers=["CPUExecutionProvider"])
            return session.run(None, by_name), "onnxruntime"
        except Exception:  # a kernel that it lacks for this dtype, of which it says so in many classes
            pass
    reference = needed("onnx.reference", "to_onnx(check=True)").ReferenceEvaluator(made)
    try:
        with np.errstate(all="ignore"):
            return list(reference.run(None, by_name)), "onnx.reference"
    except Exception as error:  # a kernel that both lack for these dtypes
        raise DifflabError(
            f"to_onnx: neither onnxruntime nor onnx.reference runs the file ({error!s:.200}); real numbers in place of "
            "truth values or of other dtypes may do, and check=False writes the file all the same"
        ) from None
