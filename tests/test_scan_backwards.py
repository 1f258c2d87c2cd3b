"""A scan backwards: what is asked for, from what it needs, to the values of Python's own loop."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

import difflab as dl
from difflab.primitives import rows

BACKENDS = ("numpy", "native") if importlib.util.find_spec("numba") else ("numpy",)
T = np.linspace(-1.0, 1.0, 7)


def horner(x, t):
    return np.sum(dl.scan(lambda y, c: (y * t + c, None), 0.0 * t, x)[0] ** 2)


def backward_scan(f, *args):
    """The operands of the last scan in the gradient's graph."""
    graph = dl.trace(f, *args)
    return [n for n in graph.order if n.primitive.name == "scan"][-1]


def test_what_is_not_asked_for_is_not_computed():
    x = np.arange(5.0)
    by_x = backward_scan(dl.grad(horner), x, T)
    by_both = backward_scan(dl.grad(horner, argnums=(0, 1)), x, T)
    # By x: t, the carry's cotangent and the coefficients, of which the body knows the number only; by t also the sum
    # of its cotangents and each step's carry.
    assert len(by_x.value) < len(by_both.value) and len(by_x.operands) < len(by_both.operands)
    assert not any(n.shape == (5, 7) for n in by_x.operands) and any(n.shape == (5, 7) for n in by_both.operands)


def test_no_zeros_are_read_for_results_that_nobody_reads():
    f = lambda x: np.sum(dl.scan(lambda c, x: (np.sin(c * x), (c, x * c)), x[0], x)[0])
    found = backward_scan(dl.grad(f), np.arange(4.0))
    zeros = [n for n in found.operands if n.primitive in (rows.constant, rows.zeros_like) and n.shape == (4,)]
    assert not zeros


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("argnums", [0, 1, (0, 1)])
def test_gradients_by_each_argument(argnums, backend):
    x = np.array([0.3, -1.2, 0.7, 2.0])

    def unrolled(x, t):
        y = 0.0 * t
        for c in x:
            y = y * t + c
        return np.sum(y**2)

    want = dl.grad(unrolled, argnums)(x, T)
    found = dl.compile(dl.grad(horner, argnums), backend=backend)
    for got in (dl.grad(horner, argnums)(x, T), found(x, T), found(x, T)):
        np.testing.assert_allclose(np.hstack(got), np.hstack(want), rtol=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_step_may_do_nothing_backwards(backend):
    f = lambda x: np.sum(dl.scan(lambda c, x: (c, x), x[0], x)[0] * x)
    x = np.array([2.0, 3.0])
    found = dl.compile(dl.grad(f), backend=backend)
    for got in (dl.grad(f)(x), found(x), found(x)):
        np.testing.assert_allclose(got, [7.0, 2.0])


MATRIX = np.random.default_rng(0).normal(size=(4, 4)) / 2
STEPS = (
    lambda a, b, s: a + b,
    lambda a, b, s: a * b * 0.5,
    lambda a, b, s: np.tanh(a - b),
    lambda a, b, s: a * np.sum(b) * 0.1,
    lambda a, b, s: MATRIX @ a,
    lambda a, b, s: np.where(a > b, a, s * b),
    lambda a, b, s: a[::-1] * s,
    lambda a, b, s: np.max(a) - b,
    lambda a, b, s: np.concatenate([a[1:], b[:1]]),
)


def random_loop(seed):
    """A function of first carries, xs and weights by a scan, the same by Python's loop, and arguments."""
    rng = np.random.default_rng(seed)
    k, steps, reverse = int(rng.integers(1, 4)), int(rng.integers(1, 5)), bool(rng.integers(2))
    plan = [
        (STEPS[rng.integers(len(STEPS))], *rng.integers(0, 99, 2), rng.normal()) for _ in range(rng.integers(3, 11))
    ]
    ends, shown, weights = rng.integers(0, 999, k), rng.integers(0, 999, rng.integers(0, 3)), rng.normal(size=4)

    def body(c, x, w):
        values = [*c, x, w]
        for step, i, j, s in plan:
            values.append(step(values[i % len(values)], values[j % len(values)], s))
        return tuple(values[e % len(values)] for e in ends), tuple(values[e % len(values)] for e in shown)

    def result(c, ys):
        return np.sum(np.sin(c[0]) * weights) + sum(np.sum(y * weights) for y in ys[:1])

    def scanned(c, xs, w):
        return result(*dl.scan(lambda c, x: body(c, x, w), c, xs, reverse=reverse))

    def looped(c, xs, w):
        ys = [()] * steps
        for t in reversed(range(steps)) if reverse else range(steps):
            c, ys[t] = body(c, xs[t], w)
        return result(c, [np.stack(y) for y in zip(*ys)])

    return scanned, looped, (tuple(rng.normal(size=(k, 4))), rng.normal(size=(steps, 4)), rng.normal(size=4))


def flat(tree):
    return np.concatenate([flat(x) for x in tree]) if isinstance(tree, tuple) else np.ravel(tree)


@pytest.mark.parametrize("seed", range(12))
def test_random_scans_are_pythons_loops(seed):
    scanned, looped, args = random_loop(seed)
    argnums = [0, 1, 2, (0, 1), (0, 1, 2)][seed % 5]
    want = flat(dl.value_and_grad(looped, argnums)(*args))
    gradient = dl.value_and_grad(scanned, argnums)
    np.testing.assert_allclose(flat(gradient(*args)), want, rtol=1e-9, atol=1e-9)
    for backend in BACKENDS:
        program = dl.compile(gradient, backend=backend)
        for _ in range(2):
            np.testing.assert_allclose(flat(program(*args)), want, rtol=1e-9, atol=1e-9)
    twice = lambda f: flat(dl.grad(lambda *a: np.sum(dl.grad(f, 1)(*a) ** 2))(*args))
    np.testing.assert_allclose(twice(scanned), twice(looped), rtol=1e-7, atol=1e-7)
