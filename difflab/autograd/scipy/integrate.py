"""Ordinary differential equations, with the derivative of their solution by the adjoint equation."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...late import Late
from ...numpy import asarray
from ...types import Function, Params, Value
from ..core import make_vjp
from ..extend import defvjp_argnums, primitive
from ..misc.flatten import flatten

integrate: Value = Late("scipy.integrate")


@primitive
def odeint(func: Function, y0: Value, t: Value, args: tuple[Value, ...] = (), **options: Any) -> Value:
    """The solution of y' = func(y, t, *args) from y0 at the times t: an array of shape (len(t), len(y0)).

    Derivatives are by y0, t and args, of any order; they solve the adjoint equation backward in time (Pontryagin 1962).
    """
    return integrate.odeint(func, y0, t, tuple(args), **options)


def _reverse(argnums: tuple[int, ...], ys: Value, args: tuple[Value, ...], kwargs: Params) -> Function:
    func, _, t, *more = args
    parameters = tuple(more[0]) if more else tuple(kwargs.get("args", ()))
    options = {name: x for name, x in kwargs.items() if name != "args"}
    flat, unflatten = flatten(parameters)
    n = np.shape(ys)[1]

    def field(y: Value, t: Value, theta: Value) -> Value:
        return asarray(func(y, t, *unflatten(theta)))

    def augmented(state: Value, s: Value, theta: Value) -> Value:
        """y, its adjoint and the cotangents of t and of the parameters, in backward time s = -t."""
        y, adjoint = state[:n], state[n : 2 * n]
        back, slope = make_vjp(lambda z: field(*z), (y, -s, theta))
        by_y, by_t, by_theta = back(-adjoint)
        return np.concatenate([-slope, -by_y, np.reshape(-by_t, (1,)), -by_theta])

    def back(g: Value) -> list[Value]:
        """Nothing is written into: g and ys may be traced."""
        adjoint, by_theta, by_start, by_times = g[-1], np.zeros(np.shape(flat)), 0.0, []
        for k in range(len(t) - 1, 0, -1):
            by_times.append(np.dot(field(ys[k], t[k], flat), g[k]))
            by_start = by_start - by_times[-1]
            start = np.concatenate([ys[k], adjoint, np.reshape(by_start, (1,)), by_theta])
            end = odeint(augmented, start, np.stack([-t[k], -t[k - 1]]), (flat,), **options)[1]
            adjoint, by_start, by_theta = end[n : 2 * n] + g[k - 1], end[2 * n], end[2 * n + 1 :]
        found = {1: adjoint, 2: asarray([by_start, *by_times[::-1]]), 3: unflatten(by_theta)}
        return [found[number] for number in argnums]

    return back


defvjp_argnums(odeint, _reverse)
