"""A process that takes part in a command of many has a supervisor: it meets the others, watches, and says who is lost.

What runs on devices waits inside of JAX for the others, where no error of Python's reaches it, and JAX's own end when
another process is gone is an abort. So the work is done by a child, and the supervisor, which never imports JAX, holds
a connection with that of process 0. Whoever ends, falls silent or is cut off ends all of them, within a minute, with
exit status 2 and one sentence. Each message is a line of JSON.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import selectors
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator

from ..errors import InputError
from ..types import Params, Value
from .processes import BEAT, LOST, VARIABLE, Part, Place, likeness, told
from .signals import Stopped

SILENCE = 40.0  # seconds without a sign of life after which a process counts as lost
GRACE = 10.0  # for the cause to arrive, where a child has only noticed that another is lost
CLEAN = 20.0  # for a child that was asked to stop to save its work
LONGEST = 1 << 20  # bytes of a message
ABORTED = -6  # the status of a child that JAX has ended because others are lost


def supervised(place: Place, arguments: list[str], mend: str) -> int:
    """The command once more, in a process that takes part; its exit status."""
    return Supervisor(place, arguments, mend).run()


class Line:
    """A connection on which lines of JSON go and come."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket: socket.socket = connection
        self.socket.settimeout(10.0)
        self.data: bytes = b""
        self.heard: float = time.monotonic()
        self.open: bool = True

    def send(self, **message: Value) -> None:
        """Says something; who does not listen any more is found out by reading."""
        with contextlib.suppress(OSError):
            self.socket.sendall(json.dumps(message).encode() + b"\n")

    def read(self) -> list[Params]:
        """The messages that have come. A connection that is closed, or talks something else, is no longer `open`."""
        try:
            got = self.socket.recv(65536)
        except OSError:
            got = b""
        self.heard = time.monotonic()
        self.data += got
        *lines, self.data = self.data.split(b"\n")
        self.open = bool(got) and len(self.data) < LONGEST
        try:
            found = [json.loads(line) for line in lines]
        except ValueError:
            self.open, found = False, []
        return [message for message in found if isinstance(message, dict)]


class Supervisor:
    """The supervisor of one process. `run` gives the exit status."""

    def __init__(self, place: Place, arguments: list[str], mend: str = "") -> None:
        self.place: Place = place
        self.arguments: list[str] = arguments
        self.mend: str = mend
        self.mine: dict[str, str] = likeness(arguments)
        self.lines: dict[int, Line] = {}  # of process 0: one to each other; of the others: the one to process 0
        self.ended: dict[int, int] = {}  # statuses of children that have ended
        self.cause: str = ""
        self.child: subprocess.Popen[bytes] | None = None
        self.noise: deque[bytes] = deque(maxlen=200)  # the last lines of what libraries wrote
        self.selector: selectors.BaseSelector = selectors.DefaultSelector()
        self.beaten: float = time.monotonic()  # when the child last showed a sign of life

    def run(self) -> int:
        """Meets the others, works, and ends when all do."""
        try:
            address = self.gather() if self.place.id == 0 else self.enlist()
            self.start(address)
            return self.watch()
        except Stopped as stopped:
            self.stop(stopped.status)
            raise
        finally:
            self.end_child()
            for line in self.lines.values():
                line.socket.close()

    # Meeting.
    def gather(self) -> str:
        """As process 0: waits for all others, compares, and says where JAX meets."""
        end = time.monotonic() + self.place.wait
        with listening(self.place) as server:
            while len(self.lines) < self.place.processes - 1:
                server.settimeout(max(0.01, end - time.monotonic()))
                try:
                    connection, _ = server.accept()
                except TimeoutError:
                    missing = sorted(set(range(1, self.place.processes)) - self.lines.keys())
                    names = ", ".join(map(str, missing))
                    raise self.refused(
                        f"process{'es' * (len(missing) > 1)} {names} of {self.place.processes} did not come within "
                        f"{self.place.wait:g} s; start them with --coordinator {self.place.address}"
                    ) from None
                self.welcome(Line(connection))
            address = free_address(self.place.host)
        for line in self.lines.values():
            line.send(go=address)
        return address

    def welcome(self, line: Line) -> None:
        hello = next(iter(first_message(line)), {}).get("hello")
        if not isinstance(hello, dict):  # something else that found the port
            line.socket.close()
            return
        number = hello.get("id")
        wrong = self.wrong(number, hello.get("processes"), hello.get("likeness"))
        self.lines[number if isinstance(number, int) and number not in self.lines else -1] = line
        if wrong:
            raise self.refused(wrong)

    def wrong(self, number: object, processes: object, theirs: object) -> str:
        """What another process has said of itself that cannot be; nothing where all is well."""
        if processes != self.place.processes:
            return f"process {number} was told of {processes} processes, process 0 of {self.place.processes}"
        if not isinstance(number, int) or not 0 <= number < self.place.processes:
            return f"there is no process {number} of {processes}; they are 0 to {self.place.processes - 1}"
        if number in self.lines or number == 0:
            return f"two processes are number {number}; give each its own --process-id"
        told = theirs if isinstance(theirs, dict) else {}
        for what, ours in self.mine.items():
            if told.get(what) != ours:
                return f"{what}: process 0 has {ours}, process {number} has {told.get(what)}; make them the same"
        return ""

    def refused(self, why: str) -> InputError:
        for line in self.lines.values():
            line.send(lost=why)
        return InputError(why)

    def enlist(self) -> str:
        """As another process: finds process 0, and is told where JAX meets."""
        end = time.monotonic() + self.place.wait
        while True:
            left = end - time.monotonic()
            try:
                connection = socket.create_connection((self.place.host, self.place.port), max(0.1, min(5.0, left)))
                break
            except OSError as error:
                if left <= 0 or isinstance(error, socket.gaierror):
                    raise InputError(
                        f"no process 0 at {self.place.address} within {self.place.wait:g} s "
                        f"({error.strerror or error}); start it there with --process-id 0, or mend the address"
                    ) from None
                time.sleep(0.1)
        line = self.lines[0] = Line(connection)
        line.send(hello={"id": self.place.id, "processes": self.place.processes, "likeness": self.mine})
        line.socket.settimeout(self.place.wait + 10)
        for message in first_message(line):
            if "go" in message:
                return str(message["go"])
            raise InputError(str(message.get("lost", "process 0 says something that is not understood")))
        raise InputError(f"process 0 at {self.place.address} has ended, or it is another's port; see there")

    # Working.
    def start(self, address: str) -> None:
        heart, theirs = os.pipe()
        sys.stdout.flush()
        output, errors = os.dup(1), os.dup(2)
        mine = Part(address, self.place.processes, self.place.id, theirs, output, errors)
        command = [sys.executable, "-m", "difflab", *self.arguments]
        self.child = subprocess.Popen(
            command, env=os.environ | {VARIABLE: told(mine)}, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            pass_fds=(theirs, output, errors), start_new_session=True,
        )  # fmt: skip
        for number in (theirs, output, errors):
            os.close(number)
        assert self.child.stdout is not None
        self.selector.register(heart, selectors.EVENT_READ, "heart")
        self.selector.register(self.child.stdout, selectors.EVENT_READ, "noise")
        for number, line in self.lines.items():
            line.heard = time.monotonic()
            self.selector.register(line.socket, selectors.EVENT_READ, number)
        self.beaten = time.monotonic()

    def watch(self) -> int:
        """Until all have ended well, or one has not."""
        told_at, noticed = 0.0, 0.0
        while True:
            now = time.monotonic()
            if now - told_at > BEAT:
                told_at = now
                for line in self.lines.values():
                    line.send(beat=0)
            for key, _ in self.selector.select(BEAT / 4):
                self.hear(key)
            self.look()
            if not noticed and (self.cause or any(self.ended.values())):
                noticed = time.monotonic()
            causes = [k for k, status in self.ended.items() if status not in (0, LOST, ABORTED)]
            if self.cause or causes or (noticed and time.monotonic() - noticed > GRACE):
                return self.all_end(causes)
            if self.over():
                return 0

    def over(self) -> bool:
        """Whether the work is done: the own, and of process 0 that of all."""
        wanted = range(self.place.processes) if self.place.id == 0 else (self.place.id,)
        return all(self.ended.get(k) == 0 for k in wanted)

    def hear(self, key: selectors.SelectorKey) -> None:
        if key.data in ("heart", "noise"):
            data = os.read(key.fd, 65536)
            if not data:
                self.selector.unregister(key.fileobj)
            elif key.data == "heart":
                self.beaten = time.monotonic()
            else:
                self.noise.extend(data.splitlines())
            return
        line = self.lines[key.data]
        for message in line.read():
            if isinstance(message.get("ended"), int):
                self.ended[key.data] = message["ended"]
            if "lost" in message:
                self.cause = self.cause or str(message["lost"])
        if not line.open:
            self.selector.unregister(line.socket)
            if self.ended.get(key.data) is None and not self.cause:
                self.cause = f"process {key.data} of {self.place.processes} is gone: its connection closed"

    def look(self) -> None:
        """What silence says, and the end of the child."""
        now, me = time.monotonic(), self.place.id
        assert self.child is not None
        if me not in self.ended and (status := self.child.poll()) is not None:
            self.ended[me] = status
            for line in self.lines.values():
                line.send(ended=status)
        if me not in self.ended and now - self.beaten > SILENCE and not self.cause:
            self.cause = f"{self.place.name} has not moved for {SILENCE:g} s"
        for number, line in self.lines.items():
            if self.ended.get(number) is None and now - line.heard > SILENCE and not self.cause:
                self.cause = f"process {number} of {self.place.processes} has not been heard of for {SILENCE:g} s"

    def all_end(self, causes: list[int]) -> int:
        """Tells the others and the user why all end; whose own child has said why keeps quiet."""
        if causes and not self.cause:
            self.cause = how(causes[0], self.place.processes, self.ended[causes[0]])
        self.cause = self.cause or "the connection between the processes was lost"
        for line in self.lines.values():
            line.send(lost=self.cause)
        assert self.child is not None
        with contextlib.suppress(subprocess.TimeoutExpired):  # it may be saving what it has
            self.child.wait(GRACE)
        self.end_child()
        own = self.ended.get(self.place.id, self.child.returncode)
        if own in (0, LOST, ABORTED) or own < 0:
            raise InputError(self.cause + self.mend)
        return own

    # Ending.
    def stop(self, status: int) -> None:
        """A signal: the child may save its work, with those of the others, before all end."""
        if self.child is not None and self.child.poll() is None:
            self.child.send_signal(status - 128)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.child.wait(CLEAN)
        for line in self.lines.values():
            line.send(lost=f"{self.place.name} was stopped")

    def end_child(self) -> None:
        if self.child is not None and self.child.poll() is None:
            self.child.kill()
            self.child.wait()
        if self.child is not None and "--debug" in self.arguments and self.noise:
            sys.stderr.write(b"\n".join(self.noise).decode(errors="replace") + "\n")


def how(number: int, processes: int, status: int) -> str:
    """The end of a process in words.

    >>> how(1, 2, -9), how(0, 4, 2)
    ('process 1 of 2 was ended by signal 9', 'process 0 of 4 ended with status 2, and says why')
    """
    ended = f"was ended by signal {-status}" if status < 0 else f"ended with status {status}, and says why"
    return f"process {number} of {processes} {ended}"


def first_message(line: Line) -> list[Params]:
    """What comes first on a connection; nothing where it closes before, or says nothing for long."""
    while line.open:
        found = line.read()
        if found:
            return [message for message in found if "beat" not in message][:1]
    return []


@contextlib.contextmanager
def listening(place: Place) -> Iterator[socket.socket]:
    """The port at which the others are awaited."""
    try:
        server = socket.create_server((place.host, place.port), family=family(place.host), backlog=place.processes)
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        mend = "the port is in use, take another" if taken else "process 0 has to run on the machine of that address"
        raise InputError(f"process 0 cannot wait at {place.address}: {error.strerror or error}; {mend}") from None
    with server:
        yield server


def family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def free_address(host: str) -> str:
    """An address of this machine at which nobody listens."""
    with socket.create_server((host, 0), family=family(host)) as server:
        return f"[{host}]:{server.getsockname()[1]}" if ":" in host else f"{host}:{server.getsockname()[1]}"
