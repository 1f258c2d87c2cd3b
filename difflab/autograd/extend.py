"""How autograd is extended: primitives with rules of their own, also for a function that difflab has a rule for."""

from __future__ import annotations

from collections.abc import Iterable
from functools import wraps
from typing import Any

from ..differentiate import own_rules
from ..graph.laxity import unboxed
from ..graph.traced import Traced
from ..types import Function, Value
from .core import JVPNode as JVPNode, VJPNode as VJPNode, VSpace as VSpace, vspace as vspace
from .numpy.numpy_wrapper import overridden

Box = Traced


def primitive(f: Function) -> Function:
    """f as one operation with rules stated by `defvjp` and `defjvp`; f may be a ufunc of SciPy's.

    >>> import numpy as np
    >>> from difflab.autograd import grad
    >>> half = primitive(lambda x: x / 2)
    >>> defvjp(half, lambda ans, x: lambda g: g / 2)
    >>> grad(half)(1.0)
    np.float64(0.5)
    """
    wrapped = own_rules.primitive(f)
    made: Value = wrapped
    made.defvjp = lambda rule, argnum=0: _old_defvjp(made, rule, argnum)
    return wrapped


def _old_defvjp(f: Function, rule: Function, argnum: int) -> None:
    """The form in which rules were stated before autograd 1.2: rule(g, ans, vs, gvs, *args, **kwargs)."""
    table: dict[int, Any] = f.__dict__.setdefault("old_rules", {})
    table[argnum] = lambda ans, *args, **kwargs: (
        lambda g: rule(g, ans, vspace(args[argnum]), vspace(g), *args, **kwargs)
    )
    own_rules.defvjp(f, *table.values(), argnums=list(table))


def defvjp(fun: Function, *vjpmakers: Function | None, argnums: Iterable[int] | None = None) -> None:
    """States pullbacks, `rule(ans, *args, **kwargs)` -> function of the cotangent; see `difflab.defvjp`."""
    own_rules.defvjp(overridden(fun), *vjpmakers, argnums=argnums)


def defvjp_argnum(fun: Function, vjpmaker: Function) -> None:
    """States a pullback `rule(argnum, ans, args, kwargs)` for all arguments."""
    own_rules.defvjp_argnums(
        overridden(fun),
        lambda argnums, ans, args, kwargs: _each([vjpmaker(k, ans, args, kwargs) for k in argnums]),
    )


def _each(pullbacks: list[Function]) -> Function:
    return lambda g: [pull(g) for pull in pullbacks]


def defvjp_argnums(fun: Function, vjpmaker: Any) -> None:
    """States the pullback by several arguments, `rule(argnums, ans, args, kwargs)`."""
    own_rules.defvjp_argnums(overridden(fun), vjpmaker)


def defjvp(fun: Function, *jvpfuns: Function | str | None, argnums: Iterable[int] | None = None) -> None:
    """States tangents, `rule(g, ans, *args, **kwargs)`, "same" or None; see `difflab.defjvp`."""
    own_rules.defjvp(overridden(fun), *jvpfuns, argnums=argnums)


def defjvp_argnum(fun: Function, jvpmaker: Function) -> None:
    """States a tangent `rule(argnum, g, ans, args, kwargs)` for all arguments."""
    own_rules.defjvp_argnums(
        overridden(fun),
        lambda argnums, gs, ans, args, kwargs: sum(jvpmaker(k, g, ans, args, kwargs) for k, g in zip(argnums, gs)),
    )


def defjvp_argnums(fun: Function, jvpmaker: Any) -> None:
    """States the tangent by several arguments, `rule(argnums, gs, ans, args, kwargs)`."""
    own_rules.defjvp_argnums(overridden(fun), jvpmaker)


def def_linear(fun: Function) -> None:
    """Says that a function is linear in each of its arguments."""

    def tangent(k: int, g: Any, ans: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return fun(*args[:k], g, *args[k + 1 :], **kwargs)

    defjvp_argnum(fun, tangent)


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
    "Box", "JVPNode", "VJPNode", "VSpace", "def_linear", "defjvp", "defjvp_argnum", "defjvp_argnums", "defvjp",
    "defvjp_argnum", "defvjp_argnums", "notrace_primitive", "primitive", "register_notrace", "vspace",
]  # fmt: skip
