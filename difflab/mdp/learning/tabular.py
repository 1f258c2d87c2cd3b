"""Q-learning and SARSA with a table of action values.

C. Watkins (1989), "Learning from delayed rewards"; G. Rummery and M. Niranjan (1994); H. van Hasselt (2010), "Double
Q-learning"; R. Sutton and A. Barto (2018), chapter 6.
"""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike

from ...errors import InputError, ShapeError
from ...interrupts import Interrupts
from ...progress import doing, tell as tell_watcher
from ...types import Value
from ..checks import discount_of, floats, whole
from ..process import MDP
from ..types import Floats, Start
from .environments import environment
from .learned import Learned
from .schedules import Schedule, schedule_of


class Table:
    """The action values and what every tabular method does with them."""

    def __init__(self, world: Value, step_size: Schedule, epsilon: Schedule, rng: np.random.Generator, start: float):
        self.world: Value = world
        self.step_size: Schedule = step_size
        self.epsilon: Schedule = epsilon
        n = world.n_actions
        self.q: list[list[float]] = [[start] * n for _ in range(world.n_states)]
        self.visits: list[list[int]] = [[0] * n for _ in range(world.n_states)]
        self.n: int = n
        self.rng: np.random.Generator = rng
        self.numbers: list[float] = rng.random(4096).tolist()

    def random(self) -> float:
        if not self.numbers:
            self.numbers = self.rng.random(4096).tolist()
        return float(self.numbers.pop())

    def choose(self, state: int, epsilon: float) -> int:
        """The best action, or any with probability epsilon; ties are broken at random."""
        if self.random() < epsilon:
            return int(self.random() * self.n)
        row = self.q[state]
        top = max(row)
        if row.count(top) == 1:
            return row.index(top)
        best = [a for a, x in enumerate(row) if x == top]
        return best[int(self.random() * len(best))]

    def move(self, state: int, action: int, target: float) -> None:
        """Towards the target, by the step size of this pair's count of visits."""
        visits = self.visits[state]
        rate = self.step_size(visits[action])
        visits[action] += 1
        row = self.q[state]
        row[action] += rate * (target - row[action])


def q_learning(
    env: Value,
    episodes: int = 500,
    *,
    discount: float | None = None,
    step_size: Schedule | float = 0.1,
    epsilon: Schedule | float = 0.1,
    start: Start = None,
    initial: float = 0.0,
    most_steps: int = 1000,
    double: bool = False,
    exact: ArrayLike | None = None,
    seed: int = 0,
) -> Learned:
    """Action values from experience, off policy: the target is r + discount max q(s', .).

    `env` is an `MDP`, a gymnasium environment with numbered states, or its name. `step_size` and `epsilon` are numbers
    or schedules (`learning.harmonic`, `linear`, ...): of the pair's visits, and of the episode. `double` keeps two
    tables and lets one choose and the other judge. With `exact`, q* (S, A), the distance to it is recorded. An MDP's
    episodes begin in `start`, a state or probabilities (S,), else by its own distribution, else anywhere. Ctrl-C ends
    learning and returns what there is.

    >>> from difflab import mdp
    >>> grid = mdp.gridworld((1, 4), terminals=[(0, 3)])
    >>> mdp.learning.q_learning(grid, 200, step_size=0.5).policy[:3].tolist()
    [1, 1, 1]
    """
    world, table, gamma, limit = prepare("q_learning", env, episodes, discount, step_size, epsilon, start, most_steps,
                                         initial, seed)  # fmt: skip
    other = Table(world, table.step_size, table.epsilon, table.rng, initial) if double else None

    def play(epsilon: float, tell: Callable[[], None]) -> float:
        s, total = world.reset(), 0.0
        q, choose, move, step = table.q, table.choose, table.move, world.step
        while True:
            a = choose(s, epsilon)
            n, r, ended, cut = step(a)
            total += r
            if other is None:
                move(s, a, r if ended else r + gamma * max(q[n]))
            else:
                one, two = (table, other) if table.random() < 0.5 else (other, table)
                best = one.q[n].index(max(one.q[n]))
                one.move(s, a, r if ended else r + gamma * two.q[n][best])
            tell()
            if ended or cut:
                return float(total)
            s = n

    name = "double Q-learning" if double else "Q-learning"
    return learn(name, table, play, limit, exact, other)


def sarsa(
    env: Value,
    episodes: int = 500,
    *,
    discount: float | None = None,
    step_size: Schedule | float = 0.1,
    epsilon: Schedule | float = 0.1,
    start: Start = None,
    initial: float = 0.0,
    most_steps: int = 1000,
    expected: bool = False,
    exact: ArrayLike | None = None,
    seed: int = 0,
) -> Learned:
    """Action values from experience, on policy: the target is r + discount q(s', a') with the action taken next.

    With `expected` it is the mean of q(s', .) under the policy with its exploration. Arguments as in `q_learning`.

    >>> from difflab import mdp
    >>> grid = mdp.gridworld((1, 4), terminals=[(0, 3)])
    >>> mdp.learning.sarsa(grid, 200, step_size=0.5).policy[:3].tolist()
    [1, 1, 1]
    """
    world, table, gamma, limit = prepare(
        "sarsa", env, episodes, discount, step_size, epsilon, start, most_steps, initial, seed
    )

    def play(epsilon: float, tell: Callable[[], None]) -> float:
        s, total = world.reset(), 0.0
        q, choose = table.q, table.choose
        a = choose(s, epsilon)
        while True:
            n, r, ended, cut = world.step(a)
            total += r
            following = 0 if ended else choose(n, epsilon)
            if ended:
                target = r
            elif expected:
                row = q[n]
                target = r + gamma * ((1 - epsilon) * max(row) + epsilon * sum(row) / len(row))
            else:
                target = r + gamma * q[n][following]
            table.move(s, a, target)
            tell()
            if ended or cut:
                return float(total)
            s, a = n, following

    return learn("expected SARSA" if expected else "SARSA", table, play, limit, exact)


def prepare(
    name: str,
    env: Value,
    episodes: int,
    discount: float | None,
    step_size: Schedule | float,
    epsilon: Schedule | float,
    start: Start,
    most_steps: int,
    initial: float,
    seed: int,
) -> tuple[Value, Table, float, int]:
    """The checked arguments."""
    episodes, most_steps = whole(episodes, f"{name}: episodes", 1), whole(most_steps, f"{name}: most_steps", 1)
    if not isinstance(initial, Real) or not np.isfinite(initial):
        raise InputError(f"{name}: initial={initial!r}; it must be a finite number")
    if discount is None:
        discount = env.discount if isinstance(env, MDP) else 0.99
    gamma = discount_of(discount)
    world = environment(env, start, seed, most_steps)
    if world.n_states is None:
        raise InputError(f"{name}: states are vectors of shape {world.shape}, no table has room; use deep_q_learning")
    rng = np.random.default_rng([seed, 2])
    steps, exploration = schedule_of(step_size, f"{name}: step_size"), schedule_of(epsilon, f"{name}: epsilon")
    return world, Table(world, steps, exploration, rng, float(initial)), gamma, episodes


def truth_of(exact: ArrayLike | None, world: Value, name: str) -> Floats | None:
    """The exact q* (S, A) to compare with, or None."""
    if exact is None:
        return None
    truth = floats(exact, f"{name}: exact")
    if truth.shape != (world.n_states, world.n_actions):
        raise ShapeError(f"{name}: exact has shape {truth.shape}; it is q* ({world.n_states}, {world.n_actions})")
    return truth


def learn(
    name: str,
    table: Table,
    play: Callable[..., float],
    episodes: int,
    exact: ArrayLike | None,
    other: Table | None = None,
) -> Learned:
    """Episode after episode; every so often the distance to q*."""
    world = table.world
    truth = truth_of(exact, world, name)
    returns: list[float] = []
    errors: list[tuple[int, float]] = []
    count, following = 0, 1

    def values() -> Value:
        found = np.array(table.q)
        return found if other is None else (found + np.array(other.q)) / 2

    def tell() -> None:
        nonlocal count, following
        count += 1
        if truth is not None and count >= following:
            errors.append((count, float(np.max(np.abs(values() - truth)))))
            following = max(count + 1, int(count * 1.15))

    with Interrupts() as interrupts, doing(name):
        for episode in range(episodes):
            tell_watcher(f"episode {episode + 1:,} of {episodes:,}", episode / episodes)
            returns.append(play(float(table.epsilon(episode)), tell))
            if interrupts.asked is not None:
                break
    visits = np.array(table.visits) + (0 if other is None else np.array(other.visits))
    return Learned(name, values(), returns, count, errors, visits=visits)
