"""A window that slides over an image and keeps one number of each place: pooling."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..draw.text import number
from ..errors import InputError, ShapeError
from ..types import Array, Sizes, Value
from .canvas import Canvas
from .checks import numbers, pair, position
from .drawing import Sketch
from .items import Grid, Sign, flow, outline
from .motion import Motion
from .sliding import Place, describe, found_at, frames_of, is_exact, shortened, slide, spoken
from .words import signed, times


def pooling(
    image: Value,
    size: Sizes = 2,
    stride: Sizes | None = None,
    kind: str = "max",
    at: Place = (0, 0),
    *,
    ceil_mode: bool = False,
    animate: bool = False,
    title: str | None = None,
) -> Sketch:
    """Pooling of an image (rows, columns): the window of one position, what becomes of it, and the whole output.

    `kind` is "max" (the winner is ringed) or "average". The stride is the size unless given; with `ceil_mode` a last
    window may hang over the edge. `at` and `animate` are those of `convolution`.

    >>> pooling([[1, 5, 0, 2], [3, 4, 7, 6]], 2, at=(0, 1))
    <sketch: Max pooling, 2 × 2 with stride 2: 7 at (0, 1)>
    """
    from ..nn import functional as F

    x = numbers("pooling", "image", image, (2,))
    if kind not in ("max", "average"):
        raise InputError(f'pooling: kind={kind!r}; it is "max" or "average"')
    size = pair("pooling", "size", size, 1)
    stride = size if stride is None else pair("pooling", "stride", stride, 1)
    if any(n < m for n, m in zip(x.shape, size)):
        raise ShapeError(
            f"pooling: the window of {times(size)} is larger than the image of {times(x.shape)}; take a smaller one"
        )
    pool = F.max_pool2d if kind == "max" else F.avg_pool2d
    with np.errstate(all="ignore"):
        y = pool(x[None, None], size, stride, ceil_mode=ceil_mode)[0, 0]
    at = position("pooling", at, y.shape)
    return Pool(x, y, size, stride, kind, frames_of("pooling", y, at, animate)).drawn(at, title)


class Pool:
    """What pooling does at each position."""

    x: Array
    y: Array
    size: Place
    stride: Place
    kind: str
    frames: list[Place]

    def __init__(self, x: Array, y: Array, size: Place, stride: Place, kind: str, frames: list[Place]) -> None:
        self.x, self.y, self.size, self.stride, self.kind, self.frames = x, y, size, stride, kind, frames

    def corner(self, at: Place) -> Place:
        return at[0] * self.stride[0], at[1] * self.stride[1]

    def window(self, at: Place) -> Array:
        i, j = self.corner(at)
        return self.x[i : i + self.size[0], j : j + self.size[1]]

    def sentence(self, at: Place) -> str:
        found = self.window(at).ravel()
        value = float(self.y[at])
        equal = "=" if all(is_exact(v) for v in (*found, value)) else "≈"
        if self.kind == "max":
            work = f"max({', '.join(shortened([number(v) for v in found]))})"
        else:
            work = f"({' + '.join(shortened([signed(v) for v in found]))}) / {len(found)}"
        return f"output[{at[0]}, {at[1]}] = {work} {equal} {number(value)}"

    def drawn(self, at: Place, title: str | None) -> Sketch:
        canvas, still, moves = Canvas(), self.frames.index(at), len(self.frames) > 1
        motion = Motion(len(self.frames), self.x.tobytes() + repr((self.size, self.stride, self.kind)).encode())
        seen = [motion.shows(n) for n in range(len(self.frames))] if moves else [""]
        last = self.corner((self.y.shape[0] - 1, self.y.shape[1] - 1))
        spill = tuple(max(a + k - n, 0) for a, k, n in zip(last, self.size, self.x.shape))
        image = Grid(self.x, "image", times(self.x.shape), spill=spill)
        output = Grid(self.y, "output", times(self.y.shape))
        steps = times(self.stride) if self.stride[0] != self.stride[1] else str(self.stride[0])
        flow(canvas, [image, Sign(f"{self.kind} of {times(self.size)}", f"stride {steps}"), output])
        if all(s >= n for s, n in zip(self.stride, self.size)) and image.written:
            for place in np.ndindex(self.y.shape):
                outline(canvas, image.box(*self.corner(place), *self.size), thick=1.6, dash="6 4")
        slide(canvas, motion, image, [self.corner(f) for f in self.frames], self.size, still)
        slide(canvas, motion, output, self.frames, (1, 1), still)
        if self.kind == "max" and image.written:
            self.ring(canvas, image, seen, still)
        spoken(canvas, [[self.sentence(f)] for f in self.frames], seen, still)
        canvas.rules += [motion.style()] if moves else []
        told = f"{self.kind.capitalize()} pooling, {times(self.size)} with stride {steps}: {found_at(self.y, at)}"
        return Sketch(canvas, title or told, f"{self.sentence(at)}. {describe([image], output)}")

    def ring(self, canvas: Canvas, image: Grid, seen: Sequence[str], still: int) -> None:
        """A ring around the largest number of each position."""
        for n, place in enumerate(self.frames):
            window, corner = self.window(place), self.corner(place)
            i, j = np.unravel_index(np.argmax(window), window.shape)
            with canvas.group(seen[n], hidden=n != still):
                at = image.middle(corner[0] + int(i), corner[1] + int(j))
                canvas.ellipse(at, image.cell / 2 - 3, image.cell_height / 2 - 3)
