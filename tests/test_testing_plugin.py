"""The marker `gradients` and the strategies, in pytest as their users run them."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from patience import HANGS

import difflab as dl
from difflab.primitives import TABLE
from difflab.testing import assert_gradients_agree, strategies
from difflab.testing.plugin import check
from difflab.testing.points import Drawing, regions

ROOT = Path(dl.__file__).parents[1]
# Blocking the entry point's name and loading the module works whether or not difflab is installed.
PYTEST = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:difflab", "-p", "difflab.testing"]
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTEST_ADDOPTS"} | {"PYTHONPATH": str(ROOT)}
PYTEST += ["--strict-markers", "-p", "no:hypothesispytest", "-p", "no:playwright"]

FILE = """
import math
import numpy as np
import pytest

def loss(x):
    return np.sum(np.logaddexp(0.0, x))

def its_gradient(x):
    return 1 / (1 + np.exp(-x))

def clipped_gradient(x):
    return np.minimum(1 / (1 + np.exp(-x)), 0.9)

@pytest.fixture
def scale():
    return 2.0

@pytest.mark.gradients(points=8, shape=3)
def test_right():
    return loss, its_gradient

@pytest.mark.gradients(points=8, shape=3)
def test_own_methods():
    return loss

@pytest.mark.gradients(points=8, shape=3)
def test_wrong():
    return loss, clipped_gradient

@pytest.mark.gradients(points=4, low=0.0)
def test_logarithm(scale):
    return lambda x: scale * math.log(x), lambda x: scale / x

@pytest.mark.parametrize("power", [2, 3])
@pytest.mark.gradients(points=4, shapes=[2, ()])
def test_two_arguments(power):
    f = lambda x, y: np.sum(x**power) * y
    return f, lambda x, y: (power * x ** (power - 1) * y, np.sum(x**power))

@pytest.mark.gradients(points=4, draw=lambda rng: {"w": rng.normal(size=2)})
def test_a_tree():
    return lambda p: np.sum(p["w"] ** 2), lambda p: {"w": 2 * p["w"]}

class TestInAClass:
    @pytest.mark.gradients(points=4)
    def test_method(self):
        return lambda x: np.abs(x), np.sign

@pytest.mark.gradients(points=4)
def test_returns_nothing():
    pass

@pytest.mark.gradients(points=4, shape=9)
def test_outside_of_the_domain():
    return lambda x: np.sum(np.log(x)), lambda x: 1 / x
"""


def run(folder, *arguments):
    done = subprocess.run(
        [*PYTEST, *arguments],
        cwd=folder,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=HANGS,
    )
    return done.stdout + done.stderr


def counts(told):
    """The numbers of the last line: passed, failed, skipped."""
    last = told.splitlines()[-1]
    found = {word: int(n) for n, word in re.findall(r"(\d+) (passed|failed|skipped|error)", last)}
    return found.get("passed", 0), found.get("failed", 0), found.get("skipped", 0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("marked")
    (made / "test_it.py").write_text(FILE)
    return made


@pytest.mark.parametrize("extra", [[], ["-n", "2"]], ids=["alone", "xdist"])
def test_each_point_is_a_test(folder, extra):
    if extra:
        pytest.importorskip("xdist")
    told = run(folder, "-k", "right or own or logarithm or two_arguments or tree or method", *extra)
    assert counts(told) == (8 + 8 + 4 + 8 + 4 + 4, 0, 0), told


def test_a_wrong_gradient_fails_at_its_points_and_shows_how_to_see_it_again(folder):
    told = run(folder, "-k", "wrong")
    passed, failed, _ = counts(told)
    assert passed and failed and passed + failed == 8, told
    assert "at the point " in told and "clipped_gradient" in told and "np.array([" in told
    line = next(line for line in told.splitlines() if "again: " in line).partition("again: ")[2]
    assert line.startswith("difflab check test_it.py:loss")
    words = [sys.executable, "-m", "difflab", *shlex.split(line)[1:]]
    done = subprocess.run(words, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 1 and "disagree" in done.stdout, done.stdout + done.stderr
    name = re.search(r'or: pytest "(.*)"', told)[1]
    assert counts(run(folder, name))[:2] == (0, 1)


def test_nothing_passes_that_nobody_judged(folder):
    told = run(folder, "-k", "nothing")
    assert counts(told) == (0, 4, 0) and "returns the function to be tested" in told
    told = run(folder, "-k", "domain")
    assert counts(told)[0] == 0 and counts(told)[1] == 3 and "give the marker low=" in told, told


@pytest.mark.parametrize("options", ["points=0", "points='x'", "typo=1", "low=2, high=1", "shape=-1", "draw=3"])
def test_bad_markers_are_refused(tmp_path, options):
    (tmp_path / "test_it.py").write_text(
        f"import pytest\n@pytest.mark.gradients({options})\ndef test_it():\n    return lambda x: x * x\n"
    )
    told = run(tmp_path)
    assert "@pytest.mark.gradients:" in told and "passed" not in told and "INTERNALERROR" not in told


WRONG_VALUES = [
    dict(seed=-1), dict(seed=0.5), dict(low="a"), dict(low=np.nan), dict(high=np.inf), dict(dtype="foo"),
    dict(dtype=complex), dict(draw=lambda: 1.0),
]  # fmt: skip


@pytest.mark.parametrize("given", WRONG_VALUES, ids=lambda given: "-".join(given))  # values would show addresses
def test_wrong_values_of_a_marker_are_named(given):
    with pytest.raises(dl.errors.InputError, match=f"{next(iter(given))}="):
        Drawing(points=1, **given)


@pytest.mark.parametrize("given", [dict(rtol="x"), dict(ulps=-1), dict(seconds="2")], ids=str)
def test_wrong_limits_of_the_assertion_are_named(given):
    with pytest.raises(dl.errors.InputError, match=f"{next(iter(given))}="):
        assert_gradients_agree(lambda x: x**3, 2.0, gradient=lambda x: 3 * x**2, **given)


def test_points_that_are_no_numbers_are_told_without_a_traceback():
    draws = [lambda rng: (), lambda rng: "text"]
    for draw in draws:
        with pytest.raises(pytest.fail.Exception, match=r"draw= returned \(\)|x is a builtins.str"):
            check((lambda x: x**3, lambda x: 3 * x**2), Drawing(points=1, draw=draw), "ordinary-0", "test_it")


def test_a_marked_method_of_a_testcase_is_refused(tmp_path):
    """It is run once, without points, and what it returns is thrown away."""
    (tmp_path / "test_it.py").write_text(
        "import pytest, unittest\nclass Mine(unittest.TestCase):\n    @pytest.mark.gradients(points=4)\n"
        "    def test_it(self):\n        return lambda x: x * x, lambda x: 99 * x\n"
    )
    told = run(tmp_path)
    assert counts(told)[:2] == (0, 1) and "is a method of a unittest.TestCase" in told, told


def test_points_are_the_same_on_repeat_and_differ_from_each_other():
    drawing = Drawing(points=8, shape=(2,), seed=3)
    first = [drawing.arguments(name, 0)[0] for name in regions(8)]
    assert all(
        np.array_equal(a, Drawing(points=8, shape=(2,), seed=3).arguments(n, 0)[0]) for a, n in zip(first, regions(8))
    )
    assert len({tuple(x) for x in first}) == 8
    assert {name.partition("-")[0] for name in regions(8)} == {"ordinary", "tail"}


BOUNDS = [(None, None), (0.0, None), (None, -1.0), (0.0, 1.0)]


@pytest.mark.parametrize("low, high", BOUNDS)
def test_points_lie_strictly_between_their_bounds(low, high):
    drawing = Drawing(points=40, shape=(3,), low=low, high=high)
    x = np.array([drawing.arguments(name, 0)[0] for name in regions(40)])
    assert np.all(np.isfinite(x)) and (low is None or np.all(x > low)) and (high is None or np.all(x < high))


@pytest.mark.parametrize("low, high", BOUNDS)
@pytest.mark.parametrize("shape", [(), 3, (2, 2)])
def test_strategies_draw_between_the_bounds(low, high, shape):
    @settings(max_examples=40)
    @given(strategies.points(shape, low=low, high=high))
    def check(x):
        assert np.shape(x) == (shape if isinstance(shape, tuple) else (shape,)) and np.all(np.isfinite(x))
        assert (low is None or np.all(x > low)) and (high is None or np.all(x < high))

    check()


def test_strategies_reach_kinks_tails_and_shapes():
    seen = {"kink": False, "tail": False, "shapes": set()}

    @settings(max_examples=200, derandomize=True)
    @given(strategies.points(st.sampled_from([(), (2,)]), kinks=(0.0, 1.0)))
    def look(x):
        seen["kink"] |= bool(np.any(np.isin(x, (0.0, 1.0))))
        seen["tail"] |= bool(np.any(np.abs(x) > 10))
        seen["shapes"].add(np.shape(x))

    look()
    assert seen["kink"] and seen["tail"] and seen["shapes"] == {(), (2,)}


@pytest.mark.parametrize("name", ["sin", "log", "arcsin", "power", "ldexp", "gammaln"])
def test_strategies_of_rows_are_their_domains(name):
    row = TABLE[name]

    @settings(max_examples=50)
    @given(strategies.points_of(name))
    def check(operands):
        assert len(operands) == len(row.domain)
        for x, d in zip(operands, row.domain):
            assert isinstance(x, np.int64 if d.of == "whole" else np.float64)
            assert d.low - 1 <= x <= d.high + 1 or float(x) in (*d.tails, *d.branch_points)

    check()


def test_strategies_need_hypothesis(monkeypatch):
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    with pytest.raises(dl.DifflabError, match="pip install hypothesis"):
        strategies.points(3)
    with pytest.raises(dl.DifflabError, match="no primitive named"):
        strategies.points_of("sine")
    with pytest.raises(dl.DifflabError, match="not elementwise"):
        strategies.points_of("matmul")


def test_the_options_of_the_assertion_go_to_it():
    given = dict(rtol=1e-6, ulps=3, allow_kinks=True, seconds=2.0)
    assert Drawing(points=1, **given).options == given
