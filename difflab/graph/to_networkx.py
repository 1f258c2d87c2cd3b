"""A graph as a networkx graph of texts and numbers, for files."""

from __future__ import annotations

import networkx as nx

from ..errors import InputError, UnsupportedError
from ..primitives import Primitive, rows
from ..primitives.deferred import Deferred
from ..types import Params, Value
from .attributes import marks
from .block import Block
from .calls import Call, Place, replaced
from .literals import written
from .node import UNKNOWN, Node
from .sealed import Multi


class Writer:
    """Writes one graph: inputs first and in their order, then the other nodes in topological order."""

    inputs: list[Node]
    order: list[Node]
    outputs: list[Node]

    def __init__(self, inputs: list[Node], order: list[Node], outputs: list[Node]) -> None:
        self.inputs, self.order, self.outputs = inputs, order, outputs
        self.made: Multi = nx.MultiDiGraph()
        self.keys: dict[Node, str] = {}
        self.blocks: dict[Block, str] = {}

    def write(self) -> Multi:
        inputs = set(self.inputs)
        order = [*self.inputs, *(node for node in self.order if node not in inputs)]
        last = {node.name: node for node in order if node.name}  # a name finds the last node that has it
        taken = set(last)
        for number, node in enumerate(order):
            key = node.name if node.name and last[node.name] is node else fresh(f"n{number}", taken)
            taken.add(key)
            self.keys[node] = key
        said = marks(self.order, self.outputs)
        for node in order:
            output = said.get(node, {}).get("output", ())
            name = node.name if node.name and last[node.name] is node else ""
            self.add(node, {"output": written(output if len(output) > 1 else output[0])} if output else {}, name)
        self.one_type()
        return self.made

    def one_type(self) -> None:
        """Makes an attribute that is here a number and there a text a text everywhere, as GEXF demands."""
        for every in ([data for *_, data in self.made.nodes(data=True)], [data for *_, data in self.made.edges.data()]):
            types: dict[str, set[type]] = {}
            for data in every:
                for k, x in data.items():
                    types.setdefault(k, set()).add(type(x))
            for data in every:
                data.update({k: x if isinstance(x, str) else repr(x) for k, x in data.items() if len(types[k]) > 1})

    def add(self, node: Node, output: Params, name: str) -> None:
        row = node.primitive
        said: Params = {"op": row.name, "name": name}
        if row is rows.constant:
            said["value"] = self.text(node, "value", node.params["value"])
            settings: Params = {}
            operands: dict[Value, Node] = {}
        elif isinstance(row, Deferred):
            settings, operands = self.call(node, row.row, node.params["call"])
        elif row.listed:
            settings, operands = node.params, dict(enumerate(node.operands))
        else:
            raise UnsupportedError(
                f"to_networkx: {name or 'a node'} ({row.name}) runs Python functions, which no text holds; draw() and "
                "to_graphviz() show such a graph, and networkx's functions take it as it is"
            )
        if node.block is not None:
            said["block"] = self.path(node.block)
        self.made.add_node(self.keys[node], **said, **self.settings(node, settings), **output)
        for number, (place, x) in enumerate(operands.items()):
            self.made.add_edge(self.keys[x], self.keys[node], key=number, position=place)

    def settings(self, node: Node, settings: Params) -> Params:
        return {k: self.text(node, k, x) for k, x in settings.items()}

    def text(self, node: Node, what: str, x: Value) -> Value:
        try:
            return written(x)
        except InputError as error:
            raise UnsupportedError(f"to_networkx: {what} of {node.name or node.primitive.name}: {error}") from None

    def call(self, node: Node, row: Primitive, call: Call) -> tuple[Params, dict[Value, Node]]:
        """Settings and operands, by place or name, of a call that waits for shapes."""
        operands: dict[Value, Node] = {}
        names, settings = list(row.signature.parameters), dict(call.kwargs)
        if row is rows.getitem:
            args, settings = call.args[:1], {"index": call.args[1]}  # some files keep the name key for themselves
        elif row.reading.lists == "operands":
            listed = isinstance(call.args[0], list)
            args = call.args[0] if listed else ()
            settings |= dict(zip(names[listed:], call.args[listed:]))
        else:
            args = call.args
            if row is rows.einsum and isinstance(args[0], str):
                args, settings["subscripts"] = args[1:], args[0]
            count = max([k + 1 for k, x in enumerate(args) if x.__class__ is Place], default=0)
            if not any(p.kind is p.VAR_POSITIONAL for p in row.signature.parameters.values()):
                settings |= dict(zip(names[count:], args[count:]))
                args = args[:count]
        places: list[tuple[Value, Value]] = [*enumerate(args), *settings.items()]
        settings = {k: x for k, x in settings.items() if x.__class__ is not Place}
        for place, x in places:
            if x.__class__ is Place:
                operands[place] = node.operands[x]
            elif isinstance(place, int):
                operands[place] = self.constant(x)
            elif holds_place(x):
                raise UnsupportedError(
                    f"to_networkx: {place} of {node.name or row.name} holds values inside a list or an index, which "
                    "has no text before shapes are known: dl.trace(graph, *values).to_networkx() writes it at values"
                )
        return settings, operands

    def constant(self, x: Value) -> Node:
        """A setting that stands among operands, as a node of its own."""
        node = Node(rows.constant, (), {"value": x}, UNKNOWN)
        self.keys[node] = fresh(f"n{len(self.keys)}", set(self.keys.values()))
        self.made.add_node(self.keys[node], op="constant", name="", value=self.text(node, "value", x))
        return node

    def path(self, block: Block) -> str:
        """The block's path; a number tells another block of the same name apart."""
        if block not in self.blocks:
            outer = f"{self.path(block.parent)}/" if block.parent is not None else ""
            path = outer + block.name.replace("/", "\N{DIVISION SLASH}")
            self.blocks[block] = fresh(path, set(self.blocks.values()), "#")
        return self.blocks[block]


def fresh(name: str, taken: set[str], mark: str = "_") -> str:
    """The name, with a number where it is taken."""
    k, found = 1, name
    while found in taken:
        k, found = k + 1, f"{name}{mark}{k + 1}"
    return found


def holds_place(x: Value) -> bool:
    found = []
    replaced(x, lambda e: found.append(e) if e.__class__ is Place else None)
    return bool(found)
