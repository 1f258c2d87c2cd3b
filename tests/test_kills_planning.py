"""What is said about a solved process: its bounds after each backup, what its report and its pictures hold."""

from __future__ import annotations

import dataclasses
import importlib.util
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from difflab import mdp
from difflab.mdp import backup, bounds, iteration, linear, pictures, report, run
from difflab.mdp.learning import environments


def random_process(S=12, A=2, discount=0.9, seed=0):
    rng = np.random.default_rng(seed)
    return mdp.MDP.from_arrays(rng.dirichlet(np.ones(S), size=(A, S)), rng.normal(size=(S, A)), discount)


@pytest.mark.parametrize("laziness", [0.0, 0.1, 0.6])
def test_the_bound_of_an_average_reward_is_half_of_what_is_left_between(laziness):
    """After each backup the gain lies between the smallest and the largest change."""
    process = random_process()
    found = process.solve("average_reward", laziness=laziness, tolerance=1e-9)
    P, R = process.dense()
    h, bounds, gains = np.zeros(12), [], []
    for _ in found.residuals:
        w = (R + (P @ h).T).max(axis=1)
        lo, hi = (w - h).min(), (w - h).max()
        bounds.append((hi - lo) / 2)
        gains.append((lo + hi) / 2)
        h = (1 - laziness) * w + laziness * h
        h -= h[0]
    np.testing.assert_allclose(found.residuals, bounds, rtol=1e-3, atol=1e-13)
    assert found.gain == pytest.approx(gains[-1], abs=1e-12) and found.error_bound == found.residuals[-1] <= 1e-9
    assert bounds[-2] > 1e-9


@pytest.mark.parametrize("side", [pictures.ARROW_CELLS - 1, pictures.ARROW_CELLS, pictures.ARROW_CELLS + 1])
@pytest.mark.parametrize("shape", [lambda n: (n, 2), lambda n: (2, n)], ids=["tall", "wide"])
def test_a_report_of_a_grid_shows_triangles_where_there_is_room(monkeypatch, side, shape):
    drawn = []
    for name in ("plot_solution", "plot_q", "plot_convergence", "plot_episode", "plot_sensitivity"):
        monkeypatch.setattr(pictures, name, lambda *x, n=name, **k: drawn.append(n))
    monkeypatch.setattr(report, "pictured", lambda draw, alt: (draw(), alt)[1])
    rows, columns = shape(side)
    process = mdp.gridworld((rows, columns), terminals=[(rows - 1, columns - 1)], discount=0.9)
    titles = [title for title, _, _ in report.sections(process.solve())]
    assert ("Action values" in titles) == ("plot_q" in drawn) == (side <= pictures.ARROW_CELLS)
    assert ("An episode under the policy" in titles) == ("plot_episode" in drawn) == (side <= pictures.ARROW_CELLS)


def test_no_lines_lie_over_the_cells():
    """Whatever matplotlib is set to draw."""
    from matplotlib import rc_context

    grid = mdp.gridworld((2, 3), terminals=[(1, 2)], discount=0.9)
    with rc_context({"axes.grid": True}):
        for made in (mdp.plot_solution(grid.solve()), mdp.plot_sensitivity(grid, grid.solve().values)):
            axes = made.axes[0]
            assert not any(line.get_visible() for line in axes.get_xgridlines() + axes.get_ygridlines())


@pytest.mark.parametrize("ends", [["a"], ["b"], ["c"], ["a", "c"], ["b", "a"], []], ids=str)
@pytest.mark.parametrize("actions", [(1, -1), lambda s: (1, -1) if s == "b" else (1,)], ids=["same", "by state"])
def test_a_process_by_a_function_whatever_ends_it(ends, actions):
    """A terminal state is not stepped from, and all others are, wherever they stand in the list."""
    states, asked = ["a", "b", "c"], []

    def step(s, a):
        asked.append((s, a))
        return states[(states.index(s) + a) % 3], float(ord(s) + a)

    made = mdp.MDP.from_function(step, states, actions, 0.5, ends)
    of = actions if callable(actions) else lambda s: actions
    assert asked == [(s, a) for s in states if s not in ends for a in of(s)]
    assert [s for s, end in zip(states, made.terminal) if end] == sorted(ends)
    v = made.solve(tolerance=1e-12).values
    for k, s in enumerate(states):
        q = [float(ord(s) + a) + 0.5 * v[(k + a) % 3] for a in of(s)]
        assert v[k] == pytest.approx(0.0 if s in ends else max(q))


@pytest.mark.parametrize("terminals", [[(1, 2)], {(1, 2): 5.0}], ids=["named", "rewarded"])
@pytest.mark.parametrize("kind", ["none", "cells", "array"])
def test_rewards_of_entering_a_cell_add_up(terminals, kind):
    """What ending there is worth, what the cell is worth, and what each step costs."""
    table = np.arange(6.0).reshape(2, 3) / 4
    cells = {(int(r), int(c)): table[r, c] for r, c in np.ndindex(2, 3)}
    rewards = {"none": None, "cells": cells, "array": table}[kind]
    made = mdp.gridworld((2, 3), terminals=terminals, rewards=rewards, step_reward=-0.5, discount=0.9)
    worth = np.zeros((2, 3)) if kind == "none" else table.copy()
    worth[1, 2] += 5.0 if isinstance(terminals, dict) else 0.0
    R = made.dense()[1]
    for s, (r, c) in enumerate(np.ndindex(2, 3)):
        for a, (up, right) in enumerate(((-1, 0), (0, 1), (1, 0), (0, -1))):
            to = (r + up, c + right) if 0 <= r + up < 2 and 0 <= c + right < 3 else (r, c)
            assert R[s, a] == pytest.approx(0.0 if s == 5 else worth[to] - 0.5), (s, a)


@pytest.mark.parametrize("S", [3, 12, 13, 30, 31, 60, 61])
def test_bars_of_a_chain_have_room_for_names(S):
    """The best actions over up to 30 bars; at most 60 bars; numbers stand upright up to 12."""
    solution = random_process(S=S).solve()
    axes = mdp.plot_solution(solution).axes[0]
    shown = min(S, 60)
    assert [b.get_height() for b in axes.patches] == pytest.approx(solution.values[:shown].tolist())
    assert [t.get_text() for t in axes.texts] == ([str(a) for a in solution.policy] if S <= 30 else [])
    assert {t.get_rotation() for t in axes.get_xticklabels()} == {0.0 if S <= 12 else 90.0}
    assert axes.get_xlabel() == ("state" if S <= 60 else "state (the first 60 of 61)")


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_a_way_that_does_not_come_closer_is_the_last_before_elimination(monkeypatch, share):
    """A series that leads nowhere, or half of the way with the next method leading nowhere."""
    tried, process, b = [], random_process(S=30, A=1), np.random.default_rng(1).normal(size=30)
    want = np.linalg.solve(np.eye(30) - 0.9 * process.dense()[0][0], b)
    monkeypatch.setattr(linear, "geometric", lambda *x: tried.append("series") or share * want)
    monkeypatch.setattr(linear, "krylov", lambda *x: tried.append("krylov") or np.full(30, 1e6))
    np.testing.assert_allclose(linear.iterate(process, b, 1e-9, None, False), want, rtol=1e-9)
    assert tried == ["series", "krylov"][: 1 + (share > 0)]


@pytest.mark.parametrize("discount", [0.5, 0.9, 0.99])
@pytest.mark.parametrize("horizon", [0, 1, 2, 7])
def test_the_bound_of_a_finite_horizon_is_what_all_of_its_backups_round(discount, horizon):
    """Of each stage, seen through the discounts of those after it; the rows are as long as there are states."""
    process = random_process(S=5, discount=discount)
    found = process.solve("finite", horizon=horizon, tolerance=1e-9)
    largest = np.abs(process.rewards).max()
    each = [(5 + 4) * 2.0**-53 * (largest + np.abs(v).max()) for v in found.stages[:-1]]
    want = sum(discount ** (horizon - 1 - k) * x for k, x in enumerate(each))
    assert found.error_bound == pytest.approx(want, rel=1e-9, abs=0)
    assert found.residuals == pytest.approx([1e-9] * horizon or [0.0], rel=1e-5)


@pytest.mark.parametrize("discount", [0.9, 0.95, 0.99])
def test_policy_iteration_says_how_far_off_a_policy_may_be(discount):
    """The largest gain of one better action, for ever; at the end what is proven."""
    process = random_process(S=40, A=6, discount=discount, seed=3)
    found = process.solve("policy_iteration", tolerance=1e-9)
    P, R = process.dense()
    policy, bounds = np.argmax(R, axis=1), []
    while True:
        own = P[policy, np.arange(40)]
        v = np.linalg.solve(np.eye(40) - discount * own, R[np.arange(40), policy])
        q = R + discount * (P @ v).T
        if np.array_equal(q.argmax(axis=1), policy):
            break
        bounds.append((q.max(axis=1) - v).max() / (1 - discount))
        policy = q.argmax(axis=1)
    assert found.residuals[:-1] == pytest.approx(bounds, rel=1e-6) and len(bounds) >= 1
    assert found.residuals[-1] == found.error_bound <= 1e-9


@pytest.mark.parametrize("aim", [1e-1, 1e-4, 1e-8])
@pytest.mark.parametrize("shift", [0.0, 5.0, -300.0])
def test_sweeps_of_a_policy_end_at_the_aim(monkeypatch, aim, shift):
    """Values that all move alike are known as soon as that is seen; no more sweeps than the slowest part takes."""
    process = random_process(S=30, A=1)
    P, R = process.dense()
    want = np.linalg.solve(np.eye(30) - 0.9 * P[0], R[:, 0])
    policy, swept = backup.Policy(process), []
    policy.take(process.starts[:-1])
    inner = policy.backup
    monkeypatch.setattr(policy, "backup", lambda *x: swept.append(1) or inner(*x))
    found = iteration.policy_sweeps(policy, want + shift, aim, bounds.Bounds(process))
    assert np.abs(found - want).max() <= aim * (1 + 1e-6)
    assert len(swept) <= 12


def test_products_where_scipy_has_no_loops_of_that_name(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.sparse._sparsetools", None)
    spec = importlib.util.spec_from_file_location("difflab.mdp.backup_without", backup.__file__)
    other = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(other)
    assert other.gather is None and backup.gather is not None
    P = random_process(S=9, A=2).transitions
    v, start = np.arange(9.0), np.linspace(1, 2, 7)
    for module in (backup, other):
        out = start.copy()
        module.add_product(P.indptr[3:11], P.indices, P.data, v, out)
        np.testing.assert_allclose(out, start + (P @ v)[3:10])


@pytest.mark.parametrize("after", [1, 49, 50, 51])
def test_a_bound_that_stays_for_fifty_iterations_has_stalled(after):
    made = run.Run("method", 1e-9, 1000)
    for bound in [2.0, 1.0, *[1.0] * after]:
        made.record(bound)
    assert made.stalled(50) == (after >= 50) and made.stalled(after) and not made.stalled(after + 1)


@pytest.mark.parametrize("given", [{}, {"probability": 0.25, "reward": 3.0}, {"reward": 2.0}], ids=str)
def test_edges_without_a_probability_are_certain(given):
    networkx = pytest.importorskip("networkx")
    graph = networkx.DiGraph()
    graph.add_edge("a", "b", **given)
    if "probability" in given:
        graph.add_edge("a", "c", probability=0.75)
    made = mdp.MDP.from_graph(graph, 0.9)
    assert made.dense()[0][0, 0].tolist()[1:] == ([0.25, 0.75] if "probability" in given else [1.0])
    assert made.dense()[1][0, 0] == given.get("probability", 1.0) * given.get("reward", 0.0)


@pytest.mark.parametrize("count, every", [(1, 1), (3, 1), (23, 1), (24, 2), (60, 5)])
def test_curves_of_convergence_have_a_dozen_marks(count, every):
    solution = dataclasses.replace(random_process().solve(), residuals=list(np.geomspace(1, 1e-9, count)))
    line = mdp.plot_convergence({"a": solution}).axes[0].lines[0]
    assert line.get_markevery() == every and len(line.get_xdata()) == count


def test_an_environment_is_seeded_once():
    """The first time; then its episodes go on from where its random numbers are."""
    seeds, discrete = [], type("Discrete", (), {"n": 3, "start": 0})
    env = SimpleNamespace(
        observation_space=discrete(), action_space=discrete(), reset=lambda seed: (seeds.append(seed) or 0, {})
    )
    outer = environments.Gymnasium(env, 7)
    assert [outer.reset() for _ in range(3)] == [0, 0, 0]
    assert seeds == [7, None, None]
