"""The step-size study: the V-curve has the slopes that the theory gives."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from rich.console import Console

import difflab as dl
from difflab.errors import DomainError, InputError
from difflab.lab.step_size import ORDERS


@pytest.fixture(scope="module")
def study():
    return dl.step_size_study("exp(x)*sin(3*x)", at=dict(x=0.7))


@pytest.mark.parametrize("formula", ["forward", "central", "five-point"])
def test_truncation_falls_with_the_order(study, formula):
    steps, errors = np.array(study.steps), np.array(study.errors["float64"][formula])
    large = (steps <= 1e-1) & (steps >= (1e-2 if formula == "five-point" else 1e-3))
    slope = np.polyfit(np.log10(steps[large]), np.log10(errors[large]), 1)[0]
    assert slope == pytest.approx(ORDERS[formula], abs=0.35)


@pytest.mark.parametrize("formula", ["forward", "central", "five-point"])
def test_rounding_rises_to_the_left(study, formula):
    errors = study.errors["float64"][formula]
    best = errors.index(min(errors))
    assert 0 < best < len(errors) - 1
    assert errors[-1] > 1e3 * errors[best]


def test_the_best_steps_are_where_theory_has_them(study):
    best = study.best["float64"]
    assert 1e-9 < best["forward"][0] < 1e-6
    assert 1e-7 < best["central"][0] < 1e-4
    assert 1e-4 < best["five-point"][0] < 1e-1
    assert best["complex-step"][1] < 1e-15
    assert study.best["float32"]["central"][1] > 1e3 * best["central"][1]
    assert study.reference == "certified"


def test_json_table_and_plot(study, tmp_path, capsys):
    json.dumps(study.to_json(), allow_nan=False)
    study.print()
    assert "five-point" in capsys.readouterr().out
    assert study.plot(tmp_path / "v.png").read_bytes().startswith(b"\x89PNG")


def test_functions_and_other_inputs():
    study = dl.step_size_study(lambda x, y: x * y**3, (2.0, 1.5), wrt="y")
    assert study.truth == pytest.approx(13.5)
    assert study.name == "y"


@pytest.mark.parametrize(
    ("text", "at", "options", "error"),
    [
        ("x", dict(x=1.0), {"wrt": "z"}, InputError),
        ("x", dict(x=1.0), {"steps": []}, InputError),
        ("x", dict(x=1.0), {"steps": [0.1, -1]}, InputError),
        ("x", dict(x=1.0), {"steps": [float("nan")]}, InputError),
        ("sum(x)", dict(x=[1.0, 2.0]), {}, InputError),
        ("sqrt(x)", dict(x=0.0), {}, DomainError),
        ("log(x)", dict(x=-1.0), {}, DomainError),
    ],
)
def test_bad_input(text, at, options, error):
    with pytest.raises(error):
        dl.step_size_study(text, at, **options)


def test_no_number_is_cut_off_in_a_narrow_terminal(study):
    narrow = Console(width=40, file=io.StringIO())
    study.print(narrow)
    assert "…" not in narrow.file.getvalue()
