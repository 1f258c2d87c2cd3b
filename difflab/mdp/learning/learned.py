"""What learning returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ...cards.parts import Card, Chart, Row, Series, arrays, empty, facts
from ...cards.shown import Shown
from ...types import FileName, Tree, Value
from ..types import Floats, Integers

if TYPE_CHECKING:
    from ...nn.layers.layer import Layer


@dataclass(frozen=True, eq=False, repr=False)
class Learned(Shown):
    """Action values after learning, and how it went.

    `q` (S, A) and the greedy `policy` (S,), None where states are not numbered; `returns`, the undiscounted sum of
    rewards of each episode; `errors`, pairs (step, max |q - q*|) where the exact q* was given. `visits` (S, A) of a
    table; `act(state)` is the greedy action; `network` and `params` of deep Q-learning.
    """

    method: str
    q: Floats | None
    returns: list[float]
    steps: int
    errors: list[tuple[int, float]] = field(default_factory=list)
    visits: Floats | None = None
    network: Layer | None = None
    params: Tree = None
    predict: Value = None

    @property
    def policy(self) -> Integers | None:
        return None if self.q is None else self.q.argmax(axis=1)

    def act(self, state: Value) -> int:
        """The greedy action."""
        row = self.q[state] if self.q is not None and np.ndim(state) == 0 else self.predict(np.asarray(state)[None])[0]
        return int(np.argmax(row))

    def mean_return(self, last: int = 100) -> float:
        """The mean return of the last episodes."""
        return float(np.mean(self.returns[-last:])) if self.returns else float("nan")

    def plot(self, path: FileName | None = None, force: bool = False) -> Value:
        """Returns of the episodes with their running mean; beside it the distance to q*, where it is known."""
        from matplotlib.figure import Figure

        from ...lab.plots import COLOURS, save

        columns = 2 if self.errors else 1
        made = Figure(figsize=(5.2 * columns, 3.6), layout="constrained")
        plots = made.subplots(1, columns, squeeze=False)[0]
        returns = np.array(self.returns)
        plots[0].plot(returns, color=COLOURS[5], linewidth=0.6, alpha=0.6, label="episode")
        width = max(1, len(returns) // 30)
        if len(returns) >= 2 * width:
            mean = np.convolve(returns, np.ones(width) / width, mode="valid")
            plots[0].plot(np.arange(width - 1, len(returns)), mean, color=COLOURS[0], label=f"mean of {width}")
        plots[0].set_xlabel("episode")
        plots[0].set_ylabel("return")
        if self.errors:
            steps, errors = zip(*self.errors)
            plots[1].plot(steps, errors, color=COLOURS[1], label="max |q - q*|")
            plots[1].set_yscale("log")
            plots[1].set_xlabel("step")
        for axes in plots:
            axes.grid(alpha=0.3)
            axes.legend(fontsize=8)
        return made if path is None else save(made, path, force)

    def _card_(self) -> Card:
        returns = np.asarray(self.returns, float)
        width = max(1, len(returns) // 30)
        mean = np.convolve(returns, np.ones(width) / width, mode="valid") if len(returns) else returns
        curves = {"episode": Series(np.arange(len(returns)), returns)}
        if width > 1:
            curves[f"mean of {width}"] = Series(np.arange(width - 1, width - 1 + len(mean)), mean)
        far = Series(*zip(*self.errors)) if self.errors else Series((), ())
        charts = [
            Chart("return", curves, "episode"),
            Chart("distance to q*", {"max |q - q*|": far}, "step", log_y=True),
        ]
        told = facts({"episodes": len(self.returns), "steps": self.steps, "mean return": self.mean_return()})
        kept = arrays({k: x for k, x in (("q", self.q), ("visits", self.visits)) if x is not None})
        return Card("Learned", f"by {self.method}").add(Row([c for c in charts if not empty(c)]), told, kept)

    def __repr__(self) -> str:
        told = f"{len(self.returns)} episodes, {self.steps:,} steps, mean return {self.mean_return():.4g}"
        return f"Learned({self.method}: {told})"
