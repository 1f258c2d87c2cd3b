"""Losses of nn.functional against torch in float64: values and all gradients; errors; labels in compiled programs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from torch_cases import JUDGE, agree, rng_array

import difflab as dl

F = dl.nn.functional
N = (4, 3)
PROBABILITY = np.random.default_rng(1).uniform(0.02, 0.98, N)
SIGNS = np.where(rng_array(N, 2) > 0, 1.0, -1.0)
REDUCTIONS = ("mean", "sum", "none")
POSITIVE = np.abs(rng_array(N, 3)) + 0.1

LOSSES = [
    ("mse_loss", [rng_array(N), rng_array(N, 1)], {}),
    ("mse_loss", [rng_array(N), rng_array(N, 1)], {"weight": POSITIVE}),
    ("l1_loss", [rng_array(N), rng_array(N, 1)], {}),
    ("l1_loss", [rng_array(N), rng_array(N, 1)], {"weight": POSITIVE}),
    ("smooth_l1_loss", [2 * rng_array(N), rng_array(N, 1)], {}),
    ("smooth_l1_loss", [2 * rng_array(N), rng_array(N, 1)], {"beta": 0.3}),
    ("smooth_l1_loss", [2 * rng_array(N), rng_array(N, 1)], {"beta": 0.0}),
    ("huber_loss", [2 * rng_array(N), rng_array(N, 1)], {"delta": 0.7}),
    ("huber_loss", [2 * rng_array(N), rng_array(N, 1)], {"weight": POSITIVE}),
    ("binary_cross_entropy", [PROBABILITY, PROBABILITY[::-1].copy()], {}),
    ("binary_cross_entropy", [PROBABILITY, PROBABILITY[::-1].copy()], {"weight": POSITIVE[0]}),
    ("binary_cross_entropy_with_logits", [4 * rng_array(N), PROBABILITY], {}),
    ("binary_cross_entropy_with_logits", [4 * rng_array(N), PROBABILITY], {"pos_weight": POSITIVE[0]}),
    ("binary_cross_entropy_with_logits", [900 * rng_array(N), PROBABILITY], {"weight": POSITIVE}),
    ("kl_div", [rng_array(N), PROBABILITY], {}),
    ("kl_div", [rng_array(N), rng_array(N, 1)], {"log_target": True}),
    ("poisson_nll_loss", [rng_array(N), 5 * PROBABILITY], {}),
    ("poisson_nll_loss", [rng_array(N), 5 * PROBABILITY], {"full": True}),
    ("poisson_nll_loss", [POSITIVE, 5 * PROBABILITY], {"log_input": False}),
    ("gaussian_nll_loss", [rng_array(N), rng_array(N, 1), POSITIVE], {}),
    ("gaussian_nll_loss", [rng_array(N), rng_array(N, 1), POSITIVE[:, 0].copy()], {"full": True}),
    ("gaussian_nll_loss", [rng_array(N), rng_array(N, 1), POSITIVE[:, :1].copy()], {"eps": 0.5}),
    ("multilabel_soft_margin_loss", [3 * rng_array(N), PROBABILITY], {}),
    ("triplet_margin_loss", [rng_array(N), rng_array(N, 1), rng_array(N, 2)], {}),
    ("triplet_margin_loss", [rng_array(N), rng_array(N, 1), rng_array(N, 2)], {"swap": True, "margin": 3.0, "p": 3}),
]
NOT_BY_THE_TARGET = [
    ("soft_margin_loss", [3 * rng_array(N)], [SIGNS], {}),
    ("hinge_embedding_loss", [2 * rng_array(N)], [SIGNS], {"margin": 0.5}),
    ("margin_ranking_loss", [rng_array(N), rng_array(N, 1)], [SIGNS], {"margin": 0.2}),
    ("cosine_embedding_loss", [rng_array(N), rng_array(N, 1)], [SIGNS[:, 0].copy()], {"margin": 0.1}),
]


def theirs(name: str) -> Any:
    return getattr(JUDGE.torch.nn.functional, name)


def tensors(options: dict[str, Any]) -> dict[str, Any]:
    return {k: JUDGE.torch.tensor(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}


@pytest.mark.usefixtures("torch")
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("name, arrays, options", LOSSES, ids=lambda v: v if isinstance(v, str) else None)
def test_loss(name, arrays, options, reduction):
    options = options | {"reduction": reduction}
    ours, other = getattr(F, name), theirs(name)
    agree(lambda *x: ours(*x, **options), lambda *x: other(*x, **tensors(options)), arrays)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize(
    "name, arrays, rest, options", NOT_BY_THE_TARGET, ids=lambda v: v if isinstance(v, str) else None
)
def test_loss_of_signs(torch, name, arrays, rest, options, reduction):
    options = options | {"reduction": reduction}
    ours, other = getattr(F, name), theirs(name)
    there = [torch.tensor(a) for a in rest]
    agree(lambda *x: ours(*x, *rest, **options), lambda *x: other(*x, *there, **options), arrays)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("shape", [(4,), (5, 4), (3, 4, 2)], ids=str)
@pytest.mark.parametrize("weight", [None, POSITIVE.ravel()[:4]], ids=["plain", "weighted"])
def test_nll_loss(torch, shape, weight, reduction):
    axis = 0 if len(shape) == 1 else 1
    y = np.random.default_rng(3).integers(0, 4, tuple(n for k, n in enumerate(shape) if k != axis))
    options = {"reduction": reduction, "ignore_index": 2, "weight": weight}
    agree(
        lambda x: F.nll_loss(x, y, **options),
        lambda x: torch.nn.functional.nll_loss(x, torch.tensor(y), **tensors(options)),
        [rng_array(shape)],
    )


def test_kl_batchmean_and_distances(torch):
    agree(
        lambda x, t: F.kl_div(x, t, reduction="batchmean"),
        lambda x, t: torch.nn.functional.kl_div(x, t, reduction="batchmean"),
        [rng_array(N), PROBABILITY],
    )
    for options in ({}, {"dim": 0}, {"dim": -1, "eps": 10.0}):
        agree(
            lambda a, b, options=options: F.cosine_similarity(a, b, **options),
            lambda a, b, options=options: torch.nn.functional.cosine_similarity(a, b, **options),
            [rng_array(N), rng_array(N, 1)],
        )
    for options in ({}, {"p": 1.0, "keepdim": True}, {"p": 3.0}, {"p": float("inf")}):
        agree(
            lambda a, b, options=options: F.pairwise_distance(a, b, **options),
            lambda a, b, options=options: torch.nn.functional.pairwise_distance(a, b, **options),
            [rng_array(N), rng_array(N, 1)],
        )


# Without torch.
Z = np.array([[1e4, 0.0, -1e4], [0.0, 1e4, 5.0]])


def test_cross_entropy_is_stable():
    assert F.cross_entropy(Z, [1, 1], reduction="none").tolist() == [1e4, 0.0]
    gradient = dl.grad(lambda z: F.cross_entropy(z, [1, 1]))(Z)
    np.testing.assert_array_equal(gradient, [[0.5, -0.5, 0.0], [0.0, 0.0, 0.0]])


def test_mean_of_equal_weights_is_maximum_likelihood():
    """The parameters that minimise the losses are the estimates of maximum likelihood: the mean, the frequencies."""
    x = rng_array(50)
    assert abs(dl.grad(lambda m: F.mse_loss(m * np.ones(50), x))(x.mean())) < 1e-15
    y = np.array([0, 0, 1, 2])
    z = np.log([0.5, 0.25, 0.25])
    gradient = dl.grad(lambda z: F.cross_entropy(np.broadcast_to(z, (4, 3)), y))(z)
    np.testing.assert_allclose(gradient, 0, atol=1e-16)


def test_ignored_samples_have_no_part():
    z = np.array([[1.0, 2.0], [np.nan, 0.0], [0.5, 0.0]])
    f = lambda z: F.cross_entropy(z, [0, -100, 1])
    assert f(z) == f(np.where(np.isnan(z), 7.0, z))
    assert np.array_equal(dl.grad(f)(z)[1], [0, 0])
    assert np.isnan(F.cross_entropy(z, [-100, -100, -100]))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_traced_labels_in_a_compiled_program(smoothing):
    """Labels are inputs of the program, not part of it, and are checked at each call."""
    f = lambda z, y: F.cross_entropy(z, y, label_smoothing=smoothing)
    program = dl.compile(dl.value_and_grad(f))
    z = rng_array((6, 4)).astype(np.float32)
    for seed in range(4):
        y = np.random.default_rng(seed).integers(0, 4, 6)
        value, gradient = program(z, y)
        wanted, slope = dl.value_and_grad(lambda z, y=y: f(z, y))(z)
        assert value.dtype == gradient.dtype == np.float32
        np.testing.assert_allclose(value, wanted, rtol=1e-6)
        np.testing.assert_allclose(gradient, slope, rtol=1e-5, atol=1e-7)
    with pytest.raises(ValueError, match=r"label 4 at \[2\] is out of range; it must be 0 to 3"):
        program(z, np.array([0, 1, 4, 0, 9, 0]))


@pytest.mark.parametrize("order", [1, 2])
def test_derivatives_of_every_order_agree(order):
    f = lambda z: F.cross_entropy(z, np.array([2, 0]), weight=np.array([1.0, 2.0, 3.0]))
    for _ in range(order - 1):
        f = lambda z, g=f: np.sum(np.sin(dl.grad(g)(z)))
    dl.testing.check_grads(f, (rng_array((2, 3)),))


def test_symbolic_and_certified_values():
    f = lambda z: F.cross_entropy(np.reshape(z, (1, 2)), np.array([1]))
    comparison = dl.compare(f, at=(np.array([0.3, -0.2]),))
    assert comparison.agree


ERRORS = [
    (lambda: F.mse_loss(np.ones((4, 1)), np.ones(4)), r"\(4, 1\).*\(4,\)"),
    (lambda: F.l1_loss(np.ones(3), np.ones(4)), r"\(3,\).*\(4,\)"),
    (lambda: F.mse_loss(np.ones(3), np.ones(3), reduction="average"), "reduction='average'"),
    (lambda: F.cross_entropy(Z, [0, 3]), r"label 3 at \[1\] is out of range; it must be 0 to 2"),
    (lambda: F.cross_entropy(Z, [-1, 0]), r"label -1 at \[0\]"),
    (lambda: F.cross_entropy(Z, [0]), r"\(2, 3\).*\(1,\).*\(2,\)"),
    (lambda: F.cross_entropy(Z, np.ones((2, 2))), r"\(2, 3\).*\(2, 2\)"),
    (lambda: F.cross_entropy(Z, [0, 1], weight=np.ones(2)), r"weight has shape \(2,\).*3 classes"),
    (lambda: F.cross_entropy(Z, [0, 1], label_smoothing=2), "label_smoothing=2"),
    (lambda: F.nll_loss(np.ones((1, 2, 2)), np.array([[0, 5]])), r"label 5 at \[0, 1\]"),
    (lambda: F.binary_cross_entropy(np.array([1.5]), np.ones(1)), "1.5"),
    (lambda: F.gaussian_nll_loss(np.ones(2), np.ones(2), np.array([1.0, -1.0])), "-1.0"),
    (lambda: F.embedding([0, 7], np.ones((3, 2))), r"index 7 at \[1\] is out of range; it must be 0 to 2"),
    (lambda: F.one_hot([3], 3), r"label 3 at \[0\]"),
]


@pytest.mark.parametrize("call, message", ERRORS)
def test_wrong_arguments_of_losses_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_losses_are_negative_log_likelihoods():
    """Course 3.2: what each loss assumes, up to what does not depend on the network."""
    from scipy import stats

    rng = np.random.default_rng(5)
    x, t, z, y = rng.normal(size=5), rng.normal(size=5), rng.normal(size=(5, 4)), np.array([0, 3, 1, 2, 2])
    normal = -stats.norm(x, 1.0).logpdf(t)
    np.testing.assert_allclose(normal, 0.5 * F.mse_loss(x, t, reduction="none") + 0.5 * np.log(2 * np.pi))
    np.testing.assert_allclose(-stats.laplace(x, 1.0).logpdf(t), F.l1_loss(x, t, reduction="none") + np.log(2))
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    drawn = [-stats.multinomial(1, q).logpmf(np.eye(4)[k]) for q, k in zip(p, y)]
    np.testing.assert_allclose(drawn, F.cross_entropy(z, y, reduction="none"))
    ones = (t > 0).astype(float)
    coins = -stats.bernoulli(1 / (1 + np.exp(-x))).logpmf(ones)
    np.testing.assert_allclose(coins, F.binary_cross_entropy_with_logits(x, ones, reduction="none"))
