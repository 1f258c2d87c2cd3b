"""Looking at a function of real numbers around a point, more and more closely.

Slopes are difference quotients at steps of 10**-18 and less, with digits to match. What is seen counts only where
two finer looks say the same: at steps of 10**-60 and 10**-200, or far below the smallest number that occurs, and
again with 100 digits more.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from mpmath import mp, mpf
from mpmath.libmp import fnan

from .expressions import Case
from .kinds import HEAVY, INTEGRALS, OSCILLATING, SLUGGISH, STEPS
from .reals import UnjudgedError, magnitude, number


@dataclass(frozen=True)
class Look:
    """How closely to look: decimal digits, the step's exponent, whether steps are relative to small coordinates."""

    digits: int
    step: int
    relative: bool = True


FIRST = Look(50, 18)
DEEPEST = 2500  # the exponent of the smallest step there is patience for
BEARABLE = 700  # the same where special functions occur, which take long at many digits
STEEP = mpf(10) ** -9  # of a change at one step, by the size of the value
ARITHMETIC = 1000  # digits of sums and comparisons of what the looks found


@dataclass
class Seen:
    """The function around the point, at one look."""

    value: Any
    slopes: list[tuple[Any, Any]] = field(default_factory=list)  # left and right, for each coordinate
    noises: list[Any] = field(default_factory=list)
    steps: list[Any] = field(default_factory=list)
    along: list[tuple[Any, Any]] = field(default_factory=list)  # a direction's quotient and what the slopes make of it
    missing: str = ""  # where the function is not defined

    def central(self, k: int) -> Any:
        left, right = self.slopes[k]
        return (left + right) / 2


class Referee:
    """Looks at one case."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.coordinates = case.coordinates()
        self.rng = random.Random(f"referee {case.seed}:{case.index}")
        self.all = len(self.coordinates) <= 30
        if not self.all:
            special = [c for c in self.coordinates if float(np.asarray(case.at[c[0]])[c[1]]) in (0.0, 1.0, -1.0)]
            some = self.rng.sample(self.coordinates, 4) + self.rng.sample(special, min(3, len(special)))
            self.coordinates = list(dict.fromkeys(some))
        weight = lambda: mpf(self.rng.choice((-1, 1)) * self.rng.uniform(0.3, 1))
        self.weights = [[weight() for _ in self.coordinates] for _ in range(2)]  # the same directions at every look
        self.known: dict[Any, Seen] = {}
        self._deep: tuple[Look, Look] | None = None
        sizes = [abs(float(x)) for v in case.at.values() for x in np.ravel(v) if x]
        self.span = int(max([abs(math.log10(x)) for x in sizes] + [0])) if sizes else 0
        self.span = self.span if self.span > 3 else 0
        if self.span > 50 and case.rows & (INTEGRALS | SLUGGISH):
            raise UnjudgedError("an integral at very small or large numbers")

    def at(self, point: dict[str, Any], moves: list[tuple[tuple[str, Any], Any]]) -> Any:
        """The function with some coordinates moved."""
        moved = dict(point)
        for (name, index), h in moves:
            if index == ():
                moved[name] = moved[name] + h
            else:
                if moved[name] is point[name]:
                    moved[name] = point[name].copy()
                moved[name][index] = moved[name][index] + h
        y = number(self.case.value(moved))
        return y

    def step(self, look: Look, coordinate: tuple[str, Any]) -> Any:
        x = abs(float(np.asarray(self.case.at[coordinate[0]])[coordinate[1]]))
        scale = mpf(min(x, 1.0)) if x and look.relative else mpf(1)
        return scale * mpf(10) ** -look.step

    def look(self, look: Look, extra: int = 0) -> Seen:
        """Values at the point, beside it along each coordinate, and along two directions."""
        key = look, extra
        if key not in self.known:
            span = self.span if look.relative else 0
            with mp.workdps(look.digits + span + extra):
                self.known[key] = self._look(look)
        return self.known[key]

    def _look(self, look: Look) -> Seen:
        point = self.case.point()
        seen = Seen(self.at(point, []))
        if undefined(seen.value):
            seen.missing = "at the point"
            return seen
        for c in self.coordinates:
            h = self.step(look, c)
            right, left = self.at(point, [(c, h)]), self.at(point, [(c, -h)])
            for y, side in ((right, "above"), (left, "below")):
                if undefined(y):
                    seen.missing = seen.missing or f"just {side} {label(c)}"
            seen.steps.append(h)
            seen.slopes.append(((seen.value - left) / h, (right - seen.value) / h))
            seen.noises.append(mpf(10) ** (4 - mp.dps) * max(abs(seen.value), abs(right), abs(left)) / h)
        self.directions(look, point, seen)
        return seen

    def directions(self, look: Look, point: dict[str, Any], seen: Seen) -> None:
        """Joint moves: a partial derivative for each coordinate does not yet make a derivative."""
        if len(self.coordinates) < 2 or seen.missing:
            return
        for weights in self.weights:
            h = min(seen.steps)
            y = self.at(point, [(c, w * h) for c, w in zip(self.coordinates, weights)])
            if undefined(y):
                seen.missing = "in a direction " + ", ".join(f"{float(w):.3f}" for w in weights)
                return
            sides = [right if w > 0 else left for w, (left, right) in zip(weights, seen.slopes)]
            seen.along.append(((y - seen.value) / h, sum(w * s for w, s in zip(weights, sides))))

    # --- what a look says

    def kinks(self, look: Look) -> list[str]:
        """Where left and right differ, a direction differs from the partial derivatives, or a slope is as of a jump."""
        seen = self.look(look)
        found = []
        for k, (left, right) in enumerate(seen.slopes):
            if max(abs(left), abs(right)) * seen.steps[k] > STEEP * (1 + abs(seen.value)):
                found.append(f"a steep change by {label(self.coordinates[k])}")
        for k, (left, right) in enumerate(seen.slopes):
            gap = abs(right - left)
            if gap > mpf(10) ** -9 * (abs(left) + abs(right)) + 100 * seen.noises[k]:
                found.append(f"left and right by {label(self.coordinates[k])}")
        noise = sum(seen.noises, mpf(0))
        for k, (there, expected) in enumerate(seen.along):
            scale = sum((abs(s) for pair in seen.slopes for s in pair), mpf(0))
            if abs(there - expected) > mpf(10) ** -9 * scale + 100 * noise:
                found.append(f"direction {k}")
        return found

    def gaps(self, look: Look, extra: int = 0) -> list[Any]:
        """How far left and right are apart, and directions from what the slopes say."""
        seen = self.look(look, extra)
        return [abs(r - l) for l, r in seen.slopes] + [abs(a - b) for a, b in seen.along]

    def smooth(self) -> bool | None:
        """Whether the function looks differentiable at the point; None where it does not settle."""
        first = self.look(FIRST)
        if not first.missing and not self.kinks(FIRST):
            return True
        return self.settled_gap(*self.deep)

    @property
    def deep(self) -> tuple[Look, Look]:
        """Two looks with steps well below every number that occurs at the point."""
        if self._deep is None:
            small, large = self.sizes()
            shallow = (25, 50) if self.case.rows & SLUGGISH else (60, 200)
            if self.case.rows & (OSCILLATING | STEPS):  # a step of x must stay within one wave, or one stair
                small += large
            coarse, fine = shallow if small < 16 else (2 * small + 60, 3 * small + 100)
            limit = BEARABLE if self.case.rows & HEAVY else DEEPEST
            if fine > limit or large > 3 * limit:
                raise UnjudgedError("numbers too small or large to look closer")
            self._deep = Look(2 * coarse + 60 + large, coarse, False), Look(2 * fine + 60 + large, fine, False)
        return self._deep

    def sizes(self) -> tuple[int, int]:
        """The decimal exponents of the smallest and largest numbers that occur, other than rounding errors of zeros."""
        with mp.workdps(500):
            some = self.case.base()
        with mp.workdps(600):
            more = self.case.base()
        small = large = 0
        for x, y in zip(some, more):
            for a, b in zip(np.asarray(x, dtype=object).flat, np.asarray(y, dtype=object).flat):
                a, b = number(a), number(b)
                if b and not undefined(b) and abs(a - b) <= mpf(10) ** -20 * abs(b):
                    size = int(magnitude(b) * 0.30103)
                    small, large = max(small, -size), max(large, size)
        return small, large

    def settled_gap(self, a: Look, b: Look) -> bool | None:
        """False where gaps stay between two looks, True where all shrink."""
        one, two = self.look(a), self.look(b)
        if one.missing or two.missing:
            return False if one.missing == two.missing else None
        if self.grows(one, two):
            return False if self.grows(one, self.look(b, 100)) else None
        coarse, fine, sure = self.gaps(a), self.gaps(b), self.gaps(b, 100)
        known, noise = ([*seen.noises, *[sum(seen.noises, mpf(0))] * len(seen.along)] for seen in (one, two))
        answer: bool | None = True
        for g, f, s, m, n in zip(coarse, fine, sure, known, noise):
            g += 100 * m  # no gap is known better than that
            if f <= 100 * n or f <= mpf("1e-3") * g:
                continue
            if abs(f - s) > mpf("1e-3") * s:
                answer = None
            elif f > mpf("0.01") * g:
                return False
            else:
                answer = None
        return answer

    def grows(self, one: Seen, two: Seen) -> bool:
        """Whether a slope grows as the step shrinks: a jump, a root's edge."""
        for k, (before, after) in enumerate(zip(one.slopes, two.slopes)):
            rate = mpf(10) ** (mpf("0.3") * mp.log10(one.steps[k] / two.steps[k]))
            if max(map(abs, after)) > rate * max(map(abs, before)) + 100 * two.noises[k] + 1:
                return True
        return False

    def vanishes(self, a: Look, b: Look) -> bool:
        """Whether all gaps shrink about as fast as the step, which a small kink beside large slopes does not."""
        if self.look(b).missing:
            return False
        rate = mpf(10) ** (-(b.step - a.step) * mpf("0.6"))
        noises = [*self.look(b).noises, *[sum(self.look(b).noises, mpf(0))] * len(self.look(b).along)]
        return all(f <= rate * g + 100 * n for g, f, n in zip(self.gaps(a), self.gaps(b), noises))


def undefined(y: Any) -> bool:
    return bool(y._mpf_ == fnan)


def label(coordinate: tuple[str, Any]) -> str:
    name, index = coordinate
    return name + (f"[{', '.join(map(str, index))}]" if index else "")
