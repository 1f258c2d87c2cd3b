"""One case from its number to its outcome: certified, judged, timed."""

from __future__ import annotations

import signal
import time
import traceback
from dataclasses import dataclass, field
from typing import Any

from mpmath import mp

from . import judge
from .expressions import Case
from .generate import generate
from .reals import UnjudgedError

SECONDS = 15.0


class SlowError(Exception):
    """The alarm rang."""


@dataclass
class Outcome:
    """What became of one case."""

    index: int
    kind: str
    mode: str
    verdict: str
    rows: frozenset[str]
    found: str = ""  # one word, where something is wrong: undefined, kink, enclosure, smooth, crash, hang, ...
    detail: str = ""
    paste: str = ""
    reason: str = ""
    unjudged: str = ""
    ordinary: bool = False
    seconds: float = 0.0
    terms: int = 0
    more: dict[str, Any] = field(default_factory=dict)


def hear(seed: int, index: int, seconds: float = SECONDS, share: bool = True) -> Outcome:
    """Certifies a case and lets the referee look at the answer."""
    case = generate(seed, index)
    return hear_case(case, seconds, share)


def hear_case(case: Case, seconds: float = SECONDS, share: bool = True) -> Outcome:
    import difflab as dl

    operations = sum(1 for t in case.terms if t.args)
    outcome = Outcome(case.index, case.kind, case.mode, "", frozenset(case.rows), terms=operations)
    start = time.perf_counter()
    try:
        with alarm(seconds):
            claim = dl.certify(case.function(), case.at, wrt=case.wrt)
    except SlowError:
        outcome.found, outcome.detail = "hang", f"no answer in {seconds:g} s of processor time"
    except dl.DifflabError as error:
        outcome.verdict = "refused"
        outcome.reason = f"{type(error).__name__}: {error}"
    except Exception as error:
        if fails_by_itself(case):  # integers to negative powers
            outcome.verdict, outcome.reason = "refused", f"NumPy: {error}"
            return outcome
        outcome.found = "crash"
        outcome.detail = f"{type(error).__name__}: {error} ({traceback.extract_tb(error.__traceback__)[-1]})"
    outcome.seconds = time.perf_counter() - start
    if outcome.found or outcome.verdict:
        outcome.paste = case.paste()
        return outcome
    outcome.verdict = getattr(claim, "verdict", "certified" if claim.certified else "undecided")
    outcome.reason = str(getattr(claim, "reason", "") or "; ".join(claim.notes))
    try:
        with alarm(seconds), mp.workdps(judge.ARITHMETIC):
            found = judged(case, claim, outcome.verdict)
            if outcome.verdict == "certified":
                outcome.ordinary = case.kind == "ordinary" and found is None
            elif share and case.kind == "ordinary":
                outcome.ordinary = judge.ordinary(case)
    except SlowError:
        outcome.unjudged, found = "time", None
    except UnjudgedError as error:
        outcome.unjudged, found = str(error).split(":")[0], None
    if found is not None:
        outcome.found, outcome.detail = found.what, found.detail
    if found is not None or outcome.verdict != "certified":
        outcome.paste = case.paste()
    return outcome


def fails_by_itself(case: Case) -> bool:
    """Whether the function in NumPy ends in an error too."""
    function = case.function()
    if isinstance(function, str):
        return False
    try:
        function(**case.at)
    except Exception:
        return True
    return False


def judged(case: Case, claim: Any, verdict: str) -> judge.Finding | None:
    if verdict == "certified":
        return judge.against_certified(case, claim)
    if verdict == "undefined":
        return judge.against_undefined(case)
    found = judge.against_one_sided(case, getattr(claim, "one_sided", None))
    if found is None and verdict == "not differentiable":
        found = judge.against_not_differentiable(case)
    return found


class alarm:
    """Raises SlowError in the main thread after so many seconds of this process's time."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __enter__(self) -> None:
        signal.signal(signal.SIGPROF, self.ring)
        signal.setitimer(signal.ITIMER_PROF, self.seconds)

    def __exit__(self, *_: Any) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)

    @staticmethod
    def ring(*_: Any) -> None:
        raise SlowError
