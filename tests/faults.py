"""Faults on purpose: the n-th use of a file, of memory or of a child process fails.

with Faults()() as counted: work()  # how many uses there are
with Faults(3, DISK_FULL)(): work()  # the third fails
"""

from __future__ import annotations

import builtins
import contextlib
import errno
import io
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from unittest import mock

import numpy as np

DISK_FULL = lambda: OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
FORBIDDEN = lambda: PermissionError(errno.EACCES, os.strerror(errno.EACCES))
BROKEN = lambda: OSError(errno.EIO, os.strerror(errno.EIO))
GONE = lambda: FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
KINDS = {
    "disk full": DISK_FULL,
    "forbidden": FORBIDDEN,
    "broken disk": BROKEN,
    "folder gone": GONE,
    "no memory": MemoryError,
    "interrupt": KeyboardInterrupt,
}
WRITING = set("wxa+")


class Faults:
    """Counts the uses of files, buffers and child processes, and lets the n-th of them fail."""

    def __init__(self, at: int = 0, kind: Callable[[], BaseException] = DISK_FULL) -> None:
        self.at, self.kind, self.seen = at, kind, []

    def use(self, name: str, before: Callable[[], object] = lambda: None, memory: bool = False) -> None:
        """One use; the one that fails does half of its work before. In memory nothing but memory can run out."""
        self.seen.append(name)
        if len(self.seen) == self.at:
            before()
            error = self.kind()
            raise MemoryError if memory and isinstance(error, OSError) else error

    def failing(self, owner: object, name: str, memory: bool = False) -> contextlib.AbstractContextManager:
        real = getattr(owner, name)

        def counted(*args, **kwargs):
            self.use(name, memory=memory)
            return real(*args, **kwargs)

        return mock.patch.object(owner, name, counted)

    def opened(self, real: Callable) -> Callable:
        """`open`, whose files fail at writing, flushing and closing."""

        def opener(file, mode="r", *args, **kwargs):
            if not WRITING & set(mode):
                return real(file, mode, *args, **kwargs)
            self.use("open")
            return Spoiled(real(file, mode, *args, **kwargs), self)

        return opener

    @contextlib.contextmanager
    def __call__(self) -> Iterator[Faults]:
        with contextlib.ExitStack() as patches:
            for name in ("replace", "link", "rename", "mkdir", "fsync", "fstat"):
                patches.enter_context(self.failing(os, name))
            patches.enter_context(self.failing(np, "savez", memory=True))
            patches.enter_context(self.failing(np, "savez_compressed", memory=True))
            patches.enter_context(self.failing(subprocess, "Popen"))
            patches.enter_context(mock.patch.object(builtins, "open", self.opened(builtins.open)))
            patches.enter_context(mock.patch.object(io, "open", self.opened(io.open)))
            yield self


class Spoiled:
    """A file that writes half of what it is given when its turn to fail has come."""

    def __init__(self, file, faults: Faults) -> None:
        self.file, self.faults = file, faults

    def write(self, data):
        self.faults.use("write", lambda: self.file.write(data[: len(data) // 2]))
        return self.file.write(data)

    def flush(self):
        self.faults.use("flush", self.file.flush)
        self.file.flush()

    def close(self):
        self.file.close()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()
        if error[0] is None:
            self.faults.use("close")

    def __getattr__(self, name):
        return getattr(self.file, name)


def contents(folder) -> dict[str, bytes]:
    """Every file under the folder and its bytes; folders end in a slash and hold nothing themselves."""
    return {
        str(p.relative_to(folder)) + "/" * p.is_dir(): b"" if p.is_dir() else p.read_bytes()
        for p in sorted(folder.rglob("*"))
    }


def interrupting(there: tuple[int, str], form: str) -> None:
    """Work for another process: interrupts the one that asked for it, and takes for ever."""
    asking, note = there
    with open(note, "w") as file:
        file.write(str(os.getpid()))
    os.kill(asking, signal.SIGINT)
    threading.Event().wait()
