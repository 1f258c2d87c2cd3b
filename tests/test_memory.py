"""Nothing is left of what was done: objects, open files, threads and child processes of a few repetitions.

`python -m benchmarks.memory` measures resident memory over 10,000 repetitions of the same jobs.
"""

from __future__ import annotations

import gc
import sys
import weakref
from pathlib import Path

import numpy as np
import pytest

import difflab as dl
from difflab.compile.program.program import Program

sys.path.append(str(Path(__file__).parents[1]))  # benchmarks/ is no part of the installed package

from benchmarks.memory import JOBS, X, fresh, held, measure

TIMES = {"drawing": 6, "symbolic": 10, "comparison": 10, "certificate": 20}
ELSEWHERE = {
    "chart": "matplotlib's caches are not full after a few pictures",
    "compile of new shapes": "256 kinds are kept",
    "compile of new captured values": "256 kinds are kept",
    "to_sympy": "sympy keeps its last 1,000 results",
}

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="what a process holds is read from /proc")


@pytest.mark.parametrize("name", [n for n in JOBS if n not in ELSEWHERE])
def test_repetitions_leave_nothing(name):
    run = JOBS[name]()
    times = TIMES.get(name, 40)
    for k in range(times):
        run(k)
    before = held()
    for k in range(times, 2 * times):
        run(k)
    after = held()
    assert after.objects - before.objects < times  # less than one object each
    assert after[2:] == before[2:]


def leaky(k, kept=[]):  # noqa: B006
    kept.append([fresh(k), open("/dev/null")])  # noqa: SIM115


def test_a_leak_is_noticed(monkeypatch, capsys):
    monkeypatch.setitem(JOBS, "leaky", lambda: leaky)
    monkeypatch.setattr("benchmarks.memory.OBJECTS", 20)
    assert not measure("leaky", 40, top=False)
    assert "files +20" in (said := capsys.readouterr().out) and "GROWS" in said
    assert measure("trace", 40, top=False)
    kept = leaky.__defaults__[0]
    for _, file in kept:
        file.close()
    kept.clear()


MADE = {
    "trace": lambda f: dl.trace(f, X),
    "gradient": lambda f: dl.grad(f)(X),
    "pullback": lambda f: dl.vjp(f, X)[1](1.0),
    "compile": lambda f: dl.compile(f)(X),
    "compiled gradient, called twice": lambda f: [g(X) for g in [dl.compile(dl.grad(f))] * 2],
    "compiled on numbers": lambda f: [g(0.5) for g in [dl.compile(dl.grad(lambda x: f(x) * 2))] * 3],
    "vmap": lambda f: dl.vmap(f)(np.ones((2, 3))),
    "certificate": lambda f: dl.certify(lambda x: f(x), 0.5),
    "scan": lambda f: dl.scan(lambda c, x: (c + f(x), c), 0.0, X),
    "comparison": lambda f: dl.compare(f, 0.5, methods=["reverse", "numerical"]),
}


@pytest.mark.parametrize("use", MADE.values(), ids=list(MADE))
def test_no_cache_keeps_a_function(use):
    f = fresh(1)
    function = weakref.ref(f)
    use(f)
    del f
    gc.collect()
    assert function() is None


def test_an_error_keeps_no_values_once_it_is_gone():
    big = np.ones(1000)
    array = weakref.ref(big)
    with pytest.raises(dl.DifflabError) as refused:
        dl.grad(lambda x: float(np.sum(x)))(big)
    assert "float(np.sum(x))" in str(refused.value)
    del big, refused
    gc.collect()
    assert array() is None


def test_kinds_of_a_compiled_function_are_bounded(monkeypatch):
    monkeypatch.setattr(sys.modules[Program.__module__], "MAX_KINDS", 8)
    f = dl.compile(lambda x: np.sum(x * x))
    for n in range(1, 30):
        assert f(np.ones(n)) == n
    assert len(f.program.programs) == 8


def test_programs_of_one_kind_are_bounded(monkeypatch):
    monkeypatch.setattr(sys.modules[Program.__module__], "MAX_KINDS", 8)
    f = dl.compile(lambda x: x[x > 0].sum())  # a program for each number of elements that are chosen
    for n in [*range(20), *range(20)]:
        assert f(np.where(np.arange(30) < n, 1.0, -1.0)) == n
    assert sum(map(len, f.program.programs.values())) == 8
