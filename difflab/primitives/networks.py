"""Rows that networks need beside those of arrays: random numbers from a key, labels that are checked."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ..errors import DtypeError, InputError, ShapeError
from ..types import Key, Value
from . import batches
from .primitive import Carrier, Domain, Primitive, composite, custom, elementwise, linear, register


def read_random_uniform(key: Key, *, shape: Value = (), dtype: Any = np.float64) -> Value:
    """A key is two integers; a shape is a tuple."""
    if not hasattr(key, "dtype"):
        key = np.asarray(key)
    if key.dtype.kind not in "iu":
        raise DtypeError(f"random_uniform: the key has dtype {key.dtype}; it must be integers")
    if Carrier.shape(key) == ():
        key = np.stack([key, np.zeros((), key.dtype)])
    if Carrier.shape(key) != (2,):
        raise ShapeError(f"random_uniform: a key of shape {Carrier.shape(key)}; it is one integer or two")
    dtype = np.dtype(dtype)
    if dtype not in (np.float32, np.float64):
        raise InputError(f"random_uniform: dtype={dtype}; it is float32 or float64")
    shape = (shape,) if hasattr(shape, "__index__") else shape
    return (key,), {"shape": tuple(operator.index(n) for n in shape), "dtype": dtype}


register(
    Primitive(
        name="random_uniform",
        doc="Numbers evenly spread over [0, 1), a function of an integer key: the same key gives the same numbers.",
        glyph="random",
        latex=r"\operatorname{{random}}({0})",
        arguments=read_random_uniform,
        reads=(),
        differentiable=False,
        spelling={"numpy": "kernels.networks.random_uniform"},
        domain=(),
        flops=10,
        source="Salmon et al., Parallel random numbers: as easy as 1, 2, 3, SC 2011",
    )
)
register(
    Primitive(
        name="class_labels",
        doc="Labels from 0 to count - 1, checked whenever they are read; 0 where one is to be ignored.",
        called=(),
        glyph="label",
        latex="{0}",
        reads=(),
        differentiable=False,
        spelling={"numpy": "kernels.networks.class_labels"},
        domain=(),
        flops=0,
        batch=batches.stacks,
    )
)
linear(
    "without_ignored",
    lambda m, i, ct, x, labels, *, ignore_index: m.without_ignored(ct, labels, ignore_index=ignore_index),
    doc="x, and 0 where the label is the one that is ignored.",
    called=(),
    glyph="kept",
    latex="{0}",
    reads=(),
    fixed=(1,),
    spelling={"numpy": "kernels.networks.without_ignored"},
    gate=lambda m, i, gate, x, labels, *, ignore_index: m.logical_and(gate, m.not_equal(labels, ignore_index)),
    domain=(),
    batch=batches.along_all,
)


def label_loss(m: Carrier, z: Value, labels: Value, *, axis: int, ignore_index: int) -> Value:
    """From other rows: log(sum(exp(z))) - z[label]."""
    places = m.class_labels(labels, what=WHAT, count=m.shape(z)[axis], ignore_index=ignore_index)
    shape = tuple(1 if k == axis else n for k, n in enumerate(m.shape(z)))
    at_label = m.take_along_axis(z, m.reshape(places, shape=shape), axis=axis)
    y = m.logsumexp(z, axis=(axis,), keepdims=False) - m.reshape(at_label, shape=m.shape(labels))
    return m.without_ignored(y, labels, ignore_index=ignore_index)


def label_loss_slope(m: Carrier, ct: Value, z: Value, labels: Value, *, axis: int, ignore_index: int) -> Value:
    """ct (softmax(z) - 1 at the label), 0 where the label is ignored."""
    shape = tuple(1 if k == axis else n for k, n in enumerate(m.shape(z)))
    classes = np.arange(m.shape(z)[axis]).reshape((-1,) + (1,) * (m.ndim(z) - 1 - axis))
    at_label = m.astype(m.equal(m.reshape(labels, shape=shape), classes), dtype=m.dtype(z))
    ct = m.reshape(m.without_ignored(ct, labels, ignore_index=ignore_index), shape=shape)
    return ct * (m.softmax(z, axis=(axis,)) - at_label)


WHAT = "cross_entropy: the label"
custom(
    "label_loss",
    jvp=lambda m, ts, y, z, labels, *, axis, ignore_index: m.sum(
        ts[0] * m.label_loss_slope(m.ones_like(y), z, labels, axis=axis, ignore_index=ignore_index),
        axis=(axis,),
        keepdims=False,
    ),
    vjp=lambda m, ct, y, z, labels, **params: (m.label_loss_slope(ct, z, labels, **params), None),
    doc="-log softmax(z) at the label, for each label along an axis; 0 where the label is ignored.",
    called=(),
    glyph="-log p",
    latex=r"-\ln\operatorname{{softmax}}({0})_{{{1}}}",
    value=label_loss,
    spelling={"numpy": "kernels.networks.label_loss"},
    reads=(),
    domain=(),
    batch=batches.along_all,
    flops=20,
)
composite(
    "label_loss_slope",
    label_loss_slope,
    doc="The derivative of -log softmax(z) at the label, times the cotangent.",
    called=(),
    glyph="p - 1",
    reads=(),
    spelling={"numpy": "kernels.networks.label_loss_slope"},
    domain=(),
    flops=20,
)


def bernoulli_value(m: Carrier, p: Value, t: Value) -> Value:
    return -(t * m.maximum(m.log(p), -100.0) + (1 - t) * m.maximum(m.log1p(-p), -100.0))


elementwise(
    "bernoulli_loss",
    (
        lambda m, y, p, t: (p - t) / m.maximum(p * (1 - p), 1e-12),
        lambda m, y, p, t: m.maximum(m.log1p(-p), -100.0) - m.maximum(m.log(p), -100.0),
    ),
    doc="-(t log p + (1 - t) log(1 - p)); each logarithm is at least -100.",
    called=(),
    glyph="-log p",
    latex=r"-({1}\ln {0} + (1 - {1})\ln(1 - {0}))",
    domain=(Domain(0.01, 0.99), Domain(0.0, 1.0)),
    reads=(),
    value=bernoulli_value,
    flops=40,
)
