"""ATen's operations that move elements and compute nothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ... import numpy as dnp
from ...nn import functional as F
from ...types import Axis, Function, Value

END = 2**63 - 1


def view(self: Value, size: Sequence[int]) -> Value:
    return self.reshape(tuple(size))


def permute(self: Value, dims: Sequence[int]) -> Value:
    return dnp.transpose(self, tuple(dims)) if len(dims) else self


def transpose(self: Value, dim0: int, dim1: int) -> Value:
    return dnp.swapaxes(self, dim0, dim1) if self.ndim else self


def expand(self: Value, size: Sequence[int], implicit: bool = False) -> Value:
    lead = len(size) - self.ndim
    return dnp.broadcast_to(self, tuple(self.shape[k - lead] if n == -1 else n for k, n in enumerate(size)))


def squeeze(self: Value, dim: Axis = None) -> Value:
    if dim is None:
        return self.reshape(tuple(n for n in self.shape if n != 1))
    dims = {d % max(self.ndim, 1) for d in ((dim,) if isinstance(dim, int) else dim)}
    return self.reshape(tuple(n for k, n in enumerate(self.shape) if n != 1 or k not in dims))


def unsqueeze(self: Value, dim: int) -> Value:
    return dnp.expand_dims(self, dim)


def key(x: Value, dim: int, part: slice | int) -> tuple[slice | int, ...]:
    """The index that takes `part` along one axis."""
    return (*(slice(None),) * (dim % x.ndim), part)


def part(start: int | None, end: int | None, step: int) -> slice:
    return slice(start, None if end is None or end >= END else end, step)


def sliced(self: Value, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1) -> Value:
    return self[key(self, dim, part(start, end, step))]


def select(self: Value, dim: int, index: int) -> Value:
    return self[key(self, dim, index)]


def slice_scatter(
    self: Value, src: Value, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Value:
    return dnp.set_at(self, key(self, dim, part(start, end, step)), src.astype(self.dtype))


def select_scatter(self: Value, src: Value, dim: int, index: int) -> Value:
    return dnp.set_at(self, key(self, dim, index), src.astype(self.dtype))


def diagonal_scatter(self: Value, src: Value, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Value:
    places = np.arange(self.size).reshape(self.shape)
    where = np.unravel_index(np.diagonal(places, offset, dim1, dim2), self.shape)
    return dnp.set_at(self, where, src)


def cat(tensors: Sequence[Value], dim: int = 0) -> Value:
    """Joined; empty vectors among tensors of any shape are let go, as torch does."""
    kept = [x for x in tensors if tuple(x.shape) != (0,)] or list(tensors[:1])
    dtype = np.result_type(*[x.dtype for x in tensors])
    return dnp.concatenate([x if x.dtype == dtype else x.astype(dtype) for x in kept], axis=dim)


def stack(tensors: Sequence[Value], dim: int = 0) -> Value:
    return dnp.stack(list(tensors), axis=dim)


def split_with_sizes(self: Value, split_sizes: Sequence[int], dim: int = 0) -> list[Value]:
    ends = np.cumsum(split_sizes).tolist()
    return [self[key(self, dim, slice(end - n, end))] for n, end in zip(split_sizes, ends)]


def split(self: Value, split_size: int, dim: int = 0) -> list[Value]:
    n = self.shape[dim]
    return [self[key(self, dim, slice(k, min(k + split_size, n)))] for k in range(0, max(n, 1), max(split_size, 1))]


def unbind(self: Value, dim: int = 0) -> list[Value]:
    return [select(self, dim, k) for k in range(self.shape[dim])]


def repeat(self: Value, repeats: Sequence[int]) -> Value:
    return dnp.tile(self, tuple(repeats))


def repeat_interleave(self: Value, repeats: int, dim: int | None = None, output_size: int | None = None) -> Value:
    return dnp.repeat(self, repeats, axis=dim)


def flip(self: Value, dims: Sequence[int]) -> Value:
    return dnp.flip(self, tuple(dims)) if len(dims) else self


def roll(self: Value, shifts: Sequence[int], dims: Sequence[int] = ()) -> Value:
    shifts, dims = ([x] if isinstance(x, int) else list(x) for x in (shifts, dims))
    return dnp.roll(self, tuple(shifts), tuple(dims)) if dims else dnp.roll(self, shifts[0])


def diagonal(self: Value, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Value:
    return dnp.diagonal(self, offset, dim1, dim2)


def diag_embed(self: Value, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Value:
    n = self.shape[-1] + abs(offset)
    ndim = self.ndim + 1
    empty = np.zeros((*self.shape[:-1], n, n), self.dtype)
    k = np.arange(self.shape[-1])
    index = (..., k + max(-offset, 0), k + max(offset, 0))
    return dnp.moveaxis(dnp.set_at(empty, index, self), (-2, -1), (dim1 % ndim, dim2 % ndim))


def unfold(self: Value, dimension: int, size: int, step: int) -> Value:
    """Windows along one axis, their elements along a new last one."""
    if self.ndim == 0:
        return self.reshape((1,))[:size]
    axis = dimension % self.ndim
    first = np.arange(0, self.shape[axis] - size + 1, step)
    found = dnp.take(self, first[:, None] + np.arange(size), axis=axis)
    return dnp.moveaxis(found, axis + 1, -1)


def as_strided(self: Value, size: Sequence[int], stride: Sequence[int], storage_offset: int | None = None) -> Value:
    """The elements at these places of the memory, in which the tensor lies row by row."""
    places = np.asarray(storage_offset or 0)
    for n, s in zip(size, stride):
        places = places[..., None] + np.arange(n) * s
    return self.reshape((-1,))[places]


def as_strided_scatter(
    self: Value, src: Value, size: Sequence[int], stride: Sequence[int], storage_offset: int | None = None
) -> Value:
    places = as_strided(np.arange(self.size), size, stride, storage_offset)
    return dnp.set_at(self.reshape((-1,)), places, src).reshape(self.shape)


def constant_pad_nd(self: Value, pad: Sequence[int], value: float = 0) -> Value:
    return F.pad(self, list(pad), "constant", value)


def padded(mode: str) -> Function:
    """The function that frames with a mode of `nn.functional.pad`."""
    return lambda self, padding: F.pad(self, list(padding), mode)


MOVING: dict[str, Function] = {
    "view": view,
    "_unsafe_view": view,
    "reshape": lambda self, shape: view(self, shape),
    "_reshape_copy": view,
    "permute": permute,
    "transpose": transpose,
    "t": lambda self: transpose(self, 0, 1) if self.ndim == 2 else self,
    "expand": expand,
    "squeeze": squeeze,
    "unsqueeze": unsqueeze,
    "slice": sliced,
    "select": select,
    "slice_scatter": slice_scatter,
    "select_scatter": select_scatter,
    "diagonal_scatter": diagonal_scatter,
    "cat": cat,
    "stack": stack,
    "split_with_sizes": split_with_sizes,
    "split": split,
    "unbind": unbind,
    "repeat": repeat,
    "repeat_interleave.self_int": repeat_interleave,
    "flip": flip,
    "roll": roll,
    "diagonal": diagonal,
    "diag_embed": diag_embed,
    "tril": lambda self, diagonal=0: dnp.tril(self, diagonal),
    "triu": lambda self, diagonal=0: dnp.triu(self, diagonal),
    "unfold": unfold,
    "as_strided": as_strided,
    "as_strided_scatter": as_strided_scatter,
    "narrow": lambda self, dim, start, length: sliced(self, dim, start, start + length),
    "constant_pad_nd": constant_pad_nd,
    **{f"reflection_pad{n}d": padded("reflect") for n in (1, 2, 3)},
    **{f"replication_pad{n}d": padded("replicate") for n in (1, 2, 3)},
    "_pad_circular": lambda self, pad: F.pad(self, list(pad), "circular"),
    "pixel_shuffle": F.pixel_shuffle,
    "pixel_unshuffle": F.pixel_unshuffle,
}

SHAPING: dict[str, Function] = {**MOVING, **{f"{name}_copy": function for name, function in MOVING.items()}}
