"""What newcomers hand in by mistake: refused by an error of difflab that names it, never by one from deep inside."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from scipy import sparse

from difflab import mdp
from difflab.errors import DifflabError
from difflab.mdp import learning

EYE = np.eye(2)[None]
NONE = np.zeros(0, int)
M = mdp.MDP
AVERAGE = M.from_arrays([np.full((2, 2), 0.5)], [[0.0], [1.0]], 0.9)


@pytest.fixture(scope="module")
def grid():
    return mdp.gridworld((3, 3), slip=0.1, discount=0.9)


@pytest.fixture(scope="module")
def solution(grid):
    return grid.solve()


def minus_one(state, action):
    """Two outcomes in one state, whose probabilities add up to 1."""
    return [(-1.0, state, 1.0), (2.0, state, 0.0)]


PROCESSES = [
    ("P must be an array", lambda: M.from_arrays([[["a", "b"], ["c", "d"]]], [[0], [0]], 0.9)),
    ("P must be an array", lambda: M.from_arrays([[[1.0], [0, 1]]], [[0], [0]], 0.9)),
    ("real numbers", lambda: M.from_arrays(EYE * 1j, [[0], [0]], 0.9)),
    ("R must be an array", lambda: M.from_arrays(EYE, "x", 0.9)),
    ("no states", lambda: M.from_pairs([], np.zeros((0, 0)), 0.9, NONE, NONE)),
    ("no states", lambda: M.from_graph(nx.DiGraph(), 0.9)),
    ("no states", lambda: M.from_function(lambda s, a: (s, 0.0), [], [0], 0.9)),
    ("overflow", lambda: M.from_arrays(EYE, [[1e308], [0]], 0.99)),
    ("whole numbers", lambda: M.from_arrays(EYE, [[1], [0]], 0.9, terminals=[0.5])),
    ("whole numbers", lambda: M.from_arrays(EYE, [[1], [0]], 0.9, terminals=["a"])),
    ("terminals [[0], [0, 1]]", lambda: M.from_arrays(EYE, [[1], [0]], 0.9, terminals=[[0], [0, 1]])),
    ("state 0 to state 0 has the probability -1", lambda: M.from_function(minus_one, [0], [0], 0.9)),
    ("walls=5", lambda: mdp.gridworld((3, 3), walls=5)),
    ("terminals=5", lambda: mdp.gridworld((3, 3), terminals=5)),
    ("teleports=3", lambda: mdp.gridworld((3, 3), teleports=3)),
    ("method='average_reward'", lambda: mdp.optimal_values(EYE * 0 + 0.5, [[1], [2]], 0.1, method="average_reward")),
    ("soft_values: discount=1", lambda: mdp.soft_values(EYE, [[1], [0]], 1.0)),
    ("steps=-1", lambda: mdp.unrolled_values(EYE, np.ones((2, 1)), 0.5, -1)),
    ("taxi_map: 3", lambda: mdp.taxi_map(3)),
    ("discount=nan", lambda: M.from_arrays(EYE, [[1], [0]], np.nan)),
    ("a list with a matrix", lambda: M.from_sparse(["a"], [0, 0], 0.9)),
    ("a list with a matrix", lambda: M.from_sparse(None, [0, 0], 0.9)),
    ("matrix of rewards has shape (3, 3)", lambda: M.from_sparse([sparse.eye(2)], [sparse.eye(3)], 0.9)),
    ("R has shape ()", lambda: M.from_pairs(1.0, np.zeros((0, 2)), 0.9, NONE, NONE)),
    ("P (1,)", lambda: M.from_pairs([1.0], [1.0], 0.9, [0], [0])),
    ("action 1000000000000 is too large", lambda: M.from_pairs([0.0, 0], np.eye(2), 0.9, [0, 1], [0, 10**12])),
    ("state 0 to state 7", lambda: M.from_gymnasium({0: {0: [(1.0, 7, 0.0, False)]}}, 0.9)),
    ("not as gymnasium's", lambda: M.from_gymnasium({0: {0: [(1.0, 0)]}}, 0.9)),
    ("state 'a'", lambda: M.from_gymnasium({"a": {0: [(1.0, "a", 1.0, False)]}}, 0.9)),
    ("counted from 0", lambda: M.from_gymnasium({5: {0: [(1.0, 5, 1.0, False)]}}, 0.9)),
    ("no states", lambda: M.from_gymnasium({}, 0.9)),
    ("no directed graph", lambda: M.from_graph(nx.path_graph(3), 0.9)),
    ("no directed graph", lambda: M.from_graph(None, 0.9)),
    ("the probabilities of transitions", lambda: M.from_graph(nx.DiGraph([(0, 1, {"probability": "x"})]), 0.9)),
    ("terminal 7", lambda: M.from_function(lambda s, a: (s, 0.0), [0, 1], [0], 0.9, terminals=[7])),
    ("listed twice", lambda: M.from_function(lambda s, a: (s, 0.0), [0, 0, 1], [0], 0.9)),
    ("must return", lambda: M.from_function(lambda s, a: None, [0, 1], [0], 0.9)),
    ("must return", lambda: M.from_function(lambda s, a: [(1.0, s)], [0, 1], [0], 0.9)),
    ("hashable", lambda: M.from_function(lambda s, a: (s, 0.0), [[0], [1]], [0], 0.9)),
    ("step=3 is no function", lambda: M.from_function(3, [0, 1], [0], 0.9)),
    ("shape=(2.5, 2)", lambda: mdp.gridworld((2.5, 2))),
    ("more than 100,000,000", lambda: mdp.gridworld((10**9, 10**9))),
    ("the reward of entering (1, 1) is nan", lambda: mdp.gridworld((3, 3), rewards={(1, 1): np.nan})),
    ("the reward of entering (1, 1) is 'a'", lambda: mdp.gridworld((3, 3), rewards={(1, 1): "a"})),
    ("the teleport of (0, 0) is 3", lambda: mdp.gridworld((3, 3), teleports={(0, 0): 3})),
    ("P must be an array", lambda: mdp.optimal_values("a", [[1], [0]], 0.1)),
    ("tolerance=-1", lambda: mdp.optimal_values(EYE, [[1], [0]], 0.1, tolerance=-1)),
    ("is no MDP", lambda: mdp.save(None, "x.npz")),
    ("must be an array", lambda: mdp.discounted_return(["a"], 0.9)),
    ("discount=3", lambda: mdp.discounted_return([1.0], 3)),
    ("never reaches", lambda: mdp.rewards_for(mdp.gridworld((2, 2)), [0, 0, 0, 0])),
]


# No warning of difflab's own; networkx looks for pandas, and matplotlib 3.8 calls pyparsing by its old names.
STRICT = pytest.mark.filterwarnings(
    "error", "ignore:pandas not found:ImportWarning", r"ignore::DeprecationWarning:(matplotlib|pyparsing)\b"
)


@pytest.mark.parametrize("words, call", PROCESSES, ids=[f"{k}: {w}" for k, (w, _) in enumerate(PROCESSES)])
@STRICT
def test_processes(words, call):
    with pytest.raises(DifflabError) as error:
        call()
    assert words in str(error.value) and len(str(error.value)) < 1000


CALLS = [
    ("finite", lambda g, s: g.solve("value_iteration", start=np.full(9, np.nan))),
    ("must be an array", lambda g, s: g.solve("gauss_seidel", start="abc")),
    ("no method ['a']", lambda g, s: g.solve(["a"])),
    ("horizon=2.5", lambda g, s: g.solve("finite", horizon=2.5)),
    ("horizon='a'", lambda g, s: g.solve("finite", horizon="a")),
    ("finite numbers", lambda g, s: g.solve("finite", horizon=2, final=np.full(9, np.nan))),
    ("laziness='a'", lambda g, s: g.solve("average_reward", laziness="a")),
    ("memory='a'", lambda g, s: g.solve("anderson", memory="a")),
    ("memory=-1", lambda g, s: g.solve("anderson", memory=-1)),
    ("max_iterations=2.5", lambda g, s: g.solve(max_iterations=2.5)),
    ("differ in length", lambda g, s: g.evaluate([[1], [1, 2]])),
    ("whole numbers", lambda g, s: g.evaluate(np.full(9, np.inf))),
    ("start='a'", lambda g, s: g.episode(s.policy, start="a")),
    ("start=1.5", lambda g, s: g.episode(s.policy, start=1.5)),
    ("steps=-1", lambda g, s: g.episode(s.policy, steps=-1)),
    ("rng='abc'", lambda g, s: g.episode(s.policy, rng="abc")),
    ("finite numbers", lambda g, s: g.action_values(np.full(9, np.nan))),
    ("must be an array", lambda g, s: g.replace(rewards="abc")),
    ("finite numbers", lambda g, s: mdp.sensitivity(s, of=np.full(9, np.nan))),
    ("is not a solution", lambda g, s: mdp.sensitivity(g)),
    ("is not a solution", lambda g, s: mdp.kinks(g)),
    ("is not a solution", lambda g, s: mdp.plot_q(g)),
    ("is not a solution", lambda g, s: mdp.plot_convergence({"a": 3})),
    ("must be an array", lambda g, s: mdp.plot_sensitivity(g, "abc")),
    ("state 99 of 9", lambda g, s: mdp.plot_episode(g, [0, 99])),
    ("margin=inf", lambda g, s: mdp.rewards_for(g, s.policy, margin=np.inf)),
    ("margin='a'", lambda g, s: mdp.rewards_for(g, s.policy, margin="a")),
    ("rewards_for: iterations=0", lambda g, s: mdp.rewards_for(g, s.policy, iterations=0)),
    ("inverse_rl: iterations=0", lambda g, s: mdp.inverse_rl(g, np.ones((9, 4)), iterations=0)),
    ("penalty=-1", lambda g, s: mdp.inverse_rl(g, np.ones((9, 4)), penalty=-1)),
    ("limit=-1", lambda g, s: mdp.kinks(s, limit=-1)),
    ("compare_gradients: steps=-1", lambda g, s: mdp.compare_gradients(g, steps=-1)),
    ("episodes=3", lambda g, s: mdp.visit_counts(g, 3)),
    ("is of 2 steps to go", lambda g, s: mdp.sensitivity(g.solve("finite", horizon=2))),
    ("is of 2 steps to go", lambda g, s: mdp.kinks(g.solve("finite", horizon=2))),
    ("is of the average reward", lambda g, s: mdp.sensitivity(AVERAGE.solve("average_reward"))),
    ("there is no return", lambda g, s: AVERAGE.solve("average_reward").expected_return()),
    ("visit_counts: action 99", lambda g, s: mdp.visit_counts(g, [([0, 1], [99])])),
    ("visit_counts: state 99", lambda g, s: mdp.visit_counts(g, [([0, 99, 1], [0, 1])])),
    ("an episode is", lambda g, s: mdp.visit_counts(g, [3])),
    ("states that are not terminal", lambda g, s: learning.q_learning(g, 5, start=0)),
    ("initial='a'", lambda g, s: learning.q_learning(g, 5, initial="a")),
    ("seed='a'", lambda g, s: learning.q_learning(g, 5, seed="a")),
    ("exact has shape (3,)", lambda g, s: learning.deep_q_learning(g, 50, exact=np.zeros(3))),
]


@pytest.mark.parametrize("words, call", CALLS, ids=[f"{k}: {w}" for k, (w, _) in enumerate(CALLS)])
@STRICT
def test_wrong_calls_of_a_process_or_solution_are_refused(grid, solution, words, call):
    with pytest.raises(DifflabError) as error:
        call(grid, solution)
    assert words in str(error.value) and len(str(error.value)) < 1000


def test_what_is_unusual_and_right_is_taken():
    rng = np.random.default_rng(0)
    P = rng.dirichlet(np.ones(50), size=(3, 50))
    exact = M.from_arrays(P, np.zeros((50, 3)), 0.9)
    single = M.from_arrays(P.astype(np.float32), np.zeros((50, 3), np.float32), 0.9)
    assert np.allclose(single.transitions.toarray(), exact.transitions.toarray(), atol=1e-7)
    assert np.allclose(single.row_sums, 1, atol=1e-15, rtol=0)
    with pytest.raises(DifflabError, match="sum to 1.01"):
        M.from_arrays((P * 1.01).astype(np.float32), np.zeros((50, 3)), 0.9)
    assert M.from_arrays(EYE, np.array([[1], [2]]), 0.9).solve().values.tolist() == pytest.approx([10, 20])
    assert M.from_arrays(EYE, [[1], [0]], 0.9, terminals=None).terminal.tolist() == [False, True]
    two = M.from_function(lambda s, a: ((0.5, 0, 1.0), (0.5, 1, 1.0)), [0, 1], [0], 0.9)  # a tuple of two outcomes
    assert two.solve().values.tolist() == pytest.approx([10, 10])
    pairs = learning.q_learning(mdp.gridworld((2, 2)), np.int64(3))
    assert len(pairs.returns) == 3


def test_listed_transitions_that_never_happen_change_nothing():
    P = sparse.csr_matrix(([1.0, 0.0, 1.0, 0.0], ([0, 0, 1, 1], [1, 0, 1, 0])), shape=(2, 2))
    m = M.from_pairs([-1.0, 0.0], P, 1.0, [0, 1], [0, 0])
    assert m.terminal.tolist() == [False, True] and m.solve().values.tolist() == [-1, 0] and P.nnz == 4
    graph = nx.MultiDiGraph()
    for n, p, r in ((1, 1.0, 3.0), (0, 0.0, 9.0)):
        graph.add_edge(0, n, probability=p, reward=r)
    assert M.from_graph(graph, 1.0).episode([0, 0], start=0)[2].tolist() == [3.0]


def test_rewards_of_a_step_are_kept_by_sparse_matrices_too():
    rng = np.random.default_rng(0)
    P, R = rng.dirichlet(np.ones(3), size=(2, 3)), rng.normal(size=(2, 3, 3))
    dense = M.from_arrays(P, R, 0.9)
    for rewards in (R, [sparse.csr_matrix(r) for r in R]):
        m = M.from_sparse([sparse.csr_matrix(p) for p in P], rewards, 0.9)
        assert np.allclose(m.rewards, dense.rewards) and np.allclose(m.reward_of_step, dense.reward_of_step)


def test_environments_whose_observations_are_several_numbers():
    gymnasium = pytest.importorskip("gymnasium", reason="the gym extra is not installed")
    table = learning.q_learning("Blackjack-v1", 300)
    assert table.q.shape == (32 * 11 * 2, 2) and table.visits.sum() == table.steps
    assert learning.deep_q_learning("Blackjack-v1", 3).q.shape == table.q.shape
    with pytest.raises(DifflabError, match="no environment 'no_such_module:Env-v0'"):
        M.from_gymnasium("no_such_module:Env-v0", 0.9)

    class Shifted(gymnasium.Env):
        """Numbers that begin at 3 and 7."""

        observation_space, action_space = gymnasium.spaces.Discrete(2, start=3), gymnasium.spaces.Discrete(2, start=7)

        def reset(self, *, seed=None, options=None):
            return 3, {}

        def step(self, action):
            assert action in (7, 8)
            return 4, float(action == 8), True, False, {}

    assert learning.q_learning(Shifted(), 200, step_size=0.5).policy[0] == 1


@pytest.mark.parametrize("horizon, shown", [(10**9, "1,000,000,000"), (10**200, "a number of 201 digits")])
def test_a_horizon_whose_values_nobody_can_keep(horizon, shown):
    with pytest.raises(DifflabError, match=f"finite: horizon={shown} steps of 25 states"):
        mdp.gridworld().solve("finite", horizon=horizon)
