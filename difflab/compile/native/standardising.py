"""Means, variances and deviations in few passes, as the normalisations of networks need them.

An array is seen as (outer, groups, inner), as it lies in memory: the axes that are summed over lie before and behind
those that stay. What lies otherwise is left to NumPy's kernels. Sums are kept in double precision, side by side in as
many lanes as vector instructions take.
"""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

import numpy as np

from ...graph.node import Node
from ...primitives import rows
from ...primitives.kernels import networks
from ...primitives.kernels.parallel import in_blocks
from ...primitives.kernels.workspace import empty_like
from ...types import Array, Function, Shape, Value
from .convolution import on_flat_arrays

SHORTEST = 64  # elements behind the groups; shorter stretches are left to NumPy
BLOCKS = 2  # that threads may share
VISIT = 10.0  # operations that one element is worth, where it is decided whether threads share the groups


# The loops over flat arrays, as numba compiles them, for the groups lo to hi - 1.
def moments_of(x: Array, mean: Array, var: Array, lo: int, hi: int, outer: int, groups: int, inner: int) -> None:
    """Means and variances."""
    lanes, whole, count = np.zeros(64), inner // 64 * 64, outer * inner
    for g in range(lo, hi):
        middle = 0.0
        for second in range(2):
            lanes[:] = 0.0
            for a in range(outer):
                at = (a * groups + g) * inner
                for j in range(at, at + whole, 64):
                    s = x[j : j + 64]
                    if second:
                        for b in range(64):
                            lanes[b] += (s[b] - middle) * (s[b] - middle)
                    else:
                        for b in range(64):
                            lanes[b] += s[b]
                for j in range(at + whole, at + inner):
                    lanes[0] += (x[j] - middle) * (x[j] - middle) if second else x[j]
            total = 0.0
            for b in range(64):
                total += lanes[b]
            if second:
                var[g] = total / count
            else:
                middle = total / count
                mean[g] = middle


def deviations(x: Array, mean: Array, scale: Array, y: Array, lo: int, hi: int, outer: int, groups: int,
               inner: int) -> None:  # fmt: skip
    """y = (x - mean) scale."""
    for a in range(outer):
        for g in range(lo, hi):
            at, m, s = (a * groups + g) * inner, mean[g], scale[g]
            given, found = x[at : at + inner], y[at : at + inner]
            for j in range(inner):
                found[j] = (given[j] - m) * s


def slope(ct: Array, y: Array, scale: Array, x: Array, lo: int, hi: int, outer: int, groups: int, inner: int) -> None:
    """x = (ct - mean(ct) - y mean(ct y)) scale."""
    one, both = np.zeros(64), np.zeros(64)
    whole, count = inner // 64 * 64, outer * inner
    for g in range(lo, hi):
        one[:] = 0.0
        both[:] = 0.0
        for a in range(outer):
            at = (a * groups + g) * inner
            for j in range(at, at + whole, 64):
                given, known = ct[j : j + 64], y[j : j + 64]
                for b in range(64):
                    one[b] += given[b]
                for b in range(64):
                    both[b] += np.float64(given[b]) * known[b]
            for j in range(at + whole, at + inner):
                one[0] += ct[j]
                both[0] += np.float64(ct[j]) * y[j]
        total, product = 0.0, 0.0
        for b in range(64):
            total += one[b]
            product += both[b]
        middle, along, s = ct.dtype.type(total / count), ct.dtype.type(product / count), scale[g]
        for a in range(outer):
            at = (a * groups + g) * inner
            given, known, found = ct[at : at + inner], y[at : at + inner], x[at : at + inner]
            for j in range(inner):
                found[j] = (given[j] - middle - known[j] * along) * s


# The rows.
class Laid(NamedTuple):
    """How an array lies: its axes from the one farthest apart in memory, and the lengths of the three parts."""

    order: tuple[int, ...]
    outer: int
    groups: int
    inner: int

    def flat(self, x: Array) -> Array | None:
        """The elements as they lie in memory, or None where there are gaps, or another order."""
        moved = x.transpose(self.order)
        return moved.reshape(-1) if moved.flags.c_contiguous and moved.flags.aligned else None


def laid(x: Array, axes: Shape) -> Laid | None:
    """How an array lies that is summed over these axes; None where the groups lie in no order of three parts."""
    order = tuple(sorted(range(x.ndim), key=lambda k: -abs(x.strides[k])))
    summed = [k in axes for k in order]
    if all(summed):
        return Laid(order, 1, 1, x.size)
    first, last = summed.index(False), x.ndim - summed[::-1].index(False)
    kept = order[first:last]
    if any(summed[first:last]) or list(kept) != sorted(kept):
        return None
    parts = (order[:first], kept, order[last:])
    found = Laid(order, *[prod([x.shape[k] for k in part]) for part in parts])
    return found if found.inner >= SHORTEST else None


class Standardising:
    """The three rows for one dtype and one choice of axes."""

    def __init__(self, params: Any, dtype: np.dtype[Any], jit: Any) -> None:
        self.params: Value = params
        self.dtype: Value = dtype
        self.jit: Value = jit

    def compiled(self, loop: Function, arrays: str) -> Function:
        """A loop over flat arrays, read ("r") and written ("w"), shared by threads where that is worth it."""
        code = on_flat_arrays(self.jit, self.dtype, loop, arrays, 5)

        def run(place: Laid, *given: Array) -> None:
            sizes = place[1:]
            in_blocks(lambda _, lo, hi: code(*given, lo, hi, *sizes), place.groups, BLOCKS, VISIT * prod(sizes))

        return run

    def moments(self) -> Function:
        loop = self.compiled(moments_of, "rww")

        def run(x: Array) -> tuple[Value, Value]:
            place = laid(x, self.params["axes"])
            given = None if place is None else place.flat(x)
            if place is None or given is None:
                found: tuple[Value, Value] = networks.moments(x, **self.params)
                return found
            mean, var = (np.empty(grouped(x.shape, self.params["axes"]), self.dtype) for _ in range(2))
            loop(place, given, mean.reshape(-1), var.reshape(-1))
            return mean, var

        return run

    def standardised(self) -> Function:
        loop = self.compiled(deviations, "rrrw")

        def run(x: Array, mean: Array, var: Array) -> Value:
            place = self.agreed(x, mean, var)
            given = None if place is None else place.flat(x)
            if place is None or given is None:
                return networks.standardised(x, mean, var, **self.params)
            y = empty_like(x, x.shape)
            loop(place, given, one_piece(mean), self.scale(var), place.flat(y))
            return y

        return run

    def standardised_slope(self) -> Function:
        loop = self.compiled(slope, "rrrw")

        def run(ct: Array, y: Array, var: Array) -> Value:
            place = self.agreed(y, var)
            known = None if place is None else place.flat(y)
            if place is None or known is None or ct.shape != y.shape:
                return networks.standardised_slope(ct, y, var, **self.params)
            given = place.flat(ct)
            if given is None:
                given = np.ascontiguousarray(ct.transpose(place.order)).reshape(-1)
            x = empty_like(y, y.shape)
            loop(place, given, known, self.scale(var), place.flat(x))
            return x

        return run

    def agreed(self, x: Array, *moments: Array) -> Laid | None:
        """How x lies, where the moments are those of its groups."""
        shape = grouped(x.shape, self.params["axes"])
        return laid(x, self.params["axes"]) if all(np.shape(m) == shape for m in moments) else None

    def scale(self, var: Array) -> Array:
        """1 / sqrt(var + eps), as one piece."""
        found: Array = 1 / np.sqrt(var + np.asarray(self.params["eps"], self.dtype))
        return one_piece(found)


def grouped(shape: Shape, axes: Shape) -> Shape:
    """The shape of what is one number for each group."""
    return tuple([1 if k in axes else n for k, n in enumerate(shape)])


def one_piece(x: Array) -> Array:
    return np.ascontiguousarray(x).reshape(-1)


def native_standardising(node: Node, jit: Any) -> Function | None:
    """The function that computes moments or deviations; None where NumPy's kernel does it."""
    make = ROWS.get(node.primitive)
    if make is None or {x.dtype for x in node.operands} not in ({np.dtype(np.float32)}, {np.dtype(np.float64)}):
        return None
    x = node.operands[0]
    if not x.shape or 0 in x.shape or prod(x.shape) // prod(grouped(x.shape, node.params["axes"])) < SHORTEST:
        return None
    return make(Standardising(node.params, x.dtype, jit))


ROWS = {
    rows.moments: Standardising.moments,
    rows.standardised: Standardising.standardised,
    rows.standardised_slope: Standardising.standardised_slope,
}
