"""What is stated in one row is what everything says: relu with another number at 0, and who follows."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

import difflab as dl
from difflab.differentiate.problem import as_problem
from difflab.differentiate.symbolic import derivative as symbolic
from difflab.draw.page.script import Form
from difflab.graph.traced import apply
from difflab.primitives import TABLE
from difflab.primitives.activations import rectifier

TOOLS = Path(__file__).parents[1] / "docs" / "tools"


@pytest.fixture(params=[0.0, 0.5, 1.0])
def at_zero(request):
    return request.param


@pytest.fixture
def row(at_zero):
    made = rectifier(f"rectifier_{int(2 * at_zero)}", at_zero)
    yield made
    del TABLE[made.name]


def function(row):
    return lambda x: apply(row, (x,)) * 3.0


@pytest.mark.parametrize("backend_name", ["numpy", "native"])
def test_programs_return_it(row, at_zero, backend_name):
    if backend_name == "native":
        pytest.importorskip("numba", reason="numba is not installed (extra native)")
    f = function(row)
    assert dl.compile(dl.grad(f), backend=backend_name)(0.0) == 3 * at_zero
    whole = dl.compile(dl.grad(lambda x: np.sum(f(x))), backend=backend_name)
    assert list(whole(np.array([-1.0, 0.0, 2.0]))) == [0.0, 3 * at_zero, 3.0]


def test_methods_return_it(row, at_zero):
    f = function(row)
    problem = as_problem(f, 0.0)
    found = {m: dl.differentiate(f, 0.0, method=m).gradient for m in ("reverse", "forward", "numerical:complex-step")}
    found["symbolic"] = symbolic(problem).gradient
    assert found == dict.fromkeys(found, 3 * at_zero)
    assert dl.vmap(dl.grad(f))(np.zeros(2)).tolist() == [3 * at_zero] * 2
    assert dl.jvp(f, (0.0,), (1.0,))[1] == 3 * at_zero


def test_a_comparison_tells_it(row, at_zero):
    (kink,) = dl.compare(function(row), 0.0, methods=["reverse", "forward"]).kinks
    assert kink.returned == at_zero
    assert kink.convention == {0.0: "the left side", 0.5: "the mean of both sides", 1.0: "the right side"}[at_zero]


def test_the_page_computes_it(row, at_zero):
    forward = dl.trace(lambda x: apply(row, (x,)), 0.0).forward(0.0)
    text = Form(forward.recorded[forward.graph.outputs[0]], {}).text
    assert ("0.5" in text) == (at_zero == 0.5)


def test_the_documentation_says_it(row, at_zero, monkeypatch):
    monkeypatch.syspath_prepend(str(TOOLS))
    spec = importlib.util.spec_from_file_location("rows_of_the_site", TOOLS / "rows.py")
    rows = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "rows_of_the_site", rows)
    spec.loader.exec_module(rows)
    assert row.doc.endswith(f"the derivative at 0 is {at_zero:g}.")
    ((_, where), (_, told)) = rows.conventions(row)
    assert where == "x = 0" and told == f"at 0: from the left 0, from the right 1; difflab returns {at_zero:g}"
