"""Chapter 4 of the course by numbers: convolution over channels, kernels, biases, rounding, padding, invariance."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.signal import convolve, correlate
from torch_cases import close, rng_array

import difflab as dl
from difflab import nn
from difflab.errors import InputError, ShapeError
from difflab.nn import kernels

F = nn.functional


# The convolution of mathematics, (4.2.1).
@pytest.mark.parametrize("flip", [True, False], ids=["convolution", "correlation"])
@pytest.mark.parametrize("mode", ["valid", "same", "full"])
@pytest.mark.parametrize("size", [(3, 3), (2, 4)], ids=str)
@pytest.mark.parametrize("batch, filters", [((), ()), ((2,), ()), ((), (5,)), ((2,), (5,))], ids=str)
def test_convolution_over_channels_is_the_sum_of_its_channels(batch, filters, size, mode, flip):
    """SciPy's in each channel: it flips height and width, and channels are summed as they stand."""
    x = rng_array((*batch, 3, 6, 7), 1)
    one = (lambda a, b: convolve(a, b, mode)) if flip else (lambda a, b: correlate(a, b, mode))
    size = size if mode != "same" or flip else (3, 5)  # SciPy's middle of an even kernel is another one there
    k = rng_array((*filters, 3, *size), 2)
    images, bank = x.reshape(-1, 3, 6, 7), k.reshape(-1, 3, *size)
    want = np.array([[sum(map(one, image, kernel)) for kernel in bank] for image in images])
    found = F.convolve2d(x, k, mode, flip=flip)
    np.testing.assert_allclose(found, want.reshape((*batch, *filters, *want.shape[2:])), rtol=1e-10, atol=1e-12)


def test_convolution_is_torchs_of_flipped_kernels(torch):
    x, k = rng_array((2, 3, 6, 7), 1), rng_array((4, 3, 3, 2), 2)
    wanted = lambda: torch.nn.functional.conv2d(torch.tensor(x), torch.tensor(k).flip(2, 3))
    close(F.convolve2d(x, k), wanted)
    close(F.convolve2d(x, k, flip=False), lambda: torch.nn.functional.conv2d(torch.tensor(x), torch.tensor(k)))


def test_convolution_commutes_and_its_gradient_flips():
    a, b = rng_array((3, 3), 1), rng_array((4, 4), 2)
    np.testing.assert_allclose(F.convolve2d(a, b, "full"), F.convolve2d(b, a, "full"), rtol=1e-12)
    assert not np.allclose(F.convolve2d(a, b, "full", flip=False), F.convolve2d(b, a, "full", flip=False))
    x, k, g = rng_array((3, 6, 6), 3), rng_array((2, 3, 3, 3), 4), rng_array((2, 4, 4), 5)
    slope = dl.grad(lambda x: np.sum(F.convolve2d(x, k) * g))(x)  # correlation's gradient convolves, and back
    want = [sum(correlate(g[f], k[f, c], "full") for f in range(2)) for c in range(3)]
    np.testing.assert_allclose(slope, want, rtol=1e-10)


# Kernels.
def test_the_courses_gaussian():
    assert (16 * kernels.binomial()).tolist() == [[1, 2, 1], [2, 4, 2], [1, 2, 1]]
    assert kernels.binomial(1).tolist() == [[1.0]]
    for size in (3, 5, 9, 61):
        k = kernels.binomial(size)
        assert k.shape == (size, size) and k.sum() == 1 and (k == k.T).all() and (k == k[::-1]).all()
    np.testing.assert_array_equal(F.convolve2d(kernels.binomial(3), kernels.binomial(3), "full"), kernels.binomial(5))
    at = np.arange(9) - 4
    assert np.sum(kernels.binomial(9).sum(0) * at**2) == pytest.approx(2.0)  # variance (9 - 1) / 4
    np.testing.assert_allclose(kernels.binomial(33), kernels.gaussian(33, np.sqrt(8.0)), atol=4e-4)  # the peak is 0.02


# A bias for each position.
@pytest.mark.parametrize(
    "make, shape",
    [
        (lambda **k: nn.Conv2d(2, 3, 3, padding=1, **k), (4, 2, 5, 6)),
        (lambda **k: nn.Conv2d(2, 4, (3, 2), stride=2, groups=2, padding="valid", **k), (4, 2, 5, 6)),
        (
            lambda **k: nn.Conv2d(2, 3, 3, stride=2, ceil_mode=True, padding_mode="nearest", **k),
            (4, 2, 5, 6),
        ),
        (lambda **k: nn.Conv1d(2, 3, 3, stride=3, dilation=2, **k), (4, 2, 9)),
    ],
)
def test_a_bias_for_each_position(make, shape):
    layer = make(bias="position", input_size=shape[2:] if len(shape) == 4 else shape[2])
    params, state = layer.init(0)
    x = rng_array(shape, 1)
    y, _ = layer.apply(params, state, x, training=True)
    assert params["bias"].shape == y.shape[1:]
    plain, _ = make(bias=False).apply({"weight": params["weight"]}, {}, x, training=True)
    np.testing.assert_array_equal(y, plain + params["bias"])
    slope = dl.grad(lambda p: np.sum(layer.apply(p, state, x, training=True)[0] ** 2))(params)["bias"]
    np.testing.assert_allclose(slope, 2 * y.sum(0), rtol=1e-10)
    assert nn.spec.from_spec(nn.spec.to_spec(layer)) == layer
    alone, _ = layer.apply(params, state, x[0], training=False)  # an image without its batch
    np.testing.assert_allclose(alone, y[0], rtol=1e-12)


def test_a_bias_for_each_position_costs_positions_and_folds():
    layer = nn.Conv2d(3, 6, 5, bias="position", input_size=(32, 32))
    assert nn.summary(layer, (3, 32, 32)).parameters == 6 * 3 * 25 + 6 * 28 * 28
    model = nn.Sequential(nn.Conv2d(1, 2, 3, bias="position", input_size=6), nn.BatchNorm2d(2))
    params, state = model.init(0)
    state["1"]["running_mean"], state["1"]["running_var"] = np.array([0.5, -1.0]), np.array([2.0, 0.3])
    x = rng_array((3, 1, 6, 6), 1)
    folded, *trees = nn.fold_batchnorm(model, params, state)
    assert len(folded) == 1 and folded[0].bias == "position"
    before, after = (m.apply(*t, x, training=False)[0] for m, t in ((model, (params, state)), (folded, trees)))
    np.testing.assert_allclose(after, before, rtol=1e-12)


# Rounding up.
def by_loops(x, w, stride, padding, dilation, up):
    """One channel, one axis: windows from their places; rounded up, one more that begins in the array or before it."""
    n, span = len(x), dilation * (len(w) - 1) + 1
    framed = np.concatenate([np.zeros(padding), x, np.zeros(padding + span + stride)])
    starts = list(range(0, n + 2 * padding - span + 1, stride))
    last = starts[-1] if starts else -stride
    more = last + stride
    if up and last + span < n + 2 * padding and more < n + padding:
        starts.append(more)
    return np.array([framed[s : s + span : dilation] @ w for s in starts])


SIZES = st.integers(1, 4)


@settings(max_examples=150, deadline=None)
@given(
    n=st.integers(1, 12), k=SIZES, stride=st.integers(1, 6), padding=st.integers(0, 4), dilation=SIZES, up=st.booleans()
)
def test_sizes_are_rounded_down_or_up(n, k, stride, padding, dilation, up):
    x, w = rng_array(n, 1), rng_array(k, 2)
    call = lambda: F.conv1d(x[None, None], w[None, None], None, stride, padding, dilation, ceil_mode=up)
    lacks = dilation * (k - 1) + 1 - n - 2 * padding
    if lacks >= (stride if up else 1):  # one window may lack elements, if fewer than a step
        with pytest.raises(ShapeError, match="does not fit"):
            call()
        return
    want = by_loops(x, w, stride, padding, dilation, up)
    np.testing.assert_allclose(call()[0, 0], want, rtol=1e-10, atol=1e-12)
    if 2 * padding <= k and dilation == 1:  # where pooling takes the padding, it has as many windows
        assert F.max_pool1d(x[None, None], k, stride, padding, dilation, up).shape[2] == len(want)
    layer = nn.Conv1d(1, 1, k, stride, padding, dilation, bias=False, ceil_mode=up)
    assert layer.positions((n,)) == (len(want),)
    np.testing.assert_allclose(layer.apply({"weight": w[None, None]}, {}, x[None, None], training=True)[0][0, 0], want)


def test_rounding_up_in_two_axes_and_in_summaries():
    layer = nn.Conv2d(1, 2, 3, stride=2, ceil_mode=True)
    assert nn.summary(layer, (1, 6, 7)).rows[0].shape == (2, 3, 3)
    assert nn.summary(nn.Conv2d(1, 2, 3, stride=2), (1, 6, 7)).rows[0].shape == (2, 2, 3)
    x, w = rng_array((2, 1, 6, 7), 1), rng_array((2, 1, 3, 3), 2)
    np.testing.assert_array_equal(
        F.conv2d(x, w, stride=2, ceil_mode=True), F.conv2d(np.pad(x, ((0, 0), (0, 0), (0, 1), (0, 0))), w, stride=2)
    )
    assert F.conv3d(rng_array((1, 4, 4, 4)), rng_array((1, 1, 3, 3, 3)), stride=2, ceil_mode=True).shape == (1, 2, 2, 2)
    nearest = nn.Conv2d(1, 2, 3, stride=2, padding_mode="nearest", ceil_mode=True, bias=False)
    edge = F.conv2d(np.pad(x, ((0, 0), (0, 0), (0, 1), (0, 0)), "edge"), w, stride=2)  # the frame is of the same kind
    np.testing.assert_array_equal(nearest.apply({"weight": w}, {}, x, training=True)[0], edge)


# Padding by the course's names.
def test_nearest_is_replicate():
    x = rng_array((2, 3, 5, 6), 1)
    np.testing.assert_array_equal(
        F.pad(x, (2, 1, 0, 3), "nearest"), np.pad(x, ((0, 0), (0, 0), (0, 3), (2, 1)), "edge")
    )
    a, b = (nn.Conv2d(3, 4, 3, padding="same", padding_mode=m) for m in ("nearest", "replicate"))
    params, state = a.init(0)
    np.testing.assert_array_equal(
        a.apply(params, state, x, training=True)[0], b.apply(params, state, x, training=True)[0]
    )


def test_random_padding_is_by_seed():
    x = rng_array((2, 30, 30), 1)
    y = F.pad(x, (40, 30), "random", key=3)
    np.testing.assert_array_equal(y[..., 40:70], x)
    np.testing.assert_array_equal(y, F.pad(x, (40, 30), "random", key=3))
    frame = np.concatenate([y[..., :40].ravel(), y[..., 70:].ravel()])
    assert len(np.unique(frame)) == frame.size == 4200
    assert abs(frame.mean()) < 0.05 and abs(frame.std() - 1) < 0.05 and np.isfinite(frame).all()
    assert not np.array_equal(y, F.pad(x, (40, 30), "random", key=4))
    assert F.pad(x.astype(np.float32), (1, 1), "random", key=0).dtype == np.float32
    slope = dl.grad(lambda x: np.sum(F.pad(x, (1, 1), "random", key=0) ** 2))(x)
    np.testing.assert_allclose(slope, 2 * x)  # the frame has no part in it


def test_random_padding_as_a_layer_counts_in_training():
    layer = nn.Conv2d(2, 3, 3, padding=1, padding_mode="random")
    params, state = layer.init(0)
    x = rng_array((2, 2, 5, 5), 1)
    inside = (..., slice(1, -1), slice(1, -1))
    first, after = layer.apply(params, state, x, training=True)
    again, _ = layer.apply(params, state, x, training=True)
    second, _ = layer.apply(params, after, x, training=True)
    still, same = layer.apply(params, state, x, training=False)
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(still, first)
    np.testing.assert_allclose(second[inside], first[inside])
    assert not np.allclose(second, first) and after["key"].tolist() == [state["key"][0], 1] and same is state
    zeros = nn.Conv2d(2, 3, 3, padding=1).apply(params, {}, x, training=True)[0]
    np.testing.assert_allclose(zeros[inside], first[inside], rtol=1e-12)
    program = dl.compile(lambda p, s, x: layer.apply(p, s, x, training=True))
    program.prepare(params, after, x)
    np.testing.assert_allclose(program(params, after, x)[0], second, rtol=1e-12)
    assert layer.init(1)[1]["key"][0] != state["key"][0]


# Translation invariance of max-pooling.
def change(look):
    """What becomes of digits moved to the right by one pixel: the relative change, and the share of other values."""
    x = np.pad(nn.data.digits().x_test[:100], ((0, 0), (0, 0), (8, 8), (8, 8)))
    before, after = look(x), look(np.roll(x, 1, axis=3))
    reached = (before != 0) | (after != 0)
    return np.linalg.norm(after - before) / np.linalg.norm(before), np.mean((before != after)[reached])


def test_max_pooling_hides_small_shifts():
    """The larger the windows, the less a shift changes; leaving out pixels in place of a maximum hides nothing."""
    sizes, shares = zip(*[change(lambda x, k=k: F.max_pool2d(x, k)) for k in (1, 2, 4)])
    np.testing.assert_allclose(sizes, [0.82, 0.52, 0.19], atol=0.01)
    np.testing.assert_allclose(shares, [0.95, 0.68, 0.34], atol=0.01)
    assert change(lambda x: x[..., ::2, ::2])[0] > 0.8 and change(lambda x: x[..., ::4, ::4])[0] > 2 * sizes[2]


def test_where_max_pooling_does_not_see_a_shift_at_all():
    x = rng_array((2, 3, 12, 12), 1)
    whole = F.adaptive_max_pool2d(x, 1)
    for down, right in product((0, 3, -5), (1, 7)):  # over the whole image it is exact
        np.testing.assert_array_equal(F.adaptive_max_pool2d(np.roll(x, (down, right), (2, 3)), 1), whole)
    moved = np.roll(np.pad(x, ((0, 0), (0, 0), (2, 2), (2, 2))), 2, axis=3)  # a shift by the stride moves the output
    here, there = F.max_pool2d(np.pad(x, ((0, 0), (0, 0), (2, 2), (2, 2))), 2), F.max_pool2d(moved, 2)
    np.testing.assert_array_equal(there, np.roll(here, 1, axis=3))


BAD = [
    (lambda: F.convolve2d(np.ones((3, 5, 5)), np.ones((2, 3, 3))), ShapeError, "3 channels, and the kernel .* reads 2"),
    (lambda: F.convolve2d(np.ones((5, 5)), np.ones((2, 3, 3))), ShapeError, r"\(H, W\) goes with a kernel \(KH, KW\)"),
    (lambda: F.convolve2d(np.ones((3, 5, 5)), np.ones((1, 3, 6, 3))), ShapeError, "does not fit"),
    (lambda: F.conv2d(np.ones((1, 5, 5)), np.ones((2, 1, 3, 3)), np.ones((2, 3, 3))), ShapeError, "bias='position'"),
    (
        lambda: nn.Conv2d(1, 2, 3, bias="positon", input_size=5),
        InputError,
        "bias='positon'; it is True, False or \"pos",
    ),
    (lambda: nn.Conv2d(1, 2, 3, bias="position"), InputError, r"such as input_size=\(32, 32\)"),
    (lambda: nn.Conv1d(1, 2, 3, bias="position"), InputError, "such as input_size=32"),
    (lambda: nn.Conv2d(1, 2, 3, input_size=8), InputError, 'input_size=8 goes with bias="position"'),
    (
        lambda: nn.Conv2d(1, 2, 5, bias="position", input_size=4),
        ShapeError,
        r"\(5, 5\) does not fit inputs of \(4, 4\)",
    ),
    (lambda: nn.Conv2d(1, 2, 5, bias="position", input_size=(4, 4, 4)), InputError, "or 2 of them"),
    (lambda: nn.Conv2d(1, 2, 3, padding_mode="neerest"), InputError, "did you mean 'nearest'"),
    (lambda: nn.Conv2d(1, 2, 3, padding_mode="mirror"), InputError, "the modes are zeros, reflect"),
    (lambda: F.pad(np.ones(3), (1, 1), "random"), InputError, "needs key="),
    (lambda: F.pad(np.ones(3), (1, 1), "reflect", key=1), InputError, 'key= goes with mode="random"'),
    (lambda: F.pad(np.ones(3), (-1, 1), "random", key=1), ShapeError, "mode='random' takes"),
    (lambda: kernels.binomial(4), InputError, "size=4; give an odd integer"),
    (lambda: kernels.binomial(99), InputError, "size=99"),
    (lambda: kernels.binomial(3.0), InputError, "size=3.0"),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD, ids=[m for *_, m in BAD])
def test_what_is_wrong_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_another_input_size_is_named():
    layer = nn.Conv2d(1, 2, 3, bias="position", input_size=8)
    with pytest.raises(ShapeError, match=r"\(7, 6\) positions and the bias \(6, 6\); .*input_size=\(8, 8\)"):
        layer.apply(*layer.init(0), np.ones((1, 1, 9, 8)), training=False)
