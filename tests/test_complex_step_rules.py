"""The complex step's own rules: at x + ih the real part is the value and the imaginary part h times the derivative."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

import difflab as dl
from difflab.differentiate.complex_step import CARRIER
from difflab.errors import UnsupportedError
from difflab.graph.traced import call_row
from difflab.primitives import TABLE, table

H = 1e-30
X = np.array([[-2.5, 0.5, 3.0], [1.5, -1.0, 2.0]])
T = np.array([[0.3, -1.0, 2.0], [0.7, 0.1, -0.4]])
Y = np.array([[1.0, 2.0, -3.0], [-0.5, 2.5, 4.0]])
U = np.array([[-0.2, 0.4, 1.0], [1.0, -0.6, 0.5]])
RADIUS = X**2 + Y**2

ONE = [
    ("absolute", np.abs(X), np.sign(X) * T),
    ("relu", np.maximum(X, 0), (X > 0) * T),
    ("real", X, T),
    ("stop_gradient", X, 0 * T),
    ("conjugate", X, T),
]
TWO = [
    ("maximum", np.maximum(X, Y), np.where(X >= Y, T, U)),
    ("minimum", np.minimum(X, Y), np.where(X <= Y, T, U)),
    ("fmax", np.fmax(X, Y), np.where(X >= Y, T, U)),
    ("fmin", np.fmin(X, Y), np.where(X <= Y, T, U)),
    ("hypot", np.sqrt(RADIUS), (X * T + Y * U) / np.sqrt(RADIUS)),
    ("arctan2", np.arctan2(X, Y), (Y * T - X * U) / RADIUS),
]


def holds(found, value, slope):
    np.testing.assert_allclose(np.real(found), value, rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(np.imag(found) / H, slope, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name, value, slope", ONE, ids=[n for n, *_ in ONE])
def test_of_one_operand(name, value, slope):
    holds(CARRIER.of(TABLE[name])(X + 1j * H * T), value, slope)


@pytest.mark.parametrize("name, value, slope", TWO, ids=[n for n, *_ in TWO])
def test_of_two_operands(name, value, slope):
    holds(CARRIER.of(TABLE[name])(X + 1j * H * T, Y + 1j * H * U), value, slope)


@pytest.mark.parametrize("pick, where", [("max", np.argmax), ("min", np.argmin)])
@pytest.mark.parametrize("axes", [None, (0,), (1,), (0, 1)], ids=str)
@pytest.mark.parametrize("keepdims", [False, True])
def test_the_extreme_element_takes_its_imaginary_part_along(pick, where, axes, keepdims):
    found = CARRIER.of(TABLE[pick])(X + 1j * H * T, axis=axes, keepdims=keepdims)
    if axes in (None, (0, 1)):
        value, slope = X.ravel()[where(X)], T.ravel()[where(X)]
        shape = (1, 1) if keepdims else ()
    else:
        k = axes[0]
        value, slope = (np.take_along_axis(a, np.expand_dims(where(X, k), k), k) for a in (X, T))
        shape = value.shape if keepdims else np.squeeze(value, k).shape
    assert np.shape(found) == shape
    holds(np.reshape(found, np.shape(value)), value, slope)


EXPONENTS = [-3, -2, -1, 0, 1, 2, 3, 4, 5, -5, 0.5, -1.5, 2.5]


@pytest.mark.parametrize("name", ["power", "float_power"])
@pytest.mark.parametrize("n", EXPONENTS)
def test_complex_step_of_powers(name, n):
    """By the base on both sides of 0 where the exponent is whole, by both operands where the base is positive."""
    bases = np.array([0.3, 1.0, 2.5, -0.7, -2.0]) if n == int(n) else np.array([0.3, 1.0, 2.5])
    holds(CARRIER.of(TABLE[name])(bases + 1j * H, n), bases**n, n * bases ** (n - 1.0))
    both = np.array([0.3, 1.0, 2.5])
    holds(
        CARRIER.of(TABLE[name])(both + 1j * H, n + 2j * H),
        both**n,
        n * both ** (n - 1.0) + 2 * np.log(both) * both ** np.float64(n),
    )


@pytest.mark.parametrize("n", [1, 2, 3])
def test_small_whole_powers_hold_at_zero(n):
    holds(CARRIER.of(TABLE["power"])(0j + 1j * H, n), 0.0, float(n == 1))


def test_a_narrow_power_stays_narrow():
    assert CARRIER.of(TABLE["power"])(np.complex64(2 + 1j), 3).dtype == np.complex64
    assert CARRIER.of(TABLE["power"])(np.float32(2), 3).dtype == np.complex64
    assert CARRIER.of(TABLE["power"])(2 + 1j, 3).dtype == complex


SMOOTH = [
    r for r in table() if r.kind == "elementwise" and len(r.domain) == 1 and all(r.partials) and r.name != "polygamma"
]


@pytest.mark.parametrize("row", SMOOTH, ids=lambda row: row.name)
def test_the_value_of_a_row_beside_the_real_line(row):
    """Of the functions that take complex numbers: the rule's derivative, and on the line the value itself."""
    for params in row.examples or ({},):
        f = lambda x, params=params: call_row(row, x, **params)
        for x in (-2.5, -0.4, 0.3, 0.8, 1.7):
            with np.errstate(all="ignore"):
                value, slope = dl.value_and_grad(f)(x) if row.partials else (f(x), 0.0)
                try:
                    beside = CARRIER.of(row)(np.complex128(x + 1j * H), **params)
                except (TypeError, UnsupportedError):
                    return
            if np.iscomplexobj(beside) and np.isfinite(value) and np.isfinite(slope) and np.isfinite(beside):
                assert beside.real == pytest.approx(value, rel=1e-9, abs=1e-14)
                assert beside.imag / H == pytest.approx(slope, rel=1e-7, abs=1e-13)


@pytest.mark.parametrize("name", ["relu", "absolute", "floor", "less", "real", "maximum", "kv", "stop_gradient"])
def test_a_users_function_with_the_name_of_a_row_is_another_function(name):
    cube = dl.block(lambda x: x * x * x, name=name, derivative=lambda y, x: 3 * x * x)
    assert dl.differentiate(lambda x: 2 * cube(x), 2.0, method="numerical", scheme="complex-step").gradient == 24


def test_a_row_without_complex_values_says_why():
    with pytest.raises(UnsupportedError, match=r"kv has no complex values here \(SciPy's are rounded"):
        dl.differentiate(lambda x: special.kv(1, x), 2.0, method="numerical", scheme="complex-step")
