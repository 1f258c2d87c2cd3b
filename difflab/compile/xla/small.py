"""Loops over few numbers as one piece of machine code.

On a processor XLA calls a function for each operation that it could not join, at every step; for loops that touch no
more than a kilobyte a step it writes one function instead. A step of ten numbers in some dozens of operations is over
that, and ten times as slow. So loops whose steps are small arithmetic are marked as XLA marks its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from importlib import import_module
from math import prod
from typing import Any

from ...graph.graph import Graph
from ...graph.node import Abstract, Node
from ...primitives import rows
from ...types import Value
from .carrier import jax

FEW = 2048  # elements of all values of a step
PRODUCTS = 512  # multiplications of a product of matrices
MARKS = {"xla_cpu_small_call": "true", "inlineable": "false"}  # a call that is one function, and stays a call
SIMPLE = frozenset((rows.sum, rows.mean, rows.sum_to, rows.max, rows.min, rows.stack, rows.concatenate, rows.pick))
MARKED: ContextVar[bool] = ContextVar("MARKED", default=False)  # whether the program is for one processor alone


@contextmanager
def marked(on: bool) -> Iterator[None]:
    """Inside, small loops are marked, if so."""
    before = MARKED.set(on)
    try:
        yield
    finally:
        MARKED.reset(before)


def called(loop: Callable[[Value], Value], start: Value, graphs: Sequence[Graph]) -> Value:
    """loop(start), as a call of one function where its steps, which the graphs are, are small."""
    mark = metadata() if MARKED.get() and sum(map(elements, graphs)) <= FEW else None
    if mark is None:
        return loop(start)

    def plain(start: Value) -> Value:
        with mark(**dict.fromkeys(MARKS)):  # the call alone is marked, not what it holds
            return loop(start)

    with mark(**MARKS):
        return jax().jit(plain)(start)


def metadata() -> Any:
    """JAX's way to mark operations for XLA; None in versions that have none."""
    try:
        return import_module("jax.experimental.xla_metadata").set_xla_metadata
    except (ImportError, AttributeError):
        return None


def elements(graph: Graph) -> float:
    """The elements of all values; without end where one is no small arithmetic."""
    return sum(map(entries, graph.order))


def entries(node: Node) -> float:
    row = node.primitive
    if bodies := inner(node):
        return sum(map(elements, bodies))
    if row is rows.pick:
        return 0
    if node.value.__class__ is not Abstract or not (row.leaf or is_simple(node)):
        return float("inf")
    return prod(node.shape)


def inner(node: Node) -> list[Graph]:
    """The graphs of a loop or branch in the step."""
    spelling = node.primitive.spelling
    if "scan" in spelling:
        return [spelling["scan"][0].graph]
    return [body.graph for body in spelling["while_loop"][:2]] if "while_loop" in spelling else []


def is_simple(node: Node) -> bool:
    """Whether XLA writes an operation itself: arithmetic, sums, small products, and what moves elements."""
    row = node.primitive
    if not row.listed or (len(node.operands) > 1 and row is rows.getitem):
        return False
    if row is rows.matmul:
        return prod(node.shape) * node.operands[0].shape[-1] <= PRODUCTS
    return not {"native", "math"}.isdisjoint(row.spelling) or "moves" in row.facts or row in SIMPLE
