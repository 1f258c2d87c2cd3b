"""Numerical differentiation: differences of the function's values, and the complex step through its graph.

The scheme "adaptive" finds the step of each coordinate from the function itself and says how far its number may be
off, or why it has none; the others are the formulas of the textbooks at steps scaled by the coordinate.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import numpy as np

from ..errors import InputError
from ..progress import doing, tell
from ..types import Value
from .adaptive import adaptive
from .answer import answer
from .complex_step import complex_step
from .derivative import Derivative
from .differences import FORMULAS, KINK, Line
from .estimate import Estimate
from .problem import Problem
from .stopped import differenced

SCHEMES = ("adaptive", *FORMULAS, "complex-step")
SHOWN = 3  # refusals that the notes tell; `refusals` has all


def derivative(problem: Problem, scheme: str = "adaptive", h: float | None = None) -> Derivative:
    """The gradient by finite differences or the complex step, with the error that the scheme claims for itself.

    `h` is the step (of "ridders" the largest), for every scheme but "adaptive" and "complex-step"; alone it means
    "ridders". With "adaptive" an entry without a number is NaN, and `refusals[name]` says why: a kink, a jump, a pole
    near, noise, a scale that floats cannot show. `one_sided[name]` has the slopes (left, right) at a kink.

    >>> import difflab as dl
    >>> found = dl.differentiate("abs(x)", dict(x=0.0), method="numerical")
    >>> found.refusals["x"], found.one_sided["x"]
    ('kink: the slope is -1 to the left and 1 to the right', (-1.0, 1.0))
    """
    scheme = chosen(scheme, h)
    start = time.perf_counter()
    if scheme == "complex-step":
        exact, count = complex_step(problem)
        label = "complex step, h = 1e-200 relative"
        return answer(problem, "numerical", label, problem.value, exact, start, evaluations=count, claimed_error=None)
    function, reason = differenced(problem)
    estimate = (lambda line: Estimate.refused(reason)) if reason else estimator(scheme, h)
    results: list[Value] = []
    claimed: dict[str, Value] = {}
    refusals: dict[str, Value] = {}
    one_sided: dict[str, Value] = {}
    notes: list[str] = []
    count = 0
    for name, k in zip(problem.wrt, problem.places):
        found = np.empty(np.shape(problem.values[k]), dtype=object)
        with doing("finite differences"), np.errstate(all="ignore"):
            for done, index in enumerate(np.ndindex(found.shape)):
                tell(f"{name}, entry {done + 1:,} of {found.size:,}", done / found.size)
                line = Line(problem, k, index, function)
                found[index] = estimate(line)
                count += line.evaluations
        results.append(each(found, lambda e: e.value))
        claimed[name] = each(found, lambda e: e.error)
        refusals[name] = each(found, lambda e: e.reason, object)
        one_sided[name] = sides(found)
        notes += told(name, found) if scheme == "adaptive" or reason else unsettled(name, results[-1], claimed[name])
    label = f"finite difference, {scheme}" + (f", step {h:g}" if h else "")
    return answer(
        problem,
        "numerical",
        label,
        problem.value,
        results,
        start,
        evaluations=count,
        claimed_error=claimed,
        refusals=refusals,
        one_sided=one_sided,
        notes=notes,
    )


def chosen(scheme: str, h: float | None) -> str:
    """The scheme's name; raises InputError for others and for steps that are none."""
    scheme = "ridders" if scheme == "richardson" or (h is not None and scheme == "adaptive") else scheme
    if scheme not in SCHEMES:
        raise InputError(f"scheme={scheme!r}: the schemes are {', '.join(SCHEMES)}")
    if h is not None and (isinstance(h, str | bool) or not 0 < h < math.inf):
        raise InputError(f"h={h!r}: the step is a positive number")
    return str(scheme)


def estimator(scheme: str, h: float | None) -> Callable[[Line], Estimate]:
    """What a scheme says of the function along one coordinate."""
    if scheme == "adaptive":
        return lambda line: adaptive(line.or_nan, line.x, line.scale)
    formula = FORMULAS[scheme]
    return lambda line: Estimate(*formula(line, h))


def each(found: Value, read: Callable[[Estimate], Value], kind: Value = float) -> Value:
    """One field of every estimate; of a single one, the field itself."""
    result = np.empty(found.shape, dtype=kind)
    for index in np.ndindex(found.shape):
        result[index] = read(found[index])
    return result[()]


def sides(found: Value) -> tuple[Value, Value] | None:
    """The one-sided slopes, NaN where an entry has none; None if no entry has any."""
    if not any(e.one_sided for e in found.flat):
        return None
    none = (math.nan, math.nan)
    left = each(found, lambda e: (e.one_sided or none)[0])
    right = each(found, lambda e: (e.one_sided or none)[1])
    return (left, right) if found.shape else (float(left), float(right))


def told(name: str, found: Value) -> list[str]:
    """The reasons of the entries that were refused."""
    places = [index for index in np.ndindex(found.shape) if found[index].reason]
    notes = [f"{name}{list(i) if i else ''}: {found[i].reason}" for i in places[:SHOWN]]
    return notes + [f"{name}: {len(places) - SHOWN} entries more are refused"] * (len(places) > SHOWN)


def unsettled(name: str, found: Value, claimed: Value) -> list[str]:
    if np.any(claimed > KINK * np.maximum(np.abs(found), 1e-300)):
        return [f"{name}: the differences do not settle: a kink, or terms that cancel"]
    return []


__all__ = ["SCHEMES", "derivative"]
