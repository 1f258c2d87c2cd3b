"""Which reward, which probability matters most: the gradient of the solution, and its comparison by five methods."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from ..cards.parts import Card, Table, arrays, figure
from ..cards.shown import Shown
from ..errors import InputError, ShapeError
from ..types import Value
from .backup import restricted
from .bounds import attainable
from .checks import floats, whole
from .gradient import optimal_values
from .implicit import PolicySystem, shared
from .process import MDP, Solution
from .run import closest
from .solution import stationary
from .ties import tie_width
from .types import Flags, Floats, Rows

if TYPE_CHECKING:
    from ..differentiate.derivative import Derivative
    from ..differentiate.problem import Problem
    from ..lab.compare import Comparison


@dataclass(frozen=True, eq=False, repr=False)
class Sensitivity(Shown):
    """The derivatives of J = weights . v*: by every reward (S, A), every stored probability, and the discount.

    `visits` (S,) is the derivative by a reward of the state under the best policy: how often it is visited, discounted.
    `probabilities` has the structure of `process.transitions`.
    """

    process: MDP
    value: float
    weights: Floats
    rewards: Floats
    discount: float
    visits: Floats
    system: PolicySystem
    values: Floats

    @cached_property
    def probabilities(self) -> Rows:
        P, system = self.process.transitions, self.system
        on_data = self.visits[system.state] * self.values[system.following]
        on_data *= self.process.discount * system.entry
        return Rows((on_data, P.indices, P.indptr), shape=P.shape)

    @property
    def feasible(self) -> Rows:
        """The derivative by probabilities, projected on changes that keep each row's sum."""
        P, data = self.probabilities, self.probabilities.data
        lengths = np.diff(P.indptr)
        row = np.repeat(np.arange(P.shape[0]), lengths)
        mean = np.bincount(row, data, P.shape[0]) / np.maximum(lengths, 1)
        return Rows((data - mean[row], P.indices, P.indptr), shape=P.shape)

    def along(self, rewards: ArrayLike | None = None, probabilities: Value = None, discount: float = 0.0) -> float:
        """dJ along a change of rewards (S, A), probabilities (entries or an array like transitions), discount."""
        total = self.discount * float(discount)
        if rewards is not None:
            total += float(np.sum(np.nan_to_num(self.rewards) * np.asarray(rewards, float)))
        if probabilities is not None:
            total += self.along_probabilities(probabilities)
        return total

    def along_probabilities(self, change: Value) -> float:
        D = change if sparse.issparse(change) else np.asarray(change, float)
        if D.shape == self.probabilities.data.shape:
            D = Rows((D, self.probabilities.indices, self.probabilities.indptr), self.probabilities.shape)
        if D.shape != self.probabilities.shape:
            raise ShapeError(f"along: probabilities of shape {D.shape}; they are {self.probabilities.shape} or entries")
        sums = np.asarray(D.sum(axis=1)).ravel()
        bad = np.flatnonzero(np.abs(sums) > 1e-9)
        if len(bad):
            raise InputError(
                f"along: the change of pair {int(bad[0])} sums to {sums[bad[0]]:g}; rows must keep their sum"
            )
        return float((self.probabilities * D).sum())

    def __repr__(self) -> str:
        return f"Sensitivity(J = {self.value:.6g}, dJ/d discount = {self.discount:.6g})"

    def _card_(self) -> Card:
        rewards = np.nan_to_num(self.rewards)
        first = np.argsort(-np.abs(rewards), axis=None, kind="stable")[:10]
        pairs = [(int(k) // rewards.shape[1], int(k) % rewards.shape[1]) for k in first]
        rows = [[str(s), str(a), figure(rewards[s, a])] for s, a in pairs if rewards[s, a]]
        table = Table(rows, ("state", "action", "dJ / d reward"), "the rewards that matter most")
        sizes = {"rewards": self.rewards, "probabilities": self.probabilities.data, "discount": self.discount}
        return Card("Sensitivity", f"of J = {self.value:.6g}").add(arrays(sizes, head="dJ / d"), table)


def sensitivity(solution: Solution, of: ArrayLike | None = None) -> Sensitivity:
    """The gradient of a weighted sum of optimal values, by one transposed linear solve.

    `of` is a state, or weights (S,); without it the mean over the states that are not terminal.

    >>> from difflab import mdp
    >>> grid = mdp.gridworld((1, 4), terminals=[(0, 3)], discount=0.5)
    >>> mdp.sensitivity(grid.solve(), of=0).rewards[:, 1]  # by the reward of going right
    array([1.  , 0.5 , 0.25, 0.  ])
    """
    process = stationary(solution, "sensitivity").process
    w = weights_of(process, of)
    weights = shared(process, solution.values)
    system = PolicySystem(process, weights)
    data, g = process.transitions.data, process.discount
    adjoint = np.where(process.terminal, 0.0, system.numbers(data, g, w, transpose=True))
    return Sensitivity(
        process,
        float(w @ solution.values),
        w,
        process.table(adjoint[process.states] * weights, missing=np.nan),
        float(adjoint @ (system.chain.transitions @ solution.values)),
        adjoint,
        system,
        solution.values,
    )


def weights_of(process: MDP, of: ArrayLike | None) -> Floats:
    alive = ~process.terminal
    if of is None:
        return np.asarray(alive / max(int(alive.sum()), 1))
    w = np.asarray(of)
    if w.shape == () and w.dtype.kind in "iu":
        if not 0 <= int(w) < process.n_states:
            raise InputError(f"sensitivity: state {int(w)} of {process.n_states} states; they are counted from 0")
        return np.asarray(np.eye(1, process.n_states, int(w))[0])
    if w.shape != (process.n_states,):
        raise ShapeError(f"sensitivity: `of` has shape {w.shape}; it is a state or weights ({process.n_states},)")
    return floats(w, "sensitivity: the weights `of`", finite=True)


def unrolled_values(P: Value, R: Value, discount: Value, steps: int) -> Value:
    """v after so many steps of value iteration from 0, for arrays as in `optimal_values`: every step is recorded.

    >>> import numpy as np
    >>> unrolled_values(np.ones((1, 1, 1)), np.ones((1, 1)), 0.5, 3)
    array([1.75])
    """
    from ..differentiate.control_flow import scan

    steps = whole(steps, "unrolled_values: steps")
    backup: Callable[[Value], Value] = lambda v: np.max(R + discount * np.transpose(np.matmul(P, v)), axis=1)
    S = np.shape(P)[1]
    v, _ = scan(lambda v, _: (backup(v), 0.0), np.zeros(S), length=steps)
    return v


def compare_gradients(
    process: MDP, of: ArrayLike | None = None, wrt: str = "rewards", steps: int | None = None
) -> Comparison:
    """The gradient of weights . v* by five methods, in the usual table: implicit in reverse and in forward mode,
    through the unrolled iteration, by finite differences, and certified.

    `wrt` is "rewards" (S, A), "discount", or "probabilities" (A, S, S) with free entries. For processes up to about
    100 pairs, in which every state has every action. `steps` of the unrolled iteration are enough for 1e-10 if not
    given. Tied actions show as kinks.

    >>> from difflab import mdp
    >>> grid = mdp.gridworld((1, 4), terminals=[(0, 3)], discount=0.9)
    >>> table = mdp.compare_gradients(grid, wrt="discount")
    >>> table.agree, list(table.methods)
    (True, ['reverse', 'forward', 'unrolled', 'numerical', 'certified'])
    """
    from ..differentiate.methods import Method, method_named
    from ..differentiate.problem import as_problem
    from ..lab.compare import compare

    if not process.regular:
        raise InputError("compare_gradients: every state needs every action here; use mdp.sensitivity")
    (P, R), alive = process.dense(), ~process.terminal
    w, g = weights_of(process, of), process.discount
    steps = enough_steps(g, process.n_states) if steps is None else whole(steps, "compare_gradients: steps", 1)
    at = {"rewards": R, "discount": np.float64(g), "probabilities": P}
    if wrt not in at:
        raise InputError(f"compare_gradients: wrt={wrt!r}; it is rewards, discount or probabilities")
    point = {wrt: at[wrt]}

    def through(problem: Problem) -> Derivative:
        """Reverse mode through the steps; what is left out of the derivative goes as steps * discount**steps."""
        iterated = lambda P, R, g: unrolled_values(P, R, g, steps)
        found = method_named("reverse").run(as_problem(objective(alive, P, R, g, w, wrt, iterated), point))
        found.label = f"AD, reverse mode through {steps} steps of value iteration"
        left_out = UNROLLED + (steps * g**steps if g < 1 else 0.0)
        found.claimed_error = {n: left_out * np.max(np.abs(x)) for n, x in found.by_name.items()}
        return found

    unrolled = Method("unrolled", through, independent="value iteration")
    central = replace(method_named("numerical:central"), name="numerical")
    chosen: list[str | Method] = ["reverse", "forward", unrolled, central, "certified"]
    return compare(objective(alive, P, R, g, w, wrt, optimal_values), point, methods=chosen)


UNROLLED = 1e-9  # what the unrolled iteration may be off, of the largest entry


def objective(
    alive: Flags, P: Floats, R: Floats, g: float, w: Floats, wrt: str, values: Callable[..., Value]
) -> Callable[[Value], Value]:
    """weights . values as a function of the one argument; what is said of terminal states, where `alive` (S,) is False,
    changes nothing."""
    there = np.where(alive, 1.0, 0.0)[:, None]
    if wrt == "rewards":
        return lambda rewards: w @ values(P, there * rewards, g)
    if wrt == "discount":
        return lambda discount: w @ values(P, R, discount)
    return lambda probabilities: w @ values(there * probabilities + (1 - there) * P, R, g)


def enough_steps(g: float, S: int) -> int:
    return min(20_000, 4 * S) if g == 1 else min(20_000, int(np.ceil(np.log(1e-13) / np.log(max(g, 1e-3)))) + 1)


@dataclass(frozen=True)
class ValueKink:
    """A state in which several actions are best, and the one-sided derivatives of its value by their rewards."""

    state: int
    actions: list[int]
    left: dict[int, float]
    right: dict[int, float]

    def __str__(self) -> str:
        told = ", ".join(
            f"action {a}: {self.left[a]:g} from the left, {self.right[a]:g} from the right" for a in self.actions
        )
        return f"state {self.state}: actions {self.actions} are tied; d v(s) / d r(s, a) is, for {told}"


def kinks(solution: Solution, limit: int = 20) -> list[ValueKink]:
    """States with tied best actions, where v* has no derivative but one-sided ones.

    Raising the reward of one tied action by h makes it the best, and v(s) rises by h times the discounted visits of s
    under the policy that takes it; lowering it changes nothing as long as another one is as good and does without it.

    >>> from difflab import mdp
    >>> found = mdp.kinks(mdp.gridworld((2, 2), terminals=[(1, 1)], discount=0.5).solve())
    >>> str(found[0])
    'state 0: actions [1, 2] are tied; d v(s) / d r(s, a) is, for action 1: 0 from the left, 1 from the right, \
action 2: 0 from the left, 1 from the right'
    """
    process, limit = stationary(solution, "kinks").process, whole(limit, "kinks: limit")
    tied = solution.ties(tie_width(solution.q))
    there = np.zeros((process.n_states, process.n_actions), bool)
    there[process.states, process.actions] = True
    tied &= there & ~process.terminal[:, None]
    found = []
    for s in np.flatnonzero(tied.sum(axis=1) > 1)[:limit]:
        actions = np.flatnonzero(tied[s]).tolist()
        right = {a: one_sided(solution, int(s), a, +1) for a in actions}
        left = {a: one_sided(solution, int(s), a, -1) for a in actions}
        found.append(ValueKink(int(s), actions, left, right))
    return found


def one_sided(solution: Solution, s: int, a: int, side: int) -> float:
    """The derivative of v*(s) by r(s, a) from one side: the best value of the process among tied actions, with the
    reward of that pair alone, is a process of its own."""
    process = solution.process
    tied = solution.ties(tie_width(solution.q))[process.states, process.actions] | process.terminal[process.states]
    k = int(process.starts[s] + np.flatnonzero(process.actions[process.starts[s] : process.starts[s + 1]] == a)[0])
    rewards = np.zeros(process.n_pairs)
    rewards[k] = side
    among = restricted(process, np.flatnonzero(tied), rewards[tied])
    return side * float(closest(among, "auto", attainable(among, 1e-9)).values[s]) + 0.0
