"""The bits of numbers: shifts, and floats as the whole numbers that their bits are, by arithmetic that is exact.

Where only the sign of a float is asked for, it is read off the float itself.
"""

from __future__ import annotations

import numpy as np

from ...types import DType, Value
from .call import OWN_RULE, Call, Refused, Rule, is_traced, kind, of_operands


class Bits:
    """A float whose bits are meant, as whole numbers of a dtype."""

    def __init__(self, x: Value, dtype: DType) -> None:
        self.x = x
        self.dtype = dtype
        self.shape: tuple[int, ...] = x.shape

    def whole(self) -> Value:
        """The bits as whole numbers: exponent, then the digits behind it, below the sign."""
        digits, bias = layout(self.x.dtype)
        size = np.abs(self.x)
        plain = np.logical_and(np.isfinite(size), np.greater(size, 0))
        size = np.where(plain, size, np.ones_like(size))
        one, power = np.ones_like(size), np.floor(np.log2(size)).astype(np.int64)
        power = np.where(np.greater(np.ldexp(one, power), size), power - 1, power)  # the logarithm is rounded
        power = np.where(np.less_equal(np.ldexp(one, power + 1), size), power + 1, power)
        power = np.maximum(power, 1 - bias)
        found = (power + (bias - 1)) * 2**digits + np.ldexp(size, digits - power).astype(np.int64)
        top = (2 * bias + 1) * 2**digits
        found = np.where(plain, found, np.where(np.equal(self.x, 0), 0, top))
        found = np.where(np.isnan(self.x), top + 2 ** (digits - 1), found).astype(self.dtype)
        return np.where(np.signbit(self.x), found + sign_bit(self.dtype), found)


def layout(dtype: DType) -> tuple[int, int]:
    """How many digits a float has behind its first one, and what is added to its exponent."""
    info = np.finfo(dtype)
    return int(info.nmant), int(1 - info.minexp)


def width(x: Value) -> int:
    return int(8 * x.dtype.itemsize)


def sign_bit(dtype: DType) -> Value:
    return dtype.type(np.iinfo(dtype).min if dtype.kind == "i" else 2 ** (8 * dtype.itemsize - 1))


def as_float(b: Value, dtype: DType) -> Value:
    """The float that has these bits."""
    digits, bias = layout(dtype)
    top = sign_bit(b.dtype)
    negative = np.less(b, 0) if kind(b) == "i" else np.greater_equal(b, top)
    size = np.where(negative, b - top, b).astype(np.int64)
    power, rest = np.floor_divide(size, 2**digits), np.remainder(size, 2**digits)
    normal = np.greater(power, 0)
    whole = np.where(normal, rest + 2**digits, rest).astype(dtype)
    found = np.ldexp(whole, np.where(normal, power, 1) - (bias + digits))
    last = np.where(np.equal(rest, 0), dtype.type(np.inf), dtype.type(np.nan))
    found = np.where(np.equal(power, 2 * bias + 1), last, found)
    return np.where(negative, -found, found)


def bits(call: Call, x: Value) -> Value:
    to = np.dtype(call["new_dtype"])
    if isinstance(x, Bits):
        return x.x if x.x.dtype == to else bits(call, x.whole())
    if not is_traced(x):
        return np.asarray(x).view(to)[()]
    if to.itemsize != x.dtype.itemsize or kind(x) not in "iuf" or to.kind not in "iuf":
        raise Refused(f"of {x.dtype} as {to}")
    if to.kind == "f" and OWN_RULE.get():
        raise Refused("to floats, in a function whose rule alone has a derivative")
    if kind(x) in "iu":
        return as_float(x, to) if to.kind == "f" else x.astype(to)
    return Bits(x, to)


def next_after(x: Value, y: Value) -> Value:
    """The next float behind x on the way to y."""
    whole = np.dtype(f"i{x.dtype.itemsize}")
    size = Bits(np.abs(x), whole).whole()
    away = np.equal(np.greater(y, x), np.greater(x, 0))
    moved = as_float(size + np.where(away, 1, -1).astype(whole), x.dtype)
    moved = np.where(np.less(x, 0), -moved, moved)
    least = np.copysign(np.finfo(x.dtype).smallest_subnormal, y)
    moved = np.where(np.equal(x, 0), least, moved)
    moved = np.where(np.equal(x, y), y, moved)
    return np.where(np.logical_or(np.isnan(x), np.isnan(y)), x.dtype.type(np.nan), moved)


# Shifts.
def shift_left(x: Value, count: Value) -> Value:
    return shifted(x, count, np.multiply, np.zeros((), x.dtype)[()])


def shift_right(x: Value, count: Value) -> Value:
    if isinstance(x, Bits):
        if x.dtype.kind == "i" and sign_alone(x, count):
            return -np.signbit(x.x).astype(x.dtype)
        return shift_right(x.whole(), count)
    beyond = np.zeros((), x.dtype)[()] if kind(x) == "u" else -np.less(x, 0).astype(x.dtype)
    return shifted(x, count, np.floor_divide, beyond)


def shift_right_logical(x: Value, count: Value) -> Value:
    if isinstance(x, Bits):
        if sign_alone(x, count):
            return np.signbit(x.x).astype(x.dtype)
        return shift_right_logical(x.whole(), count)
    unsigned = np.dtype(f"u{x.dtype.itemsize}")
    return shift_right(x.astype(unsigned), count.astype(unsigned)).astype(x.dtype)


def sign_alone(x: Bits, count: Value) -> bool:
    return not is_traced(count) and bool(np.all(np.equal(count, width(x) - 1)))


def shifted(x: Value, count: Value, along: Value, beyond: Value) -> Value:
    """x times, or divided by, the power of two; `beyond` where more bits are asked for than there are."""
    most = width(x)
    far = np.logical_or(np.less(count, 0), np.greater_equal(count, most - (kind(x) == "i")))
    two = np.full((), 2).astype(x.dtype)[()]
    power = np.power(two, np.where(far, np.zeros_like(count), count).astype(x.dtype))
    found = along(x, power)
    if kind(x) == "i":  # 2 ** (most - 1) is no number of this dtype
        last = np.equal(count, most - 1)
        odd = np.not_equal(np.remainder(x, two), 0)
        least = np.full((), np.iinfo(x.dtype).min).astype(x.dtype)[()]
        at_last = np.where(odd, least, np.zeros_like(x)) if along is np.multiply else beyond
        beyond = np.where(last, at_last, beyond)
    return np.where(far, beyond, found)


KEEP = ("bitcast_convert_type", "shift_right_arithmetic", "shift_right_logical")  # those that take `Bits` as they are
RULES: dict[str, Rule] = {
    "bitcast_convert_type": bits,
    "nextafter": of_operands(next_after),
    "shift_left": of_operands(shift_left),
    "shift_right_arithmetic": of_operands(shift_right),
    "shift_right_logical": of_operands(shift_right_logical),
}
