"""vmap: every row against a loop over the batch, nesting with the derivatives, axes, structures, refusals."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from array_cases import CASES, CONSTANT
from test_primitives_linalg import CASES as LINALG

import difflab as dl
from difflab import primitives
from difflab.differentiate import batching
from difflab.graph.traced import apply

RNG = np.random.default_rng(11)
ELEMENTWISE = [row for row in primitives.table() if row.kind == "elementwise"]
# Rows that run once for each element of the batch: what they return has a shape that depends on values, mixes
# two operands that differ, or is one truth value for a whole array.
LOOPED = {
    "allclose", "argwhere", "array_equal", "array_equiv", "bincount", "flatnonzero", "interval", "lexsort",
    "nonzero", "unique_places",
}  # fmt: skip

NOT_NUMBERS = ("result_type", "common_type")
NOT_HANDED_OVER = (
    CASES["interp"][3],
    CASES["pad"][12],
    *CASES["pad"][15:],
)  # NumPy keeps the call where only this operand is traced


def leaves(y):
    return list(y) if isinstance(y, tuple | list) else [y]


def same(a, b, tolerance=1e-12):
    a, b = leaves(a), leaves(b)
    return len(a) == len(b) and all(
        np.shape(p) == np.shape(q) and np.allclose(p, q, rtol=tolerance, atol=tolerance, equal_nan=True)
        for p, q in zip(a, b)
    )


def looped(f, xs, axes):
    n = next(len(x) for x, axis in zip(xs, axes) if axis == 0)
    ys = [f(*[x if axis is None else x[i] for x, axis in zip(xs, axes)]) for i in range(n)]
    if isinstance(ys[0], tuple | list):
        return [np.stack(part) for part in zip(*ys)]
    return np.stack(ys)


def inputs(shapes):
    """The point of a case, and a batch of three: the point, turned round and negated, and stretched."""
    rng = np.random.default_rng(7)
    points, columns = [], []
    for s in shapes:
        x = s if isinstance(s, np.ndarray) else rng.permutation(int(np.prod(s))).reshape(s) * 0.37 - 1.3
        points.append(np.asarray(x, float))
        columns.append(np.stack([x, -np.flip(x), 1.3 * x + 0.01]).astype(float))
    return points, columns


def choices(points, columns):
    """Each operand batched by itself, and all of them."""
    n = len(points)
    for chosen in {tuple(k == j for k in range(n)) for j in range(n)} | {(True,) * n}:
        yield (
            [c if has else p for has, c, p in zip(chosen, columns, points)],
            tuple(0 if has else None for has in chosen),
        )


def cases(table):
    return [pytest.param(name, case, id=f"{name}-{k}") for name, rows in table.items() for k, case in enumerate(rows)]


def compare(f, xs, axes, tolerance=1e-12):
    try:
        expected = looped(f, xs, axes)
    except ValueError:  # shapes that differ between the elements
        with pytest.raises(dl.DifflabError, match="vmap"):
            dl.vmap(f, axes)(*xs)
        return
    with np.errstate(all="ignore"):
        assert same(dl.vmap(f, axes)(*xs), expected, tolerance)


@pytest.mark.parametrize("name, case", cases(CASES) + cases(CONSTANT))
def test_array_row(name, case):
    for xs, axes in choices(*inputs(case[1:])):
        if name in NOT_NUMBERS:
            with pytest.raises(dl.DifflabError, match="not a number"):
                dl.vmap(case[0], axes)(*xs)
        elif axes[0] == 0 or case not in NOT_HANDED_OVER:
            compare(case[0], xs, axes)


@pytest.mark.parametrize("name, case", cases(LINALG))
def test_linear_algebra_row(name, case):
    f, points = case
    columns = [np.stack([p, 1.1 * np.asarray(p), 0.8 * np.asarray(p)]) for p in points]
    for xs, axes in choices(list(map(np.asarray, points)), columns):
        compare(f, xs, axes, 1e-9)


DIFFERENTIABLE = [
    pytest.param(f, points, columns, id=f"{name}-{k}")
    for name, rows in CASES.items()
    for k, (f, *shapes) in enumerate(rows)
    for points, columns in [inputs(shapes)]
] + [
    pytest.param(f, points, [np.stack([p, 1.1 * np.asarray(p)]) for p in points], id=f"{name}-{k}")
    for name, rows in LINALG.items()
    for k, (f, points) in enumerate(rows)
]


@pytest.mark.parametrize("f, points, columns", DIFFERENTIABLE)
def test_derivatives_of_a_row(f, points, columns):
    """The gradient of each element of the batch: of the rule, and by the rules that the derivative uses."""

    def total(*xs):
        ys = leaves(f(*xs))
        return sum(np.sum(np.real(y * np.cos(np.arange(np.size(y), dtype=float)).reshape(np.shape(y)))) for y in ys)

    k = tuple(range(len(points)))
    gradient = dl.grad(total, k)
    with np.errstate(all="ignore"):
        try:
            expected = [np.stack(part) for part in zip(*[gradient(*xs) for xs in zip(*columns)])]
            dl.vmap(f)(*columns)
        except ValueError:
            pytest.skip("shapes differ between the elements")
        for got in (dl.vmap(gradient)(*columns), dl.grad(lambda *xs: np.sum(dl.vmap(total)(*xs)), k)(*columns)):
            assert same([np.nan_to_num(g) for g in got], [np.nan_to_num(g) for g in expected], 1e-8)


@pytest.mark.parametrize("name, case", cases(CASES))
def test_single_precision_is_kept(name, case):
    columns = [c.astype(np.float32) for c in inputs(case[1:])[1]]
    try:
        expected = looped(case[0], columns, (0,) * len(columns))
    except ValueError:
        return
    with np.errstate(all="ignore"):
        got = dl.vmap(case[0])(*columns)
    assert [y.dtype for y in leaves(got)] == [y.dtype for y in leaves(expected)]


@pytest.mark.parametrize("row", ELEMENTWISE, ids=lambda row: row.name)
def test_elementwise_row(row):
    count = max(len(row.partials), len(row.domain) if row.name != "where" else 3, 1)
    if row.name in ("logical_not", "isnan", "isinf", "isfinite", "signbit"):
        count = 1
    params = row.examples[0] if row.examples and isinstance(row.examples[0], dict) else {}
    f = lambda *xs: apply(row, xs, params)
    points = [np.array([0.3, 0.6, 0.9]), np.array(0.45), np.array([[0.2], [0.7]])][:count]
    if row.name.startswith("bitwise") or row.name == "invert":
        points = [np.arange(1, 1 + p.size).reshape(p.shape) for p in points]
    if row.name == "ldexp":
        points[1] = np.array(2)
    try:
        f(*points)
    except TypeError:
        points = points[:1] if count == 2 else [*points, np.array(0.35)]
        try:
            f(*points)
        except TypeError:
            pytest.skip("not a row of plain operands")
    columns = [np.stack([p, p + p, p * p]) for p in points]
    for xs, axes in choices(points, columns):
        compare(f, xs, axes, 1e-14)


def test_which_rows_run_once_for_each_element(monkeypatch):
    seen = set()
    loop = batching.one_by_one

    def spy(m, row, *rest, **params):
        seen.add(row.name)
        return loop(m, row, *rest, **params)

    monkeypatch.setattr(batching, "one_by_one", spy)
    for rows in (CASES | CONSTANT).values():
        for f, *shapes in rows:
            for xs, axes in choices(*inputs(shapes)):
                with contextlib.suppress(dl.DifflabError):
                    dl.vmap(f, axes)(*xs)
    for rows in LINALG.values():
        for f, points in rows:
            columns = [np.stack([p, p]) for p in map(np.asarray, points)]
            for xs, axes in choices(points, columns):
                dl.vmap(f, axes)(*xs)
    assert seen == LOOPED


X, Y = RNG.normal(size=(4, 3)), RNG.normal(size=(4, 3))
W = RNG.normal(size=(3, 3))
FUNCTIONS = {
    "elementwise": lambda x: np.sum(np.sin(x) * x[::-1] ** 2),
    "product": lambda x: np.tanh(W @ x) @ x,
    "solve": lambda x: np.sum(np.linalg.solve(W @ W.T + np.diag(x * x) + np.eye(3), x)),
    "norm": lambda x: np.linalg.norm(x) + np.max(x) * np.prod(x),
    "scan": lambda x: np.cumprod(np.cumsum(x))[-1] + np.var(x),
    "index": lambda x: x[np.array([0, 2, 2])] @ np.outer(x, x)[:, 1],
    "where": lambda x: np.sum(np.where(x > 0, x**3, np.exp(x))) + np.max(np.sort(x)[1:]),
    "checkpoint": dl.checkpoint(lambda x: np.sum(np.sin(x) * x)),
    "block": lambda x: np.sum(dl.block(np.tanh, name="t", derivative=lambda y, x: 1 - y * y)(x)),
}


@dl.custom_gradient
def clipped(x):
    return np.sum(x**3), lambda g: g * np.minimum(x * x, 1.0)


FUNCTIONS["custom"] = clipped
over = lambda f, *xs: np.stack([f(*x) for x in zip(*xs)])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_derivatives_nest(name):
    f = FUNCTIONS[name]
    g, v = dl.grad(f), dl.vmap(f)
    assert same(v(X), over(f, X))
    assert same(dl.vmap(g)(X), over(g, X), 1e-10)
    assert same(dl.grad(lambda x: np.sum(v(x)))(X), over(g, X), 1e-10)
    assert same(dl.vmap(dl.value_and_grad(f))(X)[1], over(g, X), 1e-10)
    assert same(dl.jvp(v, (X,), (Y,))[1], np.sum(over(g, X) * Y, axis=1), 1e-10)
    hessians = over(dl.hessian(f), X)
    assert same(dl.vmap(dl.hessian(f))(X), hessians, 1e-9)
    assert same(dl.hvp(lambda x: np.sum(v(x)))(X, Y), np.einsum("nij,nj->ni", hessians, Y), 1e-9)
    assert same(dl.vmap(dl.hvp(f))(X, Y), np.einsum("nij,nj->ni", hessians, Y), 1e-9)
    assert same(dl.vmap(dl.vmap(f))(np.stack([X, Y])), np.stack([v(X), v(Y)]), 1e-10)
    inner = lambda x: np.sum(dl.vmap(lambda s: f(s * x))(np.array([1.0, 2.0])))
    assert same(dl.vmap(dl.grad(inner))(X), over(dl.grad(inner), X), 1e-9)
    assert same(dl.compile(dl.vmap(g))(X), over(g, X), 1e-10)


def test_a_jacobian_is_vmap_of_the_pullback_or_of_the_tangent():
    f = lambda x: np.tanh(W @ x) * x
    expected = dl.jacobian(f)(X[0])
    pullback = dl.vjp(f, X[0])[1]
    assert same(dl.vmap(lambda ct: pullback(ct)[0])(np.eye(3)), expected)
    assert same(dl.vmap(lambda t: dl.jvp(f, (X[0],), (t,))[1], out_axes=1)(np.eye(3)), expected)


def test_values_of_outer_traces_are_the_same_for_the_batch():
    total = lambda w: np.sum(dl.vmap(lambda x: np.tanh(w @ x))(X) ** 2)
    loop = lambda w: sum(np.sum(np.tanh(w @ x) ** 2) for x in X)
    assert same(dl.grad(total)(W), dl.grad(loop)(W))
    assert same(dl.hvp(total)(W, W), dl.hvp(loop)(W, W))


@pytest.mark.parametrize(
    "in_axes, out_axes, args, expected",
    [
        (1, 0, (X,), X.T * 2),
        (-1, 0, (X,), X.T * 2),
        (0, 1, (X,), 2 * X.T),
        (0, -1, (X,), 2 * X.T),
        ((0,), 0, (X,), 2 * X),
    ],
)
def test_axes(in_axes, out_axes, args, expected):
    assert same(dl.vmap(lambda x: 2 * x, in_axes, out_axes)(*args), expected)


def test_structures_of_arguments_and_results():
    f = lambda p, x, scale=1.0: {"y": scale * (p["w"] @ x + p["b"][0]), "n": p["b"][0], "k": 7}
    p = {"w": RNG.normal(size=(4, 2, 3)), "b": (RNG.normal(size=4), None)}
    got = dl.vmap(f, (0, None))(p, X[0])
    assert same(got["y"], np.stack([p["w"][i] @ X[0] + p["b"][0][i] for i in range(4)]))
    assert same(got["k"], np.full(4, 7))
    got = dl.vmap(f, ({"w": None, "b": 0}, 0), {"y": 1, "n": 0, "k": None})(
        {"w": W[:2], "b": p["b"]}, X, scale=np.ones(4)
    )
    assert same(got["y"], (X @ W[:2].T + p["b"][0][:, None]).T)
    assert same(got["n"], p["b"][0]) and got["k"] == 7


INDICES = np.array([[0, 2], [1, 1], [2, 0]])
READS = {
    "one": lambda x, i: x[i[0]],
    "several": lambda x, i: x[i],
    "behind": lambda x, i: x[:, i],
    "side by side": lambda x, i: x[:, i, i],
    "apart": lambda x, i: x[i, :, i],
    "apart with a number": lambda x, i: x[0, :, i],
    "with a new axis": lambda x, i: x[:, None, i],
    "with dots": lambda x, i: x[..., i],
    "grid": lambda x, i: x[i[:, None], i[None, :]],
    "of known places": lambda x, i: x[i, :, np.array([0, 1])],
    "two numbers": lambda x, i: x[i[0], :, i[1]],
    "behind, a number": lambda x, i: x[:, i[0]],
    "take": lambda x, i: np.take(x, i, axis=1),
    "take, wrapped": lambda x, i: np.take(x, i + 3, axis=2, mode="wrap"),
    "take_along_axis": lambda x, i: np.take_along_axis(x, np.broadcast_to(i[:, None, None], (2, 3, 3)), axis=0),
    "known mask": lambda x, i: x[np.array([True, False, True])] * i[0],
    "known mask behind": lambda x, i: x[:, np.array([True, False, True]), i],
    "slices": lambda x, i: x[1:, ::-1, None, 0] * i[0],
}


@pytest.mark.parametrize("name", READS)
def test_batches_of_arrays_and_of_indices(name):
    x = RNG.normal(size=(3, 3, 3))
    batch = RNG.normal(size=(3, 3, 3, 3))
    f = READS[name]
    weights = np.cos(np.arange(np.size(f(x, INDICES[0]))))
    total = lambda x, i: np.sum(f(x, i).ravel() * weights)
    for axes, xs in (((0, 0), (batch, INDICES)), ((None, 0), (x, INDICES)), ((0, None), (batch, INDICES[0]))):
        compare(f, xs, axes)
        whole = lambda x, axes=axes, i=xs[1]: np.sum(dl.vmap(total, axes)(x, i))
        expected = looped(dl.grad(total), xs, axes)
        expected = expected if axes[0] == 0 else np.sum(expected, axis=0)
        assert same(dl.grad(whole)(xs[0]), expected)


def test_a_branch_must_be_the_same_for_the_batch():
    f = lambda x: x * 2 if x > 0 else -x
    assert same(dl.vmap(f)(np.array([1.0, 2.0])), np.array([2.0, 4.0]))
    for g in (f, dl.grad(f), lambda x: dl.vmap(f)(np.stack([x, x]))):
        with pytest.raises(dl.errors.TraceError, match=r"np.where or dl.cond"):
            dl.vmap(g)(np.array([1.0, -2.0]))
    program = dl.compile(dl.vmap(f))
    assert same(program(np.array([1.0, 2.0])), np.array([2.0, 4.0]))
    assert same(program(np.array([-1.0, -2.0])), np.array([1.0, 2.0]))


def test_shapes_that_differ_in_the_batch_are_refused():
    with pytest.raises(dl.errors.ShapeError, match="flatnonzero"):
        dl.vmap(lambda x: x[np.flatnonzero(x > 0)])(np.array([[1.0, -1.0], [1.0, 1.0]]))


@pytest.mark.parametrize(
    "f, in_axes, out_axes, args, message",
    [
        (3, 0, 0, (X,), "not a function"),
        (np.sin, 0, 0, (1.0,), "no axis 0"),
        (np.sin, 2, 0, (X,), "no axis 2"),
        (np.add, 0, 0, (X, X[:2]), r"sizes, \[2, 4\]"),
        (np.add, None, 0, (X, X), "no argument with a batch"),
        (np.add, (0,), 0, (X, X), "1 entries for 2"),
        (np.sin, "0", 0, (X,), "in_axes='0'"),
        (np.sin, ((0, 0),), 0, (X,), "does not fit"),
        (np.sin, 0, None, (X,), "out_axes=None"),
        (np.sin, 0, 3, (X,), "out_axes=3"),
        (lambda x: None, 0, 0, (X,), "returned None"),
        (np.sin, 0, 0, (np.array(["a"]),), "dtype"),
    ],
)
def test_axes_that_do_not_fit_are_refused(f, in_axes, out_axes, args, message):
    with pytest.raises(dl.DifflabError, match=message):
        dl.vmap(f, in_axes, out_axes)(*args)


def test_an_empty_batch():
    assert dl.vmap(lambda x: np.tanh(W @ x))(np.zeros((0, 3))).shape == (0, 3)


def test_results_belong_to_the_caller():
    y = dl.vmap(lambda x: x)(X)
    assert not np.may_share_memory(y, X)
    assert dl.vmap(lambda x: W)(X).flags.writeable


MASK, PLACE = np.array([[1, 0, 1, 1, 0], [0, 0, 1, 0, 0], [1, 1, 0, 0, 1]], bool), np.array([[0], [1]])
MASKED = [
    (lambda x, m: x[m], MASK), (lambda x, m: x[m, 0], MASK), (lambda x, m: x[m, :, 0], MASK),
    (lambda x, m: x[:, m, 0], MASK[1]), (lambda x, m: x[:, m, :, 0], MASK[1]),
    (lambda x, m: x[:, m, :, PLACE], MASK[1]),
    (lambda x, m: x[m, :, PLACE], MASK), (lambda x, m: x[m, PLACE], MASK), (lambda x, m: x[0, :, 0][m], MASK[1]),
]  # fmt: skip


@pytest.mark.parametrize("k", range(len(MASKED)))
def test_a_mask_beside_other_places_for_each_element_of_a_batch(k):
    f, mask = MASKED[k]
    x = np.random.default_rng(0).normal(size=(4, 3, 5, 2, 6))
    g = dl.grad(lambda x, m: np.sum(np.sin(f(x, m))))
    for h in (f, g):
        want = np.stack([h(one, mask) for one in x])
        found = dl.vmap(h, in_axes=(0, None))(x, mask)
        assert found.shape == want.shape
        np.testing.assert_allclose(found, want, atol=1e-15)
