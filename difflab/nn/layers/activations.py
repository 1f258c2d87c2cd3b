"""Activation functions as layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import functional as F
from .layer import Layer, Params, Plain, State, counts


@dataclass(frozen=True)
class ReLU(Plain):
    """max(x, 0).

    >>> ReLU().apply({}, {}, np.array([-1.0, 2.0]), training=False)[0]
    array([0., 2.])
    """

    def call(self, x: Any) -> Any:
        return F.relu(x)


@dataclass(frozen=True)
class ReLU6(Plain):
    """min(max(x, 0), 6)."""

    def call(self, x: Any) -> Any:
        return F.relu6(x)


@dataclass(frozen=True)
class LeakyReLU(Plain):
    """x where positive, else negative_slope x."""

    negative_slope: float = 0.01

    def call(self, x: Any) -> Any:
        return F.leaky_relu(x, self.negative_slope)


@dataclass(frozen=True)
class PReLU(Layer):
    """As LeakyReLU, with slopes that are learned: one, or one for each channel."""

    num_parameters: int = 1
    init_slope: float = 0.25

    def __post_init__(self) -> None:
        counts(self, "num_parameters")

    def start(self, rng: np.random.Generator, dtype: Any) -> tuple[Params, State]:
        return {"weight": np.full(self.num_parameters, self.init_slope, dtype)}, {}

    def apply(self, params: Params, state: State, x: Any, *, training: bool) -> tuple[Any, State]:
        return F.prelu(x, params["weight"]), state


@dataclass(frozen=True)
class ELU(Plain):
    """x where positive, else alpha (exp(x) - 1)."""

    alpha: float = 1.0

    def call(self, x: Any) -> Any:
        return F.elu(x, self.alpha)


@dataclass(frozen=True)
class SELU(Plain):
    """The scaled ELU of self-normalising networks (Klambauer et al. 2017)."""

    def call(self, x: Any) -> Any:
        return F.selu(x)


@dataclass(frozen=True)
class GELU(Plain):
    """x times the normal distribution function at x; approximate="tanh" is the usual short form."""

    approximate: str = "none"

    def call(self, x: Any) -> Any:
        return F.gelu(x, self.approximate)


@dataclass(frozen=True)
class SiLU(Plain):
    """x sigmoid(x)."""

    def call(self, x: Any) -> Any:
        return F.silu(x)


@dataclass(frozen=True)
class Mish(Plain):
    """x tanh(softplus(x))."""

    def call(self, x: Any) -> Any:
        return F.mish(x)


@dataclass(frozen=True)
class Sigmoid(Plain):
    """1 / (1 + exp(-x))."""

    def call(self, x: Any) -> Any:
        return F.sigmoid(x)


@dataclass(frozen=True)
class LogSigmoid(Plain):
    """log(sigmoid(x)), which does not underflow."""

    def call(self, x: Any) -> Any:
        return F.logsigmoid(x)


@dataclass(frozen=True)
class Tanh(Plain):
    """The hyperbolic tangent."""

    def call(self, x: Any) -> Any:
        return F.tanh(x)


@dataclass(frozen=True)
class Hardtanh(Plain):
    """x, clipped to min_val and max_val."""

    min_val: float = -1.0
    max_val: float = 1.0

    def call(self, x: Any) -> Any:
        return F.hardtanh(x, self.min_val, self.max_val)


@dataclass(frozen=True)
class Softplus(Plain):
    """log(1 + exp(beta x)) / beta."""

    beta: float = 1.0
    threshold: float = 20.0

    def call(self, x: Any) -> Any:
        return F.softplus(x, self.beta, self.threshold)


@dataclass(frozen=True)
class Softmax(Plain):
    """exp(x) over its sum along `dim`.

    >>> Softmax(-1).apply({}, {}, np.zeros(4), training=False)[0]
    array([0.25, 0.25, 0.25, 0.25])
    """

    dim: int | None = None

    def call(self, x: Any) -> Any:
        return F.softmax(x, self.dim)


@dataclass(frozen=True)
class LogSoftmax(Plain):
    """The logarithm of softmax along `dim`."""

    dim: int | None = None

    def call(self, x: Any) -> Any:
        return F.log_softmax(x, self.dim)
