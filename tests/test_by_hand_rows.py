"""Every row in graphs made by hand, and random graphs: three ways to the same graph, and what is spoilt is refused."""

from __future__ import annotations

import contextlib
import json
import pickle

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from table_data import uses

import difflab as dl
import difflab.numpy as dnp
from difflab import primitives
from difflab.graph.traced import Traced, apply
from difflab.primitives import BUILT_IN, TABLE
from difflab.primitives.primitive import positional

ROWS = [row.name for row in primitives.table() if row in BUILT_IN]
NO_NUMBERS = ("result_type", "common_type")  # their values are dtypes
ASK_FOR_SHAPES = ("shape", "empty_like", "concatenate")  # the calls of the tests do


def flat(y):
    return [e for x in y for e in flat(x)] if isinstance(y, tuple | list) else [np.asarray(y)]


def same(got, want):
    got, want = flat(got), flat(want)
    return len(got) == len(want) and all(
        a.dtype == b.dtype and np.array_equal(a, b, equal_nan=True) for a, b in zip(got, want)
    )


@pytest.mark.parametrize("name", [name for name in ROWS if uses(name) and name not in NO_NUMBERS])
def test_every_row_survives_files_pickles_and_copies(name):
    for f, xs, *_ in uses(name):
        g = dl.trace(f, *xs)
        g.rebuild = None
        want = g(*xs)
        h = nx.node_link_graph(json.loads(json.dumps(nx.node_link_data(g.to_networkx()), allow_nan=False)))
        for again in (dl.Graph.from_networkx(h), g.copy(), pickle.loads(pickle.dumps(g))):
            assert same(again(*xs), want)


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("name", [name for name in ROWS if uses(name) and name not in (*NO_NUMBERS, *ASK_FOR_SHAPES)])
def test_every_row_can_be_built(name, known):
    for f, xs, *_ in uses(name):
        b = dl.builder()
        values = [b.input(f"x{k}", np.shape(x) if known else None, np.asarray(x).dtype) for k, x in enumerate(xs)]
        try:
            ys = [y for y in leaves(f(*values)) if type(y) is Traced]
        except dl.errors.TraceError as error:  # the function itself asks for a length
            assert "shape of this value is not known" in str(error) and (not known or name == "trim_zeros")
            continue
        if ys:
            got, want = flat(b.graph(*ys)(*xs)), flat(f(*xs))
            assert len(got) == len(want)
            assert all(np.allclose(a, w, rtol=1e-12, atol=1e-14, equal_nan=True) for a, w in zip(got, want))


def leaves(y):
    return [e for x in y for e in leaves(x)] if isinstance(y, tuple | list) else [y]


SIMPLE = [
    row
    for row in primitives.table()
    if row in BUILT_IN and row.kind == "elementwise" and row.arguments is positional
    if row.differentiable and None not in row.partials and row.name != "ldexp"
]
OVER = ("sum", "mean", "max", "cumsum", "flip", "logsumexp", "softmax", "sort", "var")
POINT = {"a": np.array([[0.3, 0.6, 0.2], [0.9, 0.4, 0.7]]), "b": np.array([0.5, 0.8, 0.35]), "c": np.float64(0.45)}


@st.composite
def programs(draw):
    """The steps of a random program: the row's name, the places of its operands, its parameters."""
    steps = []
    for k in range(3, 3 + draw(st.integers(1, 8))):
        if draw(st.integers(0, 4)):
            row = draw(st.sampled_from(SIMPLE))
            count = len(row.partials)
            operands = draw(st.lists(st.integers(0, k - 1), min_size=count, max_size=count))
            steps.append((row.name, operands, draw(st.sampled_from(row.examples or ({},)))))
        else:
            params = draw(st.sampled_from(({}, {"axis": -1})))
            steps.append((draw(st.sampled_from(OVER)), [draw(st.integers(0, k - 1))], params))
    return [*steps, ("sum", [2 + len(steps)], {})]


def as_networkx(steps):
    g = nx.MultiDiGraph()
    g.add_nodes_from(POINT, op="input")
    keys = list(POINT)
    for k, (op, operands, params) in enumerate(steps):
        key = f"n{k}"
        g.add_node(key, op=op, **params)
        for place, x in enumerate(operands):
            g.add_edge(keys[x], key, **({"key": place} if k % 2 else {"position": place}))
        keys.append(key)
    g.graph["outputs"] = [keys[-1]]
    return g


def run(steps, values):
    values = list(values)
    for op, operands, params in steps:
        xs = [values[k] for k in operands]
        values.append(apply(TABLE[op], xs, params) if op not in OVER else getattr(dnp, op)(*xs, **params))
    return values[-1]


def in_builder(steps, known):
    b = dl.builder()
    return b.graph(run(steps, [b.input(name, x.shape if known else None) for name, x in POINT.items()]))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(programs())
def test_three_ways_agree_in_value_and_gradient(steps):
    try:
        traced = dl.trace(lambda *xs: run(steps, xs), *POINT.values())
    except (dl.DifflabError, ValueError):  # not a program at these shapes
        for make in (lambda: dl.Graph.from_networkx(as_networkx(steps)), lambda: in_builder(steps, False)):
            with pytest.raises((dl.DifflabError, ValueError)):
                make()(**POINT)
        return
    made = [dl.Graph.from_networkx(as_networkx(steps)), in_builder(steps, False), in_builder(steps, True)]
    made += [m.copy().finish() for m in made] + [dl.Graph.from_networkx(m.to_networkx()) for m in made]
    want = traced.forward(*POINT.values())
    slopes = want.backward().gradient
    for g in made:
        assert same(g(**POINT), want.value(traced.outputs[0]))
        found = g.forward(**POINT).backward().gradient
        assert all(same(found[name], x) for name, x in zip(POINT, slopes.values()))


NONSENSE = [
    None,
    -1,
    2,
    0.5,
    "add",
    "",
    "no such",
    [1],
    {},
    True,
    1e300,
    np.nan,
    b"x",
    (0, 1),
    object(),
    np.ones(2),
    "sum",
]


@settings(max_examples=300, deadline=None, derandomize=True)
@given(programs(), st.data())
def test_a_spoilt_graph_is_refused_or_computes(steps, data):
    """Whatever is changed in a right graph, the error is difflab's, and names a node that has to do with it."""
    g = as_networkx(steps)
    keys, edges = st.sampled_from(list(g)), st.sampled_from(list(g.edges(keys=True)))
    draw = data.draw
    spoilt = draw(
        st.sampled_from(("op", "edge", "no edge", "turned", "attribute", "position", "gone", "twice", "cycle"))
    )
    if spoilt == "op":
        g.nodes[draw(keys)]["op"] = draw(st.sampled_from(NONSENSE))
    elif spoilt == "attribute":
        g.nodes[draw(keys)][draw(st.sampled_from(("name", "value", "block", "params", "axis", "output", "x")))] = draw(
            st.sampled_from(NONSENSE)
        )
    elif spoilt == "gone":
        g.remove_node(draw(keys))
    elif spoilt == "twice":
        g.nodes[draw(keys)]["name"] = draw(keys)
    elif spoilt == "edge":
        g.add_edge(draw(keys), draw(keys), position=draw(st.sampled_from([0, 1, 2, *NONSENSE])))
    elif spoilt == "cycle":
        g.add_edge(list(g)[-1], draw(keys), position=draw(st.integers(0, 2)))
    else:
        u, v, k = draw(edges)
        if spoilt == "position":
            g.edges[u, v, k]["position"] = draw(st.sampled_from(NONSENSE))
        else:
            g.remove_edge(u, v, k)
            if spoilt == "turned":
                g.add_edge(v, u, position=0)
    try:
        made = dl.Graph.from_networkx(g)
    except dl.errors.InputError as error:
        assert "node " in str(error) or "outputs lists" in str(error) or "no nodes" in str(error)
        return
    inputs = {n.name: POINT.get(n.name, np.float64(0.5)) for n in made.inputs}
    with contextlib.suppress(dl.DifflabError, ValueError):
        made(**inputs)
