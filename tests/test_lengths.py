"""Loops of Python whose length the values decide are told, once; other branches are not."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import difflab as dl
from difflab.errors import RetracedWarning


def newton(a):
    x = a
    while abs(x * x - a) > 1e-12:
        x = 0.5 * (x + a / x)
    return x


def until_small(x):
    for _ in range(100):
        x = 0.5 * x
        if x < 1.0:
            break
    return x * x


def nested(x):
    total = 0.0
    for k in range(3):
        y = x * (k + 1)
        while y > 1.0:
            y = 0.5 * y
        total = total + y
    return total


def elements(x):
    return sum(e * e if e > 0.0 else e for e in x)


def within(x):
    total = 0.0
    for e in x:
        if e > 0.0:
            total = total + (e if e > 0.5 else e * e)
    return total


def once(x):
    return x if x > 2.0 else x * x if x > 1.0 else x * x * x


def told(program, points):
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        for x in points:
            program(x)
    return [w for w in seen if w.category is RetracedWarning]


POINTS = (2.0, 20.0, 200.0, 2e3, 2e4, 2e5)


@pytest.mark.parametrize("derived", [lambda f: f, dl.grad, dl.value_and_grad])
@pytest.mark.parametrize(
    ("f", "line", "turns"),
    [
        (newton, "while abs(x * x - a) > 1e-12", "5, 7"),
        (until_small, "if x < 1.0", "1, 4 and 7"),
        (nested, "while y > 1.0", "6, 17 and 27"),
    ],
)
def test_a_loop_of_data_dependent_length_is_told_once(f, line, turns, derived):
    found = told(dl.compile(derived(f)), POINTS)
    assert len(found) == 1
    text = str(found[0].message)
    assert f"in {f.__name__} took {turns}" in text and "dl.while_loop" in text
    source = open(__file__, encoding="utf-8").read().splitlines()  # noqa: SIM115
    assert found[0].filename == __file__ and source[found[0].lineno - 1].strip().startswith(line)


def test_two_lengths_are_no_news():
    assert told(dl.compile(newton), (2.0, 20.0) * 3) == []


def test_each_shape_is_counted_for_itself():
    f = dl.compile(lambda x: np.sum(x) if not any(bool(e > 9.0) for e in x) else x[0])
    assert told(f, [np.ones(n) for n in range(1, 8)]) == []


@pytest.mark.parametrize("f", [elements, within])
def test_branches_are_no_loops(f):
    """They differ for each element, but there are as many of them at each call, or they leave no loop."""
    rng = np.random.default_rng(3)
    assert told(dl.compile(dl.grad(f)), [rng.uniform(-1, 1, 12) for _ in range(12)]) == []


def test_a_branch_of_numbers_is_no_loop():
    assert told(dl.compile(once), (0.5, 1.5, 2.5)) == []


def test_the_loop_that_it_names_is_traced_once():
    def loop(a):
        return dl.while_loop(lambda x: abs(x * x - a) > 1e-12, lambda x: 0.5 * (x + a / x), a)

    program = dl.compile(loop)
    assert told(program, POINTS) == []
    assert sum(map(len, program.program.programs.values())) == 1
