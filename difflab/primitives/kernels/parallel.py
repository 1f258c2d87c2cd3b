"""Threads that share the blocks of an array among them, for kernels."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from itertools import pairwise

WORTH = 10_000_000  # operations below which waking a thread costs more than it saves
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


def together(tasks: Sequence[Callable[[], object]]) -> None:
    """Runs the tasks, the first here and the others on the threads that help.

    What none of them has begun when the first is done is done here too: where the processors are taken by others,
    waiting for a thread to be woken takes longer than its work.
    """
    pool = workers()
    waiting = [(pool.submit(copy_context().run, task), task) for task in tasks[1:]]
    done = False
    try:
        tasks[0]()
        done = True
    finally:
        for job, task in reversed(waiting):
            if not job.cancel():
                job.result()
            elif done:
                task()


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
    together([partial(some, a, b) for a, b in pairwise(bounds)])
