"""Where the elements of small arrays lie in a workspace, and nested loops over them.

An array is known by its places: the positions of its elements in flat memory, as an array of integers of its shape.
What only rearranges elements (slices, transposes, broadcasts) is run on the places, and then costs nothing.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ...graph.node import Node
from ...primitives import NUMPY, rows
from ...types import Array, DType
from ..passes.assembly import ASSEMBLE

ALIGNED = 8  # elements to which arrays are aligned


class Strided(NamedTuple):
    """Places that are even: a first one, and a step for each axis."""

    start: int
    steps: tuple[int, ...]


class Workspace:
    """Gives out places, counted in elements, in one flat array for each dtype."""

    def __init__(self) -> None:
        self.used: dict[DType, int] = {}

    def take(self, shape: tuple[int, ...], dtype: DType) -> Array:
        start, n = self.used.get(dtype, 0), math.prod(shape)
        self.used[dtype] = start + -(-max(n, 1) // ALIGNED) * ALIGNED
        return np.arange(start, start + n).reshape(shape)


def rearranges(node: Node) -> bool:
    """Whether each element of the result is one of the operand's, which one being known."""
    return "moves" in node.primitive.facts and len(node.operands) == 1


def rearranged(node: Node, places: Array) -> Array:
    """The places of a node's elements among those of its operand."""
    return np.asarray(NUMPY.of(node.primitive)(places, **node.params)).reshape(node.shape)


def strided(places: Array) -> Strided | None:
    """The places as a start and steps, or None where they are not even."""
    if places.size == 0:
        return Strided(0, (0,) * places.ndim)
    start = int(places.flat[0])
    steps, even = [], np.array(start)
    for k, n in enumerate(places.shape):
        second = int(places[(0,) * k + (min(1, n - 1),) + (0,) * (places.ndim - k - 1)]) - start
        steps.append(second)
        even = np.add.outer(even, second * np.arange(n))
    return Strided(start, tuple(steps)) if np.array_equal(even, places) else None


def even(places: Array) -> Strided:
    """The same of places that are known to be even."""
    found = strided(places)
    assert found is not None, places
    return found


def parts(node: Node) -> list[Array]:
    """For each operand of a row that joins arrays: the positions that its elements take in the flattened result."""
    if node.primitive in (rows.scatter, ASSEMBLE):
        whole = np.arange(math.prod(node.shape)).reshape(node.shape)
        indices = node.params["indices"] if node.primitive is ASSEMBLE else (node.params["index"],)
        return [np.asarray(whole[i]) for i in indices]
    ends = np.cumsum([0, *[math.prod(x.shape) for x in node.operands]])
    numbered = [np.arange(start, start + math.prod(x.shape)).reshape(x.shape) for start, x in zip(ends, node.operands)]
    position = np.argsort(np.ravel(NUMPY.of(node.primitive)(*numbered, **node.params)))
    return [position[n] for n in numbered]


class Nest:
    """Nested loops over arrays of one shape, axes merged where all arrays allow it."""

    axes: list[tuple[int, list[int]]]
    prefix: str

    def __init__(self, shape: tuple[int, ...], arrays: list[Strided], prefix: str = "_i") -> None:
        axes: list[tuple[int, list[int]]] = []  # length and steps, last axis first
        for k in reversed(range(len(shape))):
            n, steps = shape[k], [a.steps[k] for a in arrays]
            if n == 1:
                continue
            if axes and all(s == axes[-1][0] * inner for s, inner in zip(steps, axes[-1][1])):
                axes[-1] = (n * axes[-1][0], axes[-1][1])
            else:
                axes.append((n, steps))
        self.axes, self.prefix = axes[::-1], prefix
        self.terms: list[str] = [self.written(p) for p in range(len(arrays))]
        self.starts: list[int] = [a.start for a in arrays]

    def written(self, p: int) -> str:
        """What the loops add to the start of an array's places."""
        steps = [(f"{self.prefix}{d}", axis[1][p]) for d, axis in enumerate(self.axes)]
        return "".join(f" + {i}" if s == 1 else f" + {s} * {i}" for i, s in steps if s)

    def place(self, p: int) -> str:
        return f"{self.starts[p]}{self.terms[p]}"

    def heads(self, indent: str) -> tuple[list[str], str]:
        """The lines that open the loops, and the indent of what stands in them."""
        lines = []
        for d, (n, _) in enumerate(self.axes):
            lines.append(f"{indent}for {self.prefix}{d} in range({n}):")
            indent += "    "
        return lines, indent
