"""The Hessian of Rosenbrock's function, sparse: as it is called, and with machine code."""

from __future__ import annotations

from typing import Any

import numpy as np

import difflab as dl

from .workload import Workload


def rosenbrock(m: Any, x: Any) -> Any:
    return m.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def by_difflab(x: Any, backend: str | None = None) -> Any:
    def make() -> Any:
        hessian = dl.hessian(lambda x: rosenbrock(np, x), sparse=True)
        program = hessian if backend is None else dl.compile(hessian, backend=backend)
        return lambda: program(x)

    return make


def by_casadi(x: Any) -> Any:
    def make() -> Any:
        import casadi

        n = len(x)
        s = casadi.SX.sym("x", n)
        y = casadi.sum1(100.0 * (s[1:] - s[: n - 1] ** 2) ** 2 + (1.0 - s[: n - 1]) ** 2)
        hessian, _ = casadi.hessian(y, s)
        f = casadi.Function("h", [s], [hessian])
        buffer, call = f.buffer()
        point, values = np.array(x), np.zeros(f.nnz_out(0))
        buffer.set_arg(0, memoryview(point))
        buffer.set_res(0, memoryview(values))
        pattern = f.sparsity_out(0)
        columns, rows = np.array(pattern.get_triplet()[1]), np.array(pattern.get_triplet()[0])
        alive = f, buffer, point

        def run() -> Any:
            assert alive
            call()
            return values

        dense = np.zeros((n, n))
        run()
        dense[rows, columns] = values
        want = by_difflab(x)()()
        np.testing.assert_allclose(dense, want.toarray(), rtol=1e-9)
        return run

    return make


def by_jax(x: Any) -> Any:
    def make() -> Any:
        import jax

        jax.config.update("jax_enable_x64", True)
        import jax.numpy as jnp

        f, point = jax.jit(jax.hessian(lambda x: rosenbrock(jnp, x))), jnp.asarray(x)
        return lambda: jax.block_until_ready(f(point))

    return make


def by_torch(x: Any) -> Any:
    def make() -> Any:
        import torch

        f, point = torch.func.hessian(lambda x: rosenbrock(torch, x)), torch.tensor(x)
        return lambda: f(point)

    return make


def workloads() -> list[Workload]:
    found = []
    for n in (100, 1000, 10_000):
        x = np.linspace(0.0, 1.0, n)
        name = "CasADi sparse, buffers"
        peers = {name: by_casadi(x)}
        if n <= 1000:  # the dense matrix of 10,000 takes 800 MB
            peers |= {"JAX jit, dense": by_jax(x), "torch.func, dense": by_torch(x)}
        title, native = f"Hessian of Rosenbrock, n={n}", by_difflab(x, "native")
        found.append(Workload(title, by_difflab(x), peers, self_checked=(name,)))
        found.append(Workload(f"{title}, native", native, {name: by_casadi(x)}, self_checked=(name,)))
    return found
