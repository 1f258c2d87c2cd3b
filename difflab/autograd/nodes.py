"""Traces: a function's value with the node of its end, of autograd's classes of nodes or of a program's own."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

from ..differentiate import reverse
from ..differentiate.transform import Recording, separate, zeros
from ..graph.laxity import LAX, NODE_OF_BOX, UNREAD
from ..graph.leaves import check_leaf
from ..graph.recording import Tape
from ..graph.refusals import escaped
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
    box: Traced | None = None  # whose node it is, where a program makes boxes itself

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
    def of(cls, **fields: Value) -> Node:
        """The end of a whole record, or the node of a box."""
        end = cls.__new__(cls)
        end.__dict__.update(fields)
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
        return record.value, JVPNode.of(record=record, g=tangent)
    if isinstance(start_node, VJPNode):
        return record.value, VJPNode.of(record=record)
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
    if end_node.box is not None:
        return swept(g, end_node.box)
    record = end_node.record
    if record is None:
        return g
    return pulled(record, cotangents("backward_pass", g, record.value))


# Boxes that a program makes itself, outside of any trace.
class FreeTape(Tape):
    """The tape of a box that a program made: no function ends it."""

    __slots__ = ()


def new_box(value: Value, trace: object, node: Node) -> Traced:
    """A traced value outside of any trace, with a node at which `backward_pass` ends; it may be an array or a number.

    >>> import numpy as np
    >>> x = new_box(3.0, 0, VJPNode.new_root())
    >>> y = np.square(x)
    >>> y._value, backward_pass(1.0, y._node)
    (np.float64(9.0), np.float64(6.0))
    """
    node.box = FreeTape(guards=UNREAD, laxity=LAX).input(check_leaf(LAX.leaf(value), "new_box"))
    return node.box


def swept(g: Value, box: Traced) -> Value:
    """The cotangent of the first input of a box's tape; a box as cotangent joins that tape, and the result is one."""
    tape = box.tape
    if tape.operations is None:
        raise escaped(box.primitive)
    if g.__class__ is Traced and g.tape is not tape and isinstance(g.tape, FreeTape):
        g = tape.input(g.value)
    seeds = {box: cotangents("backward_pass", g, box.value)[0]}
    start = tape.operations[0]
    found = reverse.sweep(list(tape.operations), seeds, tape.nested)
    return separate([found[start] if start in found else zeros(start.value)], [g])[0]


NODE_OF_BOX.fill(lambda box: VJPNode.of(box=box))


def own_operands(record: Recording, x: Traced) -> Iterator[tuple[int, Traced]]:
    """The operands of an operation that belong to the same recording, with their places."""
    return ((i, y) for i, y in enumerate(x.operands) if record.tape.owns(y))


def operation(row: Value) -> Callable[..., Value]:
    """The row as a function of plain values, by its name."""

    def run(*operands: Value, **params: Any) -> Value:
        return operands[0][params["index"]] if row is rows.pick else apply(row, operands, params)

    run.__name__ = run.__qualname__ = row.name
    return run
