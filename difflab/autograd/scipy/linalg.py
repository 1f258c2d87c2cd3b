"""The functions of scipy.linalg; these here for traced values as well.

`solve_triangular`, `solve_sylvester`, `solve_banded`, `sqrtm`, `expm`, `cholesky`, `inv`, `det`, `solve`, `pinv`.
"""

from __future__ import annotations

from collections.abc import Sequence as _Sequence
from functools import wraps as _wraps
from typing import Any as _Any

import numpy as _numpy

from ...graph.array_namespace import resolve as _resolve
from ...graph.traced import holds_traced as _holds_traced
from ...late import Late as _Late
from ...types import Function as _Function, Value
from ..extend import defvjp as _defvjp, primitive as _primitive
from ..numpy.dispatching import dispatching as _dispatching, found as _found

_linalg: Value = _Late("scipy.linalg")


def _traced_as(formula: _Function) -> _Function:
    """SciPy's function of that name on plain arrays, and a formula with derivatives where one is traced."""

    @_wraps(formula)
    def either(*args: _Any, **kwargs: _Any) -> Value:
        traced = _holds_traced(args) or _holds_traced(tuple(kwargs.values()))
        return (formula if traced else getattr(_linalg, formula.__name__))(*args, **kwargs)

    made: _Function = _dispatching(formula.__name__, either)
    return made


def _transposed(x: Value) -> Value:
    """Rules are stated for functions of complex numbers as for those of real ones: nothing is conjugated."""
    return _numpy.swapaxes(x, -1, -2)


@_traced_as
def solve_triangular(
    a: Value, b: Value, trans: int | str = 0, lower: bool = False, unit_diagonal: bool = False, **_: _Any
) -> Value:
    """The x with a x = b, for a triangular a."""
    if trans in (2, "C"):
        return _resolve("solve_triangular")(_numpy.conj(a), b, 1, lower, unit_diagonal)
    return _resolve("solve_triangular")(a, b, trans, lower, unit_diagonal)


@_primitive
def solve_sylvester(a: Value, b: Value, q: Value) -> Value:
    """The x with a x + x b = q."""
    return _linalg.solve_sylvester(a, b, q)


def _sylvester_cotangent(a: Value, b: Value, g: Value) -> Value:
    return solve_sylvester(_transposed(a), _transposed(b), g)


_defvjp(
    solve_sylvester,
    lambda x, a, b, q: lambda g: -_sylvester_cotangent(a, b, g) @ _transposed(x),
    lambda x, a, b, q: lambda g: -_transposed(x) @ _sylvester_cotangent(a, b, g),
    lambda x, a, b, q: lambda g: _sylvester_cotangent(a, b, g),
)


@_primitive
def sqrtm(a: Value, disp: bool = True, blocksize: int = 64) -> Value:
    """The principal square root of a matrix."""
    return _linalg.sqrtm(a)


_defvjp(sqrtm, lambda y, a, *_: lambda g: solve_sylvester(_transposed(y), _transposed(y), g), None, None)


@_primitive
def solve_banded(l_and_u: _Sequence[int], ab: Value, b: Value, **options: _Any) -> Value:
    """The x with a x = b, for a matrix whose diagonals are the rows of ab."""
    return _linalg.solve_banded(tuple(int(k) for k in l_and_u), ab, b)


def _diagonals(l_and_u: _Sequence[int], n: int) -> tuple[Value, Value, Value]:
    """Of each place in ab: the row and the column of the matrix that stands there, and whether there is one."""
    below, above = l_and_u
    columns = _numpy.broadcast_to(_numpy.arange(n), (below + above + 1, n))
    rows = columns + _numpy.arange(-above, below + 1)[:, None]
    inside = (rows >= 0) & (rows < n)
    return _numpy.where(inside, rows, 0), columns, inside


def _transposed_banded(l_and_u: _Sequence[int], ab: Value) -> Value:
    """The diagonals of the transposed matrix."""
    below, above = l_and_u
    rows, columns, inside = _diagonals((above, below), _numpy.shape(ab)[1])
    return _numpy.where(inside, ab[_numpy.where(inside, above + columns - rows, 0), rows], 0.0)


def _banded_cotangents(x: Value, l_and_u: _Sequence[int], ab: Value, g: Value) -> tuple[Value, Value]:
    below, above = l_and_u
    back = solve_banded((above, below), _transposed_banded(l_and_u, ab), g)
    rows, columns, inside = _diagonals(l_and_u, _numpy.shape(ab)[1])
    products = back[rows] * x[columns]
    if _numpy.ndim(x) > 1:
        products = _numpy.sum(products, axis=-1)
    return _numpy.where(inside, -products, 0.0), back


_defvjp(
    solve_banded,
    lambda x, l_and_u, ab, b, **_: lambda g: _banded_cotangents(x, l_and_u, ab, g)[0],
    lambda x, l_and_u, ab, b, **_: lambda g: _banded_cotangents(x, l_and_u, ab, g)[1],
    argnums=[1, 2],
)


@_traced_as
def expm(A: Value) -> Value:
    """The exponential of a matrix."""
    return _resolve("expm")(A)


@_traced_as
def cholesky(a: Value, lower: bool = False, **_: _Any) -> Value:
    """The triangular factor of a positive definite matrix, the upper one by default."""
    factor = _numpy.linalg.cholesky(a)
    return factor if lower else _numpy.conj(_transposed(factor))


@_traced_as
def inv(a: Value, **_: _Any) -> Value:
    """The inverse of a matrix."""
    return _numpy.linalg.inv(a)


@_traced_as
def pinv(a: Value, **_: _Any) -> Value:
    """The pseudo-inverse of a matrix."""
    return _numpy.linalg.pinv(a)


@_traced_as
def det(a: Value, **_: _Any) -> Value:
    """The determinant of a matrix."""
    return _numpy.linalg.det(a)


@_traced_as
def solve(a: Value, b: Value, **_: _Any) -> Value:
    """The x with a x = b."""
    return _numpy.linalg.solve(a, b)


def __getattr__(name: str) -> Value:
    value = globals()[name] = _found(__name__, _linalg, name)
    return value
