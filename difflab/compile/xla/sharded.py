"""A function of trees as one program over all devices of a mesh: XLA cuts the work as its arguments are cut."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import optree

from ...errors import InputError, UnsupportedError
from ...graph.graph import Graph
from ...graph.pytree import leaves_of
from ...graph.trace import record
from ...graph.traced import SeenShape
from ...primitives import Carrier
from ...types import Function, Tree, Value
from ..passes.pipeline import NUMPYS, optimise
from .carrier import computed_in, jax, run, sample, x64
from .mesh import Mesh, in_company


class Sharded:
    """f, which gives a tuple of trees, on a mesh; `takes` and `gives` say how its arguments and results lie.

    The program is that of the whole arrays: sums over a batch that is cut are sums over all devices, so every value is
    what one device would compute, but for the order of additions. `precision="bfloat16"` runs products and
    convolutions on numbers of 16 bits.
    """

    def __init__(
        self,
        f: Function,
        mesh: Mesh,
        takes: Sequence[str],
        gives: Sequence[str],
        donate: Sequence[int] = (),
        precision: str | None = None,
    ) -> None:
        self.f = f
        self.mesh: Mesh = mesh
        self.takes: tuple[str, ...] = tuple(takes)
        self.gives: tuple[str, ...] = tuple(gives)
        self.donate: tuple[int, ...] = tuple(donate)
        self.precision: str | None = precision
        self.known: dict[Hashable, Program] = {}

    def program(self, args: tuple[Tree, ...]) -> Program:
        """The program of these arguments' kind, made if it is not known; collectives are laid down in it."""
        given: Tree = args
        leaves: list[Value]
        leaves, spec = optree.tree_flatten(given)
        key = spec, tuple([(np.shape(x), str(Carrier.dtype(x))) for x in leaves])
        if key not in self.known:
            self.known[key] = Program(self, args)
        return self.known[key]

    def placed(self, args: tuple[Tree, ...]) -> tuple[Tree, ...]:
        return tuple(self.mesh.place(tree, kind) for tree, kind in zip(args, self.takes))

    def __call__(self, *args: Tree) -> tuple[Tree, ...]:
        """Results on the devices. Arguments may be NumPy's arrays or lie there already; donated ones are used up."""
        return self.program(args)(self.placed(args))


class Program:
    """One kind of arguments: the graph, and what XLA compiled."""

    def __init__(self, owner: Sharded, args: tuple[Tree, ...]) -> None:
        given: Tree = args
        examples = optree.tree_map(example, given)
        graph, _ = record(owner.f, *examples, merging=True)
        if any(not isinstance(seen, SeenShape) for _, seen in graph.guards):
            raise UnsupportedError(
                "devices: an if, a while or a mask looks at a value, and a program over devices takes every way; use "
                "dl.cond, dl.while_loop or np.where"
            )
        self.rebuild: Function = graph.rebuild or (lambda found: found[0])
        self.graph: Graph = optimise(graph, NUMPYS)[0]
        self.count: int = len(graph.outputs)
        self.precision: str | None = owner.precision
        mesh = owner.mesh
        layouts = [
            mesh.lies(np.shape(x), kind) for tree, kind in zip(args, owner.takes) for x in optree.tree_leaves(tree)
        ]
        results = self.rebuild(list(graph.outputs))
        if not isinstance(results, tuple) or len(results) != len(owner.gives):
            raise InputError(f"Sharded: {len(owner.gives)} results are wanted, the function gives {results!r:.80}")
        found = [mesh.lies(y.shape, kind) for tree, kind in zip(results, owner.gives) for y in leaves_of(tree)]
        sizes = [len(optree.tree_leaves(tree)) for tree in args]
        donated = [sum(sizes[:k]) + j for k in owner.donate for j in range(sizes[k])]
        self.jitted: Any = jax().jit(
            self.function, in_shardings=tuple(layouts), out_shardings=found, donate_argnums=tuple(donated)
        )
        like = [jax().ShapeDtypeStruct(x.shape, x.dtype, sharding=s) for x, s in zip(self.graph.inputs, layouts)]
        with x64():
            lowered = self.jitted.lower(*like)
            if mesh.count > 1 and "callback" in lowered.as_text():
                raise UnsupportedError(
                    "devices: NumPy runs one of the operations on the host, called out of XLA's program, which several "
                    "devices cannot share; take one device"
                )
            self.compiled: Any = lowered.compile()

    def function(self, *values: Value) -> list[Value]:
        with computed_in(self.precision):
            return run(self.graph, list(values))[: self.count]

    def __call__(self, args: tuple[Tree, ...]) -> tuple[Tree, ...]:
        given: Tree = args
        with x64(), in_company():
            found: tuple[Tree, ...] = self.rebuild(list(self.compiled(*optree.tree_leaves(given))))
        return found


def example(x: Value) -> Value:
    """A number of the same kind to trace with; what lies on devices is not fetched for that."""
    return sample(np.shape(x), Carrier.dtype(x)) if isinstance(x, jax().Array) else x
