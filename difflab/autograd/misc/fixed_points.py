"""Fixed points by autograd's signature, differentiated by the implicit function theorem."""

from __future__ import annotations

from collections.abc import Callable

from ...differentiate.fixed_point import fixed_point as implicit
from ...graph.pytree import flatten
from ...types import Tree, Value
from ..tracer import getval


def fixed_point(
    f: Callable[[Tree], Callable[[Value], Value]],
    a: Tree,
    x0: Value,
    distance: Callable[[Value, Value], float],
    tol: float,
) -> Value:
    """The x with x = f(a)(x), found from `x0`: steps are made until `distance(x, before)` is at most `tol`.

    It is differentiable by `a`, to any order, at a point that is settled to rounding; `x0` has no derivative.

    >>> import difflab.autograd as autograd
    >>> newton = lambda a: lambda x: (x + a / x) / 2
    >>> root = lambda a: fixed_point(newton, a, 1.0, lambda x, before: abs(x - before), 1e-8)
    >>> round(float(root(2.0)), 9), round(float(autograd.grad(root)(2.0)), 9)
    (1.414213562, 0.353553391)
    """
    leaves, rebuild = flatten(a)
    step = f(rebuild([getval(x) for x in leaves]))
    before = getval(x0)
    x = step(before)
    while distance(x, before) > tol:
        x, before = step(x), x
    return implicit(f(a), x)


__all__ = ["fixed_point"]
