"""Traces: a function's value with the node of its end, of autograd's classes of nodes or of a program's own."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

from ..differentiate.transform import Recording
from ..graph.traced import Traced, apply
from ..primitives import rows
from ..types import Function, Params, Tree, Value
from .records import cotangents, pulled, recorded


class Node:
    """A value of a trace. A subclass of a program's own is made of each operation when `trace` begins at one of it.

    `parents` are the nodes of the arguments at the places `parent_argnums`; the beginning has none, and is made by
    `new_root`, whose arguments `initialize_root` takes.
    """

    record: Recording | None = None

    def __init__(
        self,
        value: Value,
        fun: Function,
        args: tuple[Value, ...],
        kwargs: Params,
        parent_argnums: tuple[int, ...],
        parents: tuple[Node, ...],
    ) -> None:
        """Nothing: what a node keeps is its class's business."""

    def initialize_root(self, *args: Any, **kwargs: Any) -> None:
        """Nothing is known at the beginning."""

    @classmethod
    def new_root(cls, *args: Any, **kwargs: Any) -> Any:
        """The beginning of a trace."""
        root = cls.__new__(cls)
        root.initialize_root(*args, **kwargs)
        return root

    @classmethod
    def of(cls, record: Recording, **fields: Value) -> Node:
        """The end of a whole record."""
        end = cls.__new__(cls)
        end.__dict__.update(fields, record=record)
        return end


class VJPNode(Node):
    """A node of reverse mode; `backward_pass` sweeps from it."""


class JVPNode(Node):
    """A node of forward mode, with the tangent `g`."""

    g: Tree = None

    def initialize_root(self, g: Tree = None) -> None:
        self.g = g


def trace(start_node: Node, fun: Function, x: Tree) -> tuple[Tree, Value]:
    """fun's value at x and the node of its end, which is None where that does not hang on x.

    >>> import numpy as np
    >>> value, end = trace(VJPNode.new_root(), np.square, 3.0)
    >>> value, backward_pass(1.0, end)
    (np.float64(9.0), np.float64(6.0))
    """
    record = recorded("trace", fun, x)
    if isinstance(start_node, JVPNode):
        point = record.unflatten_inputs([i.value for i in record.inputs])[0]
        tangent = record.rebuild_output(record.push(cotangents("trace", start_node.g, point)))
        return record.value, JVPNode.of(record, g=tangent)
    if isinstance(start_node, VJPNode):
        return record.value, VJPNode.of(record)
    nodes = own_nodes(record, start_node)
    ends = [nodes[y] for y in record.outputs if y in nodes]
    if not ends:
        warnings.warn("trace: the function's value does not depend on its argument", stacklevel=2)
    return record.value, ends[0] if ends else None


def own_nodes(record: Recording, start: Node) -> dict[Traced, Node]:
    """A node of the start's class for each operation on traced values, in the order in which they ran."""
    nodes = dict.fromkeys(record.inputs, start)
    for made in record.operations:
        parents = [(i, nodes[y]) for i, y in own_operands(record, made) if y in nodes]
        if made in nodes or not parents:
            continue
        args = tuple([record.tape.value_of(y) for y in made.operands])
        places, found = zip(*parents)
        nodes[made] = type(start)(made.value, operation(made.primitive), args, made.params, places, found)
    return nodes


def backward_pass(g: Tree, end_node: Node) -> Tree:
    """The cotangent of a recording's input, from that of its end."""
    record = end_node.record
    if record is None:
        return g
    return pulled(record, cotangents("backward_pass", g, record.value))


def own_operands(record: Recording, x: Traced) -> Iterator[tuple[int, Traced]]:
    """The operands of an operation that belong to the same recording, with their places."""
    return ((i, y) for i, y in enumerate(x.operands) if record.tape.owns(y))


def operation(row: Value) -> Callable[..., Value]:
    """The row as a function of plain values, by its name."""

    def run(*operands: Value, **params: Any) -> Value:
        return operands[0][params["index"]] if row is rows.pick else apply(row, operands, params)

    run.__name__ = run.__qualname__ = row.name
    return run
