"""Fixed points, differentiated by the implicit function theorem: nothing of the iteration is stored.

At x = f(x, p) the derivative obeys (I - df/dx) dx = df/dp dp. See A. Griewank and A. Walther (2008), "Evaluating
Derivatives", chapter 15, and M. Blondel et al. (2022), "Efficient and modular implicit differentiation".
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..compile.program.stepping import Body
from ..errors import InputError, ShapeError, UnsupportedError
from ..graph.leaves import check_functions
from ..graph.node_carrier import NODE
from ..graph.traced import apply, holds_traced
from ..primitives import NUMPY, Carrier
from ..types import Function, Value
from .closed import Closed, control_row, describe, value_leaf
from .control_flow import active, filled
from .jacobians import jacobian
from .transform import jvp, vjp, zeros


def fixed_point(
    step: Callable[[Value], Value],
    start: Value,
    *,
    tolerance: float = 1e-12,
    max_steps: int = 100_000,
    newton: bool = False,
) -> Value:
    """The x with x = step(x), found from `start` and differentiable in whatever `step` captures.

    x is one array. `step` is repeated until no element changes by more than tolerance * (1 + |x|); with `newton`, a
    step solves with I - d step / dx instead, which takes few steps and a Jacobian in each. Derivatives come from one
    linear solve at the solution, to any order. Raises InputError if it does not settle in `max_steps`.

    >>> import difflab as dl, numpy as np
    >>> root = lambda a: dl.fixed_point(lambda x: (x + a / x) / 2, 1.0)
    >>> tuple(float(np.round(f(2.0), 9)) for f in (root, dl.grad(root), dl.grad(dl.grad(root))))
    (1.414213562, 0.353553391, -0.088388348)
    """
    check_functions("fixed_point", step=step)
    first = value_leaf(start, "fixed_point: start")
    if Carrier.dtype(first).kind != "f":
        raise InputError(f"fixed_point: start has dtype {Carrier.dtype(first)}; start from floats")

    def call(leaves: list[Value]) -> Value:
        return step(leaves[0])

    body = Closed("fixed_point", step, [first], call)
    shapes = [y.shape for y in body.outputs]
    if shapes != [Carrier.shape(first)]:
        raise ShapeError(
            f"fixed_point: {describe(step)} takes shape {Carrier.shape(first)} and returns {shapes}; they must be equal"
        )
    operands = [*body.captured, first]

    def value(m: Carrier, *xs: Value) -> Value:
        if m is not NUMPY:
            raise UnsupportedError("fixed_point: it is found in floating point only")
        return settle(body, list(xs), tolerance, max_steps, newton)

    def pull(m: Carrier, ct: Value, y: Value, *xs: Value) -> Value:
        outside = list(xs[:-1])
        n = int(np.prod(Carrier.shape(y)))
        adjoint = np.linalg.solve(np.transpose(system(body, outside, y, n)), np.reshape(ct, (n,)))
        on = active(outside)
        _, pullback = vjp(in_captured(body, outside, y, on), *[outside[k] for k in on])
        return [*filled([None] * len(outside), on, pullback(np.reshape(adjoint, Carrier.shape(y)))), None]

    def push(m: Carrier, ts: list[Value], y: Value, *xs: Value) -> Value:
        outside = list(xs[:-1])
        n = int(np.prod(Carrier.shape(y)))
        on = [k for k in active(outside) if ts[k] is not None]
        if not on:
            return zeros(y)
        f = in_captured(body, outside, y, on)
        _, moved = jvp(f, tuple(outside[k] for k in on), tuple(ts[k] for k in on))
        found = np.linalg.solve(system(body, outside, y, n), np.reshape(moved, (n,)))
        return np.reshape(found, Carrier.shape(y))

    if not holds_traced(operands):
        return value(NUMPY, *operands)
    return apply(control_row("fixed_point", value, pull, push, flops=body.flops, tolerance=tolerance), tuple(operands))


def in_captured(body: Closed, outside: list[Value], y: Value, on: list[int]) -> Function:
    """The body at x = y as a function of the captured values named in `on`."""
    return lambda *chosen: body(NODE, [*filled(outside, on, chosen), y])[0]


def system(body: Closed, outside: list[Value], y: Value, n: int) -> Value:
    """I - d step / dx at y, as a matrix (n, n)."""
    J = jacobian(lambda x: body(NODE, [*outside, x])[0])(y)
    return np.eye(n) - np.reshape(J, (n, n))


def settle(body: Closed, xs: list[Value], tolerance: float, max_steps: int, newton: bool) -> Value:
    """The iteration, in numbers."""
    outside, x = xs[:-1], xs[-1]
    step = Body(body.program.build(), len(outside), body.run).begin(outside)
    change = np.inf
    for _ in range(max_steps):
        new = np.array(step(x)[0])
        if newton:
            n = new.size
            move = np.linalg.solve(system(body, outside, x, n), np.reshape(new - x, (n,)))
            new = x + np.reshape(move, new.shape)
        before = change
        change = float(np.max(np.abs(new - x) / (1 + np.abs(new)), initial=0.0))
        x = new[()]
        if change <= tolerance or (newton and change < 1e-9 and change >= before):
            return x
        if not np.isfinite(change):
            break
    raise InputError(
        f"fixed_point: {describe(body.f)} does not settle: the last step changed x by {change:.3g} (relative), "
        f"tolerance is {tolerance:g}; start nearer, damp the step, or pass newton=True"
    )
