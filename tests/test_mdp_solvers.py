"""Solvers: known answers, agreement within their proven bounds, and the bounds against exact rational solutions."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import sparse

from difflab import mdp
from difflab.errors import InputError
from difflab.mdp.policies import bellman_residual
from difflab.mdp.solve import choose


def optimal(process):
    """The best values of all policies, by one dense solve each."""
    P, R = process.dense()
    S, A, s = process.n_states, process.n_actions, np.arange(process.n_states)
    system = lambda policy: np.linalg.solve(np.eye(S) - process.discount * P[policy, s], R[s, policy])
    return np.max([system(np.array(policy)) for policy in itertools.product(range(A), repeat=S)], axis=0)


def in_three_steps(process):
    """The best total of three steps, by going through all that may be done and may follow."""
    P, R = process.dense()
    best = lambda s, left: (
        left
        and max(
            R[s, a] + process.discount * sum(p * best(n, left - 1) for n, p in enumerate(P[a, s]))
            for a in range(process.n_actions)
        )
    )
    return np.array([best(s, 3) for s in range(process.n_states)])


def gain(process):
    """The best mean reward of all policies, by the distribution that each of them goes to."""
    P, R = process.dense()
    s, found = np.arange(process.n_states), []
    for policy in itertools.product(range(process.n_actions), repeat=process.n_states):
        found.append(np.linalg.matrix_power(P[policy, s], 2**20)[0] @ R[s, policy])
    return max(found)


CASES = {  # what each solver is asked, and what it has to find: a new solver needs a line here
    "value_iteration": ({}, optimal),
    "gauss_seidel": ({}, optimal),
    "policy_iteration": ({}, optimal),
    "modified_policy_iteration": ({}, optimal),
    "newton": ({}, optimal),
    "anderson": ({}, optimal),
    "prioritised_sweeping": ({}, optimal),
    "linear_programming": ({}, optimal),
    "finite": ({"horizon": 3}, in_three_steps),
    "average_reward": ({}, gain),
}
DISCOUNTED = [method for method, (_, answer) in CASES.items() if answer is optimal]


def random_process(S, A, discount, seed, sparse_rows=False):
    rng = np.random.default_rng(seed)
    P = rng.dirichlet(np.ones(S) * (0.2 if sparse_rows else 1.0), size=(A, S))
    return mdp.MDP.from_arrays(P, rng.normal(size=(S, A)), discount)


def exact_values(process):
    """The optimal values as fractions: the best of all policies, each solved in rational numbers."""
    from flint import fmpq, fmpq_mat

    def fraction(x):
        return fmpq(*map(int, float(x).as_integer_ratio()))

    P, R = process.dense()
    S, A, g = process.n_states, process.n_actions, fraction(process.discount)
    best = None
    for policy in itertools.product(range(A), repeat=S):
        M = fmpq_mat(
            S, S, [(1 if i == j else 0) - g * fraction(P[policy[i], i, j]) for i in range(S) for j in range(S)]
        )
        v = M.solve(fmpq_mat(S, 1, [fraction(R[i, policy[i]]) for i in range(S)]))
        v = [v[i, 0] for i in range(S)]
        best = v if best is None else [max(a, b) for a, b in zip(best, v)]
    return best


def test_every_solver_has_a_case():
    assert set(CASES) == set(mdp.METHODS)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("method", mdp.METHODS)
def test_every_solver_finds_what_it_is_asked_for(method, seed):
    options, answer = CASES[method]
    process = random_process(4, 2, 0.9, seed)
    s = process.solve(method, tolerance=1e-6, **options)
    found = s.values if s.gain is None else s.gain
    assert np.max(np.abs(found - answer(process))) <= s.error_bound + 1e-12 <= 1e-6 + 1e-12


@pytest.mark.parametrize("method", CASES)
def test_no_bound_is_above_the_tolerance(method):
    """Also where the tolerance is exactly what an iteration's cheap bound says: the proof counts more rounding in."""
    options, _ = CASES[method]
    process = random_process(6, 3, 0.9, 4)
    for bound in process.solve(method, tolerance=1e-9, **options).residuals[-12:]:
        assert process.solve(method, tolerance=bound, **options).error_bound <= bound


@pytest.mark.parametrize("seed", range(6))
def test_bounds_hold_against_exact_solutions(seed):
    process = random_process(4, 2, [0.5, 0.9, 0.99, 0.999, 0.0, 0.95][seed], seed)
    exact = exact_values(process)
    from flint import fmpq

    for method in DISCOUNTED:
        s = process.solve(method, tolerance=1e-6)
        errors = [abs(fmpq(*map(int, float(x).as_integer_ratio())) - y) for x, y in zip(s.values, exact)]
        worst = float(max(errors).p) / float(max(errors).q)
        assert worst <= s.error_bound <= 1e-6, (method, worst, s.error_bound)


@pytest.mark.parametrize("seed", range(25))
def test_solvers_agree_within_their_bounds(seed):
    rng = np.random.default_rng(seed)
    S, A, g = int(rng.integers(2, 30)), int(rng.integers(1, 5)), float(rng.choice([0.3, 0.9, 0.98]))
    for k in range(4):
        process = random_process(S, A, g, 1000 * seed + k, sparse_rows=k % 2 == 1)
        reference = process.solve("policy_iteration", tolerance=1e-9)
        for method in DISCOUNTED if k < 2 else ["auto", "value_iteration", "gauss_seidel", "modified_policy_iteration"]:
            s = process.solve(method, tolerance=1e-6)
            gap = np.max(np.abs(s.values - reference.values))
            assert s.error_bound <= 1e-6 and gap <= s.error_bound + reference.error_bound, method
            off = np.abs(s.q - reference.q)[np.isfinite(reference.q)].max()
            assert off <= s.error_bound + reference.error_bound + 1e-12 and len(s.residuals) == s.iterations, method
            assert np.array_equal(s.values, s.q.max(axis=1)), method
            loss = reference.values - process.evaluate(s.policy)
            assert loss.max() <= s.policy_loss + reference.error_bound + 1e-9, method


@pytest.mark.parametrize("method", DISCOUNTED)
def test_gridworlds_with_an_end(method):
    grid = mdp.gridworld((4, 4), terminals=[(0, 0), (3, 3)], discount=1.0)
    s = grid.solve(method, tolerance=1e-8)
    i, j = np.indices((4, 4))
    assert np.allclose(s.values.reshape(4, 4), -np.minimum(i + j, 6 - i - j), atol=1e-8) and s.error_bound <= 1e-8
    slippery = mdp.gridworld((5, 6), walls=[(1, 1), (2, 3)], slip=0.3, discount=1.0)
    found = slippery.solve(method, tolerance=1e-7)
    exact = slippery.evaluate(slippery.solve("policy_iteration").policy, 1e-12)
    assert np.max(np.abs(found.values - exact)) <= found.error_bound + 1e-12 <= 1e-7 + 1e-12


def test_sutton_and_barto():
    """Examples 4.1 (the random policy on 4 x 4) and 3.5, 3.8 (5 x 5 with teleports)."""
    v = mdp.gridworld((4, 4)).evaluate(np.full((16, 4), 0.25)).reshape(4, 4)
    assert np.allclose(v[0], [0, -14, -20, -22]) and np.allclose(v[1], [-14, -18, -20, -20])
    grid = mdp.teleport_gridworld()
    assert np.round(grid.solve().values[:5], 1).tolist() == [22.0, 24.4, 22.0, 19.4, 17.5]
    assert np.round(grid.evaluate(np.full((25, 4), 0.25))[:5], 1).tolist() == [3.3, 8.8, 4.4, 5.3, 1.5]


def test_the_course_grid():
    """5 x 5 with two terminal corners and -1 a step: the distance to the nearer corner."""
    i, j = np.indices((5, 5))
    s = mdp.gridworld().solve()
    assert np.allclose(s.values.reshape(5, 5), -np.minimum(i + j, 8 - i - j))
    assert s.ties()[12].all() and not s.ties()[1, :3].any()


@pytest.mark.parametrize("method", ["modified_policy_iteration", "policy_iteration", "gauss_seidel", "newton"])
def test_larger_processes_take_other_ways_to_the_same_values(method):
    grid = mdp.gridworld((40, 45), terminals=[(39, 44), (0, 44)], slip=0.2, discount=0.99, walls=[(5, 5), (6, 5)])
    reference = grid.solve("value_iteration", tolerance=1e-8)
    found = grid.solve(method, tolerance=1e-6)
    assert np.max(np.abs(found.values - reference.values)) <= found.error_bound + 1e-8
    free = mdp.gridworld((30, 30), terminals=[], rewards={(15, 15): 1.0}, step_reward=0.0, slip=0.2, discount=0.95)
    found = free.solve(method, tolerance=1e-6)
    assert (
        np.max(np.abs(found.values - free.solve("value_iteration", tolerance=1e-8).values)) <= found.error_bound + 1e-8
    )


def test_a_process_with_a_hundred_thousand_states():
    rng = np.random.default_rng(0)
    S, A, k = 100_000, 4, 5
    following, p = rng.integers(0, S, (S * A, k)), rng.dirichlet(np.ones(k), S * A)
    P = sparse.csr_array((p.ravel(), following.ravel(), np.arange(0, S * A * k + 1, k)), shape=(S * A, S))
    s, a = np.repeat(np.arange(S), A), np.tile(np.arange(A), S)
    process = mdp.MDP.from_pairs(rng.normal(size=S * A), P, 0.99, s, a)
    found, other = process.solve(tolerance=1e-6), process.solve("value_iteration", tolerance=1e-6)
    assert found.error_bound <= 1e-6 and other.error_bound <= 1e-6
    assert np.max(np.abs(found.values - other.values)) <= found.error_bound + other.error_bound
    chain_error = np.max(np.abs(process.evaluate(found.policy, 1e-8) - found.values))
    assert chain_error <= found.policy_loss + 1e-6


def test_newton_on_the_bellman_residual_is_policy_iteration():
    """From the values of a policy, one Newton step gives those of its greedy policy."""
    import difflab as dl

    process = random_process(12, 3, 0.9, 5)
    v = process.evaluate(np.zeros(12, int))
    F = bellman_residual(process)
    step = v - np.linalg.solve(dl.jacobian(F)(v), F(v))
    improved = process.action_values(v).argmax(axis=1)
    assert np.allclose(step, process.evaluate(improved), atol=1e-11)


def test_finite_horizon():
    grid = mdp.gridworld((1, 5), terminals=[(0, 4)])
    s = grid.solve("finite", horizon=3)
    assert s.values.tolist() == [-3, -3, -2, -1, 0] and s.stages.shape == (4, 5) and s.policies.shape == (3, 5)
    assert s.policies[2, 2] == 1 and s.error_bound < 1e-12
    worth = np.array([0.0, 0, 0, 0, 10])
    assert grid.solve("finite", horizon=1, final=worth).values.tolist() == [-1, -1, -1, 9, 10]
    process = random_process(6, 2, 0.8, 1)
    far = process.solve("finite", horizon=200)
    assert np.allclose(far.values, process.solve(tolerance=1e-10).values, atol=1e-8)
    circle = mdp.MDP.from_arrays([[[0, 1.0], [1.0, 0]]], [[1.0], [2.0]], 0.9)  # nothing ends here
    assert circle.solve("finite", horizon=3, discount=1.0).values.tolist() == [4, 5]
    with pytest.raises(InputError, match="horizon is missing"):
        grid.solve("finite")


def test_average_reward():
    """Two states, going and staying: the best gain is that of staying where 2 is paid."""
    process = mdp.MDP.from_arrays([[[0, 1.0], [1.0, 0]], [[1.0, 0], [0, 1.0]]], [[0.0, 1.0], [0.0, 2.0]], 0.9)
    s = process.solve("average_reward", tolerance=1e-9)
    assert s.gain == pytest.approx(2.0, abs=1e-9) and s.policy.tolist() == [0, 1]
    assert s.values[1] - s.values[0] == pytest.approx(2.0, abs=1e-6)
    big = random_process(20, 3, 0.9, 3)
    gain = big.solve("average_reward", tolerance=1e-9)
    nearly = big.replace(discount=0.99999).solve(tolerance=1e-4)
    assert gain.gain == pytest.approx(float(nearly.values.mean()) * 1e-5, abs=1e-4)


def test_progress_start_and_limits():
    process, calls = random_process(20, 3, 0.9, 0), []
    first = process.solve("value_iteration", tolerance=1e-8, progress=lambda k, b: calls.append((k, b)))
    assert [k for k, _ in calls] == list(range(1, first.iterations + 1)) and calls[-1][1] <= 1e-8
    again = process.solve("value_iteration", tolerance=1e-8, start=first.values)
    assert again.iterations <= 2
    for kwargs, words in [
        (dict(method="magic"), "no method 'magic'"),
        (dict(tolerance=0), "tolerance=0"),
        (dict(tolerance="x"), "tolerance='x'"),
        (dict(method="value_iteration", max_iterations=2), "after 2 iterations"),
        (dict(method="value_iteration", speed=3), "no option 'speed'"),
        (dict(method="linear_programming", start=first.values), "takes no start"),
        (dict(start=np.zeros(3)), "values of shape (3,)"),
        (dict(method="value_iteration", tolerance=1e-17), "double precision"),
    ]:
        with pytest.raises(ValueError, match=None) as error:
            process.solve(**kwargs)
        assert words in str(error.value), words


def test_auto_says_why():
    assert "policy_iteration" in choose(random_process(5, 2, 0.9, 0))[0]
    s = mdp.gridworld((30, 30), discount=0.99).solve()
    assert s.method == "modified_policy_iteration" and "auto chose" in s.notes[0]
    s = mdp.gridworld((200, 200), discount=0.99).solve()
    assert "levels" in s.notes[1]


def test_advantage_and_the_bellman_equation():
    process = random_process(8, 3, 0.9, 4)
    policy = np.random.default_rng(0).dirichlet(np.ones(3), size=8)
    advantage = process.advantage(policy)
    assert np.allclose((policy * advantage).sum(axis=1), 0, atol=1e-9)
    assert np.allclose((policy * process.evaluate_q(policy)).sum(axis=1), process.evaluate(policy))
    best = process.solve(tolerance=1e-10)
    assert mdp.residual_of(process, best.values) < 1e-10 and np.all(process.advantage(best.policy) <= 1e-9)


def test_discount_zero_is_the_best_reward():
    process = random_process(6, 3, 0.0, 2)
    for method in DISCOUNTED:
        assert np.allclose(process.solve(method).values, process.rewards.reshape(6, 3).max(axis=1))


def test_solving_twice_gives_the_same_bits():
    process = random_process(50, 3, 0.95, 9)
    for method in DISCOUNTED:
        assert np.array_equal(process.solve(method).values, process.solve(method).values)


@pytest.mark.parametrize("method", DISCOUNTED)
def test_processes_in_which_nothing_happens(method):
    """All states are ends, with pairs or without: the values are 0."""
    none = np.zeros(0, int)
    ends = mdp.MDP.from_pairs([], np.zeros((0, 2)), 0.9, none, none, terminals=[0, 1])
    uneven = mdp.MDP.from_pairs([0.0, 0, 0], np.eye(2)[[0, 1, 1]], 0.9, [0, 1, 1], [0, 0, 1], terminals=[0, 1])
    for process in (ends, uneven, mdp.MDP.from_arrays([np.eye(2)], np.zeros((2, 1)), 1.0)):
        assert process.solve(method).values.tolist() == [0, 0]
        assert process.solve("finite", horizon=2).policies.tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize("method", DISCOUNTED)
def test_rounds_that_pay_are_refused_with_the_reason(method):
    """With discount 1: 0 goes to 1 and back and earns, or ends. No value is finite, and no solver finds one."""
    P, R = [[[0, 1, 0], [1, 0, 0], [0, 0, 1]], [[0, 0, 1], [0, 0, 1], [0, 0, 1]]], [[1.0, 0.5], [1.0, 0.5], [0, 0]]
    for rewards in (R, -np.sign(R) * [[0, 1]]):  # and rounds that cost nothing, where to end does
        with pytest.raises(InputError, match="for ever|never come to an end|values are large enough"):
            mdp.MDP.from_arrays(P, rewards, 1.0).solve(method, max_iterations=10_000)
