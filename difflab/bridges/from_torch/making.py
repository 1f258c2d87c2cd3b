"""ATen's operations that make tensors of nothing, and those that keep them as they are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike

from ... import numpy as dnp
from ...errors import UnsupportedError
from ...types import Function, Value

# What draws numbers: not in the table, and the error says what to do.
RANDOM = (
    "rand rand_like randn randn_like randint randint_like randperm bernoulli native_dropout dropout normal multinomial "
    "uniform exponential geometric log_normal cauchy poisson rrelu_with_noise rrelu_with_noise_functional "
    "alpha_dropout feature_dropout feature_alpha_dropout normal_functional"
).split()


def arange_dtype(*numbers: float) -> DTypeLike:
    return np.float32 if any(isinstance(n, float) for n in numbers) else np.int64


def arange(end: float, dtype: DTypeLike | None = None) -> Value:
    return arange_step(0, end, 1, dtype)


def arange_step(start: float, end: float, step: float = 1, dtype: DTypeLike | None = None) -> Value:
    dtype = dtype or arange_dtype(start, end, step)
    count = int(np.ceil((end - start) / step))
    return (start + np.arange(count) * step).astype(dtype)


def linspace(start: float, end: float, steps: int, dtype: DTypeLike | None = None) -> Value:
    return np.linspace(start, end, steps, dtype=dtype or np.float32)


def logspace(start: float, end: float, steps: int, base: float = 10.0, dtype: DTypeLike | None = None) -> Value:
    return np.logspace(start, end, steps, base=base, dtype=dtype or np.float32)


def full(size: Sequence[int], fill_value: Value, dtype: DTypeLike | None = None) -> Value:
    return dnp.full(tuple(size), fill_value, dtype)


def full_like(self: Value, fill_value: Value, dtype: DTypeLike | None = None) -> Value:
    return np.full(self.shape, fill_value, dtype or self.dtype)


def filled(value: float) -> Function:
    """The function that makes tensors of one number."""
    return lambda size, dtype=None: np.full(tuple(size), value, dtype or np.float32)


def filled_like(value: float) -> Function:
    """The function that makes a tensor of one number, like another."""
    return lambda self, dtype=None: full_like(self, value, dtype)


def new(value: float) -> Function:
    """The function that makes a tensor of one number, with the dtype of another."""
    return lambda self, size, dtype=None: np.full(tuple(size), value, dtype or self.dtype)


def new_full(self: Value, size: Sequence[int], fill_value: Value, dtype: DTypeLike | None = None) -> Value:
    return dnp.full(tuple(size), fill_value, dtype or self.dtype)


def eye(n: int, m: int | None = None, dtype: DTypeLike | None = None) -> Value:
    return np.eye(n, m, dtype=dtype or np.float32)


def scalar_tensor(s: Value, dtype: DTypeLike | None = None) -> Value:
    return np.asarray(s, dtype or np.float32)


def triangle_places(function: Function) -> Function:
    """The function that gives rows and columns of a triangle."""
    return lambda row, col, offset=0, dtype=None: np.stack(function(row, offset, col)).astype(dtype or np.int64)


def as_it_is(self: Value, *_: Value, **__: Value) -> Value:
    return self


def converted(self: Value, dtype: DTypeLike | None = None, *_: Value, **__: Value) -> Value:
    """Another dtype; cutting to whole numbers goes towards zero, as in torch."""
    return self if dtype is None or self.dtype == dtype else self.astype(dtype)


def copied(self: Value, src: Value, *_: Value) -> Value:
    return dnp.broadcast_to(src.astype(self.dtype), self.shape)


def item(self: Value) -> Value:
    """The number as Python's, through which torch has no derivative."""
    return dnp.stop_gradient(self.reshape(()))


def getitem(whole: Value, key: Value) -> Value:
    """One of several results; None stands for those that no row gives."""
    if whole[key] is None:
        raise UnsupportedError(f"from_torch: result {key} of an operation with {len(whole)} has no row in difflab")
    return whole[key]


MAKING: dict[str, Function] = {
    "arange": arange,
    "arange.start": lambda start, end, dtype=None: arange_step(start, end, 1, dtype),
    "arange.start_step": arange_step,
    "linspace": linspace,
    "logspace": logspace,
    "full": full,
    "full_like": full_like,
    "fill": lambda self, value: dnp.broadcast_to(dnp.asarray(value).astype(self.dtype), self.shape),
    "zeros": filled(0),
    "ones": filled(1),
    "empty": filled(0),
    "empty_strided": lambda size, stride, dtype=None: filled(0)(size, dtype),
    "empty_permuted": lambda size, order, dtype=None: filled(0)(size, dtype),
    "zeros_like": filled_like(0),
    "ones_like": filled_like(1),
    "empty_like": filled_like(0),
    "new_zeros": new(0),
    "new_ones": new(1),
    "new_empty": new(0),
    "new_full": new_full,
    "new_empty_strided": lambda self, size, stride, dtype=None: new(0)(self, size, dtype),
    "eye": eye,
    "eye.m": eye,
    "scalar_tensor": scalar_tensor,
    "tril_indices": triangle_places(np.tril_indices),
    "triu_indices": triangle_places(np.triu_indices),
    "clone": as_it_is,
    "alias": as_it_is,
    "contiguous": as_it_is,
    "lift_fresh_copy": as_it_is,
    "lift_fresh": as_it_is,
    "_assert_tensor_metadata": as_it_is,
    "_to_copy": converted,
    "to.dtype": converted,
    "copy": copied,
    "detach": dnp.stop_gradient,
    "_local_scalar_dense": item,
    "item": item,
    "detach_copy": dnp.stop_gradient,
    "getitem": getitem,
}
