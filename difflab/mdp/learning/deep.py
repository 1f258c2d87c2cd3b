"""Q-learning with a network: replay memory, target network, double estimates, on the engine's own gradients.

V. Mnih et al. (2015), "Human-level control through deep reinforcement learning"; H. van Hasselt, A. Guez and D. Silver
(2016), "Deep reinforcement learning with double Q-learning".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ...compile.program.program import CompiledFunction, compile as compile_function
from ...differentiate.transform import value_and_grad
from ...errors import InputError
from ...interrupts import Interrupts
from ...nn import functional as F, optim
from ...nn.arrays import Memory
from ...nn.layers.layer import Layer
from ...nn.models import mlp
from ...nn.optim.optimiser import Optimiser
from ...progress import doing, tell
from ...types import Array, Function, Params, State, Tree, Value
from ..checks import discount_of, whole
from ..process import MDP
from ..types import Floats, Start
from .environments import environment
from .learned import Learned
from .schedules import Schedule, linear, schedule_of
from .tabular import truth_of


class Replay:
    """The last so many transitions, in rings of arrays."""

    def __init__(self, size: int, width: int) -> None:
        self.size: int = size
        self.count: int = 0
        self.states: Array = np.zeros((size, width), np.float32)
        self.following: Array = np.zeros((size, width), np.float32)
        self.actions: Array = np.zeros(size, np.int64)
        self.rewards: Array = np.zeros(size, np.float32)
        self.ended: Array = np.zeros(size, np.float32)

    def add(self, state: Value, action: int, reward: float, following: Value, ended: bool) -> None:
        k = self.count % self.size
        self.states[k], self.following[k] = state, following
        self.actions[k], self.rewards[k], self.ended[k] = action, reward, ended
        self.count += 1

    def sample(self, n: int, rng: np.random.Generator) -> tuple[Array, ...]:
        k = rng.integers(0, min(self.count, self.size), n)
        return self.states[k], self.actions[k], self.rewards[k], self.following[k], self.ended[k]


def deep_q_learning(
    env: Value,
    episodes: int = 300,
    *,
    network: Layer | None = None,
    discount: float | None = None,
    optimiser: Optimiser | None = None,
    epsilon: Schedule | float | None = None,
    batch_size: int = 64,
    memory: int = 20_000,
    warm_up: int = 500,
    every: int = 1,
    target_every: int = 250,
    double: bool = True,
    start: Start = None,
    most_steps: int = 500,
    exact: ArrayLike | None = None,
    seed: int = 0,
) -> Learned:
    """Action values by a network from replayed experience.

    `network` is a difflab.nn layer from observations to one number for each action (an MLP with two hidden layers of 64
    if not given); numbered states are given to it as one-hot vectors. After `warm_up` steps there is an update, with
    Huber loss, at each `every`-th step; its targets come from a copy of the network that is renewed after each
    `target_every` updates, with `double` judged at the action that the network itself prefers. `epsilon` is a number or
    a schedule of the step. Other arguments as in `q_learning`. Ctrl-C ends learning and returns what there is.
    """
    for what, value in (("episodes", episodes), ("batch_size", batch_size), ("memory", memory), ("every", every),
                        ("target_every", target_every), ("most_steps", most_steps)):  # fmt: skip
        whole(value, f"deep_q_learning: {what}", 1)
    if discount is None:
        discount = env.discount if isinstance(env, MDP) else 0.99
    world, rng = environment(env, start, seed, most_steps), np.random.default_rng([seed, 3])
    width = world.n_states or int(np.prod(world.shape))
    model = mlp((width, 64, 64, world.n_actions)) if network is None else network
    optimiser = optimiser or optim.Adam(lr=1e-3)
    agent = Agent(model, width, world.n_actions, optimiser, discount_of(discount), double, rng)
    replay = Replay(memory, width)
    encode: Function = one_hots(world.n_states) if world.n_states else (lambda s: s)
    explore = schedule_of(linear(1.0, 0.05, 5000) if epsilon is None else epsilon, "deep_q_learning: epsilon")
    truth = truth_of(exact, world, "deep_q_learning")
    returns: list[float] = []
    errors: list[tuple[int, float]] = []
    count = 0
    with Interrupts() as interrupts, doing("deep Q-learning"):
        for episode in range(episodes):
            tell(f"episode {episode + 1:,} of {episodes:,}", episode / episodes)
            state, total, over = encode(world.reset()), 0.0, False
            while not over:
                a = int(rng.integers(world.n_actions)) if rng.random() < explore(count) else agent.best(state)
                found, r, ended, cut = world.step(a)
                following = encode(found)
                replay.add(state, a, r, following, ended)
                state, total, over, count = following, total + r, ended or cut, count + 1
                if count >= max(warm_up, batch_size) and count % every == 0:
                    agent.update(replay.sample(batch_size, rng))
                    if agent.updates % target_every == 0:
                        agent.renew()
                if truth is not None and count % 200 == 0:
                    q = all_values(agent, world)
                    errors.append((count, float(np.max(np.abs(q - truth)))))
            returns.append(total)
            if interrupts.asked is not None:
                break
    values = all_values(agent, world) if world.n_states else None
    predict = lambda x: agent.values(np.asarray(x, np.float32).reshape(len(x), -1))
    return Learned(
        "deep Q-learning", values, returns, count, errors, network=model, params=agent.params, predict=predict
    )


def all_values(agent: Agent, world: Value) -> Floats:
    """q of all numbered states; a terminal one, which nothing is learned of, has 0."""
    q = agent.values(np.eye(world.n_states, dtype=np.float32))
    q[np.flatnonzero(getattr(world, "ends", np.zeros(0)))] = 0.0
    return q


def one_hots(n: int) -> Function:
    rows = np.eye(n, dtype=np.float32)
    return lambda s: rows[s]


class Agent:
    """The network, its target copy, and the compiled functions of both."""

    def __init__(
        self,
        model: Layer,
        width: int,
        n_actions: int,
        optimiser: Optimiser,
        discount: float,
        double: bool,
        rng: np.random.Generator,
    ) -> None:
        self.model: Layer = model
        self.optimiser: Optimiser = optimiser
        self.discount: float = discount
        self.double: bool = double
        self.params: Params
        self.state: State
        self.params, self.state = model.init(rng, np.float32)
        self.memory: Memory = optimiser.init(self.params)
        self.updates: int = 0
        self.renew()
        self.values_of: CompiledFunction = compile_function(lambda p, s, x: model.apply(p, s, x, training=False)[0])
        self.step: CompiledFunction = compile_function(self.one_step)
        found = np.shape(self.values_of(self.params, self.state, np.zeros((1, width), np.float32)))
        if found != (1, n_actions):
            raise InputError(
                f"deep_q_learning: the network gives shape {found} for one state; it must be (1, {n_actions})"
            )

    def renew(self) -> None:
        from optree import tree_map

        params: Tree = self.params
        self.target: Tree = tree_map(np.copy, params)

    def values(self, states: Value) -> Floats:
        return np.asarray(self.values_of(self.params, self.state, states), float)

    def best(self, state: Value) -> int:
        return int(np.argmax(self.values_of(self.params, self.state, state[None])))

    def loss(self, params: Tree, states: Value, actions: Value, targets: Value) -> Value:
        q = self.model.apply(params, self.state, states, training=False)[0]
        return F.huber_loss(q[np.arange(len(actions)), actions], targets)

    def one_step(self, params: Tree, memory: Tree, states: Value, actions: Value, targets: Value) -> Value:
        value, gradient = value_and_grad(self.loss)(params, states, actions, targets)
        params, memory = self.optimiser.update(params, gradient, memory)
        return params, memory, value

    def update(self, batch: tuple[Array, ...]) -> float:
        states, actions, rewards, following, ended = batch
        later = np.asarray(self.values_of(self.target, self.state, following))
        if self.double:
            chosen = np.asarray(self.values_of(self.params, self.state, following)).argmax(axis=1)
            worth = later[np.arange(len(chosen)), chosen]
        else:
            worth = later.max(axis=1)
        targets = (rewards + self.discount * (1 - ended) * worth).astype(np.float32)
        self.params, self.memory, value = self.step(self.params, self.memory, states, actions, targets)
        self.updates += 1
        return float(value)
