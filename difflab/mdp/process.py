"""The Markov decision process, one sparse row of next states for every pair of state and action, and its solution.

Both are data. What is done with them stands in the files above, which fill the hooks: `import difflab.mdp` imports all.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from ..cards.parts import Card
from ..cards.shown import Shown
from ..errors import InputError
from ..graph.graph import Graph
from ..hooks import Hook
from ..types import Value
from .ties import tie_width
from .types import Choices, Dynamics, Flags, Floats, Integers, Random, Rows, Start


@dataclass(frozen=True, eq=False, repr=False)
class MDP(Shown):
    """A finite Markov decision process.

    `transitions` is a scipy CSR array with a row for each pair of state and action that exists, sorted by state and
    action, and a column for each state; row k belongs to action `actions[k]` of state `states[k]`. `rewards[k]` is the
    expected reward of pair k; `reward_of_step`, where given, holds r(s, a, s') beside each stored probability.
    The rows of a terminal state are empty: nothing follows it, and its value is 0. `start`, where given, is the
    distribution of S0 (S,): episodes, learning and expected returns begin by it. Whoever makes a process gives it as a
    state, as probabilities (S,) or as a dict of state: probability.

    Made by `from_arrays`, `from_sparse`, `from_pairs`, `from_gymnasium`, `from_graph`, `from_function` or `gridworld`,
    which check what they are given and raise InputError or ShapeError (both ValueErrors).

    >>> import numpy as np
    >>> stay_or_go = MDP.from_arrays(np.array([np.eye(2), [[0, 1], [1, 0]]]), [[0.0, -1.0], [1.0, 0.0]], discount=0.9)
    >>> stay_or_go
    MDP(2 states, 2 actions, 4 pairs, discount 0.9)
    >>> stay_or_go.solve().values.round(6)
    array([ 8., 10.])
    """

    transitions: Rows
    rewards: Floats
    starts: Integers  # pairs starts[s] to starts[s + 1] belong to state s
    actions: Integers
    discount: float
    terminal: Flags
    n_actions: int
    reward_of_step: Floats | None = None
    state_names: Sequence[Hashable] | None = None
    action_names: Sequence[Hashable] | None = None
    layout: Value = field(default=None)  # how to draw the states: a Grid, or nothing
    start: Floats | None = None  # the probabilities (S,) of S0; None: any state that is not terminal, all alike

    @property
    def n_states(self) -> int:
        return len(self.starts) - 1

    @property
    def n_pairs(self) -> int:
        return len(self.rewards)

    @cached_property
    def states(self) -> Integers:
        """The state of each pair, (K,)."""
        return np.repeat(np.arange(self.n_states), np.diff(self.starts))

    @cached_property
    def regular(self) -> bool:
        """Whether every state has every action, so that a vector over pairs is an array (S, A)."""
        return self.n_pairs == self.n_states * self.n_actions

    @cached_property
    def row_length(self) -> int:
        """How many next states every pair has; 0 where they differ."""
        lengths = np.diff(self.transitions.indptr)
        return int(lengths[0]) if len(lengths) and (lengths == lengths[0]).all() else 0

    @cached_property
    def row_sums(self) -> Floats:
        """The probabilities of each pair, added up (K,): 1 up to rounding, 0 behind a terminal state."""
        P, length = self.transitions, self.row_length
        if length:
            return np.asarray(P.data.reshape(-1, length).sum(axis=1))
        out = np.zeros(self.n_pairs)
        some = np.diff(P.indptr) > 0
        out[some] = np.add.reduceat(P.data, P.indptr[:-1][some]) if some.any() else 0.0
        return out

    @cached_property
    def row_sum_range(self) -> tuple[float, float]:
        """The smallest and the largest row sum of the pairs that are not terminal."""
        sums = self.row_sums[~self.terminal[self.states]] if self.terminal.any() else self.row_sums
        return (float(sums.min()), float(sums.max())) if len(sums) else (0.0, 0.0)

    def __repr__(self) -> str:
        return (
            f"MDP({self.n_states:,} states, {self.n_actions} actions, {self.n_pairs:,} pairs, "
            f"discount {self.discount:g})"
        )

    # Made from ---------------------------------------------------------------------------------------------------

    def _card_(self) -> Card:
        return CARD(self)

    @classmethod
    def from_arrays(
        cls, P: ArrayLike, R: ArrayLike, discount: float, terminals: ArrayLike = (), start: Start = None
    ) -> MDP:
        """From transition probabilities P (A, S, S) and rewards R (S, A), (S,) or (A, S, S).

        A reward of -inf forbids the action in that state, whatever its probabilities are. States that every action
        leaves where they are without reward are terminal, and those in `terminals` (numbers, or a mask (S,)).
        Probabilities in single precision are scaled so that rows sum to 1 in doubles.

        >>> MDP.from_arrays([[[0.0, 1.0], [0.0, 1.0]]], [[2.0], [0.0]], discount=1.0).solve().values
        array([2., 0.])
        >>> coin = MDP.from_arrays([np.eye(2)], [[1.0], [3.0]], discount=0.5, start=[0.5, 0.5])
        >>> coin.expected_return([0, 0])
        4.0
        """
        return FROM_ARRAYS(P, R, discount, terminals, start)

    @classmethod
    def from_sparse(
        cls, P: Sequence[Value], R: Value, discount: float, terminals: ArrayLike = (), start: Start = None
    ) -> MDP:
        """From one scipy.sparse matrix (S, S) for each action, and R (S, A), (S,), (A, S, S) or one sparse (S, S) an
        action; -inf forbids an action, as in `from_arrays`."""
        return FROM_SPARSE(P, R, discount, terminals, start)

    @classmethod
    def from_pairs(
        cls,
        R: ArrayLike,
        P: Value,
        discount: float,
        states: ArrayLike,
        actions: ArrayLike,
        terminals: ArrayLike = (),
        start: Start = None,
    ) -> MDP:
        """From state-action pairs: R (K,), P (K, S) dense or sparse, states (K,) and actions (K,) in any order."""
        return FROM_PAIRS(R, P, discount, states, actions, terminals, start)

    @classmethod
    def from_gymnasium(cls, env: Value, discount: float, start: Start = None) -> MDP:
        """From a gymnasium environment with a table `env.unwrapped.P`, from that table, or from an environment's name.

        What a transition that ends the episode leads to counts as terminal in that transition alone: where it is met
        otherwise too, one more state behind the others stands for the end. Episodes begin as the environment's do
        (`env.unwrapped.initial_state_distrib`) unless `start` says otherwise. FrozenLake, CliffWalking and Taxi have
        a map, over which `mdp.plot_solution` draws.
        """
        return FROM_GYMNASIUM(env, discount, start)

    @classmethod
    def from_graph(
        cls, graph: Value, discount: float, terminals: Sequence[Hashable] | None = None, start: Start = None
    ) -> MDP:
        """From a networkx (multi)digraph: an edge has `action`, `probability` (1 if missing) and `reward` (0).

        Nodes without edges out of them are terminal, and those named in `terminals`.
        """
        return FROM_GRAPH(graph, discount, terminals, start)

    @classmethod
    def from_function(
        cls,
        step: Dynamics,
        states: Sequence[Hashable],
        actions: Choices,
        discount: float,
        terminals: Sequence[Hashable] = (),
        start: Start = None,
    ) -> MDP:
        """From `step(state, action)`, which returns a list of (probability, next state, reward) or one (next, reward).

        States and actions are any hashable things; `actions` is a list, or a function of the state that gives one.
        """
        return FROM_FUNCTION(step, states, actions, discount, terminals, start)

    def replace(self, **changes: Value) -> MDP:
        """The same process with other `rewards` (K,), (S,) if K is not S, or (S, A), `discount` or `start`; checked."""
        return REPLACE(self, changes)

    # Asked for ---------------------------------------------------------------------------------------------------

    def solve(self, method: str = "auto", tolerance: float = 1e-6, **options: Value) -> Solution:
        """The optimal values and policy, with a proven bound on the error of the values.

        `method` is one of `mdp.METHODS`. `tolerance` bounds `error_bound`, the largest error of any value, proven
        from the last Bellman residual with the rounding of that step counted in.

        >>> from difflab import mdp
        >>> s = mdp.gridworld((4, 4), terminals=[(0, 0), (3, 3)], discount=1.0).solve("value_iteration")
        >>> s.values.reshape(4, 4)[0].tolist(), s.error_bound <= 1e-6
        ([0.0, -1.0, -2.0, -3.0], True)
        """
        return SOLVE(self, method, tolerance, options)

    def evaluate(self, policy: ArrayLike, tolerance: float = 1e-10) -> Floats:
        """The values (S,) of a policy: actions (S,), or probabilities of the actions (S, A)."""
        return EVALUATE(self, policy, tolerance)

    def action_values(self, values: ArrayLike) -> Floats:
        """q (S, A) of one backup: reward and discounted value of what follows; -inf where an action is missing."""
        return ACTION_VALUES(self, values)

    def optimal_values(
        self,
        rewards: Value | None = None,
        probabilities: Value | None = None,
        discount: Value | None = None,
        devices: int | None = None,
    ) -> Value:
        """v* (S,), differentiable in what is given: `rewards` (K,), (S, A) or (S,), `probabilities`, the stored entries
        of `transitions`, and the `discount`. Keeps the sparsity, so it is for large processes too. With `devices`
        values and derivatives are found on so many of JAX's devices, each with its part of the states.
        """
        return OPTIMAL_VALUES(self, rewards, probabilities, discount, devices)

    def evaluate_q(self, policy: ArrayLike, tolerance: float = 1e-10) -> Floats:
        """q_pi (S, A): an action now, the policy from then on; -inf where an action is missing.

        >>> from difflab import mdp
        >>> grid = mdp.gridworld((1, 3), terminals=[(0, 2)])
        >>> grid.evaluate_q([1, 1, 0])[:, 1]  # of going right, under the policy that does
        array([-2., -1.,  0.])
        """
        return self.action_values(self.evaluate(policy, tolerance))

    def advantage(self, policy: ArrayLike) -> Floats:
        """q_pi(s, a) - v_pi(s), (S, A)."""
        values = self.evaluate(policy)
        return self.action_values(values) - values[:, None]

    def table(self, pairs: Floats, missing: float = -np.inf) -> Floats:
        """A vector over pairs (K,) as an array (S, A)."""
        if self.regular:
            return pairs.reshape(self.n_states, self.n_actions)
        out = np.full((self.n_states, self.n_actions), missing)
        out[self.states, self.actions] = pairs
        return out

    def graph(
        self, steps: int = 4, state: int | None = None, action: int | None = None, probabilities: bool = False
    ) -> Graph:
        """Value iteration on q as a graph: `steps` Bellman backups from q = 0, of the rewards R (S, A) and gamma.

        With `probabilities`, P (A, S, S) is an input too. The output is q (S, A) after so many backups, with a `state`
        the best return of so many steps from it, with an `action` too that of taking it first. The graph is drawn,
        differentiated and compared like any other; where two actions are as good, a maximum has a kink. Raises
        InputError for a terminal state, for a state that lacks an action, and for a process whose table of
        probabilities has more than a million entries; `optimal_values` differentiates those.

        >>> import difflab as dl, numpy as np
        >>> process = MDP.from_arrays([np.eye(2), [[0, 1], [1, 0]]], [[0.0, -1.0], [1.0, 0.0]], discount=0.9)
        >>> graph = process.graph(steps=3, state=0)
        >>> at = dict(R=process.table(process.rewards), gamma=process.discount)
        >>> float(graph(**at).round(6))  # over to the other state, and stay there: -1 + 0.9 + 0.81
        0.71
        >>> dl.compare(graph, at, methods=["reverse", "symbolic", "certified"]).agree
        True
        """
        return GRAPH(self, steps, state, action, probabilities)

    def dense(self) -> tuple[Floats, Floats]:
        """P (A, S, S) and R (S, A); terminal states stay where they are, missing actions have the reward -inf."""
        P = np.zeros((self.n_actions, self.n_states, self.n_states))
        P[self.actions, self.states] = self.transitions.toarray()
        ends = np.flatnonzero(self.terminal)
        P[:, ends, ends] = 1.0
        R = self.table(self.rewards)
        R[ends] = 0.0
        return P, R

    def episode(
        self, policy: ArrayLike, rng: Random = None, start: Start = None, steps: int = 1000
    ) -> tuple[Integers, Integers, Floats]:
        """One episode under the policy: states S (T+1,), actions A (T,), rewards R (T,), until a terminal state.

        It begins in `start`, a state, or a state drawn by its probabilities (S,); without it by the process's own, or
        in any state that is not terminal. After `steps` the episode is cut. `rng` is a Generator or a seed.
        """
        return EPISODE(self, policy, rng, start, steps)

    def returns(
        self, policy: ArrayLike, episodes: int = 1000, rng: Random = None, start: Start = None, steps: int = 1000
    ) -> Floats:
        """The discounted returns (episodes,) of so many episodes, whose mean estimates `expected_return` (Monte Carlo).

        >>> from difflab import mdp
        >>> grid = mdp.gridworld((1, 4), terminals=[(0, 3)], start=[0.5, 0.5, 0.0, 0.0])
        >>> np.unique(grid.returns([1, 1, 1, 0], episodes=50, rng=0))
        array([-3., -2.])
        """
        return RETURNS(self, policy, episodes, rng, start, steps)

    def expected_return(self, policy: ArrayLike, start: Start = None) -> float:
        """The expected return of a policy when S0 is drawn by `start`: the mean of its values under that distribution.

        `start` as in `episode`.

        >>> from difflab import mdp
        >>> mdp.gridworld((1, 4), terminals=[(0, 3)]).expected_return([1, 1, 1, 0], start={0: 0.5, 1: 0.5})
        -2.5
        """
        return float(DISTRIBUTION(self, start, "expected_return") @ self.evaluate(policy))


@dataclass(frozen=True, eq=False, repr=False)
class Solution(Shown):
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

    def expected_return(self, start: Start = None) -> float:
        """The best expected return when S0 is drawn by `start` (a state, or probabilities (S,)), within `error_bound`.

        Without `start`, by the process's own, or from all that are not terminal alike. The average reward has none.
        """
        if self.gain is not None:
            raise InputError("expected_return: of the average reward there is no return; `gain` is what a step earns")
        return float(DISTRIBUTION(self.process, start, "expected_return") @ self.values)

    def ties(self, within: float | None = None) -> Flags:
        """Actions (S, A) whose q is the best, up to `within` (the error bound and rounding if not given)."""
        width = 2 * self.error_bound + 1e-4 * float(tie_width(self.q)) if within is None else within
        return np.asarray(self.advantage >= -width)

    def _card_(self) -> Card:
        return CARD(self)

    def summary(self) -> dict[str, Value]:
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

    def from_the_start(self) -> dict[str, Value]:
        """Where the process begins, and what that is worth: nothing where it may begin anywhere."""
        if self.process.start is None or self.gain is not None:
            return {}
        return {"start": self.process.start.tolist(), "expected_return": self.expected_return()}

    def __repr__(self) -> str:
        return (
            f"Solution({self.method}: {self.iterations} iterations, values within {self.error_bound:.2g}, "
            f"{self.seconds:.3g} s)"
        )


# Filled in build.py and tables.py:
FROM_ARRAYS: Hook[[ArrayLike, ArrayLike, float, ArrayLike, Start], MDP] = Hook("from_arrays")
FROM_SPARSE: Hook[[Sequence[Value], Value, float, ArrayLike, Start], MDP] = Hook("from_sparse")
FROM_PAIRS: Hook[[ArrayLike, Value, float, ArrayLike, ArrayLike, ArrayLike, Start], MDP] = Hook("from_pairs")
FROM_GRAPH: Hook[[Value, float, Sequence[Value] | None, Start], MDP] = Hook("from_graph")
FROM_FUNCTION: Hook[[Dynamics, Sequence[Value], Choices, float, Sequence[Value], Start], MDP] = Hook("from_function")
FROM_GYMNASIUM: Hook[[Value, float, Start], MDP] = Hook("from_gymnasium")
REPLACE: Hook[[MDP, dict[str, Value]], MDP] = Hook("replace")
# In solve.py, evaluation.py, backup.py, implicit.py and graphs.py:
SOLVE: Hook[[MDP, str, float, dict[str, Value]], Solution] = Hook("solve")
EVALUATE: Hook[[MDP, ArrayLike, float], Floats] = Hook("evaluate")
ACTION_VALUES: Hook[[MDP, ArrayLike], Floats] = Hook("action_values")
OPTIMAL_VALUES: Hook[[MDP, Value, Value, Value, int | None], Value] = Hook("optimal_values")
GRAPH: Hook[[MDP, int, int | None, int | None, bool], Graph] = Hook("graph")
# In start.py and episodes.py:
DISTRIBUTION: Hook[[MDP, Start, str], Floats] = Hook("distribution")
EPISODE: Hook[[MDP, ArrayLike, Random, Start, int], tuple[Integers, Integers, Floats]] = Hook("episode")
RETURNS: Hook[[MDP, ArrayLike, int, Random, Start, int], Floats] = Hook("returns")
CARD: Hook[[MDP | Solution], Card] = Hook("card of a process")
