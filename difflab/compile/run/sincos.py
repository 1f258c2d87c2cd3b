"""Sine and cosine of one argument together: a gradient wants both, and NumPy computes each in scalar code.

The argument is reduced to the nearest of 1024 angles and a rest below 1/325, with 2π/1024 in three parts so that the
products are exact; sine and cosine of the angle stand in a table, of the rest a few terms of the series are enough.
The errors stay below 1.1 ulp (`tests/test_programs.py`). Beyond |x| = 50,000, and for NaN and infinity, NumPy's own
functions run. Source of the scheme: P. T. P. Tang, "Table-lookup algorithms for elementary functions", 1991.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from ...types import Array

ANGLES = 1024
LARGEST = 50_000 * ANGLES / (2 * np.pi)
SCRATCH = 4  # float64 buffers, and one of integers


@cache
def tables() -> tuple[Array, Array, float, tuple[float, float, float]]:
    """Sine and cosine of the angles, angles per radian, and 2π/1024 as a sum of two short numbers and a rest."""
    import mpmath

    mp = mpmath.MPContext()  # of our own: mpmath's has one precision for all threads, and blocks ask from several
    mp.prec = 300
    step = 2 * mp.pi / ANGLES
    sines = np.array([float(mp.sin(k * step)) for k in range(ANGLES)])
    cosines = np.array([float(mp.cos(k * step)) for k in range(ANGLES)])
    high = float(mp.floor(step * 2**37) / 2**37)  # 30 bits: times a whole number below 2**23 it is exact
    middle = float(mp.floor((step - high) * 2**67) / 2**67)
    low = float(step - high - middle)
    return sines, cosines, float(1 / step), (high, middle, low)


def sincos(x: Array, sine: Array, cosine: Array, a: Array, b: Array, c: Array, d: Array, place: Array) -> None:
    """Writes sin(x) and cos(x); the other arrays are scratch, `place` of integers."""
    sines, cosines, per_radian, (high, middle, low) = tables()
    np.multiply(x, per_radian, a)
    np.rint(a, a)
    if not (np.maximum.reduce(a, None, initial=0.0) < LARGEST and np.minimum.reduce(a, None, initial=0.0) > -LARGEST):
        np.sin(x, sine)
        np.cos(x, cosine)
        return
    np.multiply(a, high, b)
    np.subtract(x, b, b)
    for part in (middle, low):
        np.multiply(a, part, c)
        np.subtract(b, c, b)
    np.copyto(place, a, casting="unsafe")
    np.bitwise_and(place, ANGLES - 1, place)
    np.take(sines, place, None, sine, "clip")
    np.take(cosines, place, None, cosine, "clip")
    np.multiply(b, b, a)
    np.multiply(a, 1 / 120, c)  # sin r = r - r³ (1/6 - r²/120)
    np.subtract(1 / 6, c, c)
    np.multiply(c, a, c)
    np.multiply(c, b, c)
    np.subtract(b, c, b)
    np.multiply(a, 1 / 24, c)  # cos r - 1 = r² (r²/24 - 1/2)
    np.subtract(c, 0.5, c)
    np.multiply(c, a, c)
    np.multiply(cosine, b, a)
    np.multiply(sine, c, d)
    np.add(a, d, a)
    np.multiply(sine, b, d)
    np.multiply(cosine, c, c)
    np.subtract(c, d, c)
    np.add(sine, a, sine)
    np.add(cosine, c, cosine)
