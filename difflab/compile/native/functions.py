"""exp, tanh and cosh of one element, and long sums, in operations that LLVM can turn into vector instructions.

The C library's functions are called for one element after the other, and a call keeps a loop from being vectorised.
The argument is reduced by multiples of ln 2 held in two pieces, Taylor's polynomial on [-ln 2 / 2, ln 2 / 2] does the
rest, and powers of two are made from their bits.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from math import factorial
from types import FunctionType
from typing import Any

import numpy as np

from ...types import Array, Value

LN2 = Fraction("0.693147180559945309417232121458176568075500134360255254120680009493393621969694716")
PER_OCTAVE = float(1 / LN2)
HIGH = float(Fraction(int(LN2 * 2**32), 2**32))  # 32 bits: times a whole number below 2**20 it is exact
LOW = float(LN2 - Fraction(HIGH))
ROUND = 1.5 * 2.0**52  # adding it rounds to a whole number, whose bits are the last ones of the sum
BIAS = 1023 << 52
C2, C3, C4, C5, C6, C7, C8, C9, C10, C11, C12, C13 = [1.0 / factorial(k) for k in range(2, 14)]
LARGEST, SMALLEST = 712.0, -747.0  # beyond, exp and cosh are infinite and exp is 0
LEVEL = 25.0  # from here on tanh is 1


def two_to(sum_with_round: Value) -> Value:
    """The power of two whose exponent was rounded by adding ROUND."""
    return np.int64((np.float64(sum_with_round).view(np.int64) << 52) + BIAS).view(np.float64)


def rest(v: Value, k: Value) -> Value:
    """exp(v - k ln 2) - 1."""
    r = (v - k * HIGH) - k * LOW
    z = r * r
    even = C2 + z * (C4 + z * (C6 + z * (C8 + z * (C10 + z * C12))))
    odd = C3 + z * (C5 + z * (C7 + z * (C9 + z * (C11 + z * C13))))
    return r + z * (even + r * odd)


def scaled(x: Value, shift: Value) -> Value:
    """exp(x) / 2**shift, in two factors, so that neither overflows and the product rounds once."""
    v = LARGEST if x > LARGEST else (SMALLEST if x < SMALLEST else x)
    k = (v * PER_OCTAVE + ROUND) - ROUND
    half = 0.5 * k + ROUND
    other = ((k - (half - ROUND)) - shift) + ROUND
    return ((1.0 + rest(v, k)) * two_to(half)) * two_to(other)


def exp(x: Value) -> Value:
    return scaled(x, 0.0)


def cosh(x: Value) -> Value:
    half = scaled(np.abs(x), 1.0)
    return half + 0.25 / half


def tanh(x: Value) -> Value:
    """-t / (t + 2) with t = exp(-2|x|) - 1, which keeps its digits near 0."""
    a = np.abs(x)
    v = -2.0 * (LEVEL if a > LEVEL else a)
    total = v * PER_OCTAVE + ROUND
    scale = two_to(total)
    t = scale * rest(v, total - ROUND) + (scale - 1.0)
    y = -t / (t + 2.0)
    return x if x == 0.0 else (-y if x < 0.0 else y)


def total(x: Array, first: int, count: int) -> Value:
    """The sum of neighbours, in any order."""
    found = x.dtype.type(0.0)
    for k in range(count):
        found += x[first + k]
    return found


def dot(x: Array, first: int, y: Array, other: int, count: int) -> Value:
    """The sum of the products of neighbours, in any order."""
    found = x.dtype.type(0.0)
    for k in range(count):
        found += x[first + k] * y[other + k]
    return found


NAMES = ("exp", "cosh", "tanh")
SUMS = ("total", "dot")


@cache
def functions() -> dict[str, Any]:
    """The functions as numba's, to be inlined where they are called; made once in a process."""
    from numba import njit

    space: dict[str, Any] = dict(globals())
    for f in (two_to, rest, scaled, exp, cosh, tanh):
        own = FunctionType(f.__code__, space, f.__name__)
        # A product and a sum may become one instruction, which rounds once.
        space[f.__name__] = njit(own, error_model="numpy", forceinline=True, fastmath={"contract"})
    for name in SUMS:
        own = FunctionType(space[name].__code__, space, name)
        space[name] = njit(own, error_model="numpy", forceinline=True, fastmath={"contract", "reassoc"})
    return {f"_{name}": space[name] for name in (*NAMES, *SUMS)}
