"""One way to run every optimiser on a function: steps, their values, and why they ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ...cards.parts import Card, Chart, Part, Row, Series, Words, arrays, facts
from ...cards.shown import Shown
from ...compile.program.program import compile
from ...differentiate.transform import value_and_grad
from ...errors import DomainError, InputError, ShapeError
from ...glance import glance
from ...graph.leaves import check_functions
from ...graph.pytree import flatten, map_leaves, named_leaves, paths
from ...progress import doing, tell
from ...types import Function, Tree, Value
from ..arrays import Memory
from .checks import check_params, number
from .optimiser import Optimiser
from .second_order import LBFGS, GaussNewton, Newton, Ravel


@dataclass(repr=False)
class Result(Shown):
    """What `minimize` found: `params`, their `value`, values and parameters on the way, and why it ended."""

    params: Tree
    value: float
    history: list[float] = field(default_factory=list)
    trajectory: list[Tree] = field(default_factory=list)
    converged: bool = False
    message: str = ""
    steps: int = 0

    def __repr__(self) -> str:
        told = "converged" if self.converged else "not converged"
        why = f" ({self.message})" if self.message else ""
        return f"<Result after {self.steps} steps, {told}{why}: value {self.value:.6g}, params {glance(self.params)}>"

    def _card_(self) -> Card:
        falls = np.asarray(self.history, float)
        log = bool(falls.size and np.nanmin(falls, initial=np.inf) > 0)
        curve = Chart("value", {"value": Series(range(falls.size), falls)}, "step", log_y=log)
        told = facts({"value": self.value, "steps": self.steps, "converged": self.converged})
        why = Words(self.message, attention=not self.converged) if self.message else None
        parts: list[Part] = [*([curve] if falls.size else []), told]
        params = arrays(named_leaves(self.params, "params"), "parameters")
        return Card("Result", f"after {self.steps} steps").add(Row(parts), why, params)


def minimize(
    f: Function,
    params: Tree,
    optimiser: Optimiser | LBFGS | Newton | GaussNewton,
    steps: int = 100,
    *,
    tolerance: float = 1e-8,
    callback: Callable[[int, Tree, float], object] | None = None,
) -> Result:
    """Runs an optimiser on f from `params` for at most so many steps, or until the gradient is below `tolerance`.

    f takes the parameters, any container of floats, and returns a number (for `GaussNewton`: residuals). `callback`
    gets the step, the parameters and the value, and ends the run by returning True. A value that is not finite ends it
    with a DomainError.

    >>> from difflab.nn.optim import SGD
    >>> minimize(lambda p: (p["a"] - 1) ** 2, {"a": 0.0}, SGD(lr=0.25), 40).params["a"].round(6)
    np.float64(1.0)
    """
    if not isinstance(steps, int) or isinstance(steps, bool) or steps < 0:
        raise InputError(f"minimize: steps={steps!r}; give an integer of at least 0")
    if not number(tolerance) or not tolerance >= 0:
        raise InputError(f"minimize: tolerance={tolerance!r}; give a number of at least 0")
    check_functions("minimize", f=f)
    check_params("minimize", params)
    start = map_leaves(
        lambda x: np.array(x, np.asarray(x).dtype if np.asarray(x).dtype.kind == "f" else float)[()], params
    )
    runs: dict[type, Callable[..., Result]] = {LBFGS: by_scipy, Newton: by_newton, GaussNewton: by_gauss_newton}
    run: Callable[..., Result] | None = runs.get(type(optimiser)) or (
        by_updates if isinstance(optimiser, Optimiser) else None
    )
    if run is None:
        raise InputError(f"minimize: {optimiser!r} is not an optimiser of nn.optim")
    with doing("minimising"):
        return run(f, start, optimiser, steps, Watch(callback, steps), tolerance)


class Watch:
    """Notes each step, and says when to end."""

    def __init__(self, callback: Callable[[int, Tree, float], object] | None, steps: int) -> None:
        self.callback = callback
        self.steps = steps
        self.history: list[float] = []
        self.trajectory: list[Tree] = []

    def note(self, params: Tree, value: Value) -> bool:
        """Keeps where we are; True where the callback wants to end."""
        value, step = float(value), len(self.history)
        if not np.isfinite(value):
            raise DomainError(f"minimize: step {step}: the value is {value:g}; try smaller steps or another start")
        tell(f"step {step:,}: value {value:.6g}", min(step / max(self.steps, 1), 1.0))
        self.history.append(value)
        self.trajectory.append(map_leaves(np.copy, params))
        return self.callback is not None and self.callback(step, params, value) is True

    def result(self, params: Tree, converged: bool, message: str) -> Result:
        steps = len(self.history) - 1
        return Result(params, self.history[-1], self.history, self.trajectory, converged, message, steps)


def size(gradients: Tree) -> float:
    return max((float(np.max(np.abs(g), initial=0.0)) for g in flatten(gradients)[0]), default=0.0)


SMALL, ENOUGH, ASKED = "the gradient is below the tolerance", "all steps were made", "the callback ended the run"


def by_updates(f: Function, params: Tree, optimiser: Optimiser, steps: int, watch: Watch, tolerance: float) -> Result:
    gradient = value_and_grad(f)

    def both(params: Tree, memory: Memory) -> Value:
        value, g = gradient(params)
        return value, g, *optimiser.update(params, g, memory)

    program, memory = compile(both), optimiser.init(params)
    for _ in range(steps):
        value, g, after, memory = program(params, memory)
        ended = watch.note(params, value)
        for path, x in zip(paths(g), flatten(g)[0]):
            if not np.all(np.isfinite(x)):
                which = f" by {path}" if path else ""
                raise DomainError(f"minimize: step {len(watch.history) - 1}: the gradient{which} is not finite")
        if ended or size(g) <= tolerance:
            return watch.result(params, not ended, ASKED if ended else SMALL)
        params = after
    value, g = gradient(params)
    watch.note(params, value)
    return watch.result(params, size(g) <= tolerance, SMALL if size(g) <= tolerance else ENOUGH)


def by_newton(f: Function, params: Tree, optimiser: Newton, steps: int, watch: Watch, tolerance: float) -> Result:
    ravel = Ravel(params)
    flat = lambda v: f(ravel.unpack(v))
    x, value = ravel.pack(params), f(params)
    for _ in range(steps):
        if watch.note(ravel.unpack(x), value):
            return watch.result(ravel.unpack(x), False, ASKED)
        step, g = optimiser.step(flat, x)
        if size(g) <= tolerance:
            return watch.result(ravel.unpack(x), True, SMALL)
        x, value, moved = descend(flat, x, value, step, g)
        if not moved:
            return watch.result(ravel.unpack(x), False, "no step goes down from here")
    watch.note(ravel.unpack(x), value)
    return watch.result(ravel.unpack(x), False, ENOUGH)


def descend(f: Function, x: Value, value: Value, step: Value, g: Value) -> tuple[Value, Value, bool]:
    """The step, halved until it goes down far enough for its length (Armijo 1966)."""
    slope = float(g @ step)
    share = 1.0
    with np.errstate(all="ignore"):
        for _ in range(50):
            new = f(x + share * step)
            if new <= value + 1e-4 * share * slope:
                return x + share * step, new, True
            share /= 2
    return x, value, False


def by_gauss_newton(
    f: Function, params: Tree, optimiser: GaussNewton, steps: int, watch: Watch, tolerance: float
) -> Result:
    ravel = Ravel(params)
    residuals: Function = lambda v: Ravel(found := f(ravel.unpack(v))).pack(found)
    x = ravel.pack(params)
    r = residuals(x)
    if np.ndim(f(params)) == 0 and r.size == 1 and not isinstance(f(params), list | tuple | dict):
        raise ShapeError(
            "minimize: GaussNewton takes a function that returns residuals, an array; this one returns a number"
        )
    damping = 1e-3 if optimiser.damping == "auto" else float(optimiser.damping)
    for _ in range(steps):
        if watch.note(ravel.unpack(x), 0.5 * r @ r):
            return watch.result(ravel.unpack(x), False, ASKED)
        step, g = optimiser.step(residuals, x, damping)
        if size(g) <= tolerance:
            return watch.result(ravel.unpack(x), True, SMALL)
        for _ in range(30):
            new = residuals(x + step)
            if optimiser.damping != "auto" or new @ new < r @ r:
                break
            damping *= 2
            step, _ = optimiser.step(residuals, x, damping)
        else:
            return watch.result(ravel.unpack(x), False, "no step goes down from here")
        x, r, damping = x + step, new, damping / 3 if optimiser.damping == "auto" else damping
    watch.note(ravel.unpack(x), 0.5 * r @ r)
    return watch.result(ravel.unpack(x), False, ENOUGH)


def by_scipy(f: Function, params: Tree, optimiser: LBFGS, steps: int, watch: Watch, tolerance: float) -> Result:
    from scipy.optimize import minimize as scipy_minimize

    ravel = Ravel(params)
    program = compile(value_and_grad(lambda v: f(ravel.unpack(v))))

    def both(x: Value) -> Value:
        value, g = program(x)
        return float(value), np.asarray(g, float)

    ended = [watch.note(params, f(params))]

    def told(intermediate_result: Value) -> None:
        if watch.note(ravel.unpack(intermediate_result.x), intermediate_result.fun):
            ended[0] = True
            raise StopIteration

    options = {"maxiter": steps, "maxcor": optimiser.history_size, "gtol": tolerance, "ftol": 0.0}
    if ended[0] or not steps:
        return watch.result(params, False, ASKED if ended[0] else ENOUGH)
    found = scipy_minimize(both, ravel.pack(params), jac=True, method="L-BFGS-B", options=options, callback=told)
    small = size(found.jac) <= tolerance
    return watch.result(ravel.unpack(found.x), small, ASKED if ended[0] else SMALL if small else str(found.message))
