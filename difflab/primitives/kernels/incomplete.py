"""NumPy code for the incomplete gamma and beta integrals' derivatives by their parameters, of any order.

An integral of a density has two ways to its derivative by a parameter: from the left end, or, as the whole is 1
whatever the parameter, from the right end with the other sign. To first order the integrand changes its sign once; on
the side of that place where the end lies, every term has the same sign and nothing cancels. Where a parameter is small
the density is flat over many magnitudes, and there the power series is short.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, localcontext
from functools import cache
from math import factorial, pi

import numpy as np

from ...late import Late
from ...types import Value
from ..cumulants import leibniz, moments
from .elementwise import in_double, two_difference, two_product
from .special import beta, polygamma, polygamma_gap

special: Value = Late("scipy.special")
NEPERS = 44.0  # exp(-44) is beyond the last digit
LARGE = 20.0  # from here on Stirling's series
STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156)
BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798, -174611 / 330)
SINGLE = 1e-290  # below, a density is no normal number any more


@cache
def gauss() -> list[tuple[float, float]]:
    """Nodes and weights of 64 points from 0 to 1: NumPy's hold 14 digits, which Newton's step doubles."""
    count, found = 64, []
    with localcontext() as context:
        context.prec = 40
        for start in np.polynomial.legendre.leggauss(count)[0]:
            z = Decimal(float(start))
            for _ in range(2):
                before, value = Decimal(1), z
                for k in range(2, count + 1):
                    before, value = value, ((2 * k - 1) * z * value - (k - 1) * before) / k
                slope = count * (z * value - before) / (z * z - 1)
                z -= value / slope
            found.append((float((1 + z) / 2), float(1 / ((1 - z * z) * slope * slope))))
    return found


def log1p_gap(z: Value, whole: Value = None) -> Value:
    """log(1 + z) - z, which cancels where it is written so; `whole` is 1 + z, where that is known better."""
    near = np.abs(z) < 0.35
    t = np.where(near, z, 0.0)
    r = t / (2.0 + t)
    square, series = r * r, np.zeros_like(r)
    for k in range(12, 0, -1):
        series = series * square + 1.0 / (2 * k + 1)
    return np.where(near, r * (2.0 * square * series - t), (np.log1p(z) if whole is None else np.log(whole)) - z)


def expm1_gap(w: Value) -> Value:
    """exp(w) - 1 - w."""
    near = np.abs(w) < 0.5
    t, series = np.where(near, w, 0.0), np.zeros_like(w)
    for k in range(16, 1, -1):
        series = series * t + 1.0 / factorial(k)
    return np.where(near, series * t * t, np.expm1(w) - w)


def psi_gap(z: Value) -> Value:
    """ψ(z) - log(z) for large z (DLMF 5.11.2)."""
    inverse: Value = 1.0 / z
    series = np.zeros_like(z)
    for k in range(7, 0, -1):
        series = series * inverse * inverse + BERNOULLI[k - 1] / (2 * k)
    return -inverse * (0.5 + series * inverse)


def scaled_gamma(z: Value) -> Value:
    """Γ(z) over its Stirling form sqrt(2π/z) (z/e)^z, for z > 0."""
    large = z > LARGE
    inverse, series = 1.0 / np.where(large, z, 1.0), np.zeros_like(z)
    for c in reversed(STIRLING):
        series = series * inverse * inverse + c
    t = np.where(large, 1.0, z)
    small = special.gamma(t) * np.exp(t) * t ** (0.5 - t) / np.sqrt(2 * pi)
    return np.where(large, np.exp(series * inverse), small)


def gamma_weight(a: Value, x: Value) -> Value:
    """x^a exp(-x) / Γ(a + 1)."""
    b = np.minimum(a, LARGE)
    half = np.exp(-0.5 * x)
    small = np.power(x, b) * half / special.gamma(b + 1.0) * half
    c = np.maximum(a, LARGE)
    mu = (x - c) / c
    large = np.exp(c * log1p_gap(mu, x / c)) / (np.sqrt(2 * pi * c) * scaled_gamma(c))
    return np.where(a > LARGE, large, small)


def beta_weight(a: Value, b: Value, x: Value, y: Value) -> Value:
    """x^a y^b / (a B(a, b)) with y = 1 - x."""
    n = a + b
    moderate = (a <= LARGE) & (b <= LARGE)
    p, q = np.where(moderate, a, 1.0), np.where(moderate, b, 1.0)
    small = np.power(x, p) * np.power(y, q) / (p * beta(p, q))
    d = beta_offset(a, b, x)
    exponent = a * log1p_gap(d / a, x * (n / a)) + b * log1p_gap(-d / b, y * (n / b))
    form = np.sqrt(b / (2 * pi * a * n)) * scaled_gamma(n) / (scaled_gamma(a) * scaled_gamma(b))
    return np.where(moderate & (small > SINGLE), small, form * np.exp(exponent))


def beta_offset(a: Value, b: Value, x: Value) -> Value:
    """(a + b) x - a, which cancels near the mean."""
    first, first_low = two_product(x, a)
    second, second_low = two_product(x, b)
    total, low = two_difference(first, -second)
    d, lost = two_difference(total, a)
    plain = d + (lost + low + first_low + second_low)
    return np.where(np.isfinite(plain), plain, (a + b) * x - a)


def reach(g: Callable[[Value], tuple[Value, Value]], start: Value) -> Value:
    """Where the convex g, which is 0 at 0, comes to NEPERS: `g(w)` gives its value and its slope."""
    w = start
    for _ in range(60):
        low = g(w)[0] < NEPERS
        if not low.any():
            break
        w = np.where(low, 2.0 * w, w)
    for _ in range(40):  # from the right, so that each step stays there
        value, slope = g(w)
        far = (value > NEPERS + 2.0) & (slope > 0)
        if not far.any():
            break
        w = np.where(far, w - (value - NEPERS) / np.where(far, slope, 1.0), w)
    return w


def integral(f: Callable[[Value], Value], end: Value) -> Value:
    total = np.zeros_like(end)
    for node, weight in gauss():
        total = total + weight * f(node * end)
    return total * end


# The gamma integral.
@in_double
def gamma_density(a: Value, x: Value) -> Value:
    """x^(a - 1) exp(-x) / Γ(a)."""
    inside = (a >= 0) & (x > 0) & (x < np.inf)
    p, t = np.where(inside, a, 1.0), np.where(inside, x, 1.0)
    edge = np.where(a > 1, 0.0, np.where(a == 1, 1.0, np.inf))
    outside = np.where(x == 0, edge, np.where(x == np.inf, 0.0, np.nan))
    return np.where(inside, p * (gamma_weight(p, t) / t), np.where(a > 0, outside, np.nan))


@in_double
def gammainc_slope(a: Value, x: Value, *, n: int) -> Value:
    """The n-th derivative of P(a, x) by a, n > 0; at a = 0 from the right, where it is -E1(x) for n = 1."""
    a, x = np.broadcast_arrays(a, x)
    inside = (a >= 0) & (x > 0) & (x < np.inf) & (a < np.inf)
    near = inside & (x < 1.0)
    found = np.where((a > 0) & ((x == 0) | (x == np.inf)), 0.0, np.full(a.shape, np.nan))
    for where, rule in ((near, gamma_series), (inside & ~near, gamma_integral)):
        if where.any():
            found[where] = rule(a[where], x[where], n)
    return found


def gamma_cumulants(a: Value, x: Value, most: int) -> list[Value]:
    """The derivatives by a of the logarithm of x^a / Γ(a + 1); at 0 there is none of order 0."""
    c = np.maximum(a, LARGE)
    mu = (x - c) / c
    large = np.where(np.abs(mu) < 0.35, np.log1p(mu), np.log(x / c)) - psi_gap(c) - 1.0 / c
    first = np.where(a > LARGE, large, np.log(x) - special.psi(a + 1.0))
    return [0.0, first, *[-polygamma(a + 1.0, n=i) for i in range(1, most)]]


def gamma_series(a: Value, x: Value, n: int) -> Value:
    """x^a / Γ(a + 1) times the sum of (-x)^k / k! a / (a + k)."""
    known = gamma_cumulants(a, x, n)
    front = moments(lambda i, _: known[i], n, 0)
    sums: list[Value] = [np.zeros_like(x) for _ in range(n + 1)]
    for k in range(22, 0, -1):
        term = (-x) ** k / factorial(k) / (a + k)
        sums[0] = sums[0] + term * a
        for i in range(1, n + 1):
            term = term / (a + k)
            sums[i] = sums[i] - (-1.0) ** i * factorial(i) * k * term
    sums[0] = sums[0] + 1.0
    return gamma_weight(a, x) * np.exp(x) * leibniz(lambda i, _: front[i, 0], lambda i, _: sums[i], n, 0)


def gamma_integral(a: Value, x: Value, n: int) -> Value:
    """The density over x exp(±w): a times its factor without 1/Γ(a), whose pole at 0 would cancel."""
    known = gamma_cumulants(a, x, n)
    side = np.where(a * known[1] + 1.0 > 0, 1.0, -1.0)

    def g(w: Value) -> tuple[Value, Value]:
        t = side * w
        return (x - a) * t + x * expm1_gap(t), side * (x * np.exp(t) - a)

    def f(w: Value) -> Value:
        found = moments(lambda i, _: known[1] + side * w if i == 1 else known[i], n, 0)
        return np.exp(-g(w)[0]) * (a * found[n, 0] + n * found[n - 1, 0])

    right = np.log1p(50.0 / x + 10.0 / np.sqrt(x))
    start = np.where(side > 0, right, 50.0 / a + 10.0 / np.sqrt(a))
    return -side * gamma_weight(a, x) * integral(f, reach(g, start))


# The beta integral.
@in_double
def beta_density(a: Value, b: Value, x: Value) -> Value:
    """x^(a - 1) (1 - x)^(b - 1) / B(a, b)."""
    inside = (a > 0) & (b > 0) & (x > 0) & (x < 1)
    p, q, t = (np.where(inside, v, s) for v, s in ((a, 1.0), (b, 1.0), (x, 0.5)))
    swap = t > 0.5
    low, high = np.where(swap, 1.0 - t, t), np.where(swap, t, 1.0 - t)
    c, d = np.where(swap, q, p), np.where(swap, p, q)
    found = c * (beta_weight(c, d, low, high) / low) / high
    left = x == 0
    power: Value = np.where(left, a, b)
    other: Value = np.where(left, b, a)
    edge = np.where(power > 1, 0.0, np.where(power == 1, other, np.inf))
    valid = (a > 0) & (b > 0) & ((x == 0) | (x == 1))
    return np.where(inside, found, np.where(valid, edge, np.nan))


@in_double
def betainc_slope(a: Value, b: Value, x: Value, *, j: int, k: int) -> Value:
    """The derivative of I_x(a, b), j times by a and k times by b, j + k > 0."""
    a, b, x = np.broadcast_arrays(a, b, x)
    valid = (a > 0) & (b > 0) & (a < np.inf) & (b < np.inf)
    found = np.where(valid & ((x == 0) | (x == 1)), 0.0, np.full(a.shape, np.nan))
    inside = valid & (x > 0) & (x < 1)
    for where, turned in ((inside & (x <= 0.5), False), (inside & (x > 0.5), True)):
        if where.any():
            p, q, t = a[where], b[where], x[where]
            found[where] = -lower_beta(q, p, 1.0 - t, k, j) if turned else lower_beta(p, q, t, j, k)
    return found


def lower_beta(a: Value, b: Value, x: Value, j: int, k: int) -> Value:
    """For x up to a half; I_x(a, b) is 1 less that of b, a at 1 - x."""
    near, found = b * x <= 1.0, np.empty_like(x)
    for where, rule in ((near, beta_series), (~near, beta_integral)):
        if where.any():
            found[where] = rule(a[where], b[where], x[where], j, k)
    return found


def log_excess(a: Value, b: Value, d: Value, log_x: Value) -> Value:
    """log(x) + ψ(a + b) - ψ(a), which is 0 near the mean; d is (a + b) x - a."""
    c, n = np.maximum(a, LARGE), np.maximum(a + b, LARGE)
    plain = log_x + polygamma_gap(a, b, n=0)
    return np.where((a > LARGE) & (np.abs(d) < 0.35 * a), np.log1p(d / c) + psi_gap(n) - psi_gap(c), plain)


def beta_cumulants(a: Value, b: Value, x: Value, j: int, k: int) -> dict[tuple[int, int], Value]:
    """The derivatives by a and b of the logarithm of x^a (1 - x)^b Γ(a + b) / (Γ(a + 1) Γ(b))."""
    n, found = a + b, {}
    log_x, d = np.log(x), beta_offset(a, b, x)
    by_a = np.where(a > LARGE, log_excess(a, b, d, log_x) - 1.0 / a, log_x + special.psi(n) - special.psi(a + 1.0))
    by_b = log_excess(b, a, -d, np.log1p(-x))
    for i in range(j + 1):
        for l in range(k + 1):
            if i and l:
                found[i, l] = polygamma(n, n=i + l - 1)
            elif i:
                found[i, 0] = by_a if i == 1 else polygamma(n, n=i - 1) - polygamma(a + 1.0, n=i - 1)
            elif l:
                found[0, l] = by_b if l == 1 else polygamma_gap(b, a, n=l - 1)
    return found


def beta_series(a: Value, b: Value, x: Value, j: int, k: int) -> Value:
    """x^a / (a B(a, b)) times the sum of (1 - b)_m / m! x^m a / (a + m)."""
    n = a + b

    def known(i: int, l: int) -> Value:
        """Of the logarithm of x^a Γ(a + b + 1) / (Γ(a + 1) Γ(b + 1))."""
        if i and l:
            return polygamma(n + 1.0, n=i + l - 1)
        own, other = (a, b) if i else (b, a)
        return polygamma_gap(own + 1.0, other, n=i + l - 1) + (np.log(x) if (i, l) == (1, 0) else 0.0)

    def share(i: int, l: int) -> Value:
        """Of b / (a + b), over itself: its pole, and that of Γ(b), would cancel to higher orders."""
        if i + l == 0:
            return 1.0
        return (-1.0) ** (i + l) * factorial(i + l - 1) * (i - l * a / b) / n ** float(i + l)

    moved = moments(known, j, k)
    front = {(i, l): leibniz(share, lambda p, q: moved[p, q], i, l) for i in range(j + 1) for l in range(k + 1)}
    one, none = np.ones_like(x), np.zeros_like(x)
    factors = [one, *[none for _ in range(k)]]  # the derivatives of (1 - b)_m / m! x^m by b
    sums: dict[tuple[int, int], Value] = {(i, l): none for i in range(j + 1) for l in range(k + 1)}
    sums[0, 0] = one
    for m in range(1, 90):
        for l in range(k, -1, -1):
            factors[l] = (factors[l] * (m - b) - (l * factors[l - 1] if l else 0.0)) * (x / m)
        for l in range(k + 1):
            term = factors[l] / (a + m)
            sums[0, l] = sums[0, l] + term * a
            for i in range(1, j + 1):
                term = term / (a + m)
                sums[i, l] = sums[i, l] - (-1.0) ** i * factorial(i) * m * term
    y = 1.0 - x
    whole = leibniz(lambda i, l: front[i, l], lambda i, l: sums[i, l], j, k)
    return beta_weight(a, b, x, y) * np.exp(-b * np.log1p(-x)) * whole


def beta_integral(a: Value, b: Value, x: Value, j: int, k: int) -> Value:
    """The density over logit(x) ± w."""
    n, y = a + b, 1.0 - x
    known, offset = beta_cumulants(a, b, x, j, k), beta_offset(a, b, x)
    place = a * known[1, 0] + 1.0 if j else -known[0, 1]
    side = np.where(place > 0, 1.0, -1.0)

    def g(w: Value) -> tuple[Value, Value]:
        t = side * w
        z = x * np.expm1(t)
        bend = np.where(np.abs(z) < 0.35, log1p_gap(z) + x * expm1_gap(t), np.log1p(z) - x * t)
        return t * offset + n * bend, side * (n * x * np.exp(t) / (1.0 + z) - a)

    def f(w: Value) -> Value:
        t = side * w
        lost = np.log1p(x * np.expm1(t))
        moved = {(1, 0): t - lost, (0, 1): -lost}
        found = moments(lambda i, l: known[i, l] + moved[i, l] if i + l == 1 else known[i, l], j, k)
        whole = a * found[j, k] + (j * found[j - 1, k] if j else 0.0)
        return np.exp(-g(w)[0]) * whole

    decay: Value = np.where(side > 0, b, a)
    start = 10.0 / np.sqrt(n * x * y) + 50.0 / decay
    return -side * beta_weight(a, b, x, y) * integral(f, reach(g, start))


# The zeta function.


@in_double
def zeta(s: Value, q: Value) -> Value:
    """SciPy's, and on the line q = 1 Riemann's, which goes on below s = 1."""
    return np.where(q == 1.0, special.zeta(s), special.zeta(s, q))


@in_double
def zeta_slope(s: Value, q: Value, *, n: int) -> Value:
    """The n-th derivative of ζ(s, q) by s, s > 1, at q = 1 s > 0: a sum, then Euler and Maclaurin (DLMF 25.11.5)."""
    s, q = np.broadcast_arrays(s, q)
    valid = (q > 0) & ((s > 1) | ((q == 1) & (s > 0) & (s != 1))) & (s < np.inf) & (q < np.inf)
    outside = np.where((s == 1) & (q > 0), (-1.0) ** n * np.inf, np.nan)
    if not valid.any():
        return outside
    s, q = np.where(valid, s, 2.0), np.where(valid, q, 1.0)
    total = np.zeros_like(s)
    for k in range(18):
        total = total + (-np.log(q + k)) ** n * (q + k) ** -s
    u = q + 18.0
    log_u, power = np.log(u), u**-s
    rest = [u * (-1.0) ** i * factorial(i) / (s - 1.0) ** (i + 1) for i in range(n + 1)]
    rest[0] = rest[0] + 0.5
    rising: list[Value] = [s / u, *[1.0 / u if i == 1 else np.zeros_like(s) for i in range(1, n + 1)]]
    for m, number in enumerate(
        BERNOULLI, start=1
    ):  # rising: the derivatives of s (s + 1) ... (s + 2m - 2) / u^(2m - 1)
        rest = [r + number / factorial(2 * m) * f for r, f in zip(rest, rising)]
        for step in (2 * m - 1, 2 * m):
            rising = [(f * (s + step) + (i * rising[i - 1] if i else 0.0)) / u for i, f in enumerate(rising)]
    total = total + power * leibniz(lambda i, _: (-log_u) ** i, lambda i, _: rest[i], n, 0)
    return np.where(valid, total, outside)


# Inverses: SciPy's, and one step of Newton's.
def polished(x: Value, gap: Value, density: Value) -> Value:
    step = gap / density
    size = np.abs(step / x)
    return np.where(
        (size > 1e-14) & (size < 1e-8), x - step, x
    )  # a smaller step is the rounding of the integral itself


@in_double
def gammaincinv(a: Value, y: Value) -> Value:
    x = special.gammaincinv(a, y)
    return polished(x, special.gammainc(a, x) - y, gamma_density(a, x))


@in_double
def gammainccinv(a: Value, y: Value) -> Value:
    x = special.gammainccinv(a, y)
    return polished(x, y - special.gammaincc(a, x), gamma_density(a, x))


@in_double
def betaincinv(a: Value, b: Value, y: Value) -> Value:
    x = special.betaincinv(a, b, y)
    return polished(x, special.betainc(a, b, x) - y, beta_density(a, b, x))
