"""Somebody's own gradient before the judges."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from ..differentiate.steps import TWO_SLOPES
from ..errors import DifflabError, DisagreementError, UnsupportedError
from ..types import Array, Function, Value
from .arguments import Arguments, gradient_leaves
from .judges import CERTIFICATE, DIFFERENCES, TAYLOR, PointError, Subject, Truth, remainder
from .report import Row

SMALL = 64  # entries up to which each is judged by itself; above, directions are, and entries where they fail
DIRECTIONS, NAMED = 3, 4
RELATIVE = {8: 1e-9, 4: 1e-4, 2: 1e-2}  # accepted by default, by the item size of the point's dtype
SCATTER_POINTS, SCATTER_FACTOR, SCATTER_LIMIT = 4, 4.0, 0.5
SLOPES = 1e-4  # how well one-sided derivatives are known, as a part of their jump
WHAT = "gradient="


@dataclass
class Judgement:
    """What the judges found: the wrong entries, and who judged how."""

    wrong: list[Row] = field(default_factory=list)
    judges: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    largest_error: float = 0.0

    def by(self, judge: str, count: int = 1) -> None:
        self.judges[judge] = self.judges.get(judge, 0) + count

    def note(self, text: str) -> None:
        if text and text not in self.notes:
            self.notes.append(text)

    @property
    def told(self) -> str:
        """The judges in words."""
        shares = [f"{judge} ({n})" if len(self.judges) > 1 else judge for judge, n in self.judges.items()]
        return " and ".join(shares) or "nobody"


class Own:
    """A gradient to be judged, at its point: its entries, what is accepted of them, and how they scatter."""

    subject: Subject
    point: Arguments
    gradient: Function
    rtol: float | None
    ulps: float | None
    seed: int
    value: Array
    narrow: list[str]
    relative: Array

    def __init__(self, subject: Subject, gradient: Function, rtol: float | None, ulps: float | None, seed: int) -> None:
        self.subject, self.point, self.gradient = subject, subject.point, gradient
        self.rtol, self.ulps, self.seed = rtol, ulps, seed
        leaves = gradient_leaves(self.point, self.at(self.point.given), WHAT)
        self.value = self.point.vector(leaves)
        again = self.point.vector(gradient_leaves(self.point, self.at(self.point.given), WHAT))
        if not np.array_equal(self.value, again, equal_nan=True):
            k = int(np.argmax(self.value != again))
            raise DisagreementError(
                f"{WHAT} gives two values at the same point: {self.value[k]:.17g} and {again[k]:.17g} for "
                f"{self.point.label(k)}; fix its random numbers or its state"
            )
        self.narrow = [
            f"{WHAT} is {g.dtype} for {name}, which is {x.dtype}: it is judged as {x.dtype}; give {name} as {g.dtype}, "
            f"or rtol={RELATIVE.get(g.dtype.itemsize, 1e-2):g}"
            for g, x, name in zip(leaves, self.point.values, self.point.names)
            if g.dtype.itemsize < x.dtype.itemsize
        ]
        self.by_remainder = True  # whether the Taylor test may judge, which has no entries
        self._scatter: Value = None
        sizes = zip(self.point.sizes, self.point.values)
        accepted = [np.full(n, RELATIVE.get(x.dtype.itemsize, RELATIVE[8]) if rtol is None else rtol) for n, x in sizes]
        self.relative = np.concatenate(accepted)

    def at(self, given: tuple[Value, ...]) -> Value:
        """The caller's gradient there; it gets copies, and may write into them."""
        from ..graph.pytree import map_leaves
        from .arguments import copied

        with np.errstate(all="ignore"):
            return self.gradient(*map_leaves(copied, given))

    def off(self, k: int, truth: float, error: float) -> bool:
        """Whether entry k is off by more than the judge's error and what is accepted."""
        found = float(self.value[k])
        if found == truth:
            return False
        distance = abs(found - truth)
        allowed = error + self.relative[k] * abs(truth)
        if self.ulps is not None:
            allowed = min(allowed, error + self.ulps * float(np.spacing(self.point.dtype(k).type(abs(truth)))))
        if distance <= allowed:
            return False
        strict = self.rtol is not None or self.ulps is not None
        return strict or not distance <= allowed + self.scatter[k]

    @property
    def scatter(self) -> Value:
        """How far each entry moves when the point moves by single ulps: rounding that its formula cannot help.

        It is asked only where an entry is off, and never excuses more than half of the entry's digits.
        """
        if self._scatter is None:
            rng = np.random.default_rng(self.seed)
            base = self.point.vector(self.point.values)
            moves = np.zeros(self.point.size)
            for _ in range(SCATTER_POINTS):
                ulp = self.point.vector([np.spacing(np.abs(x)) for x in self.point.values])
                try:
                    near = gradient_leaves(
                        self.point, self.at(self.point.moved(ulp * rng.choice([-1.0, 1.0], base.size))), WHAT
                    )
                except (DifflabError, ArithmeticError, ValueError):
                    continue
                with np.errstate(invalid="ignore"):  # inf - inf is no movement
                    moves = np.fmax(moves, np.abs(self.point.vector(near) - self.value))
            limits = [
                np.full(n, RELATIVE.get(x.dtype.itemsize, 1e-9) ** SCATTER_LIMIT * self.size_near(x, v))
                for n, x, v in zip(self.point.sizes, self.point.values, self.point.split(self.value))
            ]
            self._scatter = np.fmin(SCATTER_FACTOR * moves, np.concatenate(limits))
        return self._scatter

    def size_near(self, x: Value, found: Value) -> float:
        found = np.abs(np.asarray(found))
        largest = float(np.max(found[np.isfinite(found)], initial=0.0))
        natural = abs(self.subject.value) / max(1.0, float(np.max(np.abs(x))))
        return max(largest, natural if math.isfinite(natural) else 0.0)

    def row(self, k: int, truth: float, error: float, judge: str, sides: Value = None) -> Row:
        found = float(self.value[k])
        return Row(WHAT, self.point.label(k), found, truth, error, judge, sides, k, self.point.dtype(k))


def judge_own(own: Own, allow_kinks: bool = False, only: int | None = None) -> Judgement:
    """Each entry, or where there are many some directions, before the best judge that can be had.

    Raises InputError at a kink (unless `allow_kinks`) and where the function is undefined, UnsupportedError where
    nobody could judge.
    """
    found = Judgement(notes=list(own.narrow))
    if only is not None:
        judge_entry(own, only, found, allow_kinks)
    elif own.point.size <= SMALL:
        judge_entries(own, own.subject.truth(), range(own.point.size), found, allow_kinks)
    else:
        judge_directions(own, found, allow_kinks)
    if not found.wrong and not found.judges:
        raise UnsupportedError(f"nobody could judge the gradient of {own.subject.name}: {'; '.join(found.notes)}")
    return found


def judge_entry(own: Own, k: int, found: Judgement, allow_kinks: bool) -> None:
    """One entry, along its own coordinate."""
    judge_entries(own, placed(own, k, own.subject.along(unit(own, k))), [k], found, allow_kinks)


def unit(own: Own, k: int) -> Value:
    direction = np.zeros(own.point.size)
    direction[k] = 1.0
    return direction


def placed(own: Own, k: int, t: Truth) -> Truth:
    """What is known of one coordinate, in its place among all."""
    n = own.point.size
    value, error = np.full(n, np.nan), np.zeros(n)
    value[k], error[k] = t.value[0], t.error[0]
    reason, sides = [""] * n, [None] * n
    reason[k], sides[k] = t.reason[0], t.one_sided[0]
    return Truth(t.judge, value, error, reason, sides, t.note)


def judge_entries(own: Own, truth: Truth, entries: Value, found: Judgement, allow_kinks: bool) -> None:
    found.note(truth.note)
    unjudged: list[int] = []
    for k in entries:
        value, error = float(truth.value[k]), float(truth.error[k])
        if not math.isnan(value) and own.off(k, value, error):
            found.wrong.append(own.row(k, value, error, truth.judge, truth.one_sided[k]))
        elif not truth.reason[k]:
            found.by(truth.judge)
            found.largest_error = max(found.largest_error, error)
        elif truth.kink(k):
            at_kink(own, k, truth, found, allow_kinks)
        elif truth.reason[k].startswith("undefined"):
            raise PointError(
                f"{own.subject.name} has no derivative by {own.point.label(k)} here that a gradient could agree with: "
                f"{truth.reason[k]}; move the point"
            )
        else:
            unjudged.append(k)
    if unjudged and not found.wrong:
        k = unjudged[0]
        judge_remainder(own, found, f"{own.point.label(k)}: {truth.reason[k]}")


def at_kink(own: Own, k: int, truth: Truth, found: Judgement, allow_kinks: bool) -> None:
    """At a kink what lies between the one-sided derivatives is accepted, if the caller asked for that."""
    sides = truth.one_sided[k]
    told = f": left derivative {sides[0]:.6g}, right derivative {sides[1]:.6g}" if sides else ""
    if not allow_kinks:
        raise PointError(
            f"the point sits on a kink, where there is no derivative to agree on: {own.point.label(k)}{told} "
            f"({truth.reason[k]}); move the point, or allow_kinks=True"
        )
    if sides is None:
        found.note(f"{own.point.label(k)} was not judged: {truth.reason[k]}")
        return
    nearest = min(max(float(own.value[k]), min(sides)), max(sides))
    error = SLOPES * abs(sides[1] - sides[0])
    if own.off(k, nearest, error):
        found.wrong.append(own.row(k, nearest, error, "the one-sided derivatives", sides))
    found.by("the one-sided derivatives")


def judge_remainder(own: Own, found: Judgement, why: str) -> None:
    """The Taylor test, where no judge has numbers."""
    if not own.by_remainder:
        raise UnsupportedError(f"neither a certificate nor differences: {why}")
    result = remainder(own.subject, own.gradient, own.seed)
    found.note(f"neither a certificate nor differences: {why}")
    if not result.passed and (TWO_SLOPES in why or not math.isfinite(result.order)):
        raise UnsupportedError(
            f"nobody could judge the gradient of {own.subject.name}: {why}; nor the Taylor test: {result}"
        )
    if not result.passed:
        found.wrong.append(Row(WHAT, "order of the remainder", float(result.order), 2.0, 0.0, TAYLOR))
    found.by(TAYLOR)


def judge_directions(own: Own, found: Judgement, allow_kinks: bool) -> None:
    """Random directions, each against its judge; where one fails, halves of it lead to the entries.

    Before that, the entries that are no numbers, or that differ from a recorded function's own reverse mode, are taken
    to the judge. That mode judges nothing: it says where to look.
    """
    for k in suspects(own)[:NAMED]:
        judge_entry(own, k, found, allow_kinks)
    rng = np.random.default_rng(own.seed)
    for _ in range(DIRECTIONS):
        if found.wrong:
            return
        # short numbers, so that point + t direction rounds little
        direction = rng.choice([-1.0, 1.0], own.point.size) * rng.integers(64, 192, own.point.size) / 128
        descend(own, direction, found, allow_kinks)


def descend(own: Own, direction: Array, found: Judgement, allow_kinks: bool) -> None:
    """Judges along a direction; where it is off or at a kink, along its halves, and at last by single entries."""
    root, waiting = own.subject.along(direction), [np.flatnonzero(direction)]
    known = len(found.wrong)
    while waiting and len(found.wrong) < NAMED:
        entries = waiting.pop()
        if len(entries) == 1:
            judge_entry(own, int(entries[0]), found, allow_kinks)
            continue
        part = np.zeros_like(direction)
        part[entries] = direction[entries]
        truth = root if len(entries) == direction.size else own.subject.along(part)
        found.note(truth.note)
        if slope_off(own, part, truth) or truth.kink(0):
            waiting += np.array_split(entries, 2)
        elif truth.reason[0].startswith("undefined"):
            raise PointError(f"{own.subject.name} has no derivative here: {truth.reason[0]}; move the point")
        elif truth.reason[0]:
            judge_remainder(own, found, f"along a random direction: {truth.reason[0]}")
            return
        else:
            found.by(truth.judge)
            found.largest_error = max(found.largest_error, float(truth.error[0]))
    if len(found.wrong) == known and slope_off(own, direction, root):  # each half is within its own error
        value, _ = slope(own, direction)
        found.wrong.append(
            Row(WHAT, "along a direction", value, float(root.value[0]), float(root.error[0]), root.judge)
        )
    elif len(found.wrong) == known and root.kink(0) and not allow_kinks:
        raise PointError(f"the point sits on a kink: {root.reason[0]}; move the point, or allow_kinks=True")


def suspects(own: Own) -> list[int]:
    """The entries that are no numbers or, of a recorded function, differ from its reverse mode, the worst first."""
    wild = [int(k) for k in np.flatnonzero(~np.isfinite(own.value))]
    if wild or own.subject.problem is None:
        return wild
    from ..differentiate.methods import differentiate

    try:
        ours = differentiate(own.subject.problem, None, method="reverse")
    except DifflabError:
        return []
    guess = own.point.vector([ours.by_name[n] for n in own.subject.problem.names])
    distance = np.abs(own.value - guess)
    differ = np.flatnonzero(~(distance <= own.relative * np.abs(guess))) if own.ulps is None else range(guess.size)
    off = [int(k) for k in differ if own.off(int(k), float(guess[k]), 0.0)]
    return sorted(off, key=lambda k: -np.nan_to_num(distance[k], nan=np.inf))


def slope(own: Own, direction: Array) -> tuple[float, float]:
    """The derivative along the direction by somebody's gradient, and what rounding and tolerance allow it."""
    terms = own.value * direction
    return math.fsum(terms), float(np.sqrt(np.sum((own.relative * terms) ** 2)))


def slope_off(own: Own, direction: Array, truth: Truth) -> bool:
    found, allowed = slope(own, direction)
    if math.isnan(truth.value[0]):
        return False
    distance = abs(found - float(truth.value[0]))
    if distance <= allowed + float(truth.error[0]):
        return False
    return not distance <= allowed + float(truth.error[0]) + float(np.sqrt(np.sum((own.scatter * direction) ** 2)))


__all__ = ["CERTIFICATE", "DIFFERENCES", "Judgement", "Own", "judge_own"]
