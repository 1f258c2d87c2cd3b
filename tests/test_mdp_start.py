"""The distribution of S0: wherever a process, an episode, learning, a file or the shell begins."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
from environments import environment

from difflab import mdp
from difflab.cli.app import run
from difflab.errors import DifflabError, InputError

ROW = {"shape": (1, 5), "terminals": [(0, 4)], "discount": 0.9}
RIGHT = [1, 1, 1, 1, 0]
HALVES = np.array([0.5, 0.0, 0.0, 0.5, 0.0])
ARRAYS = (np.array([np.eye(3), np.roll(np.eye(3), 1, axis=1)]), np.arange(6.0).reshape(3, 2), 0.5)
TRIPLES = [(0, 0, 1.0, 1, 1.0), (1, 0, 1.0, 2, 1.0)]
TABLE = {s: {0: [(1.0, (s + 1) % 3, 1.0, False)]} for s in range(3)}


def row(**more):
    return mdp.gridworld(**ROW, **more)


def network(nodes="abc"):
    import networkx as nx

    graph = nx.DiGraph()
    graph.add_edges_from(pairwise(nodes), reward=1.0)
    return graph


WEIGHTS = np.array([0.25, 0.75, 0.0])
MADE = {
    "arrays": lambda start: mdp.MDP.from_arrays(*ARRAYS, start=start),
    "sparse": lambda start: mdp.MDP.from_sparse(list(ARRAYS[0]), *ARRAYS[1:], start=start),
    "pairs": lambda start: mdp.MDP.from_pairs([1.0, 2.0, 3.0], np.eye(3), 0.5, [0, 1, 2], [0, 0, 0], start=start),
    "table": lambda start: mdp.MDP.from_gymnasium(TABLE, 0.5, start=start),
    "graph": lambda start: mdp.MDP.from_graph(network(), 0.5, start=start),
    "function": lambda start: mdp.MDP.from_function(lambda s, a: ((s + 1) % 3, 1.0), range(3), [0], 0.5, start=start),
    "replace": lambda start: mdp.MDP.from_arrays(*ARRAYS).replace(start=start),
    "grid": lambda start: mdp.gridworld((1, 3), terminals=[(0, 2)], discount=0.5, start=start),
}


@pytest.mark.parametrize("kind", MADE)
def test_every_way_to_make_a_process_takes_a_start(kind):
    made = MADE[kind](WEIGHTS)
    np.testing.assert_array_equal(made.start, WEIGHTS)
    np.testing.assert_array_equal(MADE[kind]({0: 0.25, 1: 0.75}).start if kind != "graph" else WEIGHTS, WEIGHTS)
    assert MADE[kind](None).start is None
    first = [made.episode(np.zeros(3, int), seed, steps=1)[0][0] for seed in range(200)]
    assert set(first) == {0, 1} and 0.6 < np.mean(first) < 0.9
    assert made.expected_return(np.zeros(3, int)) == pytest.approx(WEIGHTS @ made.evaluate(np.zeros(3, int)))
    with pytest.raises(InputError, match=r"start sum to 1.5, they must sum to 1"):
        MADE[kind]([0.75, 0.75, 0.0])


def test_names_and_cells():
    named = mdp.MDP.from_graph(network(), 0.5, start={"a": 0.5, "b": 0.5})
    assert named.start.tolist() == [0.5, 0.5, 0.0]
    assert mdp.MDP.from_graph(network(), 0.5, start="b").start.tolist() == [0.0, 1.0, 0.0]
    tuples = mdp.MDP.from_function(lambda s, a: ((s[0], 1 - s[1]), 1.0), [(0, 0), (0, 1)], [0], 0.5, start=(0, 1))
    assert tuples.start.tolist() == [0.0, 1.0]
    assert row(start=(0, 2)).start.tolist() == row(start=2).start.tolist() == [0, 0, 1, 0, 0]
    assert row(start={(0, 0): 0.5, (0, 3): 0.5}).start.tolist() == HALVES.tolist()
    assert row(start=[0.5, 0.5 + 5e-9, 0, 0, 0]).start.sum() == 1.0  # what rounding left is scaled away
    square = mdp.gridworld((2, 2), terminals=[(1, 1)], start=np.array([[0.0, 0.5], [0.5, 0.0]]))
    assert square.start.tolist() == [0.0, 0.5, 0.5, 0.0]


@pytest.mark.parametrize(
    ("start", "words"),
    [
        ([0.5, 0.5], r"start has shape \(2,\) for 5 states"),
        ([0.5, -0.5, 0.5, 0.5, 0.0], "state 1 the probability -0.5; probabilities are numbers from 0 to 1"),
        ([np.nan, 0.5, 0.5, 0.0, 0.0], "state 0 the probability nan"),
        ([0.5, 0.0, 0.0, 0.0, 0.5], "the terminal state 4 the probability 0.5"),
        ([0.5, 0.0, 0.0, 0.0, 0.0], "sum to 0.5, they must sum to 1"),
        (7, "start=7 of 5 states; they are counted from 0"),
        (-1, "start=-1; it must be 0 or more"),
        (1.5, "start=1.5; it must be a whole number"),
        (True, "start=True; it must be a whole number"),
        ("middle", "start='middle'; it must be a whole number"),
        ((0, 9), r"start=\(0, 9\) is outside the grid of shape \(1, 5\)"),
        ({0: 0.5, 9: 0.5}, "start=9 of 5 states"),
        ({0: "half"}, "the start in 0 must be an array of real numbers"),
        ({0: [0.5, 0.5]}, r"the start in 0 has the probability \[0.5, 0.5\]; it is one number"),
        ({}, "sum to 0, they must sum to 1"),
        (4, "the terminal state 4 the probability 1"),
    ],
)
def test_what_is_no_start(start, words):
    grid = row()
    calls = [
        lambda: row(start=start),
        lambda: grid.replace(start=start),
        lambda: grid.expected_return(RIGHT, start),
        lambda: grid.solve().expected_return(start),
    ]
    if start != 4:  # an episode from an end is empty, and learning says its own
        calls += [
            lambda: grid.episode(RIGHT, 0, start),
            lambda: grid.returns(RIGHT, 2, 0, start),
            lambda: mdp.learning.q_learning(grid, 2, start=start),
            lambda: mdp.learning.deep_q_learning(grid, 2, start=start),
        ]
    for call in calls:
        with pytest.raises(DifflabError, match=words):
            call()


def test_episodes_begin_where_they_should():
    own, any_ = row(start=HALVES), row()
    first = lambda process, **k: [int(process.episode(RIGHT, s, steps=0, **k)[0][0]) for s in range(400)]
    assert set(first(own)) == {0, 3} and abs(np.mean([s == 0 for s in first(own)]) - 0.5) < 0.1
    assert set(first(own, start=1)) == {1} and set(first(own, start=[0, 0.5, 0.5, 0, 0])) == {1, 2}
    assert set(first(any_)) == {0, 1, 2, 3}
    assert first(own) == first(own)  # by seed
    assert own.episode(RIGHT, 0, start=4)[0].tolist() == [4]  # from an end there is nothing to do


def test_returns_estimate_the_expected_return():
    grid = mdp.gridworld((4, 4), slip=0.2, discount=0.9, start={(0, 1): 0.3, (2, 2): 0.7})
    policy = np.full((16, 4), 0.25)
    told = grid.expected_return(policy)
    assert told == pytest.approx(0.3 * grid.evaluate(policy)[1] + 0.7 * grid.evaluate(policy)[10])
    walks = grid.returns(policy, 1500, rng=1)
    assert walks.shape == (1500,) and abs(walks.mean() - told) < 4 * walks.std() / np.sqrt(1500)
    assert np.array_equal(walks[:5], grid.returns(policy, 5, rng=1))
    assert not np.array_equal(walks[:5], grid.returns(policy, 5, rng=2))
    assert grid.expected_return(policy, start=1) == pytest.approx(grid.evaluate(policy)[1])
    free = grid.replace(start=None)
    assert free.start is None and free.expected_return(policy) == pytest.approx(grid.evaluate(policy)[1:15].mean())
    solution = grid.solve()
    assert solution.expected_return() == pytest.approx(grid.start @ solution.values)
    assert solution.summary()["expected_return"] == solution.expected_return()
    assert "start" not in free.solve().summary()
    for bad, words in ((0, "returns: episodes=0"), (2.5, "returns: episodes=2.5")):
        with pytest.raises(InputError, match=words):
            grid.returns(policy, bad)


@pytest.mark.parametrize("learn", [mdp.learning.q_learning, mdp.learning.sarsa, mdp.learning.deep_q_learning])
def test_learning_begins_where_it_should(learn):
    given = learn(row(), 60, start=[0.0, 0.0, 0.9, 0.1, 0.0], seed=3)
    own = learn(row(start=[0.0, 0.0, 0.9, 0.1, 0.0]), 60, seed=3)
    assert given.returns == own.returns and np.array_equal(given.q, own.q)  # the same thing, said in two places
    if given.visits is not None:
        only = learn(row(), 40, start=[0.0, 0.0, 0.0, 1.0, 0.0], epsilon=0.0, initial=0.0)
        assert only.visits[0].sum() <= only.visits[3].sum()
    with pytest.raises(InputError, match="start=4; it must be one of the 4 states that are not terminal"):
        learn(row(), 2, start=4)


def test_first_states_of_learning_have_their_probabilities():
    from difflab.mdp.learning.environments import Simulator

    for start, want in (([0.1, 0.0, 0.2, 0.7, 0.0], [0.1, 0.0, 0.2, 0.7, 0.0]), (None, [0.25] * 4 + [0])):
        world = Simulator(row(), start, np.random.default_rng(0), 10)
        counts = np.bincount([world.reset() for _ in range(8000)], minlength=5) / 8000
        np.testing.assert_allclose(counts, want, atol=0.02)


def test_files_keep_the_start(tmp_path):
    grid = row(start=HALVES)
    loaded = mdp.load(mdp.save(grid, tmp_path / "grid.npz"))
    np.testing.assert_array_equal(loaded.start, HALVES)
    assert mdp.load(mdp.save(row(), tmp_path / "free.npz")).start is None
    np.savez(tmp_path / "raw.npz", P=ARRAYS[0], R=ARRAYS[1], discount=0.5, start=WEIGHTS)
    np.testing.assert_array_equal(mdp.load(tmp_path / "raw.npz").start, WEIGHTS)
    told = {"discount": 0.5, "transitions": [["a", "go", 1, "b", 2]], "terminals": ["b"], "start": [["a", 1]]}
    (tmp_path / "named.json").write_text(json.dumps(told))
    assert mdp.load(tmp_path / "named.json").start.tolist() == [1.0, 0.0]
    (tmp_path / "map.txt").write_text("S.G\n#S.\n")
    assert mdp.load(tmp_path / "map.txt").start.tolist() == [0.5, 0, 0, 0, 0.5, 0]


@pytest.mark.parametrize(
    ("start", "words"),
    [
        ("a", 'has the "start" .a.; it is a list'),
        ([], 'has the "start"'),
        ([["a"]], 'has the "start"'),
        ([["a", True]], 'has the "start"'),
        ([["b", 1]], "terminal state 'b'"),
        ([["a", 0.5]], "sum to 0.5"),
        ([[None, 1]], "neither a whole number nor a name"),
    ],
)
def test_files_with_bad_starts(tmp_path, start, words):
    told = {"discount": 0.5, "transitions": [["a", "go", 1, "b", 2]], "terminals": ["b"], "start": start}
    (tmp_path / "bad.json").write_text(json.dumps(told))
    with pytest.raises(InputError, match=f"bad.json: .*{words}"):
        mdp.load(tmp_path / "bad.json")
    np.savez(tmp_path / "bad.npz", P=ARRAYS[0], R=ARRAYS[1], discount=0.5, start=np.array([1.0, 1.0, 0.0]))
    with pytest.raises(InputError, match=r"bad.npz: .*start sum to 2"):
        mdp.load(tmp_path / "bad.npz")


@pytest.fixture
def shell(capsys):
    """Runs `difflab mdp` in this process; gives (status, stdout, stderr)."""

    def call(*arguments):
        status = run(["mdp", *arguments])
        return status, *capsys.readouterr()

    return call


def test_the_shell_takes_a_start(shell, tmp_path):
    told = json.loads(shell("gridworld", "--slip", "0.2", "--gamma", "0.9", "--start", "0,4:0.5;4,0:0.5", "--json")[1])
    assert told["start"][4] == told["start"][20] == 0.5
    assert told["expected_return"] == pytest.approx((told["values"][4] + told["values"][20]) / 2)
    assert "expected return from the start" in shell("gridworld", "--start", "0,1;2,2")[1]
    assert "expected return" not in shell("gridworld")[1]
    path = mdp.save(mdp.MDP.from_arrays(*ARRAYS), tmp_path / "p.npz")
    assert json.loads(shell(str(path), "--start", "2", "--json")[1])["start"] == [0.0, 0.0, 1.0]


@pytest.mark.parametrize(
    ("start", "words"),
    [("9,9", "outside the grid"), ("0,1:half", "no probability"), ("", "names no state"), ("0,1:0.4", "sum to 0.4"),
     ("0,0", "terminal state 0"), (":1", "whole number"), ("x,y", "is not a cell")],
)  # fmt: skip
def test_the_shell_refuses_bad_starts(shell, start, words):
    status, _, told = shell("gridworld", "--start", start)
    assert status == 2 and words in told and "Traceback" not in told


def test_gymnasium_processes_begin_as_they_do():
    pytest.importorskip("gymnasium", reason="the gym extra is not installed")
    cliff = mdp.MDP.from_gymnasium("CliffWalking-v1", 0.9)
    assert np.flatnonzero(cliff.start).tolist() == [36]
    lake = mdp.MDP.from_gymnasium("FrozenLake-v1", 0.9)
    assert np.flatnonzero(lake.start).tolist() == [0]
    assert mdp.MDP.from_gymnasium("FrozenLake-v1", 0.9, start=5 - 1).start[4] == 1.0
    taxi = environment("Taxi")
    made = mdp.MDP.from_gymnasium(taxi, 0.9)
    np.testing.assert_allclose(made.start[:500], taxi.unwrapped.initial_state_distrib, atol=1e-15)
    with pytest.raises(DifflabError, match="start=3 is for an mdp.MDP"):
        mdp.learning.q_learning("FrozenLake-v1", 2, start=3)
