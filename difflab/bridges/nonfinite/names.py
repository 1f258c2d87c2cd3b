"""What a function reads from around it: from its closure, the globals that it names, the object that it belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from types import CodeType, FunctionType, MethodType

from ...types import Function, Value


def around(f: Value) -> Iterator[tuple[str, Value]]:
    """The names and values that a function reads, and itself under no name."""
    yield "", f
    if isinstance(f, partial):
        yield from around(f.func)
        yield from ((f"argument {k}", x) for k, x in enumerate(f.args))
        yield from f.keywords.items()
    elif isinstance(f, MethodType):
        yield "", f.__self__
        yield from vars(f.__self__).items() if hasattr(f.__self__, "__dict__") else ()
        yield from around(f.__func__)
    elif isinstance(f, FunctionType):
        for name, cell in zip(f.__code__.co_freevars, f.__closure__ or ()):
            try:
                yield name, cell.cell_contents
            except ValueError:  # not bound yet
                continue
        for name in dict.fromkeys(named(f.__code__)):
            if name in f.__globals__:
                yield name, f.__globals__[name]


def named(code: CodeType) -> Iterator[str]:
    """The names in a function and in those that are written inside it."""
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from named(inner)


def within(f: Function, kind: type) -> dict[str, Value]:
    """What of a kind a function reads, by its name; the function itself under no name."""
    found: dict[str, Value] = {}
    for name, x in around(f):
        if isinstance(x, kind) and not any(x is y for y in found.values()):
            found[name] = x
    return found


__all__ = ["within"]
