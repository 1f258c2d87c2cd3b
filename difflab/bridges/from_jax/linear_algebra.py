"""Decompositions, systems of equations, Fourier transforms."""

from __future__ import annotations

from math import prod

import numpy as np

from ... import numpy as dnp
from ...differentiate.control_flow import scan
from ...types import Value
from .call import Call, Refused, Rule, kind


def adjoint(x: Value) -> Value:
    turned = np.swapaxes(x, -1, -2)
    return np.conjugate(turned) if kind(x) == "c" else turned


def cholesky(call: Call, x: Value) -> Value:
    return np.linalg.cholesky(x)


def eigh(call: Call, x: Value) -> Value:
    if call.params.get("subset_by_index") is not None:
        raise Refused("of some eigenvalues alone")
    values, vectors = np.linalg.eigh(x, UPLO="L" if call["lower"] else "U")
    return [vectors, values]


def eig(call: Call, x: Value) -> Value:
    if call["compute_left_eigenvectors"]:
        raise Refused("with left eigenvectors")
    values, vectors = np.linalg.eig(x)
    return [values, vectors][: 1 + call["compute_right_eigenvectors"]]


def svd(call: Call, x: Value) -> Value:
    if call.params.get("subset_by_index") is not None:
        raise Refused("of some singular values alone")
    if not call["compute_uv"]:
        return [np.linalg.svd(x, compute_uv=False)]
    u, s, vh = np.linalg.svd(x, full_matrices=bool(call["full_matrices"]))
    return [s, u, vh]


def qr(call: Call, x: Value) -> Value:
    if call.params.get("pivoting"):
        raise Refused("with pivoting")
    return list(np.linalg.qr(x, mode="complete" if call["full_matrices"] else "reduced"))


def lu(call: Call, x: Value) -> Value:
    """L and U in one matrix, and the exchanges of rows: elimination with the largest pivot, a step for each column."""
    rows, columns = x.shape[-2:]
    steps = min(rows, columns)
    lead = x.shape[:-2]
    down, right = np.arange(rows), np.arange(columns)
    order = np.broadcast_to(down, (*lead, rows)).copy()
    if not steps:
        return [x, np.zeros((*lead, 0), np.int32), order.astype(np.int32)]

    def step(carry: Value, at: Value) -> Value:
        a, order = carry
        k, column = at
        size = np.where(np.greater_equal(down, k), np.abs(np.matmul(a, column)), -1.0)
        pivot = np.argmax(size, axis=-1)[..., np.newaxis]
        places = np.where(np.equal(down, k), pivot, np.where(np.equal(down, pivot), k, down))
        a = np.take_along_axis(a, places[..., np.newaxis], axis=-2)
        order = np.take_along_axis(order, places, axis=-1)
        below = np.greater(down, k)
        taken = np.matmul(a, column)
        top = np.sum(np.where(np.equal(down, k)[:, np.newaxis], a, 0.0), axis=-2)
        head = np.matmul(top, column)[..., np.newaxis]
        fine = np.logical_and(below, np.not_equal(head, 0))
        factors = np.where(fine, taken / np.where(np.equal(head, 0), np.ones_like(head), head), 0.0)
        rest = np.where(np.greater(right, k), top, 0.0)
        a = a - factors[..., np.newaxis] * rest[..., np.newaxis, :]
        left = np.logical_and(fine[..., np.newaxis], np.equal(right, k))
        a = np.where(left, factors[..., np.newaxis], a)
        return (a, order), pivot[..., 0]

    columns_in_order = np.eye(columns, dtype=x.dtype)[:steps]
    (found, order), pivots = scan(step, (x, order), (np.arange(steps), columns_in_order))
    return [found, np.moveaxis(pivots, 0, -1).astype(np.int32), order.astype(np.int32)]


def lu_pivots(call: Call, pivots: Value) -> Value:
    """The order of rows that exchanges one after the other make."""
    size = call["permutation_size"]
    order = np.broadcast_to(np.arange(size), (*pivots.shape[:-1], size))
    for k in range(pivots.shape[-1]):
        pivot = pivots[..., k : k + 1].astype(np.int64)
        places = np.where(
            np.equal(np.arange(size), k), pivot, np.where(np.equal(np.arange(size), pivot), k, np.arange(size))
        )
        order = np.take_along_axis(order, places, axis=-1)
    return order.astype(call.dtype)


def triangular_solve(call: Call, a: Value, b: Value) -> Value:
    """x with a x = b, or x a = b, of a triangle of a."""
    lower = bool(call["lower"])
    a = np.tril(a) if lower else np.triu(a)
    if call["unit_diagonal"]:
        one = np.eye(a.shape[-1], dtype=bool)
        a = np.where(one, np.ones_like(a), a)
    if call["transpose_a"]:
        a, lower = (adjoint(a) if call["conjugate_a"] else np.swapaxes(a, -1, -2)), not lower
    if not call["left_side"]:
        a, b, lower = np.swapaxes(a, -1, -2), np.swapaxes(b, -1, -2), not lower
    found = solved_triangle(a, b, lower)
    return found if call["left_side"] else np.swapaxes(found, -1, -2)


def solved_triangle(a: Value, b: Value, lower: bool) -> Value:
    return dnp.solve_triangular(a, b, lower=lower) if len(a.shape) == 2 else np.linalg.solve(a, b)


def linear_solve(call: Call, *xs: Value) -> Value:
    """x with matvec(x) = b: by the matrix of the linear function, whose derivatives are those of a system."""
    counts = call["const_lengths"]
    matvec = call["jaxprs"].matvec
    captured, b = list(xs[: counts.matvec]), list(xs[sum(counts) :])
    if len(b) != 1:
        raise Refused("of several arrays")
    (right,) = b
    matrix = its_matrix(matvec, captured, right)
    if matrix is not None:
        return [np.linalg.solve(matrix, right)]
    shape, n = right.shape, prod(right.shape)
    images = []
    for k in range(n):
        unit = np.zeros(n, right.dtype)
        unit[k] = 1
        images.append(np.reshape(call.run(matvec, [*captured, unit.reshape(shape)])[0], (n,)))
    return [np.reshape(np.linalg.solve(dnp.stack(images, axis=1), np.reshape(right, (n,))), shape)]


def its_matrix(matvec: Value, captured: list[Value], b: Value) -> Value:
    """The matrix of a function that only multiplies by one that it captured; None where it is another."""
    inner = matvec.jaxpr
    if len(captured) != 1 or len(inner.eqns) != 1:
        return None
    (equation,) = inner.eqns
    operation = equation.primitive
    if operation.name != "dot_general":
        return None
    matrix = captured[0]
    plain = equation.params["dimension_numbers"] == (((1,), (0,)), ((), ()))
    in_order = list(equation.invars) == list(inner.invars) and list(equation.outvars) == list(inner.outvars)
    fits = len(matrix.shape) == 2 and len(b.shape) in (1, 2) and matrix.dtype == b.dtype
    return matrix if plain and in_order and fits else None


def fft(call: Call, x: Value) -> Value:
    name = getattr(call["fft_type"], "name", str(call["fft_type"])).lower()
    lengths = tuple(call["fft_lengths"])
    if not lengths:
        return x
    axes = tuple(range(len(x.shape) - len(lengths), len(x.shape)))
    if name in ("fft", "ifft"):
        return (np.fft.fftn if name == "fft" else np.fft.ifftn)(x, axes=axes)
    return np.fft.rfftn(x, axes=axes) if name == "rfft" else np.fft.irfftn(x, s=lengths, axes=axes)


RULES: dict[str, Rule] = {
    "cholesky": cholesky,
    "custom_linear_solve": linear_solve,
    "eig": eig,
    "eigh": eigh,
    "fft": fft,
    "linear_solve": linear_solve,
    "lu": lu,
    "lu_pivots_to_permutation": lu_pivots,
    "qr": qr,
    "svd": svd,
    "triangular_solve": triangular_solve,
}
