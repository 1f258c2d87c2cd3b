"""Verdicts: whether each method's gradient is as near to the truth as it says it is, and whether all of them agree.

The certificate is the judge. Only where none could be had are methods that are independent of each other held against
each other, and agreement of two such methods is called so.
"""

from __future__ import annotations

import numpy as np

from ..differentiate.certificate import Certificate
from ..differentiate.faithful import departure
from ..differentiate.problem import Problem
from ..differentiate.rounding import Rounding, gradient_rounding
from ..types import Value
from .entries import (
    AGREES,
    DISAGREES,
    FEW_DIGITS,
    NO_DIGITS,
    NOT_JUDGED,
    MethodResult,
    Truth,
    allowance,
    enclosure_width,
    is_solid,
    judge_row,
    natural_sizes,
)
from .kinks import Kink
from .ulps import relative, ulps


def judge_all(problem: Problem, results: dict[str, MethodResult], kinks: list[Kink]) -> tuple[str, str, str, list[str]]:
    """Fills every row's verdict; returns the verdict of the whole, why it is no agreement, the reference, and notes."""
    for result in results.values():
        if result.failure is not None:
            result.verdict, result.reason = NOT_JUDGED + result.word, result.failure
    told = departure(problem)
    if told:
        for result in usable(results):
            result.verdict, result.reason = NOT_JUDGED + "undecided", told
        return "undecided", told, "none", []
    rounding = gradient_rounding(problem)
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
    return next(
        (word for word in ("kink", "jump") if word in certificate.reason.partition(":")[0]), "not differentiable"
    )


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
    truth = Truth(
        judge.name, proof.by_name, width, natural_sizes(problem, rounding), is_solid(problem, rounding, proof.by_name)
    )
    for result in usable(results):
        if result is judge:
            result.verdict, result.reason = AGREES, "it is the judge: its digits are proven"
        else:
            judge_row(result, truth, rounding, problem)
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
        word, told = without_value(problem, judge)
        for result in others:
            result.verdict, result.reason = NOT_JUDGED + word, told
        return "undecided", f"{word}: {told}", "none", []
    sizes = natural_sizes(problem, rounding)
    reference = most_trusted(others, rounding, sizes)
    if reference is None:
        return "undecided", f"{why}; no other method can judge", "none", []
    width = {n: np.nan_to_num(allowance(reference, n, rounding), nan=np.inf, posinf=np.inf) for n in reference.by_name}
    truth = Truth(reference.name, reference.by_name, width, sizes, is_solid(problem, rounding, reference.by_name))
    for result in others:
        if result is not reference:
            judge_row(result, truth, rounding, problem)
    measure(results, truth)
    partners = [r for r in others if r is not reference and r.agrees and r.method.is_independent_of(reference.method)]
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


def without_value(problem: Problem, judge: MethodResult | None) -> tuple[str, str]:
    """What is said of a function whose value is no float: exp(1000) is defined and too large, log(-1) is undefined."""
    told = f"the function's value in floats is {problem.value}"
    if judge is not None and isinstance(judge.found, Certificate):
        return "undecided", f"{told}; {judge.reason}"
    if np.isnan(problem.value):
        return "undefined", f"{told}: it has no value here"
    return "undecided", f"{told}: it has no value here, or one larger than the largest float"


def doubt(others: list[MethodResult], kinks: list[Kink], judge: MethodResult | None) -> str:
    """Why the function may have no derivative here, where no certificate rules it out."""
    if judge is not None and isinstance(judge.found, Certificate) and not judge.found.lacks:
        return "the certificate is open for another reason than time or an operation that it lacks"
    seen = [r for r in others if r.verdict.startswith(NOT_JUDGED + "kink") or r.verdict.startswith(NOT_JUDGED + "jump")]
    if seen:
        return told_of(seen)
    return f"there may be a kink: {kinks[0]}" if kinks else ""


def most_trusted(others: list[MethodResult], rounding: Rounding, sizes: dict[str, Value]) -> MethodResult | None:
    """The row to hold the others against: independent of the rows' rules if there is one, exact if there is one."""

    def rank(result: MethodResult) -> tuple[bool, bool]:
        return not result.method.independent, not result.method.exact

    for result in sorted((r for r in others if r.method.exact or r.claimed_error is not None), key=rank):
        parts = [(np.abs(g), np.asarray(allowance(result, n, rounding)), sizes[n]) for n, g in result.by_name.items()]
        if all(np.all(np.isfinite(g)) and np.all(a <= FEW_DIGITS * np.maximum(g, s)) for g, a, s in parts):
            return result
    finite = [r for r in sorted(others, key=rank) if r.method.exact and all(map(all_finite, r.by_name.values()))]
    return finite[0] if finite else None


def all_finite(x: Value) -> bool:
    return bool(np.all(np.isfinite(x)))


def told_of(rows: list[MethodResult]) -> str:
    """The rows' verdicts and reasons as one sentence; rows of which the same is true stand together."""
    together: dict[tuple[str, str], list[str]] = {}
    for r in rows:
        together.setdefault((r.verdict, r.reason), []).append(r.name)
    return "; ".join(f"{', '.join(names)}: {verdict}, {reason}" for (verdict, reason), names in together.items())


def measure(results: dict[str, MethodResult], truth: Truth | None) -> None:
    """Each row's largest error against the reference."""
    if truth is None:
        return
    for result in usable(results):
        if result.by_name and (result.name == truth.name or not result.verdict.startswith(NOT_JUDGED)):
            pairs = [(result.by_name[n], t) for n, t in truth.by_name.items()]
            result.max_ulps = max((ulps(f, t) for f, t in pairs), default=0.0)
            result.max_relative = max((relative(f, t) for f, t in pairs), default=0.0)


__all__ = ["MethodResult", "judge_all"]
