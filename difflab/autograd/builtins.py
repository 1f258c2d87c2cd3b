"""Python's containers and questions about types, by autograd's names: containers of traced values are plain ones."""

from __future__ import annotations

import builtins
from typing import Any

from ..graph.laxity import unboxed
from ..types import Value
from .extend import (
    Box as Box,
    SparseObject as SparseObject,
    VSpace as VSpace,
    defjvp as defjvp,
    defjvp_argnum as defjvp_argnum,
    defvjp as defvjp,
    defvjp_argnum as defvjp_argnum,
    notrace_primitive as notrace_primitive,
    primitive as primitive,
    vspace as vspace,
)
from .sequences import subvals as subvals

dict = builtins.dict
list = builtins.list
tuple: Any = builtins.tuple
dict_: Any = builtins.dict
list_: Any = builtins.list
tuple_: Any = builtins.tuple
isinstance_: Any = builtins.isinstance
type_: Any = builtins.type
DictBox = builtins.dict
SequenceBox = builtins.list
ContainerVSpace = SequenceVSpace = ListVSpace = TupleVSpace = NamedTupleVSpace = DictVSpace = VSpace


def make_sequence(seq_type: Any, *args: Value) -> Value:
    """A list, or a tuple, of values.

    >>> make_sequence(tuple, 1.0, 2.0)
    (1.0, 2.0)
    """
    return seq_type(args)


def container_take(A: Value, idx: Value) -> Value:
    """A[idx]."""
    return A[idx]


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


__all__ = [
    "ContainerVSpace", "DictBox", "DictVSpace", "ListVSpace", "NamedTupleVSpace", "SequenceBox", "SequenceVSpace",
    "TupleVSpace", "container_take", "dict", "dict_", "isinstance", "isinstance_", "list", "list_", "make_sequence",
    "tuple", "tuple_", "type", "type_",
]  # fmt: skip
