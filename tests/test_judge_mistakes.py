"""dl.judge against rules that are wrong on purpose, one in a random program of right ones: each is found and named."""

from __future__ import annotations

import numpy as np
import pytest

import difflab as dl

jax = pytest.importorskip("jax")
torch = pytest.importorskip("torch")
jnp = jax.numpy
MODULES = {"jax": jnp, "torch": torch}
W = np.array([[0.4, -0.7, 0.2], [0.5, 0.3, -0.6], [-0.2, 0.8, 0.1]])
reversed_sum = lambda m, g: m.flip(m.cumsum(m.flip(g, (0,)), 0), (0,))

# The value, its derivative's pullback, and pullbacks with a mistake in them; x has three numbers.
MISTAKES = {
    "sine": (lambda m, x, w: m.sin(x), lambda m, x, w, g: g * m.cos(x), {
        "sign": lambda m, x, w, g: -g * m.cos(x),
        "factor": lambda m, x, w, g: 1.001 * g * m.cos(x),
        "no derivative": lambda m, x, w, g: 0 * g,
        "one entry": lambda m, x, w, g: g * m.cos(x) * (1 + (x == x[1]) * 0.1),
        "the incoming gradient forgotten": lambda m, x, w, g: m.cos(x) + 0 * g,
    }),
    "square": (lambda m, x, w: x * x, lambda m, x, w, g: 2 * g * x, {"one of two paths": lambda m, x, w, g: g * x}),
    "exponential": (lambda m, x, w: m.exp(x), lambda m, x, w, g: g * m.exp(x), {
        "of the result in place of the input": lambda m, x, w, g: g * m.exp(m.exp(x)),
    }),
    "product": (lambda m, x, w: w @ x, lambda m, x, w, g: w.T @ g, {"not transposed": lambda m, x, w, g: w @ g}),
    "running sum": (lambda m, x, w: m.cumsum(x, 0), lambda m, x, w, g: reversed_sum(m, g), {
        "not reversed": lambda m, x, w, g: m.cumsum(g, 0),
    }),
    "deviation": (lambda m, x, w: x - m.mean(x), lambda m, x, w, g: g - m.mean(g), {
        "the mean taken as a constant": lambda m, x, w, g: g,
        "the sum in place of the mean": lambda m, x, w, g: g - m.sum(g),
    }),
    "bend": (lambda m, x, w: m.where(x > 0, x, 0.1 * x), lambda m, x, w, g: m.where(x > 0, g, 0.1 * g), {
        "another slope": lambda m, x, w, g: m.where(x > 0, g, 0.2 * g),
        "the other side": lambda m, x, w, g: m.where(x < 0, g, 0.1 * g),
    }),
    "turn": (lambda m, x, w: m.roll(x, 1), lambda m, x, w, g: m.roll(g, -1), {
        "turned the same way": lambda m, x, w, g: m.roll(g, 1),
    }),
}  # fmt: skip
WRONG = [(name, how) for name, (_, _, wrong) in MISTAKES.items() for how in wrong]


def with_rule(framework, value, pull):
    """The operation in a framework, with this pullback as its rule."""
    m = MODULES[framework]
    if framework == "jax":

        @jax.custom_vjp
        def planted(x, w):
            return value(m, x, w)

        back = lambda kept, g: (pull(m, *kept, g).astype(g.dtype), jnp.zeros_like(kept[1]))
        planted.defvjp(lambda x, w: (value(m, x, w), (x, w)), back)
        return planted

    class planted(torch.autograd.Function):  # the name that the judge is to say
        @staticmethod
        def forward(ctx, x, w):
            ctx.save_for_backward(x, w)
            return value(m, x, w)

        @staticmethod
        def backward(ctx, g):
            return pull(m, *ctx.saved_tensors, g).to(g.dtype), None

    return planted.apply


def program(framework, planted, seed):
    """Right operations around the planted one, in a random order."""
    m, rng = MODULES[framework], np.random.default_rng(seed)
    steps = [
        lambda x, w: m.tanh(x),
        lambda x, w: x * x + 0.3,
        lambda x, w: w @ x,
        lambda x, w: m.arctan(x) * x,
        lambda x, w: m.exp(0.3 * x),
    ]
    chosen = [steps[k] for k in rng.integers(len(steps), size=4)]
    chosen.insert(int(rng.integers(5)), planted)
    matrix = W + rng.normal(size=(3, 3)) / 10

    def f(x):
        w = m.asarray(matrix, dtype=x.dtype)
        for step in chosen:
            x = step(x, w)
        return m.sum(x * x * m.asarray([1.0, 0.5, -2.0], dtype=x.dtype))

    return f


def point(seed, dtype):
    return (0.2 + np.random.default_rng(seed + 50).permutation([0.35, -0.6, 0.9])).astype(dtype)


@pytest.mark.parametrize("framework", MODULES)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("name", "how"), WRONG)
def test_every_mistake_is_found_and_no_right_rule_accused(framework, dtype, name, how):
    value, right, wrong = MISTAKES[name]
    seed = WRONG.index((name, how))
    x = point(seed, dtype)
    honest = dl.judge(program(framework, with_rule(framework, value, right), seed), x, framework=framework)
    assert honest.agree, str(honest)
    found = dl.judge(program(framework, with_rule(framework, value, wrong[how]), seed), x, framework=framework)
    bugs = [f for f in found.findings if f.kind == "bug"]  # rounding of right rules may be said beside them
    assert not found.agree and bugs and {f.operation.partition(" ")[0] for f in bugs} == {"planted"}, str(found)
