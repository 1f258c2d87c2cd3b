"""One point a call: the sigmoid neuron, and an expression of 60 operations."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import difflab as dl

from .workload import Workload

POINT = (2.0, -1.0, -3.0, -2.0, -3.0)
NAMES = ("w0", "x0", "w1", "x1", "w2")


def neuron(w0: Any, x0: Any, w1: Any, x1: Any, w2: Any) -> Any:
    return 1.0 / (1.0 + np.exp(-(w0 * x0 + w1 * x1 + w2)))


def long_expression(m: Any, x: Any, y: Any) -> Any:
    """Sixty operations on two numbers."""
    a, b = x, y
    for k in range(10):
        a, b = m.sin(a * b) + 0.5 * b, m.exp(-a * a) * b + 0.1 * (k + 1)
    return a * b


def sympy_code(expression: Any, symbols: Any) -> Any:
    """Value and gradient as sympy would write them: generated `math` code with shared subexpressions."""
    import sympy

    gradient = [sympy.diff(expression, s) for s in symbols]
    return sympy.lambdify(symbols, (expression, tuple(gradient)), modules="math", cse=True)


def by_sympy(build: Any, names: Any, point: Any) -> Any:
    def make() -> Any:
        import sympy

        symbols = sympy.symbols(names)
        f = sympy_code(build(sympy, *symbols), symbols)
        return lambda: f(*point)

    return make


def by_jax(build: Any, point: Any) -> Any:
    def make() -> Any:
        import jax

        jax.config.update("jax_enable_x64", True)
        import jax.numpy as jnp

        f = jax.jit(jax.value_and_grad(lambda *a: build(jnp, *a), argnums=tuple(range(len(point)))))

        def run() -> Any:
            return jax.block_until_ready(f(*point))

        return run

    return make


def by_torch(build: Any, point: Any) -> Any:
    def make() -> Any:
        import torch

        def run() -> Any:
            xs = [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in point]
            y = build(torch, *xs)
            return y, torch.autograd.grad(y, xs)

        return run

    return make


def by_autograd(build: Any, point: Any) -> Any:
    def make() -> Any:
        import autograd
        import autograd.numpy as anp

        f = autograd.value_and_grad(lambda xs: build(anp, *xs))
        return lambda: f(tuple(point))

    return make


def by_casadi(build: Any, names: Any, point: Any) -> Any:
    def make() -> Any:
        import casadi

        xs = casadi.SX.sym("x", len(names))
        y = build(casadi, *[xs[k] for k in range(len(names))])
        f = casadi.Function("f", [xs], [y, casadi.gradient(y, xs)])
        buffer, call = f.buffer()
        x, value, gradient = np.array(point), np.zeros(1), np.zeros(len(names))
        buffer.set_arg(0, memoryview(x))
        buffer.set_res(0, memoryview(value))
        buffer.set_res(1, memoryview(gradient))

        alive = f, buffer, x  # CasADi does not hold on to them

        def run() -> Any:
            assert alive
            call()
            return value[0], gradient

        return run

    return make


def by_difflab(build: Any, point: Any, backend: str | None = None) -> Any:
    def make() -> Any:
        if backend == "native":
            import numba  # noqa: F401  (without it this would be the NumPy backend)
        f = dl.value_and_grad(build, argnums=tuple(range(len(point))))
        program = dl.compile(f, backend=backend) if backend else dl.compile(f)
        return lambda: program(*point)

    return make


def by_numba(write: Any, point: Any) -> Any:
    """Derivatives written by hand and compiled by numba."""

    def make() -> Any:
        import numba

        f = numba.njit((numba.float64,) * len(point), error_model="numpy")(write)
        return lambda: f(*point)

    return make


def neuron_by_hand(w0: Any, x0: Any, w1: Any, x1: Any, w2: Any) -> Any:
    s = 1.0 / (1.0 + math.exp(-(w0 * x0 + w1 * x1 + w2)))
    d = s * (1.0 - s)
    return s, (d * x0, d * w0, d * x1, d * w1, d)


def sixty_by_hand(x: Any, y: Any) -> Any:
    a, ax, ay, b, bx, by = x, 1.0, 0.0, y, 0.0, 1.0
    for k in range(10):
        s, c = math.sin(a * b), math.cos(a * b)
        e = math.exp(-a * a)
        sx, sy = c * (ax * b + a * bx), c * (ay * b + a * by)
        ex, ey = -2.0 * a * e * ax, -2.0 * a * e * ay
        a, ax, ay, b, bx, by = (
            s + 0.5 * b,
            sx + 0.5 * bx,
            sy + 0.5 * by,
            e * b + 0.1 * (k + 1),
            ex * b + e * bx,
            ey * b + e * by,
        )
    return a * b, (ax * b + a * bx, ay * b + a * by)


def workloads() -> list[Workload]:
    def math_neuron(m: Any, w0: Any, x0: Any, w1: Any, x1: Any, w2: Any) -> Any:
        return 1.0 / (1.0 + m.exp(-(w0 * x0 + w1 * x1 + w2)))

    def sixty(x: Any, y: Any) -> Any:
        return long_expression(np, x, y)

    two = (0.3, 0.7)
    return [
        Workload(
            "value and gradient of the sigmoid neuron, one point a call",
            by_difflab(neuron, POINT),
            {
                "difflab native": by_difflab(neuron, POINT, "native"),
                "numba by hand": by_numba(neuron_by_hand, POINT),
                "sympy lambdify(cse)": by_sympy(math_neuron, NAMES, POINT),
                "JAX jit": by_jax(math_neuron, POINT),
                "torch": by_torch(math_neuron, POINT),
                "autograd": by_autograd(math_neuron, POINT),
                "CasADi, buffers": by_casadi(math_neuron, NAMES, POINT),
            },
        ),
        Workload(
            "value and gradient of a scalar expression of 60 operations",
            by_difflab(sixty, two),
            {
                "difflab native": by_difflab(sixty, two, "native"),
                "numba by hand": by_numba(sixty_by_hand, two),
                "JAX jit": by_jax(long_expression, two),
                "torch": by_torch(long_expression, two),
                "autograd": by_autograd(long_expression, two),
                "CasADi, buffers": by_casadi(long_expression, ("x", "y"), two),
            },
        ),
    ]
