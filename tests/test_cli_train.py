"""`difflab train` and `difflab predict`, as a person types them."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import numpy as np
import pytest
from patience import HANGS

from difflab import nn
from difflab.cli.app import run as run_here
from difflab.nn.pictures import in_characters


def shell(*args):
    return subprocess.run(
        [sys.executable, "-m", "difflab", *map(str, args)], capture_output=True, text=True, timeout=HANGS
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("train") / "run"
    done = shell("train", "cnn", "--epochs", 6, "--out", folder, "--json")
    assert done.returncode == 0, done.stderr
    return folder, json.loads(done.stdout)


def test_the_run_says_what_came_out(run):
    folder, told = run
    assert told["test_accuracy"] > 0.95
    assert sorted(p.name for p in folder.iterdir()) == ["best.npz", "last.npz", "metrics.jsonl", "report.html"]
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [r["epoch"] for r in lines] == list(range(1, 7))
    assert lines[-1]["test_accuracy"] == told["test_accuracy"]


def test_the_report_needs_nothing_but_itself(run):
    page = (run[0] / "report.html").read_text()
    assert not re.search(r"(src|href)=\"(?!data:|#)", page)
    assert "<script" not in page
    for title in ("Learning curves", "Confusion", "Kernels", "Activations", "gradients by layer", "The network"):
        assert title in page


def test_resume_goes_on_and_ends_in_the_same_bits(tmp_path):
    whole = shell(
        "train", "mlp", "--epochs", 4, "--schedule", "constant", "--out", tmp_path / "a", "--no-report", "--json"
    )
    shell("train", "mlp", "--epochs", 2, "--schedule", "constant", "--out", tmp_path / "b", "--no-report")
    more = shell(
        "train",
        "mlp",
        "--epochs",
        4,
        "--schedule",
        "constant",
        "--out",
        tmp_path / "b",
        "--no-report",
        "--resume",
        "--json",
    )
    a, b = (json.loads(done.stdout) for done in (whole, more))
    assert a["train_loss"] == b["train_loss"]
    for x, y in zip(*(nn.load_checkpoint(tmp_path / k / "last.npz").params["linear1"].values() for k in "ab")):
        assert x.tobytes() == y.tobytes()


def test_where_there_is_nothing_to_resume_it_says_so(tmp_path, capfd):
    line = [
        "train",
        "mlp",
        "--data",
        "blobs",
        "--epochs",
        "1",
        "--out",
        str(tmp_path / "new"),
        "--no-report",
        "--resume",
    ]
    said = f"{tmp_path / 'new'} holds no run to go on with; one begins"
    assert run_here(line) == 0
    assert said in capfd.readouterr().err.replace("\n", "")
    assert run_here(line) == 0  # now there is one
    assert said not in capfd.readouterr().err


def test_predict_reads_pictures_arrays_and_idx_files(run, tmp_path):
    from PIL import Image

    d = nn.data.digits()
    np.save(tmp_path / "x.npy", d.x_test[:40])
    done = shell("predict", run[0] / "best.npz", tmp_path / "x.npy", "--json")
    answers = [int(p["answer"]) for p in json.loads(done.stdout)]
    assert np.mean(np.array(answers) == d.y_test[:40]) > 0.9
    Image.fromarray((d.x_test[0, 0] * 255).astype(np.uint8)).resize((32, 32), Image.Resampling.NEAREST).save(
        tmp_path / "a.png"
    )
    Image.fromarray(255 - (d.x_test[0, 0] * 255).astype(np.uint8)).save(tmp_path / "b.png")
    first = shell("predict", run[0] / "best.npz", tmp_path / "a.png")
    assert first.returncode == 0
    assert str(answers[0]) in first.stdout
    again = shell("predict", run[0] / "best.npz", tmp_path / "b.png", "--invert", "--json")
    assert json.loads(again.stdout)[0]["answer"] == str(answers[0])


def test_tables_and_regression(tmp_path):
    x = np.random.default_rng(0).uniform(-1, 1, (200, 2))
    rows = np.column_stack([x, x[:, :1] * 2 - x[:, 1:]])
    np.savetxt(tmp_path / "t.csv", rows, delimiter=",", header="a,b,target", comments="")
    done = shell("train", "mlp", "--data", tmp_path / "t.csv", "--epochs", 30, "--out", tmp_path / "run", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["test_loss"] < 0.01
    np.savetxt(tmp_path / "q.csv", x[:3], delimiter=",")
    done = shell("predict", tmp_path / "run" / "last.npz", tmp_path / "q.csv", "--json")
    found = [p["values"][0] for p in json.loads(done.stdout)]
    np.testing.assert_allclose(found, rows[:3, 2], atol=0.2)


def test_augmentation_clipping_and_the_start_are_resumed(tmp_path):
    start = ["--schedule", "constant", "--no-report"]
    settings = [*start, "--shift", 1, "--noise", 0.1, "--clip-norm", 0.5, "--init", "he"]
    whole = inside("train", "mlp", "--epochs", 3, *settings, "--out", tmp_path / "a")
    first = inside("train", "mlp", "--epochs", 1, *settings, "--out", tmp_path / "b")
    assert whole == first == 0
    assert inside("train", "mlp", "--epochs", 3, *settings, "--out", tmp_path / "b", "--resume") == 0
    a, b = (nn.load_checkpoint(tmp_path / k / "last.npz") for k in "ab")
    assert a.model == b.model and a.model["linear1"].scheme == "he"
    for x, y in zip(a.params["linear1"].values(), b.params["linear1"].values()):
        assert x.tobytes() == y.tobytes()
    assert a.about["settings"]["augment"] == "Augment(shift=1, flip=False, noise=0.1)"
    assert inside("train", "mlp", "--epochs", 3, *start, "--out", tmp_path / "b", "--resume") == 2


def inside(*arguments):
    """The command in this process."""
    return run_here([*map(str, arguments), "--quiet"])


def test_a_run_with_other_settings_is_refused_by_their_names(tmp_path, capsys):
    line = ["train", "mlp", "--data", "blobs", "--no-report", "--out", tmp_path / "run"]
    assert inside(*line, "--epochs", 1) == 0
    assert inside(*line, "--epochs", 3, "--lr", 0.1, "--patience", 2, "--resume") == 2
    assert "is of a run with epochs=1, lr=None, this one has epochs=3, lr=0.1; give" in capsys.readouterr().err


def test_predict_shows_what_the_network_saw(run, tmp_path, capsys):
    from PIL import Image

    x = (nn.data.digits().x_test[0, 0] * 255).astype(np.uint8)
    Image.fromarray(x).save(tmp_path / "dark.png")
    Image.fromarray(255 - x).save(tmp_path / "light.png")
    call = lambda *more: run_here(["predict", str(run[0] / "best.npz"), *map(str, more)])
    assert call(tmp_path / "dark.png", "--seen", tmp_path / "seen.png") == 0
    told = capsys.readouterr()
    assert "dark.png as the network saw it, 8 x 8" in told.out and "warning" not in told.err
    rows = [line for line in told.out.splitlines() if line.startswith("|") and line.endswith("|")]
    assert rows == in_characters(x[None] / 255).splitlines() and len(rows) == 8
    with Image.open(tmp_path / "seen.png") as drawn:
        assert drawn.width > 100
    assert call(tmp_path / "light.png") == 0
    told = capsys.readouterr()
    assert told.err.count("warning: ") == 1 and "the background is light (1.00" in told.err
    assert "try again with --invert" in told.err
    assert call(tmp_path / "light.png", "--invert", "--json") == 0
    assert json.loads(capsys.readouterr().out)[0]["warning"] is None
    assert call(tmp_path / "dark.png", "--invert", "--json") == 0
    assert json.loads(capsys.readouterr().out)[0]["warning"].endswith("try again without --invert")
    np.save(tmp_path / "many.npy", nn.data.digits().x_test[:5])
    assert call(tmp_path / "many.npy") == 0
    assert "saw" not in capsys.readouterr().out  # five are too many to show
    assert call(tmp_path / "dark.png", "--seen", tmp_path / "seen.png") == 2
    assert "seen.png exists" in capsys.readouterr().err


def test_summaries_count_parameters_and_operations(run, capsys):
    assert run_here(["summary", "vgg16"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].split() == ["total", "138,357,544", "30,960,239,104"]
    assert run_here(["summary", "lenet5", "--classes", "7", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["parameters"] == 61_706 - 3 * 85
    assert told["layers"][0]["shape"] == [6, 28, 28] and told["layers"][0]["receptive_field"] == [5, 5]
    assert run_here(["summary", str(run[0] / "best.npz")]) == 0
    assert f"{run[1]['parameters']:,}" in capsys.readouterr().out.splitlines()[-1]
    assert run_here(["summary", "cnn", "--shape", "3x12x12", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["layers"][0]["shape"] == [32, 12, 12]


BAD_HERE = [
    (["summary", "vgg61"], "no model 'vgg61'; did you mean vgg16"),
    (["summary", "cnn", "--shape", "3x0x3"], "--shape '3x0x3'; give channels"),
    (["summary", "cnn", "--shape", "999999x3x3"], "no size is above 100000"),
    (["summary", "cnn", "--shape", "3x"], "--shape '3x'"),
    (["summary", "gone.npz"], "gone.npz does not exist"),
    (["summary", "RUN", "--classes", "3"], "a checkpoint has its own"),
    (["train", "mlp", "--data", "moons", "--shift", "1", "--out", "OUT"], "shift and flip take images"),
    (["train", "mlp", "--shift", "9", "--out", "OUT"], "shift=9 moves images of 8 x 8 out of themselves"),
    (["train", "mlp", "--noise", "nan", "--out", "OUT"], "noise"),
    (["train", "mlp", "--clip-norm", "1", "--clip-value", "1", "--out", "OUT"], "give one of them"),
    (["train", "mlp", "--clip-norm", "-1", "--out", "OUT"], "clip_norm=-1.0; give a number above 0"),
    (["train", "mlp", "--init", "xaver", "--out", "OUT"], "did you mean 'xavier'"),
    (["train", "mlp", "--clip-norm", "inf", "--out", "OUT"], "clip_norm=inf; give a number above 0"),
    (["train", "mlp", "--clip-value", "inf", "--out", "OUT"], "clip_value=inf; give a number above 0"),
    (["train", "mlp", "--weight-decay", "inf", "--out", "OUT"], "weight_decay=inf; give a number of at least 0"),
    (["predict", "RUN", "RUN"], "best.npz is not a picture that can be read: it is none of PNG"),
    (["descent", "x**2 + y**2", "--at", "x=[1,2],y=1", "-o", "OUT.png"], "--at x has shape (2,)"),
    (["descent", "rosenbrock", "--at", "x=1,y=1", "-o", "OUT.png"], "rosenbrock has its own start"),
    (["descent", "depth", "--at", "x=1,y=1", "-o", "OUT.png"], "depth has its own start"),
    (["descent", "depth", "--steps", "3", "-o", "OUT.png"], "--steps is for a surface or a formula"),
    (["descent", "rates", "--optimiser", "Adam", "-o", "OUT.png"], "--optimiser is for a surface or a formula"),
    (["descent", "depht", "-o", "OUT.png"], "did you mean depth"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD_HERE, ids=[m for _, m in BAD_HERE])
def test_bad_input_of_newer_options(run, tmp_path, capsys, arguments, message):
    known = {"OUT": str(tmp_path / "o"), "OUT.png": str(tmp_path / "o.png"), "RUN": str(run[0] / "best.npz")}
    assert run_here([known.get(a, a) for a in arguments]) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) in ([], [tmp_path / "o"]) and not (tmp_path / "o" / "last.npz").exists()


def test_depth_at_the_shell(tmp_path, capsys):
    assert run_here(["descent", "depth", "-o", str(tmp_path / "d.png"), "--json"]) == 0
    told = capsys.readouterr()
    assert "he with ReLU: values survive" in told.err and "xavier with ReLU: values die out" in told.err
    assert [len(s["values"]) for s in json.loads(told.out)] == [50] * 8
    assert (tmp_path / "d.png").read_bytes()[:4] == b"\x89PNG"


BAD = [
    (["train", "resnet", "--out", "OUT"], "resnet"),
    (["train", "mlp"], "--out"),
    (["train", "mlp", "--data", "nowhere", "--out", "OUT"], "no data set 'nowhere'"),
    (["train", "mlp", "--epochs", "0", "--out", "OUT"], "epochs"),
    (["train", "lenet5", "--data", "digits", "--out", "OUT"], "8 x 8 are too small"),
    (["train", "cnn", "--data", "moons", "--out", "OUT"], "takes images"),
    (["train", "mlp", "--lr", "-1", "--out", "OUT"], "-1.0 is no learning rate"),
    (["train", "mlp", "--label-smoothing", "2", "--out", "OUT"], "label_smoothing=2.0"),
    (["predict", "missing.npz", "x.png"], "missing.npz does not exist"),
    (["predict", "RUN", "missing.png"], "missing.png does not exist"),
    (["predict", "RUN", "RUN"], "not a picture"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD, ids=[m for _, m in BAD])
def test_bad_input_ends_with_2(run, tmp_path, arguments, message):
    given = [str(tmp_path / "o") if a == "OUT" else str(run[0] / "best.npz") if a == "RUN" else a for a in arguments]
    done = shell(*given)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "o" / "last.npz").exists()


def test_a_finished_run_is_not_overwritten(run):
    before = (run[0] / "last.npz").read_bytes()
    done = shell("train", "cnn", "--epochs", 6, "--out", run[0])
    assert done.returncode == 2
    assert "--resume" in done.stderr
    assert (run[0] / "last.npz").read_bytes() == before


@pytest.mark.parametrize("wrong", [("--data", "nosuch"), ("--resume", "--batch-size", 7)])
def test_nothing_goes_on_where_the_input_is_refused(run, wrong):
    done = shell("train", "cnn", "--out", run[0], *wrong)
    assert done.returncode == 2 and "goes on from" not in done.stderr
