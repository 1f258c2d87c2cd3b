"""Operations on each element: arithmetic, comparisons, functions, casts."""

from __future__ import annotations

import numpy as np

from ... import numpy as dnp
from ...differentiate.transform import stop_gradient
from ...types import DType, Function, Value
from .call import Call, Refused, Rule, is_traced, kind, of_operands


def divide(a: Value, b: Value) -> Value:
    """The quotient; of whole numbers towards zero, and -1 where the divisor is 0."""
    if kind(a) not in "iu":
        return np.divide(a, b)
    zero = np.equal(b, 0)
    b = np.where(zero, np.ones_like(b), b) if is_traced(b) or np.any(zero) else b
    down = np.floor_divide(a, b)
    rest = a - down * b
    up = np.logical_and(np.not_equal(rest, 0), np.not_equal(np.less(a, 0), np.less(b, 0)))
    return np.where(zero, np.full((), -1).astype(a.dtype), down + up.astype(a.dtype))


def remainder(a: Value, b: Value) -> Value:
    """The remainder with the sign of a; of whole numbers a itself where b is 0."""
    if kind(a) not in "iu":
        return np.fmod(a, b)
    zero = np.equal(b, 0)
    return np.where(zero, a, np.fmod(a, np.where(zero, np.ones_like(b), b)))


def rounded(call: Call, x: Value) -> Value:
    if int(call["rounding_method"]) == 1:
        return np.rint(x)
    size = np.floor(np.abs(x))  # half away from zero
    up = np.greater_equal(np.abs(x) - size, 0.5).astype(x.dtype)
    return np.copysign(size + up, x)


def power(call: Call, x: Value, y: Value) -> Value:
    return np.power(x, y if kind(x) in "iu" or y.dtype == x.dtype else y.astype(x.dtype))


def whole_power(call: Call, x: Value) -> Value:
    return np.power(x, int(call["y"]))


def larger(a: Value, b: Value) -> Value:
    if kind(a) == "c":
        raise Refused("of complex numbers")
    return np.logical_or(a, b) if kind(a) == "b" else np.maximum(a, b)


def smaller(a: Value, b: Value) -> Value:
    if kind(a) == "c":
        raise Refused("of complex numbers")
    return np.logical_and(a, b) if kind(a) == "b" else np.minimum(a, b)


def clamp(call: Call, low: Value, x: Value, high: Value) -> Value:
    return np.clip(x, low, high)


def select(call: Call, which: Value, *cases: Value) -> Value:
    """cases[which], element by element."""
    if kind(which) == "b":
        return cases[0] if len(cases) == 1 else np.where(which, cases[1], cases[0])
    found = cases[0]
    for k, case in enumerate(cases[1:], 1):
        found = np.where(np.greater_equal(which, k), case, found)
    return found


# Comparisons in the total order, in which NaN is the largest and -0 comes before 0.
def before(x: Value, y: Value) -> Value:
    if kind(x) != "f":
        return np.less(x, y)
    signs = np.logical_and(np.signbit(x), np.logical_not(np.signbit(y)))
    same = np.logical_and(np.equal(x, y), signs)
    nan = np.logical_and(np.isnan(y), np.logical_not(np.isnan(x)))
    return np.logical_or(np.less(x, y), np.logical_or(same, nan))


def before_or_same(x: Value, y: Value) -> Value:
    return np.logical_not(before(y, x))


def same_place(x: Value, y: Value) -> Value:
    return np.logical_and(before_or_same(x, y), before_or_same(y, x))


# Casts.
def cast(call: Call, x: Value) -> Value:
    """The value in another dtype, as XLA has it: out of range is the nearest whole number there is, NaN is 0."""
    to = np.dtype(call["new_dtype"])
    if to.kind == "b":
        return np.not_equal(x, 0)
    if kind(x) == "c" and to.kind != "c":
        x = np.real(x)
    if kind(x) == "f" and to.kind in "iu":
        return to_whole(x, to)
    return x if x.dtype == to else x.astype(to)


def to_whole(x: Value, to: DType) -> Value:
    """The whole part of floats, within what an integer dtype holds."""
    info, wide = np.iinfo(to), x.dtype.type
    with np.errstate(over="ignore"):
        low, high = wide(info.min), wide(info.max)
    above = np.greater_equal(x, high)  # its largest number may be no float, and the nearest one beyond it
    fits = np.logical_and(np.greater_equal(x, low), np.logical_not(above))
    found = np.where(fits, x, wide(0)).astype(to)
    found = np.where(np.less(x, low), to.type(info.min), found)
    return np.where(above, to.type(info.max), found)


FORMATS: dict[tuple[int, int], Value] = {(8, 23): np.float32, (5, 10): np.float16, (11, 52): np.float64}


def less_precise(call: Call, x: Value) -> Value:
    """Rounded to a format with fewer digits."""
    short = FORMATS.get((call["exponent_bits"], call["mantissa_bits"]))
    if short is None:
        raise Refused(f"to {call['exponent_bits']} bits of exponent and {call['mantissa_bits']} of mantissa")
    return x if np.dtype(short).itemsize >= x.dtype.itemsize else x.astype(short).astype(x.dtype)


def both(logical: Value, bitwise: Value) -> Rule:
    return of_operands(lambda a, b: logical(a, b) if kind(a) == "b" else bitwise(a, b))


def complement(x: Value) -> Value:
    return np.logical_not(x) if kind(x) == "b" else np.invert(x)


def as_complex(call: Call, a: Value, b: Value) -> Value:
    return (a + 1j * b).astype(call.dtype)


def polygamma(order: Value, x: Value) -> Value:
    """The derivative of that order of the digamma function; the orders are known, as whole numbers in floats."""
    if is_traced(order):
        raise Refused("of an order that is computed")
    orders = np.unique(order)
    if not np.all(np.logical_and(np.equal(orders, np.floor(orders)), np.greater_equal(orders, 0))):
        raise Refused("of an order that is no whole number")
    found = dnp.polygamma(int(orders[0]), x)
    for n in orders[1:]:
        found = np.where(np.equal(order, n), dnp.polygamma(int(n), x), found)
    return found


ONE: dict[str, Function] = {
    "abs": np.abs, "acos": np.arccos, "acosh": np.arccosh, "asin": np.arcsin, "asinh": np.arcsinh, "atan": np.arctan,
    "atanh": np.arctanh, "bessel_i0e": dnp.i0e, "bessel_i1e": dnp.i1e, "cbrt": np.cbrt, "ceil": np.ceil,
    "conj": np.conjugate, "cos": np.cos, "cosh": np.cosh, "digamma": dnp.digamma, "erf": dnp.erf, "erfc": dnp.erfc,
    "erf_inv": dnp.erfinv, "exp": np.exp, "exp2": np.exp2, "expm1": np.expm1, "floor": np.floor, "imag": np.imag,
    "is_finite": np.isfinite, "lgamma": dnp.gammaln, "log": np.log, "log1p": np.log1p, "logistic": dnp.sigmoid,
    "neg": np.negative, "not": complement, "real": np.real, "rsqrt": lambda x: 1 / np.sqrt(x), "sign": np.sign,
    "sin": np.sin, "sinh": np.sinh, "sqrt": np.sqrt, "square": np.square, "tan": np.tan, "tanh": np.tanh,
    "stop_gradient": stop_gradient,
}  # fmt: skip
TWO: dict[str, Function] = {
    "add": np.add, "add_any": np.add, "atan2": np.arctan2, "div": divide, "eq": np.equal, "ge": np.greater_equal,
    "gt": np.greater, "igamma": dnp.gammainc, "igammac": dnp.gammaincc, "le": np.less_equal, "lt": np.less,
    "max": larger, "min": smaller, "mul": np.multiply, "ne": np.not_equal, "polygamma": polygamma, "rem": remainder,
    "sub": np.subtract, "zeta": dnp.zeta, "lt_to": before, "le_to": before_or_same, "eq_to": same_place,
}  # fmt: skip
RULES: dict[str, Rule] = {
    **{name: of_operands(f) for name, f in [*ONE.items(), *TWO.items()]},
    "and": both(np.logical_and, np.bitwise_and),
    "or": both(np.logical_or, np.bitwise_or),
    "xor": both(np.logical_xor, np.bitwise_xor),
    "clamp": clamp,
    "complex": as_complex,
    "convert_element_type": cast,
    "integer_pow": whole_power,
    "pow": power,
    "reduce_precision": less_precise,
    "regularized_incomplete_beta": of_operands(dnp.betainc),
    "round": rounded,
    "select_n": select,
}
