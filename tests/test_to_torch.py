"""Functions, graphs and models as PyTorch's: values, derivatives, batches, and every row."""

from __future__ import annotations

from collections import Counter

import numpy as np
import optree
import pytest
from out_cases import FUNCTIONS, MODELS, NUMBERS_ONLY, ROWS, counted, flat, model, output, tried
from scipy import special
from table_arrays import agree

import difflab as dl
from difflab.errors import InputError, UnsupportedError

torch = pytest.importorskip("torch")
from difflab.bridges.out.torch_run import OnTorch  # noqa: E402

UP_TO_SIGN = {"eigh", "svd", "eig", "qr"}  # their vectors may have either sign


def same(name, got, want):
    if name in UP_TO_SIGN:
        got, want = [np.abs(x) for x in got], [np.abs(x) for x in want]
    agree(name, got, want, 1e-10)


def outcome(name):
    def run(graph, values):
        return [x.resolve_conj().numpy() for x in OnTorch(graph, values)(*[torch.tensor(x) for x in values])]

    return tried(name, run, same)


def test_every_row_has_numpys_values_or_is_refused_by_name():
    assert Counter(map(outcome, ROWS)) == counted("PyTorch")


def tensors(xs, **more):
    return [torch.tensor(np.asarray(x), **more) for x in xs]


def numbers(found):
    return [x.detach().numpy() for x in torch.utils._pytree.tree_leaves(found)]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_have_difflabs_values(name):
    f, xs = FUNCTIONS[name]
    agree(name, numbers(dl.to_torch(f)(*tensors(xs))), flat(f(*xs)), 1e-12)


SMOOTH = [n for n in FUNCTIONS if n not in ("several", "rounded", "Hessian", "scan", "reverse scan")]


@pytest.mark.parametrize("name", SMOOTH)
def test_autograds_derivatives_are_difflabs(name):
    f, xs = FUNCTIONS[name]
    total = lambda *xs: np.sum(f(*xs))
    want = dl.grad(total, tuple(range(len(xs))))(*xs)
    given = tensors(xs, dtype=torch.float64, requires_grad=True)
    dl.to_torch(total)(*given).backward()
    agree(name, [x.grad.numpy() for x in given], flat(want), 1e-10)


@pytest.mark.parametrize("name", [n for n in SMOOTH if "branch" not in n and n not in NUMBERS_ONLY])
def test_batches_of_torch(name):
    f, xs = FUNCTIONS[name]
    batch = [np.stack([x, 0.9 * np.asarray(x), 1.1 * np.asarray(x)]) for x in xs]
    got = torch.func.vmap(dl.to_torch(f))(*tensors(batch))
    agree(name, numbers(got), [np.stack([f(*rows) for rows in zip(*batch)])], 1e-11)


@pytest.mark.parametrize("name", MODELS)
def test_models_are_modules_with_their_parameters(name):
    made, params, state, x = model(name)
    module = dl.to_torch(made, params=params, state=state)
    found = dict(module.named_parameters())
    assert found and all("." in n or n.islower() for n in found)
    agree(name, numbers(module(torch.tensor(x))), output(made, params, state, x), 1e-12)
    sum(torch.sum(y**2) for y in torch.utils._pytree.tree_leaves(module(torch.tensor(x)))).backward()
    gradient = dl.grad(lambda p: total_of(made, p, state, x))(params)
    agree(name, [p.grad.numpy() for p in module.parameters()], flat(gradient), 1e-9)


def total_of(made, params, state, x):
    return sum(np.sum(y**2) for y in optree.tree_leaves(made.apply(params, state, x, training=False)[0]))


def test_graphs_of_text_and_single_precision():
    f = dl.to_torch(dl.parse("x*y + sin(x)"))
    y = f(torch.tensor(1.0), torch.tensor(2.0))
    assert y.dtype is torch.float32 and abs(float(y) - 2.8414709) < 1e-6
    g = dl.to_torch(lambda x: x / 3)
    assert g(torch.tensor(1.0, dtype=torch.float64)).dtype is torch.float64  # traced anew for another dtype


def test_a_pullback_of_ones_own_is_kept():
    @dl.custom_gradient
    def straight(x):
        return np.round(x), lambda ct: ct

    f = dl.to_torch(lambda x: straight(x) * x)
    assert float(torch.func.grad(f)(torch.tensor(1.3, dtype=torch.float64))) == 2.3


def test_stopped_values_have_no_derivative():
    f = dl.to_torch(lambda x: dl.stop_gradient(x) * x)
    assert float(torch.func.grad(f)(torch.tensor(3.0))) == 3.0


def test_params_of_a_function_are_a_modules():
    params = {"w": np.ones(3), "b": {"c": 2.0}}
    module = dl.to_torch(lambda p, x: p["w"] @ x + p["b"]["c"], params=params)
    assert sorted(n for n, _ in module.named_parameters()) == ["b.c", "w"]
    assert float(module(torch.ones(3, dtype=torch.float64))) == 5.0


def test_what_it_reads_is_read_again():
    scale = 2.0
    f = dl.to_torch(lambda x: scale * x)
    assert float(f(torch.tensor(1.0))) == 2.0
    scale = 3.0
    assert float(f(torch.tensor(1.0))) == 3.0


@pytest.mark.parametrize(
    ("f", "error", "words"),
    [
        (
            lambda x: dl.numpy.gamma(x) + special_k(x) + special_k(2 * x),
            UnsupportedError,
            r"3 operations of this graph: gamma, kv \(2\)",
        ),
        (lambda x: x if x > 0 else -x, UnsupportedError, "looks at a value"),
        (3, InputError, "neither a function, a graph nor a model"),
    ],
)  # fmt: skip
def test_what_cannot_be_written_is_told(f, error, words):
    with pytest.raises(error, match=words):
        dl.to_torch(f)(torch.tensor(1.5, dtype=torch.float64))


def special_k(x):
    return special.kv(1.5, x)


def test_a_model_without_parameters_is_refused():
    with pytest.raises(InputError, match="give params="):
        dl.to_torch(dl.nn.ReLU())
