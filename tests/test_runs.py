"""`difflab runs`: finished runs side by side, from the folders that training has written."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from difflab import nn
from difflab.cli.app import run as shell
from difflab.errors import InputError
from difflab.nn.runs import alike, curves, differences, runs_page
from difflab.nn.training.checkpoint import Checkpoint, Reader
from difflab.nn.training.recipes import Recipe, run

RECIPES = {
    "slow": Recipe("mlp", "moons", epochs=3, optimiser="sgd", lr=1e-4),
    "fast": Recipe("mlp", "moons", epochs=4, lr=0.02),
    "<b>bold</b>": Recipe("mlp", "moons", epochs=2, lr=0.01, seed=3),
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    top = tmp_path_factory.mktemp("runs")
    names = {name: top / str(k) / name.replace("/", "") for k, name in enumerate(RECIPES)}
    for name, folder in names.items():
        run(RECIPES[name], folder, progress=False)
    return list(names.values())


def metrics(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_results_are_those_of_the_runs(folders):
    found = nn.compare_runs(folders)
    best = {f.name: min(metrics(f), key=lambda r: -r["test_accuracy"]) for f in folders}
    assert [r.name for r in found.runs] == sorted(best, key=lambda name: -best[name]["test_accuracy"])
    for r in found.runs:
        s, history = r.summary(), metrics(r.folder)
        assert (s["best_epoch"], s["test_accuracy"], s["test_loss"]) == tuple(
            best[r.name][k] for k in ("epoch", "test_accuracy", "test_loss")
        )
        assert s["epochs"] == len(history) and s["train_loss"] == history[-1]["train_loss"]
        assert s["seconds"] == pytest.approx(sum(e["seconds"] for e in history), abs=1e-3)
        assert s["samples_per_second"] == np.median([e["samples_per_second"] for e in history])
        params = nn.load_checkpoint(r.folder / "last.npz").params
        assert s["parameters"] == sum(p.size for layer in params.values() for p in layer.values())
        assert f"{s['test_accuracy']:.2%}" in str(found) and r.name in repr(found)
    json.dumps([r.summary() for r in found.runs], allow_nan=False)


def test_settings_that_differ_are_told_apart_from_shared_ones(folders):
    found = nn.compare_runs(folders)
    (table,) = differences(found)
    rows = {row[0]: dict(zip(table.heads[1:], row[1:])) for row in table.rows}
    assert set(table.heads) == {"run", "epochs", "lr", "optimiser", "seed"}
    assert rows["slow"] == {"epochs": "3", "lr": "0.0001", "optimiser": "sgd", "seed": "0"}
    assert rows["<b>bold</b>".replace("/", "")]["seed"] == "3"
    shared = dict(alike(found).parts[0].rows)
    assert shared["model"] == "mlp" and shared["batch_size"] == "64" and not set(shared) & set(table.heads)
    assert differences(nn.compare_runs(folders[:1])) == []


def test_curves_are_the_histories(folders):
    found = nn.compare_runs(folders)
    charts = {c.title: c for c in curves(found)}
    assert set(charts) == {"test loss", "test accuracy", "train loss"}
    for r in found.runs:
        for metric in ("test_loss", "test_accuracy", "train_loss"):
            series = charts[metric.replace("_", " ")].series[r.name]
            assert list(series.y) == [e[metric] for e in metrics(r.folder)]
            assert list(series.x) == [e["epoch"] for e in metrics(r.folder)]


def test_runs_without_classes_and_without_a_test(tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 2)), rng.normal(size=(40, 1))
    for name, data in (("plain", (x, y)), ("tested", (x, y, x[:9], y[:9]))):
        nn.fit(nn.models.mlp((2, 4, 1)), data, "mse_loss", epochs=2, out=tmp_path / name, progress=False)
    found = nn.compare_runs([tmp_path / "plain", tmp_path / "tested"])
    assert {c.title for c in curves(found)} == {"test loss", "train loss"}
    assert "%" not in str(found) and runs_page(found).count("<svg") > 2
    assert {r.name: r.summary()["test_loss"] is None for r in found.runs} == {"plain": True, "tested": False}


def edited(folder, target, **about):
    """A copy of a run whose description says something else."""
    reader = Reader(folder / "last.npz")
    told = {k: v for k, v in reader.about.items() if k != "schema"} | about
    target.mkdir()
    Checkpoint({"params": {"w": np.zeros((2, 3))}}, told).save(target / "last.npz")
    return target


def test_what_was_not_whole_is_said(folders, tmp_path):
    early = edited(folders[0], tmp_path / "early", recipe=vars(RECIPES["slow"]) | {"epochs": 9})
    other = edited(folders[0], tmp_path / "other", data="digits")
    found = nn.compare_runs([early, other, folders[0]])
    assert "3 of 9" in str(found) and "ended before all epochs that were asked for: early" in str(found)
    assert "different data" in str(found) and "different data" not in str(nn.compare_runs(folders))
    assert {r.name: r.parameters for r in found.runs}["early"] == 6


def test_many_runs_are_all_in_the_tables(folders, tmp_path):
    many = [edited(folders[0], tmp_path / f"run{k}", recipe={"lr": k}) for k in range(40)]
    page = runs_page(nn.compare_runs(many))
    assert all(page.count(f">run{k}<") >= 2 for k in range(40))


def test_runs_of_the_same_name_are_told_by_their_paths(folders, tmp_path):
    a, b = (edited(folders[0], top / "run") for top in (tmp_path, folders[0].parent))
    assert {r.name for r in nn.compare_runs([a, b]).runs} == {str(a), str(b)}
    with pytest.raises(InputError, match="is given twice"):
        nn.compare_runs([a, tmp_path / "." / "run"])


def test_the_page_needs_nothing_but_itself_and_runs_nothing(folders):
    page = runs_page(nn.compare_runs(folders))
    assert not re.search(r"<script|https?://|\son\w+=|(src|href)=\"(?!data:|#)", page)
    assert "<b>bold" not in page and "&lt;b&gt;bold" in page


@pytest.mark.parametrize("width, dark", [(1400, False), (1400, True), (400, False), (400, True)])
def test_axe_finds_nothing(visit, folders, tmp_path, width, dark):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed (extra test)")
    (tmp_path / "runs.html").write_text(runs_page(nn.compare_runs(folders)), encoding="utf-8")
    page = visit((tmp_path / "runs.html").as_uri(), width=width, dark=dark)
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    found = axe.Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_at_the_shell(folders, tmp_path, capsys):
    paths = list(map(str, folders))
    assert shell(["runs", *paths, "-o", str(tmp_path / "runs.html")]) == 0
    told = capsys.readouterr()
    assert all(f.name in told.out for f in folders) and "wrote" in told.err
    assert (tmp_path / "runs.html").read_text(encoding="utf-8") == runs_page(nn.compare_runs(folders))
    assert shell(["runs", *paths, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [r["run"] for r in said["runs"]] == [r.name for r in nn.compare_runs(folders).runs]
    assert shell(["runs", *paths, "-o", str(tmp_path / "runs.html")]) == 2
    assert "use --force" in capsys.readouterr().err


def damaged(folder, tmp_path):
    whole = (folder / "last.npz").read_bytes()
    for name, data in (("cut", whole[:-200]), ("noise", b"PK" + bytes(range(256)))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "last.npz").write_bytes(data)
    edited(folder, tmp_path / "unbegun", history=[])
    edited(folder, tmp_path / "odd", history=[{"epoch": "one"}])
    edited(folder, tmp_path / "none", history=None)
    edited(folder, tmp_path / "list", recipe=[1])
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("x")
    return {"cut": "is not a checkpoint of difflab, or is damaged", "noise": "is damaged", "odd": "is damaged",
            "none": "is damaged", "list": "is damaged", "unbegun": "has not finished an epoch",
            "empty": "there is no last.npz", "file": "is no folder", "gone": "does not exist"}  # fmt: skip


def test_every_bad_folder_is_named(folders, tmp_path, capsys):
    wrong = damaged(folders[0], tmp_path)
    assert shell(["runs", str(folders[0]), *[str(tmp_path / name) for name in wrong]]) == 2
    told = capsys.readouterr()
    lines = told.err.splitlines()
    assert told.out == "" and len(lines) == len(wrong)
    for (name, why), line in zip(wrong.items(), lines):
        assert str(tmp_path / name) in line and why in line
    assert shell(["runs"]) == 2
    with pytest.raises(InputError, match="no folder is given"):
        nn.compare_runs([])
