"""Sine and cosine of float64 arrays as loops that LLVM turns into vector instructions.

NumPy calls the C library once for each element there; for its other functions it has vector loops of its own.
The argument is reduced by multiples of π/2 held in three pieces (Cody and Waite), and Taylor's polynomials on
[-π/4, π/4] do the rest. Blocks with large arguments, or with some that are not finite, are left to the C library.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import factorial, frexp, ldexp
from typing import Any

import numpy as np

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


def sine_loop(x: Any, out: Any, quarters: float) -> None:
    """sin(x + quarters π/2), written into `out`."""
    others = 0
    for i in range(out.shape[0]):
        others += 0 if np.abs(x[i]) <= LARGEST else 1
    if others > 0:
        for i in range(out.shape[0]):
            out[i] = np.sin(x[i]) if quarters == 0.0 else np.cos(x[i])
        return
    for i in range(out.shape[0]):
        v = x[i]
        k = np.rint(v * PER_QUARTER)
        # y + rest is x - k π/2, to about 100 bits
        a = v - k * FIRST
        b = k * SECOND
        y = a - b
        t = y - a
        rest = ((a - (y - t)) - (b + t)) - k * THIRD
        z = y * y
        odd = z * (S3 + z * (S5 + z * (S7 + z * (S9 + z * (S11 + z * (S13 + z * (S15 + z * S17)))))))
        sine = y + (y * odd + rest * (1.0 - 0.5 * z))
        even = z * z * (C4 + z * (C6 + z * (C8 + z * (C10 + z * (C12 + z * (C14 + z * C16))))))
        head = 1.0 - 0.5 * z
        cosine = head + (((1.0 - head) - 0.5 * z) + (even - y * rest))
        m = k + quarters
        m = m - 4.0 * np.floor(0.25 * m)
        value = cosine if (m == 1.0) | (m == 3.0) else sine
        value = -value if m >= 2.0 else value
        out[i] = v if (np.abs(v) < SMALLEST) & (quarters == 0.0) else value


QUARTERS = {"sin": 0.0, "cos": 1.0}
_compiled: list[Any] = []


def function(name: str, jit: Callable[..., Any]) -> Callable[[Any, Any], Any]:
    """np.sin or np.cos on arrays in one piece, into another array; compiled once in a process."""
    quarters = QUARTERS[name]
    if not _compiled:
        from numba import float64, types

        array = types.Array(float64, 1, "C", readonly=True), float64[::1]
        _compiled.append(jit(sine_loop, (*array, float64), nogil=True))
    loop = _compiled[0]

    def run(x: Any, out: Any) -> Any:
        loop(x.reshape(-1), out.reshape(-1), quarters)
        return out

    return run
