"""Layers: PyTorch's values and gradients from PyTorch's weights, modes, states, errors, and what is built on them."""

from __future__ import annotations

import dataclasses
import inspect

import numpy as np
import optree
import pytest
from layer_references import OURS

import difflab as dl
from difflab import nn
from difflab.differentiate.methods import method_names
from difflab.errors import DifflabError, InputError, ShapeError
from difflab.graph.hollow import ShapeTape


def n(*shape):
    return np.random.default_rng(abs(hash(shape)) % 1000).normal(size=shape)


# The layer (its name and settings are torch's too) and the shape of the input.
LAYERS = [
    ("Linear", (5, 3), {}, (4, 5)),
    ("Linear", (5, 3), dict(bias=False), (2, 4, 5)),
    ("Conv1d", (3, 4, 3), dict(padding=1, stride=2), (2, 3, 9)),
    ("Conv2d", (3, 4, 3), {}, (2, 3, 7, 8)),
    ("Conv2d", (4, 6, (3, 2)), dict(stride=(2, 1), padding=(1, 0), dilation=2, groups=2, bias=False), (2, 4, 9, 8)),
    ("Conv2d", (3, 4, 3), dict(padding="same"), (2, 3, 7, 8)),
    ("Conv2d", (3, 4, 3), dict(padding=2, padding_mode="reflect"), (2, 3, 7, 8)),
    ("Conv2d", (3, 4, 3), dict(padding=1, padding_mode="replicate", stride=2), (2, 3, 7, 8)),
    ("Conv2d", (3, 4, 5), dict(padding="same", padding_mode="circular"), (2, 3, 7, 8)),
    ("ConvTranspose2d", (3, 4, 3), dict(stride=2, padding=1, output_padding=1), (2, 3, 4, 5)),
    ("MaxPool1d", (2,), {}, (2, 3, 8)),
    ("MaxPool2d", (2,), {}, (2, 3, 8, 8)),
    ("MaxPool2d", (3,), dict(stride=2, padding=1, ceil_mode=True), (2, 3, 8, 7)),
    ("AvgPool1d", (2,), {}, (2, 3, 8)),
    ("AvgPool2d", (3,), dict(stride=2, padding=1, count_include_pad=False), (2, 3, 8, 7)),
    ("AdaptiveAvgPool2d", ((2, 3),), {}, (2, 3, 8, 7)),
    ("AdaptiveMaxPool2d", (2,), {}, (2, 3, 8, 7)),
    ("Flatten", (), {}, (2, 3, 4)),
    ("Unflatten", (1, (2, 3)), {}, (4, 6)),
    ("BatchNorm1d", (3,), {}, (6, 3)),
    ("BatchNorm1d", (3,), dict(momentum=None), (6, 3, 4)),
    ("BatchNorm2d", (3,), dict(momentum=0.3, eps=1e-3), (4, 3, 5, 2)),
    ("BatchNorm2d", (3,), dict(affine=False), (4, 3, 5, 2)),
    ("BatchNorm2d", (3,), dict(track_running_stats=False), (4, 3, 5, 2)),
    ("InstanceNorm2d", (3,), {}, (2, 3, 4, 5)),
    ("InstanceNorm2d", (3,), dict(affine=True, track_running_stats=True), (2, 3, 4, 5)),
    ("LayerNorm", (5,), {}, (2, 3, 5)),
    ("LayerNorm", ((3, 5),), dict(elementwise_affine=False), (2, 3, 5)),
    ("LayerNorm", (5,), dict(bias=False), (2, 3, 5)),
    ("RMSNorm", (5,), {}, (2, 3, 5)),
    ("GroupNorm", (2, 4), {}, (2, 4, 3, 3)),
    *[
        (name, (), {}, (3, 4))
        for name in (
            *("ReLU ReLU6 LeakyReLU ELU SELU GELU SiLU Mish Sigmoid".split()),
            *("LogSigmoid Tanh Hardtanh Softplus Identity".split()),
            *("CELU Hardsigmoid Hardswish Softsign Tanhshrink Softshrink Hardshrink GLU".split()),
        )
    ],
    ("LeakyReLU", (0.3,), {}, (3, 4)),
    ("ELU", (), dict(alpha=0.5), (3, 4)),
    ("CELU", (0.5,), {}, (3, 4)),
    ("GELU", ("tanh",), {}, (3, 4)),
    ("Hardtanh", (-0.5, 0.25), {}, (3, 4)),
    ("Softplus", (2.0, 1.0), {}, (3, 4)),
    ("Softshrink", (0.25,), {}, (3, 4)),
    ("Hardshrink", (), dict(lambd=0.25), (3, 4)),
    ("Threshold", (0.1, -3.0), {}, (3, 4)),
    ("GLU", (0,), {}, (4, 3)),
    ("Softmin", (0,), {}, (3, 4)),
    ("PReLU", (4,), {}, (3, 4)),
    ("Softmax", (-1,), {}, (3, 4)),
    ("LogSoftmax", (0,), {}, (3, 4)),
    ("RNN", (3, 5), {}, (6, 2, 3)),
    ("RNN", (3, 5, 2), dict(nonlinearity="relu", bidirectional=True, batch_first=True), (2, 6, 3)),
    ("LSTM", (3, 5), {}, (6, 2, 3)),
    ("LSTM", (3, 5, 2), dict(bidirectional=True), (6, 3)),
    ("LSTM", (3, 5), dict(bias=False, batch_first=True), (2, 6, 3)),
    ("GRU", (3, 5), {}, (6, 2, 3)),
    ("GRU", (3, 5, 2), dict(bidirectional=True, batch_first=True), (2, 6, 3)),
    ("TransformerEncoderLayer", (8, 2, 16), dict(dropout=0.0), (5, 3, 8)),
    (
        "TransformerEncoderLayer",
        (8, 2, 16),
        dict(dropout=0.0, norm_first=True, activation="gelu", batch_first=True),
        (5, 3, 8),
    ),
]
EVERY = [*LAYERS, *[case[:4] for case in OURS]]  # OURS: layers and settings that torch lacks, with references
IDS = [f"{k}-{c[0]}" for k, c in enumerate(EVERY)]


def made(name, args, kwargs):
    return getattr(nn, name)(*args, **kwargs)


def of_torch(torch, name, args, kwargs):
    torch.manual_seed(0)
    if name == "RNN":  # its second setting is the nonlinearity in the same place
        return torch.nn.RNN(*args, **kwargs).double()
    return getattr(torch.nn, name)(*args, **kwargs).double()


def first(y):
    return y[0] if isinstance(y, tuple) else y


@pytest.mark.parametrize("training", [True, False], ids=["training", "inference"])
@pytest.mark.parametrize(("name", "args", "kwargs", "shape"), LAYERS, ids=IDS[: len(LAYERS)])
def test_torchs_weights_give_torchs_outputs_and_gradients(name, args, kwargs, shape, training):
    torch = pytest.importorskip("torch", reason="torch, the second opinion, is not installed (extra peers)")
    peer = of_torch(torch, name, args, kwargs).train(training)
    layer = made(name, args, kwargs)
    params, state = nn.from_torch(layer, peer)
    x = n(*shape)
    given = torch.tensor(x, requires_grad=True)
    want = first(peer(given))

    y, pullback = dl.vjp(lambda p, x: first(layer.apply(p, state, x, training=training)[0]), params, x)
    np.testing.assert_allclose(y, want.detach().numpy(), rtol=1e-10, atol=1e-12)
    seed = np.random.default_rng(1).normal(size=y.shape)
    want.backward(torch.tensor(seed))
    on_params, on_x = pullback(seed)
    sixth = 1e-7 if name == "Hardsigmoid" else 1e-8  # torch's slope is the float32 next to 1/6, in float64 too
    np.testing.assert_allclose(on_x, given.grad.numpy(), rtol=sixth, atol=1e-10)
    ours = nn.torch_weights.flat(on_params)
    theirs = {k: p.grad for k, p in peer.named_parameters()}
    assert ours.keys() == theirs.keys()
    for key, g in theirs.items():
        np.testing.assert_allclose(ours[key], g.numpy(), rtol=1e-8, atol=1e-10, err_msg=key)
    after = nn.to_torch(params, layer.apply(params, state, x, training=training)[1])
    for key, value in peer.state_dict().items():
        np.testing.assert_allclose(after[key].numpy(), value.numpy(), rtol=1e-12, err_msg=key)


@pytest.mark.parametrize(("name", "args", "kwargs", "shape"), EVERY, ids=IDS)
def test_layers_are_data(name, args, kwargs, shape):
    layer = made(name, args, kwargs)
    assert layer == made(name, args, kwargs)
    assert hash(layer) == hash(made(name, args, kwargs))
    assert nn.spec.from_spec(nn.spec.to_spec(layer)) == layer
    params, state = layer.init(0, dtype=np.float32)
    assert all(x.dtype == np.float32 for x in optree.tree_leaves(params))
    y, after = layer.apply(params, state, n(*shape).astype(np.float32), training=True)
    assert first(y).dtype == np.float32
    assert optree.tree_structure(after) == optree.tree_structure(state)
    assert [x.dtype for x in optree.tree_leaves(after)] == [x.dtype for x in optree.tree_leaves(state)]
    with pytest.raises(TypeError, match="training"):
        layer.apply(params, state, n(*shape))


@pytest.mark.parametrize(("name", "args", "kwargs", "shape"), EVERY, ids=IDS)
def test_compiled_layers_give_the_same(name, args, kwargs, shape):
    layer = made(name, args, kwargs)
    params, state = layer.init(0)
    program = dl.compile(lambda p, s, x: layer.apply(p, s, x, training=True))
    program.prepare(params, state, n(*shape))
    found, want = (f(params, state, n(*shape)) for f in (program, lambda p, s, x: layer.apply(p, s, x, training=True)))
    for a, b in zip(optree.tree_leaves(found), optree.tree_leaves(want)):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("name", "args", "kwargs", "shape"), EVERY, ids=IDS)
def test_shapes_without_numbers_are_the_shapes(name, args, kwargs, shape):
    """What a summary runs in place of a layer gives the shapes and dtypes of the layer."""
    layer = made(name, args, kwargs)
    params, state = layer.init(0)
    hollow = optree.tree_map(ShapeTape().input, (params, state, n(*shape)))
    found, want = layer.apply(*hollow, training=False)[0], layer.apply(params, state, n(*shape), training=False)[0]
    assert [(y.shape, y.dtype) for y in optree.tree_leaves(found)] == [
        (y.shape, y.dtype) for y in optree.tree_leaves(want)
    ]


def test_no_layer_is_without_a_case():
    """A layer that is added is compared with PyTorch or with a reference, and tried as data, compiled and hollow."""
    assert sorted(nn.layers.__all__) == sorted(n for n in dir(nn.layers) if n[0].isupper())
    alone = {"Dropout", "Dropout2d", "Embedding", "MultiheadAttention", "Sequential"}  # have tests of their own below
    for name in set(nn.spec.KINDS) - {"Layer", "Outputs"} - alone:
        assert name in {case[0] for case in EVERY}, (
            f"{name} has no case: add one to LAYERS in tests/test_nn_layers.py where torch.nn has one of that name, "
            "else to OURS in tests/layer_references.py, with a function that computes its output a second time"
        )


def test_attention_layer_is_torchs_with_masks():
    torch = pytest.importorskip("torch", reason="torch, the second opinion, is not installed (extra peers)")
    torch.manual_seed(0)
    for settings in (dict(batch_first=True), dict(bias=False), dict(kdim=3, vdim=5)):
        peer = torch.nn.MultiheadAttention(8, 2, **settings).double()
        layer = nn.MultiheadAttention(8, 2, **settings)
        params, state = nn.from_torch(layer, peer)
        q, k, v = n(3, 3, 8), n(3, 3, settings.get("kdim", 8)), n(3, 3, settings.get("vdim", 8))
        mask, padding = np.triu(np.ones((3, 3), bool), 1), np.zeros((3, 3), bool)
        padding[1, 2] = True
        want = peer(*map(torch.tensor, (q, k, v)), attn_mask=torch.tensor(mask), key_padding_mask=torch.tensor(padding))
        found, _ = layer.apply(params, state, q, k, v, training=False, attn_mask=mask, key_padding_mask=padding)
        for a, b in zip(found, want):
            np.testing.assert_allclose(a, b.detach().numpy(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("mask", [None, "bool", "float"])
def test_a_causal_block_is_torchs_block_with_a_mask(batch_first, mask):
    torch = pytest.importorskip("torch", reason="torch, the second opinion, is not installed (extra peers)")
    torch.manual_seed(0)
    settings = dict(dropout=0.0, batch_first=batch_first, norm_first=True)
    peer = torch.nn.TransformerEncoderLayer(8, 2, 16, **settings).double().eval()
    layer = nn.TransformerEncoderLayer(8, 2, 16, **settings, is_causal=True)
    params, state = nn.from_torch(layer, peer)
    x, later = n(*((2, 4) if batch_first else (4, 2)), 8), np.triu(np.ones((4, 4), bool), 1)
    further = {None: None, "bool": np.eye(4, k=-2, dtype=bool), "float": n(4, 4)}[mask]
    whole = later if mask is None else later | further if mask == "bool" else np.where(later, -np.inf, further)
    want = peer(torch.tensor(x), src_mask=torch.tensor(whole)).detach().numpy()
    found, _ = layer.apply(params, state, x, training=False, src_mask=further)
    np.testing.assert_allclose(found, want, rtol=1e-10, atol=1e-12)
    with pytest.raises(ShapeError, match=r"src_mask has shape \(3, 3\).*\(4, 4\)"):
        layer.apply(params, state, x, training=False, src_mask=np.zeros((3, 3)))


@pytest.mark.parametrize("batch_first", [False, True])
def test_a_causal_block_does_not_see_what_comes_later(batch_first):
    layer = nn.TransformerEncoderLayer(4, 2, 8, is_causal=True, batch_first=batch_first)
    params, state = layer.init(0)
    where = 1 if batch_first else 0
    jacobian = dl.jacobian(lambda x: layer.apply(params, state, x, training=False)[0])(
        n(*((2, 3) if batch_first else (3, 2)), 4)
    )
    sees = np.abs(np.moveaxis(jacobian, (where, 3 + where), (0, 1))).sum((2, 3, 4, 5)) > 0
    np.testing.assert_array_equal(sees, np.tri(3, dtype=bool))


def test_a_causal_block_takes_a_mask_that_is_differentiated():
    layer = nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0, is_causal=True)
    params, state = layer.init(0)
    x = n(3, 4)
    slope = dl.grad(lambda m: np.sum(layer.apply(params, state, x, training=False, src_mask=m)[0] ** 3))(
        np.zeros((3, 3))
    )
    assert (slope[np.triu_indices(3, 1)] == 0).all() and (slope[np.tril_indices(3)][1:] != 0).all()
    with pytest.raises(ShapeError, match="the query has shape"):
        layer.apply(params, state, np.ones(()), training=False)


def test_recurrent_layers_take_a_first_state():
    torch = pytest.importorskip("torch", reason="torch, the second opinion, is not installed (extra peers)")
    peer, layer = torch.nn.LSTM(3, 4).double(), nn.LSTM(3, 4)
    params, state = nn.from_torch(layer, peer)
    x, h, c = n(5, 2, 3), n(1, 2, 4), n(1, 2, 4) + 1
    want, (wh, wc) = peer(torch.tensor(x), (torch.tensor(h), torch.tensor(c)))
    (y, (fh, fc)), _ = layer.apply(params, state, x, training=False, initial=(h, c))
    for a, b in ((y, want), (fh, wh), (fc, wc)):
        np.testing.assert_allclose(a, b.detach().numpy(), rtol=1e-10)


def test_a_long_sequence_is_traced_once():
    layer = nn.LSTM(3, 4)
    params, state = layer.init(0)
    lengths = [
        len(dl.trace(lambda p, k=k: np.sum(layer.apply(p, state, n(k, 2, 3), training=False)[0][0]), params))
        for k in (5, 200)
    ]
    assert lengths[0] == lengths[1] < 60


def test_embedding_is_torchs():
    torch = pytest.importorskip("torch", reason="torch, the second opinion, is not installed (extra peers)")
    peer, layer = torch.nn.Embedding(7, 3, padding_idx=2).double(), nn.Embedding(7, 3, padding_idx=2)
    params, state = nn.from_torch(layer, peer)
    x = np.array([[1, 2, 6], [2, 2, 0]])
    y, pullback = dl.vjp(lambda p: layer.apply(p, state, x, training=True)[0], params)
    want = peer(torch.tensor(x))
    np.testing.assert_array_equal(y, want.detach().numpy())
    seed = n(2, 3, 3)
    want.backward(torch.tensor(seed))
    np.testing.assert_allclose(pullback(seed)[0]["weight"], peer.weight.grad.numpy(), rtol=1e-12)


@pytest.mark.parametrize("layer", [nn.Dropout(0.4), nn.Dropout2d(0.4)])
def test_dropout_counts_and_repeats(layer):
    params, state = layer.init(0)
    x = np.ones((8, 6, 5, 5))
    y, after = layer.apply(params, state, x, training=True)
    again, later = layer.apply(params, state, x, training=True)
    np.testing.assert_array_equal(y, again)
    np.testing.assert_array_equal(after["key"], later["key"])
    other, _ = layer.apply(params, after, x, training=True)
    assert (other != y).any()
    assert layer.apply(params, state, x, training=False)[0] is x
    whole = (y.reshape(48, 25) == y.reshape(48, 25)[:, :1]).all()
    assert whole == isinstance(layer, nn.Dropout2d)


def small():
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2),
        nn.Sequential({"flat": nn.Flatten(), "linear": nn.Linear(16, 3), "norm": nn.BatchNorm1d(3)}),
    )  # fmt: skip


def test_sequential_nests_and_is_torchs():
    torch = pytest.importorskip("torch", reason="torch, the second opinion, is not installed (extra peers)")
    from collections import OrderedDict

    t = torch.nn
    inner = OrderedDict(flat=t.Flatten(), linear=t.Linear(16, 3), norm=t.BatchNorm1d(3))
    peer = t.Sequential(
        t.Conv2d(2, 4, 3, padding=1), t.BatchNorm2d(4), t.ReLU(), t.MaxPool2d(2), t.Sequential(inner)
    ).double()
    model = small()
    params, state = nn.from_torch(model, peer.state_dict())
    x = n(5, 2, 4, 4)
    want = peer(torch.tensor(x))
    y, state = model.apply(params, state, x, training=True)
    np.testing.assert_allclose(y, want.detach().numpy(), rtol=1e-10, atol=1e-12)
    peer.load_state_dict(nn.to_torch(params, state))
    assert model[4]["linear"] == nn.Linear(16, 3)
    assert model[:2].names == ("0", "1")


def test_weights_of_another_model_are_refused():
    params, state = small().init(0)
    given = nn.torch_weights.flat(params) | nn.torch_weights.flat(state)
    with pytest.raises(InputError, match=r"lacks 4.linear.bias"):
        nn.from_torch(small(), {k: v for k, v in given.items() if k != "4.linear.bias"})
    with pytest.raises(ShapeError, match=r"4.linear.bias has shape \(5,\)"):
        nn.from_torch(small(), given | {"4.linear.bias": np.zeros(5)})


def test_batch_norms_are_folded():
    model = small()
    params, state = model.init(0)
    rng = np.random.default_rng(0)
    for _ in range(3):
        _, state = model.apply(params, state, 1 + rng.normal(size=(9, 2, 4, 4)), training=True)
    params["1"]["weight"], params["4"]["norm"]["bias"] = n(4), n(3)
    folded, p, s = nn.fold_batchnorm(model, params, state)
    assert len(folded) == 4
    assert folded[3].names == ("flat", "linear")
    x = n(5, 2, 4, 4)
    want = model.apply(params, state, x, training=False)[0]
    np.testing.assert_allclose(folded.apply(p, s, x, training=False)[0], want, rtol=1e-12, atol=1e-13)


def test_norms_of_another_axis_than_the_layer_before_are_not_folded():
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(5))  # on sequences (batch, 5, 3)
    params, state = model.init(0)
    assert nn.fold_batchnorm(model, params, state)[0] == model


@pytest.mark.parametrize("track", [False, True])
def test_one_image_is_normalised_as_a_batch_of_one(track):
    layer, x = nn.InstanceNorm2d(3, affine=True, track_running_stats=track), n(3, 3, 5)
    params, state = layer.init(0)
    for training in (True, False):
        y, after = layer.apply(params, state, x, training=training)
        whole, same = layer.apply(params, state, x[None], training=training)
        assert np.array_equal(y, whole[0]) and after.keys() == same.keys()
        assert all(np.array_equal(after[k], same[k]) for k in after)
        if training or not track:
            np.testing.assert_allclose(y.mean(axis=(1, 2)), 0, atol=1e-12)
        state = after


def test_every_setting_of_a_wrong_kind_is_refused_by_name():
    """What every layer says of `object()` in place of each setting that is a number, text or a flag."""
    checked = 0
    for name, args, kwargs, _ in EVERY:
        kind = getattr(nn, name)
        fields = {f.name: str(f.type) for f in dataclasses.fields(kind) if "PerAxis" not in str(f.type)}
        for setting in (set(inspect.signature(kind).parameters) & set(fields)) - {"init", "layers", "names"}:
            given = inspect.signature(kind).bind(*args, **kwargs).arguments
            with pytest.raises(InputError, match=rf"^{name}: {setting}=<object"):
                kind(**given | {setting: object()})
            checked += 1
    assert checked > 100


def test_every_method_works_on_a_tiny_network():
    model = nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 1))
    params, state = model.init(0)
    x, y = n(3, 2), n(3, 1)
    loss = lambda p: nn.functional.mse_loss(model.apply(p, state, x, training=False)[0], y)
    c = dl.compare(loss, at=params)
    assert c.agree
    assert set(c.methods) == set(method_names())


def test_a_layer_is_a_block_of_the_graph():
    model = small()
    params, state = model.init(0)
    graph = dl.trace(lambda x: model.apply(params, state, x, training=False)[0], n(1, 2, 4, 4))
    names = {node.block.path[0] for node in graph.order if node.block}
    assert {"Conv2d 0", "BatchNorm2d 1", "ReLU 2", "MaxPool2d 3", "Sequential 4"} <= names


def run(layer, x):
    return layer.apply(*layer.init(0), x, training=False)


BAD = [
    (lambda: nn.Linear(0, 3), InputError, "in_features=0"),
    (lambda: nn.Linear(4, 3).init("seed"), InputError, "rng='seed'"),
    (lambda: nn.Linear(4, 3).init(0, dtype=int), DifflabError, "dtype"),
    (lambda: nn.Conv2d(3, 4, 3, groups=2), InputError, "groups"),
    (lambda: nn.Conv2d(3, 4, 3, padding_mode="mirror"), InputError, "'mirror'"),
    (lambda: nn.Conv2d(3, 4, 3, stride=2, padding="same"), InputError, "stride 1"),
    (lambda: nn.Conv2d(3, 4, (3, 3, 3)), InputError, "kernel_size"),
    (lambda: nn.Dropout(1.5), InputError, "p=1.5"),
    (lambda: nn.Dropout("half"), InputError, "Dropout: p='half'; give a number"),
    (lambda: nn.ELU(None), InputError, "ELU: alpha=None; give a number"),
    (lambda: nn.Flatten(1.5), InputError, "start_dim=1.5; give an integer"),
    (lambda: nn.Linear(2, 3, "no"), InputError, "bias='no'; give True or False"),
    (lambda: nn.Embedding(4, 2, padding_idx="a"), InputError, "padding_idx='a'; give an integer or None"),
    (lambda: nn.LSTM(2, 3, dropout=None), InputError, "LSTM: dropout=None; give a number"),
    (lambda: nn.LayerNorm(0), InputError, "normalized_shape=0; give an integer of at least 1"),
    (lambda: nn.RMSNorm("a"), InputError, "normalized_shape='a'"),
    (lambda: nn.BatchNorm2d(3, eps=None), InputError, "eps=None; give a number"),
    (lambda: nn.MultiheadAttention(4, 2, kdim=-1), InputError, "kdim=-1; give an integer of at least 1"),
    (lambda: nn.Unflatten(1, 3), InputError, "unflattened_size=3; give a tuple"),
    (lambda: nn.Outputs("lstm"), InputError, "layer='lstm'"),
    (lambda: nn.Conv2d(1, 2, 3, padding=np.array([1, 2, 3])), InputError, "padding=array"),
    (lambda: nn.GroupNorm(2, 5), InputError, "5 channels"),
    (lambda: nn.MultiheadAttention(5, 2), InputError, "2 heads"),
    (lambda: nn.Sequential(nn.Linear(2, 3), nn.ReLU), InputError, "make one, with"),
    (lambda: nn.Sequential([nn.ReLU()]), InputError, "one by one"),
    (lambda: nn.Sequential(nn.ReLU()).apply({}, {}, n(2), training=False), InputError, "this model has 0"),
    (lambda: run(nn.Linear(4, 3), n(2, 5)), ShapeError, r"\(2, 5\).*4 elements"),
    (lambda: run(nn.Conv2d(3, 4, 3), n(2, 1, 8, 8)), ShapeError, "1 channels"),
    (lambda: run(nn.BatchNorm2d(3), n(2, 4, 8, 8)), ShapeError, "3 channels"),
    (lambda: nn.Flatten(3).apply({}, {}, n(2, 3), training=False), ShapeError, "no such axes"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "message"), BAD, ids=[m for *_, m in BAD])
def test_errors_name_the_thing_and_the_mend(call, error, message):
    with pytest.raises(error, match=message):
        call()
