"""compare: the table that judges every method."""

from __future__ import annotations

import io
import json
import re

import numpy as np
import pytest
from rich.console import Console

import difflab as dl
from difflab.differentiate.methods import method_names
from difflab.errors import InputError
from difflab.lab.comparison_report import gradient_rows, print_table, row

NEURON = "1/(1+exp(-(w0*x0+w1*x1+w2)))"
POINT = dict(w0=2.0, x0=-1.0, w1=-3.0, x1=-2.0, w2=-3.0)


@dl.custom_gradient
def wrong_square(x):
    return x * x, lambda g: g * x


def test_the_sigmoid_neuron():
    c = dl.compare(NEURON, POINT)
    assert c.agree
    assert c.reference == "certified"
    assert c.max_ulps <= 8
    assert set(c.methods) == set(method_names())
    assert c.methods["reverse"].gradient["w0"] == pytest.approx(-0.19661193324148185, rel=1e-15)
    for result in c.methods.values():
        assert result.failure is None
        assert result.seconds > 0
    assert c.methods["numerical"].evaluations > 10
    assert c.nodes["gradient"] > c.nodes["function"] > 0


def test_a_wrong_rule_is_found():
    c = dl.compare(lambda x: wrong_square(x), 3.0)
    assert not c.agree
    assert c.methods["reverse"].agrees is False
    assert c.methods["numerical"].agrees is True
    assert c.methods["certified"].gradient == 6


def test_variants_stand_beside_each_other():
    schemes = ["numerical:forward", "numerical:central", "numerical:complex-step"]
    names = [*schemes, "symbolic:raw", "symbolic:cse", "certified"]
    c = dl.compare("exp(x)*sin(x)", dict(x=1.0), methods=names)
    assert list(c.methods) == names
    errors = [c.methods[n].max_relative for n in schemes]
    assert errors[0] > errors[1] > errors[2]
    assert c.agree


@pytest.mark.parametrize(
    ("methods", "said"),
    [
        ([], "empty"),
        (["revers"], "revers"),
        (["reverse:fast"], "no variants"),
        (["reverse", "reverse"], "twice"),
        ([3], "3"),
    ],
)
def test_wrong_method_names_are_refused(methods, said):
    with pytest.raises(InputError, match=said):
        dl.compare("x", dict(x=1.0), methods=methods)


def test_unknown_variants_are_refused():
    with pytest.raises(InputError, match="sideways"):
        dl.compare("x", dict(x=1.0), methods=["numerical:sideways"])


def test_kinks_have_one_sided_derivatives():
    c = dl.compare("abs(x) + relu(y)", dict(x=0.0, y=0.0))
    assert [(k.left, k.right, k.returned) for k in c.kinks] == [(-1.0, 1.0, 0.0), (0.0, 1.0, 0.0)]
    assert any("left derivative -1, right derivative 1" in n for n in c.notes)
    assert not dl.compare("abs(x)", dict(x=1.0)).kinks


def test_outside_the_domain_nothing_finite_is_shown():
    c = dl.compare("log(x)", dict(x=-1.0))
    assert np.isnan(c.value)
    assert any("not defined" in n for n in c.notes)
    for result in c.methods.values():
        assert result.failure is not None or np.all(~np.isfinite(np.asarray(result.gradient["x"])))


def test_an_input_that_is_not_used_has_gradient_zero():
    c = dl.compare(lambda x, y: x * x, (2.0, 5.0))
    assert c.agree
    assert c.methods["reverse"].gradient == (4.0, 0.0)
    assert any("y" in n and "does not depend" in n for n in c.notes)


def test_json_is_strict_and_versioned():
    for text, at in [(NEURON, POINT), ("log(x)", dict(x=-1.0)), ("abs(x)", dict(x=0.0))]:
        told = json.dumps(dl.compare(text, at).to_json(), allow_nan=False)
        again = json.loads(told)
        assert again["version"] == 1
        assert "reverse" in told


def test_it_prints_and_shows_html_and_a_plot(tmp_path):
    c = dl.compare("x*y + sin(x)", dict(x=1.0, y=2.0))
    text, html = str(c), c._repr_html_()
    for name in c.methods:
        assert name in text
        assert name in html
    path = c.plot(tmp_path / "plot.svg")
    assert path.read_text().count("<path") > 5
    with pytest.raises(dl.DifflabError, match="force"):
        c.plot(tmp_path / "plot.svg")


def test_names_in_html_are_escaped():
    hostile = dl.from_sympy(__import__("sympy").Symbol("<script>alert(1)</script>") * 2)
    html = dl.compare(hostile, {"<script>alert(1)</script>": 1.0})._repr_html_()
    assert "<script>" not in html


def test_wrt_limits_the_inputs():
    c = dl.compare("x*y", dict(x=2.0, y=3.0), wrt=["x"])
    assert c.methods["reverse"].by_name["x"] == 3
    with pytest.raises(InputError, match="z"):
        dl.compare("x*y", dict(x=2.0, y=3.0), wrt=["z"])


@pytest.mark.parametrize("at", [dict(x=1.0), dict(x=1.0, y=2.0, z=3.0), dict(x="one", y=2.0), None])
def test_bad_points_are_refused(at):
    with pytest.raises(dl.DifflabError):
        dl.compare("x*y", at)


def test_agreement_within_rounding_alone_is_said():
    c = dl.compare("2*sin(t/2)**2/t**2", at=dict(t=1e-8))
    assert c.agree and c.methods["reverse"].details["cancelled"] == ["t"]
    assert c.methods["reverse"].verdict == "agrees, within rounding"
    assert "hardly a digit" in " ".join(str(c).split())  # its lines are as wide as the terminal
    assert "within rounding" not in str(dl.compare("x**2", at=dict(x=3.0)))


@pytest.mark.parametrize(
    "text, convention, place",
    [
        ("abs(x)", "the mean of both sides", "x = 0"),
        ("relu(x)", "the left side", "x = 0"),
        ("maximum(x, 2*x)", "the mean of both sides", "x = y"),
    ],
)
def test_kinks_say_where_they_are_and_what_is_returned(text, convention, place):
    kink = dl.compare(text, at={"x": 0.0}).kinks[0]
    assert (kink.convention, kink.place) == (convention, place)
    assert kink.to_json()["convention"] == convention and str(kink).endswith(f"({place})")


@pytest.mark.parametrize("width", [40, 60, 80, 100, 140, 200])
@pytest.mark.parametrize(
    "text, at",
    [
        ("sum(tanh(W@x))", dict(W=np.array([[1.0, 2, 3], [4, 5, 6]]), x=np.array([1.0, 2, 3]))),
        ("x*y", dict(x=1 / 3, y=2.0)),
    ],
)
def test_no_number_of_the_gradient_is_broken(text, at, width):
    found = dl.compare(text, at=at)
    written = io.StringIO()
    print_table(found, Console(file=written, width=width, no_color=True))
    numbers = {n for row in gradient_rows(found)[1] for cell in row for n in re.split(r"[\[\], ]+", cell)}
    assert all(cell in written.getvalue() for m in found.methods.values() for cell in row(m)[2:-1])
    table = written.getvalue().split("preparation")[0]
    assert numbers and [n for n in numbers if n not in table] == []
    assert max(map(len, table.splitlines())) <= width


@pytest.mark.parametrize("cast", [lambda w, x: w.astype(np.result_type(x)), lambda w, x: np.asarray(w, x.dtype)])
def test_a_constant_that_takes_the_points_dtype_accuses_nobody(cast):
    """Differences run the function in double precision, where such a constant is another one."""
    w = np.array([0.1, -1.3, 0.7])
    found = dl.compare(lambda x: np.sum(np.sin(x) * cast(w, x)), np.array([0.3, -1.2, 0.7], np.float32))
    assert found.verdict == "agree", str(found)
    wrong = dl.custom_gradient(lambda x: (np.sin(x), lambda g: g * np.cos(x) * np.float32(1.00001)))
    found = dl.compare(lambda x: np.sum(wrong(x) * cast(w, x)), np.array([0.3, -1.2, 0.7], np.float32))
    assert found.verdict == "disagree"
