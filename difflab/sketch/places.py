"""Where windows stand: strides, and what a number of a deep layer can see."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from ..errors import InputError, ShapeError
from ..palette import CONSTANT, OPERATION
from ..types import Array, Sizes
from .canvas import Canvas
from .checks import count
from .colours import tints
from .drawing import Sketch
from .items import SPACE, Grid, Item, Row, Sign, flow, outline
from .words import times

MOST_SIZE = 12
CELL = 28.0


def strides(
    size: int,
    kernel: int,
    strides: Sizes = (1, 2),
    padding: int = 0,
    *,
    ceil_mode: bool = False,
    title: str | None = None,
) -> Sketch:
    """Where a window stops on an image of size × size, for each stride; a number marks the same place left and right.

    The numbers stand in the middle of their windows; the first window has a solid frame, the next a dashed one. With
    `ceil_mode` a last window that hangs over the edge counts, as in pooling.

    >>> strides(7, 3)
    <sketch: A 3 × 3 window on 7 × 7 cells: stride 1 gives 5 × 5, stride 2 gives 3 × 3>
    """
    n, k = count("strides", "size", size, 1, MOST_SIZE), count("strides", "kernel", kernel, 1, MOST_SIZE)
    p = count("strides", "padding", padding, 0, MOST_SIZE // 2)
    steps = [
        count("strides", "strides", s, 1, 99) for s in (strides if isinstance(strides, tuple | list) else [strides])
    ]
    if not 1 <= len(steps) <= 4:
        raise InputError(f"strides: strides={strides!r}; from one to four are drawn")
    if n + 2 * p < k:
        raise ShapeError(
            f"strides: the window of {times((k, k))} is larger than {times((n, n))} with padding={p}; pad more, "
            "or take a smaller one"
        )
    made = [Stops(n, k, s, p, ceil_mode) for s in steps]
    canvas = Canvas()
    flow(canvas, [m.row for m in made])
    for m in made:
        m.frames(canvas)
    told = ", ".join(f"stride {m.step} gives {times((m.stops, m.stops))}" for m in made)
    edge = f", padded by {p}" if p else ""
    return Sketch(canvas, title or f"A {times((k, k))} window on {times((n, n))} cells{edge}: {told}",
                  " ".join(m.formula for m in made))  # fmt: skip


class Stops:
    """The places of one stride, on the image and in the output."""

    k: int
    step: int

    def __init__(self, n: int, k: int, step: int, p: int, ceil_mode: bool) -> None:
        self.k, self.step = k, step
        room = n + 2 * p - k
        self.stops: int = room // step + 1
        hangs = bool(ceil_mode) and room % step > 0 and self.stops * step < n + p
        self.stops += hangs
        brackets = "⌈⌉" if ceil_mode else "⌊⌋"
        self.formula: str = f"{brackets[0]}({n} + 2·{p} - {k}) / {step}{brackets[1]} + 1 = {self.stops}"
        wide = max(n + 2 * p, (self.stops - 1) * step + k)
        texts, faint = np.full((wide, wide), "", object), np.ones((wide, wide), bool)
        faint[p : p + n, p : p + n] = False
        middle = (k - 1) // 2
        numbers = np.arange(1, self.stops**2 + 1).reshape(self.stops, self.stops)
        for (i, j), value in np.ndenumerate(numbers):
            texts[i * step + middle, j * step + middle] = str(value)
        marked = texts != ""
        fills = np.where(faint, CONSTANT, np.where(marked, tints([1.0])[0], OPERATION))
        padded = f", padded by {p}" if p else ""
        self.image: Grid = Grid(np.zeros((wide, wide)), f"stride {step}", f"{times((n, n))}{padded}", numbers=True,
                          texts=list(texts.ravel()), fills=list(fills.ravel()), faint=faint, cell=CELL)  # fmt: skip
        self.output: Grid = Grid(numbers, "output", self.formula, numbers=True, fills=[tints([1.0])[0]] * numbers.size,
                           texts=[str(v) for v in numbers.ravel()], cell=CELL)  # fmt: skip
        self.row: Row = Row([self.image, Sign(), self.output])

    def frames(self, canvas: Canvas) -> None:
        if self.stops > 1:
            outline(canvas, self.image.box(0, self.step, self.k, self.k), dash="7 4")
            outline(canvas, self.output.box(0, 1), dash="7 4")
        outline(canvas, self.image.box(0, 0, self.k, self.k))
        outline(canvas, self.output.box(0, 0))


def receptive_field(
    kernels: Sequence[int] = (3, 3), strides: Sequence[int] | None = None, size: int | None = None,
    *, title: str | None = None,
) -> Sketch:  # fmt: skip
    """What one number behind some layers of windows can see, back to the image.

    Each layer has a window of kernel × kernel and a stride (1 if `strides` is None). The number in a cell says in how
    many ways it reaches the one at the end. `size` is the image's; just what is seen if None.

    >>> receptive_field((3, 3))
    <sketch: The receptive field of one number behind 2 layers: 5 × 5, then 3 × 3, then 1 × 1>
    """
    ks = [count("receptive_field", "kernels", k, 1, MOST_SIZE) for k in listed("kernels", kernels)]
    ss = [count("receptive_field", "strides", s, 1, MOST_SIZE) for s in listed("strides", strides or [1] * len(ks))]
    if len(ks) != len(ss):
        raise InputError(f"receptive_field: there are {len(ks)} kernels and {len(ss)} strides; each layer has one")
    ways = [np.ones(1)]  # along one axis, from the last layer back; both axes are alike
    for k, s in zip(reversed(ks), reversed(ss)):
        before = np.zeros((len(ways[0]) - 1) * s + k)
        for i, w in enumerate(ways[0]):
            before[i * s : i * s + k] += w
        ways.insert(0, before)
    seen = len(ways[0])
    if seen > MOST_SIZE:
        raise ShapeError(
            f"receptive_field: the field is {times((seen, seen))}; up to {times((MOST_SIZE, MOST_SIZE))} are drawn: "
            "take fewer layers or smaller windows (nn.receptive_field gives the size of any)"
        )
    n = seen if size is None else count("receptive_field", "size", size, seen, MOST_SIZE)
    sizes = [n]
    for k, s in zip(ks, ss):
        sizes.append((sizes[-1] - k) // s + 1)
    return Field(ks, ss, ways, sizes).drawn(title)


def listed(name: str, value: object) -> list[Any]:
    if not isinstance(value, tuple | list) or not value:
        raise InputError(f"receptive_field: {name}={value!r}; give a number for each layer, such as (3, 3)")
    return list(value)


class Field:
    """The grids of all layers, with the part of each that the last number sees."""

    ks: list[int]
    ss: list[int]
    ways: list[Array]
    sizes: list[int]

    def __init__(self, ks: list[int], ss: list[int], ways: list[Array], sizes: list[int]) -> None:
        self.ks, self.ss, self.ways, self.sizes = ks, ss, ways, sizes
        self.starts: list[int] = [(sizes[-1] - 1) // 2]  # of the field in each layer
        for s in reversed(ss):
            self.starts.insert(0, self.starts[0] * s)

    def grid(self, layer: int) -> Grid:
        n, start, ways = self.sizes[layer], self.starts[layer], self.ways[layer]
        values = np.zeros((n, n))
        values[start : start + len(ways), start : start + len(ways)] = np.outer(ways, ways)
        texts = [f"{v:.0f}" if v else "" for v in values.ravel()]
        name = "image" if layer == 0 else f"layer {layer}"
        return Grid(values, name, f"{times((n, n))}, seen {times((len(ways),) * 2)}", numbers=True, texts=texts)

    def drawn(self, title: str | None) -> Sketch:
        canvas = Canvas()
        grids = [self.grid(layer) for layer in range(len(self.sizes))]
        items: list[Item] = [grids[0]]
        for k, s, g in zip(self.ks, self.ss, grids[1:]):
            items += [Row([Sign(f"window {times((k, k))}", f"stride {s}"), g], gap=SPACE)]
        flow(canvas, items)
        for grid, start, ways in zip(grids, self.starts, self.ways):
            outline(canvas, grid.box(start, start, len(ways), len(ways)))
        for layer, (before, after) in enumerate(pairwise(grids)):
            self.first_window(canvas, layer, before, after)
        spans = ", then ".join(times((len(w), len(w))) for w in self.ways)
        plural = "s" * (len(self.ks) > 1)
        told = f"The receptive field of one number behind {len(self.ks)} layer{plural}: {spans}"
        return Sketch(canvas, title or told, "The number in a cell says in how many ways it reaches the last one.")

    def first_window(self, canvas: Canvas, layer: int, before: Grid, after: Grid) -> None:
        """The first cell of the next layer's field, and the window that it reads."""
        if len(self.ways[layer + 1]) == 1:
            return
        start, k = self.starts[layer], self.ks[layer]
        outline(canvas, before.box(start, start, k, k), thick=2, dash="6 4")
        outline(canvas, after.box(self.starts[layer + 1], self.starts[layer + 1]), thick=2, dash="6 4")
