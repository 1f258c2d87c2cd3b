"""Special functions on germs: from Arb's own, by their Taylor coefficients at a ball.

`compose` makes a function of series of `coefficients(ball, count)`. Derivatives here are the functions' defining
differential relations (DLMF 7.1, 5.15, 10.6, 10.29, 13.3), stated for every order, and none of the rows' rules.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import flint
from flint import arb, arb_series

from ...errors import UnsupportedError
from ...types import Value
from .entropies import on_positive
from .functions import exp, log, log1p, smooth
from .germ import ONE, ZERO, Germ, ball, compose, constant, is_constant, lift, mapped, no_value, nothing, sign
from .session import NOW

MOST_DERIVATIVES = 64
SERIES_OF_SINC = arb(1) / 8  # from the argument on, sin(πx)/(πx) as it is written
SPARE = 128  # bits beyond those that a ball of an operand holds


@contextmanager
def coefficients_of(count: int) -> Iterator[None]:
    """Power series of so many coefficients."""
    before, flint.ctx.cap = flint.ctx.cap, count
    try:
        yield
    finally:
        flint.ctx.cap = before


def variable(c: Value, count: int) -> Value:
    return arb_series([c, ONE], count)


def listed(s: Value, count: int) -> list[Value]:
    return [s[k] for k in range(count)]


def derivative_of(coefficients: Callable[[Value, int], list[Value]], n: int) -> Callable[[Value, int], list[Value]]:
    """The Taylor coefficients of the n-th derivative."""
    if n > MOST_DERIVATIVES:
        raise UnsupportedError(f"{NOW.where()}: the {n}-th derivative is not available on enclosures")

    def found(c: Value, count: int) -> list[Value]:
        wide = coefficients(c, count + n)
        return [wide[n + k] * (math.factorial(n + k) // math.factorial(k)) for k in range(count)]

    return found


def taylor(coefficients: Callable[[Value, int], list[Value]], what: str) -> Callable[[Value], Germ]:
    """The function on germs; where the coefficients are not finite on the ball, nothing is known."""
    function = compose(coefficients)

    def on_germ(x: object) -> Germ:
        x = lift(x)
        if x.lost is not None:
            return nothing(x)
        NOW.tick()  # these take long at high precision
        y = mapped(x, function)
        if y.lost is None and not y.around[0].is_finite():
            return no_value("undecided", f"its operand lies in {ball(x.around[0])}, and {what}")
        return y

    return on_germ


# The gamma family. Poles at 0, -1, -2, ... are where balls stop being finite.
def at_pole(x: Germ) -> bool:
    value = is_constant(x)
    return value is not None and value.is_integer() and value <= ZERO


def with_poles(f: Callable[[Germ], Germ]) -> Callable[[Value], Germ]:
    def away(x: object) -> Germ:
        x = lift(x)
        if x.lost is None and at_pole(x):
            return no_value("undefined", f"it has a pole at {float(x.point[0]):g}")
        y = f(x)
        if x.lost is None and (y.lost is not None or not y.around[0].is_finite()):
            return no_value("undecided", f"its operand lies in {ball(x.around[0])}, and it has poles at 0, -1, -2, ...")
        return y

    return away


gamma: Callable[[Value], Germ]
rgamma: Callable[[Value], Germ]
gamma, rgamma = with_poles(smooth("gamma")), smooth("rgamma")


@with_poles
def gammaln(x: Germ) -> Germ:
    """log |gamma(x)|: for negative x from gamma itself, whose logarithm would be complex."""
    found = sign(x)
    if found == 1:
        return smooth("lgamma")(x)
    if found is None:
        return (
            nothing(x)
            if x.lost
            else no_value("undecided", f"its operand lies in {ball(x.around[0])}, and it has a pole at 0")
        )
    value = smooth("gamma")(x)
    rising = sign(value)
    if not rising:
        return no_value("undecided", f"its operand lies in {ball(x.around[0])}, and it has poles at 0, -1, -2, ...")
    return log(value if rising > 0 else -value)


def psi(n: int) -> Callable[[Value, int], list[Value]]:
    """The n-th derivative of ψ = Γ'/Γ."""

    def digamma(c: Value, count: int) -> list[Value]:
        with coefficients_of(count + 1):
            x = variable(c, count + 1)
            if c > ZERO:
                return listed(x.lgamma().derivative(), count)
            g = x.gamma()
            return listed(g.derivative() / g, count)

    return derivative_of(digamma, n)


def digamma(x: object, *, n: int = 0) -> Germ:
    if n < 0:
        raise UnsupportedError(f"polygamma of order {n}")
    return with_poles(taylor(psi(n), "it has poles at 0, -1, -2, ..."))(x)


def beta(x: object, y: object) -> Germ:
    """B(x, y) = Γ(x) Γ(y) / Γ(x + y)."""
    x, y = lift(x), lift(y)
    return gamma(x) * gamma(y) * rgamma(x + y)


def incomplete(value: Callable[[Value], Value], density: Callable[[Value], Value]) -> Callable[[Value], Germ]:
    """The integral of a density: its value by Arb, its Taylor coefficients from the density's."""

    def coefficients(c: Value, count: int) -> list[Value]:
        if count == 1:
            return [value(c)]
        with coefficients_of(count):
            d = density(variable(c, count))
        return [value(c), *[d[k] / (k + 1) for k in range(count - 1)]]

    return taylor(coefficients, "it is smooth inside its domain only")


def fixed(x: object, what: str) -> Value:
    """The value of an operand by which no derivative is known."""
    x = lift(x)
    found = x.around[0]
    if x.lost is not None or x.around is not x.point:
        raise UnsupportedError(f"{NOW.where()}: no derivative by its {what} is available on enclosures")
    return found


erf: Callable[[Value], Germ]
erfc: Callable[[Value], Germ]
erfi: Callable[[Value], Germ]
erf, erfc, erfi = smooth("erf"), smooth("erfc"), smooth("erfi")


# The error function's inverses: y' = sqrt(π)/2 exp(y²), and so on.
def erfinv_coefficients(c: Value, count: int) -> list[Value]:
    y = c.erfinv()
    s = (y * y).exp() * arb.pi().sqrt() / 2
    return [y, s, y * s * s, s * s * s * (1 + 4 * y * y) / 3][:count]


def erfcinv_coefficients(c: Value, count: int) -> list[Value]:
    y = c.erfcinv()
    s = -(y * y).exp() * arb.pi().sqrt() / 2
    return [y, s, y * s * s, s * s * s * (1 + 4 * y * y) / 3][:count]


def between(x: object, low: int, high: int, f: Callable[[Value], Germ]) -> Germ:
    x = lift(x)
    inside = sign((x - low) * (high - x))
    if inside == 1:
        return f(x)
    if x.lost is not None:
        return nothing(x)
    kind = "undecided" if inside is None else "undefined"
    return no_value(kind, f"its operand lies in {ball(x.around[0])}, and it is defined between {low} and {high}")


erfinv_inside: Callable[[Value], Germ] = taylor(erfinv_coefficients, "it is defined between -1 and 1")
erfcinv_inside: Callable[[Value], Germ] = taylor(erfcinv_coefficients, "it is defined between 0 and 2")


def erfinv(x: object) -> Germ:
    return between(x, -1, 1, erfinv_inside)


def erfcinv(x: object) -> Germ:
    return between(x, 0, 2, erfcinv_inside)


def ndtr(x: object) -> Germ:
    return erfc(-lift(x) / constant(arb(2).sqrt())) / 2


def log_ndtr(x: object) -> Germ:
    return log(ndtr(x))


def ndtri(x: object) -> Germ:
    return -constant(arb(2).sqrt()) * erfcinv(2 * lift(x))


# Functions with a gap that their row fills.
def exprel_coefficients(c: Value, count: int) -> list[Value]:
    """Of the integral of exp(xs) over s from 0 to 1: near 0 by Kummer's functions M(k+1, k+2, x)/((k+1) k!)."""
    if abs(c.mid()) > ONE:
        with coefficients_of(count):
            x = variable(c, count)
            return listed((x.exp() - 1) / x, count)
    return [c.hypgeom_1f1(k + 1, k + 2) / ((k + 1) * math.factorial(k)) for k in range(count)]


def sinc_coefficients(c: Value, count: int) -> list[Value]:
    """sin(πx)/(πx), near 0 as 0F1(3/2; -(πx)²/4)."""
    with coefficients_of(count):
        x = variable(c, count)
        if not abs(c.mid()) < SERIES_OF_SINC:
            return listed(x.sin_pi() / (arb.pi() * x), count)
        w = -(arb.pi() * x) * (arb.pi() * x) / 4
        found, factor = [], ONE
        for k in range(count):
            found.append(w[0].hypgeom_0f1(arb(3) / 2 + k) * factor)
            factor = factor / ((arb(3) / 2 + k) * (k + 1))
        return listed(compose(lambda *_: found)(w), count)


def exprel(x: object, *, n: int = 0) -> Germ:
    return taylor(derivative_of(exprel_coefficients, n), "it grows too fast")(x)


def boxcox(x: object, c: Value) -> Germ:
    return on_positive(x, lambda x: log(x) * exprel(c * log(x)), "it is defined above 0")


def boxcox1p(x: object, c: Value) -> Germ:
    f: Callable[[Germ], Germ] = lambda x: log1p(x) * exprel(c * log1p(x))
    return on_positive(1 + lift(x), lambda _: f(lift(x)), "it is defined above -1")


def sinc(x: object, *, n: int = 0) -> Germ:
    return taylor(derivative_of(sinc_coefficients, n), "it is not enclosed there")(x)


# Bessel functions of a fixed order: 2 f' = below f_{v-1} + above f_{v+1}, applied k times.
def bessel(kind: str, below: int, above: int, whole: bool = False) -> Callable[[Value, Value], Germ]:
    def function(v: Value, x: object) -> Germ:
        v = fixed(v, "order")
        if whole and not v.is_integer():
            raise UnsupportedError(f"{NOW.where()} is of whole orders, and the order is {float(v):g}")

        def call(c: Value, v: Value) -> Value:
            NOW.tick()
            bits = flint.ctx.prec
            try:  # a wide ball has few digits to work with, and at many bits one call takes half a minute
                flint.ctx.prec = min(bits, max(c.rel_accuracy_bits(), 0) + SPARE)
                return getattr(c, f"bessel_{kind}")(v)
            finally:
                flint.ctx.prec = bits

        def coefficients(c: Value, count: int) -> list[Value]:
            found = []
            for k in range(count):
                terms = [math.comb(k, j) * below ** (k - j) * above**j * call(c, v - k + 2 * j) for j in range(k + 1)]
                found.append(sum(terms[1:], terms[0]) / (2**k * math.factorial(k)))
            return found

        f = taylor(coefficients, "the function is not smooth there")
        return f(x) if kind in "ji" and v.is_integer() else on_positive(x, f, "it is defined above 0")

    return function


jv: Callable[[Value, Value], Germ]
yv: Callable[[Value, Value], Germ]
iv: Callable[[Value, Value], Germ]
kv: Callable[[Value, Value], Germ]
jv, yv, iv, kv = bessel("j", 1, -1), bessel("y", 1, -1), bessel("i", 1, 1), bessel("k", -1, -1)


yn: Callable[[Value, Value], Germ]
kn: Callable[[Value, Value], Germ]
yn, kn = bessel("y", 1, -1, True), bessel("k", -1, -1, True)


def ive(v: Value, x: object) -> Germ:
    x = lift(x)
    return exp(-abs(x)) * iv(v, x)


def kve(v: Value, x: object) -> Germ:
    return exp(x) * kv(v, x)


def erfcx(x: object) -> Germ:
    x = lift(x)
    return exp(x * x) * erfc(x)


def dawsn(x: object) -> Germ:
    return exp(-lift(x) * x) * erfi(x) * constant(arb.pi().sqrt() / 2)
