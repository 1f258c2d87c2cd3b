"""The function that users call: one object, whose code and globals are exchanged once a shorter way is known.

`compile` hands the function out before anything is traced, and users keep it: as a decorated name, in a list, in
another function's closure. What answers faster later must therefore be the same object. A function that looks up the
short way and calls it, or an object with `__call__`, would stand in front of each call and cost about as much again as
a program on a few numbers. So the object stays, and what it runs is replaced: at first a line that hands all arguments
to `general`; then, behind a look at the kinds of arguments (`kinds.py`), the lines of a program on single numbers or
the call of one on arrays, which hand what they cannot answer to `general` as before. Nothing else in difflab changes
the code of a function.
"""

from __future__ import annotations

import builtins
import itertools
from collections.abc import Callable
from functools import update_wrapper
from types import FunctionType
from typing import TYPE_CHECKING, Any

import numpy as np

from ...primitives.text import call
from ...types import Function, Tree, Value
from ..write.numpy_source import NumpySource
from ..write.scalar_source import FAILURES, SPACE, Head, ScalarSource
from ..xla.program import XlaSource
from .closure import Captured
from .compiled import Compiled
from .kinds import DTYPES, Lines, head_of

if TYPE_CHECKING:
    general: Function = lambda *args: None  # found among the globals that `entry_function` gives


def entry(*args: Any, **kwargs: Any) -> Value:
    return general(*args, **kwargs)


def entry_function(general: Function, f: Function) -> Value:
    """A function with f's name and signature that calls `general`, which it finds among its own globals."""
    space = {
        "__builtins__": builtins,
        "__name__": __name__,  # of a library: what a function reads is not looked for in its own lines
        **SPACE,
        "general": general,
        "FAILURES": FAILURES,
        "float": float,
        "bool": bool,
        "abs": abs,
    }
    function = FunctionType(entry.__code__, space, getattr(f, "__name__", "program"))
    update_wrapper(function, f, updated=())
    if "<" in function.__qualname__:  # a prompt shows it; what a module has by its name is found by it, as by pickle
        function.__qualname__ = f"compile({function.__qualname__})"
    return function


def exchange(function: Value, lines: Lines) -> None:
    """Lets the function run these lines."""
    function.__globals__.update(lines.names)  # before the code: another thread may be calling the function
    function.__code__ = lines.code


OBJECTS: dict[str, Any] = {
    "array": np.array,
    "ndarray": np.ndarray,
    "bool_": np.bool_,
    **{dtype.type.__name__: dtype.type for dtype in DTYPES},
    **{name: dtype for dtype, name in DTYPES.items()},
}
SERIAL = itertools.count()  # names of their own: another thread may still run the lines of another kind


def lines_for(f: Function, moving: tuple[Tree, ...], program: Compiled, captured: Captured) -> Lines | None:
    """What answers calls with arguments like these by the program's own lines, without flattening them, if it can."""
    source = program.source
    checks = captured.checks()
    if not isinstance(source, ScalarSource | NumpySource | XlaSource) or checks is None:
        return None
    if captured.key() != program.content:  # what the function reads has changed since it was traced
        return None
    head = head_of(f, moving, source, list(checks), program.donated)
    if head is None or (isinstance(source, ScalarSource) and any(program.donated) and not head.numbers):
        return None
    lines = of_numbers(head, program, source) if isinstance(source, ScalarSource) else of_arrays(head, program, source)
    if lines is None:
        return None
    text, names = lines
    space: dict[str, Any] = {}
    exec(text, space)
    objects = dict(pair for pairs in checks.values() for pair in pairs)
    return Lines(space["entry"].__code__, names | OBJECTS | objects)


def of_numbers(head: Head, program: Compiled, source: ScalarSource) -> tuple[str, dict[str, Any]] | None:
    """The entry of a program on single numbers: its own lines."""
    outputs, names = source.outputs, dict[str, Any]()
    if not head.numbers:
        outputs = [text if y.shape else numpys(y.dtype.kind, text) for y, text in zip(program.graph.outputs, outputs)]
    result = written(program.rebuild, outputs, names) if program.rebuild else outputs[0]
    return None if result is None else (source.entry(head, result), source.globals | names)


def of_arrays(head: Head, program: Compiled, source: NumpySource | XlaSource) -> tuple[str, dict[str, Any]] | None:
    """The entry of a program on arrays: a call of its function, or of the program where it has buffers or guards."""
    if head.numbers:
        return None
    run, names = f"_run{next(SERIAL)}", dict[str, Any]()
    given = [source.names[x] for x in program.graph.inputs]
    given = [call("float64", x) if x in head.pythons else x for x in given]
    outputs = [f"_y{k}" for k in range(program.count)]
    lines = [*head.lines]
    if isinstance(source, NumpySource) and source.bare and not program.guards:
        names[run] = program.run
        found = call(run, "()", *given)
    else:
        names[run] = program
        found = "_found"
        values = f"[{', '.join(given)}]"
        lines += [f"    {found} = {call(run, values)}", f"    if {found} is None:", f"        return {head.again}"]
    lines += [f"    {', '.join(outputs)}, = {found}"] if outputs else [f"    {found}"]
    rebuild = program.rebuild or (lambda leaves: leaves[0])
    result = written(rebuild, outputs, names)
    if result is None:
        names[f"_rebuilt{run}"] = rebuild
        result = call(f"_rebuilt{run}", f"[{', '.join(outputs)}]")
    return "\n".join([*lines, f"    return {result}", ""]), names


def numpys(kind: str, text: str) -> str:
    return call("bool_" if kind == "b" else "float64", text)


def written(rebuild: Callable[[list[Value]], Tree], outputs: list[str], names: dict[str, Any]) -> str | None:
    """The text of a result: nested tuples, lists and dicts of the named values, and what says how it is made from its
    leaves, by a function that is put among the names; None for other containers.
    """

    def text(x: Any) -> str:
        if type(x) is str:
            return x
        if type(x) is tuple:
            return f"({', '.join(map(text, x))}{',' * (len(x) == 1)})"
        if type(x) is list:
            return f"[{', '.join(map(text, x))}]"
        if type(x) is dict and all(type(key) in (str, int) for key in x):
            return "{" + ", ".join(f"{key!r}: {text(v)}" for key, v in x.items()) + "}"
        if (parts := getattr(type(x), "_from_leaves_", None)) is not None:
            made, leaves = parts(x)
            name = f"_made{next(SERIAL)}"
            names[name] = made
            return call(name, *map(text, leaves))
        raise TypeError

    try:
        return text(rebuild(list(outputs)))
    except TypeError:
        return None
