"""A first axis of any length: what differs between the models of two lengths is computed from the input's."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import numpy as np

from ...errors import InputError, UnsupportedError
from ...graph.pytree import flatten
from ...late import Late
from ...types import Array, Tree, Value

onnx: Value = Late("onnx")
NAME = "batch"
FIXED = "to_onnx(batch=True): {what} hangs on the length of the batch in a way that ONNX's shapes do not tell"


def with_batch_axis(made: Value, longer: Callable[[tuple[Tree, ...]], Value], examples: tuple[Tree, ...]) -> Value:
    """The model with a first axis of any length, from those of the examples and of one row more."""
    leaves = [x for e in examples for x in flatten(e)[0]]
    lengths = {np.shape(x)[:1] for x in leaves}
    if len(lengths) != 1 or () in lengths:
        told = f"the first axes of the examples are {sorted(lengths)}; they must be one"
        raise InputError(f"to_onnx: batch=True, and {told}")
    ((n,),) = lengths
    if n < 2:
        raise InputError("to_onnx: batch=True needs examples of at least two rows, to tell the batch from other axes")
    more = [flatten(e)[1]([row_more(x) for x in flatten(e)[0]]) for e in examples]
    other = longer(tuple(more))
    return Batched(made, other, n).model


def row_more(x: Value) -> Value:
    return np.concatenate([np.asarray(x), np.asarray(x)[:1]])


class Batched:
    """Two models of one function, for n rows and for n + 1."""

    def __init__(self, one: Value, other: Value, n: int) -> None:
        self.n = n
        self.nodes: list[Value] = []
        self.added: list[Value] = []
        self.counter: count[int] = count()
        self.model: Value = onnx.ModelProto()
        self.model.CopyFrom(one)
        graph = self.model.graph
        if [x.op_type for x in one.graph.node] != [x.op_type for x in other.graph.node]:
            raise UnsupportedError(FIXED.format(what="the list of operations"))
        self.replaced: dict[tuple[str, str], str] = {}
        read = onnx.numpy_helper.to_array
        self.values: list[dict[str, Array]] = [{t.name: read(t) for t in m.graph.initializer} for m in (one, other)]
        self.length: str = "batch_length"
        first = graph.input[0].name
        self.nodes.append(onnx.helper.make_node("Shape", [first], [self.length], start=0, end=1))
        rewritten = [self.rewritten(a, b) for a, b in zip(one.graph.node, other.graph.node)]
        del graph.node[:]
        graph.node.extend([*self.nodes, *rewritten])
        used = {x for node in graph.node for x in node.input} | inner_names(graph)
        kept = [t for t in graph.initializer if t.name in used]
        del graph.initializer[:]
        graph.initializer.extend([*kept, *self.added])
        for a, b, mine in zip(
            [*one.graph.input, *one.graph.output],
            [*other.graph.input, *other.graph.output],
            [*graph.input, *graph.output],
        ):
            name_axes(a, b, mine)
        onnx.checker.check_model(self.model)

    def rewritten(self, a: Value, b: Value) -> Value:
        """A node whose constants that differ are computed."""
        node = onnx.NodeProto()
        node.CopyFrom(a)
        for mine, one, other in zip(node.attribute, a.attribute, b.attribute):
            if mine.type == onnx.AttributeProto.GRAPH:
                self.body(mine.g, one.g, other.g)
            elif one.SerializeToString() != other.SerializeToString():
                raise UnsupportedError(FIXED.format(what=f"a {a.op_type}"))
        for k, (x, y) in enumerate(zip(a.input, b.input)):
            if x in self.values[0] and y in self.values[1]:
                node.input[k] = self.constant(x, y, a.op_type)
        return node

    def body(self, mine: Value, one: Value, other: Value) -> None:
        """The same in the body of a loop or a branch, which sees what is computed around it."""
        if [x.op_type for x in one.node] != [x.op_type for x in other.node]:
            raise UnsupportedError(FIXED.format(what="the list of operations of a body"))
        rewritten = [self.rewritten(a, b) for a, b in zip(one.node, other.node)]
        del mine.node[:]
        mine.node.extend(rewritten)
        ends = ([*g.input, *g.output] for g in (one, other, mine))
        for a, b, c in zip(*ends):
            name_axes(a, b, c)

    def constant(self, x: str, y: str, op: str) -> str:
        """The name of a constant: as it is, or of what computes it from the length."""
        one, other = self.values[0][x], self.values[1][y]
        if one.shape == other.shape and np.array_equal(one, other, equal_nan=one.dtype.kind == "f"):
            return x
        if (x, y) not in self.replaced:
            if one.dtype == np.int64 and one.ndim == 1 and one.shape == other.shape:
                self.replaced[x, y] = self.sizes(one, other, op)
            else:
                self.replaced[x, y] = self.filled(one, other, op)
        return self.replaced[x, y]

    def name(self) -> str:
        return f"batch_{next(self.counter)}"

    def keep(self, array: Array) -> str:
        name = self.name()
        self.added.append(onnx.numpy_helper.from_array(array, name))
        return name

    def sizes(self, one: Array, other: Array, op: str) -> str:
        """Lengths that are a multiple of the batch's, beside others that are fixed."""
        step = other - one
        fixed = one - step * self.n
        scaled = self.name()
        self.nodes.append(onnx.helper.make_node("Mul", [self.length, self.keep(step)], [scaled]))
        found = self.name()
        self.nodes.append(onnx.helper.make_node("Add", [scaled, self.keep(fixed)], [found]))
        return found

    def filled(self, one: Array, other: Array, op: str) -> str:
        """An array of one number whose shape hangs on the batch; anything else is refused."""
        values = np.unique(np.concatenate([one.ravel(), other.ravel()]))
        if len(values) != 1 or one.ndim != other.ndim:
            raise UnsupportedError(FIXED.format(what=f"a constant of a {op}"))
        shape = self.sizes(np.array(one.shape, np.int64), np.array(other.shape, np.int64), op)
        found = self.name()
        self.nodes.append(onnx.helper.make_node("Expand", [self.keep(values.reshape(())), shape], [found]))
        return found


def inner_names(graph: Value) -> set[str]:
    """What the bodies of loops and branches read."""
    found: set[str] = set()
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                body = attribute.g
                found |= {x for inside in body.node for x in inside.input} | inner_names(body)
    return found


def name_axes(a: Value, b: Value, mine: Value) -> None:
    """Gives the axes whose lengths differ a name in place of a number."""
    dims = (a.type.tensor_type.shape.dim, b.type.tensor_type.shape.dim, mine.type.tensor_type.shape.dim)
    for x, y, z in zip(*dims):
        if x.dim_value != y.dim_value:
            z.ClearField("dim_value")
            z.dim_param = NAME
