"""One small interface to what is learned on: an `MDP`, or a gymnasium environment."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import InputError
from ..process import MDP


class Simulator:
    """An MDP as an environment of single steps; plain lists, because the loop around it is plain Python."""

    def __init__(self, process: MDP, start: int | None, rng: np.random.Generator, most_steps: int) -> None:
        if not process.regular:
            raise InputError("learning: every state needs every action; missing ones cannot be tried")
        self.n_states, self.n_actions = process.n_states, process.n_actions
        P = process.transitions
        totals = np.empty_like(P.data)
        for a, b in zip(P.indptr, P.indptr[1:]):
            totals[a:b] = np.cumsum(P.data[a:b])
        per_step = process.reward_of_step
        self.rows = [
            list(zip(totals[a:b].tolist(), P.indices[a:b].tolist(),
                     (per_step[a:b] if per_step is not None else np.full(b - a, process.rewards[k])).tolist()))
            for k, (a, b) in enumerate(zip(P.indptr, P.indptr[1:]))
        ]  # fmt: skip
        self.ends = process.terminal.tolist()
        self.starts = np.flatnonzero(~process.terminal).tolist() if start is None else [start]
        if not self.starts or not 0 <= self.starts[0] < process.n_states:
            raise InputError(f"learning: start={start}; it must be a state that is not terminal")
        self.rng, self.most_steps, self.count = rng, most_steps, 0
        self.numbers: list[float] = []

    def random(self) -> float:
        """A random number; drawn many at a time, a single draw costs as much as a step."""
        if not self.numbers:
            self.numbers = self.rng.random(4096).tolist()
        return self.numbers.pop()

    def reset(self) -> int:
        self.count = 0
        self.state = self.starts[int(self.random() * len(self.starts))]
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
    """A gymnasium environment with discrete actions; its observations are states, or vectors."""

    def __init__(self, env: Any, seed: int) -> None:
        space, actions = env.observation_space, env.action_space
        if not hasattr(actions, "n"):
            raise InputError(f"learning: actions {actions} are not discrete; Q-learning needs a finite number of them")
        self.env, self.n_actions, self.seed = env, int(actions.n), seed
        self.n_states = int(space.n) if hasattr(space, "n") else None
        self.shape = None if self.n_states else tuple(space.shape)
        self.first = True

    def reset(self) -> Any:
        state, _ = self.env.reset(seed=self.seed if self.first else None)
        self.first = False
        return self.plain(state)

    def step(self, action: int) -> tuple[Any, float, bool, bool]:
        state, reward, ended, cut, _ = self.env.step(action)
        return self.plain(state), float(reward), bool(ended), bool(cut)

    def plain(self, state: Any) -> Any:
        return int(state) if self.n_states else np.asarray(state, np.float32).ravel()


def environment(env: Any, start: int | None, seed: int, most_steps: int) -> Any:
    """What was given as an environment of single steps."""
    if isinstance(env, MDP):
        return Simulator(env, start, np.random.default_rng([seed, 1]), most_steps)
    if isinstance(env, str):
        try:
            import gymnasium
        except ImportError:
            raise InputError(f"learning: the environment {env!r} needs gymnasium: pip install gymnasium") from None
        try:
            env = gymnasium.make(env)
        except gymnasium.error.Error as error:
            raise InputError(f"learning: gymnasium knows no environment {env!r}: {error}") from None
    if not all(hasattr(env, name) for name in ("reset", "step", "action_space", "observation_space")):
        raise InputError(f"learning: {type(env).__name__} is neither an mdp.MDP nor a gymnasium environment")
    return Gymnasium(env, seed)
