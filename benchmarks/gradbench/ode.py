"""Runge-Kutta steps of y_0' = x_0, y_i' = x_i y_(i-1), and the gradient of the last element."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..workload import Workload
from .family import gradient, in_libraries
from .libraries import EAGER

END = 2.0


def solution(steps: int) -> Any:
    """The last y at the time END, after so many steps of the classical rule."""
    h = END / steps

    def f(lib: Any, x: Any) -> Any:
        head, rest = x[:1], x[1:]

        def slope(y: Any) -> Any:
            return lib.m.concatenate([head, rest * y[:-1]])

        def step(y: Any, _: Any) -> Any:
            a = slope(y)
            b = slope(y + 0.5 * h * a)
            c = slope(y + 0.5 * h * b)
            d = slope(y + h * c)
            return y + h / 6.0 * (a + 2.0 * b + 2.0 * c + d), None

        return lib.scan(step, 0.0 * x, length=steps)[0][-1]

    return f


def by_casadi(x: Any, steps: int) -> Any:
    """CasADi's map-and-accumulate over one step's scalar graph."""

    def make() -> Any:
        import casadi

        n, h = len(x), END / steps
        y, p = casadi.SX.sym("y", n), casadi.SX.sym("p", n)
        slope = lambda y: casadi.vertcat(p[0], p[1:] * y[:-1])
        a = slope(y)
        b = slope(y + 0.5 * h * a)
        c = slope(y + 0.5 * h * b)
        d = slope(y + h * c)
        step = casadi.Function("step", [y, p], [y + h / 6.0 * (a + 2 * b + 2 * c + d)])
        q = casadi.MX.sym("q", n)
        last = step.mapaccum("steps", steps)(casadi.MX.zeros(n), casadi.repmat(q, 1, steps))[-1, -1]
        program = casadi.Function("both", [q], [last, casadi.gradient(last, q)])
        return lambda: tuple(np.asarray(z) for z in program(x))

    return make


def workloads(quick: bool = False) -> list[Workload]:
    found = []
    for n, steps in ((4, 5),) if quick else ((10, 1_000), (200, 200)):
        x = 0.5 * np.arange(1.0, n + 1.0) * np.random.default_rng(0).uniform(0.9, 1.1, n)
        f, name = solution(steps), f"Runge-Kutta, {n} equations, {steps:,} steps"
        peers = ("JAX jit", *EAGER)
        found.append(in_libraries(f"{name}: value", f, (x,), peers))
        found.append(in_libraries(f"{name}: gradient", gradient(f), (x,), peers, {"CasADi": by_casadi(x, steps)}))
    return found
