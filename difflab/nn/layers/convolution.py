"""Convolution (the field's cross-correlation) as layers; sizes by the course's (4.2.2) and (4.2.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ...errors import InputError
from .. import functional as F
from .layer import Layer, Params, State, counts, frozen, pair, uniform

PADDING_MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "replicate", "circular": "circular"}


@dataclass(frozen=True)
class _Conv(Layer):
    """What Conv1d and Conv2d share."""

    in_channels: int
    out_channels: int
    kernel_size: Any
    stride: Any = 1
    padding: Any = 0
    dilation: Any = 1
    groups: int = 1
    bias: bool = True
    padding_mode: str = "zeros"
    axes: ClassVar[int] = 2

    def __post_init__(self) -> None:
        counts(self, "in_channels", "out_channels", "groups")
        n = self.axes
        frozen(self, **{k: pair(self, k, n) for k in ("kernel_size", "stride", "dilation")})
        if self.padding not in ("same", "valid"):
            if isinstance(self.padding, str):
                raise InputError(f'{self.label}: padding={self.padding!r}; give integers, "same" or "valid"')
            frozen(self, padding=pair(self, "padding", n, 0))
        if self.padding == "same" and max(self.stride) > 1:
            raise InputError(f'{self.label}: padding="same" goes with stride 1, not {self.stride}')
        if self.padding_mode not in PADDING_MODES:
            raise InputError(
                f"{self.label}: padding_mode={self.padding_mode!r}; the modes are {', '.join(PADDING_MODES)}"
            )
        if self.in_channels % self.groups or self.out_channels % self.groups:
            raise InputError(
                f"{self.label}: {self.groups} groups divide neither or one only of in_channels={self.in_channels} and "
                f"out_channels={self.out_channels}; they must divide both"
            )

    @property
    def label(self) -> str:
        return type(self).__name__

    def start(self, rng: np.random.Generator, dtype: Any) -> tuple[Params, State]:
        shape = (self.out_channels, self.in_channels // self.groups, *self.kernel_size)
        fan_in = int(np.prod(shape[1:]))
        params = {"weight": uniform(rng, shape, fan_in, dtype)}
        if self.bias:
            params["bias"] = uniform(rng, shape[:1], fan_in, dtype)
        return params, {}

    def frame(self) -> list[int]:
        """The padding as `pad` takes it: before and behind, the last axis first."""
        if self.padding == "valid":
            return [0] * (2 * self.axes)
        if self.padding == "same":
            spans = [d * (k - 1) for k, d in zip(self.kernel_size, self.dilation)]
            return [n for span in reversed(spans) for n in (span // 2, span - span // 2)]
        return [n for n in reversed(self.padding) for _ in range(2)]

    def apply(self, params: Params, state: State, x: Any, *, training: bool) -> tuple[Any, State]:
        padding = self.padding
        if self.padding_mode != "zeros" and any(self.frame()):
            x, padding = F.pad(x, self.frame(), mode=PADDING_MODES[self.padding_mode]), 0
        convolve = F.conv1d if self.axes == 1 else F.conv2d
        args = (params["weight"], params.get("bias"), self.stride, padding, self.dilation, self.groups)
        return convolve(x, *args), state


@dataclass(frozen=True)
class Conv1d(_Conv):
    """Filters slid over (batch, in_channels, length); the weight is (out_channels, in_channels / groups, kernel).

    >>> layer = Conv1d(2, 4, 3, padding=1)
    >>> params, state = layer.init(0)
    >>> layer.apply(params, state, np.zeros((5, 2, 8)), training=False)[0].shape
    (5, 4, 8)
    """

    axes: ClassVar[int] = 1


@dataclass(frozen=True)
class Conv2d(_Conv):
    """Filters slid over (batch, in_channels, height, width); the weight is (out, in / groups, kernel, kernel).

    The output has floor((H + 2P - D(K - 1) - 1) / S) + 1 rows, by kernel size K, padding P, stride S and dilation D.
    `padding` is a number, one for each axis, "valid" or "same"; `padding_mode` says what stands in it.

    >>> layer = Conv2d(1, 6, 5, padding="same", padding_mode="reflect")
    >>> params, state = layer.init(0)
    >>> layer.apply(params, state, np.zeros((3, 1, 28, 28)), training=False)[0].shape
    (3, 6, 28, 28)
    """

    axes: ClassVar[int] = 2


@dataclass(frozen=True)
class ConvTranspose2d(Layer):
    """The transpose of a convolution; the weight is (in_channels, out_channels / groups, kernel, kernel).

    The output has (H - 1) S - 2P + D(K - 1) + output_padding + 1 rows.

    >>> layer = ConvTranspose2d(4, 2, 3, stride=2, padding=1, output_padding=1)
    >>> params, state = layer.init(0)
    >>> layer.apply(params, state, np.zeros((1, 4, 7, 7)), training=False)[0].shape
    (1, 2, 14, 14)
    """

    in_channels: int
    out_channels: int
    kernel_size: Any
    stride: Any = 1
    padding: Any = 0
    output_padding: Any = 0
    groups: int = 1
    bias: bool = True
    dilation: Any = 1

    def __post_init__(self) -> None:
        counts(self, "in_channels", "out_channels", "groups")
        frozen(self, **{k: pair(self, k) for k in ("kernel_size", "stride", "dilation")})
        frozen(self, **{k: pair(self, k, least=0) for k in ("padding", "output_padding")})
        if self.in_channels % self.groups or self.out_channels % self.groups:
            raise InputError(
                f"ConvTranspose2d: groups={self.groups} must divide in_channels={self.in_channels} and "
                f"out_channels={self.out_channels}"
            )

    def start(self, rng: np.random.Generator, dtype: Any) -> tuple[Params, State]:
        shape = (self.in_channels, self.out_channels // self.groups, *self.kernel_size)
        fan_in = int(np.prod(shape[1:]))
        params = {"weight": uniform(rng, shape, fan_in, dtype)}
        if self.bias:
            params["bias"] = uniform(rng, (self.out_channels,), fan_in, dtype)
        return params, {}

    def apply(self, params: Params, state: State, x: Any, *, training: bool) -> tuple[Any, State]:
        settings = (self.stride, self.padding, self.output_padding, self.groups, self.dilation)
        return F.conv_transpose2d(x, params["weight"], params.get("bias"), *settings), state
