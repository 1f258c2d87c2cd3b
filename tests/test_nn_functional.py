"""nn.functional: PyTorch's values and all gradients in float64, known answers, and errors that say what to do."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import difflab as dl
from difflab.errors import DifflabError, InputError, ShapeError
from difflab.nn import functional as F

RNG = np.random.default_rng(0)


def n(*shape):
    return np.random.default_rng(abs(hash(shape)) % 1000).normal(size=shape)


def labels(*shape, classes=4):
    return np.random.default_rng(7).integers(0, classes, shape)


U = np.random.default_rng(3).uniform(0.05, 0.95, (3, 4))
SIGNS = np.where(n(3, 4) > 0, 1.0, -1.0)
LOGS = np.log(U / U.sum(1, keepdims=True))
ACTIVATIONS = (
    "relu relu6 leaky_relu elu celu selu gelu silu mish sigmoid logsigmoid hardsigmoid hardswish hardtanh tanh "
    "softplus softsign tanhshrink softshrink hardshrink glu"
).split()

# name, operands (those of floats are differentiated by), further arguments
CASES = [
    *[(name, (3 * n(3, 4),), {}) for name in ACTIVATIONS],
    ("leaky_relu", (n(3, 4), 0.3), {}),
    ("elu", (n(3, 4), 0.7), {}),
    ("celu", (n(3, 4), 0.7), {}),
    ("gelu", (n(3, 4),), dict(approximate="tanh")),
    ("hardtanh", (n(3, 4), -0.3, 0.6), {}),
    ("softplus", (30 * n(3, 4), 2.0, 15.0), {}),
    ("softshrink", (n(3, 4), 0.2), {}),
    ("hardshrink", (n(3, 4), 0.2), {}),
    ("threshold", (n(3, 4), 0.1, 20.0), {}),
    ("prelu", (n(3, 4, 2), n(4)), {}),
    ("prelu", (n(3, 4), n(1)), {}),
    ("glu", (n(4, 3),), dict(dim=0)),
    ("softmax", (n(3, 4),), dict(dim=0)),
    ("softmin", (n(3, 4),), dict(dim=1)),
    ("log_softmax", (n(2, 3, 4),), dict(dim=-1)),
    ("linear", (n(2, 3, 4), n(5, 4), n(5)), {}),
    ("linear", (n(4), n(5, 4)), {}),
    ("bilinear", (n(3, 4), n(3, 5), n(2, 4, 5), n(2)), {}),
    ("conv1d", (n(2, 3, 9), n(4, 3, 3), n(4)), dict(stride=2, padding=1)),
    ("conv1d", (n(2, 4, 9), n(6, 2, 3), n(6)), dict(groups=2, dilation=2, padding="same")),
    ("conv1d", (n(3, 9), n(4, 3, 3)), {}),
    ("conv2d", (n(2, 3, 7, 8), n(4, 3, 3, 2), n(4)), {}),
    ("conv2d", (n(2, 3, 7, 8), n(4, 3, 3, 2), n(4)), dict(stride=(2, 3), padding=(1, 0))),
    ("conv2d", (n(2, 4, 7, 8), n(6, 2, 3, 3), n(6)), dict(stride=2, padding=2, dilation=2, groups=2)),
    ("conv2d", (n(2, 3, 7, 8), n(4, 3, 4, 3), n(4)), dict(padding="same")),
    ("conv2d", (n(2, 3, 7, 8), n(4, 3, 4, 3)), dict(padding="valid", dilation=2)),
    ("conv2d", (n(2, 4, 6, 6), n(4, 1, 3, 3)), dict(groups=4)),
    ("conv2d", (n(3, 7, 8), n(4, 3, 3, 2), n(4)), dict(padding=1)),
    ("conv3d", (n(1, 2, 4, 5, 4), n(3, 2, 2, 3, 2), n(3)), dict(stride=(1, 2, 1), padding=1)),
    ("conv_transpose1d", (n(2, 3, 5), n(3, 4, 3), n(4)), dict(stride=2, padding=1, output_padding=1)),
    ("conv_transpose2d", (n(2, 3, 4, 5), n(3, 4, 3, 2), n(4)), {}),
    ("conv_transpose2d", (n(2, 3, 4, 5), n(3, 4, 3, 2), n(4)), dict(stride=(2, 3), padding=1, output_padding=(1, 2))),
    ("conv_transpose2d", (n(2, 4, 4, 5), n(4, 3, 3, 3), n(6)), dict(stride=2, groups=2, dilation=2, padding=2)),
    ("conv_transpose2d", (n(3, 4, 5), n(3, 4, 3, 2)), dict(stride=2)),
    ("conv_transpose3d", (n(1, 2, 3, 3, 3), n(2, 3, 2, 2, 2), n(3)), dict(stride=2)),
    ("unfold", (n(2, 3, 6, 7),), dict(kernel_size=(2, 3), dilation=(2, 1), padding=1, stride=2)),
    ("pad", (n(2, 3, 4), (1, 2)), dict(value=0.5)),
    ("pad", (n(2, 3, 4, 5), (1, 2, 2, 0)), dict(mode="reflect")),
    ("pad", (n(2, 3, 4, 5), (1, 2, 2, 0)), dict(mode="replicate")),
    ("pad", (n(2, 3, 4, 5), (1, 2, 2, 0)), dict(mode="circular")),
    ("pad", (n(2, 3, 4, 5), (-1, 2)), {}),
    ("pixel_shuffle", (n(2, 8, 3, 2), 2), {}),
    ("interpolate", (n(2, 3, 4, 5),), dict(scale_factor=2)),
    ("interpolate", (n(2, 3, 4, 5),), dict(size=(7, 3))),
    ("interpolate", (n(2, 3, 4, 5),), dict(size=(7, 9), mode="bilinear")),
    ("interpolate", (n(2, 3, 5),), dict(scale_factor=2.0, mode="linear")),
    ("max_pool1d", (n(2, 3, 9), 3), dict(stride=2, padding=1)),
    ("max_pool2d", (n(2, 3, 8, 9), 2), {}),
    ("max_pool2d", (n(2, 3, 8, 9), (3, 2)), dict(stride=(2, 3), padding=1, ceil_mode=True)),
    ("max_pool2d", (n(2, 3, 8, 9), 2), dict(dilation=2, stride=1)),
    ("max_pool2d", (n(2, 3, 8, 9), 3), dict(stride=2, ceil_mode=True)),
    ("max_pool2d", (n(2, 3, 5, 5), 2), dict(stride=4, padding=1, ceil_mode=True)),
    ("max_pool2d", (n(3, 8, 9), 3), dict(stride=2)),
    ("max_pool3d", (n(1, 2, 5, 6, 5), 2), {}),
    ("avg_pool1d", (n(2, 3, 9), 3), dict(stride=2, padding=1, count_include_pad=False)),
    ("avg_pool2d", (n(2, 3, 8, 9), 2), {}),
    ("avg_pool2d", (n(2, 3, 8, 9), (3, 2)), dict(stride=2, padding=1)),
    ("avg_pool2d", (n(2, 3, 8, 9), 3), dict(stride=2, padding=1, count_include_pad=False)),
    ("avg_pool2d", (n(2, 3, 8, 9), 3), dict(stride=2, padding=1, ceil_mode=True)),
    ("avg_pool2d", (n(2, 3, 8, 9), 3), dict(stride=2, padding=1, ceil_mode=True, count_include_pad=False)),
    ("avg_pool2d", (n(2, 3, 8, 9), 3), dict(stride=2, divisor_override=5)),
    ("avg_pool2d", (n(2, 3, 5, 5), 2), dict(stride=4, padding=1, ceil_mode=True)),
    ("avg_pool3d", (n(1, 2, 5, 6, 5), 2), dict(ceil_mode=True)),
    ("lp_pool2d", (n(2, 3, 6, 6), 2.0, 2), {}),
    ("adaptive_avg_pool1d", (n(2, 3, 7), 3), {}),
    ("adaptive_avg_pool2d", (n(2, 3, 7, 6), (3, 2)), {}),
    ("adaptive_avg_pool2d", (n(2, 3, 7, 6), (None, 4)), {}),
    ("adaptive_avg_pool2d", (n(2, 3, 7, 6), 1), {}),
    ("adaptive_max_pool2d", (n(2, 3, 7, 6), (3, 4)), {}),
    ("adaptive_max_pool2d", (n(2, 3, 8, 6), (4, 3)), {}),
    ("layer_norm", (n(2, 3, 4), (4,), n(4), n(4)), {}),
    ("layer_norm", (n(2, 3, 4), (3, 4)), dict(eps=1e-3)),
    ("rms_norm", (n(2, 3, 4), (4,), n(4)), {}),
    ("group_norm", (n(2, 6, 3, 2), 3, n(6), n(6)), {}),
    ("group_norm", (n(2, 6), 2), {}),
    ("instance_norm", (n(2, 3, 4, 2),), {}),
    ("local_response_norm", (n(2, 7, 3, 2), 5), dict(alpha=0.1, k=2.0)),
    ("local_response_norm", (n(2, 7, 3), 4), {}),
    ("normalize", (n(3, 4),), {}),
    ("normalize", (n(3, 4),), dict(p=1.0, dim=0)),
    ("mse_loss", (n(3, 4), n(4, 3).T), {}),
    ("mse_loss", (n(3, 4), n(4, 3).T), dict(reduction="none")),
    ("l1_loss", (n(3, 4), n(4, 3).T), dict(reduction="sum")),
    ("smooth_l1_loss", (n(3, 4), n(4, 3).T), dict(beta=0.5)),
    ("huber_loss", (n(3, 4), n(4, 3).T), dict(delta=0.5)),
    ("cross_entropy", (n(5, 4), labels(5)), {}),
    ("cross_entropy", (n(4), labels()), {}),
    ("cross_entropy", (n(5, 4), labels(5)), dict(reduction="none", label_smoothing=0.1)),
    ("cross_entropy", (n(5, 4), labels(5)), dict(weight=U[0], label_smoothing=0.2)),
    ("cross_entropy", (n(5, 4), labels(5)), dict(weight=U[0], ignore_index=2, label_smoothing=0.2)),
    ("cross_entropy", (n(5, 4), labels(5)), dict(ignore_index=1)),
    ("cross_entropy", (n(5, 4), np.where(labels(5) == 1, -100, labels(5))), dict(weight=U[0])),
    ("cross_entropy", (n(2, 4, 3, 2), labels(2, 3, 2)), {}),
    ("cross_entropy", (n(2, 4, 3, 2), labels(2, 3, 2)), dict(weight=U[0], reduction="sum", ignore_index=0)),
    ("cross_entropy", (n(3, 4), U), {}),
    ("cross_entropy", (n(3, 4), U), dict(weight=U[1], label_smoothing=0.1, reduction="none")),
    ("nll_loss", (LOGS, labels(3)), {}),
    ("nll_loss", (LOGS, labels(3)), dict(weight=U[0])),
    ("nll_loss", (n(2, 4, 3), labels(2, 3)), dict(ignore_index=3, reduction="sum")),
    ("binary_cross_entropy", (U, U[::-1].copy()), {}),
    ("binary_cross_entropy", (U, U[::-1].copy()), dict(weight=U, reduction="none")),
    ("binary_cross_entropy_with_logits", (n(3, 4), U), {}),
    ("binary_cross_entropy_with_logits", (n(3, 4), U), dict(weight=U, pos_weight=U[0], reduction="sum")),
    ("kl_div", (LOGS, U), {}),
    ("kl_div", (LOGS, U), dict(reduction="batchmean")),
    ("kl_div", (LOGS, LOGS[::-1].copy()), dict(reduction="sum", log_target=True)),
    ("gaussian_nll_loss", (n(3, 4), n(4, 3).T, U), dict(full=True)),
    ("poisson_nll_loss", (n(3, 4), 5 * U), dict(full=True)),
    ("poisson_nll_loss", (U, 5 * U), dict(log_input=False)),
    ("hinge_embedding_loss", (n(3, 4), SIGNS), {}),
    ("margin_ranking_loss", (n(3, 4), n(4, 3).T, SIGNS), dict(margin=0.2)),
    ("cosine_similarity", (n(3, 4), n(4, 3).T), {}),
    ("cosine_embedding_loss", (n(3, 4), n(4, 3).T, SIGNS[:, 0]), dict(margin=0.1)),
    ("pairwise_distance", (n(3, 4), n(4, 3).T), {}),
    ("triplet_margin_loss", (n(3, 4), n(4, 3).T, U), dict(swap=True, margin=2.0)),
    ("embedding", (labels(2, 3, classes=5), n(5, 3)), {}),
    ("scaled_dot_product_attention", (n(2, 5, 4), n(2, 6, 4), n(2, 6, 3)), {}),
    ("scaled_dot_product_attention", (n(2, 3, 5, 4), n(2, 3, 5, 4), n(2, 3, 5, 2)), dict(is_causal=True)),
    ("scaled_dot_product_attention", (n(2, 5, 4), n(2, 6, 4), n(2, 6, 3), n(5, 6) > -0.5), dict(scale=0.3)),
    ("scaled_dot_product_attention", (n(2, 5, 4), n(2, 6, 4), n(2, 6, 3), n(5, 6)), {}),
]
FLOAT32_INSIDE = ("hardsigmoid", "hardswish", "celu")  # torch multiplies by 1/6 and alpha rounded to float32
IDS = [f"{k}-{c[0]}" for k, c in enumerate(CASES)]


def of_torch(torch, x):
    if isinstance(x, np.ndarray):
        return torch.tensor(x.copy(), requires_grad=x.dtype.kind == "f")
    return x


@pytest.mark.parametrize(("name", "args", "kwargs"), CASES, ids=IDS)
def test_values_and_gradients_are_torchs(name, args, kwargs):
    torch = pytest.importorskip("torch", reason="torch, the second opinion, is not installed (extra peers)")
    given = [of_torch(torch, x) for x in args]
    more = {k: torch.tensor(x) if isinstance(x, np.ndarray) else x for k, x in kwargs.items()}
    peer = {"tanh": torch.tanh, "sigmoid": torch.sigmoid}.get(name) or getattr(torch.nn.functional, name)
    want = peer(*given, **more)
    places = [k for k, x in enumerate(args) if isinstance(x, np.ndarray) and x.dtype.kind == "f"]

    def f(*xs):
        full = list(args)
        for k, x in zip(places, xs):
            full[k] = x
        return getattr(F, name)(*full, **kwargs)

    value, pullback = dl.vjp(f, *[args[k] for k in places])
    assert np.shape(value) == tuple(want.shape)
    np.testing.assert_allclose(value, want.detach().numpy(), rtol=1e-10, atol=1e-12)
    seed = np.random.default_rng(1).normal(size=np.shape(value))
    leaves = [given[k] for k in places]
    grads = torch.autograd.grad(want, leaves, torch.tensor(seed), allow_unused=True)
    rtol = 1e-7 if name in FLOAT32_INSIDE else 1e-8
    for ours, theirs in zip(pullback(seed), grads):
        np.testing.assert_allclose(ours, 0 if theirs is None else theirs.numpy(), rtol=rtol, atol=1e-10)


@pytest.mark.parametrize(("name", "args", "kwargs"), CASES, ids=IDS)
def test_compiled_gives_the_same(name, args, kwargs):
    places = [k for k, x in enumerate(args) if isinstance(x, np.ndarray)]

    def f(*xs):
        full = list(args)
        for k, x in zip(places, xs):
            full[k] = x
        return getattr(F, name)(*full, **kwargs)

    given = [args[k] for k in places]
    program = dl.compile(f)
    program.prepare(*given)
    np.testing.assert_allclose(program(*given), f(*given), rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize(("name", "args", "kwargs"), CASES, ids=IDS)
def test_float32_stays(name, args, kwargs):
    narrow = [x.astype(np.float32) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x for x in args]
    more = {k: x.astype(np.float32) if isinstance(x, np.ndarray) else x for k, x in kwargs.items()}
    assert getattr(F, name)(*narrow, **more).dtype == np.float32


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shape", [(5, 3), (4, 3, 6), (4, 3, 2, 5)])
def test_batch_norm_is_torchs(training, shape):
    torch = pytest.importorskip("torch", reason="torch, the second opinion, is not installed (extra peers)")
    x, w, b, mean, var = n(*shape), n(3), U[0, :3], U[1, :3], U[2, :3]
    leaves = [torch.tensor(a.copy(), requires_grad=True) for a in (x, w, b)]
    running = [torch.tensor(a.copy()) for a in (mean, var)]
    want = torch.nn.functional.batch_norm(leaves[0], *running, *leaves[1:], training, 0.3, 1e-3)

    def f(x, w, b):
        found = F.batch_norm(x, mean, var, w, b, training, 0.3, 1e-3)
        return found[0] if training else found

    value, pullback = dl.vjp(f, x, w, b)
    seed = RNG.normal(size=shape)
    np.testing.assert_allclose(value, want.detach().numpy(), rtol=1e-11, atol=1e-12)
    for ours, theirs in zip(pullback(seed), torch.autograd.grad(want, leaves, torch.tensor(seed))):
        np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-9, atol=1e-11)
    if training:
        _, new_mean, new_var = F.batch_norm(x, mean, var, w, b, True, 0.3, 1e-3)
        np.testing.assert_allclose(new_mean, running[0].numpy(), rtol=1e-12)
        np.testing.assert_allclose(new_var, running[1].numpy(), rtol=1e-12)


def test_max_pool_indices_are_torchs():
    torch = pytest.importorskip("torch", reason="torch, the second opinion, is not installed (extra peers)")
    x = n(2, 3, 8, 9)
    for more in (dict(kernel_size=2), dict(kernel_size=(3, 2), stride=2, padding=1, ceil_mode=True)):
        y, place = F.max_pool2d(x, return_indices=True, **more)
        want, where = torch.nn.functional.max_pool2d(torch.tensor(x), return_indices=True, **more)
        np.testing.assert_array_equal(y, want.numpy())
        np.testing.assert_array_equal(place, where.numpy())


# Known answers, which need no peer.
def test_convolve2d_is_scipys():
    from scipy.signal import convolve2d, correlate2d

    x, k = n(6, 7), n(3, 2)
    for mode in ("valid", "same", "full"):
        np.testing.assert_allclose(F.convolve2d(x, k, mode), convolve2d(x, k, mode), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(F.convolve2d(x, k, flip=False), correlate2d(x, k, "valid"), rtol=1e-12)
    np.testing.assert_allclose(F.convolve2d(x, k, flip=False), F.conv2d(x[None, None], k[None, None])[0, 0])


@pytest.mark.parametrize("size", [1e4, 1e300])
def test_cross_entropy_holds_for_huge_scores(size):
    scores = np.array([[size, 0.0, -size]])
    assert float(F.cross_entropy(scores, np.array([1]))) == size
    assert float(F.cross_entropy(scores, np.array([0]))) == 0.0
    g = dl.grad(lambda z: F.cross_entropy(z, np.array([1])))(scores)
    np.testing.assert_array_equal(g, [[1.0, -1.0, 0.0]])


def test_what_losses_assume():
    """Course 3.2: losses as negative log-likelihoods, up to what does not depend on the network."""
    from scipy import stats

    x, t = n(5), n(5)[::-1]
    likelihood = -stats.norm(x, 1.0).logpdf(t)
    np.testing.assert_allclose(likelihood, 0.5 * F.mse_loss(x, t, "none") + 0.5 * np.log(2 * np.pi))
    np.testing.assert_allclose(-stats.laplace(x, 1.0).logpdf(t), F.l1_loss(x, t, "none") + np.log(2))
    scores, y = n(5, 4), labels(5)
    p = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    want = [-stats.multinomial(1, q).logpmf(np.eye(4)[k]) for q, k in zip(p, y)]
    np.testing.assert_allclose(F.cross_entropy(scores, y, reduction="none"), want)
    ones = (t > 0).astype(float)
    want = -stats.bernoulli(1 / (1 + np.exp(-x))).logpmf(ones)
    np.testing.assert_allclose(F.binary_cross_entropy_with_logits(x, ones, reduction="none"), want)


def test_dropout_is_decided_by_its_key():
    x, key = np.ones((50, 40), np.float32), np.array([3, 0])
    y = F.dropout(x, 0.25, key=key)
    assert y.dtype == np.float32
    assert set(np.unique(y).tolist()) == {0.0, float(np.float32(1 / 0.75))}
    assert abs((y == 0).mean() - 0.25) < 0.03
    np.testing.assert_array_equal(y, F.dropout(x, 0.25, key=key))
    assert (y != F.dropout(x, 0.25, key=key + np.array([0, 1]))).any()
    np.testing.assert_array_equal(dl.grad(lambda x: np.sum(F.dropout(x, 0.25, key=key)))(x), y)
    program = dl.compile(lambda x, key: F.dropout(x, 0.25, key=key))
    program.prepare(x, key)
    np.testing.assert_array_equal(program(x, key), y)
    assert (program(x, key + 1) != y).any()
    assert F.dropout(x, 0.5, training=False) is x


def test_compiled_programs_read_other_labels():
    z = n(5, 4)
    program = dl.compile(dl.value_and_grad(lambda z, y: F.cross_entropy(z, y)))
    for k in range(3):
        y = np.roll(labels(5), k)
        want = dl.value_and_grad(lambda z, y=y: F.cross_entropy(z, y))(z)
        for a, b in zip(program(z, y), want):
            np.testing.assert_allclose(a, b, rtol=1e-12)
    ignored = np.array([0, -100, 1, 2, 3])
    np.testing.assert_allclose(program(z, ignored)[0], F.cross_entropy(z, ignored))


BAD = [
    (lambda: F.mse_loss(np.ones((4, 1)), np.ones(4)), ShapeError, r"\(4, 1\).*\(4,\)"),
    (lambda: F.cross_entropy(n(3, 4), np.array([0, 4, 1])), InputError, r"target\[1\] is 4.*0 to 3"),
    (lambda: F.cross_entropy(n(3, 4), np.array([0.0, 1.0, 2.0])), DifflabError, "class numbers"),
    (lambda: F.cross_entropy(n(3, 4), np.array([[0], [1], [2]])), ShapeError, r"need the shape \(3,\)"),
    (lambda: F.nll_loss(n(3, 4), np.array([0, -1, 1])), InputError, r"target\[1\] is -1"),
    (lambda: F.cross_entropy(n(3, 4), labels(3), np.ones(3)), ShapeError, r"for 4 classes \(4,\)"),
    (lambda: F.mse_loss(n(3), n(3), "avg"), InputError, "mean, sum, none"),
    (lambda: F.conv2d(n(1, 3, 8, 8), n(4, 2, 3, 3)), ShapeError, "3 channels.*needs 2 x 1 = 2"),
    (
        lambda: F.conv2d(n(1, 1, 3, 9), n(1, 1, 5, 5)),
        ShapeError,
        r"floor\(\(3 \+ 2\*0 - 1\*\(5 - 1\) - 1\) / 1\) \+ 1 = -1",
    ),
    (lambda: F.conv2d(n(8, 8), n(1, 1, 3, 3)), ShapeError, "batch, channels"),
    (lambda: F.conv2d(n(1, 1, 8, 8), n(1, 1, 3, 3), np.ones(2)), ShapeError, r"needs \(1,\)"),
    (lambda: F.conv2d(n(1, 1, 8, 8), n(1, 1, 3, 3), padding="some"), InputError, "'some'"),
    (lambda: F.max_pool2d(n(1, 1, 2, 2), 3), ShapeError, r"\(2 \+ 2\*0"),
    (lambda: F.max_pool2d(n(1, 1, 8, 8), 2, padding=2), InputError, "more than half"),
    (lambda: F.linear(n(2, 3), n(4, 5)), ShapeError, "last axes"),
    (lambda: F.layer_norm(n(2, 3), (4,)), ShapeError, "normalized_shape"),
    (lambda: F.group_norm(n(2, 5), 2), ShapeError, "2 groups"),
    (lambda: F.batch_norm(n(1, 3), None, None, training=True), ShapeError, "more than one value"),
    (lambda: F.batch_norm(n(4, 3), np.zeros(2), np.ones(2)), ShapeError, r"running_mean has shape \(2,\)"),
    (lambda: F.embedding(np.array([0, 7]), n(5, 3)), InputError, r"input\[1\] is 7"),
    (lambda: F.dropout(n(3), 1.5), InputError, "p=1.5"),
    (lambda: F.dropout(n(3), 0.5), InputError, "key="),
    (lambda: F.glu(n(3, 3)), InputError, "halves"),
    (lambda: F.scaled_dot_product_attention(n(2, 5, 4), n(2, 6, 3), n(2, 6, 3)), ShapeError, "equal features"),
    (lambda: F.pad(n(3), (1, 2, 3)), InputError, "two numbers"),
    (lambda: F.gelu(n(3), "tan"), InputError, "'tan'"),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD, ids=[m for *_, m in BAD])
def test_errors_name_the_thing_and_the_mend(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_softmax_without_an_axis_says_which_it_takes():
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        np.testing.assert_allclose(F.softmax(np.zeros((2, 4))).sum(1), 1)
    assert "dim" in str(seen[0].message)
