"""Expression swell: counts, limits, refusals, the plot."""

from __future__ import annotations

import io
import json
from itertools import pairwise

import pytest
from rich.console import Console

import difflab as dl
from difflab.errors import InputError
from difflab.lab.swell import CAPTION, FAMILIES, ExpressionSwell, Swell

pytest.importorskip("sympy")


@pytest.mark.parametrize("family", FAMILIES)
def test_formulas_swell_and_graphs_do_not(family):
    study = dl.expression_swell(family, [1, 3], simplify=False)
    small, large = study.rows
    assert [r.depth for r in study.rows] == [1, 3]
    assert large.operations["raw"] > small.operations["raw"]
    assert large.operations["cse"] <= large.operations["raw"]
    assert large.operations["backward graph"] > small.operations["backward graph"] > 0
    assert all(s >= 0 for r in study.rows for s in r.seconds.values())


def test_trees_swell_and_graphs_do_not():
    """The nested logistic map: the tree grows geometrically, the backward graph by the same number of nodes."""
    rows = dl.expression_swell("logistic", range(2, 7), simplify=False).rows
    raw = [r.operations["raw"] for r in rows]
    shared = [r.operations["backward graph"] for r in rows]
    assert all(b > 2 * a for a, b in pairwise(raw))
    assert len({b - a for a, b in pairwise(shared)}) == 1


def test_a_stopped_form_is_not_tried_again():
    study = dl.expression_swell("mlp", [2, 3], seconds=0.3)
    assert [r.operations["simplified"] for r in study.rows] == [None, None]
    assert study.rows[1].operations["backward graph"]


def test_the_table_says_why_a_form_has_no_number(capsys):
    rows = [Swell(k, 2, {"raw": None, "backward graph": 3}, {"raw": None, "backward graph": 0.1}) for k in (1, 2)]
    ExpressionSwell("mlp", "an MLP", rows, seconds=0.3).print()
    out = capsys.readouterr().out
    assert "over 0.3 s" in out and "not tried" in out and "0.3 s of processor time" in out


def test_json_and_print(capsys):
    study = dl.expression_swell("speelpenning", [2, 1, 2], seconds=2)
    told = json.loads(json.dumps(study.to_json(), allow_nan=False))
    assert told["version"] == 1 and told["family"] == "speelpenning" and len(told["rows"]) == 2
    study.print()
    out = capsys.readouterr().out
    assert "backward graph" in out and "property of trees" in out and "property of trees" in CAPTION


def test_the_plot_is_written_and_not_over_another(tmp_path):
    pytest.importorskip("matplotlib")
    study = dl.expression_swell("logistic", [1, 2], simplify=False)
    path = study.plot(tmp_path / "swell.svg")
    assert path.stat().st_size > 1000
    with pytest.raises(dl.DifflabError, match="force"):
        study.plot(path)
    study.plot(path, force=True)


@pytest.mark.parametrize(
    ("family", "depths", "saying"),
    [
        ("logisic", [1], "did you mean logistic"),
        (None, [1], "the families are"),
        (["mlp"], [1], "the families are"),
        ("mlp", 4, "whole numbers"),
        ("mlp", ["a"], "whole numbers"),
        ("mlp", [1.5], "whole numbers"),
        ("mlp", [0], "1 to 60"),
        ("mlp", [], "1 to 60"),
        ("mlp", [100], "1 to 60"),
    ],
)
def test_wrong_families_and_depths_are_refused(family, depths, saying):
    with pytest.raises(InputError, match=saying):
        dl.expression_swell(family, depths)


def test_no_number_is_cut_off_in_a_narrow_terminal():
    rows = [Swell(k, 2, {"raw": 12345, "backward graph": 3}, {"raw": 0.1, "backward graph": 0.1}) for k in (1, 2)]
    narrow = Console(width=20, file=io.StringIO())
    ExpressionSwell("mlp", "an MLP", rows, seconds=0.3).print(narrow)
    assert "…" not in narrow.file.getvalue()
