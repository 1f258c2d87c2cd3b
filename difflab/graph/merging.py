"""Equal operations recorded once: what makes two operations equal.

A tape with `known` gives the value that it has for an operation that was recorded before, in place of a second one.
`compile` records so, and what differentiates inside of it: a function that computes a thing twice then has the
derivative of one that computes it once. All other recordings, drawings among them, keep what the function did.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable
from typing import Any, TypeAlias

import numpy as np

from ..primitives import Primitive
from ..types import Params, Value

NUMBERS = frozenset((float, int, bool, np.float64))
Known: TypeAlias = defaultdict[Primitive, dict[Hashable, Any]]  # of each row what was recorded, by its `key`


def key(row: Primitive, operands: tuple[Value, ...], params: Params) -> Hashable:
    """What equal operations of a row have in common, or None for one that stands for itself.

    Rows of the table are functions of their operands. Others (a scan, a checkpoint, a function with a gradient of its
    own, one that cannot be recorded) may run a user's Python code, and are never taken for each other.
    """
    if not row.merges:
        return None
    try:
        found = tuple([y for x in operands for y in part(x)])
        if params:
            found = (*found, frozen(params))
        hash(found)
    except TypeError:
        return None
    return found


def part(x: Value) -> tuple[Value, ...]:
    """An operand: numbers by value, traced values, which are equal to themselves alone, as they are, and arrays, of
    which a tape keeps copies, by identity. So the operands are their own key where all of them are traced, or floats.
    """
    if hasattr(x, "primitive") or (x.__class__ is float and x):
        return (x,)
    if x.__class__ in NUMBERS:
        return x.__class__, x if x else repr(x)  # 0.0 and -0.0 are equal to Python
    if isinstance(x, np.generic | complex):
        return x.__class__, np.asarray(x).tobytes()
    if x.__class__ is np.ndarray:
        return np.ndarray, id(x)
    raise TypeError(f"{x!r} is no operand of one value")


def frozen(x: Value) -> Hashable:
    """Parameters as something hashable that tells 1 from 1.0 and True, and 0.0 from -0.0."""
    if isinstance(x, dict):
        return tuple((k, frozen(v)) for k, v in sorted(x.items()))
    if isinstance(x, tuple | list):
        return (type(x), *[frozen(v) for v in x])
    if isinstance(x, slice):
        return ("slice", frozen(x.start), frozen(x.stop), frozen(x.step))
    if isinstance(x, np.ndarray):
        return (x.dtype.str, x.shape, x.tobytes()) if x.size <= 64 and x.dtype != object else ("array", id(x))
    if isinstance(x, float | np.floating):
        return (type(x), float(x).hex())
    return (type(x), x)
