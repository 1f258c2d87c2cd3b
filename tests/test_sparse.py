"""Sparse Jacobians and Hessians: equal to the dense ones, patterns as tight as they should be, few colours."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from array_cases import CASES
from hypothesis import given, settings, strategies as st
from test_vmap import inputs

import difflab as dl
from difflab.differentiate import colouring
from difflab.differentiate.sparsity import jacobian_pattern

RNG = np.random.default_rng(3)
N = 12
X = RNG.normal(size=N)
BAND = np.diag(RNG.normal(size=N)) + np.diag(RNG.normal(size=N - 1), 1) + np.diag(RNG.normal(size=N - 1), -1)
FULL = RNG.normal(size=(5, N))
PLACES = np.array([3, 0, 7, 7])


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def bundle(p):
    """Reprojection-like residuals: each observation sees one camera (3 numbers) and one point (2 numbers)."""
    cameras, points = p[:9].reshape(3, 3), p[9:].reshape(-1, 2)
    seen, seen_by = points[np.array([0, 1, 2, 3, 0, 2])], cameras[np.array([0, 0, 1, 1, 2, 2])]
    return (np.exp(-seen_by[:, :1]) * seen + seen_by[:, 1:]).ravel()


# name: function, point, and the number of elements of the tight pattern (None: not checked)
JACOBIANS = {
    "band": (lambda x: x[1:-1] * (x[2:] - x[:-2]), X, 3 * (N - 2)),
    "band matrix": (lambda x: np.tanh(BAND @ x), X, 3 * N - 2),
    "band matrix, other side": (lambda x: x**2 @ BAND, X, 3 * N - 2),
    "einsum": (lambda x: np.einsum("ij,j->i", BAND, x), X, 3 * N - 2),
    "matrix of products": (lambda x: x.reshape(4, 3) @ x.reshape(4, 3).T, X, 16 * 6 - 12),
    "dense": (lambda x: FULL @ x, X, 5 * N),
    "wide": (lambda x: np.sum(x.reshape(3, 4), axis=1) ** 2, X, N),
    "tall": (lambda x: np.outer(x[:3], np.arange(1.0, 5.0)), X, 12),
    "bundle adjustment": (bundle, RNG.normal(size=17), 6 * 2 * 3),
    "constant": (lambda x: np.ones(3), X, 0),
    "constant by kind": (lambda x: np.floor(x), X, 0),
    "diff": (lambda x: np.diff(x, 2), X, 3 * (N - 2)),
    "pad": (lambda x: np.pad(x, 2)[1:] ** 2, X, N),
    "concatenate": (lambda x: np.concatenate([x[:2], np.ones(2), x[::-1]]) ** 2, X, N + 2),
    "stack": (lambda x: np.stack([x, 2.0 * x], axis=1), X, 2 * N),
    "cumsum": (np.cumsum, X, None),
    "cumprod": (np.cumprod, X, N * (N + 1) // 2),
    "indices": (lambda x: x[PLACES] * x[0], X, 7),
    "take": (lambda x: np.take(x, PLACES), X, 4),
    "mask": (lambda x: x[x > 0] ** 2, X, None),
    "where": (lambda x: np.where(x > 0, x**2, np.roll(x, 1)), X, 2 * N),
    "maximum": (lambda x: np.maximum(x[1:], x[:-1]), X, 2 * (N - 1)),
    "select": (lambda x: np.select([x > 0.4, x > -0.7], [x**2, np.flip(x)], -x), X, 2 * N),
    "sort": (np.sort, X, None),
    "softmax": (lambda x: np.logaddexp.reduce(x.reshape(3, 4), axis=1), X, N),
    "stacked inverses": (lambda x: np.linalg.inv(x.reshape(3, 2, 2) + 3 * np.eye(2)), X, 3 * 16),
    "solve": (lambda x: np.linalg.solve(BAND, x), X, None),
    "fft": (lambda x: np.fft.rfft(x).real, X, None),
    "convolve": (lambda x: np.convolve(x, [1.0, -2.0]), X, None),
    "checkpoint": (dl.checkpoint(lambda x: np.sin(x) * 2), X, None),
    "block": (dl.block(np.tanh, name="t", derivative=lambda y, x: 1 - y * y), X, N),
    "number": (lambda x: np.sin(x), np.float64(0.3), 1),
    "matrix argument": (lambda x: x[:, 1:] - x[:, :-1], RNG.normal(size=(3, 4)), 18),
}  # fmt: skip
HESSIANS = {
    "rosenbrock": (rosenbrock, X, 3 * N - 2),
    "arrowhead": (lambda x: np.sum(x[0] * x[1:] ** 2) + x[0] ** 3, X, 3 * N - 2),
    "separable": (lambda x: np.sum(np.sin(x)), X, N),
    "linear": (lambda x: np.sum(3 * x) + x[0], X, 0),
    "dense": (lambda x: np.sum(x) ** 2, X, N * N),
    "log-sum-exp": (lambda x: np.logaddexp.reduce(x), X, N * N),
    "quadratic": (lambda x: x @ (BAND @ x), X, 3 * N - 2),
    "two blocks": (lambda x: np.prod(x[:4]) + np.sum(x[4:]) ** 2, X, None),
    "where": (lambda x: np.sum(np.where(x > 0, x**3, x**2)), X, N),
    "maximum": (lambda x: np.sum(np.maximum(x[1:] ** 2, x[:-1])), X, None),
    "pad and diff": (lambda x: np.sum(np.diff(np.pad(x, 1)) ** 4), X, 3 * N - 2),
    "concatenate": (lambda x: np.sum(np.concatenate([x, x[:1]])[1:] ** 2 * x), X, 3 * N),
    "indices": (lambda x: np.sum(x[PLACES] ** 2 * x[PLACES[::-1]]), X, None),
    "laplacian": (lambda x: sum(np.sum(np.diff(x.reshape(3, 4), axis=k) ** 4) for k in (0, 1)), X, N + 2 * 17),
}  # fmt: skip


def check(got, expected, tight):
    assert sp.issparse(got) and got.format == "csr" and got.has_canonical_format
    dense = np.asarray(expected).reshape(got.shape)
    assert np.allclose(got.toarray(), dense, rtol=1e-12, atol=1e-12)
    if tight is not None:
        assert got.nnz == tight


@pytest.mark.parametrize("mode", ["auto", "forward", "reverse"])
@pytest.mark.parametrize("name", JACOBIANS)
def test_jacobian(name, mode):
    f, x, tight = JACOBIANS[name]
    matrix = dl.jacobian(f, mode=mode, sparse=True)
    for point in (x, x):
        check(matrix(point), dl.jacobian(f)(point), tight)


@pytest.mark.parametrize("name", HESSIANS)
def test_hessian(name):
    f, x, tight = HESSIANS[name]
    matrix = dl.hessian(f, sparse=True)
    for point in (x, -x, x[::-1]):
        check(matrix(point), dl.hessian(f)(point), tight)


ONE_OPERAND = [
    pytest.param(f, shapes[0], id=f"{name}-{k}")
    for name, rows in CASES.items()
    for k, (f, *shapes) in enumerate(rows)
    if len(shapes) == 1
]


@pytest.mark.parametrize("f, shape", ONE_OPERAND)
def test_the_pattern_of_every_array_row_has_all_elements(f, shape):
    """At three points: nothing that the dense Jacobian has may be missing, wherever the pattern was found."""
    points, columns = inputs((shape,))
    first = lambda x: f(x)[0] if isinstance(f(x), tuple | list) else f(x)
    for x in columns[0]:
        pattern = jacobian_pattern(first, points[0])
        dense = np.nan_to_num(dl.jacobian(first)(np.asarray(x))).reshape(-1, max(np.size(x), 0) or 1)
        if dense.shape == pattern.shape:
            assert not np.any(dense[~pattern.toarray()])


def test_a_pattern_holds_at_other_points():
    f = lambda x: np.sum(np.where(x > 0, x * np.roll(x, 1), x**2) + np.maximum(x, np.roll(x, 2)) ** 2)
    matrix = dl.hessian(f, sparse=True)
    for _ in range(5):
        x = RNG.normal(size=N)
        check(matrix(x), dl.hessian(f)(x), None)


def test_another_branch_has_another_pattern():
    f = lambda x: np.sum(x**2) if x[0] > 0 else np.sum(x[1:] * x[:-1])
    matrix = dl.hessian(f, sparse=True)
    check(matrix(np.ones(5)), 2 * np.eye(5), 5)
    check(matrix(-np.ones(5)), np.eye(5, k=1) + np.eye(5, k=-1), 8)
    check(matrix(np.ones(5)), 2 * np.eye(5), 5)


def test_a_branch_with_no_second_derivative():
    f = lambda x: np.sum(x) if x[0] > 0 else np.sum(x**2)
    matrix = dl.hessian(f, sparse=True)
    check(matrix(np.ones(5)), np.zeros((5, 5)), 0)
    check(matrix(-np.ones(5)), 2 * np.eye(5), 5)


def test_matrices_belong_to_the_caller():
    matrix = dl.hessian(rosenbrock, sparse=True)
    first = matrix(X)
    expected = first.toarray()
    first.data[:] = 0.0
    first.eliminate_zeros()
    first.indices[:] = 0
    assert np.array_equal(matrix(X).toarray(), expected)
    assert isinstance(matrix(X) @ X, np.ndarray) and (matrix(X) + matrix(X)).shape == (N, N)


def test_the_program_is_made_once():
    calls = []

    def f(x):
        calls.append(1)
        return rosenbrock(x)

    matrix = dl.hessian(f, sparse=True)
    matrix(X)
    count = len(calls)
    matrix(2 * X)
    assert len(calls) == count


def test_arguments():
    f = lambda x, scale, power, *, shift=0.0: np.sum(scale * (x - shift) ** power)
    matrix = dl.hessian(f, sparse=True)
    check(matrix(X, 2.0, 3, shift=np.ones(N)), np.diag(12 * (X - 1)), N)
    check(matrix(X, 3.0, 2), np.diag(np.full(N, 6.0)), N)
    check(dl.hessian(f, argnums=-2, sparse=True)(X, 1.0, 2), [[0.0]], 0)
    check(dl.jacobian(lambda a, x: a * x, argnums=1, sparse=True)({"a": 2.0}["a"], X), 2 * np.eye(N), N)


@pytest.mark.parametrize(
    "make, args, message",
    [
        (lambda: dl.hessian(rosenbrock, argnums=(0,), sparse=True), None, "argnums"),
        (lambda: dl.hessian(lambda p: np.sum(p["x"]), sparse=True), ({"x": X},), "not a dict"),
        (lambda: dl.jacobian(lambda x: (x, x), sparse=True), (X,), "returns one array"),
        (lambda: dl.jacobian(np.sin, sparse=True), (np.arange(3),), "int64"),
        (lambda: dl.jacobian(np.sin, sparse=True), (X + 1j,), "complex128"),
        (lambda: dl.jacobian(np.sin, argnums=1, sparse=True), (X,), "argnums=1"),
        (lambda: dl.jacobian(np.sin, mode="up", sparse=True), (X,), "mode='up'"),
        (lambda: dl.hessian(np.sin, sparse=True), (X,), "needs a scalar"),
    ],
)
def test_what_has_no_sparse_jacobian_is_refused(make, args, message):
    with pytest.raises(dl.DifflabError, match=message):
        make()(*args)


def test_colours():
    arrow = sp.csr_array(np.eye(9, dtype=bool) | (np.arange(9) == 0) | (np.arange(9) == 0)[:, None])
    assert colouring.first_fit(arrow).max() == 8 and colouring.star(arrow).max() == 1
    band = jacobian_pattern(dl.grad(rosenbrock), X)
    assert colouring.first_fit(band).max() == 2


@given(st.integers(0, 10_000), st.floats(0.05, 0.5))
@settings(max_examples=40, deadline=None)
def test_colourings_recover_every_element(seed, density):
    rng = np.random.default_rng(seed)
    dense = np.where(rng.random((9, 7)) < density, rng.normal(size=(9, 7)), 0.0)
    square = np.where(rng.random((8, 8)) < density, rng.normal(size=(8, 8)), 0.0)
    for matrix, symmetric in ((dense, False), (dense.T, False), (square + square.T, True)):
        pattern = sp.csr_array(matrix != 0)
        plan = colouring.make_plan(pattern, symmetric, "auto", float)
        compressed = plan.seeds @ (matrix.T if plan.forward else matrix)
        got = sp.csr_array((compressed[plan.colour, plan.place], pattern.indices, pattern.indptr), matrix.shape)
        assert np.allclose(got.toarray(), matrix)


UNARY = [np.sin, np.exp, np.square, lambda x: np.maximum(x, 0.1), lambda x: np.roll(x, 1), lambda x: x[::-1], np.cumsum,
         lambda x: np.concatenate([x[2:], x[:2]]), lambda x: np.pad(x[1:], (0, 1)), lambda x: BAND[:6, :6] @ x,
         lambda x: np.where(x > 0, x, x * x), lambda x: x[np.array([5, 0, 0, 3, 2, 1])], lambda x: x - np.mean(x),
         lambda x: np.repeat(x[:3], 2), lambda x: np.sort(x), lambda x: x.reshape(2, 3).T.ravel()]  # fmt: skip
BINARY = [np.add, np.multiply, np.subtract, np.maximum, lambda a, b: np.outer(a, b)[1], lambda a, b: a * b[0]]


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=7), st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_random_programs(steps, seed):
    def f(x):
        values = [x, 0.5 * x]
        for which, place in steps:
            if which % 2:
                values.append(UNARY[which % len(UNARY)](values[place % len(values)]))
            else:
                values.append(BINARY[which % len(BINARY)](values[place % len(values)], values[-1]))
            values[-1] = np.tanh(values[-1])  # keeps the numbers small
        return values[-1]

    x = np.random.default_rng(seed).normal(size=6)
    check(dl.jacobian(f, sparse=True)(x), dl.jacobian(f)(x), None)
    g = lambda x: np.sum(f(x) ** 2)
    got = dl.hessian(g, sparse=True)(x)
    assert np.allclose(got.toarray(), dl.hessian(g)(x), rtol=1e-9, atol=1e-10)
