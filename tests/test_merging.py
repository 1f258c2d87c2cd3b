"""What `compile` computes once: equal operations are one before they are differentiated, and nothing else is."""

from __future__ import annotations

import re

import numpy as np
import pytest

import difflab as dl
from benchmarks.gradbench import minors, mixture, nested, ode, vectors
from benchmarks.gradbench.libraries import Difflab
from difflab.graph.merging import key
from difflab.graph.node_carrier import NODE
from difflab.graph.recording import Tape
from difflab.graph.trace import record
from difflab.graph.traced import apply
from difflab.primitives import Composite, Custom, Elementwise, rows

X = np.array([0.5, 2.0])


def order(n):
    return np.random.default_rng(n).normal(size=(n, n))


def det(a):
    return minors.recursive(Difflab(), a)


def compiled(f, *args, backend=None):
    program = dl.compile(f, backend=backend)
    program.prepare(*args)
    return program


def ratio(program):
    found = re.search(r"derivative: ([\d.]+) times", program.explain())
    assert found, program.explain()
    return float(found.group(1))


@pytest.mark.parametrize("n", [4, 5, 6])
def test_the_gradient_costs_as_much_as_some_functions(n):
    a = order(n)
    program = compiled(dl.value_and_grad(det), a)
    value, gradient = program(a)
    np.testing.assert_allclose(value, np.linalg.det(a), rtol=1e-12)
    np.testing.assert_allclose(gradient, np.linalg.det(a) * np.linalg.inv(a).T, rtol=1e-10)
    assert ratio(program) < 4
    assert len(program.program.graph) < {4: 200, 5: 500, 6: 1_200}[n]


@pytest.mark.parametrize("file", [vectors, mixture, ode, minors, nested], ids=lambda file: file.__name__)
def test_every_workload_of_gradbench(file, monkeypatch):
    """Each derivative's operations are less than four times the function's."""
    met = []

    def program(self, f, args):
        met.append(compiled(f, *args))

    monkeypatch.setattr(Difflab, "program", program)
    for work in file.workloads(True):
        work.difflab()
    ratios = [ratio(p) for p in met if p.program.last.traced.differentiated]
    assert ratios and max(ratios) < 4


def test_only_what_is_compiled_is_merged():
    """A drawing, an uncompiled derivative and its bits are those of what was written."""
    f = lambda x: np.sin(x) * np.sin(x) + np.sin(x)
    assert [n.primitive.name for n in dl.trace(f, 0.3).operations].count("sin") == 3
    assert [n.primitive.name for n in dl.trace(dl.grad(f), 0.3).operations].count("cos") == 3
    assert [n.primitive.name for n in dl.backward_graph(dl.trace(f, 0.3)).operations].count("cos") == 3
    program = compiled(dl.grad(f), 0.3)
    assert [n.primitive.name for n in program.program.last.traced.operations].count("cos") == 1
    assert program(0.3) == pytest.approx(float(dl.grad(f)(0.3)), rel=1e-14)


@pytest.mark.parametrize(
    "a, b, same",
    [
        ((rows.add, (1.0, 2.0), {}), (rows.add, (1.0, 2.0), {}), True),
        ((rows.add, (1.0, 2.0), {}), (rows.subtract, (1.0, 2.0), {}), False),
        ((rows.add, (0.0, 2.0), {}), (rows.add, (-0.0, 2.0), {}), False),
        ((rows.add, (1, 2.0), {}), (rows.add, (1.0, 2.0), {}), False),
        ((rows.add, (True, 2.0), {}), (rows.add, (1, 2.0), {}), False),
        ((rows.add, (np.float32(0.1), 2.0), {}), (rows.add, (np.float64(np.float32(0.1)), 2.0), {}), False),
        ((rows.add, (complex(1, -0.0), 2.0), {}), (rows.add, (complex(1, 0.0), 2.0), {}), False),
        ((rows.sum, (1.0,), {"axis": 0}), (rows.sum, (1.0,), {"axis": None}), False),
        ((rows.sum, (1.0,), {"axis": (0,)}), (rows.sum, (1.0,), {"axis": (0,)}), True),
    ],
)
def test_what_is_equal(a, b, same):
    assert key(*a) is not None
    assert ((a[0], key(*a)) == (b[0], key(*b))) is same


def test_arrays_that_are_filled_again_are_different():
    buffer = np.zeros(3)

    def f(x):
        total = 0.0
        for k in range(3):
            buffer[:] = k
            total = total + np.sum(np.sin(x + buffer))
        return total

    x = np.arange(3.0)
    program = compiled(dl.grad(f), x)
    np.testing.assert_allclose(program(x), sum(np.cos(x + k) for k in range(3)), rtol=1e-14)


def test_a_function_with_its_own_gradient_stays_one():
    """It returns its argument, and is not taken for it; nor is one call taken for another."""
    mine = dl.custom_gradient(lambda x: (x, lambda ct: ct * 10.0))
    f = lambda x: mine(x) * x + mine(x)
    program = compiled(dl.grad(f), 2.0)
    assert program(2.0) == dl.grad(f)(2.0) == 32.0


def test_a_stopped_gradient_stays_stopped():
    f = lambda x: np.exp(x) * dl.stop_gradient(np.exp(x)) + dl.stop_gradient(x) * x
    assert compiled(dl.grad(f), 0.5)(0.5) == pytest.approx(np.exp(0.5) ** 2 + 0.5, rel=1e-15)


def test_checkpoints_are_computed_again():
    """The recomputation is not merged with anything; also where the function reads a traced value from around it."""
    body = lambda x: np.sin(np.sin(np.sin(x)))
    twice = lambda g: lambda x: np.sum(g(x) + g(x) * np.sin(x))
    x = np.linspace(0.1, 1.0, 5)
    want = dl.grad(twice(body))(x)
    np.testing.assert_allclose(compiled(dl.grad(twice(dl.checkpoint(body))), x)(x), want, rtol=1e-14)

    def around(x):
        scale = np.sin(x)
        inner = dl.checkpoint(lambda y: np.sin(y * scale) + np.sin(x))
        return np.sum(inner(x) + np.sin(x) + np.sin(x * scale) + inner(x))

    want = dl.grad(around)(x)
    np.testing.assert_allclose(compiled(dl.grad(around), x)(x), want, rtol=1e-13)


def test_gates_of_paths_that_are_one():
    """Behind `where` nothing flows, and an infinite derivative there stays out, on merged operations too."""

    def f(x):
        safe = np.where(x > 0, np.sqrt(x), 0.0)
        return np.sum(safe + np.where(x > 0, np.sqrt(x) * 2.0, 0.0))

    x = np.array([0.0, 4.0])
    np.testing.assert_array_equal(compiled(dl.grad(f), x)(x), dl.grad(f)(x))


def test_second_derivatives_and_batches():
    f = lambda v: np.exp(v[0] * v[1]) + np.exp(v[0] * v[1]) * np.sin(v[0]) ** 2
    v, w = np.array([0.3, -0.7]), np.array([1.0, 2.0])
    for make in (dl.hvp, lambda f: lambda v, w: dl.jacobian(dl.grad(f))(v) @ w):
        np.testing.assert_allclose(compiled(make(f), v, w)(v, w), make(f)(v, w), rtol=1e-13)
    rows_of = lambda vs: dl.vmap(dl.grad(f))(vs)
    vs = np.stack([v, w])
    np.testing.assert_allclose(compiled(rows_of, vs)(vs), rows_of(vs), rtol=1e-13)


def test_several_results_are_merged_as_one():
    f = lambda a: np.sum(np.linalg.eigh(a)[0] ** 2) + np.linalg.eigh(a)[0][0]
    a = order(3) + order(3).T
    program = compiled(dl.grad(f), a)
    assert [n.primitive.name for n in program.program.last.traced.operations].count("eigh") == 1
    np.testing.assert_allclose(program(a), dl.grad(f)(a), rtol=1e-12, atol=1e-13)


def test_branches_are_still_seen():
    def f(x):
        return np.sin(x) if np.sin(x) > 0 and np.sin(x) > 0.1 else x * x

    program = compiled(dl.grad(f), 1.0)
    assert program(1.0) == pytest.approx(np.cos(1.0)) and program(-1.0) == -2.0 and program(0.05) == 0.1


def test_what_a_checkpoint_takes_out_is_computed_anew():
    """The function is run once before it is known that it reads a traced value, and that run is forgotten."""

    def f(x):
        scale = np.sin(x)
        inner = dl.checkpoint(lambda y: y * np.exp(scale))
        return np.sum(inner(x) + np.exp(scale) + np.exp(scale))

    x = np.linspace(0.1, 1.0, 5)
    program = compiled(dl.grad(f), x)
    np.testing.assert_allclose(program(x), dl.grad(f)(x), rtol=1e-14)


def counted(name, kind=Elementwise, **rest):
    """A row of a user's, which is in no table, and that counts its calls."""
    calls = []

    def value(m, x):
        calls.append(x)
        return x * float(len(calls))

    return kind(name=name, doc="x times the number of calls so far", value=value, **rest), calls


@pytest.mark.parametrize(
    ("row", "calls"),
    [
        counted("counted", partials=(1,)),
        counted("sin", partials=(1,)),  # the table has one of this name
        counted("counted", Custom, vjp=lambda m, ct, y, x: (ct,)),
        counted("counted", Composite),
    ],
    ids=["elementwise", "of a known name", "custom", "composite"],
)
def test_rows_outside_of_the_table_stand_for_themselves(row, calls):
    """They run a user's code, which may give something else each time."""
    assert key(row, (2.0,), {}) is None
    x = np.array([1.0, 2.0])
    graph, _ = record(lambda x: apply(row, (x,)) + apply(row, (x,)), x, merging=True)
    assert [n.primitive for n in graph.operations].count(row) == 2
    assert len(calls) == 2
    for quick in (NODE.function(row), NODE.of(row)):
        graph, _ = record(lambda x, quick=quick: quick(x) + quick(x), x, merging=True)
        assert [n.primitive for n in graph.operations].count(row) == 2


@pytest.mark.parametrize("row", [rows.input, rows.constant])
def test_leaves_are_never_one(row):
    assert key(row, (), {}) is None
    assert len(record(lambda x, y: x + y, 2.0, 2.0, merging=True)[0].inputs) == 2


OPERANDS = [2.0, -0.0, 0.0, float("nan"), 3, 0, np.float64(2.0), np.float64(-0.0), np.float32(2.0), True, 1j, X]


@pytest.mark.parametrize("nested", [False, True])
def test_the_short_ways_onto_a_tape_say_the_same_key(nested):
    """What operators and functions record, with numbers and arrays on either side, is known by `key`; each once."""

    def on(x):
        for _ in range(2):
            for other in [x, np.sin(x), *OPERANDS]:
                x + other, other * x, np.multiply(x, other), np.subtract(other, x), NODE.divide(x, other)
                np.cos(x), -x, abs(x), np.sum(x), NODE.exp(x)
        return x

    with Tape() as (outer, _), Tape(merging=True) as (tape, operations):
        x = outer.input(X) if nested else X
        on(tape.input(x))
        made = [n for n in operations if n.primitive.merges]
        assert [n for n in made if tape.known[n.primitive].get(key(n.primitive, n.operands, n.params)) is not n] == []
        assert sum(map(len, tape.known.values())) == len(made)
        whole = {(n.primitive, *map(same, n.operands)) for n in made}
        assert len(whole) == len(made)


def same(x):
    """An operand by its class and bytes, a traced one by itself."""
    return id(x) if hasattr(x, "primitive") else (type(x), np.asarray(x).tobytes())


def test_a_row_of_two_operands_outside_of_the_table_stands_for_itself():
    row = Elementwise(name="counted", doc="A user's product.", value=lambda m, x, y: x * y, partials=(1, 1))
    quick = NODE.function(row)
    graph, _ = record(lambda x: quick(x, 2.0) + quick(x, 2.0) + quick(x, x) + quick(x, x), X, merging=True)
    assert [n.primitive for n in graph.operations].count(row) == 4
