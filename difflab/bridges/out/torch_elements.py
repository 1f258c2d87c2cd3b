"""Elementwise rows on PyTorch's tensors, where its function has another name or other values at the edges."""

from __future__ import annotations

import math

import numpy as np

from ...late import Late
from ...types import Value

torch: Value = Late("torch")


def power(x: Value, y: Value) -> Value:
    return torch.pow(x, y)


def positive(x: Value) -> Value:
    return x.clone()


def negative(x: Value) -> Value:
    return torch.neg(x)


def equal(x: Value, y: Value) -> Value:
    return torch.eq(x, y)


def invert(x: Value) -> Value:
    return torch.bitwise_not(x)


def rint(x: Value) -> Value:
    return torch.round(x)


def round(x: Value, *, decimals: int = 0) -> Value:
    """As NumPy scales: times or by a power of ten."""
    if not x.is_floating_point():
        return x if decimals >= 0 else torch.round(x.double() / 10**-decimals).to(x.dtype) * 10**-decimals
    if decimals >= 0:
        return torch.round(x * 10**decimals) / 10**decimals if decimals else torch.round(x)
    return torch.round(x / 10**-decimals) * 10**-decimals


def sign(x: Value) -> Value:
    if x.is_complex():
        return torch.sgn(x)
    return torch.where(torch.isnan(x), x, torch.sign(x)) if x.is_floating_point() else torch.sign(x)


def imag(x: Value) -> Value:
    return x.imag if x.is_complex() else torch.zeros_like(x)


def real(x: Value) -> Value:
    return x.real if x.is_complex() else x


def where(condition: Value, x: Value, y: Value) -> Value:
    return torch.where(condition != 0 if condition.dtype is not torch.bool else condition, x, y)


def absolute(x: Value) -> Value:
    return torch.abs(x)


def floor_divide(x: Value, y: Value) -> Value:
    if not x.is_floating_point():
        return torch.where(y == 0, 0, torch.floor_divide(x, torch.where(y == 0, 1, y)))
    whole = (x - torch.remainder(x, y)) / y
    found = torch.floor(whole + 0.5)
    return torch.where(found == 0, torch.copysign(torch.zeros_like(found), x / y), found)


def remainder(x: Value, y: Value) -> Value:
    if x.is_floating_point():
        return torch.remainder(x, y)
    return torch.where(y == 0, 0, torch.remainder(x, torch.where(y == 0, 1, y)))


def fmod(x: Value, y: Value) -> Value:
    if x.is_floating_point():
        return torch.fmod(x, y)
    return torch.where(y == 0, 0, torch.fmod(x, torch.where(y == 0, 1, y)))


def ldexp(x: Value, n: Value) -> Value:
    return torch.ldexp(x, n)


def exp10(x: Value) -> Value:
    return torch.pow(torch.tensor(10.0, dtype=x.dtype), x)


def clip(x: Value, low: Value, high: Value) -> Value:
    return torch.minimum(torch.maximum(x, low), high)


def relu(x: Value) -> Value:
    return torch.relu(x)


def sigmoid(x: Value) -> Value:
    return torch.sigmoid(x)


def log_sigmoid(x: Value) -> Value:
    return torch.nn.functional.logsigmoid(x)


def gelu(x: Value, *, approximate: str = "none") -> Value:
    return torch.nn.functional.gelu(x, approximate=approximate)


def silu(x: Value) -> Value:
    return torch.nn.functional.silu(x)


def gammaln(x: Value) -> Value:
    return torch.where(x == -np.inf, x, torch.special.gammaln(x))


def digamma(x: Value) -> Value:
    return torch.where(x == 0, torch.copysign(torch.full_like(x, np.inf), -x), torch.special.digamma(x))


def polygamma(x: Value, *, n: int) -> Value:
    """By Hurwitz's zeta function right of 0, where PyTorch's own has ten digits."""
    if n == 0:
        return digamma(x)
    right = x > 0
    series = (-1) ** (n + 1) * math.factorial(n) * torch.special.zeta(n + 1.0, torch.where(right, x, 1.0))
    return torch.where(right, series.to(x.dtype), torch.special.polygamma(n, torch.where(right, -0.5, x)))


def erfcinv(x: Value) -> Value:
    return -torch.special.ndtri(x / 2) / math.sqrt(2)


def ndtri(x: Value) -> Value:
    return torch.special.ndtri(x)


def k0(x: Value) -> Value:
    return torch.special.modified_bessel_k0(x)


def k1(x: Value) -> Value:
    return torch.special.modified_bessel_k1(x)


def k0e(x: Value) -> Value:
    return torch.special.scaled_modified_bessel_k0(x)


def k1e(x: Value) -> Value:
    return torch.special.scaled_modified_bessel_k1(x)
