"""Value iteration and the Bellman backup as graphs: their values against loops, their gradients in all methods."""

from __future__ import annotations

import numpy as np
import pytest

import difflab as dl
from difflab import mdp
from difflab.errors import InputError

RNG = np.random.default_rng(3)
FREE = mdp.MDP.from_arrays(RNG.dirichlet(np.ones(4), size=(2, 4)), RNG.normal(size=(4, 2)), 0.8)
ENDING = mdp.gridworld((2, 3), terminals={(0, 2): 5.0}, slip=0.2, discount=0.9)


def at(process):
    return {"R": process.table(process.rewards), "gamma": process.discount}


def backed_up(process, steps):
    """q after so many backups, one pair after the other."""
    q = np.zeros((process.n_states, process.n_actions))
    for _ in range(steps):
        v, q = q.max(axis=1), q.copy()
        for k, (s, a) in enumerate(zip(process.states, process.actions)):
            row = process.transitions[[k]].toarray()[0]
            q[s, a] = process.rewards[k] + process.discount * row @ np.where(process.terminal, 0.0, v)
    return q


@pytest.mark.parametrize("process", [FREE, ENDING], ids=["free", "ending"])
@pytest.mark.parametrize("steps", [1, 2, 4])
def test_the_graph_is_value_iteration(process, steps):
    q = backed_up(process, steps)
    np.testing.assert_allclose(process.graph(steps)(**at(process)), q, atol=1e-12)
    assert process.graph(steps, state=1)(**at(process)) == pytest.approx(q[1].max())
    assert process.graph(steps, state=3, action=0)(**at(process)) == pytest.approx(q[3, 0])
    P = process.dense()[0]
    given = process.graph(steps, state=1, probabilities=True)
    assert given(P=P, **at(process)) == pytest.approx(q[1].max())
    if steps > 1:
        assert given(P=0.5 * P, **at(process)) != pytest.approx(q[1].max())


def test_enough_steps_are_the_solution():
    found = FREE.graph(80)(**at(FREE))
    np.testing.assert_allclose(found, FREE.solve(tolerance=1e-9).q, atol=1e-6)


def test_its_gradient_by_every_method():
    c = dl.compare(FREE.graph(4, state=0), at(FREE), seconds=3)
    assert c.agree and all(m.verdict == "agrees" for m in c.methods.values()), str(c)
    gradient = c.methods["reverse"].gradient["R"]
    assert gradient.sum() == pytest.approx(sum(0.8**k for k in range(4)))  # discounted visits of four steps
    assert "branch taken" in c.methods["symbolic"].label


def test_ties_are_kinks():
    grid = mdp.gridworld((3, 3), terminals=[(0, 0)], discount=0.9)
    c = dl.compare(grid.graph(2, state=4), at(grid), methods=["reverse", "symbolic:branch", "certified"])
    assert "not differentiable: a kink" in c.reason and "tie at the point" in c.methods["symbolic:branch"].failure


def test_the_backup_of_q():
    q = RNG.normal(size=(6, 4))
    graph = mdp.backup_graph(ENDING, state=1, action=2)
    k = 4 * 1 + 2
    best = np.where(ENDING.terminal, 0.0, q.max(axis=1))
    row = ENDING.transitions[[k]].toarray()[0]
    names = {node.name: (int(node.name[2]), int(node.name[4])) for node in graph.inputs}
    assert sorted({s for s, _ in names.values()}) == [0, 4]  # the end (2) has no action values
    want = ENDING.rewards[k] + 0.9 * row @ best
    assert graph(**{name: q[place] for name, place in names.items()}) == pytest.approx(want)
    few = mdp.MDP.from_arrays(FREE.dense()[0], [[1.0, -np.inf], [2.0, 0.5], [-np.inf, 1.0], [0.0, 1.0]], 0.8)
    names = [node.name for node in mdp.backup_graph(few, state=1, action=0).inputs]
    assert names == ["q(0,0)", "q(1,0)", "q(1,1)", "q(2,1)", "q(3,0)", "q(3,1)"]  # of the actions that there are
    last = mdp.gridworld((1, 2), terminals=[(0, 1)])
    assert mdp.backup_graph(last, state=0, action=1)() == -1.0


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: FREE.graph(0), "graph: steps=0; it must be 1 or more"),
        (lambda: FREE.graph(2, state=4), "graph: state 4 is terminal or not among 4 states"),
        (lambda: ENDING.graph(2, state=2), "state 2 is terminal"),
        (lambda: FREE.graph(2, action=1), "action=1 without a state"),
        (lambda: FREE.graph(2, state=1, action=7), r"state 1 has the actions \[0, 1\], not 7"),
        (lambda: mdp.gridworld((60, 60)).graph(2), "3,600 states.* more than 1,000,000 probabilities"),
        (lambda: mdp.gridworld((1, 2), terminals=[(0, 0), (0, 1)]).graph(), "every state is terminal"),
        (lambda: mdp.backup_graph(FREE, 0, 5), r"backup_graph: state 0 has the actions \[0, 1\], not 5"),
        (lambda: mdp.MDP.from_arrays(FREE.dense()[0], [[0, -np.inf]] + [[0, 0]] * 3, 0.5).graph(), "state 0 lacks"),
    ],
)
def test_what_has_no_graph_says_so(call, words):
    with pytest.raises(InputError, match=words):
        call()
