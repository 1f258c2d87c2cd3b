"""Decompositions: Cholesky, eigenvalues, QR.

Rules from I. Murray (2016), "Differentiation of the Cholesky decomposition", and M. B. Giles (2008), "Collected matrix
derivative results". Where two eigenvalues are equal their vectors have no derivative; the terms between them are taken
as 0. Cotangents pair without conjugation, so the rules of complex matrices conjugate them on the way in and out.
"""

from __future__ import annotations

import numpy as np

from ..errors import InputError, UnsupportedError
from ..types import Value
from . import batches
from .linalg import square_matrix
from .primitive import Carrier, composite, custom
from .products import adjoint, bar, flip
from .spelling import CONJUGATES, ITERATION


def real_part(m: Carrier, x: Value) -> Value:
    return m.real(x) if m.is_complex(x) else x


def symmetric(m: Carrier, x: Value) -> Value:
    return (x + adjoint(m, x)) / 2


def diagonal(m: Carrier, x: Value) -> Value:
    n = m.ndim(x)
    return m.diagonal(x, offset=0, axis1=n - 2, axis2=n - 1)


def as_columns(m: Carrier, w: Value) -> Value:
    """A vector that scales columns: shape (..., 1, n)."""
    return m.reshape(w, shape=(*m.shape(w)[:-1], 1, m.shape(w)[-1]))


def as_rows(m: Carrier, w: Value) -> Value:
    return m.reshape(w, shape=(*m.shape(w), 1))


def diagonal_matrix(m: Carrier, w: Value) -> Value:
    return as_columns(m, w) * np.eye(m.shape(w)[-1])


def lower_half(m: Carrier, x: Value) -> Value:
    """The lower triangle with half the diagonal."""
    n = m.shape(x)[-1]
    return x * (np.tril(np.ones((n, n))) - 0.5 * np.eye(n))


def mirrored(m: Carrier, x: Value, half: str) -> Value:
    """The Hermitian matrix that NumPy makes of the triangle it reads: half is "L" or "U"."""
    n = m.shape(x)[-1]
    off = np.tril(np.ones((n, n)), -1) if half == "L" else np.triu(np.ones((n, n)), 1)
    part = x * off
    return part + adjoint(m, part) + real_part(m, x) * np.eye(n)


def onto_triangle(m: Carrier, x: Value, half: str) -> Value:
    """The transpose of `mirrored`: what falls on the triangle that is read."""
    n = m.shape(x)[-1]
    off = np.tril(np.ones((n, n)), -1) if half == "L" else np.triu(np.ones((n, n)), 1)
    return (x + adjoint(m, x)) * off + real_part(m, x) * np.eye(n)


def cholesky_vjp(m: Carrier, ct: Value, y: Value, a: Value) -> Value:
    inner = lower_half(m, m.matmul(flip(m, y), ct))
    left = m.solve(flip(m, y), inner)
    return (onto_triangle(m, symmetric(m, flip(m, m.solve(adjoint(m, y), flip(m, left)))), "L"),)


def cholesky_jvp(m: Carrier, ts: Value, y: Value, a: Value) -> Value:
    inner = m.solve(y, adjoint(m, m.solve(y, mirrored(m, ts[0], "L"))))
    return m.matmul(y, lower_half(m, inner))


def read_cholesky(a: Value, /, *, upper: bool = False) -> Value:
    operands, params = square_matrix("cholesky")(a)
    return (operands, params, "cholesky_upper") if upper else (operands, params)


def cholesky_elements(a: Value) -> Value:
    """The textbook loop on object arrays, whose elements know their square root."""
    a = np.asarray(a, dtype=object)
    if a.ndim > 2:
        return np.array([cholesky_elements(x) for x in a])
    n = len(a)
    out = np.zeros((n, n), dtype=int).astype(object)
    for j in range(n):
        rest = a[j, j] - sum((out[j, k] * out[j, k] for k in range(j)), 0)
        out[j, j] = rest**0.5
        for i in range(j + 1, n):
            out[i, j] = (a[i, j] - sum((out[i, k] * out[j, k] for k in range(j)), 0)) / out[j, j]
    return out


custom(
    "cholesky",
    facts={"normwise"},
    vjp=cholesky_vjp,
    jvp=cholesky_jvp,
    doc="The lower triangle L with L Lᵀ = a, for positive definite a.",
    glyph="chol",
    reads=("linalg.cholesky",),
    arguments=read_cholesky,
    spelling={"numpy": "linalg.cholesky", "elements": cholesky_elements},
    source="Murray 2016",
    batch=batches.stacks,
    refused={"complex": CONJUGATES},
)
composite(
    "cholesky_upper",
    lambda m, a: flip(m, m.cholesky(flip(m, a))),
    doc="The upper triangle U with Uᵀ U = a.",
    glyph="chol",
    reads=(),
)


# Symmetric eigenvalue problems.
def gaps(m: Carrier, w: Value) -> Value:
    """1 / (w_j - w_i), and 0 where i = j or the values are equal."""
    difference = as_columns(m, w) - as_rows(m, w)
    zero = m.equal(difference, 0.0)
    return m.where(zero, 0.0, 1.0 / m.where(zero, 1.0, difference))


def eigh_vjp(m: Carrier, ct: Value, y: Value, a: Value, *, UPLO: str) -> Value:
    (gw, gv), (w, v) = ct, y
    inner = diagonal_matrix(m, gw) + gaps(m, w) * m.matmul(flip(m, v), gv)
    return (onto_triangle(m, m.matmul(m.matmul(bar(m, v), inner), flip(m, v)), UPLO),)


def eigh_jvp(m: Carrier, ts: Value, y: Value, a: Value, *, UPLO: str) -> Value:
    w, v = y
    inner = m.matmul(m.matmul(adjoint(m, v), mirrored(m, ts[0], UPLO)), v)
    values = diagonal(m, inner)
    return m.real(values) if m.is_complex(v) else values, m.matmul(v, gaps(m, w) * inner)


def read_eigh(a: Value, UPLO: str = "L") -> Value:
    if UPLO not in ("L", "U", "l", "u"):
        raise InputError(f"eigh: UPLO={UPLO!r}; it is 'L' or 'U'")
    return square_matrix("eigh")(a)[0], {"UPLO": UPLO.upper()}


custom(
    "eigh",
    facts={"normwise", "one formula"},
    vjp=eigh_vjp,
    jvp=eigh_jvp,
    glyph="eigh",
    doc="Eigenvalues and eigenvectors of a symmetric matrix; NumPy reads one triangle, and so does the derivative.",
    reads=("linalg.eigh",),
    arguments=read_eigh,
    spelling={"numpy": "linalg.eigh"},
    outputs=2,
    result=lambda w, v: type(np.linalg.eigh(np.eye(1)))(w, v),
    source="Giles 2008, 3.1",
    non_differentiable="equal eigenvalues",
    batch=batches.stacks,
    refused={"arb": ITERATION, "complex": CONJUGATES},
)
composite(
    "eigvalsh",
    lambda m, a, *, UPLO: m.eigh(a, UPLO=UPLO)[0],
    doc="Eigenvalues of a symmetric matrix.",
    glyph="eigvalsh",
    reads=("linalg.eigvalsh",),
    arguments=read_eigh,
    spelling={"numpy": "linalg.eigvalsh"},
)


# General eigenvalue problems: complex in general, vectors of unit length.
def eig_jvp(m: Carrier, ts: Value, y: Value, a: Value) -> Value:
    w, v = y
    inner = m.solve(v, m.matmul(ts[0], v))
    turned = gaps(m, w) * inner
    moved = m.matmul(v, turned)
    stretch = m.real(m.sum(m.conjugate(v) * moved, axis=(m.ndim(v) - 2,), keepdims=True))
    return diagonal(m, inner), moved - v * stretch


def eig_vjp(m: Carrier, ct: Value, y: Value, a: Value) -> Value:
    (gw, gv), (w, v) = ct, y
    along = m.real(m.sum(gv * v, axis=(m.ndim(v) - 2,), keepdims=True))
    overlaps = flip(m, m.matmul(m.conjugate(flip(m, v)), v))
    inner = diagonal_matrix(m, gw) + gaps(m, w) * (m.matmul(flip(m, v), gv) - overlaps * along)
    return (m.matmul(m.solve(flip(m, v), inner), flip(m, v)),)


custom(
    "eig",
    facts={"normwise", "one formula"},
    vjp=eig_vjp,
    jvp=eig_jvp,
    doc="Eigenvalues and eigenvectors of a square matrix.",
    glyph="eig",
    reads=("linalg.eig",),
    arguments=square_matrix("eig"),
    spelling={"numpy": "linalg.eig"},
    outputs=2,
    result=lambda w, v: type(np.linalg.eig(np.eye(1)))(w, v),
    source="Giles 2008, 3.1",
    non_differentiable="equal eigenvalues",
    batch=batches.stacks,
    refused={"arb": ITERATION},
)
composite(
    "eigvals",
    lambda m, a: m.eig(a)[0],
    doc="Eigenvalues of a square matrix.",
    glyph="eigvals",
    reads=("linalg.eigvals",),
    arguments=square_matrix("eigvals"),
    spelling={"numpy": "linalg.eigvals"},
)


# QR.
def strictly_lower(m: Carrier, x: Value) -> Value:
    n = m.shape(x)[-1]
    return x * np.tril(np.ones((n, n)), -1)


def qr_vjp(m: Carrier, ct: Value, y: Value, a: Value) -> Value:
    gq, gr, (q, r) = bar(m, ct[0]), bar(m, ct[1]), y
    inner = m.matmul(r, adjoint(m, gr)) - m.matmul(adjoint(m, gq), q)
    low = strictly_lower(m, inner)
    mirrored = low + adjoint(m, low) + real_part(m, inner) * np.eye(m.shape(r)[-1])
    right = gq + m.matmul(q, mirrored)
    return (bar(m, adjoint(m, m.solve(r, adjoint(m, right)))),)


def qr_jvp(m: Carrier, ts: Value, y: Value, a: Value) -> Value:
    q, r = y
    scaled = flip(m, m.solve(flip(m, r), flip(m, ts[0])))
    inner = m.matmul(adjoint(m, q), scaled)
    low = strictly_lower(m, inner)
    turn = low - adjoint(m, low)
    if m.is_complex(a):
        turn = turn + (inner - m.real(inner)) * np.eye(m.shape(r)[-1])  # the columns of Q also turn
    return m.matmul(q, turn) + scaled - m.matmul(q, inner), m.matmul(inner - turn, r)


def householder(m: Carrier, a: Value) -> Value:
    """Q and R by reflections, with LAPACK's signs, on object arrays."""
    r = np.array(a, dtype=object)
    if r.ndim > 2:
        parts = [householder(m, x) for x in r]
        return np.array([q for q, _ in parts]), np.array([r for _, r in parts])
    rows, n = r.shape
    q = np.eye(rows, dtype=int).astype(object)
    for k in range(min(n, rows - 1)):
        v = r[k:, k].copy()
        if all(isinstance(e, int | float) and e == 0 for e in v[1:]):
            continue
        below = sum(v[2:] * v[2:], v[1] * v[1])
        if hasattr(below, "midpoint"):
            bool(below > 0)  # where it is 0, LAPACK reflects nothing, and signs jump: undecided on balls
        sign = m.where(m.less(v[0], 0), -1, 1)
        v[0] = v[0] + sign * m.sqrt(sum(v[1:] * v[1:], v[0] * v[0]))
        w = v * (2 / sum(v[1:] * v[1:], v[0] * v[0]))
        r[k:] = r[k:] - np.multiply.outer(w, np.matmul(v, r[k:]))
        r[k + 1 :, k] = 0
        q[:, k:] = q[:, k:] - np.multiply.outer(np.matmul(q[:, k:], v), w)
    return q[:, :n], r[:n]


def read_qr(a: Value, mode: str = "reduced") -> Value:
    shape = Carrier.shape(a)
    if len(shape) < 2 or shape[-2] < shape[-1]:
        raise UnsupportedError(
            f"qr: shape {shape} has more columns than rows, and there is no derivative rule for that; "
            "decompose the first columns and multiply the rest"
        )
    if mode != "reduced":
        raise InputError(f"qr: mode={mode!r} has no derivative rule; use mode='reduced'")
    return (a,), {}


custom(
    "qr",
    facts={"normwise"},
    vjp=qr_vjp,
    jvp=qr_jvp,
    doc="The reduced QR decomposition of a matrix with full column rank.",
    glyph="qr",
    reads=("linalg.qr",),
    arguments=read_qr,
    spelling={"numpy": "linalg.qr"},
    value=householder,
    outputs=2,
    result=lambda q, r: type(np.linalg.qr(np.eye(1)))(q, r),
    source="Giles 2008",
    batch=batches.stacks,
)
