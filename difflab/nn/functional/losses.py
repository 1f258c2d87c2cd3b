"""Losses, with torch.nn.functional's arguments. Nothing is broadcast: shapes that differ are an error.

What they assume (course, 3.2): the mean squared error is the negative log-likelihood of normal noise with equal
variance, cross-entropy that of classes drawn with the softmax's probabilities.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import numpy as dnp
from ...errors import InputError, ShapeError
from ...graph.node import Node
from .checks import dtype_of, labels, reduced, same_shape


def weighted(values: Any, weight: Any) -> Any:
    return values if weight is None else values * weight


def mse_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    """The mean of (input - target)².

    >>> float(mse_loss(np.array([1.0, 2.0]), np.array([0.0, 0.0])))
    2.5
    """
    same_shape("mse_loss", input, target)
    return reduced("mse_loss", np.square(input - target), reduction)


def l1_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    """The mean of |input - target|."""
    same_shape("l1_loss", input, target)
    return reduced("l1_loss", np.abs(input - target), reduction)


def huber_loss(input: Any, target: Any, reduction: str = "mean", delta: float = 1.0) -> Any:
    """d²/2 near 0 and delta (|d| - delta/2) beyond delta, for d = input - target (Huber 1964)."""
    same_shape("huber_loss", input, target)
    d = input - target
    return reduced("huber_loss", delta * smooth(d, delta), reduction)


def smooth_l1_loss(input: Any, target: Any, reduction: str = "mean", beta: float = 1.0) -> Any:
    """d²/(2 beta) near 0 and |d| - beta/2 beyond beta (Girshick 2015)."""
    same_shape("smooth_l1_loss", input, target)
    if beta < 0:
        raise InputError(f"smooth_l1_loss: beta={beta}; give a number of at least 0")
    d = input - target
    return reduced("smooth_l1_loss", smooth(d, beta) if beta else np.abs(d), reduction)


def smooth(d: Any, beta: float) -> Any:
    size = np.abs(d)
    return np.where(size < beta, (0.5 / beta) * d * d, size - 0.5 * beta)


def cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:
    """The negative logarithm of softmax(input) at the classes: input (N, C, ...) or (C,), target without the axis C.

    A target of the input's shape holds probabilities. `weight` has a number for each class; the mean is then the
    weighted one. Targets equal to `ignore_index` do not count. Stable for every finite input.

    >>> float(cross_entropy(np.array([[1e4, 0.0]]), np.array([1])))
    10000.0
    """
    name = "cross_entropy"
    shape, k = scores(name, input)
    if not 0 <= label_smoothing <= 1:
        raise InputError(f"cross_entropy: label_smoothing={label_smoothing}; it is between 0 and 1")
    if weight is not None and np.shape(weight) != (shape[k],):
        raise ShapeError(
            f"cross_entropy: the weight has shape {np.shape(weight)}; for {shape[k]} classes ({shape[k]},)"
        )
    if np.shape(target) == shape and dtype_of(target).kind == "f":
        return of_probabilities(input, target, weight, reduction, label_smoothing, k)
    check_classes(name, shape, k, target, ignore_index)
    smoothed = None
    if label_smoothing:
        logs = dnp.log_softmax(input, axis=k)
        spread = logs if weight is None else logs * along(weight, k, len(shape))
        smoothed = (label_smoothing / shape[k], -np.sum(spread, axis=k))
        values = -taken(logs, target, k, ignore_index)
    else:
        values = dnp.logsumexp(input, axis=k) - taken(input, target, k, ignore_index)
    return of_classes(name, values, target, weight, ignore_index, reduction, smoothed, label_smoothing)


def scores(name: str, input: Any) -> tuple[tuple[int, ...], int]:
    """The shape of scores and the axis of the classes."""
    shape = np.shape(input)
    if not shape:
        raise ShapeError(f"{name}: the input is a single number; it has a score for each class, (N, C) or (C,)")
    if dtype_of(input).kind != "f":
        raise InputError(f"{name}: the input has dtype {dtype_of(input)}; scores are floats")
    return shape, 0 if len(shape) == 1 else 1


def check_classes(name: str, shape: tuple[int, ...], k: int, target: Any, ignore_index: int) -> None:
    want = shape[:k] + shape[k + 1 :]
    if np.shape(target) != want:
        raise ShapeError(
            f"{name}: the input has shape {shape} and the target {np.shape(target)}; labels need the shape {want}"
            + ("" if name == "nll_loss" else f", probabilities {shape} and floats")
        )
    labels(name, target, shape[k], ignore_index)


def along(weight: Any, k: int, rank: int) -> Any:
    return weight.reshape((*(1,) * k, -1, *(1,) * (rank - k - 1)))


def ignoring(target: Any, ignore_index: int) -> bool:
    """Whether any target is to be left out. Of a traced one that is not known: another call may bring some."""
    return target.__class__ is Node or bool((target == ignore_index).any())


def taken(values: Any, target: Any, k: int, ignore_index: int) -> Any:
    """The entry at the target along axis k; 0's where the target is ignored."""
    safe = np.where(target == ignore_index, 0, target) if ignoring(target, ignore_index) else target
    return np.squeeze(np.take_along_axis(values, np.expand_dims(safe, k), k), k)


def of_classes(
    name: str, values: Any, target: Any, weight: Any, ignore_index: int, reduction: str, smoothed: Any, amount: float
) -> Any:
    """Losses of each sample, weighted by class, without the ignored ones, put together."""
    skip = ignoring(target, ignore_index)
    safe = np.where(target == ignore_index, 0, target) if skip else target
    counts = None
    if weight is not None:
        counts = dnp.take(weight, safe)  # NumPy's own does not look for traced indices
        values = values * counts
    if skip:
        kept = target != ignore_index
        counts = kept.astype(values.dtype) if counts is None else np.where(kept, counts, 0)
        values = np.where(kept, values, 0)
    if smoothed is not None:
        share, spread = smoothed
        spread = np.where(target != ignore_index, spread, 0) if skip else spread
        values = (1 - amount) * values + share * spread
    if reduction == "mean" and counts is not None:
        return np.sum(values) / np.sum(counts)
    return reduced(name, values, reduction)


def of_probabilities(input: Any, target: Any, weight: Any, reduction: str, label_smoothing: float, k: int) -> Any:
    classes = np.shape(input)[k]
    if label_smoothing:
        target = target * (1 - label_smoothing) + label_smoothing / classes
    logs = dnp.log_softmax(input, axis=k)
    values = -np.sum(target * (logs if weight is None else logs * along(weight, k, np.ndim(input))), axis=k)
    if reduction == "mean":
        return np.sum(values) / max(int(np.prod(np.shape(values))), 1)
    return reduced("cross_entropy", values, reduction)


def nll_loss(input: Any, target: Any, weight: Any = None, ignore_index: int = -100, reduction: str = "mean") -> Any:
    """The negative of the log-probabilities (N, C, ...) or (C,) at the classes.

    >>> float(nll_loss(np.log(np.array([[0.25, 0.75]])), np.array([1])).round(6))
    0.287682
    """
    shape, k = scores("nll_loss", input)
    check_classes("nll_loss", shape, k, target, ignore_index)
    values = -taken(input, target, k, ignore_index)
    return of_classes("nll_loss", values, target, weight, ignore_index, reduction, None, 0.0)


def binary_cross_entropy(input: Any, target: Any, weight: Any = None, reduction: str = "mean") -> Any:
    """-t log p - (1 - t) log(1 - p) for probabilities p; the logarithms are taken as at least -100.

    From scores, `binary_cross_entropy_with_logits` keeps its digits where p rounds to 0 or 1.
    """
    same_shape("binary_cross_entropy", input, target)
    values = -target * np.maximum(np.log(input), -100) - (1 - target) * np.maximum(np.log1p(-input), -100)
    return reduced("binary_cross_entropy", weighted(values, weight), reduction)


def binary_cross_entropy_with_logits(
    input: Any, target: Any, weight: Any = None, reduction: str = "mean", pos_weight: Any = None
) -> Any:
    """Binary cross-entropy of sigmoid(input), stable for every finite input; pos_weight multiplies the positive term.

    >>> float(binary_cross_entropy_with_logits(np.array([-1000.0]), np.array([1.0])))
    1000.0
    """
    same_shape("binary_cross_entropy_with_logits", input, target)
    if pos_weight is None:
        values = (1 - target) * input + dnp.softplus(-input)
    else:
        values = (1 - target) * input + ((pos_weight - 1) * target + 1) * dnp.softplus(-input)
    return reduced("binary_cross_entropy_with_logits", weighted(values, weight), reduction)


def kl_div(input: Any, target: Any, reduction: str = "mean", log_target: bool = False) -> Any:
    """target (log target - input), where input holds log-probabilities; "batchmean" divides the sum by the batch.

    "mean" divides by the number of elements, as PyTorch's does; the divergence itself is "batchmean".
    """
    same_shape("kl_div", input, target)
    values = np.exp(target) * (target - input) if log_target else dnp.xlogy(target, target) - target * input
    if reduction == "batchmean":
        return np.sum(values) / np.shape(input)[0]
    return reduced("kl_div", values, reduction)


def gaussian_nll_loss(
    input: Any, target: Any, var: Any, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Any:
    """(log var + (input - target)² / var) / 2, with log(2π) / 2 if `full`; var is taken as at least eps."""
    same_shape("gaussian_nll_loss", input, target)
    var = np.maximum(var, eps)
    values = 0.5 * (np.log(var) + np.square(input - target) / var)
    return reduced("gaussian_nll_loss", values + 0.5 * float(np.log(2 * np.pi)) if full else values, reduction)


def poisson_nll_loss(
    input: Any, target: Any, log_input: bool = True, full: bool = False, eps: float = 1e-8, reduction: str = "mean"
) -> Any:
    """rate - target log(rate), from the logarithm of the rate; `full` adds Stirling's form of log(target!)."""
    same_shape("poisson_nll_loss", input, target)
    values = np.exp(input) - target * input if log_input else input - target * np.log(input + eps)
    if full:
        safe = np.where(target > 1, target, 2.0)
        stirling = safe * np.log(safe) - safe + 0.5 * np.log(2 * np.pi * safe)
        values = values + np.where(target > 1, stirling, 0.0)
    return reduced("poisson_nll_loss", values, reduction)


def hinge_embedding_loss(input: Any, target: Any, margin: float = 1.0, reduction: str = "mean") -> Any:
    """The input where the target is 1, and max(0, margin - input) where it is -1."""
    same_shape("hinge_embedding_loss", input, target)
    values = np.where(target == 1, input, dnp.relu(margin - input))
    return reduced("hinge_embedding_loss", values, reduction)


def margin_ranking_loss(input1: Any, input2: Any, target: Any, margin: float = 0.0, reduction: str = "mean") -> Any:
    """max(0, margin - target (input1 - input2))."""
    same_shape("margin_ranking_loss", input1, input2)
    return reduced("margin_ranking_loss", dnp.relu(margin - target * (input1 - input2)), reduction)


def cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Any:
    """x1 · x2 over the product of their lengths, each taken as at least eps."""
    n1, n2 = (np.maximum(np.linalg.norm(x, axis=dim, keepdims=True), eps) for x in (x1, x2))
    return np.sum((x1 / n1) * (x2 / n2), axis=dim)


def cosine_embedding_loss(input1: Any, input2: Any, target: Any, margin: float = 0.0, reduction: str = "mean") -> Any:
    """1 - cos where the target is 1, and max(0, cos - margin) where it is -1."""
    c = cosine_similarity(input1, input2, dim=np.ndim(input1) - 1)
    return reduced("cosine_embedding_loss", np.where(target == 1, 1 - c, dnp.relu(c - margin)), reduction)


def pairwise_distance(x1: Any, x2: Any, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Any:
    """The p-norm of x1 - x2 + eps along the last axis."""
    return np.linalg.norm(x1 - x2 + eps, ord=p, axis=-1, keepdims=keepdim)


def triplet_margin_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-6,
    swap: bool = False,
    reduction: str = "mean",
) -> Any:
    """max(0, margin + |anchor - positive| - |anchor - negative|)."""
    near, far = pairwise_distance(anchor, positive, p, eps), pairwise_distance(anchor, negative, p, eps)
    far = np.minimum(far, pairwise_distance(positive, negative, p, eps)) if swap else far
    return reduced("triplet_margin_loss", dnp.relu(margin + near - far), reduction)
