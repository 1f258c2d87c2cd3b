"""Normalisation: over which axes a mean and a variance are taken is what tells these functions apart."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import numpy as dnp
from ...errors import InputError, ShapeError
from .checks import ints


def standardised(x: Any, axes: tuple[int, ...], eps: float) -> tuple[Any, Any, Any]:
    """(x - mean) / sqrt(var + eps) over the axes, the mean and the variance (by n), both with their axes kept."""
    mean = np.mean(x, axis=axes, keepdims=True)
    centred = x - mean
    var = np.mean(centred * centred, axis=axes, keepdims=True)
    return centred * (1 / np.sqrt(var + eps)), mean, var


def scaled(x: Any, weight: Any, bias: Any, shape: tuple[int, ...]) -> Any:
    x = x if weight is None else x * weight.reshape(shape)
    return x if bias is None else x + bias.reshape(shape)


def check_channels(name: str, channels: int, **arrays: Any) -> None:
    for key, x in arrays.items():
        if x is not None and np.shape(x) != (channels,):
            raise ShapeError(
                f"{name}: {key} has shape {np.shape(x)}; the input has {channels} channels, so ({channels},)"
            )


def batch_norm(
    input: Any,
    running_mean: Any,
    running_var: Any,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: Any = 0.1,
    eps: float = 1e-5,
) -> Any:
    """Each channel of (batch, channels, ...) minus its mean, over its standard deviation.

    In training the mean and variance are the batch's, and nothing is written to: where running statistics were given,
    the result is (output, running mean, running variance), moved by `momentum` towards the batch's (the variance with
    n - 1). Otherwise the running ones are used and the output alone is returned. Ioffe and Szegedy 2015.

    >>> y, mean, var = batch_norm(np.array([[1.0], [3.0]]), np.zeros(1), np.ones(1), training=True)
    >>> y.round(3).tolist(), mean.tolist(), var.tolist()
    ([[-1.0], [1.0]], [0.2], [1.1])
    """
    shape = np.shape(input)
    if len(shape) < 2:
        raise ShapeError(f"batch_norm: the input has shape {shape}; it is (batch, channels, ...)")
    channels = shape[1]
    check_channels("batch_norm", channels, running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)
    wide = (channels, *(1,) * (len(shape) - 2))
    if not training:
        if running_mean is None or running_var is None:
            raise InputError("batch_norm: training=False needs running_mean and running_var")
        scale = 1 / np.sqrt(running_var + eps)
        scale = scale if weight is None else scale * weight
        shift = -running_mean * scale if bias is None else bias - running_mean * scale
        return input * scale.reshape(wide) + shift.reshape(wide)
    count = int(np.prod(shape)) // max(channels, 1)
    if count < 2:
        raise ShapeError(f"batch_norm: training needs more than one value a channel; the input has shape {shape}")
    axes = (0, *range(2, len(shape)))
    x, mean, var = standardised(input, axes, eps)
    y = scaled(x, weight, bias, wide)
    if running_mean is None or running_var is None:
        return y
    mean, var = (dnp.stop_gradient(a.reshape((channels,))) for a in (mean, var))
    new_mean = running_mean + momentum * (mean - running_mean)
    return y, new_mean, running_var + momentum * (var * (count / (count - 1)) - running_var)


def instance_norm(
    input: Any,
    running_mean: Any = None,
    running_var: Any = None,
    weight: Any = None,
    bias: Any = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    """Each channel of each sample of (batch, channels, *size) by its own mean and variance (Ulyanov et al. 2016).

    Running statistics, where given, are the mean over the batch, and come after the output as in `batch_norm`.
    """
    shape = np.shape(input)
    if len(shape) < 3:
        raise ShapeError(f"instance_norm: the input has shape {shape}; it is (batch, channels, *size)")
    if not use_input_stats:
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    channels, count = shape[1], int(np.prod(shape[2:]))
    if count < 2:
        raise ShapeError(f"instance_norm: needs more than one value in each image; the input has shape {shape}")
    check_channels("instance_norm", channels, weight=weight, bias=bias)
    x, mean, var = standardised(input, tuple(range(2, len(shape))), eps)
    y = scaled(x, weight, bias, (channels, *(1,) * (len(shape) - 2)))
    if running_mean is None or running_var is None:
        return y
    mean, var = (dnp.stop_gradient(np.mean(a.reshape((shape[0], channels)), axis=0)) for a in (mean, var))
    new_mean = running_mean + momentum * (mean - running_mean)
    return y, new_mean, running_var + momentum * (var * (count / (count - 1)) - running_var)


def layer_norm(input: Any, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    """Each sample by the mean and variance over its last axes, those of `normalized_shape` (Ba et al. 2016).

    >>> layer_norm(np.array([[1.0, 2.0, 3.0]]), (3,)).round(2)
    array([[-1.22,  0.  ,  1.22]])
    """
    shape = last_axes("layer_norm", input, normalized_shape, weight, bias)
    axes = tuple(range(np.ndim(input) - len(shape), np.ndim(input)))
    return scaled(standardised(input, axes, eps)[0], weight, bias, shape)


def rms_norm(input: Any, normalized_shape: Any, weight: Any = None, eps: float | None = None) -> Any:
    """Each sample over the root of the mean of the squares over its last axes (Zhang and Sennrich 2019)."""
    shape = last_axes("rms_norm", input, normalized_shape, weight)
    axes = tuple(range(np.ndim(input) - len(shape), np.ndim(input)))
    eps = float(np.finfo(input.dtype).eps) if eps is None else eps
    return scaled(input / np.sqrt(np.mean(input * input, axis=axes, keepdims=True) + eps), weight, None, shape)


def last_axes(name: str, input: Any, normalized_shape: Any, *arrays: Any) -> tuple[int, ...]:
    n = 1 if hasattr(normalized_shape, "__index__") else len(normalized_shape)
    shape = ints(name, "normalized_shape", normalized_shape, n, 1)
    if np.shape(input)[-n:] != shape:
        raise ShapeError(
            f"{name}: the input has shape {np.shape(input)}; its last axes must be {shape} (normalized_shape)"
        )
    for x in arrays:
        if x is not None and np.shape(x) != shape:
            raise ShapeError(f"{name}: a weight or bias of shape {np.shape(x)}; it needs normalized_shape, {shape}")
    return shape


def group_norm(input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    """Each group of channels of each sample of (batch, channels, ...) by its own statistics (Wu and He 2018)."""
    shape = np.shape(input)
    if len(shape) < 2 or shape[1] % num_groups:
        raise ShapeError(
            f"group_norm: the input has shape {shape}; its channels (axis 1) must divide into {num_groups} groups"
        )
    check_channels("group_norm", shape[1], weight=weight, bias=bias)
    grouped = input.reshape((shape[0], num_groups, -1))
    x = standardised(grouped, (2,), eps)[0].reshape(shape)
    return scaled(x, weight, bias, (shape[1], *(1,) * (len(shape) - 2)))


def local_response_norm(input: Any, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Any:
    """Each element over a power of the mean square of its neighbours in the channels (Krizhevsky et al. 2012)."""
    shape = np.shape(input)
    if len(shape) < 3:
        raise ShapeError(f"local_response_norm: the input has shape {shape}; it has at least 3 axes")
    squares = np.pad(input * input, [(0, 0), (size // 2, (size - 1) // 2)] + [(0, 0)] * (len(shape) - 2))
    total = squares[:, : shape[1]]
    for j in range(1, size):
        total = total + squares[:, j : j + shape[1]]
    return input / (total * (alpha / size) + k) ** beta


def normalize(input: Any, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Any:
    """The input over its p-norm along `dim`, which is taken as at least eps."""
    return input / np.maximum(np.linalg.norm(input, ord=p, axis=dim, keepdims=True), eps)
