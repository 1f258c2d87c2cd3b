"""What networkx may do with a finished graph: read it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import networkx as nx

from ..errors import InputError
from ..types import Function, Key, Value
from .attributes import attributes, marks
from .node import Node

MUTATORS = (
    "add_edge add_edges_from add_node add_nodes_from add_weighted_edges_from clear clear_edges remove_edge "
    "remove_edges_from remove_node remove_nodes_from update"
).split()
if TYPE_CHECKING:
    Multi: TypeAlias = nx.MultiDiGraph[Any]
else:
    Multi = nx.MultiDiGraph  # which takes nothing in brackets at run time
SAID = frozenset("op name value params block position output".split())  # what a graph says of its nodes and edges


def finished(what: str) -> InputError:
    """The error for whoever changes a finished graph."""
    return InputError(
        f"{what}: a finished graph does not change. Change a copy, as in h = g.copy(); Graph.from_networkx(h) checks "
        "it and makes a graph of it again"
    )


def refusal(name: str) -> Function:
    """The method of that name, which refuses."""

    def refuse(self: Value, *args: Any, **kwargs: Any) -> Value:
        raise finished(name)

    refuse.__name__ = name
    refuse.__doc__ = "Refused: a finished graph does not change; a copy does."
    return refuse


class Sealed(dict[Any, Any]):
    """A dictionary that refuses changes."""

    __setitem__: Function = refusal("[...] =")
    __delitem__: Function = refusal("del")
    __ior__: Function = refusal("|=")
    clear: Function = refusal("clear")
    pop: Function = refusal("pop")
    popitem: Function = refusal("popitem")
    setdefault: Function = refusal("setdefault")
    update: Function = refusal("update")

    def __reduce__(self) -> tuple[object, ...]:
        return dict, (dict(self),)


class Attributes(Sealed):
    """The attributes of a node or an edge: others can be added, for layouts say; what the graph says cannot change."""

    def __setitem__(self, key: Key, value: Value) -> None:
        if key in SAID:
            raise finished(f"{key}={value!r:.60}")
        dict.__setitem__(self, key, value)

    def __delitem__(self, key: Key) -> None:
        if key in SAID:
            raise finished(f"del {key}")
        dict.__delitem__(self, key)

    def update(self, *args: Any, **kwargs: Any) -> None:
        for key, value in dict(*args, **kwargs).items():
            self[key] = value

    def __ior__(self, other: Value) -> Value:  # type: ignore[misc]
        self.update(other)
        return self

    def setdefault(self, key: Key, default: Value = None) -> Value:
        if key not in self:
            self[key] = default
        return self[key]

    def pop(self, key: Key, *default: Value) -> Value:
        if key in SAID:
            raise finished(f"pop({key!r})")
        return dict.pop(self, key, *default)


class Order(list[Node]):
    """The nodes in topological order. networkx calls `graph.order()` for their number, so it can be called."""

    def __call__(self) -> int:
        return len(self)

    __setitem__: Function = refusal("order")
    __delitem__: Function = __setitem__
    __iadd__: Function = __setitem__
    __imul__: Function = __setitem__
    append: Function = __setitem__
    clear: Function = __setitem__
    extend: Function = __setitem__
    insert: Function = __setitem__
    pop: Function = __setitem__
    remove: Function = __setitem__
    reverse: Function = __setitem__
    sort: Function = __setitem__


class Finished(Multi):  # type: ignore[misc]
    """A networkx graph of nodes in topological order that does not change; an edge's key is the operand's place."""

    frozen: bool = True  # nx.is_frozen asks for it
    order: Order
    outputs: list[Node]

    # What networkx reads; the dictionaries are made when somebody first asks for them.
    @cached_property
    def _tables(self) -> Value:
        nodes: dict[Node, Value] = {}
        successors: dict[Node, Value] = {}
        predecessors: dict[Node, Value] = {}
        said = marks(self.order, self.outputs)
        for node in self.order:
            nodes[node] = Attributes(attributes(node) | said.get(node, {}))
            successors[node] = {}
            before = predecessors[node] = {}
            for position, x in enumerate(node.operands):
                if x not in before:
                    before[x] = successors[x][node] = Sealed()
                dict.__setitem__(before[x], position, Attributes(position=position))
        return nodes, successors, predecessors

    _node = property(lambda self: self._tables[0])
    _adj = _succ = property(lambda self: self._tables[1])
    _pred = property(lambda self: self._tables[2])

    def __len__(self) -> int:
        return len(self.order)


for _name in MUTATORS:
    setattr(Finished, _name, refusal(f"{_name}()"))
