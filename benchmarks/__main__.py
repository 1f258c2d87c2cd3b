"""python -m benchmarks [NAME ...]: runs the workloads, adds to history.jsonl; all write RESULTS.md with a plot.

The name `gradbench` is GradBench's family; `python -m benchmarks.gradbench` has its options.
"""

from __future__ import annotations

import sys
from importlib import import_module

from . import history
from .measure import machine
from .workload import measure, show

FILES = ("scalar", "elementwise", "gmm", "bundle", "lstm", "mlp", "lenet", "rosenbrock", "sparse")
FILES += ("first_gradient", "building", "gradbench")
PACKAGES = ("numpy", "difflab", "jax", "torch", "autograd", "casadi", "mygrad", "micrograd", "numba", "sympy")


def main(names: list[str]) -> int:
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
    return int(any(r.wrong for r in results))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
