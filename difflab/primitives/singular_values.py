"""The singular value decomposition, the pseudo-inverse, and what hangs on them.

Rules from J. Townsend (2016), "Differentiating the singular value decomposition", with the phases of complex vectors
given to u; G. H. Golub and V. Pereyra (1973) for the pseudo-inverse. Where two singular values are equal, or one is 0,
their vectors have no derivative; the terms that would divide by 0 are taken as 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import InputError, ShapeError, UnsupportedError
from ..types import Value
from . import batches
from .arguments import no_traced
from .decompositions import as_columns, as_rows, diagonal, diagonal_matrix, gaps, real_part
from .linalg import square_matrix
from .primitive import Carrier, Primitive, Reading, composite, custom, register
from .products import adjoint, bar, flip
from .spelling import CONJUGATES, ITERATION

LARGEST_TOLERANCE = 1e-6


def reduced_svd(a: Value) -> Value:
    return np.linalg.svd(a, full_matrices=False)


def reciprocal(m: Carrier, s: Value) -> Value:
    """1 / s, and 0 where s is 0."""
    zero = m.equal(s, 0.0)
    return m.where(zero, 0.0, 1.0 / m.where(zero, 1.0, s))


def turning(m: Carrier, x: Value, s: Value) -> Value:
    """The diagonal along which the vectors of a complex matrix change their phases."""
    return (x - m.real(x)) * diagonal_matrix(m, reciprocal(m, s))


def outside(m: Carrier, q: Value, x: Value) -> Value:
    """The part of x's columns that is orthogonal to those of q."""
    return x - m.matmul(q, m.matmul(adjoint(m, q), x))


def svd_vjp(m: Carrier, ct: Value, y: Value, a: Value) -> Value:
    gu, gs, gv = bar(m, ct[0]), ct[1], flip(m, ct[2])
    (u, s, vh), v = y, adjoint(m, y[2])
    f = gaps(m, m.square(s))
    left, right = m.matmul(adjoint(m, u), gu), m.matmul(vh, gv)
    inner = (f * (left - adjoint(m, left))) * as_columns(m, s) + diagonal_matrix(m, gs)
    inner = inner + as_rows(m, s) * (f * (right - adjoint(m, right)))
    if m.is_complex(a):
        inner = inner + turning(m, left, s)
    out = m.matmul(m.matmul(u, inner), vh)
    rows, k, columns = m.shape(u)[-2], m.shape(s)[-1], m.shape(vh)[-1]
    inverse = as_columns(m, reciprocal(m, s))
    if rows > k:
        out = out + m.matmul(outside(m, u, gu * inverse), vh)
    if columns > k:
        out = out + m.matmul(u, adjoint(m, outside(m, v, gv * inverse)))
    return (bar(m, out),)


def svd_jvp(m: Carrier, ts: Value, y: Value, a: Value) -> Value:
    (da,), (u, s, vh), v = ts, y, adjoint(m, y[2])
    f = gaps(m, m.square(s))
    inner = m.matmul(m.matmul(adjoint(m, u), da), v)
    turned = f * (inner * as_columns(m, s) + as_rows(m, s) * adjoint(m, inner))
    if m.is_complex(a):
        turned = turned + turning(m, inner, s)
    du = m.matmul(u, turned)
    dv = m.matmul(v, f * (as_rows(m, s) * inner + adjoint(m, inner) * as_columns(m, s)))
    inverse = as_columns(m, reciprocal(m, s))
    if m.shape(u)[-2] > m.shape(s)[-1]:
        du = du + outside(m, u, m.matmul(da, v) * inverse)
    if m.shape(vh)[-1] > m.shape(s)[-1]:
        dv = dv + outside(m, v, m.matmul(adjoint(m, da), u) * inverse)
    return du, real_part(m, diagonal(m, inner)), adjoint(m, dv)


def matrix_of(name: str, a: Value) -> tuple[int, ...]:
    shape = Carrier.shape(a)
    if len(shape) < 2:
        raise ShapeError(f"{name}: shape {shape} is not a matrix or a stack of them")
    return shape


def read_svd(a: Value, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Value:
    shape = matrix_of("svd", a)
    if not compute_uv:
        return (a,), {}, "svdvals"
    if full_matrices and shape[-1] != shape[-2]:
        raise UnsupportedError(
            f"svd: of a matrix of shape {shape}, full_matrices=True adds arbitrary vectors that have no "
            "derivative; pass full_matrices=False, or compute_uv=False for the values alone"
        )
    return (a,), {}


def read_svdvals(x: Value, /) -> Value:
    matrix_of("svdvals", x)
    return (x,), {}


custom(
    "svd",
    facts={"normwise", "one formula"},
    vjp=svd_vjp,
    jvp=svd_jvp,
    doc="The reduced singular value decomposition u diag(s) vh.",
    glyph="svd",
    reads=("linalg.svd",),
    arguments=read_svd,
    reading=Reading(as_recorded=True),
    spelling={"numpy": reduced_svd},
    outputs=3,
    result=lambda u, s, vh: type(np.linalg.svd(np.eye(1)))(u, s, vh),
    source="Townsend 2016",
    non_differentiable="equal singular values, and zero ones",
    batch=batches.stacks,
    refused={"arb": ITERATION, "complex": CONJUGATES},
)
composite(
    "svdvals",
    lambda m, a: m.svd(a)[1],
    doc="The singular values, largest first.",
    glyph="svdvals",
    reads=("linalg.svdvals",),
    arguments=read_svdvals,
    spelling={"numpy": "linalg.svdvals"},
)


# The pseudo-inverse, at constant rank.
def pinv_jvp(m: Carrier, ts: Value, y: Value, a: Value, *, rcond: Value) -> Value:
    da, dah, yh = ts[0], adjoint(m, ts[0]), adjoint(m, y)
    rest = dah - m.matmul(dah, m.matmul(a, y))
    inner = dah - m.matmul(m.matmul(y, a), dah)
    return -m.matmul(m.matmul(y, da), y) + m.matmul(m.matmul(y, yh), rest) + m.matmul(inner, m.matmul(yh, y))


def pinv_vjp(m: Carrier, ct: Value, y: Value, a: Value, *, rcond: Value) -> Value:
    yh, g, gh = adjoint(m, y), bar(m, ct), flip(m, ct)
    one = m.matmul(gh, m.matmul(y, yh))
    two = m.matmul(m.matmul(yh, y), gh)
    out = -m.matmul(m.matmul(yh, g), yh) + one - m.matmul(m.matmul(a, y), one)
    return (bar(m, out + two - m.matmul(two, m.matmul(y, a))),)


def pinv_value(m: Carrier, a: Value, *, rcond: Value) -> Value:
    """At full rank, through the normal equations, on carriers without singular values."""
    transposed, (rows, columns) = flip(m, a), m.shape(a)[-2:]
    if rows >= columns:
        return m.solve(m.matmul(transposed, a), transposed)
    return flip(m, m.solve(m.matmul(a, transposed), a))


def read_pinv(a: Value, rcond: Value = None, hermitian: bool = False, *, rtol: Value = np._NoValue) -> Value:
    shape = matrix_of("pinv", a)
    if rtol is None:
        rcond = max(shape[-2:]) * np.finfo(np.result_type(Carrier.dtype(a), np.float32)).eps
    elif rtol is not np._NoValue:
        rcond = rtol
    if rcond is not None and np.any(np.asarray(rcond) > LARGEST_TOLERANCE):
        raise UnsupportedError(
            f"pinv: a tolerance of {rcond} may cut singular values that matter, and the derivative rule counts what "
            f"is cut as 0: use at most {LARGEST_TOLERANCE}, or build the inverse from the parts of np.linalg.svd"
        )
    return (a,), {"rcond": 1e-15 if rcond is None else rcond}


custom(
    "pinv",
    facts={"normwise", "one formula"},
    vjp=pinv_vjp,
    jvp=pinv_jvp,
    doc="The Moore-Penrose pseudo-inverse; its derivative holds at constant rank.",
    glyph="pinv",
    latex="{0}^{{+}}",
    reads=("linalg.pinv",),
    arguments=read_pinv,
    spelling={"numpy": "linalg.pinv"},
    value=pinv_value,
    source="Golub and Pereyra 1973",
    non_differentiable="where the rank changes",
    batch=batches.stacks,
)


def least_squares(m: Carrier, a: Value, b: Value, *, rcond: Value) -> Value:
    """As np.linalg.lstsq gives them; but the sums of squares are there at any rank, since shapes follow from shapes."""
    x, s = m.matmul(m.pinv(a, rcond=rcond), b), m.svdvals(a)
    rest = m.square(m.absolute(b - m.matmul(a, x)))
    rows, columns = m.shape(a)
    squares = m.sum(rest, axis=(0,), keepdims=m.ndim(b) == 1)
    if rows <= columns:
        squares = m.reshape(m.getitem(squares, index=(slice(0, 0),)), shape=(0,))
    above = m.greater(s, m.getitem(s, index=(slice(0, 1),)) * rcond)
    return x, squares, m.sum(above, axis=None, keepdims=False), s


def read_lstsq(a: Value, b: Value, rcond: Value = None) -> Value:
    shape, known = Carrier.shape(a), Carrier.shape(b)
    if len(shape) != 2 or len(known) not in (1, 2) or known[:1] != shape[:1]:
        raise ShapeError(
            f"lstsq: a of shape {shape} and b of shape {known}; give a matrix (M, N), and b of shape (M,) or (M, K)"
        )
    if rcond is not None and np.any(np.asarray(rcond) < 0):
        rcond = float(np.finfo(np.result_type(Carrier.dtype(a), np.float32)).eps)
    return (a, b), read_pinv(a, rtol=rcond)[1]


composite(
    "lstsq",
    least_squares,
    facts={"normwise"},
    doc="Least squares: the solution of least norm, the sums of squares that are left, the rank, the singular values.",
    reads=("linalg.lstsq",),
    arguments=read_lstsq,
    outputs=4,
    source="Golub and Pereyra 1973, by the pseudo-inverse",
    non_differentiable="where the rank changes",
)


def read_matrix_rank(A: Value, tol: Value = None, hermitian: bool = False, *, rtol: Value = None) -> Value:
    params = {"tol": tol, "hermitian": hermitian, "rtol": rtol}
    no_traced("matrix_rank", **params)
    return (A,), {name: value for name, value in params.items() if value is not None and value is not False}


def ranks(m: Carrier, row: Any, lead: Any, a: Value, **params: Any) -> Value:
    """NumPy takes stacks of matrices, but a stack of vectors for a matrix."""
    if m.ndim(a) < 3:
        raise UnsupportedError("the rank of a vector")
    return m.of(row)(a, **params)


register(
    Primitive(
        name="matrix_rank",
        doc="The rank of a matrix; it has no derivative.",
        glyph="rank",
        latex=r"\operatorname{{rank}}({0})",
        reads=("linalg.matrix_rank",),
        differentiable=False,
        spelling={"numpy": "linalg.matrix_rank"},
        arguments=read_matrix_rank,
        refused={"arb": ITERATION},
        batch=ranks,
    )
)


def condition(m: Carrier, a: Value, *, p: Value) -> Value:
    if p in (2, -2):
        values = m.svdvals(a)
        most, least = m.getitem(values, index=(Ellipsis, 0)), m.getitem(values, index=(Ellipsis, -1))
        return most / least if p == 2 else least / most
    size = m.euclidean_norm if p == "fro" else m.norm
    options = {"axis": (m.ndim(a) - 2, m.ndim(a) - 1), "keepdims": False} | ({} if p == "fro" else {"ord": p})
    return size(a, **options) * size(m.inv(a), **options)


def read_cond(x: Value, p: Value = None) -> Value:
    p = 2 if p is None else p
    if p not in (1, -1, 2, -2, np.inf, -np.inf, "fro", "nuc"):
        raise InputError(f"cond: p={p!r} is not a matrix norm; use None, 'fro', 'nuc', 1, -1, 2, -2, inf or -inf")
    if p in (2, -2):
        matrix_of("cond", x)
    else:
        square_matrix("cond")(x)
    return (x,), {"p": p}


composite(
    "cond",
    condition,
    doc="The condition number in a matrix norm, the 2-norm by default.",
    glyph="cond",
    reads=("linalg.cond",),
    arguments=read_cond,
    spelling={"numpy": "linalg.cond"},
)
