"""Node: the vertex of a graph. It is data: what is computed, of what, and the shape and dtype of the result."""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, Self

from ..primitives import Primitive
from ..types import DType, Function, Key, Params, Shape, Value
from .refusals import vertex_used, without_number

if TYPE_CHECKING:
    import numpy as np

    from .block import Block

NO_PARAMS: Params = {}
BLOCK: ContextVar[Block | None] = ContextVar("difflab_block", default=None)


class Abstract(NamedTuple):
    """The shape and dtype of a value that is not kept; None where it is not known."""

    shape: Shape | None
    dtype: DType | None


UNKNOWN = Abstract(None, None)


class Operation:
    """What a vertex and a traced value have in common: a row, its operands and parameters, and what has a shape.

    The slot `tape` is that of a traced value. It stands here, and the classes below add none, so that a traced value
    can become the vertex it stands for when its graph is finished: n operations make n objects, not 2n.
    """

    __slots__ = ("block", "name", "operands", "params", "primitive", "tape", "value")

    block: Block | None
    name: str | None
    operands: tuple[Value, ...]
    params: Params
    primitive: Primitive
    tape: Any
    value: Any  # of a vertex an `Abstract`, or a tuple of them

    @property
    def shape(self) -> Shape:
        return self.value.shape  # type: ignore[no-any-return]

    @property
    def dtype(self) -> DType:
        return self.value.dtype  # type: ignore[no-any-return]

    @property
    def ndim(self) -> int:
        return len(self.value.shape)

    @property
    def size(self) -> int:
        return prod(self.value.shape)

    @property
    def itemsize(self) -> int:
        return self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        return self.size * self.itemsize

    def __repr__(self) -> str:
        label = f" {self.name!r}" if self.name else ""
        return f"<Node {self.primitive.name}{label}, {self.known()}>"

    def known(self) -> str:
        """What is known of the result, in words."""
        return f"shape {getattr(self.value, 'shape', None)}, dtype {getattr(self.value, 'dtype', None)}"

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self


class Node(Operation):
    """One operation of a graph, or an input, or a constant; `value` is the shape and dtype of its result.

    An operation with several results has a tuple of them. Vertices are equal only to themselves.
    """

    __slots__ = ()
    operands: tuple[Node, ...]

    def __init__(
        self,
        primitive: Primitive,
        operands: tuple[Node, ...],
        params: Params,
        value: Value,
        name: str | None = None,
        block: Block | None = None,
    ) -> None:
        self.primitive = primitive
        self.operands = operands
        self.params = params
        self.value = value
        self.name = name
        self.block = block

    # A vertex is no array: NumPy, which would take it for a Python object, is told so.
    def __array__(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise vertex_used("np.array", self)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Value, **kwargs: Any) -> NoReturn:
        raise vertex_used(ufunc.__name__, self)

    def __getitem__(self, key: Key) -> NoReturn:
        raise vertex_used("getitem", self)

    def __index__(self) -> int:
        raise without_number(self, "an integer index or a count: give a plain int")

    def __float__(self) -> float:
        raise without_number(self, "a number: call the graph, or look into its forward pass")

    __int__: Function = __float__
    __complex__: Function = __float__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __array_function__(self, function: Function, types: object, args: Value, kwargs: Params) -> NoReturn:
        raise vertex_used(getattr(function, "__name__", repr(function)), self)


def refuse_vertices(row: Primitive, operands: Sequence[Value]) -> None:
    """Vertices of graphs, among them the values of finished recordings, have no values to compute with."""
    for x in operands:
        if x.__class__ is Node:
            raise vertex_used(row.name, x)
