"""Products of vectors and matrices."""

from __future__ import annotations

from typing import Any

from .primitive import linear


def matmul_transpose(m: Any, i: int, ct: Any, a: Any, b: Any) -> Any:
    """The cotangent of a or b in a @ b, for every pair of ranks; the driver undoes broadcast stacks."""
    vector_a, vector_b = m.ndim(a) == 1, m.ndim(b) == 1
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


def flip(m: Any, x: Any) -> Any:
    n = m.ndim(x)
    return m.transpose(x, axes=(*range(n - 2), n - 1, n - 2))


linear(
    "matmul",
    matmul_transpose,
    doc="The matrix product a @ b, stacks of matrices included.",
    glyph="@",
    infix="@",
    latex="{0}\\,{1}",
)
