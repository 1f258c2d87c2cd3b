"""What a layer is: a frozen dataclass that makes its parameters and applies them."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ...errors import DtypeError, InputError

Params = dict[str, Any]
State = dict[str, Any]


class Layer:
    """A description of a function with parameters; it holds none of them.

    `init(rng, dtype)` makes `(params, state)`: nested dicts of arrays with PyTorch's names and shapes. `apply(params,
    state, x, training=...)` gives `(y, state)`. What `training` means for a layer (batch norm, dropout) must be said in
    every call. Layers are frozen dataclasses: equal where their settings are equal, and hashable.
    """

    def init(self, rng: Any, dtype: Any = np.float64) -> tuple[Params, State]:
        """Fresh parameters, drawn from `rng` (a `numpy.random.Generator`, or a seed for one), and the first state."""
        return self.start(generator(rng, type(self).__name__), floating(dtype, type(self).__name__))

    def start(self, rng: np.random.Generator, dtype: Any) -> tuple[Params, State]:
        """As `init`, of a generator and a dtype that are known to be good. A layer without parameters has none."""
        return {}, {}

    def apply(self, params: Params, state: State, x: Any, *, training: bool) -> tuple[Any, State]:
        """The output, and the state after it."""
        raise NotImplementedError(f"{type(self).__name__} has no apply")


class Plain(Layer):
    """A layer without parameters and state: its `call` is all there is to it."""

    def call(self, x: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no call")

    def apply(self, params: Params, state: State, x: Any, *, training: bool) -> tuple[Any, State]:
        return self.call(x), state


def generator(rng: Any, where: str) -> np.random.Generator:
    """The generator itself, or a new one with this seed."""
    if isinstance(rng, np.random.Generator):
        return rng
    if isinstance(rng, int | np.integer) and not isinstance(rng, bool) and rng >= 0:
        return np.random.default_rng(int(rng))
    raise InputError(
        f"{where}.init: rng={rng!r}; give a generator, numpy.random.default_rng(0), or a seed of at least 0"
    )


def floating(dtype: Any, where: str) -> np.dtype[Any]:
    try:
        found = np.dtype(dtype)
    except (TypeError, ValueError, SyntaxError):  # texts with commas and brackets are read as a list of fields
        found = None
    if found is None or found.kind != "f":
        raise DtypeError(f"{where}.init: dtype={dtype!r}; parameters are float32 or float64")
    return found


def counts(layer: Layer, *names: str) -> None:
    """Checks that the settings of these names are integers of at least 1."""
    for name in names:
        value = getattr(layer, name)
        try:
            good = not isinstance(value, bool) and operator.index(value) >= 1
        except TypeError:
            good = False
        if not good:
            raise InputError(f"{type(layer).__name__}: {name}={value!r}; give an integer of at least 1")


def numbers(layer: Layer, *names: str) -> None:
    """Checks that the settings of these names are numbers, or None."""
    for name in names:
        value = getattr(layer, name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float | np.number)):
            raise InputError(f"{type(layer).__name__}: {name}={value!r}; give a number")


def pair(layer: Layer, name: str, n: int = 2, least: int = 1) -> tuple[int, ...]:
    """A setting as n integers, from one for all or one for each axis."""
    value = getattr(layer, name)
    try:
        each = (operator.index(value),) * n if hasattr(value, "__index__") else tuple(map(operator.index, value))
    except TypeError:
        each = ()
    if len(each) != n or min(each) < least:
        raise InputError(
            f"{type(layer).__name__}: {name}={value!r}; give an integer of at least {least}, or {n} of them"
        )
    return each


def frozen(layer: Layer, **values: Any) -> None:
    """Sets fields of a frozen dataclass while it is made."""
    for name, value in values.items():
        object.__setattr__(layer, name, value)


def uniform(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, dtype: Any) -> Any:
    """Uniform in ±1/sqrt(fan_in): PyTorch's start of weights and biases (He et al. 2015, with a = sqrt 5)."""
    bound = 1 / np.sqrt(fan_in) if fan_in else 0.0
    return rng.uniform(-bound, bound, shape).astype(dtype)
