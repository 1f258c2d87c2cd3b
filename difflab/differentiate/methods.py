"""The five methods by name, with one signature."""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from ..errors import InputError
from .derivative import Derivative
from .opaque import recorded_or_opaque
from .problem import Problem, as_problem
from .transform import Recording, zeros

HOMES = {"numerical": "numerical", "symbolic": "symbolic", "certified": "certified"}
NOT_DEFINED = "the function is not defined here"
METHODS = ("reverse", "forward", "symbolic", "numerical", "certified")


def differentiate(function: Any, at: Any, method: str = "reverse", wrt: Any = None, **options: Any) -> Derivative:
    """The gradient of a scalar function at a point by one of the five methods.

    `function` is text, a function, a graph or a sympy expression, `at` the point (a dict of names, or a function's
    arguments). `method` is "reverse", "forward", "symbolic", "numerical" (with `scheme=` "adaptive",
    "forward", "central", "five-point", "ridders" or "complex-step") or "certified".

    >>> differentiate("x * y", at=dict(x=2.0, y=3.0)).gradient
    {'x': np.float64(3.0), 'y': np.float64(2.0)}
    """
    run = method_named(method)
    read = recorded_or_opaque if method == "numerical" else as_problem
    problem = function if isinstance(function, Problem) else read(function, at, wrt)
    return run(problem, **options)


def method_named(method: str) -> Callable[..., Derivative]:
    """The function of a method."""
    if method == "reverse":
        return reverse_mode
    if method == "forward":
        return forward_mode
    if method in HOMES:
        return import_module(f"difflab.differentiate.{HOMES[method]}").derivative  # type: ignore[no-any-return]
    raise InputError(f"method={method!r}: the methods are {', '.join(METHODS)}")


def restricted(problem: Problem) -> tuple[Callable[..., Any], list[Any]]:
    """The graph as a function of the inputs to differentiate by, and their values."""
    places = problem.places

    def f(*chosen: Any) -> Any:
        full = list(problem.values)
        for k, x in zip(places, chosen):
            full[k] = x
        from ..graph.node import NODE

        return problem.graph.evaluate(full, NODE)[problem.graph.outputs[0]]

    return f, [problem.values[k] for k in places]


def answer(
    problem: Problem, method: str, label: str, value: Any, found: list[Any], start: float, **rest: Any
) -> Derivative:
    """A Derivative from the list of partial derivatives."""
    by_name = {n: zeros(x) for n, x in zip(problem.names, problem.values)}
    by_name.update(zip(problem.wrt, found))
    by_name = {n: by_name[n] for n in problem.names}
    notes = list(problem.notes) + rest.pop("notes", [])
    defined = problem.value
    if not np.all(np.isfinite(defined)):
        value = defined
        by_name = {n: np.full(np.shape(x), np.nan)[()] for n, x in by_name.items()}
        notes.append(f"{NOT_DEFINED}: its value is {float(value)}, so there is no derivative")
    return Derivative(
        method,
        label,
        value,
        problem.rebuild(by_name),
        by_name,
        seconds=time.perf_counter() - start,
        notes=notes,
        **rest,
    )


def reverse_mode(problem: Problem) -> Derivative:
    """Reverse mode: one sweep of the recorded graph from the output back."""
    start = time.perf_counter()
    f, xs = restricted(problem)
    with np.errstate(all="ignore"):
        record = Recording("reverse", f, tuple(xs))
        found = record.pull([np.ones((), problem.graph.outputs[0].dtype)[()]])
    return answer(problem, "reverse", "AD, reverse mode", record.value, found, start, evaluations=1)


def forward_mode(problem: Problem) -> Derivative:
    """Forward mode: dual numbers through the graph, one sweep for each single input."""
    start = time.perf_counter()
    f, xs = restricted(problem)
    found = [np.zeros(np.shape(x), x.dtype) for x in xs]
    sweeps = 0
    with np.errstate(all="ignore"):
        record = Recording("forward", f, tuple(xs))
        for k, x in enumerate(xs):
            for index in np.ndindex(np.shape(x)):
                tangents = [np.zeros(np.shape(z), z.dtype) for z in xs]
                tangents[k][index] = 1
                found[k][index] = record.push([t[()] for t in tangents])[0]
                sweeps += 1
    return answer(
        problem, "forward", "AD, forward mode", record.value, [g[()] for g in found], start, evaluations=sweeps
    )


__all__ = ["METHODS", "answer", "differentiate", "method_named", "restricted"]
