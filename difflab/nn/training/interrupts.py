"""Ctrl-C between two steps and never inside one."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any


class Interrupts:
    """While this is entered, the first SIGINT or SIGTERM only sets `asked`; the second acts as ever."""

    def __init__(self) -> None:
        self.asked: int | None = None
        self.before: dict[int, Any] = {}

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self.before[number] = signal.signal(number, self.ask)
        return self

    def ask(self, number: int, frame: FrameType | None) -> None:
        self.asked = number
        self.restore()

    def restore(self) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)
        self.before = {}

    def __exit__(self, *_: Any) -> None:
        self.restore()

    def act(self) -> None:
        """Does what was asked for, if anything was."""
        if self.asked is not None:
            self.restore()
            signal.raise_signal(self.asked)
            raise KeyboardInterrupt  # where a handler of the caller's own returned
