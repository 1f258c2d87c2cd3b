"""What a rule for an operation of JAX is given, and what tables of such rules are made of."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeAlias

from ...graph.traced import Traced
from ...types import DType, Function, Params, Shape, Value

OWN_RULE: ContextVar[bool] = ContextVar("OWN_RULE", default=False)  # inside of a function with a rule of its own
Run: TypeAlias = Callable[[Any, list[Value]], list[Value]]


class Refused(Exception):
    """What cannot be read: the reason, or nothing where the operation is not known at all."""


@dataclass(frozen=True, eq=False)
class Call:
    """One operation of a jaxpr: its parameters, its results' shapes and dtypes, and how jaxprs in it are run."""

    name: str
    params: Params
    shapes: tuple[Shape, ...]
    dtypes: tuple[DType, ...]
    run: Run

    def __getitem__(self, name: str) -> Value:
        return self.params[name]

    @property
    def shape(self) -> Shape:
        """The shape of the first result."""
        return self.shapes[0]

    @property
    def dtype(self) -> DType:
        """The dtype of the first result."""
        return self.dtypes[0]


Rule: TypeAlias = Callable[..., Value]  # of a call and its operands


def of_operands(function: Function) -> Rule:
    """The rule of an operation without parameters."""

    def rule(call: Call, *operands: Value) -> Value:
        return function(*operands)

    return rule


def is_traced(*xs: Value) -> bool:
    return any(x.__class__ is Traced for x in xs)


def kind(x: Value) -> str:
    """The kind of x's dtype, as NumPy writes it."""
    return str(x.dtype.kind)
