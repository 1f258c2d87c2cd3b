"""Certificates that were false once: what must hold of each, worked out by hand."""

from __future__ import annotations

from fractions import Fraction

import mpmath
import numpy as np
import pytest
from mpmath import mp, mpf

import difflab as dl
import difflab.numpy as dnp

CERTIFIED, KINK, UNDEFINED, UNDECIDED = "certified", "not differentiable", "undefined", "undecided"
PROVEN, NOT, REFUSED = {CERTIFIED}, {KINK, UNDEFINED, UNDECIDED}, {KINK, UNDECIDED}


def exact(x):
    """A number in mpmath, at the digits in use; a float is the double that it is."""
    return mpf(x.numerator) / x.denominator if isinstance(x, Fraction) else x() if callable(x) else mpf(x)


def holds(enclosure, truth, width=1e-15):
    """The enclosure contains the truth and is tight."""
    low, high = map(mpf, map(float, enclosure))
    with mp.workdps(60):
        value = exact(truth)
        return low <= value <= high and high - low <= 2 * width * abs(value) + mpf("1e-300")


# text, point, verdicts that are right, the derivative by each name where it is certified
TEXTS = [
    ("exprel(x)", {"x": 0.0}, PROVEN, {"x": 0.5}),
    ("sin(x)/x", {"x": 0.0}, {UNDEFINED}, {}),
    ("x**2/x", {"x": 0.0}, {UNDEFINED}, {}),
    ("(exp(x)-1)/x", {"x": 0.0}, {UNDEFINED}, {}),
    ("(x**2-4)/(x-2)", {"x": 2.0}, {UNDEFINED}, {}),
    ("max(log(1-cos(x)),-100)", {"x": 1e-11}, PROVEN, {"x": lambda: mp.cot(mpf(1e-11) / 2)}),
    ("maximum(log((x+1e30)-1e30),-5)", {"x": 1.0}, PROVEN, {"x": 1}),
    ("minimum(y,sqrt(floor(x)))", {"x": 0.5, "y": 1.7}, PROVEN, {"x": 0, "y": 0}),
    ("maximum(log(x),-5)", {"x": -1.0}, {UNDEFINED}, {}),
    ("0*log(x)", {"x": -1.0}, {UNDEFINED}, {}),
    ("where(x*x>0,3*x,x)", {"x": 0.0}, {CERTIFIED, UNDECIDED}, {"x": 3}),
    ("sign(x**2)", {"x": 0.0}, REFUSED, {}),
    ("floor(cos(x))", {"x": 0.0}, REFUSED, {}),
    ("ceil(x**2)", {"x": 0.0}, REFUSED, {}),
    ("(1-x**2)%1", {"x": 0.0}, REFUSED, {}),
    ("arctan2(-x**2,-1)", {"x": 0.0}, REFUSED, {}),
    ("abs(x*(1-cos(y)))", {"x": 0.0, "y": 1e-12}, REFUSED, {}),
    ("cos(2*pi*x)", {"x": 1.0}, PROVEN, {"x": 0}),
    ("pi*x", {"x": 1.0}, PROVEN, {"x": lambda: +mp.pi}),
    ("exp(-1/10)*x", {"x": 1.0}, PROVEN, {"x": lambda: mp.exp(mpf(-1) / 10)}),
    ("(sqrt(2)**2-2)*x", {"x": 1.0}, PROVEN, {"x": 0}),
    ("2**(1/3)*x", {"x": 1.0}, PROVEN, {"x": lambda: mp.cbrt(2)}),
    ("sum([1/3,2/3]*x)", {"x": 1.0}, PROVEN, {"x": 1}),
    ("(5%(1/3))*x", {"x": 1.0}, PROVEN, {"x": 0}),
    ("exp(x)", {"x": 1000.0}, {UNDECIDED}, {}),
    ("arctan2(y,x)", {"y": -0.0, "x": -1.0}, REFUSED, {}),
    ("copysign(x,y)", {"x": 1.0, "y": -0.0}, REFUSED, {}),
    ("x*ndtr(x)", {"x": 0.3}, PROVEN, {"x": lambda: mp.ncdf(mpf(0.3)) + mpf(0.3) * mp.npdf(mpf(0.3))}),
    ("sin(pi*x)", {"x": 1e6}, PROVEN, {"x": lambda: +mp.pi}),
    ("exp(-x)", {"x": 1000.0}, PROVEN, {"x": lambda: -mp.exp(-1000)}),
    # a branch for stability is none, and ties of sums of exponentials are smooth
    ("softplus(x)", {"x": 0.0}, PROVEN, {"x": 0.5}),
    ("logaddexp(x,y)", {"x": 0.0, "y": 0.0}, PROVEN, {"x": 0.5, "y": 0.5}),
    ("logsumexp([x,y,x])", {"x": 1.0, "y": 1.0}, PROVEN, {"x": Fraction(2, 3), "y": Fraction(1, 3)}),
    ("softmax([x,y])[0]", {"x": 2.0, "y": 2.0}, PROVEN, {"x": 0.25, "y": -0.25}),
    ("arcsinh(x)", {"x": 0.0}, PROVEN, {"x": 1}),
    ("hypot(x,y)", {"x": 3.0, "y": 0.0}, PROVEN, {"x": 1, "y": 0}),
    ("hypot(x,y)", {"x": 0.0, "y": 0.0}, REFUSED, {}),
    ("sinc(x)", {"x": 0.0}, PROVEN, {"x": 0}),
    ("det([[x,1],[1,x]])", {"x": 1.0}, PROVEN, {"x": 2}),
    # kinks and ends of domains that random points seldom meet
    ("sqrt(abs(x*y))", {"x": 0.0, "y": 0.0}, REFUSED, {}),
    ("x**2*abs(y)", {"x": 0.0, "y": 0.0}, REFUSED, {}),
    ("sqrt(x)", {"x": 0.0}, NOT, {}),
    ("arccos(x)", {"x": 1.0}, NOT, {}),
    ("x**y", {"x": -2.0, "y": 3.0}, NOT, {}),
    ("x**y", {"x": 0.0, "y": 2.0}, NOT, {}),
    ("fmax(log(x),-5)", {"x": -1.0}, {UNDEFINED, UNDECIDED}, {}),
    ("log(x)", {"x": 0.0}, {UNDEFINED}, {}),
    # constants in parameters and lists, which are exact as well
    ("(0.1+0.2)*x", {"x": 1.0}, PROVEN, {"x": Fraction(0.1) + Fraction(0.2)}),
    ("sum([0.1,1/7,0.3])*x", {"x": 1.0}, PROVEN, {"x": Fraction(0.1) + Fraction(1, 7) + Fraction(0.3)}),
    ("leaky_relu(x,negative_slope=1/3)", {"x": -1.0}, PROVEN, {"x": Fraction(1, 3)}),
    ("inv([[0.1,1/3],[0.2,0.7]])[0,0]*x", {"x": 1.0}, PROVEN, {
        "x": Fraction(0.7) / (Fraction(0.1) * Fraction(0.7) - Fraction(0.2) / 3)}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "at", "verdicts", "truth"), TEXTS, ids=[f"{t} at {a}" for t, a, _, _ in TEXTS])
def test_listed_verdicts_and_enclosures(text, at, verdicts, truth):
    c = dl.certify(text, at)
    assert c.verdict in verdicts
    assert c.certified == (c.verdict == CERTIFIED)
    assert c.certified != bool(c.reason)
    for name, value in truth.items() if c.certified else ():
        assert holds(c.enclosure[name], value)
        with mp.workdps(60):
            assert c.gradient[name] == float(exact(value))


def test_an_overflow_is_enclosed_but_not_certified():
    low, high = dl.certify("exp(x)", {"x": 1000.0}).enclosure["x"]
    with mp.workdps(60):
        assert low <= mp.exp(1000) <= high


def test_one_sided_derivatives():
    c = dl.certify("abs(x*(1-cos(y)))", {"x": 0.0, "y": 1e-12})
    assert c.verdict == KINK
    with mp.workdps(60):
        slope = 1 - mp.cos(mpf(1e-12))
        left, right = c.one_sided["x"]
        assert holds(left, -slope)
        assert holds(right, slope)


BRANCHES = {
    "if": lambda x: 3 * x if x * x > 0 else x,
    "if not": lambda x: x if x == 0 else 3 * x,
    "cond": lambda x: dl.cond(x * x > 0, lambda: 3 * x, lambda: x),
}


@pytest.mark.parametrize("name", BRANCHES)
def test_branches_that_only_the_point_takes(name):
    """3 x, which is x at the point alone: its derivative is 3, and never 1."""
    c = dl.certify(BRANCHES[name], 0.0)
    assert not c.certified or c.gradient == 3


JUMPS = {
    "if": lambda x: x if np.cos(x) >= 1 else x + 1,
    "cond": lambda x: dl.cond(np.cos(x) >= 1, lambda: x, lambda: x + 1),
    "while_loop": lambda x: dl.while_loop(lambda s: s[0] < 2 - x * x, lambda s: (s[0] + 1.0, s[1] + 1.0), (0.0, x))[1],
    "index": lambda x: np.array([2.0, 3.0])[np.floor(np.cos(x)).astype(int)] * x + np.floor(np.cos(x)),
    "mask": lambda x: np.sum(x * (x * x > 0)) + 1.0 * (x * x > 0),
    "sorted": lambda x: sorted([x, 2 * x])[0],
    "loop": lambda x: dl.scan(lambda c, t: (np.abs(c) + t, c), x, np.zeros(2))[0],
}


@pytest.mark.parametrize("name", JUMPS)
def test_kinks_and_jumps_in_programs(name):
    assert not dl.certify(JUMPS[name], 0.0).certified


MANY = {
    "sum of abs": (lambda x: np.sum(np.abs(x)), np.zeros(300)),
    "one of 300": (lambda x: np.sum(np.abs(x)), np.where(np.arange(300) == 7, 0.0, 1.0)),
    "max": (np.max, np.ones(201)),
    "floor": (lambda x: np.sum(np.floor(x)), np.zeros(201)),
    "relu": (lambda x: np.sum(dnp.relu(x)), np.zeros(201)),
    "where": (lambda x: np.sum(np.where(x > 0, x, 2 * x)), np.zeros(201)),
    "sort": (lambda x: np.sort(x)[3], np.ones(201)),
    "clip": (lambda x: np.sum(np.clip(x, 0, 1)), np.zeros(201)),
    "norm": (np.linalg.norm, np.zeros(201)),
    "sign of a square": (lambda x: np.sum(np.sign(x * x)), np.zeros(201)),
    "a kink where a slope is 0": (lambda x: np.sum(np.floor(np.cos(x))), np.zeros(201)),
}


@pytest.mark.parametrize("name", MANY)
@pytest.mark.parametrize("count", [12, 300])
def test_kinks_among_many_coordinates(name, count):
    function, x = MANY[name]
    assert not dl.certify(function, x[:count]).certified


SMOOTH = {
    "mean of squares": (lambda x: np.mean(x * x), lambda t, n: 2 * t / n),
    "mean of sines": (lambda x: np.mean(np.sin(x)), lambda t, n: mp.cos(t) / n),
    "sum of erf": (lambda x: np.sum(dnp.erf(x)), lambda t, n: 2 / mp.sqrt(mp.pi) * mp.exp(-t * t)),
    "sum of log10": (lambda x: np.sum(np.log10(x)), lambda t, n: 1 / (t * mp.log(10))),
    "sum of sinpi": (lambda x: np.sum(dnp.sinpi(x)), lambda t, n: mp.pi * mp.cospi(t)),
    "sum of deg2rad": (lambda x: np.sum(np.deg2rad(x)), lambda t, n: mp.pi / 180),
    "sum of exp2": (lambda x: np.sum(np.exp2(x)), lambda t, n: mpf(2) ** t * mp.log(2)),
    "sum of hardsigmoid": (lambda x: np.sum(dnp.hardsigmoid(x)), lambda t, n: mpf(1) / 6),
}


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("count", [12, 201, 300])
def test_enclosures_among_many_coordinates(name, count):
    """No constant of a rule is rounded on the way."""
    function, slope = SMOOTH[name]
    x = np.linspace(0.1, 1.9, count)
    c = dl.certify(function, x)
    with mp.workdps(60):
        wrong = [k for k in range(count) if not holds(c.enclosure["x"][k], slope(mpf(x[k]), count))]
    assert not c.certified or not wrong


@pytest.mark.parametrize("count", [201, 300])
@pytest.mark.parametrize("name", SMOOTH)
def test_many_smooth_coordinates_are_certified(name, count):
    assert dl.certify(SMOOTH[name][0], np.linspace(0.1, 1.9, count)).certified


# Rows whose programs have numbers in them: none of these is rounded on the way.
WEIGHTS = {
    "linspace": (lambda x: np.linspace(0, x, 7)[1], Fraction(1, 6)),
    "linspace with a float": (lambda x: np.linspace(0.1, x, 12)[3], Fraction(3, 11)),
    "mean": (lambda x: np.mean(dnp.array([x, 0.1, 0.2])), Fraction(1, 3)),
    "average": (
        lambda x: np.average(dnp.array([x, 1.0, 2.0]), weights=np.array([0.1, 0.2, 0.4])),
        Fraction(0.1) / (Fraction(0.1) + Fraction(0.2) + Fraction(0.4)),
    ),
    "interp": (
        lambda x: np.interp(x, np.array([0.1, 0.7, 0.9]), np.array([0.1, 0.25, 0.9])),
        (Fraction(0.25) - Fraction(0.1)) / (Fraction(0.7) - Fraction(0.1)),
    ),
    "trapezoid": (
        lambda x: np.trapezoid(dnp.array([x, 1.0]), np.array([0.1, 0.7])),
        (Fraction(0.7) - Fraction(0.1)) / 2,
    ),
    "percentile": (lambda x: np.percentile(dnp.array([-1.0, x, 2.0]), 7), Fraction(14, 100)),
    "quantile": (lambda x: np.quantile(dnp.array([-1.0, x, 2.0]), 0.3), 2 * Fraction(0.3)),
    "gradient": (lambda x: np.gradient(dnp.array([x, 1.0, 2.0]), 0.3)[0], -1 / Fraction(0.3)),
    "variance": (
        lambda x: np.var(dnp.array([x, 1.0, 2.0]), ddof=0.3),
        2 * (Fraction(0.5) - Fraction(7, 6)) / (3 - Fraction(0.3)),
    ),
    "hardswish": (lambda x: dnp.hardswish(x), Fraction(1, 6) + Fraction(1, 2)),
}
TEXT_WEIGHTS = {
    "linspace(0,x,7)[1]": Fraction(1, 6),
    "trapezoid([x,1/3,2],dx=1/7)": Fraction(1, 14),
    "quantile([0-1,x,2],1/7)": Fraction(2, 7),
    "percentile([0-1,x,2],7)": Fraction(14, 100),
    "gradient([x,1,2],1/3)[0]": Fraction(-3),
    "linspace(0,1/3,4)[1]*x": Fraction(1, 9),
}


@pytest.mark.parametrize("name", WEIGHTS)
def test_numbers_inside_rows(name):
    function, truth = WEIGHTS[name]
    c = dl.certify(function, 0.5)
    assert not c.certified or holds(c.enclosure["x"], truth)


@pytest.mark.parametrize("text", TEXT_WEIGHTS)
def test_numbers_inside_rows_of_texts(text):
    c = dl.certify(text, {"x": 0.5})
    assert not c.certified or holds(c.enclosure["x"], TEXT_WEIGHTS[text])


# Outside a row's domain there is no function, whatever its formula would give.
OUTSIDE = [
    ("huber(x, 1)", -0.5), ("huber(x, 1)", 0.0), ("pseudo_huber(x, 1)", -0.5), ("kl_div(x, x)", -0.5),
    ("kl_div(x, -2)", -0.5), ("rel_entr(x, -2)", -0.5), ("boxcox(x, 2)", -0.5), ("log(x)**0", -0.5),
]  # fmt: skip


@pytest.mark.parametrize(("text", "x"), OUTSIDE)
def test_outside_the_domain(text, x):
    with np.errstate(all="ignore"):
        c = dl.certify(text, {"x": x})
    assert not c.certified


# What is said to be refuted must be refuted: these are smooth, behind an exponent or factor that is constant.
NOT_REFUTED = [
    ("float_power(x, x/x)", -2.7, 1), ("x**(x/x)", -2.7, 1), ("x**(sqrt(2)**2-2)", -0.5, 0),
    ("xlog1py(x-x, -2)+x", 0.7, 1), ("xlogy(x/x-1, -2)+x", 0.7, 1), ("(x-x)**1e6*x", 2.0, 0),
    ("(x-x)**(1e3*1e4)+x", 2.0, 1),
]  # fmt: skip


@pytest.mark.parametrize(("text", "x", "truth"), NOT_REFUTED)
def test_nothing_is_refuted_by_a_wide_ball(text, x, truth):
    c = dl.certify(text, {"x": x})
    assert c.verdict in {CERTIFIED, UNDECIDED}
    assert not c.certified or c.gradient["x"] == truth


def test_the_direction_of_nothing_is_its_convention():
    """The row says 0 at the origin: there it has a value, and a jump."""
    assert dl.certify("direction(x, y)", {"x": 0.0, "y": 0.0}).verdict in REFUSED
    assert mpmath.isnan(mpf(float(dl.certify("direction(x, y)", {"x": 0.0, "y": 0.0}).gradient["x"])))
