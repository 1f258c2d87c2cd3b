"""`difflab.numpy.vectorize` against `numpy.vectorize` and against derivatives by hand."""

from __future__ import annotations

import numpy as np
import pytest

import difflab as dl
import difflab.numpy as dnp
from difflab.errors import InputError, ShapeError

X, Y = np.array([[1.0, 2.0], [3.0, -1.0]]), np.array([1.5, 0.5])


def pieces(a, b):
    return a * b if a > b else (a - b) ** 2


def test_plain_numbers_are_numpys():
    for f, args in ((pieces, (X, Y)), (divmod, (X, 2.0))):
        np.testing.assert_array_equal(dnp.vectorize(f)(*args), np.vectorize(f)(*args))


def test_each_element_takes_its_own_branch():
    over = np.broadcast_to(Y, X.shape)
    by_x = np.where(over < X, over, 2 * (X - over))
    by_y = np.where(over < X, X, -2 * (X - over)).sum(axis=0)
    loss = lambda x, y: np.sum(dnp.vectorize(pieces)(x, y))
    for gradient in (dl.grad(loss, argnums=(0, 1)), dl.compile(dl.grad(loss, argnums=(0, 1)))):
        found = gradient(X, Y)
        np.testing.assert_allclose(found[0], by_x, rtol=1e-15)
        np.testing.assert_allclose(found[1], by_y, rtol=1e-15)
    second = dl.hessian(lambda x: loss(x, Y))(X).reshape(4, 4)
    np.testing.assert_array_equal(second, np.diag(np.where(over < X, 0.0, 2.0).ravel()))


def test_several_results_and_a_signature():
    both = dnp.vectorize(lambda u, v: (u @ v, 2 * u), signature="(n),(n)->(),(n)")
    np.testing.assert_array_equal(dl.grad(lambda x: np.sum(both(x, x)[0]))(X), 2 * X)
    np.testing.assert_array_equal(dl.jacobian(lambda x: both(x, Y)[1])(X), 2 * np.eye(4).reshape(2, 2, 2, 2))
    np.testing.assert_array_equal(dl.vjp(lambda x: both(x, Y)[0], X)[0], X @ Y)


def test_names_and_what_is_excluded():
    power = dnp.vectorize(lambda t, p=2: t**p)
    np.testing.assert_allclose(dl.grad(lambda x: np.sum(power(x, p=3)))(Y), 3 * Y**2, rtol=1e-15)
    np.testing.assert_allclose(dl.grad(lambda p: np.sum(power(Y, p=p)))(3.0), np.sum(Y**3 * np.log(Y)), rtol=1e-15)
    polynomial = dnp.vectorize(np.polyval, excluded=["p", 0])
    np.testing.assert_allclose(dl.grad(lambda p: np.sum(polynomial(p, Y)))(np.ones(3)), [2.5, 2.0, 2.0], rtol=1e-15)


def test_it_decorates():
    @dnp.vectorize(otypes=[float])
    def bent(t):
        return np.sin(t) if t > 1 else 0

    np.testing.assert_array_equal(dl.grad(lambda x: np.sum(bent(x)))(X), np.where(X > 1, np.cos(X), 0.0))
    assert dl.grad(bent)(2.0) == np.cos(2.0)
    assert dl.grad(lambda x: np.sum(bent(x[:0])) + x[0])(Y).tolist() == [1.0, 0.0]


@pytest.mark.parametrize(
    ("f", "error", "told"),
    [
        (lambda x: dnp.vectorize(np.sin)(x[:0]), InputError, r"shape \(0,\) hold nothing to call the function with"),
        (lambda x: dnp.vectorize(np.dot, signature="(n),(n)->()")(x), InputError, "has 2 arguments; 1 were given"),
        (lambda x: dnp.vectorize(np.trace, signature="(n,n)->()")(x), ShapeError, r"shape \(2,\); the signature has 2"),
    ],
)
def test_bad_calls_are_named(f, error, told):
    with pytest.raises(error, match=told):
        dl.grad(lambda x: np.sum(f(x)))(Y)
