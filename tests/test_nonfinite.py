"""find_nonfinite: where a NaN begins, of functions of NumPy, JAX and PyTorch.

Whether there is one is asked of the libraries themselves; which operation it is, of programs that had it planted.
"""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from nonfinite_programs import planted, program

import difflab as dl
from difflab.bridges.nonfinite.history import History, Vertex
from difflab.bridges.nonfinite.mends import MENDS
from difflab.bridges.nonfinite.on_numpy import NumpyArrays
from difflab.cli.app import run
from difflab.errors import InputError

MODULES = {"numpy": "numpy", "jax": "jax.numpy", "torch": "torch"}
LIBRARIES = list(MODULES)


def library(name):
    return pytest.importorskip(MODULES[name], reason=f"{name} is not installed (extra {name})")


def array(name, x):
    m = library(name)
    return m.asarray(x, dtype=m.float32) if name != "numpy" else np.asarray(x, float)


def find(name, f, *points):
    m = library(name)
    return dl.find_nonfinite(lambda *x: f(m, *x), *[array(name, p) for p in points])


def finite(name, f, *points):
    """Whether the value is finite and whether the gradient of its sum is, as the library computes them."""
    m, points = library(name), [array(name, p) for p in points]
    if name == "torch":
        points = [p.requires_grad_() for p in points]
        value = f(m, *points)
        slopes = m.autograd.grad(value, points, m.ones_like(value), allow_unused=True)
        found = [value, *[g for g in slopes if g is not None]]
        value, *slopes = [y.detach().numpy() for y in found]
    elif name == "jax":
        jax = importlib.import_module("jax")
        value, pullback = jax.vjp(lambda *x: f(m, *x), *points)
        slopes = pullback(m.ones_like(value))
    else:
        with np.errstate(all="ignore"):
            value, pullback = dl.vjp(lambda *x: f(m, *x), *points)
            slopes = pullback(np.ones_like(value))
    return bool(np.all(np.isfinite(value))), all(bool(np.all(np.isfinite(g))) for g in slopes)


INF, NAN = np.inf, np.nan
FORWARD, BACKWARD = "forward", "backward"
sums = lambda g: lambda m, x: m.sum(g(m, x))
where_sqrt = sums(lambda m, x: m.where(x > 0, m.sqrt(x), 0.0))
where_taken = sums(lambda m, x: m.where(x >= 0, m.sqrt(x), 0.0))
safe_sqrt = sums(lambda m, x: m.where(x > 0, m.sqrt(m.where(x > 0, x, 1.0)), 0.0))
where_xlogx = sums(lambda m, x: m.where(x > 0, x * m.log(x), 0.0))
where_sinc = sums(lambda m, x: m.where(x == 0, 1.0, m.sin(x) / x))
norm = lambda m, x: m.linalg.norm(x)
by_hand = lambda m, x: m.sqrt(m.sum(x * x))
std = lambda m, x: m.std(x)
logsumexp = lambda m, x: m.log(m.sum(m.exp(x)))
softmax = sums(lambda m, x: m.exp(x - m.max(x)) / m.sum(m.exp(x - m.max(x))))
library_softmax = lambda m, x: getattr(m, "softmax", None) and m.softmax(x, 0)[0]
attention = lambda m, x: m.sum(m.exp(m.where(x > 0, x, -INF)) / m.sum(m.exp(m.where(x > 0, x, -INF))) * x)
cdist = lambda m, x: m.sum(m.sqrt(m.sum((x[:, None] - x[None]) ** 2, -1)))
log_of_softmax = sums(lambda m, x: m.log(m.exp(x) / m.sum(m.exp(x))))
softplus = sums(lambda m, x: m.log(1 + m.exp(x)))
sigmoid = sums(lambda m, x: m.log(1 / (1 + m.exp(-x))))
acos = sums(lambda m, x: m.acos(x))
masked_product = sums(lambda m, x: m.log(x) * (x > 0))

# What, libraries, function, point; then the operation (one of these words), the pass, the kind, words of the mend.
EVERY = "numpy jax torch"
KNOWN = [
    ("sqrt at 0", "numpy", sums(lambda m, x: m.sqrt(x)), [1.0, 0.0], "divide", BACKWARD, "inf", "slope at 0"),
    ("where sqrt", "jax", where_sqrt, [0.0, 1.0], "div", BACKWARD, "inf", "safe ="),
    ("where sqrt", "torch", where_sqrt, [0.0, 1.0], "div", BACKWARD, "NaN", "safe ="),
    ("where takes the sqrt", "jax torch", where_taken, [0.0, 1.0], "div", BACKWARD, "inf", "slope at 0"),
    ("where xlogx", "jax torch", where_xlogx, [0.0, 1.0], "log", BACKWARD, "-inf", "safe ="),
    ("where sin(x)/x", "jax", where_sinc, [0.0], "integer_pow", BACKWARD, "inf", "safe ="),
    ("where sin(x)/x", "torch", where_sinc, [0.0], "div", BACKWARD, "NaN", "safe ="),
    ("norm at 0", "jax", norm, [0.0, 0.0], "div", BACKWARD, "inf", "sum of squares"),
    ("norm by hand", "jax", by_hand, [0.0, 0.0], "div", BACKWARD, "inf", "sum of squares"),
    ("norm by hand", "torch", by_hand, [0.0, 0.0], "div", BACKWARD, "inf", "sum of squares"),
    ("norm by hand", "numpy", by_hand, [0.0, 0.0], "divide", BACKWARD, "inf", "sum of squares"),
    ("std of equal numbers", "jax", std, [1.0, 1.0], "div", BACKWARD, "inf", "equal numbers"),
    ("equal points", "jax", cdist, [[0.0, 1.0], [0.0, 1.0]], "div", BACKWARD, "inf", "equal points"),
    ("equal points", "torch", cdist, [[0.0, 1.0], [0.0, 1.0]], "div", BACKWARD, "inf", "equal points"),
    ("sqrt at 0", "jax torch", sums(lambda m, x: m.sqrt(x)), [1.0, 0.0], "div", BACKWARD, "inf", "slope at 0"),
    ("x**0.5 at 0", "numpy", sums(lambda m, x: x**0.5), [0.0], "power", BACKWARD, "inf", "slope at 0"),
    ("x**0.5 at 0", "jax torch", sums(lambda m, x: x**0.5), [0.0], "pow", BACKWARD, "inf", "slope at 0"),
    ("x**x at 0", "jax", sums(lambda m, x: x**x), [0.0], "pow", BACKWARD, "inf", "slope at 0"),
    ("acos(1)", "numpy", acos, [1.0], "reciprocal", BACKWARD, "inf", "arccos has"),
    ("acos(1)", "jax torch", acos, [1.0], "rsqrt", BACKWARD, "inf", "arccos has"),
    ("acos(2)", "numpy", acos, [2.0], "arccos", FORWARD, "NaN", "clip"),
    ("acos(2)", "jax torch", acos, [2.0], "acos", FORWARD, "NaN", "clip"),
    ("atan2(0, 0)", "jax", lambda m, x: m.arctan2(x[0], x[1]), [0.0, 0.0], "div", BACKWARD, "NaN", "both are 0"),
    ("atan2(0, 0)", "numpy", lambda m, x: m.arctan2(x[0], x[1]), [0.0, 0.0], "divide", BACKWARD, "NaN", "both are 0"),
    ("log1p(-1)", EVERY, sums(lambda m, x: m.log1p(x)), [-1.0], "log1p", FORWARD, "-inf", "x > -1"),
    ("log(0)", EVERY, sums(lambda m, x: m.log(x)), [1.0, 0.0], "log", FORWARD, "-inf", "log(0)"),
    ("log(-1)", EVERY, sums(lambda m, x: m.log(x)), [1.0, -1.0], "log", FORWARD, "NaN", "negative"),
    ("sqrt(-1)", EVERY, sums(lambda m, x: m.sqrt(x)), [1.0, -1.0], "sqrt", FORWARD, "NaN", "negative"),
    ("(-1)**0.5", "numpy", sums(lambda m, x: x**1.5), [-1.0], "power", FORWARD, "NaN", "fraction"),
    ("(-1)**0.5", "jax torch", sums(lambda m, x: x**1.5), [-1.0], "pow", FORWARD, "NaN", "fraction"),
    ("0/0", "numpy", sums(lambda m, x: x / x), [0.0], "divide", FORWARD, "NaN", "0 / 0"),
    ("0/0", "jax torch", sums(lambda m, x: x / x), [0.0], "div", FORWARD, "NaN", "0 / 0"),
    ("1/0", "jax torch", sums(lambda m, x: 1 / m.sin(x)), [0.0], "div reciprocal", FORWARD, "inf", "division by 0"),
    ("1/0", "numpy", sums(lambda m, x: 1 / m.sin(x)), [0.0], "divide", FORWARD, "inf", "division by 0"),
    ("log of softmax", EVERY, log_of_softmax, [0.0, -800.0], "log", FORWARD, "-inf", "log_softmax"),
    ("logsumexp by hand", EVERY, logsumexp, [-800.0, -800.0], "log", FORWARD, "-inf", "logsumexp"),
    ("log of sigmoid", "jax torch", sigmoid, [-89.5], "log", FORWARD, "-inf", "log_sigmoid"),
    ("exp overflows", EVERY, softplus, [0.0, 800.0], "exp", FORWARD, "inf", "logaddexp"),
    ("inf - inf of exp", EVERY, sums(lambda m, x: m.exp(x) - m.exp(x)), [800.0], "exp", FORWARD, "inf", "larger than"),
    ("too large for float32", "jax torch", sums(lambda m, x: x * x * x), [1e15], "mul", FORWARD, "inf", "float32"),
    ("too large", "numpy", sums(lambda m, x: x * x), [1e200], "multiply", FORWARD, "inf", "1.8e308"),
    ("a product with a mask", "numpy torch", masked_product, [0.0, 1.0], "log", FORWARD, "-inf", "log(0)"),
    ("softmax of a masked row", "jax torch", softmax, [-INF, -INF], "sub", FORWARD, "NaN", "softmax"),
    ("softmax of a masked row", "numpy", softmax, [-INF, -INF], "subtract", FORWARD, "NaN", "softmax"),
    ("softmax in one", "torch", library_softmax, [-INF, -INF], "_softmax", FORWARD, "NaN", "softmax"),
    ("all of a row masked", "numpy", attention, [-1.0, -2.0], "divide", FORWARD, "NaN", "0 / 0"),
    ("all of a row masked", "jax torch", attention, [-1.0, -2.0], "div", FORWARD, "NaN", "0 / 0"),
    ("cosh overflows", EVERY, sums(lambda m, x: m.cosh(x)), [800.0], "cosh", FORWARD, "inf", "exp is larger"),
    ("arctanh(1)", "numpy", sums(lambda m, x: m.arctanh(x)), [1.0], "arctanh", FORWARD, "inf", "between -1 and 1"),
    ("a NaN that was given", EVERY, sums(lambda m, x: m.sin(x)), [1.0, NAN], "input", FORWARD, "NaN", "from the start"),
    ("an inf that was given", EVERY, sums(lambda m, x: x * 2), [1.0, INF], "input", FORWARD, "inf", "from the start"),
    # Nothing is wrong where the libraries' value and gradient are finite.
    ("where sqrt", "numpy", where_sqrt, [0.0, 1.0], None, None, None, None),
    ("where xlogx", "numpy", where_xlogx, [0.0, 1.0], None, None, None, None),
    ("where sin(x)/x", "numpy", where_sinc, [0.0], None, None, None, None),
    ("double where", EVERY, safe_sqrt, [0.0, 1.0], None, None, None, None),
    ("norm at 0", "numpy torch", norm, [0.0, 0.0], None, None, None, None),
    ("std of equal numbers", "numpy torch", std, [1.0, 1.0], None, None, None, None),
    ("a mask of -inf", EVERY, softmax, [-INF, 1.0, 2.0], None, None, None, None),
    ("part of a row masked", EVERY, attention, [-1.0, 2.0, 3.0], None, None, None, None),
    ("exp(-inf)", EVERY, lambda m, x: m.exp(x[0]) + x[1], [-INF, 1.0], None, None, None, None),
    ("the largest of -inf", EVERY, lambda m, x: m.max(x), [-INF, 1.0], None, None, None, None),
    ("squares", EVERY, sums(lambda m, x: x * x), [1.0, 1.0, 1.0], None, None, None, None),
]  # fmt: skip
CASES = [pytest.param(name, *case[2:], id=f"{case[0]}-{name}") for case in KNOWN for name in case[1].split()]


@pytest.mark.parametrize(("name", "f", "point", "operation", "pass_", "kind", "mend"), CASES)
def test_what_is_known_of_the_trackers(name, f, point, operation, pass_, kind, mend):
    found = find(name, f, point)
    value, slope = finite(name, f, point)
    assert pass_ == (None if value and slope else BACKWARD if value else FORWARD), "what the library itself computes"
    if pass_ is None:
        assert found is None
        return
    assert (found.node.primitive.name in operation.split(), found.pass_, found.kind) == (True, pass_, kind)
    assert mend in found.mend and 1 <= len(repr(found).splitlines()) <= 5
    entry = np.asarray(found.value)[found.index]
    assert not np.isfinite(entry) and found.path[-1] is found.node and found.path[0].primitive.name == "input"


@pytest.mark.parametrize("name", LIBRARIES)
@pytest.mark.parametrize("seed", range(12))
def test_what_was_planted_is_found(name, seed):
    """Among harmless operations and branches that are not taken, with square roots of negative numbers in them."""
    f, point, index = planted(seed)
    found = find(name, f, point)
    assert (found.node.primitive.name, found.index, found.pass_) == ("log", (index,), FORWARD)
    assert np.asarray(found.operands[0])[index] < 0 and np.all(np.isfinite(np.asarray(found.operands[0])))
    assert find(name, lambda m, x: f(m, x) * 0 + 1, point) is not None  # 0 times NaN


@pytest.mark.parametrize("name", LIBRARIES)
@given(seed=st.integers(0, 10**6))
@settings(deadline=None, max_examples=25)
def test_it_is_found_where_and_only_where_the_library_has_one(name, seed):
    f, point = program(seed)
    value, slope = finite(name, f, point)
    found = find(name, f, point)
    assert (found and found.pass_) == (None if value and slope else BACKWARD if value else FORWARD)


# NumPy: the nodes are difflab's, with lines.
def test_a_node_of_a_graph_with_its_line():
    f = lambda x: np.sum(np.where(x > 0, np.sqrt(x), 0.0) + np.log(x - 1.0))
    found = dl.find_nonfinite(f, np.array([4.0, 0.5]))
    assert isinstance(found.node, dl.Node) and found.node.primitive.name == "log" and found.index == (1,)
    assert [n.primitive.name for n in found.path] == ["input", "subtract", "log"]
    assert "test_nonfinite.py:" in found.source and found.reaches == "the output"
    line = int(found.source.rpartition(":")[2])
    assert "np.log(x - 1.0)" in Path(__file__).read_text(encoding="utf-8").splitlines()[line - 1]


def test_a_line_of_the_backward_pass():
    found = dl.find_nonfinite(lambda x: np.sum(np.sqrt(x) + x), np.array([1.0, 0.0]))
    assert found.derivative_of == "sqrt" and "test_nonfinite.py:" in found.source
    assert found.reaches == "the gradient by x" and found.index == (1,)


def test_a_graph_and_its_labels():
    graph = dl.parse("q = x - y; f = log(q)")
    found = dl.find_nonfinite(graph, 1.0, 2.0)
    assert found.node is graph.node("f") and "log 'f' makes NaN" in str(found)
    assert dl.find_nonfinite(graph, 2.0, 1.0) is None


def test_trees_lists_and_several_outputs():
    f = lambda p, k: (np.log(p["w"] - k), {"b": p["b"] * 2})
    found = dl.find_nonfinite(f, {"w": np.ones(2), "b": 1.0}, 1.0)
    assert found.node.primitive.name == "log" and found.path[0].name == "p['w']"
    assert dl.find_nonfinite(lambda x: x[0] * np.sqrt(x[1]), [1.0, 0.0]).node.primitive.name == "divide"
    assert dl.find_nonfinite(lambda x: np.sum(x), np.arange(3)) is None
    assert dl.find_nonfinite(lambda x: x + 1, 2) is None


def test_operations_with_several_results():
    found = dl.find_nonfinite(lambda x: np.sum(np.log(np.linalg.eigh(x)[0])), np.diag([1.0, -1.0]))
    assert [n.primitive.name for n in found.path] == ["input", "eigh", "log"] and found.index == (0,)
    found = dl.find_nonfinite(lambda x: np.linalg.eigh(np.log(x))[0][1], np.diag([1.0, 2.0]) - 1e-3)
    assert found.node.primitive.name == "log"


def test_constants():
    for mask, name in ((np.array([0.0, np.nan]), "constant"), (np.array([0.0, np.inf]), "constant")):
        found = dl.find_nonfinite(lambda x, mask=mask: np.sum(x + mask), np.ones(2))
        assert found.node.primitive.name == name and found.operands == () and "already" in str(found)
    found = dl.find_nonfinite(lambda x: np.sum(x * np.array([np.inf, 1.0])), np.array([0.0, 1.0]))
    assert found.node.primitive.name == "multiply" and found.kind == "NaN" and "0 * inf" in found.mend


def test_the_first_of_several_and_only_what_counts():
    f = lambda x: np.sum(np.exp(-np.exp(x))) + np.sum(np.log(x - 1000.0)) + np.sum(np.sqrt(-x))
    found = dl.find_nonfinite(f, np.array([999.0]))  # exp(x) is inf, and exp(-inf) is 0: it spoils nothing
    assert found.node.primitive.name == "log"


def test_entries_that_are_masked_are_not_named():
    f = lambda x: np.sum(np.where(x == 0, 0.0, np.log(x)))
    assert dl.find_nonfinite(f, np.array([0.0, 0.0, -1.0, 2.0])).index == (2,)
    g = lambda x: np.sum(np.take(np.log(x), [3, 2]))
    assert dl.find_nonfinite(g, np.array([0.0, 0.0, -1.0, 2.0])).index == (2,)


def test_infinities_that_spoil_together():
    """log(exp(-inf) + exp(y)) is finite for every other y, and for two of them it is -inf."""
    found = dl.find_nonfinite(lambda x: np.logaddexp(x[0], x[1]), np.array([-np.inf, -np.inf]))
    assert found.node.primitive.name == "input" and found.kind == "-inf"


def test_what_is_not_defined_at_one_stand_in_is_at_another():
    found = dl.find_nonfinite(lambda x: np.arccosh(np.log(x)), -1.0)
    assert found.node.primitive.name == "log"


def test_a_factorisation_hands_on_what_it_gets():
    f = lambda x: np.sum(np.linalg.inv(np.log(x)))
    found = dl.find_nonfinite(f, np.array([[3.0, -1.0], [2.0, 5.0]]))
    assert (found.node.primitive.name, found.index) == ("log", (0, 1))


# JAX: loops and branches, what is compiled, and its own rules.
def jax_and_numpy():
    library("jax")
    return importlib.import_module("jax"), importlib.import_module("jax.numpy")


def test_the_turn_of_a_scan():
    jax, jnp = jax_and_numpy()

    def f(x):
        return jax.lax.scan(lambda c, a: (c * a, jnp.log(c * a)), 1.0, x)[1].sum()

    found = dl.find_nonfinite(f, jnp.array([1.0, 2.0, -3.0, 4.0]))
    assert (found.node.primitive.name, found.turn) == ("log", "iteration 2 of scan")
    assert [n.primitive.name for n in found.path] == ["input", "mul", "log"]
    found = dl.find_nonfinite(lambda x: f(x[::-1])[None][0], jnp.array([1.0, -2.0, 3.0, 4.0]))
    assert found.turn == "iteration 2 of scan"


def test_the_turn_of_a_scan_backward():
    jax, jnp = jax_and_numpy()
    f = lambda x: jax.lax.scan(lambda c, a: (c + jnp.sqrt(a), None), 0.0, x)[0]
    found = dl.find_nonfinite(f, jnp.array([1.0, 2.0, 0.0, 4.0]))
    assert (found.node.primitive.name, found.pass_, found.turn) == ("div", BACKWARD, "iteration 2 of scan")
    assert dl.find_nonfinite(f, jnp.array([1.0, 2.0, 3.0])) is None
    assert dl.find_nonfinite(f, jnp.zeros(0)) is None


def test_loops_in_loops_and_branches():
    jax, jnp = jax_and_numpy()

    def f(x):
        inner = lambda k, c: jax.lax.cond(c > 2, lambda: jnp.log(2.5 - c), lambda: c + 1.0)
        turn = lambda c, a: (
            jax.lax.while_loop(lambda s: s[0] < 3, lambda s: (s[0] + 1, inner(*s)), (0, c * a))[1],
            None,
        )
        return jax.lax.scan(turn, x, jnp.ones(2, np.float32))[0]

    found = dl.find_nonfinite(lambda x: jax.lax.stop_gradient(f(x)), jnp.float32(1.0))
    assert (found.node.primitive.name, found.turn) == ("log", "iteration 0 of scan, iteration 2 of while")


def test_what_is_compiled_and_what_has_rules_of_its_own():
    jax, jnp = jax_and_numpy()
    found = dl.find_nonfinite(jax.jit(lambda x: jnp.sqrt(x).sum()), jnp.array([0.0, 1.0]))
    assert found.derivative_of == "sqrt" and "test_nonfinite.py:" in found.source

    @jax.custom_vjp
    def safe(x):
        return jnp.sqrt(x)

    safe.defvjp(lambda x: (jnp.sqrt(x), x), lambda x, g: (jnp.where(x > 0, g, 0.0),))
    assert dl.find_nonfinite(lambda x: safe(x).sum(), jnp.array([0.0, 1.0])) is None
    safe.defvjp(lambda x: (jnp.sqrt(x), x), lambda x, g: (g / x,))
    found = dl.find_nonfinite(lambda x: safe(x).sum(), jnp.array([0.0, 1.0]))
    assert (found.node.primitive.name, found.pass_, found.index) == ("div", BACKWARD, (0,))
    found = dl.find_nonfinite(jax.checkpoint(lambda x: jnp.log(x).sum()), jnp.array([-1.0]))
    assert found.node.primitive.name == "log"


def test_a_gradient_of_jax_is_searched_as_a_function():
    jax, jnp = jax_and_numpy()
    found = dl.find_nonfinite(jax.grad(lambda x: jnp.where(x > 0, jnp.sqrt(x), 0.0)), jnp.float32(0.0))
    assert (found.node.primitive.name, found.pass_) == ("div", FORWARD)


def test_numbers_of_other_kinds_in_jax():
    jax, jnp = jax_and_numpy()
    f = lambda p, n, key: jnp.log(p["w"]).sum() * n + jax.random.normal(key, (2,)).sum()
    tree = {"w": jnp.array([1.0, -1.0], jnp.bfloat16)}
    found = dl.find_nonfinite(f, tree, 3, jax.random.key(0))
    assert found.node.primitive.name == "log" and found.path[0].name == "p['w']" and found.index == (1,)
    found = dl.find_nonfinite(lambda x: jnp.exp(x).sum(), jnp.array([12.0], jnp.float16))
    assert "65,504" in found.mend


def test_the_search_of_jax_itself_may_be_on():
    jax, jnp = jax_and_numpy()
    with jax.debug_nans(True):
        assert dl.find_nonfinite(lambda x: jnp.log(x).sum(), jnp.array([-1.0])).node.primitive.name == "log"


# PyTorch: modules, what is written in place, what a run may change.
def test_a_module_and_its_parameters():
    torch = library("torch")
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3), torch.nn.Dropout(0.5))
    x = torch.ones(4, 2)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    state = torch.random.get_rng_state()
    assert dl.find_nonfinite(model, x) is None
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert torch.equal(state, torch.random.get_rng_state())
    assert all(p.grad is None for p in model.parameters())
    with torch.no_grad():
        model[0].bias[1] = torch.nan
    found = dl.find_nonfinite(model, x)
    assert (found.node.name, found.index, found.pass_) == ("0.bias", (1,), FORWARD)
    assert found.node.primitive.name == "input"


def test_a_module_that_a_function_reads():
    torch = library("torch")
    model = torch.nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        model.weight.zero_()
    found = dl.find_nonfinite(lambda x: torch.sqrt(model(x)).sum(), torch.ones(2, 1))
    assert found.pass_ == BACKWARD and found.reaches in ("the gradient by model.weight", "the gradient by x")
    assert dl.find_nonfinite(lambda: torch.log(model.weight).sum()).path[0].name == "model.weight"
    loose = torch.zeros(3, requires_grad=True)
    hidden = {"w": loose}
    found = dl.find_nonfinite(lambda: torch.sqrt(hidden["w"]).sum(), framework="torch")
    assert found.reaches == "the gradient by a parameter of shape (3,)"


def test_what_is_written_in_place():
    torch = library("torch")

    def f(x):
        y = x * 2
        head = y[:1]
        y.mul_(3)
        y[1] = torch.log(x[1])
        head.add_(1)
        return y.sum() + head.sum()

    found = dl.find_nonfinite(f, torch.tensor([1.0, -1.0]))
    assert (found.node.primitive.name, found.pass_) == ("log", FORWARD)
    assert dl.find_nonfinite(f, torch.tensor([1.0, 1.0])) is None
    overwritten = lambda x: torch.log(x).fill_(1.0).sum() + x.sum()
    assert dl.find_nonfinite(overwritten, torch.tensor([-1.0])) is None

    def through_a_view(x):
        y = torch.zeros(3)
        y[1:].copy_(torch.log(x))
        return y[:2].sum()

    assert dl.find_nonfinite(through_a_view, torch.tensor([1.0, -1.0])) is None
    found = dl.find_nonfinite(through_a_view, torch.tensor([-1.0, 1.0]))
    assert (found.node.primitive.name, found.index) == ("log", (0,))


def test_python_loops_and_branches_in_torch():
    torch = library("torch")

    def f(x):
        total = x.sum() * 0
        for a in x:
            if a > 0:
                total = total + torch.log(a - 2)
        return total

    found = dl.find_nonfinite(f, torch.tensor([-1.0, 3.0, 1.0]))
    assert found.node.primitive.name == "log" and "test_nonfinite.py:" in found.source


def test_rules_of_its_own_in_torch():
    torch = library("torch")

    class Half(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x / 2

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g / x

    found = dl.find_nonfinite(lambda x: Half.apply(x).sum(), torch.tensor([1.0, 0.0]))
    assert (found.node.primitive.name, found.pass_, found.index) == ("div", BACKWARD, (1,))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "complex64"])
def test_numbers_of_other_kinds_in_torch(dtype):
    torch = library("torch")
    x = torch.tensor([1.0, 0.0], dtype=getattr(torch, dtype))
    found = dl.find_nonfinite(lambda x: (1 / x).abs().sum(), x)
    assert found.node.primitive.name == "reciprocal" and found.index == (1,)


def test_whole_numbers_and_no_gradient_in_torch():
    torch = library("torch")
    embedding = torch.nn.Embedding(5, 2)
    assert dl.find_nonfinite(embedding, torch.tensor([1, 2])) is None
    assert dl.find_nonfinite(lambda x: x.argmax(), torch.ones(3)) is None
    with torch.no_grad():
        assert dl.find_nonfinite(lambda x: torch.sqrt(x).sum(), torch.zeros(2)).pass_ == BACKWARD


# Which library it is, and what is refused.
def test_the_library_is_found_out():
    _, jnp = jax_and_numpy()
    torch = library("torch")
    point = np.array([0.0, 1.0])
    assert dl.find_nonfinite(lambda x: jnp.sum(jnp.where(x > 0, jnp.sqrt(x), 0.0)), point).pass_ == BACKWARD
    assert dl.find_nonfinite(lambda x: torch.sqrt(x).sum(), point).node.primitive.name == "div"
    assert isinstance(dl.find_nonfinite(lambda x: np.sqrt(x).sum(), point).node, dl.Node)
    plain = lambda x: (x**0.5).sum()
    found = [dl.find_nonfinite(plain, point, framework=n).node.primitive.name for n in LIBRARIES]
    assert found == ["power", "pow", "pow"]
    assert dl.find_nonfinite(plain, jnp.asarray(point)).node.primitive.name == "pow"


@pytest.mark.parametrize(
    ("arguments", "options", "told"),
    [
        (("x * y", 1.0), {}, "is not a function; dl.parse"),
        ((np.sum, 1.0), {"framework": "tensorflow"}, "framework='tensorflow'"),
        ((lambda x: x.no_such_thing(), np.ones(2)), {}, "runs in no library|no_such_thing"),
    ],
)
def test_bad_input(arguments, options, told):
    with pytest.raises((InputError, AttributeError), match=told):
        dl.find_nonfinite(*arguments, **options)


# What is shown.
@pytest.fixture(scope="module")
def found():
    return dl.find_nonfinite(lambda x: np.sum(np.log(np.sin(x) * x)), np.array([1.0, 4.0]))


def test_the_drawing(found, tmp_path):
    drawing = found.draw()
    assert "⚠ NaN at [1]" in drawing.svg and "the output" in drawing.svg and drawing.svg.count("marked") >= 0
    path = found.draw(tmp_path / "found.svg")
    assert path.read_text(encoding="utf-8") == drawing.svg and dl.draw(drawing, tmp_path / "again.svg").exists()
    with pytest.raises(dl.DifflabError, match="ends in .txt"):
        found.draw(tmp_path / "found.txt")


def test_a_long_path_is_cut():
    def f(x):
        for _ in range(40):
            x = np.sin(x)
        return np.log(x - 2)

    found = dl.find_nonfinite(f, 1.0)
    assert len(found.path) == 43 and "37 more" in str(found) and "more operations" in found.draw().svg


def test_texts_and_numbers(found):
    told = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert told["operation"] == "log" and told["pass"] == "forward" and told["path"][0] == "x"
    assert "makes NaN at [1]" in found._repr_html_()


def test_the_mends_name_what_they_are_filled_with():
    filled = {k: k for k in ("m", "of", "most", "least", "dtype", "slope")}
    assert all(mend.text.format(**filled) for mend in MENDS) and len(MENDS) > 25


def test_a_vertex_answers_as_a_node():
    x = Vertex("input", name="x", shape=(2,))
    y = Vertex("sqrt", (x,), shape=(2,), source="a.py:3")
    assert y.primitive.name == "sqrt" and y.inputs == y.operands == (x,) and "sqrt" in repr(y) and "'x'" in repr(x)


def test_steps_are_found_back():
    record = History(NumpyArrays())
    x = record.input(np.float64(2.0), Vertex("input", name="x"))
    y = record.take(Vertex("sqrt"), [x], [np.sqrt(2.0)], lambda v: [np.sqrt(v[0])])[0]
    assert [s.node.operation for s in record.back(y)] == ["sqrt"] and record.consumers()[x][0].results == (y,)


# The shell.
CODE = """
import numpy as np

def loss(w, k=1.0):
    return np.sum(np.log(w - k))

def fine(w):
    return np.sum(w * w)

def breaks(w):
    raise RuntimeError("no")
"""


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nonfinite_losses.py").write_text(CODE, encoding="utf-8")
    return "nonfinite_losses.py"


def test_the_command(file, capsys, tmp_path):
    assert run(["nonfinite", f"{file}:fine", "--at", "w=[1,2]"]) == 0
    assert capsys.readouterr().out == "value and gradient are finite\n"
    assert run(["nonfinite", f"{file}:loss", "--at", "w=[2,0.5]", "-o", "found.svg"]) == 1
    out = capsys.readouterr().out
    assert (
        "log makes NaN at [1]" in out
        and "nonfinite_losses.py:5" in out
        and "<svg" in (tmp_path / "found.svg").read_text()
    )
    assert run(["nonfinite", f"{file}:loss", "--at", "w=[2,0.5]", "--json", "--framework", "numpy"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["finite"] is False and told["operation"] == "log" and told["index"] == [1]
    assert run(["nonfinite", f"{file}:fine", "--at", "w=[1,2]", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["finite"] is True


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("FILE:loss", "does not fit"),
        ("FILE:loss --at w=1 -o found.txt", "has to end in .svg"),
        ("FILE:breaks --at w=1", "RuntimeError: no"),
        ("FILE:missing --at w=1", "no function 'missing'"),
    ],
)
def test_the_command_refuses(file, capsys, words, told):
    assert run(["nonfinite", *words.replace("FILE", file).split()]) == 2
    assert told in capsys.readouterr().err
