"""Hypergeometric functions."""

from __future__ import annotations

import numpy as np

from ...late import Late
from ...types import Value
from .elementwise import in_double

special: Value = Late("scipy.special")


@in_double
def hyp1f1(a: Value, b: Value, z: Value) -> Value:
    """The power series, for negative z by Kummer's transformation: SciPy's loses two digits, and alternates there.

    SciPy sums z terms of what overflows: of z = 1e15 it does not come to an end.
    """
    a, b, z = np.broadcast_arrays(a, b, z)
    finite = (a <= 0) & (a == np.floor(a)) | (b <= 0) & (b == np.floor(b))  # polynomials, and poles
    beyond = (z > 1e8) & (np.abs(b) < z / 2) & (a > -z / 8) & ~finite
    signs = special.gammasgn(a) * special.gammasgn(b)
    z = np.where(beyond, 0.0, z)
    near = (np.abs(z) <= 40.0) & (np.abs(a) <= 40.0) & (b > 0) & (b <= 40.0)
    near &= ~beyond
    found = np.where(beyond, signs * np.inf, special.hyp1f1(a, b, z))
    if near.any():
        p, q, t = a[near], b[near], z[near]
        p, size = np.where(t < 0, q - p, p), np.abs(t)
        term, total, k = np.ones_like(t), np.ones_like(t), 0
        while k < 400 and (np.abs(term) > 1e-18 * np.abs(total)).any():
            term = term * ((p + k) / ((q + k) * (k + 1.0)) * size)
            total, k = total + term, k + 1
        found[near] = np.where(t < 0, np.exp(t), 1.0) * total
    return found
