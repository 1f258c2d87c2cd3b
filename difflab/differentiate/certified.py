"""Certified differentiation: an enclosure of every partial derivative, proven by ball arithmetic.

The function alone is evaluated on power series whose coefficients are balls (F. Johansson, "Arb: efficient
arbitrary-precision midpoint-radius interval arithmetic", 2017). The precision doubles until each enclosure rounds to
one double. It uses none of the derivative rules, so it judges them.
"""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import InputError, UnsupportedError
from .derivative import Derivative
from .problem import Problem, as_problem

FIRST_BITS, LAST_BITS = 64, 8192
MANY = 200
NO_TARGETS: list[Any] = [(None, None, None)]  # the value alone
_lock = threading.Lock()  # flint's precision is one setting for the whole process


@dataclass(repr=False)
class Certificate(Derivative):
    """A Derivative with proof: `enclosure[name]` is (low, high), `digits[name]` the proven decimal digits."""

    enclosure: dict[str, Any] = field(default_factory=dict)
    digits: dict[str, Any] = field(default_factory=dict)
    certified: bool = False
    bits: int = 0
    kinked: bool = False
    hessian: dict[str, Any] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        if self.kinked:
            return "not differentiable"
        return "certified" if self.certified else "undefined" if math.isnan(self.value) else "undecided"

    @property
    def reason(self) -> str:
        return "" if self.verdict == "certified" else "; ".join(self.notes) or "kink"


def kinked(problem: Problem) -> bool:
    from ..primitives import NUMPY

    with np.errstate(all="ignore"):
        env = problem.graph.evaluate(list(problem.values))
        return any(
            bool(np.any(n.primitive.kinks(NUMPY, *[env[x] for x in n.operands], **n.params)))
            for n in problem.graph.order
            if n.primitive.kinks is not None and n.primitive.kind != "custom"
        )


@dataclass
class Entry:
    """One partial derivative: its ball and whether all of it rounds to one double."""

    value: float = math.nan
    low: float = -math.inf
    high: float = math.inf
    digits: int = 0
    settled: bool = False


def certify(function: Any, at: Any, wrt: Any = None, bits: int = LAST_BITS, order: int = 1, seconds: float = 10.0) -> Certificate:
    """The gradient of a scalar function with an enclosure of each partial derivative.

    `certified` is True where every enclosure rounds to one double, which is then the exact derivative of the formula
    at the given doubles, correctly rounded. Otherwise `notes` say why not.

    >>> c = certify("(1 - cos(x)) / x**2", at=dict(x=1e-8))
    >>> c.certified, c.gradient["x"]
    (True, np.float64(-8.333333333333334e-10))
    """
    problem = function if isinstance(function, Problem) else as_problem(function, at, wrt)
    try:
        found = derivative(problem, bits)
    except (UnsupportedError, TypeError, AttributeError, ValueError) as error:
        nan = {n: np.full(np.shape(x), np.nan)[()] for n, x in zip(problem.names, problem.values)}
        return Certificate("certified", "enclosure", problem.value, problem.rebuild(nan), nan, notes=[str(error)])
    found.kinked = kinked(problem)
    found.certified = found.certified and order == 1
    return found


def derivative(problem: Problem, bits: int = LAST_BITS) -> Certificate:
    """The certified method on a problem."""
    start = time.perf_counter()
    if problem.size > MANY:
        tables, value, used, notes = by_reverse_sweep(problem, bits)
        label = "enclosure by the reverse sweep on balls: rigorous about rounding, but on the same rules"
    else:
        tables, value, used, notes = by_series(problem, bits)
        label = "enclosure, proven digits"
    found = {n: table(t, "value") for n, t in zip(problem.wrt, tables)}
    by_name = {n: found.get(n, np.zeros(np.shape(x))[()]) for n, x in zip(problem.names, problem.values)}
    settled = all(e.settled for t in tables for e in t.flat) and value.settled
    if not settled and not notes:
        notes.append(f"not certified: an enclosure does not round to one double with {used} bits")
    return Certificate(
        method="certified",
        label=label,
        value=np.float64(value.value),
        gradient=problem.rebuild(by_name),
        by_name=by_name,
        claimed_error=None,
        evaluations=problem.size,
        seconds=time.perf_counter() - start,
        notes=[*problem.notes, *notes],
        enclosure={n: pairs(t) for n, t in zip(problem.wrt, tables)},
        digits={n: table(t, "digits") for n, t in zip(problem.wrt, tables)},
        certified=settled,
        bits=used,
    )


def table(entries: Any, what: str) -> Any:
    out = np.array([getattr(e, what) for e in entries.flat]).reshape(entries.shape)[()]
    return int(out) if what == "digits" and out.shape == () else out


def pairs(entries: Any) -> Any:
    if entries.shape == ():
        return entries[()].low, entries[()].high
    return np.array([(e.low, e.high) for e in entries.flat]).reshape((*entries.shape, 2))


def entries_like(x: Any) -> Any:
    out = np.empty(np.shape(x), dtype=object)
    for index in np.ndindex(out.shape):
        out[index] = Entry()
    return out


def by_series(problem: Problem, last: int) -> Any:
    """Each partial derivative from the function on power series along its coordinate."""
    import flint

    from .arb_series import UndecidedError

    tables = [entries_like(problem.values[k]) for k in problem.places]
    value, bits = Entry(), FIRST_BITS
    notes: list[str] = []
    targets = [(t, k, i) for t, k in zip(tables, problem.places) for i in np.ndindex(t.shape)]
    with _lock:
        before = flint.ctx.prec, flint.ctx.cap
        try:
            flint.ctx.cap = 2
            while True:
                flint.ctx.prec = bits
                notes = []
                for t, k, index in targets or NO_TARGETS:
                    if t is not None and t[index].settled:
                        continue
                    try:
                        y = output_series(problem, k, index)
                    except UndecidedError as error:
                        notes = [f"not certified: {error}"]
                        continue
                    value = entry(y.constant)
                    if t is not None:
                        t[index] = entry(y.coefficient(1))
                if value.settled and all(t[i].settled for t, _, i in targets):
                    break
                if bits >= last or undefined_for_good(value, tables, bits):
                    break
                bits *= 2
        finally:
            flint.ctx.prec, flint.ctx.cap = before
    if math.isnan(value.value) and not notes:
        notes = ["not certified: the function is not defined here"]
    return tables, value, bits, notes


def undefined_for_good(value: Entry, tables: list[Any], bits: int) -> bool:
    """NaN that more bits will not cure: log(-1) stays undefined."""
    lost = math.isnan(value.value) or any(math.isnan(e.value) for t in tables for e in t.flat if not e.settled)
    return lost and bits >= 512


def output_series(problem: Problem, k: int | None, index: Any) -> Any:
    from flint import arb, arb_series

    from .arb_series import CARRIER, Series, lift, lift_all, order

    values = [lift_all(np.asarray(x, dtype=float)[()]) for x in problem.values]
    if k is not None:
        centre = arb(float(np.asarray(problem.values[k])[index]))
        moving = Series(arb_series([centre, 1], order()))
        if isinstance(values[k], np.ndarray):
            values[k][index] = moving
        else:
            values[k] = moving
    y = problem.graph.evaluate(values, CARRIER)[problem.graph.outputs[0]]
    return lift(y[()] if isinstance(y, np.ndarray) else y)


def by_reverse_sweep(problem: Problem, last: int) -> Any:
    """For many coordinates: the recorded backward graph on balls."""
    import flint

    from .arb_series import CARRIER, UndecidedError, lift, lift_all
    from .passes import backward_graph

    try:
        backward = backward_graph(problem.graph)
    except InputError as error:  # a row that looks at its values, recorded here at ones
        raise UnsupportedError(
            f"more than {MANY} coordinates, and no backward graph can be recorded: {error}"
        ) from None
    value, tables, notes, bits = Entry(), [entries_like(problem.values[k]) for k in problem.places], [], FIRST_BITS
    with _lock:
        before = flint.ctx.prec, flint.ctx.cap
        try:
            flint.ctx.cap = 1
            while True:
                flint.ctx.prec = bits
                values = [lift_all(np.asarray(x, dtype=float)[()]) for x in problem.values]
                try:
                    env = backward.evaluate(values, CARRIER)
                except UndecidedError as error:
                    notes = [f"not certified: {error}"]
                    break
                results = [env[y] for y in backward.outputs]
                value = entry(lift(results[0]).constant)
                for t, k in zip(tables, problem.places):
                    found = np.broadcast_to(np.asarray(results[1 + k], dtype=object), t.shape)
                    for index in np.ndindex(t.shape):
                        t[index] = entry(lift(found[index]).constant)
                if bits >= last or (value.settled and all(e.settled for t in tables for e in t.flat)):
                    break
                bits *= 2
        finally:
            flint.ctx.prec, flint.ctx.cap = before
    return tables, value, bits, notes


def entry(ball: Any) -> Entry:
    """A ball as doubles: the nearest to its middle, the bounds rounded outward, the digits it proves."""
    if not ball.is_finite():
        return Entry()
    low, high = outward(ball)
    nearest = float(ball.mid())
    lowest, highest = float(ball.lower()), float(ball.upper())
    if ball.is_exact():
        digits = 17
    else:
        digits = max(0, min(int(ball.rel_accuracy_bits() * math.log10(2)), 4096))
    settled = lowest == highest
    return Entry(nearest, low, high, max(digits, 15) if settled else digits, settled)


def outward(ball: Any) -> tuple[float, float]:
    from flint import arb

    low, high = float(ball.lower()), float(ball.upper())
    if math.isfinite(low) and not arb(low) <= ball.lower():
        low = math.nextafter(low, -math.inf)
    if math.isfinite(high) and not arb(high) >= ball.upper():
        high = math.nextafter(high, math.inf)
    return low, high


__all__ = ["Certificate", "certify", "derivative"]
