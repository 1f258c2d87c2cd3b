"""Each partial derivative of a method held against the truth.

An exact method is held to a first-order bound on its rounding, any other to the error that it claims for itself;
half an ulp of the truth, the width of the judge's enclosure and, for a difference of the function in floats, the
rounding of the constants in it are added, and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from ..differentiate.derivative import Derivative
from ..differentiate.methods import Method
from ..differentiate.problem import Problem
from ..differentiate.rounding import Rounding
from ..types import Value

FEW_DIGITS = 0.01  # an error of so much of the value leaves hardly a digit
NEGLIGIBLE = 1e-6  # an entry so much smaller than the largest of its array need not have digits of its own
SURE = 1e-9  # a number as near as this to the truth agrees, though its bound on rounding be wide
AGREES, WITHIN, DISAGREES, NO_DIGITS = "agrees", "agrees, within rounding", "disagrees", "no digits"
NOT_JUDGED = "not judged: "
RANKS = (AGREES, WITHIN, NOT_JUDGED, NO_DIGITS, DISAGREES)  # a row says the worst that is true of one of its entries


@dataclass
class MethodResult:
    """One method's row in a comparison.

    `verdict` is "agrees", "agrees, within rounding", "disagrees", "no digits" (the error that it may have is over 1 %
    of the value) or "not judged: ..." with a word that says why (kink, jump, undefined, undecided, time, ...), `reason`
    the reason in numbers. `allowed` is the error that the row was held to, for each entry. `seconds` is `preparation`
    (recording, algebra, compiling) and `evaluation` (one gradient after it) together.
    """

    name: str
    method: Method
    label: str
    found: Derivative | None = None
    gradient: Value = None
    by_name: dict[str, Value] = field(default_factory=dict)
    max_ulps: float | None = None
    max_relative: float | None = None
    claimed_error: dict[str, Value] | None = None
    allowed: dict[str, Value] | None = None
    seconds: float | None = None
    preparation: float | None = None
    evaluation: float | None = None
    evaluations: int | None = None
    operations: int | None = None
    failure: str | None = None
    word: str = ""
    verdict: str = ""
    reason: str = ""
    notes: list[str] = field(default_factory=list)
    details: dict[str, Value] = field(default_factory=dict)

    @property
    def agrees(self) -> bool | None:
        """True or False where the row was judged, None where it was not or has no digits."""
        return True if self.verdict.startswith(AGREES) else False if self.verdict == DISAGREES else None


@dataclass
class Truth:
    """What a row is held against: a gradient, how far off that may be itself, what size of an error would matter, and
    whether the function in floats is more than rounding, so that differences of it can mean something."""

    name: str
    by_name: dict[str, Value]
    width: dict[str, Value]
    sizes: dict[str, Value]
    solid: bool


class Entry(NamedTuple):
    """One partial derivative: what was found, what is true, and how far apart they may be.

    `allowed` is what the method may be off, `width` what the truth may be off; an error of `size` would matter.
    """

    found: float
    true: float
    allowed: float
    width: float
    size: float
    refused: str = ""

    @property
    def off(self) -> float:
        return 0.0 if self.found == self.true else abs(self.found - self.true)

    @property
    def judge(self) -> str:
        """What the judge may be off, where that says more than its last digit."""
        return f", the judge {self.width:.2g}" if self.width > 1e-3 * self.allowed and self.width > 1e-12 else ""

    @property
    def limit(self) -> float:
        half = 0.5 * float(np.spacing(abs(self.true))) if np.isfinite(self.true) else 0.0
        return self.allowed + half + self.width


class Judged(NamedTuple):
    """A verdict on an entry, its numbers, and how far off it is in units of what is allowed."""

    verdict: str
    reason: str
    much: float = 0.0

    @property
    def badness(self) -> tuple[int, float]:
        rank = next(k for k in reversed(range(len(RANKS))) if self.verdict.startswith(RANKS[k]))
        return rank, self.much


def judge_row(result: MethodResult, truth: Truth, rounding: Rounding, problem: Problem) -> None:
    """The row's verdict: the worst that is true of one of its entries, with its numbers."""
    worst = Judged(AGREES, "there is nothing to differentiate by", -1.0)
    lost: dict[str, None] = {}
    result.allowed = {n: allowance(result, n, rounding) for n in problem.wrt}
    for name in problem.wrt:
        for index, e in entries_of(result, truth, name):
            judged = judge_exact(e) if result.method.exact else judge_inexact(e, result.claimed_error is not None)
            if (
                judged.verdict == DISAGREES
                and result.method.independent
                and not result.method.exact
                and not truth.solid
            ):
                judged = Judged(
                    NO_DIGITS, f"in floats the function is nothing but rounding here; {judged.reason}", judged.much
                )
            if judged.badness > worst.badness:
                worst = judged._replace(reason=f"{name}{list(index) if index else ''}: {judged.reason}")
            if result.method.exact and judged.verdict in (WITHIN, NO_DIGITS):
                lost[name] = None
    result.verdict, result.reason = worst.verdict, worst.reason
    if lost:
        result.details["cancelled"] = list(lost)
        result.notes.append(f"{', '.join(lost)}: rounding leaves hardly a digit; {result.reason}")


def entries_of(result: MethodResult, truth: Truth, name: str) -> Value:
    """(index, Entry) for each single number of an input."""
    found, true = np.asarray(result.by_name[name], float), np.asarray(truth.by_name[name], float)
    tables = [(result.allowed or {})[name], truth.width[name], truth.sizes[name]]
    allowed, width, size = (np.broadcast_to(np.asarray(t, dtype=float), found.shape) for t in tables)
    least = NEGLIGIBLE * np.max(np.abs(true[np.isfinite(true)]), initial=0.0)
    for index in np.ndindex(found.shape):
        here = max(float(least), abs(float(true[index])))
        if result.method.exact or true[index] == 0:
            here = max(here, float(size[index]))
        f, t, a, w = (float(table[index]) for table in (found, true, allowed, width))
        yield index, Entry(f, t, a, w, here, refusal(result, name, index))


def refusal(result: MethodResult, name: str, index: tuple[int, ...]) -> str:
    reasons = result.found.refusals.get(name, "") if result.found is not None else ""
    if isinstance(reasons, str):
        return reasons
    return str(np.asarray(reasons, dtype=object)[index] or "")


def no_number(e: Entry) -> Judged | None:
    """What is said of an entry without a number."""
    if e.refused:
        return Judged(NOT_JUDGED + first_word(e.refused), e.refused)
    if np.isnan(e.found):
        return Judged(DISAGREES, f"it has no number where the derivative is {e.true:.6g}", np.inf)
    if np.isinf(e.found) and np.isfinite(e.true):
        return Judged(DISAGREES, f"it is {e.found} where the derivative is {e.true:.6g}", np.inf)
    return None


def apart(e: Entry, told: str) -> Judged:
    much = e.off / e.limit if e.limit else np.inf
    return Judged(DISAGREES, f"{e.found:.17g} where the derivative is {e.true:.17g}; {told}", much)


def judge_exact(e: Entry) -> Judged:
    """Against the bound on rounding."""
    told = f"off by {e.off:.2g}, rounding allows {e.allowed:.2g}{e.judge}"
    if (without := no_number(e)) is not None:
        return without
    if not e.off <= e.limit:
        return apart(e, told)
    much = e.off / e.limit if e.limit and np.isfinite(e.limit) else 0.0
    near = e.off <= SURE * abs(e.true) and (e.true != 0 or np.isfinite(e.limit))
    if near or e.limit <= FEW_DIGITS * abs(e.true):
        return Judged(AGREES, told, much)
    within = np.isfinite(e.limit) and e.limit <= FEW_DIGITS * e.size
    return Judged(WITHIN if within else NO_DIGITS, told, much)


def judge_inexact(e: Entry, claims: bool) -> Judged:
    """Against the error that the method claims; one that claims none must be as near as an exact one."""
    if (without := no_number(e)) is not None:
        return without
    told = f"off by {e.off:.2g}, {'it claims' if claims else 'rounding would allow'} {e.allowed:.2g}{e.judge}"
    if not e.off <= e.limit:
        if claims:
            return apart(e, told)
        return Judged(NO_DIGITS, f"it claims no error of its own, and is off by {e.off:.2g} of {e.true:.6g}", e.off)
    if e.allowed > FEW_DIGITS * e.size:
        return Judged(NO_DIGITS, f"{e.found:.6g}, and the error that it claims is {e.allowed:.2g}", e.allowed)
    return Judged(AGREES, told, e.off / e.limit if e.limit else 0.0)


def first_word(reason: str) -> str:
    return reason.partition(":")[0].partition(" ")[0].strip(",.;").lower()


def allowance(result: MethodResult, name: str, rounding: Rounding) -> Value:
    """How far off the method may be in each entry, by its own word or by the rounding of what it computes."""
    found = result.by_name[name]
    if result.claimed_error is not None and not result.method.exact:
        claimed = np.asarray(result.claimed_error.get(name, 0.0), dtype=float) + rounding.constants[name]
        return np.broadcast_to(np.where(np.isnan(claimed), np.inf, claimed), np.shape(found))
    own = result.found.rounding if result.found is not None else None
    bound = (own or rounding.gradient)[name]
    return np.where(np.isnan(bound), np.inf, bound)


def is_solid(problem: Problem, rounding: Rounding, truth: dict[str, Value]) -> bool:
    """Whether the function in floats is more than rounding: its value, or what it changes by when an input doubles."""
    changes = [np.max(np.abs(truth[n] * np.where(x == 0, 1.0, x))) for n, x in zip(problem.names, problem.values)]
    return not rounding.value > FEW_DIGITS * max([abs(float(problem.value)), *changes]) or np.isinf(rounding.value)


def natural_sizes(problem: Problem, rounding: Rounding) -> dict[str, Value]:
    """|f/x|: what an entry would have to come near to matter; 0 where the value itself is nothing but rounding."""
    value = abs(float(problem.value))
    solid = np.isfinite(value) and rounding.value <= FEW_DIGITS * value
    sizes = {}
    for name, x in zip(problem.names, problem.values):
        x = np.abs(np.asarray(x, dtype=float))
        sizes[name] = value / np.where(x == 0, 1.0, x) if solid else np.zeros(x.shape)
    return sizes


def enclosure_width(enclosure: Value, like: Value) -> Value:
    if enclosure is None:
        return np.zeros(np.shape(like))
    pair = np.asarray(enclosure, dtype=float)
    with np.errstate(all="ignore"):
        return np.nan_to_num(pair[..., 1] - pair[..., 0], nan=np.inf, posinf=np.inf)


__all__ = ["MethodResult", "Truth", "allowance", "is_solid", "judge_row"]
