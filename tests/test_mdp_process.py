"""Markov decision processes: every way to write one down, and what is refused."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from environments import environment
from scipy import sparse

from difflab import mdp
from difflab.errors import InputError, ShapeError


def arrays(S=5, A=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.ones(S), size=(A, S)), rng.normal(size=(S, A))


def same(a, b):
    assert np.allclose(a.transitions.toarray(), b.transitions.toarray())
    assert np.allclose(a.rewards, b.rewards) and np.array_equal(a.actions, b.actions)
    assert np.array_equal(a.starts, b.starts) and np.array_equal(a.terminal, b.terminal)


def from_sparse(P, R):
    return mdp.MDP.from_sparse([sparse.csr_matrix(p) for p in P], R, 0.9)


def from_pairs(P, R):
    A, S, _ = P.shape
    order = np.random.default_rng(1).permutation(S * A)
    s, a = np.repeat(np.arange(S), A)[order], np.tile(np.arange(A), S)[order]
    return mdp.MDP.from_pairs(R[s, a], P[a, s], 0.9, s, a)


def from_gymnasium(P, R):
    A, S, _ = P.shape
    table = {s: {a: [(P[a, s, n], n, R[s, a], False) for n in range(S)] for a in range(A)} for s in range(S)}
    return mdp.MDP.from_gymnasium(table, 0.9)


def from_graph(P, R):
    A, S, _ = P.shape
    g = nx.MultiDiGraph()
    g.add_nodes_from(range(S))
    for a in range(A):
        for s in range(S):
            for n in range(S):
                g.add_edge(s, n, action=a, probability=P[a, s, n], reward=R[s, a])
    return mdp.MDP.from_graph(g, 0.9)


def from_function(P, R):
    A, S, _ = P.shape
    return mdp.MDP.from_function(lambda s, a: [(P[a, s, n], n, R[s, a]) for n in range(S)], range(S), range(A), 0.9)


@pytest.mark.parametrize("make", [from_sparse, from_pairs, from_gymnasium, from_graph, from_function])
def test_every_constructor_gives_the_same_process(make):
    P, R = arrays()
    same(make(P, R), mdp.MDP.from_arrays(P, R, 0.9))


def test_rewards_of_a_step_are_averaged_and_kept():
    P, _ = arrays()
    R = np.random.default_rng(2).normal(size=P.shape)
    m = mdp.MDP.from_arrays(P, R, 0.9)
    assert np.allclose(m.rewards.reshape(5, 3), np.einsum("asn,asn->sa", P, R))
    states, actions, rewards = m.episode(np.zeros(5, int), rng=0, start=2, steps=20)
    assert np.allclose(rewards, R[actions, states[:-1], states[1:]])


def test_states_and_actions_may_have_names_and_some_actions_may_be_missing():
    step = {("home", "work"): [(0.9, "office", 1.0), (0.1, "home", 0.0)], ("office", "go"): ("home", 2.0)}
    m = mdp.MDP.from_function(
        lambda s, a: step[s, a], ["home", "office"], lambda s: ["work"] if s == "home" else ["go"], discount=0.5
    )
    s = m.solve()
    home = np.linalg.solve([[1 - 0.05, -0.45], [-0.5, 1]], [0.9, 2.0])
    assert np.allclose(s.values, home) and m.state_names == ["home", "office"]
    assert s.q[0, 1] == -np.inf and s.summary()["q"][0][1] is None


def test_an_episode_ends_in_a_terminal_state():
    grid = mdp.gridworld((1, 4), terminals=[(0, 3)])
    states, actions, rewards = grid.episode([1, 1, 1, 1], start=0)
    assert states.tolist() == [0, 1, 2, 3] and actions.tolist() == [1, 1, 1] and rewards.tolist() == [-1.0] * 3
    assert mdp.discounted_return(rewards, 0.5) == -1.75
    assert len(mdp.teleport_gridworld().episode(np.zeros(25, int), rng=1, steps=7)[1]) == 7


def test_a_blocked_move_stays_and_a_slip_goes_aside():
    grid = mdp.gridworld((3, 3), walls=[(0, 1)], slip=0.2, terminals=[(2, 2)])
    right = grid.transitions[[1]].toarray()[0]  # from (0, 0): into the wall, off the grid, or down
    assert np.allclose(right[[0, 3]], [0.9, 0.1]) and right.sum() == pytest.approx(1)
    assert grid.terminal[1] and grid.layout.walls == {1}


BAD = [
    (lambda: mdp.MDP.from_arrays(np.full((1, 2, 2), 0.75), np.zeros((2, 1)), 0.9), "state 0, action 0 sum to 1.5"),
    (lambda: mdp.MDP.from_arrays([[[2.0, -1.0], [0, 1]]], np.zeros((2, 1)), 0.9), "probability -1"),
    (lambda: mdp.MDP.from_arrays([[[np.nan, 1.0], [0, 1]]], np.zeros((2, 1)), 0.9), "probability nan"),
    (lambda: mdp.MDP.from_arrays(np.eye(2)[None], [[np.inf], [0]], 0.9), "reward of state 0, action 0 is inf"),
    (lambda: mdp.MDP.from_arrays(np.eye(2)[None], np.zeros((2, 1)), 1.5), "discount=1.5"),
    (lambda: mdp.MDP.from_arrays(np.eye(2)[None], np.zeros((2, 1)), -0.1), "discount=-0.1"),
    (lambda: mdp.MDP.from_arrays(np.eye(2)[None], np.zeros((2, 1)), "much"), "discount='much'"),
    (lambda: mdp.MDP.from_arrays(np.eye(2)[None], np.ones((2, 1)), 1.0), "discount 1 without a terminal"),
    (lambda: mdp.MDP.from_arrays(np.eye(2), np.zeros((2, 1)), 0.9), "shape (2, 2)"),
    (lambda: mdp.MDP.from_arrays(np.eye(2)[None], np.zeros((3, 1)), 0.9), "R has shape (3, 1)"),
    (lambda: mdp.MDP.from_pairs([0.0, 0], np.eye(2), 0.9, [0, 0], [0, 0]), "given twice"),
    (lambda: mdp.MDP.from_pairs([0.0], [[0.5, 0.5]], 0.9, [0], [0]), "state 1 has no action"),
    (lambda: mdp.MDP.from_pairs([0.0], [[0.5, 0.5]], 0.9, [7], [0]), "state 7"),
    (lambda: mdp.MDP.from_graph(nx.DiGraph([(0, 1)]), 0.9, terminals=[5]), "terminal 5"),
    (lambda: mdp.MDP.from_gymnasium(object(), 0.9), "no table"),
    (lambda: mdp.gridworld((0, 3)), "shape=(0, 3)"),
    (lambda: mdp.gridworld((3, 3), slip=2), "slip=2"),
    (lambda: mdp.gridworld((3, 3), terminals=[(5, 5)]), "(5, 5) is outside"),
    (lambda: mdp.gridworld((3, 3), walls=[(0, 0)]), "terminal cell is a wall"),
    (lambda: mdp.gridworld((3, 3), walls=[(0, 1), (1, 0), (1, 1)], terminals=[(2, 2)]), "can be reached from state 0"),
    (lambda: mdp.gridworld().evaluate(np.zeros(3)), "policy of shape (3,)"),
    (lambda: mdp.gridworld().evaluate(np.full(25, 9)), "takes action 9"),
    (lambda: mdp.gridworld().evaluate(np.full((25, 4), 0.5)), "sum to 1"),
    (lambda: mdp.gridworld().evaluate(np.zeros(25, int)), "never reaches a terminal"),
    (lambda: mdp.gridworld().replace(rewards=np.zeros(3)), "rewards of shape (3,)"),
]


@pytest.mark.parametrize("call, words", BAD, ids=[w for _, w in BAD])
def test_bad_input_is_named(call, words):
    with pytest.raises(ValueError) as error:
        call()
    assert isinstance(error.value, InputError | ShapeError) and words in str(error.value)


@pytest.mark.parametrize("name", ["FrozenLake-v1", "FrozenLake8x8-v1", "CliffWalking-v1", "Taxi"])
def test_gymnasium_tables_against_quantecon(name):
    pytest.importorskip("gymnasium", reason="the gym extra is not installed")
    quantecon = pytest.importorskip("quantecon", reason="quantecon is not installed")
    m = mdp.MDP.from_gymnasium(environment(name), 0.95)
    P, R = m.dense()
    other = quantecon.markov.DiscreteDP(R, P.transpose(1, 0, 2), 0.95).solve(method="policy_iteration")
    assert np.max(np.abs(m.solve(tolerance=1e-11).values - other.v)) < 1e-10
