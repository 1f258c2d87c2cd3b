"""ATen's operations that read and write at places that tensors say."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ... import numpy as dnp
from ...nn import functional as F
from ...types import Function, Value


def index(self: Value, indices: Sequence[Value]) -> Value:
    """Fancy indexing; None is all of an axis."""
    return self[places(indices)]


def places(indices: Sequence[Value]) -> tuple[Value, ...]:
    return tuple(slice(None) if k is None else k for k in indices)


def index_put(self: Value, indices: Sequence[Value], values: Value, accumulate: bool = False) -> Value:
    write = dnp.add_at if accumulate else dnp.set_at
    return write(self, places(indices), values.astype(self.dtype))


def index_select(self: Value, dim: int, index: Value) -> Value:
    if self.ndim == 0:
        return self
    return dnp.take(self, index, axis=dim)


def gather(self: Value, dim: int, index: Value, sparse_grad: bool = False) -> Value:
    """The elements at places along one axis; the index may be shorter along the others."""
    if self.ndim == 0 or index.ndim == 0:
        return dnp.broadcast_to(self.reshape((-1,))[0], index.shape)
    return self[along(self, dim, index)]


def along(self: Value, dim: int, index: Value) -> tuple[Value, ...]:
    """The places that an index along one axis means, for each axis."""
    grid = list(np.ogrid[tuple(map(slice, index.shape))])
    grid[dim % self.ndim] = index
    return tuple(grid)


def scatter(self: Value, dim: int, index: Value, src: Value, reduce: str | None = None) -> Value:
    return scattered(dnp.set_at if reduce is None else {"add": dnp.add_at}[reduce], self, dim, index, src)


def scattered(write: Function, self: Value, dim: int, index: Value, src: Value) -> Value:
    """What `write` makes of the tensor at the places of an index."""
    if self.ndim == 0 or index.ndim == 0:
        return scattered(write, self.reshape((-1,)), 0, index.reshape((-1,)), np.ravel(src)).reshape(self.shape)
    if getattr(src, "ndim", 0):
        src = src[tuple(map(slice, index.shape))]
    src = src.astype(self.dtype) if hasattr(src, "astype") else src
    return write(self, along(self, dim, index), src)


def scatter_add(self: Value, dim: int, index: Value, src: Value) -> Value:
    return scattered(dnp.add_at, self, dim, index, src)


def index_add(self: Value, dim: int, index: Value, source: Value, alpha: float = 1) -> Value:
    key = (*(slice(None),) * (dim % max(self.ndim, 1)), index.reshape((-1,)))
    return dnp.add_at(self, key, source if alpha == 1 else alpha * source)


def index_copy(self: Value, dim: int, index: Value, source: Value) -> Value:
    return dnp.set_at(self, (*(slice(None),) * (dim % self.ndim), index), source)


def index_fill(self: Value, dim: int, index: Value, value: Value) -> Value:
    return dnp.set_at(self, (*(slice(None),) * (dim % self.ndim), index), value)


def masked_scatter(self: Value, mask: Value, source: Value) -> Value:
    mask = dnp.broadcast_to(mask, self.shape)
    which = dnp.cumsum(mask.reshape((-1,)).astype(np.int64)) - 1
    taken = source.reshape((-1,))[dnp.clip(which, 0, source.size - 1)]
    return dnp.where(mask, taken.reshape(self.shape), self)


def embedding(
    weight: Value, indices: Value, padding_idx: int = -1, scale_grad_by_freq: bool = False, sparse: bool = False
) -> Value:
    return F.embedding(indices, weight, None if padding_idx < 0 else padding_idx, scale_grad_by_freq=scale_grad_by_freq)


def take(self: Value, index: Value) -> Value:
    return self.reshape((-1,))[index]


def searchsorted(
    sequence: Value, values: Value, out_int32: bool = False, right: bool = False, side: str | None = None, **_: Value
) -> Value:
    return dnp.searchsorted(sequence, values, side=side or ("right" if right else "left"))


def bucketize(self: Value, boundaries: Value, out_int32: bool = False, right: bool = False) -> Value:
    return dnp.searchsorted(boundaries, self, side="right" if right else "left")


INDEXING: dict[str, Function] = {
    "index": index,
    "_unsafe_index": index,
    "index_put": index_put,
    "_unsafe_index_put": index_put,
    "index_select": index_select,
    "gather": gather,
    "scatter.src": scatter,
    "scatter.value": scatter,
    "scatter_add": scatter_add,
    "index_add": index_add,
    "index_copy": index_copy,
    "index_fill": index_fill,
    "masked_scatter": masked_scatter,
    "embedding": embedding,
    "take": take,
    "bucketize": bucketize,
}
