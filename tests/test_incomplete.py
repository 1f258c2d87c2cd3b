"""Incomplete integrals, their inverses and the zeta function: by every operand, in the tails, at the ends, compiled."""

from __future__ import annotations

import subprocess
import sys
import warnings

import mpmath
import numpy as np
import pytest
from flint import arb_series
from mpmath import mp, mpf
from scipy import special

import difflab as dl
import difflab.numpy as dnp
from difflab.errors import NoDerivativeError, UnsupportedError
from difflab.primitives.germs import incomplete as germs
from difflab.primitives.kernels import hypergeometric, incomplete


def gammainc(a, x):
    return mp.gammainc(a, 0, x, regularized=True)


def betainc(a, b, x):
    return mp.betainc(a, b, 0, x, regularized=True)


def tail(s, q):
    """ζ(s, q) for large q by Euler's and Maclaurin's formula: mpmath's own loses half of its digits there."""
    terms = (
        mp.bernoulli(2 * m) / mp.factorial(2 * m) * mp.rf(s, 2 * m - 1) * q ** (1 - s - 2 * m) for m in range(1, 25)
    )
    return q ** (1 - s) / (s - 1) + q**-s / 2 + mp.fsum(terms)


def exact(f, point, orders, digits=60):
    with mp.workdps(digits):
        return mp.diff(f, tuple(map(mpf, point)), orders)


# In the middle, in both tails, for tiny and for large parameters, and beside each place where the formula changes.
GAMMA = [(2.0, 1.5), (0.3, 1e-4), (1e-8, 0.5), (1e-8, 30.0), (4.0, 0.99), (4.0, 1.01), (12.0, 40.0), (25.0, 3.0),
         (200.0, 205.0), (3.0, 300.0), (1e-3, 1e-30)]  # fmt: skip
BETA = [(2.0, 3.0, 0.4), (0.01, 0.02, 0.3), (0.01, 50.0, 0.019), (0.01, 50.0, 0.021), (40.0, 0.3, 0.97),
        (1e-7, 1e-9, 0.2), (30.0, 25.0, 0.5), (0.5, 0.5, 1e-9), (6.0, 2.0, 1 - 2.0**-30), (150.0, 100.0, 0.45),
        (3.0, 1e-6, 0.5)]  # fmt: skip
ZETA = [(2.0, 1.0), (1.001, 0.3), (30.0, 2.0), (3.0, 1e-6), (40.0, 600.0), (1.5, 1e4)]


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("point", GAMMA, ids=str)
def test_gammainc_by_its_order(point, n):
    left = point[1] < point[0]
    f = gammainc if left else lambda a, x: -mp.gammainc(a, x, regularized=True)
    true = exact(f, point, (n, 0))
    size = max(abs(true), abs(exact(f, point, (1, 0))) * mpf(0.1))  # near a root, in units of the first
    assert abs(incomplete.gammainc_slope(*point, n=n) - true) <= 2e-13 * size


@pytest.mark.parametrize("orders", [(1, 0), (0, 1), (2, 0), (1, 1), (0, 2)], ids=str)
@pytest.mark.parametrize("point", BETA, ids=str)
def test_betainc_by_its_parameters(point, orders):
    true = exact(betainc, point, (*orders, 0), 80)
    assert abs(incomplete.betainc_slope(*point, j=orders[0], k=orders[1]) - true) <= 2e-13 * abs(true)


@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize("point", ZETA, ids=str)
def test_zeta_by_its_order(point, n):
    true = exact(tail if point[1] >= 50 else mp.zeta, point, (n, 0))
    assert abs(incomplete.zeta_slope(*point, n=n) - true) <= 1e-14 * abs(true)


def test_zeta_without_q_goes_on_below_one():
    for s in (0.25, 0.5, 0.9):
        with mp.workdps(40):
            assert dl.grad(special.zeta)(s) == pytest.approx(float(mp.zeta(mpf(s), 1, 1)), rel=1e-13)
    assert np.isnan(dl.grad(lambda s: special.zeta(s, 2.0))(0.5)) and np.isnan(special.zeta(0.5, 2.0))


INVERSES = {
    "gammaincinv": (special.gammaincinv, gammainc, [(2.0, 0.3), (0.2, 0.01), (30.0, 0.999)]),
    "gammainccinv": (special.gammainccinv, lambda a, x: 1 - gammainc(a, x), [(2.0, 0.3), (0.2, 0.9), (3.0, 1e-12)]),
    "betaincinv": (special.betaincinv, betainc, [(2.0, 3.0, 0.3), (0.2, 5.0, 0.5), (30.0, 20.0, 0.01)]),
}


@pytest.mark.parametrize("name", INVERSES)
def test_inverses_by_all_operands(name):
    """First and second derivatives of what undoes the integral, mixed ones too."""
    f, forth, points = INVERSES[name]

    def inverse(*v):
        *parameters, y = v
        x = mpf(float(f(*map(float, v))))
        return mp.findroot(lambda x: forth(*parameters, x) - y, x, tol=mpf(10) ** -90)

    for point in points:
        n = len(point)
        found = dl.hessian(lambda v, n=n: f(*[v[i] for i in range(n)]))(np.array(point))
        slopes = dl.grad(f, tuple(range(n)))(*point)
        for i in range(n):
            true = exact(inverse, point, [int(i == k) for k in range(n)], 50)
            assert abs(slopes[i] - true) <= 2e-13 * abs(true), (point, i)
            for j in range(i + 1):
                true = exact(inverse, point, [int(i == k) + int(j == k) for k in range(n)], 50)
                assert abs(found[i, j] - true) <= 1e-11 * max(abs(true), abs(slopes[i])), (point, i, j)
                assert found[i, j] == pytest.approx(found[j, i], rel=1e-11)


@pytest.mark.parametrize(
    "f, point, wanted",
    [
        (special.gammainc, (2.0, 0.0), (0.0, 0.0)),
        (special.gammainc, (2.0, np.inf), (0.0, 0.0)),
        (special.gammainc, (0.0, 1.0), (-0.21938393439552026, 0.0)),  # -E1(1), the limit from the right
        (special.gammainc, (-1.0, 1.0), (np.nan, np.nan)),
        (special.betainc, (2.0, 3.0, 0.0), (0.0, 0.0, 0.0)),
        (special.betainc, (2.0, 3.0, 1.0), (0.0, 0.0, 0.0)),
        (special.betainc, (2.0, 3.0, 1.5), (np.nan, np.nan, np.nan)),
        (special.betaincc, (2.0, 3.0, 1.0), (0.0, 0.0, 0.0)),
        (special.gammaincinv, (2.0, 0.0), (0.0, np.inf)),
        (special.gammaincinv, (2.0, 1.0), (np.inf, np.inf)),
        (special.gammainccinv, (2.0, 1.0), (0.0, -np.inf)),
        (special.betaincinv, (2.0, 3.0, 0.0), (0.0, 0.0, np.inf)),
        (special.betaincinv, (2.0, 3.0, 1.0), (0.0, 0.0, np.inf)),
        (special.zeta, (1.0, 2.0), (-np.inf, -(np.pi**2 / 6 - 1))),
    ],
)
def test_limits_at_the_ends(f, point, wanted):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = dl.grad(f, tuple(range(len(point))))(*point)
    assert np.allclose(found, wanted, rtol=1e-14, atol=0, equal_nan=True)


# SciPy sums as many terms as z is large; a polynomial is one of a few, and a large b leaves the value finite.
LARGE = {
    (1.5, 1000.0, 2.0**53): np.inf,
    (3.0, 2.0**-1074, 2.0**53): np.inf,
    (-2.5, 2.0, 1e300): -np.inf,
    (1.5, -2.5, 1e12): -np.inf,
    (-3.0, 2.0, 1e9): float(mpmath.hyp1f1(-3, 2, 10**9)),
    (1.5, 1e17, 1e16): float(mpmath.hyp1f1(1.5, 10**17, 10**16)),
    (1.5, 1000.0, -1e16): float(mpmath.hyp1f1(1.5, 1000, -(10**16))),
}


@pytest.mark.parametrize("at", LARGE)
def test_confluent_functions_of_large_numbers_end(at):
    assert hypergeometric.hyp1f1(*at) == pytest.approx(LARGE[at], rel=1e-9)


@pytest.mark.parametrize("f", [special.hyp2f1, special.hyp1f1])
def test_hypergeometric_functions_by_their_parameters_are_refused(f):
    point = (1.5, 2.5, 3.5, 0.3)[-(f.nin) :]
    for i in range(f.nin - 1):
        with pytest.raises(NoDerivativeError, match=f"{f.__name__}: .*operand {i}"):
            dl.grad(f, i)(*point)


FORMULAS = {
    "gammainc(a, x)": {"a": 2.0, "x": 1.5},
    "gammaincc(a, x)": {"a": 0.4, "x": 3.0},
    "betainc(a, b, x)": {"a": 2.0, "b": 1.5, "x": 0.3},
    "betaincc(a, b, x)": {"a": 2.0, "b": 1.5, "x": 0.8},
    "zeta(s, q)": {"s": 2.5, "q": 1.5},
    "zeta(s)": {"s": 1.25},
    "gammaincinv(a, y)": {"a": 2.0, "y": 0.3},
    "gammainccinv(a, y)": {"a": 2.0, "y": 0.3},
    "betaincinv(a, b, y)": {"a": 2.0, "b": 3.0, "y": 0.3},
    "hyp2f1(0.5, 1.5, 2.5, z)": {"z": 0.4},
    "hyp1f1(0.5, 1.5, z)": {"z": -3.0},
    "gammainc(x * x, 1 + betainc(x, 2 * x, x / (1 + x)))": {"x": 0.7},
}


@pytest.mark.parametrize("text", FORMULAS)
def test_every_method_agrees_and_the_certificate_proves_it(text):
    c = dl.compare(text, at=FORMULAS[text])
    assert c.verdict == "agree" and c.methods["certified"].verdict == "agrees" and c.max_ulps < 100


@pytest.mark.parametrize("text", ["gammainc(a, x)", "gammaincc(a, x)"])
def test_a_formula_with_a_meijer_function_is_refused_by_name(text):
    with pytest.raises(UnsupportedError, match=r"Meijer G-function, meijerg\(.*certified"):
        dl.differentiate(text, at=FORMULAS[text], method="symbolic")


def test_sympy_s_hypergeometric_formulas_have_numbers():
    found = dl.differentiate("hyp2f1(0.5, 1.5, 2.5, z)", at={"z": 0.4}, method="symbolic")
    with mp.workdps(30):
        true = mp.hyp2f1(1.5, 2.5, 3.5, mpf(0.4)) * mpf("0.3")
    assert float(found.gradient["z"]) == pytest.approx(float(true), rel=1e-13)


A, B, X = np.array([0.7, 2.0, 30.0]), np.array([1.5, 0.4, 8.0]), np.array([0.3, 0.55, 0.8])
CALLS = {
    "gammainc": lambda a, b, x: special.gammainc(a, 3 * x),
    "gammaincc": lambda a, b, x: special.gammaincc(a, 3 * x),
    "betainc": special.betainc,
    "betaincc": special.betaincc,
    "zeta": lambda a, b, x: special.zeta(1 + a, b),
    "gammaincinv": lambda a, b, x: special.gammaincinv(a, x),
    "gammainccinv": lambda a, b, x: special.gammainccinv(a, x),
    "betaincinv": special.betaincinv,
    "hyp2f1": lambda a, b, x: special.hyp2f1(1.2, 0.4, 2.0, x),
    "hyp1f1": lambda a, b, x: special.hyp1f1(1.2, 0.4, x),
}


@pytest.mark.parametrize("name", CALLS)
def test_programs_equal_eager_runs_and_single_precision_stays(name):
    gradient = dl.grad(lambda a, b, x: np.sum(CALLS[name](a, b, x)), (0, 1, 2))
    both = lambda a, b, x: [*gradient(a, b, x), *dl.grad(lambda *v: sum(map(np.sum, gradient(*v))), (0, 1, 2))(a, b, x)]
    eager, program = both(A, B, X), dl.compile(both)
    for _ in range(2):
        for got, want in zip(program(A, B, X), eager, strict=True):
            assert np.allclose(got, want, rtol=1e-13, atol=1e-300)
    for got, want in zip(gradient(*(v.astype(np.float32) for v in (A, B, X))), eager):
        assert got.dtype == np.float32 and np.allclose(got, want, rtol=2e-6)


def test_the_reference_of_zeta_is_mpmath_s_where_that_is_right():
    """The tail's formula against the sum itself, where both are quick."""
    with mp.workdps(40):
        assert abs(tail(mpf(6), mpf(60)) / mpmath.zeta(6, 60) - 1) < 1e-30


def test_a_file_that_is_first_read_while_series_are_short_proves_the_same():
    code = """
import flint
flint.ctx.cap = 1
import difflab.primitives.germs.incomplete
flint.ctx.cap = 10
import difflab as dl
import difflab.numpy as dnp
print(dl.certify("zeta(2.0, y)", {"y": 2.5}).gradient["y"])
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(run.stdout) == pytest.approx(-2 * special.zeta(3.0, 2.5), rel=1e-14)


def test_a_derivative_that_is_not_in_the_series_is_not_claimed(monkeypatch):
    monkeypatch.setattr(germs, "EXACT", arb_series([1], 1))
    found = dl.certify("zeta(2.0, y)", {"y": 2.5}, bits=128)
    assert found.verdict == "undecided" and "the slope is not in the series" in found.reason


# Beside plain numbers, whose quotient by 0 is an error of Python.
POLES = {
    "hyp2f1": lambda x: special.hyp2f1(0.3, 0.4, -1.0, x),
    "hyp1f1": lambda x: special.hyp1f1(0.3, -1.0, x),
    "hyp1f1 by 0": lambda x: special.hyp1f1(0.3, 0, x),
    "relative_gap": lambda x: dnp.relative_gap(x, 0.0),
}


@pytest.mark.parametrize("name", POLES)
def test_at_a_pole_nothing_is_finite(name):
    f = POLES[name]
    for g in (f, dl.grad(f), dl.grad(dl.grad(f))):
        with np.errstate(all="ignore"):
            assert not np.isfinite(g(0.4)) or (name == "relative_gap" and g(0.4) == 0.0)  # which is linear
