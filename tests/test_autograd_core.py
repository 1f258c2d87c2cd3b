"""difflab.autograd: its operators against HIPS/autograd's where that is installed, and against differences."""

from __future__ import annotations

from collections import OrderedDict, namedtuple

import numpy as np
import pytest
from scipy import special as scipy_special

import difflab as dl
import difflab.autograd as ag
import difflab.autograd.numpy as anp
from difflab.autograd import core, extend, tracer
from difflab.autograd.misc.fixed_points import fixed_point
from difflab.autograd.misc.flatten import flatten, flatten_func
from difflab.autograd.misc.optimizers import adam, rmsprop, sgd
from difflab.autograd.misc.tracers import const_graph, full_graph
from difflab.autograd.test_util import check_grads, combo_check
from difflab.autograd.util import toposort
from difflab.errors import InputError, NoDerivativeError, ShapeError, TraceError
from difflab.graph import pytree

X = np.array([0.3, -1.2, 2.0])
A = np.arange(9.0).reshape(3, 3) / 5
Pair = namedtuple("Pair", "first second")


def peer():
    return pytest.importorskip("autograd", reason="the peers' lane compares with HIPS/autograd")


# Functions of one argument, written once for both packages: name -> f(np) -> function, and where.
FUNCTIONS = {
    "polynomial": (lambda np: lambda x: np.sum(x**3 - 2 * x), X),
    "quadratic form": (lambda np: lambda x: x @ A @ x + np.dot(x, x), X),
    "log of a sum": (lambda np: lambda x: np.log(np.sum(np.exp(x - np.max(x)))), X),
    "elements": (lambda np: lambda x: sum([np.tanh(x[i]) * x[i - 1] for i in range(3)]), X),
    "array of elements": (lambda np: lambda x: np.sum(np.array([x[0], 2.0, x[1] * x[2]]) ** 2), X),
    "branch": (lambda np: lambda x: x[0] * x[2] if x[0] > 0 else x[1] ** 2, X),
    "one element": (lambda np: lambda x: np.reshape(np.sum(x**2), (1, 1)), X),
    "matrix": (lambda np: lambda x: np.linalg.det(x @ x.T + np.eye(3)), A),
    "trace": (lambda np: lambda x: np.trace(x.T @ A @ x), A),
    "where": (lambda np: lambda x: np.sum(np.where(x > 0, x**2, np.sin(x))), X),
    "constant": (lambda np: lambda x: 3.0, X),
}
OPERATORS = {
    "grad": lambda ag, f, x: ag.grad(f)(x),
    "value_and_grad": lambda ag, f, x: np.append(*ag.value_and_grad(f)(x)),
    "hessian": lambda ag, f, x: ag.hessian(f)(x),
    "hessian_vector_product": lambda ag, f, x: ag.hessian_vector_product(f)(x, np.cos(x)),
    "make_hvp": lambda ag, f, x: ag.make_hvp(f)(x)[0](np.cos(x)),
    "jacobian of the gradient": lambda ag, f, x: ag.jacobian(ag.grad(f))(x),
    "make_vjp": lambda ag, f, x: ag.make_vjp(f)(x)[0](2.0),
    "third": lambda ag, f, x: ag.grad(lambda x: ag.grad(lambda x: f(x).sum())(x).sum())(x),
}


# autograd has no second derivative of a constant, and wants a cotangent of the output's own shape.
CASES = [
    (function, operator)
    for function in FUNCTIONS
    for operator in OPERATORS
    if (function != "constant" or operator in ("grad", "make_vjp"))
    and (function, operator) != ("one element", "make_vjp")
]


@pytest.mark.parametrize(("function", "operator"), CASES)
def test_operators_are_those_of_autograd(function, operator):
    theirs = peer()
    make, x = FUNCTIONS[function]
    expected = OPERATORS[operator](theirs, make(__import__("autograd.numpy").numpy), x)
    np.testing.assert_allclose(OPERATORS[operator](ag, make(anp), x), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("function", [name for name in FUNCTIONS if name != "constant"])
def test_derivatives_agree_with_differences(function):
    make, x = FUNCTIONS[function]
    check_grads(make(anp))(x)


def test_a_wrong_rule_is_found():
    wrong = extend.primitive(lambda x: x**2)
    extend.defvjp(wrong, lambda ans, x: lambda g: 3 * g * x)
    with pytest.raises(AssertionError, match="differences"):
        check_grads(wrong, modes=["rev"])(2.0)


def test_several_arguments():
    f = lambda x, y, scale=1.0: scale * np.sum(x * y**2)
    x, y = np.ones(2), np.array([2.0, 3.0])
    for argnum in ([0, 1], (0, 1), [1, 0]):
        found = ag.grad(f, argnum)(x, y, scale=2.0)
        assert isinstance(found, tuple)
        for k, g in zip(argnum, found):
            np.testing.assert_array_equal(g, [2 * y**2, 4 * x * y][k])
    np.testing.assert_array_equal(ag.grad(f, -1)(x, y), 2 * x * y)
    np.testing.assert_array_equal(ag.grad_named(f, "y")(x, y), 2 * x * y)
    found = ag.multigrad_dict(f)(x, y)
    assert list(found) == ["x", "y", "scale"]
    assert found["scale"] == 13.0


def test_multigrad_dict_takes_starred_arguments():
    f = lambda a, *rest, b=2.0, **more: a * rest[0] * rest[1] * b * more["c"]
    found = ag.multigrad_dict(f)(2.0, 3.0, 5.0, c=7.0)
    assert found["rest"] == (2 * 5 * 2 * 7.0, 2 * 3 * 2 * 7.0)
    assert found["more"] == {"c": 2 * 3 * 5 * 2.0}


@pytest.mark.parametrize(
    "tree",
    [{"a": 2.0, "b": [np.ones(2), 3.0]}, [1.0, (2.0, 3.0)], Pair(1.0, np.ones(2)), OrderedDict(z=1.0, a=2.0), (1.0,)],
    ids=["dict", "list", "namedtuple", "ordered", "tuple"],
)
def test_containers(tree):
    total = lambda tree: anp.sum(flatten(tree)[0] ** 2)
    found = ag.grad(total)(tree)
    assert type(found) is type(tree)
    np.testing.assert_array_equal(flatten(found)[0], 2 * flatten(tree)[0])


def test_flatten_goes_there_and_back():
    tree = {"b": np.arange(6.0).reshape(2, 3), "a": [1.0, np.array(2.0)]}
    vector, unflatten = flatten(tree)
    assert vector.shape == (8,)
    again = unflatten(vector)
    np.testing.assert_array_equal(again["b"], tree["b"])
    assert again["a"] == [1.0, 2.0]
    assert flatten([])[0].shape == (0,)
    flat, _, start = flatten_func(lambda tree, k: {"n": k * tree["b"]}, tree)
    np.testing.assert_array_equal(flat(start, 2.0), 2 * np.arange(6.0))


def test_jacobians_of_outputs_and_inputs_of_any_shape():
    f = lambda x: anp.outer(x, x)[:, :2] * x[0]
    found = ag.jacobian(f)(X)
    assert found.shape == (3, 2, 3)
    np.testing.assert_allclose(found, dl.jacobian(f)(X))
    assert ag.jacobian(lambda x: x * X)(2.0).shape == (3,)
    assert ag.jacobian(lambda x: x[:0])(X).shape == (0, 3)
    np.testing.assert_allclose(ag.vector_jacobian_product(lambda x: A @ x**2)(X, X), X @ (A * 2 * X))


def test_forward_operators():
    value, tangent = ag.make_jvp(lambda x: x**2)(X)(np.ones(3))
    np.testing.assert_array_equal(value, X**2)
    np.testing.assert_array_equal(tangent, 2 * X)
    np.testing.assert_array_equal(ag.deriv(np.sin)(X), np.cos(X))
    np.testing.assert_allclose(ag.make_ggnvp(lambda x: x**2)(X)(np.ones(3)), 4 * X**2)


def test_complex_gradients_have_autograds_sign():
    z = 1.0 + 2.0j
    assert ag.grad(lambda z: np.abs(z) ** 2)(z) == 2 * np.conj(z)
    assert ag.holomorphic_grad(lambda z: z**3)(z) == 3 * z**2
    with pytest.warns(UserWarning, match="not complex"):
        ag.holomorphic_grad(lambda z: z**3)(2.0)


def test_grad_and_aux_and_checkpoint():
    gradient, aux = ag.grad_and_aux(lambda x: (np.sum(x**2), {"x": x}))(X)
    np.testing.assert_array_equal(gradient, 2 * X)
    np.testing.assert_array_equal(aux["x"], X)
    runs = []

    @ag.checkpoint
    def f(x):
        runs.append(1)
        y = np.ones(3)
        y += np.sin(x)
        return np.sum(y**2)

    np.testing.assert_allclose(ag.grad(f)(X), 2 * (1 + np.sin(X)) * np.cos(X))
    assert len(runs) == 2
    check_grads(f)(X)


@pytest.mark.parametrize(
    "call, error, said",
    [
        (lambda: ag.grad(np.sin)(X), TypeError, "shape (3,)"),
        (lambda: ag.grad(np.sin)(X), ShapeError, "jacobian"),
        (lambda: ag.grad(lambda z: z**2)(1j), TypeError, "holomorphic_grad"),
        (lambda: ag.grad(lambda x: "text")(1.0), InputError, "a str"),
        (lambda: ag.grad(lambda x: None)(1.0), InputError, "return"),
        (lambda: ag.grad(np.sin, 1)(1.0), InputError, "argnum=1"),
        (lambda: ag.grad(3.0), InputError, "not a function"),
        (lambda: ag.grad_named(lambda x: x, "y"), InputError, "'y'"),
        (lambda: ag.grad(lambda x: x)("text"), TypeError, "text"),
        (lambda: ag.make_vjp(np.sin)(X)[0](np.ones(2)), ShapeError, "(2,)"),
        (lambda: ag.grad(lambda x: float(x))(1.0), TraceError, "float()"),
        (lambda: ag.elementwise_grad(lambda z: z)(1j), TypeError, "complex"),
        (lambda: core.vspace("text"), TypeError, "'text'"),
    ],
)
def test_errors_name_the_thing(call, error, said):
    with pytest.raises(error) as told:
        call()
    assert said in str(told.value)


def test_nodes_and_passes():
    value, end = core.trace(core.VJPNode.new_root(), lambda x: np.sum(x**2), X)
    assert isinstance(end, core.VJPNode)
    np.testing.assert_array_equal(core.backward_pass(1.0, end), 2 * X)
    _, end = core.trace(core.JVPNode.new_root(np.ones(3)), np.square, X)
    np.testing.assert_array_equal(end.g, 2 * X)
    assert value == np.sum(X**2)


def test_boxes():
    seen = []

    def f(x):
        seen.extend([tracer.isbox(x), isinstance(x, tracer.Box), isinstance(x, anp.numpy_boxes.ArrayBox)])
        seen.append(type(tracer.getval(x)) is np.float64 and ag.isinstance(x, float) and ag.type(x) is np.float64)
        assert x._value == 3.0
        return ag.grad(lambda y: tracer.getval(y) * tracer.getval(x) * x * y)(2.0)

    assert ag.grad(f)(3.0) == 6.0
    assert seen == [True] * 4
    assert not tracer.isbox(1.0)


def test_vspaces():
    space = core.vspace({"a": np.ones(2), "b": 1j})
    assert space.size == 4
    assert len(list(space.standard_basis())) == 4
    assert space.inner_prod(space.ones(), space.ones()) == space.size
    assert core.vspace(np.ones((2, 3))).shape == (2, 3)
    assert core.vspace(1.0) == core.vspace(2.0) != core.vspace(X)
    np.testing.assert_array_equal(space.add(space.ones(), space.ones())["a"], [2.0, 2.0])


# Primitives.
def test_a_primitive_is_called_once_for_each_gradient():
    calls = []

    @ag.primitive
    def f(x, factor, label=None):
        calls.append((type(x), label))
        return factor * np.sin(x)

    extend.defvjp(f, lambda ans, x, factor, label=None: lambda g: g * factor * np.cos(x), argnums=[0])
    np.testing.assert_array_equal(ag.grad(lambda x: np.sum(f(x, 2, label="a")))(X), 2 * np.cos(X))
    assert calls == [(np.ndarray, "a")]
    np.testing.assert_allclose(ag.hessian(lambda x: np.sum(f(x, 2)))(X), np.diag(-2 * np.sin(X)), atol=1e-15)


def test_a_primitive_of_a_ufunc_of_scipys():
    erf = ag.primitive(scipy_special.erf)
    extend.defvjp(erf, lambda ans, x: lambda g: g * 2 / np.sqrt(np.pi) * anp.exp(-(x**2)))
    check_grads(erf)(0.4)
    assert erf.__name__ == "erf"


def test_rules_of_every_form():
    times = lambda: ag.primitive(lambda x, y: x * y)
    by_number, at_once, tangents = times(), times(), times()
    extend.defvjp_argnum(by_number, lambda k, ans, args, kwargs: lambda g: g * args[1 - k])
    extend.defvjp_argnums(at_once, lambda ks, ans, args, kwargs: lambda g: [g * args[1 - k] for k in ks])
    extend.defjvp_argnum(tangents, lambda k, g, ans, args, kwargs: g * args[1 - k])
    for f in (by_number, at_once, tangents):
        assert ag.grad(f, [0, 1])(2.0, 3.0) == (3.0, 2.0)
        assert ag.make_jvp(f, 1)(2.0, 3.0)(1.0) == (6.0, 2.0)
        check_grads(f, (0, 1))(2.0, 3.0)


def test_linear_functions_have_tangents_and_say_that_cotangents_lack_a_rule():
    linear = ag.primitive(lambda x, y: x * y)
    extend.def_linear(linear)
    assert ag.make_jvp(linear, (0, 1))(2.0, 3.0)((1.0, 1.0)) == (6.0, 5.0)
    with pytest.raises(NoDerivativeError, match="same"):
        ag.grad(linear)(2.0, 3.0)


def test_none_entries_and_missing_rules():
    f = ag.primitive(lambda x, y: x * y)
    extend.defvjp(f, None, lambda ans, x, y: lambda g: g * x)
    assert ag.grad(f)(2.0, 3.0) == 0.0
    assert ag.grad(f, 1)(2.0, 3.0) == 2.0
    g = ag.primitive(lambda x, y: x * y)
    extend.defvjp(g, lambda ans, x, y: lambda g: g * y)
    with pytest.raises(NoDerivativeError, match="argument 1"):
        ag.grad(g, 1)(2.0, 3.0)
    with pytest.raises(NoDerivativeError, match="defvjp"):
        ag.grad(ag.primitive(lambda x: x))(2.0)
    with pytest.raises(NoDerivativeError, match="keyword"):
        ag.grad(lambda y: g(2.0, y=y))(3.0)
    with pytest.raises(InputError, match="primitive"):
        extend.defvjp(lambda x: x, None)
    with pytest.raises(InputError, match="no rule"):
        dl.defvjp(f, 3.0)


def test_primitives_with_containers():
    @dl.primitive
    def f(weights, x):
        return {"y": weights["a"] * x, "z": [weights["b"] + x]}

    dl.defvjp(
        f,
        lambda ans, w, x: lambda g: {"a": np.sum(g["y"] * x), "b": np.sum(g["z"][0])},
        lambda ans, w, x: lambda g: g["y"] * w["a"] + g["z"][0],
    )
    plain = lambda w, x: {"y": w["a"] * x, "z": [w["b"] + x]}
    total = lambda f: lambda w, x: np.sum(f(w, x)["y"] ** 2) + np.prod(f(w, x)["z"][0])
    w = {"a": 2.0, "b": 3.0}
    for differentiate in (dl.grad, ag.grad):
        found = differentiate(total(f), (0, 1))(w, X)
        expected = differentiate(total(plain), (0, 1))(w, X)
        np.testing.assert_allclose(flatten(found)[0], flatten(expected)[0])
    np.testing.assert_allclose(dl.jvp(total(f), (w, X), (w, X))[1], dl.jvp(total(plain), (w, X), (w, X))[1])


def test_a_primitive_keeps_the_arrays_that_it_was_given():
    f = dl.primitive(lambda x, y: np.sum(x * y))
    dl.defvjp(f, lambda ans, x, y: lambda g: g * y, argnums=[0])
    data = np.ones(3)
    _, pullback = dl.vjp(lambda x: f(x, data), X)
    data[:] = 5.0
    np.testing.assert_array_equal(pullback(1.0)[0], np.ones(3))


def test_primitives_in_programs_and_batches():
    f = dl.primitive(lambda x: np.sum(np.sin(x)))
    dl.defvjp(f, lambda ans, x: lambda g: g * np.cos(x))
    program = dl.compile(dl.grad(lambda x: f(x) * x[0]))
    expected = dl.grad(lambda x: np.sum(np.sin(x)) * x[0])
    for x in (X, X + 1, 2 * X):
        np.testing.assert_allclose(program(x), expected(x), rtol=1e-14)
    np.testing.assert_allclose(dl.vmap(f)(np.stack([X, 2 * X])), [f(X), f(2 * X)])


def test_a_primitive_that_reads_a_traced_value_from_around_it_is_refused():
    def outer(x):
        inner = dl.primitive(lambda y: x * y)
        dl.defvjp(inner, lambda ans, y: lambda g: g)
        return inner(x)

    with pytest.raises(TraceError, match="from around it"):
        dl.grad(outer)(2.0)


def test_rules_stated_for_functions_that_difflab_knows_are_obeyed():
    from difflab.autograd.numpy.numpy_wrapper import wrap_namespace

    space = {}
    wrap_namespace({"tanh": np.tanh, "where": np.where}, space)
    extend.defvjp(space["tanh"], lambda ans, x: lambda g: 7 * g)
    assert ag.grad(space["tanh"])(0.3) == 7.0
    np.testing.assert_allclose(ag.make_jvp(space["tanh"])(0.3)(1.0)[1], 1 - np.tanh(0.3) ** 2)
    extend.defjvp(space["where"], None, lambda g, ans, c, x, y: 5 * space["where"](c, g, 0.0), None)
    assert ag.make_jvp(lambda x: space["where"](x > 0, x, 2 * x))(1.0)(1.0)[1] == 5.0
    assert ag.grad(lambda x: space["where"](x > 0, x, 2 * x))(-1.0) == 2.0


def test_rules_may_be_stated_for_expit_and_where():
    """autograd has no forward rule for them, so programs state one."""
    from difflab.autograd.scipy.special import expit

    extend.defjvp(expit, lambda g, ans, x: g * ans * (1 - ans))
    y = 1 / (1 + np.exp(-0.5))
    assert ag.make_jvp(expit)(0.5)(1.0)[1] == pytest.approx(y * (1 - y), rel=1e-14)
    assert ag.grad(ag.grad(expit))(0.5) == pytest.approx(y * (1 - y) * (1 - 2 * y), rel=1e-12)


@pytest.mark.parametrize("optimize", [sgd, rmsprop, adam])
def test_optimizers_find_a_minimum(optimize):
    told = []
    options = {"num_iters": 400, "step_size": {"adam": 0.1, "rmsprop": 0.01}.get(optimize.__name__, 0.1)}
    loss = lambda x, i: anp.sum((x["a"] - 1) ** 2) + (x["b"] + 2) ** 2
    start = {"a": np.zeros(2), "b": -1.0}
    found = optimize(ag.grad(loss), start, lambda x, i, g: told.append((i, x["b"])), **options)
    np.testing.assert_allclose([*found["a"], found["b"]], [1, 1, -2], atol=0.05)
    assert [i for i, _ in told] == list(range(400))


@pytest.mark.parametrize("a", [2.0, np.array([2.0, 5.0])], ids=["number", "array"])
def test_fixed_points_are_differentiated_implicitly(a):
    newton = lambda a: lambda x: (x + a / x) / 2
    start = np.ones_like(a)[()]
    root = lambda a: anp.sum(fixed_point(newton, a, start, lambda x, y: np.max(np.abs(x - y)), 1e-6))
    assert root(a) == pytest.approx(np.sum(np.sqrt(a)), rel=1e-14)
    np.testing.assert_allclose(ag.grad(root)(a), 0.5 / np.sqrt(a), rtol=1e-12)
    np.testing.assert_allclose(ag.elementwise_grad(ag.grad(root))(a), -0.25 * np.power(a, -1.5), rtol=1e-11)
    linear = lambda p: lambda x: p["b"] + 0.5 * x * p["c"]
    solved = lambda p: fixed_point(linear, p, 0.0, lambda x, y: abs(x - y), 1e-10)
    g = ag.grad(solved)({"b": 3.0, "c": 1.0})
    assert g["b"] == pytest.approx(2.0, rel=1e-12) and g["c"] == pytest.approx(6.0, rel=1e-12)


# Graphs.
def spread(weights, x):
    """A program with operations of several results, a container, an operand twice and a constant."""
    values, vectors = anp.linalg.eigh(x + x.T)
    return {"cubes": anp.sum(weights[0] * values**3), "first": vectors[:, 0] ** 2 * weights[1], "one": 1.0}


def test_const_graph_runs_the_function_once_and_gives_what_it_gives():
    runs = []

    def counted(weights, x):
        runs.append(0)
        return spread(weights, x)

    cached = const_graph(counted, (2.0, 3.0))
    for matrix in (A, A**2 + np.eye(3), A - 1.0):
        found, expected = cached(matrix), spread((2.0, 3.0), matrix)
        assert found.keys() == expected.keys()
        for name in found:
            np.testing.assert_allclose(found[name], expected[name], rtol=1e-14, atol=1e-15)
        f = lambda call: lambda x: anp.sum(call(x)["cubes"] + call(x)["first"][0])
        np.testing.assert_array_equal(ag.grad(f(cached))(matrix), ag.grad(f(lambda x: spread((2.0, 3.0), x)))(matrix))
    assert len(runs) == 1 and cached.__name__ == "counted"


def test_const_graph_keeps_the_branch_that_it_took_first():
    cached = const_graph(lambda x, y: x * y if x > 0 else x + y)
    assert [cached(2.0, 3.0), cached(-2.0, 3.0)] == [6.0, -6.0]


def test_const_graph_of_a_program_recorded_inside_a_gradient():
    cached = const_graph(lambda x: anp.sum(anp.tanh(x) ** 2))
    for point in (X, 2 * X):
        expected = ag.hessian(lambda x: anp.sum(anp.tanh(x) ** 2))(point)
        np.testing.assert_allclose(ag.hessian(cached)(point), expected, rtol=1e-14)


def test_a_graph_of_a_constant_is_refused():
    for call in (lambda: const_graph(lambda x: 3.0)(1.0), lambda: full_graph(lambda x: 3.0, 1.0)):
        with pytest.raises(InputError, match="does not depend on its arguments"):
            call()
    with pytest.raises(InputError, match="full_graph: the function returned 2 arrays"):
        full_graph(lambda x: (x, 2 * x), 1.0)


def test_every_node_of_a_full_graph_can_be_computed_again():
    end = full_graph(lambda x, y: spread((x, y), y * A)["cubes"] * x, 2.0, 3.0)
    nodes = list(toposort(end))
    assert nodes[0] is end and end.value == pytest.approx(spread((2.0, 3.0), 3.0 * A)["cubes"] * 2.0)
    order = {node: k for k, node in enumerate(nodes)}
    same = lambda a, b: all(map(np.array_equal, pytree.leaves_of(a), pytree.leaves_of(b)))
    names = []
    for node in nodes:
        fun, args, kwargs, parents = node.recipe
        names.append(fun.__name__)
        for place, parent in parents:
            assert order[parent] > order[node] and same(args[place], parent.value)
        assert not parents or same(fun(*args, **kwargs), node.value)
    assert "eigh" in names and {node.value for node in nodes if not node.parents} == {2.0, 3.0}


def test_combo_check_tries_every_combination():
    tried = []

    def f(x, y, scale):
        tried.append((np.shape(x), float(y), scale))
        return anp.sum(x) * scale

    combo_check(f, 0, modes=["fwd"], order=1)([np.ones(1), np.ones(2)], [1.0, 2.0], scale=[3, 4])
    assert set(tried) == {((n,), y, s) for n in (1, 2) for y in (1.0, 2.0) for s in (3, 4)}
    with pytest.raises(AssertionError, match="forward mode"):
        combo_check(lambda x: anp.floor(x) + ag.tracer.getval(x), 0, order=1)([0.5])
