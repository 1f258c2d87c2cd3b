"""python -m benchmarks.checkpoint: what dl.checkpoint saves in memory and costs in time, on a deep network."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np

import difflab as dl

from .measure import interleaved, machine, report

LAYERS, BLOCKS = 8, 12


def network(wrap: Callable[..., Any], weight: Any) -> Callable[[Any], Any]:
    def block(x: Any) -> Any:
        for _ in range(LAYERS):
            x = np.tanh(x @ weight)
        return x

    def loss(x: Any) -> Any:
        for _ in range(BLOCKS):
            x = wrap(block)(x)
        return np.sum(x)

    return loss


def peak(run: Callable[[], Any]) -> float:
    """The megabytes that a call has in use at most."""
    run()
    tracemalloc.start()
    try:
        run()
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


def main() -> None:
    rng = np.random.default_rng(0)
    weight, x = rng.normal(size=(64, 64)) * 0.1, rng.normal(size=(512, 64))
    runs = {}
    for name, wrap in (("plain", lambda f: f), ("checkpoint", dl.checkpoint)):
        gradient = dl.grad(network(wrap, weight))
        runs[name] = lambda gradient=gradient: gradient(x)
    print(machine("numpy", "difflab"))
    for name, run in runs.items():
        print(f"  {name:12s} {peak(run):6.1f} MB at most")
    report("gradient, uncompiled", interleaved(runs), "plain")


if __name__ == "__main__":
    main()
