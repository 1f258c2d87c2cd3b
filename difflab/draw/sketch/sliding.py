"""A window that slides over an image: convolution and pooling, with the work of one position."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...errors import InputError, ShapeError
from ..text import number
from .canvas import Canvas, Point
from .checks import channels, numbers, pair, position
from .colours import largest
from .drawing import Sketch
from .items import SPACE, WIDEST, Column, Frames, Grid, Row, Sign, flow, outline, paragraph
from .motion import Motion
from .words import NAME, OPERATION, joined, signed, times, wrapped

MOST_FRAMES = 64
MOST_TERMS = 27
Place = tuple[int, int]


def convolution(
    image: Any,
    kernel: Any,
    stride: Any = 1,
    padding: Any = 0,
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
    <sketch: A 2 × 2 kernel on a 3 × 3 image; output[0, 1] = 2·1 + 0·0 + 1·0 + 3·(-1) = -1>
    """
    from ...nn import functional as F

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
    plural = f"{len(x)} channels of " if len(x) > 1 else ""
    told = title or (
        f"A {times(k.shape[1:])} kernel on {plural or 'a '}{times(x.shape[1:])} image{'s' * bool(plural)}; "
        + " ".join(work.sentence(at)[:1] if len(x) == 1 else work.sentence(at)[-1:])
    )
    return work.drawn(faint, x.shape[1:], told, at)


def frames_of(what: str, y: Any, at: Place, animate: bool) -> list[Place]:
    """The positions that the drawing goes through: the one asked for, or all."""
    if not animate:
        return [at]
    if y.size > MOST_FRAMES:
        raise InputError(
            f"{what}: animate=True shows at most {MOST_FRAMES} positions, here are {y.size:,}; "
            "take a smaller image, a larger stride, or animate=False"
        )
    return list(np.ndindex(y.shape))


class Work:
    """What a convolution does at each position, as numbers, sentences and a drawing."""

    def __init__(self, x: Any, k: Any, y: Any, stride: Place, frames: list[Place]) -> None:
        self.x, self.k, self.y, self.stride, self.frames = x, k, y, stride, frames
        self.size: Place = k.shape[1:]

    def window(self, at: Place) -> Any:
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

    def drawn(self, faint: Any, unpadded: Sequence[int], title: str, at: Place) -> Sketch:
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
        return Sketch(canvas, title, describe(images, output))


def slide(
    canvas: Canvas, motion: Motion, grid: Grid, corners: Sequence[Place], size: Place, still: int, dash: str = ""
) -> None:
    """The frame around the window: at its place in the still picture, going from place to place where it moves."""
    boxes = [grid.box(i, j, *size) for i, j in corners]
    places: list[Point] = [(x, y) for x, y, _, _ in boxes]
    name = motion.slides(places, still) if len(corners) > 1 else ""
    outline(canvas, boxes[still], dash=dash, name=name)


def spoken(canvas: Canvas, sentences: Sequence[Sequence[str]], seen: Sequence[str], still: int) -> None:
    """The sentence of each position below the drawing."""
    x, y = canvas.left, canvas.bottom + 12
    room = max(canvas.right - canvas.left, min(WIDEST, 480.0))
    for n, lines in enumerate(sentences):
        with canvas.group(seen[n], hidden=n != still):
            paragraph(canvas, x, y, [part for line in lines for part in wrapped(glued(line), NAME, room)])


def glued(line: str) -> str:
    """The sentence with its last sign of equality tied to what follows, so that no line begins with a lone number."""
    for sign in " = ", " ≈ ":
        line = line.replace(sign, sign[:2] + joined(sign[2]))
    return line


def is_exact(v: float) -> bool:
    """Whether the short text of a number is the number."""
    return not np.isfinite(v) or float(number(v)) == v


def shortened(terms: list[str]) -> list[str]:
    return terms if len(terms) <= MOST_TERMS else [*terms[:4], "…", terms[-1]]


def describe(images: Sequence[Grid], output: Grid) -> str:
    parts = [f"{g.name}: {rows_of(g.values)}" for g in images]
    return ". ".join([*parts, f"output: {rows_of(output.values)}"]) + "."


def rows_of(values: Any) -> str:
    """An array in words, if it is small."""
    if values.size > 100:
        return f"{times(values.shape)} numbers"
    return " / ".join(", ".join(number(float(v)) for v in row) for row in values)


def pooling(
    image: Any,
    size: Any = 2,
    stride: Any = None,
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
    <sketch: Max pooling, 2 × 2 with stride 2: output[0, 1] = max(0, 2, 7, 6) = 7>
    """
    from ...nn import functional as F

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

    def __init__(self, x: Any, y: Any, size: Place, stride: Place, kind: str, frames: list[Place]) -> None:
        self.x, self.y, self.size, self.stride, self.kind, self.frames = x, y, size, stride, kind, frames

    def corner(self, at: Place) -> Place:
        return at[0] * self.stride[0], at[1] * self.stride[1]

    def window(self, at: Place) -> Any:
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
        told = f"{self.kind.capitalize()} pooling, {times(self.size)} with stride {steps}: {self.sentence(at)}"
        return Sketch(canvas, title or told, describe([image], output))

    def ring(self, canvas: Canvas, image: Grid, seen: Sequence[str], still: int) -> None:
        """A ring around the largest number of each position."""
        for n, place in enumerate(self.frames):
            window, corner = self.window(place), self.corner(place)
            i, j = np.unravel_index(np.argmax(window), window.shape)
            with canvas.group(seen[n], hidden=n != still):
                at = image.middle(corner[0] + int(i), corner[1] + int(j))
                canvas.ellipse(at, image.cell / 2 - 3, image.cell_height / 2 - 3)
