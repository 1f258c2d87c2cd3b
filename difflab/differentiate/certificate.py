"""Certificate: what the certified method answers, and the entries it is made of."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from flint import arb

from ..cards.parts import Card, Table, Words, array_row, duration, facts, figure
from ..glance import cut, glance
from ..types import Value
from .derivative import Derivative

CERTIFIED, KINK, UNDEFINED, UNDECIDED = "certified", "not differentiable", "undefined", "undecided"
LARGEST, NORMAL = float(np.finfo(float).max), float(np.finfo(float).tiny)
MANY = 200  # coordinates above which the reverse sweep takes over
MANY_PAIRS = 48  # coordinates up to which second derivatives are enclosed
TIE_BITS = 256  # an enclosure as narrow as this that still straddles two doubles lies half-way between them


@dataclass(repr=False)
class Certificate(Derivative):
    """A Derivative with proof.

    `verdict` is "certified" (the function is defined and differentiable in a neighbourhood of the point, in all
    coordinates asked for, and each enclosure contains the derivative), "not differentiable" (proven; `one_sided[name]`
    holds enclosures of the left and the right derivative where they exist), "undefined" (the function has no value at
    the point), or "undecided"; `reason` says why it is not the first. `lacks` says what an undecided certificate could
    not be had for, where that is no doubt about the function: "time", "memory" or an "operation" without enclosures.
    `enclosure[name]` is (low, high), `digits[name]` the proven decimal digits. With `order=2`, `hessian[a][b]` and
    `hessian_enclosure[a][b]` are the second derivatives.
    """

    enclosure: dict[str, Value] = field(default_factory=dict)
    digits: dict[str, Value] = field(default_factory=dict)
    verdict: str = UNDECIDED
    reason: str = ""
    lacks: str = ""
    bits: int = 0
    hessian: dict[str, dict[str, Value]] = field(default_factory=dict)
    hessian_enclosure: dict[str, dict[str, Value]] = field(default_factory=dict)

    @property
    def certified(self) -> bool:
        """Whether the verdict is "certified"."""
        return self.verdict == CERTIFIED

    def __repr__(self) -> str:
        told = f": {cut(self.reason)}" if self.reason else ""
        return f"<Certificate, {self.verdict}{told}; gradient {glance(self.gradient)}>"

    def _card_(self) -> Card:
        rows = []
        for name, x in self.by_name.items():
            bounds = np.asarray(self.enclosure.get(name, ()), float)
            low, high = (f"{v:.17g}" for v in bounds) if bounds.shape == (2,) else ("", "")
            digits = self.digits.get(name)
            least = int(np.min(digits)) if digits is not None and np.size(digits) else None
            rows.append([*array_row(name, x), low, high, figure(least)])
        heads = ["d / d", "shape", "derivative", "least", "greatest", "norm", "not finite", "at least", "at most"]
        entries = Table(rows, [*heads, "proven digits"]).without_empty()
        sides = [
            (name, *[f"[{x[0]:.6g}, {x[1]:.6g}]" if np.shape(x) == (2,) else glance(x) for x in pair])
            for name, pair in self.one_sided.items()
            if isinstance(pair, tuple | list) and len(pair) == 2
        ]
        told = facts({"precision": f"{self.bits} bits" if self.bits else "", "time": duration(self.seconds or None)})
        why = Words(self.reason, attention=True) if self.reason else None
        notes = [Words(note) for note in self.notes[:8] if not self.reason or self.reason not in note]
        about = f"{self.verdict}: value {glance(self.value)}"
        return Card("Certificate", about).add(
            why, entries, Table(sides, ("d / d", "from the left", "from the right")), told, *notes
        )


@dataclass
class Entry:
    """One number: the nearest double, the bounds, and whether the enclosure says one double (or a tie of two)."""

    value: float = math.nan
    low: float = -math.inf
    high: float = math.inf
    digits: int = 0
    settled: bool = False
    overflows: bool = False


def entry(ball: arb) -> Entry:
    """A ball as doubles: the nearest to its middle, the bounds rounded outward, the digits it proves."""
    if not ball.is_finite():
        return Entry()
    low, high = outward(ball)
    nearest, lowest, highest = float(ball.mid()) + 0.0, float(ball.lower()), float(ball.upper())
    exact = ball.is_exact()
    accuracy = 1 << 14 if exact else int(ball.rel_accuracy_bits())
    overflows = math.isinf(lowest) or math.isinf(highest)
    settled = not overflows and (lowest == highest or accuracy >= TIE_BITS)
    digits = 17 if exact else max(0, min(int(accuracy * math.log10(2)), 4096))
    digits = max(digits, 15) if settled else digits
    return Entry(nearest, low, high, digits if ball == nearest else min(digits, held(nearest)), settled, overflows)


def held(value: float) -> int:
    """The decimal digits that a double of this size can hold: below the normal numbers fewer, of 0 none."""
    size = abs(value)
    return 4096 if size >= NORMAL else int(math.log10(size) - math.log10(math.ulp(0.0))) if size else 0


def outward(ball: arb) -> tuple[float, float]:
    """Doubles below and above all of a ball."""
    lower, upper = ball.lower(), ball.upper()
    low, high = float(lower), float(upper)
    if low == math.inf:
        low = LARGEST
    elif math.isfinite(low) and not arb(low) <= lower:
        low = math.nextafter(low, -math.inf)
    if high == -math.inf:
        high = -LARGEST
    elif math.isfinite(high) and not arb(high) >= upper:
        high = math.nextafter(high, math.inf)
    return low, high


def blank(x: Value) -> Value:
    """An unsettled entry for each number of x."""
    out = np.empty(np.shape(x), dtype=object)
    for index in np.ndindex(out.shape):
        out[index] = Entry()
    return out


def table(entries: Value, what: str) -> Value:
    """One field of the entries, as an array or a number."""
    out = np.array([getattr(e, what) for e in entries.flat]).reshape(entries.shape)[()]
    return int(out) if what == "digits" and out.shape == () else out


def pairs(entries: Value) -> Value:
    """The enclosures: (low, high), or an array with a last axis of two."""
    if entries.shape == ():
        return entries[()].low, entries[()].high
    return np.array([(e.low, e.high) for e in entries.flat]).reshape((*entries.shape, 2))
