"""Certificates of random functions, judged by mpmath: the first cases of `python -m benchmarks.certificates`."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from mpmath import mp, mpf

sys.path.append(str(Path(__file__).parents[1]))  # benchmarks/ is no part of the installed package

from benchmarks.certificates import SHARE, cause, outcomes
from benchmarks.referee import judge, words
from benchmarks.referee.expressions import Case, Term
from benchmarks.referee.reals import UnjudgedError

CHUNKS, CASES = 2, 400  # .ci/run has 10,000, the first of which are these; a hundred thousand run by hand
PATIENCE = 60.0  # seconds of processor time before a certificate counts as one that hangs; difflab's own limit is 10


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_random_functions(chunk):
    found = list(outcomes(0, chunk * CASES, CASES, jobs=1, seconds=PATIENCE))
    false = [f"case {o.index}: {o.verdict} ({o.found}) {o.detail}\n{o.paste}" for o in found if o.found]
    assert not false, "\n\n".join(false)
    smooth = [o for o in found if o.ordinary]
    missed = [o for o in smooth if o.verdict != "certified"]
    assert len(smooth) > 0.25 * CASES
    assert len(missed) <= (1 - SHARE) * len(smooth), Counter(map(cause, missed))
    judged = sum(1 for o in found if not o.unjudged)
    assert judged > 0.97 * CASES


# The referee itself: what it must find, and what it must leave alone.
def scalar(name: str, x: float) -> Term:
    return Term("input", "s", lambda: None, (), name, name, mpf(x))


def case(result: Term, **at: float) -> Case:
    return Case(0, 0, "ordinary", "text", result, at)


class Claim:
    """A certificate that says so."""

    def __init__(self, **enclosure: tuple[float, float]) -> None:
        self.enclosure = enclosure


def against(result: Term, at: dict[str, float], **enclosure: tuple[float, float]) -> str:
    with mp.workdps(judge.ARITHMETIC):
        found = judge.against_certified(case(result, **at), Claim(**enclosure))
    return found.what if found else ""


def row(name: str, *args: Term) -> Term:
    return words.applied(name, list(args), True)


def test_the_referee_sees_what_is_false():
    x, y = scalar("x", 0.0), scalar("y", 0.0)
    zero, one = words.whole(0), words.whole(1)
    square = row("square", x)
    at = {"x": 0.0}
    assert against(row("absolute", x), at, x=(0.0, 0.0)) == "kink"
    assert against(row("sign", square), at, x=(0.0, 0.0)) == "kink"
    assert against(row("sign", x), at, x=(0.0, 0.0)) == "kink"
    assert against(row("floor", row("cos", x)), at, x=(0.0, 0.0)) == "kink"
    assert against(row("divide", square, x), at, x=(0.0, 0.0)) == "undefined"
    assert against(row("sqrt", x), at, x=(0.0, np.inf)) == "undefined"
    assert against(row("cbrt", x), at, x=(0.0, np.inf)) == "kink"
    assert against(words.where(row("greater", square, zero), row("multiply", words.whole(3), x), x), at, x=(1.0, 1.0))
    assert against(row("sin", x), at, x=(np.nextafter(1, 2), 1.1)) == "enclosure"
    both = {"x": 0.0, "y": 0.0}
    product = row("sqrt", row("absolute", row("multiply", x, y)))  # partial derivatives of 0, and no derivative
    assert against(product, both, x=(0.0, 0.0), y=(0.0, 0.0)) == "kink"
    beside = row("multiply", square, row("absolute", y))  # differentiable at the point, not around it
    assert against(beside, both, x=(0.0, 0.0), y=(0.0, 0.0)) == "kink nearby"
    assert against(row("log", row("subtract", x, one)), at, x=(-1.0, -1.0)) == "undefined"


def test_the_referee_does_not_accuse():
    x, tiny = scalar("x", 0.0), words.decimal(1e-300)
    at = {"x": 0.0}
    assert not against(row("exp", x), at, x=(1.0, 1.0))
    assert not against(row("square", x), at, x=(0.0, 0.0))
    assert not against(row("absolute", row("subtract", x, tiny)), at, x=(-1.0, -1.0))
    assert not against(row("multiply", x, row("absolute", x)), at, x=(0.0, 0.0))
    assert not against(row("softplus", x), at, x=(0.5, 0.5))
    far = words.applied("sigmoid", [scalar("x", 1e4)], True)  # 1 - 10**-4343: no digits here tell that from 1
    with pytest.raises(UnjudgedError):
        against(row("trunc", far), {"x": 1e4}, x=(1.0, 1.0))
