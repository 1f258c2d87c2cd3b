"""Graphs on XLA: every row against NumPy, functions for JAX and their derivatives, and the backend "jax" of compile."""

from __future__ import annotations

import importlib
import re

import numpy as np
import pytest
from scipy import special
from table_arrays import agree, calls, leaves
from table_elementwise import WHOLE, examples, operands_of
from test_primitives_elementwise import sample

import difflab as dl
from difflab.errors import InputError, UnsupportedError
from difflab.primitives import TABLE

jax = pytest.importorskip("jax")
from difflab.compile.xla.carrier import CARRIER, x64  # noqa: E402

# What NumPy leaves open: the order of the elements on either side of a partition's place.
UNORDERED = {"partition", "argpartition"}
SHAPED_BY_VALUES = {"unique", "unique_places", "nonzero", "flatnonzero", "argwhere"}
ELEMENTWISE = [name for name, row in TABLE.items() if row.kind == "elementwise"]
ARRAYS = [name for name, row in TABLE.items() if row.kind != "elementwise" and not row.leaf]


def lowered(row, xs, params):
    """The row under jit, with its real operands as arguments."""
    moving = [i for i, x in enumerate(xs) if isinstance(x, np.ndarray | np.generic) and x.dtype.kind in "fc"]

    def f(*chosen):
        full = list(xs)
        for i, x in zip(moving, chosen):
            full[i] = x
        return CARRIER.of(row)(*full, **params)

    with x64():
        return [np.asarray(y) for y in leaves(jax.jit(f)(*[xs[i] for i in moving]))]


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_elementwise_rows_agree_with_numpy(name):
    row = TABLE[name]
    plain = name in WHOLE or name == "imag" or name.startswith("logical")
    for params in examples(row):
        xs = operands_of(name) if plain else sample(row, 40, 3)
        with np.errstate(all="ignore"):
            want = np.asarray(row.evaluate(*xs, **params))
        (got,) = lowered(row, xs, params)
        assert got.dtype == want.dtype
        np.testing.assert_allclose(got, want, rtol=1e-11, atol=1e-300)  # XLA has no subnormal numbers


@pytest.mark.parametrize("name", sorted(set(ARRAYS) - UNORDERED))
def test_array_rows_agree_with_numpy(name):
    for xs, params, y in calls(name):
        try:
            got = lowered(TABLE[name], xs, params)
        except UnsupportedError:
            assert name in SHAPED_BY_VALUES
            continue
        agree(name, got, leaves(y), 1e-10)


@pytest.mark.parametrize("name", sorted(UNORDERED))
def test_partitions_have_the_right_elements_on_either_side(name):
    for xs, params, y in calls(name):
        got, x = lowered(TABLE[name], xs, params)[0], np.asarray(xs[0])
        if name == "argpartition":
            got, y = np.take_along_axis(x, got, params["axis"]), np.take_along_axis(x, y, params["axis"])
        at = [np.take(z, params["kth"], params["axis"]) for z in (got, y)]
        np.testing.assert_array_equal(*at)
        np.testing.assert_array_equal(np.sort(got, params["axis"]), np.sort(y, params["axis"]))


X = np.array([[0.0, -1.5, 2.0, 0.5], [1.0, 1.0, -0.25, 3.0], [2.0, 0.0, 0.0, -2.0]])
V = np.array([0.3, -1.2, 0.7])
FUNCTIONS = {
    "kinks": (lambda x: np.sum(np.maximum(x, 0.0) + np.abs(x)) + np.max(x) + np.min(x, axis=0) @ x[0], X),
    "products": (lambda x: np.sum(np.tanh(x @ x.T) ** 2) + np.linalg.norm(x), X),
    "a dictionary": (lambda p: np.sum(np.sin(p["a"]) * p["b"][0]), {"a": V, "b": (np.float64(2.0), V)}),
    "a scan": (lambda x: np.sum(dl.scan(lambda c, r: (np.tanh(c + r), c * 2), x[0], x)[1] ** 2), X),
    "a scan backwards": (lambda x: np.sum(dl.scan(lambda c, r: (c * r, c + r), x[0], x, reverse=True)[1]), X),
    "a branch": (lambda x: dl.cond(np.sum(x) > 0, lambda y: np.sum(np.sin(y)), lambda y: np.sum(y**3), x), X),
    "a checkpoint": (dl.checkpoint(lambda x: np.sum(np.exp(np.sin(x)))), X),
    "a rule of its own": (lambda x: np.sum(clipped(x) * x), X),
    "solving": (lambda v: np.sum(np.linalg.solve(np.outer(v, v) + np.eye(3), v)), V),
    "eigenvalues": (lambda v: np.linalg.eigvalsh(np.outer(v, v) + np.diag(v))[0], V),
    "reading and sorting": (lambda x: np.sum(np.sort(x[1:, ::2], axis=0)[0] ** 2) + x[np.array([0, 0, 2]), 1] @ V, X),
    "what JAX has not": (lambda v: np.sum(dl.numpy.jv(0.5, 1.0 + v * v)), V),
    "images": (lambda x: np.sum(dl.numpy.max_pool(dl.numpy.conv(x[None, None], FILTERS), 2, 1, 0) ** 2), X),
}
FILTERS = np.array([[[[1.0, -0.5], [0.25, 2.0]]]])


@dl.custom_gradient
def clipped(x):
    return x**3, lambda g: np.minimum(g, 1.0)


def same(got, want, tolerance=1e-10):
    agree("to_jax", [np.asarray(x) for x in jax.tree.leaves(got)], jax.tree.leaves(want), tolerance)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_for_jax_have_difflabs_values_and_derivatives(name):
    f, x = FUNCTIONS[name]
    with x64():
        g = dl.to_jax(f, x)
        same(jax.jit(g)(x), f(x))
        same(jax.jit(jax.grad(g))(x), dl.grad(f)(x))
        if name != "a rule of its own":  # a pullback is for JAX's reverse mode
            same(jax.jvp(g, (x,), (x,))[1], dl.jvp(f, (x,), (x,))[1])


@pytest.mark.parametrize("name", ["products", "solving", "kinks", "what JAX has not", "a scan"])
def test_second_derivatives_and_batches(name):
    f, x = FUNCTIONS[name]
    with x64():
        g = dl.to_jax(f)
        same(jax.hessian(g)(x), dl.hessian(f)(x), 1e-9)
        batch = np.stack([x, x + 0.1])
        same(jax.vmap(jax.grad(g))(batch), dl.vmap(dl.grad(f))(batch))


def test_slopes_that_a_choice_leaves_out_stay_out_in_difflabs_reverse_mode():
    f, x = (lambda x: np.sum(np.where(x > 0, np.sqrt(np.abs(x)), x))), np.array([0.0, 1.0, -1.0])
    with x64():
        for g in (dl.to_jax(dl.grad(f)), jax.jacfwd(dl.to_jax(f)), dl.compile(dl.grad(f), backend="jax")):
            same(g(x), dl.grad(f)(x))
    same(dl.grad(f)(x), np.array([1.0, 0.5, 1.0]))


def test_a_loop_has_its_forward_derivative():
    f = lambda x: np.sum(dl.while_loop(lambda c: np.sum(c) < 100, lambda c: c * 1.5 + x[1] ** 2, x[0]))
    with x64():
        g = dl.to_jax(f, X)
        same(jax.jvp(g, (X,), (X,))[1], dl.jvp(f, (X,), (X,))[1])


NOTHING = {
    "resize": (lambda x: np.resize(x, (3, 2)), (0,)),
    "det": (lambda x: np.linalg.det(x @ x.T), (0, 3)),
    "slogdet": (lambda x: np.linalg.slogdet(x @ x.T)[1], (0, 3)),
    "inv": (lambda x: np.linalg.inv(x @ x.T), (0, 3)),
    "gathered": (lambda x: x[:, np.array([0, 2, 0])], (0, 3)),
    "added": (lambda x: dl.numpy.add_at(x, (slice(None), np.array([0, 0])), 2.0), (0, 3)),
    "sums": (lambda x: x.sum(axis=0) * 2 + x.prod(axis=0), (0, 3)),
    "scan": (lambda x: dl.scan(lambda s, u: (s + np.sum(u), s * u), 0.5, x), (0, 3)),
    "svd": (lambda x: np.linalg.svd(x, compute_uv=False), (0, 3)),
}


@pytest.mark.parametrize("backend", ["numpy", "jax"])
@pytest.mark.parametrize("name", NOTHING)
def test_arrays_without_elements(name, backend):
    f, shape = NOTHING[name]
    x = np.zeros(shape)
    for g in (f, dl.grad(lambda x: sum(np.sum(y) for y in leaves(f(x))))):
        program = dl.compile(g, backend=backend)
        for _ in range(2):
            for got, want in zip(leaves(program(x)), leaves(g(x)), strict=True):
                assert (np.shape(got), got.dtype) == (np.shape(want), want.dtype)
                np.testing.assert_array_equal(got, want)


TRUTHS = {
    "product": lambda x: (x > 0) * x,
    "from the right": lambda x: x * (x == x),
    "of casts": lambda x: (x > 0).astype(float) * x + (x > 0).astype(np.float32) * x,
    "quotient": lambda x: (x > 9) / (x * 0.0),
    "of two": lambda x: (x > 9) / (x > 0),
    "by numbers": lambda x: (x > 0) / np.array([0, 1, 2, 0, 0]),
    "single": lambda x: (x > 0) * x.astype(np.float32),
    "whole": lambda x: (x > 0) * np.array([1, 2, 3, 4, 5]),
    "extremes": dl.grad(lambda x: np.max(x) * 2.0),
}


@pytest.mark.parametrize("name", TRUTHS)
def test_truth_values_that_meet_numbers_are_numbers(name):
    """0 times NaN, or infinity, is NaN, as is 0 through 0."""
    f, x = TRUTHS[name], np.array([np.nan, np.inf, -np.inf, 1.0, -2.0])
    with x64(), np.errstate(all="ignore"):
        for got in (dl.compile(f, backend="jax")(x), jax.jit(dl.to_jax(f))(x)):
            assert got.dtype == f(x).dtype
            np.testing.assert_array_equal(got, f(x))


def test_integers_beside_real_numbers_and_several_results():
    f = lambda x, k: {"y": x * k, "place": np.argmax(x)}
    with x64():
        found, slopes = jax.jvp(lambda x: dl.to_jax(f)(x, np.array([2, 3, 4])), (V,), (V,))
        same(found, f(V, np.array([2, 3, 4])))
        same(slopes["y"], V * [2, 3, 4])


def test_a_graph_of_text_and_export():
    graph = dl.parse("sum(softmax(x) * y)")
    with x64():
        g = dl.to_jax(graph, V, V)
        same(jax.grad(g)(V, V), graph.forward(x=V, y=V).backward().gradient["x"])
        shape = jax.ShapeDtypeStruct(V.shape, V.dtype)
        same(jax.export.export(jax.jit(g))(shape, shape).call(V, V), graph(V, V))


def test_single_precision_without_the_setting():
    g = dl.to_jax(FUNCTIONS["products"][0])
    with jax.enable_x64(False):  # another test may have it switched on for all
        found = jax.jit(jax.grad(g))(X)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, dl.grad(FUNCTIONS["products"][0])(X), rtol=1e-4, atol=1e-4)


def test_what_cannot_be_lowered_is_named_all_at_once():
    with pytest.raises(UnsupportedError, match=r"nonzero: XLA needs a fixed shape.*; .*unique"):
        dl.to_jax(lambda x: np.sum(dl.stop_gradient(np.nonzero(x)[0])) + np.sum(np.unique(x)), V)
    with pytest.raises(UnsupportedError, match=r"an if, a while or a mask"):
        dl.to_jax(lambda x: x if x[0] > 0 else -x, V)


# The backend.
@pytest.mark.parametrize("name", FUNCTIONS)
def test_programs_of_xla_give_what_numpys_give(name):
    f, x = FUNCTIONS[name]
    program, plain = dl.compile(dl.value_and_grad(f), backend="jax"), dl.value_and_grad(f)
    for factor in (1.0, 1.25):
        at = jax.tree.map(lambda v, factor=factor: v * factor, x)
        for _ in range(2):
            got, want = program(at), plain(at)
            same(got, want)
            kinds = [[(np.shape(y), y.dtype) for y in jax.tree.leaves(t)] for t in (got, want)]
            assert kinds[0] == kinds[1]


def test_results_are_writable_and_alias_nothing():
    program = dl.compile(lambda x: (x, x + 0, x), backend="jax")
    program(V)
    found = program(V)
    for k, y in enumerate(found):
        assert y.flags.writeable and y.flags.owndata
        assert not any(np.shares_memory(y, z) for z in [V, *found[:k]])


def test_guards_numbers_and_precision():
    program = dl.compile(lambda x: x**2 if x > 0 else -x, backend="jax")
    assert [program(x) for x in (3.0, 2.0, -2.0, 4.0)] == [9.0, 4.0, 2.0, 16.0]
    assert type(program(3.0)) is float
    before = jax.numpy.asarray(1.0).dtype
    single = dl.compile(dl.grad(lambda x: np.sum(np.exp(x) * 2.5)), backend="jax")
    for _ in range(2):
        assert single(V.astype(np.float32)).dtype == np.float32
        assert single(V).dtype == np.float64
    assert jax.numpy.asarray(1.0).dtype == before


def test_the_same_bits_and_what_the_program_says():
    program = dl.compile(dl.grad(FUNCTIONS["products"][0]), backend="jax")
    program(X)
    first = program(X)
    assert all(np.array_equal(first, program(X)) for _ in range(5))
    assert "stablehlo" in str(program.source)
    assert "compiled by XLA" in program.explain() and "fusion" in program.explain()


def test_random_numbers_are_those_of_the_other_backends():
    f = lambda key: dl.numpy.random_uniform(key, shape=(4,))
    key = np.array([3, 9])
    program = dl.compile(f, backend="jax")
    program(key)
    np.testing.assert_array_equal(program(key), f(key))


# Training.
@pytest.fixture
def some_digits():
    return dl.nn.data.blobs(64)


def trained(data, **options):
    model = dl.nn.models.mlp((2, 8, 3))
    return dl.nn.fit(model, data, epochs=options.pop("epochs", 2), batch_size=16, progress=False, **options)


@pytest.mark.parametrize("backend", ["native", "jax", "auto"])
def test_a_run_learns_the_same_on_every_backend(some_digits, backend):
    want, found = trained(some_digits), trained(some_digits, backend=backend)
    for a, b in zip(jax.tree.leaves(found.params), jax.tree.leaves(want.params)):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)
    assert found.about.get("backend", "numpy") in ({backend} if backend != "auto" else {"numpy", "native", "jax"})


def test_a_resumed_run_keeps_its_backend_and_its_bits(some_digits, tmp_path, monkeypatch):
    asked, fit_module = [], importlib.import_module("difflab.nn.training.fit")
    monkeypatch.setattr(fit_module, "fastest", lambda *args: asked.append(1) or "jax")
    whole = trained(some_digits, backend="auto", out=tmp_path / "whole")
    trained(some_digits, backend="auto", epochs=1, out=tmp_path / "part")
    again = trained(some_digits, backend="auto", resume=True, out=tmp_path / "part")
    assert len(asked) == 2 and again.about["backend"] == "jax"
    for a, b in zip(jax.tree.leaves(again.params), jax.tree.leaves(whole.params)):
        np.testing.assert_array_equal(a, b)


def test_a_backend_that_there_is_not_is_named(some_digits):
    with pytest.raises(InputError, match=r"fit: backend='quick'; the backends are"):
        trained(some_digits, backend="quick")


def half_until_one(x):
    return dl.while_loop(lambda y: y > 1.0, lambda y: y / 2.0, x * x)


@pytest.mark.parametrize(
    "name, f",
    [
        ("scan", lambda x: dl.scan(lambda c, s: (c + s if s > 0 else c - s, None), x, np.ones(3))[0]),
        ("while_loop", lambda x: dl.while_loop(lambda s: s < 9.0, lambda s: s + (1.0 if s > 0 else 2.0), x)),
    ],
)
def test_bodies_that_look_at_values_are_refused_by_name(name, f):
    with np.errstate(all="ignore"), pytest.raises(UnsupportedError, match=f"{name}: its function looks at values"):
        dl.compile(f, backend="jax").prepare(8.5)


def test_steps_without_known_room_are_refused():
    f = lambda x: dl.while_loop(lambda s: s < 9.0, lambda s: s + 1.0 + dl.grad(half_until_one)(s), x)
    assert f(8.5) == pytest.approx(8.5 + 1 + 2 * 8.5 / 128)
    with np.errstate(all="ignore"), pytest.raises(UnsupportedError, match="while_loop: reverse mode"):
        dl.compile(f, backend="jax").prepare(8.5)


# What JAX does otherwise than NumPy.
I = np.array([0, 1, -1, 5, -5, 2**62, -(2**63), 7])
J = np.array([0, 2, 0, -3, 3, 3, -1, 0])
S = np.array([0.0, -0.0, np.nan, np.inf, -np.inf, 1.0, -1.0, 1e308, 0.5, 2.5, -2.5])
ELSEWHERE = {
    "whole numbers by 0": (lambda a, b: (a // b, a % b, np.fmod(a, b), np.divmod(a, b)), I, J),
    "quotients that are 0": (lambda a, b: a // b, S, S[::-1].copy()),
    "whole numbers to tens": (lambda a: np.round(a, -1), np.array([5, 15, 25, -5, -15, 123, 0])),
    "means of truth values": (lambda a: np.mean(a > 0), S),
    "int32 beside float32": (lambda a, b: a * b, np.array([3, 7], np.int32), np.array([0.1, 0.3], np.float32)),
    "int64 beside uint64": (lambda a, b: a + b, np.array([-1, 2]), np.array([2**63, 1], np.uint64)),
    "joined dtypes": (lambda a, b: np.concatenate([a, b]), np.array([2**24 + 1]), np.ones(1, np.float32)),
    "medians of NaN": (lambda a: (np.median(a), np.quantile(a, [0.2, 0.5]), np.percentile(a, 30.0)), S),
    "fractions": (lambda a: np.modf(a), S),
    "gamma functions": (lambda a: (special.gammaln(a), special.digamma(a)), S),
    "other orders of bytes": (lambda a: a * 2, V.astype(">f8")),
    "arguments and constants as they are": (lambda a, b: (a, np.float32(2), b, np.arange(3)), np.array(2.0), V),
    "no elements": (lambda a: (np.sum(a), np.mean(a), np.cumsum(a, axis=0), a.T @ a), np.zeros((0, 3))),
}


@pytest.mark.parametrize("name", ELSEWHERE)
def test_numbers_at_the_edges_are_those_of_numpy(name):
    f, *args = ELSEWHERE[name]
    program = dl.compile(f, backend="jax")
    with np.errstate(all="ignore"):
        wanted = jax.tree.leaves(f(*args))
        for found in (program(*args), program(*args)):
            for got, want in zip(jax.tree.leaves(found), wanted, strict=True):
                assert (type(got), np.asarray(got).dtype) == (type(want), np.asarray(want).dtype)
                np.testing.assert_allclose(got, want, rtol=1e-12)
                np.testing.assert_array_equal(np.signbit(got) & (got == 0), np.signbit(want) & (want == 0))


A = np.eye(3) + 0.1
SINGULAR = np.ones((3, 3))
READ = lambda x, i: dl.scan(lambda c, k: (c + dl.numpy.take(x, k, axis=0), None), 0.0, i)[0]
REFUSED = {
    "an index": (lambda x, i: x[i] * 2, (V, np.array([0, -3])), (V, np.array([0, 3]))),
    "places": (lambda x, i: np.take(x, i), (V, np.array([2])), (V, np.array([-4]))),
    "along an axis": (lambda x, i: np.take_along_axis(x, i, 0), (V, np.array([2])), (V, np.array([5]))),
    "an update": (lambda x, i: dl.numpy.add_at(x, i, 1.0), (V, np.array([2])), (V, np.array([5]))),
    "a label": (dl.nn.functional.cross_entropy, (X, np.array([0, 3, 1])), (X, np.array([0, 4, 1]))),
    "solving": (lambda a, v: np.linalg.solve(a, v), (A, V), (SINGULAR, V)),
    "an inverse": (np.linalg.inv, (A,), (SINGULAR,)),
    "a factor": (np.linalg.cholesky, (A,), (-A,)),
    "a power": (lambda i, k: i**k, (np.array([2, 3]), np.array([0, 2])), (np.array([2, 3]), np.array([1, -1]))),
    "in a scan": (READ, (V, np.array([0, 1])), (V, np.array([0, 7]))),
    "in a branch": (
        lambda x, i: dl.cond(x[0] > 0, lambda: x[i], lambda: x[i] + x[i], *()),
        (V, np.array([1])),
        (V, np.array([3])),
    ),
    "in a while loop": (
        lambda a: dl.while_loop(lambda s: np.sum(s) < 9, lambda s: s + np.linalg.inv(a), a),
        (A,),
        (SINGULAR / 9,),
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_numpy_refuses_is_refused(name):
    f, good, bad = REFUSED[name]
    program = dl.compile(f, backend="jax")
    for _ in range(2):
        np.testing.assert_allclose(program(*good), f(*good), rtol=1e-11)
    with pytest.raises(Exception) as wanted:
        f(*bad)
    for _ in range(2):
        with pytest.raises(type(wanted.value), match=re.escape(str(wanted.value))):
            program(*bad)
        np.testing.assert_allclose(program(*good), f(*good), rtol=1e-11)


def test_functions_for_jax_take_keywords_and_read_closures_again():
    factor = 2.0

    def f(x, *, scale=1.0, how="sum", twice=False):
        y = factor * scale * (np.sum(x) if how == "sum" else np.prod(x))
        return 2 * y if twice else y

    with x64():
        g = dl.to_jax(f)
        for given in (2.0, -3.0):
            factor = given
            for options in ({}, {"scale": 3.0}, {"how": "product"}, {"twice": True, "scale": V[0]}):
                same(g(V, **options), f(V, **options))
                slope = jax.jit(jax.grad(lambda x, options=options: g(x, **options)))
                same(slope(V), dl.grad(f)(V, **options))
        with pytest.raises(InputError, match=r"to_jax: the argument \{1\} is neither a number nor hashable"):
            g(V, how={1})


SYMMETRIC = X @ X.T + np.eye(3)
MATRICES = {
    "solving": (lambda a: np.sum(np.linalg.solve(a, a[0])), SYMMETRIC),
    "a factor": (lambda a: np.sum(np.linalg.cholesky(a) ** 3), SYMMETRIC),
    "least squares": (lambda a: np.sum(np.linalg.inv(a.T @ a) @ a.T), X[:, :2]),
}


@pytest.mark.parametrize("name", MATRICES)
def test_what_is_traced_without_values_is_traced_at_regular_matrices(name):
    f, a = MATRICES[name]
    with x64():
        same(jax.jit(dl.to_jax(f))(a), f(a))
        same(jax.jit(jax.grad(dl.to_jax(f)))(a), dl.grad(f)(a), 1e-9)
