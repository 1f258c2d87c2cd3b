"""Which entries of a step's operands spoil its results: asked of the step itself, run again on mended operands.

An operand's NaN is to blame for a result's NaN if the result is finite without it. So no rule about an operation is
needed: of `where(ok, log(x), 0)` the branch that is not taken spoils nothing, whatever stands in it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ...types import Array, Shape, Value
from .history import History, Step

RUNS = 48  # of one step, to find the entries of an operand that are to blame


@dataclass(frozen=True)
class Blame:
    """Of one step: where it makes what is not finite itself (for each result), and which entries spoil the rest."""

    arises: list[Array]
    operands: dict[int, Array] = field(default_factory=dict)  # by the operand's slot


def fills(shape: Shape, which: int) -> Array:
    """Finite numbers to stand in: near 1/2, near 3/2, or a unit matrix; an operation is defined at some of them."""
    rng = np.random.default_rng(which)
    if which == 2 and len(shape) > 1:
        return np.broadcast_to(np.eye(shape[-2], shape[-1]), shape)
    return which % 2 + rng.uniform(0.4, 0.6, shape)


class Trial:
    """One step, and what becomes of its results when entries of its operands are mended."""

    def __init__(self, record: History, step: Step, wanted: list[Array | None]) -> None:
        self.record: History = record
        self.step: Step = step
        self.values: list[Value] = [record.values[k] for k in step.operands]
        numbers = [record.arrays.numbers(x) for x in self.values]
        self.numbers: list[Array] = [np.zeros(()) if x is None else x for x in numbers]
        self.bad: list[Array] = [~np.isfinite(x) for x in self.numbers]
        self.spoilt: list[int] = [k for k, b in enumerate(self.bad) if b.any()]
        made: list[Value] = [record.arrays.numbers(record.values[k]) for k in step.results]
        shapes = [np.shape(x) for x in made]
        self.wanted: list[Array] = [np.zeros(s, bool) if w is None else w for s, w in zip(shapes, wanted)]
        self.fill: int = 0

    def results(self, kept: dict[int, Array], fill: int) -> list[Array] | None:
        """Which kinds the results are of if only these entries of operands stay as they are; None: it cannot run."""
        values = list(self.values)
        for k in self.spoilt:
            mended = self.bad[k] & ~kept[k] if k in kept else self.bad[k]
            numbers = np.where(mended, fills(mended.shape, fill), self.numbers[k])
            values[k] = self.record.arrays.like(self.values[k], numbers)
        try:
            found = self.step.run(values)
        except Exception:  # a factorisation of what has none, and the like: no answer
            return None
        return [self.kinds(y, w) for y, w in zip(found, self.wanted)]

    def kinds(self, x: Value, wanted: Array) -> Array:
        """0 where an entry is finite or nobody asks, else 1, 2, 3 for NaN, inf, -inf."""
        numbers = self.record.arrays.numbers(x)
        if numbers is None or numbers.shape != wanted.shape:
            return np.zeros(wanted.shape, np.int8)
        kind = np.where(np.isnan(numbers), 1, np.where(np.real(numbers) > 0, 2, 3))
        return np.where(wanted & ~np.isfinite(numbers), kind, 0)

    def own(self) -> list[Array]:
        """Where the step's results are what they are whatever stands in the spoilt entries: it makes that itself."""
        if not self.spoilt:
            return self.wanted
        now = [self.kinds(self.record.values[k], w) for k, w in zip(self.step.results, self.wanted)]
        left, least = self.wanted, -1
        for fill in range(3):
            found = self.results({}, fill)
            if found is None:
                continue
            left = [a & (b == c) for a, b, c in zip(left, found, now)]
            if least < 0 or count(found) < least:
                self.fill, least = fill, count(found)
            if not least:
                break
        return left if least >= 0 else [np.zeros_like(w) for w in self.wanted]

    def blame(self) -> Blame:
        arises = self.own()
        inherited = [w & ~a for w, a in zip(self.wanted, arises)]
        if not count(inherited):
            return Blame(arises)
        base = self.results({}, self.fill)  # what a stand-in does not mend says nothing about entries
        self.wanted = inherited if base is None else [w & (b == 0) for w, b in zip(inherited, base)]
        found = {}
        for k in self.spoilt:
            found[k], explained = self.of_elements(k) if self.step.elementwise else self.of_entries(k)
            inherited = [w & ~e for w, e in zip(inherited, explained)]
        if count(inherited):  # several entries spoil it only together
            for k in self.spoilt:
                found[k] = found[k] | (self.lined_up(inherited, k) if self.step.elementwise else self.bad[k])
        merged: dict[int, Array] = {}
        for k, mask in found.items():
            if mask.any():
                slot = self.step.operands[k]
                merged[slot] = merged[slot] | mask if slot in merged else mask
        return Blame(arises, merged)

    def spoilt_by(self, k: int, mask: Array) -> list[Array]:
        """Where results are not finite if of all spoilt entries only these stay; everywhere if it cannot run."""
        found = self.results({k: mask}, self.fill)
        return self.wanted if found is None else [f > 0 for f in found]

    def of_elements(self, k: int) -> tuple[Array, list[Array]]:
        """The entries of an operand that spoil the elements which they line up with, and those."""
        explained = self.spoilt_by(k, self.bad[k])
        return self.lined_up(explained, k), explained

    def lined_up(self, results: list[Array], k: int) -> Array:
        """The spoilt entries of an operand that are broadcast to these elements of the results."""
        bad, found = self.bad[k], np.zeros(self.bad[k].shape, bool)
        for mask in results:
            extra = mask.ndim - bad.ndim
            if extra < 0 or any(a not in (1, b) for a, b in zip(bad.shape, mask.shape[extra:])):
                return bad
            own = np.asarray(mask.any(axis=tuple(range(extra))))
            once = tuple(i for i, n in enumerate(bad.shape) if n == 1 and own.shape[i] != 1)
            found |= own.any(axis=once, keepdims=True)
        return found & bad

    def of_entries(self, k: int) -> tuple[Array, list[Array]]:
        """The entries of an operand that spoil results each by itself, found by halving groups of them."""
        nan, shape = np.isnan(self.numbers[k]), self.bad[k].shape
        found, explained, runs = np.zeros(self.bad[k].size, bool), [np.zeros_like(w) for w in self.wanted], 0

        def spoils(group: Array) -> bool:
            nonlocal explained, runs
            kept, runs = np.zeros(found.size, bool), runs + 1
            kept[group] = True
            spoilt = self.spoilt_by(k, kept.reshape(shape))
            if not count(spoilt):
                return False
            explained = [e | s for e, s in zip(explained, spoilt)]
            halves = (group[: group.size // 2], group[group.size // 2 :])
            if group.size in (1, found.size) or runs >= RUNS or not sum([spoils(half) for half in halves]):
                found[group] = True  # one entry, all of them, too many to ask, or only together
            return True

        for kind in (self.bad[k] & nan, self.bad[k] & ~nan):
            if kind.any():
                spoils(np.flatnonzero(kind))
        return found.reshape(shape), explained


def count(masks: list[Array]) -> int:
    return sum(int(np.count_nonzero(m)) for m in masks)


def blame_of(record: History, step: Step, wanted: list[Array | None]) -> Blame:
    """Where a step makes what is not finite in the wanted entries of its results, and which operands hand it on."""
    if step.places is not None and wanted[0] is not None:
        masks = zip(step.operands, step.places(wanted[0]))
        return Blame([np.zeros_like(wanted[0])], {k: mask for k, mask in masks if mask.any()})
    return Trial(record, step, wanted).blame()


__all__ = ["Blame", "blame_of"]
