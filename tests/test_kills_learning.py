"""Learning in chains whose values a formula gives: each target, rate, count and schedule."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from difflab import mdp, nn
from difflab.errors import InputError
from difflab.mdp import learning
from difflab.mdp.learning import deep, tabular

REWARDS = np.array([[1.0, 0.5], [-2.0, -1.0], [0.5, 3.0], [0.25, 0.0], [0.0, 0.0]])


def chain(actions=1, discount=0.6):
    """Five states in a row; each step leads to the next one, whatever is done, and earns what REWARDS says."""
    P = np.zeros((actions, 5, 5))
    P[:, np.arange(4), np.arange(1, 5)] = 1
    P[:, 4, 4] = 1
    return mdp.MDP.from_arrays(P, REWARDS[:, :actions], discount, terminals=[4])


def values_under(epsilon, actions, discount=0.6):
    """q of the policy that is greedy but for a share epsilon of any action."""
    q = np.zeros((5, actions))
    for s in (3, 2, 1, 0):
        following = (1 - epsilon) * q[s + 1].max() + epsilon * q[s + 1].mean()
        q[s] = REWARDS[s, :actions] + discount * following * (s < 3)
    return q


METHODS = {
    "Q-learning": (learning.q_learning, {}, 0.0),
    "double Q-learning": (learning.q_learning, {"double": True}, 0.0),
    "SARSA": (learning.sarsa, {}, None),
    "expected SARSA": (learning.sarsa, {"expected": True}, 0.5),
}


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("actions", [1, 2])
def test_tables_take_their_targets(name, actions):
    """With a step size of 1 a table takes its targets as they are; what they lead to is known."""
    method, options, epsilon = METHODS[name]
    if epsilon is None and actions == 2:
        options, epsilon = {"epsilon": lambda k: 1.0 if k < 300 else 0.0, "initial": 100.0}, 0.0
    else:
        options = {"epsilon": 0.5, **options}
    found = method(chain(actions), 400, step_size=1.0, start=0, seed=3, **options)
    want = values_under(epsilon or 0.0, actions)
    if name == "SARSA" and actions == 2:  # what it does now, it has learned the value of
        path = found.policy[:4]
        np.testing.assert_allclose(found.q[np.arange(4), path], want[np.arange(4), path], rtol=1e-12)
    else:
        np.testing.assert_allclose(found.q[:4], want[:4], rtol=1e-12)
    assert found.method == name
    assert found.steps == 1600 and len(found.returns) == 400
    assert found.visits.sum() == 1600 and found.visits[4].sum() == 0


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("episodes", [1, 2, 5])
def test_tables_move_by_their_rates(name, episodes):
    """From an initial value to the target of the last state: by a constant rate, and by one that falls with visits."""
    method, options, _ = METHODS[name]
    if name == "double Q-learning":
        return
    for rate in (lambda k: 0.25, learning.harmonic(0.5, 2.0)):
        found = method(chain(), episodes, step_size=rate, initial=4.0, start=0, **options)
        left = np.prod([1 - rate(k) for k in range(episodes)])
        assert found.q[3, 0] == pytest.approx(0.25 + (4.0 - 0.25) * left, rel=1e-12)
        if episodes == 1:
            assert found.q[0, 0] == pytest.approx(4.0 + rate(0) * (1.0 + 0.6 * 4.0 - 4.0), rel=1e-12)
        assert found.visits[:, 0].tolist() == [episodes] * 4 + [0]
        assert found.returns == pytest.approx([-0.25] * episodes)


def test_double_learning_divides_its_visits():
    found = learning.q_learning(chain(), 50, double=True, step_size=1.0, initial=4.0, start=0)
    np.testing.assert_allclose(found.q[:4, 0], values_under(0.0, 1)[:4, 0], rtol=1e-12)
    assert found.visits[:, 0].tolist() == [50] * 4 + [0]


@pytest.mark.parametrize("name", METHODS)
def test_errors_are_recorded_more_and_more_seldom(name):
    method, options, _ = METHODS[name]
    found = method(chain(), 50, step_size=1.0, start=0, exact=values_under(0.0, 1) + 1.0, **options)
    places = [1]
    while (following := max(places[-1] + 1, int(places[-1] * 1.15))) <= 200:
        places.append(following)
    assert [k for k, _ in found.errors] == places
    assert found.errors[-1][1] == pytest.approx(1.0)


@pytest.mark.parametrize("most_steps", [1, 3, 10])
def test_episodes_are_cut(most_steps):
    found = learning.q_learning(chain(), 7, most_steps=most_steps, start=0)
    assert found.steps == 7 * min(most_steps, 4)
    assert found.returns == pytest.approx([REWARDS[: min(most_steps, 4), 0].sum()] * 7)


class Asked:
    """Interrupts, of which one comes in the second episode."""

    asked = None

    def __enter__(self):
        CLOCK.append(self)
        return self

    def __exit__(self, *_):
        CLOCK.clear()


CLOCK: list[Asked] = []


@pytest.mark.parametrize("method", [learning.q_learning, learning.sarsa, learning.deep_q_learning])
def test_an_interrupt_ends_learning_after_the_episode(monkeypatch, method):
    def epsilon(k):
        if CLOCK and k == (5 if method is learning.deep_q_learning else 1):
            CLOCK[0].asked = 2
        return 0.5

    monkeypatch.setattr(tabular, "Interrupts", Asked)
    monkeypatch.setattr(deep, "Interrupts", Asked)
    found = method(chain(), 5, epsilon=epsilon, start=0)
    assert len(found.returns) == 2 and found.steps == 8


DEFAULTS = {
    learning.q_learning: {"step_size": 0.1, "epsilon": 0.1, "initial": 0.0, "double": False},
    learning.sarsa: {"step_size": 0.1, "epsilon": 0.1, "initial": 0.0, "expected": False},
    learning.deep_q_learning: {
        "batch_size": 64, "memory": 20_000, "warm_up": 500, "every": 1, "target_every": 250, "double": True
    },
}  # fmt: skip


@pytest.mark.parametrize("method", DEFAULTS, ids=lambda f: f.__name__)
def test_what_is_not_said(monkeypatch, method):
    monkeypatch.setattr(deep, "Agent", Recorder)
    LOG.clear()
    said = {n: p.default for n, p in inspect.signature(method).parameters.items()}
    assert {n: said[n] for n in DEFAULTS[method]} == DEFAULTS[method]
    found = method(chain(2))
    log = LOG.copy()
    LOG.clear()
    episodes, most_steps = (300, 500) if method is learning.deep_q_learning else (500, 1000)
    wanted = method(chain(2), episodes, seed=0, most_steps=most_steps, discount=0.6, **DEFAULTS[method])
    assert (found.returns, found.steps) == (wanted.returns, wanted.steps) and log == LOG
    np.testing.assert_array_equal(found.q, wanted.q)
    loop = mdp.MDP.from_arrays(np.eye(2)[None], [[1.0], [0.0]], 0.5)
    assert method(loop, 1).returns[0] in (0.0, most_steps)


class Recorder(deep.Agent):
    """Counts updates and renewals, and learns nothing."""

    def update(self, batch):
        self.updates += 1
        self.log.append(("update", len(batch[0])))
        return 0.0

    def renew(self):
        if hasattr(self, "target"):
            self.log.append(("renew", self.updates))
        else:
            self.log = LOG
        super().renew()


LOG: list[tuple[str, int]] = []


@pytest.mark.parametrize("warm_up, batch, every, target_every", [(0, 1, 1, 1), (10, 4, 3, 2), (5, 8, 4, 3)])
def test_when_a_network_is_updated(monkeypatch, warm_up, batch, every, target_every):
    LOG.clear()
    monkeypatch.setattr(deep, "Agent", Recorder)
    options = {"warm_up": warm_up, "batch_size": batch, "every": every, "target_every": target_every}
    found = learning.deep_q_learning(chain(2), 10, start=0, **options)
    want, updates = [], 0
    for k in range(1, found.steps + 1):
        if k >= max(warm_up, batch) and k % every == 0:
            updates += 1
            want.append(("update", batch))
            if updates % target_every == 0:
                want.append(("renew", updates))
    assert found.steps == 40 and want == LOG


@pytest.mark.parametrize("double", [False, True])
def test_the_targets_of_a_network(double):
    """r + discount times what the copy says of the next state, at its best action or at the network's own."""
    rng = np.random.default_rng(0)
    agent = deep.Agent(nn.Linear(4, 3), 4, 3, nn.optim.SGD(lr=0.1), 0.7, double, rng)
    agent.target = {k: np.asarray(rng.normal(size=v.shape), np.float32) for k, v in agent.params.items()}
    seen = []
    agent.step = lambda params, memory, states, actions, targets: (seen.append(targets), (params, memory, 0.5))[1]
    states, following = (rng.normal(size=(6, 4)).astype(np.float32) for _ in range(2))
    rewards, ended = rng.normal(size=6).astype(np.float32), np.array([0, 1, 0, 0, 1, 0], np.float32)
    assert agent.update((states, np.zeros(6, np.int64), rewards, following, ended)) == 0.5
    say = lambda p: following @ p["weight"].T + p["bias"]
    chosen = say(agent.params if double else agent.target).argmax(axis=1)
    want = rewards + 0.7 * (1 - ended) * say(agent.target)[np.arange(6), chosen]
    np.testing.assert_allclose(seen[0], want, rtol=1e-5)
    assert seen[0].dtype == np.float32 and agent.updates == 1


@pytest.mark.parametrize("k", [0, 1, 7, 100])
def test_schedules(k):
    assert learning.harmonic()(k) == pytest.approx(1 / (1 + k))
    assert learning.harmonic(0.5, 0.6)(k) == pytest.approx(0.5 / (1 + k) ** 0.6)
    assert learning.linear(1.0, 0.1, 10)(k) == pytest.approx(1.0 - 0.9 * min(k / 10, 1))


NETWORKS = {
    "a layer": lambda n: nn.Linear(5, n),
    "layers": lambda n: nn.Sequential(nn.Linear(5, 3), nn.ReLU(), nn.Linear(3, n)),
    "layers in layers": lambda n: nn.Sequential(nn.Sequential(nn.Linear(5, 3), nn.ReLU()), nn.Linear(3, n)),
    "no matrix before": lambda n: nn.Sequential(nn.LayerNorm(5), nn.Linear(5, n)),
}


@pytest.mark.parametrize("kind", NETWORKS)
def test_every_network_from_states_to_actions_will_do(kind):
    found = learning.deep_q_learning(chain(2), 2, network=NETWORKS[kind](2), start=0)
    assert found.q.shape == (5, 2) and not found.q[4].any()
    with pytest.raises(InputError, match=r"gives shape \(1, 3\) for one state; it must be \(1, 2\)"):
        learning.deep_q_learning(chain(2), 2, network=NETWORKS[kind](3), start=0)


def test_what_a_network_says_is_what_it_says_when_it_does_not_train():
    """Statistics are the running ones, and nothing is dropped."""
    model = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Dropout(0.5))
    agent = deep.Agent(model, 4, 3, nn.optim.SGD(lr=0.1), 0.7, False, np.random.default_rng(0))
    x = np.random.default_rng(1).normal(size=(5, 4)).astype(np.float32)
    first = agent.params[model.names[0]]
    want = (x @ first["weight"].T + first["bias"]) / np.sqrt(1 + 1e-5)
    np.testing.assert_allclose(agent.values_of(agent.params, agent.state, x), want, rtol=1e-5, atol=1e-6)
