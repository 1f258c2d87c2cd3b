"""Values of three axes as boxes with their sizes, and the layers between them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ..errors import InputError, ShapeError
from ..palette import CONSTANT, INK, INPUT, MARK, OPERATION, WIRE
from ..types import Shape, Sizes
from .canvas import Canvas, Point
from .checks import count
from .drawing import Sketch
from .items import SPACE, Row, flow, paragraph
from .words import NAME, NOTE, joined, times, width, wrapped

HIGH, LEAST = 110.0, 16.0  # of the largest and the smallest edge
DEEP, THIN = 58.0, 7.0  # of the most channels and of one
SLANT = (0.42, -0.30)  # how the third axis recedes
SHARE = 0.55  # sizes are drawn by this power, so that 1 and 512 fit into one picture
LABEL = 84.0  # width of the words over an arrow
MOST_VOLUMES = 40
MOST_LINES = 3  # of arithmetic
Span = tuple[float, float]


def volumes(
    shapes: Sequence[Iterable[int]], between: Sequence[str] | None = None, *, title: str | None = None
) -> Sketch:
    """Values as boxes with their sizes: (channels, rows, columns), (channels, length) or (numbers,); arrows between.

    `between` are the words over the arrows. Sizes are compressed, so that large and small fit into one picture.

    >>> volumes([(1, 28, 28), (6, 24, 24), (10,)], ["6 kernels 5 × 5", "dense"])
    <sketch: 1 × 28 × 28, then 6 × 24 × 24, then 10>
    """
    if not isinstance(shapes, list | tuple) or not 1 <= len(shapes) <= MOST_VOLUMES:
        raise InputError(f"volumes: give a list of 1 to {MOST_VOLUMES} shapes, such as [(1, 28, 28), (6, 24, 24)]")
    found = [shape_of("volumes", s) for s in shapes]
    if not isinstance(between, list | tuple | None):
        raise InputError(f"volumes: between={between!r}; give a list with the words over each arrow")
    words = [""] * (len(found) - 1) if between is None else list(between)
    if len(words) != len(found) - 1:
        raise InputError(f"volumes: there are {len(words)} words for {len(found) - 1} arrows; give one for each")
    steps = [Step([Label(str(w))] if w else []) for w in words]
    return stacked(found, steps, title)


def shape_of(what: str, shape: Iterable[int]) -> Shape:
    try:
        found = tuple(count(what, "size", n) for n in shape)
    except TypeError:
        raise InputError(f"{what}: shape={shape!r}; give (channels, rows, columns), or (numbers,)") from None
    if not 1 <= len(found) <= 3:
        raise ShapeError(f"{what}: shape={shape!r} has {len(found)} axes; from one to three are drawn")
    return found


def layers(model: object, shape: Iterable[int], *, title: str | None = None) -> Sketch:
    """A model's layers with the sizes of one sample on its way: windows of convolutions and poolings on their boxes.

    `shape` is the sample's, without the batch. What keeps the shape, such as relu, stands on the arrow of the layer
    before it.

    >>> from difflab import nn
    >>> layers(nn.Sequential(nn.Conv2d(3, 6, 5), nn.ReLU(), nn.MaxPool2d(2)), (3, 32, 32))
    <sketch: 3 × 32 × 32, then 6 × 28 × 28, then 6 × 14 × 14>
    """
    from ..nn.layers.layer import Layer
    from ..nn.summary import flat, summary

    if not isinstance(model, Layer):
        raise InputError(
            f"layers: {type(model).__name__} is no layer of difflab.nn; give one, such as nn.models.lenet5()"
        )
    shapes = [shape_of("layers", shape)]
    steps: list[Step] = []
    for layer, row in zip(flat(model), summary(model, shapes[0]).rows):
        after = shape_of("layers", row.shape)
        if steps and after == shapes[-1] and row.parameters == 0:
            steps[-1].labels.append(Label(layer_words(layer)))
            continue
        steps.append(Step([Label(layer_words(layer))], window_of(layer), sizes_of(layer, shapes[-1], after)))
        shapes.append(after)
    if len(shapes) > MOST_VOLUMES:
        raise ShapeError(
            f"layers: the model has {len(shapes)} values; up to {MOST_VOLUMES} are drawn: take a part of it"
        )
    return stacked(shapes, steps, title)


def window_of(layer: Any) -> tuple[int, int] | None:
    """The window of a convolution or pooling over two axes."""
    size = getattr(layer, "kernel_size", None)
    if type(layer).__name__ not in ("Conv2d", "MaxPool2d", "AvgPool2d"):
        return None
    return (size, size) if isinstance(size, int) else size


def sizes_of(layer: Any, before: Shape, after: Shape) -> str:
    """The arithmetic of the rows, where the layer slides a window without dilation."""
    window = window_of(layer)
    if window is None or one(getattr(layer, "dilation", 1)) != "1" or isinstance(layer.padding, str):
        return ""
    k = window[0]
    s, p = (first(v) for v in (layer.stride or k, layer.padding))
    open_, close = "⌈⌉" if getattr(layer, "ceil_mode", False) else "⌊⌋"
    return f"{open_}({before[1]} + 2·{p} - {k}) / {s}{close} + 1 = {after[1]} rows"


def first(value: Sizes) -> int:
    found: int = value if isinstance(value, int) else value[0]
    return found


def layer_words(layer: Any) -> str:
    """What a layer does, in a few words."""
    kind = type(layer).__name__
    size = getattr(layer, "kernel_size", None)
    if kind in ("Conv1d", "Conv2d"):
        told = [f"{layer.out_channels:,} kernels", times((layer.in_channels // layer.groups, *layer.kernel_size))]
        told += [f"stride {one(layer.stride)}"] * (one(layer.stride) != "1")
        told += [f"padding {one(layer.padding)}"] * (one(layer.padding) != "0")
        return " ".join(map(joined, told))
    if "Pool" in kind and size is not None:
        sizes = (
            (size, size)
            if isinstance(size, int) and kind.endswith("2d")
            else (size,)
            if isinstance(size, int)
            else size
        )
        same = layer.stride is None or one(layer.stride) == one(size)
        told = [f"{kind[:3].lower()} pooling", times(sizes), *([] if same else [f"stride {one(layer.stride)}"])]
        return " ".join(map(joined, told))
    return {"Linear": "dense", "Flatten": "flatten"}.get(kind, kind)


def one(value: Any) -> str:
    """A size that is the same in all directions as one number."""
    sizes = {value} if isinstance(value, int | str) else set(value)
    return str(sizes.pop()) if len(sizes) == 1 else times(value)


class Label:
    """A few words in a box of their own."""

    def __init__(self, words: str) -> None:
        self.lines: list[str] = wrapped(words, NOTE, LABEL) or [""]
        self.width: float = max(width(t, NOTE) for t in self.lines) + 10
        self.height: float = len(self.lines) * NOTE * 1.25 + 6

    def draw(self, canvas: Canvas, x: float, y: float, wide: float) -> None:
        canvas.box(x, y, wide, self.height, OPERATION, INK)
        for k, line in enumerate(self.lines):
            canvas.text(x + wide / 2, y + 3 + NOTE * 1.25 * (k + 0.5), line, NOTE)


class Step:
    """An arrow, with what happens on it written above."""

    labels: list[Label]
    window: tuple[int, int] | None
    arithmetic: str
    x: float
    y: float

    def __init__(self, labels: list[Label], window: tuple[int, int] | None = None, arithmetic: str = "") -> None:
        self.labels, self.window, self.arithmetic = labels, window, arithmetic
        self.x = self.y = 0.0

    @property
    def width(self) -> float:
        return max([34.0, *(label.width + 12 for label in self.labels)])

    @property
    def height(self) -> float:
        return self.top + self.body

    @property
    def top(self) -> float:
        return max(sum(label.height + 4 for label in self.labels) - self.body / 2 + 6, 0.0)

    body: float = 20.0

    def draw(self, canvas: Canvas, x: float, y: float) -> None:
        line = y + self.top + self.body / 2
        canvas.arrow([(x, line), (x + self.width, line)])
        self.x, self.y = x, line - 6
        canvas.reach(x, y)

    def draw_labels(self, canvas: Canvas) -> None:
        """After what they may cover: the lines of the windows."""
        lower = self.y
        for label in reversed(self.labels):
            lower -= label.height + 4
            label.draw(canvas, self.x + 4, lower, self.width - 12)


class Volume:
    """A box: channels to the right, rows down, columns to the back."""

    channels: int
    rows: int
    columns: int
    h: float
    x: float
    y: float

    def __init__(self, shape: Shape, most: tuple[int, int, int]) -> None:
        self.shape = shape
        self.channels, self.rows, self.columns = (
            shape if len(shape) == 3 else (shape[0], shape[1], 0) if len(shape) == 2 else (1, shape[0], 0)
        )
        spatial, channels, numbers = most
        spatial = numbers if len(shape) == 1 else spatial
        self.w: float = THIN + (DEEP - THIN) * ((self.channels - 1) / max(channels - 1, 1)) ** SHARE
        self.h, d = (LEAST + (HIGH - LEAST) * (n / spatial) ** SHARE for n in (self.rows, self.columns))
        if len(shape) < 3:
            d = 0.0
            self.w = max(self.w, 12.0)
        self.slant: Point = (SLANT[0] * d, SLANT[1] * d)
        texts = [f"{n:,}" for n in shape]
        self.below: str = texts[0]
        self.beside: str = texts[1] if len(texts) > 1 else ""
        self.behind: str = texts[2] if len(texts) > 2 else ""
        self.margin: float = max(width(self.beside, NOTE) + 6, width(self.behind, NOTE) - self.slant[0] / 2 + 8, 0.0)
        self.body: float = self.h - self.slant[1]
        self.top: float = NOTE if self.behind else 0.0
        self.height: float = self.top + self.body + NOTE * 1.6
        self.width: float = self.margin + max(self.w + self.slant[0], width(self.below, NOTE))
        self.x = self.y = 0.0  # of the front's upper left corner

    def corner(self, c: float, r: float, d: float) -> Point:
        """Where a point of the box lies, in shares of its three edges."""
        return self.x + c * self.w + d * self.slant[0], self.y + r * self.h + d * self.slant[1]

    def faces(self, canvas: Canvas, r: Span, d: float, fills: tuple[str, str, str], thick: float = 1.4) -> None:
        """The faces in sight of a part of the box: a span of its rows, and its columns from the front up to a share."""
        at, (a, b) = self.corner, r
        front, top, side = fills
        canvas.shape([at(0, a, 0), at(1, a, 0), at(1, b, 0), at(0, b, 0)], front, INK, thick)
        if self.columns:
            if a == 0:
                canvas.shape([at(0, 0, 0), at(1, 0, 0), at(1, 0, d), at(0, 0, d)], top, INK, thick)
            canvas.shape([at(1, a, 0), at(1, b, 0), at(1, b, d), at(1, a, d)], side, INK, thick)

    def draw(self, canvas: Canvas, x: float, y: float) -> None:
        self.x, self.y = x + self.margin, y + self.top - self.slant[1]
        self.faces(canvas, (0, 1), 1, (INPUT, OPERATION, CONSTANT))
        canvas.text(self.x + self.w / 2, self.y + self.h + NOTE * 0.95, self.below, NOTE)
        canvas.text(self.x - 5, self.y + self.h / 2, self.beside, NOTE, "end")
        if self.behind:
            tip = self.corner(0, 0, 0.5)
            canvas.text(tip[0] - 5, tip[1] - NOTE * 0.45, self.behind, NOTE, "end")

    def part(self, window: tuple[int, int], low: bool, least: float = 0.0) -> tuple[Span, float]:
        """Where a window lies in shares of rows and columns: at the upper or the lower front."""
        r, d = (min(max(n / size, least), 1.0) for n, size in zip(window, (self.rows, self.columns)))
        return ((1.0 - r, 1.0) if low and r < 1 else (0.0, r)), d


def stacked(shapes: list[Shape], steps: list[Step], title: str | None) -> Sketch:
    """The boxes in line, with windows and what becomes of them marked."""
    spatial = max((max(s[1:]) for s in shapes if len(s) > 1), default=1)
    channels = max((s[0] for s in shapes if len(s) > 1), default=1)
    boxes = [Volume(s, (spatial, channels, max((s[0] for s in shapes if len(s) == 1), default=1))) for s in shapes]
    canvas = Canvas()
    flow(canvas, [boxes[0], *(Row(pair, gap=SPACE) for pair in zip(steps, boxes[1:]))])
    for k, (before, step, after) in enumerate(zip(boxes, steps, boxes[1:])):
        if step.window is not None and before.columns and after.columns:
            mark_window(canvas, before, after, step.window, low=k % 2 == 1)  # so that they do not meet in a box
    for step in steps:
        step.draw_labels(canvas)
    arithmetic(canvas, [step.arithmetic for step in steps if step.arithmetic])
    told = ", then ".join(times(s) for s in shapes)
    words = " ".join(
        f"{times(s)}: {'; '.join(' '.join(label.lines) for label in step.labels)}." for s, step in zip(shapes, steps)
    )
    return Sketch(canvas, title or told, words)


def arithmetic(canvas: Canvas, lines: list[str]) -> None:
    """How the sizes of a few windows come about, below the drawing."""
    if len(lines) <= MOST_LINES:
        paragraph(canvas, canvas.left, canvas.bottom + 8, lines, NAME)


def mark_window(canvas: Canvas, before: Volume, after: Volume, window: tuple[int, int], low: bool) -> None:
    """A window, through all channels, and the numbers that it becomes."""
    (a, b), d = before.part(window, low)
    (a1, b1), d1 = after.part((1, 1), low, least=0.06)
    before.faces(canvas, (a, b), d, (MARK, MARK, MARK), 1.2)
    after.faces(canvas, (a1, b1), d1, (MARK, MARK, MARK), 1.2)
    if abs(before.y + before.h / 2 - after.y - after.h / 2) < HIGH / 2:  # in one line of the drawing
        ends = ((before.corner(1, a, d), after.corner(0, a1, d1)), (before.corner(1, b, 0), after.corner(0, b1, 0)))
        for start, end in ends:
            canvas.shape([start, end], stroke=WIRE, thick=1, dash="4 3", closed=False)
