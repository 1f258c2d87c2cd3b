"""Convolution in machine code: the definition's numbers, whatever the shapes and threads, and NumPy's where not."""

from __future__ import annotations

import numpy as np
import pytest

import difflab as dl
import difflab.numpy as dnp
from difflab.compile.native import convolution as native_convolution
from difflab.primitives.kernels import parallel

numba = pytest.importorskip("numba")

RNG = np.random.default_rng(11)
# Shape of x, shape of the filters, padding, pooling (0 for none).
CASES = [
    ((64, 1, 9, 11), (6, 1, 5, 5), 2, 2),
    ((16, 3, 8, 8), (16, 3, 3, 3), 1, 2),
    ((7, 2, 13, 12), (5, 2, 3, 2), 0, (2, 3)),
    ((33, 2, 7, 9), (13, 2, 1, 1), 0, 0),
    ((20, 4, 6, 10), (1, 4, 2, 7), ((1, 0), (6, 3)), 0),
    ((20, 3, 10, 11), (7, 3, 4, 8), (3, 0), 3),
    ((128, 2, 5, 5), (25, 2, 5, 1), ((2, 2), (0, 0)), 2),
]


def definition(x, w, frame):
    """The windows, laid out, times the filters."""
    x = np.pad(x, ((0, 0), (0, 0), *frame))
    seen = np.lib.stride_tricks.sliding_window_view(x, w.shape[2:], (2, 3))
    return np.einsum("nchwij,ocij->nohw", seen, w)


def pairs(padding):
    padding = (padding, padding) if isinstance(padding, int) else padding
    return tuple((p, p) if isinstance(p, int) else p for p in padding)


def largest(y, pool):
    tall, wide = (pool, pool) if isinstance(pool, int) else pool
    rows, columns = y.shape[2] // tall, y.shape[3] // wide
    return y[:, :, : rows * tall, : columns * wide].reshape(*y.shape[:2], rows, tall, columns, wide).max((3, 5))


@pytest.mark.parametrize(
    "case, dtype", [*((c, np.float32) for c in CASES), *((CASES[k], np.float64) for k in (1, 4))], ids=str
)
def test_values_and_gradients_are_the_definitions(case, dtype):
    shape, filters, padding, pool = case
    x, w = RNG.normal(size=shape), RNG.normal(size=filters)
    layer = lambda x, w: dnp.conv(x, w, padding=padding)
    f = (lambda x, w: dnp.max_pool(layer(x, w), pool)) if pool else layer
    program = dl.compile(dl.value_and_grad(lambda x, w: np.sum(f(np.sin(x), w) ** 2), (0, 1)), backend="native")
    given = x.astype(dtype), w.astype(dtype)
    program.prepare(*given)
    assert "loops of their own: " in program.explain()
    assert not any("conv" in line for line in program.explain().splitlines() if line.startswith("NumPy computes"))
    value, found = program(*given)
    y = definition(np.sin(x), w, pairs(padding))
    loose = 1e-4 if dtype == np.float32 else 1e-11
    wanted = largest(y, pool) if pool else y
    np.testing.assert_allclose(value, np.sum(wanted**2), rtol=loose)
    # The sum of squares has degree two in w: half of w times its gradient is its value.
    np.testing.assert_allclose(np.vdot(found[1], given[1]) / 2, value, rtol=loose)
    expected = dl.grad(lambda x, w: np.sum(f(np.sin(x), w) ** 2), (0, 1))(x, w)
    for ours, theirs in zip(found, expected):
        assert ours.dtype == dtype and ours.shape == theirs.shape
        np.testing.assert_allclose(ours, theirs, rtol=loose, atol=loose * np.abs(theirs).max())


@pytest.mark.parametrize(
    "f",
    [
        lambda x, w: dnp.conv(x, w, stride=2),
        lambda x, w: dnp.conv(x, w, dilation=2),
        lambda x, w: dnp.conv(x[:, :2], w[:, :1], groups=2),
        lambda x, w: dnp.conv(x[:2, :, :3], w),  # fewer places in a row than the registers take
        lambda x, w: dnp.conv(x, np.tile(w, (1, 1, 1, 3))),
        lambda x, w: dnp.conv(x[:, :, 0], w[:, :, 0]),
    ],
)
def test_numpy_has_what_the_loops_have_not(f):
    x, w = RNG.normal(size=(8, 3, 9, 12)), RNG.normal(size=(4, 3, 3, 3))
    program = dl.compile(dl.grad(lambda x, w: np.sum(f(x, w) ** 2), (0, 1)), backend="native")
    program.prepare(x, w)
    assert "loops of their own" not in program.explain()
    for ours, theirs in zip(program(x, w), dl.grad(lambda x, w: np.sum(f(x, w) ** 2), (0, 1))(x, w)):
        np.testing.assert_allclose(ours, theirs, rtol=1e-11, atol=1e-11)


def test_results_do_not_depend_on_the_number_of_threads(monkeypatch):
    monkeypatch.setattr(parallel, "WORTH", 1)
    monkeypatch.setattr(native_convolution, "WORTH", 1)
    monkeypatch.setattr(native_convolution, "BLOCK", 1 << 14)  # many blocks
    x, w, v = (RNG.normal(size=s).astype(np.float32) for s in ((32, 3, 16, 16), (8, 3, 3, 3), (4, 8, 3, 3)))
    net = lambda x, w, v: np.sum(dnp.conv(dnp.max_pool(dnp.conv(x, w, padding=1), 2), v) ** 2)
    program = dl.compile(dl.grad(net, (0, 1, 2)), backend="native")
    found = []
    for threads in ("1", "2", "3"):
        monkeypatch.setenv("DIFFLAB_THREADS", threads)
        program.prepare(x, w, v)
        found.append([program(x, w, v) for _ in range(2)][1])
    assert all(np.array_equal(a, b) for other in found[1:] for a, b in zip(found[0], other))


def test_what_is_not_a_number_stays_so_and_of_a_tie_the_first_has_the_derivative():
    x = np.zeros((64, 1, 4, 4))
    x[3, 0, 1, 2] = np.nan
    f = lambda x, w: dnp.max_pool(dnp.conv(x, w), 2)
    w = np.ones((1, 1, 1, 1))
    program = dl.compile(f, backend="native")
    program.prepare(x, w)
    np.testing.assert_array_equal(program(x, w), f(x, w))
    slopes = dl.compile(dl.grad(lambda x, w: np.sum(f(x, w))), backend="native")
    x = np.zeros((64, 1, 4, 4))
    slopes.prepare(x, w)
    np.testing.assert_array_equal(slopes(x, w)[0, 0], np.tile([[1.0, 0.0], [0.0, 0.0]], (2, 2)))


def test_read_only_and_strided_arrays_are_taken():
    x, w = RNG.normal(size=(64, 2, 6, 6)), RNG.normal(size=(3, 2, 3, 3))
    program = dl.compile(lambda x, w: dnp.conv(x, w), backend="native")
    program.prepare(x, w)
    wanted = program(x, w).copy()
    last = np.ascontiguousarray(x.transpose(2, 1, 3, 0)).transpose(3, 1, 0, 2)
    for a in (x, last, np.repeat(x, 2, axis=3)[..., ::2]):
        a.flags.writeable = False
        np.testing.assert_array_equal(program(a, w), wanted)


def test_users_threads_do_not_meet():
    from concurrent.futures import ThreadPoolExecutor

    inputs = [(RNG.normal(size=(16, 2, 14, 14)), RNG.normal(size=(4, 2, 3, 3))) for _ in range(4)]
    program = dl.compile(dl.grad(lambda x, w: np.sum(dnp.max_pool(dnp.conv(x, w), 2) ** 2), (0, 1)), backend="native")
    program.prepare(*inputs[0])
    wanted = [program(*args) for args in inputs]
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda k: program(*inputs[k % 4]), range(40)):
            assert any(all(np.array_equal(a, b) for a, b in zip(found, w)) for w in wanted)
