"""A kernel that slides over an image, with the products of one position."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..draw.text import number
from ..errors import ShapeError
from ..types import Array, Sizes, Value
from .canvas import Canvas
from .checks import channels, pair, position
from .colours import largest
from .drawing import Sketch
from .items import SPACE, Column, Frames, Grid, Row, Sign, flow
from .motion import Motion
from .sliding import Place, describe, found_at, frames_of, is_exact, shortened, slide, spoken
from .words import OPERATION, signed, times


def convolution(
    image: Value,
    kernel: Value,
    stride: Sizes = 1,
    padding: Sizes = 0,
    at: Place = (0, 0),
    *,
    animate: bool = False,
    title: str | None = None,
) -> Sketch:
    """A kernel on an image, the products of one position, their sum and the whole output.

    `image` is (rows, columns) or (channels, rows, columns), `kernel` alike; as in `nn.functional.conv2d` the kernel is
    not turned, and `padding` puts zeros around. `at` is the entry of the output that is worked out. With `animate`
    the window slides over all positions (at most 64) by itself.

    >>> image = [[1, 2, 0], [0, 1, 3], [4, 0, 1]]
    >>> convolution(image, [[1, 0], [0, -1]], at=(0, 1))
    <sketch: A 2 × 2 kernel on a 3 × 3 image: -1 at (0, 1)>
    """
    from ..nn import functional as F

    x, k = channels("convolution", "image", image), channels("convolution", "kernel", kernel)
    if len(x) != len(k):
        raise ShapeError(
            f"convolution: image has {len(x)} channels, kernel {len(k)}; a kernel has one layer of weights for each"
        )
    stride, padding = pair("convolution", "stride", stride, 1), pair("convolution", "padding", padding, 0, 16)
    room = tuple(n + 2 * p for n, p in zip(x.shape[1:], padding))
    if any(n < m for n, m in zip(room, k.shape[1:])):
        raise ShapeError(
            f"convolution: the kernel of {times(k.shape[1:])} is larger than the image of {times(x.shape[1:])} with "
            f"padding={padding}; pad more, or take a smaller kernel"
        )
    with np.errstate(all="ignore"):
        y = F.conv2d(x[None], k[None], stride=stride, padding=padding)[0, 0]
    at = position("convolution", at, y.shape)
    padded = np.pad(x, ((0, 0), *((p, p) for p in padding)))
    work = Work(padded, k, y, stride, frames_of("convolution", y, at, animate))
    faint = np.pad(np.zeros(x.shape[1:], bool), [(p, p) for p in padding], constant_values=True)
    images = f"a {times(x.shape[1:])} image" if len(x) == 1 else f"{len(x)} channels of {times(x.shape[1:])}"
    told = f"A {times(k.shape[1:])} kernel on {images}: {found_at(y, at)}"
    return work.drawn(faint, x.shape[1:], title or told, at)


class Work:
    """What a convolution does at each position, as numbers, sentences and a drawing."""

    x: Array
    k: Array
    y: Array
    stride: Place
    frames: list[Place]

    def __init__(self, x: Array, k: Array, y: Array, stride: Place, frames: list[Place]) -> None:
        self.x, self.k, self.y, self.stride, self.frames = x, k, y, stride, frames
        self.size: Place = k.shape[1:]

    def window(self, at: Place) -> Array:
        i, j = (a * s for a, s in zip(at, self.stride))
        return self.x[:, i : i + self.size[0], j : j + self.size[1]]

    def sentence(self, at: Place) -> list[str]:
        """The sum of the products in numbers, a line for each channel."""
        name, value = f"output[{at[0]}, {at[1]}]", float(self.y[at])
        rows = []
        exact = is_exact(value)
        for x, k in zip(self.window(at), self.k):
            terms = [f"{signed(a)}·{signed(b)}" for a, b in zip(x.ravel(), k.ravel())]
            exact = exact and all(is_exact(v) for v in (*x.ravel(), *k.ravel()))
            rows.append(" + ".join(shortened(terms)))
        equal = "=" if exact else "≈"
        if len(rows) == 1:
            return [f"{name} = {rows[0]} {equal} {number(value)}"]
        with np.errstate(all="ignore"):
            sums = (self.window(at) * self.k).sum(axis=(1, 2))
        lines = [f"channel {c}: {row}" for c, row in enumerate(rows)]
        return [*lines, f"{name} = {' + '.join(signed(s) for s in sums)} {equal} {number(value)}"]

    def products(self) -> list[Column]:
        """The grids of products, a column of channels for each frame, all of one size."""
        with np.errstate(all="ignore"):
            found = [self.window(at) * self.k for at in self.frames]
        most = largest(np.array(found))
        wide = max(Grid(p, numbers=True).cell for products in found for p in products)
        made = []
        for products in found:
            grids = [Grid(p, self.named("products", c), numbers=True, cell=wide, most=most)
                     for c, p in enumerate(products)]  # fmt: skip
            made.append(Column(grids))
        return made

    def named(self, what: str, c: int) -> str:
        return f"{what} {c}" if len(self.x) > 1 else what

    def drawn(self, faint: Array, unpadded: Sequence[int], title: str, at: Place) -> Sketch:
        still = self.frames.index(at)
        canvas = Canvas()
        motion = Motion(len(self.frames), self.x.tobytes() + self.k.tobytes() + repr(self.frames).encode())
        moves = len(self.frames) > 1
        seen = [motion.shows(n) for n in range(len(self.frames))] if moves else [""]
        padded = f"{times(unpadded)}, padded to {times(faint.shape)}" if faint.any() else times(unpadded)
        most = largest(self.x)
        images = [Grid(x, self.named("image", c), padded, faint=faint, most=most) for c, x in enumerate(self.x)]
        kernels = [Grid(k, self.named("kernel", c), times(self.size), numbers=k.size <= 49)
                   for c, k in enumerate(self.k)]  # fmt: skip
        output = Grid(self.y, "output", times(self.y.shape))
        flow(
            canvas,
            [
                Column(images),
                Sign("∗", arrow=False, size=OPERATION),
                Column(kernels),
                Sign("multiply", "each by each"),
                *([Frames(self.products(), seen, still)] if self.k[0].size <= 49 else []),
                Row([Sign("add up"), output], gap=SPACE),
            ],
        )
        corners = [(i * self.stride[0], j * self.stride[1]) for i, j in self.frames]
        for grid in images:
            slide(canvas, motion, grid, corners, self.size, still)
        slide(canvas, motion, output, self.frames, (1, 1), still)
        spoken(canvas, [self.sentence(f) for f in self.frames], seen, still)
        canvas.rules += [motion.style()] if moves else []
        return Sketch(canvas, title, ". ".join([*self.sentence(at), describe(images, output)]))
