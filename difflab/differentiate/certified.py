"""Certified differentiation: proofs that a derivative exists, and enclosures of it, by ball arithmetic.

The function alone is evaluated on germs (`germs/germ.py`): series over a whole neighbourhood, whose finiteness to first
order proves that the function is differentiable there, and series at the point, which give the tight value. The
neighbourhood shrinks as the precision doubles, until each enclosure rounds to one double. None of the derivative rules
is used, so a certificate judges them. What this proves, and what it trusts, stands in docs/certificates.md.

Johansson, "Arb: efficient arbitrary-precision midpoint-radius interval arithmetic" (2017).
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from typing import Any

import numpy as np

from ..errors import InputError
from ..types import Tree
from .certificate import CERTIFIED, Certificate, pairs, table
from .problem import Problem, as_problem, time_limit

LAST_BITS = 8192


def certify(
    function: Any,
    at: Tree,
    wrt: str | Iterable[str] | None = None,
    order: int = 1,
    seconds: float = 10.0,
    bits: int = LAST_BITS,
) -> Certificate:
    """The gradient of a scalar function with a proof: a `Certificate`.

    `certified` is True where the function is proven to be defined and differentiable in a neighbourhood of the point,
    jointly in the coordinates asked for, and `enclosure` contains the derivative of the formula there; the gradient is
    then correctly rounded. Otherwise `verdict` is "not differentiable", "undefined" or "undecided", and `reason` says
    why. In text and sympy expressions `pi`, `e`, quotients and powers of integers and functions of them are exact real
    numbers; in a traced function a float is the double that it is. `order=2` adds the Hessian. `seconds` of
    processor time and `bits` limit the search for a proof.

    >>> c = certify("(1 - cos(x)) / x**2", at=dict(x=1e-8))
    >>> c.certified, c.gradient["x"]
    (True, np.float64(-8.333333333333334e-10))
    >>> certify("abs(x)", at=dict(x=0.0)).verdict
    'not differentiable'
    """
    problem = function if isinstance(function, Problem) else as_problem(function, at, wrt)
    return derivative(problem, bits, seconds, order)


def derivative(problem: Problem, bits: int = LAST_BITS, seconds: float = 10.0, order: int = 1) -> Certificate:
    """The certified method on a problem."""
    if order not in (1, 2) or isinstance(order, bool):
        raise InputError(f"order={order!r}: certificates are of order 1 or 2")
    seconds = time_limit(seconds)
    from .proof import prove

    start = time.perf_counter()
    proof = prove(problem, bits, seconds, order)
    names = problem.wrt
    for e in (proof.value, *proof.entries()):
        e.value = e.value if e.settled or e.digits else math.nan  # a middle without a digit says nothing
    found = {n: table(t, "value") for n, t in zip(names, proof.tables)}
    by_name = {n: found.get(n, np.zeros(np.shape(x))[()]) for n, x in zip(problem.names, problem.values)}
    notes = [*problem.notes, *proof.notes]
    if proof.verdict != CERTIFIED:
        notes.append(f"not certified: {proof.reason}")
    return Certificate(
        method="certified",
        label=proof.label,
        value=np.float64(proof.value.value),
        gradient=problem.rebuild(by_name),
        by_name=by_name,
        claimed_error=None,
        evaluations=proof.runs,
        seconds=time.perf_counter() - start,
        notes=notes,
        one_sided={n: proof.one_sided.get(n) for n in names},
        enclosure={n: pairs(t) for n, t in zip(names, proof.tables)},
        digits={n: table(t, "digits") for n, t in zip(names, proof.tables)},
        verdict=proof.verdict,
        reason=proof.reason,
        lacks=proof.lacks,
        bits=proof.bits,
        hessian={a: {b: table(t, "value") for b, t in row.items()} for a, row in proof.second.items()},
        hessian_enclosure={a: {b: pairs(t) for b, t in row.items()} for a, row in proof.second.items()},
    )


__all__ = ["Certificate", "certify", "derivative"]
