"""The implicit derivative on the sparse process: linear solves with I - discount P_pi and its transpose."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import cached_property

import numpy as np

from ..differentiate.closed import control_row, plain
from ..errors import ShapeError, UnsupportedError
from ..graph.node_carrier import NODE
from ..graph.traced import Traced, apply
from ..primitives import Carrier
from ..types import Array, Params, Value
from .backup import best, pair_values, under
from .bounds import attainable
from .checks import rewards_of_pairs
from .devices import resolvent_on
from .graphs import expectation
from .linear import resolvent
from .process import MDP, OPTIMAL_VALUES
from .run import closest
from .ties import tie_width
from .types import Floats, Integers, Rows

RELATIVE = 1e-9  # the error of a linear solve, relative to its right-hand side


def optimal_values(
    process: MDP,
    rewards: Value | None = None,
    probabilities: Value | None = None,
    discount: Value | None = None,
    devices: int | None = None,
) -> Value:
    """See `MDP.optimal_values`."""
    rewards = np.array(rewards) if isinstance(rewards, list | tuple) else rewards
    rewards = process.rewards if rewards is None else rewards_of_pairs(process, rewards, "optimal_values")
    probabilities = process.transitions.data if probabilities is None else probabilities
    discount = process.discount if discount is None else discount
    if Carrier.shape(probabilities) != process.transitions.data.shape:
        raise ShapeError(
            f"optimal_values: probabilities of shape {Carrier.shape(probabilities)}; the process stores "
            f"{process.transitions.nnz} entries, transitions.data"
        )
    doubles(plain(rewards), plain(probabilities), plain(discount))
    there = with_numbers(process, plain(rewards), plain(probabilities), float(plain(discount)))
    more: Params = {} if devices is None else {"devices": devices}
    solution = closest(there, "auto", attainable(there, 1e-9), **more)
    if not recorded(rewards, probabilities, discount):
        return solution.values
    weights = shared(there, solution.values)
    b = np.where(process.terminal, 0.0, mixed(process, weights, rewards))
    return PolicySystem(there, weights, solution.values, devices).solve(probabilities, discount, b)


def recorded(*operands: Value) -> bool:
    """Whether one of them is traced."""
    return any(x.__class__ is Traced for x in operands)


def doubles(*operands: Value) -> None:
    """Raises UnsupportedError for symbols, balls, series and complex numbers: the best policy is found in doubles."""
    for x in operands:
        if np.asarray(x).dtype.kind not in "biuf":
            raise UnsupportedError(
                "optimal_values of a process works on doubles, by reverse, forward and numerical methods; for others "
                "take mdp.optimal_values(P, R, discount) with dense arrays"
            )


def with_numbers(process: MDP, rewards: Value, probabilities: Value, discount: float) -> MDP:
    table = process.transitions
    P = Rows((np.asarray(probabilities, float), table.indices, table.indptr), shape=table.shape)
    made = dataclasses.replace(process, transitions=P, reward_of_step=None)
    return made.replace(rewards=np.asarray(rewards, float), discount=discount)


def shared(process: MDP, v: Floats) -> Floats:
    """The probability of each pair (K,) under the greedy policy in which tied actions share."""
    q = pair_values(process, v)
    top = best(q, process.starts, process.n_actions)
    near = q >= (top - tie_width(q))[process.states]
    counts = np.bincount(process.states, near, process.n_states)
    return np.asarray(near / counts[process.states])


def mixed(process: MDP, weights: Floats, x: Value) -> Value:
    """The sum of weighted values of pairs (K,) within each state (S,)."""
    S, A = process.n_states, process.n_actions
    if process.regular:
        return np.sum(np.reshape(weights * x, (S, A)), axis=1)
    place, w = np.zeros((S, A), np.int64), np.zeros((S, A))
    place[process.states, process.actions] = np.arange(process.n_pairs)
    w[process.states, process.actions] = weights
    return np.sum(w * x[place], axis=1)


class PolicySystem:
    """(I - g P_pi) x = b for a fixed policy, as a node with probabilities, g and b as operands."""

    def __init__(self, process: MDP, weights: Floats, start: Floats | None = None, devices: int | None = None) -> None:
        self.devices: int | None = devices
        self.process: MDP = process
        self.weights: Floats = weights
        self.start: Floats | None = start
        self.following: Array = process.transitions.indices

    @cached_property
    def chain(self) -> MDP:
        return under(self.process, self.weights)

    @cached_property
    def row(self) -> Integers:
        """The pair of each stored probability."""
        return np.repeat(np.arange(self.process.n_pairs), np.diff(self.process.transitions.indptr))

    @cached_property
    def state(self) -> Integers:
        return self.process.states[self.row]

    @cached_property
    def entry(self) -> Floats:
        return self.weights[self.row]

    def solve(self, data: Value, g: Value, b: Value) -> Value:
        if not recorded(data, g, b):
            return self.numbers(data, g, b, False)
        return apply(control_row("policy_system", self.value, self.pull, self.push), (data, g, b))

    def solve_transposed(self, data: Value, g: Value, b: Value) -> Value:
        if not recorded(data, g, b):
            return self.numbers(data, g, b, True)
        return apply(control_row("policy_system_transposed", self.value_t, self.pull_t, self.push_t), (data, g, b))

    def numbers(self, data: Floats, g: float, b: Floats, transpose: bool) -> Floats:
        doubles(data, g, b)
        mine = self.process
        if np.array_equal(data, mine.transitions.data) and float(g) == mine.discount:
            chain = self.chain
        else:
            chain = under(with_numbers(mine, mine.rewards, data, float(g)), self.weights)
        scale = max(float(np.abs(b).max(initial=0.0)), 1e-300)
        if self.devices is not None:
            return resolvent_on(chain, np.asarray(b), RELATIVE * scale, self.devices, transpose)
        start = None if transpose else self.start
        return resolvent(chain, np.asarray(b), RELATIVE * scale, start, transpose)

    def forward(self, data: Value, x: Value) -> Value:
        """P_pi x."""
        return mixed(self.process, self.weights, expectation(self.process, data)(x))

    def backward(self, data: Value, x: Value) -> Value:
        """P_pi transposed times x."""
        found = self.entry * data * x[self.state]
        if recorded(found):
            return NODE.scatter(found, index=(self.following,), shape=(self.process.n_states,))
        return np.bincount(self.following, found, self.process.n_states)

    def value(self, m: Carrier, data: Value, g: Value, b: Value) -> Value:
        return self.numbers(data, g, b, False)

    def value_t(self, m: Carrier, data: Value, g: Value, b: Value) -> Value:
        return self.numbers(data, g, b, True)

    def pull(self, m: Carrier, ct: Value, y: Value, data: Value, g: Value, b: Value) -> Value:
        adjoint = self.solve_transposed(data, g, ct)
        on_data = g * self.entry * adjoint[self.state] * y[self.following]
        return on_data, np.sum(adjoint * self.forward(data, y)), adjoint

    def push(self, m: Carrier, ts: list[Value | None], y: Value, data: Value, g: Value, b: Value) -> Value:
        return self.solve(data, g, self.moved(ts, y, data, g, self.forward))

    def pull_t(self, m: Carrier, ct: Value, y: Value, data: Value, g: Value, b: Value) -> Value:
        adjoint = self.solve(data, g, ct)
        on_data = g * self.entry * y[self.state] * adjoint[self.following]
        return on_data, np.sum(adjoint * self.backward(data, y)), adjoint

    def push_t(self, m: Carrier, ts: list[Value | None], y: Value, data: Value, g: Value, b: Value) -> Value:
        return self.solve_transposed(data, g, self.moved(ts, y, data, g, self.backward))

    def moved(
        self, ts: list[Value | None], y: Value, data: Value, g: Value, product: Callable[[Value, Value], Value]
    ) -> Value:
        """The right-hand side that the tangents of probabilities, g and b add up to."""
        d_data, dg, db = ts
        total = np.zeros(self.process.n_states) if db is None else db
        if d_data is not None:
            total = total + g * product(d_data, y)
        if dg is not None:
            total = total + dg * product(data, y)
        return total


OPTIMAL_VALUES.fill(optimal_values)
