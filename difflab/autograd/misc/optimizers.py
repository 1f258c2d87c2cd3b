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


@unflatten_optimizer
def sgd(
    grad: Function, x: Array, callback: Function, num_iters: int = 200, step_size: float = 0.1, mass: float = 0.9
) -> Array:
    """Gradient descent with momentum.

    >>> bool(abs(sgd(lambda x, i: 2 * (x - 1), 0.0) - 1) < 1e-3)
    True
    """
    velocity = np.zeros(len(x))
    for i in range(num_iters):
        g = grad(x, i)
        callback(x, i, g)
        velocity = mass * velocity - (1.0 - mass) * g
        x = x + step_size * velocity
    return x


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
    mean_square = np.ones(len(x))
    for i in range(num_iters):
        g = grad(x, i)
        callback(x, i, g)
        mean_square = gamma * mean_square + (1 - gamma) * g**2
        x = x - step_size * g / (np.sqrt(mean_square) + eps)
    return x


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
    first, second = np.zeros(len(x)), np.zeros(len(x))
    for i in range(num_iters):
        g = grad(x, i)
        callback(x, i, g)
        first = (1 - b1) * g + b1 * first
        second = (1 - b2) * g**2 + b2 * second
        x = x - step_size * (first / (1 - b1 ** (i + 1))) / (np.sqrt(second / (1 - b2 ** (i + 1))) + eps)
    return x
