"""Moments, and deviations in units of the standard deviation: what the normalisations of networks share."""

from __future__ import annotations

from ..errors import InputError
from ..types import Axis, Value
from . import batches
from .arguments import axes_of
from .primitive import Carrier, composite, custom


def number(m: Carrier, x: Value, axes: Value) -> int:
    """How many elements are taken together."""
    n = 1
    for k in axes:
        n *= m.shape(x)[k]
    return n


def moments(m: Carrier, x: Value, *, axes: Axis) -> list[Value]:
    mean = m.mean(x, axis=axes, keepdims=True)
    return [mean, m.mean(m.square(x - mean), axis=axes, keepdims=True)]


def moments_jvp(m: Carrier, ts: Value, y: Value, x: Value, *, axes: Axis) -> Value:
    (t,) = ts
    return m.mean(t, axis=axes, keepdims=True), 2 * m.mean((x - y[0]) * t, axis=axes, keepdims=True)


def moments_vjp(m: Carrier, ct: Value, y: Value, x: Value, *, axes: Axis) -> Value:
    n = number(m, x, axes)
    return (m.broadcast_to(ct[0] / n, shape=m.shape(x)) + (x - y[0]) * (ct[1] * (2 / n)),)


def read_moments(x: Value, axes: Value) -> Value:
    if Carrier.dtype(x).kind != "f":
        raise InputError(f"moments: an array of dtype {Carrier.dtype(x)}; it must be of floating-point numbers")
    return (x,), {"axes": tuple(sorted(axes_of("moments", x, axes)))}


custom(
    "moments",
    jvp=moments_jvp,
    vjp=moments_vjp,
    doc="The mean and the variance (over the number of elements) along axes, which stay with length 1.",
    called=(),
    glyph="mean, var",
    arguments=read_moments,
    reads=(),
    value=moments,
    spelling={"numpy": "kernels.networks.moments"},
    domain=(),
    outputs=2,
    flops=4,
    batch=batches.along_all,
)


def inverse_deviation(m: Carrier, var: Value, eps: float) -> Value:
    return m.reciprocal(m.sqrt(var + eps))


def centred_transpose(m: Carrier, ct: Value, y: Value, var: Value, *, axes: Axis, eps: float) -> Value:
    """(ct - mean(ct) - y mean(ct y)) / sqrt(var + eps): the transpose, and as it is symmetric, the map itself."""

    def mean(v: Value) -> Value:
        return m.mean(v, axis=axes, keepdims=True)

    return (ct - mean(ct) - y * mean(ct * y)) * inverse_deviation(m, var, eps)


# The moments are operands so that they are computed once where someone else needs them too; x has the whole derivative.
custom(
    "standardised",
    jvp=lambda m, ts, y, x, mean, var, **params: m.standardised_slope(
        m.zeros_like(x) if ts[0] is None else ts[0], y, var, **params
    ),
    vjp=lambda m, ct, y, x, mean, var, **params: (m.standardised_slope(ct, y, var, **params), None, None),
    doc="(x - mean) / sqrt(var + eps), where mean and variance are those of x itself along the axes.",
    called=(),
    glyph="(x - μ)/σ",
    latex=r"\frac{{{0} - {1}}}{{\sqrt{{{2} + \varepsilon}}}}",
    reads=(),
    value=lambda m, x, mean, var, *, axes, eps: (x - mean) * inverse_deviation(m, var, eps),
    spelling={"numpy": "kernels.networks.standardised"},
    lies_as=0,
    domain=(),
    batch=batches.along_all,
    flops=4,
)
composite(
    "standardised_slope",
    centred_transpose,
    doc="The derivative of (x - mean) / sqrt(var + eps) by x, times a tangent or a cotangent.",
    called=(),
    glyph="(x - μ)/σ'",
    reads=(),
    spelling={"numpy": "kernels.networks.standardised_slope"},
    lies_as=1,
    domain=(),
    flops=8,
)
