"""What a cell or a prompt shows of a result: a line or a few, however large the arrays in it."""

from __future__ import annotations

import importlib
import pathlib

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


def looked():
    model = nn.Sequential(nn.Linear(40, 30), nn.ReLU())
    return nn.inspect(model, *model.init(0), W[:5].repeat(2, 1)[:, :40], np.zeros(5, int), nn.functional.cross_entropy)


def checkpoint():
    model = nn.Linear(200, 300)
    return importlib.import_module("difflab.nn.training.checkpoint").Trained(model, *model.init(0), {"epoch": 3})


def tour():
    home = importlib.import_module("difflab.lab.tour")
    same = dl.compare("x*y", {"x": 1.0, "y": 2.0})
    return home.Tour(pathlib.Path("tour.html"), {stop.name: same for stop in home.STOPS})


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
    "TaylorTest": (lambda: dl.testing.taylor_test(lambda x: (x * x).sum(), lambda x: 2 * x, np.ones(50)), "passed"),
    "BrokenRules": (lambda: dl.testing.find_broken_rule("sin(x)*x", {"x": 1.0}), "no broken rule"),
    "AccuracyReport": (lambda: dl.accuracy(rows=["sin"], points=3, peers=False), "1 rows"),
    "Lipschitz": (lambda: dl.lab.lipschitz(lambda x: 2 * x, np.ones(500)), "converged"),
    "Convexity": (lambda: dl.lab.convexity("x**2", {"x": (-1, 1)}), "strongly convex"),
    "Inspection": (looked, "Gradients"),
    "DepthStudy": (lambda: nn.depth_study(layers=30, width=8, samples=4), "30 layers"),
    "Dataset": (lambda: nn.data.load("digits"), "digits"),
    "Trained": (checkpoint, "about"),
    "AdamW": (lambda: nn.optim.AdamW(), "weight_decay"),
    "Chain": (lambda: nn.optim.chain(*[nn.optim.clip(1.0)] * 3, nn.optim.SGD(lr=0.1)), "clip"),
    "Sensitivity": (lambda: dl.mdp.sensitivity(dl.mdp.teleport_gridworld().solve()), "discount"),
    "Recovered": (lambda: dl.mdp.Recovered(W[0], W, -1.0, [-1.0] * 99, 99), "99 iterations"),
    "Learned": (lambda: dl.mdp.learning.q_learning(dl.mdp.teleport_gridworld(), episodes=2), "2 episodes"),
    "Tour": (tour, "as expected"),
    "Summary": (lambda: nn.summary(nn.models.lenet5(), (1, 28, 28)), "61,706 parameters"),
    "Draft": (lambda: dl.trace(total, W).copy(), "nodes"),
    "Builder": (dl.builder, "uilder"),
    "Node": (lambda: dl.trace(total, W).order[1], "sin"),
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


@pytest.mark.parametrize("made", ["grad", "value_and_grad", "jacobian", "hvp", "vmap", "compile"])
def test_a_function_that_is_made_of_another_says_how(made):
    f = lambda x: x * x
    assert repr(getattr(dl, made)(f)).startswith(f"<function {made}(test_a_function_that_is_made_of_another")
    assert repr(dl.grad(dl.compile(total))).startswith("<function grad(total) at")


def test_a_compiled_function_of_a_module_is_pickled_by_its_name():
    compiled = dl.compile(total)
    assert compiled.__qualname__ == compiled.__name__ == "total" and compiled.__module__ == __name__
