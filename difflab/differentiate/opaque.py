"""Functions that cannot be recorded (a simulator, another library, math.sin): one node that calls them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import update_wrapper
from typing import Any

from ..errors import TraceError, UnsupportedError
from ..graph.pytree import flatten
from ..graph.traced import apply, holds_traced
from ..primitives import Custom
from ..primitives.primitive import Carrier
from ..types import Function, Tree, Value
from .problem import Problem, as_problem

OPAQUE = "opaque"  # the spelling that tells the row of such a function
NOT_RECORDED = (TraceError, UnsupportedError, TypeError, AttributeError)  # what code that expects numbers raises


class Opaque:
    """A function that records itself as one node, whatever it does inside."""

    __code__: Value

    def __init__(self, f: Function) -> None:
        self.f = f
        update_wrapper(self, f)
        if hasattr(f, "__code__"):  # where its arguments' names are looked up
            self.__code__ = f.__code__

    def __call__(self, *args: Any, **kwargs: Any) -> Value:
        leaves, rebuild = flatten((args, kwargs))
        if not holds_traced(leaves):
            return self.f(*args, **kwargs)

        def value(m: Carrier, *xs: Value) -> Value:
            inner, named = rebuild(list(xs))
            return self.f(*inner, **named)

        def refuse(*_: Any, **__: Any) -> Value:
            name = getattr(self.f, "__name__", "the function")
            raise UnsupportedError(f"{name} cannot be recorded: only differences can be taken of it")

        row = Custom(
            name="opaque",
            doc="A function that cannot be recorded.",
            glyph="f",
            latex=r"f({0})",
            value=value,
            jvp=refuse,
            vjp=refuse,
            spelling={"complex": refuse, OPAQUE: self.f},
        )
        return apply(row, tuple(leaves))


def recorded_or_opaque(function: Any, at: Tree, wrt: str | Iterable[str] | None = None) -> Problem:
    """The problem of a function, as one node where the function cannot be recorded."""
    try:
        return as_problem(function, at, wrt)
    except NOT_RECORDED:
        if not callable(function):
            raise
        return as_problem(Opaque(function), at, wrt)


__all__ = ["OPAQUE", "Opaque", "recorded_or_opaque"]
