"""Graphs that are too large to be written answer node after node, and keep every promise of a program."""

from __future__ import annotations

import numpy as np
import pytest

import difflab as dl
from difflab.compile.program import compiled
from difflab.compile.program.remarks import annotated


@pytest.fixture(autouse=True)
def everything_is_large(monkeypatch):
    monkeypatch.setattr(compiled, "LARGEST", 0)


def cube(x):
    return x * x * x


def chosen(x):
    return x * x if x > 1.0 else x - 5.0


def masked(x):
    return np.sum(x[x > 0.5] ** 2)


def several(x):
    return {"a": x, "b": x.T, "twice": (x, x + 1.0), "constant": np.ones(2)}


@pytest.mark.parametrize("backend", ["numpy", "native", "auto"])
@pytest.mark.parametrize(
    ("f", "points"),
    [
        (dl.value_and_grad(cube), [2.0, 3.0, -1.5, np.float64(2.0), np.float32(2.0)]),
        (dl.grad(chosen), [2.0, 0.5, 3.0, 0.25]),
        (dl.value_and_grad(masked), [np.array([0.1, 0.9, 2.0]), np.array([3.0, 0.9, 2.0]), np.array([0.0, 0.1, 0.6])]),
        (several, [np.arange(6.0).reshape(2, 3), np.ones((2, 3))]),
        (lambda x: np.exp(x) / x, [1000.0, 0.0, 2.0]),
    ],
)
def test_it_answers_as_the_function_does(f, points, backend):
    program = dl.compile(f, backend=backend)
    with np.errstate(all="ignore"):
        for x in points * 2:
            found, expected = program(x), f(x)
            assert str(found) == str(tree(expected, found))
    assert all(isinstance(c.source, compiled.WalkedSource) for c in latest(program))


def tree(expected, found):
    """The expected values in Python's numbers where Python's numbers were given."""
    if isinstance(expected, tuple):
        return tuple(map(tree, expected, found))
    return float(expected) if type(found) is float else expected


def latest(program):
    return [c.build() for programs in program.program.programs.values() for c in programs]


def test_results_are_the_callers_own():
    x = np.arange(6.0).reshape(2, 3)
    program = dl.compile(several)
    program(x)
    found = program(x)
    arrays = [found["a"], found["b"], *found["twice"], found["constant"]]
    for k, a in enumerate(arrays):
        assert a.flags.writeable and not np.shares_memory(a, x)
        assert not any(np.shares_memory(a, b) for b in arrays[:k])
    found["constant"][:] = 7.0
    assert (program(x)["constant"] == 1.0).all()


def test_a_donated_array_may_stay_as_it_is():
    step = dl.compile(lambda w, g: w - 0.1 * g, donate_argnums=0)
    for _ in range(3):
        assert np.allclose(step(np.zeros(3), np.ones(3)), -0.1)


def test_it_says_why_there_is_no_source():
    program = dl.compile(dl.grad(cube))
    program.prepare(2.0)
    assert "run node after node" in program.source and "dl.scan" in program.explain()
    assert "run node after node" in annotated(program.program.latest())


def test_scans_inside_answer_too():
    def total(a):
        return dl.scan(lambda c, x: (a * c + x, None), 0.0, np.arange(4.0))[0]

    program = dl.compile(dl.value_and_grad(total))
    assert [program(2.0) for _ in range(3)] == [(11.0, 6.0)] * 3
