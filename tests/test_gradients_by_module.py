"""Sizes of values and gradients, module by module, of graphs and of other frameworks' networks."""

from __future__ import annotations

import numpy as np
import pytest

import difflab as dl


def chain(gain, layers=6):
    def f(x):
        for k in range(layers):
            with dl.block(f"layer{k}"), dl.block("inner"):
                x = np.tanh(gain * x)
        return np.sum(x)

    return f


def test_a_graph_with_blocks():
    x = np.array([0.3, -0.2])
    found = dl.gradients_by_module(dl.trace(chain(0.05), x), x)
    assert [look.name for look in found.layers] == [f"layer{k}" for k in range(6)]
    assert found.verdict().startswith("Gradients vanish")
    y = x
    for k, look in enumerate(found.layers):  # the gradient by each layer's end, by the chain rule
        y = np.tanh(0.05 * y)
        np.testing.assert_allclose(look.activation, y, rtol=1e-15)
        np.testing.assert_allclose(look.gradient, dl.grad(chain(0.05, 5 - k))(y), rtol=1e-13)
    assert dl.gradients_by_module(dl.trace(chain(1.0), x), x).verdict().startswith("Gradients neither")


def test_depth():
    x = np.ones(2)
    names = [look.name for look in dl.gradients_by_module(dl.trace(chain(1.0, 2), x), x, depth=2).layers]
    assert names == ["layer0.inner", "layer1.inner"]
    with pytest.raises(dl.DifflabError, match="depth=0; give 1 or more"):
        dl.gradients_by_module(dl.trace(chain(1.0, 2), x), x, depth=0)


def test_without_modules():
    with pytest.raises(dl.DifflabError, match="no modules"):
        dl.gradients_by_module(dl.parse("x * x"), 2.0)


def test_a_module_of_torch():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2)).double()
    x = torch.randn(5, 3, dtype=torch.float64)
    found = {look.name: look for look in dl.gradients_by_module(net, x).layers}
    hidden = net[1](net[0](x)).detach().requires_grad_()
    net[2](hidden).sum().backward()
    np.testing.assert_allclose(found["1"].gradient, hidden.grad.numpy(), rtol=1e-13)
    w = torch.cat([net[2].weight.grad.ravel(), net[2].bias.grad.ravel()])
    assert found["2"].weight_gradient == pytest.approx(float(w.square().mean().sqrt()), rel=1e-13)


def test_scopes_of_jax():
    jax = pytest.importorskip("jax")

    def f(x):
        for k in range(2):
            with jax.named_scope(f"layer{k}"):
                x = jax.numpy.tanh(x)
        return jax.numpy.sum(x)

    found = dl.gradients_by_module(f, np.array([0.3, 0.7]))
    assert [look.name for look in found.layers] == ["layer0", "layer1"]
    np.testing.assert_allclose(found.layers[0].gradient, 1 / np.cosh(np.tanh([0.3, 0.7])) ** 2, rtol=1e-14)
