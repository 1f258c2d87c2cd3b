"""What `convexity` answers: the verdict, the proven bounds, the two points of a counterexample."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from ..cards.parts import Card, Table, Words, facts
from ..cards.shown import Carded
from ..glance import glance
from ..types import Value

STRONG, CONVEX, NOT_CONVEX, UNDECIDED = "strongly convex", "convex", "not convex", "undecided"


@dataclass(frozen=True)
class Violation:
    """Two points, and by how much the value in their middle is proven to lie above the mean of their values."""

    a: dict[str, Value]
    b: dict[str, Value]
    gap: float

    def __str__(self) -> str:
        return f"between {told_point(self.a)} and {told_point(self.b)} the middle lies {self.gap:.3g} above the chord"


@dataclass(frozen=True)
class Convexity(Carded):
    """What is proven about a function on a box.

    `verdict` is "strongly convex" (`m` > 0 bounds the Hessian's eigenvalues from below), "convex", "not convex"
    (`violation` has the two points), or "undecided" (`reason` says why). `smoothness` bounds the eigenvalues from above
    where the Hessian exists on the whole box, else it is inf; `boxes` is how many parts were looked at.
    """

    verdict: str
    region: dict[str, Value]
    m: float = 0.0
    smoothness: float = math.inf
    violation: Violation | None = None
    reason: str = ""
    boxes: int = 0
    rules: bool = field(default=False)  # whether rules of composition proved it where the Hessian could not

    @property
    def convex(self) -> bool | None:
        """True or False where that is proven, None where it is undecided."""
        return {STRONG: True, CONVEX: True, NOT_CONVEX: False}.get(self.verdict)

    @property
    def condition(self) -> float:
        """An upper bound of the condition number: smoothness / m."""
        return self.smoothness / self.m if self.m > 0 else math.inf

    def __repr__(self) -> str:
        return f"<Convexity: {self}>"

    def _card_(self) -> Card:
        box = [(name, glance(x)) for name, x in self.region.items()]
        bounds = facts(
            {
                "eigenvalues at least": below(self.m) if self.m > 0 else "",
                "eigenvalues at most": above(self.smoothness) if math.isfinite(self.smoothness) else "",
                "condition number at most": above(self.condition) if math.isfinite(self.condition) else "",
                "parts of the box": self.boxes,
            }
        )
        verdict = Words(str(self), attention=self.convex is not True)
        return Card("Convexity", self.verdict).add(verdict, bounds, Table(box, ("input", "region")))

    def __str__(self) -> str:
        if self.verdict == NOT_CONVEX:
            return f"not convex: {self.violation}"
        if self.verdict == UNDECIDED:
            return f"undecided: {self.reason}"
        bound = f", eigenvalues at most {above(self.smoothness)}" if math.isfinite(self.smoothness) else ""
        parts = "the box" if self.boxes == 1 else f"{self.boxes} parts of the box"
        how = "rules of composition" if self.rules else f"the Hessian enclosed on {parts}"
        if self.verdict == STRONG:
            return f"strongly convex: eigenvalues of the Hessian at least {below(self.m)}{bound}; by {how}"
        return f"convex{bound}; by {how}"


def told_point(point: dict[str, Value]) -> str:
    """A point in words: x=0.5, p=[1, 2]."""
    return ", ".join(f"{n}={np.array2string(np.asarray(x), precision=6, separator=', ')}" for n, x in point.items())


def last_digit(x: float) -> float:
    """The place of the last of four digits, or of the last bit where floats have no smaller one."""
    return max(10.0 ** (math.floor(math.log10(x)) - 3), math.ulp(0.0))


def below(x: float) -> str:
    """A bound from below in four digits, rounded down."""
    step = last_digit(x)
    return f"{math.floor(x / step) * step:.4g}"


def above(x: float) -> str:
    """A bound from above in four digits, rounded up."""
    if x <= 0:
        return f"{x:.4g}"
    step = last_digit(x)
    return f"{math.ceil(x / step) * step:.4g}"


__all__ = ["CONVEX", "NOT_CONVEX", "STRONG", "UNDECIDED", "Convexity", "Violation", "told_point"]
