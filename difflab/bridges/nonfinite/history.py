"""What a function did at a point, operation for operation, whichever library computed it: what the search walks.

Every value has a number of its own, its slot. A step says from which slots it made which, and can be run again on
other values; loops are unrolled, so that an operation in a loop is a step for each turn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, TypeAlias

import numpy as np

from ...graph.node import Node
from ...types import Array, DType, Params, Shape, Value


class Named(NamedTuple):
    """What stands in the place of a row where an operation is another library's: its name."""

    name: str


@dataclass(frozen=True, eq=False, repr=False)
class Vertex:
    """An operation of JAX or PyTorch, an input or a constant; it answers as a `Node` does.

    `operation` is the library's own name of it ("select_n", "_softmax"), `name` that of an input; `operands` are
    vertices, `params` the settings, `source` is the line of the user's code ("model.py:12", or nothing).
    """

    operation: str
    operands: tuple[Node | Vertex, ...] = ()
    name: str | None = None
    shape: Shape = ()
    dtype: DType | str | None = None
    source: str = ""
    params: Params = field(default_factory=dict)

    @property
    def primitive(self) -> Named:
        return Named(self.operation)

    @property
    def inputs(self) -> tuple[Node | Vertex, ...]:
        """The operands, under the name that they have in PyTorch's and JAX's graphs."""
        return self.operands

    def __repr__(self) -> str:
        label = f" {self.name!r}" if self.name else ""
        return f"<Vertex {self.operation}{label}, shape {self.shape}, dtype {self.dtype}>"


AnyNode: TypeAlias = Node | Vertex


@dataclass(frozen=True, eq=False)
class Step:
    """One operation as it was computed.

    `run` computes the results from values of the operands. `turn` says in which turn of which loop, `source` at which
    line; `of` and `forward` of which operation this is a part of the derivative. `hidden` steps only hand elements on
    (into the turn of a loop, to a view), and nobody wrote them; `places` says which, where that is known.
    """

    node: AnyNode
    operands: tuple[int, ...]
    results: tuple[int, ...]
    run: Callable[[list[Value]], Sequence[Value]]
    elementwise: bool = False
    hidden: bool = False
    places: Callable[[Array], list[Array]] | None = None  # from entries of the result to those of each operand
    source: str = ""
    turn: str = ""
    of: str | None = None  # the name of an operation of another library
    forward: Node | None = None  # the operation of a graph


class Arrays(Protocol):
    """How a library's values are read and made."""

    module: str  # as users call it: np, jnp, torch

    def numbers(self, x: Value) -> Array | None:
        """The value as an array of NumPy's floats; None where its kind has no NaN."""

    def like(self, x: Value, numbers: Array) -> Value:
        """These numbers as a value of x's kind and dtype."""

    def calm(self) -> AbstractContextManager[Value]:
        """Around steps that are run again: no warnings and no searches of the library's own."""


class History:
    """The steps in their order, the value of each slot, and what is looked at: `outputs`, each with words."""

    def __init__(self, arrays: Arrays) -> None:
        self.arrays = arrays
        self.values: list[Value] = []
        self.nodes: list[AnyNode] = []
        self.made_by: list[Step | None] = []
        self.steps: list[Step] = []
        self.inputs: list[int] = []
        self.arguments: set[int] = set()  # those of the inputs that are arguments, and no parameters
        self.outputs: list[tuple[int, str]] = []

    def slot(self, value: Value, node: AnyNode, step: Step | None = None) -> int:
        """A slot for a value: of an input or a constant, or the result of a step."""
        self.values.append(value)
        self.nodes.append(node)
        self.made_by.append(step)
        return len(self.values) - 1

    def input(self, value: Value, node: AnyNode, parameter: bool = False) -> int:
        self.inputs.append(self.slot(value, node))
        if not parameter:
            self.arguments.add(self.inputs[-1])
        return self.inputs[-1]

    def take(
        self, node: AnyNode, operands: Sequence[int], values: Sequence[Value], run: Callable[..., Value], **rest: Value
    ) -> tuple[int, ...]:
        """A step that was computed: the slots of its results."""
        first = len(self.values)
        results = tuple(range(first, first + len(values)))
        step = Step(node, tuple(operands), results, run, **rest)
        self.steps.append(step)
        for value in values:
            self.slot(value, node, step)
        return results

    def hand_on(
        self,
        operands: Sequence[int],
        run: Callable[..., Value],
        places: Callable[[Array], list[Array]] | None = None,
        turn: str = "",
    ) -> int:
        """A hidden step with one result, computed here; it stands for its first operand."""
        value = run([self.values[k] for k in operands])[0]
        return self.take(self.nodes[operands[0]], operands, [value], run, hidden=True, places=places, turn=turn)[0]

    def bad(self, x: Value) -> Array | None:
        """Where a value is neither a finite number nor of a kind that has nothing else; None where it is all finite."""
        numbers = self.arrays.numbers(x)
        if numbers is None:
            return None
        found: Array = ~np.isfinite(numbers)
        return found if found.any() else None

    def consumers(self) -> dict[int, list[Step]]:
        """The steps that read each slot."""
        found: dict[int, list[Step]] = {}
        for step in self.steps:
            for k in step.operands:
                found.setdefault(k, []).append(step)
        return found

    def is_forward(self, step: Step) -> bool:
        """Whether a step is the function's own, and no part of a derivative."""
        return step.of is None and step.forward is None

    def derivative_of(self, step: Step) -> str:
        """The name of the operation whose derivative a step is a part of; nothing where it is none, or not known."""
        return step.of or ("" if step.forward is None else step.forward.primitive.name)

    def back(self, slot: int) -> Iterator[Step]:
        """The steps that a slot comes from, nearest first."""
        seen: set[int] = set()
        waiting = [slot]
        for k in waiting:
            step = self.made_by[k]
            if step is not None and id(step) not in seen:
                seen.add(id(step))
                yield step
                waiting += step.operands


__all__ = ["AnyNode", "Arrays", "History", "Named", "Step", "Vertex"]
