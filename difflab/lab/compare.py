"""compare: one gradient by every method, each judged by the certified one."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..differentiate.derivative import Derivative
from ..differentiate.methods import METHODS, NOT_DEFINED, method_named
from ..differentiate.passes import backward_graph
from ..differentiate.problem import Problem, as_problem
from ..errors import DifflabError, DomainError, InputError, TimeLimitError, UnsupportedError
from ..primitives import NUMPY
from .kinks import Kink, kinks
from .ulps import relative, ulps

# Rounding that a formula's own conditioning explains is allowed; a wrong rule is wrong by far more.
EXACT_TOLERANCE, ROUNDOFF = 1e-9, 2.0**-52
FEW_DIGITS = 0.01  # a relative error from which a result has hardly a digit
DEFAULT = ("reverse", "forward", "symbolic", "numerical", "certified")
TIMING_SECONDS, SLOW_SECONDS = 0.05, 0.3


@dataclass
class MethodResult:
    """One method's row in a comparison."""

    name: str
    label: str
    gradient: Any = None
    by_name: dict[str, Any] = field(default_factory=dict)
    max_ulps: float | None = None
    max_relative: float | None = None
    claimed_error: dict[str, Any] | None = None
    seconds: float | None = None
    evaluations: int | None = None
    operations: int | None = None
    agrees: bool | None = None
    failure: str | None = None
    notes: list[str] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def method(self) -> Any:
        from types import SimpleNamespace

        return SimpleNamespace(exact=exact(self.name))

    @property
    def verdict(self) -> str:
        return "agrees" if self.agrees else "disagrees" if self.agrees is False else "not judged: undecided"


@dataclass
class Comparison:
    """A gradient by several methods: `methods[name]`, `agree`, `kinks`, `value`.

    Prints as a table (`print()`), in Jupyter as HTML, as strict JSON (`to_json()`), and plots error against time.
    """

    text: str
    value: float
    methods: dict[str, MethodResult]
    agree: bool
    reference: str
    kinks: list[Kink]
    notes: list[str]
    nodes: dict[str, Any]
    at: dict[str, Any]

    @property
    def verdict(self) -> str:
        if not self.agree:
            return "disagree"
        alone = any(n.startswith(("certified", "numerical", "symbolic")) and m.agrees for n, m in self.methods.items())
        return "agree" if alone and not self.kinks else "undecided"

    @property
    def reason(self) -> str:
        return "no independent method" if self.verdict == "undecided" else ""

    @property
    def max_ulps(self) -> float:
        """The largest error of an exact method, in ulps of the certified value."""
        found = [m.max_ulps for n, m in self.methods.items() if exact(n) and m.max_ulps is not None]
        return max(found, default=0.0)

    def to_json(self) -> dict[str, Any]:
        from .comparison_report import as_json

        return as_json(self)

    def print(self, console: Any = None) -> None:
        """The table on the terminal."""
        from .comparison_report import print_table

        print_table(self, console)

    def plot(self, path: Any, force: bool = False) -> Any:
        """Error against time as a picture; returns the path."""
        from .comparison_report import plot

        return plot(self, path, force)

    def __str__(self) -> str:
        from .comparison_report import as_text

        return as_text(self)

    def _repr_html_(self) -> str:
        from .comparison_report import as_html

        return as_html(self)


def exact(name: str) -> bool:
    return name.partition(":")[0] in ("reverse", "forward", "symbolic")


def compare(
    function: Any, at: Any, methods: Iterable[str] | None = None, wrt: Any = None, seconds: float = 10.0
) -> Comparison:
    """One gradient by every method.

    `function` is text, a function, a graph or a sympy expression; `at` the point. `methods` are names such as
    "reverse", "symbolic:raw", "numerical:central"; all five by default. `seconds` limits the symbolic method.

    >>> c = compare("x * y + sin(x)", at=dict(x=1.0, y=2.0))
    >>> c.agree, c.methods["reverse"].max_ulps <= 1
    (True, True)
    """
    problem = as_problem(function, at, wrt)
    names = list(DEFAULT if methods is None else methods)
    check_names(names)
    results = {name: run(problem, name, seconds) for name in names}
    truth, reference = judge(results)
    found_kinks = kinks(problem)
    verdicts(results, truth, reference, bool(found_kinks), conditioning(problem, truth))
    agree = all(r.agrees is not False for r in results.values())
    value = problem.value
    undefined = domain_notes(problem) if not np.isfinite(value) else []
    notes = list(dict.fromkeys(problem.notes + [str(k) for k in found_kinks] + undefined))
    return Comparison(
        text=problem.text or str(getattr(function, "__name__", "the function")),
        value=float(value),
        methods=results,
        agree=agree,
        reference=reference,
        kinks=found_kinks,
        notes=notes,
        nodes=graph_sizes(problem),
        at=dict(zip(problem.names, problem.values)),
    )


def check_names(names: list[str]) -> None:
    if not names:
        raise InputError("methods is empty; the methods are " + ", ".join(METHODS))
    for name in names:
        if not isinstance(name, str):
            raise InputError(f"methods: {name!r} is not the name of a method")
        base, _, option = name.partition(":")
        if base not in METHODS:
            raise InputError(f"methods: there is no method {name!r}; the methods are {', '.join(METHODS)}")
        if option and base not in OPTIONS:
            raise InputError(f"methods: {base} has no variants, so {name!r} is not one")
    if len(set(names)) < len(names):
        raise InputError("methods names a method twice")


OPTIONS = {"numerical": "scheme", "symbolic": "form"}


def run(problem: Problem, name: str, seconds: float) -> MethodResult:
    """One method; what it cannot do becomes its row's reason, not an exception."""
    base, _, option = name.partition(":")
    options: dict[str, Any] = {OPTIONS[base]: option} if option else {}
    if base == "symbolic":
        options["seconds"] = seconds
    method = method_named(base)
    try:
        found = method(problem, **options)
    except (UnsupportedError, TimeLimitError, DomainError) as error:
        return MethodResult(name, base, failure=str(error))
    except InputError:
        raise
    except np.linalg.LinAlgError as error:  # a singular matrix has no inverse to differentiate with
        return MethodResult(name, base, failure=str(error))
    except DifflabError as error:
        return MethodResult(name, base, failure=str(error))
    result = MethodResult(
        name,
        found.label,
        found.gradient,
        found.by_name,
        claimed_error=found.claimed_error,
        seconds=found.seconds,
        evaluations=found.evaluations,
        operations=found.operations,
        notes=[n for n in found.notes if n not in problem.notes and NOT_DEFINED not in n],
        details=dict(found.details),
    )
    if base == "certified":
        proof: Any = found
        result.details = {
            "certified": proof.certified, "bits": proof.bits, "digits": proof.digits, "enclosure": proof.enclosure,
        }  # fmt: skip
    if base in ("reverse", "forward", "numerical"):
        result.seconds = timed(lambda: method(problem, **options), found)
    return result


def timed(again: Callable[[], Derivative], first: Derivative) -> float:
    """The median time of a gradient, over repeats that fill a short time."""
    if first.seconds > SLOW_SECONDS:
        return first.seconds
    times = [first.seconds]
    stop = time.perf_counter() + TIMING_SECONDS
    while time.perf_counter() < stop and len(times) < 30:
        start = time.perf_counter()
        again()
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:] or times)


def judge(results: dict[str, MethodResult]) -> tuple[dict[str, Any] | None, str]:
    """The gradient that the others are measured against: the certified one, else reverse mode."""
    for base in ("certified", "reverse", "forward", "symbolic", "numerical"):
        for name, result in results.items():
            usable = result.failure is None and (base != "certified" or result.details.get("certified"))
            if name.startswith(base) and usable:
                return result.by_name, name
    return None, "none"


def conditioning(problem: Problem, truth: dict[str, Any] | None) -> dict[str, float]:
    """How much rounding the formula itself allows: the largest value and adjoint met on the way, for each input."""
    from ..graph.passes import ForwardPass

    try:
        backward = ForwardPass(problem.graph, list(problem.values)).backward()
    except (DifflabError, np.linalg.LinAlgError):
        return dict.fromkeys(problem.names, 0.0)
    sizes = [float(np.max(np.abs(e.downstream))) for e in backward.edges if np.size(e.downstream)]
    largest = max([s for s in sizes if np.isfinite(s)], default=0.0)
    return dict.fromkeys(problem.names, largest * len(problem.graph) * ROUNDOFF * 16)


def verdicts(
    results: dict[str, MethodResult],
    truth: dict[str, Any] | None,
    reference: str,
    kinked: bool,
    slack: dict[str, float],
) -> None:
    """Fills each row's errors and whether it agrees with the reference."""
    if truth is None:
        return
    for name, result in results.items():
        if result.failure is not None:
            continue
        result.max_ulps = max((ulps(result.by_name[n], truth[n]) for n in truth), default=0.0)
        result.max_relative = max((relative(result.by_name[n], truth[n]) for n in truth), default=0.0)
        if name == reference:
            result.agrees = True
        elif name.startswith("certified"):
            result.agrees = None
        elif not exact(name) and any(np.any(~np.isfinite(g)) for g in (*result.by_name.values(), *truth.values())):
            result.agrees = None  # a difference across the edge of the domain, or of an infinite slope
            result.notes.append("no finite difference can be taken here")
        elif name.startswith("symbolic") and any(np.any(np.isnan(g)) for g in result.by_name.values()):
            result.agrees = None
            result.notes.append("the formula, as it is written, has no value here")
        elif kinked:
            result.agrees = None if name.startswith(("numerical", "symbolic")) else True
        else:
            result.agrees = all(close(result, n, truth[n], name, slack[n]) for n in truth)
            if result.agrees and exact(name):
                result.notes += cancelled(result, truth, slack)


def cancelled(result: MethodResult, truth: dict[str, Any], slack: dict[str, float]) -> list[str]:
    """A note where the method is as near as the formula's rounding allows, and hardly a digit is right."""
    lost = [n for n in truth if relative(result.by_name[n], truth[n]) > FEW_DIGITS]
    if not lost:
        return []
    worst = max(slack[n] for n in lost)
    result.details["cancelled"] = lost
    return [
        f"{', '.join(lost)}: terms of the formula cancel here and leave hardly a digit; rounding allows {worst:.1e}"
    ]


def close(result: MethodResult, name: str, truth: Any, method: str, slack: float) -> bool:
    """Whether a method's partial derivative is as near as it has to be."""
    found, truth = np.asarray(result.by_name[name], dtype=float), np.asarray(truth, dtype=float)
    same = (np.isnan(found) & np.isnan(truth)) | (found == truth)
    with np.errstate(all="ignore"):
        if exact(method):
            allowed = EXACT_TOLERANCE * np.abs(truth) + slack
        else:
            claimed = np.asarray((result.claimed_error or {}).get(name, 0.0))
            scale = max(float(np.max(np.abs(truth[np.isfinite(truth)]), initial=0.0)), 1e-300)
            allowed = 100 * claimed + 1e-4 * (np.abs(truth) + 1e-3 * scale) + slack + 1e-9
        return bool(np.all(same | (np.abs(found - truth) <= allowed)))


def domain_notes(problem: Problem) -> list[str]:
    """The first node whose value is not finite although its operands are."""
    with np.errstate(all="ignore"):
        env = problem.graph.evaluate(list(problem.values), NUMPY)
    for node in problem.graph.order:
        if not node.operands or isinstance(env[node], tuple):
            continue
        value = np.asarray(env[node])
        if value.dtype.kind == "f" and not np.all(np.isfinite(value)):
            inputs = [np.asarray(env[x]) for x in node.operands if not isinstance(env[x], tuple)]
            if all(x.dtype.kind != "f" or np.all(np.isfinite(x)) for x in inputs):
                told = ", ".join(f"{float(x):g}" if x.ndim == 0 else f"an array of shape {x.shape}" for x in inputs)
                shown = "NaN" if np.any(np.isnan(value)) else "infinite"
                return [f"{node.primitive.name}({told}) is {shown}: it is not defined there"]
    return []


def graph_sizes(problem: Problem) -> dict[str, Any]:
    """Operations of the function's graph, of its backward graph, and their ratio."""
    count = len(problem.graph.operations)
    try:
        both = len(backward_graph(problem.graph).operations)
    except (DifflabError, np.linalg.LinAlgError):
        return {"function": count, "gradient": None, "ratio": None}
    return {"function": count, "gradient": both, "ratio": round(both / count, 2) if count else None}
