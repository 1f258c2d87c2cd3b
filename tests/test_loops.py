"""Loops in loops and loops of other dtypes: against Python's own loops, finite differences and each other's modes."""

from __future__ import annotations

import numpy as np
import pytest

import difflab as dl


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
