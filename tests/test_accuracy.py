"""The accuracy table: what it measures, how it is written, and what it says about the rows."""

from __future__ import annotations

import json

import numpy as np
import pytest
from mpmath import mp, mpf

import difflab as dl
from difflab.graph.traced import apply
from difflab.lab import judge
from difflab.lab.accuracy import accuracy, not_real, ulps
from difflab.primitives import TABLE, Elementwise, lookup, table
from difflab.primitives.spelling import by_mpmath


def test_ulps_of_the_true_value():
    assert ulps(1.0 + 2**-52, mpf(1)) == 1.0
    assert ulps(0.0, mpf(0)) == 0.0
    assert ulps(1e-300, mpf(0)) == np.inf
    assert ulps(np.nan, mpf(1)) == np.inf
    assert ulps(np.inf, mpf(10) ** 400) == 0.0
    assert ulps(-np.inf, mpf(10) ** 400) == np.inf


@pytest.mark.parametrize("name", ["tanh", "expm1", "sigmoid", "softplus", "arcsinh", "arccosh", "arcsin", "arctanh",
                                  "log1p", "logaddexp", "erf", "hypot", "arctan2"])  # fmt: skip
def test_rows_hold_over_their_whole_domain(name):
    row = accuracy([name], points=20, peers=False).rows[0]
    assert row.judge == "certified"
    assert row.libraries["difflab"]["value"].largest <= 4
    assert row.libraries["difflab"]["derivative"].largest <= 4


@pytest.mark.parametrize(
    ("name", "point", "derivative"),
    [("tanh", 300.0, lambda: mp.sech(300) ** 2), ("sinc", 1e-300, lambda: -mp.pi**2 / 3 * mpf(1e-300)),
     ("arccosh", 1.25, lambda: mpf(4) / 3), ("power_minus", None, None), ("jv", None, None)],
)  # fmt: skip
def test_the_two_judges_agree(name, point, derivative):
    row = lookup(name)
    operands = [point] if point is not None else [1.0, 2.5]
    params = (row.examples or ({},))[0]
    position = len(operands) - 1
    value, partials = judge.differences(row, operands, params, [position])
    with mp.workdps(50):
        if derivative is not None:
            assert abs(partials[position] / derivative() - 1) < 1e-18
        proven = judge.proven(row, operands, params, [position])
        if proven is not None:
            assert abs(proven[0] - value) <= abs(value) * mpf(10) ** -18
            assert abs(proven[1][position] - partials[position]) <= abs(value) * mpf(10) ** -18


def test_report_is_written_as_json_and_markdown(tmp_path):
    report = dl.accuracy(["exp", "floor", "logical_and"], points=3, peers=False, seed=4)
    data = json.loads(report.write(tmp_path / "a.json").read_text(), parse_constant=pytest.fail)
    assert data["version"] == 1 and data["seed"] == 4 and data["rows"][0]["name"] == "exp"
    assert "truth values" in data["rows"][2]["note"]
    text = report.write(tmp_path / "a.md").read_text()
    assert text.splitlines()[0] == "| row | difflab value | difflab derivative |" and "| exp |" in text
    with pytest.raises(dl.errors.InputError, match="exists"):
        report.write(tmp_path / "a.md")
    with pytest.raises(dl.errors.InputError, match=r"\.txt"):
        report.write(tmp_path / "a.txt")


def test_report_prints(capsys):
    accuracy(["exp"], points=2, peers=False).print()
    assert "exp" in capsys.readouterr().out


def test_infinite_errors_are_text_in_json():
    report = accuracy(["exp"], points=2, peers=False)
    report.rows[0].libraries["difflab"]["value"].largest = float("inf")
    assert report.to_json()["rows"][0]["libraries"]["difflab"]["value"]["largest"] == "inf"
    assert "inf" in report.to_markdown()


@pytest.mark.parametrize(("arguments", "message"), [((["sum"],), "not an elementwise"), ((["nope"],), "no primitive")])
def test_bad_rows_are_refused(arguments, message):
    with pytest.raises(dl.errors.InputError, match=message):
        accuracy(*arguments)
    with pytest.raises(dl.errors.InputError, match="points"):
        accuracy(["exp"], points=0)


@pytest.mark.parametrize("library", ["autograd", "jax", "torch"])
def test_peers_are_measured_where_they_are_installed(library):
    pytest.importorskip(library)
    report = accuracy(["expm1", "gelu"], points=5)
    assert library in report.libraries
    # The peers' derivative of expm1 is its value plus 1, which is 0 or far off in the left tail.
    assert report.rows[0].libraries[library]["derivative"].largest > 1e6


OF_DIGITS = [row.name for row in table() if row.kind == "elementwise" and {"mpmath", "elements"} & set(row.spelling)]


@pytest.mark.parametrize("name", [name for name in OF_DIGITS if not not_real(TABLE[name])])
def test_the_value_at_many_digits_is_the_row_s(name):
    row = TABLE[name]
    point = [d.low + share * (d.high - d.low) for share, d in zip((0.6, 0.7, 0.8, 0.4), row.domain)]
    point = [round(x) if d.of == "whole" else x for x, d in zip(point, row.domain)]
    params = (row.examples or ({},))[0]
    assert float(judge.MPMATH.of(row)(*point, **params)) == pytest.approx(
        float(row.evaluate(*point, **params)), rel=1e-13
    )


def test_a_row_says_itself_what_its_enclosure_and_its_digits_are():
    facts = {"name": "cube", "doc": "x³.", "partials": (lambda m, y, x: 3 * x * x,)}
    by_digits = {"numpy": lambda x: x**3, "mpmath": by_mpmath(lambda mp, x: mp.power(x, 3))}
    enclosed = Elementwise(**facts, spelling=by_digits | {"arb": lambda x: x * x * x})
    refused = Elementwise(**facts, spelling=by_digits, refused={"arb": "nobody wrote one"})
    for row, name in ((enclosed, "certified"), (refused, "differences")):
        value, slopes, by = judge.truth(row, [2.0], {}, [0])
        assert by == name and value == 8 and abs(slopes[0] - 12) < 1e-20
        found = dl.certify(lambda x, row=row: apply(row, (x,), {}), 2.0)
        assert found.certified == (name == "certified")
        assert found.gradient == 12 if found.certified else "nobody wrote one" in found.reason
