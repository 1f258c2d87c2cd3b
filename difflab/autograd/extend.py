"""How autograd is extended: primitives with rules of their own, also for a function that difflab has a rule for."""

from __future__ import annotations

from functools import wraps
from typing import Any

from ..graph.laxity import unboxed
from ..types import Function, Value
from .boxes import Box as Box
from .core import (
    JVPNode as JVPNode,
    SparseObject as SparseObject,
    VJPNode as VJPNode,
    VSpace as VSpace,
    def_linear as def_linear,
    defjvp as defjvp,
    defjvp_argnum as defjvp_argnum,
    defjvp_argnums as defjvp_argnums,
    defvjp as defvjp,
    defvjp_argnum as defvjp_argnum,
    defvjp_argnums as defvjp_argnums,
    primitive as primitive,
    vspace as vspace,
)


def register_notrace(kind: object, f: Function) -> None:
    """Nothing: which functions have no derivative is known from the table of operations."""


def notrace_primitive(f: Function) -> Function:
    """f on plain values: its result is a constant.

    >>> from difflab.autograd import grad
    >>> grad(lambda x: notrace_primitive(float)(x) * x)(3.0)
    np.float64(3.0)
    """

    @wraps(f)
    def wrapped(*args: Any, **kwargs: Any) -> Value:
        return f(*map(unboxed, args), **{name: unboxed(x) for name, x in kwargs.items()})

    return wrapped


__all__ = [
    "Box", "JVPNode", "SparseObject", "VJPNode", "VSpace", "def_linear", "defjvp", "defjvp_argnum", "defjvp_argnums",
    "defvjp", "defvjp_argnum", "defvjp_argnums", "notrace_primitive", "primitive", "register_notrace", "vspace",
]  # fmt: skip
