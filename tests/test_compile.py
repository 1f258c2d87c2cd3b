"""Programs give what the engine gives."""

from __future__ import annotations

import numpy as np
import optree
import pytest
from passes import ROUNDING, equal_bits

import difflab as dl
from difflab.compile.passes.pipeline import PASSES
from difflab.graph.traced import apply
from difflab.primitives import TABLE

FUNCTIONS = [
    (lambda x: np.sum(np.tanh(x) * np.exp(-x * x)), (np.linspace(-2, 2, 7),)),
    (lambda x, y: np.sum((x @ y) ** 2) / 2, (np.ones((2, 3)) * 0.3, np.arange(6.0).reshape(3, 2))),
    (lambda x: np.sin(x) * x**2 + 3 / x, (0.7,)),
    (lambda p: p["a"] * np.sum(p["b"]), ({"a": 2.0, "b": np.ones(3)},)),
    (lambda x: np.sum(x[::2] * x[1::2]) + x[0], (np.arange(4.0),)),
    (lambda x: 1 / (1 + np.exp(-x)) + (2 * 3) * x * 1, (0.3,)),
    (lambda x, y: (x - -2.5) * (y - (x - y)) / (-(x + 2) / y) ** 3, (0.3, 0.7)),
    (lambda x: np.sum(np.abs(np.floor(x)) * np.copysign(np.rint(x), -x)), (np.array([-2.5, -0.3, 0.5, 1.7]),)),
    (lambda x, y: np.sum(np.where(x > y, np.trunc(x), np.sign(y)) * y), (np.array([-1.5, 2.5]), np.array([0.5, -0.0]))),
]


def same(a, b):
    for u, v in zip(optree.tree_leaves(a), optree.tree_leaves(b), strict=True):
        np.testing.assert_allclose(u, v, rtol=1e-14)
        u, v = np.asarray(u), np.asarray(v)  # Python floats in, Python floats out
        assert u.dtype == v.dtype and u.shape == v.shape


@pytest.mark.parametrize("f, args", FUNCTIONS)
def test_programs_equal_the_engine(f, args):
    for make in (lambda g: g, dl.grad, dl.value_and_grad, lambda g: dl.grad(lambda *a: np.sum(2 * g(*a)))):
        program = dl.compile(make(f))
        for _ in range(3):  # the first call's answer may be the trace's
            same(program(*args), make(f)(*args))
        assert "def program" in program.source and "nodes" in program.explain()


@pytest.mark.parametrize("name", PASSES)
@pytest.mark.parametrize("f, args", FUNCTIONS)
def test_each_pass_keeps_the_values(name, f, args):
    graph = dl.trace(lambda *a: dl.value_and_grad(f)(*a), *args)
    after = PASSES[name](graph)
    if name in ROUNDING:
        same(after(*args), graph(*args))
    else:
        for found, want in zip(*map(optree.tree_leaves, (after(*args), graph(*args))), strict=True):
            equal_bits(found, want)
    assert name in ("expansion", "uniform constants", "factors", "assembly") or len(after) <= len(graph)


def test_common_subexpressions_are_shared():
    graph = dl.trace(lambda x: np.sin(x) * np.exp(x) + np.sin(x), 1.0)
    assert len(PASSES["common subexpressions"](graph)) == len(graph) - 1


def test_constants_tell_apart_what_looks_equal():
    graph = dl.trace(lambda x: np.copysign(1.0, x * 0.0) if False else (x * 0.0, x * -0.0), 1.0)
    a, b = PASSES["common subexpressions"](graph)(1.0)
    assert np.signbit(b) and not np.signbit(a)


@pytest.mark.parametrize("name", sorted(n for n in TABLE if "compiled" in TABLE[n].spelling))
def test_rows_that_become_ufuncs_take_truth_values(name):
    """NumPy has no minus sign for truth values, and the programs of some rows have one."""
    if name == "sigmoid_slope":
        return  # what has a slope is no truth value
    f, x = lambda x: apply(TABLE[name], (x > 0,)) * x, np.array([-1.0, 2.0])
    program = dl.compile(f)
    for _ in range(3):
        np.testing.assert_allclose(program(x), f(x), rtol=1e-14)


def test_branches_choose_the_program():
    program = dl.compile(lambda x: x * 2 if x > 0 else -x)
    assert [program(v) for v in (1.0, -1.0, 3.0, -3.0)] == [2.0, 1.0, 6.0, 3.0]
    g = dl.compile(dl.grad(lambda x: x**2 if x > 0 else -x))
    assert [g(v) for v in (3.0, -1.0)] == [6.0, -1.0]


def test_closures_choose_the_program():
    def make(scale):
        return lambda x: scale * x

    scale = 2.0

    def f(x):
        return scale * x

    program = dl.compile(f)
    assert program(1.0) == 2.0
    scale = 5.0
    assert program(1.0) == 5.0


def test_scalar_programs_return_what_numpy_returns():
    with np.errstate(all="ignore"):
        for f in (lambda x: 1 / x, np.log, np.exp, lambda x: x**-1.5, np.sqrt, lambda x: x * np.exp(x)):
            program = dl.compile(f)
            for x in (0.0, -0.0, 1e3, -1e3, np.inf, -np.inf, np.nan, 2.5, -1.0):
                np.testing.assert_allclose(program(x), f(np.float64(x)), rtol=1e-15)


def test_results_belong_to_the_caller():
    program = dl.compile(dl.grad(lambda x: np.sum(x * 3)))
    x = np.ones(3)
    g = program(x)
    g[:] = 0
    assert np.all(program(x) == 3)
    same_array = dl.compile(lambda x: x)
    same_array(x)[:] = 7
    assert np.all(x == 1)


def test_static_arguments_are_static_by_name_too():
    program = dl.compile(lambda x, flag=True, *, z=1.0: x * z if flag else -x, static_argnums=1)
    for _ in range(3):
        assert [program(1.5, flag=True), program(1.5, flag=False), program(1.5)] == [1.5, -1.5, 1.5]
        assert [program(1.5, z=2.0, flag="yes"), program(flag=False, x=1.5), program(1.5, False)] == [3.0, -1.5, -1.5]
    with pytest.raises(TypeError, match="flag"):
        program(1.5, True, flag=False)


def test_static_arguments_and_dtypes():
    program = dl.compile(lambda x, n: np.sum(x**n), static_argnums=(1,))
    assert program(np.full(2, 3.0), 2) == 18.0 and program(np.full(3, 3.0), 3) == 81.0
    assert program(np.full(2, 3.0, np.float32), 2).dtype == np.float32
    with pytest.raises(dl.DifflabError, match="static"):
        program(np.ones(2), {1, 2})
    for positions in (frozenset([1]), {1: "n"}.keys()):
        assert dl.compile(lambda x, n: np.sum(x**n), static_argnums=positions)(np.full(2, 3.0), 2) == 18.0


def test_programs_nest_in_derivatives():
    program = dl.compile(lambda x: np.sin(x) * x)
    assert dl.grad(program)(0.5) == pytest.approx(dl.grad(lambda x: np.sin(x) * x)(0.5))


def test_source_holds_no_text_of_the_user():
    graph_name = "__import__('os')"
    program = dl.compile(lambda x: dl.label(x + 1, graph_name) * 2)
    program(1.0)
    assert "import" not in program.source


SCALE = 3.0
WEIGHTS = np.ones(3)


def helper(x):
    return WEIGHTS * x


def test_globals_and_captured_arrays_choose_the_program(monkeypatch):
    program = dl.compile(lambda x: np.sum(helper(x)) * SCALE)
    assert program(np.ones(3)) == 9.0
    monkeypatch.setitem(globals(), "SCALE", 5.0)
    assert program(np.ones(3)) == 15.0
    changed = np.full(3, 2.0)
    monkeypatch.setitem(globals(), "WEIGHTS", changed)
    assert program(np.ones(3)) == 30.0
    changed[0] = 0.0
    assert program(np.ones(3)) == 20.0
    gradient = dl.compile(dl.grad(lambda x: np.sum(helper(x))))
    assert list(gradient(np.ones(3))) == [0.0, 2.0, 2.0]


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.sum(x) / len(x[x > 0]),
        lambda x: x[x > 0] * 2,
        lambda x: np.mean(x[np.nonzero(x > 0)]),
        dl.grad(lambda x: np.mean(x[x > 0] ** 2)),
        lambda x: np.unique(x).shape[0] * x,
    ],
)
def test_shapes_that_depend_on_values(f):
    program = dl.compile(f)
    for x in ([1.0, 2.0, -1.0], [4.0, -2.0, -1.0], [1.0, 1.0, 1.0], [1.0, 2.0, -3.0]):
        x = np.array(x)
        np.testing.assert_allclose(program(x), f(x))


def test_outputs_are_separate_arrays():
    a, b = dl.compile(dl.grad(lambda a, b: np.sum((a + b) ** 2), argnums=(0, 1)))(np.ones(2), np.ones(2))
    a[:] = 7
    assert np.all(b == 4)


def test_rows_with_names_that_python_keeps():
    f = dl.checkpoint(lambda x: np.sum(np.tanh(x)))
    assert np.allclose(dl.compile(f)(np.ones(2)), np.sum(np.tanh(np.ones(2))))
    assert np.allclose(dl.compile(dl.grad(f))(np.ones(2)), 1 - np.tanh(1) ** 2)


def called(name):
    """x³ + x as a function of a user's that has a row's name."""

    def f(x):
        return x**3 + x, lambda ct: ct * (3 * x**2 + 1)

    f.__name__ = name
    return dl.custom_gradient(f)


@pytest.mark.parametrize("name", sorted(TABLE))
def test_a_function_with_a_rows_name_is_not_the_row(name):
    h = called(name)
    for x in (2.0, np.linspace(-1.0, 2.0, 12).reshape(3, 4)):
        f = lambda x: np.sum(-h(-x) * 2.0 + h(x * 2.0).reshape(np.shape(x)))
        program = dl.compile(dl.value_and_grad(f))
        value, gradient = dl.value_and_grad(f)(x)
        for _ in range(2):
            found, slope = program(x)
            np.testing.assert_allclose(found, value, rtol=1e-12)
            np.testing.assert_allclose(slope, gradient, rtol=1e-12)


@pytest.mark.parametrize("index", [np.array(1), np.array([1, 0]), np.array([True, False, True])])
def test_what_is_read_at_an_array_of_places_belongs_to_the_caller(index):
    x = np.arange(12.0).reshape(3, 4)
    f = dl.compile(lambda x: x[index])
    for _ in range(3):
        y = f(x)
        assert np.array_equal(y, x[index])
        y[...] = -1.0
        assert np.array_equal(x, np.arange(12.0).reshape(3, 4))


def test_arrays_that_nobody_can_write_into_are_read_once():
    weights = np.arange(1000.0)
    weights.flags.writeable = False
    program = dl.compile(lambda x: np.sum(x * weights))
    x = np.ones(1000)
    for _ in range(3):
        assert program(x) == np.sum(weights)
    weights.flags.writeable = True
    weights[0] = 7.0
    assert program(x) == np.sum(weights)
    weights[1] = 9.0
    assert program(x) == np.sum(weights)
    weights = np.zeros(1000)
    weights.flags.writeable = False
    assert program(x) == 0.0


@pytest.mark.parametrize(
    "f",
    [lambda x: ((x > 1) + (x > 0)) * x, lambda x: (x > 1) + (x > 0), lambda x: (x > 0) + (x > 0), dl.grad(
        lambda x: ((x > 1) + (x > 0)) * x
    )],
)  # fmt: skip
def test_truth_values_are_added_as_numpy_adds_them(f):
    program, x = dl.compile(f), np.float64(2.0)
    for _ in range(3):
        same(program(x), f(x))


def test_an_argument_that_is_a_truth_value_stays_one():
    for f in (lambda b: b, lambda b: b + b):
        program = dl.compile(f)
        for _ in range(3):
            same(program(np.True_), f(np.True_))
