"""compile_gradients: derivatives as programs, used again only where what their function reads is as it was."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

import difflab.autograd as ag
import difflab.autograd.numpy as anp
from difflab.autograd import compiling
from difflab.errors import InputError

X = np.array([0.3, -1.2, 2.0])
FACTOR = 2.0


@pytest.fixture(autouse=True)
def compiled(monkeypatch):
    monkeypatch.setattr(compiling, "EAGER_CALLS", 3)  # POINTS are enough then
    ag.compile_gradients()
    yield
    ag.compile_gradients(on=False)


class Counter:
    """Counts without being read: what has no attributes is compared by its identity."""

    __slots__ = ("n",)

    def __init__(self):
        self.n = 0

    def __call__(self):
        self.n += 1


def many(gradient, points):
    return [gradient(x) for x in points]


POINTS = [X + k / 10 for k in range(8)]
OPERATORS = [ag.grad, ag.value_and_grad, ag.elementwise_grad, ag.jacobian, ag.hessian, ag.deriv]


@pytest.mark.parametrize("operator", OPERATORS)
def test_programs_give_what_runs_give(operator):
    f = lambda x: anp.log(anp.sum(anp.exp(x))) * x[0]
    counter = Counter()

    def told(x):
        counter()
        return f(x)

    found = many(operator(told), POINTS)
    at = counter.n
    assert at == compiling.EAGER_CALLS + 1  # the last one is the trace
    ag.compile_gradients(on=False)
    for a, b in zip(found, many(operator(f), POINTS)):
        for p, q in zip(a, b) if isinstance(a, tuple) else [(a, b)]:
            assert type(p) is type(q)
            np.testing.assert_allclose(p, q, rtol=1e-12, atol=1e-14)


def test_numbers_stay_numpys():
    gradient = ag.grad(lambda x: x**3)
    found = [gradient(float(k)) for k in range(8)]
    assert found == [3.0 * k**2 for k in range(8)]
    assert {type(x) for x in found} == {np.float64}


def test_shapes_and_other_arguments():
    gradient = ag.value_and_grad(lambda x, data, power=2.0: anp.sum((x * data) ** power))
    for k in range(12):
        x, data = np.arange(1.0, 3 + k % 2), np.arange(1.0, 3 + k % 2) + k
        value, g = gradient(x, data, power=2.0 + k % 3)
        assert value == pytest.approx(np.sum((x * data) ** (2.0 + k % 3)))
        np.testing.assert_allclose(g, (2.0 + k % 3) * (x * data) ** (1.0 + k % 3) * data)


def test_branches_are_checked():
    gradient = ag.grad(lambda x: anp.sum(x[anp.array(x > 0)] ** 2) if x[0] > 0 else anp.sum(x))
    rng = np.random.default_rng(0)
    for x in rng.normal(size=(60, 3)):
        expected = np.where(x > 0, 2 * x, 0) if x[0] > 0 else np.ones(3)
        np.testing.assert_allclose(gradient(x), expected)


class Model:
    scale = 2.0

    def __init__(self):
        self.penalty = 1.0
        self.data = np.ones(3)
        self.options = {"power": 2.0, "nested": [SimpleNamespace(shift=0.0)]}

    def loss(self, x):
        shift = self.options["nested"][0].shift
        return self.penalty * self.inner(x) + anp.sum((x - shift) ** self.options["power"])

    def inner(self, x):
        return anp.sum(self.data * x) * FACTOR

    def expected(self, x):
        power, shift = self.options["power"], self.options["nested"][0].shift
        return self.penalty * FACTOR * self.data + power * (x - shift) ** (power - 1)


CHANGES = {
    "an attribute": lambda m: setattr(m, "penalty", 3.0),
    "an array in place": lambda m: m.data.__setitem__(1, 7.0),
    "an array": lambda m: setattr(m, "data", np.full(3, 5.0)),
    "an item": lambda m: m.options.__setitem__("power", 3.0),
    "an object inside": lambda m: setattr(m.options["nested"][0], "shift", 0.5),
    "a global": lambda m: globals().__setitem__("FACTOR", 9.0),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("form", ["method", "partial", "closure", "object"])
def test_what_changes_between_calls_is_seen(change, form, monkeypatch):
    monkeypatch.setitem(globals(), "FACTOR", 2.0)
    model = Model()
    loss = {
        "method": model.loss,
        "partial": partial(Model.loss, model),
        "closure": lambda x: model.loss(x),
        "object": Callable(model),
    }[form]
    gradient = ag.grad(loss)
    many(gradient, POINTS)
    np.testing.assert_allclose(gradient(X), model.expected(X))
    CHANGES[change](model)
    np.testing.assert_allclose(gradient(X), model.expected(X))
    np.testing.assert_allclose(gradient(X + 1), model.expected(X + 1))


class Callable:
    def __init__(self, model):
        self.model = model

    def __call__(self, x):
        return self.model.loss(x)


def test_random_numbers_stay_random():
    rng = np.random.default_rng(0)
    for draw in (lambda: np.random.standard_normal(), rng.standard_normal):
        gradient = ag.grad(lambda x, draw=draw: x * draw())
        assert len({float(gradient(1.0)) for _ in range(10)}) == 10


def test_side_effects_stay():
    told = []
    gradient = ag.grad(lambda x: told.append(1) or x**2)
    many(gradient, [1.0] * 10)
    assert len(told) == 10


def test_what_cannot_be_compiled_stays_eager():
    def f(x, how, data):
        return anp.sum(x * data[how])

    gradient = ag.grad(f)
    for _ in range(8):
        np.testing.assert_array_equal(gradient(X, "a", {"a": X, "b": 2 * X}), X)
        np.testing.assert_array_equal(gradient(X, "b", {"a": X, "b": 2 * X}), 2 * X)


def test_errors_are_the_functions_own():
    def f(x):
        if np.asarray(x > 100).any():
            raise KeyError("too large")
        return anp.sum(x)

    gradient = ag.grad(f)
    many(gradient, POINTS)
    with pytest.raises(KeyError, match="too large"):
        gradient(X * 1000)
    np.testing.assert_array_equal(gradient(X), np.ones(3))


def test_programs_end_where_they_would_be_too_many():
    gradient = ag.grad(lambda x: anp.sum(x) * float(anp.floor(x[0])))
    for k in range(40):
        np.testing.assert_allclose(gradient(X + k), np.full(3, float(k)))


def test_user_primitives_and_nested_derivatives():
    f = ag.primitive(lambda x: np.sum(np.sin(x)))
    ag.extend.defvjp(f, lambda ans, x: lambda g: g * anp.cos(x))
    gradient = ag.grad(lambda x: anp.sum(ag.grad(f)(x) ** 2))
    for x in POINTS:
        np.testing.assert_allclose(gradient(x), -2 * np.cos(x) * np.sin(x), rtol=1e-12)


def test_a_program_is_traced_once_for_each_kind():
    counter = Counter()

    def f(x, data):
        counter()
        return anp.sum(x * data)

    gradient = ag.grad(f)
    for k in range(30):
        gradient(np.ones(2 + k % 2), np.full(2 + k % 2, float(k)))
    assert counter.n == compiling.EAGER_CALLS + 2


def test_the_backend_is_checked():
    with pytest.raises(InputError, match="compile_gradients"):
        ag.compile_gradients("fortran")


class Fitter:
    """As a client's: methods that call methods, of which each names others."""

    def __init__(self, scale):
        self.scale, self.seen = scale, Counter()

    def loss(self, x, data, events, kind=None):
        self.seen()
        return anp.sum(self.first(x, data) * self.weights(events)) + (0.0 if kind is None else len(kind))

    def first(self, x, data):
        return self.second(x) * data

    def second(self, x):
        return self.third(x) + x[0]

    def third(self, x):
        return self.scale * x**2

    def weights(self, events):
        return np.where(np.asarray(events, dtype=bool), 1.0, 2.0)  # of plain arrays only


@pytest.mark.parametrize("kind", [None, "text", True, SimpleNamespace(__len__=1)], ids=str)
def test_other_arguments_may_be_what_no_record_holds(kind):
    kind = [kind] if isinstance(kind, str) else None if kind is None else (kind,)
    fitter, events = Fitter(3.0), np.array([True, False, True])
    gradient = ag.value_and_grad(fitter.loss)
    found = [gradient(x, X, events, kind) for x in POINTS]
    assert fitter.seen.n <= compiling.EAGER_CALLS + 2  # the eager ones, and a trace or two
    fitter.scale = 5.0
    found += [gradient(x, X, ~events, kind) for x in POINTS]
    ag.compile_gradients(on=False)
    expected = [ag.value_and_grad(Fitter(3.0).loss)(x, X, events, kind) for x in POINTS]
    expected += [ag.value_and_grad(Fitter(5.0).loss)(x, X, ~events, kind) for x in POINTS]
    for (y, g), (want, slope) in zip(found, expected):
        np.testing.assert_allclose(y, want, rtol=1e-14)
        np.testing.assert_allclose(g, slope, rtol=1e-14)
