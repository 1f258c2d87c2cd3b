"""compile: a function that traces once for each kind of argument and then runs straight-line code."""

from __future__ import annotations

import os
import re
import threading
import time
from collections import UserString
from collections.abc import Callable, Hashable, Iterable
from functools import partial
from typing import Any, Protocol, TypeAlias

import numpy as np
import optree

from ...cards.parts import Card, Code, Fold, Words, duration, facts
from ...cards.shown import Shown
from ...errors import DifflabError, DtypeError, InputError
from ...garbage import SEARCHED_SELDOM
from ...graph.graph import Graph
from ...graph.hollow import UnvaluedTape
from ...graph.laxity import STRICT, Laxity
from ...graph.merging import frozen
from ...graph.trace import argument_names, leaf, record, written_names
from ...graph.traced import Traced
from ...types import Function, Params, Tree, Value
from ..xla.carrier import jax
from .auto import NEEDS as NEEDS, Auto
from .closure import Captured
from .compiled import Compiled, owned
from .draws import Draws
from .entry import entry_function, exchange, lines_for
from .explain import explain
from .kinds import Lines
from .lengths import Guards, warn

MAX_KINDS = 256
VARIABLE = "DIFFLAB_BACKEND"
BACKENDS = ("numpy", "native", "jax", "auto")
NUMPY_SCALARS: dict[type, type] = {float: np.float64, bool: np.bool_}
PYTHON_SCALARS: dict[type, type] = {np.float64: float, np.bool_: bool}
UNTRACED = "# nothing has been traced yet: call the program once\n"
LARGE = 2**24  # bytes of arguments of which no second set is made for each operation, even for one call
AGAIN = 100  # calls of a kind that other lines passed on, after which the function gets the kind's own back
AT_ONCE = 128  # a graph of more nodes is turned into a program at its second call, so that the first result comes soon


Positions: TypeAlias = int | Iterable[int]  # of arguments
Static: TypeAlias = dict[int | str, Tree]  # arguments that are taken as they are, by their place or name


class CompiledFunction(Protocol):
    """What `compile` returns."""

    source: str
    program: Program

    def explain(self) -> str: ...
    def prepare(self, *args: Any, **kwargs: Any) -> None: ...
    def __call__(self, *args: Any, **kwargs: Any) -> Value: ...


class Program(Shown):
    """A compiled function's programs: one for each kind of arguments.

    They are kept by the structure, shapes and dtypes of the arguments, by the static ones, and by the numbers and
    arrays that the function reads from closures and globals. Where Python's `if` or `while` looked at a value, or a
    mask chose elements, the program checks at each call that the outcome is the same, and traces another where not.
    """

    def __init__(
        self,
        f: Function,
        static: Positions = (),
        donate: Positions = (),
        backend: str | None = None,
    ) -> None:
        if not callable(f):
            raise InputError(f"compile: {f!r} is not a function")
        self.f = f
        self.laxity: Laxity = STRICT  # of the tapes that f is traced on
        self.static: tuple[int, ...] = numbers("static_argnums", static)
        self.static_names: list[str] = [n for k, n in enumerate(written_names(f)[0]) if k in self.static]
        self.donate: tuple[int, ...] = numbers("donate_argnums", donate)
        self.backend: str = known_backend(backend)
        self.programs: dict[Hashable, list[Compiled]] = {}
        self.last: Compiled | None = None
        self.lock: threading.RLock = threading.RLock()
        self.captured: Captured = Captured(f)
        self.warned: bool = False
        self.told: bool = False  # that a loop's length depends on values
        self.answering: Compiled | None = None  # whose lines the function has
        self.function: Any = entry_function(self, f)
        self.function.program, self.function.explain, self.function.prepare = self, self.explain, self.prepare
        self.function.source, self.function._repr_html_ = UNTRACED, self._repr_html_

    def __repr__(self) -> str:
        traced = sum(map(len, self.programs.values()))
        name = getattr(self.f, "__name__", "a function")
        return f"<Program of {name}, backend {self.backend}: {traced} traced; .source and .explain() show what runs>"

    def _card_(self) -> Card:
        traced = sum(map(len, self.programs.values()))
        about = f"of {getattr(self.f, '__name__', 'a function')}, backend {self.backend}: {traced} traced"
        if self.last is None:
            return Card("Program", about).add(Words("Nothing has been traced yet: call it once."))
        latest = self.latest()
        told = facts({"recording and compiling": duration(latest.seconds), "operations": len(latest.graph.operations)})
        explained = Fold("what became of the graph", [Code(self.explain())])
        return Card("Program", about).add(told, Code(latest.source.text), explained)

    def __call__(self, *args: Any, **kwargs: Any) -> Value:
        if self.static or kwargs:
            count = len(args)
            static: Static = {k % count: args[k % count] for k in self.static if -count <= k < count}
            static |= {name: kwargs[name] for name in self.static_names if name in kwargs}
            moving: tuple[Tree, ...] = tuple(a for k, a in enumerate(args) if k not in static)
            fixed = tuple([(k, frozen_static(x)) for k, x in static.items()])
            names = tuple(sorted(kwargs.keys() - static.keys()))
            both: Tree = (moving, tuple(kwargs[n] for n in names))
        else:
            moving, fixed, names, static = args, (), (), {}
            both = (args, ())
        leaves: list[Value]
        leaves, spec = optree.tree_flatten(both)
        numbers_only = True
        for k, x in enumerate(leaves):
            if x.__class__ is float:
                leaves[k] = np.float64(x)
                continue
            numbers_only = False
            if x.__class__ is Traced:
                return self.f(*args, **kwargs)  # inside another trace the function is recorded there
            if x.__class__ is not np.ndarray or x.dtype.kind not in "f":
                leaves[k] = self.leaf(x, k, both, args, static, names)
        key = (spec, tuple([(x.shape, x.dtype) for x in leaves]), fixed, names, self.captured.key())
        for program in self.programs.get(key, ()):
            if program.run is None and self.build(program, moving, names, static):
                return self.function(*args)  # by the lines that were written now, which have machine code of their own
            if program is not self.answering and program.lines is not None:
                program.passed += 1
                if program.passed % AGAIN == 0:  # as in training, where only an epoch's last batch is a smaller one
                    self.answer(program, program.lines)
            found = program(self.checked(program, leaves))
            if found is not None:
                break
        else:
            program, found = self.make(key, args, static, names, moving, kwargs, leaves)
        if numbers_only and leaves:  # Python's numbers in, Python's numbers out
            found = [PYTHON_SCALARS[y.__class__](y) if y.__class__ in PYTHON_SCALARS else y for y in found]
        elif program.run is not None and program.scalar:
            found = [NUMPY_SCALARS[y.__class__](y) if y.__class__ in NUMPY_SCALARS else y for y in found]
        return program.rebuild(found) if program.rebuild else found[0]

    def leaf(
        self, x: Value, k: int, both: Tree, args: tuple[Tree, ...], static: Static, names: tuple[str, ...]
    ) -> Value:
        """An argument's leaf as the program takes it; an error says the argument's name."""
        try:
            return leaf(x, "compile")
        except DifflabError:
            positional = [n for j, n in enumerate(argument_names(self.f, len(args))) if j not in static]
            group, place, *rest = optree.tree_paths(both)[k]
            name = (positional, names)[group][place] + "".join(f"[{p!r}]" for p in rest)
            try:
                return leaf(x, f"compile: argument {name}")
            except DtypeError as error:
                raise DtypeError(f"{error}; static_argnums names what is no number") from None

    def prepare(self, *args: Any, **kwargs: Any) -> None:
        """Traces and builds the program for arguments like these, so that already the first call runs it.

        Without, the first call gives the trace's own values where arguments are small, which may differ from the
        program's in the last digit.
        """
        before = self.last
        self(*[copied(x) for x in args], **kwargs)
        if self.last is not before and self.last is not None and self.last.run is None:
            self(*[copied(x) for x in args], **kwargs)  # which builds it, and writes the function's own lines

    def checked(self, program: Compiled, values: list[Value]) -> list[Value]:
        """The values, once it is known that the donated ones can be written to."""
        if self.donate:
            for k, (x, donated) in enumerate(zip(values, program.donated)):
                if not donated or not isinstance(x, np.ndarray):
                    continue
                if not x.flags.c_contiguous:  # results are written into flattened arrays
                    values[k] = x.copy()
                if not x.flags.writeable:
                    raise InputError(f"compile: a donated array of shape {x.shape} is read-only; give a copy of it")
        return values

    def make(
        self,
        key: tuple[Hashable, ...],
        args: tuple[Tree, ...],
        static: Static,
        names: tuple[str, ...],
        moving: tuple[Tree, ...],
        kwargs: Params,
        given: list[Value],
        early: bool = True,
    ) -> tuple[Compiled, list[Value]]:
        """A new kind: its graph, and the results that the trace itself found, or with `early` its program."""

        def g(positional: tuple[Tree, ...], named: tuple[Tree, ...]) -> Tree:
            rest = iter(positional)
            full = [static[k] if k in static else next(rest) for k in range(len(args))]
            return self.f(*full, **dict(zip(names, named)), **{k: x for k, x in static.items() if isinstance(k, str)})

        start = time.perf_counter()
        with self.lock, SEARCHED_SELDOM, np.errstate(all="ignore"):
            self.captured.also(static.values())
            draws = None if self.warned else Draws(self.f, *self.captured.reach(), list(static.values()))
            named = tuple(kwargs[n] for n in names)
            before = self.captured.key()
            guards, results = Guards(), None
            graph = unvalued(g, moving, named, given) if early and self.laxity is STRICT and not self.donate else None
            if graph is None:
                graph, results = record(g, moving, named, guards=guards, merging=True, laxity=self.laxity)
            self.captured.leave_out(before)
            self.captured.renew()
            key = (*key[:-1], self.captured.key())
            self.warned = self.warned or (draws is not None and draws.warn())
            rename(graph, [n for k, n in enumerate(argument_names(self.f, len(args))) if k not in static], list(names))
            results = None if results is None else owned(results, graph.outputs, given)
            donated = self.donated_leaves(moving, static, len(args), len(given))
            program = Auto(graph, donated) if self.backend == "auto" else Compiled(graph, donated, self.backend)
            program.seconds, program.content = time.perf_counter() - start, key[-1]
            while sum(map(len, self.programs.values())) >= MAX_KINDS:
                self.forget()
            program.loops = guards.loops()
            self.programs.setdefault(key, []).append(program)
            self.told = self.told or warn(p.loops for p in self.programs[key])
            self.last = program
            self.function.source = LateText(lambda: program.build().source.text)
            if len(graph) <= AT_ONCE:
                self.build(program, moving, names, static)
        if results is None:
            try:
                results = program(given)
                assert results is not None  # there is no guard that could fail
            except Exception:  # the function itself may have an answer, or a trace a better word
                self.programs[key].remove(program)
                return self.make(key, args, static, names, moving, kwargs, given, early=False)
        return program, results

    def forget(self) -> None:
        """Drops the first program of the kind that was met first."""
        oldest = next(iter(self.programs))
        kept = self.programs[oldest][1:]  # a new list: another thread may be going through the old one
        if kept:
            self.programs[oldest] = kept
        else:
            del self.programs[oldest]

    def build(self, program: Compiled, moving: tuple[Tree, ...], names: tuple[str, ...], static: Static) -> bool:
        """Writes the program's source; whether the function that users call has its lines in it from now on."""
        program.build()
        if program is self.last:
            self.function.source = program.source.text
            if not names and not static:
                if isinstance(program, Auto):
                    program.settle = partial(self.shorten, program, moving)  # whichever program wins
                else:
                    return self.shorten(program, moving, program)
        return False

    def shorten(self, kind: Compiled, moving: tuple[Tree, ...], program: Compiled) -> bool:
        """Lets the function answer calls of this kind by the program's own lines; whether it does."""
        lines = kind.lines = lines_for(self.f, moving, program, self.captured)
        if lines is not None:
            self.answer(kind, lines)
        return lines is not None

    def answer(self, kind: Compiled, lines: Lines) -> None:
        """Gives the function the lines of this kind."""
        self.answering = kind
        exchange(self.function, lines)

    def donated_leaves(self, moving: tuple[Tree, ...], static: Static, count: int, leaves: int) -> list[bool]:
        wanted = {k % count for k in self.donate if -count <= k < count}
        positions = [k for k in range(count) if k not in static]
        flags: list[bool] = []
        for k, tree in zip(positions, moving):
            flags += [k in wanted] * len(optree.tree_leaves(tree))
        return flags + [False] * (leaves - len(flags))

    def latest(self) -> Compiled:
        if self.last is None:
            raise InputError("compile: nothing has been traced yet; call the program once")
        return self.last.build()

    @property
    def graph(self) -> Graph:
        """The optimised graph of the program made last."""
        return self.latest().graph

    def explain(self) -> str:
        """What each pass did to the graph, and what memory the program takes."""
        return explain(self.latest())


def unvalued(g: Function, moving: tuple[Tree, ...], named: tuple[Tree, ...], given: list[Value]) -> Graph | None:
    """The graph where arguments are large and their shapes alone decide it: recorded without values, of which there
    would be one for each operation at the same time. None where the function has to be run.
    """
    if sum(x.nbytes for x in given) < LARGE:
        return None
    tape = UnvaluedTape()
    try:
        graph, _ = record(g, moving, named, tape=tape)
    except Exception:  # whatever is wrong is told by the run on values
        return None
    return None if tape.guards else graph


def copied(tree: Tree) -> Tree:
    """The tree with arrays of its own."""
    return optree.tree_map(lambda x: x.copy() if isinstance(x, np.ndarray) else x, tree)


class LateText(UserString):
    """A source that is written when somebody reads it."""

    def __init__(self, make: Callable[[], str]) -> None:
        self.make = make

    @property
    def data(self) -> str:  # type: ignore[override]
        return self.make()


def known_backend(name: str | None, who: str = "compile") -> str:
    """The backend of that name; the one that the environment names, or NumPy's, where none is given."""
    where = "backend"
    if name is None:
        where, name = VARIABLE, os.environ.get(VARIABLE) or "numpy"
    if name not in BACKENDS:
        raise InputError(f"{who}: {where}={name!r}; the backends are {', '.join(map(repr, BACKENDS))}")
    if name == "native":
        from ..native.backend import warn_if_missing

        warn_if_missing()
    if name == "jax":
        jax()
    return name


def numbers(what: str, given: Positions) -> tuple[int, ...]:
    found = tuple(given) if isinstance(given, Iterable) and not isinstance(given, str) else (given,)
    if not all(isinstance(k, int) for k in found):
        raise InputError(f"compile: {what}={given!r}; give the positions of arguments, as integers")
    return found


def rename(graph: Graph, positional: list[str], named: list[str]) -> None:
    """Gives the inputs the names that the user's function has for them."""
    for node in graph.inputs:
        found = re.fullmatch(r"(positional|named)\[(\d+)\](.*)", node.name or "")
        if found is None:  # the function itself gave it a name, with `label`
            continue
        group, k, rest = found.groups()
        name = (positional if group == "positional" else named)[int(k)]
        node.name = name + "_".join(["", *re.findall(r"\w+", rest)])


def frozen_static(x: object) -> Hashable:
    try:
        hash(frozen(x))
        return frozen(x)
    except TypeError:
        raise InputError(
            f"compile: the static argument {x!r} is not hashable; give a number, string or tuple"
        ) from None


def compile(
    f: Function, *, static_argnums: Positions = (), donate_argnums: Positions = (), backend: str | None = None
) -> CompiledFunction:
    """f as a program: traced once for each structure, shapes and dtypes of its arguments, then straight-line code.

    Arguments at `static_argnums` are taken as they are and choose the program by their value. The arrays of arguments
    at `donate_argnums` may be overwritten with results, so that a training step needs no new memory. The function has
    `source`, the code made last, and `explain()`. Python floats in give Python floats.

    With `backend="native"` numba, where it is installed, compiles programs on single numbers and the arithmetic in
    large arrays to machine code; the rest stays NumPy's, and `explain()` says what and why.

    With `backend="jax"` XLA compiles the whole program, where JAX is installed: worth its seconds of compilation where
    arrays are large and many operations follow each other. Results are NumPy's, in the precision of the arguments.

    With `backend="auto"` NumPy's program answers at once; the others are built in the background once a kind of
    arguments has been called often enough, checked against its results and timed on the arguments, and the fastest
    stays. `explain()` shows the times. What is not said is `DIFFLAB_BACKEND`'s, or NumPy's.

    Random numbers that f draws and clocks that it reads are constants of the program: a FrozenWarning names the call.

    >>> import difflab as dl
    >>> program = dl.compile(dl.grad(lambda x: x**2))
    >>> program(3.0)
    6.0
    """
    found: CompiledFunction = Program(f, static_argnums, donate_argnums, backend).function
    return found
