"""Learning from experience against the exact solution."""

from __future__ import annotations

import numpy as np
import pytest

from difflab import mdp, nn
from difflab.mdp import learning


@pytest.fixture(scope="module")
def grid():
    return mdp.gridworld((4, 4), slip=0.1, discount=0.9)


@pytest.fixture(scope="module")
def exact(grid):
    return grid.solve(tolerance=1e-10)


@pytest.mark.parametrize("double", [False, True])
def test_q_learning_comes_close_to_the_exact_values(grid, exact, double):
    r = learning.q_learning(
        grid, 12_000, step_size=learning.harmonic(power=0.7), epsilon=0.5, double=double, exact=exact.q
    )
    first, last = r.errors[0][1], r.errors[-1][1]
    assert last < 0.35 < first and r.visits.sum() == r.steps
    best = exact.ties(0.15)
    assert best[np.arange(16), r.policy][~grid.terminal].all()


@pytest.mark.parametrize("expected", [False, True])
def test_sarsa_with_vanishing_exploration(grid, exact, expected):
    r = learning.sarsa(
        grid,
        12_000,
        step_size=learning.harmonic(power=0.7),
        epsilon=learning.linear(1.0, 0.0, 12_000),
        expected=expected,
    )
    values = grid.evaluate(r.policy)
    assert np.max(exact.values - values) < 0.3


def test_the_same_seed_gives_the_same_bits(grid):
    a, b = (learning.q_learning(grid, 200, seed=5) for _ in range(2))
    assert np.array_equal(a.q, b.q) and a.returns == b.returns
    assert not np.array_equal(a.q, learning.q_learning(grid, 200, seed=6).q)
    c, d = (learning.deep_q_learning(grid, 40, seed=1, warm_up=64) for _ in range(2))
    assert np.array_equal(c.q, d.q)


def test_a_network_learns_a_small_grid():
    grid = mdp.gridworld((3, 3), terminals=[(2, 2)], discount=0.9)
    exact = grid.solve(tolerance=1e-10)
    r = learning.deep_q_learning(
        grid, 400, epsilon=0.5, warm_up=100, target_every=50, optimiser=nn.optim.Adam(lr=3e-3), exact=exact.q
    )
    assert r.errors[-1][1] < 0.5 < r.errors[0][1] and exact.ties(0.2)[np.arange(8), r.policy[:8]].all()
    assert r.act(0) == r.policy[0]


def test_cliff_walking_on_and_off_policy():
    """Example 6.6 of Sutton and Barto: while they explore, SARSA's way along the top earns more than Q-learning's."""
    pytest.importorskip("gymnasium", reason="the gym extra is not installed")
    q = learning.q_learning("CliffWalking-v1", 500, step_size=0.5, discount=1.0)
    s = learning.sarsa("CliffWalking-v1", 500, step_size=0.5, discount=1.0)
    assert s.mean_return() > q.mean_return() + 5
    path = [36]
    while path[-1] != 47 and len(path) < 50:
        path.append(path[-1] + (-12, 1, 12, -1)[q.act(path[-1])])
    assert len(path) == 14  # the shortest, along the edge


def test_a_network_balances_the_pole():
    pytest.importorskip("gymnasium", reason="the gym extra is not installed")
    r = learning.deep_q_learning("CartPole-v1", 150, epsilon=learning.linear(1.0, 0.05, 2000))
    assert r.q is None and r.mean_return(20) > 3 * np.mean(r.returns[:20])
    assert r.act(np.zeros(4)) in (0, 1)


def test_learning_curves(grid, exact, tmp_path):
    r = learning.q_learning(grid, 100, exact=exact.q)
    assert r.plot(tmp_path / "curves.png").stat().st_size > 5000


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda g: learning.q_learning(g, 0), "episodes=0"),
        (lambda g: learning.q_learning(g, epsilon=2.0), "epsilon starts at 2"),
        (lambda g: learning.q_learning(g, step_size="big"), "step_size='big'"),
        (lambda g: learning.q_learning(g, exact=np.zeros(3)), "exact has shape (3,)"),
        (lambda g: learning.q_learning(g, start=99), "start=99"),
        (lambda g: learning.q_learning(g, discount=3), "discount=3"),
        (lambda g: learning.q_learning(object()), "neither an mdp.MDP nor"),
        (lambda g: learning.deep_q_learning(g, 5, network=nn.models.mlp((16, 3))), "it must be (1, 4)"),
        (lambda g: learning.deep_q_learning(g, 5, batch_size=0), "batch_size=0"),
        (lambda g: learning.linear(1, 0, 0), "steps=0"),
    ],
)
def test_bad_input(grid, call, words):
    with pytest.raises(ValueError) as error:
        call(grid)
    assert words in str(error.value)
