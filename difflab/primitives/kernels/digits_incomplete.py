"""The incomplete integrals' derivatives by the parameters, and inverses, on numbers of any precision."""

from __future__ import annotations

from collections.abc import Callable

import flint
from mpmath import mp, mpf

from ...late import Late
from ...types import Value
from ..germs.incomplete import lower_beta, lower_gamma
from ..germs.session import alone
from .digits import number

special: Value = Late("scipy.special")


def on_balls(f: Callable[..., Value], *operands: Value) -> Value:
    """A function of series at plain numbers."""
    with alone():
        flint.ctx.prec, flint.ctx.cap = mp.prec + 60, 1
        return number(f(*[flint.arb_series([flint.arb(mpf(x))]) for x in operands])[0])


def gammainc_slope(a: Value, x: Value, *, n: int) -> Value:
    return on_balls(lambda a, x: lower_gamma(a, x, n), a, x)


def betainc_slope(a: Value, b: Value, x: Value, *, j: int, k: int) -> Value:
    return on_balls(lambda a, b, x: lower_beta(a, b, x, j, k), a, b, x)


def solved(start: Value, gap: Callable[[Value], Value], density: Callable[[Value], Value]) -> Value:
    """The zero of a function near a number in double precision, by Newton's iteration."""
    x = mpf(float(start))
    for _ in range(mp.prec.bit_length()):
        x -= gap(x) / density(x)
    return x


def gamma_density(a: Value, x: Value) -> Value:
    return mp.exp((a - 1) * mp.log(x) - x - mp.loggamma(a))


def gammaincinv(a: Value, y: Value) -> Value:
    gap = lambda x: mp.gammainc(a, 0, x, regularized=True) - y
    return solved(special.gammaincinv(float(a), float(y)), gap, lambda x: gamma_density(a, x))


def gammainccinv(a: Value, y: Value) -> Value:
    gap = lambda x: y - mp.gammainc(a, x, regularized=True)
    return solved(special.gammainccinv(float(a), float(y)), gap, lambda x: gamma_density(a, x))


def betaincinv(a: Value, b: Value, y: Value) -> Value:
    gap = lambda x: mp.betainc(a, b, 0, x, regularized=True) - y
    density = lambda x: x ** (a - 1) * (1 - x) ** (b - 1) / mp.beta(a, b)
    return solved(special.betaincinv(float(a), float(b), float(y)), gap, density)
