"""What is being done, told to whoever watches: nobody, unless the shell command's display does.

    with doing("solving"):
        tell("iteration 12: error below 1e-3", share=0.4)

Libraries say what they do and print nothing; how and when it is shown is the watcher's business.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Protocol


class Watcher(Protocol):
    """Who is told; works begin and end in pairs, one within another."""

    def begin(self, what: str) -> None: ...
    def tell(self, text: str, share: float | None) -> None: ...
    def end(self) -> None: ...


WATCHER: ContextVar[Watcher | None] = ContextVar("WATCHER", default=None)


@contextlib.contextmanager
def watched(watcher: Watcher | None) -> Iterator[None]:
    """The watcher is told what is done within, in this thread."""
    token = WATCHER.set(watcher)
    try:
        yield
    finally:
        WATCHER.reset(token)


@contextlib.contextmanager
def doing(what: str) -> Iterator[None]:
    """Around work that may take seconds."""
    watcher = WATCHER.get()
    if watcher is None:
        yield
        return
    watcher.begin(what)
    try:
        yield
    finally:
        watcher.end()


def tell(text: str, share: float | None = None) -> None:
    """How far the innermost work has come, and what share of it is done."""
    watcher = WATCHER.get()
    if watcher is not None:
        watcher.tell(text, share)


def is_watched() -> bool:
    """Whether it is worth making a text to be told."""
    return WATCHER.get() is not None
