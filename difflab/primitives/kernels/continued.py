"""Real functions continued to complex numbers, where NumPy's complex function is another one.

Choices are made by the real part, and what NumPy computes with absolute values or conjugates is written without.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...types import Function, Value


def follow(pick: Function) -> Function:
    """A selection between values, decided by the real parts."""
    return lambda a, b: np.asarray(np.where(pick(np.real(a), np.real(b)), a, b))[()]


maximum: Function
fmax: Function
maximum = fmax = follow(lambda a, b: a >= b)
minimum: Function
fmin: Function
minimum = fmin = follow(lambda a, b: a <= b)


def extreme(argument: Function) -> Function:
    def reduce(x: Value, *, axis: Value = None, keepdims: bool = False) -> Value:
        x = np.asarray(x)
        axes = tuple(range(x.ndim)) if axis is None else axis
        kept = [k for k in range(x.ndim) if k not in axes]
        flat = np.transpose(x, (*kept, *axes)).reshape((*[x.shape[k] for k in kept], -1))
        place = argument(flat.real, axis=-1)
        out = np.take_along_axis(flat, np.expand_dims(place, -1), -1)[..., 0]
        return out.reshape([1 if k in axes else n for k, n in enumerate(x.shape)]) if keepdims else out[()]

    return reduce


largest: Function
smallest: Function
largest, smallest = extreme(np.argmax), extreme(np.argmin)


def absolute(x: Value) -> Value:
    return np.where(np.real(x) < 0, -x, x)[()]


def heaviside(x: Value, h: Value) -> Value:
    return np.where(np.real(x) == 0, h, np.heaviside(np.real(x), 0))[()]


def astype(x: Value, *, dtype: Any) -> Value:
    return x if np.dtype(dtype).kind in "fc" else np.real(x).astype(dtype)


def sigmoid(x: Value) -> Value:
    """1 / (1 + exp(-x)) by the exponential that does not overflow."""
    right = np.real(x) >= 0
    small = np.exp(np.where(right, -x, x))
    return (np.where(right, 1, small) / (1 + small))[()]


def log_of_sum(exp: Function, log1p: Function) -> Function:
    """log(exp(a) + exp(b)) from the larger one on, so that nothing overflows."""

    def rule(a: Value, b: Value) -> Value:
        larger = np.real(a) >= np.real(b)
        return np.where(larger, a, b) + log1p(exp(np.where(larger, b - a, a - b)))

    return rule


logaddexp: Function = log_of_sum(np.exp, np.log1p)
logaddexp2: Function = log_of_sum(np.exp2, lambda x: np.log1p(x) / np.log(2))


def hypot(a: Value, b: Value) -> Value:
    return np.sqrt(a * a + b * b)


def arctan2(y: Value, x: Value) -> Value:
    """The angle of the real parts, and to first order that of the imaginary ones."""
    real = np.angle(np.real(x) + 1j * np.real(y))
    turned = np.real(x) * np.imag(y) - np.real(y) * np.imag(x)
    return real + 1j * turned / (np.real(x) ** 2 + np.real(y) ** 2)


def power(x: Value, y: Value) -> Value:
    """x**y; for a negative base and a whole exponent by -x, because log(x) would bring in pi, rounded."""
    narrow = np.asarray(x).dtype in (np.complex64, np.float32)
    x, y = np.asarray(x, dtype=np.complex64 if narrow else complex), np.asarray(y, dtype=complex)
    whole = (y.imag == 0) & (y.real == np.rint(y.real))
    turned = whole & (x.real < 0)
    odd = turned & (np.remainder(y.real, 2) == 1)
    base = np.where(turned, -x, x)
    small = whole & (np.abs(y.real) <= 3)  # exactly as products, which also holds at 0
    products = base ** np.where(small, y.real, 1.0).astype(int)
    found = np.where(small, products, np.exp(y * np.log(base)))
    return np.where(odd, -found, found).astype(x.dtype)[()]
