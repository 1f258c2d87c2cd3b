"""ONNX's graphs under construction: nodes, names and constants, with the bodies of loops and branches inside."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from itertools import count

import numpy as np

from ...errors import UnsupportedError
from ...graph.graph import Graph
from ...graph.node import Node
from ...late import Late
from ...primitives import rows
from ...types import Array, DType, Params, Shape, Value
from .expand import computed_in

onnx: Value = Late("onnx")
NUMBERS = (
    "float16",
    "float32",
    "float64",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "bool",
)


def element_type(dtype: DType) -> int:
    """ONNX's number for a dtype."""
    if np.dtype(dtype).name not in NUMBERS:
        raise UnsupportedError(f"to_onnx: numbers of dtype {np.dtype(dtype).name}: few of ONNX's operators take them")
    found: int = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    return found


class Writer:
    """The nodes of one graph of ONNX; `main` is the one that it stands in, which holds the constants of all."""

    def __init__(self, main: Writer | None = None) -> None:
        self.main: Writer = self if main is None else main
        self.nodes: list[Value] = []
        self.names: dict[Node, Value] = {}
        if main is None:
            self.taken: set[str] = set()
            self.counter: count[int] = count()
            self.constants: dict[str, Array] = {}
            self.known: dict[Value, str] = {}

    def fresh(self, wanted: str | None = None) -> str:
        """A name that is not in use: the one that is wanted, where it is free."""
        main = self.main
        name = re.sub(r"[^\w.]", "_", wanted) if wanted else ""
        while not name or name in main.taken:
            name = f"v{next(main.counter)}"
        main.taken.add(name)
        return name

    def add(self, op: str, *inputs: str, name: str | None = None, **attributes: Value) -> str:
        """A node with one result, and the name of that."""
        return self.node(op, inputs, [self.fresh(name)], attributes)[0]

    def several(self, op: str, *inputs: str, outputs: int, **attributes: Value) -> list[str]:
        """A node with several results, and their names."""
        return self.node(op, inputs, [self.fresh() for _ in range(outputs)], attributes)

    def node(self, op: str, inputs: Sequence[str], made: list[str], attributes: Params) -> list[str]:
        given = {k: v for k, v in attributes.items() if v is not None}
        self.nodes.append(onnx.helper.make_node(op, list(inputs), made, **given))
        return made

    def constant(self, value: Value, dtype: Value = None, name: str | None = None) -> str:
        """The name of a constant array; equal ones are one."""
        main = self.main
        array = np.asarray(value, dtype)
        element_type(array.dtype)
        key = array.dtype.str, array.shape, array.tobytes()
        if key not in main.known:
            main.known[key] = self.fresh(name)
            main.constants[main.known[key]] = array
        return main.known[key]

    def whole(self, *numbers: int) -> str:
        """A list of integers: axes, a shape."""
        return self.constant(np.array(numbers, np.int64))

    # What is needed often.
    def cast(self, x: str, dtype: Value) -> str:
        found: str = self.add("Cast", x, to=element_type(np.dtype(dtype)))
        return found

    def reshape(self, x: str, shape: Iterable[int]) -> str:
        sizes = tuple(shape)
        empty = 1 if 0 in sizes else None  # else 0 means the length that the axis has
        found: str = self.add("Reshape", x, self.whole(*sizes), allowzero=empty)
        return found

    def flat(self, x: str, shape: Shape) -> str:
        return self.reshape(x, (math.prod(shape),))

    def expand(self, x: str, shape: Iterable[int]) -> str:
        found: str = self.add("Expand", x, self.whole(*shape))
        return found

    def transpose(self, x: str, axes: Sequence[int]) -> str:
        found: str = self.add("Transpose", x, perm=list(axes)) if list(axes) != list(range(len(axes))) else x
        return found

    def slice(
        self, x: str, starts: Sequence[int], ends: Sequence[int], axes: Sequence[int], steps: Sequence[int]
    ) -> str:
        found: str = self.add("Slice", x, *[self.whole(*v) for v in (starts, ends, axes, steps)])
        return found

    def gather(self, x: str, shape: Shape, places: Array) -> str:
        """The elements of the flattened array at these places, in the shape of the places."""
        found: str = self.add("Gather", self.flat(x, shape), self.constant(places.astype(np.int64)), axis=0)
        return found

    # Graphs.
    def input_of(self, node: Node, position: int) -> str:
        """An operand in the dtype that NumPy computes in."""
        x = node.operands[position]
        wanted = computed_in(node)[position]
        if x.primitive is rows.constant:
            value = np.asarray(x.params["value"])
            return self.constant(value if wanted is None else value.astype(wanted), name=x.name)
        name = self.value(x)
        return name if wanted is None or wanted == x.dtype else self.cast(name, wanted)

    def value(self, node: Node) -> Value:
        """The name of a node's value: of one of several results, its own."""
        if node.primitive.kind == "pick":
            return self.value(node.operands[0])[node.params["index"]]
        if node.primitive is rows.constant and node not in self.names:
            return self.constant(np.asarray(node.params["value"], node.dtype))
        return self.names[node]

    def write(self, graph: Graph, inputs: Sequence[str], emit: Value) -> list[str]:
        """The operations of a graph on these values; `emit(writer, node)` writes one. The names of the outputs."""
        self.names |= dict(zip(graph.inputs, inputs))
        for node in graph.order:
            if not node.primitive.leaf and node.primitive.kind != "pick":
                self.names[node] = emit(self, node)
        return [self.value(y) for y in graph.outputs]

    def info(self, name: str, dtype: DType, shape: Sequence[int | str] | None) -> Value:
        return onnx.helper.make_tensor_value_info(name, element_type(dtype), shape)

    def body(self, name: str, inputs: list[Value], outputs: list[Value]) -> Value:
        """The nodes as a graph of ONNX."""
        holds = self.main.constants if self.main is self else {}
        tensors = [onnx.numpy_helper.from_array(np.ascontiguousarray(v).reshape(v.shape), k) for k, v in holds.items()]
        return onnx.helper.make_graph(self.nodes, name, inputs, outputs, tensors)
