"""Sparse Jacobians and Hessians: equal to the dense ones, patterns as tight as they should be, few colours."""

from __future__ import annotations

import numpy as np
import optree
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
        (lambda: dl.hessian(rosenbrock, argnums=(0, 1), sparse=True), (X,), "argnums"),
        (lambda: dl.hessian(lambda p: np.sum(p["x"]), sparse=True), ({"x": X, "n": "1"},), "not a str"),
        (lambda: dl.jacobian(lambda x: (x, "x"), sparse=True), (X,), "returns arrays, not 'x'"),
        (lambda: dl.jacobian(np.sin, pattern=np.eye(N)), (X,), "needs sparse=True"),
        (lambda: dl.hessian(np.sum, pattern=np.eye(N)), (X,), "needs sparse=True"),
        (lambda: dl.jacobian(np.sin, sparse=True, pattern=np.eye(3)), (X,), r"pattern of shape \(3, 3\)"),
        (lambda: dl.jacobian(np.sin, sparse=True, pattern=np.eye(N, k=1)), (X,), "lacks elements"),
        (lambda: dl.jacobian(np.cumsum, sparse=True, pattern=np.eye(N)), (X,), "row 1 and 10 others"),
        (lambda: dl.hessian(rosenbrock, sparse=True, pattern=np.tri(N)), (X,), "not symmetric"),
        (lambda: dl.jacobian(np.sin, sparse=True, pattern=X), (X,), "it is a matrix"),
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


def test_trees():
    """Nested as the dense matrices are: a block for each leaf of the output and, in it, of the argument."""
    f = lambda p: {"near": p["a"][1:] * p["a"][:-1] * p["b"][0], "far": (np.outer(p["b"], p["b"]), p["a"][0] ** 2)}
    tree = {"a": X[:5], "b": X[5:8], "c": (np.float64(2.0), X[:4].reshape(2, 2).astype(np.float32))}
    for mode in ("auto", "forward", "reverse"):
        for at in (tree, tree):
            sparse, dense = dl.jacobian(f, mode=mode, sparse=True)(at), dl.jacobian(f)(at)
            blocks, whole = optree.tree_leaves(sparse), optree.tree_leaves(dense)
            assert len(blocks) == len(whole) == 3 * 4
            for block, values in zip(blocks, whole):
                check(block, values, None)
    assert sparse["near"]["c"][1].nnz == 0 and sparse["near"]["a"].nnz == 8
    assert sparse["far"][0]["b"].shape == (9, 3)
    g = lambda p, x: np.sum(p["a"] ** 2 * x) + x[0] ** 3
    blocks = dl.hessian(g, argnums=(0, 1), sparse=True)({"a": X[:3]}, X[3:6])
    for got, want in zip(optree.tree_leaves(blocks), optree.tree_leaves(dl.hessian(g, (0, 1))({"a": X[:3]}, X[3:6]))):
        check(got, want, None)


@pytest.mark.parametrize("pattern", [np.eye(N, dtype=bool), sp.eye_array(N), sp.coo_matrix(np.eye(N))])
def test_a_pattern_may_be_given(pattern):
    check(dl.jacobian(np.sin, sparse=True, pattern=pattern)(X), np.diag(np.cos(X)), N)


def test_a_given_pattern_keeps_zeros_and_may_be_tighter_than_the_one_that_is_found():
    wide = sp.csr_array(sp.eye_array(N) + sp.eye_array(N, k=2))
    wide.data[1::2] = 0.0
    stored = sp.csr_array((np.zeros(wide.nnz), wide.indices, wide.indptr), shape=wide.shape)
    check(dl.jacobian(np.sin, sparse=True, pattern=stored)(X), np.diag(np.cos(X)), wide.nnz)
    sorting = lambda x: np.sort(x)[::-1] ** 2  # may be anywhere, and stays where it is
    at = np.arange(float(N))
    check(dl.jacobian(sorting, sparse=True)(at), dl.jacobian(sorting)(at), N * N)
    check(dl.jacobian(sorting, sparse=True, pattern=np.eye(N)[::-1])(at), dl.jacobian(sorting)(at), N)
    assert dl.hessian(rosenbrock, sparse=True, pattern=np.ones((N, N)))(X).nnz == N * N


def test_compiled_functions_return_and_use_sparse_matrices():
    matrix = dl.hessian(rosenbrock, sparse=True)
    want = dl.hessian(rosenbrock)(X)
    f = dl.compile(lambda x, v: (matrix(x), matrix(x) @ v, matrix(x).T @ np.outer(v, v), matrix(x).diagonal()))
    for _ in range(3):
        whole, product, products, diagonal = f(X, X[::-1].copy())
        check(whole, want, 3 * N - 2)
        assert np.allclose(product, want @ X[::-1])
        assert np.allclose(products, want.T @ np.outer(X[::-1], X[::-1])) and np.allclose(diagonal, np.diag(want))
    inside = lambda x: np.sum(dl.jacobian(lambda x: x[1:] ** 2 * x[:-1], sparse=True)(x).toarray() ** 2)
    dense = lambda x: np.sum(dl.jacobian(lambda x: x[1:] ** 2 * x[:-1])(x) ** 2)
    for take in (lambda f: f, dl.compile):
        assert np.allclose(take(dl.grad(inside))(X), dl.grad(dense)(X))
    blocks = dl.compile(dl.jacobian(lambda p: p["a"] * p["b"], sparse=True))({"a": X, "b": 2 * X})
    check(blocks["a"], np.diag(2 * X), N)
    wide = dl.compile(lambda x: dl.jacobian(lambda x: x[:3] * x[5], sparse=True)(x).T @ np.ones(3))
    assert np.allclose(wide(X), dl.jacobian(lambda x: x[:3] * x[5])(X).T @ np.ones(3))


def test_a_traced_matrix_says_what_it_has():
    def uses(what):
        return dl.grad(lambda x: np.sum(what(dl.jacobian(np.sin, sparse=True)(x))))

    for what, message in (
        (lambda m: m.tocsc(), "has no 'tocsc'.*m.toarray"),
        (lambda m: m @ np.ones(3), r"shape \(12, 12\) @ an array of shape \(3,\)"),
        (lambda m: dl.vmap(lambda x: dl.jacobian(np.sin, sparse=True)(x))(np.ones((2, 3))) @ X, "batch of sparse"),
    ):
        with pytest.raises((dl.DifflabError, AttributeError), match=message):
            uses(what)(X)


def bipartite(observations, cameras, points, seed=0):
    """The pattern of residuals of which each depends on a camera, a point and a weight of its own."""
    rng = np.random.default_rng(seed)
    camera, point = rng.integers(0, cameras, observations), rng.integers(0, points, observations)
    rows = np.repeat(np.arange(observations), 3)
    columns = np.stack([camera, cameras + point, cameras + points + np.arange(observations)], axis=1).ravel()
    shape = (observations, cameras + points + observations)
    return sp.csr_array((np.ones(rows.size, bool), (rows, columns)), shape=shape)


def test_the_side_that_needs_fewer_colours_is_found_without_colouring_the_other(monkeypatch):
    pattern, sides, fit = bipartite(1200, 4, 800), [], colouring.first_fit
    monkeypatch.setattr(colouring, "first_fit", lambda pattern: sides.append(pattern.shape) or fit(pattern))
    forward, colours = colouring.direction(pattern, "auto")
    assert forward and colouring.count(colours) == 3 and sides == [pattern.shape]
    forward, colours = colouring.direction(sp.csr_array(pattern.T), "auto")
    assert not forward and colouring.count(colours) == 3 and sides[1:] == [pattern.shape]


def test_where_bounds_do_not_tell_both_sides_are_coloured():
    """Rows of two elements, of which each pair of columns shares one: no two columns may have one colour."""
    pairs = np.array([(i, j) for i in range(4) for j in range(i)])
    shape = (len(pairs), 4)
    pattern = sp.csr_array((np.ones(2 * len(pairs), bool), (np.repeat(np.arange(len(pairs)), 2), pairs.ravel())), shape)
    assert colouring.count(colouring.first_fit(pattern)) == 4
    forward, colours = colouring.direction(pattern, "auto")
    assert not forward and colouring.count(colours) == 3
    assert colouring.direction(pattern, "forward")[0] and not colouring.direction(pattern, "reverse")[0]


def test_ten_thousand_rows_that_share_a_column_are_coloured_at_once():
    pattern = sp.csr_array(bipartite(20_000, 2, 800).T)
    assert 10_000 <= colouring.count(colouring.first_fit(pattern)) <= 10_200


def test_the_fullest_first_may_need_fewer_colours():
    """A crown: in the order of its columns the first free colour is a bad one, and the fullest column tells."""
    pattern = sp.csr_array(np.array([[1, 0, 0, 1], [0, 1, 1, 0], [0, 0, 1, 1], [0, 1, 0, 0]], bool))
    for order in ([0, 1, 2, 3], [3, 2, 1, 0]):
        colours = colouring.in_order(sp.csc_array(pattern), np.array(order))
        assert all(
            len({colours[j] for j in row}) == len(row) for row in np.split(pattern.indices, pattern.indptr[1:-1])
        )
    assert colouring.count(colouring.first_fit(pattern)) == 2


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
