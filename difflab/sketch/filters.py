"""A bank of kernels on one image, each with the map that it makes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..draw.text import clean
from ..errors import InputError, ShapeError
from ..types import Array, Value
from .canvas import Canvas
from .checks import numbers
from .colours import range_note
from .drawing import Sketch
from .items import SPACE, WIDEST, Grid, Row, Sign, flow
from .words import times

MOST_KERNELS = 12
MAP, LARGE_MAP, PICTURE = 112.0, 150.0, 110.0  # the longer sides of maps, and of kernels without numbers
SMALL, WEIGHT = 4, 44.0  # kernels up to this size show their weights, in cells of this width


def bank(image: Value, kernels: Value, *, title: str | None = None) -> Sketch:
    """Several kernels on one image (rows, columns), each beside its map; the greys of a map run from its least to its
    largest number.

    `kernels` is an array (kernels, rows, columns), or a dict from names to arrays. The maps are those of
    `nn.functional.conv2d` with as much padding of zeros as keeps the size where the kernel's sides are odd.

    >>> import numpy as np
    >>> bank(np.eye(5), {"mean": np.full((3, 3), 1 / 9), "down": [[-1], [0], [1]]})
    <sketch: 2 kernels on a 5 × 5 image: mean, down>
    """
    from ..nn import functional as F

    x = numbers("bank", "image", image, (2,))
    named = as_named(kernels)
    shown = Grid(x, "image", times(x.shape), numbers=False, cell=1.4 * PICTURE / max(x.shape))
    wide = max([PICTURE, *(k.shape[1] * WEIGHT for k in named.values() if max(k.shape) <= SMALL)])
    pairs = []
    for name, k in named.items():
        if any(n < m for n, m in zip(x.shape, k.shape)):
            raise ShapeError(
                f"bank: the kernel {name!r} of {times(k.shape)} is larger than the image, {times(x.shape)}"
            )
        with np.errstate(all="ignore"):
            y = F.conv2d(x[None, None], k[None, None], padding=tuple((n - 1) // 2 for n in k.shape))[0, 0]
        small = max(k.shape) <= SMALL
        kernel = Grid(
            k, clean(name, 18), times(k.shape), numbers=small, cell=WEIGHT if small else PICTURE / max(k.shape)
        )
        kernel.width = max(kernel.width, wide)
        large = LARGE_MAP if max(y.shape) > 32 else MAP
        made = Grid(y, "map", range_note(y), numbers=False, cell=large / max(y.shape))
        pairs.append(Row([kernel, Sign(), made]))
    canvas = Canvas()
    flow(canvas, [shown])
    left = shown.width + 2 * SPACE
    flow(canvas, pairs, x=left, widest=WIDEST - left, space=2 * SPACE)
    told = f"{len(named)} kernel{'s' * (len(named) > 1)} on a {times(x.shape)} image: {', '.join(named)}"
    return Sketch(canvas, title or told, "Bright is large, dark is small.")


def as_named(kernels: Value) -> dict[str, Array]:
    """The kernels by name; those of an array by number."""
    if not isinstance(kernels, Mapping):
        if not np.iterable(kernels):
            raise InputError(f"bank: kernels={kernels!r}; give an array (kernels, rows, columns), or a dict of kernels")
        kernels = {f"kernel {n}": k for n, k in enumerate(kernels)}
    if not 1 <= len(kernels) <= MOST_KERNELS:
        raise InputError(f"bank: there are {len(kernels)} kernels; from 1 to {MOST_KERNELS} are drawn")
    return {str(name): numbers("bank", f"kernels[{name!r}]", k, (2,)) for name, k in kernels.items()}
