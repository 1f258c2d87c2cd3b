"""compare: one gradient by every method, each judged by the certified one."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..cards.as_html import framed
from ..differentiate.answer import NOT_DEFINED
from ..differentiate.certificate import Certificate
from ..differentiate.methods import Method, method_named, method_names
from ..differentiate.passes import backward_graph
from ..differentiate.problem import Problem, as_problem, time_limit
from ..errors import DifflabError, InputError, TimeLimitError
from ..glance import cut
from ..hooks import Hook
from ..primitives import NUMPY
from ..progress import doing
from ..types import FileName, Tree, Value
from . import comparison_report
from .entries import MethodResult
from .judged_methods import JudgedMethods
from .kinks import kinks
from .verdicts import judge_all

if TYPE_CHECKING:
    from rich.console import Console

TIMING_SECONDS, SLOW_SECONDS = 0.05, 0.3
SMALL = 4000  # entries times nodes up to which a program is built only to be timed


@dataclass(repr=False)
class Comparison(JudgedMethods):
    """A gradient by several methods: `methods[name]`, `verdict`, `reason`, `kinks`, `value`.

    `verdict` is "agree", "disagree" or "undecided", `agree` whether it is the first of these, `reason` why it is not.
    Prints as a table (`print()`), in Jupyter as HTML, as strict JSON (`to_json()`), and plots error against time.
    """

    def __repr__(self) -> str:
        reason = f" ({cut(self.reason)})" if self.reason and not self.agree else ""
        methods = ", ".join(self.methods)
        return f"<Comparison of {cut(self.text)}: {self.verdict}{reason}; value {self.value:.6g}; {methods}>"

    def to_json(self) -> dict[str, Tree]:
        return comparison_report.as_json(self)

    def print(self, console: Console | None = None) -> None:
        """The table on the terminal."""
        comparison_report.print_table(self, console)

    def plot(self, path: FileName, force: bool = False) -> Path:
        """Error against time as a picture; returns the path."""
        return comparison_report.plot(self, path, force)

    def __str__(self) -> str:
        return comparison_report.as_text(self)

    def _repr_html_(self) -> str:
        return framed(comparison_report.as_html(self))


FRAMEWORK: Hook[[str], Method] = Hook("method of a framework")


def compare(
    function: Value,
    at: Value,
    methods: Iterable[str | Method] | None = None,
    wrt: Any = None,
    seconds: float = 10.0,
    frameworks: Iterable[str] = (),
) -> Comparison:
    """One gradient by every method.

    `function` is text, a function, a graph or a sympy expression; `at` the point. `methods` are names such as
    "reverse", "symbolic:raw", "numerical:central", or `Method`s of your own; all that are registered by default.
    `seconds` of processor time limit each of the methods that may take long (symbolic, certified): a busy machine
    gives the same verdict. `frameworks` adds rows for "jax" and "torch": the same graph, differentiated by their rules.

    >>> c = compare("x * y + sin(x)", at=dict(x=1.0, y=2.0))
    >>> c.verdict, c.methods["reverse"].max_ulps <= 1
    ('agree', True)
    """
    seconds = time_limit(seconds)
    problem = as_problem(function, at, wrt)
    if isinstance(methods, str | int | float):
        raise InputError(f"methods={methods!r}: give a list of names, as in ['reverse', 'numerical']")
    if isinstance(frameworks, str):
        raise InputError(f"frameworks={frameworks!r}: give a list of names, as in ['jax', 'torch']")
    theirs = [FRAMEWORK(name) for name in frameworks]
    chosen = check_names([*(method_names() if methods is None else methods), *theirs])
    with doing("comparing"):
        results = {m.name: run(problem, m, seconds) for m in chosen}
        found_kinks = kinks(problem)
        verdict, reason, reference, told = judge_all(problem, results, found_kinks)
    proven = any(m.details.get("certified") for m in results.values())
    shown = [f"{k}{'; the whole is differentiable here, which is proven' if proven else ''}" for k in found_kinks]
    value = problem.value
    undefined = domain_notes(problem) if not np.isfinite(value) else []
    notes = list(dict.fromkeys(problem.notes + told + shown + undefined))
    return Comparison(
        text=problem.text or str(getattr(function, "__name__", "the function")),
        value=float(value),
        methods=results,
        verdict=verdict,
        reason=reason,
        reference=reference,
        kinks=found_kinks,
        notes=notes,
        nodes=graph_sizes(problem),
        at=dict(zip(problem.names, problem.values)),
    )


def check_names(names: list[Any]) -> list[Method]:
    if not names:
        raise InputError("methods is empty; the methods are " + ", ".join(method_names()))
    found = []
    for name in names:
        if not isinstance(name, str | Method):
            raise InputError(f"methods: {name!r} is not the name of a method")
        found.append(name if isinstance(name, Method) else method_named(name))
    if len({m.name for m in found}) < len(found):
        raise InputError("methods names a method twice")
    return found


def run(problem: Problem, method: Method, seconds: float) -> MethodResult:
    """One method; what it cannot do becomes its row's reason, not an exception."""
    options: dict[str, float] = {"seconds": seconds} if method.limited else {}
    try:
        with doing(method.name):
            found = method.run(problem, **options)
    except InputError:
        raise
    except TimeLimitError as error:
        return MethodResult(method.name, method, method.name, failure=str(error), word="time")
    except (DifflabError, np.linalg.LinAlgError) as error:  # a singular matrix has no inverse to differentiate with
        return MethodResult(method.name, method, method.name.partition(":")[0], failure=str(error), word="unsupported")
    result = MethodResult(
        method.name,
        method,
        found.label,
        found=found,
        gradient=found.gradient,
        by_name=found.by_name,
        claimed_error=found.claimed_error,
        seconds=found.seconds,
        preparation=found.preparation,
        evaluation=found.seconds if found.evaluation is None else found.evaluation,
        evaluations=found.evaluations,
        operations=found.operations,
        notes=[n for n in found.notes if n not in problem.notes and NOT_DEFINED not in n],
        details=dict(found.details),
    )
    if isinstance(found, Certificate):
        result.details = {
            "certified": found.certified, "bits": found.bits, "digits": found.digits, "enclosure": found.enclosure,
            "verdict": found.verdict,
        }  # fmt: skip
        result.preparation = problem.seconds
    if not method.limited:
        time_it(result, problem, method)
    return result


def time_it(result: MethodResult, problem: Problem, method: Method) -> None:
    """What building and running the gradient take, each on its own: of its program where the method makes one."""
    again: Callable[[], Value] = lambda: method.run(problem)
    if method.program is not None and problem.size * len(problem.graph) <= SMALL:
        start = time.perf_counter()
        try:
            with np.errstate(all="ignore"):
                program = method.program(problem)
                program()
                program()  # a large graph becomes a program at its second call
            result.preparation, again = problem.seconds + time.perf_counter() - start, program
        except (DifflabError, np.linalg.LinAlgError):
            pass  # it runs, only not as a program
    result.evaluation = timed(again, result.evaluation or 0.0)
    result.seconds = (result.preparation or 0.0) + result.evaluation


def timed(again: Callable[[], Value], first: float) -> float:
    """The median time of a run, over repeats that fill a short time."""
    if first > SLOW_SECONDS:
        return first
    times = [first]
    stop = time.perf_counter() + TIMING_SECONDS
    with np.errstate(all="ignore"):
        while time.perf_counter() < stop and len(times) < 30:
            start = time.perf_counter()
            again()
            times.append(time.perf_counter() - start)
    return statistics.median(times[1:] or times)


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
                shown = (
                    "NaN: it is not defined there"
                    if np.any(np.isnan(value))
                    else "infinite: it is not defined there, or larger than the largest float"
                )
                return [f"{node.primitive.name}({told}) is {shown}"]
    return []


def graph_sizes(problem: Problem) -> dict[str, Tree]:
    """Operations of the function's graph, of its backward graph, and their ratio."""
    count = len(problem.graph.operations)
    try:
        both = len(backward_graph(problem.graph).operations)
    except (DifflabError, np.linalg.LinAlgError):
        return {"function": count, "gradient": None, "ratio": None}
    return {"function": count, "gradient": both, "ratio": round(both / count, 2) if count else None}
