"""compile: a function that traces once for each kind of argument and then runs straight-line code."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from functools import update_wrapper
from typing import Any

import numpy as np

from ..errors import InputError
from ..graph.graph import Graph
from ..graph.node import Node, Shape
from ..graph.pytree import flatten, structure
from ..graph.trace import argument_names, leaf, trace as trace_graph
from .closure import Captured
from .passes import frozen, optimise
from .source import Source

MAX_KINDS = 256
SCALAR_FAILURES = (ZeroDivisionError, OverflowError, ValueError)


class Compiled:
    """The program of one kind of arguments: the optimised graph, its source, and the function made from it."""

    def __init__(self, graph: Graph) -> None:
        self.graph, self.log = optimise(graph)
        self.source = Source(self.graph)
        self.run = self.source.compile()
        self.count = len(self.graph.outputs)
        self.guards = [outcome for _, outcome in self.graph.guards]
        self.general: Callable[..., Any] | None = None

    def __call__(self, values: list[Any]) -> list[Any] | None:
        """The outputs, or None where a branch that the trace took would be decided otherwise."""
        if self.source.scalar:
            try:
                found = self.run(*values)
            except SCALAR_FAILURES:  # math raises where NumPy returns inf or nan
                found = self.fallback()(*values)
        else:
            try:
                found = self.run(*values)
            except (ValueError, IndexError):
                if any(isinstance(outcome, Shape) for outcome in self.guards):
                    return None  # a mask or a search found another number of elements
                raise
        if not all(map(holds, found[self.count :], self.guards)):
            return None
        return self.owned(found)

    def fallback(self) -> Callable[..., Any]:
        if self.general is None:
            self.general = Source(self.graph, numpy_only=True).compile()
        return self.general

    def owned(self, found: list[Any]) -> list[Any]:
        """The outputs, no array twice."""
        results: list[Any] = []
        for y, node in zip(found, self.graph.outputs):
            mine = self.own(y, node)
            again = isinstance(mine, np.ndarray) and any(mine is x for x in results)
            results.append(mine.copy() if again else mine)
        return results

    def own(self, y: Any, node: Node) -> Any:
        """A result that belongs to the caller: never an input, a constant or a read-only view."""
        if y.__class__ is float:
            return np.float64(y)
        if isinstance(y, np.ndarray):
            kept = node.primitive.name in ("input", "constant")
            return y.copy() if kept or y.base is not None or not y.flags.writeable else y
        return y if isinstance(y, np.generic | tuple) else np.asarray(y)[()]


class Program:
    """A compiled function. `source` is the code of the last program made, `explain()` says what the passes did.

    Programs are cached by the structure, shapes and dtypes of the arguments, by the static ones, and by the numbers and
    arrays that the function reads from closures and globals. Where Python's `if` or `while` looked at a value, or a
    mask chose elements, the program checks at each call that the outcome is the same, and traces another where not.
    """

    def __init__(self, f: Callable[..., Any], static_argnums: Any = ()) -> None:
        if not callable(f):
            raise InputError(f"compile: {f!r} is not a function")
        self.f = f
        self.static = (static_argnums,) if isinstance(static_argnums, int) else tuple(static_argnums)
        self.programs: dict[Any, list[Compiled]] = {}
        self.last: Compiled | None = None
        self.lock = threading.RLock()
        self.captured = Captured(f)
        update_wrapper(self, f, updated=())

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        count = len(args)
        static = {k % count for k in self.static if -count <= k < count}
        moving = [a for k, a in enumerate(args) if k not in static]
        names = sorted(kwargs)
        leaves, _ = flatten((moving, [kwargs[n] for n in names]))
        if any(x.__class__ is Node for x in leaves):
            return self.f(*args, **kwargs)  # inside another trace the function is recorded there
        values = [leaf(x, "") for x in leaves]
        key = (
            tuple([(x.shape, x.dtype) for x in values]),
            structure((moving, names)),
            tuple([(k, frozen_static(args[k])) for k in sorted(static)]),
            tuple(names),
            self.captured.key(),
        )
        for program in self.programs.get(key, ()):
            found = program(values)
            if found is not None:
                return self.finish(program, found)
        program = self.make(key, args, kwargs, static, names, moving)
        found = program(values)
        if found is None:
            raise InputError(
                "compile: the function does not take the same branches when it is run again on the same "
                "values; does it draw random numbers or change what it reads?"
            )
        return self.finish(program, found)

    def finish(self, program: Compiled, found: list[Any]) -> Any:
        return program.graph.rebuild(found) if program.graph.rebuild else found[0]

    def make(self, key: Any, args: Any, kwargs: Any, static: set[int], names: list[str], moving: list[Any]) -> Compiled:
        def g(positional: Any, named: Any) -> Any:
            rest = iter(positional)
            full = [args[k] if k in static else next(rest) for k in range(len(args))]
            return self.f(*full, **dict(zip(names, named)))

        with self.lock, np.errstate(all="ignore"):
            graph = trace_graph(g, moving, [kwargs[n] for n in names])
            rename(graph, [n for k, n in enumerate(argument_names(self.f, len(args))) if k not in static], names)
            program = Compiled(graph)
            while len(self.programs) >= MAX_KINDS and key not in self.programs:
                self.programs.pop(next(iter(self.programs)))  # the oldest kind
            self.programs.setdefault(key, []).append(program)
            self.last = program
        return program

    def latest(self) -> Compiled:
        if self.last is None:
            raise InputError("compile: nothing has been traced yet; call the program once")
        return self.last

    @property
    def source(self) -> str:
        """The Python source of the program made last."""
        return self.latest().source.text

    @property
    def graph(self) -> Graph:
        """The optimised graph of the program made last."""
        return self.latest().graph

    def explain(self) -> str:
        """What each pass did to the graph."""
        program = self.latest()
        kind = "math (single float64 numbers)" if program.source.scalar else "NumPy"
        lines = [f"{name}: {before} -> {after} nodes" for name, before, after in program.log]
        return "\n".join([*lines, f"source: {kind}, {program.source.text.count(chr(10)) - 2} operations"])


def rename(graph: Graph, positional: list[str], named: list[str]) -> None:
    """Gives the inputs the names that the user's function has for them."""
    for node in graph.inputs:
        group, k, rest = re.fullmatch(r"(positional|named)\[(\d+)\](.*)", node.name or "").groups()  # type: ignore[union-attr]
        name = (positional if group == "positional" else named)[int(k)]
        node.name = name + "_".join(["", *re.findall(r"\w+", rest)])


def frozen_static(x: Any) -> Any:
    try:
        hash(frozen(x))
        return frozen(x)
    except TypeError:
        raise InputError(
            f"compile: the static argument {x!r} is not hashable; give a number, string or tuple"
        ) from None


def holds(value: Any, outcome: Any) -> bool:
    """Whether a guard comes out as it did when the function was traced."""
    if isinstance(outcome, Shape):
        return np.shape(value) == tuple(outcome)
    return bool(value) == outcome if isinstance(outcome, bool) else bool(value == outcome)


def compile(f: Callable[..., Any], *, static_argnums: Any = ()) -> Program:
    """f as a program: traced once for each structure, shapes and dtypes of its arguments, then straight-line code.

    Arguments at `static_argnums` are taken as they are and choose the program by their value.

    >>> import difflab as dl
    >>> program = dl.compile(dl.grad(lambda x: x**2))
    >>> program(3.0)
    np.float64(6.0)
    """
    return Program(f, static_argnums)
