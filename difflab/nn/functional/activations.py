"""Activation functions, in torch.nn.functional's signatures; `inplace` is taken and has no meaning."""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike

from ...errors import InputError, ShapeError
from ...primitives import rows
from ...types import Value
from . import checks
from .checks import real, row


def relu(input: Value, inplace: bool = False) -> Value:
    """max(x, 0); the derivative at 0 is 0.

    >>> relu(np.array([-1.0, 2.0]))
    array([0., 2.])
    """
    return row(rows.relu, real(input))


def relu6(input: Value, inplace: bool = False) -> Value:
    """min(max(x, 0), 6).

    >>> relu6(np.array([-1.0, 8.0]))
    array([0., 6.])
    """
    return row(rows.relu6, real(input))


def leaky_relu(input: Value, negative_slope: float = 0.01, inplace: bool = False) -> Value:
    """x where it is positive, else x times negative_slope.

    >>> leaky_relu(np.array([-1.0, 2.0]), 0.5)
    array([-0.5,  2. ])
    """
    checks.numbers("leaky_relu", negative_slope=negative_slope)
    return row(rows.leaky_relu, real(input), negative_slope=negative_slope)


def elu(input: Value, alpha: float = 1.0, inplace: bool = False) -> Value:
    """x where it is positive, else alpha (exp(x) - 1).

    >>> elu(np.array([-np.inf, 2.0]))
    array([-1.,  2.])
    """
    checks.numbers("elu", alpha=alpha)
    return row(rows.elu, real(input), alpha=alpha)


def selu(input: Value, inplace: bool = False) -> Value:
    """The self-normalising elu (Klambauer et al., NIPS 2017).

    >>> selu(np.array([0.0, 1.0])).round(3)
    array([0.   , 1.051])
    """
    return row(rows.selu, real(input))


def celu(input: Value, alpha: float = 1.0, inplace: bool = False) -> Value:
    """max(x, 0) + min(0, alpha (exp(x / alpha) - 1)), which is smooth at 0 for every alpha (Barron, 2017).

    >>> celu(np.array([-np.inf, 2.0]), alpha=0.5)
    array([-0.5,  2. ])
    """
    checks.numbers("celu", alpha=alpha)
    if alpha == 0:
        raise InputError("celu: alpha=0; it must not be zero")
    return row(rows.celu, real(input), alpha=alpha)


def gelu(input: Value, approximate: str = "none") -> Value:
    """x Φ(x) with the normal distribution Φ, or with approximate="tanh" its usual approximation.

    >>> gelu(np.array([-1.0, 0.0, 1.0])).round(4)
    array([-0.1587,  0.    ,  0.8413])
    """
    checks.one_of("gelu: approximate", approximate, "none", "tanh")
    return row(rows.gelu, real(input), approximate=approximate)


def silu(input: Value, inplace: bool = False) -> Value:
    """x sigmoid(x), also called swish.

    >>> silu(np.array([0.0, 1.0])).round(4)
    array([0.    , 0.7311])
    """
    return row(rows.silu, real(input))


def mish(input: Value, inplace: bool = False) -> Value:
    """x tanh(softplus(x)) (Misra, 2019).

    >>> mish(np.array([0.0, 1.0])).round(4)
    array([0.    , 0.8651])
    """
    return row(rows.mish, real(input))


def sigmoid(input: Value) -> Value:
    """1 / (1 + exp(-x)).

    >>> sigmoid(np.array([-1000.0, 0.0]))
    array([0. , 0.5])
    """
    return row(rows.sigmoid, real(input))


def hardsigmoid(input: Value, inplace: bool = False) -> Value:
    """x/6 + 1/2, kept between 0 and 1.

    >>> hardsigmoid(np.array([-4.0, 0.0, 4.0]))
    array([0. , 0.5, 1. ])
    """
    return row(rows.hardsigmoid, real(input))


def hardswish(input: Value, inplace: bool = False) -> Value:
    """x hardsigmoid(x) (Howard et al., ICCV 2019).

    >>> hardswish(np.array([-4.0, 3.0]))
    array([-0.,  3.])
    """
    return row(rows.hardswish, real(input))


def hardtanh(input: Value, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Value:
    """x, kept between min_val and max_val; the derivative at both is 0.

    >>> hardtanh(np.array([-4.0, 0.5]))
    array([-1. ,  0.5])
    """
    checks.numbers("hardtanh", min_val=min_val, max_val=max_val)
    if min_val > max_val:
        raise InputError(f"hardtanh: min_val={min_val} is larger than max_val={max_val}")
    return row(rows.hardtanh, real(input), min_val=min_val, max_val=max_val)


def tanh(input: Value) -> Value:
    """The hyperbolic tangent.

    >>> tanh(np.array([0.0, 1000.0]))
    array([0., 1.])
    """
    return np.tanh(real(input))


def tanhshrink(input: Value) -> Value:
    """x - tanh(x), without its cancellation near 0.

    >>> bool(np.isclose(tanhshrink(1e-5), 1e-15 / 3, rtol=1e-9, atol=0))
    True
    """
    return row(rows.tanhshrink, real(input))


def softplus(input: Value, beta: float = 1.0, threshold: float = 20.0) -> Value:
    """log(1 + exp(beta x)) / beta, and x itself where beta x is above the threshold.

    >>> softplus(np.array([-1000.0, 0.0, 50.0])).round(4)
    array([ 0.    ,  0.6931, 50.    ])
    """
    checks.numbers("softplus", beta=beta, threshold=threshold)
    x = real(input)
    scaled = x if beta == 1 else beta * x
    y = row(rows.softplus, scaled)
    return np.where(scaled > threshold, x, y if beta == 1 else y / beta)


def softsign(input: Value) -> Value:
    """x / (1 + |x|).

    >>> softsign(np.array([-1.0, 3.0]))
    array([-0.5 ,  0.75])
    """
    return row(rows.softsign, real(input))


def softshrink(input: Value, lambd: float = 0.5) -> Value:
    """x moved towards 0 by lambd, and 0 where it would pass it.

    >>> softshrink(np.array([-2.0, 0.3]))
    array([-1.5,  0. ])
    """
    checks.numbers("softshrink", lambd=lambd)
    if lambd < 0:
        raise InputError(f"softshrink: lambd={lambd} is negative")
    return row(rows.softshrink, real(input), lambd=lambd)


def hardshrink(input: Value, lambd: float = 0.5) -> Value:
    """x, and 0 where |x| <= lambd.

    >>> hardshrink(np.array([-2.0, 0.3]))
    array([-2.,  0.])
    """
    checks.numbers("hardshrink", lambd=lambd)
    return row(rows.hardshrink, real(input), lambd=lambd)


def threshold(input: Value, threshold: float, value: float, inplace: bool = False) -> Value:
    """x where it is above the threshold, else the value.

    >>> threshold(np.array([0.5, 2.0]), 1.0, -7.0)
    array([-7.,  2.])
    """
    checks.numbers("threshold", threshold=threshold, value=value)
    x = real(input)
    return np.where(x > threshold, x, value)


def logsigmoid(input: Value) -> Value:
    """log(sigmoid(x)), which does not underflow.

    >>> logsigmoid(np.array([-1000.0]))
    array([-1000.])
    """
    return row(rows.log_sigmoid, real(input))


def prelu(input: Value, weight: Value) -> Value:
    """x where it is positive, else x times weight: one number, or one for each channel (axis 1).

    Raises ShapeError for another number of weights.

    >>> prelu(np.array([[-2.0, -2.0]]), np.array([0.5, 0.25]))
    array([[-1. , -0.5]])
    """
    x, weight = real(input), real(weight)
    channels = x.shape[1] if x.ndim > 1 else 1
    if weight.ndim > 1 or weight.size not in (1, channels):
        raise ShapeError(f"prelu: weight has shape {weight.shape}; it is one number, or one for each of {channels}")
    if weight.ndim and x.ndim > 1:
        weight = weight.reshape((-1, *(1,) * (x.ndim - 2)))
    elif weight.ndim:
        weight = weight.reshape(())
    return np.where(x > 0, x, weight * x)


def glu(input: Value, dim: int = -1) -> Value:
    """The first half along an axis times the sigmoid of the second (Dauphin et al., ICML 2017).

    Raises ShapeError where the axis has an odd length.

    >>> glu(np.array([2.0, 0.0]))
    array([1.])
    """
    x = real(input)
    axis = axis_of("glu", x, dim)
    n = x.shape[axis]
    if n % 2:
        raise ShapeError(f"glu: axis {dim} of shape {x.shape} has {n} elements; it must be an even number")
    lead = (slice(None),) * axis
    return x[(*lead, slice(0, n // 2))] * row(rows.sigmoid, x[(*lead, slice(n // 2, n))])


def axis_of(what: str, x: Value, dim: int) -> int:
    if not hasattr(dim, "__index__"):
        raise InputError(f"{what}: dim={dim!r}; give the number of an axis")
    if not -x.ndim <= dim < x.ndim:
        raise ShapeError(f"{what}: dim={dim} is out of range for an input of shape {x.shape}")
    axis: int = dim % x.ndim
    return axis


def soft_axis(what: str, x: Value, dim: int | None) -> int:
    """The axis; None is that of the classes, as torch chooses it: 1, and 0 for inputs with 0, 1 or 3 axes."""
    return axis_of(what, x, (0 if x.ndim in (0, 1, 3) else 1) if dim is None else dim)


def softmax(input: Value, dim: int | None = None, _stacklevel: int = 3, dtype: DTypeLike | None = None) -> Value:
    """exp(x) / sum(exp(x)) along an axis, without overflow; `dim=None` is 1, and 0 for inputs with 1 or 3 axes.

    >>> softmax(np.array([1e4, 1e4]), dim=0)
    array([0.5, 0.5])
    """
    x = cast(input, dtype)
    return row(rows.softmax, x, axis=soft_axis("softmax", x, dim)) if x.ndim else np.ones_like(x)


def softmin(input: Value, dim: int | None = None, _stacklevel: int = 3, dtype: DTypeLike | None = None) -> Value:
    """softmax(-x).

    >>> softmin(np.array([0.0, 1e4]), dim=0)
    array([1., 0.])
    """
    return softmax(-cast(input, dtype), dim)


def log_softmax(input: Value, dim: int | None = None, _stacklevel: int = 3, dtype: DTypeLike | None = None) -> Value:
    """The logarithm of softmax, without overflow.

    >>> log_softmax(np.array([1e4, 0.0]), dim=0)
    array([     0., -10000.])
    """
    x = cast(input, dtype)
    return row(rows.log_softmax, x, axis=soft_axis("log_softmax", x, dim)) if x.ndim else np.zeros_like(x)


def cast(x: Value, dtype: DTypeLike | None) -> Value:
    x = real(x)
    return x if dtype is None else x.astype(dtype)


def one_hot(tensor: Value, num_classes: int = -1) -> Value:
    """Integers with a new last axis: 1 at the place of the label, else 0.

    `num_classes=-1` is the largest label and one, which traced labels cannot say: give it there. Raises InputError
    for labels out of range, with the first one.

    >>> one_hot([0, 2])
    array([[1, 0, 0],
           [0, 0, 1]])
    """
    labels = checks.labels("one_hot", tensor)
    if num_classes == -1:
        if not isinstance(labels, np.ndarray | np.generic):
            raise InputError("one_hot: num_classes=-1 reads the labels, which are traced here; give the number")
        if not labels.size:
            raise InputError("one_hot: there are no labels to count the classes of; give num_classes")
        num_classes = int(labels.max()) + 1
    if not hasattr(num_classes, "__index__"):
        raise InputError(f"one_hot: num_classes={num_classes!r}; give an integer")
    labels = row(rows.class_labels, labels, what="one_hot: the label", count=num_classes, ignore_index=None)
    return np.equal(np.expand_dims(labels, -1), np.arange(num_classes)).astype(np.int64)
