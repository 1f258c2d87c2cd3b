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
from .ladder import EPSILON, FEW, QUANTUM, Ladder, Level, Samples
from .shapes import flat_power, kink, shape
from .steps import as_noise, below, between, crossed

START = 1.37 * 2.0**-26  # the first spacing, relative to x: some million roundings, and few functions of x turn in it
FINER = (12, 24, 48, 96, 192)  # the bits by which each further ladder begins lower
VISIBLE = 64 * EPSILON  # the relative change from which values say something
ABRUPT = 2.0**20  # times as much, within a factor 2 of the step, is a jump
COARSE = 1e-7  # the relative error from which a finer ladder may be worth its evaluations
ROUGH = 1e-2  # the relative error from which noise may be structure that smaller steps resolve
HALVINGS = 10
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
        ladder = Ladder(samples, *found)
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


def first_spacing(samples: Samples, spacing: float) -> tuple[float, float] | Estimate:
    """The spacing at which three steps to a side just change the value, and by how much if it steps there.

    For a function that is flat up to there, and changes too much for rounding, the derivative.
    """

    def changed(h: float, factor: float = 1.0) -> bool:
        level = samples.level(3 * h)
        return not level.change <= factor * VISIBLE * level.size

    if changed(spacing):
        return spacing, 0.0
    flat, bits = spacing, 12
    while not changed(top := flat * 2.0**bits) and bits < 400:
        flat, bits = top, 2 * bits
    if not changed(top):
        return Estimate(0.0, hidden(samples, samples.level(3 * flat)))
    for _ in range(HALVINGS):  # of the logarithm of the interval, until it is short or the change in it small
        if top / flat < 2.0**12 and not changed(top, ABRUPT):
            return top, 0.0
        middle = math.sqrt(flat) * math.sqrt(top)  # their product may be no normal number
        flat, top = (flat, middle) if changed(middle) else (middle, top)
    return beyond(samples, flat, top)


def beyond(samples: Samples, flat: float, top: float) -> tuple[float, float] | Estimate:
    """The same for a function that is flat up to a jump, a kink or the edge of its domain just beside a step."""
    level, above, farther = (samples.level(3 * h) for h in (flat, top, top + HALVINGS * (top - flat)))
    if math.isnan(above.change) or farther.change > 2 * above.change:  # a kink, or an edge
        return Estimate(0.0, hidden(samples, level))
    if above.change <= RESOLVED * above.size:
        return top, QUANTUM * above.change
    return Estimate(0.0, max(above.change / above.h, hidden(samples, level)))


def hidden(samples: Samples, level: Level) -> float:
    """The slope that may hide in the rounding of a flat stretch: within x, since flatness farther out says little."""
    return VISIBLE * level.size / min(level.h, abs(samples.x) or level.h)


def settled(ladder: Ladder) -> Estimate | None:
    """The derivative or the refusal that a ladder shows; None where it shows neither."""
    bend = kink(ladder)
    if bend is not None:
        return bend if bend.reason else None
    if shape(ladder):
        return None
    estimate = derivative(ladder)
    for judged in (crossed, between, below):
        if estimate is not None and not estimate.reason:
            estimate = judged(ladder, estimate)
    return estimate


def derivative(ladder: Ladder) -> Estimate | None:
    """The derivative from the best window of all; None where that shows hardly a digit."""
    found = [e for side in ladder.tableaus if (e := best(ladder, side))]
    if not found:
        return None
    if few(ladder) and ladder.spacing > 64 * ladder.samples.grain:
        return None
    estimate = min(found, key=lambda e: e.error)
    if estimate.error > RESOLVED * abs(estimate.value):
        if not estimate.limited or (drowned(ladder) and estimate.error > 0.3 * abs(estimate.value)):
            return None
    rough = ladder.sigma > RESOLVED * ladder.size or (ladder.noisy and estimate.error > ROUGH * abs(estimate.value))
    return Estimate(estimate.value, estimate.error, limited=estimate.limited and not rough)


def few(ladder: Ladder) -> bool:
    """Whether so few steps gave the derivative that they may agree by chance."""
    return all(t.ended and len(t.steps) <= FEW for t in ladder.tableaus.values())


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
