"""What holds at every scale and at the edges of the decision processes: numbers checked against dense algebra."""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
from itertools import pairwise

import numpy as np
import pytest
from scipy import sparse

from difflab import mdp
from difflab.errors import ShapeError
from difflab.mdp import (
    accelerated,
    backup,
    bounds,
    gradient,
    graphs,
    learning,
    linear,
    ordering,
    pictures,
    programs,
    sweeps,
)
from difflab.mdp.bounds import proven
from difflab.mdp.implicit import PolicySystem
from difflab.mdp.learning.environments import environment
from difflab.mdp.sensitivity import enough_steps
from difflab.mdp.ties import tie_width


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


def random_process(S=12, A=2, discount=0.9, seed=0):
    rng = np.random.default_rng(seed)
    return mdp.MDP.from_arrays(rng.dirichlet(np.ones(S), size=(A, S)), rng.normal(size=(S, A)), discount)


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_anderson_combines_backups_so_that_residuals_cancel_best(count):
    """The combination with weights that sum to 1 whose residual is the smallest, by the optimality conditions."""
    rng = np.random.default_rng(count)
    seen = [(rng.normal(size=9), rng.normal(size=9)) for _ in range(count)]
    W, F = (np.stack(x, axis=1) for x in zip(*seen))
    conditions = np.block([[F.T @ F, np.ones((count, 1))], [np.ones((1, count)), np.zeros((1, 1))]])
    weights = np.linalg.solve(conditions, [0.0] * count + [1.0])[:count]
    np.testing.assert_allclose(accelerated.combined(seen), W @ weights, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("memory", [5, 12])
def test_anderson_takes_fewer_backups_where_values_go_round(memory):
    P = np.roll(np.eye(12), 1, axis=1) * 0.7 + np.eye(12) * 0.3
    process = mdp.MDP.from_arrays(P[None], np.arange(12.0)[:, None], 0.99)
    found = process.solve("anderson", memory=memory, tolerance=1e-7)
    plain = process.solve("value_iteration", tolerance=1e-7)
    np.testing.assert_allclose(found.values, np.linalg.solve(np.eye(12) - 0.99 * P, np.arange(12.0)), atol=2e-7)
    assert found.iterations < plain.iterations


def test_who_can_step_into_a_state_and_how_probably():
    process = random_process(S=5, A=3)
    P = process.dense()[0]
    P[P < 0.2] = 0
    P /= P.sum(axis=2, keepdims=True)
    process = mdp.MDP.from_arrays(P, process.dense()[1], 0.9)
    largest = P.max(axis=0)
    for to, found in enumerate(accelerated.into(process)):
        assert dict(found) == pytest.approx({s: largest[s, to] for s in range(5) if largest[s, to] > 0})
    v = np.arange(5.0)
    want = np.max(process.dense()[1] + 0.9 * (P @ v).T, axis=1)
    assert [accelerated.state_backup(process, v, s) for s in range(5)] == pytest.approx(want.tolist())


def test_a_policy_exchanges_few_rows_and_builds_many_anew():
    process = random_process(S=40, A=3)
    P, R = process.dense()
    policy, rng = backup.Policy(process), np.random.default_rng(3)
    actions, v, out = np.zeros(40, np.int64), rng.normal(size=40), np.empty(40)
    assert policy.take(process.starts[:-1] + actions) == 40
    for changes, kept in ((0, True), (1, True), (10, True), (11, False), (40, False)):
        before = policy.backup
        actions[rng.permutation(40)[:changes]] += 1
        actions %= 3
        assert policy.take(process.starts[:-1] + actions) == changes
        assert (policy.backup is before) == kept
        lo, hi = policy.backup(v, out, True)
        want = R[np.arange(40), actions] + 0.9 * P[actions, np.arange(40)] @ v
        np.testing.assert_allclose(out, want, rtol=1e-12)
        assert (lo, hi) == pytest.approx(((want - v).min(), (want - v).max()))


def test_rows_of_other_lengths_are_not_exchanged():
    P = np.array([np.eye(8), np.full((8, 8), 1 / 8)])
    process = mdp.MDP.from_sparse([sparse.csr_array(p) for p in P], np.zeros((8, 2)), 0.5)
    policy, v, out = backup.Policy(process), np.arange(8.0), np.empty(8)
    policy.take(process.starts[:-1])
    before, pairs = policy.backup, process.starts[:-1] + (np.arange(8) == 3)
    assert policy.take(pairs) == 1 and policy.backup is not before
    policy.backup(v, out, True)
    np.testing.assert_allclose(out, 0.5 * np.where(np.arange(8) == 3, v.mean(), v))


@pytest.mark.parametrize("lo, hi", [(-1.0, 2.0), (0.5, 2.0), (-2.0, -0.5), (0.0, 0.0)])
@pytest.mark.parametrize("ends", [False, True])
def test_the_interval_of_the_optimal_values(lo, hi, ends):
    """x g / (1 - g) of the smallest and the largest change, MacQueen's bounds; outwards by noise and by rounding."""
    P = np.full((1, 3, 3), 1 / 3)
    process = mdp.MDP.from_arrays(P, [[1.0], [-3.0], [0.0]], 0.8, terminals=[2] if ends else ())
    b = bounds.Bounds(process)
    assert b.contracts and b.ends == ends and b.largest == 3.0
    assert b.most == pytest.approx(0.8, rel=1e-14)
    low, high = (min(lo, 0.0), max(hi, 0.0)) if ends else (lo, hi)
    below, above = b.interval(lo, hi, 0.0)
    assert (below, above) == pytest.approx((4 * low, 4 * high), rel=1e-12, abs=1e-15)
    assert below <= 4 * low and above >= 4 * high
    wider = b.interval(lo, hi, 0.25)
    moved = (min(lo - 0.25, 0.0), max(hi + 0.25, 0.0)) if ends else (lo - 0.25, hi + 0.25)
    least = 0.8 * process.row_sum_range[0]
    reach = lambda x, g: x * g / (1 - g)
    want = (
        reach(moved[0], 0.8 if moved[0] < 0 else least) - 0.25,
        reach(moved[1], 0.8 if moved[1] > 0 else least) + 0.25,
    )
    assert wider == pytest.approx(want, rel=1e-12)
    v = np.array([0.5, -7.0, 0.0])
    assert b.rounding(v) == pytest.approx((b.longest + 4) * 2.0**-53 * 10.0)
    assert b.finest(7.0) == pytest.approx(10 * b.rounding(v))  # 2 / (1 - 0.8)


@pytest.mark.parametrize("discount", [0.8, 1.0])
@pytest.mark.parametrize("largest", [0.0, 0.25, 50.0])
def test_what_tolerance_is_attainable(discount, largest):
    P = np.zeros((1, 3, 3))
    P[0, :, 2] = 1
    process = mdp.MDP.from_arrays(P, [[largest], [-largest / 2], [0.0]], discount, terminals=[2])
    finest = lambda size: (1 + 4) * 2.0**-53 * (largest + size) * (2 / (1 - discount) if discount < 1 else 4)
    for tolerance in (1e-3, 1e-30):
        for size in (None, 4.0):
            worst = largest * (3 if discount == 1 else 1 / (1 - discount)) if size is None else size
            want = max(tolerance * min(1.0, largest), 10 * finest(worst)) or tolerance
            assert bounds.attainable(process, tolerance, size) == pytest.approx(want, rel=1e-9)


def test_proven_values_lie_in_the_middle_of_their_bounds():
    process = random_process()
    solved = process.solve(tolerance=1e-12).values
    v = np.random.default_rng(2).normal(size=12)
    R, P = process.dense()[1], process.dense()[0]
    q = R + 0.9 * (P @ v).T
    w = q.max(axis=1)
    lo, hi = (w - v).min(), (w - v).max()
    found = bounds.Bounds(process).prove(v, w.copy(), q.copy(), lo, hi)
    np.testing.assert_allclose(found.values - w, 9 * (lo + hi) / 2, rtol=1e-9)
    np.testing.assert_allclose(found.pairs - q, 9 * (lo + hi) / 2, rtol=1e-9)
    assert found.bound == pytest.approx(9 * (hi - lo) / 2, rel=1e-9)
    assert np.abs(found.values - solved).max() <= found.bound


@pytest.mark.parametrize("error_bound", [0.0, 0.01])
def test_ties_are_as_wide_as_the_error_of_two_values(error_bound):
    solution = random_process(S=4, A=3).solve()
    width = 2 * error_bound + 1e-4 * float(tie_width(np.array([[1.0, 2.0, -3.0]])))
    q = np.array([[2.0, 2.0 - 0.9 * width, -3.0], [2.0 - 1.1 * width, 2.0, -3.0]])
    made = dataclasses.replace(solution, q=q, error_bound=error_bound)
    assert made.ties().tolist() == [[True, True, False], [False, True, False]]
    assert made.ties(within=5.0).all() and made.policy_loss == 2 * error_bound
    np.testing.assert_allclose(made.advantage, q - 2.0, atol=1e-15)


def test_states_that_nothing_leaves_and_nothing_rewards():
    P = np.zeros((2, 4, 4))
    P[:, :, 3] = 1
    P[:, 1], P[:, 2], P[0, 0] = np.eye(4)[1], np.eye(4)[2], np.eye(4)[0]
    R = np.array([[0.0, 0.0], [0.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    assert gradient.absorbing(P, R).tolist() == [1.0, 0.0, 1.0, 0.0]
    own = P.mean(axis=0)
    for g in (0.5, 1.0):
        alive = gradient.absorbing(P, R)[:, None] if g == 1 else 1.0
        np.testing.assert_allclose(gradient.system(P, R, g, own), np.eye(4) - g * alive * own)


@pytest.mark.parametrize("laziness", [0.0, 0.1, 0.6])
def test_the_bias_of_an_average_reward(laziness):
    """gain + h = max over actions of r + P h with h = 0 in state 0, whatever the laziness."""
    process = random_process()
    found = process.solve("average_reward", laziness=laziness, tolerance=1e-9)
    P, R = process.dense()
    h = found.values
    q = R + (P @ h).T
    assert h[0] == 0.0
    np.testing.assert_allclose(q.max(axis=1), found.gain + h, atol=1e-8)
    np.testing.assert_allclose(found.q, q - found.gain, atol=1e-8)


@pytest.mark.parametrize("g, limit", [(0.5, 100), (0.9, 100), (0.9, 3)])
def test_a_geometric_series_of_a_chain(g, limit):
    rng = np.random.default_rng(0)
    P, b = rng.dirichlet(np.ones(20), size=20), rng.normal(size=20)
    found = linear.geometric(sparse.csr_array(P), g, b, 1e-12, limit)
    if limit == 3:
        want = b + g * P @ b + g * g * P @ P @ b
    else:
        want = np.linalg.solve(np.eye(20) - g * P, b)
    np.testing.assert_allclose(found, want, atol=1e-10)


DEFAULTS = {  # what is not said, beside None
    mdp.inverse_rl: {"temperature": 1.0, "penalty": 0.01, "iterations": 200},
    mdp.rewards_for: {"margin": 0.1, "iterations": 500},
    mdp.soft_values: {"temperature": 1.0},
    mdp.soft_policy: {"temperature": 1.0},
    mdp.optimal_values: {"method": "auto", "tolerance": 1e-12},
    mdp.optimal_q: {"method": "auto", "tolerance": 1e-12},
    mdp.kinks: {"limit": 20},
    mdp.compare_gradients: {"wrt": "rewards"},
    mdp.gridworld: {
        "shape": (5, 5),
        "walls": (),
        "slip": 0.0,
        "step_reward": -1.0,
        "discount": 1.0,
    },
    mdp.teleport_gridworld: {"discount": 0.9},
    mdp.save: {"force": False},
    mdp.plot_solution: {"force": False},
    mdp.plot_q: {"force": False},
    mdp.plot_episode: {"force": False},
    mdp.plot_convergence: {"force": False},
    mdp.plot_sensitivity: {"title": "sensitivity", "force": False},
    mdp.MDP.evaluate: {"tolerance": 1e-10},
    accelerated.anderson: {"memory": 5},
    programs.average_reward: {"laziness": 0.1},
    learning.harmonic: {"first": 1.0, "power": 1.0},
    learning.q_learning: {
        "episodes": 500,
        "step_size": 0.1,
        "epsilon": 0.1,
        "initial": 0.0,
        "most_steps": 1000,
        "double": False,
        "seed": 0,
    },
    learning.sarsa: {
        "episodes": 500,
        "step_size": 0.1,
        "epsilon": 0.1,
        "initial": 0.0,
        "most_steps": 1000,
        "expected": False,
        "seed": 0,
    },
    learning.deep_q_learning: {
        "episodes": 300,
        "batch_size": 64,
        "memory": 20_000,
        "warm_up": 500,
        "every": 1,
        "target_every": 250,
        "double": True,
        "most_steps": 500,
        "seed": 0,
    },
}


@pytest.mark.parametrize("function", DEFAULTS, ids=lambda f: f.__qualname__)
def test_what_is_not_said(function):
    found = {n: p.default for n, p in inspect.signature(function).parameters.items()}
    needed = [None for x in found.values() if x is inspect.Parameter.empty]
    with contextlib.suppress(TypeError, ValueError, AttributeError):  # nothing is given, and nothing comes of it
        function(*needed)
    assert {n: x for n, x in found.items() if x is not None and x is not inspect.Parameter.empty} == DEFAULTS[function]


def test_the_world_and_the_learner_draw_numbers_of_their_own():
    """Of one seed: neither those of the other, nor those that the process may have been made of."""
    world = environment(random_process(), None, 5, 10)
    streams = [world.rng, *(np.random.default_rng(s) for s in (5, [5, 2], [5, 3]))]
    assert len({s.random() for s in streams}) == 4


@pytest.mark.parametrize("discount, ends, S", [(0.9, False, 12), (0.9, True, 12), (1.0, True, 12), (0.9, False, 70)])
def test_the_order_of_prioritised_sweeping(monkeypatch, discount, ends, S):
    """The state that is furthest off first, and who can step into it by how much it may be off now; as many as there
    are states between two proofs."""
    P, R = random_process(S).dense()
    P[:, :, -1] += 0.3
    P /= P.sum(axis=2, keepdims=True)
    process = mdp.MDP.from_arrays(P, -np.abs(R), discount, terminals=[S - 1] if ends else ())
    order, backup_of = [], accelerated.state_backup
    monkeypatch.setattr(accelerated, "state_backup", lambda p, v, s: order.append(s) or backup_of(p, v, s))
    found = process.solve("prioritised_sweeping", tolerance=1e-6, progress=lambda k, bound: order.append(-1))
    rounds = [len(r.split()) for r in " ".join(map(str, order)).split("-1")]
    assert max(rounds) == S and len(rounds) - 1 == found.iterations
    P, R = process.dense()
    alive, largest = ~process.terminal, np.where(process.terminal[:, None], 0.0, P.max(axis=0))
    v, aim, wanted = np.zeros(S), 0.5 * 1e-6 * (0.1 if discount < 1 else 0.01), []
    full = lambda v: np.where(alive, (R + discount * (P @ v).T).max(axis=1), 0.0)
    waiting = {s: x for s, x in enumerate(np.abs(full(v) - v)) if x > 0}
    backed = [s for s in order if s >= 0]
    refilled = 0
    while len(wanted) < len(backed):
        if not waiting:
            aim, refilled = 0.1 * aim, refilled + 1
            waiting = {s: x for s, x in enumerate(np.abs(proven(process, v).values - v)) if x > 0}
        s = min(waiting, key=lambda s: (-waiting[s], s))
        del waiting[s]
        change, v[s] = abs(full(v)[s] - v[s]), full(v)[s]
        wanted.append(s)
        for p in np.flatnonzero(largest[:, s]):
            urgency = discount * largest[p, s] * change
            if urgency > max(aim, waiting.get(p, 0.0)):
                waiting[p] = urgency
    assert backed == wanted and (refilled > 0 or S == 12)


@pytest.mark.parametrize("aim", [1e-2, 1e-8])
@pytest.mark.parametrize("limit", [3, 9, 400])
def test_sweeps_settle(aim, limit):
    """Level by level, each with the values of those before it, until a sweep that is measured changes little."""
    process = random_process(S=12, A=1)
    P, R = process.dense()[0][0], process.dense()[1][:, 0]
    order = ordering.natural(process, 3)
    sweeper, found = sweeps.Sweeper(process, order), np.zeros(12)
    sweeper.settle(found, aim, limit)
    v, own = np.zeros(12), np.diag(P)
    for k in range(1, limit + 1):
        before = v.copy()
        for a, b in pairwise(order.cuts.tolist()):
            v[a:b] = (R[a:b] + 0.9 * (P[a:b] @ v - own[a:b] * v[a:b])) / (1 - 0.9 * own[a:b])
        if k % sweeps.MEASURE_EVERY == 0 and np.abs(v - before).max() <= aim:
            break
    assert k < 400
    np.testing.assert_allclose(found, v, rtol=1e-10, atol=1e-13)
    assert np.abs(v - np.linalg.solve(np.eye(12) - 0.9 * P, R)).max() < (9 * aim if k < limit else 10)


@pytest.mark.parametrize("rows, columns", [(1, 1), (2, 20), (20, 2), (2, 21), (21, 2), (1, 60)])
def test_numbers_in_cells_that_have_room_for_them(rows, columns):
    """Up to 20 rows and columns: a number in each cell that is no wall, the ends named, the axes counted."""
    walls = [(0, 1)] if columns > 2 else []
    grid = mdp.gridworld((rows, columns), terminals=[(rows - 1, columns - 1)], walls=walls, discount=0.9)
    solution, room = grid.solve(), max(rows, columns) <= 20
    for made, texts in (
        (mdp.plot_solution(solution), rows * columns - len(walls) + 1),
        (mdp.plot_sensitivity(grid, solution.values), rows * columns - len(walls)),
    ):
        axes = made.axes[0]
        assert len(axes.texts) == (texts if room else 0)
        assert (len(axes.get_xticks()), len(axes.get_yticks())) == ((columns, rows) if room else (0, 0))
        assert axes.get_xlim() == (-0.5, columns - 0.5) and axes.get_ylim() == (rows - 0.5, -0.5)


@pytest.mark.parametrize(
    "colour, name",
    [
        ("red", "black"),
        ("darkred", "white"),
        ("lime", "black"),
        ("blue", "white"),
        ("white", "black"),
        ("black", "white"),
        ("cyan", "black"),
    ],
)
def test_ink_is_read_on_its_colour(colour, name):
    from matplotlib.colors import to_rgba

    assert pictures.ink(to_rgba(colour)) == name


def test_the_states_that_matter_most_come_first():
    process = random_process(S=40)
    x = np.random.default_rng(4).normal(size=40)
    axes = mdp.plot_sensitivity(process, x).axes[0]
    want = sorted(x.tolist(), key=abs, reverse=True)[:30]
    assert [b.get_height() for b in axes.patches] == pytest.approx(want)


@pytest.mark.parametrize("kind", ["dense", "ragged", "missing"])
@pytest.mark.parametrize("state", [None, 0, 2, 4])
def test_the_graph_of_a_backup(kind, state):
    """It computes the backup: of all states, or of one, from the values of the states it reaches."""
    P, R = random_process(S=5, A=3).dense()
    if kind != "dense":
        P = np.where(P < 0.15, 0, P)
        P /= P.sum(axis=2, keepdims=True)
    if kind == "missing":
        R[0, 1] = R[2, :2] = -np.inf
    process, v = mdp.MDP.from_arrays(P, R, 0.9), np.random.default_rng(8).normal(size=5)
    want = np.max(R + 0.9 * (P @ v).T, axis=1)
    graph = graphs.backup_graph(process, state)
    if state is None:
        np.testing.assert_allclose(graphs.backup_function(process)(v), want, rtol=1e-12)
        own = graphs.backup_function(process, process.transitions.data, process.rewards, 0.9)
        np.testing.assert_allclose(own(v), want, rtol=1e-12)
        return
    there = np.isfinite(R[state])
    names = [f"v{n}" for n in np.flatnonzero((P[there, state] > 0).any(axis=0))]
    assert [n.name for n in graph.inputs] == names
    assert graph(*[v[int(n[1:])] for n in names]) == pytest.approx(want[state], rel=1e-12)
    for outside in (-1, 5):
        with pytest.raises(ValueError, match=f"state {outside} is terminal or not among 5 states"):
            graphs.backup_graph(process, outside)


def test_a_derivative_along_several_changes_is_the_sum_of_theirs():
    process = random_process(S=5, A=2, discount=0.8)
    found, rng, h = mdp.sensitivity(process.solve(tolerance=1e-12)), np.random.default_rng(6), 1e-6
    rewards, moves = rng.normal(size=(5, 2)), rng.normal(size=process.transitions.shape)
    moves -= moves.mean(axis=1, keepdims=True)
    parts = [found.along(rewards), found.along(probabilities=moves), found.along(discount=0.3)]
    assert found.along(rewards, moves, 0.3) == pytest.approx(sum(parts), rel=1e-12)
    P, R = process.dense()
    step = moves.reshape(5, 2, 5).transpose(1, 0, 2)
    J = lambda h: found.weights @ mdp.optimal_values(P + h * step, R + h * rewards, 0.8 + h * 0.3)
    assert (J(h) - J(-h)) / (2 * h) == pytest.approx(sum(parts), rel=1e-6)


@pytest.mark.parametrize("shape", [(), (3, 3), (2, 3, 2), (0, 3, 3), (2, 0, 0), (1, 2, 3, 3)], ids=str)
@pytest.mark.parametrize("function", [mdp.optimal_values, mdp.soft_values, mdp.soft_policy], ids=lambda f: f.__name__)
def test_probabilities_of_another_shape_are_refused_by_name(function, shape):
    rest = (0.5, 1.0) if function is mdp.soft_values else (0.5,)
    with pytest.raises(ShapeError, match=rf"^{function.__name__}: P has shape .*; it must be \(A, S, S\)"):
        function(np.zeros(shape), np.zeros((3, 2)), *rest)
