"""What a function reads besides its arguments chooses the program: closures, globals, attributes, small containers."""

from __future__ import annotations

import itertools
import types
from functools import partial
from operator import attrgetter

import numpy as np
import pytest

import difflab as dl
from difflab.compile.program.closure import Captured

FACTOR = 2.0
SETTINGS = types.SimpleNamespace(rate=2.0, inner=types.SimpleNamespace(k=1.0))


class Model:
    def __init__(self, w: float) -> None:
        self.w = w
        self.parts = {"b": [1.0, np.ones(2)]}
        self.asked = 0
        self.kept: float | None = None

    @property
    def double(self) -> float:
        return 2 * self.w

    def factor(self) -> float:
        return self.w

    def loss(self, x):
        return x * self.w * FACTOR

    def by_method(self, x):
        return x * self.factor()

    def by_property(self, x):
        return x * self.double

    def by_items(self, x):
        return x * self.parts["b"][0] * self.parts["b"][1][0]

    def counted(self, x):
        self.asked += 1
        return x * self.w

    def cached(self, x):
        if self.kept is None:
            self.kept = 3.0
        return x * self.kept

    def __call__(self, x):
        return self.loss(x)


def scaled(factor, x):
    return x * factor * FACTOR


def same(program, f, x):
    for _ in range(4):  # the trace, the written program, the short entry
        np.testing.assert_array_equal(program(x), f(x))


@pytest.mark.parametrize("x", [1.5, np.array([1.0, 2.0])], ids=["number", "array"])
@pytest.mark.parametrize("kind", ["loss", "by_method", "by_property", "by_items", "call", "partial", "closure", "grad"])
def test_what_changes_between_calls_is_seen(kind, x, monkeypatch):
    model = Model(3.0)
    f = {"call": model, "partial": partial(model.loss), "closure": lambda x: model.w * x}.get(kind)
    if kind == "grad":
        f, x = dl.grad(model.loss), 1.5
    f = f or getattr(model, kind)
    program = dl.compile(f)
    same(program, f, x)
    model.w = 5.0
    same(program, f, x)
    model.parts["b"][0] = 7.0
    model.parts["b"][1][0] = 9.0
    same(program, f, x)
    monkeypatch.setitem(globals(), "FACTOR", 11.0)
    same(program, f, x)
    del model.parts["b"]
    model.parts = {"b": [2.0, np.full(2, 3.0)]}
    same(program, f, x)


def test_a_partial_application_reads_globals(monkeypatch):
    f = partial(scaled, 3.0)
    program = dl.compile(f)
    same(program, f, 1.0)
    monkeypatch.setitem(globals(), "FACTOR", 5.0)
    same(program, f, 1.0)


def test_objects_that_are_exchanged_are_seen_with_their_attributes(monkeypatch):
    f = lambda x: x * SETTINGS.rate * SETTINGS.inner.k
    program = dl.compile(f)
    same(program, f, 1.0)
    monkeypatch.setattr(SETTINGS, "inner", types.SimpleNamespace(k=5.0))
    same(program, f, 1.0)
    SETTINGS.inner.k = 6.0
    same(program, f, 1.0)
    monkeypatch.setitem(globals(), "SETTINGS", types.SimpleNamespace(rate=1.0, inner=types.SimpleNamespace(k=8.0)))
    same(program, f, 1.0)
    SETTINGS.inner.k = 9.0
    same(program, f, 1.0)


def test_a_later_function_is_not_taken_for_an_earlier_one_at_its_address():
    g = [lambda x: x]
    inner = g[0]

    def f(x):
        return inner(x)

    program = dl.compile(f)
    for k in range(2, 30):
        inner = eval(f"lambda x: x * {k}")  # the function before is freed, and its address taken again
        assert program(1.0) == float(k)


def test_functions_that_change_what_they_read_are_not_traced_for_ever():
    model, seen, count = Model(2.0), [], 0

    def growing(x):
        nonlocal count
        count += 1
        seen.append(np.shape(x))
        return x * 3.0 + 0.0 * len(seen)

    for f, want in ((model.counted, 2.0), (model.cached, 3.0), (growing, 3.0)):
        program = dl.compile(f)
        for _ in range(6):  # two kinds, in turn
            assert program(1.0) == want
            np.testing.assert_array_equal(program(np.ones(2)), [want, want])
        assert "2 traced" in repr(program.program)
    assert model.asked == count == len(seen) == 2
    model.w = 7.0
    program = dl.compile(model.counted)
    assert program(1.0) == 7.0
    model.w = 8.0
    assert program(1.0) == 8.0  # what counts is left out, the rest is seen


def test_what_no_call_reads_is_not_looked_at():
    model = Model(2.0)
    program = dl.compile(model.loss)
    for _ in range(5):
        model.asked += 1  # loss does not name it
        assert program(1.0) == 2.0 * FACTOR
    assert "1 traced" in repr(program.program)


def test_libraries_are_not_looked_into():
    found = Captured(lambda x: np.sin(x) + np.linalg.norm(x) + itertools.count)
    assert {place.name for place in found.places.values()} == {"np", "itertools"} and found.checks() == {}


def test_to_jax_sees_attributes_too():
    pytest.importorskip("jax")
    model = Model(2.0)
    f = dl.to_jax(model.loss)
    assert float(f(1.0)) == 2.0 * FACTOR
    model.w = 5.0
    assert float(f(1.0)) == 5.0 * FACTOR


ARRAYS = {
    "few": np.linspace(0.0, 1.0, 7),
    "many": np.linspace(0.0, 1.0, 3_000),
    "an odd number of bytes": np.arange(9_001, dtype=np.int8),
    "columns first": np.asfortranarray(np.linspace(0.0, 1.0, 2_000).reshape(50, 40)),
    "a view": np.linspace(0.0, 1.0, 4_000)[::2],
    "not a number": np.full(2_000, np.nan),
    "more than is copied": np.zeros((1 << 22) // 8 + 1),
}


@pytest.mark.parametrize("backend", ["numpy", "native", "jax"])
@pytest.mark.parametrize("name", ARRAYS)
def test_an_array_that_is_read_is_seen_when_an_element_changes(name, backend):
    """Also by the lines that a function runs once it has been called, and back again."""
    if backend != "numpy":
        pytest.importorskip({"native": "numba", "jax": "jax"}[backend])
    table, weights = ARRAYS[name].copy(order="K"), np.linspace(-1.0, 2.0, ARRAYS[name].size).reshape(ARRAYS[name].shape)
    if name == "a view":
        table = np.linspace(0.0, 1.0, 4_000)[::2]
    f = lambda x: np.sum(np.where(np.isnan(table), 0.25, table) * x)
    program = dl.compile(f, backend=backend)
    place = tuple(n - 1 for n in table.shape)
    for value in (None, 3, 3, table[place], 5):
        if value is not None:
            table[place] = value
        for _ in range(4):
            np.testing.assert_allclose(program(weights), f(weights), rtol=1e-12)


def test_lists_that_are_read_are_seen_when_an_item_changes():
    factors = [2.0, {"deep": [1.0]}]
    f = lambda x: x * factors[0] + factors[1]["deep"][0]
    program, x = dl.compile(f), np.arange(3.0)
    for change in (lambda: None, lambda: factors.__setitem__(0, 4.0), lambda: factors[1]["deep"].__setitem__(0, 7.0)):
        change()
        for _ in range(4):
            np.testing.assert_array_equal(program(x), f(x))


def test_large_and_circular_containers_are_seen():
    many, table = [0.5 * k for k in range(1_000)], {k: 2.0 * k for k in range(500)}
    many.append(many)
    f = lambda x: x * sum(many[:5]) + table[7]
    program, x = dl.compile(f), np.arange(3.0)
    for change in (lambda: None, lambda: many.__setitem__(3, 4.0), lambda: table.update({7: 1.0})):
        change()
        for _ in range(4):
            np.testing.assert_array_equal(program(x), f(x))
    small = [1.0]
    small.append(small)
    program = dl.compile(lambda x: x * small[0])
    for small[0] in (1.0, 3.0):
        np.testing.assert_array_equal(program(x), x * small[0])


class Several:
    """Methods and a property, each of which reads attributes and calls the next."""

    def __init__(self):
        self.a, self.b, self.c, self.d = 1.0, 2.0, 3.0, 4.0

    def first(self):
        return self.a + self.inner()

    def inner(self):
        return self.b

    def second(self):
        return self.c

    @property
    def third(self):
        return self.d


@pytest.mark.parametrize("name", ["a", "b", "c", "d"])
def test_every_method_that_is_named_is_looked_into(name):
    model = Several()
    f = lambda x: x * model.first() * model.second() * model.third
    program = dl.compile(f)
    for value in (getattr(model, name), 7.0):
        setattr(model, name, value)
        for _ in range(3):
            assert program(2.0) == f(2.0)


class Forwarding:
    """Reads each attribute that it does not have from somewhere else."""

    def __init__(self, settings):
        self.settings = settings

    def __getattr__(self, name):
        return self.settings[name]


def test_what_attributes_are_read_by_is_looked_into():
    config, plain = Forwarding({"rate": 1.0}), Several()
    read = attrgetter("a")
    f = lambda x: x * config.rate * read(plain)
    program = dl.compile(f)
    for _ in range(3):
        assert program(2.0) == f(2.0)
        config.settings["rate"] += 1.0
        assert program(2.0) == f(2.0)
        plain.a += 1.0
