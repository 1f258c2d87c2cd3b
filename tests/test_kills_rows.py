"""Which nodes a program cuts into blocks of rows: those whose rows need the same rows of their operands, no others."""

from __future__ import annotations

import numpy as np
import pytest

import difflab as dl
from difflab.compile.plan.regions import Least, cut, flat_space, reaches, row_space, total_of
from difflab.graph.traced import call_row
from difflab.primitives import NUMPY, TABLE

ROWS = 6
X, XY, XYZ = (ROWS,), (ROWS, 4), (ROWS, 4, 3)

BY_ROWS = [  # a function whose last node is the one in question, and the shapes of its arguments
    (lambda x: x[:], X),
    (lambda x: x[:, None], X),
    (lambda x: x[:, 1:], XY),
    (lambda x: x[:, 2], XY),
    (lambda x: x[:, None], XY),
    (lambda x: x[..., 1:3], XY),
    (lambda x: x[:, ::-1, 1], XYZ),
    (lambda x: x[..., None, :], XYZ),
    (lambda x: np.sum(x, axis=1), XY),
    (lambda x: np.sum(x, axis=(1, 2)), XYZ),
    (lambda x: np.mean(x, axis=2), XYZ),
    (lambda x: np.max(x, axis=1), XYZ),
    (lambda x: np.min(x, axis=(1, 2)), XYZ),
    (lambda x: np.cumsum(x, axis=1), XY),
    (lambda x: np.flip(x, axis=1), XY),
    (lambda x, y: np.concatenate([x, y], axis=1), XY, (ROWS, 3)),
    (lambda x, y: np.stack([x, y], axis=1), XY, XY),
    (lambda x: np.reshape(x, (ROWS, 12)), XYZ),
    (lambda x: np.reshape(x, (ROWS, 1, 4)), XY),
    (lambda x: np.broadcast_to(x, (ROWS, 5)), (ROWS, 1)),
    (lambda x: np.transpose(x, (0, 2, 1)), XYZ),
    (lambda x, y: x * y, XY, XY),
    (lambda x, y: x * y, XY, (4,)),
    (lambda x, y: x * y, XY, (1, 4)),
    (lambda x, y: x * y, (ROWS,), (ROWS, ROWS)),
    (lambda x, y: x @ y, XY, (4, 3)),
    (lambda x, y: x @ y, XYZ, (3, 2)),
    (lambda x, y: x @ y, XYZ, (ROWS, 3, 2)),
    (lambda x, y: x @ y, (ROWS, 2, 4, 3), (ROWS, 2, 3, 5)),
    (lambda x, y: np.einsum("bij,bj->bi", x, y), XYZ, (ROWS, 3)),
]
NOT_BY_ROWS = [
    (lambda x: x[::-1], X),
    (lambda x: x[1:], XY),
    (lambda x: x[None], (1, 4)),
    (lambda x: x[None, :, 0], (1, 4)),
    (lambda x: x[0], (ROWS, ROWS)),
    (lambda x: x[np.array([1, 0, 2, 3, 5, 4])], XY),
    (lambda x: x[..., 0, :], (ROWS, ROWS)),
    (lambda x: np.sum(x, axis=0), (ROWS, ROWS)),
    (lambda x: np.sum(x, axis=(0, 1)), (ROWS, 2, ROWS)),
    (lambda x: np.max(x, axis=0), (ROWS, ROWS)),
    (lambda x: np.cumsum(x, axis=0), XY),
    (lambda x: np.flip(x, axis=0), XY),
    (lambda x: np.flip(x), XY),
    (lambda x, y: np.concatenate([x, y], axis=0), XY, (2, 4)),
    (lambda x, y: np.stack([x, y], axis=0), (2, 4), (2, 4)),
    (lambda x: np.reshape(x, (4, ROWS)), XY),
    (lambda x: np.broadcast_to(x, (ROWS, ROWS)), (ROWS,)),
    (lambda x: np.broadcast_to(x, (5, 4)), (1, 4)),
    (lambda x: np.transpose(x), (ROWS, ROWS)),
    (lambda x: np.transpose(x, (1, 0, 2)), (ROWS, ROWS, 2)),
    (lambda x, y: x @ y, (ROWS,), (ROWS, ROWS)),
    (lambda x, y: x @ y, (2, 4, 3), (2, 2, 3, 5)),
    (lambda x, y: x @ y, (2, 2, 4, 3), (2, 3, 5)),
    (lambda x, y: x @ y, (1, 4, 3), (ROWS, 3, 5)),
    (lambda x, y: np.einsum("ij,jk->ik", x, y), (ROWS, ROWS), (ROWS, ROWS)),
    (lambda x, y: np.einsum("bi,bj->ij", x, y), (ROWS, ROWS), (ROWS, ROWS)),
]


def last(f, *shapes):
    xs = [np.random.default_rng(k).normal(size=s) for k, s in enumerate(shapes)]
    graph = dl.trace(f, *xs)
    env = graph.evaluate(xs)
    return graph.outputs[0], env


def rows_alone(node, env, rows):
    """The node of these rows of what is cut."""
    given = [env[x][rows] if cut(node, k, node.shape[0]) else env[x] for k, x in enumerate(node.operands)]
    params = dict(node.params)
    if "shape" in params:
        params["shape"] = (len(given[0]), *params["shape"][1:])
    return NUMPY.of(node.primitive)(*given, **params)


@pytest.mark.parametrize("case", BY_ROWS)
def test_nodes_that_work_by_rows(case):
    node, env = last(*case)
    assert row_space(node) == node.shape[0]
    for rows in (slice(0, 2), slice(2, None)):
        np.testing.assert_allclose(rows_alone(node, env, rows), env[node][rows], rtol=1e-14)


@pytest.mark.parametrize("case", NOT_BY_ROWS)
def test_nodes_that_do_not(case):
    assert row_space(last(*case)[0]) is None


@pytest.mark.parametrize("shape", [(1,), (2,), (1, 1), (1, 3), (4, 1)])
def test_shapes_of_any_size_can_be_cut(shape):
    """One row is enough where no least number is asked for, and so is one element; least numbers are enough."""
    node, total = last(lambda x: np.tanh(x), shape)[0], last(lambda x: np.sum(x), shape)[0]
    count = int(np.prod(shape))
    assert (flat_space(node), row_space(node), total_of(total)) == (shape, shape[0], shape[0])
    for more in (0, 1):
        least = Least(shape[0] + more, count + more)
        found = flat_space(node, least), row_space(node, least), total_of(total, least)
        assert found == ((None,) * 3 if more else (shape, shape[0], shape[0]))


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0)], ids=str)
def test_nothing_is_not_cut(shape):
    node, total = last(lambda x: np.tanh(x), shape)[0], last(lambda x: np.sum(x), shape)[0]
    assert flat_space(node) is None
    assert row_space(node) == total_of(total) == (shape[0] or None)


class Waiting:
    def __init__(self):
        self.after = []


@pytest.mark.parametrize("seed", range(20))
def test_a_region_waits_for_those_before_it(seed):
    """Directly or through others, and for no other region."""
    rng = np.random.default_rng(seed)
    regions = [Waiting() for _ in range(7)]
    waits = np.tril(rng.random((7, 7)) < 0.25, -1)
    for k, region in enumerate(regions):
        region.after += [regions[j] for j in np.flatnonzero(waits[k])]
    closed = np.linalg.matrix_power(np.eye(7, dtype=int) + waits, 7) > 0
    for k in range(7):
        assert [reaches(regions[k], r) for r in regions] == [bool(closed[k, j]) and j != k for j in range(7)]


SUMS = [
    ((6, 4), (6, 1), 6),
    ((6, 6), (1, 6), None),
    ((1, 6), (1, 1), 1),
    ((6, 1, 6), (1, 1, 6), None),
    ((2, 6), (6,), None),
]


@pytest.mark.parametrize("shape, to, rows", SUMS, ids=str)
def test_sums_to_a_shape_work_by_rows_where_the_rows_stay(shape, to, rows):
    node = last(lambda x: call_row(TABLE["sum_to"], x, shape=to), shape)[0]
    assert row_space(node) == rows
