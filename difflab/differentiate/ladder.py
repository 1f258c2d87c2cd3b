"""Values of a function beside a point, at steps that rise from the smallest that shows a change, and their noise."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from .extrapolation import Tableau, expected_growth
from .noise import noise

EPSILON = 2.0**-52
TINY = 5e-324
MOST = 1e5  # times the noise of the first values: what steps by more is no noise that they may have hidden
RATIO = math.e**2  # irrational, so that no period fits all steps and is taken for a slow change
LEVELS = 24
FEW = 3  # steps that may agree by chance
ABNORMAL = 256.0  # the roundings from which noise is more than rounding
STEP = 1e-2  # a jump larger than this, relatively, is the function's own; a smaller one may be noise
QUANTUM = 0.3  # the standard deviation of rounding to multiples, in units of them
SHIFT = 1 / 32  # the part of the distance of floats by which rounding inside the function may shift x
BESIDE = 30.0  # the factor by which a kink or jump at the point raises the noise, to be told from noise
SHARP = 1e-11  # the relative error from which further steps between the largest are worth their evaluations


class Samples:
    """Values of a function beside a point, each computed once; NaN where there is none."""

    f: Callable[[float], float]
    x: float
    grain: float
    here: float

    def __init__(self, f: Callable[[float], float], x: float) -> None:
        self.f, self.x = f, x
        self.grain = 2 * math.ulp(x)
        self.known: dict[float, float] = {}
        self.here = self.at(0.0)

    def at(self, t: float) -> float:
        """The value at x + t."""
        if t not in self.known:
            x = self.x + t
            y = self.f(x) if math.isfinite(x) else math.nan
            self.known[t] = y if math.isfinite(y) else math.nan
        return self.known[t]

    def step(self, h: float) -> float:
        """The step nearest to h for which x - h and x + h are floats, as long as h is not far above x."""
        if h >= 2.0**40 * self.grain:
            return (self.x + h) - self.x
        return max(round(h / self.grain), 1) * self.grain

    def level(self, h: float) -> Level:
        h = self.step(h)
        return Level(h, self.at(h), self.at(-h), self.here)

    def table(self, spacing: float, first: int = -3) -> list[float]:
        """Seven equally spaced values; empty where one is missing."""
        row = [self.at(k * spacing) for k in range(first, first + 7)]
        return [] if any(map(math.isnan, row)) else row


@dataclass(frozen=True, slots=True)
class Level:
    """The values at x + h, x - h and x."""

    h: float
    up: float
    down: float
    here: float

    @property
    def size(self) -> float:
        return max(abs(y) for y in (self.up, self.down, self.here) if not math.isnan(y))

    @property
    def change(self) -> float:
        """The largest change from the point; NaN if neither side has a value."""
        return max((abs(y - self.here) for y in (self.up, self.down) if not math.isnan(y)), default=math.nan)

    @property
    def both(self) -> bool:
        return not (math.isnan(self.up) or math.isnan(self.down))

    @property
    def bend(self) -> float:
        """The quotient to the right less the one to the left."""
        return ((self.up - self.here) - (self.here - self.down)) / self.h

    def quotient(self, side: int) -> float:
        """The difference quotient to the right (1), to the left (-1) or over both sides (0)."""
        if side == 0:
            return (self.up - self.down) / (2 * self.h)
        return ((self.up if side > 0 else self.down) - self.here) / (side * self.h)


class Ladder:
    """Levels whose steps rise by a constant factor from a first spacing, until larger steps say no more.

    `measured` is the noise of the first values (at least `least`), `sigma` that of all. `tableaus` extrapolates the
    quotients over both sides (0), and where one side is not defined everywhere those to the right (1) and left (-1);
    `bends` the quotient to the right less the one to the left.
    """

    samples: Samples
    spacing: float
    sigma: float
    size: float
    levels: list[Level]
    tableaus: dict[int, Tableau]
    measured: float
    bends: Tableau

    def __init__(self, samples: Samples, spacing: float, least: float = 0.0) -> None:
        self.samples, self.spacing, self.sigma = samples, samples.step(spacing), least
        values = self.measure()
        self.size = max(map(abs, values), default=abs(samples.here))
        self.levels = [samples.level(self.spacing)]
        self.tableaus = self.entered()
        self.climb()
        self.refine()

    @property
    def change(self) -> float:
        """The largest change of the value over all levels."""
        return max((l.change for l in self.levels if not math.isnan(l.change)), default=0.0)

    @property
    def broken(self) -> float | None:
        """The step that reaches over a kink or a jump beside the point, if one does."""
        return self.bends.broken or self.tableaus[0].broken

    @property
    def noisy(self) -> bool:
        """Whether the noise is more than rounding."""
        return self.sigma > ABNORMAL * EPSILON * self.size

    def measure(self) -> list[float]:
        """Finds the noise from seven values, at a wider spacing where values show steps; returns the values."""
        samples, values = self.samples, []
        for _ in range(6):
            values = next((v for first in (-3, 0, -6) if (v := samples.table(self.spacing, first))), [])
            found = noise(values) if values else 0.0
            if found is not None or own_jump(values):
                break
            steps = [abs(b - a) for a, b in pairwise(values) if a != b]
            self.sigma = max(self.sigma, QUANTUM * min(steps, default=0.0))
            self.spacing = samples.step(64 * self.spacing)
        found = found or 0.0
        if found > ABNORMAL * EPSILON * max(map(abs, values), default=0.0) and noise_beside(values) < found / BESIDE:
            sides = [noise(v) or 0.0 for first in (1, -7) if (v := samples.table(self.spacing, first))]
            if max(sides, default=found) < found / BESIDE:  # a kink or a jump at the point, between smooth sides
                found = max(sides)
        self.sigma = max(self.sigma, found)
        self.measured = self.sigma
        return values

    def noise(self, level: Level) -> float:
        """The error of a value at the level: noise, its own rounding, and what rounding inside does to x."""
        shifted = SHIFT * self.samples.grain * (level.change / level.h)
        return max(self.sigma * self.grown(level), 0.5 * EPSILON * level.size, shifted, TINY)

    def grown(self, level: Level) -> float:
        """How much larger values are at a level than at first; their noise grows with them."""
        return max(1.0, level.size / self.size) if self.size else 1.0

    def climb(self) -> None:
        """Adds levels until no tableau takes another one, or the errors stop falling."""
        best, stale = math.inf, 0
        for k in range(LEVELS):
            level = self.samples.level(3 * self.spacing * RATIO**k)
            if math.isnan(level.change) or level.h <= self.levels[-1].h:
                break
            self.levels.append(level)
            scatter = self.scatter()
            if scatter > 1.2 * self.sigma:
                self.sigma, best, stale = scatter, math.inf, 0
                self.tableaus = self.entered()
            else:
                self.enter(level, self.tableaus)
            windows = [w for t in self.tableaus.values() if not t.ended for w in t.row[1:]]
            if not windows:
                if k > 2:
                    break
                continue
            least = min(windows, key=lambda w: w.error)
            stale = 0 if least.error < best / 2 else stale + 1
            best = min(best, least.error)
            slope = max(l.change / l.h for l in self.levels)
            sharp = best <= max(SHARP / 100 * abs(least.value), 1e-15 * slope)
            if (sharp and len(self.levels) > FEW) or stale > 2:
                break

    def refine(self) -> None:
        """Steps by the factor 2 about the largest that a tableau took, where that can still make the error small."""
        windows = [w for t in self.tableaus.values() for w in t.windows]
        if self.noisy or not windows:
            return
        least = min(windows, key=lambda w: w.error)
        if least.error <= SHARP * abs(least.value):
            return
        top = max(t.steps[-1] for t in self.tableaus.values() if t.steps)
        new = [self.samples.level(top * factor) for factor in (0.25, 0.5, 2.0, 4.0)]
        steps = {l.h for l in self.levels}
        self.levels += [l for l in new if l.h not in steps and not math.isnan(l.change)]
        self.levels.sort(key=lambda l: l.h)
        self.tableaus = self.entered()

    def scatter(self) -> float:
        """The noise that the quotients show: changes between neighbours that do not grow with the step."""
        levels = [l for l in self.levels if l.both]
        gaps = [abs(a.quotient(0) - b.quotient(0)) for a, b in pairwise(levels)]
        found = 0.0
        for k in range(len(gaps) - 1):
            expected = expected_growth(levels[k].h, levels[k + 1].h, levels[k + 2].h, 2)
            grown = self.grown(levels[k])
            seen, before = gaps[k] * levels[k].h / grown, max(found, self.noise(levels[k]) / grown)
            if gaps[k] > 8 * gaps[k + 1] / expected and seen <= MOST * before:
                found = max(found, seen)
            elif seen > 8 * before:
                break
        return found

    def entered(self) -> dict[int, Tableau]:
        """The tableaus of all levels so far."""
        tableaus = {0: Tableau(2)}
        self.bends = Tableau(1)
        for level in self.levels:
            self.enter(level, tableaus)
        return tableaus

    def enter(self, level: Level, tableaus: dict[int, Tableau]) -> None:
        if level.both:
            self.bends.add(level.h, level.bend, 4 * self.noise(level) / level.h)
            if self.bends.ended:  # beyond the disc of convergence, where the slope may be too small to show it
                for tableau in tableaus.values():
                    tableau.ended = True
        else:
            for side in (1, -1):
                if side not in tableaus:
                    tableaus[side] = self.beside(side, self.levels[: self.levels.index(level)])
        for side, tableau in tableaus.items():
            self.put(level, side, tableau)

    def tableau(self, side: int) -> Tableau:
        """The tableau of both sides (0), or of one."""
        return self.tableaus.get(side) or self.beside(side, self.levels)

    def beside(self, side: int, levels: list[Level]) -> Tableau:
        """The tableau of one side."""
        tableau = Tableau(1)
        for level in levels:
            self.put(level, side, tableau)
        return tableau

    def put(self, level: Level, side: int, tableau: Tableau) -> None:
        quotient = level.quotient(side)
        noise = (2 if side else 1) * self.noise(level) / level.h
        tableau.add(level.h, quotient, noise + EPSILON * abs(quotient))


def own_jump(values: list[float]) -> bool:
    """Whether seven values are two constants that meet at the point, and differ by more than noise would."""
    return noise_beside(values) == 0 and abs(values[4] - values[2]) > STEP * max(map(abs, values))


def noise_beside(values: list[float]) -> float:
    """The noise of the three values on each side of the point, from their second differences."""
    left, right = values[2] - 2 * values[1] + values[0], values[6] - 2 * values[5] + values[4]
    return math.hypot(left, right) / math.sqrt(12)


__all__ = ["EPSILON", "FEW", "QUANTUM", "STEP", "Ladder", "Level", "Samples"]
