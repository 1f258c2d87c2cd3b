"""Products of vectors, matrices and tensors."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from ..errors import ShapeError
from ..types import Value
from . import batches, by_parts, by_rows
from .arguments import axis_of, refuse
from .primitive import Carrier, Reading, composite, linear
from .text import PRODUCT, Text


def matmul_transpose(m: Carrier, i: int, ct: Value, a: Value, b: Value) -> Value:
    """The cotangent of a or b in a @ b, for every pair of ranks; the driver undoes broadcast stacks."""
    ranks = m.ndim(a), m.ndim(b)
    if ranks == (2, 2):
        return m.matmul(ct, m.transpose(b, axes=(1, 0))) if i == 0 else m.matmul(m.transpose(a, axes=(1, 0)), ct)
    vector_a, vector_b = ranks[0] == 1, ranks[1] == 1
    if vector_a and vector_b:
        return ct * (b, a)[i]
    if vector_a:
        ct = m.reshape(ct, shape=(*m.shape(ct)[:-1], 1, m.shape(ct)[-1]))
        a = m.reshape(a, shape=(1, m.shape(a)[0]))
    if vector_b:
        ct = m.reshape(ct, shape=(*m.shape(ct), 1))
        b = m.reshape(b, shape=(m.shape(b)[0], 1))
    if i == 0:
        out = m.matmul(ct, flip(m, b))
        return m.reshape(out, shape=(*m.shape(out)[:-2], m.shape(out)[-1])) if vector_a else out
    out = m.matmul(flip(m, a), ct)
    return m.reshape(out, shape=m.shape(out)[:-1]) if vector_b else out


def flip(m: Carrier, x: Value) -> Value:
    """The matrices of a stack transposed."""
    n = m.ndim(x)
    return m.transpose(x, axes=(*range(n - 2), n - 1, n - 2))


def bar(m: Carrier, x: Value) -> Value:
    """The complex conjugate; a real operand as it is."""
    return m.conjugate(x) if m.is_complex(x) else x


def adjoint(m: Carrier, x: Value) -> Value:
    """The conjugate transposes of a stack of matrices."""
    return flip(m, bar(m, x))


def stacks_fit(name: str, a: tuple[int, ...], b: tuple[int, ...]) -> None:
    """Refuses two stacks of matrices that do not broadcast."""
    if not all(p == q or 1 in (p, q) for p, q in zip(a[-3::-1], b[-3::-1])):
        raise ShapeError(
            f"{name}: the stacks of matrices of shapes {a} and {b} do not broadcast: their leading axes must be "
            "equal or 1"
        )


def read_matmul(a: Value, b: Value, /, out: object = None, **other: Any) -> Value:
    refuse(out=out)
    sa, sb = Carrier.shape(a), Carrier.shape(b)
    if not sa or not sb:
        raise ShapeError(f"matmul: shapes {sa} and {sb}: a number has no matrix product; use *")
    if sa[-1] != sb[-2 if len(sb) > 1 else 0]:
        raise ShapeError(
            f"matmul: shapes {sa} and {sb} do not fit: the last axis of the first has {sa[-1]} elements, "
            f"the {'second to last' if len(sb) > 1 else 'only'} axis of the second "
            f"{sb[-2 if len(sb) > 1 else 0]}; transpose or reshape one of them"
        )
    stacks_fit("matmul", sa, sb)
    return (a, b), {}


def labels(known: dict[tuple[int, ...], str]) -> Callable[..., str | None]:
    """The labels of products by the numbers of axes."""
    return lambda ranks, **params: known.get(ranks)


def matmul_labels(ranks: tuple[int, ...]) -> str | None:
    """Those of a matrix product, stacks of matrices included."""
    if max(ranks) <= 2 or min(ranks) < 2:
        return FLAT.get(ranks)
    stack = "defghijk"[: max(ranks) - 2]
    a, b = (stack[len(stack) - (r - 2) :] for r in ranks)
    return f"{a}mn,{b}np->{stack}mp" if max(ranks) <= 10 else None


FLAT: dict[tuple[int, ...], str] = {(1, 1): "a,a->", (2, 1): "ab,b->a", (1, 2): "a,ab->b", (2, 2): "ab,bc->ac"}


def without_summands(a: Value, b: Value) -> Value:
    """Nothing is summed, and the result has its shape."""
    return (a[..., :0], b[..., :0, :]) if min(a.ndim, b.ndim) > 1 else (a, b), {}, ()


def matmul_gate(m: Carrier, i: int, gate: Value, a: Value, b: Value) -> Value:
    """A row of a is stopped where its whole row of the product is, a column of b where its column is."""
    if m.ndim(a) < 2 or m.ndim(b) < 2:
        return None
    n = m.ndim(gate)
    some, shape = m.any(gate, axis=(n - 1 - i,), keepdims=True), list(m.shape(gate))
    shape[n - 1 - i] = m.shape(a)[-1]
    return m.broadcast_to(some, shape=tuple(shape))


linear(
    "matmul",
    matmul_transpose,
    gate=matmul_gate,
    doc="The matrix product a @ b, stacks of matrices included.",
    glyph="@",
    infix="@",
    latex=r"{0}\,{1}",
    text=Text("{0} @ {1}", PRODUCT, (PRODUCT, PRODUCT)),
    arguments=read_matmul,
    reads=("matmul", "linalg.matmul"),
    spelling={"elements": "kernels.linear_algebra.matmul"},
    batch=batches.matmul,
    by_rows=by_rows.matmul,
    labels=matmul_labels,
    hollow=without_summands,
    by_parts=by_parts.matmul,
)


def read_vecdot(x1: Value, x2: Value, /, *, axis: int = -1) -> Value:
    if Carrier.shape(x1)[axis_of("vecdot", x1, axis)] != Carrier.shape(x2)[axis_of("vecdot", x2, axis)]:
        raise ShapeError(f"vecdot: shapes {Carrier.shape(x1)} and {Carrier.shape(x2)} differ along axis {axis}")
    return (x1, x2), {"axis": axis}


def vecdot(m: Carrier, a: Value, b: Value, *, axis: int) -> Value:
    product = m.multiply(bar(m, to_last(m, a, axis)), to_last(m, b, axis))
    return m.sum(product, axis=(m.ndim(product) - 1,), keepdims=False)


def to_last(m: Carrier, x: Value, axis: int) -> Value:
    n = m.ndim(x)
    return x if axis in (-1, n - 1) else m.moveaxis(x, source=(axis % n,), destination=(n - 1,))


def vecmat(m: Carrier, a: Value, b: Value) -> Value:
    """conj(a) @ b, one vector for each matrix."""
    rows = bar(m, m.reshape(a, shape=(*m.shape(a)[:-1], 1, m.shape(a)[-1])))
    out = m.matmul(rows, b)
    return m.reshape(out, shape=(*m.shape(out)[:-2], m.shape(out)[-1]))


def read_vecmat(a: Value, b: Value, /) -> Value:
    sa, sb = Carrier.shape(a), Carrier.shape(b)
    if len(sa) < 1 or len(sb) < 2 or sa[-1] != sb[-2]:
        raise ShapeError(f"vecmat: a vector of shape {sa} does not fit a matrix of shape {sb}")
    stacks_fit("vecmat", (*sa[:-1], 1, sa[-1]), sb)
    return (a, b), {}


def vdot(m: Carrier, a: Value, b: Value) -> Value:
    def flat(x: Value) -> Value:
        return m.reshape(x, shape=(m.size(x),))

    return m.matmul(bar(m, flat(a)), flat(b))


def outer(m: Carrier, a: Value, b: Value) -> Value:
    return m.multiply(m.reshape(a, shape=(m.size(a), 1)), m.reshape(b, shape=(1, m.size(b))))


def kron(m: Carrier, a: Value, b: Value) -> Value:
    """Blocks of b scaled by the elements of a: an outer product with its axes interleaved."""
    n = max(m.ndim(a), m.ndim(b))
    sa = (1,) * (n - m.ndim(a)) + m.shape(a)
    sb = (1,) * (n - m.ndim(b)) + m.shape(b)
    left = m.reshape(a, shape=tuple(itertools.chain.from_iterable((k, 1) for k in sa)))
    right = m.reshape(b, shape=tuple(itertools.chain.from_iterable((1, k) for k in sb)))
    return m.reshape(m.multiply(left, right), shape=tuple(p * q for p, q in zip(sa, sb)))


def read_cross(a: Value, b: Value, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Value:
    if axis is not None:
        axisa = axisb = axisc = axis
    for x, k in ((a, axisa), (b, axisb)):
        if Carrier.shape(x)[axis_of("cross", x, k)] not in (2, 3):
            raise ShapeError(f"cross: axis {k} of shape {Carrier.shape(x)} has not 2 or 3 elements")
    return (a, b), {"axisa": axisa, "axisb": axisb, "axisc": axisc}


def cross(m: Carrier, a: Value, b: Value, *, axisa: int, axisb: int, axisc: int) -> Value:
    a = m.moveaxis(a, source=(axisa % m.ndim(a),), destination=(m.ndim(a) - 1,))
    b = m.moveaxis(b, source=(axisb % m.ndim(b),), destination=(m.ndim(b) - 1,))

    def part(x: Value, k: int) -> Value:
        return m.getitem(x, index=(Ellipsis, k))

    def plane(p: int, q: int) -> Value:
        return part(a, p) * part(b, q) - part(a, q) * part(b, p)

    if m.shape(a)[-1] == 2 and m.shape(b)[-1] == 2:
        return plane(0, 1)
    if m.shape(a)[-1] == 2 or m.shape(b)[-1] == 2:
        a0, a1, a2 = part(a, 0), part(a, 1), part(a, 2) if m.shape(a)[-1] == 3 else 0.0 * part(a, 0)
        b0, b1, b2 = part(b, 0), part(b, 1), part(b, 2) if m.shape(b)[-1] == 3 else 0.0 * part(b, 0)
        parts = (a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0)
    else:
        parts = (plane(1, 2), plane(2, 0), plane(0, 1))
    out = m.stack(*parts, axis=-1)
    return m.moveaxis(out, source=(m.ndim(out) - 1,), destination=(axisc % m.ndim(out),))


def pair(a: Value, b: Value, out: Value = None) -> Value:
    refuse(out=out)
    return (a, b), {}


def read_linalg_outer(a: Value, b: Value) -> Value:
    if Carrier.ndim(a) != 1 or Carrier.ndim(b) != 1:
        raise ShapeError(
            f"linalg.outer: shapes {Carrier.shape(a)} and {Carrier.shape(b)} are not two vectors; np.outer flattens"
        )
    return (a, b), {}, "outer"


def placeholder(m: Carrier, *xs: Value, **params: Any) -> Value:
    raise AssertionError("this row is read as another one")


composite(
    "vdot",
    vdot,
    doc="The sum of conj(a) b over all elements.",
    arguments=pair,
    labels=labels({(1, 1): "a,a->"}),
)
composite(
    "outer",
    outer,
    doc="Every element of a times every element of b.",
    glyph="⊗",
    latex=r"{0} \otimes {1}",
    arguments=pair,
    reads=("outer",),
    labels=labels({(1, 1): "a,b->ab"}),
)
composite(
    "linalg_outer",
    placeholder,
    doc="np.linalg.outer: the outer product of two vectors.",
    arguments=lambda a, b, /: read_linalg_outer(a, b),
    reads=("linalg.outer",),
)
composite(
    "kron",
    kron,
    doc="The Kronecker product: b scaled by each element of a.",
    glyph="kron",
    latex=r"{0} \otimes {1}",
    arguments=pair,
)
composite("cross", cross, doc="The vector product.", glyph="cross", latex=r"{0} \times {1}", arguments=read_cross)
composite(
    "linalg_cross",
    placeholder,
    doc="np.linalg.cross: the vector product in three dimensions.",
    arguments=lambda a, b, /, *, axis=-1: (*read_cross(a, b, axis=axis), "cross"),
    reads=("linalg.cross",),
)
composite(
    "vecdot",
    vecdot,
    doc="The sum of conj(a) b along an axis.",
    arguments=read_vecdot,
    reads=("vecdot", "linalg.vecdot"),
)
composite(
    "vecmat",
    vecmat,
    doc="Vectors, conjugated, times matrices.",
    glyph="@",
    arguments=read_vecmat,
    reads=("vecmat",),
)
composite(
    "multi_dot",
    placeholder,
    doc="The product of several matrices.",
    glyph="@",
    reads=("linalg.multi_dot",),
    arguments=lambda arrays, *, out=None: (tuple(arrays), {}, "chain_product"),
    reading=Reading("operands"),
)
composite(
    "chain_product",
    lambda m, x, *rest: chain(m, x, rest),
    doc="The product of several matrices, left to right.",
    glyph="@",
    reads=(),
)


def chain(m: Carrier, x: Value, rest: tuple[Value, ...]) -> Value:
    for y in rest:
        x = m.matmul(x, y)
    return x
