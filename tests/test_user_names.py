"""A function of a user's that is called like a row is not that row: whatever its name, its own value and derivative."""

from __future__ import annotations

import numpy as np
import pytest

import difflab as dl
from difflab.draw.draw import picture_of
from difflab.lab.convexity import convexity
from difflab.primitives import TABLE


def custom_gradient(name):
    def g(x):
        return x**3, lambda ct: ct * 3 * x**2

    g.__name__ = g.__qualname__ = name
    return dl.custom_gradient(g)


def block(name):
    return dl.block(lambda x: x**3, name=name, derivative=lambda y, x: 3 * x**2)


def custom_gradient_of_two(name):
    def g(x, y):
        return x + y**2, lambda ct: (ct, ct * 2 * y)

    g.__name__ = g.__qualname__ = name
    return dl.custom_gradient(g)


def block_of_two(name):
    return dl.block(lambda x, y: x + y**2, name=name, derivative=lambda z, x, y: (1.0, 2 * y))


METHODS = ("reverse", "forward", "certified", "numerical:complex-step", "numerical:central")
NAMES = pytest.mark.parametrize("name", [*TABLE, "opaque", "assemble", "axpy", "while_loop", "scan", "cond"])


def told(f, x, methods=METHODS):
    """Value and derivative by each method."""
    found = [dl.differentiate(f, (x,), method=method) for method in methods]
    return [(d.value, *d.by_name.values()) for d in found]


def compiled(f, x):
    """The third call's result: by then every graph is a program."""
    program = dl.compile(f)
    return [program(x) for _ in range(3)][-1]


@NAMES
@pytest.mark.parametrize("make", [custom_gradient, block])
def test_of_one_operand(make, name):
    h = make(name)
    f = lambda x: 1.5 * h(x)
    assert np.allclose(told(f, 2.0), (12.0, 18.0), rtol=1e-8, atol=0)
    assert float(dl.grad(dl.grad(h))(2.0)) == 12.0
    assert compiled(lambda x: -h(x), 2.0) == -8.0 and compiled(dl.grad(lambda x: -h(x)), 2.0) == -12.0
    assert compiled(lambda x: -h(-x), 2.0) == 8.0
    assert compiled(lambda x: np.sum(-h(x) * 1.5), np.full(3, 2.0)) == -36.0
    assert compiled(dl.grad(lambda x: np.sum(-h(x))), np.full(3, 2.0)).tolist() == [-12.0] * 3
    assert dl.vmap(h)(np.array([2.0, 1.0])).tolist() == [8.0, 1.0]
    assert dl.vmap(dl.grad(h))(np.array([2.0, 1.0])).tolist() == [12.0, 3.0]
    assert dl.jacobian(h, sparse=True)(np.array([2.0, 1.0])).toarray().tolist() == [[12.0, 0.0], [0.0, 3.0]]
    assert convexity(lambda x: h(x), dict(x=(-2.0, 2.0))).verdict == "not convex"


@NAMES
@pytest.mark.parametrize("make", [custom_gradient, block])
def test_formulas_and_drawings(make, name):
    h = make(name)
    graph = dl.trace(lambda x: -h(x), 2.0)
    expression = dl.to_sympy(graph)
    (x,) = expression.free_symbols
    assert (expression.subs(x, 2), expression.diff(x).subs(x, 2)) == (-8, -12)
    backward = graph.forward(2.0).backward()
    assert [float(e.downstream) for e in backward.edges] == [-1.0, -12.0]
    for thing in (graph, backward):
        for view in ("graph", "symbolic"):
            assert any(name in line.text for box in picture_of(thing, view=view).boxes for line in box.lines)
    assert name in graph.to_graphviz().source


@NAMES
@pytest.mark.parametrize("make", [custom_gradient_of_two, block_of_two])
def test_of_two_operands(make, name):
    h = make(name)
    f = lambda x: 2.0 * h(1.0, x)
    assert np.allclose(told(f, 3.0), (20.0, 12.0), rtol=1e-8, atol=0)
    for f, wanted in ((lambda x: -h(x, 1.0), -4.0), (lambda x: -h(-x, x), -6.0), (lambda x: 2.0 * h(x, x), 24.0)):
        assert compiled(f, 3.0) == wanted and compiled(f, np.full(3, 3.0)).tolist() == [wanted] * 3


@pytest.mark.parametrize("name", "sin negative absolute where max relu floor power less copysign fmod max_pool".split())
@pytest.mark.parametrize("make", [custom_gradient, block])
def test_the_symbolic_method_and_the_verdict(make, name):
    h = make(name)
    assert told(lambda x: 1.5 * h(x), 2.0, ["symbolic", "symbolic:branch"]) == [(12.0, 18.0)] * 2
    assert dl.compare(lambda x: 1.5 * h(x), at=(2.0,)).verdict == "agree"
