"""Losses, in torch.nn.functional's signatures."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import numpy as dnp
from ...errors import InputError, ShapeError
from . import checks
from .checks import array, real, reduced, row, same_shape


def pair(what: str, input: Any, target: Any) -> tuple[Any, Any]:
    x, target = real(input), real(target)
    same_shape(what, input=x, target=target)
    return x, target


def weighted(what: str, values: Any, weight: Any, reduction: str) -> Any:
    """The reduction of values that have weights: their mean is divided by the sum of the weights."""
    if weight is None:
        return reduced(what, values, reduction)
    weight = real(weight)
    same_shape(what, input=values, weight=weight)
    total = reduced(what, values * weight, "sum" if reduction == "mean" else reduction)
    return total / np.sum(weight) if reduction == "mean" else total


def mse_loss(
    input: Any,
    target: Any,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
    weight: Any = None,
) -> Any:
    """The squared differences: their mean, their sum, or each of them (`reduction` "mean", "sum", "none").

    It is the negative log-likelihood of a normal distribution around the input, up to a constant and a factor.
    Raises ShapeError where the shapes differ; nothing is broadcast.

    >>> mse_loss(np.array([1.0, 2.0]), np.array([1.0, 4.0]))
    np.float64(2.0)
    """
    reduction = legacy(size_average, reduce, reduction)
    x, target = pair("mse_loss", input, target)
    return weighted("mse_loss", np.square(x - target), weight, reduction)


def legacy(size_average: Any, reduce: Any, reduction: str) -> str:
    """torch's older arguments in terms of the newer one."""
    if size_average is None and reduce is None:
        return reduction
    if reduce is False:
        return "none"
    return "sum" if size_average is False else "mean"


def cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: Any = None,
    ignore_index: int = -100,
    reduce: Any = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:
    """-log softmax(input)[target]: the negative log-likelihood of the labels, computed from logits without overflow.

    `input` is (C,), (N, C) or (N, C, d1, ...); `target` has the class of each, of the same shape without C (integers
    from 0 to C - 1; `ignore_index` counts nowhere), or probabilities of the input's shape. `weight` has C numbers;
    the mean over labels is divided by the sum of their weights. `label_smoothing` mixes that much of equal
    probabilities in. Labels may be traced. Raises ShapeError for shapes that do not fit, InputError for labels
    out of range.

    >>> cross_entropy(np.array([[1e4, 0.0]]), np.array([1]))
    np.float64(10000.0)
    """
    reduction = legacy(size_average, reduce, reduction)
    checks.one_of("cross_entropy: reduction", reduction, "mean", "sum", "none")
    if not 0 <= label_smoothing <= 1:
        raise InputError(f"cross_entropy: label_smoothing={label_smoothing}; it is between 0 and 1")
    z, target = real(input), array(target)
    if not z.ndim:
        raise ShapeError("cross_entropy: the input is a single number; it is (C,), (N, C) or (N, C, d1, ...)")
    axis = 0 if z.ndim == 1 else 1
    weight = class_weight("cross_entropy", z, axis, weight)
    if target.dtype.kind == "f":
        same_shape("cross_entropy (with probabilities)", input=z, target=target)
        return by_probabilities(z, target, axis, weight, reduction, label_smoothing)
    labels = read_labels("cross_entropy", z, target, axis, ignore_index)
    if label_smoothing == 0:
        values = np.squeeze(row("logsumexp", z, axis=axis, keepdims=True) - picked(z, labels, axis), axis)
        return over_labels(values, target, labels, weight, reduction, ignore_index)
    logs = row("log_softmax", z, axis=axis)
    hard = -np.squeeze(picked(logs, labels, axis), axis)
    hard = over_labels(hard, target, labels, weight, reduction, ignore_index)
    smooth = -np.sum(logs if weight is None else logs * along(weight, axis, z.ndim), axis=axis)
    smooth = row("without_ignored", smooth, target, ignore_index=ignore_index)
    if reduction == "mean":
        smooth = np.sum(smooth) / label_total(target, labels, weight, z.dtype, ignore_index)
    elif reduction == "sum":
        smooth = np.sum(smooth)
    return (1 - label_smoothing) * hard + (label_smoothing / z.shape[axis]) * smooth


def by_probabilities(z: Any, target: Any, axis: int, weight: Any, reduction: str, label_smoothing: float) -> Any:
    if label_smoothing > 0:
        target = target * (1 - label_smoothing) + label_smoothing / z.shape[axis]
    logs = row("log_softmax", z, axis=axis)
    values = -np.sum(logs * (target if weight is None else target * along(weight, axis, z.ndim)), axis=axis)
    return reduced("cross_entropy", values, reduction)


def class_weight(what: str, z: Any, axis: int, weight: Any) -> Any:
    if weight is None:
        return None
    weight = real(weight)
    if weight.shape != (z.shape[axis],):
        raise ShapeError(
            f"{what}: weight has shape {weight.shape}, but the input of shape {z.shape} has {z.shape[axis]} classes"
        )
    return weight if weight.dtype == z.dtype else weight.astype(z.dtype)


def along(v: Any, axis: int, ndim: int) -> Any:
    return v.reshape((-1, *(1,) * (ndim - 1 - axis)))


def read_labels(what: str, z: Any, target: Any, axis: int, ignore_index: int) -> Any:
    """The labels, checked, with 0 where one is ignored."""
    labels = checks.labels(what, target)
    wanted = (*z.shape[:axis], *z.shape[axis + 1 :])
    if labels.shape != wanted:
        raise ShapeError(
            f"{what}: the input has shape {z.shape} and target has shape {labels.shape}; class indices for it have "
            f"shape {wanted}, and probabilities (of a floating dtype) have shape {z.shape}"
        )
    return row("class_labels", labels, what=f"{what}: the label", count=z.shape[axis], ignore_index=ignore_index)


def picked(x: Any, labels: Any, axis: int) -> Any:
    """The element of each label along the axis of the classes, which stays with length 1."""
    return np.take_along_axis(x, np.expand_dims(labels, axis), axis)


def label_total(target: Any, labels: Any, weight: Any, dtype: Any, ignore_index: int) -> Any:
    """The number of labels that count, or the sum of their weights."""
    if weight is None:
        return np.sum(np.not_equal(target, ignore_index).astype(dtype))
    return np.sum(row("without_ignored", dnp.take(weight, labels), target, ignore_index=ignore_index))


def over_labels(values: Any, target: Any, labels: Any, weight: Any, reduction: str, ignore_index: int) -> Any:
    """The reduction of one value for each label, times its weight, without the ignored ones."""
    if weight is not None:
        values = values * dnp.take(weight, labels)
    values = row("without_ignored", values, target, ignore_index=ignore_index)
    if reduction == "none":
        return values
    total = np.sum(values)
    if reduction == "sum":
        return total
    return total / label_total(target, labels, weight, values.dtype, ignore_index)
