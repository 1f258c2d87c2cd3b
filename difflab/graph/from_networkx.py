"""A networkx graph made by hand, checked as a whole and read as a `Graph`: every mistake is named with its mend."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Hashable
from typing import Any, NamedTuple, TypeAlias

import networkx as nx
import numpy as np

from ..errors import InputError
from ..primitives import Primitive, by_numpy_function, rows
from ..primitives.primitive import positional
from ..types import Params, Value
from .block import Block
from .calls import waiting
from .function_names import (
    functions,
    operand_counts,
    operation_named,
    own_signature,
    takes_anything,
)
from .kinds import unfit
from .literals import numeric, read
from .node import UNKNOWN, Node
from .refusals import several_results
from .signatures import binds, misplaced, parameters, takes_more
from .snapshots import sealed
from .vertices import constant_node, input_node

OURS = ("op", "name", "value", "block", "params", "output")
DECORATION = frozenset(
    "label color fillcolor style pos layer subset viz weight".split()
)  # for pictures, by other tools
LEAVES = ("input", "constant")
SHOWN, LONGEST = 8, 100  # mistakes, nodes of a cycle; letters of a name
MOST_DIGITS = 10  # of an operand's place
NEW = "build it with dl.builder(), or give a networkx.DiGraph or MultiDiGraph"


class Parts(NamedTuple):
    """What a graph is made of, in topological order."""

    order: list[Node]
    inputs: list[Node]
    outputs: list[Node]


def parts_of(graph: Value) -> Parts:
    """What `Graph.from_networkx` makes its graph of."""
    if not isinstance(graph, nx.Graph):
        raise InputError(f"from_networkx: {type(graph).__name__} is no networkx graph; {NEW}")
    if not graph.is_directed():
        raise InputError(
            f"from_networkx: {type(graph).__name__} is undirected, so nothing says which end of an edge is the "
            f"operand; {NEW}"
        )
    if not len(graph):
        raise InputError("from_networkx: the graph has no nodes; add_node('x', op='input') adds one")
    return Reader(graph).read()


Meant: TypeAlias = tuple[Primitive, tuple[Node, ...], dict[str, Any]]  # the parts of an operation


class Reader:
    """Reads one networkx graph; what is wrong with it is collected and told together."""

    def __init__(self, graph: Value) -> None:
        self.graph = graph
        self.mistakes: list[str] = []
        self.told: set[Hashable] = set()  # the keys of nodes with mistakes
        self.blocks: dict[Hashable, Block] = {}
        self.operands: dict[Hashable, dict[Value, Hashable]] = {}  # of each key: the operand's key by its place
        self.made: dict[Hashable, Node] = {}

    def read(self) -> Parts:
        for key in self.graph:
            self.operands[key] = self.read_operands(key)
        order = self.order()
        names = self.names()
        for key in order:
            self.made[key] = self.node(key, names[key])
        outputs = self.outputs(names)
        if self.mistakes:
            raise InputError(told(self.mistakes))
        inputs = [self.made[key] for key in self.graph if self.made[key].primitive is rows.input]
        return Parts([self.made[key] for key in order], inputs, [self.made[key] for key in outputs])

    def wrong(self, key: Hashable, message: str) -> None:
        self.told.add(key)
        self.mistakes.append(f"node {shown(key)}: {message}")

    def op(self, key: Hashable) -> Value:
        op = self.graph.nodes[key].get("op")
        return op.strip() if isinstance(op, str) else op

    def is_leaf(self, key: Hashable) -> bool:
        return isinstance(self.op(key), str) and self.op(key) in LEAVES

    # Wires.
    def read_operands(self, key: Hashable) -> dict[Value, Hashable]:
        """The operands by their places: 0, 1, ..., then those with the name of an argument."""
        found: dict[Value, list[Hashable]] = defaultdict(list)
        edges = list(self.graph.in_edges(key, data=True, keys=True)) if self.graph.is_multigraph() else [
            (source, key, None, data) for source, _, data in self.graph.in_edges(key, data=True)
        ]  # fmt: skip
        for source, _, place, data in edges:
            place = data.get("position", place)
            if place is None and len(edges) == 1:
                place = 0
            if (ready := as_place(place)) is None:
                mend = "give the edge position=0, 1, ..., the operand's place (a DiGraph has no keys)"
                said = f"has position {place!r:.60}" if place is not None else "does not say which operand it is"
                self.wrong(key, f"the edge from {shown(source)} {said}; {mend}")
            else:
                found[ready].append(source)
        for place, sources in found.items():
            if len(sources) > 1:
                several = ", ".join(map(shown, sources))
                mend = "give each edge its own key= or position= (networkx numbers the edges between two nodes from 0)"
                self.wrong(key, f"{len(sources)} operands stand at position {place!r}: {several}; {mend}")
        counted = sorted(place for place in found if isinstance(place, int))
        for k in sorted(set(range(len(counted))) - set(counted)):
            self.wrong(key, f"there is an operand {counted[-1]}, and none at position {k}; positions run 0, 1, 2, ...")
        named = [place for place in found if not isinstance(place, int)]
        return {place: found[place][0] for place in (*counted, *named)}

    def order(self) -> list[Hashable]:
        """The keys in topological order, as near to the order of the graph as can be."""
        number = {key: k for k, key in enumerate(self.graph)}
        try:
            return list(nx.lexicographical_topological_sort(self.graph, key=number.__getitem__))
        except nx.NetworkXUnfeasible:
            cycle = [edge[0] for edge in nx.find_cycle(self.graph)]
            rest = [f"... {len(cycle) - SHOWN} more"] * (len(cycle) > SHOWN)
            path = " -> ".join([*map(shown, cycle[:SHOWN]), *rest, shown(cycle[0])])
            self.wrong(cycle[0], f"its value would need itself: {path}; a computational graph has no cycle")
            raise InputError(told(self.mistakes)) from None

    # Names.
    def names(self) -> dict[Hashable, str | None]:
        """The name of each node: the attribute, else the key; each may be used once."""
        found: dict[Hashable, str | None] = {}
        first: dict[str, Hashable] = {}
        for key, data in self.graph.nodes(data=True):
            name = data["name"] if "name" in data else own_name(key)
            if name is not None and (what := unusable(name)):
                self.wrong(key, f"name={name!r:.60} {what}")
                name = None
            found[key] = name or None
            recorded = isinstance(key, Node) and "name" not in data and self.op(key) != "input"
            if name and name in first and not recorded:
                self.wrong(key, f"its name {name!r} is also that of node {shown(first[name])}; give one another name=")
            if name:
                first.setdefault(name, key)
            if not name and self.op(key) == "input":
                self.wrong(key, "an input needs a name, by which its value is given; give name='x'")
        return found

    def block(self, key: Hashable) -> Block | None:
        """The block that a node stands in: a `Block`, or a path such as "layer/softmax"."""
        given = self.graph.nodes[key].get("block")
        if given is None or isinstance(given, Block):
            return given
        if isinstance(given, str) and not given:
            return None
        path = tuple(given) if isinstance(given, list | tuple) else given.split("/") if isinstance(given, str) else ()
        if not path or not all(isinstance(part, str) and part and part.isprintable() for part in path):
            self.wrong(key, f"block={given!r:.60} is no name; write block='layer', or 'layer/softmax' for one inside")
            return None
        inner = None
        for k in range(1, len(path) + 1):  # a number behind # tells blocks of one name apart
            inner = self.blocks.setdefault(tuple(path[:k]), Block(path[k - 1].partition("#")[0] or path[k - 1], inner))
        return inner

    # Nodes.
    def node(self, key: Hashable, name: str | None) -> Node:
        """The node of a key; an empty constant in its place where there is a mistake."""
        op, operands = self.op(key), self.operands[key]
        if self.is_leaf(key) and operands:
            sources = ", ".join(map(shown, operands.values()))
            self.wrong(
                key, f"op={op!r} takes no operands, and edges come from {sources}; turn them round, or change op"
            )
        if self.is_leaf(key) and op == "input":
            self.check_attributes(key)
            node = input_node(name or "")
        elif self.is_leaf(key):
            node = self.constant(key)
            node.name = name
        else:
            node = self.operation(key, name)
        node.block = self.block(key)
        return node

    def constant(self, key: Hashable) -> Node:
        data = self.graph.nodes[key]
        self.check_attributes(key, "value", "dtype")
        value = read(data["value"]) if isinstance(data.get("value"), str) else data.get("value")
        try:
            what = "missing" if value is None else unfit(value) or ragged(value)
            if "dtype" in data and not what:
                given, value = np.asarray(value), np.asarray(value, numeric(data["dtype"]))[()]
                whole = value.dtype.kind in "biu"
                what = f"no {value.dtype.name}" if whole and not np.array_equal(given, value) else ""
        except (TypeError, ValueError, OverflowError) as error:
            what = str(error)
        if what:
            said = "" if "value" not in data else f"={data['value']!r:.60} is {what}"
            self.wrong(key, f"a constant's value{said or ' is missing'}; give value= a number or an array of numbers")
            value = 0.0
        return constant_node(sealed(value) if isinstance(value, list | tuple | np.ndarray) else value)

    def operation(self, key: Hashable, name: str | None) -> Node:
        operands = [self.made[source] for place, source in self.operands[key].items() if isinstance(place, int)]
        named = {place: self.made[source] for place, source in self.operands[key].items() if isinstance(place, str)}
        row = self.row(key, len(operands))
        params = self.params(key)
        if row is None or params is None:
            return constant_node(0.0)
        if "call" in params and row.kind == "deferred":  # from a graph of difflab's
            return Node(row, tuple(operands), params, UNKNOWN, name)
        low, high = operand_counts(row)
        count = len(operands) + len(named)
        if key in self.told:  # its wires are wrong
            return constant_node(0.0)
        if count + len(params) < low or count == 0 or len(operands) > high:
            wanted = f"{low:g}" if low == high else f"{low:g} or more" if high == np.inf else f"{low:g} to {high:g}"
            has = ", ".join(map(shown, self.operands[key].values())) or "none: no edge ends there"
            mend = (
                "remove an edge, or change op" if count > high else "add an edge from each operand, with its position"
            )
            if count <= high and not self.graph.is_multigraph() and self.operands[key]:
                mend += "; x * x needs two edges from x, and so a MultiDiGraph"
            s = "s" * (wanted != "1")
            self.wrong(key, f"{row.name} takes {wanted} operand{s}, and it has {count} ({has}); {mend}")
            return constant_node(0.0)
        for x in operands if row.kind == "elementwise" else ():
            if said := several_results(x):
                self.wrong(key, f"{said}, with op='pick' and index=0")
        meant = self.called(key, row, operands, named | params)
        return Node(*meant, UNKNOWN, name) if meant else constant_node(0.0)

    def row(self, key: Hashable, count: int) -> Primitive | None:
        """The operation that `op` names; where there is none, what was meant."""
        op = self.op(key)
        if isinstance(op, Primitive):
            return op
        if callable(op) and (row := by_numpy_function(op)) is not None:
            return row
        if isinstance(op, str) and (row := operation_named(op.strip(), count)) is not None:
            return row
        if op is None:
            mend = "op='input', or op='constant' with value=" if not self.operands[key] else "op='add', for instance"
            self.wrong(
                key, f"it has no op: give add_node({shown(key)}, {mend}; an edge alone adds a node that has none"
            )
            return None
        close = difflib.get_close_matches(str(op), [*functions(), *LEAVES], n=2, cutoff=0.6)
        mend = (
            f"did you mean {' or '.join(map(repr, close))}?"
            if close
            else "difflab.primitives.table() lists what there is"
        )
        self.wrong(key, f"there is no operation {op!r:.60}; {mend}")
        return None

    def params(self, key: Hashable) -> Params | None:
        """What a node says beside its operands: its further attributes, and those in `params`."""
        data = self.graph.nodes[key]
        given = read(data["params"]) if isinstance(data.get("params"), str) else data.get("params", {})
        if not isinstance(given, dict):
            self.wrong(key, f"params={data['params']!r:.60} is no dictionary, such as {{'axis': 0}}")
            return None
        further = {k: x for k, x in data.items() if k not in (*OURS, "position")}
        both = {k: read(x) if isinstance(x, str) else x for k, x in further.items()}
        if twice := both.keys() & given.keys():
            self.wrong(key, f"params= and the node's attributes both give {', '.join(sorted(twice))}; give it once")
        return {**both, **given}

    def called(self, key: Hashable, row: Primitive, operands: list[Node], settings: Params) -> Meant | None:
        """Row, operands and parameters of the call that is meant: in NumPy's signature, or in the row's own."""
        known = parameters(row)
        settings = {k: x for k, x in settings.items() if k in known or k not in DECORATION}
        args = [operands] if row.reading.lists == "operands" and operands else list(operands)
        if row is rows.getitem and len(operands) == 1 and settings.keys() in ({"key"}, {"index"}):
            return waiting(row, [*args, *settings.values()], {})  # x[key] has no keywords
        rules, anything = own_signature(row), takes_anything(row.signature)
        own = binds(rules, operands, settings) and (anything or not takes_anything(rules) or row.reading.as_recorded)
        if own and row.reading.as_recorded:
            return row, tuple(operands), settings
        for k in settings:
            close = difflib.get_close_matches(str(k), known, n=1, cutoff=0.75)
            if k not in known and (close or not takes_more(row.signature)):
                takes = f"it takes {', '.join(known)}" if known else "it takes operands only"
                mend = f"did you mean {close[0]}?" if close else takes
                self.wrong(key, f"{row.name} has no parameter {k!r}; {mend}")
                return None
        if binds(row.signature, args, settings) and not misplaced(row, operands):
            if row.arguments is positional and not settings:
                return row, tuple(operands), {}
            return waiting(row, args, settings)
        if own:
            return row, tuple(operands), settings
        wanted = ", ".join(map(str, row.signature.parameters.values()))
        self.wrong(key, f"{row.name}({wanted}) cannot be called with {len(operands)} operands and {sorted(settings)}")
        return None

    def check_attributes(self, key: Hashable, *own: str) -> None:
        """Refuses what inputs and constants do not have."""
        known = {"op", "name", "block", "output", "position", *own, *DECORATION}
        for k in self.graph.nodes[key]:
            if k not in known and not (k == "params" and not self.params(key)):
                mend = "its value is given when the graph is called" if k == "value" else f"remove {k}="
                self.wrong(key, f"op={self.op(key)!r} has no {k}=; {mend}")

    # Outputs.
    def outputs(self, names: dict[Hashable, str | None]) -> list[Value]:
        """The keys of the outputs: the graph's attribute, the nodes that say so, or the ends of the graph."""
        given = self.graph.graph.get("outputs")
        if given is not None:
            return self.listed(given, names)
        placed = []
        for key, data in self.graph.nodes(data=True):
            said = read(data["output"]) if isinstance(data.get("output"), str) else data.get("output", ())
            for place in said if isinstance(said, tuple | list) else (said,):
                if (ready := as_place(place)) is None or not isinstance(ready, int):
                    self.wrong(key, f"output={data['output']!r:.60} is no place among the outputs: 0, 1, ...")
                else:
                    placed.append((ready, key))
        if placed:
            return [key for _, key in sorted(placed, key=lambda pair: pair[0])]
        ends = [key for key in self.graph if not self.graph.out_degree(key)]
        return [key for key in ends if not self.is_leaf(key)] or ends

    def listed(self, given: Value, names: dict[Hashable, str | None]) -> list[Value]:
        """The outputs that the graph's attribute lists, by key or by name."""
        given = read(given) if isinstance(given, str) and given not in self.graph else given
        wanted = list(given) if isinstance(given, list | tuple | set) and given not in self.graph else [given]
        by_name = {name: key for key, name in names.items() if name}
        found = []
        for one in wanted:
            key = one if one in self.graph else by_name.get(one) if isinstance(one, str) else None
            if key is None:
                close = difflib.get_close_matches(str(one), list(map(str, [*self.graph, *by_name])), n=1)
                mend = f"did you mean {close[0]!r}?" if close else "give keys or names of nodes"
                self.mistakes.append(f"outputs lists {one!r:.60}, which is no node of the graph; {mend}")
            else:
                found.append(key)
        if not wanted:
            self.mistakes.append("outputs is empty: list what the graph computes, or leave it out")
        return found


def as_place(place: Value) -> int | str | None:
    """An operand's place as a number or as the name of an argument; None if it is neither."""
    if isinstance(place, str):
        if place.strip().isascii() and place.strip().isdigit():
            return int(place) if len(place) < MOST_DIGITS else None
        return place if place.isidentifier() else None
    if isinstance(place, bool) or not isinstance(place, int | float | np.integer | np.floating):
        return None
    return int(place) if 0 <= place < np.inf and place == int(place) else None


def own_name(key: Hashable) -> Value:
    """The name that a node's key gives it."""
    if isinstance(key, Node):
        return key.name
    return key if isinstance(key, str) else str(key) if isinstance(key, int | float | np.integer) else None


def unusable(name: Value) -> str:
    """What is wrong with a name; "" where nothing is."""
    if not isinstance(name, str):
        return f"is of type {type(name).__name__}; a name is text"
    if not name.isprintable():
        return "holds characters that cannot be printed"
    if name != name.strip():
        return "begins or ends with a space"
    return f"is longer than {LONGEST} letters" if len(name) > LONGEST else ""


def ragged(value: Value) -> str:
    """What is wrong with a constant's value; "" where it is a number or an array of numbers."""
    if isinstance(value, str) or (not np.isscalar(value) and not isinstance(value, list | tuple | np.ndarray)):
        return f"of type {type(value).__name__}"
    return unfit(np.asarray(value))


def shown(key: Hashable) -> str:
    return repr(own_name(key)) if isinstance(key, Node) and key.name else f"{key!r:.60}"


def told(mistakes: list[str]) -> str:
    """The mistakes as one message."""
    if len(mistakes) == 1:
        return f"from_networkx: {mistakes[0]}"
    rest = [f"... and {len(mistakes) - SHOWN} more"] * (len(mistakes) > SHOWN)
    return "\n- ".join([f"from_networkx: {len(mistakes)} mistakes", *mistakes[:SHOWN], *rest])
