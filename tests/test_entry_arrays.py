"""The entry of programs on arrays: what it answers itself, and what it hands to the way that looks at everything."""

from __future__ import annotations

import numpy as np
import optree
import pytest

import difflab as dl

X = np.linspace(-1.0, 2.0, 5)
SCALE = 2.0


class Tagged(np.ndarray):
    """An array of another class."""


def entered(program):
    """Whether the program has lines of its own, and does not hand all arguments on."""
    return program.__code__.co_name == "entry" and not program.__code__.co_flags & 0x04


def alike(found, want):
    found, want = optree.tree_leaves(found), optree.tree_leaves(want)
    assert len(found) == len(want)
    for a, b in zip(found, want):
        assert type(a) is type(b) and a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-6 if a.dtype == np.float32 else 1e-14)


FUNCTIONS = {
    "one": lambda x: x * 2.0 + 1.0,
    "gradient": dl.grad(lambda x: np.sum(x**3)),
    "number": lambda x: np.sum(x),
    "pair": lambda x: (x + 1.0, [x * x, np.sum(x)]),
    "dict": lambda x: {"b": x, "a": x[0] * 2.0},
    "looks": lambda x: x if x[0] > 0 else -2.0 * x,
    "large": lambda x: np.sin(np.outer(x, np.ones(2000))) * 2.0,
}


@pytest.mark.parametrize("backend", ["numpy", "native"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_arrays_of_all_kinds(name, backend):
    f = FUNCTIONS[name]
    program = dl.compile(f, backend=backend)
    for x in (X, X, X, -X, X[::-1], X.astype(np.float32), np.ones(3), X.view(Tagged), X, np.arange(5), X + 1.0):
        want = f(np.asarray(x, float) if x.dtype.kind == "i" and name == "gradient" else np.asarray(x))
        if x.dtype.kind == "i" and name == "gradient":
            continue  # integers have no gradient
        alike(program(x), want)
    assert entered(program)


def test_several_arguments_and_containers():
    f = lambda p, x, k: (p["w"] * x + p["b"][0], k * x)
    program = dl.compile(f)
    for p in ({"w": X, "b": (X,)}, {"b": (X,), "w": X}, {"w": X, "b": [X]}, {"w": X, "b": (X,)}):
        for k in (2.0, np.float64(3.0), 2, np.float32(2.0)):
            for _ in range(2):
                alike(program(p, X, k), f(p, X, k))


def test_results_belong_to_the_caller():
    program = dl.compile(lambda x: (x, x * 0.0 + np.ones(5), x[1:]))
    for _ in range(4):
        x = X.copy()
        for y in program(x):
            y[...] = 7.0
        assert np.array_equal(x, X)
        alike(program(x), (X, np.ones(5), X[1:]))


def test_what_the_function_reads_is_asked_at_each_call():
    global SCALE
    factor = 3.0
    program = dl.compile(lambda x: SCALE * factor * x)
    for _ in range(3):
        alike(program(X), 6.0 * X)
    assert entered(program)
    factor = 4.0
    alike(program(X), 8.0 * X)
    SCALE = 5.0
    alike(program(X), 20.0 * X)
    SCALE, factor = 2.0, 3.0
    alike(program(X), 6.0 * X)
    table = np.arange(5.0)
    reading = dl.compile(lambda x: x + table)
    for _ in range(3):
        alike(reading(X), X + np.arange(5.0))
    table[0] = 9.0  # an array may be written into, so it is compared at each call
    alike(reading(X), X + table)


def test_names_that_the_entry_uses_itself():
    for f in (
        lambda general: general * 2.0,
        lambda float64, ndarray: float64 + ndarray,
        lambda double, single=1.0: double * single,
        lambda _run0, x: _run0["a"] * x,
        lambda np_, rows: np_ * rows,
    ):
        program = dl.compile(f)
        count = f.__code__.co_argcount - len(f.__defaults__ or ())
        args = ({"a": X}, X) if f.__code__.co_varnames[0] == "_run0" else (X,) * count
        for _ in range(3):
            alike(program(*args), f(*args))


def test_donated_arrays_and_keywords_go_the_long_way():
    program = dl.compile(lambda p, g: p - 0.1 * g, donate_argnums=0)
    for _ in range(3):
        p = X.copy()
        alike(program(p, X), X - 0.1 * X)
    by_name = dl.compile(lambda x, scale: x * scale)
    for _ in range(3):
        alike(by_name(X, scale=2.0), X * 2.0)
        alike(by_name(X, 2.0), X * 2.0)


def test_traced_arguments_are_recorded():
    program = dl.compile(lambda x: np.sum(x**2) * x)
    for _ in range(3):
        program(X)
    alike(dl.grad(lambda x: np.sum(program(x)))(X), dl.grad(lambda x: np.sum(np.sum(x**2) * x))(X))
