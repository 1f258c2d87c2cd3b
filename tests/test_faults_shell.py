"""Commands that are interrupted, whose output goes nowhere, and what they show meanwhile."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from faults import contents
from patience import until
from processes import is_running

from difflab import progress
from difflab.cli import progress as shown
from difflab.cli.app import run
from difflab.cli.signals import stop
from difflab.progress import doing, tell, watched

ROOT = Path(__file__).parents[1]
POSIX = pytest.mark.skipif(os.name != "posix", reason="signals and terminals are POSIX's: no device of that kind here")
pytestmark = POSIX
SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]


def start(code, *arguments, **options):
    """`code` in a fresh Python, then the command line."""
    ending = "\nfrom difflab.cli import main\nmain(sys.argv[1:])\n"
    here = os.pathsep.join([str(ROOT), str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, "-c", "import os, sys\n" + code + ending, *map(str, arguments)],
        **{"capture_output": True, "text": True, "timeout": 120, **options},
        env={**os.environ, "PYTHONPATH": here, **options.pop("env", {})},
    )


def gone(process):
    """Whether the process ends, having been killed; one that nobody has waited for yet has ended."""
    return until(lambda: not is_running(process))


# Signals.
@pytest.mark.parametrize(("number", "status"), SIGNALS)
def test_a_signal_while_graphviz_lays_out(tmp_path, number, status):
    engine = tmp_path / "bin" / "dot"
    engine.parent.mkdir()
    engine.write_text(f"#!/bin/sh\nsleep 100 &\necho $$ $! > {tmp_path}/ids\nkill -{int(number)} $PPID\nwait\n")
    engine.chmod(0o755)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.svg").write_text("old")
    path = f"{engine.parent}{os.pathsep}{os.environ['PATH']}"
    code = f"import signal\nsignal.signal({number}, signal.SIG_DFL)\nos.environ['PATH'] = {path!r}"
    done = start(code, "draw", "x*y", "-o", tmp_path / "out" / "a.svg", "--force")
    assert (done.returncode, done.stdout, done.stderr) == (status, "", "")
    assert contents(tmp_path / "out") == {"a.svg": b"old"}
    assert all(gone(int(process)) for process in (tmp_path / "ids").read_text().split())


def test_a_signal_while_sympy_works(tmp_path):
    code = (
        "import faults\nimport difflab.differentiate.symbolic\n"
        "symbolic = sys.modules['difflab.differentiate.symbolic']\n"
        f"symbolic.sendable = lambda problem: (os.getpid(), {str(tmp_path / 'id')!r})\n"
        "symbolic.work = faults.interrupting\n"
    )
    done = start(code, "compare", "x*y", "--at", "x=1,y=2", "--method", "symbolic", "--seconds", "1000")
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
    assert gone(int((tmp_path / "id").read_text()))


def test_a_signal_while_compiled_code_runs(tmp_path):
    """Python's own handler would have to wait until it is done, here for hours."""
    code = (
        "import hashlib, signal, threading, time\nfrom difflab.nn import descent\n"
        "def work(path, force):\n"
        "    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()\n"
        "    hashlib.pbkdf2_hmac('sha256', b'', b'', 2_000_000_000)\n"
        "descent.momentum_picture = work\n"
    )
    done = start(code, "descent", "momentum", "-o", tmp_path / "a.png")
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "") and contents(tmp_path) == {}


def test_a_signal_while_it_trains(tmp_path):
    code = (
        "import signal\nimport difflab.nn.training.fit\n"
        "fit = sys.modules['difflab.nn.training.fit']\nstep = fit.Trainer.one_step\n"
        "def slow(self, x, y):\n"
        "    if self.epoch == 1: os.kill(os.getpid(), signal.SIGTERM)\n"
        "    return step(self, x, y)\n"
        "fit.Trainer.one_step = slow\n"
    )
    folder = tmp_path / "run"
    arguments = ["train", "mlp", "--data", "blobs", "--epochs", "3", "--out", folder, "--no-report"]
    done = start(code, *arguments)
    assert done.returncode == 143 and f"--resume goes on from {folder / 'last.npz'}" in done.stderr
    assert set(contents(folder)) == {"best.npz", "last.npz", "metrics.jsonl"}
    done = start("", *arguments, "--resume", "--json", "--quiet")
    assert done.returncode == 0 and done.stderr == "" and json.loads(done.stdout)["epochs"] == 3


def test_only_the_first_signal_interrupts(monkeypatch):
    from difflab.cli import signals

    monkeypatch.setattr(signals, "noticed", threading.Event())
    with pytest.raises(KeyboardInterrupt) as caught:
        stop(signal.SIGTERM, None)
    assert caught.value.status == 143
    stop(signal.SIGTERM, None)


# Where the output goes.
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device /dev/full")
@pytest.mark.parametrize(
    "arguments", [["compare", "x*y", "--at", "x=1,y=2", "--method", "reverse", "--json"], ["draw", "x"]]
)
def test_standard_output_on_a_full_disk(arguments):
    with open("/dev/full", "w") as full:
        done = start("", *arguments, capture_output=False, stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 2
    assert done.stderr == (
        "difflab: standard output: No space left on device; free some, or name a place on another disk\n"
    )


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device /dev/full")
def test_standard_error_on_a_full_disk(tmp_path):
    with open("/dev/full", "w") as full:
        done = start(
            "", "draw", "x", "-o", tmp_path / "a.dot", capture_output=False, stdout=subprocess.PIPE, stderr=full
        )
        assert done.returncode == 0 and list(contents(tmp_path)) == ["a.dot"]
        done = start("", "draw", "x +", capture_output=False, stdout=subprocess.PIPE, stderr=full)
        assert done.returncode == 2


# Progress.
class Terminal:
    """Standard error as a terminal; `text` is what was written to it."""

    def __init__(self, monkeypatch):
        import pty

        self.master, slave = pty.openpty()
        self.stream = os.fdopen(slave, "w")
        self.parts = []
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setattr(sys, "stderr", self.stream)

    def read(self):
        while True:
            try:
                part = os.read(self.master, 4096)
            except OSError:
                return
            if not part:
                return
            self.parts.append(part)

    def text(self):
        self.stream.close()
        self.reader.join()
        os.close(self.master)
        return b"".join(self.parts).decode()


COMPARE = ["compare", "x*y", "--at", "x=1,y=2", "--method", "reverse", "--method", "certified", "--json"]


def stable(text):
    """What is the same each time: not the seconds."""
    found = json.loads(text)
    return {k: found[k] for k in ("value", "verdict", "gradient") if k in found}, list(found), found["nodes"]


def test_what_is_shown_on_a_terminal(monkeypatch, capsys):
    assert run(COMPARE) == 0
    alone = capsys.readouterr()
    assert alone.err == ""
    monkeypatch.setattr(shown, "DELAY", 0.0)
    terminal = Terminal(monkeypatch)
    assert run(COMPARE) == 0
    assert stable(capsys.readouterr().out) == stable(alone.out)
    text = terminal.text()
    assert "computing the value" in text and "comparing" in text
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h") > 0  # the cursor is there again
    assert text.endswith("\x1b[2K")  # and the line is gone


@pytest.mark.parametrize(
    ("delay", "arguments", "environment"), [(1e9, [], {}), (0.0, ["--quiet"], {}), (0.0, [], {"TERM": "dumb"})]
)
def test_where_nothing_is_shown(monkeypatch, capsys, delay, arguments, environment):
    monkeypatch.setattr(shown, "DELAY", delay)
    terminal = Terminal(monkeypatch)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    before = threading.active_count()
    assert run([*COMPARE, *arguments]) == 0
    assert terminal.text() == ""
    assert threading.active_count() <= before


def test_no_colours_where_none_are_wanted(monkeypatch, capsys):
    monkeypatch.setattr(shown, "DELAY", 0.0)
    monkeypatch.setenv("NO_COLOR", "1")
    terminal = Terminal(monkeypatch)
    assert run(COMPARE) == 0
    assert "comparing" in (text := terminal.text()) and "\x1b[3" not in text


def test_a_line_that_stays_stands_above_the_moving_one(monkeypatch):
    terminal = Terminal(monkeypatch)
    with watched(shown.Display(0.0)), doing("working"):
        tell("step 3", 0.5)
        shown.say("a line")
    text = terminal.text()
    assert text.index("working") < text.index("a line\r\n") < text.rindex("working: step 3")


class Recorder:
    """In place of the display: everything that is told."""

    told = None

    def __init__(self, delay):
        Recorder.told = []

    def begin(self, what):
        self.told.append(what)

    def say(self, message):
        self.told.append(message)

    def tell(self, text, share):
        assert share is None or 0 <= share <= 1
        self.told.append(text)

    def end(self):
        self.told.append("end")


SAID = {
    "draw": (["draw", "x*y", "-o", "{}/a.svg"], ["drawing", "Graphviz lays out 4 boxes"]),
    "step": (["step", "x*y", "--at", "x=1,y=2", "-o", "{}/a.html"], ["making the page", "sympy differentiates"]),
    "compare": (
        ["compare", "x*y", "--at", "x=1,y=2", "--method", "symbolic", "--method", "certified"],
        ["comparing", "symbolic", "sympy differentiates", "certified", "certifying", "64 bits"],
    ),
    "step-size": (
        ["step-size", "exp(x)", "--at", "x=1"],
        ["certifying", "finite differences over the step", "central"],
    ),
    "swell": (["swell", "logistic", "--depth", "1"], ["sympy differentiates logistic, depth 1, raw"]),
    "accuracy": (["accuracy", "--rows", "exp", "--points", "2", "--no-peers"], ["measuring", "exp"]),
    "mdp": (["mdp", "gridworld", "--method", "value_iteration"], ["reading the process", "value iteration"]),
    "train": (
        ["train", "mlp", "--data", "blobs", "--epochs", "1", "--no-report", "--out", "{}/run"],
        ["loading the data", "compiling the step"],
    ),
    "source": (["source", "x*y", "--at", "x=1,y=2"], ["computing the value", "compiling"]),
    "check": (["check", "{}/f.py:f", "--at", "x=1.5"], ["importing", "checking the gradient", "comparing"]),
    "descent": (
        ["descent", "x**2+y**2", "--steps", "2", "--at", "x=1,y=1", "-o", "{}/a.svg"],
        ["descending x**2+y**2"],
    ),
}


@pytest.mark.parametrize("what", SAID)
def test_what_each_command_says_it_does(tmp_path, monkeypatch, capsys, what):
    arguments, expected = SAID[what]
    (tmp_path / "f.py").write_text("def f(x):\n    return x * x\n")
    monkeypatch.setattr(shown, "terminal", lambda: True)
    monkeypatch.setattr(shown, "Display", Recorder)
    assert run([word.format(tmp_path) for word in arguments]) == 0
    assert [e for e in expected if e not in Recorder.told] == []
    if what == "mdp":
        assert any(t.startswith("iteration 2, error below ") for t in Recorder.told)
    assert progress.WATCHER.get() is None


def test_nobody_is_told_in_a_library():
    with doing("nothing"):
        tell("at all")
    assert not progress.is_watched()
