"""Names of HIPS/autograd that programs import, and what they do there: nodes, rules, integer types, old forms."""

from __future__ import annotations

import pkgutil
import re
from importlib import import_module

import numpy as np
import pytest

import difflab as dl
import difflab.autograd as ag
import difflab.autograd.numpy as anp
from difflab.autograd import builtins, core, extend, tracer, util, wrap_util
from difflab.autograd.numpy import linalg, numpy_vjps, numpy_wrapper
from difflab.autograd.test_util import check_grads
from difflab.errors import NoDerivativeError, TraceError

X = np.array([0.5, 1.5, 2.5])

# What autograd defines and is not here: rules of its own functions, and what its tracer is made of.
RULES = re.compile(
    r"(np_|fwd_|forward_)?grad_\w+|\w+_(vjp|jvp|adjoint)(_\d)?|\w*(vjp|jvp|grad)maker|\w+_grad|make_\w+_\w+"
)
MACHINERY = {
    "builtins": {"TupleMeta", "ListMeta", "DictMeta"},
    "core": {
        "add_outgrads", "sum_outgrads", "deprecated_defvjp", "deprecated_defgrad",
        "deprecated_defvjp_is_zero", "primitive_with_deprecation_warnings",
    },
    "numpy": {"custom_where"},
    "numpy.fft": {"check_no_repeated_axes", "check_even_shape", "get_fft_args", "get_fft2_args", "get_fftn_args"},
    "numpy.linalg": {"add2d"},
    "numpy.numpy_vjps": {"reverse_axis", "unpermuter", "unbroadcast_einsum", "wrapped_reshape"},
    "numpy.numpy_vspaces": {f"{name}ResultVSpace" for name in ("Eig", "Eigh", "QR", "Slogdet", "SVD")},
    "numpy.numpy_wrapper": {"r_class", "c_class"},
    "scipy.integrate": {"argnums_unpack"},
    "scipy.signal": {"einsum_tensordot", "parse_axes", "compute_conv_size", "flipped_idxs"},
    "scipy.stats.multivariate_normal": {"generalized_outer_product", "covgrad", "solve"},
    "tracer": {"find_top_boxed_args", "TraceStack", "trace_stack"},
    "wrap_util": {"wrap_nary_f"},
}  # fmt: skip


def test_what_autograds_modules_define_is_here():
    theirs = pytest.importorskip("autograd", reason="the peers' lane compares with HIPS/autograd")
    found = {}
    for place in pkgutil.walk_packages(theirs.__path__, "autograd."):
        ours = import_module(f"difflab.{place.name}")
        defined = [n for n, v in vars(import_module(place.name)).items() if getattr(v, "__module__", "") == place.name]
        public = [name for name in defined if not name.startswith("_") and not RULES.fullmatch(name)]
        missing = {name for name in public if not hasattr(ours, name)}
        found |= {place.name.removeprefix("autograd."): missing} if missing else {}
    assert found == MACHINERY


# Nodes of a program's own.
class Step(core.Node):
    def __init__(self, value, fun, args, kwargs, parent_argnums, parents):
        self.said = (fun.__name__, np.sum(value), [*map(np.sum, args)], parent_argnums, [p.said[0] for p in parents])
        self.fun, self.args, self.kwargs = fun, args, kwargs

    def initialize_root(self, x):
        self.said = ("start", x)


def test_a_trace_makes_nodes_of_a_programs_own_class():
    start = Step.new_root(2.0)
    value, end = core.trace(start, lambda x: anp.sin(x) * (3.0 - x), 2.0)
    assert value == np.sin(2.0) * 1.0
    assert end.said == ("multiply", value, [np.sin(2.0), 1.0], (0, 1), ["sin", "subtract"])
    assert end.fun(*end.args, **end.kwargs) == value
    _, end = core.trace(Step.new_root(2.0), lambda x: 3.0 - x, 2.0)
    assert end.said == ("subtract", 1.0, [3.0, 2.0], (1,), ["start"])
    assert core.trace(start, lambda x: x, 2.0) == (2.0, start)


def test_a_trace_of_containers_and_of_derivatives_begins_at_one_node():
    _, end = tracer.trace(Step.new_root(None), lambda d: d["a"] * anp.sum(d["b"]), {"a": 2.0, "b": X})
    assert end.said == ("multiply", 9.0, [2.0, 4.5], (0, 1), ["start", "sum"])
    value, end = tracer.trace(Step.new_root(2.0), ag.grad(lambda x: x**3), 2.0)
    assert value == 12.0 and end.said[:2] == ("multiply", 12.0)


def test_a_trace_of_a_constant_has_no_end():
    with pytest.warns(UserWarning, match="does not depend on its argument"):
        assert core.trace(Step.new_root(2.0), lambda x: 5.0, 2.0) == (5.0, None)


def boxed(value):
    return tracer.new_box(value, 0, core.VJPNode.new_root())


@pytest.mark.parametrize("point", [2.0, X, np.array([1, 2, 3]), 1 + 2j])
def test_boxes_may_be_made_outside_of_any_trace(point):
    """As pymoo does: the rows of a Jacobian, from cotangents that are boxes too."""
    f = lambda x: anp.atleast_1d(anp.sin(x) * anp.sum(x))
    x = boxed(point)
    y = f(x)
    units = np.eye(y.size, dtype=y.dtype).reshape(y.size, *y.shape)
    rows = [core.backward_pass(boxed(unit), y._node) for unit in units]
    assert all(map(tracer.isbox, (x, y, *rows))) and y._value.tolist() == f(point).tolist()
    found = anp.stack(rows, axis=0)._value
    assert type(found) is np.ndarray
    np.testing.assert_allclose(found, ag.jacobian(f)(point), rtol=1e-15)
    plain = core.backward_pass(np.ones_like(y._value), y._node)
    assert not tracer.isbox(plain)
    np.testing.assert_allclose(plain, np.sum(found, axis=0), rtol=1e-14)
    assert core.backward_pass(point, x._node).tolist() == np.asarray(point).tolist()


def test_boxes_outside_of_a_trace_are_apart():
    x, y = boxed(2.0), boxed(3.0)
    assert x._node.box is x and core.backward_pass(1.0, (x * y)._node) in (2.0, 3.0)
    assert np.all(core.backward_pass(1.0, anp.floor(boxed(X))[0]._node) == np.zeros(3))
    with pytest.raises(TypeError, match="new_box"):
        boxed("text")


def test_a_node_of_a_trace_that_has_ended_is_refused():
    kept = []
    ag.grad(lambda x: kept.append((x**2)._node) or x)(2.0)
    with pytest.raises(TraceError):
        core.backward_pass(1.0, kept[0])
    with pytest.raises(AttributeError, match="_node"):
        dl.grad(lambda x: x._node)(2.0)


# Rules.
def test_tables_of_rules_state_and_tell_them():
    double = ag.primitive(lambda x: 2 * x)
    assert double not in core.primitive_vjps and core.primitive_vjps.get(double, 5) == 5
    core.primitive_vjps[double] = lambda argnums, ans, args, kwargs: lambda g: [3 * g for _ in argnums]
    core.primitive_jvps[double] = lambda argnums, gs, ans, args, kwargs: 4 * gs[0]
    assert double in core.primitive_vjps and ag.grad(double)(1.0) == 3.0 and ag.make_jvp(double)(1.0)(1.0)[1] == 4.0
    taken = core.primitive_vjps.pop(double)
    with pytest.raises(NoDerivativeError):
        ag.jacobian(ag.jacobian(ag.primitive(lambda x: x)))(1.0)
    assert double not in core.primitive_vjps and core.primitive_vjps.pop(double, None) is None
    core.primitive_vjps[double] = taken
    assert ag.grad(double)(1.0) == 3.0
    for f in (lambda x: x, ag.primitive(lambda x: x)):
        for ask in (core.primitive_vjps.__getitem__, core.primitive_vjps.pop):
            with pytest.raises(KeyError):
                ask(f)


def test_tables_of_rules_have_difflabs_own():
    space = {}
    numpy_wrapper.wrap_namespace({"arctan2": np.arctan2}, space)
    f = space["arctan2"]
    assert f in core.primitive_vjps
    pull = core.primitive_vjps[f]((0, 1), f(1.0, 2.0), (1.0, 2.0), {})
    np.testing.assert_allclose(list(pull(5.0)), [2.0, -1.0], rtol=1e-15)
    push = core.primitive_jvps[f]((1,), [5.0], f(1.0, 2.0), (1.0, 2.0), {})
    assert push == pytest.approx(-1.0, rel=1e-15)
    core.primitive_vjps.pop(f)
    assert ag.grad(f)(1.0, 2.0) == pytest.approx(0.4, rel=1e-15)


def test_sparse_objects_are_what_they_add():
    @ag.primitive
    def taken(x, k):
        return x[k]

    @ag.primitive
    def placed(g, k, space):
        def add(array):
            np.add.at(array, k, g)
            return array

        return extend.SparseObject(space, add)

    extend.defvjp(taken, lambda ans, x, k: lambda g: placed(g, k, extend.vspace(x)))
    extend.defvjp(placed, lambda ans, g, k, space: lambda h: taken(h, k))
    f = lambda x: taken(x, 2) ** 2 * taken(x, 0) + anp.sum(taken(x, [1, 1]))
    np.testing.assert_allclose(ag.grad(f)(X), [6.25, 2.0, 2.5])
    np.testing.assert_allclose(ag.hessian(f)(X), [[0, 0, 5.0], [0, 0, 0], [5.0, 0, 1.0]])
    plain = ag.primitive(lambda x: x[0])  # a rule may give one itself
    for state in (
        lambda: extend.defvjp(plain, lambda ans, x: lambda g: _first(g, x)),
        lambda: extend.defvjp_argnum(plain, lambda k, ans, args, kwargs: lambda g: _first(g, args[0])),
        lambda: extend.defvjp_argnums(plain, lambda ks, ans, args, kwargs: lambda g: [_first(g, args[0])]),
    ):
        state()
        np.testing.assert_array_equal(ag.grad(plain)(X), [1.0, 0.0, 0.0])


def _first(g, x):
    def add(array):
        array[0] += g
        return array

    return extend.SparseObject(extend.vspace(x), add)


def test_forms_that_autograd_deprecated_say_so_and_work():
    by_grad, by_vjp, by_zero = (ag.primitive(lambda x, y: x * y) for _ in range(3))
    with pytest.warns(DeprecationWarning, match="defvjp"):
        by_grad.defgrad(lambda ans, x, y: lambda g: g * y)
        by_grad.defgrad(lambda ans, x, y: lambda g: g * x, argnum=1)
        by_vjp.defvjp(lambda g, ans, vs, gvs, x, y: g * y if vs.shape == gvs.shape == () else None)
        by_vjp.defvjp(lambda g, ans, vs, gvs, x, y: g * x, argnum=1)
        by_zero.defvjp_is_zero([1])
        by_zero.defgrad(lambda ans, x, y: lambda g: g * y)
    assert ag.grad(by_grad, [0, 1])(2.0, 3.0) == ag.grad(by_vjp, [0, 1])(2.0, 3.0) == (3.0, 2.0)
    assert ag.grad(by_zero, [0, 1])(2.0, 3.0) == (3.0, 0.0)
    assert by_grad.fun(2.0, 3.0) == 6.0
    with pytest.warns(DeprecationWarning, match="check_grads"):
        util.quick_grad_check(lambda x, y, z=0: x**2 + y * z, 1.0, (2.0,), {"z": 3.0}, verbose=False, eps=1e-4)
    wrong = ag.primitive(lambda x: 2 * x)
    extend.defvjp(wrong, lambda ans, x: lambda g: 2.01 * g)
    with pytest.warns(DeprecationWarning), pytest.raises(AssertionError, match="VJP"):
        util.quick_grad_check(wrong, 1.0)


# Types.
def test_types_of_integers_cast_traced_values():
    table = np.arange(8.0)
    for name in ("int64", "int32", "int8", "intp", "uint8"):
        kind = getattr(anp, name)
        f = lambda x, kind=kind: anp.sum(table[kind(x)] * x)
        np.testing.assert_array_equal(ag.grad(f)(X), [0.0, 1.0, 2.0])
        assert kind(2.7) == 2 and type(kind(2.7)) is getattr(np, name) and kind() == 0
        assert np.dtype(kind) == np.dtype(name) and np.zeros(2, kind).dtype == kind
        assert isinstance(getattr(np, name)(3), kind) and not isinstance(3.0, kind)
        assert np.issubdtype(getattr(np, name), kind) and not np.issubdtype(float, kind)
        assert np.iinfo(kind).max == np.iinfo(name).max
    assert anp.intp is anp.int64 and anp.integer is np.integer and anp.bool_ is np.bool_
    with pytest.raises(dl.DifflabError):
        ag.grad(lambda x: np.int64(x) * x)(2.0)


def test_names_that_numpy_had_are_there():
    mask = X > 1
    for old, new, arguments in (
        ("trapz", np.trapezoid, (X, X**2)), ("row_stack", np.vstack, ([X, X],)), ("in1d", np.isin, (X, X[:1])),
        ("product", np.prod, (X,)), ("cumproduct", np.cumprod, (X,)), ("round_", np.round, (X,)),
        ("alltrue", np.all, (mask,)), ("sometrue", np.any, (mask,)),
    ):  # fmt: skip
        np.testing.assert_array_equal(getattr(anp, old)(*arguments), new(*arguments))
    assert (anp.Inf, anp.infty, anp.float_, anp.complex_) == (np.inf, np.inf, np.float64, np.complex128)
    assert np.isnan(anp.NaN)
    check_grads(lambda y: anp.trapz(y, X))(X)


# Small ones.
def test_sums_are_transposed():
    shape = (2, 3, 4)
    g = np.random.default_rng(0).normal(size=shape)
    for axis in (None, 0, -1, (0, 2), [1]):
        for keepdims in (False, True):
            axes = tuple(axis) if isinstance(axis, list) else axis
            total = g.sum(axis=axes, keepdims=keepdims)
            found, count = numpy_vjps.repeat_to_match_shape(total, shape, float, axis, keepdims)
            np.testing.assert_array_equal(found, np.broadcast_to(g.sum(axis=axes, keepdims=True), shape))
            assert count == g.size // total.size
    assert numpy_vjps.repeat_to_match_shape(2.0, (), float, None, False) == (2.0, 1)


def test_helpers():
    A = np.random.default_rng(1).normal(size=(2, 3, 4))
    np.testing.assert_array_equal(linalg._dot(linalg.T(A), A), np.transpose(A, (0, 2, 1)) @ A)
    assert "T" in dir(linalg)
    check_grads(lambda x: numpy_vjps.untake(x, ([0, 1, 0],), core.vspace(np.ones(2))))(X)
    check_grads(lambda x: numpy_wrapper.concatenate_args(0, x, x**2))(X)
    check_grads(lambda x: anp.array_from_args((), {}, x, x**2))(X)
    check_grads(lambda x: anp.wrap_if_boxes_inside(np.array([x[0], x[1] ** 2], dtype=object)))(X)
    assert anp.metadata is numpy_wrapper.metadata and numpy_wrapper.sin is numpy_wrapper.sin
    assert builtins.make_sequence(list, 1, 2) == [1, 2] and builtins.container_take({"a": 3}, "a") == 3
    assert builtins.isinstance_ is isinstance and builtins.type_ is type and builtins.tuple_ is tuple
    assert util.func(abs) is abs and wrap_util.get_name(3) == "[unknown name]" and wrap_util.get_doc(test_helpers) == ""
    assert ag.numpy is anp
    assert ag.differential_operators._make_vjp is core.make_vjp and ag.differential_operators.vspace is core.vspace


def test_the_array_api_standard_finds_the_functions():
    """SciPy and others ask an array which namespace has its functions."""

    def f(x):
        xp = x.__array_namespace__(api_version="2024.12")
        return xp.sum(xp.exp(xp.stack([x, 2 * x])))

    assert dl.grad(lambda x: x.__array_namespace__() is dl.numpy and x)(1.0) == 1.0
    for differentiate in (ag.grad, dl.grad):
        np.testing.assert_allclose(differentiate(f)(X), np.exp(X) + 2 * np.exp(2 * X))
