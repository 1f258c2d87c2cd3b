"""dl.from_torch of functions that torch itself differentiates, and of those that write behind autograd's back."""

from __future__ import annotations

import numpy as np
import pytest

import difflab as dl
from difflab.errors import UnsupportedError

torch = pytest.importorskip("torch")
F = pytest.importorskip("torch.nn.functional")

X = torch.tensor([[0.3, -1.2], [0.7, 1.9]], dtype=torch.float64)
ELSEWHERE = 0.5 * X + 0.4


def bump(x):
    return (x.sin() * x**2).sum()


def branching(x):
    return torch.func.grad(bump)(x) if x.sum() > 0 else x


def through_data(x):
    y = x * 1
    y.data.mul_(2)
    return y * x


# What torch differentiates inside of the function, and its values elsewhere than at the examples.
TRANSFORMS = {
    "grad": lambda x: torch.func.grad(bump)(x),
    "grad of grad": lambda x: torch.func.grad(lambda y: torch.func.grad(bump)(y).sum())(x),
    "grad in vmap": lambda x: torch.func.vmap(torch.func.grad(bump))(x),
    "hessian": lambda x: torch.func.hessian(bump)(x[0]),
    "jacrev": lambda x: torch.func.jacrev(lambda y: y * y.sum())(x[0]),
    "jvp": lambda x: torch.func.jvp(torch.sin, (x,), (x,))[1],
    "vjp": lambda x: torch.func.vjp(torch.sin, x)[1](x)[0],
    "in a branch": branching,
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_what_torch_differentiates_inside_moves_with_the_inputs(name):
    f = TRANSFORMS[name]
    g = dl.from_torch(f, X)
    x = ELSEWHERE.clone().requires_grad_()
    want = f(x)
    want.sum().backward()
    np.testing.assert_allclose(g(ELSEWHERE.numpy()), want.detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(dl.grad(lambda z: np.sum(g(z)))(ELSEWHERE.numpy()), x.grad.numpy(), rtol=1e-12)


def test_no_grad_beside_a_transform_is_refused():
    def f(x):
        with torch.no_grad():
            y = x * 2
        return torch.func.grad(bump)(x) * y

    with pytest.raises(UnsupportedError, match=r"no_grad\(\) and torch.func's transforms .* use detach\(\)"):
        dl.from_torch(f, X)


# Operations in place of which torch's own are made, or through `data`: the value is torch's.
IN_PLACE = {
    "combinations": (lambda x: torch.combinations(x[0], 2).prod(1), X),
    "cosine_embedding_loss": (lambda x: F.cosine_embedding_loss(x, x.flip(0), torch.tensor([1, -1]), margin=0.1), X),
    "data": (through_data, X),
}


@pytest.mark.parametrize("name", IN_PLACE)
def test_operations_in_place_are_recorded(name):
    f, x = IN_PLACE[name]
    g = dl.from_torch(f, x)
    np.testing.assert_allclose(g(ELSEWHERE.numpy()), f(ELSEWHERE).numpy(), rtol=1e-12)


def test_a_captured_tensor_that_is_written_and_read_is_refused():
    mean = torch.zeros(2, dtype=torch.float64)

    def f(x):
        mean.mul_(0.9).add_(x.mean(0))
        return (x - mean).sum()

    with pytest.raises(UnsupportedError, match="in the forward method|it captures"):
        dl.from_torch(f, X)
    norm = torch.nn.BatchNorm1d(2).double()
    np.testing.assert_allclose(dl.from_torch(lambda x: norm(x) * x, X)(X.numpy()), (norm(X) * X).detach().numpy())
