"""Differences that find their own step: the derivative of a function of one number, with an error that covers it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from .extrapolation import Tableau, Window
from .ladder import EPSILON, STEP, Ladder, Level, Samples
from .noise import noise

START = 1.37 * 2.0**-26  # the first spacing, relative to x: some million roundings, and few functions of x turn in it
VISIBLE = 64 * EPSILON  # the relative change from which values say something
SAFETY = 8.0
FLOOR = 1e-12  # nothing is claimed to be nearer, relatively: rounding may be the same in all values
RESOLVED = 1e-3
COARSE = 1e-7
HALVINGS = 6
FEW = 3  # steps below a kink or jump
CONFIRM = 2  # ladders of which each shows the same jump or pole
EVALUATIONS = 160


@dataclass(frozen=True)
class Estimate:
    """A derivative with its claimed error, or the reason why there is none."""

    value: float
    error: float
    reason: str = ""
    one_sided: tuple[float, float] | None = None
    limited: bool = True  # by rounding or noise, so that no smaller steps would help

    @classmethod
    def refused(cls, reason: str, one_sided: tuple[float, float] | None = None) -> Estimate:
        """No number, and why."""
        return cls(math.nan, math.inf, reason, one_sided)


def adaptive(f: Callable[[float], float], x: float, scale: float = 1.0) -> Estimate:
    """The derivative of f at x. `scale` is a guess at the size of x where x is 0; f gives NaN where it is undefined."""
    samples = Samples(f, x)
    if math.isnan(samples.here):
        return Estimate.refused("undefined: the function has no finite value at the point")
    spacing, seen = START * (abs(x) or scale), []
    ladders: list[Ladder] = []
    coarse = Estimate.refused("")
    for bits in (12, 24, 48, 96, 192):
        found = first_spacing(samples, spacing)
        if isinstance(found, Estimate):
            return found if coarse.error == math.inf else coarse
        if ladders and found > ladders[-1].spacing / 64:
            break
        ladder = Ladder(samples, found)
        if ladders and ladder.spacing > ladders[-1].spacing / 64:
            break
        ladders.append(ladder)
        estimate = settled(ladder)
        if estimate is not None:
            if estimate.reason:
                return estimate if coarse.error == math.inf else coarse
            coarse = min(coarse, estimate, key=lambda e: e.error)
            if estimate.limited or coarse.error <= COARSE * abs(coarse.value):
                return coarse
        seen.append(shape(ladder))
        persists = seen[-1] and len({t[:4] for t in seen[-CONFIRM:]}) == 1 and len(seen) >= CONFIRM
        if persists or ladder.spacing <= 2 * samples.grain or len(samples.known) > EVALUATIONS:
            break
        spacing = max(ladder.spacing * 2.0**-bits, 2 * samples.grain)
    if coarse.error < math.inf:
        return coarse
    if seen[-1]:
        return Estimate.refused(seen[-1])
    return flat_power(ladders[-1]) or across_steps(ladders[0]) or Estimate.refused(why(ladders[-1]))


def first_spacing(samples: Samples, spacing: float) -> float | Estimate:
    """The spacing at which three steps to a side just change the value; the derivative of a function that is flat."""

    def visible(h: float) -> bool:
        level = samples.level(3 * h)
        return not level.change <= VISIBLE * level.size

    if visible(spacing):
        return spacing
    flat, bits = spacing, 12
    while not visible(top := flat * 2.0**bits) and bits < 400:
        flat, bits = top, 2 * bits
    while visible(top) and bits > 1:
        bits //= 2
        middle = flat * 2.0**bits
        flat, top = (flat, middle) if visible(middle) else (middle, top)
        if bits < 12 and not samples.level(3 * top).change > 2.0**20 * VISIBLE * samples.level(3 * top).size:
            break
    level, above = samples.level(3 * flat), samples.level(3 * top)
    if above.change <= 1e-3 * above.size and visible(top):
        return top
    return Estimate(0.0, VISIBLE * above.size / level.h if visible(top) else VISIBLE * level.size / level.h)


def settled(ladder: Ladder) -> Estimate | None:
    """The derivative or the kink that a ladder shows; None where it shows neither."""
    bend = kink(ladder)
    if bend is not None:
        return bend if bend.reason else None
    if shape(ladder):
        return None
    estimate = derivative(ladder)
    if estimate is None:
        return both_sides(ladder)
    for check in (crossed, between, below):
        if not estimate.reason:
            estimate = check(ladder, estimate)
    return estimate


def derivative(ladder: Ladder) -> Estimate | None:
    """The derivative from the best window of all; None where that shows hardly a digit."""
    found = [c for side in ladder.tableaus if (c := best(ladder, side))]
    if not found:
        return None
    window, error = min(found, key=lambda c: c[1])
    tableau, samples = ladder.tableaus[0], ladder.samples
    if ladder.broken and len(tableau.steps) <= FEW and ladder.spacing > 64 * samples.grain:
        return None  # chance, or a kink or jump so near that smaller steps show more
    limited = window.truncation <= 10 * window.rounding
    if error > RESOLVED * abs(window.value):
        if not limited or (drowned(ladder) and error > 0.3 * abs(window.value)):
            return None
    rough = ladder.sigma > RESOLVED * ladder.size
    return Estimate(window.value, max(error, FLOOR * abs(window.value)), limited=limited and not rough)


def drowned(ladder: Ladder) -> bool:
    """Whether noise hides what the function does."""
    return ladder.noisy and ladder.sigma > RESOLVED * ladder.change


def both_sides(ladder: Ladder) -> Estimate | None:
    """The derivative where the function is a different power series on each side, with the same slope."""
    found = [one_sided(ladder, side) for side in (-1, 1)]
    if not all(found) or drowned(ladder):
        return None
    (left, a), (right, b) = ((w.value, error) for w, error in found)
    limited = all(w.truncation <= 10 * w.rounding for w, _ in found)
    if abs(left - right) > a + b or (max(a, b) > RESOLVED * abs(left) and not limited):
        return None
    return Estimate((left + right) / 2, max(a, b) + FLOOR * abs(left))


def crossed(ladder: Ladder, estimate: Estimate) -> Estimate:
    """The estimate, judged by what larger steps say where a small jump lies between them and the point."""
    jump = jump_beside(ladder, estimate.value) if ladder.broken else None
    if jump is None:
        return estimate
    above = Ladder(ladder.samples, jump.h, least=jump.change)
    found = best(above, 0)
    if found is None:
        return estimate
    window, error = found
    if error <= 0.3 * abs(window.value):
        return reconciled(Estimate(window.value, error, limited=estimate.limited), estimate, jump.change)
    if abs(window.value - estimate.value) > error + estimate.error:
        return stepped(estimate.value, window.value, jump.change)
    return estimate


def across_steps(ladder: Ladder) -> Estimate | None:
    """The estimate of a ladder that broke at its first steps, if what broke them is taken for noise."""
    if ladder.broken is None:
        return None
    level = ladder.samples.level(ladder.broken)
    quotients = [abs(level.quotient(0) - l.quotient(0)) for l in ladder.levels if l.h < level.h]
    step = max(quotients, default=math.nan) * level.h
    return settled(Ladder(ladder.samples, ladder.spacing, least=step)) if step <= STEP * level.size else None


def jump_beside(ladder: Ladder, slope: float) -> Level | None:
    """The level just beyond a jump of noise's size, where the values leave the line of that slope at one step."""
    samples = ladder.samples

    def off(level: Level) -> float:
        return max(abs(level.up - level.here - slope * level.h), abs(level.down - level.here + slope * level.h))

    high = samples.level(ladder.broken or 0.0)
    low = samples.level(max(l.h for l in ladder.levels if l.h < high.h))
    total = off(high)
    if not total <= STEP * high.size:
        return None
    for _ in range(HALVINGS):
        middle = samples.level(math.sqrt(low.h * high.h))
        low, high = (low, middle) if off(middle) - off(low) > off(high) - off(middle) else (middle, high)
    return high if off(high) - off(low) > total / 2 else None


def between(ladder: Ladder, estimate: Estimate) -> Estimate:
    """The estimate across noise that larger steps showed, judged by the first steps, which do not."""
    if ladder.sigma <= 10 * ladder.measured or not all(l.both for l in ladder.levels[:2]):
        return estimate
    first, second = ladder.levels[:2]
    noise = SAFETY * max(ladder.measured, EPSILON * second.size)
    slope = second.quotient(0)
    error = noise / first.h + abs(slope - first.quotient(0))
    return reconciled(estimate, Estimate(slope, error), ladder.sigma)


def below(ladder: Ladder, estimate: Estimate) -> Estimate:
    """The estimate across noise, judged by much smaller steps where the function is smooth over those."""
    if not ladder.noisy:
        return estimate
    samples = ladder.samples
    spacing = samples.step(ladder.spacing / 1024)
    values = samples.table(spacing) if spacing > 2 * samples.grain else []
    sigma = noise(values) if values else None
    if sigma is None or sigma > ladder.sigma / 16:
        return estimate
    slope = (values[6] - values[0]) / (6 * spacing)
    error = (SAFETY * sigma + abs(values[6] - 2 * values[3] + values[0])) / spacing
    return reconciled(estimate, Estimate(slope, error), ladder.sigma)


def reconciled(across: Estimate, inside: Estimate, step: float) -> Estimate:
    """The slope across the steps of the values, with an error that covers the one between steps, if that is near."""
    gap = abs(across.value - inside.value)
    if gap <= across.error + inside.error:
        return across
    if gap + inside.error > RESOLVED * abs(across.value):
        return stepped(inside.value, across.value, step)
    return replace(across, error=across.error + gap)


def stepped(inside: float, across: float, step: float) -> Estimate:
    return Estimate.refused(f"noise: the values step by {step:.2g}; the slope is {inside:g} between steps, {across:g} across")


def best(ladder: Ladder, side: int, tableau: Tableau | None = None) -> tuple[Window, float] | None:
    """The window with the least error among those that no smaller step contradicts, and its error."""
    tableau = tableau or ladder.tableaus[side]
    ordered = sorted((w for w in tableau.windows if math.isfinite(w.value)), key=lambda w: w.error)
    by_place = {(w.first, w.last): w for w in ordered}
    for window in ordered:
        error = SAFETY * window.error
        lower = by_place.get((window.first - 1, window.last - 1))
        if lower is not None:
            error = max(error, 2 * abs(lower.value - window.value))
        allowed = error + abs(tableau.quotients[window.first] - window.value)
        below = zip(tableau.quotients[: window.first], tableau.noises)
        if any(abs(q - window.value) > allowed + 4 * SAFETY * noise for q, noise in below):
            continue
        if all(abs(w.value - window.value) <= error + 4 * SAFETY * w.error for w in ordered if w.last < window.last):
            return window, error
    return None


def one_sided(ladder: Ladder, side: int) -> tuple[Window, float] | None:
    return best(ladder, side, ladder.tableaus.get(side) or ladder.beside(side, ladder.levels))


def kink(ladder: Ladder) -> Estimate | None:
    """A kink that persists at smaller steps; an estimate without reason where it does not persist."""
    samples, levels = ladder.samples, [l for l in ladder.levels if l.both]
    if not ladder.bends.windows:
        return None
    window = min(ladder.bends.windows, key=lambda w: w.error)
    jump = window.value
    if abs(jump) <= SAFETY * window.error:
        return None
    lowest = next((l for l in levels if abs(jump) * l.h > 40 * ladder.noise(l)), None)
    if lowest is None or abs(lowest.bend - jump) > 0.3 * abs(jump):
        return None
    for bits in (10, 40):
        h = lowest.h * 2.0**-bits
        if h < 2 * samples.grain or abs(jump) * h < 40 * ladder.sigma:
            break
        level = samples.level(h)
        if not level.both or abs(level.bend - jump) > 0.1 * abs(jump):
            return Estimate.refused("")
    left, right = (found[0].value if (found := one_sided(ladder, side)) else math.nan for side in (-1, 1))
    return Estimate.refused(f"kink: the slope is {left:g} to the left and {right:g} to the right", (left, right))


def shape(ladder: Ladder) -> str:
    """A jump or a pole at the point, if the smallest steps show one."""
    levels = lowest(ladder)
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


def lowest(ladder: Ladder) -> list[Level]:
    """The lowest levels at which the value changes, or none if they are too few."""
    levels = [l for l in ladder.levels if l.change > 10 * EPSILON * l.size][:5]
    return levels if len(levels) >= 4 else []


def power_of(levels: list[Level]) -> float | None:
    """The power of the step that the change follows; None if it follows none."""
    first, last = levels[0], levels[-1]
    power = math.log(last.change / first.change) / math.log(last.h / first.h)
    off = [abs(math.log(l.change / first.change) - power * math.log(l.h / first.h)) for l in levels]
    return power if max(off) < 0.1 else None


def flat_power(ladder: Ladder) -> Estimate | None:
    """The derivative 0 of a function that leaves its value like |h|**p with a p above 1 that need not be whole."""
    levels = lowest(ladder)
    power = power_of(levels) if levels else None
    if power is None or power < 1.1:
        return None
    return Estimate(0.0, levels[0].change / levels[0].h)


def why(ladder: Ladder) -> str:
    """Why nothing settled."""
    if all(math.isnan(l.change) for l in ladder.levels):
        return "undefined: the function has no finite values beside the point"
    if ladder.spacing <= 8 * ladder.samples.grain and ladder.sigma > 0.3 * ladder.size:
        return "scale: the function changes faster than the floats beside the point can show"
    if ladder.noisy:
        return f"noise: the values scatter by {ladder.sigma:g}, more than they change"
    return "undecided: the differences do not settle"


__all__ = ["Estimate", "adaptive"]
