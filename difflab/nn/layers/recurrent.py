"""Recurrent layers with PyTorch's weights: their output is the pair (outputs, last states)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...errors import InputError
from ...types import DType, Params, Shape, State, Value
from .. import functional as F
from .layer import Layer, counts, uniform


@dataclass(frozen=True)
class _Recurrent(Layer):
    """What RNN, LSTM and GRU share."""

    input_size: int
    hidden_size: int
    num_layers: int = 1
    bias: bool = True
    batch_first: bool = False
    dropout: float = 0.0
    bidirectional: bool = False
    gates: ClassVar[int] = 1

    def __post_init__(self) -> None:
        counts(self, "input_size", "hidden_size", "num_layers")
        super().__post_init__()
        if not 0 <= self.dropout <= 1:
            raise InputError(f"{type(self).__name__}: dropout={self.dropout}; a probability is between 0 and 1")

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The parameters' names and shapes, in the order in which nn.functional takes them."""
        found: dict[str, tuple[int, ...]] = {}
        rows, hidden = self.gates * self.hidden_size, self.hidden_size
        ways = ("", "_reverse") if self.bidirectional else ("",)
        for layer in range(self.num_layers):
            for way in ways:
                width = self.input_size if layer == 0 else hidden * len(ways)
                shapes: dict[str, Shape] = {"weight_ih": (rows, width), "weight_hh": (rows, hidden)}
                shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)} if self.bias else {}
                found |= {f"{n}_l{layer}{way}": s for n, s in shapes.items()}
        return found

    def start(self, rng: np.random.Generator, dtype: DType) -> tuple[Params, State]:
        params = {name: uniform(rng, shape, self.hidden_size, dtype) for name, shape in self.shapes().items()}
        state = {"key": np.array([rng.integers(0, 2**62), 0], np.int64)} if self.dropout else {}
        return params, state

    def apply(
        self, params: Params, state: State, x: Value, *, training: bool, initial: Value = None
    ) -> tuple[tuple[Value, Value], State]:
        """((outputs, last states), state); `initial` is the state before the first step, zeros unless given."""
        weights = [params[name] for name in self.shapes()]
        options = (self.bias, self.num_layers, self.dropout, training, self.bidirectional, self.batch_first)
        more: Params = {}
        if training and self.dropout > 0:
            more = {"key": state["key"]}
            state = {"key": state["key"] + np.array([0, 1])}
        y, *last = self.run(x, initial, weights, *options, **more)
        return (y, tuple(last) if len(last) > 1 else last[0]), state

    def run(self, *arguments: Value, **more: Value) -> Value:
        """The function of nn.functional that runs a sequence."""
        return getattr(F, type(self).__name__.lower())(*arguments, **more)


@dataclass(frozen=True)
class RNN(_Recurrent):
    """h = tanh(W_ih x + b_ih + W_hh h + b_hh) over (length, batch, input_size) (Elman 1990).

    >>> layer = RNN(3, 5)
    >>> params, state = layer.init(0)
    >>> (y, last), _ = layer.apply(params, state, np.zeros((7, 2, 3)), training=False)
    >>> y.shape, last.shape
    ((7, 2, 5), (1, 2, 5))
    """

    nonlinearity: str = "tanh"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.nonlinearity not in ("tanh", "relu"):
            raise InputError(f'RNN: nonlinearity={self.nonlinearity!r}; it is "tanh" or "relu"')

    def run(self, *arguments: Value, **more: Value) -> Value:
        return F.rnn(*arguments, nonlinearity=self.nonlinearity, **more)


@dataclass(frozen=True)
class LSTM(_Recurrent):
    """Long short-term memory (Hochreiter and Schmidhuber 1997); the last states are (h, c).

    >>> layer = LSTM(3, 5, batch_first=True)
    >>> params, state = layer.init(0)
    >>> (y, (h, c)), _ = layer.apply(params, state, np.zeros((2, 7, 3)), training=False)
    >>> y.shape, h.shape, c.shape
    ((2, 7, 5), (1, 2, 5), (1, 2, 5))
    """

    gates: ClassVar[int] = 4


@dataclass(frozen=True)
class GRU(_Recurrent):
    """Gated recurrent units (Cho et al. 2014)."""

    gates: ClassVar[int] = 3


@dataclass(frozen=True)
class Outputs(Layer):
    """A recurrent layer without its last states, so that it stands in a Sequential; `last` keeps the last step alone.

    >>> layer = Outputs(GRU(3, 5), last=True)
    >>> layer.apply(*layer.init(0), np.zeros((7, 2, 3)), training=False)[0].shape
    (2, 5)
    """

    layer: Layer
    last: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.layer, Layer):
            raise InputError(
                f"Outputs: layer={self.layer!r:.80} is not a layer; give a recurrent one, such as nn.LSTM(3, 5)"
            )

    def start(self, rng: np.random.Generator, dtype: DType) -> tuple[Params, State]:
        return self.layer.start(rng, dtype)

    def apply(self, params: Params, state: State, x: Value, *, training: bool) -> tuple[Value, State]:
        (y, _), state = self.layer.apply(params, state, x, training=training)
        if not self.last:
            return y, state
        first = getattr(self.layer, "batch_first", False) and np.ndim(y) == 3
        return (y[:, -1] if first else y[-1]), state
