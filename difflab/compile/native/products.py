"""Contractions of small arrays as loops: sums, matrix products, einsum, and the extremes along axes."""

from __future__ import annotations

import math
import string
from typing import NamedTuple

import numpy as np

from ...graph.node import Node
from ...primitives import rows
from ...primitives.text import call
from .forms import DTYPES
from .places import Nest, Strided

EXTREMES = {rows.max: ">", rows.min: "<"}
LANES = 4  # partial sums, so that additions need not wait for each other
SHORTEST = 4  # elements of the last axis from which a row at a time pays
LONG = 64  # terms of a sum along neighbours that `functions` adds up
TOTALS = ("_total", "_dot")
UNROLLED = 16  # terms of a sum that are written one by one


class Contraction(NamedTuple):
    """out[kept] = sum over the other labels of the product of the operands (or the extreme of the one operand)."""

    terms: tuple[str, ...]
    kept: str
    summed: str
    sizes: tuple[int, ...]  # of kept and summed
    sign: str = ""  # of the comparison, for an extreme
    divisor: int = 1

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the result, without axes of length 1 that a reduction keeps."""
        return self.sizes[: len(self.kept)]

    def lines(self, memory: list[str], arrays: list[Strided], indent: str, dtype: str) -> list[str]:
        """The loops; the last of `memory` and `arrays` is the result."""
        labels = self.kept + self.summed
        every = [self.spread(term, a, labels) for term, a in zip((*self.terms, self.kept), arrays)]
        if self.summed and not self.sign and self.kept and self.by_rows(every):
            return self.rows(memory, every, indent, dtype)
        p = len(self.kept)
        outer = Nest(self.sizes[:p], [Strided(a.start, a.steps[:p]) for a in every])
        inner = Nest(self.sizes[p:], [Strided(0, a.steps[p:]) for a in every], "_j")
        lines, indent = outer.heads(indent)
        text = " * ".join(f"{w}[{outer.place(k)}{inner.terms[k]}]" for k, w in enumerate(memory[:-1]))
        out = f"{memory[-1]}[{outer.place(len(memory) - 1)}]"
        if self.sign:
            heads, deep = inner.heads(indent)
            first = f"np.{dtype}({'-' if self.sign == '>' else ''}np.inf)"
            body = [f"{deep}_x = {text}", f"{deep}_m = {self.farther}"]
            return [*lines, f"{indent}_m = {first}", *heads, *body, f"{indent}{out} = _m"]
        if 0 < len(memory) - 1 <= len(TOTALS) and self.long_and_even(inner, len(memory) - 1):
            given = [part for k, w in enumerate(memory[:-1]) for part in (w, outer.place(k))]
            scale = f" / np.{dtype}({self.divisor})" if self.divisor != 1 else ""
            found = call(TOTALS[len(memory) - 2], *given, str(inner.axes[0][0]))
            return [*lines, f"{indent}{out} = {found}{scale}"]
        total, body = self.sums(inner, text, indent, dtype)
        return [*lines, *body, f"{indent}{out} = {total}"]

    def long_and_even(self, inner: Nest, terms: int) -> bool:
        """Whether the sum goes along neighbours, over so many that it is worth a loop in vector instructions."""
        return len(inner.axes) == 1 and inner.axes[0][0] >= LONG and inner.axes[0][1][:terms] == [1] * terms

    def sums(self, inner: Nest, text: str, indent: str, dtype: str) -> tuple[str, list[str]]:
        """The sum over the inner axes, in several lanes where there is one long axis."""
        zero = f"np.{dtype}(0.0)"
        scale = f" / np.{dtype}({self.divisor})" if self.divisor != 1 else ""
        if not inner.axes:
            return text + scale, []
        if len(inner.axes) == 1 and (n := inner.axes[0][0]) >= 2 * LANES:
            whole = n - n % LANES
            lanes = [f"_s{k}" for k in range(LANES)]
            body = [f"{indent}{s} = {zero}" for s in lanes]
            body.append(f"{indent}for _k in range({whole // LANES}):")
            for k, s in enumerate(lanes):
                body += [f"{indent}    _j0 = {LANES} * _k + {k}", f"{indent}    {s} += {text}"]
            for k in range(whole, n):
                body += [f"{indent}_j0 = {k}", f"{indent}_s0 += {text}"]
            return "((_s0 + _s1) + (_s2 + _s3))" + scale, body
        heads, deep = inner.heads(indent)
        return "_s" + scale, [f"{indent}_s = {zero}", *heads, f"{deep}_s += {text}"]

    def lanes(self, memory: list[str], arrays: list[Strided], indent: str, dtype: str) -> list[str]:
        """The loops with the first kept axis, which is contiguous or constant in all arrays, innermost.

        The last of `memory` and `arrays` is the result. Short sums are one expression.
        """
        p = len(self.kept)
        every = [self.spread(term, a, self.kept + self.summed) for term, a in zip((*self.terms, self.kept), arrays)]
        outer = Nest(turned(self.sizes, p), [Strided(a.start, turned(a.steps, p)) for a in every])
        out = f"{memory[-1]}[{outer.place(len(memory) - 1)}]"
        fill, deep = outer.heads(indent)
        if math.prod(self.sizes[p:]) <= UNROLLED:
            return [*fill, *[deep + line for line in self.unrolled(memory, every, outer, out, dtype)]]
        first = f"{'-' if self.sign == '>' else ''}np.inf" if self.sign else "0.0"
        lines = [*fill, f"{deep}{out} = np.{dtype}({first})"]
        nest = Nest(
            turned(self.sizes, p, self.sizes[p:]),
            [Strided(a.start, turned(a.steps, p, a.steps[p:])) for a in every],
        )
        heads, inner = nest.heads(indent)
        text = " * ".join(f"{w}[{nest.place(k)}]" for k, w in enumerate(memory[:-1]))
        target = f"{memory[-1]}[{nest.place(len(memory) - 1)}]"
        if self.sign:
            body = [f"_x, _m = {text}, {target}", f"{target} = {self.farther}"]
        else:
            body = [f"{target} += {text}"]
        lines += [*heads, *[inner + line for line in body]]
        if self.divisor != 1:
            lines += [*fill, f"{deep}{out} /= np.{dtype}({self.divisor})"]
        return lines

    def unrolled(self, memory: list[str], arrays: list[Strided], outer: Nest, out: str, dtype: str) -> list[str]:
        """The lines for one element of the result, all terms one by one, added in pairs."""
        p = len(self.kept)
        terms = []
        for index in np.ndindex(*self.sizes[p:]):
            starts = [a.start + sum(s * i for s, i in zip(a.steps[p:], index)) for a in arrays]
            terms.append(" * ".join(f"{w}[{starts[k]}{outer.terms[k]}]" for k, w in enumerate(memory[:-1])))
        if self.sign:
            lines = [f"_m = {terms[0]}"]
            for x in terms[1:]:
                lines += [f"_x = {x}", f"_m = {self.farther}"]
            return [*lines, f"{out} = _m"]
        while len(terms) > 1:
            pairs = [f"({' + '.join(terms[k : k + 2])})" for k in range(0, len(terms), 2)]
            terms = pairs
        scale = f" / np.{dtype}({self.divisor})" if self.divisor != 1 else ""
        return [f"{out} = {terms[0] if terms else f'np.{dtype}(0.0)'}{scale}"]

    @property
    def farther(self) -> str:
        """The extreme of _x and _m; what is not a number stays."""
        return f"_x if (_x {self.sign} _m) | (_x != _x) else _m"

    def by_rows(self, arrays: list[Strided]) -> bool:
        """Whether the last kept axis is contiguous or constant in all arrays: then it is the innermost loop."""
        last = len(self.kept) - 1
        return self.sizes[last] >= SHORTEST and all(a.steps[last] in (0, 1) for a in arrays)

    def rows(self, memory: list[str], arrays: list[Strided], indent: str, dtype: str) -> list[str]:
        """Row by row into zeros: out[..., :] += the product."""
        p = len(self.kept)
        turned = [Strided(a.start, (*a.steps[: p - 1], *a.steps[p:], a.steps[p - 1])) for a in arrays]
        sizes = (*self.sizes[: p - 1], *self.sizes[p:], self.sizes[p - 1])
        fill = Nest(self.sizes[:p], [Strided(arrays[-1].start, arrays[-1].steps[:p])])
        heads, deep = fill.heads(indent)
        lines = [*heads, f"{deep}{memory[-1]}[{fill.place(0)}] = np.{dtype}(0.0)"]
        nest = Nest(sizes, turned)
        heads, deep = nest.heads(indent)
        text = " * ".join(f"{w}[{nest.place(k)}]" for k, w in enumerate(memory[:-1]))
        lines += [*heads, f"{deep}{memory[-1]}[{nest.place(len(memory) - 1)}] += {text}"]
        if self.divisor != 1:
            heads, deep = fill.heads(indent)
            lines += [*heads, f"{deep}{memory[-1]}[{fill.place(0)}] /= np.{dtype}({self.divisor})"]
        return lines

    def spread(self, term: str, array: Strided, labels: str) -> Strided:
        """The steps of an array along all labels; a label that it has twice is a diagonal."""
        steps = dict.fromkeys(labels, 0)
        for label, step in zip(term, array.steps):
            steps[label] += step
        return Strided(array.start, tuple(steps.values()))


def turned(along: tuple[int, ...], p: int, summed: tuple[int, ...] = ()) -> tuple[int, ...]:
    """Of p kept axes the first behind all others."""
    return *along[1:p], *summed, along[0]


def contraction(node: Node) -> Contraction | None:
    """The node as a contraction, or None."""
    row = node.primitive
    if node.dtype not in DTYPES or any(x.dtype != node.dtype for x in node.operands):
        return None
    shapes = [x.shape for x in node.operands]
    if row in (rows.sum, rows.mean, *EXTREMES) and set(node.params) == {"axis", "keepdims"}:
        axis = node.params["axis"]
        axes = range(len(shapes[0])) if axis is None else [k % len(shapes[0]) for k in axis]
        return reduction(node, set(axes))
    if row is rows.sum_to:
        lead = len(shapes[0]) - len(node.shape)
        wide = {lead + k for k, n in enumerate(node.shape) if n == 1 and shapes[0][lead + k] != 1}
        return reduction(node, {*range(lead), *wide})
    text = row.labels and row.labels(tuple(map(len, shapes)), **node.params)
    if text is None:
        return None
    left, kept = text.split("->")
    terms = left.split(",")
    sizes: dict[str, int] = {}
    for term, shape in zip(terms, shapes):
        for label, n in zip(term, shape):
            if sizes.setdefault(label, n) != n:
                return None
    summed = "".join(c for c in sizes if c not in kept)
    return Contraction(tuple(terms), kept, summed, tuple(sizes[c] for c in kept + summed))


def reduction(node: Node, axes: set[int]) -> Contraction | None:
    """A sum, mean or extreme over axes; those of length 1 may stay."""
    shape = node.operands[0].shape
    labels = string.ascii_letters[: len(shape)]
    kept = "".join(c for k, c in enumerate(labels) if k not in axes)
    summed = "".join(c for k, c in enumerate(labels) if k in axes)
    sizes = tuple(shape[labels.index(c)] for c in kept + summed)
    row = node.primitive
    reduced = math.prod(sizes[len(kept) :])
    if reduced == 0 and row not in (rows.sum, rows.sum_to):
        return None
    sign = EXTREMES.get(row, "")
    return Contraction((labels,), kept, summed, sizes, sign, reduced if row is rows.mean else 1)
