"""What a graph is made of before it is one: its leaves, and the values that it is given."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np

from ..primitives import rows
from ..types import Value
from .kinds import NUMBERS, check_fit
from .node import NO_PARAMS, UNKNOWN, Abstract, Node
from .traced import Traced


def as_value(x: Value, name: str | None = None) -> Value:
    """x as a NumPy value; `name` is the input that it is given for."""
    if x.__class__ is not np.ndarray or x.dtype.kind not in NUMBERS:
        check_fit(x, f"{name or 'the value'}")
    if x.__class__ is Traced or isinstance(x, np.ndarray | np.generic):
        return x
    if isinstance(x, bool):
        return np.bool_(x)
    if isinstance(x, int | float):
        return np.float64(x)
    found = np.asarray(x)
    check_fit(found, f"{name or 'the value'}={x!r:.60}, which")
    return found


def strip(x: Value) -> Value:
    while x.__class__ is Traced:
        x = x.value
    return x


def abstract(value: Value, shapes: dict[Hashable, Abstract]) -> Value:
    """The shape and dtype of a value; one object for each pair, so that a node stays light."""
    if value.__class__ is tuple:
        return tuple([abstract(v, shapes) for v in value])
    key = value.shape, value.dtype
    found = shapes.get(key)
    return found if found is not None else shapes.setdefault(key, Abstract(*key))


def input_node(name: str, value: Value = None) -> Node:
    """An input of a graph under construction."""
    return Node(rows.input, (), NO_PARAMS, value or UNKNOWN, name)


def constant_node(value: Value) -> Node:
    """A constant of a graph under construction."""
    plain = value if isinstance(value, np.ndarray | np.generic) else np.asarray(value)[()]
    return Node(rows.constant, (), {"value": value}, Abstract(plain.shape, plain.dtype))
