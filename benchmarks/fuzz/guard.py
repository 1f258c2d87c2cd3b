"""One input under limits: what it ended with, and whether that is a finding."""

from __future__ import annotations

import resource
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from difflab.errors import DifflabError

GIBIBYTE = 1 << 30
TRACES = 6000  # characters of a traceback that are kept
LAST_RESORT = 15  # times the limit, after which a call that never comes back to Python ends the process


class Target(Protocol):
    """A module of `targets/`; SECONDS is the limit of processor time for one input."""

    SECONDS: float

    def run(self, data: bytes) -> None: ...
    def seeds(self) -> list[bytes]: ...
    def mutate(self, data: bytes, rng: Any) -> bytes: ...


class Hang(BaseException):
    """Raised in the midst of an input that takes too long."""


@dataclass(frozen=True)
class Finding:
    """What an input ended with, and the line of difflab it came from: two inputs with the same key are one finding."""

    kind: str
    place: str
    text: str

    @property
    def key(self) -> str:
        return f"{self.kind}-{self.place}"


def examine(target: Target, data: bytes, room: float = 1.0) -> Finding | None:
    """Runs one input; None where it is read, or refused by a DifflabError, within the limits.

    `room` times the target's seconds are given to it: processor time grows where others use the same caches.
    """
    seconds = room * target.SECONDS
    began = time.process_time()
    try:
        with processor_time(seconds), memory(GIBIBYTE):
            target.run(data)
    except DifflabError:
        pass
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return Finding("hang" if isinstance(error, Hang) else type(error).__name__, place(error), told(error))
    spent = time.process_time() - began
    if spent > 1.5 * seconds:  # the signal was swallowed on its way
        return Finding("hang", "swallowed", f"{spent:.1f} s of processor time")
    return None


@contextmanager
def processor_time(seconds: float) -> Iterator[None]:
    """Raises Hang after so many seconds of this process's own time, however busy the machine is.

    Code that does not come back to Python is ended with the process, by the second timer.
    """

    def ring(*_: Any) -> None:
        raise Hang(f"more than {seconds} s")

    before = signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, seconds, 0.5)
    signal.setitimer(signal.ITIMER_VIRTUAL, LAST_RESORT * seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGPROF, before)


@contextmanager
def memory(more: int) -> Iterator[None]:
    """At most so many bytes of address space beyond what the process has; Linux only."""
    if not sys.platform.startswith("linux"):
        yield
        return
    has = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    top = has + more if hard == resource.RLIM_INFINITY else min(has + more, hard)
    resource.setrlimit(resource.RLIMIT_AS, (top, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def place(error: BaseException) -> str:
    """The innermost line of difflab in the traceback, as cli.app.run_12."""
    found = "elsewhere"
    for frame, line in traceback.walk_tb(error.__traceback__):
        name = frame.f_globals.get("__name__", "")
        if name.startswith("difflab"):
            found = f"{name.removeprefix('difflab.')}.{frame.f_code.co_name.strip('<>')}_{line}"
    return found


def told(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))[-TRACES:]
