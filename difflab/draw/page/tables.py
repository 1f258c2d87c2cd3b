"""Linear rows as tables: which entries of the operands go into which entry of the result, and with what weight.

The rows themselves are asked, on arrays of places or on one entry after the other, so that there is no second statement
of what they do. What is regular is written short: an offset and strides.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from math import prod

import numpy as np

from ...errors import UnsupportedError
from ...primitives import Linear
from ...types import Params, Shape, Tree, Value

MOST_TERMS, MOST_RUNS = 12_000, 30_000  # terms of one table; runs of a row that find them


def table(row: Linear, xs: list[Value], params: Params, places: list[int]) -> dict[str, Tree]:
    """A row that is linear in the operands at `places` together, as data for the script.

    `g` says for each entry of the result where in the operands, one behind the other, it is from (-1: it is 0); `d` for
    each entry of the operands where it goes, times `w`; `e` are triples (entry of the result, entry, weight).
    """
    sizes = [int(np.size(xs[k])) for k in places]
    if "moves" in row.facts and len(places) == 1:
        (k,) = places
        y = np.asarray(row.evaluate(*with_operand(xs, k, np.arange(1.0, sizes[0] + 1)), **params))
        return {"g": written(np.rint(y).astype(int).ravel() - 1, np.shape(y))}
    entries = [(j, i, w) for i, column in enumerate(columns(row, xs, params, places)) for j, w in column]
    if len(entries) > MOST_TERMS:
        raise UnsupportedError(f"{row.name} adds {len(entries)} terms here, more than a page computes")
    weights = {w for _, _, w in entries}
    size = int(np.size(row.evaluate(*xs, **params)))
    if len(weights) <= 1:
        w = weights.pop() if weights else 1.0
        if len({j for j, _, _ in entries}) == len(entries) and w == 1:
            found = np.full(size, -1)
            for j, i, _ in entries:
                found[j] = i
            return {"g": written(found, np.shape(row.evaluate(*xs, **params)))}
        if len({i for _, i, _ in entries}) == len(entries) == sum(sizes):
            shape = np.shape(xs[places[0]]) if len(places) == 1 else (sum(sizes),)
            goes = np.array([j for j, _, _ in sorted(entries, key=lambda e: e[1])], dtype=int)
            return {"d": written(goes, shape), "w": w}
    return {"e": list(itertools.chain.from_iterable(entries))}


def columns(row: Linear, xs: list[Value], params: Params, places: list[int]) -> Iterator[list[tuple[int, float]]]:
    """For each entry of the operands the entries of the result that it goes into, with its weight there."""
    zeros = [np.zeros(np.shape(x)) if k in places else x for k, x in enumerate(xs)]
    for k in places:
        for i in range(int(np.size(xs[k]))):
            one = np.zeros(np.size(xs[k]))
            one[i] = 1.0
            y = np.asarray(row.evaluate(*with_operand(zeros, k, one), **params), dtype=float).ravel()
            yield [(int(j), float(y[j])) for j in np.flatnonzero(y)]


def with_operand(xs: list[Value], k: int, flat: Value) -> list[Value]:
    """The operands with another k-th one, of the same shape."""
    return [flat.reshape(np.shape(x))[()] if j == k else x for j, x in enumerate(xs)]


def written(places: Value, shape: Shape) -> Tree:
    """Places of the entries of an array: offset, lengths and strides where they are regular, else all of them."""
    grid = np.asarray(places).reshape(shape)
    if grid.size == 0:
        return []
    strides = [int(np.take(grid, 1, k).flat[0] - grid.flat[0]) if n > 1 else 0 for k, n in enumerate(shape)]
    offset = int(grid.flat[0])
    regular = offset + sum(
        (np.arange(n) * s).reshape((n,) + (1,) * (len(shape) - k - 1)) for k, (n, s) in enumerate(zip(shape, strides))
    )
    if np.array_equal(np.broadcast_to(regular, shape), grid):
        return {"o": offset, "n": list(shape), "s": strides}
    return [int(p) for p in grid.ravel()]


def einsum(labels: str, shapes: list[Shape]) -> dict[str, Tree]:
    """A product in einsum's notation: the lengths of all labels, and the strides of both operands and the result."""
    terms, output = labels.split("->")
    names = [*terms.split(","), output]
    lengths: dict[str, int] = {}
    for name, shape in zip(names, shapes):
        for label, n in zip(name, shape, strict=True):
            lengths[label] = max(n, lengths.get(label, 1))
    if prod(lengths.values()) > MOST_TERMS:
        raise UnsupportedError(f"a product has {prod(lengths.values())} terms here, more than a page computes")
    shapes = [*shapes, tuple(lengths[c] for c in output)]

    def strides(name: str, shape: Shape) -> list[int]:
        found = dict.fromkeys(lengths, 0)
        for k, label in enumerate(name):
            if shape[k] > 1:
                found[label] += prod(shape[k + 1 :])
        return list(found.values())

    return {"n": list(lengths.values()), "l": [strides(*pair) for pair in zip(names, shapes)]}


def triples(row: Linear, xs: list[Value], params: Params, pair: tuple[int, int]) -> list[Tree]:
    """A row that is linear in each of two operands: flat quadruples (result, first, second, weight)."""
    a, b = pair
    found: list[Tree] = []
    if np.size(xs[a]) * np.size(xs[b]) > MOST_RUNS:
        raise UnsupportedError(f"{row.name} of arrays of {np.size(xs[a])} and {np.size(xs[b])} entries is too large")
    few, many = (a, b) if np.size(xs[a]) <= np.size(xs[b]) else (b, a)
    for i in range(int(np.size(xs[few]))):
        one = np.zeros(np.size(xs[few]))
        one[i] = 1.0
        for j, column in enumerate(columns(row, with_operand(xs, few, one), params, [many])):
            for k, w in column:
                found += [k, i, j, w] if few == a else [k, j, i, w]
        if len(found) > 4 * MOST_TERMS:
            raise UnsupportedError(f"{row.name} adds more terms here than a page computes")
    return found
