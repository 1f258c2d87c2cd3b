"""What holds at every scale and at the edges of the decision processes: numbers checked against dense algebra."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from difflab import mdp
from difflab.mdp import linear
from difflab.mdp.implicit import PolicySystem
from difflab.mdp.sensitivity import enough_steps


@pytest.mark.parametrize("size", [1e-200, 1e-6, 1.0, 1e6, 1e200])
@pytest.mark.parametrize("transposed", [False, True])
def test_a_policy_system_is_as_exact_at_every_scale(monkeypatch, size, transposed):
    """Iterated, as for a large process: the error goes by the right-hand side, be it small or large."""
    monkeypatch.setattr(linear, "DENSE", 0)
    monkeypatch.setattr(linear, "DIRECT", 0)
    rng = np.random.default_rng(5)
    P, b = rng.dirichlet(np.ones(30), size=(1, 30)), rng.normal(size=30)
    process = mdp.MDP.from_arrays(P, np.zeros((30, 1)), 0.9)
    asked, iterate = [], linear.iterate
    monkeypatch.setattr(linear, "iterate", lambda *x: asked.append(x[2]) or iterate(*x))
    system = PolicySystem(process, np.ones(30))
    found = (system.solve_transposed if transposed else system.solve)(process.transitions.data, 0.9, size * b)
    matrix = np.eye(30) - 0.9 * (P[0].T if transposed else P[0])
    np.testing.assert_allclose(found / size, np.linalg.solve(matrix, b), atol=3e-8)
    assert asked == [pytest.approx(1e-9 * size * np.abs(b).max())]


@pytest.mark.parametrize("actions", [1, 2])
@pytest.mark.parametrize("per_step", [False, True])
def test_sparse_tables_of_any_number_of_actions(actions, per_step):
    rng = np.random.default_rng(1)
    P, steps = rng.dirichlet(np.ones(4), size=(actions, 4)), rng.normal(size=(actions, 4, 4))
    R = np.einsum("ast,ast->sa", P, steps)
    rewards = [sparse.csr_array(r) for r in steps] if per_step else R
    made = mdp.MDP.from_sparse([sparse.csr_matrix(p) for p in P], rewards, 0.5)
    assert (made.n_states, made.n_actions) == (4, actions)
    np.testing.assert_allclose(made.transitions.toarray(), P.transpose(1, 0, 2).reshape(-1, 4))
    np.testing.assert_allclose(made.rewards, R.ravel())


@pytest.mark.parametrize("g", [0.0, 1e-3, 0.3, 0.9, 0.99, 0.9999999, 1.0])
def test_enough_steps_leave_nothing_out(g):
    """So many that g**steps is no more than rounding, and not twice as many; 20,000 at most."""
    steps = enough_steps(g, 50)
    if 0.99 < g < 1:
        assert steps == enough_steps(1.0, 10**6) == 20_000
    elif g == 1:
        assert steps == 200
    else:
        assert g**steps <= 1e-12
        assert steps <= 10 or g ** (steps // 2) > 1e-12
