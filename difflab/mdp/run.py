"""What every solver shares: the tolerance to prove, the record of its bounds, and when it is told to stop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..progress import is_watched, tell

if TYPE_CHECKING:
    from .process import Floats


@dataclass
class Run:
    """One solve: `record` takes the bound after an iteration, and says whether it is good enough."""

    method: str
    tolerance: float
    max_iterations: int = 1_000_000
    progress: Callable[[int, float], Any] | None = None
    residuals: list[float] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.perf_counter)
    best: float = math.inf
    best_at: int = 0

    def record(self, bound: float) -> bool:
        self.residuals.append(bound)
        if self.progress is not None:
            self.progress(len(self.residuals), bound)
        if is_watched():
            tell(f"iteration {len(self.residuals):,}, error below {bound:.1e}", self.share(bound))
        if bound <= self.tolerance:
            return True
        if bound < 0.999 * self.best:
            self.best, self.best_at = bound, len(self.residuals)
        if len(self.residuals) >= self.max_iterations:
            raise InputError(
                f"{self.method}: after {len(self.residuals)} iterations the bound is {bound:.3g} and not "
                f"{self.tolerance:g}; raise max_iterations or the tolerance"
            )
        return False

    def share(self, bound: float) -> float:
        """How far the bound has fallen towards the tolerance, logarithmically."""
        first = self.residuals[0]
        if not (0 < self.tolerance < first < math.inf and bound < math.inf):
            return 0.0
        return min(1.0, max(0.0, math.log(first / max(bound, self.tolerance)) / math.log(first / self.tolerance)))

    @property
    def iterations(self) -> int:
        return len(self.residuals)

    def stalled(self, patience: int = 50) -> bool:
        """Whether the bound has not fallen for so many iterations: rounding, or nothing to prove it by."""
        return self.iterations - self.best_at >= patience

    def refuse(self, bound: float) -> InputError:
        if bound == math.inf:
            return InputError(
                f"{self.method}: with discount 1, or all but 1, actions that are as good as the best may go round for "
                "ever here, so no bound can be proven; take a discount a little below 1, or give each step a cost"
            )
        return InputError(
            f"{self.method}: no bound below {bound:.3g} can be proven in double precision here, tolerance is "
            f"{self.tolerance:g}; ask for a larger one"
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
