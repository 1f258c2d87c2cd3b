"""Episodes: what happens when somebody follows a policy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from ..errors import InputError
from .checks import discount_of, floats, policy_weights, whole
from .process import EPISODE, MDP, RETURNS
from .start import anywhere, distribution, is_place, place_of
from .types import Floats, Integers, Random, Start

Begin = Callable[[np.random.Generator], int]  # draws S0


def episode(
    process: MDP,
    policy: ArrayLike,
    rng: Random = None,
    start: Start = None,
    steps: int = 1000,
) -> tuple[Integers, Integers, Floats]:
    rng, steps = generator(rng, "episode"), whole(steps, "episode: steps")
    return play(process, policy_weights(process, policy), rng, first_state(process, start, "episode"), steps)


def returns(process: MDP, policy: ArrayLike, episodes: int, rng: Random, start: Start, steps: int) -> Floats:
    rng, steps = generator(rng, "returns"), whole(steps, "returns: steps")
    weights, begin = policy_weights(process, policy), first_state(process, start, "returns")
    return np.array([
        discounted_return(play(process, weights, rng, begin, steps)[2], process.discount)
        for _ in range(whole(episodes, "returns: episodes", 1))
    ])  # fmt: skip


def generator(rng: Random, what: str) -> np.random.Generator:
    try:
        return np.random.default_rng(rng)
    except (TypeError, ValueError):
        raise InputError(f"{what}: rng={rng!r}; give a numpy Generator, or a whole number as its seed") from None


def first_state(process: MDP, start: Start, what: str) -> Begin:
    """What draws S0; of one state that is given, terminal or not, there is nothing to draw."""
    if start is not None and is_place(process, start):
        state = place_of(process, start, what)
        return lambda rng: state
    if start is None and process.start is None:
        alive = np.flatnonzero(anywhere(process, what))
        return lambda rng: int(rng.choice(alive))
    weights = distribution(process, start, what)
    return lambda rng: draw(weights, rng)


def play(
    process: MDP, weights: Floats, rng: np.random.Generator, begin: Begin, steps: int
) -> tuple[Integers, Integers, Floats]:
    """One episode under the weights of the pairs."""
    states = [begin(rng)]
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


def draw(weights: Floats, rng: np.random.Generator) -> int:
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


def discounted_return(rewards: ArrayLike, discount: float) -> float:
    """G = r_1 + gamma r_2 + gamma^2 r_3 + ..., added from the end.

    >>> discounted_return([1.0, 2.0, 4.0], 0.5)
    3.0
    """
    gamma, total = discount_of(discount), 0.0
    for r in floats(rewards, "discounted_return: rewards").ravel()[::-1]:
        total = float(r) + gamma * total
    return total


EPISODE.fill(episode)
RETURNS.fill(returns)
