"""What a first call and an eager gradient hold in memory, and which functions are recorded without their values."""

from __future__ import annotations

import importlib
import tracemalloc
import weakref

import numpy as np
import pytest

import difflab as dl
from difflab.differentiate.transform import Recording
from difflab.errors import ShapeError
from difflab.graph.hollow import UnvaluedTape
from difflab.graph.trace import record

program = importlib.import_module("difflab.compile.program.program")


def chain(x):
    return np.sum(np.tanh(x) * np.exp(-x * x) + np.sin(3.0 * x) * np.log1p(x * x))


def first_call(f, x, large, monkeypatch):
    """The results of a first call, and the bytes that it had at the same time, counted in arrays like x."""
    monkeypatch.setattr(program, "LARGE", large)
    made = dl.compile(f)
    tracemalloc.start()
    found = made(x)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found, most / x.nbytes


def test_a_first_call_on_large_arrays_keeps_no_value_of_each_operation(monkeypatch):
    f, x = dl.value_and_grad(chain), np.linspace(-1.0, 2.0, 1_000_000)
    dl.compile(f)(x)  # what is imported late is there
    (value, slope), kept = first_call(f, x, np.inf, monkeypatch)
    (again, other), few = first_call(f, x, x.nbytes, monkeypatch)
    assert few < 8 < 20 < kept
    assert again == pytest.approx(value, rel=1e-13)
    np.testing.assert_allclose(other, slope, rtol=1e-12, atol=1e-13)


A = np.random.default_rng(3).normal(size=(6, 6)) + 6 * np.eye(6)
mine = dl.custom_gradient(lambda x: (np.sin(x), lambda ct: ct * np.cos(x)))
ON_VALUES = {
    "if": lambda x: np.sum(x**2) if np.sum(x) > 0.5 else np.sum(x),
    "while": lambda x: doubled(x),
    "mask": lambda x: np.sum(x[x > 0.7] ** 2),
    "count": lambda x: np.sum(x) * int(np.argmax(x)),
    "nonzero": lambda x: np.sum(x[np.nonzero(x > 0.7)] ** 2),
    "max of two": lambda x: max(x[0, 0], x[1, 1]) ** 2,
    "an own gradient": lambda x: np.sum(mine(x)),
    "scan": lambda x: dl.scan(lambda c, _: (np.sin(c) + x[0, 0], c), x[1, 1], None, length=4)[0],
    "while_loop": lambda x: dl.while_loop(lambda c: c < 3.0, lambda c: c * 1.5 + x[0, 0], x[1, 1]),
    "cond": lambda x: dl.cond(np.sum(x) > 0.5, np.sin, np.cos, x[0, 0]),
    "an error that is caught": lambda x: caught(x),
    "an error later on": lambda x: singular(x),
    "cholesky": lambda x: np.sum(np.linalg.cholesky(x @ x.T)),
    "eigh": lambda x: np.sum(np.linalg.eigh(x + x.T)[0] ** 2),
}
BY_SHAPES = {
    "arithmetic": chain,
    "product": lambda x: np.trace(x.T @ A @ x),
    "where": lambda x: np.sum(np.where(x > 0.5, x**2, 3 * x)),
    "norm": lambda x: np.linalg.norm(x) * np.max(x),
    "sort": lambda x: np.sum(np.sort(x, axis=0)[1] ** 2),
    "float32": lambda x: np.sum(x.astype(np.float32) ** 2).astype(float),
    "shapes": lambda x: np.sum(np.concatenate([x, x.T])[::2].reshape(-1)[: x.size] * np.arange(float(x.size))),
}


def caught(x):
    try:
        return np.sum(np.linalg.cholesky(x @ x.T))
    except (np.linalg.LinAlgError, dl.errors.DifflabError):  # zeros have none
        return np.sum(x)


def singular(x):
    try:
        return np.sum(np.linalg.inv(x - x + np.ones((6, 6))) * x)
    except np.linalg.LinAlgError:
        return np.sum(x**2)


def doubled(x):
    while np.sum(x**2) < 10.0:  # which zeros never end
        x = x * 2
    return np.sum(x)


@pytest.mark.parametrize("name", [*ON_VALUES, *BY_SHAPES])
def test_a_function_that_asks_for_values_is_run_on_them(name, monkeypatch):
    monkeypatch.setattr(program, "LARGE", 0)
    f = (ON_VALUES | BY_SHAPES)[name]
    tapes = []
    monkeypatch.setattr(program, "record", lambda *a, **k: tapes.append(k.get("tape")) or record(*a, **k))
    made, x = dl.compile(dl.value_and_grad(f)), A / 8
    want, slope = dl.value_and_grad(f)(x)
    for _ in range(2):
        value, found = made(x)
        assert value == pytest.approx(want, rel=1e-12)
        np.testing.assert_allclose(found, slope, rtol=1e-10, atol=1e-12)
    first, *second = tapes
    assert isinstance(first, UnvaluedTape) and second == [None] * (name in ON_VALUES)


def test_a_mistake_is_told_as_ever(monkeypatch):
    f = lambda x: np.sum(x + np.ones((4, 3)))
    messages = []
    for large in (0, np.inf):
        monkeypatch.setattr(program, "LARGE", large)
        with pytest.raises(ShapeError) as error:
            dl.compile(f)(np.ones((2, 2)))
        messages.append(str(error.value))
    assert messages[0] == messages[1] and "(2, 2)" in messages[0]


def test_a_gradient_frees_values_on_its_way_back():
    seen, alive = [], []

    def pullback(ct):
        alive.append(seen[0]() is not None)
        return ct

    early = dl.custom_gradient(lambda x: (x * 1.0, pullback))

    def f(x):
        y = np.sin(np.exp(early(x)))
        seen.append(weakref.ref(y.value))
        return np.sum(np.tanh(y))

    dl.grad(f)(np.ones(3))
    seen.clear()
    _, back = dl.vjp(f, np.ones(3))  # which may be called again
    assert np.array_equal(back(1.0)[0], back(1.0)[0])
    assert alive == [False, True, True]


def test_a_record_that_is_pulled_once_is_given_up():
    record = Recording("grad", chain, (np.ones(3),))
    assert record.operations
    record.pull([np.float64(1.0)], once=True)
    assert not record.operations
