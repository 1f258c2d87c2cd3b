"""Running a region: its blocks one after the other, shared by two or more threads where that is worth it.

How the rows are cut depends on the shapes alone, and each block has its own place for its part of a sum, so the
result does not depend on the number of threads.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ...primitives.kernels.parallel import cores, together
from ...types import Array
from ..plan.memory import Memory

THREADS_WORTH = 2_000_000  # flops below which waking a thread costs more than it saves


class Blocks:
    """One region of a program: a function of (first row, last row, buffers, block number, arrays...) and how to cut."""

    rows: int
    step: int
    memory: Memory

    def __init__(self, rows: int, step: int, memory: Memory, work: float) -> None:
        self.rows, self.step, self.memory = rows, step, memory
        self.count: int = -(-rows // step)
        self.threads: int = min(cores(), self.count) if work >= THREADS_WORTH else 1
        self.function: Callable[..., None] | None = None

    def buffers(self) -> list[list[Array]]:
        """For each thread its own block buffers."""
        return [self.memory.arrays(self.step) for _ in range(self.threads)]

    def __call__(self, buffers: list[list[Array]], *arrays: Array) -> None:
        if self.threads == 1:
            self.some(0, self.count, buffers[0], arrays)
            return
        share = -(-self.count // self.threads)
        bounds = [(k * share, min((k + 1) * share, self.count)) for k in range(self.threads)]
        together([partial(self.some, a, b, w, arrays) for (a, b), w in zip(bounds, buffers)])

    def some(self, first: int, last: int, buffers: list[Array], arrays: tuple[Array, ...]) -> None:
        """The blocks first to last - 1."""
        run, step = self.function, self.step
        assert run is not None
        for k in range(first, last):
            lo = k * step
            hi = lo + step
            if hi > self.rows:
                hi = self.rows
                buffers = [b[: hi - lo] for b in buffers]
            run(k, lo, hi, buffers, *arrays)
