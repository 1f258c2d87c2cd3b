"""What every solver shares: the tolerance to prove, its iterations with the record of their bounds, and their end."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from ..errors import InputError
from ..progress import is_watched, tell
from ..types import Value
from .backup import Backup
from .bounds import Bounds, shortest_path_bound
from .process import MDP, Solution
from .solution import Found
from .types import Floats

WORTH = 1e-6  # of the largest value: a derivative of what is known no better may be that of another policy
AT_REST = 200  # iterations after which values that no longer move are no longer waited for


class Unproven(InputError):
    """A tolerance that cannot be proven; the last bound that was, infinite where there is none."""

    def __init__(self, message: str, bound: float = math.inf) -> None:
        super().__init__(message)
        self.bound: float = bound


@dataclass(eq=False, slots=True)
class Sweep:
    """An iteration: values v (S,), their backup w, the action values q it is the best of, the range of w - v, a bound.

    A solver says what is to be backed up `next`: w, unless it has something better. Values that are surely not good
    enough yet need no proof, only an `estimate` of their bound; behind values that are `final` nothing better comes.
    The next backup writes over w and q: whoever keeps one copies it.
    """

    next: Floats
    v: Floats = field(init=False)
    w: Floats = field(init=False)
    q: Floats = field(init=False)
    lo: float = 0.0
    hi: float = 0.0
    bound: float = math.inf
    estimate: float = 0.0
    final: bool = False

    @property
    def change(self) -> float:
        """The largest change of a value."""
        return max(-self.lo, self.hi, 0.0)


@dataclass
class Run:
    """One solve: `sweeps` goes on until the tolerance is proven, and then `found` is what has been found."""

    method: str
    tolerance: float
    max_iterations: int = 1_000_000
    progress: Callable[[int, float], object] | None = None
    residuals: list[float] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    best: float = math.inf
    best_at: int = 0
    found: Found = field(init=False, repr=False)

    def sweeps(
        self,
        process: MDP,
        start: Floats | None = None,
        *,
        patience: float = 2000,
        thorough: bool = False,
        bounds: Bounds | None = None,
    ) -> Iterator[Sweep]:
        """Bellman backups until one proves the tolerance; each step is the solver's, to say what is backed up next.

        From `start` (S,), or from what the solver says in a first step that no backup precedes. `thorough` proves every
        backup in full, for solvers beside whose own work that costs little. Raises InputError where the bound has not
        fallen in `patience` iterations.
        """
        backup, bounds = Backup(process), Bounds(process) if bounds is None else bounds
        one, other = np.empty(process.n_states), np.empty(process.n_states)
        step = Sweep(one if start is None else start)
        if start is None:
            yield step
        while True:
            if step.estimate > self.tolerance:
                self.record(max(step.estimate, 1.000001 * self.tolerance))
                if not bounds.contracts and self.stalled(patience + process.n_states):  # time to cross the process
                    raise self.refuse(math.inf)
            else:
                step.v, step.w = step.next, other if step.next is one else one
                step.lo, step.hi = backup(step.v, step.w)
                step.w[process.terminal] = 0.0
                step.q, step.next = backup.q, step.w
                step.bound, found = self.judged(step, bounds, thorough)
                if self.record(step.bound) and found is not None:
                    self.found = found
                    return
                if step.final or self.stalled(patience) or (step.lo == step.hi == 0 and self.stalled(AT_REST)):
                    raise self.refuse(step.bound if bounds.contracts or found is not None else math.inf)
            yield step

    def judged(self, step: Sweep, bounds: Bounds, thorough: bool) -> tuple[float, Found | None]:
        """The bound of a step, and its proof where it is good enough, or wanted anyway."""
        if thorough:
            found = bounds.prove(step.v, step.w, step.q, step.lo, step.hi)
            return found.bound, found
        if not bounds.contracts:
            return self.proof_of_paths(bounds.process, step.lo, step.hi, lambda: step.w)
        bound = bounds.bound(step.lo, step.hi, step.v)
        if bound > self.tolerance:
            return bound, None
        found = bounds.prove(step.v, step.w, step.q, step.lo, step.hi)
        return (bound if found.bound <= self.tolerance else found.bound), found

    def proof_of_paths(
        self, process: MDP, lo: float, hi: float, values: Callable[[], Floats]
    ) -> tuple[float, Found | None]:
        """With discount 1 a proof costs several backups: it is tried when the residual alone might do."""
        change = max(-lo, hi)
        if change > 0.1 * self.tolerance:
            return max(change * max(1, self.iterations), 2 * self.tolerance), None  # only what is shown meanwhile
        v = values()
        bound = shortest_path_bound(process, v)
        return bound, Found(v, bound)

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

    def stalled(self, patience: float) -> bool:
        """Whether the bound has not fallen for so many iterations: rounding, or nothing to prove it by."""
        return self.iterations - self.best_at >= patience

    def refuse(self, bound: float) -> Unproven:
        if bound == math.inf:
            return Unproven(
                f"{self.method}: with discount 1, or all but 1, a round of steps that pays, or costs nothing, may go "
                "on for ever, so no bound can be proven; take a discount a little below 1, or give each step a cost",
                bound,
            )
        return Unproven(
            f"{self.method}: no bound below {bound:.3g} can be proven in double precision here, tolerance is "
            f"{self.tolerance:g}; ask for a larger one",
            bound,
        )


def closest(process: MDP, method: str, tolerance: float, **options: Value) -> Solution:
    """The solution within the tolerance or, where rounding allows no such, within what it allows: with discount 1 a
    bound grows with the steps to the end, which nobody knows before. Raises Unproven where that is next to nothing."""
    try:
        return process.solve(method, tolerance, **options)
    except Unproven as error:
        if error.bound == math.inf:
            raise
        found = process.solve(method, 2 * error.bound, **options)
        if found.error_bound > WORTH * float(np.abs(found.values).max(initial=0.0)):
            raise
        return found
