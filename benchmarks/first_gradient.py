"""Time to the first gradient of a chain of operations on a number or a small array: trace, differentiate, compile, run.

`difflab eager` is `dl.grad` itself, which is where a program's own first call gains nothing from being compiled.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import difflab as dl

from .workload import Workload

NUMBER, ARRAY = 0.5, np.linspace(0.1, 1.0, 10)


def chain(m: Any, n: int) -> Any:
    def f(x: Any) -> Any:
        for _ in range(n // 2):
            x = m.sin(x) * 1.01
        return m.sum(x) if getattr(x, "shape", ()) else x

    return f


def by_difflab(n: int, x: Any) -> Any:
    return lambda: lambda: dl.compile(dl.grad(chain(np, n)))(x)


def eager(n: int, x: Any) -> Any:
    return lambda: lambda: dl.grad(chain(np, n))(x)


def by_jax(n: int, x: Any) -> Any:
    def make() -> Any:
        import jax

        jax.config.update("jax_enable_x64", True)
        import jax.numpy as jnp

        return lambda: np.asarray(jax.jit(jax.grad(chain(jnp, n)))(x))

    return make


def by_autograd(n: int, x: Any) -> Any:
    def make() -> Any:
        import autograd
        import autograd.numpy as anp

        return lambda: autograd.grad(chain(anp, n))(x)

    return make


def by_torch(n: int, x: Any) -> Any:
    def make() -> Any:
        import torch

        def run() -> Any:
            v = torch.tensor(x, dtype=torch.float64, requires_grad=True)
            return torch.autograd.grad(chain(torch, n)(v), v)[0]

        return run

    return make


def workloads() -> list[Workload]:
    found = []
    for what, x in (("", NUMBER), (" on arrays of 10", ARRAY)):
        for n in (100, 1_000, 5_000):
            peers = {
                "difflab eager": eager(n, x),
                "autograd (uncompiled)": by_autograd(n, x),
                "torch (uncompiled)": by_torch(n, x),
            }
            if n <= 1_000:  # 5,000 operations take JAX five seconds a round
                peers["JAX jit"] = by_jax(n, x)
            name = f"time to the first gradient, chain of {n:,} operations{what}"
            found.append(Workload(name, by_difflab(n, x), peers, rounds=5, seconds=0.05))
    return found
