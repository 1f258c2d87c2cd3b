"""The judge of the accuracy table: each row's value function on mpmath numbers, differentiated without any rule."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
from mpmath import mp, mpf

from ..errors import UnsupportedError
from ..primitives import TABLE, Carrier, Primitive

SAME = "exp expm1 log log1p sqrt sin cos tan sinh cosh tanh sech floor ceil sign gamma rgamma digamma beta zeta erf erfc erfi"
RENAMED = {
    "arcsin": "asin",
    "arccos": "acos",
    "arctan": "atan",
    "arctan2": "atan2",
    "arcsinh": "asinh",
    "arccosh": "acosh",
    "arctanh": "atanh",
    "sinpi": "sinpi",
    "cospi": "cospi",
    "jv": "besselj",
    "yv": "bessely",
    "iv": "besseli",
    "kv": "besselk",
    "yn": "bessely",
    "kn": "besselk",
} | {name: name for name in SAME.split()}


def derivative_of(f: Callable[[Any], Any], x: Any, n: int) -> Any:
    """The n-th derivative at x, for the rows that are themselves derivatives."""
    with mp.workdps(mp.dps * (n + 1)):
        return mp.diff(f, x, n, h=mpf(10) ** (-mp.dps // (2 * n + 2)))


def solve(f: Callable[[Any], Any], slope: Callable[[Any], Any], y: Any) -> Any:
    """The inverse of f by Newton's iteration from a start of double precision."""
    start = mpf(y[0])
    for _ in range(9):
        start -= (f(start) - y[1]) / slope(start)
    return start


def normal(x: Any) -> Any:
    return mp.erfc(-x / mp.sqrt(2)) / 2


def inverse(name: str, f: Callable[[Any], Any], slope: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda x: solve(f, slope, (TABLE[name].evaluate(float(x)), x))


def log_normal(x: Any) -> Any:
    return mp.log(normal(x)) if x < 0 else mp.log1p(-normal(-x))


SPELLED: dict[str, Callable[..., Any]] = {
    "add": lambda x, y: x + y,
    "subtract": lambda x, y: x - y,
    "multiply": lambda x, y: x * y,
    "divide": lambda x, y: mpf(x) / y,
    "negative": lambda x: -x,
    "positive": lambda x: x,
    "power": lambda x, y: mpf(x) ** y,
    "absolute": abs,
    "maximum": max,
    "minimum": min,
    "fmax": max,
    "fmin": min,
    "where": lambda c, a, b: a if c else b,
    "equal": lambda x, y: x == y,
    "not_equal": lambda x, y: x != y,
    "less": lambda x, y: x < y,
    "less_equal": lambda x, y: x <= y,
    "greater": lambda x, y: x > y,
    "greater_equal": lambda x, y: x >= y,
    "real": lambda x: x,
    "rint": mp.nint,
    "round": lambda x, decimals: mp.nint(x * mpf(10) ** decimals) / mpf(10) ** decimals,
    "isnan": lambda x: False,
    "isinf": lambda x: False,
    "isfinite": lambda x: True,
    "signbit": lambda x: x < 0,
    "softplus": lambda x: mp.log1p(mp.exp(x)) if x < 0 else x + mp.log1p(mp.exp(-x)),
    "cosm1": lambda x: -2 * mp.sin(x / 2) ** 2,
    "exprel": lambda x: mp.expm1(x) / x if x else mpf(1),
    "sinc": lambda x: mp.sinpi(x) / (mp.pi * x) if x else mpf(1),
    "log_cosh": lambda x: abs(x) + mp.log1p(mp.exp(-2 * abs(x))) - mp.log(2),
    "logaddexp": lambda x, y: max(x, y) + mp.log1p(mp.exp(-abs(x - y))),
    "logaddexp2": lambda x, y: max(x, y) + mp.log1p(mpf(2) ** -abs(x - y)) / mp.log(2),
    "erfinv": lambda x: inverse("erfinv", mp.erf, lambda y: 2 / mp.sqrt(mp.pi) * mp.exp(-y * y))(x) if x else mpf(0),
    "erfcinv": inverse("erfcinv", mp.erfc, lambda y: -2 / mp.sqrt(mp.pi) * mp.exp(-y * y)),
    "ndtri": inverse("ndtri", normal, mp.npdf),
    "log_ndtr": log_normal,
    "gammaln": lambda x: mp.loggamma(x) if x > 0 else mp.log(abs(mp.gamma(x))),
    "polygamma": lambda x, n: mp.polygamma(n, x),
    "gammainc": lambda a, x: mp.gammainc(a, 0, x, regularized=True),
    "gammaincc": lambda a, x: mp.gammainc(a, x, regularized=True),
    "betainc": lambda a, b, x: mp.betainc(a, b, 0, x, regularized=True),
    "xlogy": lambda x, y: x * mp.log(y) if x else mpf(0),
    "xlog1py": lambda x, y: x * mp.log1p(y) if x else mpf(0),
    "boxcox": lambda x, c: mp.expm1(c * mp.log(x)) / c if c else mp.log(x),
    "boxcox1p": lambda x, c: mp.expm1(c * mp.log1p(x)) / c if c else mp.log1p(x),
}


class MpmathCarrier(Carrier):
    """Single numbers of any precision."""

    name = "mpmath"

    def native(self, row: Primitive, spelled: str | None) -> Any:
        found = SPELLED.get(row.name) or getattr(mp, RENAMED.get(row.name, ""), None)
        return (lambda *x, **params: found(*[mpf(v) if isinstance(v, int | float) else v for v in x], **params)) if found else None


MPMATH = MpmathCarrier()


def truth(row: Primitive, operands: list[Any], params: Any, positions: list[int]) -> tuple[Any, dict[int, Any]]:
    """The value and the partial derivatives by the operands at `positions`, to 20 digits.

    Central differences of the value function at so many digits that neither truncation nor rounding shows: none of the
    rows' derivative rules is used. Raises UnsupportedError where the row has no value function on mpmath numbers.
    """
    function = MPMATH.of(row)
    far = [abs(int(mpmath.log10(abs(x)))) for x in operands if x and not 1e-3 < abs(x) < 1e9]
    digits = 130 + 3 * max(far, default=0)
    while True:
        with mp.workdps(digits):
            value, partials, solid = differences(function, [mpf(x) for x in operands], params, positions)
        if solid or digits > 1000:
            return value, partials
        digits *= 2


def differences(function: Any, x: list[Any], params: Any, positions: list[int]) -> tuple[Any, dict[int, Any], bool]:
    value, partials, solid = mpf(function(*x, **params)), {}, True
    for i in positions:
        h = mpf(10) ** -30 * (abs(x[i]) or 1)
        right = function(*x[:i], x[i] + h, *x[i + 1 :], **params)
        left = function(*x[:i], x[i] - h, *x[i + 1 :], **params)
        if abs(right - left) <= mpf(10) ** (25 - mp.dps) * max(abs(right), abs(left)):
            solid, right = False, left  # the function is flat, or the digits do not suffice
        partials[i] = (right - left) / (2 * h)
    return value, partials, solid


__all__ = ["MPMATH", "UnsupportedError", "truth"]
