"""What judge answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ...cards.parts import Card, Table, Words, figure
from ...cards.shown import Carded
from ...types import Tree, Value
from .entries import AT_KINK, BUG, CONVENTION, ROUNDING

WORST = (BUG, AT_KINK)


@dataclass(frozen=True)
class Finding:
    """A derivative of a framework's that is not the function's.

    `operation` is the operation or rule that makes it, by its operand `operand` at `index`, where that is `input`: the
    framework says `theirs`, the truth is `ours`, `ulps` apart in the framework's dtype. `kind` is "bug" where rounding
    does not explain that, "rounding" where it does, "convention" where there is no derivative and theirs lies between
    the one-sided ones, "kink" where it does not. `allowed` says that the caller named the operation as one that is
    meant to differ.
    """

    operation: str
    operand: str
    index: tuple[int, ...]
    input: float
    theirs: float
    ours: float
    ulps: float
    kind: str
    reason: str
    source: str = ""
    allowed: bool = False

    def __str__(self) -> str:
        place = self.operand + (f"[{', '.join(map(str, self.index))}]" if self.index else "")
        line = f" [{self.source}]" if self.source else ""
        allowed = " (allowed)" if self.allowed else ""
        told = f"{self.kind}{allowed}: {self.operation} by {place} = {self.input:.9g} gives {self.theirs:.9g}"
        if self.kind in (BUG, ROUNDING):
            told += f", the truth is {self.ours:.9g}, {self.ulps:.3g} ulps apart"
        return f"{told} ({self.reason}){line}"

    def to_json(self) -> dict[str, Tree]:
        plain: Callable[[float], float | str] = lambda x: float(x) if np.isfinite(x) else str(x)
        numbers = {n: plain(getattr(self, n)) for n in ("input", "theirs", "ours", "ulps")}
        words = {n: getattr(self, n) for n in ("operation", "operand", "kind", "reason", "source", "allowed")}
        return {**words, **numbers, "index": list(self.index)}


@dataclass(frozen=True, repr=False)
class Judgement(Carded):
    """Whether a framework's gradient is the derivative of what it computes.

    `agree` where it is, to rounding and conventions at kinks, and but for what was allowed; `findings` are the entries
    that are not, the worst first. `taylor` is the order of the remainder of a Taylor expansion with this gradient (2
    for a right one), where it could be had; `unjudged` says what nobody could judge.
    """

    name: str
    framework: str
    findings: list[Finding]
    value: Value
    gradient: dict[str, Value]
    taylor: float | None = None
    operations: int = 0
    unjudged: list[str] = field(default_factory=list)

    @property
    def agree(self) -> bool:
        return not any(f.kind in WORST and not f.allowed for f in self.findings)

    def __bool__(self) -> bool:
        return self.agree

    def __str__(self) -> str:
        kinks = any(f.kind in (CONVENTION, AT_KINK) for f in self.findings)  # where no gradient passes it
        stopped = (
            self.agree and self.taylor is not None and self.taylor < 1.5
        )  # stop_gradient: other values, on purpose
        order = (
            ""
            if self.taylor is None or kinks or stopped
            else f" (Taylor test: the remainder is of order {self.taylor:.2f})"
        )
        lines = [f"{self.framework}'s gradient of {self.name} " + ("is right" if self.agree else "is wrong") + order]
        lines += [str(f) for f in self.findings]
        return "\n".join([*lines, *[f"not judged: {told}" for told in self.unjudged]])

    def says_taylor(self) -> bool:
        """Whether the Taylor test says anything: at kinks no gradient passes, nor where `stop_gradient` is meant."""
        if self.taylor is None or any(f.kind in (CONVENTION, AT_KINK) for f in self.findings):
            return False
        return not (self.agree and self.taylor < 1.5)

    def __repr__(self) -> str:
        lines = str(self).splitlines()
        return "\n".join(lines if len(lines) <= 5 else [*lines[:4], f"... {len(lines) - 4} more lines; print it"])

    def to_json(self) -> dict[str, Tree]:
        return {
            "function": self.name,
            "framework": self.framework,
            "agree": self.agree,
            "findings": [f.to_json() for f in self.findings],
            "taylor": self.taylor,
            "unjudged": list(self.unjudged),
        }

    def _card_(self) -> Card:
        heads = ("kind", "operation", "operand", "at", "theirs", "truth", "ulps", "why", "line")
        rows = [
            [
                f.kind + " (allowed)" * f.allowed,
                f.operation,
                f"{f.operand}{list(f.index) if f.index else ''}",
                *(figure(f.input), f"{f.theirs:.12g}", f"{f.ours:.12g}", figure(f.ulps, 3)),
                *(f.reason, f.source),
            ]
            for f in self.findings
        ]
        verdict = "right" if self.agree else "wrong"
        notes = [Words(f"not judged: {told}") for told in self.unjudged]
        about = f"{self.framework}'s gradient of {self.name}: {verdict}"
        return Card("Judgement", about).add(Table(rows, heads).without_empty(), *notes)


__all__ = ["Finding", "Judgement"]
