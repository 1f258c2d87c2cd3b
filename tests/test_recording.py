"""Traced values, the tapes they belong to, and the vertices that they become."""

from __future__ import annotations

import copy
import gc
import math
import weakref

import networkx as nx
import numpy as np
import pytest

import difflab as dl
from difflab.errors import EscapedTracerError, TraceError
from difflab.graph.node import Abstract
from difflab.graph.recording import Tape


def by_hand():
    b = dl.builder()
    return b.graph(f=np.sin(b.input("x", shape=())) * 2.0)


def of_networkx():
    h = nx.MultiDiGraph()
    h.add_node("x", op="input")
    h.add_node("f", op="sin")
    h.add_edge("x", "f", 0)
    return dl.Graph.from_networkx(h)


GRAPHS = {
    "trace": lambda: dl.trace(lambda x: np.linalg.eigh(x)[0] + 1.0, np.eye(2)),
    "parse": lambda: dl.parse("q = sin(x); f = 2 * q"),
    "builder": by_hand,
    "networkx": of_networkx,
    "backward": lambda: dl.backward_graph(dl.parse("sin(x)")),
    "scan": lambda: dl.trace(lambda x: dl.scan(lambda c, s: (c * x + s, c), x, np.ones(3))[0], 2.0),
}


def seen_by(f, *args):
    """What a transformation hands to its function."""
    seen = []
    f(lambda *xs: (seen.extend(xs), xs[0] * 1.0)[1])(*args)
    return seen


@pytest.mark.parametrize("made", GRAPHS)
def test_the_vertices_of_a_graph_are_data(made):
    order = GRAPHS[made]().order
    for node in order:
        assert type(node) is dl.Node and not hasattr(node, "tape")
        values = node.value if type(node.value) is tuple else (node.value,)  # several results
        assert all(type(v) is Abstract for v in values)
        assert all(x in order for x in node.operands)


@pytest.mark.parametrize("transform", [dl.grad, dl.compile, dl.vmap, dl.hessian], ids=lambda t: t.__name__)
def test_functions_see_traced_values(transform):
    (x,) = seen_by(transform, np.array([1.0, 2.0]) if transform is dl.vmap else 1.0)
    assert not isinstance(x, float)
    if transform is not dl.compile:  # it has made a graph of what it recorded
        assert type(x) is dl.Traced and not isinstance(x, dl.Node)


def test_a_stored_value_is_the_vertex_once_its_graph_is_finished():
    stored = []
    g = dl.trace(lambda x: stored.append(np.sin(x)) or stored[0] * 2.0, 1.0)
    assert stored[0] in g.order and type(stored[0]) is dl.Node
    assert g.forward(x=0.5).values[stored[0]] == np.sin(0.5)


USES = {
    "an operator": lambda v: v + 1.0,
    "an operator on its left": lambda v: 1.0 + v,
    "an operator with an array": lambda v: np.ones(2) * v,
    "a comparison": lambda v: v < 1.0,
    "a sign": lambda v: -v,
    "bits": lambda v: True & v,
    "an index": lambda v: v[0],
    "a loop": lambda v: list(v),
    "a ufunc": np.sin,
    "a function": np.sum,
    "a list": lambda v: np.stack([v, v]),
    "an array": np.asarray,
    "a row": lambda v: dl.numpy.sigmoid(v),
    "beside a traced value": lambda v: dl.grad(lambda x: x * v)(1.0),
    "in a call of traced values": lambda v: dl.grad(lambda x: np.stack([x, v])[0])(1.0),
    "beside a builder's value": lambda v: dl.builder().input("y") * v,
    "in a call of a builder's values": lambda v: np.concatenate([dl.builder().input("y"), v]),
}


@pytest.mark.parametrize("use", USES)
def test_vertices_refuse_to_be_computed_with(use):
    vertex = dl.trace(lambda x: x * 2.0, 1.0).outputs[0]
    with pytest.raises(dl.DifflabError, match="finished"):
        USES[use](vertex)


def test_vertices_are_keys():
    v, w = dl.parse("x * y").inputs
    assert v == v and v != w and len({v, w, v}) == 2 and bool(v)
    assert copy.deepcopy([v])[0] is v and copy.copy(v) is v


def test_a_tape_knows_its_own_values():
    with Tape() as (outer, _):
        a = outer.input(np.float64(2.0))
        with Tape() as (inner, operations):
            b = inner.input(a)
            c = b * a
        assert inner.owns(b) and inner.owns(c) and not inner.owns(a) and not inner.owns(2.0)
        assert inner.value_of(b) is a and inner.value_of(a) is a and inner.value_of(3.0) == 3.0
        assert outer.owns(inner.value_of(c)) and inner.nested and not outer.nested
        values, own = inner.read((b, a, 4.0))
        assert values[0] is a and values[1] is a and values[2] == 4.0 and own == [0]
    assert len(operations) == 2


def test_a_tape_that_has_ended_refuses_its_values():
    with Tape() as (tape, operations):
        x = tape.input(np.float64(2.0))
        y = x * x
    assert [v.primitive.name for v in operations] == ["input", "multiply"] and tape.value_of(y) == 4.0
    with pytest.raises(EscapedTracerError, match="escaped"):
        y + 1.0
    with pytest.raises(ZeroDivisionError), Tape() as (tape, _):
        x = tape.input(np.float64(2.0))
        1 / 0  # noqa: B018
    with pytest.raises(EscapedTracerError, match="escaped"):
        np.sin(x)


@pytest.mark.parametrize("record", [dl.grad, dl.trace, dl.vmap], ids=lambda f: f.__name__)
def test_what_stands_behind_an_error_is_told(record):
    def f(x):
        y = np.zeros(2)
        y[0] = x
        return y[0]

    with pytest.raises(TraceError, match="cannot be written into a plain array"):
        record(f, 1.0) if record is dl.trace else record(f)(np.ones(2) if record is dl.vmap else 1.0)
    with pytest.raises(TraceError, match="cannot be written"), Tape() as (tape, _):
        f(tape.input(np.float64(1.0)))


def test_values_are_freed_with_the_list_of_operations():
    gc.disable()
    try:
        with Tape() as (tape, operations):
            x = tape.input(np.ones(3))
            alive = weakref.ref((x * 2.0).value)
        assert alive() is not None and math.isclose(operations[-1].value[0], 2.0)
        del operations
        assert alive() is None  # no cycle through the tape, which x still has
    finally:
        gc.enable()


@pytest.mark.parametrize("op", [np.add, np.subtract, np.multiply, np.divide, np.power, np.maximum, np.arctan2])
@pytest.mark.parametrize("swapped", [False, True])
def test_values_of_an_outer_recording_are_constants_of_the_inner_one(op, swapped):
    f = (lambda x, y: op(y, x) * y) if swapped else (lambda x, y: op(x, y) * y)
    inner_first = dl.grad(lambda y: dl.grad(f, 0)(1.3, y))(0.7)
    outer_first = dl.grad(lambda x: dl.grad(f, 1)(x, 0.7))(1.3)
    np.testing.assert_allclose(inner_first, outer_first, rtol=1e-13, atol=1e-15)
    slope = dl.grad(f, 0)
    np.testing.assert_allclose(
        inner_first, (slope(1.3, 0.7 + 1e-5) - slope(1.3, 0.7 - 1e-5)) / 2e-5, rtol=1e-8, atol=1e-9
    )
    program = dl.compile(dl.value_and_grad(f, 0))
    for _ in range(3):
        np.testing.assert_allclose(program(1.3, 0.7), dl.value_and_grad(f, 0)(1.3, 0.7), rtol=1e-15)


def test_an_outer_recording_that_has_ended_is_told_of():
    kept = []
    dl.grad(lambda y: kept.append(y) or y)(2.0)
    for f in (lambda x: x * kept[0], lambda x: kept[0] * x, lambda x: kept[0] - x):
        with pytest.raises(EscapedTracerError):
            dl.grad(f)(1.0)
