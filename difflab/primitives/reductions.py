"""Rows that reduce axes: sums, means, products, norms of deviation, and the soft maximum."""

from __future__ import annotations

from fractions import Fraction
from math import prod
from typing import Any

import numpy as np

from ..errors import InputError, ShapeError
from ..types import Axis, Function, Value
from . import batches, by_parts, by_rows
from .arguments import axes_of, cast, of_number, reading_extreme, reading_reduction, refuse
from .primitive import Carrier, Primitive, composite, custom, linear, register
from .quotient import Quotient, fraction


def expand(m: Carrier, ct: Value, x: Value, axis: Value, keepdims: bool) -> Value:
    """A reduced array (cotangent or result) with its axes back, ready to broadcast against x."""
    if keepdims or axis is None:
        return ct
    shape = tuple(1 if i in axis else n for i, n in enumerate(m.shape(x)))
    return m.reshape(ct, shape=shape)


def count(x: Value, axis: Value) -> int:
    """How many elements are reduced to one."""
    return prod(n for i, n in enumerate(Carrier.shape(x)) if axis is None or i in axis)


def per(n: float) -> float:
    """1/n; infinite where there is nothing to divide by, as in NumPy."""
    return 1.0 / n if n > 0 else np.inf


def pooled(name: str, weights: Function, **row: Any) -> Value:
    """A row that reduces x; `weights(m, y, x, axis)` is dy/dx for each element, y with its axes back."""

    def vjp(m: Carrier, ct: Value, y: Value, x: Value, *, axis: Axis, keepdims: bool) -> Value:
        y, ct = expand(m, y, x, axis, keepdims), expand(m, ct, x, axis, keepdims)
        return (ct * weights(m, y, x, axis),)

    def jvp(m: Carrier, ts: Value, y: Value, x: Value, *, axis: Axis, keepdims: bool) -> Value:
        y = expand(m, y, x, axis, keepdims)
        return m.sum(weights(m, y, x, axis) * ts[0], axis=axis, keepdims=keepdims)

    return custom(name, jvp=jvp, vjp=vjp, **row)


linear(
    "sum",
    lambda m, i, ct, x, *, axis, keepdims: m.broadcast_to(expand(m, ct, x, axis, keepdims), shape=m.shape(x)),
    doc="The sum over the axes, all by default.",
    glyph="Σ",
    latex=r"\sum {0}",
    reads=("sum", "add.reduce"),
    arguments=reading_reduction("sum", empty=0),
    facts={"odd", "fresh", "sums"},
    spelling={"numpy": "add.reduce", "elements": "add.reduce"},
    batch=batches.axes,
    by_rows=by_rows.reduction,
    by_parts=by_parts.reduction,
)
linear(
    "mean",
    lambda m, i, ct, x, *, axis, keepdims: m.broadcast_to(
        expand(m, ct, x, axis, keepdims) * per(count(x, axis)), shape=m.shape(x)
    ),
    doc="The mean over the axes, all by default.",
    glyph="mean",
    latex=r"\overline{{{0}}}",
    arguments=reading_reduction("mean", lone=False),
    value=lambda m, x, *, axis, keepdims: m.divide(m.sum(x, axis=axis, keepdims=keepdims), count(x, axis)),
    facts={"fresh", "sums"},
    batch=batches.axes,
    by_rows=by_rows.reduction,
    by_parts=by_parts.reduction,
)
for _name, _ufunc, _what in (("any", "logical_or", "an element"), ("all", "logical_and", "every element")):
    register(
        Primitive(
            name=_name,
            doc=f"Whether {_what} along the axes is true; it has no derivative.",
            glyph=_name,
            latex=rf"\operatorname{{{{{_name}}}}} {{0}}",
            reads=(_name, f"{_ufunc}.reduce"),
            arguments=reading_extreme(_name, empty=_name == "all"),
            spelling={"elements": _name, "javascript": f"{_name}True"},
            differentiable=False,
            batch=batches.axes,
        )
    )
register(
    Primitive(
        name="count_nonzero",
        doc="How many elements along the axes are not zero; it has no derivative.",
        glyph="#≠0",
        latex=r"\#\{{{0} \ne 0\}}",
        arguments=lambda a, axis=None, *, keepdims=False: (
            (a,),
            {"axis": None if of_number(a, axis) else axes_of("count_nonzero", a, axis), "keepdims": bool(keepdims)},
        ),
        spelling={"elements": "count_nonzero", "javascript": "countTrue"},
        differentiable=False,
        batch=batches.axes,
    )
)


# Products. prod / x fails where a factor is zero; the product of the others does not, at any order.
def others(m: Carrier, y: Value, x: Value, axis: Value) -> Value:
    """For each element the product of the others: those before it times those behind it."""
    n = m.ndim(x)
    axis = tuple(range(n)) if axis is None else axis
    order = (*(k for k in range(n) if k not in axis), *axis)
    shape = tuple(m.shape(x)[k] for k in order)
    rows = m.reshape(m.transpose(x, axes=order), shape=(*shape[: n - len(axis)], prod(shape[n - len(axis) :])))
    last = m.ndim(rows) - 1
    if m.size(rows) == 0:
        return m.zeros_like(x)
    rest = (..., slice(None, -1))
    one = np.ones((*m.shape(rows)[:-1], 1), m.dtype(x))
    before = m.concatenate(one, m.cumprod(m.getitem(rows, index=rest), axis=last), axis=last)
    reverse = m.flip(rows, axis=(last,))
    behind = m.concatenate(one, m.cumprod(m.getitem(reverse, index=rest), axis=last), axis=last)
    product = m.reshape(before * m.flip(behind, axis=(last,)), shape=shape)
    return m.transpose(product, axes=tuple(sorted(range(n), key=order.__getitem__)))


pooled(
    "prod",
    others,
    doc="The product over the axes, all by default; the derivative is exact where factors are zero.",
    glyph="Π",
    latex=r"\prod {0}",
    reads=("prod", "multiply.reduce"),
    arguments=reading_reduction("prod", empty=1),
    spelling={"elements": "multiply.reduce", "javascript": "timesAll"},
    batch=batches.axes,
)


# Deviations.
def read_deviation(name: str) -> Function:
    read = reading_reduction(name, lone=False)

    def arguments(
        a: Value,
        axis: Value = None,
        dtype: Any = None,
        out: Value = None,
        ddof: Value = 0,
        keepdims: Value = False,
        *,
        correction: Value = np._NoValue,
        **other: Any,
    ) -> Value:
        operands, params = read(a, axis, dtype, out, keepdims, **other)
        return operands, {**params, "ddof": ddof if correction is np._NoValue else correction}

    return arguments


def deviation(m: Carrier, x: Value, axis: Value) -> Value:
    return x - m.mean(x, axis=axis, keepdims=True)


def variance(m: Carrier, x: Value, *, axis: Axis, keepdims: bool, ddof: float) -> Value:
    d = deviation(m, x, axis)
    square = m.real(d * m.conjugate(d)) if m.is_complex(x) else m.square(d)
    return m.divide(m.sum(square, axis=axis, keepdims=keepdims), degrees(count(x, axis), ddof))


def degrees(n: int, ddof: Value) -> Value:
    """n - ddof, exactly, and at least 0."""
    left = max(Fraction(n) - fraction(ddof), Fraction(0))
    return int(left) if left.denominator == 1 else Quotient(left)


def var_weights(m: Carrier, y: Value, x: Value, axis: Value, ddof: float) -> Value:
    d = deviation(m, x, axis)
    return (m.conjugate(d) if m.is_complex(x) else d) * (2.0 * per(count(x, axis) - ddof))


def std_weights(m: Carrier, y: Value, x: Value, axis: Value, ddof: float) -> Value:
    """dy/dx of the standard deviation; 0 where all elements are equal, as for a norm at 0."""
    d = deviation(m, x, axis)
    d = m.conjugate(d) if m.is_complex(x) else d
    constant = m.equal(y, 0.0)
    return m.where(constant, 0.0, d / m.where(constant, 1.0, y)) * per(count(x, axis) - ddof)


def deviating(name: str, weights: Function, **row: Any) -> None:
    """A measure of deviation: `weights(m, y, x, axis, ddof)` is dy/dx for each element."""

    def vjp(m: Carrier, ct: Value, y: Value, x: Value, *, axis: Axis, keepdims: bool, ddof: float) -> Value:
        y, ct = expand(m, y, x, axis, keepdims), expand(m, ct, x, axis, keepdims)
        return (ct * weights(m, y, x, axis, ddof),)

    def jvp(m: Carrier, ts: Value, y: Value, x: Value, *, axis: Axis, keepdims: bool, ddof: float) -> Value:
        y = expand(m, y, x, axis, keepdims)
        return m.sum(weights(m, y, x, axis, ddof) * ts[0], axis=axis, keepdims=keepdims)

    custom(name, jvp=jvp, vjp=vjp, arguments=read_deviation(name), **row)


deviating(
    "var",
    var_weights,
    value=variance,
    doc="The variance over the axes: the mean squared distance from the mean, divided by n - ddof.",
    glyph="var",
    latex=r"\operatorname{{Var}}({0})",
    flops=4,
    batch=batches.axes,
)
deviating(
    "std",
    std_weights,
    value=lambda m, x, **params: m.sqrt(m.var(x, **params)),
    doc="The standard deviation over the axes; its derivative is 0 where all elements are equal.",
    glyph="std",
    latex=r"\sigma({0})",
    non_differentiable="all elements equal",
    kinks=lambda m, x, **params: m.equal(m.std(x, **params), 0.0),
    facts={"one formula"},
    flops=5,
    batch=batches.axes,
)


def read_average(
    a: Value, axis: Value = None, weights: Value = None, returned: bool = False, *, keepdims: Value = False
) -> Value:
    keep = False if keepdims is np._NoValue else bool(keepdims)
    found = axes_of("average", a, axis)
    if returned:
        raise InputError("average: returned=True is not supported on traced values; compute np.sum(weights) beside it")
    if weights is None:
        return (a,), {"axis": found, "keepdims": keep}, "mean"
    if not hasattr(weights, "shape"):
        weights = np.asarray(weights)
    if weights.shape != a.shape:
        if found is None or weights.shape != tuple(a.shape[k] for k in found):
            raise ShapeError(f"average: weights of shape {weights.shape} do not fit axis={axis} of shape {a.shape}")
        order = sorted(range(len(found)), key=found.__getitem__)
        weights = np.reshape(np.transpose(weights, order), tuple(n if k in found else 1 for k, n in enumerate(a.shape)))
    return (a, weights), {"axis": found, "keepdims": keep}


composite(
    "average",
    lambda m, x, w, *, axis, keepdims: m.divide(
        m.sum(x * w, axis=axis, keepdims=keepdims),
        m.sum(w * np.ones(m.shape(x)) if m.shape(w) != m.shape(x) else w, axis=axis, keepdims=keepdims),
    ),
    doc="The weighted mean over the axes.",
    glyph="average",
    latex=r"\overline{{{0}}}_{{{1}}}",
    arguments=read_average,
    spelling={"numpy": "kernels.arrays.average"},
    flops=3,
)


# The same without NaNs.
def nan_filled(m: Carrier, x: Value, filler: float) -> Value:
    return m.where(m.not_equal(x, x), filler, x)


def present(m: Carrier, x: Value, axis: Value) -> Value:
    return m.sum(m.astype(m.equal(x, x), dtype=float), axis=axis, keepdims=True)


def nan_variance(m: Carrier, x: Value, *, axis: Axis, keepdims: bool, ddof: float) -> Value:
    n = present(m, x, axis)
    mean = m.sum(nan_filled(m, x, 0.0), axis=axis, keepdims=True) / n
    d = m.where(m.not_equal(x, x), 0.0, x - mean)
    square = m.real(d * m.conjugate(d)) if m.is_complex(x) else m.square(d)
    total = m.sum(square, axis=axis, keepdims=True) / (n - float(ddof))
    return total if keepdims else m.reshape(total, shape=m.shape(m.sum(square, axis=axis, keepdims=False)))


composite(
    "nansum",
    lambda m, x, *, axis, keepdims: m.sum(nan_filled(m, x, 0.0), axis=axis, keepdims=keepdims),
    doc="The sum over the axes, NaNs left out.",
    glyph="Σ",
    arguments=reading_reduction("nansum"),
)
composite(
    "nanprod",
    lambda m, x, *, axis, keepdims: m.prod(nan_filled(m, x, 1.0), axis=axis, keepdims=keepdims),
    doc="The product over the axes, NaNs left out.",
    glyph="Π",
    arguments=reading_reduction("nanprod"),
)
composite(
    "nanmean",
    lambda m, x, *, axis, keepdims: m.divide(
        m.sum(nan_filled(m, x, 0.0), axis=axis, keepdims=keepdims),
        m.sum(m.astype(m.equal(x, x), dtype=float), axis=axis, keepdims=keepdims),
    ),
    doc="The mean over the axes, NaNs left out.",
    glyph="mean",
    arguments=reading_reduction("nanmean"),
)
composite(
    "nanvar",
    nan_variance,
    doc="The variance over the axes, NaNs left out.",
    glyph="var",
    arguments=read_deviation("nanvar"),
)
composite(
    "nanstd",
    lambda m, x, **params: m.sqrt(m.nanvar(x, **params)),
    doc="The standard deviation over the axes, NaNs left out.",
    glyph="std",
    arguments=read_deviation("nanstd"),
    non_differentiable="all elements equal",
    facts={"one formula"},
)

__all__ = ["cast", "expand", "refuse"]
