"""Activation functions as layers: each is a function of nn.functional with its settings."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...types import Params, State, Value
from .. import functional as F
from .layer import Layer, Plain, counts

UNUSED = ("inplace", "_stacklevel", "dtype")  # arguments of functions that layers lack, in PyTorch as here


class Activation(Plain):
    """A function as a layer: a frozen dataclass whose fields are the function's settings, with the same defaults.

    >>> from difflab.nn import ELU
    >>> ELU(alpha=0.5), ELU.__doc__
    (ELU(alpha=0.5), 'x where it is positive, else alpha (exp(x) - 1).')
    """

    function: ClassVar[Callable[..., Value]]

    def __init_subclass__(cls, of: Callable[..., Value] | None = None) -> None:
        if of is None:
            return
        cls.function = staticmethod(of)
        cls.__doc__ = cls.__doc__ or str(of.__doc__).partition("\n\n")[0].replace("\n    ", " ")
        _, *arguments = inspect.signature(of).parameters.values()
        known = [(p.name, p.default) for p in arguments if p.name not in UNUSED]
        told = [(name, getattr(cls, name, inspect.Parameter.empty)) for name in inspect.get_annotations(cls)]
        if told != known:
            raise TypeError(f"{cls.__name__} has the settings {told}, {of.__name__} has {known}")

    def call(self, x: Value) -> Value:
        return type(self).function(x, **vars(self))


@dataclass(frozen=True)
class ReLU(Activation, of=F.relu):
    """max(x, 0).

    >>> ReLU().apply({}, {}, np.array([-1.0, 2.0]), training=False)[0]
    array([0., 2.])
    """


@dataclass(frozen=True)
class ReLU6(Activation, of=F.relu6): ...


@dataclass(frozen=True)
class LeakyReLU(Activation, of=F.leaky_relu):
    negative_slope: float = 0.01


@dataclass(frozen=True)
class ELU(Activation, of=F.elu):
    alpha: float = 1.0


@dataclass(frozen=True)
class CELU(Activation, of=F.celu):
    alpha: float = 1.0


@dataclass(frozen=True)
class SELU(Activation, of=F.selu): ...


@dataclass(frozen=True)
class GELU(Activation, of=F.gelu):
    approximate: str = "none"


@dataclass(frozen=True)
class SiLU(Activation, of=F.silu): ...


@dataclass(frozen=True)
class Mish(Activation, of=F.mish): ...


@dataclass(frozen=True)
class Sigmoid(Activation, of=F.sigmoid): ...


@dataclass(frozen=True)
class LogSigmoid(Activation, of=F.logsigmoid): ...


@dataclass(frozen=True)
class Hardsigmoid(Activation, of=F.hardsigmoid): ...


@dataclass(frozen=True)
class Hardswish(Activation, of=F.hardswish): ...


@dataclass(frozen=True)
class Tanh(Activation, of=F.tanh): ...


@dataclass(frozen=True)
class Tanhshrink(Activation, of=F.tanhshrink): ...


@dataclass(frozen=True)
class Hardtanh(Activation, of=F.hardtanh):
    min_val: float = -1.0
    max_val: float = 1.0


@dataclass(frozen=True)
class Softplus(Activation, of=F.softplus):
    beta: float = 1.0
    threshold: float = 20.0


@dataclass(frozen=True)
class Softsign(Activation, of=F.softsign): ...


@dataclass(frozen=True)
class Softshrink(Activation, of=F.softshrink):
    lambd: float = 0.5


@dataclass(frozen=True)
class Hardshrink(Activation, of=F.hardshrink):
    lambd: float = 0.5


@dataclass(frozen=True)
class Threshold(Activation, of=F.threshold):
    threshold: float
    value: float


@dataclass(frozen=True)
class GLU(Activation, of=F.glu):
    dim: int = -1


@dataclass(frozen=True)
class Softmax(Activation, of=F.softmax):
    """exp(x) over its sum along `dim`.

    >>> Softmax(-1).apply({}, {}, np.zeros(4), training=False)[0]
    array([0.25, 0.25, 0.25, 0.25])
    """

    dim: int | None = None


@dataclass(frozen=True)
class Softmin(Activation, of=F.softmin):
    dim: int | None = None


@dataclass(frozen=True)
class LogSoftmax(Activation, of=F.log_softmax):
    dim: int | None = None


@dataclass(frozen=True)
class PReLU(Layer):
    """As LeakyReLU, with slopes that are learned: one, or one for each channel."""

    num_parameters: int = 1
    init_slope: float = 0.25

    def __post_init__(self) -> None:
        counts(self, "num_parameters")
        super().__post_init__()

    def start(self, rng: np.random.Generator, dtype: np.dtype) -> tuple[Params, State]:
        return {"weight": np.full(self.num_parameters, self.init_slope, dtype)}, {}

    def apply(self, params: Params, state: State, x: Value, *, training: bool) -> tuple[Value, State]:
        return F.prelu(x, params["weight"]), state
