"""Jacobians in pieces: equal to the dense ones, in few operations, and left to colours where they have to be."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import difflab as dl
from difflab.differentiate.sparsity import jacobian_pattern

colouring = importlib.import_module("difflab.differentiate.colouring")
sparse = importlib.import_module("difflab.differentiate.sparse")
N = 12
X = np.random.default_rng(5).normal(size=N)


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


@pytest.fixture
def refuse_colours(monkeypatch):
    def refuse(*args):
        raise AssertionError("it was coloured")

    monkeypatch.setattr(sparse, "make_plan", refuse)


IN_PIECES = {
    "rosenbrock": (rosenbrock, X),
    "even and odd": (lambda x: np.sum((x[::2] * x[1::2]) ** 2), X),
    "backwards": (lambda x: np.sum(x * x[::-1] ** 2), X),
    "rolled": (lambda x: np.sum(np.roll(x, 1) ** 3 * x), X),
    "where": (lambda x: np.sum(np.where(x > 0, x**3, np.sin(x))), X),
    "maximum": (lambda x: np.sum(np.maximum(x[1:] ** 2, x[:-1])), X),
    "a number from outside": (lambda x: np.sum(np.exp(x[1:] - 0.5 * x[:-1]) / np.float64(3.0)), X),
    "table": (lambda x: np.sum((x[1:] * x[:-1]) ** 2) + np.sum(x[0] ** 2 * x[1]), X.reshape(3, 4)),
    "single precision": (rosenbrock, X.astype(np.float32)),
    "numbers alone": (lambda x: np.sum(x**2) + np.sum(x[1:] * x[:-1]), X),
}


@pytest.mark.parametrize("name", IN_PIECES)
def test_hessians_that_come_in_pieces(name, refuse_colours):
    f, x = IN_PIECES[name]
    matrix, close = dl.hessian(f, sparse=True), 1e-4 if x.dtype == np.float32 else 1e-11
    for point in (x, -x, 2 * x):
        got, want = matrix(point), dl.hessian(f)(point).reshape(x.size, x.size)
        assert got.dtype == x.dtype and got.has_canonical_format
        np.testing.assert_allclose(got.toarray(), want, rtol=close, atol=close * np.abs(want).max())
        assert np.array_equal(got.toarray(), got.toarray().T)  # the lower half is the upper one


def test_jacobians_that_come_in_pieces(refuse_colours):
    for f in (
        lambda x: x[1:-1] * (x[2:] - x[:-2]),
        lambda x: np.concatenate([x[:2] ** 2, x[::-1], x * np.arange(12.0)]),
        lambda x: np.pad(x, 2)[1:] ** 2,
        lambda x: np.stack([x, 2.0 * x], axis=1),
        lambda x: x[np.array([3, 0, 7, 7])] * x[:4],
        lambda x: np.sin(x.reshape(3, 4).T),
    ):
        got, want = dl.jacobian(f, sparse=True)(X), dl.jacobian(f)(X)
        np.testing.assert_allclose(got.toarray(), want.reshape(got.shape), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_a_mode_that_is_asked_for_is_taken(mode, refuse_colours):
    with pytest.raises(AssertionError, match="coloured"):
        dl.jacobian(lambda x: x[1:] * x[:-1], sparse=True, mode=mode)(X)


def test_what_chooses_or_adds_up_is_coloured(refuse_colours):
    """Operations whose places the values decide, or that have more pieces than a few."""
    for f in (
        lambda x: np.sort(x),
        np.cumsum,
        lambda x: np.sum(x.reshape(3, 4), axis=1) ** 2,
        lambda x: x * x[0] + np.sum(x),
        lambda x: sum(x * np.roll(x, k) for k in range(10)),
    ):
        with pytest.raises(AssertionError, match="coloured"):
            dl.jacobian(f, sparse=True)(X)


def test_a_given_pattern_without_some_elements_is_refused_as_before():
    with pytest.raises(dl.DifflabError, match="lacks elements"):
        dl.jacobian(lambda x: x[1:] * x[:-1], sparse=True, pattern=np.eye(N - 1, N))(X)
    wide = dl.jacobian(lambda x: x[1:] * x[:-1], sparse=True, pattern=np.ones((N - 1, N)))(X)
    assert wide.nnz == N * (N - 1)
    np.testing.assert_allclose(wide.toarray(), dl.jacobian(lambda x: x[1:] * x[:-1])(X))


def test_the_program_of_rosenbrocks_hessian_is_short():
    """What a person writes by hand: no product with the seeds' zeros, the constant part written beforehand."""
    program = dl.compile(dl.hessian(rosenbrock, sparse=True))
    for _ in range(2):
        program(X)
    rows = [n.primitive.name for n in program.program.graph.operations]
    assert len(rows) <= 12 and "matmul" not in rows
    assert all(n.shape != (3, N) for n in program.program.graph.order)
    assert ".copy()" in program.source and "np.zeros" not in program.source


STEPS = [
    lambda a, b: a * b,
    lambda a, b: a - 2.0 * b,
    lambda a, b: a / (2.0 + b * b),
    lambda a, b: np.sin(a) + b,
    lambda a, b: np.concatenate([a[1:], b[:1]]),
    lambda a, b: np.where(a > b, a, b * b),
    lambda a, b: a[::-1] * 3.0,
    lambda a, b: np.maximum(a, 0.5 * b),
    lambda a, b: np.exp(-a * a) - 1.0,
    lambda a, b: a.reshape(2, 3).T.ravel() + b,
    lambda a, b: np.roll(a, 2) + 1.0,
    lambda a, b: a[np.array([5, 0, 3, 3, 2, 1])] - b,
    lambda a, b: np.pad(a[1:-1], 1) + b,
    lambda a, b: a * np.array([0.0, 1.0, -2.0, 0.5, 3.0, 1.0]) + 0.5,
]


@given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=6))
@settings(max_examples=80, deadline=None)
def test_random_arithmetic(steps):
    def f(x):
        values = [x]
        for which, i, j in steps:
            values.append(np.tanh(STEPS[which % len(STEPS)](values[i % len(values)], values[j % len(values)])))
        return values[-1]

    g, x = lambda x: np.sum(f(x) ** 2), np.linspace(-1.0, 1.3, 6)
    jacobian, hessian = dl.jacobian(f, sparse=True), dl.hessian(g, sparse=True)
    for point in (x, x[::-1] * 0.7):
        want = dl.jacobian(f)(point)
        np.testing.assert_allclose(jacobian(point).toarray(), want, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(hessian(point).toarray(), dl.hessian(g)(point), rtol=1e-9, atol=1e-10)
    assert not np.any(want[~jacobian_pattern(f, x).toarray()])


def test_native_programs_of_small_arrays_are_one_function():
    pytest.importorskip("numba", reason="the backend needs it")
    plain, native = (dl.compile(dl.hessian(rosenbrock, sparse=True), backend=b) for b in ("numpy", "native"))
    for x in (X, -X, X[::2].copy(), X[::2], X.reshape(3, 4).T.ravel()):
        for _ in range(3):
            assert np.array_equal(plain(x).toarray(), native(x).toarray())
    assert "the whole program" in native.explain()
    both = lambda x, y: (x * y + 2.0 * x[0], (y - x).reshape(3, 2), x[1:] / y[:-1], np.maximum(x, y)[3] * 2.0)
    a, b = np.arange(1.0, 7.0), np.linspace(-2.0, 9.0, 6)
    programs = [dl.compile(both, backend=backend) for backend in ("numpy", "native")]
    for args in ((a, b), (b, a), (a.astype(np.float32), b), (a[::-1], b)):
        for _ in range(3):
            found = [p(*args) for p in programs]
            for one, other in zip(*found):
                assert np.array_equal(one, other) and type(one) is type(other) and one.dtype == other.dtype
    first = programs[1](a, b)
    kept = [np.copy(y) for y in first]
    programs[1](b, a)[0][:] = 7.0  # results belong to the caller
    assert all(map(np.array_equal, kept, first))
