"""Augmentation: each epoch sees other versions of the samples, drawn by the run's seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...errors import DtypeError, InputError, ShapeError
from ...types import Array, Shape


@dataclass(frozen=True)
class Augment:
    """Batches of images (n, channels, height, width) moved, mirrored and with noise, each image by itself.

    `shift` moves an image by up to so many pixels in both directions (the edge is repeated where it leaves), `flip`
    mirrors it, left to right, with probability 1/2; `noise` adds normal numbers with this standard deviation, and
    does so for samples of any shape. Called with a batch and a generator, it gives a new batch: the same generator, the
    same batch.

    >>> x = np.arange(6.0).reshape(1, 1, 2, 3)
    >>> Augment(shift=1)(x, np.random.default_rng(3)).shape
    (1, 1, 2, 3)
    >>> Augment(flip=True)(x, np.random.default_rng(1))[0, 0]
    array([[0., 1., 2.],
           [3., 4., 5.]])
    """

    shift: int = 0
    flip: bool = False
    noise: float = 0.0

    def __post_init__(self) -> None:
        if isinstance(self.shift, bool) or not isinstance(self.shift, int | np.integer) or self.shift < 0:
            raise InputError(f"Augment: shift={self.shift!r}; give a number of pixels, an integer of at least 0")
        if not isinstance(self.flip, bool | np.bool_):
            raise InputError(f"Augment: flip={self.flip!r}; it is True or False")
        number = isinstance(self.noise, int | float | np.number) and not isinstance(self.noise, bool)
        if not number or not 0 <= self.noise < float("inf"):
            raise InputError(f"Augment: noise={self.noise!r}; give a standard deviation, a number of at least 0")

    def check(self, shape: Shape) -> None:
        """Refuses samples of this shape that cannot be moved or mirrored."""
        if (self.shift or self.flip) and len(shape) != 3:
            raise ShapeError(
                f"Augment: shift and flip take images (channels, height, width); the samples have shape {shape}, which "
                "noise alone goes with"
            )
        if self.shift and self.shift >= min(shape[1:]):
            raise ShapeError(f"Augment: shift={self.shift} moves images of {shape[1]} x {shape[2]} out of themselves")

    def __call__(self, x: Array, rng: np.random.Generator) -> Array:
        """A new batch, of the same shape and dtype."""
        x = np.asarray(x)
        self.check(x.shape[1:])
        if self.noise and x.dtype.kind != "f":
            raise DtypeError(
                f"Augment: noise={self.noise} in samples of dtype {x.dtype} would be cut; give x.astype(float)"
            )
        if self.shift or self.flip:
            n, _, height, width = x.shape
            down, right = rng.integers(-self.shift, self.shift + 1, (2, n, 1))
            rows = np.clip(np.arange(height) - down, 0, height - 1)
            columns = np.clip(np.arange(width) - right, 0, width - 1)
            if self.flip:
                columns = np.where(rng.integers(0, 2, (n, 1)) == 1, columns[:, ::-1], columns)
            x = x[np.arange(n)[:, None, None], :, rows[:, :, None], columns[:, None, :]]
            x = np.ascontiguousarray(np.moveaxis(x, -1, 1))
        return x + (self.noise * rng.standard_normal(x.shape)).astype(x.dtype) if self.noise else x
