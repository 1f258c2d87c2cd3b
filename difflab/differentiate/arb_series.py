"""Arb power series as the numbers that flow through a graph: value and Taylor coefficients, each a proven ball.

`Series` wraps python-flint's `arb_series`; `ArbCarrier` is the namespace of functions on it. Nothing here uses a
derivative rule of a primitive: derivatives come out of power series arithmetic on the function alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flint
import numpy as np
from flint import arb, arb_series

from ..errors import DifflabError, UnsupportedError
from ..primitives import Primitive
from ..primitives.elements import ElementsCarrier, mapped
from ..primitives.quotient import Quotient


class UndecidedError(DifflabError, ArithmeticError):
    """A comparison of balls that overlap: more precision may decide it."""


class Series:
    """One number that flows: a power series in one variable with ball coefficients."""

    __slots__ = ("s",)

    def __init__(self, s: Any) -> None:
        self.s = s

    @property
    def constant(self) -> Any:
        """The value: the coefficient of order 0, as a ball."""
        return self.s[0]

    def coefficient(self, k: int) -> Any:
        return self.s[k]

    def __repr__(self) -> str:
        return f"Series({self.s})"

    def __add__(self, other: Any) -> Series:
        return combine(self, other, lambda a, b: a + b)

    def __radd__(self, other: Any) -> Series:
        return combine(other, self, lambda a, b: a + b)

    def __sub__(self, other: Any) -> Series:
        return combine(self, other, lambda a, b: a - b)

    def __rsub__(self, other: Any) -> Series:
        return combine(other, self, lambda a, b: a - b)

    def __mul__(self, other: Any) -> Series:
        return combine(self, other, lambda a, b: a * b)

    def __rmul__(self, other: Any) -> Series:
        return combine(other, self, lambda a, b: a * b)

    def __truediv__(self, other: Any) -> Series:
        return combine(self, other, quotient)

    def __rtruediv__(self, other: Any) -> Series:
        return combine(other, self, quotient)

    def __pow__(self, other: Any) -> Series:
        return power(self, other)

    def __rpow__(self, other: Any) -> Series:
        return power(other, self)

    def __neg__(self) -> Series:
        return Series(-self.s)

    def __pos__(self) -> Series:
        return self

    def __abs__(self) -> Series:
        return by_sign(self, self, -self, "abs")

    def __float__(self) -> float:
        return float(self.constant.mid())

    def __lt__(self, other: Any) -> bool:
        return decide(self, other, lambda a, b: a < b, lambda a, b: a >= b)

    def __le__(self, other: Any) -> bool:
        return decide(self, other, lambda a, b: a <= b, lambda a, b: a > b)

    def __gt__(self, other: Any) -> bool:
        return decide(self, other, lambda a, b: a > b, lambda a, b: a <= b)

    def __ge__(self, other: Any) -> bool:
        return decide(self, other, lambda a, b: a >= b, lambda a, b: a < b)

    def __eq__(self, other: Any) -> bool:
        return decide(self, other, lambda a, b: a == b, lambda a, b: not a.overlaps(b))

    def __ne__(self, other: Any) -> bool:
        return not self == other

    def __bool__(self) -> bool:
        return self != 0

    __hash__ = None  # type: ignore[assignment]


def order() -> int:
    return int(flint.ctx.cap)


def lift(x: Any) -> Series:
    """A number as a constant series: integers and floats exactly."""
    if isinstance(x, Series):
        return x
    if isinstance(x, np.ndarray) and x.ndim == 0:
        return lift(x[()])
    if isinstance(x, bool | np.bool_ | int | np.integer):
        return Series(arb_series([arb(int(x))], order()))
    if isinstance(x, Quotient):
        exact = x.fraction
        return Series(arb_series([arb(flint.fmpq(exact.numerator, exact.denominator))], order()))
    if isinstance(x, float | np.floating):
        return Series(arb_series([arb(float(x))], order()))
    if isinstance(x, arb):
        return Series(arb_series([x], order()))
    raise UnsupportedError(f"the certified method cannot use {x!r}: only real numbers have enclosures")


def combine(a: Any, b: Any, operation: Callable[[Any, Any], Any]) -> Any:
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return NotImplemented
    return Series(operation(lift(a).s, lift(b).s))


def quotient(a: Any, b: Any) -> Any:
    try:
        return a / b
    except (ZeroDivisionError, ValueError):
        return undefined().s


def undefined() -> Series:
    return Series(arb_series([arb.nan()] * order(), order()))


def decide(a: Any, b: Any, holds: Callable[..., Any], fails: Callable[..., Any]) -> bool:
    """A comparison that is proven either way; balls that overlap raise instead of answering False.

    Equal values that move apart raise too: the point sits on the boundary of a branch, where one side is no proof.
    """
    left, right = lift(a), lift(b)
    x, y = left.constant, right.constant
    if x == y and any(left.coefficient(k) != right.coefficient(k) for k in range(1, order())):
        raise UndecidedError("the point sits on the boundary of a branch: a kink or a jump")
    if holds(x, y):
        return True
    if fails(x, y):
        return False
    if not (x.is_finite() and y.is_finite()):
        return False
    raise UndecidedError("two values are too close to be told apart at this precision")


def moves(x: Series) -> bool:
    """Whether x changes with the variable at all."""
    return any(x.coefficient(k) != 0 for k in range(1, order()))


def by_sign(x: Any, positive: Any, negative: Any, name: str, zero: Any = 0) -> Series:
    """One of two formulas by the sign of x; where a moving x is 0 there is a kink or a jump."""
    x = lift(x)
    if x.constant > 0:
        return lift(positive)
    if x.constant < 0:
        return lift(negative)
    if x.constant == 0 and not moves(x):
        return lift(zero)
    raise UndecidedError(f"{name} has a kink here")


def power(x: Any, y: Any) -> Series:
    x, y = lift(x), lift(y)
    if y.constant.is_exact() and all(y.coefficient(k) == 0 for k in range(1, order())):
        exponent = y.constant
        if exponent.is_integer():
            n = int(exponent.unique_fmpz())
            if abs(n) <= 1 << 20:
                base = x.s if n >= 0 else quotient(lift(1).s, x.s)
                return Series(integer_power(base, abs(n)))
        if 2 * exponent == 1:
            return call("sqrt", x)
    return call("exp", y * call("log", x))


def integer_power(base: Any, n: int) -> Any:
    result = lift(1).s
    while n:
        if n & 1:
            result = result * base
        base = base * base if n > 1 else base
        n >>= 1
    return result


def call(name: str, x: Any) -> Series:
    """A method of arb_series; outside its domain the result is undefined, not an exception."""
    try:
        return Series(getattr(lift(x).s, name)())
    except (ValueError, ZeroDivisionError, NotImplementedError):
        return undefined()


def with_constant(x: Any, constant: Any) -> Series:
    """A series with a sharper constant coefficient, where the direct formula cancels."""
    return Series(arb_series([constant, *[x.s[k] for k in range(1, order())]], order()))


def exact(name: str) -> Callable[[Any], Series]:
    return lambda x: call(name, x)


def half_line(f: Callable[[Series], Series]) -> Callable[[Any], Series]:
    return lambda x: f(lift(x))


def log1p(x: Series) -> Series:
    return with_constant(call("log", 1 + x), x.constant.log1p())


def expm1(x: Series) -> Series:
    return with_constant(call("exp", x), x.constant.expm1())


def hyperbolic(name: str, sign: int) -> Callable[[Any], Series]:
    def f(x: Any) -> Series:
        x = lift(x)
        up, down = call("exp", x), call("exp", -x)
        return with_constant((up + sign * down) / 2, getattr(x.constant, name)())

    return f


def tanh(x: Series) -> Series:
    return with_constant(1 - 2 / (1 + call("exp", 2 * x)), x.constant.tanh())


def arcsinh(x: Series) -> Series:
    return with_constant(
        call("log", x + call("sqrt", 1 + x * x)) if x.constant >= 0 else -call("log", -x + call("sqrt", 1 + x * x)),
        x.constant.asinh(),
    )


def arccosh(x: Series) -> Series:
    return with_constant(call("log", x + call("sqrt", x - 1) * call("sqrt", x + 1)), x.constant.acosh())


def arctanh(x: Series) -> Series:
    return with_constant((log1p(x) - log1p(-x)) / 2, x.constant.atanh())


def softplus(x: Series) -> Series:
    return log1p(call("exp", x)) if x.constant <= 0 else x + log1p(call("exp", -x))


def sigmoid(x: Series) -> Series:
    return 1 / (1 + call("exp", -x))


def composed(x: Series, taylor: Callable[[Any], Any]) -> Series:
    """f(x) from f's own Taylor series at the value of x: `taylor(arb_series)` on the pure variable."""
    wide = order() + 1
    flint.ctx.cap = wide
    try:
        series = taylor(arb_series([x.constant, 1], wide))
    finally:
        flint.ctx.cap = wide - 1
    inner = Series(arb_series([0, *[x.s[k] for k in range(1, order())]], order()))
    total, term = lift(0), lift(1)
    for k in range(order()):
        total = total + term * lift(series[k])
        term = term * inner
    return total


def polygamma(n: int, x: Any) -> Series:
    def taylor(v: Any) -> Any:
        wide = flint.ctx.cap
        flint.ctx.cap = wide + int(n) + 1
        try:
            out = arb_series([v[0], 1], wide + int(n) + 1).lgamma()
            for _ in range(int(n) + 1):
                out = out.derivative()
        finally:
            flint.ctx.cap = wide
        return out

    return composed(lift(x), taylor)


def sinc(x: Series) -> Series:
    if x.constant == 0:
        pi = arb.pi()
        return 1 - lift(pi * pi / 6) * x * x
    return call("sin_pi", x) / (lift(arb.pi()) * x)


def arctan2(y: Any, x: Any) -> Series:
    y, x = lift(y), lift(x)
    if x.constant > 0:
        return call("atan", y / x)
    quarter = lift(arb.pi() / 2)
    if y.constant > 0:
        return quarter - call("atan", x / y)
    if y.constant < 0:
        return -quarter - call("atan", x / y)
    if y.constant == 0 and x.constant < 0 and not moves(y):
        return lift(arb.pi())
    raise UndecidedError("arctan2 jumps on the negative x-axis and at the origin")


def stepped(name: str) -> Callable[[Any], Series]:
    def f(x: Any) -> Series:
        x = lift(x)
        constant = getattr(x.constant, name)()
        if not constant.is_exact() or (constant == x.constant and moves(x)):
            raise UndecidedError(f"{name} jumps here")
        return lift(constant)

    return f


def rint(x: Any, decimals: int = 0) -> Series:
    if decimals:
        raise UnsupportedError("round to decimals is not available on enclosures")
    x = lift(x)
    low = (x.constant + arb(0.5)).floor()
    halfway = x.constant + arb(0.5) == low
    if not low.is_exact() or (halfway and moves(x)):
        raise UndecidedError("rounding jumps here")
    return lift(low - 1 if halfway and int(low.unique_fmpz()) % 2 else low)


def gammaln(x: Any) -> Series:
    """log |gamma(x)|: for negative x from gamma itself, whose logarithm would be complex."""
    x = lift(x)
    if x.constant > 0:
        return call("lgamma", x)
    value = call("gamma", x)
    return call("log", by_sign(value, value, -value, "gamma"))


def erfinv(x: Series) -> Series:
    y = x.constant.erfinv()
    slope = (y * y).exp() * arb.pi().sqrt() / 2
    coefficients = [y, slope * x.s[1]]
    if order() > 2:
        coefficients.append(slope * x.s[2] + y * slope * slope * x.s[1] * x.s[1])
    return Series(arb_series(coefficients, order()))


def cbrt(x: Series) -> Series:
    if x.constant > 0:
        return call("exp", call("log", x) / 3)
    return -cbrt(-x) if x.constant < 0 else undefined()


def logaddexp(x: Any, y: Any) -> Series:
    x, y = lift(x), lift(y)
    return x + softplus(y - x) if x.constant >= y.constant else y + softplus(x - y)


NATIVE: dict[str, Callable[..., Any]] = {
    **{
        name: exact(name)
        for name in (
            "exp",
            "log",
            "sqrt",
            "sin",
            "cos",
            "tan",
            "erf",
            "erfc",
            "erfi",
            "gamma",
            "rgamma",
            "asin",
            "acos",
            "atan",
            "lgamma",
            "sin_pi",
            "cos_pi",
        )
    },
    "arcsin": exact("asin"),
    "arccos": exact("acos"),
    "arctan": exact("atan"),
    "sinpi": exact("sin_pi"),
    "cospi": exact("cos_pi"),
    "gammaln": gammaln,
    "sinh": hyperbolic("sinh", -1),
    "cosh": hyperbolic("cosh", 1),
    "tanh": half_line(tanh),
    "arcsinh": half_line(arcsinh),
    "arccosh": half_line(arccosh),
    "arctanh": half_line(arctanh),
    "expm1": half_line(expm1),
    "log1p": half_line(log1p),
    "log2": lambda x: call("log", x) / lift(arb(2).log()),
    "log10": lambda x: call("log", x) / lift(arb(10).log()),
    "exp2": lambda x: call("exp", lift(x) * lift(arb(2).log())),
    "cbrt": half_line(cbrt),
    "hypot": lambda x, y: call("sqrt", lift(x) * x + lift(y) * y),
    "power": power,
    "float_power": power,
    "square": lambda x: x * x,
    "reciprocal": lambda x: 1 / lift(x),
    "digamma": lambda x: polygamma(0, x),
    "polygamma": lambda x, *, n: polygamma(n, x),
    "sigmoid": half_line(sigmoid),
    "softplus": half_line(softplus),
    "logaddexp": logaddexp,
    "sinc": half_line(sinc),
    "arctan2": arctan2,
    "absolute": abs,
    "sign": lambda x: by_sign(x, 1, -1, "sign"),
    "floor": stepped("floor"),
    "ceil": stepped("ceil"),
    "rint": rint,
    "round": rint,
    "maximum": lambda x, y: lift(x) if tied(x, y) else lift(y),
    "minimum": lambda x, y: lift(y) if tied(x, y) else lift(x),
    "relu": lambda x: by_sign(x, x, 0, "relu"),
    "deg2rad": lambda x: lift(x) * lift(arb.pi() / 180),
    "rad2deg": lambda x: lift(x) * lift(180 / arb.pi()),
    "ndtr": lambda x: call("erfc", -lift(x) / lift(arb(2).sqrt())) / 2,
    "log_ndtr": lambda x: call("log", call("erfc", -lift(x) / lift(arb(2).sqrt())) / 2),
    "erfinv": half_line(erfinv),
    "dawsn": lambda x: call("exp", -lift(x) * x) * call("erfi", x) * lift(arb.pi().sqrt() / 2),
    "erfcx": lambda x: call("exp", lift(x) * x) * call("erfc", x),
    "where": lambda c, a, b: a if c else b,
    "isnan": lambda x: bool(lift(x).constant.is_nan()),
    "isfinite": lambda x: bool(lift(x).constant.is_finite()),
    "isinf": lambda x: False,
}


def tied(x: Any, y: Any) -> bool:
    """Whether x is the larger; equal values with different slopes are a kink, with equal slopes either will do."""
    x, y = lift(x), lift(y)
    if x.constant == y.constant:
        if all(x.coefficient(k) == y.coefficient(k) for k in range(1, order())):
            return True
        raise UndecidedError("a tie of maximum or minimum is a kink")
    return x > y


class ArbCarrier(ElementsCarrier):
    """The functions of a graph's rows on `Series`."""

    name = "arb"

    def function(self, row: Primitive) -> Callable[..., Any]:
        if row.name == "constant":
            return lambda *, value: lift_all(value)
        if row.name in NATIVE and row.kind == "elementwise":
            return mapped(NATIVE[row.name])
        return super().function(row)


def lift_all(value: Any) -> Any:
    """Constants, arrays included, as exact series; truth values and integers stay for indexing."""
    if isinstance(value, np.ndarray) and value.ndim:
        if value.dtype.kind in "biu":
            return value
        out = np.empty(value.shape, dtype=object)
        for index in np.ndindex(value.shape):
            out[index] = lift(value[index])
        return out
    if isinstance(value, bool | np.bool_):
        return value
    return lift(value)


CARRIER = ArbCarrier()
