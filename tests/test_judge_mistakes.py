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


def own_rule(value, pull):
    """A function of JAX with a rule of its own."""
    f = jax.custom_vjp(value)
    f.defvjp(lambda x: (value(x), x), lambda x, g: (pull(x, g),))
    return f


def own_function(name, value, pull):
    """A Function of PyTorch."""

    def forward(ctx, x):
        ctx.save_for_backward(x)
        return value(x)

    backward = lambda ctx, *gs: pull(*ctx.saved_tensors, *gs)
    return type(
        name, (torch.autograd.Function,), {"forward": staticmethod(forward), "backward": staticmethod(backward)}
    )


wrong = own_rule(jnp.sin, lambda x, g: 1.1 * g * jnp.cos(x))
Rounds = own_function("Rounds", torch.round, lambda x, g: g)  # straight through, on purpose
Clips = own_function("Clips", torch.sin, lambda x, g: g.clamp(-1, 1) * x.cos())
Bad = own_function("Bad", torch.sin, lambda x, g: 1.1 * g * x.cos())
T = torch.tensor([0.3, 0.7], dtype=torch.float64)


class InPlace(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x.clone())
        ctx.mark_dirty(x)
        return x.sin_()

    @staticmethod
    def backward(ctx, g):
        return 1.1 * g * ctx.saved_tensors[0].cos()


late = own_rule(jnp.sin, lambda x, g: g * jnp.cos(x) * jnp.where(x > 0.5, 1.1, 1.0))
HIDDEN = {
    "behind zeros of a softmax": (
        lambda x, y: jnp.sum(jax.nn.softmax(x)) + jnp.sum(wrong(y)),
        (np.linspace(0, 1, 20), np.array([0.3])),
        "sin",
        (),
    ),
    "behind kinks": (
        lambda x, y: jnp.sum(jax.nn.relu(x)) + jnp.sum(wrong(y)),
        (np.zeros(12), np.array([0.3])),
        "sin",
        (),
    ),
    "behind kinks of its own argument": (
        lambda x: jnp.sum(jax.nn.relu(x[:90])) + jnp.sum(wrong(x[90:])),
        (np.r_[np.zeros(90), 0.3],),
        "sin",
        (),
    ),
    "beside what is allowed": (lambda x: (5 * Clips.apply(x)).sum() + Rounds.apply(x).sum(), (T,), "Clips", ["Rounds"]),
    "behind a rule that hands its argument on": (
        lambda x: jnp.sum(wrong(own_rule(lambda x: x, lambda x, g: 2 * g)(x))),
        (np.array([0.3]),),
        "sin",
        ["lambda"],
    ),
    "in place": (lambda x: InPlace.apply(x * 1).sum(), (T,), "InPlace", ()),
    "in the second turn": (
        lambda x: jax.lax.scan(lambda c, a: (c, late(a) * 2), 0.0, x)[1].sum(),
        (np.array([0.3, 0.7]),),
        "sin",
        (),
    ),
    "in the first turn from behind": (
        lambda x: jax.lax.scan(lambda c, a: (c, late(a)), 0.0, x, reverse=True)[1].sum(),
        (np.array([0.7, 0.3]),),
        "sin",
        (),
    ),
}


@pytest.mark.parametrize("name", HIDDEN)
def test_a_mistake_is_found_wherever_it_hides(name):
    f, args, operation, allow = HIDDEN[name]
    found = dl.judge(f, *args, allow=allow)
    bugs = [x for x in found.findings if x.kind == "bug" and not x.allowed]
    assert not found.agree and {x.operation.partition(" ")[0] for x in bugs} == {operation}, str(found)


# Pullbacks of the identity that are right for gradients alike along an axis, or without a sign.
MIXED = {
    "rows turned round": ((3, 5), lambda g: g.flip(0)),
    "the mean of rows": ((4, 5), lambda g: g.mean(0).expand_as(g)),
    "columns turned": ((3, 4), lambda g: g.roll(1, 1)),
    "turned by five": ((10,), lambda g: g.roll(5)),
    "rectified": ((4,), lambda g: g.clamp(min=0)),
    "without a sign": ((4,), lambda g: g.abs()),
}


@pytest.mark.parametrize("name", MIXED)
def test_a_rule_that_mixes_up_incoming_gradients_is_found(name):
    shape, pull = MIXED[name]
    x = torch.linspace(0.3, 1.9, int(np.prod(shape)), dtype=torch.float64).reshape(shape)
    found = dl.judge(own_function("Mixes", lambda x: x.clone(), lambda x, g: pull(g)).apply, x)
    assert not found.agree and found.findings[0].operation.startswith("Mixes")
    assert dl.judge(own_function("Hands", lambda x: x.clone(), lambda x, g: g).apply, x).agree


def test_results_that_are_single_numbers_have_weights_of_their_own():
    swapped = own_function("Swaps", lambda x: (x.sum(), (x * x).sum()), lambda x, g, h: h + 2 * x * g)
    assert not dl.judge(swapped.apply, T).agree


def test_what_is_allowed_alone_is_right():
    assert dl.judge(lambda x: Rounds.apply(x).sum(), T, allow=["Rounds"]).agree
    assert not dl.judge(lambda x: Rounds.apply(x).sum(), T).agree


def test_statistics_and_random_numbers_are_as_before():
    norm, x = torch.nn.BatchNorm1d(2).double(), torch.linspace(-1, 2, 8, dtype=torch.float64).reshape(4, 2)
    before = {k: v.clone() for k, v in norm.state_dict().items()}
    seed = torch.random.get_rng_state()
    assert dl.judge(norm, x).agree
    told = dl.judge(lambda x: norm(x).sum(), x)
    assert all(torch.equal(v, before[k]) for k, v in norm.state_dict().items())
    assert torch.equal(torch.random.get_rng_state(), seed)
    assert told.unjudged == ["the parameters of BatchNorm1d, which the function reads: judge the module itself"]


def test_what_does_not_move_is_said():
    for f in (torch.no_grad()(lambda x: (x * x).sum()), lambda x: (x * x).sum().detach() + 0.0):
        assert any("no result moves" in line for line in dl.judge(f, T).unjudged)


REFUSED = {
    "no float": (lambda x: jnp.argmax(x), (np.array([0.3, 1.0]),), "returns no float"),
    "no float of torch's": (lambda x: x.argmax(), (T,), "returns no float"),
    "whole numbers": (lambda k: (k * 2).sum(), (torch.tensor([1, 2]),), "no argument is a float"),
    "complex": (lambda z: jnp.abs(jnp.sin(z)).sum(), (np.array([1 + 1j, 2]),), "an argument is complex"),
    "not a number": (lambda x: jnp.sum(jnp.sin(x)), (np.array([1, np.nan]),), r"argument x\[1\] is nan"),
    "a loop that JAX cannot": (
        lambda x: jax.lax.while_loop(lambda c: c[0] < 5, lambda c: (c[0] + 1, c[1] + 0.1), (0, x))[1].sum(),
        (np.ones(2),),
        "JAX itself cannot differentiate this",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_judged_is_refused_with_the_reason(name):
    f, args, told = REFUSED[name]
    with pytest.raises(dl.DifflabError, match=told):
        dl.judge(f, *args)


def counting():
    calls = iter(range(99))
    return lambda x: (x**2).sum() * (1 + next(calls) % 2)


@pytest.mark.parametrize("f", [counting(), lambda x: (x * float(np.random.default_rng().random())).sum()])
def test_a_function_with_a_state_accuses_nobody(f):
    with pytest.raises(dl.DifflabError, match="two values at the same point.*fix its random numbers or its state"):
        dl.judge(f, T)


def test_an_empty_argument_stands_beside_a_value_that_is_infinite():
    found = dl.judge(lambda x, y: jnp.sum(x) + jnp.sum(jnp.log(y)), np.zeros(0), np.zeros(1))
    assert not found.agree and found.findings[0].operation == "log"


def test_of_many_entries_those_that_rounding_explains_are_not_left_over():
    """Nobody looks at 3,000 entries one by one; where the framework is right nothing is said to be left."""
    x = np.linspace(-1.0, 1.0, 3_000)
    stopped = dl.judge(lambda x: jnp.sum(jax.lax.stop_gradient(x) * x), x)  # whose Taylor test asks for a closer look
    assert stopped.agree and stopped.unjudged == []
