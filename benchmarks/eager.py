"""The uncompiled engine against HIPS/autograd: `python -m benchmarks.eager`.

Three gradients (a 60-operation scalar expression, the loss of a 784-256-128-10 MLP, the log-likelihood of a Gaussian
mixture) and the building of a 100,000-node graph. Results are compared before anything is timed.
"""

from __future__ import annotations

import gc
import itertools
import tracemalloc
from types import ModuleType
from typing import Any

import autograd
import autograd.numpy as anp
import numpy as np
from autograd.core import VJPNode
from autograd.scipy.special import logsumexp as autograd_logsumexp
from autograd.tracer import trace as autograd_trace

import difflab as dl

from .measure import interleaved, machine, report


def scalar_expression(np: ModuleType) -> Any:
    """60 operations on two numbers."""

    def f(x: Any, y: Any) -> Any:
        for k in range(5):
            z = np.sin(x * y) + np.exp(-x) * (k + 1)
            x = np.tanh(z) * y + x / (1 + y * y)
        return x

    return f


def mlp_loss(np: ModuleType) -> Any:
    def f(params: Any, x: Any, y: Any) -> Any:
        for w, b in params[:-1]:
            x = np.tanh(np.dot(x, w) + b)
        w, b = params[-1]
        z = np.dot(x, w) + b
        z = z - np.log(np.sum(np.exp(z), axis=1, keepdims=True))
        return -np.sum(z * y) / 128

    return f


def mixture(np: ModuleType, logsumexp: Any) -> Any:
    """The log-likelihood of a Gaussian mixture with inverse Cholesky factors given by logarithms of diagonals."""

    def f(params: Any, x: Any) -> Any:
        logits, means, log_diagonals = params
        scaled = (x[:, None, :] - means[None, :, :]) * np.exp(log_diagonals)[None, :, :]
        inner = -0.5 * np.sum(scaled**2, axis=2) + np.sum(log_diagonals, axis=1) + logits
        return np.sum(logsumexp(inner, axis=1)) - x.shape[0] * logsumexp(logits)

    return f


def chain(x: Any) -> Any:
    for _ in range(100_000):
        x = x * 1.00001
    return x


def agree(a: Any, b: Any) -> None:
    for u, v in zip(_leaves(a), _leaves(b)):
        np.testing.assert_allclose(u, v, rtol=1e-9, atol=1e-12)


def _leaves(tree: Any) -> list[Any]:
    return [x for e in tree for x in _leaves(e)] if isinstance(tree, list | tuple) else [tree]


def main() -> None:
    print(machine("difflab", "autograd", "numpy"))
    rng = np.random.default_rng(0)
    sizes = [784, 256, 128, 10]
    params = [(0.05 * rng.normal(size=(a, b)), np.zeros(b)) for a, b in itertools.pairwise(sizes)]
    x, labels = rng.normal(size=(128, 784)), np.eye(10)[rng.integers(0, 10, 128)]
    gmm = [rng.normal(size=25), rng.normal(size=(25, 10)), 0.1 * rng.normal(size=(25, 10))]
    data = rng.normal(size=(1000, 10))
    dnp = dl.numpy
    workloads = {
        "scalar expression, 60 operations": (scalar_expression(np), scalar_expression(anp), (0.7, 1.3)),
        "MLP 784-256-128-10, batch 128": (mlp_loss(np), mlp_loss(anp), (params, x, labels)),
        "Gaussian mixture, n = 1000, d = 10, K = 25": (
            mixture(np, dnp.logsumexp),
            mixture(anp, autograd_logsumexp),
            (gmm, data),
        ),
    }
    for title, (ours, theirs, args) in workloads.items():
        g, h = dl.grad(ours), autograd.grad(theirs)
        agree(g(*args), h(*args))
        run = {"difflab": lambda g=g, a=args: g(*a), "autograd": lambda h=h, a=args: h(*a)}
        report(title, interleaved(run))
    build = {
        "difflab": lambda: dl.trace(chain, 1.0),
        "autograd": lambda: autograd_trace(VJPNode.new_root(), chain, 1.0),
    }
    report("building a graph of 100,000 operations", interleaved(build, rounds=7))
    gc.collect()
    tracemalloc.start()
    graph = dl.trace(chain, 1.0)
    print(f"\nmemory: {tracemalloc.get_traced_memory()[0] / len(graph):.0f} bytes a node, before networkx is asked for")
    tracemalloc.stop()


if __name__ == "__main__":
    main()
