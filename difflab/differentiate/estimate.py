"""What differences say of a derivative: a number with its error, or the reason why there is none."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .extrapolation import Window
from .ladder import Ladder

SAFETY = 8.0
SLACK = 4.0  # how much more a smaller step may be off before it contradicts a larger one
FLOOR = 1e-12  # nothing is claimed to be nearer, relatively: rounding may be the same in all values
LIMITED = 10.0
RESOLVED = 1e-3  # the relative error up to which a number needs no more reasons


@dataclass(frozen=True)
class Estimate:
    """A derivative with its claimed error, or the reason why there is none.

    `limited`: by rounding or noise, so that no smaller steps would help.
    """

    value: float
    error: float
    reason: str = ""
    one_sided: tuple[float, float] | None = None
    limited: bool = True

    @classmethod
    def refused(cls, reason: str, one_sided: tuple[float, float] | None = None) -> Estimate:
        """No number, and why."""
        return cls(math.nan, math.inf, reason, one_sided)


def best(ladder: Ladder, side: int) -> Estimate | None:
    """The window with the least error among those that no smaller step contradicts; None if there is none."""
    tableau = ladder.tableau(side)
    ordered = sorted((w for w in tableau.windows if math.isfinite(w.value + w.error)), key=lambda w: w.error)
    by_place = {(w.first, w.last): w for w in ordered}
    for window in ordered:
        error = SAFETY * window.error
        lower = by_place.get((window.first - 1, window.last - 1))
        if lower is not None:
            error = max(error, 2 * abs(lower.value - window.value))
        allowed = error + abs(tableau.quotients[window.first] - window.value)
        below = zip(tableau.quotients[: window.first], tableau.noises)
        if all(abs(q - window.value) <= allowed + SLACK * SAFETY * noise for q, noise in below) and all(
            abs(w.value - window.value) <= error + SLACK * SAFETY * w.error for w in ordered if w.last < window.last
        ):
            return Estimate(window.value, max(error, FLOOR * abs(window.value)), limited=rounded(window))
    return None


def rounded(window: Window) -> bool:
    """Whether rounding and not truncation limits a window."""
    return window.truncation <= LIMITED * window.rounding


__all__ = ["RESOLVED", "SAFETY", "Estimate", "best"]
