"""Pooling and standardising in machine code: NumPy's kernels' numbers, whatever the shapes, layouts and threads."""

from __future__ import annotations

import numpy as np
import pytest

import difflab as dl
from difflab import nn
from difflab.errors import InputError
from difflab.graph.node import Abstract, Node
from difflab.primitives import rows
from difflab.primitives.kernels import networks, parallel, windows

numba = pytest.importorskip("numba")

from difflab.compile.native import labels, pooling, standardising  # noqa: E402
from difflab.compile.native.backend import Jit  # noqa: E402


class Once(Jit):
    """Compiles each loop once for all cases."""

    def __init__(self):
        super().__init__()
        self.known = {}

    def __call__(self, function, types, **options):
        if (function, types) not in self.known:
            self.known[function, types] = super().__call__(function, types, **options)
        return self.known[function, types]


JIT = Once()
RNG = np.random.default_rng(5)
SIZES = [((66, 3, 8, 10), (2, 2)), ((5, 2, 9, 7), (2, 3)), ((1, 1, 3, 3), (3, 3)), ((70, 2, 5, 1), (4, 1))]
LAYOUTS = {"as convolution leaves it": (2, 1, 3, 0), "batch first": (0, 1, 2, 3), "channels last": (0, 2, 3, 1)}


def lying(x, order):
    """The same array with its axes in another order in memory."""
    return np.ascontiguousarray(x.transpose(order)).transpose(np.argsort(order))


@pytest.fixture(params=["one thread", "threads"])
def threads(request, monkeypatch):
    if request.param == "threads":
        monkeypatch.setenv("DIFFLAB_THREADS", "3")
        monkeypatch.setattr(parallel, "WORTH", 0)
        monkeypatch.setattr(pooling, "BLOCKS", 3)
        monkeypatch.setattr(standardising, "BLOCKS", 3)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape, size", SIZES, ids=str)
def test_pooling(shape, size, layout, dtype, threads):
    x = RNG.integers(-3, 4, shape).astype(dtype)  # with many equal elements in a window
    x[0, 0, 0, 0] = np.nan
    params = {"size": size, "stride": size, "padding": ((0, 0), (0, 0)), "dilation": (1, 1)}
    made = pooling.Pooling(shape, params, np.dtype(dtype), JIT)
    x = lying(x, LAYOUTS[layout])
    y, place = made.max_pool()(x), made.window_place()(x)
    expected = windows.max_pool(x, **params)
    np.testing.assert_array_equal(y, expected)
    known = ~np.isnan(expected)
    np.testing.assert_array_equal(place[known], windows.window_place(x, **params)[known])
    assert y.dtype == dtype and place.dtype == np.uint8
    ct = RNG.normal(size=y.shape).astype(dtype)
    back = made.__class__(shape, {**params, "shape": shape[2:]}, np.dtype(dtype), JIT).window_write()
    for given in (ct, lying(ct, (2, 1, 3, 0))):
        found = back(given, place)
        np.testing.assert_array_equal(found, windows.window_write(given, place, shape=shape[2:], **params))


@pytest.mark.parametrize(
    "size, stride, padding, dilation, shape",
    [
        ((2, 2), (1, 1), ((0, 0), (0, 0)), (1, 1), (8, 2, 6, 6)),
        ((2, 2), (2, 2), ((1, 1), (0, 0)), (1, 1), (8, 2, 6, 6)),
        ((2, 2), (2, 2), ((0, 0), (0, 0)), (2, 2), (8, 2, 6, 6)),
        ((2,), (2,), ((0, 0),), (1,), (8, 2, 6)),
        ((20, 20), (20, 20), ((0, 0), (0, 0)), (1, 1), (2, 1, 20, 20)),
    ],
)
def test_other_windows_are_left_to_numpy(size, stride, padding, dilation, shape):
    params = {"size": size, "stride": stride, "padding": padding, "dilation": dilation}
    x = Node(rows.input, (), {}, Abstract(shape, np.dtype(float)))
    assert pooling.native_pooling(Node(rows.max_pool, (x,), params, x.value), JIT) is None


GROUPS = {
    "batch norm": ((64, 3, 5, 7), (0, 2, 3)),
    "batch norm, a few": ((2, 4, 9, 9), (0, 2, 3)),
    "layer norm": ((6, 130), (1,)),
    "of columns": ((130, 6), (0,)),
    "all": ((9, 17), (0, 1)),
    "two that stay": ((70, 2, 3, 4), (0,)),
    "in the middle": ((3, 70, 2), (1,)),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("order", ["as it comes", "turned round", "as convolution leaves it"])
@pytest.mark.parametrize("what", GROUPS)
def test_standardising(what, order, dtype, threads):
    shape, axes = GROUPS[what]
    n = len(shape)
    turned = {"as it comes": range(n), "turned round": range(n)[::-1], "as convolution leaves it": (*range(2, n), 1, 0)}
    x = lying(RNG.normal(3.0, 2.0, shape).astype(dtype), tuple(turned[order])[:n] if n > 1 else (0,))
    ct = RNG.normal(size=shape).astype(dtype)
    close = {"rtol": 3e-5, "atol": 3e-6} if dtype == np.float32 else {"rtol": 1e-12, "atol": 1e-13}
    moments = standardising.Standardising({"axes": axes}, np.dtype(dtype), JIT).moments()
    rest = standardising.Standardising({"axes": axes, "eps": 1e-5}, np.dtype(dtype), JIT)
    mean, var = moments(x)
    for found, expected in zip((mean, var), networks.moments(x.astype(float), axes=axes)):
        np.testing.assert_allclose(found, expected, **close)
        assert found.dtype == dtype and found.shape == expected.shape
    y = rest.standardised()(x, mean, var)
    np.testing.assert_allclose(y, networks.standardised(x, mean, var, axes=axes, eps=1e-5), **close)
    found = rest.standardised_slope()(ct, y, var)
    expected = networks.standardised_slope(ct.astype(float), y.astype(float), var.astype(float), axes=axes, eps=1e-5)
    np.testing.assert_allclose(found, expected, **close)
    assert y.dtype == found.dtype == dtype


def test_a_mean_that_is_no_group_s_is_left_to_numpy():
    x, one = RNG.normal(size=(8, 3, 5, 7)), np.ones(())
    run = standardising.Standardising({"axes": (0, 2, 3), "eps": 0.0}, x.dtype, JIT).standardised()
    np.testing.assert_array_equal(run(x, one, one), x - 1.0)


SCORES = {
    "ordinary": (RNG.normal(size=(5, 4)), [0, 3, 1, 1, 2]),
    "ignored": (RNG.normal(size=(5, 4)), [0, -100, 1, -100, 2]),
    "far apart": (np.array([[1e30, -1e30], [-80.0, 80.0], [3.0, 3.0]]), [1, 0, 1]),
    "one class": (RNG.normal(size=(3, 1)), [0, 0, 0]),
    "infinite": (np.array([[np.inf, 1.0], [1.0, 2.0], [-np.inf, -np.inf]]), [1, 0, 1]),
    "not a number": (np.array([[np.nan, 1.0], [1.0, 2.0]]), [1, 0]),
    "bytes": (RNG.normal(size=(5, 4)), np.array([0, 3, 1, 1, 2], np.uint8)),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("what", SCORES)
@pytest.mark.parametrize("order", "CF")
def test_losses_by_labels(what, dtype, order):
    z, chosen = SCORES[what]
    z, chosen = np.asarray(z.astype(dtype), order=order), np.asarray(chosen)
    ct = RNG.normal(size=len(z)).astype(dtype)
    params = {"axis": 1, "ignore_index": -100}
    made = labels.Labels(params, np.dtype(dtype), JIT)
    with np.errstate(all="ignore"):
        pairs = [
            (made.label_loss()(z, chosen), networks.label_loss(z, chosen, **params)),
            (made.label_loss_slope()(ct, z, chosen), networks.label_loss_slope(ct, z, chosen, **params)),
        ]
    for found, expected in pairs:
        assert found.dtype == expected.dtype and found.shape == expected.shape
        np.testing.assert_allclose(found, expected, rtol=3e-6 if dtype == np.float32 else 1e-14, atol=1e-7)


def test_a_label_out_of_range_is_named():
    made = labels.Labels({"axis": 1, "ignore_index": -100}, np.dtype(float), JIT)
    for wrong in (4, -1):
        with pytest.raises(InputError, match=rf"cross_entropy: the label {wrong} at \[1\] is out of range"):
            made.label_loss()(RNG.normal(size=(3, 4)), np.array([0, wrong, 1]))


def test_a_network_s_step():
    """A network with all of it: loss and gradients as without machine code."""
    dtype = np.float32
    model = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.BatchNorm2d(6), nn.MaxPool2d(2), nn.ReLU(), nn.Conv2d(6, 4, 3),
        nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16, 3),
    )  # fmt: skip
    params, state = model.init(0, dtype=dtype)
    x, y = RNG.normal(size=(64, 1, 12, 12)).astype(dtype), RNG.integers(0, 3, 64)

    def loss(params):
        scores, _ = model.apply(params, state, x, training=True)
        return nn.functional.cross_entropy(scores, y)

    plain = dl.value_and_grad(loss)
    program = dl.compile(plain, backend="native")
    program.prepare(params)
    told = next(line for line in program.explain().splitlines() if line.startswith("loops of their own"))
    assert all(f"2 {row}" in told for row in ("max_pool", "window_place", "window_write", "moments", "standardised"))
    assert "label_loss" in told and "label_loss_slope" in told
    (value, slopes), (expected, wanted) = program(params), plain(params)
    tolerance = 1e-4
    np.testing.assert_allclose(value, expected, rtol=tolerance)
    for layer in wanted:
        for name in wanted[layer]:
            np.testing.assert_allclose(slopes[layer][name], wanted[layer][name], rtol=tolerance, atol=tolerance)
