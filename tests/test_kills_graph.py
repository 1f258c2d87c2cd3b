"""Texts nested deeply, names of functions in refusals, lists with traced values, and infinite numbers in SymPy."""

from __future__ import annotations

import sys
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import sympy

import difflab as dl
import difflab.numpy as dnp
from difflab.compile.passes.pipeline import optimise
from difflab.compile.program.closure import Captured
from difflab.compile.program.remarks import annotated
from difflab.errors import ParseError
from difflab.graph.leaks import called
from difflab.graph.parse import parse
from difflab.graph.portable import sent
from difflab.graph.sympy_io import symbol_arrays
from difflab.graph.text_expressions import MAX_READING
from difflab.graph.traced import call_row
from difflab.primitives import table
from difflab.primitives.kernels.structure import astype_elements


def below(calls, f):
    """f(), called from that many calls deep."""
    return below(calls - 1, f) if calls else f()


NESTED = {
    "attributes": lambda n: "x" + ".T" * n,
    "words": lambda n: "not " * n + "x",
    "indices": lambda n: "x" + "[0]" * n,
    "beside what is read": lambda n: f"maximum(x, {'-' * 9}" * (n // 10) + "x" + ")" * (n // 10),
}


@pytest.mark.parametrize("nested", NESTED.values(), ids=NESTED)
def test_depth_of_texts(nested):
    """The limit is ours however many calls Python allows; where it allows fewer, the refusal is the same."""
    before = sys.getrecursionlimit()
    for allowed in (before, 20_000):
        try:
            sys.setrecursionlimit(allowed)
            for n in (MAX_READING // 2, MAX_READING - 10, MAX_READING + 20, 2 * MAX_READING):
                for calls in (0, 300):
                    try:
                        below(calls, lambda n=n: parse(nested(n)))
                    except ParseError as error:
                        assert "nested too deeply" in str(error)
                        assert n > MAX_READING or allowed == before
                    else:
                        assert n < MAX_READING
        finally:
            sys.setrecursionlimit(before)


def test_depth_counts_what_is_open_and_not_what_was_read():
    text = " + ".join(["sin(x)"] * 3 * MAX_READING)
    assert parse(text)(0.0) == 0.0
    many = "; ".join(f"y{k} = sin(x * (x + 1))" for k in range(MAX_READING)) + "; y0"
    assert parse(many)(0.0) == 0.0


CONDITIONS = ["x and y", "x or y", "x and y and z", "x or y or z", "x and y or z", "x or y and z", "x and (y or z)"]
CONDITIONS += ["not x and y or not z", "not (x or y)", "x < y", "x < y < z", "x <= y < z", "x > y >= z", "x == y != z"]
CONDITIONS += ["x < y and y < z or z < x", "not x < y", "x == y == z", "x != y != z"]


@pytest.mark.parametrize("text", CONDITIONS)
def test_conditions_are_pythons(text):
    """At every choice of three values: each operand counts, and each in its own place."""
    graph = parse(text)
    for values in product([0.0, 1.0, 2.0], repeat=3):
        at = dict(zip("xyz", values))
        assert bool(graph(**{n.name: at[n.name] for n in graph.inputs})) == bool(eval(text, {}, at)), at


@pytest.mark.parametrize(
    "text, name",
    [
        ("np.random.normal(x)", "np.random.normal"),
        ("y = f(x)", "f"),
        ("f(g(x), (1, 2))", "f"),
        ("f(x)(y)", "f"),
        ("f()(y)", "f"),
        ("fs[0](x)", "fs[0]"),
        ("table['a'](x)", "table['a']"),
        ("].normal(x)", "normal"),
        ("(x)", ""),
        ("((x))", ""),
        ("x", ""),
        ("x]", ""),
        ("f(x) + y", ""),
        ("", ""),
    ],
)
def test_name_of_the_function_that_a_text_calls(text, name):
    assert called(text) == name


LISTS = {
    "flat": lambda x: [x, 2 * x],
    "nested": lambda x: [[x, 1.0], [x * x, 3.0]],
    "number": lambda x: x,
}


@pytest.mark.parametrize("ndmin", range(5))
@pytest.mark.parametrize("name", LISTS)
def test_arrays_of_at_least_so_many_axes(name, ndmin):
    want = np.array(LISTS[name](3.0), ndmin=ndmin)
    graph = dl.trace(lambda x: dnp.array(LISTS[name](x), ndmin=ndmin), 3.0)
    found = np.asarray(graph(3.0))
    np.testing.assert_array_equal(found, want)
    assert found.shape == want.shape and graph.outputs[0].shape == want.shape


JOINED = [[()], [(3,)], [(), ()], [(3,), (3,)], [(3,), (3, 1)], [(2, 3), (2, 3)], [(2, 3), (2, 1)], [(2, 3), (1, 3)]]
JOINED += [[(2, 3, 4), (2, 3, 4)], [(2, 3, 4), (2, 3, 1)], [(2, 1, 4), (2, 3, 4)], [(1, 3, 4), (2, 3, 4)], [(3,), ()]]


@pytest.mark.parametrize("name", ["r_", "c_"])
@pytest.mark.parametrize("shapes", JOINED, ids=str)
def test_arrays_joined_by_indexing(name, shapes):
    """As NumPy joins them; what it refuses is refused."""
    xs = [np.random.default_rng(k).normal(size=s) for k, s in enumerate(shapes)]
    try:
        want = getattr(np, name)[tuple(xs)]
    except ValueError:
        with pytest.raises((dl.DifflabError, ValueError)):
            dl.trace(lambda *a: getattr(dnp, name)[a], *xs)
        return
    graph = dl.trace(lambda *a: getattr(dnp, name)[a], *xs)
    found = np.asarray(graph(*xs))
    np.testing.assert_array_equal(found, want)
    assert found.shape == want.shape == graph.outputs[0].shape


@pytest.mark.parametrize("number", [np.inf, -np.inf, np.nan, np.pi, -np.pi, np.e, 0.1])
def test_numbers_in_sympy(number):
    found = dl.to_sympy(dl.trace(lambda x: x + number, 0.0)).subs(sympy.Symbol("x"), 0)
    assert found is sympy.nan if number != number else float(found) == number


@pytest.mark.parametrize("count", [1, 2, 3, 4])
@pytest.mark.parametrize("complete", [True, False])
def test_pieces_of_sympy(count, complete):
    """Where no condition holds the value is nan; a last piece without a condition is the rest."""
    x = sympy.Symbol("x")
    pieces = [((k + 2) * x, x < k) for k in range(count)] + [(x**2, True)] * complete
    graph = dl.from_sympy(sympy.Piecewise(*pieces, evaluate=False))
    for at in np.arange(-0.5, count + 1.0):
        want = next(((k + 2) * at for k in range(count) if at < k), at**2 if complete else np.nan)
        np.testing.assert_equal(float(graph(at)), want)


@pytest.mark.parametrize("count", [1, 3, 9, 12, 16, 30])
def test_a_refusal_shows_at_most_so_much_of_the_source(count, tmp_path):
    """Long source is cut, and says so."""
    call = "float(" + " + ".join(["x * 1000"] * count) + ")"
    file = tmp_path / "written.py"
    file.write_text(f"def f(x):\n    return {call}\n")
    space = {"__name__": "written"}
    exec(compile(file.read_text(), str(file), "exec"), space)
    with pytest.raises(dl.errors.TraceError) as refused:
        dl.trace(space["f"], 1.0)
    shown = call if len(call) <= 120 else call[:117] + "..."
    assert str(refused.value).startswith(f"{shown}: ")


X, Y = sympy.symbols("x y")
QUOTIENTS = [
    1 / X,
    -1 / X,
    1 / (X * Y),
    -1 / (X * Y),
    2 / (X * Y),
    X / (2 * Y),
    -X / 3,
    3 * X / (7 * Y),
    X**-2 / Y,
    sympy.pi / X,
]
QUOTIENTS += [sympy.GoldenRatio * X, X / sympy.TribonacciConstant]
QUOTIENTS += [sympy.Rational(-2, 3) * X * Y, X * Y / (3 * X + 1), 1 / (sympy.sqrt(X) * Y), sympy.sqrt(2) / (3 * X)]


@pytest.mark.parametrize("e", QUOTIENTS, ids=str)
def test_products_and_quotients_of_sympy(e):
    graph = dl.from_sympy(e)
    at = {n.name: 0.7 if n.name == "x" else 1.9 for n in graph.inputs}
    assert graph(**at) == pytest.approx(float(e.subs({X: 0.7, Y: 1.9})), rel=1e-14)


def test_no_two_symbols_of_arrays_have_the_same_name():
    found = symbol_arrays({"x": (2,), "x_0": (), "x_0_": (), "x_1": (2,), "x_1_0": ()})
    names = [str(s) for box in found.values() for s in np.ravel(box)]
    assert len(set(names)) == len(names) == 7
    assert [str(found[n]) for n in ("x_0", "x_0_", "x_1_0")] == ["x_0", "x_0_", "x_1_0"]
    assert all(str(s).rstrip("_") == f"x_{k}" for k, s in enumerate(found["x"]))


@pytest.mark.parametrize("x", [-1.5, 0.0, 2.0])
def test_truth_values_as_numbers_in_sympy(x):
    """1 where it holds and 0 where not, in sums and products."""
    symbol = sympy.Symbol("x")
    for f in (lambda x: (x > 0) * x + (x < 1), lambda x: (x >= 0) * 2.0 - (x != 0)):
        assert float(dl.to_sympy(dl.trace(f, x)).subs(symbol, x)) == pytest.approx(float(f(np.float64(x))))
    found = astype_elements(np.array([sympy.true, sympy.false, True, False, 2.0], object), dtype=np.dtype(int))
    assert found.tolist() == [1, 0, 1, 0, 2]
    assert not any(isinstance(v, sympy.Basic) for v in found.tolist())


def test_what_cannot_be_drawn_is_text_with_the_reason(monkeypatch):
    graph = dl.trace(lambda x: x * x, 1.0)
    assert list(graph._repr_mimebundle_()) == ["text/plain", "image/svg+xml"]

    def refuse(self):
        raise dl.DifflabError("too large")

    monkeypatch.setattr(type(graph), "_repr_svg_", refuse)
    assert graph._repr_mimebundle_() == {"text/plain": f"{graph!r}\n(too large)"}


def test_the_golden_ratio_is_its_formula():
    names = {n.primitive.name for n in dl.from_sympy(sympy.GoldenRatio * X).order}
    assert "sqrt" in names


SIGNED = [lambda a, b: (-a) + (-b), lambda a, b: (-a) - b, lambda a, b: a - (-b), lambda a, b: (-a) + b]
SIGNED += [lambda a, b: -(a + b), lambda a, b: -(a - b), lambda a, b: (-a) * (-b), lambda a, b: -(a * b) + (-b)]
SIGNED += [lambda a, b: 0.0 - (a - b), lambda a, b: (-a) / (-b + 1), lambda a, b: np.negative(-a) - b]


@pytest.mark.parametrize("k", range(len(SIGNED)))
def test_signs_of_zeros_stay_when_a_program_is_rewritten(k):
    f, at = SIGNED[k], np.array([0.0, -0.0, 1.0, -1.0])
    a, b = (x.ravel() for x in np.meshgrid(at, at))
    program, want = dl.compile(f), f(a, b)
    for _ in range(2):
        found = program(a, b)
        np.testing.assert_array_equal(found, want)
        np.testing.assert_array_equal(np.signbit(found) & (want == want), np.signbit(want) & (want == want))


def made(number, factor):
    def helper(x, more=1.0, *, other=0.0):
        return x * number + more + other

    def f(x):
        if x is None:
            return aaa
        return helper(x) * factor

    def change(n, k):
        nonlocal number, factor
        number, factor = n, k

    if number is None:
        aaa = 1.0
    return f, change


def test_numbers_in_closures_choose_the_program():
    """Of the function and of those that it calls, behind a cell that nothing was put into, beside defaults."""
    f, change = made(2.0, 3.0)
    program = dl.compile(f)
    for n, k in ((2.0, 3.0), (5.0, 3.0), (5.0, 7.0), (2.0, 3.0)):
        change(n, k)
        for _ in range(2):
            assert program(1.5) == f(1.5) == (1.5 * n + 1.0) * k


MATRIX = [
    lambda a, b: (a @ b).T,
    lambda a, b: (a @ b).T @ a,
    lambda a, b: b @ (a @ b).T,
    lambda a, b: np.sum((a @ b).T, axis=0),
]
MATRIX += [
    lambda a, b: np.tanh((a @ b).T) + 1,
    lambda a, b: (a.T).T @ b,
    lambda a, b: dl.grad(lambda a: np.sum(np.tanh(a @ b)))(a),
]


@pytest.mark.parametrize("k", range(len(MATRIX)))
def test_nodes_of_a_program_have_the_shapes_of_their_values(k):
    rng = np.random.default_rng(0)
    xs = rng.normal(size=(2, 3)), rng.normal(size=(3, 5))
    graph = optimise(dl.trace(MATRIX[k], *xs))[0]
    env = graph.evaluate(xs)
    for node in graph.order:
        if isinstance(env[node], np.ndarray):
            assert (node.shape, node.dtype) == (env[node].shape, env[node].dtype), node.primitive.name


def test_what_may_draw_random_numbers_is_looked_for_in_all_places():
    """Cells, defaults by place and by name, globals: of the function and of those that it calls."""
    cell, place, name, inner = object(), object(), object(), object()

    def helper(x, a=inner):
        return x

    def f(x, a=place, *, b=name):
        return helper(x), cell

    functions, found = Captured(f).reach()
    assert functions == [f, helper]
    assert {id(v) for v in (cell, place, name, inner, helper)} <= {id(v) for v in found}


def test_a_formula_is_sent_in_real_symbols():
    graph = dl.trace(lambda x: dl.block(lambda t: np.sin(t) * t, name="own")(x), 0.5)
    for node in graph.order:
        found = sent(node) if node.operands else ""
        assert isinstance(found, str) or all(s.is_real for s in found[1])
    own = next(r for r in table() if r.kind == "elementwise" and len(r.domain) == 2)
    twin = replace(own, name="a row of this process")
    name, symbols, formula = sent(dl.trace(lambda x, y: call_row(twin, x, y), 0.5, 1.5).outputs[0])
    assert name == twin.name and all(s.is_real for s in symbols) and formula.free_symbols <= set(symbols)


def test_a_remark_calls_a_value_as_the_source_does():
    """By its name; without one by the variable; where it has none by its operation."""
    program = dl.compile(lambda x: np.cos(np.sin(x) * dl.label(np.tanh(x), "s")))
    program(np.ones(3))
    lines = [line for line in annotated(program.program.last).splitlines() if "# " in line]
    said = {line.split(" = ")[0].strip(): line.split("# ")[1] for line in lines}
    (sine,) = [v for v, text in said.items() if text == "sin(x)"]
    assert said["s"] == "s = tanh(x)" and f"{sine} * s" in said.values()
