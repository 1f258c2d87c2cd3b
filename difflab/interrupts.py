"""Ctrl-C between two pieces of work and never inside one: SIGINT, SIGTERM and SIGHUP wait until it is their turn."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

NUMBERS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


class Interrupts:
    """While this is entered, the first signal only sets `asked`; the second acts as ever. Ignored ones stay ignored."""

    def __init__(self) -> None:
        self.asked: int | None = None
        self.before: dict[int, Any] = {}

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            for number in NUMBERS:
                known = signal.getsignal(number)
                if known not in (None, signal.SIG_IGN):
                    self.before[number] = known
                    signal.signal(number, self.ask)
        return self

    def ask(self, number: int, frame: FrameType | None) -> None:
        self.asked = number
        self.restore()

    def restore(self) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)
        self.before = {}

    def __exit__(self, *_: object) -> None:
        self.restore()

    def act(self) -> None:
        """Does what was asked for, if anything was."""
        if self.asked is not None:
            self.restore()
            signal.raise_signal(self.asked)
            raise KeyboardInterrupt  # where a handler of the caller's own returned


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """A signal that comes meanwhile arrives afterwards; for work that takes a moment."""
    with Interrupts() as interrupts:
        try:
            yield
        finally:
            interrupts.restore()
            if interrupts.asked is not None:
                signal.raise_signal(interrupts.asked)
