"""ATen's operations that bring elements of one group together: reductions by index, bags, distances, counts."""

from __future__ import annotations

import numpy as np

from ... import numpy as dnp
from ...errors import UnsupportedError
from ...types import Function, Value
from .indexing import along, index_add, scattered
from .reducing import vector_norm

# What a reduction by index does with the elements of a group, and what the empty group has.
OF_GROUPS: dict[str, tuple[Function, float]] = {
    "amax": (dnp.max, -np.inf),
    "amin": (dnp.min, np.inf),
    "prod": (dnp.prod, 1.0),
}


def scatter_reduce(self: Value, dim: int, index: Value, src: Value, reduce: str, include_self: bool = True) -> Value:
    """Each place's elements of src reduced to one, with what stands there or without."""
    src = src[tuple(map(slice, index.shape))]
    ones = np.ones(index.shape, self.dtype)
    counts = scattered(dnp.add_at, np.zeros(self.shape, self.dtype), dim, index, ones)
    if reduce in ("sum", "mean"):
        start = self if include_self else dnp.where(counts > 0, 0.0, self).astype(self.dtype)
        total = scattered(dnp.add_at, start, dim, index, src)
        return total if reduce == "sum" else total / dnp.maximum(counts + include_self, 1).astype(self.dtype)
    return by_pairs(self, dim, index, src, reduce, include_self, counts)


def by_pairs(self: Value, dim: int, index: Value, src: Value, reduce: str, include_self: bool, counts: Value) -> Value:
    """Reductions that do not add: over a table that has, for each place, all elements of its line."""
    function, empty = OF_GROUPS[reduce]
    axis = dim % self.ndim
    lines = tuple(slice(0, n) for k, n in enumerate(index.shape) if k != axis)
    x, at, start, count = (dnp.moveaxis(a, axis, -1) for a in (src, index, self, counts))
    hits = at[..., None, :] == np.arange(self.shape[axis])[:, None]
    table = dnp.where(hits, x[..., None, :], empty)
    inner, held = start[lines], count[lines]
    if include_self:
        table = dnp.concatenate([table, inner[..., None]], axis=-1)
    found = dnp.where((held > 0) | include_self, function(table, axis=-1), inner)
    if found.shape != start.shape:
        found = dnp.set_at(start, lines, found)
    return dnp.moveaxis(found, -1, axis).astype(self.dtype)


def index_reduce(self: Value, dim: int, index: Value, source: Value, reduce: str, include_self: bool = True) -> Value:
    shape = [1] * self.ndim
    shape[dim] = -1
    whole = dnp.broadcast_to(index.reshape(shape), source.shape)
    return scatter_reduce(self, dim, whole, source, reduce, include_self)


def embedding_bag(
    weight: Value, indices: Value, offsets: Value, scale_grad_by_freq: bool = False, mode: int = 0,
    sparse: bool = False, per_sample_weights: Value = None, include_last_offset: bool = False, padding_idx: int = -1,
) -> list[Value]:  # fmt: skip
    """Sums or means of rows, in bags that begin at the offsets."""
    if mode == 2:
        raise UnsupportedError(
            "from_torch: embedding_bag has no row in difflab for mode='max': mode='sum' and 'mean' have"
        )
    bags = offsets.shape[0] - include_last_offset
    bag = dnp.searchsorted(offsets[:bags], np.arange(indices.shape[0]), side="right") - 1
    rows = weight[indices]
    kept = (indices != padding_idx).astype(weight.dtype)
    scale = kept if per_sample_weights is None else kept * per_sample_weights
    found = dnp.add_at(np.zeros((bags, weight.shape[1]), weight.dtype), (bag,), rows * scale[:, None])
    if mode == 1:
        found = found / dnp.maximum(dnp.add_at(np.zeros(bags, weight.dtype), (bag,), kept), 1)[:, None]
    return [found, None, None, None]


def cdist(x1: Value, x2: Value, p: float, compute_mode: Value = None) -> Value:
    return vector_norm(x1[..., :, None, :] - x2[..., None, :, :], p, -1)


def pdist(self: Value, p: float = 2) -> Value:
    first, second = np.triu_indices(self.shape[0], 1)
    return vector_norm(self[first] - self[second], p, -1)


def put(self: Value, index: Value, source: Value, accumulate: bool = False) -> Value:
    write = dnp.add_at if accumulate else dnp.set_at
    return write(self.reshape((-1,)), (index.reshape((-1,)),), source.reshape((-1,))).reshape(self.shape)


def masked_select(self: Value, mask: Value) -> Value:
    """The elements that are chosen at the examples: their number is the graph's."""
    shape = np.broadcast_shapes(self.shape, mask.shape)
    return dnp.broadcast_to(self, shape)[dnp.broadcast_to(mask, shape)]


def max_unpool(n: int) -> Function:
    """The function that puts what max-pooling kept back to its places."""

    def found(self: Value, indices: Value, output_size: Value, *_: Value) -> Value:
        lead = self.shape[:-n]
        flat = np.zeros((*lead, int(np.prod(output_size))), self.dtype)
        at = along(flat, -1, indices.reshape((*lead, -1)))
        return dnp.set_at(flat, at, self.reshape((*lead, -1))).reshape((*lead, *output_size))

    return found


def multilabel_margin_loss(self: Value, target: Value, reduction: int = 1) -> list[Value]:
    """Labels end at the first -1. (torch's own decomposition counts those behind it as labels of class 0.)"""
    x, t = (a.reshape((1, *a.shape)) if a.ndim == 1 else a for a in (self, target))
    c = x.shape[-1]
    first = dnp.min(dnp.where(t < 0, np.arange(c), c), axis=-1, keepdims=True)
    listed = np.arange(c) < first
    labels = dnp.where(listed, t, 0)
    is_label = dnp.any((labels[..., None] == np.arange(c)) & listed[..., None], axis=-2)
    at = dnp.take_along_axis(x, labels, -1)
    pairs = dnp.maximum(1 - at[..., :, None] + x[..., None, :], 0)
    counted = listed[..., :, None] & ~is_label[..., None, :]
    found = dnp.sum(dnp.where(counted, pairs, 0.0), axis=(-1, -2)) / c
    if reduction:
        found = dnp.mean(found) if reduction == 1 else dnp.sum(found)
    elif self.ndim == 1:
        found = found[0]
    return [found, is_label.astype(self.dtype).reshape(self.shape)]


def segment_reduce(
    data: Value, reduce: str, lengths: Value = None, indices: Value = None, offsets: Value = None, axis: int = 0,
    unsafe: bool = False, initial: float | None = None,
) -> Value:  # fmt: skip
    if reduce not in ("sum", "mean") or lengths is None or lengths.ndim != 1 or axis:
        raise UnsupportedError(
            f"from_torch: segment_reduce has a row for sums and means of one axis, not for {reduce!r}"
        )
    ends = dnp.cumsum(lengths)
    which = dnp.searchsorted(ends, np.arange(data.shape[0]), side="right")
    start = np.full((lengths.shape[0], *data.shape[1:]), initial or 0.0, data.dtype)
    total = index_add(start, 0, which, data)
    counts = lengths.reshape((-1, *(1,) * (data.ndim - 1))).astype(data.dtype)
    return total if reduce == "sum" else total / dnp.maximum(counts, 1)


GATHERING: dict[str, Function] = {
    "scatter_reduce": scatter_reduce,
    "index_reduce": index_reduce,
    "_embedding_bag": embedding_bag,
    "_embedding_bag_forward_only": embedding_bag,
    "_cdist_forward": cdist,
    "cdist": lambda x1, x2, p=2, compute_mode=None: cdist(x1, x2, p),
    "_pdist_forward": pdist,
    "pdist": pdist,
    "dist": lambda self, other, p=2: vector_norm(self - other, p),
    "put": put,
    "masked_select": masked_select,
    "max_unpool2d": max_unpool(2),
    "max_unpool3d": max_unpool(3),
    "multilabel_margin_loss_forward": multilabel_margin_loss,
    "multilabel_margin_loss": lambda self, target, reduction=1: multilabel_margin_loss(self, target, reduction)[0],
    "segment_reduce": segment_reduce,
}
