"""Node: one recorded operation, which behaves like the array it stands for.

While a function runs on traced values, every operation makes a `Node` that holds the row, its operands and the
value. The same class is the vertex of a finished `Graph`, where `value` is only the shape and dtype.
"""

from __future__ import annotations

import itertools
from contextvars import ContextVar
from typing import Any, NamedTuple

import numpy as np

from ..errors import TraceError
from ..primitives import TABLE, Carrier, Primitive, by_numpy_function, rows
from ..primitives.primitive import positional
from .kinds import FITTING, NUMBERS, check_operands
from .leaks import leak
from .refusals import (
    escaped,
    in_place,
    nearest,
    no_attribute,
    objects,
    shape_unknown,
    shapes_refused,
    undecided,
    vertex_used,
)
from .snapshots import copied, is_fixed, same_bytes
from .torch_names import keywords_refused

NO_PARAMS: dict[str, Any] = {}
SEQUENCES = (tuple, list)
PYTHON_NUMBERS = frozenset((bool, int, float, complex))
IN_PLACE = ("copyto", "fill_diagonal", "place", "put", "put_along_axis", "putmask")
BLOCK: ContextVar[Any] = ContextVar("difflab_block", default=None)
_serials = itertools.count()


class Abstract(NamedTuple):
    """The shape and dtype of a value that is not kept; None where it is not known."""

    shape: tuple[int, ...] | None
    dtype: Any


UNKNOWN = Abstract(None, None)


class Pending:
    """The value of a node of which a builder knows no shape; whoever asks for it is told so."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__array__":  # a protocol that asks whether it is spoken here
            raise AttributeError(name)
        raise shape_unknown(name)


PENDING = Pending()


class Shape(tuple[int, ...]):
    """A guard's outcome: the shape of a node whose shape depends on values (a mask, a search)."""

    __slots__ = ()


class Trace:
    """The record of one run of a function: its nodes, in the order in which they were made."""

    __slots__ = ("guards", "nested", "nodes", "serial", "snapshots")
    follows = True  # Python's branches follow the values that flow
    copied = staticmethod(copied)

    def __init__(self) -> None:
        self.serial = next(_serials)
        self.nodes: list[Node] | None = []
        self.guards: list[tuple[Node, Any]] = []
        self.nested = False
        self.snapshots: dict[int, tuple[Any, Any]] = {}  # by the id of a plain array: itself, and a copy

    def kept(self, operands: Any) -> Any:
        """The operands with plain arrays as they are now: the function, or its caller, may fill them again."""
        return tuple([self.snapshot(x) if x.__class__ is np.ndarray else x for x in operands])

    def snapshot(self, x: Any) -> Any:
        """The array if nobody can write into it, else a copy: the same one for each use with the same elements."""
        known = self.snapshots.get(id(x))
        if known is not None and same_bytes(known[1], x):
            return known[1]
        if is_fixed(x):
            return x
        copy = self.copied(x)
        self.snapshots[id(x)] = x, copy
        return copy

    def input(self, value: Any, name: str | None = None) -> Node:
        """A new input of the trace."""
        if value.__class__ is Node:
            self.nested = True
        node = Node(rows.input, (), NO_PARAMS, value, self, name, None)
        self.nodes.append(node)  # type: ignore[union-attr]
        return node

    def compute(self, row: Primitive, values: Any, params: Any) -> Any:
        """What an operation comes to where its operands belong to an outer trace, too."""
        return apply(row, values, params)

    def close(self) -> list[Node]:
        """Ends the recording; nodes used from now on are refused. Returns the nodes."""
        nodes, self.nodes = self.nodes, None
        return nodes or []


class Node:
    """One operation of a graph, or an input, or a constant. Behaves as the array that it computes."""

    __slots__ = ("block", "name", "operands", "params", "primitive", "recording", "value")
    __array_priority__ = 1000

    def __init__(
        self, primitive: Primitive, operands: Any, params: Any, value: Any, trace: Any, name: Any, block: Any
    ) -> None:
        self.primitive = primitive
        self.operands = operands
        self.params = params
        self.value = value
        self.recording = trace
        self.name = name
        self.block = block

    # What an array knows about itself.
    @property
    def shape(self) -> Any:
        return self.value.shape

    @property
    def dtype(self) -> Any:
        return self.value.dtype

    @property
    def ndim(self) -> int:
        return len(self.value.shape)

    @property
    def size(self) -> int:
        n = 1
        for k in self.value.shape:
            n *= k
        return n

    @property
    def itemsize(self) -> int:
        return self.dtype.itemsize  # type: ignore[no-any-return]

    @property
    def nbytes(self) -> int:
        return self.size * self.itemsize

    @property
    def T(self) -> Node:
        return call("transpose", self)

    @property
    def mT(self) -> Node:
        return call("swapaxes", self, -1, -2)

    @property
    def real(self) -> Node:
        return call("real", self)

    @property
    def imag(self) -> Node:
        return call("imag", self)

    @property
    def flat(self) -> Any:
        return iter(call("ravel", self))

    def __len__(self) -> int:
        if not self.shape:  # where a builder knows no shape, it says so
            raise TypeError("len() of a traced value of shape (): it is a single number")
        return self.shape[0]  # type: ignore[no-any-return]

    def __iter__(self) -> Any:
        row = self.primitive
        if row.kind == "deferred" and row.row.outputs:  # type: ignore[attr-defined]
            return (self[i] for i in range(row.row.outputs))  # type: ignore[attr-defined]
        if self.value is None or self.shape is None:
            raise TraceError("a node of unknown shape cannot be iterated over")
        if not self.shape:
            raise TypeError("a traced value of shape () is a single number and cannot be iterated over")
        return (self[i] for i in range(self.shape[0]))

    def __getitem__(self, key: Any) -> Node:
        return call("getitem", self, key)

    __hash__ = object.__hash__  # by identity: nodes are keys

    def __eq__(self, other: Any) -> Any:
        if self.recording is None:
            return self is other
        return apply(rows.equal, (self, other))

    def __ne__(self, other: Any) -> Any:
        if self.recording is None:
            return self is not other
        return apply(rows.not_equal, (self, other))

    def __repr__(self) -> str:
        label = f" {self.name!r}" if self.name else ""
        if self.value is PENDING:
            return f"<Node {self.primitive.name}{label}, of unknown shape>"
        shape = getattr(self.value, "shape", None)
        kept = f", value {self.value!r}" if self.has_value and self.value.__class__ is not Node else ""
        return f"<Node {self.primitive.name}{label}, shape {shape}, dtype {getattr(self.value, 'dtype', None)}{kept}>"

    def __format__(self, spec: str) -> str:
        return format(self.value, spec) if spec and self.has_value else repr(self)

    @property
    def has_value(self) -> bool:
        """Whether a value flows: not in a finished graph, nor while one is built by hand."""
        return self.recording is not None and self.recording.follows

    # Python asks for a concrete value.
    def __bool__(self) -> bool:
        if self.recording is None:
            return True
        if not self.recording.follows:
            raise undecided(self)
        outcome = bool(self.value)
        if self.recording.nodes is not None:
            self.recording.guards.append((self, outcome))
        return outcome

    def __index__(self) -> int:
        if self.recording is not None and not self.recording.follows:
            raise undecided(self)
        if self.recording is None or self.dtype.kind not in "iu":
            raise TraceError(
                f"a traced value of dtype {self.dtype} cannot be used as an integer index or a count: give a plain "
                "int, or x.astype(int)"
            )
        outcome = self.value.__index__()
        if self.recording.nodes is not None:
            self.recording.guards.append((self, outcome))
        return outcome  # type: ignore[no-any-return]

    def __int__(self) -> int:
        if self.recording is not None and not self.recording.follows:
            raise undecided(self)
        if self.recording is not None and self.dtype.kind in "iu":
            return self.__index__()
        raise leak("int()")

    def __float__(self) -> float:
        raise leak("float()")

    def __complex__(self) -> complex:
        raise leak("complex()")

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise leak("np.array")

    def item(self, *args: Any) -> Any:
        raise leak(".item()")

    def tolist(self) -> Any:
        raise leak(".tolist()")

    def __setitem__(self, key: Any, value: Any) -> None:
        raise TraceError(
            "a traced value cannot be assigned into: build the new array instead, "
            "with np.where(mask, new, old), np.concatenate or np.stack"
        )

    # NumPy hands the call over.
    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        out = kwargs.pop("out", None)
        if out is not None:
            raise in_place(f"np.{ufunc.__name__}(..., out=)")
        if method == "at":
            raise in_place(f"np.{ufunc.__name__}.at")
        if method in ("reduce", "accumulate"):
            kwargs.setdefault("axis", 0)
        row = by_numpy_function(ufunc if method == "__call__" else (ufunc, method))
        if row is None:
            if method == "outer":
                return outer_ufunc(ufunc, *inputs, **kwargs)
            suffix = "" if method == "__call__" else "." + method
            name = ufunc.__name__
            raise TraceError(f"np.{name}{suffix} has no derivative rule in difflab; {nearest(name)}")
        return call_row(row, *inputs, **kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        row = by_numpy_function(function)
        if row is None:
            name = getattr(function, "__name__", repr(function))
            if name in IN_PLACE:
                raise in_place(f"np.{name}")
            raise TraceError(f"np.{name} does not take traced values in difflab; {nearest(name)}")
        return call_row(row, *args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # a protocol that asks whether it is spoken here
            raise AttributeError(name)
        raise no_attribute(name, dir(Node))

    def astype(self, dtype: Any, *args: Any, **kwargs: Any) -> Node:
        return call("astype", self, dtype)

    def view(self, *args: Any, **kwargs: Any) -> Any:
        raise TraceError(
            ".view() reinterprets memory and has no derivative; x.astype(dtype) converts, and PyTorch's "
            "x.view(1, 3, -1) is NumPy's x.reshape(1, 3, -1)"
        )

    def copy(self, *args: Any) -> Node:
        return self

    def __copy__(self) -> Node:
        return self

    def __deepcopy__(self, memo: Any) -> Node:
        return self

    def conj(self) -> Node:
        return call("conjugate", self)

    conjugate = conj

    def reshape(self, *shape: Any, order: str = "C") -> Node:
        return call("reshape", self, shape[0] if len(shape) == 1 else shape, order=order)

    def transpose(self, *axes: Any) -> Node:
        return call("transpose", self, axes[0] if len(axes) == 1 else (axes or None))

    def flatten(self, order: str = "C") -> Node:
        return call("ravel", self, order=order)

    def compress(self, condition: Any, axis: Any = None) -> Node:
        return call("compress", condition, self, axis)  # type: ignore[no-any-return]

    def __round__(self, digits: int = 0) -> Node:
        return call("round", self, digits or 0)

    def __floor__(self) -> Node:  # what math.floor, ceil and trunc ask for
        return call("floor", self)  # type: ignore[no-any-return]

    def __ceil__(self) -> Node:
        return call("ceil", self)  # type: ignore[no-any-return]

    def __trunc__(self) -> Node:
        return call("trunc", self)  # type: ignore[no-any-return]

    def __divmod__(self, other: Any) -> Any:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> Any:
        return other // self, other % self

    def __reduce_ex__(self, protocol: Any) -> Any:
        if self.recording is not None:
            raise TraceError("a traced value cannot be pickled: it exists only while its function runs")
        return super().__reduce_ex__(protocol)


def apply(row: Primitive, operands: Any, params: Any = NO_PARAMS) -> Any:
    """The operation on plain or traced operands; a traced operand makes a new node in the innermost trace."""
    trace = None
    mixed = odd = False
    plain = False
    for x in operands:
        if x.__class__ is Node:
            t = x.recording
            if t is None:
                return untyped(row, operands, params)
            if t is not trace:
                mixed = trace is not None
                if trace is None or t.serial > trace.serial:
                    trace = t
        elif x.__class__ is np.ndarray:
            plain = True
            odd = odd or x.dtype.kind not in NUMBERS
        elif x.__class__ not in FITTING:
            odd = True
    if trace is None:
        return row.evaluate(*operands, **params)
    if trace.nodes is None:
        raise escaped(row)
    if odd:
        check_operands(row.name, operands)
    if not trace.follows:
        return trace.apply(row, operands, params)  # type: ignore[attr-defined]
    if plain:
        operands = trace.kept(operands)
    values = [x.value if x.__class__ is Node and x.recording is trace else x for x in operands]
    if mixed or trace.nested:
        value = trace.compute(row, values, params)
        if value.__class__ is Node:
            trace.nested = True
    else:
        try:
            value = row.evaluate(*values, **params)
        except ValueError as error:
            raise shapes_refused(row, operands, error) from error.__cause__
    if value.__class__ in PYTHON_NUMBERS:  # 1j * np.float64(2) is Python's complex, not NumPy's
        value = np.asarray(value)[()]
    if odd and getattr(getattr(value, "dtype", None), "kind", "") == "O":
        raise objects(row, [type(x).__name__ for x in operands if x.__class__ is not Node])
    several = isinstance(value, SEQUENCES)
    node = Node(row, operands, params, tuple(value) if several else value, trace, None, BLOCK.get())
    trace.nodes.append(node)
    return unpack(row, node) if several else node


def unpack(row: Primitive, node: Node) -> Any:
    """The outputs of an operation that has several, each as a node of its own."""
    if any(x.__class__ is Node for x in node.value):
        node.recording.nested = True
    parts = [apply(rows.pick, (node,), {"index": i}) for i in range(len(node.value))]
    return row.result(*parts) if row.result else tuple(parts)


def untyped(row: Primitive, operands: Any, params: Any) -> Node:
    """A vertex of a graph under construction, without a value (text and sympy expressions)."""
    other = [x for x in operands if x.__class__ is Node and x.value is not UNKNOWN and x.primitive is not rows.constant]
    if other:  # vertices of finished recordings, and values of running ones
        raise vertex_used(row, next((x for x in other if x.recording is None), other[0]))
    return Node(row, tuple(operands), params, UNKNOWN, None, None, BLOCK.get())


def call_row(row: Primitive, *args: Any, **kwargs: Any) -> Any:
    """A call in NumPy's signature."""
    instead: list[str]
    if (builder := pending(args) or pending(kwargs.values())) and row.arguments is not positional:
        return builder.call(row, args, kwargs)
    try:
        operands, params, *instead = row.arguments(*args, **kwargs)
    except (TypeError, ValueError):
        if (refusal := keywords_refused(row.name, kwargs)) is not None:
            raise refusal from None
        raise
    if instead:  # the call means another row
        row = TABLE[instead[0]]
    result = apply(row, tuple([operand(x) for x in operands]), params)
    if row.value_shaped is not None and row.value_shaped(*operands):
        guard_shape(result)
    return result


def pending(xs: Any) -> Any:
    """The builder of a value whose shape is not known, among arguments and in their lists; None without one."""
    for x in xs:
        if x.__class__ is Node:
            if x.value is PENDING:
                return x.recording
        elif (x.__class__ is list or x.__class__ is tuple) and (found := pending(x)):
            return found
    return None


def guard_shape(result: Any) -> None:
    """Notes that the shape of a result came from values, for programs that are run on other values."""
    first = result[0] if isinstance(result, SEQUENCES) else result
    if first.__class__ is Node and first.has_value:
        first.recording.guards.append((first, Shape(first.shape)))
        guard_shape(first.value)


def call(name: str, *args: Any, **kwargs: Any) -> Any:
    """A call of the named row in NumPy's signature."""
    return call_row(TABLE[name], *args, **kwargs)


def operand(x: Any) -> Any:
    """Lists become arrays (of nodes, where they hold nodes); everything else stays as it is."""
    if x.__class__ is list or x.__class__ is tuple:
        return assemble(x)
    return x


def assemble(x: Any) -> Any:
    """A nested list of numbers, arrays and nodes as one array."""
    if not isinstance(x, list | tuple):
        return x
    if not holds_node(x):
        return np.asarray(x)
    return apply(rows.stack, tuple([assemble(e) for e in x]), {"axis": 0})


def holds_node(x: Any) -> bool:
    """Whether a nested list holds a traced value."""
    if x.__class__ is Node:
        return True
    return isinstance(x, list | tuple) and any(holds_node(e) for e in x)


def outer_ufunc(ufunc: Any, a: Any, b: Any, **kwargs: Any) -> Any:
    """ufunc.outer(a, b): each element of a with each of b."""
    a, b = operand(a), operand(b)
    left = call("reshape", a, Carrier.shape(a) + (1,) * Carrier.ndim(b))
    return ufunc(left, b, **kwargs)


# The carrier m = Node: a rule run with it records what it does.
class NodeCarrier(Carrier):
    """Rules evaluated on this carrier record nodes (and compute at once where all operands are plain)."""

    name = "node"

    def function(self, row: Primitive) -> Any:
        def record(*operands: Any, **params: Any) -> Any:
            return apply(row, operands, params)

        return record

    def native(self, row: Primitive, spelled: str | None) -> Any:
        return None


NODE = NodeCarrier()


__all__ = ["BLOCK", "NODE", "Abstract", "Node", "Trace", "apply", "call"]
