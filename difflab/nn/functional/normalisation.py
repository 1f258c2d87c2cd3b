"""Normalisation, in torch.nn.functional's signatures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...errors import InputError, ShapeError
from ...primitives import rows
from ...types import Axis, Function, Sizes, Value
from . import checks
from .checks import real, row


def channel_check(what: str, x: Value, **vectors: Value) -> None:
    """Vectors must have one number for each channel."""
    for name, v in vectors.items():
        if v is not None and v.shape != (x.shape[1],):
            raise ShapeError(
                f"{what}: {name} has shape {v.shape}, but the input of shape {x.shape} has {x.shape[1]} channels"
            )


def along_channels(v: Value, ndim: int) -> Value:
    return v.reshape((-1, *(1,) * (ndim - 2)))


def scaled(y: Value, weight: Value, bias: Value) -> Value:
    y = y if weight is None else y * weight
    return y if bias is None else y + bias


def standardised(x: Value, axes: tuple[int, ...], eps: float) -> tuple[Value, Value, Value]:
    """(x - mean) / sqrt(variance + eps) along axes, the mean and the variance (over the number of elements)."""
    mean, var = row(rows.moments, x, axes)
    return row(rows.standardised, x, mean, var, axes=tuple(sorted(k % x.ndim for k in axes)), eps=eps), mean, var


def batch_norm(
    input: Value,
    running_mean: Value,
    running_var: Value,
    weight: Value = None,
    bias: Value = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Value:
    """(x - mean) / sqrt(variance + eps) for each channel (axis 1), times weight, plus bias.

    In training mean and variance are those of the batch, else the running ones. Nothing is changed in place: where
    training and running statistics are given, the result is (output, running_mean, running_var), with the new
    statistics (1 - momentum) old + momentum new (of the unbiased variance); otherwise it is the output alone.
    The input is (N, C) or (N, C, *spatial). Raises ShapeError for statistics of another length than C, and where
    training has one value for each channel; InputError where running statistics are missing.

    Ioffe and Szegedy, Batch normalization, ICML 2015.

    >>> x = np.array([[1.0], [3.0]])
    >>> y, mean, var = batch_norm(x, np.zeros(1), np.ones(1), training=True, eps=0.0)
    >>> y.ravel(), mean, var
    (array([-1.,  1.]), array([0.2]), array([1.1]))
    """
    checks.numbers("batch_norm", momentum=momentum, eps=eps)
    x = real(input)
    if x.ndim < 2:
        raise ShapeError(f"batch_norm: an input of shape {x.shape}; it is (batch, channels, *spatial)")
    mean, var, weight, bias = (None if v is None else real(v) for v in (running_mean, running_var, weight, bias))
    channel_check("batch_norm", x, running_mean=mean, running_var=var, weight=weight, bias=bias)
    shaped: Function = lambda v: None if v is None else along_channels(v, x.ndim)
    if not training:
        if mean is None or var is None:
            raise InputError("batch_norm: without training the running_mean and running_var must be given")
        scale = 1 / np.sqrt(var + eps)
        scale = scale if weight is None else scale * weight
        return scaled(x - shaped(mean), shaped(scale), shaped(bias))
    axes = (0, *range(2, x.ndim))
    number = x.size // max(x.shape[1], 1)
    if number <= 1:
        raise ShapeError(f"batch_norm: training needs more than one value for each channel; the input is {x.shape}")
    y, batch_mean, batch_var = standardised(x, axes, eps)
    y = scaled(y, shaped(weight), shaped(bias))
    if mean is None and var is None:
        return y
    seen = batch_mean.reshape((-1,)), batch_var.reshape((-1,)) * (number / (number - 1))
    return y, *(None if old is None else (1 - momentum) * old + momentum * new for old, new in zip((mean, var), seen))


def layer_norm(
    input: Value, normalized_shape: Sizes, weight: Value = None, bias: Value = None, eps: float = 1e-5
) -> Value:
    """(x - mean) / sqrt(variance + eps) over the last axes, which have the shape `normalized_shape`.

    weight and bias have that shape. Raises ShapeError for others. Ba, Kiros and Hinton, Layer normalization, 2016.

    >>> layer_norm(np.array([[1.0, 3.0]]), (2,), eps=0.0)
    array([[-1.,  1.]])
    """
    checks.numbers("layer_norm", eps=eps)
    x, weight, bias, axes = last_axes("layer_norm", input, normalized_shape, weight=weight, bias=bias)
    return scaled(standardised(x, axes, eps)[0], weight, bias)


def last_axes(what: str, input: Value, normalized_shape: Sizes, **vectors: Value) -> tuple[Value, ...]:
    """The input and the vectors as arrays, once they have the shape, and the axes it stands for."""
    x = real(input)
    if isinstance(normalized_shape, int | np.integer):
        normalized_shape = (int(normalized_shape),)
    if not isinstance(normalized_shape, Sequence | np.ndarray):
        raise InputError(f"{what}: normalized_shape={normalized_shape!r:.80}; give an integer, or a list of them")
    shape = tuple(normalized_shape)
    if not shape or x.shape[-len(shape) :] != shape:
        raise ShapeError(f"{what}: normalized_shape={shape} is not the end of the input's shape {x.shape}")
    found = [None if v is None else real(v) for v in vectors.values()]
    for name, v in zip(vectors, found):
        if v is not None and v.shape != shape:
            raise ShapeError(f"{what}: {name} has shape {v.shape}; it must be normalized_shape={shape}")
    return x, *found, tuple(range(x.ndim - len(shape), x.ndim))


def rms_norm(input: Value, normalized_shape: Sizes, weight: Value = None, eps: float | None = None) -> Value:
    """x / sqrt(mean(x²) + eps) over the last axes; eps is by default that of the dtype.

    Zhang and Sennrich, Root mean square layer normalization, NeurIPS 2019.

    >>> rms_norm(np.array([3.0, -3.0]), (2,), eps=0.0)
    array([ 1., -1.])
    """
    x, weight, axes = last_axes("rms_norm", input, normalized_shape, weight=weight)
    eps = float(np.finfo(x.dtype).eps) if eps is None else eps
    checks.numbers("rms_norm", eps=eps)
    return scaled(x / np.sqrt(np.mean(np.square(x), axis=axes, keepdims=True) + eps), weight, None)


def group_norm(input: Value, num_groups: int, weight: Value = None, bias: Value = None, eps: float = 1e-5) -> Value:
    """(x - mean) / sqrt(variance + eps) over groups of channels and all places of (N, C, *spatial).

    Raises ShapeError where num_groups does not divide C. Wu and He, Group normalization, ECCV 2018.

    >>> group_norm(np.array([[1.0, 3.0, 5.0, 5.0]]), 2, eps=1e-12).round(6)
    array([[-1.,  1.,  0.,  0.]])
    """
    checks.numbers("group_norm", eps=eps)
    checks.integers("group_norm", num_groups=num_groups)
    x = real(input)
    if x.ndim < 2:
        raise ShapeError(f"group_norm: an input of shape {x.shape}; it is (batch, channels, *spatial)")
    if num_groups < 1 or x.shape[1] % num_groups:
        raise ShapeError(f"group_norm: num_groups={num_groups} does not divide the {x.shape[1]} channels of {x.shape}")
    weight, bias = (None if v is None else real(v) for v in (weight, bias))
    channel_check("group_norm", x, weight=weight, bias=bias)
    parts = x.reshape((x.shape[0], num_groups, x.shape[1] // num_groups, *x.shape[2:]))
    y = standardised(parts, tuple(range(2, parts.ndim)), eps)[0].reshape(x.shape)
    return scaled(y, *(None if v is None else along_channels(v, x.ndim) for v in (weight, bias)))


def instance_norm(
    input: Value,
    running_mean: Value = None,
    running_var: Value = None,
    weight: Value = None,
    bias: Value = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Value:
    """(x - mean) / sqrt(variance + eps) for each sample and channel of (N, C, *spatial), times weight, plus bias.

    With `use_input_stats` and running statistics given, the result is (output, running_mean, running_var) as in
    `batch_norm`: the statistics move towards the mean of those of the samples. Ulyanov et al., 2016.

    >>> instance_norm(np.array([[[1.0, 3.0]]]), eps=0.0)
    array([[[-1.,  1.]]])
    """
    checks.numbers("instance_norm", momentum=momentum, eps=eps)
    x = real(input)
    if x.ndim < 3:
        raise ShapeError(f"instance_norm: an input of shape {x.shape}; it is (batch, channels, *spatial)")
    if not use_input_stats:
        return batch_norm(x, running_mean, running_var, weight, bias, False, momentum, eps)
    mean, var, weight, bias = (None if v is None else real(v) for v in (running_mean, running_var, weight, bias))
    channel_check("instance_norm", x, running_mean=mean, running_var=var, weight=weight, bias=bias)
    number = int(np.prod(x.shape[2:]))
    if number <= 1:
        raise ShapeError(f"instance_norm: an input of shape {x.shape} has one value for each sample and channel")
    y, own_mean, own_var = standardised(x, tuple(range(2, x.ndim)), eps)
    y = scaled(y, *(None if v is None else along_channels(v, x.ndim) for v in (weight, bias)))
    if mean is None and var is None:
        return y
    flat: Function = lambda v: np.mean(v.reshape(x.shape[:2]), axis=0)
    seen = flat(own_mean), flat(own_var) * (number / (number - 1))
    return y, *(None if old is None else (1 - momentum) * old + momentum * new for old, new in zip((mean, var), seen))


def local_response_norm(input: Value, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Value:
    """x / (k + alpha mean(x² over `size` neighbouring channels))^beta, with zeros beyond the ends.

    Krizhevsky, Sutskever and Hinton, NIPS 2012.

    >>> local_response_norm(np.ones((1, 1, 1)), 1, alpha=3.0, beta=0.5)
    array([[[0.5]]])
    """
    checks.numbers("local_response_norm", alpha=alpha, beta=beta, k=k)
    checks.integers("local_response_norm", size=size)
    if size < 1:
        raise InputError(f"local_response_norm: size={size}; it must be at least 1")
    x = real(input)
    if x.ndim < 3:
        raise ShapeError(f"local_response_norm: an input of shape {x.shape}; it is (batch, channels, *spatial)")
    channels, squares = x.shape[1], np.square(x)
    padded = np.pad(squares, [(0, 0), (size // 2, (size - 1) // 2), *[(0, 0)] * (x.ndim - 2)])
    total = padded[:, :channels]
    for j in range(1, size):
        total = total + padded[:, j : j + channels]
    return x / np.power(total * (alpha / size) + k, beta)


def normalize(input: Value, p: float = 2.0, dim: Axis = 1, eps: float = 1e-12, out: Value = None) -> Value:
    """x divided by its p-norm along an axis, or by eps where the norm is smaller.

    >>> normalize(np.array([[3.0, 4.0]]))
    array([[0.6, 0.8]])
    """
    checks.numbers("normalize", p=p, eps=eps)
    if out is not None:
        raise InputError("normalize: out= is not supported; assign the result to a name")
    x = real(input)
    norm = checks.norm(x, p, dim, True)
    return x / np.maximum(norm, eps)
