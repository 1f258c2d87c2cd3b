"""No test looks at the clock on the wall: whoever waits or measures does it with `patience.py`."""

from __future__ import annotations

import ast
import itertools
import sys
import threading
import time
from collections import deque
from pathlib import Path

import pytest
from patience import until, within

import difflab as dl
from difflab.draw import layout
from difflab.primitives.germs.session import alone
from difflab.testing import assert_gradients_agree, find_broken_rule

FILES = sorted(p for p in Path(__file__).parent.rglob("*.py") if p.name not in ("patience.py", "test_clock.py"))
CLOCKS = set("perf_counter perf_counter_ns monotonic monotonic_ns time time_ns timeit sleep".split())
CLOCKS |= {"wait_for_timeout", "wait_for_function"}  # a browser's; the second also evaluates text (`patience.shows`)


def name_of(call: ast.Call) -> str:
    return ast.unparse(call.func).rpartition(".")[2]


def wrong(text: str) -> list[str]:
    """The calls that wait, measure or give up by the clock."""
    found = []
    for call in (n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Call)):
        name, limits = name_of(call), [k.value for k in call.keywords if k.arg == "timeout"]
        if name == "wait" and call.args:
            limits.append(call.args[0])
        if name == "sleep" and ast.unparse(call.args[0]) == "0":
            continue  # only lets others have their turn
        if name in CLOCKS or any(isinstance(limit, ast.Constant) for limit in limits):
            found.append(f"line {call.lineno}: {ast.unparse(call)[:80]}")
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_no_test_looks_at_the_clock(path):
    assert wrong(path.read_text(encoding="utf-8")) == [], "use HANGS, until, shows or within of tests/patience.py"


@pytest.mark.parametrize(
    "line",
    [
        "time.sleep(1)",
        "t = perf_counter()",
        "run(x, timeout=60)",
        "child.wait(3)",
        "page.wait_for_timeout(9)",
        "page.wait_for_function('1')",
    ],
)
def test_what_looks_at_the_clock_is_seen(line):
    assert wrong(line) and not wrong("run(x, timeout=HANGS)\ntime.process_time()\nchild.wait()")


def test_processor_time_is_measured():
    with within(30.0):
        until(lambda: True)
    with pytest.raises(AssertionError, match="of processor time"), within(0.05):
        deque(itertools.islice(itertools.count(), 20_000_000), 0)


# What takes long on the wall and little of the processor is within every limit.
@dl.custom_gradient
def waiting(x):
    time.sleep(0.2)
    return x * 1.0, lambda g: g


def test_a_certificate_may_wait():
    f = lambda x: waiting(x) * x
    assert dl.certify(f, 3.0, seconds=0.1).gradient == 6
    assert not find_broken_rule(f, 3.0, seconds=0.1).unjudged
    assert_gradients_agree(f, 3.0, gradient=lambda x: 2 * x, seconds=0.1)


def test_a_certificate_waits_for_another_thread():
    held, done = threading.Event(), threading.Event()

    def hold():
        with alone():
            held.set()
            done.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    threading.Timer(0.3, done.set).start()
    assert dl.certify("x*x", dict(x=3.0), seconds=0.1).certified
    thread.join()


def dot(folder, work):
    """A program in dot's place."""
    path = folder / "dot"
    path.write_text(f"#!{sys.executable} -S\nimport itertools, time\n{work}\nprint('<svg/>')\n")
    path.chmod(0o755)
    return str(path)


def test_a_layout_may_wait_but_not_work(tmp_path, monkeypatch):
    monkeypatch.setattr(layout, "engine", lambda: dot(tmp_path, "time.sleep(1)"))
    assert layout.render("digraph difflab { a }", "svg", 0.5, "a node") == b"<svg/>\n"
    monkeypatch.setattr(layout, "engine", lambda: dot(tmp_path, "for k in itertools.count(): pass"))
    with pytest.raises(dl.DifflabError, match="took longer than 0.5 s of processor time to lay out a node"):
        layout.render("digraph difflab { a }", "svg", 0.5, "a node")
    monkeypatch.setattr(layout, "engine", lambda: dot(tmp_path, "time.sleep(3600)"))
    monkeypatch.setattr(layout, "patience", lambda seconds: 0.2)
    with pytest.raises(dl.DifflabError, match="no layout of a node in 0.2 s"):
        layout.render("digraph difflab { a }", "svg", 0.5, "a node")
