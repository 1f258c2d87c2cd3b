"""python -m benchmarks [NAME ...]: runs the workloads and writes RESULTS.md with a plot."""

from __future__ import annotations

import sys
from importlib import import_module

from .measure import machine
from .workload import measure, show

FILES = ("scalar", "elementwise", "gmm", "bundle", "lstm", "mlp", "lenet", "rosenbrock", "first_gradient", "building")
PACKAGES = ("numpy", "difflab", "jax", "torch", "autograd", "casadi", "mygrad", "micrograd", "numba", "sympy")


def main(names: list[str]) -> None:
    print(machine(*PACKAGES))
    results = []
    for name in names or FILES:
        for work in import_module(f"benchmarks.{name}").workloads():
            results.append(measure(work))
            show(results[-1])
    if not names:
        from .results import write

        write(results, machine(*PACKAGES))


main(sys.argv[1:])
