"""The helper behind `limits.py`: a process with one thread and sympy loaded, which forks for each piece of work.

The channel from the parent brings connections. A forked child says on its connection that it is there, reads one
request, works within its limits and writes the answer. The helper ends it when the parent closes the connection, and
ends itself with the parent.
"""

from __future__ import annotations

import gc
import os
import pickle
import select
import signal
import socket
import struct
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from ..clock import limit_process, patience
from ..errors import DifflabError

MEMORY, TIME = b"memory", b"time"  # the answer of work that needed more than it may have
LENGTH = struct.Struct("!Q")
SPARE = 2.0  # seconds; the parent stops work that hangs itself, if it is still there
LOOK = 5.0  # seconds after which the helper looks whether its parent is still there


class Request(NamedTuple):
    """Pickled work, where its modules are found, and how much processor time and memory it may take."""

    work: bytes
    path: list[str]
    seconds: float
    megabytes: int


def sent(connection: socket.socket, data: bytes, deadline: float | None = None) -> None:
    """Writes one message."""
    set_deadline(connection, deadline)
    connection.sendall(LENGTH.pack(len(data)))
    connection.sendall(data)


def received(connection: socket.socket, deadline: float | None = None) -> bytes | None:
    """One message; None where the other side ended before it was whole. Raises TimeoutError at the deadline."""
    head = exactly(connection, LENGTH.size, deadline)
    return None if head is None else exactly(connection, LENGTH.unpack(head)[0], deadline)


def exactly(connection: socket.socket, count: int, deadline: float | None) -> bytes | None:
    parts = bytearray()
    while len(parts) < count:
        set_deadline(connection, deadline)
        part = connection.recv(min(count - len(parts), 1 << 20))
        if not part:
            return None
        parts += part
    return bytes(parts)


def set_deadline(connection: socket.socket, deadline: float | None) -> None:
    if deadline is not None:
        connection.settimeout(max(deadline - time.monotonic(), 1e-3))


def serve(channel: int) -> None:
    """Takes connections from the channel until the parent closes it or is gone."""
    with socket.socket(fileno=channel) as parent:
        warm_up()
        gc.collect()
        gc.freeze()  # the children share these pages as long as nobody writes to them
        jobs: dict[int, Job] = {}
        poll, first = select.poll(), os.getppid()
        poll.register(parent, select.POLLIN)
        try:
            while os.getppid() == first:
                for place, _ in poll.poll(LOOK * 1000):
                    if place != parent.fileno():
                        finish(jobs, place, poll)
                    elif not accept(parent, jobs, poll):
                        return
        finally:
            for place in list(jobs):
                finish(jobs, place, poll)


class Job(NamedTuple):
    """A forked child, its connection, and a pipe that is open as long as it lives."""

    child: int
    connection: socket.socket
    alive: int


def accept(parent: socket.socket, jobs: dict[int, Job], poll: Any) -> bool:
    """Forks a child for the connection that the parent sends; False where the parent is gone."""
    data, places, _, _ = socket.recv_fds(parent, 1, 1)
    if not data or not places:
        return False
    connection = socket.socket(fileno=places[0])
    alive, held = os.pipe()
    child = os.fork()
    if child == 0:
        for other in {parent.fileno(), alive, *jobs, *(job.alive for job in jobs.values())}:
            with suppress(OSError):
                os.close(other)
        work(connection)
    os.close(held)
    job = Job(child, connection, alive)
    for place in (connection.fileno(), alive):
        jobs[place] = job
        poll.register(place, 0)  # tells only that the other side is closed
    return True


def finish(jobs: dict[int, Job], place: int, poll: Any) -> None:
    """The parent no longer waits, or the child has ended: it is ended, waited for and forgotten.

    A child cannot say itself that its time was over; its status tells it.
    """
    job = jobs.get(place)
    if job is None:
        return
    for known in (job.connection.fileno(), job.alive):
        poll.unregister(known)
        del jobs[known]
    with suppress(ProcessLookupError):
        os.kill(job.child, signal.SIGKILL)
    _, status = os.waitpid(job.child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGPROF:
        with suppress(OSError):
            sent(job.connection, TIME)
    job.connection.close()
    os.close(job.alive)


def work(connection: socket.socket) -> NoReturn:
    """In the child: one request, one answer."""
    code = 1
    try:
        sent(connection, b"")
        data = received(connection)
        if data is not None:
            found = answer(Request(*pickle.loads(data)))
            limit_process(0)
            sent(connection, found)
            code = 0
    finally:
        os._exit(code)


def answer(request: Request) -> bytes:
    sys.path[:] = request.path
    limit_memory(request.megabytes)
    limit_process(request.seconds)
    signal.setitimer(signal.ITIMER_REAL, patience(request.seconds) + SPARE)  # ends a process that nobody watches
    message: tuple[str, Any]
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


def limit_memory(megabytes: int) -> None:
    with suppress(ImportError, OSError, ValueError):
        import resource

        pages = Path("/proc/self/statm")
        used = int(pages.read_text().split()[0]) * resource.getpagesize() if pages.exists() else 0
        resource.setrlimit(resource.RLIMIT_AS, (used + megabytes * 2**20,) * 2)


def warm_up() -> None:
    """Loads what the children need, and lets sympy fill its caches by one small derivative."""
    import scipy.special  # noqa: F401
    import sympy

    x = sympy.Symbol("x", real=True)
    slope = sympy.diff(sympy.sin(x) * sympy.exp(x), x)
    sympy.cse([slope])
    for modules in (["scipy", "numpy"], "mpmath"):
        sympy.lambdify([x], [slope], modules=modules, cse=True, dummify=True)(1.0)
