"""Rows that choose among elements: largest and smallest, order, quantiles, where things are."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import wraps
from math import floor
from typing import Any

import numpy as np

from ..errors import InputError
from ..types import Function, Value
from . import batches, by_parts, by_rows
from .arguments import axes_of, axis_of, no_traced, numbers, of_number, reading_extreme, refuse, unary
from .kernels.arrays import fold, unordered
from .primitive import Carrier, composite, underivable
from .quotient import Exact, Quotient, fraction
from .reductions import nan_filled, pooled
from .spelling import by_sympy


def attained(m: Carrier, y: Value, x: Value, axis: Value) -> Value:
    """1 where x is the extreme, shared equally among ties."""
    hit = m.astype(m.equal(x, y), dtype=float)
    return hit / m.sum(hit, axis=axis, keepdims=True)


for _name, _ufunc, _word in (("max", "maximum", "largest"), ("min", "minimum", "smallest")):
    pooled(
        _name,
        attained,
        doc=f"The {_word} element over the axes; ties share the derivative equally.",
        glyph=_name,
        latex=rf"\{_name} {{0}}",
        reads=(_name, f"a{_name}", f"{_ufunc}.reduce"),
        arguments=reading_extreme(_name),
        spelling={
            "elements": f"{_ufunc}.reduce",
            "javascript": _word,
            "arb": f"germs.arrays.{_word}",
            "complex": f"kernels.continued.{_word}",
            "sympy": by_sympy(
                lambda sympy, x, *, axis, keepdims, _name=_name: fold(
                    getattr(sympy, _name.capitalize()), x, axis, keepdims
                )
            ),
        },
        non_differentiable=f"a tie for the {_word} element",
        facts={"fresh", "increasing", "convex" if _name == "max" else "concave"},
        batch=batches.axes,
        by_rows=by_rows.reduction,
        by_parts=by_parts.reduction,
    )
    composite(
        f"nan{_name}",
        lambda m, x, _row=_name, _filler=-np.inf if _name == "max" else np.inf, **params: getattr(m, _row)(
            nan_filled(m, x, _filler), **params
        ),
        doc=f"The {_word} element over the axes, NaNs left out.",
        glyph=_name,
        arguments=reading_extreme(f"nan{_name}"),
        non_differentiable=f"a tie for the {_word} element",
    )
composite(
    "ptp",
    lambda m, x, **params: m.max(x, **params) - m.min(x, **params),
    doc="The range over the axes: the largest element less the smallest.",
    glyph="max − min",
    arguments=reading_extreme("ptp"),
    non_differentiable="a tie for the largest or smallest element",
)


# Where things are: integers, without a derivative.
def read_argument(name: str) -> Function:
    def read(a: Value, axis: Value = None, out: object = None, *, keepdims: Value = False) -> Value:
        refuse(out=out)
        axis = None if axis is None or of_number(a, axis) else axis_of(name, a, axis)
        return (a,), {"axis": axis, "keepdims": keepdims not in (False, np._NoValue)}

    return read


def read_argsort(a: Value, axis: Value = -1, kind: Value = None, order: Value = None, *, stable: Value = None) -> Value:
    refuse(order=order)
    if axis is None:
        a, axis = np.ravel(a), -1
    return (a,), {"axis": axis_of("argsort", a, axis), "kind": "stable" if stable else kind}


def read_argpartition(a: Value, kth: Value, axis: Value = -1, kind: str = "introselect", order: Value = None) -> Value:
    refuse(order=order)
    if axis is None:
        a, axis = np.ravel(a), -1
    return (a,), {"kth": kth, "axis": axis_of("argpartition", a, axis)}


def opaque(name: str, doc: str, arguments: Value = unary, **row: Any) -> None:
    """A row whose result (integers, truth values) has no derivative."""
    row["spelling"] = {"sympy": unordered, **row.get("spelling", {"elements": name})}

    @wraps(arguments)
    def plain(*args: Value, **kwargs: Any) -> Value:  # NumPy would hand a call with a traced parameter back to the row
        operands, params = arguments(*args, **kwargs)
        no_traced(name, **params)
        return operands, params

    underivable(name, doc=doc + "; it has no derivative.", arguments=plain, **row)


for _name, _word in (("argmax", "largest"), ("argmin", "smallest")):
    opaque(
        _name,
        f"The place of the {_word} element",
        read_argument(_name),
        batch=batches.searched,
        spelling={"elements": _name, "javascript": f"placeOf{_word.capitalize()}"},
    )
opaque(
    "nanargmax", "The place of the largest element, NaNs left out", read_argument("nanargmax"), batch=batches.searched
)
opaque(
    "nanargmin", "The place of the smallest element, NaNs left out", read_argument("nanargmin"), batch=batches.searched
)
opaque(
    "argsort",
    "The places of the elements in ascending order",
    read_argsort,
    batch=batches.axes,
    spelling={"elements": "argsort", "javascript": "placesInOrder"},
)
opaque("argpartition", "The places of the elements, partitioned", read_argpartition, batch=batches.axes)
opaque(
    "nonzero",
    "The places of the elements that are not zero, an array for each axis",
    spelling={"numpy": "kernels.arrays.nonzero", "elements": "kernels.arrays.nonzero"},
    value_shaped=lambda x: True,
)
opaque("flatnonzero", "The places in the raveled array that are not zero", value_shaped=lambda x: True)
opaque("argwhere", "The places that are not zero, a row each", value_shaped=lambda x: True)
opaque(
    "searchsorted",
    "Where values belong in a sorted array",
    lambda a, v, side="left", sorter=None: ((a, v), {"side": side, "sorter": sorter}),
    batch=batches.looked_up(1),
)
opaque(
    "digitize",
    "The bin of each element",
    lambda x, bins, right=False: ((x, bins), {"right": right}),
    batch=batches.looked_up(0),
    spelling={"elements": "digitize", "arb": "germs.arrays.digitize"},
)
opaque(
    "isclose",
    "Whether elements are equal within a tolerance",
    lambda a, b, rtol=1e-5, atol=1e-8, equal_nan=False: ((a, b), {"rtol": rtol, "atol": atol, "equal_nan": equal_nan}),
    batch=batches.elements,
    spelling={"elements": "isclose", "arb": "germs.arrays.isclose"},
)
opaque(
    "allclose",
    "Whether all elements are equal within a tolerance",
    lambda a, b, rtol=1e-5, atol=1e-8, equal_nan=False: ((a, b), {"rtol": rtol, "atol": atol, "equal_nan": equal_nan}),
    spelling={"elements": "allclose", "arb": "germs.arrays.allclose"},
)
opaque(
    "array_equal",
    "Whether shapes and elements are equal",
    lambda a1, a2, equal_nan=False: ((a1, a2), {"equal_nan": equal_nan}),
)
opaque("array_equiv", "Whether elements are equal after broadcasting", lambda a1, a2: ((a1, a2), {}))
opaque(
    "isin",
    "Whether elements are among others",
    lambda element, test_elements, assume_unique=False, invert=False, *, kind=None: (
        (element, test_elements),
        {"invert": invert},
    ),
    batch=batches.looked_up(0),
)
opaque(
    "unique_places",
    "The first place of each different element, in ascending order of the elements",
    reads=(),
    spelling={"numpy": "kernels.arrays.unique_places", "elements": "kernels.arrays.unique_places"},
    called=(),
)


# Order.
def read_sort(a: Value, axis: Value = -1, kind: Value = None, order: Value = None, *, stable: Value = None) -> Value:
    refuse(order=order)
    if axis is None:
        a, axis = np.ravel(a), -1
    return (a,), {"axis": axis_of("sort", a, axis)}


def read_partition(a: Value, kth: Value, axis: Value = -1, kind: str = "introselect", order: Value = None) -> Value:
    refuse(order=order)
    if axis is None:
        a, axis = np.ravel(a), -1
    return (a,), {"kth": kth, "axis": axis_of("partition", a, axis)}


composite(
    "sort",
    lambda m, x, *, axis: m.take_along_axis(x, m.argsort(x, axis=axis, kind="stable"), axis=axis),
    doc="The elements in ascending order along an axis; the derivative goes where the element went.",
    glyph="sort",
    arguments=read_sort,
    spelling={"elements": "sort", "sympy": unordered},
    non_differentiable="two equal elements",
    kinks=lambda m, x, *, axis: np.diff(np.sort(x, axis=axis), axis=axis) == 0,
    flops=8,
)
composite(
    "partition",
    lambda m, x, *, kth, axis: m.take_along_axis(x, m.argpartition(x, kth=kth, axis=axis), axis=axis),
    doc="The elements with the kth in its sorted place, smaller ones before, larger ones behind.",
    arguments=read_partition,
    spelling={"elements": lambda x, *, kth, axis: np.sort(x, axis=axis), "sympy": unordered},
    non_differentiable="two equal elements",
    flops=4,
)
composite(
    "unique",
    lambda m, x: m.take(m.reshape(x, shape=(m.size(x),)), m.unique_places(x), axis=0, mode="raise"),
    value_shaped=lambda x: True,
    doc="The different elements in ascending order.",
    arguments=lambda ar, *rest, **other: _plain_unique(ar, rest, other),
    non_differentiable="two equal elements",
)


def _plain_unique(x: Value, rest: Value, other: Value) -> Value:
    if any(rest) or any(value for name, value in other.items() if name not in ("equal_nan", "sorted")):
        raise InputError(
            "unique: return_index=, return_inverse=, return_counts= and axis= are not supported on traced "
            "values; np.argsort gives the order"
        )
    return (x,), {}


# Quantiles.
def whole_and_rest(v: Value) -> tuple[Value, Value]:
    """The whole numbers below, and what is left of them, exactly."""
    below = [floor(e) for e in v.flat]
    rest = np.empty(v.size, dtype=object)
    rest[:] = [Quotient(e - k) for e, k in zip(v.flat, below)]
    return np.array(below, dtype=int).reshape(v.shape), rest.reshape(v.shape)


METHODS: dict[str, Callable[[Value], tuple[Value, Value]]] = {
    "linear": whole_and_rest,  # of exact numbers
    "lower": lambda v: (np.floor(v), 0.0 * v),
    "higher": lambda v: (np.ceil(v), 0.0 * v),
    "midpoint": lambda v: (np.floor(v), np.where(v == np.floor(v), 0.0, 0.5)),
    "nearest": lambda v: (np.round(v), 0.0 * v),  # half to even, as NumPy does
}


def places_of(q: Value, whole: int, count: int, method: str) -> tuple[Value, Value]:
    """Which element in order each quantile reads, and the weight of the next one."""
    if method == "linear":  # in rounded numbers the weights would be wrong in their last digits
        exact = np.vectorize(fraction, otypes=[object])(q)
        return whole_and_rest(np.asarray(exact * Fraction(count - 1, whole), dtype=object))
    below, weight = METHODS[method](np.asarray(q, float) / whole * (count - 1))
    return below.astype(int), weight


def quantile(m: Carrier, x: Value, *, q: Value, axis: Value, keepdims: bool, method: str, whole: int = 1) -> Value:
    """Interpolates between the two nearest elements in order; NaN, which is the last in order, where there is one."""
    n = m.ndim(x)
    axis = tuple(range(n)) if axis is None else axis
    kept = [k for k in range(n) if k not in axis]
    rows = m.transpose(x, axes=(*axis, *kept))
    shape = m.shape(x)
    count = int(np.prod([shape[k] for k in axis]))
    rows = m.sort(m.reshape(rows, shape=(count, *(shape[k] for k in kept))), axis=0)
    below, weight = places_of(q, whole, count, method)
    q = np.asarray(q, float)
    weight = weight.reshape(q.shape + (1,) * len(kept)).astype(m.dtype(x))
    low = m.take(rows, below, axis=0, mode="raise")
    y = low
    if np.any(weight):
        high = m.take(rows, np.minimum(below + 1, count - 1), axis=0, mode="raise")
        y = low + (high - low) * weight
    last = m.getitem(rows, index=(count - 1,))
    y = m.where(m.not_equal(last, last), last, y)
    if keepdims:
        y = m.reshape(y, shape=(*q.shape, *(1 if k in axis else length for k, length in enumerate(shape))))
    return y


def read_quantile(name: str, scale: float) -> Function:
    def read(
        a: Value,
        q: Value,
        axis: Value = None,
        out: object = None,
        overwrite_input: bool = False,
        method: str = "linear",
        keepdims: Value = False,
        *,
        weights: Value = None,
        interpolation: Value = None,
    ) -> Value:
        refuse(out=out, weights=weights)
        method = interpolation or method
        if method not in METHODS:
            raise InputError(
                f"{name}: method={method!r} is not supported on traced values; one of {', '.join(METHODS)}"
            )
        if np.any((np.asarray(q, float) < 0) | (np.asarray(q, float) > scale)):
            raise InputError(f"{name}: q={q} lies outside 0 to {scale:g}")
        q = np.asarray(q, float) if np.ndim(q) else q if isinstance(q, Exact) else float(q)  # does not widen float32
        keep = keepdims not in (False, np._NoValue)
        return (a,), {"q": q, "axis": axes_of(name, a, axis), "keepdims": keep, "method": method}

    return read


def read_median(
    a: Value, axis: Value = None, out: object = None, overwrite_input: bool = False, keepdims: Value = False
) -> Value:
    refuse(out=out)
    return (numbers(a),), {"axis": axes_of("median", a, axis), "keepdims": keepdims not in (False, np._NoValue)}


def quantile_ties(x: Value, *, q: Value, axis: Value, method: str = "linear", whole: int = 1) -> Value:
    """Which elements of x are tied where a quantile reads them: moved up or down, they count by different weights.

    Two equal neighbours that both weigh one half are no kink: their mean does not care which is which.
    """
    x = np.asarray(x)
    axes = tuple(range(x.ndim)) if axis is None else axis
    ends = range(x.ndim - len(axes), x.ndim)
    last = np.moveaxis(x, axes, ends)
    rows = last.reshape(*last.shape[: x.ndim - len(axes)], -1)
    tied = np.zeros(rows.shape, bool)
    if rows.size:
        order = np.sort(rows, axis=-1)
        same = np.pad(order[..., 1:] == order[..., :-1], [(0, 0)] * (rows.ndim - 1) + [(1, 1)])
        for below, weight in zip(*places_of(np.ravel(q), whole, rows.shape[-1], method)):
            low, high = int(below), int(below) + (weight > 0)
            between = same[..., high] & (weight not in (0.0, 0.5))
            for k, tie in ((low, same[..., low] | between), (high, same[..., high + 1] | between)):
                tied |= tie[..., None] & (rows == order[..., k, None])
    return np.moveaxis(tied.reshape(last.shape), ends, axes)


composite(
    "quantile",
    quantile,
    doc="The q-th quantiles over the axes, interpolated between neighbours in order.",
    reads=("quantile",),
    arguments=read_quantile("quantile", 1.0),
    non_differentiable="two equal elements",
    kinks=lambda m, x, *, keepdims, **params: quantile_ties(x, **params),
    flops=8,
)
composite(
    "percentile",
    lambda m, x, **params: quantile(m, x, whole=100, **params),
    doc="The q-th percentiles over the axes.",
    reads=("percentile",),
    arguments=read_quantile("percentile", 100.0),
    non_differentiable="two equal elements",
    kinks=lambda m, x, *, keepdims, **params: quantile_ties(x, whole=100, **params),
    flops=8,
)
composite(
    "median",
    lambda m, x, *, axis, keepdims: quantile(m, x, q=0.5, axis=axis, keepdims=keepdims, method="linear"),
    doc="The median over the axes; of an even number of elements the mean of the middle two.",
    arguments=read_median,
    non_differentiable="two equal elements in the middle",
    kinks=lambda m, x, *, axis, keepdims: quantile_ties(x, q=0.5, axis=axis),
    flops=8,
)

__all__ = ["Carrier", "opaque"]
