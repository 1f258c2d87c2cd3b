"""From the results that are not finite back to where that begins.

Not every NaN or infinity of a run matters: a branch that is not taken, a mask of -inf. So the walk starts at the
results and goes back only through entries that spoil them (`repair.py`). It ends at steps whose operands are finite,
and at inputs and constants that were not finite when they were given.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...types import Array
from .history import History, Step
from .repair import blame_of


@dataclass(frozen=True, eq=False)
class Origin:
    """Where it begins: the slot and its entries, the step that made it (None: it was given), and what becomes of it.

    `turned` is the step at which an infinity becomes a NaN, `reaches` says in words which result is spoilt.
    """

    slot: int
    entries: Array
    step: Step | None
    turned: Step | None = None
    reaches: str = ""

    @property
    def index(self) -> tuple[int, ...]:
        """The first of the entries."""
        return tuple(int(i) for i in np.argwhere(self.entries)[0])


class Walk:
    """Goes back through the steps, last to first, and keeps which entries of each slot spoil a result."""

    def __init__(self, record: History) -> None:
        self.record = record
        self.blamed: dict[int, Array] = {}
        self.spoils: dict[int, Step] = {}  # of each blamed slot, a step that it spoils
        self.born: list[Origin] = []
        self.turned: dict[int, Origin] = {}  # by the slot: NaN of infinities
        for slot, _ in record.outputs:
            bad = record.bad(record.values[slot])
            if bad is not None:
                self.blamed[slot] = bad
        if self.blamed:
            for step in reversed(record.steps):
                self.visit(step)

    def visit(self, step: Step) -> None:
        wanted = [self.blamed.get(k) for k in step.results]
        if all(w is None for w in wanted):
            return
        blame = blame_of(self.record, step, wanted)
        for k, own in zip(step.results, blame.arises):
            if own.any():
                self.born.append(Origin(k, own, step))
        for k, mask in blame.operands.items():
            self.blamed[k] = self.blamed[k] | mask if k in self.blamed else mask
            self.spoils.setdefault(k, step)
        if blame.operands and not any(self.nan(k, mask).any() for k, mask in blame.operands.items()):
            for k, asked in zip(step.results, wanted):
                nan = self.nan(k, asked)
                if nan.any():
                    self.turned[k] = Origin(k, nan, step)

    def nan(self, slot: int, mask: Array | None) -> Array:
        """Which of the entries are NaN."""
        numbers = self.record.arrays.numbers(self.record.values[slot])
        if mask is None or numbers is None:
            return np.zeros((), bool)
        found: Array = np.isnan(numbers) & mask
        return found

    def first(self) -> Origin | None:
        """The origin to name: a NaN that was given, the first that is computed, else what given infinities do."""
        given = [k for k in sorted(self.blamed) if self.record.made_by[k] is None]
        for k in given:
            nan = self.nan(k, self.blamed[k])
            if nan.any():
                return Origin(k, nan, None)
        if self.born:
            return self.born[-1]
        if self.turned:  # infinities that were given on purpose, such as a mask: what makes NaN of them
            return self.turned[min(self.turned)]
        return Origin(given[0], self.blamed[given[0]], None) if given else None

    def onward(self, origin: Origin) -> Origin:
        """The origin, with what becomes of it."""
        words, slot, turned = dict(self.record.outputs), origin.slot, None
        seen = {slot}
        while slot not in words and (step := self.spoils.get(slot)) is not None:
            slot = next((k for k in step.results if k in self.blamed), step.results[0])
            if slot in seen:
                break
            seen.add(slot)
            if turned is None and slot in self.turned and not step.hidden:
                turned = step
        return Origin(origin.slot, origin.entries, origin.step, turned, words.get(slot, ""))


def origin_of(record: History) -> Origin | None:
    """Where the NaN or infinity of a record's outputs begins; None where they are finite."""
    walk = Walk(record)
    found = walk.first()
    return None if found is None else walk.onward(found)


def path_to(record: History, slot: int) -> list[int]:
    """The slots from an input to this one, by the fewest steps; from a constant where no input leads there.

    A path from an argument is preferred to one from a parameter, and one over numbers to one over a choice (the
    condition of a `where`).
    """
    numbers: Callable[[int], bool] = lambda k: record.arrays.numbers(record.values[k]) is not None
    wanted = [(ends, over) for ends in (record.arguments, set(record.inputs)) for over in (numbers, lambda k: True)]
    ways = [reached(record, slot, ends, over) for ends, over in wanted]
    before, end = next((way for way in ways if way[1] is not None), ways[-1])
    if end is None:
        end = next((k for k in before if record.made_by[k] is None), slot)
    found: list[int] = []
    at: int | None = end
    while at is not None:
        found.append(at)
        at = before[at]
    return [k for k in found if k == slot or (step := record.made_by[k]) is None or not step.hidden]


def reached(
    record: History, slot: int, ends: set[int], over: Callable[[int], bool]
) -> tuple[dict[int, int | None], int | None]:
    """The slots that one comes from, each with the next on the way to it, and the nearest end among them."""
    before: dict[int, int | None] = {slot: None}
    waiting = deque([slot])
    while waiting:
        k = waiting.popleft()
        if k in ends:
            return before, k
        step = record.made_by[k]
        for x in step.operands if step is not None else ():
            if x not in before and over(x):
                before[x] = k
                waiting.append(x)
    return before, None


__all__ = ["Origin", "origin_of", "path_to"]
