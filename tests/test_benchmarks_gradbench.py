"""GradBench's family: every problem against what is known of it at tiny sizes, and everyone against each other."""

from __future__ import annotations

import json
from functools import partial

import numpy as np
import pytest

from benchmarks import history
from benchmarks.gradbench import (
    FILES,
    __main__ as command,
    hand,
    minors,
    mixture,
    nested,
    ode,
    table,
    vectors,
    workloads,
)
from benchmarks.gradbench.family import gradient
from benchmarks.gradbench.libraries import BACKENDS, Difflab
from benchmarks.workload import Result, Workload, measure

LIB = Difflab()
RNG = np.random.default_rng(3)
QUICK = {w.name: w for w in workloads(quick=True)}


def slopes(f, x, step=1e-6):
    """The derivatives of f by central differences."""
    found = np.empty((*np.shape(f(x)), *x.shape))
    for k in np.ndindex(x.shape):
        d = np.zeros(x.shape)
        d[k] = step
        found[(..., *k)] = (np.asarray(f(x + d)) - np.asarray(f(x - d))) / (2 * step)
    return found


def test_log_sum_exp_and_its_gradient():
    x = RNG.normal(size=9) + 700.0
    y, g = gradient(vectors.logsumexp)(LIB, x)
    np.testing.assert_allclose(y, np.logaddexp.reduce(x))
    np.testing.assert_allclose(g, np.exp(x - y))


@pytest.mark.parametrize("f, order", [(vectors.unrolled, 1), (vectors.scanned, -1)])
def test_least_squares_are_numpys(f, order):
    t, x = np.linspace(-1, 1, 30), RNG.normal(size=5)
    powers = np.vander(t, 5, increasing=True)[:, ::order]
    y, g = gradient(f)(LIB, x, t, np.sign(t))
    apart = powers @ x - np.sign(t)
    np.testing.assert_allclose(y, 0.5 * apart @ apart)
    np.testing.assert_allclose(g, powers.T @ apart)


def test_a_newton_step_of_k_means_leads_to_the_means():
    points = RNG.normal(size=(40, 2))
    centroids = points[:3] + 0.01
    nearest = np.argmin(((points[:, None] - centroids) ** 2).sum(2), 1)
    means = np.array([points[nearest == k].mean(0) for k in range(3)])
    np.testing.assert_allclose(centroids - vectors.direction(LIB, centroids, points), means)


def test_the_mixture_is_that_of_its_densities():
    (alphas, means, factors, x), d = mixture.gmm.data(6, 2, 3), 2
    want = 0.0
    for point in x:
        terms = []
        for a, mean, packed in zip(alphas, means, factors):
            q = np.array([[np.exp(packed[0]), 0.0], [packed[2], np.exp(packed[1])]])
            apart = q @ (point - mean)
            terms.append(a + packed[:d].sum() - 0.5 * apart @ apart)
        want -= np.logaddexp.reduce(terms) - np.logaddexp.reduce(alphas)
    prior = 0.5 * (np.sum(np.exp(2 * factors[:, :d])) + np.sum(factors[:, d:] ** 2))
    np.testing.assert_allclose(mixture.loss(d)(LIB, alphas, means, factors, x), want + prior)


def test_runge_kutta_is_exact_for_polynomials_of_its_order():
    x = np.array([1.5, -0.5, 2.0, 0.7])  # y_3 = x_0 x_1 x_2 x_3 t^4 / 24
    y, g = gradient(ode.solution(3))(LIB, x)
    np.testing.assert_allclose(y, np.prod(x) * ode.END**4 / 24)
    np.testing.assert_allclose(g, y / x)


@pytest.mark.parametrize("n", [1, 2, 4, 5])
def test_determinants_are_lapacks(n):
    a = RNG.normal(size=(n, n))
    for f in (minors.recursive, minors.by_permutations(n)):
        y, g = gradient(f)(LIB, a)
        np.testing.assert_allclose(y, np.linalg.det(a))
        np.testing.assert_allclose(g, np.linalg.det(a) * np.linalg.inv(a).T)


@pytest.mark.parametrize("complicated", [False, True])
def test_the_hand_at_rest_and_its_jacobian(complicated):
    of, args = hand.hand(8, 4, complicated)
    still = np.zeros(26)
    still[:3], still[3:6] = [0.0, 0.0, 1e-9], [1.0, 2.0, 3.0]
    np.testing.assert_allclose(hand.skinned(LIB, of, still), of.vertices[:3] + still[3:6, None], atol=1e-7)
    f = partial(hand.errors(of), LIB)
    found = hand.jacobian(of, args)(LIB, *args)
    theta = np.moveaxis(slopes(lambda t: f(t, *args[1:]), args[0]), -1, 0)
    np.testing.assert_allclose(found[:26], theta, atol=1e-6)
    for k in range(2 * complicated):  # each point's own coordinate
        own = np.eye(2)[:, [k]]
        want = slopes(lambda t, own=own: f(args[0], args[1] + t * own), np.zeros(1))[..., 0]
        np.testing.assert_allclose(found[26 + k], want, atol=1e-6)


def test_every_angle_of_the_hand_turns_something():
    assert sorted(hand.angle_places()[hand.angle_places() < 26]) == list(range(6, 26))
    assert len(hand.PARENTS) == hand.BONES and all(p < k for k, p in enumerate(hand.PARENTS))


def test_the_particle_lands_at_the_origin_and_the_saddle_is_found():
    to = nested.Accuracy(1e-3, 1e-3, 0.2)
    w = nested.particle("fr", to)(LIB, np.zeros(1))
    assert nested.landing(LIB, to, nested.reverse(LIB), w) < 1e-4
    assert nested.landing(LIB, to, nested.forward(LIB), np.zeros(1)) > 1e-2
    assert np.max(np.abs(nested.saddle("rf", to)(LIB, np.ones(2)))) < 1e-2


@pytest.mark.parametrize("name", list(QUICK))
def test_backends_and_peers_agree(name):
    work = QUICK[name]
    peers = {n: make for n, make in work.peers.items() if n != "torch.compile"}  # which takes minutes to compile
    result = measure(Workload(name, work.difflab, peers, work.rtol, rounds=1, seconds=0.0, longest=0.0))
    assert not result.wrong
    missing = {n: why for n, why in result.skipped.items() if "No module" not in why and "not installed" not in why}
    assert not missing


def test_who_disagrees_is_named_and_not_timed():
    work = Workload("one", lambda: lambda: 1.0, {"two": lambda: lambda: 2.0, "same": lambda: lambda: 1.0})
    result = measure(Workload("one", work.difflab, work.peers, rounds=1, seconds=0.0))
    assert set(result.wrong) == {"two"} and set(result.seconds) == {"difflab", "same"}


def made(name, **seconds):
    times = {k.replace("_", " "): v for k, v in seconds.items()}
    return Result(name, times, {k: v / times["difflab"] for k, v in times.items()}, {}, ["floor"])


def test_the_table_tells_how_far_ahead():
    slow = made("a", difflab=4e-3, difflab_auto=2e-3, JAX=1e-3, torch=9e-3, floor=1e-6)
    fast = made("b", difflab=1e-3, difflab_auto=1e-3, JAX=3e-3)
    text = table.table([slow, fast])
    assert [x.strip() for x in text.splitlines()[2].split("|")[1:-1]] == [
        *("a", "4 ms", "-", "-", "2 ms", "JAX 1 ms", "0.50", "0.50")
    ]
    assert text.endswith("auto: of 2 workloads 1 within 10% of the fastest peer or ahead, 1 ahead by 1.2 x")
    assert set(BACKENDS) >= set(slow.seconds) - {"JAX", "torch", "floor"}


def test_the_command_runs_what_is_asked_for_and_keeps_one_line(tmp_path, monkeypatch, capsys):
    path = tmp_path / "history.jsonl"
    monkeypatch.setattr(history, "add", partial(history.add, path=path, of="aaaa"))
    words = [
        "vectors",
        "--only",
        "Horner",
        "--rounds",
        "1",
        "--seconds",
        "0.001",
        "--without",
        "torch.compile",
        "torch",
    ]
    monkeypatch.setattr(vectors, "workloads", lambda quick: vectors.of_least_squares(True))
    assert command.main(words) == 0
    (line,) = [json.loads(x) for x in path.read_text().splitlines()]
    assert len(line["workloads"]) == 4 and "fastest peer" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        command.main(["vector"])
    assert "vectors" in FILES and "there are vectors" in capsys.readouterr().err
