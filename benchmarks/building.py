"""Recording a graph of 100,000 scalar nodes."""

from __future__ import annotations

from typing import Any

import numpy as np

from difflab.graph.trace import record

from .workload import Workload

NODES = 100_000


def steps(x: Any, y: Any) -> Any:
    for _ in range(NODES // 2):
        x = x * y
        x = x + y
    return x


def by_difflab() -> Any:
    return lambda: record(steps, 0.5, 0.25)[1][0]  # the graph, as dl.trace makes it, and the value


def by_torch() -> Any:
    import torch

    def run() -> Any:
        x = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
        return steps(x, torch.tensor(0.25, dtype=torch.float64, requires_grad=True))

    return run


def by_micrograd() -> Any:
    from micrograd.engine import Value

    return lambda: steps(Value(0.5), Value(0.25)).data


def by_autograd() -> Any:
    from autograd.core import VJPNode
    from autograd.tracer import trace

    def run() -> Any:
        result, _ = trace(VJPNode.new_root(), lambda p: steps(p, 0.25), np.float64(0.5))
        return result

    return run


def workloads() -> list[Workload]:
    peers = {"torch": by_torch, "micrograd": by_micrograd, "autograd": by_autograd}
    return [Workload("recording a graph of 100,000 scalar nodes", by_difflab, peers, rounds=5, seconds=0.05)]
