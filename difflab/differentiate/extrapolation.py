"""Extrapolation of difference quotients to step 0, over every window of neighbouring steps, with an error for each."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

DEPTH = 6  # steps in a window at most
LOST = 32.0  # a further step makes a window's error smaller by this factor at most
FLAT = 0.25  # of the growth that a power series has: less, and the step has left its disc of convergence
STEEP = 64.0  # of that growth: more, and something that no power series has lies between the steps
CLEAR = 10.0


@dataclass(frozen=True, slots=True)
class Window:
    """The limit that the quotients at steps `first` to `last` give, with its two errors."""

    first: int
    last: int
    value: float
    rounding: float
    truncation: float

    @property
    def error(self) -> float:
        return self.rounding + self.truncation


@dataclass
class Tableau:
    """Neville's scheme for quotients g(h) = g(0) + c h^power + ..., entered at rising steps.

    `noises` bound the errors of the quotients and are carried along with the weights. The truncation of a window is
    how far its largest step moved the value: while steps are small that is the error of the window without this step.
    The tableau ends at the first step whose quotient no power series gives; `broken` is that step where it is too far
    off, as beyond a kink or a jump.
    """

    power: int
    steps: list[float] = field(default_factory=list)
    quotients: list[float] = field(default_factory=list)
    noises: list[float] = field(default_factory=list)
    windows: list[Window] = field(default_factory=list)
    row: list[Window] = field(default_factory=list)  # the windows that end at the last step, the shortest first
    ended: bool = False
    broken: float | None = None

    def add(self, step: float, quotient: float, noise: float) -> None:
        """Enters a further, larger step."""
        if self.ended or not math.isfinite(quotient):
            self.ended = True
            return
        growth = self.growth(step, quotient, noise)
        if not FLAT <= growth <= STEEP:
            self.ended, self.broken = True, step if growth > STEEP else None
            return
        place = len(self.steps)
        self.steps.append(step)
        self.quotients.append(quotient)
        self.noises.append(noise)
        row = [Window(place, place, quotient, noise, math.inf)]
        for above in self.row[: DEPTH - 1]:
            below = row[-1]  # the window without the first step, `above` is the one without the last
            ratio = (step / self.steps[above.first]) ** self.power
            change = (above.value - below.value) / (ratio - 1)
            rounding = (ratio * above.rounding + below.rounding) / (ratio - 1)
            truncation = abs(change)
            if math.isfinite(above.truncation):
                truncation = max(truncation, above.truncation / LOST)
            row.append(Window(above.first, place, above.value + change, rounding, truncation))
        self.row = row
        self.windows += row[1:]

    def growth(self, step: float, quotient: float, noise: float) -> float:
        """How much more the quotient changes than at the step before, in units of a power series' growth."""
        if len(self.steps) < 2:
            return 1.0
        (a, b), (left, right) = self.steps[-2:], self.quotients[-2:]
        expected = expected_growth(a, b, step, self.power)
        before, now = abs(right - left), abs(quotient - right)
        doubt = CLEAR * (self.noises[-2] + self.noises[-1])
        if now > STEEP * expected * (before + doubt):
            return math.inf
        return now / (expected * before) if before > doubt else 1.0


def expected_growth(a: float, b: float, c: float, power: int) -> float:
    """How much more h**power changes from b to c than from a to b."""
    return ((c / b) ** power - 1) / (1 - (a / b) ** power)


__all__ = ["Tableau", "Window", "expected_growth"]
