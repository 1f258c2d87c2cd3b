"""Networks in compiled programs: pooling before arithmetic, memory order, transposed products; values as without."""

from __future__ import annotations

import numpy as np
import pytest

import difflab as dl
from difflab.compile.passes import pipeline as passes

F = dl.nn.functional
RNG = np.random.default_rng(0)
X = RNG.normal(size=(3, 2, 8, 9)).astype(np.float32)
W, B = RNG.normal(size=(4, 2, 3, 3)).astype(np.float32), RNG.normal(size=4).astype(np.float32)
EACH = RNG.normal(size=(3, 1, 1, 1)).astype(np.float32)

NETS = {
    "bias, relu, pool": lambda x, w, b: F.max_pool2d(F.relu(F.conv2d(x, w, b)), 2),
    "uneven windows": lambda x, w, b: F.max_pool2d(F.relu(F.conv2d(x, w, b)), 3, 2),
    "padding of the pool": lambda x, w, b: F.max_pool2d(F.relu(F.conv2d(x, w, b, padding=1)), 3, 2, 1, ceil_mode=True),
    "pool, then relu": lambda x, w, b: F.relu(F.max_pool2d(F.conv2d(x, w, b), 2)),
    "tanh": lambda x, w, b: F.max_pool2d(np.tanh(F.conv2d(x, w, b)), 2),
    "leaky": lambda x, w, b: F.max_pool2d(F.leaky_relu(F.conv2d(x, w, b)), 2),
    "falling": lambda x, w, b: F.max_pool2d(-F.conv2d(x, w, b), 2),
    "negative slope": lambda x, w, b: F.max_pool2d(F.leaky_relu(F.conv2d(x, w, b), -0.5), 2),
    "the relu is read twice": lambda x, w, b: (lambda y: np.sum(F.max_pool2d(y, 2)) + np.sum(np.sin(y)))(
        F.relu(F.conv2d(x, w, b))
    ),
    "two pools of one relu": lambda x, w, b: (
        lambda y: np.sum(F.max_pool2d(y, 2) ** 2) + np.sum(F.max_pool2d(y, 3) ** 3)
    )(F.relu(F.conv2d(x, w, b))),
    "batch norm": lambda x, w, b: F.max_pool2d(F.relu(F.batch_norm(F.conv2d(x, w), None, None, b, b, True)), 2),
    "no pool": lambda x, w, b: F.conv2d(F.relu(F.conv2d(x, w, b)), np.ones((1, 4, 2, 2), np.float32)),
    "mean": lambda x, w, b: F.avg_pool2d(F.gelu(F.conv2d(x, w, b)), 2),
    "a number for each sample": lambda x, w, b: F.max_pool2d(F.conv2d(x, w, b) + EACH, 2),
    "a bias along the columns": lambda x, w, b: F.max_pool2d(F.conv2d(x, w) + np.arange(7, dtype=np.float32), 2),
    "residual": lambda x, w, b: F.relu(F.conv2d(x, w, b, padding=1) + np.concatenate([x, x], axis=1)),
    "reshaped": lambda x, w, b: F.linear(
        F.max_pool2d(F.relu(F.conv2d(x, w, b)), 2).reshape((3, -1)), np.ones((5, 36), np.float32)
    ),
    "any": lambda x, w, b: (lambda y: np.where(np.any(y > 3, axis=(2, 3), keepdims=True), F.max_pool2d(y, 2), 0))(
        F.relu(F.conv2d(x, w, b))
    ),
    "below": lambda x, w, b: (lambda y: np.where(np.any(y < -3, axis=(2, 3), keepdims=True), F.max_pool2d(y, 2), 0))(
        F.conv2d(x, w, b) - 1
    ),
}


@pytest.mark.parametrize("name", NETS)
def test_programs_keep_values_and_gradients(name):
    f = lambda p: np.sum(np.sin(NETS[name](*p)) * 1.0)
    plain, program = dl.value_and_grad(f), dl.compile(dl.value_and_grad(f))
    for scale in (1.0, 1.0, 0.3):
        point = [scale * X, W, B]
        value, gradients = program(point)
        wanted, slopes = plain(point)
        assert value.dtype == np.float32
        np.testing.assert_allclose(value, wanted, rtol=2e-5, atol=1e-5)
        for g, s in zip(gradients, slopes):
            assert g.shape == s.shape and g.dtype == s.dtype
            np.testing.assert_allclose(g, s, rtol=1e-4, atol=2e-5 * max(1, np.abs(s).max()))


def names(graph):
    return [n.primitive.name for n in graph.order]


def test_bias_and_relu_go_behind_the_pool():
    """What is between the convolution and the pooling acts on the largest elements, and the two are one node."""
    f = dl.grad(lambda p: np.sum(F.max_pool2d(F.relu(F.conv2d(X[:, :, :8, :8], *p)), 2) ** 2))
    graph, _ = passes.optimise(dl.trace(f, [W, B]))
    assert "conv_max_pool" in names(graph) and "window_write" not in names(graph)
    full = (3, 4, 6, 6)
    assert not [n for n in graph.order if getattr(n, "shape", None) == full and n.primitive.kind == "elementwise"]


def test_transposed_products():
    x = RNG.normal(size=(6, 3))
    graph, _ = passes.optimise(dl.trace(dl.grad(lambda w: np.sum(F.linear(x, w) ** 2)), np.ones((4, 3))))
    assert graph.outputs[0].primitive.name == "matmul"
    w = RNG.normal(size=(4, 3))
    program = dl.compile(dl.grad(lambda w: np.sum(F.linear(x, w) ** 2)))
    for _ in range(3):
        found = program(w)
    np.testing.assert_allclose(found, 2 * (x @ w.T).T @ x, rtol=1e-12)
    assert found.flags.c_contiguous
