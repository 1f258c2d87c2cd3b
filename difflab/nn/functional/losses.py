"""Losses of regression, counts and distances, in torch.nn.functional's signatures."""

from __future__ import annotations

import math

import numpy as np

from ...differentiate.transform import stop_gradient
from ...errors import InputError, ShapeError
from ...primitives import rows
from ...types import Value
from . import checks
from .checks import clamped, legacy, real, reduced, row, same_shape


def pair(what: str, input: Value, target: Value) -> tuple[Value, Value]:
    x, target = real(input), real(target)
    same_shape(what, input=x, target=target)
    return x, target


def weighted(what: str, values: Value, weight: Value, reduction: str) -> Value:
    """The reduction of values that have weights: their mean is divided by the sum of the weights."""
    if weight is None:
        return reduced(what, values, reduction)
    weight = real(weight)
    same_shape(what, input=values, weight=weight)
    if reduction == "mean":
        return np.sum(values * weight) / np.sum(weight)
    return reduced(what, values * weight, reduction)


def mse_loss(
    input: Value,
    target: Value,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Value = None,
) -> Value:
    """The squared differences: their mean, their sum, or each of them (`reduction` "mean", "sum", "none").

    It is the negative log-likelihood of a normal distribution around the input, up to a constant and a factor.
    Raises ShapeError where the shapes differ; nothing is broadcast.

    >>> mse_loss(np.array([1.0, 2.0]), np.array([1.0, 4.0]))
    np.float64(2.0)
    """
    x, target = pair("mse_loss", input, target)
    return weighted("mse_loss", np.square(x - target), weight, legacy(size_average, reduce, reduction))


def l1_loss(
    input: Value,
    target: Value,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Value = None,
) -> Value:
    """The absolute differences; arguments and errors as `mse_loss`.

    >>> l1_loss(np.array([1.0, 2.0]), np.array([1.0, 4.0]))
    np.float64(1.0)
    """
    x, target = pair("l1_loss", input, target)
    return weighted("l1_loss", np.abs(x - target), weight, legacy(size_average, reduce, reduction))


def smooth_l1_loss(
    input: Value,
    target: Value,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Value:
    """d² / (2 beta) for differences |d| < beta, else |d| - beta/2; with beta = 0 it is `l1_loss`.

    >>> smooth_l1_loss(np.array([0.5, 3.0]), np.zeros(2), reduction="none")
    array([0.125, 2.5  ])
    """
    checks.numbers("smooth_l1_loss", beta=beta)
    reduction = legacy(size_average, reduce, reduction)
    if beta < 0:
        raise InputError(f"smooth_l1_loss: beta={beta} is negative")
    x, target = pair("smooth_l1_loss", input, target)
    values = np.abs(x - target) if beta == 0 else row(rows.huber, x.dtype.type(beta), x - target) / beta
    return reduced("smooth_l1_loss", values, reduction)


def huber_loss(input: Value, target: Value, reduction: str = "mean", delta: float = 1.0, weight: Value = None) -> Value:
    """d²/2 for differences |d| <= delta, else delta (|d| - delta/2). Huber, 1964.

    >>> huber_loss(np.array([0.5, 3.0]), np.zeros(2), reduction="none", delta=2.0)
    array([0.125, 4.   ])
    """
    checks.numbers("huber_loss", delta=delta)
    if delta <= 0:
        raise InputError(f"huber_loss: delta={delta}; it must be positive")
    x, target = pair("huber_loss", input, target)
    values = row(rows.huber, x.dtype.type(delta), x - target)
    if weight is not None:
        weight = real(weight)
        same_shape("huber_loss", input=x, weight=weight)
        values = values * weight  # torch takes the plain mean of these
    return reduced("huber_loss", values, reduction)


def gaussian_nll_loss(
    input: Value, target: Value, var: Value, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Value:
    """(log(var) + (input - target)² / var) / 2: the negative log-likelihood of normal distributions.

    `var` is a number or has the input's shape, also with a last axis of one or without it; it is at least eps, with
    the derivative of the larger value. `full` adds log(2π)/2. Raises InputError for a negative variance.

    >>> gaussian_nll_loss(np.array([1.0]), np.array([3.0]), np.array([4.0])).round(4)
    np.float64(1.1931)
    """
    checks.numbers("gaussian_nll_loss", eps=eps)
    x, target = real(input), real(target)
    same_shape("gaussian_nll_loss", input=x, target=target)
    var = real(var) if hasattr(var, "shape") or isinstance(var, list) else np.full(x.shape, var, x.dtype)
    if var.shape != x.shape:
        if var.shape == x.shape[:-1]:
            var = np.expand_dims(var, -1)
        elif var.ndim != x.ndim or any(a not in (1, b) for a, b in zip(var.shape, x.shape)):
            raise ShapeError(f"gaussian_nll_loss: var has shape {var.shape}, which does not fit the input's {x.shape}")
    if checks.concrete(var) and np.any(var < 0):
        raise InputError(f"gaussian_nll_loss: var has the negative value {var.min()}")
    if eps <= 0:
        raise InputError(f"gaussian_nll_loss: eps={eps}; it must be positive")
    var = var + stop_gradient(np.maximum(var, eps) - var)
    values = 0.5 * (np.log(var) + np.square(x - target) / var)
    return reduced("gaussian_nll_loss", values + 0.5 * math.log(2 * math.pi) if full else values, reduction)


def poisson_nll_loss(
    input: Value,
    target: Value,
    log_input: bool = True,
    full: bool = False,
    size_average: bool | None = None,
    eps: float = 1e-8,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Value:
    """exp(x) - t x, or x - t log(x + eps) where the input is no logarithm: the negative log-likelihood of counts t.

    `full` adds Stirling's t log t - t + log(2πt)/2 where t > 1.

    >>> poisson_nll_loss(np.array([0.0]), np.array([3.0]))
    np.float64(1.0)
    """
    checks.numbers("poisson_nll_loss", eps=eps)
    x, target = pair("poisson_nll_loss", input, target)
    values = np.exp(x) - target * x if log_input else x - target * np.log(x + eps)
    if full:
        large = np.where(target > 1, target, 1.0)
        stirling = large * np.log(large) - large + 0.5 * np.log(2 * math.pi * large)
        values = values + np.where(target > 1, stirling, 0.0)
    return reduced("poisson_nll_loss", values, legacy(size_average, reduce, reduction))


def hinge_embedding_loss(
    input: Value,
    target: Value,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Value:
    """x where the target is 1, max(0, margin - x) where it is -1.

    >>> hinge_embedding_loss(np.array([0.25, 0.25]), np.array([1, -1]), reduction="none")
    array([0.25, 0.75])
    """
    checks.numbers("hinge_embedding_loss", margin=margin)
    x, target = pair("hinge_embedding_loss", input, target)
    values = np.where(target != 1, clamped(margin - x), 0.0) + np.where(target != -1, x, 0.0)
    return reduced("hinge_embedding_loss", values, legacy(size_average, reduce, reduction))


def margin_ranking_loss(
    input1: Value,
    input2: Value,
    target: Value,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Value:
    """max(0, -t (x1 - x2) + margin): t = 1 wants x1 larger, t = -1 wants x2 larger.

    >>> margin_ranking_loss(np.array([1.0]), np.array([3.0]), np.array([1.0]))
    np.float64(2.0)
    """
    checks.numbers("margin_ranking_loss", margin=margin)
    x1, x2, target = real(input1), real(input2), real(target)
    same_shape("margin_ranking_loss", input1=x1, input2=x2, target=target)
    values = clamped(-target * (x1 - x2) + margin)
    return reduced("margin_ranking_loss", values, legacy(size_average, reduce, reduction))


def cosine_similarity(x1: Value, x2: Value, dim: int = 1, eps: float = 1e-8) -> Value:
    """x1 · x2 / (max(|x1|, eps) max(|x2|, eps)) along an axis; the two broadcast.

    >>> cosine_similarity(np.array([[3.0, 4.0]]), np.array([[4.0, 3.0]]))
    array([0.96])
    """
    checks.numbers("cosine_similarity", eps=eps)
    checks.integers("cosine_similarity", dim=dim)
    x1, x2 = np.broadcast_arrays(real(x1), real(x2))
    if not -x1.ndim <= dim < x1.ndim:
        raise ShapeError(f"cosine_similarity: dim={dim} is out of range for arrays of shape {x1.shape}")
    first, second = (x / floored(checks.norm(x, 2, dim, True), eps) for x in (x1, x2))
    return np.sum(first * second, axis=dim)


def floored(norm: Value, eps: float) -> Value:
    """max(norm, eps), with the derivative of the norm everywhere, as torch has it."""
    return norm + stop_gradient(np.maximum(norm, eps) - norm)


def cosine_embedding_loss(
    input1: Value,
    input2: Value,
    target: Value,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Value:
    """1 - cos(x1, x2) where the target is 1, max(0, cos(x1, x2) - margin) where it is -1.

    Inputs are (N, D) with targets (N,), or (D,) with a single target.

    >>> cosine_embedding_loss(np.array([[3.0, 4.0]]), np.array([[4.0, 3.0]]), np.array([1])).round(4)
    np.float64(0.04)
    """
    checks.numbers("cosine_embedding_loss", margin=margin)
    x1, x2, target = real(input1), real(input2), real(target)
    same_shape("cosine_embedding_loss", input1=x1, input2=x2)
    if x1.ndim not in (1, 2) or target.shape != x1.shape[:-1]:
        raise ShapeError(
            f"cosine_embedding_loss: inputs of shape {x1.shape} and target of shape {target.shape}; "
            "they are (N, D) and (N,), or (D,) and ()"
        )
    squares = [np.sum(np.square(x), axis=-1) + 1e-12 for x in (x1, x2)]
    cosine = np.sum(x1 * x2, axis=-1) / np.sqrt(squares[0] * squares[1])
    values = np.where(target == 1, 1 - cosine, 0.0) + np.where(target == -1, clamped(cosine - margin), 0.0)
    return reduced("cosine_embedding_loss", values, legacy(size_average, reduce, reduction))


def pairwise_distance(x1: Value, x2: Value, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Value:
    """The p-norm of x1 - x2 + eps along the last axis.

    >>> pairwise_distance(np.array([[3.0, 4.0]]), np.zeros((1, 2)), eps=0.0)
    array([5.])
    """
    checks.numbers("pairwise_distance", p=p, eps=eps)
    return checks.norm(real(x1) - real(x2) + eps, p, -1, keepdim)


def triplet_margin_loss(
    anchor: Value,
    positive: Value,
    negative: Value,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Value:
    """max(0, d(anchor, positive) - d(anchor, negative) + margin) with p-norms; arrays are (N, D) or (D,).

    `swap` takes the negative's distance to the positive where that is smaller.

    >>> triplet_margin_loss(np.zeros(1), np.array([2.0]), np.array([1.0]), eps=0.0)
    np.float64(2.0)
    """
    checks.numbers("triplet_margin_loss", margin=margin, p=p, eps=eps)
    a, b, c = real(anchor), real(positive), real(negative)
    same_shape("triplet_margin_loss", anchor=a, positive=b, negative=c)
    near, far = pairwise_distance(a, b, p, eps), pairwise_distance(a, c, p, eps)
    if swap:
        far = np.minimum(far, pairwise_distance(b, c, p, eps))
    values = clamped(margin + near - far)
    return reduced("triplet_margin_loss", values, legacy(size_average, reduce, reduction))
