"""Rows that run along an axis: running sums and products, differences, convolution, interpolation, integrals."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import InputError, ShapeError
from ..types import Function, Value
from . import batches, by_rows
from .arguments import axes_of, axis_of, cast, numbers, of_number, refuse, whole
from .extremes import opaque
from .primitive import Carrier, Reading, composite, linear


def along(axis: int, part: Value) -> tuple[Value, ...]:
    """The index that takes `part` of one axis and all of those before and behind."""
    return (slice(None),) * axis + (part,)


def read_scan(name: str) -> Function:
    def read(a: Value, axis: Value = None, dtype: Any = None, out: object = None, **other: Any) -> Value:
        refuse(out=out, **other)
        if axis is None or of_number(a, axis):
            a, axis = np.ravel(a), 0
        elif not Carrier.shape(a):
            raise ShapeError(f"{name}: axis={axis} of an array of shape ()")
        return (cast(a, dtype),), {"axis": 0 if a.shape is None else axis_of(name, a, axis)}

    return read


linear(
    "cumsum",
    lambda m, i, ct, x, *, axis: m.flip(m.cumsum(m.flip(ct, axis=(axis,)), axis=axis), axis=(axis,)),
    doc="The running sum along an axis, of the raveled array by default.",
    glyph="Σ→",
    reads=("cumsum", "add.accumulate"),
    arguments=read_scan("cumsum"),
    facts={"fresh", "sums"},
    spelling={"elements": "cumsum"},
    batch=batches.axes,
    by_rows=by_rows.other_axes,
)


def prefix_scan(combine: str) -> Function:
    """Running results by doubling steps: log2(n) elementwise operations, exact where a quotient would fail."""

    def value(m: Carrier, x: Value, *, axis: int) -> Value:
        n, step = m.shape(x)[axis], 1
        while step < n:
            head = m.getitem(x, index=along(axis, slice(0, step)))
            left = m.getitem(x, index=along(axis, slice(0, n - step)))
            right = m.getitem(x, index=along(axis, slice(step, n)))
            x = m.concatenate(head, getattr(m, combine)(left, right), axis=axis)
            step *= 2
        return x

    return value


composite(
    "cumprod",
    prefix_scan("multiply"),
    doc="The running product along an axis; the derivative is exact where factors are zero.",
    glyph="Π→",
    reads=("cumprod", "multiply.accumulate"),
    arguments=read_scan("cumprod"),
    spelling={"elements": "cumprod"},
    batch=batches.axes,
)
for _name, _word in (("maximum", "largest"), ("minimum", "smallest")):
    composite(
        f"{_name}_accumulate",
        prefix_scan(_name),
        doc=f"The {_word} element so far along an axis; ties share the derivative.",
        reads=(f"{_name}.accumulate",),
        arguments=read_scan(f"{_name}.accumulate"),
        spelling={"numpy": f"{_name}.accumulate"},
        non_differentiable=f"two equal {_word} elements",
        batch=batches.axes,
    )
for _name, _row, _filler in (("nancumsum", "cumsum", 0.0), ("nancumprod", "cumprod", 1.0)):
    composite(
        _name,
        lambda m, x, *, axis, _row=_row, _filler=_filler: getattr(m, _row)(
            m.where(m.not_equal(x, x), _filler, x), axis=axis
        ),
        doc=f"{_row} with NaNs left out.",
        arguments=read_scan(_name),
    )


# Differences.
def read_diff(a: Value, n: int = 1, axis: int = -1, prepend: Value = None, append: Value = None) -> Value:
    n = whole("diff: n", n, 0)
    if not Carrier.shape(a):
        raise ShapeError("diff: an array of shape () has no axis to take differences along")
    axis = axis_of("diff", a, axis)
    ends = []
    for end in (prepend, append):
        if end is not None and end is not np._NoValue:
            if not Carrier.shape(end):
                end = np.broadcast_to(end, tuple(1 if k == axis else length for k, length in enumerate(a.shape)))
            ends.append(end)
        else:
            ends.append(None)
    parts = [ends[0], a, ends[1]]
    given = [p for p in parts if p is not None]
    joined = np.concatenate(given, axis) if len(given) > 1 else a
    n = min(n, Carrier.shape(joined)[axis])  # after so many nothing is left
    return (joined,), {"n": n, "axis": axis}


def difference(m: Carrier, x: Value, *, n: int, axis: int) -> Value:
    for _ in range(n):
        x = m.getitem(x, index=along(axis, slice(1, None))) - m.getitem(x, index=along(axis, slice(None, -1)))
    return x


composite(
    "diff",
    difference,
    doc="The n-th differences of neighbours along an axis.",
    glyph="Δ",
    latex=r"\Delta {0}",
    arguments=read_diff,
    spelling={"elements": "diff"},
    batch=batches.axes,
)
composite(
    "ediff1d",
    lambda m, x: difference(m, m.reshape(x, shape=(m.size(x),)), n=1, axis=0),
    doc="The differences of neighbours of the raveled array.",
    glyph="Δ",
    arguments=lambda ary, to_end=None, to_begin=None: (
        ((ary,), {}) if to_end is None and to_begin is None else _ediff_with_ends(ary, to_end, to_begin)
    ),
    spelling={"elements": "ediff1d"},
)


def _ediff_with_ends(x: Value, to_end: Value, to_begin: Value) -> Value:
    inner = np.ediff1d(x)
    parts = [cast(np.ravel(p), inner.dtype) for p in (to_begin, inner, to_end) if p is not None]
    return tuple(parts), {"axis": 0}, "concatenate"


def slope(m: Carrier, f: Value, spacing: Value, axis: int, edge_order: int) -> Value:
    """Second-order central differences inside, one-sided ones at both ends."""
    n = m.shape(f)[axis]

    def at(start: int, stop: int) -> Value:
        return m.getitem(f, index=along(axis, slice(start, stop)))

    tail = (1,) * (m.ndim(f) - axis - 1)
    if m.ndim(spacing) == 0:
        inside = m.divide(at(2, n) - at(0, n - 2), 2 * spacing)
        first, last = at(1, 2) - at(0, 1), at(n - 1, n) - at(n - 2, n - 1)
        if edge_order == 2:
            first = -1.5 * at(0, 1) + 2.0 * at(1, 2) - 0.5 * at(2, 3)
            last = 1.5 * at(n - 1, n) - 2.0 * at(n - 2, n - 1) + 0.5 * at(n - 3, n - 2)
        return m.concatenate(m.divide(first, spacing), inside, m.divide(last, spacing), axis=axis)
    steps = m.reshape(difference(m, spacing, n=1, axis=0), shape=(n - 1, *tail))

    def gap(start: int, stop: int) -> Value:
        return m.getitem(steps, index=(slice(start, stop),))

    h, k = gap(0, n - 2), gap(1, n - 1)
    inside = (at(2, n) * h * h + at(1, n - 1) * (k * k - h * h) - at(0, n - 2) * k * k) / (h * k * (h + k))
    h, k = gap(0, 1), gap(n - 2, n - 1)
    first, last = (at(1, 2) - at(0, 1)) / h, (at(n - 1, n) - at(n - 2, n - 1)) / k
    if edge_order == 2:
        g = gap(1, 2)
        first = -at(0, 1) * (2 * h + g) / (h * (h + g)) + at(1, 2) * (h + g) / (h * g) - at(2, 3) * h / (g * (h + g))
        g = gap(n - 3, n - 2)
        last = (
            at(n - 3, n - 2) * k / (g * (g + k))
            - at(n - 2, n - 1) * (k + g) / (g * k)
            + at(n - 1, n) * (2 * k + g) / (k * (g + k))
        )
    return m.concatenate(first, inside, last, axis=axis)


def gradient(m: Carrier, f: Value, *spacing: Value, axis: Value, edge_order: int) -> Value:
    spacing = spacing * len(axis) if len(spacing) == 1 else spacing or (1.0,) * len(axis)
    slopes = [slope(m, f, h, k, edge_order) for k, h in zip(axis, spacing)]
    return slopes[0] if len(slopes) == 1 else tuple(slopes)


def read_gradient(f: Value, *varargs: Value, axis: Value = None, edge_order: int = 1) -> Value:
    if Carrier.ndim(f) == 0:
        raise ShapeError("gradient: an array of shape () has no axis to take differences along")
    found = tuple(range(Carrier.ndim(f))) if axis is None else axes_of("gradient", f, axis)
    if len(varargs) not in (0, 1, len(found)):
        raise InputError(f"gradient: {len(varargs)} spacings for {len(found)} axes")
    if edge_order not in (1, 2):
        raise InputError(f"gradient: edge_order={edge_order} is not 1 or 2")
    for k in found:
        if f.shape[k] < edge_order + 1:
            raise ShapeError(f"gradient: axis {k} of shape {f.shape} is shorter than edge_order + 1 = {edge_order + 1}")
    return (f, *map(numbers, varargs)), {"axis": found, "edge_order": edge_order}


composite(
    "gradient",
    gradient,
    doc="The slope along each axis by differences of neighbours; one array for each axis.",
    glyph="∇",
    latex=r"\nabla {0}",
    arguments=read_gradient,
    spelling={"numpy": "kernels.arrays.gradient"},
    result=lambda *parts: list(parts),
    flops=3,
)


# Integrals.
def trapezoid(m: Carrier, y: Value, x: Value = None, *, dx: float, axis: int) -> Value:
    n = m.shape(y)[axis]
    pairs = (m.getitem(y, index=along(axis, slice(1, n))) + m.getitem(y, index=along(axis, slice(0, n - 1)))) / 2
    if x is None:
        return m.sum(m.multiply(pairs, dx), axis=(axis,), keepdims=False)  # an exact dx stays exact
    if m.ndim(x) == 1:
        steps = m.reshape(difference(m, x, n=1, axis=0), shape=(m.size(x) - 1,) + (1,) * (m.ndim(y) - axis - 1))
    else:
        steps = difference(m, x, n=1, axis=axis)
    return m.sum(pairs * steps, axis=(axis,), keepdims=False)


composite(
    "trapezoid",
    trapezoid,
    doc="The integral of samples along an axis by the trapezoidal rule.",
    glyph="∫",
    latex=r"\int {0}",
    reads=("trapezoid", "trapz"),
    arguments=lambda y, x=None, dx=1.0, axis=-1: (
        (y,) if x is None else (y, numbers(x)),
        {"dx": dx, "axis": axis_of("trapezoid", y, axis)},
    ),
    spelling={"numpy": "trapezoid"},
    flops=3,
)


# Convolution of two sequences.
def convolve_transpose(m: Carrier, i: int, ct: Value, a: Value, b: Value, *, mode: str) -> Value:
    """Correlation with the other operand, of the cotangent put back in its place in the full convolution."""
    n, k = m.size(a), m.size(b)
    full = n + k - 1
    short = m.size(ct)
    start = (full - short) // 2 if mode == "same" else min(n, k) - 1 if mode == "valid" else 0
    if short != full:
        ct = m.scatter(ct, index=(slice(start, start + short),), shape=(full,))
    return m.convolve(ct, m.flip((b, a)[i], axis=(0,)), mode="valid")


def conjugate(m: Carrier, x: Value) -> Value:
    return m.conjugate(x) if m.is_complex(x) else x


def correlate(m: Carrier, a: Value, v: Value, *, mode: str) -> Value:
    """A convolution with the second operand reversed; with the roles exchanged where it is the longer one."""
    if m.size(a) < m.size(v):
        return m.flip(conjugate(m, correlate(m, v, a, mode=mode)), axis=(0,))
    return m.convolve(a, m.flip(conjugate(m, v), axis=(0,)), mode=mode)


def read_convolve(name: str, default: str) -> Function:
    def read(a: Value, v: Value, mode: Value = default) -> Value:
        mode = {0: "valid", 1: "same", 2: "full"}.get(mode, mode)
        if mode not in ("full", "same", "valid"):
            raise InputError(f"{name}: mode={mode!r}; it is one of 'full', 'same', 'valid'")
        for which, x in (("first", a), ("second", v)):
            if Carrier.ndim(x) > 1:
                raise ShapeError(f"{name}: the {which} operand has shape {Carrier.shape(x)}, it takes one axis")
        return (np.atleast_1d(a), np.atleast_1d(v)), {"mode": mode}

    return read


linear(
    "convolve",
    convolve_transpose,
    doc="The discrete convolution of two sequences.",
    glyph="∗",
    infix="*",
    latex="{0} * {1}",
    batch=batches.convolve,
    arguments=read_convolve("convolve", "full"),
    spelling={"elements": "convolve"},
    flops=2,
)
composite(
    "correlate",
    correlate,
    doc="The cross-correlation of two sequences.",
    glyph="⋆",
    latex=r"{0} \star {1}",
    arguments=read_convolve("correlate", "valid"),
    flops=2,
)


# Interpolation.
opaque(
    "interval",
    "The interval between neighbouring points around x, the outer ones reaching to infinity",
    reads=(),
    spelling={"numpy": "kernels.arrays.interval", "elements": "kernels.arrays.interval"},
    batch=batches.looked_up(1),
    called=(),
    reading=Reading(as_recorded=True),
)


def interp(m: Carrier, x: Value, xp: Value, fp: Value, *ends: Value, left: bool, right: bool) -> Value:
    """The straight line between the two points around x; the first or last value outside."""
    n = m.size(xp)
    last = m.getitem(xp, index=(n - 1,))
    if n == 1:
        y = m.broadcast_to(m.getitem(fp, index=(0,)), shape=m.shape(x))
    else:
        place = m.interval(xp, x)
        x0, x1 = m.take(xp, place, axis=0, mode="raise"), m.take(xp, place + 1, axis=0, mode="raise")
        y0, y1 = m.take(fp, place, axis=0, mode="raise"), m.take(fp, place + 1, axis=0, mode="raise")
        y = y0 + (y1 - y0) * ((x - x0) / (x1 - x0))
    low = ends[0] if left else m.getitem(fp, index=(0,))
    high = ends[-1] if right else m.getitem(fp, index=(n - 1,))
    return m.where(m.less(x, m.getitem(xp, index=(0,))), low, m.where(m.greater(x, last), high, y))


def read_interp(x: Value, xp: Value, fp: Value, left: Value = None, right: Value = None, period: Value = None) -> Value:
    if period is not None:
        raise InputError("interp: period= is not supported on traced values; use np.mod and repeat the end points")
    ends = tuple(e for e in (left, right) if e is not None)
    return (x, xp, fp, *ends), {"left": left is not None, "right": right is not None}


composite(
    "interp",
    interp,
    doc="Piecewise linear interpolation of (xp, fp) at x; xp ascending.",
    arguments=read_interp,
    reading=Reading(as_recorded=True),
    spelling={"numpy": "kernels.arrays.interp"},
    non_differentiable="x at one of xp",
    flops=6,
)


# Polynomials.
def horner(m: Carrier, p: Value, x: Value) -> Value:
    y = m.zeros_like(x) * 1.0
    for k in range(m.size(p)):
        y = m.add(m.multiply(y, x), m.getitem(p, index=(k,)))
    return y


def read_polyval(p: Value, x: Value) -> Value:
    if Carrier.ndim(p) != 1:
        raise ShapeError(f"polyval: coefficients of shape {Carrier.shape(p)}; a polynomial has them in one axis")
    return (p, x), {}


composite(
    "polyval",
    horner,
    doc="The polynomial with coefficients p, highest first, at x.",
    arguments=read_polyval,
    flops=10,
)
