"""One gradient, entry by entry, against the derivative of the function that was recorded.

An entry that is a few ulps from difflab's own derivative in double precision is right: two rules that know nothing of
each other agree. Of any other the certificate of that one coordinate decides.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import NamedTuple, TypeAlias

import numpy as np

from ...clock import spent
from ...differentiate.certificate import KINK, UNDEFINED, Certificate
from ...differentiate.certified import certify
from ...differentiate.methods import differentiate
from ...differentiate.problem import Problem, as_problem
from ...differentiate.rounding import gradient_rounding
from ...differentiate.transform import grad
from ...errors import DifflabError, ShapeError
from ...types import Array, DType, Function, Value

FEW = 4.0  # ulps that nobody counts
SUSPECTS = 12  # entries that are looked at closely in any case
MOST = 2_000  # of one argument that may be looked at
WITHOUT = ("kink", "jump", "pole", "undefined")  # what differences say where there is no derivative
SHORT = 2.0  # seconds of processor time for the certificate of one coordinate
BUG, AT_KINK, CONVENTION, ROUNDING, UNJUDGED = "bug", "kink", "convention", "rounding", "not judged"
Point: TypeAlias = dict[str, Value]


@dataclass(frozen=True)
class Entry:
    """One partial derivative that is not the derivative's: `theirs` beside `ours`, `kind` says how that comes."""

    name: str
    index: tuple[int, ...]
    at: float
    theirs: float
    ours: float
    ulps: float
    kind: str
    reason: str


class Judged(NamedTuple):
    """The entries that are not right, and how many are apart from ours by more than rounding that nobody looked at."""

    entries: list[Entry]
    left: int = 0


def judged(f: Function, at: Point, theirs: Point, seconds: float, few: float = FEW) -> Judged:
    """The entries of a gradient of f, a function of arguments of these names to a number, that are not right.

    Those that are `few` ulps from ours are not looked at. Of the others that come first which rounding explains least,
    of each argument in turn: a number that should be 0 is any number of ulps from it, and harmless.
    """
    until = spent() + seconds
    with np.errstate(all="ignore"):
        try:
            wide = {name: np.asarray(x, float) for name, x in at.items()}
            ours = own_gradient(f, wide)
        except ShapeError:  # a loop whose carry is of single precision stays so
            wide = at
            ours = own_gradient(f, wide)
        apart = {name: ulps(g, np.asarray(ours[name]), g.dtype) for name, g in theirs.items()}
    if not any(np.any(x > few) for x in apart.values()):
        return Judged([])
    limits = rounding_of(f, at)
    found_by_name = [suspects(n, at[n], theirs[n], ours[n], apart[n], limits[n], few) for n in theirs]
    by_name, left = [found for found, _ in found_by_name], sum(rest for _, rest in found_by_name)
    queue = [pair for turn in zip_longest(*by_name) for pair in turn if pair is not None]
    decided: list[Entry] = []
    for k, (entry, excess) in enumerate(queue):
        if k >= SUSPECTS and (excess <= 1.0 or any(e.kind == BUG for e in decided)):
            continue
        if k >= SUSPECTS and spent() > until:
            left += 1
            continue
        bound, time = limits[entry.name], max(0.05, min(SHORT, until - spent()))
        found = decide(f, wide, at[entry.name].dtype, entry, bound, time)
        decided += [found] if found is not None else []
    return Judged(decided, left)


def own_gradient(f: Function, at: Point) -> Point:
    """difflab's derivative: in double precision, whatever that of the framework's point, where f can be computed so."""
    found = grad(f, tuple(range(len(at))))(*[x[()] for x in at.values()])
    return dict(zip(at, found))


def suspects(
    name: str, x: Value, theirs: Array, ours: Array, apart: Array, limit: Value, few: float
) -> tuple[list[tuple[Entry, float]], int]:
    """The entries that are more than so many ulps from ours, each with how much of it rounding does not explain, as a
    multiple of what it may, largest first; and how many more there are that rounding does not explain.
    """
    theirs, ours, x = (np.asarray(v) for v in (theirs, ours, x))
    with np.errstate(all="ignore"):
        excess = np.abs(theirs - ours) / (np.broadcast_to(np.asarray(limit, float), x.shape) + np.finfo(float).tiny)
    excess = np.where(np.isnan(excess), np.inf, excess)
    found = np.flatnonzero(apart > few)
    ordered = found[np.lexsort((-apart.ravel()[found], -excess.ravel()[found]))]
    places = [tuple(map(int, np.unravel_index(k, x.shape))) for k in ordered[:MOST]]
    entries = [
        (Entry(name, p, float(x[p]), float(theirs[p]), float(ours[p]), float(apart[p]), "", ""), float(excess[p]))
        for p in places
    ]
    return entries, int(np.sum(excess.ravel()[ordered[MOST:]] > 1.0))


def ulps(found: Value, true: Value, dtype: DType) -> Array:
    """|found - true| in units of the spacing of the framework's numbers at the truth."""
    true = np.asarray(true, float)
    with np.errstate(all="ignore"):
        narrow = np.abs(true).astype(dtype)
        spacing = np.where(np.isinf(narrow), np.spacing(np.finfo(dtype).max), np.spacing(narrow)).astype(float)
        apart = np.abs(np.asarray(found, float) - true) / spacing
    same = (found == true) | (np.isinf(narrow) & (np.abs(found) == narrow))
    return np.where(same, 0.0, np.where(np.isnan(apart), np.inf, apart))


def rounding_of(f: Function, at: Point) -> Point:
    """What rounding in the point's precision may change in each entry, to first order."""
    with np.errstate(all="ignore"):
        bound = gradient_rounding(as_problem(f, tuple(at.values()))).gradient
    return dict(zip(at, bound.values()))


def decide(f: Function, at: Point, dtype: DType, entry: Entry, limit: Value, seconds: float) -> Entry | None:
    """The entry with its kind; None where it is right after all, or where there is no derivative to be had."""
    bound = float(np.broadcast_to(np.asarray(limit, float), np.shape(at[entry.name]))[entry.index])
    problem = along(f, at, entry)
    proof = certificate(problem, seconds)
    if proof is not None and proof.certified:
        return held(replace(entry, ours=float(proof.gradient)), bound, dtype, "the certificate says")
    if proof is not None and proof.verdict == UNDEFINED:
        told = f"no value there: {proof.reason}"
        return None if np.isnan(entry.theirs) else replace(entry, kind=AT_KINK, reason=told)
    if proof is not None and proof.verdict == KINK:
        return at_kink(entry, next(iter(proof.one_sided.values()), None), proof.reason)
    return by_differences(problem, entry, bound, dtype)


def by_differences(problem: Problem, entry: Entry, bound: float, dtype: DType) -> Entry | None:
    """Finite differences decide, which use no rule; what they say of kinks holds too."""
    try:
        with np.errstate(all="ignore"):
            found = differentiate(problem, None, method="numerical")
    except (DifflabError, ArithmeticError, np.linalg.LinAlgError) as error:
        return replace(entry, kind=UNJUDGED, reason=f"no certificate and no differences: {error}")
    ((refusal, sides, claimed, value),) = zip(
        found.refusals.values(), found.one_sided.values(), (found.claimed_error or {}).values(), found.by_name.values()
    )
    if str(refusal).startswith(WITHOUT):
        return at_kink(entry, sides, str(refusal))
    if str(refusal):
        return replace(entry, kind=UNJUDGED, reason=f"no certificate, and differences say: {refusal}")
    return held(replace(entry, ours=float(value)), max(bound, float(claimed)), dtype, "finite differences say", True)


def along(f: Function, at: Point, entry: Entry) -> Problem:
    """f along one coordinate at the point."""
    values = list(at.values())
    k = list(at).index(entry.name)
    mask = np.zeros_like(values[k])
    mask[entry.index] = 1.0
    rest = np.where(mask == 1.0, mask.dtype.type(0.0), values[k])[()]

    def of_one(t: Value) -> Value:
        full = [x[()] for x in values]
        full[k] = rest + mask[()] * t if mask.ndim else t
        return f(*full)

    return as_problem(of_one, values[k][entry.index])


def certificate(problem: Problem, seconds: float) -> Certificate | None:
    try:
        return certify(problem, None, seconds=seconds)
    except (DifflabError, ArithmeticError, np.linalg.LinAlgError):
        return None


def held(entry: Entry, bound: float, dtype: DType, judge: str, rough: bool = False) -> Entry | None:
    """The entry held to the truth that it has now and to the bound on rounding; a rough judge excuses within it."""
    apart = float(ulps(np.asarray(entry.theirs, dtype), np.asarray(entry.ours), dtype))
    entry = replace(entry, ulps=apart)
    if apart <= FEW or (np.isnan(entry.theirs) and np.isnan(entry.ours)):  # nobody has a number there
        return None
    if np.isnan(entry.theirs):
        return replace(entry, kind=BUG, reason=f"{judge} {entry.ours:.9g}")
    off = abs(entry.theirs - entry.ours)
    if not np.isfinite(bound):  # of a formula that is singular here: what an honest one might lose is not known
        bound = abs(entry.ours) * float(np.finfo(dtype).eps) ** 0.5
    if rough and off <= bound:
        return None
    told = f"{judge} {entry.ours:.9g}; off by {off:.2g}, rounding explains {bound:.2g}"
    return replace(entry, kind=ROUNDING if off <= bound else BUG, reason=told)


def at_kink(entry: Entry, sides: Value, reason: str) -> Entry:
    """No derivative: what lies between the one-sided ones is a convention."""
    if not isinstance(sides, tuple) or len(sides) != 2:
        return replace(entry, kind=AT_KINK, reason=f"no derivative: {reason}")
    left, right = (np.asarray(side, float) for side in sides)
    low, high = float(min(left.min(), right.min())), float(max(left.max(), right.max()))
    slack = 1e-6 * max(abs(low), abs(high))
    told = f"{float(np.mean(left)):.6g} from the left, {float(np.mean(right)):.6g} from the right"
    kind = CONVENTION if low - slack <= entry.theirs <= high + slack else AT_KINK
    return replace(entry, kind=kind, reason=told)


__all__ = ["Entry", "judged"]
