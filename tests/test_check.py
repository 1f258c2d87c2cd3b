"""`difflab check`: the user's functions from modules and files, what is wrong with them, and the exit status."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import difflab as dl
from difflab.cli.app import run

ROOT = Path(dl.__file__).parents[1]
CODE = """
import math
import numpy as np
import difflab as dl

print("said at import")

@dl.custom_gradient
def forgetful_square(x):
    return x * x, lambda g: g * x

def loss(w):
    print("said in a call")
    return np.mean(np.logaddexp(0.0, w)) + 0.05 * np.sum(w**2)

def right(w):
    return 1 / (1 + np.exp(-w)) / len(w) + 0.1 * w

def forgets_the_penalty(w):
    return 1 / (1 + np.exp(-w)) / len(w)

def with_a_broken_rule(x):
    return forgetful_square(x) + np.sin(x)

def simulator(x, y):
    return math.sin(x) * math.exp(y)

def of_the_simulator(x, y):
    return math.cos(x) * math.exp(y), math.sin(x) * math.exp(y)

def returns_nothing(x):
    x**2

def logarithm(x):
    return np.log(x)

def kinked(x):
    return np.abs(x)

def raises(x):
    raise RuntimeError("no answer")

def leaves(x):
    raise SystemExit(7)

def keyword_only(x, *, y=1.0):
    return x * y

class Model:
    @staticmethod
    def energy(x):
        return x**2

number = 3.0
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    (tmp_path / "losses.py").write_text(CODE)
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text("")
    (tmp_path / "package" / "inner.py").write_text("from . import __name__ as above\ndef f(x):\n    return x**3\n")
    (tmp_path / "needs.py").write_text("import there_is_no_such_module\n")
    (tmp_path / "ends.py").write_text("import sys\nsys.exit(3)\n")
    (tmp_path / "wrong.py").write_text("def f(x:\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    yield tmp_path
    for name in ("losses", "package", "package.inner", "needs", "ends", "wrong"):
        sys.modules.pop(name, None)


W = ["--at", "w=[0.3,-1.2,0.7]"]
STATUS = {
    "own methods": (["losses.py:loss", *W], 0, "agree"),
    "module": (["losses:loss", *W], 0, "agree"),
    "package": (["package.inner:f", "--at", "x=2"], 0, "agree"),
    "class": (["losses.py:Model.energy", "--at", "x=2"], 0, "agree"),
    "right": (["losses.py:loss", *W, "--gradient", "losses.py:right"], 0, "the certificate"),
    "wrong": (["losses.py:loss", *W, "--gradient", "losses.py:forgets_the_penalty"], 1, "w[1]"),
    "rule": (["losses.py:with_a_broken_rule", "--at", "x=2"], 1, "the rule of forgetful_square is wrong"),
    "simulator": (
        ["losses.py:simulator", "--at", "x=1,y=0.5", "--gradient", "losses.py:of_the_simulator"],
        0,
        "finite differences",
    ),
    "order of names": (
        ["losses.py:simulator", "--at", "y=0.5", "--at", "x=1", "--gradient", "losses.py:of_the_simulator"],
        0,
        "finite differences",
    ),
    "entry": (["losses.py:loss", *W, "--gradient", "losses.py:forgets_the_penalty", "--entry", "w[2]"], 1, "w[2]"),
    "tolerance": (["losses.py:loss", *W, "--gradient", "losses.py:forgets_the_penalty", "--rtol", "3"], 0, "agrees"),
}


@pytest.mark.parametrize("name", STATUS)
def test_status_and_answer(here, capsys, name):
    arguments, status, told = STATUS[name]
    assert run(["check", *arguments]) == status
    out = capsys.readouterr()
    assert told in out.out and "said" not in out.out


BAD = {
    "no colon": (["losses.py", "--at", "x=1"], "file.py:function"),
    "no such file": (["nowhere.py:f", "--at", "x=1"], "nowhere.py"),
    "no such module": (["nowhere:f", "--at", "x=1"], "no module named 'nowhere'"),
    "no module name": (["no where/:f", "--at", "x=1"], "neither a module"),
    "no such function": (["losses.py:los", "--at", "x=1"], "no function 'los'"),
    "not a function": (["losses.py:number", "--at", "x=1"], "float"),
    "its import fails": (["needs.py:f", "--at", "x=1"], "there_is_no_such_module"),
    "its import ends": (["ends.py:f", "--at", "x=1"], "ended the program (3)"),
    "no Python": (["wrong.py:f", "--at", "x=1"], "SyntaxError"),
    "raises": (["losses.py:raises", "--at", "x=1"], "RuntimeError: no answer"),
    "leaves": (["losses.py:leaves", "--at", "x=1"], "ended the program (7)"),
    "other names": (["losses.py:loss", "--at", "v=1"], "its arguments are w"),
    "no point": (["losses.py:loss"], "its arguments are w"),
    "keyword": (["losses.py:keyword_only", "--at", "x=1,y=2"], "by keyword only"),
    "cannot be recorded": (["losses.py:simulator", "--at", "x=1,y=2"], "--gradient"),
    "no gradient there": (["losses.py:loss", *W, "--gradient", "losses.py:nothing"], "--gradient"),
    "entry alone": (["losses.py:loss", *W, "--entry", "w[0]"], "--gradient"),
    "no such entry": (["losses.py:loss", *W, "--gradient", "losses.py:right", "--entry", "w[9]"], "w[0] to w[2]"),
    "returns nothing": (["losses.py:returns_nothing", "--at", "x=1"], "returns no numbers"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_told_by_name(here, capsys, name):
    arguments, told = BAD[name]
    assert run(["check", *arguments]) == 2
    out = capsys.readouterr()
    assert told in out.err and out.out == "" and "Traceback" not in out.err and len(out.err) < 5000


@pytest.mark.parametrize("words", [["losses.py:kinked", "--at", "x=0"], ["losses.py:logarithm", "--at", "x=-1"]])
@pytest.mark.parametrize("gradient", [False, True])
def test_a_point_without_a_derivative_could_not_be_judged(here, capsys, words, gradient):
    """That is status 1 with the reason, with a gradient of one's own as without."""
    own = ["--gradient", words[0]] if gradient else []
    assert run(["check", *words, *own]) == 1
    assert "not judged" in capsys.readouterr().out
    assert run(["check", *words, *own, "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["agree"] is False and ("kink" in told["reason"] or "undefined" in told["reason"])


def test_json_is_strict_and_alone_on_standard_output(here):
    words = [sys.executable, "-m", "difflab", "check", "losses.py:loss", *W, "--gradient", "losses.py:right", "--json"]
    done = subprocess.run(words, cwd=here, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert done.returncode == 0 and "said at import" in done.stderr, done.stderr
    assert json.loads(done.stdout)["agree"] is True


def test_json_names_what_is_wrong(here, capsys):
    assert run(["check", "losses.py:with_a_broken_rule", "--at", "x=2", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["broken_rules"][0]["operation"] == "forgetful_square" and told["wrong"][0]["entry"] == "x"
    assert run(["check", "losses.py:loss", *W, "--gradient", "losses.py:forgets_the_penalty", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert {row["entry"] for row in told["wrong"]} == {"w[0]", "w[1]", "w[2]"} and told["again"].startswith("difflab")


def test_help_has_examples(capsys):
    assert run(["check", "--help"]) == 0
    told = capsys.readouterr().out
    assert "losses.py:loss" in told and "Exit status" in told and "trust" in told
