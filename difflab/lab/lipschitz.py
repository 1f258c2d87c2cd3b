"""Local Lipschitz constants: the largest singular value of a Jacobian that is never written down."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..cards.parts import Card, arrays, facts, figure
from ..cards.shown import Shown
from ..differentiate.transform import Recording
from ..errors import DomainError, DtypeError, InputError, TraceError
from ..graph.pytree import flatten, named_leaves
from ..progress import doing, tell
from ..types import Function, Value

Leaves = list[Any]


@dataclass(frozen=True, repr=False)
class Lipschitz(Shown):
    """The largest singular value of a Jacobian, and the direction that it stretches most.

    `value` is |Jv| of the unit vector v = `direction`, so it is never above the largest singular value but by rounding.
    `residual` is |JᵀJv - value² v| / value²: some singular value s has |s² - value²| <= residual value².
    """

    value: float
    direction: Value
    residual: float
    steps: int
    converged: bool

    def __repr__(self) -> str:
        told = "converged" if self.converged else "not converged"
        return f"<Lipschitz {self.value:.6g}, residual {self.residual:.1e}, {told} after {self.steps} steps>"

    def _card_(self) -> Card:
        told = facts({"residual": figure(self.residual, 2), "steps": self.steps, "converged": self.converged})
        direction = arrays(named_leaves(self.direction), "the direction that is stretched most")
        return Card("Lipschitz", f"constant {self.value:.10g} here").add(told, direction)

    def __float__(self) -> float:
        return self.value


def lipschitz(f: Function, x: Value, *, seed: int = 0, tolerance: float = 1e-4, steps: int = 1000) -> Lipschitz:
    """The local Lipschitz constant of f at x, in the Euclidean norm: the largest singular value of the Jacobian there.

    Power iteration: a random unit vector goes forward through the Jacobian (jvp) and back (vjp), again and again, until
    the residual is at most `tolerance`, or for `steps` steps; then `converged` is false. Each step costs a few
    evaluations of f, and no memory for the Jacobian. The Jacobian of an affine f is the same everywhere, and the result
    its Lipschitz constant. x and f(x) are arrays or trees of arrays, taken as one long vector each. Golub and Van Loan,
    Matrix Computations, 4th ed., 8.2.

    Raises DtypeError for complex values, DomainError where a derivative is not finite, TraceError inside another
    derivative.

    >>> found = lipschitz(lambda x: np.array([[3.0, 0.0], [4.0, 5.0]]) @ x, np.zeros(2))
    >>> round(found.value, 6), round(float(np.sqrt(45)), 6)
    (6.708204, 6.708204)
    """
    if not callable(f):
        raise InputError(f"lipschitz: {f!r} is not a function")
    if not isinstance(steps, int) or isinstance(steps, bool) or steps < 1:
        raise InputError(f"lipschitz: steps={steps!r}; give an integer of at least 1")
    if not isinstance(tolerance, float | np.floating) or not 0 < tolerance < 1:
        raise InputError(f"lipschitz: tolerance={tolerance!r}; give a number between 0 and 1")
    if not isinstance(seed, int | np.integer) or isinstance(seed, bool) or seed < 0:
        raise InputError(f"lipschitz: seed={seed!r}; give an integer of at least 0")
    record = Recording("lipschitz", f, (x,))
    if record.tape.nested:
        raise TraceError(
            "lipschitz: the point or the function depends on a value that is being traced, and the iteration needs "
            "numbers; call it outside, and differentiate the length of f's jvp along the direction that it finds"
        )
    for what, leaves in (("x", record.inputs), ("f(x)", flatten(record.value)[0])):
        for leaf in leaves:
            if np.asarray(getattr(leaf, "value", leaf)).dtype.kind == "c":
                raise DtypeError(f"lipschitz: {what} is complex; give the real and the imaginary part as two arrays")
    rng = np.random.default_rng(seed)
    v = unit([np.asarray(rng.normal(size=node.shape)).astype(node.dtype)[()] for node in record.inputs])
    with doing("the most stretched direction"):
        for step in range(1, steps + 1):
            value, back = through(record, v)
            if not value:
                break
            residual = length([b - value * a for a, b in zip(v, back)]) / value
            if residual <= tolerance or step == steps:
                return Lipschitz(value, record.unflatten_inputs(v)[0], residual, step, residual <= tolerance)
            tell(f"step {step:,}: residual {residual:.1e}")
            v = unit(back)
    return Lipschitz(0.0, record.unflatten_inputs(v)[0], 0.0, step, True)


def through(record: Recording, v: Leaves) -> tuple[float, Leaves]:
    """|Jv| and JᵀJv / |Jv|, which neither overflows nor vanishes where the square of |Jv| does."""
    outputs = flatten(record.value)[0]
    pushed = [np.asarray(t).astype(np.asarray(y).dtype)[()] for t, y in zip(record.push(v), outputs)]
    value = length(pushed)
    if not math.isfinite(value):
        raise DomainError("lipschitz: the Jacobian at x is not finite; dl.compare says where and why")
    return value, record.pull(unit(pushed)) if value else v


def length(leaves: Leaves) -> float:
    largest = max((float(np.max(np.abs(a), initial=0.0)) for a in leaves), default=0.0)
    if not largest or not math.isfinite(largest):
        return largest
    return largest * math.sqrt(sum(float(np.sum(np.square(np.divide(a, largest, dtype=np.float64)))) for a in leaves))


def unit(leaves: Leaves) -> Leaves:
    total = length(leaves)
    return [np.divide(a, total, dtype=np.float64).astype(a.dtype)[()] for a in leaves]
