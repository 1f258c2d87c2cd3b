"""Which part of its operands a part of a result needs, and the operation that makes that part of these.

A part of an array says for each axis which places of it are meant: a range, a vector of places, or None for all. A row
names its rule in its field `by_parts`; the rule gets a node, whose shapes are known, and a part of its result, and
returns a part of each operand and the parameters of the smaller operation, or None where it needs all. Rows that work
element by element need no rule.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ..types import Params, Shape, Value

Places = range | np.ndarray[Any, Any] | None
Part = tuple[Places, ...]
Found = tuple[tuple[Part, ...], Params] | None


def whole(ndim: int) -> Part:
    return (None,) * ndim


def shape_of(part: Part, shape: Shape) -> Shape:
    """The shape of a part of an array of that shape."""
    return tuple([n if p is None else len(p) for p, n in zip(part, shape)])


def among(places: Places, wanted: Places) -> Places:
    """Those places that stand at the wanted places among the first ones."""
    if places is None or wanted is None:
        return wanted if places is None else places
    if isinstance(wanted, range):
        return places[as_slice(wanted)]
    return np.asarray(places)[wanted]


def as_slice(places: range) -> slice:
    return slice(places.start, places.stop if places.stop >= 0 else None, places.step)


def spread(part: Part, shape: Shape) -> Part:
    """What an operand of that shape gives to a part of the result that it is broadcast to."""
    last = part[len(part) - len(shape) :]
    return tuple([None if n == 1 else p for p, n in zip(last, shape)])


def elements(node: Any, part: Part) -> Found:
    """Each element by itself."""
    return tuple([spread(part, x.shape) for x in node.operands]), node.params


def broadcast_to(node: Any, part: Part) -> Found:
    return (spread(part, node.operands[0].shape),), {"shape": shape_of(part, node.shape)}


def reduction(node: Any, part: Part) -> Found:
    """Over some axes, which it needs whole."""
    ndim = len(node.operands[0].shape)
    axis, keepdims = node.params.get("axis"), node.params.get("keepdims", False)
    axes = range(ndim) if axis is None else [axis] if isinstance(axis, int) else axis
    over = {k % ndim for k in axes}
    if keepdims:
        return (tuple([None if k in over else p for k, p in enumerate(part)]),), node.params
    rest = iter(part)
    return (tuple([None if k in over else next(rest) for k in range(ndim)]),), node.params


def transpose(node: Any, part: Part) -> Found:
    ndim = len(part)
    axes = node.params.get("axes") or range(ndim)[::-1]
    found = list(part)
    for k, p in zip(axes, part):
        found[k] = p
    return (tuple(found),), node.params


def swapaxes(node: Any, part: Part) -> Found:
    found, i, k = list(part), node.params["axis1"], node.params["axis2"]
    found[i], found[k] = found[k], found[i]
    return (tuple(found),), node.params


def reshape(node: Any, part: Part) -> Found:
    """Where an axis of which a part is wanted has as many elements before and behind it as one of the operand's."""
    x, y = node.operands[0].shape, node.shape
    if node.params.get("order", "C") != "C" or not prod(y):
        return None
    found: list[Places] = [None] * len(x)
    ahead = {(prod(x[:k]), n): k for k, n in enumerate(x)}
    for k, p in enumerate(part):
        if p is not None:
            if (at := ahead.get((prod(y[:k]), y[k]))) is None:
                return None
            found[at] = p
    return (tuple(found),), {**node.params, "shape": shape_of(part, y)}


def regrouped(node: Any, part: Part) -> Found:
    """Axes of length one added or taken away."""
    found = reshape(node, part)
    return None if found is None else (found[0], node.params)


def sum_to(node: Any, part: Part) -> Found:
    x = node.operands[0].shape
    mine = [None if n == 1 else p for p, n in zip(part, node.shape)]
    return ((None,) * (len(x) - len(part)) + tuple(mine),), {"shape": shape_of(part, node.shape)}


def matrix_transpose(node: Any, part: Part) -> Found:
    return ((*part[:-2], part[-1], part[-2]),), node.params


def stack(node: Any, part: Part) -> Found:
    axis = node.params["axis"] % len(part)
    if part[axis] is not None:
        return None
    return (part[:axis] + part[axis + 1 :],) * len(node.operands), node.params


def concatenate(node: Any, part: Part) -> Found:
    axis = node.params["axis"] % len(part)
    return None if part[axis] is not None else ((part,) * len(node.operands), node.params)


def matmul(node: Any, part: Part) -> Found:
    a, b = node.operands
    if len(a.shape) < 2 or len(b.shape) < 2:
        return None
    *stacked, row, column = part
    left = (*spread(tuple(stacked), a.shape[:-2]), row, None)
    return (left, (*spread(tuple(stacked), b.shape[:-2]), None, column)), node.params


def einsum(node: Any, part: Part) -> Found:
    """Labels of the result that stand once in it: an axis of an operand with that label has the same places."""
    inputs, _, result = node.params["subscripts"].partition("->")
    if "." in inputs or len(set(result)) < len(result):
        return None
    wanted, lengths = dict(zip(result, part)), dict(zip(result, node.shape))
    found = []
    for labels, x in zip(inputs.split(","), node.operands):
        mine = [(c, n) for c, n in zip(labels, x.shape)]
        found.append(tuple([wanted.get(c) if n == lengths.get(c) else None for c, n in mine]))
    return tuple(found), node.params


def getitem(node: Any, part: Part) -> Found:
    """At whole numbers, slices, new axes and one vector of places: what is read of what was cut out is read at once."""
    entries = index_entries(node)
    if entries is None:
        return None
    found: list[Places] = []
    index: list[Value] = []
    wanted = iter(part)
    for e, n in entries:
        if e is None:
            if next(wanted) is not None:
                return None
            index.append(None)
        elif isinstance(e, int):
            found.append(None if n == 1 else range(e % n, e % n + 1))
            index.append(0)
        else:
            mine = next(wanted)
            found.append(among(places_of(e, n), mine))
            index.append(slice(None))
    return (tuple(found),), {"index": tuple(index)}


def places_of(e: slice | np.ndarray[Any, Any], n: int) -> Places:
    if isinstance(e, slice):
        return None if range(n)[e] == range(n) else range(n)[e]
    return np.where(e < 0, e + n, e)


def index_entries(node: Any) -> list[tuple[Value, int]] | None:
    """The entries of an index with the lengths of their axes; None where it is of another kind."""
    index, shape = node.params["index"], node.operands[0].shape
    entries = list(index) if isinstance(index, tuple) else [index]
    if len(node.operands) > 1 or not all(map(known, entries)) or sum(isinstance(e, np.ndarray) for e in entries) > 1:
        return None
    if any(isinstance(e, np.ndarray) for e in entries) and any(isinstance(e, int) for e in entries):
        return None  # NumPy reads a number beside a vector as a vector
    rest = [slice(None)] * (len(shape) - sum(e is not None and e is not Ellipsis for e in entries))
    at = next((k for k, e in enumerate(entries) if e is Ellipsis), len(entries))
    entries = entries[:at] + rest + entries[at + 1 :]
    lengths = iter(shape)
    return [(e, 1 if e is None else next(lengths)) for e in entries]


def known(e: Value) -> bool:
    if isinstance(e, np.ndarray):
        return e.ndim == 1 and e.dtype.kind in "iu"
    return e is None or e is Ellipsis or (isinstance(e, slice | int) and not isinstance(e, bool))
