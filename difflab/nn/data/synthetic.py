"""Made-up points in the plane, for pictures of what a network learns."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...errors import InputError
from ...types import Array


def spiral(n: int = 300, classes: int = 3, *, noise: float = 0.2, seed: int = 0) -> tuple[Array, Array]:
    """Points on arms of a spiral, one arm a class: x (n, 2) and y (n,).

    >>> x, y = spiral(30)
    >>> x.shape, np.bincount(y).tolist()
    ((30, 2), [10, 10, 10])
    """
    check("spiral", n, classes, noise)
    rng, y = np.random.default_rng(seed), np.arange(n) % classes
    r = np.sqrt(rng.uniform(0.002, 1, n))
    angle = 2 * np.pi * y / classes + 4 * r + noise * rng.normal(size=n)
    return np.stack([r * np.cos(angle), r * np.sin(angle)], 1), y


def moons(n: int = 300, *, noise: float = 0.1, seed: int = 0) -> tuple[Array, Array]:
    """Two half circles that reach into each other: x (n, 2) and y (n,)."""
    check("moons", n, 2, noise)
    rng, y = np.random.default_rng(seed), np.arange(n) % 2
    angle = rng.uniform(0, np.pi, n)
    upper = np.stack([np.cos(angle), np.sin(angle)], 1)
    x = np.where(y[:, None] == 0, upper, np.array([1.0, 0.5]) - upper)
    return x + noise * rng.normal(size=x.shape), y


def blobs(n: int = 300, classes: int = 3, *, noise: float = 0.3, seed: int = 0) -> tuple[Array, Array]:
    """Normal clouds around points on a circle: x (n, 2) and y (n,)."""
    check("blobs", n, classes, noise)
    rng, y = np.random.default_rng(seed), np.arange(n) % classes
    angle = 2 * np.pi * y / classes
    return np.stack([np.cos(angle), np.sin(angle)], 1) + noise * rng.normal(size=(n, 2)), y


def check(what: str, n: int, classes: int, noise: float) -> None:
    if not isinstance(n, int) or n < 1:
        raise InputError(f"{what}: n={n!r}; give a number of points")
    if not isinstance(classes, int) or classes < 1:
        raise InputError(f"{what}: classes={classes!r}; give an integer of at least 1")
    if not noise >= 0:
        raise InputError(f"{what}: noise={noise!r}; a standard deviation is at least 0")


SYNTHETIC: dict[str, Callable[..., tuple[Array, Array]]] = {"spiral": spiral, "moons": moons, "blobs": blobs}
