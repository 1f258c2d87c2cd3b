"""The elementwise rows as functions of real numbers in mpmath. NaN means: not defined there.

Conventions of floating point at single points (xlogy(0, y) = 0, 0**0 = 1) are part of the function; what NumPy answers
outside a domain is not. `UnjudgedError` says that mpmath cannot tell.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from mpmath import libmp, mp, mpf
from mpmath.libmp.libhyper import NoConvergence
from scipy import special

NAN = mpf("nan")
LARGEST = 4000  # bits in front of the point: beyond that, exp and sin would take forever
HALF = mpf(0.5)


class UnjudgedError(Exception):
    """mpmath has no answer, or none in reasonable time: nothing can be said about the case."""


def magnitude(x: Any) -> int:
    """The number of bits in front of the binary point."""
    _, _, exponent, bits = x._mpf_
    return int(exponent + bits)


def number(x: Any) -> Any:
    """A truth value as a number; an undecided one is NaN."""
    if x is None:
        return NAN
    return mpf(int(x)) if isinstance(x, bool | int | np.bool_) else x


def real(f: Callable[..., Any], domain: Callable[..., bool] | None = None) -> Callable[..., Any]:
    """f on numbers or arrays of numbers; NaN outside the domain and wherever an operand is NaN."""

    def one(*operands: Any, **params: Any) -> Any:
        xs = []
        for x in operands:
            if type(x) is not mpf:
                x = number(x)
            if x._mpf_ == libmp.fnan:
                return NAN
            xs.append(x)
        if domain is not None and not domain(*xs):
            return NAN
        for x in xs:
            if magnitude(x) > LARGEST:
                raise UnjudgedError(f"an operand of 2**{magnitude(x)}")
        try:
            y = f(*xs, **params)
        except (NoConvergence, OverflowError, ZeroDivisionError, ValueError, TypeError, MemoryError) as error:
            raise UnjudgedError(f"{type(error).__name__}: {error}") from None
        if isinstance(y, mp.mpc):
            raise UnjudgedError("a complex value")
        if type(y) is mpf and y._mpf_ in (libmp.fnan, libmp.finf, libmp.fninf):
            raise UnjudgedError("mpmath answers nan or inf inside the domain")
        return y

    def lifted(*operands: Any, **params: Any) -> Any:
        if any(isinstance(x, np.ndarray) for x in operands):
            made = np.frompyfunc(lambda *xs: one(*xs, **params), len(operands), 1)
            return made(*operands)
        return one(*operands, **params)

    return lifted


def unless_undefined(f: Callable[..., Any]) -> Callable[..., Any]:
    """Rows that put something in the place of NaN: of what is not defined, they make no function of real numbers."""

    def one(*operands: Any) -> Any:
        xs = [number(x) for x in operands]
        if any(x._mpf_ == libmp.fnan for x in xs):
            raise UnjudgedError("a row that replaces NaN")
        return f(*xs)

    return _lifted(one)


def compare(op: Callable[[Any, Any], bool]) -> Callable[..., Any]:
    """A comparison: True, False, or None where an operand is not defined."""

    def one(x: Any, y: Any) -> Any:
        x, y = number(x), number(y)
        return None if x != x or y != y else bool(op(x, y))

    return _lifted(one)


def _lifted(one: Callable[..., Any]) -> Callable[..., Any]:
    def f(*xs: Any) -> Any:
        if any(isinstance(x, np.ndarray) for x in xs):
            return np.frompyfunc(one, len(xs), 1)(*xs)
        return one(*xs)

    return f


def _both(x: Any, y: Any) -> Any:
    return False if x is False or y is False else None if x is None or y is None else bool(x) and bool(y)


def _either(x: Any, y: Any) -> Any:
    return True if x is True or y is True else None if x is None or y is None else bool(x) or bool(y)


both, either = _lifted(_both), _lifted(_either)
negation = _lifted(lambda x: None if x is None else not x)
exclusive = _lifted(lambda x, y: None if x is None or y is None else bool(x) != bool(y))
choose = _lifted(lambda c, a, b: NAN if c is None else number(a) if c else number(b))


def whole(x: Any) -> bool:
    return bool(mp.isint(x))


def power_defined(x: Any, y: Any) -> bool:
    return bool(x > 0 or (whole(y) and (x != 0 or y >= 0)) or (x == 0 and y >= 0))


def power(x: Any, y: Any) -> Any:
    if whole(y) and abs(y) < 10**6:
        return x ** int(y)
    if x == 0:
        return mpf(0)
    if x < 0:
        return (-1) ** int(mp.fmod(y, 2)) * (-x) ** y
    return x**y


def sigmoid(x: Any) -> Any:
    return 1 / (1 + mp.exp(-x))


def softplus(x: Any) -> Any:
    return mp.log1p(mp.exp(x)) if x < 0 else x + mp.log1p(mp.exp(-x))


def ndtr(x: Any) -> Any:
    return mp.erfc(-x / mp.sqrt(2)) / 2


def log_ndtr(x: Any) -> Any:
    return mp.log(ndtr(x)) if x < 0 else mp.log1p(-ndtr(-x))


def truncated(x: Any) -> Any:
    return mp.floor(x) if x >= 0 else mp.ceil(x)


def rounded(x: Any, decimals: int = 0) -> Any:
    return mp.nint(x * 10**decimals) / mpf(10) ** decimals


def gate(x: Any) -> Any:
    return sigmoid(2 * mp.sqrt(2 / mp.pi) * (x + mpf(0.044715) * x**3))


def elu(x: Any, alpha: float = 1.0) -> Any:
    return x if x > 0 else mpf(alpha) * mp.expm1(x)


def celu(x: Any, alpha: float = 1.0) -> Any:
    return x if x > 0 else mpf(alpha) * mp.expm1(x / mpf(alpha))


def clipped(x: Any, low: Any, high: Any) -> Any:
    return min(max(x, mpf(low)), mpf(high))


def inverse(f: Any, slope: Any, start: Any) -> Callable[[Any], Any]:
    """The inverse of f by Newton's iteration, checked at the end."""

    def solve(x: Any) -> Any:
        y = mpf(float(start(float(x))))
        if not mp.isfinite(y):
            raise UnjudgedError("no start for the inverse")
        for _ in range(60):
            step = (f(y) - x) / slope(y)
            y -= step
            if abs(step) <= abs(y) * mpf(10) ** (5 - mp.dps):
                return y
            if step == 0:
                return y
        raise UnjudgedError("Newton's iteration did not settle")

    return solve


erfinv = inverse(mp.erf, lambda y: 2 / mp.sqrt(mp.pi) * mp.exp(-y * y), special.erfinv)
erfcinv = inverse(mp.erfc, lambda y: -2 / mp.sqrt(mp.pi) * mp.exp(-y * y), special.erfcinv)
ndtri = inverse(ndtr, lambda y: mp.exp(-y * y / 2) / mp.sqrt(2 * mp.pi), special.ndtri)


def exprel(x: Any) -> Any:
    return mpf(1) if x == 0 else mp.expm1(x) / x


def sinc(x: Any) -> Any:
    return mpf(1) if x == 0 else mp.sinpi(x) / (mp.pi * x)


def sinc_slope(x: Any) -> Any:
    return mpf(0) if x == 0 else (mp.cospi(x) - mp.sinpi(x) / (mp.pi * x)) / x


def loggamma(x: Any) -> Any:
    return mp.loggamma(x) if x > 0 else mp.log(abs(mp.gamma(x)))


def not_a_pole(x: Any) -> bool:
    return bool(x > 0 or not whole(x))


def boxcox(x: Any, c: Any) -> Any:
    return mp.log(x) if c == 0 else mp.expm1(c * mp.log(x)) / c


def integer_order_or_positive(v: Any, x: Any) -> bool:
    return bool(x > 0 or whole(v))


def moderate(f: Any) -> Callable[..., Any]:
    """Bessel functions and their like, where mpmath is quick and sure."""

    def guarded(*xs: Any) -> Any:
        if any(abs(x) > 200 for x in xs):
            raise UnjudgedError("a special function far out")
        return f(*xs)

    return guarded


positive = lambda x: x > 0
everywhere = None
inside = lambda low, high: lambda x: low < x < high
closed = lambda low, high: lambda x: low <= x <= high
second_positive = lambda v, x: x > 0
besselj, bessely, besseli, besselk = (moderate(getattr(mp, f"bessel{k}")) for k in "jyik")

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "add": real(operator.add),
    "subtract": real(operator.sub),
    "multiply": real(operator.mul),
    "divide": real(operator.truediv, lambda x, y: y != 0),
    "negative": real(operator.neg),
    "positive": real(lambda x: +x),
    "reciprocal": real(lambda x: 1 / x, lambda x: x != 0),
    "square": real(lambda x: x * x),
    "power": real(power, power_defined),
    "float_power": real(power, power_defined),
    "sqrt": real(mp.sqrt, lambda x: x >= 0),
    "cbrt": real(lambda x: mp.sign(x) * mp.cbrt(abs(x))),
    "hypot": real(lambda x, y: mp.sqrt(x * x + y * y)),
    "direction": real(lambda x, y: mpf(0) if x == 0 == y else x / mp.sqrt(x * x + y * y)),
    "ldexp": real(lambda x, n: x * mpf(2) ** n),
    "exp": real(mp.exp),
    "expm1": real(mp.expm1),
    "exp2": real(lambda x: mpf(2) ** x),
    "exp10": real(lambda x: mpf(10) ** x),
    "log": real(mp.log, positive),
    "log2": real(lambda x: mp.log(x) / mp.log(2), positive),
    "log10": real(lambda x: mp.log(x) / mp.log(10), positive),
    "log1p": real(mp.log1p, lambda x: x > -1),
    "logaddexp": real(lambda x, y: max(x, y) + mp.log1p(mp.exp(-abs(x - y)))),
    "logaddexp2": real(lambda x, y: max(x, y) + mp.log1p(mpf(2) ** (-abs(x - y))) / mp.log(2)),
    "bernoulli_loss": real(lambda p, t: -(t * mp.log(p) + (1 - t) * mp.log1p(-p)), lambda p, t: 0 < p < 1),
    "sin": real(mp.sin),
    "cos": real(mp.cos),
    "tan": real(mp.tan),
    "arcsin": real(mp.asin, closed(-1, 1)),
    "arccos": real(mp.acos, closed(-1, 1)),
    "arctan": real(mp.atan),
    "arctan2": real(mp.atan2),
    "sinh": real(mp.sinh),
    "cosh": real(mp.cosh),
    "tanh": real(mp.tanh),
    "sech": real(mp.sech),
    "arcsinh": real(mp.asinh),
    "arccosh": real(mp.acosh, lambda x: x >= 1),
    "arctanh": real(mp.atanh, inside(-1, 1)),
    "one_minus_square": real(lambda x: 1 - x * x),
    "lorentzian": real(lambda x: 1 / (1 + x * x)),
    "sinpi": real(mp.sinpi),
    "cospi": real(mp.cospi),
    "sinc": real(sinc),
    "sinc_derivative": real(sinc_slope),
    "deg2rad": real(lambda x: x * mp.pi / 180),
    "rad2deg": real(lambda x: x * 180 / mp.pi),
    "equal": compare(operator.eq),
    "not_equal": compare(operator.ne),
    "less": compare(operator.lt),
    "less_equal": compare(operator.le),
    "greater": compare(operator.gt),
    "greater_equal": compare(operator.ge),
    "sign": real(mp.sign),
    "floor": real(mp.floor),
    "ceil": real(mp.ceil),
    "trunc": real(truncated),
    "rint": real(rounded),
    "round": real(rounded),
    "floor_divide": real(lambda x, y: mp.floor(x / y), lambda x, y: y != 0),
    "remainder": real(lambda x, y: x - y * mp.floor(x / y), lambda x, y: y != 0),
    "fmod": real(lambda x, y: x - y * truncated(x / y), lambda x, y: y != 0),
    "absolute": real(abs),
    "maximum": real(max),
    "minimum": real(min),
    "fmax": unless_undefined(max),
    "fmin": unless_undefined(min),
    "clip": real(lambda x, low, high: min(max(x, low), high)),
    "heaviside": real(lambda x, h: h if x == 0 else mpf(int(x > 0))),
    "copysign": real(lambda x, y: abs(x) if y >= 0 else -abs(x)),
    "nan_to_num": unless_undefined(lambda x: x),
    "real": real(lambda x: x),
    "sigmoid": real(sigmoid),
    "sigmoid_slope": real(lambda x: 1 / (2 * mp.cosh(x / 2)) ** 2),
    "softplus": real(softplus),
    "log_sigmoid": real(lambda x: -softplus(-x)),
    "relu": real(lambda x: max(x, mpf(0))),
    "relu6": real(lambda x: clipped(x, 0, 6)),
    "leaky_relu": real(lambda x, negative_slope=0.01: x if x > 0 else mpf(negative_slope) * x),
    "elu": real(elu),
    "selu": real(lambda x: mpf(1.0507009873554805) * elu(x, 1.6732632423543772)),
    "silu": real(lambda x: x * sigmoid(x)),
    "gelu_gate": real(gate),
    "gelu": real(lambda x, approximate="none": x * (ndtr(x) if approximate == "none" else gate(x))),
    "softsign": real(lambda x: x / (1 + abs(x))),
    "mish": real(lambda x: x * mp.tanh(softplus(x))),
    "celu": real(celu),
    "hardtanh": real(lambda x, min_val=-1.0, max_val=1.0: clipped(x, min_val, max_val)),
    "hardsigmoid": real(lambda x: clipped(x / 6 + HALF, 0, 1)),
    "hardswish": real(lambda x: x * clipped(x / 6 + HALF, 0, 1)),
    "softshrink": real(lambda x, lambd=0.5: mp.sign(x) * max(abs(x) - mpf(lambd), mpf(0))),
    "hardshrink": real(lambda x, lambd=0.5: x if abs(x) > mpf(lambd) else mpf(0)),
    "tanhshrink": real(lambda x: x - mp.tanh(x)),
    "exp_minus_square": real(lambda x: mp.exp(-x * x)),
    "exp_square": real(lambda x: mp.exp(x * x)),
    "normal_density": real(lambda x: mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi)),
    "erf": real(mp.erf),
    "erfc": real(mp.erfc),
    "erfcx": real(lambda x: mp.exp(x * x) * mp.erfc(x)),
    "erfi": real(mp.erfi),
    "dawsn": real(lambda x: mp.sqrt(mp.pi) / 2 * mp.exp(-x * x) * mp.erfi(x)),
    "erfinv": real(erfinv, inside(-1, 1)),
    "erfcinv": real(erfcinv, inside(0, 2)),
    "erfinv_slope": real(lambda x: mp.sqrt(mp.pi) / 2 * mp.exp(erfinv(x) ** 2), inside(-1, 1)),
    "erfcinv_slope": real(lambda x: -mp.sqrt(mp.pi) / 2 * mp.exp(erfcinv(x) ** 2), inside(0, 2)),
    "ndtr": real(ndtr),
    "ndtri": real(ndtri, inside(0, 1)),
    "ndtri_slope": real(lambda x: mp.sqrt(2 * mp.pi) * mp.exp(ndtri(x) ** 2 / 2), inside(0, 1)),
    "log_ndtr": real(log_ndtr),
    "gamma": real(moderate(mp.gamma), not_a_pole),
    "gammaln": real(moderate(loggamma), not_a_pole),
    "rgamma": real(moderate(mp.rgamma)),
    "digamma": real(moderate(mp.digamma), not_a_pole),
    "polygamma": real(lambda x, n=1: moderate(lambda t: mp.polygamma(n, t))(x), not_a_pole),
    "beta": real(
        moderate(lambda x, y: mp.gamma(x) * mp.gamma(y) * mp.rgamma(x + y)),
        lambda x, y: not_a_pole(x) and not_a_pole(y),
    ),
    "betaln": real(
        moderate(lambda x, y: loggamma(x) + loggamma(y) - loggamma(x + y)),
        lambda x, y: not_a_pole(x) and not_a_pole(y) and not_a_pole(x + y),
    ),
    "gammainc": real(moderate(lambda a, x: mp.gammainc(a, 0, x, regularized=True)), lambda a, x: a > 0 and x >= 0),
    "gammaincc": real(moderate(lambda a, x: mp.gammainc(a, x, regularized=True)), lambda a, x: a > 0 and x >= 0),
    "betainc": real(
        moderate(lambda a, b, x: mp.betainc(a, b, 0, x, regularized=True)), lambda a, b, x: a > 0 < b and 0 <= x <= 1
    ),
    "zeta": real(moderate(mp.zeta), lambda s, a: s > 1 and a > 0),
    "jv": real(besselj, integer_order_or_positive),
    "yv": real(bessely, second_positive),
    "iv": real(besseli, integer_order_or_positive),
    "kv": real(besselk, second_positive),
    "yn": real(bessely, second_positive),
    "kn": real(besselk, second_positive),
    "ive": real(lambda v, x: mp.exp(-abs(x)) * besseli(v, x), integer_order_or_positive),
    "kve": real(lambda v, x: mp.exp(x) * besselk(v, x), second_positive),
    "j0": real(lambda x: besselj(0, x)),
    "j1": real(lambda x: besselj(1, x)),
    "y0": real(lambda x: bessely(0, x), positive),
    "y1": real(lambda x: bessely(1, x), positive),
    "i0": real(lambda x: besseli(0, x)),
    "i1": real(lambda x: besseli(1, x)),
    "k0": real(lambda x: besselk(0, x), positive),
    "k1": real(lambda x: besselk(1, x), positive),
    "i0e": real(lambda x: mp.exp(-abs(x)) * besseli(0, x)),
    "i1e": real(lambda x: mp.exp(-abs(x)) * besseli(1, x)),
    "k0e": real(lambda x: mp.exp(x) * besselk(0, x), positive),
    "k1e": real(lambda x: mp.exp(x) * besselk(1, x), positive),
    "logit": real(lambda x: mp.log(x / (1 - x)), inside(0, 1)),
    "log_ratio": real(lambda x, y: mp.log(x / y), lambda x, y: y != 0 and x / y > 0),
    "xlogy": real(lambda x, y: mpf(0) if x == 0 else x * mp.log(y), lambda x, y: x == 0 or y > 0),
    "xlog1py": real(lambda x, y: mpf(0) if x == 0 else x * mp.log1p(y), lambda x, y: x == 0 or y > -1),
    "entr": real(lambda x: mpf(0) if x == 0 else -x * mp.log(x), lambda x: x >= 0),
    "relative_gap": real(lambda x, y: (y - x) / y, lambda x, y: y != 0),
    "rel_entr": real(lambda x, y: x * mp.log(x / y), lambda x, y: x > 0 < y),
    "kl_div": real(lambda x, y: x * mp.log(x / y) - x + y, lambda x, y: x > 0 < y),
    "cosm1": real(lambda x: -2 * mp.sin(x / 2) ** 2),
    "exprel": real(exprel),
    "pseudo_huber": real(lambda d, r: d * d * (mp.sqrt(1 + (r / d) ** 2) - 1), lambda d, r: d > 0),
    "huber": real(lambda d, r: r * r / 2 if abs(r) <= d else d * (abs(r) - d / 2), lambda d, r: d >= 0),
    "boxcox": real(boxcox, lambda x, c: x > 0),
    "boxcox1p": real(lambda x, c: boxcox(1 + x, c), lambda x, c: x > -1),
    "log_cosh": real(lambda x: abs(x) + mp.log1p(mp.exp(-2 * abs(x))) - mp.log(2)),
}
