"""Points that have no derivative: kinks, jumps and poles, told by how the changes rise with the step."""

from __future__ import annotations

import math

from .estimate import SAFETY, Estimate, best
from .ladder import EPSILON, Ladder, Level

CLEAR = 40.0  # roundings or noises by which a kink must show
PERSISTS = (2.0**-10, 2.0**-40)  # the parts of a step at which a kink must be the same
FEWEST, MOST = 4, 5  # levels from which a power is read


def kink(ladder: Ladder) -> Estimate | None:
    """The refusal of a kink with its one-sided slopes; without a reason if it does not persist at smaller steps."""
    if not ladder.bends.windows:
        return None
    window = min(ladder.bends.windows, key=lambda w: w.error)
    turn = window.value
    clear = (l for l in ladder.levels if l.both and abs(turn) * l.h > CLEAR * ladder.noise(l))
    lowest = next(clear, None)
    if abs(turn) <= SAFETY * window.error or lowest is None or abs(lowest.bend - turn) > 0.3 * abs(turn):
        return None
    for part in PERSISTS:
        h = lowest.h * part
        if h < 2 * ladder.samples.grain or abs(turn) * h < CLEAR * ladder.sigma:
            break
        level = ladder.samples.level(h)
        if not level.both or abs(level.bend - turn) > 0.1 * abs(turn):
            return Estimate.refused("")
    left, right = (found.value if (found := best(ladder, side)) else math.nan for side in (-1, 1))
    return Estimate.refused(f"kink: the slope is {left:g} to the left and {right:g} to the right", (left, right))


def shape(ladder: Ladder) -> str:
    """A jump or a pole at the point, if the smallest steps show one."""
    levels = lowest_changes(ladder)
    if not levels:
        return ""
    first, last = levels[0], levels[-1]
    sizes = [math.log(abs(b / a)) for a, b in ((first.up, last.up), (first.down, last.down)) if a * b]
    if max(sizes, default=0.0) < -0.3 * math.log(last.h / first.h):
        return f"pole: the value grows to {first.size:g} towards the point"
    power = power_of(levels)
    if power is None or power > 0.95:
        return ""
    if abs(power) < 0.1:
        return f"jump: the value changes by {first.change:g} within {first.h:g}"
    return f"pole: the slope grows without bound, to {first.change / first.h:g} at a step of {first.h:g}"


def flat_power(ladder: Ladder) -> Estimate | None:
    """The derivative 0 of a function that leaves its value like |h|**p, with a p above 1 that need not be whole."""
    levels = lowest_changes(ladder)
    power = power_of(levels) if levels else None
    return Estimate(0.0, levels[0].change / levels[0].h) if power is not None and power > 1.1 else None


def lowest_changes(ladder: Ladder) -> list[Level]:
    """The lowest levels at which the value changes; none where they are too few."""
    levels = [l for l in ladder.levels if l.change > 10 * EPSILON * l.size][:MOST]
    return levels if len(levels) >= FEWEST else []


def power_of(levels: list[Level]) -> float | None:
    """The power of the step that the change follows; None if it follows none."""
    first, last = levels[0], levels[-1]
    power = math.log(last.change / first.change) / math.log(last.h / first.h)
    off = [abs(math.log(l.change / first.change) - power * math.log(l.h / first.h)) for l in levels]
    return power if max(off) < 0.1 else None


__all__ = ["flat_power", "kink", "shape"]
