"""difflab.testing: wrong gradients are found and shown, right ones pass."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import difflab as dl
from difflab.testing import DisagreementError, assert_gradients_agree, check_grads


@dl.custom_gradient
def wrong_square(x):
    return x * x, lambda g: g * x


def test_right_gradients_pass():
    assert_gradients_agree(lambda x: np.sum(np.tanh(x) ** 2), np.array([0.5, -1.0]))
    assert_gradients_agree("x * y + sin(x)", dict(x=1.0, y=2.0))


def test_pytrees_and_several_arguments():
    params = {"w": np.array([[0.1, 0.2], [0.3, -0.4]]), "b": [np.array([0.5, 0.6])]}
    assert_gradients_agree(lambda p, x: np.sum(np.tanh(p["w"] @ x + p["b"][0])), params, np.array([1.0, 2.0]))


def test_outputs_that_are_not_scalars():
    assert_gradients_agree(lambda x: (np.sin(x), {"twice": 2 * x}), np.array([0.3, 0.4]))


def test_wrong_rule_is_an_assertion_error_with_a_table():
    with pytest.raises(AssertionError) as caught:
        assert_gradients_agree(lambda x: np.sum(wrong_square(x)), np.array([3.0, 4.0]))
    told = str(caught.value)
    assert isinstance(caught.value, DisagreementError)
    assert "reverse" in told and "x[0]" in told and "ulps" in told and "6" in told


def test_many_entries_are_checked_along_directions():
    x = np.linspace(0.1, 2, 500)
    assert_gradients_agree(lambda x: np.sum(np.exp(-x) * x), x)
    with pytest.raises(DisagreementError, match="direction"):
        assert_gradients_agree(lambda x: np.sum(wrong_square(x)), x)


def test_own_gradient_is_judged():
    f = lambda x, y: np.sum(x**2) * y
    x, y = np.array([1.0, 2.0]), 3.0
    assert_gradients_agree(f, x, y, gradient=lambda x, y: (2 * x * y, np.sum(x**2)))
    with pytest.raises(DisagreementError, match="gradient="):
        assert_gradients_agree(f, x, y, gradient=lambda x, y: (2 * x * y, np.sum(x)))
    with pytest.raises(DisagreementError, match="arrays"):
        assert_gradients_agree(f, x, y, gradient=lambda x, y: 2 * x * y)
    big = np.linspace(1, 2, 100)
    with pytest.raises(DisagreementError, match="gradient="):
        assert_gradients_agree(lambda x: np.sum(x**2), big, gradient=lambda x: x)


def test_tolerance_in_ulps():
    f = lambda x: np.exp(x) / (np.sin(x) ** 3 + np.cos(x) ** 3)
    assert_gradients_agree(f, 1.5, ulps=1000)
    with pytest.raises(DisagreementError):
        assert_gradients_agree(lambda x: (1 - np.cos(x)) / x**2, 1e-4, ulps=1)


def test_kinks_are_refused():
    with pytest.raises(dl.DifflabError, match="kink"):
        assert_gradients_agree(lambda x: np.sum(np.abs(x)), np.array([0.0, 1.0]))
    assert_gradients_agree(lambda x: np.sum(np.abs(x)), np.array([0.0, 1.0]), allow_kinks=True)


def test_check_grads():
    check_grads(lambda x, y: np.sum(np.sin(x) * y), (np.array([0.3, 1.0]), np.array([2.0, 0.5])), order=3)
    check_grads(lambda p: np.exp(p["a"]), ({"a": np.array([0.1, 0.2])},), order=2, modes="rev")
    check_grads(lambda x: np.sum(x**3), (np.ones(3, np.float32),), order=1)
    with pytest.raises(DisagreementError, match="order 1"):
        check_grads(lambda x: np.sum(wrong_square(x)), (np.array([3.0]),), order=1, modes=["reverse"])


@pytest.mark.parametrize("options", [dict(modes="sideways"), dict(order=0), dict(modes=[])])
def test_check_grads_bad_options(options):
    with pytest.raises(dl.DifflabError):
        check_grads(np.sin, (1.0,), **options)
    with pytest.raises(dl.DifflabError):
        check_grads(np.sin, 1.0)


def test_the_plugin_gives_the_fixture_and_is_light(tmp_path):
    (tmp_path / "test_it.py").write_text(
        "import sys\n"
        "def test_light():\n"
        "    assert not {'sympy', 'matplotlib', 'scipy', 'jax', 'rich'} & set(sys.modules)\n"
        "def test_it(assert_gradients_agree):\n"
        "    assert_gradients_agree(lambda x: x * x, 2.0)\n"
    )
    # Blocking the entry point's name and loading the module works whether or not difflab is installed.
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:difflab",
        "-p",
        "no:hypothesispytest",
    ]
    done = subprocess.run(
        [*command, "-p", "difflab.testing", str(tmp_path)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout
