"""Rows on numbers of any precision that take more than a line: mpmath's numbers go in and come out."""

from __future__ import annotations

from collections.abc import Callable

import flint
from mpmath import mp, mpf

from ...late import Late
from ...types import Function, Value
from ..germs.session import alone

special: Value = Late("scipy.special")


def number(ball: Value) -> Value:
    """The middle of a ball."""
    man, exp = ball.mid().man_exp()
    with mp.workprec(max(int(man).bit_length(), 64)):
        return mp.ldexp(mpf(int(man)), int(exp))


def inverse(start: Value, f: Callable[[Value], Value], slope: Callable[[Value], Value]) -> Callable[[Value], Value]:
    """The inverse of f by Newton's iteration, from SciPy's value in double precision."""

    def solve(y: Value) -> Value:
        x = mpf(float(start(float(y))))
        for _ in range(9):
            x -= (f(x) - y) / slope(x)
        return x

    return solve


def normal(x: Value) -> Value:
    return mp.erfc(-x / mp.sqrt(2)) / 2


def log_ndtr(x: Value) -> Value:
    return mp.log(normal(x)) if x < 0 else mp.log1p(-normal(-x))


from_zero: Function = inverse(lambda y: special.erfinv(y), mp.erf, lambda y: 2 / mp.sqrt(mp.pi) * mp.exp(-y * y))
erfcinv: Function = inverse(lambda y: special.erfcinv(y), mp.erfc, lambda y: -2 / mp.sqrt(mp.pi) * mp.exp(-y * y))
ndtri: Function = inverse(lambda y: special.ndtri(y), normal, mp.npdf)


def erfinv(x: Value) -> Value:
    return from_zero(x) if x else mpf(0)


def bessel(kind: str) -> Callable[[Value, Value], Value]:
    """From Arb's balls: mpmath takes limits at integer orders, which is slow."""

    def function(v: Value, x: Value) -> Value:
        with alone():
            flint.ctx.prec = mp.prec + 60
            return number(getattr(flint.arb(x), f"bessel_{kind}")(flint.arb(v)))

    return function


jv: Function
yv: Function
iv: Function
kv: Function
jv, yv, iv, kv = map(bessel, "jyik")
yn: Function
kn: Function
yn, kn = yv, kv


def kve_derivative(v: Value, x: Value, *, n: int) -> Value:
    """Of first order."""
    return mp.exp(x) * (kv(v, x) - (kv(v - 1, x) + kv(v + 1, x)) / 2)


def ive_derivative(v: Value, x: Value, *, n: int) -> Value:
    """Of first order, for x > 0."""
    return mp.exp(-x) * ((iv(v - 1, x) + iv(v + 1, x)) / 2 - iv(v, x))
