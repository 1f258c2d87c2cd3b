"""Functions, points and rules of which difflab once said something false: certified, agree, wrong, a claimed error."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sympy

import difflab as dl
from difflab.bridges.judging.entries import AT_KINK, UNJUDGED, Entry, by_differences
from difflab.differentiate.certificate import entry
from difflab.differentiate.methods import differentiate
from difflab.differentiate.problem import as_problem
from difflab.errors import DisagreementError, InputError, UnsupportedError
from difflab.testing import assert_gradients_agree, find_broken_rule
from difflab.testing.judges import PointError

# A record that is not the function.
COUNTED: list[int] = []


def counts(x):
    COUNTED.append(1)
    return x * len(COUNTED)


def caught(x):
    try:
        return float(x) * x
    except Exception:
        return 7 * x


UNLIKE = {
    "its own text": (lambda x: x * len(str(x)), "the record of the function gives 165 here, the function itself 7.5"),
    "a dict": (lambda x: {2.5: 5.0}.get(x, 1.0) * x, "gives 2.5 here, the function itself 12.5"),
    "an exception": (caught, "gives 17.5 here, the function itself 6.25"),
    "a counter": (counts, "two values at the same point"),
    "random numbers": (lambda x: x * np.random.default_rng().random(), "two values at the same point"),
}


@pytest.mark.parametrize("name", UNLIKE)
def test_a_record_that_is_not_the_function_proves_nothing_and_agrees_with_nothing(name):
    f, told = UNLIKE[name]
    proof, comparison = dl.certify(f, 2.5), dl.compare(f, 2.5)
    assert proof.verdict == "undecided" and told in proof.reason and np.isnan(proof.gradient)
    assert comparison.verdict == "undecided" and told in comparison.reason
    assert all(m.agrees is None for m in comparison.methods.values())
    assert dl.compare(f, 2.5, methods=["reverse", "symbolic", "numerical"]).verdict == "undecided"


def test_a_record_that_rounds_otherwise_than_the_function_is_the_function():
    def f(x):  # all of the value is rounding, and of two sums in another order
        terms = [np.exp(x[0]), np.exp(x[1]), 1e8 * x[0], -1e8 * x[0]]
        total = sum(terms if isinstance(x, np.ndarray) else terms[::-1])
        return total - np.exp(x[0]) - np.exp(x[1])

    assert dl.certify(f, np.array([0.3, 1.7])).certified


# Kinks that are none.
@pytest.mark.parametrize(
    ("text", "f", "x"),
    [
        ("maximum(x, x)", lambda x: np.maximum(x, x), 1.0),
        ("abs(x*1e-200*1e-200)", lambda x: np.abs(x * 1e-200 * 1e-200), 1.0),
    ],
)
def test_a_kink_of_an_operation_where_the_whole_is_proven_to_be_smooth(text, f, x):
    comparison = dl.compare(text, dict(x=x))
    assert comparison.agree and comparison.certified
    assert [n.endswith("the whole is differentiable here, which is proven") for n in comparison.notes] == [True]
    assert_gradients_agree(f, x)


def test_a_kink_that_is_one_is_told_without_a_proof():
    comparison = dl.compare("abs(x)", dict(x=0.0))
    assert not comparison.certified and not any("proven" in n for n in comparison.notes)
    with pytest.raises(InputError, match="sits on a kink"):
        assert_gradients_agree(np.abs, 0.0)


@pytest.mark.parametrize(("text", "x"), [("trunc(x)", -1.0), ("trunc(x)", 1.0), ("0**x", 0.0), ("floor(x)", 1.0)])
def test_at_a_jump_there_is_no_derivative_from_the_side_that_jumps(text, x):
    proof = dl.certify(f"sum({text})", dict(x=np.array([x])))
    assert proof.verdict == "not differentiable"
    left, right = proof.one_sided["x"] or (np.full((1, 2), np.nan),) * 2
    jumps = {"trunc(x)": x > 0, "0**x": False, "floor(x)": True}[text]
    assert np.all(np.isnan(left if jumps else right))


# Numbers that are not those that were given.
def test_a_certificate_is_about_the_number_that_was_given():
    x = np.longdouble(1) + np.longdouble(2) ** -60
    if float(x) != x:
        assert "no double" in dl.certify(lambda x: x - 1, x).reason
        constant = dl.certify(lambda y: y * (x - 1), 1.0)
        assert constant.gradient == 2.0**-60
    with pytest.raises(InputError, match="the nearest is 9007199254740992.0"):
        dl.certify(lambda x: x - 2**53, 2**53 + 1)
    assert dl.certify(lambda x: x - 2**53, 2**53 + 2).value == 2


@pytest.mark.parametrize(("assumed", "x", "told"), [
    (dict(positive=True), -1.0, "x=-1, which is assumed to be positive"),
    (dict(integer=True), 0.5, "assumed to be integer"),
    (dict(nonzero=True), 0.0, "nonzero"),
    (dict(odd=True), 2.0, "x=2, which is assumed to be odd"),
])  # fmt: skip
def test_a_point_that_a_symbol_is_assumed_not_to_be(assumed, x, told):
    symbol = sympy.Symbol("x", **assumed)
    for ask in (dl.certify, dl.compare):
        with pytest.raises(InputError, match=told):
            ask(sympy.sqrt(symbol**2) + sympy.sin(symbol), dict(x=x))
    assert dl.certify(sympy.sqrt(symbol**2), dict(x=3.0)).gradient["x"] == 1


@pytest.mark.parametrize(("text", "x", "digits"), [
    ("exp(x)", -800.0, 0), ("exp(x)", -745.0, 0), ("exp(x)", -720.0, 10), ("exp(x)", -700.0, 15), ("x*0", 1.0, 17),
    ("x*1e-320", 1.0, 17),
])  # fmt: skip
def test_a_double_below_the_normal_ones_has_the_digits_that_it_can_hold(text, x, digits):
    proof = dl.certify(text, dict(x=x))
    assert proof.certified
    assert proof.digits["x"] == digits or (digits == 15 and proof.digits["x"] >= 15)


def test_digits_of_balls():
    import flint

    assert entry(flint.arb(0)).digits == 17 and entry(flint.arb(1) / 3).digits >= 15
    assert entry(flint.arb("1e-400")).digits == 0


def test_a_wrong_rule_of_a_tiny_derivative_beside_huge_ones():
    @dl.custom_gradient
    def square(x):
        return x**2, lambda g: g * x * 3

    x = np.concatenate([[2.0], np.linspace(-1, 1, 250)])
    proof = dl.certify(lambda x: 1e300 * np.sum(x[1:]) + 1e-300 * square(x[0]), x)
    assert proof.verdict == "undecided" and "a rule is wrong" in proof.reason
    assert dl.certify(lambda x: 1e300 * np.sum(x[1:]) + 1e-300 * x[0] ** 2, x).gradient[0] == 4e-300


# Errors that finite differences claim.
FAST = {
    "an oscillation of 1e-12": (lambda x: math.sin(x) + 1e-12 * math.sin(1e12 * x), 2.0, math.cos(2) + math.cos(2e12)),
    "one of 1e-9": (lambda x: math.sin(x) + 1e-9 * math.sin(1e9 * x), 2.0, math.cos(2) + math.cos(2e9)),
    "one beside a square": (
        lambda x: x * x - math.cos(x**3), -2280.8, -4561.6 + 3 * 2280.8**2 * math.sin((-2280.8) ** 3),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAST)
def test_differences_claim_no_error_that_does_not_hold(name):
    f, x, truth = FAST[name]
    found = differentiate(lambda x: black(f, x), x, method="numerical")
    claimed = found.claimed_error["x"]
    assert found.refusals["x"] or abs(found.gradient - truth) <= claimed


def black(f, x):
    from difflab.differentiate.opaque import Opaque

    return Opaque(lambda x: float(f(float(x))))(x)


# Gradients that were accused, and others that were not.
def fast(x):
    return math.sin(x) + 1e-9 * math.sin(1e9 * x)


def test_where_a_function_has_a_slope_for_each_scale_no_gradient_is_accused():
    slow = FAST["an oscillation of 1e-12"][0]
    for f, gradient in ((fast, lambda x: np.cos(x) + np.cos(1e9 * x)), (slow, lambda x: np.cos(x) + np.cos(1e12 * x))):
        with pytest.raises(UnsupportedError, match="between steps"):
            assert_gradients_agree(f, 2.0, gradient=gradient)


def test_a_function_that_counts_is_none_of_float32():
    steps = lambda x: math.floor(float(x))
    for slope in (0.0, 1.0, 55.0):
        with pytest.raises(PointError, match="jump"):
            assert_gradients_agree(steps, 1.0, gradient=lambda x, slope=slope: slope)
    assert_gradients_agree(steps, 1.5, gradient=lambda x: 0.0)
    with pytest.raises(DisagreementError):
        assert_gradients_agree(steps, 1.5, gradient=lambda x: 1.0)


@dl.custom_gradient
def cancelling(x):
    return (1 - np.cos(x)) / x**2, lambda g: g * (np.sin(x) / x**2 - 2 * (1 - np.cos(x)) / x**3)


@dl.custom_gradient
def mistaken(x):
    return (1 - np.cos(x)) / x**2, lambda g: g * (np.sin(x) / x**2 - (1 - np.cos(x)) / x**3)


@pytest.mark.parametrize("x", [1e-3, 1e-4, 1e-8])
def test_a_right_rule_that_cancels_is_not_called_wrong(x):
    found = find_broken_rule(cancelling, x)
    assert not found
    assert found.judged or "in floats its rule has no digits here" in found.unjudged[0]


def test_rounding_excuses_no_mistake_that_is_larger():
    assert find_broken_rule(mistaken, 0.5) and find_broken_rule(mistaken, 1e-4)
    assert not find_broken_rule(cancelling, 0.5)
    found = find_broken_rule(np.std, np.array([1.0, 1.0, 1.0 + 1e-15]))
    assert not found and "no digits" in found.unjudged[0]


def test_a_judge_that_may_be_off_by_anything_confirms_no_zero():
    f = lambda x: np.where(x == 0, 0.0, x**2 * np.sin(1 / np.where(x == 0, 1.0, x)))
    rows = dl.compare(f, 0.0).methods
    assert not rows["reverse"].agrees and "1.8e+308" not in rows["reverse"].reason


def test_where_differences_cannot_see_no_framework_is_accused():
    def f(x):  # without a certificate, and faster than floats can show
        return np.real(np.fft.fft(np.stack([np.sin(x), 0 * x])))[0]

    problem = as_problem(f, 1e16)
    told = by_differences(problem, Entry("x", (), 1e16, -0.6, -0.6261681981330862, 1e14, "", ""), 0.0, np.dtype(float))
    assert told.kind == UNJUDGED and "scale" in told.reason
    kink = as_problem(lambda x: np.abs(np.real(np.fft.fft(np.stack([x, 0 * x])))[0]), 0.0)
    assert by_differences(kink, Entry("x", (), 0.0, 3.0, 0.0, 1.0, "", ""), 0.0, np.dtype(float)).kind == AT_KINK


@pytest.mark.parametrize(("text", "x"), [("floor(x)", 2.0), ("trunc(x)", -1.0), ("x % 1", 3.0), ("elu(x)", 0.0)])
def test_where_the_slopes_of_both_sides_are_the_same_they_are_not_called_one_sided_derivatives(text, x):
    (kink,) = dl.compare(text, dict(x=x), methods=["reverse"]).kinks
    assert kink.left == kink.right and f"the slope is {kink.left:g} on both sides" in str(kink)
