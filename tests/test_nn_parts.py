"""Parts of networks by themselves: descent, models, summaries, inspection, reports, against formulas and loops."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest
from torch_cases import rng_array

import difflab as dl
from difflab import nn
from difflab.errors import InputError
from difflab.nn import kernels, models, optim, report
from difflab.nn.functional import checks, recurrent
from difflab.nn.inspect import Inspection, LayerLook, rms
from difflab.nn.optim import Optimiser
from difflab.nn.training import progress
from difflab.nn.training.recipes import Recipe, run

descent = import_module("difflab.nn.optim.minimize")  # the package has a function of that name

F = nn.functional


# Descent.
@pytest.mark.parametrize("length", [1.0, 1.5, 1.9999, 2.1, 3.0, 9.0, 40.0])
def test_a_step_is_halved_until_it_goes_down_far_enough(length):
    """f = |x|²/2 at (1, 0): a step of `length` against the gradient gains t length (1 - t length / 2)."""
    f = lambda x: 0.5 * float(x @ x)
    x = g = np.array([1.0, 0.0])
    new, value, moved = descent.descend(f, x, 0.5, -length * g, g)
    share = next(2.0**-k for k in range(50) if f(x - 2.0**-k * length * g) <= 0.5 - 1e-4 * 2.0**-k * length)
    assert moved
    np.testing.assert_allclose(new, x - share * length * g)
    assert value == f(new)


def test_a_step_that_never_goes_down_is_not_made():
    asked = []
    f = lambda x: asked.append(x) or float("nan")
    x = np.array([1.0])
    assert descent.descend(f, x, 0.5, np.array([1.0]), np.array([1.0])) == (x, 0.5, False)
    assert len(asked) == 50 and asked[-1] == 1 + 2.0**-49


def levenberg(residuals, jacobian, x, steps, damping):
    """Levenberg and Marquardt's rule as GaussNewton tells it: a third after a good step, doubled after a bad one."""
    found, auto = [x], damping == "auto"
    d = 1e-3 if auto else damping
    trial = lambda x, d: x - np.linalg.lstsq(jacobian(x).T @ jacobian(x) + d * np.eye(len(x)), slope(x), rcond=None)[0]
    slope = lambda x: jacobian(x).T @ residuals(x)
    for _ in range(steps):
        while auto and np.sum(residuals(trial(x, d)) ** 2) >= np.sum(residuals(x) ** 2):
            d *= 2
        x = trial(x, d)
        d = d / 3 if auto else d
        found.append(x)
    return found


@pytest.mark.parametrize("solver", ["dense", "cg"])
@pytest.mark.parametrize("damping", ["auto", 0.2])
def test_gauss_newton_takes_the_steps_of_its_rule(damping, solver):
    """On Rosenbrock's residuals from far away, where steps are refused."""
    residuals = lambda x: np.array([10 * (x[1] - x[0] ** 2), 1 - x[0]])
    ours = lambda p: [10 * (p["y"] - p["x"] ** 2), 1 - p["x"]]
    slope = lambda x: np.array([[-20 * x[0], 10.0], [-1.0, 0.0]])
    start = np.array([-1.2, 1.0])
    want = levenberg(residuals, slope, start, 6, damping)
    result = optim.minimize(ours, {"x": -1.2, "y": 1.0}, optim.GaussNewton(damping, solver), 6, tolerance=0.0)
    np.testing.assert_allclose([[p["x"], p["y"]] for p in result.trajectory], want, rtol=1e-5)
    np.testing.assert_allclose(result.history, [0.5 * np.sum(residuals(x) ** 2) for x in want], rtol=1e-4, atol=1e-12)
    assert (result.steps, result.message, result.converged) == (6, descent.ENOUGH, False)


def test_newton_takes_halved_newton_steps():
    f = lambda p: np.sum(np.sqrt(1 + p**2))  # f'' falls off: from 2 a whole Newton step overshoots, to -8
    result = optim.minimize(f, np.array([2.0]), optim.Newton(), 3, tolerance=1e-9)
    x, want = 2.0, [2.0]
    for _ in range(3):
        slope, bend = x / np.sqrt(1 + x * x), (1 + x * x) ** -1.5
        step, t = -slope / bend, 1.0
        while np.sqrt(1 + (x + t * step) ** 2) > np.sqrt(1 + x * x) + 1e-4 * t * step * slope:
            t /= 2
        x += t * step
        want.append(x)
    np.testing.assert_allclose(np.ravel(result.trajectory), want, rtol=1e-9)


@pytest.mark.parametrize(
    "make", [optim.Newton, optim.LBFGS, lambda: optim.SGD(lr=0.25)], ids=["Newton", "LBFGS", "SGD"]
)
def test_how_a_run_ended_is_told(make):
    f = lambda p: np.sum((p - 1.0) ** 2)
    for steps, tolerance, message, converged in [(0, 1e-8, descent.ENOUGH, False), (80, 1e-8, descent.SMALL, True)]:
        result = optim.minimize(f, np.zeros(2), make(), steps, tolerance=tolerance)
        assert (result.message, result.converged) == (message, converged)
        assert result.value == f(result.params) == result.history[-1]
        assert len(result.history) == result.steps + 1
    asked = optim.minimize(f, np.zeros(2), make(), 80, callback=lambda step, params, value: True)
    assert (asked.message, asked.converged, asked.steps) == (descent.ASKED, False, 0)
    assert isinstance(optim.SGD(), Optimiser)


def test_the_size_of_gradients_is_their_largest_element():
    assert descent.size({"a": np.array([1.0, -5.0]), "b": 2.0}) == 5.0
    assert descent.size([]) == descent.size([np.zeros(0)]) == 0.0


# Functions.
def test_older_arguments_of_losses_mean_what_torch_says():
    """torch.nn.functional's legacy_get_string, from its documentation: average unless summed, none unless reduced."""
    for size_average, reduce, reduction, want in [
        (None, None, "sum", "sum"), (None, None, "none", "none"), (True, None, "sum", "mean"),
        (False, None, "mean", "sum"), (None, True, "sum", "mean"), (None, False, "mean", "none"),
        (True, False, "mean", "none"), (False, True, "mean", "sum"), (False, False, "mean", "none"),
    ]:  # fmt: skip
        assert checks.legacy(size_average, reduce, reduction) == want
    x = np.array([-1.0, 0.0, 2.0])
    np.testing.assert_array_equal(checks.clamped(x), [0, 0, 2])
    np.testing.assert_array_equal(dl.grad(lambda x: np.sum(checks.clamped(x)))(x), [0, 1, 1])


@pytest.mark.parametrize("kind, gates", [("rnn", 1), ("gru", 3), ("lstm", 4)])
def test_dropout_stands_between_the_layers(kind, gates):
    """Two layers with dropout are one layer, dropout under the layer's own key, and the other layer."""
    shapes = [
        (gates * 3, 2),
        (gates * 3, 3),
        (gates * 3,),
        (gates * 3,),
        (gates * 3, 3),
        (gates * 3, 3),
        *[(gates * 3,)] * 2,
    ]
    params = [rng_array(s, k) for k, s in enumerate(shapes)]
    f, x, key = getattr(F, kind), rng_array((5, 2, 2)), np.array([4, 7])
    whole = f(x, None, params, num_layers=2, dropout=0.5, train=True, key=key)
    first = f(x, None, params[:4])
    between = F.dropout(first[0], 0.5, key=recurrent.layer_key("x", key, 0))
    second = f(between, None, params[4:])
    assert (between == 0).any()
    np.testing.assert_allclose(whole[0], second[0], rtol=1e-12)
    for a, b, c in zip(whole[1:], first[1:], second[1:]):
        np.testing.assert_allclose(a, np.concatenate([b, c]), rtol=1e-12)
    np.testing.assert_allclose(  # without training there is none
        f(x, None, params, num_layers=2, dropout=0.5, train=False)[0], f(first[0], None, params[4:])[0], rtol=1e-12
    )
    keys = [tuple(recurrent.layer_key("x", k, layer)) for k in (7, np.array([7, 0]), key) for layer in (0, 1)]
    assert keys[:2] == keys[2:4] == [(7, 1 << 32), (7, 2 << 32)] and keys[4:] == [
        (4, 7 + (1 << 32)),
        (4, 7 + (2 << 32)),
    ]
    with pytest.raises(InputError, match="key="):
        f(x, None, params, num_layers=2, dropout=0.5, train=True)


@pytest.mark.parametrize("kind, gates", [("rnn_cell", 1), ("gru_cell", 3), ("lstm_cell", 4)])
def test_cells_begin_with_zeros(kind, gates):
    params = [rng_array(s, k) for k, s in enumerate([(gates * 3, 2), (gates * 3, 3), gates * 3, gates * 3])]
    f, zero = getattr(F, kind), np.zeros((5, 3))
    x = rng_array((5, 2))
    for a, b in zip(f(x, None, *params), f(x, (zero, zero) if gates == 4 else zero, *params)):
        np.testing.assert_array_equal(a, b)


# Models, and what is told of them.
def parameters(model):
    return sum(int(np.size(x)) for x in nn.torch_weights.flat(model.init(0)[0]).values())


CNN = 9 * 32 + 32 + 2 * 32 + 9 * 32 * 64 + 64 + 2 * 64
MODELS = [
    (models.cnn(), (1, 8, 8), CNN + 64 * 4 * 10 + 10),
    (models.cnn(3, 5, size=12), (3, 12, 12), CNN + 2 * 9 * 32 + 64 * 9 * 5 + 5),
    (models.lenet5(), (1, 28, 28), 6 * 26 + 16 * 151 + 401 * 120 + 121 * 84 + 85 * 10),
    (models.lenet5(3, 7, size=32, batch_norm=True), (3, 32, 32), 6 * 76 + 16 * 151 + 401 * 120 + 121 * 84 + 85 * 7
     + 2 * (6 + 16 + 120 + 84)),
    (models.mlp((4, 3, 2)), (4,), 15 + 8),
    (models.mlp((4, 3, 2), batch_norm=True, dropout=0.5), (4,), 15 + 8 + 6),
    (models.for_images("mlp", (1, 10, 10), 10), (1, 10, 10), 101 * 64 + 65 * 10),
    (models.for_images("mlp", (1, 10, 11), 10), (1, 10, 11), 111 * 256 + 257 * 128 + 129 * 10),
    (models.for_images("cnn", (1, 8, 8), 10), (1, 8, 8), CNN + 64 * 4 * 10 + 10),
    (models.for_images("lenet5", (1, 28, 28), 10, True), (1, 28, 28), 61706 + 2 * (6 + 16 + 120 + 84)),
]  # fmt: skip


@pytest.mark.parametrize("model, shape, count", MODELS)
def test_models_have_the_parameters_that_their_sizes_say(model, shape, count):
    assert parameters(model) == count == nn.summary(model, shape).parameters
    y, _ = model.apply(*model.init(0), np.zeros((2, *shape)), training=False)
    assert y.shape == (2, model.layers[-1].out_features)


def test_the_layers_of_models():
    kinds = lambda model: [type(layer).__name__ for layer in model.layers]
    assert kinds(models.mlp((4, 3, 2), activation=nn.Tanh(), batch_norm=True, dropout=0.5)) == [
        "Flatten", "Linear", "BatchNorm1d", "Tanh", "Dropout", "Linear"
    ]  # fmt: skip
    assert models.mlp((4, 3, 2), dropout=0.25).layers[3] == nn.Dropout(0.25)
    assert models.cnn()["dropout"] == nn.Dropout(0.3)
    assert kinds(models.cnn())[:5] == ["Conv2d", "BatchNorm2d", "ReLU", "MaxPool2d", "Conv2d"]
    for call in (
        lambda: models.cnn(size=3), lambda: models.mlp((3,)), lambda: models.lenet5(size=15),
        lambda: models.for_images("vgg", (1, 8, 8), 2), lambda: models.for_images("cnn", (1, 8, 9), 2),
    ):  # fmt: skip
        with pytest.raises(InputError):
            call()
    assert models.cnn(size=4) and models.lenet5(size=16)


@pytest.mark.parametrize(
    "given, told", [([1, 2], "list"), (None, "NoneType"), ({"b": {}}, "b"), ({}, "of another model")]
)
def test_parameters_of_another_model_are_refused(given, told):
    model = nn.Sequential({"a": nn.Linear(2, 1)})
    params, state = model.init(0)
    for what, trees in (("parameters", (given, state)), ("state", (params, given))):
        with pytest.raises(InputError, match=f"the {what}.* for the layers .*{told}.*this model has a"):
            model.apply(*trees, np.ones((1, 2)), training=False)


def test_a_summary_counts_products():
    """Two operations for each product of a weight, one for each element elsewhere; the field from its recurrence."""
    model = nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1, groups=2, stride=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(4, 3, (1, 2), dilation=2), nn.ConvTranspose2d(3, 2, 2, stride=2), nn.Flatten(), nn.Linear(32, 5),
    )  # fmt: skip
    rows = nn.summary(model, (2, 8, 16)).rows
    assert [r.shape for r in rows] == [(4, 4, 8), (4, 4, 8), (4, 2, 4), (3, 2, 2), (2, 4, 4), (32,), (5,)]
    assert [r.flops for r in rows] == [2 * 128 * 9, 128, 128, 2 * 12 * 4 * 2, 2 * 12 * 2 * 4, 0, 2 * 5 * 32]
    assert [r.field for r in rows] == [(3, 3), (3, 3), (5, 5), (5, 13), None, None, None]


def test_a_summary_is_a_table():
    table = nn.summary(nn.Sequential({"conv": nn.Conv2d(1, 2, 3), "norm": nn.BatchNorm2d(2)}), (1, 4, 5))
    assert str(table).splitlines() == [
        "name   layer        output     parameters  operations  receptive field",
        "conv   Conv2d       2 x 2 x 3          20         216  3 x 3",
        "norm   BatchNorm2d  2 x 2 x 3           4          12  3 x 3",
        "total                                  24         228",
    ]
    page = table._repr_html_()
    assert page.count("<tr>") == 4 and "<td>2 x 2 x 3</td><td>20</td><td>216</td><td>3 x 3</td>" in page


def looks(sizes, zeros=0.0):
    share = np.where(np.arange(100) < 100 * zeros, 0.0, 3.0)
    return Inspection(tuple(LayerLook(f"layer{k}", share, np.full(4, s), 2.0, None) for k, s in enumerate(sizes)))


TIMES = "the gradient's size at layer0 is {} times that at layer1."
VERDICTS = [
    ((1.0, 0.5), 0.0, "Gradients neither vanish nor explode: " + TIMES.format(2)),
    ((1.0, 2e4), 0.0, "Gradients explode: at layer1 their size is 2e+04."),
    ((np.nan, 1.0), 0.0, "Gradients explode: at layer0 their size is nan."),
    ((1e-9, 1.0), 0.0, "Gradients vanish: " + TIMES.format("1e-09")),
    ((1.0, 0.0), 0.0, "Gradients vanish: " + TIMES.format(0)),
    ((1.0, 1.0), 0.96, f"Gradients neither vanish nor explode: {TIMES.format(1)} Almost all outputs of layer0 are 0."),
    ((1.0, 1.0), 0.95, "Gradients neither vanish nor explode: " + TIMES.format(1)),
]


@pytest.mark.parametrize("sizes, zeros, told", VERDICTS)
def test_the_verdict_on_gradients(sizes, zeros, told):
    assert looks(sizes, zeros).verdict() == told


def test_the_table_of_an_inspection():
    lines = looks((1.0, 0.5), 0.25).table().splitlines()
    assert lines[1].split() == ["layer0", f"{np.sqrt(0.75 * 9):.3g}", "1", "2", "25.0%"]
    assert lines[2].split()[2] == "0.5"
    assert rms(np.array([3.0, -4.0])) == pytest.approx(np.sqrt(12.5)) and rms(np.zeros(0)) == 0.0


def test_an_inspection_has_the_gradients_of_each_output():
    """By hand for two linear layers and the mean of squares."""
    model = nn.Sequential({"a": nn.Linear(3, 4), "b": nn.Linear(4, 2)})
    params, state = model.init(1)
    x, y = rng_array((5, 3)), rng_array((5, 2), 1)
    looked = nn.inspect(model, params, state, x, y, F.mse_loss)
    h = x @ params["a"]["weight"].T + params["a"]["bias"]
    out = h @ params["b"]["weight"].T + params["b"]["bias"]
    by_out = 2 * (out - y) / out.size
    first, second = looked.layers
    np.testing.assert_allclose(first.activation, h, rtol=1e-12)
    np.testing.assert_allclose(second.gradient, by_out, rtol=1e-12)
    np.testing.assert_allclose(first.gradient, by_out @ params["b"]["weight"], rtol=1e-12)
    both = np.concatenate([np.ravel(by_out.T @ h), by_out.sum(0)])
    assert second.weight_gradient == pytest.approx(rms(both), rel=1e-9)
    assert second.weights == pytest.approx(rms(np.concatenate([np.ravel(v) for v in params["b"].values()])), rel=1e-9)


# Kernels, progress and the report.
def test_kernels():
    at = np.arange(5) - 2
    bell = np.exp(-(at[:, None] ** 2 + at**2) / (2 * 1.5**2))
    np.testing.assert_allclose(kernels.gaussian(5, 1.5), bell / bell.sum(), rtol=1e-12)
    np.testing.assert_allclose(kernels.box(3), np.ones((3, 3)) / 9)
    assert kernels.box().shape == (3, 3)
    i, j = np.mgrid[-1:2, -1:2]
    images = {"x²": i**2 + 0 * j, "y²": 0 * i + j**2, "ij": i * j, "1": np.ones((3, 3)), "j": j, "i": i}
    on = lambda kernel: {name: float(np.sum(kernel * image)) for name, image in images.items()}
    assert on(kernels.laplacian()) == {"x²": 2, "y²": 2, "ij": 0, "1": 0, "j": 0, "i": 0}
    assert on(kernels.sharpen()) == {"x²": -2, "y²": -2, "ij": 0, "1": 1, "j": 0, "i": 0}
    assert on(kernels.sobel_x()) == {"x²": 0, "y²": 0, "ij": 0, "1": 0, "j": 8, "i": 0}
    assert on(kernels.sobel_y()) == {"x²": 0, "y²": 0, "ij": 0, "1": 0, "j": 0, "i": 8}
    lines = {0: np.eye(3)[[1]].T @ np.ones((1, 3)), 45: np.eye(3)[::-1], 135: np.eye(3)}
    lines[90] = lines[0].T
    for angle, bright in lines.items():
        np.testing.assert_array_equal(kernels.line(angle), 3 * bright - 1)
    assert kernels.line().tolist() == kernels.line(0).tolist()
    assert {name: make().shape for name, make in kernels.KERNELS.items()}["Gaussian blur"] == (9, 9)
    np.testing.assert_array_equal(kernels.KERNELS["Gaussian blur"](), kernels.gaussian(9, 2.0))
    for name, angle in (("horizontal lines", 0), ("vertical lines", 90), ("diagonal lines", 45)):
        np.testing.assert_array_equal(kernels.KERNELS[name](), kernels.line(angle))


RECORD = {"epoch": 3, "train_loss": 0.25, "train_accuracy": None, "test_loss": None, "test_accuracy": None,
          "samples_per_second": 12345.6}  # fmt: skip


def test_an_epoch_in_a_line():
    assert progress.line(RECORD) == "epoch   3  loss 0.2500  12,346 samples/s"
    told = progress.line(RECORD | {"train_accuracy": 0.5, "test_loss": 1.0, "test_accuracy": 0.875})
    assert told == "epoch   3  loss 0.2500  accuracy 50.00%  test loss 1.0000  test accuracy 87.50%  12,346 samples/s"


def test_the_bar_counts_samples():
    bar = progress.Bar()
    try:
        for epoch, done in ((0, 0), (1, 500)):
            bar.epoch(epoch, 4, 5000, done)
            (task,) = bar.bar.tasks
            assert (task.description, task.total, task.completed) == (f"epoch {epoch + 1}/4", 5000, done)
            bar.advance(600, 1.0, None)
            assert bar.bar.tasks[0].completed == done  # it is drawn again for a thousand
            bar.advance(400, 0.5, 0.75)
            (task,) = bar.bar.tasks
            assert (task.completed, task.fields["loss"], task.fields["accuracy"]) == (
                done + 1000,
                0.5,
                "  accuracy 75.0%",
            )
            bar.advance(999, 1.0, None)
        bar.finish(RECORD)
    finally:
        bar.close()


@pytest.mark.parametrize("model, data", [("mlp", "moons"), ("cnn", "digits")])
def test_the_report_of_a_run(tmp_path, model, data):
    outcome = run(Recipe(model, data, epochs=1), tmp_path / "run", progress=False)
    told = outcome.summary()
    page = report.report(outcome)
    assert f"<h1>{model} on {data}</h1>" in page
    assert f"{told['parameters']:,} parameters, 1 epochs, {told['seconds']} seconds" in page
    assert f"test accuracy {told['test_accuracy']:.2%}" in page
    titles = ["Learning curves", "Confusion", "The surest mistakes", "Kernels of the first layer", "Activations",
              "Activations and gradients by layer", "The network"]  # fmt: skip
    images = [t for t in titles if data == "digits" or t not in ("The surest mistakes", *titles[3:5])]
    assert [t for t in titles if f"<h2>{t}</h2>" in page] == images
    assert [f'id="s{k}"' in page for k in range(len(images) + 1)] == [True] * len(images) + [False]
    assert report.write_report(outcome, tmp_path).read_text() == page
