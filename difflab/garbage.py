"""Python's search for cycles of garbage, while many objects are made that all stay.

A recording makes some objects for each operation and lets go of none before its end. Python looks through them all
again and again, which takes as long as the recording itself, and finds nothing.
"""

from __future__ import annotations

import gc
import threading
from contextlib import ContextDecorator
from types import TracebackType

SELDOM = (10_000, 50, 100)  # new objects, and searches among them, before older ones are searched as well


class Seldom(ContextDecorator):
    """A block, or a function, in which garbage is searched for seldom; they may stand in each other, and on threads.

    What a user has asked of `gc` stays: a search that is turned off, or comes more seldom still, or is set within.

    >>> import gc
    >>> before = gc.get_threshold()
    >>> with SEARCHED_SELDOM:
    ...     gc.get_threshold()[0] >= 10_000
    True
    >>> gc.get_threshold() == before
    True
    """

    def __init__(self) -> None:
        self.lock: threading.Lock = threading.Lock()
        self.inside: int = 0
        self.before: tuple[int, int, int] = SELDOM

    def __enter__(self) -> None:
        with self.lock:
            if not self.inside:
                self.before = gc.get_threshold()
                if 0 < self.before[0] < SELDOM[0]:
                    gc.set_threshold(*SELDOM)
            self.inside += 1

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with self.lock:
            self.inside -= 1
            if not self.inside and gc.get_threshold() == SELDOM:
                gc.set_threshold(*self.before)


SEARCHED_SELDOM = Seldom()
