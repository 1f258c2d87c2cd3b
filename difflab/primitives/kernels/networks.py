"""What networks need and NumPy has not: random numbers from a key, checked labels."""

from __future__ import annotations

from math import factorial
from typing import Any

import numpy as np

from ...errors import InputError
from ...types import Axis, Key, Shape, Value
from .arrays import logsumexp


def random_uniform(key: Key, *, shape: Shape, dtype: Any) -> Value:
    """Numbers in [0, 1) that depend on the key alone; Philox counts, so no state is carried along."""
    words = np.ascontiguousarray(key).astype(np.int64, copy=False).view(np.uint64)
    return np.random.Generator(np.random.Philox(key=words)).random(shape, dtype)


def class_labels(labels: Value, *, what: str, count: int, ignore_index: Value) -> Value:
    """The labels, with 0 in place of those that are ignored; the first one out of range is an error."""
    labels = np.asarray(labels)
    if not labels.size:
        return labels
    if labels.min() >= 0 and labels.max() < count:
        return labels if ignore_index is None or ignore_index < 0 else replaced(labels, ignore_index)
    wrong = (labels < 0) | (labels >= count)
    if ignore_index is not None:
        wrong &= labels != ignore_index
    if wrong.any():
        place = tuple(int(k) for k in np.unravel_index(np.argmax(wrong), labels.shape))
        where = f" at [{', '.join(map(str, place))}]" if place else ""
        other = "" if ignore_index is None else f", or ignore_index={ignore_index}"
        raise InputError(f"{what} {int(labels[place])}{where} is out of range; it must be 0 to {count - 1}{other}")
    return replaced(labels, ignore_index)


def replaced(labels: Value, ignore_index: int) -> Value:
    return np.where(np.equal(labels, ignore_index), np.zeros((), labels.dtype), labels)


def tanhshrink(x: Value) -> Value:
    """x - tanh(x) = (x cosh(x) - sinh(x)) / cosh(x); near 0 by the series of the numerator, all of one sign."""
    x = np.asarray(x)
    small = np.abs(x) < 1
    t = np.where(small, x, 0).astype(x.dtype, copy=False)
    square = np.square(t)
    total = np.zeros_like(t)
    for k in range(10, 0, -1):  # the terms 2k x^(2k + 1) / (2k + 1)!
        total = total * square + 2 * k / factorial(2 * k + 1)
    return np.where(small, t * square * total / np.cosh(t), x - np.tanh(x))[()]


def without_ignored(x: Value, labels: Value, *, ignore_index: int) -> Value:
    """x, and 0 where the label is the one that is ignored."""
    ignored = np.equal(labels, ignore_index)
    return np.where(ignored, np.zeros((), np.asarray(x).dtype), x) if ignored.any() else np.array(x, copy=True)[()]


def label_loss(z: Value, labels: Value, *, axis: int, ignore_index: int) -> Value:
    """log(sum(exp(z))) - z[label] along the axis, 0 where the label is ignored."""
    z, labels = np.moveaxis(np.asarray(z), axis, -1), np.asarray(labels)
    places = class_labels(labels, what="cross_entropy: the label", count=z.shape[-1], ignore_index=ignore_index)
    y = logsumexp(z, axis=(-1,), keepdims=False) - np.take_along_axis(z, places[..., None], -1)[..., 0]
    return y if places is labels else without_ignored(y, labels, ignore_index=ignore_index)


def label_loss_slope(ct: Value, z: Value, labels: Value, *, axis: int, ignore_index: int) -> Value:
    """ct (softmax(z) - 1 at the label), 0 where the label is ignored."""
    moved, labels, ct = np.moveaxis(np.asarray(z), axis, -1), np.asarray(labels), np.asarray(ct)
    y = np.subtract(moved, np.maximum.reduce(moved, axis=-1, keepdims=True))
    np.exp(y, out=y)
    y /= np.add.reduce(y, axis=-1, keepdims=True)
    at_label = np.equal(labels[..., None], np.arange(moved.shape[-1]))
    np.subtract(y, at_label, out=y)
    ignored = np.equal(labels, ignore_index)
    if ignored.any():
        y[ignored] = 0
        ct = np.where(ignored, np.zeros((), ct.dtype), ct)
    return np.moveaxis(np.multiply(y, ct[..., None], out=y), -1, axis)


# Normalisation. What is large is passed over as seldom as can be, in the memory layout that it has.
def total(x: Value, y: Value, axes: Value) -> Value:
    """The sum of x y along axes, which stay with length 1; the product is not written out."""
    every = list(range(x.ndim))
    found = np.einsum(x, every, y, every, [k for k in every if k not in axes])
    return np.expand_dims(found, axes)


def moments(x: Value, *, axes: Axis) -> Value:
    """The mean and the variance along axes."""
    x = np.asarray(x)
    mean = np.mean(x, axis=axes, keepdims=True)
    deviations = np.subtract(x, mean)
    n = x.size // max(mean.size, 1)
    return mean, total(deviations, deviations, axes) / np.asarray(n, x.dtype)


def standardised(x: Value, mean: Value, var: Value, *, axes: Axis, eps: float) -> Value:
    """(x - mean) / sqrt(var + eps)."""
    y = np.subtract(x, mean)
    return np.multiply(y, 1 / np.sqrt(var + np.asarray(eps, var.dtype)), out=y)


def standardised_slope(ct: Value, y: Value, var: Value, *, axes: Axis, eps: float) -> Value:
    """(ct - mean(ct) - y mean(ct y)) / sqrt(var + eps)."""
    ct, y = np.asarray(ct), np.asarray(y)
    scale = 1 / np.sqrt(var + np.asarray(eps, var.dtype))
    n = np.asarray(y.size // max(var.size, 1), y.dtype)
    x = np.multiply(y, total(ct, y, axes) / -n)
    np.add(x, ct, out=x)
    np.subtract(x, np.mean(ct, axis=axes, keepdims=True), out=x)
    return np.multiply(x, scale, out=x)
