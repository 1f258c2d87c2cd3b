"""Functions of matrices that NumPy has not: the exponential, and triangular systems."""

from __future__ import annotations

import numpy as np

from ..errors import ShapeError
from ..types import Value
from . import batches
from .linalg import read_solve, square_matrix
from .primitive import Carrier, composite, custom
from .products import flip
from .spelling import ITERATION


def exponential(a: Value) -> Value:
    from scipy.linalg import expm  # takes a while to import

    return expm(a)


def moved_exponential(m: Carrier, a: Value, direction: Value) -> Value:
    """The derivative of the exponential along a direction: a corner of the exponential of [[a, direction], [0, a]]."""
    n, k = m.shape(a)[-1], m.ndim(a)
    top = m.concatenate(a, direction, axis=k - 1)
    bottom = m.concatenate(0.0 * a, a, axis=k - 1)
    whole = m.expm(m.concatenate(top, bottom, axis=k - 2))
    return m.getitem(whole, index=(Ellipsis, slice(0, n), slice(n, 2 * n)))


custom(
    "expm",
    facts={"normwise"},
    vjp=lambda m, ct, y, a: (moved_exponential(m, flip(m, a), ct),),
    jvp=lambda m, ts, y, a: moved_exponential(m, a, ts[0]),
    doc="The exponential of a square matrix (difflab.numpy.expm).",
    glyph="expm",
    latex="e^{{{0}}}",
    reads=(),
    arguments=square_matrix("expm"),
    spelling={"numpy": exponential},
    source="Najfeld and Havel 1995",
    batch=batches.stacks,
    refused={"arb": ITERATION},
)


def read_triangular(a: Value, b: Value, trans: Value = 0, lower: bool = False, unit_diagonal: bool = False) -> Value:
    operands, _ = read_solve(a, b)
    if trans not in (0, 1, "N", "T"):
        raise ShapeError(f"solve_triangular: trans={trans!r}; it is 0 or 'N', or 1 or 'T'")
    return operands, {"lower": bool(lower), "transposed": trans in (1, "T"), "unit_diagonal": bool(unit_diagonal)}


def solve_triangular(m: Carrier, a: Value, b: Value, *, lower: bool, transposed: bool, unit_diagonal: bool) -> Value:
    off = -1 if unit_diagonal else 0
    a = m.tril(a, k=off) if lower else m.triu(a, k=-off)
    a = a + np.eye(Carrier.shape(a)[-1], dtype=int) if unit_diagonal else a
    return m.solve(flip(m, a) if transposed else a, b)


composite(
    "solve_triangular",
    solve_triangular,
    doc="The solution x of a x = b, where only one triangle of a is read (difflab.numpy.solve_triangular).",
    glyph="solve",
    latex=r"{0}^{{-1}} {1}",
    reads=(),
    arguments=read_triangular,
)
