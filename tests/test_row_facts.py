"""The words among a row's facts that programs rely on hold, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest
from array_cases import CASES
from test_primitives_arrays import inputs

from difflab.graph.trace import trace
from difflab.primitives import TABLE

SHAPED = {"sum": {"axis": (1,), "keepdims": False}, "sum_to": {"shape": (1, 7)}}
SPECIAL = [0.0, -0.0, 5e-324, 1e-310, 1e300, np.inf, np.nan, 1 / 3]


def having(word):
    found = [row for row in TABLE.values() if word in row.facts]
    assert found
    return pytest.mark.parametrize("row", found, ids=lambda row: row.name)


def operands(row, dtype):
    """Numbers of all sizes, and those at which functions are special, for each operand."""
    rng = np.random.default_rng(5)
    count = len(row.domain) if row.kind == "elementwise" else 1
    plain = [rng.normal(size=56) * 10.0 ** rng.integers(-30, 30, size=56) for _ in range(count)]
    return [np.concatenate([rng.permutation(SPECIAL), x]).reshape(-1, 8)[:, :7].astype(dtype) for x in plain]


def bits(x):
    """The bits, all NaNs as one."""
    return np.where(np.isnan(x), np.nan, x).view(f"i{x.dtype.itemsize}")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@having("odd")
def test_a_sign_of_an_operand_is_the_sign_of_the_result(row, dtype):
    signed(row, dtype, np.negative)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@having("even")
def test_a_sign_of_an_operand_vanishes(row, dtype):
    signed(row, dtype, np.positive)


@np.errstate(all="ignore")
def signed(row, dtype, turned):
    xs, params = operands(row, dtype), SHAPED.get(row.name, {})
    for k in range(len(xs)):
        minus = [-x if j == k else x for j, x in enumerate(xs)]
        np.testing.assert_array_equal(bits(row.evaluate(*minus, **params)), bits(turned(row.evaluate(*xs, **params))))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@having("rising")
def test_rising_rows_do_not_fall(row, dtype):
    rng = np.random.default_rng(6)
    for scale in (1e-8, 1.0, 30.0, 1000.0):
        x = np.sort((rng.normal(size=100_000) * scale).astype(dtype))
        with np.errstate(all="ignore"):
            y = row.evaluate(x)
            fallen = y[1:] < y[:-1] - 4 * np.spacing(np.abs(y[:-1]))
        assert y.dtype == dtype and not fallen.any()


def nodes(row):
    """The row's nodes in the cases, with plain operands."""
    found = []
    for f, *shapes in CASES[row.name]:
        for node in trace(f, *inputs(shapes)).operations:
            if node.primitive is row and node.value.__class__ is not tuple and len(node.operands) == 1:
                found.append(node)
    return found


@having("moves")
def test_moving_rows_take_elements_whatever_their_values(row):
    for node in nodes(row):
        shape = node.operands[0].shape
        places = np.asarray(row.evaluate(np.arange(np.prod(shape, dtype=int)).reshape(shape), **node.params))
        x = np.random.default_rng(7).normal(size=shape)
        np.testing.assert_array_equal(row.evaluate(x, **node.params), x.reshape(-1)[places])


@having("fresh")
def test_fresh_results_share_no_memory(row):
    for node in nodes(row):
        x = np.random.default_rng(8).normal(size=node.operands[0].shape)
        assert not np.shares_memory(row.evaluate(x, **node.params), x)
