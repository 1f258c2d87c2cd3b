"""Images, attention, recurrence and dropout of nn.functional, against torch and by themselves."""

from __future__ import annotations

import inspect
import re
from typing import Any

import numpy as np
import pytest
from torch_cases import JUDGE, agree, close, rng_array, told

import difflab as dl
from difflab.errors import InputError, ShapeError

F = dl.nn.functional
X = rng_array((2, 4, 6, 5))


def both(name: str, arrays: list[Any], *args: Any, **kwargs: Any) -> None:
    theirs = getattr(JUDGE.torch.nn.functional, name)
    agree(lambda *x: getattr(F, name)(*x, *args, **kwargs), lambda *x: theirs(*x, *args, **kwargs), arrays)


PADS = [
    ("constant", (1, 2), 0.0),
    ("constant", (1, 2, 0, 3), 1.5),
    ("constant", (-1, 2, 1, -2), 0.0),
    ("reflect", (2, 1, 0, 3), None),
    ("replicate", (2, 1, 5, 0), None),
    ("circular", (5, 1, 2, 3), None),
]


@pytest.mark.usefixtures("torch")
@pytest.mark.parametrize("mode, widths, value", PADS, ids=str)
def test_pad(mode, widths, value):
    both("pad", [X], widths, mode, value)


@pytest.mark.usefixtures("torch")
@pytest.mark.parametrize(
    "options", [{}, {"stride": 2}, {"padding": (1, 2), "dilation": 2}, {"stride": (1, 3)}], ids=str
)
def test_unfold_and_fold(options):
    both("unfold", [X], (2, 3), **options)
    columns = F.unfold(X, (2, 3), **options)
    both("fold", [columns + rng_array(columns.shape, 3)], (6, 5), (2, 3), **options)
    both("fold", [columns[0]], (6, 5), (2, 3), **options)


@pytest.mark.usefixtures("torch")
def test_pixel_shuffle():
    both("pixel_shuffle", [X], 2)
    both("pixel_unshuffle", [X[..., :4]], 2)


INTERPOLATIONS = [
    {"size": (9, 4)}, {"scale_factor": 2}, {"scale_factor": (1.7, 0.6)}, {"size": (3, 11), "mode": "nearest-exact"},
    {"size": (9, 4), "mode": "bilinear"}, {"size": (9, 4), "mode": "bilinear", "align_corners": True},
    {"scale_factor": (1.7, 0.6), "mode": "bilinear"}, {"size": (9, 3), "mode": "bicubic"},
    {"scale_factor": 2.0, "mode": "bicubic", "align_corners": True}, {"size": (4, 3), "mode": "area"},
    {"scale_factor": 1.3, "mode": "bilinear", "recompute_scale_factor": True},
]  # fmt: skip


@pytest.mark.usefixtures("torch")
@pytest.mark.parametrize("options", INTERPOLATIONS, ids=str)
def test_interpolate(options):
    both("interpolate", [X], **options)


@pytest.mark.usefixtures("torch")
def test_interpolate_sequences():
    both("interpolate", [X[0]], size=9, mode="linear")
    both("interpolate", [X[0]], scale_factor=0.5)


@pytest.mark.usefixtures("torch")
@pytest.mark.parametrize("shape", [(2, 3, 4), (2, 2, 3, 4)], ids=str)
@pytest.mark.parametrize("options", [{}, {"is_causal": True}, {"scale": 0.3}], ids=str)
def test_attention(shape, options):
    q, k, v = (rng_array(shape, s) for s in range(3))
    both("scaled_dot_product_attention", [q, k, v], **options)


def test_attention_masks(torch):
    theirs = torch.nn.functional.scaled_dot_product_attention
    q, k, v = rng_array((2, 3, 4)), rng_array((2, 5, 4), 1), rng_array((2, 5, 2), 2)
    seen = rng_array((3, 5), 4) > 0
    seen[1] = False  # nothing to be seen
    for mask in (seen, np.where(seen, 0.5, -np.inf)):
        agree(
            lambda q, k, v, mask=mask: F.scaled_dot_product_attention(q, k, v, mask),
            lambda q, k, v, mask=mask: theirs(q, k, v, torch.tensor(mask)),
            [q, k, v],
        )
    q, k, v = rng_array((2, 4, 3, 4)), rng_array((2, 2, 3, 4), 1), rng_array((2, 2, 3, 4), 2)
    both("scaled_dot_product_attention", [q, k, v], enable_gqa=True)


HEADS = [
    {},
    {"mask": "causal"},
    {"mask": "padding"},
    {"bias": True},
    {"zero": True, "mask": "padding"},
    {"separate": True},
    {"average_attn_weights": False},
    {"need_weights": False},
    {"batch": False},
]


@pytest.mark.parametrize("case", HEADS, ids=str)
def test_multi_head_attention(torch, case):
    batch = (2,) if case.get("batch", True) else ()
    q, k, v = rng_array((3, *batch, 4)), rng_array((5, *batch, 4), 1), rng_array((5, *batch, 4), 2)
    w, b, out, out_b = rng_array((12, 4), 3), rng_array(12, 4), rng_array((4, 4), 5), rng_array(4, 6)
    more = [rng_array((1, 1, 4), 8), rng_array((1, 1, 4), 9)] if case.get("bias") else [None, None]
    options = {n: case[n] for n in ("average_attn_weights", "need_weights") if n in case}
    causal = np.triu(np.ones((3, 5), bool), 1) if case.get("mask") == "causal" else None
    padding = np.arange(5) > np.array([[2], [3]]) if case.get("mask") == "padding" else None
    separate = bool(case.get("separate"))

    def call(f: Any, tensor: Any) -> Any:
        def run(q: Any, k: Any, v: Any, w: Any, b: Any, out: Any, out_b: Any, *more: Any) -> Any:
            parts = dict(zip(("q_proj_weight", "k_proj_weight", "v_proj_weight"), (w[:4], w[4:8], w[8:])))
            masks = {"attn_mask": tensor(causal), "key_padding_mask": tensor(padding)}
            return f(
                q, k, v, 4, 2, None if separate else w, b, *more, bool(case.get("zero")), 0.0, out, out_b,
                use_separate_proj_weight=separate, **(parts if separate else {}), **masks, **options,
            )  # fmt: skip

        return run

    agree(
        call(F.multi_head_attention_forward, lambda m: m),
        call(torch.nn.functional.multi_head_attention_forward, lambda m: None if m is None else torch.tensor(m)),
        [q, k, v, w, b, out, out_b, *more],
    )


KINDS = {"rnn": 1, "gru": 3, "lstm": 4}


def weights(gates: int, size: int, hidden: int, layers: int, directions: int, biases: bool) -> list[Any]:
    found = []
    for layer in range(layers):
        for d in range(directions):
            n = size if layer == 0 else hidden * directions
            shapes = [(gates * hidden, n), (gates * hidden, hidden), *[(gates * hidden,)] * (2 if biases else 0)]
            found += [rng_array(s, 10 * layer + 5 * d + k) for k, s in enumerate(shapes)]
    return found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "layers, directions, biases, batch_first", [(1, 1, True, False), (2, 2, True, True), (1, 2, False, False)]
)
@pytest.mark.parametrize("batch", [(3,), ()], ids=["batch", "one"])
def test_recurrent_layers_against_torch(torch, kind, layers, directions, biases, batch_first, batch):
    if batch_first and not batch:
        return
    x = rng_array((3, 4, 2) if batch_first else (4, *batch, 2))
    states = [rng_array((layers * directions, *batch, 3), s) for s in range(2 if kind == "lstm" else 1)]
    params = weights(KINDS[kind], 2, 3, layers, directions, biases)
    args = (biases, layers, 0.0, False, directions == 2, batch_first)
    theirs = {"rnn": torch.rnn_tanh, "gru": torch.gru, "lstm": torch.lstm}[kind]

    def call(f: Any) -> Any:
        def run(x: Any, *rest: Any) -> Any:
            hx = rest[: len(states)]
            return f(x, hx if kind == "lstm" else hx[0], list(rest[len(states) :]), *args)

        return run

    def with_batch_dim(f: Any) -> Any:  # torch's functions want a batch
        def run(x: Any, *rest: Any) -> Any:
            hx = [h[:, None] for h in rest[: len(states)]]
            y, *last = f(x[:, None], hx if kind == "lstm" else hx[0], list(rest[len(states) :]), *args)
            return y[:, 0], *[h[:, 0] for h in last]

        return run

    agree(call(getattr(F, kind)), call(theirs) if batch else with_batch_dim(theirs), [x, *states, *params])


@pytest.mark.parametrize("kind", KINDS)
def test_cells(torch, kind):
    theirs = {"rnn": torch.rnn_tanh_cell, "gru": torch.gru_cell, "lstm": torch.lstm_cell}[kind]
    params = weights(KINDS[kind], 2, 3, 1, 1, True)
    x, h, c = rng_array((5, 2)), rng_array((5, 3), 1), rng_array((5, 3), 2)
    if kind == "lstm":
        ours = lambda x, h, c, *p: F.lstm_cell(x, (h, c), *p)
        agree(ours, lambda x, h, c, *p: theirs(x, (h, c), *p), [x, h, c, *params])
    else:
        agree(getattr(F, f"{kind}_cell"), theirs, [x, h, *params])


def test_sequences_compile():
    params = [p.astype(np.float32) for p in weights(4, 2, 3, 2, 1, True)]
    x = rng_array((5, 3, 2)).astype(np.float32)
    f = lambda params, x: np.mean(np.square(F.lstm(x, None, params, num_layers=2)[0]))
    program = dl.compile(dl.value_and_grad(f))
    for _ in range(3):
        value, gradients = program(params, x)
    wanted, slopes = dl.value_and_grad(f)(params, x)
    assert value == pytest.approx(wanted, rel=1e-5)
    for g, s in zip(gradients, slopes):
        np.testing.assert_allclose(g, s, rtol=1e-4, atol=1e-6)


OTHERS = [
    ("linear", [rng_array((2, 3, 4)), rng_array((5, 4), 1), rng_array(5, 2)], {}),
    ("linear", [rng_array((2, 4)), rng_array(4, 1)], {}),
    ("bilinear", [rng_array((2, 3)), rng_array((2, 4), 1), rng_array((5, 3, 4), 2), rng_array(5, 3)], {}),
    ("prelu", [rng_array((2, 3, 4)), rng_array(3, 1)], {}),
    ("prelu", [rng_array((2, 3)), rng_array(1, 1)], {}),
    ("normalize", [rng_array((2, 3))], {"p": 3.0, "dim": 0}),
    ("normalize", [rng_array((2, 3))], {}),
    ("local_response_norm", [np.abs(X)], {"size": 3, "alpha": 0.5}),
    ("local_response_norm", [X[0]], {"size": 2, "k": 2.0}),
    ("group_norm", [X], {"num_groups": 2}),
    ("instance_norm", [X], {}),
    ("lp_pool2d", [np.abs(X)], {"norm_type": 2.5, "kernel_size": 2, "ceil_mode": True}),
    ("lp_pool1d", [np.abs(X[0])], {"norm_type": 2.0, "kernel_size": 3, "stride": 2}),
    ("max_pool1d", [X[0]], {"kernel_size": 3, "stride": 2, "padding": 1, "return_indices": True}),
    ("avg_pool1d", [X[0]], {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}),
    ("max_pool3d", [X], {"kernel_size": 2, "ceil_mode": True}),
    ("avg_pool3d", [X], {"kernel_size": (2, 3, 2), "divisor_override": 7}),
    ("adaptive_avg_pool1d", [X[0]], {"output_size": 2}),
    ("adaptive_max_pool1d", [X[0]], {"output_size": 3}),
]


@pytest.mark.usefixtures("torch")
@pytest.mark.parametrize("name, arrays, options", OTHERS, ids=lambda v: v if isinstance(v, str) else None)
def test_further_functions_against_torch(name, arrays, options):
    both(name, arrays, **options)


@pytest.mark.parametrize("options", [{}, {"padding_idx": 1}, {"padding_idx": -1}, {"max_norm": 1.0}], ids=str)
def test_embedding(torch, options):
    numbers = np.array([[0, 1, 3], [3, 3, 1]])
    theirs = lambda w: torch.nn.functional.embedding(torch.tensor(numbers), w.clone() * 1.0, **options)
    if "max_norm" in options:  # torch changes the weight in place, which autograd only takes from a copy
        w = rng_array((4, 2))
        found = F.embedding(numbers, w, **options)
        wanted = lambda: torch.nn.functional.embedding(torch.tensor(numbers), torch.tensor(w.copy()), **options)
        close(found, wanted, rtol=1e-6)
        return
    agree(lambda w: F.embedding(numbers, w, **options), theirs, [rng_array((4, 2))])


MORE = {"dropout", "dropout1d", "dropout2d", "dropout3d", "scaled_dot_product_attention",
        "multi_head_attention_forward", "pad", "conv1d", "conv2d", "conv3d"}  # fmt: skip


def signature(f: Any) -> list[list[Any]] | None:
    """Names and defaults of the arguments, without those by keyword alone; None where Python does not know them."""
    try:
        found = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):
        return None
    plain = [p for p in found if p.kind is not p.KEYWORD_ONLY]
    return [[p.name, "required" if p.default is p.empty else p.default] for p in plain]


def test_signatures_are_torch_s(torch):
    """Names, order and defaults of the arguments; some of ours have a key or ceil_mode behind them."""
    theirs = told(lambda: {n: signature(getattr(torch.nn.functional, n, None)) for n in F.__all__})
    compared = 0
    for name, wanted in theirs.items():
        if wanted is None or {n for n, _ in wanted} <= {"args", "kwargs"}:
            continue
        found = signature(getattr(F, name))
        assert [n for n, _ in found] == [n for n, _ in wanted], name
        for (argument, ours), (_, other) in zip(found, wanted):
            assert ours == other or other == "required", (name, argument)
        assert len(found) == len(inspect.signature(getattr(F, name)).parameters) or name in MORE
        compared += 1
    assert compared > 50


# Without torch.
def test_random_numbers_come_from_the_key_alone():
    uniform = dl.numpy.random_uniform
    key = np.array([3, 4])
    x = uniform(key, shape=(1000,), dtype=np.float64)
    assert np.array_equal(x, uniform(key, shape=(1000,), dtype=np.float64))
    assert not np.array_equal(x, uniform(key + np.array([0, 1]), shape=(1000,), dtype=np.float64))
    assert 0 <= x.min() < x.max() < 1 and abs(x.mean() - 0.5) < 0.03
    assert uniform(key, shape=4, dtype=np.float32).dtype == np.float32
    with pytest.raises(TypeError, match="float64"):
        uniform(np.array([0.5, 1.0]), shape=4)
    with pytest.raises(ValueError, match=r"\(3,\)"):
        uniform(np.array([1, 2, 3]), shape=4)


@pytest.mark.parametrize("dtype", [np.int64, np.uint64])
def test_dropout(dtype):
    f = lambda x, key: np.sum(F.dropout(x, 0.3, key=key) ** 2)
    x, key = rng_array(50).astype(np.float32), np.array([1, 5], dtype)
    program = dl.compile(dl.value_and_grad(f))
    for count in range(4):
        now = key + dtype(count) * np.array([0, 1], dtype)
        value, gradient = program(x, now)
        assert gradient.dtype == np.float32
        kept = F.dropout(np.ones(50, np.float32), 0.3, key=now)
        assert set(np.round(kept, 4)) <= {0.0, np.float32(1.4286)}
        np.testing.assert_allclose(gradient, 2 * x * kept**2, rtol=1e-5)
        assert value == pytest.approx(np.sum((x * kept) ** 2), rel=1e-5)
    assert F.dropout(x, training=False) is x
    assert not F.dropout(x, 1.0, key=key).any()
    with pytest.raises(ValueError, match="key="):
        F.dropout(x)
    with pytest.raises(ValueError, match=r"p=1\.5"):
        F.dropout(x, 1.5, key=key)


ERRORS = [
    (lambda: F.conv2d(X, np.ones((3, 5, 2, 2))), r"4 channels.*weight.shape\[1\] \* groups = 5\*1 = 5"),
    (lambda: F.conv2d(X, np.ones((3, 4, 7, 2))), r"floor\(\(6 \+ 2\*0 - 1\*\(7 - 1\) - 1\)/1\) \+ 1 = 0"),
    (lambda: F.conv2d(X, np.ones((3, 2, 2, 2)), groups=2), "groups=2 does not divide the 3"),
    (lambda: F.conv2d(X, np.ones((3, 4, 2, 2)), np.ones(2)), r"bias has shape \(2,\).*3 output channels"),
    (lambda: F.conv2d(X, np.ones((3, 4, 2, 2)), stride=2, padding="same"), "stride 1"),
    (lambda: F.conv2d(X, np.ones((3, 4, 2, 2)), padding="full"), "'full'"),
    (lambda: F.conv2d(X[0, 0], np.ones((3, 4, 2, 2))), r"\(6, 5\)"),
    (lambda: F.conv_transpose2d(X, np.ones((3, 4, 2, 2))), r"C_in = weight.shape\[0\] = 3"),
    (lambda: F.conv_transpose2d(X, np.ones((4, 3, 2, 2)), output_padding=1), "output_padding"),
    (lambda: F.convolve2d(np.ones(3), np.ones((2, 2))), "one image"),
    (lambda: F.max_pool2d(X, 7), r"floor\(\(6 \+ 2\*0"),
    (lambda: F.max_pool2d(X, 2, padding=2), "half of kernel_size"),
    (lambda: F.avg_pool2d(X, 2, divisor_override=0), "divisor_override=0"),
    (lambda: F.avg_pool2d(X, (2, 2, 2)), "kernel_size"),
    (lambda: F.batch_norm(X, np.ones(3), np.ones(4)), r"running_mean has shape \(3,\).*4 channels"),
    (lambda: F.batch_norm(X, None, None), "running_mean and running_var"),
    (lambda: F.batch_norm(np.ones((1, 3)), None, None, training=True), "more than one value"),
    (lambda: F.layer_norm(X, (6, 4)), r"\(6, 4\).*\(2, 4, 6, 5\)"),
    (lambda: F.group_norm(X, 3), "num_groups=3"),
    (lambda: F.linear(X, np.ones((3, 4))), r"\(2, 4, 6, 5\).*\(3, 4\)"),
    (lambda: F.glu(X), "even"),
    (lambda: F.pad(X, (9, 0), "reflect"), "5 elements"),
    (lambda: F.fold(np.ones((6, 3)), (6, 5), (2, 3)), r"5 \* 3 = 15"),
    (lambda: F.interpolate(X), "size or scale_factor"),
    (lambda: F.softmax(X, 7), "dim=7"),
    (lambda: F.lstm(X[0], None, [np.ones((3, 5))]), "1 parameters"),
]


@pytest.mark.parametrize("call, message", ERRORS)
def test_wrong_arguments_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("query, key, value", [[(3,), (3,), (3,)], [(3,), (2, 3), (2, 1)], [(2, 3), (3,), (2, 1)],
                         [(2, 3), (2, 3), (2,)], [(2, 3), (2, 4), (2, 1)], [(2, 3), (2, 3), (4, 1)]])  # fmt: skip
def test_attention_refuses_shapes_that_do_not_fit(query, key, value):
    with pytest.raises(ShapeError, match="scaled_dot_product_attention: query"):
        F.scaled_dot_product_attention(np.ones(query), np.ones(key), np.ones(value))


@pytest.mark.parametrize("mode", ["valid", "same", "full"])
@pytest.mark.parametrize("flip", [True, False])
def test_convolve2d(mode, flip):
    from scipy import signal

    x, k = rng_array((7, 6)), rng_array((3, 4), 1)
    theirs = (signal.convolve2d if flip else signal.correlate2d)(x, k, mode)
    np.testing.assert_allclose(F.convolve2d(x, k, mode, flip=flip), theirs, atol=1e-12)
    dl.testing.check_grads(lambda x, k: np.sum(np.sin(F.convolve2d(x, k, mode, flip=flip))), (x, k))


def test_adaptive_sizes_and_dim_none():
    assert F.softmax(X).shape == X.shape
    np.testing.assert_allclose(np.sum(F.softmax(X), axis=1), 1)
    np.testing.assert_allclose(np.sum(F.softmax(X[0]), axis=0), 1)
    assert F.relu([-1, 2]).tolist() == [0.0, 2.0]


SMALL = rng_array((2, 2, 4, 3))
DIFFERENTIABLE = {
    "batch_norm": lambda x: F.batch_norm(x, None, None, training=True),
    "its statistics": lambda x: F.batch_norm(x, np.zeros(2), np.ones(2), training=True)[2],
    "layer_norm": lambda x: F.layer_norm(x, (4, 3)),
    "group_norm": lambda x: F.group_norm(x, 2),
    "avg_pool2d": lambda x: F.avg_pool2d(x, 2, divisor_override=3),
    "max_pool2d": lambda x: F.max_pool2d(x, 2, ceil_mode=True),
    "conv_transpose2d": lambda x: F.conv_transpose2d(x, x[:, :, :2, :2], stride=2),
    "unfold": lambda x: F.unfold(x, 2),
    "attention": lambda x: F.scaled_dot_product_attention(x, x, x, is_causal=True),
    "gru": lambda x: F.gru(x[0], None, [np.ones((6, 3)), np.ones((6, 2))], False)[0],
    "dropout": lambda x: F.dropout(x, key=1),
    "cross_entropy": lambda x: F.cross_entropy(x, np.array([[[0, 1, 1]] * 4] * 2), reduction="none"),
    "tanhshrink": F.tanhshrink,
    "softplus": F.softplus,
}


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_both_modes_and_second_order(name):
    dl.testing.check_grads(lambda x: np.sum(np.sin(DIFFERENTIABLE[name](x))), (SMALL,))


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_vmap(name):
    """Gradients of each sample, as one call."""
    gradient = dl.grad(lambda x: np.sum(np.sin(DIFFERENTIABLE[name](x))))
    batch = np.stack([SMALL, 2 * SMALL[::-1], SMALL + 1])
    for found, x in zip(dl.vmap(gradient)(batch), batch):
        np.testing.assert_allclose(found, gradient(x), rtol=1e-9, atol=1e-11)


def test_vmap_over_labels():
    f = dl.grad(lambda z, y: F.cross_entropy(z, y, ignore_index=0))
    z, y = rng_array((5, 3)), np.array([1, 0, 2, 2, 1])
    found = dl.vmap(f)(z, y)
    np.testing.assert_allclose(found[2:], [f(a, b) for a, b in zip(z[2:], y[2:])], rtol=1e-12)


WRONG_KINDS = [
    ("cross_entropy", [X[0, :, 0, 0], 1], {"ignore_index": None}, "ignore_index=None; give an integer"),
    ("cross_entropy", [X[0, :, 0, 0], 1], {"label_smoothing": "a"}, "label_smoothing='a'; give a number"),
    ("huber_loss", [X, X], {"delta": None}, "huber_loss: delta=None"),
    ("dropout", [X], {"p": "half", "key": 0}, "dropout: p='half'"),
    ("celu", [X], {"alpha": None}, "celu: alpha=None"),
    ("layer_norm", [X], {"normalized_shape": 1.5}, "normalized_shape=1.5; give an integer"),
    ("local_response_norm", [X], {"size": 0}, "size=0; it must be at least 1"),
    ("batch_norm", [X], {"running_mean": None, "running_var": None, "training": True, "eps": None}, "eps=None"),
    ("cosine_similarity", [X, X], {"dim": "a"}, "dim='a'; give an integer"),
    ("lp_pool2d", [X[0]], {"norm_type": "a", "kernel_size": 1}, "lp_pool2d: norm_type='a'"),
    ("embedding", [[0], np.ones((2, 2))], {"padding_idx": "a"}, "padding_idx='a'"),
    ("pad", [X], {"pad": None}, "pad=None; give two integers"),
    ("scaled_dot_product_attention", [X, X, X], {"scale": "a"}, "scale='a'"),
]


@pytest.mark.parametrize("name, arrays, options, message", WRONG_KINDS, ids=lambda v: v if isinstance(v, str) else None)
def test_settings_of_a_wrong_kind_are_refused_by_name(name, arrays, options, message):
    with pytest.raises(InputError, match=re.escape(message)):
        getattr(F, name)(*arrays, **options)


def test_settings_may_be_traced():
    assert dl.grad(lambda a: np.sum(F.leaky_relu(np.array([-2.0, 1.0]), a)))(0.5) == -2
