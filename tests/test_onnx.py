"""Models of ONNX: written by to_onnx, run by onnxruntime, read again by from_onnx."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from out_cases import FUNCTIONS, MODELS, ROWS, counted, flat, model, output, tried
from table_arrays import agree

import difflab as dl
from difflab.errors import DifflabError, InputError, UnsupportedError

onnx = pytest.importorskip("onnx")
ort = pytest.importorskip("onnxruntime")
helper, reference = onnx.helper, pytest.importorskip("onnx.reference")
from difflab.bridges.out import to_onnx as writing  # noqa: E402


def outcome(name):
    def run(graph, values):
        made = writing.model_of(graph, values, writing.input_names(graph, {}), writing.OPSET)
        return writing.run_model(made, [np.asarray(x) for x in values])[0]

    return tried(name, run, lambda name, got, want: agree(name, got, want, 1e-10))


def test_every_row_has_numpys_values_or_is_refused_by_name():
    assert Counter(map(outcome, ROWS)) == counted("ONNX")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_there_and_back(name, tmp_path):
    f, xs = FUNCTIONS[name]
    path = dl.to_onnx(f, tmp_path / "f.onnx", *xs)  # checks it where it runs
    again = dl.from_onnx(path, *xs)
    agree(name, flat(again(*[np.asarray(x) for x in xs])), flat(f(*xs)), 1e-12)


TRUE, EMPTY = np.array([True, False]), np.zeros((2, 0))
CORNERS = {
    "a truth value and a number": (np.logical_and, (TRUE, np.array([0.5, 1.0]))),
    "nothing, flattened": (lambda x: np.ravel(x) + 1, (EMPTY,)),
    "remainder": (np.remainder, (1.0, 0.1)),
    "quotient rounded down": (np.floor_divide, (np.array([1.0, -5.5, 1.0]), np.array([0.1, 2.0, 0.0]))),
    "one truth value summed": (lambda b: np.sum(b) + np.sum(b[0]), (TRUE,)),
}


@pytest.mark.parametrize("name", CORNERS)
def test_corners_have_numpys_values(name, tmp_path):
    f, xs = CORNERS[name]
    path = dl.to_onnx(f, tmp_path / "f.onnx", *xs, check=False)
    with np.errstate(all="ignore"):
        want = flat(f(*xs))
    agree(name, writing.run_model(onnx.load(path), [np.asarray(x) for x in xs])[0], want, 1e-12)


def test_what_no_runtime_runs_is_told():
    number, truth = onnx.TensorProto.DOUBLE, onnx.TensorProto.BOOL
    kinds = {"x": number, "t": truth, "y": truth}
    x, t, y = (helper.make_tensor_value_info(name, kind, [2]) for name, kind in kinds.items())
    made = helper.make_model(helper.make_graph([helper.make_node("And", ["x", "t"], ["y"])], "g", [x, t], [y]))
    with pytest.raises(DifflabError, match="neither onnxruntime nor"):
        writing.run_model(made, [np.ones(2), TRUE])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", MODELS)
def test_models_there_and_back_for_any_batch(name, dtype, tmp_path):
    made, params, state, x = model(name, dtype)
    tolerance = 1e-5 if dtype is np.float32 else 1e-12
    path = dl.to_onnx(made, tmp_path / "m.onnx", x, params=params, state=state, batch=True)
    names = {t.name for t in onnx.load(path).graph.initializer}
    assert {n for n in names if n.endswith(("weight", "weight_ih_l0", "in_proj_weight"))}
    longer = np.concatenate([x, x[::-1], x])
    want = output(made, params, state, longer)
    graph = dl.from_onnx(path, sizes={"batch": len(longer)})
    agree(name, flat(graph(longer)), want, tolerance)
    agree(name, writing.run_model(onnx.load(path), [longer])[0], want, tolerance)


def test_a_gradient_runs_in_onnxruntime(tmp_path):
    graph = dl.backward_graph(dl.parse("q = x + y; f = q * sin(z)"))
    path = dl.to_onnx(graph, tmp_path / "g.onnx")
    session = ort.InferenceSession(path)
    feed = {"x": np.float64(1.0), "y": np.float64(2.0), "z": np.float64(0.5)}
    found = session.run(None, {k: np.asarray(v) for k, v in feed.items()})
    agree("gradient", [np.asarray(v) for v in found], flat(graph(**feed)), 1e-14)


def test_weights_can_be_trained_again(tmp_path):
    made, params, state, x = model("mlp")
    path = dl.to_onnx(made, tmp_path / "m.onnx", x, params=params, state=state)
    graph, weights = dl.from_onnx(path, weights=True)
    got = dl.grad(lambda w: np.sum(graph(w, x) ** 2))(weights)["linear1.weight"]
    want = dl.grad(lambda p: np.sum(made.apply(p, state, x, training=False)[0] ** 2))(params)["linear1"]["weight"]
    np.testing.assert_allclose(got, want, rtol=1e-12)


def test_the_file_says_what_it_is(tmp_path):
    path = dl.to_onnx(lambda x: x + 1, tmp_path / "f.onnx", np.ones(2), opset=19)
    made = onnx.load(path)
    assert made.opset_import[0].version == 19
    assert (made.producer_name, made.producer_version) == ("difflab", dl.__version__)


def test_a_wrong_result_is_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "run_model", lambda made, feed: ([feed[0] + 1e-3], "a broken runtime"))
    with pytest.raises(DifflabError, match="is off by 0.0005 of its size in a broken runtime"):
        dl.to_onnx(lambda x: x * 1.0, tmp_path / "f.onnx", np.full(3, 2.0))
    assert not list(tmp_path.iterdir())


REFUSED = {
    "operations": (lambda p: dl.to_onnx(lambda x: dl.numpy.gamma(x) + np.linalg.inv(x), p, np.eye(2)),
                   UnsupportedError, "2 operations of this graph: gamma, inv"),
    "branches": (lambda p: dl.to_onnx(lambda x: x if x > 0 else -x, p, 1.0), UnsupportedError, "looks at a value"),
    "opset": (lambda p: dl.to_onnx(lambda x: x + 1, p, 1.0, opset=7), InputError, "opset=7; give one of 18 to 23"),
    "no examples": (lambda p: dl.to_onnx(lambda x: x + 1, p), InputError, "needs examples"),
    "no params": (lambda p: dl.to_onnx(dl.nn.ReLU(), p, np.ones(2)), InputError, "give params="),
    "batch of one": (lambda p: dl.to_onnx(lambda x: x + 1, p, np.ones((1, 2)), batch=True), InputError, "two rows"),
    "a mean over the batch": (lambda p: dl.to_onnx(lambda x: x - np.mean(x), p, np.ones((3, 2)), batch=True),
                              UnsupportedError, "length of the batch"),
    "complex": (lambda p: dl.to_onnx(lambda x: np.exp(1j * x), p, np.ones(2)), UnsupportedError, "complex128"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_written_is_told(name, tmp_path):
    call, error, words = REFUSED[name]
    with pytest.raises(error, match=words):
        call(tmp_path / "f.onnx")
    assert not list(tmp_path.iterdir())


def made_of(nodes, inputs, outputs, initializers=()):
    info = lambda name, shape: helper.make_tensor_value_info(name, onnx.TensorProto.DOUBLE, shape)
    tensors = [onnx.numpy_helper.from_array(np.asarray(v), k) for k, v in initializers]
    graph = helper.make_graph(nodes, "g", [info(*x) for x in inputs], [info(*y) for y in outputs], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


X = np.random.default_rng(2).normal(size=(2, 4, 6, 5))
W = np.random.default_rng(3).normal(size=(6, 2, 3, 2))
C = np.random.default_rng(4).uniform(0.5, 1.5, size=(4, 4))
SEQUENCE = np.random.default_rng(6).normal(size=(5, 2, 4))


def recurrent(kind, gates, directions, **more):
    r = np.random.default_rng(1)
    given = [("w", r.normal(size=(directions, gates * 3, 4))), ("r", r.normal(size=(directions, gates * 3, 3)))]
    given.append(("b", r.normal(size=(directions, 2 * gates * 3))))
    way = {1: "forward", 2: "bidirectional"}[directions]
    return kind, {"hidden_size": 3, "direction": way, **more}, given, SEQUENCE


# Operators of networks as others write them: attributes, initialisers, input.
OPERATORS = {
    "Conv": ("Conv", {"strides": [2, 1], "pads": [1, 0, 0, 2], "group": 2}, [("w", W), ("b", np.arange(6.0))], X),
    "Conv same": ("Conv", {"auto_pad": "SAME_UPPER", "strides": [2, 2], "group": 2}, [("w", W)], X),
    "Conv same lower": ("Conv", {"auto_pad": "SAME_LOWER", "group": 2, "dilations": [2, 1]}, [("w", W)], X),
    "ConvTranspose": ("ConvTranspose", {"strides": [2, 2], "pads": [1, 0, 1, 1], "output_padding": [1, 0]},
                      [("w", W.reshape(4, 3, 3, 2)), ("b", np.arange(3.0))], X),
    "MaxPool": ("MaxPool", {"kernel_shape": [3, 2], "strides": [2, 2], "pads": [1, 0, 1, 1]}, [], X),
    "MaxPool ceil": ("MaxPool", {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1}, [], X),
    "AveragePool": ("AveragePool", {"kernel_shape": [2, 2], "strides": [2, 1], "pads": [1, 1, 0, 0]}, [], X),
    "AveragePool ceil": ("AveragePool", {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1}, [], X),
    "AveragePool padding": ("AveragePool", {"kernel_shape": [2, 2], "pads": [1, 1, 0, 0], "count_include_pad": 1},
                            [], X),
    "GlobalAveragePool": ("GlobalAveragePool", {}, [], X),
    "GlobalMaxPool": ("GlobalMaxPool", {}, [], X),
    "BatchNormalization": ("BatchNormalization", {"epsilon": 1e-3}, [(k, C[i]) for i, k in enumerate("abcd")], X),
    "LayerNormalization": ("LayerNormalization", {"axis": 2}, [("a", X[0, 0]), ("b", X[0, 1])], X),
    "InstanceNormalization": ("InstanceNormalization", {}, [("a", C[0]), ("b", C[1])], X),
    "Gemm": ("Gemm", {"alpha": 0.5, "beta": 2.0, "transB": 1}, [("w", np.ones((3, 5))), ("c", np.arange(3.0))],
             X[0, 0]),
    "Flatten": ("Flatten", {"axis": 2}, [], X),
    "Softmax": ("Softmax", {"axis": 1}, [], X),
    "LeakyRelu": ("LeakyRelu", {"alpha": 0.25}, [], X),
    "PRelu": ("PRelu", {}, [("s", C[0].reshape(4, 1, 1))], X),
    "Elu": ("Elu", {"alpha": 0.5}, [], X),
    "Selu": ("Selu", {}, [], X),
    "HardSigmoid": ("HardSigmoid", {}, [], X),
    "HardSwish": ("HardSwish", {}, [], X),
    "Clip": ("Clip", {}, [("low", np.array(-0.5)), ("high", np.array(0.75))], X),
    "Pad": ("Pad", {"mode": "reflect"}, [("p", np.array([0, 0, 1, 2, 0, 0, 2, 1]))], X),
    "Slice": ("Slice", {}, [("s", np.array([4, -1])), ("e", np.array([-9, 1])), ("a", np.array([2, 3])),
                            ("t", np.array([-1, -2]))], X),
    "Gather": ("Gather", {"axis": 1}, [("i", np.array([[0, -1], [2, 2]]))], X),
    "GatherElements": ("GatherElements", {"axis": 3}, [("i", np.arange(96).reshape(2, 4, 6, 2) % 7 - 3)], X),
    "Transpose": ("Transpose", {"perm": [0, 2, 3, 1]}, [], X),
    "ReduceMean": ("ReduceMean", {"keepdims": 0}, [("a", np.array([1, -1]))], X),
    "ReduceL2": ("ReduceL2", {}, [("a", np.array([2]))], X),
    "ReduceLogSumExp": ("ReduceLogSumExp", {}, [("a", np.array([1, 2]))], X),
    "Resize": ("Resize", {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
               [("", None), ("s", np.array([1, 1, 2, 1.5], np.float32))], X),
    "Tile": ("Tile", {}, [("r", np.array([1, 2, 1, 3]))], X),
    "CumSum": ("CumSum", {}, [("a", np.array(2))], X),
    "LSTM": recurrent("LSTM", 4, 1),
    "LSTM both ways": recurrent("LSTM", 4, 2),
    "GRU": recurrent("GRU", 3, 1),
    "GRU as PyTorch's": recurrent("GRU", 3, 2, linear_before_reset=1),
    "RNN": recurrent("RNN", 1, 1),
}  # fmt: skip


@pytest.mark.parametrize("name", OPERATORS)
def test_operators_of_networks_have_the_references_values(name, tmp_path):
    op, attributes, initializers, x = OPERATORS[name]
    inputs = ["x", *[k for k, _ in initializers]]
    node = helper.make_node(op, inputs, ["y"], **attributes)
    made = made_of([node], [("x", x.shape)], [("y", None)], [(k, v) for k, v in initializers if k])
    path = tmp_path / "m.onnx"
    path.write_bytes(made.SerializeToString())
    (want,) = reference.ReferenceEvaluator(made).run(None, {"x": x})
    if name.startswith(("AveragePool ceil", "GRU as", "LSTM both")):  # which the reference has not right
        single = made_of([node], [("x", x.shape)], [("y", None)], [(k, v.astype("f4")) for k, v in initializers if k])
        for info in (*single.graph.input, *single.graph.output):
            info.type.tensor_type.elem_type = onnx.TensorProto.FLOAT
        session = ort.InferenceSession(single.SerializeToString())
        (want,) = session.run(None, {"x": x.astype("f4")})
        np.testing.assert_allclose(dl.from_onnx(path)(x), want, rtol=2e-5, atol=2e-6)
        return
    agree(name, [dl.from_onnx(path)(x)], [want], 1e-6 if name in ("Selu", "HardSigmoid", "HardSwish") else 1e-10)


def test_unknown_operators_are_named_with_their_count(tmp_path):
    nodes = [helper.make_node("NonZero", ["x"], ["a"]), helper.make_node("NonZero", ["x"], ["b"])]
    nodes.append(helper.make_node("Own", ["a"], ["y"], domain="mine"))
    path = tmp_path / "m.onnx"
    path.write_bytes(made_of(nodes, [("x", (2,))], [("y", None)]).SerializeToString())
    with pytest.raises(UnsupportedError, match=r"3 operators that are not known: NonZero \(2\), mine\.Own"):
        dl.from_onnx(path)


@pytest.mark.parametrize("seed", range(40))
def test_damaged_files_are_told_as_such(seed, tmp_path):
    made, params, state, x = model("mlp")
    data = bytearray(dl.to_onnx(made, tmp_path / "m.onnx", x, params=params, state=state, check=False).read_bytes())
    r = np.random.default_rng(seed)
    for at in r.integers(0, len(data), 12):
        data[at] = r.integers(256)
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes(bytes(data[: r.integers(1, len(data))]) if seed % 2 else bytes(data))
    try:
        dl.from_onnx(damaged)
    except DifflabError as error:
        assert str(error)


@pytest.mark.parametrize(
    ("text", "words"), [(b"", "holds no graph"), (b"not a model at all", "no model of ONNX"), (None, "cannot be read")]
)
def test_files_that_are_none(text, words, tmp_path):
    path = tmp_path / "x.onnx"
    if text is not None:
        path.write_bytes(text)
    with pytest.raises(InputError, match=words):
        dl.from_onnx(path)


def test_sizes_of_no_axis_and_wrong_shapes(tmp_path):
    path = dl.to_onnx(lambda x: x * 2, tmp_path / "f.onnx", np.ones((2, 3)), batch=True)
    with pytest.raises(InputError, match="sizes has rows"):
        dl.from_onnx(path, sizes={"rows": 3})
    graph = dl.from_onnx(path, sizes={"batch": 4})
    with pytest.raises(DifflabError, match=r"has shape \(5, 3\)"):
        graph(np.ones((5, 3)))
