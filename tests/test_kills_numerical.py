"""What adaptive steps cost and come to where a function is flat, far from 0, steep, or abrupt beside the point."""

from __future__ import annotations

import numpy as np
import pytest

import difflab as dl

POINTS = (0.0, 1.0, 0.3, -7.0, 1e-5)
# A function, its slope, and how many values the derivatives at all of the points may take together.
COST = {
    "exp far from 0": (lambda x: 1e10 + np.exp(x), np.exp, 211),
    "line far from 0": (lambda x: 1e15 + 3 * x, lambda x: 3.0, 209),
    "power far from 0": (lambda x: 1e8 + x**5, lambda x: 5 * x**4, 189),
    "flat and steep": (
        lambda x: np.exp(-((x - 5) ** 2) * 30),
        lambda x: -60 * (x - 5) * np.exp(-30 * (x - 5) ** 2),
        125,
    ),
    "tiny and steep": (lambda x: 1 + 1e-30 * np.exp(1e6 * min(x, 1e-4)), None, 177),
    "flat up to an edge": (lambda x: 1 + np.sqrt(np.maximum(x - 1e-4, 0)), None, 137),
    "flat up to a kink": (lambda x: 3 + np.maximum(x - 2, 0), lambda x: 0.0, 147),
    "flat up to a jump": (lambda x: np.floor(x + 0.5) / 3, lambda x: 0.0, 147),
    "flat square": (lambda x: 1 + x**2, lambda x: 2 * x, 135),
    "flat fourth power": (lambda x: 1 + x**4, lambda x: 4 * x**3, 151),
    "hidden cube": (lambda x: 1 + 1e-20 * x**3, lambda x: 3e-20 * x * x, 183),
    "bump": (
        lambda x: np.exp(-1 / (x * x + 1e-3)),
        lambda x: 2 * x / (x * x + 1e-3) ** 2 * np.exp(-1 / (x * x + 1e-3)),
        143,
    ),
    "sine": (lambda x: np.sin(3 * x), lambda x: 3 * np.cos(3 * x), 109),
    "fast sine": (lambda x: np.sin(1e4 * x), lambda x: 1e4 * np.cos(1e4 * x), 127),
    "step of tanh": (lambda x: np.tanh(1e8 * (x - 1e-3)), lambda x: 0.0, 145),
    "constant": (lambda x: 0 * x + 2, lambda x: 0.0, 75),
}


@pytest.mark.parametrize("name", COST)
def test_cost_and_claim(name):
    f, slope, most = COST[name]
    spent = 0
    for x in POINTS:
        found = dl.differentiate(f, x, method="numerical")
        spent += found.evaluations
        if slope is not None:
            assert not any(found.refusals.values()), x
            assert abs(found.gradient - slope(x)) <= found.claimed_error["x"] + 1e-300, x
    assert spent <= most


@pytest.mark.parametrize("width", [2.5e-7, 3e-7, 3.5e-7])
@pytest.mark.parametrize("off", [-1.1, 1.1])
def test_what_smaller_steps_would_help_is_refined(width, off):
    """A bend as narrow as the first steps are wide: its derivative is good to seven digits there, and better below."""
    f = lambda x: width * np.log(np.cosh((x - 0.3 - off * width) / width))
    found = dl.differentiate(f, 0.3, method="numerical")
    slope = np.tanh((0.3 - (0.3 + off * width)) / width)
    assert abs(found.gradient - slope) <= found.claimed_error["x"] < 1e-8
