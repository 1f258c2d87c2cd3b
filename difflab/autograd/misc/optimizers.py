"""Optimisers on gradients `grad(x, i)` of the i-th iteration; x may be a container of arrays."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeAlias

import numpy as np

from ...types import Array, Function, Tree
from .flatten import flatten

Callback: TypeAlias = Callable[[Tree, int, Tree], object] | None


def unflatten_optimizer(optimize: Function) -> Function:
    """An optimiser on vectors as one on containers."""

    @wraps(optimize)
    def on_containers(grad: Function, x0: Tree, callback: Callback = None, *args: Any, **kwargs: Any) -> Tree:
        vector, unflatten = flatten(x0)

        def gradient(x: Array, i: int) -> Array:
            vector: Array = flatten(grad(unflatten(x), i))[0]
            return vector

        def told(x: Array, i: int, g: Array) -> None:
            if callback:
                callback(unflatten(x), i, unflatten(g))

        return unflatten(optimize(gradient, vector, told, *args, **kwargs))

    return on_containers


def descend(step: Callable[[Array, int], Array], grad: Function, x: Array, callback: Function, count: int) -> Array:
    """x after so many iterations, each of which goes back by `step(gradient, k)`, k from 1."""
    for k in range(count):
        gradient = grad(x, k)
        callback(x, k, gradient)
        x = x - step(gradient, k + 1)
    return x


class Mean:
    """A running mean of arrays, of which the newest has the weight 1 - `keep`."""

    def __init__(self, keep: float, start: float = 0.0) -> None:
        self.keep = keep
        self.value: Any = start

    def with_(self, x: Array) -> Array:
        self.value = self.keep * self.value + (1 - self.keep) * x
        found: Array = self.value
        return found


@unflatten_optimizer
def sgd(
    grad: Function, x: Array, callback: Function, num_iters: int = 200, step_size: float = 0.1, mass: float = 0.9
) -> Array:
    """Gradient descent with momentum.

    >>> bool(abs(sgd(lambda x, i: 2 * (x - 1), 0.0) - 1) < 1e-3)
    True
    """
    mean = Mean(mass)
    return descend(lambda g, k: step_size * mean.with_(g), grad, x, callback, num_iters)


@unflatten_optimizer
def rmsprop(
    grad: Function,
    x: Array,
    callback: Function,
    num_iters: int = 100,
    step_size: float = 0.1,
    gamma: float = 0.9,
    eps: float = 1e-8,
) -> Array:
    """RMSprop: steps in units of a running mean of the squared gradient."""
    squares = Mean(gamma, start=1.0)
    return descend(lambda g, k: step_size * g / (np.sqrt(squares.with_(g * g)) + eps), grad, x, callback, num_iters)


@unflatten_optimizer
def adam(
    grad: Function,
    x: Array,
    callback: Function,
    num_iters: int = 100,
    step_size: float = 0.001,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
) -> Array:
    """Adam (Kingma and Ba 2014)."""
    slopes, squares = Mean(b1), Mean(b2)

    def step(g: Array, k: int) -> Array:
        slope, square = slopes.with_(g) / (1 - b1**k), squares.with_(g * g) / (1 - b2**k)
        return step_size * slope / (np.sqrt(square) + eps)

    return descend(step, grad, x, callback, num_iters)
