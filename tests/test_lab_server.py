"""`difflab lab` as a process: many questions at once, limits, crashes, and its end. Only the order of events counts."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest
from patience import HANGS, until
from processes import children_of, is_running

import difflab
from difflab.lab.server.work import processor_time

pytest.importorskip("starlette", reason="the lab extra is not installed")
pytest.importorskip("uvicorn", reason="the lab extra is not installed")
pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="the tests look at processes in /proc")

HEAVY = "sum(sin(outer(linspace(0,x,3000),linspace(0,1,3000))))"  # its curve takes many seconds
LARGE = "sum(outer(linspace(0,x,20000),linspace(0,1,20000)))"  # 3 GB
LIGHT = "x**2"


class Lab:
    """A server, and questions to it."""

    started: ClassVar[list] = []

    def __init__(self, folder):
        self.started.append(self)
        self.folder, self.errors = folder, folder.parent / "errors.txt"
        environment = {**os.environ, "PYTHONPATH": str(Path(difflab.__file__).parents[1]), "TMPDIR": str(folder)}
        with self.errors.open("w") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "difflab", "lab", "--no-browser"],
                stdout=subprocess.PIPE, stderr=errors, text=True, env=environment,
            )  # fmt: skip
        address = urlsplit(self.process.stdout.readline().strip())
        self.port, self.token = address.port, parse_qs(address.query)["token"][0]

    def send(self, expression=LIGHT, part="comparison", at="x=0.5", **more):
        """A connection on which a question was asked."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=HANGS)
        body = json.dumps({"part": part, "expression": expression, "at": at, **more})
        headers = {"content-type": "application/json", "x-difflab-token": self.token}
        connection.request("POST", "/answer", body, headers)
        return connection

    def ask(self, *question, **more):
        connection = self.send(*question, **more)
        answer = connection.getresponse()
        with answer:
            told = json.loads(answer.read())
        connection.close()
        return answer.status, told

    def helper(self):
        assert until(lambda: children_of(self.process.pid))
        return children_of(self.process.pid)[0]

    def jobs(self):
        """The processes at work; those of the helper's own warming up end soon."""
        return children_of(self.helper())

    def idle(self):
        return until(lambda: self.jobs() == [])

    def at_work(self):
        """The process of the only question, which has begun: it has taken a fifth of a second of the processor."""
        found = []

        def begun():
            found[:] = self.jobs()
            return len(found) == 1 and (processor_time(found[0]) or 0.0) > 0.2

        assert until(begun)
        return found[0]

    def end(self, by=signal.SIGINT):
        self.process.send_signal(by)
        return self.process.wait(HANGS)


@pytest.fixture(scope="module", autouse=True)
def none_is_left():
    """Of a test that fails half-way neither."""
    yield
    for lab in Lab.started:
        lab.process.kill()
        lab.process.wait()


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    lab = Lab(tmp_path_factory.mktemp("temporary"))
    assert lab.ask()[0] == 200
    yield lab
    lab.end()
    assert list(lab.folder.iterdir()) == []  # no file is left
    assert "Traceback" not in lab.errors.read_text()


@pytest.fixture
def heavy(lab):
    """A heavy question at work: its process, and its connection, on which nothing has come."""
    assert lab.idle()
    connection = lab.send(HEAVY, "curve")
    yield lab.at_work(), connection
    connection.close()
    assert lab.idle()


def answered(connection):
    """Whether something has come; the connection is not read."""
    import select

    return bool(select.select([connection.sock], [], [], 0)[0])


def test_fifty_at_once(lab):
    with ThreadPoolExecutor(50) as pool:
        found = list(pool.map(lambda k: lab.ask(f"x**2 + {k}", page=f"p{k}", round=1), range(50)))
    assert [status for status, _ in found] == [200] * 50
    assert all(f"x**2 + {k}<" in told["html"] for k, (_, told) in enumerate(found))


def test_light_ones_are_answered_before_a_heavy_one(lab, heavy):
    found = [lab.ask(f"x + {k}") for k in range(3)]
    assert [status for status, _ in found] == [200] * 3
    assert not answered(heavy[1]) and is_running(heavy[0])


def test_light_ones_are_answered_before_many_heavy_ones(lab):
    assert lab.idle()
    connections = [lab.send(HEAVY, "curve", page=f"p{k}") for k in range(7)]
    assert lab.ask()[0] == 200
    assert not any(map(answered, connections))
    for connection in connections:
        connection.close()
    assert lab.idle()


def test_who_closes_the_connection_ends_the_work(lab, heavy):
    heavy[1].close()
    assert until(lambda: not is_running(heavy[0]))


def test_a_newer_expression_of_the_page_ends_the_older(lab):
    assert lab.idle()
    connection = lab.send(HEAVY, "curve", page="mine", round=1)
    job = lab.at_work()
    assert lab.ask(page="yours", round=9)[0] == 200 and not answered(connection) and is_running(job)
    assert lab.ask(page="mine", round=2)[0] == 200
    answer = connection.getresponse()
    assert answer.status == 409 and json.loads(answer.read())["kind"] == "outdated"
    assert until(lambda: not is_running(job))


def test_a_process_that_is_killed_is_said(lab, heavy):
    os.kill(heavy[0], signal.SIGKILL)
    answer = heavy[1].getresponse()
    told = json.loads(answer.read())
    assert answer.status == 500 and told["kind"] == "crash" and "by SIGKILL" in told["error"]
    assert lab.ask()[0] == 200


def test_a_helper_that_is_killed_is_replaced_and_leaves_nobody(lab, heavy):
    helper = lab.helper()
    os.kill(helper, signal.SIGKILL)
    answer = heavy[1].getresponse()
    assert answer.status == 500 and json.loads(answer.read())["kind"] == "crash"
    assert lab.ask()[0] == 200 and lab.helper() != helper
    assert until(lambda: not is_running(heavy[0]))


def test_memory_has_a_limit(lab):
    status, told = lab.ask(LARGE)
    assert status == 422 and told["kind"] == "limit" and "needs more than 1 GiB of memory" in told["error"]
    assert lab.ask()[0] == 200


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_its_end_is_the_end_of_all(tmp_path, by):
    (tmp_path / "temporary").mkdir()
    lab = Lab(tmp_path / "temporary")
    assert lab.ask()[0] == 200
    assert lab.idle()
    connection = lab.send(HEAVY, "curve")
    idle = http.client.HTTPConnection("127.0.0.1", lab.port)
    idle.connect()  # and says nothing
    family = [lab.process.pid, lab.helper(), lab.at_work()]
    assert lab.end(by) == (-by if by == signal.SIGKILL else 128 + by)
    if by != signal.SIGKILL:
        answer = connection.getresponse()
        assert answer.status == 503 and json.loads(answer.read())["kind"] == "ending"
    assert until(lambda: not any(map(is_running, family)))
    assert list(lab.folder.iterdir()) == [] and "Traceback" not in lab.errors.read_text()


def test_an_interrupt_at_the_start_ends_it(tmp_path):
    (tmp_path / "temporary").mkdir()
    lab = Lab(tmp_path / "temporary")
    helper = lab.helper()  # it is still loading
    assert lab.end() == 130
    assert until(lambda: not is_running(helper))


def test_nobody_else_reaches_it(lab):
    listening = Path("/proc/net/tcp").read_text()
    mine = [line.split()[1] for line in listening.splitlines()[1:] if line.split()[1].endswith(f":{lab.port:04X}")]
    assert {place.partition(":")[0] for place in mine} == {"0100007F"}


def test_half_a_request_does_no_harm(lab):
    connection = http.client.HTTPConnection("127.0.0.1", lab.port)
    connection.putrequest("POST", "/answer")
    for name, value in {"x-difflab-token": lab.token, "content-length": "100"}.items():
        connection.putheader(name, value)
    connection.endheaders(b"{")
    assert lab.ask()[0] == 200
    connection.close()  # no traceback, as the end of these tests sees
    assert lab.ask()[0] == 200


def test_hundreds_of_connections_that_say_nothing_do_no_harm(lab):
    connections = [http.client.HTTPConnection("127.0.0.1", lab.port) for _ in range(200)]
    for connection in connections:
        connection.connect()
    slow = threading.Thread(target=connections[0].sock.sendall, args=(b"POST /answer HTTP/1.1\r\n",))
    slow.start()
    assert lab.ask()[0] == 200
    slow.join()
    for connection in connections:
        connection.close()
