"""Which entries of a step's operands spoil its results: asked of the step itself, run again on mended operands.

An operand's NaN is to blame for a result's NaN if the result is finite without it. So no rule about an operation is
needed: of `where(ok, log(x), 0)` the branch that is not taken spoils nothing, whatever stands in it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ...types import Array, Shape, Value
from .record import Record, Step

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

    def __init__(self, record: Record, step: Step, wanted: list[Array | None]) -> None:
        self.record, self.step = record, step
        self.values: list[Value] = [record.values[k] for k in step.operands]
        numbers = [record.arrays.numbers(x) for x in self.values]
        self.numbers: list[Array] = [np.zeros(()) if x is None else x for x in numbers]
        self.bad: list[Array] = [~np.isfinite(x) for x in self.numbers]
        self.spoilt: list[int] = [k for k, b in enumerate(self.bad) if b.any()]
        shapes = [np.shape(record.arrays.numbers(record.values[k])) for k in step.results]
        self.wanted: list[Array] = [np.zeros(s, bool) if w is None else w for s, w in zip(shapes, wanted)]
        self.fill = 0

    def results(self, kept: dict[int, Array], fill: int) -> list[Array] | None:
        """Where the results are not finite if only these entries of operands stay as they are; None: it cannot run."""
        values = list(self.values)
        for k in self.spoilt:
            mended = self.bad[k] & ~kept[k] if k in kept else self.bad[k]
            numbers = np.where(mended, fills(mended.shape, fill), self.numbers[k])
            values[k] = self.record.arrays.like(self.values[k], numbers)
        try:
            found = self.step.run(values)
        except Exception:  # a factorisation of what has none, and the like: no answer
            return None
        bad = [self.record.bad(y) for y in found]
        return [w & b if b is not None and b.shape == w.shape else np.zeros_like(w) for w, b in zip(self.wanted, bad)]

    def own(self) -> list[Array]:
        """Where the step's results are not finite whatever stands in the spoilt entries: it makes that itself."""
        if not self.spoilt:
            return self.wanted
        left, least = self.wanted, None
        for fill in range(3):
            found = self.results({}, fill)
            if found is None:
                continue
            left = [a & b for a, b in zip(left, found)]
            if least is None or count(found) < least:
                self.fill, least = fill, count(found)
            if not least:
                break
        return left if least is not None else [np.zeros_like(w) for w in self.wanted]

    def blame(self) -> Blame:
        arises = self.own()
        base = self.results({}, self.fill) if self.spoilt else None
        if base is not None:  # what one stand-in does not mend says nothing about entries
            self.wanted = [w & ~b for w, b in zip(self.wanted, base)]
        else:
            self.wanted = [w & ~a for w, a in zip(self.wanted, arises)]
        if not count(self.wanted):
            return Blame(arises)
        found, open_ = {}, [w.copy() for w in self.wanted]
        for k in self.spoilt:
            mask, explained = self.of_elements(k) if self.step.elementwise else self.of_entries(k)
            found[k] = mask
            open_ = [w & ~e for w, e in zip(open_, explained)]
        if count(open_):  # several entries spoil it only together
            for k in self.spoilt:
                found[k] |= self.lined_up(open_, k) if self.step.elementwise else self.bad[k]
        merged: dict[int, Array] = {}
        for k, mask in found.items():
            if mask.any():
                slot = self.step.operands[k]
                merged[slot] = merged[slot] | mask if slot in merged else mask
        return Blame(arises, merged)

    def of_elements(self, k: int) -> tuple[Array, list[Array]]:
        """The entries of an operand that spoil the elements which they line up with, and those."""
        explained = self.results({k: self.bad[k]}, self.fill) or self.wanted
        return self.lined_up(explained, k), explained

    def lined_up(self, results: list[Array], k: int) -> Array:
        """The spoilt entries of an operand that are broadcast to these elements of the results."""
        bad, found = self.bad[k], np.zeros(self.bad[k].shape, bool)
        for mask in results:
            extra = mask.ndim - bad.ndim
            if extra < 0 or any(a not in (1, b) for a, b in zip(bad.shape, mask.shape[extra:])):
                return bad
            mask = mask.any(axis=tuple(range(extra)))
            once = tuple(i for i, n in enumerate(bad.shape) if n == 1 and mask.shape[i] != 1)
            found |= mask.any(axis=once, keepdims=True)
        return found & bad

    def of_entries(self, k: int) -> tuple[Array, list[Array]]:
        """The entries of an operand that spoil results each by itself, found by halving groups of them."""
        nan = np.isnan(self.numbers[k])
        groups = [np.flatnonzero(g) for g in (self.bad[k] & nan, self.bad[k] & ~nan)]
        waiting = [g for g in groups if g.size]
        found, explained, runs = np.zeros(self.bad[k].size, bool), [np.zeros_like(w) for w in self.wanted], 0
        while waiting:
            group = waiting.pop()
            kept = np.zeros(self.bad[k].size, bool)
            kept[group] = True
            spoilt = self.results({k: kept.reshape(self.bad[k].shape)}, self.fill)
            runs += 1
            if spoilt is not None and not count(spoilt):
                continue
            explained = [e | s for e, s in zip(explained, spoilt or self.wanted)]
            if group.size == 1 or runs >= RUNS:
                found[group] = True
            else:
                waiting += [group[group.size // 2 :], group[: group.size // 2]]
        return found.reshape(self.bad[k].shape), explained


def count(masks: list[Array]) -> int:
    return sum(int(m.sum()) for m in masks)


def blame_of(record: Record, step: Step, wanted: list[Array | None]) -> Blame:
    """Where a step makes what is not finite in the wanted entries of its results, and which operands hand it on."""
    if step.places is not None and wanted[0] is not None:
        masks = zip(step.operands, step.places(wanted[0]))
        return Blame([np.zeros_like(wanted[0])], {k: mask for k, mask in masks if mask.any()})
    return Trial(record, step, wanted).blame()


__all__ = ["Blame", "blame_of"]
