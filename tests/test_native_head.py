"""The small beginning of a program as one native function: the same values, whoever reads them."""

from __future__ import annotations

import numpy as np
import pytest

import difflab as dl
from difflab.compile.native.head import CALLS, beginning
from difflab.compile.passes.pipeline import optimise

pytest.importorskip("numba")
RNG = np.random.default_rng(3)
WIDE = RNG.normal(size=(4, 5000))
TURNS = RNG.normal(size=(6, 4, 4)) / 2


def joints(angles):
    """A chain of six turns about an axis, with shifts: many small products."""
    c, s, none, one = np.cos(angles), np.sin(angles), 0.0 * angles, 0.0 * angles + 1.0
    rows = [[c, -s, none, none], [s, c, none, one], [none, none, one, none], [none, none, none, one]]
    local = TURNS @ np.stack([np.stack(row, 1) for row in rows], 1)
    ends = [local[0]]
    for k in range(1, 6):
        ends.append(ends[-1] @ local[k])
    return np.stack(ends)


def count(angles):
    larger = angles > 0.1
    return np.where(larger, np.sum(larger.astype(int)), 1 + angles.astype(int))


PROGRAMS = {
    "joints": lambda a: np.sum(np.tanh(joints(a)[:, :3] @ WIDE), axis=0),
    "also a result": lambda a: (joints(a), np.sum(joints(a)[:, :3] @ WIDE, axis=0), joints(a)[-1, 0, 0]),
    "views of what is given": lambda a: (joints(a)[0], a[1:3, None] * WIDE[:2], a[2]),
    "counts and masks": lambda a: np.sum(joints(a) @ WIDE, axis=(0, 1)) * np.sum(count(a)) + count(a)[0],
    "sums": lambda a: joints(a).sum((1, 2))[:, None] * WIDE[0] + joints(a).max() - joints(a).mean(0).sum(),
}  # fmt: skip
GRADIENTS = [n for n in PROGRAMS if n not in ("also a result", "views of what is given", "counts and masks")]


def is_same(found, wanted):
    found, wanted = (t if isinstance(t, tuple) else (t,) for t in (found, wanted))
    for a, b in zip(found, wanted, strict=True):
        assert np.asarray(a).dtype == np.asarray(b).dtype
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-11 * np.max(np.abs(b)))


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_beginning_is_one_function_with_the_same_values(name):
    f = PROGRAMS[name]
    program = dl.compile(f, backend="native")
    for _ in range(4):
        a = RNG.normal(size=6)
        is_same(program(a), f(a))
    assert "one native function" in str(program.explain())


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients(name):
    g = dl.value_and_grad(lambda a: np.sum(np.square(PROGRAMS[name](a))))
    program = dl.compile(g, backend="native")
    for _ in range(3):
        a = RNG.normal(size=6)
        is_same(program(a), g(a))


def test_results_are_the_callers_own():
    program = dl.compile(PROGRAMS["also a result"], backend="native")
    a = RNG.normal(size=6)
    first = program(a)
    kept = [np.array(y) for y in first]
    first[0][:] = 0.0
    is_same(program(a), tuple(kept))


def test_a_branch_that_small_values_decide():
    def f(a):
        total = np.sum(joints(a))
        return np.sum(joints(a) @ WIDE) * (2.0 if total > 0 else 3.0)

    program = dl.compile(f, backend="native")
    for a in RNG.normal(size=(8, 6)):
        is_same(program(a), f(a))


def test_what_is_large_or_short_stays_outside():
    graph, _ = optimise(dl.trace(PROGRAMS["joints"], np.ones(6)))
    inside = beginning(graph, 300)
    assert len(inside) > CALLS and all(np.prod(n.shape) <= 2048 for n in inside)
    short = dl.compile(lambda a: np.sin(a[0]) * WIDE, backend="native")
    is_same(short(np.ones(6)), np.sin(1.0) * WIDE)
    assert "one native function" not in str(short.explain())


def test_single_precision():
    f = PROGRAMS["joints"]
    a = RNG.normal(size=6).astype(np.float32)
    g = lambda a: (
        np.sum(np.tanh(a[:, None] * a) @ a) * WIDE.astype(np.float32)
        + sum(np.exp(a[k]) / (a[k - 1] + 3) for k in range(6))
    )
    program = dl.compile(g, backend="native")
    for _ in range(3):
        found = program(a)
    assert found.dtype == g(a).dtype
    np.testing.assert_allclose(found, g(a), rtol=1e-5, atol=1e-5 * np.max(np.abs(found)))
    np.testing.assert_allclose(dl.compile(f, backend="native")(a), f(a), rtol=1e-5, atol=1e-5)


def test_of_a_long_beginning_the_first_part_is_taken():
    def f(a):
        for k in range(120):
            a = a[::-1] * np.sum(a * a) + np.stack([a[k % 6], *a[:5]]) / (k + 1.0)
            a = a / np.sum(np.abs(a))
        return np.sum(a[:, None] * WIDE[0], axis=0)

    program = dl.compile(f, backend="native")
    for _ in range(2):
        a = RNG.normal(size=6)
        np.testing.assert_allclose(program(a), f(a), rtol=1e-8)
    assert "one native function" in str(program.explain())
