"""dl.from_torch: modules and functions of PyTorch as graphs, judged by torch's values and gradients."""

from __future__ import annotations

import pickle
import sys
from functools import cache

import numpy as np
import pytest

import difflab as dl
from difflab.errors import InputError, ShapeError, UnsupportedError

torch = pytest.importorskip("torch")
F = pytest.importorskip("torch.nn.functional")
nn = torch.nn


def real(*shape, seed=0):
    return torch.from_numpy(np.random.default_rng([seed, *shape]).normal(size=shape))


def positive(*shape):
    return 0.3 + real(*shape).abs()


M, N, S = real(3, 4), real(3, 4, seed=1), real(3, 3) + 3 * torch.eye(3, dtype=torch.float64)
SPD = S @ S.T
IMG, KER, SEQ = real(2, 4, 7, 6), 0.3 * real(4, 2, 3, 3), real(2, 4, 9)
AT = torch.tensor([[1, 0, 3, 2], [0, 0, 1, 1], [3, 2, 1, 0]])
LABELS = torch.tensor([[1, 0, -1, 2]] * 3)
SPECIAL = torch.tensor(
    [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, 2.5, -2.5, 3.0, -3.0, 6.0, 21.0, -745.0, np.inf, -np.inf, np.nan]
)
PAIRS = torch.cartesian_prod(SPECIAL.double(), SPECIAL.double())
WHOLE = torch.cartesian_prod(torch.tensor([-7, -3, -1, 1, 2, 3, 7]), torch.tensor([-7, -3, -1, 1, 2, 3, 7]))

# What is read, and its tensors; the gradient by those of floats is compared as well.
FUNCTIONS = {
    "arithmetic": (lambda x, y: torch.add(x, y, alpha=2) / (1 + y * y) - torch.rsub(x, 3) ** 3, M, N),
    "roots": (lambda x: torch.sqrt(x) + torch.rsqrt(x) + x.reciprocal() + x.log1p() + x.lgamma(), positive(5)),
    "special": (lambda x: torch.special.erfcx(x) + torch.special.i0e(x) + torch.special.log_ndtr(x), M),
    "bessel": (lambda x: torch.special.i1(x) * torch.special.i1e(x) + torch.i0(x), positive(5)),
    "activations": (lambda x: F.gelu(x) + F.gelu(x, approximate="tanh") + F.mish(x) + F.selu(x) + F.celu(x, 0.5), M),
    "elu": (lambda x: F.elu(x, 0.3) + F.silu(x) * F.softplus(x, 2.0, 1.0) + F.logsigmoid(x), M),
    "glu": (lambda x: F.glu(x) + F.leaky_relu(x[:, :2], 0.2), M),
    "where": (lambda x, y: torch.where(x > y, x, y * 2).clamp(-0.5, None).masked_fill(x > 1, 0.3), M, N),
    "lerp": (lambda x, y: torch.lerp(x, y, 0.3) + torch.lerp(x, y, y.sigmoid()), M, N),
    "reductions": (lambda x: x.sum(0) + x.mean(0) * x.var(0) + x.std(0, correction=0) + x.prod(0) + x.amax(0), M),
    "extremes": (lambda x: x.max(1)[0] * x.min(1).values + x.median(1)[0] + x.kthvalue(2, 1)[0] + x.logsumexp(1), M),
    "norms": (lambda x: x.norm() + torch.linalg.vector_norm(x, 3) + F.normalize(x).sum() + torch.linalg.norm(x, 1), M),
    "sorted": (lambda x: x.sort(1, descending=True)[0] * x.cumsum(1) + x.topk(2, 1)[0].sum() + x.cummax(1)[0], M),
    "cumulative": (lambda x: x.cumprod(1) + x.logcumsumexp(0) + x.flip(0).diff(dim=1).sum(), M),
    "softmax": (lambda x: F.softmax(x, 1) * F.log_softmax(x, 0), M),
    "shapes": (lambda x: x.view(4, 3).t().unsqueeze(0).expand(2, 3, 4).permute(2, 0, 1).reshape(-1).roll(2), M),
    "pieces": (lambda x: torch.cat([*x.split(2, 1), x[:, 1::2]], 1) + torch.stack(x.unbind(0)).repeat(1, 2)[:, 1:7], M),
    "diagonals": (lambda x: torch.diag_embed(x.diagonal()) + x.tril() + x.triu(1) * x.trace(), S),
    "windows": (lambda x: x.unfold(1, 2, 1).sum(-1) + x.as_strided((3, 3), (1, 3), 1), M),
    "in place": (lambda x: torch.relu_(x.clone().mul_(2).index_fill_(0, torch.tensor([1]), 0.5)), M),
    "assigned": (lambda x, y: torch.select_scatter(torch.slice_scatter(x, y[:1], 0, 1, 2), y[:, 0], 1, 2), M, N),
    "indexed": (lambda x, i: x[torch.tensor([2, 0])][:, i[0]] + x.gather(1, i)[:2] + x.take(i[:2]), M, AT),
    "scattered": (lambda x, y, i: x.scatter(1, i[:, :1], y[:, :1]) + x.scatter_add(1, i, y), M, N, AT),
    "scatter_reduce": (lambda x, y, i: x.scatter_reduce(1, i, y, "amax") + x.scatter_reduce(1, i, y, "mean"), M, N, AT),
    "scatter_reduce alone": (lambda x, y, i: x.scatter_reduce(0, i % 3, y, "prod", include_self=False), M, N, AT),
    "embedding": (lambda w, i: F.embedding(i, w) * F.embedding_bag(i, w, mode="mean")[:, None], real(4, 2), AT),
    "masked_select": (lambda x, y: (x[x > 0] * x.masked_select(x > 0)).sum() + y.sum(), M, N),
    "einsum": (lambda x, y: torch.einsum("ij, kj -> ik", x, y) + torch.tensordot(x, y, ([1], [1])) + x @ y.mT, M, N),
    "bmm": (lambda x, y: torch.baddbmm(x, x, y, beta=0.5, alpha=2.0) + y @ x, real(2, 3, 3), real(2, 3, 3, seed=1)),
    "solve": (lambda a, b: torch.linalg.solve(a, b) + torch.linalg.inv(a) + a.det() + a.logdet(), SPD, S),
    "lu": (lambda a, b: torch.linalg.lu_solve(*torch.linalg.lu_factor(a), b) + torch.linalg.lu(a)[2], real(3, 3), S),
    "qr": (lambda a: torch.linalg.qr(a)[1] + torch.matrix_exp(0.1 * a) + torch.linalg.svdvals(a), S),
    "distances": (lambda x, y: torch.cdist(x, y).sum() + F.pdist(x) + F.pairwise_distance(x, y), M, N),
    "conv1d": (lambda x, w: F.conv1d(x, w, stride=2, padding=1), SEQ, real(3, 4, 3)),
    "conv2d": (lambda x, w: F.conv2d(x, w, stride=(2, 1), padding=(1, 2), dilation=(1, 2), groups=2), IMG, KER),
    "conv2d same": (lambda x, w: F.conv2d(x, w, padding="same"), IMG, real(2, 4, 3, 2)),
    "conv_transpose2d": (
        lambda x, w: F.conv_transpose2d(x, w, stride=2, padding=1, output_padding=1, groups=2, dilation=2), IMG, KER
    ),
    "conv_transpose3d": (lambda x, w: F.conv_transpose3d(x, w, stride=2), real(1, 2, 2, 3, 2), real(2, 1, 2, 2, 2)),
    "max_pool2d": (lambda x: F.max_pool2d(x, 3, 2, 1, ceil_mode=True) + F.max_pool2d(x, 3, 2, 1, 1, True), IMG),
    "avg_pool2d": (lambda x: F.avg_pool2d(x, 3, 2, 1, True, False) * F.avg_pool2d(x, 3, 2, 1, True), IMG),
    "avg_pool divisor": (lambda x: F.avg_pool2d(x, 2, divisor_override=3) + F.avg_pool2d(x, 2, 2), IMG),
    "adaptive": (lambda x: F.adaptive_avg_pool2d(x, (3, 4)) + F.adaptive_max_pool2d(x, (3, 4)), IMG),
    "frames": (lambda x: F.pad(x, (1, 2, 0, 1), "reflect") + F.pad(x, (1, 2, 0, 1), "replicate"), IMG),
    "more frames": (lambda x: F.pad(x, (1, 2, 1, 0), "circular") * F.pad(x, (1, 2, 2, -1), value=0.5), IMG),
    "nearest": (lambda x: F.interpolate(x, (9, 4)) + F.interpolate(x, (9, 4), mode="nearest-exact"), IMG),
    "bilinear": (lambda x: F.interpolate(x, scale_factor=1.7, mode="bilinear") + 1, IMG),
    "bicubic": (lambda x: F.interpolate(x, (9, 4), mode="bicubic", align_corners=True), IMG),
    "grid_sample": (lambda x, g: F.grid_sample(x, g, align_corners=False), IMG, 0.4 * real(2, 3, 3, 2)),
    "unfold": (lambda x: F.fold(F.unfold(x, 2, padding=1), (7, 6), 2, padding=1), IMG),
    "layer_norm": (lambda x, w: F.layer_norm(x, (4,), w, w) + F.rms_norm(x, (4,), w), M, real(4)),
    "group_norm": (lambda x, w: F.group_norm(x, 2, w, w) + F.local_response_norm(x, 2), IMG, real(4)),
    "batch_norm": (lambda x, w: F.batch_norm(x, None, None, w, w, True), IMG, real(4)),
    "attention": (lambda q, k: F.scaled_dot_product_attention(q, k, k, is_causal=True), *real(2, 2, 3, 4)),
    "cross_entropy": (lambda x: F.cross_entropy(x, torch.tensor([1, 0, 3]), label_smoothing=0.1, ignore_index=0), M),
    "losses": (lambda x, y: F.huber_loss(x, y, delta=0.5) * F.smooth_l1_loss(x, y) + F.mse_loss(x, y), M, N),
    "margins": (lambda x: F.multilabel_margin_loss(x, LABELS) + F.multi_margin_loss(x, AT[:, 0]), M),
    "bce": (lambda x, y: F.binary_cross_entropy_with_logits(x, y.sigmoid()), M, N),
    "divergence": (lambda x, y: F.kl_div(x, y.sigmoid(), reduction="sum"), M, N),
    "stopped": (lambda x: (x * x.detach()).sum() * x.sum().item(), M),
    "cond": (lambda x: torch.cond(x.sum() > 0, lambda x: x.sin(), lambda x: x.cos(), (x,)), M),
}  # fmt: skip


@cache
def case(name):
    f, *tensors = FUNCTIONS[name]
    return f, tensors, dl.from_torch(f, *tensors)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_have_torchs_values_and_gradients(name):
    f, tensors, g = case(name)
    watched = [x.clone().requires_grad_(x.is_floating_point()) for x in tensors]
    want = f(*watched)
    got = g(*[x.numpy() for x in tensors])
    assert got.dtype == np.float64
    np.testing.assert_allclose(got, want.detach().numpy(), rtol=1e-12, atol=1e-12)
    seed = real(*want.shape, seed=2)
    (want * seed).sum().backward()
    found = g.forward(*[x.numpy() for x in tensors]).backward(seed.numpy()[()]).gradient
    for node, x in zip(g.inputs, watched):
        if x.grad is not None:
            np.testing.assert_allclose(found[node.name], x.grad.numpy(), rtol=1e-9, atol=1e-10, err_msg=node.name)


NO_WAY_BACK = ("scattered", "masked_select")  # a write where places meet, and a shape that a mask decides


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name not in NO_WAY_BACK])
def test_functions_come_back_to_torch(name):
    f, tensors, g = case(name)
    np.testing.assert_allclose(dl.to_torch(g)(*tensors).numpy(), f(*tensors).numpy(), rtol=1e-10, atol=1e-12)


UNARY = (
    "relu relu6 leaky_relu elu selu celu gelu silu mish hardsigmoid hardswish hardtanh softplus softshrink hardshrink "
    "logsigmoid softsign tanhshrink sigmoid tanh"
).split()
OF_TORCH = (
    "sin abs sign round floor ceil trunc frac sgn sqrt rsqrt log log1p exp expm1 erf erfc erfinv digamma reciprocal "
    "square log10 acos asin atanh acosh i0 logit nan_to_num isfinite isnan angle"
).split()
BINARY = {
    **{n: getattr(torch, n) for n in "remainder fmod atan2 maximum fmin pow xlogy heaviside floor_divide ge".split()},
    "trunc": lambda x, y: torch.div(x, y, rounding_mode="trunc"),
    "floor": lambda x, y: torch.div(x, y, rounding_mode="floor"),
}


@pytest.mark.parametrize("names", [UNARY, OF_TORCH], ids=["activations", "functions"])
def test_functions_of_one_number_have_torchs_values_at_special_points(names):
    home = F if names is UNARY else torch
    together = lambda x: tuple(getattr(home, n)(x).to(torch.float64) for n in names)
    x = SPECIAL.double()
    for name, got, want in zip(names, dl.from_torch(together, x)(x.numpy()), together(x)):
        np.testing.assert_allclose(got, want.numpy(), rtol=1e-14, atol=1e-16, err_msg=name)


@pytest.mark.parametrize("points", [PAIRS, WHOLE], ids=["floats", "whole numbers"])
def test_functions_of_two_numbers_have_torchs_values_at_special_points(points):
    x, y = points[:, 0], points[:, 1]
    names = [n for n in BINARY if points is PAIRS or n not in ("pow", "heaviside")]
    together = lambda x, y: tuple(BINARY[n](x, y) for n in names)
    for name, got, want in zip(names, dl.from_torch(together, x, y)(x.numpy(), y.numpy()), together(x, y)):
        assert got.dtype == want.numpy().dtype, name
        np.testing.assert_allclose(got, want.numpy(), rtol=1e-6 if want.dtype is torch.float32 else 1e-13, err_msg=name)


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.conv2, self.bn2 = nn.Conv2d(4, 3, 3, padding=1, bias=False), nn.BatchNorm2d(3)

    def forward(self, x):
        return F.relu(x + self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))))


class Recurrent(nn.Module):
    def __init__(self, kind, **options):
        super().__init__()
        self.rnn = kind(3, 4, batch_first=True, **options)

    def forward(self, x):
        return self.rnn(x)[0]


class Attending(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.attn = nn.Embedding(7, 8), nn.MultiheadAttention(8, 2, batch_first=True)
        self.head = nn.Linear(8, 2)

    def forward(self, tokens):
        h = self.embed(tokens)
        return self.head(self.attn(h, h, h, need_weights=False)[0].mean(1))


MODELS = {
    "mlp": lambda: (nn.Sequential(nn.Linear(4, 5), nn.GELU(), nn.LayerNorm(5), nn.Linear(5, 2)), real(3, 4)),
    "lenet": lambda: (
        nn.Sequential(
            nn.Conv2d(1, 3, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AvgPool2d(2),
            nn.Flatten(), nn.Linear(16, 3), nn.LogSoftmax(1),
        ),
        real(2, 1, 12, 12),
    ),
    "residual, training": lambda: (Residual(), real(2, 3, 5, 5)),
    "residual, evaluating": lambda: (Residual().eval(), real(2, 3, 5, 5)),
    "lstm": lambda: (Recurrent(nn.LSTM, num_layers=2, bidirectional=True), real(2, 4, 3)),
    "gru": lambda: (Recurrent(nn.GRU), real(2, 4, 3)),
    "transformer encoder": lambda: (nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval(), real(2, 4, 8)),
    "autoencoder": lambda: (
        nn.Sequential(
            nn.Conv2d(1, 3, 3, stride=2, padding=1), nn.SiLU(),
            nn.ConvTranspose2d(3, 1, 3, stride=2, padding=1, output_padding=1), nn.Sigmoid(),
        ),
        real(2, 1, 6, 6),
    ),
    "embedding and attention": lambda: (Attending(), torch.tensor([[1, 0, 6], [2, 2, 5]])),
}  # fmt: skip


@cache
def model(name):
    torch.manual_seed(0)
    net, x = MODELS[name]()
    net = net.double()
    kept = {k: v.clone() for k, v in net.state_dict().items()}
    g = dl.from_torch(net, x)
    for k, v in net.state_dict().items():
        assert torch.equal(v, kept[k]), f"{k} was changed by reading the module"
    return net, x, g


@pytest.mark.parametrize("name", MODELS)
def test_models_come_back_to_torch(name):
    net, x, g = model(name)
    np.testing.assert_allclose(dl.to_torch(g)(x).detach(), net(x).detach(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", MODELS)
def test_models_have_torchs_values_and_gradients_by_their_parameters(name):
    net, x, g = model(name)
    want = net(x)
    np.testing.assert_allclose(g(x.numpy()), want.detach().numpy(), rtol=1e-12, atol=1e-13)
    seed = real(*want.shape, seed=2)
    net.zero_grad()
    (want * seed).sum().backward()
    found = g.forward(x.numpy()).backward(seed.numpy()).gradient
    parameters = dict(net.named_parameters())
    assert [n.name for n in g.inputs][1:] == list(parameters)
    for key, p in parameters.items():
        np.testing.assert_allclose(found[key], p.grad.numpy(), rtol=1e-9, atol=1e-11, err_msg=key)


def test_a_parameter_has_its_value_as_default_and_takes_others():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 1)).double()
    g = dl.from_torch(net, M)
    assert isinstance(g, dl.Graph)
    assert [n.name for n in g.inputs] == ["input", "0.weight", "0.bias", "2.weight", "2.bias"]
    before, w = net(M).detach().numpy(), np.ones((5, 4))
    np.testing.assert_allclose(g(M.numpy()), before, rtol=1e-13)
    with torch.no_grad():
        net[0].weight.copy_(torch.from_numpy(w))
    np.testing.assert_allclose(g(M.numpy()), before, rtol=1e-13)  # the graph's own copy
    for found in (g(M.numpy(), **{"0.weight": w}), g(M.numpy(), w), g(**{"input": M.numpy(), "0.weight": w})):
        np.testing.assert_allclose(found, net(M).detach().numpy(), rtol=1e-13)
    with pytest.raises(InputError, match="no value for input: the inputs are input, 0.weight"):
        g()
    with pytest.raises(InputError, match="no input named 1.weight"):
        g(M.numpy(), **{"1.weight": w})


def test_a_graph_with_defaults_is_compiled_pickled_copied_and_differentiated():
    _, x, g = model("mlp")
    want = g(x.numpy())
    for other in (dl.compile(g), pickle.loads(pickle.dumps(g)), g.__copy__()):
        np.testing.assert_allclose(other(x.numpy()), want, rtol=1e-13)
    loaded = pickle.loads(pickle.dumps(g))
    assert {n.name for n in loaded.defaults} == {n.name for n in g.defaults}
    assert sorted(loaded.notes.values()) == sorted(g.notes.values())
    loss = dl.from_torch(lambda x: (x.sin() ** 2).sum(), M)
    assert dl.compare(loss, at={"x": M.numpy()}).agree
    total = dl.from_torch(nn.Sequential(nn.Linear(4, 1), nn.Flatten(0), nn.Unflatten(0, (1, 1))).double(), M[:1])
    assert total(M[:1].numpy()).shape == (1, 1)
    at = nn.Sequential(nn.Linear(4, 1), nn.Softmax(0)).double()
    scalar = dl.from_torch(lambda x: at(x).sum(), M[0])
    assert dl.differentiate(scalar, at={"x": M[0].numpy()}).gradient["x"].shape == (4,)


def test_a_parameter_that_is_called_like_an_argument_keeps_another_name():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.x = nn.Parameter(real(4))

        def forward(self, x):
            return (x * self.x).sum()

    g = dl.from_torch(Scaled(), M)
    assert [n.name for n in g.inputs] == ["x", "self.x"]
    found = dl.differentiate(g, at={"x": M.numpy()}).gradient
    np.testing.assert_allclose(found["self.x"], M.numpy().sum(0), rtol=1e-13)


class Tripled(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.sin() * 3

    @staticmethod
    def backward(ctx, g):
        return g  # wrong on purpose


def own_rule(x):
    return (Tripled.apply(x * 2) + x).sum()


def test_modules_are_blocks_and_lines_of_source_are_notes():
    _, _, g = model("residual, evaluating")
    assert [b.path for b in g.blocks] == [("conv1",), ("bn1",), ("conv2",), ("bn2",)]
    assert g.node("relu").block is None and "return F.relu(x + self.bn2(" in g.notes[g.node("relu_1")]
    assert all(n in g.notes for n in g.operations)


def test_of_a_function_with_its_own_rule_the_forward_is_recorded():
    g = dl.from_torch(own_rule, M)
    inside = [n for n in g.operations if "(torch.autograd.Function Tripled)" in g.notes[n]]
    assert [n.primitive.name for n in inside] == ["sin", "multiply"]
    assert {n.block.name for n in inside} == {"Tripled"} and [b.name for b in g.blocks] == ["Tripled"]
    np.testing.assert_allclose(dl.grad(g)(M.numpy()), 6 * np.cos(2 * M.numpy()) + 1, rtol=1e-12)


def nested(x, state, flag=True, *, scale=2.0):
    return {"y": x * state["h"] * scale, "z": (state["a"] + 1, x if flag else state["h"])}


def test_arguments_and_results_keep_their_structures_and_other_arguments_their_values():
    g = dl.from_torch(nested, M, {"h": N, "a": S}, True, scale=3.0)
    assert [n.name for n in g.inputs] == ["x", "state['a']", "state['h']"]
    state = {"h": N.numpy(), "a": S.numpy()}
    found = g(M.numpy(), state, True, 3.0)
    np.testing.assert_allclose(found["y"], 3 * M.numpy() * N.numpy())
    np.testing.assert_allclose(found["z"][0], S.numpy() + 1)
    np.testing.assert_array_equal(found["z"][1], M.numpy())
    with pytest.raises(InputError, match="flag is False, and the graph was recorded for True"):
        g(M.numpy(), state, False, 3.0)
    with pytest.raises(ShapeError, match=r"x has shape \(4,\), and the graph was built for \(3, 4\)"):
        g(np.ones(4), state, True, 3.0)


def test_single_precision_and_whole_numbers_keep_their_dtypes():
    layer = nn.Linear(4, 2)
    x = M.float()
    found = dl.from_torch(layer, x)(x.numpy())
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, layer(x).detach().numpy(), rtol=1e-5)
    together = lambda i: (i // 2, i / 2, i.sum(), i.float().mean(), i.sqrt())
    for got, want in zip(dl.from_torch(together, AT)(AT.numpy()), together(AT)):
        assert got.dtype == want.numpy().dtype
        np.testing.assert_allclose(got, want.numpy(), rtol=1e-6)


def without_gradient(x):
    with torch.no_grad():
        y = x * 2
    return (x * y).sum()


def branching(x):
    h = x @ x.T
    if h.sum() > 0:
        h = h * 2
    with torch.no_grad():
        k = h + 1
    return (h * k).sum()


@pytest.mark.parametrize("f", [without_gradient, branching], ids=["exported", "followed"])
def test_no_grad_has_no_derivative_and_branches_are_those_of_the_examples(f):
    g = dl.from_torch(f, M)
    x = M.clone().requires_grad_()
    f(x).backward()
    np.testing.assert_allclose(g(M.numpy()), f(M).numpy(), rtol=1e-13)
    np.testing.assert_allclose(dl.grad(g)(M.numpy()), x.grad.numpy(), rtol=1e-12)


def drawing(x):
    y = torch.special.airy_ai(x) + torch.special.airy_ai(2 * x) + torch.special.hermite_polynomial_he(x, 3)
    return y + torch.bernoulli(x.sigmoid())


def test_operations_without_a_row_are_refused_all_at_once():
    told = (
        r"3 operations have no row in difflab: aten\.\w+\.\w+ \(1\), aten.special_airy_ai.default \(2\), aten.special_"
    )
    with pytest.raises(UnsupportedError, match=told):
        dl.from_torch(drawing, M)
    net = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5), nn.Dropout(0.1)).double()
    with pytest.raises(UnsupportedError, match=r"native_dropout.default \(2\).*call module.eval\(\) first"):
        dl.from_torch(net, M)
    np.testing.assert_allclose(dl.from_torch(net.eval(), M)(M.numpy()), net(M).detach().numpy(), rtol=1e-13)


@pytest.mark.parametrize(
    ("f", "args", "told"),
    [
        (3, (M,), "3 is neither a module nor a function; to load weights, see nn.from_torch"),
        (lambda x: None, (M,), "the function returned no tensor; does it lack a return statement"),
        (lambda x: x, (M.bfloat16(),), "x has dtype bfloat16; give one of float64"),
        (nn.Linear(4, 2).bfloat16(), (M.bfloat16(),), "input has dtype bfloat16"),
        (nn.Linear(3, 2), (M.float(),), "torch.export cannot record this: .*; nor can make_fx: "),
        (lambda x: torch.from_numpy(np.sin(x.numpy())), (M,), r"numpy\(\) takes a number out of a tensor"),
        (lambda x: x * x.sum().item() if x.sum() > 0 else -x, (M.abs(),), r"item\(\) takes a number out"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(f, args, told):
    with pytest.raises((InputError, UnsupportedError), match=told):
        dl.from_torch(f, *args)


def test_without_torch_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(InputError, match=r"from_torch needs torch, which cannot be imported .*difflab\[torch\]"):
        dl.from_torch(lambda x: x, np.ones(3))
