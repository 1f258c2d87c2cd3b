"""The program of one kind of arguments: built from its traced graph when it first runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable

import numpy as np

from ...garbage import SEARCHED_SELDOM
from ...graph.graph import Graph
from ...graph.node import Node
from ...graph.traced import SeenShape
from ...progress import doing
from ...types import Tree, Value
from ..passes.pipeline import NUMPYS, PASSES, optimise
from ..run.blas import one_thread
from ..write.numpy_source import NumpySource
from ..write.scalar_source import FAILURES, ScalarSource, is_scalar
from ..xla.program import XlaSource
from .kinds import Lines
from .lengths import Loops
from .walked import LARGEST, WalkedSource


class Compiled:
    """The optimised graph, its source, and the function made from it."""

    graph: Graph
    log: list[tuple[str, int, int]]
    arrays: NumpySource | WalkedSource  # the source, where it is of arrays

    def __init__(self, graph: Graph, donated: list[bool], backend: str = "numpy", elements: bool = True) -> None:
        self.traced = graph
        self.rebuild: Callable[[list[Value]], Tree] | None = graph.rebuild
        self.donated = donated
        self.backend = backend
        self.elements = elements  # whether a program that reads arrays element by element may become one on numbers
        self.lock: threading.Lock = threading.Lock()
        self.run: Value = None  # the function, once it is built
        self.free: list[list[Value]] = []  # workspaces that no run uses at the moment
        self.general: Compiled | None = None
        self.guards: list[Value] = [outcome for _, outcome in graph.guards]
        self.seconds: float = 0.0  # that recording, the passes and writing took
        self.loops: Loops = {}
        self.lines: Lines | None = None  # that answer calls of this kind without looking for the program
        self.passed: int = 0  # calls that other lines had to pass on
        self.content: Hashable = ()  # of what the function read when it was traced
        self.shaped: bool = any(isinstance(outcome, SeenShape) for outcome in self.guards)

    def build(self, scalar: bool = True) -> Compiled:
        """Runs the passes and writes the source, once."""
        with self.lock:
            if self.run is None:
                start = time.perf_counter()
                walked = len(self.traced) > LARGEST and self.backend != "jax"
                with doing("compiling"), SEARCHED_SELDOM:
                    without = self.without if scalar else self.without | {"elements"}
                    self.graph, self.log = optimise(self.traced, without)
                numbers = scalar and not walked and self.backend != "jax" and is_scalar(self.graph)
                self.scalar: bool = numbers and (self.elements or not any(x.shape for x in self.graph.inputs))
                self.count: int = len(self.graph.outputs)
                # A branch that turns out otherwise is traced again on the same arguments, so they must be whole then.
                # Single numbers may come as Python's or NumPy's, which nothing can be written into.
                donated = [x for x, d in zip(self.graph.inputs, self.donated) if d and x.shape]
                kept = [] if self.guards else donated
                self.source: ScalarSource | NumpySource | XlaSource | WalkedSource = (
                    WalkedSource(self.graph) if walked else self.written(kept)
                )
                if isinstance(self.source, NumpySource | WalkedSource):
                    self.arrays = self.source
                self.run = self.source.compile()
                self.seconds += time.perf_counter() - start
        return self

    @property
    def without(self) -> frozenset[str]:
        """The passes that are left out."""
        if self.backend == "jax":
            return NUMPYS
        if len(self.traced) > LARGEST:
            return frozenset(PASSES)
        return frozenset(() if self.elements else ("elements",))

    def written(self, kept: list[Node]) -> ScalarSource | NumpySource | XlaSource:
        """The source for the backend."""
        if self.backend == "jax":
            return XlaSource(self.graph)
        if self.backend == "native":
            from ..native import backend as native  # numba is only needed there

            return native.scalar_source(self.graph) if self.scalar else native.array_source(self.graph, kept)
        return ScalarSource(self.graph) if self.scalar else NumpySource(self.graph, kept)

    def __call__(self, values: list[Value]) -> list[Value] | None:
        """The outputs, or None where a branch that the trace took would be decided otherwise."""
        if self.run is None:
            self.build()
        if self.scalar:
            try:
                found = self.run(*values)
            except FAILURES:  # math raises where NumPy returns inf or nan
                return self.fallback()(values)
        elif self.backend == "jax":
            found = self.run(*values)
            if found is None:  # NumPy refuses something here, and says what
                return self.fallback()(values)
        elif (found := self.with_workspace(values)) is None:
            return None
        if not all(map(holds, found[self.count :], self.guards)):
            return None
        return list(found[: self.count])

    def with_workspace(self, values: list[Value]) -> Value:
        """One run in buffers of its own, so that threads do not meet."""
        try:
            work = self.free.pop()
        except IndexError:
            work = self.arrays.workspace()
        try:
            if self.arrays.threaded:
                with one_thread():
                    return self.run(work, *values)
            return self.run(work, *values)
        except (ValueError, IndexError):
            if self.shaped:
                return None  # a mask or a search found another number of elements
            raise
        finally:
            self.free.append(work)

    def fallback(self) -> Compiled:
        """The same graph as a NumPy program."""
        if self.general is None:
            backend = "numpy" if self.backend == "jax" else self.backend
            self.general = Compiled(self.traced, [False] * len(self.traced.inputs), backend).build(scalar=False)
        return self.general


def holds(value: Value, outcome: Value) -> bool:
    """Whether a guard comes out as it did when the function was traced."""
    if isinstance(outcome, SeenShape):
        return np.shape(value) == tuple(outcome)
    return bool(value) == outcome if isinstance(outcome, bool) else bool(value == outcome)


def owned(found: list[Value], nodes: list[Node], given: list[Value]) -> list[Value]:
    """Results of a trace that belong to the caller: no input, constant, view, or one array twice."""
    results: list[Value] = []
    for y, node in zip(found, nodes):
        if isinstance(y, np.ndarray):
            shared = node.primitive.leaf or y.base is not None or not y.flags.writeable
            shared = shared or any(y is x for x in given) or any(y is x for x in results)
            results.append(y.copy() if shared else y)
        else:
            results.append(y if isinstance(y, np.generic | tuple) else np.asarray(y)[()])
    return results
