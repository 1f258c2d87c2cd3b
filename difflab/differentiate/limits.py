"""Work in a child process that can be stopped: symbolic algebra may take minutes and gigabytes without warning."""

from __future__ import annotations

import os
import pickle
import select
import signal
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import DifflabError, TimeLimitError

MEGABYTES = 2048


def limited(work: Callable[[], Any], seconds: float, what: str, megabytes: int = MEGABYTES) -> Any:
    """The result of `work()` from a forked child, or TimeLimitError after `seconds`.

    The child inherits what it needs and sends plain data back. Where there is no fork (Windows), the work runs here
    and without the limit.
    """
    if not hasattr(os, "fork"):
        return work()
    read, write = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the child only computes, it takes no lock of a thread
        child = os.fork()
    if child == 0:
        _child(work, write, megabytes)
    os.close(write)
    try:
        data = _read(read, time.monotonic() + seconds)
    finally:
        os.close(read)
        if not _ended(child):
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    if data is None:
        raise TimeLimitError(f"{what} took longer than {seconds:g} s and was stopped")
    if not data:
        raise TimeLimitError(f"{what} needed more than {megabytes} MB of memory and was stopped")
    kind, result = pickle.loads(data)  # written by our own child, not by a user
    if kind == "error":
        raise result
    return result


def _ended(child: int) -> bool:
    for _ in range(20):
        if os.waitpid(child, os.WNOHANG)[0]:
            return True
        time.sleep(0.002)
    return False


def _child(work: Callable[[], Any], write: int, megabytes: int) -> None:
    code = 1
    try:
        import resource

        pages = Path("/proc/self/statm")
        used = int(pages.read_text().split()[0]) * resource.getpagesize() if pages.exists() else 0
        resource.setrlimit(resource.RLIMIT_AS, (used + megabytes * 2**20,) * 2)
    except (ImportError, OSError, ValueError):
        pass
    try:
        try:
            message = ("ok", work())
        except DifflabError as error:
            message = ("error", error)
        except MemoryError:
            os._exit(code)  # an empty message says so
        except Exception as e:
            message = ("error", DifflabError(f"{type(e).__name__}: {str(e)[:300]}"))
        data = pickle.dumps(message)
        while data:
            data = data[os.write(write, data) :]
        code = 0
    finally:
        os._exit(code)


def _read(read: int, deadline: float) -> bytes | None:
    parts: list[bytes] = []
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([read], [], [], left)[0]:
            return None
        part = os.read(read, 1 << 16)
        if not part:
            return b"".join(parts)
        parts.append(part)
