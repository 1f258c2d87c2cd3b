"""Differences that find their own step: the derivative of a function of one number, with an error that covers it.

A ladder of steps rises from the first at which the value changes, so that nothing is stepped over: a pole, a kink or
the next period of an oscillation ends it. Its quotients are extrapolated over every window of steps, and the window
with the least error that no smaller step contradicts is the answer. Where no ladder settles, a finer one is tried, and
in the end the shape of the changes says why.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from .estimate import RESOLVED, Estimate, best
from .ladder import EPSILON, Ladder, Samples
from .shapes import flat_power, kink, shape
from .steps import as_noise, below, between, crossed

START = 1.37 * 2.0**-26  # the first spacing, relative to x: some million roundings, and few functions of x turn in it
FINER = (12, 24, 48, 96, 192)  # the bits by which each further ladder begins lower
VISIBLE = 64 * EPSILON  # the relative change from which values say something
ABRUPT = 2.0**20  # times as much, within a factor 2 of the step, is a jump
COARSE = 1e-7  # the relative error from which a finer ladder may be worth its evaluations
FEW = 3  # steps below a kink or a jump that may look smooth by chance
CONFIRM = 2  # ladders of which each shows the same jump or pole
EVALUATIONS = 160  # after which no further ladder is begun


def adaptive(f: Callable[[float], float], x: float, scale: float = 1.0) -> Estimate:
    """The derivative of f at x. `scale` is a guess at the size of x where x is 0; f gives NaN where it is undefined."""
    samples = Samples(f, x)
    if math.isnan(samples.here):
        return Estimate.refused("undefined: the function has no finite value at the point")
    spacing = START * (abs(x) or scale)
    ladders: list[Ladder] = []
    coarse = Estimate.refused("")
    for bits in FINER:
        found = first_spacing(samples, spacing)
        if isinstance(found, Estimate):
            return found if math.isinf(coarse.error) else coarse
        ladder = Ladder(samples, found)
        if ladders and ladder.spacing > ladders[-1].spacing / 64:
            break  # values that step led back to where it was
        ladders.append(ladder)
        estimate = settled(ladder)
        if estimate is not None:
            if estimate.reason:
                return estimate if math.isinf(coarse.error) else coarse
            coarse = min(coarse, estimate, key=lambda e: e.error)
            if estimate.limited or coarse.error <= COARSE * abs(coarse.value):
                return coarse
        if finest(ladders):
            break
        spacing = max(ladder.spacing * 2.0**-bits, 2 * samples.grain)
    return explained(ladders) if math.isinf(coarse.error) else coarse


def first_spacing(samples: Samples, spacing: float) -> float | Estimate:
    """The spacing at which three steps to a side just change the value; the derivative of a function that is flat."""

    def visible(h: float, factor: float = 1.0) -> bool:
        level = samples.level(3 * h)
        return not level.change <= factor * VISIBLE * level.size

    if visible(spacing):
        return spacing
    flat, bits = spacing, 12
    while not visible(top := flat * 2.0**bits) and bits < 400:
        flat, bits = top, 2 * bits
    while visible(top) and bits > 1 and (bits >= 12 or visible(top, ABRUPT)):
        bits //= 2
        middle = flat * 2.0**bits
        flat, top = (flat, middle) if visible(middle) else (middle, top)
    level, above = samples.level(3 * flat), samples.level(3 * top)
    if visible(top) and above.change <= RESOLVED * above.size:
        return top
    return Estimate(0.0, VISIBLE * (above if visible(top) else level).size / level.h)


def settled(ladder: Ladder) -> Estimate | None:
    """The derivative or the refusal that a ladder shows; None where it shows neither."""
    bend = kink(ladder)
    if bend is not None:
        return bend if bend.reason else None
    if shape(ladder):
        return None
    estimate = derivative(ladder) or both_sides(ladder)
    for judged in (crossed, between, below):
        if estimate is not None and not estimate.reason:
            estimate = judged(ladder, estimate)
    return estimate


def derivative(ladder: Ladder) -> Estimate | None:
    """The derivative from the best window of all; None where that shows hardly a digit."""
    found = [e for side in ladder.tableaus if (e := best(ladder, side))]
    if not found:
        return None
    if ladder.broken and len(ladder.tableaus[0].steps) <= FEW and ladder.spacing > 64 * ladder.samples.grain:
        return None
    estimate = min(found, key=lambda e: e.error)
    if estimate.error > RESOLVED * abs(estimate.value):
        if not estimate.limited or (drowned(ladder) and estimate.error > 0.3 * abs(estimate.value)):
            return None
    rough = ladder.sigma > RESOLVED * ladder.size
    return Estimate(estimate.value, estimate.error, limited=estimate.limited and not rough)


def both_sides(ladder: Ladder) -> Estimate | None:
    """The derivative where the function is a different power series on each side, with the same slope."""
    left, right = best(ladder, -1), best(ladder, 1)
    if left is None or right is None or drowned(ladder):
        return None
    error, limited = max(left.error, right.error), left.limited and right.limited
    if abs(left.value - right.value) > left.error + right.error:
        return None
    if error > RESOLVED * abs(left.value) and not limited:
        return None
    return Estimate((left.value + right.value) / 2, error)


def drowned(ladder: Ladder) -> bool:
    """Whether noise hides what the function does."""
    return ladder.noisy and ladder.sigma > RESOLVED * ladder.change


def finest(ladders: list[Ladder]) -> bool:
    """Whether a finer ladder would say nothing new."""
    samples = ladders[-1].samples
    shapes = {shape(ladder)[:4] for ladder in ladders[-CONFIRM:]}
    confirmed = len(ladders) >= CONFIRM and len(shapes) == 1 and shapes != {""}
    return confirmed or ladders[-1].spacing <= 2 * samples.grain or len(samples.known) > EVALUATIONS


def explained(ladders: list[Ladder]) -> Estimate:
    """What is left where no ladder settled: a flat power, a slope across steps, or the reason."""
    last = ladders[-1]
    reason = shape(last)
    if reason:
        return Estimate.refused(reason)
    flat = flat_power(last)
    if flat is not None:
        return flat
    again = as_noise(ladders[0])
    return (settled(again) if again else None) or Estimate.refused(why(last))


def why(ladder: Ladder) -> str:
    """Why nothing settled."""
    if all(math.isnan(l.change) for l in ladder.levels):
        return "undefined: the function has no finite values beside the point"
    if ladder.spacing <= 8 * ladder.samples.grain and ladder.sigma > 0.3 * ladder.size:
        return "scale: the function changes faster than the floats beside the point can show"
    if ladder.noisy:
        return f"noise: the values scatter by {ladder.sigma:g}, more than they change"
    return "undecided: the differences do not settle"


__all__ = ["adaptive"]
