"""dl.from_torch: modules and functions of PyTorch as graphs, judged by torch's values and gradients."""

from __future__ import annotations

import numpy as np
import pytest

import difflab as dl

torch = pytest.importorskip("torch")


def gradients(f, tensors):
    """torch's gradient of the sum of everything that f returns."""
    leaves = [x.detach().clone().requires_grad_(x.is_floating_point()) for x in tensors]
    f(*leaves).sum().backward()
    return [x.grad.numpy() for x in leaves if x.grad is not None]


def test_a_module_gives_its_values_with_its_own_weights_and_with_others():
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.Tanh(), torch.nn.Linear(5, 1)).double()
    x = torch.randn(3, 4, dtype=torch.float64)
    g = dl.from_torch(net, x)
    assert isinstance(g, dl.Graph)
    assert [n.name for n in g.inputs] == ["input", "0.weight", "0.bias", "2.weight", "2.bias"]
    np.testing.assert_allclose(g(x.numpy()), net(x).detach().numpy(), rtol=1e-13)
    net(x).sum().backward()
    found = g.forward(x.numpy()).backward().gradient
    for name, p in net.named_parameters():
        np.testing.assert_allclose(found[name], p.grad.numpy(), rtol=1e-12, err_msg=name)
    w = np.ones((5, 4))
    with torch.no_grad():
        net[0].weight.copy_(torch.from_numpy(w))
    np.testing.assert_allclose(g(x.numpy(), **{"0.weight": w}), net(x).detach().numpy(), rtol=1e-13)
