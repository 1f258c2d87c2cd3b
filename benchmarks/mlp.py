"""One step of stochastic gradient descent on an MLP 784-256-128-10, batch 128, float32."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

import difflab as dl

from .workload import Workload

SIZES, BATCH, RATE = (784, 256, 128, 10), 128, 0.1


def data() -> tuple[list[tuple[Any, Any]], Any, Any]:
    rng = np.random.default_rng(0)
    params = []
    for a, b in pairwise(SIZES):
        params.append(((rng.normal(size=(a, b)) / np.sqrt(a)).astype(np.float32), np.zeros(b, np.float32)))
    x = rng.normal(size=(BATCH, SIZES[0])).astype(np.float32)
    y = np.eye(SIZES[-1], dtype=np.float32)[rng.integers(0, SIZES[-1], BATCH)]
    return params, x, y


def loss(m: Any, logsumexp: Any, params: Any, x: Any, y: Any) -> Any:
    """The mean cross-entropy of a network with tanh layers."""
    for w, b in params[:-1]:
        x = m.tanh(x @ w + b)
    w, b = params[-1]
    z = x @ w + b
    return m.mean(logsumexp(z) - m.sum(z * y, 1))


def step(gradient: Any, params: Any, x: Any, y: Any) -> Any:
    found = gradient(params, x, y)
    return [(w - RATE * gw, b - RATE * gb) for (w, b), (gw, gb) in zip(params, found)]


def by_difflab(backend: str = "numpy") -> Any:
    if backend == "native":
        import numba  # noqa: F401  # or this line is left out
    params, x, y = data()
    gradient = dl.grad(lambda p, x, y: loss(np, lambda z: dl.numpy.logsumexp(z, axis=1), p, x, y))
    program = dl.compile(lambda p, x, y: step(gradient, p, x, y), donate_argnums=0, backend=backend)
    return trainer(program, params, x, y)


def trainer(program: Any, params: Any, x: Any, y: Any) -> Any:
    """Steps that go on from one another; the first two are compared, from the same start."""
    state = [[(w.copy(), b.copy()) for w, b in params]]
    count = [0]

    def run() -> Any:
        if count[0] < 2:
            state[0] = [(w.copy(), b.copy()) for w, b in params]
        count[0] += 1
        state[0] = program(state[0], x, y)
        return state[0]

    return run


def by_jax() -> Any:
    import jax
    import jax.numpy as jnp

    params, x, y = data()
    gradient = jax.grad(lambda p, x, y: loss(jnp, lambda z: jax.nn.logsumexp(z, axis=1), p, x, y))
    program = jax.jit(lambda p, x, y: step(gradient, p, x, y), donate_argnums=0)
    state, count = [params], [0]

    def run() -> Any:
        start = [(jnp.array(w), jnp.array(b)) for w, b in params] if count[0] < 2 else state[0]
        count[0] += 1
        state[0] = jax.block_until_ready(program(start, x, y))
        return state[0]

    return run


def by_autograd() -> Any:
    import autograd
    import autograd.numpy as anp
    from autograd.scipy.special import logsumexp

    params, x, y = data()
    gradient = autograd.grad(lambda p, x, y: loss(anp, lambda z: logsumexp(z, axis=1), p, x, y))
    return trainer(lambda p, x, y: step(gradient, p, x, y), params, x, y)


def by_torch(compiled: bool) -> Any:
    def make() -> Any:
        import torch

        params, x, y = data()
        xt, yt = torch.tensor(x), torch.tensor(y)
        state = [torch.tensor(a, requires_grad=True) for pair in params for a in pair]

        def f(*leaves: Any) -> Any:
            pairs = list(zip(leaves[::2], leaves[1::2]))
            return loss(torch, lambda z: torch.logsumexp(z, 1), pairs, xt, yt)

        f = torch.compile(f) if compiled else f
        count = [0]

        def run() -> Any:
            if count[0] < 2:
                with torch.no_grad():
                    for s, a in zip(state, [a for pair in params for a in pair]):
                        s.copy_(torch.tensor(a))
            count[0] += 1
            found = torch.autograd.grad(f(*state), state)
            with torch.no_grad():
                torch._foreach_add_(state, found, alpha=-RATE)
            return [s.detach() for s in state]

        return run

    return make


def products() -> Any:
    """The matrix products of the step alone."""
    params, x, _ = data()
    values = [x]
    for w, b in params:
        values.append(values[-1] @ w + b)
    outs = [np.empty_like(v) for v in values[1:]]
    grads = [np.empty_like(w) for w, _ in params]
    back = [np.empty_like(v) for v in values[:-1]]

    def run() -> None:
        for (w, _), v, out in zip(params, values, outs):
            np.matmul(v, w, out)
        for k in range(len(params) - 1, -1, -1):
            np.matmul(values[k].T, outs[k], grads[k])
            if k:
                np.matmul(outs[k], params[k][0].T, back[k])

    return run


def workloads() -> list[Workload]:
    peers = {
        "difflab native": lambda: by_difflab("native"),
        "JAX jit": by_jax,
        "torch": by_torch(False),
        "torch.compile": by_torch(True),
        "autograd": by_autograd,
    }
    name = "MLP 784-256-128-10, batch 128, float32, SGD step"
    return [Workload(name, by_difflab, peers, rtol=1e-4, floors={"products alone": products}, rounds=15)]
