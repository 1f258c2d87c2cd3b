"""The methods by name, as objects that say what each can do, with one signature."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

from ..compile.program.program import compile
from ..errors import InputError
from ..types import Function, Tree, Value
from .answer import answer as answer
from .derivative import Derivative
from .opaque import recorded_or_opaque
from .problem import Problem, as_problem
from .transform import Recording, grad, jvp, zeros


@dataclass(frozen=True)
class Method:
    """One way to differentiate, and what those who judge it need to know.

    `run(problem, **options)` gives a `Derivative`. `exact`: exact for the formula up to rounding, so that it is held
    to a rounding bound; other methods are held to the error that they claim. `independent` names what the method rests
    on where that is not the rows' derivative rules, and is empty where it is: two methods are independent of each other
    where these differ, so forward and reverse are not. `judges`: it answers with a `Certificate`, to which the others
    are held. `options` is the keyword that a variant sets (numerical:central means scheme="central"), empty for none;
    `exact_options` are the variants that are exact although the method is not. `limited`: it takes `seconds`, a limit
    of processor time. `opaque`: it can do with a function that cannot be recorded. `program(problem)`, where a method
    has it, builds what computes the gradient at the point again and again: the time that takes is its preparation, a
    run of it an evaluation.
    """

    name: str
    run: Callable[..., Derivative]
    exact: bool = False
    independent: str = ""
    judges: bool = False
    options: str = ""
    exact_options: frozenset[str] = frozenset()
    limited: bool = False
    opaque: bool = False
    program: Callable[[Problem], Callable[[], Value]] | None = None

    def variant(self, option: str) -> Method:
        """The method with its option set; raises InputError where it has none."""
        if not self.options:
            raise InputError(f"methods: {self.name} has no variants, so {self.name + ':' + option!r} is not one")
        run = partial(self.run, **{self.options: option})
        return replace(
            self, name=f"{self.name}:{option}", run=run, exact=self.exact or option in self.exact_options, options=""
        )

    def is_independent_of(self, other: Method) -> bool:
        """Whether the two share nothing that could make both wrong in the same way."""
        return self.independent != other.independent


REGISTRY: dict[str, Method] = {}


def register(method: Method) -> Method:
    """Adds a method: `differentiate`, `compare`, `testing`, the shell and the pages know it from then on."""
    if ":" in method.name or method.name in REGISTRY:
        raise InputError(f"the method {method.name!r}: a new name without a colon is needed")
    REGISTRY[method.name] = method
    return method


def method_names() -> tuple[str, ...]:
    """The names of all methods, in the order of their registration."""
    return tuple(REGISTRY)


def method_named(name: str) -> Method:
    """The method of that name, or the variant, as in "numerical:central"."""
    base, _, option = name.partition(":") if isinstance(name, str) else ("", "", "")
    if base not in REGISTRY:
        raise InputError(f"there is no method {name!r}; the methods are {', '.join(REGISTRY)}")
    return REGISTRY[base].variant(option) if option else REGISTRY[base]


def differentiate(
    function: Any, at: Tree, method: str = "reverse", wrt: str | Iterable[str] | None = None, **options: Any
) -> Derivative:
    """The gradient of a scalar function at a point by one of the methods.

    `function` is text, a function, a graph or a sympy expression, `at` the point (a dict of names, or a function's
    arguments). `method` is "reverse", "forward", "symbolic", "numerical" (with `scheme=` "adaptive", "forward",
    "central", "five-point", "ridders" or "complex-step"), "certified", or one that was registered.

    >>> differentiate("x * y", at=dict(x=2.0, y=3.0)).gradient
    {'x': np.float64(3.0), 'y': np.float64(2.0)}
    """
    chosen = method_named(method)
    read = recorded_or_opaque if chosen.opaque else as_problem
    problem = function if isinstance(function, Problem) else read(function, at, wrt)
    return chosen.run(problem, **options)


def restricted(problem: Problem) -> tuple[Function, list[Value]]:
    """The graph as a function of the inputs to differentiate by, and their values."""
    places = problem.places

    def f(*chosen: Value) -> Value:
        full = list(problem.values)
        for k, x in zip(places, chosen):
            full[k] = x
        from ..graph.node_carrier import NODE

        return problem.graph.evaluate(full, NODE)[problem.graph.outputs[0]]

    return f, [problem.values[k] for k in places]


def reverse_mode(problem: Problem) -> Derivative:
    """Reverse mode: one sweep of the recorded graph from the output back."""
    start = time.perf_counter()
    f, xs = restricted(problem)
    with np.errstate(all="ignore"):
        record = Recording("reverse", f, tuple(xs))
        found = record.pull([np.ones((), problem.graph.outputs[0].dtype)[()]])
    label = "AD, reverse mode"
    return answer(problem, "reverse", label, record.value, found, start, preparation=problem.seconds)


def forward_mode(problem: Problem) -> Derivative:
    """Forward mode: dual numbers through the graph, one sweep for each single input."""
    start = time.perf_counter()
    f, xs = restricted(problem)
    found = [np.zeros(np.shape(x), x.dtype) for x in xs]
    sweeps = 0
    with np.errstate(all="ignore"):
        record = Recording("forward", f, tuple(xs))
        for k, index in entries(xs):
            tangents = [unit(x, index) if k == j else np.zeros(np.shape(x), x.dtype)[()] for j, x in enumerate(xs)]
            found[k][index] = record.push(tangents)[0]
            sweeps += 1
    label, found = "AD, forward mode", [g[()] for g in found]
    return answer(
        problem, "forward", label, record.value, found, start, evaluations=sweeps, preparation=problem.seconds
    )


def at_home(file: str) -> Callable[..., Derivative]:
    """The `derivative` of a file of this folder, imported when it is first called."""

    def run(problem: Problem, **options: Any) -> Derivative:
        found: Derivative = import_module(f"{__package__}.{file}").derivative(problem, **options)
        return found

    return run


def reverse_program(problem: Problem) -> Callable[[], Value]:
    """The gradient compiled: reverse mode recorded, simplified and written as straight-line source."""
    f, xs = restricted(problem)
    return partial(compile(grad(f, argnums=tuple(range(len(xs))))), *xs)


def forward_program(problem: Problem) -> Callable[[], Value]:
    """A forward sweep for each single input, compiled together."""
    f, xs = restricted(problem)
    basis = [tuple(unit(x, i) if k == place else zeros(x) for k, x in enumerate(xs)) for place, i in entries(xs)]
    return partial(compile(lambda *at: [jvp(f, at, direction)[1] for direction in basis]), *xs)


def entries(xs: list[Value]) -> list[tuple[int, tuple[int, ...]]]:
    """Every single number in a list of arrays."""
    return [(k, index) for k, x in enumerate(xs) for index in np.ndindex(np.shape(x))]


def unit(x: Value, index: tuple[int, ...]) -> Value:
    direction = np.zeros(np.shape(x), x.dtype)
    direction[index] = 1
    return direction[()]


register(Method("reverse", reverse_mode, exact=True, program=reverse_program))
register(Method("forward", forward_mode, exact=True, program=forward_program))
register(Method("symbolic", at_home("symbolic"), exact=True, independent="algebra", options="form", limited=True))
register(
    Method(
        "numerical",
        at_home("numerical"),
        independent="values",
        options="scheme",
        exact_options=frozenset({"complex-step"}),
        opaque=True,
    )
)
register(Method("certified", at_home("certified"), exact=True, independent="enclosures", judges=True, limited=True))


__all__ = ["Method", "answer", "differentiate", "method_named", "method_names", "register", "restricted"]
