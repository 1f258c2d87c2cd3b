"""check_grads: derivatives against differences, for tests of programs written for autograd."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from itertools import product
from typing import Any

import numpy as np

from ..graph.pytree import flatten
from ..types import Function, Tree, Value
from .core import make_jvp as make_jvp, make_vjp as make_vjp, vspace as vspace
from .wrap_util import get_name as get_name, unary_to_nary

TOL = RTOL = EPS = 1e-6


def scalar_close(a: Value, b: Value) -> bool:
    """Whether two numbers agree to 1e-6, absolutely or relatively.

    >>> scalar_close(1.0, 1.0 + 1e-9)
    True
    """
    return bool(np.isclose(a, b, rtol=2 * RTOL, atol=TOL))


def make_numerical_jvp(f: Function, x: Tree) -> Function:
    """The derivative of f at x along a tangent, by central differences."""
    point, rebuild = flatten(x)

    def moved(v: list[Value], step: float) -> list[Value]:
        return flatten(f(rebuild([p + step * t for p, t in zip(point, v)])))[0]

    def jvp(v: Tree) -> Tree:
        directions = flatten(v)[0]
        up, down = moved(directions, EPS / 2), moved(directions, -EPS / 2)
        return flatten(f(x))[1]([(a - b) / EPS for a, b in zip(up, down)])

    return jvp


def check_vjp(f: Function, x: Tree) -> None:
    """Reverse mode against differences, in a random direction."""
    vjp, y = make_vjp(f, x)
    space, target = vspace(x), vspace(y)
    v, w = space.randn(), target.randn()
    expected = target.inner_prod(w, make_numerical_jvp(f, x)(v))
    found = space.inner_prod(v, space.covector(vjp(target.covector(w))))
    told = f"(VJP) check of {get_name(f)} failed: reverse mode gives {found}, differences give {expected}, at {x!r}"
    assert scalar_close(found, expected), told


def check_jvp(f: Function, x: Tree) -> None:
    """Forward mode against differences, in a random direction."""
    v = vspace(x).randn()
    y, found = make_jvp(f, x)(v)
    expected = make_numerical_jvp(f, x)(v)
    target = vspace(y)
    w = target.randn()
    a, b = target.inner_prod(w, found), target.inner_prod(w, expected)
    told = f"(JVP) check of {get_name(f)} failed: forward mode gives {a}, differences give {b}, at {x!r}"
    assert scalar_close(a, b), told


def check_equivalent(x: Tree, y: Tree) -> None:
    """Whether two values lie in one space and are about the same."""
    assert vspace(x) == vspace(y), f"{x!r} and {y!r} lie in different spaces"
    v = vspace(x).randn()
    assert scalar_close(vspace(x).inner_prod(x, v), vspace(x).inner_prod(y, v))


def tangent(f: Function, x: Tree, v: Tree) -> Tree:
    """What forward mode makes of a tangent v at x."""
    return make_jvp(f, x)(v)[1]


def cotangent(f: Function, x: Tree, v: Tree) -> Tree:
    """What reverse mode makes of a cotangent v at x."""
    return make_vjp(f, x)[0](v)


MODES: dict[str, tuple[Function, Function, Function, str]] = {
    "fwd": (check_jvp, tangent, lambda f, x: x, "jvp"),
    "rev": (check_vjp, cotangent, lambda f, x: f(x), "vjp"),
}


@unary_to_nary
def check_grads(f: Function, x: Tree, modes: Iterable[str] = tuple(MODES), order: int = 2) -> None:
    """`check_grads(f, argnum, modes, order)(*args)`: derivatives up to an order against differences.

    >>> check_grads(np.tanh)(0.3)
    """
    modes = list(modes)
    for check, derivative, space, prefix in map(MODES.__getitem__, modes):
        check(f, x)
        if order > 1:
            further: Value = partial(derivative, f)
            further.__name__ = f"{prefix}_{get_name(f)}"
            again = check_grads(further, (0, 1), modes=modes, order=order - 1)
            again(x, vspace(space(f, x)).randn())


def combo_check(fun: Function, *options: Any, **named: Any) -> Function:
    """`combo_check(f, argnum, modes, order)(*lists, **lists)`: check_grads for each combination of the arguments.

    >>> combo_check(np.sum, 0)([np.ones(2), np.ones((2, 3))], axis=[None, 0])
    """
    check = check_grads(fun, *options, **named)

    def each(*args: Iterable[Value], **kwargs: Iterable[Value]) -> None:
        for values in product(*args, *kwargs.values()):
            check(*values[: len(args)], **dict(zip(kwargs, values[len(args) :])))

    return each
