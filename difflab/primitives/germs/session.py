"""What holds while functions run on germs: the state of the run, and flint's settings, one for the whole process."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import flint

from ...clock import patience, spent
from ...errors import TimeLimitError
from ...types import Value

LOCK = threading.RLock()
TICKS = 512  # operations between two looks at the clock


class Now:
    """What holds for the run that is going on: the side, the node being computed, the limit of its thread's time."""

    def __init__(self) -> None:
        self.side: int = 0
        self.node: Any = None
        self.edge: bool = False  # whether a one-sided run took a branch that may jump at the point
        self.reach: Any = flint.arb(0)  # the interval of t in a one-sided run
        self.exact: dict[float, Value] = {}  # what constants of derivative rules were rounded from
        self.deadline: float = math.inf
        self.seconds: float = 0.0
        self.left: int = TICKS

    def tick(self) -> None:
        """Raises TimeLimitError when the time is over."""
        self.left = TICKS
        if spent() > self.deadline:
            raise TimeLimitError(f"not certified in {self.seconds:g} s of processor time")

    def where(self) -> str:
        """The operation that is being computed, in words."""
        if self.node is None:
            return "an operation"
        operand = next((x.name for x in self.node.operands if x.name), None)
        named = f" ({self.node.name})" if self.node.name else ""
        return f"{self.node.primitive.name}{f' of {operand}' if operand else ''}{named}"


NOW = Now()


@contextmanager
def alone(wait: float = -1) -> Iterator[None]:
    """flint for this thread alone, its precision and length of series put back however it ends.

    Raises TimeLimitError where another thread has it for more than `wait` seconds.
    """
    if not LOCK.acquire(timeout=wait):
        raise TimeLimitError(f"not certified in {wait:g} s: another thread was computing a certificate")
    before = flint.ctx.prec, flint.ctx.cap
    try:
        yield
    finally:
        flint.ctx.prec, flint.ctx.cap = before
        LOCK.release()


@contextmanager
def session(seconds: float) -> Iterator[None]:
    """flint and the clock for one run; one certificate at a time in a process."""
    with alone(min(patience(seconds), threading.TIMEOUT_MAX)):
        NOW.deadline, NOW.seconds, NOW.left, NOW.node, NOW.side = spent() + seconds, seconds, TICKS, None, 0
        try:
            yield
        finally:
            NOW.deadline, NOW.node, NOW.side = math.inf, None, 0
