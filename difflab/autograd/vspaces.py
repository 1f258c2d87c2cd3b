"""Vector spaces of values and of containers of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import numpy as np

from ..graph.laxity import floats
from ..graph.pytree import flatten
from ..graph.traced import Traced
from ..primitives import Carrier
from ..types import Tree, Value


class VSpace:
    """The space in which a value lies: of an array with its shape and dtype, of a container leaf by leaf.

    >>> VSpace(np.ones(2)).zeros(), VSpace({"a": 1.0}).size
    (array([0., 0.]), 1)
    """

    mappings: ClassVar[dict[type, Callable[[Value], Any]]] = {}
    rebuild: Callable[[list[Value]], Tree]

    def __init__(self, value: Tree) -> None:
        leaves, self.rebuild = flatten(value)
        leaves = [x if x.__class__ is Traced else floats(x) for x in leaves]
        for x in leaves:
            if x.__class__ is not Traced and np.asarray(x).dtype.kind not in "fc":
                raise TypeError(f"vspace: {x!r} of type {type(x).__name__} lies in no vector space: give numbers")
        self.parts: list[tuple[tuple[int, ...], Any]] = [(Carrier.shape(x), Carrier.dtype(x)) for x in leaves]
        self.iscomplex: bool = any(dtype.kind == "c" for _, dtype in self.parts)

    @property
    def shape(self) -> tuple[int, ...]:
        if len(self.parts) != 1:
            raise AttributeError("a container has no shape: each of its leaves has one")
        return self.parts[0][0]

    @property
    def dtype(self) -> Any:
        return np.result_type(*[dtype for _, dtype in self.parts])

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        """How many real numbers a value consists of."""
        return sum(int(np.prod(shape)) * (2 if dtype.kind == "c" else 1) for shape, dtype in self.parts)

    def zeros(self) -> Tree:
        return self.rebuild([np.zeros(shape, dtype)[()] for shape, dtype in self.parts])

    def ones(self) -> Tree:
        """The sum of the standard basis: 1 + 1j where values are complex."""
        units = [(shape, dtype, 1 + 1j if dtype.kind == "c" else 1) for shape, dtype in self.parts]
        return self.rebuild([np.full(shape, unit, dtype)[()] for shape, dtype, unit in units])

    def randn(self) -> Tree:
        def draw(shape: tuple[int, ...], dtype: Any) -> Value:
            x = np.asarray(np.random.randn(*shape))
            return (x + 1j * np.random.randn(*shape) if dtype.kind == "c" else x).astype(dtype)[()]

        return self.rebuild([draw(*part) for part in self.parts])

    def standard_basis(self) -> Iterator[Tree]:
        for k, (shape, dtype) in enumerate(self.parts):
            for place in np.ndindex(shape):
                for unit in (1.0, 1j) if dtype.kind == "c" else (1.0,):
                    leaves = [np.zeros(s, d) for s, d in self.parts]
                    leaves[k][place] = unit
                    yield self.rebuild([x[()] for x in leaves])

    def each(self, function: Callable[..., Value], *trees: Tree) -> Tree:
        return self.rebuild([function(*xs) for xs in zip(*[flatten(tree)[0] for tree in trees])])

    def add(self, x: Tree, y: Tree) -> Tree:
        return self.each(lambda a, b: a + b, x, y)

    def mut_add(self, x: Tree, y: Tree) -> Tree:
        return self.add(self.zeros() if x is None else x, y)

    def scalar_mul(self, x: Tree, a: Value) -> Tree:
        return self.each(lambda e: e * a, x)

    def inner_prod(self, x: Tree, y: Tree) -> Value:
        """The real inner product."""
        pairs = zip(flatten(x)[0], flatten(y)[0])
        return sum(np.sum(np.real(np.conj(a) * b)) for a, b in pairs)

    def covector(self, x: Tree) -> Tree:
        return self.each(np.conj, x)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, VSpace) and self.parts == other.parts

    def __hash__(self) -> int:
        return hash(tuple(self.parts))

    def __repr__(self) -> str:
        return f"VSpace({', '.join(f'{shape} {dtype}' for shape, dtype in self.parts)})"

    @classmethod
    def register(cls, kind: type, maker: Callable[[Value], Any] | None = None) -> None:
        """Says which space the values of a type lie in."""
        VSpace.mappings[kind] = maker or cls


def vspace(value: Tree) -> Any:
    """The vector space of a value.

    >>> vspace(np.ones((2, 3))).shape
    (2, 3)
    """
    return VSpace.mappings.get(type(value), VSpace)(value)


class SparseObject:
    """A value in a space that is zero but for what `mut_add` adds to an array; what rules give may be one."""

    def __init__(self, vs: Any, mut_add: Callable[[Value], Value]) -> None:
        self.vs = vs
        self.mut_add = mut_add


VSpace.register(SparseObject, lambda x: x.vs)


def dense(x: Value) -> Value:
    """A sparse object as an array; anything else as it is.

    >>> dense(SparseObject(vspace(np.ones(2)), lambda zeros: zeros + 3))
    array([3., 3.])
    """
    return x.mut_add(x.vs.zeros()) if x.__class__ is SparseObject else x
