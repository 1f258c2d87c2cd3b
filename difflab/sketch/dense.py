"""A dense layer: every output reads every input."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from ..draw.text import number
from ..errors import InputError, ShapeError
from ..palette import INK, INPUT, OPERATION, WIRE
from ..types import Value
from .canvas import Canvas, Point
from .checks import count, numbers
from .drawing import Sketch
from .items import paragraph
from .sliding import is_exact
from .words import NAME, NOTE, counted, fitted, signed, width, wrapped

RADIUS, STEP, APART = 24.0, 64.0, 240.0
MOST = 8  # circles in a column; of more both ends are drawn


def dense(
    inputs: Value, outputs: int, weights: Value = None, bias: Value = None, *, at: int = 0, title: str | None = None
) -> Sketch:
    """A dense layer from `inputs` to `outputs` numbers; the weights of output `at` stand on its wires.

    `inputs` is a count, or with `weights` (outputs, inputs), and a `bias` (outputs,) if there is one, the numbers
    themselves; then y = W x + b is computed.

    >>> dense(4, 3)
    <sketch: A dense layer from 4 to 3 numbers: 12 weights and 3 biases>
    >>> dense([1, 2], 1, weights=[[3, -1]])
    <sketch: A dense layer from 2 to 1 number: 2 weights>
    """
    m = count("dense", "outputs", outputs)
    at = count("dense", "at", at, 0, m - 1)
    if weights is None:
        if bias is not None or isinstance(inputs, list | tuple | np.ndarray):
            raise InputError("dense: weights=None; numbers are worked out with weights of shape (outputs, inputs)")
        layer = Layer(count("dense", "inputs", inputs), m, at)
    else:
        layer = computed(inputs, m, weights, bias, at)
    told = counted(layer.n * m, "weight") + (f" and {counted(m, 'bias', 'es')}" if layer.biased else "")
    return Sketch(
        layer.drawn(),
        title or f"A dense layer from {layer.n:,} to {counted(m, 'number')}: {told}",
        " ".join([*layer.sentences(), "Every output is a sum over all inputs."]),
    )


def computed(inputs: Value, m: int, weights: Value, bias: Value, at: int) -> Layer:
    from ..nn import functional as F

    x = numbers("dense", "inputs", inputs, (1,), 10**4)
    W = numbers("dense", "weights", weights, (2,), 10**4)
    if W.shape != (m, len(x)):
        raise ShapeError(f"dense: weights have shape {W.shape}; from {len(x)} to {m} numbers they are ({m}, {len(x)})")
    b = None if bias is None else numbers("dense", "bias", bias, (1,), 10**4)
    if b is not None and len(b) != m:
        raise ShapeError(f"dense: bias has shape {b.shape}; for {m} outputs it is ({m},)")
    with np.errstate(all="ignore"):
        return Layer(len(x), m, at, x, W, b, F.linear(x, W, b))


class Layer:
    """The circles and wires; with numbers where they are known."""

    n: int
    m: int
    at: int
    x: Value  # an array, or None where there are no numbers
    W: Value  # an array, or None where there are no numbers
    b: Value  # an array, or None where there are no numbers
    y: Value  # an array, or None where there are no numbers

    def __init__(
        self, n: int, m: int, at: int, x: Value = None, W: Value = None, b: Value = None, y: Value = None
    ) -> None:
        self.n, self.m, self.at, self.x, self.W, self.b, self.y = n, m, at, x, W, b, y
        longest = width(f"y[{max(n, m) - 1:,}]", NOTE) / 2 + 4 if W is None else 0.0
        self.radius: float = max(RADIUS, longest)  # to the right and left
        self.apart: float = APART + 2 * (self.radius - RADIUS)

    @property
    def biased(self) -> bool:
        return self.W is None or self.b is not None

    def sentences(self) -> list[str]:
        """The work of the output that is looked at, where its numbers are known."""
        if self.W is None:
            return []
        k = self.at
        terms = [f"{signed(w)}·{signed(v)}" for w, v in zip(self.W[k], self.x)]
        terms = terms if len(terms) <= MOST else [*terms[:3], "…", terms[-1]]
        bias = [] if self.b is None else [self.b[k]]
        exact = all(map(is_exact, [*self.W[k], *self.x, *bias, self.y[k]]))
        work = " + ".join([*terms, *map(signed, bias)])
        return [f"y[{k}] = {work} {'=' if exact else '≈'} {number(float(self.y[k]))}"]

    def drawn(self) -> Canvas:
        canvas = Canvas()
        left, right = shown(self.n), shown(self.m, self.at)
        high = max(len(left), len(right)) * STEP
        from_ = places(left, 0.0, high)
        to = places(right, self.apart, high)
        self.wires(canvas, from_, to)
        self.circles(canvas, from_, self.x, "x", INPUT)
        self.circles(canvas, to, self.y, "y", OPERATION)
        canvas.text(0, -STEP * 0.55, counted(self.n, "input") + " x", NAME, bold=True)
        canvas.text(self.apart, -STEP * 0.55, counted(self.m, "output") + " y", NAME, bold=True)
        lines = self.words()
        top = high / 2 - len(lines) * NAME * 0.75 - STEP / 2
        paragraph(canvas, self.apart + self.radius + 40, max(top, -STEP / 2), lines)
        return canvas

    def words(self) -> list[str]:
        lines = [line for told in self.sentences() for line in wrapped(told, NAME, 380.0)]
        lines += [
            "y[i] = W[i, 0]·x[0] + W[i, 1]·x[1] + …" + " + b[i]" * self.biased,
            f"W has shape ({self.m:,}, {self.n:,}): {counted(self.n * self.m, 'weight')}",
        ]
        if self.biased:
            lines.append(f"b has shape ({self.m:,},): {counted(self.m, 'bias', 'es')}")
            lines.append(f"together {self.n * self.m + self.m:,} parameters")
        return lines

    def wires(self, canvas: Canvas, from_: dict[int, Point], to: dict[int, Point]) -> None:
        """Thin ones to all outputs, then the heavy ones to the output that is looked at, with their weights."""
        for k in [*(k for k in to if k != self.at), self.at]:
            for x, y in from_.values():
                end = (to[k][0] - self.radius, to[k][1])
                thick, tone = (2.4, INK) if k == self.at else (1.0, WIRE)
                canvas.shape([(x + self.radius, y), end], stroke=tone, thick=thick, closed=False)
        for j, (x, y) in from_.items():
            text = f"W[{self.at:,}, {j:,}]" if self.W is None else number(float(self.W[self.at, j]))
            end = (to[self.at][0] - self.radius, to[self.at][1])
            share = 0.3
            middle = (x + self.radius) * (1 - share) + end[0] * share, y * (1 - share) + end[1] * share
            wide = width(text, NOTE) + 6
            canvas.box(middle[0] - wide / 2, middle[1] - 9, wide, 18, OPERATION, WIRE)
            canvas.text(*middle, text, NOTE)

    def circles(self, canvas: Canvas, at: dict[int, Point], values: Value, name: str, fill: str) -> None:
        gap: list[int] = sorted(at)
        for k, (x, y) in at.items():
            heavy = name == "y" and k == self.at
            canvas.ellipse((x, y), self.radius, RADIUS, fill, thick=3.0 if heavy else 1.4)
            text, size = f"{name}[{k:,}]", NOTE
            if values is not None:
                (text,), size = fitted([float(values[k])], 2 * RADIUS - 8)
            canvas.text(x, y, text, size)
        for a, b in pairwise(gap):
            if b > a + 1:
                canvas.text(at[a][0], (at[a][1] + at[b][1]) / 2, "⋮", 22)


def shown(n: int, at: int = 0) -> list[int]:
    """The numbers of the circles that are drawn: all, or both ends and the one that is looked at; -1 is a gap."""
    if n <= MOST:
        return list(range(n))
    kept = sorted({0, 1, 2, at, n - 2, n - 1})
    found = []
    for a, b in pairwise([*kept, kept[-1] + 1]):
        found += [a] if b <= a + 1 else [a, -1]
    return found


def places(rows: Sequence[int], x: float, high: float) -> dict[int, Point]:
    top = (high - len(rows) * STEP) / 2
    return {k: (x, top + row * STEP) for row, k in enumerate(rows) if k >= 0}
