"""Batching rules of convolution and pooling."""

from __future__ import annotations

from typing import Any

from ..types import Value
from .batches import length, spread
from .primitive import Carrier


def conv(m: Carrier, row: Any, lead: tuple[bool, ...], x: Value, w: Value, *, groups: int, **params: Any) -> Value:
    """Inputs that differ are a larger batch, filters that differ more filters; where both do, groups keep them apart.

    It holds for the transpose in the input too: what stands first there has the filters' outputs as its channels.
    """
    n = length(m, lead, (x, w))
    if not lead[1]:
        each, *rest = m.shape(x)[1:]
        y = m.of(row)(m.reshape(x, shape=(n * each, *rest)), w, groups=groups, **params)
        return m.reshape(y, shape=(n, each, *m.shape(y)[1:]))
    alone = row.name == "conv" and groups == 1 and not lead[0]
    w = joined(m, w, 0)
    x = x if alone else joined(m, spread(m, n, lead[0], x), 1)
    y = m.of(row)(x, w, groups=groups if alone else n * groups, **params)
    return parted(m, y, n, 1)


def conv_weight_transpose(
    m: Carrier, row: Any, lead: tuple[bool, ...], x: Value, y: Value, *, groups: int, **params: Any
) -> Value:
    n = length(m, lead, (x, y))
    alone = groups == 1 and not lead[0]
    x = x if alone else joined(m, spread(m, n, lead[0], x), 1)
    y = joined(m, spread(m, n, lead[1], y), 1)
    return parted(m, m.of(row)(x, y, groups=groups if alone else n * groups, **params), n, 0)


def joined(m: Carrier, x: Value, axis: int) -> Value:
    """The batch axis in front of the axis that is `axis` in one element, and the two as one."""
    if axis:
        x = m.moveaxis(x, source=(0,), destination=(axis,))
    shape = m.shape(x)
    return m.reshape(x, shape=(*shape[:axis], shape[axis] * shape[axis + 1], *shape[axis + 2 :]))


def parted(m: Carrier, y: Value, n: int, axis: int) -> Value:
    """An axis taken apart again, with the batch in front."""
    shape = m.shape(y)
    y = m.reshape(y, shape=(*shape[:axis], n, shape[axis] // n, *shape[axis + 1 :]))
    return m.moveaxis(y, source=(axis,), destination=(0,)) if axis else y


def windows(m: Carrier, row: Any, lead: tuple[bool, ...], *xs: Value, **params: Any) -> Value:
    """Windows over the last axes: the batch is one more axis in front."""
    n = length(m, lead, xs)
    return m.of(row)(*[spread(m, n, b, x) for b, x in zip(lead, xs)], **params)
