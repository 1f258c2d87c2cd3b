"""Graph: what the person wrote, node for node, as a networkx graph."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any

import networkx as nx
import numpy as np

from ..errors import InputError, ShapeError
from ..primitives import NUMPY, rows
from .block import Block
from .draft import MUTATORS, Attributes, Draft, Sealed, refusal
from .drawable import Drawable
from .kinds import NUMBERS, check_fit
from .node import NO_PARAMS, UNKNOWN, Abstract, Node
from .refusals import shapes_refused
from .snapshots import kept
from .traced import NODE, PENDING, Traced, holds_traced

if TYPE_CHECKING:
    from .passes import ForwardPass


class Order(list[Node]):
    """The nodes in topological order. networkx calls `graph.order()` for their number, so it can be called."""

    def __call__(self) -> int:
        return len(self)

    __setitem__ = __delitem__ = __iadd__ = __imul__ = refusal("order")  # type: ignore[assignment]
    append = clear = extend = insert = pop = remove = reverse = sort = refusal("order")  # type: ignore[assignment]


class Graph(Drawable, nx.MultiDiGraph):  # type: ignore[misc]
    """A computational graph: its nodes are `Node`s, an edge's key is the operand's position, the order is topological.

    `inputs` and `outputs` are lists of nodes, `blocks` the named groups. It can be called like the function it
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

    frozen = True  # nx.is_frozen asks for it

    def __new__(cls, incoming: Any = None, *, order: list[Node] | None = None, **rest: Any) -> Any:
        if order is not None:
            return object.__new__(cls)
        return Draft(**rest) if incoming is None else cls.from_networkx(incoming)  # networkx calls type(g)()

    def __init__(
        self,
        incoming: Any = None,
        *,
        order: list[Node] | None = None,
        inputs: Iterable[Node] = (),
        outputs: Iterable[Node] = (),
        rebuild: Callable[[list[Any]], Any] | None = None,
        flatten: Callable[..., list[Any]] | None = None,
        text: str | None = None,
    ) -> None:
        if order is None:  # __new__ has read a graph of networkx, and this is it
            return
        self.order = Order(order)
        self.inputs = list(inputs)
        self.outputs = list(outputs)
        self.rebuild = rebuild
        self.flatten_inputs = flatten
        self.text = text
        self.partner: dict[Node, Node] = {}
        self.guards: list[tuple[Node, Any]] = []
        self.shapes: dict[Node, tuple[int, ...]] = {}  # of inputs, where it was built for these and no others
        self.graph: dict[str, Any] = {}
        self.__networkx_cache__: dict[str, Any] = {}

    @classmethod
    def from_networkx(cls, graph: Any) -> Graph:
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
        from .from_networkx import from_networkx

        return from_networkx(graph)

    def to_networkx(self) -> nx.MultiDiGraph:
        """A plain networkx graph of texts and numbers, for files: GraphML, GEXF, JSON. `from_networkx` reads it again.

        Raises UnsupportedError where an operation runs Python functions (scan, custom_gradient): they are no text.

        >>> import difflab as dl, json
        >>> h = dl.parse("q = x + y; f = q * z").to_networkx()
        >>> h.nodes["q"], h.edges["q", "f", 0]
        ({'op': 'add', 'name': 'q'}, {'position': 0})
        >>> text = json.dumps(nx.node_link_data(h))
        >>> Graph.from_networkx(nx.node_link_graph(json.loads(text)))(x=-2, y=5, z=-4)
        np.float64(-12.0)
        """
        from .to_networkx import to_networkx

        return to_networkx(self)

    # What networkx reads; the dictionaries are made when somebody first asks for them.
    @cached_property
    def _tables(self) -> Any:
        from .to_networkx import attributes, marks

        nodes: dict[Node, Any] = {}
        successors: dict[Node, Any] = {}
        predecessors: dict[Node, Any] = {}
        said = marks(self)
        for node in self.order:
            nodes[node] = Attributes(attributes(node) | said.get(node, {}))
            successors[node] = {}
            before = predecessors[node] = {}
            for position, x in enumerate(node.operands):
                if x not in before:
                    before[x] = successors[x][node] = Sealed()
                dict.__setitem__(before[x], position, Attributes(position=position))
        return nodes, successors, predecessors

    def to_directed_class(self) -> type[Draft]:
        """What networkx makes of a graph: a draft, which may be changed."""
        return Draft

    _node = property(lambda self: self._tables[0])
    _adj = _succ = property(lambda self: self._tables[1])
    _pred = property(lambda self: self._tables[2])

    def __len__(self) -> int:
        return len(self.order)

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
        new.shapes = dict(self.shapes)
        return new

    def __deepcopy__(self, memo: Any) -> Graph:
        return self.__copy__()  # nodes do not change

    def __reduce__(self) -> Any:
        from .portable import pickled, unpickled

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

    def node(self, name: Any) -> Node:
        """The node of that name; a node is returned as it is."""
        if isinstance(name, Node):
            return name
        for node in reversed(self.order):
            if node.name == name:
                return node
        known = ", ".join(sorted({n.name for n in self.order if n.name}))
        raise InputError(f"the graph has no node named {name!r}; it has {known or 'no names'}")

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
        """The value of each input, from positional arguments (in the function's structure) or from names."""
        names = [str(n.name) for n in self.inputs]
        if not kwargs:
            values = self.flatten_inputs(*args) if self.flatten_inputs else list(args)
            if len(values) != len(names):
                raise InputError(f"the graph has {len(names)} inputs ({', '.join(names)}), {len(values)} given")
            return self.fitting([as_value(x, n) for x, n in zip(values, names)])
        missing = [n for n in names[len(args) :] if n not in kwargs]
        extra = [k for k in kwargs if k not in names[len(args) :]]
        if missing or extra:
            told = [f"no value for {', '.join(map(str, missing))}"] * bool(missing)
            told += [f"there is no input named {', '.join(extra)}"] * bool(extra)
            raise InputError(f"{'; '.join(told)}: the inputs are {', '.join(names)}")
        given = (*args, *(kwargs[n] for n in names[len(args) :]))
        return self.fitting([as_value(x, n) for x, n in zip(given, names)])

    def fitting(self, values: list[Any]) -> list[Any]:
        """The values of the inputs, if they have the shapes that the graph was built for."""
        for node, x in zip(self.inputs, values):
            said = self.shapes.get(node)
            if said is not None and not (x.__class__ is Traced and x.value is PENDING) and x.shape != said:
                raise ShapeError(
                    f"{node.name} has shape {x.shape}, and the graph was built for {said}: give such a value, or build "
                    "it without shapes where none is needed"
                )
        return values

    def evaluate(self, values: list[Any], m: Any = NUMPY) -> dict[Node, Any]:
        """The value of every node with the carrier `m`: one loop serves every kind of value."""
        env: dict[Node, Any] = dict(zip(self.inputs, values))
        for node in self.order:
            if node not in env:
                try:
                    env[node] = m.of(node.primitive)(*[env[x] for x in node.operands], **node.params)
                except ValueError as error:
                    raise shapes_refused(node.primitive, [env[x] for x in node.operands], error) from error.__cause__
        return env

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The outputs at the given inputs; traced values may be given too."""
        values = self.bind(args, kwargs)
        env = self.evaluate(values, NODE if holds_traced(values) else NUMPY)
        results = [env[y] for y in self.outputs]
        return self.rebuild(results) if self.rebuild else results[0] if len(results) == 1 else tuple(results)

    def forward(self, *args: Any, **kwargs: Any) -> ForwardPass:
        """Evaluates the graph and keeps the value of every node: a `ForwardPass`."""
        from .passes import ForwardPass

        values = self.bind(args, kwargs)  # as they are now: the pass is read later
        return ForwardPass(self, [kept(x) for x in values])

    @property
    def operations(self) -> list[Node]:
        """The nodes that compute something: neither inputs nor constants."""
        return [n for n in self.order if n.operands]


for _name in MUTATORS:
    setattr(Graph, _name, refusal(f"{_name}()"))


def as_value(x: Any, name: Any = None) -> Any:
    """x as a NumPy value; `name` is the input that it is given for."""
    if x.__class__ is not np.ndarray or x.dtype.kind not in NUMBERS:
        check_fit(x, f"{name or 'the value'}")
    if x.__class__ is Traced or isinstance(x, np.ndarray | np.generic):
        return x
    if isinstance(x, bool):
        return np.bool_(x)
    if isinstance(x, int | float):
        return np.float64(x)
    found = np.asarray(x)
    check_fit(found, f"{name or 'the value'}={x!r:.60}, which")
    return found


def graph_of(
    operations: list[Traced],
    inputs: list[Traced],
    outputs: list[Any],
    guards: Any = (),
    partner: Any = None,
    **rest: Any,
) -> Graph:
    """A finished graph from an ended recording.

    The recorded values themselves become the vertices: each gives up its value for its shape and dtype, leaves its
    tape, and is a `Node` from then on; what else they are computed from becomes constants. Objects change their class
    here and nowhere else, because a second set of objects costs a trace a fifth of its time.
    """
    order: list[Any] = []
    constants: dict[Any, Node] = {}
    tape = (inputs or operations)[0].tape if inputs or operations else None
    shapes: dict[Any, Abstract] = {}
    scalar = abstract(np.float64(0.0), shapes)

    def constant(x: Any) -> Node:
        plain = strip(x)
        key = (type(plain), repr(plain)) if isinstance(plain, int | float | complex) else id(x)
        if key not in constants:
            value = plain if isinstance(plain, np.ndarray | np.generic) else np.asarray(plain)
            constants[key] = Node(rows.constant, (), {"value": plain}, abstract(value, shapes))
            order.append(constants[key])
        constants[id(x)] = constants[key]
        return constants[key]

    def vertex(x: Any) -> Any:
        if x.__class__ is Traced and x.tape is tape:
            return x
        return constants.get(id(x)) or constant(x)  # kept holds x, so its id stays its own

    kept = []
    for made in operations:
        for x in made.operands:
            if x.__class__ is not Traced or x.tape is not tape:
                kept.append(made.operands)
                made.operands = tuple([vertex(x) for x in made.operands])
                break
        order.append(made)
    results = [vertex(y) for y in outputs]
    for made in operations:
        value = made.value
        made.value = scalar if value.__class__ is np.float64 else abstract(value, shapes)
        del made.tape
        made.__class__ = Node  # type: ignore[assignment]
    graph = Graph(order=order, inputs=inputs, outputs=results, **rest)  # type: ignore[arg-type]
    graph.guards = list(guards)
    graph.partner = dict(partner or {})
    return graph


def strip(x: Any) -> Any:
    while x.__class__ is Traced:
        x = x.value
    return x


def abstract(value: Any, shapes: dict[Any, Abstract]) -> Any:
    """The shape and dtype of a value; one object for each pair, so that a node stays light."""
    if value.__class__ is tuple:
        return tuple([abstract(v, shapes) for v in value])
    key = value.shape, value.dtype
    found = shapes.get(key)
    return found if found is not None else shapes.setdefault(key, Abstract(*key))


def input_node(name: str, value: Any = None) -> Node:
    """An input of a graph under construction."""
    return Node(rows.input, (), NO_PARAMS, value or UNKNOWN, name)


def constant_node(value: Any) -> Node:
    """A constant of a graph under construction."""
    plain = value if isinstance(value, np.ndarray | np.generic) else np.asarray(value)[()]
    return Node(rows.constant, (), {"value": value}, Abstract(plain.shape, plain.dtype))
