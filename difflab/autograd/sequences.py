"""Sequences with other elements, and nodes in order: helpers of autograd that programs import."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import attrgetter

from ..types import Value


def func(f: Value) -> Value:
    """f: of a class's function, in Python 2, it was what is inside the method."""
    return f


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


def toposort(end_node: Value, parents: Callable[[Value], Iterable[Value]] = attrgetter("parents")) -> Iterator[Value]:
    """The nodes that are reached from the end, each before its parents.

    >>> [*toposort(3, lambda n: [n - 1] if n else [])]
    [3, 2, 1, 0]
    """
    uses: dict[Value, int] = {}
    waiting = [end_node]
    while waiting:
        node = waiting.pop()
        uses[node] = uses.get(node, 0) + 1
        if uses[node] == 1:
            waiting.extend(parents(node))
    ready = [end_node]
    while ready:
        node = ready.pop()
        yield node
        for parent in parents(node):
            uses[parent] -= 1
            if not uses[parent]:
                ready.append(parent)
