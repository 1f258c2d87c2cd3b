"""Graphs: networkx, tracing, passes, blocks, the backward graph."""

from __future__ import annotations

import operator

import networkx as nx
import numpy as np
import pytest

import difflab as dl
from difflab.draw.draw import svg
from difflab.draw.page import page_of
from difflab.graph.pytree import spoken


def test_a_graph_is_a_networkx_graph():
    g = dl.trace(lambda x, y: (x + y) * x, 1.0, 2.0)
    assert nx.is_directed_acyclic_graph(g) and list(nx.topological_sort(g)) and len(g) == 4
    assert sorted(k for *_, k in g.edges(keys=True)) == [0, 0, 1, 1]
    assert nx.ancestors(g, g.outputs[0]) == set(g.order[:-1])
    assert nx.dag_longest_path_length(g) == 2
    copy = g.copy()
    assert nx.is_isomorphic(copy, g)


def test_a_value_used_twice_keeps_both_edges():
    g = dl.trace(lambda x: x * x, 3.0)
    assert [k for *_, k in g.edges(keys=True)] == [0, 1]


def test_calls_by_position_and_by_name():
    g = dl.trace(lambda p, x: {"out": p["w"] * x}, {"w": 2.0}, 3.0)
    assert g({"w": 5.0}, 3.0) == {"out": 15.0}
    assert [n.name for n in g.inputs] == ["p['w']", "x"]
    with pytest.raises(dl.DifflabError, match="2 inputs"):
        g(1.0)
    g = dl.trace(lambda x, y: x - y, 1.0, 2.0)
    assert g(x=5.0, y=2.0) == 3.0
    with pytest.raises(dl.DifflabError, match="no value for y.*z"):
        g(x=1.0, z=2.0)
    assert dl.grad(lambda t: g(t, t * t))(3.0) == -5.0


def test_names_and_labels():
    g = dl.trace(lambda x, y: dl.label(x + y, "q") * x, 1.0, 2.0)
    assert g.node("q").primitive.name == "add"
    with pytest.raises(dl.DifflabError, match="'r'"):
        g.node("r")


def test_passes_on_arrays():
    g = dl.trace(lambda w, x: np.sum((w @ x) ** 2), np.ones((2, 3)), np.ones(3))
    w, x = np.arange(6.0).reshape(2, 3), np.array([1.0, -1.0, 2.0])
    backward = g.forward(w, x).backward()
    assert np.allclose(backward.gradient["w"], 2 * np.outer(w @ x, x))
    assert np.allclose(backward.adjoint("x"), dl.grad(lambda x: np.sum((w @ x) ** 2))(x))
    for edge in backward.edges:
        if edge.local is not None:
            assert np.allclose(edge.upstream * edge.local, edge.downstream)


def test_an_unreached_input_has_adjoint_zero():
    backward = dl.trace(lambda x, y: x * 2, 1.0, 1.0).forward(3.0, 4.0).backward()
    assert backward.adjoint("y") == 0.0 and backward.adjoint("x") == 2.0


def test_backward_starts_from_a_seed():
    g = dl.trace(lambda x: x**2, np.ones(2))
    backward = g.forward(np.array([1.0, 3.0])).backward(np.array([1.0, 10.0]))
    assert np.allclose(backward.adjoint("x"), [2.0, 60.0])
    with pytest.raises(dl.DifflabError, match="seed"):
        g.forward(np.ones(2)).backward(1.0)


def test_backward_graph_differentiates_again():
    g = dl.trace(lambda x: np.sin(x) * x, 1.0)
    b = dl.backward_graph(g)
    assert nx.is_directed_acyclic_graph(b) and b.partner
    second = dl.grad(lambda t: b(t)[1])(0.5)
    assert second == pytest.approx(2 * np.cos(0.5) - 0.5 * np.sin(0.5))
    assert all(f in set(b.order) for f in b.partner.values())
    bb = dl.backward_graph(dl.trace(lambda t: b(t)[1], 0.5))
    assert float(bb(0.5)[1]) == pytest.approx(second)


def test_blocks_nest_and_are_listed():
    @dl.block
    def layer(x):
        with dl.block("inner"):
            y = np.exp(x)
        return y + 1

    g = dl.trace(lambda x: layer(layer(x)), 0.1)
    assert [b.path for b in g.blocks] == [("layer",), ("layer", "inner")] * 2
    assert dl.block(lambda x: x, name="b")(2.0) == 2.0
    with pytest.raises(dl.DifflabError):
        dl.block(3)


def test_a_block_with_its_own_derivative():
    s = dl.block(lambda x: 1 / (1 + np.exp(-x)), name="sigmoid", derivative=lambda y, x: y * (1 - y))
    assert dl.grad(s)(0.0) == 0.25
    assert dl.grad(dl.grad(s))(1.0) == pytest.approx(-0.09085774767294841)
    g = dl.trace(lambda x: s(2 * x), 1.0)
    assert [n.primitive.name for n in g.order][-1] == "sigmoid"
    two = dl.block(lambda a, b: a * b, name="times", derivative=lambda y, a, b: (b, a))
    assert dl.grad(two, argnums=(0, 1))(2.0, 5.0) == (5.0, 2.0)


def test_slots_are_light():
    assert not hasattr(dl.trace(lambda x: x + 1, 1.0).order[0], "__dict__")


def test_a_vertex_is_no_number():
    node = dl.parse("x * y").node("x")
    for use in (float, int, complex):
        with pytest.raises(dl.errors.TraceError, match="'x' has no number before the graph is run, .* call the graph"):
            use(node)
    with pytest.raises(dl.errors.TraceError, match="give a plain int"):
        operator.index(node)
    assert f"{node:.2f}" == repr(node)


@pytest.mark.parametrize(
    "names, said",
    [
        (["params['conv1']['bias']", "images"], ["conv1.bias", "images"]),
        (["a['w']", "b['w']", "a['v']"], ["a.w", "b.w", "v"]),
        (["params['bias']", "bias"], ["params.bias", "bias"]),
        (["p['x']", "x", "p.x"], ["p['x']", "x", "p.x"]),  # both short forms belong to others
        (["params['layers'][0]['w']", "xs[1]"], ["layers[0].w", "xs[1]"]),
        (["params[0]['w']"], ["params[0].w"]),
        (["p['two words']", "x"], ["p['two words']", "x"]),
        (["p['a.b']", "p['a']['b']"], ["p['a.b']", "a.b"]),
    ],
)
def test_leaves_of_trees_are_said_as_short_as_is_unique(names, said):
    assert list(spoken(names).values()) == said


def test_a_drawing_says_leaves_and_calls_keep_their_names():
    params = {"conv1": {"bias": 1.0, "weight": 2.0}}
    graph = dl.trace(lambda params, x: x**2 * params["conv1"]["weight"] + params["conv1"]["bias"], params, 3.0)
    drawn, page = svg(graph.forward(params, 3.0).backward()), page_of(graph.forward(params, 3.0).backward())
    for shown in (drawn, page):
        assert "conv1.bias" in shown and "conv1.weight" in shown and "['conv1']" not in shown
    assert [n.name for n in graph.inputs] == ["params['conv1']['bias']", "params['conv1']['weight']", "x"]
    assert "v1 = x**2" in drawn
