"""ADBench's LSTM: the gradient of a sequence's loss, two layers, 14 numbers wide, 1,024 steps."""

from __future__ import annotations

from typing import Any

import numpy as np

import difflab as dl

from .workload import Workload

LAYERS, WIDTH, STEPS = 2, 14, 1024


def data() -> tuple[Any, Any, Any, Any]:
    """Weights and biases (layers, 2, 4 width), the first and last scalings (3, width), states, the sequence."""
    rng = np.random.default_rng(0)
    main, extra = rng.normal(size=(LAYERS, 2, 4 * WIDTH)) * 0.5, rng.normal(size=(3, WIDTH)) * 0.5
    state = rng.normal(size=(LAYERS, 2, WIDTH)) * 0.1
    return main, extra, state, rng.random(size=(STEPS, WIDTH))


def predict(m: Any, sigmoid: Any, concatenate: Any, stack: Any, main: Any, extra: Any, state: Any, x: Any) -> Any:
    """One step: the prediction and the next states."""
    x, states = x * extra[0], []
    for k in range(LAYERS):
        hidden, cell = state[k][0], state[k][1]
        gates = concatenate([x, x, x, hidden]) * main[k][0] + main[k][1]
        forget, enter = sigmoid(gates[:WIDTH]), sigmoid(gates[WIDTH : 2 * WIDTH])
        leave, change = sigmoid(gates[2 * WIDTH : 3 * WIDTH]), m.tanh(gates[3 * WIDTH :])
        cell = cell * forget + enter * change
        x = leave * m.tanh(cell)
        states.append(stack([x, cell]))
    return x * extra[1] + extra[2], stack(states)


def step_loss(m: Any, y: Any, gold: Any) -> Any:
    return m.sum(gold * (y - m.log(m.sum(m.exp(y)) + 2.0)))


def scanned(m: Any, scan: Any, *names: Any) -> Any:
    """The loss by a scan over the steps."""

    def loss(main: Any, extra: Any, state: Any, sequence: Any) -> Any:
        def step(carry: Any, x: Any) -> Any:
            y, carry = predict(m, *names, main, extra, carry, x[0])
            return carry, step_loss(m, y, x[1])

        _, terms = scan(step, state, (sequence[:-1], sequence[1:]))
        return -m.sum(terms) / (STEPS - 1)

    return loss


def looped(m: Any, *names: Any) -> Any:
    """The loss by a Python loop, for the peers that have no scan."""

    def loss(main: Any, extra: Any, state: Any, sequence: Any) -> Any:
        total = 0.0
        for t in range(STEPS - 1):
            y, state = predict(m, *names, main, extra, state, sequence[t])
            total = total + step_loss(m, y, sequence[t + 1])
        return -total / (STEPS - 1)

    return loss


def by_difflab(backend: str = "numpy") -> Any:
    if backend == "native":
        import numba  # noqa: F401 (without it the backend would fall back)
    args = data()
    loss = scanned(np, dl.scan, dl.numpy.sigmoid, np.concatenate, np.stack)
    program = dl.compile(dl.value_and_grad(loss, argnums=(0, 1)), backend=backend)
    program.prepare(*args)
    return lambda: program(*args)


def by_jax() -> Any:
    import jax

    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp

    loss = scanned(jnp, jax.lax.scan, jax.nn.sigmoid, jnp.concatenate, jnp.stack)
    program, points = jax.jit(jax.value_and_grad(loss, argnums=(0, 1))), [jnp.asarray(a) for a in data()]
    return lambda: jax.block_until_ready(program(*points))


def by_torch() -> Any:
    import torch

    loss = looped(torch, torch.sigmoid, torch.cat, torch.stack)
    points = [torch.tensor(a, requires_grad=k < 2) for k, a in enumerate(data())]

    def run() -> Any:
        y = loss(*points)
        return y, torch.autograd.grad(y, points[:2])

    return run


def by_autograd() -> Any:
    import autograd
    import autograd.numpy as anp

    main, extra, state, sequence = data()
    loss = looped(anp, lambda x: 1.0 / (1.0 + anp.exp(-x)), anp.concatenate, anp.stack)
    gradient = autograd.value_and_grad(lambda p: loss(*p, state, sequence))
    return lambda: gradient((main, extra))


def workloads() -> list[Workload]:
    peers = {
        "difflab native": lambda: by_difflab("native"),
        "JAX jit (scan)": by_jax,
        "torch": by_torch,
        "autograd": by_autograd,
    }
    loss = scanned(np, dl.scan, dl.numpy.sigmoid, np.concatenate, np.stack)
    name = f"LSTM, {LAYERS} layers, {STEPS:,} steps"
    return [Workload(name, by_difflab, peers, rtol=1e-7, rounds=5, gradient_of=(loss, data(), (0, 1)))]
