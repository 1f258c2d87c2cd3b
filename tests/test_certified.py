"""Certificates: enclosures that hold, digits that are right, and no certificate where there is no derivative."""

from __future__ import annotations

import threading

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import difflab as dl

KNOWN = [
    ("exp(x)*sin(x)", 1.5, lambda x: mpmath.exp(x) * (mpmath.sin(x) + mpmath.cos(x))),
    ("log1p(x)", 1e-17, lambda x: 1 / (1 + x)),
    ("(1 - cos(x)) / x**2", 1e-8, lambda x: (x * mpmath.sin(x) - 2 * (1 - mpmath.cos(x))) / x**3),
    ("tanh(x)", 300.0, lambda x: mpmath.sech(x) ** 2),
    ("erf(x)", 6.0, lambda x: 2 / mpmath.sqrt(mpmath.pi) * mpmath.exp(-x * x)),
    ("gammaln(x)", 1e-3, lambda x: mpmath.psi(0, x)),
    ("x**x", 0.5, lambda x: x**x * (mpmath.log(x) + 1)),
    ("sqrt(x)", 1e-300, lambda x: 1 / (2 * mpmath.sqrt(x))),
    ("sin(x)", 1e22, lambda x: mpmath.cos(x)),
]


@pytest.mark.parametrize(("text", "x", "derivative"), KNOWN, ids=[k[0] for k in KNOWN])
def test_the_value_is_the_nearest_double(text, x, derivative):
    with mpmath.workdps(800):
        truth = derivative(mpmath.mpf(x))
        nearest = float(truth)
        c = dl.certify(text, dict(x=x))
        low, high = c.enclosure["x"]
        assert mpmath.mpf(low) <= truth <= mpmath.mpf(high)
    assert c.certified
    assert c.gradient["x"] == nearest
    assert c.digits["x"] >= 15


@settings(max_examples=80)
@given(st.floats(-3, 3), st.floats(0.1, 3))
def test_enclosures_hold_the_truth(x, y):
    c = dl.certify("sin(x*y) + exp(x)/y", dict(x=x, y=y))
    with mpmath.workdps(60):
        x, y = mpmath.mpf(x), mpmath.mpf(y)
        truth = {"x": y * mpmath.cos(x * y) + mpmath.exp(x) / y, "y": x * mpmath.cos(x * y) - mpmath.exp(x) / y**2}
        for name, value in truth.items():
            low, high = c.enclosure[name]
            assert mpmath.mpf(low) <= value <= mpmath.mpf(high)
            assert c.gradient[name] == float(value)


@pytest.mark.parametrize(
    ("text", "x"),
    [("abs(x)", 0.0), ("relu(x)", 0.0), ("sqrt(x)", 0.0), ("log(x)", -1.0), ("floor(x)", 2.0), ("arcsin(x)", 1.0)],
)
def test_no_certificate_where_there_is_no_derivative(text, x):
    c = dl.certify(text, dict(x=x))
    assert not c.certified
    assert any("not certified" in n for n in c.notes)


def test_too_few_bits_are_said():
    cancels = "(1 - cos(x)) / x**2"
    c = dl.certify(cancels, dict(x=1e-100), bits=256)
    assert not c.certified
    assert "256 bits" in " ".join(c.notes)
    assert dl.certify(cancels, dict(x=1e-100)).certified


def test_the_rules_under_test_are_not_used():
    @dl.custom_gradient
    def wrong(x):
        return x**2, lambda g: 100 * g

    assert dl.grad(wrong)(3.0) == 100
    c = dl.certify(wrong, 3.0)
    assert c.certified
    assert c.gradient == 6


def test_many_coordinates_take_the_reverse_sweep_and_say_so():
    x = np.linspace(0.1, 2, 250)
    c = dl.certify(lambda x: np.sum(np.sin(x) * x), x)
    assert c.certified
    assert "reverse sweep" in c.label
    assert c.gradient == pytest.approx(np.sin(x) + x * np.cos(x), rel=1e-15)
    few = dl.certify(lambda x: np.sum(np.sin(x) * x), x[:20])
    assert "reverse" not in few.label
    assert few.gradient.tolist() == c.gradient[:20].tolist()


def test_arrays_keep_their_structure():
    A = np.array([[2.0, 1.0], [0.5, 3.0]])
    c = dl.certify(lambda p: np.linalg.det(p["A"]) + p["b"], {"A": A, "b": 1.0})
    assert c.certified
    assert c.gradient["A"].tolist() == [[3.0, -0.5], [-1.0, 2.0]]
    assert c.gradient["b"] == 1


def test_threads_do_not_share_the_precision():
    found, points = {}, np.linspace(0.1, 4, 24)

    def work(x):
        found[x] = dl.certify("sin(exp(x))", dict(x=x)).gradient["x"]

    threads = [threading.Thread(target=work, args=(float(x),)) for x in points]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for x in points:
        with mpmath.workdps(60):
            assert found[x] == float(mpmath.exp(x) * mpmath.cos(mpmath.exp(mpmath.mpf(float(x)))))


# What a certificate says besides the gradient.
def close(interval, value):
    low, high = interval
    return low <= value <= high and high - low <= 1e-14 * max(1, abs(value))


@pytest.mark.parametrize(
    ("text", "at", "left", "right"),
    [
        ("abs(x)", dict(x=0.0), -1, 1),
        ("abs(x - 1) + x/4", dict(x=1.0), -0.75, 1.25),
        ("maximum(x, 2*x)", dict(x=0.0), 1, 2),
        ("relu(sin(x))", dict(x=0.0), 0, 1),
        ("clip(x, -1, 1)", dict(x=1.0), 1, 0),
        ("where(x < 0, x**2, 3*x)", dict(x=0.0), 0, 3),
        ("hypot(x, y)", dict(x=0.0, y=0.0), -1, 1),
        ("sqrt(x**2 * (4 + x))", dict(x=0.0), -2, 2),
        ("abs(x**3 - 8)", dict(x=2.0), -12, 12),
        ("abs(sin(x) - sin(1/3) + (x - x)) + x", dict(x=0.0), 0, 0),
    ],
)
def test_one_sided_derivatives_are_enclosed(text, at, left, right):
    c = dl.certify(text, at)
    if text.startswith("abs(sin"):  # smooth here: nothing to refute
        assert c.certified and c.one_sided["x"] is None
        return
    assert c.verdict == "not differentiable" and "kink" in c.reason
    assert close(c.one_sided["x"][0], left) and close(c.one_sided["x"][1], right)
    assert np.isnan(c.gradient["x"])


@pytest.mark.parametrize(
    ("text", "at", "verdict", "said"),
    [
        ("floor(x)", dict(x=2.0), "not differentiable", "jump"),
        ("sign(x)", dict(x=0.0), "not differentiable", "jump"),
        ("where(x > 0, x + 1, x)", dict(x=0.0), "not differentiable", "jump"),
        ("sqrt(x)", dict(x=0.0), "not differentiable", "left"),
        ("arcsin(x)", dict(x=1.0), "not differentiable", "right"),
        ("x**y", dict(x=-2.0, y=3.0), "not differentiable", "y"),
        ("log(x)", dict(x=0.0), "undefined", "log"),
        ("gamma(x)", dict(x=-3.0), "undefined", "pole"),
        ("x / (y - y)", dict(x=1.0, y=2.0), "undefined", "divide"),
        ("where(x*x > 0, 3*x, x)", dict(x=0.0), "undecided", "greater"),
        ("exp(x)", dict(x=1000.0), "undecided", "largest double"),
    ],
)
def test_verdicts_say_why(text, at, verdict, said):
    c = dl.certify(text, at)
    assert c.verdict == verdict and said in c.reason and not c.certified
    assert f"not certified: {c.reason}" in c.notes


def test_a_kink_in_one_coordinate_takes_the_certificate_from_all():
    c = dl.certify("abs(x) + y", dict(x=0.0, y=1.0))
    assert c.verdict == "not differentiable" and close(c.one_sided["y"][0], 1) and close(c.one_sided["y"][1], 1)
    assert dl.certify("abs(x) + y", dict(x=0.0, y=1.0), wrt="y").certified  # x does not move


@pytest.mark.parametrize("n", [3, 250])
@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.sum(np.abs(x)),
        np.max,
        lambda x: np.sum(np.floor(x)),
        lambda x: np.sum(np.maximum(x, 0)),
        lambda x: np.sum(np.where(x > 0, x, 0)),
        lambda x: np.sum(np.sort(x) * np.arange(x.size)),
        lambda x: np.sum(np.clip(x, 0, 1)),
        np.linalg.norm,
    ],
)
def test_kinks_are_seen_for_few_and_for_many_coordinates(f, n):
    c = dl.certify(f, np.zeros(n))
    assert c.verdict == "not differentiable" and np.all(np.isnan(c.gradient))
    assert dl.certify(f, np.linspace(0.1, 0.9, n)).certified


def test_a_wrong_rule_is_found_out_for_many_coordinates():
    @dl.custom_gradient
    def wrong(x):
        return np.sum(x**2), lambda g: 2.02 * g * x

    c = dl.certify(wrong, np.linspace(0.1, 2, 250))
    assert c.verdict == "undecided" and "a rule is wrong" in c.reason


def test_constants_of_a_text_are_exact_and_those_of_a_function_are_doubles():
    for text in ("cos(2*pi*x)", "(sqrt(2)**2 - 2)*x", "(5 % (1/3))*x", "(exp(log(3)) - 3)*x", "sum([1/3, -1/3]*x)"):
        c = dl.certify(text, dict(x=1.0))
        low, high = c.enclosure["x"]
        assert c.certified and low <= 0 <= high and high - low < 1e-300, text
    with mpmath.workdps(50):
        assert dl.certify("2**(1/3)*x", dict(x=1.0)).gradient["x"] == float(mpmath.cbrt(2))
        assert dl.certify("exp(-1/10)*x", dict(x=1.0)).gradient["x"] == float(mpmath.exp(mpmath.mpf(-1) / 10))
        traced = dl.certify(lambda x: np.cos(2 * np.pi * x), 1.0)
        assert traced.certified and traced.gradient == float(-2 * mpmath.mpf(np.pi) * mpmath.sin(2 * mpmath.mpf(np.pi)))
    assert sum("doubles" in n for n in traced.notes) == 1
    import sympy

    x = sympy.Symbol("x")
    assert dl.certify(sympy.cos(2 * sympy.pi * x), dict(x=1.0)).gradient["x"] == 0


@pytest.mark.parametrize(
    "text",
            ["exprel(x)", "sinc(x)", "softplus(x)", "logaddexp(x, 0)", "arcsinh(x)", "log_cosh(x)", "sigmoid(x)",
             "tanh(x)", "silu(x)", "trunc(x)", "huber(1, x)", "softmax([x, 0])[0]", "logsumexp([x, 0, x])",
             "sinc(x)**2",
             "fmod(x, 2)", "i0(x)", "erf(x)", "mish(x)", "x**3", "norm([x, 1])"],
)  # fmt: skip
def test_what_is_smooth_at_0_is_certified_there(text):
    c = dl.certify(text, dict(x=0.0))
    assert c.certified
    assert c.gradient["x"] == pytest.approx(dl.differentiate(text, dict(x=0.0)).gradient["x"], rel=1e-15, abs=1e-300)


def test_second_derivatives():
    f = lambda x, y: np.sin(x[0] * y) * np.exp(x[1]) + y**3 * x[0]
    x, y = np.array([0.3, -1.2]), 0.7
    c = dl.certify(f, (x, y), order=2)
    assert c.certified
    xx = dl.hessian(lambda x: f(x, y))(x)
    xy = dl.jacobian(lambda y: dl.grad(lambda x: f(x, y))(x))(y)
    assert c.hessian["x"]["x"] == pytest.approx(xx, rel=1e-13)
    assert c.hessian["x"]["y"] == pytest.approx(xy, rel=1e-13)
    assert np.all(c.hessian["x"]["y"] == c.hessian["y"]["x"])
    for a in "xy":
        for b in "xy":
            low, high = np.moveaxis(np.asarray(c.hessian_enclosure[a][b]), -1, 0)
            assert np.all((low <= c.hessian[a][b]) & (c.hessian[a][b] <= high))
    assert dl.certify("abs(x)**3", dict(x=0.0), order=2).verdict != "certified"
    with pytest.raises(dl.DifflabError, match="order=3"):
        dl.certify("x", dict(x=1.0), order=3)


def test_stop_gradient_is_the_constant_at_the_point():
    c = dl.certify(lambda x: dl.stop_gradient(np.abs(x)) * x + np.floor(dl.stop_gradient(x)) * x, 3.0)
    assert c.certified and c.gradient == 6
    assert dl.certify(lambda x: dl.stop_gradient(np.abs(x)) * x, 0.0).gradient == 0


def test_a_branch_that_was_recorded_must_hold_around_the_point():
    def f(x):
        return 3 * x if x * x > 0 else x

    assert dl.certify(f, 1.0).gradient == 3
    assert dl.certify(f, 0.0).verdict == "undecided"
    assert dl.certify(lambda x: dl.cond(x > 0, lambda x: x, lambda x: -x, x), 0.0).verdict == "not differentiable"
    assert (
        dl.certify(lambda x: dl.scan(lambda c, _: (c if c > 1 else -c, 0.0), x, length=2)[0], 1.0).verdict
        != "certified"
    )


def test_a_function_with_the_name_of_a_row_is_itself():
    @dl.custom_gradient
    def softmax(x):
        return x**2, lambda g: 2 * g * x

    assert dl.certify(lambda x: softmax(x), 3.0).gradient == 6


def test_truth_values_add_up_as_numpy_adds_them():
    f = lambda x: ((x > 0) + (x > 1)) * x  # two true values make one
    assert dl.grad(f)(2.0) == dl.certify(f, 2.0).gradient == 1


def test_limits_of_time_and_memory():
    c = dl.certify(lambda x: np.sum(np.sin(np.linspace(0, x, 10_000_000))), 1.0)
    assert c.verdict == "undecided" and c.reason.startswith("not certified in 10 s")
    c = dl.certify(lambda x: np.sum(np.linspace(0, x, 300_000) ** 2), 1.0, seconds=0.05)
    assert c.verdict == "undecided" and "0.05 s" in c.reason
    with pytest.raises(dl.DifflabError, match="seconds=0"):
        dl.certify("x", dict(x=1.0), seconds=0)


def test_an_interrupt_ends_it_and_leaves_no_trace():
    import flint

    before = flint.ctx.prec, flint.ctx.cap

    @dl.custom_gradient
    def interrupted(x):
        if not isinstance(x, float | np.floating) and not hasattr(x, "recording"):
            raise KeyboardInterrupt
        return x * 1.0, lambda g: g

    with pytest.raises(KeyboardInterrupt):
        dl.certify(interrupted, 1.0)
    assert (flint.ctx.prec, flint.ctx.cap) == before
    assert dl.certify("sin(x)", dict(x=1.0)).certified


@pytest.mark.parametrize(
    "f", [lambda a: np.sum(np.linalg.eigh(a + a.T)[0] ** 3), lambda a: np.sum(np.linalg.svd(a)[1]),
          lambda a: np.sum(np.abs(np.fft.fft(a)) ** 2)],
)  # fmt: skip
def test_what_has_no_enclosure_is_refused_with_the_reason(f):
    c = dl.certify(f, np.array([[1.0, 2.0], [0.5, 1.5]]))
    assert c.verdict == "undecided" and any(w in c.reason for w in ("floating point", "complex"))


def test_a_block_with_its_own_derivative_is_certified_by_its_inside():
    inside = lambda x: x * x if x > 1 else x
    wrong = dl.block(inside, name="piecewise square", derivative=lambda y, x: 7.0)
    assert dl.certify(lambda x: wrong(x) + x, 3.0).gradient == 7
    square = dl.block(lambda x: x * x, name="square", derivative=lambda y, x: 7.0)
    assert dl.certify(lambda x: np.sum(square(x) + x), np.array([3.0, 0.5])).gradient.tolist() == [7.0, 2.0]
    assert not dl.certify(lambda x: wrong(x), 1.0).certified


def test_a_neighbourhood_without_a_finite_slope_is_no_proof():
    from flint import arb, arb_series

    from difflab.differentiate.problem import as_problem
    from difflab.differentiate.proof import Proof
    from difflab.primitives.germs.germ import Germ

    proof = Proof(as_problem("x", dict(x=1.0)), 1)
    fine = Germ(arb_series([1, 2], 2), arb_series([arb(1, 1e-3), arb(2, 1e-3)], 2))
    assert proof.smooth(fine, 1) is fine
    with pytest.raises(dl.DifflabError, match="slope is not enclosed"):
        proof.smooth(Germ(fine.point, arb_series([arb(1, 1e-3), arb.nan()], 2)), 1)


def test_a_branch_that_rounding_took_is_not_the_formula_s():
    c = dl.certify(lambda x: x if (x + 1e16) - 1e16 > 0.5 else 2 * x, 0.6)  # 0 in floats, 0.6 in numbers
    assert c.verdict == "undecided" and "recording" in c.reason


def test_a_denominator_that_may_be_0_is_named():
    c = dl.certify("x / (exp(log(3)) - 3)", dict(x=1.0))
    assert c.verdict == "undecided" and "denominator" in c.reason


def test_no_one_sided_derivative_where_a_jump_is_not_ruled_out():
    text = "where(x > 0, 2*x + (exp(log(3)) - 3) + exp(-100000), x)"  # it jumps, by less than any precision here shows
    c = dl.certify(text, dict(x=0.0))
    assert c.verdict == "not differentiable" and c.one_sided["x"] is None
    assert dl.certify("where(x > 0, 2*x, x)", dict(x=0.0)).one_sided["x"] == ((1.0, 1.0), (2.0, 2.0))


def test_a_one_sided_root_keeps_its_range():
    assert "jump" in dl.certify("where(sqrt(x**2) > 0, 3*sqrt(x**2), 7)", dict(x=0.0)).reason
    c = dl.certify("abs(sqrt(x**2 * (1 + x)) - x)", dict(x=0.0))
    assert c.verdict in ("not differentiable", "undecided")


def test_e_is_exact():
    for text in ("(log(e) - 1)*x", "(exp(1) - e)*x"):
        assert dl.certify(text, dict(x=1.0)).gradient["x"] == 0
    import sympy

    x = sympy.Symbol("x")
    with mpmath.workdps(40):
        for constant, value in ((sympy.EulerGamma, mpmath.euler), (sympy.Catalan, mpmath.catalan)):
            low, high = dl.certify(constant * x, dict(x=1.0)).enclosure["x"]
            assert low <= value <= high


def test_zero_times_nothing_is_nothing():
    for text in ("rint(x % y)", "where((x % y) < 1, x, 2*x)", "maximum(0*log(x - 2), x)"):
        c = dl.certify(text, dict(x=1.0, y=0.0) if "y" in text else dict(x=1.0), wrt="x")
        assert c.verdict in ("undefined", "undecided"), text


@pytest.mark.parametrize(
    "text, at, value",
    [
        ("abs(x)*y", dict(x=0.0, y=2.0), 0.0),
        ("relu(x) + 3", dict(x=0.0), 3.0),
        ("sign(x) + 1", dict(x=0.0), 1.0),
        ("sqrt(x) - 1", dict(x=0.0), -1.0),
        ("max(x, y)*z", dict(x=1.5, y=1.5, z=3.0), 4.5),
    ],
)
def test_a_function_has_its_value_where_it_has_no_derivative(text, at, value):
    c = dl.certify(text, at)
    assert c.verdict == "not differentiable" and c.value == value and np.isnan(c.gradient["x"])


@pytest.mark.parametrize("x", [1.0, -3.0, 2.0])
def test_numpys_rounding_at_a_root_is_no_other_function(x):
    """np.sinc(1.0) is 3.9e-17, because it rounds πx first; the record's is 0."""
    c = dl.certify(lambda x: np.sinc(x), x)
    assert c.certified and c.gradient == pytest.approx(np.cos(np.pi * x) / x, rel=1e-15), c.reason
