"""Symbolic differentiation: graph -> sympy -> diff -> (raw, cse, simplified) -> numbers.

The algebra runs in another process with limits of time and memory. Vectors and matrices are expanded into their entries
up to MAX_ENTRIES.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ..errors import InputError, UnsupportedError
from ..graph.portable import portable
from ..primitives import Carrier
from .derivative import Derivative
from .limits import limited
from .methods import answer
from .problem import Problem

FORMS = ("raw", "cse", "simplified")
MAX_ENTRIES, MAX_OPERATIONS = 64, 20_000
SHOWN, DIGITS = 600, 50


def derivative(problem: Problem, form: str = "cse", seconds: float = 10.0) -> Derivative:
    """The gradient by sympy. `form` is "raw" (as diff leaves it), "cse" (shared subexpressions) or "simplified".

    Raises UnsupportedError above MAX_ENTRIES entries and TimeLimitError after `seconds`.
    """
    if form not in FORMS:
        raise InputError(f"form={form!r}: the forms are {', '.join(FORMS)}")
    entries = sum(Carrier.size(x) for x in problem.values)
    if entries > MAX_ENTRIES:
        raise UnsupportedError(f"symbolic: {entries} entries; the limit is {MAX_ENTRIES}")
    if len(problem.graph) > MAX_OPERATIONS:
        raise UnsupportedError(f"symbolic: {len(problem.graph)} nodes; the limit is {MAX_OPERATIONS}")
    start = time.perf_counter()
    value, flat, details = limited(partial(work, sendable(problem), form), seconds, "symbolic differentiation")
    found, k = [], 0
    for place in problem.places:
        shape, n = np.shape(problem.values[place]), Carrier.size(problem.values[place])
        found.append(np.array(flat[k : k + n]).reshape(shape)[()])
        k += n
    notes = details.pop("notes")
    result = answer(
        problem,
        "symbolic",
        f"exact formula, {form}",
        np.float64(value),
        found,
        start,
        notes=notes,
        operations=details["operations"][form],
        details=details,
    )
    result.seconds = details.pop("seconds")
    return result


def sendable(problem: Problem) -> Problem:
    """The problem without the user's own functions, which stay in this process."""
    return replace(problem, graph=portable(problem.graph, problem.values), function=None, rebuild=None)  # type: ignore[arg-type]


def work(problem: Problem, form: str) -> tuple[float, list[float], dict[str, Any]]:
    """Runs in another process: the formulas, their operation counts, and their numbers at the point."""
    import sympy

    from ..graph.sympy_io import CARRIER, symbol_arrays

    places = range(len(problem.names))
    names = [readable(name, k) for k, name in enumerate(problem.names)]
    if len(set(names)) < len(names):
        names = [f"x{k}" for k in places]
    made = symbol_arrays({names[k]: np.shape(problem.values[k]) for k in places}, real=True)
    values = [made[name] for name in names]
    entries = [list(np.ravel(v)) if isinstance(v, np.ndarray) else [v] for v in values]
    symbols = [s for row in entries for s in row]
    numbers = [np.float64(x) for v in problem.values for x in np.ravel(v)]
    wanted = [s for k in problem.places for s in entries[k]]
    y = formula(problem.graph.evaluate(values, CARRIER)[problem.graph.outputs[0]])
    partials = [without_impulses(sympy.diff(y, s)) for s in wanted]
    operations = {"raw": int(sympy.count_ops(partials)), "cse": count_shared(partials)}
    if form == "simplified":
        partials = [sympy.simplify(p) for p in partials]
        operations["simplified"] = int(sympy.count_ops(partials))
    results, seconds, notes = numbers_of(symbols, numbers, [y, *partials], form)
    details = {
        "operations": operations,
        "function_operations": int(sympy.count_ops(y)),
        "formula": shorten(str(y)),
        "formulas": {str(s): shorten(str(p)) for s, p in zip(wanted, partials)},
        "seconds": seconds,
        "notes": notes,
    }
    return results[0], results[1:], details


def formula(y: Any) -> Any:
    """The function in terms that sympy differentiates: no remainders, no truth values, no removable gap in sinc."""
    import sympy

    y = sympy.sympify(y[()] if isinstance(y, np.ndarray) else y)
    if not isinstance(y, sympy.Expr):  # a truth value
        y = sympy.Piecewise((1, y), (0, True))
    y = y.replace(sympy.Mod, lambda a, b: a - b * sympy.floor(a / b))
    return y.replace(sympy.sinc, lambda x: sympy.Piecewise((sympy.sin(x) / x, sympy.Ne(x, 0)), (1, True)))


def numbers_of(symbols: list[Any], numbers: list[Any], formulas: list[Any], form: str) -> tuple[Any, float, list[str]]:
    """The formulas at the point in doubles, the seconds that takes, and notes.

    A formula as sympy writes it may overflow where its value does not (log(1 + exp(800))): then it is evaluated in
    DIGITS digits instead.
    """
    import sympy

    program = sympy.lambdify(symbols, formulas, modules=["scipy", "numpy"], cse=form != "raw", dummify=True)
    times = []
    with np.errstate(all="ignore"):
        results = [float(v) for v in program(*numbers)]
        for _ in range(7):
            start = time.perf_counter()
            program(*numbers)
            times.append(time.perf_counter() - start)
    notes = []
    if not np.all(np.isfinite(results)):
        finer = precise(symbols, numbers, formulas)
        if finer is not None and np.all(np.isfinite(finer)):
            results = finer
            notes = [f"the formula overflows in doubles; it was evaluated in {DIGITS} digits"]
    return results, statistics.median(times), notes


def precise(symbols: list[Any], numbers: list[Any], formulas: list[Any]) -> list[float] | None:
    """The formulas in DIGITS digits, or None where mpmath cannot evaluate them."""
    import mpmath
    import sympy

    try:
        program = sympy.lambdify(symbols, formulas, modules="mpmath", dummify=True)
        with mpmath.workdps(DIGITS):
            return [float(v) for v in program(*[mpmath.mpf(float(x)) for x in numbers])]
    except (ArithmeticError, TypeError, ValueError, NameError, NotImplementedError):
        return None


def readable(name: str, k: int) -> str:
    return name if name.isidentifier() and name.isascii() else f"x{k}"


def shorten(text: str) -> str:
    return text if len(text) <= SHOWN else text[:SHOWN] + " …"


def count_shared(expressions: list[Any]) -> int:
    """Operations after common subexpressions are named once."""
    import sympy

    replaced, reduced = sympy.cse(expressions)
    return int(sympy.count_ops([e for _, e in replaced]) + sympy.count_ops(reduced))


def without_impulses(e: Any) -> Any:
    """The derivative with the conventions at jumps: the derivative of a step is 0 there."""
    import sympy

    e = e.replace(lambda t: isinstance(t, sympy.DiracDelta), lambda t: sympy.Integer(0))
    e = e.replace(lambda t: isinstance(t, sympy.Subs | sympy.Derivative), _step_slope)
    return e.replace(
        lambda t: isinstance(t, sympy.Heaviside), lambda t: sympy.Heaviside(t.args[0], sympy.Rational(1, 2))
    )


def _step_slope(t: Any) -> Any:
    import sympy

    if isinstance(t, sympy.Subs) and t.expr == 0:
        return sympy.Integer(0)
    if t.has(sympy.floor, sympy.ceiling, sympy.sign, sympy.Mod):
        return sympy.Integer(0)
    raise UnsupportedError(f"symbolic: sympy has no formula for {shorten(str(t))}")
