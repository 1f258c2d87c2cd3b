"""Small loops on XLA are one function of machine code, with the same values; others stay as they are."""

from __future__ import annotations

import numpy as np
import pytest

import difflab as dl

jax = pytest.importorskip("jax")
A = np.random.default_rng(0).normal(size=(3, 3)) / 3
LARGE = np.random.default_rng(0).normal(size=(40, 40)) / 40
MARK = 'xla_cpu_small_call = "true"'


def steps(f, n=50):
    """A loop with so many steps of f."""
    return lambda x: dl.while_loop(lambda s: s[1] < n, lambda s: (f(s[0]), s[1] + 1.0), (x, 0.0))[0]


def inner(x):
    """A loop in the step of another one."""
    return steps(lambda y: y - 0.1 * np.sin(y) * np.sum(x), 5)(x)


SMALL = {
    "arithmetic": (steps(lambda x: x - 0.1 * np.tanh(x * x + 1.0)), 3),
    "a product": (steps(lambda x: np.where(x > 1.0, A @ x, x + 0.3)), 3),
    "moves": (steps(lambda x: np.concatenate([x[1:], x[:1]]) + np.stack([x[0], x[1], x.sum()]) / 9), 3),
    "in another": (steps(inner, 7), 3),
    "a scan": (lambda x: dl.scan(lambda c, t: (np.cos(c * t), c), x, np.arange(30.0))[1].sum(0), 4),
    "numbers": (steps(lambda x: np.sqrt(x * x + 2.0) / 2.0), None),
}
LARGER = {
    "large arrays": (steps(lambda x: x - 0.1 * np.tanh(x)), 3000),
    "a large product": (steps(lambda x: LARGE @ x), 40),
    "a decomposition": (steps(lambda x: np.linalg.solve(A + np.eye(3), x)), 3),
}


def point(n):
    return np.float64(0.7) if n is None else np.linspace(-1.0, 2.0, n)


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("kind", ["value", "tangent"])
def test_small_loops_are_marked_and_right(name, kind):
    f, n = SMALL[name]
    g = f if kind == "value" else lambda x: dl.jvp(f, (x,), (np.ones_like(x),))[1]
    program = dl.compile(g, backend="jax")
    for x in (point(n), 0.5 * point(n) + 0.1):
        np.testing.assert_allclose(program(x), g(x), rtol=1e-11, atol=1e-12)
    assert MARK in program.source


@pytest.mark.parametrize("name", LARGER)
def test_other_loops_are_not(name):
    f, n = LARGER[name]
    program = dl.compile(f, backend="jax")
    np.testing.assert_allclose(program(point(n)), f(point(n)), rtol=1e-10, atol=1e-12)
    assert MARK not in program.source


def test_gradients_of_small_scans():
    f = lambda x: np.sum(dl.scan(lambda c, t: (np.sin(c) * t + A @ c, c * t), x, np.linspace(0.0, 1.0, 9))[1] ** 2)
    program = dl.compile(dl.value_and_grad(f), backend="jax")
    for x in (point(3), -point(3)):
        for got, want in zip(program(x), dl.value_and_grad(f)(x)):
            np.testing.assert_allclose(got, want, rtol=1e-11)
    assert MARK in program.source


def test_functions_for_jax_are_not_marked():
    f, n = SMALL["arithmetic"]
    lowered = jax.jit(dl.to_jax(f, point(n))).lower(point(n))
    assert "xla_cpu_small_call" not in lowered.as_text()
