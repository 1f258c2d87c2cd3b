"""GradBench's family of problems, each written once for all libraries, from their published descriptions."""

from __future__ import annotations

from importlib import import_module

from ..workload import Workload

FILES = ("vectors", "mixture", "ode", "hand", "minors", "nested")


def workloads(quick: bool = False) -> list[Workload]:
    """All of them; `quick` is for tests, with some elements each."""
    return [w for name in FILES for w in import_module(f"benchmarks.gradbench.{name}").workloads(quick)]
