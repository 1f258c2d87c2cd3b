"""The parts of the solvers by themselves, against dense algebra, loops and finite differences written here."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
from scipy import sparse

import difflab as dl
from difflab import mdp
from difflab.errors import InputError
from difflab.hooks import FILLERS, Hook
from difflab.mdp import backup, files, linear, process as process_file, report, sweeps
from difflab.mdp.implicit import PolicySystem, shared
from difflab.mdp.learning import schedules
from difflab.mdp.sensitivity import sensitivity
from difflab.mdp.ties import tie_width


def test_importing_the_room_fills_every_hook_of_a_process():
    hooks = {name: hook for name, hook in vars(process_file).items() if isinstance(hook, Hook)}
    fillers = {name: hook.filler.__module__ if hook.filler else FILLERS[hook.name] for name, hook in hooks.items()}
    homes = {name: file.rpartition(".")[0] for name, file in fillers.items()}  # those named there wait for a call
    assert hooks and homes == dict.fromkeys(hooks, "difflab.mdp")


def process_of(S=5, A=3, discount=0.8, seed=0, missing=False, tied=False):
    """Random probabilities and rewards; with `missing` some actions do not exist, with `tied` two are as good."""
    rng = np.random.default_rng(seed)
    P, R = rng.dirichlet(np.ones(S), size=(A, S)), rng.normal(size=(S, A))
    if tied:
        P[1, 2:], R[2:, 1] = P[0, 2:], R[2:, 0]
        R[2:, 2:] = -9.0
    if missing:
        R[0, -1] = R[1, 0] = -np.inf
    return mdp.MDP.from_arrays(P, R, discount)


def corridor(n, discount=0.9, slip=0.1):
    """States in a row that lead to an end, and fall back a step with a small probability."""
    P = np.zeros((1, n, n))
    for s in range(n - 1):
        P[0, s, s + 1], P[0, s, max(s - 1, 0)] = 1 - slip, slip
    P[0, n - 1, n - 1] = 1.0
    return mdp.MDP.from_arrays(P, np.arange(1.0, n + 1)[:, None] * (np.arange(n) < n - 1)[:, None], discount)


def policy_matrix(process, weights, rows=None):
    """P_pi, state by state."""
    P = np.zeros((process.n_states, process.n_states))
    rows = process.transitions.toarray() if rows is None else rows
    for pair, (s, w) in enumerate(zip(process.states, weights)):
        P[s] += w * rows[pair]
    return P


@pytest.mark.parametrize("kind", ["plain", "missing", "tied"])
def test_a_policy_system_is_its_linear_system(kind):
    process = process_of(missing=kind == "missing", tied=kind == "tied")
    weights = shared(process, process.solve(tolerance=1e-12).values)
    if kind == "tied":
        assert sorted(set(weights)) == [0.0, 0.5, 1.0]
    system = PolicySystem(process, weights)
    data, b = process.transitions.data, np.random.default_rng(1).normal(size=5)
    moved = np.concatenate([np.roll(row, 1) for row in np.split(data, process.transitions.indptr[1:-1])])
    for g, entries in ((process.discount, data), (0.6, data), (process.discount, moved)):  # as it is, or other numbers
        table = sparse.csr_array((entries, process.transitions.indices, process.transitions.indptr))
        matrix = np.eye(5) - g * policy_matrix(process, weights, table.toarray())
        np.testing.assert_allclose(system.solve(entries, g, b), np.linalg.solve(matrix, b), rtol=1e-9)
        np.testing.assert_allclose(system.solve_transposed(entries, g, b), np.linalg.solve(matrix.T, b), rtol=1e-9)
    np.testing.assert_allclose(system.forward(data, b), policy_matrix(process, weights) @ b, rtol=1e-12)
    np.testing.assert_allclose(system.backward(data, b), policy_matrix(process, weights).T @ b, rtol=1e-12)


@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("transposed", [False, True])
def test_a_policy_system_has_every_derivative(missing, transposed):
    """By the probabilities, the discount and the right-hand side, first and second; against the dense solution's."""
    process = process_of(S=3, A=3, seed=4, missing=missing)
    weights = np.random.default_rng(3).uniform(size=process.n_pairs)
    weights /= np.bincount(process.states, weights)[process.states]
    system, table = PolicySystem(process, weights), process.transitions
    solve = system.solve_transposed if transposed else system.solve
    rows = np.repeat(np.arange(table.shape[0]), np.diff(table.indptr))
    spread = np.zeros((9, table.nnz))
    spread[process.states[rows] * 3 + table.indices, np.arange(table.nnz)] = weights[rows]

    def dense(data, g, b):
        P = np.reshape(spread @ data, (3, 3))
        matrix = np.eye(3) - g * (P.T if transposed else P)
        return np.linalg.solve(matrix, b)

    at, c = (table.data, 0.7, np.array([1.0, -2.0, 0.5])), np.array([0.3, 1.0, -0.7])
    first = lambda f: lambda data, g, b: np.sum(c * np.sin(f(data, g, b)))
    for ours, want in zip(*(dl.grad(first(f), (0, 1, 2))(*at) for f in (solve, dense))):
        np.testing.assert_allclose(ours, want, rtol=1e-8, atol=1e-10)
    moves = (np.cos(table.data), 0.3, c)
    for ours, want in zip(*(dl.jvp(f, at, moves) for f in (solve, dense))):
        np.testing.assert_allclose(ours, want, rtol=1e-8, atol=1e-10)

    def second(f):
        slopes = lambda data, g, b: dl.grad(first(f), (0, 1, 2))(data, g, b)
        return dl.grad(lambda *x: sum(np.sum(np.cos(s)) for s in slopes(*x)), (0, 1, 2))(*at)

    for ours, want in zip(second(solve), second(dense)):
        np.testing.assert_allclose(ours, want, rtol=1e-7, atol=1e-9)


CHAINS = {
    "mixing": lambda: process_of(40, 1, 0.95),
    "corridor": lambda: corridor(60),
    "undiscounted": lambda: corridor(60, 1.0),
}


@pytest.mark.parametrize("transpose", [False, True])
@pytest.mark.parametrize("kind", CHAINS)
@pytest.mark.parametrize("way", ["dense", "direct", "iterate"])
def test_linear_systems(monkeypatch, kind, transpose, way):
    """Every way of large processes, on a small one; within the tolerance that is asked for."""
    chain, b = CHAINS[kind](), np.random.default_rng(2).normal(size=40 if kind == "mixing" else 60)
    b = np.where(chain.terminal, 0.0, b)
    matrix = np.eye(len(b)) - chain.discount * np.where(chain.terminal[:, None], 0, chain.transitions.toarray())
    want = np.linalg.solve(matrix.T if transpose else matrix, b)
    asked = []
    spsolve, solve = linear.sparse_linalg.spsolve, np.linalg.solve
    monkeypatch.setattr(linear.sparse_linalg, "spsolve", lambda *x: asked.append("direct") or spsolve(*x))
    monkeypatch.setattr(np.linalg, "solve", lambda *x: asked.append("dense") or solve(*x))
    monkeypatch.setattr(linear, "DENSE", 1000 if way == "dense" else 0)
    monkeypatch.setattr(linear, "DIRECT", 1000 if way == "direct" else 0)
    found = linear.resolvent(chain, b, 1e-6, None, transpose)
    assert asked == ([] if way == "iterate" else [way])
    alive = ~chain.terminal
    np.testing.assert_allclose(found[alive], want[alive], atol=2e-6 if way == "iterate" else 1e-9)
    again = linear.iterate(chain, b, 1e-6, found.copy(), transpose)  # from the solution there is nothing to do
    np.testing.assert_allclose(again[alive], found[alive], atol=1e-6 if way == "iterate" else 1e-9)


@pytest.mark.parametrize("attempt", [0, 1])
def test_krylov_methods_end_at_the_residual_asked_for(attempt, monkeypatch):
    chain = process_of(40, 1, 0.95)
    names = ["bicgstab", "gmres"]
    monkeypatch.setattr(linear.sparse_linalg, names[1 - attempt], None)  # the other one is not called
    A, b = np.eye(40) - 0.95 * chain.transitions.toarray(), np.random.default_rng(2).normal(size=40)
    x = linear.krylov(linear.system(chain, False), b, 1e-8, attempt)
    assert np.linalg.norm(A @ x - b) <= 1e-8 * np.linalg.norm(b)
    np.testing.assert_allclose(linear.system(chain, True).toarray(), A.T, rtol=1e-14)


def test_a_series_of_powers_is_cut_at_the_residual_asked_for():
    chain, b = process_of(30, 1, 0.9), np.random.default_rng(5).normal(size=30)
    P = sparse.csr_array(chain.transitions)
    whole = np.linalg.solve(np.eye(30) - 0.9 * P.toarray(), b)
    for aim in (1e-2, 1e-6, 1e-10):
        x = linear.geometric(P, 0.9, b, aim)
        assert np.abs(b - x + 0.9 * (P @ x)).max() <= aim + 1e-14
        np.testing.assert_allclose(x, whole, atol=10 * aim)
    partial = sum(np.linalg.matrix_power(0.9 * P.toarray(), k) @ b for k in range(3))
    np.testing.assert_allclose(linear.geometric(P, 0.9, b, 0.0, limit=3), partial, rtol=1e-12)


@pytest.mark.parametrize("actions", [1, 2, 3, 16, 17, 20])
def test_the_best_of_each_row(actions):
    """Of few columns, of many, and of pairs that some states lack; the first of those that are equal."""
    q = np.random.default_rng(actions).integers(-3, 3, (50, actions)).astype(float)
    np.testing.assert_array_equal(backup.columns_max(q), q.max(axis=1))
    np.testing.assert_array_equal(backup.columns_max(q, np.empty(50)), q.max(axis=1))
    np.testing.assert_array_equal(backup.columns_argmax(q), q.argmax(axis=1))
    counts = np.random.default_rng(1).integers(1, 4, 50)
    starts = np.concatenate([[0], np.cumsum(counts)])
    x = np.random.default_rng(2).integers(-2, 2, starts[-1]).astype(float)
    rows = [x[a:b] for a, b in pairwise(starts)]
    top = np.array([r.max() for r in rows])
    np.testing.assert_array_equal(backup.best(x, starts, 3), top)
    np.testing.assert_array_equal(sweeps.first_best(x, top, starts), [r.argmax() for r in rows])


def test_the_choice_of_a_process_is_the_first_of_the_best():
    for missing in (False, True):
        process = process_of(6, 3, missing=missing, seed=7)
        q = np.random.default_rng(1).integers(0, 2, process.n_pairs).astype(float)
        pairs, actions = backup.greedy_pairs(process, q), backup.greedy_actions(process, q)
        for s in range(6):
            own = np.flatnonzero(process.states == s)
            assert pairs[s] == own[q[own].argmax()]
            assert actions[s] == process.actions[pairs[s]]


def test_sensitivity_along_changes():
    """dJ along a change is what solving again says."""
    process, h = process_of(seed=3), 1e-6
    s = sensitivity(process.solve(tolerance=1e-13))
    P, R = process.dense()
    rng = np.random.default_rng(0)
    by = rng.normal(size=P.shape)
    by -= by.mean(axis=-1, keepdims=True)
    J = lambda P, R, g: float(np.mean(mdp.MDP.from_arrays(P, R, g).solve(tolerance=1e-13).values))
    slope = lambda f: (f(h) - f(-h)) / (2 * h)
    change = rng.normal(size=R.shape)
    assert s.value == pytest.approx(J(P, R, 0.8), rel=1e-10)
    assert s.along(rewards=change) == pytest.approx(slope(lambda t: J(P, R + t * change, 0.8)), rel=1e-6)
    assert s.along(discount=2.0) == pytest.approx(2 * slope(lambda t: J(P, R, 0.8 + t)), rel=1e-6)
    rows = np.moveaxis(by, 0, 1).reshape(15, 5)
    want = slope(lambda t: J(P + t * 0.01 * by, R, 0.8)) * 100
    assert s.along(probabilities=rows) == pytest.approx(want, rel=1e-5)
    assert s.along(probabilities=rows.ravel()) == pytest.approx(want, rel=1e-5)
    assert s.along(probabilities=sparse.csr_array(rows)) == pytest.approx(want, rel=1e-5)
    assert s.along(change, rows, 2.0) == pytest.approx(
        s.along(change) + s.along(probabilities=rows) + s.along(discount=2.0), rel=1e-12
    )
    feasible = s.feasible.toarray()
    np.testing.assert_allclose(feasible.sum(axis=1), 0, atol=1e-12)
    np.testing.assert_allclose(feasible, s.probabilities.toarray() - s.probabilities.toarray().mean(axis=1)[:, None])
    with pytest.raises(InputError, match="pair 1 sums to 5"):
        s.along(probabilities=np.eye(15)[1][:, None] * np.ones(5))


def test_schedules():
    """Their formulas, at and around the places where they turn."""
    linear_one = schedules.linear(2.0, 0.5, 6)
    np.testing.assert_allclose([linear_one(k) for k in (0, 2, 5, 6, 7)], [2.0, 1.5, 0.75, 0.5, 0.5])
    np.testing.assert_allclose([schedules.exponential(3.0, 1.0, 4)(k) for k in (0, 4, 8, 2)], [3, 2, 1.5, 1 + 2**0.5])
    np.testing.assert_allclose([schedules.harmonic(2.0, 0.5)(k) for k in (0, 3, 8)], [2, 1, 2 / 3])
    assert [schedules.harmonic()(k) for k in (0, 1, 3)] == [1.0, 0.5, 0.25]
    assert schedules.linear(1.0, 0.0, 1)(0) == 1.0
    for call in (lambda: schedules.linear(1.0, 0.0, 0), lambda: schedules.exponential(1.0, 0.0, 0.0)):
        with pytest.raises(InputError):
            call()


def test_the_form_of_a_file_is_told_by_its_beginning():
    text = {"discount": 0.5, "transitions": [[0, 0, 1, 1, 2]], "terminals": [1]}
    for raw in (json.dumps(text), "  \n" + json.dumps(text)):
        assert files.parse(raw.encode()).solve().values.tolist() == [2.0, 0.0]
    with pytest.raises(InputError, match="read as npz"):
        files.parse(b"PK\3\4")
    with pytest.raises(InputError, match="read as json"):
        files.parse(b"[1")
    with pytest.raises(InputError, match="read as txt"):
        files.parse(b"1 2 three")


@pytest.mark.parametrize("kind", ["grid", "random", "gain"])
def test_a_report_says_what_was_solved(tmp_path, kind):
    process = mdp.gridworld((3, 4), terminals=[(0, 3)], discount=0.9, slip=0.2) if kind == "grid" else process_of(4, 2)
    solution = process.solve("average_reward") if kind == "gain" else process.solve()
    paths = report.write_folder(solution, tmp_path / "out", "What <is> best")
    assert [p.name for p in paths] == list(report.NAMES)
    assert all(p.is_file() for p in paths)
    with np.load(tmp_path / "out" / "solution.npz") as saved:
        np.testing.assert_array_equal(saved["values"], solution.values)
        np.testing.assert_array_equal(saved["q"], solution.q)
    assert json.loads((tmp_path / "out" / "solution.json").read_text()) == json.loads(json.dumps(solution.summary()))
    page = (tmp_path / "out" / "report.html").read_text()
    assert "<h1>What &lt;is&gt; best</h1>" in page and repr(process).replace(">", "&gt;") in page
    titles = ["Values and policy", "Action values", "Convergence", "Which reward matters"]
    titles += ["A Bellman backup as a graph", "An episode under the policy"]
    shown = {"grid": titles, "random": titles[:1] + titles[2:5], "gain": titles[:1] + titles[2:3]}[kind]
    assert [t for t in titles if f"<h2>{t}</h2>" in page] == shown
    if kind == "gain":
        assert f"The best average reward of a step is {solution.gain:.8g}" in page
    else:
        assert f"No value is further from the optimal one than {solution.error_bound:.2g}" in page
    with pytest.raises(InputError, match="exists"):
        report.write_folder(solution, tmp_path / "out", "again")
    report.write_folder(solution, tmp_path / "out", "again", force=True)
    assert "<h1>again</h1>" in (tmp_path / "out" / "report.html").read_text()


def test_a_report_compares_methods_where_that_is_quick():
    small = process_of(4, 2).solve("value_iteration")
    assert set(report.beside(small)) == {"value_iteration", "gauss_seidel", "policy_iteration", "anderson"}
    assert all(m == s.method for m, s in report.beside(small).items())
    assert set(report.beside(process_of(4, 2).solve("average_reward"))) == {"average_reward"}


def test_ties_are_measured_in_the_largest_value():
    """Actions that do not exist (-inf) have no part in it."""
    assert tie_width(np.array([0.5, -0.25, -np.inf])) == 0.5e-9
    assert tie_width(np.array([-3e4, 2.0])) == pytest.approx(3e-5)
    assert tie_width(np.zeros(0)) == tie_width(np.array([-np.inf])) == 0.0
