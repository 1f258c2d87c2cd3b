"""Symbolic differentiation: graph -> sympy -> diff -> (raw, cse, simplified) -> numbers.

The algebra runs in a child process with a time and memory limit. Vectors and matrices are expanded into their entries
up to MAX_ENTRIES.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

import numpy as np

from ..errors import InputError, UnsupportedError
from ..primitives import Carrier
from .derivative import Derivative
from .limits import limited
from .methods import answer
from .problem import Problem

FORMS = ("raw", "cse", "simplified")
MAX_ENTRIES, MAX_OPERATIONS = 64, 20_000
SHOWN = 600


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
    import sympy  # noqa: F401  (imported before the fork, so that the child need not)

    start = time.perf_counter()
    value, flat, details = limited(lambda: work(problem, form), seconds, "symbolic differentiation")
    found, k = [], 0
    for place in problem.places:
        shape, n = np.shape(problem.values[place]), Carrier.size(problem.values[place])
        found.append(np.array(flat[k : k + n]).reshape(shape)[()])
        k += n
    result = answer(
        problem,
        "symbolic",
        f"exact formula, {form}",
        np.float64(value),
        found,
        start,
        operations=details["operations"][form],
        details=details,
    )
    result.seconds = details.pop("seconds")
    return result


def work(problem: Problem, form: str) -> tuple[float, list[float], dict[str, Any]]:
    """Runs in the child: the formulas, their operation counts, and their numbers at the point."""
    import sympy

    from ..graph.sympy_io import CARRIER

    values, symbols, numbers, wanted = [], [], [], []
    for k, (name, x) in enumerate(zip(problem.names, problem.values)):
        box = np.empty(np.shape(x), dtype=object)
        for index in np.ndindex(box.shape):
            box[index] = symbol = sympy.Symbol(readable(name, k, index), real=True)
            symbols.append(symbol)
            numbers.append(float(np.asarray(x)[index]))
            if k in problem.places:
                wanted.append(symbol)
        values.append(box if box.shape else box[()])
    y = problem.graph.evaluate(values, CARRIER)[problem.graph.outputs[0]]
    y = sympy.sympify(y[()] if isinstance(y, np.ndarray) else y)
    partials = [without_impulses(sympy.diff(y, s)) for s in wanted]
    operations = {"raw": int(sympy.count_ops(partials)), "cse": count_shared(partials)}
    if form == "simplified":
        partials = [sympy.simplify(p) for p in partials]
        operations["simplified"] = int(sympy.count_ops(partials))
    program = sympy.lambdify(symbols, [y, *partials], modules=["scipy", "numpy"], cse=form != "raw", dummify=True)
    points = [np.float64(v) for v in numbers]
    with np.errstate(all="ignore"):
        results = [float(v) for v in program(*points)]
        times = []
        for _ in range(7):
            start = time.perf_counter()
            program(*points)
            times.append(time.perf_counter() - start)
    formulas = {str(s): shorten(str(p)) for s, p in zip(wanted, partials)}
    details = {
        "operations": operations,
        "function_operations": int(sympy.count_ops(y)),
        "formula": shorten(str(y)),
        "formulas": formulas,
        "seconds": statistics.median(times),
    }
    return results[0], results[1:], details


def readable(name: str, k: int, index: tuple[int, ...]) -> str:
    base = name if name.isidentifier() and name.isascii() else f"x{k}"
    return base + "".join(f"_{i}" for i in index)


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

    if t.has(sympy.floor, sympy.ceiling, sympy.sign, sympy.Mod):
        return sympy.Integer(0)
    raise UnsupportedError(f"symbolic: sympy has no formula for {shorten(str(t))}")
