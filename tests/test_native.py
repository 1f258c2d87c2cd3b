"""The native backend: the same results as NumPy's, machine code where there can be some, and a clear word where not."""

from __future__ import annotations

import re
import sys
import threading
import warnings

import numpy as np
import pytest

import difflab as dl
from difflab.compile.native import (
    arrays as native_arrays,
    backend as native,
    functions as native_functions,
    sines as native_math,
)

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
def test_whole_programs_of_numbers_agree_and_keep_types(f, args, kind):
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
def test_regions_of_arrays_agree_and_are_native(f, args, dtype, rtol):
    args = tuple(x.astype(dtype) for x in args)
    f = dl.value_and_grad(f, argnums=tuple(range(len(args))))
    (plain, found), program = both(f, *args)
    agree(found, plain, rtol)
    agree(found, f(*args), rtol)
    assert "operations are native" in program.explain() and "def loop_rows_" in program.source


EDGES = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 1e-320, 1e300, -1e300])


@pytest.mark.parametrize(
    "f, rtol",
    [
        (lambda x, y: 1.0 / x + y / x, 0.0),
        (lambda x, y: np.maximum(x, y) - np.minimum(x, y) * 2.0, 0.0),
        (lambda x, y: np.log(x) + np.sqrt(y) * x, 0.0),
        (lambda x, y: np.where(x > y, x, y) * np.where(x == y, 1.0, -1.0), 0.0),
        (lambda x, y: np.abs(x) * x**3 + np.floor(y) - x, 0.0),
        (lambda x, y: 1.0 * (np.logical_or(x < y, np.isnan(x)) + 0.0) + (x != y) * 2.0, 0.0),
        (lambda x, y: np.isfinite(x) * 2.0 - np.isfinite(x * y) * 1.0, 0.0),
        (lambda x, y: np.exp(x) * np.tanh(y) - np.cosh(x), 2e-15),  # the loops' own functions
    ],
)
def test_not_a_number_and_infinity_are_those_of_numpy(f, rtol):
    x, y = (v.ravel() for v in np.meshgrid(EDGES, EDGES))
    with np.errstate(all="ignore"):
        x_many, y_many = np.tile(x, 2000), np.tile(y, 2000)
        (plain, found), _ = both(f, x_many, y_many)
        np.testing.assert_allclose(found, plain, rtol=rtol)
        program = dl.compile(f, backend="native")
        for a, b in zip(x.tolist(), y.tolist()):
            np.testing.assert_allclose(program(a, b), f(np.float64(a), np.float64(b)), rtol=1e-13)


def test_branches_choose_the_program():
    program = dl.compile(dl.grad(lambda x: x * x if x > 0 else -x), backend="native")
    for x in (2.0, -1.0, 3.0, -2.0, 0.0):
        assert program(x) == (2 * x if x > 0 else -1.0)


def test_a_long_formula_is_compiled_once():
    """At the second call the program is written, and the call that wrote it is answered by the same machine code."""
    f = lambda x, y: sum(np.sin(x * k) * y for k in range(1, 70)) * (x if x > 0 else y)
    program = dl.compile(f, backend="native")
    found = [program(0.3, 2.0) for _ in range(3)]
    assert len(program.program.graph) > 128 and program.program.last.source.jit.functions == 1
    assert found == pytest.approx([f(0.3, 2.0)] * 3, rel=1e-13)
    assert all(type(y) is float for y in found)
    turns = (-0.3, -0.3, 0.3, -0.3)
    assert [program(x, 2.0) for x in turns] == pytest.approx([f(x, 2.0) for x in turns])
    assert program(np.float64(0.3), np.float64(2.0)).__class__ is np.float64


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


def test_arrays_without_axes_are_numbers():
    program = dl.compile(lambda x, y: {"a": x * 2.0, "b": np.sin(y)}, backend="native")
    for x, y in ((np.float64(1.5), 0.5), (np.array(1.5), 0.5), (np.array(2.5), np.array(-0.5))):
        for _ in range(3):
            assert program(x, y) == {"a": 2 * x, "b": np.sin(y)}


def test_functions_alone_of_strided_arrays():
    program = dl.compile(lambda x: np.exp(np.sin(x)) * np.cos(x), backend="native")
    for x in (RNG.normal(size=(2, 4 * N))[1, ::2], RNG.normal(size=(500, 400)).T):
        agree([program(x) for _ in range(3)][2], np.exp(np.sin(x)) * np.cos(x))


def test_scans_of_numbers_are_one_loop():
    t = np.arange(500.0) / 500

    def f(a, b):
        step = lambda c, s: ((c[0] * np.cos(a * s) + c[1] * 0.01, c[1] - 0.01 * c[0]), c[0] * b)
        carry, ys = dl.scan(step, (a, b), t)
        return carry[0] * np.sum(ys) + carry[1]

    for g in (f, dl.value_and_grad(f, argnums=(0, 1)), lambda a, b: dl.grad(dl.grad(lambda x: f(x, b)))(a)):
        (plain, found), program = both(g, 1.3, 0.4)
        agree(found, plain)
        assert "one native loop" in program.explain() and "scan: NumPy" not in program.explain()
        assert "_scan0(" in program.source


V, M, STEPS = RNG.normal(size=5), RNG.normal(size=(5, 5)) * 0.4, RNG.normal(size=(40, 5))


def lstm(carry, x, w, b):
    h, c = carry
    gates = w @ np.concatenate([x, h]) + b
    i, f, o, g = [gates[5 * k : 5 * (k + 1)] for k in range(4)]
    c = dl.numpy.sigmoid(f) * c + dl.numpy.sigmoid(i) * np.tanh(g)
    h = dl.numpy.sigmoid(o) * np.tanh(c)
    return (h, c), np.sum(h * x)


def several(c, x):
    a, b = c
    u, v, k = x["u"], x["v"][0], x["k"]
    a, b = b + u[::-1] * k, np.where(a > v, a, v) * 0.5  # what is carried changes places
    return (a, b), {"max": np.max(np.abs(a)), "outer": np.outer(a, b)[1:, ::2], "k": k * np.mean(a)}


# Each body with what is carried, what is scanned over, and a captured matrix.
BODIES = {
    "vector": (lambda m, c, x: (np.tanh(c * x + m[0]), c[1:] * 2.0), V),
    "matrix": (lambda m, c, x: (np.sin(m @ c) * x + c.T * 0.3, c @ x), M),
    "products": (lambda m, c, x: (np.tanh(m @ c * 0.5 + c @ m.T + x), np.outer(c, x) @ m + (c @ x)), V),
    "einsum": (
        lambda m, c, x: (np.einsum("ij,jk,k->i", m, m, c) * 0.1 + x, np.einsum("ii,ij->j", m, np.outer(c, x))),
        V,
    ),
    "reductions": (
        lambda m, c, x: (
            c / (1.0 + np.sum(c * c, axis=0)) + np.mean(m * c, axis=1) + x,
            (np.sum(np.outer(c, x), axis=1, keepdims=True), np.max(m * c, axis=0), np.min(c), np.sum(m * x)),
        ),
        V,
    ),
    "joins": (
        lambda m, c, x: (np.stack([c[1], x * 2.0 + c[0], c[1]])[:2], np.concatenate([x[:2], c[0], np.exp(x)])),
        M[:2],
    ),
    "orders": (
        lambda m, c, x: (np.roll(c, 2) * x[::-1] + c[[4, 0, 0, 1, 2]], np.tile(c.reshape(1, 5), (2, 2)).transpose()),
        V,
    ),
    "parts": (lambda m, c, x: (np.append(c[1:], np.sum(c[:2] * x[3])), c[4]), V),
    "numbers": (lambda m, c, x: (c * x[0] + np.log1p(x[1] ** 2), c * m[0]), 0.5),
    "nothing carried in particular": (lambda m, c, x: (c, x * m[1] ** 2 + np.sqrt(np.abs(x))), V),
}


def scan_of(body, carry, reverse=False, n=40):
    def f(m, c, xs):
        last, ys = dl.scan(lambda c, x: body(m, c, x), c, xs, reverse=reverse)
        return sum(np.sum(np.cos(y)) for y in dl_leaves((last, ys)) if y is not None)

    return f, (M, carry, STEPS[:n])


DERIVATIVES = {
    "value": lambda f: f,
    "gradient": lambda f: dl.value_and_grad(f, argnums=(0, 1, 2)),
    "second": lambda f: lambda m, c, xs: dl.grad(lambda c: sum(np.sum(g**2) for g in dl.grad(f, (0, 1))(m, c, xs)))(c),
    "forward": lambda f: lambda m, c, xs: dl.jvp(lambda c: f(m, c, xs), (c,), (np.ones_like(c),)),
}


SLOW = {(n, "second") for n in ("matrix", "products", "einsum", "reductions")}  # numba takes some seconds for them


@pytest.mark.parametrize(("name", "kind"), [(n, k) for n in BODIES for k in DERIVATIVES if (n, k) not in SLOW])
def test_scans_of_arrays_are_one_loop(name, kind):
    f, args = scan_of(*BODIES[name], reverse=kind == "forward")
    (plain, found), program = both(DERIVATIVES[kind](f), *args)
    agree(found, plain, 1e-12)
    assert "one native loop" in program.explain() and "scan: NumPy" not in program.explain()
    for a, b in zip(dl_leaves(program(*args)), dl_leaves(found)):
        assert np.array_equal(a, b, equal_nan=True)


def test_an_lstm_is_one_loop():
    b, start = RNG.normal(size=20), (np.zeros(5), np.zeros(5))
    w = RNG.normal(size=(20, 10)) * 0.5

    def f(w, b, xs):
        last, ys = dl.scan(lambda c, x: lstm(c, x, w, b), start, xs)
        return np.sum(ys**2) + np.sum(last[0] * last[1])

    (plain, found), program = both(dl.value_and_grad(f, argnums=(0, 1, 2)), w, b, STEPS)
    agree(found, plain, 1e-12)
    assert "scan: NumPy" not in program.explain()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native_arrays, "LIMIT", 10)
        (plain, found), program = both(dl.grad(f), w, b, STEPS)
        agree(found, plain, 1e-12)
        assert re.search(r"scan: NumPy; its body of \d\d operations", program.explain())


def test_scans_of_several_arrays_in_containers():
    xs = {"u": STEPS, "v": (RNG.normal(size=(40, 1)),), "k": np.arange(40)}

    def f(a, b):
        (a, b), ys = dl.scan(several, (a, b), xs)
        return np.sum(a * b) + np.sum(np.cos(ys["max"])) + np.sum(np.sin(ys["outer"])) + np.sum(ys["k"]) * 1e-3

    for g in (f, dl.value_and_grad(f, argnums=(0, 1))):
        (plain, found), program = both(g, V, 1.0 + V)
        agree(found, plain, 1e-12)
        assert "scan: NumPy" not in program.explain()
    everything = lambda a, b: dl.scan(several, (a, b), xs)
    (plain, found), _ = both(everything, V, 1.0 + V)
    agree(found, plain, 1e-12)


@pytest.mark.parametrize("n", [0, 1])
def test_scans_of_no_and_one_step(n):
    f, args = scan_of(*BODIES["matrix"], n=n)
    for g in (f, dl.value_and_grad(f, argnums=(0, 1, 2))):
        (plain, found), program = both(g, *args)
        agree(found, plain)
        assert "scan: NumPy" not in program.explain()


@pytest.mark.parametrize("name", ["vector", "products", "reductions", "orders"])
def test_scans_in_single_precision(name):
    f, args = scan_of(*BODIES[name], n=8)
    args = [x.astype(np.float32) for x in args]
    (plain, found), program = both(dl.value_and_grad(f, argnums=(0, 1, 2)), *args)
    agree(found, plain, 3e-5)
    assert "scan: NumPy" not in program.explain()


REFUSED = [
    (lambda m, c, x: (c * 0.5 + x, np.cumsum(c)), "cumsum"),
    (lambda m, c, x: (dl.scan(lambda d, y: (np.cumsum(d) * 0.5 + y, None), c, x)[0], None), "cumsum"),
    (lambda m, c, x: (c * 0.5, np.sum(np.tile(c, (3000, 3000)))), "arrays are large"),
    (
        lambda m, c, x: (c * 0.5, np.sum(np.outer(np.tile(c, 20), c) @ np.tile(np.outer(x, c), (1, 40)))),
        "products are large",
    ),
]


@pytest.mark.parametrize(("body", "why"), REFUSED)
def test_scans_with_other_bodies_are_those_of_numpy(body, why):
    f, args = scan_of(body, V, n=5)
    (plain, found), program = both(dl.value_and_grad(f), *args)
    agree(found, plain, 1e-12)
    assert "scan: NumPy" in program.explain() and why in program.explain()


@pytest.mark.parametrize("base", [-0.0, -2.0, -np.inf])
def test_powers_of_signed_constants_are_those_of_numpy(base):
    """-0.0 ** x would be the negative of 0.0 ** x."""
    xs = np.array([[0.0, 2.0, 3.0], [-1.0, 1.0, -2.0]])
    f = lambda xs: dl.scan(lambda c, x: (c + x, np.power(base, x)), xs[0], xs)[1]
    program = dl.compile(f, backend="native")
    program(xs)
    with np.errstate(divide="ignore"):
        wanted = f(xs)
    found = program(xs)
    assert "one native loop" in program.explain()
    assert np.array_equal(found, wanted) and np.array_equal(np.signbit(found), np.signbit(wanted))


def test_scans_see_infinities_as_numpy_does():
    f = lambda c, xs: dl.scan(
        lambda c, x: (np.maximum(c, x) + dl.numpy.sigmoid(x), (np.exp(x), np.tanh(x), np.cosh(x) / c, np.max(x))), c, xs
    )
    xs = np.concatenate([EDGES, [709.0, 710.3, -745.0, -750.0]])
    xs = np.stack([xs, xs[::-1]], axis=1)
    with np.errstate(all="ignore"):
        (plain, found), _ = both(f, np.zeros(2), xs)
    for a, b in zip(dl_leaves(found), dl_leaves(plain)):
        np.testing.assert_allclose(a, b, rtol=1e-14)
        assert np.array_equal(np.signbit(a[~np.isnan(b)]), np.signbit(b[~np.isnan(b)]))


@pytest.mark.parametrize("name", native_functions.NAMES)
def test_functions_of_scans_hold_their_digits(name):
    mpmath = pytest.importorskip("mpmath")
    exact, one = getattr(mpmath, name), native_functions.functions()[f"_{name}"]
    run = numba.njit("(f8[::1], f8[::1])", error_model="numpy")(loop_of(one))
    x = np.concatenate([RNG.uniform(-700, 700, 500), RNG.normal(size=1500), 10.0 ** RNG.uniform(-20, 0, 500)])
    found = np.empty_like(x)
    run(x, found)
    with mpmath.workprec(100):
        wanted = [exact(mpmath.mpf(v)) for v in x.tolist()]
        off = [abs(mpmath.mpf(y) - w) / mpmath.mpf(np.spacing(abs(float(w)))) for y, w in zip(found.tolist(), wanted)]
    assert max(off) < (3.0 if name == "tanh" else 1.5)


def loop_of(one):
    def run(x, out):
        for k in range(x.size):
            out[k] = one(x[k])

    return run


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
        for k in range(native.LONGEST + 1):
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


@pytest.mark.parametrize("name", ["sin", "cos"])
@pytest.mark.parametrize("low", [-np.pi / 4, 0.6])
def test_the_last_terms_of_the_series_count(name, low):
    """Up to a quarter from 0, where a wrong last term costs some tenths of an ulp."""
    mpmath = pytest.importorskip("mpmath")
    x = np.linspace(low, np.pi / 4, 4001)
    found = native_math.function(name, native.Jit())(x, np.empty_like(x))
    with mpmath.workprec(100):
        wanted = [getattr(mpmath, name)(mpmath.mpf(v)) for v in x.tolist()]
        off = [float(abs(mpmath.mpf(y) - w)) / np.spacing(abs(y)) for y, w in zip(found.tolist(), wanted)]
    assert max(off) < (0.75 if low == 0.6 and name == "sin" else 0.85)
    assert low < 0 or name == "cos" or np.mean(np.array(off) > 0.5) < 0.08


@pytest.mark.parametrize("large", [[], [2e6, -1e22, np.inf, np.nan]], ids=["small", "large"])
def test_sine_and_cosine_at_once_are_those_apart(large):
    """Large arguments are left to NumPy's functions, wherever in the array they stand."""
    run = {name: native_math.function(name, native.Jit()) for name in ("sin", "cos", "sincos")}
    x = np.array([*np.linspace(-7, 7, 29), 1e-310, -0.0, *large])
    sine, cosine = np.empty_like(x), np.empty_like(x)
    with np.errstate(all="ignore"):
        run["sincos"](x, sine, cosine)
        for name, found in (("sin", sine), ("cos", cosine)):
            np.testing.assert_array_equal(found, run[name](x, np.empty_like(x)))
            np.testing.assert_allclose(found, getattr(np, name)(x), rtol=1e-15)
