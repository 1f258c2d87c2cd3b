"""from_jax: values and gradients of graphs against JAX's own, blocks and lines, precision, refusals, whole programs."""

from __future__ import annotations

import pickle
from collections import namedtuple
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import difflab as dl
from difflab.bridges import packages
from difflab.errors import InputError, TraceError, UnsupportedError
from difflab.primitives import rows

jax = pytest.importorskip("jax")
from from_jax_cases import FILTERS, GRADIENTS, IMAGE, RNG, VALUES, A, B, V, W  # noqa: E402

jnp, lax = jax.numpy, jax.lax
POINT = RNG.normal(size=(4, 3)), RNG.normal(size=(5, 4))
neuron = lambda w, x: jnp.sum(jax.nn.softplus(jnp.tanh(x @ w)) ** 2)
leaves = jax.tree_util.tree_leaves


def same(ours, theirs, rtol=1e-11):
    for y, z in zip(leaves(ours), leaves(theirs), strict=True):
        y, z = np.asarray(y), np.asarray(z)
        assert (y.shape, y.dtype) == (z.shape, z.dtype)
        scale = max(1.0, np.max(np.abs(z[np.isfinite(z)]), initial=0)) if z.dtype.kind in "fc" else 0
        np.testing.assert_allclose(y, z, rtol=rtol if scale else 0, atol=1e-13 * scale)


def weighed(xp, ys):
    """One number of all results, in which each entry counts otherwise."""
    terms = [xp.sum(y * np.cos(np.arange(np.prod(y.shape, dtype=int))).reshape(y.shape)) for y in ys]
    return sum(terms[1:], terms[0])


def agree(f, *args, gradient=True, rtol=1e-9):
    """The graph of f, whose value, and gradient by all arguments, are JAX's."""
    g = dl.from_jax(f, *args)
    same(g(*args), f(*args))
    if gradient:
        places = tuple(range(len(args)))
        ours = dl.grad(lambda *x: weighed(np, dl_leaves(g(*x))), places)(*args)
        theirs = lambda *x: weighed(jnp, leaves(f(*x)))
        try:
            slopes = jax.grad(theirs, places)(*args)
        except ValueError:  # JAX has no reverse mode through a loop of unknown length
            slopes = jax.jacfwd(theirs, places)(*args)
        same(ours, slopes, rtol)
    return g


def dl_leaves(tree):
    return leaves(tree, is_leaf=lambda x: isinstance(x, dl.Traced))


@pytest.mark.parametrize("name", GRADIENTS)
def test_operations_have_the_values_and_gradients_of_jax(name):
    f, *args = GRADIENTS[name]
    agree(f, *args)


@pytest.mark.parametrize("name", VALUES)
def test_operations_have_the_values_of_jax_at_special_points(name):
    f, *args = VALUES[name]
    agree(f, *args, gradient=False)


def test_a_neuron():
    g = agree(neuron, *POINT)
    assert isinstance(g, dl.Graph) and [n.name for n in g.inputs] == ["w", "x"]
    assert np.isclose(g(*POINT), neuron(*POINT), rtol=1e-14)


# Rules of users' own.
@jax.custom_vjp
def wrong(x):
    return x * jnp.sin(x)


wrong.defvjp(lambda x: (wrong(x), x), lambda x, ct: (17 * ct,))


@jax.custom_jvp
def also_wrong(x):
    return x * jnp.sin(x)


also_wrong.defjvp(lambda primals, tangents: (also_wrong(*primals), 17 * tangents[0]))


@pytest.mark.parametrize("f, title", [(wrong, "wrong (custom_vjp)"), (also_wrong, "also_wrong (custom_jvp)")])
def test_own_rules_are_left_out_and_said(f, title):
    g = dl.from_jax(lambda x: jnp.sum(f(x)), V)
    same(g(V), jnp.sum(f(V)))
    same(dl.grad(g)(V), np.sin(V) + V * np.cos(V))
    assert [b.name for b in g.blocks] == [title]
    assert {n.block.name for n in g.order if n.primitive is rows.sin} == {title}


# Control flow.
def horner(x):
    return lax.scan(lambda c, a: (c * x + a, c), jnp.zeros(()), jnp.arange(5.0), reverse=True)


def newton(x):
    return lax.while_loop(
        lambda s: jnp.abs(s[0] ** 2 - x) > 1e-12, lambda s: ((s[0] + x / s[0]) / 2, s[1] + 1), (x, 0)
    )[0]


CONTROL = {
    "scan": (horner, 0.7),
    "scan of a tree": (
        lambda p, xs: lax.scan(lambda c, x: ({"h": jnp.tanh(p["w"] @ c["h"] + x)}, c["h"][0]), {"h": p["h"]}, xs),
        {"w": A, "h": V[:4]},
        RNG.normal(size=(7, 4)),
    ),
    "while": (newton, 3.0),
    "while of a batch": (jax.vmap(newton), np.array([3.0, 400.0, 1e-3])),
    "fori": (lambda x: lax.fori_loop(0, 4, lambda i, c: jnp.sin(c) + i * x, x), V),
    "cond": (lambda x: lax.cond(jnp.sum(x) > 0, jnp.sin, lambda x: x**2, x), V),
    "the other branch": (lambda x: lax.cond(jnp.sum(x) > 100, jnp.sin, lambda x: x**2, x), V),
    "switch": (lambda x: lax.switch(jnp.argmax(x[:3]), [jnp.sin, jnp.cos, jnp.exp], x), V),
    "switch out of range": (lambda x: lax.switch(jnp.argmax(x) + 9, [jnp.sin, jnp.cos, jnp.exp], x), V),
    "a batch of branches": (jax.vmap(lambda x: lax.cond(x > 0, jnp.sin, jnp.exp, x)), V),
    "remat": (jax.checkpoint(lambda x: jnp.sin(jnp.sin(x)) * x), V),
    "jit in jit": (jax.jit(lambda x: jax.jit(jnp.tanh)(x) * x), V),
    "loop in a loop": (
        lambda x: lax.fori_loop(0, 3, lambda i, c: lax.scan(lambda d, y: (d * jnp.cos(y), d), c, x)[0] + c, x[0]),
        V,
    ),
    "map": (lambda x: lax.map(lambda y: jnp.sum(y) * y, x), A),
    "associative_scan": (lambda x: lax.associative_scan(jnp.multiply, x), V),
}


@pytest.mark.parametrize("name", CONTROL)
def test_control_flow(name):
    f, *args = CONTROL[name]
    agree(f, *map(partial(jax.tree_util.tree_map, np.asarray), args))


def test_loops_are_one_node_and_follow_other_inputs():
    g = dl.from_jax(newton, np.float64(3.0))
    assert len(g.operations) < 5
    same(g(np.float64(1e6)), newton(1e6))
    branch = dl.from_jax(lambda x: lax.cond(x > 0, jnp.sin, lambda x: x * x, x), np.float64(1.0))
    same((branch(2.0), branch(-2.0)), (np.sin(2.0), np.float64(4.0)))


# Containers and names.
Pair = namedtuple("Pair", "first second")


@jax.tree_util.register_pytree_node_class
class Box:
    def __init__(self, inside):
        self.inside = inside

    def tree_flatten(self):
        return (self.inside,), None

    @classmethod
    def tree_unflatten(cls, _, children):
        return cls(*children)


def test_containers_go_in_and_come_out():
    f = lambda p, x: {"y": Pair(p["w"] @ x, (p["b"], None)), "z": [x[0]]}
    p = {"w": A, "b": V}
    g = dl.from_jax(f, p, V[:4])
    assert [n.name for n in g.inputs] == [n.name for n in dl.trace(f, p, V[:4]).inputs] == ["p['b']", "p['w']", "x"]
    found = g(p, V[:4])
    assert isinstance(found["y"], Pair)
    same(found, f(p, V[:4]))
    assert jax.tree_util.tree_structure(found) == jax.tree_util.tree_structure(f(p, V[:4]))
    loss = lambda run: lambda p: sum(map(np.sum, dl_leaves(run(p, V[:4]))))
    same(dl.grad(loss(g))(p), jax.grad(lambda p: sum(jnp.sum(y) for y in leaves(f(p, V[:4]))))(p))


def test_containers_that_only_jax_knows():
    g = dl.from_jax(lambda box, x: Box(box.inside * x), Box(V), W)
    assert len(g.inputs) == 2 and g.inputs[1].name == "x"
    found = g(Box(V), W)
    assert isinstance(found, Box)
    same(found.inside, V * W)


def test_a_graph_is_pickled_with_its_lines():
    g = dl.from_jax(neuron, *POINT)
    again = pickle.loads(pickle.dumps(g))
    same(again(*POINT), g(*POINT))
    assert sorted(again.notes.values()) == sorted(g.notes.values())
    assert dl.to_jax(again) is not None


def test_blocks_and_lines_of_the_program():
    @jax.jit
    def layer(x):
        return jnp.tanh(A @ x) + x

    def f(x):
        with jax.named_scope("encoder"):
            x = layer(x)
            with jax.named_scope("head"):
                x = jnp.exp(x) * 2
        return jnp.sum(x)

    g = dl.from_jax(f, V[:4])
    paths = {"/".join(b.path) for b in g.blocks}
    assert paths == {"encoder", "encoder/layer", "encoder/head"}
    of = {n.primitive: n for n in g.order}
    assert "/".join(of[rows.tanh].block.path) == "encoder/layer" and of[rows.sum].block is None
    first = f.__code__.co_firstlineno
    assert f"test_from_jax.py:{first + 4}" in g.notes[of[rows.exp]]
    assert f"test_from_jax.py:{first + 5}" in g.notes[of[rows.sum]]
    assert set(g.notes) == set(g.operations)


# Precision.
@pytest.fixture
def single():
    jax.config.update("jax_enable_x64", False)
    yield
    jax.config.update("jax_enable_x64", True)


def test_float64_stays_so_whatever_jax_is_told(single):
    g = dl.from_jax(neuron, *POINT)
    assert g(*POINT).dtype == np.float64 and {n.dtype for n in g.order if n.dtype.kind == "f"} == {np.dtype(float)}
    assert jnp.ones(2).dtype == np.float32 and not jax.config.jax_enable_x64
    same(g(*POINT), np.sum(np.logaddexp(np.tanh(POINT[1] @ POINT[0]), 0) ** 2))


@pytest.mark.parametrize("wide", [False, True])
def test_float32_stays_so(wide):
    jax.config.update("jax_enable_x64", wide)
    try:
        x, labels = V.astype(np.float32), np.arange(6)
        f = lambda x, k, c: jnp.sum(jnp.sin(x) * jnp.ones(6, x.dtype) * c) + x[k[2]]
        g = dl.from_jax(f, x, labels, 2.0)
        assert {n.dtype for n in g.outputs} == {np.dtype(np.float32)}
        same(g(x, labels, 2.0), f(x, labels, 2.0), 1e-6)
        assert dl.grad(lambda x: g(x, labels, 2.0))(x).dtype == np.float32
    finally:
        jax.config.update("jax_enable_x64", True)


def test_numbers_of_python_are_taken_as_jax_takes_them():
    f = lambda x, n, on: jnp.where(on, x * n, x) + jnp.arange(3)[n]
    g = dl.from_jax(f, 1.5, 2, True)
    same(g(1.5, 2, True), f(1.5, 2, True))
    same(g(1.5, 1, False), f(1.5, 1, False))


# What does not depend on the arguments.
def test_random_numbers_are_those_of_jax():
    key = jax.random.key(3)

    def f(x):
        k, drop = jax.random.split(key)
        kept = jax.random.bernoulli(drop, 0.5, x.shape)
        return jnp.where(kept, x + jax.random.normal(k, x.shape), 0.0) * jax.random.gamma(k, 2.0)

    g = agree(f, V)
    assert all(n.primitive is not rows.erfinv for n in g.order)


def test_random_numbers_of_an_argument_are_refused():
    with pytest.raises(InputError, match=r"argument key is a random key .*lambda x: f\(x, key\)"):
        dl.from_jax(lambda x, key: x + jax.random.normal(key), 1.0, jax.random.key(0))
    with pytest.raises(UnsupportedError, match=r"random_bits|random_wrap"):
        dl.from_jax(lambda seed, x: x * jax.random.normal(jax.random.key(seed)), 1, 1.0)


# Refusals.
def test_all_that_cannot_be_read_is_listed_with_its_count():
    def f(x):
        for _ in range(3):
            x = jax.scipy.linalg.hessenberg(x)
        y = lax.scan(lambda c, _: (lax.linalg.schur(c)[0], None), x, None, length=2)[0]
        return jnp.sum(lax.population_count(y.astype(int))) + jnp.sum(jnp.sin(y))

    with pytest.raises(UnsupportedError) as refusal:
        dl.from_jax(f, A)
    told = str(refusal.value)
    assert "from_jax: " in told and "hessenberg (3 times)" in told and "schur" in told and "population_count" in told
    assert "sin" not in told


def test_a_function_of_what_stands_there_is_no_write():
    with pytest.raises(UnsupportedError, match=r"scatter by x.at\[...\].apply\(f\): write x.at\[...\].set"):
        dl.from_jax(lambda x: x.at[0, 1].apply(jnp.sin), A)


def test_an_operation_of_the_same_name_is_another():
    from jax.extend.core import Primitive

    mine = Primitive("sin")
    mine.def_abstract_eval(lambda x: x)
    with pytest.raises(UnsupportedError, match=r"1 operation.*: sin$"):
        dl.from_jax(lambda x: mine.bind(x), V)


@pytest.mark.parametrize(
    "f, args, error, told",
    [
        (3, (V,), InputError, "from_jax: f=3 is not a function"),
        (lambda x: None, (V,), InputError, "returns no array"),
        (lambda: jnp.ones(3), (), InputError, "no arguments"),
        (lambda x, mode: x, (V, "same"), InputError, r"argument mode='same' of type str"),
        (lambda x: x if x[0] > 0 else -x, (V,), TraceError, "jax.lax.cond"),
        (lambda x: np.sin(np.asarray(x)), (V,), TraceError, "jax.numpy"),
        (lambda x: x.astype(jnp.bfloat16), (V,), UnsupportedError, "bfloat16"),
        (jnp.frexp, (V,), UnsupportedError, "bitcast_convert_type to floats, in a function whose rule alone"),
        (lambda x: jax.pure_callback(np.sin, x, x), (V,), UnsupportedError, "pure_callback"),
    ],
)
def test_what_is_wrong_is_said(f, args, error, told):
    with pytest.raises(error, match=told):
        dl.from_jax(f, *args)


def test_without_jax_the_extra_is_named(monkeypatch):
    def missing(name):
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(packages, "import_module", missing)
    with pytest.raises(InputError, match=r"from_jax needs jax.*pip install 'difflab\[jax\]'"):
        dl.from_jax(neuron, *POINT)


def test_printing_is_left_out():
    def f(x):
        jax.debug.print("x = {}", x)
        return x * 2

    assert len(dl.from_jax(f, V).operations) == 1


# Whole programs.
def perceptron(params, x):
    for layer in params[:-1]:
        x = jax.nn.gelu(x @ layer["w"] + layer["b"])
    return jax.nn.log_softmax(x @ params[-1]["w"] + params[-1]["b"])


def images(params, x):
    x = jax.nn.relu(lax.conv_general_dilated(x, params["k"], (1, 1), "SAME", feature_group_count=2))
    x = lax.reduce_window(x, -jnp.inf, lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")
    mean, var = jnp.mean(x, (0, 2, 3), keepdims=True), jnp.var(x, (0, 2, 3), keepdims=True)
    x = (x - mean) * lax.rsqrt(var + 1e-5)
    return jnp.sum(x.reshape(len(x), -1) @ params["w"])


def attention(params, x):
    q, k, v = (jnp.einsum("td,dhk->thk", x, params[n]) for n in "qkv")
    scores = jnp.einsum("thk,shk->hts", q, k) / jnp.sqrt(4.0)
    scores = jnp.where(jnp.tri(len(x), dtype=bool), scores, -jnp.inf)
    y = x + jnp.einsum("hts,shk,hkd->td", jax.nn.softmax(scores), v, params["o"])
    return jax.nn.standardize(y) @ params["m"]


def recurrent(params, xs):
    def step(state, x):
        h, c = state
        i, f, g, o = jnp.split(x @ params["x"] + h @ params["h"], 4)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    return lax.scan(step, (jnp.zeros(3), jnp.zeros(3)), xs)[1]


def oscillator(y, k):
    """Runge and Kutta's steps until the time is over."""

    def step(state):
        t, y = state
        slope = lambda y: jnp.stack([y[1], -k * jnp.sin(y[0])])
        a = slope(y)
        b = slope(y + 0.05 * a)
        c = slope(y + 0.05 * b)
        return t + 0.1, y + 0.1 / 6 * (a + 2 * b + 2 * c + slope(y + 0.1 * c))

    return lax.while_loop(lambda state: state[0] < 0.95, step, (0.0, y))[1]


def mixture(params, x):
    log_weights = jax.nn.log_softmax(params["a"])

    def density(mean, raw):
        chol = jnp.tril(raw, -1) + jnp.diag(jnp.exp(jnp.diag(raw)))
        z = jax.scipy.linalg.solve_triangular(chol, (x - mean).T, lower=True)
        return -0.5 * jnp.sum(z**2, 0) - jnp.sum(jnp.diag(raw)) - jnp.log(2 * jnp.pi)

    found = jax.vmap(density)(params["mean"], params["raw"])
    return jnp.sum(jax.scipy.special.logsumexp(log_weights[:, None] + found, axis=0))


def small(*shape):
    return RNG.normal(size=shape) * 0.5


PROGRAMS = {
    "perceptron": (
        perceptron,
        [{"w": small(4, 6), "b": small(6)}, {"w": small(6, 6), "b": small(6)}, {"w": small(6, 3), "b": small(3)}],
        small(5, 4),
    ),
    "images": (images, {"k": FILTERS, "w": small(54, 3)}, IMAGE),
    "attention": (
        attention,
        {**{n: small(6, 2, 3) for n in "qkv"}, "o": small(2, 3, 6), "m": small(6, 4)},
        small(5, 6),
    ),
    "recurrent": (recurrent, {"x": small(4, 12), "h": small(3, 12)}, small(6, 4)),
    "oscillator": (oscillator, V[:2], np.float64(2.0)),
    "mixture": (mixture, {"a": small(3), "mean": small(3, 2), "raw": small(3, 2, 2)}, small(8, 2)),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_whole_programs(name):
    f, *args = PROGRAMS[name]
    g = agree(f, *args)
    other = jax.tree_util.tree_map(lambda x: x * 0.7, args)
    same(g(*other), f(*other))


@pytest.mark.parametrize("name", list(GRADIENTS)[::3])
def test_operations_come_back_to_jax(name):
    f, *args = GRADIENTS[name]
    same(jax.jit(dl.to_jax(dl.from_jax(f, *args), *args))(*args), f(*args), 1e-10)


@pytest.mark.parametrize("name", [n for n in PROGRAMS if n != "oscillator"])
def test_programs_come_back_to_jax(name):
    f, *args = PROGRAMS[name]
    back = dl.to_jax(dl.from_jax(f, *args))
    same(jax.jit(back)(*args), f(*args))
    loss = lambda run: lambda *x: weighed(jnp, leaves(run(*x)))
    same(jax.grad(loss(back))(*args), jax.grad(loss(f))(*args), 1e-8)


def test_a_graph_is_compiled_compared_and_differentiated_twice():
    f = lambda x: jnp.sum(jnp.sin(x) * jax.nn.softplus(x))
    g = dl.from_jax(f, V)
    same(dl.compile(g)(V), f(V))
    same(dl.hessian(g)(V), jax.hessian(f)(V))
    assert dl.compare(dl.from_jax(lambda x, y: jnp.exp(x * y) / (x + y), 0.5, 1.5), at={"x": 0.5, "y": 1.5}).agree


# Random compositions.
STEPS = [
    jnp.sin,
    jnp.tanh,
    jax.nn.softplus,
    jax.nn.silu,
    lambda x: x @ A / 4,
    lambda x: x + jnp.cumsum(x, 1) / 4,
    lambda x: jnp.where(x > 0.3, x * x, jnp.exp(-x)),
    lambda x: x - jnp.mean(x, 0, keepdims=True),
    lambda x: jax.nn.softmax(x, 0),
    lambda x: jnp.flip(x, 1)[:, ::-1] * x.T,
    lambda x: jnp.sort(x, 0),
    lambda x: x[:, jnp.argsort(x[0])],
    lambda x: x.at[1].add(x[2] * x[0]),
    lambda x: lax.scan(lambda c, r: (jnp.tanh(c + r), c * r), x[0], x)[1],
    lambda x: lax.cond(x[0, 0] > 0, lambda x: jnp.cos(x), lambda x: x / 2, x),
    lambda x: lax.fori_loop(0, 2, lambda i, c: c + jnp.sin(c) * x[i], x),
    lambda x: jnp.linalg.solve(5 * jnp.eye(4) + 0.1 * jnp.tanh(x), B),
    lambda x: jnp.einsum("ij,kj->ik", x, x) / 8,
    lambda x: jnp.clip(x, -0.9, 1.1),
    lambda x: jnp.pad(x, 1)[1:-1, :-2],
    lambda x: jax.vmap(lambda r: r / (1 + r @ r))(x),
    lambda x: jnp.logaddexp(x, x.T),
]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, len(STEPS) - 1), min_size=2, max_size=6), st.integers(0, 2**32))
def test_random_compositions(steps, seed):
    x = np.random.default_rng(seed).normal(size=(4, 4))

    def f(x):
        x = jnp.asarray(x)
        for k in steps:
            x = STEPS[k](x)
        return x

    agree(f, x, rtol=1e-7)
