"""The first lines of an entry: a look at the kinds of arguments, whose numbers and arrays get the inputs' names."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from types import CodeType
from typing import Any, NamedTuple

import numpy as np

from ...primitives.text import call
from ...types import DType, Function, Shape, Tree
from ..write.numpy_source import NumpySource
from ..write.scalar_source import TAKEN, Head, ScalarSource
from ..xla.program import XlaSource

TEMPORARY = re.compile(r"t\d+_*")  # the program's names of values
# Their names in the text.
DTYPES: dict[DType, str] = {np.dtype(float): "double", np.dtype(np.float32): "single", np.dtype(int): "whole"}


class Lines(NamedTuple):
    """An entry for one kind of arguments, and what its code refers to."""

    code: CodeType
    names: dict[str, Any]


class UnwrittenError(Exception):
    """Arguments of a kind that no lines are written for."""


def head_of(
    f: Function,
    moving: tuple[Tree, ...],
    source: ScalarSource | NumpySource | XlaSource,
    checks: list[str],
    donated: list[bool],
) -> Head | None:
    """The beginning of an entry for arguments like these: Python's and NumPy's floats, arrays of numbers, and tuples,
    lists and dicts of them, in f's positional parameters or its `*args`. None for all else.

    Arrays that are given away (`donated`, for each leaf) have to be such that results can be written into them.
    """
    found = parameters_of(f, len(moving))
    if found is None:
        return None
    names, star = found
    if any(name in TAKEN or name.startswith("_") for name in (*names, star)):
        return None  # the entry's own lines give the name to something else
    stars = [f"*{star}"] if star else []
    again = call("general", *names, *stars)
    inputs = [(source.names[x], x.shape, d) for x, d in zip(source.graph.inputs, donated)]
    kinds = Kinds(inputs, source.names.taken, again, {*names, star}, isinstance(source, ScalarSource))
    try:
        for name, tree in zip(names, moving):
            kinds.tree(tree, name)
        if star:
            kinds.tree(tuple(moving[len(names) :]), star)
    except UnwrittenError:
        return None
    lines = [f"def {call('entry', *names, *stars)}:", *kinds.lines]
    lines += [f"    if {' or '.join(kinds.other)}:", f"        return {again}"] if kinds.other else []
    if checks:
        lines += ["    try:", f"        if {' or '.join(checks)}:", f"            return {again}"]
        lines += ["    except Exception:", f"        return {again}"]  # a name that is gone
    late = [f"float64({x})" if type(tree) is np.float64 else x for x, tree in zip(names, moving)]
    return Head(lines, kinds.floats, call("general", *late, *stars), kinds.numbers, kinds.pythons)


def parameters_of(f: Function, given: int) -> tuple[list[str], str] | None:
    """The names of f's positional parameters, and that of its `*args` or ""; None where it has others or defaults."""
    try:
        parameters = list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):
        return None
    star = parameters.pop().name if parameters and parameters[-1].kind is inspect.Parameter.VAR_POSITIONAL else ""
    if any(p.kind is not p.POSITIONAL_OR_KEYWORD or p.default is not p.empty for p in parameters):
        return None
    names = [p.name for p in parameters]
    return (names, star) if given == len(names) or (star and given > len(names)) else None


class Kinds:
    """The lines for one argument after the other."""

    def __init__(
        self, inputs: list[tuple[str, Shape, bool]], taken: set[str], again: str, parameters: set[str], single: bool
    ) -> None:
        self.inputs: Iterator[tuple[str, Shape, bool]] = iter(inputs)
        self.single = single  # whether the program computes with single numbers
        self.taken = taken
        self.again = again
        self.parameters = parameters
        self.lines: list[str] = []
        self.other: list[str] = []  # conditions that are true where a leaf is of another kind
        self.floats: list[str] = []
        self.pythons: set[str] = set()  # names of Python's floats
        self.numbers: bool = True
        self.containers: int = 0

    def tree(self, x: Tree, text: str) -> None:
        """The lines for a value that the text names."""
        if type(x) in (tuple, list, dict) and (text in self.taken or TEMPORARY.fullmatch(text)):
            raise UnwrittenError  # the program's own lines give the name to something else
        if type(x) in (tuple, list):
            self.opened(text, f"{text}.__class__ is not {type(x).__name__} or len({text}) != {len(x)}", text, list(x))
        elif type(x) is dict:
            if not all(type(key) is str for key in x):
                raise UnwrittenError
            condition = f"{text}.__class__ is not dict or tuple({text}) != {tuple(x)!r}"
            self.opened(text, condition, f"{text}.values()", [x[key] for key in sorted(x)], list(x))
        else:
            self.leaf(x, text)

    def opened(self, text: str, condition: str, values: str, items: list[Any], keys: list[str] | None = None) -> None:
        """The lines for what a container holds: it is taken apart into names."""
        self.lines += [f"    if {condition}:", f"        return {self.again}"]
        if not items:
            return
        at = len(self.lines)
        names = []
        for item in items:
            if type(item) in (tuple, list, dict):
                self.containers += 1
                names.append(f"_c{self.containers}")
                self.tree(item, names[-1])
            else:
                names.append(self.leaf(item, None))
        if keys is not None:  # the inputs are in the order of the keys, the values in the dict's own
            names = [dict(zip(sorted(keys), names))[key] for key in keys]
        self.lines.insert(at, f"    {', '.join(names)}, = {values}")

    def leaf(self, x: Tree, text: str | None) -> str:
        """Notes the kind of a number or an array; its name."""
        name, shape, donated = next(self.inputs, ("", (), False))
        if not name or (name in self.parameters and name != text) or (text is not None and name != text):
            raise UnwrittenError
        if type(x) is float:
            self.other.append(f"{name}.__class__ is not float")
            self.pythons.add(name)
            return name
        self.numbers = False
        if self.single and type(x) is np.float64:
            self.other.append(f"{name}.__class__ is not float64")
            self.floats.append(f"    {name} = float({name})")
        else:
            self.other.append(self.otherwise(x, name, shape, donated))
        return name

    def otherwise(self, x: Tree, name: str, shape: Shape, donated: bool) -> str:
        """What is true where the name's value is no array of x's shape and dtype that can be taken as it is."""
        if not isinstance(x, np.ndarray | np.generic) or x.dtype not in DTYPES or x.dtype is not np.dtype(x.dtype):
            raise UnwrittenError
        dtype = x.dtype
        if x.shape != shape or not (type(x) is np.ndarray or (type(x) is dtype.type and not self.single)):
            raise UnwrittenError
        condition = f"{name}.__class__ is not ndarray"
        if shape == () and not self.single:  # a step's count is an array at first, and a number of NumPy's ever after
            condition = f"({condition} and {name}.__class__ is not {dtype.type.__name__})"
        condition += f" or {name}.dtype is not {DTYPES[dtype]} or {name}.shape != {shape!r}"
        if donated and shape:
            condition += f" or not {name}.flags.c_contiguous or not {name}.flags.writeable"
        return condition
