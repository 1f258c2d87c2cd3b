"""Steps that use second derivatives: Newton's, Gauss's and Newton's; L-BFGS, which guesses them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...differentiate.jacobians import hessian, jacobian
from ...differentiate.transform import grad, hvp, jvp, vjp
from ...errors import InputError
from ...graph.pytree import flatten
from ...types import Array, Function, Tree, Value
from .checks import at_least_zero, whole


class Ravel:
    """Parameters as one vector and back, so that linear algebra can be done on them."""

    def __init__(self, params: Tree) -> None:
        self.rebuild: Function
        leaves, self.rebuild = flatten(params)
        self.like: list[Value] = [x if hasattr(x, "shape") else np.asarray(x) for x in leaves]
        self.cuts: Array = np.cumsum([x.size for x in self.like])[:-1]

    def pack(self, params: Tree) -> Value:
        return np.concatenate([np.reshape(x, (-1,)) for x in flatten(params)[0]])

    def unpack(self, vector: Value) -> Tree:
        parts = np.split(vector, self.cuts) if len(self.like) > 1 else [vector]
        return self.rebuild([v.reshape(x.shape) if x.shape else v[0] for v, x in zip(parts, self.like)])


def conjugate_gradients(product: Callable[[Value], Value], b: Value, steps: int, tolerance: float) -> Value:
    """x with product(x) = b for a symmetric product; where it bends downwards it stops, at b first.

    Hestenes and Stiefel 1952; the stop at negative curvature is Steihaug's (1983).
    """
    x = np.zeros_like(b)
    r, p = b.copy(), b.copy()
    size = float(r @ r)
    goal = (tolerance**2) * size
    for k in range(steps):
        if size <= goal or size == 0:
            break
        image = product(p)
        bend = float(p @ image)
        if bend <= 0:
            return b if k == 0 else x
        x = x + size / bend * p
        r = r - size / bend * image
        new = float(r @ r)
        p, size = r + new / size * p, new
    return x


@dataclass(frozen=True)
class Newton:
    """p - H⁻¹ g: the minimum of the quadratic that touches the function at p.

    The Hessian is made whole (`solver="dense"`, up to 200 parameters by default) or is only multiplied with, in
    conjugate gradients (`solver="cg"`). `damping` is added to its diagonal. A step that does not go down far enough is
    halved (Armijo's rule), and where the Hessian bends downwards the step follows the gradient: Nocedal and Wright,
    Numerical Optimization, chapters 3 and 7.

    >>> from difflab.nn.optim import minimize
    >>> result = minimize(lambda p: (p - 3.0) ** 4 + p**2, 0.0, Newton(), 20)
    >>> result.converged, round(float(result.params), 6)
    (True, 2.0)
    """

    damping: float = 0.0
    solver: str = "auto"
    cg_steps: int = 100

    def __post_init__(self) -> None:
        check_steps(self)
        if not at_least_zero(self.damping):
            raise InputError(f"Newton: damping={self.damping!r}; give a number of at least 0")
        if not isinstance(self.solver, str) or self.solver not in ("auto", "dense", "cg"):
            raise InputError(f'Newton: solver={self.solver!r}; give "auto", "dense" or "cg"')

    def step(self, flat: Function, x: Value) -> tuple[Value, Value]:
        """The step from the vector x, and the gradient there."""
        g = grad(flat)(x)
        if self.solver == "dense" or (self.solver == "auto" and x.size <= 200):
            h = hessian(flat)(x).reshape(x.size, x.size) + self.damping * np.eye(x.size)
            return downhill(h, g), g
        along = hvp(flat)
        product = lambda v: along(x, v) + self.damping * v
        return -conjugate_gradients(product, g, self.cg_steps, min(0.5, float(np.sqrt(np.linalg.norm(g))))), g


@dataclass(frozen=True)
class GaussNewton:
    """For f = |r|² / 2 of a function r: p - (JᵀJ + damping)⁻¹ Jᵀ r, where J is r's Jacobian.

    The function given to `minimize` returns the residuals r, an array or containers of them. With `damping="auto"` it
    is Levenberg and Marquardt's method: the damping falls by 3 after a good step and is doubled after a bad one.
    """

    damping: float | str = "auto"
    solver: str = "auto"
    cg_steps: int = 100

    def __post_init__(self) -> None:
        check_steps(self)
        if not at_least_zero(self.damping) and not (isinstance(self.damping, str) and self.damping == "auto"):
            raise InputError(f'GaussNewton: damping={self.damping!r}; give a number of at least 0, or "auto"')
        if not isinstance(self.solver, str) or self.solver not in ("auto", "dense", "cg"):
            raise InputError(f'GaussNewton: solver={self.solver!r}; give "auto", "dense" or "cg"')

    def step(self, residuals: Function, x: Value, damping: float) -> tuple[Value, Value]:
        """The step from x, and the gradient of half the sum of squares there."""
        if self.solver == "dense" or (self.solver == "auto" and x.size <= 200):
            r = residuals(x)
            j = jacobian(residuals)(x).reshape(r.size, x.size)
            g = j.T @ r
            rows = np.vstack([j, np.sqrt(damping) * np.eye(x.size)])
            return np.linalg.lstsq(rows, np.concatenate([-r, np.zeros(x.size)]), rcond=None)[0], g
        r, pullback = vjp(residuals, x)
        g = pullback(r)[0]
        product = lambda v: pullback(jvp(residuals, (x,), (v,))[1])[0] + damping * v
        return -conjugate_gradients(product, g, self.cg_steps, 1e-8), g


@dataclass(frozen=True)
class LBFGS:
    """SciPy's L-BFGS-B on the engine's gradient (Zhu, Byrd, Lu and Nocedal 1997)."""

    history_size: int = 10

    def __post_init__(self) -> None:
        if not whole(self.history_size) or self.history_size < 1:
            raise InputError(f"LBFGS: history_size={self.history_size!r}; give an integer of at least 1")


def check_steps(optimiser: Newton | GaussNewton) -> None:
    if not whole(optimiser.cg_steps) or optimiser.cg_steps < 1:
        name = type(optimiser).__name__
        raise InputError(f"{name}: cg_steps={optimiser.cg_steps!r}; give an integer of at least 1")


def downhill(h: Value, g: Value) -> Value:
    """-H⁻¹ g where H is positive definite; else with |eigenvalues|, so that the step still goes down."""
    try:
        from scipy.linalg import cho_factor, cho_solve

        return -cho_solve(cho_factor(h), g)
    except np.linalg.LinAlgError:
        values, vectors = np.linalg.eigh(h)
        sizes = np.maximum(np.abs(values), 1e-8 * max(np.abs(values).max(), 1e-300))
        return -vectors @ ((vectors.T @ g) / sizes)
