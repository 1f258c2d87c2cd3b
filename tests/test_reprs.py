"""What a cell or a prompt shows of a result: a line or a few, however large the arrays in it."""

from __future__ import annotations

import numpy as np
import pytest

import difflab as dl
from difflab import nn
from difflab.glance import glance
from difflab.testing.agreement import examine

W = np.ones((30, 30))


def total(W):
    return dl.numpy.sum(dl.numpy.sin(W))


def trained():
    x, y = nn.data.blobs(60)
    return nn.fit(nn.models.mlp((2, 40, 3)), (x, y), epochs=1)


MADE = {
    "Graph": (lambda: dl.trace(total, W), "3 nodes"),
    "ForwardPass": (lambda: dl.trace(total, W).forward(W), "array (30, 30)"),
    "BackwardPass": (lambda: dl.trace(total, W).forward(W).backward(), "gradient {W: array (30, 30)"),
    "Derivative": (lambda: dl.differentiate(total, {"W": W}), "array (30, 30)"),
    "Certificate": (lambda: dl.certify(total, {"W": W[:10, :10]}), "certified"),
    "Comparison": (lambda: dl.compare("x*y", {"x": 2.0, "y": 3.0}), "agree"),
    "StepSizeStudy": (lambda: dl.step_size_study("exp(x)", {"x": 1.0}), "central"),
    "ExpressionSwell": (lambda: dl.expression_swell("logistic", range(1, 5), simplify=False), "backward graph"),
    "Program": (lambda: dl.compile(total).program, "total"),
    "Run": (trained, "train_loss"),
    "Result": (lambda: nn.optim.minimize(lambda p: (p**2).sum(), W, nn.optim.SGD(lr=0.1), 5), "5 steps"),
    "Report": (lambda: examine(total, (W[:3, :3],)), "agrees"),
    "MDP": (lambda: dl.mdp.teleport_gridworld(), "25 states"),
    "Solution": (lambda: dl.mdp.teleport_gridworld().solve(), "iterations"),
    "Sequential": (lambda: nn.models.mlp((2, 40, 3)), "Linear"),
}


@pytest.mark.parametrize("name", MADE)
def test_a_plain_repr_is_a_few_lines_that_say_something(name):
    make, said = MADE[name]
    thing = make()
    text = repr(thing)
    assert type(thing).__name__ == name and said in text
    assert len(text.splitlines()) <= 5 and len(text) < 400 and " object at 0x" not in text


def test_a_glance_is_one_line():
    many = {f"w{k}": W for k in range(50)}
    assert glance(many).endswith("... 46 more}") and "\n" not in glance(many)
    assert glance(np.array([1.0, 2.0])) == "[1.0, 2.0]" and glance([np.float64(2)]) == "[2.0]"
    assert len(glance("x" * 1000)) <= 100
