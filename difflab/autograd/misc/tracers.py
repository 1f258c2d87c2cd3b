"""Graphs by autograd's names: a function run once and replayed, and the nodes of one run with what they compute."""

from __future__ import annotations

from functools import wraps
from typing import Any

from ...differentiate.transform import Recording
from ...errors import InputError
from ...graph.pytree import flatten
from ...graph.traced import Traced, apply
from ...primitives import rows
from ...types import Function, Params, Tree, Value
from ..nodes import Node, operation, own_operands
from ..records import recorded


def reached(name: str, record: Recording) -> list[Traced]:
    """The operations that the outputs hang on, in the order in which they ran."""
    waiting, seen = [y for y in record.outputs if record.tape.owns(y)], set[Traced]()
    if not waiting:
        raise InputError(f"{name}: the function's result does not depend on its arguments: there is no graph of it")
    while waiting:
        x = waiting.pop()
        if x not in seen:
            seen.add(x)
            waiting += [y for _, y in own_operands(record, x)]
    return [x for x in record.operations if x in seen]


class ConstGraphNode(Node):
    """An operation of `const_graph`'s: `partial_fun` computes it from the values of its `parents`."""

    def __init__(self, partial_fun: Function | None = None, parents: list[ConstGraphNode] | None = None) -> None:
        self.partial_fun = partial_fun
        self.parents: list[ConstGraphNode] = parents or []


def _replayed(row: Value, operands: tuple[Value, ...], params: Params, places: list[int]) -> Function:
    """The operation as a function of the operands at some places."""

    def run(values: list[Value]) -> Value:
        full = list(operands)
        for i, x in zip(places, values):
            full[i] = x
        return full[0][params["index"]] if row is rows.pick else apply(row, tuple(full), params)

    return run


def const_graph_unary(fun: Function) -> Function:
    """`const_graph` for a function of one argument."""
    kept: list[Any] = []

    def first(x: Tree) -> Tree:
        record = recorded("const_graph", fun, x)
        nodes: dict[Traced, ConstGraphNode] = {i: ConstGraphNode() for i in record.inputs}
        for made in reached("const_graph", record):
            if made not in nodes:
                own = list(own_operands(record, made))
                run = _replayed(made.primitive, made.operands, made.params, [i for i, _ in own])
                nodes[made] = ConstGraphNode(run, [nodes[y] for _, y in own])
        ends = [nodes[y] if record.tape.owns(y) else y for y in record.outputs]
        kept.append(([nodes[i] for i in record.inputs], list(nodes.values()), ends, record.rebuild_output))
        return record.value

    def cached(x: Tree) -> Tree:
        if not kept:
            return first(x)
        inputs, order, ends, rebuild = kept[0]
        values = dict(zip(inputs, flatten(x)[0], strict=True))
        for node in order:
            if node not in values:
                values[node] = node.partial_fun([values[p] for p in node.parents])
        return rebuild([values[y] if isinstance(y, ConstGraphNode) else y for y in ends])

    return cached


def const_graph(fun: Function, *args: Any, **kwargs: Any) -> Function:
    """fun, with these arguments in front, run at the first call; later calls repeat the operations that it did then.

    That is right for a function which does the same operations whatever its arguments are: branches, and loops whose
    length they decide, stay as they were at first. Raises `InputError` where the result does not depend on them.

    >>> import numpy as np
    >>> runs = []
    >>> f = const_graph(lambda x: runs.append(x) or np.sum(x**2))
    >>> f(np.ones(2)), f(2 * np.ones(2)), len(runs)
    (np.float64(2.0), np.float64(8.0), 1)
    """
    unary = const_graph_unary(lambda rest: fun(*args, *rest, **kwargs))

    @wraps(fun)
    def cached(*rest: Any) -> Tree:
        return unary(rest)

    return cached


class FullGraphNode(Node):
    """A value of one run: `recipe` is (fun, args, kwargs, parents), and fun(*args, **kwargs) gives it again.

    `parents` are pairs of an argument's place and its node; those of an input are empty.
    """

    def __init__(self, value: Value = None, recipe: tuple[Function, Any, Params, list[Any]] | None = None) -> None:
        self.value = value
        self.recipe: tuple[Function, Any, Params, list[Any]] = recipe or (lambda x: x, (), {}, [])

    @property
    def parents(self) -> list[FullGraphNode]:
        """The nodes of the arguments."""
        return [node for _, node in self.recipe[3]]


def full_graph(fun: Function, *args: Any, **kwargs: Any) -> FullGraphNode:
    """The node of fun's result at these arguments, by which all others are found; the result is one array or number.

    >>> end = full_graph(lambda x, y: x * y + x, 2.0, 3.0)
    >>> end.value, end.recipe[0].__name__, [(place, node.value) for place, node in end.recipe[3]]
    (np.float64(8.0), 'add', [(0, np.float64(6.0)), (1, np.float64(2.0))])
    """
    record = recorded("full_graph", lambda rest: fun(*rest, **kwargs), args)
    if len(record.outputs) != 1:
        raise InputError(f"full_graph: the function returned {len(record.outputs)} arrays; it has to return one")
    nodes: dict[Traced, FullGraphNode] = {}
    for made in reached("full_graph", record):
        if not made.operands:
            nodes[made] = FullGraphNode(made.value)
            continue
        operands = tuple([record.tape.value_of(y) for y in made.operands])
        parents = [(i, nodes[y]) for i, y in own_operands(record, made)]
        nodes[made] = FullGraphNode(made.value, (operation(made.primitive), operands, made.params, parents))
    return nodes[record.outputs[0]]


__all__ = ["ConstGraphNode", "FullGraphNode", "const_graph", "const_graph_unary", "full_graph"]
