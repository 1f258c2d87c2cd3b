"""The plan's formulas, against trees of arrays that are counted and a ring of devices that is played through."""

from __future__ import annotations

import doctest

import numpy as np
import optree
import pytest

from benchmarks.scale import plan
from benchmarks.scale.plan import Link, planning, tables, training
from difflab import mdp, nn
from difflab.compile.xla.mesh import largest_axis


def ring(count, elements, passes):
    """Bytes that each device of a ring sends: so many times round, a part of an array of floats at each step."""
    parts = np.array_split(np.zeros(elements, np.float32), count)
    sent = np.zeros(count)
    for _ in range(passes):
        for step in range(count - 1):
            for device in range(count):
                sent[device] += parts[(device - step) % count].nbytes
    return sent


@pytest.mark.parametrize("devices", [1, 2, 4, 8])
def test_traffic_is_that_of_a_ring(devices):
    elements = 8 * 1000
    np.testing.assert_allclose(training(elements, devices).sent, ring(devices, elements, 2))  # added up, handed round
    np.testing.assert_allclose(training(elements, devices, split=True).sent, ring(devices, elements, 3))
    np.testing.assert_allclose(planning(elements, 4, 3, devices).sent, 2 * ring(devices, elements, 1))  # doubles


@pytest.mark.parametrize("devices", [1, 2, 8])
def test_bytes_of_training_are_those_of_its_arrays(devices):
    params, _ = nn.models.mlp((1024, 1024, 1024, 1024)).init(0, dtype=np.float32)
    trees = (params, nn.optim.Adam(lr=1e-3).init(params), params)  # the gradient is as large as the parameters
    leaves = optree.tree_leaves(trees)
    count, rule = sum(p.size for p in optree.tree_leaves(params)), largest_axis(devices)
    assert training(count, devices).held == pytest.approx(sum(x.nbytes for x in leaves), rel=1e-5)
    parts = [x.nbytes / (1 if rule(x.shape) is None else devices) for x in leaves]
    assert training(count, devices, split=True).held == pytest.approx(sum(parts), rel=0.02)  # biases stay whole
    assert training(count, devices, True, 1e6).held - training(count, devices, True).held == pytest.approx(4e6)


def test_bytes_of_planning_are_those_of_its_arrays():
    process = mdp.gridworld((40, 40), slip=0.2, discount=0.9)
    S, A, L = process.n_states, process.n_actions, process.row_length or int(np.diff(process.transitions.indptr).max())
    rows = np.zeros((S, A, L)).nbytes + np.zeros((S, A, L), np.int32).nbytes + np.zeros((S, A)).nbytes
    own, copies = 2 * np.zeros(S).nbytes + np.zeros((S, A)).nbytes, 2 * np.zeros(S).nbytes
    assert (A, L) == (4, 3)
    assert planning(S, A, L, 1).held == rows + own + copies
    assert planning(S, A, L, 8).held == (rows + own) / 8 + copies


def test_the_plan_takes_the_bandwidth_that_was_measured():
    slow, fast = (tables(Link(0.0, bandwidth), 1e12).splitlines() for bandwidth in (1e9, 1e10))
    assert slow[0].startswith("1 GB/s") and fast[0].startswith("10 GB/s")
    seconds = lambda lines: float(next(x for x in lines if x.startswith("| 1,000,000,000 |")).split("|")[-2].split()[0])
    assert seconds(slow) == pytest.approx(7.875 + 19.5e9 / 1e12, rel=1e-2)
    assert Link(0.5, 1e9).seconds(1e9) == 1.5


def test_examples():
    assert doctest.testmod(plan).failed == 0
