"""compile_gradients: derivatives made by this package become programs, one for each kind of arguments.

A program may be used again where everything that its function reads is as it was when it was traced. What is looked
at before each call (`Places`) are the arguments' kinds, the closures, globals and defaults of the functions that run,
and the attributes of the objects whose methods they are, into containers and objects inside them. Where that is too
much, or a function cannot be compiled, or its branches are decided otherwise again and again, its derivative stays
eager.
"""

from __future__ import annotations

import random
import warnings
from collections.abc import Hashable, Iterable, Iterator
from functools import partial
from itertools import chain
from types import BuiltinFunctionType, CellType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from ..compile.program.content import PLAIN, Same, content
from ..compile.program.program import Program, known_backend
from ..compile.program.reach import held, names_of
from ..errors import FrozenWarning
from ..graph.laxity import LAX
from ..graph.pytree import flatten
from ..graph.traced import Traced
from ..types import Function, Params, Value

COMPILED = frozenset(("deriv", "elementwise_grad", "grad", "hessian", "holomorphic_grad", "jacobian", "value_and_grad"))
EAGER_CALLS = 12  # of each derivative: recording and compiling cost as much as about ten of them
MOST_PROGRAMS = 8  # of one derivative, of which half a dozen may come from branches
MOST_ITEMS = 5000  # looked at before a call
DEEPEST = 4  # objects inside objects
LIBRARIES = ("difflab", "numpy", "scipy", "autograd", "pandas")
CODE = (FunctionType, BuiltinFunctionType, MethodType, ModuleType, type, np.ufunc)
NOTHING = object()
METHODS = (FunctionType, MethodType)
CHANGING = (np.random.Generator, np.random.RandomState, random.Random, Iterator)


class Settings:
    """Whether derivatives are compiled in this process, and by which backend."""

    on: bool = False
    backend: str | None = None


class UncountableError(Exception):
    """What a function reads is too much to be looked at before each call, or changes with each."""


class Places:
    """Where a function, and what it calls, reads besides its arguments."""

    def __init__(self, f: Function) -> None:
        self.cells: list[CellType] = []
        self.globals: list[tuple[dict[str, Any], str]] = []
        self.objects: list[object] = []
        self.names: set[str] = set()  # of attributes and globals, in all functions
        self.functions: set[FunctionType] = set()
        self.classes: set[type] = set()  # of the objects that are read
        self.left: int = 0
        self.collect(f)
        known = -1
        while known < self.size():  # a method may name others, and reach other objects
            known = self.size()
            self.key()
            for kind in list(self.classes):
                self.collect_methods(kind)

    def size(self) -> int:
        return len(self.functions) + len(self.classes) + len(self.names)

    def collect(self, f: Any) -> None:
        """Notes the places of a function."""
        if isinstance(f, partial):
            self.objects += [*f.args, *f.keywords.values()]
            self.collect(f.func)
        elif isinstance(f, MethodType):
            self.objects.append(f.__self__)
            self.collect(f.__func__)
        elif isinstance(f, FunctionType):
            self.collect_function(f)
        elif callable(f) and not isinstance(f, CODE):
            self.objects.append(f)
            self.names.add("__call__")

    def collect_function(self, f: FunctionType) -> None:
        if f in self.functions:
            return
        self.functions.add(f)
        inside = [held(cell) for cell in f.__closure__ or ()]
        if not of_a_library(f.__globals__.get("__name__", "")):
            self.cells += f.__closure__ or ()
            names = set(names_of(f.__code__))
            self.names |= names
            self.globals += [(f.__globals__, name) for name in names & set(f.__globals__)]
            inside += [f.__globals__[name] for name in names & set(f.__globals__)]
            self.objects += [*(f.__defaults__ or ()), *(f.__kwdefaults__ or {}).values()]
        for x in inside:
            if isinstance(x, FunctionType | MethodType | partial):
                self.collect(x)

    def collect_methods(self, kind: type) -> None:
        """The methods and properties of a class that are named somewhere."""
        for name in list(self.names):  # what is found says names of its own
            found = getattr(kind, name, None)
            self.collect(found.fget if isinstance(found, property) else found if isinstance(found, METHODS) else None)

    def key(self, arguments: Iterable[Value] = ()) -> tuple[Hashable, ...]:
        """The present content of all places, and of arguments."""
        self.left = MOST_ITEMS
        read = [*map(held, self.cells), *[space.get(name) for space, name in self.globals], *self.objects, *arguments]
        return tuple([self.state(x, 0) for x in read])

    def state(self, x: Any, depth: int) -> Hashable:
        """What decides whether a place holds what it held."""
        self.left -= 1
        if x.__class__ in PLAIN or isinstance(x, np.generic):
            return content(x)
        if isinstance(x, np.ndarray):
            return Same(x) if x.dtype == object else content(x)
        if self.left < 0 or isinstance(getattr(x, "__self__", x), CHANGING):
            raise UncountableError
        if isinstance(x, CODE):
            return (Same(x.__func__), self.state(x.__self__, depth)) if isinstance(x, MethodType) else Same(x)
        if isinstance(x, list | tuple | set | frozenset):
            return (x.__class__, *[self.state(e, depth) for e in x])
        if isinstance(x, dict):
            return (dict, *[(self.state(k, depth), self.state(e, depth)) for k, e in x.items()])
        inside = getattr(x, "__dict__", None)
        if inside is None or depth >= DEEPEST or of_a_library(type(x).__module__):
            return Same(x)
        self.classes.add(type(x))
        return (Same(x), *[(name, self.state(e, depth + 1)) for name, e in inside.items()])


def of_a_library(module: str) -> bool:
    return str(module).partition(".")[0] in LIBRARIES


class Gradient:
    """A derivative and its programs."""

    def __init__(self, fun: Function, derivative: Function, argnum: Any) -> None:
        self.fun = fun
        self.by: tuple[int, ...] = tuple(argnum) if isinstance(argnum, list | tuple) else (argnum,)
        self.others_fixed: bool = False  # whether the other arguments' arrays are part of the program
        self.derivative = derivative
        self.places: Places | None = None  # once it is to be compiled
        self.programs: dict[Hashable, Program] = {}
        self.calls: int = 0
        self.eager: bool = False

    def __call__(self, args: tuple[Value, ...], kwargs: Params) -> Value:
        self.calls += 1
        if self.eager or self.calls <= EAGER_CALLS:
            return self.derivative(*args, **kwargs)
        leaves, rebuild = flatten((args, kwargs))
        if any(x.__class__ is Traced for x in leaves):
            return self.derivative(*args, **kwargs)
        found = self.compiled(args, kwargs, leaves, rebuild)
        if found is NOTHING and not self.others_fixed:  # the function may do with them what no record holds
            self.others_fixed = True
            found = self.compiled(args, kwargs, leaves, rebuild)
        return self.given_up(args, kwargs) if found is NOTHING else found

    def compiled(self, args: tuple[Value, ...], kwargs: Params, leaves: list[Value], rebuild: Function) -> Value:
        """What the program gives, or NOTHING where there can be none."""
        free = self.free(args, kwargs, leaves)
        numbers = [np.float64(x) if x.__class__ is float else x for x, moves in zip(leaves, free) if moves]
        fixed = {k: x for k, x in enumerate(leaves) if not free[k]}
        try:
            return self.run(self.program(fixed, rebuild), numbers)
        except Exception:  # whatever stops the recording: where the error is the function's own, it comes again
            self.programs.clear()
            return NOTHING

    def free(self, args: tuple[Value, ...], kwargs: Params, leaves: list[Value]) -> list[bool]:
        """Which leaves are arguments of the program."""
        if not self.others_fixed:
            return [fits(x) for x in leaves]
        by = [k % len(args) for k in self.by]
        moving = tuple([[k in by] * len(flatten(x)[0]) for k, x in enumerate(args)])
        return [*chain(*moving), *[False] * len(flatten(kwargs)[0])]

    def run(self, program: Program, numbers: list[Value]) -> Value:
        """A call of a program, which may trace the function: the last where that draws numbers or is often."""
        before = traced(program)
        if before:
            found = program.function(*numbers)
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FrozenWarning)
                found = program.function(*numbers)
        if traced(program) > before:
            often = sum(map(traced, self.programs.values())) > MOST_PROGRAMS
            self.eager = self.eager or often or program.warned or program.told
        return found

    def program(self, fixed: dict[int, Value], rebuild: Function) -> Program:
        """The program for what the function reads now, and for the arguments that are no numbers."""
        key = self.places.key(fixed.values()) if self.places is not None else None
        if key not in self.programs:
            self.places = Places(self.fun)  # other functions may be reached now
            key = self.places.key(fixed.values())
            if key in self.programs:
                return self.programs[key]
            if len(self.programs) >= MOST_PROGRAMS:
                raise UncountableError
            self.programs[key] = program = Program(
                of_numbers(self.derivative, fixed, rebuild), backend=Settings.backend
            )
            program.laxity = LAX
        return self.programs[key]

    def given_up(self, args: tuple[Value, ...], kwargs: Params) -> Value:
        """The derivative without a program, from now on."""
        self.eager = True
        self.programs.clear()
        return self.derivative(*args, **kwargs)


def of_numbers(derivative: Function, fixed: dict[int, Value], rebuild: Function) -> Function:
    """The derivative as a function of the leaves of its arguments that are numbers; the others stay what they are."""

    def f(*numbers: Value) -> Value:
        rest = iter(numbers)
        args, kwargs = rebuild([fixed[k] if k in fixed else next(rest) for k in range(len(fixed) + len(numbers))])
        return derivative(*args, **kwargs)

    return f


def fits(x: Value) -> bool:
    """Whether a program takes the value as an argument."""
    return isinstance(x, float | np.floating) or (isinstance(x, np.ndarray) and x.dtype.kind in "fcbiu")


def traced(program: Program) -> int:
    """How often the program's function has been traced."""
    return sum(map(len, program.programs.values()))


def considered(name: str, fun: Function, derivative: Function, argnum: Any = 0) -> Function:
    """The derivative by these arguments, compiled where `compile_gradients` says so and it can be."""
    if name not in COMPILED:
        return derivative
    kept: list[Gradient] = []

    def answer(*args: Any, **kwargs: Any) -> Value:
        if not Settings.on:
            return derivative(*args, **kwargs)
        if not kept:
            kept.append(Gradient(fun, derivative, argnum))
        return kept[0](args, kwargs)

    return answer


def compile_gradients(backend: str | None = None, *, on: bool = True) -> None:
    """From now on gradients, Jacobians and Hessians of this package run as programs, once they have been called a few
    times; results are the same up to rounding.

    There is a program for each structure, shapes and dtypes of the arguments, and each content of what the function
    reads besides: closures, globals and attributes. A function that draws random numbers, that gets other things
    than arrays and floats, or that cannot be compiled for another reason stays as it is. `backend` is that of
    `difflab.compile`; `on=False` ends it.

    >>> import difflab.autograd as autograd
    >>> autograd.compile_gradients()
    >>> gradient = autograd.grad(lambda x: x**3)
    >>> [float(gradient(x)) for x in (1.0, 2.0, 3.0, 4.0, 5.0)]
    [3.0, 12.0, 27.0, 48.0, 75.0]
    >>> autograd.compile_gradients(on=False)
    """
    Settings.on, Settings.backend = on, known_backend(backend, "compile_gradients")
