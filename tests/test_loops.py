"""Loops in loops and loops of other dtypes: against Python's own loops, finite differences and each other's modes."""

from __future__ import annotations

import importlib.util
import re

import numpy as np
import optree
import pytest
from hypothesis import given, settings, strategies as st

import difflab as dl

BACKENDS = ("numpy", "native") if importlib.util.find_spec("numba") else ("numpy",)

C = np.array([1.0, 2.0])


def grow(c, x):
    """A number of steps that depends on where it starts."""
    return dl.while_loop(lambda s: s < 3.0, lambda s: s * (1.2 + 0.1 * np.sin(x)) + 0.1 * x, c)


def in_scan(x):
    return dl.scan(lambda c, t: (0.3 * grow(c, x) + 0.1 * t, None), x, np.arange(4.0))[0]


def in_while(x):
    ahead = lambda s: (s[0] + 1.0, 0.3 * grow(s[1] * s[0], x))
    return dl.while_loop(lambda s: s[0] < 5.0, ahead, (0.0 * x, x))[1]


def in_cond_in_scan(x):
    chosen = lambda c, t: dl.cond(t > 1.0, lambda c: grow(c, x), lambda c: c * x, c)
    return dl.scan(lambda c, t: (0.4 * chosen(c, t), None), x, np.arange(4.0))[0]


def in_cond(x):
    return dl.cond(x > 0, lambda: grow(x, x), lambda: x * x)


def three_deep(x):
    ahead = lambda s: (s[0] + 1.0, 0.3 * in_while(s[1] + x))
    return dl.while_loop(lambda s: s[0] < 3.0, ahead, (0.0 * x, x))[1]


def of_arrays(x):
    ahead = lambda c, t: dl.while_loop(lambda s: np.sum(s) < 5.0, lambda s: s * 1.3 + np.roll(s, 1) * x, c)
    return np.sum(dl.scan(lambda c, t: (0.4 * ahead(c, t), None), x * np.arange(1.0, 4.0), np.arange(3.0))[0])


NESTED = (in_scan, in_while, in_cond_in_scan, in_cond, three_deep, of_arrays)
FIRST = {
    "grad": dl.grad,
    "jvp": lambda f: lambda x: dl.jvp(f, (x,), (1.0,))[1],
    "compiled grad": lambda f: dl.compile(dl.grad(f)),
    "grad in checkpoint": lambda f: dl.grad(dl.checkpoint(f)),
}
SECOND = {
    "grad of grad": lambda f: dl.grad(dl.grad(f)),
    "jvp of grad": lambda f: lambda x: dl.jvp(dl.grad(f), (x,), (1.0,))[1],
    "grad of jvp": lambda f: dl.grad(lambda x: dl.jvp(f, (x,), (1.0,))[1]),
}


def slope(f, x, e=1e-5):
    return (f(x + e) - f(x - e)) / (2 * e)


@pytest.mark.parametrize("f", NESTED)
def test_a_while_loop_in_a_body_has_all_derivatives(f):
    for x in (0.7, 0.9):
        expected = slope(f, x)
        for name, make in FIRST.items():
            assert make(f)(x) == pytest.approx(expected, rel=1e-6), name
        expected = slope(dl.grad(f), x)
        for name, make in SECOND.items():
            assert make(f)(x) == pytest.approx(expected, rel=1e-6), name


def test_one_program_serves_all_numbers_of_steps():
    program = dl.compile(dl.grad(in_while))
    found = [program(x) for x in (0.7, 0.4, 1.9, 0.7)]
    assert found == [dl.grad(in_while)(x) for x in (0.7, 0.4, 1.9, 0.7)]
    assert sum(map(len, program.program.programs.values())) == 1


# Random loops, against Python's.
UNARY = (np.sin, np.tanh, np.negative, np.square, lambda x: 0.5 * x, lambda x: x - 1.0)
BINARY = (np.add, np.multiply, np.subtract, np.maximum, lambda a, b: np.where(a > b, a, 0.3 * b))
SHAPES = ((), (3,), (2, 2), (700,))


def step_of(plan, a, x, y):
    """One step of a random body: `plan` has pairs of a unary and a binary operation; a is captured."""
    for first, second in plan:
        x, y = y, np.tanh(BINARY[second](UNARY[first](x), a * y) + 0.1)
    return x, y


def python_while(go_on, step, value):
    while go_on(value):
        value = step(value)
    return value


def python_scan(step, carry, xs):
    ys = []
    for x in xs:
        carry, y = step(carry, x)
        ys.append(y)
    return carry, np.stack(ys)


def random_loop(plan, steps, nested, whiles, scans):
    """A dict with an integer counter and two arrays, in a while_loop; a scan or another while_loop may be its body."""

    def run(a, x, y):
        def step(s):
            u, v = step_of(plan, a, s["u"], s["v"][0])
            if nested == "scan":
                (u, v), kept = scans(
                    lambda c, t: (step_of(plan, t * a, *c), c[0] + t), (u, v), np.arange(1.0, 3.0).astype(a.dtype)
                )
                v = v + 0.1 * kept[1]
            if nested == "while":
                inner = lambda p: (p[0] + 1, *step_of(plan, 0.7, *p[1:]))
                _, u, v = whiles(lambda p: p[0] < s["n"] % 3, inner, (np.int64(0), u, v))
            return {"n": s["n"] + 1, "u": u.astype(a.dtype), "v": (v.astype(a.dtype),)}

        last = whiles(lambda s: s["n"] < steps, step, {"n": np.int64(0), "u": x, "v": (y,)})
        return last["u"], last["v"][0]

    return run


pairs = st.lists(st.tuples(st.integers(0, len(UNARY) - 1), st.integers(0, len(BINARY) - 1)), min_size=1, max_size=3)


def check_loop(backend, plan, steps, nested, shape, dtype, seed):
    rng = np.random.default_rng(seed)
    a, x, y = (rng.normal(size=shape).astype(dtype)[()] for _ in range(3))
    f = random_loop(plan, steps, nested, dl.while_loop, dl.scan)
    g = random_loop(plan, steps, nested, python_while, python_scan)
    near = {"rtol": 1e-3, "atol": 1e-4} if dtype == np.float32 else {"rtol": 1e-9, "atol": 1e-11}
    program = dl.compile(f, backend=backend)
    for found in (program(a, x, y), program(a, x, y)):
        for one, other, right in zip(found, f(a, x, y), g(a, x, y)):
            assert one.dtype == dtype
            np.testing.assert_allclose(one, right, **near)
            if backend == "numpy":
                np.testing.assert_array_equal(one, other)
    total = lambda f: lambda a: np.sum(f(a, x, y)[0]) + np.sum(f(a, x, y)[1])
    along = lambda f: lambda a: dl.jvp(f, (a, x, y), (x, y, a))[1]
    for make in (lambda f: dl.grad(total(f)), along):
        program, right = dl.compile(make(f), backend=backend), make(g)(a)
        for found in (program(a), program(a)):
            for one, other in zip(np.atleast_1d(found), np.atleast_1d(right)):
                np.testing.assert_allclose(one, other, **near)


ASKED = {
    "plan": pairs,
    "steps": st.integers(0, 4),
    "nested": st.sampled_from(("", "scan", "while")),
    "shape": st.sampled_from(SHAPES),
    "dtype": st.sampled_from((np.float64, np.float32)),
    "seed": st.integers(0, 99),
}


@settings(max_examples=12, deadline=None)
@given(**ASKED)
def test_random_loops(**asked):
    check_loop("numpy", **asked)


@pytest.mark.skipif("native" not in BACKENDS, reason="numba is not installed")
@settings(max_examples=2, deadline=None)
@given(**ASKED)
def test_random_native_loops(**asked):
    check_loop("native", **asked)


def scanned(x):
    """Several carries, one of them an integer, and results that are none."""
    step = lambda c, t: ((c[0] * t + np.sin(c[1]), c[1] * x, c[2] + 1), (c[0] + t, c[2]))
    (u, v, n), (ys, ns) = dl.scan(step, (x, 2 * x, np.int64(0)), np.array([0.5, 1.5, -2.0]))
    return u * v + np.sum(ys * ns), n


def backwards(x):
    return dl.scan(lambda c, t: (c * t + C, np.sin(c) * x), x * C, np.arange(6.0).reshape(3, 2), reverse=True)


def chosen(x):
    ways = lambda a, b: (a * b, np.int64(3), a + C), lambda a, b: (a - b, np.int64(4), b * C)
    return dl.cond(x > 0.8, *ways, x, x * x)


def chosen_alone(x):
    return dl.cond(x > 0.8, lambda a: a * np.sin(x), lambda a: a - x, x)


JOINED = [
    ("while_loop", in_while),
    ("while_loop", three_deep),
    ("scan", in_scan),
    ("scan", scanned),
    ("scan", backwards),
    ("cond", in_cond),
    ("cond", chosen),
    ("cond", chosen_alone),
]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("kind, f", JOINED)
def test_forward_mode_runs_one_loop(kind, f, backend):
    along = lambda x: dl.jvp(f, (x,), (1.0,))
    program = dl.compile(along, backend=backend)
    for x in (0.7, 0.7, 0.9):
        for found, right in zip(optree.tree_leaves(program(x)), optree.tree_leaves(along(x)), strict=True):
            np.testing.assert_allclose(found, right, rtol=1e-12)
    assert [n.primitive.name for n in program.program.graph.order].count(kind) == 1


@pytest.mark.parametrize("kind, f", JOINED)
def test_second_derivatives_of_joined_loops(kind, f):
    """Reverse mode reads each step's carry of the loop that stays."""
    real = lambda x: sum(np.sum(y) for y in optree.tree_leaves(f(x)) if y.dtype.kind == "f")
    first = lambda x: dl.jvp(real, (x,), (1.0,))
    for make in (lambda x: dl.grad(lambda x: sum(first(x)))(x), lambda x: dl.jvp(first, (x,), (1.0,))):
        program = dl.compile(make)
        for x in (0.7, 0.7, 0.9):
            for found, right in zip(optree.tree_leaves(program(x)), optree.tree_leaves(make(x)), strict=True):
                np.testing.assert_allclose(found, right, rtol=1e-11)


def test_loops_that_start_elsewhere_stay_two():
    """The same loop twice, its tangents at one of the two starts."""
    grown = lambda x: dl.while_loop(lambda s: s < 9.0, lambda s: s * 1.5, x)
    f = lambda x: grown(x) + dl.jvp(lambda y: grown(2.0 * y), (x,), (x * grown(x),))[1]
    program = dl.compile(f)
    for x in (0.7, 1.1):
        assert program(x) == f(x) == pytest.approx(grown(x) + 2 * x * grown(x) * grown(2 * x) / (2 * x))


def test_scans_and_branches_at_other_places_stay_two():
    summed = lambda x, ts: dl.scan(lambda c, t: (c * t, None), x, ts)[0]
    half = lambda x, p: dl.cond(p, lambda a: a * x, lambda a: a / 2, x)
    ts, us = np.array([1.5, -2.0]), np.array([2.5, 3.0])
    for name, f in {
        "scan": lambda x: summed(x, ts) + dl.jvp(lambda y: summed(y, us), (x,), (1.0,))[1],
        "cond": lambda x: half(x, x > 0) + dl.jvp(lambda y: half(y, x > 1), (x,), (1.0,))[1],
    }.items():
        program = dl.compile(f)
        assert [program(x) for x in (0.7, 0.7, 1.7)] == pytest.approx([f(x) for x in (0.7, 0.7, 1.7)], rel=1e-13)
        assert [n.primitive.name for n in program.program.graph.order].count(name) == 2


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("steps", [0, 1, 2])
def test_results_of_loops_are_the_callers(steps, backend):
    """What comes round unchanged, swapped, or not at all is nobody else's array."""
    a, b = np.ones(3), np.arange(3.0)

    def run(a, b):
        ahead = lambda s: (s[0] + 1, s[2], s[1], s[1])
        return dl.while_loop(lambda s: s[0] < steps, ahead, (np.int64(0), a, b, a))[1:]

    program = dl.compile(run, backend=backend)
    for f in (run, program, program, program):
        found = f(a, b)
        for k, y in enumerate(found):
            assert not any(np.shares_memory(y, x) for x in (a, b, *found[:k]))
            y += 7.0
    assert a.tolist() == [1, 1, 1]
    assert b.tolist() == [0, 1, 2]


@pytest.mark.parametrize("backend", BACKENDS)
def test_steps_that_math_refuses_are_those_of_numpy(backend):
    f = lambda x: dl.while_loop(
        lambda s: s[0] < 4.0, lambda s: (s[0] + 1.0, np.exp(s[1] * 300.0) / (s[0] - 1.0)), (x, x)
    )
    g = lambda x: dl.scan(lambda c, t: (c / t, np.log(c)), x, np.array([2.0, 0.0, -1.0, 3.0]))
    with np.errstate(all="ignore"):
        for h, x in ((f, 0.0), (f, 1.0), (g, 1.0), (g, -1.0), (g, 0.0)):
            program = dl.compile(h, backend=backend)
            program(x)
            for found, wanted in zip(program(x), h(x)):
                np.testing.assert_array_equal(found, wanted)
    assert np.isinf(f(0.0)[1]) or np.isnan(f(0.0)[1])


@pytest.mark.skipif("native" not in BACKENDS, reason="numba is not installed")
@pytest.mark.parametrize("f", [in_while, three_deep, in_cond, of_arrays])
def test_native_loops_hold_their_bodies(f):
    for make in (lambda f: f, FIRST["jvp"]):
        program = dl.compile(make(f), backend="native")
        program(0.7)
        assert program(0.7) == pytest.approx(make(f)(0.7), rel=1e-12)
        assert "one native" in program.explain() and ": NumPy; " not in program.explain()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("read", [np.sin, np.sum, np.cumsum, lambda y: y @ y, lambda y: y, lambda y: (y, y[::-1])])
def test_a_branch_with_one_array_is_read_by_anything(read, backend):
    halved = lambda x: dl.cond(np.sum(x) > 0, lambda a: a * 0.5, lambda a: a + x, x)
    nested = lambda x: dl.cond(x[0] > 1.0, lambda a: np.sin(halved(a)) * 2.0, lambda a: halved(a), x)
    for f in (lambda x: read(halved(x)), lambda x: read(nested(x))):
        program = dl.compile(f, backend=backend)
        for x in (np.array([1.5, 2.0]), np.array([1.5, -2.0]), np.array([-1.5, 2.0]), np.array([-1.5, -2.0])):
            for _ in range(2):
                for found, right in zip(optree.tree_leaves(program(x)), optree.tree_leaves(f(x)), strict=True):
                    np.testing.assert_allclose(found, right, rtol=1e-12)


@pytest.mark.skipif("native" not in BACKENDS, reason="numba is not installed")
def test_loops_that_stay_with_numpy_say_why():
    wide = lambda x: dl.while_loop(lambda s: s[0, 0] < 9.0, lambda s: s * 1.5 + x, np.ones((1100, 1100)) * x)[0, 0]
    summed = lambda x: dl.while_loop(lambda s: np.sum(np.cumsum(s)) < 9.0, lambda s: s + x, x * C)[0]
    backwards = dl.grad(in_while)
    for f, why in ((wide, "elements"), (summed, "cumsum"), (backwards, "runs backwards, which keeps every step")):
        program = dl.compile(f, backend="native")
        program(0.7)
        assert program(0.7) == pytest.approx(f(0.7))
        assert re.search(rf"(while_loop|scan): NumPy; .*{why}", program.explain())


IN_PLACE = {
    "chain": lambda c, d, x: (np.sin(c * x) + 0.1, d * 0.5 + x),
    "swapped": lambda c, d, x: (d * x, np.tanh(c) + 0.1),
    "read by the other": lambda c, d, x: (np.sin(c) * x + 0.2, d + c),
    "backwards": lambda c, d, x: (np.sin(c * x) + c[::-1], d * 0.9),
    "turned": lambda c, d, x: (np.sin(c * x), (d.reshape(2, 2).T + x[0]).reshape(4) * 0.5),
    "its sum": lambda c, d, x: (np.cos(c) * x + np.sum(c), d - np.sum(d)),
    "twice": lambda c, d, x: (np.sin(c) * np.cos(c) + x, np.square(d) * 0.1 + d),
    "product first": lambda c, d, x: (np.tanh(np.outer(c, x) @ d + c), d * 0.9),
}


@pytest.mark.parametrize("name", IN_PLACE)
def test_a_carry_is_written_in_place_only_where_nobody_reads_it_later(name):
    pytest.importorskip("numba")
    body = lambda cd, x: (IN_PLACE[name](*cd, x), cd[0] * 2.0)

    def f(c, d, xs):
        (c, d), ys = dl.scan(body, (c, d), xs)
        return np.sum(c * d) + np.sum(np.sin(ys))

    rng = np.random.default_rng(3)
    args = rng.normal(size=4), rng.normal(size=4), rng.normal(size=(5, 4))
    g = dl.value_and_grad(f, argnums=(0, 1, 2))
    program = dl.compile(g, backend="native")
    program.prepare(*args)
    assert "native loop" in program.explain()
    (y, slopes), (wanted, others) = program(*args), g(*args)
    np.testing.assert_allclose(y, wanted, rtol=1e-12)
    for a, b in zip(slopes, others, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-13)
