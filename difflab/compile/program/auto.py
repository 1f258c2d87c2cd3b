"""The backend "auto": NumPy's program at once, and the fastest of all once a kind of arguments has shown that it pays.

A thread in the background builds the candidates, checks each against NumPy's result, and times them in turns on the
user's own arguments. Where nothing is faster, or the candidates cannot be built, NumPy's program stays.
"""

from __future__ import annotations

import atexit
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator
from importlib import metadata
from importlib.util import find_spec

import numpy as np

from ... import cache
from ...errors import DifflabError
from ...graph.graph import Graph
from ...graph.merging import frozen
from ...graph.pytree import flatten
from ...types import Value
from .compiled import Compiled

NEEDS = {"native": "numba", "jax": "jax"}  # the candidates beside NumPy's program, and the package of each
BACKENDS = ("numpy", *NEEDS)
CALLS, SECONDS = 64, 0.25  # a kind that was called so often, or ran so long, is worth some seconds of compilation
ROUNDS, ENOUGH = 7, 0.5  # turns of timing, and the seconds after which fewer will do
BETTER = 0.95  # of NumPy's time: less than this, or NumPy's program stays


class Auto(Compiled):
    """The program of one kind of arguments: NumPy's, until another has won."""

    def __init__(self, graph: Graph, donated: list[bool]) -> None:
        super().__init__(graph, donated, "numpy")
        self.calls: int = 0
        self.spent: float = 0.0
        self.winner: Compiled | None = None
        self.asked: bool = False
        self.settle: Callable[[Compiled], object] | None = None  # told which program stays
        self.told: list[str] = ["auto: NumPy's program; the others are tried once it has been called more often"]

    def __call__(self, values: list[Value]) -> list[Value] | None:
        winner = self.winner
        if winner is not None:
            return winner(values)
        if self.asked:  # the contest is on, or NumPy's program has won it
            return super().__call__(values)
        given = [x.copy() if d and isinstance(x, np.ndarray) else x for x, d in zip(values, self.donated)]
        start = time.perf_counter()
        found = super().__call__(values)
        self.spent += time.perf_counter() - start
        self.calls += 1
        if found is not None and (self.calls >= CALLS or self.spent >= SECONDS):
            self.asked = True
            WORKER.ask(Contest(self, [np.copy(x)[()] for x in given], [np.copy(y)[()] for y in found]))
        return found

    def explain(self) -> list[str]:
        return self.told


class Contest:
    """The candidates for one kind, on arguments that were given and the results that NumPy's program found."""

    def __init__(self, program: Auto, values: list[Value], found: list[Value]) -> None:
        self.program: Auto = program
        self.values: list[Value] = values
        self.found: list[Value] = found

    def run(self, stop: threading.Event) -> None:
        """Builds, checks and times the candidates, and lets the fastest answer from now on.

        What another process has found out for the same graph on this machine is only checked.
        """
        numpys = Compiled(self.program.traced, [False] * len(self.values), "numpy").build()
        key = fingerprint(numpys.graph)
        known = cache.choices().get(key, {})
        entrants, told = {"numpy": numpys}, []
        for name, package in NEEDS.items():
            if known.get("best") in BACKENDS and known["best"] != name:
                continue
            if name == "jax" and numpys.scalar:
                continue  # a call of XLA's takes longer than a program on some numbers
            if stop.is_set():
                return
            if find_spec(package) is None:
                told.append(f"auto: {name} not tried, {package} is not installed")
                continue
            reason, made = self.entrant(name)
            if made is None:
                told.append(f"auto: {name} left out, {reason}")
            else:
                entrants[name] = made
        times = self.timed(entrants, stop)
        if stop.is_set():
            return
        best = min(times, key=lambda name: times[name])
        if times[best] > BETTER * times["numpy"]:
            best = "numpy"
        if not known:
            cache.choose(key, {"best": best, "microseconds": {n: round(1e6 * t, 2) for n, t in times.items()}})
        told.insert(0, "auto: " + ", ".join(f"{n} {1e6 * t:,.1f} us" for n, t in times.items()) + f"; {best} stays")
        if known:
            told.insert(1, f"auto: {known.get('best')} was the fastest in an earlier process")
        self.program.told = told
        kept: Compiled = self.program
        if best != "numpy":
            kept = (
                Compiled(self.program.traced, self.program.donated, best)
                if any(self.program.donated)
                else entrants[best]
            )
            self.program.winner = kept.build()
        if self.program.settle is not None:
            kept.content = self.program.content
            self.program.settle(kept)

    def failed(self, error: Exception) -> None:
        """NumPy's program stays."""
        self.program.told = [f"auto: NumPy's program stays; the contest ended with {type(error).__name__}: {error}"]

    def entrant(self, backend: str) -> tuple[str, Compiled | None]:
        """The program of a backend, where it gives what NumPy's gave; else the reason."""
        try:
            program = Compiled(self.program.traced, [False] * len(self.values), backend).build()
            found = program(list(self.values))
        except DifflabError as error:
            return str(error), None
        except Exception as error:  # another library's compiler may fail in its own ways; NumPy's program stays
            return f"{type(error).__name__}: {error}".splitlines()[0], None
        if found is None or not all(map(alike, found, self.found)):
            return "its result differs from NumPy's", None
        return "", program

    def timed(self, entrants: dict[str, Compiled], stop: threading.Event) -> dict[str, float]:
        """The seconds of a call, the least of several turns."""
        best = dict.fromkeys(entrants, float("inf"))
        end = time.perf_counter() + ENOUGH * len(entrants)
        for turn in range(ROUNDS):
            for name, program in entrants.items():
                if stop.is_set() or (turn and time.perf_counter() > end):
                    return best
                start = time.perf_counter()
                program(list(self.values))
                best[name] = min(best[name], time.perf_counter() - start)
        return best


def fingerprint(graph: Graph) -> str:
    """What a choice hangs on: the operations, shapes and dtypes, the versions and the machine."""
    lines = [np.__version__, *[version(p) for p in NEEDS.values()], os.environ.get("OMP_NUM_THREADS", "")]
    return cache.key([*lines, *operations(graph)])


def operations(graph: Graph) -> Iterator[str]:
    """A line for each node, and for those of the bodies of loops and branches after their own."""
    number = {node: k for k, node in enumerate(graph.order)}
    for node in graph.order:
        kind = "" if node.value.__class__ is tuple else f"{node.shape} {node.dtype}"
        params = "" if node.primitive.leaf else repr(frozen(node.params))
        yield f"{node.primitive.name} {[number[x] for x in node.operands]} {kind} {params}"
        for part in flatten(list(node.primitive.spelling.values()))[0] if not node.primitive.merges else ():
            if isinstance(body := getattr(part, "graph", None), Graph):
                yield from operations(body)


def version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def alike(found: Value, want: Value) -> bool:
    """Whether two results are the same up to the rounding of another order of operations."""
    x, y = np.asarray(found), np.asarray(want)
    if x.shape != y.shape or x.dtype != y.dtype:
        return False
    if x.dtype.kind not in "fc":
        return bool(np.array_equal(x, y))
    loose = float(np.sqrt(np.finfo(x.dtype).eps))
    size = float(np.max(np.abs(y[np.isfinite(y)]), initial=0.0))
    return bool(np.allclose(x, y, rtol=loose, atol=loose * size, equal_nan=True))


class Worker:
    """One thread for all contests, which ends with the interpreter."""

    def __init__(self) -> None:
        self.waiting: queue.SimpleQueue[Contest | None] = queue.SimpleQueue()
        self.stop: threading.Event = threading.Event()
        self.lock: threading.Lock = threading.Lock()
        self.thread: threading.Thread | None = None

    def ask(self, contest: Contest) -> None:
        with self.lock:
            if self.thread is None and not self.stop.is_set():
                self.thread = threading.Thread(target=self.work, name="difflab auto", daemon=True)
                self.thread.start()
                atexit.register(self.end)
        self.waiting.put(contest)

    def work(self) -> None:
        while (contest := self.waiting.get()) is not None and not self.stop.is_set():
            try:
                contest.run(self.stop)
            except Exception as error:  # of one contest, and the thread is there for all
                contest.failed(error)

    def end(self) -> None:
        """Lets the contest that runs come to its next stop; a compiler cannot be broken off."""
        self.stop.set()
        self.waiting.put(None)
        if self.thread is not None:
            self.thread.join()

    def settled(self, seconds: float) -> bool:
        """Waits until every contest so far has ended; whether it has."""
        done = threading.Event()
        self.waiting.put(Signal(done))
        return done.wait(seconds)


class Signal(Contest):
    """Not a contest: tells that all before it have ended."""

    def __init__(self, done: threading.Event) -> None:
        self.done = done

    def run(self, stop: threading.Event) -> None:
        self.done.set()


WORKER = Worker()
