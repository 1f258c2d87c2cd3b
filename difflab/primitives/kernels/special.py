"""NumPy code for special functions and their derivatives where SciPy has none, or one that loses digits."""

from __future__ import annotations

from math import factorial, pi, sqrt

import numpy as np

from ...errors import UnsupportedError
from ...late import Late
from ...types import Function, Value
from .elementwise import erfc, exp_of_square, in_double, ndtr, two_difference

special: Value = Late("scipy.special")
SQRT_PI = sqrt(pi)
SQRT_TWO_PI = sqrt(2 * pi)


@in_double
def erfc_repeated(x: Value, *, n: int) -> Value:
    """exp(x²) times the n-fold integral of erfc: forward recurrence below 1, where it is stable, else backward.

    W. Gautschi, Math. Comp. 15 (1961) 227: for x > 0 it is the minimal solution of its recurrence.
    """
    low = np.minimum(x, 1.0)
    before, f = 2.0 / SQRT_PI, special.erfcx(low)
    for k in range(1, n + 1):
        before, f = f, (before - 2.0 * low * f) / (2.0 * k)
    if not (x > 1.0).any():
        return f
    high = np.maximum(x, 1.0)
    ratios = np.zeros_like(high)
    backward = special.erfcx(high)
    for k in range(220 + n, 0, -1):  # ratios of successive functions, from far out inwards
        ratios = 1.0 / (2.0 * high + 2.0 * (k + 1) * ratios)
        if k <= n:
            backward = backward * ratios
    return np.where(x > 1.0, backward, f)


@in_double
def dawsn(x: Value, *, n: int) -> Value:
    """The n-th derivative of Dawson's integral: its recurrence cancels beyond 2, so three ways by size.

    From 2 to 7 the sum of G. Rybicki, Computers in Physics 3 (1989) 85, beyond 7 the asymptotic series.
    """
    if np.iscomplexobj(x):
        return _dawson_recurrence(x, n)
    a = np.abs(x)
    sign = np.where(x < 0, (-1.0) ** (n + 1), 1.0)
    f = _dawson_recurrence(np.minimum(a, 2.0), n)
    if (a > 2.0).any():
        f = np.where(a > 2.0, _dawson_sum(np.clip(a, 2.0, 7.0), n), f)
    if (a > 7.0).any():
        f = np.where(a > 7.0, _dawson_series(np.maximum(a, 7.0), n), f)
    return sign * f


def _dawson_recurrence(x: Value, n: int) -> Value:
    before, f = special.dawsn(x), 1.0 - 2.0 * x * special.dawsn(x)
    for k in range(1, n):
        before, f = f, -2.0 * (x * f + k * before)
    return f if n else before


def _dawson_sum(x: Value, n: int) -> Value:
    h, total = 0.2, np.zeros_like(x)
    for j in range(-41, 75, 2):
        u = x - j * h
        before, hermite = np.zeros_like(u), np.ones_like(u)
        for k in range(n):
            before, hermite = hermite, -2.0 * (u * hermite + k * before)
        total = total + hermite * np.exp(-u * u) / j
    return total / SQRT_PI


def _dawson_series(x: Value, n: int) -> Value:
    total, coefficient = np.zeros_like(x), 0.5
    for k in range(32):
        power = float((-1) ** n * factorial(2 * k + n) // factorial(2 * k))
        total = total + coefficient * power * x ** (-2.0 * k - 1.0 - n)
        coefficient *= (2 * k + 1) / 2.0
    return total


@in_double
def erfcinv_slope(x: Value) -> Value:
    """The derivative of erfcinv: exp(y²) magnifies the rounding of y, so what erfc(y) misses x by is put back."""
    flip = x > 1.0
    p = np.where(flip, 2.0 - x, x)
    y = special.erfcinv(p)
    s = -0.5 * SQRT_PI * exp_of_square(y, 1.0)
    return s * (1.0 + 2.0 * y * (p - erfc(y)) * s)


@in_double
def erfinv_slope(x: Value) -> Value:
    y = special.erfinv(x)
    middle = 0.5 * SQRT_PI * exp_of_square(y, 1.0)
    return np.where(np.abs(x) < 0.5, middle, -erfcinv_slope(1.0 - np.abs(x)))


@in_double
def ndtri_slope(p: Value) -> Value:
    q = np.where(p > 0.5, 1.0 - p, p)
    y = special.ndtri(q)
    s = SQRT_TWO_PI * exp_of_square(y, 0.5)
    return s * (1.0 + y * (q - ndtr(y)) * s)


@in_double
def log_ndtr(x: Value) -> Value:
    """The logarithm of Φ; from the other tail where Φ is close to 1."""
    if np.iscomplexobj(x):
        return special.log_ndtr(x)
    return np.where(x > 0, np.log1p(-ndtr(-np.abs(x))), special.log_ndtr(np.minimum(x, 0.0)))


@in_double
def exprel(x: Value, *, n: int) -> Value:
    """The n-th derivative of (exp(x) - 1)/x, which is the integral of t**n exp(x t) over 0 <= t <= 1.

    For small x a series of positive terms, in x or, after t -> 1 - t, in -x; else integration by parts.
    """
    if n == 0 and not np.iscomplexobj(x):
        return special.exprel(x)
    near = np.abs(x) < 3.0 * (n + 1)
    z = np.where(near, np.abs(x), 0.0)
    up, down = np.zeros_like(z), np.zeros_like(z)
    for k in range(20 + 12 * (n + 1), -1, -1):
        up = up * z / (k + 1) + 1.0 / (n + k + 1)
        down = 1.0 + down * z / (n + k + 2)
    down = down * np.exp(-z) / (n + 1)
    safe = np.where(near, 1e3, x)
    e, y = np.exp(safe), np.expm1(safe) / safe
    for k in range(1, n + 1):
        y = (e - k * y) / safe
    return np.where(near, np.where(x < 0, down, up), y)


@in_double
def kl_div(x: Value, y: Value) -> Value:
    """y ((1 + d) log(1 + d) - d) with d = (x - y)/y, by its power series where d is small."""
    d = (x - y) / np.where(y == 0, 1.0, y)
    near = (np.abs(d) < 0.5) & (y > 0) & (x > 0)
    z, series = np.where(near, d, 0.0), np.zeros_like(d)
    for k in range(54, 1, -1):
        series = series * z + (-1.0) ** k / (k * (k - 1))
    return np.where(near, y * series * z * z, special.kl_div(x, y))


@in_double
def cosm1(x: Value) -> Value:
    return -2.0 * np.square(np.sin(0.5 * x))


@in_double
def beta(x: Value, y: Value) -> Value:
    """From gamma functions where none overflows, with the rounding of x + y put back: exp(betaln) loses digits."""
    if np.iscomplexobj(x):
        return special.beta(x, y)
    moderate = (x > 1e-100) & (y > 1e-100) & (x + y < 150.0)
    a, b = np.where(moderate, x, 1.0), np.where(moderate, y, 1.0)
    total, lost = two_difference(a, -b)
    ratio = special.gamma(a) * (special.gamma(b) / special.gamma(total)) * (1.0 - lost * special.psi(total))
    return np.where(moderate, ratio, special.beta(x, y))


@in_double
def betaln(x: Value, y: Value) -> Value:
    b = beta(x, y)
    usable = (b > 1e-290) & np.isfinite(b) & (x > 0) & (y > 0)
    return np.where(usable, np.log(np.where(usable, b, 1.0)), special.betaln(x, y))


NODES = 72


@in_double
def ive_derivative(v: Value, x: Value, *, n: int) -> Value:
    """The n-th derivative of exp(-|x|) I_v(x); the difference of Bessel functions cancels at large x.

    The orders 0 and 1 by an integral, large x by the asymptotic series.
    """
    a = np.abs(x)
    far = _far(v, a)
    near = (np.abs(v) <= 1) & (v == np.trunc(v)) & ~far
    f = _by_orders(ive, v, a, [0.5, -1.0, 0.5], n) if not (far | near).all() else np.zeros_like(a)
    if near.any():
        f = np.where(near, _ive_integral(np.where(near, np.abs(v), 0.0), np.where(near, a, 1.0), n), f)
    if far.any():
        f = np.where(far, _ive_series(np.where(far, v, 0.0), np.where(far, a, 30.0), n), f)
    whole, odd = v == np.trunc(v), (np.abs(v) + n) % 2 == 1
    sign = np.where(x < 0, np.where(odd, -1.0, 1.0), np.where((x == 0) & odd, 0.0, 1.0))  # 0: the kink's convention
    return np.where(whole, sign, np.where(x < 0, np.nan, 1.0)) * f


def _far(v: Value, a: Value) -> Value:
    return a >= np.maximum(30.0, np.square(v))


def _by_orders(f: Function, v: Value, x: Value, weights: list[float], n: int) -> Value:
    """n times the sum, by the weights, of f at an order one less, at the order, and at one more."""
    row = [f(v + k, x) for k in range(-n, n + 1)]
    for _ in range(n):
        row = [sum(w * y for w, y in zip(weights, three)) for three in zip(row, row[1:], row[2:])]
    return row[0]


def _ive_integral(v: Value, a: Value, n: int) -> Value:
    """The mean of (cos t - 1)**n cos(v t) exp(a (cos t - 1)): the trapezoidal rule converges exponentially here."""
    total = 0.0
    for j in range(NODES + 1):
        t = pi * j / NODES
        drop = 2.0 * np.square(np.sin(0.5 * t))
        weight = 0.5 if j in (0, NODES) else 1.0
        total = total + weight * (-drop) ** n * np.cos(v * t) * np.exp(-a * drop)
    return total / NODES


def _ive_series(v: Value, a: Value, n: int) -> Value:
    """The n-th derivative of the series in 1/a (DLMF 10.40.1), term by term."""
    term = (-1.0) ** n / np.sqrt(2.0 * pi * a)
    for j in range(n):
        term = term * ((0.5 + j) / a)
    total = term
    for k in range(1, 31):
        term = term * (np.square(2.0 * k - 1.0) - 4.0 * np.square(v)) / (8.0 * k) * (k + n - 0.5) / (k - 0.5) / a
        total = total + term
    return total


@in_double
def kve_derivative(v: Value, x: Value, *, n: int) -> Value:
    """The n-th derivative of exp(x) K_v(x): by an integral, or of other orders where these do not cancel."""
    v = np.abs(v)
    apart = (x < 0.02) | (x < 0.25 * v) | (x < np.square(0.05 * v))
    f = _kve_integral(np.where(apart, 0.0, v), np.where(apart, 1.0, x), n)
    if apart.any():
        orders = _by_orders(kve, v, x, [-0.5, 1.0, -0.5], n)
        beyond = (-1.0) ** n * np.where(np.isinf(kve(v + n, x)), np.inf, np.nan)
        f = np.where(apart, np.where(np.isfinite(orders), orders, beyond), f)
    return np.where(x >= 0, f, np.nan)


def _kve_integral(v: Value, x: Value, n: int) -> Value:
    """The integral of (1 - cosh t)**n cosh(v t) exp(x (1 - cosh t)) up to where it has vanished."""
    room = 60.0 + 10.0 * n
    exponential, quadratic = room + 10.0 * v, v + np.sqrt(np.square(v) + 2.0 * room * x)
    end = np.minimum(2.0 * np.arcsinh(np.sqrt(0.5 * exponential / x)), quadratic / x)
    total = 0.0
    for j in range(NODES + 1):
        t = end * (j / NODES)
        rise = 2.0 * np.square(np.sinh(0.5 * t))
        total = total + (0.5 if j == 0 else 1.0) * (-rise) ** n * np.cosh(v * t) * np.exp(-x * rise)
    return total * end / NODES


def _moderate(v: Value, x: Value) -> Value:
    return (x > 0.02) & (x < 700.0) & (np.abs(v) < 20.0)


@in_double
def kve(v: Value, x: Value) -> Value:
    """SciPy's kve holds 14 digits, and none from 2e9 on; the integral all of them, for moderate order and argument."""
    inside = _moderate(v, x) | ((x > 1e6) & _far(v, x)) if not np.iscomplexobj(x) else np.zeros(np.shape(x), bool)
    if not inside.any():
        return special.kve(v, x)
    integral = _kve_integral(np.where(inside, np.abs(v), 1.0), np.where(inside, x, 1.0), 0)
    return np.where(inside, integral, special.kve(v, x))


@in_double
def kv(v: Value, x: Value) -> Value:
    if np.iscomplexobj(x):
        return special.kv(v, x)
    return np.where(_moderate(v, x), kve(v, x) * np.exp(-x), special.kv(v, x))


@in_double
def yn(n: Value, x: Value) -> Value:
    """SciPy's recurrence takes a step for each order; its function of any order does not."""
    far = np.abs(n) >= 1000
    return np.where(far, special.yv(np.trunc(n), x), special.yn(np.where(far, 0, n), x))


@in_double
def ive(v: Value, x: Value) -> Value:
    """SciPy's ive holds 13 digits where its iv holds 15, and none from 2e9 on."""
    if np.iscomplexobj(x):
        return special.ive(v, x)
    inside = np.abs(x) < 700.0
    y = np.where(inside, special.iv(v, np.where(inside, x, 1.0)) * np.exp(-np.abs(x)), special.ive(v, x))
    far = (x > 1e6) & _far(v, x)
    return np.where(far, _ive_series(np.where(far, v, 0.0), np.where(far, x, 30.0), 0), y) if far.any() else y


@in_double
def polygamma(x: Value, *, n: int) -> Value:
    """The n-th derivative of digamma; at negative x by stepping up to positive x."""
    if n == 0:
        return special.psi(x)
    if np.iscomplexobj(x):
        raise UnsupportedError(f"polygamma: no derivative of digamma (order {n}) is known at complex operands")
    total, at = np.zeros_like(x), x
    for _ in range(int(min(np.fmax.reduce(np.ceil(-x) + 1, axis=None, initial=0), 500))):  # NaN asks for no step
        low = at < 0.0
        total = total + np.where(low, np.where(low, at, 1.0) ** (-n - 1.0), 0.0)
        at = np.where(low, at + 1.0, at)
    return (-1.0) ** (n + 1) * factorial(n) * (special.zeta(n + 1.0, at) + total)


BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6)


@in_double
def polygamma_gap(x: Value, y: Value, *, n: int) -> Value:
    """psi(x + y) - psi(x), for positive operands with the factor y taken out of every term (DLMF 5.7.6, 5.11.2)."""
    plain = polygamma(x + y, n=n) - polygamma(x, n=n)
    positive = (x > 0) & (y > 0)
    if n > 0 and (near := positive & (y < 0.1 * x)).any():
        a, b, taylor = np.where(near, x, 1.0), np.where(near, y, 0.0), np.zeros_like(plain)
        for k in range(16, 0, -1):
            taylor = (taylor + polygamma(a, n=n + k)) * b / k
        return np.where(near, taylor, plain)
    if n > 0 or not positive.any():
        return plain
    a, b = np.where(positive, x, 1.0), np.where(positive, y, 1.0)
    steps = sum(1.0 / ((a + k) * (a + k + b)) for k in range(14))
    low, high = a + 14.0, a + 14.0 + b
    rest = np.log1p(b / low) / b + 0.5 / (low * high)
    for k, number in enumerate(BERNOULLI, start=1):
        powers = sum(low ** float(-j) * high ** float(j + 1 - 2 * k) for j in range(2 * k))
        rest = rest + number / (2 * k) * powers / (low * high)
    return np.where(positive, b * (steps + rest), plain)
