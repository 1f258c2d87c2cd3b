"""A model at a glance: shapes, parameters, operations and receptive field of each layer."""

from __future__ import annotations

import html
import math
import operator
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import optree

from ..cards.as_html import framed
from ..errors import InputError, TraceError
from ..graph.hollow import ShapeTape, hollow
from ..types import Shape, Sizes, Tree, Value
from .init import Shapes
from .layers.convolution import Conv1d, Conv2d, ConvTranspose2d
from .layers.layer import Layer
from .layers.linear import Embedding, Flatten, Linear
from .layers.pooling import AvgPool1d, AvgPool2d, MaxPool1d, MaxPool2d
from .layers.sequential import Sequential

SLIDING = (Conv1d, Conv2d, MaxPool1d, MaxPool2d, AvgPool1d, AvgPool2d)


@dataclass(frozen=True)
class Row:
    """One layer: what comes out of it for one sample, and what it costs."""

    name: str
    layer: str
    shape: Shape
    parameters: int
    flops: int
    field: tuple[int, ...] | None


@dataclass(frozen=True)
class Summary:
    """The rows, as a table in text or HTML."""

    rows: tuple[Row, ...]

    @property
    def parameters(self) -> int:
        return sum(r.parameters for r in self.rows)

    @property
    def flops(self) -> int:
        """Operations for one sample: two for each product of a weight, one for each element elsewhere."""
        return sum(r.flops for r in self.rows)

    def cells(self) -> list[list[str]]:
        return [
            [r.name, r.layer, " x ".join(map(str, r.shape)), f"{r.parameters:,}", f"{r.flops:,}",
             " x ".join(map(str, r.field)) if r.field else ""]
            for r in self.rows
        ] + [["total", "", "", f"{self.parameters:,}", f"{self.flops:,}", ""]]  # fmt: skip

    def __str__(self) -> str:
        lines = [list(HEAD), *self.cells()]
        wide = [max(len(line[k]) for line in lines) for k in range(len(HEAD))]
        return "\n".join(
            "  ".join(c.rjust(w) if k in (3, 4) else c.ljust(w) for k, (c, w) in enumerate(zip(line, wide))).rstrip()
            for line in lines
        )

    def __repr__(self) -> str:
        return (
            f"<Summary of {len(self.rows)} layers: {self.parameters:,} parameters, {self.flops:,} operations a sample>"
        )

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{h}</th>" for h in HEAD)
        body = "".join("<tr>" + "".join(f"<td>{html.escape(c)}</td>" for c in r) + "</tr>" for r in self.cells())
        region = 'class="scroll" tabindex="0" role="group" aria-label="The layers"'  # the keyboard can scroll it
        return framed(f"<div {region}><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>")


HEAD = ("name", "layer", "output", "parameters", "operations", "receptive field")


def summary(model: Layer, shape: Shape, *, params: Tree = None) -> Summary:
    """What each layer of the model makes of one sample of this shape (without the batch).

    Nothing is computed but shapes, and no parameters are made: a model of any size takes milliseconds.

    >>> from difflab import nn
    >>> print(summary(nn.models.mlp((4, 3, 2)), (4,)))
    name     layer    output  parameters  operations  receptive field
    flatten  Flatten  4                0           0
    linear1  Linear   3               15          24
    relu1    ReLU     3                0           3
    linear2  Linear   2                8          12
    total                             23          39
    """
    if not isinstance(model, Layer):
        raise InputError(f"summary: model={model!r:.80} is not a layer; give one of nn, such as nn.Sequential(...)")
    try:
        shape = tuple(operator.index(n) for n in shape)
    except TypeError:
        raise InputError(f"summary: shape={shape!r}; give the sizes of one sample, such as (3, 224, 224)") from None
    if min(shape, default=1) < 1:
        raise InputError(f"summary: shape={shape}; every size is at least 1")
    own, state = model.start(Shapes(), np.dtype(np.float64))
    trees: Tree = (own if params is None else params, state, hollow((2, *shape)))
    try:
        nodes: Tree = optree.tree_map(ShapeTape().input, trees)
        rows = list(walk("", model, nodes[0], nodes[1], nodes[2], Field(len(shape) - 1)))
    except TraceError:  # a layer of one's own that only plain arrays go through
        made = model.init(0)
        rows = list(
            walk(
                "", model, made[0] if params is None else params, made[1], np.zeros((2, *shape)), Field(len(shape) - 1)
            )
        )
    return Summary(tuple(row for row, _ in rows))


class Field:
    """The size of the input that one element depends on, as layers are passed."""

    def __init__(self, axes: int) -> None:
        self.size: list[int] = [1] * axes
        self.jump: list[int] = [1] * axes
        self.known: bool = axes > 0

    def through(self, layer: Layer) -> Shape | None:
        """After one more layer: r + (K - 1) D jump, with a jump that each stride multiplies."""
        if isinstance(layer, Flatten | Linear | Embedding | ConvTranspose2d):
            self.known = False
        if not self.known:
            return None
        if isinstance(layer, SLIDING):
            n = len(self.size)
            k = each(layer.kernel_size, n)
            d = each(getattr(layer, "dilation", 1), n)
            s = k if layer.stride is None else each(layer.stride, n)
            for i in range(n):
                self.size[i] += (k[i] - 1) * d[i] * self.jump[i]
                self.jump[i] *= s[i]
        return tuple(self.size)


def each(value: Sizes, n: int) -> Shape:
    return (value,) * n if isinstance(value, int) else tuple(value)


def walk(prefix: str, layer: Layer, params: Tree, state: Tree, x: Value, field: Field) -> Iterator[tuple[Row, Value]]:
    """A row for each layer, and what comes out of it."""
    if isinstance(layer, Sequential):
        for name, inner in zip(layer.names, layer.layers):
            for row, after in walk(f"{prefix}{name}.", inner, params[name], state[name], x, field):
                yield row, after
                x = after
        return
    y, _ = layer.apply(params, state, x, training=False)
    shown = y[0] if isinstance(y, tuple) else y
    count = sum(int(p.size) for p in optree.tree_leaves(params))
    row = Row(
        prefix.rstrip("."),
        type(layer).__name__,
        tuple(np.shape(shown)[1:]),
        count,
        flops(layer, x, shown),
        field.through(layer),
    )
    yield row, y


def flops(layer: Layer, x: Value, y: Value) -> int:
    """Operations for one sample: two for each product of a weight, one for each element elsewhere."""
    out = math.prod(np.shape(y)[1:])
    if isinstance(layer, Linear):
        return 2 * out * layer.in_features
    if isinstance(layer, Conv1d | Conv2d):
        weights: int = layer.in_channels // layer.groups * math.prod(layer.kernel_size)
        return 2 * out * weights
    if isinstance(layer, ConvTranspose2d):
        weights = layer.out_channels // layer.groups * math.prod(layer.kernel_size)
        return 2 * math.prod(np.shape(x)[1:]) * weights
    return 0 if isinstance(layer, Flatten) else max(out, math.prod(np.shape(x)[1:]))


def receptive_field(model: Sequential) -> Shape:
    """How much of the input one element behind the convolutions and poolings depends on, by axis.

    L convolutions of size K with stride 1 see 1 + L (K - 1); in general each layer adds (K - 1) D times the product of
    the strides before it.

    >>> from difflab import nn
    >>> receptive_field(nn.Sequential(*[nn.Conv2d(1, 1, 3)] * 4))  # 1 + 4 * 2
    (9, 9)
    """
    layers = list(flat(model))
    sliding = [layer for layer in layers if isinstance(layer, SLIDING)]
    if not sliding:
        raise InputError("receptive_field: the model has no convolution and no pooling")
    field = Field(1 if isinstance(sliding[0], Conv1d | MaxPool1d | AvgPool1d) else 2)
    found = tuple(field.size)
    for layer in layers:
        found = field.through(layer) or found
    return found


def flat(model: Layer) -> Iterator[Layer]:
    if isinstance(model, Sequential):
        for layer in model.layers:
            yield from flat(layer)
    else:
        yield model
