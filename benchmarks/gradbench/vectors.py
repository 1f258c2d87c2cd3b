"""Sums over vectors: log-sum-exp, least squares of a polynomial, and k-means."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..workload import Make, Workload
from .family import gradient, in_libraries
from .libraries import EAGER

PEERS = ("JAX jit", *EAGER)


def logsumexp(lib: Any, x: Any) -> Any:
    """log sum exp(x), from its parts: the largest element is taken out."""
    largest = lib.m.max(x)
    return largest + lib.m.log(lib.m.sum(lib.m.exp(x - largest)))


def exponentials(x: Any) -> Make:
    """The exponentials alone."""
    out = np.empty_like(x)
    return lambda: lambda: np.exp(x, out)


def of_logsumexp(quick: bool) -> list[Workload]:
    found = []
    for n in (100,) if quick else (10_000, 1_000_000):
        x = np.random.default_rng(0).normal(size=n)
        floors = {"exponentials alone": exponentials(x)}
        name = f"log-sum-exp, {n:,} elements"
        found.append(in_libraries(f"{name}: value", logsumexp, (x,), (*PEERS, "torch.compile"), floors=floors))
        found.append(
            in_libraries(f"{name}: gradient", gradient(logsumexp), (x,), (*PEERS, "torch.compile"), floors=floors)
        )
    return found


def unrolled(lib: Any, x: Any, t: Any, s: Any) -> Any:
    """Half the squared distance of the polynomial with coefficients x from s, by Horner's rule as Python's loop."""
    y = 0.0 * t
    for k in reversed(range(len(x))):
        y = y * t + x[k]
    return 0.5 * lib.m.sum((s - y) ** 2)


def scanned(lib: Any, x: Any, t: Any, s: Any) -> Any:
    """The same by a scan over the coefficients, which come with the highest first."""
    y, _ = lib.scan(lambda y, c: (y * t + c, None), 0.0 * t, x)
    return 0.5 * lib.m.sum((s - y) ** 2)


def of_least_squares(quick: bool) -> list[Workload]:
    found = []
    forms = [(unrolled, "by Horner", 4_000, 16), (scanned, "by Horner in a scan", 4_000, 64)]
    for f, how, n, m in forms:
        n, m = (50, 4) if quick else (n, m)
        t = np.linspace(-1.0, 1.0, n)
        args = (np.random.default_rng(0).normal(size=m), t, np.sign(t))
        name = f"least squares {how}, {n:,} points, {m} coefficients"
        peers = (*PEERS, "torch.compile") if f is unrolled else PEERS
        found += [in_libraries(f"{name}: value", f, args, peers)]
        found += [in_libraries(f"{name}: gradient", gradient(f), args, peers)]
    return found


def cost(lib: Any, centroids: Any, points: Any) -> Any:
    """The sum of the points' squared distances from their nearest centroids."""
    apart = points[:, None, :] - centroids[None, :, :]
    return lib.m.sum(lib.m.min(lib.m.sum(apart * apart, 2), 1))


def direction(lib: Any, centroids: Any, points: Any) -> Any:
    """Newton's step: the gradient over the diagonal of the Hessian, which has nothing beside it."""
    slope = lib.grad(lambda c: cost(lib, c, points))
    g, h = lib.jvp(slope, (centroids,), (lib.m.ones_like(centroids),))
    return g / h


def of_k_means(quick: bool) -> list[Workload]:
    found = []
    for n, d, k in ((40, 3, 4),) if quick else ((1_000, 8, 10), (20_000, 8, 10)):
        points = np.random.default_rng(0).normal(size=(n, d))
        args = (points[:k] + 0.01, points)
        name = f"k-means, {n:,} points, d={d}, {k} centroids"
        found.append(in_libraries(f"{name}: value", cost, args, (*PEERS, "torch.compile")))
        found.append(in_libraries(f"{name}: gradient", gradient(cost), args, (*PEERS, "torch.compile")))
        found.append(in_libraries(f"{name}: Newton's step", direction, args, ("JAX jit", "torch")))
    return found


def workloads(quick: bool = False) -> list[Workload]:
    return [*of_logsumexp(quick), *of_least_squares(quick), *of_k_means(quick)]
