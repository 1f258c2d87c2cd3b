"""What a run of training keeps count of, and what the functions of networks refuse by shape."""

from __future__ import annotations

import importlib
import itertools
from types import SimpleNamespace

import numpy as np
import pytest

from difflab import nn
from difflab.errors import InputError, ShapeError
from difflab.nn import descent, functional as F
from difflab.nn.data.dataset import check_pair
from difflab.nn.training.step import Programs

fitting = importlib.import_module("difflab.nn.training.fit")  # the package has the function under its name
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(10, 3)), RNG.integers(4, size=10)


def kept(monkeypatch, **options):
    """What a run that learns nothing has kept count of whenever it could be saved, and its history."""
    seen = []
    monkeypatch.setattr(fitting.Trainer, "save", lambda self, best=False: seen.append((self.done, self.spent, best)))
    clock = itertools.count(100.0)
    monkeypatch.setattr(fitting, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    frozen = nn.optim.SGD(lr=1e-300)
    run = nn.fit(nn.Linear(3, 4), (X, Y), "cross_entropy", frozen, 2, seed=3, dtype=np.float64, **options)
    return seen, run


@pytest.mark.parametrize("batch", [1, 3, 5, 10, 64])
def test_the_figures_of_an_epoch_are_means_over_all_samples(monkeypatch, batch):
    _, run = kept(monkeypatch, batch_size=batch)
    scores = X @ run.params["weight"].T + run.params["bias"]
    logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    for record in run.history:
        assert record["train_loss"] == pytest.approx(-logs[np.arange(10), Y].mean(), rel=1e-12)
        assert record["train_accuracy"] == pytest.approx((scores.argmax(axis=1) == Y).mean())
        assert record["test_loss"] is record["test_accuracy"] is None
    assert [r["epoch"] for r in run.history] == [1, 2]


@pytest.mark.parametrize("batch", [3, 10])
def test_seconds_of_an_epoch_are_counted_from_its_start(monkeypatch, batch):
    """The clock goes on by one whenever it is read: at the start, after each step, and at the end of an epoch."""
    seen, run = kept(monkeypatch, batch_size=batch, save_every=0)
    steps = -(-10 // batch)
    assert [s for s in seen if s[0]] == [(k, float(k), False) for k in range(1, steps + 1)] * 2
    assert [r["seconds"] for r in run.history] == [steps + 1.0] * 2
    assert [r["samples_per_second"] for r in run.history] == [round(10 / (steps + 1), 1)] * 2


HISTORIES = [  # what is measured, of the epochs; the first after which it stops, with patience 2
    ("test_loss", [1.0, 0.9, 0.8, 0.7], None),
    ("test_loss", [1.0, 1.1, 0.9, 0.95, 0.91], 5),
    ("train_loss", [1.0, 1.0, 1.0], 3),
    ("test_accuracy", [0.1, 0.2, 0.3, 0.4], None),
    ("test_accuracy", [0.4, 0.3, 0.5, 0.5, 0.5], 5),
    ("train_accuracy", [0.4, 0.3, 0.2], 3),
    ("test_loss", [None, None, None], 2),
    ("test_loss", [1.0, None, None], 3),
]


@pytest.mark.parametrize("metric, values, stops", HISTORIES, ids=str)
def test_early_stopping(metric, values, stops):
    history = [{metric: v} for v in values]
    stop = nn.EarlyStopping(2, metric)
    assert next((k for k in range(1, len(history) + 1) if stop(history[:k])), None) == stops


def test_early_stopping_by_no_less_than():
    history = [{"test_loss": v} for v in (1.0, 0.95, 0.9, 0.85)]
    assert not nn.EarlyStopping(2)(history) and nn.EarlyStopping(2, least=0.2)(history[:3])
    assert not nn.EarlyStopping(3, least=0.1)(history)  # the third is better than the first by more


@pytest.mark.parametrize("x, y, fits", [((3, 2), (3,), True), ((3,), (3, 4), True), ((0, 2), (0,), True)])
def test_pairs_that_fit(x, y, fits):
    check_pair("here", np.zeros(x), np.zeros(y))


@pytest.mark.parametrize("x, y", [((), (3,)), ((3,), ()), ((), ()), ((3, 2), (2,)), ((2, 3), (3,))], ids=str)
def test_pairs_that_do_not(x, y):
    with pytest.raises(ShapeError, match="here: inputs of shape .* and labels of shape"):
        check_pair("here", np.zeros(x), np.zeros(y))


BIASES = [((2, 3), (2,)), ((2, 3), ()), ((3,), ()), ((3, 3), (3,))]
NO_BIASES = [((2, 3), (3,)), ((3,), (3,)), ((3,), (1,)), ((2, 3), (1, 2)), ((2, 3), (1,)), ((2, 3), (2, 3))]


@pytest.mark.parametrize("weight, bias", BIASES, ids=str)
def test_biases_that_fit(weight, bias):
    x, w, b = (RNG.normal(size=s) for s in ((4, 3), weight, bias))
    np.testing.assert_allclose(F.linear(x, w, b), x @ w.T + b)


@pytest.mark.parametrize("weight, bias", NO_BIASES, ids=str)
def test_biases_that_do_not(weight, bias):
    with pytest.raises(ShapeError, match="linear: bias has shape"):
        F.linear(np.ones((4, 3)), np.ones(weight), np.ones(bias))


WINDOWED = {
    "conv1d": lambda x, size, **o: F.conv1d(x, np.ones((1, 1, size)), **o),
    "conv2d": lambda x, size, **o: F.conv2d(x[..., None], np.ones((1, 1, size, 1)), **pairs(o)),
    "max_pool1d": lambda x, size, **o: F.max_pool1d(x, size, **o),
    "max_pool2d": lambda x, size, **o: F.max_pool2d(x[..., None], (size, 1), **pairs(o)),
    "unfold": lambda x, size, **o: F.unfold(x[..., None], (size, 1), **pairs(o)),
}


def pairs(options):
    return {k: (v, 0 if k == "padding" else 1) for k, v in options.items()}


@pytest.mark.parametrize("name", WINDOWED)
@pytest.mark.parametrize("size, dilation, padding", [(1, 5, 0), (2, 3, 0), (3, 2, 0), (3, 2, 1), (2, 4, 0), (4, 1, 2)])
def test_an_axis_has_room_for_one_window(name, size, dilation, padding):
    """Of dilation * (size - 1) + 1 elements, the padded ones among them; where one is missing, the formula is told."""
    least = max(1, dilation * (size - 1) + 1 - 2 * padding)
    options = {"dilation": dilation, "padding": padding, "stride": 2}
    if "pool" in name and 2 * padding > size:
        return
    WINDOWED[name](np.ones((1, 1, least)), size, **options)
    if least == dilation * (size - 1) + 1 - 2 * padding and least > 1:
        told = rf"floor\(\({least - 1} \+ 2\*{padding} - {dilation}\*\({size} - 1\) - 1\)/2\) \+ 1 = 0"
        with pytest.raises((InputError, ShapeError), match=told):
            WINDOWED[name](np.ones((1, 1, least - 1)), size, **options)


@pytest.mark.parametrize("momentum", [0.1, 0.5, 1.0])
def test_running_statistics_of_instances(momentum):
    """The means over the samples of each one's own mean and unbiased variance; old values fade."""
    x = RNG.normal(size=(4, 3, 5))
    old = np.array([1.0, -2.0, 0.5]), np.array([1.5, 2.0, 0.25])
    y, mean, var = F.instance_norm(x, *old, momentum=momentum)
    np.testing.assert_allclose(mean, (1 - momentum) * old[0] + momentum * x.mean(axis=2).mean(axis=0))
    np.testing.assert_allclose(var, (1 - momentum) * old[1] + momentum * x.var(axis=2, ddof=1).mean(axis=0))
    np.testing.assert_allclose(y.mean(axis=2), 0, atol=1e-12)
    alone = F.instance_norm(x, None, old[1], momentum=momentum)
    assert alone[1] is None
    np.testing.assert_allclose(alone[2], var)


NORMS = {nn.BatchNorm1d: (2, 3), nn.BatchNorm2d: (4,), nn.InstanceNorm2d: (3, 4)}


@pytest.mark.parametrize("layer", NORMS, ids=lambda layer: layer.__name__)
@pytest.mark.parametrize("axes", [1, 2, 3, 4, 5])
def test_layers_of_running_statistics_take_so_many_axes(layer, axes):
    made = layer(3)
    params, state = made.init(0)
    unbatched = layer is nn.InstanceNorm2d and axes == 3
    x = RNG.normal(size=(3, 4, 5) if unbatched else (2, 3, 4, 5, 6)[:axes])
    if axes in NORMS[layer]:
        assert made.apply(params, state, x, training=True)[0].shape == x.shape
        x = x[:2] if unbatched else x[:, :2]
    told = " or ".join(map(str, NORMS[layer]))
    with pytest.raises(ShapeError, match=rf"{layer.__name__}\(3\): the input has shape .*; it needs {told} axes"):
        made.apply(params, state, x, training=True)


@pytest.mark.parametrize("width, heads", [(8, 2), (64, 4)])
@pytest.mark.parametrize("own", [{}, {"kdim": 5, "vdim": 300}], ids=["alike", "of other widths"])
def test_projections_of_attention_begin_with_glorots_variance(width, heads, own):
    """Uniform up to sqrt(6 / (rows + columns)), with a variance of 2 / (rows + columns)."""
    params = nn.MultiheadAttention(width, heads, **own).init(0, np.float64)[0]
    named = {n: w for n, w in params.items() if n.endswith("proj_weight")}
    assert len(named) == (3 if own else 1)
    for w in named.values():
        bound = np.sqrt(6 / sum(w.shape))
        assert 0.9 * bound < np.abs(w).max() <= bound
        assert w.var() == pytest.approx(2 / sum(w.shape), rel=0.25)


@pytest.mark.parametrize("layer", [nn.Dropout(0.5), nn.Dropout2d(0.5)], ids=str)
def test_dropout_counts_its_calls(layer):
    """A number of the seed, which stays, and one of the call."""
    params, state = layer.init(7)
    first, x, drawn = state["key"].copy(), np.ones((4, 6, 5, 5)), []
    for k in range(4):
        np.testing.assert_array_equal(state["key"], [first[0], first[1] + k])
        same = layer.apply(params, state, x, training=False)
        assert same[0] is x and same[1] is state
        y, state = layer.apply(params, state, x, training=True)
        drawn.append(y.tobytes())
    assert len(set(drawn)) == 4


@pytest.mark.parametrize("value, fits", [(0, True), (2**53, True), (-1, False), (2**53 + 1, False), (True, False)])
def test_counts_from_a_file(value, fits):
    if fits:
        assert fitting.counted(value) == value
        return
    with pytest.raises(ValueError, match="where a count is wanted"):
        fitting.counted(value)


def test_a_path_ends_where_it_leaves_all_numbers():
    """Though the next step might come back."""
    steps = iter([[1.0, 1.0], [0.5, -1e5], [2e6, 0.0], [1.0, 0.0]])
    jumping = SimpleNamespace(init=lambda p: None, update=lambda p, g, memory: (np.array(next(steps)), None))
    found = descent.path_of(descent.RAVINE, jumping, 4)
    np.testing.assert_array_equal(found, [descent.RAVINE.start, [1.0, 1.0], [0.5, -1e5]])


@pytest.mark.parametrize("factor", [(2.0,), (2.0, 1.0, 1.0), 0.0, (1.0, -1.0), ()], ids=str)
def test_factors_of_an_image_are_one_for_each_axis(factor):
    with pytest.raises(InputError, match="interpolate: scale_factor"):
        F.interpolate(np.ones((1, 1, 4, 4)), scale_factor=factor)


@pytest.mark.parametrize("shape", [(3,), (1, 2), (1, 1), (2, 1)], ids=str)
def test_slopes_of_prelu_are_one_or_one_for_each_channel(shape):
    with pytest.raises(ShapeError, match="prelu: weight has shape"):
        F.prelu(np.ones((4, 2)), np.ones(shape))
    for fits in ((), (1,), (2,)):
        np.testing.assert_array_equal(F.prelu(-np.ones((4, 2)), np.full(fits, 0.5)), np.full((4, 2), -0.5))


@pytest.mark.parametrize("classes", [1, 2, 3, 5])
def test_arms_of_a_spiral_are_turned_by_equal_angles(classes):
    x, y = nn.data.spiral(40, classes=classes, noise=0.0)
    r, angle = np.hypot(*x.T), np.arctan2(x[:, 1], x[:, 0])
    np.testing.assert_allclose(np.exp(1j * (angle - 4 * r)), np.exp(2j * np.pi * y / classes), atol=1e-12)
    assert set(y.tolist()) == set(range(classes)) and r.max() <= 1


def test_a_centred_optimiser_keeps_the_mean_gradient():
    made, p = nn.optim.RMSprop(alpha=0.75, centered=True), {"w": np.array([1.0, -2.0])}
    memory, mean, square = made.init(p), np.zeros(2), np.zeros(2)
    for k in range(4):
        g = np.array([0.5, k - 1.5])
        p, memory = made.update(p, {"w": g}, memory)
        mean, square = 0.75 * mean + 0.25 * g, 0.75 * square + 0.25 * g * g
    kept = {name: np.asarray(tree["w"]) for name, tree in memory.items() if isinstance(tree, dict) and "w" in tree}
    np.testing.assert_allclose(kept["mean"], mean)
    np.testing.assert_allclose(kept["square"], square)


def test_a_program_that_judges_is_built_once_for_each_size():
    """Before it is first called, so that a run which is gone on with judges by the same code."""
    built, made = [], Programs(nn.Linear(3, 4), F.cross_entropy, nn.optim.SGD(), True)
    judge = made.judge
    made.judge = lambda *x: judge(*x)
    made.judge.prepare = lambda params, state, x, y: built.append(len(x)) or judge.prepare(params, state, x, y)
    params, state = nn.Linear(3, 4).init(0, np.float64)
    for _ in range(2):
        made.evaluate(params, state, X, Y, 4)
    assert built == [4, 2]


@pytest.mark.parametrize("make, centre", [(nn.data.blobs, 1.0)])
def test_clouds_are_points_with_noise_added(make, centre):
    x, _ = make(30, classes=3, noise=0.25, seed=5)
    still, _ = make(30, classes=3, noise=0.0, seed=5)
    np.testing.assert_allclose(np.hypot(*still.T), centre)
    np.testing.assert_allclose(x - still, 0.25 * np.random.default_rng(5).normal(size=(30, 2)), atol=1e-12)


@pytest.mark.parametrize(
    "shape, target", [((4, 3), (3,)), ((4, 3), ()), ((3,), (3,)), ((4, 3), (4, 1)), ((2, 2, 2), (2, 2))]
)
def test_targets_of_the_cosine_loss_are_one_for_each_pair(shape, target):
    with pytest.raises(ShapeError, match="cosine_embedding_loss: inputs of shape"):
        F.cosine_embedding_loss(np.ones(shape), np.ones(shape), np.ones(target))
    for fits, told in (((4, 3), (4,)), ((3,), ())):
        assert F.cosine_embedding_loss(np.ones(fits), np.ones(fits), np.ones(told)) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("picture", ["momentum_picture", "convergence_picture", "step_size_picture"])
def test_letters_of_a_picture_are_no_larger_than_its_title(picture, monkeypatch, tmp_path):
    shown = []
    monkeypatch.setattr(descent, "save", lambda made, path, force: shown.append(made))
    getattr(descent, picture)(tmp_path / "picture.png")
    for axes in shown[0].axes:
        texts = [*axes.texts, *(axes.get_legend().get_texts() if axes.get_legend() else ())]
        assert all(6 <= t.get_fontsize() <= 10 for t in texts)
