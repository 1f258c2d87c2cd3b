"""Student's t distribution on germs: from series of terms of one sign, with bounds; none of the rows' rules is used.

Derivatives by the degrees of freedom are Taylor coefficients in ν of that sum at a fixed t, and those by t of the
density come from its differential equation, (ν + t²) f' = -(ν + 1) t f, on series in ν.
"""

from __future__ import annotations

from math import factorial, log

import flint
from flint import arb, arb_series

from ...late import Late
from ...types import Value
from .entropies import on_positive
from .germ import ZERO, Germ, order
from .incomplete import HALF, INSIDE, beta_sum, combined, in_unit, inverse, lower_beta_near
from .special import coefficients_of, variable

special: Value = Late("scipy.special")
MOST_LOST = 2048  # beyond, the tail is no double


def normed(nu: Value) -> Value:
    """1 / B(ν/2, 1/2)."""
    return (nu / 2 + HALF).gamma() * (nu / 2).rgamma() / arb.pi().sqrt()


def distribution(nu: Value, t: Value) -> Value:
    """F of series, for ν above 0: about 0 the odd series in t, elsewhere the beta integral from the nearer end."""
    square = nu + t * t
    y = nu / square
    if y[0].mid() > HALF:
        return about_centre(nu, t)
    tail = lower_beta_near(nu / 2, arb_series([HALF]), y, 0, 0) / 2
    return tail if t[0].mid() < ZERO else 1 - tail


def about_centre(nu: Value, t: Value) -> Value:
    """With as many bits more as cancel in the tails."""
    bits = flint.ctx.prec
    lost = float((nu[0] / 2 * (1 + t[0] * t[0] / nu[0]).log()).mid()) / log(2)
    try:
        flint.ctx.prec = bits + min(int(lost), MOST_LOST)
        square = nu + t * t
        total = beta_sum(arb_series([HALF]), nu / 2, t * t / square, 0, 0)[0, 0]
        return HALF + t / square.sqrt() * (nu / 2 * (nu / square).log()).exp() * normed(nu) * total
    finally:
        flint.ctx.prec = bits


def density(nu: Value, t: Value) -> Value:
    square = nu + t * t
    return normed(nu) / square.sqrt() * (nu / 2 * (nu / square).log()).exp()


def density_coefficients(nu: Value, t: Value, count: int) -> list[Value]:
    """The Taylor coefficients by t of the density at a ball t, each a series in ν."""
    found, before = [density(nu, arb_series([t]))], arb_series([ZERO])
    square = nu + t * t
    for k in range(count - 1):
        f = found[-1]
        rest = 2 * t * k * f + (k - 1) * before + (nu + 1) * (t * f + before)
        found.append(-rest / (square * (k + 1)))
        before = f
    return found


def derived(whole: bool, n: int, nu: Value, t: Value) -> Value:
    """The n-th derivative by ν of the distribution function (`whole`) or of the density, at two series."""
    count = order()
    with coefficients_of(count + n):
        at = variable(nu[0], count + n)
        table = density_coefficients(at, t[0], count)
        if whole:
            integrals = [table[k] / (k + 1) for k in range(count - 1)]
            table = [distribution(at, arb_series([t[0]])), *integrals]
        rows = [[s[n + k] * (factorial(n + k) // factorial(k)) for k in range(count)] for s in table]
    by_nu, by_t = (arb_series([ZERO, *[s[k] for k in range(1, count)]]) for s in (nu, t))
    total = arb_series([ZERO])
    for row in reversed(rows):  # both by Horner's rule
        inner = arb_series([ZERO])
        for c in reversed(row):
            inner = inner * by_nu + c
        total = total * by_t + inner
    return total


def stdtr(df: Value, t: Value, *, n: int = 0) -> Germ:
    f = distribution if n == 0 else lambda nu, t: derived(True, n, nu, t)
    return on_positive(df, lambda df: combined(f, df, t), INSIDE)


def t_density(df: Value, t: Value, *, n: int) -> Germ:
    f = density if n == 0 else lambda nu, t: derived(False, n, nu, t)
    return on_positive(df, lambda df: combined(f, df, t), INSIDE)


def stdtrit(df: Value, p: Value) -> Germ:
    start = lambda df, p: special.stdtrit(df, p)
    return in_unit(p, lambda p: on_positive(df, lambda df: inverse(distribution, density, start, df, p), INSIDE))
