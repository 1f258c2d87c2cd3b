"""What can be said against a certificate, from values of the function in mpmath alone.

Slopes are difference quotients at steps of 10**-18 and less, with digits to match. Nothing is held against a
certificate unless two finer looks (at steps of 10**-60 and 10**-200, or far below the smallest number that occurs, and
again with 100 digits more) say the same thing: what does not settle is unjudged.
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
from .generate import KINKY
from .reals import UnjudgedError, magnitude, number
from .words import SLOW, SPECIAL


@dataclass(frozen=True)
class Look:
    """How closely to look: decimal digits, the step's exponent, whether steps are relative to small coordinates."""

    digits: int
    step: int
    relative: bool = True


FIRST = Look(50, 18)
DEEPEST = 2500  # the exponent of the smallest step there is patience for
BEARABLE = 700  # the same where special functions occur, which take long at many digits
STEPS = frozenset(
    "sign floor ceil trunc rint round remainder floor_divide fmod hardshrink where if cond while_loop count_nonzero "
    "argmax argsort heaviside copysign".split()
)
SATURATING = frozenset(
    "sigmoid tanh arctan erf erfc ndtr gelu gelu_gate silu mish softplus log_sigmoid logaddexp logaddexp2 softmax "
    "logsumexp log_softmax log_cosh expm1 exp exp2 exp10 sech softsign hypot norm log_ndtr tanhshrink power".split()
)
STEEP = mpf(10) ** -9  # of a change at one step, by the size of the value
ARITHMETIC = 1000  # digits of sums and comparisons of what the looks found
SLUGGISH = frozenset([*SLOW, *"y0 y1 yv kv kve erfinv_slope erfcinv_slope ndtri_slope".split()])
INTEGRALS = frozenset("gammainc gammaincc betainc zeta".split())
HEAVY = frozenset(SPECIAL + SLOW + "beta betaln polygamma jv iv yv kv ive kve zeta gammainc gammaincc betainc".split())
WILD = 1e30  # a difference of values that small a step cannot explain


@dataclass
class Finding:
    """What the referee holds against a claim; `what` is one word, `detail` says where."""

    what: str
    detail: str


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
        if _undefined(seen.value):
            seen.missing = "at the point"
            return seen
        for c in self.coordinates:
            h = self.step(look, c)
            right, left = self.at(point, [(c, h)]), self.at(point, [(c, -h)])
            for y, side in ((right, "above"), (left, "below")):
                if _undefined(y):
                    seen.missing = seen.missing or f"just {side} {_name(c)}"
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
            if _undefined(y):
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
                found.append(f"a steep change by {_name(self.coordinates[k])}")
        for k, (left, right) in enumerate(seen.slopes):
            gap = abs(right - left)
            if gap > mpf(10) ** -9 * (abs(left) + abs(right)) + 100 * seen.noises[k]:
                found.append(f"left and right by {_name(self.coordinates[k])}")
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
            shallow = (30, 75) if self.case.rows & SLUGGISH else (60, 200)
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
                if b and not _undefined(b) and abs(a - b) <= mpf(10) ** -20 * abs(b):
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
        noise = [*two.noises, *[sum(two.noises, mpf(0))] * len(two.along)]
        answer: bool | None = True
        for g, f, s, n in zip(coarse, fine, sure, noise):
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
        if not self.case.rows & STEPS:
            return False
        for term in self.case.terms:
            if term.row in SATURATING:
                for x in (x for a in term.args for x in np.asarray(a.value, dtype=object).flat):
                    if abs(number(x)) > 30:
                        return True
        return False

    def confirmed(self) -> bool:
        """Whether a much closer look still sees the kink, which may lie beside the point by 10**-431."""
        if self.saturated():
            raise UnjudgedError("a step behind a saturated function")
        if self.case.rows & HEAVY:
            return True
        _, b = self.deep
        c = Look(2 * b.digits + 1500, b.step + 800, False)
        return bool(self.look(c).missing) or self.settled_gap(b, c) is False

    def story(self, seen: Seen) -> str:
        slopes = [f"{_name(c)}: left {mp.nstr(l, 8)}, right {mp.nstr(r, 8)}" for c, (l, r) in zip(self.coordinates, seen.slopes)]
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
                if abs(d1 - d2) > mpf(10) ** -20 * abs(d2):
                    raise UnjudgedError("the derivative does not settle")
                if self.saturated():
                    raise UnjudgedError("a step behind a saturated function")
                return Finding("enclosure", f"d/d{_name(c)} is {mp.nstr(d2, 25)}, claimed in [{low!r}, {high!r}]")
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


def _undefined(y: Any) -> bool:
    return bool(y._mpf_ == fnan)


def _name(coordinate: tuple[str, Any]) -> str:
    name, index = coordinate
    return name + (f"[{', '.join(map(str, index))}]" if index else "")


# --- the claims


def against_certified(case: Case, claim: Any) -> Finding | None:
    """What is wrong with a certificate, if anything is."""
    referee = Referee(case)
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


def nearby(case: Case, referee: Referee) -> Finding | None:
    """Kinks that touch the point from the side: x**2 |y| at the origin has a derivative there and none beside it."""
    zeros = [c for c in referee.coordinates if float(np.asarray(case.at[c[0]])[c[1]]) in (0.0, 1.0, -1.0)]
    if len(referee.coordinates) < 2 or not zeros or not case.rows & KINKY or len(referee.coordinates) > 6:
        return None
    moving = case.coordinates()
    single = [[c] for c in referee.rng.sample(moving, min(2, len(moving)))]
    half = [referee.rng.sample(moving, len(moving) // 2)] if len(moving) > 3 else []
    for moved in single + half:
        found = beside(case, [(c, referee.rng.choice((-1, 1))) for c in moved])
        if found is not None:
            return found
    return None


def beside(case: Case, moved: list[tuple[tuple[str, Any], int]]) -> Finding | None:
    """A finding where the function has kinks at points as near as one likes in that direction."""
    found = []
    for radius, look in ((40, Look(200, 90)), (90, Look(420, 200))):
        there = Referee(_Shifted(case, moved, radius))
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
    referee = Referee(case)
    if not referee.all:
        return None
    a, b = referee.deep
    if referee.look(FIRST).missing or referee.look(a).missing or referee.look(b).missing:
        return None
    c = Look(2 * b.digits, 2 * b.step + 100, False)
    if referee.settled_gap(a, b) and not referee.kinks(b) and referee.vanishes(b, c) and nearby(case, referee) is None:
        return Finding("smooth", referee.story(referee.look(b)))
    return None


def against_undefined(case: Case) -> Finding | None:
    """A finding where a function said to be undefined has a value, and values around."""
    referee = Referee(case)
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
    referee = Referee(case)
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
            if abs(d - e) > mpf(10) ** -15 * abs(e) + mpf(10) ** -30 or abs(e - f) > mpf(10) ** -25 * abs(f) + mpf(10) ** -100:
                continue
            low, high = float(claimed[0]), float(claimed[1])
            doubt = mpf(10) ** -30 * (1 + abs(e))
            if not within(e, low, high, doubt):
                word = "right" if side else "left"
                return Finding("one-sided", f"{word} of {name} it is {mp.nstr(e, 20)}, claimed [{low!r}, {high!r}]")
    return None


def ordinary(case: Case) -> bool:
    """Whether the point is smooth and everything there of ordinary size: what should be certified."""
    referee = Referee(case)
    try:
        seen = referee.look(FIRST)
        if seen.missing or referee.kinks(FIRST):
            return False
        sizes = [abs(seen.value)] + [abs(seen.central(k)) for k in range(len(seen.slopes))]
        return all(size < 1e12 for size in sizes) and nearby(case, referee) is None
    except UnjudgedError:
        return False
