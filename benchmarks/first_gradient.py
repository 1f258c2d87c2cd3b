"""Time to the first gradient of a chain of scalar operations: trace, differentiate, compile, run."""

from __future__ import annotations

from typing import Any

import numpy as np

import difflab as dl

from .workload import Workload


def chain(m: Any, n: int) -> Any:
    def f(x: Any) -> Any:
        for _ in range(n // 2):
            x = m.sin(x) * 1.01
        return x

    return f


def by_difflab(n: int) -> Any:
    return lambda: lambda: dl.compile(dl.grad(chain(np, n)))(0.5)


def by_jax(n: int) -> Any:
    def make() -> Any:
        import jax

        jax.config.update("jax_enable_x64", True)
        import jax.numpy as jnp

        return lambda: float(jax.jit(jax.grad(chain(jnp, n)))(0.5))

    return make


def by_autograd(n: int) -> Any:
    def make() -> Any:
        import autograd
        import autograd.numpy as anp

        return lambda: autograd.grad(chain(anp, n))(0.5)

    return make


def by_torch(n: int) -> Any:
    def make() -> Any:
        import torch

        def run() -> Any:
            x = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
            return torch.autograd.grad(chain(torch, n)(x), x)[0]

        return run

    return make


def workloads() -> list[Workload]:
    found = []
    for n in (100, 1_000, 5_000):
        peers = {"autograd (uncompiled)": by_autograd(n), "torch (uncompiled)": by_torch(n)}
        if n <= 1_000:  # 5,000 operations take JAX five seconds a round
            peers["JAX jit"] = by_jax(n)
        name = f"time to the first gradient, chain of {n:,} operations"
        found.append(Workload(name, by_difflab(n), peers, rounds=5, seconds=0.05))
    return found
