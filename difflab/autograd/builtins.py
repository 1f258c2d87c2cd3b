"""Python's containers and questions about types, by autograd's names: containers of traced values are plain ones."""

from __future__ import annotations

import builtins
from typing import Any

from ..graph.laxity import unboxed
from ..types import Value

dict = builtins.dict
list = builtins.list
tuple: Any = builtins.tuple
DictBox = builtins.dict
SequenceBox = builtins.list


def isinstance(x: Value, kinds: Any) -> bool:
    """Whether x, or the value of a traced x, is of that kind.

    >>> isinstance(1.0, float)
    True
    """
    return builtins.isinstance(unboxed(x), kinds)


def type(x: Value) -> builtins.type:
    """The type of x, or of the value of a traced x.

    >>> type(1.0)
    <class 'float'>
    """
    return builtins.type(unboxed(x))


__all__ = ["DictBox", "SequenceBox", "dict", "isinstance", "list", "tuple", "type"]
