"""Work in another process: its limits, interrupts and crashes, and what can be sent to it."""

from __future__ import annotations

import _thread
import operator
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from functools import partial
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from patience import HANGS, until
from processes import children_of, is_running

import difflab as dl
from difflab.differentiate import worker
from difflab.differentiate.limits import HELPER, Helper, limited, outcome
from difflab.differentiate.problem import as_problem
from difflab.differentiate.worker import Request
from difflab.errors import DifflabError, InputError, TimeLimitError, UnsupportedError
from difflab.graph.portable import MOST, portable
from difflab.graph.traced import apply
from difflab.lab.server.question import Question
from difflab.lab.server.work import Work
from difflab.primitives.primitive import TABLE, elementwise

ROOT = str(Path(dl.__file__).parents[1])
pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="the tests look at processes in /proc")


def idle():
    """Whether the helper runs and has nothing to do (any more)."""
    return until(lambda: children_of(HELPER.process.pid) == []) and is_running(HELPER.process.pid)


def seven():
    return limited(partial(int, "7"), 60, "this")


def script(text):
    """A script that is read from standard input, as `python - <<EOF` gives it."""
    environment = {**os.environ, "PYTHONPATH": ROOT}
    command = [sys.executable, "-W", "error", "-W", "ignore::DeprecationWarning", "-"]
    return subprocess.run(command, input=text, env=environment, capture_output=True, text=True, timeout=HANGS)


def test_the_result_comes_back():
    assert limited(partial(sum, [1, 2, 3]), 60, "a sum") == 6
    assert len(limited(partial(bytes, 5_000_000), 60, "many bytes")) == 5_000_000
    assert limited(partial(len, bytes(5_000_000)), 60, "many bytes") == 5_000_000


def test_errors_come_back():
    with pytest.raises(DifflabError, match="IndexError: list index out of range"):
        limited(partial(operator.getitem, [], 1), 60, "this")
    with pytest.raises(InputError, match="already"):
        limited(partial(elementwise, "sin", doc=""), 60, "this")


ENDLESS = partial(deque, count(), 0)  # never looks at Python's signals


def test_the_limit_of_processor_time_holds_and_the_work_ends():
    with pytest.raises(TimeLimitError, match="counting took longer than 0.2 s of processor time"):
        limited(ENDLESS, 0.2, "counting")
    assert idle() and seven() == 7


def test_waiting_is_not_counted_and_yet_work_that_hangs_is_given_up(monkeypatch):
    assert limited(partial(time.sleep, 0.3), 0.2, "sleeping") is None
    monkeypatch.setattr(worker, "patience", lambda seconds: seconds)
    with pytest.raises(TimeLimitError, match="sleeping gave no answer in 0.2 s"):
        limited(partial(time.sleep, 3600), 0.2, "sleeping")
    assert idle()


def test_a_process_ends_by_its_own_timer():
    alone = "from difflab.differentiate.worker import limit_time; limit_time(0.2, 1e4); sum(range(10**15))"
    assert script(alone).returncode == -signal.SIGPROF


def test_the_memory_limit_holds():
    with pytest.raises(TimeLimitError, match="this needed more than 64 MB"):
        limited(partial(bytearray, 500 * 2**20), 60, "this", megabytes=64)
    assert len(limited(partial(bytearray, 9 * 2**20), 60, "this", megabytes=64)) == 9 * 2**20


@pytest.mark.parametrize("end", [partial(os._exit, 3), partial(signal.raise_signal, signal.SIGKILL)], ids=str)
def test_a_crash_is_said_and_does_no_harm(end):
    with pytest.raises(DifflabError, match="this: its process ended without an answer"):
        limited(end, 60, "this")
    assert seven() == 7


@pytest.mark.parametrize("name", ["SIGKILL", "SIGSEGV", "SIGABRT"])
def test_a_crash_is_told_by_its_signal(name):
    with pytest.raises(DifflabError, match=f"this: its process ended without an answer .by {name}"):
        limited(partial(signal.raise_signal, getattr(signal, name)), 60, "this")


def nested(work, *limits):
    return limited(work, *limits), os.getpid()


def test_work_may_ask_for_more_of_it():
    inner, outer = limited(partial(nested, os.getpid, 60, "inner"), 60, "outer")
    assert inner != outer and idle()
    with pytest.raises(TimeLimitError, match="inner took longer than 0.2 s"):
        limited(partial(nested, ENDLESS, 0.2, "inner"), 60, "outer")
    with pytest.raises(TimeLimitError, match="inner needed more than 64 MB"):
        limited(partial(nested, partial(bytearray, 2**29), 60, "inner", 64), 60, "outer")
    with pytest.raises(DifflabError, match="inner: its process ended without an answer .by SIGSEGV"):
        limited(partial(nested, partial(signal.raise_signal, signal.SIGSEGV), 60, "inner"), 60, "outer")


def test_what_work_has_started_ends_with_it(tmp_path, monkeypatch):
    monkeypatch.setattr(worker, "patience", lambda seconds: seconds)
    told = tmp_path / "pid"
    command = f"echo $$ > {told}; exec sleep 3600"
    with pytest.raises(TimeLimitError):
        limited(partial(subprocess.run, ["sh", "-c", command]), 1.0, "starting")
    assert idle() and (not told.exists() or until(lambda: not is_running(int(told.read_text()))))


def test_where_no_process_can_be_started_it_is_said(monkeypatch):
    def refused():
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", refused)
    kind, error = outcome(worker.forked(Request(b"", [], 1.0, 1)))
    assert kind == "error" and "no process could be started: Resource temporarily" in str(error)


def test_a_fork_that_ends_before_it_says_who_it_is():
    """The helper's word of its end comes first then, and is the answer."""
    helper = Helper("no.module")
    with pytest.MonkeyPatch.context() as patch:
        ours, theirs = socket.socketpair()
        with theirs:
            theirs.sendall(worker.packed(worker.ended(signal.SIGKILL)))
            patch.setattr(helper, "connection", lambda: (ours, None))
            kind, told = outcome(helper.ask(Request(b"", [], 60.0, 1)))
    assert kind == "ended" and "SIGKILL" in told


def test_a_message_that_was_cut_short_and_filled_up_is_none():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        whole, other = worker.packed(b"a" * 100), worker.packed(b"b" * 10)
        theirs.sendall(whole[: -len(other)] + other)
        assert worker.received(ours) is None
        theirs.sendall(whole)
        assert worker.received(ours) == b"a" * 100


def test_memory_is_watched_where_the_system_sets_no_limit():
    watch = partial(watched, 64)
    with pytest.raises(TimeLimitError, match="this needed more than 2048 MB"):
        limited(watch, 60, "this")


def watched(megabytes):
    threading.Thread(target=worker.watch_memory, args=(megabytes,), daemon=True).start()
    held = []
    while True:
        held.append(bytearray(os.urandom(2**20)))


def test_a_helper_that_was_killed_is_started_again():
    seven()
    first = HELPER.process.pid
    os.kill(first, signal.SIGKILL)
    assert [seven() for _ in range(3)] == [7, 7, 7]
    assert HELPER.process.pid != first and not Path(f"/proc/{first}").exists()  # no zombie is left


def test_what_cannot_be_sent_is_said():
    with pytest.raises(UnsupportedError, match="this: it cannot be sent"):
        limited(lambda: 1, 60, "this")


def test_this_process_never_forks_and_the_helper_has_one_thread(monkeypatch):
    def forbidden():
        raise AssertionError("this process forks")

    monkeypatch.setattr(os, "fork", forbidden)
    assert dl.differentiate("x**2", dict(x=1.0), method="symbolic").gradient == {"x": 2.0}
    assert len(list(Path(f"/proc/{HELPER.process.pid}/task").iterdir())) == 1


def test_many_threads_at_once():
    found, stop = {}, threading.Event()
    busy = [threading.Thread(target=stop.wait) for _ in range(4)]

    def ask(k):
        found[k] = dl.differentiate("x**k", dict(x=2.0, k=float(k)), method="symbolic", seconds=60).gradient["x"]

    asking = [threading.Thread(target=ask, args=(k,)) for k in range(1, 7)]
    for t in [*busy, *asking]:
        t.start()
    for t in asking:
        t.join()
    stop.set()
    for t in busy:
        t.join()
    assert found == {k: k * 2.0 ** (k - 1) for k in range(1, 7)}


def test_one_thread_times_out_and_the_others_go_on():
    failures = []

    def work():
        try:
            limited(ENDLESS, 0.3, "counting")
        except TimeLimitError as error:
            failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    assert seven() == 7
    thread.join()
    assert len(failures) == 1


def waits(thread):
    """Whether it is where answers are waited for."""
    return sys._current_frames()[thread.ident].f_code is worker.exactly.__code__


@pytest.mark.parametrize(
    "by", [lambda: os.kill(os.getpid(), signal.SIGINT), _thread.interrupt_main], ids=["kill", "flag"]
)
def test_an_interrupt_ends_the_work(by):
    """Also one that comes just before a wait begins: Python has noted it, but no call of the system ends by it."""
    assert seven() == 7 and idle()
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it

    def interrupt():  # when the work has begun
        until(lambda: children_of(HELPER.process.pid) and waits(threading.main_thread()))
        by()

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        limited(partial(time.sleep, 3600), 3600, "sleeping")
    thread.join()
    signal.signal(signal.SIGINT, before)
    assert idle() and seven() == 7


def test_an_interrupt_of_the_whole_group_leaves_the_helper():
    """Ctrl-C in a terminal goes to every process of its group."""
    assert seven() == 7
    assert os.getpgid(HELPER.process.pid) == os.getsid(HELPER.process.pid) == HELPER.process.pid


def test_a_script_from_standard_input_without_a_guard():
    done = script(
        "import difflab as dl\n"
        "f = lambda x: x * x\n"
        "print(dl.differentiate(f, 3.0, method='symbolic', seconds=60).gradient)\n"
    )
    assert (done.stdout, done.stderr, done.returncode) == ("6.0\n", "", 0)


BEGIN = """
import os, threading, time
from collections import deque
from functools import partial
from itertools import count
from difflab.differentiate import limits
from difflab.differentiate.limits import HELPER, limited
limited(os.getpid, 60, "this")
"""


@pytest.mark.parametrize("end", ["pass", "os.kill(os.getpid(), 9)", "os._exit(0)", "raise SystemExit(3)"])
def test_the_helper_ends_with_its_parent(end):
    done = script(BEGIN + f"print(HELPER.process.pid, flush=True)\n{end}\n")
    assert until(lambda: not is_running(int(done.stdout)))


def test_work_ends_with_its_parent():
    done = script(
        BEGIN
        + """
work = partial(limited, partial(time.sleep, 3600), 3600, "sleeping")
threading.Thread(target=work, daemon=True).start()
task = f"/proc/{HELPER.process.pid}/task/{HELPER.process.pid}/children"
while not (found := open(task).read().split()):
    time.sleep(0.01)
print(found[0], flush=True)
os.kill(os.getpid(), 9)
"""
    )
    assert until(lambda: not is_running(int(done.stdout)))


def test_a_forked_process_has_a_helper_of_its_own():
    done = script(
        BEGIN
        + """
mine = HELPER.process.pid
child = os.fork()
if child == 0:
    limited(os.getpid, 60, "this")
    os._exit(0 if HELPER.process.pid != mine else 1)
assert os.waitpid(child, 0)[1] == 0
assert limited(partial(int, "7"), 60, "this") == 7 and HELPER.process.pid == mine
print("ok")
"""
    )
    assert (done.stdout, done.stderr) == ("ok\n", "")


# What can be sent: rows of this process are written out, or sent as the formula that they make of symbols.
@dl.custom_gradient
def cubed(x):
    return x**3, lambda g: 3 * x**2 * g


BLOCK = dl.block(lambda x: 1 / (1 + np.exp(-x)), name="own", derivative=lambda y, x: y * (1 - y))
FUNCTIONS = {
    "lambda": lambda x: x * np.sin(x),
    "custom gradient": lambda x: x * cubed(2 * x),
    "custom gradient in a checkpoint": lambda x: x * dl.checkpoint(lambda y: cubed(y) + np.sin(y))(x),
    "block": lambda x: BLOCK(x) * x,
    "scan": lambda x: dl.scan(lambda c, k: (c * x + k, None), x, np.arange(3.0))[0],
    "while loop": lambda x: dl.while_loop(lambda c: c < 3.0, lambda c: c * (1 + x), x),
    "branch": lambda x: dl.cond(x > 0, lambda x: x**3, lambda x: -x, x),
    "array constants": lambda x: np.sum(np.array([1.0, 2.0]) * x**2),
    "where": lambda x: np.where(x > 0, x**2, 0.0),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_of_every_kind_can_be_sent(name):
    f = FUNCTIONS[name]
    symbolic = dl.differentiate(f, 0.7, method="symbolic", seconds=60).gradient
    assert np.isclose(symbolic, dl.grad(f)(0.7), rtol=1e-14)


@pytest.fixture
def own_rows():
    known = set(TABLE)
    yield elementwise
    for name in set(TABLE) - known:
        del TABLE[name]


def test_rows_of_the_user_can_be_sent(own_rows):
    by_sympy = lambda x, *, k: __import__("sympy").exp(k * x)
    cube = own_rows("own_cube", (lambda m, y, x: 3 * m.square(x),), doc="x³.", value=lambda m, x: x * x * x)
    growth = own_rows(
        "own_growth",
        (lambda m, y, x, *, k: k * m.exp(k * x),),
        doc="exp(kx), as sympy writes it.",
        value=lambda m, x, *, k: m.exp(k * x),
        spelling={"sympy": by_sympy},
    )
    unknown = own_rows("own_unknown", (1,), doc="x, and nothing more is known.", spelling={"numpy": lambda x: x})
    f = lambda x: apply(cube, (x,)) * apply(growth, (x,), {"k": 2})
    symbolic = dl.differentiate(f, 0.5, method="symbolic", seconds=60).gradient
    assert np.isclose(symbolic, dl.grad(f)(0.5), rtol=1e-14)
    with pytest.raises(UnsupportedError, match="own_unknown"):
        dl.differentiate(lambda x: apply(unknown, (x,)), 0.5, method="symbolic")


def test_endless_loops_are_not_written_out():
    f = lambda x: dl.while_loop(lambda c: c < 1e6, lambda c: c + x, x)
    with pytest.raises(UnsupportedError, match=f"more than {MOST}"):
        dl.differentiate(f, 1.0, method="symbolic")


def test_text_graphs_can_be_sent():
    text, at = "q = sum([x, y] * [1, 2/3]); softmax([q, x])[0] + max(x, y) ** 2", [0.3, 0.8]
    graph = dl.parse(text)
    there = pickle.loads(pickle.dumps(portable(graph, at)))
    assert [n.name for n in there.inputs] == ["x", "y"] and there(*at) == graph(*at)
    typed = as_problem(text, dict(x=0.3, y=0.8)).graph
    there = pickle.loads(pickle.dumps(portable(typed, at)))
    assert [n.value for n in there.order] == [n.value for n in typed.order]


def test_long_chains_can_be_sent():
    def chain(x):
        for _ in range(5000):
            x = np.sin(x)
        return x

    graph = dl.trace(chain, 0.5)
    assert pickle.loads(pickle.dumps(portable(graph, [0.5])))(0.5) == graph(0.5)


@pytest.mark.parametrize("number, kind", [("SIGPROF", "time"), ("SIGXCPU", "time"), ("SIGALRM", "silent")])
def test_work_that_hung_is_not_said_to_have_computed_for_long(number, kind):
    assert outcome(pickle.dumps(("ended", -getattr(signal, number)))) == (kind, None)


@pytest.mark.parametrize("kind, told", [("time", "took longer than 10 s"), ("silent", "gave no answer")])
def test_the_local_page_says_which_limit_it_was(kind, told):
    work = Work.__new__(Work)
    work.question = Question("curve", "x", "x=1", "page", 1)
    answer = work.answer(kind, None)
    assert answer.status == 422 and f"the curve {told}" in answer.said["error"]
