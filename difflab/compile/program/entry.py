"""The function that users call: one object, whose code and globals are exchanged once a shorter way is known.

`compile` hands the function out before anything is traced, and users keep it: as a decorated name, in a list, in
another function's closure. What answers faster later must therefore be the same object. A function that looks up the
short way and calls it, or an object with `__call__`, would stand in front of each call and cost about as much again as
a program on a few numbers. So the object stays, and what it runs is replaced: at first a line that hands all arguments
to `general`; then, for a program on single numbers, the program's own lines behind a look at the kinds of arguments
(`kinds.py`), which hand what they cannot answer to `general` as before. Nothing else in difflab changes the code of a
function.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable
from functools import update_wrapper
from types import FunctionType
from typing import TYPE_CHECKING, Any

import numpy as np

from ...primitives.text import call
from ...types import Function, Tree, Value
from ..write.scalar_source import FAILURES, SPACE, ScalarSource
from .closure import Captured
from .compiled import Compiled
from .kinds import head_of

if TYPE_CHECKING:
    general: Function = lambda *args: None  # found among the globals that `entry_function` gives


def entry(*args: Any, **kwargs: Any) -> Value:
    return general(*args, **kwargs)


def entry_function(general: Function, f: Function) -> Value:
    """A function with f's name and signature that calls `general`, which it finds among its own globals."""
    space = {
        "__builtins__": builtins,
        **SPACE,
        "general": general,
        "FAILURES": FAILURES,
        "float": float,
        "bool": bool,
        "abs": abs,
    }
    function = FunctionType(entry.__code__, space, getattr(f, "__name__", "program"))
    update_wrapper(function, f, updated=())
    return function


def exchange(function: Value, text: str, names: dict[str, Any]) -> None:
    """Lets the function run the text's `entry`, which may refer to the names as well."""
    space: dict[str, Any] = {}
    exec(text, space)
    function.__globals__.update(names)  # before the code: another thread may be calling the function
    function.__code__ = space["entry"].__code__


OBJECTS: dict[str, Any] = {
    "array": np.array,
    "ndarray": np.ndarray,
    "float64": np.float64,
    "bool_": np.bool_,
    "double": np.dtype(float),
}


def shorten(function: Value, f: Function, moving: tuple[Tree, ...], program: Compiled, captured: Captured) -> bool:
    """Lets the function answer calls with arguments like these by the program's own lines, without flattening them.

    Returns whether it does.
    """
    source = program.source
    checks = captured.checks()
    if not isinstance(source, ScalarSource) or checks is None:
        return False
    head = head_of(f, moving, source, list(checks))
    if head is None or (any(program.donated) and not head.numbers):
        return False
    outputs = source.outputs
    if not head.numbers:
        outputs = [text if y.shape else numpys(y.dtype.kind, text) for y, text in zip(program.graph.outputs, outputs)]
    result = written(program.rebuild, outputs) if program.rebuild else outputs[0]
    if result is None:
        return False
    text = source.entry(head, result)
    exchange(function, text, source.globals | OBJECTS | dict(pair for pairs in checks.values() for pair in pairs))
    return True


def numpys(kind: str, text: str) -> str:
    return call("bool_" if kind == "b" else "float64", text)


def written(rebuild: Callable[[list[Value]], Tree], names: list[str]) -> str | None:
    """The text of a result: nested tuples, lists and dicts of the named values; None for other containers."""

    def text(x: object) -> str:
        if type(x) is str:
            return x
        if type(x) is tuple:
            return f"({', '.join(map(text, x))}{',' * (len(x) == 1)})"
        if type(x) is list:
            return f"[{', '.join(map(text, x))}]"
        if type(x) is dict and all(type(key) in (str, int) for key in x):
            return "{" + ", ".join(f"{key!r}: {text(v)}" for key, v in x.items()) + "}"
        raise TypeError

    try:
        return text(rebuild(list(names)))
    except TypeError:
        return None
