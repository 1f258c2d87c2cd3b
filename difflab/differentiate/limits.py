"""Work in another process that can be stopped: symbolic algebra may take minutes and gigabytes without warning.

The first call starts a helper, a fresh Python that has sympy loaded and only one thread (see `worker.py`). For each
piece of work the helper forks, so that this process, whatever threads it has, never does. Work and result are pickled.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from ..clock import patience
from ..errors import DifflabError, TimeLimitError, UnsupportedError
from .worker import MEMORY, TIME, Request, received, sent

MEGABYTES = 2048
START = """
import sys
sys.path[:] = {path!r}
import difflab.differentiate.symbolic
from difflab.differentiate.worker import serve
serve({channel})
"""
PATIENCE = 300.0  # seconds for the helper to start; a second or less where nothing else runs
# Numerical libraries start threads of their own when they are loaded; a process with threads must not be forked.
ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1")


def limited(work: Callable[[], Any], seconds: float, what: str, megabytes: int = MEGABYTES) -> Any:
    """The result of `work()` from another process, or TimeLimitError after `seconds` of its processor time.

    `work` is a function of a module, or a `functools.partial` of one, with arguments that can be pickled: all of it is
    sent, and what the result holds comes back. Work that hangs without using the processor is given up as well, after
    more than ten times as long. Where there is no fork (Windows), the work runs here and without limits.
    """
    if not hasattr(os, "fork") or not sys.executable:
        return work()
    try:
        data = pickle.dumps(work)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise UnsupportedError(f"{what}: it cannot be sent to another process ({error})") from None
    try:
        answer = HELPER.ask(Request(data, search_path(), seconds, megabytes))
    except TimeLimitError:
        raise
    except TimeoutError:
        raise TimeLimitError(f"{what} gave no answer in {patience(seconds):g} s and was stopped") from None
    if answer == TIME:
        raise TimeLimitError(f"{what} took longer than {seconds:g} s of processor time and was stopped")
    if answer == MEMORY:
        raise TimeLimitError(f"{what} needed more than {megabytes} MB of memory and was stopped")
    if answer is None:
        raise DifflabError(f"{what}: its process ended without an answer: too little memory, or a crash in a library")
    kind, result = pickle.loads(answer)  # written by our own process, not by a user
    if kind == "error":
        raise result
    return result


def prepare() -> None:
    """Starts the helper without waiting: it loads sympy while this process does other things."""
    if hasattr(os, "fork") and sys.executable:
        HELPER.prepare()


class Helper:
    """The process that forks; started at the first request, and again where it has ended."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.process: subprocess.Popen[bytes] | None = None
        self.channel: socket.socket | None = None

    def ask(self, request: Request) -> bytes | None:
        """The answer, or None where the process ended without one; TimeoutError where it takes too long.

        Leaving, for whatever reason, closes the connection, and that ends the process.
        """
        for _ in range(2):
            ours, theirs = socket.socketpair()
            with ours:
                with theirs:
                    self.hand_over(theirs)
                try:
                    if self.begun(ours):
                        deadline = time.monotonic() + patience(request.seconds)
                        sent(ours, pickle.dumps(request), deadline)
                        return received(ours, deadline)
                except ConnectionError:
                    return None
            with self.lock:
                self.end()  # the connection was lost on its way: the next one goes to a new helper
        return None

    @staticmethod
    def begun(connection: socket.socket) -> bool:
        try:
            return received(connection, time.monotonic() + PATIENCE) is not None
        except TimeoutError:
            raise TimeLimitError(f"the helper process for symbolic work did not start in {PATIENCE:g} s") from None

    def prepare(self) -> None:
        with self.lock:
            if self.channel is None:
                self.start()

    def hand_over(self, connection: socket.socket) -> None:
        with self.lock:
            for _ in range(2):
                if self.channel is None:
                    self.start()
                try:
                    socket.send_fds(cast(socket.socket, self.channel), [b"w"], [connection.fileno()])
                    return
                except ConnectionError:  # somebody ended it
                    self.end()
        raise DifflabError("the helper process for symbolic work ends as soon as it is started")

    def start(self) -> None:
        self.channel, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-W", "ignore", "-c", START.format(path=search_path(), channel=theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env={**os.environ, **ONE_THREAD, "PYTHONHASHSEED": "0"},  # sympy's order of terms is that of hashes
                cwd=os.sep,
                start_new_session=True,  # Ctrl-C is for this process, which then ends the work
            )

    def end(self) -> None:
        """Ends the helper and what it has forked, which are one group of processes."""
        channel, process = self.channel, self.process
        self.channel = self.process = None
        if channel is not None:
            channel.close()
        if process is not None:
            with contextlib.suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)  # it may be loading, and would not look at its channel
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


HELPER = Helper()
atexit.register(HELPER.end)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=HELPER.forget)
