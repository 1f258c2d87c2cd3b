"""The entry of programs on arrays: what it answers itself, and what it hands to the way that looks at everything."""

from __future__ import annotations

import numpy as np
import optree
import pytest

import difflab as dl
from difflab.errors import InputError

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


def test_keywords_go_the_long_way():
    by_name = dl.compile(lambda x, scale: x * scale)
    for _ in range(3):
        alike(by_name(X, scale=2.0), X * 2.0)
        alike(by_name(X, 2.0), X * 2.0)


def step(params, memory, state, x):
    """A step of training: trees given away, some of them empty, and a count that is an array at first."""
    memory = {"mean": {k: 0.5 * m + x for k, m in memory["mean"].items()}, "step": memory["step"] + 1}
    return {k: w - 0.25 * memory["mean"][k] for k, w in params.items()}, memory, state, np.sum(x)


@pytest.mark.parametrize("backend", ["numpy", "native"])
def test_what_is_given_away_is_written_into(backend):
    program = dl.compile(step, donate_argnums=(0, 1, 2), backend=backend)
    given = (
        {"w": X.copy(), "b": X + 1.0},
        {"mean": {"w": 0.0 * X, "b": 0.0 * X}, "step": np.zeros((), int)},
        {"r": {}},
    )
    want = given = optree.tree_map(np.copy, given)
    for k in range(6):
        *want, total = step(*want, X + k)
        before = given[0]["w"]
        *given, found = program(*given, X + k)
        alike((given, found), (want, total))
        if k >= 2:  # the first calls trace and build
            assert given[0]["w"] is before
    assert entered(program)


def test_what_cannot_be_written_into_goes_the_long_way():
    program = dl.compile(lambda p, g: p - 0.1 * g, donate_argnums=0)
    for k in range(4):
        p = X.copy()
        found = program(p, X)
        alike(found, X - 0.1 * X)
        assert k < 2 or found is p
    assert entered(program)
    wide = np.stack([X, X], 1)
    alike(program(wide[:, 0], X), X - 0.1 * X)
    assert np.array_equal(wide[:, 0], X)  # a copy was written into
    p = X.copy()
    p.flags.writeable = False
    with pytest.raises(InputError, match="read-only"):
        program(p, X)
    assert np.array_equal(p, X)


def test_the_kind_that_is_called_again_and_again_is_the_one_with_lines_of_its_own():
    program = dl.compile(lambda x: x * 2.0 + 1.0)
    handed_on = []
    general = program.__globals__["general"]
    program.__globals__["general"] = lambda *args: handed_on.append(len(args[0])) or general(*args)
    short = X[:3]
    for x in (X, X, short, short):  # the last one built has the lines
        program(x)
    handed_on.clear()
    for _ in range(250):
        alike(program(X), X * 2.0 + 1.0)
    assert len(handed_on) == 100
    alike(program(short), short * 2.0 + 1.0)
    assert handed_on[100:] == [3]


def test_traced_arguments_are_recorded():
    program = dl.compile(lambda x: np.sum(x**2) * x)
    for _ in range(3):
        program(X)
    alike(dl.grad(lambda x: np.sum(program(x)))(X), dl.grad(lambda x: np.sum(np.sum(x**2) * x))(X))
