"""Small helpers that programs written for autograd import."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..types import Value


def subval(x: Sequence[Value], i: int, v: Value) -> tuple[Value, ...]:
    """The sequence with another element at place i.

    >>> subval((1, 2, 3), 1, 0)
    (1, 0, 3)
    """
    return subvals(x, [(i, v)])


def subvals(x: Sequence[Value], ivs: Iterable[tuple[int, Value]]) -> tuple[Value, ...]:
    """The sequence with other elements at some places."""
    found = list(x)
    for i, v in ivs:
        found[i] = v
    return tuple(found)
