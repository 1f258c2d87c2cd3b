"""The judges of the accuracy table. Neither uses a derivative rule of the rows.

`proven` runs the row's value function on Arb power series, as the certified method does; `differences` on mpmath
numbers at hundreds of digits, for functions that Arb's power series lack.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
from mpmath import mp, mpf

from ..errors import UndecidedError, UnsupportedError
from ..primitives import TABLE, Carrier, Primitive

SAME = "exp expm1 log log1p sqrt sin cos tan sinh cosh tanh sech floor ceil sign"
SAME += " gamma rgamma digamma beta zeta erf erfc erfi"
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
} | {name: name for name in SAME.split()}


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


def bessel(kind: str) -> Callable[[Any, Any], Any]:
    """From Arb's balls: mpmath takes limits at integer orders, which is slow."""

    def function(v: Any, x: Any) -> Any:
        import flint

        with flint.ctx.workprec(mp.prec + 60):
            return number(getattr(flint.arb(x), f"bessel_{kind}")(flint.arb(v)))

    return function


J, Y, I, K = map(bessel, "jyik")

SPELLED: dict[str, Callable[..., Any]] = {
    "jv": J,
    "yv": Y,
    "iv": I,
    "kv": K,
    "yn": Y,
    "kn": K,
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
    "sinc_derivative": lambda x, n: (mp.cospi(x) - mp.sinpi(x) / (mp.pi * x)) / x if x else mpf(0),
    "exprel_derivative": lambda x, n: mp.hyp1f1(n + 1, n + 2, x) / (n + 1),
    "dawsn_derivative": lambda x, n: 1 - mp.sqrt(mp.pi) * x * mp.exp(-x * x) * mp.erfi(x),
    "erfc_repeated": lambda x, n: 1 / mp.sqrt(mp.pi) - x * mp.exp(x * x) * mp.erfc(x),
    "kve_derivative": lambda v, x, n: mp.exp(x) * (K(v, x) - (K(v - 1, x) + K(v + 1, x)) / 2),
    "ive_derivative": lambda x, v, n: mp.exp(-x) * ((I(abs(v - 1), x) + I(v + 1, x)) / 2 - I(v, x)),
    "boxcox": lambda x, c: mp.expm1(c * mp.log(x)) / c if c else mp.log(x),
    "boxcox1p": lambda x, c: mp.expm1(c * mp.log1p(x)) / c if c else mp.log1p(x),
}


class MpmathCarrier(Carrier):
    """Single numbers of any precision."""

    name = "mpmath"

    def native(self, row: Primitive, spelled: str | None) -> Any:
        found = SPELLED.get(row.name) or getattr(mp, RENAMED.get(row.name, ""), None)
        return (
            (lambda *x, **params: found(*[mpf(v) if isinstance(v, int | float) else v for v in x], **params))
            if found
            else None
        )


MPMATH = MpmathCarrier()


def truth(row: Primitive, operands: list[Any], params: Any, positions: list[int]) -> tuple[Any, dict[int, Any], str]:
    """The value, the partial derivatives by the operands at `positions`, and the judge's name.

    Raises UnsupportedError where the row has no value function on either kind of number.
    """
    return proven(row, operands, params, positions) or (*differences(row, operands, params, positions), "differences")


def proven(row: Primitive, operands: list[Any], params: Any, positions: list[int]) -> Any:
    """By ball arithmetic, the precision doubled until 64 bits hold; None where Arb has no answer."""
    import flint

    from ..primitives.germs.session import alone

    with alone():
        flint.ctx.cap = 2
        for bits in (128, 512, 2048, 8192):
            flint.ctx.prec = bits
            found = series(row, operands, params, positions)
            if found is None:
                return None
            if all(map(settled, (found[0], *found[1].values()))):
                return number(found[0]), {i: number(d) for i, d in found[1].items()}, "certified"
    return None


def series(row: Primitive, operands: list[Any], params: Any, positions: list[int]) -> Any:
    import flint
    from flint import arb, arb_series

    from ..differentiate.arb_carrier import CARRIER
    from ..primitives.germs.germ import Germ, lift

    value, partials = None, {}
    try:
        for i in positions or [-1]:
            x = [lift(v) if isinstance(v, float) else v for v in operands]
            if positions:
                near = arb(0, 1) * arb(abs(operands[i]) or 1.0) * arb(2) ** (-flint.ctx.prec // 2)
                x[i] = Germ(arb_series([arb(operands[i]), 1]), arb_series([operands[i] + near, 1]))
            y = CARRIER.of(row)(*x, **params)
            y = lift(y.item() if hasattr(y, "item") else y)
            value, partials[i] = y.point[0], y.point[1]
    except (UnsupportedError, UndecidedError, TypeError, AttributeError, ValueError):
        return None
    return value, {i: partials[i] for i in positions}


def settled(ball: Any) -> bool:
    return bool(ball.is_finite()) and (bool(ball.is_exact()) or int(ball.rel_accuracy_bits()) > 64)


def number(ball: Any) -> Any:
    man, exp = ball.mid().man_exp()
    with mp.workprec(max(int(man).bit_length(), 64)):
        return mp.ldexp(mpf(int(man)), int(exp))


def differences(row: Primitive, operands: list[Any], params: Any, positions: list[int]) -> tuple[Any, dict[int, Any]]:
    """By central differences at so many digits that neither truncation nor rounding shows in 20 digits."""
    function = MPMATH.of(row)
    far = [abs(int(mpmath.log10(abs(x)))) for x in operands if x and not 1e-3 < abs(x) < 1e9]
    digits = 130 + 3 * max(far, default=0)
    while True:
        with mp.workdps(digits):
            value, partials, solid = quotients(function, [mpf(x) for x in operands], params, positions)
        if solid or digits > 1000:
            return value, partials
        digits *= 2


def quotients(function: Any, x: list[Any], params: Any, positions: list[int]) -> tuple[Any, dict[int, Any], bool]:
    value, partials, solid = mpf(function(*x, **params)), {}, True
    for i in positions:
        h = mpf(10) ** -30 * (abs(x[i]) or 1)
        right = function(*x[:i], x[i] + h, *x[i + 1 :], **params)
        left = function(*x[:i], x[i] - h, *x[i + 1 :], **params)
        if abs(right - left) <= mpf(10) ** (25 - mp.dps) * max(abs(right), abs(left)):
            solid, right = False, left  # the function is flat, or the digits do not suffice
        partials[i] = (right - left) / (2 * h)
    return value, partials, solid


__all__ = ["truth"]
