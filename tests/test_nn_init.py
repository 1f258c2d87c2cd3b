"""How weights start: distributions, what the names mean, what layers and models make of them, and depth."""

from __future__ import annotations

import math
import re
import resource
import sys

import numpy as np
import optree
import pytest
from torch_cases import told

from difflab import nn
from difflab.errors import InputError, ShapeError
from difflab.graph.hollow import hollow
from difflab.nn.init import SCHEMES, Shapes, draw, fans
from difflab.nn.layers.layer import Plain

SHAPE = (60, 20, 3, 3)
INTO, OUT = 180, 540
# What a name draws: the variance, and the largest number there can be.
DRAWN = {
    "he": (2 / INTO, math.inf),
    "kaiming": (2 / INTO, math.inf),
    "kaiming_uniform": (2 / INTO, math.sqrt(6 / INTO)),
    "xavier": (2 / (INTO + OUT), math.sqrt(6 / (INTO + OUT))),
    "glorot_normal": (2 / (INTO + OUT), math.inf),
    "lecun": (1 / INTO, math.inf),
    "normal": (1.0, math.inf),
    "uniform": (1 / 12, 1.0),
    "zeros": (0.0, 0.0),
    "orthogonal": (1 / INTO, 1.0),
}


@pytest.mark.parametrize("name", DRAWN)
def test_a_name_is_a_distribution(name):
    w = draw(name, np.random.default_rng(0), SHAPE)
    variance, most = DRAWN[name]
    assert w.shape == SHAPE and w.dtype == np.float64
    assert w.var() == pytest.approx(variance, rel=0.03)  # 10,800 numbers
    assert np.abs(w).max() <= most
    if 0 < most < 1 and name != "orthogonal":  # uniform: it comes close to its ends
        assert np.abs(w).max() > 0.995 * most
    elif variance and most == math.inf:  # normal: beyond three deviations is one number in 370
        assert np.mean(np.abs(w) > 3 * w.std()) == pytest.approx(0.0027, abs=0.0012)


def test_names_are_torchs_distributions(torch):
    """By quantiles of half a million numbers: torch draws other ones."""
    shape, shares = (500, 100, 3, 3), (0.01, 0.25, 0.75, 0.99)

    def drawn(name, more):
        torch.manual_seed(0)
        w = getattr(torch.nn.init, name)(torch.empty(*shape, dtype=torch.float64), **more)
        return np.quantile(w.numpy(), shares).tolist()

    for ours, theirs, more in (
        ("he", "kaiming_normal_", dict(nonlinearity="relu")), ("he_uniform", "kaiming_uniform_", {}),
        ("xavier", "xavier_uniform_", {}), ("xavier_normal", "xavier_normal_", {}), ("normal", "normal_", {}),
        ("uniform", "uniform_", {}), ("orthogonal", "orthogonal_", {}),
    ):  # fmt: skip
        peer = told(lambda theirs=theirs, more=more: drawn(theirs, more))
        found = np.quantile(draw(ours, np.random.default_rng(1), shape), shares)
        np.testing.assert_allclose(found, peer, rtol=0.02, atol=1e-4, err_msg=ours)


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (4, 4), (6, 2, 3, 3), (2, 6, 2, 2)])
def test_orthogonal_rows_or_columns(shape):
    w = nn.init.Orthogonal(gain=2.0).sample(np.random.default_rng(0), shape).reshape(shape[0], -1) / 2
    product = w @ w.T if len(w) <= w.shape[1] else w.T @ w
    np.testing.assert_allclose(product, np.eye(len(product)), atol=1e-12)
    signs = [draw("orthogonal", np.random.default_rng(k), (2, 2))[0, 0] > 0 for k in range(200)]
    assert 0.35 < np.mean(signs) < 0.65  # QR alone makes the first column point one way


def test_names_and_fans():
    assert fans((3, 5)) == (5, 3) and fans(SHAPE) == (INTO, OUT)
    assert SCHEMES["he"] == SCHEMES["kaiming"] == nn.init.Scaled(math.sqrt(2))
    assert SCHEMES["glorot"] == SCHEMES["xavier"] != SCHEMES["xavier_normal"]
    assert all(re.search(rf"\b{name}\b", nn.init.__doc__) for name in SCHEMES)


LAYERS = [
    lambda **k: nn.Linear(30, 40, **k), lambda **k: nn.Conv1d(3, 40, 5, **k), lambda **k: nn.Conv2d(2, 40, 3, **k),
    lambda **k: nn.Conv2d(2, 40, 3, bias="position", input_size=5, **k), lambda **k: nn.ConvTranspose2d(4, 30, 3, **k),
]  # fmt: skip


@pytest.mark.parametrize("make", LAYERS)
def test_layers_start_by_their_scheme(make):
    plain, chosen = make(), make(init="he")
    params, _ = chosen.init(0, np.float32)
    shape = plain.init(0)[0]["weight"].shape
    np.testing.assert_array_equal(params["weight"], draw("he", np.random.default_rng(0), shape).astype(np.float32))
    assert params["bias"].shape == plain.init(0)[0]["bias"].shape and not params["bias"].any()
    assert (plain != chosen) and chosen == make(init="he") and hash(chosen) == hash(make(init="he"))
    assert "init" not in repr(plain) and repr(chosen) == repr(plain)[:-1] + ", init='he')"
    for init in ("he", nn.init.Orthogonal(1.5), nn.init.Constant(0.25)):
        layer = make(init=init)
        assert nn.spec.from_spec(nn.spec.to_spec(layer)) == layer
    assert set(np.unique(make(init=nn.init.Constant(0.25)).init(0)[0]["weight"])) == {0.25}


def test_without_a_scheme_the_start_is_pytorchs():
    """Uniform in ±1/sqrt(fan_in), biases too, from the same numbers as ever."""
    rng = np.random.default_rng(5)
    params = nn.Linear(9, 4).init(5)[0]
    np.testing.assert_array_equal(params["weight"], rng.uniform(-1 / 3, 1 / 3, (4, 9)))
    np.testing.assert_array_equal(params["bias"], rng.uniform(-1 / 3, 1 / 3, 4))


def test_a_scheme_for_a_whole_model():
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 8), nn.PReLU(1))
    (plain, _), (params, _) = model.init(0), model.init(0, np.float32, weights="orthogonal")
    assert optree.tree_structure(plain) == optree.tree_structure(params)
    assert {p.dtype for p in optree.tree_leaves(params)} == {np.dtype(np.float32)}
    w = params["3"]["weight"]
    np.testing.assert_allclose(w @ w.T, np.eye(8), atol=1e-6)
    assert not params["3"]["bias"].any() and params["1"]["weight"].tolist() == [1.0] * 4
    assert params["4"]["weight"].tolist() == [0.25]
    lstm = nn.LSTM(3, 4).init(0, weights="zeros")[0]
    assert not any(p.any() for p in optree.tree_leaves(lstm))
    for make in (nn.models.mlp, nn.models.lenet5, nn.models.cnn):
        chosen = [p for p in optree.tree_leaves(make(init="zeros").init(0)[0]) if p.ndim > 1]
        assert chosen and not any(p.any() for p in chosen)


BAD = [
    (lambda: nn.Linear(3, 4, init="hee"), InputError, "Linear: init='hee'; did you mean 'he'"),
    (lambda: nn.Conv2d(3, 4, 3, init="orth"), InputError, "did you mean 'orthogonal'"),
    (lambda: nn.Linear(3, 4, init="qqq"), InputError, "one of he, kaiming"),
    (lambda: nn.Linear(3, 4, init=0.1), InputError, "init=0.1"),
    (lambda: nn.Linear(3, 4, init=nn.init.Normal), InputError, r"make one, with Normal\(\)"),
    (lambda: nn.Linear(3, 4).init(0, weights="xaver"), InputError, "Linear.init: init='xaver'; did you mean 'xavier'"),
    (lambda: nn.init.Normal(std=-1), InputError, "std=-1; give a finite number of at least 0"),
    (lambda: nn.init.Uniform(2.0, 1.0), InputError, "b=1.0; give a finite number of at least 2"),
    (lambda: nn.init.Scaled(fan="both"), InputError, "fan='both'"),
    (lambda: nn.init.Orthogonal(gain=math.nan), InputError, "gain=nan"),
    (lambda: draw("he", np.random.default_rng(0), (3,)), ShapeError, r"\(3,\).* two axes"),
    (lambda: nn.depth_study("he", layers=0), InputError, "layers=0"),
    (lambda: nn.depth_study("h", activation="relu"), InputError, "did you mean 'he'|activation"),
    (lambda: nn.depth_study(activation="relu"), InputError, "activation='relu'"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "message"), BAD, ids=[m for *_, m in BAD])
def test_what_is_wrong_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


# Depth.
def test_values_through_fifty_layers_follow_the_variances():
    """With relu each layer multiplies the mean square by n Var(w) / 2: He stays, Xavier halves it, N(0, 1) explodes."""
    he, xavier, normal, default = (nn.depth_study(i, width=200) for i in ("he", "xavier", "normal", None))
    assert len(he.values) == len(he.gradients) == 50
    assert 0.1 < he.values[-1] / he.values[0] < 10 and 0.1 < he.gradients[0] / he.gradients[-1] < 10
    rate = (xavier.values[-1] / xavier.values[0]) ** (1 / 49)
    assert rate == pytest.approx(math.sqrt(1 / 2), rel=0.04)
    assert (normal.values[-1] / normal.values[0]) ** (1 / 49) == pytest.approx(math.sqrt(200 / 2), rel=0.04)
    back = (default.gradients[0] / default.gradients[-1]) ** (1 / 49)
    assert back == pytest.approx(math.sqrt(1 / 3 / 2), rel=0.04)  # PyTorch's weights have variance 1 / (3 n)
    told = [study.verdict() for study in (he, xavier, normal)]
    assert "values survive" in told[0] and "values die out" in told[1] and "gradients explode" in told[2]
    assert nn.depth_study("he", width=50).values.tolist() == nn.depth_study("he", width=50).values.tolist()
    tanh = nn.depth_study("orthogonal", activation=nn.Tanh(), width=100)
    assert tanh.values[-1] / tanh.values[0] > 0.1  # where relu loses 8 powers of ten


# Shapes alone.
def test_vgg16_has_its_parameters_and_takes_no_memory():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for batch_norm, count in ((False, 138_357_544), (True, 138_357_544 + 2 * 4224)):
        model = nn.models.vgg16(batch_norm=batch_norm, init="orthogonal")
        table = nn.summary(model, (3, 224, 224))
        assert table.parameters == count
    rows = {r.name: r for r in nn.summary(nn.models.vgg16(), (3, 224, 224)).rows}
    assert rows["features.28"].shape == (512, 14, 14) and rows["classifier.6"].shape == (1000,)
    assert rows["features.30"].field == (212, 212)  # 13 kernels of 3 x 3 and 5 poolings
    assert sum(r.flops for r in rows.values() if r.layer in ("Conv2d", "Linear")) == 2 * 15_470_264_320
    if sys.platform == "linux":  # kilobytes; the weights alone would take 1.1 GB
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000
    assert nn.summary(nn.models.vgg16(10, channels=1), (1, 32, 32)).rows[-1].shape == (10,)


@pytest.mark.parametrize("make", [lambda: nn.models.vgg16(), lambda: nn.models.vgg16(batch_norm=True)])
def test_vgg16_has_torchvisions_names(make):
    names = [k for k, v in nn.torch_weights.flat(make().start(Shapes(), np.dtype(float))[0]).items()]
    numbers = [int(n.split(".")[1]) for n in names if n.startswith("features") and n.endswith("weight")]
    convolutions = [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28]
    batch_norm = [0, 3, 7, 10, 14, 17, 20, 24, 27, 30, 34, 37, 40]
    assert numbers == (
        convolutions if make() == nn.models.vgg16() else sorted(batch_norm + [n + 1 for n in batch_norm])
    )
    assert [n for n in names if n.startswith("classifier")][::2] == [f"classifier.{k}.weight" for k in (0, 3, 6)]


class Own(Plain):
    """A layer that nothing traced goes through."""

    def call(self, x):
        return np.asarray(np.array(x).tolist())


def test_layers_that_cannot_be_traced_are_run():
    table = nn.summary(nn.Sequential(nn.Linear(4, 3), Own()), (4,))
    assert [r.shape for r in table.rows] == [(3,), (3,)] and table.parameters == 15


def test_a_generator_of_shapes():
    rng = Shapes()
    big = 10**6
    assert rng.normal(size=(big, big)).shape == rng.uniform(-1, 1, (big, big)).shape == (big, big)
    assert isinstance(rng.integers(0, 5), np.integer) and hollow(3, np.float32).dtype == np.float32
    assert draw("orthogonal", rng, (big, big)).shape == (big, big)


SHAPED = [
    (lambda: nn.summary("vgg16", (3, 32, 32)), InputError, "model='vgg16' is not a layer"),
    (lambda: nn.summary(nn.Linear(2, 3), 2), InputError, r"shape=2; give the sizes"),
    (lambda: nn.summary(nn.Linear(2, 3), ("a",)), InputError, "such as"),
    (lambda: nn.summary(nn.Linear(2, 3), (0,)), InputError, "at least 1"),
    (lambda: nn.summary(nn.Linear(2, 3), (3,)), ShapeError, "in_features"),
    (lambda: nn.summary(nn.models.vgg16(), (1, 224, 224)), ShapeError, "1 channels"),
    (lambda: nn.summary(nn.models.vgg16(), (3, 16, 16)), ShapeError, "does not fit"),
]


@pytest.mark.parametrize(("call", "error", "message"), SHAPED, ids=[m for *_, m in SHAPED])
def test_shapes_that_do_not_fit_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
