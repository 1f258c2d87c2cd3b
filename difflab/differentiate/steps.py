"""Values that step: noise with a structure, as of a solver that stops or of numbers that are rounded.

Between the steps such a function is smooth, with a slope of its own that need not be the one that its values have over
larger distances. Where both are seen they must agree, or there is no number.
"""

from __future__ import annotations

import math
from dataclasses import replace

from .estimate import RESOLVED, SAFETY, Estimate, best
from .ladder import EPSILON, STEP, Ladder, Level
from .noise import noise

HALVINGS = 6  # of the logarithm of an interval of steps, in search of a jump
FARTHER = 10.0  # times the interval that holds a jump or the beginning of something else
MUCH_SMALLER = (2.0**-10, 2.0**-20)  # the parts of a spacing at which noise may be smooth
TWO_SLOPES = "noise: the values step by"  # how the reason begins where a function has a slope for each scale
MATTERS = 10.0


def crossed(ladder: Ladder, estimate: Estimate) -> Estimate:
    """The estimate, judged by what larger steps say where a small jump lies between them and the point."""
    h, jump = jump_beside(ladder, estimate.value) if ladder.broken else (0.0, 0.0)
    above = best(Ladder(ladder.samples, h, least=jump), 0) if jump else None
    if above is None:
        return estimate
    if above.error <= 0.3 * abs(above.value):
        return reconciled(replace(above, limited=estimate.limited), estimate, jump)
    if abs(above.value - estimate.value) > above.error + estimate.error:
        return stepped(estimate.value, above.value, jump)
    return estimate


def jump_beside(ladder: Ladder, slope: float) -> tuple[float, float]:
    """The step just beyond a jump of noise's size, and the jump: where the values leave the line of that slope.

    Both are 0 where there is none: at a kink, or where the function turns, they leave it by and by.
    """
    samples = ladder.samples

    def off(level: Level) -> float:
        return max(abs(level.up - level.here - slope * level.h), abs(level.down - level.here + slope * level.h))

    high = samples.level(ladder.broken or 0.0)
    low = samples.level(max(l.h for l in ladder.levels if l.h < high.h))
    if not off(high) <= STEP * high.size:
        return 0.0, 0.0
    for _ in range(HALVINGS):
        middle = samples.level(math.sqrt(low.h) * math.sqrt(high.h))
        low, high = (low, middle) if off(middle) - off(low) > off(high) - off(middle) else (middle, high)
    farther = samples.level(high.h + FARTHER * (high.h - low.h))
    return (high.h, off(high)) if off(farther) < 2 * (off(high) - off(low)) else (0.0, 0.0)


def between(ladder: Ladder, estimate: Estimate) -> Estimate:
    """The estimate across noise that larger steps showed, judged by the first steps, which do not."""
    if ladder.sigma <= MATTERS * ladder.measured or not all(l.both for l in ladder.levels[:2]):
        return estimate
    first, second = ladder.levels[:2]
    slope = second.quotient(0)
    error = SAFETY * max(ladder.measured, EPSILON * second.size) / first.h + abs(slope - first.quotient(0))
    return reconciled(estimate, Estimate(slope, error), ladder.sigma)


def below(ladder: Ladder, estimate: Estimate) -> Estimate:
    """The estimate across noise, judged by much smaller steps where the function is smooth over those."""
    samples = ladder.samples
    for part in MUCH_SMALLER if ladder.noisy else ():
        spacing = samples.step(part * ladder.spacing)
        values = samples.table(spacing) if spacing > 2 * samples.grain else []
        sigma = noise(values) if values else None
        if sigma is None or sigma > ladder.sigma / 16:
            continue
        inside = smooth_slope(values, spacing, sigma)
        estimate = reconciled(estimate, inside, ladder.sigma)
        if estimate.reason:
            return estimate
        if inside.error <= RESOLVED * abs(estimate.value):
            return replace(estimate, error=max(estimate.error, abs(inside.value - estimate.value)))
    return estimate


def smooth_slope(values: list[float], spacing: float, sigma: float) -> Estimate:
    """The slope at the middle of seven smooth values; what is left of truncation shows in that over a third of them."""
    slope, nearer = (values[6] - values[0]) / (6 * spacing), (values[4] - values[2]) / (2 * spacing)
    return Estimate(slope, SAFETY * sigma / spacing + abs(slope - nearer))


def as_noise(ladder: Ladder) -> Ladder | None:
    """A ladder that broke at its first steps once more, with what broke them as noise."""
    if ladder.broken is None:
        return None
    level = ladder.samples.level(ladder.broken)
    quotients = [abs(level.quotient(0) - l.quotient(0)) for l in ladder.levels if l.h < level.h]
    step = max(quotients, default=math.nan) * level.h
    return Ladder(ladder.samples, ladder.spacing, least=step) if step <= STEP * level.size else None


def reconciled(across: Estimate, inside: Estimate, step: float) -> Estimate:
    """The slope across the steps of the values, with an error that covers the one between steps, if that is near."""
    gap = abs(across.value - inside.value)
    if gap <= across.error + inside.error:
        return across
    if gap + inside.error > RESOLVED * abs(across.value):
        return stepped(inside.value, across.value, step)
    return replace(across, error=across.error + gap)


def stepped(inside: float, across: float, step: float) -> Estimate:
    return Estimate.refused(f"{TWO_SLOPES} {step:.2g}; the slope is {inside:g} between steps, {across:g} across")


__all__ = ["TWO_SLOPES", "as_noise", "below", "between", "crossed"]
