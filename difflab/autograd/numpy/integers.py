"""NumPy's types of integers, whose calls take traced values: `np.int64(x)` is `x.astype(np.int64)`."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from ...graph.traced import Traced
from ...types import Value

ABSTRACT = (np.integer, np.signedinteger, np.unsignedinteger, np.timedelta64)  # kinds of integers, which make none


def casting(value: Value) -> bool:
    """Whether something of NumPy's is a type of integers, whose calls make some."""
    return isinstance(value, type) and issubclass(value, np.integer) and value not in ABSTRACT


class Casting(type):
    """Of a type that stands for another: what is one of the other's is one of it."""

    def __instancecheck__(cls, x: object) -> bool:
        return isinstance(x, cls.__mro__[1])

    def __subclasscheck__(cls, kind: type) -> bool:
        return issubclass(kind, cls.__mro__[1])


@cache
def wrap_intdtype(cls: type) -> Any:
    """A type of integers that casts traced values too; what it makes are NumPy's own integers.

    >>> import numpy as np
    >>> int64 = wrap_intdtype(np.int64)
    >>> type(int64(2.5)), np.dtype(int64), isinstance(np.int64(3), int64)
    (<class 'numpy.int64'>, dtype('int64'), True)
    """

    def new(kind: type, *value: Any) -> Value:
        return value[0].astype(cls) if value and value[0].__class__ is Traced else cls(*value)

    return Casting(cls.__name__, (cls,), {"__new__": new, "__module__": cls.__module__, "__doc__": cls.__doc__})
