"""Rows on PyTorch's tensors, where PyTorch has no function of that name, or one that takes its arguments otherwise.

A row's function here has its name; the operands are tensors of the dtypes that NumPy computes in.
"""

from __future__ import annotations

import math

import numpy as np

from ...errors import UnsupportedError
from ...late import Late
from ...primitives.kernels.structure import Slot
from ...types import Axis, DType, Key, Shape, Value

torch: Value = Late("torch")


def dtype_of(dtype: Value) -> Value:
    """PyTorch's dtype of NumPy's."""
    name = np.dtype(dtype).name
    found = getattr(torch, "bool" if name == "bool" else name, None)
    if found is None:
        raise UnsupportedError(f"PyTorch has no numbers of dtype {name}")
    return found


def numpy_dtype(x: Value) -> DType:
    """NumPy's dtype of a tensor."""
    return np.dtype(str(x.dtype).removeprefix("torch.").replace("complex32", "complex64"))


def axes_of(x: Value, axis: Axis) -> tuple[int, ...]:
    """The axes that are meant, as a tuple."""
    if axis is None:
        return tuple(range(x.ndim))
    return (axis,) if isinstance(axis, int | np.integer) else tuple(axis)


# Structure.
def copy(x: Value) -> Value:
    return x.clone()


def astype(x: Value, *, dtype: Value) -> Value:
    wanted = dtype_of(dtype)
    return (x.real if x.is_complex() and not wanted.is_complex else x).to(wanted)


def stop_gradient(x: Value) -> Value:
    return x.detach()


def reshape(x: Value, *, shape: Shape, order: str = "C") -> Value:
    shape = tuple(shape)
    if order == "F":
        back = tuple(reversed(range(len(shape))))
        return x.permute(tuple(reversed(range(x.ndim)))).reshape(tuple(reversed(shape))).permute(back)
    return torch.reshape(x, shape)


def ravel(x: Value, *, order: str = "C") -> Value:
    return reshape(x, shape=(x.numel(),), order=order)


def transpose(x: Value, *, axes: Shape = ()) -> Value:
    return x.permute(tuple(axes) if axes or not x.ndim else tuple(reversed(range(x.ndim))))


def rollaxis(x: Value, *, axes: Shape) -> Value:
    return x.permute(tuple(axes))


def expand_dims(x: Value, *, axis: Shape) -> Value:
    total = x.ndim + len(axis)
    for k in sorted(a % total for a in axis):
        x = x.unsqueeze(k)
    return x


def squeeze(x: Value, *, axis: Axis) -> Value:
    gone = [k for k, n in enumerate(x.shape) if n == 1] if axis is None else [a % x.ndim for a in axes_of(x, axis)]
    return x.reshape([n for k, n in enumerate(x.shape) if k not in gone])


def broadcast_to(x: Value, *, shape: Shape) -> Value:
    return torch.broadcast_to(x, tuple(shape))


def sum_to(x: Value, *, shape: Shape) -> Value:
    lead = x.ndim - len(shape)
    along = tuple(range(lead)) + tuple(lead + i for i, n in enumerate(shape) if n == 1 and x.shape[lead + i] != 1)
    return (x.sum(along) if along else x).reshape(tuple(shape))


def concatenate(*arrays: Value, axis: int) -> Value:
    return torch.cat(arrays, axis)


def stack(*arrays: Value, axis: int) -> Value:
    return torch.stack(arrays, axis)


def flip(x: Value, *, axis: Axis) -> Value:
    return torch.flip(x, axes_of(x, axis))


def roll(x: Value, *, shift: Value, axis: Axis) -> Value:
    if axis is None:
        return torch.roll(x.reshape(-1), int(np.sum(shift))).reshape(x.shape)
    return torch.roll(x, shift, axis)


def tril(x: Value, *, k: int) -> Value:
    return torch.tril(x, k)


def triu(x: Value, *, k: int) -> Value:
    return torch.triu(x, k)


# Places.
def simple(index: Key) -> bool:
    """Whether PyTorch reads the index as it is: integers, None, Ellipsis and slices that go forward."""
    entries = index if isinstance(index, tuple) else (index,)
    return all(
        e is None or e is Ellipsis or type(e) is int or (isinstance(e, slice) and (e.step is None or e.step > 0))
        for e in entries
    )


def places_in(shape: Shape, index: Key, arrays: tuple[Value, ...]) -> Value:
    """Which element of the flattened array stands where in x[index]: NumPy's where the index is known beforehand."""
    size = math.prod(shape)
    if not arrays:
        return torch.from_numpy(np.array(np.arange(size).reshape(tuple(shape))[index]))
    device = arrays[0].device
    entries = index if isinstance(index, tuple) else (index,)
    filled = [arrays[e] if isinstance(e, Slot) else e for e in entries]
    full = tuple(torch.as_tensor(e, device=device) if isinstance(e, np.ndarray) else e for e in filled)
    if any(isinstance(e, torch.Tensor) and e.dtype is torch.bool for e in full):
        raise UnsupportedError("x[mask]: the mask decides the shape of the result; use np.where")
    return torch.arange(size, device=device).reshape(tuple(shape))[full]


def getitem(x: Value, *arrays: Value, index: Key) -> Value:
    if not arrays and simple(index):
        return x[index]
    places = places_in(x.shape, index, arrays).to(x.device)
    return torch.take(x, places) if x.numel() else x.reshape(-1)[places]


def scatter(ct: Value, *arrays: Value, index: Key, shape: Shape) -> Value:
    places = places_in(shape, index, arrays).reshape(-1).to(ct.device)
    zeros = torch.zeros(math.prod(shape), dtype=ct.dtype, device=ct.device)
    return torch.scatter_add(zeros, 0, places, ct.reshape(-1)).reshape(tuple(shape))


def take(x: Value, indices: Value, *, axis: int, mode: str) -> Value:
    n, flat = x.shape[axis], indices.reshape(-1).long()
    flat = {"wrap": lambda: flat % n, "clip": lambda: flat.clamp(0, n - 1)}.get(mode, lambda: (flat + n) % n)()
    found = torch.index_select(x, axis, flat)
    return found.reshape((*x.shape[:axis], *indices.shape, *x.shape[axis:][1:]))


def take_along_axis(x: Value, indices: Value, *, axis: int) -> Value:
    lengths = [max(a, b) if k != axis % x.ndim else b for k, (a, b) in enumerate(zip(x.shape, indices.shape))]
    wide = [n if k != axis % x.ndim else x.shape[axis] for k, n in enumerate(lengths)]
    places = torch.broadcast_to(indices, lengths) % x.shape[axis]
    return torch.gather(torch.broadcast_to(x, wide), axis, places)


def bincount(x: Value, weights: Value, *, minlength: int) -> Value:
    raise UnsupportedError("bincount: the values decide the length of the result")


def argsort(x: Value, *, axis: Value, kind: Value = None) -> Value:
    return torch.argsort(x.reshape(-1) if axis is None else x, dim=-1 if axis is None else axis, stable=True)


def interval(xp: Value, x: Value) -> Value:
    found = torch.searchsorted(xp.contiguous(), x.contiguous(), side="right") - 1
    return found.clamp(0, max(len(xp) - 2, 0))


def searchsorted(a: Value, v: Value, *, side: str, sorter: Value) -> Value:
    return torch.searchsorted(a.contiguous(), v.contiguous(), side=side, sorter=sorter)


def digitize(x: Value, bins: Value, *, right: bool) -> Value:
    if not bool(torch.all(bins[1:] >= bins[:-1])):
        raise UnsupportedError("digitize: PyTorch wants bins that rise")
    return torch.bucketize(x, bins, right=not right)


# Products.
def matmul(a: Value, b: Value) -> Value:
    return torch.matmul(a, b)


def einsum(*xs: Value, subscripts: str) -> Value:
    return torch.einsum(subscripts, *xs)


# Linear algebra.
def det(a: Value) -> Value:
    return torch.linalg.det(a)


def inv(a: Value) -> Value:
    return torch.linalg.inv(a)


def solve(a: Value, b: Value) -> Value:
    return torch.linalg.solve(a, b)


def slogdet(a: Value) -> Value:
    return tuple(torch.linalg.slogdet(a))


def cholesky(a: Value) -> Value:
    return torch.linalg.cholesky(a)


def eigh(a: Value, *, UPLO: str) -> Value:
    return tuple(torch.linalg.eigh(a, UPLO=UPLO))


def eig(a: Value) -> Value:
    return tuple(torch.linalg.eig(a))


def qr(a: Value) -> Value:
    return tuple(torch.linalg.qr(a))


def svd(a: Value) -> Value:
    return tuple(torch.linalg.svd(a, full_matrices=False))


def expm(a: Value) -> Value:
    return torch.linalg.matrix_exp(a)


def pinv(a: Value, *, rcond: float) -> Value:
    return torch.linalg.pinv(a, rtol=rcond)


def matrix_rank(a: Value, *, tol: Value = None) -> Value:
    return torch.linalg.matrix_rank(a) if tol is None else torch.linalg.matrix_rank(a, atol=tol, rtol=0.0)


def conjugate(x: Value) -> Value:
    return torch.conj_physical(x)


# Fourier transforms.
def fft(x: Value, *, n: int, axis: int, norm: Value) -> Value:
    return torch.fft.fft(x, n, axis, norm)


def ifft(x: Value, *, n: int, axis: int, norm: Value) -> Value:
    return torch.fft.ifft(x, n, axis, norm).resolve_conj()


def rfft(x: Value, *, n: int, axis: int, norm: Value) -> Value:
    return torch.fft.rfft(x, n, axis, norm)


def irfft(x: Value, *, n: int, axis: int, norm: Value) -> Value:
    return torch.fft.irfft(x, n, axis, norm)
