"""NumPy code for elementwise rows where NumPy and SciPy have no function, or one that loses digits."""

from __future__ import annotations

from functools import wraps
from math import factorial, pi, sqrt
from typing import Any

import numpy as np

from ...late import Late
from ...types import DType, Function, Value

special: Value = Late("scipy.special")
SQRT_HALF = sqrt(0.5)
GATE_HIGH, GATE_LOW = 1.5957691216057308, -9.96930880911092e-17  # 2 sqrt(2/π)
SPLITTER = 134217729.0  # 2**27 + 1: halves the 53 bits of a double


INTEGERS: dict[int, DType] = {2: np.dtype(np.int16), 4: np.dtype(np.int32), 8: np.dtype(np.int64)}
SELECTED_BY_BITS = 4096  # elements from which np.where is slower than working on the bits


def in_double(kernel: Function, single: Function | None = None) -> Function:
    """Computes in float64 (or complex128) and returns the precision of the operands.

    For operands of single precision `single` may be enough: the formula without the care for the last digits.
    """

    @wraps(kernel)
    def wrapped(*operands: Value, **params: Any) -> Value:
        dtype = np.result_type(*operands)
        if dtype.kind not in "fc":
            dtype = np.dtype(float)
        wide = np.result_type(dtype, np.float64)
        chosen = kernel if single is None or dtype != np.float32 else single
        with np.errstate(all="ignore"):
            y = chosen(*[np.asarray(x, wide) for x in operands], **params)
        return np.asarray(y).astype(dtype, copy=False)[()]

    return wrapped


def simpler(single: Function) -> Function:
    """The same with that formula for operands of single precision."""
    return lambda kernel: in_double(kernel, single)


def two_difference(x: Value, y: Value) -> tuple[Value, Value]:
    """x - y rounded, and what the rounding lost."""
    d = x - y
    v = x - d
    return d, (x - (d + v)) + (v - y)


def two_product(x: Value, y: Value) -> tuple[Value, Value]:
    """x*y rounded, and what the rounding lost (Dekker)."""
    p = x * y
    s, t = SPLITTER * x, SPLITTER * y
    x_high, y_high = s - (s - x), t - (t - y)
    x_low, y_low = x - x_high, y - y_high
    return p, ((x_high * y_high - p) + x_high * y_low + x_low * y_high) + x_low * y_low


def exp_of_square(x: Value, scale: float) -> Value:
    """exp(scale x²), scale a power of two: the rounding of x*x would cost hundreds of ulps in the tails."""
    if np.iscomplexobj(x):
        return np.exp(scale * x * x)
    bounded = np.clip(x, -60.0, 60.0)
    square, lost = two_product(bounded, bounded)
    return np.exp(scale * square) * (1.0 + scale * lost)


@simpler(lambda x: np.exp(-x * x))
def exp_minus_square(x: Value) -> Value:
    return exp_of_square(x, -1.0)


@in_double
def exp_square(x: Value) -> Value:
    return exp_of_square(x, 1.0)


@simpler(lambda x: np.exp(-0.5 * x * x) * 0.3989422804014327)
def normal_density(x: Value) -> Value:
    return exp_of_square(x, -0.5) * 0.3989422804014327


@in_double
def erfc(x: Value) -> Value:
    """The tail as erfcx(x) exp(-x²), in which only the exponential is sensitive to rounding."""
    y = special.erfc(x)
    if not np.iscomplexobj(x) and (far := x > 0.5).any():
        tail = x[far]
        y = np.asarray(y)
        y[far] = special.erfcx(tail) * exp_of_square(tail, -1.0)
    return y


@simpler(lambda x: special.ndtr(x))
def ndtr(x: Value) -> Value:
    y = special.ndtr(x)
    if not np.iscomplexobj(x) and (far := x < -0.5).any():
        tail = x[far]
        y = np.asarray(y)
        y[far] = 0.5 * special.erfcx(-tail * SQRT_HALF) * exp_of_square(tail, -0.5)
    return y


def sigmoid(x: Value) -> Value:
    """SciPy's function, but for very negative x, where its exp(-x) overflows before the result underflows."""
    if np.iscomplexobj(x):
        return 1.0 / (1.0 + np.exp(-x))
    y, low = special.expit(x), np.less(x, -40.0)  # there 1 + exp(x) is 1
    return np.where(low, np.exp(np.minimum(x, 0.0)), y)[()] if low.any() else y


def sigmoid_slope(x: Value) -> Value:
    if np.iscomplexobj(x):
        return 0.25 / np.square(np.cosh(0.5 * x))
    e = np.exp(-np.abs(x))
    return e / np.square(1.0 + e)


def softplus(x: Value) -> Value:
    return np.log1p(np.exp(x)) if np.iscomplexobj(x) else np.logaddexp(x, 0.0)


def sech(x: Value) -> Value:
    return 1.0 / np.cosh(x)


@in_double
def sigmoid_between(x: Value, y: Value, *, base: float) -> Value:
    """1 / (1 + base**(y - x)); the rounding of y - x would cost hundreds of ulps, so it is put back."""
    d, lost = two_difference(x, y)
    d, lost = np.where(x == y, 0.0, d), np.where(np.isfinite(lost), lost, 0.0)
    exp, unit = (np.exp2, np.log(2.0)) if base == 2 else (np.exp, 1.0)
    t = exp(-np.abs(d))
    s = np.where(d < 0, t, 1.0) / (1.0 + t)
    rest = np.where(d < 0, 1.0, t) / (1.0 + t)
    return s * (1.0 + unit * lost * rest)


def gelu_gate_plain(x: Value) -> Value:
    return special.expit(GATE_HIGH * (x + 0.044715 * x * x * x))


@simpler(gelu_gate_plain)
def gelu_gate(x: Value) -> Value:
    """sigmoid(2 sqrt(2/π) (x + 0.044715 x³)), its argument in twice the digits: exp magnifies what rounding loses."""
    z = np.clip(x, -60.0, 60.0)
    square, square_low = two_product(z, z)
    cubic, cubic_low = two_product(0.044715, square)
    one, one_low = two_difference(cubic, -1.0)
    one_low = one_low + cubic_low + 0.044715 * square_low
    scaled, scaled_low = two_product(GATE_HIGH, z)
    u, u_low = two_product(scaled, one)
    u_low = u_low + scaled * one_low + (scaled_low + GATE_LOW * z) * one
    t = np.exp(-np.abs(u))
    s, rest = np.where(u < 0, t, 1.0) / (1.0 + t), np.where(u < 0, 1.0, t) / (1.0 + t)
    return s * (1.0 + u_low * rest)


@in_double
def power_minus(x: Value, y: Value, *, k: int) -> Value:
    """x**(y - k), with the rounding of y - k put back."""
    if np.iscomplexobj(x):
        return np.power(x, y - k)
    d, lost = two_difference(y, float(k))
    z = np.power(x, d)
    correct = (lost != 0) & (x > 0) & np.isfinite(lost) & np.isfinite(z)  # of what overflows, nothing is left to mend
    return np.where(correct, z * (1.0 + lost * np.log(np.where(x > 0, x, 1.0))), z)


@in_double
def direction(x: Value, y: Value) -> Value:
    """x / hypot(x, y), the cosine of the angle; 0 at the origin."""
    h = np.hypot(x, y)
    return np.where(h == 0, 0.0, x / np.where(h == 0, 1.0, h))


@in_double
def lorentzian(x: Value) -> Value:
    """1 / (1 + x²), also where x² overflows and the result does not vanish."""
    huge = np.abs(x) > 1e100
    return np.where(huge, 1.0 / np.where(huge, x, 1.0) / x, 1.0 / (1.0 + np.square(np.where(huge, 0.0, x))))


@in_double
def log_ratio(x: Value, y: Value) -> Value:
    """log(x / y), also where x and y are close or their quotient overflows."""
    close = np.abs(x - y) < 0.5 * np.abs(y)
    with np.errstate(all="ignore"):
        q = x / y
        far = np.where((q > 0) & np.isfinite(q) & (q > 1e-300), np.log(q), np.log(x) - np.log(y))
        return np.where(close, np.log1p((x - y) / y), far)


@in_double
def log_cosh(x: Value) -> Value:
    a = np.abs(x)
    small = np.log1p(2.0 * np.square(np.sinh(np.minimum(a, 1.0) * 0.5)))
    return np.where(a < 1.0, small, a + np.log1p(np.exp(-2.0 * a)) - 0.6931471805599453)


def reduced(x: Value) -> tuple[Value, Value]:
    """x as n/2 + r with |r| <= 1/4, exactly, and n modulo 4."""
    n = np.rint(2.0 * np.fmod(x, 2.0))
    return np.fmod(x, 2.0) - 0.5 * n, np.mod(n, 4.0)


@in_double
def sinpi(x: Value) -> Value:
    """sin(pi x), exact at multiples of a half and accurate beside them."""
    if np.iscomplexobj(x):
        return np.sin(pi * x)
    r, n = reduced(x)
    s, c = np.sin(pi * r), np.cos(pi * r)
    return np.where(n == 0, s, np.where(n == 1, c, np.where(n == 2, -s, -c)))


@in_double
def cospi(x: Value) -> Value:
    if np.iscomplexobj(x):
        return np.cos(pi * x)
    r, n = reduced(x)
    s, c = np.sin(pi * r), np.cos(pi * r)
    return np.where(n == 0, c, np.where(n == 1, -s, np.where(n == 2, -c, s)))


@in_double
def sinc(x: Value, *, n: int = 0) -> Value:
    """The n-th derivative of sin(pi x)/(pi x): its power series near 0, else by (x sinc)' = cos(pi x)."""
    if np.iscomplexobj(x) and n == 0:
        return np.sinc(x)
    near = np.abs(x) < (1.0 if n else 0.5)  # beside the zeros at ±1 the series loses the digits of sinc itself
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


def clip(x: Value, low: Value, high: Value) -> Value:
    """np.clip, where an infinite bound is no bound (integers stay integers)."""
    low = None if isinstance(low, float) and low == -np.inf else low
    high = None if isinstance(high, float) and high == np.inf else high
    return x if low is None and high is None else np.clip(x, low, high)


def where(condition: Value, x: Value, y: Value) -> Value:
    """np.where, with a scalar for scalars, as every ufunc returns it."""
    if x.__class__ is np.ndarray and x.size >= SELECTED_BY_BITS and y.__class__ is float and repr(y) == "0.0":
        if condition.__class__ is np.ndarray and condition.dtype == bool and condition.shape == x.shape:
            return masked(x, condition)
    found: Value = np.where(condition, x, y)
    return found if found.shape else found[()]


def masked(x: Value, where: Value, out: Value = None) -> Value:
    """x where it is true, and 0 elsewhere, also where x is infinite: by the bits of x, without a branch."""
    bits = INTEGERS.get(x.dtype.itemsize) if x.dtype.kind in "fiuc" else None
    if bits is None:
        found = np.where(where, x, 0 if x.dtype.hasobject else x.dtype.type(0))
        if out is not None:
            out[...] = found
        return found
    mask = np.negative(where.view(np.int8))
    if out is not None:
        return np.bitwise_and(x.view(bits), mask, out=out.view(bits))
    return np.bitwise_and(x.view(bits), mask).view(x.dtype)


def relu(x: Value) -> Value:
    return np.maximum(x, 0)


def leaky_relu(x: Value, *, negative_slope: float = 0.01) -> Value:
    found: Value = np.where(np.greater(x, 0), x, np.multiply(x, negative_slope))
    return found[()]


def elu(x: Value, *, alpha: float = 1.0) -> Value:
    return np.where(np.greater(x, 0), x, alpha * np.expm1(np.minimum(x, 0)))[()]
