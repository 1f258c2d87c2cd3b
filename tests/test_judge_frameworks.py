"""dl.judge: gradients of JAX and PyTorch held against the derivative of what their functions compute."""

from __future__ import annotations

import json

import numpy as np
import pytest

import difflab as dl
from difflab.cli.app import run

jax = pytest.importorskip("jax")
torch = pytest.importorskip("torch")
jnp = jax.numpy
X = np.array([0.3, 0.7, 1.9])


@jax.custom_vjp
def wrong(x):
    return jnp.sin(x)


wrong.defvjp(lambda x: (jnp.sin(x), x), lambda x, ct: (1.01 * ct * jnp.cos(x),))


@jax.custom_jvp
def forgetful(x, y):
    return x * y


@forgetful.defjvp
def _(primals, tangents):
    return forgetful(*primals), tangents[0] * primals[1]  # the part by y is missing


@jax.custom_vjp
def honest(x):
    return jnp.exp(x)


honest.defvjp(lambda x: (jnp.exp(x), jnp.exp(x)), lambda y, ct: (ct * y,))


class Wrong(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.exp()

    @staticmethod
    def backward(ctx, g):
        return -g * ctx.saved_tensors[0].exp()  # the sign


class Layer(torch.nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.inner = torch.nn.Linear(3, 2).double()

    def forward(self, x):
        return Wrong.apply(self.inner(x)).sum()


def in_scan(x):
    return jax.lax.scan(lambda c, y: (wrong(c) * y, c), 0.3, x)[0]


def in_while(x):
    return jnp.sum(jax.lax.while_loop(lambda s: s[0] < 3, lambda s: (s[0] + 1, wrong(s[1])), (0, x))[1])


def in_cond(x):
    return jax.lax.cond(x[0] > 0, lambda x: jnp.sum(wrong(x)), lambda x: jnp.sum(x), x)


WRONG = {
    "custom_vjp": (lambda x: jnp.sum(wrong(x)), X, "wrong (custom_vjp)"),
    "custom_jvp": (lambda x: jnp.sum(forgetful(x, x)), X, "forgetful (custom_jvp)"),
    "jit": (jax.jit(lambda x: jnp.sum(jax.jit(wrong)(x) * x)), X, "wrong (custom_vjp)"),
    "vmap": (lambda x: jnp.sum(jax.vmap(wrong)(x)), X, "wrong (custom_vjp)"),
    "scan": (in_scan, X, "wrong (custom_vjp) in scan"),
    "while": (in_cond, X, "wrong (custom_vjp) in cond"),
    "among right ones": (lambda x: jnp.sum(honest(jnp.tanh(wrong(honest(x))))), X, "wrong (custom_vjp)"),
    "Function": (lambda x: (Wrong.apply(x) * x.sin()).sum(), torch.tensor(X), "Wrong (autograd.Function)"),
    "Function in a module": (Layer(), torch.tensor(X), "Wrong (autograd.Function)"),
    "float32": (lambda x: jnp.sum(wrong(x)), X.astype(np.float32), "wrong (custom_vjp)"),
    "torch float32": (lambda x: Wrong.apply(x).sum(), torch.tensor(X).float(), "Wrong (autograd.Function)"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_wrong_rules_are_named(name):
    f, x, operation = WRONG[name]
    found = dl.judge(f, x)
    assert not found.agree and found.findings[0].kind == "bug"
    assert {finding.operation for finding in found.findings} == {operation}
    worst = found.findings[0]
    assert worst.theirs != worst.ours and worst.ulps > 1e4 and operation in str(found)


def test_a_finding_says_where_and_what():
    found = dl.judge(lambda x: jnp.sum(wrong(x)), np.array([0.3, 0.7]))
    assert found.operations == 2  # it and the sum
    finding = next(f for f in found.findings if f.index == (1,))
    assert finding.input == 0.7
    assert finding.theirs == pytest.approx(1.01 * np.cos(0.7), rel=1e-14)
    assert finding.ours == pytest.approx(np.cos(0.7), rel=1e-15)
    assert "test_judge_frameworks" in finding.source and found.taylor < 1.5


RIGHT = {
    "sin": (lambda x: jnp.sum(jnp.sin(x)), X),
    "custom_vjp": (lambda x: jnp.sum(honest(x)), X),
    "mlp": (lambda w, x: jnp.mean(jnp.tanh(x @ w) ** 2), np.ones((3, 2)) / 3, X),
    "pytree": (lambda p: jnp.sum(p["w"] * p["b"][0]), {"w": X, "b": [X + 1]}),
    "many results": (lambda x: (jnp.cumsum(x), {"y": x**2}), X),
    "scan": (lambda x: jax.lax.scan(lambda c, y: (jnp.sin(c) * y, c), 0.3, x)[0], X),
    "scan in float32": (
        lambda x: jax.lax.scan(lambda c, y: (jnp.sin(c) * y, c), jnp.float32(0.3), x)[0], X.astype(np.float32),
    ),
    "loop in float32": (
        lambda x: jnp.sum(jax.lax.fori_loop(0, 3, lambda k, s: s * jnp.sin(s), x)), X.astype(np.float32),
    ),
    "cholesky": (lambda x: jnp.linalg.cholesky(jnp.outer(x, x) + jnp.eye(3)), X.astype(np.float32) * 9),
    "float32": (lambda x: jax.nn.logsumexp(x) + jnp.prod(x), X.astype(np.float32)),
    "torch": (lambda x: torch.logsumexp(x, 0) * x.prod(), torch.tensor(X)),
    "torch float32": (lambda x: torch.softmax(x, 0)[0], torch.tensor(X, dtype=torch.float32)),
    "module": (torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.GELU(), torch.nn.Linear(4, 1)), torch.ones(2, 3)),
    "conv": (torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.MaxPool2d(2)), torch.rand(1, 1, 6, 6)),
    "straight-through": (lambda x: jnp.sum(x + jax.lax.stop_gradient(jnp.round(x) - x)), X),
    "xlogy at 0": (lambda x: jax.scipy.special.xlogy(x, 2.0), np.float64(0.0)),
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_right_gradients_are_not_accused(name):
    f, *args = RIGHT[name]
    found = dl.judge(f, *args)
    assert found.agree, str(found)
    assert not [x for x in found.findings if x.kind in ("bug", "kink")]


KINDS = {
    "relu": (lambda x: jnp.sum(jax.nn.relu(x)), np.zeros(2), "convention"),
    "abs": (lambda x: x.abs().sum(), torch.zeros(2, dtype=torch.float64), "convention"),
    "norm": (lambda x: jnp.linalg.norm(x), np.zeros(2), "kink"),
    "double where": (lambda x: jnp.sum(jnp.where(x > 0, jnp.sqrt(x), 0.0)), np.array([-1.0, 2.0]), "bug"),
    "torch double where": (
        lambda x: torch.where(x > 0, x.sqrt(), 0.0).sum(), torch.tensor([-1.0, 2.0], dtype=torch.float64), "bug",
    ),
    "tanh's tail": (lambda x: jnp.sum(jnp.tanh(x)), np.array([20.0]), "bug"),
    "sinc near 0": (lambda x: torch.sinc(x).sum(), torch.tensor([1e-6], dtype=torch.float64), "bug"),
    "gelu's tail": (lambda x: jnp.sum(jax.nn.gelu(x, approximate=False)), np.array([-8.0]), "rounding"),
}  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_kinds(name):
    f, x, kind = KINDS[name]
    found = dl.judge(f, x)
    assert found.findings[0].kind == kind and found.agree == (kind in ("convention", "rounding"))


def test_nan_is_traced_to_its_operation_with_the_mend():
    found = dl.judge(lambda x: jnp.sum(jnp.where(x > 0, jnp.sqrt(x), 0.0)), np.array([-1.0]))
    assert found.findings[0].operation == "sqrt" and "safe" in found.findings[0].reason


def test_a_value_that_is_not_finite_is_said_once():
    found = dl.judge(lambda x: jnp.sum(jnp.exp(x)), np.array([800.0, 1.0]))
    assert not found.agree and [f.operation for f in found.findings] == ["exp"]
    assert "no finite value" in found.findings[0].reason


def test_what_is_meant_to_differ_is_allowed():
    f = lambda x: (Wrong.apply(x) * x).sum()
    assert dl.judge(f, torch.tensor(X), allow=["Wrong"]).agree
    assert dl.judge(f, torch.tensor(X), allow="Wrong (autograd.Function)").agree
    assert not dl.judge(f, torch.tensor(X), allow=["Other"]).agree
    both = lambda x: jnp.sum(wrong(x) + forgetful(x, x))
    assert not dl.judge(both, X, allow=["wrong"]).agree


def test_the_framework_is_recognised_or_said():
    assert dl.judge(lambda x: torch.sum(torch.sin(x)), X).framework == "PyTorch"
    assert dl.judge(lambda x: jnp.sum(jnp.sin(x)), X).framework == "JAX"
    with pytest.raises(dl.DifflabError, match="returns no array of JAX or PyTorch"):
        dl.judge(lambda x: float(np.sum(np.asarray(x))), X)
    with pytest.raises(dl.DifflabError, match="framework='tf'"):
        dl.judge(lambda x: x, X, framework="tf")


def test_nothing_of_the_users_is_changed():
    net = torch.nn.Linear(3, 1).double()
    net.bias.requires_grad_(False)
    apply = torch.autograd.Function.__dict__["apply"]
    x = torch.tensor(X, requires_grad=True)
    assert dl.judge(net, x).agree
    assert dl.judge(lambda x: Wrong.apply(x).sum(), x).findings
    assert net.weight.grad is None and x.grad is None and not net.bias.requires_grad and net.weight.requires_grad
    assert torch.autograd.Function.__dict__["apply"] is apply
    before = jax.config.jax_enable_x64
    dl.judge(lambda x: jnp.sum(jnp.sin(x)), X)
    assert jax.config.jax_enable_x64 == before


def random_function(seed):
    """A composition of smooth functions, with its twin in PyTorch."""
    rng = np.random.default_rng(seed)
    ones = [
        ("sin",) * 2,
        ("exp",) * 2,
        ("arctan", "atan"),
        ("log1p",) * 2,
        ("sinh",) * 2,
        ("square",) * 2,
    ]
    chosen = [ones[k] for k in rng.integers(len(ones), size=4)]
    w = rng.normal(size=(3, 3)) / 2

    def f(m, x, matrix, k):
        for step, names in enumerate(chosen):
            y = getattr(m, names[k])(0.5 * x * x if names[0] == "log1p" else x)
            x = matrix @ y if step % 2 else y * x + 0.3
        return (x * x).sum()

    return (lambda x: f(jnp, x, jnp.asarray(w, x.dtype), 0)), (lambda x: f(torch, x, torch.tensor(w).to(x.dtype), 1))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_random_functions_are_not_accused(seed, dtype):
    of_jax, of_torch = random_function(seed)
    x = (np.random.default_rng(seed + 100).normal(size=3) / 3).astype(dtype)
    for f, framework in ((of_jax, "jax"), (of_torch, "torch")):
        found = dl.judge(f, x, framework=framework)
        assert found.agree, str(found)


def test_shell(tmp_path, capsys):
    (tmp_path / "losses.py").write_text(
        "import jax.numpy as jnp\n"
        "def tail(x):\n    return jnp.sum(jnp.tanh(x))\n"
        "def plain(x):\n    return jnp.sum(jnp.sin(x))\n"
        "def numbers(x):\n    return float(sum(x))\n"
    )

    def judged(name, *words):
        status = run(["judge", f"{tmp_path / 'losses.py'}:{name}", *words])
        return status, *capsys.readouterr()

    status, out, _ = judged("plain", "--at", "x=[0.3,1]")
    assert status == 0 and "is right" in out
    status, out, _ = judged("tail", "--at", "x=[20,1]", "--json")
    told = json.loads(out)
    assert status == 1 and told["agree"] is False
    assert told["findings"][0]["operation"] == "tanh" and told["findings"][0]["input"] == 20.0
    assert judged("tail", "--at", "x=[20,1]", "--allow", "tanh")[0] == 0
    status, _, told = judged("numbers", "--at", "x=[20,1]")
    assert status == 2 and "returns no array of JAX or PyTorch" in told and "Traceback" not in told


def test_a_judgement_is_short_and_a_table():
    found = dl.judge(lambda x: jnp.sum(wrong(x)), np.linspace(0.1, 1.0, 9))
    assert len(repr(found).splitlines()) <= 5 and "wrong (custom_vjp)" in found._repr_html_()
    assert not found and json.dumps(found.to_json())
