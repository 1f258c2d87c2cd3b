"""Symbolic differentiation: graph -> sympy -> diff -> (raw, cse, simplified) -> numbers.

The algebra runs in another process with limits of time and memory. Vectors and matrices are expanded into their entries
up to MAX_ENTRIES. A function that chooses (max, where, abs, ...) is written with all its branches where that is done in
half of the time, else by the branch that it takes at the point (`branch_taken.py`), and the label says so.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ..errors import DifflabError, InputError, TimeLimitError, UnsupportedError
from ..graph.portable import portable
from ..graph.sympy_io import MAX_OPERATIONS
from ..primitives import Carrier
from ..progress import doing
from ..types import Value
from .answer import answer
from .branch_taken import chooses, piece
from .derivative import Derivative
from .fine import DIGITS, FINE
from .limits import limited
from .problem import Problem
from .rounding import formula_rounding

FORMS = ("raw", "cse", "simplified", "branch")
MAX_ENTRIES = 64
OTHERS = "use method='reverse', 'forward' or 'certified'"
SHOWN = 600
MOST_BOUNDED = 3000  # operations up to which the formulas' own rounding is bounded
BY_BRANCH = "by branch: the formula of the piece that the point lies in, in which each choice ({}) is decided"
NO_VALUE = "undefined: the formula, as it is written, has no value here"


def derivative(problem: Problem, form: str = "cse", seconds: float = 10.0) -> Derivative:
    """The gradient by sympy. `form` is "raw" (as diff leaves it), "cse" (shared subexpressions), "simplified", or
    "branch": of the branch taken at the point alone, with shared subexpressions.

    Raises UnsupportedError above MAX_ENTRIES entries and at a tie between branches, and TimeLimitError after `seconds`
    of processor time.
    """
    if form not in FORMS:
        raise InputError(f"form={form!r}: the forms are {', '.join(FORMS)}")
    entries = sum(Carrier.size(x) for x in problem.values)
    if entries > MAX_ENTRIES:
        raise UnsupportedError(f"symbolic: {entries} entries; the limit is {MAX_ENTRIES}; {OTHERS}")
    if len(problem.graph) > MAX_OPERATIONS:
        raise UnsupportedError(f"symbolic: {len(problem.graph)} nodes; the limit is {MAX_OPERATIONS}; {OTHERS}")
    start = time.perf_counter()
    with doing("sympy differentiates"):
        value, flat, details = formulas(problem, form, seconds)
    found, k = [], 0
    for place in problem.places:
        shape, n = np.shape(problem.values[place]), Carrier.size(problem.values[place])
        found.append(np.array(flat[k : k + n]).reshape(shape)[()])
        k += n
    notes, evaluation, bounds = details.pop("notes"), details.pop("seconds"), details.pop("rounding")
    written = "cse" if form == "branch" else form
    result = answer(
        problem,
        "symbolic",
        f"exact formula, {written}" if details["branches"] == "all" else "exact formula of the branch taken here",
        np.float64(value),
        found,
        start,
        notes=notes,
        operations=details["operations"][written],
        details=details,
        evaluation=evaluation,
    )
    result.preparation = problem.seconds + result.seconds - evaluation
    result.rounding = None if bounds is None else by_input(problem, bounds)
    result.refusals = {n: no_number(result.by_name[n]) for n in problem.wrt}
    return result


def formulas(problem: Problem, form: str, seconds: float) -> tuple[float, list[float], dict[str, Value]]:
    """The work in its process: with all branches, or where half of the time is not enough for them, the one taken."""
    sent, what = sendable(problem), "symbolic differentiation"
    found: tuple[float, list[float], dict[str, Value]]
    if form == "branch":
        found = limited(partial(work, sent, form, seconds), seconds, what)
        return found
    if not chooses(problem):
        found = limited(partial(work, sent, form), seconds, what)
        return found
    half = seconds / 2
    try:
        found = limited(partial(work, sent, form), half, what)
        return found
    except TimeLimitError as error:
        whole = f"with all branches, {error}"
    try:
        value, flat, details = limited(partial(work, sent, form, half), half, what)
    except (TimeLimitError, UnsupportedError) as error:
        raise type(error)(f"{whole}; of the one taken here: {error}") from None
    details["notes"].append(whole)
    return value, flat, details


def sendable(problem: Problem) -> Problem:
    """The problem without the user's own functions, which stay in this process."""
    return replace(problem, graph=portable(problem.graph, problem.values), function=None, rebuild=None)  # type: ignore[arg-type]


def by_input(problem: Problem, flat: list[float]) -> dict[str, Value]:
    """Numbers in the order of the formulas, as arrays of the inputs' shapes."""
    found, k = {n: np.zeros(np.shape(x))[()] for n, x in zip(problem.names, problem.values)}, 0
    for name, place in zip(problem.wrt, problem.places):
        n = Carrier.size(problem.values[place])
        found[name] = np.array(flat[k : k + n]).reshape(np.shape(problem.values[place]))[()]
        k += n
    return found


def no_number(found: Value) -> Value:
    """Why an entry is not a number, for each entry."""
    reasons = np.where(np.isnan(found), NO_VALUE, "").astype(object)
    return reasons[()] if reasons.ndim else str(reasons)


def work(problem: Problem, form: str, branch: float = 0.0) -> tuple[float, list[float], dict[str, Value]]:
    """Runs in another process: the formulas, their operation counts, and their numbers at the point.

    With `branch`, a limit in seconds, of the branch that is taken at the point.
    """
    import sympy

    from ..graph.sympy_io import symbol_arrays

    places = range(len(problem.names))
    names = [readable(name, k) for k, name in enumerate(problem.names)]
    if len(set(names)) < len(names):
        names = [f"x{k}" for k in places]
    made = symbol_arrays({names[k]: np.shape(problem.values[k]) for k in places}, real=True)
    values = [made[name] for name in names]
    entries = [list(np.ravel(v)) if isinstance(v, np.ndarray) else [v] for v in values]
    symbols = [s for row in entries for s in row]
    numbers = [np.float64(x) for v in problem.values for x in np.ravel(v)]
    wanted, output = [s for k in problem.places for s in entries[k]], problem.graph.outputs[0]
    y, chosen = piece(problem, values, branch) if branch else (problem.graph.evaluate(values, FINE)[output], [])
    y = formula(y)
    partials = [without_impulses(sympy.diff(y, s)) for s in wanted]
    operations = {"raw": int(sympy.count_ops(partials)), "cse": count_shared(partials)}
    if form == "simplified":
        partials = [sympy.simplify(p) for p in partials]
        operations["simplified"] = int(sympy.count_ops(partials))
    results, seconds, notes = numbers_of(symbols, numbers, [y, *partials], form)
    rounding = (
        None
        if notes or operations["raw"] > MOST_BOUNDED
        else rounding_of(partials, dict(zip(map(str, symbols), numbers)))
    )
    details = {
        "operations": operations,
        "function_operations": int(sympy.count_ops(y)),
        "formula": shown(y),
        "formulas": {str(s): shown(p) for s, p in zip(wanted, partials)},
        "seconds": seconds,
        "notes": [*notes, *([BY_BRANCH.format(", ".join(chosen))] if chosen else [])],
        "branches": "the one taken here" if chosen else "all",
        "rounding": rounding,
    }
    return results[0], results[1:], details


def formula(y: Value) -> Value:
    """The function in terms that sympy differentiates: no remainders, no truth values, no removable gap in sinc."""
    import sympy

    y = sympy.sympify(y[()] if isinstance(y, np.ndarray) else y)
    if not isinstance(y, sympy.Expr):  # a truth value
        y = sympy.Piecewise((1, y), (0, True))
    y = y.replace(sympy.Mod, lambda a, b: a - b * sympy.floor(a / b))
    return y.replace(sympy.sinc, lambda x: sympy.Piecewise((sympy.sin(x) / x, sympy.Ne(x, 0)), (1, True)))


def numbers_of(
    symbols: list[Value], numbers: list[Value], formulas: list[Value], form: str
) -> tuple[Value, float, list[str]]:
    """The formulas at the point in doubles, the seconds that takes, and notes.

    A formula as sympy writes it may overflow where its value does not (log(1 + exp(800))): then it is evaluated in
    DIGITS digits instead.
    """
    import sympy

    # Numbers are handed over as arguments: sympy prints its floats with 15 digits, and NumPy would round log(1 - 1e-9).
    fixed = {e: sympy.Dummy() for e in dict.fromkeys(e for f in formulas for e in constants_of(f))}
    symbols, written = [*symbols, *fixed.values()], formulas
    formulas, numbers = (
        [f.xreplace(fixed) for f in formulas],
        [*numbers, *[np.float64(float(e.evalf(DIGITS))) for e in fixed]],
    )
    refuse_meijer(formulas)
    homes = [{"hyper": hypergeometric}, "scipy", "numpy"]
    program = sympy.lambdify(symbols, formulas, modules=homes, cse=form != "raw", dummify=True)
    times = []
    with np.errstate(all="ignore"):
        results = [float(v) for v in program(*numbers)]
        for _ in range(7):
            start = time.perf_counter()
            program(*numbers)
            times.append(time.perf_counter() - start)
    notes = []
    if not np.all(np.isfinite(results)):
        finer = precise(symbols[: len(symbols) - len(fixed)], numbers[: len(numbers) - len(fixed)], written)
        if finer is not None and np.all(np.isfinite(finer)):
            results = finer
            notes = [f"the formula overflows in doubles; it was evaluated in {DIGITS} digits"]
    return results, statistics.median(times), notes


def refuse_meijer(formulas: list[Value]) -> None:
    """sympy's derivatives by the parameters of incomplete integrals are functions that have no numbers in SciPy."""
    import sympy

    for f in formulas:
        for part in f.atoms(sympy.meijerg):
            raise UnsupportedError(
                f"symbolic: sympy's formula has a Meijer G-function, {shorten(str(part))}, which has no numbers in "
                f"double precision; {OTHERS}"
            )


def hypergeometric(above: tuple[Value, ...], below: tuple[Value, ...], z: Value) -> Value:
    """sympy's hyper in doubles, where SciPy has one of so many parameters."""
    from scipy import special

    found = {(2, 1): special.hyp2f1, (1, 1): special.hyp1f1, (0, 1): special.hyp0f1}.get((len(above), len(below)))
    if found is None:
        raise UnsupportedError(
            f"symbolic: sympy's formula has a hypergeometric function of {len(above)} and {len(below)} parameters, "
            f"which has no numbers in double precision; {OTHERS}"
        )
    return found(*above, *below, z)


def rounding_of(partials: list[Value], at: dict[str, float]) -> list[float] | None:
    """First-order bounds on what rounding does to each formula, or None where one has no graph of our rows."""
    from ..graph.sympy_io import from_sympy

    found = []
    for p in partials:
        try:
            graph = from_sympy(p)
            found.append(float(formula_rounding(graph, [np.float64(at[str(n.name)]) for n in graph.inputs])))
        except (DifflabError, ArithmeticError, ValueError, TypeError, NotImplementedError):
            return None
    return found


def constants_of(formula: Value) -> list[Value]:
    """The largest parts of a formula that are one real number, but for whole numbers and fractions."""
    if formula.is_Rational or (not formula.args and not formula.is_number):
        return []
    if formula.is_number and formula.is_extended_real and formula.is_finite:
        return [formula] if formula.evalf(DIGITS).is_Float else []
    return [e for part in formula.args for e in constants_of(part)]


def precise(symbols: list[Value], numbers: list[Value], formulas: list[Value]) -> list[float] | None:
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


def shown(e: Any) -> str:
    """A formula as text, its decimal numbers as they are usually written."""
    import sympy

    return shorten(str(e.xreplace({x: sympy.Float(x, 15) for x in e.atoms(sympy.Float)})))


def shorten(text: str) -> str:
    return text if len(text) <= SHOWN else text[:SHOWN] + " …"


def count_shared(expressions: list[Value]) -> int:
    """Operations after common subexpressions are named once."""
    import sympy

    replaced, reduced = sympy.cse(expressions)
    return int(sympy.count_ops([e for _, e in replaced]) + sympy.count_ops(reduced))


def without_impulses(e: Any) -> Value:
    """The derivative with the conventions at jumps: the derivative of a step is 0 there."""
    import sympy

    e = e.replace(lambda t: isinstance(t, sympy.DiracDelta), lambda t: sympy.Integer(0))
    e = e.replace(lambda t: isinstance(t, sympy.Subs | sympy.Derivative), _step_slope)
    return e.replace(
        lambda t: isinstance(t, sympy.Heaviside), lambda t: sympy.Heaviside(t.args[0], sympy.Rational(1, 2))
    )


def _step_slope(t: Value) -> Value:
    import sympy

    if isinstance(t, sympy.Subs) and t.expr == 0:
        return sympy.Integer(0)
    if t.has(sympy.floor, sympy.ceiling, sympy.sign, sympy.Mod):
        return sympy.Integer(0)
    raise UnsupportedError(f"symbolic: sympy has no formula for {shorten(str(t))}")
