"""Threads that share the blocks of an array among them, for kernels."""

from __future__ import annotations

import os
import threading
import time
from _thread import LockType, allocate_lock
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextvars import Context, copy_context
from functools import partial
from itertools import count, pairwise
from queue import SimpleQueue

WORTH = 10_000_000  # operations below which waking a thread costs more than it saves


def cores() -> int:
    """The processors that this process may use, or DIFFLAB_THREADS."""
    told = os.environ.get("DIFFLAB_THREADS", "")
    if told.isdigit() and int(told) > 0:
        return int(told)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Shared:
    """Tasks that threads take from: who made them from the front, who helps from the back."""

    def __init__(self, tasks: Sequence[Callable[[], object]]) -> None:
        self.tasks: deque[Callable[[], object]] = deque(tasks)
        self.last: int = len(tasks)
        self.ended: Iterator[int] = count(1)
        self.done: LockType = allocate_lock()
        self.done.acquire()
        self.helping: list[None] = []  # an entry for each thread that is at it
        self.failed: BaseException | None = None

    def work(self, take: Callable[[], Callable[[], object]]) -> None:
        """Does one task after the other, until all are taken."""
        while True:
            try:
                task = take()
            except IndexError:
                return
            try:
                if self.failed is None:
                    task()
            except BaseException as error:  # raised by who waits, once no other writes into its arrays any more
                self.failed = error
            if next(self.ended) == self.last:
                self.done.release()

    def help(self) -> None:
        self.helping.append(None)
        try:
            self.work(self.tasks.pop)
        finally:
            self.helping.pop()

    def wait(self) -> None:
        """Works until all is done, and raises what went wrong."""
        try:
            self.work(self.tasks.popleft)
            self.done.acquire()
        except BaseException:  # Ctrl-C between two tasks, or while it waits
            self.tasks.clear()
            while self.helping:
                time.sleep(1e-4)
            raise
        if self.failed is not None:
            raise self.failed


class Helpers:
    """Threads that wait for tasks. A queue wakes one in half the time that an executor takes."""

    def __init__(self) -> None:
        self.process: int = os.getpid()
        self.wanted: SimpleQueue[tuple[Context, Shared]] = SimpleQueue()
        self.number: int = max(1, cores() - 1)
        for k in range(self.number):
            threading.Thread(target=self.run, name=f"difflab-kernel-{k}", daemon=True).start()

    def run(self) -> None:
        while True:
            context, shared = self.wanted.get()
            context.run(shared.help)
            del context, shared  # and the arrays that their tasks hold


_lock = threading.Lock()
_helpers: Helpers | None = None


def helpers() -> Helpers:
    """The threads that help; a forked child makes its own."""
    global _helpers
    with _lock:
        if _helpers is None or _helpers.process != os.getpid():
            _helpers = Helpers()
        return _helpers


def together(tasks: Sequence[Callable[[], object]]) -> None:
    """Runs the tasks, the first ones here and the last ones on the threads that help, until they meet.

    Where the processors are taken by others, all are done here: waiting for a thread to be woken takes longer than its
    work.
    """
    shared, others = Shared(tasks), helpers()
    for _ in range(min(len(tasks) - 1, others.number)):
        others.wanted.put((copy_context(), shared))
    shared.wait()


def in_blocks(function: Callable[[int, int, int], None], length: int, blocks: int, work: float) -> None:
    """Calls function(block, lo, hi) for `blocks` blocks of range(length), on several threads where that is worth it.

    The blocks do not depend on the number of threads, so neither do the results.
    """
    step = -(-length // max(1, min(blocks, length)))
    blocks = -(-length // step)

    def some(first: int, last: int) -> None:
        for k in range(first, last):
            function(k, k * step, min(length, (k + 1) * step))

    threads = min(cores(), blocks) if work >= WORTH else 1
    if threads == 1:
        some(0, blocks)
        return
    bounds = [blocks * k // threads for k in range(threads + 1)]
    together([partial(some, a, b) for a, b in pairwise(bounds)])
