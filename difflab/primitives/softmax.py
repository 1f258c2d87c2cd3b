"""The soft maximum and its like: logsumexp, softmax, log_softmax."""

from __future__ import annotations

import numpy as np

from ..errors import InputError, ShapeError
from ..types import Axis, Function, Value
from . import batches, by_rows
from .arguments import axes_of, of_number
from .primitive import Carrier, custom
from .reductions import expand


def read_softmax(name: str) -> Function:
    return lambda x, axis=None: ((x,), {"axis": axes_of(name, x, axis)})


def read_logsumexp(
    a: Value, axis: Value = None, b: Value = None, keepdims: bool = False, return_sign: bool = False
) -> Value:
    if return_sign:
        raise InputError("logsumexp: return_sign=True is not supported")
    a = a if hasattr(a, "shape") else np.asarray(a)
    found = None if of_number(a, axis) else axes_of("logsumexp", a, axis)
    params = {"axis": found, "keepdims": bool(keepdims)}
    if b is None:
        return (a,), params
    b = b if hasattr(b, "shape") else np.asarray(b)
    shape = np.broadcast_shapes(a.shape, b.shape)
    if shape != a.shape:
        raise ShapeError(f"logsumexp: b of shape {b.shape} does not broadcast to the shape {a.shape} of a")
    return (a, b), params


def softmax_weights(m: Carrier, y: Value, x: Value, axis: Value) -> Value:
    """exp(x - y), where y = -inf (a sum of nothing) gives 0."""
    return m.exp(x - m.where(m.equal(y, -np.inf), 0.0, y))


def logsumexp_jvp(m: Carrier, ts: Value, y: Value, x: Value, b: Value = None, *, axis: Axis, keepdims: bool) -> Value:
    p = softmax_weights(m, expand(m, y, x, axis, keepdims), x, axis)
    parts = [] if ts[0] is None else [p * ts[0] if b is None else b * p * ts[0]]
    if b is not None and ts[1] is not None:
        parts.append(p * ts[1])
    total = parts[0] if len(parts) == 1 else parts[0] + parts[1]
    return m.sum(m.broadcast_to(total, shape=m.shape(x)), axis=axis, keepdims=keepdims)


def logsumexp_vjp(m: Carrier, ct: Value, y: Value, x: Value, b: Value = None, *, axis: Axis, keepdims: bool) -> Value:
    p = softmax_weights(m, expand(m, y, x, axis, keepdims), x, axis)
    ct = expand(m, ct, x, axis, keepdims) * p
    return (ct,) if b is None else (ct * b, ct)


# Programs in other rows that do not overflow: those of a page, and of native loops.
def top(m: Carrier, x: Value, axis: Value) -> Value:
    """The largest element; 0 where it is infinite, so that nothing becomes inf - inf."""
    found = m.max(x, axis=axis, keepdims=True)
    return m.where(m.isfinite(found), found, 0.0)


def shifted_logsumexp(m: Carrier, x: Value, b: Value = None, *, axis: Axis, keepdims: bool) -> Value:
    most = top(m, x, axis)
    terms = m.exp(m.subtract(x, most))
    if b is not None:
        terms = m.where(m.equal(b, 0.0), 0.0, m.multiply(b, terms))
    y = m.add(m.log(m.sum(terms, axis=axis, keepdims=True)), most)
    return y if keepdims else m.sum(y, axis=axis, keepdims=False)


def shifted_softmax(m: Carrier, x: Value, *, axis: Axis) -> Value:
    e = m.exp(m.subtract(x, top(m, x, axis)))
    return m.divide(e, m.sum(e, axis=axis, keepdims=True))


def shifted_log_softmax(m: Carrier, x: Value, *, axis: Axis) -> Value:
    z = m.subtract(x, top(m, x, axis))
    return m.subtract(z, m.log(m.sum(m.exp(z), axis=axis, keepdims=True)))


custom(
    "logsumexp",
    jvp=logsumexp_jvp,
    vjp=logsumexp_vjp,
    value=lambda m, x, b=None, *, axis, keepdims: m.log(
        m.sum(m.exp(x) if b is None else b * m.exp(x), axis=axis, keepdims=keepdims)
    ),
    doc="log(sum(b exp(x))) over the axes, without overflow; of nothing but -inf it is -inf.",
    glyph="log Σ exp",
    latex=r"\ln\sum e^{{{0}}}",
    reads=("logaddexp.reduce",),
    arguments=read_logsumexp,
    spelling={
        "numpy": "kernels.arrays.logsumexp",
        "arb": "germs.arrays.logsumexp",
        "complex": "kernels.arrays.logsumexp",
        "javascript": shifted_logsumexp,
        "parts": shifted_logsumexp,
    },
    flops=3,
    batch=batches.axes,
    facts={"fresh", "increasing", "convex"},
    by_rows=by_rows.reduction,
)
custom(
    "softmax",
    jvp=lambda m, ts, y, x, *, axis: y * (ts[0] - m.sum(y * ts[0], axis=axis, keepdims=True)),
    vjp=lambda m, ct, y, x, *, axis: (y * (ct - m.sum(y * ct, axis=axis, keepdims=True)),),
    value=lambda m, x, *, axis: m.exp(x) / m.sum(m.exp(x), axis=axis, keepdims=True),
    doc="exp(x) / sum(exp(x)) along the axes, without overflow.",
    glyph="softmax",
    reads=(),
    arguments=read_softmax("softmax"),
    spelling={
        "numpy": "kernels.arrays.softmax",
        "arb": "germs.arrays.softmax",
        "complex": "kernels.arrays.softmax",
        "javascript": shifted_softmax,
        "parts": shifted_softmax,
    },
    flops=3,
    batch=batches.axes,
    facts={"fresh"},
    by_rows=by_rows.other_axes,
)
custom(
    "log_softmax",
    jvp=lambda m, ts, y, x, *, axis: ts[0] - m.sum(m.exp(y) * ts[0], axis=axis, keepdims=True),
    vjp=lambda m, ct, y, x, *, axis: (ct - m.exp(y) * m.sum(ct, axis=axis, keepdims=True),),
    value=lambda m, x, *, axis: x - m.log(m.sum(m.exp(x), axis=axis, keepdims=True)),
    doc="The logarithm of softmax, without overflow.",
    glyph="log softmax",
    latex=r"\ln\operatorname{{softmax}}({0})",
    reads=(),
    arguments=read_softmax("log_softmax"),
    spelling={
        "numpy": "kernels.arrays.log_softmax",
        "arb": "germs.arrays.log_softmax",
        "complex": "kernels.arrays.log_softmax",
        "javascript": shifted_log_softmax,
        "parts": shifted_log_softmax,
    },
    flops=3,
    batch=batches.axes,
    facts={"fresh"},
    by_rows=by_rows.other_axes,
)
