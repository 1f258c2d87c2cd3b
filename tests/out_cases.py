"""What is brought out to PyTorch, ONNX, NumPy and C: functions with points, models, and the calls of every row."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import optree
from scipy import special
from table_arrays import calls, leaves
from table_elementwise import WHOLE, examples, operands_of
from test_primitives_elementwise import sample

import difflab as dl
import difflab.numpy as dnp
from difflab import nn
from difflab.errors import UnsupportedError
from difflab.graph.node_carrier import NODE
from difflab.graph.trace import record
from difflab.nn import functional as F
from difflab.primitives import TABLE

R = np.random.default_rng(7)
M, V, P, S = R.normal(size=(3, 4)), R.normal(size=4), R.uniform(0.2, 2.0, 5), R.normal(size=(3, 3)) + 4 * np.eye(3)
IMAGE, FILTERS = R.normal(size=(2, 2, 6, 7)), R.normal(size=(3, 2, 3, 3))
PLACES, NODES = np.array([2, 0, 0, 1]), np.arange(1.0, 5.0)


def newton(x):
    return dl.while_loop(lambda v: np.abs(v * v - x) > 1e-10, lambda v: 0.5 * (v + x / v), x)


def accumulated(x):
    return dl.scan(lambda c, t: (np.sin(c) * t, c * c), x, NODES)


def backwards(x):
    return dl.scan(lambda c, t: (c + np.tanh(t * x), c), 0.0 * x, NODES, reverse=True)


def either(x):
    return dl.cond(x > 1, lambda v: v * np.exp(-v), lambda v: np.sin(v) + 1, x)


def loss(w, x):
    return np.mean((np.tanh(x @ w) - 0.5) ** 2)


# name: the function and its point
FUNCTIONS = {
    "polynomial": (lambda x: 3 * x**3 - 2 * x + 1, (0.7,)),
    "product": (lambda x, y, z: (x + y) * z, (-2.0, 5.0, -4.0)),
    "neuron": (lambda w, x: special.expit(np.dot(w, x)), (V, V[::-1].copy())),
    "trigonometric": (lambda x: np.sin(x) * np.cos(2 * x) + np.tan(x / 3), (P,)),
    "hyperbolic": (lambda x: np.sinh(x) / np.cosh(x) + np.arcsinh(x), (P,)),
    "inverse": (lambda x: np.arctan(x) + np.arcsin(x / 3) * np.arccos(x / 3), (P,)),
    "angle": (lambda x, y: np.arctan2(x, y), (V, V[::-1].copy())),
    "logarithms": (lambda x: np.log(x) + np.log1p(x) + np.log2(x) * np.log10(x), (P,)),
    "exponentials": (lambda x: np.exp(-x) + np.expm1(x) + np.exp2(x), (P,)),
    "powers": (lambda x: x**0.5 + x**2.5 + np.cbrt(x) + 2.0**x, (P,)),
    "hypot": (lambda x, y: np.hypot(x, y), (V, V[::-1].copy())),
    "normal": (lambda x: special.ndtr(x) + special.erf(x), (V,)),
    "softplus": (lambda x: np.logaddexp(0, x), (M,)),
    "largest": (lambda x: np.maximum(x, 0.1) + np.minimum(x, 0.3), (M,)),
    "chosen": (lambda x: np.where(x > 0, x, 0.1 * x), (M,)),
    "clipped": (lambda x: np.clip(x, -0.5, 0.5) * np.sign(x), (M,)),
    "absolute": (lambda x: np.sum(np.abs(x)), (M,)),
    "rounded": (lambda x: np.floor(x) + np.ceil(x) * x, (M,)),
    "mean": (lambda x: np.mean(x, axis=0) - np.mean(x), (M,)),
    "variance": (lambda x: np.var(x, axis=1) + np.std(x), (M,)),
    "extremes": (lambda x: np.max(x, axis=1) - np.min(x), (M,)),
    "products": (lambda x: np.prod(x, axis=0) + np.cumprod(x[0]), (M,)),
    "sums": (lambda x: np.cumsum(x, axis=1) + np.sum(x, axis=0, keepdims=True), (M,)),
    "norm": (lambda x: np.linalg.norm(x) + np.linalg.norm(x, axis=0), (M,)),
    "logsumexp": (lambda x: dnp.logsumexp(x, axis=1), (M,)),
    "softmax": (lambda x: dnp.softmax(x, axis=1) + dnp.log_softmax(x, axis=0), (M,)),
    "matrix": (lambda a, x: a @ x + a[:, 0], (M, V)),
    "einsum": (lambda a, b: np.einsum("ij,kj->ik", a, b), (M, M + 1)),
    "transposed": (lambda x: (x.T @ x)[::-1, 1:], (M,)),
    "read": (lambda x: x[PLACES[:3]] * x[0] + x[1, ::2].sum(), (M,)),
    "joined": (lambda x: np.concatenate([x, x[:1]], axis=0) + np.stack([x[0]] * 4), (M,)),
    "reshaped": (lambda x: np.reshape(x, (2, 6)) * np.ravel(x)[:6], (M,)),
    "padded": (lambda x: np.pad(x, 1) + np.pad(x, 1, mode="edge"), (M,)),
    "repeated": (lambda x: np.tile(x, 2) + np.repeat(x, 2, axis=1), (M,)),
    "moved": (lambda x: np.roll(x, 1, axis=1) + np.flip(x, 0) + np.tril(x), (M,)),
    "sorted": (lambda x: np.sort(x, axis=1), (M,)),
    "median": (lambda x: np.median(x, axis=0), (M,)),
    "determinant": (lambda a: np.linalg.det(a), (S,)),
    "differences": (lambda x: np.diff(x, axis=1), (M,)),
    "convolved": (lambda x: np.convolve(x, NODES, mode="same"), (V,)),
    "convolution": (lambda x, w: F.conv2d(x, w, padding=1, stride=2), (IMAGE, FILTERS)),
    "pooling": (lambda x: F.max_pool2d(x, 2) + F.avg_pool2d(x, 2), (IMAGE,)),
    "gradient": (dl.grad(loss), (V, M)),
    "gradient of convolution": (
        dl.grad(lambda w, x: np.sum(F.max_pool2d(np.tanh(F.conv2d(x, w)), 2))), (FILTERS, IMAGE)
    ),
    "Hessian": (dl.hessian(lambda x: np.sum(np.exp(x) * np.sin(x[0]))), (V,)),
    "several": (lambda x: (x * 2, {"sum": np.sum(x)}), (V,)),
    "scan": (accumulated, (0.3,)),
    "reverse scan": (backwards, (0.4,)),
    "branch": (either, (0.4,)),
    "other branch": (either, (1.7,)),
    "loop": (newton, (2.0,)),
    "gradient of scan": (dl.grad(lambda x: accumulated(x)[0] + np.sum(accumulated(x)[1])), (0.3,)),
}  # fmt: skip
NUMBERS_ONLY = ("loop",)  # whose length the values decide


class Residual(nn.Sequential):
    """x + f(x)."""

    def apply(self, params, state, x, *, training):
        y, after = super().apply(params, state, x, training=training)
        return x + y, after


def residual():
    inner = Residual(nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 4, 3, padding=1))
    return nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), inner, nn.Flatten(), nn.Linear(4 * 36, 3))


def autoencoder():
    parts = (nn.Linear(12, 6), nn.Tanh(), nn.Linear(6, 2), nn.Linear(2, 6), nn.GELU(), nn.Linear(6, 12), nn.Sigmoid())
    return nn.Sequential(*parts)


# name: the model and the shape of what goes in
MODELS = {
    "mlp": (lambda: nn.models.mlp((12, 8, 3)), (5, 12)),
    "lenet5": (nn.models.lenet5, (3, 1, 28, 28)),
    "batch norm": (lambda: nn.models.cnn(1, 4), (3, 1, 8, 8)),
    "residual": (residual, (3, 1, 6, 6)),
    "lstm": (lambda: nn.Outputs(nn.LSTM(4, 6, batch_first=True)), (3, 7, 4)),
    "gru": (lambda: nn.Outputs(nn.GRU(4, 6, bidirectional=True, batch_first=True)), (3, 7, 4)),
    "transformer": (lambda: nn.TransformerEncoderLayer(8, 2, dim_feedforward=16, batch_first=True), (3, 5, 8)),
    "autoencoder": (autoencoder, (4, 12)),
}


def model(name, dtype=np.float64):
    """A model, its parameters and state, and what goes in; the state is not the first one."""
    make, shape = MODELS[name]
    made = make()
    params, state = made.init(3, dtype)
    x = np.random.default_rng(5).normal(size=shape).astype(dtype)
    _, state = made.apply(params, state, x, training=True) if "norm" in name or name == "residual" else (None, state)
    return made, params, state, x


def output(made, params, state, x):
    return leaves(made.apply(params, state, x, training=False)[0])


def flat(found):
    return [np.asarray(x) for x in optree.tree_leaves(found)]


# Rows.
REASONS = ("has no form", "dtype", "decide", "index arrays", "looks at")
ROWS = [name for name, row in TABLE.items() if not row.leaf and row.kind != "pick"]


def row_calls(name):
    """Calls of a row with numbers: a function of the real operands, these, and what NumPy makes of them."""
    row = TABLE[name]
    if row.kind == "elementwise":
        plain = name in WHOLE or name == "imag" or name.startswith("logical")
        given = [(operands_of(name) if plain else sample(row, 40, 3), params) for params in examples(row)]
        with np.errstate(all="ignore"):
            cases = [(xs, params, row.evaluate(*xs, **params)) for xs, params in given]
    else:
        cases = list(calls(name))
    for xs, params, y in cases:
        moving = [k for k, x in enumerate(xs) if isinstance(x, np.ndarray | np.generic) and x.dtype.kind in "fc"]

        def f(*chosen, xs=xs, params=params, moving=moving):
            full = list(xs)
            for k, x in zip(moving, chosen):
                full[k] = x
            return NODE.of(row)(*full, **params)

        if moving:
            yield f, [xs[k] for k in moving], leaves(y)


def tried(name, run, check):
    """What became of a row: "written", "refused", or "no call"; `run(graph, values)` gives results or refuses."""
    outcome = "no call"
    for f, values, want in row_calls(name):
        graph, _ = record(f, *values)
        try:
            got = run(graph, values)
        except UnsupportedError as error:
            assert any(word in str(error) for word in ("has no form", "dtype", "decide", "index arrays", "looks at")), (
                error
            )
            if outcome != "written":
                outcome = "refused"
            continue
        outcome = "written"
        check(name, got, want)
    return outcome


def counted(target):
    """How many rows docs/bring-out.md says are written, refused, and never recorded."""
    text = (Path(dl.__file__).parent.parent / "docs" / "bring-out.md").read_text()
    numbers = re.search(rf"^\| {target} \| (\d+) \| (\d+) \| (\d+) \|$", text, re.MULTILINE).groups()
    return dict(zip(("written", "refused", "no call"), map(int, numbers)))
