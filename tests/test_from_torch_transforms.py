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


# Operations in place of which torch's own are made: the value is torch's.
IN_PLACE = {
    "combinations": (lambda x: torch.combinations(x[0], 2).prod(1), X),
    "cosine_embedding_loss": (lambda x: F.cosine_embedding_loss(x, x.flip(0), torch.tensor([1, -1]), margin=0.1), X),
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


# Functions that write into what they have computed: where torch has a derivative of it, and where there is none.
def below_autograd(write):
    def f(x):
        y = x * 1
        with torch.no_grad():
            write(y)
        return (y * x).sum()

    return f


def cut_off(write):
    def f(x):
        y = x * 1
        write(y)
        return (y * x).sum()

    return f


def of_a_detached_copy(x):
    c = x.sin().detach()
    return (c.mul_(3) * x).sum()


def of_zeros(x):
    c = torch.zeros_like(x)
    with torch.no_grad():
        c.add_(x)[0] = 3
    return (c * x).sum()


def after_another(x):
    y = x * 2
    y.mul_(x)
    with torch.no_grad():
        y.clamp_(min=-0.3)
    return (y * x).sum()


WRITES = {
    "clamp under no_grad": below_autograd(lambda y: y.clamp_(min=0.1)),
    "a detached copy": of_a_detached_copy,
    "zeros under no_grad": of_zeros,
    "after another": after_another,
    "parts": cut_off(lambda y: y[0].mul_(3)),
}
UNSEEN = {
    "data": cut_off(lambda y: y.data.mul_(2)),
    "detach": cut_off(lambda y: y.detach()[0].mul_(2)),
    "a part under no_grad": below_autograd(lambda y: y[0].mul_(3)),
}


def with_a_branch(f):
    return lambda x: f(x * 1.5 if x.sum() > -9 else x)


@pytest.mark.parametrize("way", [lambda f: f, with_a_branch], ids=["exported", "followed"])
@pytest.mark.parametrize("name", WRITES)
def test_a_write_has_torch_s_derivative(name, way):
    f = way(WRITES[name])
    x = ELSEWHERE.clone().requires_grad_()
    y = f(x)
    y.backward()
    value, slope = dl.value_and_grad(dl.from_torch(f, X))(ELSEWHERE.numpy())
    np.testing.assert_allclose(value, y.item(), rtol=1e-12)
    np.testing.assert_allclose(slope, x.grad.numpy(), rtol=1e-12)


@pytest.mark.parametrize("way", [lambda f: f, with_a_branch], ids=["exported", "followed"])
@pytest.mark.parametrize("name", UNSEEN)
def test_a_write_that_no_derivative_sees_is_refused(name, way):
    with pytest.raises(UnsupportedError, match=r"writes, through detach\(\), .data .* write into its clone\(\)"):
        dl.from_torch(way(UNSEEN[name]), X)


def test_the_padding_of_an_embedding_has_no_derivative():
    index, weight = torch.tensor([[0, 2], [1, 2]]), torch.arange(8.0, dtype=torch.float64).reshape(4, 2)
    f = lambda w: F.embedding(index, w, padding_idx=2).sin().sum()
    w = weight.clone().requires_grad_()
    f(w).backward()
    assert not w.grad[2].any()
    np.testing.assert_allclose(dl.grad(dl.from_torch(f, weight))(weight.numpy()), w.grad.numpy())
