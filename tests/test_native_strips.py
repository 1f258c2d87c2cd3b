"""Regions that are one loop over strips of rows: the values of NumPy's program, whatever the other axes do."""

from __future__ import annotations

import re

import numpy as np
import pytest

import difflab as dl
from difflab.compile.native import region
from tests.test_native import agree, both

pytest.importorskip("numba")
RNG = np.random.default_rng(5)
POINTS, CENTRES, WEIGHTS = RNG.normal(size=(3_000, 4)), RNG.normal(size=(6, 4)), RNG.uniform(0.5, 2.0, size=3_000)


def apart(x, c):
    return x[:, None, :] - c[None, :, :]


# Each function of points (n, 4), centres (6, 4) and weights (n,).
PROGRAMS = {
    "k-means": lambda x, c, w: np.sum(np.min(np.sum(apart(x, c) ** 2, 2), 1)),
    "weighted": lambda x, c, w: np.sum(w[:, None] * np.max(np.abs(apart(x, c)), axis=2)),
    "means": lambda x, c, w: np.sum(np.mean(apart(x, c) * c, axis=(1, 2)) * w),
    "keeping axes": lambda x, c, w: np.sum((x - np.mean(x, axis=1, keepdims=True)) ** 2 * w[:, None] / (1 + x * x)),
    "masks": lambda x, c, w: np.sum(
        np.where((x > 0.0) & (w[:, None] > 1.0), x * x, -x) * (np.abs(x) < 1.5) + np.minimum(x, 0.3)
    ),
    "soft": lambda x, c, w: np.sum(dl.numpy.logsumexp(-0.5 * np.sum(apart(x, c) ** 2, 2), axis=1) * w),
    "weights of a softmax": lambda x, c, w: np.sum(dl.numpy.softmax(x, axis=1)[:, 1:3] * x[:, :2]),
    "joined": lambda x, c, w: np.sum(np.concatenate([x[:, 1:] * x[:, :3], np.exp(-x)], axis=1) ** 2 * w[:, None]),
    "stacked": lambda x, c, w: np.sum(np.stack([x[:, 0] * w, np.tanh(x[:, 1]), x[:, 2] - w], axis=1) ** 3),
    "transposed": lambda x, c, w: np.sum(apart(x, c).transpose(0, 2, 1) * np.tanh(c.T) * x[:, :, None]),
    "reshaped": lambda x, c, w: np.sum(np.sum((x * x - 1.0).reshape(-1, 2, 2) * np.exp(c[:2, :2]), axis=2) ** 2),
    "products": lambda x, c, w: np.sum(np.tanh(x @ c.T + 0.1) * w[:, None]),
    "batched products": lambda x, c, w: np.sum(
        np.einsum("abc,acd->abd", np.exp(-x.reshape(-1, 2, 2)), x.reshape(-1, 2, 2) * w[:, None, None]) ** 2
    ),
}
RESULTS = {
    "rows": lambda x, c, w: np.min(np.sum(apart(x, c) ** 2, 2), 1),
    "several": lambda x, c, w: (np.sum(apart(x, c) ** 2, 0), np.sum(x * w[:, None], 1), apart(x, c) * 2.0 + 1.0),
    "truths": lambda x, c, w: (np.sum(x * x, 1) > w, np.where(x > 0, x, 0.0) * 2.0 - x),
    "assembled": lambda x, c, w: np.stack([x[:, 0] * w + x[:, 1], x[:, 1] / w - x[:, 0], w * w - w], axis=1),
}


def is_one_loop(program):
    return "the whole program" in program.explain() or (
        "def loop_rows_" in program.source and "_block" in program.source
    )


DOUBLE, SINGLE = (np.float64, 1e-13), (np.float32, 2e-5)


@pytest.mark.parametrize(
    "name, dtype, rtol", [(n, *DOUBLE) for n in PROGRAMS] + [(n, *SINGLE) for n in ("k-means", "soft", "masks")]
)
def test_values_and_gradients_are_those_of_numpy(name, dtype, rtol):
    args = [a.astype(dtype) for a in (POINTS, CENTRES, WEIGHTS)]
    f = dl.value_and_grad(PROGRAMS[name], argnums=(0, 1, 2))
    (plain, found), program = both(f, *args)
    agree(found, plain, rtol)
    agree(found, f(*args), rtol)
    assert is_one_loop(program), program.explain()
    agree(program(*args), found, 0.0)


@pytest.mark.parametrize("name", RESULTS)
@pytest.mark.parametrize("n", [64, 65, 1000])
def test_results_by_rows_with_a_shorter_strip_at_the_end(name, n, monkeypatch):
    monkeypatch.setattr(region, "CALL", 0.0)  # however small
    args = POINTS[:n], CENTRES, WEIGHTS[:n]
    (plain, found), program = both(RESULTS[name], *args)
    agree(found, plain, 1e-14)
    assert is_one_loop(program), program.explain()
    found = program(np.asfortranarray(args[0]), CENTRES[::-1][::-1], np.repeat(args[2], 2)[::2])
    agree(found, plain, 1e-14)


def test_ties_infinities_and_what_is_not_a_number(monkeypatch):
    monkeypatch.setattr(region, "CALL", 0.0)
    x = np.tile([[1.0, 1.0, 0.0, np.inf], [np.nan, 1.0, -np.inf, -0.0], [2.0, 2.0, 2.0, 2.0]], (50, 1))
    for f in (
        lambda x: np.max(x, axis=1) * 2.0 + 1.0,
        dl.grad(lambda x: np.sum(np.max(np.where(np.isnan(x), 0.0, x), axis=1) * 2.0)),
        lambda x: np.minimum(x, 0.5) + np.min(x * 1.0, axis=1, keepdims=True),
    ):
        with np.errstate(all="ignore"):
            (plain, found), program = both(f, x)
        np.testing.assert_array_equal(found, plain)
        assert is_one_loop(program)


def test_threads_change_no_digit(monkeypatch):
    x = np.concatenate([POINTS] * 20)
    found = []
    for threads in ("1", "2"):
        monkeypatch.setenv("DIFFLAB_THREADS", threads)
        program = dl.compile(dl.value_and_grad(PROGRAMS["k-means"], (0, 1)), backend="native")
        program.prepare(x, CENTRES, WEIGHTS)
        found.append(program(x, CENTRES, WEIGHTS))
    agree(found[0], found[1], 0.0)


def softmax_loss(x, w):
    y = np.exp(x - np.max(x))
    return np.sum(w * y / np.sum(y))


def sums_of(x, y):
    mean = np.sum(x, axis=0, keepdims=False) / 3.0
    return np.sum(mean) * 1.0 + np.sum(mean + y) * 0.5 + np.sum(0.5 * y) * 0.25


AGAIN = {
    "log-sum-exp": lambda x, w: np.max(x) + np.log(np.sum(np.exp(x - np.max(x)))),
    "softmax": softmax_loss,
    "standardised": lambda x, w: np.sum(((x - np.mean(x)) / np.sqrt(np.mean((x - np.mean(x)) ** 2) + 0.1)) ** 3 * w),
    "two sums": lambda x, w: np.sum(x * w / np.sum(x * w + 1.0)) * np.sum((x > 0.0) * x),
    "kept all the same": lambda x, w: (x * w, np.sum(x * w * np.sum(x * w))),
    "a sum alone": lambda x, w: sums_of(x, np.where(x > 0.2, x * x, x)) + np.sum(w),
    "ties": lambda x, w: np.max(np.round(x)) * np.sum(w * x),
}


@pytest.mark.parametrize("name", AGAIN)
@pytest.mark.parametrize("n", [1_000, 9_001])
def test_what_is_computed_again_is_the_same(name, n, monkeypatch):
    monkeypatch.setattr(region, "CALL", 0.0)
    x, w = RNG.normal(size=n), RNG.uniform(0.5, 2.0, size=n)
    f = AGAIN[name] if name == "kept all the same" else dl.value_and_grad(AGAIN[name], argnums=(0, 1))
    (plain, found), program = both(f, x, w)
    agree(found, plain, 1e-12)
    agree(found, f(x, w), 1e-12)
    agree(program(x[::-1].copy(), w), f(x[::-1], w), 1e-12)


def test_arrays_between_loops_are_not_made_where_they_are_cheap():
    """The gradient of log-sum-exp keeps the exponentials, and neither the mask nor the weights."""
    program = dl.compile(dl.grad(lambda x: AGAIN["log-sum-exp"](x, None)), backend="native")
    program.prepare(POINTS.ravel())
    (bytes_,) = re.findall(r"([\d,]+) bytes for values", program.explain())
    assert int(bytes_.replace(",", "")) < 1.1 * POINTS.nbytes


def test_what_a_loop_does_not_move_is_read_before_it():
    """Sixteen coefficients stand in registers: read in the loop, they kept it from being vector instructions."""

    def horner(x, t):
        y = 0.0 * t
        for k in range(len(x)):
            y = y * t + x[k]
        return np.sum(y * y)

    program = dl.compile(dl.grad(horner), backend="native")
    x, t = np.linspace(-1, 1, 16), np.linspace(-1, 1, 4000)
    program.prepare(x, t)
    np.testing.assert_allclose(program(x, t), dl.grad(horner)(x, t), rtol=1e-12)
    inner = re.split(r"for _i0 in range\(.*\):", program.source)[1].split("    _s =")[0]
    assert "+=" in inner and not re.search(r"= w_float64\[\d+\]$", inner, re.MULTILINE)


def test_constants_that_are_broadcast_are_handed_over_in_one_piece(monkeypatch):
    monkeypatch.setattr(region, "CALL", 0.0)

    def f(a, b, c):
        return np.sum(np.sin(a) * np.sin(a)[:, None]) + np.sum((np.sin(a)[:, None] + b) * np.mean(c)) * 0.25

    args = POINTS[:65, 0], POINTS[:65, 1:], WEIGHTS[:3]
    (plain, found), _ = both(dl.value_and_grad(f, argnums=(0, 1, 2)), *args)
    agree(found, plain, 1e-12)


@pytest.mark.parametrize(
    "shape, other",
    [((70, 9000), (9000,)), ((64, 3, 54, 54), (3, 1, 1)), ((300, 8200), (300, 1)), ((2, 70, 9000), (9000,))],
)
def test_wide_rows_beside_what_is_broadcast(shape, other):
    """Arrays too wide to be cut row by row are cut as flat ones only where all of them have the same elements."""
    x, b = RNG.normal(size=shape), RNG.normal(size=other)
    f = lambda x, b: (x * b + b) * x - b
    program = dl.compile(f, backend="native")
    program.prepare(x, b)
    np.testing.assert_allclose(program(x, b), f(x, b), rtol=1e-14, atol=1e-13)
