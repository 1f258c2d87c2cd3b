"""ATen's LU decompositions and Householder products, which NumPy has not: column by column, in other operations."""

from __future__ import annotations

import numpy as np

from ... import numpy as dnp
from ...types import Function, Value
from .matrices import solve_triangular, transposed


def swapped(x: Value, k: int, pivot: Value) -> Value:
    """x with row k and the row `pivot` (one for each matrix) exchanged."""
    rows = np.arange(x.shape[-2])
    pivot = pivot[..., None]
    order = dnp.where(rows == k, pivot, dnp.where(rows == pivot, k, rows))
    return dnp.take_along_axis(x, dnp.broadcast_to(order[..., None], x.shape), -2)


def lu_factor(A: Value, pivot: bool = True, check_errors: bool = False) -> list[Value]:
    """L below the diagonal and U above it in one array, the exchanged rows counted from 1, and no errors."""
    m, n = A.shape[-2:]
    rows, columns = np.arange(m)[:, None], np.arange(n)
    pivots = []
    for k in range(min(m, n)):
        chosen = dnp.argmax(abs(A[..., k:, k]), axis=-1) + k if pivot else np.full(A.shape[:-2], k)
        A = swapped(A, k, chosen) if pivot else A
        pivots.append(chosen + 1)
        factor = A[..., :, k : k + 1] / A[..., k : k + 1, k : k + 1]
        reduced = A - factor * A[..., k : k + 1, :]
        below = dnp.where((rows > k) & (columns > k), reduced, A)
        A = dnp.where((rows > k) & (columns == k), factor, below)
    places = dnp.stack(pivots, axis=-1).astype(np.int32)
    return [A, places, np.zeros(A.shape[:-2], np.int32)]


def halves(LU: Value) -> tuple[Value, Value]:
    """L, with ones on its diagonal, and U."""
    m, n = LU.shape[-2:]
    k = min(m, n)
    return dnp.tril(LU[..., :, :k], -1) + np.eye(m, k, dtype=LU.dtype), dnp.triu(LU[..., :k, :])


def exchanged(x: Value, pivots: Value, backwards: bool = False) -> Value:
    """x after the exchanges of rows."""
    steps = range(pivots.shape[-1])
    for k in reversed(steps) if backwards else steps:
        x = swapped(x, k, pivots[..., k] - 1)
    return x


def permutation(pivots: Value, m: int, dtype: Value) -> Value:
    """The matrix P of P L U."""
    eye = np.broadcast_to(np.eye(m, dtype=dtype), (*pivots.shape[:-1], m, m))
    return transposed(exchanged(eye, pivots))


def lu(A: Value, pivot: bool = True) -> list[Value]:
    both, pivots, _ = lu_factor(A, pivot)
    return [permutation(pivots, A.shape[-2], A.dtype), *halves(both)]


def lu_unpack(LU: Value, pivots: Value, unpack_data: bool = True, unpack_pivots: bool = True) -> list[Value]:
    return [permutation(pivots, LU.shape[-2], LU.dtype), *halves(LU)]


def lu_solve(LU: Value, pivots: Value, B: Value, left: bool = True, adjoint: bool = False) -> Value:
    """X of A X = B, of X A = B, or with A transposed."""
    if not left:
        return transposed(lu_solve(LU, pivots, transposed(B), True, not adjoint))
    lower, upper = halves(LU)
    B = dnp.broadcast_to(B, (*np.broadcast_shapes(LU.shape[:-2], B.shape[:-2]), *B.shape[-2:]))
    if adjoint:
        half = solve_triangular(transposed(upper), B, False)
        return exchanged(solve_triangular(transposed(lower), half, True), pivots, True)
    return solve_triangular(upper, solve_triangular(lower, exchanged(B, pivots), False), True)


def reflected(x: Value, input: Value, tau: Value, k: int) -> Value:
    """x mirrored by the k-th vector that stands below the diagonal."""
    m = input.shape[-2]
    v = (dnp.where(np.arange(m) > k, input[..., :, k], 0.0) + (np.arange(m) == k))[..., None].astype(input.dtype)
    return x - tau[..., k, None, None] * v * dnp.matmul(transposed(v), x)


def householder_product(input: Value, tau: Value) -> Value:
    m, n = input.shape[-2:]
    x: Value = np.broadcast_to(np.eye(m, n, dtype=input.dtype), input.shape)
    for k in reversed(range(tau.shape[-1])):
        x = reflected(x, input, tau, k)
    return x


def ormqr(self: Value, input2: Value, input3: Value, left: bool = True, transpose: bool = False) -> Value:
    """Q C, C Q, or with Q transposed, for the Q of Householder's vectors."""
    if not left:
        return transposed(ormqr(self, input2, transposed(input3), True, not transpose))
    steps = range(input2.shape[-1])
    for k in steps if transpose else reversed(steps):
        input3 = reflected(input3, self, input2, k)
    return input3


FACTORING: dict[str, Function] = {
    "linalg_lu": lu,
    "linalg_lu_factor": lambda A, pivot=True: lu_factor(A, pivot)[:2],
    "linalg_lu_factor_ex": lu_factor,
    "linalg_lu_solve": lu_solve,
    "lu_solve": lambda self, LU_data, LU_pivots: lu_solve(LU_data, LU_pivots, self),
    "lu_unpack": lu_unpack,
    "linalg_householder_product": householder_product,
    "ormqr": ormqr,
}
