"""The judges of a gradient: the certificate, finite differences that know their error, the Taylor test.

None of them uses a derivative rule. Each entry is judged by the first that has a number for it; what it is, and why the
one before had none, is kept for the message.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ..clock import spent
from ..differentiate.certificate import MANY
from ..differentiate.certified import certify
from ..differentiate.faithful import same
from ..differentiate.methods import differentiate
from ..differentiate.opaque import Opaque
from ..differentiate.problem import Problem, as_problem
from ..errors import DifflabError, InputError
from ..types import Array, Function, Value
from .arguments import Arguments, number, plain
from .narrow import NARROW, dithered, is_narrow

CERTIFICATE, DIFFERENCES, TAYLOR = "the certificate", "finite differences", "the Taylor test"
FEW_DIGITS = 0.01  # a claimed error from which a difference judges nothing
LARGEST = 50_000  # numbers on the way from a point to a value; a certificate takes some microseconds for each
NEGLIGIBLE = {False: 1e-6, True: 1e-3}  # a claimed error that is small beside the other entries; of float32 code


@dataclass
class Truth:
    """What a judge says of each entry: its value and error; NaN and a reason where it says nothing.

    `kinked`: there is proof that the function has no derivative here.
    """

    judge: str
    value: Value
    error: Value
    reason: list[str]
    one_sided: list[Value] = field(default_factory=list)
    note: str = ""
    kinked: bool = False

    def kink(self, k: int) -> bool:
        return self.reason[k].startswith(("kink", "jump")) or self.one_sided[k] is not None


class PointError(InputError):
    """At this point the function has no derivative that a gradient could agree with: a kink, or no value."""


class Subject:
    """A function at a point: recorded where that can be done, else a black box; `unrecorded` says why.

    All its certificates together take no longer than until `stop`, on the clock of this thread's processor time.
    """

    f: Function
    point: Arguments
    stop: float
    name: str
    values: Callable[..., float]
    value: float
    unrecorded: str

    def __init__(self, f: Function, point: Arguments, stop: float) -> None:
        self.f, self.point, self.stop = f, point, stop
        self.name = getattr(f, "__name__", type(f).__name__)
        self.values = plain(f)
        with np.errstate(all="ignore"):
            self.value, again = self.values(*point.given), self.values(*point.given)
        self.unrecorded = ""
        self.problem: Problem | None = None
        if not (again == self.value or np.isnan(again)):
            self.unrecorded = f"{self.name} gives two values at the same point: {self.value:.17g} and {again:.17g}"
            return
        try:
            self.problem = self.record(f, point.given)
        except Exception as error:  # whatever a library says of values that are not its own
            self.unrecorded = f"{self.name} cannot be recorded: {type(error).__name__}: {first_line(error)}"

    def record(self, f: Function, given: tuple[Value, ...]) -> Problem | None:
        """The record, unless it computes something else than the function does (a function may look at types)."""
        problem = as_problem(f, given)
        recorded = float(problem.value)
        if not same(problem, recorded, self.value):
            self.unrecorded = f"the record of {self.name} gives {recorded:.17g} here, the function {self.value:.17g}"
            return None
        return problem

    @property
    def callable(self) -> Function:
        return self.f if self.problem is not None else self.values

    def truth(self) -> Truth:
        """The gradient by the best judge that has a number for each entry."""
        if self.problem is None:
            narrow = is_narrow(self.values, self.point, self.value)
            values = dithered(self.values) if narrow else self.values
            found = differences(as_problem(Opaque(values), self.point.given), self.point, narrow)
            found.note = self.unrecorded + (f"; it computes in {NARROW.__name__}" if narrow else "")
            return found
        proof = certificate(self.problem, self.point, self.stop)
        if proof.judge and not proof.kinked:
            return proof
        found = differences(self.problem, self.point)
        found.note = proof.note
        return at_proven_kink(proof, found) if proof.kinked else found

    def along(self, direction: Array) -> Truth:
        """The derivative along a direction."""
        line = self.point.along(self.callable, direction)
        on_line = Arguments(line, (0.0,))
        return Subject(line, on_line, self.stop).truth()


def certificate(problem: Problem, point: Arguments, stop: float) -> Truth:
    """The certified gradient; no judge where there is none, with the reason in the note."""
    n = point.size
    nothing = Truth("", np.full(n, np.nan), np.zeros(n), [""] * n, [None] * n)
    seconds = stop - spent()
    if seconds <= 0:
        nothing.note = "no certificate: the time for certificates was over"
        return nothing
    work = sum(int(np.prod(node.value.shape)) for node in problem.graph.order if hasattr(node.value, "shape"))
    if work > LARGEST:
        nothing.note = f"no certificate: {work} numbers to compute, and the limit is {LARGEST}"
        return nothing
    if problem.size > MANY:
        nothing.note = f"no certificate: {problem.size} entries, and above {MANY} it rests on the rules that are judged"
        return nothing
    try:
        proof = certify(problem, None, seconds=seconds)
    except DifflabError as error:  # a rule of a user's own may refuse balls
        nothing.note = f"no certificate: {first_line(error)}"
        return nothing
    if proof.verdict == "undecided":
        nothing.note = f"no certificate: {proof.reason}"
        return nothing
    value = point.vector([proof.by_name[name] for name in problem.names])
    if proof.verdict == "certified":
        return Truth(CERTIFICATE, value, np.zeros(n), [""] * n, [None] * n)
    sides = [s for name, x in zip(problem.names, point.values) for s in sides_of(proof.one_sided.get(name), x)]
    kinked = proof.verdict == "not differentiable"
    word = "kink" if kinked else "undefined"
    return Truth(CERTIFICATE, np.full(n, np.nan), np.zeros(n), [f"{word}: {proof.reason}"] * n, sides, kinked=kinked)


def at_proven_kink(proof: Truth, found: Truth) -> Truth:
    """Where the certificate says that there is no derivative, differences say which entries are without one.

    Where they see none, all are: a function may have every partial derivative and no derivative.
    """
    for k, sides in enumerate(proof.one_sided):
        if sides is not None:
            found.reason[k], found.one_sided[k], found.value[k] = proof.reason[k], sides, np.nan
    if not any(found.kink(k) for k in range(len(found.reason))):
        found.reason, found.value = list(proof.reason), np.full_like(found.value, np.nan)
    return found


def sides_of(found: Value, x: Value) -> list[Value]:
    """The one-sided derivatives of each entry of a leaf as (left, right), or None; of an enclosure, its middle."""
    if found is None:
        return [None] * int(np.size(x))
    left, right = (np.asarray(side, float) for side in found)
    if left.ndim > np.ndim(x):
        left, right = left.mean(axis=-1), right.mean(axis=-1)
    pairs = zip(left.ravel().tolist(), right.ravel().tolist())
    return [None if np.isnan(a) or np.isnan(b) or a == b else (a, b) for a, b in pairs]


def differences(problem: Problem, point: Arguments, narrow: bool = False) -> Truth:
    """Finite differences of the values, each with the error that it claims; hardly a digit is no number."""
    found = differentiate(problem, None, method="numerical")
    value = point.vector([found.by_name[name] for name in problem.names])
    claimed = found.claimed_error or {}
    error = point.vector(
        [np.broadcast_to(claimed.get(n, 0.0), np.shape(x)) for n, x in zip(problem.names, point.values)]
    )
    reason = point.vector(
        [np.broadcast_to(found.refusals.get(n, ""), np.shape(x)) for n, x in zip(problem.names, point.values)], object
    ).tolist()
    sides = [s for n, x in zip(problem.names, point.values) for s in sides_of(found.one_sided.get(n), x)]
    for k, (v, e) in enumerate(zip(value, error)):
        if reason[k]:
            continue
        if not np.isfinite(v):
            reason[k] = "undefined: the differences are no number"
        elif not e <= max(FEW_DIGITS * abs(v), NEGLIGIBLE[narrow] * size_of_leaf(point, value, k, problem.value)):
            reason[k] = f"noise: the differences claim an error of {e:.1e} beside a value of {v:.3g}"
    return Truth(DIFFERENCES, value, error, reason, sides)


def size_of_leaf(point: Arguments, value: Value, k: int, y: Value) -> float:
    """The largest derivative by an entry of the same array; where all are 0, what the function's own size suggests."""
    leaf = point.place(k)[0]
    start = sum(point.sizes[:leaf])
    mine = value[start : start + point.sizes[leaf]]
    largest = float(np.max(np.abs(mine[np.isfinite(mine)]), initial=0.0))
    return largest or abs(float(y)) / max(1.0, float(np.max(np.abs(point.values[leaf]))))


def first_line(error: BaseException) -> str:
    lines = str(error).splitlines()
    return lines[0][:200] if lines else "no message"


def remainder(subject: Subject, gradient: Function, seed: int) -> Value:
    """The Taylor test of somebody's gradient, over the entries as one vector."""
    from ..lab.taylor import taylor_test
    from .arguments import gradient_leaves

    point = subject.point
    rebuilt: Callable[[Array], tuple[Value, ...]] = lambda v: point.rebuild(point.split(v))
    f: Callable[[Array], float] = lambda v: number(subject.f(*rebuilt(v)), subject.name)
    g: Callable[[Array], Value] = lambda v: point.vector(gradient_leaves(point, gradient(*rebuilt(v)), "gradient="))
    return taylor_test(f, g, point.vector(point.values), seed=seed)


__all__ = ["CERTIFICATE", "DIFFERENCES", "TAYLOR", "PointError", "Subject", "Truth", "remainder"]
