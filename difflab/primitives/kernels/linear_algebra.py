"""NumPy code for products and linear algebra, and elimination on object arrays for series and symbols."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from ...types import Value

PLANNED = 2**16  # products from which a plan of a contraction saves more than the making of it costs


def einsum(*xs: Value, subscripts: str) -> Value:
    """np.einsum, through matrix products where two operands of some size are contracted."""
    products = 1
    for x in xs:
        products *= np.size(x)
    return np.einsum(subscripts, *xs, optimize=len(xs) > 1 and products > PLANNED)


def matmul(a: Value, b: Value) -> Value:
    """a @ b on object arrays, whose elements may be plain numbers too."""
    return np.matmul(np.asarray(a, dtype=object), np.asarray(b, dtype=object))


def einsum_elements(*xs: Value, subscripts: str) -> Value:
    """Einstein summation on object arrays, element by element."""
    left, output = subscripts.split("->")
    terms = left.split(",")
    arrays = [np.asarray(x, dtype=object) for x in xs]
    sizes: dict[str, int] = {}
    for term, x in zip(terms, arrays):
        for label, n in zip(term, x.shape):
            sizes[label] = max(sizes.get(label, 1), n)
    out = np.empty([sizes[c] for c in output], dtype=object)
    summed = [c for c in sizes if c not in output]
    for index in np.ndindex(out.shape):
        place = dict(zip(output, index))
        total: Any = 0
        for rest in itertools.product(*[range(sizes[c]) for c in summed]):
            place.update(zip(summed, rest))
            product: Any = 1
            for term, x in zip(terms, arrays):
                product = product * x[tuple(place[c] if n > 1 else 0 for c, n in zip(term, x.shape))]
            total = total + product
        out[index] = total
    return out[()] if not out.shape else out


def magnitude(e: Value) -> float:
    """The size of an element, to choose a pivot; symbols count as 1 unless they are zero."""
    try:
        size: float = e.midpoint if hasattr(e, "midpoint") else float(e)
        return abs(size)
    except (TypeError, ValueError):
        return 0.0 if e == 0 else 1.0


def is_number(e: Value) -> bool:
    if hasattr(e, "midpoint"):  # a ball: any pivot that is not 0 will do, and division checks that
        return True
    try:
        float(e)
    except (TypeError, ValueError):
        return False
    return True


def eliminate(a: Value, b: Value) -> tuple[Value, Value, Value]:
    """Gaussian elimination with row pivoting: the triangle, the right-hand side, and the sign of the permutation."""
    a, b, n, sign = a.copy(), b.copy(), a.shape[0], 1
    for k in range(n):
        pivot = max(range(k, n), key=lambda r: magnitude(a[r, k]))
        if magnitude(a[pivot, k]) == 0.0:
            raise np.linalg.LinAlgError("Singular matrix")
        if pivot != k:
            a[[k, pivot]], b[[k, pivot]], sign = a[[pivot, k]], b[[pivot, k]], -sign
        for r in range(k + 1, n):
            factor = a[r, k] / a[k, k]
            a[r, k:] = a[r, k:] - factor * a[k, k:]
            b[r] = b[r] - factor * b[k]
    return a, b, sign


def solve_elements(a: Value, b: Value) -> Value:
    a, b = np.asarray(a, dtype=object), np.asarray(b, dtype=object)
    if a.ndim > 2:
        return np.array(
            [solve_elements(x, b if b.ndim == 1 else y) for x, y in zip(a, b if b.ndim > 2 else [b] * len(a))]
        )
    vector = b.ndim == 1
    if not all(is_number(e) for e in a.flat):  # which symbols are 0 is not known, so no pivot is safe
        determinant, adjugate = adjugate_elements(a)
        return np.matmul(adjugate, b) / determinant
    a, b, _ = eliminate(a, b[:, None] if vector else b)
    x = np.empty_like(b)
    for k in range(len(a) - 1, -1, -1):
        total = b[k]
        for j in range(k + 1, len(a)):
            total = total - a[k, j] * x[j]
        x[k] = total / a[k, k]
    return x[:, 0] if vector else x


def inv_elements(a: Value) -> Value:
    a = np.asarray(a, dtype=object)
    if a.ndim > 2:
        return np.array([inv_elements(x) for x in a])
    return solve_elements(a, np.eye(len(a), dtype=int).astype(object))


def det_elements(a: Value) -> Value:
    a = np.asarray(a, dtype=object)
    if a.ndim > 2:
        return np.array([det_elements(x) for x in a])
    return adjugate_elements(a)[0]


def adjugate_elements(a: Value) -> tuple[Value, Value]:
    """The determinant and the adjugate by Faddeev and LeVerrier's recurrence: it divides by whole numbers only, so a
    pivot that is zero at the point, but not near it, does no harm."""
    n = len(a)
    one = np.eye(n, dtype=int).astype(object)
    m, c, before = one, 1, one
    for k in range(1, n + 1):
        product = np.matmul(a, m)
        c = -sum((product[i, i] for i in range(1, n)), product[0, 0]) / k
        before, m = m, product + c * one
    return (c, -before) if n % 2 == 0 else (-c, before)


def cofactor(a: Value) -> Value:
    """The cofactors of square matrices, of singular ones too: from the singular values, each left out once.

    NaN for a matrix with an entry that is not finite, for which LAPACK finds no singular values.
    """
    if a.shape[-1] == 0:
        return np.zeros_like(a)
    finite = np.all(np.isfinite(a), axis=(-2, -1), keepdims=True)
    if not np.all(finite):
        return np.where(finite, cofactor(np.where(finite, a, 1)), np.nan).astype(a.dtype)
    u, s, vh = np.linalg.svd(a)
    n = s.shape[-1]
    others = np.stack([np.prod(np.delete(s, k, axis=-1), axis=-1) for k in range(n)], axis=-1)
    phase = np.linalg.det(np.matmul(u, vh))
    out = np.matmul(u * others[..., None, :], vh)
    return (phase[..., None, None] * np.conj(out)).astype(out.dtype)
