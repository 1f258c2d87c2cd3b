"""Which inputs each output element depends on: the pattern of a Jacobian, from the record of the function.

A value's pattern is a sparse matrix of truth values with a row for each of its elements and a column for each input
element. Elementwise operations unite the patterns of their operands; operations that move elements move the rows; the
others mix the axes that they work along. The pattern holds for every point at which the function takes the same
branches: what depends on values (a mask, an order) counts as depending on everything it chooses from.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
import scipy.sparse as sp

from ..errors import ShapeError
from ..graph.node_carrier import NODE
from ..graph.recording import Tape
from ..graph.traced import SEQUENCES, Traced
from ..graph.vertices import strip
from ..primitives import Carrier, Primitive, batches, rows
from ..types import Array, Axis, Function, Params, Shape, Value

MAX_PRODUCTS = 4_000_000  # multiplications of a contraction whose factors are looked at for zeros


def jacobian_pattern(f: Function, x: Value) -> Value:
    """The pattern of df/dx at x, a CSR matrix of truth values: a row for each element of f(x).

    >>> jacobian_pattern(lambda x: x[1:] * x[:-1], np.ones(3)).toarray().astype(int)
    array([[1, 1, 0],
           [0, 1, 1]])
    """
    with Tape() as (tape, operations):
        source = tape.input(x)
        y = f(source)
    size = Carrier.size(x)
    if not isinstance(y, Traced) and not hasattr(y, "dtype") and not isinstance(y, int | float):
        raise ShapeError(f"sparse=True needs a function that returns one array, not a {type(y).__name__}")
    found = propagate(operations, {source: sp.csr_array(sp.eye_array(size, dtype=bool, format="csr"))})
    pattern = found.get(y) if y.__class__ is Traced else None
    return sp.csr_array((Carrier.size(y), size), dtype=bool) if pattern is None else pattern


def propagate(operations: list[Traced], known: dict[Traced, Value]) -> dict[Traced, Value]:
    """The patterns of all values that depend on those whose pattern is known."""
    for node in operations:
        row = node.primitive
        patterns = [known.get(x) if node.tape.owns(x) else None for x in node.operands]
        if node in known or not row.differentiable or all(p is None for p in patterns):
            continue
        if row.kind == "pick":
            known[node] = known[node.operands[0]][node.params["index"]]
            continue
        recorded = [x.__class__ is Traced for x in node.operands]
        values = [plain(x) for x in node.operands]
        y = node.value if node.value.__class__ is tuple else plain(node.value)
        pattern = of_operation(row, node.params, values, patterns, recorded, y)
        if pattern is not None:
            known[node] = pattern
    return known


def plain(x: Value) -> Value:
    x = strip(x)
    return x if hasattr(x, "dtype") or x.__class__ is tuple else np.asarray(x)


def of_operation(row: Any, params: Params, xs: Value, patterns: Value, recorded: Value, y: Value) -> Value:
    """The pattern of one result (a tuple of them for several outputs); None where there is no path."""
    chosen = any(r and x.dtype.kind not in "fc" for r, x in zip(recorded, xs))
    if row.kind == "elementwise":
        used = [None if i < len(row.partials) and is_zero(row.partials[i]) else p for i, p in enumerate(patterns)]
        return elementwise(xs, used, y)
    if row in (rows.astype, rows.conjugate):
        return patterns[0]
    if row in (rows.matmul, rows.einsum):
        return contraction(*labelled(row, xs, params), xs, patterns, recorded, y)
    if row is rows.sum_to:
        return reduced(xs[0], patterns[0], np.arange(prod(params["shape"])).reshape(params["shape"]))
    if row is rows.scatter and not chosen:
        places = np.arange(prod(params["shape"])).reshape(params["shape"])
        places = rows.getitem.evaluate(places, *xs[1:], index=params["index"])
        return groups(places, Carrier.size(xs[0]), Carrier.size(y)) @ patterns[0]
    chosen = chosen or row is rows.scatter or (row.kind == "composite" and any(x.dtype.kind == "b" for x in xs))
    if row.flops == 0 and row.kind in ("linear", "composite") and not chosen:
        return moved(row, params, xs, patterns, y)
    if row.kind == "composite" or row is rows.trace:
        return expanded(row, params, xs, patterns, recorded)
    if (row.batch is batches.axes or row is rows.take_along_axis) and y.__class__ is not tuple:
        return along_axes(params.get("axis"), xs, patterns, y)
    if row.batch is batches.stacks:
        return in_stacks(xs[0], patterns[0], y)
    return everything(patterns, y)


def is_zero(partial: Value) -> bool:
    return partial.__class__ is int and partial == 0


def united(patterns: Value) -> Value:
    """The union; operands that share a pattern, as most do, cost nothing."""
    total = None
    for p in patterns:
        if p is not None and p is not total:
            total = p if total is None else total + p
    return total


def elementwise(xs: Value, patterns: Value, y: Value) -> Value:
    return united([None if p is None else repeated(p, x.shape, y.shape) for x, p in zip(xs, patterns)])


def repeated(pattern: Value, shape: Shape, target: Value) -> Value:
    """The pattern of an array broadcast to a shape."""
    if shape == target:
        return pattern
    return pattern[np.broadcast_to(np.arange(prod(shape)).reshape(shape), target).ravel()]


def groups(numbers: Value, columns: int, count: int) -> Value:
    """The matrix that unites the rows with equal numbers."""
    numbers = np.asarray(numbers).ravel()
    return sp.csr_array((np.ones(numbers.size, bool), (numbers, np.arange(columns))), shape=(count, columns))


def reduced(x: Value, pattern: Value, places: Value) -> Value:
    """x reduced to an array; `places` numbers its elements and broadcasts against x."""
    return groups(np.broadcast_to(places, x.shape), prod(x.shape), places.size) @ pattern


def moved(row: Primitive, params: Params, xs: Value, patterns: Value, y: Value) -> Value:
    """Elements moved, left out or repeated: the row itself, run on the numbers of the elements, says where they went.

    The numbers start at 1; a 0 is an element that comes from no operand, such as one of a frame.
    """
    numbered, parts, start = [], [], 1
    for i, (x, p) in enumerate(zip(xs, patterns)):
        if i in getattr(row, "fixed", ()):
            numbered.append(x)
        elif p is None:
            numbered.append(np.zeros(x.shape, int))
        else:
            numbered.append(np.arange(start, start + x.size).reshape(x.shape))
            parts.append(p)
            start += x.size
    together = sp.csr_array(parts[0] if len(parts) == 1 else sp.vstack(parts, format="csr"))
    several = y.__class__ is tuple
    found = row.evaluate(*numbered, **params)
    results = [picked(together, np.asarray(ids)) for ids in (found if several else [found])]
    return tuple(results) if several else results[0]


def picked(pattern: Value, ids: Value) -> Value:
    ids = ids.ravel()
    if ids.size and ids.min() > 0:
        return pattern[ids - 1]
    here = np.flatnonzero(ids)
    choose = sp.csr_array((np.ones(here.size, bool), (here, ids[here] - 1)), shape=(ids.size, pattern.shape[0]))
    return choose @ pattern


def labelled(row: Primitive, xs: Value, params: Params) -> tuple[list[str], str]:
    """A product as an einsum: a label for each axis."""
    if row is rows.einsum:
        terms, output = params["subscripts"].split("->")
        return terms.split(","), output
    a, b = xs[0].ndim, xs[1].ndim
    stack = "cdefghijklmnopqrstuvwxyz"[: max(a, b, 2) - 2]
    left = stack[len(stack) - max(a - 2, 0) :] + "AX" if a > 1 else "X"
    right = stack[len(stack) - max(b - 2, 0) :] + "XB" if b > 1 else "X"
    return [left, right], stack + "A" * (a > 1) + "B" * (b > 1)


def contraction(terms: Value, output: str, xs: Value, patterns: Value, recorded: Value, y: Value) -> Value:
    """Each element of the result depends on the factors of its products; factors that are constant zeros cut."""
    labels = list(dict.fromkeys(output + "".join(terms)))
    sizes = dict.fromkeys(labels, 1)
    for term, x in zip(terms, xs):
        for c, n in zip(term, x.shape):
            sizes[c] = max(n, sizes[c])
    whole = tuple(sizes[c] for c in labels)
    if prod(whole) > MAX_PRODUCTS or any(len(set(t)) < len(t) for t in terms):
        return everything(patterns, y)
    here = np.ones(whole, bool)
    for term, x, r in zip(terms, xs, recorded):
        if not r:
            here &= aligned(x != 0, term, labels, whole)
    to = aligned(np.arange(y.size).reshape(y.shape), output, labels, whole)[here]
    total = None
    for term, x, p in zip(terms, xs, patterns):
        if p is not None:
            source = aligned(np.arange(x.size).reshape(x.shape), term, labels, whole)[here]
            links = sp.csr_array((np.ones(to.size, bool), (to, source)), shape=(y.size, x.size))
            total = united([total, links @ p])
    return total


def aligned(x: Value, term: str, labels: list[str], whole: Value) -> Value:
    """An array with its axes at the places of their labels, broadcast to all labels."""
    order = sorted(range(len(term)), key=lambda k: labels.index(term[k]))
    shape = [1] * len(labels)
    for k in range(len(term)):
        shape[labels.index(term[k])] = x.shape[k]
    return np.broadcast_to(np.transpose(x, order).reshape(shape), whole)


def along_axes(axis: Axis, xs: Value, patterns: Value, y: Value) -> Value:
    """An operation along axes, whose result has them, at some length, or has them not."""
    shape = np.broadcast_shapes(*[x.shape for x in xs]) if len(xs) > 1 and y.ndim != xs[0].ndim else xs[0].shape
    mixed = range(len(shape)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    kept = tuple(1 if k in mixed else n for k, n in enumerate(shape))
    places = np.arange(prod(kept)).reshape(kept)
    parts = [None if p is None else repeated(p, x.shape, shape) for x, p in zip(xs, patterns)]
    pattern = reduced(np.broadcast_to(0, shape), united(parts), places)
    if y.ndim == len(shape) and all(k in mixed or n == m for k, (n, m) in enumerate(zip(shape, y.shape))):
        return pattern[np.broadcast_to(places, y.shape).ravel()]
    return pattern if y.size == places.size else everything(patterns, y)


def in_stacks(x: Value, pattern: Value, y: Value) -> Value:
    """An operation on each matrix of a stack."""
    lead = x.shape[:-2]
    places = np.arange(prod(lead)).reshape((*lead, 1, 1))
    pattern = reduced(x, pattern, places)
    spread: Callable[[Array], Value] = lambda part: pattern[
        np.broadcast_to(places.reshape(lead + (1,) * (part.ndim - len(lead))), part.shape).ravel()
    ]
    return tuple(map(spread, map(np.asarray, y))) if y.__class__ is tuple else spread(y)


def expanded(row: Any, params: Params, xs: Value, patterns: Value, recorded: Value) -> Value:
    """The pattern of a short program in other rows."""
    with Tape() as (tape, operations):
        inner = [tape.input(x) if r else x for x, r in zip(xs, recorded)]
        out = row.value(NODE, *inner, **params)
    known = {x: p for x, p in zip(inner, patterns) if p is not None}
    found = propagate(operations, known)
    of: Callable[[Value], Value] = lambda y: found.get(y) if y.__class__ is Traced else None
    return tuple(map(of, out)) if isinstance(out, SEQUENCES) else of(out)


def everything(patterns: Value, y: Value) -> Value:
    """Every element of the result depends on all that the operands depend on."""
    row = sum_rows([q for p in patterns if p is not None for q in (p if isinstance(p, tuple) else [p])])
    spread: Callable[[Value], Value] = lambda part: sp.csr_array(np.ones((Carrier.size(part), 1), bool)) @ row
    return tuple(map(spread, y)) if y.__class__ is tuple else spread(y)


def sum_rows(patterns: list[Value]) -> Value:
    columns = np.unique(np.concatenate([p.indices for p in patterns if p is not None]))
    shape = (1, patterns[0].shape[1])
    return sp.csr_array((np.ones(columns.size, bool), (np.zeros(columns.size, int), columns)), shape=shape)
