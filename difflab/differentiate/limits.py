"""Work in another process that can be stopped: symbolic algebra may take minutes and gigabytes without warning.

The first call starts a helper, a fresh Python that has sympy loaded and only one thread (see `worker.py`). For each
piece of work the helper forks, so that this process, whatever threads it has, never does. Work and result are pickled.
Work that itself asks for more of it is in such a fork already, and forks.
"""

from __future__ import annotations

import atexit
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import cast

from ..errors import DifflabError, TimeLimitError, UnsupportedError
from ..types import Value
from . import worker
from .worker import Request, received, sent

MEGABYTES = 2048
START = """
import sys
sys.path[:] = {path!r}
from difflab.differentiate.worker import serve
from {module} import warm_up
serve({channel}, warm_up())
"""
PATIENCE = 300.0  # seconds for the helper to start; a second or less where nothing else runs
LATE = f"the helper process did not start in {PATIENCE:g} s"
# Numerical libraries start threads of their own when they are loaded; a process with threads must not be forked.
ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1")


def limited(work: Callable[[], Value], seconds: float, what: str, megabytes: int = MEGABYTES) -> Value:
    """The result of `work()` from another process, or TimeLimitError after `seconds` of its processor time.

    `work` is a function of a module, or a `functools.partial` of one, with arguments that can be pickled: all of it is
    sent, and what the result holds comes back. Work that hangs without using the processor is given up as well, after
    more than ten times as long. Where there is no fork (Windows), the work runs here and without limits.
    """
    if not can_fork():
        return work()
    try:
        request = request_of(work, seconds, megabytes)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise UnsupportedError(f"{what}: it cannot be sent to another process ({error})") from None
    try:
        answer = worker.forked(request) if worker.inside else HELPER.ask(request)
    except TimeLimitError:
        raise
    except TimeoutError:
        answer = worker.SILENT
    kind, result = outcome(answer)
    if kind == "silent":
        raise TimeLimitError(f"{what} gave no answer in {request.patience:g} s and was stopped")
    if kind == "time":
        raise TimeLimitError(f"{what} took longer than {seconds:g} s of processor time and was stopped")
    if kind == "memory":
        raise TimeLimitError(f"{what} needed more than {megabytes} MB of memory and was stopped")
    if kind == "ended":
        raise DifflabError(f"{what}: its process ended without an answer ({result})")
    if kind == "error":
        raise result
    return result


def request_of(work: Callable[[], Value], seconds: float, megabytes: int) -> Request:
    return Request(pickle.dumps(work), search_path(), seconds, megabytes)


def outcome(answer: bytes | None) -> tuple[str, Value]:
    """What an answer says: "ok" and the result, "error" and the exception, "time", "silent", "memory", or "ended".

    "silent" is work that hung without using the processor.
    """
    if answer is None:
        return "ended", "its helper was ended"
    kind, value = pickle.loads(answer)  # written by our own process, not by a user
    if kind != "ended":
        return kind, value
    if value == worker.MEMORY_EXIT:
        return "memory", None
    if value >= 0:
        return "ended", f"with status {value}"
    name = signal.Signals(-value).name
    if name in worker.TIMERS:
        return "silent" if name == "SIGALRM" else "time", None
    return "ended", f"by {name}: too little memory, or a crash in a library"


def can_fork() -> bool:
    return hasattr(os, "fork") and bool(sys.executable)


def prepare() -> None:
    """Starts the helper without waiting: it loads sympy while this process does other things."""
    HELPER.prepare()


class Helper:
    """The process that forks, with `warm_up` of a module run; started when it is needed, and again where it ended."""

    lock: threading.Lock

    def __init__(self, module: str) -> None:
        self.module = module
        self.lock = threading.Lock()
        self.process: subprocess.Popen[bytes] | None = None
        self.channel: socket.socket | None = None
        atexit.register(self.end)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self.forget)

    def ask(self, request: Request) -> bytes | None:
        """The answer, or None where the helper ended without one; TimeoutError where it takes too long.

        Leaving, for whatever reason, closes the connection, and that ends the work.
        """
        for _ in range(2):
            ours, process = self.connection()
            with ours:
                try:
                    who = self.begun(ours)
                    if who is not None and not who.isdigit():
                        return who  # it has ended before it could say who it is
                    if who is not None:
                        deadline = time.monotonic() + request.patience
                        with suppress(ConnectionError):  # it has ended: how, is there to be read
                            sent(ours, pickle.dumps(request), deadline)
                        return received(ours, deadline)
                except ConnectionError:
                    return None
            self.lost(process)
        return None

    def connection(self) -> tuple[socket.socket, subprocess.Popen[bytes]]:
        """One end of a connection to a fork, and the helper that forks it.

        The fork says its process id first, or its end comes in the place; nothing comes where the helper has ended.
        """
        try:
            ours, theirs = socket.socketpair()
            with theirs:
                try:
                    return ours, self.hand_over(theirs)
                except BaseException:
                    ours.close()
                    raise
        except OSError as error:
            raise DifflabError(worker.NOT_STARTED.format(error.strerror)) from None

    def lost(self, process: subprocess.Popen[bytes]) -> None:
        """A connection to this helper was lost on its way: the next one goes to a new helper."""
        with self.lock:
            if self.process is process:
                self.end()

    @staticmethod
    def begun(connection: socket.socket) -> bytes | None:
        try:
            return received(connection, time.monotonic() + PATIENCE)
        except TimeoutError:
            raise TimeLimitError(LATE) from None

    def prepare(self) -> None:
        with self.lock:
            if can_fork() and self.channel is None:
                self.start()

    def close(self) -> None:
        with self.lock:
            self.end()

    def hand_over(self, connection: socket.socket) -> Value:
        with self.lock:
            for _ in range(2):
                if self.channel is None:
                    self.start()
                try:
                    socket.send_fds(cast(socket.socket, self.channel), [b"w"], [connection.fileno()])
                    return self.process
                except ConnectionError:  # somebody ended it
                    self.end()
        raise DifflabError("the helper process ends as soon as it is started")

    def program(self, channel: int) -> str:
        return START.format(path=search_path(), channel=channel, module=self.module)

    def start(self) -> None:
        self.channel, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-W", "ignore", "-c", self.program(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env={**os.environ, **ONE_THREAD, "PYTHONHASHSEED": "0"},  # sympy's order of terms is that of hashes
                cwd=os.sep,
                start_new_session=True,  # Ctrl-C is for this process, which then ends the work
            )

    def end(self) -> None:
        """Closing the channel tells the helper to end itself and what it has forked."""
        channel, process = self.channel, self.process
        self.channel = self.process = None
        if channel is not None:
            channel.close()
        if process is not None:
            try:
                process.wait(timeout=0.2)  # it may be loading, and has forked nothing then
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def forget(self) -> None:
        """In a process that was forked off this one: the helper is the parent's."""
        if self.channel is not None:
            self.channel.close()
        if self.process is not None:
            self.process.returncode = 0  # so that nobody waits for what is not a child
        self.lock, self.process, self.channel = threading.Lock(), None, None


def search_path() -> list[str]:
    """Where modules are found here, this package's own place first."""
    home = str(Path(__file__).resolve().parents[2])
    return list(dict.fromkeys([home, *map(os.path.abspath, sys.path)]))


HELPER = Helper("difflab.differentiate.warm")
