"""Graph: what the person wrote, node for node, as a networkx graph."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import numpy as np

from ..errors import InputError, ShapeError
from ..garbage import SEARCHED_SELDOM
from ..glance import glance
from ..hooks import Hook
from ..primitives import NUMPY
from ..primitives.primitive import Carrier
from ..types import Params, Shape, Tree, Value
from .block import Block
from .drawable import Drawable, Stepwise
from .node import Node
from .node_carrier import NODE
from .pickles import pickled
from .recording import Tape
from .refusals import moderate, shapes_refused
from .sealed import Finished, Multi, Order
from .snapshots import kept
from .traced import PENDING, Traced, holds_traced
from .vertices import as_value

if TYPE_CHECKING:
    import graphviz


class Graph(Drawable, Finished):
    """A computational graph: its nodes are `Node`s, an edge's key is the operand's position, the order is topological.

    `inputs` and `outputs` are lists of nodes, `blocks` the named groups, `defaults` the values of inputs that a call
    need not give, `notes` where nodes come from. It can be called like the function it
    records, `forward(**inputs)` keeps every value, and every networkx algorithm works on it as it is. It does not
    change: `copy()` and networkx's other functions that make a graph give a `Draft`, which may be changed, and
    `Graph.from_networkx` makes a graph of that again.

    >>> import difflab as dl
    >>> g = dl.parse("q = x + y; f = q * z")
    >>> g(x=-2, y=5, z=-4)
    np.float64(-12.0)
    >>> [n.name for n in g.inputs]
    ['x', 'y', 'z']
    """

    def __new__(cls, incoming: Value = None, *, order: list[Node] | None = None, **rest: Any) -> Value:
        if order is not None:
            return object.__new__(cls)
        return Draft(**rest) if incoming is None else cls.from_networkx(incoming)  # networkx calls type(g)()

    def __init__(
        self,
        incoming: Value = None,
        *,
        order: list[Node] | None = None,
        inputs: Iterable[Node] = (),
        outputs: Iterable[Node] = (),
        rebuild: Callable[[list[Value]], Tree] | None = None,
        flatten: Callable[..., list[Value]] | None = None,
        text: str | None = None,
    ) -> None:
        if order is None:  # __new__ has read a graph of networkx, and this is it
            return
        self.order: Order = Order(order)
        self.inputs: list[Node] = list(inputs)
        self.outputs: list[Node] = list(outputs)
        self.rebuild = rebuild
        self.flatten_inputs = flatten
        self.text = text
        self.partner: dict[Node, Node] = {}
        self.guards: list[tuple[Node, Value]] = []
        self.differentiated: list[Node] = []  # the values of functions whose derivatives it holds, where known
        self.shapes: dict[Node, Shape] = {}  # of inputs, where it was built for these and no others
        self.defaults: dict[Node, Value] = {}  # of inputs that a call need not name, such as a module's weights
        self.notes: dict[Node, str] = {}  # where a node comes from, in words: a line of somebody's source
        self.graph: Params = {}
        self.__networkx_cache__: Params = {}

    @classmethod
    def from_networkx(cls, graph: Value) -> Graph:
        """The graph that a networkx DiGraph or MultiDiGraph describes, checked as a whole.

        A node's attribute `op` says what it does: the name or sign of a row (`"add"`, `"+"`), `"input"`, or
        `"constant"` with `value`. Its name is the attribute `name`, or else its key; `block` is the block it stands in
        (`"layer"`, `"layer/softmax"`). Further attributes, or the dictionary `params`, are parameters in NumPy's names,
        such as `axis=0`. The operand's place is the edge's attribute `position` (0, 1, ..., or the name of an
        argument), or else its key; x * x needs two edges, and so a MultiDiGraph. The inputs are in the order of the
        nodes. The outputs are the graph's attribute `outputs` (keys or names), or else the operations that no other
        reads; several give a tuple. Raises InputError with every mistake named, and how to mend it.

        >>> import networkx as nx
        >>> h = nx.MultiDiGraph()
        >>> h.add_nodes_from("xyz", op="input")
        >>> h.add_node("q", op="add")
        >>> h.add_node("f", op="multiply")
        >>> h.add_edges_from([("x", "q", 0), ("y", "q", 1), ("q", "f", 0), ("z", "f", 1)])
        [0, 1, 0, 1]
        >>> Graph.from_networkx(h)(x=-2, y=5, z=-4)
        np.float64(-12.0)
        >>> h.nodes["f"]["op"] = "sine"
        >>> Graph.from_networkx(h)
        Traceback (most recent call last):
        difflab.errors.InputError: from_networkx: node 'f': there is no operation 'sine'; did you mean 'sin' or 'size'?
        """
        from .from_networkx import parts_of

        return graph if isinstance(graph, Graph) else Graph(**parts_of(graph)._asdict())

    def to_networkx(self) -> Multi:
        """A plain networkx graph of texts and numbers, for files: GraphML, GEXF, JSON. `from_networkx` reads it again.

        Raises UnsupportedError where an operation runs Python functions (scan, custom_gradient): they are no text.

        >>> import difflab as dl, json, networkx as nx
        >>> h = dl.parse("q = x + y; f = q * z").to_networkx()
        >>> h.nodes["q"], h.edges["q", "f", 0]
        ({'op': 'add', 'name': 'q'}, {'position': 0})
        >>> text = json.dumps(nx.node_link_data(h))
        >>> Graph.from_networkx(nx.node_link_graph(json.loads(text)))(x=-2, y=5, z=-4)
        np.float64(-12.0)
        """
        from .to_networkx import Writer

        return Writer(self.inputs, self.order, self.outputs).write()

    def to_directed_class(self) -> type[Draft]:
        """What networkx makes of a graph: a draft, which may be changed."""
        return Draft

    # Copies and pickles.
    def __copy__(self) -> Graph:
        new = type(self)(
            order=self.order,
            inputs=self.inputs,
            outputs=self.outputs,
            rebuild=self.rebuild,
            flatten=self.flatten_inputs,
            text=self.text,
        )
        new.guards, new.partner, new.graph = list(self.guards), dict(self.partner), dict(self.graph)
        new.shapes, new.defaults, new.notes = dict(self.shapes), dict(self.defaults), dict(self.notes)
        return new

    def __deepcopy__(self, memo: object) -> Graph:
        return self.__copy__()  # nodes do not change

    def __reduce__(self) -> tuple[object, ...]:
        return unpickled, pickled(self)

    def __str__(self) -> str:
        return repr(self)

    def __repr__(self) -> str:
        return f"<Graph of {len(self)} nodes, inputs {[n.name for n in self.inputs]}, {len(self.outputs)} output(s)>"

    @property
    def blocks(self) -> list[Block]:
        """The named groups, outer ones first, in the order in which they appear."""
        found: dict[Block, None] = {}
        for node in self.order:
            chain, b = [], node.block
            while b is not None and b not in found:
                chain.append(b)
                b = b.parent
            found.update(dict.fromkeys(reversed(chain)))
        return list(found)

    def node(self, name: str | Node) -> Node:
        """The node of that name; a node is returned as it is."""
        if isinstance(name, Node):
            return name
        for node in reversed(self.order):
            if node.name == name:
                return node
        known = ", ".join(sorted({n.name for n in self.order if n.name}))
        raise InputError(f"the graph has no node named {name!r}; it has {known or 'no names'}")

    def bind(self, args: tuple[Value, ...], kwargs: Params) -> list[Value]:
        """The value of each input, from positional arguments (in the function's structure), from names or defaults."""
        names = [str(n.name) for n in self.inputs]
        if self.flatten_inputs and (self.defaults or not kwargs):
            args = tuple(self.flatten_inputs(*args))
        if self.defaults:
            left = self.inputs[len(args) :]
            kwargs = {str(n.name): self.defaults[n] for n in left if n in self.defaults} | kwargs
        if not kwargs:
            if len(args) != len(names):
                raise InputError(f"the graph has {len(names)} inputs ({', '.join(names)}), {len(args)} given")
            return self.fitting([as_value(x, n) for x, n in zip(args, names)])
        missing = [n for n in names[len(args) :] if n not in kwargs]
        extra = [k for k in kwargs if k not in names[len(args) :]]
        if missing or extra:
            told = [f"no value for {', '.join(map(str, missing))}"] * bool(missing)
            told += [f"there is no input named {', '.join(extra)}"] * bool(extra)
            raise InputError(f"{'; '.join(told)}: the inputs are {', '.join(names)}")
        given = (*args, *(kwargs[n] for n in names[len(args) :]))
        return self.fitting([as_value(x, n) for x, n in zip(given, names)])

    def fitting(self, values: list[Value]) -> list[Value]:
        """The values of the inputs, if they have the shapes that the graph was built for."""
        for node, x in zip(self.inputs, values):
            said = self.shapes.get(node)
            if said is not None and not (x.__class__ is Traced and x.value is PENDING) and x.shape != said:
                raise ShapeError(
                    f"{node.name} has shape {x.shape}, and the graph was built for {said}: give such a value, or build "
                    "it without shapes where none is needed"
                )
        return values

    def evaluate(self, values: list[Value], m: Carrier = NUMPY) -> dict[Node, Value]:
        """The value of every node with the carrier `m`: one loop serves every kind of value."""
        env: dict[Node, Value] = dict(zip(self.inputs, values))
        for node in self.order:
            if node not in env:
                operands = [env[x] for x in node.operands]
                try:
                    env[node] = m.of(node.primitive)(*operands, **node.params)
                except ValueError as error:
                    raise shapes_refused(node.primitive, operands, error) from error.__cause__
                if self.text:
                    moderate(node.primitive, operands, env[node])
        return env

    def __call__(self, *args: Any, **kwargs: Any) -> Value:
        """The outputs at the given inputs; traced values may be given too."""
        values = self.bind(args, kwargs)
        env = self.evaluate(values, NODE if holds_traced(values) else NUMPY)
        results = [env[y] for y in self.outputs]
        return self.rebuild(results) if self.rebuild else results[0] if len(results) == 1 else tuple(results)

    def forward(self, *args: Any, **kwargs: Any) -> ForwardPass:
        """Evaluates the graph and keeps the value of every node: a `ForwardPass`."""
        values = self.bind(args, kwargs)  # as they are now: the pass is read later
        return run_forward(self, [kept(x) for x in values])

    @property
    def operations(self) -> list[Node]:
        """The nodes that compute something: neither inputs nor constants."""
        return [n for n in self.order if n.operands]


class Draft(Drawable, Multi):  # type: ignore[misc]
    """A networkx graph on the way to a `Graph`: what networkx makes of one (copies, subgraphs, compositions).

    It may be changed. `finish()` checks it as `Graph.from_networkx` does and gives the `Graph`; calling the draft, or
    drawing it, does that first. Raises InputError where something is missing or wrong.

    >>> import difflab as dl
    >>> draft = dl.parse("q = x + y; f = q * z").copy()
    >>> draft(x=-2, y=5, z=-4)
    np.float64(-12.0)
    >>> q, f = [node for node in draft if node.name in ("q", "f")]
    >>> draft.remove_edge(q, f)
    >>> draft(x=-2, y=5, z=-4)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    difflab.errors.InputError: from_networkx: ...node 'f': there is an operand 1, and none at position 0...
    """

    def finish(self) -> Graph:
        """The `Graph` of this draft."""
        return Graph.from_networkx(self)

    def to_directed_class(self) -> type[Draft]:
        """What networkx makes of a draft: a draft."""
        return Draft

    def __reduce__(self) -> tuple[object, ...]:
        # Views of networkx, such as a subgraph, hold functions; what they show can be pickled.
        return drafted, (list(self.nodes(data=True)), list(self.edges(keys=True, data=True)), self.graph)

    def __call__(self, *args: Any, **kwargs: Any) -> Value:
        return self.finish()(*args, **kwargs)

    def forward(self, *args: Any, **kwargs: Any) -> ForwardPass:
        """The forward pass of the finished graph."""
        return self.finish().forward(*args, **kwargs)

    def to_graphviz(self, **options: Any) -> graphviz.Digraph:
        """The drawing of the finished graph; see `Graph.to_graphviz`."""
        return self.finish().to_graphviz(**options)

    def _repr_svg_(self) -> str:
        return self.finish()._repr_svg_()

    def __repr__(self) -> str:
        return f"<Draft of {len(self)} nodes; finish() makes a Graph of it>"


def drafted(nodes: list[Value], edges: list[Value], attributes: Params) -> Draft:
    """The draft of these nodes and edges."""
    draft = Draft(**attributes)
    draft.add_nodes_from(nodes)
    draft.add_edges_from(edges)
    return draft


def unpickled(steps: list[Value], kept: Params) -> Graph:
    """The graph again."""
    order: list[Node] = []
    for row, operands, params, value, name, block in steps:
        order.append(Node(row, tuple([order[k] for k in operands]), params, value, name, block))
    inputs, outputs = ([order[k] for k in kept[name]] for name in ("inputs", "outputs"))
    graph = Graph(order=order, inputs=inputs, outputs=outputs, **kept["structure"])
    graph.guards = [(order[k], outcome) for k, outcome in kept["guards"]]
    graph.shapes = {order[k]: shape for k, shape in kept["shapes"]}
    graph.defaults = {order[k]: value for k, value in kept.get("defaults", ())}  # pickles of before have none
    graph.notes = {order[k]: told for k, told in kept.get("notes", ())}
    graph.partner = {order[b]: order[f] for b, f in kept["partner"]}
    graph.graph = kept["attributes"]
    return graph


class Edge(NamedTuple):
    """What flows back from `target` to its operand `source`: upstream times local is downstream.

    `local` is the local derivative of an elementwise operation; for other operations it is None (the transpose of
    the linear map takes its place).
    """

    source: Node
    target: Node
    position: int
    upstream: Value
    local: Value
    downstream: Value


class ByName(dict[Node, Any]):
    """A dictionary of nodes that can also be asked by name: `adjoint[node]`, `adjoint("q")`."""

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self.graph = graph

    def __call__(self, name: str | Node) -> Value:
        return self[self.graph.node(name)]

    def __missing__(self, node: Node) -> NoReturn:
        raise InputError(f"there is no value for {node!r} here")


@dataclass(frozen=True, eq=False, repr=False)
class ForwardPass(Stepwise):
    """The graph at one point: `values[node]`, `value(name)`; `backward()` gives the gradients."""

    graph: Graph
    recorded: dict[Node, Value]  # of each node what was recorded for it
    tape: Tape
    nodes: list[Traced]
    values: ByName

    def __reduce__(self) -> tuple[object, ...]:
        # The recorded values exist only in this process; the pass can be run again.
        return run_forward, (self.graph, [self.values[n] for n in self.graph.inputs])

    def __repr__(self) -> str:
        at = {str(n.name): self.values[n] for n in self.graph.inputs}
        found = [self.values[n] for n in self.graph.outputs]
        return f"<ForwardPass of {len(self.graph)} nodes at {glance(at)}: {glance(found)}>"

    def value(self, name: str | Node) -> Value:
        """The value of the node of that name."""
        return self.values(name)

    def backward(self, seed: Value = None) -> BackwardPass:
        """The backward pass from the first output, with `seed` as its adjoint (ones by default)."""
        return BACKWARD(self, seed)


@SEARCHED_SELDOM
def run_forward(graph: Graph, inputs: list[Value]) -> ForwardPass:
    """The forward pass at the values of the inputs."""
    with Tape() as (tape, nodes), np.errstate(all="ignore"):
        recorded = graph.evaluate([tape.input(x, n.name) for n, x in zip(graph.inputs, inputs)], NODE)
    values = ByName(graph)

    def value(x: Value) -> Value:
        return tuple(map(value, x)) if isinstance(x, tuple) else tape.value_of(x)

    for node, x in recorded.items():
        values[node] = value(x)
    return ForwardPass(graph, recorded, tape, nodes, values)


@dataclass(frozen=True, eq=False, repr=False)
class BackwardPass(Stepwise):
    """The adjoint of every node and what flows along every edge, in the order of the sweep."""

    forward: ForwardPass
    output: Node
    given: Value  # the seed that was asked for
    seed: Value  # the same, or NaN where there is no derivative
    adjoint: ByName
    edges: list[Edge]
    reached: set[Node]

    def __reduce__(self) -> tuple[object, ...]:
        return self.forward.backward, (self.given,)

    def __repr__(self) -> str:
        return f"<BackwardPass of {len(self.graph)} nodes: gradient {glance(self.gradient)}>"

    @property
    def graph(self) -> Graph:
        return self.forward.graph

    @property
    def gradient(self) -> Params:
        """The adjoint of each input, by name."""
        return {str(n.name): self.adjoint[n] for n in self.graph.inputs}


BACKWARD: Hook[[ForwardPass, Value], BackwardPass] = Hook("backward")
