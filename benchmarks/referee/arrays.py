"""The array rows on NumPy arrays of mpmath numbers: with an undefined entry there is no maximum, order or inverse."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np
from mpmath import mp, mpf
from mpmath.libmp import fnan

from .reals import FUNCTIONS, NAN, UnjudgedError, choose, number


def array(*entries: Any) -> Any:
    """Numbers, or arrays of one shape, along a new first axis."""
    out = np.empty((len(entries), *np.shape(entries[0])), dtype=object)
    for k, entry in enumerate(entries):
        out[k] = entry
    return out


def undefined(x: Any) -> bool:
    return any(number(e)._mpf_ == fnan for e in np.asarray(x, dtype=object).flat)


def whole_only(f: Callable[..., Any]) -> Callable[..., Any]:
    """f, or NaN in the shape of its result where any entry of an operand is undefined."""

    def g(*xs: Any) -> Any:
        if not any(undefined(x) for x in xs):
            return f(*xs)
        stand_in = [np.vectorize(lambda e: mpf(1), otypes=[object])(x) if np.ndim(x) else mpf(1) for x in xs]
        stand_in = [s + np.arange(s.size).reshape(s.shape) ** 2 if np.ndim(s) else s for s in stand_in]
        shape = np.shape(f(*stand_in))
        return np.full(shape, NAN, dtype=object) if shape else NAN

    return g


def total(x: Any) -> Any:
    return reduce(lambda a, b: a + b, x.flat)


def product(x: Any) -> Any:
    return reduce(lambda a, b: a * b, x.flat)


def mean(x: Any) -> Any:
    return total(x) / x.size


def variance(x: Any, ddof: int = 0) -> Any:
    m = mean(x)
    return total((x - m) * (x - m)) / (x.size - ddof)


def root(x: Any) -> Any:
    return FUNCTIONS["sqrt"](x)


def largest(x: Any) -> Any:
    return max(x.flat)


def smallest(x: Any) -> Any:
    return min(x.flat)


def ordered(x: Any) -> Any:
    return array(*sorted(x.flat))


def order(x: Any) -> list[int]:
    return sorted(range(x.size), key=lambda k: x[k])


def quantile(q: float) -> Callable[[Any], Any]:
    def f(x: Any) -> Any:
        s = sorted(x.flat)
        place = mpf(q) * (len(s) - 1)
        low = int(mp.floor(place))
        high = min(low + 1, len(s) - 1)
        return s[low] + (s[high] - s[low]) * (place - low)

    return f


def logsumexp(x: Any) -> Any:
    top = largest(x)
    return top + FUNCTIONS["log"](total(FUNCTIONS["exp"](x - top)))


def log_softmax(x: Any) -> Any:
    return x - logsumexp(x)


def softmax(x: Any) -> Any:
    e = FUNCTIONS["exp"](x - largest(x))
    return e / total(e)


def norm(p: float) -> Callable[[Any], Any]:
    def f(x: Any) -> Any:
        sizes = abs(x)
        if p == 2:
            return root(total(x * x))
        if p == 1:
            return total(sizes)
        if p == float("inf"):
            return largest(sizes)
        if p == float("-inf"):
            return smallest(sizes)
        return FUNCTIONS["power"](total(sizes**p), 1 / mpf(p))

    return f


def accumulated(op: Callable[..., Any]) -> Callable[[Any], Any]:
    def f(x: Any) -> Any:
        out = [x[0]]
        for e in x[1:]:
            out.append(op(out[-1], e))
        return array(*out)

    return f


def determinant(a: Any) -> Any:
    """By cofactors, which divide by nothing."""
    if len(a) == 1:
        return a[0, 0]
    rows = range(len(a))
    terms = [(-1) ** k * a[0, k] * determinant(a[1:][:, [j for j in rows if j != k]]) for k in rows]
    return reduce(lambda x, y: x + y, terms)


def inverse(a: Any) -> Any:
    d, n = determinant(a), len(a)
    if d == 0:
        return np.full((n, n), NAN, dtype=object)
    out = np.empty((n, n), dtype=object)
    keep = lambda k: [j for j in range(n) if j != k]
    for i in range(n):
        for j in range(n):
            minor = determinant(a[np.ix_(keep(j), keep(i))]) if n > 1 else mpf(1)
            out[i, j] = (-1) ** (i + j) * minor / d
    return out


def solve(a: Any, b: Any) -> Any:
    return inverse(a) @ b


def log_abs_det(a: Any) -> Any:
    d = determinant(a)
    return NAN if d == 0 else FUNCTIONS["log"](abs(d))


def matrix_power(n: int) -> Callable[[Any], Any]:
    return lambda a: reduce(lambda x, y: x @ y, [a] * n)


def cholesky(a: Any) -> Any:
    """The lower factor; NumPy reads the lower triangle only."""
    n = len(a)
    low = np.full((n, n), mpf(0), dtype=object)
    for i in range(n):
        for j in range(i + 1):
            rest = a[i, j] - sum((low[i, k] * low[j, k] for k in range(j)), mpf(0))
            if i == j:
                if rest <= 0:
                    return np.full((n, n), NAN, dtype=object)
                low[i, i] = mp.sqrt(rest)
            else:
                low[i, j] = rest / low[j, j]
    return low


def eigenvalues(a: Any) -> Any:
    """Of a symmetric 2x2 matrix, ascending; NumPy reads the lower triangle only."""
    if a.shape != (2, 2):
        raise UnjudgedError("eigenvalues of more than two rows")
    half, middle = (a[0, 0] - a[1, 1]) / 2, (a[0, 0] + a[1, 1]) / 2
    radius = mp.sqrt(half * half + a[1, 0] * a[1, 0])
    return array(middle - radius, middle + radius)


def singular_values(a: Any) -> Any:
    """Of a 2x2 matrix, descending."""
    if a.shape != (2, 2):
        raise UnjudgedError("singular values of more than two rows")
    plus = mp.sqrt((a[0, 0] + a[1, 1]) ** 2 + (a[1, 0] - a[0, 1]) ** 2)
    minus = mp.sqrt((a[0, 0] - a[1, 1]) ** 2 + (a[1, 0] + a[0, 1]) ** 2)
    return array((plus + minus) / 2, abs(plus - minus) / 2)


def spectrum(x: Any) -> Any:
    """|fft(x)|²: no root, so smooth everywhere."""
    n, out = len(x), []
    for k in range(n):
        angles = [mpf(2 * k * j) / n for j in range(n)]
        real_part = sum((x[j] * mp.cospi(angles[j]) for j in range(n)), mpf(0))
        imaginary = sum((x[j] * mp.sinpi(angles[j]) for j in range(n)), mpf(0))
        out.append(real_part * real_part + imaginary * imaginary)
    return array(*out)


def amplitudes(x: Any) -> Any:
    return root(spectrum(x))


def interpolate(knots: tuple[float, ...]) -> Callable[[Any, Any], Any]:
    def f(x: Any, heights: Any) -> Any:
        if x <= knots[0]:
            return heights[0]
        for k in range(1, len(knots)):
            if x <= knots[k]:
                low, high = mpf(knots[k - 1]), mpf(knots[k])
                return heights[k - 1] + (heights[k] - heights[k - 1]) * (x - low) / (high - low)
        return heights[-1]

    return f


def polynomial(coefficients: Any, x: Any) -> Any:
    return reduce(lambda y, c: y * x + c, coefficients)


def positives(x: Any) -> Any:
    """How many entries are above 0."""
    return mpf(sum(bool(e > 0) for e in x.flat))


def chosen_by_largest(x: Any, y: Any) -> Any:
    return y[max(range(x.size), key=lambda k: (x[k], -k))]


def convolved(x: Any, y: Any) -> Any:
    out = [mpf(0)] * (len(x) + len(y) - 1)
    for i, a in enumerate(x):
        for j, b in enumerate(y):
            out[i + j] = out[i + j] + a * b
    return array(*out)


def trapezoid(x: Any) -> Any:
    return total(x[1:] + x[:-1]) / 2


def where(c: Any, a: Any, b: Any) -> Any:
    return choose(c, a, b)
