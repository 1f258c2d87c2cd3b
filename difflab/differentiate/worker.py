"""A helper process with one thread and its libraries loaded, which forks for each piece of work (see `limits.py`).

The channel from the parent brings connections. A forked child says on its connection who it is, reads one request,
works within its limits and writes the answer; how a child without an answer ended is said in its place. The helper
ends a child when the parent closes the connection, and ends itself with the parent.
"""

from __future__ import annotations

import gc
import math
import os
import pickle
import select
import signal
import socket
import struct
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, NoReturn

from ..clock import limit_process, patience
from ..errors import DifflabError
from ..types import Value

HEAD = struct.Struct("!QI")  # the length of a message and its checksum: a writer may be killed half-way
SILENT = pickle.dumps(("silent", None))
MEMORY = pickle.dumps(("memory", None))  # written where there is no memory left to make it
MEMORY_EXIT = 97  # the exit status of a child that watches its memory itself
NOT_STARTED = "no process could be started: {}; end other programs, or allow more processes"
SPARE = 2.0  # seconds; the parent stops work that hangs itself, if it is still there
WAKE = 1.0  # seconds that one wait takes at most: a Ctrl-C that comes just before it is seen after it
LOOK = 5.0  # seconds after which the helper looks whether its parent is still there
TIMERS = ("SIGPROF", "SIGXCPU", "SIGALRM")  # what ends work at its time limit
inside: bool = False  # whether this process is a helper or forked by one: it has one thread, and may fork


class Request(NamedTuple):
    """Pickled work, where its modules are found, and how much processor time and memory it may take."""

    work: bytes
    path: list[str]
    seconds: float
    megabytes: int

    @property
    def patience(self) -> float:
        """Seconds of the clock after which nobody waits any more."""
        return patience(self.seconds)


def packed(data: bytes) -> bytes:
    """One message as it is sent."""
    return HEAD.pack(len(data), zlib.crc32(data)) + data


def sent(connection: socket.socket, data: bytes, deadline: float | None = None) -> None:
    """Writes one message."""
    set_deadline(connection, deadline)
    connection.sendall(packed(data))


def received(connection: socket.socket, deadline: float | None = None) -> bytes | None:
    """One message; None where the other side ended before it was whole. Raises TimeoutError at the deadline."""
    head = exactly(connection, HEAD.size, deadline)
    if head is None:
        return None
    length, checksum = HEAD.unpack(head)
    return verified(exactly(connection, length, deadline), checksum)


def verified(data: bytes | None, checksum: int) -> bytes | None:
    return data if data is not None and zlib.crc32(data) == checksum else None


def exactly(connection: socket.socket, count: int, deadline: float | None) -> bytes | None:
    parts = bytearray()
    while len(parts) < count:
        set_deadline(connection, None if deadline is None else min(deadline, time.monotonic() + WAKE))
        try:
            part = connection.recv(min(count - len(parts), 1 << 20))
        except TimeoutError:
            if deadline is None or time.monotonic() >= deadline:
                raise
            continue
        if not part:
            return None
        parts += part
    return bytes(parts)


def set_deadline(connection: socket.socket, deadline: float | None) -> None:
    if deadline is not None:
        connection.settimeout(max(deadline - time.monotonic(), 1e-3))


def serve(channel: int, warming: Iterator[None]) -> None:
    """Takes connections from the channel until the parent closes it or is gone; warms up while there are none."""
    global inside
    inside = True
    with socket.socket(fileno=channel) as parent:
        jobs: dict[int, Job] = {}
        poll, first, cold = select.poll(), os.getppid(), True
        poll.register(parent, select.POLLIN)
        try:
            while os.getppid() == first:
                ready = poll.poll(0 if cold else LOOK * 1000)
                for place, _ in ready:
                    if place != parent.fileno():
                        finish(jobs, place, poll)
                    elif not accept(parent, jobs, poll):
                        return
                if cold and not ready:
                    cold = warmer(warming)
        finally:
            for place in list(jobs):
                finish(jobs, place, poll)


def warmer(warming: Iterator[None]) -> bool:
    """One step of the warming up; whether there are more."""
    with suppress(Exception):  # it only saves time: what does not work here is said by the work that needs it
        next(warming)
        return True
    gc.collect()
    gc.freeze()  # the children share these pages as long as nobody writes to them
    return False


class Job(NamedTuple):
    """A forked child, its connection, and a pipe that is open as long as it lives."""

    child: int
    connection: socket.socket
    alive: int


def accept(parent: socket.socket, jobs: dict[int, Job], poll: select.poll) -> bool:
    """Forks a child for the connection that the parent sends; False where the parent is gone."""
    data, places, _, _ = socket.recv_fds(parent, 1, 1)
    if not data or not places:
        return False
    connection = socket.socket(fileno=places[0])
    alive, held = os.pipe()
    helper = os.getpid()
    try:
        child = os.fork()
    except OSError as error:
        with connection, suppress(OSError):
            connection.sendall(packed(not_started(error)))
        os.close(alive)
        os.close(held)
        return True
    if child == 0:
        for other in {parent.fileno(), alive, *jobs, *(job.alive for job in jobs.values())}:
            with suppress(OSError):
                os.close(other)
        own_group(0)
        work(connection, helper)
    own_group(child)
    os.close(held)
    job = Job(child, connection, alive)
    for place in (connection.fileno(), alive):
        jobs[place] = job
        poll.register(place, 0)  # tells only that the other side is closed
    return True


def own_group(child: int) -> None:
    """What the child starts ends with it. Both sides say so, for nobody knows which of them is the first."""
    with suppress(OSError):
        os.setpgid(child, 0)


def finish(jobs: dict[int, Job], place: int, poll: select.poll) -> None:
    """The parent no longer waits, or the child has ended: it is ended, waited for and forgotten."""
    job = jobs.get(place)
    if job is None:
        return
    for known in (job.connection.fileno(), job.alive):
        poll.unregister(known)
        del jobs[known]
    with suppress(OSError):
        os.killpg(job.child, signal.SIGKILL)
    status = os.waitpid(job.child, 0)[1]
    with suppress(OSError):  # who has an answer, or waits no more, does not read it
        job.connection.send(packed(ended(status)), socket.MSG_DONTWAIT)
    job.connection.close()
    os.close(job.alive)


def forked(request: Request) -> bytes:
    """The answer to a request by a fork of this process, which must have one thread."""
    ours, theirs = socket.socketpair()
    parent = os.getpid()
    try:
        child = os.fork()
    except OSError as error:
        return not_started(error)
    if child == 0:
        ours.close()
        work(theirs, parent)
    theirs.close()
    found = None
    try:
        with ours, suppress(ConnectionError):
            deadline = time.monotonic() + request.patience
            received(ours, deadline)
            sent(ours, pickle.dumps(request), deadline)
            found = received(ours, deadline)
    finally:
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        status = os.waitpid(child, 0)[1]
    return ended(status) if found is None else found


def ended(status: int) -> bytes:
    """How a child ended, as the answer in the place of its own."""
    return pickle.dumps(("ended", os.waitstatus_to_exitcode(status)))


def not_started(error: OSError) -> bytes:
    return pickle.dumps(("error", DifflabError(NOT_STARTED.format(error.strerror))))


def work(connection: socket.socket, parent: int) -> NoReturn:
    """In the child: one request, one answer."""
    global inside
    inside, code = True, 1
    try:
        end_with(parent)
        sent(connection, str(os.getpid()).encode())
        data = received(connection)
        if data is not None:
            sent(connection, answer(Request(*pickle.loads(data))))
            code = 0
    finally:
        os._exit(code)


def end_with(parent: int) -> None:
    """Nobody stays behind where the parent is killed; other systems than Linux leave that to the limit of time."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:
            os._exit(1)


def answer(request: Request) -> bytes:
    sys.path[:] = request.path
    limit_memory(request.megabytes)
    limit_time(request.seconds, request.patience)
    message: tuple[str, Value]
    try:
        try:
            message = ("ok", pickle.loads(request.work)())
        except (DifflabError, MemoryError):
            raise
        except Exception as error:
            raise DifflabError(f"{type(error).__name__}: {str(error)[:300]}") from None
        return pickle.dumps(message)
    except DifflabError as error:
        return pickle.dumps(("error", error))
    except MemoryError:
        return MEMORY
    finally:
        limit_process(0)


def limit_time(seconds: float, hanging: float) -> None:
    """Signals end this process where it takes too long: no library can miss or catch them, as it can an exception."""
    for name in TIMERS:
        signal.signal(getattr(signal, name), signal.SIG_DFL)
    limit_process(seconds)
    signal.setitimer(signal.ITIMER_REAL, hanging + SPARE)
    with suppress(ImportError, OSError, ValueError):
        import resource

        most = math.ceil(seconds) + 1  # for what this process starts: it inherits no timer
        resource.setrlimit(resource.RLIMIT_CPU, (most, most + 1))  # SIGXCPU, and SIGKILL for who ignores it


def limit_memory(megabytes: int) -> None:
    """So many more than this process has now: of addresses where the system counts them, else of resident memory."""
    import resource

    pages = Path("/proc/self/statm")
    if not pages.exists():
        threading.Thread(target=watch_memory, args=(megabytes,), daemon=True).start()
        return
    most = int(pages.read_text().split()[0]) * resource.getpagesize() + megabytes * 2**20
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def watch_memory(megabytes: int) -> NoReturn:
    """Ends this process when it has grown by so much: macOS sets no limit to addresses."""
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    grown: Callable[[], float] = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20
    start = grown()
    while grown() - start < megabytes:
        time.sleep(0.02)
    os._exit(MEMORY_EXIT)
