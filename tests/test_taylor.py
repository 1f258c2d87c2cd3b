"""The Taylor remainder test: order 2 for a right gradient, 1 for a wrong one, whatever the size of x and f."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import difflab as dl
from difflab.errors import DomainError, InputError, ShapeError
from difflab.testing import taylor_test

RANDOM = np.random.default_rng(0)
ROWS = RANDOM.normal(size=(60, 60))
MATRIX, VECTOR = ROWS @ ROWS.T, RANDOM.normal(size=60)
X = np.linspace(0.2, 1.4, 5)
MIXED = np.array([1e-8, 1.0, 1e8])
# name, f, gradient, x
FUNCTIONS = [
    ("sine", lambda x: np.sum(np.sin(x) * x), lambda x: np.cos(x) * x + np.sin(x), X),
    ("number", math.sin, math.cos, 0.7),
    ("quadratic", lambda x: x @ MATRIX @ x / 2 + VECTOR @ x, lambda x: MATRIX @ x + VECTOR, 1 + VECTOR),
    ("cubic", lambda x: np.sum(x**3), lambda x: 3 * x**2, VECTOR),
    ("linear", lambda x: VECTOR @ x, lambda x: VECTOR, VECTOR),
    ("large", lambda x: 1e30 * np.sum(np.sin(x / 1e20)), lambda x: 1e10 * np.cos(x / 1e20), 1e20 * X),
    ("tiny", lambda x: 1e-30 * np.sum(np.exp(x * 1e20)), lambda x: 1e-10 * np.exp(x * 1e20), 1e-20 * X),
    ("at zero", lambda x: np.sum(np.exp(x)), np.exp, np.zeros(4)),
    ("fast at zero", lambda x: np.sum(np.sin(1e20 * x)), lambda x: 1e20 * np.cos(1e20 * x), np.zeros(4)),
    ("scales", lambda x: np.sum(np.sin(x / MIXED)), lambda x: np.cos(x / MIXED) / MIXED, MIXED),
    ("a tiny entry", lambda x: np.sum(np.sin(x)), np.cos, np.array([1e-20, 1.0])),
    ("oscillating", lambda x: np.sum(np.sin(1e4 * x)), lambda x: 1e4 * np.cos(1e4 * x), X),
    ("steep", lambda x: np.sum(np.exp(200 * x)), lambda x: 200 * np.exp(200 * x), X),
    ("edge", lambda x: np.sum(np.log(x)), lambda x: 1 / x, np.array([1e-6, 1.0, 2.0])),
    ("noise", lambda x: np.sum(np.sin(x)) * (1 + 1e-9 * np.sin(1e14 * x[0])), np.cos, X),
    ("float32", lambda x: np.sum(np.exp(x) * x), lambda x: np.exp(x) * (1 + x), X.astype(np.float32)),
]


@pytest.mark.parametrize(("name", "f", "gradient", "x"), FUNCTIONS, ids=[row[0] for row in FUNCTIONS])
def test_a_right_gradient_passes_and_one_entry_wrong_by_a_percent_falls(name, f, gradient, x):
    right = taylor_test(f, gradient, x)
    assert right.passed and right, str(right)
    assert right.order > 1.9, "linear functions have inf, others 2 or more"
    assert right.smallest_error < 0.01, "the test would not have seen what it is asked to see below"
    for place in range(0, np.size(x), max(1, np.size(x) // 3)):
        wrong = np.array(gradient(x), dtype=float)
        share = np.abs(np.ravel(wrong * (np.abs(x) + (np.asarray(x) == 0))))
        if 0.01 * share[place] / np.linalg.norm(share) < 20 * right.smallest_error:
            continue  # the test says that it cannot see so much
        wrong[(place,) if wrong.ndim else ()] *= 1.01
        found = taylor_test(f, wrong[()], x)
        assert not found.passed and not found, f"{place}: {found}"
        assert found.order < 1.6
        assert "failed: order" in str(found) and "where a right gradient has 2" in found.reason


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 30), st.floats(-12, 12))
def test_any_quadratic_at_any_scale(seed, n, power):
    random = np.random.default_rng(seed)
    scale, A = 10.0**power, random.normal(size=(n, n))
    x = random.normal(size=n) * scale
    f, gradient = lambda x: np.sum((A @ x / scale) ** 2), lambda x: 2 * A.T @ (A @ x) / scale**2
    assert taylor_test(f, gradient, x, seed)
    wrong = gradient(x)
    place = int(np.argmax(np.abs(wrong)))
    wrong[place] *= 1.01
    assert not taylor_test(f, wrong, x, seed)


def test_what_it_says():
    right = taylor_test(*FUNCTIONS[0][1:])
    low, high = right.window
    assert 1e-8 < low < high < 1e-2
    assert right.smallest_error < 1e-5
    assert str(right).startswith("Taylor test passed: order 2.00, steps ")
    assert right.reason == ""
    linear = taylor_test(lambda x: np.sum(x), np.ones_like, X)
    assert math.isinf(linear.order) and "rounding" in str(linear)
    assert linear.smallest_error < 1e-12
    error = taylor_test(math.sin, lambda x: 1.02 * math.cos(x), 0.7).smallest_error
    assert error == pytest.approx(0.02 / 1.02, rel=1e-2), "of a wrong gradient, the error that it has"


def test_an_optimum_and_a_constant():
    assert taylor_test(lambda x: np.sum((x - 1) ** 2), lambda x: 2 * (x - 1), np.ones(3))
    assert not taylor_test(lambda x: np.sum((x - 1) ** 2), lambda x: 2 * (x - 1) + 1e-3, np.ones(3))
    assert taylor_test(lambda x: 3.0, np.zeros_like, X)
    assert not taylor_test(lambda x: 3.0, lambda x: 1e-3 + 0 * x, X)


def test_a_kink_falls_and_one_beside_the_point_does_not():
    assert not taylor_test(lambda x: np.sum(np.abs(x)), np.sign, np.array([0.0, 1.0]))
    assert taylor_test(lambda x: np.sum(np.abs(x - 1)), lambda x: np.sign(x - 1), np.array([1.01, 3.0]))


def test_containers_keep_their_structure():
    def f(p):
        assert set(p) == {"w", "b"} and isinstance(p["b"], list) and isinstance(p["b"][0], float)
        return np.sum(p["w"] ** 2) * p["b"][0]

    at = {"w": X, "b": [2.0]}
    gradient = {"w": 4 * X, "b": [np.sum(X**2)]}
    assert taylor_test(f, gradient, at)
    assert taylor_test(f, dl.grad(f2 := lambda p: np.sum(p["w"] ** 2) * p["b"][0]), at) and f2(at)
    assert not taylor_test(f, {"w": 4 * X, "b": [1.01 * np.sum(X**2)]}, at)


def test_noise_that_hides_the_gradient_is_said():
    random = np.random.default_rng(0)
    found = taylor_test(lambda x: 1.0 + random.normal(), np.zeros_like, X)
    assert not found.passed or math.isnan(found.smallest_error)
    hidden = taylor_test(lambda x: float(np.float32(1e9)) + 0 * np.sum(x), lambda x: 1e-20 + 0 * x, X)
    assert not hidden.passed and "undecided" in hidden.reason


def test_a_gradient_with_nan_falls_with_its_place():
    found = taylor_test(lambda p: np.sum(p["w"]), {"w": np.array([1.0, np.nan])}, {"w": np.ones(2)})
    assert not found.passed and found.reason == "the gradient holds nan in x['w']"
    assert "nan" in str(found)


@pytest.mark.parametrize(
    ("f", "gradient", "x", "error", "told"),
    [
        (np.sum, np.ones(3), X, ShapeError, r"\(3,\)"),
        (np.sum, [np.ones(5), 1.0], X, ShapeError, "2 arrays"),
        (np.sin, np.cos, X, ShapeError, "one number"),
        (lambda x: np.sum(np.log(x - 9)), np.ones(5), X, DomainError, "nan"),
        (lambda x: 1.0 if x == 2.0 else math.nan, 0.0, 2.0, DomainError, "beside"),
        (np.sum, np.ones(5), np.array([1.0, np.inf, 0, 0, 0]), InputError, "inf"),
        (np.sum, np.ones(2), np.array([1, 2]), InputError, "floats"),
        (lambda x: 0.0, [], [], InputError, "no numbers"),
    ],
)
def test_what_cannot_be_tested_is_refused(f, gradient, x, error, told):
    with np.errstate(all="ignore"), pytest.raises(error, match=told):
        taylor_test(f, gradient, x)


def test_the_plot_and_repeats(tmp_path):
    for k, gradient in enumerate((np.cos, lambda x: 1.01 * np.cos(x), lambda x: np.ones_like(x))):
        found = taylor_test(lambda x: np.sum(np.sin(x)), gradient, X)
        assert found.plot(tmp_path / f"{k}.png").read_bytes().startswith(b"\x89PNG")
        assert found == taylor_test(lambda x: np.sum(np.sin(x)), gradient, X), "the directions are those of the seed"
    with pytest.raises(InputError):
        found.plot(tmp_path / "0.png")


def test_another_librarys_gradient():
    torch = pytest.importorskip("torch")

    def f(x):
        return (torch.sin(x) * x).sum()

    x = torch.linspace(0.2, 1.4, 5, dtype=torch.float64, requires_grad=True)
    f(x).backward()
    assert taylor_test(f, x.grad, x)
    assert not taylor_test(f, x.grad * 1.01, x)


def test_a_kink_at_the_point_is_told_without_a_number_that_is_none():
    found = taylor_test(lambda x: np.sum(np.abs(x)), np.sign, np.zeros(3))
    assert not found.passed and "kink" in found.reason and "nan" not in found.reason
