"""One step of stochastic gradient descent on LeNet-5 (28 x 28 images, max-pooling, relu), batch 64 and 256, float32.

Everyone adds the bias and applies relu behind the max-pool: the same function, at a quarter of the work.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

import difflab as dl

from .mlp import RATE, step, trainer
from .workload import Workload

FILTERS = (((6, 1, 5, 5), 2), ((16, 6, 5, 5), 0))  # shapes and padding
SIZES = ((400, 120), (120, 84), (84, 10))


def data(batch: int) -> tuple[list[tuple[Any, Any]], Any, Any]:
    rng = np.random.default_rng(0)
    params = []
    for shape, _ in FILTERS:
        params.append((rng.normal(size=shape) / np.sqrt(np.prod(shape[1:])), np.zeros((shape[0], 1, 1))))
    for a, b in SIZES:
        params.append((rng.normal(size=(a, b)) / np.sqrt(a), np.zeros(b)))
    x = rng.normal(size=(batch, 1, 28, 28)).astype(np.float32)
    y = np.eye(10, dtype=np.float32)[rng.integers(0, 10, batch)]
    return [(w.astype(np.float32), b.astype(np.float32)) for w, b in params], x, y


def loss(m: Any, relu: Any, conv: Any, pool: Any, logsumexp: Any, params: Any, x: Any, y: Any) -> Any:
    """The mean cross-entropy."""
    for (w, b), (_, padding) in zip(params, FILTERS):
        x = relu(pool(conv(x, w, padding)) + b)
    x = x.reshape((len(x), -1))
    for w, b in params[2:-1]:
        x = relu(x @ w + b)
    w, b = params[-1]
    z = x @ w + b
    return m.mean(logsumexp(z) - m.sum(z * y, 1))


def by_difflab(batch: int, backend: str = "numpy") -> Any:
    if backend == "native":
        import numba  # noqa: F401  # or this line is left out
    dnp = dl.numpy
    parts = (
        dnp.relu,
        lambda x, w, padding: dnp.conv(x, w, padding=padding),
        lambda x: dnp.max_pool(x, 2),
        lambda z: dnp.logsumexp(z, axis=1),
    )
    params, x, y = data(batch)
    gradient = dl.grad(partial(loss, np, *parts))
    program = dl.compile(lambda p, x, y: step(gradient, p, x, y), donate_argnums=0, backend=backend)
    return trainer(program, params, x, y)


def by_jax(batch: int) -> Any:
    import jax
    import jax.numpy as jnp
    from jax import lax

    def conv(x: Any, w: Any, padding: int) -> Any:
        return lax.conv_general_dilated(x, w, (1, 1), [(padding, padding)] * 2)

    def pool(x: Any) -> Any:
        return lax.reduce_window(x, -jnp.inf, lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")

    params, x, y = data(batch)
    gradient = jax.grad(partial(loss, jnp, jax.nn.relu, conv, pool, lambda z: jax.nn.logsumexp(z, axis=1)))
    program = jax.jit(lambda p, x, y: step(gradient, p, x, y), donate_argnums=0)
    state, count = [params], [0]

    def run() -> Any:
        start = [(jnp.array(w), jnp.array(b)) for w, b in params] if count[0] < 2 else state[0]
        count[0] += 1
        state[0] = jax.block_until_ready(program(start, x, y))
        return state[0]

    return run


def by_torch(compiled: bool, batch: int) -> Any:
    import torch
    from torch.nn import functional

    params, x, y = data(batch)
    xt, yt = torch.tensor(x), torch.tensor(y)
    state = [torch.tensor(a, requires_grad=True) for pair in params for a in pair]
    conv = lambda x, w, padding: functional.conv2d(x, w, padding=padding)
    pool = lambda x: functional.max_pool2d(x, 2)

    def f(*leaves: Any) -> Any:
        pairs = list(zip(leaves[::2], leaves[1::2]))
        return loss(torch, torch.relu, conv, pool, lambda z: torch.logsumexp(z, 1), pairs, xt, yt)

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


def products(batch: int) -> Callable[[], None]:
    """The matrix products of the step alone, the convolutions' as one each over windows that are laid out already."""
    made: list[tuple[Any, Any, Any]] = []

    def product(rows: int, depth: int, columns: int) -> None:
        a, b = np.ones((rows, depth), np.float32), np.ones((depth, columns), np.float32)
        made.append((a, b, np.empty((rows, columns), np.float32)))

    for (out, channels, k, _), size in zip([s for s, _ in FILTERS], (28, 10)):
        depth, places = channels * k * k, size * size * batch
        product(out, depth, places)
        product(out, places, depth)
        if channels > 1:
            product(depth, out, places)
    for a, b in SIZES:
        product(batch, a, b)
        product(a, batch, b)
        product(batch, b, a)

    def run() -> None:
        for a, b, c in made:
            np.matmul(a, b, c)

    return run


def workloads() -> list[Workload]:
    found = []
    for batch in (64, 256):
        peers = {
            "difflab native": partial(by_difflab, batch, "native"),
            "JAX jit": partial(by_jax, batch),
            "torch": partial(by_torch, False, batch),
            "torch.compile": partial(by_torch, True, batch),
        }
        name = f"LeNet-5, batch {batch}, float32, SGD step"
        floors = {"products alone": partial(products, batch)}
        found.append(Workload(name, partial(by_difflab, batch), peers, rtol=1e-4, floors=floors, rounds=15))
    return found
