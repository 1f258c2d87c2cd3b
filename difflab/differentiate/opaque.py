"""Stub: a function that cannot be recorded, as one node."""

from __future__ import annotations

from functools import update_wrapper
from typing import Any

from ..errors import UnsupportedError
from ..graph.node import Node, apply
from ..graph.pytree import flatten
from ..primitives import Custom


class Opaque:
    __code__: Any

    def __init__(self, f: Any) -> None:
        self.f = f
        update_wrapper(self, f)

    def __call__(self, *args: Any) -> Any:
        leaves, rebuild = flatten(args)
        if not any(x.__class__ is Node for x in leaves):
            return self.f(*args)

        def refuse(*_: Any, **__: Any) -> Any:
            raise UnsupportedError("cannot be recorded")

        value = lambda m, *xs: self.f(*rebuild(list(xs)))
        return apply(Custom(name="opaque", doc="", glyph="f", latex="f", value=value, jvp=refuse, vjp=refuse), tuple(leaves))
