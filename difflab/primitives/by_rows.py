"""When an operation works by rows: row i of its result needs row i of its operands, and nothing of other rows.

A row names its rule in its field `by_rows`; the rule looks at a node, whose shapes are known. Elementwise rows need
none.
"""

from __future__ import annotations

from math import prod
from typing import Any

from ..types import Value

LARGEST_FACTOR = 4096  # elements of the second matrix; larger products are BLAS's own business


def everything(node: Any) -> bool:
    """An operation that has each element for itself."""
    return True


def whole_slice(entry: Value) -> bool:
    return isinstance(entry, slice) and entry == slice(None)


def simple(entry: Value) -> bool:
    return isinstance(entry, slice | int) and not isinstance(entry, bool)


def getitem(node: Any) -> bool:
    index = node.params["index"]
    entries = index if isinstance(index, tuple) else (index,)
    if len(node.operands) > 1 or not entries or node.shape[:1] != node.operands[0].shape[:1]:
        return False
    if not all(e is None or e is Ellipsis or simple(e) for e in entries):
        return False
    return whole_slice(entries[0]) or (entries[0] is Ellipsis and keeps_first(entries, node))


def keeps_first(entries: tuple[Value, ...], node: Any) -> bool:
    return sum(e is not None for e in entries[1:]) < len(node.operands[0].shape)


def scatter(node: Any) -> bool:
    index = node.params["index"]
    entries = index if isinstance(index, tuple) else (index,)
    known = len(node.operands) == 1 and all(map(simple, entries))
    return known and whole_slice(entries[0]) and len(entries) <= len(node.shape)


def other_axes(node: Any) -> bool:
    """Along axes behind the first."""
    axis = node.params.get("axis")
    axes = axis if isinstance(axis, tuple) else (axis,)
    return axis is not None and all(k > 0 for k in axes)


def reduction(node: Any) -> bool:
    return other_axes(node) and node.operands[0].shape[:1] == node.shape[:1]


def reshape(node: Any) -> bool:
    return bool(node.shape[0] == (node.operands[0].shape or (0,))[0])


def sum_to(node: Any) -> bool:
    x = node.operands[0]
    return len(x.shape) == len(node.shape) and x.shape[0] == node.shape[0]


broadcast_to = sum_to


def transpose(node: Any) -> bool:
    axes = node.params.get("axes")
    return axes is not None and axes[0] == 0


def matmul(node: Any) -> bool:
    a, b = node.operands
    if len(a.shape) < 2 or a.shape[0] != node.shape[0] or node.dtype.kind != "f":
        return False
    if len(b.shape) == len(a.shape) == 2:
        size: int = prod(b.shape)
        return size <= LARGEST_FACTOR
    return len(a.shape) > 2 and (len(b.shape) == 2 or (len(b.shape) == len(a.shape) and b.shape[0] == a.shape[0]))


def einsum(node: Any) -> bool:
    """Whether all operands and the result have the rows in front."""
    inputs, _, result = node.params["subscripts"].partition("->")
    parts = [*inputs.split(","), result]
    return "." not in inputs and all(p.startswith(parts[0][:1]) and parts[0][:1] not in p[1:] for p in parts)
