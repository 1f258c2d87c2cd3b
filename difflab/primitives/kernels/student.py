"""NumPy code for Student's t distribution: its density and distribution function, derived by the degrees of freedom.

With t = sqrt(ν) sinh(v) the density over v is cosh(v)^(-ν) / B(ν/2, 1/2), smooth and without long tails. To first
order its derivative by ν changes the sign once on each side of 0: up to there it is integrated from 0, and beyond from
the far end, as the whole is 1 whatever ν is, so that nothing cancels.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from math import comb, factorial, pi, sqrt

import numpy as np

from ...late import Late
from ...types import Value
from ..cumulants import moments
from .elementwise import in_double, log_cosh, normal_density
from .incomplete import LARGE, NEPERS, gauss, log1p_gap, polished, scaled_gamma

special: Value = Late("scipy.special")
# (2^2k - 1) B_2k / 2k: of the series of [ψ((ν + 1)/2) - ψ(ν/2)]/2 - 1/2ν in 1/ν²
BETA_SERIES = (1 / 4, -1 / 8, 1 / 4, -17 / 16, 31 / 4, -691 / 8, 5461 / 4, -929569 / 32)
STEADY = 40.0  # from here on they are enough
EDGES = (0.0, 8.0, 20.0, np.inf)  # of v: near 0 it bends, from 20 on it is an exponential
BLOCK = 2048  # elements at a time, with all nodes of each
FAR = 1e75  # of t/sqrt(ν): its square is still a double, and 1 beside it is nothing


def inverse_beta(nu: Value) -> Value:
    """1 / B(ν/2, 1/2)."""
    a = 0.5 * nu
    large, b = np.maximum(a, LARGE), np.minimum(a, LARGE)
    ratio = scaled_gamma(large + 0.5) / scaled_gamma(large) * np.sqrt(large) * np.exp(large * log1p_gap(0.5 / large))
    return np.where(a > LARGE, ratio, special.gamma(b + 0.5) * special.rgamma(b)) / sqrt(pi)


def weight(nu: Value, u: Value) -> Value:
    """(1 + u²)^(-ν/2), u ≥ 0: a power where the logarithm is large, whose rounding the exponential would multiply."""
    near = np.exp(-0.5 * nu * np.log1p(np.minimum(u, 1.0) ** 2))
    return np.where(u < 1.0, near, np.hypot(1.0, np.maximum(u, 1.0)) ** -nu)


def excess(nu: Value, m: int) -> Value:
    """The m-th derivative of [ψ((ν + 1)/2) - ψ(ν/2)]/2 - 1/2ν, whose parts cancel where ν is large.

    It falls by 1/(ν (ν + 1) (ν + 2)) from ν to ν + 2: all terms of the sum have the same sign.
    """

    def inverse(x: Value, i: int) -> Value:
        return factorial(i) / x ** (i + 1)  # without its sign, (-1)^i

    total, x = np.zeros_like(nu), nu
    for _ in range(int(STEADY) // 2 + 1):
        small = x < STEADY
        step = sum(
            comb(m, i) * comb(m - i, j) * inverse(x, i) * inverse(x + 1.0, j) * inverse(x + 2.0, m - i - j)
            for i in range(m + 1)
            for j in range(m - i + 1)
        )
        total, x = np.where(small, total + step, total), np.where(small, x + 2.0, x)
    series = np.zeros_like(nu)
    for k in range(len(BETA_SERIES), 0, -1):
        rising = factorial(2 * k - 1 + m) / factorial(2 * k - 1)
        series = (series + BETA_SERIES[k - 1] * rising) / (x * x)
    return (-1.0) ** m * (total + series / x**m)


def excesses(nu: Value, n: int) -> list[Value]:
    return [excess(nu, i) for i in range(max(n, 1))]


def cumulants(nu: Value, known: list[Value], v: Value) -> list[Value]:
    """The derivatives by ν of the logarithm of the density at t = sqrt(ν) sinh(v), as many as `excesses` are known.

    The first in the list stands for order 0, and is none. With w = t²/(ν + t²) and q = 1 - w, differences of powers of
    q are written as sums of terms of one sign.
    """
    w, q = np.tanh(v) ** 2, np.cosh(v) ** -2.0
    bend = np.where(w < 0.35, 0.5 * log1p_gap(-w), 0.5 * w - log_cosh(v))
    found = [0.0, known[0] + bend + 0.5 * w / nu]
    for i in range(2, len(known) + 1):
        powers = [q**j for j in range(i)]
        square = factorial(i - 2) * w * w * sum((j + 1) * p for j, p in enumerate(powers[:-1]))
        plain = factorial(i - 1) * w * sum(powers) / nu
        found.append(known[i - 1] + (-1.0) ** i * 0.5 * (square - plain) / nu ** (i - 1.0))
    return found


def moment(nu: Value, known: list[Value], v: Value, n: int) -> Value:
    """The n-th derivative of the density by ν, over the density."""
    of_log = cumulants(nu, known, v)
    return moments(lambda i, _: of_log[i], n, 0)[n, 0]


@in_double
def t_density(df: Value, t: Value, *, n: int) -> Value:
    """The n-th derivative by ν of the density."""
    df, t = np.broadcast_arrays(df, t)
    inside = (df > 0) & (df < np.inf)
    nu, root = np.where(inside, df, 1.0), np.sqrt(np.where(inside, df, 1.0))
    u = np.abs(t) / root
    found = weight(nu, u) / np.hypot(1.0, u) * (inverse_beta(nu) / root)
    if n:
        found = np.where(found == 0.0, 0.0, found * moment(nu, excesses(nu, n), np.arcsinh(u), n))
    limit = np.where(df == np.inf, normal_density(t) if n == 0 else np.zeros_like(t), np.nan)
    return np.where(np.isnan(t), np.nan, np.where(inside, found, limit))


@in_double
def stdtr_slope(df: Value, t: Value, *, n: int) -> Value:
    """The n-th derivative by ν of the distribution function, n > 0."""
    df, t = np.broadcast_arrays(df, t)
    inside = (df > 0) & (df < np.inf) & np.isfinite(t)
    found = np.where((df > 0) & ~np.isnan(t), 0.0, np.full(df.shape, np.nan))
    nu, at = df[inside], t[inside]
    blocks = [slice(k, k + BLOCK) for k in range(0, nu.size, BLOCK)]
    parts = [slope_of_half(nu[block], np.abs(at[block]) / np.sqrt(nu[block]), n) for block in blocks]
    found[inside] = np.sign(at) * inverse_beta(nu) * np.concatenate([np.zeros(0), *parts])
    return found


def slope_of_half(nu: Value, u: Value, n: int) -> Value:
    """For t = u sqrt(ν) above 0, times B(ν/2, 1/2)."""
    v, known, slope = np.arcsinh(u), excesses(nu, n), np.empty_like(nu)
    middle = cumulants(nu, known, v)[1] > 0
    for where, rule in ((middle, from_middle), (~middle, from_end)):
        if where.any():
            slope[where] = rule(nu[where], [k[where] for k in known], u[where], v[where], n)
    return slope


def over_panels(f: Callable[[Value], Value], end: Value, origin: Value) -> Value:
    """The integral of f(x) over x from 0 to `end`, cut where `origin` + x crosses an edge; f takes rows of nodes."""
    nodes, weights = (np.array(column)[:, None] for column in zip(*gauss()))
    total = np.zeros_like(end)
    for left, right in pairwise(EDGES):
        low, high = np.clip(left - origin, 0.0, end), np.clip(right - origin, 0.0, end)
        if (high > low).any():
            parts = weights * f(low + nodes * (high - low))
            total = total + (high - low) * np.cumsum(parts, axis=0)[-1]  # in one order, of however many elements
    return total


def from_middle(nu: Value, known: list[Value], u: Value, v: Value, n: int) -> Value:
    return over_panels(lambda x: np.exp(-nu * log_cosh(x)) * moment(nu, known, x, n), v, np.zeros_like(v))


def from_end(nu: Value, known: list[Value], u: Value, v: Value, n: int) -> Value:
    tangent, front = np.tanh(v), weight(nu, u)
    rest = 0.5 * np.cosh(v) ** -2.0 / (1.0 + tangent)  # (1 - tanh(v))/2

    def f(x: Value) -> Value:
        """The density over that at v: of log(cosh(v + x)/cosh(v)) the formula that does not cancel."""
        near = np.minimum(x, 1.0)
        short = np.log1p(2.0 * np.sinh(0.5 * near) ** 2 + tangent * np.sinh(near))
        fall = np.where(x < 1.0, short, x + np.log1p(rest * np.expm1(-2.0 * x)))
        return np.exp(-nu * fall) * moment(nu, known, v + x, n)

    c = NEPERS / nu
    end = c + np.log((1.0 + np.sqrt(tangent**2 * np.exp(-2.0 * c) - np.expm1(-2.0 * c))) / (1.0 + tangent))
    return np.where(front == 0.0, 0.0, -front * over_panels(f, end, v))


# The distribution function and its inverse: SciPy's, and where it gives up the first term of the tail.
def far_tail(nu: Value, u: Value) -> Value:
    """The probability beyond u sqrt(ν) for large u."""
    return inverse_beta(nu) * u**-nu / nu


@in_double
def stdtr(df: Value, t: Value) -> Value:
    """SciPy's squares t, which is no double from 1e154 on."""
    u = -t / np.sqrt(df)
    return np.where((u > FAR) & (u < np.inf), far_tail(df, u), special.stdtr(df, t))


@in_double
def stdtrit(df: Value, p: Value) -> Value:
    """From the lower half, for 1 - p is exact in the upper one; SciPy's and one step of Newton's."""
    low = np.where(p > 0.5, 1.0 - p, p)
    far = np.sqrt(df) * (inverse_beta(df) / df) ** (1.0 / df) * low ** (-1.0 / df)
    x = np.where((far > FAR * np.sqrt(df)) & (low < 0.25), -far, special.stdtrit(df, low))
    centre = 0.5 * special.betainc(0.5, 0.5 * df, x * x / (df + x * x))
    gap = np.where(x * x < df, (0.5 - low) - centre, stdtr(df, x) - low)
    x = polished(x, gap, t_density(df, x, n=0))
    x = np.where((low == 0.0) & (df > 0), -np.inf, np.where(low == 0.5, 0.0 * df, x))
    return np.where(p > 0.5, -x, x)
