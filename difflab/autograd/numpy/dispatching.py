"""The functions of `difflab.autograd.numpy`: those of `difflab.numpy`, which take what autograd's take."""

from __future__ import annotations

from collections.abc import Sequence
from functools import update_wrapper
from types import ModuleType
from typing import Any

import numpy as np

from ...differentiate.own_rules import OwnRules
from ...graph import array_namespace
from ...graph.laxity import ITERATORS, listed, numbers
from ...graph.traced import Traced
from ...types import Function, Params, Value
from ..core import make_jvp, make_vjp

SPECIAL = frozenset((list, tuple, np.ndarray, *ITERATORS))
OF_UFUNCS = ("reduce", "accumulate", "outer", "reduceat", "at", "nin", "nout")


def readable(x: Value) -> Value:
    """An argument: generators and views as lists, arrays of Python objects as what they hold."""
    x = numbers(listed(x))
    if x.__class__ is list or x.__class__ is tuple:
        return x.__class__([readable(e) if e.__class__ in SPECIAL else e for e in x])
    return x


def dispatching(name: str, function: Function) -> Value:
    """A function of difflab's with autograd's laxer arguments; a user's own rule for it stands in front."""
    own: list[OwnRules] = []

    def wrapper(*args: Any, **kwargs: Any) -> Value:
        if own:
            return own[0](args, kwargs)
        for x in args:
            if x.__class__ in SPECIAL and (x.__class__ is not np.ndarray or x.dtype.kind == "O"):
                args = tuple([readable(x) if x.__class__ in SPECIAL else x for x in args])
                break
        return function(*args, **kwargs)

    made: Value = wrapper
    update_wrapper(made, function)
    made.__name__ = made.__qualname__ = name
    made.override = lambda: _override(made, function, own)
    return made


def _override(wrapper: Any, function: Function, own: list[OwnRules]) -> None:
    """Gives a function rules that a user may state; until then they are difflab's own."""
    rules = OwnRules(function)

    def of_arguments(argnums: Sequence[int], args: tuple[Value, ...], kwargs: Params) -> Function:
        def chosen(xs: tuple[Value, ...]) -> Value:
            full = list(args)
            for k, x in zip(argnums, xs):
                full[k] = x
            return function(*full, **kwargs)

        return chosen

    def reverse(argnums: tuple[int, ...], ans: Value, args: tuple[Value, ...], kwargs: Params) -> Function:
        return make_vjp(of_arguments(argnums, args, kwargs), tuple([args[k] for k in argnums]))[0]

    def forward(
        argnums: tuple[int, ...], gs: list[Value], ans: Value, args: tuple[Value, ...], kwargs: Params
    ) -> Value:
        point = tuple([args[k] for k in argnums])
        return make_jvp(of_arguments(argnums, args, kwargs), point)(tuple(gs))[1]

    rules.reverse, rules.forward = reverse, forward
    wrapper.own_rules = rules
    own.append(rules)


def found(place: str, module: ModuleType, name: str) -> Value:
    """What a module of `difflab.autograd`'s has under a name of NumPy's or SciPy's."""
    value = None if name.startswith("__") else getattr(module, name, None)
    if value is None:
        raise AttributeError(f"module {place!r} has no attribute {name!r}")
    if callable(value) and not isinstance(value, type):
        return dispatching(name, array_namespace.wrapped(name, value))
    return value


def wrap_namespace(old: dict[str, Any], new: dict[str, Any]) -> None:
    """Puts the functions of a namespace of NumPy's or SciPy's into another, differentiable, and what else it has.

    >>> space = {}
    >>> wrap_namespace({"exp": np.exp, "pi": np.pi}, space)
    >>> sorted(space)
    ['exp', 'pi']
    """
    for name, value in old.items():
        if callable(value) and not isinstance(value, type):
            new[name] = dispatching(name, array_namespace.wrapped(name, value))
        elif not name.startswith("__"):
            new[name] = value


def metadata(A: Value) -> tuple[tuple[int, ...], int, Any, bool]:
    """Shape, number of axes, dtype, and whether it is complex.

    >>> metadata(np.ones(2))
    ((2,), 1, dtype('float64'), False)
    """
    x = A if A.__class__ is Traced else np.asarray(A)
    return x.shape, x.ndim, x.dtype, x.dtype.kind == "c"
