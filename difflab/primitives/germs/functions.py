"""Elementwise rows on germs: the functions that Arb has, and formulas without branches for the others.

A formula here holds on the whole ball of its operand or gives nothing. Choices by a midpoint are between formulas that
are equal everywhere (exp(-x) or exp(x) in a sigmoid), so they are no branches; choices by a sign are decided for the
whole neighbourhood or not at all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flint import arb, arb_series

from ...types import Value
from .germ import (
    ONE,
    ZERO,
    Germ,
    at_edge,
    ball,
    constant,
    dead,
    decided_sign,
    is_constant,
    lift,
    mapped,
    no_value,
    nothing,
    order,
    quotient,
    sign,
    with_constant,
)
from .session import NOW

LARGEST_POWER = 1 << 20


def smooth(name: str) -> Callable[[Value], Germ]:
    """A method of arb_series that is analytic on the whole line."""
    return lambda x: mapped(lift(x), lambda s: getattr(s, name)())


def sharp(name: str, value: str) -> Callable[[Value], Germ]:
    """The same, with the value by a function of its own that does not cancel."""
    return lambda x: mapped(lift(x), lambda s: with_constant(getattr(s, name)(), getattr(s[0], value)()))


exp: Callable[[Value], Germ]
sin: Callable[[Value], Germ]
cos: Callable[[Value], Germ]
exp, sin, cos = smooth("exp"), smooth("sin"), smooth("cos")
sinpi: Callable[[Value], Germ]
cospi: Callable[[Value], Germ]
arctan: Callable[[Value], Germ]
sinpi, cospi, arctan = smooth("sin_pi"), smooth("cos_pi"), smooth("atan")
expm1: Callable[[Value], Germ] = sharp("exp", "expm1")


def by_midpoint(f: Callable[[Germ], Germ], g: Callable[[Germ], Germ]) -> Callable[[Value], Germ]:
    """f for a positive midpoint, else g: two formulas of one function, of which one overflows or cancels."""

    def either(x: object) -> Germ:
        x = lift(x)
        return f(x) if x.point[0].mid() >= ZERO else g(x)

    return either


def odd(f: Callable[[Germ], Germ]) -> Callable[[Value], Germ]:
    return by_midpoint(f, lambda x: -f(-x))


def even(f: Callable[[Germ], Germ]) -> Callable[[Value], Germ]:
    return by_midpoint(f, lambda x: f(-x))


# Functions with a domain. `inside` must be positive; where it is exactly 0 the value is `edge`, or there is none.
def within(x: Germ, inside: Germ, f: Callable[[Germ], Germ], edge: Callable[[], Germ] | None, what: str) -> Germ:
    found = sign(inside)
    if found is None:
        if dead(x):
            return x
        return no_value("undecided", f"its operand lies in {ball(x.around[0])}, and it is {what}")
    if found > 0:
        return f(x)
    if found == 0 and edge is not None:
        return edge()
    return no_value("undefined", f"its operand is in {ball(x.around[0])}, and it is {what}")


def log(x: object) -> Germ:
    x = lift(x)
    return within(x, x, smooth("log"), None, "defined above 0")


def sqrt(x: object) -> Germ:
    x = lift(x)
    return within(x, x, root_of_positive, lambda: constant(ZERO), "smooth above 0 only")


def root_of_positive(x: Germ) -> Germ:
    """On one side of a double zero, sqrt(t**2 v(t)) is t sqrt(v(t)), where v lies in the second coefficient of x over
    the interval and its slope in the third (Taylor's formula with the integral remainder)."""
    double = at_edge(x) and min(order(), x.point.prec) > 3 and x.point[0].is_zero() and x.point[1].is_zero()
    if not double:
        return smooth("sqrt")(x)
    root = mapped(x, lambda s: arb_series([s[2], s[3]], 2).sqrt())
    if root.lost is not None:
        return root
    v, t = root.around, NOW.reach
    return Germ(arb_series([ZERO, root.point[0]], 2), arb_series([t * v[0], v[0] + t * v[1]], 2))


def arcsin(x: object) -> Germ:
    x = lift(x)
    edge = lambda: constant(x.point[0].asin())
    return within(x, (1 - x) * (1 + x), smooth("asin"), edge, "smooth between -1 and 1 only")


def arccos(x: object) -> Germ:
    x = lift(x)
    edge = lambda: constant(x.point[0].acos())
    return within(x, (1 - x) * (1 + x), smooth("acos"), edge, "smooth between -1 and 1 only")


def log2(x: object) -> Germ:
    return log(x) / log(2)


def log10(x: object) -> Germ:
    return log(x) / log(10)


def exp2(x: object) -> Germ:
    return exp(lift(x) * log(2))


def exp10(x: object) -> Germ:
    return exp(lift(x) * log(10))


def deg2rad(x: object) -> Germ:
    return lift(x) * constant(arb.pi()) / 180


def rad2deg(x: object) -> Germ:
    return lift(x) * 180 / constant(arb.pi())


def arccosh(x: object) -> Germ:
    x = lift(x)
    return within(x, x - 1, lambda x: log(x + sqrt(x - 1) * sqrt(x + 1)), lambda: constant(ZERO), "smooth above 1 only")


def arctanh(x: object) -> Germ:
    x = lift(x)
    return within(x, (1 - x) * (1 + x), lambda x: (log1p(x) - log1p(-x)) / 2, None, "defined between -1 and 1")


def log1p(x: object) -> Germ:
    x = lift(x)
    sharper = lambda x: sharpened(log(1 + x), x, "log1p")
    return within(x, 1 + x, sharper, None, "defined above -1")


def sharpened(y: Germ, x: Germ, name: str) -> Germ:
    """y = f(x) with its values by Arb's own f."""
    if y.lost is not None:
        return y
    point = with_constant(y.point, getattr(x.point[0], name)())
    return Germ(point, point if y.around is y.point else with_constant(y.around, getattr(x.around[0], name)()))


def hyperbolic(name: str, s: int) -> Callable[[Value], Germ]:
    return lambda x: sharpened((exp(x) + s * exp(-lift(x))) / 2, lift(x), name)


sinh: Callable[[Value], Germ]
cosh: Callable[[Value], Germ]
sinh, cosh = hyperbolic("sinh", -1), hyperbolic("cosh", 1)


def arcsinh_of_positive(x: Germ) -> Germ:
    return sharpened(log(x + sqrt(1 + x * x)), x, "asinh")


def tanh_of_positive(x: Germ) -> Germ:
    return sharpened(1 - 2 / (1 + exp(2 * x)), x, "tanh")


def sech_of_positive(x: Germ) -> Germ:
    e = exp(-x)
    return 2 * e / (1 + e * e)


arcsinh: Callable[[Value], Germ]
tanh: Callable[[Value], Germ]
sech: Callable[[Value], Germ]
arcsinh, tanh, sech = odd(arcsinh_of_positive), odd(tanh_of_positive), even(sech_of_positive)


def softplus(x: object) -> Germ:
    """log(1 + exp(x)): where exp(x) is huge as x + log(1 + exp(-x)), which is the same everywhere."""
    return by_midpoint(lambda x: x + log1p(exp(-x)), lambda x: log1p(exp(x)))(x)


def log_sigmoid(x: object) -> Germ:
    return -softplus(-lift(x))


sigmoid: Callable[[Value], Germ] = by_midpoint(lambda x: 1 / (1 + exp(-x)), lambda x: exp(x) / (1 + exp(x)))


def sigmoid_slope(x: object) -> Germ:
    return sigmoid(x) * sigmoid(-lift(x))


def sigmoid_between(x: object, y: object, *, base: float) -> Germ:
    return sigmoid((lift(x) - y) * log(2) if base == 2 else lift(x) - y)


def log_cosh_of_positive(x: Germ) -> Germ:
    return x + log1p(exp(-2 * x)) - log(2)


log_cosh: Callable[[Value], Germ] = even(log_cosh_of_positive)


def logaddexp(x: object, y: object) -> Germ:
    """With a constant taken out of both, whichever."""
    x, y = lift(x), lift(y)
    m = constant(max(x.point[0].mid(), y.point[0].mid()))
    return m + log(exp(x - m) + exp(y - m))


def logaddexp2(x: object, y: object) -> Germ:
    two = log(2)
    return logaddexp(lift(x) * two, lift(y) * two) / two


def tan(x: object) -> Germ:
    return quotient(sin(x), cos(x))


def power(x: object, y: object) -> Germ:
    x, y = lift(x), lift(y)
    exponent = is_constant(y)
    if exponent is not None and exponent.is_integer():
        return integer_power(x, int(exponent.unique_fmpz()))
    if x.lost is not None or y.lost is not None:
        return nothing(x, y)
    if exponent is not None and 2 * exponent == 1:
        return sqrt(x)
    base = sign(x)
    if base == -1:
        return of_negative(x, y)
    if base == 0:
        rises = sign(y)
        if rises is None:
            return no_value("undecided", f"0 to a power in {ball(y.around[0])}")
        return constant(ONE if rises == 0 else ZERO) if rises >= 0 else no_value("undefined", "0 to a negative power")
    return exp(y * log(x))


def of_negative(x: Germ, y: Germ) -> Germ:
    """A negative base has powers at whole exponents only: an exponent that moves leaves them at once."""
    exponent = y.around[0]
    if exponent.contains_integer() and (order() < 2 or y.around[1].contains(ZERO)):
        return no_value("undecided", f"the base is negative, and the exponent in {ball(exponent)} may be whole")
    return no_value("undefined", f"a negative base, in {ball(x.around[0])}, to a power that is not whole")


def integer_power(x: Germ, n: int) -> Germ:
    if n <= 0 and x.lost is not None:
        return nothing(x)
    if n < 0:
        return quotient(lift(1), integer_power(x, -n))
    if n > LARGEST_POWER:
        if sign(x) == 0:
            return constant(ZERO)
        size = exp(n * log(x if decided_sign(x) > 0 else -x))
        return -size if n % 2 and decided_sign(x) < 0 else size
    result: Any = None
    while n:
        if n & 1:
            result = x if result is None else result * x
        n >>= 1
        x = x * x if n else x
    return lift(1) if result is None else result


def cbrt(x: object) -> Germ:
    x = lift(x)
    found = sign(x)
    if found is None:
        why = f"its operand lies in {ball(x.around[0])}, and its slope at 0 is infinite"
        return nothing(x) if x.lost else no_value("undecided", why)
    if found == 0:
        return constant(ZERO)
    return exp(log(x) / 3) if found > 0 else -exp(log(-x) / 3)


def hypot(x: object, y: object) -> Germ:
    return sqrt(lift(x) * x + lift(y) * y)


def arctan2(y: object, x: object) -> Germ:
    """The angle, which depends on the sign of a zero y left of the origin: there it is undecided."""
    y, x = lift(y), lift(x)
    if x.lost is not None or y.lost is not None:
        return nothing(x, y)
    right, up = sign(x), sign(y)
    if right == 1:
        return arctan(y / x)
    if right == -1 and up:
        return arctan(y / x) + constant(arb.pi() * up)
    if up:
        return constant(arb.pi() / 2 * up) - arctan(x / y)
    return no_value("undecided", "the angle jumps on the negative x-axis, where it depends on the sign of 0")


def direction(x: object, y: object) -> Germ:
    """x / sqrt(x² + y²), 0 at the origin."""
    x, y = lift(x), lift(y)
    square = x * x + y * y
    return constant(ZERO) if sign(square) == 0 else x / sqrt(square)
