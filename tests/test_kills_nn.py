"""The neural networks' numbers at their edges: against NumPy and formulas."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import json
import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from difflab import nn
from difflab.errors import DomainError, InputError, ShapeError
from difflab.nn import functional as F, pictures, report
from difflab.nn.optim.second_order import conjugate_gradients
from difflab.nn.training.checkpoint import Checkpoint
from difflab.nn.training.step import Programs

fitting = importlib.import_module("difflab.nn.training.fit")  # the package has the function under its name
IMAGES = {n: np.ones((1, 2, *(5,) * n)) for n in (1, 2, 3)}
FILTERS = {n: np.ones((2, 2, *(2,) * n)) for n in (1, 2, 3)}
POOLS = [f"{kind}_pool{n}d" for kind in ("avg", "max") for n in (1, 2, 3)]
LEAST = {  # for each function: how it is called, and the smallest number that each of its sizes takes
    **{f"conv{n}d": (n, FILTERS, {"stride": 1, "padding": 0, "dilation": 1, "groups": 1}) for n in (1, 2, 3)},
    **{
        f"conv_transpose{n}d": (
            n,
            FILTERS,
            {"stride": 1, "padding": 0, "output_padding": 0, "dilation": 1, "groups": 1},
        )
        for n in (1, 2)
    },
    **{p: (int(p[-2]), None, {"kernel_size": 1, "stride": 1, "padding": 0}) for p in POOLS},
    "unfold": (2, None, {"kernel_size": 1, "stride": 1, "padding": 0, "dilation": 1}),
    **{f"adaptive_avg_pool{n}d": (n, None, {"output_size": 1}) for n in (1, 2)},
    **{f"lp_pool{n}d": (n, None, {"kernel_size": 1}) for n in (1, 2)},
}
CASES = [(name, option) for name, (_, _, least) in LEAST.items() for option in least]


@pytest.mark.parametrize("name, option", CASES, ids=str)
def test_sizes_have_a_smallest_number(name, option):
    """It is taken, and what is one less is refused by that name, alone or at one axis."""
    n, filters, least = LEAST[name]
    function = getattr(F, name)
    given = {"kernel_size": 2} if "kernel_size" in least else {}
    given |= {"norm_type": 2.0} if name.startswith("lp") else {}
    call = lambda value: function(*([IMAGES[n]] + ([filters[n]] if filters else [])), **{**given, option: value})
    call(least[option])
    below = least[option] - 1
    for wrong in (below, *([] if option == "groups" or n == 1 else [(least[option],) * (n - 1) + (below,)])):
        with pytest.raises(InputError, match=f"{option}.*at least {least[option]}"):
            call(wrong)


@pytest.mark.parametrize("option", ["kernel_size", "stride", "dilation", "output_size", "padding"])
def test_folding_has_smallest_numbers(option):
    given = {"output_size": (1, 1), "kernel_size": 1, "stride": 1, "dilation": 1, "padding": 0}
    np.testing.assert_array_equal(F.fold(np.ones((2, 1)), **given), np.ones((2, 1, 1)))
    least = 0 if option == "padding" else 1
    with pytest.raises(InputError, match=f"{option}.*at least {least}"):
        F.fold(np.ones((2, 1)), **{**given, option: least - 1})


@pytest.mark.parametrize("steps", [0, 1, 2, 5, 50])
def test_conjugate_gradients(steps):
    """As many products as steps at most, and none once the residual is small; each the best of its Krylov space."""
    rng = np.random.default_rng(0)
    M, b = rng.normal(size=(5, 5)), rng.normal(size=5)
    A = M @ M.T + 0.5 * np.eye(5)
    asked = []
    x = conjugate_gradients(lambda p: asked.append(p) or A @ p, b, steps, 1e-10)
    space = np.stack([np.linalg.matrix_power(A, k) @ b for k in range(min(steps, 5))], axis=1) if steps else None
    want = np.zeros(5) if space is None else space @ np.linalg.solve(space.T @ A @ space, space.T @ b)
    np.testing.assert_allclose(x, want, rtol=1e-5, atol=1e-7)
    assert len(asked) <= min(steps, 8)
    assert not conjugate_gradients(lambda p: 1 / 0, np.zeros(3), steps, 1e-10).any()


def test_conjugate_gradients_stop_where_it_bends_down():
    b = np.array([1.0, 2.0])
    np.testing.assert_array_equal(conjugate_gradients(lambda p: -p, b, 9, 1e-10), b)
    np.testing.assert_array_equal(conjugate_gradients(lambda p: 0 * p, b, 9, 1e-10), b)
    A = np.diag([1.0, -0.2])  # up along b, down along the second direction: what the first step came to
    np.testing.assert_allclose(conjugate_gradients(lambda p: A @ p, b, 9, 1e-10), b @ b / (b @ A @ b) * b)


def test_a_checkpoint_is_on_the_disk_before_it_replaces_another(tmp_path, monkeypatch):
    done, fsync, replace = [], os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda f: done.append("synced") or fsync(f))
    monkeypatch.setattr(os, "replace", lambda a, b, **k: done.append("replaced") or replace(a, b, **k))
    path = tmp_path / "best.npz"
    for value in (1.0, 2.0):
        Checkpoint({"params": {"w": np.array([value])}}, {"epoch": 1}).save(path)
        assert done[:2] == ["synced", "replaced"], done
        done.clear()
        with np.load(path) as content:
            assert content["params/w"].tolist() == [value]


FIGURES = json.loads(Path(__file__).with_name("torch_figures.json").read_text())
SIGNATURES = {n: s for n, s in FIGURES["test_nn_functional_more.py::test_signatures_are_torch_s[] 1"].items() if s}


@pytest.mark.parametrize("name", [n for n, s in SIGNATURES.items() if any(x != "required" for _, x in s)])
def test_what_is_not_said_is_what_torch_takes(name):
    function = getattr(F, name)
    ours = {n: p.default for n, p in inspect.signature(function).parameters.items()}
    for argument, default in SIGNATURES[name]:
        assert default == "required" or ours[argument] == default, argument
    needed = [None for x in ours.values() if x is inspect.Parameter.empty]
    with contextlib.suppress(TypeError, ValueError, AttributeError):  # nothing is given, and nothing comes of it
        function(*needed)


SHAPES = [((2,), (2, 2), (2, 2)), ((2, 1, 1, 2),) * 3, ((2, 2), (2, 1, 2), (2, 1, 2)), ((2, 2), (2, 2), (2, 1, 2)),
          ((2, 4), (2, 4), (2, 4)), ((2,), (2,), (2,)), ((2, 1, 2), (2, 2), (2, 1, 2))]  # fmt: skip


@pytest.mark.parametrize("shapes", SHAPES, ids=str)
def test_attention_in_heads_refuses_shapes_that_do_not_fit(shapes):
    eye = np.eye(2)
    rest = (2, 1, np.tile(eye, (3, 1)), None, None, None, False, 0.0, eye, None)
    with pytest.raises(ShapeError, match="multi_head_attention_forward: query"):
        F.multi_head_attention_forward(*map(np.ones, shapes), *rest)


@pytest.mark.parametrize("momentum", [None, 0.1, 0.5])
def test_running_statistics_over_batches(momentum):
    """Without a momentum the mean over all batches; with one, old values fade."""
    layer, rng = nn.BatchNorm1d(3, momentum=momentum), np.random.default_rng(0)
    params, state = layer.init(0, np.float64)
    means, variances = [], []
    for _ in range(5):
        x = rng.normal(size=(8, 3))
        means.append(x.mean(axis=0))
        variances.append(x.var(axis=0, ddof=1))
        _, state = layer.apply(params, state, x, training=True)
    m = momentum
    weights = [1 / 5] * 5 if m is None else [m * (1 - m) ** k for k in (4, 3, 2, 1, 0)]
    np.testing.assert_allclose(state["running_mean"], weights @ np.array(means), rtol=1e-12)
    left = 1 - sum(weights)
    np.testing.assert_allclose(state["running_var"], left + weights @ np.array(variances), rtol=1e-12)
    assert state["num_batches_tracked"] == 5


OPTIMISERS = {  # what is not said; as in torch, and in its documentation
    "SGD": {"lr": 1e-3, "momentum": 0.0, "dampening": 0.0, "weight_decay": 0.0, "nesterov": False, "maximize": False},
    "Adam": {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.0, "amsgrad": False, "maximize": False},
    "AdamW": {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 1e-2, "amsgrad": False},
    "Adamax": {"lr": 2e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.0, "maximize": False},
    "NAdam": {"lr": 2e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.0, "momentum_decay": 4e-3},
    "RAdam": {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.0, "maximize": False},
    "Adagrad": {"lr": 1e-2, "lr_decay": 0.0, "weight_decay": 0.0, "initial_accumulator_value": 0.0, "eps": 1e-10},
    "Adadelta": {"lr": 1.0, "rho": 0.9, "eps": 1e-6, "weight_decay": 0.0, "maximize": False},
    "RMSprop": {"lr": 1e-2, "alpha": 0.99, "eps": 1e-8, "weight_decay": 0.0, "momentum": 0.0, "centered": False},
    "LBFGS": {"history_size": 10},
    "Newton": {"damping": 0.0, "solver": "auto", "cg_steps": 100},
    "GaussNewton": {"damping": "auto", "solver": "auto", "cg_steps": 100},
}


@pytest.mark.parametrize("name", OPTIMISERS)
def test_what_is_not_said_to_an_optimiser(name):
    made = getattr(nn.optim, name)()
    assert {n: getattr(made, n) for n in OPTIMISERS[name]} == OPTIMISERS[name]
    if hasattr(made, "update"):
        said = getattr(nn.optim, name)(**OPTIMISERS[name])
        steps = []
        for optimiser in (made, said):
            p, memory = {"w": np.array([1.0, -2.0])}, optimiser.init({"w": np.array([1.0, -2.0])})
            for k in range(4):
                p, memory = optimiser.update(p, {"w": np.array([0.5, k - 1.5])}, memory)
            steps.append(p["w"].tolist())
        assert steps[0] == steps[1]


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("options", [{}, {"stride": 1, "padding": 1}, {"stride": 1, "dilation": 2}], ids=str)
def test_where_the_largest_elements_stand(n, options):
    """Places in the raveled image: what stands there is the largest, and its window holds it."""
    x = np.random.default_rng(n).normal(size=(2, 3, *(7, 5, 6)[:n]))
    y, places = getattr(F, f"max_pool{n}d")(x, 3 if n < 3 else (3, 2, 3), return_indices=True, **options)
    flat = x.reshape(2, 3, -1)
    np.testing.assert_array_equal(np.take_along_axis(flat, places.reshape(2, 3, -1), axis=2).reshape(y.shape), y)


def test_activation_maps_end_with_the_first_layer_that_is_no_image(monkeypatch):
    shown = []
    monkeypatch.setattr(pictures, "grid", lambda rows, count: shown.append((rows, count)))
    model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Unflatten(1, (3, 2, 2)))
    params, state = model.init(0)
    sample = np.random.default_rng(0).normal(size=(1, 4, 4)).astype(np.float32)
    pictures.activation_maps(model, params, state, sample, 2)
    ((rows, count),) = shown
    assert [name for name, _ in rows] == ["input", *model.names[:2]] and count == 2
    assert [len(images) for _, images in rows] == [1, 2, 2]
    np.testing.assert_array_equal(rows[0][1][0], sample[0])
    conv = model.layers[0].apply(params[model.names[0]], {}, sample[None], training=False)[0][0]
    np.testing.assert_allclose(rows[1][1], conv[:2], rtol=1e-6)
    np.testing.assert_allclose(rows[2][1], np.maximum(conv[:2], 0), rtol=1e-6)


@pytest.mark.parametrize("bad", [0, 1, 4, 7, 9])
@pytest.mark.parametrize("every", [1, 3, 100])
def test_the_step_that_gave_no_number_is_found_from_any_copy(monkeypatch, bad, every):
    """Its number is said, wherever the last copy of the parameters was taken."""
    monkeypatch.setattr(fitting, "SNAPSHOT", every)
    x, y = np.random.default_rng(0).normal(size=(10, 2)), np.ones((10, 1))
    (sample,) = list(fitting.batches(10, 1, seed=3, epoch=0))[bad]
    y[sample] = -1.0
    loss = lambda output, target: np.mean((output - np.sqrt(target)) ** 2)
    with pytest.raises(DomainError, match=f"epoch 1, step {bad + 1}: the loss is nan"):
        nn.fit(nn.Linear(2, 1), (x, y), loss, epochs=1, batch_size=1, seed=3, progress=False)


@pytest.mark.parametrize("shape", [(2,), (1, 4, 4)], ids=str)
@pytest.mark.parametrize("drawn", [False, True])
@pytest.mark.parametrize("samples", [0, 5])
def test_what_a_report_has_a_section_for(monkeypatch, shape, drawn, samples):
    """What there is no picture of has none; pictures of samples need samples that are images."""
    for name in ("learning_curves", "confusion", "mistakes", "first_kernels", "activation_maps"):
        monkeypatch.setattr(pictures, name, lambda *x, n=name: n if drawn or n[0] in "lc" else None)
    looked = SimpleNamespace(verdict=lambda: "fine", plot=lambda: "histograms")
    monkeypatch.setattr(report, "inspect", lambda *x: looked)
    monkeypatch.setattr(report, "summary", lambda *x, **k: SimpleNamespace(_repr_html_=lambda: "table"))
    monkeypatch.setattr(report, "pictured", lambda draw, alt: draw())
    x, y = np.zeros((samples, *shape)), np.zeros(samples, int)
    data = SimpleNamespace(x_test=x, y_test=y, x_train=x, y_train=y, classes=("a", "b"), shape=shape)
    run = SimpleNamespace(
        history=[], predict=lambda x: np.zeros((len(x), 2)), model=None, params=None, state=None
    )  # fmt: skip
    outcome = SimpleNamespace(run=run, data=data, raw=data, recipe=SimpleNamespace(make_loss=lambda data: None))
    images = len(shape) == 3 and samples > 0
    want = ["learning_curves"] + ["confusion"] * (samples > 0) + ["mistakes"] * (images and drawn)
    want += ["first_kernels"] * drawn + ["activation_maps"] * (images and drawn) + ["histograms"]
    found = report.sections(outcome)
    assert [content for _, _, content in found[:-1]] == want and "table" in found[-1][2]


@pytest.mark.parametrize("samples, batch", [(1, 256), (7, 3), (6, 3), (10, 256)])
@pytest.mark.parametrize("classify", [True, False])
def test_a_loss_over_all_samples_is_a_mean(samples, batch, classify):
    """Whatever the batches are; and so is the share of right answers, where there are classes."""
    rng, model = np.random.default_rng(samples), nn.Linear(3, 4)
    params, state = model.init(0, np.float64)
    x, y = rng.normal(size=(samples, 3)), rng.integers(4, size=samples)
    looked = []
    programs = Programs(model, F.cross_entropy, nn.optim.SGD(), classify)
    loss, share = programs.evaluate(params, state, x, y, batch, look=lambda: looked.append(1))
    scores = x @ params["weight"].T + params["bias"]
    logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    assert loss == pytest.approx(-logs[np.arange(samples), y].mean(), rel=1e-12)
    assert share == (pytest.approx((scores.argmax(axis=1) == y).mean()) if classify else None)
    assert len(looked) == -(-samples // batch)


@pytest.mark.parametrize("damping", ["auto", 0.5])
def test_damped_gauss_newton_steps(damping):
    """A damping of its own is doubled until the squares fall, and divided by three after; another one is kept."""
    residuals = lambda p: np.stack([np.arctan(p[0]), np.arctan(p[1] - p[0]), 0.1 * p[1]])
    result = nn.optim.minimize(residuals, np.array([-6.0, 5.0]), nn.optim.GaussNewton(damping=damping), 6)
    x, d, want, doubled = np.array([-6.0, 5.0]), 1e-3 if damping == "auto" else damping, [], 0
    for _ in range(6):
        r = residuals(x)
        a, b = 1 / (1 + x[0] ** 2), 1 / (1 + (x[1] - x[0]) ** 2)
        J = np.array([[a, 0.0], [-b, b], [0.0, 0.1]])
        want.append(0.5 * r @ r)
        for _ in range(30):
            new = x - np.linalg.solve(J.T @ J + d * np.eye(2), J.T @ r)
            if damping != "auto" or residuals(new) @ residuals(new) < r @ r:
                break
            d, doubled = 2 * d, doubled + 1
        x, d = new, d / 3 if damping == "auto" else d
    np.testing.assert_allclose(result.history[:6], want, rtol=1e-6)
    assert (doubled > 1) == (damping == "auto")
