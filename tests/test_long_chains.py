"""Chains of 200,000 operations: all walks are loops, and what cannot take such a chain refuses it by name and at once.

Python's own stack holds about a thousand calls, so one walk that recurs over operands falls here.
"""

from __future__ import annotations

import copy
import gc
import pickle
import weakref
from functools import reduce

import networkx as nx
import numpy as np
import pytest

import difflab as dl

LONG = 200_000
SHORTER = 2_000  # for what takes many sweeps: still twice Python's stack
X = 0.5
AT = {"x": X}


def chain(length):
    def f(x):
        y = x
        for _ in range(length // 2):
            y = np.sin(y) + x
        return y

    return f


def slope(length):
    y, dy = X, 1.0
    for _ in range(length // 2):
        y, dy = np.sin(y) + X, np.cos(y) * dy + 1.0
    return dy


@pytest.fixture(scope="module")
def graph():
    return dl.trace(chain(LONG), X)


@pytest.fixture(scope="module")
def expected():
    return slope(LONG)


@pytest.fixture(scope="module")
def shorter():
    return dl.trace(chain(SHORTER), X)


GRADIENTS = {
    "grad": lambda: dl.grad(chain(LONG))(X),
    "jacobian": lambda: dl.jacobian(chain(SHORTER))(X),
    "jvp": lambda: dl.jvp(chain(LONG), (X,), (1.0,))[1],
    "vmap": lambda: dl.vmap(dl.grad(chain(SHORTER)))(np.array([X, 2 * X]))[0],
}


@pytest.mark.parametrize("way", GRADIENTS.values(), ids=list(GRADIENTS))
def test_gradients(way, expected):
    assert way() == pytest.approx(expected, rel=1e-12)  # the chain converges: its slope is that of a shorter one


def test_second_derivatives():
    f = chain(SHORTER)
    assert dl.hessian(f)(X) == pytest.approx(float(dl.hvp(f)(X, 1.0)))


def test_passes_over_a_long_chain(graph, expected):
    forward = graph.forward(X)
    backward = forward.backward()
    assert backward.gradient["x"] == pytest.approx(expected)
    assert len(backward.edges) == graph.number_of_edges() == 2 * (LONG // 2) + LONG // 2
    said = repr(forward) + repr(backward) + str(graph) + repr(graph.order[-1])
    assert f"{LONG + 1} nodes" in said and len(said) < 1000


@pytest.mark.parametrize("method", ["reverse", "forward", "certified"])
def test_each_method_on_a_long_chain(shorter, expected, method):
    assert dl.differentiate(shorter, AT, method=method).gradient["x"] == pytest.approx(expected)


def test_all_methods_together(shorter, expected):
    found = dl.compare(shorter, AT)
    assert found.agree
    assert all(found.methods[m].gradient["x"] == pytest.approx(expected) for m in ("reverse", "numerical", "certified"))


def test_compiled(expected):
    f = dl.compile(dl.grad(chain(SHORTER)))
    assert f(X) == pytest.approx(expected)
    assert f(X) == pytest.approx(expected)  # the second call builds the program
    assert "sin" in str(f.source)


def test_backward_graph(shorter, expected):
    assert dl.backward_graph(shorter)(x=X)[1] == pytest.approx(expected)


NETWORKX = {
    "topological sort": (lambda g: sum(1 for _ in nx.topological_sort(g)), LONG + 1),
    "ancestors": (lambda g: len(nx.ancestors(g, g.outputs[0])), LONG),
    "descendants": (lambda g: len(nx.descendants(g, g.inputs[0])), LONG),
    "longest path": (lambda g: len(nx.dag_longest_path(g)), LONG + 1),
    "acyclic": (nx.is_directed_acyclic_graph, True),
    "connected": (nx.number_weakly_connected_components, 1),
    "shortest path": (lambda g: nx.shortest_path_length(g, g.inputs[0], g.outputs[0]), 1),
    "copy": (lambda g: g.copy().order(), LONG + 1),
    "undirected": (lambda g: g.to_undirected().number_of_nodes(), LONG + 1),
    "subgraph": (lambda g: g.subgraph(g.order[: LONG // 2]).number_of_nodes(), LONG // 2),
    "order of a subgraph": (lambda g: g.subgraph(g.order[: LONG // 2]).order(), LONG // 2),
    "shallow copy": (lambda g: copy.copy(g).order(), LONG + 1),
}


@pytest.mark.parametrize(("run", "answer"), NETWORKX.values(), ids=list(NETWORKX))
def test_networkx(graph, run, answer):
    assert run(graph) == answer


@pytest.mark.parametrize("again", [copy.deepcopy, lambda g: pickle.loads(pickle.dumps(g))], ids=["deepcopy", "pickle"])
def test_copies_compute_the_same(again):
    graph = dl.trace(chain(LONG // 2), X)  # without networkx's dictionaries, which would be copied too
    copied = again(graph)
    assert copied(0.7) == graph(0.7)
    assert copied.order() == len(copied) == LONG // 2 + 1
    assert copied != graph and hash(copied) != hash(graph)


def test_pickled_passes(shorter):
    forward = shorter.forward(X)
    again = pickle.loads(pickle.dumps(forward))
    assert again.value(again.graph.outputs[0]) == forward.value(shorter.outputs[0])
    backward = pickle.loads(pickle.dumps(forward.backward(2.0)))
    assert backward.gradient == forward.backward(2.0).gradient


def test_pickle_keeps_the_structure_of_arguments_and_results():
    graph = dl.trace(lambda p: {"sum": p["a"] + p["b"][0]}, {"a": 1.0, "b": [2.0]})
    assert pickle.loads(pickle.dumps(graph))({"a": 3.0, "b": [4.0]}) == {"sum": 7.0}


def test_nothing_is_left_of_a_deleted_chain():
    def made():
        ones = np.ones(1)
        graph = dl.trace(lambda x: chain(LONG // 2)(x * ones), X)
        constant = next(n for n in graph.order if n.primitive.name == "constant")
        return graph, [weakref.ref(constant.params["value"]), weakref.ref(graph)]

    graph, gone = made()
    assert all(x() is not None for x in gone)
    del graph
    gc.collect()
    assert all(x() is None for x in gone)


REFUSED = {
    "symbolic": (
        lambda g: dl.differentiate(g, AT, method="symbolic"),
        dl.errors.UnsupportedError,
        "limit is 20000; use",
    ),
    "to_sympy": (dl.to_sympy, dl.errors.UnsupportedError, "200001 nodes; the limit is 20000; take a part"),
    "draw": (lambda g: dl.draw(g, "never.svg"), dl.errors.DrawError, "200001 boxes, more than 2000; collapse blocks"),
    "svg": (lambda g: g._repr_svg_(), dl.errors.DrawError, "200001 boxes"),
}


@pytest.mark.parametrize(("run", "kind", "saying"), REFUSED.values(), ids=list(REFUSED))
def test_refused_by_name(graph, run, kind, saying):
    with pytest.raises(kind) as refused:
        run(graph)
    assert saying in str(refused.value)


def test_sympy_refuses_what_is_nested_too_deeply():
    with pytest.raises(dl.errors.UnsupportedError, match=r"to_sympy: at node \d+ of 2001 \(sin\) .* nested too deeply"):
        dl.to_sympy(dl.trace(lambda x: reduce(lambda y, _: np.sin(y), range(SHORTER), x), X))


def test_sympy_s_sums_end_at_the_limit_of_time(monkeypatch):
    monkeypatch.setattr("difflab.graph.sympy_io.SECONDS", 0.0)
    with pytest.raises(dl.errors.TimeLimitError, match=r"\d of 4 nodes took sympy 0 s, which is the limit; take"):
        dl.to_sympy(dl.parse("x + sin(y)"))


TEXTS = {
    "a sum": ("+".join(["x"] * LONG), "399999 characters; the limit is 200000"),
    "parentheses": ("(" * LONG + "x" + ")" * LONG, "the limit is 200000"),
    "signs": ("-" * LONG + "x", "the limit is 200000"),
}


@pytest.mark.parametrize(("text", "saying"), TEXTS.values(), ids=list(TEXTS))
def test_texts_that_are_too_long_are_refused(text, saying):
    with pytest.raises(dl.errors.ParseError) as refused:
        dl.parse(text)
    assert saying in str(refused.value) and len(str(refused.value)) < 1000


def test_the_longest_sum_that_fits_is_read():
    assert dl.parse("+".join(["x"] * 49_000))(x=1.0) == 49_000
    with pytest.raises(dl.errors.ParseError, match="more than 50000 operations"):
        dl.parse("+".join(["x"] * 51_000))
