"""Verdicts: whether each method's gradient is as near to the truth as it says it is.

An exact method is held to a first-order bound on its rounding, any other to the error that it claims for itself;
half an ulp of the truth, the width of the judge's enclosure and, for a difference of the function in floats, the
rounding of the constants in it are added, and nothing else. The certificate is the judge. Only where none could be had are methods that are independent of each other held against each other.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..differentiate.certificate import Certificate
from ..differentiate.derivative import Derivative
from ..differentiate.methods import Method
from ..differentiate.problem import Problem
from ..differentiate.rounding import Rounding, gradient_rounding
from .kinks import Kink
from .ulps import relative, ulps

FEW_DIGITS = 0.01  # an error of so much of the value leaves hardly a digit
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
    gradient: Any = None
    by_name: dict[str, Any] = field(default_factory=dict)
    max_ulps: float | None = None
    max_relative: float | None = None
    claimed_error: dict[str, Any] | None = None
    allowed: dict[str, Any] | None = None
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
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def agrees(self) -> bool | None:
        """True or False where the row was judged, None where it was not or has no digits."""
        return True if self.verdict.startswith(AGREES) else False if self.verdict == DISAGREES else None


@dataclass
class Truth:
    """What a row is held against: a gradient, how far off that may be itself, and how far off the value may be."""

    name: str
    by_name: dict[str, Any]
    width: dict[str, Any]
    sizes: dict[str, Any]


def judge_all(
    problem: Problem, results: dict[str, MethodResult], kinks: list[Kink]
) -> tuple[str, str, str, list[str]]:
    """Fills every row's verdict; returns the verdict of the whole, why it is no agreement, the reference, and notes."""
    rounding = gradient_rounding(problem)
    for result in results.values():
        if result.failure is not None:
            result.verdict, result.reason = NOT_JUDGED + result.word, result.failure
    judge = next((r for r in results.values() if r.method.judges and isinstance(r.found, Certificate)), None)
    certificate = judge.found if judge is not None else None
    if judge is None or not isinstance(certificate, Certificate):
        failed = next((r for r in results.values() if r.method.judges), None)
        return without_certificate(problem, results, kinks, rounding, failed)
    if certificate.verdict == "certified":
        return by_certificate(problem, results, rounding, judge, certificate)
    judge.reason = certificate.reason
    if certificate.verdict == "undecided":
        judge.verdict = NOT_JUDGED + ("time" if certificate.lacks == "time" else "undecided")
        return without_certificate(problem, results, kinks, rounding, judge)
    word = "undefined" if certificate.verdict == "undefined" else kind_of(certificate)
    told = certificate.reason + sides(certificate)
    for result in usable(results):
        result.verdict, result.reason = NOT_JUDGED + word, told
    measure(results, None)
    return "undecided", f"{certificate.verdict}: {told}", "none", []


def kind_of(certificate: Certificate) -> str:
    """How the function fails to be differentiable, in a word: a kink has one-sided derivatives."""
    if any(side is not None for side in certificate.one_sided.values()):
        return "kink"
    return next((word for word in ("kink", "jump") if word in certificate.reason.partition(":")[0]), "not differentiable")


def first_word(reason: str) -> str:
    return reason.partition(":")[0].partition(" ")[0].strip(",.;").lower()


def sides(certificate: Certificate) -> str:
    """The one-sided derivatives as text."""
    told = []
    for name, pair in certificate.one_sided.items():
        if isinstance(pair, tuple) and len(pair) == 2 and np.shape(pair) in ((2,), (2, 2)):
            left, right = (float(np.mean(side)) for side in pair)
            told.append(f"{name}: {left:g} from the left, {right:g} from the right")
    return f" ({'; '.join(told)})" if told else ""


def usable(results: dict[str, MethodResult]) -> list[MethodResult]:
    return [r for r in results.values() if r.failure is None]


def by_certificate(
    problem: Problem, results: dict[str, MethodResult], rounding: Rounding, judge: MethodResult, proof: Certificate
) -> tuple[str, str, str, list[str]]:
    """Every row against the certificate."""
    width = {n: enclosure_width(proof.enclosure.get(n), proof.by_name[n]) for n in proof.by_name}
    truth = Truth(judge.name, proof.by_name, width, natural_sizes(problem, rounding))
    for result in usable(results):
        if result is judge:
            result.verdict, result.reason = AGREES, "it is the judge: its digits are proven"
        else:
            judged(result, truth, rounding, problem)
    measure(results, truth)
    others = [r for r in usable(results) if r is not judge]
    wrong = [r for r in others if r.verdict == DISAGREES]
    if wrong:
        return "disagree", told_of(wrong), judge.name, []
    lost = [r for r in others if r.verdict == NO_DIGITS and r.method.exact]
    if lost:
        return "undecided", told_of(lost), judge.name, []
    if not any(r.agrees for r in others):
        return "undecided", told_of(others) or "there is only one method: nothing was compared", judge.name, []
    return "agree", "", judge.name, []


def without_certificate(
    problem: Problem,
    results: dict[str, MethodResult],
    kinks: list[Kink],
    rounding: Rounding,
    judge: MethodResult | None,
) -> tuple[str, str, str, list[str]]:
    """The rows against the best of those that are independent of the others; agreement needs two such methods."""
    others = [r for r in usable(results) if not r.method.judges]
    why = judge.reason if judge is not None else "no certificate was asked for"
    if not np.isfinite(problem.value):
        for result in others:
            result.verdict, result.reason = NOT_JUDGED + "undefined", "the function has no value here"
        return "undecided", "undefined: the function has no value here", "none", []
    sizes = natural_sizes(problem, rounding)
    reference = most_trusted(others, rounding, sizes)
    if reference is None:
        return "undecided", f"{why}; no other method can judge", "none", []
    width = {n: np.nan_to_num(allowance(reference, n, rounding), nan=np.inf) for n in reference.by_name}
    truth = Truth(reference.name, reference.by_name, width, sizes)
    for result in others:
        if result is not reference:
            judged(result, truth, rounding, problem)
    measure(results, truth)
    partners = [
        r for r in others if r is not reference and r.agrees and r.method.is_independent_of(reference.method)
    ]
    wrong = [r for r in others if r.verdict == DISAGREES]
    if partners:
        reference.verdict, reference.reason = AGREES, f"with {partners[0].name}, which is independent of it"
    else:
        reference.verdict, reference.reason = NOT_JUDGED + "undecided", "no independent method could judge it"
    doubts = doubt(others, kinks, judge)
    if wrong:
        return "disagree", told_of(wrong), reference.name, []
    if not partners:
        return "undecided", f"{why}; no two methods that are independent of each other agree", reference.name, []
    lost = [r for r in others if r.verdict == NO_DIGITS and r.method.exact]
    if lost or doubts:
        return "undecided", f"{why}; {told_of(lost) or doubts}", reference.name, []
    pair = f"{reference.name} and {partners[0].name}, which are independent of each other, agree"
    return "agree", "", reference.name, [f"no certificate ({why}); {pair}"]


def doubt(others: list[MethodResult], kinks: list[Kink], judge: MethodResult | None) -> str:
    """Why the function may have no derivative here, where no certificate rules it out."""
    if judge is not None and isinstance(judge.found, Certificate) and not judge.found.lacks:
        return "the certificate is open for another reason than time or an operation that it lacks"
    seen = [r for r in others if r.verdict.startswith(NOT_JUDGED + "kink") or r.verdict.startswith(NOT_JUDGED + "jump")]
    if seen:
        return told_of(seen)
    return f"there may be a kink: {kinks[0]}" if kinks else ""


def most_trusted(others: list[MethodResult], rounding: Rounding, sizes: dict[str, Any]) -> MethodResult | None:
    """The row to hold the others against: independent of the rows' rules if there is one, exact if there is one."""

    def rank(result: MethodResult) -> tuple[bool, bool]:
        return not result.method.independent, not result.method.exact

    for result in sorted(others, key=rank):
        parts = [(np.abs(g), np.asarray(allowance(result, n, rounding)), sizes[n]) for n, g in result.by_name.items()]
        if all(np.all(np.isfinite(g)) and np.all(a <= FEW_DIGITS * np.maximum(g, s)) for g, a, s in parts):
            return result
    finite = [r for r in sorted(others, key=rank) if r.method.exact and all(map(all_finite, r.by_name.values()))]
    return finite[0] if finite else None


def all_finite(x: Any) -> bool:
    return bool(np.all(np.isfinite(x)))


def allowance(result: MethodResult, name: str, rounding: Rounding) -> Any:
    """How far off the method may be in each entry, by its own word or by the rounding of what it computes."""
    found = result.by_name[name]
    if result.claimed_error is not None and not result.method.exact:
        claimed = np.asarray(result.claimed_error.get(name, 0.0), dtype=float) + rounding.constants[name]
        return np.broadcast_to(claimed, np.shape(found))
    own = result.found.rounding if result.found is not None else None
    bound = (own or rounding.gradient)[name]
    return np.where(np.isnan(bound), np.inf, bound)


def natural_sizes(problem: Problem, rounding: Rounding) -> dict[str, Any]:
    """|f/x|: what an entry would have to come near to matter; 0 where the value itself is nothing but rounding."""
    value = abs(float(problem.value))
    solid = rounding.value <= FEW_DIGITS * value
    sizes = {}
    for name, x in zip(problem.names, problem.values):
        x = np.abs(np.asarray(x, dtype=float))
        sizes[name] = value / np.where(x == 0, 1.0, x) if solid else np.zeros(x.shape)
    return sizes


def enclosure_width(enclosure: Any, like: Any) -> Any:
    if enclosure is None:
        return np.zeros(np.shape(like))
    pair = np.asarray(enclosure, dtype=float)
    with np.errstate(all="ignore"):
        return np.nan_to_num(pair[..., 1] - pair[..., 0], nan=np.inf, posinf=np.inf)


def judged(result: MethodResult, truth: Truth, rounding: Rounding, problem: Problem) -> None:
    """The row's verdict: the worst that is true of one of its entries, with its numbers."""
    worst: tuple[int, float, str, str] | None = None
    lost: list[str] = []
    result.allowed = {n: allowance(result, n, rounding) for n in problem.wrt}
    for name in problem.wrt:
        found, true = np.asarray(result.by_name[name], float), np.asarray(truth.by_name[name], float)
        allowed = np.broadcast_to(np.asarray(result.allowed[name], float), found.shape)
        width = np.broadcast_to(np.asarray(truth.width[name], float), found.shape)
        size = np.broadcast_to(np.asarray(truth.sizes[name], float), found.shape)
        for index in np.ndindex(found.shape):
            refused = refusal(result, name, index)
            verdict, told, much = entry(
                result, found[index], true[index], float(allowed[index]), float(width[index]), float(size[index]), refused
            )
            where = name + (str(list(index)) if index else "")
            lost += [name] * (verdict in (WITHIN, NO_DIGITS) and result.method.exact and name not in lost)
            key = (rank_of(verdict), much, verdict, f"{where}: {told}")
            worst = key if worst is None or key[:2] > worst[:2] else worst
    result.verdict, result.reason = worst[2:] if worst is not None else (AGREES, "there is nothing to differentiate by")
    if lost:
        result.details["cancelled"] = lost
        result.notes.append(f"{', '.join(lost)}: rounding leaves hardly a digit; {result.reason}")


def rank_of(verdict: str) -> int:
    return next(k for k in reversed(range(len(RANKS))) if verdict.startswith(RANKS[k]))


def refusal(result: MethodResult, name: str, index: tuple[int, ...]) -> str:
    reasons = result.found.refusals.get(name, "") if result.found is not None else ""
    if isinstance(reasons, str):
        return reasons
    return str(np.asarray(reasons, dtype=object)[index] or "")


def entry(
    result: MethodResult, found: float, true: float, allowed: float, width: float, natural: float, refused: str
) -> tuple[str, str, float]:
    """The verdict on one partial derivative, its numbers, and how far off it is in units of what is allowed."""
    if refused:
        return NOT_JUDGED + first_word(refused), refused, 0.0
    if np.isnan(found):
        return DISAGREES, f"it has no number where the derivative is {true:.6g}", np.inf
    off = 0.0 if found == true else abs(found - true)
    half = 0.5 * float(np.spacing(abs(true))) if np.isfinite(true) else 0.0
    limit = allowed + half + width
    exact, claims = result.method.exact, result.claimed_error is not None
    word = "rounding allows" if exact else "it claims" if claims else "rounding would allow"
    told = f"off by {off:.2g}, {word} {allowed:.2g}"
    if not off <= limit:
        if exact or claims:
            return DISAGREES, f"{found:.17g} where the derivative is {true:.17g}; {told}", off / limit if limit else np.inf
        return NO_DIGITS, f"it claims no error of its own, and is off by {off:.2g} of {true:.6g}", off
    much = off / limit if limit and np.isfinite(limit) else 0.0
    if exact:
        if off <= SURE * abs(true) or limit <= FEW_DIGITS * abs(true):
            return AGREES, told, much
        return (WITHIN if limit <= FEW_DIGITS * max(abs(true), natural) else NO_DIGITS), told, much
    if allowed > FEW_DIGITS * (abs(true) if true else natural):
        return NO_DIGITS, f"{found:.6g}, and the error that it claims is {allowed:.2g}", much
    return AGREES, told, much


def told_of(rows: list[MethodResult]) -> str:
    """The rows' verdicts and reasons as one sentence."""
    return "; ".join(f"{r.name}: {r.verdict}, {r.reason}" for r in rows)


def measure(results: dict[str, MethodResult], truth: Truth | None) -> None:
    """Each row's largest error against the reference."""
    if truth is None:
        return
    for result in usable(results):
        if result.by_name:
            pairs = [(result.by_name[n], t) for n, t in truth.by_name.items()]
            result.max_ulps = max((ulps(f, t) for f, t in pairs), default=0.0)
            result.max_relative = max((relative(f, t) for f, t in pairs), default=0.0)


__all__ = ["MethodResult", "judge_all"]
