"""ADBench's Gaussian mixture: the gradient of the log-likelihood with a Wishart prior."""

from __future__ import annotations

from typing import Any

import numpy as np

import difflab as dl

from .workload import Workload

GAMMA, WISHART = 1.0, 0.0


def data(n: int, d: int, k: int) -> tuple[Any, ...]:
    rng = np.random.default_rng(0)
    alphas, means = rng.normal(size=k), rng.random(size=(k, d))
    factors = rng.normal(size=(k, d * (d + 1) // 2)) * 0.3  # log-diagonal, then the strictly lower entries by columns
    x = rng.normal(size=(n, d))
    return alphas, means, factors, x


def layout(d: int) -> Any:
    """For each entry of the lower triangular matrix its place in (diagonal, lower entries, 0)."""
    places = np.full((d, d), d * (d + 1) // 2)
    places[np.diag_indices(d)] = np.arange(d)
    columns, rows = np.triu_indices(d, 1)
    places[rows, columns] = d + np.arange(d * (d - 1) // 2)
    return places


def loss(m: Any, concatenate: Any, logsumexp: Any, places: Any, alphas: Any, means: Any, factors: Any, x: Any) -> Any:
    """The negative log-posterior; all matrix products with Q in one."""
    (n, d), k = x.shape, len(alphas)
    logs = factors[:, :d]
    diagonal, lower = m.exp(logs), factors[:, d:]
    q = concatenate([diagonal, lower, 0.0 * logs[:, :1]])[:, places]  # (k, d, d)
    centres = m.sum(q * means[:, None, :], 2)
    y = (x @ q.reshape(k * d, d).T).reshape(n, k, d) - centres
    inner = alphas + m.sum(logs, 1) - 0.5 * m.sum(y * y, 2)
    likelihood = m.sum(logsumexp(inner, 1)) - n * logsumexp(alphas, 0)
    prior = 0.5 * GAMMA**2 * (m.sum(diagonal * diagonal) + m.sum(lower * lower)) - WISHART * m.sum(logs)
    return -likelihood + prior


def by_difflab(args: Any, places: Any) -> Any:
    def make() -> Any:
        def f(a: Any, b: Any, c: Any, x: Any) -> Any:
            return loss(
                np, lambda p: np.concatenate(p, 1), lambda z, k: dl.numpy.logsumexp(z, axis=k), places, a, b, c, x
            )

        program = dl.compile(dl.value_and_grad(f, argnums=(0, 1, 2)))
        return lambda: program(*args)

    return make


def by_jax(args: Any, places: Any) -> Any:
    def make() -> Any:
        import jax

        jax.config.update("jax_enable_x64", True)
        import jax.numpy as jnp

        def f(a: Any, b: Any, c: Any, x: Any) -> Any:
            return loss(jnp, lambda p: jnp.concatenate(p, 1), jax.nn.logsumexp, places, a, b, c, x)

        g, points = jax.jit(jax.value_and_grad(f, argnums=(0, 1, 2))), [jnp.asarray(a) for a in args]
        return lambda: jax.block_until_ready(g(*points))

    return make


def by_torch(args: Any, places: Any, compiled: bool) -> Any:
    def make() -> Any:
        import torch

        index = torch.tensor(places)

        def f(a: Any, b: Any, c: Any, x: Any) -> Any:
            return loss(torch, lambda p: torch.cat(p, 1), torch.logsumexp, index, a, b, c, x)

        g = torch.compile(f) if compiled else f
        points = [torch.tensor(a, requires_grad=k < 3) for k, a in enumerate(args)]

        def run() -> Any:
            y = g(*points)
            return y, torch.autograd.grad(y, points[:3])

        return run

    return make


def by_autograd(args: Any, places: Any) -> Any:
    def make() -> Any:
        import autograd
        import autograd.numpy as anp
        from autograd.scipy.special import logsumexp

        def f(p: Any) -> Any:
            return loss(
                anp, lambda parts: anp.concatenate(parts, 1), lambda z, k: logsumexp(z, axis=k), places, *p, args[3]
            )

        g = autograd.value_and_grad(f)
        return lambda: g(tuple(args[:3]))

    return make


def product(args: Any) -> Any:
    """The two large products alone."""

    def make() -> Any:
        _, means, _, x = args
        k, d = means.shape
        q, out, back = np.ones((k * d, d)), np.empty((len(x), k * d)), np.empty((k * d, d))

        def run() -> None:
            np.matmul(x, q.T, out)
            np.matmul(out.T, x, back)

        return run

    return make


def workloads() -> list[Workload]:
    found = []
    for n, d, k in ((1_000, 10, 25), (1_000, 64, 50), (10_000, 10, 25)):
        args, places = data(n, d, k), layout(d)
        peers = {
            "JAX jit": by_jax(args, places),
            "torch.compile": by_torch(args, places, True),
            "torch": by_torch(args, places, False),
            "autograd": by_autograd(args, places),
        }
        name = f"Gaussian mixture, n={n:,}, d={d}, K={k}"
        found.append(
            Workload(
                name, by_difflab(args, places), peers, rtol=1e-7, floors={"products alone": product(args)}, rounds=7
            )
        )
    return found
