"""Linear algebra: solving, inverses, determinants, norms.

Rules from M. B. Giles (2008), "Collected matrix derivative results for forward and reverse mode algorithmic
differentiation". Stacks of matrices throughout.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ..errors import InputError, ShapeError
from ..types import Function, Value
from . import batches
from .arguments import axes as axes_tuple, inexact, refuse
from .primitive import Carrier, composite, custom
from .products import bar, flip, placeholder, stacks_fit
from .reductions import expand


def square_matrix(name: str, **none: Any) -> Function:
    def read(a: Value, **other: Any) -> Value:
        shape = Carrier.shape(a)
        if len(shape) < 2 or shape[-1] != shape[-2]:
            raise ShapeError(f"{name}: shape {shape} is not a square matrix or a stack of them")
        refuse(**other)
        return (a,), {}

    return read


def column(m: Carrier, x: Value) -> Value:
    return m.reshape(x, shape=(*m.shape(x), 1))


def solve_vjp(m: Carrier, ct: Value, y: Value, a: Value, b: Value) -> Value:
    vector = m.ndim(b) == 1
    if vector:
        back = m.solve(flip(m, a), column(m, ct))
        return -m.matmul(back, flip(m, column(m, y))), m.reshape(back, shape=m.shape(back)[:-1])
    back = m.solve(flip(m, a), ct)
    return -m.matmul(back, flip(m, y)), back


def solve_jvp(m: Carrier, ts: Value, y: Value, a: Value, b: Value) -> Value:
    da, db = ts
    vector = m.ndim(b) == 1

    def wide(x: Value) -> Value:
        return column(m, x) if vector else x

    right = None if da is None else -m.matmul(da, wide(y))
    if db is not None:
        right = wide(db) if right is None else right + wide(db)
    out = m.solve(a, right)
    return m.reshape(out, shape=m.shape(out)[:-1]) if vector else out


def read_solve(a: Value, b: Value) -> Value:
    sa, sb = Carrier.shape(a), Carrier.shape(b)
    if len(sa) < 2 or sa[-1] != sa[-2]:
        raise ShapeError(f"solve: shape {sa} is not a square matrix or a stack of them")
    if not sb or sb[0 if len(sb) == 1 else -2] != sa[-1]:
        raise ShapeError(f"solve: a matrix of shape {sa} does not fit a right-hand side of shape {sb}")
    stacks_fit("solve", sa, sb)
    return (a, b), {}


custom(
    "solve",
    facts={"normwise"},
    vjp=solve_vjp,
    jvp=solve_jvp,
    doc="The solution x of a x = b.",
    glyph="solve",
    latex=r"{0}^{{-1}} {1}",
    reads=("linalg.solve",),
    arguments=read_solve,
    spelling={
        "numpy": "linalg.solve",
        "elements": "kernels.linear_algebra.solve_elements",
        "javascript": "solveMatrix",
    },
    source="Giles 2008, 2.3.1",
    batch=batches.solve,
)
custom(
    "inv",
    facts={"normwise"},
    vjp=lambda m, ct, y, a: (-m.matmul(m.matmul(flip(m, y), ct), flip(m, y)),),
    jvp=lambda m, ts, y, a: -m.matmul(m.matmul(y, ts[0]), y),
    doc="The inverse of a square matrix.", glyph="inv", latex="{0}^{{-1}}", reads=("linalg.inv",),
    arguments=square_matrix("inv"),
    spelling={
        "numpy": "linalg.inv", "elements": "kernels.linear_algebra.inv_elements", "javascript": "invertMatrix",
    },
    source="Giles 2008, 2.2.3", batch=batches.stacks,
)  # fmt: skip


def scaled(m: Carrier, number: Value, matrix: Value) -> Value:
    """Each matrix of a stack times its number."""
    return m.reshape(number, shape=(*m.shape(number), 1, 1)) * matrix


def matrix_trace(m: Carrier, x: Value) -> Value:
    n = m.ndim(x)
    return m.trace(x, offset=0, axis1=n - 2, axis2=n - 1)


def cofactor_vjp(m: Carrier, ct: Value, y: Value, a: Value) -> Value:
    inverse = flip(m, m.inv(a))
    total = m.sum(ct * y, axis=(m.ndim(y) - 2, m.ndim(y) - 1), keepdims=True)
    return (total * inverse - m.matmul(m.matmul(y, flip(m, ct)), inverse),)


def cofactor_jvp(m: Carrier, ts: Value, y: Value, a: Value) -> Value:
    turned = m.matmul(ts[0], m.inv(a))
    return scaled(m, matrix_trace(m, turned), y) - m.matmul(flip(m, turned), y)


custom(
    "cofactor",
    facts={"normwise", "one formula"},
    vjp=cofactor_vjp,
    jvp=cofactor_jvp,
    glyph="cof",
    latex=r"\operatorname{{cof}}({0})",
    reads=(),
    doc="The cofactors of a square matrix: the derivative of its determinant, of singular matrices too.",
    called=(),
    spelling={"numpy": "kernels.linear_algebra.cofactor", "javascript": "cofactors"},
    non_differentiable="singular matrices (by this rule)",
    batch=batches.stacks,
)
custom(
    "det",
    facts={"normwise"},
    vjp=lambda m, ct, y, a: (scaled(m, ct, m.cofactor(a)),),
    jvp=lambda m, ts, y, a: m.sum(m.cofactor(a) * ts[0], axis=(m.ndim(a) - 2, m.ndim(a) - 1), keepdims=False),
    doc="The determinant.", glyph="det", latex=r"\det {0}",
    reads=("linalg.det",), arguments=square_matrix("det"),
    spelling={
        "numpy": "linalg.det", "elements": "kernels.linear_algebra.det_elements", "javascript": "determinant",
    },
    source="Giles 2008, 2.2.4",
    batch=batches.stacks,
)  # fmt: skip


def slogdet_vjp(m: Carrier, ct: Value, y: Value, a: Value) -> Value:
    size = ct[1]
    if m.is_complex(a):  # the sign turns with the imaginary part of the logarithm
        turn = ct[0] * y[0]
        size = size + (turn - m.real(turn))
    return (scaled(m, size, flip(m, m.inv(a))),)


def slogdet_jvp(m: Carrier, ts: Value, y: Value, a: Value) -> Value:
    moved = matrix_trace(m, m.matmul(m.inv(a), ts[0]))
    if not m.is_complex(a):
        return m.zeros_like(y[0]), moved
    return y[0] * (moved - m.real(moved)), m.real(moved)


custom(
    "slogdet",
    facts={"normwise"},
    vjp=slogdet_vjp,
    jvp=slogdet_jvp,
    doc="The sign and the logarithm of the absolute value of the determinant.", glyph="slogdet",
    reads=("linalg.slogdet",),
    arguments=square_matrix("slogdet"), spelling={"numpy": "linalg.slogdet"}, outputs=2,
    result=lambda sign, logabsdet: type(np.linalg.slogdet(np.eye(1)))(sign, logabsdet),
    value=lambda m, a: (m.sign(m.det(a)), m.log(m.absolute(m.det(a)))), source="Giles 2008, 2.2.4",
    batch=batches.stacks,
)  # fmt: skip


# Norms: the Euclidean one is a row, because its derivative at 0 is 0 and not 0/0.
def unit(m: Carrier, y: Value, x: Value, axis: Value, keepdims: bool) -> Value:
    """x / ||x||, and 0 where the norm is 0."""
    size = expand(m, y, x, axis, keepdims)
    zero = m.equal(size, 0.0)
    return m.where(zero, 0.0, bar(m, x) / m.where(zero, 1.0, size))


def euclidean_jvp(m: Carrier, ts: Value, y: Value, x: Value, *, axis: Value, keepdims: bool) -> Value:
    along = unit(m, y, x, axis, keepdims) * ts[0]
    return m.sum(m.real(along) if m.is_complex(along) else along, axis=axis, keepdims=keepdims)


custom(
    "euclidean_norm",
    vjp=lambda m, ct, y, x, *, axis, keepdims: (expand(m, ct, x, axis, keepdims) * unit(m, y, x, axis, keepdims),),
    jvp=euclidean_jvp,
    doc="The square root of the sum of squares; its derivative at 0 is taken as 0.", called=(), glyph="‖·‖",
    latex=r"\lVert {0} \rVert", reads=(), non_differentiable="x = 0",
    kinks=lambda m, x, **params: m.equal(m.euclidean_norm(x, **params), 0.0),
    value=lambda m, x, *, axis, keepdims: m.sqrt(
        m.sum(m.square(m.absolute(x)) if m.is_complex(x) else x * x, axis=axis, keepdims=keepdims)
    ), batch=batches.axes, facts={"one formula", "outward", "convex", "not negative"},
)  # fmt: skip


def p_unit(m: Carrier, y: Value, x: Value, ord: float, axis: Value, keepdims: bool) -> Value:
    """conj(x) |x|^(p-2) / ||x||^(p-1), the derivative of the p-norm, and 0 where x or the norm is 0."""
    size, length = m.absolute(x), expand(m, y, x, axis, keepdims)
    none, nothing = m.equal(size, 0.0), m.equal(length, 0.0)
    length = m.where(nothing, 1.0, length)
    factor = m.power(m.where(none, 1.0, size) / length, ord - 2.0) / length
    return m.where(none, 0.0, m.where(nothing, 0.0, bar(m, x) * factor))


def p_norm_jvp(m: Carrier, ts: Value, y: Value, x: Value, *, ord: float, axis: Value, keepdims: bool) -> Value:
    along = p_unit(m, y, x, ord, axis, keepdims) * ts[0]
    return m.sum(m.real(along) if m.is_complex(along) else along, axis=axis, keepdims=keepdims)


custom(
    "p_norm",
    vjp=lambda m, ct, y, x, *, ord, axis, keepdims: (
        expand(m, ct, x, axis, keepdims) * p_unit(m, y, x, ord, axis, keepdims),
    ),
    jvp=p_norm_jvp,
    doc="The p-norm (sum |x|^p)^(1/p); where an element is 0 its derivative is taken as 0.", glyph="‖·‖ₚ",
    latex=r"\lVert {0} \rVert_p", reads=(), non_differentiable="x = 0, and zero elements for p < 2",
    value=lambda m, x, *, ord, axis, keepdims: m.power(
        m.sum(m.power(m.absolute(x), ord), axis=axis, keepdims=keepdims), 1.0 / ord
    ), batch=batches.axes, spelling={"arb": "germs.arrays.p_norm"},
)  # fmt: skip


def read_norm(x: Value, ord: Value = None, axis: Value = None, keepdims: bool = False) -> Value:
    x = inexact(x)
    n = Carrier.ndim(x)
    found = axes_tuple(axis, n)
    if ord is None and (found is None or len(found) <= 2):
        return (x,), {"axis": found, "keepdims": keepdims}, "euclidean_norm"
    if found is None:
        found = tuple(range(n))
    if len(found) == 1:
        return read_vector_norm(x, found, keepdims, ord)
    if len(found) != 2:
        raise ShapeError(
            f"norm: ord={ord!r} needs one or two axes, shape {Carrier.shape(x)} with axis={axis!r} has {len(found)}"
        )
    if ord == "fro":
        return (x,), {"axis": found, "keepdims": keepdims}, "euclidean_norm"
    if ord not in (1, -1, 2, -2, np.inf, -np.inf, "nuc"):
        raise InputError(f"norm: ord={ord!r} is not a matrix norm; use 'fro', 'nuc', 1, -1, 2, -2, inf or -inf")
    return (x,), {"ord": ord, "axis": found, "keepdims": keepdims}


def read_vector_norm(x: Value, axis: Value, keepdims: bool, ord: Value) -> Value:
    x = inexact(x)
    if ord is None or ord == 2:
        return (x,), {"axis": axis, "keepdims": keepdims}, "euclidean_norm"
    if isinstance(ord, str):
        raise InputError(f"norm: ord={ord!r} is not a vector norm; use a number, or give two axes")
    row = "vector_norm" if ord in (0, 1, np.inf, -np.inf) else "p_norm"
    return (x,), {"ord": ord, "axis": axis, "keepdims": keepdims}, row


def norm(m: Carrier, x: Value, *, ord: Value, axis: tuple[int, ...], keepdims: bool) -> Value:
    return (vector_norm if len(axis) == 1 else matrix_norm)(m, x, ord, axis, keepdims)


def vector_norm(m: Carrier, x: Value, ord: Value, axis: Value, keepdims: bool) -> Value:
    options, size = {"axis": axis, "keepdims": keepdims}, m.absolute(x)
    if ord == np.inf:  # of nothing it is 0, as a sum is
        return m.max(size, **options) if m.size(x) else m.sum(size, **options)
    if ord == -np.inf:
        return m.min(size, **options)
    if ord == 0:
        return m.sum(m.where(m.not_equal(x, 0.0), 1.0, 0.0 * size), **options)
    return m.sum(size, **options)


def matrix_norm(m: Carrier, x: Value, ord: Value, axis: tuple[int, ...], keepdims: bool) -> Value:
    n = m.ndim(x)
    x = m.moveaxis(x, source=axis, destination=(n - 2, n - 1))
    lead = m.shape(x)[:-2]
    if ord in (1, -1, np.inf, -np.inf):
        sums = m.sum(m.absolute(x), axis=(n - 2 if abs(ord) == 1 else n - 1,), keepdims=False)
        reduce = (m.max if m.size(x) else m.sum) if ord > 0 else m.min
        out = reduce(sums, axis=(n - 2,), keepdims=False)
    else:
        values = m.svdvals(x)
        if ord == "nuc":
            out = m.sum(values, axis=(n - 2,), keepdims=False)
        else:
            out = (m.max if ord == 2 else m.min)(values, axis=(n - 2,), keepdims=False)
    if not keepdims:
        return out
    shape = list(lead)
    for k in sorted(axis):
        shape.insert(k, 1)
    return m.reshape(out, shape=tuple(shape))


composite(
    "norm",
    norm,
    doc="np.linalg.norm: vector and matrix norms of every order.",
    glyph="‖·‖",
    latex=r"\lVert {0} \rVert",
    reads=("linalg.norm",),
    arguments=read_norm,
    spelling={"numpy": "linalg.norm"},
)
composite(
    "vector_norm",
    lambda m, x, *, ord, axis, keepdims: vector_norm(m, x, ord, axis, keepdims),
    doc="Vector norms over one axis, several or all: the sum, the extremes and the count of |x|.",
    glyph="‖·‖",
    latex=r"\lVert {0} \rVert",
    reads=("linalg.vector_norm",),
    arguments=lambda x, /, *, axis=None, keepdims=False, ord=2: read_vector_norm(
        x, axes_tuple(axis, Carrier.ndim(x)), keepdims, ord
    ),
)
composite(
    "matrix_norm",
    placeholder,
    doc="np.linalg.matrix_norm.",
    glyph="‖·‖",
    reads=("linalg.matrix_norm",),
    arguments=lambda x, /, *, keepdims=False, ord="fro": read_full(
        read_norm(x, ord, (Carrier.ndim(x) - 2, Carrier.ndim(x) - 1), keepdims), "norm"
    ),
)


def read_full(found: Value, name: str) -> Value:
    return found if len(found) == 3 else (*found, name)


# Compositions.
def matrix_power(m: Carrier, a: Value, *, n: int) -> Value:
    """By repeated squaring."""
    if n < 0:
        return matrix_power(m, m.inv(a), n=-n)
    if n == 0:
        return 0.0 * a + np.eye(m.shape(a)[-1])
    result = None
    while n:
        if n & 1:
            result = a if result is None else m.matmul(result, a)
        n >>= 1
        a = m.matmul(a, a) if n else a
    return result


def tensorsolve(m: Carrier, a: Value, b: Value, *, axes: Value) -> Value:
    if axes is not None:
        order = [k for k in range(m.ndim(a)) if k not in axes] + list(axes)
        a = m.transpose(a, axes=tuple(order))
    rest = m.shape(a)[m.ndim(b) :]
    n = int(np.prod(rest))
    solution = m.solve(m.reshape(a, shape=(n, n)), m.reshape(b, shape=(n,)))
    return m.reshape(solution, shape=rest)


def tensorinv(m: Carrier, a: Value, *, ind: int) -> Value:
    shape = m.shape(a)
    n = int(np.prod(shape[ind:]))
    return m.reshape(m.inv(m.reshape(a, shape=(n, n))), shape=shape[ind:] + shape[:ind])


composite(
    "matrix_power",
    matrix_power,
    doc="A square matrix multiplied by itself n times.",
    latex="{0}^{{n}}",
    reads=("linalg.matrix_power",),
    arguments=lambda a, n: (square_matrix("matrix_power")(a)[0], {"n": operator.index(n)}),
    spelling={"numpy": "linalg.matrix_power"},
)
composite(
    "tensorsolve",
    tensorsolve,
    doc="The solution of a tensor equation.",
    reads=("linalg.tensorsolve",),
    arguments=lambda a, b, axes=None: ((a, b), {"axes": axes}),
    spelling={"numpy": "linalg.tensorsolve"},
)
composite(
    "tensorinv",
    tensorinv,
    doc="The inverse of a tensor as a map.",
    reads=("linalg.tensorinv",),
    arguments=lambda a, ind=2: ((a,), {"ind": ind}),
    spelling={"numpy": "linalg.tensorinv"},
)
