"""Ctrl-C and its relatives end a command at once, with the exit status that shells expect: 128 and the signal's number.

The handler raises an exception in the main thread, which cleans up on its way out. Python runs a handler between two of
its own instructions only; so where a library's compiled code goes on (a factorisation, a sum over gigabytes), a thread
ends the process instead. It cannot where that code keeps Python's lock, which such code rarely does for long.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

from ..interrupts import NUMBERS

NOTICE = 0.3  # seconds for the main thread to notice
CLEAN = 2.0  # and for it to clean up
STATUSES = {128 + number for number in NUMBERS}
SHOW_CURSOR = "\x1b[?25h"


class Stopped(KeyboardInterrupt):
    """A signal that ends the command."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.status: int = 128 + number


noticed: threading.Event = threading.Event()
finished: threading.Event = threading.Event()


def stop(number: int, frame: FrameType | None) -> None:
    """The first one ends the work; whoever asks again meanwhile shall not disturb the cleaning."""
    if not noticed.is_set():
        noticed.set()
        raise Stopped(number)


def guarded(work: Callable[[], int]) -> int:
    """The exit status of the work, in the main thread of a command's own process: its own, or that of a signal."""
    try:
        install()
        status = work()
    except KeyboardInterrupt as error:
        status = getattr(error, "status", 128 + signal.SIGINT)
    noticed.set()  # nothing is left to be ended but this process, which is about to
    finished.set()
    return status


def install() -> None:
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    signal.set_wakeup_fd(theirs.detach(), warn_on_full_buffer=False)
    threading.Thread(target=watch, args=(ours,), daemon=True).start()
    for number in NUMBERS:
        if signal.getsignal(number) != signal.SIG_IGN:  # as under nohup
            signal.signal(number, stop)


def leave(status: int) -> NoReturn:
    """Ends the process now, without waiting for threads or taking apart what the system takes back anyway."""
    limits = sys.modules.get("difflab.differentiate.limits")
    if limits is not None:
        limits.HELPER.end()
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stderr.flush()  # standard output may wait for a reader
    os._exit(status)


def watch(arrived: socket.socket) -> None:
    """Ends the process where a signal that is to end it does not, being caught in compiled code."""
    while data := arrived.recv(1):
        number = data[0]
        if signal.getsignal(number) is not stop:  # somebody defers it for a moment, or has a handler of his own
            continue
        if not noticed.wait(NOTICE) or not finished.wait(CLEAN):
            if sys.stderr is not None and sys.stderr.isatty():
                sys.stderr.write(SHOW_CURSOR)
                sys.stderr.flush()
            leave(128 + number)
