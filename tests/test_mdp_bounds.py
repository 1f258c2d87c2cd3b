"""`error_bound` against solutions in rational numbers: processes of every kind that is hard for it."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from difflab import mdp
from difflab.errors import InputError
from difflab.mdp.bounds import Bounds
from difflab.mdp.policies import first_policy

DISCOUNTED = ["auto", *(m for m in mdp.METHODS if m not in ("finite", "average_reward"))]
SLOW = {"value_iteration", "gauss_seidel", "prioritised_sweeping", "anderson"}  # with discounts next to 1
KINDS = ["plain", "ends", "thin", "unequal", "cycle", "ties", "shortest", "sums", "lazy"]


def fraction(x):
    from flint import fmpq

    return fmpq(*map(int, float(x).as_integer_ratio()))


def exact_solution(process):
    """v* (S,) and q* (K,) by policy iteration in fractions, for the probabilities as they are stored.

    Raises ValueError where a policy comes back: its values rise no more, because steps do not discount.
    """
    from flint import fmpq, fmpq_mat

    S, P, g = process.n_states, process.transitions, fraction(process.discount)
    r = [fraction(x) for x in process.rewards]
    rows = [
        {int(P.indices[j]): fraction(P.data[j]) for j in range(P.indptr[k], P.indptr[k + 1])}
        for k in range(process.n_pairs)
    ]
    policy, seen = [int(k) for k in first_policy(process, None)], set()
    while tuple(policy) not in seen:
        seen.add(tuple(policy))
        M, b = [[fmpq(int(i == j)) for j in range(S)] for i in range(S)], [fmpq(0)] * S
        for s in np.flatnonzero(~process.terminal):
            b[s] = r[policy[s]]
            for n, p in rows[policy[s]].items():
                M[s][n] -= g * p
        solved = fmpq_mat(S, S, [x for row in M for x in row]).solve(fmpq_mat(S, 1, b))
        v = [solved[i, 0] for i in range(S)]
        q = [r[k] + g * sum((p * v[n] for n, p in row.items()), fmpq(0)) for k, row in enumerate(rows)]
        before = list(policy)
        for s in np.flatnonzero(~process.terminal):
            top = max(range(process.starts[s], process.starts[s + 1]), key=lambda k: q[k])
            policy[s] = top if q[top] > q[policy[s]] else policy[s]
        if policy == before:
            return v, q
    raise ValueError(f"{process!r}: no policy is the best; the discount times a row sum is 1 or more")


def distance(found, exact):
    worst = max((abs(fraction(x) - y) for x, y in zip(found, exact)), default=0)
    return float(Fraction(int(worst.p), int(worst.q))) if worst else 0.0


def process_of(kind, rng):
    S, A = int(rng.integers(1, 8)), int(rng.integers(1, 5))
    g, scale = float(rng.choice([0.0, 0.5, 0.9, 0.99, 0.9999, 1 - 1e-6])), float(rng.choice([1e-12, 1.0, 100.0, 1e6]))
    pairs = np.array([(s, a) for s in range(S) for a in range(A) if kind != "unequal" or a == 0 or rng.random() < 0.5])
    P, R, ends = np.zeros((len(pairs), S)), scale * rng.normal(size=len(pairs)), []
    if kind in ("ends", "shortest"):
        ends = sorted(set(rng.integers(0, S, max(1, S // 3)).tolist()))
    for k, (s, a) in enumerate(pairs):
        if kind == "cycle":
            P[k, (s + 1 + a * (rng.random() < 0.3)) % S] = 1
        elif kind in ("thin", "unequal"):
            to = rng.choice(S, min(S, 2), replace=False)
            P[k, to] = rng.dirichlet(np.ones(len(to)))
        elif kind == "ties":
            P[k, rng.integers(S)], R[k] = 1, rng.integers(-1, 2)
        else:
            P[k] = rng.dirichlet(np.ones(S) * rng.choice([0.1, 1.0]))
        if kind == "sums":
            P[k] *= 1 + rng.uniform(-9e-10, 9e-10)
        if kind == "lazy":
            P[k] *= 1e-4
            P[k, s] += 1 - P[k].sum()
        if kind == "shortest" and a == 0:
            P[k] *= 0.9
            P[k, ends[0]] += 0.1
    if kind == "shortest":
        g, R = 1.0, -np.abs(R) - 0.01 * scale
    return mdp.MDP.from_pairs(R, P, g, *pairs.T, terminals=ends)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("error")
def test_bounds_hold_against_rational_solutions(kind):
    rng = np.random.default_rng(KINDS.index(kind))
    for _ in range(12):
        process = process_of(kind, rng)
        v, q = exact_solution(process)
        size = distance(np.zeros(process.n_states), v)
        tolerance = max(1e-8 * size, 20 * Bounds(process).finest(size)) or 1e-9
        for method in DISCOUNTED:
            if method in SLOW and 0.99 < process.discount < 1:
                continue
            s = process.solve(method, tolerance=tolerance)
            off = max(distance(s.values, v), distance(s.q[process.states, process.actions], q))
            assert off <= s.error_bound <= tolerance, (method, process, off, s.error_bound)


def test_rounding_of_row_sums_next_to_discount_one_is_in_the_bound():
    """One step from 0 and the shift give r / (1 - g p): what rounding does to g p grows by 1 / (1 - g)^2."""
    rng = np.random.default_rng(0)
    for _ in range(200):
        p = 1 + float(rng.uniform(-9e-10, 9e-10))
        process = mdp.MDP.from_arrays([[[p]]], [[1e6 * float(rng.normal())]], 0.9999)
        v, _ = exact_solution(process)
        for method in ("modified_policy_iteration", "value_iteration"):
            s = process.solve(method, tolerance=1e5)
            assert distance(s.values, v) <= s.error_bound, (p, method)


def test_rows_that_undo_the_discount_are_refused():
    """Where row sums times the discount are above 1, policy iteration goes in circles and no value is finite."""
    rng = np.random.default_rng(0)
    P = rng.dirichlet(np.ones(2), size=(3, 2)) * (1 + rng.uniform(-9e-10, 9e-10, (3, 2, 1)))
    process = mdp.MDP.from_arrays(P, rng.normal(size=(2, 3)), 1 - 1e-10)
    with pytest.raises(ValueError, match="no policy is the best"):
        exact_solution(process)
    for method in DISCOUNTED:
        with pytest.raises(InputError, match="go on for ever|values are large enough"):
            process.solve(method)
    with pytest.raises(InputError, match=r"discount 0.9999999999, the policy never reaches a terminal state"):
        process.evaluate([0, 0])
    with pytest.raises(InputError, match="go on for ever"):
        process.optimal_values()


@pytest.mark.parametrize("scale", [1e-15, 1e-9, 1e9])
def test_rewards_of_any_size_are_solved_alike(scale):
    """Policy iteration and ties once compared with an absolute margin: small rewards were all ties."""
    rng = np.random.default_rng(3)
    P, R = rng.dirichlet(np.ones(5), size=(3, 5)), rng.normal(size=(5, 3))
    one = mdp.MDP.from_arrays(P, R, 0.95)
    other = one.replace(rewards=scale * R)
    for method in DISCOUNTED:
        s = other.solve(method, tolerance=1e-6 * scale)
        assert np.array_equal(s.policy, one.solve().policy), method
    assert np.array_equal(other.solve(tolerance=1e-9 * scale).ties(), one.solve(tolerance=1e-9).ties())
    assert not mdp.kinks(other.solve(tolerance=1e-9 * scale))
    assert np.allclose(mdp.optimal_values(P, scale * R, 0.95), scale * mdp.optimal_values(P, R, 0.95))


ENDED = [
    lambda: mdp.gridworld((1, 1)),
    lambda: mdp.gridworld((2, 2), [], [(0, 0), (0, 1), (1, 0), (1, 1)]),
    lambda: mdp.MDP.from_pairs([], np.zeros((0, 2)), 0.9, np.zeros(0, int), np.zeros(0, int), [0, 1]),
]


@pytest.mark.parametrize("make", ENDED)
def test_only_terminal_states(make):
    process = make()
    for method in DISCOUNTED:
        s = process.solve(method)
        assert not s.values.any() and s.error_bound <= 1e-12 and not s.policy.any(), method


def test_newton_in_a_chain_that_mixes_slowly():
    """A ring of more states than a dense solve is used for at once: Krylov steps alone took minutes."""
    S, rng = 450, np.random.default_rng(0)
    states, actions = np.repeat(np.arange(S), 3), np.tile(np.arange(3), S)
    P = np.zeros((3 * S, S))
    P[np.arange(3 * S), (states + 1 + actions) % S] = 1
    process = mdp.MDP.from_pairs(rng.normal(size=3 * S), P, 0.9999, states, actions)
    s, other = process.solve("newton"), process.solve("policy_iteration")
    assert s.error_bound <= 1e-6 and s.iterations < 40
    assert np.max(np.abs(s.values - other.values)) <= s.error_bound + other.error_bound
