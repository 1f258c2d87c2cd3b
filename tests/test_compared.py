"""compare(frameworks=...): JAX's and PyTorch's derivatives beside difflab's, judged by the same certificate."""

from __future__ import annotations

import numpy as np
import pytest

import difflab as dl
from difflab.cli.app import run

pytest.importorskip("jax")
pytest.importorskip("torch")
BOTH = ("jax", "torch")
EXACT = ["reverse", "certified"]


@pytest.mark.parametrize(
    ("function", "at"),
    [
        ("x * y + sin(x)", {"x": 1.0, "y": 2.0}),
        ("sum(tanh(W @ x))", {"W": np.array([[0.1, 0.2], [0.3, -0.4]]), "x": np.array([0.5, -1.0])}),
        (lambda w: np.sum(np.logaddexp(0, w) ** 2), np.array([0.3, -1.2])),
        (lambda x, n: np.sum(x**n), (np.array([0.3, 1.2]), 2.0)),
    ],
    ids=["numbers", "arrays", "function", "tuple"],
)
def test_frameworks_agree_with_the_certificate(function, at):
    found = dl.compare(function, at, methods=EXACT, frameworks=BOTH)
    assert found.verdict == "agree" and list(found.methods) == [*EXACT, *BOTH]
    assert all(found.methods[name].max_ulps <= 16 for name in BOTH)
    assert all(found.methods[name].evaluation > 0 for name in BOTH)


def test_a_framework_that_is_wrong_disagrees():
    found = dl.compare("tanh(x)", {"x": 20.0}, methods=EXACT, frameworks=("torch",))
    assert found.verdict == "disagree" and found.methods["torch"].verdict == "disagrees"
    assert found.methods["reverse"].verdict == "agrees"


def test_by_one_input_and_constants():
    found = dl.compare("x * 2 + y", {"x": 1.0, "y": 2.0}, methods=EXACT, wrt=["x"], frameworks=BOTH)
    assert found.agree and [float(found.methods[n].by_name["x"]) for n in BOTH] == [2.0, 2.0]
    assert dl.compare("x * 0 + 1", {"x": 1.0}, methods=EXACT, frameworks=BOTH).agree


def test_bad_names():
    with pytest.raises(dl.DifflabError, match="'tf'; they are 'jax' and 'torch'"):
        dl.compare("x", {"x": 1.0}, frameworks=("tf",))
    with pytest.raises(dl.DifflabError, match="give a list"):
        dl.compare("x", {"x": 1.0}, frameworks="jax")


def test_shell(capsys):
    assert run(["compare", "tanh(x)", "--at", "x=0.3", "--method", "reverse", "--framework", "jax"]) == 0
    assert "JAX, reverse mode" in capsys.readouterr().out
