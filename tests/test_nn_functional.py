"""nn.functional against torch in float64: values and all gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from torch_cases import JUDGE, agree, close, rng_array

import difflab as dl

F = dl.nn.functional


def compare(name: str, arrays: list[Any], args: Any = (), kwargs: Any = None) -> None:
    """The function of that name against torch's."""
    kwargs = kwargs or {}
    ours, theirs = getattr(F, name), getattr(JUDGE.torch.nn.functional, name)
    # torch has 1/6 in single precision there
    rtol = 1e-7 if name == "hardsigmoid" else 1e-8
    agree(lambda *x: ours(*x, *args, **kwargs), lambda *x: theirs(*x, *args, **kwargs), arrays, rtol)


X2 = rng_array((2, 4, 9, 8))
CONV2 = [
    {},
    {"stride": 2},
    {"padding": 1},
    {"padding": "same"},
    {"padding": "valid"},
    {"stride": (2, 3), "padding": (2, 1), "dilation": (2, 1)},
    {"groups": 2, "padding": 1},
    {"groups": 4, "stride": 3},
    {"dilation": 2, "padding": "same"},
]


@pytest.mark.usefixtures("torch")
@pytest.mark.parametrize("options", CONV2, ids=str)
@pytest.mark.parametrize("size", [(3, 3), (2, 1)])
def test_conv2d(options, size):
    w = rng_array((4, 4 // options.get("groups", 1), *size), 1)
    compare("conv2d", [X2, w, rng_array(4, 2)], kwargs=options)


@pytest.mark.usefixtures("torch")
@pytest.mark.parametrize("options", [{}, {"stride": 2, "padding": 1}, {"groups": 3, "dilation": 2}], ids=str)
def test_conv1d(options):
    w = rng_array((6, 3 // options.get("groups", 1), 3), 1)
    compare("conv1d", [rng_array((2, 3, 10)), w, rng_array(6, 2)], kwargs=options)
    compare("conv1d", [rng_array((3, 10)), w, None], kwargs=options)


@pytest.mark.usefixtures("torch")
@pytest.mark.parametrize("options", [{}, {"stride": 2, "padding": 1}, {"groups": 2}], ids=str)
def test_conv3d(options):
    w = rng_array((2, 2 // options.get("groups", 1), 3, 2, 2), 1)
    compare("conv3d", [rng_array((2, 2, 4, 5, 4)), w, rng_array(2, 2)], kwargs=options)


@pytest.mark.usefixtures("torch")
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"stride": 2, "output_padding": 1},
        {"stride": (2, 3), "padding": (1, 2), "output_padding": (1, 0)},
        {"groups": 2, "dilation": 2, "padding": 2},
        {"dilation": 3, "output_padding": 2, "padding": 1},
    ],
    ids=str,
)
def test_conv_transpose(options):
    groups = options.get("groups", 1)
    x = rng_array((2, 4, 5, 6))
    compare("conv_transpose2d", [x, rng_array((4, 3, 3, 3), 1), rng_array(3 * groups, 2)], kwargs=options)
    if all(isinstance(v, int) for v in options.values()):
        arrays = [x[:, :, 0], rng_array((4, 3, 3), 1), rng_array(3 * groups, 2)]
        compare("conv_transpose1d", arrays, kwargs=options)


POOL = [
    {"kernel_size": 2},
    {"kernel_size": 3, "stride": 2},
    {"kernel_size": 3, "stride": 2, "padding": 1},
    {"kernel_size": (3, 2), "stride": (2, 3), "padding": (1, 0), "ceil_mode": True},
    {"kernel_size": 2, "stride": 3, "ceil_mode": True},
    {"kernel_size": 4, "stride": 3, "padding": 2, "ceil_mode": True},
    {"kernel_size": (10, 7), "stride": (3, 2), "ceil_mode": True},
]


@pytest.mark.usefixtures("torch")
@pytest.mark.parametrize(
    "options",
    [
        *POOL,
        {"kernel_size": 3, "dilation": 2, "stride": 1, "padding": 1},
        {"kernel_size": 2, "dilation": 3, "stride": 2, "padding": 1, "ceil_mode": True},
    ],
    ids=str,
)
def test_max_pool2d(options):
    compare("max_pool2d", [X2], kwargs=options)
    compare("max_pool2d", [X2[0]], kwargs=options | {"return_indices": True})


@pytest.mark.usefixtures("torch")
@pytest.mark.parametrize("options", POOL, ids=str)
@pytest.mark.parametrize("more", [{}, {"count_include_pad": False}, {"divisor_override": 5}], ids=str)
def test_avg_pool2d(options, more):
    compare("avg_pool2d", [X2], kwargs=options | more)


@pytest.mark.usefixtures("torch")
@pytest.mark.parametrize("size", [1, 3, (4, 5), (None, 2), (9, 8), (11, 3)], ids=str)
def test_adaptive(size):
    compare("adaptive_avg_pool2d", [X2], (size,))
    compare("adaptive_max_pool2d", [X2], (size,))
    compare("adaptive_max_pool2d", [X2[1]], (size,), {"return_indices": True})


ACTIVATIONS = [
    ("relu", {}), ("relu6", {}), ("leaky_relu", {}), ("leaky_relu", {"negative_slope": 0.3}), ("elu", {}),
    ("elu", {"alpha": 0.5}), ("selu", {}), ("celu", {}), ("celu", {"alpha": 2.0}), ("gelu", {}),
    ("gelu", {"approximate": "tanh"}), ("silu", {}), ("mish", {}), ("sigmoid", {}), ("hardsigmoid", {}),
    ("hardswish", {}), ("hardtanh", {}), ("hardtanh", {"min_val": -2.0, "max_val": 0.5}), ("tanh", {}),
    ("softplus", {}), ("softplus", {"beta": 2.0, "threshold": 3.0}), ("softsign", {}), ("softmax", {"dim": 1}),
    ("softmin", {"dim": 0}), ("log_softmax", {"dim": -1}), ("logsigmoid", {}), ("glu", {}), ("glu", {"dim": 0}),
    ("tanhshrink", {}), ("softshrink", {}), ("softshrink", {"lambd": 1.5}), ("hardshrink", {}),
    ("threshold", {"threshold": 0.3, "value": -2.0}),
]  # fmt: skip
KINKS = np.array([[-3.0, -2.0, -1.0, -0.5, 0.0, 0.3], [0.5, 1.0, 1.5, 2.0, 3.0, 6.0]])


@pytest.mark.usefixtures("torch")
@pytest.mark.parametrize("name, options", ACTIVATIONS, ids=str)
def test_activation(name, options):
    compare(name, [5 * rng_array((4, 6))], kwargs=options)
    compare(name, [KINKS], kwargs=options)


def normal(running: bool, weight: bool, bias: bool, channels: int = 4) -> list[Any]:
    return [
        rng_array(channels, 3) if running else None,
        np.abs(rng_array(channels, 4)) + 0.5 if running else None,
        rng_array(channels, 5) if weight else None,
        rng_array(channels, 6) if bias else None,
    ]


@pytest.mark.parametrize("shape", [(5, 4), (3, 4, 5), (2, 4, 3, 5)], ids=str)
@pytest.mark.parametrize("parts", [(True, True, True), (True, False, True), (False, True, False)], ids=str)
def test_batch_norm(torch, shape, parts):
    x, (mean, var, weight, bias) = rng_array(shape), normal(*parts)

    def theirs(x: Any, mean: Any, var: Any, weight: Any, bias: Any) -> Any:
        new = [None if v is None else v.detach().clone() for v in (mean, var)]
        y = torch.nn.functional.batch_norm(x, *new, weight, bias, True, 0.3)
        return (y, *(v for v in new if v is not None)) if parts[0] else y

    arrays = [x, mean, var, weight, bias]
    close(
        F.batch_norm(*arrays, training=True, momentum=0.3),
        lambda: theirs(*[None if a is None else torch.tensor(a) for a in arrays]),
    )
    for training in sorted({True, not parts[0]}):  # torch has no gradients by the statistics
        given = [None, None] if training else [mean, var]
        agree(
            lambda x, w, b, given=given, training=training: F.batch_norm(x, *given, w, b, training, eps=1e-3),
            lambda x, w, b, given=given, training=training: torch.nn.functional.batch_norm(
                x, *[None if v is None else torch.tensor(v) for v in given], w, b, training, eps=1e-3
            ),
            [x, weight, bias],
        )


@pytest.mark.parametrize("shape", [(4,), (3, 4)], ids=str)
@pytest.mark.parametrize("affine", [True, False])
def test_layer_norm_and_rms_norm(torch, shape, affine):
    x = rng_array((2, 3, 4))
    w, b = (rng_array(shape, 1), rng_array(shape, 2)) if affine else (None, None)
    agree(
        lambda x, w, b: F.layer_norm(x, shape, w, b),
        lambda x, w, b: torch.nn.functional.layer_norm(x, shape, w, b),
        [x, w, b],
    )
    agree(
        lambda x, w: F.rms_norm(x, shape, w),
        lambda x, w: torch.nn.functional.rms_norm(x, shape, w),
        [x, w],
    )


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"label_smoothing": 0.2},
        {"reduction": "sum"},
        {"reduction": "none"},
        {"label_smoothing": 0.1, "reduction": "none"},
        {"ignore_index": 2},
        {"ignore_index": 1, "label_smoothing": 0.3},
    ],
    ids=str,
)
@pytest.mark.parametrize("shape", [(4,), (5, 4), (3, 4, 2), (2, 4, 3, 2)], ids=str)
@pytest.mark.parametrize("weight", [False, True])
def test_cross_entropy(torch, options, shape, weight):
    rng = np.random.default_rng(3)
    axis = 0 if len(shape) == 1 else 1
    y = rng.integers(0, 4, tuple(n for k, n in enumerate(shape) if k != axis))
    if options.get("ignore_index") is None and y.ndim:
        y.ravel()[0] = -100
    w = np.abs(rng_array(4, 9)) if weight else None
    p = np.abs(rng.normal(size=shape))
    for target in (y, p / p.sum(axis=axis, keepdims=True))[: 1 if "ignore_index" in options else 2]:
        agree(
            lambda z, target=target: F.cross_entropy(z, target, w, **options),
            lambda z, target=target: torch.nn.functional.cross_entropy(
                z, torch.tensor(target), None if w is None else torch.tensor(w), **options
            ),
            [3 * rng_array(shape)],
        )
