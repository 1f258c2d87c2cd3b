"""Decompositions: Cholesky, eigenvalues, singular values, QR, the pseudo-inverse.

Rules from I. Murray (2016), "Differentiation of the Cholesky decomposition"; M. B. Giles (2008); J. Townsend (2016),
"Differentiating the singular value decomposition"; G. H. Golub and V. Pereyra (1973) for the pseudo-inverse. Where two
eigenvalues or singular values are equal their vectors have no derivative; the terms between them are taken as 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import InputError, ShapeError, UnsupportedError
from .arguments import refuse
from .carriers import Carrier
from .linalg import square_matrix
from .primitive import Primitive, composite, custom, register
from .products import flip


def real_only(m: Any, name: str, a: Any) -> None:
    if m.is_complex(a):
        raise UnsupportedError(f"{name}: there is no derivative rule for complex matrices")


def symmetric(m: Any, x: Any) -> Any:
    return (x + flip(m, x)) / 2


def diagonal(m: Any, x: Any) -> Any:
    n = m.ndim(x)
    return m.diagonal(x, offset=0, axis1=n - 2, axis2=n - 1)


def as_columns(m: Any, w: Any) -> Any:
    """A vector that scales columns: shape (..., 1, n)."""
    return m.reshape(w, shape=(*m.shape(w)[:-1], 1, m.shape(w)[-1]))


def as_rows(m: Any, w: Any) -> Any:
    return m.reshape(w, shape=(*m.shape(w), 1))


def diagonal_matrix(m: Any, w: Any) -> Any:
    return as_columns(m, w) * np.eye(m.shape(w)[-1])


def lower_half(m: Any, x: Any) -> Any:
    """The lower triangle with half the diagonal."""
    n = m.shape(x)[-1]
    return x * (np.tril(np.ones((n, n))) - 0.5 * np.eye(n))


def mirrored(m: Any, x: Any, half: str) -> Any:
    """The Hermitian matrix that NumPy makes of the triangle it reads: half is "L" or "U"."""
    n = m.shape(x)[-1]
    off = np.tril(np.ones((n, n)), -1) if half == "L" else np.triu(np.ones((n, n)), 1)
    part = x * off
    other = flip(m, m.conjugate(part) if m.is_complex(x) else part)
    return part + other + (m.real(x) if m.is_complex(x) else x) * np.eye(n)


def onto_triangle(m: Any, x: Any, half: str) -> Any:
    """The transpose of `mirrored`: what falls on the triangle that is read."""
    n = m.shape(x)[-1]
    off = np.tril(np.ones((n, n)), -1) if half == "L" else np.triu(np.ones((n, n)), 1)
    other = flip(m, m.conjugate(x) if m.is_complex(x) else x)
    return (x + other) * off + (m.real(x) if m.is_complex(x) else x) * np.eye(n)


def cholesky_vjp(m: Any, ct: Any, y: Any, a: Any) -> Any:
    real_only(m, "cholesky", a)
    inner = lower_half(m, m.matmul(flip(m, y), ct))
    left = m.solve(flip(m, y), inner)
    return (onto_triangle(m, symmetric(m, flip(m, m.solve(flip(m, y), flip(m, left)))), "L"),)


def cholesky_jvp(m: Any, ts: Any, y: Any, a: Any) -> Any:
    real_only(m, "cholesky", a)
    inner = m.solve(y, flip(m, m.solve(y, mirrored(m, ts[0], "L"))))
    return m.matmul(y, lower_half(m, inner))


def read_cholesky(a: Any, /, *, upper: bool = False) -> Any:
    operands, params = square_matrix("cholesky")(a)
    return (operands, params, "cholesky_upper") if upper else (operands, params)


def cholesky_elements(a: Any) -> Any:
    """The textbook loop on object arrays, whose elements know their square root."""
    a = np.asarray(a, dtype=object)
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
    vjp=cholesky_vjp,
    jvp=cholesky_jvp,
    doc="The lower triangle L with L Lᵀ = a, for positive definite a.",
    glyph="chol",
    reads=("linalg.cholesky",),
    arguments=read_cholesky,
    spelling={"numpy": "linalg.cholesky", "elements": cholesky_elements},
    source="Murray 2016",
)
composite(
    "cholesky_upper",
    lambda m, a: flip(m, m.cholesky(flip(m, a))),
    doc="The upper triangle U with Uᵀ U = a.",
    glyph="chol",
    reads=(),
)


# Symmetric eigenvalue problems.
def gaps(m: Any, w: Any) -> Any:
    """1 / (w_j - w_i), and 0 where i = j or the values are equal."""
    difference = as_columns(m, w) - as_rows(m, w)
    zero = m.equal(difference, 0.0)
    return m.where(zero, 0.0, 1.0 / m.where(zero, 1.0, difference))


def eigh_vjp(m: Any, ct: Any, y: Any, a: Any, *, UPLO: str) -> Any:
    (gw, gv), (w, v) = ct, y
    inner = diagonal_matrix(m, gw) + gaps(m, w) * m.matmul(flip(m, v), gv)
    left = m.conjugate(v) if m.is_complex(v) else v
    return (onto_triangle(m, m.matmul(m.matmul(left, inner), flip(m, v)), UPLO),)


def eigh_jvp(m: Any, ts: Any, y: Any, a: Any, *, UPLO: str) -> Any:
    w, v = y
    left = flip(m, m.conjugate(v) if m.is_complex(v) else v)
    inner = m.matmul(m.matmul(left, mirrored(m, ts[0], UPLO)), v)
    values = diagonal(m, inner)
    return m.real(values) if m.is_complex(v) else values, m.matmul(v, gaps(m, w) * inner)


def read_eigh(a: Any, UPLO: str = "L") -> Any:
    if UPLO not in ("L", "U", "l", "u"):
        raise InputError(f"eigh: UPLO={UPLO!r}; it is 'L' or 'U'")
    return square_matrix("eigh")(a)[0], {"UPLO": UPLO.upper()}


custom(
    "eigh",
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
def eig_jvp(m: Any, ts: Any, y: Any, a: Any) -> Any:
    w, v = y
    inner = m.solve(v, m.matmul(ts[0], v))
    turned = gaps(m, w) * inner
    moved = m.matmul(v, turned)
    stretch = m.real(m.sum(m.conjugate(v) * moved, axis=(m.ndim(v) - 2,), keepdims=True))
    return diagonal(m, inner), moved - v * stretch


def eig_vjp(m: Any, ct: Any, y: Any, a: Any) -> Any:
    (gw, gv), (w, v) = ct, y
    along = m.real(m.sum(gv * v, axis=(m.ndim(v) - 2,), keepdims=True))
    overlaps = flip(m, m.matmul(m.conjugate(flip(m, v)), v))
    inner = diagonal_matrix(m, gw) + gaps(m, w) * (m.matmul(flip(m, v), gv) - overlaps * along)
    return (m.matmul(m.solve(flip(m, v), inner), flip(m, v)),)


custom(
    "eig",
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


# Singular values.
def squared_gaps(m: Any, s: Any) -> Any:
    return gaps(m, m.square(s))


def reduced_svd(a: Any) -> Any:
    return np.linalg.svd(a, full_matrices=False)


def svd_vjp(m: Any, ct: Any, y: Any, a: Any) -> Any:
    real_only(m, "svd", a)
    (gu, gs, gvt), (u, s, vt) = ct, y
    ut, v, gv = flip(m, u), flip(m, vt), flip(m, gvt)
    f = squared_gaps(m, s)
    left, right = m.matmul(ut, gu), m.matmul(vt, gv)
    inner = (f * (left - flip(m, left))) * as_columns(m, s) + diagonal_matrix(m, gs)
    inner = inner + as_rows(m, s) * (f * (right - flip(m, right)))
    out = m.matmul(m.matmul(u, inner), vt)
    rows, k, columns = m.shape(u)[-2], m.shape(s)[-1], m.shape(vt)[-1]
    if rows > k:
        rest = gu / as_columns(m, s)
        out = out + m.matmul(rest - m.matmul(u, m.matmul(ut, rest)), vt)
    if columns > k:
        rest = gv / as_columns(m, s)
        out = out + m.matmul(u, flip(m, rest - m.matmul(v, m.matmul(vt, rest))))
    return (out,)


def svd_jvp(m: Any, ts: Any, y: Any, a: Any) -> Any:
    real_only(m, "svd", a)
    (da,), (u, s, vt) = ts, y
    ut, v = flip(m, u), flip(m, vt)
    f = squared_gaps(m, s)
    inner = m.matmul(m.matmul(ut, da), v)
    du = m.matmul(u, f * (inner * as_columns(m, s) + as_rows(m, s) * flip(m, inner)))
    dv = m.matmul(v, f * (as_rows(m, s) * inner + flip(m, inner) * as_columns(m, s)))
    if m.shape(u)[-2] > m.shape(s)[-1]:
        rest = m.matmul(da, v) / as_columns(m, s)
        du = du + rest - m.matmul(u, m.matmul(ut, rest))
    if m.shape(vt)[-1] > m.shape(s)[-1]:
        rest = m.matmul(flip(m, da), u) / as_columns(m, s)
        dv = dv + rest - m.matmul(v, m.matmul(vt, rest))
    return du, diagonal(m, inner), flip(m, dv)


def read_svd(a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    shape = Carrier.shape(a)
    if len(shape) < 2:
        raise ShapeError(f"svd: shape {shape} is not a matrix or a stack of them")
    if not compute_uv:
        return (a,), {}, "svdvals"
    if full_matrices and shape[-1] != shape[-2]:
        raise UnsupportedError(
            f"svd: of a matrix of shape {shape}, full_matrices=True adds arbitrary vectors that have no "
            "derivative; pass full_matrices=False, or compute_uv=False for the values alone"
        )
    return (a,), {}


custom(
    "svd",
    vjp=svd_vjp,
    jvp=svd_jvp,
    doc="The reduced singular value decomposition u diag(s) vh.",
    glyph="svd",
    reads=("linalg.svd",),
    arguments=read_svd,
    spelling={"numpy": reduced_svd},
    outputs=3,
    result=lambda u, s, vh: type(np.linalg.svd(np.eye(1)))(u, s, vh),
    source="Townsend 2016",
    non_differentiable="equal singular values, and zero ones of a non-square matrix",
)
composite(
    "svdvals",
    lambda m, a: m.svd(a)[1],
    doc="The singular values, largest first.",
    glyph="svdvals",
    reads=("linalg.svdvals",),
    arguments=lambda x, /: ((x,), {}),
    spelling={"numpy": "linalg.svdvals"},
)


# QR.
def qr_vjp(m: Any, ct: Any, y: Any, a: Any) -> Any:
    real_only(m, "qr", a)
    (gq, gr), (q, r) = ct, y
    inner = m.matmul(r, flip(m, gr)) - m.matmul(flip(m, gq), q)
    n = m.shape(r)[-1]
    low = inner * np.tril(np.ones((n, n)), -1)
    mirrored = low + flip(m, low) + inner * np.eye(n)
    right = gq + m.matmul(q, mirrored)
    return (flip(m, m.solve(r, flip(m, right))),)


def qr_jvp(m: Any, ts: Any, y: Any, a: Any) -> Any:
    real_only(m, "qr", a)
    q, r = y
    scaled = flip(m, m.solve(flip(m, r), flip(m, ts[0])))
    inner = m.matmul(flip(m, q), scaled)
    n = m.shape(r)[-1]
    low = inner * np.tril(np.ones((n, n)), -1)
    turn = low - flip(m, low)
    return m.matmul(q, turn) + scaled - m.matmul(q, inner), m.matmul(inner - turn, r)


def read_qr(a: Any, mode: str = "reduced") -> Any:
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
    vjp=qr_vjp,
    jvp=qr_jvp,
    doc="The reduced QR decomposition of a matrix with full column rank.",
    glyph="qr",
    reads=("linalg.qr",),
    arguments=read_qr,
    spelling={"numpy": "linalg.qr"},
    outputs=2,
    result=lambda q, r: type(np.linalg.qr(np.eye(1)))(q, r),
    source="Giles 2008",
)


# The pseudo-inverse, at constant rank.
def pinv_jvp(m: Any, ts: Any, y: Any, a: Any) -> Any:
    real_only(m, "pinv", a)
    da, dat, yt = ts[0], flip(m, ts[0]), flip(m, y)
    rest = dat - m.matmul(dat, m.matmul(a, y))
    inner = dat - m.matmul(m.matmul(y, a), dat)
    return -m.matmul(m.matmul(y, da), y) + m.matmul(m.matmul(y, yt), rest) + m.matmul(inner, m.matmul(yt, y))


def pinv_vjp(m: Any, ct: Any, y: Any, a: Any) -> Any:
    real_only(m, "pinv", a)
    yt, ctt = flip(m, y), flip(m, ct)
    one = m.matmul(ctt, m.matmul(y, yt))
    two = m.matmul(m.matmul(yt, y), ctt)
    out = -m.matmul(m.matmul(yt, ct), yt) + one - m.matmul(m.matmul(a, y), one)
    return (out + two - m.matmul(two, m.matmul(y, a)),)


def read_pinv(a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    refuse(rcond=rcond)
    return (a,), {}


custom(
    "pinv",
    vjp=pinv_vjp,
    jvp=pinv_jvp,
    doc="The Moore-Penrose pseudo-inverse; its derivative holds at constant rank.",
    glyph="pinv",
    latex="{0}^{{+}}",
    reads=("linalg.pinv",),
    arguments=read_pinv,
    spelling={"numpy": "linalg.pinv"},
    source="Golub and Pereyra 1973",
)
register(
    Primitive(
        name="matrix_rank",
        doc="The rank of a matrix; it has no derivative.",
        glyph="rank",
        latex=r"\operatorname{{rank}}({0})",
        reads=("linalg.matrix_rank",),
        differentiable=False,
        spelling={"numpy": "linalg.matrix_rank"},
    )
)
composite(
    "cond",
    lambda m, a: condition(m, a),
    doc="The condition number in the 2-norm.",
    glyph="cond",
    reads=("linalg.cond",),
    arguments=lambda x, p=None: ((x,), {}),
    spelling={"numpy": "linalg.cond"},
)


def condition(m: Any, a: Any) -> Any:
    values = m.svdvals(a)
    return m.getitem(values, index=(Ellipsis, 0)) / m.getitem(values, index=(Ellipsis, -1))
