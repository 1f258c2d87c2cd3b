"""ATen's products of matrices and linear algebra."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ... import numpy as dnp
from ...nn import functional as F
from ...types import Function, Value


def scaled(x: Value, factor: float) -> Value:
    return x if factor == 1 else factor * x


def addmm(self: Value, mat1: Value, mat2: Value, beta: float = 1, alpha: float = 1) -> Value:
    """beta self + alpha mat1 @ mat2; where beta is 0 what self holds does not matter."""
    product = scaled(dnp.matmul(mat1, mat2), alpha)
    return product if beta == 0 else scaled(self, beta) + product


def addbmm(self: Value, batch1: Value, batch2: Value, beta: float = 1, alpha: float = 1) -> Value:
    product = scaled(dnp.sum(dnp.matmul(batch1, batch2), axis=0), alpha)
    return product if beta == 0 else scaled(self, beta) + product


def addr(self: Value, vec1: Value, vec2: Value, beta: float = 1, alpha: float = 1) -> Value:
    product = scaled(dnp.outer(vec1, vec2), alpha)
    return product if beta == 0 else scaled(self, beta) + product


def einsum(equation: str, tensors: Sequence[Value], path: Value = None) -> Value:
    return dnp.einsum(equation.replace(" ", ""), *tensors)


def cross(self: Value, other: Value, dim: int = -1) -> Value:
    shape = np.broadcast_shapes(self.shape, other.shape)
    self, other = dnp.broadcast_to(self, shape), dnp.broadcast_to(other, shape)
    return dnp.cross(self, other, axis=dim)


def solve(A: Value, B: Value, left: bool = True) -> Value:
    if not left:
        return transposed(solve(transposed(A), transposed(B)))
    if B.ndim == A.ndim - 1 and B.shape == A.shape[:-1]:  # vectors, one for each matrix
        return dnp.linalg.solve(A, B[..., None])[..., 0]
    return dnp.linalg.solve(A, B)


def transposed(x: Value) -> Value:
    return dnp.swapaxes(x, -1, -2)


def solve_ex(A: Value, B: Value, left: bool = True, check_errors: bool = False) -> list[Value]:
    x = solve(A, B, left)
    return [x, None, None, np.zeros(A.shape[:-2], np.int32)]


def solve_triangular(self: Value, B: Value, upper: bool, left: bool = True, unitriangular: bool = False) -> Value:
    a = triangle(self, upper, unitriangular)
    return dnp.linalg.solve(a, B) if left else transposed(dnp.linalg.solve(transposed(a), transposed(B)))


def triangle(x: Value, upper: bool, unit: bool) -> Value:
    x = dnp.triu(x, int(unit)) if upper else dnp.tril(x, -int(unit))
    return x + np.eye(x.shape[-1], dtype=x.dtype) if unit else x


def triangular_solve(
    self: Value, A: Value, upper: bool = True, transpose: bool = False, unitriangular: bool = False
) -> list[Value]:
    a = triangle(A, upper, unitriangular)
    return [dnp.linalg.solve(transposed(a) if transpose else a, self), A]


def cholesky(self: Value, upper: bool = False) -> Value:
    lower = dnp.linalg.cholesky(self)
    return transposed(lower) if upper else lower


def cholesky_ex(self: Value, upper: bool = False, check_errors: bool = False) -> list[Value]:
    return [cholesky(self, upper), np.zeros(self.shape[:-2], np.int32)]


def cholesky_solve(self: Value, input2: Value, upper: bool = False) -> Value:
    a = dnp.matmul(transposed(input2), input2) if upper else dnp.matmul(input2, transposed(input2))
    return dnp.linalg.solve(a, self)


def cholesky_inverse(self: Value, upper: bool = False) -> Value:
    return dnp.linalg.inv(dnp.matmul(transposed(self), self) if upper else dnp.matmul(self, transposed(self)))


def lstsq(self: Value, b: Value, rcond: Value = None, driver: Value = None) -> list[Value]:
    """The solution, without residuals, rank and singular values."""
    return [dnp.matmul(dnp.linalg.pinv(self), b), None, None, None]


def inv_ex(A: Value, check_errors: bool = False) -> list[Value]:
    return [dnp.linalg.inv(A), np.zeros(A.shape[:-2], np.int32)]


def svd(A: Value, full_matrices: bool = False, compute_uv: bool = True, driver: Value = None) -> list[Value]:
    return list(dnp.linalg.svd(A, full_matrices=full_matrices))


def eigh(A: Value, UPLO: str = "L", compute_v: bool = True) -> list[Value]:
    if not compute_v:
        return [dnp.linalg.eigvalsh(A, UPLO), None]
    return list(dnp.linalg.eigh(A, UPLO))


def qr(A: Value, mode: str = "reduced") -> list[Value]:
    if mode == "r":
        return [None, dnp.linalg.qr(A, mode="r")]
    return list(dnp.linalg.qr(A, mode=mode))


def slogdet(A: Value) -> list[Value]:
    return list(dnp.linalg.slogdet(A))


def pinv(self: Value, rcond: Value = 1e-15, hermitian: bool = False) -> Value:
    return dnp.linalg.pinv(self)


MATRICES: dict[str, Function] = {
    "mm": dnp.matmul,
    "bmm": dnp.matmul,
    "mv": dnp.matmul,
    "dot": dnp.dot,
    "vdot": dnp.vdot,
    "matmul": dnp.matmul,
    "linear": F.linear,
    "addmm": addmm,
    "baddbmm": addmm,
    "addmv": addmm,
    "addbmm": addbmm,
    "addr": addr,
    "ger": dnp.outer,
    "outer": dnp.outer,
    "einsum": einsum,
    "kron": dnp.kron,
    "trace": dnp.trace,
    "linalg_cross": cross,
    "linalg_solve": solve,
    "linalg_solve_ex": lambda A, B, left=True, check_errors=False: solve_ex(A, B, left)[::3],
    "_linalg_solve_ex": solve_ex,
    "linalg_solve_triangular": solve_triangular,
    "triangular_solve": triangular_solve,
    "linalg_cholesky": cholesky,
    "cholesky": cholesky,
    "linalg_cholesky_ex": cholesky_ex,
    "cholesky_solve": cholesky_solve,
    "cholesky_inverse": cholesky_inverse,
    "linalg_inv": dnp.linalg.inv,
    "linalg_inv_ex": inv_ex,
    "inverse": dnp.linalg.inv,
    "linalg_det": dnp.linalg.det,
    "det": dnp.linalg.det,
    "linalg_slogdet": slogdet,
    "slogdet": slogdet,
    "logdet": lambda self: dnp.linalg.slogdet(self)[1],
    "_linalg_svd": svd,
    "linalg_svd": svd,
    "linalg_svdvals": dnp.svdvals,
    "_linalg_eigh": eigh,
    "linalg_eigh": eigh,
    "linalg_qr": qr,
    "linalg_pinv": pinv,
    "linalg_lstsq": lstsq,
    "linalg_matrix_power": dnp.linalg.matrix_power,
    "matrix_power": dnp.linalg.matrix_power,
    "linalg_matrix_exp": dnp.expm,
    "matrix_exp": dnp.expm,
    "linalg_multi_dot": lambda tensors: dnp.linalg.multi_dot(list(tensors)),
}
