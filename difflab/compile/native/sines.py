"""Sine and cosine of float64 arrays as loops that LLVM turns into vector instructions.

NumPy calls the C library once for each element there; for its other functions it has vector loops of its own.
The argument is reduced by multiples of π/2 held in three pieces (Cody and Waite), and Taylor's polynomials on
[-π/4, π/4] do the rest. Blocks with large arguments, or with some that are not finite, are left to the C library.
"""

from __future__ import annotations

from fractions import Fraction
from math import factorial, frexp, ldexp
from types import FunctionType

import numpy as np

from ...types import Array, Function, Value

LARGEST = 1e6  # up to here a multiple of π/2 has 20 bits, and its products with the first two pieces are exact
SMALLEST = 2.0**-27  # below, sin x is x to the last bit; and -0 stays -0


def pieces(x: Fraction, bits: int) -> tuple[float, float, float]:
    """x as a sum of three numbers, the first two of so many bits."""
    found: list[float] = []
    for _ in range(2):
        exponent = frexp(float(x))[1] - bits
        head = ldexp(float(int(x / Fraction(2) ** exponent)), exponent)
        found.append(head)
        x -= Fraction(head)
    return found[0], found[1], float(x)


HALF_PI = Fraction("1.57079632679489661923132169163975144209858469968755291048747229615390820314310449931")
FIRST, SECOND, THIRD = pieces(HALF_PI, 33)
PER_QUARTER = float(1 / HALF_PI)
S3, S5, S7, S9, S11, S13, S15, S17 = [(-1.0) ** k / factorial(2 * k + 1) for k in range(1, 9)]
C4, C6, C8, C10, C12, C14, C16 = [(-1.0) ** k / factorial(2 * k) for k in range(2, 9)]


def both(v: float) -> tuple[float, float, float]:
    """The multiple of π/2 next to v, and sine and cosine of the rest."""
    k = np.rint(v * PER_QUARTER)
    a = v - k * FIRST
    b = k * SECOND
    y = a - b  # y + rest is v - k π/2, to about 100 bits
    t = y - a
    rest = ((a - (y - t)) - (b + t)) - k * THIRD
    z = y * y
    odd = z * (S3 + z * (S5 + z * (S7 + z * (S9 + z * (S11 + z * (S13 + z * (S15 + z * S17)))))))
    even = z * z * (C4 + z * (C6 + z * (C8 + z * (C10 + z * (C12 + z * (C14 + z * C16))))))
    head = 1.0 - 0.5 * z
    return k, y + (y * odd + rest * head), head + (((1.0 - head) - 0.5 * z) + (even - y * rest))


def turned(k: float, sine: float, cosine: float) -> float:
    """The sine, k quarters of a turn on."""
    m = k - 4.0 * np.floor(0.25 * k)
    value = cosine if (m == 1.0) | (m == 3.0) else sine
    return -value if m >= 2.0 else value


def large(x: Value) -> Value:
    """How many elements are left to the C library."""
    found = 0
    for i in range(x.shape[0]):
        found += 0 if np.abs(x[i]) <= LARGEST else 1
    return found


def sin(x: Array, out: Array) -> None:
    if large(x) > 0:
        for i in range(out.shape[0]):
            out[i] = np.sin(x[i])
        return
    for i in range(out.shape[0]):
        k, sine, cosine = both(x[i])
        out[i] = x[i] if np.abs(x[i]) < SMALLEST else turned(k, sine, cosine)


def cos(x: Array, out: Array) -> None:
    if large(x) > 0:
        for i in range(out.shape[0]):
            out[i] = np.cos(x[i])
        return
    for i in range(out.shape[0]):
        k, sine, cosine = both(x[i])
        out[i] = turned(k + 1.0, sine, cosine)


def sincos(x: Array, first: Array, second: Array) -> None:
    """Sine and cosine, into two arrays."""
    if large(x) > 0:
        for i in range(first.shape[0]):
            v = x[i]
            first[i], second[i] = np.sin(v), np.cos(v)
        return
    for i in range(first.shape[0]):
        v = x[i]
        k, sine, cosine = both(v)
        first[i] = v if np.abs(v) < SMALLEST else turned(k, sine, cosine)
        second[i] = turned(k + 1.0, sine, cosine)


LOOPS: dict[str, Function] = {"sin": sin, "cos": cos, "sincos": sincos}
_compiled: dict[str, Function] = {}


def function(name: str, jit: Function) -> Function:
    """sin, cos or sincos on a float64 array in one piece, written into others; compiled once in a process."""
    if name not in _compiled:
        from numba import float64, njit, types

        space = dict(globals())
        space |= {f.__name__: njit(f, error_model="numpy", inline="always") for f in (both, turned)}
        space["large"] = njit(large, error_model="numpy")
        source = LOOPS[name]
        given = types.Array(float64, 1, "C", readonly=True)
        outs = [float64[::1]] * (source.__code__.co_argcount - 1)
        _compiled[name] = jit(FunctionType(source.__code__, space, name), (given, *outs), nogil=True)
    loop = _compiled[name]

    def run(x: Array, *outs: Array) -> Value:
        loop(x.reshape(-1), *[out.reshape(-1) for out in outs])
        return outs[0]

    return run
