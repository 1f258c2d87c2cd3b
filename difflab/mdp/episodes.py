"""Episodes: what happens when somebody follows a policy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from .checks import discount_of, floats, policy_weights, whole

if TYPE_CHECKING:
    from .process import MDP


def episode(process: MDP, policy: Any, rng: Any = None, start: int | None = None, steps: int = 1000) -> Any:
    try:
        rng = np.random.default_rng(rng)
    except (TypeError, ValueError):
        raise InputError(f"episode: rng={rng!r}; give a numpy Generator, or a whole number as its seed") from None
    steps = whole(steps, "episode: steps")
    weights = policy_weights(process, policy)
    if start is None:
        alive = np.flatnonzero(~process.terminal)
        if not len(alive):
            raise InputError("episode: every state is terminal")
        start = int(rng.choice(alive))
    start = whole(start, "episode: start")
    if start >= process.n_states:
        raise InputError(f"episode: start={start} of {process.n_states} states; they are counted from 0")
    states = [start]
    actions: list[int] = []
    rewards: list[float] = []
    while len(actions) < steps and not process.terminal[states[-1]]:
        s = states[-1]
        pairs = slice(process.starts[s], process.starts[s + 1])
        k = process.starts[s] + draw(weights[pairs], rng)
        following, reward = step(process, int(k), rng)
        states.append(following)
        actions.append(int(process.actions[k]))
        rewards.append(reward)
    return np.array(states), np.array(actions, dtype=np.int64), np.array(rewards, dtype=np.float64)


def draw(weights: Any, rng: np.random.Generator) -> int:
    """A place, with probabilities in proportion to the weights."""
    total = np.cumsum(weights)
    return min(int(np.searchsorted(total, rng.random() * total[-1], side="right")), len(total) - 1)


def step(process: MDP, pair: int, rng: np.random.Generator) -> tuple[int, float]:
    """The next state and the reward of a pair."""
    P = process.transitions
    a, b = P.indptr[pair], P.indptr[pair + 1]
    k = a + draw(P.data[a:b], rng)
    reward = process.rewards[pair] if process.reward_of_step is None else process.reward_of_step[k]
    return int(P.indices[k]), float(reward)


def discounted_return(rewards: Any, discount: float) -> float:
    """G = r_1 + gamma r_2 + gamma^2 r_3 + ..., added from the end.

    >>> discounted_return([1.0, 2.0, 4.0], 0.5)
    3.0
    """
    gamma, total = discount_of(discount), 0.0
    for r in floats(rewards, "discounted_return: rewards").ravel()[::-1]:
        total = float(r) + gamma * total
    return total
