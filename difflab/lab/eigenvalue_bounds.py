"""Bounds of the eigenvalues of all symmetric matrices in an enclosure: object arrays of balls."""

from __future__ import annotations

import math

import numpy as np
from flint import arb

from ..differentiate.certificate import outward
from ..types import Array, Value


def middles(h: Value) -> Array:
    return np.array([[float(x.mid()) for x in row] for row in h])


def least_eigenvalue(h: Array) -> float | None:
    """A number that no eigenvalue of a matrix in the enclosure lies below; None where that may be negative."""
    if len(h) == 1:
        low, _ = outward(h[0, 0])
        return low + 0.0 if low >= 0 else None
    centre = middles(h)
    if not np.all(np.isfinite(centre)):
        return None
    spread = max(sum(float(x.rad()) for x in row) for row in h)
    guess = float(np.linalg.eigvalsh(centre)[0]) - spread
    for candidate in (float(f"{guess:.12g}"), guess - 1e-9 * abs(guess), guess / 2, 0.0):
        if candidate >= 0 and positive(h - diagonal(candidate, len(h))):
            return candidate
    return None


def largest_eigenvalue(h: Value) -> float:
    """A number that no eigenvalue of a matrix in the enclosure lies above."""
    if len(h) == 1:
        return outward(h[0, 0])[1]
    centre = middles(h)
    spread = max(sum(float(x.rad()) for x in row) for row in h)
    guess = float(np.linalg.eigvalsh(centre)[-1]) + spread
    if not math.isfinite(guess):
        return math.inf
    bounds = (float(f"{guess:.12g}"), guess + 1e-9 * abs(guess), 1.5 * abs(guess))
    return next((b for b in bounds if positive(diagonal(b, len(h)) - h)), math.inf)


def diagonal(value: float, n: int) -> Array:
    found = np.full((n, n), arb(0), dtype=object)
    found[np.diag_indices(n)] = arb(value)
    return found


def positive(h: Array) -> bool:
    """Whether all symmetric matrices in the enclosure are positive semidefinite, by elimination (L D L^T).

    A pivot that is exactly 0 is allowed where its whole column is exactly 0.
    """
    a = h.copy()
    n = len(a)
    for k in range(n):
        pivot = a[k, k]
        if pivot > 0:
            for i in range(k + 1, n):
                factor = a[i, k] / pivot
                for j in range(k + 1, i + 1):
                    a[i, j] = a[j, i] = a[i, j] - factor * a[j, k]
        elif not (pivot.is_zero() and all(a[i, k].is_zero() for i in range(k + 1, n))):
            return False
    return True


__all__ = ["largest_eigenvalue", "least_eigenvalue", "middles", "positive"]
