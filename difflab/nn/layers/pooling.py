"""Pooling: the largest or the mean of each window."""

from __future__ import annotations

from dataclasses import dataclass

from ...types import Value
from .. import functional as F
from ..arrays import PerAxis
from .layer import Plain


@dataclass(frozen=True)
class MaxPool1d(Plain):
    """The largest element of each window of (batch, channels, length)."""

    kernel_size: PerAxis
    stride: PerAxis = None
    padding: PerAxis = 0
    dilation: PerAxis = 1
    ceil_mode: bool = False

    def call(self, x: Value) -> Value:
        return F.max_pool1d(x, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode)


@dataclass(frozen=True)
class MaxPool2d(Plain):
    """The largest element of each window of (batch, channels, height, width); the stride is the window's size.

    >>> import numpy as np
    >>> MaxPool2d(2).apply({}, {}, np.arange(16.0).reshape(1, 1, 4, 4), training=False)[0][0, 0]
    array([[ 5.,  7.],
           [13., 15.]])
    """

    kernel_size: PerAxis
    stride: PerAxis = None
    padding: PerAxis = 0
    dilation: PerAxis = 1
    ceil_mode: bool = False

    def call(self, x: Value) -> Value:
        return F.max_pool2d(x, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode)


@dataclass(frozen=True)
class AvgPool1d(Plain):
    """The mean of each window of (batch, channels, length)."""

    kernel_size: PerAxis
    stride: PerAxis = None
    padding: PerAxis = 0
    ceil_mode: bool = False
    count_include_pad: bool = True

    def call(self, x: Value) -> Value:
        return F.avg_pool1d(x, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad)


@dataclass(frozen=True)
class AvgPool2d(Plain):
    """The mean of each window of (batch, channels, height, width)."""

    kernel_size: PerAxis
    stride: PerAxis = None
    padding: PerAxis = 0
    ceil_mode: bool = False
    count_include_pad: bool = True
    divisor_override: int | None = None

    def call(self, x: Value) -> Value:
        settings = (self.ceil_mode, self.count_include_pad, self.divisor_override)
        return F.avg_pool2d(x, self.kernel_size, self.stride, self.padding, *settings)


@dataclass(frozen=True)
class AdaptiveAvgPool2d(Plain):
    """Means of windows that are chosen so that the output has the given size.

    >>> import numpy as np
    >>> AdaptiveAvgPool2d(1).apply({}, {}, np.arange(16.0).reshape(1, 1, 4, 4), training=False)[0]
    array([[[[7.5]]]])
    """

    output_size: PerAxis

    def call(self, x: Value) -> Value:
        return F.adaptive_avg_pool2d(x, self.output_size)


@dataclass(frozen=True)
class AdaptiveMaxPool2d(Plain):
    """The largest of windows that are chosen so that the output has the given size."""

    output_size: PerAxis

    def call(self, x: Value) -> Value:
        return F.adaptive_max_pool2d(x, self.output_size)
