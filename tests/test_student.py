"""Student's t: the distribution function and its inverse by both operands, in the tails, at the ends, compiled."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, strategies as st
from mpmath import mp, mpf
from mpmath_functions import student, student_density
from scipy import special

import difflab as dl
from difflab.primitives.kernels import student as kernels


def exact(f, point, orders, digits=60):
    with mp.workdps(digits):
        return mp.diff(f, tuple(map(mpf, point)), orders)


def size(df, t):
    """What a rounded t changes in the tails, in units of its own rounding."""
    return 1 + (df + 1) * t * t / (df + t * t)


# In the middle, in both tails, beside each place where the formula changes, with few and many degrees of freedom.
POINTS = [
    (3.0, 1.5), (3.0, -1.5), (0.1, 2.0), (0.1, -1e12), (1.0, 1e-7), (7.3, 0.0), (7.3, -40.0), (40.0, 1.3), (39.9, 1.3),
    (18.5, -1e-3), (300.0, 12.0), (1e4, -1.0), (1e4, 6.0), (0.5, 2e3), (0.02, 1e-30), (2.0, 5.4),
]  # fmt: skip


@pytest.mark.parametrize("point", POINTS, ids=str)
def test_the_distribution_function_by_the_degrees_of_freedom(point):
    tail = lambda df, t: student(df, -abs(t))  # the whole, less the tail, would cancel
    for n in (1, 2, 3):
        true = exact(tail, point, (n, 0), 120) * -np.sign(point[1])
        bound = 2e-15 * size(*point) * max(abs(true), abs(exact(tail, point, (1, 0), 120)) / (50 * point[0]) ** (n - 1))
        assert abs(kernels.stdtr_slope(*point, n=n) - true) <= bound, n


@pytest.mark.parametrize("n", [0, 1, 2])
@pytest.mark.parametrize("point", POINTS, ids=str)
def test_the_density_by_both(point, n):
    true = exact(student_density, point, (n, 0))
    assert abs(kernels.t_density(*point, n=n) - true) <= 2e-15 * size(*point) * abs(true)
    by_t = dl.grad(lambda t: dl.grad(special.stdtr, 1)(point[0], t))(point[1])
    assert by_t == pytest.approx(float(exact(student_density, point, (0, 1))), rel=1e-14 * size(*point))


@given(st.floats(0.1, 1e4), st.floats(-1e3, 1e3))
def test_the_distribution_function_is_odd_about_the_middle_and_its_hessian_symmetric(df, t):
    by_df, by_t = dl.grad(special.stdtr, (0, 1))(df, t)
    below = dl.grad(special.stdtr, (0, 1))(df, -t)
    assert (by_df, by_t) == (-below[0], below[1])
    found = dl.hessian(lambda v: special.stdtr(v[0], v[1]))(np.array([df, t]))
    assert found[0, 1] == pytest.approx(found[1, 0], rel=1e-10, abs=1e-13 * by_t)


INVERSE = [(3.0, 0.2), (3.0, 0.97), (0.3, 0.1), (50.0, 0.501), (50.0, 1e-9), (1e4, 0.3), (2.0, 0.5 + 2.0**-40)]


@pytest.mark.parametrize("point", INVERSE, ids=str)
def test_the_inverse_by_all_operands(point):
    def inverse(df, p):
        start = mpf(float(special.stdtrit(float(df), float(p))))
        return mp.findroot(lambda t: student(df, t) - p, start, tol=mpf(10) ** -90)

    with mp.workdps(60):
        assert kernels.stdtrit(*point) == pytest.approx(float(inverse(*map(mpf, point))), rel=2e-14)
    slopes = dl.grad(special.stdtrit, (0, 1))(*point)
    for orders, found in zip(((1, 0), (0, 1)), slopes):
        assert found == pytest.approx(float(exact(inverse, point, orders, 50)), rel=2e-13)
    hessian = dl.hessian(lambda v: special.stdtrit(v[0], v[1]))(np.array(point))
    for orders, found in zip(((2, 0), (1, 1), (0, 2)), (hessian[0, 0], hessian[1, 0], hessian[1, 1])):
        assert found == pytest.approx(float(exact(inverse, point, orders, 50)), rel=1e-11)


@pytest.mark.parametrize(
    "f, point, value, slopes",
    [
        (special.stdtr, (3.0, 0.0), 0.5, (0.0, 0.3675525969478614)),
        (special.stdtr, (3.0, np.inf), 1.0, (0.0, 0.0)),
        (special.stdtr, (3.0, -np.inf), 0.0, (0.0, 0.0)),
        (special.stdtr, (np.inf, 1.0), special.ndtr(1.0), (0.0, 0.24197072451914337)),
        (special.stdtr, (-1.0, 1.0), np.nan, (np.nan, np.nan)),
        (special.stdtr, (0.1, -1e200), 4.173803137173207e-21, (-1.92740956641306e-18, 4.173803137173207e-222)),
        (special.stdtrit, (3.0, 0.5), 0.0, (0.0, 2.720699046351327)),
        (special.stdtrit, (3.0, 0.0), -np.inf, (np.inf, np.inf)),
        (special.stdtrit, (3.0, 1.0), np.inf, (-np.inf, np.inf)),
        (special.stdtrit, (3.0, 1.5), np.nan, (np.nan, np.nan)),
    ],
)
def test_limits_at_the_ends(f, point, value, slopes):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found, gradient = dl.value_and_grad(f, (0, 1))(*point)
    assert np.allclose(found, value, rtol=1e-13, atol=0, equal_nan=True)
    assert np.allclose(gradient, slopes, rtol=1e-8, atol=0, equal_nan=True)


def test_far_tails_go_on_where_scipys_end():
    for df, t in ((0.1, -1e200), (0.5, -1e300), (1.5, -1e160)):
        with mp.workdps(40):
            true = student(mpf(df), mpf(t))
        assert kernels.stdtr(df, t) == pytest.approx(float(true), rel=1e-13)
        assert kernels.stdtrit(df, float(true)) == pytest.approx(t, rel=1e-13)


FORMULAS = {
    "stdtr(v, t)": {"v": 3.0, "t": -1.5},
    "stdtr(v, 3.0 * t)": {"v": 0.4, "t": 1e-4},
    "stdtr(v * v, 2 - t)": {"v": 17.0, "t": 6.5},
    "stdtrit(v, p)": {"v": 3.0, "p": 0.2},
    "stdtrit(v, p) * v": {"v": 30.0, "p": 0.5},
    "stdtr(4 / v, stdtrit(v, 0.3))": {"v": 2.0},
}


@pytest.mark.parametrize("text", FORMULAS)
def test_every_method_agrees_and_the_certificate_proves_it(text):
    c = dl.compare(text, at=FORMULAS[text])
    assert c.verdict == "agree" and c.methods["certified"].verdict == "agrees" and c.max_ulps < 100


DF, T, P = np.array([0.7, 3.0, 200.0]), np.array([-2.0, 0.3, 5.0]), np.array([0.1, 0.5, 0.97])


@pytest.mark.parametrize("f", [lambda d, t, p: special.stdtr(d, t), lambda d, t, p: special.stdtrit(d, p) + 0 * t])
def test_programs_equal_eager_runs_and_single_precision_stays(f):
    gradient = dl.grad(lambda d, t, p: np.sum(f(d, t, p)), (0, 1, 2))
    both = lambda *v: [*gradient(*v), *dl.grad(lambda *v: sum(map(np.sum, gradient(*v))), (0, 1, 2))(*v)]
    eager, program = both(DF, T, P), dl.compile(both)
    for _ in range(2):
        for got, want in zip(program(DF, T, P), eager, strict=True):
            assert np.allclose(got, want, rtol=1e-13, atol=1e-300)
    for got, want in zip(gradient(*(v.astype(np.float32) for v in (DF, T, P))), eager):
        assert got.dtype == np.float32 and np.allclose(got, want, rtol=2e-6)
