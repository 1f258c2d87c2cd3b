"""The Jacobian in pieces: where a function is arithmetic on slices, a few diagonals say all of it.

A piece is a part of a value's Jacobian with one element in each of its rows. Forward mode carries pieces instead of
tangents: arithmetic multiplies their elements by partial derivatives, what moves elements moves the rows. Nothing is
multiplied by the zeros of a coloured tangent, slopes that are numbers stay numbers until the end, and of a Hessian
only the elements on and above the diagonal are left to compute. A function with another operation, or with more than
a few pieces, is refused: its Jacobian is computed by colours.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ..graph.node_carrier import NODE
from ..graph.recording import Tape
from ..graph.traced import Traced
from ..primitives import Carrier, Gate, Primitive, rows
from ..types import Array, DType, Key, Params, Shape, Value
from .reverse import no_derivative
from .sparsity import is_zero, plain
from .transform import Recording

MOST = 8  # pieces of one value; more of them are more calls of NumPy's than colours need


class Piece(NamedTuple):
    """Row k of the piece is the flattened value's row `at[k]` (row k, where `at` is None), its element in
    `columns[k]`: `slope[k]`, or the slope where that is one number for all rows. No two rows are the same.
    """

    at: Array | None
    columns: Array
    slope: Value


class InPiecesError(Exception):
    """A Jacobian that does not come in a few pieces."""


def in_pieces(record: Recording, pattern: Value, symmetric: bool) -> Value | None:
    """The elements of a recorded function's Jacobian, at the places of the pattern; None where it is for colours."""
    (x,), (y,) = record.inputs, record.outputs
    record.tape.differentiate(record.outputs)
    try:
        found = sweep(record.operations, {x: [Piece(None, np.arange(Carrier.size(x)), 1.0)]}, y)
        return elements(found, pattern, symmetric, y.dtype)
    except InPiecesError:
        return None


def sweep(operations: list[Traced], known: dict[Traced, list[Piece]], y: Traced) -> list[Piece]:
    """Carries the pieces of the inputs forward to y, through the values that it depends on."""
    needed = {y}
    for node in reversed(operations):
        if node in needed:
            needed.update(x for x in node.operands if x.__class__ is Traced)
    for node in operations:
        if node not in needed or not node.operands or not node.primitive.differentiable:
            continue
        values, own = node.tape.read(node.operands)
        pieces: list[list[Piece]] = [[] for _ in values]
        for i in own:
            pieces[i] = known.get(node.operands[i], [])
        if not any(pieces):
            continue
        if node.value.__class__ is tuple or node.value.dtype.kind not in "fbiu":
            raise InPiecesError
        if node.value.dtype.kind == "f":
            known[node] = fitted(united(of_operation(node, values, pieces)), node)
            if len(known[node]) > MOST:
                raise InPiecesError
    return known.get(y, [])


def of_operation(node: Traced, x: list[Value], pieces: list[list[Piece]]) -> list[Piece]:
    row = node.primitive
    if row.kind == "elementwise":
        return elementwise(node, x, pieces)
    if row is rows.astype:
        return pieces[0]
    fixed = getattr(row, "fixed", ())
    chosen = any(
        Carrier.dtype(v).kind != "f" for i, v in enumerate(x) if i not in fixed
    )  # truth values, numbers of choices
    if any(v.__class__ is Traced for i, v in enumerate(x) if i in fixed):
        raise InPiecesError
    if row is rows.scatter:
        return scattered(pieces[0], x, node.params)
    if row.flops == 0 and row.kind in ("linear", "composite") and not chosen:
        return moved(row, node.params, x, pieces)
    if row.kind == "composite":
        return expanded(node, x, pieces)
    raise InPiecesError


def elementwise(node: Traced, x: list[Value], pieces: list[list[Piece]]) -> list[Piece]:
    """Each operand's pieces times its partial derivative."""
    row, shape, found = node.primitive, node.value.shape, []
    partials: tuple[Value, ...] = getattr(row, "partials", ())
    for i, mine in enumerate(pieces):
        if not mine or (i < len(partials) and is_zero(partials[i])):
            continue
        rule = partials[i] if i < len(partials) else None
        if rule is None:
            raise no_derivative(row, i)
        partial = rule if rule.__class__ is int else rule(NODE, node.value, *x, **node.params)
        for p in mine if Carrier.shape(x[i]) == shape else [repeated(p, Carrier.shape(x[i]), shape) for p in mine]:
            found.append(p._replace(slope=times(partial, p, shape)))
    return found


def times(partial: Value, p: Piece, shape: Shape) -> Value:
    """The slopes of a piece times a partial derivative of a value of that shape."""
    if partial.__class__ is Gate:
        through = product(located(partial.factor, p.at, shape), p.slope)
        return NODE.where(located(partial.mask, p.at, shape), through, 0.0)
    return product(located(partial, p.at, shape), p.slope)


def product(a: Value, b: Value) -> Value:
    for one, other in ((a, b), (b, a)):
        if one.__class__ in (int, float) and abs(one) == 1:
            return other if one == 1 else -other
    return a * b


def located(x: Value, at: Array | None, shape: Shape) -> Value:
    """The elements of x, broadcast to the shape, at some places; one number stays one."""
    x = number(x)
    if not Carrier.shape(x):
        return x
    if Carrier.shape(x) != shape:
        x = NODE.broadcast_to(x, shape=shape)
    return read(flat(x), at)


def number(x: Value) -> Value:
    """Constants of one value as Python's numbers, which leave the dtype to the arrays that they meet."""
    if x.__class__ is Traced or not hasattr(x, "dtype"):
        return x
    return x.flat[0].item() if x.size and np.all(x == x.flat[0]) else x


def flat(x: Value) -> Value:
    return x if Carrier.ndim(x) == 1 else NODE.reshape(x, shape=(Carrier.size(x),))


def read(x: Value, at: Array | None) -> Value:
    """x[at], where x is a vector; numbers and whole vectors stay as they are."""
    if at is None or not Carrier.shape(x):
        return x
    return x if is_range(at) and len(at) == Carrier.size(x) and at[0] == 0 else NODE.getitem(x, index=index_of(at))


def is_range(at: Array) -> bool:
    return bool(np.all(np.diff(at) == 1))


def index_of(at: Array) -> Key:
    """The places as a slice, where they are evenly spaced."""
    if not len(at):
        return slice(0, 0)
    step = int(at[1] - at[0]) if len(at) > 1 else 1
    if not step or np.any(np.diff(at) != step):
        return at
    stop = int(at[-1]) + (1 if step > 0 else -1)
    return slice(int(at[0]), stop if stop >= 0 else None, None if step == 1 else step)


# What moves rows.
def followed(p: Piece, sources: Array) -> list[Piece]:
    """The piece of a value whose element k is the old one's element `sources[k]`, or none of it where that is -1."""
    if p.at is not None:
        places = np.full(max(sources.max(initial=0), p.at.max(initial=0)) + 1, -1)
        places[p.at] = np.arange(len(p.at))
        sources = np.where(sources >= 0, places[sources], -1)
    here = np.flatnonzero(sources >= 0)
    if not here.size:
        return []
    source = sources[here]
    return [Piece(None if len(here) == len(sources) else here, p.columns[source], read(p.slope, source))]


def repeated(p: Piece, shape: Shape, target: Shape) -> Piece:
    """The piece of an array that is broadcast."""
    return followed(p, np.broadcast_to(np.arange(int(np.prod(shape))).reshape(shape), target).ravel())[0]


def scattered(pieces: list[Piece], x: list[Value], params: Params) -> list[Piece]:
    """The piece of an array of zeros that the elements were put into."""
    shape: Shape = params["shape"]
    whole = np.arange(int(np.prod(shape))).reshape(shape)
    places = np.asarray(rows.getitem.evaluate(whole, *x[1:], index=params["index"])).ravel()
    sources = np.full(whole.size, -1)
    sources[places] = np.arange(len(places))
    if np.count_nonzero(sources >= 0) < len(places):  # some are added up
        raise InPiecesError
    return [q for p in pieces for q in followed(p, sources)]


def moved(row: Primitive, params: Params, x: list[Value], pieces: list[list[Piece]]) -> list[Piece]:
    """Elements moved, left out or repeated: the row itself, run on their numbers, says which is where."""
    fixed, start, starts, numbered = getattr(row, "fixed", ()), 1, [], []
    for i, v in enumerate(x):
        starts.append(start)
        if i in fixed or not pieces[i]:
            numbered.append(plain(v) if i in fixed else np.zeros(Carrier.shape(v), int))
            continue
        numbered.append(np.arange(start, start + Carrier.size(v)).reshape(Carrier.shape(v)))
        start += Carrier.size(v)
    found = np.asarray(row.evaluate(*numbered, **params)).ravel()
    if found.dtype.kind not in "iu":
        raise InPiecesError
    result = []
    for p, v, first in zip(pieces, x, starts):
        inside = (found >= first) & (found < first + Carrier.size(v))
        result += [q for one in p for q in followed(one, np.where(inside, found - first, -1))]
    return result


def expanded(node: Traced, x: list[Value], pieces: list[list[Piece]]) -> list[Piece]:
    """The pieces of a short program in other rows."""
    inner, known = list(x), {}
    with Tape() as (tape, operations):
        for i, p in enumerate(pieces):
            if p:
                inner[i] = tape.input(x[i])
                known[inner[i]] = p
        out = node.primitive.program(NODE, *inner, **node.params)
    return sweep(operations, known, out) if out.__class__ is Traced else []


# Pieces of one value.
def united(pieces: list[Piece]) -> list[Piece]:
    """One piece for those with the same places, and one for their constants, which cost nothing until the end."""
    found: dict[tuple[bytes, bytes, bool], Piece] = {}
    for p in pieces:
        at = b"" if p.at is None else p.at.tobytes()
        key = at, p.columns.tobytes(), p.slope.__class__ is Traced
        found[key] = p._replace(slope=found[key].slope + p.slope) if key in found else p
    return list(found.values())


def fitted(pieces: list[Piece], node: Traced) -> list[Piece]:
    """The slopes in the dtype of their value."""
    dtype = node.value.dtype
    cast: Callable[[Value], Value] = lambda s: s if Carrier.dtype(s) == dtype else NODE.astype(s, dtype=dtype)
    return [p if p.slope.__class__ in (int, float) else p._replace(slope=cast(p.slope)) for p in pieces]


def elements(pieces: list[Piece], pattern: Value, symmetric: bool, dtype: DType) -> Value:
    """The elements of a matrix with the pattern, in CSR's order; of a symmetric one the upper half is read twice."""
    parts: list[tuple[Array, Value]] = []
    fixed = np.zeros(pattern.nnz, dtype)
    keys = np.repeat(np.arange(pattern.shape[0]), np.diff(pattern.indptr)) * pattern.shape[1] + pattern.indices
    for p in pieces:
        at = np.arange(len(p.columns)) if p.at is None else p.at
        for mirrored in (False, True) if symmetric else (False,):
            mine = at < p.columns if mirrored else at <= p.columns if symmetric else np.ones(len(at), bool)
            here = np.flatnonzero(mine)
            if not here.size:
                continue
            row, column = (p.columns, at) if mirrored else (at, p.columns)
            wanted = row[here] * pattern.shape[1] + column[here]
            places = np.minimum(np.searchsorted(keys, wanted), pattern.nnz - 1)
            if np.any(keys[places] != wanted):
                raise InPiecesError  # a given pattern leaves it out
            if p.slope.__class__ is Traced:
                parts.append((places, read(p.slope, here)))
            else:
                fixed[places] += read(p.slope, here)
    return assembled(parts, fixed)


def assembled(parts: list[tuple[Array, Value]], fixed: Array) -> Value:
    """The sum of vectors that stand at some places, and of what is fixed."""
    full = [v if Carrier.shape(v) else NODE.broadcast_to(v, shape=places.shape) for places, v in parts]
    indices = [index_of(places) for places, _ in parts]
    total: Value = None
    if all(isinstance(i, slice) for i in indices):
        sums = [NODE.scatter(v, index=i, shape=fixed.shape) for v, i in zip(full, indices)]
    else:
        sums = layers(full, [places for places, _ in parts], fixed)
    for one in sums:
        total = one if total is None else total + one
    if total is None:
        return fixed
    return total + fixed if fixed.any() else total


def layers(vectors: list[Value], places: list[Array], like: Array) -> list[Value]:
    """Vectors whose sum has each element at its place, read from one: the first that meet there, the second, ..."""
    together = NODE.concatenate(np.zeros(1, like.dtype), *vectors, axis=0)
    count, start = np.zeros(len(like), int), 1
    found: list[Array] = []
    for at in places:
        for _ in range(len(found), int(count[at].max()) + 1):
            found.append(np.zeros(len(like), int))
        for k in np.unique(count[at]).tolist():
            here = count[at] == k
            found[k][at[here]] = start + np.flatnonzero(here)
        count[at] += 1
        start += len(at)
    return [NODE.getitem(together, index=sources) for sources in found]
