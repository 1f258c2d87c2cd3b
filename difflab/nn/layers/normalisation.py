"""Normalisation: which axes share a mean and a variance is what tells the four apart (course, figure 4.14)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...errors import InputError, ShapeError
from ...types import DType, Params, Shape, State, Value
from .. import functional as F
from ..arrays import PerAxis
from .layer import Layer, counts, frozen, sizes


def ones_and_zeros(shape: Shape, dtype: DType, bias: bool = True) -> Params:
    params = {"weight": np.ones(shape, dtype)}
    return params | {"bias": np.zeros(shape, dtype)} if bias else params


@dataclass(frozen=True)
class _Running(Layer):
    """Layers that may keep running statistics of each channel."""

    num_features: int
    eps: float = 1e-5
    momentum: float | None = 0.1
    affine: bool = True
    track_running_stats: bool = True
    ranks: ClassVar[tuple[int, ...]]
    counted: ClassVar[bool] = True

    def __post_init__(self) -> None:
        counts(self, "num_features")
        super().__post_init__()
        if self.momentum is not None and not 0 <= self.momentum <= 1:
            raise InputError(f"{type(self).__name__}: momentum={self.momentum}; it is between 0 and 1, or None")

    def start(self, rng: np.random.Generator, dtype: DType) -> tuple[Params, State]:
        n = (self.num_features,)
        state: State = {}
        if self.track_running_stats:
            state = {"running_mean": np.zeros(n, dtype), "running_var": np.ones(n, dtype)}
            state["num_batches_tracked"] = np.zeros((), np.int64)
        return (ones_and_zeros(n, dtype) if self.affine else {}), state

    def check(self, x: Value) -> None:
        shape = np.shape(x)
        if len(shape) not in self.ranks or shape[1] != self.num_features:
            ranks = " or ".join(map(str, self.ranks))
            raise ShapeError(
                f"{type(self).__name__}({self.num_features}): the input has shape {shape}; it needs {ranks} axes, the "
                f"second with {self.num_features} channels"
            )

    def apply(self, params: Params, state: State, x: Value, *, training: bool) -> tuple[Value, State]:
        self.check(x)
        weight, bias = params.get("weight"), params.get("bias")
        if not self.track_running_stats:
            return self.normalise(x, None, None, weight, bias, True, 0.0), state
        mean, var = state["running_mean"], state["running_var"]
        if not training:
            return self.normalise(x, mean, var, weight, bias, False, 0.0), state
        count = state["num_batches_tracked"] + int(self.counted)
        # momentum=None is the mean over all batches so far
        momentum = 1 / count.astype(mean.dtype) if self.momentum is None else self.momentum
        y, mean, var = self.normalise(x, mean, var, weight, bias, True, momentum)
        return y, {"running_mean": mean, "running_var": var, "num_batches_tracked": count}

    def normalise(
        self, x: Value, mean: Value, var: Value, weight: Value, bias: Value, training: bool, momentum: Value
    ) -> Value:
        return F.batch_norm(x, mean, var, weight, bias, training, momentum, self.eps)


@dataclass(frozen=True)
class BatchNorm1d(_Running):
    """Each channel by its mean and variance over the batch (and length): (batch, channels[, length]).

    In training the batch's own statistics are used, and the running ones move by `momentum` towards them (the variance
    with n - 1); otherwise the running ones are used. Ioffe and Szegedy 2015.

    >>> layer = BatchNorm1d(2)
    >>> params, state = layer.init(0)
    >>> y, state = layer.apply(params, state, np.array([[1.0, 5.0], [3.0, 5.0]]), training=True)
    >>> y.round(3).tolist(), state["running_mean"].tolist()
    ([[-1.0, 0.0], [1.0, 0.0]], [0.2, 0.5])
    """

    ranks: ClassVar[tuple[int, ...]] = (2, 3)


@dataclass(frozen=True)
class BatchNorm2d(_Running):
    """As BatchNorm1d, over batch, height and width of (batch, channels, height, width)."""

    ranks: ClassVar[tuple[int, ...]] = (4,)


@dataclass(frozen=True)
class InstanceNorm2d(_Running):
    """Each channel of each image by its own mean and variance (Ulyanov et al. 2016): (batch, channels, height, width),
    or one image without the batch axis."""

    affine: bool = False
    track_running_stats: bool = False
    ranks: ClassVar[tuple[int, ...]] = (3, 4)
    counted: ClassVar[bool] = False  # PyTorch's does not count either

    def check(self, x: Value) -> None:
        shape = np.shape(x)
        super().check(x if len(shape) != 3 else np.empty((0, *shape)))

    def apply(self, params: Params, state: State, x: Value, *, training: bool) -> tuple[Value, State]:
        self.check(x)
        if np.ndim(x) == 4:
            return super().apply(params, state, x, training=training)
        y, state = super().apply(params, state, np.expand_dims(x, 0), training=training)
        return y[0], state

    def normalise(
        self, x: Value, mean: Value, var: Value, weight: Value, bias: Value, training: bool, momentum: Value
    ) -> Value:
        return F.instance_norm(x, mean, var, weight, bias, training, momentum, self.eps)


@dataclass(frozen=True)
class LayerNorm(Layer):
    """Each sample by the mean and variance over its last axes (Ba et al. 2016).

    >>> layer = LayerNorm(3)
    >>> params, state = layer.init(0)
    >>> layer.apply(params, state, np.array([[1.0, 2.0, 3.0]]), training=False)[0].round(2)
    array([[-1.22,  0.  ,  1.22]])
    """

    normalized_shape: PerAxis
    eps: float = 1e-5
    elementwise_affine: bool = True
    bias: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        frozen(self, normalized_shape=sizes(self, "normalized_shape"))

    def start(self, rng: np.random.Generator, dtype: DType) -> tuple[Params, State]:
        return (ones_and_zeros(self.normalized_shape, dtype, self.bias) if self.elementwise_affine else {}), {}

    def apply(self, params: Params, state: State, x: Value, *, training: bool) -> tuple[Value, State]:
        return F.layer_norm(x, self.normalized_shape, params.get("weight"), params.get("bias"), self.eps), state


@dataclass(frozen=True)
class RMSNorm(Layer):
    """Each sample by the root mean square over its last axes (Zhang and Sennrich 2019)."""

    normalized_shape: PerAxis
    eps: float | None = None
    elementwise_affine: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        frozen(self, normalized_shape=sizes(self, "normalized_shape"))

    def start(self, rng: np.random.Generator, dtype: DType) -> tuple[Params, State]:
        return (ones_and_zeros(self.normalized_shape, dtype, False) if self.elementwise_affine else {}), {}

    def apply(self, params: Params, state: State, x: Value, *, training: bool) -> tuple[Value, State]:
        return F.rms_norm(x, self.normalized_shape, params.get("weight"), self.eps), state


@dataclass(frozen=True)
class GroupNorm(Layer):
    """Each group of channels of each sample by its own mean and variance (Wu and He 2018)."""

    num_groups: int
    num_channels: int
    eps: float = 1e-5
    affine: bool = True

    def __post_init__(self) -> None:
        counts(self, "num_groups", "num_channels")
        super().__post_init__()
        if self.num_channels % self.num_groups:
            raise InputError(f"GroupNorm: {self.num_channels} channels do not make {self.num_groups} equal groups")

    def start(self, rng: np.random.Generator, dtype: DType) -> tuple[Params, State]:
        return (ones_and_zeros((self.num_channels,), dtype) if self.affine else {}), {}

    def apply(self, params: Params, state: State, x: Value, *, training: bool) -> tuple[Value, State]:
        return F.group_norm(x, self.num_groups, params.get("weight"), params.get("bias"), self.eps), state
