"""from_jax: values and gradients of graphs against JAX's own."""

from __future__ import annotations

import numpy as np
import pytest

import difflab as dl

jax = pytest.importorskip("jax")
jax.config.update("jax_enable_x64", True)
jnp = jax.numpy

RNG = np.random.default_rng(3)
W, X = RNG.normal(size=(4, 3)), RNG.normal(size=(5, 4))


def test_a_neuron_has_the_value_and_gradient_of_jax():
    f = lambda w, x: jnp.sum(jax.nn.softplus(jnp.tanh(x @ w)) ** 2)
    g = dl.from_jax(f, W, X)
    assert isinstance(g, dl.Graph) and [n.name for n in g.inputs] == ["w", "x"]
    assert np.isclose(g(W, X), f(W, X), rtol=1e-14)
    assert np.allclose(dl.grad(lambda w: g(w, X))(W), jax.grad(f)(W, X), rtol=1e-11)


@jax.custom_vjp
def wrong(x):
    return x * jnp.sin(x)


wrong.defvjp(lambda x: (wrong(x), x), lambda x, ct: (17 * ct,))


def test_own_rules_are_left_out_and_said():
    g = dl.from_jax(lambda x: jnp.sum(wrong(x)), X)
    assert np.allclose(dl.grad(g)(X), np.sin(X) + X * np.cos(X), rtol=1e-13)
    assert [b.name for b in g.blocks] == ["wrong (custom_vjp)"]
