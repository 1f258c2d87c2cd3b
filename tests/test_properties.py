"""Properties that hold for every function: linearity, duality, symmetric Hessians, rewrites that change nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st
from passes import ROUNDING, equal_bits

import difflab as dl
from difflab.compile.passes.pipeline import PASSES, optimise
from difflab.primitives import TABLE

LEAVES = st.sampled_from(["x", "y", "2", "0.5", "(x - 1)", "x*y"])


def extend(inner):
    unary = st.sampled_from(
        ["sin", "cos", "tanh", "exp", "sigmoid", "softplus", "arctan", "square", "expm1", "-", "erf"]
    )
    binary = st.sampled_from(["+", "-", "*"])
    return st.one_of(
        st.tuples(unary, inner).map(lambda t: f"{t[0]}({t[1]})"),
        st.tuples(inner, binary, inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        st.tuples(inner, inner).map(lambda t: f"({t[0]}) / (1 + ({t[1]})**2)"),
        st.tuples(inner, inner, inner).map(lambda t: f"where({t[0]} > 0, {t[1]}, {t[2]})"),
        st.tuples(inner, inner).map(lambda t: f"maximum({t[0]}, {t[1]})"),
    )


def kinked(count):
    """The names of the rows of the table that step, choose or have a kink."""
    rows = [r for r in TABLE.values() if r.kind == "elementwise" and len(r.partials) == count and r.kinks is not None]
    return st.sampled_from([r.name for r in rows if "text" in r.called and not r.examples and not r.truth])


def with_kinks(inner):
    return st.one_of(
        extend(inner),
        st.tuples(kinked(1), inner).map(lambda t: f"{t[0]}({t[1]})"),
        st.tuples(kinked(2), inner, inner).map(lambda t: f"{t[0]}({t[1]}, {t[2]})"),
    )


EXPRESSIONS = st.recursive(LEAVES, extend, max_leaves=8).map(lambda t: f"{t} + x * y")
STEPS_TOO = st.recursive(LEAVES, with_kinks, max_leaves=8).map(lambda t: f"{t} + x * y")
NUMBERS = st.floats(-2, 2).filter(lambda v: abs(v) > 1e-3)


def settled(text, x, y):
    """The graph and a point where everything is finite and not huge."""
    graph = dl.parse(text)
    with np.errstate(all="ignore"):
        values = [np.asarray(v) for v in graph.forward(x=x, y=y).values.values()]
    assume(all(np.all(np.abs(v.astype(float)) < 1e6) for v in values))
    return graph, lambda x, y: graph(x=x, y=y)


@settings(max_examples=60, deadline=None)
@given(EXPRESSIONS, NUMBERS, NUMBERS)
def test_the_methods_agree_with_the_certificate(text, x, y):
    settled(text, x, y)
    comparison = dl.compare(text, at={"x": x, "y": y}, methods=["reverse", "forward", "certified"])
    certified = comparison.methods["certified"].found.certified  # at a tie there is nothing to agree on
    assert comparison.verdict == ("agree" if certified else "undecided"), str(comparison)


@settings(max_examples=60, deadline=None)
@given(EXPRESSIONS, NUMBERS, NUMBERS)
def test_forward_and_reverse_are_dual_and_hessians_symmetric(text, x, y):
    _, f = settled(text, x, y)
    g = dl.grad(f, argnums=(0, 1))(x, y)
    assert dl.jvp(f, (x, y), (1.0, -2.0))[1] == pytest.approx(g[0] - 2 * g[1], rel=1e-9, abs=1e-9)
    ((_, xy), (yx, _)) = dl.jacobian(dl.grad(f, argnums=(0, 1)), argnums=(0, 1))(x, y)
    assert xy == pytest.approx(yx, rel=1e-7, abs=1e-7)


@settings(max_examples=60, deadline=None)
@given(STEPS_TOO, NUMBERS, NUMBERS)
def test_rewrites_change_nothing(text, x, y):
    _, f = settled(text, x, y)
    both = dl.trace(lambda x, y: dl.value_and_grad(f, argnums=(0, 1))(x, y), 0.5, 0.25)
    flat = lambda found: np.array([found[0], *found[1]])
    want = flat(both(x, y))
    for name, run in [*PASSES.items(), ("all", lambda g: optimise(g)[0])]:
        found = flat(run(both)(x, y))
        if name in ROUNDING or name == "all":
            np.testing.assert_allclose(found, want, rtol=1e-9, atol=1e-9)
        else:
            equal_bits(found, want, name)
    program = dl.compile(dl.grad(f, argnums=(0, 1)))
    np.testing.assert_allclose(program(x, y), want[1:], rtol=1e-9, atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(STEPS_TOO, NUMBERS, NUMBERS)
def test_the_backward_graph_is_the_gradient(text, x, y):
    graph, f = settled(text, x, y)
    backward = dl.backward_graph(graph)
    names = [n.name for n in graph.inputs]
    found = dict(zip(names, list(backward(**{n: {"x": x, "y": y}[n] for n in names}))[1:]))
    g = dl.grad(f, argnums=(0, 1))(x, y)
    assert found["x"] == pytest.approx(g[0], rel=1e-12, abs=1e-12, nan_ok=True)
    assert found["y"] == pytest.approx(g[1], rel=1e-12, abs=1e-12, nan_ok=True)


@settings(max_examples=30, deadline=None)
@given(EXPRESSIONS, NUMBERS, NUMBERS)
def test_arrays_are_mapped_like_numbers(text, x, y):
    _, f = settled(text, x, y)
    xs, ys = np.array([x, 0.3, x]), np.array([y, y, -0.7])
    arrays = dl.elementwise_grad(f)(xs, ys)
    with np.errstate(all="ignore"):
        one_by_one = [dl.grad(f)(a, b) for a, b in zip(xs, ys)]
    np.testing.assert_allclose(arrays, one_by_one, rtol=1e-10, atol=1e-10)
