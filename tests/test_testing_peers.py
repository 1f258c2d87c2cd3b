"""Gradients of PyTorch, JAX and autograd before difflab's judges: right ones pass, wrong ones are named."""

from __future__ import annotations

import numpy as np
import pytest

from difflab.testing import DisagreementError, assert_gradients_agree
from difflab.testing.agreement import examine

X = np.linspace(-1.0, 1.0, 5)


def network(torch, dtype):
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(5, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1)).to(dtype)

    def f(x):
        return model(torch.tensor(x, dtype=dtype))[0].detach()

    def gradient(x):
        x = torch.tensor(x, dtype=dtype, requires_grad=True)
        return torch.autograd.grad(model(x)[0], x)[0]

    return f, gradient


@pytest.mark.parametrize("narrow", [False, True], ids=["float64", "float32"])
def test_a_network_of_pytorch(narrow):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra peers)")
    f, gradient = network(torch, torch.float32 if narrow else torch.float64)
    x = X.astype(np.float32) if narrow else X
    assert examine(f, (x,), gradient).judges == {"finite differences": 5}
    for entry, factor in ((3, 1.03), (0, -1.0)) if narrow else ((3, 1 + 1e-6), (0, -1.0)):
        scale = torch.tensor([factor if i == entry else 1.0 for i in range(5)], dtype=torch.float64)
        with pytest.raises(DisagreementError, match=rf"x\[{entry}\]"):
            assert_gradients_agree(f, x, gradient=lambda x, scale=scale: gradient(x) * scale)


def test_a_tensor_in_the_wrong_place_is_told():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra peers)")
    f, gradient = network(torch, torch.float64)
    with pytest.raises(DisagreementError, match="detach"):
        assert_gradients_agree(f, X, gradient=lambda x: torch.tensor(2 * x, requires_grad=True))
    with pytest.raises(TypeError, match="x is a torch.Tensor; give the point as NumPy arrays"):
        assert_gradients_agree(f, torch.tensor(X), gradient=gradient)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("wide", [False, True])
def test_functions_of_jax(compiled, wide):
    jax = pytest.importorskip("jax", reason="JAX is not installed (extra peers)")
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", wide)
    try:
        f = lambda p: jax.numpy.sum(jax.numpy.sin(p["w"]) * p["w"]) * p["b"]
        gradient = jax.grad(f)
        if compiled:
            f, gradient = jax.jit(f), jax.jit(gradient)
        kind = np.float64 if wide else np.float32
        p = {"w": X.astype(kind), "b": kind(2.0)}
        assert examine(f, (p,), gradient).judges == {"finite differences": 6}
        with pytest.raises(DisagreementError, match=r"p\['b'\]"):
            assert_gradients_agree(f, p, gradient=lambda p: gradient(p) | {"b": 1.03 * gradient(p)["b"]})
    finally:
        jax.config.update("jax_enable_x64", before)


def test_functions_of_autograd():
    autograd = pytest.importorskip("autograd", reason="autograd is not installed (extra peers)")
    anp = pytest.importorskip("autograd.numpy")
    f = lambda x: anp.sum(anp.sinh(x) * x)
    assert_gradients_agree(f, X, gradient=autograd.grad(f))
    with pytest.raises(DisagreementError, match=r"x\[0\]"):
        assert_gradients_agree(f, X, gradient=lambda x: autograd.grad(f)(x) * np.array([1.0 + 1e-6, 1, 1, 1, 1]))
