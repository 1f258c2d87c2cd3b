"""Losses for labels and probabilities, in torch.nn.functional's signatures.

Each is a negative log-likelihood, so minimising one is maximising the likelihood of the labels.
"""

from __future__ import annotations

import operator

import numpy as np

from ... import numpy as dnp
from ...errors import InputError, ShapeError
from ...primitives import rows
from ...types import Value
from . import checks
from .checks import array, legacy, real, reduced, row, same_shape


class Labels:
    """Class indices for an array of scores, with the weights of the classes and the index that is ignored."""

    def __init__(self, what: str, x: Value, target: Value, axis: int, weight: Value, ignore_index: int) -> None:
        self.target: Value = checks.labels(what, target)
        wanted = (*x.shape[:axis], *x.shape[axis + 1 :])
        if self.target.shape != wanted:
            raise ShapeError(
                f"{what}: the input has shape {x.shape} and target has shape {self.target.shape}; class indices for it "
                f"have shape {wanted}, and probabilities (where it takes them) have shape {x.shape}"
            )
        self.what: str = what
        self.axis: int = axis
        checks.integers(what, ignore_index=ignore_index)
        self.ignored: int = operator.index(ignore_index)
        self.count: int = x.shape[axis]
        self.weight = weight

    @property
    def places(self) -> Value:
        """The labels, checked, with 0 in place of those that are ignored."""
        what = f"{self.what}: the label"
        return row(rows.class_labels, self.target, what=what, count=self.count, ignore_index=self.ignored)

    def kept(self, values: Value) -> Value:
        return row(rows.without_ignored, values, self.target, ignore_index=self.ignored)

    def picked(self, x: Value) -> Value:
        """The element of each label."""
        found = np.take_along_axis(x, np.expand_dims(self.places, self.axis), self.axis)
        return self.kept(np.squeeze(found, self.axis))

    def weights(self) -> Value:
        """The weight of each label, 0 where it is ignored."""
        return self.kept(dnp.take(self.weight, self.places))

    def reduce(self, values: Value, reduction: str) -> Value:
        """The reduction of values that have their weights already: a mean is over the weights of the labels."""
        if reduction != "mean":
            return reduced(self.what, values, reduction)
        if self.weight is not None:
            return np.sum(values) / np.sum(self.weights())
        return np.sum(values) / np.sum(np.not_equal(self.target, self.ignored).astype(values.dtype))


def class_axis(what: str, x: Value) -> int:
    if not x.ndim:
        raise ShapeError(f"{what}: the input is a single number; it is (C,), (N, C) or (N, C, d1, ...)")
    return 0 if x.ndim == 1 else 1


def class_weight(what: str, x: Value, axis: int, weight: Value) -> Value:
    if weight is None:
        return None
    weight = real(weight)
    if weight.shape != (x.shape[axis],):
        raise ShapeError(
            f"{what}: weight has shape {weight.shape}, but the input of shape {x.shape} has {x.shape[axis]} classes"
        )
    return weight if weight.dtype == x.dtype else weight.astype(x.dtype)


def along(v: Value, axis: int, ndim: int) -> Value:
    return v.reshape((-1, *(1,) * (ndim - 1 - axis)))


def cross_entropy(
    input: Value,
    target: Value,
    weight: Value = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Value:
    """-log softmax(input)[target]: the negative log-likelihood of the labels, computed from logits without overflow.

    `input` is (C,), (N, C) or (N, C, d1, ...); `target` has the class of each, of the same shape without C (integers
    from 0 to C - 1; `ignore_index` counts nowhere), or probabilities of the input's shape. `weight` has C numbers;
    the mean over labels is divided by the sum of their weights. `label_smoothing` mixes that much of equal
    probabilities in. Labels may be traced. Raises ShapeError for shapes that do not fit, InputError for labels
    out of range.

    >>> cross_entropy(np.array([[1e4, 0.0]]), np.array([1]))
    np.float64(10000.0)
    """
    checks.numbers("cross_entropy", label_smoothing=label_smoothing)
    reduction = legacy(size_average, reduce, reduction)
    checks.one_of("cross_entropy: reduction", reduction, "mean", "sum", "none")
    if not 0 <= label_smoothing <= 1:
        raise InputError(f"cross_entropy: label_smoothing={label_smoothing}; it is between 0 and 1")
    z, target = real(input), array(target)
    axis = class_axis("cross_entropy", z)
    weight = class_weight("cross_entropy", z, axis, weight)
    if target.dtype.kind == "f":
        same_shape("cross_entropy (with probabilities)", input=z, target=target)
        return by_probabilities(z, target, axis, weight, reduction, label_smoothing)
    labels = Labels("cross_entropy", z, target, axis, weight, ignore_index)
    values = row(rows.label_loss, z, labels.target, axis=axis, ignore_index=labels.ignored)
    hard = labels.reduce(values if weight is None else values * labels.weights(), reduction)
    if label_smoothing == 0:
        return hard
    logs = row(rows.log_softmax, z, axis=axis)
    smooth = -np.sum(logs if weight is None else logs * along(weight, axis, z.ndim), axis=axis)
    smooth = labels.reduce(labels.kept(smooth), reduction)
    return (1 - label_smoothing) * hard + (label_smoothing / z.shape[axis]) * smooth


def by_probabilities(
    z: Value, target: Value, axis: int, weight: Value, reduction: str, label_smoothing: float
) -> Value:
    if label_smoothing > 0:
        target = target * (1 - label_smoothing) + label_smoothing / z.shape[axis]
    logs = row(rows.log_softmax, z, axis=axis)
    products = logs * (target if weight is None else target * along(weight, axis, z.ndim))
    if reduction == "mean":  # over the samples, not the classes
        return -np.sum(products) / (z.size // max(z.shape[axis], 1))
    return -np.sum(products, axis=axis) if reduction == "none" else -np.sum(products)


def nll_loss(
    input: Value,
    target: Value,
    weight: Value = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Value:
    """-input[target], where `input` has log-probabilities; shapes, weights and errors as `cross_entropy`.

    >>> nll_loss(np.log([[0.25, 0.75]]), [0]).round(4)
    np.float64(1.3863)
    """
    reduction = legacy(size_average, reduce, reduction)
    checks.one_of("nll_loss: reduction", reduction, "mean", "sum", "none")
    x = real(input)
    axis = class_axis("nll_loss", x)
    weight = class_weight("nll_loss", x, axis, weight)
    labels = Labels("nll_loss", x, array(target), axis, weight, ignore_index)
    values = -labels.picked(x)
    return labels.reduce(values if weight is None else values * labels.weights(), reduction)


def binary_cross_entropy(
    input: Value,
    target: Value,
    weight: Value = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Value:
    """-(t log p + (1 - t) log(1 - p)) for probabilities p of one shape with t; each logarithm is at least -100.

    `weight` broadcasts to that shape. Logits are better kept: see `binary_cross_entropy_with_logits`. Raises
    InputError for probabilities outside [0, 1].

    >>> binary_cross_entropy(np.array([0.5, 0.0]), np.array([1.0, 0.0])).round(4)
    np.float64(0.3466)
    """
    reduction = legacy(size_average, reduce, reduction)
    p, target = real(input), real(target)
    same_shape("binary_cross_entropy", input=p, target=target)
    if checks.concrete(p) and p.size and not (p.min() >= 0 and p.max() <= 1):
        raise InputError(
            f"binary_cross_entropy: the input has values from {p.min()} to {p.max()}; probabilities are 0 to 1 "
            "(for logits use binary_cross_entropy_with_logits)"
        )
    values = row(rows.bernoulli_loss, p, target)
    return reduced("binary_cross_entropy", weighted_by("binary_cross_entropy", values, weight), reduction)


def weighted_by(what: str, values: Value, weight: Value) -> Value:
    """Values times weights that broadcast to their shape."""
    if weight is None:
        return values
    weight = real(weight)
    try:
        fits = np.broadcast_shapes(values.shape, weight.shape) == values.shape
    except ValueError:
        fits = False
    if not fits:
        raise ShapeError(f"{what}: weight of shape {weight.shape} does not broadcast to the input's {values.shape}")
    return values * weight


def binary_cross_entropy_with_logits(
    input: Value,
    target: Value,
    weight: Value = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Value = None,
) -> Value:
    """The same of sigmoid(input), without overflow: pos_weight t softplus(-x) + (1 - t) softplus(x).

    `pos_weight` multiplies the part of the positive examples; it and `weight` broadcast to the input's shape.

    >>> binary_cross_entropy_with_logits(np.array([1e4, 0.0]), np.array([0.0, 1.0])).round(4)
    np.float64(5000.3466)
    """
    reduction = legacy(size_average, reduce, reduction)
    what = "binary_cross_entropy_with_logits"
    x, target = real(input), real(target)
    same_shape(what, input=x, target=target)
    positive = weighted_by(what, target * row(rows.softplus, -x), pos_weight)
    values = positive + (1 - target) * row(rows.softplus, x)
    return reduced(what, weighted_by(what, values, weight), reduction)


def kl_div(
    input: Value,
    target: Value,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Value:
    """t (log t - input) for log-probabilities `input` and probabilities t (their logarithms with `log_target`).

    `reduction="batchmean"` divides the sum by the length of the first axis: that is the divergence.

    >>> kl_div(np.log([[0.5, 0.5]]), np.array([[1.0, 0.0]]), reduction="batchmean").round(4)
    np.float64(0.6931)
    """
    reduction = legacy(size_average, reduce, reduction)
    x, target = real(input), real(target)
    same_shape("kl_div", input=x, target=target)
    values = np.exp(target) * (target - x) if log_target else row(rows.xlogy, target, target) - target * x
    if reduction == "batchmean":
        return np.sum(values) / (x.shape[0] if x.ndim else 1)
    return reduced("kl_div", values, reduction)


def soft_margin_loss(
    input: Value, target: Value, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean"
) -> Value:
    """log(1 + exp(-t x)) for targets 1 and -1.

    >>> soft_margin_loss(np.array([0.0]), np.array([1.0])).round(4)
    np.float64(0.6931)
    """
    x, target = real(input), real(target)
    same_shape("soft_margin_loss", input=x, target=target)
    values = row(rows.softplus, -target * x)
    return reduced("soft_margin_loss", values, legacy(size_average, reduce, reduction))


def multilabel_soft_margin_loss(
    input: Value,
    target: Value,
    weight: Value = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Value:
    """The mean over the last axis (the classes) of the binary cross-entropies of logits.

    >>> multilabel_soft_margin_loss(np.zeros((1, 2)), np.array([[1.0, 0.0]])).round(4)
    np.float64(0.6931)
    """
    values = binary_cross_entropy_with_logits(input, target, weight, reduction="none")
    mean = np.mean(values, axis=-1)
    return reduced("multilabel_soft_margin_loss", mean, legacy(size_average, reduce, reduction))
