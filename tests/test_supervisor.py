"""The supervisor of one process among many, with the others, its child and the clock in the test's own hands."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from patience import HANGS

from difflab.cli import processes, supervisor as module
from difflab.cli.devices import take_devices
from difflab.cli.processes import BEAT, LOST, Part, Place
from difflab.cli.signals import Stopped
from difflab.cli.supervisor import ABORTED, CLEAN, GRACE, SILENCE, Line, Supervisor, free_address, supervised
from difflab.errors import InputError, LostError

LIKE = {"Python": "3", "the command": "train"}


@pytest.fixture
def make(monkeypatch):
    """Supervisors that say of themselves what LIKE says; reading difflab's files takes long."""
    monkeypatch.setattr(module, "likeness", lambda arguments: dict(LIKE))
    made = []

    def supervisor(id=0, processes=3, wait=60.0, port=4000, arguments=("train",), mend="; mend"):
        made.append(Supervisor(Place("127.0.0.1", port, processes, id, wait), list(arguments), mend))
        return made[-1]

    yield supervisor
    for one in made:
        one.selector.close()


@pytest.fixture
def clock(monkeypatch):
    """The time that the supervisor sees; who sleeps moves it on."""
    seen = SimpleNamespace(now=1000.0)
    seen.monotonic, seen.sleep = lambda: seen.now, lambda s: setattr(seen, "now", seen.now + s)
    seen.move = seen.sleep  # of the test itself, which never sleeps
    monkeypatch.setattr(module, "time", seen)
    return seen


class Child:
    """A child that ends when it is told, with a status of its own."""

    def __init__(self, status=None, patient=True):
        self.returncode, self.patient, self.did = status, patient, []

    def poll(self):
        return self.returncode

    def send_signal(self, number):
        self.did.append(number)

    def wait(self, timeout=None):
        self.did.append(timeout)
        if self.returncode is None:
            if timeout is not None and self.patient:
                raise subprocess.TimeoutExpired("child", timeout)
            self.returncode = 0
        return self.returncode

    def kill(self):
        self.did.append("kill")
        self.returncode = -9


def joined(supervisor, *numbers):
    """A connection to each of these processes: our ends, which the supervisor has, and theirs."""
    theirs = {}
    for number in numbers:
        ours, other = socket.socketpair()
        supervisor.lines[number], theirs[number] = Line(ours), Line(other)
    return theirs


def said(line):
    """What has been said on a connection so far."""
    line.socket.settimeout(0.05)
    return line.read()


# Who takes part.
@pytest.mark.parametrize(
    ("number", "processes", "theirs", "words"),
    [
        (1, 3, LIKE, ""),
        (2, 3, LIKE, ""),
        (1, 4, LIKE, "process 1 was told of 4 processes, process 0 of 3"),
        (0, 3, LIKE, "two processes are number 0"),
        (7, 3, LIKE, "there is no process 7 of 3; they are 0 to 2"),
        (3, 3, LIKE, "there is no process 3 of 3"),
        (-1, 3, LIKE, "there is no process -1 of 3"),
        (None, 3, LIKE, "there is no process None"),
        ([1], 3, LIKE, "there is no process [1]"),
        (1, 3, LIKE | {"Python": "2"}, "Python: process 0 has 3, process 1 has 2; make them the same"),
        (1, 3, {"Python": "3"}, "the command: process 0 has train, process 1 has None"),
        (1, 3, [], "Python: process 0 has 3, process 1 has None"),
    ],
)
def test_who_may_take_part(make, number, processes, theirs, words):
    found = make().wrong(number, processes, theirs)
    assert words in found and bool(found) == bool(words)


def test_nobody_takes_part_twice(make):
    one = make()
    joined(one, 2)
    assert one.wrong(1, 3, LIKE) == "" and "two processes are number 2" in one.wrong(2, 3, LIKE)


@pytest.mark.parametrize("hello", [{"id": 1, "processes": 3, "likeness": 5}, {"id": [], "processes": 3}, {}])
def test_a_strange_greeting_ends_all_with_an_error(make, hello):
    one, (ours, other) = make(), socket.socketpair()
    with ours, other:
        waiting = joined(one, 2)
        Line(other).send(hello=hello)
        with pytest.raises(InputError):
            one.welcome(Line(ours))
        assert "lost" in said(waiting[2])[0] and "lost" in said(Line(other))[0]


def port_of():
    return int(free_address("127.0.0.1").rpartition(":")[2])


def test_three_meet_though_strangers_knock(make):
    port = port_of()
    first, others = make(0, port=port), [make(k, port=port) for k in (1, 2)]
    with ThreadPoolExecutor(3) as pool:
        meeting = pool.submit(first.gather)
        stranger = connected(port)
        stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
        found = [pool.submit(other.enlist) for other in others]
        addresses = {f.result(HANGS) for f in (meeting, *found)}
        assert stranger.recv(100) == b""  # it was shown the door
        stranger.close()
    assert len(addresses) == 1 and sorted(first.lines) == [1, 2]
    host, _, own = addresses.pop().rpartition(":")
    assert host == "127.0.0.1" and 0 < int(own) != port
    for one in (first, *others):
        for line in one.lines.values():
            line.socket.close()


def connected(port):
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=HANGS)
        except ConnectionRefusedError:
            continue


@pytest.mark.parametrize(
    ("come", "words"), [((), "processes 1, 2 of 3"), ((1,), "process 2 of 3"), ((2,), "process 1 of 3")]
)
def test_who_does_not_come_is_named(make, monkeypatch, come, words):
    port, asked = port_of(), []
    first = make(0, port=port, wait=HANGS)
    late = lambda: len(asked) > 1 and len(first.lines) == len(come)  # when those that come at all are there
    monotonic = lambda: asked.append(1) or (1e9 if late() else 0.0)
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=monotonic, sleep=lambda s: None))
    with ThreadPoolExecutor(2) as pool:
        others = [pool.submit(make(k, port=port).enlist) for k in come]
        with pytest.raises(InputError) as caught:
            first.gather()
        told = f"{words} did not come within {HANGS:g} s; start them with --coordinator 127.0.0.1:{port}"
        assert told in str(caught.value)
        for other in others:
            with pytest.raises(InputError, match="did not come within"):
                other.result(HANGS)
    assert sorted(first.lines) == list(come)


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (b'{"lost": "process 2 has another command"}\n', "process 2 has another command"),
        (b'{"beat": 0}\n{"lost": "late"}\n', "late"),
        (b'{"other": 1}\n', "says something that is not understood"),
        (b"SSH-2.0\r\n", "has ended, or it is another's port"),
        (b"", "has ended, or it is another's port"),
    ],
)
def test_what_process_0_may_say(make, sent, words):
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as pool:
        found = pool.submit(make(1, port=server.getsockname()[1]).enlist)
        connection, _ = server.accept()
        hello = json.loads(connection.makefile().readline())["hello"]
        assert hello == {"id": 1, "processes": 3, "likeness": LIKE}
        connection.sendall(sent)
        connection.close()
        with pytest.raises(InputError) as caught:
            found.result(HANGS)
    assert words in str(caught.value)


def test_process_0_is_waited_for_and_no_longer(make, clock):
    with pytest.raises(InputError) as caught:
        make(1, wait=7.0, port=port_of()).enlist()
    assert "no process 0" in str(caught.value) and "within 7 s" in str(caught.value)
    assert 1007.0 <= clock.now < 1007.3


# Watching.
@pytest.mark.parametrize("late", [False, True])
def test_silence_is_an_end(make, clock, late):
    over = 1.0 if late else -1.0
    one = make()
    one.child = Child()
    joined(one, 1, 2)
    one.lines[2].heard = clock.now - SILENCE - over
    one.look()
    assert one.cause == ("process 2 of 3 has not been heard of for 40 s" if late else "")
    one.cause, one.lines[2].heard = "", clock.now
    one.beaten = clock.now - SILENCE - over
    one.look()
    assert one.cause == ("process 0 of 3 has not moved for 40 s" if late else "")


def test_who_has_ended_may_be_silent(make, clock):
    one = make()
    theirs = joined(one, 1, 2)
    one.child, one.ended = Child(0), {2: 0}
    one.beaten = one.lines[2].heard = clock.now - 10 * SILENCE
    one.look()
    assert one.cause == "" and one.ended == {2: 0, 0: 0}
    assert [said(line) for line in theirs.values()] == [[{"ended": 0}]] * 2
    one.look()
    assert said(theirs[1]) == []  # it is told once


def test_who_is_over(make):
    first, second = make(0), make(1)
    first.ended = {0: 0, 1: 0}
    assert not first.over()
    first.ended[2] = 0
    assert first.over()
    second.ended = {1: 0}
    assert second.over() and not make(1).over()


def key(supervisor, number):
    return SimpleNamespace(
        data=number, fd=supervisor.lines[number].socket.fileno(), fileobj=supervisor.lines[number].socket
    )


@pytest.mark.parametrize(
    ("sent", "ended", "cause"),
    [
        ([{"beat": 0}], {}, ""),
        ([{"ended": 2}], {1: 2}, ""),
        ([{"ended": "2"}], {}, ""),
        ([{"lost": "first"}, {"lost": "second"}], {}, "first"),
        ([{"ended": 0}, {"beat": 0}], {1: 0}, ""),
    ],
)
def test_what_the_others_say(make, sent, ended, cause):
    one = make()
    theirs = joined(one, 1)
    for message in sent:
        theirs[1].send(**message)
    one.hear(key(one, 1))
    assert one.ended == ended and one.cause == cause


@pytest.mark.parametrize("ended", [None, 0])
def test_a_connection_that_closes(make, ended):
    one = make()
    theirs = joined(one, 1)
    one.selector.register(one.lines[1].socket, 1, 1)
    if ended is not None:
        one.ended[1] = ended
    theirs[1].socket.close()
    one.hear(key(one, 1))
    assert one.cause == ("process 1 of 3 is gone: its connection closed" if ended is None else "")
    assert not one.selector.get_map()


@pytest.mark.parametrize(
    ("own", "causes", "known", "status", "words"),
    [
        (2, [0], "", 2, "process 0 of 3 ended with status 2, and says why"),
        (3, [0], "", 3, "process 0 of 3 ended with status 3, and says why"),
        (LOST, [1], "", None, "process 1 of 3 was ended by signal 9"),
        (ABORTED, [1], "", None, "process 1 of 3 was ended by signal 9"),
        (-9, [0], "", None, "process 0 of 3 was ended by signal 9"),
        (0, [], "process 2 of 3 is gone", None, "process 2 of 3 is gone"),
        (LOST, [], "", None, "the connection between the processes was lost"),
        (None, [], "told", None, "told"),
    ],
)
def test_how_all_end(make, own, causes, known, status, words):
    one = make()
    theirs, one.child, one.cause = joined(one, 1, 2), Child(own), known
    one.ended = {0: own} if own is not None else {}
    one.ended |= {1: -9} if 1 in causes else {}
    if status is None:
        with pytest.raises(InputError) as caught:
            one.all_end(causes)
        assert str(caught.value) == words + "; mend"
    else:
        assert one.all_end(causes) == status
    assert [said(line) for line in theirs.values()] == [[{"lost": words}]] * 2
    assert one.child.did[0] == GRACE and one.child.poll() is not None
    assert ("kill" in one.child.did) == (own is None)


@pytest.mark.parametrize("patient", [True, False])
def test_a_signal_is_passed_on_and_told(make, patient):
    one = make(1)
    theirs, one.child = joined(one, 0), Child(patient=patient)
    one.stop(128 + signal.SIGTERM)
    assert one.child.did == [signal.SIGTERM, CLEAN] and said(theirs[0]) == [{"lost": "process 1 of 3 was stopped"}]
    one.child.did.clear()
    one.end_child()
    assert one.child.did == (["kill"] if patient else []) + [None] * patient


def test_what_is_watched_ends_at_once_by_a_cause_and_after_a_while_without(make, clock, monkeypatch):
    """A child that has only lost the others waits for whoever knows why."""
    one = make()
    theirs = joined(one, 1, 2)
    one.child, one.beaten = Child(LOST), clock.now
    heard = []
    monkeypatch.setattr(one, "selector", SimpleNamespace(select=lambda s: clock.move(s) or [], close=lambda: None))
    for line in one.lines.values():
        line.heard = clock.now + 2 * GRACE
    with pytest.raises(InputError, match="the connection between the processes was lost"):
        one.watch()
    assert GRACE < clock.now - 1000.0 < GRACE + 2 * BEAT
    heard = said(theirs[1])
    assert heard[1] == {"ended": LOST} and heard[-1] == {"lost": "the connection between the processes was lost"}
    assert GRACE - 2 < heard.count({"beat": 0}) <= GRACE + 1


@pytest.mark.parametrize(("arguments", "status"), [(["--version"], 0), (["no-such-command"], 2)])
def test_two_supervisors_from_the_meeting_to_the_end(make, arguments, status):
    port = port_of()
    places = [Place("127.0.0.1", port, 2, k, HANGS) for k in range(2)]
    with ThreadPoolExecutor(2) as pool:
        found = [pool.submit(supervised, place, arguments, "") for place in places]
        assert [f.result(HANGS) for f in found] == [status, status]


def test_a_signal_while_it_waits_is_a_signal(make, monkeypatch):
    one = make()
    monkeypatch.setattr(one, "gather", lambda: (_ for _ in ()).throw(Stopped(signal.SIGTERM)))
    with pytest.raises(Stopped):
        one.run()


def test_what_libraries_wrote_is_shown_with_debug(make, capsys):
    for arguments, shown in ((["train"], ""), (["train", "--debug"], "one\ntwo\n")):
        one = make(arguments=arguments)
        one.child = Child(0)
        one.noise.extend([b"one", b"two"])
        one.end_child()
        assert capsys.readouterr().err == shown


def test_the_child_speaks_through_the_files_it_was_given(make, capfd):
    """What a library writes to the standard streams is kept, and shown to nobody."""
    one = make(processes=1)
    one.start("127.0.0.1:1")
    one.child.kill()
    one.child.wait()
    assert {k.data for k in one.selector.get_map().values()} == {"heart", "noise"}
    assert sys.executable in one.child.args[0] and one.child.args[-1] == "train"


# The process that works.
def test_signs_of_life_as_long_as_somebody_reads(monkeypatch):
    heart, theirs = os.pipe()
    slept, left, read = [], [], []

    def sleep(seconds):
        slept.append(seconds)
        read.append(os.read(heart, 10))
        if len(slept) == 3:
            os.close(heart)

    monkeypatch.setattr(processes, "time", SimpleNamespace(sleep=sleep))
    processes.beat(theirs, left.append)
    os.close(theirs)
    assert slept == [BEAT] * 3 and read == [b"."] * 3 and left == [2]


@pytest.mark.parametrize(("path", "text", "same"), [("a.py", "1", True), ("a.py", "2", False), ("b.py", "1", False)])
def test_code_that_differs_in_a_name_or_a_letter(monkeypatch, tmp_path, path, text, same):
    found = []
    for k, (name, content) in enumerate((("a.py", "1"), (path, text))):
        room = tmp_path / f"{k}" / "difflab" / "cli"
        room.mkdir(parents=True)
        (room / name).write_text(content)
        (room / "notes.txt").write_text(f"{k}")
        monkeypatch.setattr(processes, "__file__", str(room / "processes.py"))
        found.append(processes.code())
    assert (found[0] == found[1]) is same and all(len(x) == 16 for x in found)


@pytest.mark.parametrize("gloo", [True, False])
@pytest.mark.parametrize("meets", [True, False])
def test_how_jax_is_joined(monkeypatch, gloo, meets):
    did = []

    def initialize(*arguments, **options):
        did.append((arguments, options))
        if not meets:
            raise RuntimeError("deadline")

    config = SimpleNamespace(
        values={"jax_cpu_collectives_implementation": ""} if gloo else {}, update=lambda *told: did.append(told)
    )
    devices = lambda: did.append("devices")
    fake = SimpleNamespace(config=config, distributed=SimpleNamespace(initialize=initialize), devices=devices)
    monkeypatch.setattr(processes, "import_module", lambda name: fake if name == "jax" else None)
    processes.join()  # alone: nothing
    assert did == []
    monkeypatch.setenv(processes.VARIABLE, processes.told(Part("h:1", 4, 2, 7, 8, 9)))
    with contextlib.nullcontext() if meets else pytest.raises(LostError, match="process 2 of 4 did not meet.*deadline"):
        processes.join()
    first = [("jax_cpu_collectives_implementation", "gloo")] if gloo else []
    last = ["devices"] if meets else []  # which waits for those of all, and fails where one is gone
    assert did == [*first, (("h:1", 4, 2), {"cluster_detection_method": "deactivate"}), *last]


@pytest.mark.parametrize(
    ("place", "count", "flags", "devices", "after"),
    [
        (None, None, "", None, ""),
        (None, 3, "", 3, "--xla_force_host_platform_device_count=3"),
        (None, 3, "--other", 3, "--other --xla_force_host_platform_device_count=3"),
        (None, 3, "--xla_force_host_platform_device_count=2", 3, "--xla_force_host_platform_device_count=2"),
        (Place("h", 1, 2, 1), None, "", 1, "--xla_force_host_platform_device_count=1"),
        (Place("h", 1, 2, 1), 2, "", 2, "--xla_force_host_platform_device_count=2"),
    ],
)
def test_how_many_devices_a_processor_counts_as(monkeypatch, place, count, flags, devices, after):
    monkeypatch.setenv("XLA_FLAGS", flags)
    assert take_devices(place, count) == devices
    assert os.environ["XLA_FLAGS"] == after


def test_who_writes_and_who_is_who():
    first, second = Place("::1", 4000, 2, 0), Place("a", 4000, 2, 1)
    assert processes.writes(None) and processes.writes(first) and not processes.writes(second)
    assert (first.name, second.address) == ("process 0 of 2", "a:4000")
    assert [module.family(p.host) for p in (first, second)] == [socket.AF_INET6, socket.AF_INET]
