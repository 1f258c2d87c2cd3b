"""Operations of a derivative rule as one writes them by hand: an outer product, not columns that are multiplied.

Rules are stated for every shape, so a product with a vector turns it into a matrix and the result back. What is written
is the same operation on the same values: only reshapes that undo each other are left out.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Any, NamedTuple

from ...graph.node import Operation
from ...primitives import Primitive, rows
from ...types import Params, Shape, Value


class View(NamedTuple):
    """An operation as it is written."""

    row: Primitive
    operands: tuple[Value, ...]
    params: Params


def seen(x: Operation, known: Container[Any]) -> View:
    """The operation as it is written; values that are `known` have names, and are not looked into."""
    row, operands, params = x.primitive.plain, x.operands, x.params
    if row is rows.reshape and (inner := made_by(rows.matmul, operands[0], known)) is not None:
        return with_vector(inner, x, known) or View(row, operands, params)
    if row is rows.matmul:
        return of_vectors(x, known) or View(row, operands, params)
    if row is rows.transpose and is_turned(x):
        return View(rows.transpose, operands, {})
    if row is rows.sum_to and x.shape == ():
        return View(rows.sum, operands, {})
    if row is rows.broadcast_to and (source := made_by(rows.reshape, operands[0], known)) is not None:
        short, long = source.operands[0], shape_of(source)
        if shape_of(short) == long[len(long) - len(shape_of(short)) :]:  # axes of length 1 in front come by themselves
            return View(row, (short,), params)
    return View(row, operands, params)


def of_vectors(product: Operation, known: Container[Any]) -> View | None:
    """A column times a row: the outer product of two vectors."""
    left, right = (vector(x, known) for x in product.operands)
    rank_one = shape_of(product.operands[0])[1:] == (1,) and shape_of(product.operands[1])[:1] == (1,)
    if left is None or right is None or not rank_one or len(product.shape or ()) != 2:
        return None
    return View(rows.outer, (left, right), {})


def with_vector(product: Operation, result: Operation, known: Container[Any]) -> View | None:
    """A matrix times a column, made a vector again; or a row times a matrix."""
    a, b = product.operands
    (rows_, _), (_, columns) = shape_of(a)[-2:], shape_of(b)[-2:]
    x, y = vector(a, known), vector(b, known)
    if len(shape_of(result)) != 1 or len(product.shape or ()) != 2:
        return None
    if y is not None and columns == 1:
        return View(rows.matmul, (a, y), {})
    return View(rows.matmul, (x, b), {}) if x is not None and rows_ == 1 else None


def vector(x: Value, known: Container[Any]) -> Value | None:
    """The vector that a column or a row was made of."""
    turned = made_by(rows.transpose, x, known)
    if turned is not None and is_turned(turned):
        x = turned.operands[0]
    made = made_by(rows.reshape, x, known)
    if made is None or 1 not in shape_of(made) or len(shape_of(made)) != 2 or len(shape_of(made.operands[0])) != 1:
        return None
    return made.operands[0]


def is_turned(x: Operation) -> bool:
    """Whether a transposition is that of a matrix, `x.T`."""
    return len(x.shape or ()) == 2 and tuple(x.params.get("axes") or (1, 0)) == (1, 0)


def made_by(row: Primitive, x: Value, known: Container[Any]) -> Operation | None:
    """The value as an operation, if it is one of this row that has no name."""
    return x if isinstance(x, Operation) and x.primitive is row and x not in known else None


def shape_of(x: Value) -> Shape:
    return tuple(x.shape or ()) if hasattr(x, "shape") else ()


__all__ = ["View", "seen"]
