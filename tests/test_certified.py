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
