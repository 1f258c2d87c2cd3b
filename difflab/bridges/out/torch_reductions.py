"""Reductions on PyTorch's tensors: along one axis, several, or all, in NumPy's names."""

from __future__ import annotations

from ...late import Late
from ...types import Axis, Value
from .torch_kernels import axes_of, squeeze

torch: Value = Late("torch")


def sum(x: Value, *, axis: Axis, keepdims: bool) -> Value:
    along = axes_of(x, axis)
    return torch.sum(x, along, keepdim=keepdims) if along else x.clone()


def over(reduce: Value, x: Value, axis: Axis, keepdims: bool) -> Value:
    """A reduction along one axis after the other."""
    for k in sorted((a % x.ndim for a in axes_of(x, axis)), reverse=True):
        x = reduce(x, k, keepdims)
    return x


def prod(x: Value, *, axis: Axis, keepdims: bool) -> Value:
    return over(lambda x, k, keep: torch.prod(x, k, keepdim=keep), x, axis, keepdims)


def any(x: Value, *, axis: Axis, keepdims: bool) -> Value:
    return over(lambda x, k, keep: torch.any(x, k, keepdim=keep), x != 0, axis, keepdims)


def all(x: Value, *, axis: Axis, keepdims: bool) -> Value:
    return over(lambda x, k, keep: torch.all(x, k, keepdim=keep), x != 0, axis, keepdims)


def count_nonzero(x: Value, *, axis: Axis, keepdims: bool = False) -> Value:
    return sum((x != 0).long(), axis=axis, keepdims=keepdims)


def max(x: Value, *, axis: Axis, keepdims: bool) -> Value:
    return torch.amax(x, axes_of(x, axis), keepdim=keepdims) if x.ndim else x


def min(x: Value, *, axis: Axis, keepdims: bool) -> Value:
    return torch.amin(x, axes_of(x, axis), keepdim=keepdims) if x.ndim else x


def argmax(x: Value, *, axis: Value, keepdims: bool) -> Value:
    found = torch.argmax(x, axis, keepdim=keepdims and axis is not None)
    return found.reshape((1,) * x.ndim) if keepdims and axis is None else found


def argmin(x: Value, *, axis: Value, keepdims: bool) -> Value:
    return argmax(-x, axis=axis, keepdims=keepdims)


def cumsum(x: Value, *, axis: int) -> Value:
    return torch.cumsum(x, axis)


def logsumexp(x: Value, *b: Value, axis: Axis, keepdims: bool) -> Value:
    if not b:
        return torch.logsumexp(x, axes_of(x, axis), keepdim=keepdims)
    top = torch.amax(x, axes_of(x, axis), keepdim=True).detach()
    top = torch.where(torch.isfinite(top), top, torch.zeros_like(top))
    found = torch.log(torch.sum(b[0] * torch.exp(x - top), axes_of(x, axis), keepdim=True)) + top
    return found if keepdims else squeeze(found, axis=axes_of(x, axis))


def softmax(x: Value, *, axis: Axis) -> Value:
    along = axes_of(x, axis)
    return torch.softmax(x, along[0]) if len(along) == 1 else torch.exp(log_softmax(x, axis=axis))


def log_softmax(x: Value, *, axis: Axis) -> Value:
    return x - torch.logsumexp(x, axes_of(x, axis), keepdim=True)
