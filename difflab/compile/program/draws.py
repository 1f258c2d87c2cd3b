"""What a function reads that is different at each call: random numbers and clocks, which a program keeps as constants.

Generators are known to be used when their state is another after the trace; clocks, and generators that the function
makes without a seed, by the calls in its code. Functions of other libraries are seen by NumPy's and Python's own
random states alone.
"""

from __future__ import annotations

import datetime
import dis
import os
import random
import secrets
import time
import uuid
import warnings
from collections.abc import Iterator
from ctypes import string_at
from functools import partial
from types import CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import NamedTuple, TypeAlias

import numpy as np

from ...errors import FrozenWarning
from ...types import Function, Value
from .content import LIBRARIES

GENERATORS = (np.random.Generator, np.random.RandomState, random.Random)
SHARED = (("np.random", getattr(np.random.mtrand, "_rand")), ("random", getattr(random, "_inst")))  # noqa: B009
CLOCKS: list[Function] = [
    *(getattr(time, n) for n in dir(time) if n.startswith(("time", "perf_counter", "monotonic", "process_time"))),
    *(os.urandom, uuid.uuid1, uuid.uuid4, secrets.token_bytes, secrets.randbelow, secrets.randbits, secrets.choice),
    *(datetime.datetime.now, datetime.datetime.today, datetime.datetime.utcnow, datetime.date.today),
]
UNSEEDED = (np.random.default_rng, np.random.RandomState, np.random.SeedSequence, random.Random, random.SystemRandom)
NAMES = frozenset(  # a function whose code has none of these calls nothing of the kind by name
    n for kind in GENERATORS for n in dir(kind) if not n.startswith("_")
) | {getattr(f, "__name__", "") for f in (*CLOCKS, *UNSEEDED)}
WORDS = 625 * 4  # bytes of a twister's numbers and its place among them
LAST: list[Value] = [None, None]  # the words of NumPy's own generator, and its state, when that was asked for last
LOADS = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_FAST")


Generator: TypeAlias = np.random.Generator | np.random.RandomState | random.Random


class Call(NamedTuple):
    """A call of the function's own code: what is called, under which name, and where."""

    target: object
    name: str
    arguments: int | None
    file: str
    line: int


class Draws:
    """What random states were before a trace; `warn` tells which of them the trace moved on."""

    def __init__(self, f: Function, functions: list[Function], captured: list[object], static: list[object]) -> None:
        self.functions: list[Function] = []
        for g in functions if f in functions else [f, *functions]:
            while isinstance(g, partial):
                captured, g = [*captured, *g.args, *g.keywords.values()], g.func
            self.functions.append(g)
        self.calls: list[Call] = [c for f in self.functions for c in calls_of(f)]
        drawn = (getattr(c.target, "__self__", None) for c in self.calls)
        found = [x for x in (*captured, *static, *drawn) if isinstance(x, GENERATORS)]
        self.before: dict[int, tuple[Generator, Value, bytes | None]] = {
            id(x): (x, state(x), words(x)) for x in (*(g for _, g in SHARED), *found)
        }

    def warn(self) -> bool:
        """Warns where the function drew numbers or read a clock; returns whether it did."""
        moved = [x for x, was, lay in self.before.values() if not (stays(x, was, lay) or state(x) == was)]
        for call in self.calls:
            if any(call.target == clock for clock in CLOCKS):
                return told(f"{call.name}() is read", call.file, call.line)
            if call.arguments == 0 and any(call.target is kind for kind in UNSEEDED):
                return told(f"{call.name}() is made without a seed", call.file, call.line)
            if any(getattr(call.target, "__self__", None) is x for x in moved):
                return told(f"{call.name}() drew random numbers", call.file, call.line)
        for x in moved:
            shared = next((name for name, g in SHARED if g is x), None)
            what = f"the state of {shared}" if shared else f"the generator {self.name_of(x)}"
            code = getattr(self.functions[0], "__code__", None)
            return told(f"{what} moved on", getattr(code, "co_filename", "?"), getattr(code, "co_firstlineno", 1))
        return False

    def name_of(self, generator: Generator) -> str:
        """The name under which the function's code has a generator that it passes on."""
        for f in self.functions:
            if isinstance(f, FunctionType):
                cells = {n: c.cell_contents for n, c in zip(f.__code__.co_freevars, f.__closure__ or ()) if assigned(c)}
                for name in (*cells, *f.__code__.co_names):
                    if (cells.get(name) if name in cells else f.__globals__.get(name)) is generator:
                        return name
        return repr(generator)


def told(what: str, file: str, line: int) -> bool:
    warnings.warn_explicit(
        f"compile: {what} ({file}:{line}), and every call of the program uses the values of the one that was traced; "
        "give them to the function as an argument",
        FrozenWarning,
        file,
        line,
    )
    return True


def words(generator: Generator) -> bytes | None:
    """The memory of a Mersenne twister of NumPy's, which is read thirty times as fast as its state; None of others."""
    twister = getattr(generator, "_bit_generator", None) or getattr(generator, "bit_generator", None)
    return string_at(twister.ctypes.state_address, WORDS) if twister.__class__ is np.random.MT19937 else None


def stays(generator: Generator, was: Value, lay: bytes | None) -> bool:
    """Whether a generator is known not to have moved: its words are the same, and it kept no normal number."""
    if lay is None or (isinstance(generator, np.random.RandomState) and was[2]):
        return False
    return words(generator) == lay


def state(generator: Generator) -> Value:
    """A generator's state, in a form that can be compared."""
    if isinstance(generator, random.Random):
        return None if isinstance(generator, random.SystemRandom) else generator.getstate()
    if isinstance(generator, np.random.RandomState):
        return shared_state(generator) if generator is SHARED[0][1] else flat(generator.get_state(legacy=False))
    return flat(generator.bit_generator.state)


def shared_state(generator: np.random.RandomState) -> Value:
    """The same of NumPy's own, which each trace asks for, and which seldom moves between two of them.

    It keeps every second normal number for the next call: only where it has none do the same words say the same state.
    """
    lay = words(generator)
    if lay is None or LAST[0] != lay or LAST[1][2]:
        LAST[:] = lay, flat(generator.get_state(legacy=False))
    return LAST[1]


def flat(x: Value) -> Value:
    if isinstance(x, dict):
        return tuple([flat(v) for v in x.values()])
    return x.tobytes() if isinstance(x, np.ndarray) else x


def calls_of(f: Value) -> Iterator[Call]:
    """The calls in a function's own code whose target is known before it runs."""
    known: dict[str, object] = {}
    if not isinstance(f, FunctionType | MethodType):  # an object that can be called
        f = getattr(f, "__call__", None)  # noqa: B004
    if isinstance(f, MethodType):
        known, f = dict(zip(f.__func__.__code__.co_varnames, [f.__self__])), f.__func__
    if not isinstance(f, FunctionType) or f.__globals__.get("__name__", "").partition(".")[0] in LIBRARIES:
        return
    known |= {n: c.cell_contents for n, c in zip(f.__code__.co_freevars, f.__closure__ or ()) if assigned(c)}
    stack: list[CodeType] = [f.__code__]
    while stack:
        code = stack.pop()
        stack += [c for c in code.co_consts if isinstance(c, CodeType)]
        if NAMES & {*code.co_names, *code.co_freevars}:
            yield from calls_in(code, f.__globals__ | known)


def calls_in(code: CodeType, known: dict[str, object]) -> Iterator[Call]:
    chain: list[str] = []
    target: object = None
    line = code.co_firstlineno
    for step in dis.get_instructions(code):
        line = step.positions.lineno or line if step.positions else line
        if step.opname in ("PUSH_NULL", "PRECALL", "CACHE", "EXTENDED_ARG", "RESUME"):
            continue
        if step.opname in LOADS:
            chain, target = [str(step.argval)], known.get(str(step.argval))
        elif step.opname in ("LOAD_ATTR", "LOAD_METHOD") and target is not None:
            chain, target = [*chain, str(step.argval)], attribute(target, str(step.argval))
        elif target is not None and callable(target):
            count = step.arg if step.opname == "CALL" else None
            yield Call(target, ".".join(chain), count, code.co_filename, line)
            target = None
        else:
            target = None


def assigned(cell: CellType) -> bool:
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return False
    return True


def attribute(x: object, name: str) -> object:
    """An attribute, where looking it up runs nobody's code."""
    if isinstance(x, (ModuleType, type, *GENERATORS)):
        return getattr(x, name, None)
    return getattr(x, "__dict__", {}).get(name)
