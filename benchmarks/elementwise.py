"""sum(tanh(x) exp(-x^2) + sin(3x) log1p(x^2)): what fusing elementwise operations is worth."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import difflab as dl

from .workload import Workload


def loss(m: Any, x: Any) -> Any:
    return m.sum(m.tanh(x) * m.exp(-x * x) + m.sin(3.0 * x) * m.log1p(x * x))


def by_difflab(x: Any, backend: str | None = None) -> Any:
    def make() -> Any:
        if backend == "native":
            import numba  # noqa: F401  (without it this would be the NumPy backend)
        f = dl.value_and_grad(lambda x: loss(np, x))
        program = dl.compile(f, backend=backend) if backend else dl.compile(f)
        return lambda: program(x)

    return make


def by_numba(x: Any) -> Any:
    """One loop by hand; numba shares it among the threads."""

    def make() -> Any:
        import numba

        def f(x: Any, g: Any) -> Any:
            total = 0.0
            for i in numba.prange(x.shape[0]):
                v = x[i]
                t, e = math.tanh(v), math.exp(-v * v)
                s, c = math.sin(3.0 * v), math.cos(3.0 * v)
                q = math.log1p(v * v)
                total += t * e + s * q
                g[i] = (1.0 - t * t) * e - 2.0 * v * t * e + 3.0 * c * q + s * 2.0 * v / (1.0 + v * v)
            return total

        loop = numba.njit((numba.float64[::1], numba.float64[::1]), parallel=True, error_model="numpy")(f)

        def run() -> Any:
            gradient = np.empty_like(x)
            return loop(x, gradient), gradient

        return run

    return make


def by_jax(x: Any) -> Any:
    def make() -> Any:
        import jax

        jax.config.update("jax_enable_x64", True)
        import jax.numpy as jnp

        f, point = jax.jit(jax.value_and_grad(lambda x: loss(jnp, x))), jnp.asarray(x)
        return lambda: jax.block_until_ready(f(point))

    return make


def by_autograd(x: Any) -> Any:
    def make() -> Any:
        import autograd
        import autograd.numpy as anp

        f = autograd.value_and_grad(lambda x: loss(anp, x))
        return lambda: f(x)

    return make


def by_torch(x: Any, compiled: bool) -> Any:
    def make() -> Any:
        import torch

        f = (lambda x: loss(torch, x)) if not compiled else torch.compile(lambda x: loss(torch, x))
        point = torch.tensor(x, requires_grad=True)

        def run() -> Any:
            y = f(point)
            return y, torch.autograd.grad(y, point)[0]

        return run

    return make


def copying(x: Any) -> Any:
    """Reading the point and writing a gradient, and nothing else."""

    def make() -> Any:
        out = np.empty_like(x)
        return lambda: np.copyto(out, x)

    return make


def workloads() -> list[Workload]:
    found = []
    for n in (100_000, 10_000_000):
        x = np.random.default_rng(0).normal(size=n)
        peers = {
            "difflab native": by_difflab(x, "native"),
            "numba by hand": by_numba(x),
            "JAX jit": by_jax(x),
            "torch.compile": by_torch(x, True),
            "torch": by_torch(x, False),
            "autograd": by_autograd(x),
        }
        found.append(
            Workload(
                f"sum(tanh(x) exp(-x²) + sin(3x) log1p(x²)), {n:.0e} elements",
                by_difflab(x),
                peers,
                rounds=7,
                floors={"memory traffic alone": copying(x)},
                gradient_of=(lambda x: loss(np, x), (x,), 0),
            )
        )
    return found
