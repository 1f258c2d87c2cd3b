"""Threads that share the blocks of an array among them, for kernels."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from itertools import pairwise

WORTH = 50_000_000  # operations below which waking a thread costs more than it saves
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
            _pool = os.getpid(), ThreadPoolExecutor(max(1, cores() - 1), thread_name_prefix="difflab-kernel")
        return _pool[1]


def in_blocks(function: Callable[[int, int, int], None], length: int, count: int, work: float) -> None:
    """Calls function(block, lo, hi) for `count` blocks of range(length), on several threads where that is worth it.

    The blocks do not depend on the number of threads, so neither do the results.
    """
    step = -(-length // max(1, min(count, length)))
    count = -(-length // step)

    def some(first: int, last: int) -> None:
        for k in range(first, last):
            function(k, k * step, min(length, (k + 1) * step))

    threads = min(cores(), count) if work >= WORTH else 1
    if threads == 1:
        some(0, count)
        return
    bounds = [count * k // threads for k in range(threads + 1)]
    pool = workers()
    waiting = [pool.submit(copy_context().run, some, a, b) for a, b in pairwise(bounds[1:])]
    try:
        some(0, bounds[1])
    finally:
        for job in waiting:
            job.result()
