"""Dropout, whose random numbers are a pure function of a key in the state."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...errors import InputError
from ...types import DType, Params, State, Value
from .. import functional as F
from .layer import Layer


@dataclass(frozen=True)
class Dropout(Layer):
    """In training, zeros in place of elements with probability p, and the others times 1 / (1 - p).

    The state holds a key of two integers, the seed and a count that goes up by one at each use: the same key gives the
    same zeros, so a run can be repeated and resumed. Srivastava et al. 2014.

    >>> layer = Dropout(0.5)
    >>> params, state = layer.init(0)
    >>> y, state = layer.apply(params, state, np.ones(8), training=True)
    >>> sorted(set(y.tolist())), int(state["key"][1])
    ([0.0, 2.0], 1)
    """

    p: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.p <= 1:
            raise InputError(f"{type(self).__name__}: p={self.p}; a probability is between 0 and 1")

    def start(self, rng: np.random.Generator, dtype: DType) -> tuple[Params, State]:
        return {}, {"key": np.array([rng.integers(0, 2**62), 0], np.int64)}

    def apply(self, params: Params, state: State, x: Value, *, training: bool) -> tuple[Value, State]:
        if not training or self.p == 0:
            return x, state
        return self.drop(x, state["key"]), {"key": state["key"] + np.array([0, 1])}

    def drop(self, x: Value, key: Value) -> Value:
        return F.dropout(x, self.p, training=True, key=key)


@dataclass(frozen=True)
class Dropout2d(Dropout):
    """As Dropout, for whole channels of (batch, channels, height, width)."""

    def drop(self, x: Value, key: Value) -> Value:
        return F.dropout2d(x, self.p, training=True, key=key)
