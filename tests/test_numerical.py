"""Finite differences and the complex step: right values, honest claims, kinks seen from both sides."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st

import difflab as dl
from difflab.differentiate.differences import Line, central_difference, five_point_difference, ridders
from difflab.differentiate.numerical import SCHEMES
from difflab.differentiate.problem import as_problem
from difflab.errors import InputError, UnsupportedError

# The relative error that each scheme reaches on a function whose derivatives are all of ordinary size.
REACHES = {"forward": 1e-6, "central": 1e-9, "five-point": 1e-11, "ridders": 1e-10, "complex-step": 1e-15}
SMOOTH = [
    ("exp(x)*sin(3*x)", 0.7),
    ("1/(1+x**2)", -1.3),
    ("log(x)/x", 2.5),
    ("tanh(x)**3 + x", 0.4),
    ("arctan(x)*sqrt(1+x*x)", 12.0),
]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(("text", "x"), SMOOTH)
def test_each_scheme_reaches_its_order(text, x, scheme):
    truth = dl.certify(text, dict(x=x)).gradient["x"]
    found = dl.differentiate(text, dict(x=x), method="numerical", scheme=scheme)
    assert found.gradient["x"] == pytest.approx(truth, rel=REACHES[scheme])
    assert scheme.split("-")[0] in found.label
    assert found.evaluations >= (1 if scheme == "complex-step" else 2)


@settings(max_examples=60)
@given(st.sampled_from(SMOOTH), st.floats(0.2, 3), st.sampled_from(["forward", "central", "five-point", "ridders"]))
def test_the_claimed_error_is_not_a_fairy_tale(case, x, scheme):
    text, _ = case
    truth = dl.certify(text, dict(x=x)).gradient["x"]
    found = dl.differentiate(text, dict(x=x), method="numerical", scheme=scheme)
    assume(not found.notes)
    assert abs(found.gradient["x"] - truth) <= 100 * found.claimed_error["x"] + 1e-12


@pytest.mark.parametrize("scheme", ["forward", "central", "five-point", "ridders"])
@pytest.mark.parametrize("text", ["abs(x)", "relu(x)", "maximum(x, -2*x)"])
def test_a_kink_is_claimed_as_an_error_and_noted(text, scheme):
    found = dl.differentiate(text, dict(x=0.0), method="numerical", scheme=scheme)
    assert found.claimed_error["x"] >= 0.4, "the mean of the two slopes claims to be exact"
    assert any("a kink, or terms that cancel" in n for n in found.notes)


def test_steps_are_chosen_for_each_coordinate():
    at = np.array([1e-8, 1.0, 1e8])
    found = dl.differentiate(lambda x: np.sum(np.sin(x / np.array([1e-8, 1.0, 1e8]))), at, method="numerical")
    assert found.gradient.shape == (3,)
    assert found.gradient[1:] == pytest.approx(np.cos(1.0) / at[1:], rel=1e-6)


def test_steps_are_differences_of_doubles():
    line = Line(as_problem("x*x", dict(x=1e6 / 3)), 0, ())
    h = line.step(1e-5)
    assert (line.x + h) - line.x == h
    assert line(2.0) == 4.0
    assert line.evaluations == 1


def test_formulas_are_exact_for_polynomials_of_their_degree():
    def line(text, x):
        return Line(as_problem(text, dict(x=x)), 0, ())

    assert central_difference(line("x*x", 3.0), 0.5)[0] == 6.0
    assert five_point_difference(line("x**4 - x**3", 1.0), 0.25)[0] == pytest.approx(1.0, rel=1e-14)
    assert ridders(line("x**5", 1.0))[0] == pytest.approx(5.0, rel=1e-13)


@pytest.mark.parametrize(
    ("text", "x", "truth"),
    [
        ("abs(x)", -2.0, -1.0),
        ("maximum(x, 3)", 4.0, 1.0),
        ("where(x < 1, x**2, x**3)", 2.0, 12.0),
        ("hypot(x, 1)", 1.0, 2**-0.5),
    ],
)
def test_the_complex_step_has_its_own_rules(text, x, truth):
    found = dl.differentiate(text, dict(x=x), method="numerical", scheme="complex-step")
    assert found.gradient["x"] == pytest.approx(truth, rel=1e-15)


@pytest.mark.parametrize(("text", "x"), [("gamma(x)", -0.5), ("j0(x)", -2.0790686826194724), ("i0(x)", -0.5)])
def test_the_complex_step_refuses_where_rounding_would_pass_for_a_derivative(text, x):
    with pytest.raises(UnsupportedError, match="complex step"):
        dl.differentiate(text, dict(x=x), method="numerical", scheme="complex-step")


def test_arrays_and_pytrees():
    def f(p):
        return np.sum(p["w"] ** 3) * p["b"][0]

    at = {"w": np.array([[1.0, 2.0], [3.0, 4.0]]), "b": [2.0]}
    for scheme in SCHEMES:
        found = dl.differentiate(f, at, method="numerical", scheme=scheme).gradient
        assert found["w"] == pytest.approx(6 * at["w"] ** 2, rel=1e-5)
        assert found["b"][0] == pytest.approx(100.0, rel=1e-5)


@pytest.mark.parametrize("options", [{"scheme": "sideways"}, {"scheme": None}])
def test_unknown_schemes_are_refused(options):
    with pytest.raises(InputError, match="scheme"):
        dl.differentiate("x", dict(x=1.0), method="numerical", **options)
