"""What a solver returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError

if TYPE_CHECKING:
    from .process import MDP, Floats, Integers


@dataclass(frozen=True, eq=False, repr=False)
class Solution:
    """Optimal values (S,), action values q (S, A), a greedy policy (S,) of actions, and how good they are.

    `error_bound` is proven: no value is further from the optimal one. `residuals` has the bound after each
    iteration. `gain` is the average reward of a step, of the average-reward solver alone. `stages` holds the values
    with 0, 1, ... steps to go, of backward induction alone, and `policies` its decisions.
    """

    process: MDP
    method: str
    values: Floats
    q: Floats
    policy: Integers
    error_bound: float
    iterations: int
    residuals: list[float]
    seconds: float
    notes: list[str] = field(default_factory=list)
    gain: float | None = None
    stages: Floats | None = None
    policies: Integers | None = None

    @property
    def policy_loss(self) -> float:
        """How much less than the optimum the policy may earn, at most: it is greedy for values within the bound."""
        return 2 * self.error_bound

    @property
    def advantage(self) -> Floats:
        """q(s, a) - v(s), (S, A): 0 for the best action."""
        top = self.q.max(axis=1, keepdims=True)
        return self.q - np.where(np.isneginf(top), 0.0, top)  # an end without actions has none that is best

    def expected_return(self, start: Any = None) -> float:
        """The best expected return when S0 is drawn by `start` (a state, or probabilities (S,)), within `error_bound`.

        Without `start`, by the process's own distribution, or from all states that are not terminal alike.
        """
        from .start import distribution

        return float(distribution(self.process, start, "expected_return") @ self.values)

    def ties(self, within: float | None = None) -> NDArrayBool:
        """Actions (S, A) whose q is the best, up to `within` (the error bound and rounding if not given)."""
        width = 2 * self.error_bound + 1e-4 * float(tie_width(self.q)) if within is None else within
        return np.asarray(self.advantage >= -width)

    def summary(self) -> dict[str, Any]:
        """The solution as plain data for JSON: missing actions are None."""
        q = [[None if x == -np.inf else x for x in row] for row in self.q.tolist()]
        return {
            "method": self.method,
            "states": self.process.n_states,
            "actions": self.process.n_actions,
            "discount": self.process.discount,
            "values": self.values.tolist(),
            "q": q,
            "policy": self.policy.tolist(),
            **self.from_the_start(),
            "error_bound": self.error_bound if np.isfinite(self.error_bound) else None,
            "iterations": self.iterations,
            "residuals": [r if np.isfinite(r) else None for r in self.residuals],
            "seconds": self.seconds,
            "gain": self.gain,
            "notes": self.notes,
        }

    def from_the_start(self) -> dict[str, Any]:
        """Where the process begins, and what that is worth: nothing where it may begin anywhere."""
        if self.process.start is None or self.gain is not None:
            return {}
        return {"start": self.process.start.tolist(), "expected_return": self.expected_return()}

    def __repr__(self) -> str:
        return (
            f"Solution({self.method}: {self.iterations} iterations, values within {self.error_bound:.2g}, "
            f"{self.seconds:.3g} s)"
        )


@dataclass
class Found:
    """What a solver hands back: values (S,), the proven bound of their error, and what only some solvers have.

    `pairs` (K,) are the action values within the same bound, whose greedy policy the bound is about too.
    """

    values: Floats
    bound: float
    pairs: Any = None
    policy: Any = None
    gain: float | None = None
    stages: Any = None
    policies: Any = None


def solved(solution: Any, what: str) -> Solution:
    """The solution, or an error for what is none: a process is the usual mistake."""
    if not isinstance(solution, Solution):
        raise InputError(f"{what}: {str(solution)[:80]} is not a solution; give process.solve()")
    return solution


TIE = 1e-9  # actions whose q differ by less, relative to the largest value, count as tied


def tie_width(q: Any) -> Any:
    """Up to which difference action values are tied: in units of the largest, -inf (no such action) left out."""
    return TIE * np.max(np.where(q > -LARGEST, np.abs(q), 0.0)) if q.size else 0.0


LARGEST = 1e300
NDArrayBool = np.ndarray[Any, np.dtype[np.bool_]]
