"""Elementwise rows on germs: the functions that Arb has, and formulas without branches for the others.

A formula here holds on the whole ball of its operand or gives nothing. Choices by a midpoint are between formulas that
are equal everywhere (exp(-x) or exp(x) in a sigmoid), so they are no branches; choices by a sign are decided for the
whole neighbourhood or not at all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flint import arb, arb_series

from ..errors import UndecidedError, UnsupportedError
from .arb_germ import (
    NOW,
    ONE,
    ZERO,
    Germ,
    at_edge,
    ball,
    blurred,
    constant,
    dead,
    decided_sign,
    difference,
    is_constant,
    jumping_sign,
    lift,
    mapped,
    no_value,
    nothing,
    order,
    quotient,
    sign,
    with_constant,
)  # fmt: skip

LARGEST_POWER = 1 << 20


def smooth(name: str) -> Callable[[Any], Germ]:
    """A method of arb_series that is analytic on the whole line."""
    return lambda x: mapped(lift(x), lambda s: getattr(s, name)())


def sharp(name: str, value: str) -> Callable[[Any], Germ]:
    """The same, with the value by a function of its own that does not cancel."""
    return lambda x: mapped(lift(x), lambda s: with_constant(getattr(s, name)(), getattr(s[0], value)()))


exp, sin, cos = smooth("exp"), smooth("sin"), smooth("cos")


def by_midpoint(f: Callable[[Germ], Germ], g: Callable[[Germ], Germ]) -> Callable[[Any], Germ]:
    """f for a positive midpoint, else g: two formulas of one function, of which one overflows or cancels."""

    def either(x: Any) -> Germ:
        x = lift(x)
        return f(x) if x.point[0].mid() >= ZERO else g(x)

    return either


def odd(f: Callable[[Germ], Germ]) -> Callable[[Any], Germ]:
    return by_midpoint(f, lambda x: -f(-x))


def even(f: Callable[[Germ], Germ]) -> Callable[[Any], Germ]:
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


def log(x: Any) -> Germ:
    x = lift(x)
    return within(x, x, smooth("log"), None, "defined above 0")


def sqrt(x: Any) -> Germ:
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


def arcsin(x: Any) -> Germ:
    x = lift(x)
    edge = lambda: constant(x.point[0].asin())
    return within(x, (1 - x) * (1 + x), smooth("asin"), edge, "smooth between -1 and 1 only")


def arccos(x: Any) -> Germ:
    x = lift(x)
    edge = lambda: constant(x.point[0].acos())
    return within(x, (1 - x) * (1 + x), smooth("acos"), edge, "smooth between -1 and 1 only")


def arccosh(x: Any) -> Germ:
    x = lift(x)
    return within(x, x - 1, lambda x: log(x + sqrt(x - 1) * sqrt(x + 1)), lambda: constant(ZERO), "smooth above 1 only")


def arctanh(x: Any) -> Germ:
    x = lift(x)
    return within(x, (1 - x) * (1 + x), lambda x: (log1p(x) - log1p(-x)) / 2, None, "defined between -1 and 1")


def log1p(x: Any) -> Germ:
    x = lift(x)
    sharper = lambda x: sharpened(log(1 + x), x, "log1p")
    return within(x, 1 + x, sharper, None, "defined above -1")


def sharpened(y: Germ, x: Germ, name: str) -> Germ:
    """y = f(x) with its values by Arb's own f."""
    if y.lost is not None:
        return y
    point = with_constant(y.point, getattr(x.point[0], name)())
    return Germ(point, point if y.around is y.point else with_constant(y.around, getattr(x.around[0], name)()))


def hyperbolic(name: str, s: int) -> Callable[[Any], Germ]:
    return lambda x: sharpened((exp(x) + s * exp(-lift(x))) / 2, lift(x), name)


def arcsinh_of_positive(x: Germ) -> Germ:
    return sharpened(log(x + sqrt(1 + x * x)), x, "asinh")


def tanh_of_positive(x: Germ) -> Germ:
    return sharpened(1 - 2 / (1 + exp(2 * x)), x, "tanh")


def sech_of_positive(x: Germ) -> Germ:
    e = exp(-x)
    return 2 * e / (1 + e * e)


def softplus(x: Any) -> Germ:
    """log(1 + exp(x)): where exp(x) is huge as x + log(1 + exp(-x)), which is the same everywhere."""
    return by_midpoint(lambda x: x + log1p(exp(-x)), lambda x: log1p(exp(x)))(x)


sigmoid = by_midpoint(lambda x: 1 / (1 + exp(-x)), lambda x: exp(x) / (1 + exp(x)))


def log_cosh_of_positive(x: Germ) -> Germ:
    return x + log1p(exp(-2 * x)) - log(2)


def logaddexp(x: Any, y: Any) -> Germ:
    """With a constant taken out of both, whichever."""
    x, y = lift(x), lift(y)
    m = constant(max(x.point[0].mid(), y.point[0].mid()))
    return m + log(exp(x - m) + exp(y - m))


def logaddexp2(x: Any, y: Any) -> Germ:
    two = log(2)
    return logaddexp(lift(x) * two, lift(y) * two) / two


def tan(x: Any) -> Germ:
    return quotient(sin(x), cos(x))


def power(x: Any, y: Any) -> Germ:
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


def cbrt(x: Any) -> Germ:
    x = lift(x)
    found = sign(x)
    if found is None:
        why = f"its operand lies in {ball(x.around[0])}, and its slope at 0 is infinite"
        return nothing(x) if x.lost else no_value("undecided", why)
    if found == 0:
        return constant(ZERO)
    return exp(log(x) / 3) if found > 0 else -exp(log(-x) / 3)


def hypot(x: Any, y: Any) -> Germ:
    return sqrt(lift(x) * x + lift(y) * y)


def arctan2(y: Any, x: Any) -> Germ:
    """The angle, which depends on the sign of a zero y left of the origin: there it is undecided."""
    y, x = lift(y), lift(x)
    if x.lost is not None or y.lost is not None:
        return nothing(x, y)
    arctan, right, up = smooth("atan"), sign(x), sign(y)
    if right == 1:
        return arctan(y / x)
    if right == -1 and up:
        return arctan(y / x) + constant(arb.pi() * up)
    if up:
        return constant(arb.pi() / 2 * up) - arctan(x / y)
    return no_value("undecided", "the angle jumps on the negative x-axis, where it depends on the sign of 0")


# Steps and choices.
def absolute(x: Any) -> Germ:
    return abs(lift(x))


def choice(larger: bool) -> Callable[[Any, Any], Any]:
    """maximum or minimum; bounds of infinity never hold."""

    def choose(x: Any, y: Any) -> Any:
        for bound, other in ((x, y), (y, x)):
            if isinstance(bound, float) and bound in (float("inf"), float("-inf")):
                return lift(other) if (bound < 0) == larger else unbounded(bound)
        x, y = lift(x), lift(y)
        for z in (x, y):
            if dead(z):
                return z
        apart = difference(x, y)
        found = sign(apart)
        if found is None:
            point, around = (
                (a.max(b) if larger else a.min(b)) for a, b in zip((x.point[0], x.around[0]), (y.point[0], y.around[0]))
            )
            return blurred(point, around, apart, "has a kink at a tie, and the difference of its operands")
        return x if (found >= 0) == larger else y

    return choose


def unbounded(bound: float) -> Germ:
    return no_value("undefined", f"the value is {bound}")


def relu(x: Any) -> Germ:
    return choice(True)(x, 0)  # type: ignore[no-any-return]


def where(c: Any, a: Any, b: Any) -> Any:
    return a if truth(c) else b


def truth(c: Any) -> bool:
    return bool(c)


def sign_of(x: Any) -> Any:
    x = lift(x)
    return x if dead(x) else lift(jumping_sign(x))


def floor(x: Any) -> Germ:
    """The integer n with n <= x < n + 1 in the whole neighbourhood."""
    x = lift(x)
    if dead(x):
        return x
    n = x.around[0].mid().floor()
    if not n.is_exact():
        raise UndecidedError(f"{NOW.where()}: its operand lies in {ball(x.around[0])}")
    if jumping_sign(x - constant(n)) >= 0 and jumping_sign(constant(n + 1) - x) > 0:
        return constant(n)
    raise UndecidedError(f"{NOW.where()} jumps: its operand lies in {ball(x.around[0])}")


def ceil(x: Any) -> Germ:
    return -floor(-lift(x))


def trunc(x: Any) -> Germ:
    x = lift(x)
    if dead(x):
        return x
    if sign(x + 1) == 1 and sign(1 - x) == 1:  # also across 0
        return lift(0)
    return floor(x) if decided_sign(x) > 0 else ceil(x)


def rint(x: Any, decimals: int = 0) -> Germ:
    """The nearest integer, a half to the even one."""
    if decimals:
        scale = lift(10) ** decimals
        return rint(lift(x) * scale) / scale
    x = lift(x)
    if dead(x):
        return x
    low = floor(x + quotient(lift(1), lift(2)))
    tie = sign(x + quotient(lift(1), lift(2)) - low)
    if tie == 0 and not (low.point[0] / 2).is_integer():
        return low - 1
    return low


def fmod(x: Any, y: Any) -> Germ:
    return lift(x) - lift(y) * trunc(lift(x) / y)


def copysign(x: Any, y: Any) -> Germ:
    x, y = lift(x), lift(y)
    if x.lost is not None or y.lost is not None:
        return nothing(x, y)
    return abs(x) if signed(y) > 0 else -abs(x)


def signed(y: Germ) -> int:
    """The sign of what is not 0: the sign of a zero is no property of a real number."""
    found = jumping_sign(y)
    if found == 0:
        raise UndecidedError(f"{NOW.where()} depends on the sign of a zero")
    return found


def nan_to_num(x: Any, **_: Any) -> Germ:
    return with_value(lift(x))


def with_value(x: Germ) -> Germ:
    if not x.around[0].is_finite():
        raise UndecidedError(f"{NOW.where()} asks whether a value is a number: {x.lost.text if x.lost else 'unknown'}")
    return x


def finite(answer: bool) -> Callable[[Any], bool]:
    """isnan, isinf, isfinite: known where there is a value, otherwise undecided."""

    def ask(x: Any) -> bool:
        if not isinstance(x, Germ):
            x = lift(x)
        return with_value(x) is x and answer

    return ask


def stop_gradient(x: Any) -> Germ:
    """The constant at the point. One side of the point alone does not know it."""
    x = lift(x)
    if NOW.side:
        raise UndecidedError("stop_gradient: no one-sided derivatives are taken where it stands")
    return x if dead(x) else constant(x.point[0])


def times(x: Any, y: Germ, operand: Any) -> Germ:
    """x y, and 0 where x is, whatever y has there; where x may be 0, that y has no value proves nothing."""
    x, found = lift(x), sign(lift(x))
    if found == 0 and lift(operand).lost is None:
        return constant(ZERO)
    if y.lost is not None and y.lost.kind == "undefined" and found is None:
        return no_value("undecided", f"its first operand lies in {ball(x.around[0])}, and {y.lost.text}")
    return x * y  # type: ignore[no-any-return]


def xlogy(x: Any, y: Any) -> Germ:
    return times(x, log(y), y)


def xlog1py(x: Any, y: Any) -> Germ:
    return times(x, log1p(y), y)


def on_positive(x: Any, f: Callable[[Germ], Germ], what: str) -> Germ:
    """f where x is positive in the whole neighbourhood; below 0 there is nothing, and at 0 nothing is claimed."""
    x = lift(x)
    found = sign(x)
    if found == 1:
        return f(x)
    if dead(x):
        return x
    kind = "undefined" if found == -1 else "undecided"
    return no_value(kind, f"its operand lies in {ball(x.around[0])}, and {what}")


def boxcox(x: Any, c: Any) -> Germ:
    f = lambda x: log(x) if sign(lift(c)) == 0 else (power(x, c) - 1) / c
    return on_positive(x, f, "it is defined above 0")


def boxcox1p(x: Any, c: Any) -> Germ:
    f = lambda x: log1p(x) if sign(lift(c)) == 0 else (power(1 + x, c) - 1) / c
    return on_positive(1 + lift(x), lambda _: f(lift(x)), "it is defined above -1")


def huber(d: Any, r: Any) -> Germ:
    d, r = lift(d), lift(r)
    f = lambda d: r * r / 2 if abs(r) <= d else d * (abs(r) - d / 2)
    return on_positive(d, f, "it is infinite below 0")


def pseudo_huber(d: Any, r: Any) -> Germ:
    d, r = lift(d), lift(r)
    return on_positive(d, lambda d: d * d * (sqrt(1 + (r / d) * (r / d)) - 1), "it is infinite below 0")


def rel_entr(x: Any, y: Any) -> Germ:
    x, y = lift(x), lift(y)
    of_x = lambda x: on_positive(y, lambda y: x * log(x / y), "it is infinite from 0 on")
    return on_positive(x, of_x, "it is infinite below 0")


def kl_div(x: Any, y: Any) -> Germ:
    return rel_entr(x, y) - x + y


def direction(x: Any, y: Any) -> Germ:
    """x / sqrt(x² + y²), 0 at the origin."""
    x, y = lift(x), lift(y)
    square = x * x + y * y
    return constant(ZERO) if sign(square) == 0 else x / sqrt(square)


def truths(f: Callable[..., bool]) -> Callable[..., bool]:
    """A function of truth values; a number is true where it is not 0."""

    def apply(*xs: Any) -> bool:
        return f(*map(truth, xs))

    return apply


def bits(f: Callable[..., Any]) -> Callable[..., Any]:
    """Bitwise operations, on truth values only."""

    def apply(*xs: Any) -> Any:
        if not all(isinstance(x, bool) or getattr(getattr(x, "dtype", None), "kind", "") == "b" for x in xs):
            raise UnsupportedError(f"{NOW.where()} of integers is not available on enclosures")
        return bool(f(*map(bool, xs)))

    return apply


HALF_LINE = {"log": log, "sqrt": sqrt, "arccosh": arccosh, "cbrt": cbrt}
ELEMENTWISE: dict[str, Callable[..., Any]] = {
    **HALF_LINE,
    "exp": exp, "sin": sin, "cos": cos, "tan": tan, "arctan": smooth("atan"), "arcsin": arcsin, "arccos": arccos,
    "sinpi": smooth("sin_pi"), "cospi": smooth("cos_pi"), "arctanh": arctanh, "arctan2": arctan2,
    "sinh": hyperbolic("sinh", -1), "cosh": hyperbolic("cosh", 1), "tanh": odd(tanh_of_positive),
    "sech": even(sech_of_positive), "arcsinh": odd(arcsinh_of_positive), "hypot": hypot,
    "expm1": sharp("exp", "expm1"), "log1p": log1p,
    "log2": lambda x: log(x) / log(2), "log10": lambda x: log(x) / log(10), "exp2": lambda x: exp(lift(x) * log(2)),
    "exp10": lambda x: exp(lift(x) * log(10)),
    "power": power, "float_power": power, "square": lambda x: lift(x) * x, "reciprocal": lambda x: 1 / lift(x),
    "divide": lambda x, y: quotient(lift(x), lift(y)),
    "sigmoid": sigmoid, "softplus": softplus, "log_sigmoid": lambda x: -softplus(-lift(x)),
    "sigmoid_slope": lambda x: sigmoid(x) * sigmoid(-lift(x)), "log_cosh": even(log_cosh_of_positive),
    "logaddexp": logaddexp, "logaddexp2": logaddexp2,
    "sigmoid_between": lambda x, y, *, base: sigmoid((lift(x) - y) * log(2) if base == 2 else lift(x) - y),
    "absolute": absolute, "sign": sign_of, "floor": floor, "ceil": ceil, "trunc": trunc, "rint": rint, "round": rint,
    "fmod": fmod, "maximum": choice(True), "minimum": choice(False), "relu": relu, "where": where,
    "copysign": copysign, "signbit": lambda x: signed(lift(x)) < 0, "nan_to_num": nan_to_num,
    "isnan": finite(False), "isinf": finite(False), "isfinite": finite(True),
    "stop_gradient": stop_gradient, "imag": lambda x: lift(x) * 0,
    "deg2rad": lambda x: lift(x) * constant(arb.pi()) / 180, "rad2deg": lambda x: lift(x) * 180 / constant(arb.pi()),
    "huber": huber, "pseudo_huber": pseudo_huber, "rel_entr": rel_entr, "kl_div": kl_div, "direction": direction,
    "xlogy": xlogy, "xlog1py": xlog1py, "entr": lambda x: -xlogy(x, x), "boxcox": boxcox, "boxcox1p": boxcox1p,
    "logical_and": truths(lambda a, b: a and b), "logical_or": truths(lambda a, b: a or b),
    "logical_not": truths(lambda a: not a), "logical_xor": truths(lambda a, b: a != b),
    "bitwise_and": bits(lambda a, b: a and b), "bitwise_or": bits(lambda a, b: a or b),
    "bitwise_xor": bits(lambda a, b: a != b), "invert": bits(lambda a: not a),
}  # fmt: skip
