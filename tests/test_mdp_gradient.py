"""The gradient of the solution, by all roads."""

from __future__ import annotations

import numpy as np
import pytest

import difflab as dl
from difflab import mdp
from difflab.errors import DifflabError


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    P = rng.dirichlet(np.ones(6), size=(3, 6))
    return P, rng.normal(size=(6, 3)), 0.9, rng.normal(size=6)


def test_five_methods_agree(data):
    P, R, g, w = data
    process = mdp.MDP.from_arrays(P, R, g)
    for wrt in ("rewards", "discount", "probabilities"):
        table = mdp.compare_gradients(process, of=w, wrt=wrt)
        assert table.agree and table.reference == "certified"
        assert list(table.methods) == ["reverse", "forward", "unrolled", "numerical", "certified"]
        assert table.methods["certified"].details["certified"]
        assert all(m.failure is None and m.agrees in (True, None) for m in table.methods.values())
        assert table.methods["reverse"].max_ulps < 1e4


def test_forward_and_reverse_are_transposes(data):
    P, R, g, w = data
    rng = np.random.default_rng(1)
    tangents = rng.normal(size=P.shape), rng.normal(size=R.shape), 0.3
    _, dv = dl.jvp(mdp.optimal_values, (P, R, g), tangents)
    _, pull = dl.vjp(mdp.optimal_values, P, R, g)
    back = pull(w)
    assert np.sum(w * dv) == pytest.approx(sum(np.sum(a * b) for a, b in zip(back, tangents)), rel=1e-12)


def test_second_derivatives_against_differences(data):
    P, R, g, w = data
    f = lambda d: w @ mdp.optimal_values(P, R, d)
    h = 1e-5
    slope = (dl.grad(f)(g + h) - dl.grad(f)(g - h)) / (2 * h)
    assert dl.grad(dl.grad(f))(g) == pytest.approx(slope, rel=1e-5)
    q = lambda r: np.sum(mdp.optimal_values(P, r, g) ** 2)
    H = dl.hessian(q)(R).reshape(18, 18)
    assert np.allclose(H, H.T, atol=1e-12)
    dl.testing.assert_gradients_agree(q, R, methods=["reverse", "forward", "numerical"])


def test_rewards_of_every_shape(data):
    P, R, g, w = data
    full = np.random.default_rng(3).normal(size=P.shape)
    for rewards in (R, R[:, 0], full):
        f = lambda r: w @ mdp.optimal_values(P, r, g)
        assert np.allclose(
            mdp.optimal_values(P, rewards, g), mdp.MDP.from_arrays(P, rewards, g).solve("auto", 1e-11).values
        )
        gradient, d = dl.grad(f)(rewards), np.random.default_rng(4).normal(size=rewards.shape)
        h = 1e-6
        assert np.sum(gradient * d) == pytest.approx((f(rewards + h * d) - f(rewards - h * d)) / (2 * h), rel=1e-6)


def test_the_sparse_road_gives_the_dense_derivatives(data):
    P, R, g, w = data
    process = mdp.MDP.from_arrays(P, R, g)
    by_pair = lambda x: np.asarray(x).reshape(6, 3, 6).transpose(1, 0, 2)
    dense = lambda p, r, d: w @ mdp.optimal_values(p, r, d)
    thin = lambda p, r, d: w @ process.optimal_values(rewards=r, probabilities=p, discount=d)
    at = process.transitions.data
    a, b = dl.grad(dense, (0, 1, 2))(P, R, g), dl.grad(thin, (0, 1, 2))(at, R, g)
    assert np.allclose(a[0], by_pair(b[0])) and np.allclose(a[1], b[1]) and np.isclose(a[2], b[2])
    _, pushed = dl.jvp(thin, (at, R, g), (np.cos(at), np.sin(R), 0.2))
    assert pushed == pytest.approx(np.sum(b[0] * np.cos(at)) + np.sum(b[1] * np.sin(R)) + 0.2 * b[2])
    ones = np.ones_like(at)
    h2, h1 = dl.hvp(lambda p: thin(p, R, g) ** 2)(at, ones), dl.hvp(lambda p: dense(p, R, g) ** 2)(P, np.ones_like(P))
    assert np.allclose(by_pair(h2), h1)


def test_sensitivity_is_the_gradient(data):
    P, R, g, w = data
    process = mdp.MDP.from_arrays(P, R, g)
    found = mdp.sensitivity(process.solve(tolerance=1e-10), of=w)
    assert np.allclose(found.rewards, dl.grad(lambda r: w @ mdp.optimal_values(P, r, g))(R))
    assert found.discount == pytest.approx(dl.grad(lambda d: w @ mdp.optimal_values(P, R, d))(g))
    D = np.zeros((18, 6))
    D[4, 1], D[4, 2] = 0.1, -0.1
    move = D.reshape(6, 3, 6).transpose(1, 0, 2)
    h = 1e-6
    f = lambda p: w @ mdp.optimal_values(p, R, g)
    assert found.along(probabilities=D) == pytest.approx((f(P + h * move) - f(P - h * move)) / (2 * h), abs=1e-6)
    assert np.allclose(found.feasible.sum(axis=1), 0)
    D[4, 2] = 0.0
    with pytest.raises(DifflabError, match="rows keep|rows must keep"):
        found.along(probabilities=D)


def test_visits_add_up_to_the_horizon():
    grid = mdp.gridworld((1, 4), terminals=[(0, 3)], discount=1.0)
    assert np.allclose(mdp.sensitivity(grid.solve(), of=0).visits, [1, 1, 1, 0])
    found = mdp.sensitivity(mdp.gridworld((60, 60), terminals=[(59, 59)], slip=0.1, discount=0.9).solve(), of=0)
    assert found.visits.sum() == pytest.approx(10.0, abs=1e-3)


def test_with_discount_one():
    grid = mdp.gridworld((3, 4), terminals=[(0, 0)], slip=0.2, discount=1.0)
    P, R = grid.dense()
    f = lambda r: mdp.optimal_values(P, r, 1.0)[11]
    inner = np.zeros_like(R)
    inner[5:] = np.random.default_rng(0).normal(size=(7, 4))
    h = 1e-6
    R = R + 0.01 * inner  # no ties
    expected = (f(R + h * inner) - f(R - h * inner)) / (2 * h)
    assert np.sum(dl.grad(f)(R) * inner) == pytest.approx(expected, rel=1e-5)
    assert dl.certify(lambda r: f(np.concatenate([R[:1], r])), at=R[1:]).certified
    assert not dl.certify(f, at=R).certified  # any reward in the terminal state, and its value is infinite


def test_ties_are_kinks_with_one_sided_derivatives():
    process = mdp.MDP.from_arrays(np.ones((2, 1, 1)), [[1.0, 1.0]], 0.5)
    P, R = process.dense()
    f = lambda r: mdp.optimal_values(P, r, 0.5)[0]
    assert np.allclose(dl.grad(f)(R), [[1.0, 1.0]])  # tied actions share the 2
    (kink,) = mdp.kinks(process.solve())
    assert kink.actions == [0, 1] and kink.left[0] == pytest.approx(0) and kink.right[0] == pytest.approx(2)
    table = dl.compare(f, at=R)
    assert table.kinks and "tied actions share equally" in str(table.kinks[0])
    assert not mdp.kinks(mdp.MDP.from_arrays(P, [[1.0, 0.5]], 0.5).solve())


def test_one_sided_derivatives_against_differences():
    grid = mdp.gridworld((3, 3), terminals=[(2, 2)], discount=0.8)
    P, R = grid.dense()
    h = 1e-7
    for kink in mdp.kinks(grid.solve(tolerance=1e-10)):
        for a in kink.actions:
            for side, told in ((1, kink.right), (-1, kink.left)):
                moved = R.copy()
                moved[kink.state, a] += side * h
                slope = (mdp.optimal_values(P, moved, 0.8) - mdp.optimal_values(P, R, 0.8))[kink.state] / (side * h)
                assert told[a] == pytest.approx(slope, abs=1e-5)


def test_soft_values_are_smooth_and_go_to_the_hard_ones(data):
    P, R, g, w = data
    hard = mdp.optimal_values(P, R, g)
    soft = [np.max(np.abs(mdp.soft_values(P, R, g, t) - hard)) for t in (1.0, 0.1, 0.01, 0.001)]
    assert soft[0] > soft[1] > soft[2] > soft[3] and soft[3] < 0.02
    f = lambda r, t: w @ mdp.soft_values(P, r, g, t)
    h = 1e-5
    assert dl.grad(f, 1)(R, 0.5) == pytest.approx((f(R, 0.5 + h) - f(R, 0.5 - h)) / (2 * h), rel=1e-6)
    dl.testing.assert_gradients_agree(lambda r: f(r, 0.5), R, methods=["reverse", "forward", "numerical"])
    policy = mdp.soft_policy(P, R, g, 0.5)
    assert np.allclose(policy.sum(axis=1), 1) and np.all(policy > 0)
    with pytest.raises(DifflabError, match="temperature"):
        mdp.soft_values(P, R, g, 0.0)


def test_compiled_gradients(data):
    P, R, g, w = data
    f = dl.grad(lambda r: w @ mdp.optimal_values(P, r, g))
    fast = dl.compile(f)
    for k in range(3):  # other rewards, other best policies: the policy must not be frozen
        moved = R + np.random.default_rng(k).normal(size=R.shape)
        assert np.allclose(fast(moved), f(moved))


def test_rewards_from_behaviour():
    rng = np.random.default_rng(0)
    grid = mdp.gridworld((4, 4), terminals=[], step_reward=0.0, slip=0.1, discount=0.9)
    P = grid.dense()[0]
    truth = np.zeros(16)
    truth[15], truth[5] = 1.0, -1.0
    shown = mdp.soft_policy(P, truth, 0.9, 0.3)
    episodes = [grid.episode(shown, rng, steps=40) for _ in range(60)]
    counts = mdp.visit_counts(grid, episodes)
    found = mdp.inverse_rl(grid, counts, temperature=0.3, penalty=1e-3)
    assert found.log_likelihood > np.sum(counts * np.log(0.25)) and found.history == sorted(found.history)
    assert int(found.rewards.argmax()) == 15 and int(found.rewards.argmin()) == 5
    assert np.mean(np.abs(found.policy - shown)) < 0.05


def test_rewards_that_make_a_policy_the_best():
    grid = mdp.gridworld((3, 3), terminals=[(0, 0)], discount=0.9, slip=0.1)
    wanted = np.array([0, 3, 2, 0, 0, 2, 1, 0, 0])  # state 2 and 5 first down, then around
    R = mdp.rewards_for(grid, wanted, margin=0.05)
    s = grid.replace(rewards=R).solve(tolerance=1e-10)
    assert np.array_equal(s.policy[1:], wanted[1:])
    second = np.sort(s.q, axis=1)[1:, -2]
    assert np.all(s.values[1:] - second >= 0.05 - 1e-9)


def test_fixed_points():
    root = lambda a: dl.fixed_point(lambda x: (x + a / x) / 2, 1.0)
    assert root(9.0) == pytest.approx(3.0)
    dl.testing.assert_gradients_agree(root, 2.0, methods=["reverse", "forward", "numerical"])
    assert dl.grad(dl.grad(dl.grad(root)))(2.0) == pytest.approx(3 / 8 * 2**-2.5)
    A = np.array([[0.2, 0.3], [-0.1, 0.4]])
    f = lambda A, b: np.sum(dl.fixed_point(lambda x: np.tanh(A @ x + b), np.zeros(2)) ** 2)
    dl.testing.assert_gradients_agree(lambda A: f(A, np.ones(2)), A, methods=["reverse", "forward", "numerical"])
    newton = lambda A: np.sum(dl.fixed_point(lambda x: np.tanh(A @ x + 1.0), np.zeros(2), newton=True) ** 2)
    assert np.allclose(dl.grad(newton)(A), dl.grad(f)(A, np.ones(2)))
    for call, words in [
        (lambda: dl.fixed_point(lambda x: 2 * x, 1.0, max_steps=50), "does not settle"),
        (lambda: dl.fixed_point(lambda x: np.stack([x, x]), 1.0), "must be equal"),
        (lambda: dl.fixed_point(lambda x: x, np.array([1])), "start from floats"),
    ]:
        with pytest.raises(ValueError) as error:
            call()
        assert words in str(error.value)


def test_what_is_said_of_terminal_states_changes_nothing():
    grid = mdp.gridworld((1, 3), terminals=[(0, 2)], discount=0.5)
    value, slope = dl.value_and_grad(lambda r: grid.optimal_values(rewards=r)[0])(np.array([-1.0, -1.0, 8.0]))
    assert value == -1.5 and np.allclose(slope, [1, 0.5, 0])
    slippery = mdp.gridworld((2, 3), terminals=[(1, 2)], slip=0.1, discount=0.9)
    for wrt in ("rewards", "probabilities"):
        assert mdp.compare_gradients(slippery, of=0, wrt=wrt).agree


@pytest.mark.parametrize("scale", [1e-12, 1e10])
def test_derivatives_do_not_depend_on_the_size_of_rewards(data, scale):
    P, R, g, w = data
    process = mdp.MDP.from_arrays(P, R, g)
    for f in (lambda r: w @ mdp.optimal_values(P, r, g), lambda r: w @ process.optimal_values(rewards=r)):
        assert np.allclose(dl.grad(f)(scale * R), dl.grad(f)(R), rtol=1e-9)


def test_discounts_next_to_one_take_what_doubles_allow(data):
    P, R, _, _ = data
    for g in (0.99999, 1 - 1e-8):
        slope = dl.grad(lambda r, g=g: np.sum(mdp.optimal_values(P, r, g)))(R)
        assert slope.sum() == pytest.approx(6 / (1 - g), rel=1e-6)


def test_forbidden_actions_have_no_share():
    step = {0: {0: [1.0, 1], 1: [5.0, 0]}, 1: {0: [2.0, 0]}}
    process = mdp.MDP.from_function(lambda s, a: (step[s][a][1], step[s][a][0]), [0, 1], lambda s: list(step[s]), 0.5)
    P, R = process.dense()
    assert R[1, 1] == -np.inf
    again = mdp.MDP.from_arrays(P, R, 0.5)
    assert again.n_pairs == 3 and np.allclose(again.solve().values, process.solve().values)
    slope = dl.grad(lambda r: mdp.optimal_values(P, r, 0.5)[1])(R)
    assert np.allclose(slope, [[0, 1.0], [1, 0]])
    assert np.allclose(dl.jvp(lambda r: mdp.optimal_values(P, r, 0.5), (R,), (np.ones_like(R),))[1], [2, 2])
    with pytest.raises(DifflabError, match="state 1 has no action"):
        mdp.MDP.from_arrays(P, np.where([[0], [1]], -np.inf, R), 0.5)


def test_batches_and_third_derivatives(data):
    P, R, g, _ = data
    both = dl.vmap(lambda r: mdp.optimal_values(P, r, g))(np.stack([R, -R]))
    assert np.allclose(both, [mdp.optimal_values(P, R, g), mdp.optimal_values(P, -R, g)])
    second = dl.grad(dl.grad(lambda d: np.sum(mdp.optimal_values(P, R, d))))
    third = dl.grad(second)(0.5)
    assert third == pytest.approx((second(0.5 + 1e-5) - second(0.5 - 1e-5)) / 2e-5, rel=1e-6)
    assert dl.grad(lambda r: np.sum(mdp.optimal_values(P, r, 0.0)))(R).sum() == 6
    assert dl.jacobian(lambda r: mdp.optimal_values(P, r, g))(R.astype(np.float32)).dtype == np.float32


def test_rewards_of_as_many_pairs_as_states_are_those_of_the_pairs():
    """State 0 has two actions and state 1, an end, has none: two rewards were read as those of the states."""
    process = mdp.MDP.from_pairs([1.0, 5.0], [[0, 1], [0, 1]], 0.9, [0, 0], [0, 1], terminals=[1])
    assert process.optimal_values().tolist() == process.solve().values.tolist() == [5, 0]
    assert process.replace(rewards=[2.0, 3.0]).rewards.tolist() == [2, 3]
    assert process.optimal_values(rewards=[[2.0, 3.0], [0.0, 0.0]]).tolist() == [3, 0]
    assert dl.grad(lambda R: process.optimal_values(rewards=R)[0])(np.array([2.0, 3.0])).tolist() == [0, 1]


@pytest.mark.parametrize("size", [1e-9, 1.0, 1e7])
def test_discount_one_is_differentiated_however_long_the_way_is(size):
    """Each state is left with probability 1/1000: no bound of 1e-9 can be proven, one of 1e-7 can."""
    P, S = np.eye(6) * 0.999 + np.eye(6, k=1) * 0.001, 6
    P[5] = np.eye(6)[5]
    R = np.full((6, 2), -size)
    R[:, 1] = -1.5 * size
    R[5] = 0
    process = mdp.MDP.from_arrays([P, P], R, 1.0)
    values = -size * 1000.0 * np.arange(5, -1, -1)
    visits = np.where(np.arange(S) < 5, 1000.0, 0.0)
    for f in (lambda R: process.optimal_values(rewards=R)[0], lambda R: mdp.optimal_values([P, P], R, 1.0)[0]):
        assert dl.grad(f)(R)[:5, 0] == pytest.approx(visits[:5]) and not dl.grad(f)(R)[:5, 1].any()
        assert f(R) == pytest.approx(values[0])
    assert mdp.sensitivity(process.solve(tolerance=1e-3 * size), of=0).visits == pytest.approx(visits)


def test_behaviour_that_is_all_but_certain_has_a_likelihood():
    """At a low temperature the probability of other actions is 0 in doubles, its logarithm is not infinite."""
    grid = mdp.gridworld((1, 3), terminals=[], step_reward=0.0, discount=0.9)
    found = mdp.inverse_rl(grid, [[0, 9, 0, 0], [0, 9, 0, 1], [0, 9, 0, 0]], temperature=1e-3)
    assert np.isfinite(found.log_likelihood) and np.isfinite(found.history).all() and found.rewards.argmax() == 2
