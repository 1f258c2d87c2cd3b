"""Batching rules: how an operation runs on operands that have one more axis, the batch, in front.

A rule is called `rule(m, row, lead, *operands, **params)`: `lead[i]` says whether operand i has the batch axis, and the
result has it. A row names its rule in its field `batch`. Elementwise rows (`elements`) and composite rows (their own
program) need none, and a row without any is run once for each element of the batch.
"""

from __future__ import annotations

import string
from math import prod
from typing import Any

import numpy as np

from ..errors import UnsupportedError
from ..types import Shape, Value
from .primitive import Carrier

AXES = ("axis", "axes", "axis1", "axis2", "source", "destination")


def rank(m: Carrier, lead: tuple[bool, ...], xs: Value) -> int:
    """The largest number of axes of an operand, the batch not counted."""
    found: int = max(m.ndim(x) - b for b, x in zip(lead, xs))
    return found


def length(m: Carrier, lead: tuple[bool, ...], xs: Value) -> int:
    """The number of elements in the batch."""
    return next(m.shape(x)[0] for b, x in zip(lead, xs) if b)


def lift(m: Carrier, x: Value, n: int) -> Value:
    """Axes of length one behind the batch axis, so that n axes behind it line up with those of other operands."""
    shape = m.shape(x)
    missing = n + 1 - len(shape)
    return m.reshape(x, shape=(shape[0], *(1,) * missing, *shape[1:])) if missing > 0 else x


def spread(m: Carrier, n: int, lead: bool, x: Value) -> Value:
    """An operand with the batch axis, repeated where it has none."""
    return x if lead else m.broadcast_to(x, shape=(n, *m.shape(x)))


def stacks(m: Carrier, row: Any, lead: tuple[bool, ...], *xs: Value, **params: Any) -> Value:
    """NumPy itself takes the operation over leading axes."""
    return m.of(row)(*xs, **params)


def elements(m: Carrier, row: Any, lead: tuple[bool, ...], *xs: Value, **params: Any) -> Value:
    """Each element by itself: broadcasting lines up from the last axis, so operands of lower rank are lifted."""
    n = rank(m, lead, xs)
    return m.of(row)(*[lift(m, x, n) if b else x for b, x in zip(lead, xs)], **params)


def shifted(value: Value, n: int) -> Value:
    """An axis, or several, of an array with n axes, counted behind the batch axis; None: all of them."""
    if value is None:
        return tuple(range(1, n + 1))
    return tuple(k % n + 1 for k in value) if isinstance(value, tuple) else value % n + 1


def axes(m: Carrier, row: Any, lead: tuple[bool, ...], *xs: Value, **params: Any) -> Value:
    """The operation along axes that the parameters count: they count one further."""
    n = rank(m, lead, xs)
    xs = tuple(lift(m, x, n) if b else x for b, x in zip(lead, xs))
    first = spread(m, length(m, lead, xs), lead[0], xs[0])
    return m.of(row)(first, *xs[1:], **{k: shifted(v, n) if k in AXES else v for k, v in params.items()})


def joined(m: Carrier, row: Any, lead: tuple[bool, ...], *xs: Value, axis: int) -> Value:
    """Arrays joined along an axis: all get the batch axis."""
    n = length(m, lead, xs)
    return m.of(row)(*[spread(m, n, b, x) for b, x in zip(lead, xs)], axis=axis + 1 if axis >= 0 else axis)


def searched(m: Carrier, row: Any, lead: tuple[bool, ...], *xs: Value, axis: Value, keepdims: bool) -> Value:
    """The place of an extreme; over all axes it counts in the raveled array."""
    (x,) = xs
    if axis is not None:
        return m.of(row)(x, axis=axis + 1, keepdims=keepdims)
    n, *inner = m.shape(x)
    flat = m.of(row)(m.reshape(x, shape=(n, prod(inner))), axis=1, keepdims=False)
    return m.reshape(flat, shape=(n, *(1,) * len(inner))) if keepdims else flat


# Shapes.
def reshape(m: Carrier, row: Any, lead: tuple[bool, ...], x: Value, *, shape: Shape, order: str = "C") -> Value:
    n, *inner = m.shape(x)
    if order == "C":
        return m.reshape(x, shape=(n, *shape))
    # Fortran's order counts the first axis fastest: the batch goes behind.
    last = m.moveaxis(x, source=(0,), destination=(len(inner),))
    return m.moveaxis(m.reshape(last, shape=(*shape, n), order=order), source=(len(shape),), destination=(0,))


def ravel(m: Carrier, row: Any, lead: tuple[bool, ...], x: Value, *, order: str = "C") -> Value:
    return reshape(m, row, lead, x, shape=(prod(m.shape(x)[1:]),), order=order)


def as_on_one(m: Carrier, row: Any, lead: tuple[bool, ...], x: Value, **params: Any) -> Value:
    """Axes of length one put in or taken out: what the row makes of the shape of one element."""
    one = row.evaluate(np.broadcast_to(np.zeros(()), m.shape(x)[1:]), **params)
    return m.reshape(x, shape=(m.shape(x)[0], *one.shape))


def transpose(m: Carrier, row: Any, lead: tuple[bool, ...], x: Value, *, axes: Value) -> Value:
    order = range(m.ndim(x) - 1, 0, -1) if axes is None else [k % (m.ndim(x) - 1) + 1 for k in axes]
    return m.transpose(x, axes=(0, *order))


def roll(m: Carrier, row: Any, lead: tuple[bool, ...], x: Value, *, shift: Value, axis: Value) -> Value:
    if axis is not None:
        return m.roll(x, shift=shift, axis=shifted(axis, m.ndim(x) - 1))
    n, *inner = m.shape(x)
    shift = sum(shift) if isinstance(shift, tuple) else shift
    return m.reshape(m.roll(m.reshape(x, shape=(n, prod(inner))), shift=(shift,), axis=(1,)), shape=(n, *inner))


def sum_to(m: Carrier, row: Any, lead: tuple[bool, ...], x: Value, *, shape: Shape) -> Value:
    n, *inner = m.shape(x)
    wide = (n, *(1,) * (len(inner) - len(shape)), *shape)
    return m.reshape(m.sum_to(x, shape=wide), shape=(n, *shape))


def broadcast_to(m: Carrier, row: Any, lead: tuple[bool, ...], x: Value, *, shape: Shape) -> Value:
    return m.broadcast_to(lift(m, x, len(shape)), shape=(m.shape(x)[0], *shape))


# Products.
def matmul(m: Carrier, row: Any, lead: tuple[bool, ...], a: Value, b: Value) -> Value:
    """a @ b as few, large products: an operand without the batch is not repeated."""
    na, nb = m.ndim(a) - lead[0], m.ndim(b) - lead[1]
    if na == 1 and nb == 1:
        if lead == (True, True):
            return m.einsum(a, b, subscripts="ij,ij->i")
        return m.matmul(a, b) if lead[0] else m.matmul(b, a)
    if nb == 1 and lead[1]:
        if not lead[0] and na == 2:
            return m.matmul(b, m.transpose(a, axes=(1, 0)))
        n, k = m.shape(b)
        y = matmul(m, row, lead, a, m.reshape(b, shape=(n, k, 1)))
        return m.reshape(y, shape=m.shape(y)[:-1])
    if na == 1 and lead[0]:
        if not lead[1] and nb == 2:
            return m.matmul(a, b)
        n, k = m.shape(a)
        y = matmul(m, row, lead, m.reshape(a, shape=(n, 1, k)), b)
        return m.reshape(y, shape=(*m.shape(y)[:-2], m.shape(y)[-1]))
    if lead == (True, False) and na >= 2 and nb == 2:
        shape = m.shape(a)
        rows = m.reshape(a, shape=(prod(shape[:-1]), shape[-1]))
        return m.reshape(m.matmul(rows, b), shape=(*shape[:-1], m.shape(b)[-1]))
    n = max(na, nb)
    return m.matmul(*[lift(m, x, n) if has else x for has, x in zip(lead, (a, b))])


def einsum(m: Carrier, row: Any, lead: tuple[bool, ...], *xs: Value, subscripts: str) -> Value:
    """One more label, of the operands with the batch axis and of the output."""
    label = next(c for c in string.ascii_letters if c not in subscripts)
    terms, output = subscripts.split("->")
    terms = ",".join(label + t if b else t for b, t in zip(lead, terms.split(",")))
    return m.einsum(*xs, subscripts=f"{terms}->{label}{output}")


def solve(m: Carrier, row: Any, lead: tuple[bool, ...], a: Value, b: Value) -> Value:
    """The solution for a batch of matrices; right-hand sides of one matrix become its columns."""
    na, nb = m.ndim(a) - lead[0], m.ndim(b) - lead[1]
    if not lead[0] and na == 2 and nb <= 2:
        n, k, *columns = m.shape(b)
        wide = m.reshape(m.moveaxis(b, source=(0,), destination=(nb,)), shape=(k, prod(columns) * n))
        y = m.reshape(m.solve(a, wide), shape=(k, *columns, n))
        return m.moveaxis(y, source=(nb,), destination=(0,))
    if nb == 1:
        if not lead[1]:
            return m.solve(a, b)
        y = solve(m, row, lead, a, m.reshape(b, shape=(*m.shape(b), 1)))
        return m.reshape(y, shape=m.shape(y)[:-1])
    n = max(na, nb)
    return m.solve(*[lift(m, x, n) if has else x for has, x in zip(lead, (a, b))])


def convolve(m: Carrier, row: Any, lead: tuple[bool, ...], a: Value, b: Value, *, mode: str) -> Value:
    """Windows of the longer sequence, in a frame of zeros, times the shorter one reversed."""
    size, k = m.shape(a)[-1], m.shape(b)[-1]
    if size < k:
        return convolve(m, row, lead[::-1], b, a, mode=mode)
    start, count = {"full": (0, size + k - 1), "same": ((k - 1) // 2, size), "valid": (k - 1, size - k + 1)}[mode]
    frame = (*m.shape(a)[:-1], size + 2 * (k - 1))
    framed = m.scatter(a, index=(Ellipsis, slice(k - 1, k - 1 + size)), shape=frame)
    windows = m.getitem(framed, index=(Ellipsis, start + np.arange(count)[:, None] + np.arange(k)))
    turned = m.flip(b, axis=(m.ndim(b) - 1,))
    if not lead[1]:
        return m.matmul(windows, turned)
    if not lead[0]:
        return m.matmul(turned, m.transpose(windows, axes=(1, 0)))
    return m.einsum(windows, turned, subscripts="nij,nj->ni")


def take_along_axis(m: Carrier, row: Any, lead: tuple[bool, ...], *xs: Value, axis: int) -> Value:
    """Axes of length one broadcast in both operands."""
    x, places = (x if b else m.reshape(x, shape=(1, *m.shape(x))) for b, x in zip(lead, xs))
    return m.take_along_axis(x, places, axis=axis + 1)


def along_all(m: Carrier, row: Any, lead: tuple[bool, ...], *xs: Value, **params: Any) -> Value:
    """The operation along axes that the parameters count, of operands that all get the batch axis."""
    n = length(m, lead, xs)
    xs = tuple(spread(m, n, b, x) for b, x in zip(lead, xs))
    return m.of(row)(*xs, **{k: shifted(v, m.ndim(xs[0]) - 1) if k in AXES else v for k, v in params.items()})


def looked_up(position: int) -> Value:
    """The rule of a row that treats each element of one operand by itself and reads the other as a whole."""

    def rule(m: Carrier, row: Any, lead: tuple[bool, ...], *xs: Value, **params: Any) -> Value:
        if not lead[1 - position]:
            return m.of(row)(*xs, **params)
        raise UnsupportedError(f"{row.name}: the operand that is read as a whole differs in the batch")

    return rule
