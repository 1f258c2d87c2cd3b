"""What can be said against a certificate, from values of the function in mpmath alone; else the case is unjudged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from mpmath import mp, mpf

from .expressions import Case
from .kinds import HEAVY, KINKY, SATURATING, STEPS
from .looking import ARITHMETIC, FIRST, Look, Referee, Seen, label
from .reals import UnjudgedError, number

WILD = 1e30  # a value too large to say that it is one
FLAT = 8  # operands from which something like 1 - exp(-x**3) is 1 to all digits


@dataclass
class Finding:
    """What the referee holds against a claim; `what` is one word, `detail` says where."""

    what: str
    detail: str


class Judge(Referee):
    """A referee that speaks."""

    def evidence_against_smoothness(self) -> Finding | None:
        """A finding where the function is surely not differentiable around the point."""
        a, b = self.deep
        one, two, sure = self.look(a), self.look(b), self.look(b, 100)
        if one.missing or two.missing:
            if one.missing and two.missing and sure.missing:
                return Finding("undefined", f"no value {two.missing}")
            return None
        if self.settled_gap(a, b) is False and self.confirmed():
            return Finding("kink", self.story(two))
        return None

    def saturated(self) -> bool:
        """Whether a step may stand behind something like 1 - 10**-5000, which no digits here tell from 1."""
        return bool(self.case.rows & STEPS) and self.flattened()

    def flattened(self) -> bool:
        """Whether a row that comes closer to a constant than any digits tell has a large operand."""
        for term in self.case.terms:
            if term.row in SATURATING:
                for x in (x for a in term.args for x in np.asarray(a.value, dtype=object).flat):
                    if abs(number(x)) > FLAT:
                        return True
        return False

    def confirmed(self, kink: bool = True) -> bool:
        """Whether a much closer look still sees the kink, which may lie beside the point by 10**-431."""
        if self.saturated():
            raise UnjudgedError("a step behind a saturated function")
        if self.case.rows & HEAVY or not kink:
            return True
        _, b = self.deep
        c = Look(2 * b.digits + 1500, b.step + 800, False)
        return bool(self.look(c).missing) or self.settled_gap(b, c) is False

    def story(self, seen: Seen) -> str:
        slopes = [
            f"{label(c)}: left {mp.nstr(l, 8)}, right {mp.nstr(r, 8)}"
            for c, (l, r) in zip(self.coordinates, seen.slopes)
        ]
        along = [f"along a direction {mp.nstr(a, 8)}, by the slopes {mp.nstr(b, 8)}" for a, b in seen.along]
        return "; ".join(slopes + along)

    def outside(self, enclosure: Any) -> Finding | None:
        """A finding where a derivative lies outside the enclosure."""
        for k, c in enumerate(self.coordinates):
            low, high = bounds(enclosure, c)
            seen = self.look(FIRST)
            if not seen.missing and within(seen.central(k), low, high, self.doubt(seen, k)):
                continue
            found = []
            for look in self.deep:
                fine, sure = self.look(look), self.look(look, 100)
                if fine.missing or sure.missing:
                    return None
                d, e = fine.central(k), sure.central(k)
                if abs(d - e) > mpf(10) ** -25 * abs(e) + mpf(10) ** -700:
                    raise UnjudgedError("the derivative does not settle")
                found.append((d, within(d, low, high, self.doubt(fine, k))))
            (d1, ok1), (d2, ok2) = found
            if not ok1 and not ok2:
                apart = abs(d1 - d2)
                if apart < mpf(10) ** -15 and within(d2, low, high, 2 * apart):
                    continue
                if apart > mpf(10) ** -20 * abs(d2):
                    raise UnjudgedError("the derivative does not settle")
                if self.saturated():
                    raise UnjudgedError("a step behind a saturated function")
                return Finding("enclosure", f"d/d{label(c)} is {mp.nstr(d2, 25)}, claimed in [{low!r}, {high!r}]")
        return None

    def doubt(self, seen: Seen, k: int) -> Any:
        """How wrong a central difference may be: its noise, and the truncation that the gap suggests."""
        left, right = seen.slopes[k]
        return 100 * seen.noises[k] + mpf(10) ** -9 * abs(right - left) + mpf(10) ** -24 * abs(left + right)


def within(d: Any, low: float, high: float, doubt: Any) -> bool:
    return bool(mpf(low) - doubt <= d <= mpf(high) + doubt)


def bounds(enclosure: Any, coordinate: tuple[str, Any]) -> tuple[float, float]:
    """The claimed bounds of one coordinate."""
    name, index = coordinate
    pair = enclosure[name]
    if index == ():
        return float(pair[0]), float(pair[1])
    pair = np.asarray(pair)[index]
    return float(pair[0]), float(pair[1])


def against_certified(case: Case, claim: Any) -> Finding | None:
    """What is wrong with a certificate, if anything is."""
    referee = Judge(case)
    seen = referee.look(FIRST)
    fine = not seen.missing and not referee.kinks(FIRST)
    if not fine:
        found = referee.evidence_against_smoothness()
        if found is not None:
            return found
        if referee.smooth() is None:
            raise UnjudgedError("neither smooth nor kinked beyond doubt")
    outside = referee.outside(claim.enclosure)
    if outside is not None:
        return outside
    return nearby(case, referee)


def nearby(case: Case, referee: Judge) -> Finding | None:
    """Kinks that touch the point from the side: x**2 |y| at the origin has a derivative there and none beside it."""
    zeros = [c for c in referee.coordinates if float(np.asarray(case.at[c[0]])[c[1]]) in (0.0, 1.0, -1.0)]
    if len(referee.coordinates) < 2 or not zeros or not case.rows & KINKY or len(referee.coordinates) > 6:
        return None
    moving = case.coordinates()
    single = [[c] for c in referee.rng.sample(moving, min(2, len(moving)))]
    half = [referee.rng.sample(moving, len(moving) // 2)] if len(moving) > 3 else []
    for chosen in single + half:
        moved = [(c, referee.rng.choice((-1, 1))) for c in chosen]
        if beside(case, moved, (40,)) is None:
            continue
        found = beside(case, moved, [look.step for look in referee.deep])
        if found is not None and referee.confirmed(kink=False):
            return found
    return None


def beside(case: Case, moved: list[tuple[tuple[str, Any], int]], radii: Sequence[int]) -> Finding | None:
    """A finding where the function has kinks at points at those distances in that direction."""
    found = []
    for radius in radii:
        there = Judge(_Shifted(case, moved, radius))
        look = Look(4 * radius + 60, 2 * radius + 10, False)
        if there.look(look).missing or not there.kinks(look):
            return None
        closer = Look(look.digits + 200, look.step + 80)
        if there.settled_gap(look, closer) is not False:
            return None
        found.append(there.story(there.look(closer)))
    return Finding("kink nearby", found[-1])


class _Shifted(Case):
    """The case with some of its coordinates moved a little, so that kinks along the axes come to light."""

    def __init__(self, case: Case, moved: list[tuple[tuple[str, Any], int]], radius: int) -> None:
        super().__init__(case.seed, case.index, case.kind, case.mode, case.result, case.at, case.wrt)
        self.moved, self.radius, self.original = moved, radius, case

    def point(self) -> dict[str, Any]:
        point = super().point()
        for (name, index), sign in self.moved:
            h = sign * mpf(10) ** -self.radius
            if index == ():
                point[name] = point[name] + h
            else:
                point[name] = point[name].copy()
                point[name][index] = point[name][index] + h
        return point

    def base(self) -> list[Any]:
        return self.original.base()


def against_not_differentiable(case: Case) -> Finding | None:
    """A finding where a function said to have no derivative has one, and smooth surroundings."""
    referee = Judge(case)
    if not referee.all:
        return None
    if referee.saturated():
        raise UnjudgedError("a step behind a saturated function")
    a, b = referee.deep
    if referee.look(FIRST).missing or referee.look(a).missing or referee.look(b).missing:
        return None
    c = Look(2 * b.digits, 2 * b.step + 100, False)
    if referee.settled_gap(a, b) and not referee.kinks(b) and referee.vanishes(b, c) and nearby(case, referee) is None:
        return Finding("smooth", referee.story(referee.look(b)))
    return None


def against_undefined(case: Case) -> Finding | None:
    """A finding where a function said to be undefined has a value, and values around."""
    referee = Judge(case)
    if referee.flattened():
        raise UnjudgedError("an edge behind a saturated function")
    a, b = referee.deep
    looks = [referee.look(FIRST), referee.look(a), referee.look(b), referee.look(b, 100)]
    if any(seen.missing for seen in looks):
        return None
    values = [seen.value for seen in looks]
    scale = max(abs(v) for v in values)
    if max(abs(v - values[-1]) for v in values) > mpf(10) ** -10 * scale + mpf(10) ** -20:
        raise UnjudgedError("the value does not settle")
    if scale > WILD:
        raise UnjudgedError("the value is very large")
    return Finding("defined", f"the value is {mp.nstr(values[-1], 17)}, and there are values around")


def against_one_sided(case: Case, one_sided: Any) -> Finding | None:
    """A finding where an enclosure of a one-sided derivative does not hold it."""
    referee = Judge(case)
    a, b = referee.deep
    for name, sides in (one_sided or {}).items():
        coordinates = [k for k, c in enumerate(referee.coordinates) if c == (name, ())]
        if sides is None or not coordinates or isinstance(sides, np.ndarray):
            continue
        k = coordinates[0]
        one, two, sure = referee.look(a), referee.look(b), referee.look(b, 100)
        for side, claimed in enumerate(sides):
            if claimed is None or one.missing or two.missing or sure.missing:
                continue
            d, e, f = one.slopes[k][side], two.slopes[k][side], sure.slopes[k][side]
            if (
                abs(d - e) > mpf(10) ** -15 * abs(e) + mpf(10) ** -30
                or abs(e - f) > mpf(10) ** -25 * abs(f) + mpf(10) ** -100
            ):
                continue
            low, high = float(claimed[0]), float(claimed[1])
            doubt = mpf(10) ** -30 * (1 + abs(e))
            if not within(e, low, high, doubt):
                word = "right" if side else "left"
                return Finding("one-sided", f"{word} of {name} it is {mp.nstr(e, 20)}, claimed [{low!r}, {high!r}]")
    return None


def ordinary(case: Case) -> bool:
    """Whether the point is smooth and everything there of ordinary size: what should be certified."""
    referee = Judge(case)
    try:
        seen = referee.look(FIRST)
        if seen.missing or referee.kinks(FIRST):
            return False
        sizes = [abs(seen.value)] + [abs(seen.central(k)) for k in range(len(seen.slopes))]
        return all(size < 1e12 for size in sizes) and nearby(case, referee) is None
    except UnjudgedError:
        return False


__all__ = ["ARITHMETIC", "Finding", "Judge", "against_certified", "against_one_sided", "against_undefined"]
