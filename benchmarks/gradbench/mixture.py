"""The Gaussian mixture in three widths, the covariances' factors packed as lower triangles; bundle adjustment, LSTM."""

from __future__ import annotations

from typing import Any

from .. import gmm
from ..workload import Workload
from .family import gradient, in_libraries
from .libraries import EAGER

PEERS = ("JAX jit", "torch.compile", *EAGER)


def loss(d: int) -> Any:
    places = gmm.layout(d)

    def f(lib: Any, alphas: Any, means: Any, factors: Any, x: Any) -> Any:
        join = lambda parts: lib.m.concatenate(parts, 1)
        return gmm.loss(lib.m, join, lib.logsumexp, lib.constant(places), alphas, means, factors, x)

    return f


def workloads(quick: bool = False) -> list[Workload]:
    found = []
    for n, d, k in ((20, 2, 3),) if quick else ((1_000, 2, 25), (1_000, 10, 25), (1_000, 64, 25)):
        args, f = gmm.data(n, d, k), loss(d)
        floors = {"products alone": gmm.product(args)}
        name = f"Gaussian mixture, n={n:,}, d={d}, K={k}"
        found.append(in_libraries(f"{name}: value", f, args, PEERS, rtol=1e-7))
        found.append(in_libraries(f"{name}: gradient", gradient(f, (0, 1, 2)), args, PEERS, rtol=1e-7, floors=floors))
    return found
