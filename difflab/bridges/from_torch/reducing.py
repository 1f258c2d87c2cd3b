"""ATen's operations along axes: sums, extremes, norms, cumulative ones, sorting."""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike

from ... import numpy as dnp
from ...nn import functional as F
from ...types import Axis, Function, Value


def axes(dim: Value) -> Axis:
    """torch's `dim` as NumPy's axis: an empty list means all."""
    if dim is None or isinstance(dim, int):
        return dim
    return tuple(dim) or None


def flat(self: Value, dim: Value) -> tuple[Value, Value]:
    """A single number has torch's axis 0, which NumPy does not know."""
    return (self, axes(dim)) if self.ndim else (self, None)


def summable(self: Value, dtype: DTypeLike | None) -> Value:
    if dtype is not None:
        return self.astype(dtype)
    return self.astype(np.int64) if self.dtype.kind in "iub" else self


def sum_(self: Value, dim: Value = None, keepdim: bool = False, dtype: DTypeLike | None = None) -> Value:
    x, axis = flat(summable(self, dtype), dim)
    return dnp.sum(x, axis=axis, keepdims=keepdim)


def sum_all(self: Value, dtype: DTypeLike | None = None) -> Value:
    return sum_(self, None, False, dtype)


def mean(self: Value, dim: Value = None, keepdim: bool = False, dtype: DTypeLike | None = None) -> Value:
    x, axis = flat(self if dtype is None else self.astype(dtype), dim)
    return dnp.mean(x, axis=axis, keepdims=keepdim)


def mean_all(self: Value, dtype: DTypeLike | None = None) -> Value:
    return mean(self, None, False, dtype)


def prod(self: Value, dim: Value = None, keepdim: bool = False, dtype: DTypeLike | None = None) -> Value:
    x, axis = flat(summable(self, dtype), dim)
    return dnp.prod(x, axis=axis, keepdims=keepdim)


def prod_all(self: Value, dtype: DTypeLike | None = None) -> Value:
    return prod(self, None, False, dtype)


def nansum(self: Value, dim: Value = None, keepdim: bool = False, dtype: DTypeLike | None = None) -> Value:
    x = summable(self, dtype)
    return sum_(dnp.where(dnp.isnan(x), dnp.zeros_like(x), x), dim, keepdim)


def count(self: Value, dim: Value) -> int:
    """The number of elements that are reduced to one."""
    axis = flat(self, dim)[1]
    if axis is None:
        return int(np.prod(self.shape))
    return int(np.prod([self.shape[k] for k in ((axis,) if isinstance(axis, int) else axis)]))


def var(self: Value, dim: Value = None, unbiased: bool = True, keepdim: bool = False) -> Value:
    return var_correction(self, dim, int(unbiased), keepdim)


def var_all(self: Value, unbiased: bool = True) -> Value:
    return var_correction(self, None, int(unbiased))


def var_correction(self: Value, dim: Value = None, correction: float | None = 1, keepdim: bool = False) -> Value:
    x, axis = flat(self, dim)
    return dnp.var(x, axis=axis, ddof=1 if correction is None else correction, keepdims=keepdim)


def std(self: Value, dim: Value = None, unbiased: bool = True, keepdim: bool = False) -> Value:
    return std_correction(self, dim, int(unbiased), keepdim)


def std_all(self: Value, unbiased: bool = True) -> Value:
    return std_correction(self, None, int(unbiased))


def std_correction(self: Value, dim: Value = None, correction: float | None = 1, keepdim: bool = False) -> Value:
    x, axis = flat(self, dim)
    return dnp.std(x, axis=axis, ddof=1 if correction is None else correction, keepdims=keepdim)


def var_mean(self: Value, dim: Value = None, correction: float | None = 1, keepdim: bool = False) -> list[Value]:
    return [var_correction(self, dim, correction, keepdim), mean(self, dim, keepdim)]


def std_mean(self: Value, dim: Value = None, correction: float | None = 1, keepdim: bool = False) -> list[Value]:
    return [std_correction(self, dim, correction, keepdim), mean(self, dim, keepdim)]


def extreme(function: Function) -> Function:
    """The function that gives the largest or smallest along axes."""

    def found(self: Value, dim: Value = (), keepdim: bool = False) -> Value:
        x, axis = flat(self, dim)
        return function(x, axis=axis, keepdims=keepdim)

    return found


def placed(values: Function, places: Function) -> Function:
    """The function that gives an extreme along one axis, and its place."""

    def found(self: Value, dim: int, keepdim: bool = False) -> list[Value]:
        x, axis = flat(self, dim)
        return [values(x, axis=axis, keepdims=keepdim), place(places)(x, dim, keepdim)]

    return found


def place(function: Function) -> Function:
    """The function that gives the place of an extreme."""

    def found(self: Value, dim: int | None = None, keepdim: bool = False) -> Value:
        x = self if self.dtype.kind != "b" else self.astype(np.int64)
        if dim is None:
            y = function(x.reshape((-1,)), axis=0)
            return y.reshape((1,) * x.ndim) if keepdim else y
        x, axis = flat(x, dim)
        y = function(x, axis=axis)
        return dnp.expand_dims(y, axis) if keepdim and axis is not None else y

    return found


def at_median(self: Value, dim: int = -1, keepdim: bool = False) -> list[Value]:
    """The lower median and its place."""
    if self.ndim == 0:
        return [self, np.asarray(0)]
    return kthvalue(self, (self.shape[dim] + 1) // 2, dim, keepdim)


def median_all(self: Value) -> Value:
    return at_median(self.reshape((-1,)))[0]


def kthvalue(self: Value, k: int, dim: int = -1, keepdim: bool = False) -> list[Value]:
    if self.ndim == 0:
        return [self, np.asarray(0)]
    order = dnp.take(dnp.argsort(self, axis=dim, kind="stable"), [k - 1], axis=dim)
    values = dnp.take_along_axis(self, order, dim)
    return [values, order] if keepdim else [dnp.squeeze(values, dim), dnp.squeeze(order, dim)]


def order_of(self: Value, dim: int, descending: bool) -> Value:
    """The places of sorted elements; equal ones stay in their order, NaN is the largest."""
    if not descending:
        return dnp.argsort(self, axis=dim, kind="stable")
    backwards = dnp.flip(dnp.argsort(dnp.flip(self, dim), axis=dim, kind="stable"), dim)
    return self.shape[dim] - 1 - backwards


def sort(self: Value, dim: int = -1, descending: bool = False) -> list[Value]:
    if self.ndim == 0:
        return [self, np.asarray(0)]
    order = order_of(self, dim, descending)
    return [dnp.take_along_axis(self, order, dim), order]


def sort_stable(self: Value, stable: bool | None = None, dim: int = -1, descending: bool = False) -> list[Value]:
    return sort(self, dim, descending)


def argsort(self: Value, dim: int = -1, descending: bool = False, stable: bool = False) -> Value:
    return sort(self, dim, descending)[1]


def topk(self: Value, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> list[Value]:
    if self.ndim == 0:
        return [self, np.asarray(0)]
    order = dnp.take(order_of(self, dim, largest), np.arange(k), axis=dim)
    return [dnp.take_along_axis(self, order, dim), order]


def cumulated(function: Function) -> Function:
    """The function that runs along one axis."""

    def found(self: Value, dim: int, dtype: DTypeLike | None = None) -> Value:
        x = summable(self, dtype)
        return function(x, axis=dim) if x.ndim else x

    return found


def cumulative_extreme(values: Function, reached: Function) -> Function:
    """The function that gives the extreme so far, and the last place at which it was reached."""

    def found(self: Value, dim: int) -> list[Value]:
        if self.ndim == 0:
            return [self, np.asarray(0)]
        y = values(self, axis=dim)
        shape = [1] * self.ndim
        shape[dim] = self.shape[dim]
        k = np.arange(self.shape[dim]).reshape(shape)
        hits = dnp.where(reached(self, y), k, 0)
        return [y, dnp.maximum_accumulate(hits, axis=dim)]

    return found


def logcumsumexp(self: Value, dim: int) -> Value:
    """Each element's sum is over a matrix of pairs, so that no large one hides the others."""
    if self.ndim == 0:
        return self
    x = dnp.moveaxis(self, dim, -1)
    n = x.shape[-1]
    pairs = dnp.where(np.tril(np.ones((n, n), bool)), x[..., None, :], -np.inf)
    return dnp.moveaxis(dnp.logsumexp(pairs, axis=-1), -1, dim)


def logsumexp(self: Value, dim: Value, keepdim: bool = False) -> Value:
    x, axis = flat(self, dim)
    return dnp.logsumexp(x if x.dtype.kind == "f" else x.astype(np.float32), axis=axis, keepdims=keepdim)


def vector_norm(
    self: Value, ord: float = 2, dim: Value = None, keepdim: bool = False, dtype: DTypeLike | None = None
) -> Value:
    x = self if dtype is None else self.astype(dtype)
    if x.ndim == 0:
        return abs(x) if ord != 0 else (x != 0).astype(x.dtype)
    return dnp.linalg.vector_norm(x, ord=ord, axis=axes(dim), keepdims=keepdim)


def norm(self: Value, p: float | None = 2, dim: Value = None, keepdim: bool = False, dtype: Value = None) -> Value:
    return vector_norm(self, 2 if p is None else p, dim, keepdim, dtype)


def softmax(function: Function) -> Function:
    """The function that normalises along one axis."""

    def found(self: Value, dim: int, half_to_float: Value = None, dtype: DTypeLike | None = None) -> Value:
        kind = half_to_float if isinstance(half_to_float, np.dtype) else dtype
        return function(self if kind is None else self.astype(kind), dim)

    return found


def decided(function: Function) -> Function:
    """The function that asks for all elements or any."""

    def found(self: Value, dim: Value = None, keepdim: bool = False) -> Value:
        x, axis = flat(self if self.dtype.kind == "b" else self != 0, dim)
        return function(x, axis=axis, keepdims=keepdim)

    return found


def renorm(self: Value, p: float, dim: int, maxnorm: float) -> Value:
    others = tuple(k for k in range(self.ndim) if k != dim % self.ndim)
    norms = vector_norm(self, p, others, True)
    return self * dnp.where(norms > maxnorm, maxnorm / (norms + 1e-7), 1.0).astype(self.dtype)


REDUCING: dict[str, Function] = {
    "sum": sum_all,
    "sum.dim_IntList": sum_,
    "nansum": nansum,
    "mean": mean_all,
    "mean.dim": mean,
    "prod": prod_all,
    "prod.dim_int": prod,
    "var": var_all,
    "var.dim": var,
    "var.correction": var_correction,
    "std": std_all,
    "std.dim": std,
    "std.correction": std_correction,
    "var_mean.correction": var_mean,
    "std_mean.correction": std_mean,
    "amax": extreme(dnp.max),
    "amin": extreme(dnp.min),
    "max": extreme(dnp.max),
    "min": extreme(dnp.min),
    "max.dim": placed(dnp.max, dnp.argmax),
    "min.dim": placed(dnp.min, dnp.argmin),
    "max.other": dnp.maximum,
    "min.other": dnp.minimum,
    "argmax": place(dnp.argmax),
    "argmin": place(dnp.argmin),
    "median": median_all,
    "median.dim": at_median,
    "kthvalue": kthvalue,
    "sort": sort,
    "sort.stable": sort_stable,
    "argsort": argsort,
    "topk": topk,
    "cumsum": cumulated(dnp.cumsum),
    "cumprod": cumulated(dnp.cumprod),
    "cummax": cumulative_extreme(dnp.maximum_accumulate, lambda x, y: x >= y),
    "cummin": cumulative_extreme(dnp.minimum_accumulate, lambda x, y: x <= y),
    "logcumsumexp": logcumsumexp,
    "logsumexp": logsumexp,
    "linalg_vector_norm": vector_norm,
    "norm": norm,
    "softmax": softmax(F.softmax),
    "_softmax": softmax(F.softmax),
    "log_softmax": softmax(F.log_softmax),
    "_log_softmax": softmax(F.log_softmax),
    "all": decided(dnp.all),
    "any": decided(dnp.any),
    "renorm": renorm,
}
