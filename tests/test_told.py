"""What may take seconds says what it is doing: whoever watches hears of each, and how far it has come."""

from __future__ import annotations

import numpy as np
import pytest

import difflab as dl
from difflab import mdp, nn, testing
from difflab.progress import watched

GRID = mdp.gridworld((3, 3), terminals=[(0, 2)], discount=0.9)


class Ears:
    """A watcher that keeps what it hears; works end in the order in which they began."""

    def __init__(self):
        self.works, self.open, self.told, self.shares = [], [], [], []

    def begin(self, what):
        self.works.append(what)
        self.open.append(what)

    def tell(self, text, share):
        assert self.open, f"{text!r} outside of any work"
        self.told.append(text)
        self.shares.append(share)

    def end(self):
        self.open.pop()


def total(W):
    return dl.numpy.sum(dl.numpy.sin(W))


# What is done, the work that is named, and whether it can say how far it has come.
LONG = {
    "differentiate": (lambda: dl.differentiate(total, {"W": np.ones(4)}, method="numerical"), "finite differences", 4),
    "certify": (lambda: dl.certify("x*sin(x)", {"x": 1.0}), "", 0),
    "compare": (lambda: dl.compare("x*y", {"x": 1.0, "y": 2.0}), "comparing", 0),
    "step_size_study": (lambda: dl.step_size_study("exp(x)", {"x": 1.0}), "finite differences over the step", 4),
    "expression_swell": (lambda: dl.expression_swell("logistic", [1], simplify=False), "sympy differentiates", 0),
    "accuracy": (lambda: dl.accuracy(rows=["sin", "cos"], points=3, peers=False), "", 2),
    "convexity": (lambda: dl.lab.convexity("x**2", {"x": (-1, 1)}), "", 0),
    "lipschitz": (lambda: dl.lab.lipschitz(lambda x: dl.numpy.sin(x) * np.arange(3), np.ones(3)), "direction", 1),
    "find_broken_rule": (lambda: testing.find_broken_rule("sin(x)*x", {"x": 1.0}), "judging", 2),
    "minimize": (lambda: nn.optim.minimize(lambda p: p**2, 1.0, nn.optim.SGD(lr=0.1), 5), "minimising", 5),
    "minimize by L-BFGS": (lambda: nn.optim.minimize(lambda p: p**2, 1.0, nn.optim.LBFGS(), 5), "minimising", 1),
    "depth_study": (lambda: nn.depth_study(layers=3, width=4, samples=4), "layers", 3),
    "solve": (lambda: GRID.solve("value_iteration"), "", 1),
    "q_learning": (lambda: mdp.learning.q_learning(GRID, episodes=5), "Q-learning", 5),
    "deep_q_learning": (lambda: mdp.learning.deep_q_learning(GRID, episodes=2), "deep Q-learning", 2),
    "compile": (lambda: dl.compile(total)(np.ones(3)), "compiling", 0),
    "draw": (lambda: dl.parse("x*y")._repr_svg_(), "drawing", 0),
}


@pytest.mark.parametrize("name", LONG)
def test_it_says_what_it_does(name):
    run, work, ticks = LONG[name]
    ears = Ears()
    with watched(ears):
        run()
    assert ears.open == [] and ears.works and any(work in w for w in ears.works)
    assert len(ears.told) >= ticks
    shares = [s for s in ears.shares if s is not None]
    assert all(0 <= s <= 1 for s in shares)


def test_nobody_is_told_where_nobody_watches(capsys):
    dl.differentiate(total, {"W": np.ones(2)}, method="numerical")
    assert capsys.readouterr() == ("", "")
