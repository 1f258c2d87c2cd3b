"""builder: a graph made by hand, operation by operation, with NumPy's functions on values that have no numbers yet."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike

from ..errors import DifflabError, DomainError, InputError, ShapeError, TraceError
from ..primitives import Primitive, rows
from ..types import Function, Params, Shape, Sizes, Value
from .calls import replaced, waiting
from .from_networkx import unusable
from .graph import Graph
from .literals import numeric
from .node import BLOCK, UNKNOWN, Node, Operation
from .recorded import graph_of
from .recording import Tape
from .refusals import several_results, shapes_refused
from .snapshots import sealed
from .text_checks import suggestion
from .traced import PENDING, PYTHON_NUMBERS, SEQUENCES, Traced, apply, unpack
from .vertices import as_value


def builder() -> Builder:
    """Begins a graph that is built by hand: `b = dl.builder()`; its values take operators and NumPy's functions.

    `b.input(name, shape)` and `b.inputs(*names)` make inputs, `b.constant(name, value)` a constant,
    `b.add(name, value)` names a value, and `b.graph(...)` ends with the `Graph`. `with dl.block("layer"):` puts what is
    built inside into a block. Shapes are found out when the graph is called, unless the inputs' shapes are given; then
    wrong shapes are refused at once.

    >>> import difflab as dl
    >>> b = dl.builder()
    >>> x, y = b.inputs("x", "y")
    >>> q = b.add("q", x + y)
    >>> g = b.graph(f=q * b.input("z"))
    >>> g(x=-2, y=5, z=-4), g.forward(x=-2, y=5, z=-4).backward().gradient["x"]
    (np.float64(-12.0), np.float64(-4.0))
    """
    return Builder()


class Builder:
    """A graph under construction; see `builder`."""

    def __init__(self) -> None:
        self._recording = Building()
        self._named: dict[str, Traced] = {}

    def input(self, name: str, shape: Sizes | None = None, dtype: DTypeLike | None = float) -> Traced:
        """A new input. Without `shape` it may have any; () is a number, (3,) a vector. Raises InputError.

        >>> import numpy as np
        >>> b = builder()
        >>> W, x = b.input("W", shape=(2, 3)), b.input("x", shape=(3,))
        >>> (W @ x).shape
        (2,)
        >>> x @ W  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        difflab.errors.ShapeError: matmul: ...
        """
        self._check(name)
        return self._keep(name, self._recording.input(sample(name, shape, dtype), name))

    def inputs(self, *names: str, shape: Sizes | None = None, dtype: DTypeLike | None = float) -> tuple[Traced, ...]:
        """Several inputs of one shape, in this order."""
        for k, name in enumerate(names):
            self._check(name)
            if name in names[:k]:
                raise InputError(f"builder: inputs: the name {name!r} is given twice")
        return tuple(self.input(name, shape, dtype) for name in names)

    def constant(self, name: str, value: Value) -> Traced:
        """A constant with a name: a number or an array. Numbers in formulas, as in 2 * x, need no name."""
        self._check(name)
        if value.__class__ is Traced:
            raise InputError(
                f"builder: constant {name!r} is {value!r}, which is no number; add({name!r}, value) names it"
            )
        value = self._recording.own(as_value(value, f"constant {name!r}"))
        return self._keep(name, self._recording.node(rows.constant, (), {"value": value}, value))

    def add(self, name: str, value: Value) -> Traced:
        """Gives a value its name, for pictures and `graph.node(name)`; returns it.

        A value that has a name already, and an input, stays what it is: the name goes to a new node +value.
        """
        self._check(name)
        self._own(value, f"add: {name!r}")
        if value.name is not None or value.primitive.leaf:
            value = apply(rows.positive, (value,))
        return self._keep(name, value)

    def graph(self, *outputs: Value, **named: Value) -> Graph:
        """The finished graph, once; outputs given by keyword get that name. Several outputs give a tuple.

        Raises InputError for outputs that are not values of this builder.
        """
        self._recording.check_open()
        if not outputs and not named:
            raise InputError("builder: graph() without outputs; give what the graph computes, as in b.graph(f=x * y)")
        for name, value in [*enumerate(outputs), *named.items()]:
            self._own(value, f"graph: output {name!r}")
        ends = [*outputs, *[x if self._named.get(name) is x else self.add(name, x) for name, x in named.items()]]
        inputs = [node for node in self._recording.operations or () if node.primitive is rows.input]
        shapes: dict[Value, Shape] = {node: np.shape(node.value) for node in inputs if node.value is not PENDING}
        graph = graph_of(self._recording.finish(), inputs, ends)
        graph.shapes = shapes
        return graph

    def _own(self, value: Value, what: str) -> None:
        if value.__class__ is not Traced:
            mend = "constant(name, value) makes a constant" if np.isscalar(value) else "give one value"
            raise InputError(f"builder: {what} is {value!r:.60}, which is no value of this builder; {mend}")
        self._recording.check_own(value, f"builder: {what}")

    def _check(self, name: str) -> None:
        self._recording.check_open()
        if not name or (what := unusable(name)):
            raise InputError(f"builder: name={name!r:.60} {what if name else 'is empty'}; give a name such as 'x'")
        if name in self._named:
            raise InputError(f"builder: the name {name!r} is taken, by {self._named[name]!r}; choose another")

    def _keep(self, name: str, node: Traced) -> Traced:
        node.name = name
        self._named[name] = node
        return node

    def __getattr__(self, name: str) -> Value:
        if name.startswith("_"):
            raise AttributeError(name)
        known = [n for n in dir(Builder) if n[0] != "_"]
        hint = f"; np.{name} works on its values" if hasattr(np, name) else suggestion(name, known)
        raise AttributeError(f"a builder has no {name!r}{hint}")

    def __repr__(self) -> str:
        nodes = self._recording.operations
        return "<Builder, its graph is built>" if nodes is None else f"<Builder of {len(nodes)} nodes>"


class Building(Tape):
    """The record of a graph that is built by hand: no branch of Python's can follow a value.

    Where the shapes of the inputs are given, the operations run on numbers made up for them, which shows the shape and
    dtype of each result and what does not fit; the numbers themselves are never used.
    """

    __slots__ = ()
    follows = False
    copied: Function = staticmethod(sealed)

    def __init__(self) -> None:
        super().__init__()
        self.nested = True  # operators take the general way, through `apply` below

    def apply(self, row: Primitive, operands: Sequence[Value], params: Params) -> Value:
        """Records an operation; called by `traced.apply`."""
        for x in operands:
            if x.__class__ is Traced:
                self.check_own(x, row.name)
                if row.kind == "elementwise" and (said := several_results(x)):
                    raise TraceError(f"{row.name}: {said}")
        if "while_loop" in row.spelling:
            raise TraceError(
                "while_loop: how often it runs depends on values, and there are none while a graph is built by hand: "
                "dl.scan has a fixed number of steps, and dl.trace(f, example) records the loop"
            )
        operands, params = tuple([self.own(x) for x in operands]), replaced(params, self.own)
        value = self.guess(row, operands, params)
        node = self.node(row, operands, params, value)
        if value is PENDING and row.outputs:
            parts = [apply(rows.pick, (node,), {"index": i}) for i in range(row.outputs)]
            return row.result(*parts) if row.result else tuple(parts)
        return unpack(row, node) if value.__class__ is tuple else node

    def call(self, row: Primitive, args: Sequence[Value], kwargs: Params) -> Value:
        """Records a call that waits for the shapes of its operands; called by `traced.call_row`."""
        late, operands, params = waiting(row, replaced(tuple(args), self.own), replaced(dict(kwargs), self.own))
        for x in operands:
            self.check_own(x, row.name)
        node = self.node(late, operands, params, PENDING)
        if row.result is None or not row.outputs or kwargs.get("compute_uv") is False:
            return node
        return row.result(*[node[i] for i in range(row.outputs)])

    def node(self, row: Primitive, operands: tuple[Value, ...], params: Params, value: Value) -> Traced:
        return self.record(row, operands, params, value, block=BLOCK.get())

    def guess(self, row: Primitive, operands: Sequence[Value], params: Params) -> Value:
        """The result on made-up numbers, for its shape and dtype; PENDING where it is not known."""
        values = [x.value if x.__class__ is Traced else x for x in operands]
        if any(x is PENDING for x in values) or (row.value_shaped is not None and row.value_shaped(*values)):
            return PENDING
        try:
            with np.errstate(all="ignore"):
                found = row.evaluate(*values, **params)
        except (np.linalg.LinAlgError, DomainError):  # of these numbers
            return PENDING
        except DifflabError:
            raise
        except ValueError as error:
            refused = shapes_refused(row, operands, error)
            raise refused if isinstance(refused, DifflabError) else ShapeError(f"{row.name}: {error}") from None
        if found.__class__ in PYTHON_NUMBERS:
            found = np.asarray(found)[()]
        return tuple(found) if isinstance(found, SEQUENCES) else found

    def finish(self) -> list[Traced]:
        """Ends the building; returns the nodes."""
        nodes = self.close()
        for node in nodes:
            if node.value is PENDING:
                node.value = UNKNOWN
        return nodes

    def own(self, x: Value) -> Value:
        """The graph's own copy of an array, which may change later; the same one as long as it has not changed."""
        return self.snapshot(x) if x.__class__ is np.ndarray else x

    def check_open(self) -> None:
        if self.operations is None:
            raise InputError("builder: its graph has been made, and a builder makes one; dl.builder() begins another")

    def check_own(self, x: Operation, what: str) -> None:
        """Refuses values of other builders, traces and graphs."""
        if x.__class__ is Node:
            raise InputError(f"{what}: {x!r} belongs to a finished graph; call that graph: g({x.name or 'x'}=value)")
        if x.tape is self:
            return
        if x.tape.follows:
            raise TraceError(
                f"{what}: {x!r} is a traced value of a function that runs, and would become a constant; make it an "
                "input of the builder, and call the graph with it"
            )
        raise InputError(f"{what}: {x!r} belongs to another builder; one graph is built with one")


class Symbols(Building):
    """The record of a rule that is run on names alone, for its formula: shapes and dtypes are None."""

    __slots__ = ()

    def symbol(self, name: str) -> Traced:
        return self.input(UNKNOWN, name)

    def guess(self, row: Primitive, operands: Sequence[Value], params: Params) -> Value:
        return UNKNOWN


def sample(name: str, shape: Sizes | None, dtype: DTypeLike | None) -> Value:
    """Made-up numbers of a shape: between 0.5 and 1.5, or zeros where they may be places; PENDING without a shape."""
    if shape is None:
        return PENDING
    try:
        kind = numeric(dtype)
        sizes = (shape,) if isinstance(shape, int | np.integer) else tuple(shape)
        random = np.random.default_rng(len(name)).uniform(0.5, 1.5, sizes)
    except (TypeError, ValueError, OverflowError, MemoryError) as error:
        raise InputError(f"builder: input {name!r} of shape {shape!r} and dtype {dtype!r}: {error}") from None
    return np.asarray(random if kind.kind in "fc" else np.zeros(sizes), kind)[()]
