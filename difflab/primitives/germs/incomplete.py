"""The incomplete gamma and beta integrals, their inverses, the zeta and hypergeometric functions on germs.

By the parameters from power series whose terms are themselves series in t. In the algebra of truncated series the sum
of the coefficients' sizes, each times a power of a radius, is a norm: it bounds products by products. Where the ratio
of two terms has a norm below 1, the rest of the sum is bounded as that of a geometric one is. None of the rows' rules
is used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import factorial

import flint
from flint import arb, arb_series

from ...errors import UndecidedError
from ...late import Late
from ...types import Value
from ..cumulants import leibniz, moments
from .entropies import on_positive
from .germ import ONE, ZERO, Germ, compose, dead, is_constant, lift, no_value, nothing, order, sign
from .session import NOW
from .special import coefficients_of, fixed, incomplete, psi, taylor, variable

special: Value = Late("scipy.special")
HALF = arb(1) / 2
STEP = arb(1) / 4  # the radius of the derivatives by the parameters
EXACT: Value = arb_series([ONE], 1 << 20)  # 1 to all orders: this file may be read while series are short
Orders = tuple[int, int]
Jets = dict[Orders, Value]
INSIDE = "it is smooth inside its domain only"


def combined(operation: Callable[..., Value], *operands: Value) -> Germ:
    """A function of several series that is smooth wherever it is finite."""
    xs = [lift(x) for x in operands]
    NOW.tick()
    if any(x.lost is not None for x in xs):
        return nothing(*xs)
    try:
        point = operation(*[x.point for x in xs])
        around = point if all(x.around is x.point for x in xs) else operation(*[x.around for x in xs])
    except (ValueError, ZeroDivisionError, UndecidedError) as error:
        return no_value("undecided", str(error))
    return Germ(point, around) if around[0].is_finite() else no_value("undecided", INSIDE)


def moves(x: Value) -> bool:
    x = lift(x)
    return x.lost is not None or x.around is not x.point


# Sums of series with a bound on what is left out.
def spread(s: Value, radius: Value) -> Value:
    """The norm of a series without its constant."""
    return sum((abs(s[i]) * radius**i for i in range(1, order())), ZERO)


def narrow(*xs: Value) -> Value:
    """A radius at which the operands do not move far."""
    return ONE / (8 * (1 + sum((spread(x, ONE).upper() for x in xs), ZERO)))


def upper(x: Value) -> Value:
    return abs(x).upper()


def summed(
    step: Callable[[int, Jets], Jets], ratio: Callable[[int], Value], orders: Orders, radius: Value
) -> Mapping[Orders, Value]:
    """The sum of terms from 1 on; `step(k, term)` makes the next, and from the k-th on `ratio(k)` bounds what it adds.

    A term is a table of its derivatives by two parameters.
    """
    every = [(i, l) for i in range(orders[0] + 1) for l in range(orders[1] + 1)]
    term: Jets = {o: EXACT if o == (0, 0) else EXACT * ZERO for o in every}
    total, small, k = dict(term), ONE / (ONE + ONE) ** (flint.ctx.prec + 20), 0
    while True:
        NOW.left -= 1
        if NOW.left < 0:
            NOW.tick()
        term = step(k, term)
        for o in every:
            total[o] = total[o] + term[o]
        k += 1
        left = ratio(k)
        if not left < ONE * 3 / 4:
            if not left.is_finite():
                raise UndecidedError("the sum is not bounded on the ball")
            continue
        size = ZERO
        for (i, l), t in term.items():
            size = size + (upper(t[0]) + spread(t, radius)) * STEP ** (i + l) / (factorial(i) * factorial(l))
        tail = (size * left / (ONE - left)).upper()
        if not tail > small * upper(total[0, 0][0]):
            break
    for i, l in every:
        rest = tail * factorial(i) * factorial(l) / STEP ** (i + l)
        unknown = [arb(0, (rest / radius**m).upper()) for m in range(order())]
        total[i, l] = total[i, l] + arb_series(unknown)
    return total


def lower_gamma(a: Value, x: Value, n: int) -> Value:
    """The n-th derivative of P(a, x) by a: x^a exp(-x) / Γ(a + 1) times the sum of x^k / ((a + 1) ... (a + k))."""
    radius = narrow(a, x)

    def step(k: int, term: Jets) -> Jets:
        inverse, found = ONE / (a + (k + 1)), dict[Orders, Value]()
        for i in range(n + 1):
            found[i, 0] = (x * term[i, 0] - (i * found[i - 1, 0] if i else ZERO)) * inverse
        return found

    size, low = upper(x[0]) + spread(x, radius), a[0].lower() - spread(a, radius) - STEP
    parts = summed(step, lambda k: size / (low + (k + 1)) if low + (k + 1) > ZERO else arb.nan(), (n, 0), radius)
    log_x = x.log()
    known = {i: compose(psi(i - 1))(a + 1) for i in range(1, n + 1)}
    front = moments(lambda i, _: (log_x if i == 1 else ZERO) - known[i], n, 0)
    whole = leibniz(lambda i, l: front[i, l], lambda i, l: parts[i, l], n, 0)
    return (a * log_x - x).exp() * (a + 1).rgamma() * whole


def lower_beta(a: Value, b: Value, x: Value, j: int, k: int) -> Value:
    """A derivative of I_x(a, b): x^a (1 - x)^b / (a B(a, b)) times the sum of (a + b)_m / (a + 1)_m x^m."""
    if x[0].mid() > HALF:
        found = lower_beta_near(b, a, 1 - x, k, j)
        return 1 - found if j + k == 0 else -found
    return lower_beta_near(a, b, x, j, k)


def beta_sum(a: Value, b: Value, x: Value, j: int, k: int) -> Mapping[Orders, Value]:
    """The sum of (a + b)_m / (a + 1)_m x^m, and its derivatives by a and b."""
    n, radius = a + b, narrow(a, b, x)

    def step(m: int, term: Jets) -> Jets:
        inverse, found = ONE / (a + (m + 1)), dict[Orders, Value]()
        for i, l in term:
            above = (n + m) * term[i, l]
            above = above + (i * term[i - 1, l] if i else ZERO) + (l * term[i, l - 1] if l else ZERO)
            found[i, l] = (x * above - (i * found[i - 1, l] if i else ZERO)) * inverse
        return found

    size, low = upper(x[0]) + spread(x, radius), a[0].lower() - spread(a, radius) - STEP
    high = upper(n[0]) + spread(n, radius) + 2 * STEP

    def ratio(m: int) -> Value:
        if not low + (m + 1) > ZERO:
            return arb.nan()
        return size * (high + m).max(low + (m + 1)) / (low + (m + 1))

    return summed(step, ratio, (j, k), radius)


def lower_beta_near(a: Value, b: Value, x: Value, j: int, k: int) -> Value:
    n, y, parts = a + b, 1 - x, beta_sum(a, b, x, j, k)

    def known(i: int, l: int) -> Value:
        found = compose(psi(i + l - 1))(n)
        if i and l:
            return found
        own, end = (a + 1, x) if i else (b, y)
        return found - compose(psi(i + l - 1))(own) + (end.log() if i + l == 1 else ZERO)

    front = moments(known, j, k)
    whole = leibniz(lambda i, l: front[i, l], lambda i, l: parts[i, l], j, k)
    return (a * x.log() + b * y.log()).exp() * n.gamma() * (a + 1).rgamma() * b.rgamma() * whole


def gammainc(a: Value, x: object, *, n: int = 0) -> Germ:
    """P(a, x), or its n-th derivative by a; with a fixed order by Arb's own function."""
    if n or moves(a):
        whole = lambda a: on_positive(x, lambda x: combined(lambda a, x: lower_gamma(a, x, n), a, x), INSIDE)
        return on_positive(a, whole, INSIDE)
    a = fixed(a, "order")
    density = lambda s: ((a - 1) * s.log() - s).exp() * a.rgamma()
    f = incomplete(lambda c: c.gamma_lower(a, regularized=1), density)
    return on_positive(x, f, "it is smooth above 0 only")


def gammaincc(a: Value, x: object) -> Germ:
    return 1 - gammainc(a, x)


def on_positives(a: Value, b: Value, f: Callable[[Germ, Germ], Germ]) -> Germ:
    """f where both parameters are positive."""
    return on_positive(a, lambda a: on_positive(b, lambda b: f(a, b), INSIDE), INSIDE)


def in_unit(x: Value, f: Callable[[Germ], Germ]) -> Germ:
    """f where x lies between 0 and 1."""
    x = lift(x)
    return on_positive(x, lambda x: on_positive(1 - x, lambda _: f(x), "it ends at 1"), "it is smooth above 0 only")


def betainc(a: Value, b: Value, x: object, *, j: int = 0, k: int = 0) -> Germ:
    """I_x(a, b), or its derivatives by a and b; with fixed parameters by Arb's own function."""
    if j + k or moves(a) or moves(b):
        f = lambda a, b, x: lower_beta(a, b, x, j, k)
        return on_positives(a, b, lambda a, b: in_unit(x, lambda x: combined(f, a, b, x)))
    a, b = fixed(a, "first parameter"), fixed(b, "second parameter")
    scale = (a + b).gamma() * a.rgamma() * b.rgamma()
    density = lambda s: ((a - 1) * s.log() + (b - 1) * (1 - s).log()).exp() * scale

    def value(c: Value) -> Value:
        """From the nearer end: Arb takes long towards the other."""
        if c.mid() > HALF:
            return 1 - (1 - c).beta_lower(b, a, regularized=1)
        return c.beta_lower(a, b, regularized=1)

    return in_unit(x, incomplete(value, density))


def betaincc(a: Value, b: Value, x: object) -> Germ:
    return 1 - betainc(a, b, x)


# The zeta function.
def zeta(s: Value, q: Value, *, n: int = 0) -> Germ:
    """ζ(s, q), or its n-th derivative by s; by q the derivative is -s ζ(s + 1, q), for every order."""
    s, q = lift(s), lift(q)
    if q.lost is None and is_constant(q) == ONE and sign(s - 1) == -1:  # Riemann's goes on there
        return zeta_inside(s, q, n)
    return on_positive(s - 1, lambda _: on_positive(q, lambda q: zeta_inside(s, q, n), INSIDE), INSIDE)


def zeta_inside(s: Germ, q: Germ, n: int) -> Germ:
    def taylor_by_q(k: int, q: Value) -> Callable[[Value], Value]:
        """The n-th derivative by s of (-1)^k (s)_k ζ(s + k, q) / k!, as a function of series."""

        def coefficients(c: Value, count: int) -> list[Value]:
            with coefficients_of(count + n):
                v = variable(c, count + n)
                found = (v + k).zeta(q)
                for i in range(k):
                    found = found * (v + i) * (-ONE / (i + 1))
                return [found[n + m] * (factorial(n + m) // factorial(m)) for m in range(count)]

        return compose(coefficients)

    def function(s: Value, q: Value) -> Value:
        total, power = taylor_by_q(0, q[0])(s), EXACT
        moved = arb_series([ZERO, *[q[k] for k in range(1, order())]])
        for k in range(1, order() if not spread(q, ONE).is_zero() else 1):
            power = power * moved
            total = total + power * taylor_by_q(k, q[0])(s)
        return total

    return combined(function, s, q)


# Inverses.
def inverse(
    f: Callable[..., Value], density: Callable[..., Value], start: Callable[..., Value], *operands: Value
) -> Germ:
    """The x at which f(*parameters, x) is the last operand: a ball by Newton's method on intervals, then the series."""

    def solved(*series: Value) -> Value:
        *parameters, y = series
        still = [arb_series([p[0]]) for p in parameters]
        ends = [arb_series([p[0].mid()]) for p in parameters]
        x = arb(float(start(*[float(p[0].mid()) for p in series])))
        for _ in range(max(flint.ctx.prec.bit_length() - 3, 3)):
            at = arb_series([x])
            x = (x - (f(*ends, at)[0] - y[0].mid()) / density(*ends, at)[0]).mid()
        root = enclosed(
            x, lambda v: f(*still, arb_series([v]))[0] - y[0], lambda v: density(*still, arb_series([v]))[0]
        )
        slope, found = density(*still, arb_series([root]))[0], [root]
        for k in range(1, order()):
            rest = f(*parameters, arb_series([*found, *[ZERO] * (order() - k)])) - y
            found.append(-rest[k] / slope)
        return arb_series(found)

    return combined(solved, *operands)


def enclosed(x: Value, gap: Callable[[Value], Value], slope: Callable[[Value], Value]) -> Value:
    """A ball about x that holds the one zero of a rising function, for all that its parameters may be."""
    off = gap(x)
    least = arb(2) ** (-flint.ctx.prec)
    radius = 2 * upper(off / slope(x)) + (abs(x) + least) * least
    for _ in range(8):
        wide = arb(x, radius.upper())
        found = x - off / slope(wide)  # not finite where the ball reaches an end of the range
        if found.is_finite() and wide.contains_interior(found):
            return found
        radius = 3 * radius
    raise UndecidedError("no ball is found in which the equation has one solution")


def gamma_density(a: Value, x: Value) -> Value:
    return ((a - 1) * x.log() - x).exp() * a.rgamma()


def beta_density(a: Value, b: Value, x: Value) -> Value:
    return ((a - 1) * x.log() + (b - 1) * (1 - x).log()).exp() * (a + b).gamma() * a.rgamma() * b.rgamma()


def gammaincinv(a: Value, y: Value) -> Germ:
    f = lambda a, x: lower_gamma(a, x, 0)
    start = lambda a, y: special.gammaincinv(a, y)
    return in_unit(y, lambda y: on_positive(a, lambda a: inverse(f, gamma_density, start, a, y), INSIDE))


def gammainccinv(a: Value, y: Value) -> Germ:
    return gammaincinv(a, 1 - lift(y))


def betaincinv(a: Value, b: Value, y: Value) -> Germ:
    f = lambda a, b, x: lower_beta(a, b, x, 0, 0)
    start = lambda a, b, y: special.betaincinv(a, b, y)
    return in_unit(y, lambda y: on_positives(a, b, lambda a, b: inverse(f, beta_density, start, a, b, y)))


# Hypergeometric functions of fixed parameters: the derivative raises each parameter by one.
def hyp2f1(a: Value, b: Value, c: Value, z: Value) -> Germ:
    a, b, c = fixed(a, "first parameter"), fixed(b, "second parameter"), fixed(c, "third parameter")

    def coefficients(z: Value, count: int) -> list[Value]:
        found, factor = [], ONE
        for k in range(count):
            found.append(factor * z.hypgeom_2f1(a + k, b + k, c + k))
            factor = factor * (a + k) * (b + k) / ((c + k) * (k + 1))
        return found

    z = lift(z)
    f = taylor(coefficients, "it is smooth below 1 only")
    return z if dead(z) else on_positive(1 - z, lambda _: f(z), "it is smooth below 1 only")


def hyp1f1(a: Value, b: Value, z: Value) -> Germ:
    a, b = fixed(a, "first parameter"), fixed(b, "second parameter")

    def coefficients(z: Value, count: int) -> list[Value]:
        found, factor = [], ONE
        for k in range(count):
            found.append(factor * z.hypgeom_1f1(a + k, b + k))
            factor = factor * (a + k) / ((b + k) * (k + 1))
        return found

    return taylor(coefficients, "it has poles in its second parameter")(z)
