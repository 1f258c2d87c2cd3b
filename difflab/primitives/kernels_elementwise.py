"""NumPy code for elementwise rows where NumPy and SciPy have no function, or one that loses digits."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from math import factorial, pi, sqrt
from typing import Any

import numpy as np
from scipy import special

SQRT_HALF = sqrt(0.5)
SPLITTER = 134217729.0  # 2**27 + 1: halves the 53 bits of a double


def in_double(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """Computes in float64 (or complex128) and returns the precision of the operands."""

    @wraps(kernel)
    def wrapped(*operands: Any, **params: Any) -> Any:
        dtype = np.result_type(*operands)
        if dtype.kind not in "fc":
            dtype = np.dtype(float)
        wide = np.result_type(dtype, np.float64)
        with np.errstate(all="ignore"):
            y = kernel(*[np.asarray(x, wide) for x in operands], **params)
        return np.asarray(y).astype(dtype, copy=False)[()]

    return wrapped


def two_difference(x: Any, y: Any) -> tuple[Any, Any]:
    """x - y rounded, and what the rounding lost."""
    d = x - y
    v = x - d
    return d, (x - (d + v)) + (v - y)


def split_square(x: Any) -> tuple[Any, Any]:
    """x*x rounded, and what the rounding lost (Dekker)."""
    t = SPLITTER * x
    high = t - (t - x)
    low = x - high
    p = x * x
    return p, ((high * high - p) + 2 * high * low) + low * low


def exp_of_square(x: Any, scale: float) -> Any:
    """exp(scale x²), scale a power of two: the rounding of x*x would cost hundreds of ulps in the tails."""
    if np.iscomplexobj(x):
        return np.exp(scale * x * x)
    square, lost = split_square(np.clip(x, -60.0, 60.0))
    return np.exp(scale * square) * (1.0 + scale * lost)


@in_double
def exp_minus_square(x: Any) -> Any:
    return exp_of_square(x, -1.0)


@in_double
def exp_square(x: Any) -> Any:
    return exp_of_square(x, 1.0)


@in_double
def normal_density(x: Any) -> Any:
    return exp_of_square(x, -0.5) * 0.3989422804014327


@in_double
def erfc(x: Any) -> Any:
    """The tail as erfcx(x) exp(-x²), in which only the exponential is sensitive to rounding."""
    if np.iscomplexobj(x):
        return special.erfc(x)
    return np.where(x > 0.5, special.erfcx(np.maximum(x, 0.5)) * exp_of_square(x, -1.0), special.erfc(x))


@in_double
def ndtr(x: Any) -> Any:
    if np.iscomplexobj(x):
        return special.ndtr(x)
    tail = 0.5 * special.erfcx(-np.minimum(x, -0.5) * SQRT_HALF) * exp_of_square(x, -0.5)
    return np.where(x < -0.5, tail, special.ndtr(x))


@in_double
def gelu(x: Any) -> Any:
    return x * ndtr(x)


def positive_zero(x: Any) -> Any:
    return np.maximum(x, 0)


@in_double
def sigmoid(x: Any) -> Any:
    """exp(x) / (1 + exp(x)) for negative x: 1 / (1 + exp(-x)) overflows before the result underflows."""
    if np.iscomplexobj(x):
        return 1.0 / (1.0 + np.exp(-x))
    t = np.exp(-np.abs(x))
    return np.where(x < 0, t, 1.0) / (1.0 + t)


@in_double
def softplus(x: Any) -> Any:
    if np.iscomplexobj(x):
        return np.log1p(np.exp(x))
    return np.log1p(np.exp(-np.abs(x))) + np.maximum(x, 0.0)


@in_double
def sigmoid_between(x: Any, y: Any, *, base: float) -> Any:
    """1 / (1 + base**(y - x)); the rounding of y - x would cost hundreds of ulps, so it is put back."""
    d, lost = two_difference(x, y)
    d, lost = np.where(x == y, 0.0, d), np.where(np.isfinite(lost), lost, 0.0)
    exp, unit = (np.exp2, np.log(2.0)) if base == 2 else (np.exp, 1.0)
    t = exp(-np.abs(d))
    s = np.where(d < 0, t, 1.0) / (1.0 + t)
    rest = np.where(d < 0, 1.0, t) / (1.0 + t)
    return s * (1.0 + unit * lost * rest)


@in_double
def power_minus(x: Any, y: Any, *, k: int) -> Any:
    """x**(y - k), with the rounding of y - k put back."""
    if np.iscomplexobj(x):
        return np.power(x, y - k)
    d, lost = two_difference(y, float(k))
    z = np.power(x, d)
    correct = (lost != 0) & (x > 0) & np.isfinite(lost)
    return np.where(correct, z * (1.0 + lost * np.log(np.where(x > 0, x, 1.0))), z)


@in_double
def direction(x: Any, y: Any) -> Any:
    """x / hypot(x, y), the cosine of the angle; 0 at the origin."""
    h = np.hypot(x, y)
    return np.where(h == 0, 0.0, x / np.where(h == 0, 1.0, h))


@in_double
def log_ratio(x: Any, y: Any) -> Any:
    """log(x / y), also where x and y are close or their quotient overflows."""
    close = np.abs(x - y) < 0.5 * np.abs(y)
    with np.errstate(all="ignore"):
        q = x / y
        far = np.where((q > 0) & np.isfinite(q) & (q > 1e-300), np.log(q), np.log(x) - np.log(y))
        return np.where(close, np.log1p((x - y) / y), far)


@in_double
def log_cosh(x: Any) -> Any:
    a = np.abs(x)
    small = np.log1p(2.0 * np.square(np.sinh(np.minimum(a, 1.0) * 0.5)))
    return np.where(a < 1.0, small, a + np.log1p(np.exp(-2.0 * a)) - 0.6931471805599453)


def reduced(x: Any) -> tuple[Any, Any]:
    """x as n/2 + r with |r| <= 1/4, exactly, and n modulo 4."""
    n = np.rint(2.0 * np.fmod(x, 2.0))
    return np.fmod(x, 2.0) - 0.5 * n, np.mod(n, 4.0)


@in_double
def sinpi(x: Any) -> Any:
    """sin(pi x), exact at multiples of a half and accurate beside them."""
    r, n = reduced(x)
    s, c = np.sin(pi * r), np.cos(pi * r)
    return np.where(n == 0, s, np.where(n == 1, c, np.where(n == 2, -s, -c)))


@in_double
def cospi(x: Any) -> Any:
    r, n = reduced(x)
    s, c = np.sin(pi * r), np.cos(pi * r)
    return np.where(n == 0, c, np.where(n == 1, -s, np.where(n == 2, -c, s)))


@in_double
def sinc(x: Any, *, n: int = 0) -> Any:
    """The n-th derivative of sin(pi x)/(pi x): its power series near 0, else by (x sinc)' = cos(pi x)."""
    if np.iscomplexobj(x) and n == 0:
        return np.sinc(x)
    near = np.abs(x) < 1.0
    z = np.where(near, x, 0.0)
    square, series = z * z, np.zeros_like(z)
    for k in range(20 + n, (n + 1) // 2 - 1, -1):
        series = series * square + (-1.0) ** k * pi ** (2 * k) / ((2 * k + 1) * factorial(2 * k - n))
    series = series * (z if n % 2 else 1.0)
    if near.all():
        return series
    safe = np.where(near, 1.0, x)
    s, c = sinpi(safe), cospi(safe)
    y = s / (pi * safe)
    for k in range(1, n + 1):
        y = (pi ** (k - 1) * (c, -s, -c, s)[(k - 1) % 4] - k * y) / safe
    return np.where(near, series, y)


_LEGENDRE = special.roots_legendre(48)


@in_double
def exprel(x: Any, *, n: int = 0) -> Any:
    """The n-th derivative of (exp(x) - 1)/x, which is the integral of t**n exp(x t) over 0 <= t <= 1."""
    if n == 0 and not np.iscomplexobj(x):
        return special.exprel(x)
    near = np.abs(x) < 30.0
    z = np.where(near, x, 0.0)
    t, w = 0.5 * (1.0 + _LEGENDRE[0]), 0.5 * _LEGENDRE[1]
    integral = sum(w_ * t_**n * np.exp(z * t_) for t_, w_ in zip(t, w))
    if near.all():
        return integral
    safe = np.where(near, 100.0, x)
    e = np.exp(safe)
    y = (e - 1.0) / safe
    for k in range(1, n + 1):
        y = (e - k * y) / safe
    return np.where(near, integral, y)


def clip(x: Any, low: Any, high: Any) -> Any:
    """np.clip, where an infinite bound is no bound (integers stay integers)."""
    low = None if isinstance(low, float) and low == -np.inf else low
    high = None if isinstance(high, float) and high == np.inf else high
    return x if low is None and high is None else np.clip(x, low, high)


def relu(x: Any) -> Any:
    return np.maximum(x, 0)


def leaky_relu(x: Any, *, negative_slope: float) -> Any:
    return np.where(np.greater(x, 0), x, np.multiply(x, negative_slope))[()]


def elu(x: Any, *, alpha: float) -> Any:
    return np.where(np.greater(x, 0), x, alpha * np.expm1(np.minimum(x, 0)))[()]


def fmod_quotient(x: Any, z: Any, y: Any) -> Any:
    return np.rint((x - z) / y)


@in_double
def polygamma(x: Any, *, n: int) -> Any:
    """The n-th derivative of digamma; at negative x by stepping up to positive x."""
    if n == 0:
        return special.psi(x)
    sign, scale = (-1.0) ** (n + 1), float(factorial(n))
    steps = np.where(x < 0, np.ceil(-x) + 1, 0)
    total, at = np.zeros_like(x), x
    for _ in range(int(min(np.max(steps, initial=0), 500))):
        low = at < 1.0
        low &= x < 0
        total = total + np.where(low, at ** (-n - 1.0), 0.0)
        at = np.where(low, at + 1.0, at)
    return sign * scale * (special.zeta(n + 1.0, at) + total)


def gammainc_density(a: Any, x: Any) -> Any:
    """x**(a-1) exp(-x) / gamma(a)."""
    return np.exp(special.xlogy(a - 1.0, x) - x - special.gammaln(a))


def erfcx_repeated(x: Any, *, n: int) -> Any:
    raise NotImplementedError


__all__ = [name for name in dir() if not name.startswith("_")]
