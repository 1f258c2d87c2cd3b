"""python -m benchmarks [NAME ...]: runs the workloads, adds to history.jsonl; all write RESULTS.md with a plot."""

from __future__ import annotations

import sys
from importlib import import_module

from . import history
from .measure import machine
from .workload import measure, show

FILES = ("scalar", "elementwise", "gmm", "bundle", "lstm", "mlp", "lenet", "rosenbrock", "first_gradient", "building")
PACKAGES = ("numpy", "difflab", "jax", "torch", "autograd", "casadi", "mygrad", "micrograd", "numba", "sympy")


def main(names: list[str]) -> None:
    where = machine(*PACKAGES)
    print(where)
    results = []
    for name in names or FILES:
        for work in import_module(f"benchmarks.{name}").workloads():
            results.append(measure(work))
            show(results[-1])
    history.add(results, where)
    if not names:
        from .results import write

        write(results, where)


main(sys.argv[1:])
