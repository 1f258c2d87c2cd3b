"""Convolution (the field's cross-correlation) as layers; sizes by the course's (4.2.2) and (4.2.3)."""

from __future__ import annotations

from dataclasses import field
from difflib import get_close_matches
from typing import ClassVar

import numpy as np

from ...errors import InputError, ShapeError
from ...types import DType, Params, Shape, State, Value
from .. import functional as F
from ..arrays import Initial, PerAxis
from ..functional.convolution import filled_up
from .layer import Layer, counts, frozen, pair, weights, with_init

PADDING_MODES = ("zeros", "reflect", "replicate", "circular", "nearest", "random")


@with_init
class _Conv(Layer):
    """What Conv1d and Conv2d share."""

    in_channels: int
    out_channels: int
    kernel_size: PerAxis
    stride: PerAxis = 1
    padding: PerAxis = 0
    dilation: PerAxis = 1
    groups: int = 1
    bias: bool | str = True
    padding_mode: str = "zeros"
    ceil_mode: bool = field(default=False, kw_only=True)
    input_size: PerAxis = field(default=None, kw_only=True)
    init: Initial = field(default=None, kw_only=True)
    axes: ClassVar[int] = 2

    def __post_init__(self) -> None:
        counts(self, "in_channels", "out_channels", "groups")
        super().__post_init__()
        n = self.axes
        frozen(self, **{k: pair(self, k, n) for k in ("kernel_size", "stride", "dilation")})
        if not isinstance(self.padding, str):
            frozen(self, padding=pair(self, "padding", n, 0))
        elif self.padding not in ("same", "valid"):
            raise InputError(f'{self.label}: padding={self.padding!r}; give integers, "same" or "valid"')
        if self.padding == "same" and max(self.stride) > 1:
            raise InputError(f'{self.label}: padding="same" goes with stride 1, not {self.stride}')
        if self.padding_mode not in PADDING_MODES:
            close = get_close_matches(str(self.padding_mode), PADDING_MODES, n=1)
            mend = f"did you mean {close[0]!r}?" if close else f"the modes are {', '.join(PADDING_MODES)}"
            raise InputError(f"{self.label}: padding_mode={self.padding_mode!r}; {mend}")
        if self.in_channels % self.groups or self.out_channels % self.groups:
            raise InputError(
                f"{self.label}: {self.groups} groups divide neither or one only of in_channels={self.in_channels} and "
                f"out_channels={self.out_channels}; they must divide both"
            )
        self.check_bias()

    def check_bias(self) -> None:
        """A bias for each position needs to know how many there are."""
        if isinstance(self.bias, str) and self.bias != "position":
            raise InputError(f'{self.label}: bias={self.bias!r}; it is True, False or "position"')
        if self.bias == "position" and self.input_size is None:
            size = "32" if self.axes == 1 else "(32, 32)"
            raise InputError(f'{self.label}: bias="position" needs the size of the inputs, such as input_size={size}')
        if self.bias != "position" and self.input_size is not None:
            raise InputError(f'{self.label}: input_size={self.input_size} goes with bias="position", not {self.bias}')
        if self.input_size is not None:
            frozen(self, input_size=pair(self, "input_size", self.axes))
            self.positions(self.input_size)

    @property
    def label(self) -> str:
        return type(self).__name__

    @property
    def spans(self) -> Shape:
        """How far a kernel reaches on each axis."""
        return tuple(d * (k - 1) + 1 for k, d in zip(self.kernel_size, self.dilation))

    def start(self, rng: np.random.Generator, dtype: DType) -> tuple[Params, State]:
        shape = (self.out_channels, self.in_channels // self.groups, *self.kernel_size)
        places = self.positions(self.input_size) if self.bias == "position" else ()
        params = weights(self, rng, shape, (self.out_channels, *places) if self.bias else None, dtype)
        random = self.padding_mode == "random"
        return params, {"key": np.array([rng.integers(0, 2**62), 0], np.int64)} if random else {}

    def frame(self, size: Shape) -> list[tuple[int, int]]:
        """The padding before and behind each axis of inputs of this size."""
        if self.padding == "valid":
            pairs = [(0, 0)] * self.axes
        elif self.padding == "same":
            pairs = [((s - 1) // 2, s // 2) for s in self.spans]
        else:
            pairs = [(p, p) for p in self.padding]
        return list(map(filled_up, size, self.stride, pairs, self.spans)) if self.ceil_mode else pairs

    def positions(self, size: Shape) -> Shape:
        """The size of the output for inputs of this size."""
        rooms = [n + a + b - s for n, (a, b), s in zip(size, self.frame(size), self.spans)]
        if min(rooms) < 0:
            raise ShapeError(
                f"{self.label}: a kernel that reaches over {self.spans} does not fit inputs of {tuple(size)}"
            )
        return tuple(room // stride + 1 for room, stride in zip(rooms, self.stride))

    def padded(self, x: Value, state: State, training: bool) -> tuple[Value, State]:
        """The input in its frame, where that is not of zeros, and the key of random numbers after it."""
        pairs = self.frame(np.shape(x)[-self.axes :])
        numbers = [n for pair in reversed(pairs) for n in pair]
        if self.padding_mode != "random":
            return (F.pad(x, numbers, mode=self.padding_mode) if any(numbers) else x), state
        after = {"key": state["key"] + np.array([0, 1])} if training else state
        return (F.pad(x, numbers, mode="random", key=state["key"]) if any(numbers) else x), after

    def apply(self, params: Params, state: State, x: Value, *, training: bool) -> tuple[Value, State]:
        padding, ceil_mode = self.padding, self.ceil_mode
        if self.padding_mode != "zeros":
            x, state = self.padded(x, state, training)
            padding, ceil_mode = 0, False
        convolve = F.conv1d if self.axes == 1 else F.conv2d
        shared = None if self.bias == "position" else params.get("bias")
        y = convolve(x, params["weight"], shared, self.stride, padding, self.dilation, self.groups, ceil_mode=ceil_mode)
        if self.bias != "position":
            return y, state
        bias = params["bias"]
        if np.shape(y)[-self.axes :] != np.shape(bias)[1:]:
            raise ShapeError(
                f"{self.label}: the output has {np.shape(y)[-self.axes :]} positions and the bias "
                f"{np.shape(bias)[1:]}; it was made for inputs of input_size={self.input_size}"
            )
        return y + bias, state


@with_init
class Conv1d(_Conv):
    """Filters slid over (batch, in_channels, length); the weight is (out_channels, in_channels / groups, kernel).

    >>> layer = Conv1d(2, 4, 3, padding=1)
    >>> params, state = layer.init(0)
    >>> layer.apply(params, state, np.zeros((5, 2, 8)), training=False)[0].shape
    (5, 4, 8)
    """

    axes: ClassVar[int] = 1


@with_init
class Conv2d(_Conv):
    """Filters slid over (batch, in_channels, height, width); the weight is (out, in / groups, kernel, kernel).

    The output has floor((H + 2P - D(K - 1) - 1) / S) + 1 rows, by kernel size K, padding P, stride S and dilation D.
    `padding` is a number, one for each axis, "valid" or "same"; `padding_mode` says what stands in it: "zeros",
    "reflect", "replicate" (or "nearest", its name in the course), "circular", or "random", normal numbers by a key in
    the state, which counts on in training as Dropout's does. With `ceil_mode` sizes are rounded up, as in pooling.
    `bias="position"` learns a bias for each position of the output, whose size `input_size` decides. `init` says how
    the weight starts, by a scheme of `nn.init` or its name; without it, as PyTorch's does.

    >>> layer = Conv2d(1, 6, 5, padding="same", padding_mode="reflect")
    >>> params, state = layer.init(0)
    >>> layer.apply(params, state, np.zeros((3, 1, 28, 28)), training=False)[0].shape
    (3, 6, 28, 28)
    """

    axes: ClassVar[int] = 2


@with_init
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
    kernel_size: PerAxis
    stride: PerAxis = 1
    padding: PerAxis = 0
    output_padding: PerAxis = 0
    groups: int = 1
    bias: bool = True
    dilation: PerAxis = 1
    init: Initial = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        counts(self, "in_channels", "out_channels", "groups")
        super().__post_init__()
        frozen(self, **{k: pair(self, k) for k in ("kernel_size", "stride", "dilation")})
        frozen(self, **{k: pair(self, k, least=0) for k in ("padding", "output_padding")})
        if self.in_channels % self.groups or self.out_channels % self.groups:
            raise InputError(
                f"ConvTranspose2d: groups={self.groups} must divide in_channels={self.in_channels} and "
                f"out_channels={self.out_channels}"
            )

    def start(self, rng: np.random.Generator, dtype: DType) -> tuple[Params, State]:
        shape = (self.in_channels, self.out_channels // self.groups, *self.kernel_size)
        return weights(self, rng, shape, (self.out_channels,) if self.bias else None, dtype), {}

    def apply(self, params: Params, state: State, x: Value, *, training: bool) -> tuple[Value, State]:
        settings = (self.stride, self.padding, self.output_padding, self.groups, self.dilation)
        return F.conv_transpose2d(x, params["weight"], params.get("bias"), *settings), state
