"""The native backend: the same results as NumPy's, machine code where there can be some, and a clear word where not."""

from __future__ import annotations

import sys
import threading
import warnings

import numpy as np
import pytest

import difflab as dl
from difflab.compile import native, native_math, native_region

numba = pytest.importorskip("numba")

N = 70_000
RNG = np.random.default_rng(3)
X, Y = RNG.normal(size=N), RNG.uniform(0.5, 2.0, size=N)
ROWS, COLUMN, ROW = RNG.normal(size=(20_000, 7)), RNG.normal(size=(20_000, 1)), RNG.normal(size=7)

SCALAR = [
    (lambda x, y: 1.0 / (1.0 + np.exp(-(x * y + x))), (0.3, -2.0)),
    (lambda x, y: np.sin(x) * np.cosh(y) + np.hypot(x, y) ** 3, (0.3, -2.0)),
    (lambda x, y: np.where(x > y, np.log1p(x * x), np.expm1(y)) + np.cbrt(x - y), (0.3, -2.0)),
    (lambda x, y: np.logical_and(x > 0, y < 0) * x + np.tanh(y / x), (0.3, -2.0)),
    (lambda x, y: (x, {"y": y, "p": [x * y, np.sqrt(abs(x))]}), (0.3, -2.0)),
    (lambda x, y: x**y + np.exp2(x) - np.log2(abs(y)) + abs(y), (0.3, -2.0)),
]
ARRAYS = [
    (lambda x, y: np.sum(np.tanh(x) * np.exp(-x * x) + np.sin(3.0 * x) * np.log1p(x * x)), (X, Y)),
    (lambda x, y: np.sum((x - y) ** 3 / y + np.sqrt(y) * x - np.abs(x)), (X, Y)),
    (lambda x, y: np.sum(np.maximum(x, y) * np.minimum(x, 0.3) + np.where(x > y, x * y, x / y)), (X, Y)),
    (lambda x, y: np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - y[:-1]) ** 2), (X, Y)),
    (lambda x, y: np.sum((x - y) ** 4 * (x > 0.0)) + np.sum(y / (1.0 + x * x)), (X, Y)),
    (lambda x, y: np.sum(x.reshape(-1, 7) * 2.0 + 1.0 / y.reshape(-1, 7)) * np.sum(x * y - x), (X, Y)),
    (lambda a, b, c: np.sum((a * b + c) ** 2 / (1.0 + a * a) - b * c), (ROWS, COLUMN, ROW)),
    (lambda a, b, c: np.sum(np.sum(a * c - b, axis=1) ** 3 + a[:, 2] * a[:, 3] - b[:, 0]), (ROWS, COLUMN, ROW)),
    (lambda a, b, c: np.sum((a[:, 1:4] - b) * (a[:, 2:5] + 1.0) * c[1:4]), (ROWS, COLUMN, ROW)),
    (lambda a, b, c: np.sum((a - np.max(a, axis=1, keepdims=True)) * c * b + 1.0), (ROWS, COLUMN, ROW)),
]


def agree(found, wanted, rtol=1e-13):
    found, wanted = map(dl_leaves, (found, wanted))
    assert len(found) == len(wanted)
    for a, b in zip(found, wanted):
        a, b = np.asarray(a), np.asarray(b)
        assert a.dtype == b.dtype and a.shape == b.shape
        finite = np.abs(b[np.isfinite(b)])
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * (finite.max() if finite.size else 0.0))


def dl_leaves(x):
    import optree

    return optree.tree_leaves(x)


def both(f, *args, **options):
    """The results of two backends, each from its program and not from the trace."""
    programs = [dl.compile(f, backend=b, **options) for b in ("numpy", "native")]
    for program in programs:
        program(*args)
        program(*args)
    return [p(*args) for p in programs], programs[1]


@pytest.mark.parametrize("f, args", SCALAR)
@pytest.mark.parametrize("kind", [float, np.float64])
def test_numbers(f, args, kind):
    args = tuple(map(kind, args))
    (plain, found), program = both(f, *args)
    agree(found, plain)
    for a, b in zip(dl_leaves(found), dl_leaves(plain)):
        assert type(a) is type(b)
    assert "the whole program" in program.explain()
    scalar = lambda *xs: sum(y * 1.0 for y in dl_leaves(f(*xs)))
    (plain, found), _ = both(dl.value_and_grad(scalar, argnums=(0, 1)), *args)
    agree(found, plain)


@pytest.mark.parametrize("f, args", ARRAYS)
@pytest.mark.parametrize("dtype, rtol", [(np.float64, 1e-13), (np.float32, 1e-5)])
def test_arrays(f, args, dtype, rtol):
    args = tuple(x.astype(dtype) for x in args)
    f = dl.value_and_grad(f, argnums=tuple(range(len(args))))
    (plain, found), program = both(f, *args)
    agree(found, plain, rtol)
    agree(found, f(*args), rtol)
    assert "operations are native" in program.explain() and "def loop_rows_" in program.source


EDGES = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 1e-320, 1e300, -1e300])


@pytest.mark.parametrize(
    "f",
    [
        lambda x, y: 1.0 / x + y / x,
        lambda x, y: np.maximum(x, y) - np.minimum(x, y) * 2.0,
        lambda x, y: np.log(x) + np.sqrt(y) * x,
        lambda x, y: np.where(x > y, x, y) * np.where(x == y, 1.0, -1.0),
        lambda x, y: np.abs(x) * x**3 + np.floor(y) - x,
        lambda x, y: 1.0 * (np.logical_or(x < y, np.isnan(x)) + 0.0) + (x != y) * 2.0,
        lambda x, y: np.exp(x) * np.tanh(y) - np.cosh(x),
    ],
)
def test_not_a_number_and_infinity_are_those_of_numpy(f):
    x, y = (v.ravel() for v in np.meshgrid(EDGES, EDGES))
    with np.errstate(all="ignore"):
        x_many, y_many = np.tile(x, 2000), np.tile(y, 2000)
        (plain, found), _ = both(f, x_many, y_many)
        np.testing.assert_array_equal(found, plain)
        program = dl.compile(f, backend="native")
        for a, b in zip(x.tolist(), y.tolist()):
            np.testing.assert_allclose(program(a, b), f(np.float64(a), np.float64(b)), rtol=1e-13)


def test_branches_choose_the_program():
    program = dl.compile(dl.grad(lambda x: x * x if x > 0 else -x), backend="native")
    for x in (2.0, -1.0, 3.0, -2.0, 0.0):
        assert program(x) == (2 * x if x > 0 else -1.0)


def test_closures_and_other_arguments():
    scale = 2.0
    program = dl.compile(lambda x: x * scale, backend="native")
    assert program(3.0) == 6.0
    scale = 5.0
    assert program(3.0) == 15.0 and program(4) == 20 and program(np.float32(2)).dtype == np.float32
    assert dl.grad(program)(1.0) == 5.0
    agree(program(np.ones(3)), np.full(3, 5.0))


def test_names_that_the_text_uses_itself():
    def f(type, native, np_):
        return type * native + np_

    program = dl.compile(f, backend="native")
    assert program(2.0, 3.0, 1.0) == program(2.0, 3.0, 1.0) == 7.0


@pytest.mark.parametrize("k", [0, 5, 7])
def test_the_number_of_threads_changes_no_digit(k, monkeypatch):
    f, args = ARRAYS[k]
    args = [np.concatenate([x] * 8) if x.shape[0] > 100 else x for x in args]
    results = []
    for n in (1, 2, 3):
        monkeypatch.setenv("DIFFLAB_THREADS", str(n))
        (_, found), _ = both(dl.value_and_grad(f), *args)
        results.append(found)
    for found in results[1:]:
        assert found[0] == results[0][0] and np.array_equal(found[1], results[0][1])


def test_programs_run_in_several_threads_at_once():
    f, args = ARRAYS[0]
    program = dl.compile(dl.value_and_grad(f), backend="native")
    wanted, results = program(*args), []
    threads = [threading.Thread(target=lambda: results.append(program(*args))) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(results) == 4
    for found in results:
        agree(found, wanted)


def test_strided_read_only_and_donated_arrays():
    f = lambda w, g: (w - 0.1 * g * g, np.sum(w * g))
    w, g = RNG.normal(size=(300, 200)), RNG.normal(size=(300, 200))
    wanted = f(w, g)
    frozen = np.broadcast_to(g, g.shape)
    for donate in ((), (0,)):
        program = dl.compile(f, backend="native", donate_argnums=donate)
        for _ in range(3):
            agree(program(w.copy(), frozen), wanted)
            agree(program(np.asfortranarray(w), np.repeat(g, 2, axis=1)[:, ::2]), wanted)


def test_functions_alone_of_strided_arrays():
    program = dl.compile(lambda x: np.exp(np.sin(x)) * np.cos(x), backend="native")
    for x in (RNG.normal(size=(2, 4 * N))[1, ::2], RNG.normal(size=(500, 400)).T):
        agree([program(x) for _ in range(3)][2], np.exp(np.sin(x)) * np.cos(x))


def test_integers_and_truth_values_stay_with_numpy_or_are_cast():
    f = lambda x, n, c: np.where(c, x * n + 1.0, x - n) * 2.0
    args = X, RNG.integers(0, 9, size=N), X > 0.2
    (plain, found), _ = both(f, *args)
    agree(found, plain)
    (plain, found), _ = both(lambda n: (n * n + 2, n // 3, n > 4), args[1])
    agree(found, plain)


def test_without_numba(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.warns(dl.errors.FallbackWarning, match="numba is not installed") as found:
        program = dl.compile(lambda x: np.sum(np.sin(x) * x), backend="native")
        assert program(2.0) == program(2.0) == pytest.approx(2 * np.sin(2.0))
        assert "numba is not installed" in program.explain()
        agree([program(X) for _ in range(2)][1], np.sum(np.sin(X) * X))
        assert "numba is not installed" in program.explain()
    assert len(found) == 1


def test_long_programs_stay_with_numpy():
    def f(x):
        for k in range(native_region.LIMIT + 1):
            x = x * 0.5 + 0.25 * (k % 3)
        return x

    program = dl.compile(f, backend="native")
    assert program(1.5) == f(1.5) == program(1.5)
    assert "numba too long" in program.explain()
    agree([program(X) for _ in range(2)][1], f(X))
    assert "numba too long" in program.explain()


def test_a_graph_that_numba_refuses(monkeypatch):
    def refuse(*_, **__):
        raise numba.core.errors.TypingError("no such thing")

    monkeypatch.setattr(native.Jit, "__call__", refuse)
    for x in (1.5, X):
        program = dl.compile(lambda x: x * x + 1.0, backend="native")
        agree([program(x) for _ in range(2)][1], x * x + 1.0)
        assert "no such thing" in program.explain()


def test_unknown_backends():
    with pytest.raises(dl.errors.InputError, match="'numpy', 'native'"):
        dl.compile(np.sin, backend="cuda")


def test_native_says_nothing_when_all_is_well():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        program = dl.compile(lambda x: x * 2.0 - 1.0, backend="native")
        assert program(1.0) == program(1.0) == 1.0


@pytest.mark.parametrize("name", ["sin", "cos"])
def test_sine_and_cosine_hold_their_digits(name):
    mpmath = pytest.importorskip("mpmath")
    run, exact = native_math.function(name, native.Jit()), getattr(mpmath, name)
    near = np.arange(-2000, 2000) * (np.pi / 2)
    points = [near, np.nextafter(near, np.inf), 10.0 ** RNG.uniform(-12, 6, 2000), RNG.uniform(-1e6, 1e6, 2000)]
    x = np.concatenate([*points, [0.0, -0.0, 1e-310, -1e-300, 2.0**-27, 1e6, -1e6]])
    found = run(x, np.empty_like(x))
    with mpmath.workprec(200):
        wanted = [exact(mpmath.mpf(v)) for v in x.tolist()]
        off = [abs(mpmath.mpf(y) - w) / mpmath.mpf(np.spacing(abs(float(w)))) for y, w in zip(found.tolist(), wanted)]
    assert max(off) < 1.5
    assert np.array_equal(np.signbit(found), np.signbit(getattr(np, name)(x)))
    other = np.array([1.0, 2e6, -1e22, np.inf, np.nan, -0.0])
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(run(other, other.copy()), getattr(np, name)(other), rtol=1e-15)
