"""Operations over axes: reductions, running ones, places of extremes, order, products of arrays."""

from __future__ import annotations

import numpy as np

from ...differentiate.control_flow import scan
from ...types import Function, Value
from .call import Call, Refused, Rule, kind


def total(call: Call, x: Value) -> Value:
    return np.sum(x, axis=tuple(call["axes"])) if call["axes"] else x


def product(call: Call, x: Value) -> Value:
    return np.prod(x, axis=tuple(call["axes"])) if call["axes"] else x


def extreme(sign: int) -> Rule:
    """The largest (sign 1) or smallest element over the axes."""
    of_numbers, of_truths = (np.max, np.any) if sign > 0 else (np.min, np.all)

    def rule(call: Call, x: Value) -> Value:
        axes = tuple(call["axes"])
        if not axes:
            return x
        if kind(x) == "c":
            raise Refused("of complex numbers")
        if kind(x) == "b":
            return of_truths(x, axis=axes)
        if 0 in x.shape:
            return np.full(call.shape, least(x.dtype, sign), x.dtype)
        return of_numbers(x, axis=axes)

    return rule


def least(dtype: np.dtype, sign: int) -> Value:
    """What no number is less than (sign 1), or greater."""
    if dtype.kind == "f":
        return -sign * np.inf
    info = np.iinfo(dtype)
    return info.min if sign > 0 else info.max


def truth(function: Function) -> Rule:
    def rule(call: Call, x: Value) -> Value:
        if kind(x) != "b":
            raise Refused("of the bits of whole numbers")
        return function(x, axis=tuple(call["axes"]))

    return rule


def place(function: Function) -> Rule:
    def rule(call: Call, x: Value) -> Value:
        (axis,) = call["axes"]
        return function(x, axis=axis).astype(call["index_dtype"])

    return rule


def running(function: Function) -> Rule:
    """A running sum, product or extreme, from either end."""

    def rule(call: Call, x: Value) -> Value:
        axis = call["axis"]
        if not call["reverse"]:
            return function(x, axis=axis)
        return np.flip(function(np.flip(x, axis=axis), axis=axis), axis=axis)

    return rule


def running_logsumexp(x: Value, axis: int) -> Value:
    if not x.shape[axis]:
        return x
    along = np.moveaxis(x, axis, 0)

    def step(before: Value, row: Value) -> tuple[Value, Value]:
        now = np.logaddexp(before, row)
        return now, now

    _, found = scan(step, np.full(along.shape[1:], -np.inf, x.dtype)[()], along)
    return np.moveaxis(found, 0, axis)


# Order.
def sort(call: Call, *operands: Value) -> Value:
    """Operands in the order of the first `num_keys` of them."""
    axis, keys = call["dimension"], call["num_keys"]
    if len(operands) == 1:
        return [np.sort(operands[0], axis=axis)]
    order = np.argsort(operands[keys - 1], axis=axis, kind="stable")
    for key in reversed(operands[: keys - 1]):
        then = np.argsort(np.take_along_axis(key, order, axis=axis), axis=axis, kind="stable")
        order = np.take_along_axis(order, then, axis=axis)
    return [np.take_along_axis(x, order, axis=axis) for x in operands]


def largest(call: Call, x: Value) -> Value:
    """The k largest elements, NaN before all, and their places; of equal ones the first comes first."""
    axis = call.params.get("axis", -1) % len(x.shape)
    backwards = np.argsort(np.flip(x, axis=axis), axis=axis, kind="stable")
    chosen = (slice(None),) * axis + (slice(0, call["k"]),)
    order = (x.shape[axis] - 1) - np.flip(backwards, axis=axis)[chosen]
    return [np.take_along_axis(x, order, axis=axis), order.astype(call.dtypes[1])]


# Products.
def dot(call: Call, a: Value, b: Value) -> Value:
    """The sum over contracted axes of products, axes of a batch first, then those of a, then those of b."""
    (inner_a, inner_b), (batch_a, batch_b) = call["dimension_numbers"]
    wide = np.result_type(call.dtype, a.dtype, b.dtype)  # a result of fewer digits is rounded at the end
    a, b = (x if x.dtype == wide else x.astype(wide) for x in (a, b))
    if is_matmul(a, b, call["dimension_numbers"]):
        return np.matmul(a, b)
    names = iter("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
    of_a, of_b = [""] * len(a.shape), [""] * len(b.shape)
    batch = ""
    for i, j in [*zip(batch_a, batch_b), *zip(inner_a, inner_b)]:
        of_a[i] = of_b[j] = next(names)
    batch = "".join(of_a[i] for i in batch_a)
    free_a = [k for k, name in enumerate(of_a) if not name]
    free_b = [k for k, name in enumerate(of_b) if not name]
    for letters, free in ((of_a, free_a), (of_b, free_b)):
        for k in free:
            letters[k] = next(names)
    result = batch + "".join(of_a[k] for k in free_a) + "".join(of_b[k] for k in free_b)
    return np.einsum(f"{''.join(of_a)},{''.join(of_b)}->{result}", a, b)


def is_matmul(a: Value, b: Value, numbers: Value) -> bool:
    """Whether it is `a @ b` as NumPy means it."""
    (inner_a, inner_b), (batch_a, batch_b) = numbers
    if len(inner_a) != 1 or kind(a) not in "fc" or not a.shape or not b.shape:
        return False
    n = len(batch_a)
    if tuple(inner_a) != (len(a.shape) - 1,) or tuple(inner_b) != (n,):
        return False
    if n == 0:
        return len(b.shape) <= 2
    leads = tuple(batch_a) == tuple(batch_b) == tuple(range(n))
    return leads and len(a.shape) == len(b.shape) == n + 2


RULES: dict[str, Rule] = {
    "argmax": place(np.argmax),
    "argmin": place(np.argmin),
    "cumlogsumexp": running(running_logsumexp),
    "cummax": running(np.maximum.accumulate),
    "cummin": running(np.minimum.accumulate),
    "cumprod": running(np.cumprod),
    "cumsum": running(np.cumsum),
    "dot_general": dot,
    "reduce_and": truth(np.all),
    "reduce_max": extreme(1),
    "reduce_min": extreme(-1),
    "reduce_or": truth(np.any),
    "reduce_prod": product,
    "reduce_sum": total,
    "sort": sort,
    "top_k": largest,
}
