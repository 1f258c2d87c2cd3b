"""A person's program: run, its functions found, and what is wrong with it said with its line.

This runs in a process of its own, as everything that is computed here (`work.py`).
"""

from __future__ import annotations

import inspect
import linecache
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from ... import numpy
from ...errors import DifflabError, InputError
from ...graph.text_checks import place, suggestion
from ...types import Function, Params, Value
from .question import Code

CELL = "<cell>"
MOST_LISTED = 12


class Program:
    """A program that was run; `errors()` says where in it something went wrong."""

    text: str
    file: str
    names: dict[str, Any]

    def __init__(self, text: str, code: Code) -> None:
        self.text, self.file = text, code.file or CELL
        lines = text.splitlines(keepends=True)
        linecache.cache[self.file] = (len(text), None, lines, self.file)  # so that tracebacks have the lines
        module = ModuleType(Path(code.file).stem if code.file else "cell")
        self.names = vars(module)
        self.names["__file__"] = self.file
        if code.file:
            folder = str(Path(code.file).parent)
            os.chdir(folder)
            sys.path.insert(0, folder)  # what stands beside it can be imported, as when it is run
        else:
            self.names["np"] = numpy
        sys.modules.setdefault(module.__name__, module)
        with self.errors():
            exec(compile(text, self.file, "exec", dont_inherit=True), self.names)

    def function(self, name: str) -> Called:
        """The function of this name, or the last one that the program defines."""
        own = [n for n, v in self.names.items() if self.defines(v)]
        if not own:
            raise InputError("there is no function here; write one such as\n  def f(x, y):\n      return np.sin(x) * y")
        name = name or own[-1]
        found = self.names.get(name)
        if not callable(found):
            listed = ", ".join(own[:MOST_LISTED])
            raise InputError(f"there is no function {name}; there are {listed}{suggestion(name, own)}")
        return called(found, name)

    def defines(self, value: object) -> bool:
        """Whether a function's code, below what decorates it, stands in this program."""
        code = getattr(inspect.unwrap(value) if callable(value) else value, "__code__", None)
        return code is not None and code.co_filename == self.file

    @contextmanager
    def errors(self) -> Iterator[None]:
        """What is raised in the program is an InputError that says the line and marks the place."""
        try:
            yield
        except SyntaxError as error:
            if error.filename not in (self.file, None):
                raise self.at_line(error, f"SyntaxError: {error}") or error from None
            raise self.placed(error.lineno or 1, (error.offset or 1) - 1, length(error), f"{error.msg}") from None
        except MemoryError:
            raise
        except (Exception, SystemExit) as error:
            told = str(error) if isinstance(error, DifflabError) else f"{type(error).__name__}: {error}"
            found = self.at_line(error, told.removesuffix(": "))
            if found is None:
                raise
            raise found from error

    def at_line(self, error: BaseException, told: str) -> InputError | None:
        """The error with the last place of this program that led to it; None where there is none."""
        frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == self.file]
        if not frames:
            return None
        last = frames[-1]
        line = linecache.getline(self.file, last.lineno or 1)
        start, end = (len(line.encode()[: c or 0].decode(errors="ignore")) for c in (last.colno, last.end_colno))
        whole = last.end_lineno != last.lineno
        return self.placed(last.lineno or 1, start, (len(line.rstrip()) if whole else end) - start, told)

    def placed(self, line: int, column: int, marked: int, told: str) -> InputError:
        starts = [0]
        for text in self.text.splitlines(keepends=True):
            starts.append(starts[-1] + len(text))
        start = starts[min(line - 1, len(starts) - 1)] + max(column, 0)
        return InputError(str(place(self.text, start, f"line {line}: {told}", max(marked, 1))))


def length(error: SyntaxError) -> int:
    """How many characters of its line a syntax error is about."""
    end = error.end_offset if error.end_lineno == error.lineno else None
    return (end or 0) - (error.offset or 0)


class Called(NamedTuple):
    """A function whose arguments are named: `defaults` has those that a point must give, `names` all of them."""

    function: Function
    name: str
    names: list[str]
    defaults: Params

    def at(self, point: Params) -> tuple[Function, tuple[Value, ...]]:
        """The function of the arguments that a point gives, and their values."""
        names, function = list(point), self.function

        def call(*values: Value) -> Value:
            return function(**dict(zip(names, values)))

        call.__name__ = call.__qualname__ = self.name
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        vars(call)["__signature__"] = inspect.Signature([inspect.Parameter(n, kind) for n in names])
        return call, tuple(point.values())


def called(function: Function, name: str) -> Called:
    """A function with its arguments: each is 1, or its default where that is a float or an array."""
    found: Params = {}
    names = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if parameter.kind is parameter.POSITIONAL_ONLY:
            raise InputError(f"the argument {parameter.name} of {name} stands before a /: a point gives it by its name")
        names.append(parameter.name)
        value = parameter.default
        if value is parameter.empty:
            found[parameter.name] = 1.0
        elif is_numbers(value):
            found[parameter.name] = np.asarray(value, float)[()]
    return Called(function, name, names, found)


def is_numbers(value: object) -> bool:
    """Whether a default is something to differentiate by: a float, or an array or a list of floats."""
    if isinstance(value, list):
        return bool(value) and all(is_numbers(v) or type(v) is int for v in value)
    return isinstance(value, float) or (isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.size > 0)
