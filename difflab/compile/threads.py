"""The threads that help to run a program."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor

_pool: tuple[int, ThreadPoolExecutor] | None = None
_lock = threading.Lock()


def cores() -> int:
    """The processors that this process may use, or DIFFLAB_THREADS."""
    told = os.environ.get("DIFFLAB_THREADS", "")
    if told.isdigit() and int(told) > 0:
        return int(told)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def workers() -> ThreadPoolExecutor:
    """The threads that help; a forked child makes its own."""
    global _pool
    with _lock:
        if _pool is None or _pool[0] != os.getpid():
            _pool = os.getpid(), ThreadPoolExecutor(max(1, cores() - 1), thread_name_prefix="difflab")
        return _pool[1]
