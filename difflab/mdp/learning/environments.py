"""One small interface to what is learned on: an `MDP`, or a gymnasium environment."""

from __future__ import annotations

from bisect import bisect_right
from math import prod

import numpy as np

from ...errors import InputError
from ...types import Shape, Value
from ..checks import whole
from ..process import MDP
from ..start import distribution, is_place, place_of
from ..tables import environment_named
from ..types import Start

MOST_STATES = 1_000_000  # of a table; observations of more combinations are vectors


class Simulator:
    """An MDP as an environment of single steps; plain lists, because the loop around it is plain Python."""

    def __init__(self, process: MDP, start: Start, rng: np.random.Generator, most_steps: int) -> None:
        if not process.regular:
            raise InputError("learning: every state needs every action; missing ones cannot be tried")
        self.n_states: int = process.n_states
        self.n_actions: int = process.n_actions
        P = process.transitions
        totals = np.empty_like(P.data)
        for a, b in zip(P.indptr, P.indptr[1:]):
            totals[a:b] = np.cumsum(P.data[a:b])
        per_step = process.reward_of_step
        self.rows: list[list[tuple[float, int, float]]] = [
            list(zip(totals[a:b].tolist(), P.indices[a:b].tolist(),
                     (per_step[a:b] if per_step is not None else np.full(b - a, process.rewards[k])).tolist()))
            for k, (a, b) in enumerate(zip(P.indptr, P.indptr[1:]))
        ]  # fmt: skip
        self.ends: list[bool] = process.terminal.tolist()
        self.begin(process, start)
        self.rng: np.random.Generator = rng
        self.most_steps: int = most_steps
        self.count: int = 0
        self.numbers: list[float] = []

    def begin(self, process: MDP, start: Start) -> None:
        """The states that episodes begin in, and where they are not alike their probabilities, added up."""
        if start is not None and is_place(process, start):
            state = place_of(process, start, "learning")
            if process.terminal[state]:
                alive = int((~process.terminal).sum())
                raise InputError(f"learning: start={start}; it must be one of the {alive} states that are not terminal")
        weights = distribution(process, start, "learning")
        self.starts: list[int] = np.flatnonzero(weights).tolist()
        alike = start is None and process.start is None
        self.totals: list[float] = [] if alike else np.cumsum(weights[self.starts])[:-1].tolist()

    def random(self) -> float:
        """A random number; drawn many at a time, a single draw costs as much as a step."""
        if not self.numbers:
            self.numbers = self.rng.random(4096).tolist()
        return self.numbers.pop()

    def reset(self) -> int:
        self.count = 0
        u = self.random()
        self.state: int = self.starts[bisect_right(self.totals, u) if self.totals else int(u * len(self.starts))]
        return self.state

    def step(self, action: int) -> tuple[int, float, bool, bool]:
        """The next state, the reward, whether the episode has ended, and whether it was cut for its length."""
        row = self.rows[self.state * self.n_actions + action]
        self.count += 1
        u = self.random() if len(row) > 1 else 0.0
        k = 0
        while u >= row[k][0] and k + 1 < len(row):
            k += 1
        _, following, reward = row[k]
        self.state = following
        return following, reward, self.ends[following], self.count >= self.most_steps


class Gymnasium:
    """A gymnasium environment with discrete actions; its observations are states, or vectors.

    A tuple of discrete observations (Blackjack's) is one state: the numbers are the digits of its place.
    """

    def __init__(self, env: Value, seed: int) -> None:
        space, actions = env.observation_space, env.action_space
        if digits_of(actions) is None or type(actions).__name__ != "Discrete":
            raise InputError(f"learning: actions {actions} are not discrete; Q-learning needs a finite number of them")
        self.env: Value = env
        self.n_actions: int = int(actions.n)
        self.seed: int = whole(seed, "learning: seed")
        self.first_action: int = int(getattr(actions, "start", 0))
        self.space: Value = space
        digits = digits_of(space)
        self.bases: tuple[int, ...] = tuple(n for n, _ in digits or ())
        self.lowest: tuple[int, ...] = tuple(low for _, low in digits or ())
        states = prod(self.bases)
        self.n_states: int | None = states if digits and states <= MOST_STATES else None
        self.shape: Shape | None = None if self.n_states else self.flat_shape(env)
        self.first: bool = True

    def flat_shape(self, env: Value) -> tuple[int, ...]:
        from gymnasium.spaces.utils import flatdim

        try:
            return tuple(self.space.shape) if self.space.shape is not None else (int(flatdim(self.space)),)
        except (NotImplementedError, ValueError):
            raise InputError(f"learning: observations {self.space} of {env} have no fixed size") from None

    def reset(self) -> Value:
        state, _ = self.env.reset(seed=self.seed if self.first else None)
        self.first = False
        return self.plain(state)

    def step(self, action: int) -> tuple[Value, float, bool, bool]:
        state, reward, ended, cut, _ = self.env.step(action + self.first_action)
        return self.plain(state), float(reward), bool(ended), bool(cut)

    def plain(self, state: Value) -> Value:
        if self.n_states:
            if len(self.bases) == 1 and np.ndim(state) == 0:
                return int(state) - self.lowest[0]
            place = 0
            for x, base, low in zip(np.ravel(state), self.bases, self.lowest):
                place = place * base + int(x) - low
            return place
        if self.space.shape is None:
            from gymnasium.spaces.utils import flatten

            state = flatten(self.space, state)
        return np.asarray(state, np.float32).ravel()


def digits_of(space: Value) -> list[tuple[int, int]] | None:
    """(how many, the lowest) of each whole number in an observation of the space; None where there are others."""
    kind = type(space).__name__
    if kind == "Discrete":
        return [(int(space.n), int(getattr(space, "start", 0)))]
    if kind == "MultiDiscrete":
        starts = np.ravel(getattr(space, "start", np.zeros_like(space.nvec)))
        return [(int(n), int(low)) for n, low in zip(np.ravel(space.nvec), starts)]
    if kind == "Tuple":
        parts = [digits_of(s) for s in space.spaces]
        return None if not parts or any(p is None for p in parts) else [d for p in parts if p for d in p]
    return None


def environment(env: Value, start: Start, seed: int, most_steps: int) -> Value:
    """What was given as an environment of single steps."""
    seed = whole(seed, "learning: seed")
    if isinstance(env, MDP):
        return Simulator(env, start, np.random.default_rng([seed, 1]), most_steps)
    env = environment_named(env, "learning") if isinstance(env, str) else env
    if not all(hasattr(env, name) for name in ("reset", "step", "action_space", "observation_space")):
        raise InputError(f"learning: {type(env).__name__} is neither an mdp.MDP nor a gymnasium environment")
    if start is not None:
        raise InputError(
            f"learning: start={str(start)[:60]} is for an mdp.MDP; a gymnasium environment begins as its reset does "
            "(MDP.from_gymnasium imports one that has a table)"
        )
    return Gymnasium(env, seed)
